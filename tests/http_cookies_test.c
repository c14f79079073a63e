/* http_cookies_test.c - the cookie jar: what may be set and who is told, times, bounds, files; and
 * a client with one. */
#include "http_test.h"

#include <hob/cookies.h>
#include <hob/file.h>
#include <sys/stat.h>

#include "http/cookie.h"

static const char *cookies_for(struct hob_cookies *jar, const char *url) {
    static char text[8192];
    int n = hob_cookies_get(jar, url, text, sizeof text);
    CHECK(n >= 0 && (size_t)n == strlen(text));
    return text;
}

/* Sets `line` from a URL in a jar of its own; what is then sent to another. */
static const char *after(const char *from, const char *line, const char *to) {
    struct hob_cookies *jar;
    CHECK_EQ(hob_cookies_open(&jar), 0);
    CHECK(hob_cookies_set(jar, from, line) >= 0);
    const char *sent = cookies_for(jar, to);
    hob_cookies_free(jar);
    return sent;
}

TEST(only_the_host_that_set_it) {
    CHECK_STR(after("http://a.example/", "n=v", "http://a.example/"), "n=v");
    CHECK_STR(after("http://a.example/", "n=v", "http://A.EXAMPLE:81/x?y"), "n=v");
    CHECK_STR(after("http://a.example/", "n=v", "http://b.a.example/"), "");
    CHECK_STR(after("http://a.example/", "n=v", "http://example/"), "");
    CHECK_STR(after("http://a.example/", "n=v", "http://xa.example/"), "");
    CHECK_STR(after("http://127.0.0.1/", "n=v", "http://127.0.0.1:8000/"), "n=v");
    CHECK_STR(after("http://[::1]/", "n=v", "http://[::1]/"), "n=v");
    CHECK_STR(after("http://localhost/", "n=v", "http://localhost:1/"), "n=v");
}

TEST(a_domain_and_what_is_below_it) {
    const char *line = "n=v; Domain=example.com";
    CHECK_STR(after("http://a.example.com/", line, "http://example.com/"), "n=v");
    CHECK_STR(after("http://a.example.com/", line, "http://b.c.example.com/"), "n=v");
    CHECK_STR(after("http://a.example.com/", line, "http://bexample.com/"), "");
    CHECK_STR(after("http://a.example.com/", "n=v; domain=.EXAMPLE.com", "http://example.com/"),
              "n=v");
    CHECK_STR(after("http://example.com/", "n=v; Domain=", "http://a.example.com/"), "");
    /* Not for other people. */
    CHECK_STR(after("http://evil.test/", line, "http://example.com/"), "");
    CHECK_STR(after("http://example.com/", "n=v; Domain=a.example.com", "http://a.example.com/"),
              "");
    CHECK_STR(after("http://a.com/", "n=v; Domain=com", "http://b.com/"), "");
    CHECK_STR(after("http://1.2.3.4/", "n=v; Domain=3.4", "http://9.2.3.4/"), "");
    CHECK_STR(after("http://1.2.3.4/", "n=v; Domain=1.2.3.4", "http://1.2.3.4/"), "n=v");
    CHECK_STR(after("http://a.test/", "n=v; Domain=a.test; Domain=b.test", "http://a.test/"), "");
#if HAVE_LIBPSL
    CHECK_STR(after("http://a.co.uk/", "n=v; Domain=co.uk", "http://b.co.uk/"), "");
    CHECK_STR(after("http://a.github.io/", "n=v; Domain=github.io", "http://b.github.io/"), "");
    /* A public suffix is a host as well: for itself alone. */
    CHECK_STR(after("http://github.io/", "n=v; Domain=github.io", "http://github.io/"), "n=v");
    CHECK_STR(after("http://github.io/", "n=v; Domain=github.io", "http://a.github.io/"), "");
#endif
}

TEST(paths) {
    CHECK_STR(after("http://a.test/x/y?z", "n=v", "http://a.test/x/"), "n=v");
    CHECK_STR(after("http://a.test/x/y", "n=v", "http://a.test/x"), "n=v");
    CHECK_STR(after("http://a.test/x/y", "n=v", "http://a.test/xy"), "");
    CHECK_STR(after("http://a.test/x/y", "n=v", "http://a.test/"), "");
    CHECK_STR(after("http://a.test", "n=v", "http://a.test/q"), "n=v");
    CHECK_STR(after("http://a.test/x", "n=v; Path=/p", "http://a.test/p/q"), "n=v");
    CHECK_STR(after("http://a.test/x", "n=v; Path=/p", "http://a.test/pq"), "");
    CHECK_STR(after("http://a.test/x", "n=v; Path=/p/", "http://a.test/p"), "");
    CHECK_STR(after("http://a.test/x/y", "n=v; Path=none", "http://a.test/x/z"), "n=v");
}

TEST(secure_ones) {
    CHECK_STR(after("https://a.test/", "n=v; Secure", "https://a.test/"), "n=v");
    CHECK_STR(after("https://a.test/", "n=v; secure", "http://a.test/"), "");
    CHECK_STR(after("http://a.test/", "n=v; Secure", "https://a.test/"), "");
    CHECK_STR(after("https://a.test/", "n=v", "http://a.test/"), "n=v");
    CHECK_STR(after("https://a.test/", "__Secure-n=v", "https://a.test/"), "");
    CHECK_STR(after("https://a.test/", "__Secure-n=v; Secure", "https://a.test/"), "__Secure-n=v");
    CHECK_STR(after("https://a.test/", "__Host-n=v; Secure; Path=/", "https://a.test/"),
              "__Host-n=v");
    CHECK_STR(after("https://a.test/", "__host-n=v; Secure", "https://a.test/"), "");
    CHECK_STR(
        after("https://a.b.test/", "__Host-n=v; Secure; Path=/; Domain=b.test", "https://b.test/"),
        "");
    struct hob_cookies *jar;
    CHECK_EQ(hob_cookies_open(&jar), 0);
    CHECK_EQ(hob_cookies_set(jar, "https://a.test/", "n=safe; Secure"), 1);
    CHECK_EQ(hob_cookies_set(jar, "http://a.test/", "n=forged"), 0);
    CHECK_EQ(hob_cookies_set(jar, "http://b.a.test/", "n=forged; Domain=a.test"), 0);
    CHECK_STR(cookies_for(jar, "https://a.test/"), "n=safe");
    CHECK_EQ(hob_cookies_set(jar, "https://a.test/", "n=new"), 1);
    CHECK_STR(cookies_for(jar, "http://a.test/"), "n=new");
    hob_cookies_free(jar);
}

TEST(names_and_values) {
    const char *u = "http://a.test/";
    CHECK_STR(after(u, "  n \t=  v w  ; Path=/", u), "n=v w");
    CHECK_STR(after(u, "n=\"q\"", u), "n=\"q\"");
    CHECK_STR(after(u, "n=a=b", u), "n=a=b");
    CHECK_STR(after(u, "n=", u), "n=");
    CHECK_STR(after(u, "=v", u), "v");
    CHECK_STR(after(u, "v", u), "v");
    CHECK_STR(after(u, "", u), "");
    CHECK_STR(after(u, "; Path=/", u), "");
    CHECK_STR(after(u, "=__Secure-n=v", u), "");
    CHECK_STR(after(u, "n=a\tb", u), "");
    CHECK_STR(after(u, "n=a\001b", u), "");
    CHECK_STR(after(u, "n=v;;;=;Unknown;Path", u), "n=v");
    char large[HOB_COOKIE_SIZE + 10];
    memset(large, 'x', sizeof large);
    large[1] = '=';
    large[HOB_COOKIE_SIZE + 1] = 0;
    CHECK_EQ(strlen(after(u, large, u)), HOB_COOKIE_SIZE + 1);
    large[HOB_COOKIE_SIZE + 1] = 'x';
    large[HOB_COOKIE_SIZE + 2] = 0;
    CHECK_STR(after(u, large, u), "");
    struct hob_cookies *jar;
    CHECK_EQ(hob_cookies_open(&jar), 0);
    CHECK_EQ(hob_cookies_set(jar, "nonsense", "n=v"), HOB_E_URL);
    CHECK_EQ(hob_cookies_get(jar, "ftp://a.test/", large, sizeof large), HOB_E_URL);
    hob_cookies_free(jar);
}

TEST(order_replacing_and_taking_out) {
    struct hob_cookies *jar;
    const char *u = "http://a.test/x/y";
    CHECK_EQ(hob_cookies_open(&jar), 0);
    CHECK_EQ(hob_cookies_set(jar, u, "a=1; Path=/"), 1);
    CHECK_EQ(hob_cookies_set(jar, u, "b=2; Path=/x"), 1);
    CHECK_EQ(hob_cookies_set(jar, u, "c=3; Path=/"), 1);
    CHECK_STR(cookies_for(jar, u), "b=2; a=1; c=3");
    CHECK_EQ(hob_cookies_set(jar, u, "a=4; Path=/"), 1);
    CHECK_STR(cookies_for(jar, u), "b=2; a=4; c=3");
    CHECK_EQ(hob_cookies_count(jar), 3);
    CHECK_EQ(hob_cookies_set(jar, u, "a=; Path=/; Max-Age=0"), 1);
    CHECK_EQ(hob_cookies_set(jar, u, "a=; Path=/; Max-Age=0"), 0);
    CHECK_EQ(hob_cookies_set(jar, u, "c=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT"), 1);
    CHECK_STR(cookies_for(jar, u), "b=2");
    CHECK_EQ(hob_cookies_set(jar, u, "d=; Max-Age=-5"), 0);
    CHECK_EQ(hob_cookies_set(jar, u, "d=1; Max-Age=x"), 1);
    char small[4];
    CHECK_EQ(hob_cookies_get(jar, u, small, sizeof small), 8);
    CHECK(strlen(small) == 3);
    hob_cookies_clear(jar);
    CHECK_EQ(hob_cookies_count(jar), 0);
    CHECK_STR(cookies_for(jar, u), "");
    hob_cookies_free(jar);
}

static int64_t date(const char *text) {
    int64_t at = -1;
    return hob__cookie_date(text, strlen(text), &at) ? at : -1;
}

TEST(dates) {
    CHECK_EQ(date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
    CHECK_EQ(date("Sunday, 06-Nov-94 08:49:37 GMT"), 784111777);
    CHECK_EQ(date("Sun Nov  6 08:49:37 1994"), 784111777);
    CHECK_EQ(date("1994 nov 6 8:49:37"), 784111777);
    CHECK_EQ(date("06-NOVEMBER-2069 00:00:00"), 3150921600);
    CHECK_EQ(date("Thu, 01 Jan 1970 00:00:00 GMT"), 0);
    static const char *const bad[] = {"",
                                      "never",
                                      "Sun, 06 Nov 1994",
                                      "06 Nov 1994 24:00:00",
                                      "06 Nov 1994 8:60:00",
                                      "00 Nov 1994 8:00:00",
                                      "31 Jun 1994 8:00:00",
                                      "29 Feb 2023 8:00:00",
                                      "06 Nov 1600 8:00:00",
                                      "06 Nov 12345 8:00:00",
                                      "06 Nxv 1994 8:00:00",
                                      "06 Nov 1994 8:00"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) CHECK_EQ(date(bad[i]), -1);
}

TEST(bounds) {
    struct hob_cookies *jar;
    char url[64], line[64];
    CHECK_EQ(hob_cookies_open(&jar), 0);
    for (int i = 0; i < HOB_COOKIES_PER_DOMAIN + 20; i++) {
        snprintf(line, sizeof line, "n%d=v", i);
        CHECK_EQ(hob_cookies_set(jar, "http://a.test/", line), 1);
        cookies_for(jar, "http://a.test/none"); /* all of them are used, in order */
    }
    CHECK_EQ(hob_cookies_count(jar), HOB_COOKIES_PER_DOMAIN);
    CHECK(!strstr(cookies_for(jar, "http://a.test/"), "n19=v"));
    CHECK_HAS(cookies_for(jar, "http://a.test/"), "n20=v; ");
    for (int i = 0; i < 2 * HOB_COOKIES_MAX; i++) {
        snprintf(url, sizeof url, "http://h%d.test/", i);
        CHECK_EQ(hob_cookies_set(jar, url, "n=v"), 1);
        CHECK(hob_cookies_count(jar) <= HOB_COOKIES_MAX);
    }
    CHECK_STR(cookies_for(jar, "http://a.test/"), "");
    CHECK_STR(cookies_for(jar, url), "n=v");
    hob_cookies_free(jar);
}

/* ---- files ---- */

static int64_t expiry;
static int see_expiry(const struct hob_cookie *c, void *arg) {
    if (strcmp(c->name, arg) == 0) expiry = c->expires;
    return 0;
}

TASK_TEST(saved_and_loaded) {
    HOB_SCOPE(s);
    const char *folder;
    char path[512], again[512], *text;
    struct hob_cookies *jar, *other;
    struct stat st;
    size_t size;
    CHECK_EQ(hob_temp_dir(s, NULL, &folder), 0);
    snprintf(path, sizeof path, "%s/cookies.txt", folder);
    snprintf(again, sizeof again, "%s/again.txt", folder);
    CHECK_EQ(hob_cookies_open(&jar), 0);
    CHECK_EQ(hob_cookies_open(&other), 0);
    CHECK_EQ(hob_cookies_load(jar, path), -ENOENT);
    hob_cookies_set(jar, "https://a.example.com/x/", "a=1; Max-Age=1000; Secure; HttpOnly");
    hob_cookies_set(jar, "http://a.example.com/", "b=2 3; Max-Age=1000; Domain=example.com");
    hob_cookies_set(jar, "http://a.example.com/", "e=; Max-Age=1000");
    hob_cookies_set(jar, "http://a.example.com/", "session=s");
    CHECK_EQ(hob_cookies_save(jar, path, false), 0);
    CHECK_EQ(hob_stat(path, &st), 0);
    CHECK_EQ(st.st_mode & 0777, 0600);
    CHECK_EQ(hob_cookies_load(other, path), 0);
    CHECK_EQ(hob_cookies_save(other, again, false), 0);
    CHECK_EQ(hob_cookies_count(other), 3);
    CHECK_STR(cookies_for(other, "https://a.example.com/x/"), "a=1; b=2 3; e=");
    CHECK_STR(cookies_for(other, "http://b.example.com/x/"), "b=2 3");
    hob_cookies_each(jar, see_expiry, "b");
    int64_t set = expiry;
    hob_cookies_each(other, see_expiry, "b");
    CHECK(set > 0 && expiry == set);
    char *first;
    CHECK_EQ(hob_read_file(path, &first, &size, 1 << 20), 0);
    CHECK_EQ(hob_read_file(again, &text, &size, 1 << 20), 0);
    CHECK_STR(first, text);
    hob_file_free(text);
    hob_file_free(first);
    CHECK_EQ(hob_cookies_save(jar, path, true), 0);
    hob_cookies_clear(other);
    CHECK_EQ(hob_cookies_load(other, path), 0);
    CHECK_EQ(hob_cookies_count(other), 4);
    /* What others write. */
    static const char odd[] = "# Netscape HTTP Cookie File\r\n\n# a comment\n"
                              "a.test\tFALSE\t/\tFALSE\t0\tn\tv\r\n"
                              ".b.test\tTRUE\t/\tFALSE\t99999999999\tm\n"
                              "com\tTRUE\t/\tFALSE\t0\tn\tv\n"
                              "short\tTRUE\n"
                              "c.test\tFALSE\tno-path\tFALSE\t0\tn\tv\n"
                              "d.test\tFALSE\t/\tFALSE\t1\tgone\tv\n"
                              "e.test\tFALSE\t/\tFALSE\t0\tn\tv\ttoo many\n";
    CHECK_EQ(hob_write_file(path, odd, sizeof odd - 1), 0);
    hob_cookies_clear(other);
    CHECK_EQ(hob_cookies_load(other, path), 0);
    CHECK_EQ(hob_cookies_count(other), 2);
    CHECK_STR(cookies_for(other, "http://a.test/"), "n=v");
    CHECK_STR(cookies_for(other, "http://x.b.test/"), "m=");
    hob_cookies_free(jar);
    hob_cookies_free(other);
    return 0;
}

/* ---- with a client ---- */

static char last[512];
static int shop(struct hob_request *req, void *arg) {
    (void)arg;
    const char *cookie = hob_request_header(req, "cookie"), *path = hob_request_path(req);
    snprintf(last, sizeof last, "%s", cookie ? cookie : "-");
    if (strcmp(path, "/login") == 0)
        return hob_respond(req, 302,
                           HOB_HEADERS({"Set-Cookie", "id=7; Path=/; HttpOnly"},
                                       {"set-cookie", "theme=dark"}, {"Location", "/home"}),
                           NULL, 0);
    if (strcmp(path, "/logout") == 0)
        return hob_respond(req, 200, HOB_HEADERS({"Set-Cookie", "id=; Max-Age=0; Path=/"}), "", 0);
    return hob_respond_text(req, 200, "text/plain", "home\n");
}

static int visit(struct hob_client *c, const char *url, const struct hob_header *headers) {
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    last[0] = 0;
    HOB_TRY(hob_client_request(c, "GET", url, &res, .headers = headers));
    return hob_response_status(res);
}

TASK_TEST(a_client_remembers) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    struct hob_cookies *jar;
    CHECK_EQ(hob_cookies_open(&jar), 0);
    hob_spawn(s, hob_http_serve, l, shop, NULL, (struct hob_http_options){0});
    for (int way = 0; way < 3; way++) {
        HOB_CLIENT(c, .cookies = way == 1 ? jar : NULL, .no_cookies = way == 2);
        CHECK_EQ(visit(c, url_of(l, "/home"), NULL), 200);
        CHECK_STR(last, "-");
        CHECK_EQ(visit(c, url_of(l, "/login"), NULL), 200); /* after the redirect */
        CHECK_STR(last, way < 2 ? "id=7; theme=dark" : "-");
        CHECK_EQ(visit(c, url_of(l, "/home"), HOB_HEADERS({"Cookie", "mine=1"})), 200);
        CHECK_STR(last, "mine=1");
        CHECK_EQ(visit(c, url_of(l, "/logout"), NULL), 200);
        CHECK_EQ(visit(c, url_of(l, "/home"), NULL), 200);
        CHECK_STR(last, way < 2 ? "theme=dark" : "-");
    }
    CHECK_EQ(hob_cookies_count(jar), 1);
    hob_cookies_free(jar);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

TASK_TEST(many_cookies_and_no_memory) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    struct hob_cookies *jar;
    CHECK_EQ(hob_cookies_open(&jar), 0);
    for (int i = 0; i < 150; i++) {
        char line[64];
        snprintf(line, sizeof line, "name%d=value%d", i, i);
        CHECK_EQ(hob_cookies_set(jar, url_of(l, "/"), line), 1);
    }
    hob_spawn(s, hob_http_serve, l, shop, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c, .cookies = jar);
    CHECK_EQ(visit(c, url_of(l, "/home"), NULL), 200);
    CHECK_HAS(last, "name0=value0; name1=value1; ");
    int rc = 0;
    for (long n = 1; n < 100 && rc != 200; n++) {
        hob__alloc_fail_at(n);
        rc = visit(c, url_of(l, "/login"), NULL);
        bool failed = hob__alloc_count() >= n;
        hob__alloc_fail_at(0);
        if (!failed) CHECK_EQ(rc, 200);
    }
    CHECK_EQ(rc, 200);
    hob_cookies_free(jar);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

TEST_MAIN()
