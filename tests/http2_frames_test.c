/* http2_frames_test.c - the server and HTTP/2, by frames that are made by hand: windows, those who
 * send too many, heads that do not end, and leaving. */
#include "http2_hand.h"

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

/* What the client may send besides: until that is so much, and for as long as some comes. */
static uint64_t more_window(struct hob_stream *hs, struct frame *f, uint64_t wanted) {
    uint64_t more = 0;
    while (next_frame(hs, f, more < wanted ? 20 : 0.3) == 1)
        if (f->type == F_WINDOW && f->stream == 0) more += get_number(f->bytes);
    return more;
}

/* Bodies that nobody reads: 1 MiB of all of them, however many there are. */
SERVER_TEST(unread_bodies_have_a_bound) {
    static char piece[16000];
    struct hob_stream *hs = hand(l);
    struct frame *f = malloc(sizeof *f);
    CHECK_EQ(65535 + more_window(hs, f, (1 << 20) - 65535), 1 << 20);
    for (uint32_t id = 1; id < 40; id += 2) {
        hand_head(hs, 0, id, ":method: POST\n:scheme: http\n:path: /hang\n:authority: a\n");
        for (int i = 0; i < 3; i++) hand_send(hs, F_DATA, 0, id, piece, sizeof piece);
    }
    await_active(20);
    CHECK_EQ(more_window(hs, f, 0), 0);
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

/* Not so rapidly that it comes as one flood: nghttp2 would end the connection by itself after 1000
 * and 33 a second, and nobody would hear of it. */
SERVER_TEST(resets_one_after_the_other) {
    struct hob_stream *hs = hand(l);
    unsigned char buf[1000], code[4] = {0, 0, 0, 8};
    for (int i = 0; i < 2500; i++) {
        uint32_t stream = (uint32_t)(1 + 2 * i);
        size_t n = put_head(buf, END_STREAM, stream,
                            ":method: GET\n:scheme: http\n:path: /b\n:authority: here\n");
        n += put_frame(buf + n, F_RST, 0, stream, code, 4);
        if (hob_write(hs, buf, n) < 0) break;
        if (i % 10 == 9) CHECK_EQ(hob_sleep(0.02), 0);
        if (counters.floods > 0) break;
    }
    await_floods(1);
    hob_close(hs);
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
        for (int i = 0; i < 20000; i++) {
            uint32_t stream = (uint32_t)(1 + 2 * i);
            size_t n = put_head(buf, END_STREAM, stream, made[k].head);
            if (made[k].bytes) n += put_frame(buf + n, made[k].type, 0, stream, made[k].bytes, 4);
            if (hob_write(hs, buf, n) < 0) break;
        }
        await_floods(k + 1);
        await_active(0);
        CHECK(seen.most <= 201);
        long code = await_frame(hs, F_PUSH, 0);
        if (code != -1) FAIL("%s: the connection goes on, %ld", made[k].what, code);
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
SERVER_TEST(a_window_that_never_opens, .stall_timeout = 1) {
    struct hob_stream *hs = hand_without_window(l);
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
    struct hob_stream *hs = hand_without_window(l);
    unsigned char setting[6] = {0, 4, 0, 0, 0, 0}, more[4] = {0, 0, 0, 2};
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
    CHECK_EQ(counters.cut_offs[HOB_HTTP_CUT_HEAD], counters.timeouts);
    CHECK_EQ(counters.idle_timeouts, 0);
    hand_send(honest, F_DATA, END_STREAM, 5, "ab", 2);
    CHECK(await_frame(honest, F_DATA, 5) >= 0);
    hob_close(honest);
    hob_close(busy);
    return 0;
}

/* That another stream ends gives a head no more time. */
SERVER_TEST(a_head_that_does_not_end_beside_an_answer, .head_timeout = 0.5) {
    struct hob_stream *hs = hand(l);
    hand_head(hs, END_STREAM, 1, ":method: GET\n:scheme: http\n:path: /slow\n:authority: a\n");
    hand_send(hs, F_HEADERS, END_STREAM, 3, "\x82", 1);
    CHECK(await_frame(hs, F_DATA, 1) >= 0);
    uint64_t began = hob_now();
    while (await_frame(hs, F_RST, 0) != -1) continue;
    CHECK(hob_now() - began < UINT64_C(4500000000)); /* await_frame() gives up after 5 s */
    CHECK_EQ(counters.timeouts, 1);
    hob_close(hs);
    return 0;
}

/* However little of its time is left when its connection is looked at, it is a head that took too
 * long, not a connection that was idle. */
SERVER_TEST(heads_that_do_not_end_are_never_idle, .head_timeout = 1) {
    enum { COUNT = 1000 };
    static struct hob_stream *slow[COUNT];
    for (int i = 0; i < COUNT; i++) {
        slow[i] = hand(l);
        hand_head(slow[i], END_STREAM, 1, GET_HEAD);
        hand_send(slow[i], F_HEADERS, END_STREAM, 3, "\x82", 1);
        CHECK(await_frame(slow[i], F_DATA, 1) >= 0);
    }
    for (int i = 0; i < COUNT; i++) {
        CHECK_EQ(await_frame(slow[i], F_RST, 0), -1);
        hob_close(slow[i]);
    }
    CHECK_EQ(counters.idle_timeouts, 0);
    CHECK_EQ(counters.timeouts, COUNT);
    return 0;
}

/* Nor is one that comes in what nghttp2 drops, as it comes behind the last GOAWAY: the requests
 * that are in progress go on. */
SERVER_TEST(heads_behind_the_last_goaway, .max_requests = 1, .head_timeout = 0.3) {
    struct hob_stream *hs = hand(l);
    hand_head(hs, END_STREAM, 1, ":method: GET\n:scheme: http\n:path: /hang\n:authority: a\n");
    CHECK_EQ(next_goaway(hs), 0x7fffffff);
    hand_send(hs, F_PING, ACK, 0, "leaving", 8);
    CHECK_EQ(next_goaway(hs), 1);
    hand_head(hs, END_STREAM, 3, GET_HEAD);
    CHECK_EQ(hob_sleep(1), 0);
    CHECK_EQ(counters.timeouts, 0);
    CHECK_EQ(seen.active, 1);
    hand_send(hs, F_PING, 0, 0, "12345678", 8);
    CHECK(await_frame(hs, F_PING, 0) >= 0);
    hob_close(hs);
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
    struct hob_stream *up = hand(l), *down = hand_without_window(l);
    double up_took = 0, down_took = 0;
    notes = 0;
    hob_set_report(keep_notes, NULL);
    uint64_t before = counters.timeouts;
    hand_head(up, 0, 1, BODY_COMES);
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
