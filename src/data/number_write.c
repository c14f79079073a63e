/* data/number_write.c - numbers to text.
 *
 * A double's text is the shortest that reads as the same double, and of those the nearest to it:
 * Schubfach (Giulietti, "The Schubfach way to render doubles", 2022). The double and the two
 * middles to its neighbours are multiplied by the power of ten that leaves one or two more digits
 * than needed; among the at most four candidates is the answer. */
#include "data/number.h"
#include <string.h>

static const char pairs[] = "0001020304050607080910111213141516171819202122232425262728293031323334"
                            "353637383940414243444546474"
                            "8495051525354555657585960616263646566676869707172737475767778798081828"
                            "384858687888990919293949596"
                            "979899";

static const uint64_t tens[] = {UINT64_C(0),
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
                                UINT64_C(10000000000000000),
                                UINT64_C(100000000000000000),
                                UINT64_C(1000000000000000000),
                                UINT64_C(10000000000000000000)};

static inline unsigned count_digits(uint64_t u) {
    unsigned low = (64u - (unsigned)__builtin_clzll(u | 1)) * 1233 >> 12; /* log10, rounded down */
    return low + (u >= tens[low]);
}

/* Exactly n digits. */
static inline void put_digits(uint64_t u, unsigned n, char *out) {
    for (; n > 8; n -= 8) { /* 32-bit divisions are cheaper */
        uint32_t low = (uint32_t)(u % 100000000);
        u /= 100000000;
        for (unsigned i = n; i > n - 8; i -= 2, low /= 100)
            memcpy(out + i - 2, pairs + 2 * (low % 100), 2);
    }
    uint32_t rest = (uint32_t)u;
    for (; n >= 2; n -= 2, rest /= 100) memcpy(out + n - 2, pairs + 2 * (rest % 100), 2);
    if (n) *out = (char)('0' + rest);
}

size_t hob__json_write_uint(uint64_t u, char *out) {
    unsigned n = count_digits(u);
    put_digits(u, n, out);
    return n;
}

size_t hob__json_write_int(int64_t i, char *out) {
    if (i >= 0) return hob__json_write_uint((uint64_t)i, out);
    *out = '-';
    return 1 + hob__json_write_uint(0 - (uint64_t)i, out + 1);
}

/* ---- doubles ---- */

struct decimal {
    uint64_t digits;
    int exponent; /* of ten */
};

/* floor(log10(2^q)), and of 3/4 of that; floor(log2(10^k)). */
static int floor_log10(int q, bool three_quarters) {
    return (q * 1262611 - (three_quarters ? 524031 : 0)) >> 22;
}
static int floor_log2(int k) { return (k * 1741647) >> 19; }

/* The highest bits of g * c, g of 128 bits, its last bit set when anything was cut off. */
static uint64_t product(const uint64_t g[2], uint64_t c) {
    unsigned __int128 x = (unsigned __int128)g[1] * c, y = (unsigned __int128)g[0] * c;
    y += (uint64_t)(x >> 64);
    return (uint64_t)(y >> 64) | ((uint64_t)y > 1);
}

static struct decimal shortest(uint64_t fraction, int exponent) {
    const int bias = 1075;
    uint64_t c = fraction | (exponent ? UINT64_C(1) << 52 : 0);
    int q = (exponent ? exponent : 1) - bias;
    if (q <= 0 && q > -53 && (c & ((UINT64_C(1) << -q) - 1)) == 0)
        return (struct decimal){c >> -q, 0}; /* a whole number */
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

/* 1e-04 <= d < 1e16 with a point, others with an exponent, as Python does. */
static size_t lay_out(struct decimal d, char *out) {
    while (d.digits % 10 == 0) {
        d.digits /= 10;
        d.exponent++;
    }
    unsigned n = count_digits(d.digits);
    int point = (int)n + d.exponent; /* digits before it */
    if (point > 0 && point <= 16) {
        if (d.exponent >= 0) {
            put_digits(d.digits, n, out);
            memset(out + n, '0', (size_t)d.exponent);
            memcpy(out + point, ".0", 2);
            return (size_t)point + 2;
        }
        put_digits(d.digits, n, out + 1);
        memmove(out, out + 1, (size_t)point);
        out[point] = '.';
        return n + 1;
    }
    if (point <= 0 && point > -4) {
        memcpy(out, "0.000", 5);
        put_digits(d.digits, n, out + 2 - point);
        return 2 + (size_t)-point + n;
    }
    put_digits(d.digits, n, out + 1);
    out[0] = out[1];
    size_t at = 1;
    if (n > 1) {
        out[1] = '.';
        at = n + 1;
    }
    out[at++] = 'e';
    return at + hob__json_write_int(point - 1, out + at);
}

size_t hob__json_write_double(double d, char *out) {
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    size_t sign = bits >> 63;
    if (sign) *out++ = '-';
    bits &= UINT64_MAX >> 1;
    if (bits == 0) {
        memcpy(out, "0.0", 3);
        return sign + 3;
    }
    return sign + lay_out(shortest(bits & ((UINT64_C(1) << 52) - 1), (int)(bits >> 52)), out);
}
