/* websocket_test.c - WebSockets between this client and this server: messages whole and in pieces,
 * compressed and not, closing from both sides, many senders, pings, limits, stopping, parking. */
#include "websocket_test.h"

#include <limits.h>

#include "http_proxy.h"

TASK_TEST(echoes) {
    WS_SERVED(s, l);
    struct hob_websocket *ws = connected(l, "/echo");
    struct hob_websocket_message m;
    CHECK_EQ(hob_websocket_send_text(ws, "hello"), 0);
    CHECK_EQ(hob_websocket_receive(ws, &m), 1);
    CHECK_EQ(m.kind, HOB_WEBSOCKET_TEXT);
    CHECK_STR(m.data, "hello");
    CHECK_EQ(hob_websocket_send(ws, HOB_WEBSOCKET_BINARY, "\0\1\2", 3), 0);
    CHECK_EQ(hob_websocket_receive(ws, &m), 1);
    CHECK_EQ(m.kind, HOB_WEBSOCKET_BINARY);
    CHECK_EQ(m.size, 3);
    CHECK(memcmp(m.data, "\0\1\2", 4) == 0);
    CHECK_EQ(hob_websocket_send_text(ws, ""), 0);
    CHECK_EQ(hob_websocket_receive(ws, &m), 1);
    CHECK_STR(m.data, "");
    CHECK_EQ(hob_websocket_close(ws, 1000, "bye"), 0);
    CHECK_EQ(hob_websocket_code(ws), 1000);
    CHECK_EQ(hob_websocket_send_text(ws, "late"), HOB_E_WEBSOCKET_CLOSED);
    CHECK_EQ(hob_websocket_receive(ws, &m), 0);
    CHECK_EQ(hob_websocket_close(ws, 1000, NULL), 0);
    hob_websocket_free(ws);
    return ws_end(s, l);
}

/* ws:// goes through a proxy of HTTP by a tunnel, since it would not pass an Upgrade on; one that
 * refuses, and one that babbles, have their own errors. */
TASK_TEST(through_proxies) {
    WS_SERVED(s, l);
    static struct relay tunnel, socks, refusing;
    struct relay *const relays[] = {&tunnel, &socks, &refusing};
    struct hob_listener *proxies[3];
    struct hob_websocket *ws;
    struct hob_websocket_message m;
    tunnel.server = socks.server = hob_listener_address(l);
    socks.socks = true;
    socks.user = "me";
    socks.password = "secret";
    refusing.answer = "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n";
    for (int i = 0; i < 3; i++) hob_spawn(s, relay, proxies[i] = listening(), relays[i]);
    for (int i = 0; i < 2; i++) {
        HOB_CLIENT(c, .proxy = i ? proxy_of(proxies[1], "socks5h", "me:secret@")
                                 : proxy_of(proxies[0], "http", "me:secret@"));
        struct hob_body body;
        char url[200];
        CHECK_EQ(hob_websocket_connect(c, "ws://name.test:80/echo", &ws), 0);
        CHECK_EQ(hob_websocket_send_text(ws, "hello"), 0);
        CHECK_EQ(hob_websocket_receive(ws, &m), 1);
        CHECK_STR(m.data, "hello");
        CHECK_EQ(hob_websocket_close(ws, 1000, NULL), 0);
        hob_websocket_free(ws);
        if (i) CHECK_STR(socks.asked, "name.test:80");
        if (!i) CHECK_HAS(tunnel.asked, "CONNECT name.test:80 HTTP/1.1\r\n");
        if (!i) CHECK_HAS(tunnel.asked, "\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n");
        if (i == 0) continue; /* a request that is none is not tunnelled: this relay cannot do it */
        snprintf(url, sizeof url, "http://%s/plain", hob_listener_address(l));
        CHECK_EQ(hob_get(c, url, &body), 200); /* and not on the WebSocket's connection */
        hob_body_free(&body);
        CHECK_EQ(socks.connections, 2);
    }
    HOB_CLIENT(c, .proxy = proxy_of(proxies[2], "http", ""));
    CHECK_EQ(hob_websocket_connect(c, ws_url(l, "/echo"), &ws), HOB_E_PROXY);
    CHECK_HAS(hob_error()->message, "403 No");
    HOB_CLIENT(wrong, .proxy = proxy_of(proxies[1], "socks5", "me:wrong@"));
    CHECK_EQ(hob_websocket_connect(wrong, ws_url(l, "/echo"), &ws), HOB_E_PROXY_AUTH);
    CHECK_EQ(ws_seen.accepted, 2);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    for (int i = 0; i < 3; i++) hob_listener_close(proxies[i]);
    hob_listener_close(l);
    return 0;
}

/* ---- sizes, and ways to send and receive them ---- */

static char big[300000];

static void fill(bool text) {
    uint32_t x = 7;
    for (size_t i = 0; i < sizeof big; i++) {
        x = x * 1664525 + 1013904223;
        big[i] = text ? (char)('a' + (x >> 24) % 26) : (char)(x >> 24);
    }
    if (text) memcpy(big + 100, "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80", 9);
}

static const size_t sizes[] = {0,     1,     125,   126,   127,   128,   4000,
                               16370, 16384, 65535, 65536, 70000, 300000};

static void check_echo(struct hob_websocket *ws, enum hob_websocket_kind kind, size_t n) {
    struct hob_websocket_message m;
    CHECK_EQ(hob_websocket_send(ws, kind, big, n), 0);
    CHECK_EQ(hob_websocket_receive(ws, &m), 1);
    CHECK_EQ(m.kind, kind);
    CHECK_EQ(m.size, n);
    CHECK(memcmp(m.data, big, n) == 0 && m.data[n] == 0);
}

/* The same in pieces, with odd cuts. */
static void check_pieces(struct hob_websocket *ws, size_t n) {
    enum hob_websocket_kind kind;
    static char got[sizeof big];
    CHECK_EQ(hob_websocket_begin(ws, HOB_WEBSOCKET_BINARY), 0);
    for (size_t at = 0, step; at < n; at += step) {
        step = n - at < 7777 ? n - at : 7777;
        CHECK_EQ(hob_websocket_write(ws, big + at, step), 0);
    }
    CHECK_EQ(hob_websocket_end(ws), 0);
    CHECK_EQ(hob_websocket_next(ws, &kind), 1);
    CHECK_EQ(kind, HOB_WEBSOCKET_BINARY);
    size_t at = 0;
    ssize_t more;
    while ((more = hob_websocket_read(ws, got + at, n - at + 1 < 999 ? n - at + 1 : 999)) > 0)
        at += (size_t)more;
    CHECK_EQ(more, 0);
    CHECK_EQ(hob_websocket_read(ws, got, 1), 0);
    CHECK_EQ(at, n);
    CHECK(memcmp(got, big, n) == 0);
}

static void all_sizes(struct hob_listener *l, const char *path, struct hob_websocket_options o,
                      bool text, bool deflates) {
    struct hob_websocket *ws = connected_with(l, path, o);
    CHECK_EQ(hob_websocket_deflates(ws), deflates);
    fill(text);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t n = sizes[i];
        if (!text || n == 0 || n > 200)
            check_echo(ws, text ? HOB_WEBSOCKET_TEXT : HOB_WEBSOCKET_BINARY, n);
        if (n < 100000) check_pieces(ws, n);
    }
    CHECK_EQ(hob_websocket_close(ws, 1000, NULL), 0);
    hob_websocket_free(ws);
}

TASK_TEST(every_size_comes_back) {
    WS_SERVED(s, l);
    static const char *const paths[] = {"/echo", "/pieces", "/parked"};
    for (int i = 0; i < 6; i++)
        all_sizes(l, paths[i / 2], (struct hob_websocket_options){0}, i % 2, false);
    return ws_end(s, l);
}

TASK_TEST(every_size_comes_back_compressed) {
    WS_SERVED(s, l);
    static const char *const paths[] = {"/echo", "/pieces", "/parked"};
    for (int i = 0; i < 48; i++) {
        ws_options = (struct hob_websocket_options){
            .deflate = true, .deflate_keep = i & 1, .deflate_bits = i & 4 ? 9 : 15};
        struct hob_websocket_options o = {.deflate = true,
                                          .deflate_keep = i & 2,
                                          .deflate_peer_bits = i & 8 ? 10 : 15,
                                          .deflate_min = 1};
        all_sizes(l, paths[i / 16], o, i % 3 == 0, true);
    }
    return ws_end(s, l);
}

TASK_TEST(a_server_may_decline_compression) {
    WS_SERVED(s, l);
    all_sizes(l, "/echo", (struct hob_websocket_options){.deflate = true}, true, false);
    ws_options = (struct hob_websocket_options){.deflate = true};
    all_sizes(l, "/echo", (struct hob_websocket_options){0}, true, false);
    return ws_end(s, l);
}

TASK_TEST(receive_gives_what_read_has_left) {
    WS_SERVED(s, l);
    struct hob_websocket *ws = connected(l, "/echo");
    struct hob_websocket_message m;
    enum hob_websocket_kind kind;
    char two[2];
    CHECK_EQ(hob_websocket_send_text(ws, "0123456789"), 0);
    CHECK_EQ(hob_websocket_send_text(ws, "second"), 0);
    CHECK_EQ(hob_websocket_send_text(ws, "third"), 0);
    CHECK_EQ(hob_websocket_read(ws, two, 2), HOB_E_WEBSOCKET_STATE);
    CHECK_EQ(hob_websocket_next(ws, &kind), 1);
    CHECK_EQ(hob_websocket_read(ws, two, 2), 2);
    CHECK_EQ(hob_websocket_receive(ws, &m), 1);
    CHECK_STR(m.data, "23456789");
    CHECK_EQ(hob_websocket_next(ws, &kind), 1);
    CHECK_EQ(hob_websocket_read(ws, two, 2), 2);
    CHECK_EQ(hob_websocket_next(ws, &kind), 1); /* the rest is dropped */
    CHECK_EQ(hob_websocket_receive(ws, &m), 1);
    CHECK_STR(m.data, "third");
    hob_websocket_free(ws);
    return ws_end(s, l);
}

/* ---- the end ---- */

TASK_TEST(a_server_closes_with_code_and_reason) {
    WS_SERVED(s, l);
    struct hob_websocket *ws = connected(l, "/close");
    struct hob_websocket_message m;
    CHECK_EQ(hob_websocket_receive(ws, &m), 0);
    CHECK_EQ(hob_websocket_code(ws), 4000);
    CHECK_STR(hob_websocket_reason(ws), "so long");
    CHECK_EQ(hob_websocket_receive(ws, &m), 0);
    CHECK_EQ(hob_websocket_send_text(ws, "x"), HOB_E_WEBSOCKET_CLOSED);
    hob_websocket_free(ws);
    return ws_end(s, l);
}

TASK_TEST(a_failing_handler_closes_with_1011_and_is_reported) {
    WS_SERVED(s, l);
    struct hob_websocket_message m;
    struct hob_websocket *ws = connected(l, "/fail");
    CHECK_EQ(hob_websocket_receive(ws, &m), 0);
    CHECK_EQ(hob_websocket_code(ws), 1011);
    hob_websocket_free(ws);
    ws = connected(l, "/parked");
    CHECK_EQ(hob_websocket_send_text(ws, "fail"), 0);
    CHECK_EQ(hob_websocket_receive(ws, &m), 0);
    CHECK_EQ(hob_websocket_code(ws), 1011);
    hob_websocket_free(ws);
    ws_end(s, l);
    CHECK_HAS(ws_seen.reports, "on purpose");
    return 0;
}

TASK_TEST(codes_and_reasons_that_may_not_be_sent_are_refused) {
    WS_SERVED(s, l);
    struct hob_websocket *ws = connected(l, "/echo");
    static const int bad[] = {-1, 0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 66536};
    char long_reason[125] = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_EQ(hob_websocket_close(ws, bad[i], NULL), -EINVAL);
    CHECK_EQ(hob_websocket_close(ws, 1000, "\xFF"), -EINVAL);
    memset(long_reason, 'x', 124);
    CHECK_EQ(hob_websocket_close(ws, 1000, long_reason), -EINVAL);
    CHECK_EQ(hob_websocket_ping(ws, long_reason, 126), -EINVAL);
    CHECK_EQ(hob_websocket_send_text(ws, "\xC3"), HOB_E_WEBSOCKET_TEXT);
    long_reason[123] = 0;
    CHECK_EQ(hob_websocket_ping(ws, long_reason, 125), 0);
    CHECK_EQ(hob_websocket_close(ws, 3000, long_reason), 0);
    hob_websocket_free(ws);
    ws_end(s, l);
    CHECK_EQ(ws_seen.code, 3000);
    CHECK_STR(ws_seen.reason, long_reason);
    return 0;
}

TASK_TEST(a_text_in_pieces_that_is_no_text_ends_it) {
    WS_SERVED(s, l);
    struct hob_websocket *ws = connected(l, "/echo");
    CHECK_EQ(hob_websocket_end(ws), HOB_E_WEBSOCKET_STATE);
    CHECK_EQ(hob_websocket_write(ws, "x", 1), HOB_E_WEBSOCKET_STATE);
    CHECK_EQ(hob_websocket_begin(ws, HOB_WEBSOCKET_TEXT), 0);
    CHECK_EQ(hob_websocket_write(ws, "\xE2\x82", 2), 0);
    CHECK_EQ(hob_websocket_write(ws, "\xAC\xC3", 2), 0);
    CHECK_EQ(hob_websocket_end(ws), HOB_E_WEBSOCKET_TEXT);
    CHECK_EQ(hob_websocket_send_text(ws, "x"), HOB_E_WEBSOCKET_LOST);
    hob_websocket_free(ws);
    return ws_end(s, l);
}

static int stop_soon(struct hob_scope *s) {
    HOB_TRY(hob_sleep(0.05));
    hob_stop(s, 5);
    return 0;
}
HOB_TASK(stop_soon, struct hob_scope *)

static int served(struct hob_listener *l) {
    HOB_SCOPE(s);
    hob_spawn(s, stop_soon, s);
    int rc = hob_http_serve(l, ws_handler, NULL, (struct hob_http_options){0});
    CHECK_EQ(hob_join(s), 0);
    return rc;
}
HOB_TASK(served, struct hob_listener *)

static int stops(const char *path) {
    struct hob_listener *l = listening();
    struct hob_websocket_message m;
    HOB_SCOPE(s);
    hob_spawn(s, served, l);
    struct hob_websocket *ws = connected(l, path);
    uint64_t began = hob_now();
    CHECK_EQ(hob_websocket_receive(ws, &m), 0);
    CHECK_EQ(hob_websocket_code(ws), 1001);
    hob_websocket_free(ws);
    CHECK_EQ(hob_join(s), 0);
    CHECK(hob_now() - began < 4000000000);
    hob_listener_close(l);
    CHECK_EQ(ws_seen.closed, 1);
    CHECK_EQ(ws_seen.rc, 0);
    return 0;
}
TASK_TEST(a_server_that_stops_says_1001) { return stops("/echo"); }
TASK_TEST(a_server_that_stops_says_1001_to_parked_ones) { return stops("/parked"); }

TASK_TEST(a_server_that_is_cancelled_ends_them) {
    for (int i = 0; i < 2; i++) {
        WS_SERVED(s, l);
        struct hob_websocket_message m;
        struct hob_websocket *ws = connected(l, i ? "/parked" : "/echo");
        CHECK_EQ(hob_websocket_send_text(ws, "x"), 0);
        CHECK_EQ(hob_websocket_receive(ws, &m), 1);
        ws_end(s, l);
        CHECK_EQ(ws_seen.closed, i + 1);
        int rc = hob_websocket_receive(ws, &m);
        CHECK(rc == 0 || rc == HOB_E_WEBSOCKET_LOST);
        if (rc == 0) CHECK_EQ(hob_websocket_code(ws), 1001);
        hob_websocket_free(ws);
    }
    return 0;
}

/* ---- several tasks ---- */

enum { SENDERS = 20, EACH = 30 };

static int sender(struct hob_websocket *ws, int id) {
    char text[400];
    for (int i = 0; i < EACH; i++) {
        int n = snprintf(text, sizeof text, "%d %d ", id, i);
        memset(text + n, 'a' + id, 300);
        if (i % 2) {
            HOB_TRY(hob_websocket_send(ws, HOB_WEBSOCKET_TEXT, text, (size_t)n + 300));
            continue;
        }
        HOB_TRY(hob_websocket_begin(ws, HOB_WEBSOCKET_TEXT));
        HOB_TRY(hob_websocket_write(ws, text, 100));
        HOB_TRY(hob_yield_now());
        HOB_TRY(hob_websocket_write(ws, text + 100, (size_t)n + 200));
        HOB_TRY(hob_websocket_end(ws));
    }
    return 0;
}
HOB_TASK(sender, struct hob_websocket *, int)

TASK_TEST(messages_of_many_senders_do_not_mix) {
    WS_SERVED(s, l);
    ws_options.deflate = true;
    for (int round = 0; round < 2; round++) {
        struct hob_websocket *ws =
            connected_with(l, "/echo", (struct hob_websocket_options){.deflate = round});
        struct hob_websocket_message m;
        int next[SENDERS] = {0};
        HOB_SCOPE(senders);
        for (int i = 0; i < SENDERS; i++) hob_spawn(senders, sender, ws, i);
        for (int i = 0; i < SENDERS * EACH; i++) {
            int id, number, at;
            CHECK_EQ(hob_websocket_receive(ws, &m), 1);
            CHECK_EQ(sscanf(m.data, "%d %d %n", &id, &number, &at), 2);
            CHECK_EQ(number, next[id]++);
            CHECK_EQ(m.size, at + 300);
            for (size_t k = (size_t)at; k < m.size; k++) CHECK_EQ(m.data[k], 'a' + id);
        }
        CHECK_EQ(hob_join(senders), 0);
        CHECK_EQ(hob_websocket_close(ws, 1000, NULL), 0);
        hob_websocket_free(ws);
    }
    return ws_end(s, l);
}

static int receive_to_end(struct hob_websocket *ws, int *n) {
    struct hob_websocket_message m;
    int rc;
    while ((rc = hob_websocket_receive(ws, &m)) > 0) ++*n;
    return rc;
}
HOB_TASK(receive_to_end, struct hob_websocket *, int *)

TASK_TEST(one_task_closes_while_another_receives) {
    WS_SERVED(s, l);
    struct hob_websocket *ws = connected(l, "/echo");
    int n = 0;
    HOB_SCOPE(reader);
    hob_spawn(reader, receive_to_end, ws, &n);
    CHECK_EQ(hob_yield_now(), 0);
    for (int i = 0; i < 10; i++) CHECK_EQ(hob_websocket_send_text(ws, "x"), 0);
    CHECK_EQ(hob_websocket_close(ws, 1000, "done"), 0);
    CHECK_EQ(hob_join(reader), 0);
    CHECK_EQ(n, 10);
    hob_websocket_free(ws);
    return ws_end(s, l);
}

TASK_TEST(who_receives_during_a_close_learns_of_it) {
    WS_SERVED(s, l);
    struct hob_websocket *ws = connected(l, "/echo");
    int n = 0;
    HOB_SCOPE(reader);
    hob_spawn(reader, receive_to_end, ws, &n);
    CHECK_EQ(hob_websocket_send_text(ws, "x"), 0);
    CHECK_EQ(hob_websocket_close(ws, 1000, "done"), 0);
    CHECK_EQ(hob_join(reader), 0);
    hob_websocket_free(ws);
    return ws_end(s, l);
}

/* Both sides send without end; the server echoes and nobody reads for a while: everything waits,
 * nothing is queued, and pings in both directions do not block it for ever. */
static int send_many(struct hob_websocket *ws, int n) {
    for (int i = 0; i < n; i++) HOB_TRY(hob_websocket_send(ws, HOB_WEBSOCKET_BINARY, big, 100000));
    return 0;
}
HOB_TASK(send_many, struct hob_websocket *, int)

TASK_TEST(a_send_waits_for_its_reader) {
    WS_SERVED(s, l);
    struct hob_websocket *ws = connected(l, "/echo");
    int n = 0;
    HOB_SCOPE(t);
    struct hob_task *sending = hob_spawn(t, send_many, ws, 300);
    CHECK_EQ(hob_sleep(0.3), 0);
    CHECK(!hob_task_done(sending));
    hob_spawn(t, receive_to_end, ws, &n);
    CHECK_EQ(hob_await(sending), 0);
    CHECK_EQ(hob_websocket_close(ws, 1000, NULL), 0);
    CHECK_EQ(hob_join(t), 0);
    CHECK_EQ(n, 300);
    hob_websocket_free(ws);
    return ws_end(s, l);
}

TASK_TEST(a_receive_that_is_cancelled_loses_nothing) {
    WS_SERVED(s, l);
    struct hob_websocket *ws = connected(l, "/echo");
    struct hob_websocket_message m;
    fill(false);
    int cut = 0;
    for (int i = 0; i < 50; i++) {
        HOB_SCOPE(t);
        hob_spawn(t, send_many, ws, 1);
        int rc;
        do {
            rc = hob_within(i % 2 ? 0.0001 : 0.00001, hob_websocket_receive(ws, &m));
            cut += rc == -ETIMEDOUT;
            CHECK_EQ(hob_yield_now(), 0);
        } while (rc == -ETIMEDOUT);
        CHECK_EQ(rc, 1);
        CHECK_EQ(m.size, 100000);
        CHECK(memcmp(m.data, big, 100000) == 0);
        CHECK_EQ(hob_join(t), 0);
    }
    CHECK(cut > 0);
    hob_websocket_free(ws);
    return ws_end(s, l);
}

TASK_TEST(a_send_that_is_cancelled_inside_a_frame_ends_the_connection) {
    WS_SERVED(s, l);
    struct hob_websocket *ws = connected(l, "/deaf");
    static char huge[8 << 20];
    CHECK_EQ(hob_within(0.1, hob_websocket_send(ws, HOB_WEBSOCKET_BINARY, huge, sizeof huge)),
             -ETIMEDOUT);
    CHECK_EQ(hob_websocket_send_text(ws, "x"), HOB_E_WEBSOCKET_LOST);
    CHECK_EQ(hob_websocket_close(ws, 1000, NULL), HOB_E_WEBSOCKET_LOST);
    hob_websocket_free(ws);
    ws = connected(l, "/echo");
    HOB_SCOPE(cancelled);
    hob_scope_cancel(cancelled);
    CHECK_EQ(hob_websocket_send_text(ws, "never"), -ECANCELED);
    hob_join(cancelled);
    CHECK_EQ(hob_websocket_send_text(ws, "goes on"), 0);
    hob_websocket_free(ws);
    return ws_end(s, l);
}

/* ---- fairness ---- */

static char zeros[4 << 20]; /* of which four kilobytes go over the wire */

static int tick(unsigned *ticks) {
    for (;; ++*ticks) HOB_TRY(hob_yield_now());
}
HOB_TASK(tick, unsigned *)

/* Eight large messages, none of which has to wait: the socket takes them packed. */
static int send_zeros(struct hob_websocket *ws, unsigned *least) {
    unsigned ticks = 0;
    HOB_SCOPE(s);
    hob_spawn_daemon(s, tick, &ticks);
    *least = UINT_MAX;
    for (int i = 0; i < 8; i++) {
        unsigned before = ticks;
        HOB_TRY(hob_websocket_send(ws, i % 2 ? HOB_WEBSOCKET_TEXT : HOB_WEBSOCKET_BINARY, zeros,
                                   sizeof zeros));
        if (ticks - before < *least) *least = ticks - before;
    }
    return hob_join(s);
}

static unsigned least_of_server;
static int send_zeros_and_wait(struct hob_request *req, void *arg) {
    struct hob_websocket *ws;
    (void)arg;
    HOB_TRY(hob_websocket_accept(req, &ws, .deflate = true));
    HOB_TRY(send_zeros(ws, &least_of_server));
    return hob_sleep(1000);
}

TASK_TEST(others_run_while_large_messages_are_packed_and_unpacked) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    struct hob_websocket_message m;
    enum hob_websocket_kind kind;
    unsigned least, ticks = 0;
    char piece[512];
    ssize_t n;
    hob_set_report(ws_report, NULL);
    hob_spawn(s, hob_http_serve, l, send_zeros_and_wait, NULL, (struct hob_http_options){0});
    least_of_server = 0;
    struct hob_websocket *ws = connected_with(
        l, "/", (struct hob_websocket_options){.deflate = true, .max_message = sizeof zeros});
    if (!hob_websocket_deflates(ws)) { /* built without zlib: nothing is packed */
        hob_websocket_free(ws);
        return ws_end(s, l);
    }
    CHECK_EQ(send_zeros(ws, &least), 0);
    CHECK(least >= 3);
    for (int i = 0; i < 500 && !least_of_server; i++) CHECK_EQ(hob_sleep(0.01), 0);
    CHECK(least_of_server >= 3);
    /* All eight have come, two and more of them in each chunk that is read. */
    HOB_SCOPE(t);
    hob_spawn_daemon(t, tick, &ticks);
    for (int i = 0; i < 4; i++) {
        unsigned before = ticks;
        CHECK_EQ(hob_websocket_receive(ws, &m), 1);
        CHECK_EQ(m.size, sizeof zeros);
        CHECK(ticks - before >= 2);
    }
    for (int i = 0; i < 4; i++) {
        unsigned before = ticks;
        size_t size = 0;
        CHECK_EQ(hob_websocket_next(ws, &kind), 1);
        while ((n = hob_websocket_read(ws, piece, sizeof piece)) > 0) size += (size_t)n;
        CHECK_EQ(n, 0);
        CHECK_EQ(size, sizeof zeros);
        CHECK(ticks - before >= 2);
    }
    hob_websocket_free(ws);
    CHECK_EQ(hob_join(t), 0);
    return ws_end(s, l);
}

/* ---- life ---- */

TASK_TEST(silence_is_answered_by_pings_and_then_given_up) {
    WS_SERVED(s, l);
    struct hob_websocket_message m;
    /* This side's pings are answered by the server, which receives: it stays. */
    struct hob_websocket *ws =
        connected_with(l, "/echo", (struct hob_websocket_options){.ping_interval = 0.02});
    CHECK_EQ(hob_within(0.3, hob_websocket_receive(ws, &m)), -ETIMEDOUT);
    CHECK_EQ(hob_websocket_send_text(ws, "still there"), 0);
    CHECK_EQ(hob_websocket_receive(ws, &m), 1);
    hob_websocket_free(ws);
    /* A server that does not receive answers none. */
    ws = connected_with(l, "/deaf",
                        (struct hob_websocket_options){.ping_interval = 0.02, .ping_timeout = 0.1});
    CHECK_EQ(hob_websocket_receive(ws, &m), HOB_E_WEBSOCKET_SILENT);
    hob_websocket_free(ws);
    return ws_end(s, l);
}

TASK_TEST(a_server_gives_up_clients_that_do_not_answer_pings) {
    for (int i = 0; i < 2; i++) {
        WS_SERVED(s, l);
        ws_options = (struct hob_websocket_options){.ping_interval = 0.05, .ping_timeout = 1};
        struct hob_websocket *ws = connected(l, i ? "/parked" : "/echo");
        struct hob_websocket_message m;
        CHECK_EQ(hob_within(1.5, hob_websocket_receive(ws, &m)), -ETIMEDOUT);
        CHECK_EQ(ws_seen.closed, i);
        for (int k = 0; k < 500 && ws_seen.closed == i; k++) CHECK_EQ(hob_sleep(0.02), 0);
        CHECK_EQ(ws_seen.closed, i + 1);
        if (i == 0) CHECK_EQ(ws_seen.rc, HOB_E_WEBSOCKET_SILENT);
        hob_websocket_free(ws);
        ws_end(s, l);
        CHECK_STR(ws_seen.reports, "");
    }
    return 0;
}

TASK_TEST(messages_over_the_limit_get_1009) {
    static const char *const paths[] = {"/echo", "/pieces", "/parked"};
    for (int i = 0; i < 6; i++) {
        WS_SERVED(s, l);
        ws_options = (struct hob_websocket_options){
            .max_message = 1000, .max_streamed = 1000, .deflate = i % 2};
        struct hob_websocket *ws =
            connected_with(l, paths[i / 2], (struct hob_websocket_options){.deflate = i % 2});
        struct hob_websocket_message m;
        memset(big, 'x', 2000);
        CHECK_EQ(hob_websocket_send(ws, HOB_WEBSOCKET_TEXT, big, 1000), 0);
        CHECK_EQ(hob_websocket_receive(ws, &m), 1);
        CHECK_EQ(m.size, 1000);
        CHECK_EQ(hob_websocket_send(ws, HOB_WEBSOCKET_TEXT, big, 1001), 0);
        int rc = 1; /* the echo in pieces has sent some of it */
        while (rc > 0) rc = hob_websocket_receive(ws, &m);
        CHECK_EQ(hob_websocket_code(ws), i / 2 == 1 ? hob_websocket_code(ws) : 1009);
        hob_websocket_free(ws);
        ws_end(s, l);
        CHECK_STR(ws_seen.reports, "");
    }
    return 0;
}

TASK_TEST(nothing_is_left) {
    WS_SERVED(s, l);
    ws_options.deflate = true;
    struct hob_websocket_message m;
    int files = 0;
    long live = 0;
    for (int i = 0; i < 60; i++) {
        struct hob_websocket *ws =
            connected_with(l, i % 2 ? "/parked" : "/echo",
                           (struct hob_websocket_options){.deflate = true, .deflate_keep = i % 3});
        check_echo(ws, HOB_WEBSOCKET_BINARY, 5000);
        if (i % 4 == 0) CHECK_EQ(hob_websocket_close(ws, 1000, NULL), 0);
        if (i % 4 == 1) CHECK_EQ(hob_websocket_send_text(ws, "never read"), 0);
        if (i % 4 == 2) CHECK_EQ(hob_within(0.001, hob_websocket_receive(ws, &m)), -ETIMEDOUT);
        hob_websocket_free(ws);
        for (int k = 0; k < 500 && ws_seen.closed <= i; k++) CHECK_EQ(hob_sleep(0.01), 0);
        CHECK_EQ(hob_sleep(0.001), 0);
        if (i == 9) {
            files = open_files();
            live = hob__alloc_live();
        }
    }
    CHECK_EQ(open_files(), files);
    CHECK_EQ(hob__alloc_live(), live);
    CHECK_STR(ws_seen.reports, "");
    return ws_end(s, l);
}

TEST_MAIN()
