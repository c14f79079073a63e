/* io/stream.c - byte streams over a descriptor: read, write, close.
 *
 * Every call tries the system call first when the descriptor's state says that it may succeed, and
 * parks the task otherwise. A read that was not filled has emptied the socket: the next one waits
 * without asking, unless the peer has ended (then the end is still to be read). */
#include "io/stream.h"

#include <hob/error.h>
#include <hob/task.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "base/memory.h"
#include "task/fdwait.h"
#include "task/wait.h"

struct hob_stream *hob__stream_new(struct hob__backend *b, int fd, const struct sockaddr *peer,
                                   socklen_t size) {
    struct hob_stream *s = hob__alloc(sizeof *s);
    struct hob__fd *f = s ? hob__fd_open(b, fd) : NULL;
    if (!f) {
        hob__free(s);
        b->ops->sys->close(b, fd);
        return NULL;
    }
    s->fd = f;
    s->backend = b;
    s->reads = s->writes = false;
    s->is_tcp = peer->sa_family != AF_UNIX;
    hob__address_format(peer, size, s->peer, sizeof s->peer);
    if (s->is_tcp) {
        int on = 1;
        b->ops->sys->setsockopt(b, fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    return s;
}

void hob_close(struct hob_stream *s) {
    if (!s) return;
    if (s->reads || s->writes)
        hob__misuse(__func__, "a task is in a call on the stream to %s", s->peer);
    struct hob__backend *b = s->backend;
    int fd = s->fd->fd;
    hob__fd_close(b, s->fd);
    b->ops->sys->close(b, fd);
    hob__free(s);
}

int hob_shutdown(struct hob_stream *s) {
    return s->backend->ops->sys->shutdown(s->backend, s->fd->fd, SHUT_WR);
}

const char *hob_stream_peer(const struct hob_stream *s) { return s->peer; }
int hob_stream_fd(const struct hob_stream *s) { return s->fd->fd; }

/* ---- reading ---- */

static ssize_t receive(struct hob_stream *s, void *buf, size_t n, unsigned flags) {
    struct hob__fd *f = s->fd;
    struct hob__backend *b = s->backend;
    for (;;) {
        if (f->ready & HOB__READ) {
            ssize_t got = b->ops->sys->recv(b, f->fd, buf, n, 0);
            if (got > 0) {
                if ((size_t)got < n && s->is_tcp && !(f->ready & HOB__HUP))
                    f->ready &= (uint8_t)~HOB__READ;
                return got;
            }
            if (got != -EAGAIN) return got;
            f->ready &= (uint8_t)~HOB__READ;
        }
        int rc = hob__fd_wait(f, HOB__READ, "recv", flags);
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

bool hob_stream_broken(struct hob_stream *s) {
    char byte;
    if (s->fd->armed && !(s->fd->ready & (HOB__READ | HOB__HUP))) return false;
    ssize_t got = s->backend->ops->sys->recv(s->backend, s->fd->fd, &byte, 1, MSG_PEEK);
    if (got == -EAGAIN) s->fd->ready &= (uint8_t)~HOB__READ;
    return got != -EAGAIN;
}

/* ---- writing ---- */

/* Takes n bytes off the front; returns the vectors that are left. */
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
    struct hob__fd *f = s->fd;
    struct hob__backend *b = s->backend;
    enum { AT_ONCE = 64 };
    size_t total = 0;
    count = advance(&iov, count, 0);
    do {
        int rc = hob__io_point("hob_write");
        if (rc < 0) return rc;
        if (count == 0) break;
        if (f->ready & HOB__WRITE) {
            ssize_t sent = b->ops->sys->send(b, f->fd, iov, count < AT_ONCE ? count : AT_ONCE);
            if (sent >= 0) {
                total += (size_t)sent;
                count = advance(&iov, count, (size_t)sent);
                continue;
            }
            if (sent != -EAGAIN) return sent;
            f->ready &= (uint8_t)~HOB__WRITE;
        }
        rc = hob__fd_wait(f, HOB__WRITE, "send", HOB__WAIT_PLAIN);
        if (rc < 0) return rc;
    } while (count > 0);
    return (ssize_t)total;
}

ssize_t hob_writev(struct hob_stream *s, struct iovec *iov, int count) {
    if (s->writes) hob__misuse(__func__, "two tasks write to the stream to %s at once", s->peer);
    s->writes = true;
    ssize_t sent = send_all(s, iov, count);
    s->writes = false;
    return sent;
}

ssize_t hob_write(struct hob_stream *s, const void *buf, size_t n) {
    struct iovec iov = {(void *)buf, n};
    /* The usual case: it fits into the socket's buffer, in one call. */
    if (HOB__LIKELY((s->fd->ready & HOB__WRITE) && !s->writes && n > 0)) {
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
