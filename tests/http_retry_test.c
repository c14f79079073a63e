/* http_retry_test.c - requests that are tried again, and when not; rates; the times for a
 * connection and for the first byte. */
#include "http_count.h"

static struct {
    int asked, fail; /* the first `fail` requests get `status` */
    int status;
    const char *retry_after;
    uint64_t times[200];
} flaky;

static int fail_first(struct hob_request *req, void *arg) {
    (void)arg;
    const char *body;
    size_t n;
    if (flaky.asked < 200) flaky.times[flaky.asked] = hob_now();
    flaky.asked++;
    HOB_TRY(hob_request_body(req, &body, &n));
    if (flaky.asked > flaky.fail) return hob_respond_text(req, 200, "text/plain", "at last\n");
    struct hob_header h[] = {{"Retry-After", flaky.retry_after}, {NULL, NULL}};
    return hob_respond(req, flaky.status, flaky.retry_after ? h : NULL, "not now\n", 8);
}

static void fails(int times, int status, const char *retry_after) {
    flaky.asked = 0;
    flaky.fail = times;
    flaky.status = status;
    flaky.retry_after = retry_after;
}

static int stop(struct hob_scope *s, struct hob_listener *l) {
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

static int ask(struct hob_client *c, const char *method, const char *url, int retries) {
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    const char *data;
    HOB_TRY(hob_client_request(c, method, url, &res, .retries = retries));
    HOB_TRY(hob_response_body(res, &data, NULL));
    if (hob_response_status(res) == 200) CHECK_STR(data, "at last\n");
    return hob_response_status(res);
}
HOB_TASK(ask, struct hob_client *, const char *, const char *, int)

TASK_TEST(a_status_that_passes_is_asked_for_again) {
    static const int passing[] = {408, 429, 502, 503, 504}, lasting[] = {400, 404, 500, 501};
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    struct hob_client_info info;
    hob_spawn(s, hob_http_serve, l, fail_first, NULL, (struct hob_http_options){0});
    for (int i = 0; i < 5; i++) {
        HOB_CLIENT(c, .retries = 3, .retry_delay = 0.01);
        fails(2, passing[i], NULL);
        CHECK_EQ(ask(c, "GET", url_of(l, "/"), 0), 200);
        CHECK_EQ(flaky.asked, 3);
        CHECK(flaky.times[1] - flaky.times[0] >= 5000000);  /* half of 10 ms */
        CHECK(flaky.times[2] - flaky.times[1] >= 10000000); /* of 20 */
        hob_client_info(c, &info);
        CHECK_EQ(info.opened, 1); /* the answers in between were read */
        CHECK_EQ(info.retried, 2);
    }
    HOB_CLIENT(c, .retries = 3, .retry_delay = 0.01);
    for (int i = 0; i < 4; i++) {
        fails(2, lasting[i], NULL);
        CHECK_EQ(ask(c, "GET", url_of(l, "/"), 0), lasting[i]);
        CHECK_EQ(flaky.asked, 1);
    }
    fails(100, 503, NULL);
    CHECK_EQ(ask(c, "GET", url_of(l, "/"), 0), 503); /* its answer is the result in the end */
    CHECK_EQ(flaky.asked, 4);
    fails(100, 503, NULL);
    CHECK_EQ(ask(c, "GET", url_of(l, "/"), -1), 503);
    CHECK_EQ(flaky.asked, 1);
    fails(100, 503, NULL);
    CHECK_EQ(ask(c, "GET", url_of(l, "/"), 1), 503);
    CHECK_EQ(flaky.asked, 2);
    return stop(s, l);
}

TASK_TEST(only_what_may_be_done_twice) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, fail_first, NULL, (struct hob_http_options){0});
    {
        HOB_CLIENT(c, .retries = 3, .retry_delay = 0.001);
        static const char *const once[] = {"POST", "PATCH", "MINE"}, *const twice[] = {"PUT",
                                                                                       "DELETE"};
        for (int i = 0; i < 3; i++) {
            fails(1, 503, NULL);
            CHECK_EQ(ask(c, once[i], url_of(l, "/"), 0), 503);
        }
        for (int i = 0; i < 2; i++) {
            fails(1, 503, NULL);
            CHECK_EQ(ask(c, twice[i], url_of(l, "/"), 0), 200);
        }
    }
    HOB_CLIENT(c, .retries = 3, .retry_delay = 0.001, .retry_all = true);
    fails(1, 503, NULL);
    CHECK_EQ(ask(c, "POST", url_of(l, "/"), 0), 200);
    return stop(s, l);
}

TASK_TEST(retry_after_is_honoured) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, fail_first, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c, .retries = 1, .retry_delay = 0.001, .max_retry_delay = 5);
    fails(1, 429, "1");
    CHECK_EQ(ask(c, "GET", url_of(l, "/"), 0), 200);
    CHECK(flaky.times[1] - flaky.times[0] >= 1000000000u);
    static const char *const now[] = {"0", "Sun, 06 Nov 1994 08:49:37 GMT", "nonsense", "-1", ""};
    for (int i = 0; i < 5; i++) {
        fails(1, 429, now[i]);
        CHECK_EQ(ask(c, "GET", url_of(l, "/"), 0), 200);
    }
    static const char *const late[] = {"6", "99999999999999999999",
                                       "Sun, 06 Nov 2094 08:49:37 GMT"};
    for (int i = 0; i < 3; i++) { /* more than it waits: the caller may */
        uint64_t began = hob_now();
        fails(1, 429, late[i]);
        CHECK_EQ(ask(c, "GET", url_of(l, "/"), 0), 429);
        CHECK(hob_now() - began < 5000000000u);
    }
    return stop(s, l);
}

TASK_TEST(never_longer_than_the_request_may_take) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, fail_first, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c, .retries = 3, .retry_delay = 100, .max_retry_delay = 100, .timeout = 40);
    uint64_t began = hob_now();
    fails(1, 503, NULL);
    CHECK_EQ(ask(c, "GET", url_of(l, "/"), 0), 503);
    CHECK(hob_now() - began < 30000000000u);
    return stop(s, l);
}

TASK_TEST(connections_that_end_without_an_answer) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    struct script good = {{{"\r\n\r\n", OK_HEAD "8\r\n\r\nat last\n", 0, 0}, {0}}, NULL, 0};
    struct script second = {{{"\r\n\r\n", "HTTP/1.1 200 OK\r\nConte", 0, 0}, {0}}, &good, 0};
    struct script first = {{{"\r\n\r\n", "", 0, 0}, {0}}, &second, 0};
    hob_spawn(s, follow_script, l, &first);
    HOB_CLIENT(c, .retries = 2, .retry_delay = 0.001);
    CHECK_EQ(ask(c, "GET", url_of(l, "/"), 0), 200);
    CHECK_EQ(first.connections, 3);
    struct hob_listener *none = listening();
    const char *url = url_of(none, "/");
    hob_listener_close(none);
    struct hob_client_info before, info;
    hob_client_info(c, &before);
    CHECK_EQ(ask(c, "GET", url, 0), -ECONNREFUSED);
    hob_client_info(c, &info);
    CHECK_EQ(info.retried - before.retried, 2);
    CHECK_EQ(info.in_use, 0);
    return stop(s, l);
}

static ssize_t piece(void *arg, void *buf, size_t n) {
    int *left = arg;
    (void)n;
    return (*left)-- > 0 ? (memcpy(buf, "x", 1), 1) : 0;
}

TASK_TEST(a_body_that_is_gone_is_not_sent_again) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, fail_first, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c, .retries = 3, .retry_delay = 0.001);
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    int left = 3;
    fails(1, 503, NULL);
    CHECK_EQ(hob_client_request(c, "PUT", url_of(l, "/"), &res, .read_body = piece, .arg = &left),
             0);
    CHECK_EQ(hob_response_status(res), 503);
    CHECK_EQ(flaky.asked, 1);
    return stop(s, l);
}

TASK_TEST(a_host_that_is_down_is_asked_little_more) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, fail_first, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c, .retries = 5, .retry_delay = 0.0001);
    fails(1000000, 503, NULL);
    for (int i = 0; i < 100; i++) CHECK_EQ(ask(c, "GET", url_of(l, "/"), 0), 503);
    /* Ten, one for every five of the hundred, and some for the retries themselves. */
    CHECK(flaky.asked >= 100 + 10 + 20 && flaky.asked <= 100 + 10 + 20 + 10);
    return stop(s, l);
}

TASK_TEST(a_cancel_between_two_tries) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    struct hob_client_info info;
    hob_spawn(s, hob_http_serve, l, fail_first, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c, .retries = 3, .retry_delay = 1000, .max_retry_delay = 1000);
    fails(1, 503, NULL);
    struct hob_task *t = hob_spawn(s, ask, c, "GET", url_of(l, "/"), 0);
    do {
        CHECK_EQ(hob_sleep(0.001), 0);
        hob_client_info(c, &info);
    } while (info.idle < 1); /* the answer was read */
    CHECK_EQ(flaky.asked, 1);
    hob_cancel(t);
    CHECK_EQ(hob_await(t), -ECANCELED);
    hob_client_info(c, &info);
    CHECK_EQ(info.in_use, 0);
    CHECK_EQ(info.idle, 1);
    CHECK_EQ(ask(c, "GET", url_of(l, "/"), 0), 200);
    return stop(s, l);
}

/* ---- rates ---- */

TASK_TEST(a_rate_holds) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, fail_first, NULL, (struct hob_http_options){0});
    for (unsigned burst = 1; burst <= 4; burst += 3) {
        HOB_CLIENT(c, .rate = 100, .burst = burst);
        fails(0, 0, NULL);
        uint64_t began = hob_now();
        {
            HOB_SCOPE(many);
            for (int i = 0; i < 12; i++) hob_spawn(many, ask, c, "GET", url_of(l, "/"), 0);
            CHECK_EQ(hob_join(many), 0);
        }
        /* The i-th may come i - burst hundredths of a second after the first, not before. */
        for (unsigned i = burst; i < 12; i++)
            CHECK(flaky.times[i] - began >= (i - burst + 1) * 10000000ull);
        CHECK_EQ(ask(c, "GET", url_of(l, "/"), 0), 200);
        CHECK(flaky.times[12] - began >= (12 - burst + 1) * 10000000ull);
    }
    return stop(s, l);
}

TASK_TEST(a_rate_is_remembered_without_connections_and_is_of_each_host) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening(), *other = listening();
    hob_spawn(s, hob_http_serve, l, fail_first, NULL, (struct hob_http_options){0});
    hob_spawn(s, hob_http_serve, other, fail_first, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c, .rate = 20, .idle_timeout = -1);
    fails(0, 0, NULL);
    uint64_t began = hob_now();
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(ask(c, "GET", url_of(l, "/"), 0), 200);
        CHECK_EQ(ask(c, "GET", url_of(other, "/"), 0), 200);
    }
    uint64_t took = hob_now() - began;
    CHECK(took >= 150000000u); /* three times 50 ms; together they would take seven */
    hob_listener_close(other);
    return stop(s, l);
}

TASK_TEST(a_cancelled_turn_goes_to_the_others) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, fail_first, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c, .rate = 0.01); /* one in 100 seconds */
    struct hob_client_info info;
    fails(0, 0, NULL);
    CHECK_EQ(ask(c, "GET", url_of(l, "/"), 0), 200);
    for (int i = 0; i < 20; i++)
        CHECK_EQ(hob_within(0.001, ask(c, "GET", url_of(l, "/"), 0)), -ETIMEDOUT);
    CHECK_EQ(flaky.asked, 1);
    hob_client_info(c, &info);
    CHECK_EQ(info.in_use, 0);
    CHECK_EQ(info.waiting, 0);
    struct hob_response *res = NULL;
    CHECK_EQ(hob_client_request(c, "GET", url_of(l, "/"), &res, .timeout = 0.01), -ETIMEDOUT);
    CHECK_HAS(hob_error()->message, "its turn came");
    return stop(s, l);
}

/* ---- times ---- */

TASK_TEST(time_for_the_first_byte_and_for_a_connection) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    struct script hangs = {{{"\r\n\r\n", "", 0, -1}, {0}}, NULL, 0};
    hob_spawn(s, follow_script, l, &hangs);
    {
        HOB_CLIENT(c, .first_byte_timeout = 0.05);
        CHECK_EQ(ask(c, "GET", url_of(l, "/"), 0), -ETIMEDOUT);
        CHECK_HAS(hob_error()->message, "the server sent nothing for 0.05 s");
    }
    struct hob_listener *slow = listening();
    hob_spawn(s, hob_http_serve, slow, count, NULL, (struct hob_http_options){0});
    {
        HOB_CLIENT(c, .max_connections = 1, .pool_timeout = 0.05);
        hob_spawn(s, ask, c, "GET", url_of(slow, "/hang"), 0);
        HOB_TRY(hob_yield_now());
        CHECK_EQ(ask(c, "GET", url_of(slow, "/"), 0), -ETIMEDOUT);
        CHECK_HAS(hob_error()->message, "connections became free");
        hob_scope_cancel(s);
        CHECK_EQ(hob_shielded(hob_join(s)), 0);
    }
    hob_listener_close(slow);
    hob_listener_close(l);
    return 0;
}

TEST_MAIN()
