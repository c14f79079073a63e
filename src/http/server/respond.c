/* http/server/respond.c - answers: at once, in pieces, or for an error. */
#include <hob/error.h>
#include <hob/hob.h>
#include <hob/multipart.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "http/date.h"
#include "http/h2/h2.h"
#include "http/server/server.h"
#include "http/wire_now.h"
#include "task/task.h"

/* "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" (RFC 9110, 5.6.7), made once per second. */
static const char *date_line(int64_t now) {
    static __thread char text[HOB__DATE_LINE + 1];
    static __thread int64_t made;
    if (now != made || !text[0]) {
        char date[HOB__DATE_SIZE];
        hob__http_date(now, date);
        snprintf(text, sizeof text, "Date: %s\r\n", date);
        made = now;
    }
    return text;
}

static __attribute__((noinline)) int make_usual(struct hob__server *server, int64_t now) {
    struct hob__buffer usual;
    const char *name = server->options.server;
    hob__buffer_borrow(&usual, server->usual, sizeof server->usual);
    int rc = hob__h1_put_bytes(&usual, date_line(now), HOB__DATE_LINE);
    if (rc == 0 && name[0]) rc = hob__h1_put_field(&usual, "Server", name, strlen(name));
    server->usual_size = hob__buffer_size(&usual);
    bool fits = usual.borrowed;
    hob__buffer_free(&usual);
    if (rc == 0 && !fits) rc = HOB_E_HTTP_HEADERS_TOO_LARGE;
    if (rc < 0) server->usual_size = 0;
    if (rc == 0) server->usual_made = now;
    return rc;
}

int hob__answer_usual(struct hob__server *server) {
    struct hob__backend *backend = &hob__loop->backend;
    int64_t now = backend->ops->wall(backend);
    if (HOB__LIKELY(now == server->usual_made && server->usual_size > 0)) return 0;
    return make_usual(server, now);
}

enum field { OTHER, DATE, SERVER, CONNECTION, FRAMING };

/* The names that mean something to the server. */
static enum field field_of(const char *name, size_t n) {
    switch (n) {
    case 4:
        return strcasecmp(name, "date") == 0 ? DATE : OTHER;
    case 6:
        return strcasecmp(name, "server") == 0 ? SERVER : OTHER;
    case 10:
        return strcasecmp(name, "connection") == 0 ? CONNECTION : OTHER;
    case 14:
        return strcasecmp(name, "content-length") == 0 ? FRAMING : OTHER;
    case 17:
        return strcasecmp(name, "transfer-encoding") == 0 ? FRAMING : OTHER;
    default:
        return OTHER;
    }
}

/* Have they so many bytes? Most of a handler's headers need no further look then. */
static inline bool may_matter(size_t name_size) {
    switch (name_size) {
    case 4:
    case 6:
    case 10:
    case 14:
    case 17:
        return true;
    default:
        return false;
    }
}

int hob__answer_header(struct hob_request *req, const struct hob_header *h, size_t name_size,
                       size_t n, unsigned *seen) {
    switch (field_of(h->name, name_size)) {
    case FRAMING:
        return hob_fail(HOB_E_HTTP_ILLEGAL, "%s %s: the header %s is made by the server",
                        req->method, req->target, h->name);
    case CONNECTION:
        if (!hob__h1_list_has(h->value, n, "close")) return 0;
        req->close = true;
        return 1;
    case DATE:
        *seen |= HOB__SEEN_DATE;
        return 0;
    case SERVER:
        *seen |= HOB__SEEN_SERVER;
        return 0;
    default:
        return 0;
    }
}

int hob__answer_illegal(const struct hob_request *req, const struct hob_header *h, int rc) {
    if (rc != HOB_E_HTTP_ILLEGAL)
        return hob_fail(rc, "%s %s: the answer's headers", req->method, req->target);
    return hob_fail(rc, "%s %s: the header \"%.64s\" has a byte that headers cannot have",
                    req->method, req->target, h->name);
}

/* The handler's headers; what it may not set is refused. */
static int put_headers(struct hob_request *req, struct hob__buffer *b,
                       const struct hob_header *headers, unsigned *seen) {
    for (const struct hob_header *h = headers; h && h->name; h++) {
        size_t n = strlen(h->value), name_size = strlen(h->name);
        int rc = may_matter(name_size) ? hob__answer_header(req, h, name_size, n, seen) : 0;
        if (rc < 0) return rc;
        if (rc > 0) continue;
        rc = hob__h1_put_named(b, h->name, name_size, h->value, n);
        if (rc < 0) return hob__answer_illegal(req, h, rc);
    }
    return 0;
}

static inline bool is_bodiless(int status) { return status == 204 || status == 304; }

/* How the body ends (RFC 9112, 6), and whether the connection goes on. size: -1 = not known. */
static void decide_framing(struct hob_request *req, bool bodiless, int64_t size) {
    bool old = req->wire->h1.minor == 0;
    req->chunked = !bodiless && size < 0 && !old;
    req->to_close = !bodiless && size < 0 && old;
    req->left = size > 0 ? (uint64_t)size : 0;
    if (req->to_close || hob_stopping() || hob__request_may_wait(req)) req->close = true;
}

static inline char *put_text(char *at, const char *text) {
    size_t n = strlen(text); /* of a literal: known when compiling */
    memcpy(at, text, n);
    return at + n;
}

/* The lines about that, and the empty one. */
static int put_framing(const struct hob_request *req, struct hob__buffer *b, bool bodiless,
                       int64_t size) {
    enum { LENGTH = 16 + HOB__H1_DIGITS + 2, CHUNKED = 28, KEEP_ALIVE = 24 };
    int rc = hob__h1_room(b, LENGTH + KEEP_ALIVE + 2);
    _Static_assert(LENGTH > CHUNKED, "the longest lines there can be");
    if (rc < 0) return rc;
    char *begin = hob__buffer_tail(b), *at = begin;
    if (req->chunked) {
        at = put_text(at, "Transfer-Encoding: chunked\r\n");
    } else if (size >= 0 && !bodiless) {
        at = hob__h1_write_number(put_text(at, "Content-Length: "), (uint64_t)size);
        at = put_text(at, "\r\n");
    }
    if (HOB__UNLIKELY(req->close))
        at = put_text(at, "Connection: close\r\n");
    else if (HOB__UNLIKELY(req->wire->h1.minor == 0))
        at = put_text(at, "Connection: keep-alive\r\n");
    at = put_text(at, "\r\n");
    hob__buffer_put(b, (size_t)(at - begin));
    return 0;
}

static int make_head(struct hob_request *req, struct hob__buffer *b, int status,
                     const struct hob_header *headers, int64_t size) {
    unsigned seen = 0;
    int rc = hob__h1_put_status(b, status);
    if (rc == 0) rc = put_headers(req, b, headers, &seen);
    if (rc == 0) rc = hob__answer_usual(req->server);
    if (rc < 0) return rc;
    size_t from = seen & HOB__SEEN_DATE ? HOB__DATE_LINE : 0;
    size_t to = seen & HOB__SEEN_SERVER ? HOB__DATE_LINE : req->server->usual_size;
    rc = hob__h1_put_bytes(b, req->server->usual + from, to - from);
    return rc < 0 ? rc : put_framing(req, b, is_bodiless(status), size);
}

/* Its value, when a Content-Type is all there is, or NULL. */
static inline const char *type_alone(const struct hob_header *headers) {
    if (!headers || !headers[0].name || headers[1].name) return NULL;
    return strcmp(headers[0].name, "Content-Type") == 0 ? headers[0].value : NULL;
}

/* A CONNECT that is answered with 2xx is a tunnel, which the client would speak its protocol into.
 * It is the client's mistake to ask for one here: what the handler returns is not reported. */
static int no_tunnel(struct hob_request *req) {
    req->body_error = HOB_E_HTTP_STATE;
    return hob_fail(HOB_E_HTTP_STATE, "%s %s: there is no %s", req->method, req->target,
                    hob__request_tunnel(req));
}

static int may_begin(struct hob_request *req, int status, int64_t size) {
    int rc = hob_check();
    if (rc < 0) return rc;
    if (req->answer)
        return hob_fail(HOB_E_HTTP_STATE, "%s %s was answered already", req->method, req->target);
    if (HOB__UNLIKELY(req->wire->h2 && req->wire->h2->protocol_at) && status / 100 == 2)
        return no_tunnel(req);
    if (status < 200 || status > 999 || (is_bodiless(status) && size > 0))
        return hob_fail(-EINVAL, "%s %s: status %d with a body of %lld bytes", req->method,
                        req->target, status, (long long)size);
    return 0;
}

static inline void goes_out(struct hob_request *req, int status, size_t n) {
    req->answer = HOB__ANSWER_FAILED; /* until it is out */
    req->status = (uint16_t)status;
    req->sent += n;
}

/* Sends that head, with room behind it, and n bytes. */
static int send_begin(struct hob_request *req, int status, char *head, size_t size, size_t room,
                      const void *body, size_t n) {
    goes_out(req, status, n);
    if (n && n <= room) { /* one piece is sent by a cheaper call than two */
        memcpy(head + size, body, n);
        size += n;
        n = 0;
    }
    struct iovec iov[2] = {{head, size}, {(void *)(uintptr_t)body, n}};
    int rc = hob__wire_write(req->wire, iov, n ? 2 : 1);
    if (HOB__UNLIKELY(hob__gathers(&req->conn->gather))) hob__answer_gather(req);
    if (rc == 0) req->answer = HOB__ANSWER_BEGUN;
    return rc;
}

/* Is that an answer whose head is kept (kept_head.h)? If it is not, or something is the matter,
 * begin() sees to it. Cancellation point; others may have run, but not since the head was found to
 * fit. */
static inline bool is_kept(const struct hob_request *req, int status, const char *type,
                           size_t type_size, size_t n) {
    const struct hob__wire *w = req->wire;
    if (w->h2 || w->h1.minor == 0 || req->answer || req->head || req->close) return false;
    if (hob__request_may_wait(req) || hob__io_point_here("hob_respond") < 0) return false;
    const struct hob_task *t = hob__loop_task(hob__loop);
    if (t->region->attention) return false;
    struct hob__backend *b = &t->loop->backend;
    return hob__kept_head_fits(&req->server->kept_head, b->ops->wall(b), status, type, type_size,
                               n);
}

/* What did not go out at once, `sent` bytes of it or an error. While that waits, others answer with
 * the kept head: so from a copy. */
static __attribute__((noinline)) int send_rest_of_kept(struct hob_request *req, const void *body,
                                                       size_t n, ssize_t sent) {
    const struct hob__kept_head *k = &req->server->kept_head;
    char head[HOB__KEPT_HEAD];
    memcpy(head, k->text, k->size);
    struct iovec iov[2] = {{head, k->size}, {(void *)(uintptr_t)body, n}};
    return hob__wire_wrote(req->wire, iov, n ? 2 : 1, sent);
}

static __attribute__((noinline)) int send_kept(struct hob_request *req, int status,
                                               const void *body, size_t n) {
    struct hob__kept_head *k = &req->server->kept_head;
    struct hob__wire *w = req->wire;
    req->chunked = req->to_close = false;
    req->left = n;
    goes_out(req, status, n);
    struct iovec iov[2] = {{k->text, k->size}, {(void *)(uintptr_t)body, n}};
    bool whole = n <= sizeof k->text - k->size; /* one piece is sent by a cheaper call than two */
    if (HOB__LIKELY(whole)) {
        memcpy(k->text + k->size, body, n);
        iov[0].iov_len += n;
    }
    ssize_t sent = hob__wire_send_now(w, iov, whole ? 1 : 2);
    int rc = 0;
    if (HOB__LIKELY(sent == (ssize_t)(k->size + n) && !w->count_out))
        hob__wire_earn(w, &w->pace_out, sent);
    else
        rc = send_rest_of_kept(req, body, n, sent);
    if (HOB__UNLIKELY(hob__gathers(&req->conn->gather))) hob__answer_gather(req);
    if (rc == 0) req->answer = HOB__ANSWER_DONE;
    return rc;
}

/* type: the head is to be kept. */
static int send_made(struct hob_request *req, int status, const struct hob_header *headers,
                     int64_t size, const void *body, size_t n, const char *type) {
    struct hob__server *server = req->server;
    char storage[HOB__HEAD_STORAGE];
    struct hob__buffer b;
    hob__buffer_borrow(&b, storage, sizeof storage);
    int rc = make_head(req, &b, status, headers, size);
    if (rc == 0 && type)
        hob__kept_head_keep(&server->kept_head, server->usual_made, status, type, strlen(type),
                            (uint64_t)size, hob__buffer_bytes(&b), hob__buffer_size(&b));
    if (rc == 0)
        rc = send_begin(req, status, hob__buffer_bytes(&b), hob__buffer_size(&b),
                        hob__buffer_room(&b), body, n);
    hob__buffer_free(&b);
    return rc;
}

/* Sends the head, and n bytes behind it; more: the rest will come. */
static int begin(struct hob_request *req, int status, const struct hob_header *headers,
                 int64_t size, const void *body, size_t n, bool more) {
    int rc = may_begin(req, status, size);
    if (rc < 0) return rc;
    bool bodiless = is_bodiless(status), close = req->close;
    if (req->head) n = 0;
    if (req->wire->h2)
        return hob__answer_shared(req, status, headers, size, body, n,
                                  more && !req->head && !bodiless);
    decide_framing(req, bodiless, size);
    bool keep = !bodiless && !req->chunked && !req->close && req->wire->h1.minor > 0;
    rc = send_made(req, status, headers, size, body, n, keep ? type_alone(headers) : NULL);
    if (req->answer == HOB__ANSWER_NONE) req->close = close;
    return rc;
}

static __attribute__((noinline)) int respond(struct hob_request *req, int status,
                                             const struct hob_header *headers, const void *body,
                                             size_t size) {
    int rc = begin(req, status, headers, (int64_t)size, body, size, false);
    if (rc == 0) req->answer = HOB__ANSWER_DONE;
    return rc;
}

static __attribute__((noinline)) int respond_text(struct hob_request *req, int status,
                                                  const char *type, const char *text, size_t n) {
    struct hob_header headers[2] = {{"Content-Type", type}, {NULL, NULL}};
    return respond(req, status, headers, text, n);
}

int hob_respond(struct hob_request *req, int status, const struct hob_header *headers,
                const void *body, size_t size) {
    const char *type = type_alone(headers);
    if (type && is_kept(req, status, type, strlen(type), size))
        return send_kept(req, status, body, size);
    return respond(req, status, headers, body, size);
}

int hob__respond_text(struct hob_request *req, int status, const char *type, size_t type_size,
                      const char *text, size_t n) {
    if (is_kept(req, status, type, type_size, n)) return send_kept(req, status, text, n);
    return respond_text(req, status, type, text, n);
}

int hob_respond_begin(struct hob_request *req, int status, const struct hob_header *headers,
                      int64_t size) {
    return begin(req, status, headers, size < 0 ? -1 : size, NULL, 0, true);
}

static int not_begun(struct hob_request *req) {
    return hob_fail(HOB_E_HTTP_STATE, "%s %s: %s", req->method, req->target,
                    req->answer == HOB__ANSWER_NONE ? "no answer was begun"
                                                    : "the answer has ended");
}

/* n bytes of the body are about to be written: 0, or why they may not. */
static int count_bytes(struct hob_request *req, uint64_t n) {
    int rc = hob_check();
    if (rc < 0) return rc;
    if (req->answer != HOB__ANSWER_BEGUN) return not_begun(req);
    if (!req->head) req->sent += n;
    if (req->chunked || req->to_close) return 0;
    if (n > req->left) {
        req->answer = HOB__ANSWER_FAILED;
        return hob_fail(HOB_E_HTTP_SIZE, "%s %s: the answer's body is longer than announced",
                        req->method, req->target);
    }
    req->left -= n;
    return 0;
}

int hob_respond_write(struct hob_request *req, const void *data, size_t n) {
    int rc = count_bytes(req, n);
    if (rc < 0 || n == 0 || req->head) return rc;
    char head[HOB__H1_CHUNK_HEAD];
    struct iovec iov[3] = {{head, hob__h1_chunk_head(head, n)},
                           {(void *)(uintptr_t)data, n},
                           {(void *)(uintptr_t) "\r\n", 2}};
    req->answer = HOB__ANSWER_FAILED;
    rc = req->chunked ? hob__answer_write(req, iov, 3) : hob__answer_write(req, iov + 1, 1);
    if (rc == 0) req->answer = HOB__ANSWER_BEGUN;
    return rc;
}

static int send_file(struct hob_request *req, int fd, int64_t offset, int64_t n) {
    int64_t sent = hob__wire_send_file(req->wire, fd, offset, n);
    if (sent < 0) return (int)sent;
    if (sent == n) return 0;
    return hob_fail(HOB_E_HTTP_SIZE, "%s %s: the file ends %lld bytes too early", req->method,
                    req->target, (long long)(n - sent));
}

int hob_respond_write_file(struct hob_request *req, int fd, int64_t offset, int64_t n) {
    if (n < 0) return -EINVAL;
    int rc = count_bytes(req, (uint64_t)n);
    if (rc < 0 || n == 0 || req->head) return rc;
    char head[HOB__H1_CHUNK_HEAD];
    struct iovec before = {head, hob__h1_chunk_head(head, (uint64_t)n)};
    struct iovec behind = {(void *)(uintptr_t) "\r\n", 2};
    req->answer = HOB__ANSWER_FAILED;
    rc = req->chunked ? hob__answer_write(req, &before, 1) : 0;
    if (rc == 0) rc = send_file(req, fd, offset, n);
    if (rc == 0 && req->chunked) rc = hob__answer_write(req, &behind, 1);
    if (rc == 0) req->answer = HOB__ANSWER_BEGUN;
    return rc;
}

static int put_trailers(struct hob_request *req, struct hob__buffer *b,
                        const struct hob_header *trailers) {
    int rc = 0;
    for (const struct hob_header *h = trailers; rc == 0 && h && h->name; h++) {
        enum field field = field_of(h->name, strlen(h->name));
        rc = field == FRAMING || field == CONNECTION
                 ? HOB_E_HTTP_ILLEGAL
                 : hob__h1_put_field(b, h->name, h->value, strlen(h->value));
    }
    if (rc == 0) rc = hob__h1_put_end(b);
    if (rc == HOB_E_HTTP_ILLEGAL)
        hob_fail(rc, "%s %s: what cannot be a trailer", req->method, req->target);
    return rc;
}

/* "0 CRLF", the trailers, and the empty line. */
static int end_chunks(struct hob_request *req, const struct hob_header *trailers) {
    char storage[HOB__HEAD_STORAGE];
    struct hob__buffer b;
    hob__buffer_borrow(&b, storage, sizeof storage);
    int rc = hob__h1_put_bytes(&b, "0\r\n", 3);
    if (rc == 0) rc = put_trailers(req, &b, trailers);
    if (rc == 0) {
        struct iovec iov = {hob__buffer_bytes(&b), hob__buffer_size(&b)};
        rc = hob__answer_write(req, &iov, 1);
    }
    hob__buffer_free(&b);
    return rc;
}

/* The end of a stream of HTTP/2. */
static int end_shared(struct hob_request *req, const struct hob_header *trailers) {
    struct hob__wire *w = req->wire;
    if (!w->h2->out_open) return 0; /* it had no body */
    if (!trailers || !trailers->name) return hob__wire_end(w, NULL);
    char storage[HOB__HEAD_STORAGE];
    struct hob__buffer b;
    hob__buffer_borrow(&b, storage, sizeof storage);
    int rc = hob__h1_put_status(&b, 200);
    if (rc == 0) rc = put_trailers(req, &b, trailers);
    if (rc == 0) rc = hob__wire_end(w, &b);
    hob__buffer_free(&b);
    return rc;
}

int hob_respond_end_with(struct hob_request *req, const struct hob_header *trailers) {
    int rc = hob_check();
    if (rc < 0) return rc;
    if (req->answer != HOB__ANSWER_BEGUN) return not_begun(req);
    if (!req->chunked && !req->to_close && req->left > 0 && !req->head) {
        req->answer = HOB__ANSWER_FAILED;
        return hob_fail(HOB_E_HTTP_SIZE, "%s %s: %llu bytes of the announced body are missing",
                        req->method, req->target, (unsigned long long)req->left);
    }
    req->answer = HOB__ANSWER_DONE;
    bool shared = req->wire->h2;
    if (!shared && (!req->chunked || req->head)) return 0;
    rc = shared ? end_shared(req, trailers) : end_chunks(req, trailers);
    if (rc < 0) req->answer = HOB__ANSWER_FAILED;
    return rc;
}

int hob_respond_end(struct hob_request *req) { return hob_respond_end_with(req, NULL); }

int hob_respond_interim(struct hob_request *req, int status, const struct hob_header *headers) {
    int rc = hob_check();
    if (rc < 0) return rc;
    if (req->answer || req->wire->h1.minor == 0) return req->answer ? not_begun(req) : 0;
    if (status < 102 || status > 199)
        return hob_fail(-EINVAL, "%s %s: interim status %d", req->method, req->target, status);
    char storage[HOB__HEAD_STORAGE];
    struct hob__buffer b;
    hob__buffer_borrow(&b, storage, sizeof storage);
    rc = hob__h1_put_status(&b, status);
    for (const struct hob_header *h = headers; rc == 0 && h && h->name; h++)
        rc = hob__h1_put_field(&b, h->name, h->value, strlen(h->value));
    if (rc == 0) rc = hob__h1_put_end(&b);
    struct iovec iov = {hob__buffer_bytes(&b), hob__buffer_size(&b)};
    if (rc == 0 && req->wire->h2)
        rc = hob__wire_interim(req->wire, iov.iov_base, iov.iov_len);
    else if (rc == 0)
        rc = hob__answer_write(req, &iov, 1);
    hob__buffer_free(&b);
    return rc;
}

static int status_for(const struct hob_request *req, int code) {
    switch (code) {
    case -ETIMEDOUT:
        return 408;
    case -ENOMEM:
        return 503;
    case -ECANCELED:
        return 503;
    case HOB_E_HTTP_BODY_TOO_LARGE:
    case HOB_E_MULTIPART_PARTS:
    case HOB_E_LIMIT:
        return 413;
    case HOB_E_HTTP_EXPECT:
        return 417;
    case HOB_E_HTTP_LINE_TOO_LONG: /* of the request line, or of a field */
        return req->wire->h1.fields_at ? 431 : 414;
    case HOB_E_HTTP_HEADERS_TOO_LARGE:
    case HOB_E_HTTP_TOO_MANY_HEADERS:
        return 431;
    case HOB_E_HTTP_STATE: /* an extended CONNECT that nobody is there for */
        return 501;
    case HOB_E_HTTP_ENCODING: /* RFC 9112, 6.3: where the body ends is not certain */
        return req->wire->h1.flags & HOB__H1_UNKNOWN_CODING ? 501 : 400;
    case HOB_E_HTTP_VERSION:
        return 505;
    default:
        return 400;
    }
}

int hob__respond_error(struct hob_request *req, int code) {
    if (req->answer) return 0;
    req->close = true;
    if (code == -ETIMEDOUT)
        hob__cut_off(req->server, *req->method ? HOB_HTTP_CUT_REQUEST : HOB_HTTP_CUT_HEAD,
                     hob_request_peer(req));
    if (code != 500) hob__count(&req->server->counters->refused, 1);
    int status = code == 500 ? 500 : status_for(req, code);
    const char *text = code == 500 ? hob_http_phrase(500) : hob_strerror(code);
    char line[128];
    size_t n = strlen(text);
    if (n > sizeof line - 1) n = sizeof line - 1;
    memcpy(line, text, n);
    line[n++] = '\n';
    return respond_text(req, status, "text/plain", line, n);
}
