/* data/model/format.c - the formats of strings, by the names of JSON Schema (2020-12, validation,
 * section 7.3). */
#include "data/model/model.h"

#include <arpa/inet.h>
#include <string.h>

static bool is_alnum(char c) {
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* RFC 1123, 2.1. */
static bool is_hostname(const char *text, size_t n) {
    if (n == 0 || n > 253) return false;
    size_t label = 0;
    for (size_t i = 0; i <= n; i++) {
        if (i == n || text[i] == '.') {
            if (label == 0 || label > 63 || text[i - 1] == '-') return false;
            label = 0;
        } else if (is_alnum(text[i]) || (text[i] == '-' && label > 0)) {
            label++;
        } else {
            return false;
        }
    }
    return true;
}

/* A dot-atom (RFC 5322, 3.2.3) of at most 64 bytes, '@', a host's name. */
static bool is_email(const char *text, size_t n) {
    const char *at = n ? memrchr(text, '@', n) : NULL;
    if (!at || at == text || at - text > 64) return false;
    for (const char *p = text; p < at; p++) {
        if (*p == '.' && p > text && p + 1 < at && p[1] != '.') continue;
        if (!is_alnum(*p) && (*p == 0 || !strchr("!#$%&'*+-/=?^_`{|}~", *p))) return false;
    }
    return is_hostname(at + 1, n - (size_t)(at + 1 - text));
}

/* RFC 3986: a scheme, and then what a URI may be made of. */
static bool is_uri(const char *text, size_t n) {
    size_t i = 0;
    bool fragment = false;
    for (; i < n && text[i] != ':'; i++) {
        bool more = i > 0 && ((text[i] >= '0' && text[i] <= '9') || text[i] == '+' ||
                              text[i] == '-' || text[i] == '.');
        if (!more && !((text[i] | 0x20) >= 'a' && (text[i] | 0x20) <= 'z')) return false;
    }
    if (i == 0 || i == n) return false;
    bool authority = n - i > 2 && text[i + 1] == '/' && text[i + 2] == '/';
    size_t path = i + (authority ? 3 : 1); /* where the path begins, or what comes instead */
    while (authority && path < n && !strchr("/?#", text[path])) path++;
    for (i++; i < n; i++) {
        char c = text[i];
        if (c == 0) return false;
        if (c == '%') {
            if (n - i < 3 || !strchr("0123456789abcdefABCDEF", text[i + 1]) || text[i + 1] == 0 ||
                !strchr("0123456789abcdefABCDEF", text[i + 2]) || text[i + 2] == 0)
                return false;
        } else if (c == '#') {
            if (fragment) return false;
            fragment = true;
        } else if (c == '[' || c == ']') {
            if (i >= path || !authority) return false;
        } else if (!is_alnum(c) && !strchr("-._~:/?@!$&'()*+,;=", c)) {
            return false;
        }
    }
    return true;
}

static bool is_address(int family, const char *text, size_t n) {
    char copy[INET6_ADDRSTRLEN + 1];
    unsigned char address[16];
    if (n == 0 || n >= sizeof copy || memchr(text, 0, n)) return false;
    memcpy(copy, text, n);
    copy[n] = 0;
    return inet_pton(family, copy, address) == 1;
}

static bool is_date(const char *text, size_t n) {
    const char *p = text;
    int64_t days;
    return hob__date_read(&p, text + n, &days) && p == text + n;
}

static bool is_time(const char *text, size_t n) {
    const char *p = text;
    int64_t us;
    return hob__time_of_day_read(&p, text + n, &us) && p == text + n;
}

bool hob__format_right(enum hob__format format, const char *text, size_t n) {
    struct hob_time time;
    struct hob_uuid uuid;
    switch (format) {
    case HOB__EMAIL:
        return is_email(text, n);
    case HOB__URI:
        return is_uri(text, n);
    case HOB__DATE_TIME:
        return n > 10 && text[10] != ' ' && hob__time_read(text, n, &time);
    case HOB__DATE:
        return is_date(text, n);
    case HOB__TIME_OF_DAY:
        return is_time(text, n);
    case HOB__UUID_TEXT:
        return hob__uuid_read(text, n, &uuid);
    case HOB__IPV4:
        return is_address(AF_INET, text, n);
    case HOB__IPV6:
        return is_address(AF_INET6, text, n);
    case HOB__HOSTNAME:
        return is_hostname(text, n);
    case HOB__NO_FORMAT:
        break;
    }
    return true;
}

enum hob__format hob__format_named(const char *name) {
    static const char *const names[] = {
        [HOB__EMAIL] = "email", [HOB__URI] = "uri",          [HOB__DATE_TIME] = "date-time",
        [HOB__DATE] = "date",   [HOB__TIME_OF_DAY] = "time", [HOB__UUID_TEXT] = "uuid",
        [HOB__IPV4] = "ipv4",   [HOB__IPV6] = "ipv6",        [HOB__HOSTNAME] = "hostname"};
    for (unsigned i = 1; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0) return (enum hob__format)i;
    return HOB__NO_FORMAT;
}
