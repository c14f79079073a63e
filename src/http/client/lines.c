/* http/client/lines.c - the answer's body line by line, and the fields behind it. */
#include <hob/error.h>
#include <hob/hob.h>
#include <hob/line.h>
#include <hob/stream.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "http/client/client.h"

enum { ROOM = 4096 }; /* bytes behind the longest line */

/* Hands out the first n bytes as a line, without the end that `end` of them are. */
static int give(struct hob_response *res, size_t n, size_t end, struct hob_slice *line) {
    char *at = hob__buffer_bytes(&res->ahead);
    size_t size = n - end;
    if (end && size && at[size - 1] == '\r') size--;
    at[size] = 0; /* in the place of its end, or in the byte that is kept behind a last one */
    *line = (struct hob_slice){at, size};
    hob__buffer_take(&res->ahead, n);
    res->ahead_seen = 0;
    return 1;
}

int hob_response_line(struct hob_response *res, size_t max, struct hob_slice *line) {
    int rc = hob_check();
    if (rc < 0) return rc;
    if (max == 0) max = HOB_LINE_MAX;
    if (max > SIZE_MAX / 4) max = SIZE_MAX / 4;
    for (;;) {
        size_t size = hob__buffer_size(&res->ahead);
        if (size > res->ahead_seen) {
            const char *at = hob__buffer_bytes(&res->ahead);
            const char *end = memchr(at + res->ahead_seen, '\n', size - res->ahead_seen);
            size_t n = end ? (size_t)(end - at) + 1 : 0;
            if (n && n <= max) return give(res, n, 1, line);
            res->ahead_seen = n ? n - 1 : size;
            if (n > max || size > max)
                return hob_fail(HOB_E_LIMIT, "%s: a line of more than %zu bytes", res->url, max);
        }
        ssize_t got = hob__response_read_ahead(res, max + ROOM);
        if (got < 0) return (int)got;
        if (got > 0) continue;
        size = hob__buffer_size(&res->ahead);
        if (size == 0) return 0;
        rc = hob__buffer_reserve(&res->ahead, 1, SIZE_MAX);
        return rc < 0 ? rc : give(res, size, 0, line);
    }
}

int hob__next_response_line(void *response, struct hob_line *line) {
    struct hob_slice text;
    int rc = hob_response_line(response, 0, &text);
    if (rc == 1) *line = (struct hob_line){(char *)(uintptr_t)text.at, text.size};
    return rc;
}

/* ---- trailers ---- */

/* Those of HTTP/2 are strings already. */
static int shared_trailers(struct hob_response *res, struct hob__h2_stream *st) {
    if (st->trailer_count == 0) return 0;
    res->trailer_fields = hob__alloc(st->trailer_count * sizeof *res->trailer_fields);
    if (!res->trailer_fields) return -ENOMEM;
    res->trailers = st->trailers;
    st->trailers = (struct hob__buffer){0};
    res->trailer_count =
        hob__h2_split(hob__buffer_bytes(&res->trailers), hob__buffer_size(&res->trailers),
                      res->trailer_fields, st->trailer_count);
    return 0;
}

int hob__response_index_trailers(struct hob_response *res) {
    if (res->wire.h2 && !res->trailer_fields) return shared_trailers(res, res->wire.h2);
    size_t n = hob__buffer_size(&res->trailers);
    if (n == 0 || res->trailer_fields) return 0;
    char *bytes = hob__buffer_bytes(&res->trailers);
    uint32_t count = hob__h1_split(bytes, n, 0, NULL, 0);
    res->trailer_fields = hob__alloc(count * sizeof *res->trailer_fields + 1);
    if (!res->trailer_fields) return -ENOMEM;
    hob__h1_split(bytes, n, 0, res->trailer_fields, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct hob__h1_field *f = &res->trailer_fields[i];
        bytes[f->name + f->name_size] = 0;
        bytes[f->value + f->value_size] = 0;
    }
    res->trailer_count = count;
    return 0;
}

size_t hob_response_trailer_count(const struct hob_response *res) { return res->trailer_count; }

struct hob_header hob_response_trailer_at(const struct hob_response *res, size_t i) {
    if (i >= res->trailer_count) hob__misuse(__func__, "trailer %zu of %u", i, res->trailer_count);
    const char *bytes = hob__buffer_bytes(&res->trailers);
    const struct hob__h1_field *f = &res->trailer_fields[i];
    return (struct hob_header){bytes + f->name, bytes + f->value};
}

const char *hob_response_trailer(const struct hob_response *res, const char *name) {
    for (size_t i = 0; i < res->trailer_count; i++) {
        struct hob_header h = hob_response_trailer_at(res, i);
        if (strcasecmp(h.name, name) == 0) return h.value;
    }
    return NULL;
}
