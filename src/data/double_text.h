/* data/double_text.h - the text of a double, in the usual case; the others are number_write.c's. */
#ifndef HOB_DATA_DOUBLE_TEXT_H
#define HOB_DATA_DOUBLE_TEXT_H

#include "data/digits.h"
#include "data/number.h"

/* The higher half of the product. */
HOB__DIGITS_INLINE uint64_t hob__high(uint64_t a, uint64_t b) {
    return (uint64_t)((unsigned __int128)a * b >> 64);
}

/* As hob__json_write_any_double(), which does what is not usual: all but numbers with a fraction,
 * of 1 and up to 2^26. Of those the bits before the point are a whole number as they stand, and
 * only the fraction has to be cut: n digits of it, or n - 1 if these are nearer than the middle to
 * the next double. All products are exact: the powers of ten have less than 64 bits. So no test
 * against a middle can be a tie: it would be an odd number of units less than one. That leaves one
 * tie, between two last digits. And the fraction is never rounded to one, since no whole number is
 * nearer to a double than to itself. */
HOB__SIXTEEN_INLINE char *hob__put_double(double d, char *out) {
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    unsigned e = (unsigned)(bits >> 52 & 0x7FF) - 1023;
    uint64_t fraction = bits << ((12 + e) & 63); /* of 2^64 */
    if (HOB__UNLIKELY(e >= HOB__USUAL_DOUBLES || fraction == 0))
        return out + hob__json_write_any_double(d, out);
    const struct hob__usual_double *usual = &hob__usual_doubles[e];
    uint64_t whole = (bits << 11 | UINT64_C(1) << 63) >> (63 - e);

    uint64_t tens = hob__high(fraction, usual->power), rest = fraction * usual->power;
    uint64_t last = hob__high(rest, 10), tie = UINT64_C(1) << 63;
    last += rest * 10 + (last & 1) > tie;
    /* Without branches: which it is, is as good as random. */
    tens += __builtin_add_overflow(rest, usual->half, &rest); /* nearer to the one above */
    last &= (uint64_t)(rest < usual->twice) - 1;
    uint64_t sixteen = (tens * 10 + last) * usual->left;
    struct hob__sixteen digits = hob__sixteen_digits((uint32_t)(sixteen / HOB__EIGHT_DIGITS),
                                                     (uint32_t)(sixteen % HOB__EIGHT_DIGITS));

    char *at = out;
    *at = '-';
    at += bits >> 63;
    if (HOB__LIKELY(whole < 1000))
        at = hob__put_below_1000((uint32_t)whole, at);
    else
        at += hob__put_below_eight((uint32_t)whole, at);
    *at++ = '.';
    hob__put_sixteen(digits, at);
    return at + 16 - hob__sixteen_zeros(digits);
}

#endif
