/* http/server/server_h2.c - the server's connections that speak HTTP/2: each request has a task,
 * all of them the connection's children. A request looks to its handler as one of HTTP/1.1 does:
 * the head that nghttp2 has unpacked is put where the parser would have put it, and the wire knows
 * its stream.
 *
 * The connection's own task lives as long as there are requests: it reads (h2.h). Between them the
 * connection is parked, as those of HTTP/1.1 are (io/serve.h), but it holds: its end is told to the
 * client by a task. What the requests of a connection may hold is bounded by their number, and by
 * the connection's window. A client that resets its requests faster than their handlers can end
 * gets no new ones. */
#include <hob/error.h>
#include <hob/hob.h>
#include <string.h>

#include "base/memory.h"
#include "http/h2/h2.h"
#include "http/server/server.h"

struct shared {
    struct hob__http_conn *hc;
    struct hob__server *server;
    struct hob_scope *requests;
    struct hob__h2 *h2;
};

/* ---- heads ---- */

/* Several Cookie fields are one (RFC 9113, 8.2.3): it is put behind the others, which go. */
static int join_cookies(struct hob__h2_stream *st, struct hob__h1_field *fields, uint32_t *count) {
    const char *block = hob__buffer_bytes(&st->head);
    size_t n = 0;
    for (uint32_t i = 0; i < *count; i++) {
        if (!hob__h1_same(block + fields[i].name, fields[i].name_size, "cookie")) continue;
        n += fields[i].value_size + 2;
    }
    int rc = hob__buffer_reserve(&st->head, n + 7, SIZE_MAX);
    if (rc < 0) return rc;
    block = hob__buffer_bytes(&st->head);
    char *begin = hob__buffer_tail(&st->head), *at = begin + 7;
    memcpy(begin, "cookie", 7);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < *count; i++) {
        struct hob__h1_field f = fields[i];
        if (!hob__h1_same(block + f.name, f.name_size, "cookie")) {
            fields[kept++] = f;
            continue;
        }
        if (at > begin + 7) at = (char *)memcpy(at, "; ", 2) + 2;
        at = (char *)memcpy(at, block + f.value, f.value_size) + f.value_size;
    }
    *at++ = 0;
    uint32_t offset = (uint32_t)(begin - block), size = (uint32_t)(at - begin);
    fields[kept++] = (struct hob__h1_field){offset, 6, offset + 7, size - 8};
    *count = kept;
    hob__buffer_put(&st->head, size);
    return 0;
}

static const char *string_at(const struct hob__h2_stream *st, uint32_t at) {
    return at ? hob__buffer_bytes(&st->head) + at - 1 : "";
}

/* What is on the stack of a request's task. */
struct exchange {
    struct hob__wire wire;
    struct hob_request req;
    char path[HOB__REQUEST_PATH];
    struct hob__forwarded forwarded;
};

/* The wire has no buffer: it knows the stream, and what the parser would know of the head. */
static void begin_exchange(struct exchange *e, struct shared *sh, struct hob__h2_stream *st) {
    const struct hob_http_options *o = &sh->server->options;
    e->wire = (struct hob__wire){.stream = sh->hc->served.stream,
                                 .h2 = st,
                                 .h1 = {.minor = 1,
                                        .flags = HOB__H1_KEEP_ALIVE,
                                        .content_length = st->content_length,
                                        .fields_at = 1},
                                 .trailers = &e->req.trailers,
                                 .stall = o->stall_timeout,
                                 .min_rate = o->min_rate,
                                 .pace_in = HOB__PACE_GRACE,
                                 .pace_out = HOB__PACE_GRACE,
                                 .ended = st->ended && hob__buffer_size(&st->in) == 0};
    /* As one of HTTP/1.1 that asks for an upgrade: without a body. */
    if (HOB__UNLIKELY(st->protocol_at != 0)) e->wire.ended = true;
    struct hob__h1 *p = &e->wire.h1;
    if (e->wire.ended)
        p->content_length = 0;
    else if (p->content_length < 0)
        p->flags |= HOB__H1_CHUNKED; /* its size is not known */
    e->req = (struct hob_request){.server = sh->server,
                                  .conn = sh->hc,
                                  .wire = &e->wire,
                                  .method = "",
                                  .target = "",
                                  .path = "",
                                  .query = "",
                                  .fields = st->fields,
                                  .own_fields = st->fields,
                                  .own_cap = HOB__H2_FIELDS,
                                  .path_cap = HOB__REQUEST_PATH,
                                  .path_room = e->path,
                                  .forwarded = o->trusted ? &e->forwarded : NULL};
    if (o->trusted) e->forwarded.known = false;
}

/* More fields than were noted as they came. */
static int split_fields(struct hob_request *req, const struct hob__h2_stream *st) {
    req->fields = hob__alloc(st->field_count * sizeof *req->fields);
    if (!req->fields) {
        req->fields = req->own_fields;
        return -ENOMEM;
    }
    const char *bytes = hob__buffer_bytes(&st->head) + st->fields_at;
    size_t size = hob__buffer_size(&st->head) - st->fields_at;
    uint32_t count = hob__h2_split(bytes, size, req->fields, st->field_count);
    for (uint32_t i = 0; i < count; i++) {
        req->fields[i].name += st->fields_at;
        req->fields[i].value += st->fields_at;
    }
    return 0;
}

static int take_head(struct hob_request *req, struct hob__h2_stream *st) {
    uint32_t count = st->field_count;
    int rc = HOB__UNLIKELY(count > HOB__H2_FIELDS) ? split_fields(req, st) : 0;
    if (rc == 0 && st->cookies > 1) rc = join_cookies(st, req->fields, &count);
    if (rc < 0) return rc;
    req->block = hob__buffer_bytes(&st->head);
    req->field_count = count;
    req->method = st->protocol_at ? "GET" : string_at(st, st->method_at);
    req->target = string_at(st, st->path_at);
    req->wire->h1.target_size = (uint32_t)strlen(req->target);
    req->head = strcmp(req->method, "HEAD") == 0;
    if (!st->path_at) return HOB_E_HTTP_TARGET; /* CONNECT */
    const char *expect = st->has_expect ? hob_request_header(req, "expect") : NULL;
    if (expect && !hob__h1_same(expect, strlen(expect), "100-continue")) return HOB_E_HTTP_EXPECT;
    if (expect) req->wire->h1.flags |= HOB__H1_EXPECT_CONTINUE;
    rc = hob__request_set_path(req);
    if (rc == 0 && st->authority_at) req->authority = string_at(st, st->authority_at);
    return rc;
}

/* ---- requests ---- */

/* What was a tunnel is closed: by END_STREAM when all went well, and else by a reset (RFC 8441, 5).
 * If the handler has closed it, what it wrote before is still on its way. */
static uint32_t end_tunnel(struct hob_request *req, struct hob__h2_stream *st, int rc) {
    if (rc >= 0 && st->out_open && !st->error) {
        struct hob__h2_times times = hob__wire_times(req->wire);
        if (st->tunnel)
            (void)hob_within(req->server->options.stall_timeout, hob_shutdown(st->tunnel));
        else
            (void)hob__h2_finish(st, &times);
        hob_error_clear();
    }
    hob_close(st->tunnel);
    return st->out_open ? HOB__H2_CANCEL : HOB__H2_NO_ERROR;
}

struct request_args {
    struct shared *sh;
    struct hob__h2_stream *st;
};

static int run_request(void *args) {
    const struct request_args *a = args;
    struct shared *sh = a->sh;
    struct hob__h2_stream *st = a->st;
    struct exchange e;
    struct hob_request *req = &e.req;
    begin_exchange(&e, sh, st);
    int rc = st->head_error ? st->head_error : take_head(req, st);
    if (rc < 0) {
        hob__request_refuse(req, rc);
        rc = 0;
    } else {
        rc = hob__request_handle(req);
    }
    uint32_t code = HOB__H2_INTERNAL;
    if (req->answer == HOB__ANSWER_DONE) code = HOB__H2_NO_ERROR;
    if (req->answer == HOB__ANSWER_UPGRADED) code = end_tunnel(req, st, rc);
    hob__request_end(req);
    hob__h2_close(st, code);
    return rc;
}

/* There was no memory for its stack. */
static void lost_request(void *args) {
    hob__h2_close(((const struct request_args *)args)->st, HOB__H2_REFUSED);
}

static const struct hob__spawn_site request_site = {.name = "http2_request",
                                                    .run = run_request,
                                                    .args_size = sizeof(struct request_args),
                                                    .place = {"request", __FILE__, __LINE__},
                                                    .lost = lost_request};

static int request(struct hob__h2 *h2, struct hob__h2_stream *st) {
    struct shared *sh = h2->options.arg;
    const struct hob_http_options *o = &sh->server->options;
    st->keep = o->keep_running;
    if (++sh->hc->requests >= o->max_requests) hob__h2_goaway(h2);
    struct hob_spawn_options how = {.stack_size = o->stack_size};
    /* Those whose clients have given them up are still ending. */
    bool crowded = h2->active > 2 * (uint32_t)o->max_streams;
    struct hob_task *t = crowded ? NULL : hob__spawn_with(sh->requests, &request_site, how);
    if (!t) {
        hob__h2_close(st, HOB__H2_REFUSED);
        return -ENOMEM;
    }
    *(struct request_args *)((struct hob__task_head *)(void *)t)->args =
        (struct request_args){sh, st};
    st->arg = t;
    return 0;
}

static void gone(struct hob__h2 *h2, struct hob__h2_stream *st) {
    struct shared *sh = h2->options.arg;
    if (st->keep || !st->arg) return;
    if (hob_cancel(st->arg)) hob__count(&sh->server->counters->left, 1);
}

/* Its tasks are kept for a moment: most often the next request is on its way. */
static const uint64_t LINGER_NS = 10000000;

static void changed(struct hob__h2 *h2) {
    struct shared *sh = h2->options.arg;
    if (h2->active > 0 || h2->dead) return;
    if (h2->closing)
        hob__h2_end_said(h2);
    else
        hob__served_alarm(&sh->hc->served, LINGER_NS);
}

void hob__rest_http2(struct hob__http_conn *hc) {
    struct hob__h2 *h2 = hc->h2;
    if (!h2 || h2->active > 0 || h2->closing || h2->leaving) return;
    hob__served_alarm(&hc->served, LINGER_NS); /* if it cannot rest yet */
    hob__h2_let_rest(h2);
}

static const struct hob__h2_owner owner = {.changed = changed, .request = request, .gone = gone};

/* ---- the connection ---- */

static int begin(struct hob__http_conn *hc, struct hob__server *server) {
    const struct hob_http_options *o = &server->options;
    struct hob__h2_options options = {.server = true,
                                      .owner = &owner,
                                      .limits = server->limits,
                                      .window = 64 << 10,
                                      .max_streams = (uint32_t)o->max_streams,
                                      .idle = o->idle_timeout,
                                      .head = o->head_timeout,
                                      .stall = o->stall_timeout};
    if (server->measured) {
        options.count_in = &server->counters->received;
        options.count_out = &server->counters->sent;
    }
    return hob__h2_new(&hc->h2, hc->served.stream, options);
}

/* What it was woken for, while it rested: nothing but its end? */
static void see_why(struct hob__http_conn *hc) {
    struct hob__h2 *h2 = hc->h2;
    unsigned woken = hc->served.woken;
    hc->served.woken = 0;
    if (woken == HOB__PARK_TIMEOUT + 1) /* each by its own clock: neither is taken for the other */
        h2->over |= hob__h2_is_late(h2) || hob__h2_is_idle(h2);
    else if (woken == HOB__PARK_STOPPED + 1)
        hob__h2_goaway(h2);
    else
        h2->over |= woken != 0;
}

int hob__serve_http2(struct hob__http_conn *hc) {
    struct hob__server *server = hc->served.service->arg;
    struct hob__served *c = &hc->served;
    if (!hc->h2 && begin(hc, server) < 0) return 0;
    struct hob__h2 *h2 = hc->h2;
    struct shared sh = {.hc = hc, .server = server, .h2 = h2};
    int rc;
    h2->options.arg = &sh;
    see_why(hc);
    hob__served_alarm(c, LINGER_NS);
    c->holds = false;
    {
        HOB_SCOPE(requests, .on_error = HOB_DISCARD, .name = "http2");
        sh.requests = requests;
        rc = hob__h2_run(h2);
        hob_join(requests); /* gone() has cancelled those that were not to go on */
    }
    h2->options.arg = NULL;
    c->alarmed = false;
    if (rc == HOB__H2_RESTS) {
        hob__served_until(c, hob__h2_rest_until(h2));
        c->holds = true;
        return HOB__PARK;
    }
    const char *peer = hob_stream_peer(hc->served.stream);
    if (rc == HOB_E_HTTP2_FLOOD) hob__cut_off(server, HOB_HTTP_CUT_FLOOD, peer);
    if (rc == -ETIMEDOUT)
        hob__cut_off(server, h2->late ? HOB_HTTP_CUT_HEAD : HOB_HTTP_CUT_SILENT, peer);
    if (h2->idled) hob__count(&server->counters->idle_timeouts, 1);
    hc->h2 = NULL;
    hob__h2_free(h2);
    return 0;
}

void hob__cut_http2(struct hob__http_conn *hc) {
    struct hob__h2 *h2 = hc->h2;
    hc->served.holds = false;
    hc->h2 = NULL;
    hob__h2_free(h2);
}
