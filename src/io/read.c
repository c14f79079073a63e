/* io/read.c - the reading calls of streams.
 *
 * hob_read() puts bytes straight into its caller's memory. What has to look at them first, or may
 * have to leave them (lines, separators, small exact reads), reads into the stream's buffer: a
 * chunk of the loop's pool, or memory of its own once it holds more than that. Before a call waits,
 * an empty buffer goes back to the pool, so that an idle connection has none.
 *
 * A call that fails has taken nothing: what it had read stays in the buffer for the next one. An
 * error of the connection is kept, and comes again after what was received before it. */
#include <hob/buggify.h>
#include <hob/error.h>
#include <hob/task.h>
#include <string.h>

#include "io/pool.h"
#include "io/socket.h"
#include "task/task.h"

enum {
    SMALL = 4096, /* an exact read of no more goes through the buffer: one system call for many */
    ROOM = 2048   /* less is not worth a system call */
};

/* ---- the buffer ---- */

void hob__stream_drop_buffer(struct hob_stream *s) {
    if (s->in.borrowed) hob__chunk_give(s->in.data);
    hob__buffer_free(&s->in);
    hob__stream_update(s);
}

static void drop_if_empty(struct hob_stream *s) {
    if (s->in.data && hob__buffer_size(&s->in) == 0) hob__stream_drop_buffer(s);
}

/* Room for at least one byte more; the buffer holds fewer than max, and at most that (or a chunk)
 * afterwards. */
static int make_room(struct hob_stream *s, size_t max) {
    struct hob__buffer *in = &s->in;
    if (!in->data) {
        char *chunk = hob__chunk_take();
        if (!chunk) return -ENOMEM;
        hob__buffer_borrow(in, chunk, HOB__CHUNK);
        hob__stream_update(s);
        return 0;
    }
    size_t want = max - hob__buffer_size(in);
    char *lent = in->borrowed ? in->data : NULL;
    int rc =
        hob__buffer_reserve(in, want < ROOM ? want : ROOM, max < HOB__CHUNK ? HOB__CHUNK : max);
    if (lent && !in->borrowed) hob__chunk_give(lent);
    return rc;
}

int hob__stream_room(struct hob_stream *s, size_t size) { return make_room(s, size); }

void hob__stream_put_back(struct hob_stream *s, const char *bytes, size_t n) {
    struct hob__buffer *in = &s->in;
    int rc = 0;
    if (!in->data && n <= HOB__CHUNK) rc = make_room(s, n);
    char *lent = in->borrowed ? in->data : NULL;
    if (rc == 0) rc = hob__buffer_append(in, bytes, n, SIZE_MAX);
    if (lent && !in->borrowed) hob__chunk_give(lent);
    if (rc < 0) s->read_error = rc;
    hob__stream_update(s);
}

/* ---- receiving ---- */

ssize_t hob__stream_read_failed(struct hob_stream *s, ssize_t rc) {
    if (rc < 0 && rc != -ENOMEM && rc != -ENOBUFS && rc != -ECANCELED) {
        s->read_error = (int)rc;
        hob__stream_update(s);
    }
    return hob__stream_failed(s, rc, "read from");
}

int hob__stream_wait_to_read(struct hob_stream *s, unsigned flags) {
    if (HOB__UNLIKELY(s->out != NULL)) hob__stream_try_flush(s);
    return s->direct ? hob__socket_wait(s, HOB__READ, flags)
                     : s->transport->wait(s, HOB__READ, flags);
}

static __attribute__((noinline)) ssize_t receive_other(struct hob_stream *s, void *buf, size_t n,
                                                       unsigned flags) {
    for (;;) {
        if (s->read_error) return hob__stream_failed(s, s->read_error, "read from");
        ssize_t got = s->transport->recv(s, buf, n);
        if (got != -EAGAIN) return got < 0 ? hob__stream_read_failed(s, got) : got;
        int rc = hob__stream_wait_to_read(s, flags);
        if (rc < 0) return rc;
    }
}

/* From a plain socket. */
static inline __attribute__((always_inline)) ssize_t receive(struct hob_stream *s, void *buf,
                                                             size_t n, unsigned flags) {
    for (;;) {
        ssize_t got = hob__socket_recv(s, buf, n);
        if (HOB__LIKELY(got >= 0)) return got;
        if (got != -EAGAIN) return hob__stream_read_failed(s, got);
        if (HOB__UNLIKELY(!s->fast_write)) hob__stream_try_flush(s); /* if there is anything */
        int rc = hob__socket_wait(s, HOB__READ, flags);
        if (rc < 0) return rc;
    }
}

/* Once into the buffer, which holds fewer than max bytes: how many, 0 at the end, or an error. */
static ssize_t fill(struct hob_stream *s, size_t max, unsigned flags, const char *func) {
    int rc = hob__io_point(func);
    while (rc >= 0) {
        if (s->read_error) return hob__stream_failed(s, s->read_error, "read from");
        if (!s->direct || (s->fd->ready & HOB__READ)) {
            rc = make_room(s, max);
            if (rc < 0) return rc;
            struct hob__buffer *in = &s->in;
            size_t room = hob_buggify("stream.fill.byte") ? 1 : hob__buffer_room(in);
            ssize_t got = s->transport->recv(s, hob__buffer_tail(in), room);
            if (got > 0) hob__buffer_put(in, (size_t)got);
            if (got >= 0) return got;
            if (got != -EAGAIN) return hob__stream_read_failed(s, got);
        }
        drop_if_empty(s);
        rc = hob__stream_wait_to_read(s, flags);
    }
    return rc;
}

ssize_t hob__stream_fill(struct hob_stream *s, size_t max, unsigned flags, const char *func) {
    return fill(s, max, flags, func);
}

ssize_t hob__stream_fill_now(struct hob_stream *s) {
    ssize_t got = s->read_error ? s->read_error : -EAGAIN;
    if (got == -EAGAIN && (!s->direct || (s->fd->ready & HOB__READ))) {
        int rc = make_room(s, HOB__CHUNK);
        if (rc < 0) return rc;
        struct hob__buffer *in = &s->in;
        size_t room = hob_buggify("stream.fill.byte") ? 1 : hob__buffer_room(in);
        got = s->transport->recv(s, hob__buffer_tail(in), room);
        if (got > 0) hob__buffer_put(in, (size_t)got);
    }
    if (got <= 0) drop_if_empty(s);
    return got < 0 && got != -EAGAIN ? hob__stream_read_failed(s, got) : got;
}

void hob__stream_consume(struct hob_stream *s, size_t n) {
    hob__buffer_take(&s->in, n);
    drop_if_empty(s);
}

size_t hob__stream_take(struct hob_stream *s, void *buf, size_t n) {
    size_t size = hob__buffer_size(&s->in);
    if (n > size) n = size;
    if (n) memcpy(buf, hob__buffer_bytes(&s->in), n);
    hob__buffer_take(&s->in, n);
    drop_if_empty(s);
    return n;
}

/* ---- the calls ---- */

static inline __attribute__((always_inline)) void enter(struct hob_stream *s, const char *func) {
    if (HOB__UNLIKELY(s->reads))
        hob__misuse(func, "two tasks read from the stream to %s at once", s->peer);
    s->reads = true;
}

static __attribute__((noinline)) ssize_t read_slowly(struct hob_stream *s, void *buf, size_t n,
                                                     unsigned flags) {
    size_t taken = hob__stream_take(s, buf, n);
    return taken > 0 ? (ssize_t)taken : receive_other(s, buf, n, flags);
}

static inline __attribute__((always_inline)) ssize_t
read_some(struct hob_stream *s, void *buf, size_t n, unsigned flags, const char *func) {
    enter(s, func);
    ssize_t got = hob__io_point_here(func);
    if (got == 0 && n > 0)
        got = HOB__LIKELY(s->fast_read) ? receive(s, buf, n, flags) : read_slowly(s, buf, n, flags);
    s->reads = false;
    return got;
}

ssize_t hob_read(struct hob_stream *s, void *buf, size_t n) {
    return read_some(s, buf, n, HOB__WAIT_PLAIN, __func__);
}

ssize_t hob_read_idle(struct hob_stream *s, void *buf, size_t n) {
    return read_some(s, buf, n, HOB__WAIT_STOPPABLE, __func__);
}

static int ended_early(struct hob_stream *s, size_t at, size_t n) {
    return hob_fail(HOB_E_EOF, "the stream from %s ended after %zu of %zu bytes", s->peer, at, n);
}

/* At least n bytes in the buffer: 1; 0 when the stream ends before. */
static int gather(struct hob_stream *s, size_t n, unsigned flags, const char *func) {
    while (hob__buffer_size(&s->in) < n) {
        ssize_t got = fill(s, n, flags, func);
        if (got <= 0) return (int)got;
    }
    return 1;
}

static ssize_t exactly_small(struct hob_stream *s, void *buf, size_t n, const char *func) {
    int rc = gather(s, n, HOB__WAIT_PLAIN, func);
    if (rc < 0) return rc;
    if (rc == 0) return ended_early(s, hob__buffer_size(&s->in), n);
    return (ssize_t)hob__stream_take(s, buf, n);
}

static ssize_t exactly_large(struct hob_stream *s, void *buf, size_t n, const char *func) {
    size_t at = hob__stream_take(s, buf, n);
    while (at < n) {
        ssize_t got = hob__io_point(func);
        if (got == 0)
            got = HOB__LIKELY(s->fast_read)
                      ? receive(s, (char *)buf + at, n - at, HOB__WAIT_PLAIN)
                      : receive_other(s, (char *)buf + at, n - at, HOB__WAIT_PLAIN);
        if (got <= 0) {
            if (at > 0) hob__stream_put_back(s, buf, at);
            return got < 0 ? got : ended_early(s, at, n);
        }
        at += (size_t)got;
    }
    return (ssize_t)n;
}

ssize_t hob_read_exactly(struct hob_stream *s, void *buf, size_t n) {
    enter(s, __func__);
    ssize_t rc = hob__io_point(__func__);
    if (rc == 0 && n > 0)
        rc = n <= SMALL ? exactly_small(s, buf, n, __func__) : exactly_large(s, buf, n, __func__);
    s->reads = false;
    return rc;
}

static ssize_t peek(struct hob_stream *s, size_t n, unsigned flags, struct hob_slice *view,
                    const char *func) {
    enter(s, func);
    int rc = hob__io_point(func);
    if (rc == 0) rc = gather(s, n, flags, func);
    s->reads = false;
    if (rc < 0) return rc;
    *view =
        (struct hob_slice){s->in.data ? hob__buffer_bytes(&s->in) : "", hob__buffer_size(&s->in)};
    return (ssize_t)view->size;
}

ssize_t hob_peek(struct hob_stream *s, size_t n, struct hob_slice *view) {
    return peek(s, n, HOB__WAIT_PLAIN, view, __func__);
}

ssize_t hob_peek_idle(struct hob_stream *s, size_t n, struct hob_slice *view) {
    return peek(s, n, HOB__WAIT_STOPPABLE, view, __func__);
}

int64_t hob_skip(struct hob_stream *s, int64_t n) {
    enter(s, __func__);
    ssize_t rc = hob__io_point(__func__);
    int64_t skipped = 0;
    while (rc >= 0 && skipped < n) {
        size_t size = hob__buffer_size(&s->in);
        if (size > (uint64_t)(n - skipped)) size = (size_t)(n - skipped);
        hob__buffer_take(&s->in, size);
        skipped += (int64_t)size;
        if (skipped == n) break;
        rc = fill(s, HOB__CHUNK, HOB__WAIT_PLAIN, __func__);
        if (rc == 0) break;
    }
    drop_if_empty(s);
    s->reads = false;
    return rc < 0 ? rc : skipped;
}

ssize_t hob_read_all(struct hob_stream *s, size_t max, struct hob_slice *all) {
    enter(s, __func__);
    ssize_t rc = hob__io_point(__func__);
    if (max > SIZE_MAX / 4) max = SIZE_MAX / 4;
    while (rc >= 0 && hob__buffer_size(&s->in) <= max) {
        rc = fill(s, max + 1, HOB__WAIT_PLAIN, __func__);
        if (rc == 0) break;
    }
    size_t size = hob__buffer_size(&s->in);
    if (rc >= 0) {
        rc = size > max ? HOB_E_LIMIT : make_room(s, size + 1);
        if (rc == 0) {
            *hob__buffer_tail(&s->in) = 0;
            *all = (struct hob_slice){hob__buffer_bytes(&s->in), size};
            hob__buffer_take(&s->in, size);
            rc = (ssize_t)size;
        }
    }
    if (rc == HOB_E_LIMIT) hob_fail(HOB_E_LIMIT, "more than %zu bytes from %s", max, s->peer);
    s->reads = false;
    return rc;
}
