/* http/h2/request.c - requests as they come to a server, and what RFC 9113, 8 demands of them.
 * nghttp2 would check that, too, but has no table for the bytes that HTTP/1.1's parser knows, and
 * would do so before the fields are copied; and it would drop a field that is none, where the
 * request is to be refused (8.2.1). A stream that breaks a rule is reset with PROTOCOL_ERROR, and
 * no handler sees it, unless it was the body's size that was wrong. */
#include "http/h2/h2.h"

#if HAVE_NGHTTP2
#include <string.h>
#include <strings.h>

#include "http/h1_head.h"
#include "http/h2/inside.h"
#include "http/scan.h"
#include "task/wait.h"

/* In a callback for fields; where another returns that, 0 is meant. */
static int malformed(struct hob__h2 *h2, struct hob__h2_stream *st, const char *why) {
    hob__h2_stream_end(st, HOB_E_HTTP2_PROTOCOL, why);
    if (!h2->why) h2->why = why;
    if (!hob__h2_spend(h2)) return NGHTTP2_ERR_CALLBACK_FAILURE;
    hob__h2_head_is_over(h2);
    nghttp2_submit_rst_stream(h2->session, NGHTTP2_FLAG_NONE, st->id, NGHTTP2_PROTOCOL_ERROR);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int frame_malformed(struct hob__h2 *h2, struct hob__h2_stream *st, const char *why) {
    int rc = malformed(h2, st, why);
    return rc == NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE ? 0 : rc;
}

/* It has broken a limit: the server answers that. */
static int refuse(struct hob__h2_stream *st, int error) {
    if (st->in_trailers) {
        hob__h2_stream_end(st, error, NULL);
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    st->head_error = error;
    return 0;
}

/* ---- pseudo-header fields (8.3.1) ---- */

static bool is(const char *a, size_t n, const char *b) {
    return n == strlen(b) && memcmp(a, b, n) == 0;
}

/* RFC 3986, 3.1 */
static bool scheme_ok(const char *value, size_t n) {
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)value[i], letter = c | 0x20;
        if (letter >= 'a' && letter <= 'z') continue;
        bool other = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
        if (i == 0 || !other) return false;
    }
    return n > 0;
}

static bool path_ok(const char *value, size_t n) {
    return hob__scan_target(value, value + n) == value + n && !memchr(value, '#', n);
}

static bool method_ok(const char *value, size_t n) {
    return n > 0 && hob__scan_token(value, value + n) == value + n;
}

/* Where its value will be noted; NULL: there is no such field. *good: it is known to be right, or
 * found to be. */
static uint32_t *place_of(struct hob__h2_stream *st, const char *name, size_t n, const char *value,
                          size_t size, bool *good) {
    switch (n) {
    case 5:
        *good = *good || path_ok(value, size);
        return memcmp(name, ":path", 5) == 0 ? &st->path_at : NULL;
    case 7:
        if (memcmp(name, ":method", 7) == 0) {
            *good = *good || method_ok(value, size);
            return &st->method_at;
        }
        *good = *good || scheme_ok(value, size);
        return memcmp(name, ":scheme", 7) == 0 ? &st->scheme_at : NULL;
    case 9:
        *good = *good || method_ok(value, size);
        return memcmp(name, ":protocol", 9) == 0 ? &st->protocol_at : NULL;
    case 10:
        *good = *good || hob__h1_host_ok(value, size);
        return memcmp(name, ":authority", 10) == 0 ? &st->authority_at : NULL;
    default:
        return NULL;
    }
}

static int take_pseudo(struct hob__h2 *h2, struct hob__h2_stream *st, const char *name, size_t n,
                       const char *value, size_t size, bool good) {
    /* The head of a request that has begun is in use: its trailers add nothing to it (8.1). */
    bool late = st->in_trailers || st->fields_begun;
    uint32_t *at = late ? NULL : place_of(st, name, n, value, size, &good);
    if (HOB__UNLIKELY(!at || *at || !good))
        return malformed(h2, st,
                         at && !good ? "a pseudo-header field with an illegal value"
                                     : "a pseudo-header field that may not be there");
    *at = (uint32_t)hob__buffer_size(&st->head) + 1;
    int rc = hob__buffer_append(&st->head, value, size + 1, SIZE_MAX);
    st->fields_at = (uint32_t)hob__buffer_size(&st->head);
    return rc < 0 ? refuse(st, rc) : 0;
}

/* ---- fields (8.2) ---- */

/* 1 for the bytes of a name: those of a token, but for capital letters. */
static const uint8_t name_bytes[256] = {
    ['!'] = 1, ['#' ... '\''] = 1, ['*'] = 1,         ['+'] = 1, ['-'] = 1,
    ['.'] = 1, ['0' ... '9'] = 1,  ['^' ... 'z'] = 1, ['|'] = 1, ['~'] = 1};

static bool name_ok(const char *name, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!name_bytes[(unsigned char)name[i]]) return false;
    return n > 0;
}

static bool blank(char c) { return c == ' ' || c == '\t'; }

static bool value_ok(const char *value, size_t n) {
    return n == 0 || (!blank(value[0]) && !blank(value[n - 1]) &&
                      hob__scan_value(value, value + n) == value + n);
}

/* Digits, and once. */
static bool take_length(struct hob__h2_stream *st, const char *value, size_t n) {
    int64_t number = 0;
    if (st->content_length >= 0 || st->in_trailers || n == 0) return false;
    for (size_t i = 0; i < n; i++) {
        int digit = value[i] - '0';
        if (digit < 0 || digit > 9 || number > (INT64_MAX - digit) / 10) return false;
        number = number * 10 + digit;
    }
    st->content_length = number;
    return true;
}

static bool take_host(struct hob__h2_stream *st, const char *value, size_t n) {
    if (st->has_host || st->in_trailers) return st->in_trailers;
    st->has_host = true;
    return hob__h1_host_ok(value, n);
}

/* What the fields that mean something say. False: they may not. */
static bool meaning_of(struct hob__h2_stream *st, const char *name, size_t n, const char *value,
                       size_t size) {
    switch (n) {
    case 2:
        return !is(name, n, "te") || hob__h1_same(value, size, "trailers");
    case 4:
        return !is(name, n, "host") || take_host(st, value, size);
    case 6:
        st->cookies += is(name, n, "cookie");
        st->has_expect |= is(name, n, "expect");
        return true;
    case 7:
        return !is(name, n, "upgrade");
    case 10:
        return !is(name, n, "connection") && !is(name, n, "keep-alive");
    case 14:
        return !is(name, n, "content-length") || take_length(st, value, size);
    case 16:
        return !is(name, n, "proxy-connection");
    case 17:
        return !is(name, n, "transfer-encoding");
    default:
        return true;
    }
}

/* The strings, and the NULs that nghttp2 has put behind them. */
static int put(struct hob__h2_stream *st, const char *name, size_t n, const char *value,
               size_t size) {
    struct hob__buffer *b = st->in_trailers ? &st->trailers : &st->head;
    int rc = hob__buffer_reserve(b, n + size + 2, SIZE_MAX);
    if (rc < 0) return rc;
    uint32_t at = (uint32_t)hob__buffer_size(b), value_at = at + (uint32_t)n + 1;
    char *to = hob__buffer_tail(b);
    memcpy(to, name, n + 1);
    memcpy(to + n + 1, value, size + 1);
    hob__buffer_put(b, n + size + 2);
    if (st->in_trailers) {
        st->trailer_count++;
        return 0;
    }
    if (st->field_count < HOB__H2_FIELDS)
        st->fields[st->field_count] =
            (struct hob__h1_field){at, (uint32_t)n, value_at, (uint32_t)size};
    st->field_count++;
    return 0;
}

int hob__h2_take_field(struct hob__h2 *h2, struct hob__h2_stream *st, nghttp2_rcbuf *name_at,
                       nghttp2_rcbuf *value_at, bool known) {
    const struct hob__h1_limits *limits = &h2->options.limits;
    nghttp2_vec names = nghttp2_rcbuf_get_buf(name_at), values = nghttp2_rcbuf_get_buf(value_at);
    const char *name = (const char *)names.base, *value = (const char *)values.base;
    size_t n = names.len, size = values.len;
    if (HOB__UNLIKELY(st->error || st->head_error)) return 0;
    size_t before = hob__buffer_size(st->in_trailers ? &st->trailers : &st->head);
    if (HOB__UNLIKELY(n + size > limits->line)) return refuse(st, HOB_E_HTTP_LINE_TOO_LONG);
    if (HOB__UNLIKELY(before + n + size + 2 > limits->block))
        return refuse(st, HOB_E_HTTP_HEADERS_TOO_LARGE);
    if (name[0] == ':') return take_pseudo(h2, st, name, n, value, size, known);
    uint32_t count = st->in_trailers ? st->trailer_count : st->field_count;
    if (HOB__UNLIKELY(count >= limits->fields)) return refuse(st, HOB_E_HTTP_TOO_MANY_HEADERS);
    st->fields_begun = true;
    if (HOB__UNLIKELY(!known && (!name_ok(name, n) || !value_ok(value, size))))
        return malformed(h2, st, "a field with a byte that fields cannot have");
    if (HOB__UNLIKELY(!meaning_of(st, name, n, value, size)))
        return malformed(h2, st, "a field that may not be there, or not so");
    int rc = put(st, name, n, value, size);
    return rc < 0 ? refuse(st, rc) : 0;
}

/* ---- messages ---- */

static const char *string_at(const struct hob__h2_stream *st, uint32_t at) {
    return hob__buffer_bytes(&st->head) + at - 1;
}

/* What of an authority is not the scheme's own port. */
static size_t without_port(const char *at, size_t n, const char *port) {
    size_t colon = n;
    while (colon > 0 && at[colon - 1] >= '0' && at[colon - 1] <= '9') colon--;
    if (colon == 0 || at[colon - 1] != ':') return n;
    return colon == n || is(at + colon, n - colon, port) ? colon - 1 : n;
}

/* Beside :authority, Host says the same (8.3.1; RFC 3986, 6.2). */
static bool one_host(const struct hob__h2_stream *st) {
    const char *authority = string_at(st, st->authority_at), *field = NULL;
    const char *scheme = st->scheme_at ? string_at(st, st->scheme_at) : "";
    const char *port = hob__h1_same(scheme, strlen(scheme), "https") ? "443" : "80";
    const char *at = hob__buffer_bytes(&st->head) + st->fields_at;
    for (uint32_t i = 0; i < st->field_count; i++, at += strlen(at) + 1) {
        if (strcmp(at, "host") == 0) field = at + 5;
        at += strlen(at) + 1;
    }
    size_t n = without_port(authority, strlen(authority), port);
    return field && without_port(field, strlen(field), port) == n &&
           strncasecmp(field, authority, n) == 0;
}

/* NULL, or what is wrong with the head (8.3.1; of CONNECT 8.5, with a protocol RFC 8441, 4). */
static const char *fault_of(struct hob__h2_stream *st) {
    if (!st->method_at) return "a request without a method";
    const char *method = string_at(st, st->method_at);
    bool connect = strcmp(method, "CONNECT") == 0;
    if (HOB__UNLIKELY(connect)) st->content_length = -1;
    if (HOB__UNLIKELY(st->authority_at && st->has_host) && !one_host(st))
        return "a host that is not the authority";
    if (HOB__UNLIKELY(connect && !st->protocol_at))
        return st->authority_at && !st->scheme_at && !st->path_at ? NULL : "an illegal CONNECT";
    if (HOB__UNLIKELY(st->protocol_at != 0) && !(connect && st->authority_at))
        return "a protocol where there is no CONNECT to a host";
    if (!st->scheme_at || !st->path_at || !(st->authority_at || st->has_host))
        return "a request without all of its pseudo-header fields";
    const char *path = string_at(st, st->path_at), *scheme = string_at(st, st->scheme_at);
    if (HOB__LIKELY(path[0] == '/') || (strcmp(path, "*") == 0 && strcmp(method, "OPTIONS") == 0))
        return NULL;
    size_t n = strlen(scheme);
    bool http = hob__h1_same(scheme, n, "http") || hob__h1_same(scheme, n, "https");
    return http ? "a path that does not begin with /" : NULL;
}

/* The string at `from` of the head is a field, too, for those who look for it. */
static int name_it(struct hob__h2_stream *st, const char *name, uint32_t from) {
    size_t n = strlen(string_at(st, from)), size = strlen(name);
    /* What is copied stays where it is. */
    int rc = hob__buffer_reserve(&st->head, n + size + 2, SIZE_MAX);
    return rc < 0 ? rc : put(st, name, size, string_at(st, from), n);
}

/* What is :authority here is Host in HTTP/1.1, and :protocol Upgrade. */
static int name_both(struct hob__h2_stream *st) {
    int rc = 0;
    if (st->authority_at && !st->has_host) rc = name_it(st, "host", st->authority_at);
    if (HOB__UNLIKELY(st->protocol_at != 0) && rc == 0)
        rc = name_it(st, "upgrade", st->protocol_at);
    return rc;
}

/* The peer has said all. */
static int end(struct hob__h2 *h2, struct hob__h2_stream *st) {
    if (st->content_length >= 0 && (uint64_t)st->content_length != st->data_in)
        return frame_malformed(h2, st, "a body that is shorter than announced");
    st->ended = true;
    return 0;
}

static int take_trailers(struct hob__h2 *h2, struct hob__h2_stream *st, bool last) {
    if (!last) return frame_malformed(h2, st, "trailers that are not the end");
    int rc = end(h2, st);
    hob__wake_all(&st->reader, 0);
    hob__wake_all(&st->sender, 0);
    return rc;
}

int hob__h2_take_head(struct hob__h2 *h2, struct hob__h2_stream *st, const nghttp2_frame *frame) {
    bool last = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    if (HOB__UNLIKELY(st->error != 0)) return 0;
    if (HOB__UNLIKELY(st->has_head)) return take_trailers(h2, st, last);
    int same = hob__h2_same_end(h2, st);
    if (HOB__UNLIKELY(same < 0)) return same;
    if (HOB__UNLIKELY(st->error != 0)) return 0;
    if (same == 0 && HOB__LIKELY(!st->head_error)) {
        const char *fault = fault_of(st);
        if (HOB__UNLIKELY(fault != NULL)) return frame_malformed(h2, st, fault);
        if (name_both(st) < 0) st->head_error = -ENOMEM;
        if (!st->head_error) hob__h2_same_learn(h2, st);
    }
    st->has_head = true;
    h2->asked = st->id;
    int rc = last ? end(h2, st) : 0;
    if (HOB__UNLIKELY(rc < 0 || st->error)) return rc;
    st->handed = true;
    h2->active++;
    h2->options.owner->request(h2, st);
    return 0;
}

int hob__h2_count_data(struct hob__h2 *h2, struct hob__h2_stream *st, size_t n) {
    st->data_in += n;
    if (st->content_length < 0 || st->data_in <= (uint64_t)st->content_length) return 0;
    return frame_malformed(h2, st, "a body that is longer than announced");
}

int hob__h2_take_data(struct hob__h2 *h2, struct hob__h2_stream *st, const nghttp2_frame *frame) {
    if (st->error || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) return 0;
    int rc = end(h2, st);
    hob__wake_all(&st->reader, 0);
    hob__wake_all(&st->sender, 0);
    return rc;
}
#endif
