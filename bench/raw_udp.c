/* raw_udp.c - the limit of udp_*: a server on epoll and nothing else that sends each datagram back
 * to where it came from: raw_udp many (recvmmsg and sendmmsg, what is there at once) or raw_udp one
 * (recvfrom and sendto). */
#include "bench.h"
#include "echo.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static int start(void) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &n) != 0)
        BENCH_FAIL("cannot bind: %s", strerror(errno));
    echo_port(ntohs(a.sin_port));
    return fd;
}

/* False: there is nothing more. */
static bool echo_many(int fd) {
    static char data[ECHO_BATCH][ECHO_DATAGRAM];
    static struct sockaddr_in from[ECHO_BATCH];
    static struct iovec iov[ECHO_BATCH];
    static struct mmsghdr m[ECHO_BATCH];
    for (int i = 0; i < ECHO_BATCH; i++) {
        iov[i] = (struct iovec){data[i], ECHO_DATAGRAM};
        m[i].msg_hdr = (struct msghdr){.msg_name = &from[i],
                                       .msg_namelen = sizeof from[i],
                                       .msg_iov = &iov[i],
                                       .msg_iovlen = 1};
    }
    int n = recvmmsg(fd, m, ECHO_BATCH, 0, NULL);
    if (n <= 0) return false;
    for (int i = 0; i < n; i++) iov[i].iov_len = m[i].msg_len;
    for (int at = 0; at < n;) {
        int sent = sendmmsg(fd, m + at, (unsigned)(n - at), 0);
        if (sent < 0) BENCH_FAIL("sendmmsg: %s", strerror(errno));
        at += sent;
    }
    return n == ECHO_BATCH;
}

static bool echo_one(int fd) {
    static char data[ECHO_DATAGRAM];
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    ssize_t n = recvfrom(fd, data, sizeof data, 0, (struct sockaddr *)&from, &size);
    if (n < 0) return false;
    if (sendto(fd, data, (size_t)n, 0, (struct sockaddr *)&from, size) != n)
        BENCH_FAIL("sendto: %s", strerror(errno));
    return true;
}

int main(int argc, char **argv) {
    bool (*echo)(int fd) = argc == 2 && strcmp(argv[1], "many") == 0 ? echo_many : echo_one;
    int poller = epoll_create1(EPOLL_CLOEXEC), fd = start();
    struct epoll_event e = {.events = EPOLLIN};
    if (poller < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e) != 0)
        BENCH_FAIL("epoll: %s", strerror(errno));
    for (;;) {
        epoll_wait(poller, &e, 1, -1);
        while (echo(fd)) continue;
    }
}
