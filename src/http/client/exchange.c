/* http/client/exchange.c - one request and the head of its answer, on a kept connection or a new
 * one.
 *
 * A kept connection may have been closed by the server at the very moment it is used again. When it
 * ends before any byte of the answer, and the method is idempotent, and the body can be sent again,
 * the request is tried once more, on a new connection (RFC 9110, 9.2.2; RFC 9112, 9.3.1). */
#include <hob/cookies.h>
#include <hob/error.h>
#include <hob/hob.h>
#include <hob/tls.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/text.h"
#include "http/client/auth.h"

enum {
    PIECE = 16384, /* of a body that comes from a function */
    LARGE = 65536  /* more than that may not fit into the buffers on the way */
};

bool hob__idempotent(const char *method) {
    static const char *const names[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(method, names[i]) == 0) return true;
    return false;
}

static bool credential(const char *name) {
    return strcasecmp(name, "authorization") == 0 || strcasecmp(name, "cookie") == 0 ||
           strcasecmp(name, "proxy-authorization") == 0;
}

/* Fields that say something about the body; they go when the body goes. */
static bool of_body(const char *name) { return strncasecmp(name, "content-", 8) == 0; }

static const struct hob_header *find(const struct hob_header *h, const char *name) {
    for (; h && h->name; h++)
        if (strcasecmp(h->name, name) == 0) return h;
    return NULL;
}

static bool same_origin(const struct hob_url *a, const struct hob_url *b) {
    return a->tls == b->tls && a->port == b->port && a->host.size == b->host.size &&
           strncasecmp(a->host.at, b->host.at, a->host.size) == 0 && a->zone.size == b->zone.size &&
           (a->zone.size == 0 || memcmp(a->zone.at, b->zone.at, a->zone.size) == 0);
}

/* ---- the head ---- */

static int put_header(struct hob__fetch *f, struct hob_response *res, struct hob__buffer *b,
                      const struct hob_header *h) {
    if (strcasecmp(h->name, "content-length") == 0 || strcasecmp(h->name, "transfer-encoding") == 0)
        return hob_fail(HOB_E_HTTP_ILLEGAL, "%s %s: the header %s is made by the client", f->method,
                        res->url, h->name);
    if (f->without_body && of_body(h->name)) return 0;
    size_t n = strlen(h->value);
    if (strcasecmp(h->name, "connection") == 0 && hob__h1_list_has(h->value, n, "close"))
        res->wants_close = true;
    int rc = hob__h1_put_field(b, h->name, h->value, n);
    if (rc == HOB_E_HTTP_ILLEGAL)
        return hob_fail(rc, "%s %s: the header \"%.64s\" has a byte that headers cannot have",
                        f->method, res->url, h->name);
    return rc;
}

bool hob__fetch_foreign(const struct hob__fetch *f) {
    struct hob_client *c = f->client;
    return f->crossed || (c->base_url && !same_origin(&c->base, &f->url));
}

/* Headers that are only for the server they were meant for. */
static bool bound(const char *name) { return credential(name) || strcasecmp(name, "host") == 0; }

static bool own_host(const struct hob__fetch *f) {
    return (!f->crossed && find(f->options->headers, "host")) ||
           (!hob__fetch_foreign(f) && find(f->client->headers, "host"));
}

/* What the jar has for this URL. */
static int put_cookies(struct hob__fetch *f, struct hob_response *res, struct hob__buffer *b) {
    struct hob_cookies *jar = hob__client_cookies(f->client);
    char few[1024], *text = few;
    if (!jar || hob_cookies_count(jar) == 0) return 0;
    int n = hob_cookies_get(jar, res->url, few, sizeof few);
    if (n <= 0) return n;
    if ((size_t)n >= sizeof few) {
        text = hob__alloc((size_t)n + 1);
        if (!text) return -ENOMEM;
        hob_cookies_get(jar, res->url, text, (size_t)n + 1);
    }
    int rc = hob__h1_put_field(b, "Cookie", text, (size_t)n);
    if (text != few) hob__free(text);
    return rc;
}

/* The caller's headers, then those of the client that the caller has not set. */
static int put_headers(struct hob__fetch *f, struct hob_response *res, struct hob__buffer *b) {
    struct hob_client *c = f->client;
    const struct hob_header *own = f->options->headers;
    int rc = 0;
    for (const struct hob_header *h = own; rc == 0 && h && h->name; h++)
        if (h->value && !(f->crossed && bound(h->name))) rc = put_header(f, res, b, h);
    for (const struct hob_header *h = c->headers; rc == 0 && h->name; h++)
        if (!find(own, h->name) && !(hob__fetch_foreign(f) && bound(h->name)))
            rc = put_header(f, res, b, h);
    bool told = !hob__fetch_foreign(f) && find(c->headers, "authorization");
    if (rc == 0 && !told && !find(own, "authorization")) rc = hob__auth_put(f, res, b);
    if (rc == 0 && f->route.absolute && !find(own, "proxy-authorization")) {
        const struct hob__asked asked = {
            f->method, {res->url, strlen(res->url)}, hob__fetch_body(f)};
        rc = hob__proxy_put_auth(c, f->route.proxy, &asked, b, &f->proxy_digested);
    }
    if (rc == 0 && !c->options.no_cookies && !find(own, "cookie") && !find(c->headers, "cookie"))
        rc = put_cookies(f, res, b);
    if (rc == 0 && *hob__decodes() && !c->options.raw_bodies && !find(own, "accept-encoding") &&
        !find(c->headers, "accept-encoding"))
        rc = put_header(f, res, b, &(struct hob_header){"Accept-Encoding", hob__decodes()});
    if (rc == 0 && c->user_agent[0] && !find(own, "user-agent") && !find(c->headers, "user-agent"))
        rc = put_header(f, res, b, &(struct hob_header){"User-Agent", c->user_agent});
    return rc;
}

static int put_framing(struct hob__fetch *f, struct hob_response *res, struct hob__buffer *b) {
    bool body = !f->without_body && f->out.present;
    int rc = 0;
    if (f->client->options.idle_timeout < 0 && !res->wants_close) {
        res->wants_close = true;
        rc = hob__h1_put_field(b, "Connection", "close", 5);
    }
    if (rc < 0) return rc;
    if (body && f->out.type && !find(f->options->headers, "content-type"))
        rc = hob__h1_put_field(b, "Content-Type", f->out.type, strlen(f->out.type));
    if (rc == 0 && f->asks) rc = hob__h1_put_field(b, "Expect", "100-continue", 12);
    if (rc < 0) return rc;
    if (body && f->out.size < 0) return hob__h1_put_field(b, "Transfer-Encoding", "chunked", 7);
    /* RFC 9110, 8.6: methods that usually have a body say that this one has none. */
    bool usual = strcmp(f->method, "POST") == 0 || strcmp(f->method, "PUT") == 0 ||
                 strcmp(f->method, "PATCH") == 0;
    if (body || usual)
        return hob__h1_put_number(b, "Content-Length", body ? (uint64_t)f->out.size : 0);
    return 0;
}

enum { HEAD_MAX = 65536 };

static int put_head(struct hob__fetch *f, struct hob_response *res, struct hob__buffer *b) {
    const struct hob_url *u = &f->url;
    const char *end = u->query.at ? u->query.at + u->query.size : u->path.at + u->path.size;
    const char *target = f->route.absolute ? res->url : u->path.at;
    int rc = hob__h1_put_request(b, f->method, target, (size_t)(end - target));
    if (rc == HOB_E_HTTP_ILLEGAL) return hob_fail(rc, "\"%.32s\" is not a method", f->method);
    if (rc == 0 && !own_host(f)) {
        /* As it stands in the URL, with its brackets and without a default port. */
        char host[HOB__ADDRESS_MAX], *at = host;
        if (u->host_is_ipv6) *at++ = '[';
        at = hob__put_bytes(at, u->host.at, u->host.size);
        if (u->host_is_ipv6) *at++ = ']';
        if (u->port != (u->tls ? 443 : 80)) {
            *at++ = ':';
            at = hob__put_decimal(at, u->port);
        }
        rc = hob__h1_put_field(b, "Host", host, (size_t)(at - host));
    }
    if (rc == 0) rc = put_headers(f, res, b);
    if (rc == 0 && hob__buffer_size(&f->extra))
        rc = hob__buffer_append(b, hob__buffer_bytes(&f->extra), hob__buffer_size(&f->extra),
                                HEAD_MAX);
    if (rc == HOB_E_LIMIT) rc = HOB_E_HTTP_HEADERS_TOO_LARGE;
    if (rc == 0) rc = put_framing(f, res, b);
    if (rc == 0) rc = hob__h1_put_end(b);
    if (rc == HOB_E_HTTP_HEADERS_TOO_LARGE)
        return hob_fail(rc, "%s %s: the headers to be sent are larger than 64 KiB", f->method,
                        res->url);
    return rc;
}

/* ---- sending ---- */

/* A body that does not lie in memory, piece by piece, behind the head. */
static int send_pieces(struct hob__fetch *f, struct hob__wire *w, char *piece) {
    bool chunked = f->out.size < 0;
    for (;;) {
        ssize_t n = hob__outgoing_read(&f->out, piece, PIECE);
        if (n < 0) return (int)n;
        char head[HOB__H1_CHUNK_HEAD];
        size_t head_size = chunked ? hob__h1_chunk_head(head, (uint64_t)n) : 0;
        struct iovec iov[3] = {{head, head_size}, {piece, (size_t)n}, {(void *)"\r\n", 2}};
        if (!chunked && n == 0) return 0;
        int rc = hob__wire_write(w, iov, chunked ? 3 : 2);
        if (rc < 0) return rc;
        if (n == 0) return 0;
    }
}

struct sending {
    struct hob__fetch *f;
    struct hob__wire *w;
    struct iovec *head; /* and the bytes behind it, or NULL */
    int count;
};

static int send_body(void *sending) {
    const struct sending *s = sending;
    struct hob__fetch *f = s->f;
    struct hob__wire *w = s->w;
    struct hob__outgoing *out = &f->out;
    if (s->head) return hob__wire_write(w, s->head, s->count);
    if (out->fd >= 0) {
        int64_t sent = hob__wire_send_file(w, out->fd, out->offset, out->size);
        if (sent >= 0 && sent < out->size)
            return hob_fail(HOB_E_HTTP_SIZE, "the file has become shorter while it was sent");
        return sent < 0 ? (int)sent : 0;
    }
    char *piece = hob__alloc(PIECE);
    if (!piece) return -ENOMEM;
    int rc = send_pieces(f, w, piece);
    hob__free(piece);
    return rc;
}

static int send_request(struct hob__fetch *f, struct hob_response *res) {
    struct hob__outgoing *out = &f->out;
    struct hob__buffer head = {0};
    bool body = !f->without_body && out->present;
    f->asks = body && f->options->expect_continue > 0 && !f->refused;
    int rc = body ? hob__outgoing_begin(out) : 0;
    if (rc < 0) return rc;
    rc = hob__buffer_reserve(&head, 512, SIZE_MAX);
    if (rc == 0) rc = put_head(f, res, &head);
    if (rc == 0)
        hob__har_head(res, hob__buffer_bytes(&head), hob__buffer_size(&head), body ? out->size : 0);
    struct iovec iov[2] = {{hob__buffer_bytes(&head), hob__buffer_size(&head)},
                           {(void *)(uintptr_t)out->bytes, (size_t)out->size}};
    bool at_once = body && out->bytes && !f->asks;
    struct sending sending = {f, &res->wire, iov, at_once ? 2 : 1};
    bool large = body && (uint64_t)out->size > LARGE;
    if (rc == 0 && at_once && large) rc = hob__send_watched(res, send_body, &sending);
    if (rc == 0 && !(at_once && large)) rc = send_body(&sending);
    hob__buffer_free(&head);
    if (rc < 0 || !body || at_once) return rc;
    if (f->asks) {
        rc = hob__response_continue(res, f->options->expect_continue);
        /* Answered, and not asked for the body: whether the server waits for it is not known. */
        if (rc == 0) res->wants_close = true;
        if (rc <= 0) return rc;
    }
    sending.head = out->bytes ? iov + 1 : NULL;
    sending.count = 1;
    return large ? hob__send_watched(res, send_body, &sending) : send_body(&sending);
}

/* The body as the data of a stream of HTTP/2. */
static int send_shared_body(struct hob__fetch *f, struct hob__wire *w) {
    struct hob__outgoing *out = &f->out;
    struct hob__h2_times times = {w->deadline, w->stall, 0, NULL};
    if (out->bytes) return hob__h2_write(w->h2, out->bytes, (size_t)out->size, true, &times);
    char *piece = hob__alloc(PIECE);
    if (!piece) return -ENOMEM;
    int rc = 0;
    for (ssize_t n = 1; rc == 0 && n > 0;) {
        n = hob__outgoing_read(out, piece, PIECE);
        rc = n < 0 ? (int)n : hob__h2_write(w->h2, piece, (size_t)n, n == 0, &times);
    }
    hob__free(piece);
    return rc;
}

/* The same on a stream of HTTP/2; the connection's slot becomes the stream's. */
static int send_shared(struct hob__fetch *f, struct hob_response *res, struct hob__conn *conn) {
    struct hob__outgoing *out = &f->out;
    struct hob__buffer head = {0};
    bool body = !f->without_body && out->present;
    int rc = body ? hob__outgoing_begin(out) : 0;
    bool some = body && out->size != 0;
    f->asks = some && f->options->expect_continue > 0 && !f->refused;
    if (rc == 0) rc = hob__buffer_reserve(&head, 512, SIZE_MAX);
    if (rc == 0) rc = put_head(f, res, &head);
    if (rc == 0)
        hob__har_head(res, hob__buffer_bytes(&head), hob__buffer_size(&head), some ? out->size : 0);
    if (rc == 0)
        rc = hob__h2_request(conn->h2, &head, f->url.tls ? "https" : "http", some, &res->wire.h2);
    hob__buffer_free(&head);
    if (rc < 0) f->late = conn->h2->served;
    if (rc < 0) hob__pool_untake(conn);
    if (rc == 0 && res->wants_close) hob__h2_drain(conn->h2);
    if (rc == 0 && f->asks) { /* 0: it is answered without the body */
        double seconds = f->options->expect_continue;
        rc = hob__h2_wait_continue(res->wire.h2, hob__http_deadline(res->wire.deadline, seconds));
        if (rc <= 0) return rc;
    }
    return rc < 0 || !some ? rc : send_shared_body(f, &res->wire);
}

static bool gone(int rc) { return rc == -EPIPE || rc == -ECONNRESET; }

/* Sends, and reads the head. A server may answer and close before it has read all of the request:
 * what it said counts more than that the rest could not be sent. */
static int talk(struct hob__fetch *f, struct hob_response *res) {
    struct hob__wire *w = &res->wire;
    uint64_t deadline = w->deadline;
    double stall = w->stall;
    hob__wire_free(w);
    struct hob__conn *conn = res->conn;
    hob__wire_init(w, conn->h2 ? NULL : conn->stream, true, &f->client->limits, NULL, 0);
    hob__wire_next(w, res->inline_fields, HOB__RESPONSE_FIELDS);
    w->deadline = deadline;
    w->stall = stall;
    w->h1.head_request = strcmp(f->method, "HEAD") == 0;
    w->trailers = &res->trailers;
    res->got_byte = res->wants_close = res->have_head = false;
    res->interim = 0;
    res->marks.now = HOB__PHASE_SEND;
    if (conn->h2) res->conn = NULL; /* its end is none of the exchange's business */
    int sent = conn->h2 ? send_shared(f, res, conn) : send_request(f, res);
    if (sent < 0 && !gone(sent)) {
        if (sent == -ETIMEDOUT)
            return hob_fail(sent, "%s %s: the request could not be sent in time", f->method,
                            res->url);
        return sent;
    }
    if (sent < 0) res->wants_close = true;
    int rc = hob__response_head(res);
    if (rc < 0 && sent < 0 && !res->got_byte && !w->h2) {
        if (rc == -ECANCELED || rc == -ETIMEDOUT) return rc;
        return hob_fail(sent, "%s %s: the server closed the connection while the request was sent",
                        f->method, res->url);
    }
    return rc;
}

/* What hob_connect() takes; the zone of an IPv6 address is for this machine alone, the peer is not
 * told of it (RFC 6874, 3). */
static void address_of(const struct hob_url *u, char out[HOB__ADDRESS_MAX]) {
    char *at = out;
    if (u->host_is_ipv6) *at++ = '[';
    at = hob__put_lower(at, u->host.at, u->host.size);
    if (u->zone.at) {
        int n = hob_url_decode(u->zone.at, u->zone.size, false, at + 1);
        if (n > 0) *at = '%', at += n + 1;
    }
    if (u->host_is_ipv6) *at++ = ']';
    *at++ = ':';
    *hob__put_decimal(at, u->port) = 0;
}

/* A server may serve a few requests on each connection and leave the others for the next: those are
 * tried again as long as each connection serves somebody. More than a connection's streams,
 * usually. */
enum { TRIES_MAX = 3, LATE_MAX = 256 };

/* Has it failed in a way that lets it be sent once more, at once, on another connection? */
static bool once_more(const struct hob__fetch *f, struct hob_response *res, int rc, int tries,
                      int late) {
    const struct hob__h2_stream *st = res->wire.h2;
    if (hob__outgoing_spent(&f->out) || rc == -ECANCELED || rc == -ETIMEDOUT) return false;
    bool untouched = rc == HOB_E_HTTP2_REFUSED || (st && st->processed == HOB__H2_NEVER);
    if (rc == HOB_E_HTTP2_RESET && st && st->code == HOB__H2_USE_H1)
        res->host->only_h1 = untouched = true;
    if (untouched) return f->late ? late < LATE_MAX : tries < TRIES_MAX;
    bool stale = res->marks.reused && !res->got_byte &&
                 (gone(rc) || rc == HOB_E_HTTP_CUT || rc == HOB_E_TLS_TRUNCATED);
    return stale && tries == 1 && hob__idempotent(f->method);
}

/* What failed lets go of its connection. */
static void let_go(struct hob_response *res) {
    if (res->wire.h2) hob__h2_close(res->wire.h2, HOB__H2_CANCEL);
    res->wire.h2 = NULL;
    if (res->conn) hob__pool_drop(res->conn);
    res->conn = NULL;
}

int hob__fetch_route(struct hob__fetch *f) {
    address_of(&f->url, f->address);
    HOB_TRY(hob__route_choose(&f->client->network, f->options, &f->own_route, &f->url, &f->route));
    /* A switch of protocols is HTTP/1.1's; such connections are kept apart. */
    f->upgrades = find(f->options->headers, "upgrade") || find(f->client->headers, "upgrade");
    if (f->upgrades) f->route.absolute = false; /* what comes then is none of a proxy's business */
    return 0;
}

static int exchange(struct hob__fetch *f, struct hob_response *res) {
    struct hob_client *c = f->client;
    int rc = hob__fetch_route(f);
    if (rc < 0) return rc;
    struct hob__target to = {f->address, f->url.tls, f->route.key, f->upgrades};
    hob__marks_again(&res->marks, res->marks.exchanges ? hob_now() : 0);
    rc = hob__pool_enter(c, &to, res->wire.deadline, true, &res->host);
    if (rc < 0) return rc;
    hob__retry_earn(res->host);
    if (f->route.absolute) res->host->only_h1 = true; /* a proxy has promised nothing */
    for (int tries = 1, late = 0;;) {
        bool again = tries + late > 1;
        if (again) hob__marks_again(&res->marks, hob_now());
        rc = hob__pool_take(c, res->host, &f->route, &res->marks, res->wire.deadline, again,
                            &res->conn);
        if (rc < 0) break;
        f->late = false;
        rc = talk(f, res);
        if (rc >= 0) return 0;
        f->late |= res->wire.h2 && res->wire.h2->late;
        again = once_more(f, res, rc, tries, late);
        let_go(res);
        if (!again) break;
        *(f->late ? &late : &tries) += 1;
        c->info.retried++;
    }
    hob__pool_leave(c, res->host, NULL, 0);
    res->host = NULL;
    return rc;
}

/* ---- what others want to know of it ---- */

int hob_exchange_header(struct hob_exchange *x, const char *name, const char *value) {
    struct hob__fetch *f = x->inside;
    if (!f) hob__misuse(__func__, "only before() may add headers");
    int rc = hob__h1_put_field(&f->extra, name, value, strlen(value));
    return rc == HOB_E_HTTP_ILLEGAL
               ? hob_fail(rc, "the header \"%.64s\" has a byte that headers cannot have", name)
               : rc;
}

int hob__exchange(struct hob__fetch *f, struct hob_response *res) {
    const struct hob_hooks *hooks = &f->client->hooks;
    struct hob_exchange x = {f->method, res->url, res->marks.exchanges + 1, 0, NULL, f};
    hob__buffer_free(&f->extra);
    int rc = hob__har_begin(res, f->method);
    if (rc == 0 && hooks->before) rc = hooks->before(&x, hooks->arg);
    x.inside = NULL;
    if (rc >= 0) rc = exchange(f, res);
    if (rc < 0) hob__har_end(res, rc);
    if (!hooks->after) return rc;
    x.error = rc < 0 ? rc : 0;
    x.response = rc < 0 ? NULL : res;
    int wanted = hooks->after(&x, hooks->arg);
    if (rc < 0 || wanted >= 0) return rc;
    hob__response_skip(res); /* the caller does not get it */
    if (res->host) hob__response_abort(res);
    return wanted;
}
