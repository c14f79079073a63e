/* http2_same_test.c - the server and heads that are like those before them: whatever HPACK's tables
 * make of them, and however they differ, a request is what its own head says. */
#include "http2_hand.h"

#define REST ":scheme: http\n:authority: here.test\n"
#define HEAD ":method: GET\n" REST ":path: /b\nuser-agent: test\ncookie: a=1\n"

/* A peer that puts all fields into its table, and refers to those that are there. */
static struct {
    struct hob_stream *s;
    uint32_t id;          /* of the last stream */
    char lines[100][600]; /* the last one is first */
    int count;
    bool fresh; /* the table is to be emptied */
    bool halts; /* a block is to stop behind two fields for a while */
} me;

static int find(const char *line, size_t n) {
    for (int i = 0; i < me.count; i++)
        if (strlen(me.lines[i]) == n && memcmp(me.lines[i], line, n) == 0) return i;
    return -1;
}
static unsigned char *put_size(unsigned char *at, size_t n) {
    if (n < 127) {
        *at++ = (unsigned char)n;
        return at;
    }
    *at++ = 127;
    for (n -= 127; n >= 128; n >>= 7) *at++ = (unsigned char)(0x80 | (n & 127));
    *at++ = (unsigned char)n;
    return at;
}
static unsigned char *put_line(unsigned char *at, const char *line, size_t n) {
    int i = find(line, n);
    if (i >= 0) {
        *at++ = (unsigned char)(0x80 | (62 + i));
        CHECK(62 + i < 127);
        return at;
    }
    const char *colon = strchr(line + 1, ':');
    size_t name = (size_t)(colon - line), value = n - name - 2;
    *at++ = 0x40;
    at = put_size(at, name);
    memcpy(at, line, name);
    at = put_size(at + name, value);
    memcpy(at, colon + 2, value);
    CHECK(n < sizeof me.lines[0]);
    memmove(me.lines[1], me.lines[0], sizeof me.lines - sizeof me.lines[0]);
    memcpy(me.lines[0], line, n);
    me.lines[0][n] = 0;
    if (me.count < 60) me.count++;
    return at + value;
}
static void send_block(int flags, const char *lines) {
    static unsigned char block[9000], buf[9100];
    unsigned char *at = block;
    if (me.fresh) {
        memcpy(at, "\x20\x3f\xe1\x1f", 4);
        at += 4;
        me.count = 0;
        me.fresh = false;
    }
    int type = F_HEADERS, fields = 0;
    for (const char *end; (end = strchr(lines, '\n')); lines = end + 1) {
        at = put_line(at, lines, (size_t)(end - lines));
        if (!me.halts || ++fields != 2) continue;
        size_t n = put_frame(buf, type, flags, me.id, block, (size_t)(at - block));
        CHECK_EQ(hob_write(me.s, buf, n), n);
        CHECK_EQ(hob_sleep(0.05), 0);
        type = F_CONT;
        at = block;
        flags = 0;
    }
    size_t n = put_frame(buf, type, flags | END_HEADERS, me.id, block, (size_t)(at - block));
    CHECK_EQ(hob_write(me.s, buf, n), n);
}
static void begin(struct hob_listener *l) {
    memset(&me, 0, sizeof me);
    me.s = hand(l);
    me.id = -1u;
}
/* What comes on the stream: the body; "RST n" */
static const char *heard(void) {
    static char text[2000];
    struct frame *f = malloc(sizeof *f);
    snprintf(text, sizeof text, "nothing");
    while (hob_within(5.0, read_frame(me.s, f)) == 1) {
        if (f->stream != me.id) continue;
        if (f->type == F_RST) snprintf(text, sizeof text, "RST %u", get_number(f->bytes));
        if (f->type == F_DATA && f->size)
            snprintf(text, sizeof text, "%.*s", (int)f->size, (char *)f->bytes);
        if (f->type == F_RST || (f->flags & END_STREAM)) break;
    }
    free(f);
    return text;
}
static void next(void) {
    me.id += 2;
    seen.head[0] = 0;
}
static const char *ask(const char *lines) {
    next();
    send_block(END_STREAM, lines);
    return heard();
}
static void expect(const char *lines, const char *body, const char *head) {
    const char *got = ask(lines);
    if (strcmp(got, body) != 0) FAIL("%u: %s instead of %s", me.id, got, body);
    if (strcmp(seen.head, head) != 0) FAIL("%u: %s instead of %s", me.id, seen.head, head);
}

#define SEEN(path, cookie)                                                                         \
    "GET " path " http host=here.test cookie=" cookie " v=20 size=0 here.test"

SERVER_TEST(the_same_again) {
    begin(l);
    for (int i = 0; i < 10; i++) expect(HEAD, "/b", SEEN("/b", "a=1"));
    hob_close(me.s);
    return 0;
}

SERVER_TEST(others_between) {
    begin(l);
    for (int i = 0; i < 20; i++) {
        expect(HEAD, "/b", SEEN("/b", "a=1"));
        expect(HEAD, "/b", SEEN("/b", "a=1"));
        if (i & 1) /* another in the middle */
            expect(":method: GET\n" REST ":path: /other\nuser-agent: test\ncookie: a=1\n", "/other",
                   SEEN("/other", "a=1"));
        if (i & 2) /* shorter */
            expect(":method: GET\n" REST ":path: /b\nuser-agent: test\n", "/b", SEEN("/b", "-"));
        if (i & 4) /* longer */
            expect(HEAD "cookie: b=2\n", "/b", SEEN("/b", "a=1; b=2"));
        if (i & 8) /* shorter, and another */
            expect(":method: GET\n" REST ":path: /c\n", "/c", SEEN("/c", "-"));
    }
    hob_close(me.s);
    return 0;
}

/* A path that is never the same. */
SERVER_TEST(always_another) {
    begin(l);
    for (int i = 0; i < 300; i++) {
        char lines[200], path[20], head[200];
        snprintf(path, sizeof path, "/%d", i);
        snprintf(lines, sizeof lines, ":method: GET\n" REST ":path: %s\ncookie: a=%d\n", path,
                 i % 7);
        snprintf(head, sizeof head, "GET %s http host=here.test cookie=a=%d v=20 size=0 here.test",
                 path, i % 7);
        expect(lines, path, head);
    }
    for (int i = 0; i < 100; i++) expect(HEAD, "/b", SEEN("/b", "a=1"));
    hob_close(me.s);
    return 0;
}

/* Fields and bytes around the bounds of what is held. */
SERVER_TEST(large_heads) {
    static char lines[4000];
    begin(l);
    for (int fields = 10; fields <= 24; fields++) {
        size_t n = (size_t)snprintf(lines, sizeof lines, HEAD);
        for (int i = 2; i < fields; i++)
            n += (size_t)snprintf(lines + n, sizeof lines - n, "x: %d\n", i);
        for (int i = 0; i < 4; i++) expect(lines, "/b", SEEN("/b", "a=1"));
        me.fresh = true; /* before it is full */
    }
    for (size_t size = 380; size <= 460; size++) {
        char value[500];
        memset(value, 'v', size);
        value[size] = 0;
        snprintf(lines, sizeof lines, HEAD "x: %s\n", value);
        me.fresh = true;
        for (int i = 0; i < 4; i++) expect(lines, "/b", SEEN("/b", "a=1"));
    }
    hob_close(me.s);
    return 0;
}

SERVER_TEST(malformed_between) {
    static const char *const bad[] = {HEAD "X: y\n",
                                      ":method: GET\n" REST
                                      ":path: /b\nuser-agent: test\nconnection: close\n",
                                      ":method: GET\n" REST "user-agent: test\n",
                                      ":method: GET\n",
                                      HEAD ":path: /b\n",
                                      HEAD "host: a/b\n"};
    begin(l);
    for (size_t i = 0; i < sizeof bad / sizeof *bad * 3; i++) {
        for (size_t k = 0; k <= i % 3; k++) expect(HEAD, "/b", SEEN("/b", "a=1"));
        expect(bad[i / 3], "RST 1", "");
        expect(bad[i / 3], "RST 1", "");
    }
    expect(HEAD, "/b", SEEN("/b", "a=1"));
    hob_close(me.s);
    return 0;
}

/* The same entries with other strings behind them, and other entries with the same. */
SERVER_TEST(tables_that_are_emptied) {
    begin(l);
    for (int i = 0; i < 30; i++) {
        next();
        me.fresh = i % 3 == 0;
        send_block(END_STREAM, HEAD);
        CHECK_STR(heard(), "/b");
        CHECK_STR(seen.head, SEEN("/b", "a=1"));
        next();
        me.fresh = i % 5 == 0;
        send_block(END_STREAM, ":method: GET\n" REST ":path: /c\nuser-agent: test\ncookie: c=3\n");
        CHECK_STR(heard(), "/c");
        CHECK_STR(seen.head, SEEN("/c", "c=3"));
    }
    hob_close(me.s);
    return 0;
}

/* Strings that get the memory of those that were there before. */
SERVER_TEST(an_entry_where_another_was) {
    unsigned char block[200], buf[300];
    begin(l);
    for (int i = 0; i < 12; i++) {
        size_t n = 0;
        bool fresh = i % 4 == 0; /* the table is emptied; else both of its entries are meant */
        if (fresh) memcpy(block, "\x20\x3f\xe1\x1f", n = 4);
        memcpy(block + n, "\x82\x86\x84", 3);
        n += 3;
        if (fresh) {
            memcpy(block + n, "\x41\x09here.test\x60\x46", 13);
            memset(block + n + 13, 'a' + i, 70);
            n += 83;
        } else {
            memcpy(block + n, "\xbf\xbe", 2);
            n += 2;
        }
        next();
        n = put_frame(buf, F_HEADERS, END_STREAM | END_HEADERS, me.id, block, n);
        CHECK_EQ(hob_write(me.s, buf, n), n);
        CHECK_STR(heard(), "/");
        const char *cookie = strstr(seen.head, "cookie=");
        CHECK(cookie != NULL);
        for (int k = 0; k < 70; k++) CHECK_EQ(cookie[7 + k], 'a' + i / 4 * 4);
    }
    hob_close(me.s);
    return 0;
}

SERVER_TEST(bodies_and_trailers) {
    unsigned char buf[100];
    begin(l);
    for (int i = 0; i < 6; i++) {
        next();
        send_block(0, ":method: POST\n" REST ":path: /trailers\ncontent-length: 4\n");
        size_t n = put_frame(buf, F_DATA, 0, me.id, "body", 4);
        CHECK_EQ(hob_write(me.s, buf, n), n);
        send_block(END_STREAM, i % 2 ? "x-after: all\n" : "x-after: none of it\n");
        CHECK_STR(heard(), i % 2 ? "all" : "none of it");
        next();
        send_block(0, ":method: POST\n" REST ":path: /echo\ncontent-length: 4\n");
        n = put_frame(buf, F_DATA, END_STREAM, me.id, "four", 4);
        CHECK_EQ(hob_write(me.s, buf, n), n);
        CHECK_STR(heard(), "four");
        next();
        send_block(0, ":method: POST\n" REST ":path: /echo\ncontent-length: 4\n");
        n = put_frame(buf, F_DATA, END_STREAM, me.id, "five!", 5);
        CHECK_EQ(hob_write(me.s, buf, n), n);
        CHECK_STR(heard(), "RST 1");
    }
    hob_close(me.s);
    return 0;
}

/* A connection that rests holds nothing of it. */
SERVER_TEST(after_a_rest) {
    begin(l);
    for (int i = 0; i < 4; i++) {
        expect(HEAD, "/b", SEEN("/b", "a=1"));
        expect(HEAD, "/b", SEEN("/b", "a=1"));
        CHECK_EQ(hob_sleep(0.05), 0);
    }
    hob_close(me.s);
    return 0;
}

/* Nor does it drop what the head that comes in is compared with. */
SERVER_TEST(a_rest_within_a_head) {
    begin(l);
    for (int i = 0; i < 12; i++) {
        me.halts = i % 4 == 3;
        expect(HEAD, "/b", SEEN("/b", "a=1"));
    }
    hob_close(me.s);
    return 0;
}

TEST_MAIN()
