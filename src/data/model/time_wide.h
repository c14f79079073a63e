/* data/model/time_wide.h - a time as it mostly is, 2026-01-31T12:00:00Z, by the registers of
 * wide.h: all its digits at once with AVX2. */
#ifndef HOB_DATA_TIME_WIDE_H
#define HOB_DATA_TIME_WIDE_H
#include "data/model/model.h"
#include "data/wide.h"

#if defined(HOB__WIDE_AVX2)

/* Its 20 bytes at p. False: it is written in another way, or none at all. */
HOB__WIDE bool read_usual_time(const uint8_t *p, struct hob_time *out) {
    enum { NONE = 0x80, HOUR = 3600, MINUTE = 60, DAYS = 32 };
    /* Behind 16 bytes come four; what is no digit stands as it is, and every digit is at most 9. */
    static const struct {
        char form[16], rest[16];
        uint8_t most[16], rest_most[16];
        uint8_t digits[16], rest_digits[16]; /* where they are, the four-digit year first */
        int8_t tens[16];                     /* two digits become a number: */
        uint16_t least[8], above[8];         /* year, year, month, day, hour, minute, second, 0 */
        int16_t weight[8];                   /* two numbers become one */
    } k __attribute__((aligned(16))) = {
        .form = "0000-00-00T00:00",
        .rest = ":00Z",
        .most = {9, 9, 9, 9, 0, 9, 9, 0, 9, 9, 0, 9, 9, 0, 9, 9},
        .rest_most = {0, 9, 9, 0},
        .digits = {0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, NONE, NONE, NONE, NONE},
        .rest_digits = {[0 ... 11] = NONE, 1, 2, NONE, NONE},
        .tens = {10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 0, 0},
        .least = {0, 0, 1, 1, 0, 0, 0, 0},
        .above = {99, 99, 11, 27, 23, 59, 59, 0},
        .weight = {100, 1, DAYS, 1, HOUR, MINUTE, 1, 0}};
#define CONSTANT(name) _mm_load_si128((const __m128i *)(const void *)k.name)
    int32_t last;
    memcpy(&last, p + 16, sizeof last);
    __m128i v = _mm_xor_si128(_mm_loadu_si128((const __m128i *)(const void *)p), CONSTANT(form));
    __m128i w = _mm_xor_si128(_mm_cvtsi32_si128(last), CONSTANT(rest));
    __m128i wrong =
        _mm_or_si128(_mm_subs_epu8(v, CONSTANT(most)), _mm_subs_epu8(w, CONSTANT(rest_most)));
    v = _mm_or_si128(_mm_shuffle_epi8(v, CONSTANT(digits)),
                     _mm_shuffle_epi8(w, CONSTANT(rest_digits)));
    v = _mm_maddubs_epi16(v, CONSTANT(tens));
    /* A month or day of 0 becomes far too large; the days 29 to 31 are not for here. */
    wrong = _mm_or_si128(wrong, _mm_subs_epu16(_mm_sub_epi16(v, CONSTANT(least)), CONSTANT(above)));
    if (HOB__UNLIKELY(!_mm_testz_si128(wrong, wrong))) return false;
    v = _mm_madd_epi16(v, CONSTANT(weight));
#undef CONSTANT
    uint64_t date = (uint64_t)_mm_cvtsi128_si64(v), time = (uint64_t)_mm_extract_epi64(v, 1);
    unsigned month = (unsigned)(date >> 32) / DAYS, day = (unsigned)(date >> 32) % DAYS;
    out->us =
        (hob__days((uint32_t)date, month, day) * 86400 + (int64_t)((uint32_t)time + (time >> 32))) *
        1000000;
    return true;
}

#else

HOB__WIDE bool read_usual_time(const uint8_t *p, struct hob_time *out) {
    (void)p, (void)out;
    return false;
}

#endif

#endif
