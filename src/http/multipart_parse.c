/* http/multipart_parse.c - the parser of http/multipart.h. */
#include <errno.h>
#include <hob/multipart.h>
#include <string.h>

#include "http/multipart.h"
#include "http/scan.h"

enum { START, PREAMBLE, LINE, HEAD, BODY, OVER };
enum { PADDING_MAX = 64 };

/* RFC 2046, 5.1.1: bchars; a space not at the end. */
static bool boundary_byte(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c && strchr("'()+_,-./:=? ", c));
}

int hob__parts_init(struct hob__parts *p, const char *boundary, size_t n, uint32_t max_head) {
    if (n == 0 || n > HOB__BOUNDARY_MAX || boundary[n - 1] == ' ') return -EINVAL;
    for (size_t i = 0; i < n; i++)
        if (!boundary_byte(boundary[i])) return -EINVAL;
    *p = (struct hob__parts){.max_head = max_head, .delimiter_size = (uint32_t)n + 4};
    memcpy(p->delimiter, "\r\n--", 4);
    memcpy(p->delimiter + 4, boundary, n);
    return 0;
}

/* Where a delimiter begins, or may begin once there is more: n when nowhere. *whole: it is one. */
static size_t find(const struct hob__parts *p, const char *in, size_t n, bool *whole) {
    const char *at = memmem(in, n, p->delimiter, p->delimiter_size);
    *whole = at != NULL;
    if (at) return (size_t)(at - in);
    size_t from = n >= p->delimiter_size ? n - p->delimiter_size + 1 : 0;
    while (from < n) {
        const char *cr = memchr(in + from, '\r', n - from);
        if (!cr) return n;
        from = (size_t)(cr - in);
        if (memcmp(cr, p->delimiter, n - from) == 0) return from;
        from++;
    }
    return n;
}

/* What stands behind a boundary: "--", or padding and CR LF. */
static int line(struct hob__parts *p, const char *in, size_t n, size_t *used) {
    if (n >= 2 && in[0] == '-' && in[1] == '-') {
        *used = 2;
        p->state = OVER;
        return HOB__PART_LAST;
    }
    if (n == 0 || (n == 1 && in[0] == '-')) return HOB__PART_NEED;
    size_t at = 0;
    while (at < n && (in[at] == ' ' || in[at] == '\t')) at++;
    if (at > PADDING_MAX) return HOB_E_MULTIPART;
    if (n - at >= 2 && in[at] == '\r' && in[at + 1] == '\n') {
        *used = at + 2;
        p->state = HEAD;
        p->scanned = 0;
        return -EAGAIN;
    }
    return at == n || (n - at == 1 && in[at] == '\r') ? HOB__PART_NEED : HOB_E_MULTIPART;
}

/* Are these lines, each with its CR LF, headers? */
static bool sound(const char *in, size_t n) {
    for (const char *p = in, *end = in + n; p < end;) {
        const char *lf = memchr(p, '\n', (size_t)(end - p));
        if (!lf || lf == p || lf[-1] != '\r') return false;
        const char *colon = hob__scan_token(p, lf);
        if (colon == p || *colon != ':') return false;
        if (hob__scan_value(colon, lf - 1) != lf - 1) return false;
        p = lf + 1;
    }
    return true;
}

static int head(struct hob__parts *p, const char *in, size_t n, size_t *used,
                struct hob_slice *piece) {
    size_t size; /* of the lines */
    if (n >= 2 && in[0] == '\r' && in[1] == '\n') {
        size = 0;
    } else {
        size_t from = p->scanned > 3 ? p->scanned - 3 : 0;
        const char *end = memmem(in + from, n - from, "\r\n\r\n", 4);
        /* Without an end it is at least that: the last three bytes may be most of it. */
        size = end ? (size_t)(end - in) + 2 : n > 0 ? n - 1 : 0;
        p->scanned = (uint32_t)(n < UINT32_MAX ? n : UINT32_MAX);
        if (size > p->max_head) return HOB_E_HTTP_HEADERS_TOO_LARGE;
        if (!end) return HOB__PART_NEED;
    }
    if (!sound(in, size)) return HOB_E_MULTIPART;
    *piece = (struct hob_slice){in, size};
    *used = size + 2;
    p->state = BODY;
    return HOB__PART_HEAD;
}

static int body(struct hob__parts *p, const char *in, size_t n, size_t *used,
                struct hob_slice *piece) {
    bool whole;
    size_t size = find(p, in, n, &whole);
    if (size > 0) {
        *piece = (struct hob_slice){in, size};
        *used = size;
        return HOB__PART_DATA;
    }
    if (!whole) return HOB__PART_NEED;
    *used = p->delimiter_size;
    p->state = LINE;
    return HOB__PART_END;
}

/* Up to the first boundary: -EAGAIN when it is there. */
static int preamble(struct hob__parts *p, const char *in, size_t n, size_t *used) {
    bool whole;
    if (p->state == START) {
        size_t want = p->delimiter_size - 2, have = n < want ? n : want;
        bool same = memcmp(in, p->delimiter + 2, have) == 0;
        if (same && have < want) return HOB__PART_NEED;
        p->state = same ? LINE : PREAMBLE;
        if (same) *used = want;
        return -EAGAIN;
    }
    size_t at = find(p, in, n, &whole);
    *used = at;
    if (!whole) return HOB__PART_NEED;
    *used = at + p->delimiter_size;
    p->state = LINE;
    return -EAGAIN;
}

int hob__parts_next(struct hob__parts *p, const char *in, size_t n, size_t *used,
                    struct hob_slice *piece) {
    size_t done = 0;
    for (int rc;;) {
        const char *at = in + done;
        size_t left = n - done, step = 0;
        switch (p->state) {
        case START:
        case PREAMBLE:
            rc = preamble(p, at, left, &step);
            break;
        case LINE:
            rc = line(p, at, left, &step);
            break;
        case HEAD:
            rc = head(p, at, left, &step, piece);
            break;
        case BODY:
            rc = body(p, at, left, &step, piece);
            break;
        default:
            rc = HOB__PART_LAST;
        }
        done += step;
        *used = done;
        if (rc != -EAGAIN) return rc;
    }
}
