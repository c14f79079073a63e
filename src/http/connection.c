/* http/connection.c - the task of one connection of the server: head, handler, answer, and again.
 *
 * Between requests it waits with hob_read_idle(), so that hob_stop() ends it at once; from the
 * first byte of a request on only the end of the grace does. When the server closes although the
 * client may still be sending, it first ends its own side and reads on for a while: closing at once
 * would make the kernel reset the connection, and the answer could be lost (RFC 9112, 9.6). */
#include <hob/error.h>
#include <hob/hob.h>
#include <string.h>

#include "base/memory.h"
#include "http/server.h"

enum { DRAIN_MAX = 65536, LINGER_MAX = 262144 };

static const double linger_seconds = 2;

/* The next head: 1, 0 when the connection may simply end, or an error to be answered. */
static int next_head(struct hob__connection *c, struct hob__server *server,
                     struct hob_slice *block) {
    struct hob__wire *w = &c->wire;
    bool begun = hob__buffer_size(&w->in) > 0;
    uint64_t idle = hob__http_deadline(0, server->options.idle_timeout);
    uint64_t deadline = begun ? hob__http_deadline(0, server->options.head_timeout) : 0;
    for (;;) {
        int rc = hob__wire_event(w, block);
        if (rc == HOB__H1_HEAD) return 1;
        if (rc < 0) return rc;
        ssize_t got = hob__wire_fill(w, begun ? deadline : idle, !begun);
        if (got <= 0) {
            if (got == -ENOMEM) return -ENOMEM;
            return begun && got == -ETIMEDOUT ? -ETIMEDOUT : 0;
        }
        if (!begun) deadline = hob__http_deadline(0, server->options.head_timeout);
        begun = true;
    }
}

static void linger(struct hob__wire *w) {
    char drop[1024];
    if (hob_shutdown(w->stream) < 0) return;
    HOB_SCOPE(s, .deadline = hob_after(linger_seconds));
    for (size_t n = 0; n < LINGER_MAX;) {
        ssize_t got = hob_read_idle(w->stream, drop, sizeof drop);
        if (got <= 0) break;
        n += (size_t)got;
    }
}

/* Is it the client's fault, or the connection's, and none of the handler's? */
static bool of_the_peer(const struct hob_request *req, int rc) {
    if (rc == req->body_error) return true;
    if (req->answer != HOB__ANSWER_FAILED) return false;
    return rc == -EPIPE || rc == -ECONNRESET || rc == -ETIMEDOUT;
}

/* The handler has returned rc: the answer is completed, or the connection ends. Returns what is to
 * be reported. */
static int settle(struct hob_request *req, int rc) {
    if (rc >= 0 && req->answer == HOB__ANSWER_DONE) return 0;
    req->close = true;
    if (rc >= 0)
        rc = hob_fail(HOB_E_HTTP_STATE, "%s %s: the handler returned %s", req->method, req->target,
                      req->answer ? "in the middle of its answer" : "without an answer");
    if (rc == -ECANCELED && hob_cancelled()) return 0;
    bool peer = of_the_peer(req, rc);
    hob__respond_error(req, peer ? rc : 500);
    return peer ? 0 : rc;
}

/* One request. 1: the next one may come; 0: the connection ends; an error is the handler's. */
static int serve_one(struct hob__connection *c, struct hob__server *server) {
    struct hob_request *req = &c->req;
    struct hob__wire *w = &c->wire;
    struct hob_slice block;
    req->server = server;
    req->wire = w;
    req->method = req->target = req->path = req->query = "";
    req->block = NULL;
    req->fields = req->inline_fields;
    req->field_count = 0;
    req->body = (struct hob__buffer){0};
    req->path_copy = NULL;
    req->left = 0;
    req->body_error = 0;
    req->answer = HOB__ANSWER_NONE;
    req->head = req->chunked = req->to_close = req->close = false;
    req->continued = req->have_body = false;
    hob__wire_next(w, req->inline_fields, HOB__REQUEST_FIELDS);
    int rc = next_head(c, server, &block);
    if (rc == 0) return 0;
    if (rc > 0) rc = hob__request_begin(req, block);
    if (rc < 0) { /* the engine's word on a message that is not one */
        hob__respond_error(req, rc);
        linger(w);
        return 0;
    }
    if (hob__h1_idle(&w->h1)) w->ended = true;
    rc = settle(req, server->handler(req, server->arg));
    if (!w->ended && req->answer == HOB__ANSWER_DONE && !hob__request_drain(req, DRAIN_MAX))
        req->close = true;
    if (req->answer != HOB__ANSWER_DONE) return rc;
    if (rc == 0 && !req->close) return hob_stopping() ? 0 : 1;
    if (!w->ended || hob__wire_excess(w)) linger(w);
    return rc;
}

int hob__serve_connection(struct hob__server *server, struct hob_stream *stream) {
    /* A peer that cannot do TLS, or leaves in the middle of it, is nobody's error. */
    bool secure = !server->options.tls || hob__server_secure(server, stream) >= 0;
    struct hob__connection *c = secure ? hob__alloc(sizeof *c) : NULL;
    if (!c) {
        hob_close(stream);
        return 0;
    }
    hob__wire_init(&c->wire, stream, false, &server->limits, c->storage, sizeof c->storage);
    c->wire.stall = server->options.stall_timeout;
    int rc;
    do {
        rc = serve_one(c, server);
        hob__request_end(&c->req);
    } while (rc > 0);
    hob__wire_free(&c->wire);
    hob__free(c);
    hob_close(stream);
    return rc;
}
