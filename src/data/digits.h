/* data/digits.h - the digits of numbers, eight or sixteen of them made at once. */
#ifndef HOB_DATA_DIGITS_H
#define HOB_DATA_DIGITS_H

#include <hob/base.h>

#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* Into loops that are compiled for several processors. */
#define HOB__DIGITS_INLINE static inline __attribute__((always_inline))

enum { HOB__EIGHT_DIGITS = 100000000 };
#define HOB__SIXTEEN_DIGITS UINT64_C(10000000000000000)
#define HOB__ZEROS UINT64_C(0x3030303030303030)

/* The digits of u, below 10^8, a byte for each, the first in the lowest: by ten thousands, by
 * hundreds, then by tens, each time in all parts of the word at once. */
HOB__DIGITS_INLINE uint64_t hob__eight_digits(uint32_t u) {
    uint64_t x = u / 10000 | (uint64_t)(u % 10000) << 32;
    uint64_t high = ((x * 10486) >> 20) & UINT64_C(0x0000007F0000007F);
    x = high | (x - high * 100) << 16;
    high = ((x * 103) >> 10) & UINT64_C(0x000F000F000F000F);
    return high | (x - high * 10) << 8;
}

/* As text, without zeros in front; 8 bytes are written over. */
HOB__DIGITS_INLINE size_t hob__put_below_eight(uint32_t u, char *out) {
    uint64_t digits = hob__eight_digits(u);
    unsigned zeros = (unsigned)__builtin_ctzll(digits | UINT64_C(1) << 56) & ~7u; /* bits */
    digits = (digits | HOB__ZEROS) >> zeros;
    memcpy(out, &digits, 8);
    return 8 - zeros / 8;
}

HOB__DIGITS_INLINE void hob__put_eight(uint32_t u, char *out) {
    uint64_t digits = hob__eight_digits(u) | HOB__ZEROS;
    memcpy(out, &digits, 8);
}

/* ---- sixteen: eight of `high` and then eight of `low` ---- */

#if defined(__SSE2__)
struct hob__sixteen {
    __m128i digits;
};

/* What is multiplied by and added, where the compiler has to fetch it from: it would make it anew
 * for each number, and of some products three shifts and two additions. */
struct hob__digits_constants {
    uint64_t by_ten_thousand[2], ten_thousand[2];
    uint16_t by_hundred[8], hundred[8], by_ten[8], ten[8];
    uint8_t zero[16];
};

HOB__DIGITS_INLINE const struct hob__digits_constants *hob__digits_constants(void) {
#define EIGHT(x)                                                                                   \
    { x, x, x, x, x, x, x, x }
    static const struct hob__digits_constants constants __attribute__((aligned(16))) = {
        {3518437209, 3518437209}, {10000, 10000}, EIGHT(5243), EIGHT(100), EIGHT(6554), EIGHT(10),
        "0000000000000000"};
#undef EIGHT
    const struct hob__digits_constants *known = &constants;
    __asm__("" : "+r"(known));
    return known;
}

HOB__DIGITS_INLINE __m128i hob__constant(const void *at) {
    return _mm_load_si128((const __m128i *)at);
}

HOB__DIGITS_INLINE struct hob__sixteen hob__sixteen_digits(uint32_t high, uint32_t low) {
    const struct hob__digits_constants *c = hob__digits_constants();
    __m128i x = _mm_set_epi64x(low, high), t;
    t = _mm_srli_epi64(_mm_mul_epu32(x, hob__constant(c->by_ten_thousand)), 45);
    x = _mm_sub_epi64(x, _mm_mul_epu32(t, hob__constant(c->ten_thousand)));
    x = _mm_or_si128(t, _mm_slli_epi64(x, 32));
    t = _mm_srli_epi16(_mm_mulhi_epu16(x, hob__constant(c->by_hundred)), 3);
    x = _mm_sub_epi16(x, _mm_mullo_epi16(t, hob__constant(c->hundred)));
    x = _mm_or_si128(t, _mm_slli_epi32(x, 16));
    t = _mm_mulhi_epu16(x, hob__constant(c->by_ten));
    x = _mm_sub_epi16(x, _mm_mullo_epi16(t, hob__constant(c->ten)));
    return (struct hob__sixteen){_mm_or_si128(t, _mm_slli_epi16(x, 8))};
}

/* How many of the last are zero. */
HOB__DIGITS_INLINE int hob__sixteen_zeros(struct hob__sixteen d) {
    __m128i zero = _mm_cmpeq_epi8(d.digits, _mm_setzero_si128());
    return __builtin_clz(~((unsigned)_mm_movemask_epi8(zero) << 16));
}

/* As text; the first eight of them. */
HOB__DIGITS_INLINE uint64_t hob__put_sixteen(struct hob__sixteen d, char *out) {
    __m128i text = _mm_or_si128(d.digits, hob__constant(hob__digits_constants()->zero));
    _mm_storeu_si128((__m128i *)(void *)out, text);
    return (uint64_t)_mm_cvtsi128_si64(text);
}
#else
struct hob__sixteen {
    uint64_t high, low;
};

HOB__DIGITS_INLINE struct hob__sixteen hob__sixteen_digits(uint32_t high, uint32_t low) {
    return (struct hob__sixteen){hob__eight_digits(high), hob__eight_digits(low)};
}

HOB__DIGITS_INLINE int hob__sixteen_zeros(struct hob__sixteen d) {
    if (d.low) return __builtin_clzll(d.low) / 8;
    return d.high ? 8 + __builtin_clzll(d.high) / 8 : 16;
}

HOB__DIGITS_INLINE uint64_t hob__put_sixteen(struct hob__sixteen d, char *out) {
    uint64_t text[2] = {d.high | HOB__ZEROS, d.low | HOB__ZEROS};
    memcpy(out, text, 16);
    return text[0];
}
#endif

/* ---- integers ---- */

/* How long the text is; what is behind it up to 24 bytes is written over, too. */
HOB__DIGITS_INLINE size_t hob__put_uint(uint64_t u, char *out) {
    if (HOB__LIKELY(u < HOB__EIGHT_DIGITS)) return hob__put_below_eight((uint32_t)u, out);
    size_t n = 0;
    uint32_t high;
    if (u < UINT64_C(10) * HOB__EIGHT_DIGITS) { /* nine digits */
        *out = (char)('0' + (high = (uint32_t)u / HOB__EIGHT_DIGITS));
        n = 1;
        hob__put_eight((uint32_t)u - high * HOB__EIGHT_DIGITS, out + n);
        return n + 8;
    }
    if (u >= HOB__SIXTEEN_DIGITS) {
        n = hob__put_below_eight((uint32_t)(u / HOB__SIXTEEN_DIGITS), out);
        u %= HOB__SIXTEEN_DIGITS;
        hob__put_eight((uint32_t)(u / HOB__EIGHT_DIGITS), out + n);
        n += 8;
    } else {
        n = hob__put_below_eight((uint32_t)(u / HOB__EIGHT_DIGITS), out);
    }
    hob__put_eight((uint32_t)(u % HOB__EIGHT_DIGITS), out + n);
    return n + 8;
}

HOB__DIGITS_INLINE size_t hob__put_int(int64_t i, char *out) {
    uint64_t minus = (uint64_t)(i >> 63); /* all ones, or none */
    *out = '-';
    return (minus & 1) + hob__put_uint(((uint64_t)i ^ minus) - minus, out + (minus & 1));
}

#endif
