/* playground/cookies.c - cookies that came, and that are set and taken back. */
#include <stdlib.h>
#include <string.h>

#include "playground/routes.h"
#include "tool.h"

enum { COOKIES_MAX = 64, COOKIE_MAX = 4096 };

int answer_cookies(const struct ask *a) {
    struct page p;
    HOB_TRY(page_open(&p));
    const char *at = hob_request_header(a->req, "cookie");
    bool first = true;
    fputs("{\"cookies\": {", p.out);
    while (at && *at) {
        at += strspn(at, " ;");
        size_t n = strcspn(at, ";"), name = 0;
        while (name < n && at[name] != '=') name++;
        if (n) {
            if (!first) fputs(", ", p.out);
            json_string(p.out, at, name);
            fputs(": ", p.out);
            json_string(p.out, name < n ? at + name + 1 : "", name < n ? n - name - 1 : 0);
            first = false;
        }
        at += n;
    }
    fputs("}}\n", p.out);
    return page_send(&p, a->req, 200, "application/json", NULL);
}

/* May it be a cookie's name, or its value (RFC 6265, 4.1.1)? */
static bool fits(const char *text, bool name) {
    for (const char *c = text; *c; c++)
        if (*c <= 0x20 || *c == 0x7f || strchr("\",;\\", *c) || (name && *c == '=')) return false;
    return !name || *text;
}

/* Set-Cookie lines, one after another in memory, and the redirect to /cookies behind them. */
struct lines {
    struct hob_header headers[COOKIES_MAX + 2];
    char *texts[COOKIES_MAX];
    int count;
};

static int add(struct lines *l, const char *name, const char *value, bool gone) {
    if (l->count == COOKIES_MAX || !fits(name, true) || !fits(value, false)) return -EINVAL;
    char *text = NULL;
    int n = asprintf(&text, "%s=%s; Path=/%s", name, gone ? "" : value,
                     gone ? "; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT" : "");
    if (n < 0) return -ENOMEM;
    l->texts[l->count] = text;
    l->headers[l->count++] = (struct hob_header){"set-cookie", text};
    return 0;
}

static int send_lines(const struct ask *a, struct lines *l, int rc) {
    l->headers[l->count] = (struct hob_header){"location", "/cookies"};
    if (rc == -EINVAL)
        rc = answer_error(a->req, 400, "that is no cookie, or there are more than 64");
    else if (rc >= 0)
        rc = answer_empty(a->req, 302, l->headers);
    for (int i = 0; i < l->count; i++) free(l->texts[i]);
    return rc;
}

static int from_query(const struct ask *a, bool gone) {
    struct lines l = {.count = 0};
    struct hob_slice rest = a->query, name, value;
    char text[COOKIE_MAX + 2];
    int rc = 0;
    while (rc >= 0 && hob_query_next(&rest, &name, &value)) {
        int n = name.size + value.size < COOKIE_MAX ? hob_url_decode(name.at, name.size, true, text)
                                                    : -1;
        int m = n < 0 || !value.at ? 0 : hob_url_decode(value.at, value.size, true, text + n + 1);
        if (n < 0 || m < 0 || memchr(text, 0, (size_t)n) || memchr(text + n + 1, 0, (size_t)m)) {
            rc = -EINVAL;
            break;
        }
        text[n] = text[n + 1 + m] = 0;
        rc = add(&l, text, text + n + 1, gone);
    }
    return send_lines(a, &l, rc);
}

int answer_cookies_set(const struct ask *a) { return from_query(a, false); }
int answer_cookies_delete(const struct ask *a) { return from_query(a, true); }

int answer_cookie_set(const struct ask *a) {
    struct lines l = {.count = 0};
    return send_lines(a, &l, add(&l, a->words[0], a->words[1], false));
}
