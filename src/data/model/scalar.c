/* data/model/scalar.c - single values: what of JSON fits into which type, and the texts of points
 * in time, UUIDs and bytes. */
#include "data/model/model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- numbers ---- */

/* Of integers: how many bits, and whether a sign. */
static unsigned bits_of(unsigned kind) {
    return 8u << (kind >= HOB__KIND_UINT8 ? kind - HOB__KIND_UINT8 : kind - HOB__KIND_INT8);
}

static bool store_int(unsigned kind, int64_t i, void *to) {
    unsigned bits = bits_of(kind);
    int64_t most = INT64_MAX >> (64 - bits);
    if (i > most || i < -most - 1) return false;
    memcpy(to, &i, bits / 8); /* little-endian, as all that Hob runs on */
    return true;
}

static bool store_uint(unsigned kind, uint64_t u, void *to) {
    unsigned bits = bits_of(kind);
    if (u > UINT64_MAX >> (64 - bits)) return false;
    memcpy(to, &u, bits / 8);
    return true;
}

static bool store_integer(unsigned kind, const struct hob_json *v, void *to) {
    bool has_sign = kind < HOB__KIND_UINT8;
    switch (hob_json_type(v)) {
    case HOB_JSON_INT:
        if (has_sign) return store_int(kind, v->of.i, to);
        return v->of.i >= 0 && store_uint(kind, v->of.u, to);
    case HOB_JSON_UINT:
        return !has_sign && store_uint(kind, v->of.u, to);
    case HOB_JSON_DOUBLE: {
        double d = v->of.d;
        if (d != trunc(d)) return false;
        if (has_sign) return d >= -0x1p63 && d < 0x1p63 && store_int(kind, (int64_t)d, to);
        return d >= 0 && d < 0x1p64 && store_uint(kind, (uint64_t)d, to);
    }
    default:
        return false;
    }
}

bool hob__store_number(const struct hob__slot *s, const struct hob_json *v, void *to) {
    if (s->kind >= HOB__KIND_INT8 && s->kind <= HOB__KIND_UINT64)
        return store_integer(s->kind, v, to);
    double d;
    switch (hob_json_type(v)) {
    case HOB_JSON_INT:
        d = (double)v->of.i;
        break;
    case HOB_JSON_UINT:
        d = (double)v->of.u;
        break;
    default:
        d = v->of.d;
    }
    if (s->kind == HOB__KIND_FLOAT) {
        float f = (float)d;
        if (isinf(f)) return false;
        memcpy(to, &f, sizeof f);
    } else {
        memcpy(to, &d, sizeof d);
    }
    return true;
}

int64_t hob__load_int(unsigned kind, const void *at) {
    int64_t i = 0;
    unsigned bits = bits_of(kind);
    memcpy(&i, at, bits / 8);
    return kind < HOB__KIND_UINT8 ? (int64_t)((uint64_t)i << (64 - bits)) >> (64 - bits) : i;
}

uint64_t hob__load_uint(unsigned kind, const void *at) { return (uint64_t)hob__load_int(kind, at); }

/* ---- choices ---- */

bool hob__store_choice(const struct hob__slot *s, const char *name, size_t n, void *to) {
    for (const struct hob_choice *c = s->field->o.choices; c->name; c++)
        if (strlen(c->name) == n && memcmp(c->name, name, n) == 0) {
            unsigned bits = bits_of(s->kind);
            memcpy(to, &c->value, bits / 8);
            return true;
        }
    return false;
}

const char *hob__choice_name(const struct hob__slot *s, const void *at) {
    unsigned bits = bits_of(s->kind);
    for (const struct hob_choice *c = s->field->o.choices; c->name; c++)
        if (memcmp(at, &c->value, bits / 8) == 0) return c->name;
    return NULL;
}

static const char *choices(const struct hob__slot *s, char *buf, size_t room) {
    size_t n = (size_t)snprintf(buf, room, "one of");
    for (const struct hob_choice *c = s->field->o.choices; c->name && n < room; c++)
        n += (size_t)snprintf(buf + n, room - n, "%s \"%s\"", c == s->field->o.choices ? "" : ",",
                              c->name);
    return buf;
}

const char *hob__kind_name(const struct hob__slot *s, char *buf, size_t n) {
    static const char *const names[] = {[HOB__KIND_BOOL] = "a boolean",
                                        [HOB__KIND_FLOAT] = "a number in the range of a float",
                                        [HOB__KIND_DOUBLE] = "a number",
                                        [HOB__KIND_STRING] = "a string",
                                        [HOB__KIND_CHARS] = "a string",
                                        [HOB__KIND_SLICE] = "a string",
                                        [HOB__KIND_BYTES] = "a string of base64",
                                        [HOB__KIND_TIME] = "a date and time (RFC 3339)",
                                        [HOB__KIND_UUID] = "a UUID",
                                        [HOB__KIND_RAW] = "a value",
                                        [HOB__KIND_STRUCT] = "an object"};
    if (s->kind < HOB__KIND_INT8 || s->kind > HOB__KIND_UINT64) return names[s->kind];
    if (s->field->o.choices) return choices(s, buf, n);
    unsigned bits = bits_of(s->kind);
    if (s->kind < HOB__KIND_UINT8) {
        long long most = (long long)(INT64_MAX >> (64 - bits));
        snprintf(buf, n, "an integer from %lld to %lld", -most - 1, most);
    } else {
        snprintf(buf, n, "an integer from 0 to %llu",
                 (unsigned long long)(UINT64_MAX >> (64 - bits)));
    }
    return buf;
}

/* ---- points in time ---- */

/* n digits at p. */
static bool number(const char **p, const char *end, int n, int most, int *out) {
    int v = 0;
    if (end - *p < n) return false;
    for (; n > 0; n--, (*p)++) {
        if (**p < '0' || **p > '9') return false;
        v = v * 10 + (**p - '0');
    }
    *out = v;
    return v <= most;
}

static bool byte_is(const char **p, const char *end, char c) {
    if (*p == end || **p != c) return false;
    (*p)++;
    return true;
}

static bool is_leap(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

/* Days from 1970-01-01 to that day: years begin in March, so that a leap day is a year's last. */
static int64_t days_to(int year, int month, int day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int days_of(int year, int month) {
    static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return lengths[month - 1] + (month == 2 && is_leap(year));
}

bool hob__date_read(const char **p, const char *end, int64_t *days) {
    int year, month, day;
    if (!number(p, end, 4, 9999, &year) || !byte_is(p, end, '-') ||
        !number(p, end, 2, 12, &month) || !byte_is(p, end, '-') || !number(p, end, 2, 31, &day) ||
        month == 0 || day == 0)
        return false;
    if (day > days_of(year, month)) return false;
    *days = days_to(year, month, day);
    return true;
}

/* hh:mm:ss[.fraction](Z|+hh:mm|-hh:mm), as microseconds of UTC from the day's begin. */
bool hob__time_of_day_read(const char **p, const char *end, int64_t *us) {
    int hour, minute, second, zone_hour = 0, zone_minute = 0, sign = 1;
    if (!number(p, end, 2, 23, &hour) || !byte_is(p, end, ':') || !number(p, end, 2, 59, &minute) ||
        !byte_is(p, end, ':') || !number(p, end, 2, 60, &second))
        return false;
    int64_t fraction = 0, unit = 100000;
    if (*p < end && **p == '.') {
        const char *digits = ++*p;
        for (; *p < end && **p >= '0' && **p <= '9'; (*p)++, unit /= 10)
            fraction += unit * (**p - '0');
        if (*p == digits) return false;
    }
    if (*p == end) return false;
    char zone = *(*p)++;
    if (zone == '+' || zone == '-') {
        sign = zone == '-' ? -1 : 1;
        if (!number(p, end, 2, 23, &zone_hour) || !byte_is(p, end, ':') ||
            !number(p, end, 2, 59, &zone_minute))
            return false;
    } else if (zone != 'Z' && zone != 'z') {
        return false;
    }
    int64_t minutes = hour * 60 + minute - sign * (zone_hour * 60 + zone_minute);
    /* A leap second is the last of a day in UTC. */
    if (second == 60 && (minutes + 1440) % 1440 != 1439) return false;
    *us = (minutes * 60 + second) * 1000000 + fraction;
    return true;
}

/* Eight bytes as a pattern has them: digits where it has '0' (`fixed` is 0 there), else the same.
 * *pairs then has, where two digits begin, their value. */
static inline bool match(uint64_t bytes, uint64_t pattern, uint64_t fixed, uint64_t *pairs) {
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t x = bytes ^ pattern;
    *pairs = x * 10 + (x >> 8);
    return (((x | (x + 0x76 * ones)) & 0x80 * ones) | (x & fixed)) == 0;
}

/* Most are like this: 2026-01-31T12:00:00Z. False: another way to write it, or none. */
static bool read_usual(const char *p, struct hob_time *out) {
    uint64_t a, b, c = 0;
    memcpy(&a, p, 8);
    memcpy(&b, p + 8, 8);
    memcpy(&c, p + 16, 4);
    if (!match(a, UINT64_C(0x2D30302D30303030), UINT64_C(0xFF0000FF00000000), &a) || /* 0000-00- */
        !match(b, UINT64_C(0x30303A3030543030), UINT64_C(0x0000FF0000FF0000), &b) || /* 00T00:00 */
        !match(c, 0x5A30303A, UINT64_C(0xFF0000FF), &c))                             /* :00Z */
        return false;
    unsigned year = (a & 0xFF) * 100 + (a >> 16 & 0xFF), month = a >> 40 & 0xFF, day = b & 0xFF;
    unsigned hour = b >> 24 & 0xFF, minute = b >> 48 & 0xFF, second = c >> 8 & 0xFF;
    if (month - 1 > 11 || hour > 23 || minute > 59 || second > 59) return false;
    if (day - 1 > 27 && (day == 0 || (int)day > days_of((int)year, (int)month))) return false;
    out->us = (hob__days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second) * 1000000;
    return true;
}

bool hob__time_read(const char *text, size_t n, struct hob_time *out) {
    const char *p = text, *end = text + n;
    int64_t days, us;
    if (n == 20 && text[19] == 'Z' && read_usual(text, out)) return true;
    if (!hob__date_read(&p, end, &days)) return false;
    if (p == end || (*p != 'T' && *p != 't' && *p != ' ')) return false;
    p++;
    if (!hob__time_of_day_read(&p, end, &us) || p != end) return false;
    out->us = days * INT64_C(86400000000) + us;
    return true;
}

static char *put2(char *out, int64_t v) {
    out[0] = (char)('0' + v / 10);
    out[1] = (char)('0' + v % 10);
    return out + 2;
}

size_t hob__time_write(struct hob_time t, char *out) {
    const int64_t day = INT64_C(86400000000);
    int64_t days = t.us / day, us = t.us % day;
    if (us < 0) {
        us += day;
        days--;
    }
    if (days < days_to(0, 1, 1) || days > days_to(9999, 12, 31)) return 0;
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097, of_era = days - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t m = (5 * of_year + 2) / 153, month = m < 10 ? m + 3 : m - 9;
    year += era * 400 + (month <= 2);
    char *p = put2(put2(out, year / 100), year % 100);
    *p++ = '-';
    p = put2(p, month);
    *p++ = '-';
    p = put2(p, of_year - (153 * m + 2) / 5 + 1);
    *p++ = 'T';
    int64_t second = us / 1000000, fraction = us % 1000000;
    p = put2(p, second / 3600);
    *p++ = ':';
    p = put2(p, second / 60 % 60);
    *p++ = ':';
    p = put2(p, second % 60);
    if (fraction) { /* milliseconds, or all of it */
        *p++ = '.';
        p = put2(p, fraction / 10000);
        *p++ = (char)('0' + fraction / 1000 % 10);
        if (fraction % 1000) {
            *p++ = (char)('0' + fraction / 100 % 10);
            p = put2(p, fraction % 100);
        }
    }
    *p++ = 'Z';
    return (size_t)(p - out);
}

/* ---- UUIDs ---- */

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hob__uuid_read(const char *text, size_t n, struct hob_uuid *out) {
    if (n != 36) return false;
    struct hob_uuid u;
    for (size_t i = 0, at = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            if (text[at++] != '-') return false;
        int high = hex_digit(text[at]), low = hex_digit(text[at + 1]);
        if (high < 0 || low < 0) return false;
        u.bytes[i] = (uint8_t)(high << 4 | low);
        at += 2;
    }
    *out = u;
    return true;
}

size_t hob__uuid_write(const struct hob_uuid *u, char *out) {
    static const char hex[] = "0123456789abcdef";
    size_t at = 0;
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) out[at++] = '-';
        out[at++] = hex[u->bytes[i] >> 4];
        out[at++] = hex[u->bytes[i] & 15];
    }
    return at;
}

/* ---- base64 ---- */

static int base64_value(uint8_t c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool hob__base64_read(const char *text, size_t n, uint8_t *out, size_t *size) {
    *size = 0;
    if (n % 4 != 0) return false;
    if (n == 0) return true;
    size_t pad = text[n - 1] == '=' ? 1 + (text[n - 2] == '=') : 0;
    uint8_t *to = out;
    for (size_t i = 0; i < n; i += 4) {
        bool last = i + 4 == n;
        uint32_t v = 0;
        for (size_t k = 0; k < 4; k++) {
            int digit = last && k >= 4 - pad ? 0 : base64_value((uint8_t)text[i + k]);
            if (digit < 0) return false;
            v = v << 6 | (uint32_t)digit;
        }
        if (last && (v & ((UINT32_C(1) << 8 * pad) - 1)))
            return false; /* bits that are nothing's */
        *to++ = (uint8_t)(v >> 16);
        if (!last || pad < 2) *to++ = (uint8_t)(v >> 8);
        if (!last || pad < 1) *to++ = (uint8_t)v;
    }
    *size = (size_t)(to - out);
    return true;
}

void hob__base64_write(const uint8_t *bytes, size_t n, char *out) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)bytes[i] << 16;
        if (i + 1 < n) v |= (uint32_t)bytes[i + 1] << 8;
        if (i + 2 < n) v |= bytes[i + 2];
        *out++ = digits[v >> 18];
        *out++ = digits[v >> 12 & 63];
        *out++ = i + 1 < n ? digits[v >> 6 & 63] : '=';
        *out++ = i + 2 < n ? digits[v & 63] : '=';
    }
}
