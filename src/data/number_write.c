/* data/number_write.c - numbers to text; the usual doubles are double_text.h's.
 *
 * The text of a double is the shortest that reads as the same double, and of those the nearest to
 * it: Schubfach (Giulietti, "The Schubfach way to render doubles", 2022). The double is multiplied
 * by the power of ten that leaves at most one digit more than needed, 16 or 17 of them and a
 * fraction; the answer is then one of the multiples of ten beside it, if that is nearer than the
 * middle to the next double, or itself, rounded. */
#include "data/double_text.h"

#include <string.h>

size_t hob__json_write_uint(uint64_t u, char *out) { return (size_t)(hob__put_uint(u, out) - out); }

size_t hob__json_write_int(int64_t i, char *out) { return (size_t)(hob__put_int(i, out) - out); }

size_t hob__json_write_double(double d, char *out) {
    return (size_t)(hob__put_double(d, out) - out);
}

/* ---- doubles ---- */

struct decimal {
    uint64_t digits;
    int exponent; /* of ten */
};

/* floor(log10(2^q)), and of 3/4 of that; floor(log2(10^k)). */
static inline int floor_log10(int q, bool three_quarters) {
    return (q * 1262611 - (three_quarters ? 524031 : 0)) >> 22;
}
static inline int floor_log2(int k) { return (k * 1741647) >> 19; }

/* A double is whole + rest * 2^-64, its neighbours begin half * 2^-60 away: the multiple of ten
 * that is nearer than that, or what it is rounded. Without branches: which it is, is as good as
 * random. */
static inline uint64_t shorter(uint64_t whole, uint64_t rest, uint64_t half, uint64_t rounded) {
    uint64_t tens = whole / 10 * 10;
    uint64_t above = (whole - tens) << 60 | rest >> 4, below = (UINT64_C(10) << 60) - above;
    uint64_t ten = tens + (below < half ? 10 : 0);
    uint64_t nearer = 0 - (uint64_t)((above < half) | (below < half));
    return rounded ^ ((rounded ^ ten) & nearer);
}

/* The digits of a double: 17 of them, and how many are left without the zeros at the end. */
struct digits {
    struct hob__sixteen rest; /* all but the first */
    uint64_t first;
    int count, point; /* so many before the point: also none, or less */
};

static inline struct digits digits_of(struct decimal decimal) {
    uint64_t u = decimal.digits, sixteen = u < HOB__SIXTEEN_DIGITS;
    u += u * 9 & (0 - sixteen);
    struct digits d = {.first = u / HOB__SIXTEEN_DIGITS,
                       .point = decimal.exponent + 17 - (int)sixteen};
    uint64_t rest = u - d.first * HOB__SIXTEEN_DIGITS;
    d.rest = hob__sixteen_digits((uint32_t)(rest / HOB__EIGHT_DIGITS),
                                 (uint32_t)(rest % HOB__EIGHT_DIGITS));
    d.count = 17 - hob__sixteen_zeros(d.rest);
    return d;
}

/* The highest bits of g * c, g of 128 bits, its last bit set when anything was cut off. */
static uint64_t product(const uint64_t g[2], uint64_t c) {
    unsigned __int128 x = (unsigned __int128)g[1] * c, y = (unsigned __int128)g[0] * c;
    y += (uint64_t)(x >> 64);
    return (uint64_t)(y >> 64) | ((uint64_t)y > 1);
}

/* In every case: the two middles to the double's neighbours are multiplied, too. */
static struct decimal shortest(uint64_t fraction, int exponent) {
    const int bias = 1075;
    uint64_t c = fraction | (exponent ? UINT64_C(1) << 52 : 0);
    int q = (exponent ? exponent : 1) - bias;
    bool odd = c & 1, lower_is_near = fraction == 0 && exponent > 1;
    int k = floor_log10(q, lower_is_near), h = q + floor_log2(-k) + 1;
    const uint64_t *power = hob__powers_of_ten[-k];
    uint64_t g[2] = {power[0], power[1]};
    /* Rounded up; the table has that from 10^-27 on, and up to 10^55 exactly. */
    if (-k < -27 || -k > 55) {
        g[1]++;
        g[0] += g[1] == 0;
    }
    uint64_t low = product(g, (4 * c - 2 + lower_is_near) << h) + odd;
    uint64_t mid = product(g, 4 * c << h);
    uint64_t high = product(g, (4 * c + 2) << h) - odd;
    uint64_t s = mid / 4;
    if (s >= 10) { /* one digit less */
        uint64_t t = s / 10;
        bool down = low <= 40 * t, up = 40 * t + 40 <= high;
        if (down != up) return (struct decimal){t + up, k + 1};
    }
    bool down = low <= 4 * s, up = 4 * s + 4 <= high;
    if (down != up) return (struct decimal){s + up, k};
    uint64_t half = 4 * s + 2;
    return (struct decimal){s + (mid > half || (mid == half && (s & 1))), k};
}

/* By one product, unless it is too near to a boundary to tell: then false. c is the double's 53
 * bits, c * 2^q its value, and not a power of two. */
static bool shortest_by_one(uint64_t c, int q, struct decimal *decimal) {
    int k = floor_log10(q, false), h = q + floor_log2(-k) + 1;
    const uint64_t *power = hob__powers_of_ten[-k];
    unsigned __int128 low = (unsigned __int128)power[1] * (c << h);
    unsigned __int128 x = (unsigned __int128)power[0] * (c << h) + (uint64_t)(low >> 64);
    uint64_t whole = (uint64_t)(x >> 64), rest = (uint64_t)x, half = power[0] >> (5 - h);
    /* All are less than 2 wrong, in units of 2^-60. */
    uint64_t above = whole % 10 << 60 | rest >> 4, below = (UINT64_C(10) << 60) - above;
    if (above - half + 2 < 5 || below - half + 2 < 5 || rest - (UINT64_C(1) << 63) + 2 < 5)
        return false;
    decimal->digits = shorter(whole, rest, half, whole + (rest >> 63));
    decimal->exponent = k;
    return true;
}

/* As for a double with few digits, which digits_of() wants more of. */
static struct decimal with_16_digits(struct decimal decimal) {
    for (; decimal.digits < HOB__SIXTEEN_DIGITS / 10; decimal.exponent--) decimal.digits *= 10;
    return decimal;
}

static void put_17(struct digits d, char *out) {
    *out = (char)('0' + d.first);
    hob__put_sixteen(d.rest, out + 1);
}

static size_t with_exponent(struct digits d, char *out) {
    put_17(d, out + 1);
    out[0] = out[1];
    size_t at = 1;
    if (d.count > 1) {
        out[1] = '.';
        at = (size_t)d.count + 1;
    }
    out[at++] = 'e';
    return (size_t)(hob__put_int(d.point - 1, out + at) - out);
}

/* 1e-04 <= d < 1e16 with a point, others with an exponent, as Python does. */
static inline size_t lay_out(struct digits d, char *out) {
    if (d.point > 0 && d.point <= 16) {
        put_17(d, out);
        memmove(out + d.point + 1, out + d.point, (size_t)(17 - d.point));
        out[d.point] = '.';
        return (size_t)(d.count > d.point ? d.count + 1 : d.point + 2);
    }
    if (d.point <= 0 && d.point > -4) {
        memcpy(out, "0.000", 5);
        put_17(d, out + 2 - d.point);
        return (size_t)(2 - d.point + d.count);
    }
    return with_exponent(d, out);
}

size_t hob__json_write_any_double(double d, char *out) {
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    size_t sign = bits >> 63;
    *out = '-';
    out += sign;
    bits &= UINT64_MAX >> 1;
    if (bits == 0) {
        memcpy(out, "0.0", 3);
        return sign + 3;
    }
    uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1), c = fraction | UINT64_C(1) << 52;
    int exponent = (int)(bits >> 52), q = exponent - 1075;
    if (q <= 0 && q > -53 && (c & ((UINT64_C(1) << -q) - 1)) == 0) { /* a whole number */
        size_t n = (size_t)(hob__put_uint(c >> -q, out) - out);
        memcpy(out + n, ".0", 2);
        return sign + n + 2;
    }
    struct decimal decimal;
    if (HOB__UNLIKELY(exponent == 0 || fraction == 0 || !shortest_by_one(c, q, &decimal)))
        decimal = with_16_digits(shortest(fraction, exponent));
    return sign + lay_out(digits_of(decimal), out);
}
