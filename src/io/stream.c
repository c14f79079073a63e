/* io/stream.c - the front of streams: making, closing, and changing what is below. read.c, until.c,
 * write.c and copy.c have the rest. */
#include "io/stream.h"

#include <hob/error.h>
#include <hob/task.h>
#include <string.h>

#include "base/memory.h"
#include "io/fail.h"
#include "io/socket.h"
#include "task/task.h"
#include "task/wait.h"

struct hob_stream *hob__stream_make(struct hob__backend *b, int fd,
                                    const struct hob__transport *transport, const char *peer) {
    size_t n = strlen(peer) + 1;
    struct hob_stream *s = hob__alloc_zero(sizeof *s + n);
    struct hob__fd *f = s && fd != HOB__NO_FD ? hob__fd_open(b, fd) : NULL;
    if (!s || (!f && fd != HOB__NO_FD)) {
        hob__free(s);
        return NULL;
    }
    s->transport = transport;
    s->fd = f;
    if (f) f->user = s;
    s->backend = b;
    s->kernel = b->ops->sys == &hob__sys_linux;
    memcpy(s->peer, peer, n);
    return s;
}

static void check_idle(struct hob_stream *s, const char *func) {
    if (s->reads || s->writes)
        hob__misuse(func, "a task is in a call on the stream to %s", s->peer);
}

static void begin_close(struct hob_stream *s, const char *func) {
    check_idle(s, func);
    if (s->lent) *s->lent = NULL;
}

static void finish(struct hob_stream *s) {
    hob__stream_drop_buffer(s);
    hob__stream_drop_out(s);
    hob__free(s);
}

void hob_close(struct hob_stream *s) {
    if (!s) return;
    begin_close(s, __func__);
    bool may_fail = !s->direct; /* TLS, which then has words for it */
    struct hob_error *kept = may_fail ? hob__error_keep() : NULL;
    hob__stream_try_flush(s);
    s->transport->close(s);
    finish(s);
    if (may_fail) hob__error_restore(kept);
}

void hob_abort(struct hob_stream *s) {
    if (!s) return;
    begin_close(s, __func__);
    if (s->transport->abort)
        s->transport->abort(s);
    else
        s->transport->close(s);
    finish(s);
}

const char *hob_stream_peer(const struct hob_stream *s) { return s->peer; }
int hob_stream_fd(const struct hob_stream *s) { return s->fd ? s->fd->fd : -1; }
bool hob_stream_broken(struct hob_stream *s) {
    return hob__buffer_size(&s->in) > 0 || s->read_error || s->transport->broken(s);
}

/* ---- transports on top of others ---- */

struct hob_stream *hob__stream_split(struct hob_stream *s) {
    check_idle(s, __func__);
    size_t size = sizeof *s + strlen(s->peer) + 1;
    struct hob_stream *inner = hob__alloc(size);
    if (!inner) return NULL;
    memcpy(inner, s, size);
    inner->lent = NULL;
    inner->out = NULL;
    inner->out_start = inner->out_end = inner->corks = 0;
    hob__stream_update(inner);
    s->in = (struct hob__buffer){0};
    s->read_error = 0;
    hob__stream_set(s, NULL, NULL);
    return inner;
}

void hob__stream_set(struct hob_stream *s, const struct hob__transport *transport, void *state) {
    s->transport = transport;
    s->state = state;
    s->direct = false;
    hob__stream_update(s);
}

void hob__stream_join(struct hob_stream *s, struct hob_stream *inner) {
    hob__stream_drop_buffer(s);
    hob__stream_set(s, inner->transport, inner->state);
    s->fd = inner->fd;
    s->direct = inner->direct;
    s->in = inner->in;
    s->read_error = inner->read_error;
    hob__stream_update(s);
    hob__free(inner);
}

__attribute__((noinline, cold)) ssize_t hob__stream_failed(const struct hob_stream *s, ssize_t rc,
                                                           const char *doing) {
    const struct hob_error *e = hob_error();
    if (!hob__wants_words(rc)) return rc;
    /* TLS's own words: not those of an earlier error of somebody else's that is as old. */
    if (!s->direct && !hob__is_pipe(s) && e && e->code == rc && strstr(e->message, s->peer))
        return rc;
    return hob_fail((int)rc, "cannot %s %s", doing, s->peer);
}

size_t hob__stream_early(const struct hob_stream *s) { return hob__buffer_size(&s->in); }

ssize_t hob__stream_recv(struct hob_stream *s, void *buf, size_t n) {
    if (HOB__LIKELY(s->fast_read)) return hob__socket_recv(s, buf, n);
    size_t size = hob__buffer_size(&s->in);
    if (size == 0) return s->transport->recv(s, buf, n);
    if (n > size) n = size;
    memcpy(buf, hob__buffer_bytes(&s->in), n);
    hob__buffer_take(&s->in, n);
    if (n == size) hob__stream_drop_buffer(s);
    return (ssize_t)n;
}

ssize_t hob__stream_send(struct hob_stream *s, const struct iovec *iov, int count) {
    return s->transport->send(s, iov, count);
}

int hob__stream_wait(struct hob_stream *s, unsigned direction, unsigned flags) {
    return s->transport->wait(s, direction, flags);
}
