/* h1_test.c - the HTTP/1.1 engine: what messages mean, however they are cut; which messages are
 * refused, and why; that the writer and the parser agree. All input stands right before a page that
 * cannot be read. */
#include "test.h"

#include <stdarg.h>

#include "../fuzz/fuzz.h"
#include "http/h1.h"
#include "http/scan.h"

/* What came out, as text; the body's bytes of one message are joined. */
struct seen {
    char text[1 << 17];
    size_t n;
    bool data;
    int rc;
    size_t used; /* of the input */
};

static void say(struct seen *s, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    s->n += (size_t)vsnprintf(s->text + s->n, sizeof s->text - s->n, fmt, ap);
    va_end(ap);
    CHECK(s->n < sizeof s->text);
}

static void say_head(struct seen *s, const struct hob__h1 *p, struct hob_slice block) {
    const char *b = block.at;
    if (p->response)
        say(s, "%u 1.%u '%.*s'", p->status, p->minor, (int)p->target_size, b + p->target_at);
    else
        say(s, "%.*s %.*s 1.%u", (int)p->method_size, b + p->method_at, (int)p->target_size,
            b + p->target_at, p->minor);
    say(s, p->flags & HOB__H1_KEEP_ALIVE ? " keep" : " close");
    if (p->flags & HOB__H1_CHUNKED) say(s, " chunked");
    if (p->flags & HOB__H1_TO_CLOSE) say(s, " to-close");
    if (p->flags & HOB__H1_NO_BODY) say(s, " none");
    if (p->flags & HOB__H1_EXPECT_CONTINUE) say(s, " expect");
    if (p->flags & HOB__H1_EXPECT_OTHER) say(s, " expect?");
    if (p->flags & HOB__H1_WANTS_UPGRADE) say(s, " upgrade");
    if (p->content_length >= 0) say(s, " length=%lld", (long long)p->content_length);
    struct hob__h1_field again[200];
    uint32_t n = hob__h1_split(b, block.size, p->fields_at, again, 200);
    CHECK_EQ(n, p->field_count);
    for (uint32_t i = 0; i < n && i < p->fields_cap; i++)
        CHECK(memcmp(&again[i], &p->fields[i], sizeof *again) == 0);
    for (uint32_t i = 0; i < n; i++)
        say(s, "|%.*s=%.*s", (int)again[i].name_size, b + again[i].name, (int)again[i].value_size,
            b + again[i].value);
    say(s, "\n");
}

static void say_event(struct seen *s, const struct hob__h1 *p, int event, struct hob_slice piece) {
    if (s->data && event != HOB__H1_DATA) {
        say(s, ">\n");
        s->data = false;
    }
    switch (event) {
    case HOB__H1_INTERIM:
        say(s, "INTERIM ");
        return say_head(s, p, piece);
    case HOB__H1_HEAD:
        return say_head(s, p, piece);
    case HOB__H1_DATA:
        CHECK(piece.size > 0);
        say(s, "%s%.*s", s->data ? "" : "<", (int)piece.size, piece.at);
        s->data = true;
        return;
    case HOB__H1_TRAILERS: {
        struct hob__h1_field f[8];
        uint32_t n = hob__h1_split(piece.at, piece.size, 0, f, 8);
        CHECK_EQ(n, p->field_count);
        say(s, "TRAILERS");
        for (uint32_t i = 0; i < n; i++)
            say(s, "|%.*s=%.*s", (int)f[i].name_size, piece.at + f[i].name, (int)f[i].value_size,
                piece.at + f[i].value);
        say(s, "\n");
        return;
    }
    case HOB__H1_END:
        say(s, "END\n");
        return;
    case HOB__H1_UPGRADE:
        say(s, "UPGRADE %.*s\n", (int)piece.size, piece.at);
        return;
    default:
        say(s, "ERROR %d at %llu\n", event, (unsigned long long)p->error_at);
        return;
    }
}

struct how {
    bool response, head, connect, eof;
    struct hob__h1_limits limits;
};

/* Feeds text[0..n) in pieces: sizes of `cut` bytes, or random ones (0), all messages of it. */
static void run(struct seen *s, struct how how, const char *text, size_t n, size_t cut) {
    struct hob__h1 p;
    struct hob__h1_field fields[4]; /* few: the rest is split again */
    size_t have = 0, at = 0;        /* bytes text[at .. at + have) are in the buffer */
    s->n = 0;
    s->data = false;
    s->rc = 0;
    s->text[0] = 0;
    hob__h1_init(&p, how.response, &how.limits);
    hob__h1_start(&p, fields, 4);
    p.head_request = how.head;
    p.connect_request = how.connect;
    for (;;) {
        size_t used;
        struct hob_slice piece;
        char *in = edge_copy(text + at, have);
        int rc = hob__h1_next(&p, in, have, &used, &piece);
        CHECK(used <= have);
        at += used;
        have -= used;
        if (rc != HOB__H1_NEED) say_event(s, &p, rc, piece);
        if (rc < 0 || rc == HOB__H1_UPGRADE) {
            s->rc = rc;
            break;
        }
        if (rc == HOB__H1_END) {
            hob__h1_start(&p, fields, 4);
            p.head_request = how.head;
            CHECK(hob__h1_idle(&p));
        }
        if (rc != HOB__H1_NEED) continue;
        if (at + have == n) {
            rc = how.eof ? hob__h1_eof(&p, have) : 0;
            if (rc) say_event(s, &p, rc, piece);
            s->rc = rc;
            break;
        }
        size_t more = cut ? cut : (size_t)rand() % 9 + 1;
        if (more > n - at - have) more = n - at - have;
        have += more;
    }
    s->used = at;
}

static struct seen whole, bytes, cuts;

/* The same in one piece, byte by byte, and at random; and no prefix does harm. */
static void check(struct how how, const char *text, size_t n, const char *expected) {
    run(&whole, how, text, n, n ? n : 1);
    if (strcmp(whole.text, expected) != 0)
        FAIL("of\n%.*s\ncame\n%s\nnot\n%s", (int)(n < 2000 ? n : 2000), text, whole.text, expected);
    run(&bytes, how, text, n, 1);
    CHECK_STR(bytes.text, expected);
    if (n > 4000) return;
    for (int i = 0; i < 20; i++) {
        run(&cuts, how, text, n, 0);
        CHECK_STR(cuts.text, expected);
    }
    for (size_t prefix = 0; prefix < n; prefix++) run(&cuts, how, text, prefix, n);
}

static const struct sample {
    struct how how;
    const char *text, *events;
} samples[] = {
    {{0}, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / 1.1 keep|Host=a\nEND\n"},
    {{0}, "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / 1.1 keep|Host=a\nEND\n"},
    {{0}, "GET /a?b=%20 HTTP/1.0\r\n\r\n", "GET /a?b=%20 1.0 close\nEND\n"},
    {{0},
     "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
     "GET / 1.0 keep|Connection=Keep-Alive\nEND\n"},
    {{0}, "GET / HTTP/1.7\r\nHost:\r\n\r\n", "GET / 1.1 keep|Host=\nEND\n"},
    {{0},
     "GET http://h:1/x HTTP/1.1\r\nHost:h:1\r\nConnection: foo , Close\r\n\r\n",
     "GET http://h:1/x 1.1 close|Host=h:1|Connection=foo , Close\nEND\n"},
    {{0}, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS * 1.1 keep|Host=a\nEND\n"},
    {{0}, "CONNECT h:443 HTTP/1.1\r\nHost: a\r\n\r\n", "CONNECT h:443 1.1 keep|Host=a\nEND\n"},
    {{0},
     "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length:  5 \t\r\n\r\nhelloGET / HTTP/1.1\r\n"
     "Host: b\r\n\r\n",
     "POST /x 1.1 keep length=5|Host=a|Content-Length=5\n<hello>\nEND\n"
     "GET / 1.1 keep|Host=b\nEND\n"},
    {{0},
     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nExpect: 100-Continue\r\n\r\n",
     "POST / 1.1 keep expect length=0|Host=a|Content-Length=0|Expect=100-Continue\nEND\n"},
    {{0},
     "POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n",
     "POST / 1.1 keep expect?|Host=a|Expect=tea\nEND\n"},
    {{.response = true},
     "HTTP/1.1 200 OK\r\nContent-Length: 3\r\ncontent-length: 3, 3\r\n\r\nabc",
     "200 1.1 'OK' keep length=3|Content-Length=3|content-length=3, 3\n<abc>\nEND\n"},
    {{0},
     "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"
     "5\r\nhello\r\n6;x=y;z=\"1 2\"\r\n world\r\n000\r\n\r\nGET / HTTP/1.1\r\nHost: b\r\n\r\n",
     "PUT / 1.1 keep chunked|Host=a|Transfer-Encoding=Chunked\n<hello world>\nEND\n"
     "GET / 1.1 keep|Host=b\nEND\n"},
    {{0},
     "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
     "A \t;x\r\n0123456789\r\n0\r\nX: 1\r\nContent-Length: 7\r\n\r\n",
     "PUT / 1.1 keep chunked|Host=a|Transfer-Encoding=chunked\n<0123456789>\n"
     "TRAILERS|X=1|Content-Length=7\nEND\n"},
    {{0},
     "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\r\n",
     "GET /ws 1.1 keep upgrade|Host=a|Upgrade=websocket|Connection=keep-alive, Upgrade\nEND\n"},
    {{0},
     "GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: \xc3\xa4\r\nC:\t\r\nD: a b\r\nE:e\r\n\r\n",
     "GET / 1.1 keep|Host=a|A=1|B=\xc3\xa4|C=|D=a b|E=e\nEND\n"},
    {{.response = true},
     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 404 Not Found\r\nContent-Length: "
     "0\r\n\r\n",
     "200 1.1 'OK' keep length=2|Content-Length=2\n<ok>\nEND\n"
     "404 1.1 'Not Found' keep length=0|Content-Length=0\nEND\n"},
    {{.response = true}, "HTTP/1.1 204\r\n\r\n", "204 1.1 '' keep none\nEND\n"},
    {{.response = true},
     "HTTP/1.1 304 \r\nContent-Length: 9\r\n\r\n",
     "304 1.1 '' keep none length=9|Content-Length=9\nEND\n"},
    {{.response = true, .head = true},
     "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
     "200 1.1 'OK' keep none length=9|Content-Length=9\nEND\n"},
    {{.response = true, .head = true},
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
     "200 1.1 'OK' keep none|Transfer-Encoding=chunked\nEND\n"},
    {{.response = true},
     "HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 103 Hints\r\n\r\n"
     "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
     "INTERIM 100 1.1 'Continue' keep none|A=b\nINTERIM 103 1.1 'Hints' keep none\n"
     "200 1.1 'OK' keep length=1|Content-Length=1\n<x>\nEND\n"},
    {{.response = true, .eof = true},
     "HTTP/1.0 200 OK\r\n\r\nall of it",
     "200 1.0 'OK' close to-close\n<all of it>\nEND\n"},
    {{.response = true, .eof = true},
     "HTTP/1.1 200 OK\nServer: old\n\nlone feeds",
     "200 1.1 'OK' close to-close|Server=old\n<lone feeds>\nEND\n"},
    {{.response = true},
     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
     "101 1.1 'Switching Protocols' close none|Upgrade=x\nUPGRADE \n"},
    {{.response = true, .connect = true},
     "HTTP/1.1 200 Fine\r\nContent-Length: 5\r\n\r\n",
     "200 1.1 'Fine' close none length=5|Content-Length=5\nUPGRADE \n"},
    {{.response = true, .eof = true},
     "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
     "200 1.1 'OK' keep length=5|Content-Length=5\n<hel>\nERROR -5118 at 0\n"},
    {{.response = true, .eof = true}, "HTTP/1.1 200 OK\r\nConte", "ERROR -5118 at 0\n"},
    {{.response = true, .eof = true}, "", ""},
};

TEST(samples_at_every_cut) {
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        check(samples[i].how, samples[i].text, strlen(samples[i].text), samples[i].events);
}

#define GET "GET / HTTP/1.1\r\nHost: a\r\n"
#define OK "HTTP/1.1 200 OK\r\n"
#define CHUNKED GET "Transfer-Encoding: chunked\r\n\r\n"

static const struct wrong {
    bool response;
    const char *text;
    size_t n; /* 0: strlen */
    int code;
} wrongs[] = {
    /* request lines */
    {false, "\x16\x03\x01\x02\r\n", 0, HOB_E_HTTP_START_LINE},
    {false, "\r\n\r\n\r\n", 0, HOB_E_HTTP_START_LINE},
    {false, " GET / HTTP/1.1\r\n", 0, HOB_E_HTTP_START_LINE},
    {false, "GET  / HTTP/1.1\r\n", 0, HOB_E_HTTP_START_LINE},
    {false, "GET /  HTTP/1.1\r\n", 0, HOB_E_HTTP_START_LINE},
    {false, "GET / HTTP/1.1 \r\n", 0, HOB_E_HTTP_START_LINE},
    {false, "GET /\tHTTP/1.1\r\n", 0, HOB_E_HTTP_TARGET},
    {false, "GET /\r\n", 0, HOB_E_HTTP_START_LINE},
    {false, "GET\r\n", 0, HOB_E_HTTP_START_LINE},
    {false, "G(T / HTTP/1.1\r\n", 0, HOB_E_HTTP_START_LINE},
    {false, "GET / http/1.1\r\n", 0, HOB_E_HTTP_START_LINE},
    {false, "GET / HTTP/1\r\n", 0, HOB_E_HTTP_START_LINE},
    {false, "GET / HTTP/11.1\r\n", 0, HOB_E_HTTP_START_LINE},
    {false, "GET / HTTP/2.0\r\n", 0, HOB_E_HTTP_VERSION},
    {false, "PRI * HTTP/2.0\r\n", 0, HOB_E_HTTP_VERSION},
    {false, "GET a HTTP/1.1\r\n", 0, HOB_E_HTTP_TARGET},
    {false, "GET * HTTP/1.1\r\n", 0, HOB_E_HTTP_TARGET},
    {false, "GET /a#b HTTP/1.1\r\n", 0, HOB_E_HTTP_TARGET},
    {false, "GET /\x80 HTTP/1.1\r\n", 0, HOB_E_HTTP_TARGET},
    {false, "GET /\x7f HTTP/1.1\r\n", 0, HOB_E_HTTP_TARGET},
    {false, "GET /\0 HTTP/1.1\r\n", 17, HOB_E_HTTP_TARGET},
    {false, "GET http:// HTTP/1.1\r\n", 0, HOB_E_HTTP_TARGET},
    {false, "GET ftp://h/ HTTP/1.1\r\n", 0, HOB_E_HTTP_TARGET},
    {false, "CONNECT /x HTTP/1.1\r\n", 0, HOB_E_HTTP_TARGET},
    {false, "GET / HTTP/1.1\n", 0, HOB_E_HTTP_LINE_END},
    {false, "GET /\rx HTTP/1.1\r\n", 0, HOB_E_HTTP_LINE_END},
    {false, "GET / HTTP/1.1\r\nHost: a\n\r\n", 0, HOB_E_HTTP_LINE_END},
    {false, "GET / HTTP/1.1\r\nHost: a\r\n\n", 0, HOB_E_HTTP_LINE_END},
    /* fields */
    {false, GET "A: b\rc\r\n\r\n", 0, HOB_E_HTTP_LINE_END},
    {false, GET "A: b\r\r\n\r\n", 0, HOB_E_HTTP_LINE_END},
    {false, GET "A\r: b\r\n\r\n", 0, HOB_E_HTTP_LINE_END},
    {false, GET "\rA: b\r\n\r\n", 0, HOB_E_HTTP_LINE_END},
    {false, GET "A: b\0c\r\n\r\n", sizeof(GET "A: b\0c\r\n\r\n") - 1, HOB_E_HTTP_FIELD_VALUE},
    {false, GET "A: b\x01\r\n\r\n", 0, HOB_E_HTTP_FIELD_VALUE},
    {false, GET "A: b\x7f\r\n\r\n", 0, HOB_E_HTTP_FIELD_VALUE},
    {false, GET ": b\r\n\r\n", 0, HOB_E_HTTP_FIELD_NAME},
    {false, GET "Ab\r\n\r\n", 0, HOB_E_HTTP_FIELD_NAME},
    {false, GET "A(: b\r\n\r\n", 0, HOB_E_HTTP_FIELD_NAME},
    {false, GET "A b: c\r\n\r\n", 0, HOB_E_HTTP_FIELD_NAME},
    {false, GET "\xc3\xa4: c\r\n\r\n", 0, HOB_E_HTTP_FIELD_NAME},
    {false, GET "A : c\r\n\r\n", 0, HOB_E_HTTP_FIELD_SPACE},
    {false, GET "A\t: c\r\n\r\n", 0, HOB_E_HTTP_FIELD_SPACE},
    {false, GET " A: c\r\n\r\n", 0, HOB_E_HTTP_FIELD_FOLD},
    {false, GET "A: c\r\n\td\r\n\r\n", 0, HOB_E_HTTP_FIELD_FOLD},
    {false, "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 0, HOB_E_HTTP_FIELD_FOLD},
    /* host */
    {false, "GET / HTTP/1.1\r\n\r\n", 0, HOB_E_HTTP_HOST},
    {false, GET "host: a\r\n\r\n", 0, HOB_E_HTTP_HOST},
    {false, "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 0, HOB_E_HTTP_HOST},
    {false, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 0, HOB_E_HTTP_HOST},
    {false, "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 0, HOB_E_HTTP_HOST},
    {false, "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", 0, HOB_E_HTTP_HOST},
    /* framing, where smuggling begins */
    {false, GET "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 0,
     HOB_E_HTTP_LENGTH_AND_ENCODING},
    {false, GET "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", 0,
     HOB_E_HTTP_LENGTH_AND_ENCODING},
    {false, GET "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 0, HOB_E_HTTP_LENGTH},
    {false, GET "Content-Length: 5, 6\r\n\r\n", 0, HOB_E_HTTP_LENGTH},
    {false, GET "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 0, HOB_E_HTTP_LENGTH},
    {false, GET "Content-Length: 5, 5\r\n\r\n", 0, HOB_E_HTTP_LENGTH},
    {false, GET "Content-Length:\r\n\r\n", 0, HOB_E_HTTP_LENGTH},
    {false, GET "Content-Length: ,\r\n\r\n", 0, HOB_E_HTTP_LENGTH},
    {false, GET "Content-Length: +5\r\n\r\n", 0, HOB_E_HTTP_LENGTH},
    {false, GET "Content-Length: -5\r\n\r\n", 0, HOB_E_HTTP_LENGTH},
    {false, GET "Content-Length: 0x5\r\n\r\n", 0, HOB_E_HTTP_LENGTH},
    {false, GET "Content-Length: 5 5\r\n\r\n", 0, HOB_E_HTTP_LENGTH},
    {false, GET "Content-Length: 5.0\r\n\r\n", 0, HOB_E_HTTP_LENGTH},
    {false, GET "Content-Length: 9223372036854775808\r\n\r\n", 0, HOB_E_HTTP_LENGTH},
    {false, GET "Content-Length: 18446744073709551621\r\n\r\n", 0, HOB_E_HTTP_LENGTH},
    {false, GET "Transfer-Encoding: gzip, chunked\r\n\r\n", 0, HOB_E_HTTP_ENCODING},
    {false, GET "Transfer-Encoding: chunked, identity\r\n\r\n", 0, HOB_E_HTTP_ENCODING},
    {false, GET "Transfer-Encoding: xchunked\r\n\r\n", 0, HOB_E_HTTP_ENCODING},
    {false, GET "Transfer-Encoding: \"chunked\"\r\n\r\n", 0, HOB_E_HTTP_ENCODING},
    {false,
     GET "Transfer-Encoding: \x0b"
         "chunked\r\n\r\n",
     0, HOB_E_HTTP_FIELD_VALUE},
    {false, GET "Transfer-Encoding:\r\n\r\n", 0, HOB_E_HTTP_ENCODING},
    {false, GET "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 0,
     HOB_E_HTTP_ENCODING},
    {false, GET "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", 0,
     HOB_E_HTTP_ENCODING},
    {false, GET "Transfer-Encoding : chunked\r\n\r\n", 0, HOB_E_HTTP_FIELD_SPACE},
    {false, GET "X: y\r\n Transfer-Encoding: chunked\r\n\r\n", 0, HOB_E_HTTP_FIELD_FOLD},
    {false, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 0, HOB_E_HTTP_ENCODING},
    /* chunks */
    {false, CHUNKED "\r\n", 0, HOB_E_HTTP_CHUNK},
    {false, CHUNKED "g\r\n", 0, HOB_E_HTTP_CHUNK},
    {false, CHUNKED "-1\r\n", 0, HOB_E_HTTP_CHUNK},
    {false, CHUNKED " 1\r\n", 0, HOB_E_HTTP_CHUNK},
    {false, CHUNKED "1 \r\n", 0, HOB_E_HTTP_CHUNK},
    {false, CHUNKED "0x1\r\n", 0, HOB_E_HTTP_CHUNK},
    {false, CHUNKED "1 2\r\n", 0, HOB_E_HTTP_CHUNK},
    {false, CHUNKED "1\nx", 0, HOB_E_HTTP_CHUNK},
    {false, CHUNKED "1\rx", 0, HOB_E_HTTP_CHUNK},
    {false, CHUNKED "1;a\nx", 0, HOB_E_HTTP_CHUNK},
    {false, CHUNKED "1;a\x01\r\n", 0, HOB_E_HTTP_CHUNK},
    {false, CHUNKED "1\r\nxy\r\n", 0, HOB_E_HTTP_CHUNK},
    {false, CHUNKED "1\r\nx\n", 0, HOB_E_HTTP_CHUNK},
    {false, CHUNKED "1\r\nx\ry", 0, HOB_E_HTTP_CHUNK},
    {false, CHUNKED "8000000000000000\r\n", 0, HOB_E_HTTP_CHUNK},
    {false, CHUNKED "10000000000000000\r\n", 0, HOB_E_HTTP_CHUNK},
    {false, CHUNKED "00000000000000001\r\n", 0, HOB_E_HTTP_CHUNK},
    {false, CHUNKED "0\r\nA: b\n\r\n", 0, HOB_E_HTTP_LINE_END},
    {false, CHUNKED "0\r\n\n", 0, HOB_E_HTTP_LINE_END},
    {false, CHUNKED "0\r\nA : b\r\n\r\n", 0, HOB_E_HTTP_FIELD_SPACE},
    {false, CHUNKED "0\r\nGET / HTTP/1.1\r\n\r\n", 0, HOB_E_HTTP_FIELD_NAME},
    /* responses */
    {true, "ICY 200 OK\r\n", 0, HOB_E_HTTP_START_LINE},
    {true, "HTTP/1.1  200 OK\r\n", 0, HOB_E_HTTP_START_LINE},
    {true, "HTTP/1.1 20 OK\r\n", 0, HOB_E_HTTP_START_LINE},
    {true, "HTTP/1.1 2000 OK\r\n", 0, HOB_E_HTTP_START_LINE},
    {true, "HTTP/1.1 020 OK\r\n", 0, HOB_E_HTTP_START_LINE},
    {true, "HTTP/1.1 200\tOK\r\n", 0, HOB_E_HTTP_START_LINE},
    {true, "HTTP/1.1 200 O\x01K\r\n", 0, HOB_E_HTTP_START_LINE},
    {true, "HTTP/1.1 200 O\rK\r\n", 0, HOB_E_HTTP_LINE_END},
    {true, "HTTP/3.0 200 OK\r\n", 0, HOB_E_HTTP_VERSION},
    {true, "\r\nHTTP/1.1 200 OK\r\n", 0, HOB_E_HTTP_START_LINE},
    {true, OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 0, HOB_E_HTTP_LENGTH},
    {true, OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 0,
     HOB_E_HTTP_LENGTH_AND_ENCODING},
    {true, OK "Transfer-Encoding: gzip\r\n\r\n", 0, HOB_E_HTTP_ENCODING},
    {true, OK "A: b\r\n c\r\n\r\n", 0, HOB_E_HTTP_FIELD_FOLD},
    {true, OK "A : b\r\n\r\n", 0, HOB_E_HTTP_FIELD_SPACE},
    {true, OK "Transfer-Encoding: chunked\r\n\r\n1\nx", 0, HOB_E_HTTP_CHUNK},
};

/* The code of the last error in the text, and nothing behind it. */
static int error_in(const struct seen *s) { return s->rc < 0 ? s->rc : 0; }

TEST(what_is_refused) {
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
        const struct wrong *w = &wrongs[i];
        struct how how = {.response = w->response};
        size_t n = w->n ? w->n : strlen(w->text);
        run(&whole, how, w->text, n, n);
        if (error_in(&whole) != w->code)
            FAIL("row %zu: %.*s\ngives %d, not %d: %s", i, (int)n, w->text, error_in(&whole),
                 w->code, whole.text);
        CHECK(hob_http_strerror(w->code));
        run(&bytes, how, w->text, n, 1);
        CHECK_STR(bytes.text, whole.text);
        for (int k = 0; k < 20; k++) {
            run(&cuts, how, w->text, n, 0);
            CHECK_STR(cuts.text, whole.text);
        }
        /* An error stays one. */
        struct hob__h1 p;
        size_t used;
        struct hob_slice piece;
        hob__h1_init(&p, w->response, NULL);
        hob__h1_start(&p, NULL, 0);
        const char *at = w->text, *end = w->text + n;
        int rc;
        do {
            rc = hob__h1_next(&p, at, (size_t)(end - at), &used, &piece);
            at += used;
        } while (rc > 0);
        CHECK_EQ(rc, w->code);
        CHECK_EQ(hob__h1_next(&p, at, (size_t)(end - at), &used, &piece), HOB_E_HTTP_STATE);
    }
}

/* A head of `lines` fields whose first has a value of `value` bytes. */
static size_t big_head(char *out, size_t lines, size_t value) {
    size_t n = (size_t)sprintf(out, "GET / HTTP/1.1\r\nHost: a\r\nx: ");
    memset(out + n, 'v', value);
    n += value;
    n += (size_t)sprintf(out + n, "\r\n");
    for (size_t i = 1; i < lines; i++) n += (size_t)sprintf(out + n, "y: z\r\n");
    return n + (size_t)sprintf(out + n, "\r\n");
}

static int verdict(struct how how, const char *text, size_t n) {
    run(&whole, how, text, n, n);
    run(&bytes, how, text, n, 1);
    CHECK_STR(bytes.text, whole.text);
    run(&cuts, how, text, n, 700);
    CHECK_STR(cuts.text, whole.text);
    return error_in(&whole);
}

TEST(limits) {
    static char text[1 << 17];
    struct how how = {.limits = {.line = 100, .block = 1000, .fields = 10}};
    CHECK_EQ(verdict(how, text, big_head(text, 1, 97)), 0);
    CHECK_EQ(verdict(how, text, big_head(text, 1, 98)), HOB_E_HTTP_LINE_TOO_LONG);
    CHECK_EQ(verdict(how, text, big_head(text, 9, 1)), 0);
    CHECK_EQ(verdict(how, text, big_head(text, 10, 1)), HOB_E_HTTP_TOO_MANY_HEADERS);
    how.limits.line = 5000;
    size_t n = big_head(text, 1, 968);
    CHECK_EQ(n, 1000);
    CHECK_EQ(verdict(how, text, n), 0);
    CHECK_EQ(verdict(how, text, big_head(text, 1, 969)), HOB_E_HTTP_HEADERS_TOO_LARGE);
    how = (struct how){0}; /* the defaults */
    CHECK_EQ(verdict(how, text, big_head(text, 127, 8189)), 0);
    CHECK_EQ(verdict(how, text, big_head(text, 128, 1)), HOB_E_HTTP_TOO_MANY_HEADERS);
    CHECK_EQ(verdict(how, text, big_head(text, 1, 8190)), HOB_E_HTTP_LINE_TOO_LONG);
    memset(text, 'x', sizeof text);
    CHECK_EQ(verdict(how, text, 8193), 0);
    CHECK_EQ(verdict(how, text, 8194), HOB_E_HTTP_LINE_TOO_LONG);
    n = (size_t)sprintf(text, GET);
    while (n < 70000) n += (size_t)sprintf(text + n, "name: %0*d\r\n", 4000, 0);
    CHECK_EQ(verdict(how, text, n), HOB_E_HTTP_HEADERS_TOO_LARGE);
    CHECK(whole.used <= 65537);
}

TEST(chunk_overhead_is_bounded) {
    static char text[1 << 17];
    size_t n = (size_t)sprintf(text, CHUNKED);
    size_t head = n;
    for (int i = 0; i < 5000; i++) n += (size_t)sprintf(text + n, "1\r\nx\r\n");
    n += (size_t)sprintf(text + n, "0\r\n\r\n");
    CHECK_EQ(verdict((struct how){0}, text, n), 0);
    n = head;
    for (int i = 0; i < 500; i++) n += (size_t)sprintf(text + n, "1;%0100d\r\nx\r\n", 0);
    CHECK_EQ(verdict((struct how){0}, text, n), HOB_E_HTTP_CHUNK);
    n = head;
    n += (size_t)sprintf(text + n, "1;");
    memset(text + n, 'e', 8192);
    n += 8192;
    n += (size_t)sprintf(text + n, "\r\nx\r\n");
    CHECK_EQ(verdict((struct how){0}, text, n), HOB_E_HTTP_LINE_TOO_LONG);
    n = head;
    n += (size_t)sprintf(text + n, "0\r\n");
    while (n < 70000 + head) n += (size_t)sprintf(text + n, "name: %0*d\r\n", 4000, 0);
    CHECK_EQ(verdict((struct how){0}, text, n), HOB_E_HTTP_HEADERS_TOO_LARGE);
}

/* Small pieces of a long head must not be scanned again and again. */
TEST(scanning_is_linear) {
    struct hob__h1 p;
    size_t used;
    struct hob_slice piece;
    struct hob__h1_limits limits = {.line = 1 << 26, .block = 1 << 26};
    size_t n = 1 << 25;
    char *text = malloc(n);
    memset(text, 'v', n);
    memcpy(text, "GET /", 5);
    hob__h1_init(&p, false, &limits);
    hob__h1_start(&p, NULL, 0);
    for (size_t have = 0; have < n; have += 16)
        CHECK_EQ(hob__h1_next(&p, text, have, &used, &piece), HOB__H1_NEED);
    free(text);
}

TEST(bodies_past_the_parser) {
    struct hob__h1 p;
    size_t used;
    struct hob_slice piece;
    const char *text = CHUNKED "5\r\n";
    hob__h1_init(&p, false, NULL);
    hob__h1_start(&p, NULL, 0);
    CHECK_EQ(hob__h1_direct(&p), 0);
    CHECK_EQ(hob__h1_next(&p, text, strlen(text), &used, &piece), HOB__H1_HEAD);
    CHECK_EQ(hob__h1_next(&p, text + used, 3, &used, &piece), HOB__H1_NEED);
    CHECK_EQ(used, 3);
    CHECK_EQ(hob__h1_direct(&p), 5);
    hob__h1_direct_done(&p, 2);
    CHECK_EQ(hob__h1_direct(&p), 3);
    hob__h1_direct_done(&p, 3);
    CHECK_EQ(hob__h1_direct(&p), 0);
    CHECK_EQ(hob__h1_next(&p, "\r\n0\r\n\r\n", 7, &used, &piece), HOB__H1_END);
    CHECK_EQ(used, 7);
    CHECK(hob__h1_idle(&p));
}

TEST(lists) {
    CHECK(hob__h1_list_has("a, Close ,b", 11, "close"));
    CHECK(hob__h1_list_has("close", 5, "close"));
    CHECK(!hob__h1_list_has("closed", 6, "close"));
    CHECK(!hob__h1_list_has("clos", 4, "close"));
    CHECK(!hob__h1_list_has(",, ,", 4, ""));
    CHECK(!hob__h1_list_has("", 0, "close"));
}

TEST(scans_agree_with_the_plain_ones) {
    srand(7);
    for (int round = 0; round < 200000; round++) {
        size_t n = (size_t)rand() % 70;
        char *p = edge_room(n);
        for (size_t i = 0; i < n; i++)
            p[i] = rand() % 40 ? (char)(0x21 + rand() % 0x5e) : (char)rand();
        CHECK(hob__scan_value(p, p + n) == hob__scan_value_plain(p, p + n));
        CHECK(hob__scan_target(p, p + n) == hob__scan_target_plain(p, p + n));
        CHECK(hob__scan_path(p, p + n) == hob__scan_path_plain(p, p + n));
        CHECK(hob__scan_token(p, p + n) == hob__scan_token_plain(p, p + n));
    }
    for (int c = 0; c < 256; c++) { /* each byte at each place */
        char *p = edge_room(40);
        for (int i = 0; i < 40; i++) {
            memset(p, 'a', 40);
            p[i] = (char)c;
            bool value = c == '\t' || (c >= 0x20 && c != 0x7f);
            bool target = c > 0x20 && c < 0x7f && c != '#';
            CHECK(hob__scan_value(p, p + 40) == (value ? p + 40 : p + i));
            CHECK(hob__scan_target(p, p + 40) == (target ? p + 40 : p + i));
            bool token = c && (strchr("!#$%&'*+-.^_`|~", c) || (c >= '0' && c <= '9') ||
                               (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
            CHECK(hob__scan_token(p, p + 40) == (token ? p + 40 : p + i));
            CHECK(hob__scan_path(p, p + 40) == (target && c != '?' ? p + 40 : p + i));
            bool host = c && (strchr(".:-", c) || (c >= '0' && c <= '9') ||
                              (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
            size_t n = 8 + (size_t)i % 9;
            if ((size_t)i < n && hob__plain_host(p, n)) CHECK(host);
        }
    }
}

TEST(writer_refuses_what_breaks_messages) {
    struct hob__buffer b = {0};
    CHECK_EQ(hob__h1_put_request(&b, "GET", "/", 1), 0);
    CHECK_EQ(hob__h1_put_request(&b, "G T", "/", 1), HOB_E_HTTP_ILLEGAL);
    CHECK_EQ(hob__h1_put_request(&b, "", "/", 1), HOB_E_HTTP_ILLEGAL);
    CHECK_EQ(hob__h1_put_request(&b, "GET", "/ x", 3), HOB_E_HTTP_ILLEGAL);
    CHECK_EQ(hob__h1_put_request(&b, "GET", "", 0), HOB_E_HTTP_ILLEGAL);
    CHECK_EQ(hob__h1_put_request(&b, "GET", "/\r\n", 3), HOB_E_HTTP_ILLEGAL);
    CHECK_EQ(hob__h1_put_field(&b, "a", "b\r\nc: d", 7), HOB_E_HTTP_ILLEGAL);
    CHECK_EQ(hob__h1_put_field(&b, "a", "b\nc", 3), HOB_E_HTTP_ILLEGAL);
    CHECK_EQ(hob__h1_put_field(&b, "a", "b\0c", 3), HOB_E_HTTP_ILLEGAL);
    CHECK_EQ(hob__h1_put_field(&b, "a:", "b", 1), HOB_E_HTTP_ILLEGAL);
    CHECK_EQ(hob__h1_put_field(&b, "a ", "b", 1), HOB_E_HTTP_ILLEGAL);
    CHECK_EQ(hob__h1_put_field(&b, "", "b", 1), HOB_E_HTTP_ILLEGAL);
    CHECK_EQ(hob__h1_put_status(&b, 99), HOB_E_HTTP_ILLEGAL);
    CHECK_EQ(hob__h1_put_status(&b, 1000), HOB_E_HTTP_ILLEGAL);
    CHECK_EQ(hob__buffer_size(&b), 16); /* nothing was left behind by the refusals */
    static char large[70000];
    memset(large, 'x', sizeof large);
    CHECK_EQ(hob__h1_put_field(&b, "a", large, sizeof large), HOB_E_HTTP_HEADERS_TOO_LARGE);
    CHECK_EQ(hob__h1_put_field(&b, "a", large, 65530), HOB_E_HTTP_HEADERS_TOO_LARGE);
    hob__buffer_free(&b);
}

static size_t random_text(char *out, const char *from, size_t max) {
    size_t n = (size_t)rand() % (max + 1);
    for (size_t i = 0; i < n; i++) out[i] = from[(size_t)rand() % strlen(from)];
    out[n] = 0;
    return n;
}

/* Messages by a generator: what the writer writes, the parser reads, whatever the cut. */
TEST(writer_and_parser_agree) {
    static const char names[] = "abcXYZ019-_.!~", values[] = "aB3 \t,;=\"/\\\xe4~";
    static char expected[1 << 16];
    srand(11);
    for (int round = 0; round < 3000; round++) {
        struct hob__buffer b = {0};
        bool response = rand() % 2, chunked = rand() % 2;
        size_t n = 0, fields = (size_t)rand() % 8;
        char body[300], name[20], value[80], chunk[HOB__H1_CHUNK_HEAD];
        size_t body_size = random_text(body, "0123456789\r\nabc", sizeof body - 1);
        if (response)
            CHECK_EQ(hob__h1_put_status(&b, 200), 0);
        else
            CHECK_EQ(hob__h1_put_request(&b, "PATCH", "/a?b", 4), 0);
        n += (size_t)sprintf(expected + n, "%s 1.1%s keep%s", response ? "200" : "PATCH /a?b",
                             response ? " 'OK'" : "", chunked ? " chunked" : "");
        if (!chunked) n += (size_t)sprintf(expected + n, " length=%zu", body_size);
        n += (size_t)sprintf(expected + n, "|Host=h");
        CHECK_EQ(hob__h1_put_field(&b, "Host", "h", 1), 0);
        for (size_t i = 0; i < fields; i++) {
            name[0] = 'n';
            random_text(name + 1, names, sizeof name - 2);
            size_t size = random_text(value, values, sizeof value - 1);
            CHECK_EQ(hob__h1_put_field(&b, name, value, size), 0);
            const char *v = value, *end = value + size;
            while (v < end && (*v == ' ' || *v == '\t')) v++;
            while (v < end && (end[-1] == ' ' || end[-1] == '\t')) end--;
            n += (size_t)sprintf(expected + n, "|%s=%.*s", name, (int)(end - v), v);
        }
        if (chunked) {
            CHECK_EQ(hob__h1_put_field(&b, "Transfer-Encoding", "chunked", 7), 0);
            n += (size_t)sprintf(expected + n, "|Transfer-Encoding=chunked\n");
        } else {
            CHECK_EQ(hob__h1_put_number(&b, "Content-Length", body_size), 0);
            n += (size_t)sprintf(expected + n, "|Content-Length=%zu\n", body_size);
        }
        CHECK_EQ(hob__h1_put_end(&b), 0);
        for (size_t at = 0; at < body_size;) {
            size_t piece = chunked ? (size_t)rand() % 40 + 1 : body_size;
            if (piece > body_size - at) piece = body_size - at;
            if (chunked) hob__buffer_append(&b, chunk, hob__h1_chunk_head(chunk, piece), SIZE_MAX);
            hob__buffer_append(&b, body + at, piece, SIZE_MAX);
            if (chunked) hob__buffer_append(&b, "\r\n", 2, SIZE_MAX);
            at += piece;
        }
        if (chunked) hob__buffer_append(&b, "0\r\n\r\n", 5, SIZE_MAX);
        if (body_size) n += (size_t)sprintf(expected + n, "<%.*s>\n", (int)body_size, body);
        sprintf(expected + n, "END\n");
        struct how how = {.response = response};
        run(&whole, how, hob__buffer_bytes(&b), hob__buffer_size(&b), hob__buffer_size(&b));
        CHECK_STR(whole.text, expected);
        run(&cuts, how, hob__buffer_bytes(&b), hob__buffer_size(&b), 0);
        CHECK_STR(cuts.text, expected);
        CHECK_EQ(cuts.used, hob__buffer_size(&b));
        hob__buffer_free(&b);
    }
}

TEST(chunk_heads) {
    char out[HOB__H1_CHUNK_HEAD];
    CHECK_EQ(hob__h1_chunk_head(out, 0), 3);
    CHECK(memcmp(out, "0\r\n", 3) == 0);
    CHECK_EQ(hob__h1_chunk_head(out, 0x1f4), 5);
    CHECK(memcmp(out, "1f4\r\n", 5) == 0);
    CHECK_EQ(hob__h1_chunk_head(out, UINT64_MAX), 18);
    CHECK(memcmp(out, "ffffffffffffffff\r\n", 18) == 0);
}

TEST_MAIN()
