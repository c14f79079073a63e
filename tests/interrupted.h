/* interrupted.h - system calls that a signal interrupts, or that do less than they were asked for,
 * as the kernel may do it at any time: interrupt_begin(seed) ... interrupt_end(). Meanwhile one in
 * four of the calls below, of whichever thread, fails with EINTR before it has done anything
 * (connect(), close(): behind it), and one in four writes, and reads of what is no socket, is
 * short. The program's own functions come before the C library's, so all of Hob goes through here,
 * and so does the test's own code: it is not to make these calls itself meanwhile. What a socket
 * receives and sends does so in ASan's builds only: else the kernel is called directly. */
#ifndef HOB_TEST_INTERRUPTED_H
#define HOB_TEST_INTERRUPTED_H
#include "test.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fiber/sanitize.h"

static struct {
    _Atomic bool on;
    _Atomic uint64_t state;
    _Atomic long interrupted, shortened, sends_shortened;
} strikes;

__attribute__((unused)) static void interrupt_begin(uint64_t seed) {
    atomic_store(&strikes.state, seed * UINT64_C(0x9e3779b97f4a7c15));
    atomic_store(&strikes.on, true);
}
__attribute__((unused)) static void interrupt_end(void) { atomic_store(&strikes.on, false); }

static uint64_t strike_draw(void) {
    uint64_t z = atomic_fetch_add(&strikes.state, UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}
__attribute__((unused)) static bool is_struck(void) {
    if (!atomic_load_explicit(&strikes.on, memory_order_relaxed)) return false;
    if (strike_draw() >> 62 != 0) return false;
    atomic_fetch_add(&strikes.interrupted, 1);
    errno = EINTR;
    return true;
}
/* How many of the n bytes the call may move. */
__attribute__((unused)) static size_t struck_size(size_t n) {
    if (!atomic_load_explicit(&strikes.on, memory_order_relaxed) || n < 2) return n;
    uint64_t r = strike_draw();
    if (r >> 62 != 0) return n;
    atomic_fetch_add(&strikes.shortened, 1);
    return r >> 61 & 1 ? 1 : 1 + r % (n - 1);
}

/* Else a datagram would be cut. */
__attribute__((unused)) static bool is_stream(int fd) {
    int type = 0;
    socklen_t size = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

/* The C library's, or a sanitizer's. */
#define LIBC_CALL(name)                                                                            \
    static __typeof__(&name) real;                                                                 \
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, #name)

#define INTERRUPTED(type, name, parameters, arguments)                                             \
    type name parameters {                                                                         \
        LIBC_CALL(name);                                                                           \
        return is_struck() ? -1 : real arguments;                                                  \
    }
/* Neither an eventfd's eight bytes nor inotify's records come in parts. */
__attribute__((unused)) static bool may_be_short(int fd) {
    struct stat st;
    return fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode));
}

/* Of a call with a number of bytes, which its arguments name `n`. */
#define INTERRUPTED_OR_SHORT(name, parameters, arguments)                                          \
    ssize_t name parameters {                                                                      \
        LIBC_CALL(name);                                                                           \
        if (is_struck()) return -1;                                                                \
        if (may_be_short(fd)) n = struck_size(n);                                                  \
        return real arguments;                                                                     \
    }
/* The same with pieces: the first of them, or a part of it. */
#define INTERRUPTED_OR_FEWER(name, parameters, arguments)                                          \
    ssize_t name parameters {                                                                      \
        LIBC_CALL(name);                                                                           \
        struct iovec first;                                                                        \
        if (is_struck()) return -1;                                                                \
        size_t size = count > 0 ? iov->iov_len : 0, most = struck_size(size);                      \
        if (most < size) {                                                                         \
            first = (struct iovec){iov->iov_base, most};                                           \
            iov = &first;                                                                          \
            count = 1;                                                                             \
        }                                                                                          \
        return real arguments;                                                                     \
    }

#if !HOB__TSAN
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
INTERRUPTED_OR_SHORT(read, (int fd, void *buf, size_t n), (fd, buf, n))
INTERRUPTED_OR_SHORT(write, (int fd, const void *buf, size_t n), (fd, buf, n))
INTERRUPTED_OR_FEWER(readv, (int fd, const struct iovec *iov, int count), (fd, iov, count))
INTERRUPTED_OR_FEWER(writev, (int fd, const struct iovec *iov, int count), (fd, iov, count))
INTERRUPTED_OR_FEWER(preadv2, (int fd, const struct iovec *iov, int count, off_t at, int flags),
                     (fd, iov, count, at, flags))
INTERRUPTED_OR_FEWER(pwritev2, (int fd, const struct iovec *iov, int count, off_t at, int flags),
                     (fd, iov, count, at, flags))
INTERRUPTED(ssize_t, recvfrom,
            (int fd, void *buf, size_t n, int flags, struct sockaddr *from, socklen_t *size),
            (fd, buf, n, flags, from, size))
INTERRUPTED(ssize_t, recvmsg, (int fd, struct msghdr *m, int flags), (fd, m, flags))
INTERRUPTED(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags))
INTERRUPTED(int, recvmmsg,
            (int fd, struct mmsghdr *m, unsigned n, int flags, struct timespec *timeout),
            (fd, m, n, flags, timeout))
INTERRUPTED(int, sendmmsg, (int fd, struct mmsghdr *m, unsigned n, int flags), (fd, m, n, flags))
INTERRUPTED(int, accept4, (int fd, struct sockaddr *from, socklen_t *size, int flags),
            (fd, from, size, flags))
INTERRUPTED(ssize_t, splice,
            (int from, off64_t *at, int to, off64_t *to_at, size_t n, unsigned flags),
            (from, at, to, to_at, n, flags))
INTERRUPTED(ssize_t, sendfile, (int to, int from, off_t *at, size_t n), (to, from, at, n))
INTERRUPTED(ssize_t, copy_file_range,
            (int from, off64_t *at, int to, off64_t *to_at, size_t n, unsigned flags),
            (from, at, to, to_at, n, flags))
INTERRUPTED(int, poll, (struct pollfd * p, nfds_t n, int timeout), (p, n, timeout))
INTERRUPTED(int, epoll_wait, (int fd, struct epoll_event *e, int n, int timeout),
            (fd, e, n, timeout))
INTERRUPTED(int, fsync, (int fd), (fd))
INTERRUPTED(int, fdatasync, (int fd), (fd))
INTERRUPTED(int, ftruncate, (int fd, off_t size), (fd, size))
INTERRUPTED(int, fstatat, (int at, const char *path, struct stat *st, int flags),
            (at, path, st, flags))
INTERRUPTED(int, mkdirat, (int at, const char *path, mode_t mode), (at, path, mode))
INTERRUPTED(int, unlinkat, (int at, const char *path, int flags), (at, path, flags))
INTERRUPTED(int, renameat, (int at, const char *from, int to_at, const char *to),
            (at, from, to_at, to))
INTERRUPTED(int, renameat2, (int at, const char *from, int to_at, const char *to, unsigned flags),
            (at, from, to_at, to, flags))
INTERRUPTED(pid_t, waitpid, (pid_t pid, int *status, int flags), (pid, status, flags))
INTERRUPTED(int, waitid, (idtype_t type, id_t id, siginfo_t *info, int flags),
            (type, id, info, flags))

int openat(int at, const char *path, int flags, ...) {
    LIBC_CALL(openat);
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)) ? va_arg(args, mode_t) : 0;
    va_end(args);
    return is_struck() ? -1 : real(at, path, flags, mode);
}

/* By TCP it goes on all the same; nothing else waits for anything there. */
int connect(int fd, const struct sockaddr *to, socklen_t n) {
    LIBC_CALL(connect);
    int rc = real(fd, to, n), err = errno;
    bool goes_on = to->sa_family != AF_UNIX && (rc == 0 || err == EINPROGRESS);
    if (!goes_on || !is_stream(fd) || !is_struck()) {
        errno = err;
        return rc;
    }
    return -1;
}

/* It is done all the same. */
int close(int fd) {
    LIBC_CALL(close);
    int rc = real(fd);
    return rc == 0 && is_struck() ? -1 : rc;
}

/* What goes to the kernel directly. (A child before its exec does, too: nothing of that is here.)
 * As libc's, it takes six arguments, some of which nobody gave. */
__attribute__((no_sanitize("address"))) long syscall(long number, ...) {
    enum { EPOLL_PWAIT2 = 441, URING_ENTER = 426, OPENAT2 = 437 };
    LIBC_CALL(syscall);
    va_list args;
    long a[6];
    va_start(args, number);
    for (int i = 0; i < 6; i++) a[i] = va_arg(args, long);
    va_end(args);
    bool repeated = number == SYS_recvfrom || number == SYS_sendto || number == SYS_preadv2 ||
                    number == SYS_getdents64 || number == OPENAT2 ||
                    (number == URING_ENTER && a[1] == 0 && a[2] > 0) || number == EPOLL_PWAIT2 ||
                    number == SYS_waitid;
    if (repeated && is_struck()) return -1;
    if (number == SYS_sendto && is_stream((int)a[0])) {
        size_t n = (size_t)a[2];
        a[2] = (long)struck_size(n);
        if ((size_t)a[2] < n) atomic_fetch_add(&strikes.sends_shortened, 1);
    }
    long rc = real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    return number == SYS_close && rc == 0 && is_struck() ? -1 : rc;
}
#pragma GCC diagnostic pop
#endif
#endif
