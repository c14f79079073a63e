/* data/number_read.c - numbers from text.
 *
 * Digits are gathered in a 64-bit integer. A double is that times a power of ten: exact as it is
 * while both are small (Clinger, 1990), else by one or two 64x64-bit products with a table of
 * 128-bit powers (Lemire, "Number Parsing at a Gigabyte per Second", 2021), else, for a few in a
 * million, by the C library. number_usual.h is the shorter way for most. */
#include "data/number_usual.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double double_of(uint64_t bits) {
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

enum { MANTISSA = 52, INFINITE = 0x7FF };

/* w * 10^q, w not 0: true and the double's bits without a sign; false: too near to the middle of
 * two doubles to be told by 128 bits. */
static bool scale(uint64_t w, int64_t q, uint64_t *bits) {
    if (q < -342 || q > 308) {
        *bits = q < 0 ? 0 : (uint64_t)INFINITE << MANTISSA;
        return true;
    }
    int lead = __builtin_clzll(w);
    w <<= lead;
    const uint64_t *power = hob__powers_of_ten[q];
    unsigned __int128 first = (unsigned __int128)w * power[0];
    uint64_t high = (uint64_t)(first >> 64), low = (uint64_t)first;
    if ((high & 0x1FF) == 0x1FF) { /* the lower half could carry into what is looked at */
        uint64_t more = (uint64_t)((unsigned __int128)w * power[1] >> 64);
        low += more;
        high += low < more;
    }
    if (low == UINT64_MAX && (q < -27 || q > 55)) return false;
    int top = (int)(high >> 63);
    uint64_t m = high >> (top + 64 - MANTISSA - 3);
    int64_t e = ((217706 * q) >> 16) + 63 + top - lead + 1023;
    if (e <= 0) { /* subnormal */
        if (-e + 1 >= 64) {
            *bits = 0;
            return true;
        }
        m >>= -e + 1;
        m += m & 1;
        *bits = m >> 1; /* one that rounds up to the smallest normal has the exponent's bit in it */
        return true;
    }
    /* Exactly in the middle: to even. */
    if (low <= 1 && q >= -4 && q <= 23 && (m & 3) == 1 && m << (top + 64 - MANTISSA - 3) == high)
        m &= ~UINT64_C(1);
    m += m & 1;
    m >>= 1;
    if (m >= UINT64_C(2) << MANTISSA) {
        m = UINT64_C(1) << MANTISSA;
        e++;
    }
    if (e >= INFINITE) {
        *bits = (uint64_t)INFINITE << MANTISSA;
        return true;
    }
    *bits = (m & ~(UINT64_C(1) << MANTISSA)) | (uint64_t)e << MANTISSA;
    return true;
}

/* The C library's way, whatever the locale. No double, and no middle of two, has more than 768
 * digits: of more only whether there is another than 0 matters. */
static double thoroughly(const uint8_t *p, const uint8_t *end, int64_t e10) {
    enum { DIGITS = 800 };
    static locale_t c_locale;
    char text[DIGITS + 32];
    size_t n = 0;
    bool point = false, sticky = false;
    for (; p < end && *p != 'e' && *p != 'E'; p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        if (n == 0 && *p == '0') {
            e10 -= point;
            continue;
        }
        if (n < DIGITS) {
            text[n++] = (char)*p;
            e10 -= point;
        } else {
            sticky |= *p != '0';
            e10 += !point;
        }
    }
    if (sticky) {
        text[n++] = '1';
        e10--;
    }
    /* e10 is of the whole digits now */
    n += (size_t)snprintf(text + n, sizeof text - n, "e%lld", (long long)e10);
    locale_t l = __atomic_load_n(&c_locale, __ATOMIC_ACQUIRE);
    if (!l) {
        locale_t mine = newlocale(LC_ALL_MASK, "C", NULL), none = NULL;
        if (mine && !__atomic_compare_exchange_n(&c_locale, &none, mine, false, __ATOMIC_ACQ_REL,
                                                 __ATOMIC_ACQUIRE))
            freelocale(mine);
        l = __atomic_load_n(&c_locale, __ATOMIC_ACQUIRE);
    }
    return l ? strtod_l(text, NULL, l) : strtod(text, NULL);
}

static inline bool digit(const uint8_t *p, const uint8_t *end) {
    return p < end && (uint8_t)(*p - '0') < 10;
}

/* The digits at p, into *w (modulo 2^64). */
static inline const uint8_t *digits(const uint8_t *p, const uint8_t *end, uint64_t *w) {
    uint64_t v = *w;
    for (; digit(p, end); p++) v = v * 10 + (uint64_t)(*p - '0');
    *w = v;
    return p;
}

/* The first 19 digits from the first that is not 0, and the power of ten that goes with them. */
static uint64_t first_19(const uint8_t *p, const uint8_t *end, int64_t *e10) {
    uint64_t w = 0;
    int n = 0;
    bool point = false;
    for (; p < end && (*p == '.' || digit(p, end)); p++) {
        if (*p == '.') {
            point = true;
        } else if (n < 19) {
            w = w * 10 + (uint64_t)(*p - '0');
            n += w != 0;
            *e10 -= point;
        } else {
            *e10 += !point;
        }
    }
    return w;
}

static const uint8_t *exponent(const uint8_t *p, const uint8_t *end, int64_t *e10) {
    bool minus = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    if (!digit(p, end)) return NULL;
    int64_t e = 0;
    for (; digit(p, end); p++)
        if (e < 100000000) e = e * 10 + (*p - '0');
    *e10 += minus ? -e : e;
    return p;
}

static const double small_powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                      1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                      1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* begin: the first digit; w: the digits when there are no more than 19 of them, times 10^e10. */
static bool make_double(const uint8_t *begin, const uint8_t *end, uint64_t w, int64_t e10,
                        int64_t written_e10, ptrdiff_t count, double *out) {
    if (HOB__LIKELY(count <= 19)) {
        if (w <= UINT64_C(1) << 53 && e10 >= -22 && e10 <= 22) {
            *out = e10 < 0 ? (double)w / small_powers[-e10] : (double)w * small_powers[e10];
            return true;
        }
        uint64_t bits;
        if (w == 0) {
            *out = 0;
            return true;
        }
        if (scale(w, e10, &bits)) {
            *out = double_of(bits);
            return bits != (uint64_t)INFINITE << MANTISSA;
        }
    } else {
        int64_t e = written_e10;
        uint64_t low, high;
        w = first_19(begin, end, &e);
        if (w == 0) {
            *out = 0;
            return true;
        }
        /* What was cut off is less than one of the last digit. */
        if (scale(w, e, &low) && scale(w + 1, e, &high) && low == high) {
            *out = double_of(low);
            return low != (uint64_t)INFINITE << MANTISSA;
        }
    }
    *out = thoroughly(begin, end, written_e10);
    return *out <= 1.7976931348623157e308;
}

static void set_double(struct hob_json *v, double d) {
    v->head = HOB_JSON_DOUBLE;
    v->of.d = d;
}

/* An integer of `count` digits whose value is w modulo 2^64. */
static bool set_integer(struct hob_json *v, bool minus, uint64_t w, ptrdiff_t count,
                        uint8_t first) {
    if (HOB__UNLIKELY(count >= 20)) {
        /* 20 digits: those up to 18446744073709551615 begin with 1 and have not gone round. */
        if (count > 20 || first != '1' || w < UINT64_C(10000000000000000000)) return false;
    }
    if (minus) {
        if (w > UINT64_C(1) << 63) return false;
        v->head = HOB_JSON_INT;
        v->of.u = 0 - w;
        return true;
    }
    v->head = w <= INT64_MAX ? HOB_JSON_INT : HOB_JSON_UINT;
    v->of.u = w;
    return true;
}

const uint8_t *hob__json_read_number(const uint8_t *p, const uint8_t *end, bool big_double,
                                     struct hob_json *v, int *why) {
    if (HOB__LIKELY(end - p >= HOB__NUMBER_SIGHT)) {
        const uint8_t *after = hob__json_read_usual(p, v);
        if (HOB__LIKELY(after != NULL)) return after;
    }
    bool minus = *p == '-';
    p += minus;
    *why = HOB_E_JSON;
    if (!digit(p, end)) return NULL;
    const uint8_t *begin = p;
    uint64_t w = 0;
    if (*p == '0')
        p++;
    else
        p = digits(p, end, &w);
    ptrdiff_t count = p - begin;
    int64_t e10 = 0, written = 0;
    bool whole = true;
    if (p < end && *p == '.') {
        const uint8_t *fraction = ++p;
        p = digits(p, end, &w);
        if (p == fraction) return NULL;
        count += p - fraction;
        e10 = fraction - p;
        whole = false;
    }
    const uint8_t *mantissa_end = p;
    if (p < end && (*p == 'e' || *p == 'E')) {
        p = exponent(p + 1, end, &written);
        if (!p) return NULL;
        e10 += written;
        whole = false;
    }
    if (whole && !(minus && w == 0)) { /* -0 is a double */
        if (HOB__LIKELY(set_integer(v, minus, w, count, *begin))) return p;
        *why = HOB_E_JSON_RANGE;
        if (!big_double) return NULL;
    }
    if (count > 19) { /* zeros in front do not count: 0.000...1 */
        const uint8_t *from = begin;
        while (from < mantissa_end && (*from == '0' || *from == '.')) count -= *from++ == '0';
    }
    double d;
    *why = HOB_E_JSON_RANGE;
    if (!make_double(begin, mantissa_end, w, e10, written, count, &d)) return NULL;
    set_double(v, minus ? -d : d);
    return p;
}
