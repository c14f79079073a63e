/* http_hostile_test.c - servers that lie, drip, smuggle, go in circles, or leave at any byte: each
 * is one named error within a bounded time and memory, its connection is never used again, and the
 * next request to an honest server is answered. Of bombs http_coding_test.c has the tests, of
 * cookies for other people http_cookies_test.c, of certificates with a wrong name tls_http_test.c.
 */
#include <hob/error.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "http_test.h"

/* Sends `bytes` of the text for each connection, in pieces of `piece` bytes every `wait` seconds,
 * and then ends it, resets it, or goes on with `more` for ever. */
struct villain {
    const char *text;
    size_t bytes, piece;
    double wait;
    bool reset, holds;
    const char *more;
    uint64_t sent;
};

static int be_bad(struct hob_stream *s, struct villain *v) {
    char request[4096];
    size_t n = 0;
    while (n < sizeof request && !memmem(request, n, "\r\n\r\n", 4)) {
        ssize_t got = HOB_TRY(hob_read(s, request + n, sizeof request - n));
        if (got == 0) return 0;
        n += (size_t)got;
    }
    for (size_t at = 0; at < v->bytes; at += v->piece) {
        size_t size = v->bytes - at < v->piece ? v->bytes - at : v->piece;
        HOB_TRY(hob_write(s, v->text + at, size));
        if (v->wait > 0) HOB_TRY(hob_sleep(v->wait));
    }
    size_t size = v->more ? strlen(v->more) : 0;
    while (size > 0) {
        HOB_TRY(hob_write(s, v->more, size));
        v->sent += size;
        if (v->wait > 0) HOB_TRY(hob_sleep(v->wait));
    }
    return v->holds ? hob_sleep(1e6) : 0;
}

static int villain_task(struct hob_listener *l, struct villain *v) {
    for (;;) {
        struct hob_stream *s;
        HOB_TRY(hob_accept(l, &s));
        be_bad(s, v);
        if (v->reset)
            hob_abort(s);
        else
            hob_close(s);
        HOB_TRY(hob_check());
    }
}
HOB_TASK(villain_task, struct hob_listener *, struct villain *)

static int honest(struct hob_request *req, void *arg) {
    (void)arg;
    return hob_respond_text(req, 200, "text/plain", "honest");
}

static char message[600];

/* What a GET from that server comes to. Then the same client asks an honest one. */
static int meet(struct villain v, struct hob_client_options options, size_t *body_size) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening(), *other = listening();
    if (!v.piece) v.piece = 1 << 20;
    if (!v.bytes && v.text) v.bytes = strlen(v.text);
    hob_spawn(s, villain_task, l, &v);
    hob_spawn(s, hob_http_serve, other, honest, NULL, (struct hob_http_options){0});
    struct hob_client *c;
    CHECK_EQ(hob__client_open(&c, options), 0);
    struct hob_body body;
    struct hob_client_info info;
    hob_error_clear();
    int rc = hob_get(c, url_of(l, "/"), &body);
    snprintf(message, sizeof message, "%s", rc < 0 && hob_error() ? hob_error()->message : "");
    if (rc < 0) CHECK(hob_error() && hob_error()->code == rc);
    if (body_size) *body_size = body.size;
    hob_body_free(&body);
    hob_client_info(c, &info);
    CHECK_EQ(info.in_use, 0);
    if (rc < 0) CHECK_EQ(info.idle, 0);
    CHECK_EQ(hob_get(c, url_of(other, "/"), &body), 200);
    CHECK_STR(body.data, "honest");
    hob_body_free(&body);
    hob_client_close(c);
    hob_scope_cancel(s);
    hob_join(s);
    hob_listener_close(l);
    hob_listener_close(other);
    return rc;
}
#define WITH(...) ((struct hob_client_options){__VA_ARGS__})
#define MEET(options, ...) meet((struct villain){__VA_ARGS__}, options, NULL)

/* ---- lying lengths, tricks with chunks, smuggling ---- */

#define OK "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"

static const struct {
    const char *send;
    int rc;
} answers[] = {
    /* lengths */
    {OK "Content-Length: 6\r\n\r\nhello", HOB_E_HTTP_CUT},
    {OK "Content-Length: -5\r\n\r\nhello", HOB_E_HTTP_LENGTH},
    {OK "Content-Length: +5\r\n\r\nhello", HOB_E_HTTP_LENGTH},
    {OK "Content-Length: 0x5\r\n\r\nhello", HOB_E_HTTP_LENGTH},
    {OK "Content-Length: 5,6\r\n\r\nhello", HOB_E_HTTP_LENGTH},
    {OK "Content-Length: 5 6\r\n\r\nhello", HOB_E_HTTP_LENGTH},
    {OK "Content-Length:\r\n\r\nhello", HOB_E_HTTP_LENGTH},
    {OK "Content-Length: 18446744073709551621\r\n\r\nhello", HOB_E_HTTP_LENGTH},
    {OK "Content-Length: 5\r\nContent-Length: 4\r\n\r\nhello", HOB_E_HTTP_LENGTH},
    {OK "Content-Length: 9223372036854775807\r\n\r\nhello", HOB_E_HTTP_BODY_TOO_LARGE},
    /* two lengths for two readers */
    {OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     HOB_E_HTTP_LENGTH_AND_ENCODING},
    {OK "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
     HOB_E_HTTP_LENGTH_AND_ENCODING},
    {OK "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", HOB_E_HTTP_ENCODING},
    {OK "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", HOB_E_HTTP_ENCODING},
    {OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
     HOB_E_HTTP_ENCODING},
    {OK "Transfer-Encoding: gzip\r\n\r\n", HOB_E_HTTP_ENCODING},
    {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", HOB_E_HTTP_ENCODING},
    {OK "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", HOB_E_HTTP_FIELD_SPACE},
    {OK "X: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", HOB_E_HTTP_FIELD_FOLD},
    {OK "X: a\rb\r\n\r\n", HOB_E_HTTP_LINE_END},
    {OK "X: a\001b\r\n\r\n", HOB_E_HTTP_FIELD_VALUE},
    {OK ": b\r\n\r\n", HOB_E_HTTP_FIELD_NAME},
    {OK "nothing\r\n\r\n", HOB_E_HTTP_FIELD_NAME},
    /* chunks */
    {CHUNKED "0x5\r\nhello\r\n0\r\n\r\n", HOB_E_HTTP_CHUNK},
    {CHUNKED "-5\r\nhello\r\n0\r\n\r\n", HOB_E_HTTP_CHUNK},
    {CHUNKED " 5\r\nhello\r\n0\r\n\r\n", HOB_E_HTTP_CHUNK},
    {CHUNKED "5 \r\nhello\r\n0\r\n\r\n", HOB_E_HTTP_CHUNK},
    {CHUNKED "5\nhello\n0\n\n", HOB_E_HTTP_CHUNK},
    {CHUNKED "4\r\nhello\r\n0\r\n\r\n", HOB_E_HTTP_CHUNK},
    {CHUNKED "6\r\nhello\r\n0\r\n\r\n", HOB_E_HTTP_CHUNK},
    {CHUNKED "\r\nhello\r\n0\r\n\r\n", HOB_E_HTTP_CHUNK},
    {CHUNKED "10000000000000005\r\nhello\r\n0\r\n\r\n", HOB_E_HTTP_CHUNK},
    {CHUNKED "FFFFFFFFFFFFFFFF\r\nhello\r\n", HOB_E_HTTP_CHUNK},
    {CHUNKED "5\r\nhello\r\n0\r\nX : y\r\n\r\n", HOB_E_HTTP_FIELD_SPACE},
    {CHUNKED "5\r\nhello\r\n", HOB_E_HTTP_CUT},
    /* no HTTP */
    {"HTTP/2.0 200 OK\r\n\r\n", HOB_E_HTTP_VERSION},
    {"HTTP/1.1 20 OK\r\n\r\n", HOB_E_HTTP_START_LINE},
    {"HTTP/1.1 2000 OK\r\n\r\n", HOB_E_HTTP_START_LINE},
    {"HTTP/1.1  200 OK\r\n\r\n", HOB_E_HTTP_START_LINE},
    {"<html>", HOB_E_HTTP_CUT},
    {"<html>\r\n\r\n", HOB_E_HTTP_START_LINE},
    {"220 ftp.example.org ready\r\n", HOB_E_HTTP_START_LINE},
};

TASK_TEST(each_lie_has_its_name) {
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        for (int slowly = 0; slowly < 2; slowly++) {
            int rc = MEET(WITH(.stall_timeout = 10), .text = answers[i].send,
                          .piece = slowly ? 3 : 0, .wait = slowly ? 0.0001 : 0);
            if (rc != answers[i].rc)
                FAIL("row %zu: %d (%s), not %d", i, rc, message, answers[i].rc);
            CHECK(message[0]);
        }
    return 0;
}

/* A head, interim answers, trailers, chunk extensions, a body that never end: bounded memory, and
 * an end. */
TASK_TEST(endless_things) {
    static const struct {
        const char *text, *more;
        int rc;
        uint64_t most; /* bytes that are read of it, about */
    } rows[] = {
        {"HTTP/1.1 200 OK\r\n", "X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n",
         HOB_E_HTTP_TOO_MANY_HEADERS, 70000},
        {"HTTP/1.1 200 OK\r\nX: ", "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
         HOB_E_HTTP_LINE_TOO_LONG, 70000},
        {"HTTP/1.1 200 ", "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy", HOB_E_HTTP_LINE_TOO_LONG,
         70000},
        {"", "HTTP/1.1 102 Wait\r\n\r\n", HOB_E_HTTP_INTERIM, 70000},
        {CHUNKED "0\r\n", "X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n", HOB_E_HTTP_TOO_MANY_HEADERS,
         70000},
        {CHUNKED "5;", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", HOB_E_HTTP_LINE_TOO_LONG,
         70000},
        {CHUNKED, "1;xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\nx\r\n", HOB_E_HTTP_CHUNK,
         1 << 20},
        {CHUNKED, "999\r\n", HOB_E_HTTP_CHUNK, 70000},
        {OK "\r\n", "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
         HOB_E_HTTP_BODY_TOO_LARGE, 3 << 20},
        {"", "\r\n", HOB_E_HTTP_START_LINE, 70000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int rc = MEET(WITH(.max_body = 1 << 20), .text = rows[i].text, .more = rows[i].more);
        if (rc != rows[i].rc) FAIL("row %zu: %d (%s), not %d", i, rc, message, rows[i].rc);
    }
    return 0;
}

/* ---- slowly ---- */

TASK_TEST(a_drip_ends_with_the_time_of_the_request) {
    uint64_t began = hob_now();
    /* Each byte comes in time, all of them do not. */
    int rc = MEET(WITH(.stall_timeout = 5, .timeout = 0.2), .text = OK "X: ", .more = "y",
                  .wait = 0.005);
    CHECK_EQ(rc, -ETIMEDOUT);
    CHECK_HAS(message, "not complete within 0.2 s");
    rc = MEET(WITH(.stall_timeout = 5, .timeout = 0.2), .text = OK "\r\n", .more = "y",
              .wait = 0.005);
    CHECK_EQ(rc, -ETIMEDOUT);
    rc = MEET(WITH(.stall_timeout = 0.05), .text = OK "Content-Length: 9\r\n\r\nhell",
              .holds = true);
    CHECK_EQ(rc, -ETIMEDOUT);
    CHECK_HAS(message, "sent nothing for 0.05 s");
    rc = MEET(WITH(.stall_timeout = 5, .first_byte_timeout = 0.05), .text = "", .holds = true);
    CHECK_EQ(rc, -ETIMEDOUT);
    CHECK(hob_now() - began < 20000000000);
    return 0;
}

/* ---- an end at every byte ---- */

TASK_TEST(an_end_at_every_byte) {
    static const char *const texts[] = {
        OK "Content-Length: 20\r\nX-A: b\r\n\r\n01234567890123456789",
        CHUNKED "a\r\n0123456789\r\na;x=y\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" OK "Content-Length: 20\r\n\r\n"
        "01234567890123456789",
    };
    for (size_t t = 0; t < 3; t++)
        for (size_t n = 0; n <= strlen(texts[t]); n++)
            for (int reset = 0; reset < 2; reset++) {
                size_t got = 0;
                struct villain v = {.text = n ? texts[t] : "", .bytes = n, .reset = reset};
                int rc = meet(v, (struct hob_client_options){.stall_timeout = 10}, &got);
                bool all = n == strlen(texts[t]);
                /* A reset may overtake what was sent before it. */
                bool right = all && !reset ? rc == 200 && got == 20
                             : all         ? rc == 200 || rc == -ECONNRESET
                             : reset       ? rc == HOB_E_HTTP_CUT || rc == -ECONNRESET
                                           : rc == HOB_E_HTTP_CUT;
                if (!right) FAIL("text %zu, %zu bytes, %d: %d (%s)", t, n, reset, rc, message);
            }
    return 0;
}

/* A body up to the connection's end has no length that could be missed; a reset is seen. */
TASK_TEST(a_reset_is_no_end) {
    CHECK_EQ(MEET(WITH(.stall_timeout = 10), .text = OK "\r\nhello"), 200);
    int rc = MEET(WITH(.stall_timeout = 10), .text = OK "\r\nhello", .reset = true);
    CHECK(rc == -ECONNRESET || rc == HOB_E_HTTP_CUT);
    return 0;
}

/* ---- in circles ---- */

static int ring(struct hob_request *req, void *next) {
    return hob_respond(req, 302, HOB_HEADERS({"Location", next}), "", 0);
}

TASK_TEST(redirects_in_a_ring_of_hosts) {
    HOB_SCOPE(s);
    struct hob_listener *l[3];
    static char next[3][100];
    for (int i = 0; i < 3; i++) l[i] = listening();
    for (int i = 0; i < 3; i++) {
        snprintf(next[i], sizeof next[i], "%s", url_of(l[(i + 1) % 3], "/"));
        hob_spawn(s, hob_http_serve, l[i], ring, next[i], (struct hob_http_options){0});
    }
    HOB_CLIENT(c, .max_redirects = 20);
    struct hob_body body;
    struct hob_client_info info;
    CHECK_EQ(hob_get(c, url_of(l[0], "/"), &body), HOB_E_HTTP_REDIRECT);
    CHECK_HAS(hob_error()->message, "more than 20 redirects");
    hob_client_info(c, &info);
    CHECK_EQ(info.in_use, 0);
    CHECK_EQ(info.opened, 3);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    for (int i = 0; i < 3; i++) hob_listener_close(l[i]);
    return 0;
}

/* ---- an answer before its question ---- */

/* What a server says before it is asked is not the answer to what is asked then. */
static int too_early; /* so often */
static int early(struct hob_listener *l, int *connections) {
    for (;;) {
        struct hob_stream *s;
        char buf[1000];
        HOB_TRY(hob_accept(l, &s));
        ++*connections;
        const char *text = OK "Content-Length: 5\r\n\r\nfirst";
        if (hob_read(s, buf, sizeof buf) > 0) hob_write(s, text, strlen(text));
        hob_sleep(0.02);
        text = OK "Content-Length: 5\r\n\r\nwrong";
        hob_write(s, text, strlen(text));
        too_early++;
        hob_sleep(0.02);
        while (hob_read(s, buf, sizeof buf) > 0) {}
        hob_close(s);
        HOB_TRY(hob_check());
    }
}
HOB_TASK(early, struct hob_listener *, int *)

TASK_TEST(an_answer_that_nobody_asked_for) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    int connections = 0;
    hob_spawn(s, early, l, &connections);
    HOB_CLIENT(c, .stall_timeout = 10);
    for (int i = 0; i < 3; i++) {
        struct hob_body body;
        CHECK_EQ(hob_get(c, url_of(l, "/"), &body), 200);
        CHECK_STR(body.data, "first");
        hob_body_free(&body);
        while (too_early <= i) CHECK_EQ(hob_sleep(0.001), 0);
        CHECK_EQ(hob_sleep(0.02), 0); /* it has come */
    }
    CHECK_EQ(connections, 3);
    hob_scope_cancel(s);
    hob_join(s);
    hob_listener_close(l);
    return 0;
}

TEST_MAIN()
