/* http2_server_test.c - the server and HTTP/2, with the client of this house. */
#include "http2_server.h"

SERVER_TEST(requests_as_the_handler_sees_them) {
    struct hob_response *res;
    CHECK_EQ(hob_client_request(c, "GET", url_of(l, "/a%20b?c=d"), &res,
                                .headers = HOB_HEADERS({"Cookie", "a=b"})),
             0);
    CHECK_EQ(hob_response_version(res), 20);
    CHECK_STR(hob_response_header(res, "server"), "hob");
    CHECK(hob_response_header(res, "date") != NULL);
    CHECK_STR(hob_response_header(res, "content-length"), "10");
    hob_response_close(res);
    char want[256];
    snprintf(want, sizeof want, "GET /a%%20b?c=d http host=%s cookie=a=b v=20 size=0 %s",
             hob_listener_address(l), hob_listener_address(l));
    CHECK_STR(seen.head, want);
    CHECK_EQ(get(c, url_of(l, "/none")), 204);
    CHECK_EQ(get(c, url_of(l, "/early")), 200);
    CHECK_EQ(hob_client_request(c, "HEAD", url_of(l, "/x"), &res), 0);
    CHECK_STR(hob_response_header(res, "content-length"), "2");
    hob_response_close(res);
    CHECK_EQ(counters.accepted, 1);
    CHECK_EQ(counters.requests, 4);
    CHECK_EQ(counters.answers[1], 4);
    CHECK_EQ(counters.in_flight, 0);
    CHECK(counters.received > 100 && counters.received < 4000);
    CHECK(counters.sent > 100 && counters.sent < 4000);
    uint64_t measured = 0;
    for (int i = 0; i < HOB_HTTP_BUCKETS; i++) measured += counters.durations[i];
    CHECK_EQ(measured, 4);
    return 0;
}

SERVER_TEST(many_at_once) {
    static int results[90];
    HOB_SCOPE(some);
    for (int i = 0; i < 90; i++) hob_spawn(some, get_into, c, url_of(l, "/until/90"), &results[i]);
    CHECK_EQ(hob_join(some), 0);
    for (int i = 0; i < 90; i++) CHECK_EQ(results[i], 200);
    CHECK_EQ(seen.most, 90);
    CHECK_EQ(counters.accepted, 1);
    return 0;
}

SERVER_TEST(bodies_both_ways) {
    static char data[1000000];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (char)(i * 7);
    static const size_t sizes[] = {1, 100, 16384, 65535, 65536, 300000, 1000000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        CHECK_EQ(echo(c, url_of(l, "/echo"), data, sizes[i]), 200);
    HOB_SCOPE(some);
    for (int i = 0; i < 20; i++) hob_spawn(some, echo, c, url_of(l, "/echo"), data, 200000u);
    CHECK(hob_join(some) >= 0);
    struct hob_response *res;
    const char *text;
    size_t n;
    CHECK_EQ(hob_client_request(c, "GET", url_of(l, "/stream"), &res), 0);
    CHECK_EQ(hob_response_size(res), -1);
    CHECK_EQ(hob_response_body(res, &text, &n), 0);
    CHECK_EQ(n, 3000000);
    CHECK_STR(hob_response_trailer(res, "x-trailer"), "last");
    hob_response_close(res);
    CHECK_EQ(counters.accepted, 1);
    return 0;
}

/* A small body is taken at once: no handler meets another one. */
SERVER_TEST(small_answers_do_not_wait) {
    static int results[90];
    for (int round = 0; round < 3; round++) {
        HOB_SCOPE(some);
        for (int i = 0; i < 90; i++) hob_spawn(some, get_into, c, url_of(l, "/b"), &results[i]);
        CHECK_EQ(hob_join(some), 0);
        for (int i = 0; i < 90; i++) CHECK_EQ(results[i], 200);
        CHECK_EQ(seen.most, 1);
    }
    CHECK_EQ(counters.accepted, 1);
    return 0;
}

/* Few fields, as many as have room on the stack, and more. */
SERVER_TEST(fields_of_answers) {
    static const int counts[] = {8, 9, 19, 20, 21, 24, 40, 72};
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        struct hob_response *res;
        char url[100], name[32], value[32];
        snprintf(url, sizeof url, "%s%d", url_of(l, "/fields/"), counts[k]);
        CHECK_EQ(hob_client_request(c, "GET", url, &res), 0);
        CHECK_STR(hob_response_header(res, "x-upper"), "spaces around");
        CHECK_STR(hob_response_header(res, "x-empty"), "");
        CHECK_STR(hob_response_header(res, "server"), "mine");
        CHECK_STR(hob_response_header(res, "date"), "never");
        CHECK_STR(hob_response_header(res, "content-length"), "1");
        CHECK(!hob_response_header(res, "keep-alive"));
        CHECK(!hob_response_header(res, "upgrade"));
        CHECK(!hob_response_header(res, "connection"));
        CHECK(!hob_response_header(res, "te"));
        for (int i = 8; i < counts[k]; i++) {
            snprintf(name, sizeof name, "x-number-%d", i);
            snprintf(value, sizeof value, "Number-%d", i);
            CHECK_STR(hob_response_header(res, name), value);
        }
        hob_response_close(res);
    }
    return 0;
}

/* An answer that nobody reads holds its handler, and nobody else. */
SERVER_TEST(an_answer_waits_for_its_reader) {
    struct hob_response *res;
    CHECK_EQ(hob_client_request(c, "GET", url_of(l, "/stream"), &res), 0);
    CHECK_EQ(hob_sleep(0.05), 0);
    CHECK_EQ(seen.active, 1);
    for (int i = 0; i < 20; i++) CHECK_EQ(get(c, url_of(l, "/b")), 200);
    CHECK_EQ(seen.active, 1);
    hob_response_close(res);
    CHECK_EQ(get(c, url_of(l, "/b")), 200);
    CHECK_EQ(hob_sleep(0.02), 0);
    CHECK_EQ(seen.active, 0);
    CHECK_EQ(counters.accepted, 1);
    return 0;
}

SERVER_TEST(a_handler_that_fails_fails_alone) {
    struct hob_body body;
    CHECK_EQ(get(c, url_of(l, "/fails")), 500);
    CHECK_EQ(hob_get(c, url_of(l, "/half"), &body), HOB_E_HTTP2_RESET);
    CHECK_EQ(get(c, url_of(l, "/b")), 200);
    CHECK_EQ(counters.accepted, 1);
    CHECK_EQ(counters.failed, 2);
    return 0;
}

SERVER_TEST(limits, .max_body = 1000, .max_headers = 20, .max_header_line = 200) {
    static char data[5000], name[20][8];
    struct hob_header headers[24] = {{NULL, NULL}};
    struct hob_response *res;
    memset(data, 'x', sizeof data - 1);
    CHECK_EQ(echo(c, url_of(l, "/echo"), data, 1000), 200);
    CHECK_EQ(echo(c, url_of(l, "/echo"), data, 4000), 413);
    for (int i = 0; i < 20; i++) {
        snprintf(name[i], 8, "x-%d", i);
        headers[i] = (struct hob_header){name[i], "y"};
    }
    CHECK_EQ(hob_client_request(c, "GET", url_of(l, "/a"), &res, .headers = headers), 0);
    CHECK_EQ(hob_response_status(res), 431);
    hob_response_close(res);
    data[300] = 0;
    CHECK_EQ(hob_client_request(c, "GET", url_of(l, "/a"), &res,
                                .headers = HOB_HEADERS({"x-long", data})),
             0);
    CHECK_EQ(hob_response_status(res), 431);
    hob_response_close(res);
    CHECK_EQ(get(c, url_of(l, "/b")), 200);
    CHECK_EQ(counters.accepted, 1);
    CHECK_EQ(counters.refused, 3);
    return 0;
}

SERVER_TEST(max_requests, .max_requests = 3) {
    for (int i = 0; i < 9; i++) CHECK_EQ(get(c, url_of(l, "/b")), 200);
    CHECK_EQ(counters.accepted, 3);
    return 0;
}

/* The last one of a connection goes out, too, when nothing comes behind its head. */
SERVER_TEST(last_answers_without_bodies, .max_requests = 3) {
    for (int i = 0; i < 9; i++) CHECK_EQ(get(c, url_of(l, "/none")), 204);
    CHECK_EQ(counters.accepted, 3);
    return 0;
}

SERVER_TEST(http1_on_the_same_port) {
    HOB_CLIENT(old);
    struct hob_response *res;
    CHECK_EQ(hob_client_request(old, "GET", url_of(l, "/b"), &res), 0);
    CHECK_EQ(hob_response_version(res), 11);
    hob_response_close(res);
    CHECK_EQ(get(c, url_of(l, "/b")), 200);
    return 0;
}

/* A request that asks for another protocol is one of HTTP/1.1. */
SERVER_TEST(an_upgrade_is_http1) {
    struct hob_response *res;
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(get(c, url_of(l, "/b")), 200);
        CHECK_EQ(hob_client_request(
                     c, "GET", url_of(l, "/b"), &res,
                     .headers = HOB_HEADERS({"Connection", "upgrade"}, {"Upgrade", "websocket"})),
                 0);
        CHECK_EQ(hob_response_version(res), 11);
        hob_response_close(res);
    }
    CHECK_EQ(counters.accepted, 2);
    return 0;
}

SERVER_TEST(http1_alone, .no_http2 = true) {
    struct hob_body body;
    CHECK(hob_get(c, url_of(l, "/b"), &body) < 0);
    return 0;
}

/* ---- ends ---- */

SERVER_TEST(a_client_that_leaves_cancels_its_handler) {
    struct {
        const char *path;
        int cancelled, done;
    } then[] = {{"/hang", 1, 0}, {"/keep", 1, 1}};
    for (int i = 0; i < 2; i++) {
        HOB_SCOPE(some);
        int result;
        hob_spawn(some, get_into, c, url_of(l, then[i].path), &result);
        await_active(1);
        hob_scope_cancel(some);
        hob_join(some);
        await_active(0);
        CHECK_EQ(seen.cancelled, then[i].cancelled);
        CHECK_EQ(seen.done, then[i].done);
        CHECK_EQ(counters.left, 1);
    }
    CHECK_EQ(get(c, url_of(l, "/b")), 200);
    CHECK_EQ(counters.accepted, 1);
    {
        HOB_CLIENT(other, .http2_prior_knowledge = true);
        HOB_SCOPE(some);
        int result;
        hob_spawn(some, get_into, other, url_of(l, "/hang"), &result);
        await_active(1);
        hob_scope_cancel(some);
        hob_join(some);
    }
    await_active(0);
    return 0;
}

SERVER_TEST(cancel_at_every_wait) {
    static char text[200000];
    memset(text, 'x', sizeof text);
    int cancelled = 0, through = 0;
    for (int k = 0; k < 2000 && through < 3; k++) {
        HOB_SCOPE(one);
        struct hob_task *t = hob_spawn(one, echo, c, url_of(l, "/echo"), text, sizeof text);
        for (int i = 0; i < k && !hob_task_done(t); i++) {
            CHECK_EQ(hob_yield_now(), 0);
            if (i % 8 == 7) CHECK_EQ(hob_sleep(0.0005), 0);
        }
        hob_cancel(t);
        hob_join(one);
        through += hob_task_result(t) == 200;
        cancelled += hob_task_result(t) != 200;
        CHECK_EQ(echo(c, url_of(l, "/echo"), text, 10), 200);
    }
    CHECK(cancelled > 5);
    CHECK_EQ(through, 3);
    CHECK_EQ(counters.accepted, 1);
    return 0;
}

/* A stop: what is in progress ends as ever, then the connection does; an idle one at once. */
TASK_TEST(stop) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    int result = 0;
    HOB_CLIENT(c, .http2_prior_knowledge = true);
    HOB_CLIENT(idle, .http2_prior_knowledge = true);
    HOB_SCOPE(clients);
    {
        HOB_SCOPE(server);
        hob_spawn(server, hob_http_serve, l, serve, NULL,
                  (struct hob_http_options){.counters = &counters});
        CHECK_EQ(get(idle, url_of(l, "/b")), 200);
        hob_spawn(clients, get_into, c, url_of(l, "/slow"), &result);
        CHECK_EQ(hob_sleep(0.005), 0);
        uint64_t began = hob_now();
        hob_stop(server, 20);
        CHECK_EQ(hob_join(server), 0);
        CHECK(hob_now() - began < 10 * UINT64_C(1000000000));
    }
    CHECK_EQ(hob_join(clients), 0);
    CHECK_EQ(result, 200);
    CHECK_EQ(counters.connections, 0);
    hob_listener_close(l);
    return 0;
}

SERVER_TEST(idle_connections_end, .idle_timeout = 0.05) {
    CHECK_EQ(get(c, url_of(l, "/b")), 200);
    CHECK_EQ(counters.accepted, 1);
    for (int i = 0; i < 2000 && counters.connections; i++) CHECK_EQ(hob_sleep(0.005), 0);
    CHECK_EQ(counters.connections, 0);
    CHECK_EQ(counters.idle_timeouts, 1);
    CHECK_EQ(get(c, url_of(l, "/b")), 200);
    CHECK_EQ(get(c, url_of(l, "/slow")), 200);
    return 0;
}

TEST_MAIN()
