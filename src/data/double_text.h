/* data/double_text.h - the text of a double, in the usual case; the others are number_write.c's. */
#ifndef HOB_DATA_DOUBLE_TEXT_H
#define HOB_DATA_DOUBLE_TEXT_H

#include "data/double_digits.h"
#include "data/number.h"

/* As hob__json_write_double(), which does what is not usual: all but numbers with a fraction, of 1
 * and up to 2^23, of which at most seven digits stand before the point. For those the power of ten
 * (10^10 to 10^16) is exact in 64 bits, and so is the product; and no boundary falls on a whole
 * number: it would be odd in units of less than one. That leaves one tie, between two digits. */
HOB__DIGITS_INLINE size_t hob__put_double(double d, char *out) {
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    uint64_t c = (bits & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1) << 52;
    int exponent = (int)(bits >> 52 & 0x7FF), q = exponent - 1075;
    if (HOB__UNLIKELY((unsigned)(exponent - 1023) >= 23 || __builtin_ctzll(c) + q >= 0))
        return hob__json_write_double(d, out);
    int k = hob__floor_log10(q, false), h = q + hob__floor_log2(-k) + 1;
    uint64_t power = hob__powers_of_ten[-k][0];
    unsigned __int128 x = (unsigned __int128)power * (c << h);
    uint64_t whole = (uint64_t)(x >> 64), rest = (uint64_t)x;
    uint64_t tie = UINT64_C(1) << 63, rounded = whole + (rest + (whole & 1) > tie);
    size_t sign = bits >> 63;
    *out = '-';
    return sign + hob__put_with_point(hob__digits_of((struct hob__decimal){
                                          hob__shorter(whole, rest, power >> (5 - h), rounded), k}),
                                      out + sign);
}

#endif
