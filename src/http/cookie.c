/* http/cookie.c - Set-Cookie lines and their dates. */
#include "http/cookie.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "task/task.h"

int64_t hob__cookie_now(void) {
    struct hob_loop *loop = hob_loop_current();
    if (!loop) return (int64_t)time(NULL);
    return loop->backend.ops->wall(&loop->backend);
}

/* ---- dates (5.1.1): tokens in any order ---- */

static bool delimiter(unsigned char c) {
    return c == 9 || (c >= 0x20 && c <= 0x2f) || (c >= 0x3b && c <= 0x40) ||
           (c >= 0x5b && c <= 0x60) || (c >= 0x7b && c <= 0x7e);
}

/* From min to max digits, and then no digit: how many; 0 = it is not that. */
static size_t digits(const char *p, const char *end, size_t min, size_t max, int *out) {
    size_t n = 0;
    *out = 0;
    while (p + n < end && isdigit((unsigned char)p[n]) && n <= max)
        *out = *out * 10 + (p[n++] - '0');
    return n >= min && n <= max ? n : 0;
}

static bool clock_time(const char *p, const char *end, struct tm *t) {
    int *parts[] = {&t->tm_hour, &t->tm_min, &t->tm_sec};
    for (int i = 0; i < 3; i++) {
        size_t n = digits(p, end, 1, 2, parts[i]);
        if (n == 0) return false;
        p += n;
        if (i < 2 && (p == end || *p++ != ':')) return false;
    }
    return true;
}

static int month_of(const char *p, const char *end) {
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    if (end - p < 3) return -1;
    for (int i = 0; i < 12; i++)
        if (strncasecmp(p, names + 3 * i, 3) == 0) return i;
    return -1;
}

bool hob__cookie_date(const char *text, size_t n, int64_t *out) {
    const char *p = text, *end = text + n;
    bool time = false, day = false, month = false, year = false;
    struct tm t = {0};
    while (p < end) {
        while (p < end && delimiter((unsigned char)*p)) p++;
        const char *token = p;
        while (p < end && !delimiter((unsigned char)*p)) p++;
        int value;
        struct tm clock = {0};
        if (!time && clock_time(token, p, &clock)) {
            t.tm_hour = clock.tm_hour;
            t.tm_min = clock.tm_min;
            t.tm_sec = clock.tm_sec;
            time = true;
        } else if (!day && digits(token, p, 1, 2, &value)) {
            t.tm_mday = value;
            day = true;
        } else if (!month && (value = month_of(token, p)) >= 0) {
            t.tm_mon = value;
            month = true;
        } else if (!year && digits(token, p, 2, 4, &value)) {
            t.tm_year = value;
            year = true;
        }
    }
    if (!time || !day || !month || !year) return false;
    if (t.tm_year >= 70 && t.tm_year <= 99) t.tm_year += 1900;
    if (t.tm_year <= 69) t.tm_year += 2000;
    if (t.tm_mday < 1 || t.tm_mday > 31 || t.tm_year < 1601 || t.tm_hour > 23 || t.tm_min > 59 ||
        t.tm_sec > 59)
        return false;
    struct tm wanted = t;
    t.tm_year -= 1900;
    *out = (int64_t)timegm(&t);
    return t.tm_mday == wanted.tm_mday && t.tm_mon == wanted.tm_mon; /* the 31st of June is none */
}

/* ---- the line ---- */

bool hob__cookie_sound(const char *name, const char *value) {
    for (const char *p = name; *p; p++)
        if (iscntrl((unsigned char)*p) || *p == ';' || *p == '=') return false;
    for (const char *p = value; *p; p++)
        if (iscntrl((unsigned char)*p) || *p == ';') return false;
    return true;
}

static struct hob_slice trim(const char *from, const char *to) {
    while (from < to && (*from == ' ' || *from == '\t')) from++;
    while (to > from && (to[-1] == ' ' || to[-1] == '\t')) to--;
    return (struct hob_slice){from, (size_t)(to - from)};
}

static void copy(char *to, struct hob_slice from) {
    memcpy(to, from.at, from.size);
    to[from.size] = 0;
}

static bool is(struct hob_slice s, const char *name) {
    return s.size == strlen(name) && strncasecmp(s.at, name, s.size) == 0;
}

/* 5.2.2. What is no number is ignored. */
static bool max_age(struct hob_slice v, int64_t now, int64_t *out) {
    bool negative = v.size > 0 && *v.at == '-';
    int64_t seconds = 0;
    if (v.size == 0 || (negative && v.size == 1)) return false;
    for (size_t i = negative; i < v.size; i++) {
        if (!isdigit((unsigned char)v.at[i])) return false;
        if (seconds < INT64_MAX / 100) seconds = seconds * 10 + (v.at[i] - '0');
    }
    enum { YEARS_40 = 40 * 366 * 86400 }; /* more is as good as for ever */
    *out = negative || seconds == 0 ? 1 : now + (seconds < YEARS_40 ? seconds : YEARS_40);
    return true;
}

static void domain_of(struct hob_slice v, struct hob__set_cookie *out) {
    if (v.size > 0 && *v.at == '.') v.at++, v.size--;
    if (v.size == 0) return;
    if (v.size >= sizeof out->domain) v.size = 0; /* no host is below it */
    for (size_t i = 0; i < v.size; i++) out->domain[i] = (char)tolower((unsigned char)v.at[i]);
    out->domain[v.size] = 0;
    if (v.size == 0) strcpy(out->domain, "."); /* ... not even this one */
}

static void attribute(struct hob_slice name, struct hob_slice value, int64_t now, bool *has_age,
                      struct hob__set_cookie *out) {
    int64_t when;
    if (value.size > 1024) return;
    if (is(name, "expires")) {
        if (!*has_age && hob__cookie_date(value.at, value.size, &when))
            out->expires = when > 1 ? when : 1;
    } else if (is(name, "max-age")) {
        if (max_age(value, now, &when)) out->expires = when, *has_age = true;
    } else if (is(name, "domain")) {
        out->domain[0] = 0;
        domain_of(value, out);
    } else if (is(name, "path")) {
        out->path[0] = 0;
        if (value.size > 0 && *value.at == '/') copy(out->path, value);
    } else if (is(name, "secure")) {
        out->secure = true;
    } else if (is(name, "httponly")) {
        out->http_only = true;
    }
}

bool hob__cookie_parse(const char *line, int64_t now, struct hob__set_cookie *out) {
    const char *end = line + strcspn(line, ";"), *equals = memchr(line, '=', (size_t)(end - line));
    struct hob_slice name = equals ? trim(line, equals) : (struct hob_slice){line, 0};
    struct hob_slice value = trim(equals ? equals + 1 : line, end);
    bool has_age = false;
    if (name.size + value.size == 0 || name.size + value.size > HOB_COOKIE_SIZE) return false;
    copy(out->name, name);
    copy(out->value, value);
    out->domain[0] = out->path[0] = 0;
    out->expires = 0;
    out->secure = out->http_only = false;
    /* A name that stands in the value would come back as one (RFC 6265bis, 5.7). */
    if (name.size == 0 && (strncasecmp(out->value, "__Secure-", 9) == 0 ||
                           strncasecmp(out->value, "__Host-", 7) == 0))
        return false;
    if (!hob__cookie_sound(out->name, out->value)) return false;
    while (*end == ';') {
        const char *from = end + 1;
        end = from + strcspn(from, ";");
        equals = memchr(from, '=', (size_t)(end - from));
        attribute(trim(from, equals ? equals : end),
                  equals ? trim(equals + 1, end) : (struct hob_slice){end, 0}, now, &has_age, out);
    }
    return true;
}
