/* sse_test.c - server-sent events: what is in a stream, and that one which breaks goes on where it
 * was. */
#include <hob/sse.h>

#include "http/client/sse.h"
#include "http_test.h"

/* ---- without I/O ---- */

/* "type/data/id;" for each event, in pieces of that size. */
static void events_of(const char *text, size_t n, size_t piece, char *out) {
    struct hob__events p = {.max = 1000, .retry_ms = -1};
    *out = 0;
    for (size_t at = 0; at < n;) {
        size_t end = at + piece < n ? at + piece : n;
        while (at < end) {
            struct hob_sse_event e;
            size_t used;
            int rc = hob__events_next(&p, text + at, end - at, &used, &e);
            at += used;
            if (rc < 0) out += sprintf(out, "%d", rc);
            if (rc < 0) goto out;
            if (rc == 1) out += sprintf(out, "%s/%s/%s;", e.type, e.data, e.id);
        }
    }
out:
    hob__events_free(&p);
}

TEST(lines_and_fields) {
    static const struct {
        const char *text, *is;
    } rows[] = {
        {"data: a\n\n", "message/a/;"},
        {"data: a\r\rdata: b\r\n\r\n", "message/a/;message/b/;"},
        {"data: a\r\n\r\ndata: b\n\r\n", "message/a/;message/b/;"},
        {"\xef\xbb\xbf"
         "data: a\n\n\xef\xbb\xbf"
         "data: b\n\n",
         "message/a/;"},
        {"data: 1\ndata: 2\ndata\ndata:3\n\n", "message/1\n2\n\n3/;"},
        {"data\n\n", "message//;"},
        {"data:  x\n\n", "message/ x/;"},
        {": comment\nevent: add\nid: 7\ndata: x\n\ndata: y\n\nid\ndata: z\n\n",
         "add/x/7;message/y/7;message/z/;"},
        {"event: lost\n\ndata: x\n\n", "message/x/;"},
        {"id: 5\n\ndata: x\n\n", "message/x/5;"},
        {"id: 1\ndata: a\n\nid: 2\ndata: never complete\n", "message/a/1;"},
        {"Data: a\nfoo: b\ndata : c\n\n", ""},
        {"retry: 10\nretry: x\nretry:\ndata: a\n\n", "message/a/;"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t piece = 1; piece < 60; piece++) {
            char out[300];
            events_of(rows[i].text, strlen(rows[i].text), piece, out);
            if (strcmp(out, rows[i].is) != 0) FAIL("row %zu in %zus: %s", i, piece, out);
        }
    char out[300];
    events_of("id: a\0b\ndata: x\n\n", 17, 17, out);
    CHECK_STR(out, "message/x/;");
}

TEST(events_are_bounded) {
    static char text[3000], out[3000], limit[20];
    snprintf(limit, sizeof limit, "%d", HOB_E_LIMIT);
    for (size_t piece = 1; piece < 3000; piece = piece * 3) {
        memset(text, 'x', sizeof text); /* a line without an end */
        events_of(text, sizeof text, piece, out);
        CHECK_STR(out, limit);
        for (size_t i = 0; i < sizeof text; i += 10) memcpy(text + i, "data: abc\n", 10);
        events_of(text, sizeof text, piece, out);
        CHECK_STR(out, limit);
    }
}

/* ---- over connections that break ---- */

static struct {
    int first, asked, cut_after, last;
    char ids[20][32];
} news;

/* Events from the one behind Last-Event-ID on; after a few of them the connection breaks, in the
 * middle of the next; behind the last there is nothing more. */
static int tell(struct hob_request *req, void *arg) {
    const char *id = hob_request_header(req, "last-event-id");
    char text[200];
    (void)arg;
    snprintf(news.ids[news.asked++ % 20], 32, "%s", id ? id : "-");
    CHECK_STR(hob_request_header(req, "accept"), "text/event-stream");
    CHECK_STR(hob_request_header(req, "x-own"), "1");
    int n = id ? atoi(id) + 1 : 1;
    if (n > news.last) return hob_respond(req, 204, NULL, NULL, 0);
    if (news.asked % 5 == 4) return hob_respond_text(req, 503, "text/plain", "later");
    HOB_TRY(hob_respond_begin(req, 200, HOB_HEADERS({"Content-Type", "text/event-stream"}), -1));
    if (news.asked == 1) HOB_TRY(hob_respond_write(req, "retry: 1\n", 9));
    for (int i = 0; i < news.cut_after && n <= news.last; i++, n++) {
        int size = snprintf(text, sizeof text, "id: %d\nevent: n\ndata: %d\n\n", n, n * n);
        HOB_TRY(hob_respond_write(req, text, (size_t)size));
    }
    if (n > news.last) return hob_respond_end(req);
    HOB_TRY(hob_respond_write(req, "id: 9999\ndata: incomplete\n", 26));
    return news.asked % 2 ? -EIO : hob_respond_end(req); /* cut off, or ended */
}

static void silent(enum hob_report_kind kind, const char *text, void *arg) {
    (void)kind, (void)text, (void)arg;
}

TASK_TEST(a_stream_goes_on_where_it_broke) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    hob_set_report(silent, NULL);
    news.cut_after = 7;
    news.last = 100;
    hob_spawn(s, hob_http_serve, l, tell, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c);
    struct hob_client_info info;
    {
        HOB_SSE(events);
        struct hob_sse_event e;
        CHECK_EQ(hob_sse_open(&events, c, url_of(l, "/"),
                              .request = {.headers = HOB_HEADERS({"X-Own", "1"})}),
                 0);
        for (int i = 1; i <= 100; i++) {
            CHECK_EQ(hob_sse_next(events, &e), 1);
            CHECK_EQ(atoi(e.data), i * i);
            CHECK_EQ(atoi(e.id), i);
            CHECK_STR(e.type, "n");
            CHECK_STR(hob_sse_last_id(events), e.id);
        }
        CHECK_EQ(hob_sse_next(events, &e), 0);
        CHECK_EQ(hob_sse_next(events, &e), 0);
    }
    CHECK_STR(news.ids[0], "-");
    CHECK_STR(news.ids[1], "7");
    CHECK(news.asked > 15);
    hob_client_info(c, &info);
    CHECK_EQ(info.in_use, 0);
    {
        HOB_SSE(events);
        struct hob_sse_event e;
        CHECK_EQ(hob_sse_open(&events, c, url_of(l, "/"), .last_id = "98",
                              .request = {.headers = HOB_HEADERS({"X-Own", "1"})}),
                 0);
        CHECK_EQ(hob_sse_next(events, &e), 1);
        CHECK_STR(e.id, "99");
    } /* left early */
    hob_client_info(c, &info);
    CHECK_EQ(info.in_use, 0);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

#define EVENTS "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"

static int first_event(const char *send, struct hob_sse_options options, char *data) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    struct script script = {.steps = {{"\r\n\r\n", send, 0, 0}}};
    hob_spawn(s, follow_script, l, &script);
    HOB_CLIENT(c, .stall_timeout = 20);
    HOB_SSE(events);
    struct hob_sse_event e = {0};
    CHECK_EQ(hob__sse_open(&events, c, url_of(l, "/"), options), 0);
    int rc = hob_sse_next(events, &e);
    if (rc == 1) strcpy(data, e.data);
    if (rc < 0) CHECK_EQ(hob_sse_next(events, &e), rc);
    hob_scope_cancel(s);
    hob_join(s);
    hob_listener_close(l);
    return rc;
}

TASK_TEST(answers_that_are_no_stream) {
    char data[100];
    struct hob_sse_options few = {.tries = 3, .retry = 0.001}, small = {.max_event = 10};
    CHECK_EQ(first_event(EVENTS "\r\ndata: hello\n\n", few, data), 1);
    CHECK_STR(data, "hello");
    CHECK_EQ(first_event(OK_HEAD "2\r\n\r\n{}", few, data), HOB_E_SSE);
    CHECK_EQ(first_event("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>", few, data),
             HOB_E_SSE);
    CHECK_HAS(hob_error()->message, "text/html, and not text/event-stream");
    CHECK_EQ(first_event("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", few, data),
             HOB_E_HTTP_STATUS);
    CHECK_EQ(first_event("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", few, data),
             HOB_E_HTTP_STATUS);
    CHECK_EQ(first_event("HTTP/1.1 204 No\r\n\r\n", few, data), 0);
    CHECK_EQ(first_event("SSH-2.0\r\n", few, data), HOB_E_HTTP_START_LINE);
    CHECK_EQ(first_event("", few, data), HOB_E_HTTP_CUT);
    CHECK_EQ(first_event(EVENTS "\r\ndata: longer than ten bytes\n\n", small, data), HOB_E_LIMIT);
    CHECK_HAS(hob_error()->message, "more than 10 bytes");
    return 0;
}

TASK_TEST(of_one_answer) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    struct script script = {
        .steps = {
            {"\r\n\r\n", EVENTS "Content-Length: 20\r\n\r\ndata: 1\n\ndata: 2\n\n\n\n", 0, 0}}};
    hob_spawn(s, follow_script, l, &script);
    HOB_CLIENT(c);
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    CHECK_EQ(hob_client_request(c, "POST", url_of(l, "/"), &res, .json = "{}"), 0);
    {
        HOB_SSE(events);
        struct hob_sse_event e;
        CHECK_EQ(hob_sse_of(&events, res), 0);
        CHECK_EQ(hob_sse_next(events, &e), 1);
        CHECK_EQ(hob_sse_next(events, &e), 1);
        CHECK_STR(e.data, "2");
        CHECK_EQ(hob_sse_next(events, &e), 0);
        CHECK_EQ(hob_sse_next(events, &e), 0);
    }
    hob_scope_cancel(s);
    hob_join(s);
    hob_listener_close(l);
    return 0;
}

/* "retry: 0" and no event: it is not asked again and again without a pause. */
TASK_TEST(no_pause_and_no_event) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    struct script script = {
        .steps = {{"\r\n\r\n", EVENTS "Content-Length: 10\r\n\r\nretry: 0\n\n", 0, 0}}};
    hob_spawn(s, follow_script, l, &script);
    HOB_CLIENT(c);
    HOB_SSE(events);
    struct hob_sse_event e;
    CHECK_EQ(hob_sse_open(&events, c, url_of(l, "/")), 0);
    CHECK_EQ(hob_within(0.5, hob_sse_next(events, &e)), -ETIMEDOUT);
    CHECK(script.connections > 1 && script.connections < 20);
    hob_scope_cancel(s);
    hob_join(s);
    hob_listener_close(l);
    return 0;
}

/* A cancel, or a deadline, at any wait: no event is lost. */
static int drip(struct hob_request *req, void *arg) {
    char text[40];
    (void)arg;
    HOB_TRY(hob_respond_begin(req, 200, HOB_HEADERS({"Content-Type", "text/event-stream"}), -1));
    for (int i = 1; i <= 300; i++) {
        int n = snprintf(text, sizeof text, "data: %d\n\n", i);
        HOB_TRY(hob_respond_write(req, text, (size_t)n / 2));
        HOB_TRY(hob_yield_now());
        HOB_TRY(hob_respond_write(req, text + n / 2, (size_t)(n - n / 2)));
        if (i % 10 == 0) HOB_TRY(hob_sleep(0.001));
    }
    return hob_respond_end(req);
}

TASK_TEST(deadlines_lose_no_event) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, drip, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c);
    HOB_SSE(events);
    struct hob_sse_event e;
    int late = 0;
    CHECK_EQ(hob_sse_open(&events, c, url_of(l, "/")), 0);
    CHECK_EQ(hob_sse_next(events, &e), 1);
    for (int i = 2; i <= 300; i++) {
        int rc;
        while ((rc = hob_within(0.0001, hob_sse_next(events, &e))) == -ETIMEDOUT) late++;
        CHECK_EQ(rc, 1);
        CHECK_EQ(atoi(e.data), i);
    }
    CHECK(late > 0);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

TEST_MAIN()
