/* data/digits.h - the digits of numbers, eight or sixteen of them made at once. */
#ifndef HOB_DATA_DIGITS_H
#define HOB_DATA_DIGITS_H

#include <hob/base.h>

#include <string.h>
#if defined(HOB__DIGITS_AVX2)
#include <immintrin.h>
#endif

/* Into loops that are compiled for several processors. */
#define HOB__DIGITS_INLINE static inline __attribute__((always_inline))
/* The same for sixteen digits at once: with AVX2, who includes this defines HOB__DIGITS_AVX2, and
 * TARGET, the attribute of his functions. */
#if defined(HOB__DIGITS_AVX2)
#define HOB__SIXTEEN_INLINE TARGET HOB__DIGITS_INLINE
#else
#define HOB__SIXTEEN_INLINE HOB__DIGITS_INLINE
#endif

enum { HOB__EIGHT_DIGITS = 100000000 };
#define HOB__SIXTEEN_DIGITS UINT64_C(10000000000000000)
#define HOB__ZEROS UINT64_C(0x3030303030303030)

/* The digits of u, below 10^8, a byte for each, the first in the highest: by ten thousands, by
 * hundreds, then by tens, each time in all parts of the word at once. A part x = 10^k t + r becomes
 * two, t above r, when t is added 2^bits - 10^k times. */
HOB__DIGITS_INLINE uint64_t hob__eight_digits(uint32_t u) {
    uint64_t x = u, t = x * 3518437209 >> 45;
    x += t * ((UINT64_C(1) << 32) - 10000);
    t = x * 10486 >> 20 & UINT64_C(0x0000007F0000007F);
    x += t * ((1 << 16) - 100);
    t = x * 103 >> 10 & UINT64_C(0x000F000F000F000F);
    return x + t * ((1 << 8) - 10);
}

/* As text, the first in the lowest byte. */
HOB__DIGITS_INLINE uint64_t hob__eight_as_text(uint64_t digits) {
    return __builtin_bswap64(digits) | HOB__ZEROS;
}

/* As text, without zeros in front; 8 bytes are written over. */
HOB__DIGITS_INLINE size_t hob__put_below_eight(uint32_t u, char *out) {
    uint64_t digits = hob__eight_digits(u);
    unsigned zeros = (unsigned)__builtin_clzll(digits | 1) & ~7u; /* bits */
    digits = hob__eight_as_text(digits << zeros);
    memcpy(out, &digits, 8);
    return 8 - zeros / 8;
}

HOB__DIGITS_INLINE void hob__put_eight(uint32_t u, char *out) {
    uint64_t digits = hob__eight_as_text(hob__eight_digits(u));
    memcpy(out, &digits, 8);
}

/* ---- sixteen: eight of `high` and then eight of `low` ---- */

#if defined(HOB__DIGITS_AVX2)
struct hob__sixteen {
    __m128i digits; /* the last in the lowest byte */
};

/* What is multiplied by and added, where the compiler has to fetch it from: it would make it anew
 * for each number, and of some products several shifts and additions. */
struct hob__digits_constants {
    uint64_t by_ten_thousand[2], ten_thousand[2];
    uint16_t by_hundred[8];
    uint32_t hundred[4];
    uint16_t by_ten[8], ten[8];
    uint8_t backwards[16], zero[16];
};

HOB__SIXTEEN_INLINE const struct hob__digits_constants *hob__digits_constants(void) {
#define FOUR(x) x, x, x, x
    static const struct hob__digits_constants constants
        __attribute__((aligned(16))) = {{3518437209, 3518437209},
                                        {(UINT64_C(1) << 32) - 10000, (UINT64_C(1) << 32) - 10000},
                                        {FOUR(5243), FOUR(5243)},
                                        {FOUR((1 << 16) - 100)},
                                        {FOUR(6554), FOUR(6554)},
                                        {FOUR((1 << 8) - 10), FOUR((1 << 8) - 10)},
                                        {15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0},
                                        {FOUR('0'), FOUR('0'), FOUR('0'), FOUR('0')}};
#undef FOUR
    const struct hob__digits_constants *known = &constants;
    __asm__("" : "+r"(known));
    return known;
}

HOB__SIXTEEN_INLINE __m128i hob__constant(const void *at) {
    return _mm_load_si128((const __m128i *)at);
}

/* As hob__eight_digits(), twice. */
HOB__SIXTEEN_INLINE struct hob__sixteen hob__sixteen_digits(uint32_t high, uint32_t low) {
    const struct hob__digits_constants *c = hob__digits_constants();
    __m128i x = _mm_set_epi64x(high, low), t;
    t = _mm_srli_epi64(_mm_mul_epu32(x, hob__constant(c->by_ten_thousand)), 45);
    x = _mm_add_epi64(x, _mm_mul_epu32(t, hob__constant(c->ten_thousand)));
    t = _mm_srli_epi16(_mm_mulhi_epu16(x, hob__constant(c->by_hundred)), 3);
    x = _mm_add_epi32(x, _mm_mullo_epi32(t, hob__constant(c->hundred)));
    t = _mm_mulhi_epu16(x, hob__constant(c->by_ten));
    return (struct hob__sixteen){_mm_add_epi16(x, _mm_mullo_epi16(t, hob__constant(c->ten)))};
}

/* How many of the last are zero. */
HOB__SIXTEEN_INLINE unsigned hob__sixteen_zeros(struct hob__sixteen d) {
    __m128i zero = _mm_cmpeq_epi8(d.digits, _mm_setzero_si128());
    return (unsigned)__builtin_ctz(~(unsigned)_mm_movemask_epi8(zero));
}

/* As text. */
HOB__SIXTEEN_INLINE void hob__put_sixteen(struct hob__sixteen d, char *out) {
    const struct hob__digits_constants *c = hob__digits_constants();
    __m128i text = _mm_shuffle_epi8(d.digits, hob__constant(c->backwards));
    text = _mm_or_si128(text, hob__constant(c->zero));
    _mm_storeu_si128((__m128i *)(void *)out, text);
}
#else
struct hob__sixteen {
    uint64_t high, low;
};

HOB__SIXTEEN_INLINE struct hob__sixteen hob__sixteen_digits(uint32_t high, uint32_t low) {
    return (struct hob__sixteen){hob__eight_digits(high), hob__eight_digits(low)};
}

HOB__SIXTEEN_INLINE unsigned hob__sixteen_zeros(struct hob__sixteen d) {
    if (d.low) return (unsigned)__builtin_ctzll(d.low) / 8;
    return d.high ? 8 + (unsigned)__builtin_ctzll(d.high) / 8 : 16;
}

HOB__SIXTEEN_INLINE void hob__put_sixteen(struct hob__sixteen d, char *out) {
    uint64_t text[2] = {hob__eight_as_text(d.high), hob__eight_as_text(d.low)};
    memcpy(out, text, 16);
}
#endif

/* ---- integers ---- */

/* [u] is the text of u, in its first bytes, and how long it is in the last. */
extern const char hob__below_1000[1000][4];
/* The same with zeros in front, always three digits. */
extern const char hob__three_digits[1000][4];

/* 4 bytes are written over. The text behind it. */
HOB__DIGITS_INLINE char *hob__put_below_1000(uint32_t u, char *out) {
    uint32_t text;
    memcpy(&text, hob__below_1000[u], 4);
    memcpy(out, &text, 4);
    return out + hob__below_1000[u][3];
}
HOB__DIGITS_INLINE char *hob__put_three(uint32_t u, char *out) {
    memcpy(out, hob__three_digits[u], 4);
    return out + 3;
}

/* From 10^9 on. */
HOB__DIGITS_INLINE char *hob__put_large(uint64_t u, char *out) {
    if (u >= HOB__SIXTEEN_DIGITS) {
        out += hob__put_below_eight((uint32_t)(u / HOB__SIXTEEN_DIGITS), out);
        u %= HOB__SIXTEEN_DIGITS;
        hob__put_eight((uint32_t)(u / HOB__EIGHT_DIGITS), out);
        out += 8;
    } else {
        out += hob__put_below_eight((uint32_t)(u / HOB__EIGHT_DIGITS), out);
    }
    hob__put_eight((uint32_t)(u % HOB__EIGHT_DIGITS), out);
    return out + 8;
}

/* The text behind it; what is there up to 24 bytes is written over, too. */
HOB__DIGITS_INLINE char *hob__put_uint(uint64_t u, char *out) {
    if (HOB__UNLIKELY(u >= 1000000000)) return hob__put_large(u, out);
    uint32_t rest = (uint32_t)u, thousands = rest / 1000;
    if (rest < 1000) return hob__put_below_1000(rest, out);
    if (rest < 1000000) {
        out = hob__put_below_1000(thousands, out);
    } else {
        out = hob__put_below_1000(rest / 1000000, out);
        out = hob__put_three(thousands - rest / 1000000 * 1000, out);
    }
    return hob__put_three(rest - thousands * 1000, out);
}

HOB__DIGITS_INLINE char *hob__put_int(int64_t i, char *out) {
    uint64_t minus = (uint64_t)(i >> 63); /* all ones, or none */
    *out = '-';
    return hob__put_uint(((uint64_t)i ^ minus) - minus, out + (minus & 1));
}

#endif
