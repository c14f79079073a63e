/* http2_test.c - the client and HTTP/2: connections that requests share, their limits, and bodies
 * both ways. */
#include "http2_client.h"

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
    p->delay = 0.001;
    p->together = 60;
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
    p->delay = 0.001;
    p->together = 95;
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
    p->together = 7;
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
    p->together = 3;
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

TEST_MAIN()
