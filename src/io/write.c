/* io/write.c - the writing calls of streams.
 *
 * A write waits by itself until the kernel (or the transport) has taken all of it: its buffer is
 * the only one, and its size the high-water mark. A corked stream gathers what is written in one
 * chunk of the loop's pool, `out`. Bytes that lie there go first, whatever is written next. */
#include <hob/buggify.h>
#include <hob/error.h>
#include <hob/task.h>
#include <string.h>

#include "io/pool.h"
#include "io/socket.h"
#include "task/task.h"

enum { AT_ONCE = 64 };

/* Takes n bytes off the front, and what is empty there; returns the vectors that are left. */
static int advance(struct iovec **iov, int count, size_t n) {
    while (count > 0 && n >= (*iov)->iov_len) {
        n -= (*iov)->iov_len;
        ++*iov;
        count--;
    }
    if (count > 0) {
        (*iov)->iov_base = (char *)(*iov)->iov_base + n;
        (*iov)->iov_len -= n;
    }
    return count;
}

static void enter(struct hob_stream *s, const char *func) {
    if (s->writes) hob__misuse(func, "two tasks write to the stream to %s at once", s->peer);
    s->writes = true;
    s->write_calls++;
}

/* ---- what is gathered ---- */

static void drop_out(struct hob_stream *s) {
    if (s->out) hob__chunk_give(s->out);
    s->out = NULL;
    s->out_start = s->out_end = 0;
    hob__stream_update(s);
}

/* n bytes of `out` have gone, as far as there are so many; the rest. */
static size_t out_sent(struct hob_stream *s, size_t n) {
    size_t size = s->out_end - s->out_start;
    if (n < size) {
        s->out_start += (uint32_t)n;
        return 0;
    }
    drop_out(s);
    return n - size;
}

void hob__stream_try_flush(struct hob_stream *s) {
    if (!s->out || s->writes) return;
    struct iovec iov = {s->out + s->out_start, s->out_end - s->out_start};
    s->write_calls++;
    ssize_t sent = s->transport->send(s, &iov, 1);
    if (sent == -EAGAIN) sent = (ssize_t)hob__stream_committed(s);
    if (sent > 0) out_sent(s, (size_t)sent);
}

void hob__stream_drop_out(struct hob_stream *s) { drop_out(s); }

/* True: the pieces have been put behind what is gathered. */
static bool gathered(struct hob_stream *s, const struct iovec *iov, int count) {
    size_t n = 0;
    for (int i = 0; i < count; i++) {
        if (iov[i].iov_len > HOB__CHUNK - n) return false; /* no overflow */
        n += iov[i].iov_len;
    }
    if (n > HOB__CHUNK - s->out_end || n == 0) return n == 0;
    if (hob_buggify("stream.cork.full")) return false;
    /* Without memory it is sent at once. */
    if (!s->out && !(s->out = hob__chunk_take())) return false;
    for (int i = 0; i < count; i++) {
        if (iov[i].iov_len) memcpy(s->out + s->out_end, iov[i].iov_base, iov[i].iov_len);
        s->out_end += (uint32_t)iov[i].iov_len;
    }
    hob__stream_update(s);
    return true;
}

/* ---- sending ---- */

/* One try, with what is gathered before the pieces: how many bytes of these went out. */
static ssize_t send_behind(struct hob_stream *s, const struct iovec *iov, int count) {
    struct iovec all[AT_ONCE];
    all[0] = (struct iovec){s->out + s->out_start, s->out_end - s->out_start};
    int n = 1;
    while (n < AT_ONCE && n <= count) {
        all[n] = iov[n - 1];
        n++;
    }
    ssize_t sent = s->transport->send(s, all, n);
    return sent > 0 ? (ssize_t)out_sent(s, (size_t)sent) : sent;
}

/* Some of it: how many bytes of the pieces went out. Waits. */
static ssize_t send_some(struct hob_stream *s, const struct iovec *iov, int count) {
    for (;;) {
        ssize_t sent = HOB__UNLIKELY(s->out != NULL)
                           ? send_behind(s, iov, count)
                           : s->transport->send(s, iov, count < AT_ONCE ? count : AT_ONCE);
        if (sent >= 0) return sent;
        if (sent != -EAGAIN) return hob__stream_failed(s, sent, "write to");
        int rc = s->transport->wait(s, HOB__WRITE, HOB__WAIT_PLAIN);
        if (rc == 0) continue;
        if (s->out) out_sent(s, hob__stream_committed(s));
        return rc;
    }
}

static ssize_t send_all(struct hob_stream *s, struct iovec *iov, int count) {
    size_t total = 0;
    count = advance(&iov, count, 0);
    do {
        int rc = hob__io_point("hob_write");
        if (rc < 0) return rc;
        if (count == 0 && !s->out) break;
        ssize_t sent = send_some(s, iov, count);
        if (sent < 0) return sent;
        total += (size_t)sent;
        count = advance(&iov, count, (size_t)sent);
    } while (count > 0 || s->out);
    return (ssize_t)total;
}

static ssize_t write_corked(struct hob_stream *s, struct iovec *iov, int count) {
    int rc = hob__io_point("hob_write");
    if (rc < 0) return rc;
    if (!gathered(s, iov, count)) return send_all(s, iov, count);
    size_t n = 0;
    for (int i = 0; i < count; i++) n += iov[i].iov_len;
    return (ssize_t)n;
}

ssize_t hob__stream_write_now(struct hob_stream *s, const struct iovec *iov, int count) {
    ssize_t sent;
    if (HOB__UNLIKELY(s->writes))
        hob__misuse("hob_write", "two tasks write to the stream to %s at once", s->peer);
    s->write_calls++;
    if (s->corks > 0) {
        size_t n = 0;
        for (int i = 0; i < count; i++) n += iov[i].iov_len;
        return gathered(s, iov, count) ? (ssize_t)n : 0;
    }
    if (HOB__LIKELY(s->fast_write)) {
        if (!(s->fd->ready & HOB__WRITE)) return 0;
        sent = hob__socket_send(s, iov, count);
    } else {
        if (s->out) return 0;
        sent = s->transport->send(s, iov, count);
    }
    return sent == -EAGAIN ? 0 : sent;
}

ssize_t hob_writev(struct hob_stream *s, struct iovec *iov, int count) {
    enter(s, __func__);
    ssize_t sent =
        HOB__UNLIKELY(s->corks > 0) ? write_corked(s, iov, count) : send_all(s, iov, count);
    s->writes = false;
    return sent;
}

ssize_t hob_write(struct hob_stream *s, const void *buf, size_t n) {
    struct iovec iov = {(void *)buf, n};
    /* The usual case: it fits into the socket's buffer, in one call. */
    if (HOB__LIKELY(s->fast_write && (s->fd->ready & HOB__WRITE) && !s->writes && n > 0)) {
        int rc = hob__io_point_here(__func__);
        if (rc < 0) return rc;
        ssize_t sent = hob__stream_kernel_send(s, &iov, 1);
        if (HOB__LIKELY(sent == (ssize_t)n)) return sent;
        if (sent < 0 && sent != -EAGAIN) return hob__stream_failed(s, sent, "write to");
        if (sent > 0) {
            iov.iov_base = (char *)buf + sent;
            iov.iov_len = n - (size_t)sent;
        }
    }
    ssize_t rest = hob_writev(s, &iov, 1);
    return rest < 0 ? rest : (ssize_t)n;
}

/* ---- corks, and the end of writing ---- */

/* One of the transport's calls that say -EAGAIN, until it is done. */
static int complete(struct hob_stream *s, int (*call)(struct hob_stream *s)) {
    int rc = call(s);
    while (rc == -EAGAIN) {
        rc = s->transport->wait(s, HOB__WRITE, HOB__WAIT_PLAIN);
        if (rc == 0) rc = call(s);
    }
    return rc;
}

int hob_flush(struct hob_stream *s) {
    enter(s, __func__);
    int rc = (int)send_all(s, NULL, 0);
    if (rc >= 0 && s->transport->flush)
        rc = (int)hob__stream_failed(s, complete(s, s->transport->flush), "write to");
    s->writes = false;
    return rc;
}

void hob_cork(struct hob_stream *s) {
    if (s->corks == UINT16_MAX) hob__misuse(__func__, "corked %d times", UINT16_MAX);
    s->corks++;
    hob__stream_update(s);
}

int hob_uncork(struct hob_stream *s) {
    if (s->corks == 0) hob__misuse(__func__, "the stream to %s is not corked", s->peer);
    s->corks--;
    hob__stream_update(s);
    return s->corks == 0 ? hob_flush(s) : 0;
}

int hob_shutdown(struct hob_stream *s) {
    if (s->out) {
        int rc = hob_flush(s);
        if (rc < 0) return rc;
    }
    enter(s, __func__);
    int rc = complete(s, s->transport->shutdown);
    s->writes = false;
    return (int)hob__stream_failed(s, rc, "end the writing side of");
}
