/* http_metrics_test.c - what a server counts: requests, answers, bytes, connections and times of
 * one server to the unit; of threads and of processes together, also of those that were killed; and
 * the text for Prometheus. */
#include <hob/http_metrics.h>
#include <hob/prefork.h>
#include <hob/thread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fiber/sanitize.h"
#include "http/server/metrics.h"
#include "http_test.h"

static struct hob_http_metrics *metrics;
static struct hob_http_counters now;
static struct hob_event go;

static int handler(struct hob_request *req, void *arg) {
    (void)arg;
    const char *path = hob_request_path(req), *body;
    size_t n;
    if (strcmp(path, "/metrics") == 0) return hob_http_metrics_handler(req, metrics);
    if (strcmp(path, "/wait") == 0) HOB_TRY(hob_event_wait(&go));
    if (strcmp(path, "/sleep") == 0) HOB_TRY(hob_sleep(0.02));
    if (strcmp(path, "/fail") == 0) return hob_fail(-EIO, "on purpose");
    if (strcmp(path, "/body") == 0) HOB_TRY(hob_request_body(req, &body, &n));
    if (strcmp(path, "/up") == 0) {
        struct hob_stream *s;
        HOB_TRY(hob_request_upgrade(req, "x", NULL, &s));
        HOB_TRY(hob_event_wait(&go));
        return (int)hob_write(s, "bye", 3);
    }
    int status = path[1] >= '2' && path[1] <= '6' ? atoi(path + 1) : 200;
    return hob_respond_text(req, status, "text/plain", status == 304 ? "" : "Hello");
}

static void look(void) { hob_http_metrics_read(metrics, &now, NULL); }

#define SERVED(s, l, ...)                                                                          \
    HOB_SCOPE(s);                                                                                  \
    struct hob_listener *l = listening();                                                          \
    hob_set_report(fail_at_deadlock, NULL);                                                        \
    go = (struct hob_event){0};                                                                    \
    CHECK_EQ(hob_http_metrics_new(&metrics), 0);                                                   \
    CHECK_EQ(hob_start(s, hob_http_serve, l, handler, NULL,                                        \
                       ((struct hob_http_options){.metrics = metrics, __VA_ARGS__})),              \
             0)

static int end(struct hob_scope *s, struct hob_listener *l) {
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    hob_error_clear();
    look();
    CHECK_EQ(now.connections, 0);
    CHECK_EQ(now.busy, 0);
    CHECK_EQ(now.in_flight, 0);
    hob_http_metrics_free(metrics);
    return 0;
}

static char out[1 << 16];

static size_t ask(struct hob_listener *l, const char *request) {
    return raw(l, request, strlen(request), NULL, out, sizeof out);
}

/* Until the server has seen that all connections are closed. */
static void settled(void) {
    do {
        CHECK_EQ(hob_sleep(0.002), 0);
        look();
    } while (now.connections > 0);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define LAST(path) "GET " path " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

TASK_TEST(requests_answers_and_bytes) {
    SERVED(s, l);
    static const char pipelined[] = GET("/") GET("/404") GET("/304") LAST("/");
    size_t got = ask(l, pipelined);
    settled();
    CHECK_EQ(now.requests, 4);
    CHECK_EQ(now.answers[1], 2);
    CHECK_EQ(now.answers[2], 1);
    CHECK_EQ(now.answers[3], 1);
    CHECK_EQ(now.accepted, 1);
    CHECK_EQ(now.received, sizeof pipelined - 1);
    CHECK_EQ(now.sent, got);
    got += ask(l, LAST("/fail"));
    got += ask(l, LAST("/600"));
    static const char bad[] = "GET / HTTP/1.1\r\nHost : a\r\n\r\n";
    got += ask(l, bad);
    static const char post[] =
        "POST /body HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n\r\n12345";
    got += ask(l, post);
    settled();
    CHECK_EQ(now.requests, 7);
    CHECK_EQ(now.failed, 1);
    CHECK_EQ(now.refused, 1);
    CHECK_EQ(now.answers[1], 3);
    CHECK_EQ(now.answers[3], 2);
    CHECK_EQ(now.answers[4], 1);
    CHECK_EQ(now.answers[5], 1);
    CHECK_EQ(now.sent, got);
    CHECK_EQ(now.received, sizeof pipelined + sizeof bad + sizeof post - 3 + strlen(LAST("/fail")) +
                               strlen(LAST("/600")));
    return end(s, l);
}

TASK_TEST(what_is_open_and_what_took_how_long) {
    struct hob_stream *c[3];
    SERVED(s, l);
    for (int i = 0; i < 3; i++) CHECK_EQ(hob_connect(hob_listener_address(l), &c[i]), 0);
    do {
        CHECK_EQ(hob_sleep(0.002), 0);
        look();
    } while (now.accepted < 3);
    CHECK_EQ(now.connections, 3);
    CHECK_EQ(now.busy, 0);
    hob_write(c[0], GET("/wait"), strlen(GET("/wait")));
    hob_write(c[1], GET("/sleep"), strlen(GET("/sleep")));
    do {
        CHECK_EQ(hob_sleep(0.002), 0);
        look();
    } while (now.in_flight < 1 || now.durations[15] + now.requests < 2);
    CHECK_EQ(now.connections, 3);
    CHECK(now.busy >= 1 && now.busy <= 2);
    while (now.in_flight > 1) {
        CHECK_EQ(hob_sleep(0.002), 0);
        look();
    }
    CHECK_EQ(now.busy, 1);
    uint64_t slow = 0;
    for (unsigned i = 0; i < HOB_HTTP_BUCKETS; i++) {
        if (hob_http_bucket_seconds(i) > 0.01) slow += now.durations[i];
        if (i > 0) CHECK(hob_http_bucket_seconds(i) > hob_http_bucket_seconds(i - 1));
    }
    CHECK(isinf(hob_http_bucket_seconds(HOB_HTTP_BUCKETS - 1)));
    CHECK_EQ(slow, 1);
    CHECK(now.duration_ns >= 20000000);
    hob_close(c[0]);
    do {
        CHECK_EQ(hob_sleep(0.002), 0);
        look();
    } while (now.connections > 2 || now.in_flight > 0);
    CHECK_EQ(now.left, 1);
    CHECK_EQ(now.busy, 0);
    hob_close(c[1]);
    hob_close(c[2]);
    return end(s, l);
}

TASK_TEST(one_that_goes_on_as_something_else) {
    struct hob_stream *c;
    static const char up[] =
        "GET /up HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
    SERVED(s, l);
    CHECK_EQ(hob_connect(hob_listener_address(l), &c), 0);
    hob_write(c, up, sizeof up - 1);
    do {
        CHECK_EQ(hob_sleep(0.002), 0);
        look();
    } while (now.upgraded < 1);
    CHECK_EQ(now.in_flight, 0); /* it may last for hours */
    CHECK_EQ(now.connections, 1);
    CHECK_EQ(now.received, sizeof up - 1);
    hob_event_set(&go);
    while (hob_read(c, out, sizeof out) > 0) {}
    hob_close(c);
    settled();
    CHECK_EQ(now.answers[0], 1);
    for (unsigned i = 0; i < HOB_HTTP_BUCKETS; i++) CHECK_EQ(now.durations[i], 0);
    return end(s, l);
}

TASK_TEST(cut_offs_by_their_reason) {
    SERVED(s, l, .head_timeout = 0.05, .stall_timeout = 0.05, .min_rate = -1);
    ask(l, "GET / HT");
    CHECK_HAS(out, " 408 ");
    ask(l, "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n1");
    CHECK_HAS(out, " 408 ");
    settled();
    CHECK_EQ(now.cut_offs[HOB_HTTP_CUT_HEAD], 1);
    CHECK_EQ(now.cut_offs[HOB_HTTP_CUT_REQUEST], 1);
    CHECK_EQ(now.timeouts, 2);
    CHECK_EQ(now.answers[3], 2);
    return end(s, l);
}

/* ---- the text ---- */

static double value_of(const char *text, const char *name) {
    char line[200];
    snprintf(line, sizeof line, "\n%s ", name);
    const char *at = strstr(text, line);
    if (!at) FAIL("there is no %s", name);
    return atof(at + strlen(line));
}

/* Each line is a HELP, a TYPE behind it, or a value of that name; what the format asks for. */
static void check_format(char *text) {
    char name[100] = "", type[20] = "";
    for (char *line = text, *next; *line; line = next) {
        next = strchr(line, '\n');
        CHECK(next);
        *next++ = 0;
        char word[100];
        double value;
        int at = 0;
        if (sscanf(line, "# HELP %99s %n", name, &at) == 1) {
            CHECK(at > 0 && line[at]);
            continue;
        }
        if (sscanf(line, "# TYPE %99s %19s%n", word, type, &at) == 2) {
            CHECK_STR(word, name);
            CHECK(!line[at]);
            bool counter = strcmp(type, "counter") == 0;
            CHECK(counter || strcmp(type, "gauge") == 0 || strcmp(type, "histogram") == 0);
            size_t n = strlen(name);
            CHECK_EQ(counter, n > 6 && strcmp(name + n - 6, "_total") == 0);
            continue;
        }
        CHECK(strncmp(line, name, strlen(name)) == 0);
        at = -1;
        CHECK_EQ(sscanf(strrchr(line, ' '), " %lf%n", &value, &at), 1);
        CHECK(value >= 0 && !strrchr(line, ' ')[at]);
        const char *rest = line + strlen(name);
        CHECK(*rest == ' ' || *rest == '{' || strcmp(type, "histogram") == 0);
    }
}

TASK_TEST(the_text) {
    SERVED(s, l);
    ask(l, LAST("/"));
    ask(l, LAST("/sleep"));
    ask(l, LAST("/404"));
    settled();
    ask(l, LAST("/metrics"));
    CHECK_HAS(out, "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
    CHECK_EQ(value_of(out, "hob_http_requests_total"), 4); /* this one, too */
    CHECK_EQ(value_of(out, "hob_http_requests_in_flight"), 1);
    CHECK_EQ(value_of(out, "hob_http_responses_total{class=\"2xx\"}"), 2);
    CHECK_EQ(value_of(out, "hob_http_responses_total{class=\"4xx\"}"), 1);
    CHECK_EQ(value_of(out, "hob_http_connections{state=\"busy\"}"), 1);
    CHECK_EQ(value_of(out, "hob_http_connections{state=\"idle\"}"), 0);
    CHECK_EQ(value_of(out, "hob_http_cut_offs_total{reason=\"tls_handshake\"}"), 0);
    CHECK_EQ(value_of(out, "hob_http_request_duration_seconds_count"), 3);
    CHECK_EQ(value_of(out, "hob_http_request_duration_seconds_bucket{le=\"+Inf\"}"), 3);
    CHECK(value_of(out, "hob_http_request_duration_seconds_bucket{le=\"0.01\"}") <= 2);
    CHECK(value_of(out, "hob_http_request_duration_seconds_sum") >= 0.02);
    CHECK_EQ(value_of(out, "hob_http_servers"), 1);
    check_format(strstr(out, "\r\n\r\n") + 4);
    ask(l, "HEAD /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    CHECK_HAS(out, " 200 OK");
    ask(l, "POST /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    CHECK_HAS(out, " 405 ");
    CHECK_HAS(out, "\r\nAllow: GET, HEAD\r\n");
    return end(s, l);
}

/* ---- many servers ---- */

TASK_TEST(servers_come_and_go_and_the_sums_stay) {
    struct hob_listener *l = listening();
    CHECK_EQ(hob_http_metrics_new(&metrics), 0);
    for (int i = 1; i <= 3; i++) {
        HOB_SCOPE(s);
        unsigned servers;
        struct hob_http_options o = {.metrics = metrics, .max_served = 2};
        CHECK_EQ(hob_start(s, hob_http_serve, l, handler, NULL, o), 0);
        hob_http_metrics_read(metrics, &now, &servers);
        CHECK_EQ(servers, 1);
        ask(l, LAST("/"));
        ask(l, LAST("/")); /* the last one: whatever the ones before it had served */
        CHECK_EQ(hob_join(s), 0);
        hob_listener_close(l);
        l = listening();
        hob_http_metrics_read(metrics, &now, &servers);
        CHECK_EQ(now.requests, 2 * i);
        CHECK_EQ(now.connections, 0);
        CHECK_EQ(servers, 0);
    }
    struct hob_http_options both = {.metrics = metrics, .counters = &now};
    CHECK_EQ(hob_http_serve(l, handler, NULL, both), -EINVAL);
    hob_error_clear();
    hob_listener_close(l);
    hob_http_metrics_free(metrics);
    hob_http_metrics_free(NULL);
    return 0;
}

/* TSan knows no thread that holds more than 64 locks: there it asks for fewer servers. */
TASK_TEST(no_more_servers_than_there_is_room_for) {
    enum { MANY = HOB__TSAN ? 60 : HOB_HTTP_METRICS_SERVERS };
    struct hob_listener *l = listening();
    struct hob_http_options o = {0};
    CHECK_EQ(hob_http_metrics_new(&o.metrics), 0);
    struct hob_http_counters *c;
    int slots[MANY];
    unsigned servers;
    for (int i = 0; i < MANY; i++) CHECK_EQ(slots[i] = hob__metrics_join(o.metrics, &c), i);
    hob_http_metrics_read(o.metrics, &now, &servers);
    CHECK_EQ(servers, MANY);
    if (!HOB__TSAN) CHECK_EQ(hob_http_serve(l, handler, NULL, o), HOB_E_LIMIT);
    hob_error_clear();
    for (int i = 0; i < MANY; i++) hob__metrics_leave(o.metrics, slots[i]);
    hob_http_metrics_read(o.metrics, &now, &servers);
    CHECK_EQ(servers, 0);
    hob_listener_close(l);
    hob_http_metrics_free(o.metrics);
    return 0;
}

enum { THREADS = 3 };
static _Atomic int begun;
static char address[64];

static int worker(void) {
    struct hob_listener *l;
    HOB_TRY(hob_listen_with(address, (struct hob_listen_options){.reuse_port = true}, &l));
    begun++;
    int rc = hob_http_serve(l, handler, NULL, (struct hob_http_options){.metrics = metrics});
    hob_listener_close(l);
    return rc;
}
HOB_TASK(worker)

static int run_workers(void) { return hob_run_workers(THREADS, worker); }
HOB_TASK(run_workers)

TASK_TEST(threads_together) {
    struct hob_listener *l;
    struct hob_listen_options shared = {.reuse_port = true};
    unsigned servers;
    CHECK_EQ(hob_http_metrics_new(&metrics), 0);
    CHECK_EQ(hob_listen_with("127.0.0.1:0", shared, &l), 0);
    snprintf(address, sizeof address, "%s", hob_listener_address(l));
    HOB_SCOPE(s);
    struct hob_task *all = hob_spawn(s, run_workers);
    while (begun < THREADS) HOB_TRY(hob_sleep(0.001));
    hob_listener_close(l);
    do {
        HOB_TRY(hob_sleep(0.001));
        hob_http_metrics_read(metrics, &now, &servers);
    } while (servers < THREADS);
    char url[96];
    snprintf(url, sizeof url, "http://%s/", address);
    for (int i = 0; i < 60; i++) {
        HOB_CLIENT(c);
        struct hob_body body;
        CHECK_EQ(hob_get(c, url, &body), 200);
        hob_body_free(&body);
        look();
        CHECK(now.requests >= (unsigned)i); /* one may be a moment behind */
    }
    hob_stop(s, 100);
    CHECK_EQ(hob_await(all), 0);
    look();
    CHECK_EQ(now.requests, 60);
    CHECK_EQ(now.answers[1], 60);
    CHECK_EQ(now.accepted, 60);
    CHECK_EQ(now.connections, 0);
    hob_http_metrics_free(metrics);
    hob_error_clear();
    return 0;
}

/* Shared with the processes. */
static struct { _Atomic int port, worker; } * told;

static int in_process(struct hob_listener *l) {
    told->worker = (int)getpid();
    told->port = atoi(strrchr(hob_listener_address(l), ':') + 1);
    return hob_http_serve(l, handler, NULL, (struct hob_http_options){.metrics = metrics});
}
HOB_TASK(in_process, struct hob_listener *)

static int kill_one_worker(const char *to) {
    struct hob_http_counters c;
    unsigned servers;
    struct hob_stream *held;
    HOB_TRY(hob_connect(to, &held));
    hob_write(held, GET("/wait"), strlen(GET("/wait")));
    do {
        HOB_TRY(hob_sleep(0.002));
        hob_http_metrics_read(metrics, &c, &servers);
    } while (c.in_flight < 1 || servers < 1);
    CHECK_EQ(c.connections, 1);
    CHECK_EQ(kill(told->worker, SIGKILL), 0);
    while (hob_read(held, out, sizeof out) > 0) {}
    hob_close(held);
    hob_error_clear();
    do {
        HOB_TRY(hob_sleep(0.002));
        hob_http_metrics_read(metrics, &c, &servers);
    } while (c.in_flight > 0 || c.connections > 0);
    CHECK_EQ(c.requests, 1); /* that did happen */
    CHECK_EQ(c.accepted, 1);
    CHECK_EQ(hob_connect(to, &held), 0); /* its successor goes on in the same place */
    hob_write(held, LAST("/"), strlen(LAST("/")));
    while (hob_read(held, out, sizeof out) > 0) {}
    hob_close(held);
    hob_http_metrics_read(metrics, &c, &servers);
    CHECK_EQ(c.requests, 2);
    CHECK_EQ(servers, 1);
    return 0;
}
HOB_TASK(kill_one_worker, const char *)

TEST(a_process_that_is_killed_leaves_no_open_connections) {
    CHECK_EQ(hob_http_metrics_new(&metrics), 0);
    told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(told != MAP_FAILED);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        setsid();
        int rc = hob_prefork("127.0.0.1:0", ((struct hob_prefork_options){.count = 1}), in_process);
        _exit(rc == 0 ? 0 : 1);
    }
    while (told->port <= 0) usleep(2000);
    char to[32];
    snprintf(to, sizeof to, "127.0.0.1:%d", told->port);
    CHECK_EQ(hob_run(kill_one_worker, to), 0);
    kill(pid, SIGTERM);
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    munmap(told, sizeof *told);
    hob_http_metrics_free(metrics);
}

TEST_MAIN()
