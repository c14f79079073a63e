/* cookie_fuzz.c - Set-Cookie lines from any URL: what a jar keeps goes to no stranger, and what it
 * sends can stand in a header; dates; what is a cookie's text is taken apart twice alike. */
#include <hob/error.h>
#include <hob/url.h>

#include "fuzz.h"
#include "http/cookie.h"

static const char *const urls[] = {
    "http://a.example.com/x/y?z", "https://a.example.com/", "http://example.com/",
    "http://127.0.0.1/",          "https://co.uk/",         "http://[::1]/p/"};

static int none(const struct hob_cookie *c, void *arg) {
    const char *host = arg;
    size_t n = strlen(host), d = strlen(c->domain);
    /* The host itself, or a domain above it that has a dot. */
    bool own = strcmp(c->domain, host) == 0;
    CHECK(own || (!c->host_only && n > d && host[n - d - 1] == '.' &&
                  strcmp(host + n - d, c->domain) == 0 && strchr(c->domain, '.')));
    CHECK(hob__cookie_sound(c->name, c->value) && c->path[0] == '/');
    CHECK(strlen(c->name) + strlen(c->value) <= HOB_COOKIE_SIZE);
    return 0;
}

static void jar_of(const char *url, const char *line) {
    struct hob_cookies *jar;
    struct hob_url u;
    char host[64];
    static char sent[16384];
    CHECK(hob_cookies_open(&jar) == 0 && hob_url_parse(url, strlen(url), &u, NULL) == 0);
    memcpy(host, u.host.at, u.host.size);
    host[u.host.size] = 0;
    int rc = hob_cookies_set(jar, url, line);
    CHECK((rc == 0 || rc == 1) && hob_cookies_count(jar) <= (size_t)rc);
    hob_cookies_each(jar, none, host);
    CHECK(hob_cookies_get(jar, "https://stranger.test/", sent, sizeof sent) == 0);
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        int n = hob_cookies_get(jar, urls[i], sent, sizeof sent);
        CHECK(n >= 0 && (size_t)n == strlen(sent));
        for (const char *p = sent; *p; p++) CHECK((unsigned char)*p >= 0x20 && *p != 0x7f);
        char *cut = edge_room(7);
        CHECK(hob_cookies_get(jar, urls[i], cut, 7) == n && strncmp(cut, sent, strlen(cut)) == 0);
    }
    hob_cookies_free(jar);
}

FUZZ(data, n) {
    if (n > 8000) return;
    const char *line = edge_kept_string(data, n);
    int64_t at = -1;
    if (hob__cookie_date(line, strlen(line), &at)) CHECK(at > -11676096001 && at < 253402300800);
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) jar_of(urls[i], line);
}
