/* http/client/sse_parse.c - the parser of http/client/sse.h. A line ends with CR, LF or both; where
 * a piece ends with CR, the LF that the next one may begin with belongs to it. */
#include <hob/error.h>
#include <string.h>

#include "http/client/sse.h"

static void empty(struct hob__buffer *b) { b->start = b->end = 0; }

static int add(struct hob__events *p, struct hob__buffer *b, const char *bytes, size_t n) {
    return hob__buffer_append(b, bytes, n, p->max);
}

static int set(struct hob__events *p, struct hob__buffer *b, const char *bytes, size_t n) {
    empty(b);
    return add(p, b, bytes, n);
}

/* The bytes with a NUL behind them. */
static const char *text(struct hob__buffer *b) {
    if (hob__buffer_reserve(b, 1, SIZE_MAX / 4) < 0) return NULL;
    *hob__buffer_tail(b) = 0;
    return hob__buffer_bytes(b);
}

static bool is(const char *name, size_t n, const char *word) {
    return n == strlen(word) && memcmp(name, word, n) == 0;
}

static void take_retry(struct hob__events *p, const char *value, size_t n) {
    int64_t ms = 0;
    if (n == 0) return;
    for (size_t i = 0; i < n; i++) {
        if (value[i] < '0' || value[i] > '9') return;
        if (ms < INT64_MAX / 100) ms = ms * 10 + value[i] - '0';
    }
    p->retry_ms = ms;
}

static int take_field(struct hob__events *p, const char *line, size_t n) {
    const char *colon = memchr(line, ':', n);
    size_t name = colon ? (size_t)(colon - line) : n;
    const char *value = colon ? colon + 1 : line + n;
    size_t size = n - (size_t)(value - line);
    if (size > 0 && *value == ' ') value++, size--;
    if (is(line, name, "data")) {
        int rc = add(p, &p->data, value, size);
        return rc < 0 ? rc : add(p, &p->data, "\n", 1);
    }
    if (is(line, name, "event")) return set(p, &p->type, value, size);
    if (is(line, name, "id") && !memchr(value, 0, size)) return set(p, &p->id, value, size);
    if (is(line, name, "retry")) take_retry(p, value, size);
    return 0;
}

/* An empty line: 1, and the event, if there is one. */
static int dispatch(struct hob__events *p, struct hob_sse_event *event) {
    int rc = set(p, &p->last_id, hob__buffer_size(&p->id) ? hob__buffer_bytes(&p->id) : "",
                 hob__buffer_size(&p->id));
    if (rc < 0) return rc;
    if (hob__buffer_size(&p->data) == 0) {
        empty(&p->type);
        return 0;
    }
    p->data.end--; /* the last line's end */
    p->given = true;
    bool named = hob__buffer_size(&p->type) > 0;
    *event = (struct hob_sse_event){named ? text(&p->type) : "message", text(&p->data),
                                    hob__buffer_size(&p->data), text(&p->last_id)};
    return event->type && event->data && event->id ? 1 : -ENOMEM;
}

static int take_line(struct hob__events *p, const char *line, size_t n,
                     struct hob_sse_event *event) {
    if (!p->begun && n >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) line += 3, n -= 3;
    p->begun = true;
    return n == 0 ? dispatch(p, event) : take_field(p, line, n);
}

/* Where the line ends: at CR, at LF, or at n. */
static size_t line_end(const char *in, size_t n) {
    const char *lf = memchr(in, '\n', n);
    size_t end = lf ? (size_t)(lf - in) : n;
    const char *cr = memchr(in, '\r', end);
    return cr ? (size_t)(cr - in) : end;
}

int hob__events_next(struct hob__events *p, const char *in, size_t n, size_t *used,
                     struct hob_sse_event *event) {
    size_t at = 0;
    int rc = 0;
    if (p->given) {
        empty(&p->data);
        empty(&p->type);
        p->given = false;
    }
    while (rc == 0 && at < n) {
        if (p->after_cr && in[at] == '\n') at++;
        p->after_cr = false;
        size_t left = n - at, size = line_end(in + at, left);
        size_t whole = hob__buffer_size(&p->line) + size;
        if (hob__buffer_size(&p->data) + whole > p->max) rc = HOB_E_LIMIT;
        if (rc == 0 && (size == left || whole > size)) rc = add(p, &p->line, in + at, size);
        if (rc < 0) break;
        const char *line = whole > size ? hob__buffer_bytes(&p->line) : in + at;
        at += size;
        if (size == left) break; /* its end is still to come */
        p->after_cr = in[at++] == '\r';
        rc = take_line(p, line, whole, event);
        empty(&p->line);
    }
    *used = at;
    return rc;
}

void hob__events_restart(struct hob__events *p) {
    empty(&p->line);
    empty(&p->data);
    empty(&p->type);
    p->begun = p->after_cr = p->given = false;
}

void hob__events_free(struct hob__events *p) {
    hob__buffer_free(&p->line);
    hob__buffer_free(&p->data);
    hob__buffer_free(&p->type);
    hob__buffer_free(&p->id);
    hob__buffer_free(&p->last_id);
}
