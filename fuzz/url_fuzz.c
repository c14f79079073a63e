/* url_fuzz.c - URLs: what parses has its parts inside the text, and together they are the text;
 * what resolves parses, and resolves to itself; decoding takes back encoding; queries are as a
 * naive splitter sees them. */
#include <hob/url.h>

#include "fuzz.h"

static void inside(const char *text, size_t n, struct hob_slice s) {
    if (s.at) CHECK(s.at >= text && s.at + s.size <= text + n);
}

/* Scheme, userinfo, host, port, path, query and fragment put together again. */
static void put_together(const char *text, size_t n, const struct hob_url *u) {
    char all[2048];
    size_t at = 0;
#define PUT(before, s, behind)                                                                     \
    if (s.at) at += (size_t)sprintf(all + at, "%s%.*s%s", before, (int)s.size, s.at, behind)
    PUT("", u->scheme, "://");
    PUT("", u->userinfo, "@");
    PUT(u->host_is_ipv6 ? "[" : "", u->host, u->host_is_ipv6 ? "]" : "");
    const char *end = u->host.at + u->host.size + u->host_is_ipv6;
    if (end < text + n && *end == ':') {
        size_t digits = strspn(strndupa(end + 1, (size_t)(text + n - end - 1)), "0123456789");
        if (digits) CHECK(strtoul(strndupa(end + 1, digits), NULL, 10) == u->port);
        if (!digits) CHECK(u->port == (u->tls ? 443 : 80));
        at += (size_t)sprintf(all + at, "%.*s", (int)digits + 1, end);
    }
    PUT("", u->path, "");
    PUT("?", u->query, "");
    PUT("#", u->fragment, "");
    CHECK(at == n && memcmp(all, text, n) == 0);
}

static void parse(const char *text, size_t n) {
    struct hob_url u;
    struct hob_url_error why;
    int rc = hob_url_parse(text, n, &u, &why);
    CHECK(rc == hob_url_parse(text, n, &u, NULL));
    if (rc < 0) {
        CHECK(rc == HOB_E_URL && why.at <= n && why.reason);
        return;
    }
    inside(text, n, u.scheme);
    inside(text, n, u.userinfo);
    inside(text, n, u.host);
    inside(text, n, u.path);
    inside(text, n, u.query);
    inside(text, n, u.fragment);
    CHECK(u.host.size > 0 && u.port > 0);
    put_together(text, n, &u);
}

static void resolve(const char *base, const char *text, size_t n) {
    static char out[16384], again[16384];
    struct hob_url u;
    struct hob_url_error why;
    int rc = hob_url_resolve(base, text, n, out, sizeof out, &why);
    CHECK(rc >= 0 || (rc == HOB_E_URL && why.reason));
    /* Counting needs no room, and finds what is wrong with the reference, if not with the result.
     */
    int count = hob_url_resolve(base, text, n, NULL, 0, NULL);
    CHECK(rc < 0 || count >= rc);
    if (rc < 0 || (size_t)rc >= sizeof out) return;
    CHECK(strlen(out) == (size_t)rc);
    CHECK(hob_url_parse(out, (size_t)rc, &u, NULL) == 0);
    char small[16];
    int short_rc = hob_url_resolve(base, text, n, small, sizeof small, NULL);
    CHECK(short_rc >= (rc < 16 ? rc : 16));
    /* With the room that was counted it comes out the same. */
    char *exact = edge_room((size_t)count + 1);
    CHECK(hob_url_resolve(base, text, n, exact, (size_t)count + 1, NULL) == rc);
    CHECK(strcmp(exact, out) == 0);
    /* An empty path stands for the base's, whatever is in that (5.2.2). */
    if (strstr(base, "/.")) return;
    for (const char *p = u.path.at; p + 2 <= u.path.at + u.path.size; p++) /* no dots are left */
        if (p[0] == '/' && p[1] == '.') {
            size_t left = (size_t)(u.path.at + u.path.size - p) - 2;
            CHECK(left > 0 && p[2] != '/');
            CHECK(p[2] != '.' || (left > 1 && p[3] != '/'));
        }
    int second = hob_url_resolve("http://other/", out, (size_t)rc, again, sizeof again, &why);
    CHECK(second == rc && strcmp(out, again) == 0);
}

static int hex(char c) {
    const char *digits = "0123456789ABCDEFabcdef", *at = c ? strchr(digits, c) : NULL;
    return !at ? -1 : at - digits < 16 ? (int)(at - digits) : (int)(at - digits - 6);
}

/* Decodes as naively as can be: the length, or -1. */
static int decode(const char *text, size_t n, bool form, char *out) {
    int len = 0;
    for (size_t i = 0; i < n; i++) {
        bool code = text[i] == '%';
        if (code && (i + 2 >= n || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0)) return -1;
        out[len++] = code                     ? (char)(hex(text[i + 1]) * 16 + hex(text[i + 2]))
                     : form && text[i] == '+' ? ' '
                                              : text[i];
        if (code) i += 2;
    }
    return len;
}

static void coding(const char *text, size_t n, const char *keep) {
    static char coded[3 * 1000 + 1], plain[3 * 1000], model[1000], place[1000];
    size_t len = hob_url_encode(text, n, keep, coded, sizeof coded);
    CHECK(len < sizeof coded && strlen(coded) == len);
    CHECK(hob_url_decode(coded, len, false, plain) == (int)n);
    CHECK(n == 0 || memcmp(plain, text, n) == 0);
    for (size_t cap = 0; cap < 8; cap++) { /* as snprintf does */
        char *small = edge_room(cap);
        CHECK(hob_url_encode(text, n, keep, small, cap) == len);
        if (cap > 0) CHECK(strlen(small) == (len < cap ? len : cap - 1));
        if (cap > 0) CHECK(strncmp(small, coded, cap - 1) == 0);
    }
    for (int form = 0; form < 2; form++) {
        int rc = hob_url_decode(text, n, form, edge_room(n)), want = decode(text, n, form, model);
        CHECK(want < 0 ? rc == HOB_E_URL : rc == want);
        if (n) memcpy(place, text, n);
        rc = hob_url_decode(place, n, form, place);
        if (want > 0) CHECK(rc == want && memcmp(place, model, (size_t)want) == 0);
    }
}

/* What hob_query_get() should say. */
static int get(const char *text, size_t n, const char *name, char *out) {
    char copy[1001], key[1000];
    if (n) memcpy(copy, text, n);
    size_t at = 0;
    while (at <= n) {
        size_t end = at, sign;
        while (end < n && copy[end] != '&') end++;
        for (sign = at; sign < end && copy[sign] != '=';) sign++;
        int k = decode(copy + at, sign - at, true, key);
        if (end > at && k == (int)strlen(name) && memcmp(key, name, (size_t)k) == 0) {
            if (sign == end) return 0;
            int v = decode(copy + sign + 1, end - sign - 1, true, out);
            return v < 0 || memchr(out, 0, (size_t)v) ? HOB_E_URL : v;
        }
        at = end + 1;
    }
    return -ENOENT;
}

static void query(const char *text, size_t n) {
    struct hob_slice all = {text, n}, rest = all, name, value;
    size_t pairs = 0, model = 0;
    for (; hob_query_next(&rest, &name, &value); pairs++) {
        inside(text, n, name);
        inside(text, n, value);
        CHECK(!memchr(name.at, '&', name.size) && !memchr(name.at, '=', name.size));
        CHECK(!value.at || !memchr(value.at, '&', value.size));
    }
    CHECK(rest.size == 0);
    for (size_t i = 0; i < n; i++) model += text[i] != '&' && (i == 0 || text[i - 1] == '&');
    CHECK(pairs == model);
    static const char *const names[] = {"a", "", "a b", "q=", "&"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char want[1000], got[1001], small[4];
        int rc = hob_query_get(all, names[i], got, sizeof got);
        int model_rc = get(text, n, names[i], want);
        CHECK(rc == model_rc);
        if (rc >= 0) CHECK(strlen(got) == (size_t)rc && memcmp(got, want, (size_t)rc) == 0);
        CHECK(hob_query_get(all, names[i], small, sizeof small) == rc);
        if (rc >= 0) CHECK(strncmp(small, got, 3) == 0);
    }
}

/* The text; behind a NUL, if there is one, a base that it is resolved against. */
FUZZ(data, n) {
    if (n > 1000) return;
    const char *text = edge_kept(data, n);
    parse(text, n);
    resolve("http://h:81/a/b/c?q#f", text, n);
    resolve("http://h:81/a/b/../c?q#f", text, n);
    resolve("http://h", text, n);
    const char *behind = n ? memchr(text, 0, n) : NULL;
    if (behind) {
        const char *base = edge_string(behind + 1, (size_t)(text + n - behind - 1));
        resolve(base, text, (size_t)(behind - text));
    }
    coding(text, n, NULL);
    coding(text, n, "/+ &");
    query(text, n);
}
