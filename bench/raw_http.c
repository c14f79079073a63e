/* raw_http.c - the limit of http_*: a server on epoll that parses nothing. It looks for the empty
 * line that ends a request (all requests have no body), and answers each with the same bytes, all
 * that came together by one send; the Date in them is made once per second, as everyone does. What
 * does not fit is kept: requests in part, and answers that the kernel does not take. */
#include "bench.h"
#include "echo.h"
#include "http.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 512, REQUESTS = 4096, ANSWERS = 65536 };

struct connection {
    int fd;
    unsigned state;    /* how many bytes of CR LF CR LF have come in a row */
    size_t kept, sent; /* of rest: not yet taken by the kernel */
    char *rest;
};

static int poller;
static char answer[512];
static size_t answer_size;
static time_t made;

static void make_answer(void) {
    time_t now = time(NULL);
    if (now == made) return;
    char date[64];
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    answer_size = (size_t)snprintf(answer, sizeof answer,
                                   "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: %s\r\n"
                                   "Server: hob\r\nContent-Length: %zu\r\n\r\n%s",
                                   date, strlen(HTTP_HELLO), HTTP_HELLO);
    made = now;
}

static void watch(struct connection *c, int op, uint32_t events) {
    struct epoll_event e = {.events = events, .data.ptr = c};
    if (epoll_ctl(poller, op, c->fd, &e) != 0) BENCH_FAIL("epoll_ctl: %s", strerror(errno));
}

static void end(struct connection *c) {
    close(c->fd);
    free(c->rest);
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
        watch(c, EPOLL_CTL_ADD, EPOLLIN);
    }
}

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

/* How many requests end in these bytes. */
static unsigned count(struct connection *c, const char *p, size_t n) {
    unsigned ends = 0;
    if (c->state == 0 && n >= 4 && n < 1024 && memcmp(p + n - 4, "\r\n\r\n", 4) == 0 &&
        memmem(p, n, "\r\n\r\n", 4) == p + n - 4)
        return 1; /* the usual one */
    for (size_t i = 0; i < n; i++) {
        if (p[i] == "\r\n\r\n"[c->state]) {
            if (++c->state < 4) continue;
            ends++;
            c->state = 0;
        } else {
            c->state = p[i] == '\r';
        }
    }
    return ends;
}

static void serve(struct connection *c) {
    static char in[REQUESTS], out[ANSWERS];
    ssize_t n = recv(c->fd, in, sizeof in, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
        end(c);
        return;
    }
    unsigned ends = count(c, in, (size_t)n);
    const char *from = answer;
    size_t size = answer_size;
    if (ends == 0) return;
    if (ends > 1) {
        for (size = 0; ends > 0 && size + answer_size <= sizeof out; ends--, size += answer_size)
            memcpy(out + size, answer, answer_size);
        from = out;
    }
    ssize_t sent = send(c->fd, from, size, MSG_NOSIGNAL);
    if (sent == (ssize_t)size) return;
    if (sent < 0 && errno != EAGAIN) {
        end(c);
        return;
    }
    if (sent < 0) sent = 0;
    keep(c, from + sent, size - (size_t)sent);
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
    struct connection listener = {.fd = start()};
    watch(&listener, EPOLL_CTL_ADD, EPOLLIN);
    for (;;) {
        int n = epoll_wait(poller, events, EVENTS, -1);
        make_answer();
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (c == &listener)
                accept_all(c->fd);
            else if (c->rest)
                send_rest(c);
            else
                serve(c);
        }
    }
}
