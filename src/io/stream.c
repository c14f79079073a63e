/* io/stream.c - the front of streams: read, write, close, whatever the transport. */
#include "io/stream.h"

#include <hob/error.h>
#include <hob/task.h>
#include <string.h>

#include "base/memory.h"
#include "io/socket.h"
#include "task/wait.h"

struct hob_stream *hob__stream_make(struct hob__backend *b, int fd,
                                    const struct hob__transport *transport, const char *peer) {
    size_t n = strlen(peer) + 1;
    struct hob_stream *s = hob__alloc_zero(sizeof *s + n);
    struct hob__fd *f = s ? hob__fd_open(b, fd) : NULL;
    if (!f) {
        hob__free(s);
        return NULL;
    }
    s->transport = transport;
    s->fd = f;
    f->user = s;
    s->backend = b;
    memcpy(s->peer, peer, n);
    return s;
}

void hob_close(struct hob_stream *s) {
    if (!s) return;
    if (s->reads || s->writes)
        hob__misuse(__func__, "a task is in a call on the stream to %s", s->peer);
    if (s->lent) *s->lent = NULL;
    s->transport->close(s);
    hob__free(s);
}

int hob_shutdown(struct hob_stream *s) {
    if (s->writes && !s->direct)
        hob__misuse(__func__, "a task writes to the stream to %s", s->peer);
    for (;;) {
        int rc = s->transport->shutdown(s);
        if (rc != -EAGAIN) return rc;
        s->writes = true;
        rc = s->transport->wait(s, HOB__WRITE, HOB__WAIT_PLAIN);
        s->writes = false;
        if (rc < 0) return rc;
    }
}

const char *hob_stream_peer(const struct hob_stream *s) { return s->peer; }
int hob_stream_fd(const struct hob_stream *s) { return s->fd ? s->fd->fd : -1; }
bool hob_stream_broken(struct hob_stream *s) { return s->transport->broken(s); }

/* ---- transports on top of others ---- */

struct hob_stream *hob__stream_split(struct hob_stream *s) {
    if (s->reads || s->writes)
        hob__misuse(__func__, "a task is in a call on the stream to %s", s->peer);
    size_t size = sizeof *s + strlen(s->peer) + 1;
    struct hob_stream *inner = hob__alloc(size);
    if (!inner) return NULL;
    memcpy(inner, s, size);
    inner->lent = NULL;
    hob__stream_set(s, NULL, NULL);
    return inner;
}

void hob__stream_set(struct hob_stream *s, const struct hob__transport *transport, void *state) {
    s->transport = transport;
    s->state = state;
    s->direct = false;
}

void hob__stream_join(struct hob_stream *s, struct hob_stream *inner) {
    hob__stream_set(s, inner->transport, inner->state);
    s->direct = inner->direct;
    hob__free(inner);
}

size_t hob__stream_early(const struct hob_stream *s) {
    (void)s; /* the front has no buffer: what has not been read is in the kernel */
    return 0;
}

ssize_t hob__stream_recv(struct hob_stream *s, void *buf, size_t n) {
    return s->transport->recv(s, buf, n);
}

ssize_t hob__stream_send(struct hob_stream *s, const struct iovec *iov, int count) {
    return s->transport->send(s, iov, count);
}

int hob__stream_wait(struct hob_stream *s, unsigned direction, unsigned flags) {
    return s->transport->wait(s, direction, flags);
}

/* ---- reading ---- */

static __attribute__((noinline)) ssize_t receive_other(struct hob_stream *s, void *buf, size_t n,
                                                       unsigned flags) {
    for (;;) {
        ssize_t got = s->transport->recv(s, buf, n);
        if (got != -EAGAIN) return got;
        int rc = s->transport->wait(s, HOB__READ, flags);
        if (rc < 0) return rc;
    }
}

static ssize_t receive(struct hob_stream *s, void *buf, size_t n, unsigned flags) {
    if (HOB__UNLIKELY(!s->direct)) return receive_other(s, buf, n, flags);
    for (;;) {
        ssize_t got = hob__socket_recv(s, buf, n);
        if (got != -EAGAIN) return got;
        int rc = hob__socket_wait(s, HOB__READ, flags);
        if (rc < 0) return rc;
    }
}

static ssize_t read_some(struct hob_stream *s, void *buf, size_t n, unsigned flags,
                         const char *func) {
    if (s->reads) hob__misuse(func, "two tasks read from the stream to %s at once", s->peer);
    s->reads = true;
    ssize_t got = hob__io_point(func);
    if (got == 0 && n > 0) got = receive(s, buf, n, flags);
    s->reads = false;
    return got;
}

ssize_t hob_read(struct hob_stream *s, void *buf, size_t n) {
    return read_some(s, buf, n, HOB__WAIT_PLAIN, __func__);
}

ssize_t hob_read_idle(struct hob_stream *s, void *buf, size_t n) {
    return read_some(s, buf, n, HOB__WAIT_STOPPABLE, __func__);
}

ssize_t hob_read_exactly(struct hob_stream *s, void *buf, size_t n) {
    for (size_t at = 0; at < n;) {
        ssize_t got = read_some(s, (char *)buf + at, n - at, HOB__WAIT_PLAIN, __func__);
        if (got == 0)
            return hob_fail(HOB_E_EOF, "the stream from %s ended after %zu of %zu bytes", s->peer,
                            at, n);
        if (got < 0) return got;
        at += (size_t)got;
    }
    return (ssize_t)n;
}

/* ---- writing ---- */

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

static ssize_t send_all(struct hob_stream *s, struct iovec *iov, int count) {
    enum { AT_ONCE = 64 };
    size_t total = 0;
    count = advance(&iov, count, 0);
    do {
        int rc = hob__io_point("hob_write");
        if (rc < 0) return rc;
        if (count == 0) break;
        ssize_t sent = s->transport->send(s, iov, count < AT_ONCE ? count : AT_ONCE);
        if (sent >= 0) {
            total += (size_t)sent;
            count = advance(&iov, count, (size_t)sent);
            continue;
        }
        if (sent != -EAGAIN) return sent;
        rc = s->transport->wait(s, HOB__WRITE, HOB__WAIT_PLAIN);
        if (rc < 0) return rc;
    } while (count > 0);
    return (ssize_t)total;
}

ssize_t hob_writev(struct hob_stream *s, struct iovec *iov, int count) {
    if (s->writes) hob__misuse(__func__, "two tasks write to the stream to %s at once", s->peer);
    s->writes = true;
    s->write_calls++;
    ssize_t sent = send_all(s, iov, count);
    s->writes = false;
    return sent;
}

ssize_t hob_write(struct hob_stream *s, const void *buf, size_t n) {
    struct iovec iov = {(void *)buf, n};
    /* The usual case: it fits into the socket's buffer, in one call. */
    if (HOB__LIKELY(s->direct && (s->fd->ready & HOB__WRITE) && !s->writes && n > 0)) {
        int rc = hob__io_point(__func__);
        if (rc < 0) return rc;
        ssize_t sent = s->backend->ops->sys->send(s->backend, s->fd->fd, &iov, 1);
        if (HOB__LIKELY(sent == (ssize_t)n)) return sent;
        if (sent < 0 && sent != -EAGAIN) return sent;
        if (sent > 0) {
            iov.iov_base = (char *)buf + sent;
            iov.iov_len = n - (size_t)sent;
        }
    }
    ssize_t rest = hob_writev(s, &iov, 1);
    return rest < 0 ? rest : (ssize_t)n;
}
