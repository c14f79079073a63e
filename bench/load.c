/* load.c - the load of the echo workloads, and their meter: load PORT CONNECTIONS PID
 * [udp].
 *
 * Opens the connections, warms them up, then does what standard input says: for a line "MS" it
 * plays ping-pong on every connection, one message of 64 bytes in flight on each, for that many
 * milliseconds, waits until every message is back, and prints "MESSAGES CPU_NS WALL_NS P50_NS
 * P99_NS", where CPU_NS is the CPU time that process PID (the server) took meanwhile, and P50 and
 * P99 are of the times from a message's sending to its arrival, within 3 %. Every message is
 * checked. Ends at the end of its input; no reply for 5 s is an error. */
#include "bench.h"
#include "echo.h"
#include "latency.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 512, PATIENCE_MS = 5000 };

struct connection {
    int fd;
    uint64_t number; /* of the message in flight: its first 8 bytes */
    uint64_t sent;   /* when */
    size_t got;
    char in[ECHO_MESSAGE];
};

static struct connection *connections;
static size_t count, in_flight;
static int poller;

static void ping(struct connection *c, uint64_t now) {
    char out[ECHO_MESSAGE] = {0};
    c->number++;
    c->sent = now;
    memcpy(out, &c->number, sizeof c->number);
    c->got = 0;
    if (send(c->fd, out, sizeof out, MSG_NOSIGNAL) != sizeof out)
        BENCH_FAIL("load: send: %s", strerror(errno));
    in_flight++;
}

/* True when the message is back. */
static int pong(struct connection *c) {
    ssize_t n = recv(c->fd, c->in + c->got, sizeof c->in - c->got, 0);
    if (n == 0) BENCH_FAIL("load: the server closed a connection");
    if (n < 0 && errno == EAGAIN) return 0;
    if (n < 0) BENCH_FAIL("load: recv: %s", strerror(errno));
    c->got += (size_t)n;
    if (c->got < sizeof c->in) return 0;
    if (memcmp(c->in, &c->number, sizeof c->number) != 0)
        BENCH_FAIL("load: the server sent something else");
    in_flight--;
    return 1;
}

/* How many messages came back in a window of that many ns. */
static uint64_t play(uint64_t ns) {
    static struct epoll_event events[EVENTS];
    uint64_t messages = 0, end = bench_wall() + ns;
    memset(histogram, 0, sizeof histogram);
    for (size_t i = 0; i < count; i++) ping(&connections[i], bench_wall());
    while (in_flight > 0) {
        int n = epoll_wait(poller, events, EVENTS, PATIENCE_MS);
        if (n == 0) BENCH_FAIL("load: no reply for %d ms", PATIENCE_MS);
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (!pong(c)) continue;
            uint64_t now = bench_wall();
            histogram[step_of(now - c->sent)]++;
            messages++;
            if (now < end) ping(c, now);
        }
    }
    return messages;
}

static void open_all(int port, bool udp) {
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    connections = calloc(count, sizeof *connections);
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (!connections || poller < 0) BENCH_FAIL("load: no memory");
    for (size_t i = 0; i < count; i++) {
        struct connection *c = &connections[i];
        int on = 1;
        c->fd = socket(AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
        c->number = (uint64_t)i << 32;
        if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&a, sizeof a) != 0)
            BENCH_FAIL("load: connection %zu: %s", i, strerror(errno));
        if (!udp) setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &e) != 0)
            BENCH_FAIL("load: epoll_ctl: %s", strerror(errno));
    }
}

int main(int argc, char **argv) {
    if (argc != 4 && (argc != 5 || strcmp(argv[4], "udp") != 0))
        BENCH_FAIL("load PORT CONNECTIONS PID [udp]");
    clockid_t server;
    if (clock_getcpuclockid(atoi(argv[3]), &server) != 0)
        BENCH_FAIL("load: no process %s", argv[3]);
    count = (size_t)atoi(argv[2]);
    open_all(atoi(argv[1]), argc == 5);
    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        uint64_t wall = bench_wall(), cpu = bench_clock(server);
        uint64_t messages = play((uint64_t)atoi(line) * 1000000u);
        printf("%lu %lu %lu %lu %lu\n", (unsigned long)messages,
               (unsigned long)(bench_clock(server) - cpu), (unsigned long)(bench_wall() - wall),
               (unsigned long)percentile(messages, 0.50),
               (unsigned long)percentile(messages, 0.99));
        fflush(stdout);
    }
    return 0;
}
