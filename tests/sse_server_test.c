/* sse_server_test.c - the server's side of server-sent events: what goes out, byte for byte, that
 * it is what the client reads, and that a stream ends with the server, its client, and its handler.
 */
#include <hob/error.h>
#include <hob/hob.h>
#include <hob/sse.h>

#include "http_test.h"

static struct {
    int rc, begun, ended;       /* of the handler */
    struct hob_sse_sender *out; /* of the last one */
    struct hob_http_counters counters;
} seen;

static int wait_for_ever(void) { return hob_sleep(1e6); }

static int send_all(struct hob_request *req, struct hob_sse_sender *out) {
    static const char nul[] = "a\0b";
    (void)req;
    HOB_TRY(hob_sse_send(out, .data = "one"));
    HOB_TRY(hob_sse_send(out, .type = "message", .data = "", .id = "7"));
    HOB_TRY(hob_sse_send(out, .type = "add", .data = "a\nb\r\nc\rd\n", .id = ""));
    HOB_TRY(hob_sse_send(out, .id = "only an id"));
    HOB_TRY(hob_sse_send(out, .data = nul, .size = 3));
    HOB_TRY(hob_sse_send(out, .data = " cut here", .size = 4));
    HOB_TRY(hob_sse_comment(out, "a\nb"));
    CHECK_EQ(hob_sse_send(out, .type = "a\nb", .data = "x"), HOB_E_HTTP_ILLEGAL);
    CHECK_EQ(hob_sse_send(out, .id = "a\rb", .data = "x"), HOB_E_HTTP_ILLEGAL);
    HOB_TRY(hob_sse_end(out));
    CHECK_EQ(hob_sse_send(out, .data = "x"), -EPIPE);
    CHECK_EQ(hob_sse_comment(out, "x"), -EPIPE);
    CHECK_EQ(hob_sse_end(out), -EPIPE);
    return 0;
}

static int count(struct hob_request *req, struct hob_sse_sender *out) {
    char text[32], id[32];
    for (int i = atoi(hob_request_last_event_id(req)) + 1; i <= 30; i++) {
        snprintf(id, sizeof id, "%d", i);
        snprintf(text, sizeof text, "%d", i * i);
        HOB_TRY(hob_sse_send(out, .type = "n", .data = text, .id = id));
        if (i % 7 == 0) return hob_sse_end(out);
    }
    return hob_sse_end(out);
}

static int large(struct hob_sse_sender *out) {
    enum { SIZE = 3 << 20 };
    char *text = malloc(SIZE);
    for (size_t i = 0; i < SIZE; i++) text[i] = i % 50 == 49 ? '\n' : 'x';
    int rc = hob_sse_send(out, .data = text, .size = SIZE);
    free(text);
    return rc;
}

static int shout(struct hob_sse_sender *out, const char *word) {
    for (int i = 0; i < 200; i++) {
        HOB_TRY(hob_sse_send(out, .data = word));
        if (i % 10 == 0) HOB_TRY(hob_yield_now());
    }
    return 0;
}
HOB_TASK(shout, struct hob_sse_sender *, const char *)

static int choir(struct hob_sse_sender *out) {
    HOB_SCOPE(s);
    hob_spawn(s, shout, out, "soprano");
    hob_spawn(s, shout, out, "alto");
    hob_spawn(s, shout, out, "bass");
    HOB_TRY(hob_join(s));
    return hob_sse_end(out);
}

static int answer(struct hob_request *req) {
    const char *path = hob_request_path(req);
    HOB_SCOPE(s);
    struct hob_sse_sender *out;
    bool own = strcmp(path, "/own") == 0;
    if (strcmp(path, "/count") == 0 && atoi(hob_request_last_event_id(req)) >= 30)
        return hob_respond(req, 204, NULL, NULL, 0);
    HOB_TRY(hob_sse_begin(s, req, &out,
                          .retry = strcmp(path, "/count") == 0 ? 0.001
                                   : own                       ? 2.5
                                                               : 0,
                          .headers = own ? HOB_HEADERS({"X-Own", "yes"}) : NULL,
                          .keep_alive =
                              strcmp(path, "/quiet") == 0 || strcmp(path, "/on") == 0 ? 0.05 : 0));
    seen.out = out;
    if (strcmp(path, "/all") == 0) return send_all(req, out);
    if (strcmp(path, "/count") == 0) return count(req, out);
    if (strcmp(path, "/choir") == 0) return choir(out);
    if (strcmp(path, "/large") == 0) {
        HOB_TRY(large(out));
        return hob_sse_end(out);
    }
    if (strcmp(path, "/fails") == 0) return hob_fail(-EIO, "as it happens");
    if (strcmp(path, "/unended") == 0) return 0;
    if (strcmp(path, "/on") == 0) hob_request_keep_running(req, true);
    HOB_TRY(hob_sse_send(out, .data = "hello"));
    return wait_for_ever();
}

static int handle(struct hob_request *req, void *arg) {
    (void)arg;
    seen.begun++;
    seen.rc = answer(req);
    seen.ended++;
    return seen.rc;
}

static int reports;
static void note(enum hob_report_kind kind, const char *text, void *arg) {
    (void)text, (void)arg;
    if (kind != HOB_REPORT_SLOW) reports++; /* which any busy machine brings */
}

/* A test with the server in a scope of its own, `server`, on `l`. */
#define SSE_TEST(name)                                                                             \
    static int name##_test(struct hob_listener *l, struct hob_scope *server);                      \
    TASK_TEST(name) {                                                                              \
        struct hob_listener *l = listening();                                                      \
        memset(&seen, 0, sizeof seen);                                                             \
        reports = 0;                                                                               \
        hob_set_report(note, NULL);                                                                \
        {                                                                                          \
            HOB_SCOPE(s);                                                                          \
            hob_spawn(s, hob_http_serve, l, handle, NULL,                                          \
                      (struct hob_http_options){.counters = &seen.counters});                      \
            CHECK_EQ(name##_test(l, s), 0);                                                        \
            hob_scope_cancel(s);                                                                   \
            CHECK_EQ(hob_join(s), 0);                                                              \
        }                                                                                          \
        CHECK_EQ(seen.begun, seen.ended);                                                          \
        hob_listener_close(l);                                                                     \
        return 0;                                                                                  \
    }                                                                                              \
    static int name##_test(struct hob_listener *l, struct hob_scope *server)

/* The body of an answer of HTTP/1.0, which has no chunks. */
static const char *body_of(struct hob_listener *l, const char *method, const char *path) {
    static char got[4096];
    char request[200];
    int n = snprintf(request, sizeof request, "%s %s HTTP/1.0\r\n\r\n", method, path);
    raw(l, request, (size_t)n, NULL, got, sizeof got);
    char *end = strstr(got, "\r\n\r\n");
    if (!end) FAIL("no head: %s", got);
    CHECK_HAS(got, "\r\nContent-Type: text/event-stream\r\n");
    CHECK_HAS(got, "\r\nCache-Control: no-store\r\n");
    CHECK_HAS(got, "\r\nX-Accel-Buffering: no\r\n");
    return end + 4;
}

SSE_TEST(what_goes_out) {
    static const char want[] = "data: one\n\n"
                               "id: 7\ndata: \n\n"
                               "event: add\nid: \ndata: a\ndata: b\ndata: c\ndata: d\ndata: \n\n"
                               "id: only an id\n\n"
                               "data: a\0b\n\n"
                               "data:  cut\n\n"
                               ": a\n: b\n";
    (void)server;
    const char *got = body_of(l, "GET", "/all");
    CHECK(memcmp(got, want, sizeof want) == 0);
    CHECK_EQ(seen.counters.failed, 0);
    CHECK_EQ(reports, 0);
    return 0;
}

SSE_TEST(to_head_the_head_alone) {
    (void)server;
    CHECK_STR(body_of(l, "HEAD", "/all"), "");
    CHECK_EQ(seen.rc, -ECANCELED);
    CHECK_EQ(seen.counters.failed, 0);
    return 0;
}

SSE_TEST(headers_and_the_time_to_come_back) {
    char got[2000];
    (void)server;
    raw(l, "GET /own HTTP/1.1\r\nHost: x\r\n\r\n", 30, "hello\n\n", got, sizeof got);
    CHECK_HAS(got, "\r\nX-Own: yes\r\n");
    CHECK_HAS(got, "retry: 2500\n\n");
    return 0;
}

SSE_TEST(the_client_reads_it_and_comes_back) {
    (void)server;
    HOB_CLIENT(c);
    HOB_SSE(events);
    struct hob_sse_event e;
    CHECK_EQ(hob_sse_open(&events, c, url_of(l, "/count")), 0);
    for (int i = 1; i <= 30; i++) {
        CHECK_EQ(hob_sse_next(events, &e), 1);
        CHECK_EQ(atoi(e.data), i * i);
        CHECK_EQ(atoi(e.id), i);
        CHECK_STR(e.type, "n");
    }
    CHECK_EQ(hob_sse_next(events, &e), 0);
    CHECK_EQ(seen.begun, 6); /* 7, 14, 21, 28, 30, and 204 */
    return 0;
}

SSE_TEST(events_larger_than_any_buffer) {
    (void)server;
    HOB_CLIENT(c);
    HOB_SSE(events);
    struct hob_sse_event e;
    CHECK_EQ(hob_sse_open(&events, c, url_of(l, "/large"), .max_event = 8 << 20), 0);
    CHECK_EQ(hob_sse_next(events, &e), 1);
    CHECK_EQ(e.size, 3 << 20);
    for (size_t i = 0; i < e.size; i++) CHECK_EQ(e.data[i], i % 50 == 49 ? '\n' : 'x');
    return 0;
}

SSE_TEST(several_tasks_send) {
    int heard[128] = {0};
    (void)server;
    for (int http2 = 0; http2 < 2; http2++) {
        HOB_CLIENT(c, .http2_prior_knowledge = http2);
        HOB_SSE(events);
        struct hob_sse_event e;
        CHECK_EQ(hob_sse_open(&events, c, url_of(l, "/choir")), 0);
        for (int i = 0; i < 600; i++) {
            int rc = hob_sse_next(events, &e);
            if (http2 && i == 0 && rc == HOB_E_HTTP2) return 0; /* this build has none */
            CHECK_EQ(rc, 1);
            heard[(int)*e.data]++;
        }
        CHECK_EQ(heard['s'], 200 * (http2 + 1));
        CHECK_EQ(heard['a'], 200 * (http2 + 1));
        CHECK_EQ(heard['b'], 200 * (http2 + 1));
    }
    return 0;
}

SSE_TEST(silence_is_filled_with_comments) {
    char got[4000];
    (void)server;
    raw(l, "GET /quiet HTTP/1.0\r\n\r\n", 23, ": \n: \n: \n", got, sizeof got);
    CHECK_HAS(got, "data: hello\n\n: \n: \n: \n");
    return 0;
}

/* The stop ends streams at once, although their handlers wait for something else. */
SSE_TEST(a_stop_ends_the_stream_as_it_should_be) {
    HOB_CLIENT(c);
    HOB_CLIENT(c2, .http2_prior_knowledge = true);
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    const char *body;
    size_t size;
    CHECK_EQ(hob_client_request(c, "GET", url_of(l, "/hello"), &res), 0);
    struct hob_response *res2 HOB_RESPONSE_GUARD = NULL;
    int rc = hob_client_request(c2, "GET", url_of(l, "/hello"), &res2);
    char one[12];
    CHECK_EQ(hob_response_read(res, one, sizeof one), 12);
    uint64_t began = hob_now();
    hob_stop(server, 100);
    CHECK_EQ(hob_response_body(res, &body, &size), 0); /* and not cut off */
    if (rc == 0) {
        CHECK_EQ(hob_response_body(res2, &body, &size), 0);
        CHECK_STR(body, "data: hello\n\n");
    } else {
        CHECK_EQ(rc, HOB_E_HTTP2);
    }
    CHECK_EQ(hob_join(server), 0);
    CHECK((double)(hob_now() - began) < 50e9);
    CHECK_EQ(seen.rc, -ECANCELED);
    CHECK_EQ(seen.counters.failed, 0);
    CHECK_EQ(reports, 0);
    return 0;
}

SSE_TEST(a_client_that_leaves_ends_the_handler) {
    char got[2000];
    (void)server;
    raw(l, "GET /hello HTTP/1.0\r\n\r\n", 23, "hello", got, sizeof got);
    while (!seen.ended) hob_sleep(0.01);
    CHECK_EQ(seen.rc, -ECANCELED);
    CHECK_EQ(seen.counters.left, 1);
    CHECK_EQ(reports, 0);
    return 0;
}

/* The server does not watch that client: the next comments find out. */
SSE_TEST(one_that_is_not_watched_too) {
    char got[2000];
    (void)server;
    raw(l, "GET /on HTTP/1.0\r\n\r\n", 20, "hello", got, sizeof got);
    while (!seen.ended) hob_sleep(0.01);
    CHECK_EQ(seen.rc, -ECANCELED);
    CHECK_EQ(seen.counters.failed, 0);
    CHECK_EQ(reports, 0);
    return 0;
}

SSE_TEST(a_handler_that_fails_is_told_of) {
    static char got[2000];
    (void)server;
    raw(l, "GET /fails HTTP/1.1\r\nHost: x\r\n\r\n", 32, NULL, got, sizeof got);
    CHECK(!strstr(got, "\r\n0\r\n"));
    CHECK_EQ(seen.counters.failed, 1);
    CHECK_EQ(reports, 1);
    raw(l, "GET /unended HTTP/1.1\r\nHost: x\r\n\r\n", 34, NULL, got, sizeof got);
    CHECK(!strstr(got, "\r\n0\r\n"));
    CHECK_EQ(seen.counters.failed, 2);
    return 0;
}

TEST_MAIN()
