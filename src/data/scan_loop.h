/* data/scan_loop.h - the tokens of a JSON text, read where they stand, without a first pass: for
 * who knows mostly what comes next. The text is known to be UTF-8. Included once for each kind of
 * processor, as wide.h.
 *
 * Each function gets where it begins and where the text ends, and says where what it has read ends;
 * NULL: it is not JSON. Nothing behind the end is looked at. */
#ifndef HOB_DATA_SCAN_LOOP_H
#define HOB_DATA_SCAN_LOOP_H
#include "data/number_wide.h"
#include "data/tree.h"
#include "data/wide.h"

/* Over white space, mostly one space, or a line feed and what is laid out behind it. */
HOB__WIDE const uint8_t *scan_space(const uint8_t *p, const uint8_t *end) {
    while (p < end && *p <= ' ') {
        if (HOB__LIKELY(end - p >= WIDE)) {
            if (*p == ' ' && p[1] > ' ') return p + 1;
            unsigned n = wide_space(wide_load(p));
            p += n;
            if (n < WIDE) return p;
            continue;
        }
        if (*p != ' ' && *p != '\n' && *p != '\r' && *p != '\t') break;
        p++;
    }
    return p;
}

/* To the next token, which there must be: p is at its first byte then. */
#define TOKEN_OR(p, end, otherwise)                                                                \
    do {                                                                                           \
        if (HOB__UNLIKELY((p) >= (end))) otherwise;                                                \
        if (*(p) <= ' ' && ((p) = scan_space((p), (end))) == (end)) otherwise;                     \
    } while (0)

/* The first byte from p on that is a quote, a backslash, or a control character; or the end. */
HOB__WIDE const uint8_t *scan_plain(const uint8_t *p, const uint8_t *end) {
    while (HOB__LIKELY(end - p >= WIDE)) {
        unsigned n = wide_plain(wide_load(p));
        p += n;
        if (n < WIDE) return p;
    }
    while (p < end && *p >= 0x20 && *p != '"' && *p != '\\') p++;
    return p;
}

TARGET static __attribute__((noinline)) const uint8_t *skip_escapes(const uint8_t *p,
                                                                    const uint8_t *end) {
    for (;;) {
        uint8_t out[4], *to = out;
        if (p >= end || *p < 0x20) return NULL;
        if (*p == '"') return p + 1;
        if (*p == '\\' && !hob__json_unescape(&p, end, &to)) return NULL;
        p = scan_plain(p, end);
    }
}

/* Behind a string, from behind its opening quote on. */
HOB__WIDE const uint8_t *skip_string(const uint8_t *p, const uint8_t *end) {
    p = scan_plain(p, end);
    if (HOB__LIKELY(p < end && *p == '"')) return p + 1;
    return skip_escapes(p, end);
}

HOB__WIDE const uint8_t *scan_word(const uint8_t *p, const uint8_t *end, const char *word,
                                   size_t n) {
    return (size_t)(end - p) >= n && memcmp(p, word, n) == 0 ? p + n : NULL;
}

TARGET static __attribute__((noinline)) const uint8_t *skip_number(const uint8_t *p,
                                                                   const uint8_t *end) {
    struct hob_json v;
    int why;
    if (*p != '-' && (uint8_t)(*p - '0') > 9) return NULL;
    return hob__json_read_number(p, end, true, &v, &why);
}

/* Neither of those: a short number is not read, only looked at. */
HOB__WIDE const uint8_t *skip_other(const uint8_t *p, const uint8_t *end) {
    if (*p == 'n') return scan_word(p, end, "null", 4);
    if (*p == 'f') return scan_word(p, end, "false", 5);
    if (*p == 't') return scan_word(p, end, "true", 4);
    if (HOB__LIKELY(end - p > WIDE)) {
        const uint8_t *digits = p + (*p == '-');
        unsigned n = wide_digits(wide_load(digits));
        if (HOB__LIKELY(n > 0 && n < WIDE && digits[n] != '.' && (digits[n] | 0x20) != 'e' &&
                        (*digits != '0' || n == 1)))
            return digits + n;
    }
    return skip_number(p, end);
}

HOB__WIDE const uint8_t *skip_scalar(const uint8_t *p, const uint8_t *end) {
    return *p == '"' ? skip_string(p + 1, end) : skip_other(p, end);
}

/* Behind any value at p: of the same grammar as check.c. At most so many containers in each other;
 * with a number that no double can hold it is no JSON either. */
TARGET static const uint8_t *skip_value(const uint8_t *p, const uint8_t *end, unsigned most) {
    if (*p != '{' && *p != '[') return skip_scalar(p, end);
    uint8_t objects[HOB__JSON_DEPTH / 8]; /* which containers are open: a bit for each */
    unsigned depth = 0;
    bool object;
#define TOKEN() TOKEN_OR(p, end, return NULL)
open:
    if (depth == most) return NULL;
    object = *p++ == '{';
    uint8_t *bits = &objects[depth / 8], bit = (uint8_t)(1u << depth % 8);
    *bits = (uint8_t)(object ? *bits | bit : *bits & ~bit);
    depth++;
    TOKEN();
    if (*p == (object ? '}' : ']')) goto close;
    for (;;) {
        if (object) {
            if (*p != '"' || !(p = skip_string(p + 1, end))) return NULL;
            TOKEN();
            if (*p++ != ':') return NULL;
            TOKEN();
        }
        if (*p == '{' || *p == '[') goto open;
        p = skip_scalar(p, end);
        if (HOB__UNLIKELY(!p)) return NULL;
    after:
        TOKEN();
        if (HOB__UNLIKELY(*p != ',')) break;
        p++;
        TOKEN();
    }
    if (*p != (object ? '}' : ']')) return NULL;
close:
    p++;
    if (--depth == 0) return p;
    object = objects[(depth - 1) / 8] >> (depth - 1) % 8 & 1;
    goto after;
#undef TOKEN
}

#endif
