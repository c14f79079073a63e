/* url_fuzz.c - URLs: what parses has its parts inside the text; what resolves parses, and resolves
 * to itself; decoding takes back encoding. */
#include <hob/url.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "%d: not true: %s\n", __LINE__, #cond);                                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static void inside(const char *text, size_t n, struct hob_slice s) {
    if (s.at) CHECK(s.at >= text && s.at + s.size <= text + n);
}

static void resolve(const char *text, size_t n) {
    char out[4096], again[4096];
    struct hob_url u;
    struct hob_url_error why;
    int rc = hob_url_resolve("http://h:81/a/b/../c?q#f", text, n, out, sizeof out, &why);
    if (rc < 0 || (size_t)rc >= sizeof out) return;
    CHECK(strlen(out) == (size_t)rc);
    CHECK(hob_url_parse(out, (size_t)rc, &u, NULL) == 0);
    int second = hob_url_resolve("http://other/", out, (size_t)rc, again, sizeof again, &why);
    CHECK(second >= 0 && strlen(again) == (size_t)second);
    char small[16];
    CHECK(hob_url_resolve("http://h:81/a/b/../c?q#f", text, n, small, sizeof small, NULL) >=
          (rc < 16 ? rc : 16));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (n > 1000) return 0;
    char *text = malloc(n ? n : 1), coded[3001], plain[3001];
    memcpy(text, data, n);
    struct hob_url u;
    struct hob_url_error why;
    if (hob_url_parse(text, n, &u, &why) == 0) {
        inside(text, n, u.scheme);
        inside(text, n, u.userinfo);
        inside(text, n, u.host);
        inside(text, n, u.path);
        inside(text, n, u.query);
        inside(text, n, u.fragment);
        CHECK(u.host.size > 0 && u.port > 0);
    } else {
        CHECK(why.at <= n && why.reason);
    }
    resolve(text, n);
    size_t len = hob_url_encode(text, n, NULL, coded, sizeof coded);
    CHECK(hob_url_decode(coded, len, true, plain) == (int)n && memcmp(plain, text, n) == 0);
    hob_url_decode(text, n, true, plain);
    struct hob_slice rest = {text, n}, name, value;
    while (hob_query_next(&rest, &name, &value)) {
        inside(text, n, name);
        inside(text, n, value);
    }
    hob_query_get((struct hob_slice){text, n}, "a b", coded, 20);
    free(text);
    return 0;
}
