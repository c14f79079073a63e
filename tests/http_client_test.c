/* http_client_test.c - the client: reuse and limits of its connections, requests that are cancelled
 * at every wait, answers that break off or break the rules, times, a real server. */
#include "http_count.h"
#include "no_watchdog.h"

TASK_TEST(connections_are_reused) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, count, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c);
    struct hob_client_info info;
    for (int i = 0; i < 10; i++) {
        struct hob_body body;
        CHECK_EQ(hob_get(c, url_of(l, "/a?b=1"), &body), 200);
        CHECK_STR(body.data, "/a?b=1");
        CHECK_EQ(body.size, 6);
        hob_body_free(&body);
        hob_body_free(&body);
    }
    hob_client_info(c, &info);
    CHECK_EQ(info.opened, 1);
    CHECK_EQ(info.reused, 9);
    CHECK_EQ(info.idle, 1);
    CHECK_EQ(info.in_use, 0);
    CHECK_STR(seen.last, "GET /a?b=1 auth=- agent=hob/" HOB_VERSION " x=- n=0");
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

TASK_TEST(no_reuse_when_asked_for) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, count, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c, .idle_timeout = -1);
    struct hob_client_info info;
    for (int i = 0; i < 3; i++) CHECK_EQ(get_one(c, url_of(l, "/"), NULL), 0);
    hob_client_info(c, &info);
    CHECK_EQ(info.opened, 3);
    CHECK_EQ(info.idle, 0);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

/* All at once: what the server sees, and that every one is served. */
static void many(struct hob_listener *l, struct hob_client *c, int n, int *statuses) {
    HOB_SCOPE(s);
    for (int i = 0; i < n; i++) hob_spawn(s, get_one, c, url_of(l, "/slow"), &statuses[i]);
    CHECK_EQ(hob_join(s), 0);
    for (int i = 0; i < n; i++) CHECK_EQ(statuses[i], 200);
}

TASK_TEST(limits_hold) {
    static int statuses[1000];
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    struct hob_client_info info;
    hob_spawn(s, hob_http_serve, l, count, NULL, (struct hob_http_options){0});
    {
        HOB_CLIENT(c, .max_connections = 5);
        many(l, c, 40, statuses);
        CHECK_EQ(seen.most, 5);
        hob_client_info(c, &info);
        CHECK_EQ(info.opened, 5);
        CHECK_EQ(info.reused, 35);
    }
    seen.most = 0;
    {
        HOB_CLIENT(c, .max_per_host = 3);
        many(l, c, 20, statuses);
        CHECK_EQ(seen.most, 3);
    }
    seen.most = 0;
    {
        HOB_CLIENT(c, .max_connections = 1000);
        seen.gather = 1000; /* with any lower limit this would never end */
        many(l, c, 1000, statuses);
        CHECK_EQ(seen.most, 1000);
        seen.gather = 0;
    }
    CHECK_EQ(seen.served, 1060);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

/* Idle connections are closed, in portions; those in use are not. */
TASK_TEST(idle_ones_are_closed_when_asked_for) {
    static int statuses[100];
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, count, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c);
    struct hob_client_info info;
    seen.gather = 100;
    many(l, c, 100, statuses);
    seen.gather = 0;
    hob_client_info(c, &info);
    CHECK_EQ(info.idle, 100);
    {
        struct hob_response *response HOB_RESPONSE_GUARD = NULL;
        CHECK_EQ(hob_client_request(c, "GET", url_of(l, "/"), &response), 0);
        CHECK_EQ(hob_client_close_idle(c, 64), 35);
        CHECK_EQ(hob_client_close_idle(c, 0), 35);
        CHECK_EQ(hob_client_close_idle(c, 64), 0);
        CHECK_EQ(hob_client_close_idle(c, 64), 0);
        hob_client_info(c, &info);
        CHECK_EQ(info.in_use, 1);
    }
    CHECK_EQ(get_one(c, url_of(l, "/"), NULL), 0);
    hob_client_info(c, &info);
    CHECK_EQ(info.opened, 100); /* the one that was in use had been kept */
    CHECK_EQ(info.idle, 1);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

/* An idle connection to one host makes room for another host. */
static int get_of_host(struct hob_client *c, int i, int *done) {
    char url[64];
    struct hob_body body;
    snprintf(url, sizeof url, "http://host-%d.test/", i);
    CHECK_EQ(HOB_TRY(hob_get(c, url, &body)), 200);
    hob_body_free(&body);
    ++*done;
    return 0;
}
HOB_TASK(get_of_host, struct hob_client *, int, int *)

static int say_ok(struct hob_request *req, void *arg) {
    (void)arg;
    return hob_respond_text(req, 200, "text/plain", "ok");
}

/* More hosts than buckets, all known at once: most requests wait for their turn. */
TASK_TEST(many_hosts_at_once) {
    enum { HOSTS = 1500 };
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, say_ok, NULL, (struct hob_http_options){0});
    for (int cancelled = 0; cancelled < 2; cancelled++) {
        HOB_CLIENT(c, .max_connections = 4, .resolve = HOB_PARAMS({"*", hob_listener_address(l)}));
        struct hob_client_info info;
        int done = 0;
        HOB_SCOPE(t);
        for (int i = 0; i < HOSTS; i++) {
            CHECK(hob_spawn(t, get_of_host, c, i, &done));
            if (i % 500 == 0) hob_spawn(t, get_of_host, c, i, &done); /* a host twice */
        }
        CHECK_EQ(hob_yield_now(), 0);
        hob_client_info(c, &info);
        CHECK(info.waiting > HOSTS - 100 || info.opened > 4);
        if (cancelled) hob_scope_cancel(t);
        CHECK_EQ(hob_join(t), 0);
        if (!cancelled) CHECK_EQ(done, HOSTS + 3);
        hob_client_info(c, &info);
        CHECK(info.in_use == 0 && info.waiting == 0 && info.idle <= 4);
    }
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

TASK_TEST(idle_makes_room) {
    HOB_SCOPE(s);
    struct hob_listener *a = listening(), *b = listening();
    struct hob_client_info info;
    hob_spawn(s, hob_http_serve, a, count, NULL, (struct hob_http_options){0});
    hob_spawn(s, hob_http_serve, b, count, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c, .max_connections = 1);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(get_one(c, url_of(a, "/"), NULL), 0);
        CHECK_EQ(get_one(c, url_of(b, "/"), NULL), 0);
        hob_client_info(c, &info);
        CHECK_EQ(info.idle, 1);
    }
    CHECK_EQ(info.opened, 6);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(a);
    hob_listener_close(b);
    return 0;
}

TASK_TEST(idle_ends) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    struct hob_client_info info;
    hob_spawn(s, hob_http_serve, l, count, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c, .idle_timeout = 0.05);
    CHECK_EQ(get_one(c, url_of(l, "/"), NULL), 0);
    hob_client_info(c, &info);
    CHECK_EQ(info.idle, 1);
    CHECK_EQ(hob_sleep(0.15), 0);
    hob_client_info(c, &info);
    CHECK_EQ(info.idle, 0);
    CHECK_EQ(get_one(c, url_of(l, "/"), NULL), 0);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

/* ---- cancel at every wait ---- */

static int post_body(struct hob_client *c, const char *url, const char *text, size_t n) {
    struct hob_body body;
    int rc = hob_post(c, url, "text/plain", text, n, &body);
    if (rc == 200) CHECK(body.size == n && memcmp(body.data, text, n) == 0);
    hob_body_free(&body);
    return rc;
}
HOB_TASK(post_body, struct hob_client *, const char *, const char *, size_t)

/* The request runs for k turns of the loop and is then cancelled; afterwards the client is as good
 * as new: slots, connections, descriptors, and the next answer. Until a k is reached at which the
 * request is through before the cancel. */
TASK_TEST(cancel_at_every_wait) {
    static char text[300000];
    memset(text, 'x', sizeof text);
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    struct hob_client_info info;
    hob_spawn(s, hob_http_serve, l, count, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c, .max_connections = 2);
    CHECK_EQ(post_body(c, url_of(l, "/"), "first", 5), 200);
    int cancelled = 0, k, through = 0;
    for (k = 0; k < 3000 && through < 3; k++) {
        HOB_SCOPE(one);
        struct hob_task *t =
            hob_spawn(one, post_body, c, url_of(l, k % 2 ? "/slow" : "/"), text, sizeof text);
        for (int i = 0; i < k && !hob_task_done(t); i++) {
            CHECK_EQ(hob_yield_now(), 0);
            if (i % 8 == 7) CHECK_EQ(hob_sleep(0.0005), 0);
        }
        hob_cancel(t);
        hob_join(one);
        int rc = hob_task_result(t);
        CHECK(rc == 200 || rc == -ECANCELED);
        if (rc == 200) through++;
        cancelled += rc != 200;
        hob_client_info(c, &info);
        CHECK_EQ(info.in_use, 0);
        CHECK_EQ(info.waiting, 0);
        CHECK(info.idle <= 2);
        CHECK_EQ(post_body(c, url_of(l, "/"), "next", 4), 200);
    }
    CHECK(cancelled > 5);
    CHECK(through == 3);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

/* The same for waiters in the queue: the slots go to those who are left. */
TASK_TEST(cancelled_waiters_lose_no_slot) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    struct hob_client_info info;
    static int statuses[40];
    hob_spawn(s, hob_http_serve, l, count, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c, .max_connections = 2, .max_per_host = 2);
    {
        struct hob_task *t[40];
        HOB_SCOPE(some, .on_error = HOB_COLLECT);
        for (int i = 0; i < 40; i++)
            t[i] = hob_spawn(some, get_one, c, url_of(l, "/slow"), &statuses[i]);
        CHECK_EQ(hob_sleep(0.01), 0);
        hob_client_info(c, &info);
        CHECK_EQ(info.in_use, 2);
        CHECK_EQ(info.waiting, 38);
        for (int i = 0; i < 40; i += 2) hob_cancel(t[i]);
        CHECK_EQ(hob_join(some), 0);
        for (int i = 0; i < 40; i++) CHECK_EQ(statuses[i], i % 2 ? 200 : -ECANCELED);
    }
    many(l, c, 10, statuses);
    hob_client_info(c, &info);
    CHECK_EQ(info.in_use, 0);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

TASK_TEST(descriptors_return) {
    int before = open_files(), statuses[20];
    {
        HOB_SCOPE(s);
        struct hob_listener *l = listening();
        hob_spawn(s, hob_http_serve, l, count, NULL, (struct hob_http_options){0});
        {
            HOB_CLIENT(c);
            many(l, c, 20, statuses);
            CHECK(open_files() > before + 20);
            CHECK(hob_within(0.02, get_one(c, url_of(l, "/hang"), NULL)) == -ETIMEDOUT);
        }
        hob_scope_cancel(s);
        CHECK_EQ(hob_join(s), 0);
        hob_listener_close(l);
    }
    CHECK_EQ(open_files(), before);
    return 0;
}

/* A thousand closed at a time would hold the loop for ten milliseconds. */
TASK_TEST(many_idle_connections_are_closed_in_portions) {
    enum { MANY = 300, PORTION = 64 };
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, count, NULL,
              (struct hob_http_options){.max_connections = MANY});
    int before = open_files();
    const double times[] = {15, INFINITY}; /* with the task that ends the old ones, and without */
    for (int i = 0; i < 2; i++) {
        struct hob_client *c;
        int rounds = 0;
        CHECK_EQ(hob_client_open(&c, .max_connections = MANY, .idle_timeout = times[i]), 0);
        CHECK_EQ(hob_client_warm(c, url_of(l, "/"), MANY), MANY);
        int full = open_files();
        hob_client_close(c);
        CHECK_EQ(open_files(), full - PORTION);
        while (open_files() > before) /* some of the server's half are closed meanwhile, too */
            CHECK(hob_sleep(rounds < 3 ? 0 : 0.001) == 0 && ++rounds < 10000);
        CHECK(rounds >= 2);
    }
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

/* The loop ends before they are all closed. */
static int leave_many_behind(void) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    hob_spawn_daemon(s, hob_http_serve, l, count, NULL, (struct hob_http_options){0});
    {
        HOB_CLIENT(c, .max_connections = 200);
        CHECK_EQ(hob_client_warm(c, url_of(l, "/"), 200), 200);
    }
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}
HOB_TASK(leave_many_behind)

TEST(a_loop_that_ends_closes_them_all) {
    int before = open_files();
    CHECK_EQ(hob_run(leave_many_behind), 0);
    CHECK_EQ(open_files(), before);
}

static void quiet(enum hob_report_kind kind, const char *text, void *arg) {
    (void)kind, (void)text, (void)arg;
}

/* Without memory at the n-th allocation, of client or server: an error or a 503, nothing leaks, and
 * the next request is right. */
TASK_TEST(out_of_memory) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    struct hob_client_info info;
    hob_set_report(quiet, NULL);
    hob_spawn(s, hob_http_serve, l, count, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c);
    CHECK_EQ(post_body(c, url_of(l, "/"), "warm", 4), 200);
    bool failed = true;
    for (long n = 1; failed && n < 200; n++) {
        hob_client_close(c);
        c = NULL;
        failed = false;
        hob__alloc_fail_at(n);
        int rc = hob_client_open(&c);
        if (rc == 0) rc = post_body(c, url_of(l, "/with/a/path"), "body", 4);
        failed = hob__alloc_count() >= n;
        hob__alloc_fail_at(0);
        CHECK(failed || rc == 200);
        if (!c) CHECK_EQ(hob_client_open(&c), 0);
        hob_client_info(c, &info);
        CHECK_EQ(info.in_use, 0);
        rc = post_body(c, url_of(l, "/"), "next", 4);
        CHECK_EQ(rc, 200);
    }
    CHECK(!failed);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

/* ---- answers that break off, or break the rules ---- */

static int one_answer(struct script *script, int *status, size_t *got, char *message, size_t n) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    hob_spawn(s, follow_script, l, script);
    int rc;
    {
        HOB_CLIENT(c, .stall_timeout = 20);
        struct hob_body body;
        rc = hob_get(c, url_of(l, "/x"), &body);
        *status = rc;
        *got = body.size;
        hob_body_free(&body);
        message[0] = 0;
        if (rc < 0 && hob_error()) snprintf(message, n, "%s", hob_error()->message);
        struct hob_client_info info;
        hob_client_info(c, &info);
        CHECK_EQ(info.in_use, 0);
        if (rc < 0) CHECK_EQ(info.idle, 0);
    }
    hob_scope_cancel(s);
    hob_join(s);
    hob_listener_close(l);
    return 0;
}

static const struct answer {
    const char *send;
    int status;
    const char *message; /* a part of it */
} answers[] = {
    {OK_HEAD "5\r\n\r\nhello", 200, ""},
    {"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, ""},
    {"HTTP/1.1 100 Continue\r\n\r\n" OK_HEAD "0\r\n\r\n", 200, ""},
    {OK_HEAD "1000\r\n\r\n0123456789", HOB_E_HTTP_CUT,
     "response cut short: 10 of 1000 bytes of the body"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", HOB_E_HTTP_CUT,
     "cut short after 5 bytes of a chunked body"},
    {"HTTP/1.1 200 OK\r\nContent-", HOB_E_HTTP_CUT, "25 bytes of its head"},
    {"", HOB_E_HTTP_CUT, "closed the connection without an answer"},
    {"SSH-2.0-OpenSSH\r\n", HOB_E_HTTP_START_LINE, "at byte 0 of its head"},
    {"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", HOB_E_HTTP_FIELD_SPACE, "white space"},
    {OK_HEAD "5\r\nContent-Length: 6\r\n\r\nhello!", HOB_E_HTTP_LENGTH, "Content-Length"},
    {OK_HEAD "5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", HOB_E_HTTP_LENGTH_AND_ENCODING,
     "beside"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", HOB_E_HTTP_CHUNK,
     "malformed chunked body"},
    {OK_HEAD "99999999999\r\n\r\n", HOB_E_HTTP_BODY_TOO_LARGE, "larger than 67108864 bytes"},
};

TASK_TEST(bad_answers) {
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct script script = {.steps = {{"\r\n\r\n", answers[i].send, 0, 0}}};
        int status;
        size_t got;
        char message[512];
        CHECK_EQ(one_answer(&script, &status, &got, message, sizeof message), 0);
        if (status != answers[i].status || !strstr(message, answers[i].message))
            FAIL("row %zu: %d: %s", i, status, message);
    }
    return 0;
}

TASK_TEST(endless_head) {
    static char line[9000], head[200000];
    memset(line, 'v', sizeof line - 1);
    struct script script = {.steps = {{"\r\n\r\n", head, 0, 0}}};
    int status, n = sprintf(head, "HTTP/1.1 200 OK\r\n");
    size_t got;
    char message[512];
    while (n < 190000) n += sprintf(head + n, "name: %.4000s\r\n", line);
    CHECK_EQ(one_answer(&script, &status, &got, message, sizeof message), 0);
    CHECK_EQ(status, HOB_E_HTTP_HEADERS_TOO_LARGE);
    sprintf(head, "HTTP/1.1 200 OK\r\nname: %s\r\n\r\n", line);
    CHECK_EQ(one_answer(&script, &status, &got, message, sizeof message), 0);
    CHECK_EQ(status, HOB_E_HTTP_LINE_TOO_LONG);
    n = sprintf(head, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 129; i++) n += sprintf(head + n, "a: b\r\n");
    sprintf(head + n, "\r\n");
    CHECK_EQ(one_answer(&script, &status, &got, message, sizeof message), 0);
    CHECK_EQ(status, HOB_E_HTTP_TOO_MANY_HEADERS);
    return 0;
}

/* Bytes behind an answer are nobody's: the connection is not used again. */
TASK_TEST(excess_is_not_the_next_answer) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    struct script script = {
        .steps = {{"\r\n\r\n", OK_HEAD "2\r\n\r\nok" OK_HEAD "4\r\n\r\nevil", 0, 0},
                  {"\r\n\r\n", OK_HEAD "4\r\n\r\nmore", 0, 0}}};
    hob_spawn(s, follow_script, l, &script);
    HOB_CLIENT(c);
    for (int i = 0; i < 3; i++) {
        struct hob_body body;
        CHECK_EQ(hob_get(c, url_of(l, "/"), &body), 200);
        CHECK_STR(body.data, "ok");
        hob_body_free(&body);
    }
    CHECK_EQ(script.connections, 3);
    hob_scope_cancel(s);
    hob_join(s);
    hob_listener_close(l);
    return 0;
}

/* The server closes a kept connection, seen before its reuse, or only when it is used. */
TASK_TEST(stale_connections) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    struct hob_client_info info;
    struct script second = {.steps = {{"\r\n\r\n", OK_HEAD "3\r\n\r\ntwo", 0, 0},
                                      {"\r\n\r\n", OK_HEAD "5\r\n\r\nthree", 0, 0}}};
    struct script script = {.steps = {{"\r\n\r\n", OK_HEAD "3\r\n\r\none", 0, 0},
                                      {"\r\n\r\n", "", 0, 0}}, /* reads it, then closes */
                            .next = &second};
    hob_spawn(s, follow_script, l, &script);
    HOB_CLIENT(c);
    struct hob_body body;
    CHECK_EQ(hob_get(c, url_of(l, "/"), &body), 200);
    CHECK_STR(body.data, "one");
    hob_body_free(&body);
    CHECK_EQ(hob_get(c, url_of(l, "/"), &body), 200); /* closed without an answer: once more */
    CHECK_STR(body.data, "two");
    hob_body_free(&body);
    hob_client_info(c, &info);
    CHECK_EQ(info.retried, 1);
    CHECK_EQ(script.connections, 2);
    CHECK_EQ(hob_get(c, url_of(l, "/"), &body), 200);
    CHECK_STR(body.data, "three");
    hob_body_free(&body);
    CHECK_EQ(hob_sleep(0.02), 0); /* the server has closed it by now: found before its reuse */
    CHECK_EQ(hob_get(c, url_of(l, "/"), &body), 200);
    CHECK_STR(body.data, "two");
    hob_body_free(&body);
    hob_client_info(c, &info);
    CHECK_EQ(info.retried, 1);
    hob_scope_cancel(s);
    hob_join(s);
    hob_listener_close(l);
    return 0;
}

TASK_TEST(post_is_not_retried) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    struct script script = {
        .steps = {{"\r\n\r\n", OK_HEAD "3\r\n\r\none", 0, 0}, {"\r\n\r\n", "", 0, 0}}};
    hob_spawn(s, follow_script, l, &script);
    HOB_CLIENT(c);
    struct hob_body body;
    CHECK_EQ(hob_get(c, url_of(l, "/"), &body), 200);
    hob_body_free(&body);
    CHECK_EQ(hob_post(c, url_of(l, "/"), "text/plain", "x", 1, &body), HOB_E_HTTP_CUT);
    CHECK(body.data == NULL);
    CHECK_HAS(hob_error()->message, "without an answer");
    CHECK_EQ(script.connections, 1);
    hob_scope_cancel(s);
    hob_join(s);
    hob_listener_close(l);
    return 0;
}

/* ---- time ---- */

TASK_TEST(timeouts) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, count, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c);
    struct hob_response *res;
    uint64_t start = hob_now();
    CHECK_EQ(hob_within(0.05, get_one(c, url_of(l, "/hang"), NULL)), -ETIMEDOUT);
    CHECK_EQ(hob_client_request(c, "GET", url_of(l, "/hang"), &res, .timeout = 0.05), -ETIMEDOUT);
    CHECK_HAS(hob_error()->message, "not complete within 0.05 s");
    CHECK(hob_now() - start < 10000000000); /* else the patience with a server that stalls */
    HOB_CLIENT(stalls, .stall_timeout = 0.5);
    CHECK_EQ(get_one(stalls, url_of(l, "/hang"), NULL), -ETIMEDOUT);
    CHECK_HAS(hob_error()->message, "sent nothing for 0.5 s");
    HOB_CLIENT(patient, .stall_timeout = 20);
    CHECK_EQ(get_one(patient, url_of(l, "/slow"), NULL), 0);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

/* A read that was interrupted goes on where it was: nothing of the body is lost. */
TASK_TEST(interrupted_read_goes_on) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    struct script script = {
        .steps = {{"\r\n\r\n", OK_HEAD "10\r\n\r\n01234", 0, 0}, {"", "56789", 0, 0.1}}};
    hob_spawn(s, follow_script, l, &script);
    HOB_CLIENT(c);
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    char buf[32];
    CHECK_EQ(hob_client_request(c, "GET", url_of(l, "/"), &res), 0);
    CHECK_EQ(hob_response_size(res), 10);
    CHECK_EQ(hob_response_read(res, buf, sizeof buf), 5);
    CHECK_EQ(hob_within(0.02, (int)hob_response_read(res, buf, sizeof buf)), -ETIMEDOUT);
    CHECK_EQ(hob_response_read(res, buf, 3), 3);
    CHECK(memcmp(buf, "567", 3) == 0);
    CHECK_EQ(hob_response_read(res, buf, sizeof buf), 2);
    CHECK_EQ(hob_response_read(res, buf, sizeof buf), 0);
    CHECK_EQ(hob_response_read(res, buf, sizeof buf), 0);
    hob_scope_cancel(s);
    hob_join(s);
    hob_listener_close(l);
    return 0;
}

TASK_TEST(refused_and_wrong_urls) {
    HOB_CLIENT(c);
    struct hob_listener *l = listening();
    char address[64];
    snprintf(address, sizeof address, "http://%s/", hob_listener_address(l));
    hob_listener_close(l);
    CHECK_EQ(get_one(c, address, NULL), -ECONNREFUSED);
    CHECK_HAS(hob_error()->message, "no connection to 127.0.0.1:");
    CHECK_EQ(get_one(c, "/relative", NULL), HOB_E_URL);
    CHECK_HAS(hob_error()->message, "scheme");
    CHECK_EQ(get_one(c, "http://h/a b", NULL), HOB_E_URL);
    CHECK_HAS(hob_error()->message, "at byte 10");
    struct hob_client_info info;
    hob_client_info(c, &info);
    CHECK_EQ(info.in_use, 0);
    struct hob_client *none;
    CHECK_EQ(hob_client_open(&none, .base_url = "nonsense"), HOB_E_URL);
    CHECK(!none);
    return 0;
}

/* RFC 6874: the zone of an IPv6 address is where to connect, and not said to the server. */
TASK_TEST(an_address_with_a_zone) {
    struct hob_listener *l;
    if (hob_listen("[::1]:0", &l) < 0) return 0; /* no IPv6 here */
    char host[100], url[100];
    snprintf(host, sizeof host, "\r\nHost: %s\r\n", hob_listener_address(l));
    struct script script = {.steps = {{host, OK_HEAD "2\r\n\r\nok", 0, 0}}};
    HOB_SCOPE(s);
    hob_spawn(s, follow_script, l, &script);
    HOB_CLIENT(c);
    static const char *const zones[] = {"%25lo", "%lo", "%251", "%25l%6F"};
    for (int i = 0; i < 4; i++) {
        snprintf(url, sizeof url, "http://[::1%s]%s/", zones[i],
                 strrchr(hob_listener_address(l), ':'));
        int status = 0;
        CHECK_EQ(hob_within(20.0, get_one(c, url, &status)), 0);
        CHECK_EQ(status, 200);
    }
    int rc = get_one(c, "http://[fe80::1%25nowhere]/", NULL);
    CHECK_EQ(rc, HOB_E_ADDRESS);
    hob_error_clear();
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

/* ---- a real server ---- */

TEST(against_python) {
    if (system("python3 -c 'import http.server' 2>/dev/null") != 0) return;
    char dir[] = "/tmp/hob_http_XXXXXX", path[64], command[256];
    CHECK(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/file", dir);
    FILE *f = fopen(path, "w");
    for (int i = 0; i < 100000; i++) fprintf(f, "%09d\n", i);
    fclose(f);
    snprintf(command, sizeof command,
             "exec python3 -u -m http.server -p HTTP/1.1 -b 127.0.0.1 -d %s 0 2>/dev/null", dir);
    int out[2];
    CHECK_EQ(pipe(out), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(out[1], 1);
        close(out[0]);
        execl("/bin/sh", "sh", "-c", command, NULL);
        _exit(127);
    }
    close(out[1]);
    static char line[256];
    size_t n = 0;
    while (n < sizeof line - 1 && !memchr(line, '\n', n)) {
        ssize_t got = read(out[0], line + n, sizeof line - 1 - n);
        if (got <= 0) break;
        n += (size_t)got;
    }
    static char url[256];
    char *at = strstr(line, "http://");
    if (!at) { /* an older Python without -p */
        kill(pid, SIGKILL);
        return;
    }
    snprintf(url, sizeof url, "%.*sfile", (int)strcspn(at, ")"), at);
    extern int python_client(const char *);
    int rc = python_client(url);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    unlink(path);
    rmdir(dir);
    CHECK_EQ(rc, 0);
}

static int fetch_file(const char *url) {
    HOB_CLIENT(c);
    for (int i = 0; i < 3; i++) {
        struct hob_body body;
        CHECK_EQ(hob_get(c, url, &body), 200);
        CHECK_EQ(body.size, 1000000);
        CHECK(memcmp(body.data + 999990, "000099999\n", 10) == 0);
        hob_body_free(&body);
    }
    struct hob_client_info info;
    hob_client_info(c, &info);
    CHECK_EQ(info.opened, 1);
    return 0;
}
HOB_TASK(fetch_file, const char *)

int python_client(const char *url);
int python_client(const char *url) { return hob_run(fetch_file, url); }

TEST_MAIN()
