/* tls_proxy_test.c - https:// through proxies: tunnels, TLS to the proxy itself, SOCKS; pinned
 * keys; a cancel at every point and every allocation failing on the way through. */
#define SEEDS 2 /* handshakes are long */
#include "drivers.h"
#include "http_count.h"
#include "http_proxy.h"
#include "tls_test.h"

#include <hob/http_trace.h>

#include "http/base64.h"

static int accept_tls(struct hob_stream *s, struct hob_tls *tls) { return hob_tls_accept(s, tls); }

/* A server, and a proxy in front of it. */
struct place {
    struct hob_listener *server, *proxy;
    struct relay relay;
    char url[100];
};

static void open_place(struct place *p) {
    CHECK_EQ(hob_listen("127.0.0.1:0", &p->server), 0);
    CHECK_EQ(hob_listen("127.0.0.1:0", &p->proxy), 0);
    p->relay.server = hob_listener_address(p->server);
    p->relay.accept = accept_tls;
    snprintf(p->url, sizeof p->url, "https://example.org/a");
}

static void start_place(struct place *p, struct hob_scope *s) {
    open_place(p);
    hob_spawn(s, hob_http_serve, p->server, count, NULL,
              (struct hob_http_options){.tls = server_tls});
    hob_spawn(s, relay, p->proxy, &p->relay);
}

static int stop_place(struct place *p, struct hob_scope *s) {
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(p->server);
    hob_listener_close(p->proxy);
    return 0;
}

TLS_TEST(a_tunnel) {
    static struct place p;
    HOB_SCOPE(s);
    start_place(&p, s);
    {
        HOB_CLIENT(c, .tls = client_tls, .proxy = proxy_of(p.proxy, "http", "me:secret@"));
        struct hob_phases phases;
        struct hob_response *res;
        CHECK_EQ(hob_client_request(c, "GET", p.url, &res, .phases = &phases), 0);
        hob_response_close(res);
        CHECK(phases.tunnel > 0 && phases.tls > 0 && !phases.reused);
        CHECK_STR(phases.peer, hob_listener_address(p.proxy));
        CHECK_HAS(p.relay.asked, "CONNECT example.org:443 HTTP/1.1\r\n");
        CHECK_HAS(p.relay.asked, "\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n");
        CHECK_HAS(seen.last, "GET /a auth=-"); /* the server is not told */
        CHECK_EQ(get_one(c, p.url, NULL), 0);
        CHECK_EQ(p.relay.connections, 1);
    }
    {
        /* The server behind it is verified as ever. */
        HOB_CLIENT(c, .tls = client_tls, .proxy = proxy_of(p.proxy, "http", ""));
        CHECK_EQ(get_one(c, "https://elsewhere.test/", NULL), HOB_E_TLS_NAME);
    }
    p.relay.slow = true;
    {
        HOB_CLIENT(c, .tls = client_tls, .proxy = proxy_of(p.proxy, "http", ""));
        CHECK_EQ(get_one(c, p.url, NULL), 0);
    }
    return stop_place(&p, s);
}

TLS_TEST(tls_to_the_proxy_and_tls_inside) {
    static struct place p;
    HOB_SCOPE(s);
    start_place(&p, s);
    p.relay.tls = server_tls;
    {
        HOB_CLIENT(c, .tls = client_tls, .proxy = proxy_of(p.proxy, "https", ""));
        char *large = malloc(300000);
        struct hob_body echo;
        memset(large, 'x', 300000);
        CHECK_EQ(hob_post(c, p.url, "text/plain", large, 300000, &echo), 200);
        CHECK_EQ(echo.size, 300000);
        CHECK(memcmp(echo.data, large, echo.size) == 0);
        hob_body_free(&echo);
        free(large);
        CHECK_HAS(p.relay.asked, "CONNECT example.org:443 ");
    }
    {
        HOB_CLIENT(c, .proxy = proxy_of(p.proxy, "https", "")); /* trusts nobody of that CA */
        CHECK_EQ(get_one(c, p.url, NULL), HOB_E_TLS_ISSUER);
        CHECK_HAS(hob_error()->message, "by proxy 127.0.0.1:");
    }
    return stop_place(&p, s);
}

TLS_TEST(socks_and_tls) {
    static struct place p;
    HOB_SCOPE(s);
    start_place(&p, s);
    p.relay.socks = true;
    {
        HOB_CLIENT(c, .tls = client_tls, .proxy = proxy_of(p.proxy, "socks5h", ""));
        CHECK_EQ(get_one(c, p.url, NULL), 0);
        CHECK_STR(p.relay.asked, "example.org:443");
    }
    return stop_place(&p, s);
}

/* The proxy is TLS, and asked for http:// as it stands: nothing of it goes over the wire plainly.
 */
TLS_TEST(http_by_a_proxy_with_tls) {
    struct hob_listener *l;
    HOB_SCOPE(s);
    CHECK_EQ(hob_listen("127.0.0.1:0", &l), 0);
    hob_spawn(s, hob_http_serve, l, count, NULL, (struct hob_http_options){.tls = server_tls});
    {
        HOB_CLIENT(c, .tls = client_tls, .proxy = proxy_of(l, "https", ""));
        CHECK_EQ(get_one(c, "http://example.test/x", NULL), 0);
        CHECK_HAS(seen.last, "GET http://example.test/x ");
    }
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

/* ---- keys ---- */

static void pin_of(const struct identity *id, char out[64]) {
    unsigned char *der = NULL, digest[32];
    unsigned size;
    int n = i2d_PUBKEY(id->pkey, &der);
    CHECK(n > 0 && EVP_Digest(der, (size_t)n, digest, &size, EVP_sha256(), NULL) == 1);
    OPENSSL_free(der);
    strcpy(out, "sha256//");
    hob__base64_put(digest, 32, out + 8);
}

TLS_TEST(pinned_keys) {
    struct hob_listener *l;
    char right[64], wrong[64], both[130], url[64];
    pin_of(&site, right);
    pin_of(&other, wrong);
    snprintf(both, sizeof both, "%s;%s", wrong, right);
    HOB_SCOPE(s);
    CHECK_EQ(hob_listen("127.0.0.1:0", &l), 0);
    hob_spawn(s, hob_http_serve, l, count, NULL, (struct hob_http_options){.tls = server_tls});
    snprintf(url, sizeof url, "https://%s/", hob_listener_address(l));
    {
        HOB_CLIENT(a, .tls = client_tls, .pins = right);
        CHECK_EQ(get_one(a, url, NULL), 0);
        HOB_CLIENT(b, .tls = client_tls, .pins = both);
        CHECK_EQ(get_one(b, url, NULL), 0); /* resumed, perhaps: the key is known all the same */
        HOB_CLIENT(c, .tls = client_tls, .pins = wrong);
        CHECK_EQ(get_one(c, url, NULL), HOB_E_HTTP_PIN);
        CHECK_HAS(hob_error()->message, "is not one of the 1 pinned");
        struct hob_tls *blind;
        CHECK_EQ(hob_tls_new(&blind, .insecure = true), 0);
        HOB_CLIENT(d, .tls = blind, .pins = wrong);
        CHECK_EQ(get_one(d, url, NULL), HOB_E_HTTP_PIN);
        HOB_CLIENT(e, .tls = blind, .pins = right);
        CHECK_EQ(get_one(e, url, NULL), 0);
        hob_tls_free(blind);
    }
    static const char *const bad[] = {
        "x",        "sha1//AAAA", "sha256//AAAA",
        "sha256//", ";",          "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    struct hob_client *c;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_EQ(hob_client_open(&c, .pins = bad[i]), -EINVAL);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

/* ---- a certificate of the client's own ---- */

TLS_TEST(the_clients_certificate) {
    struct hob_listener *l;
    struct identity me = IDENTITY(.cn = "me", .issuer = &ca);
    struct hob_tls *wants, *shows;
    char url[64];
    CHECK_EQ(hob_tls_new(&wants, .certificate = site.cert, .key = site.key, .ca = ca.cert,
                         .client_certificate = HOB_TLS_REQUIRE),
             0);
    CHECK_EQ(hob_tls_new(&shows, .ca = ca.cert, .certificate = me.cert, .key = me.key), 0);
    HOB_SCOPE(s);
    CHECK_EQ(hob_listen("127.0.0.1:0", &l), 0);
    hob_spawn(s, hob_http_serve, l, count, NULL, (struct hob_http_options){.tls = wants});
    snprintf(url, sizeof url, "https://%s/", hob_listener_address(l));
    {
        HOB_CLIENT(with, .tls = shows);
        CHECK_EQ(get_one(with, url, NULL), 0);
        HOB_CLIENT(without, .tls = client_tls);
        CHECK(get_one(without, url, NULL) < 0);
    }
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    hob_tls_free(wants);
    hob_tls_free(shows);
    drop_identity(&me);
    return 0;
}

/* ---- the drivers ---- */

static struct place driven;
static bool driven_tls, driven_socks;

/* Whoever serves no more, cancelled alone perhaps, takes the others along: they would wait. */
static int serving(void) {
    hob_http_serve(driven.server, count, NULL, (struct hob_http_options){.tls = server_tls});
    return -ECONNABORTED;
}
HOB_TASK(serving)
static int relaying(void) {
    relay(driven.proxy, &driven.relay);
    return -ECONNABORTED;
}
HOB_TASK(relaying)

static int drive_one(struct hob_client *c, struct hob_scope *s) {
    hob_spawn(s, serving);
    hob_spawn(s, relaying);
    HOB_TRY(get_one(c, driven.url, NULL));
    HOB_TRY(get_one(c, driven.url, NULL));
    struct hob_client_info info;
    hob_client_info(c, &info);
    CHECK(info.in_use == 0 && info.waiting == 0);
    return 0;
}

static int through(void) {
    struct hob_client *c = NULL;
    driven = (struct place){.relay = {.socks = driven_socks}};
    if (!server_tls) {
        make_all();
        hob_tls_free(client_tls); /* one that keeps no sessions between the runs */
        CHECK_EQ(hob_tls_new(&client_tls, .ca = ca.cert, .no_resumption = true), 0);
    }
    if (driven_tls) driven.relay.tls = server_tls;
    int rc = hob_listen("127.0.0.1:0", &driven.server);
    if (rc == 0) rc = hob_listen("127.0.0.1:0", &driven.proxy);
    if (rc == 0) {
        HOB_SCOPE(s);
        driven.relay.server = hob_listener_address(driven.server);
        driven.relay.accept = accept_tls;
        snprintf(driven.url, sizeof driven.url, "https://example.org/a");
        const char *scheme = driven_socks ? "socks5h" : driven_tls ? "https" : "http";
        rc =
            hob_client_open(&c, .tls = client_tls, .proxy = proxy_of(driven.proxy, scheme, "u:p@"));
        if (rc == 0) rc = drive_one(c, s);
        hob_scope_cancel(s);
        hob_join(s);
    }
    hob_client_close(c);
    hob_listener_close(driven.proxy);
    hob_listener_close(driven.server);
    return rc;
}

static int through_http(void) {
    driven_tls = driven_socks = false;
    return through();
}
static int through_tls(void) {
    driven_tls = true;
    driven_socks = false;
    return through();
}
static int through_socks(void) {
    driven_tls = false;
    driven_socks = true;
    return through();
}

DRIVE(a_tunnel_cancelled_at_every_point, through_http, NULL)
DRIVE(tls_in_tls_cancelled_at_every_point, through_tls, NULL)
DRIVE(socks_cancelled_at_every_point, through_socks, NULL)

TEST_MAIN()
