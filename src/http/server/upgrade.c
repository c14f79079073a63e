/* http/server/upgrade.c - 101: a connection that goes on as something else (RFC 9110, 7.8); or a
 * stream of HTTP/2, by an extended CONNECT (RFC 8441). */
#include <hob/error.h>
#include <hob/hob.h>
#include <string.h>
#include <strings.h>

#include "http/h2/h2.h"
#include "http/server/server.h"
#include "io/stream.h"

/* Does the client offer it? */
static bool offered(const struct hob_request *req, const char *protocol) {
    char lower[64];
    size_t n = strlen(protocol);
    if (n >= sizeof lower || !(req->wire->h1.flags & HOB__H1_WANTS_UPGRADE)) return false;
    for (size_t i = 0; i <= n; i++)
        lower[i] =
            (char)(protocol[i] >= 'A' && protocol[i] <= 'Z' ? protocol[i] | 0x20 : protocol[i]);
    for (size_t i = 0; i < hob_request_header_count(req); i++) {
        struct hob_header h = hob_request_header_at(req, i);
        if (hob__h1_same(h.name, strlen(h.name), "upgrade") &&
            hob__h1_list_has(h.value, strlen(h.value), lower))
            return true;
    }
    return false;
}

static int put_head(struct hob__buffer *b, const char *protocol, const struct hob_header *headers) {
    int rc = hob__h1_put_status(b, 101);
    if (rc == 0) rc = hob__h1_put_field(b, "Upgrade", protocol, strlen(protocol));
    if (rc == 0) rc = hob__h1_put_field(b, "Connection", "Upgrade", 7);
    for (const struct hob_header *h = headers; rc == 0 && h && h->name; h++)
        rc = hob__h1_put_field(b, h->name, h->value, strlen(h->value));
    return rc < 0 ? rc : hob__h1_put_end(b);
}

static int cannot(const struct hob_request *req, const char *protocol) {
    return hob_fail(HOB_E_HTTP_STATE, "%s %s cannot be upgraded to %s", req->method, req->target,
                    protocol);
}

static void is_upgraded(struct hob_request *req) {
    req->answer = HOB__ANSWER_UPGRADED;
    hob__count(&req->server->counters->upgraded, 1);
    if (req->in_flight) hob__measure_end(req);
}

static int upgrade_stream(struct hob_request *req, const char *protocol,
                          const struct hob_header *headers, struct hob_stream **stream) {
    struct hob__h2_stream *st = req->wire->h2;
    const char *asked = hob__request_tunnel(req);
    if (req->answer || !asked || hob__request_tunnel_ended(req) || strcasecmp(asked, protocol) != 0)
        return cannot(req, protocol);
    int rc = hob__h2_tunnel(st, hob_request_peer(req));
    if (rc == 0) rc = hob__answer_shared(req, 200, headers, -1, NULL, 0, true);
    if (rc < 0) {
        hob_close(st->tunnel);
        return rc;
    }
    st->keep = true; /* what reads it sees the client go */
    is_upgraded(req);
    *stream = st->tunnel;
    return 0;
}

int hob_request_upgrade(struct hob_request *req, const char *protocol,
                        const struct hob_header *headers, struct hob_stream **stream) {
    int rc = hob_check();
    if (rc < 0) return rc;
    struct hob__wire *w = req->wire;
    if (w->h2) return upgrade_stream(req, protocol, headers, stream);
    if (req->answer || !w->ended || w->h1.minor == 0 || !offered(req, protocol))
        return cannot(req, protocol);
    char storage[HOB__HEAD_STORAGE];
    struct hob__buffer b;
    hob__buffer_borrow(&b, storage, sizeof storage);
    rc = put_head(&b, protocol, headers);
    if (rc == HOB_E_HTTP_ILLEGAL)
        hob_fail(rc, "%s %s: a header has a byte that headers cannot have", req->method,
                 req->target);
    if (rc == 0) {
        req->status = 101;
        req->answer = HOB__ANSWER_FAILED;
        struct iovec iov = {hob__buffer_bytes(&b), hob__buffer_size(&b)};
        rc = hob__wire_write(w, &iov, 1);
        if (rc == 0) rc = hob__gather_end(&req->conn->gather, hob__http_deadline(0, w->stall));
    }
    hob__buffer_free(&b);
    if (rc < 0) return rc;
    is_upgraded(req);
    hob__served_take_over(&req->conn->served);
    size_t early = hob__buffer_size(&w->in);
    if (early) hob__wire_put_back(w, hob__buffer_bytes(&w->in), early);
    *stream = w->stream;
    return 0;
}
