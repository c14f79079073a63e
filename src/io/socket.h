/* io/socket.h - the calls of a plain socket, inlined into the front of streams.
 *
 * Each tries the system call only when the descriptor's state says that it may succeed. A read that
 * was not filled has emptied the socket: the next one waits without asking, unless the peer has
 * ended (then the end is still to be read). */
#ifndef HOB_IO_SOCKET_H
#define HOB_IO_SOCKET_H

#include "io/stream.h"
#include "loop/kernel_call.h"
#include "task/fdwait.h"

/* The backend's recv and send. */
static inline __attribute__((always_inline)) ssize_t hob__stream_kernel_recv(struct hob_stream *s,
                                                                             void *buf, size_t n) {
    int fd = s->fd->fd;
    return HOB__LIKELY(s->kernel) ? hob__linux_recv(fd, buf, n, 0)
                                  : s->backend->ops->sys->recv(s->backend, fd, buf, n, 0);
}
static inline __attribute__((always_inline)) ssize_t
hob__stream_kernel_send(struct hob_stream *s, const struct iovec *iov, int count) {
    int fd = s->fd->fd;
    return HOB__LIKELY(s->kernel) ? hob__linux_send(fd, iov, count)
                                  : s->backend->ops->sys->send(s->backend, fd, iov, count);
}

/* After a read of up to n bytes. */
static inline __attribute__((always_inline)) ssize_t hob__socket_received(struct hob_stream *s,
                                                                          ssize_t got, size_t n) {
    struct hob__fd *f = s->fd;
    if (got > 0) {
        if ((size_t)got < n && s->is_tcp && !(f->ready & HOB__HUP)) f->ready &= (uint8_t)~HOB__READ;
    } else if (got == -EAGAIN) {
        f->ready &= (uint8_t)~HOB__READ;
    }
    return got;
}

static inline __attribute__((always_inline)) ssize_t hob__socket_recv(struct hob_stream *s,
                                                                      void *buf, size_t n) {
    struct hob__fd *f = s->fd;
    if (!(f->ready & HOB__READ)) return -EAGAIN;
    return hob__socket_received(s, hob__stream_kernel_recv(s, buf, n), n);
}

static inline __attribute__((always_inline)) ssize_t
hob__socket_send(struct hob_stream *s, const struct iovec *iov, int count) {
    struct hob__fd *f = s->fd;
    if (!(f->ready & HOB__WRITE)) return -EAGAIN;
    ssize_t sent = hob__stream_kernel_send(s, iov, count);
    if (sent == -EAGAIN) f->ready &= (uint8_t)~HOB__WRITE;
    return sent;
}

static inline __attribute__((always_inline)) int
hob__socket_wait(struct hob_stream *s, unsigned direction, unsigned flags) {
    return hob__fd_wait(s->fd, direction, direction == HOB__READ ? "recv" : "send", flags);
}

/* Closes the descriptor and gives its record back; pipe.c's too. */
void hob__socket_close(struct hob_stream *s);

#endif
