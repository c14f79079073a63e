/* playground/cache.c - what caches and their conditions look at. */
#include <string.h>
#include <time.h>

#include "playground/routes.h"
#include "tool.h"

enum { AGE_MAX = 1 << 30, HEADERS_MAX = 7 };

static int echo_with(const struct ask *a, const struct hob_header *headers) {
    struct page p;
    HOB_TRY(page_open(&p));
    fputs("{", p.out);
    print_request(p.out, a, "\n  ");
    fputs("\n}\n", p.out);
    return page_send(&p, a->req, 200, "application/json", headers);
}

int answer_cache(const struct ask *a) {
    if (hob_request_header(a->req, "if-modified-since") ||
        hob_request_header(a->req, "if-none-match"))
        return answer_empty(a->req, 304, NULL);
    char date[64];
    time_t now = time(NULL);
    struct tm tm;
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
    return echo_with(a, HOB_HEADERS({"last-modified", date}, {"etag", "\"playground\""}));
}

int answer_cache_for(const struct ask *a) {
    size_t seconds;
    char value[48];
    if (!parse_count(a->words[0], 0, AGE_MAX, &seconds))
        return answer_error(a->req, 400, "the age is a number of seconds");
    snprintf(value, sizeof value, "public, max-age=%zu", seconds);
    return echo_with(a, HOB_HEADERS({"cache-control", value}));
}

/* Does a list of tags, or "*", have it (RFC 9110, 13.1)? W/ is passed over. */
static bool has_tag(const char *list, const char *tag) {
    size_t n = strlen(tag);
    for (const char *at = list; *at; at++) {
        if (*at == '*') return true;
        if (*at != '"') continue;
        const char *end = strchr(at + 1, '"');
        if (!end) return false;
        if ((size_t)(end - at - 1) == n && memcmp(at + 1, tag, n) == 0) return true;
        at = end;
    }
    return false;
}

int answer_etag(const struct ask *a) {
    const char *tag = a->words[0];
    const char *none = hob_request_header(a->req, "if-none-match");
    const char *match = hob_request_header(a->req, "if-match");
    char etag[300];
    if (strlen(tag) > 256 || !is_header_text(tag) || strchr(tag, '"') || strchr(tag, ' '))
        return answer_error(a->req, 400, "that can be no tag");
    snprintf(etag, sizeof etag, "\"%s\"", tag);
    if (match && !has_tag(match, tag))
        return answer_empty(a->req, 412, HOB_HEADERS({"etag", etag}));
    if (none && has_tag(none, tag)) return answer_empty(a->req, 304, HOB_HEADERS({"etag", etag}));
    return echo_with(a, HOB_HEADERS({"etag", etag}));
}

/* ?name=value&...: these are headers of the answer, and its body. */
int answer_response_headers(const struct ask *a) {
    struct hob_header headers[HEADERS_MAX + 1] = {{NULL, NULL}};
    struct hob_slice rest = a->query, name, value;
    char texts[8192];
    size_t used = 0;
    int count = 0;
    while (hob_query_next(&rest, &name, &value)) {
        char *at = texts + used;
        if (count == HEADERS_MAX || used + name.size + value.size + 2 > sizeof texts)
            return answer_error(a->req, 400, "at most 7 headers");
        int n = hob_url_decode(name.at, name.size, true, at);
        int m = n < 0 || !value.at ? 0 : hob_url_decode(value.at, value.size, true, at + n + 1);
        if (n <= 0 || m < 0) return answer_error(a->req, 400, "a header that is malformed");
        at[n] = at[n + 1 + m] = 0;
        headers[count++] = (struct hob_header){at, at + n + 1};
        used += (size_t)(n + m) + 2;
    }
    struct page p;
    HOB_TRY(page_open(&p));
    fputs("{", p.out);
    for (int i = 0; i < count; i++) {
        fputs(i ? ", " : "", p.out);
        json_string(p.out, headers[i].name, strlen(headers[i].name));
        fputs(": ", p.out);
        json_string(p.out, headers[i].value, strlen(headers[i].value));
    }
    fputs("}\n", p.out);
    int rc = page_send(&p, a->req, 200, "application/json", headers);
    if (rc == HOB_E_HTTP_ILLEGAL) rc = answer_error(a->req, 400, "a header that cannot be sent");
    return rc;
}
