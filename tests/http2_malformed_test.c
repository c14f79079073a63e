/* http2_malformed_test.c - the server and HTTP/2, by frames that are made by hand: what breaks the
 * rules of frames and of requests, and what only looks odd. */
#include "http2_hand.h"

struct bad {
    const char *what;
    size_t n;
    const char *bytes;
};
#define BAD(what, bytes)                                                                           \
    { what, sizeof bytes - 1, bytes }
static const struct bad bad[] = {
    BAD("DATA on stream 0", "\0\0\1\0\1\0\0\0\0x"),
    BAD("DATA on an idle stream", "\0\0\1\0\1\0\0\0\1x"),
    BAD("HEADERS on stream 0", "\0\0\1\1\5\0\0\0\0\x82"),
    BAD("HEADERS on an even stream", "\0\0\1\1\5\0\0\0\2\x82"),
    BAD("a frame too large", "\0\x40\1\0\1\0\0\0\1"),
    BAD("SETTINGS of 5 bytes", "\0\0\5\4\0\0\0\0\0\0\3\0\0\0"),
    BAD("SETTINGS on a stream", "\0\0\0\4\0\0\0\0\1"),
    BAD("a window too large", "\0\0\6\4\0\0\0\0\0\0\4\xff\xff\xff\xff"),
    BAD("WINDOW_UPDATE of 0", "\0\0\4\x8\0\0\0\0\0\0\0\0\0"),
    BAD("PING of 7 bytes", "\0\0\7\6\0\0\0\0\0"
                           "1234567"),
    BAD("RST_STREAM of an idle stream", "\0\0\4\3\0\0\0\0\7\0\0\0\1"),
    BAD("CONTINUATION without HEADERS", "\0\0\1\x9\4\0\0\0\1\x82"),
    BAD("something inside a head", "\0\0\1\1\0\0\0\0\1\x82\0\0\0\4\0\0\0\0\0"),
    BAD("a promise", "\0\0\5\5\4\0\0\0\1\0\0\0\2\x82"),
    BAD("an index that is not there", "\0\0\1\1\5\0\0\0\1\xff"),
    BAD("no path", "\0\0\2\1\5\0\0\0\1\x82\x86"),
    BAD("two methods", "\0\0\4\1\5\0\0\0\1\x82\x82\x84\x86"),
    BAD("a name in upper case", "\0\0\x8\1\5\0\0\0\1\x82\x84\x86\x10\1X\1y"),
    BAD("Connection", "\0\0\x13\1\5\0\0\0\1\x82\x84\x86\x10\xa"
                      "connection\3abc"),
    BAD("a line end in a value", "\0\0\x8\1\5\0\0\0\1\x82\x84\x86\x10\1x\1\n"),
    BAD("a pseudo field behind others", "\0\0\x8\1\5\0\0\0\1\x82\x84\x10\1x\1y\x86"),
    BAD("less than announced", "\0\0\7\1\4\0\0\0\1\x83\x84\x86\xf\xd\1"
                               "9"
                               "\0\0\2\0\1\0\0\0\1ab"),
    BAD("more than announced", "\0\0\7\1\4\0\0\0\1\x83\x84\x86\xf\xd\1"
                               "1"
                               "\0\0\2\0\1\0\0\0\1ab"),
    BAD("no preface", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"),
};

SERVER_TEST(frames_against_the_rules) {
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct hob_stream *hs;
        if (strcmp(bad[i].what, "no preface") == 0)
            CHECK_EQ(hob_connect(hob_listener_address(l), &hs), 0);
        else
            hs = hand(l);
        CHECK_EQ(hob_write(hs, bad[i].bytes, bad[i].n), bad[i].n);
        struct frame *f = malloc(sizeof *f);
        int rc, answered = 0;
        while ((rc = hob_within(10, read_frame(hs, f))) == 1) {
            if (f->type == F_GOAWAY || f->type == F_RST) break;
            answered |= f->type == F_HEADERS && (f->bytes[0] & 0x7f) == 8; /* 200 */
        }
        if (rc == -ETIMEDOUT || answered) FAIL("%s: %d %d", bad[i].what, rc, answered);
        free(f);
        hob_close(hs);
        CHECK_EQ(get(c, url_of(l, "/b")), 200);
    }
    return 0;
}

/* Requests that are none (RFC 9113, 8): no handler sees them, and the connection goes on. */
static const struct bad malformed[] = {
    BAD("no authority", "\x00\x00\x03\x01\x05\x00\x00\x00\x01\x82\x84\x86"),
    BAD("no method", "\x00\x00\x05\x01\x05\x00\x00\x00\x01\x84\x86\x01\x01"
                     "a"),
    BAD("no scheme", "\x00\x00\x05\x01\x05\x00\x00\x00\x01\x82\x84\x01\x01"
                     "a"),
    BAD("an empty method", "\x00\x00\x0f\x01\x05\x00\x00\x00\x01\x84\x86\x01\x01"
                           "a\x10\x07:method\x00"),
    BAD("a method of two words", "\x00\x00\x12\x01\x05\x00\x00\x00\x01\x84\x86\x01\x01"
                                 "a\x10\x07:method\x03"
                                 "A B"),
    BAD("an empty path", "\x00\x00\x0d\x01\x05\x00\x00\x00\x01\x82\x86\x01\x01"
                         "a\x10\x05:path\x00"),
    BAD("a path with a space", "\x00\x00\x11\x01\x05\x00\x00\x00\x01\x82\x86\x01\x01"
                               "a\x10\x05:path\x04/a b"),
    BAD("a path with a fragment", "\x00\x00\x11\x01\x05\x00\x00\x00\x01\x82\x86\x01\x01"
                                  "a\x10\x05:path\x04/a#b"),
    BAD("a path without a slash", "\x00\x00\x0e\x01\x05\x00\x00\x00\x01\x82\x86\x01\x01"
                                  "a\x10\x05:path\x01"
                                  "a"),
    BAD("* of a GET", "\x00\x00\x0e\x01\x05\x00\x00\x00\x01\x82\x86\x01\x01"
                      "a\x10\x05:path\x01*"),
    BAD("two paths", "\x00\x00\x07\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
                     "a\x84"),
    BAD("two schemes", "\x00\x00\x07\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
                       "a\x87"),
    BAD("a scheme that is none", "\x00\x00\x11\x01\x05\x00\x00\x00\x01\x82\x84\x01\x01"
                                 "a\x10\x07:scheme\x02"
                                 "1x"),
    BAD("an empty scheme", "\x00\x00\x0f\x01\x05\x00\x00\x00\x01\x82\x84\x01\x01"
                           "a\x10\x07:scheme\x00"),
    BAD("two authorities", "\x00\x00\x09\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
                           "a\x01\x01"
                           "a"),
    BAD("an authority with a user", "\x00\x00\x08\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x03u@h"),
    BAD("an authority with a path", "\x00\x00\x08\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x03h/p"),
    BAD("a status in a request", "\x00\x00\x13\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
                                 "a\x10\x07:status\x03"
                                 "200"),
    BAD("a protocol", "\x00\x00\x1b\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
                      "a\x10\x09:protocol\x09websocket"),
    BAD("an unknown pseudo-header field", "\x00\x00\x0c\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
                                          "a\x10\x02:x\x01y"),
    BAD("a pseudo-header field without a name",
        "\x00\x00\x0b\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
        "a\x10\x01:\x01y"),
    BAD("CONNECT with a path", "\x00\x00\x16\x01\x05\x00\x00\x00\x01\x84\x86\x01\x01"
                               "a\x10\x07:method\x07"
                               "CONNECT"),
    BAD("CONNECT without an authority", "\x00\x00\x11\x01\x05\x00\x00\x00\x01\x10\x07:method\x07"
                                        "CONNECT"),
    BAD("an empty name", "\x00\x00\x0a\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
                         "a\x10\x00\x01y"),
    BAD("a name with a space", "\x00\x00\x0d\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
                               "a\x10\x03x y\x01z"),
    BAD("a name with a colon", "\x00\x00\x0c\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
                               "a\x10\x02x:\x01z"),
    BAD("a name of UTF-8", "\x00\x00\x0d\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
                           "a\x10\x03x\xc3\xa4\x01z"),
    BAD("a name with a NUL", "\x00\x00\x0c\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
                             "a\x10\x02x\x00\x01z"),
    BAD("a value with a NUL", "\x00\x00\x0d\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
                              "a\x10\x01x\x03y\x00z"),
    BAD("a value with a CR", "\x00\x00\x0d\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
                             "a\x10\x01x\x03y\x0dz"),
    BAD("a value with DEL in a long one",
        "\x00\x00"
        "3\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
        "a\x10\x01x)aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\x7f"),
    BAD("white space before a value", "\x00\x00\x0c\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
                                      "a\x10\x01x\x02 y"),
    BAD("white space behind a value", "\x00\x00\x0c\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
                                      "a\x10\x01x\x02y\x09"),
    BAD("Keep-Alive", "\x00\x00\x14\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
                      "a\x10\x0akeep-alive\x01"
                      "1"),
    BAD("Proxy-Connection", "\x00\x00\x1e\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
                            "a\x10\x10proxy-connection\x05"
                            "close"),
    BAD("Transfer-Encoding", "\x00\x00!\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
                             "a\x10\x11transfer-encoding\x07"
                             "chunked"),
    BAD("Upgrade", "\x00\x00\x13\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
                   "a\x10\x07upgrade\x03h2c"),
    BAD("TE of more than trailers", "\x00\x00\x19\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
                                    "a\x10\x02te\x0etrailers, gzip"),
    BAD("two hosts", "\x00\x00\x16\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
                     "a\x10\x04host\x01"
                     "a\x10\x04host\x01"
                     "a"),
    BAD("a host that is another", "\x00\x00\x0e\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
                                  "a\x10\x04host\x01"
                                  "b"),
    BAD("a host with a port beside it", "\x00\x00\x12\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
                                        "a\x10\x04host\x05"
                                        "a:443"),
    BAD("a host that begins as it does", "\x00\x00\x0f\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
                                         "a\x10\x04host\x02"
                                         "ab"),
    BAD("an empty host", "\x00\x00\x0d\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
                         "a\x10\x04host\x00"),
    BAD("a host that is not that of a CONNECT", "\x00\x00\x1e\x01\x05\x00\x00\x00\x01\x01\x03"
                                                "a:1\x10\x07:method\x07"
                                                "CONNECT\x10\x04host\x01"
                                                "a"),
    BAD("a host with a slash", "\x00\x00\x10\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
                               "a\x10\x04host\x03"
                               "a/b"),
    BAD("two lengths", "\x00\x00*\x01\x04\x00\x00\x00\x01\x83\x84\x86\x01\x01"
                       "a\x10\x0e"
                       "content-length\x01"
                       "2\x10\x0e"
                       "content-length\x01"
                       "2\x00\x00\x02\x00\x01\x00\x00\x00\x01"
                       "ab"),
    BAD("a length that is no number", "\x00\x00\x19\x01\x04\x00\x00\x00\x01\x83\x84\x86\x01\x01"
                                      "a\x10\x0e"
                                      "content-length\x02+2\x00\x00\x02\x00\x01\x00\x00\x00\x01"
                                      "ab"),
    BAD("an empty length", "\x00\x00\x17\x01\x04\x00\x00\x00\x01\x83\x84\x86\x01\x01"
                           "a\x10\x0e"
                           "content-length\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01"),
    BAD("a length beyond all numbers", "\x00\x00*\x01\x04\x00\x00\x00\x01\x83\x84\x86\x01\x01"
                                       "a\x10\x0e"
                                       "content-length\x13"
                                       "9223372036854775808\x00\x00\x02\x00\x01\x00\x00\x00\x01"
                                       "ab"),
    BAD("a length and no body", "\x00\x00\x18\x01\x05\x00\x00\x00\x01\x83\x84\x86\x01\x01"
                                "a\x10\x0e"
                                "content-length\x01"
                                "2"),
    BAD("trailers behind less than announced",
        "\x00\x00\x18\x01\x04\x00\x00\x00\x01\x83\x84\x86\x01\x01"
        "a\x10\x0e"
        "content-length\x01"
        "3\x00\x00\x02\x00\x00\x00\x00\x00\x01"
        "ab\x00\x00\x05\x01\x05\x00\x00\x00\x01\x10\x01x\x01y"),
    BAD("trailers that are not the end", "\x00\x00\x06\x01\x04\x00\x00\x00\x01\x83\x84\x86\x01\x01"
                                         "a\x00\x00\x02\x00\x00\x00\x00\x00\x01"
                                         "ab\x00\x00\x05\x01\x04\x00\x00\x00\x01\x10\x01x\x01y"),
    BAD("a pseudo-header field in trailers",
        "\x00\x00\x06\x01\x04\x00\x00\x00\x01\x83\x84\x86\x01\x01"
        "a\x00\x00\x02\x00\x00\x00\x00\x00\x01"
        "ab\x00\x00\x01\x01\x05\x00\x00\x00\x01\x84"),
    BAD("a length in trailers", "\x00\x00\x06\x01\x04\x00\x00\x00\x01\x83\x84\x86\x01\x01"
                                "a\x00\x00\x02\x00\x00\x00\x00\x00\x01"
                                "ab\x00\x00\x12\x01\x05\x00\x00\x00\x01\x10\x0e"
                                "content-length\x01"
                                "2"),
    BAD("Connection in trailers", "\x00\x00\x06\x01\x04\x00\x00\x00\x01\x83\x84\x86\x01\x01"
                                  "a\x00\x00\x02\x00\x00\x00\x00\x00\x01"
                                  "ab\x00\x00\x0e\x01\x05\x00\x00\x00\x01\x10\x0a"
                                  "connection\x01x"),
    BAD("a bad name in trailers", "\x00\x00\x06\x01\x04\x00\x00\x00\x01\x83\x84\x86\x01\x01"
                                  "a\x00\x00\x02\x00\x00\x00\x00\x00\x01"
                                  "ab\x00\x00\x05\x01\x05\x00\x00\x00\x01\x10\x01X\x01y"),
};

SERVER_TEST(malformed_requests) {
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        struct hob_stream *hs = hand(l);
        CHECK_EQ(hob_write(hs, malformed[i].bytes, malformed[i].n), malformed[i].n);
        long code = await_frame(hs, F_RST, 1);
        if (code != 1) FAIL("%s: %ld", malformed[i].what, code); /* PROTOCOL_ERROR */
        CHECK_EQ(seen.active, 0);
        hand_head(hs, END_STREAM, 3, GET_HEAD);
        CHECK(await_frame(hs, F_HEADERS, 3) >= 0);
        hob_close(hs);
    }
    return 0;
}

/* Whoever sends only such is cut off. */
SERVER_TEST(a_flood_of_malformed_requests) {
    struct hob_stream *hs = hand(l);
    uint64_t before = counters.floods;
    for (uint32_t id = 1; id < 20000; id += 2) {
        unsigned char buf[64];
        size_t n = put_frame(buf, F_HEADERS, 5, id, "\x82\x86", 2);
        if (hob_write(hs, buf, n) < 0) break;
    }
    long code = await_frame(hs, F_GOAWAY, 0);
    CHECK(code == 11 || code == -1);
    await_floods(before + 1);
    hob_close(hs);
    return 0;
}

/* What looks odd, and is allowed. */
static const struct bad good[] = {
    BAD("TE: trailers", "\x00\x00\x13\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
                        "a\x10\x02te\x08Trailers"),
    BAD("a host instead of an authority",
        "\x00\x00\x0b\x01\x05\x00\x00\x00\x01\x82\x84\x86\x10\x04host\x01"
        "a"),
    BAD("both", "\x00\x00\x0e\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
                "a\x10\x04host\x01"
                "a"),
    BAD("both, with the scheme's port", "\x00\x00\x11\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
                                        "a\x10\x04host\x04"
                                        "A:80"),
    BAD("both, with an empty port", "\x00\x00\x13\x01\x05\x00\x00\x00\x01\x82\x84\x87\x01\x05"
                                    "a:443\x10\x04host\x02"
                                    "A:"),
    BAD("* of OPTIONS", "\x00\x00\x1e\x01\x05\x00\x00\x00\x01\x86\x01\x01"
                        "a\x10\x07:method\x07OPTIONS\x10\x05:path\x01*"),
    BAD("CONNECT, which is answered", "\x00\x00\x16\x01\x05\x00\x00\x00\x01\x01\x03"
                                      "a:1\x10\x07:method\x07"
                                      "CONNECT"),
    BAD("a method of its own", "\x00\x00\x12\x01\x05\x00\x00\x00\x01\x84\x86\x01\x01"
                               "a\x10\x07:method\x03x-Y"),
    BAD("white space and UTF-8 inside a value",
        "\x00\x00\x0f\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
        "a\x10\x01x\x05"
        "a\x09 \xc3\xa4"),
    BAD("an empty value", "\x00\x00\x0a\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
                          "a\x10\x01x\x00"),
    BAD("a length of nothing", "\x00\x00\x18\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
                               "a\x10\x0e"
                               "content-length\x01"
                               "0"),
    BAD("a length with zeros", "\x00\x00\x1b\x01\x04\x00\x00\x00\x01\x83\x84\x86\x01\x01"
                               "a\x10\x0e"
                               "content-length\x04"
                               "0002\x00\x00\x02\x00\x01\x00\x00\x00\x01"
                               "ab"),
    BAD("a body in pieces", "\x00\x00\x18\x01\x04\x00\x00\x00\x01\x83\x84\x86\x01\x01"
                            "a\x10\x0e"
                            "content-length\x01"
                            "2\x00\x00\x01\x00\x00\x00\x00\x00\x01"
                            "a\x00\x00\x01\x00\x00\x00\x00\x00\x01"
                            "b\x00\x00\x00\x00\x01\x00\x00\x00\x01"),
    BAD("17 fields",
        "\x00\x00[\x01\x05\x00\x00\x00\x01\x82\x84\x86\x01\x01"
        "a\x10\x01x\x01y\x10\x01x\x01y\x10\x01x\x01y\x10\x01x\x01y\x10\x01x\x01y\x10\x01x\x01y\x10"
        "\x01x\x01y\x10\x01x\x01y\x10\x01x\x01y\x10\x01x\x01y\x10\x01x\x01y\x10\x01x\x01y\x10\x01x"
        "\x01y\x10\x01x\x01y\x10\x01x\x01y\x10\x01x\x01y\x10\x01x\x01y"),
};

SERVER_TEST(frames_within_the_rules) {
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct hob_stream *hs = hand(l);
        CHECK_EQ(hob_write(hs, good[i].bytes, good[i].n), good[i].n);
        if (await_frame(hs, F_HEADERS, 1) < 0) FAIL("%s: no answer", good[i].what);
        hob_close(hs);
    }
    return 0;
}

TEST_MAIN()
