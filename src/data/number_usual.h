/* data/number_usual.h - the numbers that most texts have, read eight bytes at a time: integers of
 * at most 18 digits, and fractions of at most 19 digits in all, without an exponent. Everything
 * else, mistakes too, is left to number_read.c. */
#ifndef HOB_DATA_NUMBER_USUAL_H
#define HOB_DATA_NUMBER_USUAL_H

#include "data/number.h"

#include <string.h>

enum { HOB__NUMBER_SIGHT = 56 }; /* from a number on so many bytes must be readable */

#define HOB__USUAL_INLINE static inline __attribute__((always_inline))

/* Eight bytes, each minus '0', and how many of the first are digits. */
HOB__USUAL_INLINE uint64_t hob__digits_at(const uint8_t *p, unsigned *count) {
    uint64_t x;
    memcpy(&x, p, sizeof x);
    x ^= UINT64_C(0x3030303030303030);
    /* The highest bit of what is no digit; a carry goes into bytes behind it alone. */
    uint64_t other = (x | (x + UINT64_C(0x7676767676767676))) & UINT64_C(0x8080808080808080);
    *count = other ? (unsigned)__builtin_ctzll(other) / 8 : 8;
    return x;
}

/* The number whose digits they are: pairs first, then both halves at once. */
HOB__USUAL_INLINE uint64_t hob__value_of_eight(uint64_t x) {
    x = x * 10 + (x >> 8);
    return (uint32_t)(((x & UINT64_C(0x000000FF000000FF)) * UINT64_C(0x000F424000000064) +
                       (x >> 16 & UINT64_C(0x000000FF000000FF)) * UINT64_C(0x0000271000000001)) >>
                      32);
}

/* The same of the first `count` alone, at most seven; 0 of none. */
HOB__USUAL_INLINE uint64_t hob__value_of_some(uint64_t x, unsigned count) {
    return hob__value_of_eight(x << 8 * (7 - count) << 8);
}

/* An integer of at most seven digits; NULL: it is none. 9 bytes must be readable. */
HOB__USUAL_INLINE const uint8_t *hob__json_read_short(const uint8_t *p, int64_t *i) {
    uint64_t x;
    memcpy(&x, p, sizeof x);
    x ^= UINT64_C(0x3030303030303030);
    uint64_t other = (x | (x + UINT64_C(0x7676767676767676))) & UINT64_C(0x8080808080808080);
    /* The first byte may be a minus: what is behind it is found without waiting for that. */
    unsigned minus = other >> 7 & 1;
    other &= ~UINT64_C(0xFF);
    if (HOB__UNLIKELY(other == 0)) return NULL;
    unsigned size = (unsigned)__builtin_ctzll(other) / 8;
    uint8_t first = p[minus], behind = p[size];
    /* One branch for all: one on the sign alone would be foreseen half the time. What may go on a
     * number ('.', 'e', 'E'), and some that are read by others for nothing, are bits of a word. */
    const uint64_t goes_on = UINT64_C(1) << 0x2E | UINT64_C(1) << 0x25 | UINT64_C(1) << 0x05;
    bool wrong = (size == minus) | (goes_on >> (behind & 63) & 1) | ((*p == '-') ^ minus) |
                 ((first == '0') & (size > 1));
    if (HOB__UNLIKELY(wrong)) return NULL;
    uint64_t w = hob__value_of_some(x & ~(0xFF & (0 - (uint64_t)minus)), size);
    *i = (int64_t)((w ^ (0 - (uint64_t)minus)) + minus);
    return p + size;
}

/* w * 10^-k, 1 <= k <= 19, as hob__json_scale() does it; false: it is not one of the easy cases. */
HOB__USUAL_INLINE bool hob__scale_down(uint64_t w, unsigned k, double *d) {
    int lead = __builtin_clzll(w), q = -(int)k;
    unsigned __int128 x = (unsigned __int128)(w << lead) * hob__powers_of_ten[q][0];
    uint64_t high = (uint64_t)(x >> 64), low = (uint64_t)x;
    if (HOB__UNLIKELY((high & 0x1FF) == 0x1FF || low <= 1)) return false;
    int top = (int)(high >> 63), e = ((217706 * q) >> 16) + 63 + top - lead + 1023;
    uint64_t m = high >> (top + 9);
    /* Rounded, with its 53rd bit, which counts as one of the exponent. */
    m = ((m + (m & 1)) >> 1) + ((uint64_t)(e - 1) << 52);
    memcpy(d, &m, sizeof m);
    return true;
}

/* w * 10^-k, k <= 19, into v; false: it is not one of the easy cases. */
HOB__USUAL_INLINE bool hob__usual_double(uint64_t w, unsigned k, bool minus, struct hob_json *v) {
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,
                                    1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19};
    if (w <= UINT64_C(1) << 53)
        v->of.d = (double)w / powers[k];
    else if (HOB__UNLIKELY(!hob__scale_down(w, k, &v->of.d)))
        return false;
    v->head = HOB_JSON_DOUBLE;
    v->of.u |= (uint64_t)minus << 63; /* signs follow no rule that a branch could learn */
    return true;
}

/* As hob__json_read_number(); NULL: it is not one of the usual. */
HOB__USUAL_INLINE const uint8_t *hob__json_read_usual(const uint8_t *p, struct hob_json *v) {
    static const uint64_t tens[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    const uint8_t *begin = p + (*p == '-');
    bool minus = begin != p;
    unsigned count;
    uint64_t x = hob__digits_at(begin, &count), w = 0;
    p = begin;
    if (count == 8) {
        w = hob__value_of_eight(x);
        x = hob__digits_at(p += 8, &count);
        if (count == 8) {
            w = w * tens[8] + hob__value_of_eight(x);
            x = hob__digits_at(p += 8, &count);
            if (HOB__UNLIKELY(count > 2)) return NULL;
        }
        w *= tens[count];
    } else if (HOB__UNLIKELY(count == 0)) {
        return NULL;
    }
    w += hob__value_of_some(x, count);
    p += count;
    if (HOB__UNLIKELY(*begin == '0' && p - begin > 1)) return NULL;
    if (*p != '.') {
        if (HOB__UNLIKELY((*p | 0x20) == 'e' || (minus && w == 0))) return NULL;
        v->head = HOB_JSON_INT;
        v->of.u = (w ^ (0 - (uint64_t)minus)) + minus;
        return p;
    }
    const uint8_t *fraction = ++p;
    unsigned before = w ? (unsigned)(fraction - begin) - 1 : 0;
    x = hob__digits_at(p, &count);
    if (count == 8) {
        w = w * tens[8] + hob__value_of_eight(x);
        x = hob__digits_at(p += 8, &count);
        if (count == 8) {
            if (HOB__UNLIKELY(before > 3)) return NULL;
            w = w * tens[8] + hob__value_of_eight(x);
            x = hob__digits_at(p += 8, &count);
        }
    } else if (HOB__UNLIKELY(count == 0)) {
        return NULL;
    }
    unsigned behind = (unsigned)(p - fraction) + count;
    if (HOB__UNLIKELY(before + behind > 19)) return NULL;
    w = w * tens[count] + hob__value_of_some(x, count);
    p += count;
    if (HOB__UNLIKELY((*p | 0x20) == 'e')) return NULL;
    return hob__usual_double(w, behind, minus, v) ? p : NULL;
}

#endif
