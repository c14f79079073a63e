/* tls_websocket_test.c - wss://: beside requests of HTTP/2 by the same client, messages of every
 * way to serve them, both sides sending at once, a stop while they wait without a task. */
#include "http_proxy.h"
#include "tls_test.h"
#include "websocket_test.h"

static struct identity ca, site;
static struct hob_tls *server_tls, *client_tls;

static void make_contexts(void) {
    ca = IDENTITY(.cn = "test CA", .ca = true);
    site = IDENTITY(.names = "DNS:localhost,IP:127.0.0.1", .issuer = &ca);
    CHECK_EQ(hob_tls_new(&server_tls, .certificate = site.cert, .key = site.key), 0);
    CHECK_EQ(hob_tls_new(&client_tls, .ca = ca.cert), 0);
}

static void drop_contexts(void) {
    hob_tls_free(client_tls);
    hob_tls_free(server_tls);
    drop_identity(&site);
    drop_identity(&ca);
}

static int accept_tls(struct hob_stream *s, struct hob_tls *tls) { return hob_tls_accept(s, tls); }

static char big[400000];

static int send_big(struct hob_websocket *ws) {
    for (int i = 0; i < 20; i++)
        HOB_TRY(hob_websocket_send(ws, HOB_WEBSOCKET_BINARY, big, sizeof big));
    return 0;
}
HOB_TASK(send_big, struct hob_websocket *)

static void converse(struct hob_client *c, struct hob_listener *l, const char *path, bool deflate) {
    struct hob_websocket *ws;
    struct hob_websocket_message m;
    char url[200];
    snprintf(url, sizeof url, "wss://%s%s", hob_listener_address(l), path);
    CHECK_EQ(hob_websocket_connect(c, url, &ws, .deflate = deflate), 0);
    CHECK_EQ(hob_websocket_send_text(ws, "hello"), 0);
    CHECK_EQ(hob_websocket_receive(ws, &m), 1);
    CHECK_STR(m.data, "hello");
    {
        HOB_SCOPE(s);
        hob_spawn(s, send_big, ws);
        CHECK_EQ(hob_sleep(0.05), 0);
        for (int i = 0; i < 20; i++) {
            CHECK_EQ(hob_websocket_receive(ws, &m), 1);
            CHECK(m.size == sizeof big && memcmp(m.data, big, m.size) == 0);
        }
        CHECK_EQ(hob_join(s), 0);
    }
    CHECK_EQ(hob_within(0.01, hob_websocket_receive(ws, &m)), -ETIMEDOUT);
    CHECK_EQ(hob_websocket_close(ws, 1000, NULL), 0);
    hob_websocket_free(ws);
}

TASK_TEST(messages_over_tls) {
    static const char *const paths[] = {"/echo", "/pieces", "/parked"};
    make_contexts();
    ws_options.deflate = true;
    for (size_t i = 0; i < sizeof big; i++) big[i] = (char)(i * i >> 3);
    {
        WS_SERVED(s, l, .tls = server_tls);
        HOB_CLIENT(c, .tls = client_tls);
        struct hob_body body;
        char url[200];
        snprintf(url, sizeof url, "https://%s/plain", hob_listener_address(l));
        CHECK_EQ(hob_get(c, url, &body), 200);
        hob_body_free(&body);
        for (int i = 0; i < 6; i++) converse(c, l, paths[i / 2], i % 2);
        ws_end(s, l);
    }
    CHECK_STR(ws_seen.reports, "");
    drop_contexts();
    return 0;
}

TASK_TEST(a_server_that_stops_tells_those_without_a_task) {
    struct hob_websocket *ws;
    struct hob_websocket_message m;
    make_contexts();
    {
        WS_SERVED(s, l, .tls = server_tls);
        HOB_CLIENT(c, .tls = client_tls);
        char url[200];
        snprintf(url, sizeof url, "wss://%s/parked", hob_listener_address(l));
        CHECK_EQ(hob_websocket_connect(c, url, &ws), 0);
        CHECK_EQ(hob_websocket_send_text(ws, "x"), 0);
        CHECK_EQ(hob_websocket_receive(ws, &m), 1);
        hob_stop(s, 5);
        CHECK_EQ(hob_websocket_receive(ws, &m), 0);
        CHECK_EQ(hob_websocket_code(ws), 1001);
        hob_websocket_free(ws);
        CHECK_EQ(hob_join(s), 0);
        hob_listener_close(l);
    }
    CHECK_EQ(ws_seen.closed, 1);
    drop_contexts();
    return 0;
}

/* By each kind of proxy, also one that is spoken to over TLS. */
TASK_TEST(messages_through_proxies) {
    make_contexts();
    ws_options.deflate = true;
    for (size_t i = 0; i < sizeof big; i++) big[i] = (char)(i * i >> 3);
    {
        static const char *const schemes[] = {"http", "https", "socks5", "socks5h"};
        WS_SERVED(s, l, .tls = server_tls);
        for (int i = 0; i < 4; i++) {
            static struct relay relays[4];
            struct relay *r = &relays[i];
            struct hob_listener *proxy = listening();
            *r = (struct relay){
                .socks = i >= 2, .server = hob_listener_address(l), .accept = accept_tls};
            if (i == 1) r->tls = server_tls;
            HOB_SCOPE(by);
            hob_spawn(by, relay, proxy, r);
            {
                HOB_CLIENT(c, .tls = client_tls, .proxy = proxy_of(proxy, schemes[i], ""));
                converse(c, l, "/echo", i % 2);
                CHECK_EQ(r->connections, 1);
                CHECK_HAS(r->asked, hob_listener_address(l));
            }
            hob_scope_cancel(by);
            CHECK_EQ(hob_join(by), 0);
            hob_listener_close(proxy);
        }
        ws_end(s, l);
    }
    CHECK_STR(ws_seen.reports, "");
    drop_contexts();
    return 0;
}

/* ---- a client that does not read ---- */

/* From 30 on the socket of one direction is full; from some 59 on those of both, and nobody moves.
 */
enum { MESSAGE = 4000, MESSAGES = 50 };

/* Sends n messages, and reads the echoes only when the server has sent all, or waits for that. */
static int read_late(struct hob_websocket *ws, int n) {
    struct hob_websocket_message m;
    for (int i = 0; i < n; i++) HOB_TRY(hob_websocket_send(ws, HOB_WEBSOCKET_BINARY, big, MESSAGE));
    HOB_TRY(hob_sleep(0.02));
    for (int i = 0; i < n; i++) {
        CHECK_EQ(hob_websocket_receive(ws, &m), 1);
        CHECK(m.size == MESSAGE && memcmp(m.data, big, m.size) == 0);
    }
    return 0;
}

/* Whichever it is that finds the socket full: the last one, once. */
static int echo_late(const char *path, const char *place) {
    HOB_CLIENT(c, .tls = client_tls, .unix_path = place);
    struct hob_websocket *ws;
    char url[64];
    snprintf(url, sizeof url, "wss://localhost%s", path);
    CHECK_EQ(hob_websocket_connect(c, url, &ws), 0);
    for (int n = 30; n <= MESSAGES; n++)
        if (hob_within(5, read_late(ws, n)) < 0) CHECK_EQ(n, 0);
    CHECK_EQ(hob_websocket_close(ws, 1000, NULL), 0);
    hob_websocket_free(ws);
    return 0;
}

TASK_TEST(the_last_message_goes_out_when_the_client_reads) {
    char place[64], address[80];
    make_contexts();
    ws_options.deflate = false;
    snprintf(place, sizeof place, "@hob-last-message-%d", (int)getpid());
    snprintf(address, sizeof address, "unix:%s", place);
    HOB_SCOPE(s);
    struct hob_listener *l;
    CHECK_EQ(hob_listen(address, &l), 0);
    hob_spawn(s, hob_http_serve, l, ws_handler, NULL, (struct hob_http_options){.tls = server_tls});
    CHECK_EQ(echo_late("/echo", place), 0);
    CHECK_EQ(echo_late("/parked", place), 0);
    ws_end(s, l);
    drop_contexts();
    return 0;
}

TEST_MAIN()
