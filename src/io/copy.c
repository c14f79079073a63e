/* io/copy.c - from one stream to another, and from a file into a stream, without the program's
 * memory in between where the kernel can do that.
 *
 * hob_copy() between plain sockets: while little comes, it goes through the stream's buffer, which
 * is the cheapest way for it; once a whole chunk comes at a time, it is spliced, through a pipe
 * that is held only while there are bytes in it. If one of the two is a pipe itself, no other is
 * needed. Whatever ends the copying, what has been taken out of `from` and could not be sent is put
 * back there.
 *
 * hob_send_file(): sendfile() would hold the loop while the disk is read. So each piece is asked
 * for in the page cache first, once, some pieces ahead of what is sent; one that is not there is
 * read through the loop's completions and then sent, which makes the kernel read ahead. */
#include <fcntl.h>
#include <hob/error.h>
#include <hob/task.h>
#include <poll.h>

#include "io/fail.h"
#include "io/pool.h"
#include "io/socket.h"
#include "task/wait.h"

enum {
    SPLICE = 65536,      /* what an empty pipe holds */
    BULK = 8192,         /* a splice that moved less was not worth it */
    FILE_PIECE = 131072, /* as far as the kernel reads ahead */
    FILE_AHEAD = 2 * FILE_PIECE
};

struct copy {
    struct hob_stream *from, *to;
    int64_t max, done;
    bool can_splice, via_pipe, bulk;
    bool told;      /* the error that ended it has a record, which says which side it is of */
    bool left_over; /* bytes are in the pipe that could not be put back */
};

static size_t left(const struct copy *c, size_t at_most) {
    uint64_t rest = (uint64_t)(c->max - c->done);
    return rest < at_most ? (size_t)rest : at_most;
}

static bool plain(const struct hob_stream *s) {
    if (!s->fd || !(s->direct || hob__is_pipe(s))) return false;
    int flags = s->backend->ops->sys->get_flags(s->backend, s->fd->fd);
    return flags >= 0 && (flags & O_NONBLOCK) && !(flags & O_APPEND);
}

/* Waits for the one direction; the bit says that the last try found nothing. */
static int wait_for(struct hob_stream *s, unsigned direction) {
    s->fd->ready &= (uint8_t)~direction;
    return s->transport->wait(s, direction, HOB__WAIT_PLAIN);
}

/* An error of the one side, by the kernel's way. */
static ssize_t side_failed(struct copy *c, const struct hob_stream *s, ssize_t rc) {
    c->told = hob__wants_words(rc);
    return hob__stream_failed(s, rc, s == c->to ? "write to" : "read from");
}

/* Some of the piece; *sent says how many bytes, whatever the result: 1 or an error. Waits. */
static int send_some(struct hob_stream *to, const struct iovec *piece, size_t *sent) {
    for (;;) {
        ssize_t n = to->transport->send(to, piece, 1);
        *sent = n > 0 ? (size_t)n : 0;
        if (n != -EAGAIN) return n < 0 ? (int)n : 1;
        int rc = to->transport->wait(to, HOB__WRITE, HOB__WAIT_PLAIN);
        if (rc == 0) continue;
        *sent = hob__stream_committed(to);
        return rc;
    }
}

/* Some of what is in the buffer: 1 or an error. */
static int send_buffered(struct copy *c) {
    struct hob__buffer *in = &c->from->in;
    struct iovec piece = {hob__buffer_bytes(in), left(c, hob__buffer_size(in))};
    size_t sent;
    int rc = send_some(c->to, &piece, &sent);
    hob__buffer_take(in, sent);
    c->done += (int64_t)sent;
    return rc < 0 ? (int)side_failed(c, c->to, rc) : rc;
}

/* ---- splicing ---- */

/* It cannot be done after all (-EINVAL): the ordinary way can. */
static int refused(struct copy *c, ssize_t rc) {
    if (rc != -EINVAL) return (int)rc;
    c->can_splice = c->bulk = false;
    return 1;
}

/* The kernel tells a connection's error once. */
static void keep_error(struct hob_stream *from, int rc) {
    from->read_error = rc;
    hob__stream_update(from);
}

/* One of the two is a pipe: 1, 0 at the end, -EAGAIN: not in this way now, or an error. */
static int splice_directly(struct copy *c) {
    struct hob__backend *b = c->from->backend;
    int from = c->from->fd->fd, to = c->to->fd->fd;
    ssize_t n = b->ops->sys->splice(b, from, to, left(c, SPLICE));
    if (n > 0) c->done += n;
    if (n >= 0) return n > 0;
    if (n != -EAGAIN) {
        int rc = refused(c, n);
        bool of_to = !hob__is_pipe(c->to) || n == -EPIPE; /* the other end of the pipe has gone */
        if (rc < 0 && !of_to) keep_error(c->from, rc);
        return rc < 0 ? (int)side_failed(c, of_to ? c->to : c->from, rc) : rc;
    }
    /* Which of them has to be waited for? It may have become ready since. */
    int there = b->ops->sys->poll(b, from, POLLIN), room = b->ops->sys->poll(b, to, POLLOUT);
    if (there < 0 || room < 0) return there < 0 ? there : room;
    if (there && room) return -EAGAIN;
    int rc = there ? wait_for(c->to, HOB__WRITE) : wait_for(c->from, HOB__READ);
    return rc < 0 ? rc : 1;
}

/* n bytes of the pipe go back to where they came from. The first that cannot ends that: nothing may
 * come behind a gap. */
static void put_back(struct copy *c, int pipe_end, size_t n) {
    struct hob__backend *b = c->from->backend;
    char *bytes = hob__chunk_take();
    while (n > 0 && !c->from->read_error) {
        ssize_t got = bytes ? b->ops->sys->read(b, pipe_end, bytes, n < HOB__CHUNK ? n : HOB__CHUNK)
                            : -ENOMEM;
        if (got <= 0) {
            c->from->read_error = -ENOMEM;
            hob__stream_update(c->from);
            break;
        }
        n -= (size_t)got;
        hob__stream_put_back(c->from, bytes, (size_t)got);
    }
    c->left_over = n > 0;
    if (bytes) hob__chunk_give(bytes);
}

static int drain_pipe(struct copy *c, const int end[2], size_t n) {
    struct hob__backend *b = c->from->backend;
    ssize_t rc = 0;
    while (n > 0 && rc >= 0) {
        rc = b->ops->sys->splice(b, end[0], c->to->fd->fd, n);
        if (rc == -EAGAIN) {
            rc = wait_for(c->to, HOB__WRITE);
        } else if (rc > 0) {
            c->done += rc;
            n -= (size_t)rc;
        }
    }
    if (n == 0) return 1;
    put_back(c, end[0], n);
    rc = refused(c, rc);
    return rc < 0 ? (int)side_failed(c, c->to, rc) : (int)rc;
}

static int splice_through_pipe(struct copy *c) {
    struct hob_stream *from = c->from;
    struct hob__backend *b = from->backend;
    int end[2];
    int rc = hob__pipe_take(b, end);
    if (rc < 0) { /* no descriptor is left */
        c->can_splice = c->bulk = false;
        return 1;
    }
    ssize_t n = b->ops->sys->splice(b, from->fd->fd, end[1], left(c, SPLICE));
    c->bulk = n >= BULK;
    if (n > 0)
        rc = drain_pipe(c, end, (size_t)n);
    else
        rc = n == -EAGAIN ? 1 : n == 0 ? 0 : refused(c, n);
    if (n < 0 && rc < 0) side_failed(c, from, rc);
    if (n == -EAGAIN) from->fd->ready &= (uint8_t)~HOB__READ;
    if (n < 0 && rc < 0) keep_error(from, rc);
    if (c->left_over) /* they are not for the next stream that is copied */
        hob__pipe_drop(b, end);
    else
        hob__pipe_give(b, end);
    return rc;
}

/* ---- hob_copy ---- */

static int copy_some(struct copy *c) {
    int rc = hob__io_point("hob_copy");
    if (rc < 0) return rc;
    if (hob__buffer_size(&c->from->in) > 0) return send_buffered(c);
    if (c->from->read_error) return (int)side_failed(c, c->from, c->from->read_error);
    if (c->can_splice && !c->via_pipe && (rc = splice_directly(c)) != -EAGAIN) return rc;
    if (c->bulk && (c->from->fd->ready & HOB__READ)) return splice_through_pipe(c);
    ssize_t got = hob__stream_fill(c->from, HOB__CHUNK, HOB__WAIT_PLAIN, "hob_copy");
    c->bulk = c->can_splice && got == HOB__CHUNK;
    c->told = hob__wants_words(got);
    return got > 0 ? 1 : (int)got;
}

/* What is between two ends is told with both; what one of them has said is its cause. */
static int copy_failed(const struct copy *c, int rc) {
    const char *from = c->from->peer, *to = c->to->peer;
    if (!hob__wants_words(rc)) return rc;
    return c->told ? hob_fail_from(rc, "cannot copy from %s to %s", from, to)
                   : hob_fail(rc, "cannot copy from %s to %s", from, to);
}

static void enter(struct hob_stream *from, struct hob_stream *to, const char *func) {
    if (from && from->reads)
        hob__misuse(func, "two tasks read from the stream to %s at once", from->peer);
    if (to->writes) hob__misuse(func, "two tasks write to the stream to %s at once", to->peer);
}

int64_t hob__copy(struct hob_stream *from, struct hob_stream *to, struct hob_copy_options o) {
    static const char func[] = "hob_copy";
    enter(from, to, func);
    struct copy c = {.from = from, .to = to, .max = o.max > 0 ? o.max : INT64_MAX};
    int rc = hob_flush(to);
    c.told = rc < 0;
    if (rc == 0) {
        enter(from, to, func);
        from->reads = to->writes = true;
        to->write_calls++;
        if (plain(from) && plain(to)) {
            c.can_splice = true;
            c.via_pipe = !hob__is_pipe(from) && !hob__is_pipe(to);
        }
        rc = 1;
        while (rc > 0 && c.done < c.max) rc = copy_some(&c);
        from->reads = to->writes = false;
        if (from->in.data && hob__buffer_size(&from->in) == 0) hob__stream_drop_buffer(from);
    }
    if (o.done) *o.done = c.done;
    return rc < 0 ? copy_failed(&c, rc) : c.done;
}

/* ---- hob_send_file ---- */

struct file {
    struct hob_stream *to;
    int fd;
    int64_t offset, end, done;
    int64_t cached; /* from the offset on: so much has been found in the page cache */
    bool by_kernel;
    bool told; /* as above */
};

static size_t piece(const struct file *f, size_t at_most) {
    uint64_t rest = (uint64_t)(f->end - f->offset - f->done);
    return rest < at_most ? (size_t)rest : at_most;
}

static bool byte_is_cached(const struct file *f, int64_t offset) {
    struct hob__backend *b = f->to->backend;
    char byte;
    struct iovec iov = {&byte, 1};
    struct hob__op op = {
        .code = HOB__OP_PREADV, .fd = f->fd, .iov = &iov, .iov_count = 1, .offset = offset};
    return b->ops->attempt(b, &op) >= 0; /* 0: behind the end, which takes no reading either */
}

/* How many bytes can be sent without reading the disk. */
static size_t look_into_cache(struct file *f) {
    int64_t all = f->end - f->offset;
    if (f->cached < f->done) f->cached = f->done;
    while (f->cached < all && f->cached - f->done < FILE_AHEAD) {
        int64_t next = all - f->cached < FILE_PIECE ? all : f->cached + FILE_PIECE;
        if (!byte_is_cached(f, f->offset + f->cached) || !byte_is_cached(f, f->offset + next - 1))
            break;
        f->cached = next;
    }
    return (size_t)(f->cached - f->done);
}

/* 1, 0 at the end of the file, or an error. */
static int send_cached(struct file *f, size_t n) {
    struct hob_stream *to = f->to;
    ssize_t sent = to->transport->send_file(to, f->fd, f->offset + f->done, n);
    if (sent == -EAGAIN) {
        int rc = to->transport->wait(to, HOB__WRITE, HOB__WAIT_PLAIN);
        return rc < 0 ? rc : 1;
    }
    if (sent > 0) f->done += sent;
    return sent > 0 ? 1 : (int)sent;
}

static int send_chunk(struct file *f, char *chunk) {
    struct hob_stream *to = f->to;
    struct iovec iov = {chunk, piece(f, HOB__CHUNK)};
    struct hob__op op = {.code = HOB__OP_PREADV,
                         .fd = f->fd,
                         .iov = &iov,
                         .iov_count = 1,
                         .offset = f->offset + f->done};
    ssize_t got = hob__op_run(&op, "preadv");
    if (got <= 0) {
        f->told = hob__wants_words(got);
        return (int)hob__said(got, "cannot read from descriptor %d at %lld: %s", f->fd,
                              (long long)op.offset, hob_strerror((int)got));
    }
    iov.iov_len = (size_t)got;
    while (iov.iov_len > 0) {
        int rc = hob__io_point("hob_send_file");
        if (rc < 0) return rc;
        size_t sent;
        rc = send_some(to, &iov, &sent);
        f->done += (int64_t)sent;
        f->told = hob__wants_words(rc);
        if (rc < 0) return (int)hob__stream_failed(to, rc, "write to");
        iov.iov_base = (char *)iov.iov_base + sent;
        iov.iov_len -= sent;
    }
    return 1;
}

static int send_piece(struct file *f) {
    int rc = hob__io_point("hob_send_file");
    if (rc < 0) return rc;
    if (f->by_kernel) {
        size_t n = look_into_cache(f);
        if (n > 0) {
            rc = send_cached(f, n);
            if (rc != -EINVAL && rc != -EOPNOTSUPP) return rc;
            f->by_kernel = false; /* a device, a filesystem without a page cache */
        }
    }
    char *chunk = hob__chunk_take();
    if (!chunk) return -ENOMEM;
    rc = send_chunk(f, chunk);
    hob__chunk_give(chunk);
    return rc;
}

static int file_failed(const struct file *f, int rc) {
    const char *to = f->to->peer;
    if (!hob__wants_words(rc)) return rc;
    return f->told ? hob_fail_from(rc, "cannot send from descriptor %d to %s", f->fd, to)
                   : hob_fail(rc, "cannot send from descriptor %d to %s", f->fd, to);
}

int64_t hob__send_file(struct hob_stream *to, int fd, int64_t offset, int64_t n,
                       struct hob_copy_options o) {
    static const char func[] = "hob_send_file";
    enter(NULL, to, func);
    if (offset < 0)
        return hob_fail(-EINVAL, "cannot send from descriptor %d at %lld to %s", fd,
                        (long long)offset, to->peer);
    if (n < 0 || n > INT64_MAX - offset) n = INT64_MAX - offset;
    struct file f = {.to = to, .fd = fd, .offset = offset, .end = offset + n};
    int rc = hob_flush(to);
    f.told = rc < 0;
    if (rc == 0) {
        enter(NULL, to, func);
        to->writes = true;
        to->write_calls++;
        f.by_kernel = to->transport->send_file && (!to->direct || plain(to));
        rc = 1;
        while (rc > 0 && f.offset + f.done < f.end) rc = send_piece(&f);
        to->writes = false;
    }
    if (o.done) *o.done = f.done;
    return rc < 0 ? file_failed(&f, rc) : f.done;
}
