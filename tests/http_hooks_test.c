/* http_hooks_test.c - calls before and after each exchange, and HAR files. */
#include "http_count.h"

#include <fcntl.h>
#include <hob/har.h>
#include <hob/http_trace.h>

static int stop(struct hob_scope *s, struct hob_listener *a, struct hob_listener *b) {
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(a);
    hob_listener_close(b);
    return 0;
}

static struct {
    int before, after, fail_before, fail_after, last_status, last_error;
    unsigned number;
    bool illegal;
    char urls[1000];
} hooked;

static int before(struct hob_exchange *x, void *arg) {
    char value[20];
    CHECK(arg == &hooked && !x->response);
    hooked.before++;
    hooked.number = x->number;
    snprintf(hooked.urls + strlen(hooked.urls), sizeof hooked.urls - strlen(hooked.urls), "%s %s\n",
             x->method, strchr(x->url + 8, '/'));
    HOB_TRY(hob_sleep(0.001));
    snprintf(value, sizeof value, "hop %u", x->number);
    HOB_TRY(hob_exchange_header(x, "X-A", value));
    if (hooked.illegal) HOB_TRY(hob_exchange_header(x, "X-B", "a\r\nb"));
    return hooked.fail_before;
}

static int after(struct hob_exchange *x, void *arg) {
    CHECK(arg == &hooked && !x->response == (x->error < 0));
    hooked.after++;
    hooked.last_error = x->error;
    hooked.last_status = x->response ? hob_response_status(x->response) : 0;
    if (x->response) CHECK(hob_response_header(x->response, "date") != NULL);
    HOB_TRY(hob_sleep(0.001));
    return hooked.fail_after;
}

static const struct hob_hooks hooks = {before, after, &hooked};

static int server(struct hob_request *req, void *arg) {
    const char *path = hob_request_path(req);
    if (strcmp(path, "/away") == 0)
        return hob_respond(
            req, 302, HOB_HEADERS({"Location", "/here?x=1&y"}, {"Set-Cookie", "a=b"}), "moved", 5);
    return count(req, arg);
}

TASK_TEST(hooks_see_each_exchange) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening(), *none = listening();
    struct hob_client_info info;
    hob_spawn(s, hob_http_serve, l, server, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c, .hooks = &hooks, .retries = 2, .retry_delay = 0.001);
    CHECK_EQ(get_one(c, url_of(l, "/away"), NULL), 0);
    CHECK_STR(hooked.urls, "GET /away\nGET /here?x=1&y\n");
    CHECK_HAS(seen.last, "x=hop 2 ");
    CHECK_EQ(hooked.before, 2);
    CHECK_EQ(hooked.after, 2);
    CHECK_EQ(hooked.last_status, 200);
    /* Retries are exchanges, and so is what has failed. */
    CHECK_EQ(get_one(c, "http://127.0.0.1:1/", NULL), -ECONNREFUSED);
    CHECK_EQ(hooked.before, 5);
    CHECK_EQ(hooked.after, 5);
    CHECK_EQ(hooked.number, 3);
    CHECK_EQ(hooked.last_error, -ECONNREFUSED);
    /* They may refuse. */
    int served = seen.served;
    hooked.fail_before = -EPERM;
    CHECK_EQ(get_one(c, url_of(l, "/"), NULL), -EPERM);
    CHECK_EQ(seen.served, served);
    hooked.fail_before = 0;
    hooked.illegal = true;
    CHECK_EQ(get_one(c, url_of(l, "/"), NULL), HOB_E_HTTP_ILLEGAL);
    hooked.illegal = false;
    static const char *const paths[] = {"/", "/away"};
    for (int i = 0; i < 2; i++) {
        hooked.fail_after = i ? -ETIMEDOUT : -EPERM; /* one that is tried again */
        CHECK_EQ(get_one(c, url_of(l, paths[i]), NULL), hooked.fail_after);
        hob_client_info(c, &info);
        CHECK_EQ(info.in_use, 0);
    }
    hooked.fail_after = 0;
    CHECK_EQ(get_one(c, url_of(l, "/"), NULL), 0);
    CHECK_EQ(hob_within(0.0005, get_one(c, url_of(l, "/"), NULL)), -ETIMEDOUT); /* in a hook */
    return stop(s, l, none);
}

/* ---- HAR ---- */

static char *slurp(const char *path, size_t *n) {
    FILE *f = fopen(path, "r");
    char *text = calloc(1, 1 << 20);
    CHECK(f != NULL);
    *n = fread(text, 1, (1 << 20) - 1, f);
    fclose(f);
    return text;
}

TASK_TEST(a_har_file) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening(), *none = listening();
    struct hob_har *har;
    char path[200];
    size_t n;
    hob_spawn(s, hob_http_serve, l, server, NULL, (struct hob_http_options){0});
    snprintf(path, sizeof path, TEST_PATH, getpid(), "har");
    CHECK_EQ(hob_har_open(&har, path), 0);
    {
        HOB_CLIENT(c, .har = har, .auth = &(struct hob_auth){HOB_AUTH_BASIC, "me", "pw", NULL});
        struct hob_body body;
        CHECK_EQ(get_one(c, url_of(l, "/away"), NULL), 0);
        CHECK_EQ(hob_post(c, url_of(l, "/p"), "text/plain", "data", 4, &body), 200);
        hob_body_free(&body);
        CHECK_EQ(get_one(c, "http://127.0.0.1:1/", NULL), -ECONNREFUSED);
        CHECK_EQ(get_one(c, "http://nowhere.invalid/\xc3\xa4", NULL), HOB_E_URL);
    }
    CHECK_EQ(hob_har_close(har), 0);
    char *text = slurp(path, &n);
    static const char *const wanted[] = {"\"version\":\"1.2\"",
                                         "\"status\":302",
                                         "\"redirectURL\":\"/here?x=1&y\"",
                                         "{\"name\":\"x\",\"value\":\"1\"}",
                                         "{\"name\":\"Authorization\",\"value\":\"(left out)\"}",
                                         "{\"name\":\"Set-Cookie\",\"value\":\"(left out)\"}",
                                         "\"method\":\"POST\"",
                                         "\"bodySize\":4",
                                         "\"serverIPAddress\":\"127.0.0.1\"",
                                         "\"status\":0",
                                         "Connection refused"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) CHECK_HAS(text, wanted[i]);
    CHECK(!strstr(text, "bWU6cHc") && !strstr(text, "a=b"));
    size_t entries = 0;
    for (char *at = text; (at = strstr(at, "startedDateTime")); at++) entries++;
    CHECK_EQ(entries, 4);
    free(text);
    CHECK_EQ(hob_har_open(&har, "/nonexistent/har"), -ENOENT);
    CHECK_EQ(hob_har_close(NULL), 0);
    return stop(s, l, none);
}

/* A FIFO, whose reader is slower than 64 KiB of it take to come, or leaves. */
static struct hob_event reads, writes;
static int read_fifo(const char *path, size_t most, size_t *n) {
    struct hob_stream *fifo;
    char buf[4096];
    ssize_t got = 1;
    HOB_TRY(hob_stream_open(open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), &fifo));
    hob_event_set(&reads);
    HOB_TRY(hob_event_wait(&writes)); /* without a writer it has its end */
    HOB_TRY(hob_sleep(0.2));
    while (got > 0 && *n < most)
        if ((got = hob_read(fifo, buf, sizeof buf)) > 0) *n += (size_t)got;
    hob_close(fifo);
    return got < 0 ? (int)got : 0;
}
HOB_TASK(read_fifo, const char *, size_t, size_t *)

TASK_TEST(into_a_fifo) {
    static const size_t most[] = {SIZE_MAX, 10000};
    HOB_SCOPE(s);
    struct hob_listener *l = listening(), *none = listening();
    struct hob_har *har;
    char path[200];
    hob_spawn(s, hob_http_serve, l, server, NULL, (struct hob_http_options){0});
    snprintf(path, sizeof path, TEST_PATH, getpid(), "fifo");
    CHECK_EQ(mkfifo(path, 0600), 0);
    CHECK_EQ(hob_har_open(&har, path), -ENXIO);
    for (int i = 0; i < 2; i++) {
        size_t n = 0;
        struct hob_task *reader = hob_spawn(s, read_fifo, path, most[i], &n);
        CHECK_EQ(hob_event_wait(&reads), 0);
        CHECK_EQ(hob_har_open(&har, path), 0);
        hob_event_set(&writes);
        {
            HOB_CLIENT(c, .har = har);
            for (int k = 0; k < 300; k++) CHECK_EQ(get_one(c, url_of(l, "/a"), NULL), 0);
        }
        CHECK_EQ(hob_har_close(har), i == 0 ? 0 : -EPIPE);
        CHECK_EQ(hob_await(reader), 0);
        CHECK(i == 0 ? n > 150000 : n < 20000);
        hob_event_clear(&reads);
        hob_event_clear(&writes);
    }
    return stop(s, l, none);
}

/* More than is kept in memory. */
TASK_TEST(many_entries) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening(), *none = listening();
    struct hob_har *har;
    char path[200];
    size_t n;
    hob_spawn(s, hob_http_serve, l, server, NULL, (struct hob_http_options){0});
    snprintf(path, sizeof path, TEST_PATH, getpid(), "har");
    CHECK_EQ(hob_har_open(&har, path), 0);
    {
        HOB_CLIENT(c, .har = har);
        for (int i = 0; i < 300; i++) CHECK_EQ(get_one(c, url_of(l, "/a"), NULL), 0);
    }
    CHECK_EQ(hob_har_close(har), 0);
    char *text = slurp(path, &n);
    CHECK(n > 150000);
    CHECK_STR(text + n - 4, "]}}\n");
    size_t entries = 0;
    for (char *at = text; (at = strstr(at, "startedDateTime")); at++) entries++;
    CHECK_EQ(entries, 300);
    free(text);
    return stop(s, l, none);
}

TEST_MAIN()
