/* http_proxy_test.c - the client's ways to a server: proxies of HTTP and SOCKS, the environment,
 * exceptions, Unix sockets, addresses from elsewhere than DNS, connections opened ahead. Tunnels
 * with TLS in them: tls_proxy_test.c. */
#include "http_count.h"
#include "http_proxy.h"

#include <hob/address.h>
#include <hob/http_trace.h>

#include "http/client/proxy_url.h"

static int stop(struct hob_scope *s, struct hob_listener *a, struct hob_listener *b) {
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(a);
    hob_listener_close(b);
    return 0;
}

/* ---- text ---- */

TEST(what_a_proxy_url_says) {
    static const struct {
        const char *text, *address, *user, *password;
        enum hob__proxy_kind kind;
    } good[] = {
        {"proxy", "proxy:80", NULL, NULL, HOB__PROXY_HTTP},
        {"Proxy:3128", "proxy:3128", NULL, NULL, HOB__PROXY_HTTP},
        {"http://proxy/", "proxy:80", NULL, NULL, HOB__PROXY_HTTP},
        {"HTTPS://proxy", "proxy:443", NULL, NULL, HOB__PROXY_HTTPS},
        {"https://proxy:80", "proxy:80", NULL, NULL, HOB__PROXY_HTTPS},
        {"socks5://[::1]", "[::1]:1080", NULL, NULL, HOB__PROXY_SOCKS5},
        {"socks5h://me:a%3Ab%40c@h:1", "h:1", "me", "a:b@c", HOB__PROXY_SOCKS5H},
        {"me@h", "h:80", "me", "", HOB__PROXY_HTTP},
        {"http://[fe80::1%25lo]:8", "[fe80::1%lo]:8", NULL, NULL, HOB__PROXY_HTTP},
    };
    static const char *const bad[] = {"",        "socks4://h", "ftp://h",   "http://",
                                      "h:99999", "http://h/x", "http://h?", "a%00b@h",
                                      "a:%zz@h", "://h",       "h h"};
    const char *why;
    struct hob__proxy *p;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        CHECK_EQ(hob__proxy_parse(good[i].text, &p, &why), 0);
        CHECK_EQ(p->kind, good[i].kind);
        CHECK_STR(p->address, good[i].address);
        CHECK(!p->user == !good[i].user);
        if (p->user) CHECK_STR(p->user, good[i].user);
        if (p->user) CHECK_STR(p->password, good[i].password);
        hob__free(p);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        why = NULL;
        CHECK_EQ(hob__proxy_parse(bad[i], &p, &why), HOB_E_PROXY);
        CHECK(p == NULL && why && *why);
    }
}

TEST(whom_no_proxy_names) {
    static const struct {
        const char *list, *host;
        bool named;
    } cases[] = {
        {"", "a", false},
        {"*", "anything", true},
        {" , *,", "anything", true},
        {"example.org", "example.org", true},
        {"example.org", "EXAMPLE.ORG", true},
        {"example.org", "www.example.org", true},
        {".example.org", "www.example.org", true},
        {".example.org", "example.org", true},
        {"example.org", "badexample.org", false},
        {"www.example.org", "example.org", false},
        {"example.org.", "www.example.org", true},
        {"example.org", "www.example.org.", true},
        {"a,b c\td", "c", true},
        {"a,b c\td", "d", true},
        {"localhost", "127.0.0.1", false},
        {"127.0.0.1", "127.0.0.1", true},
        {"127.0.0.1", "127.0.0.11", false},
        {"0.0.1", "127.0.0.1", false},
        {"10.0.0.0/8", "10.20.30.40", true},
        {"10.0.0.0/8", "11.0.0.1", false},
        {"192.168.4.0/22", "192.168.7.255", true},
        {"192.168.4.0/22", "192.168.8.0", false},
        {"0.0.0.0/0", "8.8.8.8", true},
        {"0.0.0.0/0", "name", false},
        {"10.0.0.0/33", "10.0.0.0", false},
        {"10.0.0.0/", "10.0.0.0", false},
        {"10.0.0.0/8x", "10.0.0.0", false},
        {"::1", "::1", true},
        {"[::1]", "::1", true},
        {"[::1]", "0:0::1", true},
        {"2001:db8::/32", "2001:db8:1::5", true},
        {"2001:db8::/33", "2001:db8:8000::5", false},
        {".", "a", false},
        {"..", "a", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct hob_slice host = {cases[i].host, strlen(cases[i].host)};
        if (hob__no_proxy(cases[i].list, host) != cases[i].named)
            FAIL("no_proxy \"%s\" and %s", cases[i].list, cases[i].host);
    }
}

/* ---- a proxy of HTTP, for http:// ---- */

static char proxied[3][300];
static int served_by_proxy;

static int plain_proxy(struct hob_request *req, void *arg) {
    (void)arg;
    const char *auth = hob_request_header(req, "proxy-authorization");
    served_by_proxy++;
    snprintf(proxied[0], sizeof proxied[0], "%s", hob_request_target(req));
    snprintf(proxied[1], sizeof proxied[1], "%s", hob_request_header(req, "host"));
    snprintf(proxied[2], sizeof proxied[2], "%s", auth ? auth : "-");
    return hob_respond_text(req, 200, "text/plain", "by proxy");
}

TASK_TEST(http_goes_to_the_proxy_as_it_stands) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening(), *direct = listening();
    struct hob_client_info info;
    hob_spawn(s, hob_http_serve, l, plain_proxy, NULL, (struct hob_http_options){0});
    hob_spawn(s, hob_http_serve, direct, count, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c, .proxy = proxy_of(l, "http", "me:s%20ecret@"), .no_proxy = "127.0.0.1");
    CHECK_EQ(get_one(c, "http://me:own@example.test:81/a/b?c=d#e", NULL), 0);
    CHECK_STR(proxied[0], "http://example.test:81/a/b?c=d");
    CHECK_STR(proxied[1], "example.test:81");
    CHECK_STR(proxied[2], "Basic bWU6cyBlY3JldA==");
    CHECK_EQ(get_one(c, "http://EXAMPLE.test:81", NULL), 0);
    CHECK_STR(proxied[0], "http://EXAMPLE.test:81/");
    hob_client_info(c, &info);
    CHECK_EQ(info.opened, 1);
    CHECK_EQ(get_one(c, "http://other.test/", NULL), 0);
    CHECK_STR(proxied[1], "other.test");
    CHECK_EQ(served_by_proxy, 3);
    /* An exception, and what is said to a server itself. */
    CHECK_EQ(get_one(c, url_of(direct, "/x"), NULL), 0);
    CHECK_EQ(served_by_proxy, 3);
    CHECK_HAS(seen.last, "GET /x auth=-");
    /* One request's own. */
    struct hob_response *res;
    CHECK_EQ(
        hob_client_request(c, "GET", url_of(direct, "/y"), &res, .proxy = proxy_of(l, "http", "")),
        0);
    hob_response_close(res);
    CHECK_EQ(served_by_proxy, 4);
    CHECK_STR(proxied[2], "-");
    CHECK_EQ(hob_client_request(c, "GET", "http://nowhere.invalid/", &res, .proxy = ""),
             HOB_E_NAME);
    CHECK_EQ(hob_client_request(c, "GET", "http://a/", &res, .proxy = "socks4://u:pw@h"),
             HOB_E_PROXY);
    CHECK_HAS(hob_error()->message, "\"h\": only http");
    return stop(s, l, direct);
}

/* What was kept for one way is not used for another. */
TASK_TEST(connections_are_kept_by_the_way_they_go) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening(), *direct = listening();
    hob_spawn(s, hob_http_serve, l, plain_proxy, NULL, (struct hob_http_options){0});
    hob_spawn(s, hob_http_serve, direct, count, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c, .proxy = "");
    struct hob_phases p;
    const char *ways[] = {"", proxy_of(l, "http", ""), proxy_of(l, "http", "u:v@")};
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 3; i++) {
            struct hob_response *res;
            const char *data;
            CHECK_EQ(hob_client_request(c, "GET", url_of(direct, "/"), &res, .proxy = ways[i],
                                        .phases = &p),
                     0);
            CHECK_EQ(hob_response_body(res, &data, NULL), 0);
            CHECK_STR(data, i == 0 ? "/" : "by proxy");
            hob_response_close(res);
            CHECK_EQ(p.reused, round > 0);
            CHECK_STR(p.peer, hob_listener_address(i == 0 ? direct : l));
        }
    }
    return stop(s, l, direct);
}

TASK_TEST(the_environment) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening(), *none = listening();
    hob_spawn(s, hob_http_serve, l, plain_proxy, NULL, (struct hob_http_options){0});
    served_by_proxy = 0;
    setenv("http_proxy", proxy_of(l, "http", ""), 1);
    {
        HOB_CLIENT(c);
        CHECK_EQ(get_one(c, "http://example.test/", NULL), 0);
        CHECK_EQ(served_by_proxy, 1);
    }
    {
        HOB_CLIENT(c, .proxy = ""); /* none */
        CHECK_EQ(get_one(c, "http://example.invalid/", NULL), HOB_E_NAME);
    }
    setenv("no_proxy", "x,.invalid", 1);
    {
        HOB_CLIENT(c);
        CHECK_EQ(get_one(c, "http://example.invalid/", NULL), HOB_E_NAME);
        CHECK_EQ(get_one(c, "http://example.test/", NULL), 0);
        HOB_CLIENT(all, .no_proxy = "");
        CHECK_EQ(get_one(all, "http://example.invalid/", NULL), 0);
    }
    unsetenv("http_proxy");
    setenv("HTTP_PROXY", proxy_of(l, "http", ""), 1); /* whose caller may have set it (CGI) */
    {
        HOB_CLIENT(c);
        CHECK_EQ(get_one(c, "http://nowhere.example.invalid/", NULL), HOB_E_NAME);
    }
    unsetenv("HTTP_PROXY");
    setenv("ALL_PROXY", proxy_of(l, "http", ""), 1);
    {
        HOB_CLIENT(c);
        served_by_proxy = 0;
        CHECK_EQ(get_one(c, "http://example.test/", NULL), 0);
        CHECK_EQ(served_by_proxy, 1);
    }
    unsetenv("ALL_PROXY");
    unsetenv("no_proxy");
    return stop(s, l, none);
}

/* ---- CONNECT that fails ---- */

TASK_TEST(a_proxy_that_does_not_connect) {
    static const struct {
        const char *answer;
        int rc;
        const char *words;
    } cases[] = {
        {"HTTP/1.1 403 Not for you\r\nContent-Length: 3\r\n\r\nno\n", HOB_E_PROXY,
         "403 Not for you"},
        {"HTTP/1.0 502 Bad Gateway\r\n\r\n", HOB_E_PROXY, "502 Bad Gateway"},
        {"HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n", HOB_E_PROXY_AUTH,
         "407 Who"},
        {"HTTP/1.1 301 Away\r\nLocation: http://x/\r\n\r\n", HOB_E_PROXY, "301 Away"},
        {"SSH-2.0-OpenSSH_9.2\r\n", HOB_E_PROXY, "status line"},
        {"HTTP/1.1 200 OK\r\n\r\nthis is nobody's", HOB_E_PROXY, "bytes behind"},
        {"HTTP/1.1 200 OK\r\n", HOB_E_PROXY, "cut short"},
        {"", HOB_E_PROXY, "cut short"},
    };
    static struct relay r;
    HOB_SCOPE(s);
    struct hob_listener *l = listening(), *none = listening();
    hob_spawn(s, relay, l, &r);
    int open = open_files();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        r.answer = cases[i].answer;
        HOB_CLIENT(c, .proxy = proxy_of(l, "http", ""));
        CHECK_EQ(get_one(c, "https://example.test:8443/a", NULL), cases[i].rc);
        CHECK_HAS(hob_error()->message, cases[i].words);
        CHECK_HAS(hob_error()->message, "no connection to example.test:8443 by proxy 127.0.0.1:");
        CHECK_HAS(r.asked, "CONNECT example.test:8443 HTTP/1.1\r\nHost: example.test:8443\r\n");
    }
    /* An answer that ends anywhere. */
    static char cut[] = "HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n";
    for (size_t n = strlen(cut) - 1; n > 0; n--) {
        cut[n] = 0;
        r.answer = cut;
        HOB_CLIENT(c, .proxy = proxy_of(l, "http", ""));
        CHECK_EQ(get_one(c, "https://example.test/", NULL), HOB_E_PROXY);
    }
    /* And one that does not come. */
    r.answer = "";
    struct hob_listener *mute = listening();
    HOB_CLIENT(c, .proxy = proxy_of(mute, "http", ""), .connect_timeout = 0.05);
    struct hob_response *res;
    struct hob_phases p;
    CHECK_EQ(hob_client_request(c, "GET", "https://example.test/", &res, .phases = &p), -ETIMEDOUT);
    CHECK_HAS(hob_error()->message, "within 0.05 s");
    CHECK(p.tunnel > 0.04);
    hob_listener_close(mute);
    HOB_CLIENT(gone, .proxy = "http://127.0.0.1:1");
    CHECK_EQ(get_one(gone, "https://example.test/", NULL), -ECONNREFUSED);
    CHECK_HAS(hob_error()->message, "by proxy 127.0.0.1:1: Connection refused");
    CHECK_EQ(hob_sleep(0.01), 0);
    CHECK_EQ(open_files(), open);
    return stop(s, l, none);
}

/* ---- SOCKS ---- */

TASK_TEST(socks5) {
    static struct relay r = {.socks = true};
    HOB_SCOPE(s);
    struct hob_listener *l = listening(), *server = listening();
    hob_spawn(s, relay, l, &r);
    hob_spawn(s, hob_http_serve, server, count, NULL, (struct hob_http_options){0});
    r.server = hob_listener_address(server);
    struct hob_client_info info;
    {
        HOB_CLIENT(c, .proxy = proxy_of(l, "socks5h", ""));
        CHECK_EQ(get_one(c, "http://Example.test:81/a", NULL), 0); /* no such name anywhere */
        CHECK_STR(r.asked, "example.test:81");
        CHECK_HAS(seen.last, "GET /a ");
        CHECK_EQ(get_one(c, "http://example.test:81/b", NULL), 0);
        hob_client_info(c, &info);
        CHECK_EQ(info.opened, 1);
        CHECK_EQ(get_one(c, "http://127.0.0.9/", NULL), 0);
        CHECK_STR(r.asked, "127.0.0.9:80");
        CHECK_EQ(get_one(c, "http://[::5]:82/", NULL), 0);
        CHECK_STR(r.asked, "v6:82");
    }
    {
        HOB_CLIENT(c, .proxy = proxy_of(l, "socks5", ""),
                   .resolve = HOB_PARAMS({"here.test", "127.0.0.7"}));
        CHECK_EQ(get_one(c, "http://here.test:83/", NULL), 0);
        CHECK_STR(r.asked, "127.0.0.7:83");
        CHECK_EQ(get_one(c, "http://nowhere.invalid/", NULL), HOB_E_NAME);
    }
    r.user = "me";
    r.password = "secret";
    {
        HOB_CLIENT(right, .proxy = proxy_of(l, "socks5h", "me:secret@"));
        CHECK_EQ(get_one(right, "http://example.test/", NULL), 0);
        HOB_CLIENT(wrong, .proxy = proxy_of(l, "socks5h", "me:guess@"));
        CHECK_EQ(get_one(wrong, "http://example.test/", NULL), HOB_E_PROXY_AUTH);
        CHECK_HAS(hob_error()->message, "does not accept the password of me");
        HOB_CLIENT(nobody, .proxy = proxy_of(l, "socks5h", ""));
        CHECK_EQ(get_one(nobody, "http://example.test/", NULL), HOB_E_PROXY_AUTH);
        CHECK_HAS(hob_error()->message, "wants a user and a password");
    }
    return stop(s, l, server);
}

TASK_TEST(socks5_that_breaks_off_or_babbles) {
    static struct relay r = {.socks = true, .user = "u", .password = "p"};
    static struct script http = {.steps = {{"", "HTTP/1.1 200 OK\r\n\r\n", 0, 0}}};
    HOB_SCOPE(s);
    struct hob_listener *l = listening(), *server = listening(), *babbler = listening();
    hob_spawn(s, relay, l, &r);
    hob_spawn(s, follow_script, babbler, &http);
    hob_spawn(s, hob_http_serve, server, count, NULL, (struct hob_http_options){0});
    r.server = hob_listener_address(server);
    int open = open_files();
    for (r.cut = 1; r.cut < 15; r.cut++) { /* 2 + 2 + 11 bytes are said */
        HOB_CLIENT(c, .proxy = proxy_of(l, "socks5h", "u:p@"));
        CHECK_EQ(get_one(c, "http://example.test/", NULL), HOB_E_SOCKS);
        CHECK_HAS(hob_error()->message, "has closed the connection");
    }
    r.cut = 0;
    r.slow = true;
    {
        HOB_CLIENT(c, .proxy = proxy_of(l, "socks5h", "u:p@"));
        CHECK_EQ(get_one(c, "http://example.test/", NULL), 0);
    }
    r.server = NULL;
    {
        HOB_CLIENT(c, .proxy = proxy_of(l, "socks5h", "u:p@"));
        CHECK_EQ(get_one(c, "http://example.test/", NULL), HOB_E_SOCKS);
        CHECK_HAS(hob_error()->message, "the connection was refused (5)");
    }
    {
        HOB_CLIENT(c, .proxy = proxy_of(babbler, "socks5", ""));
        CHECK_EQ(get_one(c, "http://127.0.0.1:1/", NULL), HOB_E_SOCKS);
        CHECK_HAS(hob_error()->message, "speaks something else");
    }
    CHECK_EQ(hob_sleep(0.01), 0);
    CHECK_EQ(open_files(), open);
    stop(s, l, server);
    hob_listener_close(babbler);
    return 0;
}

/* ---- other ways ---- */

TASK_TEST(a_unix_socket) {
    char path[256], address[300];
    snprintf(path, sizeof path, TEST_PATH, getpid(), "http.sock");
    snprintf(address, sizeof address, "unix:%s", path);
    HOB_SCOPE(s);
    struct hob_listener *l, *tcp = listening();
    CHECK_EQ(hob_listen(address, &l), 0);
    hob_spawn(s, hob_http_serve, l, count, NULL, (struct hob_http_options){0});
    setenv("http_proxy", "http://127.0.0.1:1", 1); /* is not asked */
    {
        HOB_CLIENT(c, .unix_path = path);
        struct hob_client_info info;
        struct hob_phases p;
        struct hob_response *res;
        CHECK_EQ(get_one(c, "http://docker/v1/info", NULL), 0);
        CHECK_HAS(seen.last, "GET /v1/info ");
        CHECK_EQ(hob_client_request(c, "GET", "http://docker/x", &res, .phases = &p), 0);
        hob_response_close(res);
        CHECK_STR(p.peer, address);
        hob_client_info(c, &info);
        CHECK_EQ(info.opened, 1);
    }
    unsetenv("http_proxy");
    {
        HOB_CLIENT(c);
        struct hob_response *res;
        CHECK_EQ(hob_client_request(c, "GET", "http://docker/x", &res, .unix_path = path), 0);
        hob_response_close(res);
        CHECK_EQ(hob_client_request(c, "GET", "http://docker/x", &res, .unix_path = "/none"),
                 -ENOENT);
        CHECK_HAS(hob_error()->message, "no connection to docker:80 at unix:/none: ");
    }
    return stop(s, l, tcp);
}

static int asked_names;
static int my_lookup(const char *host, uint16_t port, struct hob_address *out, int max, void *arg) {
    asked_names++;
    HOB_TRY(hob_sleep(0.001));
    CHECK(max >= 2);
    if (strcmp(host, "bad.test") == 0) return hob_fail(HOB_E_NAME, "not %s", host);
    if (strcmp(host, "localhost") == 0) return 0;
    CHECK(port > 0);
    CHECK_EQ(hob_address_parse("127.0.0.1:1", &out[0]), 0); /* nobody there */
    CHECK_EQ(hob_address_parse(arg, &out[1]), 0);
    return 2;
}

TASK_TEST(addresses_from_elsewhere) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening(), *none = listening();
    hob_spawn(s, hob_http_serve, l, count, NULL, (struct hob_http_options){0});
    const char *at = hob_listener_address(l), *port = strrchr(at, ':');
    char list[100], local[100];
    snprintf(list, sizeof list, "127.0.0.1:1, %s", at);
    snprintf(local, sizeof local, "http://localhost%s/", port);
    {
        HOB_CLIENT(c, .proxy = "",
                   .resolve = HOB_PARAMS({"one.test:80", at}, {"two.test", "127.0.0.1"},
                                         {"three.test", list}, {"*:81", at}, {"six.test", "[x]"}));
        char two[64], other[64];
        snprintf(two, sizeof two, "http://two.test%s/", port);
        snprintf(other, sizeof other, "http://one.test:%d/", 1);
        CHECK_EQ(get_one(c, "http://one.test/", NULL), 0);
        CHECK_EQ(get_one(c, two, NULL), 0);
        CHECK_EQ(get_one(c, "http://three.test/", NULL), 0);
        CHECK_EQ(get_one(c, "http://whatever.invalid:81/", NULL), 0);
        CHECK_EQ(get_one(c, "http://six.test/", NULL), HOB_E_ADDRESS);
        CHECK(get_one(c, other, NULL) < 0); /* another port is not meant */
    }
    {
        HOB_CLIENT(c, .proxy = "", .lookup = my_lookup, .lookup_arg = (void *)(uintptr_t)at,
                   .resolve = HOB_PARAMS({"listed.test", at}));
        CHECK_EQ(get_one(c, "http://some.test/", NULL), 0);
        CHECK_EQ(asked_names, 1);
        CHECK_EQ(get_one(c, "http://listed.test/", NULL), 0);
        CHECK_EQ(asked_names, 1);
        CHECK_EQ(get_one(c, "http://bad.test/", NULL), HOB_E_NAME);
        CHECK_EQ(get_one(c, local, NULL), 0);
        CHECK_EQ(asked_names, 3);
    }
    struct hob_client *c;
    CHECK_EQ(hob_client_open(&c, .resolve = HOB_PARAMS({"a", NULL})), -EINVAL);
    return stop(s, l, none);
}

TASK_TEST(connections_ahead) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening(), *none = listening();
    struct hob_client_info info;
    hob_spawn(s, hob_http_serve, l, count, NULL, (struct hob_http_options){0});
    {
        HOB_CLIENT(c);
        CHECK_EQ(hob_client_warm(c, url_of(l, "/whatever"), 5), 5);
        hob_client_info(c, &info);
        CHECK_EQ(info.opened, 5);
        CHECK_EQ(info.idle, 5);
        CHECK_EQ(info.in_use, 0);
        CHECK_EQ(hob_client_warm(c, url_of(l, "/"), 7), 7); /* two more */
        CHECK_EQ(hob_client_warm(c, url_of(l, "/"), 3), 7);
        CHECK_EQ(get_one(c, url_of(l, "/"), NULL), 0);
        hob_client_info(c, &info);
        CHECK_EQ(info.opened, 7);
        CHECK_EQ(info.reused, 1);
        CHECK_EQ(hob_client_warm(c, "http://127.0.0.1:1/", 3), -ECONNREFUSED);
        CHECK_EQ(hob_client_warm(c, "nonsense:", 3), HOB_E_URL);
        CHECK_EQ(hob_client_warm(c, url_of(l, "/"), 0), 7);
    }
    {
        HOB_CLIENT(c, .max_connections = 4, .max_per_host = 3, .rate = 0.001);
        CHECK_EQ(hob_client_warm(c, url_of(l, "/"), 100), 3);
    }
    HOB_CLIENT(c, .idle_timeout = -1);
    CHECK_EQ(hob_client_warm(c, url_of(l, "/"), 1), HOB_E_HTTP_STATE);
    return stop(s, l, none);
}

TEST_MAIN()
