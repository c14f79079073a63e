/* http/websocket/connect.c - the client's side of the handshake (RFC 6455, 4.1): a request as any
 * other, whose connection becomes the WebSocket's. */
#include <hob/error.h>
#include <hob/hob.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "http/client/client.h"
#include "http/websocket/websocket.h"
#include "io/stream.h"
#include "task/fdwait.h"

struct handshake {
    const struct hob_websocket_options *options;
    char key[HOB__WS_KEY + 1];
    char extension[HOB__WS_EXTENSION_MAX];
    char *protocols; /* the list that is sent; NULL: none */
    struct hob_header *headers;
};

/* ---- the request ---- */

/* "ws://..." is sent as "http://...", which the client knows. NULL without memory. */
static char *http_url(const char *url) {
    bool plain = strncasecmp(url, "ws:", 3) == 0, tls = strncasecmp(url, "wss:", 4) == 0;
    const char *rest = url + (plain ? 2
                              : tls ? 3
                                    : 0),
               *scheme = plain ? "http"
                         : tls ? "https"
                               : "";
    char *out = hob__alloc(strlen(scheme) + strlen(rest) + 1);
    if (out) sprintf(out, "%s%s", scheme, rest);
    return out;
}

static char *join(const char *const *words) {
    size_t n = 1;
    for (const char *const *w = words; *w; w++) n += strlen(*w) + 2;
    char *out = hob__alloc(n), *at = out;
    if (!out) return NULL;
    *at = 0;
    for (const char *const *w = words; *w; w++)
        at += sprintf(at, "%s%s", w == words ? "" : ", ", *w);
    return out;
}

/* What has to be in the request, then the caller's; an Accept-Encoding would have no meaning. */
static int prepare(struct handshake *h) {
    const struct hob_websocket_options *o = h->options;
    uint8_t nonce[16];
    struct hob__backend *b = hob__backend_current("hob_websocket_connect");
    b->ops->random(b, nonce, sizeof nonce);
    hob__ws_base64(nonce, sizeof nonce, h->key);
    hob__ws_deflate_offer(o, h->extension);
    size_t n = 0, at = 0;
    while (o->headers && o->headers[n].name) n++;
    if (o->protocols && *o->protocols && !(h->protocols = join(o->protocols))) return -ENOMEM;
    h->headers = hob__alloc((n + 8) * sizeof *h->headers);
    if (!h->headers) return -ENOMEM;
    h->headers[at++] = (struct hob_header){"Upgrade", "websocket"};
    h->headers[at++] = (struct hob_header){"Connection", "Upgrade"};
    h->headers[at++] = (struct hob_header){"Sec-WebSocket-Version", "13"};
    h->headers[at++] = (struct hob_header){"Sec-WebSocket-Key", h->key};
    if (h->protocols)
        h->headers[at++] = (struct hob_header){"Sec-WebSocket-Protocol", h->protocols};
    if (*h->extension)
        h->headers[at++] = (struct hob_header){"Sec-WebSocket-Extensions", h->extension};
    h->headers[at++] = (struct hob_header){"Accept-Encoding", NULL};
    for (size_t i = 0; i < n; i++) h->headers[at++] = o->headers[i];
    h->headers[at] = (struct hob_header){NULL, NULL};
    return 0;
}

/* ---- the answer ---- */

static int wrong(const struct hob_response *res, const char *what) {
    return hob_fail(HOB_E_WEBSOCKET_HANDSHAKE, "%s: no WebSocket: %s", hob_response_url(res), what);
}

/* Of one name there must be one header at most; "" when there is none. */
static const char *only(const struct hob_response *res, const char *name, bool *several) {
    const char *value = NULL;
    for (size_t i = 0; i < hob_response_header_count(res); i++) {
        struct hob_header h = hob_response_header_at(res, i);
        if (strcasecmp(h.name, name) != 0) continue;
        *several |= value != NULL;
        value = h.value;
    }
    return value;
}

static bool offered(const struct hob_websocket_options *o, const char *protocol) {
    for (const char *const *p = o->protocols; p && *p; p++)
        if (strcmp(*p, protocol) == 0) return true;
    return false;
}

static int check(const struct handshake *h, const struct hob_response *res,
                 struct hob__ws_deflate *deflate) {
    char accept[HOB__WS_ACCEPT + 1], text[64];
    bool several = false;
    if (hob_response_status(res) != 101) {
        snprintf(text, sizeof text, "the answer is %d %s", hob_response_status(res),
                 hob_http_phrase(hob_response_status(res)));
        return wrong(res, text);
    }
    const char *upgrade = only(res, "upgrade", &several);
    if (!upgrade || strcasecmp(upgrade, "websocket") != 0)
        return wrong(res, "the answer has no \"Upgrade: websocket\"");
    const char *connection = hob_response_header(res, "connection");
    if (!connection || !hob__h1_list_has(connection, strlen(connection), "upgrade"))
        return wrong(res, "the answer has no \"Connection: Upgrade\"");
    hob__ws_accept_key(h->key, accept);
    const char *given = only(res, "sec-websocket-accept", &several);
    if (!given || strcmp(given, accept) != 0) return wrong(res, "a wrong Sec-WebSocket-Accept");
    const char *protocol = only(res, "sec-websocket-protocol", &several);
    if (protocol && !offered(h->options, protocol))
        return wrong(res, "a subprotocol that was not offered");
    if (!hob__ws_deflate_answered(h->options, only(res, "sec-websocket-extensions", &several),
                                  deflate))
        return wrong(res, "an extension, or terms of one, that were not offered");
    if (several) return wrong(res, "a header of the handshake twice");
    return 0;
}

/* ---- the connection ---- */

/* Takes it out of the exchange, and gives the slot of the pool back. */
static struct hob_stream *take_stream(struct hob_response *res) {
    struct hob__wire *w = &res->wire;
    struct hob_stream *stream = res->conn->stream;
    size_t early = hob__buffer_size(&w->in);
    if (early) hob__stream_put_back(stream, hob__buffer_bytes(&w->in), early);
    hob__free(res->conn);
    res->conn = NULL;
    w->stream = NULL;
    hob__response_finish(res);
    return stream;
}

static int open_it(const struct handshake *h, struct hob_response *res,
                   struct hob_websocket **out) {
    struct hob__ws_deflate deflate;
    int rc = check(h, res, &deflate);
    if (rc < 0) return rc;
    const char *protocol = hob_response_header(res, "sec-websocket-protocol");
    struct hob_websocket *ws =
        hob__ws_new(h->options, true, protocol ? protocol : "", protocol ? strlen(protocol) : 0);
    if (!ws) return hob_fail(-ENOMEM, "no memory for a WebSocket");
    ws->deflate = deflate;
    hob__ws_open(ws, take_stream(res));
    *out = ws;
    return 0;
}

static int request(struct hob_client *client, const char *url, struct handshake *h,
                   struct hob_websocket **out) {
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    const struct hob_websocket_options *o = h->options;
    struct hob_fetch_options how = {.headers = h->headers,
                                    .timeout = o->timeout == 0 ? 30 : o->timeout};
    int rc = hob__client_request(client, "GET", url, &res, how);
    if (rc < 0) return rc;
    if (o->status) *o->status = hob_response_status(res);
    return open_it(h, res, out);
}

int hob__websocket_connect(struct hob_client *client, const char *url, struct hob_websocket **out,
                           struct hob_websocket_options options) {
    struct handshake h = {.options = &options};
    struct hob_client *own = NULL;
    *out = NULL;
    if (options.status) *options.status = 0;
    int rc = hob_check();
    if (rc < 0) return rc;
    char *plain = http_url(url);
    rc = plain ? prepare(&h) : -ENOMEM;
    if (rc < 0) hob_fail(rc, "no memory for a WebSocket");
    if (rc == 0 && !client) rc = hob_client_open(&own);
    if (rc == 0) rc = request(client ? client : own, plain, &h, out);
    hob_client_close(own);
    hob__free(plain);
    hob__free(h.protocols);
    hob__free(h.headers);
    return rc;
}
