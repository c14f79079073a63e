/* http/server/connection.c - one connection of the server: heads, handlers, answers, for as long as
 * there is something to read; then it is parked (io/serve.h) until more comes, or closed.
 *
 * A head is read without waiting for it: when nothing has come, the connection is parked. Only when
 * a part of one has come does the task wait for the rest.
 *
 * When several requests have come together (pipelining), the stream is corked while they are
 * answered, so that the answers go out together (io/gather.h).
 *
 * When the server closes although the client may still be sending, it first ends its own side and
 * reads on for a while: closing at once would make the kernel reset the connection, and the answer
 * could be lost (RFC 9112, 9.6).
 *
 * A request that wants to upgrade may become a connection of hours. So its head is put back into
 * the stream, and read again where the stack holds nothing else: then a WebSocket that waits keeps
 * one page of it (serve_upgrade()). */
#include <hob/error.h>
#include <hob/hob.h>
#include <string.h>

#include "base/memory.h"
#include "http/server/access_log.h"
#include "http/server/server.h"
#include "http/websocket/websocket.h"
#include "http/wire_now.h"
#include "io/stream.h"

enum { DRAIN_MAX = 65536, LINGER_MAX = 262144 };

static const double linger_seconds = 2;

static void gather(struct hob__http_conn *hc) {
    hob__gather_begin(&hc->gather, hc->served.stream, hc->served.service->scope);
}

/* Where answers are gathered, a flusher is to stand behind each piece: the one before may have run,
 * when the handler waited, or when the write let others run. */
void hob__answer_gather(struct hob_request *req) { gather(req->conn); }

int hob__answer_write(struct hob_request *req, struct iovec *iov, int count) {
    int rc = hob__wire_write(req->wire, iov, count);
    if (HOB__UNLIKELY(hob__gathers(&req->conn->gather))) gather(req->conn);
    return rc;
}

/* Sends what is gathered: 0, or the connection is of no more use. */
static inline int send_gathered(struct hob__http_conn *hc, const struct hob__wire *w) {
    if (HOB__LIKELY(!hob__gathers(&hc->gather))) return 0;
    return hob__gather_end(&hc->gather, hob__http_deadline(0, w->stall));
}

/* ---- heads ---- */

enum { NONE = 0, HEAD = 1, GONE = 2, HTTP2 = 3 };

/* Does the client begin with the preface of HTTP/2 (RFC 9113, 3.4)? Its first line is none of
 * HTTP/1.1's. */
static bool preface(struct hob__exchange *e, const struct hob__http_conn *hc) {
    static const char line[] = "PRI * HTTP/2.0\r\n";
    const struct hob__buffer *in = &e->wire.in;
    return hc->requests == 0 && hob__buffer_size(in) >= 16 && hob__server_shares(e->req.server) &&
           memcmp(hob__buffer_bytes(in), line, 16) == 0;
}

/* The next head: HEAD; NONE: nothing has come; GONE: the client has, between two requests; HTTP2:
 * it speaks that; or an error to be answered. */
static int next_head(struct hob__exchange *e, struct hob__http_conn *hc, struct hob_slice *block) {
    struct hob__wire *w = &e->wire;
    struct hob__server *server = e->req.server;
    uint64_t deadline = 0;
    for (;;) {
        if (HOB__UNLIKELY(hc->requests == 0) && preface(e, hc)) return HTTP2;
        int rc = hob__buffer_size(&w->in) > 0 ? hob__wire_event(w, block) : HOB__H1_NEED;
        if (rc == HOB__H1_HEAD) return HEAD;
        if (rc < 0) return rc;
        rc = send_gathered(hc, w);
        if (rc < 0) return GONE;
        bool begun = hob__buffer_size(&w->in) > 0;
        ssize_t got = hob__wire_fill_now(w);
        if (got == -EAGAIN) {
            if (!begun) return NONE;
            if (!deadline) deadline = hob__http_deadline(0, server->options.head_timeout);
            got = hob__wire_fill(w, deadline, false);
        }
        if (got <= 0) return got == -ENOMEM || (begun && got == -ETIMEDOUT) ? (int)got : GONE;
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

/* ---- one request ---- */

/* Is it the client's fault, or the connection's, and none of the handler's? */
static bool of_the_peer(const struct hob_request *req, int rc) {
    if (rc == req->body_error) return true;
    if (req->answer != HOB__ANSWER_FAILED) return false;
    return rc == -EPIPE || rc == -ECONNRESET || rc == -ETIMEDOUT;
}

/* The handler has returned rc on what is no HTTP any more. */
static int upgraded(struct hob_request *req, int rc) {
    struct hob__http_conn *hc = req->conn;
    if (req->wire->h2) return hob__websocket_on_stream(req->websocket, rc);
    struct hob_websocket *ws = hc->websocket;
    if (!ws) return rc < 0 ? rc : 0;
    if (ws->events && rc >= 0) return 0; /* it goes on without the handler */
    hc->websocket = NULL;
    hc->served.holds = false;
    return hob__websocket_end(ws, rc);
}

/* The handler has returned rc: the answer is completed, or the connection ends. Returns what is to
 * be reported. */
static __attribute__((noinline)) int settle_slowly(struct hob_request *req, int rc) {
    req->close = true;
    if (req->answer == HOB__ANSWER_UPGRADED) return upgraded(req, rc);
    if (rc >= 0)
        rc = hob_fail(HOB_E_HTTP_STATE, "%s %s: the handler returned %s", req->method, req->target,
                      req->answer ? "in the middle of its answer" : "without an answer");
    if (rc == -ECANCELED && hob_cancelled()) return 0;
    bool peer = of_the_peer(req, rc);
    if (!peer) hob__count(&req->server->counters->failed, 1);
    if (peer && req->answer && rc == -ETIMEDOUT) {
        hob__cut_off(req->server, HOB_HTTP_CUT_RESPONSE, hob_request_peer(req));
        req->conn->hopeless = true;
        return 0;
    }
    hob__respond_error(req, peer ? rc : 500);
    return peer ? 0 : rc;
}

static inline int settle(struct hob_request *req, int rc) {
    if (HOB__LIKELY(rc >= 0 && req->answer == HOB__ANSWER_DONE)) return 0;
    return settle_slowly(req, rc);
}

static inline void note(struct hob_request *req) {
    if (HOB__UNLIKELY(req->server->measured)) {
        if (req->in_flight) hob__measure_end(req);
        hob__measure_status(req);
    }
    if (HOB__UNLIKELY(req->server->options.access_log != NULL) && req->status)
        hob__access_log_add(req->server->options.access_log, req);
}

void hob__request_refuse(struct hob_request *req, int rc) {
    hob__respond_error(req, rc);
    note(req);
}

static inline __attribute__((always_inline)) int handle(struct hob_request *req) {
    struct hob__server *server = req->server;
    hob__count(&server->counters->requests, 1);
    if (HOB__UNLIKELY(server->counters->requests == server->last))
        hob_stop(server->service.scope, server->options.grace);
    if (server->options.access_log) req->began = hob_now();
    if (HOB__UNLIKELY(server->measured)) hob__measure_begin(req);
    int rc = settle(req, server->handler(req, server->arg));
    note(req);
    return rc;
}

int hob__request_handle(struct hob_request *req) { return handle(req); }

/* What the parser refuses; the connection ends. */
static int refuse(struct hob_request *req, int rc) {
    hob__request_refuse(req, rc);
    if (send_gathered(req->conn, req->wire) == 0) linger(req->wire);
    return 0;
}

static inline __attribute__((always_inline)) int call_handler(struct hob_request *req) {
    struct hob__http_conn *hc = req->conn;
    struct hob__server *server = req->server;
    if (++hc->requests >= server->options.max_requests) req->close = true;
    if (hob__buffer_size(&req->wire->in) > 0 && req->wire->ended) gather(hc);
    hc->served.watched = !server->options.keep_running;
    int rc = handle(req);
    hc->served.watched = false;
    return rc;
}

static void begin_request(struct hob_request *req) {
    req->method = req->target = req->path = req->query = "";
    req->block = NULL;
    req->field_count = 0;
    req->fields = req->own_fields;
    req->body = req->trailers = (struct hob__buffer){0};
    req->websocket = NULL;
    req->path_copy = req->authority_copy = NULL;
    req->authority = NULL;
    req->left = req->sent = req->began = 0;
    if (HOB__UNLIKELY(req->forwarded != NULL)) req->forwarded->known = false;
    req->body_error = 0;
    req->status = 0;
    req->answer = HOB__ANSWER_NONE;
    req->head = req->chunked = req->to_close = req->close = false;
    req->continued = req->have_body = req->in_flight = false;
    hob__wire_next(req->wire, req->own_fields, req->own_cap);
}

/* Beside HOB__PARK, 0 and errors, which end the connection. */
enum {
    NEXT = 3,  /* the next request may have come */
    SHARED,    /* it is one of HTTP/2 */
    UPGRADE,   /* a request that wants to upgrade lies in the stream */
    WEBSOCKET, /* that is what it has become */
};

/* The request whose head is that block. */
static inline __attribute__((always_inline)) int answer(struct hob_request *req,
                                                        struct hob_slice block) {
    struct hob__wire *w = req->wire;
    struct hob__http_conn *hc = req->conn;
    int rc = hob__request_begin(req, block);
    if (HOB__UNLIKELY(rc < 0)) return refuse(req, rc);
    if (hob__h1_idle(&w->h1)) w->ended = true;
    rc = call_handler(req);
    if (HOB__UNLIKELY(!w->ended && req->answer == HOB__ANSWER_DONE) &&
        !hob__request_drain(req, DRAIN_MAX))
        req->close = true;
    if (HOB__UNLIKELY(req->answer != HOB__ANSWER_DONE)) return rc;
    if (HOB__LIKELY(rc == 0 && !req->close)) return NEXT;
    if (send_gathered(hc, w) == 0 && (!w->ended || hob__wire_excess(w))) linger(w);
    return rc;
}

static __attribute__((noinline)) int answer_here(struct hob_request *req, struct hob_slice block) {
    return answer(req, block);
}

enum { UPGRADE_MAX = 2048 }; /* a larger one is answered where it is */

static bool put_back(struct hob__exchange *e, struct hob__http_conn *hc, struct hob_slice block) {
    struct hob__buffer *in = &e->wire.in;
    size_t n = (size_t)(hob__buffer_tail(in) - block.at);
    if (n > UPGRADE_MAX) return false;
    hc->upgrade = (uint16_t)n;
    hc->upgrade_fields = e->wire.h1.field_count;
    hob__wire_put_back(&e->wire, block.at, n);
    hob__buffer_take(in, hob__buffer_size(in));
    return true;
}

static int serve_one(struct hob__exchange *e, struct hob__http_conn *hc) {
    struct hob_slice block;
    begin_request(&e->req);
    int rc = next_head(e, hc, &block);
    if (rc == NONE) return HOB__PARK;
    if (rc == GONE) return 0;
    if (rc == HTTP2) return SHARED;
    if (HOB__UNLIKELY(rc < 0))
        return refuse(&e->req, rc); /* the engine's word on what is no message */
    if (HOB__UNLIKELY(e->wire.h1.flags & HOB__H1_WANTS_UPGRADE) && put_back(e, hc, block))
        return UPGRADE;
    return answer(&e->req, block);
}

/* The PROXY header. An error: the peer is none of the proxies. */
static int announce(struct hob__server *server, struct hob__http_conn *hc) {
    struct hob_stream *s = hc->served.stream;
    const char *peer = hob_stream_peer(s);
    char client[HOB__CLIENT_TEXT];
    bool welcome = !server->options.trusted || hob__trusts(&server->trust, peer, strlen(peer));
    int rc = welcome ? hob_within(server->options.head_timeout, hob__proxy_header(s, client))
                     : HOB_E_HTTP_PROXY;
    if (rc == 1 && !(hc->client = hob__strdup(client))) rc = -ENOMEM;
    if (rc == -ETIMEDOUT)
        hob__cut_off(server, HOB_HTTP_CUT_PROXY, peer);
    else if (rc < 0 && rc != -ECANCELED)
        hob__count(&server->counters->refused, 1);
    if (rc < 0 && rc != -ECANCELED) hob__count(&server->counters->strangers, 1);
    if (rc < 0) hob_error_clear();
    hc->announced = true;
    return rc;
}

static void init(struct hob_request *req, struct hob__http_conn *hc, struct hob__wire *w,
                 char *storage, size_t n) {
    struct hob__server *server = hc->served.service->arg;
    hob__wire_init(w, hc->served.stream, false, &server->limits, storage, n);
    w->stall = server->options.stall_timeout;
    w->min_rate = server->options.min_rate;
    w->trailers = &req->trailers;
    if (HOB__UNLIKELY(server->measured)) {
        w->count_in = &server->counters->received;
        w->count_out = &server->counters->sent;
    }
    req->server = server;
    req->conn = hc;
    req->wire = w;
}

static void exchange_init(struct hob__exchange *e, struct hob__http_conn *hc) {
    struct hob_request *req = &e->req;
    init(req, hc, &e->wire, e->storage, sizeof e->storage);
    req->own_fields = e->fields;
    req->own_cap = HOB__REQUEST_FIELDS;
    req->path_room = e->path;
    req->path_cap = HOB__REQUEST_PATH;
    req->forwarded = req->server->options.trusted ? &e->forwarded : NULL;
}

/* The connection leaves the wire: what is gathered is sent, what has come too early put back. */
static __attribute__((noinline)) int leave_slowly(struct hob__http_conn *hc, struct hob__wire *w,
                                                  int rc) {
    struct hob_stream *stream = hc->served.stream;
    if (HOB__UNLIKELY(hc->websocket != NULL)) {
        rc = WEBSOCKET;
    } else if (HOB__UNLIKELY(hc->hopeless)) {
        hob__gather_drop(&hc->gather);
        hob_abort(stream); /* the kernel need not keep what nobody fetches */
    } else if (rc != UPGRADE && send_gathered(hc, w) < 0 && rc >= HOB__PARK) {
        rc = 0;
    }
    size_t early = hob__buffer_size(&w->in);
    if ((rc == SHARED || rc == NEXT) && early)
        hob__wire_put_back(w, hob__buffer_bytes(&w->in), early);
    if (HOB__UNLIKELY(!w->in.borrowed || w->aside.data)) hob__wire_free(w);
    if (rc == SHARED) hc->shared = true;
    return rc >= NEXT ? HOB__AGAIN : rc;
}

/* Most often there is nothing of that, and the connection is parked. */
static inline int leave(struct hob__http_conn *hc, struct hob__wire *w, int rc) {
    bool simple = !hc->websocket && !hc->hopeless && !hob__gathers(&hc->gather) && w->in.borrowed &&
                  !w->aside.data;
    return HOB__LIKELY(rc == HOB__PARK && simple) ? rc : leave_slowly(hc, w, rc);
}

/* Is it certain that nothing more has come? Then the next head need not be looked for. */
static inline bool silent(const struct hob__wire *w) {
    const struct hob_stream *s = w->stream;
    return s->fast_read && !(s->fd->ready & HOB__READ) && hob__buffer_size(&w->in) == 0;
}

/* Is the next request to be answered, when one is behind the other? NEXT, or 0. */
static int goes_on(const struct hob__http_conn *hc) {
    return !hob_stopping() || hob__service_lasts(hc->served.service) ? NEXT : 0;
}

__attribute__((noinline)) static int serve_all(struct hob__http_conn *hc) {
    struct hob__exchange e;
    exchange_init(&e, hc);
    int rc;
    do {
        rc = serve_one(&e, hc);
        hob__request_end(&e.req);
    } while (rc == NEXT && !silent(&e.wire) && (rc = goes_on(hc)) == NEXT);
    if (HOB__LIKELY(rc == NEXT)) rc = HOB__PARK; /* unless it shall stop: io/park.c looks */
    return leave(hc, &e.wire, rc);
}

/* As little of the stack as it can be: all that is sized by the request. */
__attribute__((noinline)) static int serve_upgrade(struct hob__http_conn *hc) {
    size_t n = hc->upgrade;
    struct hob__wire w;
    struct hob_request req;
    struct hob_slice block;
    char *storage = __builtin_alloca(n);
    hc->upgrade = 0;
    init(&req, hc, &w, storage, n);
    req.own_fields = __builtin_alloca((hc->upgrade_fields + 1) * sizeof *req.own_fields);
    req.own_cap = hc->upgrade_fields;
    req.path_room = NULL;
    req.path_cap = 0;
    req.forwarded = NULL;
    if (req.server->options.trusted) req.forwarded = __builtin_alloca(sizeof *req.forwarded);
    ssize_t got = hob__stream_recv(w.stream, storage, n);
    if (got != (ssize_t)n) return 0; /* without memory */
    if (w.count_in) hob__count(w.count_in, n);
    hob__buffer_put(&w.in, n);
    begin_request(&req);
    int rc = hob__wire_event(&w, &block);
    rc = rc == HOB__H1_HEAD ? answer_here(&req, block) : refuse(&req, rc);
    if (rc == NEXT) rc = goes_on(hc);
    hob__request_end(&req);
    return leave(hc, &w, rc);
}

static int run(struct hob__served *c) {
    struct hob__http_conn *hc = (struct hob__http_conn *)(void *)c; /* its first member */
    struct hob__server *server = c->service->arg;
    if (HOB__UNLIKELY(hc->websocket != NULL)) return hob__websocket_run(hc);
    if (hc->h2 || hc->shared) return hob__serve_http2(hc);
    if (HOB__UNLIKELY(server->options.proxy_protocol && !hc->announced) && announce(server, hc) < 0)
        return 0;
    if (HOB__UNLIKELY(server->options.tls && !hc->secured)) {
        /* A peer that cannot do TLS, or leaves in the middle of it, is nobody's error. */
        int rc = hob__server_secure(server, c->stream);
        if (rc == -ETIMEDOUT) hob__cut_off(server, HOB_HTTP_CUT_TLS, hob_stream_peer(c->stream));
        if (rc < 0 && rc != -ECANCELED) hob__count(&server->counters->strangers, 1);
        if (rc < 0) return 0;
        hc->secured = true;
        if (hob__agreed_http2(c->stream)) return hob__serve_http2(hc);
    }
    c->patience = server->idle_ns;
    return HOB__UNLIKELY(hc->upgrade > 0) ? serve_upgrade(hc) : serve_all(hc);
}

int hob__connection_run(struct hob__served *c) {
    struct hob__server *server = c->service->arg;
    if (HOB__LIKELY(!server->measured)) return run(c);
    hob__count(&server->counters->busy, 1);
    int rc = run(c);
    hob__count(&server->counters->busy, -UINT64_C(1));
    return rc;
}
