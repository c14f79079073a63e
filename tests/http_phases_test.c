/* http_phases_test.c - where a request's time goes: that the phases add up, that each wait is in
 * its own, that a request that failed has a record too. */
#include "http_count.h"

#include <hob/http_trace.h>

static double sum(const struct hob_phases *p) {
    return p->before + p->pool + p->dns + p->connect + p->tunnel + p->tls + p->send + p->wait +
           p->body;
}

static void adds_up(const struct hob_phases *p) {
    CHECK(fabs(sum(p) - p->total) < 1e-6);
    CHECK(p->total >= 0);
}

static int stop(struct hob_scope *s, struct hob_listener *l) {
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

static int ask(struct hob_client *c, const char *url, struct hob_phases *p, int retries) {
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    const char *data;
    HOB_TRY(hob_client_request(c, "GET", url, &res, .phases = p, .retries = retries));
    int rc = hob_response_body(res, &data, NULL);
    hob_response_phases(res, p);
    return rc < 0 ? rc : hob_response_status(res);
}

static int ask_at(struct hob_client *c, const char *url, struct hob_phases *p) {
    return ask(c, url, p, 0);
}
HOB_TASK(ask_at, struct hob_client *, const char *, struct hob_phases *)

TASK_TEST(a_new_connection_and_a_kept_one) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, count, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c);
    struct hob_phases p;
    CHECK_EQ(ask(c, url_of(l, "/slow"), &p, 0), 200);
    adds_up(&p);
    CHECK(p.connect > 0 && p.send > 0 && p.wait >= 0.02);
    CHECK(p.tls == 0 && p.tunnel == 0 && p.before == 0);
    CHECK_EQ(p.exchanges, 1);
    CHECK(!p.reused);
    CHECK_STR(p.peer, hob_listener_address(l));
    CHECK_STR(p.protocol, "HTTP/1.1");
    CHECK_EQ(ask(c, url_of(l, "/slow"), &p, 0), 200);
    adds_up(&p);
    CHECK(p.connect == 0 && p.dns == 0 && p.wait >= 0.02);
    CHECK(p.reused);
    CHECK_STR(p.peer, hob_listener_address(l));
    return stop(s, l);
}

TASK_TEST(the_wait_for_a_connection) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, count, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c, .max_connections = 1);
    struct hob_phases p[3];
    {
        HOB_SCOPE(three);
        for (int i = 0; i < 3; i++) hob_spawn(three, ask_at, c, url_of(l, "/slow"), &p[i]);
        CHECK_EQ(hob_join(three), 0);
    }
    for (int i = 0; i < 3; i++) {
        adds_up(&p[i]);
        CHECK(p[i].pool >= 0.02 * i * 0.99);
    }
    CHECK(p[2].total >= 0.059);
    return stop(s, l);
}

TASK_TEST(a_body_that_comes_later) {
    static struct script script = {
        .steps = {{"\r\n\r\n", OK_HEAD "4\r\n\r\nab", 0, 0}, {"", "cd", 0, 0.5}, {"", "", 0, -1}}};
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    hob_spawn(s, follow_script, l, &script);
    HOB_CLIENT(c);
    struct hob_phases p;
    {
        struct hob_response *res HOB_RESPONSE_GUARD = NULL;
        const char *data;
        CHECK_EQ(hob_client_request(c, "GET", url_of(l, "/"), &res, .phases = &p), 0);
        adds_up(&p);
        double head = p.total;
        CHECK_EQ(hob_response_body(res, &data, NULL), 0);
        hob_response_phases(res, &p);
        adds_up(&p);
        CHECK(p.body >= 0.4 && p.total >= head); /* half a second from when the head was sent */
        double whole = p.total;
        CHECK_EQ(hob_sleep(0.02), 0);
        hob_response_phases(res, &p);
        CHECK(p.total == whole); /* it is over */
    }
    return stop(s, l);
}

TASK_TEST(redirects_and_retries_are_before) {
    static struct script second = {
        .steps = {{"GET /there", OK_HEAD "2\r\n\r\nok", 0, 0}, {"", "", 0, -1}}};
    static struct script script = {
        .steps = {{"GET /",
                   "HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n"
                   "Connection: close\r\n\r\n",
                   0, 0.03}},
        .next = &second};
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    hob_spawn(s, follow_script, l, &script);
    HOB_CLIENT(c, .retry_delay = 0.05);
    struct hob_phases p;
    CHECK_EQ(ask(c, url_of(l, "/"), &p, 0), 200);
    adds_up(&p);
    CHECK_EQ(p.exchanges, 2);
    CHECK(p.before >= 0.03);
    CHECK_EQ(ask(c, "http://127.0.0.1:1/", &p, 2), -ECONNREFUSED);
    adds_up(&p);
    CHECK_EQ(p.exchanges, 3);
    CHECK(p.before >= 0.07); /* half of 0.05, half of 0.1 */
    return stop(s, l);
}

TASK_TEST(a_request_that_failed) {
    static struct script mute = {.steps = {{"", "", 0, -1}}};
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    hob_spawn(s, follow_script, l, &mute);
    HOB_CLIENT(c, .first_byte_timeout = 0.05);
    struct hob_phases p;
    CHECK_EQ(ask(c, url_of(l, "/"), &p, 0), -ETIMEDOUT);
    adds_up(&p);
    CHECK(p.wait >= 0.049 && p.body == 0);
    CHECK_STR(p.peer, hob_listener_address(l));
    CHECK_STR(p.protocol, "");
    HOB_CLIENT(patient);
    double all = 3; /* seconds; a slow connection may take most of it */
    CHECK_EQ(hob_within(all, ask(patient, url_of(l, "/"), &p, 0)), -ETIMEDOUT);
    adds_up(&p);
    CHECK(p.wait >= 0.02 && p.total >= all - 0.001);
    CHECK_EQ(ask(c, "http://127.0.0.1:1/", &p, 0), -ECONNREFUSED);
    adds_up(&p);
    CHECK(p.connect > 0 && p.send == 0 && p.wait == 0);
    CHECK_STR(p.peer, "");
    CHECK_EQ(ask(c, "http://nowhere.invalid/", &p, 0), HOB_E_NAME);
    adds_up(&p);
    CHECK(p.dns > 0 && p.connect == 0);
    CHECK_EQ(ask(c, "gopher://x/", &p, 0), HOB_E_URL);
    adds_up(&p);
    CHECK_EQ(p.exchanges, 0);
    return stop(s, l);
}

TEST_MAIN()
