/* digest_fuzz.c - any text as a challenge: what is read can be answered in a header that breaks no
 * message, or is refused; and as a proxy's URL, and as the list of those without one. */
#include "base/memory.h"
#include "fuzz.h"
#include "http/client/digest.h"
#include "http/client/proxy_url.h"
#include "http/h1.h"

static void challenge(const char *text) {
    struct hob__challenge c = {.algorithm = HOB__DIGEST_NONE}, d = c;
    struct hob__buffer b = {0};
    bool basic = false, again = false;
    bool got = hob__digest_read(text, &c, &basic);
    CHECK(hob__digest_read(text, &d, &again) == got && basic == again);
    CHECK(got == (c.algorithm != HOB__DIGEST_NONE));
    if (!got) return;
    CHECK(c.nonce[0] && strcmp(c.nonce, d.nonce) == 0 && strcmp(c.realm, d.realm) == 0);
    const struct hob__digest_request r = {
        "me", "secret", "GET", {"/a", 2}, "0123456789abcdef0123456789abcdef", "0123456789abcdef"};
    int rc = hob__digest_put(&c, &b, "Authorization", &r);
    CHECK(rc == 0 || rc == HOB_E_HTTP_ILLEGAL || rc == HOB_E_HTTP_AUTH);
    if (rc == 0) {
        const char *at = hob__buffer_bytes(&b);
        size_t n = hob__buffer_size(&b);
        CHECK(n > 2 && memchr(at, '\n', n) == at + n - 1 && memchr(at, '\r', n) == at + n - 2);
    }
    hob__buffer_free(&b);
}

static void proxy(const char *text) {
    struct hob__proxy *p;
    const char *why = NULL;
    int rc = hob__proxy_parse(text, &p, &why);
    CHECK(rc == 0 || rc == HOB_E_PROXY);
    if (rc < 0) CHECK(!p && why && *why);
    if (rc == 0)
        CHECK(strrchr(p->address, ':') && strcmp(p->key, text) == 0 && !p->user == !p->password);
    hob__free(p);
}

FUZZ(data, n) {
    if (n > 8000) return;
    const char *text = edge_kept_string(data, n);
    static const char *const hosts[] = {"example.org", "10.1.2.3", "2001:db8::1", "a."};
    challenge(text);
    proxy(text);
    for (int i = 0; i < 4; i++) hob__no_proxy(text, (struct hob_slice){hosts[i], strlen(hosts[i])});
}
