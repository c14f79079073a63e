/* http2_rules_test.c - the client and peers of HTTP/2 that break its rules, or say too much. */
#include "http2_client.h"

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
    CHECK_EQ(hob_get(c, url_of(l, "/endless"), &body), HOB_E_HTTP2_FLOOD);
    CHECK_EQ(get_text(c, url_of(l, "/b"), "/b 0\n"), 200);
    return 0;
}

/* Questions without end, and no answer is read. */
static int asks(struct peer_conn *c, uint32_t stream, const char *path) {
    (void)stream;
    if (strcmp(path, "/ping") != 0) return 0;
    for (;;) HOB_TRY(send_frame(c, F_PING, 0, 0, "12345678", 8));
}
H2_TEST(a_flood_of_pings, .stall_timeout = patient(2)) {
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
static bool overflown;
static int overflows(struct peer_conn *c, uint32_t stream, const char *path) {
    static char block[16000];
    if (strcmp(path, "/over") != 0) return 0;
    int rc = send_head(c, 0, stream, ":status: 200\n");
    for (int i = 0; i < 30 && rc >= 0; i++)
        rc = send_frame(c, F_DATA, 0, stream, block, sizeof block);
    overflown = true;
    return rc < 0 ? rc : 1;
}
H2_TEST(data_beyond_the_window) {
    struct hob_response *res;
    char buf[1000];
    p->request = overflows;
    CHECK_EQ(hob_client_request(c, "GET", url_of(l, "/over"), &res), 0);
    while (!overflown) CHECK_EQ(hob_sleep(0.01), 0);
    CHECK_EQ(hob_sleep(patient(0.05)), 0); /* a read would open the window */
    ssize_t n;
    while ((n = hob_response_read(res, buf, sizeof buf)) > 0) continue;
    CHECK(n == HOB_E_HTTP2_PROTOCOL || n == HOB_E_HTTP2_RESET);
    hob_response_close(res);
    CHECK_EQ(get_text(c, url_of(l, "/b"), "/b 0\n"), 200);
    return 0;
}

TEST_MAIN()
