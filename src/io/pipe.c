/* io/pipe.c - the transport of descriptors that are no sockets: pipes, FIFOs, terminals, and files.
 *
 * A short read says nothing here: a terminal gives one line at a time, a pipe in packet mode one
 * packet. Files are always ready, in the kernel's eyes, and then wait for the disk: they go through
 * the loop's completions. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>

#include "io/socket.h"

/* hob_stream.kind */
enum {
    PTY_MASTER = 1, /* the end looks like an error */
    RESTORE = 2     /* it was blocking */
};

static ssize_t received(struct hob_stream *s, ssize_t got) {
    if (got == -EAGAIN) s->fd->ready &= (uint8_t)~HOB__READ;
    return got == -EIO && (s->kind & PTY_MASTER) ? 0 : got;
}

static ssize_t pipe_recv(struct hob_stream *s, void *buf, size_t n) {
    struct hob__fd *f = s->fd;
    if (HOB__UNLIKELY(!f)) return -EBADF;
    if (!(f->ready & HOB__READ)) return -EAGAIN;
    return received(s, s->backend->ops->sys->read(s->backend, f->fd, buf, n));
}

static ssize_t pipe_recv_pieces(struct hob_stream *s, const struct iovec *iov, int count) {
    struct hob__fd *f = s->fd;
    if (HOB__UNLIKELY(!f)) return -EBADF;
    if (!(f->ready & HOB__READ)) return -EAGAIN;
    return received(s, s->backend->ops->sys->readv(s->backend, f->fd, iov, count));
}

static ssize_t pipe_send(struct hob_stream *s, const struct iovec *iov, int count) {
    struct hob__fd *f = s->fd;
    if (HOB__UNLIKELY(!f)) return -EPIPE;
    if (!(f->ready & HOB__WRITE)) return -EAGAIN;
    ssize_t sent = s->backend->ops->sys->writev(s->backend, f->fd, iov, count);
    if (sent == -EAGAIN) f->ready &= (uint8_t)~HOB__WRITE;
    return sent;
}

static int pipe_wait(struct hob_stream *s, unsigned direction, unsigned flags) {
    return hob__fd_wait(s->fd, direction, direction == HOB__READ ? "read" : "write", flags);
}

static void pipe_close(struct hob_stream *s) {
    if (!s->fd) return;
    if (s->kind & RESTORE) s->backend->ops->sys->set_nonblock(s->backend, s->fd->fd, false);
    hob__socket_close(s);
    s->fd = NULL;
}

/* A pipe's end is told by closing it. */
static int pipe_shutdown(struct hob_stream *s) {
    if (!s->fd) return 0;
    int flags = s->backend->ops->sys->get_flags(s->backend, s->fd->fd);
    if (flags < 0) return flags;
    if ((flags & O_ACCMODE) != O_WRONLY) return -ENOTSUP;
    pipe_close(s);
    return 0;
}

static bool pipe_broken(struct hob_stream *s) {
    struct hob__backend *b = s->backend;
    return !s->fd || b->ops->sys->poll(b, s->fd->fd, POLLIN) != 0;
}

static ssize_t file_recv_pieces(struct hob_stream *s, const struct iovec *iov, int count) {
    struct hob__op op = {
        .code = HOB__OP_PREADV, .fd = s->fd->fd, .iov = iov, .iov_count = count, .offset = -1};
    return hob__op_run(&op, "read");
}

static ssize_t file_recv(struct hob_stream *s, void *buf, size_t n) {
    struct iovec iov = {buf, n};
    return file_recv_pieces(s, &iov, 1);
}

static ssize_t file_send(struct hob_stream *s, const struct iovec *iov, int count) {
    struct hob__op op = {
        .code = HOB__OP_PWRITEV, .fd = s->fd->fd, .iov = iov, .iov_count = count, .offset = -1};
    return hob__op_run(&op, "write");
}

static int file_wait(struct hob_stream *s, unsigned direction, unsigned flags) {
    (void)s, (void)direction, (void)flags;
    return 0;
}

static int file_shutdown(struct hob_stream *s) {
    (void)s;
    return 0;
}

static bool file_broken(struct hob_stream *s) {
    (void)s;
    return false;
}

#define PIPE(title)                                                                                \
    {                                                                                              \
        .name = title, .recv = pipe_recv, .send = pipe_send, .wait = pipe_wait,                    \
        .shutdown = pipe_shutdown, .close = pipe_close, .broken = pipe_broken,                     \
        .recv_pieces = pipe_recv_pieces                                                            \
    }
static const struct hob__transport pipes = PIPE("pipe"), terminals = PIPE("terminal"),
                                   others = PIPE("descriptor");
static const struct hob__transport files = {.name = "file",
                                            .recv = file_recv,
                                            .send = file_send,
                                            .wait = file_wait,
                                            .shutdown = file_shutdown,
                                            .close = hob__socket_close,
                                            .broken = file_broken,
                                            .recv_pieces = file_recv_pieces};

int hob__stream_open_other(struct hob__backend *b, int fd, struct hob_stream **out) {
    struct hob__descriptor d;
    int rc = b->ops->sys->describe(b, fd, &d);
    if (rc < 0) return rc;
    if (S_ISDIR(d.type)) return -EISDIR;
    bool is_file = S_ISREG(d.type) || S_ISBLK(d.type);
    const struct hob__transport *t = is_file            ? &files
                                     : S_ISFIFO(d.type) ? &pipes
                                     : d.terminal       ? &terminals
                                                        : &others;
    char text[32];
    snprintf(text, sizeof text, "%s %d", t->name, fd);
    struct hob_stream *s = hob__stream_make(b, fd, t, text);
    if (!s) return -ENOMEM;
    s->kind = d.pty_master ? PTY_MASTER : 0;
    if (!is_file && b->ops->sys->set_nonblock(b, fd, true) == 0) s->kind |= RESTORE;
    *out = s;
    return 0;
}

bool hob__is_pipe(const struct hob_stream *s) { return s->transport == &pipes; }
