/* http_load.c - a client of HTTP servers and its meter, for what wrk cannot do: windows of any
 * length on connections that stay, and a fixed rate: http_load PORT CONNECTIONS PID PATH. A PATH
 * that begins with "/ws" is a WebSocket's, which echoes: messages of 64 bytes are the requests.
 *
 * Opens the connections, makes a request on each, then does what standard input says. "MS": for
 * that many milliseconds each connection has a request under way. "MS RATE": requests are due at
 * random moments (a Poisson process of that many per second), whatever has become of those before;
 * each goes out on the connection that has rested longest, or, when none rests, as soon as one
 * does. Prints "REQUESTS CPU_NS WALL_NS P50_NS P99_NS" then: the CPU time that process PID took,
 * and times from when a request was due to the last byte of its answer, within 3 %. All answers
 * must begin and be as long as the first one, which is a 200. Ends at the end of its input; no
 * answer for 5 s is an error. */
#include "bench.h"
#include "latency.h"
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 512, BUFFER = 1 << 20 };
static const uint64_t patience_ns = 5000000000u;
static uint64_t heard; /* when the last answer came, or the window began: between windows none do */

struct connection {
    struct connection *next; /* of those that rest */
    uint64_t due;            /* of its request */
    size_t got;              /* of the answer */
    int fd;
};

static struct connection *connections, *resting, **resting_last = &resting;
static size_t count, under_way, answer_size;
static int poller;
static char request[512], buffer[BUFFER];
static const char *begins = "HTTP/1.1 200"; /* an answer */
static size_t request_size;

static void ask(struct connection *c, uint64_t due) {
    c->due = due;
    c->got = 0;
    if (send(c->fd, request, request_size, MSG_NOSIGNAL) != (ssize_t)request_size)
        BENCH_FAIL("http_load: send: %s", strerror(errno));
    under_way++;
}

static void rest(struct connection *c) {
    c->next = NULL;
    *resting_last = c;
    resting_last = &c->next;
}

static struct connection *wake(void) {
    struct connection *c = resting;
    resting = c->next;
    if (!resting) resting_last = &resting;
    return c;
}

/* The size of an answer whose head lies in the buffer. */
static size_t size_of(size_t n) {
    const char *end = memmem(buffer, n, "\r\n\r\n", 4);
    buffer[n < BUFFER ? n : BUFFER - 1] = 0;
    const char *length = strcasestr(buffer, "\r\nContent-Length:");
    if (!end || !length || length > end)
        BENCH_FAIL("http_load: an answer without a length: %.200s", buffer);
    return (size_t)(end + 4 - buffer) + strtoul(length + 17, NULL, 10);
}

/* True when the answer is complete. */
static bool hear(struct connection *c) {
    ssize_t n = recv(c->fd, buffer, sizeof buffer - 1, MSG_DONTWAIT);
    if (n == 0) BENCH_FAIL("http_load: the server closed a connection");
    if (n < 0 && errno == EAGAIN) return false;
    if (n < 0) BENCH_FAIL("http_load: recv: %s", strerror(errno));
    buffer[n] = 0;
    if (c->got == 0 && strncmp(buffer, begins, strlen(begins)) != 0)
        BENCH_FAIL("http_load: the answer is %.*s", n < 100 ? (int)n : 100, buffer);
    if (!answer_size) answer_size = size_of((size_t)n);
    c->got += (size_t)n;
    if (c->got > answer_size) BENCH_FAIL("http_load: an answer has another length");
    if (c->got < answer_size) return false;
    under_way--;
    return true;
}

/* Deals with the answers that are there; with `again` each is followed by another request until
 * `end`. How many there were. */
static uint64_t look(int timeout_ms, bool again, uint64_t end) {
    static struct epoll_event events[EVENTS];
    uint64_t answers = 0;
    int n = epoll_wait(poller, events, EVENTS, timeout_ms);
    for (int i = 0; i < n; i++) {
        struct connection *c = events[i].data.ptr;
        if (!hear(c)) continue;
        uint64_t now = bench_wall();
        histogram[step_of(now - c->due)]++;
        answers++;
        if (again && now < end)
            ask(c, now);
        else
            rest(c);
    }
    uint64_t now = bench_wall();
    if (n > 0 || under_way == 0) heard = now;
    if (now - heard > patience_ns) BENCH_FAIL("http_load: no answer for 5 s");
    return answers;
}

static uint64_t play(uint64_t ns) {
    uint64_t answers = 0, end = bench_wall() + ns;
    while (resting) ask(wake(), bench_wall());
    while (under_way > 0) answers += look(1000, true, end);
    return answers;
}

static uint64_t pause_ns(uint64_t *state, double rate) {
    double u = (double)((bench_random(state) >> 11) + 1) * 0x1p-53; /* ]0, 1] */
    return (uint64_t)(-log(u) / rate * 1e9);
}

static uint64_t play_at(uint64_t ns, double rate) {
    static uint64_t state = 88172645463325252u;
    uint64_t answers = 0, now = bench_wall(), end = now + ns, due = now;
    while (due < end || under_way > 0) {
        for (now = bench_wall(); due < end && due <= now && resting; now = bench_wall()) {
            ask(wake(), due);
            due += pause_ns(&state, rate);
        }
        answers += look(0, false, 0); /* never asleep: it would wake up too late */
    }
    return answers;
}

static void open_all(int port) {
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    connections = calloc(count, sizeof *connections);
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (!connections || poller < 0) BENCH_FAIL("http_load: no memory");
    for (size_t i = 0; i < count; i++) {
        struct connection *c = &connections[i];
        int on = 1;
        c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&a, sizeof a) != 0)
            BENCH_FAIL("http_load: connection %zu: %s", i, strerror(errno));
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &e) != 0)
            BENCH_FAIL("http_load: epoll_ctl: %s", strerror(errno));
        rest(c);
    }
}

/* Each connection becomes a WebSocket; a request is a frame from now on. */
static void upgrade_all(const char *path) {
    enum { MESSAGE = 64 };
    char ask[512];
    int size = snprintf(ask, sizeof ask,
                        "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                        "Sec-WebSocket-Version: 13\r\n\r\n",
                        path);
    for (size_t i = 0; i < count; i++) {
        size_t n = 0;
        if (send(connections[i].fd, ask, (size_t)size, MSG_NOSIGNAL) != size)
            BENCH_FAIL("http_load: send: %s", strerror(errno));
        do {
            ssize_t got = recv(connections[i].fd, buffer + n, sizeof buffer - 1 - n, 0);
            if (got <= 0) BENCH_FAIL("http_load: no WebSocket: %s", buffer);
            n += (size_t)got;
            buffer[n] = 0;
        } while (n < 4 || memcmp(buffer + n - 4, "\r\n\r\n", 4) != 0);
        if (strncmp(buffer, "HTTP/1.1 101", 12) != 0)
            BENCH_FAIL("http_load: no WebSocket: %s", buffer);
    }
    memcpy(request, "\x82\xc0 key", 6); /* binary, masked, 64 bytes */
    for (size_t i = 0; i < MESSAGE; i++) request[6 + i] = (char)('a' + i % 26);
    request_size = 6 + MESSAGE;
    answer_size = 2 + MESSAGE;
    begins = "\x82\x40";
}

int main(int argc, char **argv) {
    if (argc != 5) BENCH_FAIL("http_load PORT CONNECTIONS PID PATH");
    clockid_t server;
    if (clock_getcpuclockid(atoi(argv[3]), &server) != 0)
        BENCH_FAIL("http_load: no process %s", argv[3]);
    count = (size_t)atoi(argv[2]);
    request_size = (size_t)snprintf(
        request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\n\r\n", argv[4], argv[1]);
    if (request_size >= sizeof request) BENCH_FAIL("http_load: the path is too long");
    open_all(atoi(argv[1]));
    if (strncmp(argv[4], "/ws", 3) == 0) upgrade_all(argv[4]);
    heard = bench_wall();
    ask(wake(), heard);
    while (under_way > 0) look(1000, false, 0); /* the first answer, which says how long they are */
    play(0);
    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        unsigned long ms;
        double rate = 0;
        if (sscanf(line, "%lu %lf", &ms, &rate) < 1) BENCH_FAIL("http_load: what is %s", line);
        memset(histogram, 0, sizeof histogram);
        uint64_t wall = heard = bench_wall(), cpu = bench_clock(server);
        uint64_t answers = rate > 0 ? play_at(ms * 1000000u, rate) : play(ms * 1000000u);
        printf("%lu %lu %lu %lu %lu\n", (unsigned long)answers,
               (unsigned long)(bench_clock(server) - cpu), (unsigned long)(bench_wall() - wall),
               (unsigned long)percentile(answers, 0.50), (unsigned long)percentile(answers, 0.99));
        fflush(stdout);
    }
    return 0;
}
