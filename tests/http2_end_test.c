/* http2_end_test.c - the client and HTTP/2: requests that are cancelled or refused, connections
 * that end, and peers that say nothing. */
#include "http2_client.h"

/* ---- cancelled ---- */

/* The request runs for k turns of the loop and is then cancelled; the connection goes on. */
H2_TEST(cancel_at_every_wait, .max_connections = 2) {
    static char text[300000];
    memset(text, 'x', sizeof text);
    CHECK_EQ(get_text(c, url_of(l, "/"), NULL), 200);
    int cancelled = 0, k, through = 0;
    for (k = 0; k < 2000 && through < 3; k++) {
        HOB_SCOPE(one);
        p->delay = k % 2 ? 0.002 : 0;
        struct hob_task *t = hob_spawn(one, post_size, c, url_of(l, "/echo"), text, sizeof text);
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
        CHECK_EQ(facts(c).in_use, 0);
        p->delay = 0;
        CHECK_EQ(post_size(c, url_of(l, "/echo"), text, 4), 200);
        CHECK_EQ(facts(c).opened, 1);
    }
    CHECK(cancelled > 5);
    CHECK_EQ(through, 3);
    CHECK_EQ(p->connections, 1);
    CHECK(p->resets > 0);
    return 0;
}

/* The one that makes the connection is cancelled, and every other of those in line. */
static int slow_hello(struct peer_conn *c) {
    HOB_TRY(hob_sleep(0.02));
    return send_frame(c, F_SETTINGS, 0, 0, NULL, 0);
}
H2_TEST(cancelled_waiters_lose_no_slot, .max_connections = 4) {
    p->hello = slow_hello;
    p->delay = 0.001;
    for (int round = 0; round < 5; round++) {
        static int results[40];
        struct hob_task *t[40];
        HOB_SCOPE(some, .on_error = HOB_COLLECT);
        for (int i = 0; i < 40; i++)
            t[i] = hob_spawn(some, get_into, c, url_of(l, "/"), &results[i]);
        for (int i = 0; i < round; i++) CHECK_EQ(hob_yield_now(), 0);
        for (int i = 0; i < 40; i += 2) hob_cancel(t[i]);
        CHECK_EQ(hob_join(some), 0);
        for (int i = 1; i < 40; i += 2) CHECK_EQ(results[i], 200);
        CHECK_EQ(facts(c).in_use, 0);
        CHECK_EQ(facts(c).waiting, 0);
    }
    return 0;
}

/* ---- the end of connections ---- */

static int leaves_at;
static int goes_away(struct peer_conn *c, uint32_t stream, const char *path) {
    (void)path;
    if (c->number > 1) return 0;
    if ((int)stream < leaves_at) return 0;
    if ((int)stream == leaves_at) HOB_TRY(send_goaway(c, stream - 2, 0));
    return 1; /* this one, and those behind it, are not looked at */
}

/* As nginx with a small keepalive_requests: three on each connection. */
static int three_each(struct peer_conn *c, uint32_t stream, const char *path) {
    (void)path;
    if (stream < 7) return 0;
    if (stream == 7) HOB_TRY(send_goaway(c, 5, 0));
    return 1;
}

/* Forty at once need fourteen connections; nobody gives up, POSTs neither. */
H2_TEST(a_server_that_serves_few_requests_on_a_connection) {
    static int results[30];
    struct hob_task *posts[10];
    p->request = three_each;
    HOB_SCOPE(s);
    for (int i = 0; i < 30; i++) hob_spawn(s, get_into, c, url_of(l, "/"), &results[i]);
    for (int i = 0; i < 10; i++)
        posts[i] = hob_spawn(s, post_size, c, url_of(l, "/echo"), "123", 3);
    CHECK_EQ(hob_join(s), 0);
    for (int i = 0; i < 30; i++) CHECK_EQ(results[i], 200);
    for (int i = 0; i < 10; i++) CHECK_EQ(hob_task_result(posts[i]), 200);
    CHECK(p->connections >= 14);
    CHECK_EQ(p->answered, 40);
    CHECK_EQ(facts(c).in_use, 0);
    return 0;
}

static int none_at_all(struct peer_conn *c, uint32_t stream, const char *path) {
    (void)path;
    if (stream == 1) HOB_TRY(send_goaway(c, 0, 0));
    return 1;
}

/* One that serves nobody is soon left alone. */
H2_TEST(a_server_that_leaves_at_once) {
    int result = 0;
    p->request = none_at_all;
    get_into(c, url_of(l, "/"), &result);
    CHECK_EQ(result, HOB_E_HTTP2_REFUSED);
    CHECK_EQ(p->connections, 3);
    return 0;
}

/* Streams up to the last one end as ever; the others, POSTs too, go to a new connection. */
H2_TEST(goaway) {
    static int results[20];
    struct hob_task *posts[5];
    leaves_at = 15;
    p->request = goes_away;
    p->delay = 0.01;
    HOB_SCOPE(s);
    for (int i = 0; i < 20; i++) hob_spawn(s, get_into, c, url_of(l, "/"), &results[i]);
    for (int i = 0; i < 5; i++) posts[i] = hob_spawn(s, post_size, c, url_of(l, "/echo"), "123", 3);
    CHECK_EQ(hob_join(s), 0);
    for (int i = 0; i < 20; i++) CHECK_EQ(results[i], 200);
    for (int i = 0; i < 5; i++) CHECK_EQ(hob_task_result(posts[i]), 200);
    CHECK_EQ(p->connections, 2);
    CHECK_EQ(p->answered, 25);
    CHECK_EQ(facts(c).retried, 25 - 7);
    return 0;
}

static int refused_once;
static int refuses(struct peer_conn *c, uint32_t stream, const char *path) {
    if (strcmp(path, "/refuse") == 0 && refused_once++ < 2) {
        HOB_TRY(send_code(c, F_RST, stream, 7));
        return 1;
    }
    if (strcmp(path, "/always") == 0) {
        HOB_TRY(send_code(c, F_RST, stream, 7));
        return 1;
    }
    if (strcmp(path, "/calm") == 0) {
        HOB_TRY(send_code(c, F_RST, stream, 11));
        return 1;
    }
    if (strcmp(path, "/middle") == 0) {
        HOB_TRY(send_head(c, 0, stream, ":status: 200\n"));
        HOB_TRY(send_frame(c, F_DATA, 0, stream, "begin", 5));
        HOB_TRY(send_code(c, F_RST, stream, 2));
        return 1;
    }
    return 0;
}

H2_TEST(resets) {
    struct hob_body body;
    p->request = refuses;
    CHECK_EQ(hob_post(c, url_of(l, "/refuse"), "a/b", "x", 1, &body), 200);
    hob_body_free(&body);
    CHECK_EQ(refused_once, 3);
    CHECK_EQ(hob_get(c, url_of(l, "/always"), &body), HOB_E_HTTP2_REFUSED);
    CHECK_EQ(hob_get(c, url_of(l, "/calm"), &body), HOB_E_HTTP2_RESET);
    CHECK_HAS(hob_error()->message, "reset the stream (ENHANCE_YOUR_CALM)");
    struct hob_response *res;
    char buf[100];
    CHECK_EQ(hob_client_request(c, "GET", url_of(l, "/middle"), &res), 0);
    ssize_t n = hob_response_read(res, buf, sizeof buf);
    CHECK(n == 5 || n == HOB_E_HTTP2_RESET);
    CHECK_EQ(hob_response_read(res, buf, sizeof buf), HOB_E_HTTP2_RESET);
    CHECK_EQ(hob_response_read(res, buf, sizeof buf), HOB_E_HTTP2_RESET);
    hob_response_close(res);
    CHECK_EQ(get_text(c, url_of(l, "/b"), "/b 0\n"), 200);
    CHECK_EQ(p->connections, 1);
    return 0;
}

/* An answer before all of the request: what it says counts (RFC 9113, 8.1). */
static int early(struct peer_conn *c, struct frame *f) {
    if (f->type == F_HEADERS) {
        unpack_head(c, f);
        HOB_TRY(send_head(c, END_STREAM, f->stream, ":status: 413\n"));
        HOB_TRY(send_code(c, F_RST, f->stream, 0));
        return 1;
    }
    return f->type == F_DATA;
}
/* The same with an answer that takes its time, and nothing of the body is read. */
static int refuses_early(struct peer_conn *c, struct frame *f) {
    if (f->type != F_HEADERS) return f->type == F_DATA;
    unpack_head(c, f);
    HOB_TRY(send_head(c, 0, f->stream, ":status: 403\n"));
    HOB_TRY(hob_sleep(0.02));
    HOB_TRY(send_frame(c, F_DATA, END_STREAM, f->stream, "no", 2));
    return 1;
}
H2_TEST(an_answer_before_the_body_was_sent) {
    static char text[300000];
    p->frame = early;
    struct hob_body body;
    CHECK_EQ(hob_post(c, url_of(l, "/"), "a/b", text, sizeof text, &body), 413);
    hob_body_free(&body);
    p->frame = refuses_early;
    CHECK_EQ(hob_post(c, url_of(l, "/"), "a/b", text, sizeof text, &body), 403);
    CHECK_STR(body.data, "no");
    hob_body_free(&body);
    p->frame = NULL;
    CHECK_EQ(get_text(c, url_of(l, "/b"), "/b 0\n"), 200);
    CHECK_EQ(p->connections, 1);
    return 0;
}

/* The peer's answer is cut off behind each of its bytes. */
static size_t cut_at, answer_size;
static int cut(struct peer_conn *c) {
    unsigned char buf[400], setting[6] = {0, 3, 0, 0, 0, 100};
    size_t n = put_frame(buf, F_SETTINGS, 0, 0, setting, 6);
    n += put_frame(buf + n, F_SETTINGS, ACK, 0, NULL, 0);
    n += put_head(buf + n, 0, 1, ":status: 200\nx-a: b\n");
    n += put_frame(buf + n, F_DATA, 0, 1, "hello", 5);
    n += put_frame(buf + n, F_DATA, END_STREAM, 1, "world", 5);
    answer_size = n;
    struct frame *f = malloc(sizeof *f);
    for (int rc = 1; rc == 1 && (rc = read_frame(c->s, f)) == 1;)
        if (f->type == F_HEADERS) break;
    free(f);
    HOB_TRY(send_bytes(c, buf, cut_at));
    return -1;
}
H2_TEST(closed_behind_every_byte) {
    p->hello = cut;
    int codes = 0;
    for (cut_at = 0; cut_at == 0 || cut_at < answer_size; cut_at++) {
        struct hob_body body;
        int rc = hob_get(c, url_of(l, "/"), &body);
        if (rc != HOB_E_HTTP_CUT && rc != -ECONNRESET) FAIL("cut at %zu: %d", cut_at, rc);
        codes += rc == HOB_E_HTTP_CUT;
        CHECK_EQ(facts(c).in_use, 0);
    }
    CHECK(codes > 0);
    return 0;
}

static int leaves_idle(struct peer_conn *c, uint32_t stream, const char *path) {
    HOB_TRY(answer(c, stream));
    c->peer->open++; /* answer() has counted it */
    c->open++;
    return strcmp(path, "/leave") == 0 ? -1 : 1;
}
H2_TEST(a_connection_that_ended_while_idle) {
    p->request = leaves_idle;
    for (int i = 0; i < 10; i++) {
        struct hob_body body;
        CHECK_EQ(get_text(c, url_of(l, "/leave"), NULL), 200);
        if (i % 2) CHECK_EQ(hob_sleep(0.005), 0);
        CHECK_EQ(hob_post(c, url_of(l, "/echo"), "a/b", "x", 1, &body), 200);
        hob_body_free(&body);
    }
    return 0;
}

H2_TEST(idle_connections_end, .idle_timeout = 0.02) {
    CHECK_EQ(get_text(c, url_of(l, "/"), NULL), 200);
    CHECK_EQ(facts(c).idle, 1);
    CHECK_EQ(hob_sleep(0.2), 0);
    CHECK_EQ(facts(c).idle, 0);
    CHECK_EQ(get_text(c, url_of(l, "/"), NULL), 200);
    CHECK_EQ(facts(c).opened, 2);
    return 0;
}

H2_TEST(one_request_each, .idle_timeout = -1) {
    for (int i = 0; i < 3; i++) CHECK_EQ(get_text(c, url_of(l, "/"), "/ 0\n"), 200);
    CHECK_EQ(facts(c).opened, 3);
    CHECK_EQ(facts(c).idle, 0);
    return 0;
}

/* ---- time ---- */

static int says_nothing(struct peer_conn *c, uint32_t stream, const char *path) {
    (void)c, (void)stream;
    return strcmp(path, "/never") == 0;
}
H2_TEST(times, .first_byte_timeout = patient(0.2)) {
    struct hob_body body;
    char said[80];
    p->request = says_nothing;
    CHECK_EQ(hob_get(c, url_of(l, "/never"), &body), -ETIMEDOUT);
    snprintf(said, sizeof said, "the server sent nothing for %g s", patient(0.2));
    CHECK_HAS(hob_error()->message, said);
    struct hob_response *res;
    CHECK_EQ(hob_client_request(c, "GET", url_of(l, "/never"), &res, .timeout = 0.02), -ETIMEDOUT);
    CHECK_HAS(hob_error()->message, "not complete within 0.02 s");
    CHECK_EQ(hob_within(0.02, hob_get(c, url_of(l, "/never"), &body)), -ETIMEDOUT);
    p->request = NULL;
    HOB_CLIENT(other, .http2_prior_knowledge = true);
    CHECK_EQ(get_text(other, url_of(l, "/"), NULL), 200);
    return 0;
}

/* A window of nothing, for ever. */
static int no_window(struct peer_conn *c) {
    unsigned char setting[6] = {0, 4, 0, 0, 0, 0};
    return send_frame(c, F_SETTINGS, 0, 0, setting, 6);
}
H2_TEST(a_window_that_never_opens, .stall_timeout = patient(1)) {
    struct hob_body body;
    p->hello = no_window;
    CHECK_EQ(get_text(c, url_of(l, "/"), NULL), 200);
    CHECK_EQ(hob_post(c, url_of(l, "/echo"), "a/b", "x", 1, &body), -ETIMEDOUT);
    CHECK_EQ(get_text(c, url_of(l, "/"), NULL), 200);
    CHECK_EQ(p->connections, 1); /* it answers pings */
    CHECK(p->pings > 0);
    return 0;
}

/* A peer that does not even answer pings: its connection ends, and all that wait with it. */
static int deaf;
static int hears_nothing(struct peer_conn *c, struct frame *f) {
    (void)c, (void)f;
    return deaf;
}
H2_TEST(a_peer_that_is_gone, .stall_timeout = patient(1), .first_byte_timeout = 30) {
    struct hob_body body;
    p->frame = hears_nothing;
    CHECK_EQ(get_text(c, url_of(l, "/"), NULL), 200);
    deaf = 1;
    CHECK_EQ(hob_get(c, url_of(l, "/"), &body), -ETIMEDOUT);
    deaf = 0;
    CHECK_EQ(get_text(c, url_of(l, "/"), NULL), 200);
    CHECK_EQ(facts(c).opened, 2);
    return 0;
}

/* The client closes while answers are on their way: nothing is left. */
TASK_TEST(closed_with_answers_open) {
    static struct peer peer = {.delay = 0.01};
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    hob_spawn(s, run_peer, l, &peer);
    struct hob_client *c;
    struct hob_response *res[5];
    CHECK_EQ(hob_client_open(&c, .http2_prior_knowledge = true), 0);
    for (int i = 0; i < 5; i++) CHECK_EQ(hob_client_request(c, "GET", url_of(l, "/"), &res[i]), 0);
    hob_client_close(c);
    for (int i = 0; i < 5; i++) {
        const char *data;
        CHECK_EQ(hob_response_body(res[i], &data, NULL), 0);
        hob_response_close(res[i]);
    }
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

TEST_MAIN()
