/* http/conditional.c - conditions and ranges: see conditional.h. */
#include "http/conditional.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "http/date.h"

static const char *blanks(const char *p) { return p + strspn(p, " \t"); }

/* Is the tag in a list of entity tags, or is the list "*"? weak: W/ makes no difference (8.8.3.2).
 */
static bool has_tag(const char *list, const char *tag, bool weak) {
    const char *p = blanks(list);
    size_t n = strlen(tag);
    if (p[0] == '*' && !*blanks(p + 1)) return true;
    while (*p) {
        bool is_weak = p[0] == 'W' && p[1] == '/';
        if (is_weak) p += 2;
        if (*p != '"') return false; /* malformed from here on */
        const char *end = strchr(p + 1, '"');
        if (!end) return false;
        if ((weak || !is_weak) && (size_t)(end + 1 - p) == n && memcmp(p, tag, n) == 0) return true;
        p = blanks(end + 1);
        if (*p == ',') p = blanks(p + 1);
    }
    return false;
}

/* A date that is none holds no condition: it is as if the header were not there. */
static bool date_of(const char *header, int64_t *out) {
    return header && hob__http_date_of(blanks(header), out);
}

int hob__conditions_judge(const struct hob__conditions *c, const struct hob__validators *v) {
    int64_t when;
    if (c->if_match) {
        if (!has_tag(c->if_match, v->etag, false)) return 412;
    } else if (date_of(c->if_unmodified_since, &when) && v->modified > when) {
        return 412;
    }
    if (c->if_none_match) return has_tag(c->if_none_match, v->etag, true) ? 304 : 200;
    return date_of(c->if_modified_since, &when) && v->modified <= when ? 304 : 200;
}

bool hob__conditions_range(const struct hob__conditions *c, const struct hob__validators *v) {
    int64_t when;
    if (!c->if_range) return true;
    const char *p = blanks(c->if_range);
    if (p[0] == 'W' && p[1] == '/') return false; /* weak; a date may begin with "Wed" */
    if (*p == '"') return has_tag(p, v->etag, false);
    return date_of(p, &when) && when == v->modified;
}

/* A number without sign; what goes beyond 63 bits is the greatest. NULL: there is none. */
static const char *number(const char *p, int64_t *out) {
    if (!isdigit((unsigned char)*p)) return NULL;
    int64_t n = 0;
    for (; isdigit((unsigned char)*p); p++)
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, *p - '0', &n))
            n = INT64_MAX;
    *out = n;
    return p;
}

/* "5-9", "5-", "-5": NULL when it is none of these. */
static const char *take_range(const char *p, int64_t size, struct hob__range *r) {
    int64_t from, to;
    if (*p == '-') {
        p = number(p + 1, &from);
        if (!p) return NULL;
        if (from > size) from = size;
        *r = (struct hob__range){size - from, from};
        return p;
    }
    p = number(p, &from);
    if (!p || *p++ != '-') return NULL;
    to = INT64_MAX;
    if (isdigit((unsigned char)*p)) p = number(p, &to);
    if (to < from) return NULL;
    *r = (struct hob__range){from, 0};
    if (from < size) r->size = to < size ? to - from + 1 : size - from;
    return p;
}

int hob__ranges_parse(const char *header, int64_t size, struct hob__range out[HOB__RANGES]) {
    int count = 0, asked = 0;
    int64_t sum = 0;
    if (strncasecmp(header, "bytes=", 6) != 0) return 0;
    const char *p = blanks(header + 6);
    while (*p) {
        struct hob__range r;
        if (*p == ',') { /* an empty member of the list */
            p = blanks(p + 1);
            continue;
        }
        p = take_range(p, size, &r);
        if (!p) return 0;
        p = blanks(p);
        if (*p && *p != ',') return 0;
        asked++;
        if (r.size == 0) continue;
        if (count == HOB__RANGES) return 0;
        for (int i = 0; i < count; i++)
            if (r.from < out[i].from + out[i].size && out[i].from < r.from + r.size) return 0;
        out[count++] = r;
        sum += r.size;
    }
    if (count > 1 && sum >= size) return 0;
    return count ? count : asked ? -1 : 0;
}
