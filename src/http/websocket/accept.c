/* http/websocket/accept.c - the server's side of the handshake: RFC 6455, 4.2; over HTTP/2 RFC
 * 8441, which has the same, but for the method, the status, and the key that there is none. */
#include <hob/error.h>
#include <hob/hob.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "http/server/server.h"
#include "http/websocket/websocket.h"

/* ---- what is asked for ---- */

/* The one header of that name; NULL: none, or several. */
static const char *only(const struct hob_request *req, const char *name) {
    const char *value = NULL;
    for (size_t i = 0; i < hob_request_header_count(req); i++) {
        struct hob_header h = hob_request_header_at(req, i);
        if (strcasecmp(h.name, name) != 0) continue;
        if (value) return NULL;
        value = h.value;
    }
    return value;
}

/* "https://example.org:8443" of a page is the server's own when its host and port are. */
static bool same_host(const char *origin, const char *host) {
    const char *at = strstr(origin, "://");
    if (!at || !*host) return false;
    bool tls = strncasecmp(origin, "https:", 6) == 0;
    const char *usual = tls ? ":443" : ":80";
    size_t n = strlen(at + 3), m = strlen(host), u = strlen(usual);
    if (n > u && strcmp(at + 3 + n - u, usual) == 0) n -= u;
    if (m > u && strcmp(host + m - u, usual) == 0) m -= u;
    return n == m && strncasecmp(at + 3, host, n) == 0;
}

static bool origin_may(const struct hob_request *req, const struct hob_websocket_options *o) {
    const char *origin = hob_request_header(req, "origin");
    if (!origin) return true;
    if (!o->origins) return same_host(origin, hob_request_host(req));
    for (const char *const *p = o->origins; *p; p++)
        if (strcmp(*p, "*") == 0 || strcasecmp(*p, origin) == 0) return true;
    return false;
}

/* Does any Sec-WebSocket-Protocol header offer it? Unlike other names these have a case. */
static bool offers(const struct hob_request *req, const char *protocol) {
    size_t n = strlen(protocol);
    for (size_t i = 0; i < hob_request_header_count(req); i++) {
        struct hob_header h = hob_request_header_at(req, i);
        if (strcasecmp(h.name, "sec-websocket-protocol") != 0) continue;
        for (const char *at = h.value; *at;) {
            at += strspn(at, ", \t");
            size_t size = strcspn(at, ", \t");
            if (size == n && memcmp(at, protocol, n) == 0) return true;
            at += size;
        }
    }
    return false;
}

static const char *choose_protocol(const struct hob_request *req, const char *const *protocols) {
    for (; protocols && *protocols; protocols++)
        if (offers(req, *protocols)) return *protocols;
    return "";
}

static bool choose_deflate(const struct hob_request *req, const struct hob_websocket_options *o,
                           struct hob__ws_deflate *d, char out[HOB__WS_EXTENSION_MAX]) {
    *d = (struct hob__ws_deflate){.on = false};
    out[0] = 0;
    for (size_t i = 0; i < hob_request_header_count(req); i++) {
        struct hob_header h = hob_request_header_at(req, i);
        if (strcasecmp(h.name, "sec-websocket-extensions") == 0 &&
            !hob__ws_deflate_choose(o, h.value, d, out))
            return false;
    }
    return true;
}

/* ---- the answer ---- */

/* It is the client's fault: what the handler returns is not reported. */
static int refuse(struct hob_request *req, int status, const char *why) {
    static const struct hob_header upgrade[] = {{"Connection", "Upgrade"}, /* RFC 9110, 7.8 */
                                                {"Upgrade", "websocket"},
                                                {"Sec-WebSocket-Version", "13"},
                                                {"Content-Type", "text/plain"},
                                                {NULL, NULL}};
    char text[160];
    int n = snprintf(text, sizeof text, "%s\n", why);
    bool tunnel = hob__request_tunnel(req);
    if (!req->wire->h2) req->close = true; /* as after any handler that fails: it is said here */
    const struct hob_header *headers = status == 426 ? upgrade : tunnel ? upgrade + 2 : upgrade + 3;
    int rc = hob_respond(req, status, headers, text, (size_t)n);
    if (rc < 0) return rc;
    req->body_error = HOB_E_WEBSOCKET_HANDSHAKE;
    return hob_fail(HOB_E_WEBSOCKET_HANDSHAKE, "%s %s: %s", hob_request_method(req),
                    hob_request_target(req), why);
}

static int check_tunnel(struct hob_request *req, const struct hob_websocket_options *o) {
    if (strcmp(hob__request_tunnel(req), "websocket") != 0)
        return refuse(req, 501, "This is for WebSockets.");
    if (hob__request_tunnel_ended(req))
        return refuse(req, 400, "A WebSocket begins with a stream that is open.");
    const char *version = only(req, "sec-websocket-version");
    if (!version || strcmp(version, "13") != 0)
        return refuse(req, 400, "The version of WebSockets here is 13.");
    if (!origin_may(req, o)) return refuse(req, 403, "Pages from there may not connect.");
    return 0;
}

/* 0, or it has been refused. */
static int check(struct hob_request *req, const struct hob_websocket_options *o, const char **key) {
    if (req->answer)
        return hob_fail(HOB_E_HTTP_STATE, "%s %s: answered already", hob_request_method(req),
                        hob_request_target(req));
    if (hob__request_tunnel(req)) return check_tunnel(req, o);
    if (strcmp(hob_request_method(req), "GET") != 0 || hob_request_size(req) != 0)
        return refuse(req, 400, "A WebSocket begins with a GET without a body.");
    const char *upgrade = hob_request_header(req, "upgrade");
    if (hob_request_minor(req) < 1 || !(req->wire->h1.flags & HOB__H1_WANTS_UPGRADE) ||
        !hob__h1_list_has(upgrade ? upgrade : "", upgrade ? strlen(upgrade) : 0, "websocket"))
        return refuse(req, 426, "This is for WebSockets.");
    const char *version = only(req, "sec-websocket-version");
    if (!version || strcmp(version, "13") != 0)
        return refuse(req, 426, "The version of WebSockets here is 13.");
    *key = only(req, "sec-websocket-key");
    if (!*key || !hob__ws_key_legal(*key))
        return refuse(req, 400, "Sec-WebSocket-Key has to be 16 bytes in base64, once.");
    if (!origin_may(req, o)) return refuse(req, 403, "Pages from there may not connect.");
    return 0;
}

/* The caller's headers, and those of the handshake. NULL without memory. */
static struct hob_header *headers_of(const struct hob_header *own, const char *accept,
                                     const char *protocol, const char *extension) {
    size_t n = 0;
    while (own && own[n].name) n++;
    struct hob_header *all = hob__alloc((n + 4) * sizeof *all);
    if (!all) return NULL;
    if (n) memcpy(all, own, n * sizeof *all);
    if (*accept) all[n++] = (struct hob_header){"Sec-WebSocket-Accept", accept};
    if (*protocol) all[n++] = (struct hob_header){"Sec-WebSocket-Protocol", protocol};
    if (*extension) all[n++] = (struct hob_header){"Sec-WebSocket-Extensions", extension};
    all[n] = (struct hob_header){NULL, NULL};
    return all;
}

static int open_it(struct hob_request *req, struct hob_websocket *ws, const char *key,
                   const char *extension, const struct hob_header *own) {
    char accept[HOB__WS_ACCEPT + 1] = "";
    struct hob_stream *stream;
    if (key) hob__ws_accept_key(key, accept);
    struct hob_header *all = headers_of(own, accept, hob_websocket_protocol(ws), extension);
    if (!all) return -ENOMEM;
    int rc = hob_request_upgrade(req, "websocket", all, &stream);
    hob__free(all);
    if (rc < 0) return rc;
    hob__ws_open(ws, stream);
    return 0;
}

int hob__websocket_accept(struct hob_request *req, struct hob_websocket **out,
                          struct hob_websocket_options o) {
    char extension[HOB__WS_EXTENSION_MAX];
    struct hob__ws_deflate deflate;
    const char *key = NULL;
    *out = NULL;
    int rc = hob_check();
    if (rc == 0) rc = check(req, &o, &key);
    if (rc < 0) return rc;
    if (!choose_deflate(req, &o, &deflate, extension))
        return refuse(req, 400, "Sec-WebSocket-Extensions is malformed.");
    const char *protocol = choose_protocol(req, o.protocols);
    struct hob_websocket *ws = hob__ws_new(&o, false, protocol, strlen(protocol));
    if (!ws) return hob_fail(-ENOMEM, "no memory for a WebSocket");
    ws->deflate = deflate;
    rc = open_it(req, ws, key, extension, o.headers);
    if (rc < 0) {
        hob__ws_delete(ws);
        return rc;
    }
    if (req->wire->h2) { /* whose connection counts the bytes */
        req->websocket = ws;
    } else {
        ws->conn = req->conn;
        if (req->server->measured) ws->counters = req->server->counters;
        req->conn->websocket = ws;
    }
    *out = ws;
    return 0;
}

int hob__websocket_serve(struct hob_request *req, const struct hob_websocket_events *events,
                         void *arg, struct hob_websocket_options options) {
    struct hob_websocket *ws;
    int rc = hob__websocket_accept(req, &ws, options);
    if (rc < 0) return rc;
    ws->events = events;
    ws->arg = arg;
    if (!req->wire->h2) req->conn->served.holds = true;
    return 0;
}
