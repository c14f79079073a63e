/* http_stream_test.c - answers that are read as they come: by lines, with trailers, left early; and
 * requests that wait with their body (Expect: 100-continue). */
#include <hob/line.h>

#include "http_test.h"

#define WITH_SCRIPT(...)                                                                           \
    HOB_SCOPE(s);                                                                                  \
    struct hob_listener *l = listening();                                                          \
    struct script script = {.steps = {__VA_ARGS__}};                                               \
    hob_spawn(s, follow_script, l, &script);                                                       \
    HOB_CLIENT(c, .stall_timeout = 5);
#define END_SCRIPT                                                                                 \
    hob_scope_cancel(s);                                                                           \
    hob_join(s);                                                                                   \
    hob_listener_close(l);                                                                         \
    return 0;

static struct hob_client_info info_of(struct hob_client *c) {
    struct hob_client_info info;
    hob_client_info(c, &info);
    return info;
}

/* ---- lines ---- */

static int lines(struct hob_request *req, void *arg) {
    static char big[200000];
    const char *path = hob_request_path(req);
    (void)arg;
    memset(big, 'x', sizeof big);
    HOB_TRY(hob_respond_begin(req, 200, NULL, -1));
    if (strcmp(path, "/few") == 0) {
        const char *text = "one\r\n\ntwo\nthree\r\nlast";
        for (const char *p = text; *p; p++) HOB_TRY(hob_respond_write(req, p, 1));
    } else if (strcmp(path, "/ends") == 0) {
        HOB_TRY(hob_respond_write(req, "a\nb\n", 4));
    } else if (strcmp(path, "/long") == 0) {
        HOB_TRY(hob_respond_write(req, "short\n", 6));
        HOB_TRY(hob_respond_write(req, big, sizeof big));
    } else if (strcmp(path, "/many") == 0) {
        char text[64];
        for (int i = 0; i < 20000; i++)
            HOB_TRY(hob_respond_write(req, text, (size_t)snprintf(text, sizeof text, "%d\n", i)));
    } else {
        HOB_TRY(hob_respond_write(req, "tick\n", 5));
        HOB_TRY(hob_sleep(1000));
    }
    return hob_respond_end(req);
}

static int open_lines(struct hob_client *c, const char *path, struct hob_response **res) {
    return hob_client_request(c, "GET", path, res);
}

static int join_lines(struct hob_client *c, const char *path, char *out) {
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    HOB_TRY(open_lines(c, path, &res));
    HOB_EACH_LINE(line, res) {
        CHECK_EQ(line.text[line.n], 0);
        out += sprintf(out, "[%s]", line.text);
    }
    return 0;
}

TASK_TEST(line_by_line) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    char text[200];
    hob_spawn(s, hob_http_serve, l, lines, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c, .base_url = url_of(l, "/"));
    CHECK_EQ(join_lines(c, "/few", text), 0);
    CHECK_STR(text, "[one][][two][three][last]");
    CHECK_EQ(join_lines(c, "/ends", text), 0);
    CHECK_STR(text, "[a][b]");
    CHECK_EQ(info_of(c).idle, 1); /* read to the end: kept */

    struct hob_response *res = NULL;
    struct hob_slice line;
    CHECK_EQ(open_lines(c, "/many", &res), 0);
    for (int i = 0; i < 20000; i++) {
        CHECK_EQ(hob_response_line(res, 100, &line), 1);
        CHECK_EQ(atoi(line.at), i);
    }
    CHECK_EQ(hob_response_line(res, 100, &line), 0);
    CHECK_EQ(hob_response_line(res, 100, &line), 0);
    hob_response_close(res);

    /* Too long: nothing is taken, the other calls go on where the lines ended. */
    CHECK_EQ(open_lines(c, "/long", &res), 0);
    CHECK_EQ(hob_response_line(res, 6, &line), 1);
    CHECK_STR(line.at, "short");
    CHECK_EQ(hob_response_line(res, 1000, &line), HOB_E_LIMIT);
    CHECK_EQ(hob_response_line(res, 1000, &line), HOB_E_LIMIT);
    CHECK_EQ(hob_response_line(res, 0, &line), HOB_E_LIMIT);
    char buf[100];
    CHECK_EQ(hob_response_read(res, buf, sizeof buf), 100);
    CHECK_EQ(hob_response_line(res, 250000, &line), 1);
    CHECK_EQ(line.size, 200000 - 100);
    CHECK_EQ(hob_response_line(res, 250000, &line), 0);
    hob_response_close(res);
    CHECK_EQ(open_lines(c, "/long", &res), 0);
    CHECK_EQ(hob_response_line(res, 0, &line), 1);
    CHECK_EQ(hob_response_line(res, 0, &line), HOB_E_LIMIT);
    const char *rest;
    size_t n;
    CHECK_EQ(hob_response_body(res, &rest, &n), 0);
    CHECK_EQ(n, 200000);
    hob_response_close(res);

    /* A deadline takes nothing. */
    CHECK_EQ(open_lines(c, "/tick", &res), 0);
    CHECK_EQ(hob_response_line(res, 0, &line), 1);
    CHECK_EQ(hob_within(0.02, hob_response_line(res, 0, &line)), -ETIMEDOUT);
    hob_response_close(res);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

TASK_TEST(the_limit_of_a_line_is_exact) {
    WITH_SCRIPT({"\r\n\r\n", OK_HEAD "11\r\n\r\n12345\n123456", 0, 0})
    for (size_t max = 5; max <= 7; max++) {
        struct hob_response *res HOB_RESPONSE_GUARD = NULL;
        struct hob_slice line;
        CHECK_EQ(open_lines(c, url_of(l, "/"), &res), 0);
        CHECK_EQ(hob_response_line(res, max, &line), max < 6 ? HOB_E_LIMIT : 1);
    }
    END_SCRIPT
}

/* ---- trailers ---- */

#define CHUNKED "HTTP/1.1 200 OK\r\nX-A: 1\r\nX-B: 2\r\nTransfer-Encoding: chunked\r\n\r\n"

TASK_TEST(trailers_come_behind_the_body) {
    WITH_SCRIPT({"\r\n\r\n", CHUNKED "5\r\nhello\r\n0\r\nX-Sum: 123\r\nX-A:  9 \r\n\r\n", 0, 0},
                {"\r\n\r\n", CHUNKED "0\r\n\r\n", 0, 0})
    struct hob_response *res = NULL;
    char buf[100];
    CHECK_EQ(open_lines(c, url_of(l, "/"), &res), 0);
    CHECK(hob_response_trailer(res, "x-sum") == NULL);
    CHECK_EQ(hob_response_read(res, buf, sizeof buf), 5);
    CHECK_EQ(hob_response_read(res, buf, sizeof buf), 0);
    CHECK_STR(hob_response_trailer(res, "x-sum"), "123");
    CHECK_STR(hob_response_trailer(res, "X-A"), "9");
    CHECK_EQ(hob_response_trailer_count(res), 2);
    CHECK_STR(hob_response_trailer_at(res, 0).name, "X-Sum");
    /* They are no headers, and the headers are still there. */
    CHECK_STR(hob_response_header(res, "x-a"), "1");
    CHECK(hob_response_header(res, "x-sum") == NULL);
    CHECK_EQ(hob_response_header_count(res), 3);
    hob_response_close(res);
    CHECK_EQ(info_of(c).idle, 1);
    CHECK_EQ(open_lines(c, url_of(l, "/"), &res), 0);
    CHECK_EQ(hob_response_read(res, buf, sizeof buf), 0);
    CHECK_EQ(hob_response_trailer_count(res), 0);
    CHECK_STR(hob_response_header(res, "x-b"), "2");
    hob_response_close(res);
    END_SCRIPT
}

/* ---- left early ---- */

TASK_TEST(an_answer_that_has_come_is_kept_unread) {
    WITH_SCRIPT({"\r\n\r\n", OK_HEAD "5\r\n\r\nhello", 0, 0},
                {"\r\n\r\n", CHUNKED "5\r\nhello\r\n0\r\n\r\n", 0, 0},
                {"\r\n\r\n", OK_HEAD "1000\r\n\r\nhello", 0, 0}, {"never", "", 0, 0})
    struct hob_response *res;
    const char *url = url_of(l, "/");
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(open_lines(c, url, &res), 0);
        hob_response_close(res);
        CHECK_EQ(info_of(c).idle, 1);
    }
    CHECK_EQ(open_lines(c, url, &res), 0);
    CHECK(hob_response_reused(res));
    hob_response_close(res); /* 995 bytes are still to come: closed, not waited for */
    CHECK_EQ(info_of(c).idle, 0);
    CHECK_EQ(info_of(c).opened, 1);
    END_SCRIPT
}

TASK_TEST(what_comes_behind_an_unread_answer_ends_the_connection) {
    WITH_SCRIPT({"\r\n\r\n", OK_HEAD "5\r\n\r\nhelloHTTP/1.1 200 OK\r\n", 0, 0},
                {"never", "", 0, 0})
    struct hob_response *res;
    CHECK_EQ(open_lines(c, url_of(l, "/"), &res), 0);
    hob_response_close(res);
    CHECK_EQ(info_of(c).idle, 0);
    END_SCRIPT
}

/* ---- Expect: 100-continue ---- */

static int ask(struct hob_client *c, const char *url, double seconds, struct hob_response **res) {
    return hob_client_request(c, "POST", url, res, .body = "the body", .body_size = 8,
                              .expect_continue = seconds);
}

#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"

TASK_TEST(the_body_waits_for_100) {
    WITH_SCRIPT({"100-continue\r\n", CONTINUE, 0, 0.05}, {"the body", OK_HEAD "0\r\n\r\n", 0, 0})
    struct hob_response *res;
    uint64_t began = hob_now();
    CHECK_EQ(ask(c, url_of(l, "/"), 60, &res), 0);
    CHECK_EQ(hob_response_status(res), 200);
    CHECK(hob_now() - began > 40000000 && hob_now() - began < 20000000000);
    hob_response_close(res);
    CHECK_EQ(info_of(c).idle, 1);
    END_SCRIPT
}

TASK_TEST(a_server_that_says_nothing_gets_the_body_in_the_end) {
    WITH_SCRIPT({"the body", OK_HEAD "0\r\n\r\n", 0, 0})
    struct hob_response *res;
    CHECK_EQ(ask(c, url_of(l, "/"), 0.05, &res), 0);
    CHECK_EQ(hob_response_status(res), 200);
    hob_response_close(res);
    END_SCRIPT
}

TASK_TEST(a_refusal_is_the_answer_and_nothing_is_sent) {
    WITH_SCRIPT({"\r\n\r\n", "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno", 0, 0},
                {"the body", OK_HEAD "0\r\n\r\n", 0, 0})
    struct hob_response *res;
    const char *text;
    CHECK_EQ(ask(c, url_of(l, "/"), 60, &res), 0);
    CHECK_EQ(hob_response_status(res), 413);
    CHECK_EQ(hob_response_body(res, &text, NULL), 0);
    CHECK_STR(text, "no");
    hob_response_close(res);
    CHECK_EQ(info_of(c).idle, 0); /* does it still wait for the body? Nobody knows: closed */
    END_SCRIPT
}

TASK_TEST(a_server_that_does_not_know_expect) {
    static const struct script second = {.steps = {{"the body", OK_HEAD "0\r\n\r\n", 0, 0}}};
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    struct script script = {
        .steps = {{"100-continue\r\n", "HTTP/1.1 417 What?\r\nContent-Length: 0\r\n\r\n", 0, 0}},
        .next = &second};
    hob_spawn(s, follow_script, l, &script);
    HOB_CLIENT(c);
    struct hob_response *res;
    CHECK_EQ(ask(c, url_of(l, "/"), 60, &res), 0);
    CHECK_EQ(hob_response_status(res), 200);
    CHECK_EQ(script.connections, 2);
    hob_response_close(res);
    CHECK_EQ(info_of(c).in_use, 0);
    END_SCRIPT
}

TASK_TEST(a_connection_that_ends_instead_of_100) {
    WITH_SCRIPT({"100-continue\r\n", "", 0, 0})
    struct hob_response *res;
    CHECK_EQ(ask(c, url_of(l, "/"), 60, &res), HOB_E_HTTP_CUT);
    CHECK_EQ(info_of(c).in_use, 0);
    END_SCRIPT
}

static ssize_t once(void *arg, void *buf, size_t n) {
    int *calls = arg;
    CHECK(n >= 8);
    if ((*calls)++) return 0;
    memcpy(buf, "the body", 8);
    return 8;
}

/* What was not sent can still be sent elsewhere: a body that can be read only once, too. */
TASK_TEST(a_redirect_instead_of_100) {
    WITH_SCRIPT({"100-continue\r\n",
                 "HTTP/1.1 307 There\r\nLocation: /there\r\nContent-Length: 0\r\n"
                 "Connection: close\r\n\r\n",
                 0, 0})
    static const struct script second = {.steps = {{"100-continue\r\n", CONTINUE, 0, 0},
                                                   {"0\r\n\r\n", OK_HEAD "2\r\n\r\nok", 0, 0}}};
    script.next = &second;
    struct hob_response *res;
    int calls = 0;
    CHECK_EQ(hob_client_request(c, "POST", url_of(l, "/"), &res, .read_body = once, .arg = &calls,
                                .expect_continue = 60),
             0);
    CHECK_EQ(hob_response_status(res), 200);
    CHECK_EQ(calls, 2);
    hob_response_close(res);
    END_SCRIPT
}

/* ---- an answer before the whole request ---- */

/* Reads the head, answers, and then nothing more, or all of the rest. */
static int hasty(struct hob_listener *l, const char *text, int *reads) {
    for (;;) {
        struct hob_stream *s;
        char buf[4096];
        int64_t n = 0;
        HOB_TRY(hob_accept(l, &s));
        HOB_TRY(hob_read(s, buf, sizeof buf));
        HOB_TRY(hob_write(s, text, strlen(text)));
        while (*reads < 0 && hob_sleep(0.01) == 0) {}
        for (ssize_t got; *reads >= 0 && (got = hob_read(s, buf, sizeof buf)) > 0;) {
            n += got;
            if (memmem(buf, (size_t)got, "END", 3)) hob_write(s, "2\r\nok\r\n0\r\n\r\n", 12);
        }
        *reads = (int)n;
        hob_close(s);
        HOB_TRY(hob_check());
    }
}
HOB_TASK(hasty, struct hob_listener *, const char *, int *)

enum { UPLOAD = 20 << 20 };

static ssize_t upload(void *arg, void *buf, size_t n) {
    int64_t *left = arg;
    if (*left == 0) return 0;
    if ((int64_t)n > *left) n = (size_t)*left;
    memset(buf, 'x', n);
    *left -= (int64_t)n;
    if (*left == 0) memcpy((char *)buf + n - 3, "END", 3);
    return (ssize_t)n;
}

TASK_TEST(a_refusal_ends_the_sending) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    int reads = -1;
    hob_spawn(s, hasty, l, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno", &reads);
    HOB_CLIENT(c, .stall_timeout = 30);
    char *large = calloc(1, UPLOAD);
    for (int i = 0; i < 3; i++) {
        struct hob_response *res = NULL;
        int64_t left = UPLOAD;
        const char *text;
        uint64_t began = hob_now();
        if (i == 0)
            CHECK_EQ(hob_client_request(c, "POST", url_of(l, "/"), &res, .body = large,
                                        .body_size = UPLOAD),
                     0);
        else
            CHECK_EQ(hob_client_request(c, "POST", url_of(l, "/"), &res, .read_body = upload,
                                        .arg = &left, .body_size = i == 1 ? UPLOAD : 0),
                     0);
        CHECK_EQ(hob_response_status(res), 413);
        CHECK_EQ(hob_response_body(res, &text, NULL), 0);
        CHECK_STR(text, "no");
        CHECK(hob_now() - began < 15000000000);
        hob_response_close(res);
        CHECK_EQ(info_of(c).idle + info_of(c).in_use, 0);
        reads = 0;
        while (reads == 0) CHECK_EQ(hob_sleep(0.001), 0);
        reads = -1;
    }
    free(large);
    END_SCRIPT
}

TASK_TEST(a_success_does_not) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    int reads = 0;
    hob_spawn(s, hasty, l, "HTTP/1.1 103 Early\r\n\r\n" CHUNKED, &reads);
    HOB_CLIENT(c, .stall_timeout = 30);
    struct hob_response *res;
    int64_t left = UPLOAD;
    const char *text;
    CHECK_EQ(hob_client_request(c, "POST", url_of(l, "/"), &res, .read_body = upload, .arg = &left,
                                .body_size = UPLOAD),
             0);
    CHECK_EQ(left, 0);
    CHECK_EQ(hob_response_body(res, &text, NULL), 0);
    CHECK_STR(text, "ok");
    hob_response_close(res);
    CHECK_EQ(info_of(c).idle, 1);
    END_SCRIPT
}

/* With Hob's own server, which answers 100 when its handler reads. */
static int taste(struct hob_request *req, void *arg) {
    const char *text;
    size_t n;
    (void)arg;
    if (strcmp(hob_request_path(req), "/no") == 0)
        return hob_respond_text(req, 401, "text/plain", "no");
    HOB_TRY(hob_request_body(req, &text, &n));
    return hob_respond(req, 200, NULL, text, n);
}

TASK_TEST(with_our_own_server) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, taste, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c);
    struct hob_response *res;
    const char *text;
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(ask(c, url_of(l, "/"), 60, &res), 0);
        CHECK_EQ(hob_response_body(res, &text, NULL), 0);
        CHECK_STR(text, "the body");
        hob_response_close(res);
    }
    CHECK_EQ(info_of(c).opened, 1);
    CHECK_EQ(ask(c, url_of(l, "/no"), 60, &res), 0);
    CHECK_EQ(hob_response_status(res), 401);
    hob_response_close(res);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

TEST_MAIN()
