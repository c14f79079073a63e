/* http/server/request.c - a request as the handler sees it: its line, its headers, its body. */
#include <hob/error.h>
#include <hob/hob.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "http/h2/h2.h"
#include "http/server/server.h"

/* Without what a user name in front of it says, which is nobody's. */
static char *copy_authority(const char *at, size_t n) {
    for (const char *mark; (mark = memchr(at, '@', n));) {
        n -= (size_t)(mark + 1 - at);
        at = mark + 1;
    }
    char *copy = hob__alloc(n + 1);
    if (!copy) return NULL;
    memcpy(copy, at, n);
    copy[n] = 0;
    return copy;
}

/* The path of the target, as a string of its own: the '?' behind it must stay. */
int hob__request_set_path(struct hob_request *req) {
    const char *path = req->target, *end = path + req->wire->h1.target_size;
    if (HOB__UNLIKELY(*path != '/') && strstr(path, "://")) { /* absolute-form (RFC 9112, 3.2.2) */
        path = strstr(path, "://") + 3;
        size_t n = strcspn(path, "/?");
        req->authority = req->authority_copy = copy_authority(path, n);
        if (!req->authority) return -ENOMEM;
        path += n;
    }
    size_t n = req->wire->h1.path_size;
    if (n == 0) { /* the parser has not looked for it */
        const char *mark = memchr(path, '?', (size_t)(end - path));
        n = (size_t)((mark ? mark : end) - path);
    }
    req->query = path[n] ? path + n + 1 : "";
    req->path = path;
    if (n == 0) req->path = "/";
    if (n == 0 || !path[n]) return 0;
    char *copy = req->path_room;
    if (n >= req->path_cap) copy = req->path_copy = hob__alloc(n + 1);
    if (!copy) return -ENOMEM;
    memcpy(copy, path, n);
    copy[n] = 0;
    req->path = copy;
    return 0;
}

/* There are more fields than there is room for. */
static __attribute__((noinline)) int all_fields(struct hob_request *req, struct hob_slice block) {
    const struct hob__h1 *p = &req->wire->h1;
    struct hob__h1_field *fields = hob__alloc(p->field_count * sizeof *fields);
    if (!fields) return -ENOMEM;
    hob__h1_split(block.at, block.size, p->fields_at, fields, p->field_count);
    req->fields = fields;
    return 0;
}

/* Method, target, names and values become strings where they stand: each is followed by a byte that
 * nobody needs any more. */
int hob__request_begin(struct hob_request *req, struct hob_slice block) {
    struct hob__h1 *p = &req->wire->h1;
    char *bytes = (char *)(uintptr_t)block.at;
    int rc = HOB__UNLIKELY(p->field_count > req->own_cap) ? all_fields(req, block) : 0;
    if (rc < 0) return rc;
    const struct hob__h1_field *f = req->fields;
    for (uint32_t left = p->field_count; left > 0; left--, f++) {
        char *name_end = bytes + (f->name + f->name_size);
        bytes[f->value + f->value_size] = 0;
        *name_end = 0;
    }
    bytes[p->method_at + p->method_size] = 0;
    bytes[p->target_at + p->target_size] = 0;
    req->block = bytes;
    req->field_count = p->field_count; /* the parser's is the trailers' later */
    req->method = bytes + p->method_at;
    req->target = req->path = bytes + p->target_at;
    req->head = p->method_size == 4 && memcmp(req->method, "HEAD", 4) == 0;
    if (!(p->flags & HOB__H1_KEEP_ALIVE)) req->close = true;
    if (p->flags & HOB__H1_EXPECT_OTHER) return HOB_E_HTTP_EXPECT;
    return HOB__LIKELY(p->path_size == p->target_size) ? 0 : hob__request_set_path(req);
}

void hob__request_let_go(struct hob_request *req) {
    if (req->fields != req->own_fields) hob__free(req->fields);
    hob__free(req->path_copy);
    hob__free(req->authority_copy);
    hob__buffer_free(&req->trailers);
    hob__buffer_free(&req->body);
}

const char *hob_request_method(const struct hob_request *req) { return req->method; }
const char *hob_request_target(const struct hob_request *req) { return req->target; }
const char *hob_request_path(const struct hob_request *req) { return req->path; }
const char *hob_request_query(const struct hob_request *req) { return req->query; }

int hob_request_minor(const struct hob_request *req) { return req->wire->h1.minor; }
int hob_request_version(const struct hob_request *req) {
    return req->wire->h2 ? 20 : 10 + req->wire->h1.minor;
}
const char *hob__request_tunnel(const struct hob_request *req) {
    const struct hob__h2_stream *st = req->wire->h2;
    return st && st->protocol_at ? hob__buffer_bytes(&st->head) + st->protocol_at - 1 : NULL;
}

bool hob__request_tunnel_ended(const struct hob_request *req) {
    return req->wire->h2->ended && hob__buffer_size(&req->wire->h2->in) == 0;
}

bool hob_request_answered(const struct hob_request *req) { return req->answer != 0; }
void hob_request_close_after(struct hob_request *req) {
    req->close = true;
    if (req->wire->h2 && req->wire->h2->h2) hob__h2_goaway(req->wire->h2->h2);
}

const char *hob_request_peer(const struct hob_request *req) {
    return hob_stream_peer(req->wire->stream);
}

size_t hob_request_header_count(const struct hob_request *req) { return req->field_count; }

struct hob_header hob_request_header_at(const struct hob_request *req, size_t i) {
    if (i >= req->field_count) hob__misuse(__func__, "header %zu of %u", i, req->field_count);
    const struct hob__h1_field *f = &req->fields[i];
    return (struct hob_header){req->block + f->name, req->block + f->value};
}

const char *hob_request_header(const struct hob_request *req, const char *name) {
    const struct hob__h1_field *f = hob__h1_find(req->block, req->fields, req->field_count, name);
    return f ? req->block + f->value : NULL;
}

/* RFC 9112, 3.2.2: an absolute target's authority is what counts. */
const char *hob_request_host(const struct hob_request *req) {
    const char *host = hob__forwarded(req)->host;
    if (*host) return host;
    host = req->authority;
    if (!host) host = hob_request_header(req, "host");
    return host ? host : "";
}

bool hob_request_draining(const struct hob_request *req) {
    (void)req;
    return hob_stopping();
}

void hob_request_keep_running(struct hob_request *req, bool keep) {
    if (req->answer == HOB__ANSWER_UPGRADED) return;
    if (req->wire->h2)
        req->wire->h2->keep = keep;
    else
        req->conn->served.watched = !keep;
}

struct hob_scope *hob_request_scope(const struct hob_request *req) {
    return req->server->service.scope;
}

int64_t hob_request_size(const struct hob_request *req) {
    const struct hob__h1 *p = &req->wire->h1;
    if (p->flags & HOB__H1_CHUNKED) return -1;
    return p->content_length > 0 ? p->content_length : 0;
}

static const char *shared_trailer(const struct hob__wire *w, const char *name) {
    struct hob__h1_field f[HOB__REQUEST_FIELDS];
    const struct hob__buffer *b = &w->h2->trailers;
    if (!w->ended || w->h2->trailer_count == 0) return NULL;
    const char *block = hob__buffer_bytes(b);
    uint32_t count = hob__h2_split(block, hob__buffer_size(b), f, HOB__REQUEST_FIELDS);
    for (uint32_t i = 0; i < count && i < HOB__REQUEST_FIELDS; i++)
        if (strcasecmp(block + f[i].name, name) == 0) return block + f[i].value;
    return NULL;
}

const char *hob_request_trailer(struct hob_request *req, const char *name) {
    if (req->wire->h2) return shared_trailer(req->wire, name);
    struct hob__h1_field fields[HOB__REQUEST_FIELDS];
    char *block = req->trailers.data;
    if (!block || !req->wire->ended) return NULL;
    uint32_t count =
        hob__h1_split(block, hob__buffer_size(&req->trailers), 0, fields, HOB__REQUEST_FIELDS);
    if (count > HOB__REQUEST_FIELDS) count = HOB__REQUEST_FIELDS;
    const struct hob__h1_field *f = hob__h1_find(block, fields, count, name);
    if (!f) return NULL;
    block[f->value + f->value_size] = 0; /* of the line's end */
    return block + f->value;
}

/* ---- the body ---- */

static int explain(struct hob_request *req, int rc) {
    const struct hob__wire *w = req->wire;
    unsigned long long got = w->received;
    switch (rc) {
    case -ECANCELED:
        return rc;
    case -ETIMEDOUT:
        rc = hob_fail(rc, "%s %s: the client sent nothing of the body for %g s", req->method,
                      req->target, w->stall);
        break;
    case HOB_E_HTTP_CUT:
        rc = hob_fail(rc, "%s %s: the request's body was cut short after %llu bytes", req->method,
                      req->target, got);
        break;
    case HOB_E_HTTP_BODY_TOO_LARGE:
        rc = hob_fail(rc, "%s %s: the request's body is larger than %llu bytes", req->method,
                      req->target, (unsigned long long)req->server->options.max_body);
        break;
    default:
        rc = hob_fail(rc, "%s %s: the request's body: %s (after %llu bytes)", req->method,
                      req->target, hob_strerror(rc), got);
    }
    req->close = true;
    return req->body_error = rc;
}

/* Before the first read of the body: its size, and the 100 that the client may be waiting for. */
static int may_read(struct hob_request *req) {
    struct hob__h1 *p = &req->wire->h1;
    int rc = hob_check();
    if (rc < 0) return rc;
    if (req->body_error) return req->body_error;
    if (p->content_length > 0 && (uint64_t)p->content_length > req->server->options.max_body)
        return explain(req, HOB_E_HTTP_BODY_TOO_LARGE);
    bool waits = (p->flags & HOB__H1_EXPECT_CONTINUE) && p->minor == 1 && !req->continued;
    req->continued = true;
    if (!waits || req->answer || hob__wire_excess(req->wire) || req->wire->ended) return 0;
    if (req->wire->h2) return hob__wire_interim(req->wire, "HTTP/1.1 100 \r\n\r\n", 17);
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct iovec iov = {(void *)(uintptr_t)text, sizeof text - 1};
    rc = hob__answer_write(req, &iov, 1);
    return rc < 0 ? explain(req, rc) : 0;
}

void hob__request_blame(struct hob_request *req, int rc) {
    req->close = true;
    if (!req->body_error) req->body_error = rc;
}

ssize_t hob_request_read(struct hob_request *req, void *buf, size_t n) {
    int rc = may_read(req);
    if (rc < 0) return rc;
    ssize_t got = hob__wire_read(req->wire, buf, n);
    if (got < 0) return explain(req, (int)got);
    if (req->wire->received > req->server->options.max_body)
        return explain(req, HOB_E_HTTP_BODY_TOO_LARGE);
    return got;
}

int hob_request_body(struct hob_request *req, const char **data, size_t *size) {
    int rc = may_read(req);
    if (rc < 0) return rc;
    if (!req->have_body) {
        rc = hob__wire_read_all(req->wire, &req->body, req->server->options.max_body);
        if (rc < 0) return explain(req, rc);
        req->have_body = true;
    }
    *data = hob__buffer_bytes(&req->body);
    if (size) *size = hob__buffer_size(&req->body);
    return 0;
}

bool hob__request_drain(struct hob_request *req, size_t max) {
    struct hob__wire *w = req->wire;
    char drop[1024];
    if (req->body_error) return false;
    if (hob__request_may_wait(req)) return false;
    if (w->h1.content_length > 0 && (uint64_t)w->h1.content_length - w->received > max)
        return false;
    for (size_t n = 0; !w->ended;) {
        ssize_t got = hob__wire_read(w, drop, sizeof drop);
        if (got < 0) return false;
        n += (size_t)got;
        if (n > max) return false;
    }
    return true;
}
