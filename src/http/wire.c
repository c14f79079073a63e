/* http/wire.c - one side of an HTTP/1.1 connection: reads, parses, writes, each within its time. */
#include "http/wire.h"

#include <hob/error.h>
#include <hob/file.h>
#include <string.h>

#include "base/memory.h"
#include "http/h2/h2.h"
#include "http/server/metrics.h"
#include "http/wire_now.h"
#include "io/stream.h"
#include "task/fdwait.h"
#include "task/wait.h"

enum {
    FIRST = 4096,  /* bytes of a buffer from the heap */
    PIECE = 65536, /* bytes whose writing is one wait */
    FILE_PIECE = 32768
};

uint64_t hob__http_deadline(uint64_t outer, double seconds) {
    if (!(seconds < 1e9)) return outer; /* 31 years; infinity */
    uint64_t own = hob_after(seconds);
    return outer && outer < own ? outer : own;
}

uint64_t hob__deadline_at(uint64_t now, uint64_t outer, double seconds) {
    if (!(seconds < 1e9)) return outer;
    uint64_t own = seconds > 0 ? now + (uint64_t)(seconds * 1e9) : 1;
    return outer && outer < own ? outer : own;
}

void hob__wire_init(struct hob__wire *w, struct hob_stream *stream, bool response,
                    const struct hob__h1_limits *limits, char *storage, size_t n) {
    w->stream = stream;
    w->h2 = NULL;
    w->in = w->aside = (struct hob__buffer){0};
    w->trailers = NULL;
    w->count_in = w->count_out = NULL;
    w->storage = storage;
    w->storage_size = n;
    w->deadline = 0;
    w->stall = w->min_rate = 0;
    hob__h1_init(&w->h1, response, limits);
    if (storage) hob__buffer_borrow(&w->in, storage, n);
}

void hob__wire_next(struct hob__wire *w, struct hob__h1_field *fields, uint32_t cap) {
    hob__h1_start(&w->h1, fields, cap);
    w->piece = (struct hob_slice){0};
    w->received = 0;
    w->pace_in = w->pace_out = HOB__PACE_GRACE;
    w->pinned = w->ended = false;
    if (HOB__UNLIKELY(w->aside.data != NULL)) hob__buffer_free(&w->aside);
    if (hob__buffer_size(&w->in) > 0) return;
    if (HOB__LIKELY(w->in.borrowed)) { /* the storage */
        w->in.start = w->in.end = 0;
        return;
    }
    hob__buffer_free(&w->in);
    if (w->storage) hob__buffer_borrow(&w->in, w->storage, w->storage_size);
}

void hob__wire_free(struct hob__wire *w) {
    hob__buffer_free(&w->in);
    hob__buffer_free(&w->aside);
    w->piece = (struct hob_slice){0};
    w->pinned = false;
}

/* ---- times ---- */

/* Of one wait: for a byte, and for the rate. */
static uint64_t deadline_of(const struct hob__wire *w, double pace, uint64_t now) {
    uint64_t stalled = hob__deadline_at(now, w->deadline, w->stall);
    return w->min_rate > 0 ? hob__deadline_at(now, stalled, pace) : stalled;
}

static ssize_t paced(const struct hob__wire *w, double *pace, uint64_t began, ssize_t moved) {
    if (w->min_rate > 0) *pace -= (double)(hob_now() - began) * 1e-9;
    hob__wire_earn(w, pace, moved);
    return moved;
}

/* ---- reading ---- */

static inline void has_come(const struct hob__wire *w, ssize_t n) {
    if (HOB__UNLIKELY(w->count_in != NULL) && n > 0) hob__count(w->count_in, (uint64_t)n);
}

static inline void has_left(const struct hob__wire *w, ssize_t n) {
    if (HOB__UNLIKELY(w->count_out != NULL) && n > 0) hob__count(w->count_out, (uint64_t)n);
}

static ssize_t timed_read(struct hob__wire *w, void *buf, size_t n, uint64_t deadline, bool idle) {
    HOB_SCOPE(s, .deadline = deadline);
    if (n > 1 << 30) n = 1 << 30;
    ssize_t got = idle ? hob_read_idle(w->stream, buf, n) : hob_read(w->stream, buf, n);
    has_come(w, got);
    return hob__scope_result(s, (int)got);
}

/* The body's bytes. Most often some have come already: no deadline is needed. */
static ssize_t read_body(struct hob__wire *w, void *buf, size_t n) {
    int rc = hob__io_point("hob_read");
    if (rc < 0) return rc;
    ssize_t got = hob__stream_recv(w->stream, buf, n);
    has_come(w, got);
    hob__wire_earn(w, &w->pace_in, got);
    if (got != -EAGAIN) return got;
    uint64_t now = hob_now();
    got = timed_read(w, buf, n, deadline_of(w, w->pace_in, now), false);
    return paced(w, &w->pace_in, now, got);
}

int hob__wire_make_room(struct hob__wire *w) {
    struct hob__buffer *b = &w->in;
    if (hob__buffer_room(b) >= HOB__WIRE_ROOM) return 0;
    if (!w->pinned) return hob__buffer_reserve(b, b->cap ? HOB__WIRE_ROOM : FIRST, SIZE_MAX);
    struct hob__buffer other = {0};
    int rc = hob__buffer_reserve(&other, FIRST, SIZE_MAX);
    if (rc == 0)
        rc = hob__buffer_append(&other, hob__buffer_bytes(b), hob__buffer_size(b), SIZE_MAX);
    if (rc < 0) {
        hob__buffer_free(&other);
        return rc;
    }
    w->aside = *b;
    *b = other;
    w->pinned = false;
    return 0;
}

/* Waits without a buffer until there is something to be put into one, so that those that wait have
 * none: 1. Only a plain socket can say so without being read; 0: nothing was waited for. */
static int wait_empty_handed(struct hob__wire *w, uint64_t deadline, bool idle) {
    struct hob_stream *stream = w->stream;
    if (w->in.data || !stream->fast_read || !stream->fast_write || (stream->fd->ready & HOB__READ))
        return 0;
    HOB_SCOPE(s, .deadline = deadline);
    int rc = hob__stream_wait(stream, HOB__READ, idle ? HOB__WAIT_STOPPABLE : HOB__WAIT_PLAIN);
    return hob__scope_result(s, rc < 0 ? rc : 1);
}

ssize_t hob__wire_fill(struct hob__wire *w, uint64_t deadline, bool idle) {
    int waited = wait_empty_handed(w, deadline, idle);
    int rc = waited < 0 ? waited : hob__wire_make_room(w);
    if (rc < 0) return rc;
    struct hob__buffer *b = &w->in;
    ssize_t got = -EAGAIN;
    if (waited) got = hob__stream_recv(w->stream, hob__buffer_tail(b), hob__buffer_room(b));
    has_come(w, got);
    if (got == -EAGAIN)
        got = timed_read(w, hob__buffer_tail(b), hob__buffer_room(b), deadline, idle);
    if (got > 0) hob__buffer_put(b, (size_t)got);
    return got;
}

ssize_t hob__wire_has_come(struct hob__wire *w, ssize_t got) {
    has_come(w, got);
    if (got > 0) hob__buffer_put(&w->in, (size_t)got);
    return got;
}

static ssize_t fill_body(struct hob__wire *w) {
    int rc = hob__wire_make_room(w);
    if (rc < 0) return rc;
    struct hob__buffer *b = &w->in;
    ssize_t got = read_body(w, hob__buffer_tail(b), hob__buffer_room(b));
    if (got > 0) hob__buffer_put(b, (size_t)got);
    return got;
}

void hob__wire_put_back(struct hob__wire *w, const char *at, size_t n) {
    hob__stream_put_back(w->stream, at, n);
    if (w->count_in) hob__count(w->count_in, -(uint64_t)n); /* they come once more */
}

/* Bytes behind a pinned head leave from the front, but the room is not taken back. */
static void take(struct hob__wire *w, size_t n) {
    if (w->pinned)
        w->in.start += n;
    else
        hob__buffer_take(&w->in, n);
}

int hob__wire_event(struct hob__wire *w, struct hob_slice *piece) {
    size_t used;
    const char *bytes = w->in.data ? hob__buffer_bytes(&w->in) : "";
    int rc = hob__h1_next(&w->h1, bytes, hob__buffer_size(&w->in), &used, piece);
    if (rc == HOB__H1_HEAD) w->pinned = true;
    if (rc == HOB__H1_END) w->ended = true;
    if (used) take(w, used);
    return rc;
}

static ssize_t hand_out(struct hob__wire *w, void *buf, size_t n) {
    if (n > w->piece.size) n = w->piece.size;
    memcpy(buf, w->piece.at, n);
    w->piece.at += n;
    w->piece.size -= n;
    w->received += n;
    return (ssize_t)n;
}

/* The body's next bytes straight into the caller's memory, past the buffer. */
static ssize_t read_past(struct hob__wire *w, void *buf, size_t n) {
    uint64_t direct = hob__h1_direct(&w->h1);
    if (n > direct) n = (size_t)direct;
    ssize_t got = read_body(w, buf, n);
    if (got <= 0) return got;
    hob__h1_direct_done(&w->h1, (uint64_t)got);
    w->received += (uint64_t)got;
    return got;
}

/* Of HTTP/2: the time counts while this stream is what the peer could send for (h2.h). */
static ssize_t read_shared(struct hob__wire *w, void *buf, size_t n) {
    uint64_t began = hob_now(), now = began;
    uint64_t stalled = hob__deadline_at(began, w->deadline, w->stall);
    ssize_t got;
    for (;;) {
        uint64_t before = w->h2->h2 ? w->h2->h2->data_in : 0, slept = now;
        uint64_t until = w->min_rate > 0 ? hob__deadline_at(now, stalled, w->pace_in) : stalled;
        got = hob__h2_read(w->h2, buf, n, until);
        if (!(w->min_rate > 0)) break;
        now = hob_now();
        double share = hob__h2_share_in(w->h2, before);
        if (share >= 0) w->pace_in -= (double)(now - slept) * 1e-9;
        hob__wire_earn(w, &w->pace_in, got > share ? got : (ssize_t)share);
        bool late = stalled && now >= stalled;
        if (got != -ETIMEDOUT || late || !(share < 0 || w->pace_in > 0)) break;
        if (share < 0 && !(w->pace_in > 0)) w->pace_in = 1; /* looks again in a second */
    }
    if (got > 0) w->received += (uint64_t)got;
    if (got == 0) w->ended = true;
    return got;
}

ssize_t hob__wire_read(struct hob__wire *w, void *buf, size_t n) {
    int rc = hob_check();
    if (rc < 0) return rc;
    if (w->h2 && n > 0 && !w->ended) return read_shared(w, buf, n);
    while (n > 0 && !w->ended) {
        if (w->piece.size) return hand_out(w, buf, n);
        ssize_t got = 1;
        if (hob__buffer_size(&w->in) > 0 || !hob__h1_direct(&w->h1)) {
            struct hob_slice piece;
            rc = hob__wire_event(w, &piece);
            if (rc < 0) return rc;
            if (rc == HOB__H1_DATA) w->piece = piece;
            if (rc == HOB__H1_TRAILERS && w->trailers &&
                hob__buffer_append(w->trailers, piece.at, piece.size, SIZE_MAX) < 0)
                return -ENOMEM;
            if (rc == HOB__H1_NEED) got = fill_body(w);
        } else if (n >= HOB__WIRE_ROOM || hob__h1_direct(&w->h1) <= n) {
            got = read_past(w, buf, n);
            if (got > 0) return got;
        } else {
            got = fill_body(w);
        }
        if (got < 0) return got;
        if (got == 0) {
            rc = hob__h1_eof(&w->h1, hob__buffer_size(&w->in));
            if (rc < 0) return rc;
            w->ended = true;
        }
    }
    return 0;
}

int hob__read_whole(ssize_t (*read)(void *from, void *buf, size_t n), void *from, size_t expected,
                    struct hob__buffer *body, uint64_t max) {
    enum { AT_ONCE = 1 << 20 };
    if (max > SIZE_MAX / 4) max = SIZE_MAX / 4;
    size_t want = expected > 0 && expected < AT_ONCE ? expected + 2 : FIRST;
    for (;;) {
        if (hob__buffer_room(body) < 2) {
            int rc = hob__buffer_reserve(body, want, SIZE_MAX / 2);
            if (rc < 0) return rc;
            want = FIRST;
        }
        /* One byte is kept for the NUL; one more than max shows that there is more. */
        size_t room = hob__buffer_room(body) - 1, left = (size_t)max - hob__buffer_size(body) + 1;
        ssize_t got = read(from, hob__buffer_tail(body), room < left ? room : left);
        if (got < 0) return (int)got;
        if (got == 0) break;
        hob__buffer_put(body, (size_t)got);
        if (hob__buffer_size(body) > max) return HOB_E_HTTP_BODY_TOO_LARGE;
    }
    *hob__buffer_tail(body) = 0;
    return 0;
}

static ssize_t read_wire(void *wire, void *buf, size_t n) { return hob__wire_read(wire, buf, n); }

int hob__wire_read_all(struct hob__wire *w, struct hob__buffer *body, uint64_t max) {
    int64_t size = w->h1.flags & HOB__H1_NO_BODY ? 0 : w->h1.content_length;
    if (size > 0 && (uint64_t)size > max) return HOB_E_HTTP_BODY_TOO_LARGE;
    return hob__read_whole(read_wire, w, size > 0 ? (size_t)size : 0, body, max);
}

/* ---- writing ---- */

static ssize_t timed_writev(struct hob__wire *w, struct iovec *iov, int count) {
    uint64_t now = hob_now();
    HOB_SCOPE(s, .deadline = deadline_of(w, w->pace_out, now));
    ssize_t rc = hob__scope_result(s, (int)hob_writev(w->stream, iov, count));
    has_left(w, rc);
    return paced(w, &w->pace_out, now, rc);
}

/* Skips n bytes of the pieces; how many pieces are left, the first of which is *iov. */
static int skip(struct iovec **iov, int count, size_t n) {
    while (count > 0 && n >= (*iov)->iov_len) {
        n -= (*iov)->iov_len;
        ++*iov;
        count--;
    }
    if (count > 0 && n > 0) {
        (*iov)->iov_base = (char *)(*iov)->iov_base + n;
        (*iov)->iov_len -= n;
    }
    return count;
}

struct hob__h2_times hob__wire_times(struct hob__wire *w) {
    return (struct hob__h2_times){w->deadline, w->stall, w->min_rate, &w->pace_out};
}

static int write_shared(struct hob__wire *w, const struct iovec *iov, int count) {
    struct hob__h2_times times = hob__wire_times(w);
    int rc = 0;
    for (int i = 0; rc == 0 && i < count; i++)
        if (iov[i].iov_len)
            rc = hob__h2_write(w->h2, iov[i].iov_base, iov[i].iov_len, false, &times);
    return rc;
}

int hob__wire_interim(struct hob__wire *w, const char *head, size_t n) {
    char storage[256];
    struct hob__buffer b;
    hob__buffer_borrow(&b, storage, sizeof storage);
    int rc = hob__buffer_append(&b, head, n, SIZE_MAX);
    if (rc == 0) rc = hob__h2_interim(w->h2, &b);
    hob__buffer_free(&b);
    return rc;
}

int hob__wire_end(struct hob__wire *w, struct hob__buffer *trailers) {
    struct hob__h2_times times = hob__wire_times(w);
    if (trailers) return hob__h2_end_with(w->h2, trailers, &times);
    return hob__h2_write(w->h2, NULL, 0, true, &times);
}

/* What the kernel has not taken at once. */
static __attribute__((noinline)) int write_rest(struct hob__wire *w, struct iovec *iov, int count) {
    while (count > 0) {
        struct iovec part[4];
        int n = 0;
        size_t left = PIECE;
        while (count > 0 && n < 4 && left > 0) {
            part[n] = *iov;
            if (part[n].iov_len > left) part[n].iov_len = left;
            left -= part[n].iov_len;
            iov->iov_base = (char *)iov->iov_base + part[n].iov_len;
            iov->iov_len -= part[n].iov_len;
            if (iov->iov_len == 0) iov++, count--;
            n++;
        }
        ssize_t wrote = timed_writev(w, part, n);
        if (wrote < 0) return (int)wrote;
    }
    return 0;
}

int hob__wire_wrote(struct hob__wire *w, struct iovec *iov, int count, ssize_t sent) {
    if (sent < 0) return (int)sent;
    has_left(w, sent);
    hob__wire_earn(w, &w->pace_out, sent);
    if (HOB__LIKELY(count == 1 && (size_t)sent == iov->iov_len)) return 0;
    if (sent == 0) hob__stream_go_on(w->stream);
    count = skip(&iov, count, (size_t)sent);
    return write_rest(w, iov, count);
}

int hob__wire_write(struct hob__wire *w, struct iovec *iov, int count) {
    if (HOB__UNLIKELY(w->h2 != NULL)) return write_shared(w, iov, count);
    int rc = hob__io_point("hob_write");
    if (rc < 0) return rc;
    /* Most often the kernel takes all of it at once: no deadline is needed. */
    return hob__wire_wrote(w, iov, count, hob__wire_send_now(w, iov, count));
}

static int64_t timed_send_file(struct hob__wire *w, int fd, int64_t offset, int64_t n) {
    uint64_t now = hob_now();
    HOB_SCOPE(s, .deadline = deadline_of(w, w->pace_out, now));
    ssize_t rc = hob__scope_result(s, (int)hob_send_file(w->stream, fd, offset, n));
    has_left(w, rc);
    return paced(w, &w->pace_out, now, rc);
}

/* Through memory: it has to be framed. */
static int64_t send_shared_file(struct hob__wire *w, int fd, int64_t offset, int64_t n) {
    struct hob__h2_times times = hob__wire_times(w);
    char *piece = hob__alloc(FILE_PIECE);
    int64_t sent = 0;
    int rc = piece ? 0 : -ENOMEM;
    while (rc == 0 && sent < n) {
        size_t want = n - sent < FILE_PIECE ? (size_t)(n - sent) : FILE_PIECE;
        struct iovec iov = {piece, want};
        ssize_t got = hob_preadv(fd, &iov, 1, offset + sent);
        if (got == 0) break;
        rc = got < 0 ? (int)got : hob__h2_write(w->h2, piece, (size_t)got, false, &times);
        if (rc == 0) sent += got;
    }
    hob__free(piece);
    return rc < 0 ? rc : sent;
}

int64_t hob__wire_send_file(struct hob__wire *w, int fd, int64_t offset, int64_t n) {
    if (w->h2) return send_shared_file(w, fd, offset, n);
    int64_t sent = 0;
    while (sent < n) {
        int64_t left = n - sent, piece = left < 4 * PIECE ? left : 4 * PIECE;
        int64_t got = timed_send_file(w, fd, offset + sent, piece);
        if (got < 0) return got;
        sent += got;
        if (got < piece) break;
    }
    return sent;
}
