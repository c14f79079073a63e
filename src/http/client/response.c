/* http/client/response.c - the answer to a request: its head, its body, and the end of the
 * exchange. */
#include <hob/error.h>
#include <hob/hob.h>
#include <string.h>

#include "base/memory.h"
#include "http/client/client.h"
#include "task/fdwait.h"

enum {
    INTERIM_MAX = 64,        /* 1xx answers in front of one that counts */
    AHEAD = 4096,            /* bytes of room for a piece that is read ahead */
    UNPACKED_AT_ONCE = 65536 /* bytes, until others may run */
};

struct hob_response *hob__response_new(struct hob_client *c, double timeout) {
    struct hob_response *res = hob__alloc(sizeof *res);
    if (!res) return NULL;
    memset(res, 0, offsetof(struct hob_response, inline_fields));
    res->client = c;
    res->fields = res->inline_fields;
    res->timeout = timeout;
    res->marks.began = hob_now();
    res->wire.deadline = hob__deadline_at(res->marks.began, 0, timeout);
    res->wire.stall = c->options.stall_timeout;
    hob__client_ref(c);
    return res;
}

/* ---- the end of the exchange ---- */

static void leave(struct hob_response *res, bool keep) {
    if (!res->host) return;
    struct hob__conn *conn = res->conn;
    if (conn && !keep) {
        hob__pool_drop(conn);
        conn = NULL;
    }
    if (res->wire.h2) hob__h2_close(res->wire.h2, HOB__H2_CANCEL);
    res->wire.h2 = NULL;
    res->wire.stream = NULL;
    res->conn = NULL;
    struct hob__host *host = res->host;
    res->host = NULL;
    uint64_t now = hob_now();
    hob__mark(&res->marks, res->marks.now < HOB__PHASES ? res->marks.now : HOB__PHASE_BODY, now,
              HOB__PHASES);
    hob__pool_leave(res->client, host, conn, now);
}

void hob__response_finish(struct hob_response *res) {
    if (!res->host) return;
    /* Bytes behind the answer would be read as the next request's: such a connection ends here. */
    bool keep = res->conn && res->wire.ended && (res->wire.h1.flags & HOB__H1_KEEP_ALIVE) &&
                !res->wants_close && !hob__wire_excess(&res->wire);
    if (keep) res->conn->served++;
    leave(res, keep);
}

void hob__response_abort(struct hob_response *res) { leave(res, false); }

void hob_response_close(struct hob_response *res) {
    if (!res) return;
    hob__response_skip(res);
    hob__har_end(res, res->error);
    hob__har_free(res);
    leave(res, false);
    hob__wire_free(&res->wire);
    hob__packed_free(res);
    hob__buffer_free(&res->body);
    hob__buffer_free(&res->ahead);
    hob__buffer_free(&res->trailers);
    hob__free(res->trailer_fields);
    if (res->fields != res->inline_fields) hob__free(res->fields);
    hob__free(res->url);
    struct hob_client *c = res->client;
    hob__free(res);
    hob__client_unref(c);
}

/* ---- what went wrong ---- */

/* How long the next byte of the head may take, seconds. */
static double head_patience(const struct hob_response *res) {
    return res->got_byte ? res->wire.stall : res->client->options.first_byte_timeout;
}

/* Makes the record that says what happened where, and gives the code back. */
static int explain(struct hob_response *res, int rc, const char *method) {
    const struct hob__wire *w = &res->wire;
    unsigned long long got = w->received;
    const char *url = res->url;
    switch (rc) {
    case -ECANCELED:
        return rc;
    case -ETIMEDOUT:
        if (w->deadline && hob_now() >= w->deadline)
            return hob_fail(rc, "%s %s: not complete within %g s", method, url, res->timeout);
        return hob_fail(rc, "%s %s: the server sent nothing for %g s", method, url,
                        res->block ? w->stall : head_patience(res));
    case HOB_E_HTTP_INTERIM:
        return hob_fail(rc, "%s %s: response: %s", method, url, hob_strerror(rc));
    case HOB_E_HTTP_CUT:
        if (!res->got_byte)
            return hob_fail(rc, "%s %s: the server closed the connection without an answer", method,
                            url);
        if (!res->block)
            return hob_fail(rc, "%s %s: response cut short: %zu bytes of its head", method, url,
                            hob__buffer_size(&w->in));
        if (w->h1.content_length >= 0)
            return hob_fail(rc, "%s %s: response cut short: %llu of %lld bytes of the body", method,
                            url, got, (long long)w->h1.content_length);
        return hob_fail(rc, "%s %s: response cut short after %llu bytes of a %sbody", method, url,
                        got, res->http2 ? "" : "chunked ");
    case HOB_E_HTTP_BODY_TOO_LARGE:
        if (res->packed && res->packed->unpacked > res->client->options.max_unpacked)
            return hob_fail(rc, "%s: the body, unpacked, is larger than %llu bytes", url,
                            (unsigned long long)res->client->options.max_unpacked);
        return hob_fail(rc, "%s: the body is larger than %llu bytes", url,
                        (unsigned long long)res->client->options.max_body);
    case HOB_E_HTTP2_RESET:
        return hob_fail(rc, "%s %s: the server reset the stream (%s)", method, url,
                        hob__h2_code_name(w->h2 ? w->h2->code : 0));
    case HOB_E_HTTP2_PROTOCOL:
    case HOB_E_HTTP2_GOAWAY:
    case HOB_E_HTTP2_REFUSED:
    case HOB_E_HTTP2_FLOOD:
        return hob_fail(rc, "%s %s: %s%s%s", method, url, hob_strerror(rc),
                        w->h2 && w->h2->why ? ": " : "", w->h2 && w->h2->why ? w->h2->why : "");
    case HOB_E_HTTP_CODING:
        return hob_fail(rc, "%s %s: the body is not what \"Content-Encoding: %s\" says", method,
                        url, hob_response_header(res, "content-encoding"));
    default:
        if (!res->block && rc > HOB_E_HTTP_TLS)
            return hob_fail(rc, "%s %s: no response: %s", method, url, hob_strerror(rc));
        if (res->block)
            return hob_fail(rc, "%s %s: %s (after %llu bytes of the body)", method, url,
                            hob_strerror(rc), got);
        return hob_fail(rc, "%s %s: response: %s (at byte %llu of its head)", method, url,
                        hob_strerror(rc), (unsigned long long)w->h1.error_at);
    }
}

/* ---- the head ---- */

/* Names and values become strings where they stand: a colon follows each name, and white space or a
 * line's end each value. */
static int index_fields(struct hob_response *res, struct hob_slice block) {
    struct hob__h1 *p = &res->wire.h1;
    res->fields = res->inline_fields;
    if (p->field_count > HOB__RESPONSE_FIELDS) {
        res->fields = hob__alloc(p->field_count * sizeof *res->fields);
        if (!res->fields) {
            res->fields = res->inline_fields;
            return -ENOMEM;
        }
        hob__h1_split(block.at, block.size, p->fields_at, res->fields, p->field_count);
    }
    char *bytes = (char *)(uintptr_t)block.at;
    for (uint32_t i = 0; i < p->field_count; i++) {
        bytes[res->fields[i].name + res->fields[i].name_size] = 0;
        bytes[res->fields[i].value + res->fields[i].value_size] = 0;
    }
    res->block = block.at;
    res->field_count = p->field_count; /* the parser's is the trailers' later */
    return 0;
}

void hob__packed_free(struct hob_response *res) {
    if (res->packed) hob__decoder_free(res->packed->decoder);
    hob__free(res->packed);
    res->packed = NULL;
}

/* Does the body come compressed, in a way that is known here? */
static int unpack(struct hob_response *res) {
    struct hob__decoder *decoder;
    if (res->client->options.raw_bodies) return 0;
    int rc = hob__decoder_open(&decoder, hob_response_header(res, "content-encoding"));
    if (!decoder) return rc;
    res->packed = hob__alloc(sizeof *res->packed);
    if (!res->packed) {
        hob__decoder_free(decoder);
        return -ENOMEM;
    }
    res->packed->decoder = decoder;
    res->packed->at = res->packed->size = 0;
    res->packed->unpacked = 0;
    res->packed->over = false;
    return 0;
}

/* The head of a stream of HTTP/2, put where one of HTTP/1.1 would be. */
static int shared_head(struct hob_response *res) {
    struct hob__wire *w = &res->wire;
    struct hob__h2_stream *st = w->h2;
    uint64_t now = hob_now();
    hob__mark(&res->marks, HOB__PHASE_SEND, now, HOB__PHASE_WAIT);
    int rc = hob__h2_wait_head(st, hob__deadline_at(now, w->deadline, head_patience(res)));
    if (rc < 0) return rc;
    hob__mark(&res->marks, HOB__PHASE_WAIT, hob_now(), HOB__PHASE_BODY);
    res->got_byte = res->http2 = true;
    if (st->field_count > HOB__RESPONSE_FIELDS) {
        res->fields = hob__alloc(st->field_count * sizeof *res->fields);
        if (!res->fields) {
            res->fields = res->inline_fields;
            return -ENOMEM;
        }
    }
    w->in = st->head;
    st->head = (struct hob__buffer){0};
    w->h1.status = st->status;
    res->field_count = st->field_count;
    w->h1.content_length = st->content_length;
    bool over = st->ended && hob__buffer_size(&st->in) == 0;
    if (over) w->h1.flags |= HOB__H1_NO_BODY;
    res->block = w->in.data ? hob__buffer_bytes(&w->in) : "";
    hob__h2_split(res->block, hob__buffer_size(&w->in), res->fields, st->field_count);
    if (over) {
        w->ended = true;
        hob__response_finish(res);
        return 0;
    }
    return unpack(res);
}

/* Not for an answer that is due, but for one that may come while the request is sent. */
#define WATCHING UINT64_MAX

/* The next head: HOB__H1_HEAD, HOB__H1_INTERIM, or an error. until: 0 = as long as the server may
 * take for it. */
static int next_head(struct hob_response *res, uint64_t until) {
    struct hob__wire *w = &res->wire;
    struct hob_slice piece;
    for (;;) {
        int rc = hob__wire_event(w, &piece);
        if (rc == HOB__H1_INTERIM && ++res->interim > INTERIM_MAX) return HOB_E_HTTP_INTERIM;
        if (rc == HOB__H1_HEAD) {
            res->have_head = true;
            rc = index_fields(res, piece);
            return rc < 0 ? rc : HOB__H1_HEAD;
        }
        if (rc != HOB__H1_NEED) return rc;
        uint64_t now = hob_now();
        if (res->marks.now == HOB__PHASE_SEND && !until)
            hob__mark(&res->marks, HOB__PHASE_SEND, now, HOB__PHASE_WAIT);
        uint64_t deadline = until == WATCHING
                                ? w->deadline
                                : hob__deadline_at(now, w->deadline, head_patience(res));
        if (until && (!deadline || until < deadline)) deadline = until;
        ssize_t got = hob__wire_fill(w, deadline, false);
        if (got > 0 && res->marks.now == HOB__PHASE_WAIT)
            hob__mark(&res->marks, HOB__PHASE_WAIT, hob_now(), HOB__PHASE_BODY);
        if (got > 0) res->got_byte = true;
        if (got == 0) return HOB_E_HTTP_CUT;
        if (got < 0) return (int)got;
    }
}

int hob__response_early(struct hob_response *res) {
    int rc = HOB__H1_INTERIM;
    while (rc == HOB__H1_INTERIM) rc = next_head(res, WATCHING);
    return rc < 0 ? rc : 0;
}

int hob__response_continue(struct hob_response *res, double seconds) {
    struct hob__wire *w = &res->wire;
    uint64_t until = hob__http_deadline(0, seconds);
    for (;;) {
        int rc = next_head(res, until);
        if (rc == HOB__H1_HEAD) return 0;
        if (rc == HOB__H1_INTERIM && w->h1.status == 100) return 1;
        if (rc == -ETIMEDOUT && hob_now() >= until && !(w->deadline && hob_now() >= w->deadline))
            return 1;
        if (rc < 0) return explain(res, rc, res->method);
    }
}

int hob__response_head(struct hob_response *res) {
    struct hob__wire *w = &res->wire;
    if (w->h2) {
        int shared = shared_head(res);
        return shared < 0 ? explain(res, shared, res->method) : 0;
    }
    int rc = res->have_head ? HOB__H1_HEAD : HOB__H1_INTERIM;
    if (res->have_head) { /* it came before the body was sent */
        hob__mark(&res->marks, HOB__PHASE_SEND, hob_now(), HOB__PHASE_WAIT);
        hob__mark(&res->marks, HOB__PHASE_WAIT, hob_now(), HOB__PHASE_BODY);
    }
    while (rc == HOB__H1_INTERIM) rc = next_head(res, 0);
    if (rc < 0) return explain(res, rc, res->method);
    if (hob__h1_idle(&w->h1)) { /* there is no body */
        w->ended = true;
        hob__response_finish(res);
    } else if (unpack(res) < 0) {
        return explain(res, -ENOMEM, res->method);
    }
    return 0;
}

int hob_response_status(const struct hob_response *res) { return res->wire.h1.status; }
const char *hob_response_url(const struct hob_response *res) { return res->url; }
int hob_response_version(const struct hob_response *res) {
    return res->http2 ? 20 : 10 + res->wire.h1.minor;
}
bool hob_response_reused(const struct hob_response *res) { return res->marks.reused; }

const char *hob__response_protocol(const struct hob_response *res) {
    return !res->block ? "" : res->http2 ? "HTTP/2" : res->wire.h1.minor ? "HTTP/1.1" : "HTTP/1.0";
}

size_t hob_response_header_count(const struct hob_response *res) { return res->field_count; }

struct hob_header hob_response_header_at(const struct hob_response *res, size_t i) {
    if (i >= res->field_count) hob__misuse(__func__, "header %zu of %u", i, res->field_count);
    const struct hob__h1_field *f = &res->fields[i];
    return (struct hob_header){res->block + f->name, res->block + f->value};
}

const char *hob_response_header(const struct hob_response *res, const char *name) {
    const struct hob__h1_field *f = hob__h1_find(res->block, res->fields, res->field_count, name);
    return f ? res->block + f->value : NULL;
}

int64_t hob_response_size(const struct hob_response *res) {
    if (res->wire.h1.flags & HOB__H1_NO_BODY) return 0;
    if (res->packed) return -1;
    return res->wire.h1.content_length;
}

/* ---- the body ---- */

/* A cancel takes nothing from the stream: the exchange may go on where it was interrupted (after a
 * hob_within() around one read). Every other error is final. */
static int spoil(struct hob_response *res, int rc) {
    if (rc == -ECANCELED) return rc;
    res->error = explain(res, rc, res->method);
    hob__response_abort(res);
    return res->error;
}

static int readable(struct hob_response *res) {
    int rc = hob_check();
    if (rc < 0) return rc;
    if (res->error) return res->error;
    if (res->wire.h1.status == 101)
        return hob_fail(HOB_E_HTTP_STATE, "%s: a response with status 101 has no body", res->url);
    return 0;
}

/* Bytes of a body that comes compressed: a piece of it is read when the decoder has nothing more to
 * give. */
static ssize_t read_decoded(struct hob_response *res, void *buf, size_t n) {
    struct hob__packed *p = res->packed;
    if (n > UNPACKED_AT_ONCE) n = UNPACKED_AT_ONCE;
    for (;;) {
        size_t taken = p->size;
        uint64_t before = p->unpacked;
        ssize_t got = hob__decode(p->decoder, p->bytes + p->at, &taken, buf, n);
        if (got < 0) return got;
        p->at += taken;
        p->size -= taken;
        p->unpacked += (uint64_t)got;
        if (p->unpacked > res->client->options.max_unpacked) return HOB_E_HTTP_BODY_TOO_LARGE;
        /* What has come may hold a thousand times as much: nothing is waited for meanwhile. */
        if (p->unpacked / UNPACKED_AT_ONCE > before / UNPACKED_AT_ONCE) hob__work_point();
        if (got > 0) return got;
        if (p->size > 0 && taken == 0) return HOB_E_HTTP_CODING;
        if (p->size > 0) continue;
        got = hob__wire_read(&res->wire, p->bytes, sizeof p->bytes);
        if (got == 0) return hob__decoder_complete(p->decoder) ? 0 : HOB_E_HTTP_CODING;
        if (got < 0) return got;
        p->at = 0;
        p->size = (size_t)got;
    }
}

/* What was read to look for lines comes first. */
static ssize_t take_ahead(struct hob_response *res, void *buf, size_t n) {
    size_t there = hob__buffer_size(&res->ahead);
    if (n > there) n = there;
    memcpy(buf, hob__buffer_bytes(&res->ahead), n);
    hob__buffer_take(&res->ahead, n);
    res->ahead_seen = 0;
    return (ssize_t)n;
}

static ssize_t read_body(void *response, void *buf, size_t n) {
    struct hob_response *res = response;
    if (hob__buffer_size(&res->ahead)) return take_ahead(res, buf, n);
    return res->packed ? read_decoded(res, buf, n) : hob__wire_read(&res->wire, buf, n);
}

/* The whole body has been read from the connection. */
static int all_read(struct hob_response *res) {
    if (res->packed) res->packed->over = true;
    if (hob__response_index_trailers(res) < 0) return spoil(res, -ENOMEM);
    hob__response_finish(res);
    return 0;
}

static bool complete(const struct hob_response *res) {
    return res->wire.ended && (!res->packed || res->packed->over) && !hob__buffer_size(&res->ahead);
}

ssize_t hob_response_read(struct hob_response *res, void *buf, size_t n) {
    int rc = readable(res);
    if (rc < 0) return rc;
    if (complete(res) || n == 0) return 0;
    ssize_t got = read_body(res, buf, n);
    if (got < 0) return spoil(res, (int)got);
    return got > 0 ? got : all_read(res);
}

ssize_t hob__response_read_ahead(struct hob_response *res, size_t max) {
    int rc = readable(res);
    if (rc < 0) return rc;
    if (res->wire.ended && (!res->packed || res->packed->over)) return 0;
    rc = hob__buffer_reserve(&res->ahead, AHEAD, max);
    if (rc < 0) return rc;
    void *at = hob__buffer_tail(&res->ahead);
    size_t n = hob__buffer_room(&res->ahead);
    ssize_t got = res->packed ? read_decoded(res, at, n) : hob__wire_read(&res->wire, at, n);
    if (got < 0) return spoil(res, (int)got);
    if (got == 0) return all_read(res);
    hob__buffer_put(&res->ahead, (size_t)got);
    return got;
}

int hob_response_body(struct hob_response *res, const char **data, size_t *size) {
    int rc = readable(res);
    if (rc < 0) return rc;
    if (!res->have_body) {
        uint64_t max = res->client->options.max_body;
        if (res->packed || hob__buffer_size(&res->ahead))
            rc = hob__read_whole(read_body, res, 0, &res->body, max);
        else
            rc = hob__wire_read_all(&res->wire, &res->body, max);
        if (rc < 0) return spoil(res, rc);
        rc = all_read(res);
        if (rc < 0) return rc;
        res->have_body = true;
    }
    *data = hob__buffer_bytes(&res->body);
    if (size) *size = hob__buffer_size(&res->body);
    return 0;
}

void hob__response_skip(struct hob_response *res) {
    struct hob__wire *w = &res->wire;
    struct hob_slice piece;
    if (!res->host || !res->block || res->error || w->h1.status == 101 || w->h2) return;
    w->piece.size = 0;
    while (!w->ended) {
        int rc = hob__wire_event(w, &piece);
        if (rc < 0 || rc == HOB__H1_NEED || rc == HOB__H1_UPGRADE) return;
    }
    hob__response_finish(res);
}

void hob__response_drain(struct hob_response *res, size_t max) {
    char drop[1024];
    for (size_t n = 0; n < max && !res->wire.ended;) {
        ssize_t got = hob__wire_read(&res->wire, drop, sizeof drop);
        if (got < 0) break;
        n += (size_t)got;
    }
    hob__response_finish(res);
}
