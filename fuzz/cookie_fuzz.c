/* cookie_fuzz.c - Set-Cookie lines from any URL: what a jar keeps goes to no stranger, and what it
 * sends can stand in a header; dates; and lines of a file of cookies: what is taken is sound, and
 * is the same when it is written and read again. */
#include <hob/error.h>
#include <hob/url.h>

#include "fuzz.h"
#include "http/client/cookies.c"

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

/* As in curl's files. */
static void file_line(const char *text) {
    char line[8192], again[8400], *written = NULL;
    size_t size = 0;
    struct hob_cookie c, d;
    strcpy(line, text);
    line[strcspn(line, "\r\n")] = 0;
    if (!load_line(line, &c)) return;
    CHECK(*c.domain && c.path[0] == '/' && hob__cookie_sound(c.name, c.value));
    CHECK(c.http_only == (strncmp(text, "#HttpOnly_", 10) == 0));
    struct saving s = {.session = true, .out = open_memstream(&written, &size)};
    CHECK(s.out && save_one(&c, &s) == 0 && fclose(s.out) == 0);
    CHECK(size > 0 && size < sizeof again && written[size - 1] == '\n');
    memcpy(again, written, size);
    again[size - 1] = 0;
    CHECK(load_line(again, &d));
    CHECK(strcmp(c.domain, d.domain) == 0 && strcmp(c.path, d.path) == 0);
    CHECK(strcmp(c.name, d.name) == 0 && strcmp(c.value, d.value) == 0);
    CHECK(c.expires == d.expires && c.host_only == d.host_only && c.secure == d.secure);
    CHECK(c.http_only == d.http_only);
    free(written);
}

FUZZ(data, n) {
    if (n > 8000) return;
    const char *line = edge_kept_string(data, n);
    int64_t at = -1;
    if (hob__cookie_date(line, strlen(line), &at)) CHECK(at > -11676096001 && at < 253402300800);
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) jar_of(urls[i], line);
    file_line(line);
}
