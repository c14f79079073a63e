/* io/socket.c - the transport of TCP and Unix sockets, and what makes a stream of one. The calls of
 * every message are inlined from socket.h into the front. */
#include "io/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "io/fail.h"
#include "task/fdwait.h"

static ssize_t socket_recv(struct hob_stream *s, void *buf, size_t n) {
    return hob__socket_recv(s, buf, n);
}

static ssize_t socket_recv_pieces(struct hob_stream *s, const struct iovec *iov, int count) {
    struct msghdr m = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)count};
    size_t n = 0;
    if (!(s->fd->ready & HOB__READ)) return -EAGAIN;
    for (int i = 0; i < count; i++) n += iov[i].iov_len;
    return hob__socket_received(s, s->backend->ops->sys->recvmsg(s->backend, s->fd->fd, &m, 0), n);
}

static ssize_t socket_send(struct hob_stream *s, const struct iovec *iov, int count) {
    return hob__socket_send(s, iov, count);
}

static int socket_wait(struct hob_stream *s, unsigned direction, unsigned flags) {
    return hob__socket_wait(s, direction, flags);
}

static int socket_shutdown(struct hob_stream *s) {
    return s->backend->ops->sys->shutdown(s->backend, s->fd->fd, SHUT_WR);
}

static ssize_t socket_send_file(struct hob_stream *s, int fd, int64_t offset, size_t n) {
    struct hob__fd *f = s->fd;
    if (!(f->ready & HOB__WRITE)) return -EAGAIN;
    ssize_t sent = s->backend->ops->sys->sendfile(s->backend, f->fd, fd, offset, n);
    if (sent == -EAGAIN) f->ready &= (uint8_t)~HOB__WRITE;
    return sent;
}

void hob__socket_close(struct hob_stream *s) {
    struct hob__backend *b = s->backend;
    int fd = s->fd->fd;
    hob__fd_close(b, s->fd);
    b->ops->sys->close(b, fd);
}

/* With a linger of nothing the kernel drops what it holds and sends a RST (TCP; a Unix socket has
 * no such thing). */
static void socket_abort(struct hob_stream *s) {
    struct linger none = {.l_onoff = 1, .l_linger = 0};
    s->backend->ops->sys->setsockopt(s->backend, s->fd->fd, SOL_SOCKET, SO_LINGER, &none,
                                     sizeof none);
    hob__socket_close(s);
}

static bool socket_broken(struct hob_stream *s) {
    char byte;
    if (s->fd->armed && !(s->fd->ready & (HOB__READ | HOB__HUP))) return false;
    ssize_t got = s->backend->ops->sys->recv(s->backend, s->fd->fd, &byte, 1, MSG_PEEK);
    if (got == -EAGAIN) s->fd->ready &= (uint8_t)~HOB__READ;
    return got != -EAGAIN;
}

#define SOCKET(title)                                                                              \
    {                                                                                              \
        .name = title, .recv = socket_recv, .send = socket_send, .wait = socket_wait,              \
        .shutdown = socket_shutdown, .close = hob__socket_close, .broken = socket_broken,          \
        .abort = socket_abort, .send_file = socket_send_file, .recv_pieces = socket_recv_pieces    \
    }
const struct hob__transport hob__tcp = SOCKET("tcp"), hob__unix = SOCKET("unix");

static struct hob_stream *make(struct hob__backend *b, int fd, const struct sockaddr *peer,
                               socklen_t size) {
    char text[HOB__ADDRESS_TEXT];
    bool is_tcp = peer->sa_family != AF_UNIX;
    hob__address_format(peer, size, text, sizeof text);
    struct hob_stream *s = hob__stream_make(b, fd, is_tcp ? &hob__tcp : &hob__unix, text);
    if (!s) return NULL;
    s->direct = true;
    s->is_tcp = is_tcp;
    hob__stream_update(s);
    return s;
}

static void set_nodelay(struct hob_stream *s) {
    int on = 1;
    if (!s->is_tcp) return;
    s->backend->ops->sys->setsockopt(s->backend, s->fd->fd, IPPROTO_TCP, TCP_NODELAY, &on,
                                     sizeof on);
}

struct hob_stream *hob__stream_accepted(struct hob__backend *b, int fd, const struct sockaddr *peer,
                                        socklen_t size) {
    struct hob_stream *s = make(b, fd, peer, size);
    if (!s) b->ops->sys->close(b, fd);
    return s;
}

struct hob_stream *hob__stream_new(struct hob__backend *b, int fd, const struct sockaddr *peer,
                                   socklen_t size) {
    struct hob_stream *s = hob__stream_accepted(b, fd, peer, size);
    if (s) set_nodelay(s);
    return s;
}

static int open_stream(struct hob__backend *b, int fd, struct hob_stream **out) {
    struct sockaddr_storage peer;
    socklen_t n = sizeof peer;
    int rc = b->ops->sys->getpeername(b, fd, (struct sockaddr *)&peer, &n);
    if (rc == -ENOTSOCK) return hob__stream_open_other(b, fd, out);
    if (rc < 0) return rc;
    int type = 0;
    socklen_t size = sizeof type;
    rc = b->ops->sys->getsockopt(b, fd, SOL_SOCKET, SO_TYPE, &type, &size);
    if (rc < 0) return rc;
    if (type != SOCK_STREAM) return -EPROTOTYPE;
    *out = make(b, fd, (struct sockaddr *)&peer, n);
    if (!*out) return -ENOMEM;
    set_nodelay(*out);
    return 0;
}

int hob_stream_open(int fd, struct hob_stream **out) {
    int rc = open_stream(hob__backend_current(__func__), fd, out);
    return hob__said(rc, "cannot make a stream of descriptor %d: %s", fd,
                     rc == -EPROTOTYPE ? "its socket is not of type SOCK_STREAM"
                                       : hob_strerror(rc));
}
