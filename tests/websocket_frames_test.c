/* websocket_frames_test.c - the frames of RFC 6455 byte by byte: the reader alone, with every cut;
 * then a peer by hand, on either side, that breaks each rule, and the code that it is told. */
#include "websocket_test.h"

#include <zlib.h>

#include "../fuzz/fuzz.h"
#include "http/websocket/websocket.h"

/* ---- frames by hand ---- */

static char frame_bytes[400000];
static size_t frame_size;

static void start(void) { frame_size = 0; }

static void put(const void *bytes, size_t n) {
    CHECK(frame_size + n <= sizeof frame_bytes);
    if (n) memcpy(frame_bytes + frame_size, bytes, n);
    frame_size += n;
}

/* first: with its upper bits; masked by 1 2 3 4, if so. */
static void put_frame(unsigned first, const void *data, size_t n, bool masked) {
    uint8_t head[14], mask[4] = {1, 2, 3, 4};
    put(head, hob__ws_head(head, first, n, masked ? mask : NULL));
    for (size_t i = 0; i < n; i++) {
        char c = (char)(((const char *)data)[i] ^ (masked ? mask[i % 4] : 0));
        put(&c, 1);
    }
}

enum { FIN = 0x80, RSV1 = 0x40 };
#define TEXT_FRAME(s, masked) put_frame(FIN | HOB__WS_TEXT, (s), strlen(s), (masked))

/* What the reader says to the frames, cut in two everywhere, and into single bytes: "T" text, "B"
 * binary, data in brackets, "." end, "<ping>" ..., and at last the error. */
static void read_with(struct hob__ws_reader *r, char *bytes, size_t n, char *out, size_t cap) {
    size_t at = 0;
    char *end = out + strlen(out);
    for (;;) {
        size_t used;
        struct hob_slice piece;
        char *copy = edge_copy(bytes + at, n - at);
        int rc = hob__ws_next(r, copy, n - at, &used, &piece);
        CHECK(used <= n - at);
        at += used;
        size_t left = cap - (size_t)(end - out);
        if (rc == HOB__WS_NEED) {
            CHECK_EQ(at, n);
            return;
        }
        if (rc == HOB__WS_BEGIN) end += snprintf(end, left, "%c", r->message == 1 ? 'T' : 'B');
        if (rc == HOB__WS_DATA) end += snprintf(end, left, "%.*s", (int)piece.size, piece.at);
        if (rc == HOB__WS_END) end += snprintf(end, left, ".");
        if (rc == HOB__WS_GOT_PING) end += snprintf(end, left, "<%.*s>", (int)piece.size, piece.at);
        if (rc == HOB__WS_GOT_PONG) end += snprintf(end, left, "{%.*s}", (int)piece.size, piece.at);
        if (rc == HOB__WS_GOT_CLOSE)
            end += snprintf(end, left, "#%u %.*s", r->code, (int)piece.size, piece.at);
        if (rc < 0) {
            snprintf(end, left, "!%d", rc);
            CHECK_EQ(hob__ws_next(r, copy, 0, &used, &piece), HOB_E_WEBSOCKET_STATE);
            CHECK(r->why && r->why[0]);
            return;
        }
    }
}

static bool masked_now, deflate_now;
static uint64_t max_now;

static void begin_reader(struct hob__ws_reader *r) {
    hob__ws_reader_init(r, masked_now, max_now);
    r->deflate = deflate_now;
}

static void expect(const char *wanted) {
    static char whole[1 << 16], other[1 << 16];
    struct hob__ws_reader r;
    begin_reader(&r);
    whole[0] = 0;
    read_with(&r, frame_bytes, frame_size, whole, sizeof whole);
    CHECK_STR(whole, wanted);
    for (size_t cut = 0; cut <= frame_size && frame_size < 3000; cut++) {
        begin_reader(&r);
        other[0] = 0;
        read_with(&r, frame_bytes, cut, other, sizeof other);
        if (!strchr(other, '!'))
            read_with(&r, frame_bytes + cut, frame_size - cut, other, sizeof other);
        CHECK_STR(other, wanted);
    }
    begin_reader(&r);
    other[0] = 0;
    for (size_t i = 0; i < frame_size && !strchr(other, '!'); i++)
        read_with(&r, frame_bytes + i, 1, other, sizeof other);
    CHECK_STR(other, wanted);
}

TEST(frames_that_are_right) {
    for (int i = 0; i < 2; i++) {
        bool m = masked_now = i;
        start();
        TEXT_FRAME("hello", m);
        put_frame(FIN | HOB__WS_BINARY, "", 0, m);
        put_frame(HOB__WS_TEXT, "a", 1, m);
        put_frame(FIN | HOB__WS_PING, "p", 1, m);
        put_frame(HOB__WS_CONTINUATION, "", 0, m);
        put_frame(FIN | HOB__WS_PONG, "", 0, m);
        put_frame(FIN | HOB__WS_CONTINUATION, "bc", 2, m);
        put_frame(FIN | HOB__WS_CLOSE,
                  "\x03\xE8"
                  "bye",
                  5, m);
        put_frame(FIN | HOB__WS_TEXT, "dropped", 7, m);
        expect("Thello.B.Ta<p>{}bc.#1000 bye");
        start();
        put_frame(FIN | HOB__WS_CLOSE, "", 0, m);
        expect("#1005 ");
    }
}

TEST(texts_are_checked_as_they_come) {
    masked_now = false;
    start();
    put_frame(HOB__WS_TEXT, "\xE2", 1, false);
    put_frame(HOB__WS_CONTINUATION, "\x82", 1, false);
    put_frame(FIN | HOB__WS_CONTINUATION, "\xAC\xF0\x9F\x98\x80", 5, false);
    expect("T\xE2\x82\xAC\xF0\x9F\x98\x80.");
    static const char *const bad[] = {"\x80",
                                      "\xC0\x80",
                                      "\xC1\xBF",
                                      "\xE0\x9F\xBF",
                                      "\xED\xA0\x80",
                                      "\xF0\x8F\xBF\xBF",
                                      "\xF4\x90\x80\x80",
                                      "\xF5\x80\x80\x80",
                                      "\xFF",
                                      "abc\xC3(",
                                      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xFEz"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct hob__utf8 u = {0};
        size_t n = strlen(bad[i]);
        CHECK(!hob__utf8_next(&u, edge_copy(bad[i], n), n));
        for (size_t cut = 0; cut <= n; cut++) { /* in one go or in two */
            u = (struct hob__utf8){0};
            bool ok = hob__utf8_next(&u, edge_copy(bad[i], cut), cut) &&
                      hob__utf8_next(&u, edge_copy(bad[i] + cut, n - cut), n - cut);
            CHECK(!ok);
        }
    }
    /* Told at the first byte that cannot be, not at the message's end. */
    start();
    put_frame(HOB__WS_TEXT, "\xF4", 1, false);
    put_frame(HOB__WS_CONTINUATION, "\x90", 1, false);
    expect("T\xF4!-5161");
    start();
    TEXT_FRAME("\xE2\x82", false);
    expect("T\xE2\x82!-5161");
    start();
    put_frame(FIN | HOB__WS_CLOSE, "\x03\xE8\xFF", 3, false);
    expect("!-5161");
    /* All of two, three and four bytes, against a reading bit by bit. */
    for (uint32_t c = 0x80; c < 0x120000; c += c < 0x3000 ? 1 : 61) {
        char t[4];
        size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        for (size_t i = n; i-- > 0;)
            t[i] = (char)(i ? 0x80 | (c >> 6 * (n - 1 - i) & 63)
                            : (uint8_t)(0xF00 >> n) | c >> 6 * (n - 1));
        bool right = !(c >= 0xD800 && c < 0xE000) && c < 0x110000;
        for (size_t cut = 0; cut <= n; cut++) {
            struct hob__utf8 u = {0};
            CHECK_EQ(hob__utf8_next(&u, t, cut) && hob__utf8_next(&u, t + cut, n - cut) &&
                         hob__utf8_complete(&u),
                     right);
        }
    }
}

TEST(each_broken_rule_is_told) {
    struct {
        const char *bytes;
        size_t n;
        bool masked;
    } broken[] = {
#define B(s, m) {s, sizeof s - 1, m}
        B("\x83\x00", false),
        B("\x84\x00", false),
        B("\x85\x00", false),
        B("\x86\x00", false),
        B("\x87\x00", false),
        B("\x8B\x00", false),
        B("\x8C\x00", false),
        B("\x8D\x00", false),
        B("\x8E\x00", false),
        B("\x8F\x00", false), /* reserved opcodes */
        B("\xC1\x00", false),
        B("\xA1\x00", false),
        B("\x91\x00", false),
        B("\xC9\x00", false),
        B("\x81\x00", true),
        B("\x89\x00", true), /* a client without a mask */
        B("\x81\x80"
          "abcd",
          false),
        B("\x8A\x80"
          "abcd",
          false), /* a server with one */
        B("\x09\x00", false),
        B("\x08\x00", false),
        B("\x0A\x00", false), /* in fragments */
        B("\x89\x7E\x00\x7E", false),
        B("\x8A\x7F", false), /* control frames over 125 */
        B("\x80\x00", false),
        B("\x00\x00", false), /* a continuation of nothing */
        B("\x01\x00\x81\x00", false),
        B("\x01\x00\x82\x00", false), /* a message in a message */
        B("\x81\x01"
          "a"
          "\x80\x00",
          false),
        B("\x81\x7E\x00\x7D", false),
        B("\x82\x7E\x00\x00", false), /* longer than needed */
        B("\x82\x7F\x00\x00\x00\x00\x00\x00\xFF\xFF", false),
        B("\x82\x7F\x80\x00\x00\x00\x00\x00\x00\x00", false), /* beyond 2^63 */
        B("\x88\x01\x03", false),                             /* close frames */
        B("\x88\x02\x03\xE7", false),
        B("\x88\x02\x03\xEC", false),
        B("\x88\x02\x03\xED", false),
        B("\x88\x02\x03\xEE", false),
        B("\x88\x02\x03\xF7", false),
        B("\x88\x02\x03\xF8", false),
        B("\x88\x02\x0B\xB7", false),
        B("\x88\x02\x13\x88", false),
        B("\x88\x02\x00\x00", false),
        B("\x88\x02\xFF\xFF", false),
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        static char said[100];
        struct hob__ws_reader r;
        masked_now = broken[i].masked;
        begin_reader(&r);
        said[0] = 0;
        read_with(&r, (char *)(uintptr_t)broken[i].bytes, broken[i].n, said, sizeof said);
        if (!strstr(said, "!-5160")) FAIL("case %zu: \"%s\"", i, said);
    }
    /* RSV1 is for the first frame of a message, where it was agreed on. */
    masked_now = false;
    deflate_now = true;
    start();
    put_frame(RSV1 | HOB__WS_TEXT, "\xFF", 1, false);
    put_frame(FIN | HOB__WS_CONTINUATION, "\xFF", 1, false);
    expect("T\xFF\xFF.");
    start();
    put_frame(HOB__WS_TEXT, "", 0, false);
    put_frame(RSV1 | FIN | HOB__WS_CONTINUATION, "", 0, false);
    expect("T!-5160");
    start();
    put_frame(RSV1 | FIN | HOB__WS_PING, "", 0, false);
    expect("!-5160");
}

TEST(limits_are_kept_before_anything_is_read) {
    masked_now = false;
    max_now = 1000;
    start();
    put("\x82\x7F\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 10);
    expect("!-5162");
    start();
    static char zeroes[1001];
    put_frame(HOB__WS_BINARY, zeroes, 0, false);
    put("\x80\x7E\x03\xE9", 4);
    expect("B!-5162");
    start();
    put("\x02\x02"
        "ab\x80\x7E\x03\xE7",
        8);
    expect("Bab!-5162");
}

TEST(masks_of_any_length_at_any_place) {
    char from[200], to[200];
    for (size_t i = 0; i < sizeof from; i++) from[i] = (char)(i * 37);
    for (size_t at = 0; at < 9; at++)
        for (size_t n = 0; n < 150; n++)
            for (size_t turn = 0; turn < 4; turn++) {
                uint8_t mask[4] = {0x11, 0xA2, 0x3B, 0xC4}, m[4];
                for (size_t k = 0; k < 4; k++) m[k] = mask[(k + turn) % 4];
                memcpy(to, from, sizeof to);
                hob__ws_mask(to + at, from + at, n, m);
                for (size_t i = 0; i < sizeof to; i++) {
                    bool in = i >= at && i < at + n;
                    uint8_t want = (uint8_t)from[i] ^ (in ? mask[(i - at + turn) % 4] : 0);
                    CHECK_EQ((uint8_t)to[i], want);
                }
                for (size_t k = 0; k < 4; k++) CHECK_EQ(m[k], mask[(k + turn + n) % 4]);
            }
}

TEST(the_proof_is_the_one_of_the_standard) {
    char out[HOB__WS_ACCEPT + 1];
    hob__ws_accept_key("dGhlIHNhbXBsZSBub25jZQ==", out);
    CHECK_STR(out, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    CHECK(hob__ws_key_legal("dGhlIHNhbXBsZSBub25jZQ=="));
    CHECK(!hob__ws_key_legal("dGhlIHNhbXBsZSBub25jZR=="));
    CHECK(!hob__ws_key_legal("dGhlIHNhbXBsZSBub25jZQ="));
    CHECK(!hob__ws_key_legal("dGhlIHNhbXBsZSBub25j!Q=="));
    CHECK(!hob__ws_key_legal(""));
}

/* ---- what is agreed on about compression ---- */

static const char *chosen(const char *offers, struct hob_websocket_options o) {
    static char out[HOB__WS_EXTENSION_MAX];
    struct hob__ws_deflate d = {.on = false};
    out[0] = 0;
    if (!hob__ws_deflate_choose(&o, offers, &d, out)) return "malformed";
    CHECK_EQ(d.on, out[0] != 0);
    return out;
}

TEST(offers_of_compression_and_their_answers) {
    struct hob_websocket_options on = {.deflate = true},
                                 keep = {.deflate = true, .deflate_keep = true};
#define PMD "permessage-deflate"
#define NEITHER "; server_no_context_takeover; client_no_context_takeover"
    CHECK_STR(chosen(PMD, (struct hob_websocket_options){0}), "");
    CHECK_STR(chosen(PMD, on), PMD NEITHER);
    CHECK_STR(chosen(PMD, keep), PMD);
    CHECK_STR(chosen("x-other; a=1, " PMD, keep), PMD);
    CHECK_STR(chosen(PMD "; server_no_context_takeover", keep), PMD "; server_no_context_takeover");
    CHECK_STR(chosen(PMD "; client_no_context_takeover", keep), PMD "; client_no_context_takeover");
    CHECK_STR(chosen(PMD "; server_max_window_bits=10", keep), PMD "; server_max_window_bits=10");
    CHECK_STR(chosen(PMD "; server_max_window_bits=\"10\"", keep),
              PMD "; server_max_window_bits=10");
    CHECK_STR(chosen(PMD "; client_max_window_bits", keep), PMD);
    CHECK_STR(chosen(PMD "; client_max_window_bits=10", keep), PMD "; client_max_window_bits=10");
    keep.deflate_bits = 11;
    keep.deflate_peer_bits = 12;
    CHECK_STR(chosen(PMD, keep), PMD "; server_max_window_bits=11");
    CHECK_STR(chosen(PMD "; client_max_window_bits", keep),
              PMD "; server_max_window_bits=11; client_max_window_bits=12");
    keep.deflate_bits = keep.deflate_peer_bits = 0;
    /* Declined, and the next one taken. */
    static const char *const declined[] = {
        PMD "; unknown",
        PMD "; server_max_window_bits",
        PMD "; server_max_window_bits=7",
        PMD "; server_max_window_bits=16",
        PMD "; server_max_window_bits=08",
        PMD "; server_no_context_takeover=1",
        PMD "; server_no_context_takeover; server_no_context_takeover",
        PMD "; client_max_window_bits=0",
        PMD "; a; b; c; d; e; f; g; h; i"};
    for (size_t i = 0; i < sizeof declined / sizeof *declined; i++) {
        char both[200];
        CHECK_STR(chosen(declined[i], keep), "");
        snprintf(both, sizeof both, "%s, " PMD, declined[i]);
        CHECK_STR(chosen(both, keep), PMD);
    }
    static const char *const malformed[] = {PMD ";", "=",      PMD "; a=",    PMD "; a=\"b",
                                            ";a",    PMD " x", PMD "; a=b c", PMD "; a=\"\""};
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
        CHECK_STR(chosen(malformed[i], keep), "malformed");
    CHECK_STR(chosen("", keep), "");
    CHECK_STR(chosen(" , ,", keep), "");
}

TEST(answers_about_compression_that_a_client_takes) {
    struct hob_websocket_options off = {0}, on = {.deflate = true},
                                 keep = {.deflate = true, .deflate_keep = true},
                                 small = {.deflate = true,
                                          .deflate_keep = true,
                                          .deflate_peer_bits = 10};
    struct hob__ws_deflate d;
    CHECK(hob__ws_deflate_answered(&off, NULL, &d) && !d.on);
    CHECK(!hob__ws_deflate_answered(&off, PMD, &d));
    CHECK(!hob__ws_deflate_answered(&on, PMD, &d));
    CHECK(hob__ws_deflate_answered(&on, PMD "; server_no_context_takeover", &d) && d.on);
    CHECK(!d.send_keeps && !d.receive_keeps);
    CHECK(hob__ws_deflate_answered(&keep, PMD, &d) && d.send_keeps && d.receive_keeps);
    CHECK(hob__ws_deflate_answered(&keep, PMD "; client_no_context_takeover", &d));
    CHECK(!d.send_keeps && d.receive_keeps);
    CHECK(hob__ws_deflate_answered(&keep, PMD "; client_max_window_bits=9", &d));
    CHECK_EQ(d.send_bits, 9);
    CHECK(hob__ws_deflate_answered(&small, PMD "; server_max_window_bits=9", &d));
    CHECK(!hob__ws_deflate_answered(&small, PMD, &d));
    CHECK(!hob__ws_deflate_answered(&small, PMD "; server_max_window_bits=11", &d));
    CHECK(!hob__ws_deflate_answered(&keep, PMD "; client_max_window_bits", &d));
    CHECK(!hob__ws_deflate_answered(&keep, PMD "; unknown", &d));
    CHECK(!hob__ws_deflate_answered(&keep, PMD ", " PMD, &d));
    CHECK(!hob__ws_deflate_answered(&keep, "x-other", &d));
    CHECK(!hob__ws_deflate_answered(&keep, PMD ";", &d));
}

/* ---- a client by hand ---- */

#define ASK(path, more)                                                                            \
    "GET " path " HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"            \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" more "\r\n"

static char got[1 << 20];
static size_t got_size;

/* Sends the handshake and the frames; what came behind the answer's head. */
static const char *talk(struct hob_listener *l, const char *ask) {
    static char out[1 << 19];
    size_t n = strlen(ask);
    memcpy(out, ask, n);
    memcpy(out + n, frame_bytes, frame_size);
    got_size = raw(l, out, n + frame_size, NULL, got, sizeof got);
    char *body = strstr(got, "\r\n\r\n");
    CHECK(body != NULL);
    if (strncmp(got, "HTTP/1.1 101 ", 13) != 0) FAIL("%s", got);
    got_size -= (size_t)(body + 4 - got);
    return body + 4;
}

/* The last frame is a close with that code. */
static void expect_close(const char *frames, unsigned code, int i) {
    size_t at = 0, last = 0;
    while (at < got_size) {
        size_t n = (uint8_t)frames[at + 1];
        last = at;
        if (n == 126) n = 2 + ((size_t)(uint8_t)frames[at + 2] << 8 | (uint8_t)frames[at + 3]);
        at += 2 + n;
    }
    CHECK_EQ(at, got_size);
    if (at == 0 || (uint8_t)frames[last] != 0x88 || (uint8_t)frames[last + 1] < 2)
        FAIL("case %d: no close with a code, but %zu bytes", i, got_size);
    CHECK_EQ((uint8_t)frames[last + 2] << 8 | (uint8_t)frames[last + 3], code);
}

/* What a deflate of n bytes at `data` gives, without its tail. */
static size_t packed(const void *data, size_t n, char *out, size_t cap) {
    z_stream z = {0};
    CHECK_EQ(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)data;
    z.avail_in = (unsigned)n;
    z.next_out = (Bytef *)out;
    z.avail_out = (unsigned)cap;
    CHECK_EQ(deflate(&z, Z_SYNC_FLUSH), Z_OK);
    size_t size = cap - z.avail_out - 4;
    deflateEnd(&z);
    return size;
}

/* The i-th wrong thing that a peer may send, by the side that it plays; its code. 0: no more. */
static unsigned wrong(int i, bool m, bool deflates) {
    static char big[70000], small[70000];
    size_t n;
    start();
    switch (i) {
    case 0:
        put_frame(FIN | 3, "", 0, m);
        return 1002;
    case 1:
        put_frame(FIN | 15, "", 0, m);
        return 1002;
    case 2:
        put_frame(FIN | 0x20 | HOB__WS_TEXT, "a", 1, m);
        return 1002;
    case 3:
        put_frame(FIN | HOB__WS_TEXT, "a", 1, !m);
        return 1002;
    case 4:
        put_frame(FIN | HOB__WS_PING, "a", 1, !m);
        return 1002;
    case 5:
        put_frame(HOB__WS_PING, "a", 1, m);
        return 1002;
    case 6:
        put_frame(FIN | HOB__WS_PING, big, 126, m);
        return 1002;
    case 7:
        put_frame(FIN | HOB__WS_CONTINUATION, "a", 1, m);
        return 1002;
    case 8:
        put_frame(HOB__WS_TEXT, "a", 1, m);
        put_frame(FIN | HOB__WS_PING, "p", 1, m);
        put_frame(FIN | HOB__WS_TEXT, "b", 1, m);
        return 1002;
    case 9:
        put_frame(FIN | HOB__WS_CLOSE, "x", 1, m);
        return 1002;
    case 10:
        put_frame(FIN | HOB__WS_CLOSE, "\x03\xED", 2, m);
        return 1002; /* 1005 */
    case 11:
        put_frame(FIN | HOB__WS_CLOSE, "\x03\xE8\xC3", 3, m);
        return 1007;
    case 12:
        put_frame(FIN | HOB__WS_TEXT, "\xFF", 1, m);
        return 1007;
    case 13:
        put_frame(HOB__WS_TEXT, "\xE2\x82", 2, m);
        put_frame(FIN | HOB__WS_CONTINUATION, "x", 1, m);
        return 1007;
    case 14:
        put_frame(FIN | HOB__WS_TEXT, "\xE2\x82", 2, m);
        return 1007;
    case 15:
        put(m ? "\x82\xFE\x00\x05" : "\x82\x7E\x00\x05", 4);
        put("abcdABCDE", 9);
        return 1002;
    case 16:
        put(m ? "\x82\xFF\x80\0\0\0\0\0\0\0" : "\x82\x7F\x80\0\0\0\0\0\0\0", 10);
        put("abcd", 4);
        return 1002;
    case 17:
        put(m ? "\x82\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
              : "\x82\x7F\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
            10);
        put("abcd", 4);
        return 1009;
    case 18:
        put_frame(FIN | HOB__WS_BINARY, big, 60001, m);
        return 1009;
    case 19:
        put_frame(HOB__WS_BINARY, big, 60000, m);
        put_frame(FIN | HOB__WS_CONTINUATION, "x", 1, m);
        return 1009;
    case 20:
        put_frame(FIN | RSV1 | HOB__WS_TEXT, "\x07", 1, m);
        return deflates ? 1007 : 1002;
    default:
        break;
    }
    if (!deflates) return 0;
    memset(big, 'a', sizeof big);
    switch (i) {
    case 21:
        put_frame(FIN | RSV1 | HOB__WS_TEXT, "\xFF\xFF\xFF\xFF", 4, m);
        return 1007;
    case 22: /* a bomb */
        n = packed(big, 60001, small, sizeof small);
        put_frame(FIN | RSV1 | HOB__WS_BINARY, small, n, m);
        return 1009;
    case 23:
        n = packed("abc\xFF", 4, small, sizeof small);
        put_frame(FIN | RSV1 | HOB__WS_TEXT, small, n, m);
        return 1007;
    case 24:
        n = packed("abc\xE2\x82", 5, small, sizeof small);
        put_frame(RSV1 | HOB__WS_TEXT, small, 3, m);
        put_frame(FIN | HOB__WS_CONTINUATION, small + 3, n - 3, m);
        return 1007;
    case 25:
        put_frame(FIN | RSV1 | HOB__WS_PING, "", 0, m);
        return 1002;
    case 26:
        put_frame(RSV1 | HOB__WS_TEXT, "", 0, m);
        put_frame(FIN | RSV1 | HOB__WS_CONTINUATION, "", 0, m);
        return 1002;
    case 27: /* behind the end of a message, which had a context of its own */
        n = packed(big, 300, small, sizeof small);
        put_frame(FIN | RSV1 | HOB__WS_TEXT, small, n, m);
        put_frame(FIN | RSV1 | HOB__WS_TEXT, "\x02\x13\x00", 3, m);
        return 1007;
    default:
        return 0;
    }
}

TASK_TEST(a_server_tells_each_wrong_client_its_code) {
    static const char *const asks[] = {ASK("/echo", ""), ASK("/pieces", ""), ASK("/parked", "")};
    static const char *const deflating[] = {
        ASK("/echo", "Sec-WebSocket-Extensions: permessage-deflate\r\n"),
        ASK("/pieces", "Sec-WebSocket-Extensions: permessage-deflate\r\n"),
        ASK("/parked", "Sec-WebSocket-Extensions: permessage-deflate\r\n")};
    WS_SERVED(s, l);
    for (int way = 0; way < 6; way++) {
        ws_options = (struct hob_websocket_options){
            .deflate = way >= 3, .max_message = 60000, .max_streamed = 60000};
        unsigned code;
        for (int i = 0; (code = wrong(i, true, way >= 3)); i++) {
            const char *frames = talk(l, way >= 3 ? deflating[way - 3] : asks[way]);
            /* An echo in pieces has sent some of what was right; it is closed in its middle. */
            expect_close(frames, code, i);
        }
    }
    ws_end(s, l);
    CHECK_STR(ws_seen.reports, "");
    return 0;
}

/* ---- a server by hand ---- */

static int wrong_server(struct hob_listener *l, bool deflates) {
    for (;;) {
        struct hob_stream *s;
        struct hob_slice line;
        char key[64] = "", accept[HOB__WS_ACCEPT + 1], answer[400];
        HOB_TRY(hob_accept(l, &s));
        while (hob_read_line(s, 0, &line) > 0 && line.size)
            if (strncasecmp(line.at, "sec-websocket-key: ", 19) == 0)
                snprintf(key, sizeof key, "%s", line.at + 19);
        hob__ws_accept_key(key, accept);
        int n = snprintf(answer, sizeof answer,
                         "HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
                         "Sec-WebSocket-Accept: %s\r\n%s\r\n",
                         accept,
                         deflates ? "Sec-WebSocket-Extensions: permessage-deflate; "
                                    "server_no_context_takeover\r\n"
                                  : "");
        hob_write(s, answer, (size_t)n);
        hob_write(s, frame_bytes, frame_size);
        got_size = 0;
        ssize_t more;
        while ((more = hob_read(s, got + got_size, sizeof got - got_size)) > 0)
            got_size += (size_t)more;
        hob_close(s);
    }
}
HOB_TASK(wrong_server, struct hob_listener *, bool)

/* The last frame that the client has sent is a close with that code. */
static void expect_masked_close(unsigned code, int i) {
    struct hob__ws_reader r;
    size_t at = 0, used;
    struct hob_slice piece;
    int rc;
    hob__ws_reader_init(&r, true, 0);
    do {
        rc = hob__ws_next(&r, got + at, got_size - at, &used, &piece);
        at += used;
    } while (rc > HOB__WS_NEED && rc != HOB__WS_GOT_CLOSE);
    if (rc != HOB__WS_GOT_CLOSE) FAIL("case %d: no close frame, but %d", i, rc);
    CHECK_EQ(r.code, code);
}

TASK_TEST(a_client_tells_each_wrong_server_its_code) {
    for (int deflates = 0; deflates < 2; deflates++) {
        HOB_SCOPE(s);
        struct hob_listener *l = listening();
        hob_spawn(s, wrong_server, l, deflates);
        unsigned code;
        for (int i = 0; (code = wrong(i, false, deflates)); i++) {
            struct hob_websocket *ws = connected_with(
                l, "/",
                (struct hob_websocket_options){
                    .deflate = deflates, .max_message = 60000, .max_streamed = 60000});
            struct hob_websocket_message m;
            int rc;
            while ((rc = hob_websocket_receive(ws, &m)) > 0) {}
            int wanted = code == 1002   ? HOB_E_WEBSOCKET_PROTOCOL
                         : code == 1009 ? HOB_E_WEBSOCKET_TOO_LARGE
                                        : HOB_E_WEBSOCKET_TEXT;
            if (rc != wanted && !(code == 1007 && rc == HOB_E_WEBSOCKET_DEFLATE))
                FAIL("case %d: %s", i, hob_strerror(rc));
            CHECK(hob_error() && hob_error()->code == rc);
            CHECK_EQ(hob_websocket_receive(ws, &m), rc);
            hob_websocket_free(ws);
            for (int k = 0; k < 100 && got_size < 8; k++) CHECK_EQ(hob_sleep(0.01), 0);
            expect_masked_close(code, i);
        }
        hob_scope_cancel(s);
        hob_join(s);
        hob_listener_close(l);
    }
    return 0;
}

/* ---- handshakes ---- */

static const char *status_of(struct hob_listener *l, const char *ask) {
    raw(l, ask, strlen(ask), "\r\n\r\n", got, sizeof got);
    CHECK(strncmp(got, "HTTP/1.1 ", 9) == 0);
    got[12] = 0;
    return got + 9;
}

#define GET_WS(path, host, lines)                                                                  \
    "GET " path " HTTP/1.1\r\nHost: " host "\r\nConnection: close, upgrade\r\n" lines "\r\n"
#define UP "Upgrade: websocket\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

TASK_TEST(handshakes_that_a_server_refuses) {
    WS_SERVED(s, l);
    CHECK_STR(status_of(l, GET_WS("/echo", "a", UP VERSION KEY)), "101");
    CHECK_STR(status_of(l, GET_WS("/echo", "a", VERSION KEY)), "426");
    CHECK_STR(status_of(l, GET_WS("/echo", "a", "Upgrade: h2c\r\n" VERSION KEY)), "426");
    CHECK_STR(status_of(l, "GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" UP VERSION KEY
                           "\r\n"),
              "426");
    CHECK_HAS(got + 13, "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n");
    CHECK_STR(status_of(l, GET_WS("/echo", "a", UP KEY)), "426");
    CHECK_STR(status_of(l, GET_WS("/echo", "a", UP "Sec-WebSocket-Version: 8\r\n" KEY)), "426");
    /* The connection ends then, which is said. */
    CHECK_STR(status_of(l, "GET /echo HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n" UP
                           "Sec-WebSocket-Version: 8\r\n" KEY "\r\n"),
              "426");
    CHECK_HAS(got + 13, "\r\nConnection: close\r\n");
    CHECK_STR(status_of(l, GET_WS("/echo", "a", UP VERSION)), "400");
    CHECK_STR(status_of(l, GET_WS("/echo", "a", UP VERSION KEY KEY)), "400");
    CHECK_STR(status_of(l, GET_WS("/echo", "a", UP VERSION "Sec-WebSocket-Key: short\r\n")), "400");
    CHECK_STR(status_of(l, GET_WS("/echo", "a", UP VERSION KEY "Sec-WebSocket-Extensions: ;\r\n")),
              "400");
    CHECK_STR(status_of(l, "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close, "
                           "upgrade\r\nContent-Length: 1\r\n" UP VERSION KEY "\r\nx"),
              "400");
    /* Pages of others may not, unless they are named. */
    CHECK_STR(status_of(l, GET_WS("/echo", "a", UP VERSION KEY "Origin: http://evil\r\n")), "403");
    CHECK_STR(status_of(l, GET_WS("/echo", "a", UP VERSION KEY "Origin: null\r\n")), "403");
    CHECK_STR(status_of(l, GET_WS("/echo", "a", UP VERSION KEY "Origin: http://A\r\n")), "101");
    CHECK_STR(status_of(l, GET_WS("/echo", "a:81", UP VERSION KEY "Origin: http://a:81\r\n")),
              "101");
    CHECK_STR(status_of(l, GET_WS("/echo", "a:81", UP VERSION KEY "Origin: http://a\r\n")), "403");
    CHECK_STR(status_of(l, GET_WS("/echo", "a:443", UP VERSION KEY "Origin: https://a\r\n")),
              "101");
    static const char *const some[] = {"https://one", "https://two", NULL}, *const all[] = {"*",
                                                                                            NULL};
    ws_options.origins = some;
    CHECK_STR(status_of(l, GET_WS("/echo", "a", UP VERSION KEY "Origin: https://two\r\n")), "101");
    CHECK_STR(status_of(l, GET_WS("/echo", "a", UP VERSION KEY "Origin: http://a\r\n")), "403");
    CHECK_STR(status_of(l, GET_WS("/echo", "a", UP VERSION KEY)), "101");
    ws_options.origins = all;
    CHECK_STR(status_of(l, GET_WS("/echo", "a", UP VERSION KEY "Origin: http://evil\r\n")), "101");
    ws_end(s, l);
    CHECK_STR(ws_seen.reports, "");
    return 0;
}

TASK_TEST(subprotocols_are_chosen_in_the_servers_order) {
    WS_SERVED(s, l);
    static const char *const ours[] = {"v2", "v1", NULL}, *const both[] = {"v1", "v2", NULL},
                             *const other[] = {"v3", NULL};
    ws_options.protocols = ours;
    struct hob_websocket *ws =
        connected_with(l, "/echo", (struct hob_websocket_options){.protocols = both});
    CHECK_STR(hob_websocket_protocol(ws), "v2");
    hob_websocket_free(ws);
    ws = connected_with(l, "/echo", (struct hob_websocket_options){.protocols = other});
    CHECK_STR(hob_websocket_protocol(ws), "");
    hob_websocket_free(ws);
    return ws_end(s, l);
}

TASK_TEST(answers_that_a_client_refuses) {
#define OK101 "HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno",
        "HTTP/1.1 101 Yes\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
        "HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n",
        OK101 "\r\n",
        OK101 "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct hob_listener *l = listening();
        struct script script = {.steps = {{"\r\n\r\n", answers[i], 0, 0}, {0}}};
        struct hob_websocket *ws;
        int status = -1;
        HOB_SCOPE(s);
        hob_spawn(s, follow_script, l, &script);
        CHECK_EQ(hob_websocket_connect(NULL, ws_url(l, "/"), &ws, .status = &status),
                 HOB_E_WEBSOCKET_HANDSHAKE);
        CHECK(ws == NULL);
        CHECK_EQ(status, atoi(answers[i] + 9));
        hob_scope_cancel(s);
        hob_join(s);
        hob_listener_close(l);
    }
    struct hob_websocket *ws;
    CHECK_EQ(hob_websocket_connect(NULL, "ftp://a/", &ws), HOB_E_URL);
    CHECK_EQ(hob_websocket_connect(NULL, "ws://127.0.0.1:1/", &ws), -ECONNREFUSED);
    return 0;
}

/* Headers, cookies and base_url of the client; frames right behind the answer. */
TASK_TEST(a_connection_is_made_by_the_clients_rules) {
    WS_SERVED(s, l);
    char base[200];
    snprintf(base, sizeof base, "http://%s/", hob_listener_address(l));
    struct hob_client *client;
    CHECK_EQ(hob_client_open(&client, .base_url = base, .max_connections = 1), 0);
    struct hob_websocket *a, *b;
    struct hob_websocket_message m;
    CHECK_EQ(hob_websocket_connect(client, "/close", &a), 0);
    CHECK_EQ(hob_websocket_connect(client, "/echo", &b), 0); /* the first is no part of the pool */
    struct hob_body body;
    CHECK_EQ(hob_get(client, "/plain", &body), 200);
    hob_body_free(&body);
    struct hob_client_info info;
    hob_client_info(client, &info);
    CHECK_EQ(info.in_use, 0);
    hob_client_close(client);
    CHECK_EQ(hob_websocket_receive(a, &m), 0);
    CHECK_EQ(hob_websocket_send_text(b, "x"), 0);
    CHECK_EQ(hob_websocket_receive(b, &m), 1);
    hob_websocket_free(a);
    hob_websocket_free(b);
    return ws_end(s, l);
}

TEST_MAIN()
