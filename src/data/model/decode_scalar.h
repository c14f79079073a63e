/* data/model/decode_scalar.h - the decoder's single values; part of decode_loop.h.
 *
 * Strings are copied while their end is looked for, a register at a time, as long as both the text
 * and the arena's block have that much; long_string() does the rest. */
#ifndef HOB_DATA_DECODE_SCALAR_H
#define HOB_DATA_DECODE_SCALAR_H

#include "data/arena.h"
#include "data/model/decode.h"
#include "data/scan_loop.h"

/* Bytes that copies may write too much. */
enum { SPARE = WIDE, ESCAPED = 8 };

static const uint8_t *fail(struct hob__decoder *d, int rc) {
    d->rc = rc;
    return NULL;
}

/* n bytes become zero; mostly few. */
HOB__WIDE void clear_few(uint8_t *to, size_t n) {
    static const uint64_t zero[2];
    if (HOB__UNLIKELY(n < 8 || n > 256)) {
        memset(to, 0, n);
    } else if (n <= 16) {
        memcpy(to, zero, 8);
        memcpy(to + n - 8, zero, 8);
    } else if (n < 2 * WIDE || WIDE < 16) {
        for (size_t i = 0; i + 16 < n; i += 16) {
            memcpy(to + i, zero, 16);
            __asm__ volatile("" ::: "memory"); /* or the compiler makes a slow "rep stos" of it */
        }
        memcpy(to + n - 16, zero, 16);
    } else {
        static const uint8_t zeros[WIDE];
        wide none = wide_load(zeros);
        for (size_t i = 0; i + WIDE < n; i += WIDE) {
            wide_store(to + i, none);
            __asm__ volatile("" ::: "memory");
        }
        wide_store(to + n - WIDE, none);
    }
}

/* ---- strings ---- */

/* A string that is longer than what is left of the arena's block, or near the end of the text. */
TARGET static __attribute__((noinline)) const uint8_t *
long_string(struct hob__decoder *d, const uint8_t *p, struct hob_slice *out) {
    const uint8_t *behind = skip_string(p, d->end);
    if (!behind) return fail(d, HOB_E_JSON);
    if (!hob__decode_utf8(d, behind)) return NULL;
    uint8_t *to = (uint8_t *)hob__arena_room(d->memory, (size_t)(behind - p) + SPARE), *at = to;
    if (!to) return fail(d, -ENOMEM);
    for (const uint8_t *quote = behind - 1; p < quote;) {
        const uint8_t *stop = memchr(p, '\\', (size_t)(quote - p));
        if (!stop) stop = quote;
        memcpy(at, p, (size_t)(stop - p));
        at += stop - p;
        p = stop;
        if (p < quote) hob__json_unescape(&p, quote, &at);
    }
    *at = 0;
    *out = (struct hob_slice){(const char *)to, (size_t)(at - to)};
    return behind;
}

/* The string behind the quote before p, in the arena and with a NUL behind it, but not taken yet.
 */
HOB__WIDE const uint8_t *read_string(struct hob__decoder *d, const uint8_t *p,
                                     struct hob_slice *out) {
    const struct hob_arena *a = d->memory;
    ptrdiff_t room = a->end - a->at - ESCAPED, left = d->end - p;
    const uint8_t *begin = p;
    uint8_t *to = (uint8_t *)a->at, *at = to;
    left = (left < room ? left : room) - WIDE; /* no more is written than was read */
    for (;;) {
        unsigned n = WIDE;
        while (HOB__LIKELY(p - begin <= left)) {
            wide v = wide_load(p);
            wide_store(at, v);
            n = wide_plain(v);
            p += n;
            at += n;
            if (HOB__LIKELY(n < WIDE)) break;
        }
        if (HOB__UNLIKELY(n == WIDE)) return long_string(d, begin, out);
        if (HOB__LIKELY(*p == '"')) break;
        if (*p != '\\' || !hob__json_unescape(&p, d->end, &at)) return fail(d, HOB_E_JSON);
    }
    if (HOB__UNLIKELY(!hob__decode_utf8(d, p))) return NULL;
    out->at = (const char *)to;
    out->size = (size_t)(at - to);
    *at = 0;
    return p + 1;
}

/* Of the string from p on. Only an escape sequence makes one; then the text is longer than what it
 * stands for. */
HOB__WIDE bool text_has_nul(const uint8_t *p, const uint8_t *behind, const struct hob_slice *text) {
    return HOB__UNLIKELY((size_t)(behind - p) != text->size + 2) && memchr(text->at, 0, text->size);
}

HOB__WIDE void take_string(struct hob__decoder *d, const struct hob_slice *s) {
    d->memory->at += s->size + 1;
}

/* Behind any value, of which nothing is wanted. */
TARGET static const uint8_t *skip_any(struct hob__decoder *d, const uint8_t *p) {
    const uint8_t *behind = skip_value(p, d->end, d->most - d->depth);
    return behind && hob__decode_utf8(d, behind) ? behind : NULL;
}

/* ---- scalars ---- */

/* A number that is not one of the usual, or none. */
static __attribute__((noinline)) const uint8_t *read_unusual(struct hob__decoder *d,
                                                             const struct hob__slot *s,
                                                             const uint8_t *p, struct hob_json *v) {
    bool integer = s->kind <= HOB__KIND_UINT64;
    int why;
    if (*p != '-' && (uint8_t)(*p - '0') > 9) return fail(d, HOB__MISMATCH);
    const uint8_t *behind = hob__json_read_number(p, d->end, !integer, v, &why);
    if (HOB__LIKELY(behind != NULL)) return behind;
    /* An integer of more than 64 bits is JSON, but what no double holds is not. */
    if (why == HOB_E_JSON_RANGE && hob__json_read_number(p, d->end, true, v, &why))
        why = HOB__MISMATCH;
    return fail(d, why);
}

/* "null", for a field that may be so, at p. */
static bool may_be_null(const struct hob__slot *s, const uint8_t *p) {
    return !s->required && !s->presence && s->index < 64 && s->kind != HOB__KIND_RAW &&
           memcmp(p, "null", 4) == 0;
}

/* One of the usual, where there is enough text around it; else NULL. */
HOB__WIDE const uint8_t *read_near(const struct hob__decoder *d, const uint8_t *p,
                                   struct hob_json *v) {
    return HOB__LIKELY((size_t)(p - d->numbers) < d->number_span) ? read_usual(p, v) : NULL;
}

TARGET static const uint8_t *read_number(struct hob__decoder *d, const struct hob__slot *s,
                                         const uint8_t *p, void *to) {
    struct hob_json v;
    const uint8_t *behind = read_near(d, p, &v);
    if (HOB__UNLIKELY(!behind) && !(behind = read_unusual(d, s, p, &v))) return NULL;
    if (HOB__LIKELY(v.head == HOB_JSON_INT)) {
        if (s->kind == HOB__KIND_INT64) {
            memcpy(to, &v.of.i, 8);
            return behind;
        }
        int32_t i = (int32_t)v.of.i;
        if (s->kind == HOB__KIND_INT32 && i == v.of.i) {
            memcpy(to, &i, 4);
            return behind;
        }
    } else if (HOB__LIKELY(s->kind == HOB__KIND_DOUBLE && v.head == HOB_JSON_DOUBLE)) {
        memcpy(to, &v.of.d, 8);
        return behind;
    }
    return hob__store_number(s, &v, to) ? behind : fail(d, HOB__MISMATCH);
}

TARGET static const uint8_t *read_bool(struct hob__decoder *d, const uint8_t *p, void *to) {
    bool is = *p == 't';
    if (!is && *p != 'f') return fail(d, HOB__MISMATCH);
    p = is ? scan_word(p, d->end, "true", 4) : scan_word(p, d->end, "false", 5);
    if (!p) return fail(d, HOB_E_JSON);
    memcpy(to, &is, sizeof is);
    return p;
}

static bool read_bytes(struct hob__decoder *d, const struct hob_slice *text, void *to) {
    struct hob_bytes bytes;
    bytes.at = (uint8_t *)(uintptr_t)text->at; /* what is read is longer than what is written */
    if (!hob__base64_read(text->at, text->size, bytes.at, &bytes.size)) return false;
    memcpy(to, &bytes, sizeof bytes);
    d->memory->at += bytes.size + 1;
    return true;
}

static const uint8_t *read_chars(struct hob__decoder *d, const struct hob__slot *s,
                                 const uint8_t *p, const uint8_t *behind,
                                 const struct hob_slice *text, void *to) {
    if (memchr(text->at, 0, text->size)) {
        hob__decode_note(d, p, NULL, 0, "a NUL in the string");
        return fail(d, HOB__NOTED);
    }
    if (text->size >= s->item_size) {
        hob__decode_note(d, p, NULL, 0, "expected at most %u bytes, found %zu", s->item_size - 1,
                         text->size);
        return fail(d, HOB__NOTED);
    }
    memcpy(to, text->at, text->size + 1);
    return behind;
}

/* What is made of a string, and is not its text in the arena. */
TARGET static const uint8_t *read_words(struct hob__decoder *d, const struct hob__slot *s,
                                        const uint8_t *p, void *to) {
    struct hob_slice text;
    if (*p != '"') return fail(d, HOB__MISMATCH);
    const uint8_t *behind = scan_plain(p + 1, d->end);
    if (s->kind >= HOB__KIND_TIME && behind < d->end && *behind == '"') {
        text = (struct hob_slice){(const char *)p + 1, (size_t)(behind++ - p) - 1};
        if (!hob__decode_utf8(d, behind)) return NULL;
    } else {
        behind = read_string(d, p + 1, &text);
        if (!behind) return NULL;
    }
    bool ok;
    switch (s->kind) {
    case HOB__KIND_CHARS:
        return read_chars(d, s, p, behind, &text, to);
    case HOB__KIND_BYTES:
        ok = read_bytes(d, &text, to);
        break;
    case HOB__KIND_TIME:
        ok = hob__time_read(text.at, text.size, to);
        break;
    case HOB__KIND_UUID:
        ok = hob__uuid_read(text.at, text.size, to);
        break;
    default:
        ok = hob__store_choice(s, text.at, text.size, to);
    }
    if (ok) return behind;
    hob__decode_note_text(d, s, p, &text);
    return fail(d, HOB__NOTED);
}

TARGET static const uint8_t *read_raw(struct hob__decoder *d, const uint8_t *p, void *to) {
    const uint8_t *behind = skip_any(d, p);
    if (!behind) return fail(d, HOB_E_JSON);
    struct hob_raw raw = {.size = (size_t)(behind - p)};
    raw.at = hob_arena_copy(d->memory, p, raw.size);
    if (!raw.at) return fail(d, -ENOMEM);
    memcpy(to, &raw, sizeof raw);
    return behind;
}

TARGET static const uint8_t *read_text(struct hob__decoder *d, const struct hob__slot *s,
                                       const uint8_t *p, void *to) {
    struct hob_slice text;
    if (HOB__UNLIKELY(*p != '"')) return fail(d, HOB__MISMATCH);
    const uint8_t *behind = read_string(d, p + 1, &text);
    if (HOB__UNLIKELY(!behind)) return NULL;
    if (s->kind == HOB__KIND_SLICE) {
        memcpy(to, &text, sizeof text);
    } else {
        if (HOB__UNLIKELY(text_has_nul(p, behind, &text))) {
            hob__decode_note(d, p, NULL, 0, "a NUL in the string");
            return fail(d, HOB__NOTED);
        }
        memcpy(to, &text.at, sizeof text.at);
    }
    take_string(d, &text);
    return behind;
}

TARGET static const uint8_t *read_scalar(struct hob__decoder *d, const struct hob__slot *s,
                                         const uint8_t *p, void *to) {
    switch (s->kind) {
    case HOB__KIND_STRING:
    case HOB__KIND_SLICE:
        return read_text(d, s, p, to);
    case HOB__KIND_BOOL:
        return read_bool(d, p, to);
    case HOB__KIND_CHARS:
    case HOB__KIND_BYTES:
    case HOB__KIND_TIME:
    case HOB__KIND_UUID:
        return read_words(d, s, p, to);
    case HOB__KIND_RAW:
        return read_raw(d, p, to);
    default:
        if (HOB__UNLIKELY(s->has_choices)) return read_words(d, s, p, to);
        return read_number(d, s, p, to);
    }
}

/* A point, a box: double x[N], if that is just what is there, and p not beyond d->sight; else NULL,
 * and the general way begins anew. */
HOB__WIDE const uint8_t *read_doubles(const struct hob__decoder *d, const struct hob__slot *s,
                                      const uint8_t *p, uint8_t *to) {
    struct hob_json v;
    if (*p++ != '[') return NULL;
    for (const uint8_t *last = to + (s->items - 1) * sizeof(double);; to += sizeof(double)) {
        if (HOB__UNLIKELY(*p <= ' ')) p = scan_space(p, d->end);
        if (HOB__UNLIKELY(!(p = read_near(d, p, &v)))) return NULL;
        double x = v.head == HOB_JSON_INT ? (double)v.of.i : v.of.d;
        memcpy(to, &x, sizeof x);
        if (HOB__UNLIKELY(*p <= ' ') && (p = scan_space(p, d->end)) > d->sight) return NULL;
        if (to == last) return *p == ']' ? p + 1 : NULL;
        if (*p++ != ',') return NULL;
    }
}

#endif
