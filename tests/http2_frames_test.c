/* http2_frames_test.c - the server and HTTP/2, by frames that are made by hand: what is illegal,
 * and those who send too many. */
#include "http2_server.h"

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define GET_HEAD ":method: GET\n:scheme: http\n:path: /b\n:authority: here\n"
#define BODY_COMES ":method: POST\n:scheme: http\n:path: /echo\n:authority: a\n"

/* A connection with its preface and SETTINGS. */
static struct hob_stream *hand(struct hob_listener *l) {
    struct hob_stream *s;
    unsigned char buf[64];
    CHECK_EQ(hob_connect(hob_listener_address(l), &s), 0);
    memcpy(buf, PREFACE, 24);
    size_t n = 24 + put_frame(buf + 24, F_SETTINGS, 0, 0, NULL, 0);
    CHECK_EQ(hob_write(s, buf, n), n);
    return s;
}
static void hand_send(struct hob_stream *s, int type, int flags, uint32_t stream, const void *bytes,
                      size_t n) {
    unsigned char buf[16400];
    size_t size = put_frame(buf, type, flags, stream, bytes, n);
    CHECK_EQ(hob_write(s, buf, size), size);
}
static void hand_head(struct hob_stream *s, int flags, uint32_t stream, const char *lines) {
    unsigned char buf[8300];
    size_t size = put_head(buf, flags, stream, lines);
    CHECK_EQ(hob_write(s, buf, size), size);
}
/* Reads until a frame of that type (and stream, unless that is 0) comes: its first number; -1: the
 * connection has ended. */
static long await_frame(struct hob_stream *s, int type, uint32_t stream) {
    struct frame *f = malloc(sizeof *f);
    long value = -1;
    while (hob_within(5.0, read_frame(s, f)) == 1) {
        if (f->type != type || (stream && f->stream != stream)) continue;
        value = f->size >= 4 ? (long)get_number(f->bytes) : 0;
        if (type == F_GOAWAY) value = (long)get_number(f->bytes + 4);
        break;
    }
    free(f);
    return value;
}

/* The next frame, if it begins to come within so many seconds: 1; 0: the end; -ETIMEDOUT. */
static int next_frame(struct hob_stream *s, struct frame *f, double seconds) {
    struct hob_slice piece;
    int rc = hob_within(seconds, (int)hob_peek(s, 1, &piece));
    return rc > 0 ? hob_within(20.0, read_frame(s, f)) : rc;
}

/* So many handlers run; they may take a while to begin, or to end, on a busy machine. */
static void await_active(int n) {
    for (int i = 0; i < 2000 && seen.active != n; i++) CHECK_EQ(hob_sleep(0.005), 0);
    CHECK_EQ(seen.active, n);
}
static void await_floods(uint64_t n) {
    for (int i = 0; i < 2000 && counters.floods != n; i++) CHECK_EQ(hob_sleep(0.005), 0);
    CHECK_EQ(counters.floods, n);
}

/* What is noted. */
static int notes;
static char last_note[400];
static void keep_notes(enum hob_report_kind kind, const char *text, void *arg) {
    (void)arg;
    if (kind != HOB_REPORT_NOTE) return;
    notes++;
    snprintf(last_note, sizeof last_note, "%s", text);
}

SERVER_TEST(cookies_are_joined_and_hosts_named) {
    struct hob_stream *hs = hand(l);
    hand_head(hs, END_STREAM, 1, GET_HEAD "cookie: a=1\nx-y: z\ncookie: b=2\ncookie: c=3\n");
    CHECK(await_frame(hs, F_DATA, 1) >= 0);
    CHECK_STR(seen.head, "GET /b http host=here cookie=a=1; b=2; c=3 v=20 size=0 here");
    hand_head(hs, 0, 3, ":method: POST\n:scheme: http\n:path: /trailers\n:authority: here\n");
    hand_send(hs, F_DATA, 0, 3, "body", 4);
    hand_head(hs, END_STREAM, 3, "x-after: all\n");
    CHECK_EQ(await_frame(hs, F_DATA, 3), 0); /* three bytes */
    hob_close(hs);
    return 0;
}

/* A field without a place in the table, whose value has 127 bytes and more. */
static size_t put_long(unsigned char *at, const char *name, const char *value) {
    size_t n = strlen(name), size = strlen(value), rest = size - 127, i = 0;
    at[i++] = 0;
    at[i++] = (unsigned char)n;
    memcpy(at + i, name, n);
    i += n;
    at[i++] = 127;
    for (; rest >= 128; rest >>= 7) at[i++] = (unsigned char)(0x80 | (rest & 127));
    at[i++] = (unsigned char)rest;
    memcpy(at + i, value, size);
    return i + size;
}

/* What would change a head that its handler is reading: the request is malformed instead. */
SERVER_TEST(trailers_with_pseudo_header_fields) {
    static char path[800] = "/echo?", late[700];
    static unsigned char block[2000];
    static const char *const names[] = {":protocol", ":path", ":what"};
    memset(late, 'p', sizeof late - 1);
    strcat(path, late);
    struct hob_stream *hs = hand(l);
    for (unsigned i = 0; i < 3; i++) {
        uint32_t id = 1 + 2 * i;
        memcpy(block, "\x83\x86\x41\1a", 5); /* POST, http, of the host "a" */
        size_t n = 5 + put_long(block + 5, ":path", path);
        hand_send(hs, F_HEADERS, END_HEADERS, id, block, n);
        hand_send(hs, F_DATA, 0, id, "body", 4);
        await_active(1);
        n = put_long(block, names[i], late);
        hand_send(hs, F_HEADERS, END_HEADERS | END_STREAM, id, block, n);
        CHECK_EQ(await_frame(hs, F_RST, id), 1);
        await_active(0);
    }
    hob_close(hs);
    return 0;
}

SERVER_TEST(files) {
    static char bytes[200000];
    char path[100];
    struct hob_body body;
    snprintf(path, sizeof path, TEST_PATH, (int)getpid(), "file");
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)(i * 7 + i / 256);
    FILE *f = fopen(path, "w+");
    CHECK(f != NULL);
    CHECK_EQ(fwrite(bytes, 1, sizeof bytes, f), sizeof bytes);
    fflush(f);
    file = fileno(f);
    CHECK_EQ(hob_get(c, url_of(l, "/file"), &body), 200);
    CHECK_EQ(body.size, 150000);
    CHECK(memcmp(body.data, bytes + 50000, 150000) == 0);
    hob_body_free(&body);
    fclose(f);
    return 0;
}

/* Who asks for nothing special has bounds, too. */
SERVER_TEST(what_is_announced_by_default) {
    struct hob_stream *hs = hand(l);
    struct frame *f = malloc(sizeof *f);
    uint32_t said[16] = {0};
    do CHECK_EQ(next_frame(hs, f, 20), 1);
    while (f->type != F_SETTINGS);
    for (uint32_t at = 0; at + 6 <= f->size; at += 6) {
        unsigned id = f->bytes[at] << 8 | f->bytes[at + 1];
        if (id < 16) said[id] = get_number(f->bytes + at + 2);
    }
    CHECK_EQ(said[3], 100);      /* streams */
    CHECK_EQ(said[4], 64 << 10); /* the window of each */
    CHECK_EQ(said[6], 64 << 10); /* of a head */
    free(f);
    hob_close(hs);
    return 0;
}

/* What the client may send besides, in so many seconds. */
static uint64_t more_window(struct hob_stream *hs, struct frame *f, double seconds) {
    uint64_t more = 0;
    while (next_frame(hs, f, seconds) == 1)
        if (f->type == F_WINDOW && f->stream == 0) more += get_number(f->bytes);
    return more;
}

/* Bodies that nobody reads: 1 MiB of all of them, however many there are. */
SERVER_TEST(unread_bodies_have_a_bound) {
    static char piece[16000];
    struct hob_stream *hs = hand(l);
    struct frame *f = malloc(sizeof *f);
    CHECK_EQ(65535 + more_window(hs, f, 0.3), 1 << 20);
    for (uint32_t id = 1; id < 40; id += 2) {
        hand_head(hs, 0, id, ":method: POST\n:scheme: http\n:path: /hang\n:authority: a\n");
        for (int i = 0; i < 3; i++) hand_send(hs, F_DATA, 0, id, piece, sizeof piece);
    }
    await_active(20);
    CHECK_EQ(more_window(hs, f, 0.3), 0);
    free(f);
    hob_close(hs);
    await_active(0);
    return 0;
}

SERVER_TEST(more_streams_than_allowed, .max_streams = 10) {
    struct hob_stream *hs = hand(l);
    CHECK_EQ(await_frame(hs, F_SETTINGS, 0) >= 0, true);
    for (uint32_t i = 0; i < 10; i++)
        hand_head(hs, END_STREAM, 1 + 2 * i,
                  ":method: GET\n:scheme: http\n:path: /hang\n:authority: here\n");
    await_active(10);
    hand_head(hs, END_STREAM, 99, GET_HEAD);
    long code = await_frame(hs, F_RST, 99);
    CHECK(code == 7 || code == -1);
    CHECK(seen.most <= 10);
    hob_close(hs);
    return 0;
}

static const struct {
    const char *what;
    int type;
    uint32_t stream;
    size_t n;
    const char *bytes;
} floods[] = {
    {"PING", F_PING, 0, 8, "12345678"},
    {"SETTINGS", F_SETTINGS, 0, 6, "\0\3\0\0\0\144"},
    {"PRIORITY", F_PRIORITY, 1, 5, "\0\0\0\0\1"},
    {"empty DATA", F_DATA, 1, 0, ""},
};

SERVER_TEST(floods_are_cut_off) {
    static unsigned char many[200000];
    for (size_t i = 0; i < sizeof floods / sizeof *floods; i++) {
        struct hob_stream *hs = hand(l);
        hand_head(hs, 0, 1, ":method: POST\n:scheme: http\n:path: /echo\n:authority: here\n");
        size_t size = 0;
        while (size < sizeof many - 100)
            size += put_frame(many + size, floods[i].type, 0, floods[i].stream, floods[i].bytes,
                              floods[i].n);
        (void)hob_within(5.0, (int)hob_write(hs, many, size));
        long code = await_frame(hs, F_GOAWAY, 0);
        if (code != 11 && code != -1) FAIL("%s: %ld", floods[i].what, code);
        await_active(0);
        await_floods(i + 1);
        hob_close(hs);
        CHECK_EQ(get(c, url_of(l, "/b")), 200);
    }
    return 0;
}

/* Requests that are reset at once (CVE-2023-44487). */
static void reset_rapidly(struct hob_listener *l, const char *path, uint64_t count) {
    struct hob_stream *hs = hand(l);
    unsigned char buf[1000], code[4] = {0, 0, 0, 8};
    char lines[200];
    snprintf(lines, sizeof lines, ":method: GET\n:scheme: http\n:path: %s\n:authority: here\n",
             path);
    for (int i = 0; i < 20000; i++) {
        uint32_t stream = (uint32_t)(1 + 2 * i);
        size_t n = put_head(buf, END_STREAM, stream, lines);
        n += put_frame(buf + n, F_RST, 0, stream, code, 4);
        if (hob_write(hs, buf, n) < 0) break;
    }
    await_floods(count);
    await_active(0);
    CHECK(seen.most <= 201);
    CHECK_EQ(await_frame(hs, F_PUSH, 0), -1);
    hob_close(hs);
}

/* Handlers that take their time to end are not gathered. */
SERVER_TEST(rapid_reset) {
    reset_rapidly(l, "/hang", 1);
    CHECK_EQ(get(c, url_of(l, "/b")), 200);
    reset_rapidly(l, "/stubborn", 2);
    CHECK_EQ(get(c, url_of(l, "/b")), 200);
    return 0;
}

/* The same, but the client sees to it that the server resets them: by a window that grows too large
 * (CVE-2025-8671), by heads that are none, by more streams than there may be. */
static const struct made {
    const char *what, *head;
    int type;
    const char *bytes;
} made[] = {
    {"a window too large", ":method: GET\n:scheme: http\n:path: /hang\n:authority: a\n", F_WINDOW,
     "\x7f\xff\xff\xff"},
    {"no head", ":method: GET\n:scheme: http\n:authority: a\n", 0, NULL},
    {"too many", ":method: GET\n:scheme: http\n:path: /hang\n:authority: a\n", 0, NULL},
};

SERVER_TEST(resets_that_the_server_is_made_to_send) {
    for (size_t k = 0; k < sizeof made / sizeof *made; k++) {
        struct hob_stream *hs = hand(l);
        unsigned char buf[1000];
        int i;
        for (i = 0; i < 20000; i++) {
            uint32_t stream = (uint32_t)(1 + 2 * i);
            size_t n = put_head(buf, END_STREAM, stream, made[k].head);
            if (made[k].bytes) n += put_frame(buf + n, made[k].type, 0, stream, made[k].bytes, 4);
            if (hob_write(hs, buf, n) < 0) break;
        }
        if (i == 20000) FAIL("%s: all were taken", made[k].what);
        await_floods(k + 1);
        await_active(0);
        CHECK(seen.most <= 201);
        hob_close(hs);
        CHECK_EQ(get(c, url_of(l, "/b")), 200);
    }
    return 0;
}

SERVER_TEST(endless_heads) {
    struct hob_stream *hs = hand(l);
    notes = 0;
    hob_set_report(keep_notes, NULL);
    unsigned char buf[1000];
    size_t n = put_frame(buf, F_HEADERS, 0, 1, "\x82", 1);
    CHECK_EQ(hob_write(hs, buf, n), n);
    int i;
    for (i = 0; i < 100000; i++) {
        n = put_frame(buf, F_CONT, 0, 1, "\x10\1x\1y", 5);
        if (hob_write(hs, buf, n) < 0) break;
    }
    CHECK(i < 100000);
    CHECK_EQ(counters.requests, 0);
    await_floods(1);
    CHECK_EQ(notes, 1);
    CHECK_HAS(last_note, "hob: 127.0.0.1:");
    CHECK_HAS(last_note, " was cut off: it sent more frames without a purpose than is honest\n");
    hob_close(hs);
    hs = hand(l); /* and by frames in which nothing is */
    n = put_frame(buf, F_HEADERS, 0, 1, "\x82", 1);
    CHECK_EQ(hob_write(hs, buf, n), n);
    for (i = 0; i < 100000; i++) {
        n = put_frame(buf, F_CONT, 0, 1, "", 0);
        if (hob_write(hs, buf, n) < 0) break;
    }
    CHECK(i < 100000);
    await_floods(2);
    hob_close(hs);
    CHECK_EQ(get(c, url_of(l, "/b")), 200);
    return 0;
}

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
    CHECK_EQ(hob_sleep(0.02), 0);
    CHECK_EQ(counters.floods, before + 1);
    hob_close(hs);
    return 0;
}

/* Trailers of a request that was answered without them are for nobody, and no head that does not
 * end. */
SERVER_TEST(late_trailers_cut_nobody_off, .head_timeout = 0.1) {
    struct hob_stream *hs = hand(l);
    hand_head(hs, 0, 1, ":method: POST\n:scheme: http\n:path: /b\n:authority: a\n");
    CHECK(await_frame(hs, F_RST, 1) >= 0);
    hand_head(hs, END_STREAM, 1, "x: y\n");
    CHECK_EQ(hob_sleep(0.3), 0);
    hand_head(hs, END_STREAM, 3, GET_HEAD);
    CHECK(await_frame(hs, F_HEADERS, 3) >= 0);
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

/* A client that ends behind each byte of what it has to say. */
SERVER_TEST(closed_behind_every_byte) {
    unsigned char all[400];
    memcpy(all, PREFACE, 24);
    size_t n = 24 + put_frame(all + 24, F_SETTINGS, 0, 0, NULL, 0);
    n += put_head(all + n, 0, 1, ":method: POST\n:scheme: http\n:path: /echo\n:authority: here\n");
    n += put_frame(all + n, F_DATA, 0, 1, "hello", 5);
    for (size_t cut = 1; cut <= n; cut++) {
        struct hob_stream *hs;
        CHECK_EQ(hob_connect(hob_listener_address(l), &hs), 0);
        CHECK_EQ(hob_write(hs, all, cut), cut);
        if (cut % 2) CHECK_EQ(hob_yield_now(), 0);
        hob_close(hs);
    }
    for (int i = 0; i < 200 && counters.connections; i++) CHECK_EQ(hob_sleep(0.01), 0);
    CHECK_EQ(counters.connections, 0);
    CHECK_EQ(seen.active, 0);
    CHECK_EQ(get(c, url_of(l, "/b")), 200);
    return 0;
}

/* A window of nothing: the answer's handler ends by its own time. */
SERVER_TEST(a_window_that_never_opens, .stall_timeout = 0.2) {
    struct hob_stream *hs;
    unsigned char buf[200], setting[6] = {0, 4, 0, 0, 0, 0};
    memcpy(buf, PREFACE, 24);
    size_t n = 24 + put_frame(buf + 24, F_SETTINGS, 0, 0, setting, 6);
    CHECK_EQ(hob_connect(hob_listener_address(l), &hs), 0);
    CHECK_EQ(hob_write(hs, buf, n), n);
    hand_head(hs, END_STREAM, 1, ":method: GET\n:scheme: http\n:path: /stream\n:authority: a\n");
    CHECK_EQ(await_frame(hs, F_HEADERS, 1) >= 0, true);
    CHECK_EQ(seen.active, 1);
    await_active(0);
    hob_close(hs);
    return 0;
}

/* Of the stream, and of the connection, whose 65535 bytes others have used up: a small answer waits
 * for it, and goes out when it opens. */
SERVER_TEST(small_answers_wait_for_windows) {
    struct hob_stream *hs;
    unsigned char buf[200], setting[6] = {0, 4, 0, 0, 0, 0}, more[4] = {0, 0, 0, 2};
    memcpy(buf, PREFACE, 24);
    size_t n = 24 + put_frame(buf + 24, F_SETTINGS, 0, 0, setting, 6);
    CHECK_EQ(hob_connect(hob_listener_address(l), &hs), 0);
    CHECK_EQ(hob_write(hs, buf, n), n);
    hand_head(hs, END_STREAM, 1, GET_HEAD);
    CHECK(await_frame(hs, F_HEADERS, 1) >= 0);
    CHECK_EQ(hob_sleep(0.02), 0);
    CHECK_EQ(seen.active, 1);
    hand_send(hs, F_WINDOW, 0, 1, more, 4);
    CHECK(await_frame(hs, F_DATA, 1) >= 0);
    await_active(0);
    hob_close(hs);
    hs = hand(l);
    put_number(setting + 2, 1 << 20);
    hand_send(hs, F_SETTINGS, 0, 0, setting, 6);
    hand_head(hs, END_STREAM, 1, ":method: GET\n:scheme: http\n:path: /stream\n:authority: a\n");
    CHECK(await_frame(hs, F_HEADERS, 1) >= 0);
    for (int left = 65535; left > 0;) {
        struct frame *f = malloc(sizeof *f);
        CHECK_EQ(hob_within(5.0, read_frame(hs, f)), 1);
        if (f->type == F_DATA) left -= (int)f->size;
        free(f);
    }
    hand_head(hs, END_STREAM, 3, GET_HEAD);
    CHECK(await_frame(hs, F_HEADERS, 3) >= 0);
    CHECK_EQ(hob_sleep(0.02), 0);
    CHECK_EQ(seen.active, 2);
    hand_send(hs, F_RST, 0, 1, "\0\0\0\x8", 4);
    hand_send(hs, F_WINDOW, 0, 0, more, 4);
    CHECK(await_frame(hs, F_DATA, 3) >= 0);
    await_active(0);
    hob_close(hs);
    return 0;
}

/* ---- leaving ---- */

/* The last stream of the next GOAWAY; the frames before it are dropped. -1: the end. */
static long next_goaway(struct hob_stream *hs) {
    struct frame *f = malloc(sizeof *f);
    long last = -1;
    while (last < 0 && next_frame(hs, f, 20) == 1)
        if (f->type == F_GOAWAY) last = (long)get_number(f->bytes);
    free(f);
    return last;
}

/* What is on its way when the client hears that it shall open no more is answered (RFC 9113, 6.8):
 * until it says that it has heard, or for a second. */
SERVER_TEST(who_leaves_takes_what_is_on_its_way, .max_requests = 1) {
    for (int silent = 0; silent < 2; silent++) {
        struct hob_stream *hs = hand(l);
        hand_head(hs, END_STREAM, 1, GET_HEAD);
        CHECK_EQ(next_goaway(hs), 0x7fffffff);
        uint64_t began = hob_now();
        hand_head(hs, END_STREAM, 3, GET_HEAD);
        CHECK(await_frame(hs, F_DATA, 3) >= 0);
        hand_send(hs, F_PING, ACK, 0, "\0\0\0\0\0\0\0", 8); /* of an earlier ping */
        hand_head(hs, END_STREAM, 5, GET_HEAD);
        CHECK(await_frame(hs, F_DATA, 5) >= 0);
        if (!silent) hand_send(hs, F_PING, ACK, 0, "leaving", 8);
        CHECK_EQ(next_goaway(hs), 5);
        if (silent) CHECK(hob_now() - began > 500000000);
        CHECK_EQ(await_frame(hs, F_PUSH, 0), -1);
        hob_close(hs);
    }
    CHECK_EQ(get(c, url_of(l, "/b")), 200);
    return 0;
}

/* ---- heads that do not end ---- */

/* Connections at some point of what they have to say first, of which they say no more. */
static const struct {
    const char *what;
    size_t n;
    const char *bytes;
} unfinished[] = {
    {"the preface's first line", 16, PREFACE},
    {"a preface", 24, PREFACE},
    {"half of the first SETTINGS", 30, PREFACE "\0\0\6\4\0\0"},
    {"a head's first half", 44, PREFACE "\0\0\0\4\0\0\0\0\0\0\0\5\1\5\0\0\0\1\x82\x84"},
    {"a head that is to be continued", 44, PREFACE "\0\0\0\4\0\0\0\0\0\0\0\2\1\1\0\0\0\1\x82\x84"},
};

SERVER_TEST(heads_that_do_not_end, .head_timeout = 0.5) {
    enum { COUNT = sizeof unfinished / sizeof *unfinished };
    struct hob_stream *slow[COUNT], *honest = hand(l), *busy = hand(l);
    uint64_t before = counters.timeouts;
    /* Heads that end, if not well, and requests that take longer, are none of them. */
    hand_head(honest, END_STREAM, 1, ":method: GET\n:scheme: http\n");
    hand_head(honest, END_STREAM, 3, GET_HEAD);
    CHECK(await_frame(honest, F_DATA, 3) >= 0);
    hand_head(honest, 0, 5, BODY_COMES);
    hand_head(busy, END_STREAM, 1, ":method: GET\n:scheme: http\n:path: /hang\n:authority: a\n");
    hand_send(busy, F_HEADERS, END_STREAM, 3, "\x82", 1);
    for (int i = 0; i < COUNT; i++) {
        CHECK_EQ(hob_connect(hob_listener_address(l), &slow[i]), 0);
        CHECK_EQ(hob_write(slow[i], unfinished[i].bytes, unfinished[i].n), unfinished[i].n);
    }
    for (int i = 0; i < 20; i++) { /* it goes on, but it does not end */
        unsigned char more[] = {0, 0, 5, F_CONT, 0, 0, 0, 0, 3, 0x10, 1, 'x', 1, 'y'};
        if (hob_write(busy, more, sizeof more) < 0) break;
        CHECK_EQ(hob_sleep(0.1), 0);
    }
    for (int i = 0; i < COUNT; i++) {
        if (await_frame(slow[i], F_RST, 0) != -1) FAIL("%s: not cut off", unfinished[i].what);
        hob_close(slow[i]);
    }
    CHECK_EQ(await_frame(busy, F_RST, 0), -1);
    CHECK_EQ(counters.timeouts, before + COUNT + 1);
    CHECK_EQ(counters.idle_timeouts, 0);
    hand_send(honest, F_DATA, END_STREAM, 5, "ab", 2);
    CHECK(await_frame(honest, F_DATA, 5) >= 0);
    hob_close(honest);
    hob_close(busy);
    return 0;
}

/* A byte now and then, either way, is no progress; others' bodies on the connection are. */
/* Sends that again and again, until the peer has reset the stream, answered, or gone. */
static int trickle(struct hob_stream *hs, int type, uint32_t stream, const char *bytes, size_t n,
                   double *took) {
    uint64_t began = hob_now();
    struct frame *f = malloc(sizeof *f);
    for (;;) {
        unsigned char buf[64];
        size_t size = put_frame(buf, type, 0, stream, bytes, n);
        if (hob_write(hs, buf, size) < 0) break;
        int rc = next_frame(hs, f, 0.1);
        bool told = rc == 1 && f->stream == stream && (f->type == F_RST || f->type == F_HEADERS);
        if (told || (rc != 1 && rc != -ETIMEDOUT)) break;
    }
    free(f);
    *took = (double)(hob_now() - began) * 1e-9;
    return 0;
}
HOB_TASK(trickle, struct hob_stream *, int, uint32_t, const char *, size_t, double *)

#define ANSWER_WANTED ":method: GET\n:scheme: http\n:path: /stream\n:authority: a\n"

SERVER_TEST(a_drip_is_cut_off, .min_rate = 1e6) {
    struct hob_stream *up = hand(l), *down;
    unsigned char buf[200], setting[6] = {0, 4, 0, 0, 0, 0};
    double up_took = 0, down_took = 0;
    notes = 0;
    hob_set_report(keep_notes, NULL);
    uint64_t before = counters.timeouts;
    hand_head(up, 0, 1, BODY_COMES);
    memcpy(buf, PREFACE, 24);
    size_t n = 24 + put_frame(buf + 24, F_SETTINGS, 0, 0, setting, 6);
    CHECK_EQ(hob_connect(hob_listener_address(l), &down), 0);
    CHECK_EQ(hob_write(down, buf, n), n);
    hand_head(down, END_STREAM, 1, ANSWER_WANTED);
    CHECK(await_frame(down, F_HEADERS, 1) >= 0);
    {
        HOB_SCOPE(both);
        hob_spawn(both, trickle, up, F_DATA, 1, "x", 1, &up_took);
        hob_spawn(both, trickle, down, F_WINDOW, 1, "\0\0\0\1", 4, &down_took);
        CHECK_EQ(hob_join(both), 0);
    }
    CHECK(up_took > 3 && up_took < 50);
    CHECK(down_took > 3 && down_took < 50);
    CHECK_EQ(counters.timeouts, before + 2);
    CHECK_EQ(notes, 1); /* a minute has not gone by */
    CHECK_HAS(last_note, "hob: 127.0.0.1:");
    CHECK_HAS(last_note, " was cut off: it did not send, or read,");
    hob_close(up);
    hob_close(down);
    return 0;
}

/* Two bodies, of which the client sends one after the other. */
SERVER_TEST(others_bodies_are_progress, .min_rate = 10000) {
    static char piece[10000];
    struct hob_stream *hs = hand(l);
    struct frame *f = malloc(sizeof *f);
    hand_head(hs, 0, 1, BODY_COMES);
    hand_head(hs, 0, 3, BODY_COMES);
    for (int i = 0; i < 70; i++) { /* for seven seconds, 100000 bytes each */
        hand_send(hs, F_DATA, 0, 1, piece, sizeof piece);
        int rc;
        while ((rc = next_frame(hs, f, 0.1)) == 1)
            CHECK(f->type != F_RST && f->type != F_HEADERS && f->type != F_GOAWAY);
        CHECK_EQ(rc, -ETIMEDOUT);
    }
    CHECK_EQ(seen.active, 2);
    hand_send(hs, F_DATA, END_STREAM, 3, "ab", 2);
    CHECK(await_frame(hs, F_HEADERS, 3) >= 0);
    free(f);
    hob_close(hs);
    for (int i = 0; i < 300 && seen.active; i++) CHECK_EQ(hob_sleep(0.01), 0);
    return 0;
}

TEST_MAIN()
