/* http2_test.c - the client and HTTP/2: connections that requests share, their limits and ends, and
 * peers that break the rules. */
#include "h2_peer.h"

static int get_text(struct hob_client *c, const char *url, const char *text) {
    struct hob_body body;
    int rc = hob_get(c, url, &body);
    if (rc == 200 && text) CHECK_STR(body.data, text);
    hob_body_free(&body);
    return rc;
}
static int get_into(struct hob_client *c, const char *url, int *result) {
    struct hob_body body;
    int rc = *result = hob_get(c, url, &body);
    hob_body_free(&body);
    return rc == -ECANCELED ? rc : 0;
}
HOB_TASK(get_into, struct hob_client *, const char *, int *)

static int post_size(struct hob_client *c, const char *url, const char *data, size_t n) {
    struct hob_body body;
    char want[64];
    int rc = hob_post(c, url, "text/plain", data, n, &body);
    snprintf(want, sizeof want, "/echo %zu\n", n);
    if (rc == 200) CHECK_STR(body.data, want);
    hob_body_free(&body);
    return rc;
}
HOB_TASK(post_size, struct hob_client *, const char *, const char *, size_t)

/* A test with a peer `p` at `l`, and a client `c`. */
#define H2_TEST(name, ...)                                                                         \
    static int body_##name(struct hob_listener *l, struct peer *p, struct hob_client *c);          \
    static int around_##name(struct hob_listener *l, struct peer *p) {                             \
        HOB_CLIENT(c, .http2_prior_knowledge = true, ##__VA_ARGS__);                               \
        HOB_TRY(body_##name(l, p, c));                                                             \
        struct hob_client_info info;                                                               \
        hob_client_info(c, &info);                                                                 \
        CHECK_EQ(info.in_use, 0);                                                                  \
        CHECK_EQ(info.waiting, 0);                                                                 \
        return 0;                                                                                  \
    }                                                                                              \
    static int task_##name(void) {                                                                 \
        static struct peer peer;                                                                   \
        HOB_SCOPE(s);                                                                              \
        struct hob_listener *l = listening();                                                      \
        hob_spawn(s, run_peer, l, &peer);                                                          \
        CHECK_EQ(around_##name(l, &peer), 0);                                                      \
        hob_scope_cancel(s);                                                                       \
        CHECK_EQ(hob_join(s), 0);                                                                  \
        hob_listener_close(l);                                                                     \
        return 0;                                                                                  \
    }                                                                                              \
    HOB_TASK(task_##name)                                                                          \
    TEST(name) {                                                                                   \
        hob__alloc_fail_at(0);                                                                     \
        int fds = count_fds();                                                                     \
        CHECK_EQ(hob_run(task_##name), 0);                                                         \
        hob_error_clear();                                                                         \
        CHECK_EQ(count_fds(), fds);                                                                \
        CHECK_EQ(hob__alloc_live(), 0);                                                            \
    }                                                                                              \
    static int body_##name(struct hob_listener *l __attribute__((unused)),                         \
                           struct peer *p __attribute__((unused)),                                 \
                           struct hob_client *c __attribute__((unused)))

static struct hob_client_info facts(struct hob_client *c) {
    struct hob_client_info info;
    hob_client_info(c, &info);
    return info;
}

H2_TEST(one_request) {
    struct hob_response *res;
    CHECK_EQ(hob_client_request(c, "GET", url_of(l, "/a?b=1"), &res,
                                .headers = HOB_HEADERS({"X-Upper", "Case"}, {"TE", "gzip"},
                                                       {"Connection", "x-none"})),
             0);
    const char *data;
    size_t n;
    CHECK_EQ(hob_response_status(res), 200);
    CHECK_EQ(hob_response_version(res), 20);
    CHECK_STR(hob_response_header(res, "Content-Type"), "text/plain");
    CHECK_EQ(hob_response_size(res), -1);
    CHECK_EQ(hob_response_body(res, &data, &n), 0);
    CHECK_STR(data, "/a?b=1 0\n");
    CHECK(!hob_response_reused(res));
    hob_response_close(res);
    CHECK_HAS(p->last, ":method: GET\n:scheme: http\n:path: /a?b=1\n:authority: 127.0.0.1:");
    CHECK_HAS(p->last, "\nx-upper: Case\n");
    CHECK_HAS(p->last, "\nuser-agent: hob/");
    CHECK(!strstr(p->last, "connection") && !strstr(p->last, "host") && !strstr(p->last, "te:"));
    return 0;
}

H2_TEST(requests_share_a_connection) {
    int results[60];
    p->delay = 0.02;
    HOB_SCOPE(s);
    for (int i = 0; i < 60; i++) hob_spawn(s, get_into, c, url_of(l, "/"), &results[i]);
    CHECK_EQ(hob_join(s), 0);
    for (int i = 0; i < 60; i++) CHECK_EQ(results[i], 200);
    CHECK_EQ(p->connections, 1);
    CHECK_EQ(p->requests, 60);
    CHECK_EQ(p->most, 60);
    CHECK_EQ(facts(c).opened, 1);
    CHECK_EQ(facts(c).reused, 59);
    CHECK_EQ(facts(c).idle, 1);
    return 0;
}

/* More than one connection allows: others are made, each as full as it may be. */
H2_TEST(the_peers_limit_makes_connections, .max_connections = 1000) {
    static int results[95];
    p->delay = 0.05;
    p->max_streams = 10;
    HOB_SCOPE(s);
    for (int i = 0; i < 95; i++) hob_spawn(s, get_into, c, url_of(l, "/"), &results[i]);
    CHECK_EQ(hob_join(s), 0);
    for (int i = 0; i < 95; i++) CHECK_EQ(results[i], 200);
    CHECK(p->connections <= 10);
    CHECK_EQ(p->requests, 95);
    CHECK_EQ(p->most_each, 10);
    CHECK_EQ(p->resets, 0);
    return 0;
}

H2_TEST(the_clients_limit_holds, .max_connections = 7) {
    static int results[50];
    p->delay = 0.005;
    HOB_SCOPE(s);
    for (int i = 0; i < 50; i++) hob_spawn(s, get_into, c, url_of(l, "/"), &results[i]);
    CHECK_EQ(hob_join(s), 0);
    for (int i = 0; i < 50; i++) CHECK_EQ(results[i], 200);
    CHECK_EQ(p->most, 7);
    CHECK_EQ(p->connections, 1);
    return 0;
}

H2_TEST(the_limit_per_host_holds, .max_per_host = 3) {
    static int results[30];
    p->delay = 0.005;
    HOB_SCOPE(s);
    for (int i = 0; i < 30; i++) hob_spawn(s, get_into, c, url_of(l, "/"), &results[i]);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(p->most, 3);
    CHECK_EQ(p->connections, 1);
    return 0;
}

static int counted;
static ssize_t pieces(void *arg, void *buf, size_t n) {
    int *left = arg;
    if (*left == 0) return 0;
    --*left;
    counted++;
    memset(buf, 'p', n < 1000 ? n : 1000);
    int rc = hob_sleep(0.001);
    return rc < 0 ? rc : 1000;
}

H2_TEST(bodies_go_up) {
    static char data[1000000];
    memset(data, 'x', sizeof data);
    static const size_t sizes[] = {1, 100, 16384, 16385, 65535, 65536, 300000, 1000000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        CHECK_EQ(post_size(c, url_of(l, "/echo"), data, sizes[i]), 200);
    struct hob_response *res;
    int left = 20;
    CHECK_EQ(
        hob_client_request(c, "POST", url_of(l, "/echo"), &res, .read_body = pieces, .arg = &left),
        0);
    const char *text;
    CHECK_EQ(hob_response_body(res, &text, NULL), 0);
    CHECK_STR(text, "/echo 20000\n");
    hob_response_close(res);
    CHECK_EQ(hob_client_request(c, "POST", url_of(l, "/echo"), &res), 0);
    CHECK_EQ(hob_response_body(res, &text, NULL), 0);
    CHECK_STR(text, "/echo 0\n");
    hob_response_close(res);
    CHECK_EQ(p->connections, 1);
    CHECK_EQ(p->resets, 0);
    return 0;
}

/* ---- bodies that come ---- */

static size_t allowed, sent_bytes;
static int pour(struct peer_conn *c, uint32_t stream, const char *path) {
    static char block[16000];
    size_t total = strtoul(path + 1, NULL, 10);
    (void)total;
    memset(block, 'd', sizeof block);
    HOB_TRY(send_head(c, 0, stream, ":status: 200\n"));
    sent_bytes = 0;
    while (sent_bytes < allowed) { /* as far as the window that the client has named */
        size_t n = allowed - sent_bytes < sizeof block ? allowed - sent_bytes : sizeof block;
        HOB_TRY(send_frame(c, F_DATA, 0, stream, block, n));
        sent_bytes += n;
    }
    return 1;
}
static uint32_t window_given;
static int continue_pouring(struct peer_conn *c, struct frame *f) {
    static char block[16000];
    if (f->type == F_SETTINGS && !(f->flags & ACK))
        for (uint32_t i = 0; i + 6 <= f->size; i += 6)
            if (f->bytes[i + 1] == 4) allowed = get_number(f->bytes + i + 2);
    if (f->type != F_WINDOW || f->stream == 0) return 0;
    uint32_t n = get_number(f->bytes);
    window_given += n;
    while (n > 0) {
        uint32_t part = n < sizeof block ? n : sizeof block;
        bool last = sent_bytes + part >= 3000000;
        if (last) part = 3000000 - (uint32_t)sent_bytes;
        HOB_TRY(send_frame(c, F_DATA, last ? END_STREAM : 0, f->stream, block, part));
        sent_bytes += part;
        n -= part;
        if (last) break;
    }
    return 1;
}

/* What nobody reads stops the peer at the window; reading lets it go on; others are not stopped. */
H2_TEST(an_answer_waits_for_its_reader) {
    struct hob_response *res;
    p->frame = continue_pouring;
    p->request = pour;
    CHECK_EQ(hob_client_request(c, "GET", url_of(l, "/3000000"), &res), 0);
    CHECK_EQ(allowed, 256 << 10);
    CHECK_EQ(hob_sleep(0.05), 0);
    CHECK_EQ(window_given, 0);
    p->request = NULL;
    for (int i = 0; i < 20; i++) CHECK_EQ(get_text(c, url_of(l, "/b"), "/b 0\n"), 200);
    CHECK_EQ(window_given, 0);
    static char buf[10000];
    size_t got = 0;
    for (ssize_t n; (n = hob_response_read(res, buf, sizeof buf)) != 0; got += (size_t)n)
        CHECK(n > 0);
    CHECK_EQ(got, 3000000);
    CHECK(window_given > 2000000);
    CHECK_EQ(hob_response_read(res, buf, sizeof buf), 0);
    hob_response_close(res);
    CHECK_EQ(p->connections, 1);
    return 0;
}

H2_TEST(an_answer_that_is_left_is_reset) {
    struct hob_response *res;
    p->frame = continue_pouring;
    p->request = pour;
    CHECK_EQ(hob_client_request(c, "GET", url_of(l, "/"), &res), 0);
    char few[10];
    CHECK_EQ(hob_response_read(res, few, 10), 10);
    hob_response_close(res);
    p->request = NULL;
    CHECK_EQ(get_text(c, url_of(l, "/b"), "/b 0\n"), 200);
    CHECK_EQ(p->connections, 1);
    CHECK(window_given == 0);
    CHECK_EQ(facts(c).in_use, 0);
    return 0;
}

static int special(struct peer_conn *c, uint32_t stream, const char *path) {
    if (strcmp(path, "/interim") == 0) {
        HOB_TRY(send_head(c, 0, stream, ":status: 103\nlink: </a>\n"));
        HOB_TRY(send_head(c, 0, stream, ":status: 100\n"));
        return 0;
    }
    if (strcmp(path, "/trailers") == 0) {
        HOB_TRY(send_head(c, 0, stream, ":status: 200\nx-first: 1\n"));
        HOB_TRY(send_frame(c, F_DATA, 0, stream, "body", 4));
        HOB_TRY(send_head(c, END_STREAM, stream, "x-last: 2\n"));
        return 1;
    }
    if (strcmp(path, "/head") == 0) {
        HOB_TRY(send_head(c, END_STREAM, stream, ":status: 200\ncontent-length: 123\n"));
        return 1;
    }
    if (strcmp(path, "/empty") == 0) {
        HOB_TRY(send_head(c, 0, stream, ":status: 200\n"));
        HOB_TRY(send_frame(c, F_DATA, 0, stream, "", 0));
        HOB_TRY(send_frame(c, F_DATA, END_STREAM, stream, "", 0));
        return 1;
    }
    if (strcmp(path, "/none") == 0) {
        HOB_TRY(send_head(c, END_STREAM, stream, ":status: 204\n"));
        return 1;
    }
    if (strncmp(path, "/to", 3) == 0) {
        HOB_TRY(send_head(c, END_STREAM, stream, ":status: 302\nlocation: /there\n"));
        return 1;
    }
    if (strcmp(path, "/cookie") == 0) {
        HOB_TRY(send_head(c, END_STREAM, stream, ":status: 200\nset-cookie: a=b\n"));
        return 1;
    }
    return 0;
}

H2_TEST(heads_and_ends_of_every_kind) {
    struct hob_response *res;
    const char *data;
    size_t n;
    p->request = special;
    CHECK_EQ(get_text(c, url_of(l, "/interim"), "/interim 0\n"), 200);
    CHECK_EQ(hob_client_request(c, "GET", url_of(l, "/trailers"), &res), 0);
    CHECK_EQ(hob_response_body(res, &data, &n), 0);
    CHECK_STR(data, "body");
    CHECK_EQ(hob_response_trailer_count(res), 1);
    CHECK_STR(hob_response_trailer(res, "X-Last"), "2");
    CHECK_STR(hob_response_header(res, "X-First"), "1");
    hob_response_close(res);
    CHECK_EQ(get_text(c, url_of(l, "/empty"), ""), 200);
    CHECK_EQ(get_text(c, url_of(l, "/none"), ""), 204);
    CHECK_EQ(get_text(c, url_of(l, "/to"), "/there 0\n"), 200);
    CHECK_EQ(get_text(c, url_of(l, "/cookie"), ""), 200);
    CHECK_EQ(get_text(c, url_of(l, "/after"), "/after 0\n"), 200);
    CHECK_HAS(p->last, "\ncookie: a=b\n");
    CHECK_EQ(hob_client_request(c, "HEAD", url_of(l, "/head"), &res), 0);
    CHECK_STR(hob_response_header(res, "content-length"), "123");
    CHECK_EQ(hob_response_body(res, &data, &n), 0);
    CHECK_EQ(n, 0);
    hob_response_close(res);
    CHECK_EQ(p->connections, 1);
    CHECK_EQ(p->resets, 0);
    return 0;
}

/* The body is sent when the server wants it, or says nothing; not when it has answered. */
static int wants(struct peer_conn *c, struct frame *f) {
    if (f->type != F_HEADERS) return 0;
    unpack_head(c, f);
    const char *path = c->paths[f->stream / 2 % 64];
    if (strcmp(path, "/continue") == 0) HOB_TRY(send_head(c, 0, f->stream, ":status: 100\n"));
    if (strcmp(path, "/no") == 0) HOB_TRY(send_head(c, END_STREAM, f->stream, ":status: 413\n"));
    return 1;
}
H2_TEST(expect_continue) {
    static const struct {
        const char *path;
        double seconds;
        int status;
    } cases[] = {{"/continue", 30, 200}, {"/silent", 0.02, 200}, {"/no", 30, 413}};
    p->frame = wants;
    for (int i = 0; i < 3; i++) {
        struct hob_response *res;
        CHECK_EQ(hob_client_request(c, "POST", url_of(l, cases[i].path), &res, .body = "abc",
                                    .body_size = 3, .expect_continue = cases[i].seconds),
                 0);
        CHECK_EQ(hob_response_status(res), cases[i].status);
        CHECK_HAS(p->last, "expect: 100-continue\n");
        hob_response_close(res);
    }
    CHECK_EQ(p->connections, 1);
    return 0;
}

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
H2_TEST(times, .first_byte_timeout = 0.05) {
    struct hob_body body;
    p->request = says_nothing;
    CHECK_EQ(hob_get(c, url_of(l, "/never"), &body), -ETIMEDOUT);
    CHECK_HAS(hob_error()->message, "the server sent nothing for 0.05 s");
    struct hob_response *res;
    CHECK_EQ(hob_client_request(c, "GET", url_of(l, "/never"), &res, .timeout = 0.02), -ETIMEDOUT);
    CHECK_HAS(hob_error()->message, "not complete within 0.02 s");
    CHECK_EQ(hob_within(0.02, hob_get(c, url_of(l, "/never"), &body)), -ETIMEDOUT);
    p->request = NULL;
    CHECK_EQ(get_text(c, url_of(l, "/"), NULL), 200);
    return 0;
}

/* A window of nothing, for ever. */
static int no_window(struct peer_conn *c) {
    unsigned char setting[6] = {0, 4, 0, 0, 0, 0};
    return send_frame(c, F_SETTINGS, 0, 0, setting, 6);
}
H2_TEST(a_window_that_never_opens, .stall_timeout = 0.1) {
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
H2_TEST(a_peer_that_is_gone, .stall_timeout = 0.2, .first_byte_timeout = 30) {
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

/* ---- against the rules ---- */

struct bad {
    const char *what;
    int error;
    size_t n;
    const char *bytes; /* behind the SETTINGS, when the request is there */
};
#define BAD(what, error, bytes)                                                                    \
    { what, error, sizeof bytes - 1, bytes }
/* A head of stream 1: ":status: 200". */
#define HEAD200 "\0\0\1\1\4\0\0\0\1\x88"
static const struct bad bad[] = {
    BAD("DATA on stream 0", HOB_E_HTTP2_PROTOCOL, "\0\0\1\0\1\0\0\0\0x"),
    BAD("DATA before the head", HOB_E_HTTP2_PROTOCOL, "\0\0\1\0\1\0\0\0\1x"),
    BAD("HEADERS on stream 0", HOB_E_HTTP2_PROTOCOL, "\0\0\1\1\5\0\0\0\0\x88"),
    BAD("HEADERS on a stream of nobody", HOB_E_HTTP2_PROTOCOL, "\0\0\1\1\5\0\0\0\7\x88"),
    BAD("HEADERS on an even stream", HOB_E_HTTP2_PROTOCOL, "\0\0\1\1\5\0\0\0\2\x88"),
    BAD("a frame too large", HOB_E_HTTP2_PROTOCOL, "\0\x40\1\0\1\0\0\0\1"),
    BAD("SETTINGS of 5 bytes", HOB_E_HTTP2_PROTOCOL, "\0\0\5\4\0\0\0\0\0\0\3\0\0\0"),
    BAD("SETTINGS on a stream", HOB_E_HTTP2_PROTOCOL, "\0\0\0\4\0\0\0\0\1"),
    BAD("a window too large", HOB_E_HTTP2_PROTOCOL, "\0\0\6\4\0\0\0\0\0\0\4\xff\xff\xff\xff"),
    BAD("WINDOW_UPDATE of 0", HOB_E_HTTP2_PROTOCOL, "\0\0\4\x8\0\0\0\0\0\0\0\0\0"),
    BAD("a window that overflows", HOB_E_HTTP2_PROTOCOL, "\0\0\4\x8\0\0\0\0\0\x7f\xff\xff\xff"),
    BAD("PING of 7 bytes", HOB_E_HTTP2_PROTOCOL,
        "\0\0\7\6\0\0\0\0\0"
        "1234567"),
    BAD("RST_STREAM of an idle stream", HOB_E_HTTP2_PROTOCOL, "\0\0\4\3\0\0\0\0\7\0\0\0\1"),
    BAD("CONTINUATION without HEADERS", HOB_E_HTTP2_PROTOCOL, "\0\0\1\x9\4\0\0\0\1\x88"),
    BAD("something inside a head", HOB_E_HTTP2_PROTOCOL,
        "\0\0\1\1\0\0\0\0\1\x88\0\0\0\4\0\0\0\0\0"),
    BAD("a promise", HOB_E_HTTP2_PROTOCOL, "\0\0\5\5\4\0\0\0\1\0\0\0\2\x88"),
    BAD("an index that is not there", HOB_E_HTTP2_PROTOCOL, "\0\0\1\1\5\0\0\0\1\xff"),
    BAD("a head that ends inside a field", HOB_E_HTTP2_PROTOCOL, "\0\0\3\1\5\0\0\0\1\x10\5x"),
    BAD("no status", HOB_E_HTTP2_PROTOCOL, "\0\0\5\1\5\0\0\0\1\x10\1x\1y"),
    BAD("two statuses", HOB_E_HTTP2_PROTOCOL, "\0\0\2\1\5\0\0\0\1\x88\x88"),
    BAD("a name in upper case", HOB_E_HTTP2_PROTOCOL, "\0\0\6\1\5\0\0\0\1\x88\x10\1X\1y"),
    BAD("a line end in a value", HOB_E_HTTP2_PROTOCOL, "\0\0\6\1\5\0\0\0\1\x88\x10\1x\1\n"),
    BAD("Connection", HOB_E_HTTP2_PROTOCOL,
        "\0\0\x11\1\5\0\0\0\1\x88\x10\xa"
        "connection\3abc"),
    BAD("status 101", HOB_E_HTTP2_PROTOCOL,
        "\0\0\5\1\4\0\0\0\1\x8\3"
        "101"),
    BAD("status 099", HOB_E_HTTP2_PROTOCOL,
        "\0\0\5\1\5\0\0\0\1\x8\3"
        "099"),
    BAD("a status that is a word", HOB_E_HTTP2_PROTOCOL,
        "\0\0\5\1\5\0\0\0\1\x8\3"
        "abc"),
    BAD("less than announced", HOB_E_HTTP2_PROTOCOL,
        "\0\0\5\1\4\0\0\0\1\x88\xf\xd\1"
        "9"
        "\0\0\2\0\1\0\0\0\1ab"),
    BAD("more than announced", HOB_E_HTTP2_PROTOCOL,
        "\0\0\5\1\4\0\0\0\1\x88\xf\xd\1"
        "1"
        "\0\0\2\0\1\0\0\0\1ab"),
    BAD("DATA behind the end", HOB_E_HTTP2_PROTOCOL,
        HEAD200 "\0\0\1\0\0\0\0\0\1a\0\0\1\1\4\0\0\0\1\x88"),
    BAD("GOAWAY with a reason", HOB_E_HTTP2_GOAWAY, "\0\0\x8\7\0\0\0\0\0\0\0\0\1\0\0\0\2"),
    BAD("HTTP/1.1", HOB_E_HTTP2_PROTOCOL, "HTTP/1.1 400 Bad Request\r\n\r\n"),
};

static const struct bad *worst;
static int misbehaves(struct peer_conn *c, uint32_t stream, const char *path) {
    if (stream != 1 || strcmp(path, "/bad") != 0) return 0;
    HOB_TRY(send_bytes(c, worst->bytes, worst->n));
    return worst->error == HOB_E_HTTP2_GOAWAY ? -1 : 1;
}
static int get_bad(struct hob_listener *l, const char *what) {
    HOB_CLIENT(c, .http2_prior_knowledge = true, .timeout = 10);
    struct hob_body body;
    int rc = hob_get(c, url_of(l, "/bad"), &body);
    hob_body_free(&body);
    CHECK_EQ(facts(c).in_use, 0);
    int next = get_text(c, url_of(l, "/b"), "/b 0\n");
    if (next != 200) FAIL("after %s: %d", what, next);
    return rc;
}
H2_TEST(frames_against_the_rules) {
    p->request = misbehaves;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        worst = &bad[i];
        int rc = get_bad(l, worst->what);
        if (rc != worst->error) FAIL("%s: %d (%s)", worst->what, rc, hob_strerror(rc));
    }
    return 0;
}

/* ---- too much ---- */

/* A field in the table once, and then again and again by one byte (an HPACK bomb). */
static int bomb(struct peer_conn *c, uint32_t stream, const char *path) {
    unsigned char block[16000] = {
        0x88, 0x40, 1, 'x', 0x7f, 0x80 | (3900 - 127) % 128, (3900 - 127) / 128};
    if (strcmp(path, "/bomb") != 0) return 0;
    memset(block + 7, 'v', 3900);
    memset(block + 3907, 0xbe, sizeof block - 3907);
    HOB_TRY(send_frame(c, F_HEADERS, END_HEADERS | END_STREAM, stream, block, sizeof block));
    return 1;
}
H2_TEST(an_hpack_bomb) {
    struct hob_body body;
    p->request = bomb;
    for (int i = 0; i < 3; i++)
        CHECK_EQ(hob_get(c, url_of(l, "/bomb"), &body), HOB_E_HTTP_HEADERS_TOO_LARGE);
    CHECK_EQ(get_text(c, url_of(l, "/b"), "/b 0\n"), 200);
    CHECK_EQ(p->connections, 1);
    return 0;
}

static int many_fields(struct peer_conn *c, uint32_t stream, const char *path) {
    unsigned char block[2000] = {0x88};
    if (strcmp(path, "/many") != 0) return 0;
    for (size_t i = 1; i + 5 < sizeof block; i += 5) memcpy(block + i, "\x10\1x\1y", 5);
    HOB_TRY(send_frame(c, F_HEADERS, END_HEADERS | END_STREAM, stream, block, 1 + 5 * 300));
    return 1;
}
H2_TEST(too_many_fields) {
    struct hob_body body;
    p->request = many_fields;
    CHECK_EQ(hob_get(c, url_of(l, "/many"), &body), HOB_E_HTTP_TOO_MANY_HEADERS);
    CHECK_EQ(get_text(c, url_of(l, "/b"), "/b 0\n"), 200);
    CHECK_EQ(p->connections, 1);
    return 0;
}

static int endless(struct peer_conn *c, uint32_t stream, const char *path) {
    if (strcmp(path, "/endless") != 0) return 0;
    HOB_TRY(send_frame(c, F_HEADERS, 0, stream, "\x88", 1));
    for (;;) HOB_TRY(send_frame(c, F_CONT, 0, stream, "\x10\1x\1y", 5));
}
H2_TEST(a_flood_of_continuations) {
    struct hob_body body;
    p->request = endless;
    int rc = hob_get(c, url_of(l, "/endless"), &body);
    CHECK(rc == HOB_E_HTTP2_FLOOD || rc == HOB_E_HTTP2_PROTOCOL);
    CHECK_EQ(get_text(c, url_of(l, "/b"), "/b 0\n"), 200);
    return 0;
}

/* Questions without end, and no answer is read. */
static int asks(struct peer_conn *c, uint32_t stream, const char *path) {
    (void)stream;
    if (strcmp(path, "/ping") != 0) return 0;
    for (;;) HOB_TRY(send_frame(c, F_PING, 0, 0, "12345678", 8));
}
H2_TEST(a_flood_of_pings, .stall_timeout = 2) {
    struct hob_body body;
    p->request = asks;
    long live = hob__alloc_live();
    int rc = hob_get(c, url_of(l, "/ping"), &body);
    CHECK(rc == HOB_E_HTTP2_FLOOD || rc == -ETIMEDOUT);
    CHECK(hob__alloc_live() - live < 3000);
    p->request = NULL;
    CHECK_EQ(get_text(c, url_of(l, "/b"), "/b 0\n"), 200);
    return 0;
}

static int interims(struct peer_conn *c, uint32_t stream, const char *path) {
    if (strcmp(path, "/soon") != 0) return 0;
    for (int i = 0; i < 100; i++) HOB_TRY(send_head(c, 0, stream, ":status: 103\n"));
    return 1;
}
H2_TEST(too_many_interim_answers) {
    struct hob_body body;
    p->request = interims;
    CHECK_EQ(hob_get(c, url_of(l, "/soon"), &body), HOB_E_HTTP_INTERIM);
    CHECK_EQ(get_text(c, url_of(l, "/b"), "/b 0\n"), 200);
    CHECK_EQ(p->connections, 1);
    return 0;
}

/* Data beyond the window. */
static int overflows(struct peer_conn *c, uint32_t stream, const char *path) {
    static char block[16000];
    if (strcmp(path, "/over") != 0) return 0;
    HOB_TRY(send_head(c, 0, stream, ":status: 200\n"));
    for (int i = 0; i < 30; i++) HOB_TRY(send_frame(c, F_DATA, 0, stream, block, sizeof block));
    return 1;
}
H2_TEST(data_beyond_the_window) {
    struct hob_response *res;
    char buf[1000];
    p->request = overflows;
    CHECK_EQ(hob_client_request(c, "GET", url_of(l, "/over"), &res), 0);
    CHECK_EQ(hob_sleep(0.05), 0);
    ssize_t n;
    while ((n = hob_response_read(res, buf, sizeof buf)) > 0) continue;
    CHECK(n == HOB_E_HTTP2_PROTOCOL || n == HOB_E_HTTP2_RESET);
    hob_response_close(res);
    CHECK_EQ(get_text(c, url_of(l, "/b"), "/b 0\n"), 200);
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
