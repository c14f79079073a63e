/* data/number_wide.h - the same numbers as number_usual.h reads, by the registers of wide.h: with
 * AVX2 up to 16 digits at once, whatever their count. */
#ifndef HOB_DATA_NUMBER_WIDE_H
#define HOB_DATA_NUMBER_WIDE_H
#include "data/number_usual.h"
#include "data/wide.h"

#if defined(HOB__WIDE_AVX2)

/* The `count` digits before `end`, at most 16. */
HOB__WIDE uint64_t digits_before(const uint8_t *end, unsigned count) {
    static const uint8_t wanted[32] = {[16 ... 31] = 0xFF};
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(end - 16));
    v = _mm_sub_epi8(v, _mm_load_si128((const __m128i *)(const void *)hob__wide_bytes.zero));
    v = _mm_and_si128(v, _mm_loadu_si128((const __m128i *)(const void *)(wanted + count)));
    /* Pairs, fours, eights. */
    v = _mm_maddubs_epi16(v, _mm_set1_epi16(10 | 1 << 8));
    v = _mm_madd_epi16(v, _mm_set1_epi32(100 | 1 << 16));
    v = _mm_packus_epi32(v, v);
    v = _mm_madd_epi16(v, _mm_set1_epi32(10000 | 1 << 16));
    uint64_t both = (uint64_t)_mm_cvtsi128_si64(v);
    return (uint32_t)both * UINT64_C(100000000) + (both >> 32);
}

/* The first `count` digits at p, 1 to 4. */
HOB__WIDE uint32_t four_at_most(const uint8_t *p, unsigned count) {
    uint32_t x;
    memcpy(&x, p, sizeof x);
    x = (x ^ 0x30303030u) << (32 - 8 * count);
    x = x * 10 + (x >> 8);
    return (x & 0xFF) * 100 + (x >> 16 & 0xFF);
}

/* As hob__json_read_usual(); 16 bytes before the number must be readable, too. */
HOB__WIDE const uint8_t *read_usual(const uint8_t *number, struct hob_json *v) {
    static const uint64_t tens[] = {UINT64_C(1),
                                    UINT64_C(10),
                                    UINT64_C(100),
                                    UINT64_C(1000),
                                    UINT64_C(10000),
                                    UINT64_C(100000),
                                    UINT64_C(1000000),
                                    UINT64_C(10000000),
                                    UINT64_C(100000000),
                                    UINT64_C(1000000000),
                                    UINT64_C(10000000000),
                                    UINT64_C(100000000000),
                                    UINT64_C(1000000000000),
                                    UINT64_C(10000000000000),
                                    UINT64_C(100000000000000),
                                    UINT64_C(1000000000000000),
                                    UINT64_C(10000000000000000)};
    /* A bit for each that is no digit. The first one is then a minus, or what is no number; what is
     * behind it is found without waiting for which. */
    uint32_t other = wide_other_than_digits(wide_load(number));
    unsigned minus = other & 1, count;
    other &= ~1u;
    unsigned point = _tzcnt_u32(other), before = point - minus;
    const uint8_t *first = number + minus, *p = number + point;
    bool wrong = (before - 1 >= 18) | (minus & (*number != '-')) | ((*first == '0') & (before > 1));
    if (HOB__UNLIKELY(wrong)) return hob__json_read_usual(number, v);
    if (HOB__LIKELY(*p != '.')) {
        if (HOB__UNLIKELY((*p | 0x20) == 'e' || (minus && *first == '0'))) return NULL;
        uint64_t w = 0;
        unsigned last = before;
        if (HOB__UNLIKELY(before > 16)) {
            last = 16;
            w = hob__value_of_some(hob__digits_at(first, &count), before - last) * tens[last];
        }
        w += digits_before(p, last);
        v->head = HOB_JSON_INT;
        v->of.u = (w ^ (0 - (uint64_t)minus)) + minus;
        return p;
    }
    unsigned end = _tzcnt_u32(other & (other - 1)), behind = end - point - 1;
    if (HOB__UNLIKELY(before > 4 || behind - 1 >= 15 || (number[end] | 0x20) == 'e'))
        return hob__json_read_usual(number, v);
    uint64_t w = four_at_most(first, before) * tens[behind] + digits_before(number + end, behind);
    return hob__usual_double(w, behind, minus, v) ? number + end : NULL;
}

#else

HOB__WIDE const uint8_t *read_usual(const uint8_t *p, struct hob_json *v) {
    return hob__json_read_usual(p, v);
}

#endif

#endif
