/* raw_http2.c - the limit of http2_hello for whoever uses nghttp2: one thread on epoll that hands
 * it what comes, answers each request with the same head and body, and sends what it makes of that,
 * all that came together by one send. No tasks, no router, no times, no limits but nghttp2's own.
 */
#include "bench.h"
#include "echo.h"
#include "http.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 512, BUFFER = 16384, STREAMS = 100 };

struct connection {
    int fd;
    nghttp2_session *session;
};

static int poller;
static char date[64];

static void make_date(void) {
    static time_t made;
    time_t now = time(NULL);
    if (now == made) return;
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    made = now;
}

static ssize_t body(nghttp2_session *session, int32_t id, uint8_t *buf, size_t n, uint32_t *flags,
                    nghttp2_data_source *source, void *arg) {
    (void)session, (void)id, (void)n, (void)source, (void)arg;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    memcpy(buf, HTTP_HELLO, sizeof HTTP_HELLO - 1);
    return sizeof HTTP_HELLO - 1;
}

#define FIELD(name, value)                                                                         \
    { (uint8_t *)(name), (uint8_t *)(value), sizeof(name) - 1, strlen(value), 0 }

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg) {
    (void)arg;
    if (frame->hd.type != NGHTTP2_HEADERS || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) return 0;
    nghttp2_nv fields[] = {FIELD(":status", "200"), FIELD("content-type", "text/plain"),
                           FIELD("date", date), FIELD("server", "raw"),
                           FIELD("content-length", "13")};
    static const nghttp2_data_provider provider = {.read_callback = body};
    return nghttp2_submit_response(session, frame->hd.stream_id, fields, 5, &provider);
}

static void send_all(int fd, const uint8_t *p, size_t n) {
    while (n > 0) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) return; /* the next recv says so, too */
        if (sent < 0) poll(&(struct pollfd){fd, POLLOUT, 0}, 1, -1);
        if (sent > 0) p += sent, n -= (size_t)sent;
    }
}

/* False: it is over. */
static bool serve(struct connection *c) {
    static uint8_t in[BUFFER], out[2 * BUFFER];
    ssize_t n = recv(c->fd, in, sizeof in, 0);
    if (n < 0 && errno == EAGAIN) return true;
    if (n <= 0 || nghttp2_session_mem_recv(c->session, in, (size_t)n) < 0) return false;
    const uint8_t *frame;
    size_t size = 0;
    while ((n = nghttp2_session_mem_send(c->session, &frame)) > 0) {
        if (size + (size_t)n > sizeof out) {
            send_all(c->fd, out, size);
            size = 0;
        }
        memcpy(out + size, frame, (size_t)n);
        size += (size_t)n;
    }
    send_all(c->fd, out, size);
    return n == 0 && nghttp2_session_want_read(c->session);
}

static void end(struct connection *c) {
    nghttp2_session_del(c->session);
    close(c->fd);
    free(c);
}

static void accept_all(int listener, const nghttp2_session_callbacks *callbacks) {
    static const nghttp2_settings_entry settings = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
                                                    STREAMS};
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
        if (fd < 0) return;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct connection *c = calloc(1, sizeof *c);
        if (!c || nghttp2_session_server_new(&c->session, callbacks, NULL) != 0 ||
            nghttp2_submit_settings(c->session, 0, &settings, 1) != 0)
            BENCH_FAIL("no memory");
        c->fd = fd;
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e) != 0)
            BENCH_FAIL("epoll_ctl: %s", strerror(errno));
    }
}

int main(void) {
    static struct epoll_event events[EVENTS];
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    nghttp2_session_callbacks *callbacks;
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (listener < 0 || poller < 0 || nghttp2_session_callbacks_new(&callbacks) != 0 ||
        bind(listener, (struct sockaddr *)&a, n) != 0 || listen(listener, ECHO_BACKLOG) != 0 ||
        getsockname(listener, (struct sockaddr *)&a, &n) != 0)
        BENCH_FAIL("cannot listen: %s", strerror(errno));
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &e);
    echo_port(ntohs(a.sin_port));
    for (;;) {
        int count = epoll_wait(poller, events, EVENTS, -1);
        make_date();
        for (int i = 0; i < count; i++) {
            struct connection *c = events[i].data.ptr;
            if (!c)
                accept_all(listener, callbacks);
            else if (!serve(c))
                end(c);
        }
    }
}
