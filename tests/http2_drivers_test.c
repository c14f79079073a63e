/* http2_drivers_test.c - HTTP/2: cancel at every point, every allocation failing, in
 * simulated worlds too. */
#define SEEDS 3
#include "drivers.h"
#include "h2_peer.h"

#include <hob/websocket.h>

/* The peer counts no points and keeps no memory of Hob's, but for its streams and tasks. */
static struct hob_client *client;

static int get_small(const char *url) {
    struct hob_body body;
    int rc = hob_get(client, url, &body);
    hob_body_free(&body);
    return rc < 0 ? rc : 0;
}
HOB_TASK(get_small, const char *)

static int post_large(const char *url) {
    static char text[70000];
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    HOB_TRY(hob_client_request(client, "POST", url, &res, .body = text, .body_size = sizeof text));
    char buf[8000];
    ssize_t n;
    while ((n = hob_response_read(res, buf, sizeof buf)) > 0) continue;
    return (int)n;
}
HOB_TASK(post_large, const char *)

/* For an answer that never comes, as its writer was cancelled. */
static double patience(void) { return getenv("TEST_SLOW") ? 8 : 1; }

static void after(void) {
    struct hob_client_info info;
    hob_client_info(client, &info);
    CHECK_EQ(info.in_use, 0);
    CHECK_EQ(info.waiting, 0);
}

static int exchanges(void) {
    struct peer peer = {.max_streams = 2};
    struct hob_listener *l;
    HOB_TRY(hob_listen("127.0.0.1:0", &l));
    int rc;
    {
        HOB_SCOPE(outer, .on_error = HOB_COLLECT);
        hob_spawn(outer, run_peer, l, &peer);
        rc = hob_client_open(&client, .http2_prior_knowledge = true, .timeout = patience());
        if (rc >= 0) {
            {
                HOB_SCOPE(s);
                const char *url = url_of(l, "/");
                for (int i = 0; i < 4; i++) hob_spawn(s, get_small, url);
                hob_spawn(s, post_large, url);
                rc = hob_join(s);
            }
            if (rc >= 0) rc = post_large(url_of(l, "/"));
            after();
            hob_client_close(client);
        }
        hob_scope_cancel(outer);
        hob_join(outer);
    }
    hob_listener_close(l);
    return rc;
}
DRIVE(exchanges_cancelled_at_every_point, exchanges, NULL)

/* The same with the server. */
static int answer_all(struct hob_request *req, void *arg) {
    const char *data;
    size_t n;
    (void)arg;
    HOB_TRY(hob_request_body(req, &data, &n));
    if (n == 0) return hob_respond_text(req, 200, "text/plain", "all");
    HOB_TRY(hob_respond_begin(req, 200, NULL, -1));
    HOB_TRY(hob_respond_write(req, data, n));
    return hob_respond_end(req);
}

static int served(void) {
    struct hob_listener *l;
    HOB_TRY(hob_listen("127.0.0.1:0", &l));
    int rc;
    {
        HOB_SCOPE(outer, .on_error = HOB_COLLECT);
        hob_spawn(outer, hob_http_serve, l, answer_all, NULL,
                  (struct hob_http_options){.max_streams = 3});
        rc = hob_client_open(&client, .http2_prior_knowledge = true, .timeout = patience());
        if (rc >= 0) {
            {
                HOB_SCOPE(s);
                const char *url = url_of(l, "/");
                for (int i = 0; i < 4; i++) hob_spawn(s, get_small, url);
                hob_spawn(s, post_large, url);
                rc = hob_join(s);
            }
            if (rc >= 0) rc = post_large(url_of(l, "/"));
            after();
            hob_client_close(client);
        }
        hob_scope_cancel(outer);
        hob_join(outer);
    }
    hob_listener_close(l);
    return rc;
}
DRIVE(served_cancelled_at_every_point, served, NULL)

/* A WebSocket on a stream (RFC 8441), with a client that is made by hand. */
static int tunnel_handler(struct hob_request *req, void *arg) {
    struct hob_websocket *ws;
    struct hob_websocket_message m;
    (void)arg;
    HOB_TRY(hob_websocket_accept(req, &ws, .deflate = true, .close_timeout = 1));
    while (HOB_TRY(hob_websocket_receive(ws, &m)) > 0)
        HOB_TRY(hob_websocket_send(ws, m.kind, m.data, m.size));
    return 0;
}

/* Says all that it has to say, and hears the server out: until its end, or a reset. */
static int converse_by_hand(struct hob_stream *s, struct frame *f) {
    static const char head[] =
        ":method: CONNECT\n:scheme: http\n:path: /ws\n:authority: here\n:protocol: websocket\n"
        "sec-websocket-version: 13\nsec-websocket-extensions: permessage-deflate\n";
    static char large[4000], bytes[8200];
    size_t n = sizeof PREFACE - 1;
    memcpy(bytes, PREFACE, n);
    unsigned char *at = (unsigned char *)bytes;
    n += put_frame(at + n, F_SETTINGS, 0, 0, NULL, 0);
    n += put_head(at + n, 0, 1, head);
    memcpy(large, "\x82\xfe\x0f\x00\0\0\0\0", 8);
    n += put_frame(at + n, F_DATA, 0, 1, "\x81\x81\0\0\0\0x", 7);
    n += put_frame(at + n, F_DATA, 0, 1, large, 8 + 0xf00);
    n += put_frame(at + n, F_DATA, 0, 1, "\x88\x82\0\0\0\0\x03\xe8", 8);
    HOB_TRY((int)hob_write(s, bytes, n));
    int rc;
    while ((rc = read_frame(s, f)) > 0)
        if (f->stream == 1 &&
            (f->type == F_RST || (f->type <= F_HEADERS && (f->flags & END_STREAM))))
            return 0;
    return rc;
}

static int tunnelled(void) {
    struct hob_listener *l;
    HOB_TRY(hob_listen("127.0.0.1:0", &l));
    struct frame *f = malloc(sizeof *f);
    struct hob_stream *s = NULL;
    int rc;
    {
        HOB_SCOPE(outer, .on_error = HOB_COLLECT);
        hob_spawn(outer, hob_http_serve, l, tunnel_handler, NULL, (struct hob_http_options){0});
        rc = hob_connect(hob_listener_address(l), &s);
        if (rc >= 0) rc = hob_within(patience(), converse_by_hand(s, f));
        hob_close(s);
        hob_scope_cancel(outer);
        hob_join(outer);
    }
    hob_listener_close(l);
    free(f);
    return rc;
}
DRIVE(websockets_cancelled_at_every_point, tunnelled, NULL)

TEST_MAIN()
