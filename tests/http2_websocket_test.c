/* http2_websocket_test.c - WebSockets on streams of HTTP/2 (RFC 8441), by frames that are made by
 * hand: the handshake and everything that can be wrong with it, messages however they are cut into
 * DATA, closed windows on both sides, closes and resets as the RFC maps them, handlers that end in
 * every way, many on one connection. */
#include "h2_peer.h"

#if HAVE_TLS
#include <hob/tls.h>
#endif
#include <hob/websocket.h>

/* ---- the server ---- */

static struct {
    int accepted, messages, ended, closed, opened, sent;
    int error; /* of the last handler's receive */
    bool cancelled;
    char method[40];
    struct hob_event go;
    struct hob_websocket *ws;
} seen;
static struct hob_http_counters counters;

static int echo(struct hob_request *req, struct hob_websocket_options o) {
    struct hob_websocket *ws;
    struct hob_websocket_message m;
    HOB_TRY(hob__websocket_accept(req, &ws, o));
    seen.accepted++;
    int rc;
    while ((rc = hob_websocket_receive(ws, &m)) > 0) {
        seen.messages++;
        rc = hob_websocket_send(ws, m.kind, m.data, m.size);
        if (rc < 0) break;
    }
    seen.error = rc;
    seen.cancelled |= hob_cancelled();
    return rc;
}

static int flood(struct hob_request *req) {
    static char block[10000];
    struct hob_websocket *ws;
    HOB_TRY(hob_websocket_accept(req, &ws, .send_timeout = 30));
    for (int i = 0; i < 40; i++) {
        int rc = hob_websocket_send(ws, HOB_WEBSOCKET_BINARY, block, sizeof block);
        if (rc < 0) return seen.error = rc;
        seen.sent++;
    }
    return 0;
}

static int on_open(struct hob_websocket *ws, void *arg) {
    (void)arg;
    seen.opened++;
    return hob_websocket_send_text(ws, "welcome");
}
static int on_message(struct hob_websocket *ws, const struct hob_websocket_message *m, void *arg) {
    (void)arg;
    if (m->size == 4 && memcmp(m->data, "fail", 4) == 0) return hob_fail(-EIO, "on purpose");
    return hob_websocket_send(ws, m->kind, m->data, m->size);
}
static void on_close(struct hob_websocket *ws, void *arg) {
    (void)ws, (void)arg;
    seen.closed++;
}
static const struct hob_websocket_events events = {on_open, on_message, on_close};

static int raw_tunnel(struct hob_request *req) {
    struct hob_stream *t;
    char buf[100];
    HOB_TRY(hob_request_upgrade(req, "Chat", HOB_HEADERS({"X-Raw", "yes"}), &t));
    ssize_t n = HOB_TRY((int)hob_read(t, buf, sizeof buf));
    HOB_TRY((int)hob_write(t, buf, (size_t)n));
    HOB_TRY(hob_shutdown(t));
    return hob_read(t, buf, sizeof buf) == 0 ? 0 : -EPROTO;
}

/* Says something, and closes it by itself. */
static int raw_goodbye(struct hob_request *req) {
    struct hob_stream *t;
    HOB_TRY(hob_request_upgrade(req, "chat", NULL, &t));
    HOB_TRY((int)hob_write(t, "goodbye", 7));
    hob_close(t);
    return 0;
}

/* TLS within it, with a peer that speaks none. */
static int tls_inside(struct hob_request *req) {
    struct hob_stream *t;
    HOB_TRY(hob_request_upgrade(req, "chat", NULL, &t));
    hob_request_keep_running(req, false); /* too late to matter */
#if HAVE_TLS
    struct hob_tls *tls;
    HOB_TRY(hob_tls_new(&tls));
    seen.error = hob_tls_start(t, tls, .server_name = "here");
    hob_tls_free(tls);
#endif
    return 0;
}

static int handle(struct hob_request *req, void *arg) {
    (void)arg;
    const char *path = hob_request_path(req);
    int rc;
    snprintf(seen.method, sizeof seen.method, "%s %s", hob_request_method(req),
             hob_request_header(req, "upgrade") ? hob_request_header(req, "upgrade") : "-");
    if (strcmp(path, "/ws") == 0)
        rc = echo(req, (struct hob_websocket_options){.protocols = (const char *[]){"a", "b", NULL},
                                                      .deflate = true});
    else if (strcmp(path, "/quick") == 0)
        rc = echo(req, (struct hob_websocket_options){.ping_interval = 0.05, .ping_timeout = 0.1});
    else if (strcmp(path, "/flood") == 0)
        rc = flood(req);
    else if (strcmp(path, "/events") == 0)
        rc = hob_websocket_serve(req, &events, NULL);
    else if (strcmp(path, "/tls") == 0)
        rc = tls_inside(req);
    else if (strcmp(path, "/goodbye") == 0)
        rc = raw_goodbye(req);
    else if (strcmp(path, "/raw") == 0)
        rc = raw_tunnel(req);
    else if (strcmp(path, "/fails") == 0) {
        struct hob_websocket *ws;
        rc = hob_websocket_accept(req, &ws);
        if (rc == 0) rc = hob_fail(-EIO, "on purpose");
    } else if (strcmp(path, "/busy") == 0) {
        struct hob_websocket *ws;
        rc = hob_websocket_accept(req, &ws);
        if (rc == 0) rc = hob_event_wait(&seen.go);
    } else
        rc = hob_respond_text(req, 200, "text/plain", "hello");
    seen.ended++;
    return rc;
}

/* ---- the client, by hand ---- */

#define CONNECT(path)                                                                              \
    ":method: CONNECT\n:scheme: http\n:path: " path "\n:authority: here\n:protocol: websocket\n"
#define V13 "sec-websocket-version: 13\n"

enum { STREAMS = 64 };
struct hand {
    struct hob_stream *s;
    nghttp2_hd_inflater *inflater;
    bool mean; /* gives no windows */
    bool announced;
    struct {
        char head[1024], data[1 << 16];
        size_t size, total;
        bool ended, reset;
        uint32_t code, window;
    } st[STREAMS]; /* by stream / 2 */
    struct frame f;
};

static void send_it(struct hand *h, int type, int flags, uint32_t stream, const void *bytes,
                    size_t n) {
    unsigned char buf[16400];
    size_t size = put_frame(buf, type, flags, stream, bytes, n);
    CHECK_EQ(hob_write(h->s, buf, size), size);
}

static void give(struct hand *h, uint32_t stream, uint32_t n) {
    unsigned char bytes[4];
    put_number(bytes, n);
    send_it(h, F_WINDOW, 0, stream, bytes, 4);
}

static struct hand *begin_with(struct hob_listener *l, uint32_t window) {
    struct hand *h = calloc(1, sizeof *h);
    unsigned char setting[6] = {0, 4};
    CHECK_EQ(hob_connect(hob_listener_address(l), &h->s), 0);
    CHECK_EQ(nghttp2_hd_inflate_new(&h->inflater), 0);
    CHECK_EQ(hob_write(h->s, PREFACE, 24), 24);
    put_number(setting + 2, window);
    send_it(h, F_SETTINGS, 0, 0, setting, 6);
    return h;
}
static struct hand *begin(struct hob_listener *l) { return begin_with(l, 65535); }

static void finish(struct hand *h) {
    hob_close(h->s);
    nghttp2_hd_inflate_del(h->inflater);
    free(h);
}

static void ask(struct hand *h, int flags, uint32_t stream, const char *lines) {
    unsigned char buf[8300];
    size_t size = put_head(buf, flags, stream, lines);
    CHECK_EQ(hob_write(h->s, buf, size), size);
}

static void unpack(struct hand *h, char *out, size_t cap) {
    const uint8_t *in = h->f.bytes;
    size_t left = h->f.size, at = 0;
    for (;;) {
        nghttp2_nv nv;
        int flags = 0;
        ssize_t n = nghttp2_hd_inflate_hd2(h->inflater, &nv, &flags, in, left, 1);
        CHECK(n >= 0);
        in += n;
        left -= (size_t)n;
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) && at < cap)
            at +=
                (size_t)snprintf(out + at, cap - at, "%s: %s\n", (char *)nv.name, (char *)nv.value);
        if (flags & NGHTTP2_HD_INFLATE_FINAL) break;
    }
    nghttp2_hd_inflate_end_headers(h->inflater);
}

static void take_data(struct hand *h, uint32_t i) {
    size_t room = sizeof h->st[i].data - h->st[i].size;
    size_t n = h->f.size < room ? h->f.size : room;
    memcpy(h->st[i].data + h->st[i].size, h->f.bytes, n);
    h->st[i].size += n;
    h->st[i].total += h->f.size;
    if (h->f.size == 0 || h->mean) return;
    give(h, 0, h->f.size);
    if (!(h->f.flags & END_STREAM)) give(h, h->f.stream, h->f.size);
}

/* Takes a frame: false at the end of the connection, or when none comes. */
static bool step(struct hand *h, double seconds) {
    if (hob_within(seconds, read_frame(h->s, &h->f)) != 1) return false;
    uint32_t i = h->f.stream / 2;
    CHECK(i < STREAMS);
    if (h->f.type == F_HEADERS) unpack(h, h->st[i].head, sizeof h->st[i].head);
    if (h->f.type == F_DATA) take_data(h, i);
    if (h->f.type == F_WINDOW && h->f.stream) h->st[i].window += get_number(h->f.bytes);
    if (h->f.type == F_HEADERS || h->f.type == F_DATA) h->st[i].ended |= h->f.flags & END_STREAM;
    if (h->f.type == F_RST) {
        h->st[i].reset = true;
        h->st[i].code = get_number(h->f.bytes);
    }
    if (h->f.type == F_SETTINGS && !(h->f.flags & ACK)) {
        for (uint32_t at = 0; at + 6 <= h->f.size; at += 6)
            if (h->f.bytes[at + 1] == 8 && get_number(h->f.bytes + at + 2) == 1)
                h->announced = true;
        send_it(h, F_SETTINGS, ACK, 0, NULL, 0);
    }
    return true;
}

#define UNTIL(h, condition)                                                                        \
    while (!(condition))                                                                           \
        if (!step(h, 20)) FAIL("the connection ended before %s", #condition)

/* A frame of a client: masked, by zeroes. */
static size_t put_message(char *at, unsigned first, const void *bytes, size_t n) {
    size_t size = 2;
    at[0] = (char)first;
    at[1] = (char)(0x80 | (n < 126 ? n : 126));
    if (n >= 126) {
        at[2] = (char)(n >> 8);
        at[3] = (char)n;
        size = 4;
    }
    memset(at + size, 0, 4);
    memcpy(at + size + 4, bytes, n);
    return size + 4 + n;
}
static void say(struct hand *h, uint32_t stream, unsigned first, const void *bytes, size_t n) {
    char buf[16000];
    send_it(h, F_DATA, 0, stream, buf, put_message(buf, first, bytes, n));
}

/* The next message on it is this one. */
static void expect(struct hand *h, uint32_t stream, unsigned first, const void *bytes, size_t n) {
    uint32_t i = stream / 2;
    size_t size = n < 126 ? 2 : 4;
    UNTIL(h, h->st[i].size >= size + n);
    CHECK_EQ((unsigned char)h->st[i].data[0], first);
    CHECK(memcmp(h->st[i].data + size, bytes, n) == 0);
    h->st[i].size -= size + n;
    memmove(h->st[i].data, h->st[i].data + size + n, h->st[i].size);
}

static struct hand *opened(struct hob_listener *l, const char *lines) {
    struct hand *h = begin(l);
    ask(h, 0, 1, lines);
    UNTIL(h, h->st[0].head[0]);
    CHECK_HAS(h->st[0].head, ":status: 200\n");
    CHECK(h->announced);
    return h;
}

#define TUNNEL_TEST(name, ...)                                                                     \
    static void body_##name(struct hob_listener *l, struct hob_scope *s);                          \
    CLEAN_TEST(name) {                                                                             \
        hob_set_report(fail_at_deadlock, NULL);                                                    \
        memset(&seen, 0, sizeof seen);                                                             \
        counters = (struct hob_http_counters){0};                                                  \
        HOB_SCOPE(s);                                                                              \
        struct hob_listener *l = listening();                                                      \
        struct hob_http_options o = {.counters = &counters, ##__VA_ARGS__};                        \
        hob_spawn(s, hob_http_serve, l, handle, NULL, o);                                          \
        body_##name(l, s);                                                                         \
        hob_scope_cancel(s);                                                                       \
        CHECK_EQ(hob_join(s), 0);                                                                  \
        hob_listener_close(l);                                                                     \
        CHECK_EQ(counters.connections, 0);                                                         \
        CHECK_EQ(counters.in_flight, 0);                                                           \
        return 0;                                                                                  \
    }                                                                                              \
    static void body_##name(struct hob_listener *l, struct hob_scope *s __attribute__((unused)))

static void await(int *value, int wanted) {
    for (int i = 0; *value < wanted; i++) {
        CHECK(i < 20000);
        CHECK_EQ(hob_sleep(0.001), 0);
    }
}

/* ---- what works ---- */

TUNNEL_TEST(messages_and_a_close) {
    static char large[12000];
    struct hand *h = opened(l, CONNECT("/ws?q=1") V13 "origin: http://here\n"
                                                      "sec-websocket-protocol: x, b\n");
    CHECK_HAS(h->st[0].head, "sec-websocket-protocol: b\n");
    CHECK(!strstr(h->st[0].head, "sec-websocket-accept"));
    CHECK(!strstr(h->st[0].head, "upgrade"));
    CHECK(!strstr(h->st[0].head, "content-length"));
    CHECK_STR(seen.method, "GET websocket");
    CHECK_EQ(counters.in_flight, 0);
    say(h, 1, 0x81, "hello", 5);
    expect(h, 1, 0x81, "hello", 5);
    memset(large, 'l', sizeof large);
    say(h, 1, 0x82, large, sizeof large);
    expect(h, 1, 0x82, large, sizeof large);
    say(h, 1, 0x89, "ping", 4);
    expect(h, 1, 0x8a, "ping", 4);
    say(h, 1, 0x01, "in ", 3);
    say(h, 1, 0x00, "three ", 6);
    say(h, 1, 0x80, "parts", 5);
    expect(h, 1, 0x81, "in three parts", 14);
    say(h, 1, 0x88, "\x03\xe8", 2);
    expect(h, 1, 0x88, "\x03\xe8", 2);
    UNTIL(h, h->st[0].ended);
    CHECK(!h->st[0].reset || h->st[0].code == 0);
    CHECK_EQ(seen.messages, 3);
    CHECK_EQ(seen.error, 0);
    /* and the connection goes on */
    ask(h, END_STREAM, 3, ":method: GET\n:scheme: http\n:path: /\n:authority: here\n");
    UNTIL(h, h->st[1].ended);
    CHECK(memcmp(h->st[1].data, "hello", 5) == 0);
    CHECK_EQ(counters.upgraded, 1);
    CHECK_EQ(counters.answers[1], 2);
    finish(h);
}

TUNNEL_TEST(bytes_come_as_they_like) {
    char buf[200];
    struct hand *h = begin(l);
    size_t n = put_message(buf, 0x81, "one at a time", 13);
    /* before the answer is known, too */
    ask(h, 0, 1, CONNECT("/ws") V13);
    for (size_t i = 0; i < n; i++) send_it(h, F_DATA, 0, 1, buf + i, 1);
    expect(h, 1, 0x81, "one at a time", 13);
    n += put_message(buf + n, 0x82, "two", 3); /* two messages in one frame */
    send_it(h, F_DATA, 0, 1, buf, n);
    expect(h, 1, 0x81, "one at a time", 13);
    expect(h, 1, 0x82, "two", 3);
    /* Padding is no part of it. */
    n = put_message(buf + 1, 0x82, "pad", 3) + 1;
    buf[0] = 20;
    memset(buf + n, 0, 20);
    send_it(h, F_DATA, 8, 1, buf, n + 20);
    expect(h, 1, 0x82, "pad", 3);
    finish(h);
}

TUNNEL_TEST(compressed) {
    static const char hello[] = "\xf2\x48\xcd\xc9\xc9\x07"; /* RFC 7692, 7.2.3.1, with its 0 */
    static char zeroes[3000];
    struct hand *h = opened(l, CONNECT("/ws") V13 "sec-websocket-extensions: permessage-deflate\n");
    CHECK_HAS(h->st[0].head, "sec-websocket-extensions: permessage-deflate");
    say(h, 1, 0xc1, hello, 7);
    expect(h, 1, 0x81, "Hello", 5); /* too short to be packed */
    say(h, 1, 0x82, zeroes, sizeof zeroes);
    UNTIL(h, h->st[0].size >= 10);
    CHECK_EQ((unsigned char)h->st[0].data[0], 0xc2);
    CHECK(h->st[0].size < 100);
    finish(h);
}

TUNNEL_TEST(many_on_one_connection) {
    struct hand *h = begin(l);
    char text[32];
    for (uint32_t i = 0; i < 40; i++) ask(h, 0, 1 + 2 * i, CONNECT("/ws") V13);
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 40; i++)
            say(h, 1 + 2 * i, 0x81, text, (size_t)snprintf(text, sizeof text, "%d %u", round, i));
        for (uint32_t i = 0; i < 40; i++)
            expect(h, 1 + 2 * i, 0x81, text,
                   (size_t)snprintf(text, sizeof text, "%d %u", round, i));
    }
    CHECK_EQ(seen.accepted, 40);
    CHECK_EQ(counters.accepted, 1);
    finish(h);
    await(&seen.ended, 40); /* their client is gone */
    CHECK_EQ(seen.error, HOB_E_WEBSOCKET_LOST);
    CHECK(!seen.cancelled);
}

TUNNEL_TEST(events_without_a_handler) {
    struct hand *h = opened(l, CONNECT("/events") V13);
    expect(h, 1, 0x81, "welcome", 7);
    CHECK_EQ(seen.ended, 1); /* the handler; the WebSocket goes on */
    say(h, 1, 0x81, "hello", 5);
    expect(h, 1, 0x81, "hello", 5);
    CHECK_EQ(seen.closed, 0);
    say(h, 1, 0x88, "\x03\xe9", 2);
    expect(h, 1, 0x88, "\x03\xe9", 2);
    UNTIL(h, h->st[0].ended);
    await(&seen.closed, 1);
    ask(h, 0, 3, CONNECT("/events") V13);
    expect(h, 3, 0x81, "welcome", 7);
    say(h, 3, 0x81, "fail", 4);
    expect(h, 3, 0x88, "\x03\xf3", 2); /* 1011 */
    say(h, 3, 0x88, "\x03\xf3", 2);
    UNTIL(h, h->st[1].ended || h->st[1].reset);
    await(&seen.closed, 2);
    CHECK_EQ(seen.opened, 2);
    finish(h);
}

TUNNEL_TEST(another_protocol) {
    struct hand *h = begin(l);
    ask(h, 0, 1, ":method: CONNECT\n:scheme: http\n:path: /raw\n:authority: a\n:protocol: chat\n");
    send_it(h, F_DATA, 0, 1, "line\n", 5);
    UNTIL(h, h->st[0].ended);
    CHECK_HAS(h->st[0].head, ":status: 200\nx-raw: yes\n");
    CHECK(h->st[0].size == 5 && memcmp(h->st[0].data, "line\n", 5) == 0);
    CHECK_EQ(seen.ended, 0); /* it reads on until the client has ended, too */
    send_it(h, F_DATA, END_STREAM, 1, NULL, 0);
    await(&seen.ended, 1);
    CHECK_EQ(counters.failed, 0);
    finish(h);
}

TUNNEL_TEST(tls_inside_of_one) {
    struct hand *h = begin(l);
    ask(h, 0, 1, ":method: CONNECT\n:scheme: http\n:path: /tls\n:authority: a\n:protocol: chat\n");
    send_it(h, F_DATA, 0, 1, "this is no TLS at all", 21);
    UNTIL(h, h->st[0].ended || h->st[0].reset);
    await(&seen.ended, 1);
#if HAVE_TLS
    CHECK(seen.error < 0);
#endif
    hob_error_clear();
    finish(h);
}

/* ---- ends ---- */

TUNNEL_TEST(a_stop_closes_them) {
    struct hand *h = opened(l, CONNECT("/ws") V13);
    ask(h, 0, 3, CONNECT("/events") V13);
    expect(h, 3, 0x81, "welcome", 7);
    hob_stop(s, 10);
    expect(h, 1, 0x88, "\x03\xe9", 2); /* 1001 */
    expect(h, 3, 0x88, "\x03\xe9", 2);
    say(h, 1, 0x88, "\x03\xe9", 2);
    say(h, 3, 0x88, "\x03\xe9", 2);
    UNTIL(h, h->st[0].ended && h->st[1].ended);
    while (step(h, 20)) {} /* and the connection ends */
    await(&seen.ended, 2);
    finish(h);
}

TUNNEL_TEST(a_reset_and_an_end_are_its_end) {
    unsigned char code[4];
    struct hand *h = begin(l);
    for (uint32_t i = 0; i < 3; i++) ask(h, 0, 1 + 2 * i, CONNECT("/ws") V13);
    for (uint32_t i = 0; i < 3; i++) {
        say(h, 1 + 2 * i, 0x81, "x", 1);
        expect(h, 1 + 2 * i, 0x81, "x", 1);
    }
    put_number(code, 8);
    send_it(h, F_RST, 0, 1, code, 4);
    await(&seen.ended, 1);
    CHECK_EQ(seen.error, HOB_E_WEBSOCKET_LOST);
    seen.error = 0;
    send_it(h, F_DATA, END_STREAM, 3, NULL, 0); /* without a close frame */
    UNTIL(h, h->st[1].reset);
    CHECK_EQ(h->st[1].code, 8);
    await(&seen.ended, 2);
    CHECK_EQ(seen.error, HOB_E_WEBSOCKET_LOST);
    seen.error = 0;
    hob_close(h->s); /* all of it */
    h->s = NULL;
    await(&seen.ended, 3);
    CHECK_EQ(seen.error, HOB_E_WEBSOCKET_LOST);
    CHECK(!seen.cancelled);
    CHECK_EQ(counters.left, 0);
    CHECK_EQ(counters.failed, 0);
    finish(h);
}

/* One that does not read is not cancelled either. */
TUNNEL_TEST(a_reset_of_one_that_is_busy) {
    unsigned char code[4] = {0, 0, 0, 8};
    struct hand *h = opened(l, CONNECT("/busy") V13);
    send_it(h, F_RST, 0, 1, code, 4);
    ask(h, END_STREAM, 3, ":method: GET\n:scheme: http\n:path: /\n:authority: here\n");
    UNTIL(h, h->st[1].ended);
    CHECK_EQ(seen.ended, 1); /* the GET's */
    hob_event_set(&seen.go);
    await(&seen.ended, 2);
    CHECK_EQ(counters.failed, 0);
    finish(h);
}

TUNNEL_TEST(a_handler_that_fails) {
    struct hand *h = opened(l, CONNECT("/fails") V13);
    expect(h, 1, 0x88, "\x03\xf3", 2); /* 1011 */
    say(h, 1, 0x88, "\x03\xf3", 2);
    UNTIL(h, h->st[0].ended || h->st[0].reset);
    CHECK_EQ(counters.failed, 0); /* as for one of HTTP/1.1: the answer was there */
    finish(h);
}

TUNNEL_TEST(frames_against_the_rules) {
    static const struct {
        const char *bytes;
        size_t n;
        char code;
    } bad[] = {{"\x81\x01x", 3, (char)0xea},                          /* not masked: 1002 */
               {"\xf1\x80\0\0\0\0", 6, (char)0xea},                   /* reserved bits */
               {"\x83\x80\0\0\0\0", 6, (char)0xea},                   /* opcode 3 */
               {"\x81\x81\0\0\0\0\xff", 7, (char)0xef},               /* not UTF-8: 1007 */
               {"\x82\xff\0\0\0\1\0\0\0\0\0\0\0\0", 14, (char)0xf1}}; /* 4 GiB: 1009 */
    struct hand *h = begin(l);
    for (uint32_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint32_t id = 1 + 2 * i;
        ask(h, 0, id, CONNECT("/ws") V13);
        send_it(h, F_DATA, 0, id, bad[i].bytes, bad[i].n);
        UNTIL(h, h->st[i].size >= 4);
        CHECK_EQ((unsigned char)h->st[i].data[0], 0x88);
        CHECK_EQ(h->st[i].data[2], 3);
        if (h->st[i].data[3] != bad[i].code) FAIL("%u: %d", i, (unsigned char)h->st[i].data[3]);
        UNTIL(h, h->st[i].ended || h->st[i].reset);
        send_it(h, F_DATA, END_STREAM, id, NULL, 0);
    }
    await(&seen.ended, sizeof bad / sizeof *bad);
    CHECK_EQ(counters.failed, 0);
    finish(h);
}

/* ---- windows ---- */

TUNNEL_TEST(a_client_that_takes_nothing_holds_its_handler) {
    struct hand *h = begin_with(l, 0);
    h->mean = true;
    ask(h, 0, 1, CONNECT("/flood") V13);
    UNTIL(h, h->st[0].head[0]);
    CHECK_EQ(hob_sleep(0.05), 0);
    CHECK(seen.sent < 4); /* one chunk of 16 KiB, and not 400 KB */
    CHECK_EQ(h->st[0].total, 0);
    give(h, 1, 25000);
    UNTIL(h, h->st[0].total >= 25000);
    CHECK_EQ(hob_sleep(0.05), 0);
    CHECK(seen.sent >= 2 && seen.sent < 6);
    CHECK_EQ(h->st[0].total, 25000);
    give(h, 1, 1000000);
    give(h, 0, 1000000);
    UNTIL(h, h->st[0].total >= 40 * 10004);
    CHECK_EQ(seen.sent, 40);
    UNTIL(h, h->st[0].total >= 40 * 10004 + 4); /* 1000 */
    finish(h);
}

/* Who receives owes two pongs, and waits for both: a message, and room for the second one. */
TUNNEL_TEST(pongs_wait_for_the_window) {
    struct hand *h = begin_with(l, 0);
    h->mean = true;
    ask(h, 0, 1, CONNECT("/ws") V13);
    UNTIL(h, h->st[0].head[0]);
    say(h, 1, 0x89, "one", 3);
    CHECK_EQ(hob_sleep(0.02), 0);
    say(h, 1, 0x89, "two", 3);
    CHECK_EQ(hob_sleep(0.02), 0);
    CHECK_EQ(h->st[0].total, 0);
    give(h, 1, 10);
    expect(h, 1, 0x8a, "one", 3);
    expect(h, 1, 0x8a, "two", 3);
    CHECK_EQ(seen.ended, 0);
    finish(h);
}

/* As with a connection, what was written before a close still comes, and the end behind it. */
TUNNEL_TEST(what_was_written_before_a_close_waits_for_the_window) {
    struct hand *h = begin_with(l, 0);
    h->mean = true;
    ask(h, 0, 1,
        ":method: CONNECT\n:scheme: http\n:path: /goodbye\n:authority: a\n:protocol: chat\n");
    UNTIL(h, h->st[0].head[0]);
    await(&seen.ended, 1);
    CHECK_EQ(hob_sleep(0.02), 0);
    give(h, 1, 3);
    UNTIL(h, h->st[0].total >= 3 || h->st[0].reset);
    CHECK(!h->st[0].reset);
    give(h, 1, 10);
    UNTIL(h, h->st[0].ended || h->st[0].reset);
    CHECK(h->st[0].ended && h->st[0].size == 7 && memcmp(h->st[0].data, "goodbye", 7) == 0);
    finish(h);
}

/* Whose window stays closed is waited for no longer than for an answer. */
TUNNEL_TEST(a_close_waits_for_a_window_that_never_opens, .stall_timeout = 0.1) {
    struct hand *h = begin_with(l, 0);
    h->mean = true;
    ask(h, 0, 1,
        ":method: CONNECT\n:scheme: http\n:path: /goodbye\n:authority: a\n:protocol: chat\n");
    UNTIL(h, h->st[0].reset);
    CHECK_EQ(h->st[0].code, 8);
    CHECK_EQ(h->st[0].total, 0);
    finish(h);
}

TUNNEL_TEST(a_reset_ends_a_send_that_waits) {
    unsigned char code[4] = {0, 0, 0, 8};
    struct hand *h = begin_with(l, 0);
    ask(h, 0, 1, CONNECT("/flood") V13);
    UNTIL(h, h->st[0].head[0]);
    CHECK_EQ(hob_sleep(0.02), 0);
    send_it(h, F_RST, 0, 1, code, 4);
    await(&seen.ended, 1);
    CHECK_EQ(seen.error, HOB_E_WEBSOCKET_LOST);
    finish(h);
}

TUNNEL_TEST(a_handler_that_does_not_read_holds_its_client) {
    static char block[10000];
    struct hand *h = opened(l, CONNECT("/busy") V13);
    size_t sent = 0;
    while (sent + sizeof block <= 65536) {
        send_it(h, F_DATA, 0, 1, block, sizeof block);
        sent += sizeof block;
    }
    ask(h, END_STREAM, 3, ":method: GET\n:scheme: http\n:path: /\n:authority: here\n");
    UNTIL(h, h->st[1].ended); /* others go on */
    CHECK_EQ(h->st[0].window, 0);
    hob_event_set(&seen.go);
    UNTIL(h, h->st[0].ended || h->st[0].reset);
    finish(h);
}

TUNNEL_TEST(pings_that_nobody_answers) {
    struct hand *h = opened(l, CONNECT("/quick") V13);
    expect(h, 1, 0x89, "", 0);
    await(&seen.ended, 1);
    CHECK_EQ(seen.error, HOB_E_WEBSOCKET_SILENT);
    UNTIL(h, h->st[0].reset);
    CHECK_EQ(h->st[0].code, 8); /* CANCEL (RFC 8441, 5) */
    finish(h);
}

/* ---- handshakes that are none ---- */

static void refused(struct hand *h, uint32_t stream, int flags, const char *lines,
                    const char *status) {
    ask(h, flags, stream, lines);
    UNTIL(h, h->st[stream / 2].ended || h->st[stream / 2].reset);
    if (status)
        CHECK_HAS(h->st[stream / 2].head, status);
    else
        CHECK_EQ(h->st[stream / 2].code, 1); /* PROTOCOL_ERROR */
}

TUNNEL_TEST(handshakes_that_are_refused) {
    struct hand *h = begin(l);
    refused(h, 1, 0, CONNECT("/ws"), ":status: 400\nsec-websocket-version: 13\n");
    refused(h, 3, 0, CONNECT("/ws") "sec-websocket-version: 8\n",
            ":status: 400\nsec-websocket-version: 13\n");
    refused(h, 5, 0, CONNECT("/ws") V13 V13, ":status: 400\n");
    refused(h, 7, 0, CONNECT("/ws") V13 "origin: http://there\n", ":status: 403\n");
    refused(h, 9, 0, CONNECT("/ws") V13 "sec-websocket-extensions: ;\n", ":status: 400\n");
    refused(h, 11, END_STREAM, CONNECT("/ws") V13, ":status: 400\n");
    refused(h, 13, 0,
            ":method: CONNECT\n:scheme: http\n:path: /ws\n:authority: a\n:protocol: other\n" V13,
            ":status: 501\n");
    refused(h, 15, 0, CONNECT("/") V13, ":status: 501\n"); /* where there is no WebSocket */
    refused(h, 17, END_STREAM, ":method: GET\n:scheme: http\n:path: /ws\n:authority: a\n" V13,
            ":status: 426\n");
    refused(h, 19, 0, ":method: CONNECT\n:authority: a:80\n", ":status: 400\n");
    /* A key is not asked for, and does no harm. */
    ask(h, 0, 21, CONNECT("/ws") V13 "sec-websocket-key: nonsense\n");
    say(h, 21, 0x81, "x", 1);
    expect(h, 21, 0x81, "x", 1);
    CHECK_EQ(seen.accepted, 1);
    CHECK_EQ(counters.failed, 0);
    finish(h);
}

TUNNEL_TEST(handshakes_that_break_the_rules) {
    struct hand *h = begin(l);
#define REST ":authority: a\n:path: /ws\n:scheme: http\n"
    refused(h, 1, 0, ":method: GET\n" REST ":protocol: websocket\n" V13, NULL);
    refused(h, 3, 0, ":method: CONNECT\n:authority: a\n:path: /ws\n:protocol: websocket\n" V13,
            NULL);
    refused(h, 5, 0, ":method: CONNECT\n:authority: a\n:scheme: http\n:protocol: websocket\n",
            NULL);
    refused(h, 7, 0, ":method: CONNECT\n" REST ":protocol: websocket\n:protocol: websocket\n",
            NULL);
    refused(h, 9, 0, ":method: CONNECT\n:path: /ws\n:scheme: http\n:protocol: websocket\n", NULL);
    refused(h, 11, 0, ":method: CONNECT\n" REST ":protocol: \n", NULL);
    refused(h, 13, 0, ":method: CONNECT\n" REST "x-y: z\n:protocol: websocket\n", NULL);
    ask(h, 0, 15, CONNECT("/ws") V13);
    say(h, 15, 0x81, "x", 1);
    expect(h, 15, 0x81, "x", 1);
    CHECK_EQ(seen.accepted, 1);
    finish(h);
}

TEST_MAIN()
