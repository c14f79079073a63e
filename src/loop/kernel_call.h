/* loop/kernel_call.h - the two system calls of every message, inlined into where they are made.
 *
 * They go to the kernel directly: the C library's are points of thread cancellation, which costs
 * two atomic operations each as soon as a second thread exists, and its syscall() moves every
 * argument and sets errno. Inlined, since while the kernel was at work the processor has forgotten
 * where a function that made the call returns to: that one return is guessed wrong, and costs some
 * 20 ns. */
#ifndef HOB_LOOP_KERNEL_CALL_H
#define HOB_LOOP_KERNEL_CALL_H

#include <errno.h>
#include <hob/base.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fiber/sanitize.h"

/* The result, or -errno; not interrupted. ASan's builds call syscall() all the same: there tests
 * stand in its place (tests/interrupted.h). */
static inline __attribute__((always_inline)) ssize_t
hob__kernel_call(long number, int fd, const void *bytes, size_t n, int flags) {
    ssize_t rc;
    do {
#if HOB__ASAN
        rc = syscall(number, (long)fd, bytes, n, (long)flags, NULL, 0L);
        if (rc < 0) rc = -errno;
#elif defined(__x86_64__)
        register long flags_at __asm__("r10") = flags, to __asm__("r8") = 0, size __asm__("r9") = 0;
        __asm__ volatile("syscall"
                         : "=a"(rc)
                         : "0"(number), "D"((long)fd), "S"(bytes), "d"(n), "r"(flags_at), "r"(to),
                           "r"(size)
                         : "rcx", "r11", "memory");
#elif defined(__aarch64__)
        register long x8 __asm__("x8") = number, x0 __asm__("x0") = fd, x3 __asm__("x3") = flags,
                         x4 __asm__("x4") = 0, x5 __asm__("x5") = 0;
        register const void *x1 __asm__("x1") = bytes;
        register size_t x2 __asm__("x2") = n;
        __asm__ volatile("svc 0"
                         : "+r"(x0)
                         : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                         : "memory");
        rc = x0;
#endif
    } while (HOB__UNLIKELY(rc == -EINTR));
    return rc;
}

/* sys_linux.c: what is no socket (pipes and terminals, which must be non-blocking by themselves),
 * and more pieces than one. */
ssize_t hob__linux_read(int fd, void *buf, size_t n);
ssize_t hob__linux_write(int fd, const struct iovec *iov, int count);
ssize_t hob__linux_send_many(int fd, const struct iovec *iov, int count);

static inline __attribute__((always_inline)) ssize_t hob__linux_recv(int fd, void *buf, size_t n,
                                                                     int flags) {
    ssize_t rc = hob__kernel_call(SYS_recvfrom, fd, buf, n, flags | MSG_DONTWAIT);
    return HOB__UNLIKELY(rc == -ENOTSOCK) && flags == 0 ? hob__linux_read(fd, buf, n) : rc;
}

static inline __attribute__((always_inline)) ssize_t
hob__linux_send(int fd, const struct iovec *iov, int count) {
    ssize_t rc = HOB__LIKELY(count == 1)
                     ? hob__kernel_call(SYS_sendto, fd, iov->iov_base, iov->iov_len,
                                        MSG_NOSIGNAL | MSG_DONTWAIT)
                     : hob__linux_send_many(fd, iov, count);
    return HOB__UNLIKELY(rc == -ENOTSOCK) ? hob__linux_write(fd, iov, count) : rc;
}
#endif
