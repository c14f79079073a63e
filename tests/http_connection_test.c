/* http_connection_test.c - the server's connections: those that wait have no task, those that are
 * answered at once share a stack, answers of pipelined requests go out together but are not held
 * back, a client that leaves cancels its handler, a connection can be handed over. */
#include "http_test.h"

#include <hob/loop.h>
#include <hob/stream.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <time.h>

static struct {
    int served, cancelled, ended, background;
    struct hob_http_counters counters;
    size_t tasks; /* most at once */
} seen;

static size_t tasks_now(void) {
    struct hob_loop_info info;
    CHECK_EQ(hob_loop_info(&info), 0);
    return info.tasks;
}

static int later(int *count) {
    HOB_TRY(hob_sleep(0.05));
    ++*count;
    return 0;
}
HOB_TASK(later, int *)

/* Echoes lines of the new protocol until the peer ends. */
static int echo_lines(struct hob_request *req) {
    struct hob_stream *s;
    struct hob_slice line;
    CHECK_EQ(hob_request_upgrade(req, "nothing", NULL, &s), HOB_E_HTTP_STATE);
    HOB_TRY(hob_request_upgrade(req, "Echo", HOB_HEADERS({"X-Echo", "1"}), &s));
    CHECK(hob_request_answered(req));
    CHECK_EQ(hob_respond_text(req, 200, "text/plain", "x"), HOB_E_HTTP_STATE);
    while (HOB_TRY(hob_read_line(s, 0, &line)) == 1) {
        if (line.size == 5 && memcmp(line.at, "close", 5) == 0) {
            hob_close(s);
            return 0;
        }
        HOB_TRY(hob_write(s, line.at, line.size));
        HOB_TRY(hob_write(s, "!", 1));
    }
    seen.ended++;
    return 0;
}

enum { LARGE = 200 << 20 };

/* More than the kernel keeps for a client that does not read. */
static int send_file(struct hob_request *req) {
    int fd = memfd_create("large", MFD_CLOEXEC);
    CHECK_EQ(ftruncate(fd, LARGE), 0);
    int rc = hob_respond_begin(req, 200, NULL, LARGE);
    if (rc == 0) rc = hob_respond_write_file(req, fd, 0, LARGE);
    close(fd);
    seen.ended++;
    return rc < 0 ? rc : hob_respond_end(req);
}

static int send_pieces(struct hob_request *req) {
    static char piece[65536];
    int rc = hob_respond_begin(req, 200, NULL, LARGE);
    for (int i = 0; rc == 0 && i < LARGE / 65536; i++)
        rc = hob_respond_write(req, piece, sizeof piece);
    seen.ended++;
    return rc < 0 ? rc : hob_respond_end(req);
}

static struct hob_event let_go;

static int handler(struct hob_request *req, void *arg) {
    const char *path = hob_request_path(req);
    (void)arg;
    seen.served++;
    size_t tasks = tasks_now();
    if (tasks > seen.tasks) seen.tasks = tasks;
    if (strcmp(path, "/slow") == 0 || strcmp(path, "/kept") == 0 || strcmp(path, "/held") == 0) {
        if (path[1] == 'k') hob_request_keep_running(req, true);
        int rc = path[1] == 'h' ? hob_event_wait(&let_go) : hob_sleep(0.2);
        if (rc == -ECANCELED) seen.cancelled++;
        HOB_TRY(rc);
        seen.ended++;
    }
    if (strcmp(path, "/endless") == 0) HOB_TRY(hob_sleep(1000));
    if (strcmp(path, "/background") == 0)
        CHECK(hob_spawn(hob_request_scope(req), later, &seen.background) != NULL);
    if (strcmp(path, "/upgrade") == 0) return echo_lines(req);
    if (strcmp(path, "/file") == 0) return send_file(req);
    if (strcmp(path, "/stream") == 0) return send_pieces(req);
    if (strcmp(path, "/host") == 0)
        return hob_respond_text(req, 200, "text/plain", hob_request_host(req));
    return hob_respond_text(req, 200, "text/plain", path);
}

#define SERVED(s, l, ...)                                                                          \
    HOB_SCOPE(s);                                                                                  \
    struct hob_listener *l = listening();                                                          \
    CHECK_EQ(hob_start(s, hob_http_serve, l, handler, NULL,                                        \
                       ((struct hob_http_options){.counters = &seen.counters, __VA_ARGS__})),      \
             0)

static int end(struct hob_scope *s, struct hob_listener *l) {
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    CHECK_EQ(seen.counters.connections, 0);
    return 0;
}

static char out[1 << 16];

static struct hob_stream *connected(struct hob_listener *l) {
    struct hob_stream *c;
    CHECK_EQ(hob_connect(hob_listener_address(l), &c), 0);
    return c;
}

static void send_text(struct hob_stream *c, const char *text) {
    CHECK_EQ(hob_write(c, text, strlen(text)), (ssize_t)strlen(text));
}

/* Reads until `text` has come; what came behind it as well. */
static void read_to(struct hob_stream *c, const char *text) {
    size_t n = 0;
    out[0] = 0;
    while (!strstr(out, text)) {
        ssize_t got = hob_read(c, out + n, sizeof out - 1 - n);
        if (got <= 0) FAIL("the end (%zd) instead of %s: %s", got, text, out);
        n += (size_t)got;
        out[n] = 0;
    }
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

enum { MANY = 200 };

TASK_TEST(waiting_connections_have_no_task) {
    SERVED(s, l, .server = "hob");
    struct hob_stream *c[MANY];
    size_t before = tasks_now();
    for (int i = 0; i < MANY; i++) c[i] = connected(l);
    for (int i = 0; i < MANY; i++) send_text(c[i], GET("/a"));
    for (int i = 0; i < MANY; i++) read_to(c[i], "\r\n\r\n/a");
    CHECK_EQ(hob_yield_now(), 0);
    CHECK_EQ(tasks_now(), before);
    CHECK_EQ(seen.counters.connections, MANY);
    for (int i = 0; i < MANY; i++) send_text(c[i], GET("/b"));
    for (int i = 0; i < MANY; i++) read_to(c[i], "\r\n\r\n/b");
    CHECK_EQ(seen.served, 2 * MANY);
    /* Clients that end are seen without a task, too. */
    for (int i = 0; i < MANY; i++) hob_close(c[i]);
    while (seen.counters.connections > 0) CHECK_EQ(hob_sleep(0.001), 0);
    CHECK_EQ(seen.counters.left, 0);
    return end(s, l);
}

TASK_TEST(idle_connections_end) {
    SERVED(s, l, .idle_timeout = 1);
    struct hob_stream *c = connected(l), *silent = connected(l);
    send_text(c, GET("/a"));
    read_to(c, "\r\n\r\n/a");
    CHECK_EQ(hob_read(c, out, sizeof out), 0);
    CHECK_EQ(hob_read(silent, out, sizeof out), 0);
    CHECK_EQ(seen.counters.idle_timeouts, 2);
    hob_close(c);
    hob_close(silent);
    return end(s, l);
}

/* The first answers do not wait for a handler behind them. */
TASK_TEST(pipelined_answers_are_not_held_back) {
    SERVED(s, l, .server = "hob");
    struct hob_stream *c = connected(l);
    send_text(c, GET("/1") GET("/2") GET("/held") GET("/4"));
    read_to(c, "\r\n\r\n/2");
    CHECK(!strstr(out, "/held"));
    CHECK_EQ(seen.ended, 0);
    hob_event_set(&let_go);
    read_to(c, "\r\n\r\n/4");
    CHECK_EQ(seen.ended, 1);
    hob_close(c);
    return end(s, l);
}

/* Nor do those whose own handlers waited: what was to send them has run by then. */
TASK_TEST(a_pipelined_answer_that_took_time_is_not_held_back) {
    SERVED(s, l, .server = "hob");
    struct hob_stream *c = connected(l);
    send_text(c, GET("/slow") GET("/endless"));
    read_to(c, "\r\n\r\n/slow");
    CHECK_EQ(seen.ended, 1);
    CHECK_EQ(seen.served, 2);
    hob_close(c);
    return end(s, l);
}

/* They go out in few writes, each of which would be a segment of its own. */
TASK_TEST(pipelined_answers_go_out_together) {
    enum { REQUESTS = 60 };
    const char *backend = getenv("HOB_BACKEND");
    if (backend && strcmp(backend, "sim") == 0) return 0; /* its segments are not the kernel's */
    SERVED(s, l, .server = "hob");
    struct hob_stream *c = connected(l);
    struct tcp_info before, after;
    socklen_t n = sizeof before, m = sizeof after;
    send_text(c, GET("/first"));
    read_to(c, "\r\n\r\n/first");
    CHECK_EQ(getsockopt(hob_stream_fd(c), IPPROTO_TCP, TCP_INFO, &before, &n), 0);
    static char all[REQUESTS * 40], *at = all;
    for (int i = 0; i < REQUESTS; i++) at = stpcpy(at, i < REQUESTS - 1 ? GET("/a") : GET("/last"));
    send_text(c, all);
    read_to(c, "\r\n\r\n/last");
    CHECK_EQ(seen.served, REQUESTS + 1);
    CHECK_EQ(getsockopt(hob_stream_fd(c), IPPROTO_TCP, TCP_INFO, &after, &m), 0);
    CHECK(after.tcpi_data_segs_in - before.tcpi_data_segs_in < REQUESTS / 6);
    hob_close(c);
    return end(s, l);
}

TASK_TEST(a_client_that_leaves_cancels_its_handler) {
    SERVED(s, l, .server = "hob");
    struct hob_stream *c = connected(l);
    send_text(c, GET("/held"));
    while (seen.served < 1) CHECK_EQ(hob_sleep(0.001), 0);
    hob_close(c);
    while (seen.cancelled < 1) CHECK_EQ(hob_sleep(0.001), 0);
    while (seen.counters.connections > 0) CHECK_EQ(hob_sleep(0.001), 0);
    CHECK_EQ(seen.counters.left, 1);
    CHECK_EQ(seen.ended, 0);
    c = connected(l); /* by a reset */
    send_text(c, GET("/held"));
    while (seen.served < 2) CHECK_EQ(hob_sleep(0.001), 0);
    hob_abort(c);
    while (seen.cancelled < 2) CHECK_EQ(hob_sleep(0.001), 0);
    return end(s, l);
}

TASK_TEST(or_does_not) {
    SERVED(s, l, .server = "hob");
    struct hob_stream *c = connected(l);
    send_text(c, GET("/kept"));
    while (seen.served < 1) CHECK_EQ(hob_sleep(0.001), 0);
    hob_close(c);
    while (seen.ended < 1) CHECK_EQ(hob_sleep(0.001), 0);
    CHECK_EQ(seen.cancelled, 0);
    return end(s, l);
}

TASK_TEST(keep_running_is_an_option) {
    SERVED(s, l, .keep_running = true);
    struct hob_stream *c = connected(l);
    send_text(c, GET("/slow"));
    while (seen.served < 1) CHECK_EQ(hob_sleep(0.001), 0);
    hob_close(c);
    while (seen.ended < 1) CHECK_EQ(hob_sleep(0.001), 0);
    return end(s, l);
}

/* A client that ends its sending together with its request gets its answer. */
TASK_TEST(half_closed) {
    SERVED(s, l, .server = "hob");
    struct hob_stream *c = connected(l);
    hob_cork(c);
    send_text(c, GET("/a"));
    CHECK_EQ(hob_uncork(c), 0);
    CHECK_EQ(hob_shutdown(c), 0);
    read_to(c, "\r\n\r\n/a");
    CHECK_EQ(hob_read(c, out, sizeof out), 0);
    hob_close(c);
    return end(s, l);
}

TASK_TEST(work_that_goes_on) {
    SERVED(s, l, .server = "hob");
    struct hob_stream *c = connected(l);
    send_text(c, GET("/background"));
    read_to(c, "\r\n\r\n/background");
    hob_close(c);
    CHECK_EQ(seen.background, 0);
    while (!seen.background) CHECK_EQ(hob_sleep(0.001), 0);
    return end(s, l);
}

TASK_TEST(the_server_waits_for_that_work) {
    struct hob_listener *l = listening();
    HOB_SCOPE(s);
    CHECK_EQ(hob_start(s, hob_http_serve, l, handler, NULL, ((struct hob_http_options){0})), 0);
    struct hob_stream *c = connected(l);
    send_text(c, GET("/background"));
    read_to(c, "\r\n\r\n/background");
    hob_stop(s, 10);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(seen.background, 1);
    CHECK_EQ(hob_read(c, out, sizeof out), 0);
    hob_close(c);
    hob_listener_close(l);
    return 0;
}

TASK_TEST(upgrade) {
    SERVED(s, l, .server = "hob");
    struct hob_stream *c = connected(l);
    /* Behind a request of the same batch, and with bytes of the new protocol that came early. */
    send_text(c, GET("/a") "GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\n"
                           "Upgrade: other, echo\r\n\r\none\ntw");
    read_to(c, "one!");
    CHECK(strstr(out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: Echo\r\n"
                      "Connection: Upgrade\r\nX-Echo: 1\r\n\r\none!"));
    send_text(c, "o\n");
    read_to(c, "two!");
    CHECK_EQ(hob_shutdown(c), 0);
    CHECK_EQ(hob_read(c, out, sizeof out), 0);
    CHECK_EQ(seen.ended, 1);
    CHECK_EQ(seen.counters.upgraded, 1);
    hob_close(c);
    c = connected(l); /* closed by the handler */
    send_text(
        c,
        "GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: ECHO\r\n\r\nclose\n");
    read_to(c, "\r\n\r\n");
    CHECK_EQ(hob_read(c, out, sizeof out), 0);
    hob_close(c);
    return end(s, l);
}

TASK_TEST(the_host_that_counts) {
    SERVED(s, l, .server = "hob");
    struct hob_stream *c = connected(l);
    send_text(c, GET("/host"));
    read_to(c, "\r\n\r\na");
    send_text(c, GET("http://u@other:80/host"));
    read_to(c, "\r\n\r\nother:80");
    hob_close(c);
    return end(s, l);
}

/* A client that is still sending when the server ends the connection: it is not reset, which could
 * cost it the answer, and what it sends is read for a while. */
TASK_TEST(a_client_that_still_sends_is_not_reset) {
    SERVED(s, l, .server = "hob");
    struct hob_stream *c = connected(l);
    send_text(c, "POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n");
    read_to(c, "\r\n\r\n/unread");
    CHECK_HAS(out, "HTTP/1.1 200 ");
    for (int i = 0; i < 5; i++) {
        send_text(c, "more of the body");
        CHECK_EQ(hob_sleep(0.02), 0);
    }
    CHECK_EQ(hob_read(c, out, sizeof out), 0);
    hob_close(c);
    return end(s, l);
}

/* Clients that read next to nothing of what they have asked for, a window now and then: a byte each
 * time is no progress. */
TASK_TEST(tiny_windows_are_cut_off) {
    SERVED(s, l, .min_rate = 1e6);
    struct hob_stream *c[] = {connected(l), connected(l)};
    send_text(c[0], GET("/file"));
    send_text(c[1], GET("/stream"));
    uint64_t began = hob_now();
    for (int i = 0; seen.counters.timeouts < 2; i++) {
        char byte;
        for (int k = 0; k < 2; k++) (void)hob_within(0.001, (int)hob_read(c[k], &byte, 1));
        CHECK_EQ(hob_sleep(0.02), 0);
        CHECK(hob_now() - began < 100000000000);
    }
    CHECK(hob_now() - began > 3000000000); /* which it has for it */
    CHECK_EQ(seen.ended, 2);
    for (int i = 0; seen.counters.connections > 0; i++) CHECK_EQ(hob_sleep(0.005), 0);
    hob_close(c[0]);
    hob_close(c[1]);
    return end(s, l);
}

/* Of each second its own. */
TASK_TEST(dates_go_on) {
    SERVED(s, l, .server = "hob");
    struct hob_stream *c = connected(l);
    time_t dates[2];
    for (int i = 0; i < 2; i++) {
        struct tm tm = {0};
        send_text(c, GET("/a"));
        read_to(c, "\r\n\r\n/a");
        CHECK(strptime(strstr(out, "Date: "), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm) != NULL);
        dates[i] = timegm(&tm);
        if (i == 0) CHECK_EQ(hob_sleep(1.5), 0);
    }
    CHECK(dates[1] > dates[0] && dates[1] < dates[0] + 60);
    hob_close(c);
    return end(s, l);
}

/* Who asks for nothing special has bounds, too. */
TASK_TEST(requests_per_connection_by_default) {
    if (getenv("TEST_SLOW")) return 0; /* they are many */
    enum { MOST = 100000, BATCH = 1000 };
    static char batch[BATCH * 40], *at = batch;
    SERVED(s, l, .server = "hob");
    struct hob_stream *c = connected(l);
    for (int i = 0; i < BATCH; i++) at = stpcpy(at, GET("/a"));
    size_t size = 0;
    for (int i = 0; i < MOST; i += BATCH) {
        send_text(c, batch);
        ssize_t got, left;
        if (i == 0) { /* how long an answer is */
            read_to(c, "\r\n\r\n/a");
            size = (size_t)(strstr(out, "\r\n\r\n/a") + 6 - out);
            left = (ssize_t)(size * BATCH) - (ssize_t)strlen(out);
        } else {
            left = (ssize_t)(size * BATCH);
        }
        if (i == MOST - BATCH) left += (ssize_t)strlen("Connection: close\r\n");
        for (; left > 0; left -= got) {
            got = hob_read(c, out, left < (ssize_t)sizeof out ? (size_t)left : sizeof out);
            CHECK(got > 0);
        }
    }
    CHECK_EQ(hob_read(c, out, sizeof out), 0);
    CHECK_EQ(seen.served, MOST);
    hob_close(c);
    return end(s, l);
}

TASK_TEST(requests_per_connection) {
    SERVED(s, l, .max_requests = 2);
    struct hob_stream *c = connected(l);
    send_text(c, GET("/1") GET("/2") GET("/3"));
    read_to(c, "\r\n\r\n/2");
    CHECK(strstr(out, "Connection: close\r\n"));
    CHECK_EQ(hob_read(c, out, sizeof out), 0);
    CHECK_EQ(seen.served, 2);
    hob_close(c);
    return end(s, l);
}

/* A stop ends the waiting ones at once. */
TASK_TEST(a_stop_closes_what_waits) {
    struct hob_listener *l = listening();
    HOB_SCOPE(s);
    CHECK_EQ(hob_start(s, hob_http_serve, l, handler, NULL, ((struct hob_http_options){0})), 0);
    struct hob_stream *c = connected(l), *busy = connected(l);
    send_text(c, GET("/1"));
    read_to(c, "\r\n\r\n/1");
    send_text(busy, GET("/held"));
    while (seen.served < 2) CHECK_EQ(hob_sleep(0.001), 0);
    hob_stop(s, 10);
    CHECK_EQ(hob_read(c, out, sizeof out), 0);
    CHECK_EQ(seen.ended, 0);
    hob_event_set(&let_go);
    read_to(busy, "\r\n\r\n/held");
    CHECK(strstr(out, "Connection: close\r\n"));
    CHECK_EQ(hob_join(s), 0);
    hob_close(c);
    hob_close(busy);
    hob_listener_close(l);
    return 0;
}

/* A listener that is closed by another task: connections that are there go on. */
TASK_TEST(a_closed_listener_leaves_connections) {
    SERVED(s, l, .server = "hob");
    struct hob_stream *c = connected(l);
    send_text(c, GET("/1"));
    read_to(c, "\r\n\r\n/1");
    hob_listener_close(l);
    CHECK_EQ(hob_sleep(0.01), 0);
    send_text(c, GET("/2"));
    read_to(c, "\r\n\r\n/2");
    hob_close(c);
    CHECK_EQ(hob_join(s), 0);
    return 0;
}

/* All places are taken by connections that wait: the next one gets in when one of them ends. */
TASK_TEST(places_of_waiting_connections) {
    SERVED(s, l, .max_connections = 2);
    struct hob_stream *a = connected(l), *b = connected(l), *c = connected(l);
    send_text(a, GET("/a"));
    read_to(a, "\r\n\r\n/a");
    send_text(b, GET("/b"));
    read_to(b, "\r\n\r\n/b");
    send_text(c, GET("/c"));
    CHECK_EQ(hob_sleep(0.02), 0);
    CHECK_EQ(seen.served, 2);
    hob_close(a);
    read_to(c, "\r\n\r\n/c");
    hob_close(b);
    hob_close(c);
    return end(s, l);
}

TEST_MAIN()
