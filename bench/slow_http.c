/* slow_http.c - the server of http_client_slow: each request is answered a second after it came,
 * with the same bytes. It parses nothing: what comes is a request. As all of them wait as long,
 * they stand in one line. */
#include "bench.h"
#include "echo.h"
#include "http.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 512, REQUEST = 4096, LINE = 1 << 15 };
static const uint64_t delay_ns = 1000000000;
static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                             "Content-Length: 13\r\n\r\n" HTTP_HELLO;

static struct {
    uint64_t at;
    int fd;
} line[LINE];
static size_t first, last; /* of those that wait */
static int poller;

static void watch(int fd) {
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e) != 0) BENCH_FAIL("epoll_ctl: %s", strerror(errno));
}

static void accept_all(int listener) {
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;)
        watch(fd);
}

/* The client has gone. Its end is reset, or its port would be kept for a minute, and every run make
 * the next one look longer for ports. */
static void end(int fd) {
    struct linger reset = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
}

static void take(int fd) {
    char in[REQUEST];
    ssize_t n = recv(fd, in, sizeof in, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
        end(fd);
        return;
    }
    if (last - first == LINE) BENCH_FAIL("more than %d requests at once", LINE);
    line[last % LINE].at = bench_wall() + delay_ns;
    line[last++ % LINE].fd = fd;
}

/* Answers those whose time has come. Returns in how many ms the next one's does, -1 = there is
 * none. */
static int answer_all(void) {
    uint64_t now = bench_wall();
    for (; first < last; first++) {
        uint64_t at = line[first % LINE].at;
        if (at > now) return (int)((at - now) / 1000000) + 1;
        /* One that has gone, or does not read, is not waited for. */
        (void)!send(line[first % LINE].fd, answer, sizeof answer - 1, MSG_NOSIGNAL);
    }
    return -1;
}

static int start(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) != 0 || listen(fd, ECHO_BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &n) != 0)
        BENCH_FAIL("cannot listen: %s", strerror(errno));
    echo_port(ntohs(a.sin_port));
    return fd;
}

int main(void) {
    static struct epoll_event events[EVENTS];
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (poller < 0) BENCH_FAIL("epoll_create1: %s", strerror(errno));
    int listener = start();
    watch(listener);
    for (;;) {
        int n = epoll_wait(poller, events, EVENTS, answer_all());
        for (int i = 0; i < n; i++)
            if (events[i].data.fd == listener)
                accept_all(listener);
            else
                take(events[i].data.fd);
    }
}
