/* raw_echo.c - the limit of echo_*: a server on epoll and nothing else, as its users write a good
 * one: one wait for many events, level-triggered, so that one recv and one send do for a message;
 * what the kernel does not take at once is kept and sent when there is room.
 *
 * raw_echo own: each connection reads into a buffer of its own, as one that keeps part of a message
 * has to: what the memory of so many costs, in the kernel too. */
#include "bench.h"
#include "echo.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 512 };

struct connection {
    int fd;
    size_t kept, sent; /* of rest: not yet taken by the kernel */
    char *rest;
    char *own; /* its buffer, or NULL */
};

static int poller;
static bool each_its_own;

static void watch(struct connection *c, int op, uint32_t events) {
    struct epoll_event e = {.events = events, .data.ptr = c};
    if (epoll_ctl(poller, op, c->fd, &e) != 0) BENCH_FAIL("epoll_ctl: %s", strerror(errno));
}

static void end(struct connection *c) {
    close(c->fd);
    free(c->rest);
    free(c->own);
    free(c);
}

static void accept_all(int listener) {
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct connection *c = calloc(1, sizeof *c);
        if (!c) BENCH_FAIL("no memory");
        c->fd = fd;
        if (each_its_own && !(c->own = malloc(ECHO_BUFFER))) BENCH_FAIL("no memory");
        watch(c, EPOLL_CTL_ADD, EPOLLIN);
    }
}

/* Keeps what the kernel did not take; reading stops until it is gone. */
static void keep(struct connection *c, const char *p, size_t n) {
    c->rest = malloc(n);
    if (!c->rest) BENCH_FAIL("no memory");
    memcpy(c->rest, p, n);
    c->kept = n;
    c->sent = 0;
    watch(c, EPOLL_CTL_MOD, EPOLLOUT);
}

static void send_rest(struct connection *c) {
    ssize_t n = send(c->fd, c->rest + c->sent, c->kept - c->sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) {
        end(c);
        return;
    }
    c->sent += (size_t)n;
    if (c->sent < c->kept) return;
    free(c->rest);
    c->rest = NULL;
    watch(c, EPOLL_CTL_MOD, EPOLLIN);
}

static void echo(struct connection *c) {
    static char shared[ECHO_BUFFER];
    char *buffer = c->own ? c->own : shared;
    ssize_t n = recv(c->fd, buffer, ECHO_BUFFER, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
        end(c);
        return;
    }
    ssize_t sent = send(c->fd, buffer, (size_t)n, MSG_NOSIGNAL);
    if (sent == n) return;
    if (sent < 0 && errno != EAGAIN) {
        end(c);
        return;
    }
    if (sent < 0) sent = 0;
    keep(c, buffer + sent, (size_t)(n - sent));
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

int main(int argc, char **argv) {
    each_its_own = argc > 1 && strcmp(argv[1], "own") == 0;
    static struct epoll_event events[EVENTS];
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (poller < 0) BENCH_FAIL("epoll_create1: %s", strerror(errno));
    struct connection listener = {.fd = start()};
    watch(&listener, EPOLL_CTL_ADD, EPOLLIN);
    for (;;) {
        int n = epoll_wait(poller, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (c == &listener)
                accept_all(c->fd);
            else if (c->rest)
                send_rest(c);
            else
                echo(c);
        }
    }
}
