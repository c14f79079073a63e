/* websocket_test.h - a server with the ways to serve a WebSocket, and a raw peer for either side.
 */
#ifndef HOB_WEBSOCKET_TEST_H
#define HOB_WEBSOCKET_TEST_H
#include "http_test.h"
#include "no_watchdog.h"

#include <hob/websocket.h>

static struct {
    int opened, closed, code, accepted, rc; /* of what was served last */
    char reason[128];
    char reports[2048];
} ws_seen;

__attribute__((unused)) static void ws_report(enum hob_report_kind kind, const char *text,
                                              void *arg) {
    (void)arg;
    if (kind == HOB_REPORT_SLOW) return; /* a machine that has much else to do */
    strncat(ws_seen.reports, text, sizeof ws_seen.reports - strlen(ws_seen.reports) - 1);
}

static struct hob_websocket_options ws_options; /* of the server */

static int ws_over(struct hob_websocket *ws, int rc) {
    ws_seen.closed++;
    ws_seen.rc = rc;
    ws_seen.code = hob_websocket_code(ws);
    snprintf(ws_seen.reason, sizeof ws_seen.reason, "%s", hob_websocket_reason(ws));
    return rc;
}

static int ws_echo_all(struct hob_websocket *ws) {
    struct hob_websocket_message m;
    int rc;
    while ((rc = hob_websocket_receive(ws, &m)) > 0) {
        rc = hob_websocket_send(ws, m.kind, m.data, m.size);
        if (rc < 0) break;
    }
    return rc;
}

/* Piece by piece, both ways. */
static int ws_echo_pieces(struct hob_websocket *ws) {
    enum hob_websocket_kind kind;
    char buf[1000];
    int rc;
    while ((rc = hob_websocket_next(ws, &kind)) > 0) {
        HOB_TRY(hob_websocket_begin(ws, kind));
        ssize_t n;
        while ((n = hob_websocket_read(ws, buf, sizeof buf)) > 0 && rc >= 0)
            rc = hob_websocket_write(ws, buf, (size_t)n);
        int ended = hob_websocket_end(ws);
        if (n < 0 || rc < 0 || ended < 0) return n < 0 ? (int)n : rc < 0 ? rc : ended;
    }
    return rc;
}

static int ws_on_open(struct hob_websocket *ws, void *arg) {
    (void)ws, (void)arg;
    ws_seen.opened++;
    return 0;
}
static int ws_on_message(struct hob_websocket *ws, const struct hob_websocket_message *m,
                         void *arg) {
    (void)arg;
    if (m->size == 4 && memcmp(m->data, "fail", 4) == 0) return hob_fail(-EIO, "on purpose");
    return hob_websocket_send(ws, m->kind, m->data, m->size);
}
static void ws_on_close(struct hob_websocket *ws, void *arg) {
    (void)arg;
    ws_over(ws, 0);
}
static const struct hob_websocket_events ws_events = {ws_on_open, ws_on_message, ws_on_close};

static int ws_handler(struct hob_request *req, void *arg) {
    (void)arg;
    struct hob_websocket *ws;
    const char *path = hob_request_path(req);
    if (strcmp(path, "/parked") == 0)
        return hob__websocket_serve(req, &ws_events, NULL, ws_options);
    if (strcmp(path, "/plain") == 0) return hob_respond_text(req, 200, "text/plain", "no");
    HOB_TRY(hob__websocket_accept(req, &ws, ws_options));
    ws_seen.accepted++;
    int rc = 0;
    if (strcmp(path, "/echo") == 0) rc = ws_echo_all(ws);
    if (strcmp(path, "/pieces") == 0) rc = ws_echo_pieces(ws);
    if (strcmp(path, "/fail") == 0) rc = hob_fail(-EIO, "on purpose");
    if (strcmp(path, "/close") == 0) rc = hob_websocket_close(ws, 4000, "so long");
    if (strcmp(path, "/deaf") == 0) rc = hob_sleep(1000);
    return ws_over(ws, rc);
}

/* A server in s, in the calling block. */
#define WS_SERVED(s, l, ...)                                                                       \
    HOB_SCOPE(s);                                                                                  \
    struct hob_listener *l = listening();                                                          \
    hob_set_report(ws_report, NULL);                                                               \
    hob_spawn(s, hob_http_serve, l, ws_handler, NULL, (struct hob_http_options){__VA_ARGS__})

__attribute__((unused)) static int ws_end(struct hob_scope *s, struct hob_listener *l) {
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

/* "ws://127.0.0.1:PORT/path" */
__attribute__((unused)) static const char *ws_url(struct hob_listener *l, const char *path) {
    static char buf[256];
    snprintf(buf, sizeof buf, "ws://%s%s", hob_listener_address(l), path);
    return buf;
}

__attribute__((unused)) static struct hob_websocket *
connected_with(struct hob_listener *l, const char *path, struct hob_websocket_options o) {
    struct hob_websocket *ws;
    int rc = hob__websocket_connect(NULL, ws_url(l, path), &ws, o);
    if (rc < 0) FAIL("connect: %s", hob_error() ? hob_error()->message : hob_strerror(rc));
    return ws;
}

__attribute__((unused)) static struct hob_websocket *connected(struct hob_listener *l,
                                                               const char *path) {
    return connected_with(l, path, (struct hob_websocket_options){0});
}

#endif
