/* http/h2/same.c - requests whose head is that of the request before them on its connection. Who
 * asks again and again sends the same fields, most of them as references to HPACK's tables (RFC
 * 7541), and nghttp2 hands out the strings of those tables with a count of who holds them. So the
 * strings that are held here cannot become others: the same one at the same place means the same
 * bytes, which need neither be checked once more nor be copied one by one.
 *
 * Fields are compared as they come. With the first that is another one (or when the head ends too
 * early), those in front of it are taken as if they came now, and so are all behind it; those at
 * their places again need not be checked. A head that differs is held instead; where all do, as
 * with a path that is never the same, only now and then.
 *
 * Bounds: at most MOST fields, in a head of at most HOB__H2_HEAD_STORAGE bytes; a connection that
 * rests, and not within a head, holds none. */
#include "http/h2/h2.h"

#if HAVE_NGHTTP2
#include <string.h>

#include "http/h2/inside.h"

enum {
    MOST = HOB__H2_FIELDS + 4,
    PATIENCE = 4, /* heads in a row that were others than before; then one in so many is held: */
    SELDOM = 64
};

struct hob__h2_same {
    nghttp2_rcbuf *name[MOST], *value[MOST];
    uint32_t held;  /* so many of them */
    uint32_t other; /* heads in a row that were others */
    bool complete;  /* they are a head, and the rest is what it says */
    bool learning;  /* the fields of the head that comes in are held */
    bool has_host, has_expect, fields_begun;
    uint32_t size, fields_at, field_count, cookies;
    uint32_t method_at, path_at, scheme_at, authority_at;
    int64_t content_length;
    struct hob__h1_field fields[HOB__H2_FIELDS];
    char head[HOB__H2_HEAD_STORAGE];
};

/* All from that one on are not held any more. */
static void let_go(struct hob__h2_same *s, uint32_t from) {
    while (s->held > from) {
        s->held--;
        nghttp2_rcbuf_decref(s->name[s->held]);
        nghttp2_rcbuf_decref(s->value[s->held]);
    }
    s->complete = false;
}

static void hold(struct hob__h2_same *s, nghttp2_rcbuf *name, nghttp2_rcbuf *value) {
    if (s->held == MOST) {
        let_go(s, 0);
        s->learning = false;
        return;
    }
    nghttp2_rcbuf_incref(name);
    nghttp2_rcbuf_incref(value);
    s->name[s->held] = name;
    s->value[s->held++] = value;
}

void hob__h2_same_drop(struct hob__h2 *h2) {
    if (!h2->same) return;
    let_go(h2->same, 0);
    hob__h2_release(h2->same);
    h2->same = NULL;
}

void hob__h2_same_begin(struct hob__h2 *h2, struct hob__h2_stream *st) {
    struct hob__h2_same *s = h2->same;
    if (HOB__UNLIKELY(!s)) { /* a second request shows that there may be more */
        if (st->id == 1 || !(s = h2->same = hob__h2_alloc(sizeof *s))) return;
        memset(s, 0, offsetof(struct hob__h2_same, fields));
    }
    st->is_alike = s->complete;
    s->learning = false;
    if (HOB__LIKELY(s->complete)) return;
    let_go(s, 0);
    s->learning = true;
}

/* The head that comes in is another one from here on: what was the same is taken now. */
static int differ(struct hob__h2 *h2, struct hob__h2_stream *st) {
    struct hob__h2_same *s = h2->same;
    uint32_t n = st->alike;
    st->is_alike = false;
    s->other++;
    s->learning = s->other < PATIENCE || s->other % SELDOM == 0;
    if (s->learning) let_go(s, n);
    for (uint32_t i = 0; i < n; i++) {
        int rc = hob__h2_take_field(h2, st, s->name[i], s->value[i], true);
        if (rc < 0) return rc;
    }
    return 0;
}

/* A field that is not the one at its place of the head before. */
static __attribute__((noinline)) int other_field(struct hob__h2 *h2, int32_t id,
                                                 nghttp2_rcbuf *name, nghttp2_rcbuf *value) {
    struct hob__h2_stream *st = hob__h2_stream_of(h2, id);
    struct hob__h2_same *s = h2->same;
    if (HOB__UNLIKELY(!st)) return 0;
    if (HOB__UNLIKELY(st->in_trailers)) return hob__h2_take_field(h2, st, name, value, false);
    uint32_t i = st->alike;
    bool known = s && s->complete && i < s->held && s->name[i] == name && s->value[i] == value;
    if (st->is_alike && !known) {
        int rc = differ(h2, st);
        if (rc < 0) return rc;
    }
    st->alike++;
    if (st->is_alike) return 0;
    if (s && s->learning) hold(s, name, value);
    return hob__h2_take_field(h2, st, name, value, known);
}

int hob__h2_on_field(nghttp2_session *session, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                     nghttp2_rcbuf *value, uint8_t flags, void *arg) {
    struct hob__h2 *h2 = arg;
    struct hob__h2_stream *st = h2->last;
    const struct hob__h2_same *s = h2->same;
    (void)session, (void)flags;
    if (HOB__LIKELY(st && st->id == frame->hd.stream_id && st->is_alike && s && s->complete)) {
        uint32_t i = st->alike;
        if (HOB__LIKELY(i < s->held && s->name[i] == name && s->value[i] == value)) {
            st->alike = i + 1;
            return 0;
        }
    }
    return other_field(h2, frame->hd.stream_id, name, value);
}

int hob__h2_same_end(struct hob__h2 *h2, struct hob__h2_stream *st) {
    const struct hob__h2_same *s = h2->same;
    if (!st->is_alike) return 0;
    if (HOB__UNLIKELY(st->alike < s->held)) {
        int rc = differ(h2, st);
        return rc == NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE ? 0 : rc;
    }
    h2->same->other = 0;
    st->is_alike = false;
    memcpy(st->storage, s->head, s->size);
    hob__buffer_put(&st->head, s->size);
    uint32_t n = s->field_count;
    memcpy(st->fields, s->fields, n * sizeof *s->fields);
    st->field_count = n;
    st->fields_at = s->fields_at;
    st->method_at = s->method_at;
    st->path_at = s->path_at;
    st->scheme_at = s->scheme_at;
    st->authority_at = s->authority_at;
    st->content_length = s->content_length;
    st->cookies = s->cookies;
    st->has_host = s->has_host;
    st->has_expect = s->has_expect;
    st->fields_begun = s->fields_begun;
    return 1;
}

void hob__h2_same_learn(struct hob__h2 *h2, const struct hob__h2_stream *st) {
    struct hob__h2_same *s = h2->same;
    if (!s || !s->learning) return;
    s->learning = false;
    /* Not one that is too long, nor a WebSocket's: who opens one does not open many. */
    if (!st->head.borrowed || st->field_count > HOB__H2_FIELDS || st->protocol_at) {
        let_go(s, 0);
        return;
    }
    s->size = (uint32_t)hob__buffer_size(&st->head);
    s->field_count = st->field_count;
    s->fields_at = st->fields_at;
    s->method_at = st->method_at;
    s->path_at = st->path_at;
    s->scheme_at = st->scheme_at;
    s->authority_at = st->authority_at;
    s->content_length = st->content_length;
    s->cookies = st->cookies;
    s->has_host = st->has_host;
    s->has_expect = st->has_expect;
    s->fields_begun = st->fields_begun;
    memcpy(s->fields, st->fields, s->field_count * sizeof *s->fields);
    memcpy(s->head, hob__buffer_bytes(&st->head), s->size);
    s->complete = true;
}
#endif
