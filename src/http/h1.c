/* http/h1.c - the HTTP/1.1 parser's states: heads line by line, bodies by length, by chunks, or to
 * the connection's end. Lines of heads that are as most are h1_usual.c takes, several at a time.
 *
 * Heads and trailers are parsed in place: `line` is where the current line begins, `scanned` how
 * far its end has been looked for; both stay when more input is needed. Chunk lines are parsed byte
 * by byte and used at once. */
#include "http/h1.h"

#include <string.h>

#include "base/url.h"
#include "http/h1_head.h"
#include "http/scan.h"

enum state {
    START, /* before or inside the first line */
    FIELDS,
    LENGTH,      /* `left` bytes of body */
    TO_CLOSE,    /* a body up to the connection's end */
    CHUNK_FIRST, /* before a chunk size's first digit */
    CHUNK_SIZE,
    CHUNK_BLANK, /* white space behind the size: a ';' must follow (RFC 9112, 7.1.1) */
    CHUNK_EXTENSION,
    CHUNK_LF, /* of the chunk's line */
    CHUNK_DATA,
    CHUNK_END_CR,
    CHUNK_END_LF,
    TRAILERS,
    DONE,
    UPGRADED,
    FAILED
};

/* What chunk lines may cost more than 16 bytes and twice their data, over a whole body: an honest
 * peer never comes near, one that sends long extensions with single bytes is stopped. */
enum { CHUNK_EXCESS = 16384, CHUNK_ALLOWANCE = 16 };

/* A new head, of the same message (after a 1xx) or of the next. */
static void restart(struct hob__h1 *p) {
    p->state = START;
    p->minor = 0;
    p->flags = 0;
    p->status = 0;
    p->field_count = p->fields_at = 0;
    p->method_at = p->method_size = p->target_at = p->target_size = p->path_size = 0;
    p->content_length = -1;
    p->line = p->scanned = p->excess = 0;
    p->seen = p->empty_lines = p->digits = 0;
    p->left = 0;
    p->error_at = 0;
}

void hob__h1_start(struct hob__h1 *p, struct hob__h1_field *fields, uint32_t fields_cap) {
    restart(p);
    p->head_request = p->connect_request = false;
    p->fields = fields;
    p->fields_cap = fields_cap;
}

void hob__h1_init(struct hob__h1 *p, bool response, const struct hob__h1_limits *limits) {
    p->response = response;
    p->limits = limits ? *limits : (struct hob__h1_limits){0};
    if (!p->limits.line) p->limits.line = 8192;
    if (!p->limits.block) p->limits.block = 65536;
    if (!p->limits.fields) p->limits.fields = 128;
}

bool hob__h1_idle(const struct hob__h1 *p) {
    return p->state == DONE || (p->state == START && p->scanned == 0);
}

/* RFC 9112, 6.3: how the body ends. */
static int framing(struct hob__h1 *p) {
    bool encoded = p->seen & HOB__H1_SEEN_ENCODING;
    if (encoded && p->content_length >= 0) return HOB_E_HTTP_LENGTH_AND_ENCODING;
    if (encoded && p->minor == 0) return HOB_E_HTTP_ENCODING;
    if (!p->response && p->minor == 1 && !(p->seen & HOB__H1_SEEN_HOST)) return HOB_E_HTTP_HOST;
    bool keep = p->minor == 1 || (p->seen & HOB__H1_SEEN_KEEP);
    if (keep && !(p->seen & HOB__H1_SEEN_CLOSE)) p->flags |= HOB__H1_KEEP_ALIVE;
    unsigned both = HOB__H1_SEEN_UPGRADE | HOB__H1_SEEN_UPGRADE_TOKEN;
    if ((p->seen & both) == both) p->flags |= HOB__H1_WANTS_UPGRADE;
    if (p->response) {
        if (p->status == 101 || (p->connect_request && p->status / 100 == 2)) {
            p->flags = (uint16_t)((p->flags | HOB__H1_NO_BODY) & ~HOB__H1_KEEP_ALIVE);
            p->state = UPGRADED;
            return 0;
        }
        if (p->head_request || p->status < 200 || p->status == 204 || p->status == 304) {
            p->flags |= HOB__H1_NO_BODY;
            p->state = DONE;
            return 0;
        }
    }
    p->left = p->content_length > 0 ? (uint64_t)p->content_length : 0;
    if (encoded) {
        p->flags |= HOB__H1_CHUNKED;
        p->state = CHUNK_FIRST;
    } else if (p->content_length >= 0 || !p->response) {
        p->state = p->left ? LENGTH : DONE;
    } else {
        p->flags = (uint16_t)((p->flags | HOB__H1_TO_CLOSE) & ~HOB__H1_KEEP_ALIVE);
        p->state = TO_CLOSE;
    }
    return 0;
}

/* Is the line that has `size` bytes so far (its end not counted), and ends at or goes beyond `end`,
 * within the bounds? Of two bounds that are passed the one that comes first in the input counts, so
 * that the way of cutting makes no difference. */
static int check_bounds(struct hob__h1 *p, uint64_t size, uint64_t end) {
    uint64_t line_over = (uint64_t)p->line + p->limits.line + 2,
             block_over = p->limits.block + 1ull;
    bool line = size > p->limits.line, block = end >= block_over;
    if (line && (!block || line_over <= block_over))
        return hob__h1_fail(p, HOB_E_HTTP_LINE_TOO_LONG, p->line);
    if (block) return hob__h1_fail(p, HOB_E_HTTP_HEADERS_TOO_LARGE, p->limits.block);
    return 0;
}

/* The end of the current line: 1 and block[line .. *end), 0 when more input is needed. */
static int find_line(struct hob__h1 *p, const char *in, size_t n, uint32_t *end, uint32_t *next) {
    /* What lies beyond both bounds need not be looked at. */
    uint64_t horizon = (uint64_t)p->limits.block + p->limits.line + 4;
    if (n > horizon) n = (size_t)horizon;
    const char *lf = p->scanned < n ? memchr(in + p->scanned, '\n', n - p->scanned) : NULL;
    if (!lf) {
        p->scanned = (uint32_t)n;
        uint64_t size = n - p->line;
        return check_bounds(p, size > 0 ? size - 1 : 0, n); /* the last byte may be the CR */
    }
    uint32_t at = (uint32_t)(lf - in);
    bool cr = at > p->line && in[at - 1] == '\r';
    *end = at - cr;
    *next = at + 1;
    if (HOB__UNLIKELY(*end - p->line > p->limits.line || *next > p->limits.block)) {
        int rc = check_bounds(p, *end - p->line, *next);
        if (rc < 0) return rc;
    }
    if (!cr && (!p->response || p->state == TRAILERS))
        return hob__h1_fail(p, HOB_E_HTTP_LINE_END, at);
    return 1;
}

/* One line of a head or of trailers: 1 = it was the empty one that ends it. */
static int take_line(struct hob__h1 *p, const char *in, uint32_t end, uint32_t next) {
    uint32_t at = p->line;
    int rc;
    if (p->state == START) {
        /* RFC 9112, 2.2: empty lines before a request are skipped; here at most two. */
        if (end == at && !p->response && p->empty_lines < 2) {
            p->empty_lines++;
            rc = 0;
        } else {
            rc = p->response ? hob__h1_status_line(p, in, at, end)
                             : hob__h1_request_line(p, in, at, end);
            p->state = FIELDS;
            p->fields_at = next;
        }
    } else if (end == at) {
        rc = 1;
    } else {
        rc = hob__h1_field_line(p, in, at, end, p->state == FIELDS);
    }
    p->line = p->scanned = next;
    return rc;
}

/* The lines that are as most are, if nothing of them has been looked at. True: that was all. */
static inline bool take_usual(struct hob__h1 *p, const char *in, size_t n) {
    if (p->state > FIELDS || p->scanned != p->line) return false;
    bool ended = hob__h1_usual(p, in, n);
    if (p->fields_at) p->state = FIELDS;
    return ended;
}

/* A request of HTTP/1.1 whose fields say of the message itself no more than to which host it goes:
 * there is no body, and the connection goes on. */
static inline bool is_plain_request(const struct hob__h1 *p) {
    unsigned said = p->seen & ~(unsigned)HOB__H1_SEEN_KEEP;
    return said == HOB__H1_SEEN_HOST && p->content_length < 0 && p->minor == 1 && !p->response;
}

/* All lines have been taken. */
static int head_ended(struct hob__h1 *p, const char *in, size_t *used, struct hob_slice *piece) {
    *piece = (struct hob_slice){in, p->line};
    *used = p->line;
    if (HOB__LIKELY(p->state == FIELDS && is_plain_request(p))) {
        p->line = p->scanned = 0;
        p->flags |= HOB__H1_KEEP_ALIVE;
        p->state = DONE;
        return HOB__H1_HEAD;
    }
    if (p->state == TRAILERS) {
        p->state = DONE;
        return p->field_count ? HOB__H1_TRAILERS : HOB__H1_END;
    }
    p->line = p->scanned = 0;
    int rc = framing(p);
    if (rc < 0) {
        *used = 0;
        return hob__h1_fail(p, rc, p->fields_at);
    }
    if (p->response && p->status < 200 && p->status != 101) {
        p->state = START;
        return HOB__H1_INTERIM;
    }
    return HOB__H1_HEAD;
}

/* The line that is not as most are, and all that follow. */
static __attribute__((noinline)) int head_lines(struct hob__h1 *p, const char *in, size_t n,
                                                size_t *used, struct hob_slice *piece) {
    uint32_t end, next;
    int rc;
    do {
        rc = find_line(p, in, n, &end, &next);
        if (rc <= 0) return rc;
        rc = take_line(p, in, end, next);
    } while (rc == 0 && !take_usual(p, in, n));
    return rc < 0 ? rc : head_ended(p, in, used, piece);
}

static inline int head(struct hob__h1 *p, const char *in, size_t n, size_t *used,
                       struct hob_slice *piece) {
    if (HOB__LIKELY(take_usual(p, in, n))) return head_ended(p, in, used, piece);
    return head_lines(p, in, n, used, piece);
}

/* The line of a chunk has ended: what comes now? */
static int chunk_begins(struct hob__h1 *p) {
    uint32_t cost = p->scanned + 2;
    uint64_t free = CHUNK_ALLOWANCE + (p->left < CHUNK_EXCESS ? 2 * p->left : 2 * CHUNK_EXCESS);
    if (cost > free)
        p->excess += (uint32_t)(cost - free);
    else
        p->excess -= p->excess < free - cost ? p->excess : (uint32_t)(free - cost);
    if (p->excess > CHUNK_EXCESS) return HOB_E_HTTP_CHUNK;
    p->scanned = 0;
    if (p->left) {
        p->state = CHUNK_DATA;
        return 0;
    }
    p->state = TRAILERS;
    p->line = 0;
    p->field_count = 0;
    p->fields = NULL; /* the caller's array has the head's fields in it */
    p->fields_cap = 0;
    return 0;
}

static int chunk_byte(struct hob__h1 *p, unsigned char c) {
    int digit;
    switch (p->state) {
    case CHUNK_FIRST:
    case CHUNK_SIZE:
        digit = hob__hex_value(c);
        if (digit >= 0) {
            if (p->digits == 16 || p->left > (uint64_t)INT64_MAX >> 4) return HOB_E_HTTP_CHUNK;
            p->left = p->left << 4 | (unsigned)digit;
            p->digits++;
            p->state = CHUNK_SIZE;
            return 0;
        }
        if (p->state == CHUNK_FIRST) return HOB_E_HTTP_CHUNK;
        if (c == ' ' || c == '\t') {
            p->state = CHUNK_BLANK;
            return 0;
        }
        /* fall through */
    case CHUNK_BLANK:
        if (c == ';') {
            p->state = CHUNK_EXTENSION;
            return 0;
        }
        if (p->state == CHUNK_BLANK) return c == ' ' || c == '\t' ? 0 : HOB_E_HTTP_CHUNK;
        /* fall through */
    case CHUNK_EXTENSION:
        if (c == '\r') {
            p->state = CHUNK_LF;
            return 0;
        }
        return p->state == CHUNK_EXTENSION && hob__value_byte(c) ? 0 : HOB_E_HTTP_CHUNK;
    case CHUNK_LF:
        return c == '\n' ? chunk_begins(p) : HOB_E_HTTP_CHUNK;
    case CHUNK_END_CR:
        p->state = CHUNK_END_LF;
        return c == '\r' ? 0 : HOB_E_HTTP_CHUNK;
    default:
        p->state = CHUNK_FIRST;
        p->digits = 0;
        return c == '\n' ? 0 : HOB_E_HTTP_CHUNK;
    }
}

/* The lines between the chunks, up to data, trailers, or the end of the input. */
static int chunk_lines(struct hob__h1 *p, const char *in, size_t n, size_t *used) {
    size_t i = 0;
    while (i < n && p->state != CHUNK_DATA && p->state != TRAILERS) {
        bool in_line = p->state < CHUNK_LF;
        int rc = chunk_byte(p, (unsigned char)in[i]);
        if (rc < 0) return hob__h1_fail(p, rc, 0);
        if (in_line && ++p->scanned > p->limits.line)
            return hob__h1_fail(p, HOB_E_HTTP_LINE_TOO_LONG, 0);
        i++;
    }
    *used = i;
    return 0;
}

static int body_piece(struct hob__h1 *p, const char *in, size_t n, size_t *used,
                      struct hob_slice *piece) {
    if (n == 0) return HOB__H1_NEED;
    if (p->state != TO_CLOSE && n > p->left) n = (size_t)p->left;
    *piece = (struct hob_slice){in, n};
    *used += n;
    hob__h1_direct_done(p, n);
    return HOB__H1_DATA;
}

static __attribute__((noinline)) int step(struct hob__h1 *p, const char *in, size_t n, size_t *used,
                                          struct hob_slice *piece) {
    int rc;
    switch (p->state) {
    case TRAILERS:
        return head_lines(p, in, n, used, piece);
    case LENGTH:
    case TO_CLOSE:
    case CHUNK_DATA:
        return body_piece(p, in, n, used, piece);
    case DONE:
        return HOB__H1_END;
    case UPGRADED:
        *piece = (struct hob_slice){in, n};
        return HOB__H1_UPGRADE;
    case FAILED:
        return HOB_E_HTTP_STATE;
    default:
        rc = chunk_lines(p, in, n, used);
        if (rc < 0) return rc;
        size_t skipped = *used;
        if (p->state == CHUNK_DATA) return body_piece(p, in + skipped, n - skipped, used, piece);
        if (p->state != TRAILERS) return HOB__H1_NEED;
        rc = head_lines(p, in + skipped, n - skipped, used, piece);
        *used = rc > 0 ? skipped + *used : skipped;
        return rc;
    }
}

int hob__h1_next(struct hob__h1 *p, const char *in, size_t n, size_t *used,
                 struct hob_slice *piece) {
    *used = 0;
    *piece = (struct hob_slice){0};
    if (p->state == START && p->status) restart(p); /* behind an interim head */
    int rc = p->state <= FIELDS ? head(p, in, n, used, piece) : step(p, in, n, used, piece);
    if (rc < 0) {
        p->state = FAILED;
        *used = 0;
    }
    return rc;
}

uint64_t hob__h1_direct(const struct hob__h1 *p) {
    if (p->state == LENGTH || p->state == CHUNK_DATA) return p->left;
    return p->state == TO_CLOSE ? UINT64_MAX : 0;
}

void hob__h1_direct_done(struct hob__h1 *p, uint64_t n) {
    if (p->state == TO_CLOSE) return;
    p->left -= n;
    if (p->left == 0) p->state = p->state == LENGTH ? DONE : CHUNK_END_CR;
}

int hob__h1_eof(struct hob__h1 *p, size_t unused) {
    if (p->state == TO_CLOSE) {
        p->state = DONE;
        return HOB__H1_END;
    }
    if (p->state == DONE) return HOB__H1_END;
    if (p->state == START && unused == 0) return 0;
    return HOB_E_HTTP_CUT;
}
