/* http/h2/tunnel.c - a stream of HTTP/2 as a hob_stream: what an extended CONNECT (RFC 8441) is
 * answered with, so that who speaks another protocol over it, such as the WebSocket engine, knows
 * no difference from a connection.
 *
 * Its bytes are the DATA frames'. The end of what is sent is END_STREAM; a side that gives up
 * resets with CANCEL. Bounds: what has come and was not read is the stream's window (h2.h); what
 * was written and not sent is one chunk of the pool, which is there only while it holds something,
 * so that a peer whose window is closed makes writers wait. */
#include "http/h2/h2.h"

#include <hob/error.h>
#include <hob/hob.h>
#include <string.h>

#include "io/pool.h"
#include "io/stream.h"
#include "task/fdwait.h"
#include "task/wait.h"

#if HAVE_NGHTTP2
#include "http/h2/inside.h"

static const struct hob__transport tunnel;

static bool may_read(const struct hob__h2_stream *st) {
    return hob__buffer_size(&st->in) > 0 || st->ended || st->error || !st->h2;
}

static bool gone(const struct hob__h2_stream *st) { return st->error || st->closed || !st->h2; }

static bool may_write(const struct hob__h2_stream *st) {
    return gone(st) || (st->out_size == 0 && !(st->out_end && st->out_open));
}

static ssize_t tunnel_recv(struct hob_stream *s, void *buf, size_t n) {
    struct hob__h2_stream *st = s->state;
    if (hob__buffer_size(&st->in) > 0) return hob__h2_take(st, buf, n);
    if (st->ended) return 0;
    return gone(st) ? (st->error ? st->error : -ECONNRESET) : -EAGAIN;
}

static size_t gather(char *to, const struct iovec *iov, int count) {
    size_t n = 0;
    for (int i = 0; i < count && n < HOB__CHUNK; i++) {
        size_t part = iov[i].iov_len < HOB__CHUNK - n ? iov[i].iov_len : HOB__CHUNK - n;
        memcpy(to + n, iov[i].iov_base, part);
        n += part;
    }
    return n;
}

static ssize_t tunnel_send(struct hob_stream *s, const struct iovec *iov, int count) {
    struct hob__h2_stream *st = s->state;
    if (gone(st) || !st->out_open || st->out_end) return -EPIPE;
    if (!may_write(st)) return -EAGAIN;
    char *chunk = hob__chunk_take();
    if (!chunk) return -ENOMEM;
    size_t n = gather(chunk, iov, count);
    st->chunk = chunk; /* goes back when all of it has been taken */
    int rc = hob__h2_offer(st, chunk, n, false);
    if (rc == 0) return (ssize_t)n;
    st->chunk = NULL;
    hob__chunk_give(chunk);
    return rc;
}

static int tunnel_wait(struct hob_stream *s, unsigned direction, unsigned flags) {
    struct hob__h2_stream *st = s->state;
    struct hob_waiter w = {0};
    if ((direction & HOB__READ) && may_read(st)) return 0;
    if ((direction & HOB__WRITE) && may_write(st)) return 0;
    /* Who waits for both is woken as readers are, who hear of writing, too (stream.c). */
    return hob__wait_on(direction & HOB__READ ? &st->reader : &st->sender, &w, "http2 tunnel", NULL,
                        flags);
}

static int tunnel_shutdown(struct hob_stream *s) {
    struct hob__h2_stream *st = s->state;
    if (gone(st)) return -EPIPE;
    if (!st->out_open) return 0;
    if (!may_write(st)) return -EAGAIN;
    int rc = hob__h2_offer(st, NULL, 0, true);
    return rc < 0 ? rc : st->out_open ? -EAGAIN : 0;
}

static int tunnel_flush(struct hob_stream *s) {
    struct hob__h2_stream *st = s->state;
    return st->out_size == 0 ? 0 : gone(st) ? -EPIPE : -EAGAIN;
}

/* As far as that goes at once: the rest is hob__h2_close()'s. */
static void tunnel_close(struct hob_stream *s) { (void)tunnel_shutdown(s); }

static void tunnel_abort(struct hob_stream *s) {
    struct hob__h2_stream *st = s->state;
    if (!gone(st)) nghttp2_submit_rst_stream(st->h2->session, 0, st->id, NGHTTP2_CANCEL);
    hob__h2_stream_end(st, HOB_E_HTTP2_RESET, NULL);
    if (st->h2) hob__h2_kick(st->h2);
}

static bool tunnel_broken(struct hob_stream *s) { return may_read(s->state); }

static const struct hob__transport tunnel = {.name = "http2",
                                             .recv = tunnel_recv,
                                             .send = tunnel_send,
                                             .wait = tunnel_wait,
                                             .shutdown = tunnel_shutdown,
                                             .close = tunnel_close,
                                             .broken = tunnel_broken,
                                             .flush = tunnel_flush,
                                             .abort = tunnel_abort};

int hob__h2_tunnel(struct hob__h2_stream *st, const char *peer) {
    struct hob__backend *b = hob__backend_current("hob_request_upgrade");
    struct hob_stream *s = hob__stream_make(b, HOB__NO_FD, &tunnel, peer);
    if (!s) return -ENOMEM;
    s->state = st;
    s->lent = &st->tunnel;
    st->tunnel = s;
    return 0;
}

void hob__h2_tunnel_break(struct hob_stream *s, bool reset) {
    struct hob__h2_stream *st = s->state;
    if (s->transport != &tunnel) return;
    if (reset) tunnel_abort(s);
    hob__wake_all(&st->reader, 0);
    hob__wake_all(&st->sender, 0);
}

#else

int hob__h2_tunnel(struct hob__h2_stream *st, const char *peer) {
    (void)st, (void)peer;
    return HOB_E_HTTP2;
}
void hob__h2_tunnel_break(struct hob_stream *s, bool reset) { (void)s, (void)reset; }

#endif
