/* loop/sys_linux.c - the system calls that carry data, as Linux has them. None waits; -errno. */
#include "internal.h"
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <time.h>
#include <unistd.h>

#include "loop/kernel_call.h"

#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL 0x00000100 /* Linux 6.18 */
#endif

uint64_t hob__linux_now(struct hob__backend *b) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    uint64_t now = (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
    return b->seen_now = now ? now : 1;
}

int64_t hob__linux_wall(struct hob__backend *b) {
    (void)b;
    return (int64_t)time(NULL);
}

void hob__linux_pause(struct hob__backend *b, long ns) {
    (void)b;
    nanosleep(&(struct timespec){.tv_nsec = ns}, NULL);
}

void hob__linux_random(struct hob__backend *b, void *buf, size_t n) {
    (void)b;
    while (n > 0) {
        ssize_t got = getrandom(buf, n, 0);
        if (got <= 0) continue; /* only a signal during a large read; the call exists since 3.17 */
        buf = (char *)buf + got;
        n -= (size_t)got;
    }
}

static int sys_socket(struct hob__backend *b, int domain, int type, int protocol) {
    (void)b;
    int fd = socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
    return fd < 0 ? -errno : fd;
}

static bool is_loopback(const struct sockaddr *addr) {
    if (addr->sa_family == AF_INET)
        return ((const unsigned char *)&((const struct sockaddr_in *)addr)->sin_addr)[0] == 127;
    return addr->sa_family == AF_INET6 &&
           IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)addr)->sin6_addr);
}

static int sys_connect(struct hob__backend *b, int fd, const struct sockaddr *addr, socklen_t n) {
    (void)b;
    if (connect(fd, addr, n) == 0) return 0;
    /* Interrupted, the attempt goes on: repeating it would only report EALREADY. */
    int rc = errno == EINTR ? -EINPROGRESS : -errno;
    if (rc != -EINPROGRESS || !is_loopback(addr)) return rc;
    /* Over the loopback all of the handshake has been made inside that call: asking once more for
     * its outcome is cheaper than to sleep, and the next words follow while all is warm. */
    if (connect(fd, addr, n) == 0 || errno == EISCONN) return 0;
    return errno == EALREADY || errno == EINTR ? -EINPROGRESS : -errno;
}

static int sys_bind(struct hob__backend *b, int fd, const struct sockaddr *addr, socklen_t n) {
    (void)b;
    return bind(fd, addr, n) < 0 ? -errno : 0;
}

static int sys_listen(struct hob__backend *b, int fd, int backlog) {
    (void)b;
    return listen(fd, backlog) < 0 ? -errno : 0;
}

static int sys_accept(struct hob__backend *b, int fd, struct sockaddr *addr, socklen_t *n) {
    (void)b;
    return HOB__RETRY(accept4(fd, addr, n, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

/* Pipes and terminals are no sockets; they must be non-blocking by themselves. */
ssize_t hob__linux_read(int fd, void *buf, size_t n) { return HOB__RETRY(read(fd, buf, n)); }

static ssize_t sys_recv(struct hob__backend *b, int fd, void *buf, size_t n, int flags) {
    (void)b;
    return hob__linux_recv(fd, buf, n, flags);
}

/* ---- calls that have no flag against SIGPIPE: the signal is blocked around them, and taken back
 * if the call raised it ---- */

struct quiet {
    sigset_t before;
    bool was_pending;
};

static void quiet_begin(struct quiet *q) {
    sigset_t pipe_only, pending;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_only, &q->before);
    q->was_pending = false;
    if (sigismember(&q->before, SIGPIPE)) { /* else none can have been */
        sigpending(&pending);
        q->was_pending = sigismember(&pending, SIGPIPE);
    }
}

static ssize_t quiet_end(struct quiet *q, ssize_t rc) {
    if (rc == -EPIPE && !q->was_pending) {
        struct timespec none = {0, 0};
        sigset_t pipe_only;
        sigemptyset(&pipe_only);
        sigaddset(&pipe_only, SIGPIPE);
        (void)HOB__RETRY(sigtimedwait(&pipe_only, NULL, &none));
    }
    pthread_sigmask(SIG_SETMASK, &q->before, NULL);
    return rc;
}

/* On a kernel whose writev() has no flag for it. */
static ssize_t write_masked(int fd, const struct iovec *iov, int count) {
    struct quiet q;
    quiet_begin(&q);
    return quiet_end(&q, HOB__RETRY(writev(fd, iov, count)));
}

ssize_t hob__linux_write(int fd, const struct iovec *iov, int count) {
    static _Atomic bool no_flag;
    if (!atomic_load_explicit(&no_flag, memory_order_relaxed)) {
        ssize_t rc = HOB__RETRY(pwritev2(fd, iov, count, -1, RWF_NOSIGNAL));
        if (rc != -EOPNOTSUPP && rc != -EINVAL && rc != -ENOSYS) return rc;
        atomic_store_explicit(&no_flag, true, memory_order_relaxed);
    }
    return write_masked(fd, iov, count);
}

ssize_t hob__linux_send_many(int fd, const struct iovec *iov, int count) {
    struct msghdr m = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)count};
    return HOB__RETRY(sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT));
}

static ssize_t sys_send(struct hob__backend *b, int fd, const struct iovec *iov, int count) {
    (void)b;
    return hob__linux_send(fd, iov, count);
}

static ssize_t sys_recvmsg(struct hob__backend *b, int fd, struct msghdr *m, int flags) {
    (void)b;
    return HOB__RETRY(recvmsg(fd, m, flags | MSG_DONTWAIT));
}

static ssize_t sys_sendmsg(struct hob__backend *b, int fd, const struct msghdr *m, int flags) {
    (void)b;
    return HOB__RETRY(sendmsg(fd, m, flags | MSG_NOSIGNAL | MSG_DONTWAIT));
}

static ssize_t sys_read(struct hob__backend *b, int fd, void *buf, size_t n) {
    (void)b;
    return hob__linux_read(fd, buf, n);
}

static ssize_t sys_readv(struct hob__backend *b, int fd, const struct iovec *iov, int count) {
    (void)b;
    return HOB__RETRY(readv(fd, iov, count));
}

static ssize_t sys_writev(struct hob__backend *b, int fd, const struct iovec *iov, int count) {
    (void)b;
    return hob__linux_write(fd, iov, count);
}

static ssize_t sys_splice(struct hob__backend *b, int from, int to, size_t n) {
    (void)b;
    struct quiet q;
    quiet_begin(&q);
    return quiet_end(&q, HOB__RETRY(splice(from, NULL, to, NULL, n, SPLICE_F_NONBLOCK)));
}

static ssize_t sys_sendfile(struct hob__backend *b, int to, int from, int64_t offset, size_t n) {
    (void)b;
    struct quiet q;
    off_t at = offset;
    quiet_begin(&q);
    return quiet_end(&q, HOB__RETRY(sendfile(to, from, &at, n)));
}

static int sys_splice_pipe(struct hob__backend *b, int end[2]) {
    (void)b;
    return pipe2(end, O_NONBLOCK | O_CLOEXEC) < 0 ? -errno : 0;
}

static int sys_describe(struct hob__backend *b, int fd, struct hob__descriptor *out) {
    struct stat st;
    int number;
    (void)b;
    if (fstat(fd, &st) < 0) return -errno;
    bool is_char = S_ISCHR(st.st_mode);
    *out = (struct hob__descriptor){.type = st.st_mode & S_IFMT,
                                    .terminal = is_char && isatty(fd),
                                    .pty_master = is_char && ioctl(fd, TIOCGPTN, &number) == 0};
    return 0;
}

static int sys_get_flags(struct hob__backend *b, int fd) {
    (void)b;
    int flags = fcntl(fd, F_GETFL);
    return flags < 0 ? -errno : flags;
}

static int sys_set_nonblock(struct hob__backend *b, int fd, bool on) {
    (void)b;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0) return -errno;
    int was = (flags & O_NONBLOCK) != 0, now = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    return was != on && fcntl(fd, F_SETFL, now) < 0 ? -errno : was;
}

static ssize_t sys_recvfrom(struct hob__backend *b, int fd, void *buf, size_t n, int flags,
                            struct sockaddr *from, socklen_t *size) {
    (void)b;
    return HOB__RETRY(recvfrom(fd, buf, n, flags | MSG_DONTWAIT, from, size));
}

static int sys_recvmmsg(struct hob__backend *b, int fd, struct mmsghdr *m, unsigned n, int flags) {
    (void)b;
    return HOB__RETRY(recvmmsg(fd, m, n, flags | MSG_DONTWAIT, NULL));
}

/* One datagram is a cheaper call. */
static int sys_sendmmsg(struct hob__backend *b, int fd, struct mmsghdr *m, unsigned n) {
    (void)b;
    if (n > 1) return HOB__RETRY(sendmmsg(fd, m, n, MSG_NOSIGNAL | MSG_DONTWAIT));
    ssize_t rc = HOB__RETRY(sendmsg(fd, &m->msg_hdr, MSG_NOSIGNAL | MSG_DONTWAIT));
    return rc < 0 ? (int)rc : 1;
}

static int sys_shutdown(struct hob__backend *b, int fd, int how) {
    (void)b;
    return shutdown(fd, how) < 0 ? -errno : 0;
}

static int sys_getsockopt(struct hob__backend *b, int fd, int level, int name, void *value,
                          socklen_t *n) {
    (void)b;
    return getsockopt(fd, level, name, value, n) < 0 ? -errno : 0;
}

static int sys_setsockopt(struct hob__backend *b, int fd, int level, int name, const void *value,
                          socklen_t n) {
    (void)b;
    return setsockopt(fd, level, name, value, n) < 0 ? -errno : 0;
}

static int sys_getsockname(struct hob__backend *b, int fd, struct sockaddr *addr, socklen_t *n) {
    (void)b;
    return getsockname(fd, addr, n) < 0 ? -errno : 0;
}

static int sys_getpeername(struct hob__backend *b, int fd, struct sockaddr *addr, socklen_t *n) {
    (void)b;
    return getpeername(fd, addr, n) < 0 ? -errno : 0;
}

static int sys_poll(struct hob__backend *b, int fd, int events) {
    (void)b;
    if (fd < 0) return -EBADF; /* poll() passes over it */
    struct pollfd p = {.fd = fd, .events = (short)events};
    int rc = HOB__RETRY(poll(&p, 1, 0));
    if (rc <= 0) return rc;
    return p.revents & POLLNVAL ? -EBADF : p.revents;
}

static int sys_close(struct hob__backend *b, int fd) {
    (void)b;
    /* Linux has closed the descriptor even when it reports EINTR. */
    return close(fd) < 0 && errno != EINTR ? -errno : 0;
}

static int sys_pipe(struct hob__backend *b, int ends[2]) {
    (void)b;
    return pipe2(ends, O_CLOEXEC) < 0 ? -errno : 0;
}

const struct hob__sys hob__sys_linux = {
    .socket = sys_socket,
    .connect = sys_connect,
    .bind = sys_bind,
    .listen = sys_listen,
    .accept = sys_accept,
    .recv = sys_recv,
    .send = sys_send,
    .recvfrom = sys_recvfrom,
    .recvmsg = sys_recvmsg,
    .sendmsg = sys_sendmsg,
    .recvmmsg = sys_recvmmsg,
    .sendmmsg = sys_sendmmsg,
    .read = sys_read,
    .readv = sys_readv,
    .writev = sys_writev,
    .splice = sys_splice,
    .sendfile = sys_sendfile,
    .splice_pipe = sys_splice_pipe,
    .describe = sys_describe,
    .get_flags = sys_get_flags,
    .set_nonblock = sys_set_nonblock,
    .shutdown = sys_shutdown,
    .getsockopt = sys_getsockopt,
    .setsockopt = sys_setsockopt,
    .getsockname = sys_getsockname,
    .getpeername = sys_getpeername,
    .poll = sys_poll,
    .close = sys_close,
    .pipe = sys_pipe,
    .start = hob__linux_start,
    .reap = hob__linux_reap,
    .kill = hob__linux_kill,
};
