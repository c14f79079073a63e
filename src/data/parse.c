/* data/parse.c - the second pass of the parser: from the places of tokens to the tree.
 *
 * The values are written one behind the other; a container that is open keeps in its `of` where the
 * one around it is, so that no stack is needed. Whatever is wrong, this pass only says that
 * something is: what and where is found by going through the text again (check.c). */
#include "data/judge.h"
#include "data/number_usual.h"
#include "data/tree.h"

#include <hob/error.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/memory.h"

enum { PADDING = 64 }; /* behind texts; at least HOB__JSON_BEHIND */

/* ---- memory ---- */

static int room(void **memory, size_t *have, size_t want, size_t each) {
    if (*have >= want) return 0;
    hob__free(*memory); /* nothing in it is wanted any more */
    *have = 0;
    *memory = hob__alloc(want * each);
    if (!*memory) return -ENOMEM;
    *have = want;
    return 0;
}

/* ---- strings ---- */

/* The first quote or backslash from p on; there is one before end. */
static inline const uint8_t *plain_part(const uint8_t *p, const uint8_t *end) {
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
    for (; HOB__LIKELY(end - p >= 32); p += 32) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i w = _mm_loadu_si128((const __m128i *)(const void *)(p + 16));
        __m128i a = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash));
        __m128i b = _mm_or_si128(_mm_cmpeq_epi8(w, quote), _mm_cmpeq_epi8(w, backslash));
        unsigned bits = (unsigned)_mm_movemask_epi8(a) | (unsigned)_mm_movemask_epi8(b) << 16;
        if (HOB__LIKELY(bits != 0)) return p + __builtin_ctz(bits);
    }
#else
    const uint64_t ones = UINT64_C(0x0101010101010101);
    for (; HOB__LIKELY(end - p >= 8); p += 8) {
        uint64_t x;
        memcpy(&x, p, sizeof x);
        uint64_t quote = x ^ ones * '"', backslash = x ^ ones * '\\';
        /* The lowest such bit is right; those above it may be wrong. */
        uint64_t zero = ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash);
        if (zero & ones << 7) return p + __builtin_ctzll(zero & ones << 7) / 8;
    }
#endif
    while (*p != '"' && *p != '\\') p++;
    return p;
}

struct parser {
    const uint8_t *text, *end;
    const uint8_t *sight;    /* before it as much is readable as number_usual.h wants */
    const uint8_t *readable; /* the text's end, or so far behind it that strings need not care */
    bool own;                /* the text may be written to */
    uint8_t *strings;        /* else: where the next unescaped string goes; NULL: nowhere yet */
    struct hob_json_doc *doc;
};

/* The rest of a string from its first backslash on, to out. The end of the string in the text.
 * *plain becomes false when something in it would have to be escaped again. */
static const uint8_t *unescape(const uint8_t *p, const uint8_t *end, uint8_t **out, bool *plain) {
    for (;;) {
        uint8_t *meant = *out;
        if (!hob__json_unescape(&p, end, out)) return NULL;
        *plain &= *meant >= 0x20 && *meant != '"' && *meant != '\\';
        const uint8_t *stop = plain_part(p, end);
        memmove(*out, p, (size_t)(stop - p));
        *out += stop - p;
        p = stop;
        if (*p == '"') return p;
    }
}

/* Room for all strings that have to be unescaped, when the first of them comes. */
static bool room_for_strings(struct parser *s) {
    struct hob_json_doc *d = s->doc;
    size_t n = (size_t)(s->end - s->text) + PADDING;
    if (room((void **)&d->strings, &d->string_room, n, 1) < 0) return false;
    s->strings = (uint8_t *)d->strings;
    return true;
}

/* 0, HOB_E_JSON, -ENOMEM. */
static __attribute__((noinline)) int string_with_escapes(struct parser *s, const uint8_t *begin,
                                                         const uint8_t *p, struct hob_json *v) {
    if (!s->own && !s->strings && !room_for_strings(s)) return -ENOMEM;
    uint8_t *to = s->own ? (uint8_t *)begin : s->strings, *out = to;
    if (!s->own) memcpy(out, begin, (size_t)(p - begin));
    out += p - begin;
    bool plain = true;
    if (!unescape(p, s->end, &out, &plain)) return HOB_E_JSON;
    v->of.text = (const char *)to;
    v->head = HOB_JSON_STRING | (plain ? HOB__JSON_PLAIN : 0) | (uint64_t)(out - to) << 8;
    *out = 0;
    if (!s->own) s->strings = out + 1;
    return 0;
}

/* p: the opening quote. That there is a closing one is known. 0, HOB_E_JSON, -ENOMEM. */
static inline int read_string(struct parser *s, const uint8_t *p, struct hob_json *v) {
    const uint8_t *begin = p + 1, *stop = plain_part(begin, s->readable);
    if (HOB__UNLIKELY(*stop == '\\')) return string_with_escapes(s, begin, stop, v);
    v->of.text = (const char *)begin;
    v->head = HOB_JSON_STRING | (uint64_t)(stop - begin) << 8;
    if (s->own) {
        v->head |= HOB__JSON_PLAIN;
        *(uint8_t *)stop = 0;
    } else if (HOB__LIKELY(s->end - stop >= HOB__JSON_BEHIND)) {
        v->head |= HOB__JSON_PLAIN;
    }
    return 0;
}

/* ---- numbers and literals ---- */

/* What may follow one of them. */
static inline bool delimits(const uint8_t *p, const uint8_t *end) {
    static const bool may[256] = {
        [' '] = true, ['\t'] = true, ['\n'] = true, ['\r'] = true, [','] = true,
        [']'] = true, ['}'] = true,  [':'] = true,  ['{'] = true,  ['['] = true};
    return p >= end || may[*p];
}

static inline bool read_literal(const struct parser *s, const uint8_t *p, struct hob_json *v) {
    size_t left = (size_t)(s->end - p);
    if (left >= 4 && memcmp(p, "true", 4) == 0) {
        v->head = HOB_JSON_TRUE;
        p += 4;
    } else if (left >= 4 && memcmp(p, "null", 4) == 0) {
        v->head = HOB_JSON_NULL;
        p += 4;
    } else if (left >= 5 && memcmp(p, "false", 5) == 0) {
        v->head = HOB_JSON_FALSE;
        p += 5;
    } else {
        return false;
    }
    v->of.u = 0;
    return delimits(p, s->end);
}

/* ---- the tree ---- */

/* 0, the number of nodes in *count; HOB_E_JSON: something is wrong; other errors are what they are.
 */
static int build(struct parser *s, const uint32_t *place, const uint32_t *last,
                 const struct hob_json_options *o, struct hob_json *nodes, size_t *count) {
    struct hob_json *v = nodes, *in = NULL; /* the next value; the container around it */
    unsigned depth = 0, most = o->depth ? o->depth : HOB__JSON_DEPTH;
    const uint8_t *p;
    int why;
#define NEXT()                                                                                     \
    do {                                                                                           \
        if (HOB__UNLIKELY(place == last)) return HOB_E_JSON;                                       \
        p = s->text + *place++;                                                                    \
    } while (0)
    NEXT();
value:
    switch (*p) {
    case '"':
        if (HOB__UNLIKELY((why = read_string(s, p, v)) < 0)) return why;
        v++;
        break;
    case '{':
        if (HOB__UNLIKELY(++depth > most)) return HOB_E_LIMIT;
        v->head = HOB_JSON_OBJECT | (o->duplicates == HOB_JSON_LAST ? HOB__JSON_LAST : 0);
        v->of.u = in ? (uint64_t)(v - in) : 0;
        in = v++;
        NEXT();
        if (*p == '}') goto close;
        goto name;
    case '[':
        if (HOB__UNLIKELY(++depth > most)) return HOB_E_LIMIT;
        v->head = HOB_JSON_ARRAY;
        v->of.u = in ? (uint64_t)(v - in) : 0;
        in = v++;
        NEXT();
        if (*p == ']') goto close;
        in->head += 1 << 8;
        goto value;
    case 't':
    case 'f':
    case 'n':
        if (!read_literal(s, p, v)) return HOB_E_JSON;
        v++;
        break;
    default: { /* a number, or nothing */
        if (HOB__UNLIKELY(*p != '-' && (uint8_t)(*p - '0') > 9)) return HOB_E_JSON;
        const uint8_t *after = NULL;
        if (HOB__LIKELY(p < s->sight)) after = hob__json_read_usual(p, v);
        if (!after && !(after = hob__json_read_number(p, s->end, o->big_double, v, &why)))
            return why;
        if (!delimits(after, s->end)) return HOB_E_JSON;
        v++;
    }
    }
after:
    if (!in) {
        *count = (size_t)(v - nodes);
        return place == last ? 0 : HOB_E_JSON;
    }
    NEXT();
    if ((in->head & 0x7F) == HOB_JSON_ARRAY) {
        if (HOB__LIKELY(*p == ',')) {
            in->head += 1 << 8;
            NEXT();
            goto value;
        }
        if (*p != ']') return HOB_E_JSON;
        goto close;
    }
    if (*p == ',') {
        NEXT();
        goto name;
    }
    if (*p != '}') return HOB_E_JSON;
close : {
    struct hob_json *around = in->of.u ? in - in->of.u : NULL;
    in->of.span = (uint64_t)(v - in);
    if (HOB__UNLIKELY(o->duplicates == HOB_JSON_REJECT && (in->head & 0x7F) == HOB_JSON_OBJECT)) {
        int rc = hob__json_find_twice(in, &s->doc->twice);
        if (rc < 0) return rc;
    }
    in = around;
    depth--;
    goto after;
}
name:
    if (HOB__UNLIKELY(*p != '"')) return HOB_E_JSON;
    if (HOB__UNLIKELY((why = read_string(s, p, v)) < 0)) return why;
    v++;
    in->head += 1 << 8;
    NEXT();
    if (HOB__UNLIKELY(*p != ':')) return HOB_E_JSON;
    NEXT();
    goto value;
#undef NEXT
}

/* Where the i-th value is in the text: each begins with a token of its own, as do names. */
static size_t place_of(const uint8_t *text, const uint32_t *place, size_t i) {
    for (;; place++) {
        uint8_t c = text[*place];
        if (c != ',' && c != ':' && c != '}' && c != ']' && i-- == 0) return *place;
    }
}

static int parse(const uint8_t *text, size_t n, const struct hob_json_options *o,
                 struct hob_json_doc *d) {
    if (n >= UINT32_MAX - PADDING) return hob_fail(HOB_E_LIMIT, "a text of 4 GiB or more");
    if (o->depth > HOB__JSON_DEPTH)
        return hob_fail(-EINVAL, "a depth of %u; at most %d", o->depth, HOB__JSON_DEPTH);
    int rc = room((void **)&d->places, &d->place_room, n + HOB__JSON_BLOCK, sizeof *d->places);
    if (rc < 0) return rc;
    struct parser s = {.text = text, .end = text + n, .own = !o->borrow, .doc = d};
    if (!o->borrow) {
        rc = room((void **)&d->text, &d->text_room, n + PADDING, 1);
        if (rc < 0) return rc;
        s.text = (uint8_t *)d->text;
        s.end = s.text + n;
    }
    s.readable = s.own ? s.end + PADDING : s.end;
    s.sight = s.own ? s.end : s.text + (n < HOB__NUMBER_SIGHT ? 0 : n - HOB__NUMBER_SIGHT + 1);
    int64_t places =
        hob__json_way()->index(text, n, d->places, o->borrow ? NULL : (uint8_t *)d->text);
    if (places < 0) return HOB_E_JSON;
    rc = room((void **)&d->nodes, &d->node_room, (size_t)places + 2, sizeof *d->nodes);
    if (rc < 0) return rc;
    rc = build(&s, d->places, d->places + places, o, d->nodes, &d->node_count);
    if (rc == HOB_E_JSON_DUPLICATE)
        d->twice_at = place_of(text, d->places, (size_t)(d->twice - d->nodes));
    return rc;
}

/* ---- the calls ---- */

static int reparse(const void *text, size_t n, const struct hob_json_options *o,
                   struct hob_json_doc *d) {
    int rc = parse(text, n, o, d);
    if (rc == 0) return 0;
    d->node_count = 0;
    if (rc == HOB_E_JSON_DUPLICATE) return hob__json_say_twice(d, text, hob__json_first_place);
    if (rc == HOB_E_JSON || rc == HOB_E_JSON_RANGE || (rc == HOB_E_LIMIT && n < UINT32_MAX / 2)) {
        int found = hob__json_check(text, n, o);
        if (found < 0) return found;
        return hob_fail(rc, "not JSON"); /* never: both judge alike */
    }
    return rc;
}

int hob_json_reparse_with(const void *text, size_t n, struct hob_json_options options,
                          struct hob_json_doc *doc) {
    return reparse(text, n, &options, doc);
}

int hob_json_parse_with(const void *text, size_t n, struct hob_json_options options,
                        struct hob_json_doc **doc) {
    *doc = NULL;
    struct hob_json_doc *d = hob__alloc_zero(sizeof *d);
    if (!d) return hob_fail(-ENOMEM, "no memory for a JSON document");
    int rc = reparse(text, n, &options, d);
    if (rc < 0) {
        hob_json_free(d);
        return rc;
    }
    *doc = d;
    return 0;
}

void hob_json_free(struct hob_json_doc *d) {
    if (!d) return;
    hob__free(d->nodes);
    hob__free(d->places);
    hob__free(d->text);
    hob__free(d->strings);
    hob__free(d);
}

const struct hob_json *hob_json_root(const struct hob_json_doc *doc) {
    return doc && doc->node_count ? doc->nodes : NULL;
}
