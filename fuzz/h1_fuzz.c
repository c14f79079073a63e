/* h1_fuzz.c - the HTTP/1.1 parser: any input, whole and cut at every place that the input itself
 * chooses, through the parser or past it, must give the same events; slices must lie inside the
 * input. The first byte of the input says what is parsed, the second how it is cut. */
#include "http/h1.h"

#include "fuzz.h"
#include "http/scan.h"

/* A running sum of what came out, the same for bodies in more or fewer pieces. */
struct sum {
    uint64_t hash;
    uint64_t body;
    int last;
};

static void add(struct sum *s, const void *bytes, size_t n) {
    const unsigned char *at = bytes;
    for (size_t i = 0; i < n; i++) s->hash = (s->hash ^ at[i]) * 1099511628211u;
}

static void add_event(struct sum *s, const struct hob__h1 *p, int rc, struct hob_slice piece) {
    if (rc == HOB__H1_DATA) {
        add(s, piece.at, piece.size);
        s->body += piece.size;
        return;
    }
    add(s, &s->body, sizeof s->body);
    s->body = 0;
    add(s, &rc, sizeof rc);
    s->last = rc;
    if (rc < 0) add(s, &p->error_at, sizeof p->error_at);
    if (rc != HOB__H1_HEAD && rc != HOB__H1_INTERIM && rc != HOB__H1_TRAILERS) return;
    add(s, piece.at, piece.size);
    add(s, &p->flags, sizeof p->flags);
    add(s, &p->content_length, sizeof p->content_length);
    add(s, &p->minor, sizeof p->minor);
    add(s, &p->method_size, sizeof p->method_size);
    add(s, &p->target_at, sizeof p->target_at);
    add(s, &p->target_size, sizeof p->target_size);
    if (rc == HOB__H1_HEAD && p->path_size > 0) {
        const char *target = piece.at + p->target_at, *mark = memchr(target, '?', p->target_size);
        CHECK(p->path_size == (mark ? (size_t)(mark - target) : p->target_size));
    }
    struct hob__h1_field fields[200];
    uint32_t at = rc == HOB__H1_TRAILERS ? 0 : p->fields_at;
    uint32_t n = hob__h1_split(piece.at, piece.size, at, fields, 200);
    CHECK(n == p->field_count && n <= p->limits.fields);
    for (uint32_t i = 0; i < n; i++) {
        CHECK(fields[i].name + fields[i].name_size < piece.size && fields[i].name_size > 0);
        CHECK(fields[i].value + fields[i].value_size < piece.size);
        if (rc != HOB__H1_TRAILERS && i < p->fields_cap) /* found in two ways */
            CHECK(memcmp(&fields[i], &p->fields[i], sizeof fields[i]) == 0);
        add(s, piece.at + fields[i].value, fields[i].value_size);
    }
}

/* A body's bytes that need not go through the parser: how many were taken past it. */
static size_t pass_by(struct sum *s, struct hob__h1 *p, const uint8_t *at, size_t n) {
    uint64_t direct = hob__h1_direct(p);
    if (n > direct) n = (size_t)direct;
    if (n == 0) return 0;
    add(s, at, n);
    s->body += n;
    hob__h1_direct_done(p, n);
    return n;
}

static struct sum run(const uint8_t *data, size_t n, unsigned kind, unsigned cut) {
    static const struct hob__h1_limits tight = {.line = 40, .block = 120, .fields = 4};
    struct sum s = {14695981039346656037u, 0, 0};
    struct hob__h1 p;
    struct hob__h1_field fields[3];
    hob__h1_init(&p, kind & 1, kind & 2 ? &tight : NULL);
    hob__h1_start(&p, fields, 3);
    p.head_request = kind & 4;
    size_t at = 0, have = cut ? 0 : n;
    for (;;) {
        if (cut & 0x100) {
            size_t past = pass_by(&s, &p, data + at, have);
            at += past;
            have -= past;
        }
        char *in = edge_copy(data + at, have);
        size_t used;
        struct hob_slice piece;
        int rc = hob__h1_next(&p, in, have, &used, &piece);
        CHECK(used <= have);
        if (piece.size) CHECK(piece.at >= in && piece.at + piece.size <= in + have);
        if (rc != HOB__H1_NEED && rc != HOB__H1_UPGRADE) add_event(&s, &p, rc, piece);
        at += used;
        have -= used;
        if (rc < 0 || rc == HOB__H1_UPGRADE) return s;
        if (rc == HOB__H1_END) hob__h1_start(&p, fields, 3);
        if (rc != HOB__H1_NEED) continue;
        if (at + have == n) {
            rc = hob__h1_eof(&p, have);
            add_event(&s, &p, rc, (struct hob_slice){0});
            return s;
        }
        cut = cut * 1103515245 + 12345;
        size_t more = 1 + (cut >> 16) % 7;
        have += more < n - at - have ? more : n - at - have;
    }
}

/* The loops over 16 bytes at a time find what those over one find. */
static void scan(const char *in, size_t n) {
    const char *end = in + n;
    for (size_t i = 0; i <= n && i < 20; i++) {
        CHECK(hob__scan_token(in + i, end) == hob__scan_token_plain(in + i, end));
        CHECK(hob__scan_value(in + i, end) == hob__scan_value_plain(in + i, end));
        CHECK(hob__scan_target(in + i, end) == hob__scan_target_plain(in + i, end));
        CHECK(hob__scan_path(in + i, end) == hob__scan_path_plain(in + i, end));
    }
}

/* Is the word in the list, seen naively? */
static bool has(const char *list, size_t n, const char *word) {
    size_t size = strlen(word);
    for (size_t at = 0; at <= n;) {
        size_t end = at, from, to;
        while (end < n && list[end] != ',') end++;
        for (from = at; from < end && strchr(" \t", list[from]) && list[from];) from++;
        for (to = end; to > from && strchr(" \t", list[to - 1]) && list[to - 1];) to--;
        if (to - from == size && strncasecmp(list + from, word, size) == 0) return true;
        at = end + 1;
    }
    return false;
}

FUZZ(data, n) {
    if (n < 2 || n > 65536) return;
    unsigned kind = data[0], cut = data[1];
    struct sum whole = run(data + 2, n - 2, kind, 0);
    struct sum pieces = run(data + 2, n - 2, kind, cut | 1u);
    struct sum past = run(data + 2, n - 2, kind, cut | 0x101u);
    CHECK(whole.last == pieces.last && whole.hash == pieces.hash);
    CHECK(whole.last == past.last && whole.hash == past.hash);
    const char *text = edge_kept(data + 2, n - 2);
    scan(text, n - 2);
    CHECK(hob__h1_list_has(text, n - 2, "close") == has(text, n - 2, "close"));
}
