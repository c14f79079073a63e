/* data/double_digits.h - the text of a double, in the usual case.
 *
 * The text is the shortest that reads as the same double, and of those the nearest to it: Schubfach
 * (Giulietti, "The Schubfach way to render doubles", 2022). The double is multiplied by the power
 * of ten that leaves at most one digit more than needed, 16 or 17 of them and a fraction; the
 * answer is then one of the multiples of ten beside it, if that is nearer than the middle to the
 * next double, or itself, rounded. */
#ifndef HOB_DATA_DOUBLE_DIGITS_H
#define HOB_DATA_DOUBLE_DIGITS_H

#include "data/digits.h"

struct hob__decimal {
    uint64_t digits;
    int exponent; /* of ten */
};

/* floor(log10(2^q)), and of 3/4 of that; floor(log2(10^k)). */
HOB__DIGITS_INLINE int hob__floor_log10(int q, bool three_quarters) {
    return (q * 1262611 - (three_quarters ? 524031 : 0)) >> 22;
}
HOB__DIGITS_INLINE int hob__floor_log2(int k) { return (k * 1741647) >> 19; }

/* A double is whole + rest * 2^-64, its neighbours begin half * 2^-60 away: the multiple of ten
 * that is nearer than that, or what it is rounded. Without branches: which it is, is as good as
 * random. */
HOB__DIGITS_INLINE uint64_t hob__shorter(uint64_t whole, uint64_t rest, uint64_t half,
                                         uint64_t rounded) {
    uint64_t tens = whole / 10 * 10;
    uint64_t above = (whole - tens) << 60 | rest >> 4, below = (UINT64_C(10) << 60) - above;
    uint64_t ten = tens + (below < half ? 10 : 0);
    uint64_t nearer = 0 - (uint64_t)((above < half) | (below < half));
    return rounded ^ ((rounded ^ ten) & nearer);
}

/* The digits of a double: 17 of them, and how many are left without the zeros at the end. */
struct hob__digits {
    struct hob__sixteen rest; /* all but the first */
    uint64_t first;
    int count, point; /* so many before the point: also none, or less */
};

HOB__DIGITS_INLINE struct hob__digits hob__digits_of(struct hob__decimal decimal) {
    uint64_t u = decimal.digits, sixteen = u < HOB__SIXTEEN_DIGITS;
    u += u * 9 & (0 - sixteen);
    struct hob__digits d = {.first = u / HOB__SIXTEEN_DIGITS,
                            .point = decimal.exponent + 17 - (int)sixteen};
    uint64_t rest = u - d.first * HOB__SIXTEEN_DIGITS;
    d.rest = hob__sixteen_digits((uint32_t)(rest / HOB__EIGHT_DIGITS),
                                 (uint32_t)(rest % HOB__EIGHT_DIGITS));
    d.count = 17 - hob__sixteen_zeros(d.rest);
    return d;
}

/* Of at most seven digits before the point, and of some behind it or a zero. */
HOB__DIGITS_INLINE size_t hob__put_with_point(struct hob__digits d, char *out) {
    /* All a byte further; then eight bytes once more, with the point and those before it. */
    uint64_t first = hob__put_sixteen(d.rest, out + 2) << 8 | ('0' + d.first);
    uint64_t point = UINT64_C(1) << 8 * d.point, behind = 0 - (point << 8); /* none when it is 7 */
    first = (first & (point - 1)) | point * '.' | (first << 8 & behind);
    memcpy(out, &first, 8);
    return (size_t)(d.count > d.point ? d.count + 1 : d.point + 2);
}

#endif
