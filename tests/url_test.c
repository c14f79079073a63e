/* url_test.c - URLs: what parses into what, what is wrong at which byte, RFC 3986's own examples of
 * resolving, percent coding and queries. */
#include "test.h"

#include <hob/url.h>

#include "../fuzz/fuzz.h"
#include "base/buffer.h"
#include "base/memory.h"

static bool is(struct hob_slice s, const char *text) {
    if (!text) return s.at == NULL;
    return s.at && s.size == strlen(text) && memcmp(s.at, text, s.size) == 0;
}

static const struct good {
    const char *text;
    bool tls;
    int port;
    const char *userinfo, *host, *path, *query, *fragment;
} good[] = {
    {"http://example.org", false, 80, NULL, "example.org", "", NULL, NULL},
    {"HTTPS://example.org/", true, 443, NULL, "example.org", "/", NULL, NULL},
    {"http://h:8080/a/b?x=1&y#z", false, 8080, NULL, "h", "/a/b", "x=1&y", "z"},
    {"http://h:/", false, 80, NULL, "h", "/", NULL, NULL},
    {"http://h?", false, 80, NULL, "h", "", "", NULL},
    {"http://h#", false, 80, NULL, "h", "", NULL, ""},
    {"http://u:p%40@h/", false, 80, "u:p%40", "h", "/", NULL, NULL},
    {"http://@h/", false, 80, "", "h", "/", NULL, NULL},
    {"http://[::1]:8000/x", false, 8000, NULL, "::1", "/x", NULL, NULL},
    {"http://[2001:db8::7]", false, 80, NULL, "2001:db8::7", "", NULL, NULL},
    {"http://127.0.0.1:65535/%2F", false, 65535, NULL, "127.0.0.1", "/%2F", NULL, NULL},
    {"http://h/a?b?c/d#e?f/g", false, 80, NULL, "h", "/a", "b?c/d", "e?f/g"},
    {"http://h//a//b", false, 80, NULL, "h", "//a//b", NULL, NULL},
    {"http://h/a:b@c;d=e,f", false, 80, NULL, "h", "/a:b@c;d=e,f", NULL, NULL},
};

TEST(good_urls) {
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        const struct good *g = &good[i];
        struct hob_url u;
        size_t n = strlen(g->text);
        const char *text = edge_copy(g->text, n);
        int rc = hob_url_parse(text, n, &u, NULL);
        if (rc != 0 || u.tls != g->tls || u.port != g->port || !is(u.userinfo, g->userinfo) ||
            !is(u.host, g->host) || !is(u.path, g->path) || !is(u.query, g->query) ||
            !is(u.fragment, g->fragment))
            FAIL("%s: %d", g->text, rc);
        for (size_t cut = 0; cut < n; cut++) hob_url_parse(edge_copy(g->text, cut), cut, &u, NULL);
    }
}

static const struct bad {
    const char *text;
    size_t at;
    const char *reason;
} bad[] = {
    {"", 0, "empty"},
    {"example.org/", 0, "scheme"},
    {"//example.org/", 0, "scheme"},
    {"ftp://example.org/", 0, "not http"},
    {"mailto:a@b", 0, "not http"},
    {"http:/h", 5, "\"//\""},
    {"http://", 7, "host is missing"},
    {"http:///a", 7, "host is missing"},
    {"http://:80/", 7, "host is missing"},
    {"http://u@/", 9, "host is missing"},
    {"http://h:80a/", 11, "number"},
    {"http://h:65536/", 9, "65535"},
    {"http://h:99999999999999999999/", 9, "65535"},
    {"http://h:0/", 9, "port 0"},
    {"http://[::1/", 7, "without its ']'"},
    {"http://[::g]/", 8, "IPv6"},
    {"http://[fe80::1%25]/", 18, "zone is missing"},
    {"http://[fe80::1%]/", 16, "zone is missing"},
    {"http://[fe80::g%25eth0]/", 8, "IPv6"},
    {"http://[%25eth0]/", 8, "IPv6"},
    {"http://[fe80::1%25a/b]/", 7, "without its ']'"},
    {"http://[fe80::1%25a:b]/", 19, "a zone cannot have"},
    {"http://[fe80::1%25a%2]/", 19, "hexadecimal"},
    {"http://[fe80::1%25aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]/", 18, "longer"},
    {"http://[::1]x/", 12, "only a port"},
    {"http://a b/", 8, "space"},
    {"http://h/a b", 10, "%20"},
    {"http://h/%", 9, "hexadecimal"},
    {"http://h/%4", 9, "hexadecimal"},
    {"http://h/%zz", 9, "hexadecimal"},
    {"http://h/a\nb", 10, "control"},
    {"http://h/\xc3\xa4", 9, "outside ASCII"},
    {"http://h/a?b c", 12, "space"},
    {"http://h/a#b#c", 12, "fragment"},
    {"http://h/<", 9, "path"},
    {"http://h\\x/", 8, "host"},
    {"http://a@b@c/", 8, "user information"},
};

TEST(zones) {
    static const char *const same[] = {"http://[fe80::1%25eth0.5]:81/p",
                                       "http://[fe80::1%eth0.5]:81/p",
                                       "http://u@[fe80::1%25eth0.5]:81/p"};
    struct hob_url u;
    for (size_t i = 0; i < 3; i++) {
        CHECK_EQ(hob_url_parse(same[i], strlen(same[i]), &u, NULL), 0);
        CHECK(u.host_is_ipv6 && u.port == 81);
        CHECK(is(u.host, "fe80::1") && is(u.zone, "eth0.5") && is(u.path, "/p"));
    }
    CHECK_EQ(hob_url_parse("http://[fe80::1%252]/", 21, &u, NULL), 0);
    CHECK(is(u.zone, "2"));
    CHECK_EQ(hob_url_parse("http://[fe80::1%25a%2Db]/", 25, &u, NULL), 0);
    CHECK(is(u.zone, "a%2Db"));
    CHECK_EQ(hob_url_parse("http://[::1]/", 13, &u, NULL), 0);
    CHECK(u.zone.at == NULL);
    char buf[100];
    CHECK(hob_url_resolve(same[0], "../q", 4, buf, sizeof buf, NULL) > 0);
    CHECK_STR(buf, "http://[fe80::1%25eth0.5]:81/q");
}

TEST(bad_urls) {
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct bad *b = &bad[i];
        struct hob_url u;
        struct hob_url_error why = {999, "none"};
        size_t n = strlen(b->text);
        int rc = hob_url_parse(edge_copy(b->text, n), n, &u, &why);
        if (rc != HOB_E_URL || why.at != b->at || !strstr(why.reason, b->reason))
            FAIL("%s: %d at %zu: %s", b->text, rc, why.at, why.reason);
        CHECK_EQ(hob_url_parse(b->text, n, &u, NULL), HOB_E_URL);
    }
}

/* RFC 3986, 5.4.1 and 5.4.2, without those of other schemes. */
static const char *const resolved[][2] = {
    {"g", "http://a/b/c/g"},
    {"./g", "http://a/b/c/g"},
    {"g/", "http://a/b/c/g/"},
    {"/g", "http://a/g"},
    {"//g", "http://g"},
    {"?y", "http://a/b/c/d;p?y"},
    {"g?y", "http://a/b/c/g?y"},
    {"#s", "http://a/b/c/d;p?q#s"},
    {"g#s", "http://a/b/c/g#s"},
    {"g?y#s", "http://a/b/c/g?y#s"},
    {";x", "http://a/b/c/;x"},
    {"g;x", "http://a/b/c/g;x"},
    {"g;x?y#s", "http://a/b/c/g;x?y#s"},
    {"", "http://a/b/c/d;p?q"},
    {".", "http://a/b/c/"},
    {"./", "http://a/b/c/"},
    {"..", "http://a/b/"},
    {"../", "http://a/b/"},
    {"../g", "http://a/b/g"},
    {"../..", "http://a/"},
    {"../../", "http://a/"},
    {"../../g", "http://a/g"},
    {"../../../g", "http://a/g"},
    {"../../../../g", "http://a/g"},
    {"/./g", "http://a/g"},
    {"/../g", "http://a/g"},
    {"g.", "http://a/b/c/g."},
    {".g", "http://a/b/c/.g"},
    {"g..", "http://a/b/c/g.."},
    {"..g", "http://a/b/c/..g"},
    {"./../g", "http://a/b/g"},
    {"./g/.", "http://a/b/c/g/"},
    {"g/./h", "http://a/b/c/g/h"},
    {"g/../h", "http://a/b/c/h"},
    {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
    {"g;x=1/../y", "http://a/b/c/y"},
    {"g?y/./x", "http://a/b/c/g?y/./x"},
    {"g#s/../x", "http://a/b/c/g#s/../x"},
    {"https://h:9/x/../y", "https://h:9/y"},
    {"a b\xc3\xa4\"?c d", "http://a/b/c/a%20b%C3%A4%22?c%20d"},
    {"100%", "http://a/b/c/100%25"},
    {"%41%zz", "http://a/b/c/%41%25zz"},
};

TEST(resolve) {
    char buf[256], tight[256];
    for (size_t i = 0; i < sizeof resolved / sizeof *resolved; i++) {
        const char *ref = resolved[i][0];
        size_t n = strlen(ref), want = strlen(resolved[i][1]);
        int rc = hob_url_resolve("http://a/b/c/d;p?q", edge_copy(ref, n), n, buf, sizeof buf, NULL);
        if (rc != (int)want || strcmp(buf, resolved[i][1]) != 0)
            FAIL("\"%s\" gives %d %s, not %s", ref, rc, buf, resolved[i][1]);
        for (size_t cap = 0; cap <= want; cap++) {
            memset(tight, 'x', sizeof tight);
            rc = hob_url_resolve("http://a/b/c/d;p?q", ref, n, tight, cap, NULL);
            CHECK(rc >= (int)cap && rc >= (int)want - (int)cap);
            CHECK(tight[cap] == 'x' && (cap == 0 || memchr(tight, 0, cap)));
        }
    }
}

TEST(resolve_errors) {
    char buf[256];
    struct hob_url_error why;
    CHECK_EQ(hob_url_resolve("http://a", "mailto:x@y", 10, buf, sizeof buf, &why), HOB_E_URL);
    CHECK_HAS(why.reason, "not http");
    CHECK_EQ(hob_url_resolve("/a", "b", 1, buf, sizeof buf, &why), HOB_E_URL);
    CHECK_HAS(why.reason, "base");
    CHECK_EQ(hob_url_resolve("http://a", "x\ny", 3, buf, sizeof buf, &why), HOB_E_URL);
    CHECK_EQ(why.at, 1);
    CHECK_EQ(hob_url_resolve("http://a", "//", 2, buf, sizeof buf, &why), HOB_E_URL);
    CHECK_HAS(why.reason, "host is missing");
    CHECK_EQ(hob_url_resolve("http://a", "x/y", 3, buf, sizeof buf, &why), 12);
    CHECK_STR(buf, "http://a/x/y");
}

TEST(percent_coding) {
    char buf[64], out[64];
    CHECK_EQ(hob_url_encode("a b/\xff~", 6, "/", buf, sizeof buf), 10);
    CHECK_STR(buf, "a%20b/%FF~");
    CHECK_EQ(hob_url_encode("a b", 3, NULL, buf, 4), 5);
    CHECK_STR(buf, "a%2");
    CHECK_EQ(hob_url_decode("a%20b+c", 7, false, out), 5);
    CHECK(memcmp(out, "a b+c", 5) == 0);
    CHECK_EQ(hob_url_decode("a%20b+c", 7, true, out), 5);
    CHECK(memcmp(out, "a b c", 5) == 0);
    CHECK_EQ(hob_url_decode("%4", 2, true, out), HOB_E_URL);
    CHECK_EQ(hob_url_decode("%4g", 3, true, out), HOB_E_URL);
    for (int c = 0; c < 256; c++) {
        char in = (char)c;
        size_t n = hob_url_encode(&in, 1, NULL, buf, sizeof buf);
        CHECK_EQ(hob_url_decode(buf, n, true, out), 1);
        CHECK(out[0] == in);
    }
}

TEST(queries) {
    const char *text = "a=1&&b&c=&a=2&d%20e=x%26y+z";
    struct hob_slice rest = {text, strlen(text)}, query = rest, name, value;
    CHECK(hob_query_next(&rest, &name, &value) && is(name, "a") && is(value, "1"));
    CHECK(hob_query_next(&rest, &name, &value) && is(name, "b") && is(value, NULL));
    CHECK(hob_query_next(&rest, &name, &value) && is(name, "c") && is(value, ""));
    CHECK(hob_query_next(&rest, &name, &value) && is(name, "a") && is(value, "2"));
    CHECK(hob_query_next(&rest, &name, &value) && is(name, "d%20e"));
    CHECK(!hob_query_next(&rest, &name, &value));
    char buf[16];
    CHECK_EQ(hob_query_get(query, "a", buf, sizeof buf), 1);
    CHECK_STR(buf, "1");
    CHECK_EQ(hob_query_get(query, "d e", buf, sizeof buf), 5);
    CHECK_STR(buf, "x&y z");
    CHECK_EQ(hob_query_get(query, "d e", buf, 3), 5);
    CHECK_STR(buf, "x&");
    CHECK_EQ(hob_query_get(query, "b", buf, sizeof buf), 0);
    CHECK_EQ(hob_query_get(query, "x", buf, sizeof buf), -ENOENT);
    CHECK_EQ(hob_query_get((struct hob_slice){"a=%0", 4}, "a", buf, sizeof buf), HOB_E_URL);
    CHECK_EQ(hob_query_get((struct hob_slice){"a=%00", 5}, "a", buf, sizeof buf), HOB_E_URL);
    CHECK_EQ(hob_query_get((struct hob_slice){NULL, 0}, "a", buf, sizeof buf), -ENOENT);
}

TEST(buffer) {
    char storage[8];
    struct hob__buffer b;
    hob__buffer_borrow(&b, storage, sizeof storage);
    CHECK_EQ(hob__buffer_append(&b, "12345", 5, 1000), 0);
    hob__buffer_take(&b, 3);
    CHECK_EQ(hob__buffer_append(&b, "6789ab", 6, 1000), 0);
    CHECK(b.data == storage && hob__buffer_validate(&b)); /* it moved down, it did not grow */
    CHECK(memcmp(hob__buffer_bytes(&b), "456789ab", 8) == 0);
    CHECK_EQ(hob__buffer_append(&b, "c", 1, 8), HOB_E_LIMIT);
    CHECK_EQ(hob__buffer_append(&b, "c", 1, 9), 0);
    CHECK(!b.borrowed && b.data != storage && hob__buffer_size(&b) == 9 && b.cap == 9);
    hob__buffer_take(&b, 1);
    for (int i = 0; i < 1000; i++) {
        hob__alloc_fail_at(1);
        int rc = hob__buffer_append(&b, "x", 1, 2000);
        hob__alloc_fail_at(0);
        if (rc < 0) CHECK_EQ(hob__buffer_append(&b, "x", 1, 2000), 0);
        CHECK(hob__buffer_validate(&b) && hob__buffer_size(&b) == 9 + (size_t)i);
    }
    CHECK(memcmp(hob__buffer_bytes(&b), "56789abcx", 9) == 0);
    CHECK_EQ(hob__buffer_reserve(&b, SIZE_MAX, SIZE_MAX), HOB_E_LIMIT);
    hob__buffer_free(&b);
    CHECK(!b.data && b.cap == 0);
}

TEST_MAIN()
