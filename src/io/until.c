/* io/until.c - reading up to a separator, and lines.
 *
 * What is found does not depend on how the bytes arrive: the first `max` bytes of the stream are
 * looked at, and the separator that ends earliest wins, in whatever pieces they come. What has been
 * looked at is not looked at again, but for as many bytes as a separator may have begun with. */
#include <hob/error.h>
#include <hob/task.h>
#include <string.h>

#include "io/pool.h"
#include "io/stream.h"
#include "task/fdwait.h"
#include "task/wait.h"

struct found {
    size_t end;   /* of the separator, from the start of the bytes; 0 = none */
    size_t which; /* of the separators */
};

/* The separator that ends first, of those that end behind byte `from`; the longest of those that
 * end together. */
static struct found find(const char *bytes, size_t size, size_t from,
                         const struct hob_slice *separators, size_t n) {
    struct found best = {0, 0};
    for (size_t i = 0; i < n; i++) {
        const struct hob_slice *sep = &separators[i];
        size_t start = from >= sep->size ? from - (sep->size - 1) : 0;
        size_t limit = best.end ? best.end : size;
        if (limit < start + sep->size) continue;
        const char *hit = sep->size == 1 ? memchr(bytes + start, sep->at[0], limit - start)
                                         : memmem(bytes + start, limit - start, sep->at, sep->size);
        if (!hit) continue;
        size_t end = (size_t)(hit - bytes) + sep->size;
        if (!best.end || end < best.end || sep->size > separators[best.which].size)
            best = (struct found){end, i};
    }
    return best;
}

static void enter(struct hob_stream *s, const char *func) {
    if (s->reads) hob__misuse(func, "two tasks read from the stream to %s at once", s->peer);
    s->reads = true;
}

/* Up to and with one of the separators: 1 and *found; 0 at the end, with what is left in the
 * buffer; HOB_E_LIMIT ... */
static int search(struct hob_stream *s, const struct hob_slice *separators, size_t n, size_t max,
                  struct found *found, const char *func) {
    int rc = hob__io_point(func);
    if (rc < 0) return rc;
    for (size_t seen = 0;;) {
        size_t size = hob__buffer_size(&s->in);
        if (size > max) size = max;
        if (size > seen) {
            *found = find(hob__buffer_bytes(&s->in), size, seen, separators, n);
            if (found->end) return 1;
        }
        if (size == max) return HOB_E_LIMIT;
        seen = size;
        ssize_t got = hob__stream_fill(s, max, HOB__WAIT_PLAIN, func);
        if (got <= 0) return (int)got;
    }
}

static int too_long(struct hob_stream *s, size_t max, const char *what) {
    return hob_fail(HOB_E_LIMIT, "no end of %s in the first %zu bytes from %s", what, max, s->peer);
}

static int no_separator(const struct hob_stream *s) {
    return hob_fail(-EINVAL, "no separator, or an empty one, to look for in what %s sends",
                    s->peer);
}

int hob_read_until_any(struct hob_stream *s, const struct hob_slice *separators, size_t n,
                       size_t max, struct hob_slice *text) {
    if (n == 0) return no_separator(s);
    for (size_t i = 0; i < n; i++)
        if (separators[i].size == 0) return no_separator(s);
    if (max == 0) max = HOB_LINE_MAX;
    enter(s, __func__);
    struct found found;
    int rc = search(s, separators, n, max, &found, __func__);
    s->reads = false;
    size_t size = hob__buffer_size(&s->in);
    if (rc > 0) {
        *text = (struct hob_slice){hob__buffer_bytes(&s->in), found.end};
        hob__buffer_take(&s->in, found.end);
        return (int)found.which + 1;
    }
    if (rc == 0 && size > 0)
        return hob_fail(HOB_E_EOF, "the stream from %s ended after %zu bytes without a separator",
                        s->peer, size);
    if (rc == 0) *text = (struct hob_slice){"", 0};
    return rc == HOB_E_LIMIT ? too_long(s, max, "message") : rc;
}

int hob_read_until(struct hob_stream *s, const char *separator, size_t max,
                   struct hob_slice *text) {
    struct hob_slice one = {separator, strlen(separator)};
    return hob_read_until_any(s, &one, 1, max, text);
}

int hob_skip_until(struct hob_stream *s, const char *separator) {
    struct hob_slice one = {separator, strlen(separator)};
    if (one.size == 0) return no_separator(s);
    enter(s, __func__);
    ssize_t rc = hob__io_point(__func__);
    while (rc >= 0) {
        size_t size = hob__buffer_size(&s->in), keep = one.size - 1;
        struct found found = {0, 0};
        if (size > 0) found = find(hob__buffer_bytes(&s->in), size, 0, &one, 1);
        if (found.end) {
            hob__buffer_take(&s->in, found.end);
            rc = 1;
            break;
        }
        if (size > keep) hob__buffer_take(&s->in, size - keep);
        rc = hob__stream_fill(s, one.size + HOB__CHUNK, HOB__WAIT_PLAIN, __func__);
        if (rc == 0) {
            hob__buffer_take(&s->in, hob__buffer_size(&s->in));
            break;
        }
    }
    s->reads = false;
    return (int)rc;
}

/* The last line may have no end; its NUL needs room. */
static int last_line(struct hob_stream *s, struct hob_slice *line) {
    struct hob__buffer *in = &s->in;
    size_t size = hob__buffer_size(in);
    if (size == 0) {
        *line = (struct hob_slice){"", 0};
        return 0;
    }
    int rc = hob__stream_room(s, size + 1);
    if (rc < 0) return rc;
    *hob__buffer_tail(in) = 0;
    *line = (struct hob_slice){hob__buffer_bytes(in), size};
    hob__buffer_take(in, size);
    return 1;
}

int hob_read_line(struct hob_stream *s, size_t max, struct hob_slice *line) {
    static const struct hob_slice newline = {"\n", 1};
    if (max == 0) max = HOB_LINE_MAX;
    enter(s, __func__);
    struct found found;
    int rc = search(s, &newline, 1, max, &found, __func__);
    if (rc == 0)
        rc = last_line(s, line);
    else if (rc > 0) {
        char *bytes = hob__buffer_bytes(&s->in);
        size_t size = found.end - 1;
        if (size > 0 && bytes[size - 1] == '\r') size--;
        bytes[size] = 0;
        *line = (struct hob_slice){bytes, size};
        hob__buffer_take(&s->in, found.end);
    }
    s->reads = false;
    return rc == HOB_E_LIMIT ? too_long(s, max, "line") : rc;
}

int hob__next_stream_line(void *stream, struct hob_line *line) {
    struct hob_slice slice;
    int rc = hob_read_line(stream, 0, &slice);
    /* In the stream's own buffer, so it may be written to. */
    *line = (struct hob_line){(char *)(uintptr_t)slice.at, slice.size};
    return rc;
}
