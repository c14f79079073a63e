/* tunnel_fuzz.c - what proxies answer to SOCKS5's greeting and requests, and to CONNECT: cut in any
 * way it means the same, what SOCKS means is what a second reading of RFC 1928 says, and not a byte
 * behind the last answer is taken. */
#include "world.h"

#include <hob/http.h>

#include "http/client/client.h"
#include "http/client/tunnel.h"

static struct world_source source;
static struct hob__proxy proxy;
static bool socks;

struct seen {
    int rc;
    bool again;
    size_t left;
};
static struct seen seen;

static int scenario(void) {
    struct hob_client *c;
    CHECK(hob_client_open(&c, .proxy = "", .no_proxy = "*") == 0);
    struct hob_stream *s = source_open(&source);
    seen = (struct seen){.rc = 0};
    seen.rc = socks ? hob__tunnel_socks(c, &proxy, s, "192.0.2.7:443")
                    : hob__tunnel_connect(c, &proxy, s, "example.org:443", &seen.again);
    char rest[64];
    for (ssize_t n; (n = hob_read(s, rest, sizeof rest)) > 0;) seen.left += (size_t)n;
    hob_error_clear();
    hob_close(s);
    hob_client_close(c);
    return 0;
}
HOB_TASK(scenario)

static struct seen answer(const uint8_t *data, size_t n, uint32_t cut) {
    source = (struct world_source){.at = data, .left = n, .cut = cut, .most = 4};
    CHECK(world_run(scenario) == 0);
    return seen;
}

/* The bytes of the proxy's answers; -1: they are none that lead to the server. */
static ssize_t model(const uint8_t *b, size_t n) {
    size_t at = 2;
    if (n < 2 || b[0] != 5) return -1;
    if (b[1] == 2 && proxy.user) { /* RFC 1929 */
        if (n < 4 || b[3] != 0) return -1;
        at = 4;
    } else if (b[1] != 0) {
        return -1;
    }
    if (n < at + 5 || b[at] != 5 || b[at + 1] != 0) return -1;
    size_t size = b[at + 3] == 1 ? 4 : b[at + 3] == 4 ? 16 : b[at + 3] == 3 ? 1u + b[at + 4] : 0;
    return size == 0 || n < at + 4 + size + 2 ? -1 : (ssize_t)(at + 4 + size + 2);
}

/* Kind, how it is cut, then the bytes. */
FUZZ(data, n) {
    if (n < 2 || n > 4096) return;
    bool user = data[0] & 2;
    socks = data[0] & 1;
    proxy = (struct hob__proxy){.kind = socks ? HOB__PROXY_SOCKS5 : HOB__PROXY_HTTP,
                                .address = "proxy.test:3128",
                                .key = "proxy",
                                .user = user ? "ada" : NULL,
                                .password = user ? "secret" : NULL};
    const uint8_t *bytes = (const uint8_t *)edge_kept(data + 2, n - 2);
    struct seen whole = answer(bytes, n - 2, 0), pieces = answer(bytes, n - 2, data[1] | 0x100u);
    if (socks) {
        ssize_t want = model(bytes, n - 2);
        CHECK(whole.rc == pieces.rc && (whole.rc == 0) == (want >= 0));
        CHECK(whole.rc == 0 || whole.rc == HOB_E_SOCKS || whole.rc == HOB_E_PROXY_AUTH);
        if (want >= 0) CHECK(whole.left == n - 2 - (size_t)want && pieces.left == whole.left);
        return;
    }
    /* Bytes behind the answer are an error, if they have come by then. */
    CHECK(whole.rc == 0 || whole.rc == HOB_E_PROXY || whole.rc == HOB_E_PROXY_AUTH ||
          whole.rc == HOB_E_HTTP_AUTH);
    CHECK(whole.rc == pieces.rc || (whole.rc == HOB_E_PROXY && pieces.rc == 0));
    CHECK(whole.again == pieces.again);
    if (whole.rc == 0) CHECK(whole.left == 0 && pieces.left == 0);
    if (whole.again) CHECK(user);
}
