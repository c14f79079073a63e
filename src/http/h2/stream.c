/* http/h2/stream.c - one exchange on an HTTP/2 connection, as the task that has it sees it: opened,
 * written, read, closed. */
#include "http/h2/h2.h"

#include <hob/hob.h>
#include <string.h>

#if HAVE_NGHTTP2
#include "base/memory.h"
#include "http/h2/inside.h"
#include "http/wire.h"
#include "io/pool.h"
#include "task/wait.h"

struct hob__h2_stream *hob__h2_stream_new(struct hob__h2 *h2) {
    /* A client's head becomes the response's, which may outlive the stream: it is on the heap. */
    bool server = h2->options.server;
    struct hob__h2_stream *st =
        hob__h2_alloc(server ? sizeof *st : offsetof(struct hob__h2_stream, fields));
    if (!st) return NULL;
    memset(st, 0, offsetof(struct hob__h2_stream, fields));
    st->h2 = h2;
    if (server) hob__buffer_borrow(&st->head, st->storage, sizeof st->storage);
    st->content_length = -1;
    st->began = h2->received;
    hob__list_append(&h2->streams, &st->node);
    return st;
}

void hob__h2_stream_free(struct hob__h2_stream *st) {
    if (st->h2 && st->h2->last == st) st->h2->last = NULL;
    hob__list_remove(&st->node);
    hob__buffer_free(&st->head);
    hob__buffer_free(&st->trailers);
    hob__buffer_free(&st->in);
    if (st->chunk) hob__chunk_give(st->chunk);
    hob__h2_release(st);
}

/* ---- sending ---- */

struct hob__h2_fields {
    const nghttp2_nv *list;
    size_t count;
};

enum {
    FRAME_HEAD = 9,
    PIECE = 1024 /* bytes of a body are not cut smaller than that, to fill what is left of `out` */
};

/* How many bytes of a body come next: they are in the memory of the task that sleeps in
 * hob__h2_write(), and nghttp2 need not have them (hob__h2_send_data). */
static ssize_t next_bytes(nghttp2_session *session, int32_t id, uint8_t *buf, size_t n,
                          uint32_t *flags, nghttp2_data_source *source, void *arg) {
    struct hob__h2 *h2 = arg;
    struct hob__h2_stream *st = hob__h2_stream_of(h2, id);
    (void)source, (void)buf;
    if (!st) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (st->out_size == 0 && !st->out_end) {
        st->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    if (n > st->out_size) n = st->out_size;
    size_t room = HOB__CHUNK - h2->out_size;
    if (HOB__UNLIKELY(room < n + FRAME_HEAD)) {
        if (room < FRAME_HEAD + PIECE) return NGHTTP2_ERR_PAUSE;
        n = room - FRAME_HEAD;
    }
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (n < st->out_size || !st->out_end) return (ssize_t)n;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    const struct hob__h2_fields *t = st->out_trailers;
    if (t && nghttp2_submit_trailer(session, id, t->list, t->count) == 0)
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    return (ssize_t)n;
}

/* What was written into a tunnel is on its way; its reader may wait for that, too. */
static void all_sent(struct hob__h2_stream *st) {
    if (st->chunk) hob__chunk_give(st->chunk);
    st->chunk = NULL;
    hob__wake_all(&st->reader, 0);
}

int hob__h2_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head, size_t n,
                      nghttp2_data_source *source, void *arg) {
    struct hob__h2 *h2 = arg;
    struct hob__h2_stream *st = hob__h2_stream_of(h2, frame->hd.stream_id);
    (void)session, (void)source;
    if (!st) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    char *to = h2->out + h2->out_size;
    memcpy(to, head, FRAME_HEAD);
    if (n) memcpy(to + FRAME_HEAD, st->out, n);
    h2->out_size += FRAME_HEAD + n;
    h2->data_out += n;
    st->out += n;
    st->out_size -= n;
    if (st->out_size > 0) return 0;
    if (st->out_end) st->out_open = false;
    if (HOB__UNLIKELY(st->tunnel != NULL)) all_sent(st);
    hob__wake_all(&st->sender, 0);
    return 0;
}

static const nghttp2_data_provider provider = {.read_callback = next_bytes};

static int translated(int rc) { return rc == NGHTTP2_ERR_NOMEM ? -ENOMEM : HOB_E_HTTP2_REFUSED; }

int hob__h2_request(struct hob__h2 *h2, struct hob__buffer *head, const char *scheme, bool body,
                    struct hob__h2_stream **out) {
    nghttp2_nv *list;
    *out = NULL;
    if (h2->over || h2->dead) return HOB_E_HTTP2_REFUSED;
    int n = hob__h2_list(hob__buffer_bytes(head), hob__buffer_size(head), scheme, &list);
    if (n < 0) return n;
    struct hob__h2_stream *st = hob__h2_stream_new(h2);
    int rc =
        st ? nghttp2_submit_request(h2->session, NULL, list, (size_t)n, body ? &provider : NULL, st)
           : NGHTTP2_ERR_NOMEM;
    hob__free(list);
    if (rc < 0) {
        if (st) hob__h2_stream_free(st);
        if (rc == NGHTTP2_ERR_STREAM_ID_NOT_AVAILABLE) hob__h2_drain(h2);
        return translated(rc);
    }
    st->id = rc;
    st->out_open = body;
    hob__h2_kick(h2);
    *out = st;
    return 0;
}

int hob__h2_interim(struct hob__h2_stream *st, struct hob__buffer *head) {
    nghttp2_nv *list;
    if (!st->h2 || st->closed) return -EPIPE;
    int n = hob__h2_list(hob__buffer_bytes(head), hob__buffer_size(head), NULL, &list);
    if (n < 0) return n;
    int rc = nghttp2_submit_headers(st->h2->session, NGHTTP2_FLAG_NONE, st->id, NULL, list,
                                    (size_t)n, NULL);
    hob__free(list);
    hob__h2_kick(st->h2);
    return rc < 0 ? rc == NGHTTP2_ERR_NOMEM ? -ENOMEM : -EPIPE : 0;
}

int hob__h2_end_with(struct hob__h2_stream *st, struct hob__buffer *fields,
                     const struct hob__h2_times *times) {
    nghttp2_nv *list;
    int n = hob__h2_list(hob__buffer_bytes(fields), hob__buffer_size(fields), NULL, &list);
    if (n < 0) return n;
    struct hob__h2_fields t = {list + 1, (size_t)n - 1}; /* without the status */
    if (t.count) st->out_trailers = &t;
    int rc = hob__h2_write(st, NULL, 0, true, times);
    st->out_trailers = NULL;
    hob__free(list);
    return rc;
}

static int sleep_on(struct hob_waitlist *list, const char *what, uint64_t deadline) {
    struct hob_waiter w = {0};
    HOB_SCOPE(s, .deadline = deadline);
    return hob__scope_result(s, hob__wait_on(list, &w, what, NULL, HOB__WAIT_PLAIN));
}

/* Does the peer still take what is sent? A server that has answered, or refuses, does not (RFC
 * 9113, 8.1). */
static bool wanted(const struct hob__h2_stream *st) {
    if (!st->h2 || st->closed || st->error) return false;
    return st->h2->options.server || !(st->ended || (st->has_head && st->status >= 300));
}

/* What the wait that is over has cost, and what moved meanwhile has earned. */
static void settle(const struct hob__h2_stream *st, const struct hob__h2_times *t, size_t own,
                   uint64_t before, uint64_t waited) {
    if (!(t->min_rate > 0)) return;
    struct hob__h2 *h2 = st->h2;
    double moved = (double)own;
    if (h2 && h2->active &&
        nghttp2_session_get_stream_remote_window_size(h2->session, st->id) > 0) {
        /* It waits for the connection, not for its own window. */
        double share = (double)(h2->data_out - before) / h2->active;
        if (share > moved) moved = share;
    }
    *t->pace += moved / t->min_rate - (double)waited * 1e-9;
    if (*t->pace > HOB__PACE_MOST) *t->pace = HOB__PACE_MOST;
}

/* Sleeps until the writer has taken what is left. *moved: when some of it was last taken. */
static int sleep_to_send(struct hob__h2_stream *st, const struct hob__h2_times *t, uint64_t *now,
                         uint64_t *moved) {
    size_t left = st->out_size;
    uint64_t before = st->h2->data_out, began = *now;
    uint64_t until = hob__deadline_at(*moved, t->deadline, t->stall);
    if (t->min_rate > 0) until = hob__deadline_at(*now, until, *t->pace);
    int rc = sleep_on(&st->sender, "http2 send", until);
    *now = hob_now();
    if (st->out_size < left) *moved = *now;
    settle(st, t, left - st->out_size, before, *now - began);
    if (rc != -ETIMEDOUT || (t->deadline && *now >= t->deadline)) return rc;
    if (t->min_rate > 0 && !(*t->pace > 0)) return rc;
    uint64_t stalled = hob__deadline_at(*moved, 0, t->stall);
    return stalled && *now >= stalled ? rc : 0;
}

static bool all_taken(const struct hob__h2_stream *st) {
    return st->out_size == 0 && !(st->out_end && st->out_open);
}

static int sleep_until_taken(struct hob__h2_stream *st, const struct hob__h2_times *t) {
    uint64_t now = hob_now(), moved = now;
    int rc;
    do { rc = sleep_to_send(st, t, &now, &moved); } while (rc == 0 && !all_taken(st) && wanted(st));
    return rc;
}

static void take_back(struct hob__h2_stream *st) {
    st->out = NULL;
    st->out_size = 0;
    st->out_end = false;
}

/* What `st->out` says is under way: waits until all of it was taken. */
static int finish(struct hob__h2_stream *st, const struct hob__h2_times *times) {
    int rc = 0;
    if (HOB__UNLIKELY(!all_taken(st)) && wanted(st)) rc = sleep_until_taken(st, times);
    /* All was taken, whatever came then. */
    if (all_taken(st)) return 0;
    take_back(st); /* the body stays open: hob__h2_close() resets the stream */
    return rc < 0 ? rc : -EPIPE;
}

int hob__h2_offer(struct hob__h2_stream *st, const void *data, size_t n, bool end) {
    st->out = data;
    st->out_size = n;
    st->out_end = end;
    if (st->deferred) {
        if (nghttp2_session_resume_data(st->h2->session, st->id) == NGHTTP2_ERR_NOMEM) {
            take_back(st);
            return -ENOMEM;
        }
        st->deferred = false;
    }
    hob__h2_gather(st->h2);
    hob__h2_kick(st->h2);
    return 0;
}

int hob__h2_write(struct hob__h2_stream *st, const void *data, size_t n, bool end,
                  const struct hob__h2_times *times) {
    int rc = hob_check();
    if (rc < 0) return rc;
    if (!st->out_open || !wanted(st)) return -EPIPE;
    rc = hob__h2_offer(st, data, n, end);
    return rc < 0 ? rc : finish(st, times);
}

int hob__h2_finish(struct hob__h2_stream *st, const struct hob__h2_times *times) {
    int rc = hob_check();
    if (rc == 0) rc = finish(st, times);
    return rc == 0 && st->out_open ? hob__h2_write(st, NULL, 0, true, times) : rc;
}

/* A head that nghttp2 packs before this returns need not be copied by it. */
int hob__h2_answer(struct hob__h2_stream *st, nghttp2_nv *list, size_t count, const void *body,
                   size_t n, bool more, const struct hob__h2_times *times) {
    struct hob__h2 *h2 = st->h2;
    if (!h2 || st->closed) return -EPIPE;
    bool open = n > 0 || more, prompt = hob__h2_prompt(h2);
    h2->last = st; /* of which nghttp2 speaks next */
    for (size_t i = 0; i < count && prompt; i++)
        list[i].flags |= NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;
    int rc = nghttp2_submit_response(h2->session, st->id, list, count, open ? &provider : NULL);
    if (rc == 0) {
        st->out = body;
        st->out_size = n;
        st->out_end = !more;
        st->out_open = open;
        st->answered = true;
    }
    if (prompt) hob__h2_gather(h2);
    hob__h2_kick(h2);
    if (HOB__UNLIKELY(rc < 0)) return rc == NGHTTP2_ERR_NOMEM ? -ENOMEM : -EPIPE;
    return n > 0 ? finish(st, times) : 0;
}

/* ---- receiving ---- */

/* A peer of which nothing at all was heard meanwhile gets no more requests on this connection. */
static int waited(struct hob__h2_stream *st, int rc) {
    if (rc == -ETIMEDOUT && st->h2 && st->h2->received == st->began) hob__h2_drain(st->h2);
    return rc;
}

int hob__h2_wait_head(struct hob__h2_stream *st, uint64_t deadline) {
    int rc = hob_check();
    while (rc == 0 && !st->has_head && !st->error) {
        if (st->ended || !st->h2) return HOB_E_HTTP_CUT;
        rc = sleep_on(&st->reader, "http2 head", deadline);
    }
    if (rc < 0) return waited(st, rc);
    return st->has_head ? 0 : st->error;
}

int hob__h2_wait_continue(struct hob__h2_stream *st, uint64_t deadline) {
    int rc = hob_check();
    while (rc == 0 && !st->continued && !st->has_head && !st->error)
        rc = sleep_on(&st->reader, "http2 continue", deadline);
    if (rc == -ETIMEDOUT) return 1;
    return rc < 0 ? rc : !st->has_head && !st->error;
}

/* The peer may send as much more. */
static void consumed(struct hob__h2_stream *st, size_t n) {
    struct hob__h2 *h2 = st->h2;
    if (!h2 || n == 0) return;
    if (h2->options.server) nghttp2_session_consume_connection(h2->session, n);
    if (!st->closed && !st->ended) nghttp2_session_consume_stream(h2->session, st->id, n);
    hob__h2_kick(h2);
}

ssize_t hob__h2_take(struct hob__h2_stream *st, void *buf, size_t n) {
    size_t have = hob__buffer_size(&st->in);
    if (n > have) n = have;
    memcpy(buf, hob__buffer_bytes(&st->in), n);
    hob__buffer_take(&st->in, n);
    if (n == have) hob__buffer_free(&st->in);
    consumed(st, n);
    return (ssize_t)n;
}

ssize_t hob__h2_read(struct hob__h2_stream *st, void *buf, size_t n, uint64_t deadline) {
    int rc = hob_check();
    if (rc < 0) return rc;
    while (hob__buffer_size(&st->in) == 0) {
        if (st->error) return st->error;
        if (st->ended) return 0;
        rc = sleep_on(&st->reader, "http2 body", deadline);
        if (rc < 0) return rc;
    }
    return hob__h2_take(st, buf, n);
}

double hob__h2_share_in(const struct hob__h2_stream *st, uint64_t before) {
    const struct hob__h2 *h2 = st->h2;
    if (!h2 || !h2->active) return 0;
    if (nghttp2_session_get_local_window_size(h2->session) <= 0) return -1;
    return (double)(h2->data_in - before) / h2->active;
}

void hob__h2_close(struct hob__h2_stream *st, uint32_t code) {
    struct hob__h2 *h2 = st->h2;
    if (h2) {
        consumed(st, hob__buffer_size(&st->in));
        if (!st->closed) {
            nghttp2_session_set_stream_user_data(h2->session, st->id, NULL);
            h2->last = NULL;
            bool said = h2->options.server ? st->answered : st->sent;
            bool done = st->ended && !st->out_open && said;
            if (!done) nghttp2_submit_rst_stream(h2->session, NGHTTP2_FLAG_NONE, st->id, code);
            hob__h2_kick(h2);
        }
        if (st->handed || !h2->options.server) h2->active--;
        if (h2->active == 0) h2->quiet_since = hob_now();
    }
    hob__h2_stream_free(st);
    if (h2) h2->options.owner->changed(h2);
}

const char *hob__h2_code_name(uint32_t code) { return nghttp2_http2_strerror(code); }
#endif
