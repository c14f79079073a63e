/* loop/sim/sys.c - struct hob__sys of the simulated world: finds the end behind a number, and calls
 * its kind. */
#include <fcntl.h>
#include <poll.h>

#include "loop/process.h"
#include "loop/sim/flow.h"
#include "loop/sim/sim.h"

/* The end; for a real descriptor the real call, where there may be one. */
#define END(b, fd, call)                                                                           \
    struct hob__sim_end *e = hob__sim_end_of((b), (fd));                                           \
    if (HOB__UNLIKELY(!e)) return hob__sim_outside((b), (fd)) ? hob__sys_linux.call : -EBADF

/* The same, of a call that a signal may interrupt. */
#define CALL(b, fd, call, name)                                                                    \
    END(b, fd, call);                                                                              \
    if (hob__sim_interrupted(e->host->world)) hob__sim_interrupt(e->host->world, e->host, name)

static int opened(struct hob__sim_end *e) {
    int fd = hob__sim_end_open(e);
    if (fd < 0) hob__sim_end_close(e, true);
    return fd;
}

static int sim_socket(struct hob__backend *b, int domain, int type, int protocol) {
    struct hob__sim_host *h = hob__sim_host_of(b);
    (void)protocol;
    type &= ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (((struct hob__sim_loop *)b->state)->ghost) return -ENETDOWN;
    if (type == SOCK_STREAM && (domain == AF_INET || domain == AF_INET6))
        return opened(hob__sim_tcp_new(h, (sa_family_t)domain));
    if (type == SOCK_DGRAM && (domain == AF_INET || domain == AF_INET6))
        return opened(hob__sim_udp_new(h, (sa_family_t)domain));
    if (type == SOCK_STREAM && domain == AF_UNIX) return opened(hob__sim_unix_new(h));
    return -EAFNOSUPPORT;
}

static int sim_connect(struct hob__backend *b, int fd, const struct sockaddr *addr, socklen_t n) {
    END(b, fd, connect(b, fd, addr, n));
    struct hob__sim *w = e->host->world;
    if (hob__sim_chance(w, HOB__SIM_FAULT, w->faults.no_memory)) return -ENOBUFS;
    int rc = e->kind->connect ? e->kind->connect(e, addr, n) : -ENOTSOCK;
    /* Interrupted, it goes on. */
    if (e->kind->accept && addr->sa_family != AF_UNIX && hob__sim_interrupted(w)) {
        hob__sim_interrupt(w, e->host, "connect");
        if (rc == 0) rc = -EINPROGRESS;
    }
    return rc;
}

static int sim_bind(struct hob__backend *b, int fd, const struct sockaddr *addr, socklen_t n) {
    END(b, fd, bind(b, fd, addr, n));
    return e->kind->bind ? e->kind->bind(e, addr, n) : -ENOTSOCK;
}

static int sim_listen(struct hob__backend *b, int fd, int backlog) {
    END(b, fd, listen(b, fd, backlog));
    return e->kind->listen ? e->kind->listen(e, backlog) : -EOPNOTSUPP;
}

/* What goes away by itself; the connection stays in the backlog. */
static int accept_fault(struct hob__sim *w) {
    static const int errors[] = {-EMFILE, -ENFILE, -ENOBUFS, -ENOMEM};
    if (!hob__sim_chance(w, HOB__SIM_FAULT, w->faults.accept)) return 0;
    return errors[hob__sim_below(w, HOB__SIM_FAULT, 4)];
}

static int sim_accept(struct hob__backend *b, int fd, struct sockaddr *addr, socklen_t *n) {
    CALL(b, fd, accept(b, fd, addr, n), "accept");
    if (!e->kind->accept) return -EOPNOTSUPP;
    struct hob__sim *w = e->host->world;
    int rc = e->kind->level(e) & HOB__READ ? accept_fault(w) : 0;
    if (rc < 0) return rc;
    struct hob__sim_end *got = e->kind->accept(e, &rc);
    if (!got) return rc;
    if (addr) got->kind->getpeername(got, addr, n);
    return got->fd;
}

static ssize_t sim_recv(struct hob__backend *b, int fd, void *buf, size_t n, int flags) {
    CALL(b, fd, recv(b, fd, buf, n, flags), "recv");
    return e->kind->recv ? e->kind->recv(e, buf, n, flags) : -EBADF;
}

static ssize_t sim_send(struct hob__backend *b, int fd, const struct iovec *iov, int count) {
    CALL(b, fd, send(b, fd, iov, count), "send");
    return e->kind->send ? e->kind->send(e, iov, count) : -EBADF;
}

/* By one read, since a second one could take an error that is to be told later. */
static ssize_t recv_pieces(struct hob__sim_end *e, const struct iovec *iov, int count, int flags) {
    char buf[16384];
    size_t n = hob__sim_iov_size(iov, count);
    if (n == 0) return 0;
    ssize_t got = e->kind->recv(e, buf, n < sizeof buf ? n : sizeof buf, flags);
    for (ssize_t at = 0; at < got; iov++) {
        size_t piece = iov->iov_len < (size_t)(got - at) ? iov->iov_len : (size_t)(got - at);
        if (piece) memcpy(iov->iov_base, buf + at, piece);
        at += (ssize_t)piece;
    }
    /* Else a read of fewer bytes than there is room for would tell that there are no more. */
    if (got == sizeof buf && n > sizeof buf) hob__sim_raise(e, HOB__READ);
    return got;
}

static ssize_t sim_recvmsg(struct hob__backend *b, int fd, struct msghdr *m, int flags) {
    CALL(b, fd, recvmsg(b, fd, m, flags), "recvmsg");
    if (e->kind->recvmsg) return e->kind->recvmsg(e, m, flags);
    if (!e->kind->recv) return -ENOTSOCK;
    m->msg_controllen = 0;
    m->msg_flags = 0;
    return recv_pieces(e, m->msg_iov, (int)m->msg_iovlen, flags);
}

static ssize_t sim_sendmsg(struct hob__backend *b, int fd, const struct msghdr *m, int flags) {
    CALL(b, fd, sendmsg(b, fd, m, flags), "sendmsg");
    if (e->kind->sendmsg) return e->kind->sendmsg(e, m, flags);
    if (!e->kind->send) return -ENOTSOCK;
    if (m->msg_controllen > 0) return -EOPNOTSUPP;
    return e->kind->send(e, m->msg_iov, (int)m->msg_iovlen);
}

static ssize_t sim_recvfrom(struct hob__backend *b, int fd, void *buf, size_t n, int flags,
                            struct sockaddr *from, socklen_t *size) {
    struct iovec iov = {buf, n};
    struct msghdr m = {
        .msg_name = from, .msg_namelen = from ? *size : 0, .msg_iov = &iov, .msg_iovlen = 1};
    ssize_t rc = sim_recvmsg(b, fd, &m, flags);
    if (rc >= 0 && from) *size = m.msg_namelen;
    return rc;
}

static int sim_recvmmsg(struct hob__backend *b, int fd, struct mmsghdr *m, unsigned n, int flags) {
    unsigned done = 0;
    for (; done < n; done++) {
        ssize_t rc = sim_recvmsg(b, fd, &m[done].msg_hdr, flags);
        if (rc < 0) return done ? (int)done : (int)rc;
        m[done].msg_len = (unsigned)rc;
    }
    return (int)done;
}

static int sim_sendmmsg(struct hob__backend *b, int fd, struct mmsghdr *m, unsigned n) {
    unsigned done = 0;
    for (; done < n; done++) {
        ssize_t rc = sim_sendmsg(b, fd, &m[done].msg_hdr, 0);
        if (rc < 0) return done ? (int)done : (int)rc;
        m[done].msg_len = (unsigned)rc;
    }
    return (int)done;
}

static ssize_t sim_read(struct hob__backend *b, int fd, void *buf, size_t n) {
    CALL(b, fd, read(b, fd, buf, n), "read");
    return e->kind->recv ? e->kind->recv(e, buf, n, 0) : -EBADF;
}

static ssize_t sim_readv(struct hob__backend *b, int fd, const struct iovec *iov, int count) {
    CALL(b, fd, readv(b, fd, iov, count), "readv");
    return e->kind->recv ? recv_pieces(e, iov, count, 0) : -EBADF;
}

static ssize_t sim_writev(struct hob__backend *b, int fd, const struct iovec *iov, int count) {
    CALL(b, fd, writev(b, fd, iov, count), "writev");
    return e->kind->send ? e->kind->send(e, iov, count) : -EBADF;
}

static ssize_t sim_splice(struct hob__backend *b, int from, int to, size_t n) {
    struct hob__sim_end *in = hob__sim_end_of(b, from), *out = hob__sim_end_of(b, to);
    bool real_in = !in && hob__sim_outside(b, from), real_out = !out && hob__sim_outside(b, to);
    if (real_in && real_out) return hob__sys_linux.splice(b, from, to, n);
    if (real_in || real_out) return -EINVAL; /* the caller reads and writes then */
    if (!in || !out || !in->kind->recv || !out->kind->send) return -EBADF;
    struct hob__sim *w = in->host->world;
    if (hob__sim_interrupted(w)) hob__sim_interrupt(w, in->host, "splice");
    char buf[16384];
    size_t room = out->kind->room ? out->kind->room(out) : n;
    if (n > sizeof buf) n = sizeof buf;
    if (n > room) n = room;
    ssize_t got = in->kind->recv(in, buf, n ? n : 1, MSG_PEEK);
    if (got <= 0) return got;
    struct iovec iov = {buf, (size_t)got};
    ssize_t sent = out->kind->send(out, &iov, 1); /* EAGAIN: it remembers that we wait */
    for (ssize_t at = 0; at < sent;) {            /* a read may be short */
        ssize_t more = in->kind->recv(in, buf, (size_t)(sent - at), 0);
        if (more <= 0) break;
        at += more;
    }
    return sent;
}

static ssize_t sim_sendfile(struct hob__backend *b, int to, int from, int64_t offset, size_t n) {
    if (hob__sim_outside(b, to) && hob__sim_outside(b, from))
        return hob__sys_linux.sendfile(b, to, from, offset, n);
    return -EINVAL; /* as for what it cannot do: the caller reads and writes then */
}

static int sim_pipe(struct hob__backend *b, int ends[2]) {
    return hob__sim_pipe(hob__sim_host_of(b), ends);
}

static int sim_describe(struct hob__backend *b, int fd, struct hob__descriptor *out) {
    END(b, fd, describe(b, fd, out));
    *out = (struct hob__descriptor){.type = e->kind->type ? e->kind->type(e) : S_IFSOCK};
    return 0;
}

static int sim_get_flags(struct hob__backend *b, int fd) {
    END(b, fd, get_flags(b, fd));
    return O_NONBLOCK | (e->kind->flags ? e->kind->flags(e) : O_RDWR);
}

static int sim_set_nonblock(struct hob__backend *b, int fd, bool on) {
    END(b, fd, set_nonblock(b, fd, on));
    (void)on;
    return 1; /* none blocks */
}

static int sim_shutdown(struct hob__backend *b, int fd, int how) {
    END(b, fd, shutdown(b, fd, how));
    return e->kind->shutdown ? e->kind->shutdown(e, how) : -ENOTSOCK;
}

static int sim_getsockopt(struct hob__backend *b, int fd, int level, int name, void *value,
                          socklen_t *n) {
    END(b, fd, getsockopt(b, fd, level, name, value, n));
    return e->kind->getsockopt ? e->kind->getsockopt(e, level, name, value, n) : -ENOTSOCK;
}

static int sim_setsockopt(struct hob__backend *b, int fd, int level, int name, const void *value,
                          socklen_t n) {
    END(b, fd, setsockopt(b, fd, level, name, value, n));
    return e->kind->setsockopt ? e->kind->setsockopt(e, level, name, value, n) : -ENOTSOCK;
}

static int sim_getsockname(struct hob__backend *b, int fd, struct sockaddr *addr, socklen_t *n) {
    END(b, fd, getsockname(b, fd, addr, n));
    return e->kind->getsockname ? e->kind->getsockname(e, addr, n) : -ENOTSOCK;
}

static int sim_getpeername(struct hob__backend *b, int fd, struct sockaddr *addr, socklen_t *n) {
    END(b, fd, getpeername(b, fd, addr, n));
    return e->kind->getpeername ? e->kind->getpeername(e, addr, n) : -ENOTSOCK;
}

static int sim_poll(struct hob__backend *b, int fd, int events) {
    END(b, fd, poll(b, fd, events));
    unsigned bits = e->kind->level ? e->kind->level(e) : HOB__READ | HOB__WRITE;
    int now = (bits & HOB__READ ? POLLIN : 0) | (bits & HOB__WRITE ? POLLOUT : 0) |
              (bits & HOB__HUP ? POLLRDHUP | POLLHUP : 0);
    return now & (events | POLLHUP | POLLERR);
}

static int sim_close(struct hob__backend *b, int fd) {
    END(b, fd, close(b, fd));
    hob__sim_end_close(e, false);
    return 0;
}

/* There are no programs to start in this world; outside of it there are. */
static bool has_outside(struct hob__backend *b) { return hob__sim_outside(b, 0); }

static int sim_child_pipe(struct hob__backend *b, int ends[2]) {
    return has_outside(b) ? hob__sys_linux.pipe(b, ends) : sim_pipe(b, ends);
}

static int sim_start(struct hob__backend *b, struct hob__start *s) {
    return has_outside(b) ? hob__sys_linux.start(b, s) : -ENOSYS;
}

static int sim_reap(struct hob__backend *b, int pidfd, bool keep, struct hob_process_status *st) {
    return has_outside(b) ? hob__sys_linux.reap(b, pidfd, keep, st) : -ENOSYS;
}

static int sim_kill(struct hob__backend *b, int pidfd, pid_t pid, bool group, int sig) {
    return has_outside(b) ? hob__sys_linux.kill(b, pidfd, pid, group, sig) : -ENOSYS;
}

const struct hob__sys hob__sys_sim = {
    .socket = sim_socket,
    .connect = sim_connect,
    .bind = sim_bind,
    .listen = sim_listen,
    .accept = sim_accept,
    .recv = sim_recv,
    .send = sim_send,
    .recvfrom = sim_recvfrom,
    .recvmsg = sim_recvmsg,
    .sendmsg = sim_sendmsg,
    .recvmmsg = sim_recvmmsg,
    .sendmmsg = sim_sendmmsg,
    .read = sim_read,
    .readv = sim_readv,
    .writev = sim_writev,
    .splice = sim_splice,
    .sendfile = sim_sendfile,
    .splice_pipe = sim_pipe,
    .describe = sim_describe,
    .get_flags = sim_get_flags,
    .set_nonblock = sim_set_nonblock,
    .shutdown = sim_shutdown,
    .getsockopt = sim_getsockopt,
    .setsockopt = sim_setsockopt,
    .getsockname = sim_getsockname,
    .getpeername = sim_getpeername,
    .poll = sim_poll,
    .close = sim_close,
    .pipe = sim_child_pipe,
    .start = sim_start,
    .reap = sim_reap,
    .kill = sim_kill,
};
