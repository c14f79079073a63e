/* http_scale_test.c - ten thousand connections of a server of which five thousand die; they cost
 * neither tasks nor stacks, and a few hundred bytes each. The clients are plain sockets in a
 * process of their own. With a lower limit of open files there are fewer. And requests that wait
 * for their answers, which have no buffers. */
#include "http_test.h"
#include "no_watchdog.h"

#include <hob/loop.h>
#include <hob/websocket.h>
#include <malloc.h>
#include <netinet/in.h>
#include <sys/resource.h>

#include "fiber/sanitize.h"

static struct hob_http_counters counters;

static int handler(struct hob_request *req, void *arg) {
    (void)arg;
    return hob_respond_text(req, 200, "text/plain", "ok");
}

static int connections(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    const char *slow = getenv("TEST_SLOW");
    int most = slow ? 1000 : 10000;
    return limit.rlim_max < (rlim_t)most + 200 ? (int)limit.rlim_max - 200 : most;
}

/* ---- the clients: a word on `from` lets them go on, one on `to` says that they have ---- */

static void ask(int fd) {
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) != sizeof request - 1) _exit(2);
}

static void hear(int fd) {
    char text[1024];
    size_t n = 0;
    while (n < 6 || memcmp(text + n - 6, "\r\n\r\nok", 6) != 0) {
        ssize_t got = recv(fd, text + n, sizeof text - n, 0);
        if (got <= 0) _exit(3);
        n += (size_t)got;
    }
}

static void clients(const struct sockaddr_in *server, int n, int from, int to) {
    static int fds[10000];
    char word;
    if (read(from, &word, 1) != 1) _exit(6);
    for (int i = 0; i < n; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        if (fds[i] < 0 || connect(fds[i], (const struct sockaddr *)server, sizeof *server) < 0)
            _exit(1);
    }
    for (int i = 0; i < n; i++) ask(fds[i]);
    for (int i = 0; i < n; i++) hear(fds[i]);
    if (write(to, "a", 1) != 1 || read(from, &word, 1) != 1) _exit(4);
    for (int i = 0; i < n; i += 2) { /* half of them end, half of these by a reset */
        struct linger reset = {1, 0};
        if (i % 4 == 0) setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(fds[i]);
    }
    for (int i = 1; i < n; i += 2) ask(fds[i]);
    for (int i = 1; i < n; i += 2) hear(fds[i]);
    if (write(to, "b", 1) != 1 || read(from, &word, 1) != 1) _exit(5);
    _exit(0);
}

static int word(int fd) {
    char c = 0;
    HOB_TRY(hob_poll(fd, 1));
    return read(fd, &c, 1) == 1 ? c : 0;
}

static uint64_t memory(void) {
    char line[256];
    uint64_t kib = 0, n;
    FILE *f = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "VmRSS: %lu", &n) == 1 || sscanf(line, "VmPTE: %lu", &n) == 1) kib += n;
    fclose(f);
    return kib * 1024;
}

TASK_TEST(ten_thousand_connections_of_which_half_die) {
    int n = connections(), to[2], back[2];
    struct hob_listener *l = listening();
    struct hob_loop_info before, after;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    a.sin_port = htons((uint16_t)atoi(strrchr(hob_listener_address(l), ':') + 1));
    CHECK_EQ(pipe(to) + pipe(back), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(to[1]); /* or it would wait for itself when this process is killed */
        clients(&a, n, to[0], back[1]);
    }
    close(back[1]);
    HOB_SCOPE(s);
    CHECK_EQ(
        hob_start(s, hob_http_serve, l, handler, NULL,
                  ((struct hob_http_options){.counters = &counters, .max_connections = 20000})),
        0);
    CHECK_EQ(hob_loop_info(&before), 0);
    uint64_t empty = memory();
    CHECK_EQ(write(to[1], "", 1), 1);
    CHECK_EQ(word(back[0]), 'a');
    CHECK_EQ(hob_yield_now(), 0);
    CHECK_EQ(hob_loop_info(&after), 0);
    CHECK_EQ(counters.connections, n);
    CHECK_EQ(after.tasks, before.tasks);
    CHECK_EQ(after.stacks, before.stacks);
    uint64_t each = (memory() - empty) / (unsigned)n;
    /* A sanitizer's own memory for each block counts here, too. */
    bool bare = !HOB__ASAN && !HOB__TSAN && !getenv("TEST_SLOW");
    if (bare && each > 1024) FAIL("%lu bytes for each connection", each);
    CHECK_EQ(write(to[1], "", 1), 1);
    CHECK_EQ(word(back[0]), 'b');
    while (counters.connections > (unsigned)(n - (n + 1) / 2)) CHECK_EQ(hob_sleep(0.005), 0);
    CHECK_EQ(counters.requests, n + n / 2);
    CHECK_EQ(counters.left, 0);
    CHECK_EQ(counters.failed, 0);
    CHECK_EQ(hob_loop_info(&after), 0);
    CHECK_EQ(after.tasks, before.tasks);
    CHECK_EQ(write(to[1], "", 1), 1);
    int status = -1;
    while (waitpid(pid, &status, WNOHANG) == 0) CHECK_EQ(hob_sleep(0.005), 0);
    CHECK_EQ(status, 0);
    while (counters.connections > 0) CHECK_EQ(hob_sleep(0.005), 0);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    close(to[0]), close(to[1]), close(back[0]);
    return 0;
}

/* ---- WebSockets, each with a task that waits ---- */

static int converse(struct hob_request *req, void *arg) {
    (void)arg;
    struct hob_websocket *ws;
    struct hob_websocket_message m;
    HOB_TRY(hob_websocket_accept(req, &ws));
    int rc;
    while ((rc = hob_websocket_receive(ws, &m)) > 0)
        HOB_TRY(hob_websocket_send(ws, m.kind, m.data, m.size));
    CHECK_STR(hob_request_path(req), "/talk"); /* the request is still there */
    CHECK_STR(hob_request_query(req), "a=b");
    CHECK_STR(hob_request_header(req, "x-own"), "yes");
    return rc;
}

enum { SOCKETS = 400 };

/* Says hello and hears it come back. */
static void hello_to(struct hob_stream *stream) {
    char text[7];
    CHECK_EQ(hob_write(stream, "\x82\x85\0\0\0\0hello", 11), 11);
    CHECK_EQ(hob_read_exactly(stream, text, 7), 7);
    CHECK(memcmp(text, "\x82\5hello", 7) == 0);
}

/* After a second of silence one keeps a page of its stack; then it goes on as before. */
TASK_TEST(a_websocket_that_waits_keeps_one_page) {
    static const char ask_for_it[] =
        "GET /talk?a=b HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Own: "
        "yes\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    struct hob_stream *streams[SOCKETS];
    struct hob_listener *l = listening();
    struct hob_slice answer;
    char head[512];
    HOB_SCOPE(s);
    CHECK_EQ(hob_start(s, hob_http_serve, l, converse, NULL, ((struct hob_http_options){0})), 0);
    for (int i = 0; i < SOCKETS; i++)
        CHECK_EQ(hob_connect(hob_listener_address(l), &streams[i]), 0);
    CHECK_EQ(hob_yield_now(), 0);
    uint64_t empty = memory();
    for (int i = 0; i < SOCKETS; i++) {
        CHECK_EQ(hob_write(streams[i], ask_for_it, sizeof ask_for_it - 1), sizeof ask_for_it - 1);
        CHECK_EQ(hob_read_until(streams[i], "\r\n\r\n", sizeof head, &answer), 1);
        hello_to(streams[i]);
    }
    bool bare = !HOB__ASAN && !HOB__TSAN && !getenv("TEST_SLOW");
    uint64_t each = 0, until = hob_now() + 30 * UINT64_C(1000000000);
    do { /* a second, and its time on a busy machine */
        CHECK_EQ(hob_sleep(bare ? 0.1 : 1.5), 0);
        each = (memory() - empty) / SOCKETS;
    } while (bare && each > 7500 && hob_now() < until);
    if (bare && each > 7500) FAIL("%lu bytes for each", each);
    for (int i = 0; i < SOCKETS; i++) {
        hello_to(streams[i]);
        CHECK_EQ(hob_write(streams[i], "\x88\x80\0\0\0\0", 6), 6);
    }
    for (int i = 0; i < SOCKETS; i++) {
        CHECK_EQ(hob_read_exactly(streams[i], head, 2), 2);
        CHECK(memcmp(head, "\x88\0", 2) == 0);
        hob_close(streams[i]);
    }
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

/* ---- a client whose requests wait ---- */

enum { WAITING = 100 };
static size_t heap;

static void *count_realloc(void *arg, void *p, size_t n) {
    (void)arg;
    size_t before = p ? malloc_usable_size(p) : 0;
    void *now = realloc(p, n);
    if (now) heap += malloc_usable_size(now) - before;
    return now;
}

static void count_free(void *arg, void *p) {
    (void)arg;
    if (p) heap -= malloc_usable_size(p);
    free(p);
}

static int wait_for_page(struct hob_client *c, const char *url) {
    struct hob_body body;
    return hob_get(c, url, &body);
}
HOB_TASK(wait_for_page, struct hob_client *, const char *)

/* The connections stand in the listener's backlog: nobody ever answers, nor has anything of them.
 */
static int many_that_wait(void) {
    struct hob_listener *l = listening();
    const char *url = url_of(l, "/");
    HOB_CLIENT(c, .max_connections = 2 * WAITING);
    HOB_SCOPE(s);
    struct hob_client_info info = {0};
    size_t each = 0;
    for (int round = 1; round <= 2; round++) { /* the first makes room for tasks and descriptors */
        size_t before = heap;
        for (int i = 0; i < WAITING / 2; i++) hob_spawn(s, wait_for_page, c, url);
        while (info.opened < (unsigned)(round * WAITING / 2)) {
            CHECK_EQ(hob_sleep(0.005), 0);
            hob_client_info(c, &info);
        }
        for (int i = 0; i < 3; i++) CHECK_EQ(hob_yield_now(), 0);
        each = (heap - before) / (WAITING / 2);
    }
    CHECK_EQ(info.in_use, WAITING);
    if (each > 2500) FAIL("%zu bytes of the heap for each request that waits", each);
    CHECK(each > 100);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}
HOB_TASK(many_that_wait)

TEST(requests_that_wait_have_no_buffers) {
    struct hob_allocator counted = {count_realloc, count_free, NULL};
    hob_set_allocator(&counted);
    CHECK_EQ(hob_run(many_that_wait), 0);
    hob_set_allocator(NULL);
}

TEST_MAIN()
