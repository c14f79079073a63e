/* http_auth_test.c - who asks: Basic, Bearer, Digest with its challenges, netrc, and where none of
 * it goes. Digest needs OpenSSL: tests of its answers are left out in builds without. */
#include "http_count.h"
#include "http_proxy.h"

#include "http/client/digest.h"
#include "http/client/netrc.h"
#if HAVE_TLS
#include <openssl/evp.h>
#endif

static int stop(struct hob_scope *s, struct hob_listener *a, struct hob_listener *b) {
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(a);
    hob_listener_close(b);
    return 0;
}

static int ask_as(struct hob_client *c, const char *url, const struct hob_auth *auth) {
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    const char *data;
    HOB_TRY(hob_client_request(c, "GET", url, &res, .auth = auth));
    HOB_TRY(hob_response_body(res, &data, NULL));
    return hob_response_status(res);
}

/* ---- challenges as text ---- */

TEST(challenges_are_read) {
    static const struct {
        const char *text;
        int algorithm; /* 0: none that is of use */
        bool session, qop, body, stale, basic;
        const char *realm, *nonce;
    } cases[] = {
        {"Digest realm=\"a\", nonce=\"n\"", HOB__DIGEST_MD5, 0, 0, 0, 0, 0, "a", "n"},
        {"digest nonce=n,realm=\"a \\\"b\\\\\",qop=\"auth,auth-int\",algorithm=sha-256-SESS",
         HOB__DIGEST_SHA256, 1, 1, 0, 0, 0, "a \"b\\", "n"},
        {"Digest realm=\"a\", nonce=\"n\", qop=\"auth-int\"", HOB__DIGEST_MD5, 0, 1, 1, 0, 0, "a",
         "n"},
        {"Digest realm=\"a\", nonce=\"n\", qop=\"auth-int\", Digest realm=\"b\", nonce=\"m\", "
         "qop=auth",
         HOB__DIGEST_MD5, 0, 1, 0, 0, 0, "b", "m"},
        {"Digest realm=\"a\", nonce=\"n\", qop=\"auth-int\", algorithm=SHA-256, Digest nonce=\"m\"",
         HOB__DIGEST_SHA256, 0, 1, 1, 0, 0, "a", "n"},
        {"Basic realm=\"x\", Digest realm=\"y\", nonce=\"n\", stale=TRUE", HOB__DIGEST_MD5, 0, 0, 0,
         1, 1, "y", "n"},
        {"Digest realm=\"y\", nonce=\"n1\", algorithm=MD5, Digest realm=\"z\", nonce=\"n2\", "
         "algorithm=SHA-256, Basic realm=\"b\"",
         HOB__DIGEST_SHA256, 0, 0, 0, 0, 1, "z", "n2"},
        {"Digest realm=\"y\", nonce=\"n2\", algorithm=SHA-256, Digest realm=\"z\", nonce=\"n1\"",
         HOB__DIGEST_SHA256, 0, 0, 0, 0, 0, "y", "n2"},
        {"Negotiate abc==, Digest realm=r , nonce = \"n\" ", HOB__DIGEST_MD5, 0, 0, 0, 0, 0, "r",
         "n"},
        {"Digest realm=\"a\", nonce=\"n\", algorithm=SHA3", 0, 0, 0, 0, 0, 0, "", ""},
        {"Digest realm=\"a\"", 0, 0, 0, 0, 0, 0, "", ""},
        {"Basic realm=\"Digest\", nonce=\"x\"", 0, 0, 0, 0, 0, 1, "", ""},
        {"Digest", 0, 0, 0, 0, 0, 0, "", ""},
        {"", 0, 0, 0, 0, 0, 0, "", ""},
        {"Digest realm=\"never ends, nonce=\"n", 0, 0, 0, 0, 0, 0, "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct hob__challenge c = {.algorithm = HOB__DIGEST_NONE};
        bool basic = false;
        hob__digest_read(cases[i].text, &c, &basic);
        if ((int)c.algorithm != cases[i].algorithm) FAIL("%s: %d", cases[i].text, c.algorithm);
        CHECK_EQ(c.session, cases[i].session);
        CHECK_EQ(c.qop, cases[i].qop);
        CHECK_EQ(c.body, cases[i].body);
        CHECK_EQ(c.stale, cases[i].stale);
        CHECK_EQ(basic, cases[i].basic);
        CHECK_STR(c.realm, cases[i].realm);
        CHECK_STR(c.nonce, cases[i].nonce);
    }
    char out[HOB__DIGEST_TEXT];
    CHECK(hob__digest_param("qop=auth, nextnonce=\"a,b\", x=y", "nextnonce", out));
    CHECK_STR(out, "a,b");
    CHECK(!hob__digest_param("qop=auth", "nextnonce", out));
}

#if HAVE_TLS
/* RFC 7616, 3.9.1. */
TEST(the_examples_of_the_standard) {
    static const struct {
        const char *algorithm, *response;
    } cases[] = {
        {"MD5", "8ca523f5e9506fed4657c9700eebdbec"},
        {"SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
    };
    for (int i = 0; i < 2; i++) {
        char text[400], wanted[200];
        struct hob__challenge c = {.algorithm = HOB__DIGEST_NONE};
        struct hob__buffer b = {0};
        bool basic;
        snprintf(text, sizeof text,
                 "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=%s, "
                 "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", "
                 "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
                 cases[i].algorithm);
        CHECK(hob__digest_read(text, &c, &basic));
        const struct hob__digest_request r = {"Mufasa",
                                              "Circle of Life",
                                              "GET",
                                              {"/dir/index.html", 15},
                                              "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
                                              NULL};
        CHECK_EQ(hob__digest_put(&c, &b, "Authorization", &r), 0);
        CHECK_EQ(hob__buffer_append(&b, "", 1, 65536), 0);
        snprintf(wanted, sizeof wanted, "response=\"%s\", opaque=\"FQhe", cases[i].response);
        CHECK_HAS(hob__buffer_bytes(&b), wanted);
        CHECK_HAS(hob__buffer_bytes(&b),
                  "Digest username=\"Mufasa\", realm=\"http-auth@example.org\"");
        CHECK_HAS(hob__buffer_bytes(&b), "qop=auth, nc=00000001, cnonce=\"f2/");
        hob__buffer_free(&b);
    }
}

/* ---- bodies that count (auth-int) ---- */

static ssize_t pieces_of_hello(void *left, void *buf, size_t n) {
    const char **at = left;
    if (!**at || n == 0) return 0;
    *(char *)buf = *(*at)++;
    return 1;
}

/* Computed with Python's hashlib. */
TEST(a_digest_with_a_body) {
    static const struct {
        const char *algorithm, *body, *response;
    } cases[] = {
        {"MD5", "hello", "23fef4d928a3e9fa6e0b0de51288c997"},
        {"MD5", "", "35ec75c6389a8fd8412c13222b3affe8"},
        {"SHA-256", "hello", "c98b95dbdb463c4483e324bced57d591946a6f84098142757b1333c52c47d62e"},
        {"SHA-256", "", "322f218d701da7c7ef51e3ba6fa2551a2bf36425e1218fc1508c6bf65cbd4448"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[400], wanted[200], body[HOB__DIGEST_HEX];
        struct hob__challenge c = {.algorithm = HOB__DIGEST_NONE};
        struct hob__buffer b = {0};
        bool basic;
        snprintf(text, sizeof text,
                 "Digest realm=\"http-auth@example.org\", qop=\"auth-int\", algorithm=%s, "
                 "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\"",
                 cases[i].algorithm);
        CHECK(hob__digest_read(text, &c, &basic) && c.body);
        const char *left = cases[i].body;
        CHECK_EQ(hob__digest_body(c.algorithm, *left ? pieces_of_hello : NULL, &left, body), 0);
        const struct hob__digest_request r = {"Mufasa",
                                              "Circle of Life",
                                              "POST",
                                              {"/dir/index.html", 15},
                                              "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
                                              body};
        CHECK_EQ(hob__digest_put(&c, &b, "Authorization", &r), 0);
        CHECK_EQ(hob__buffer_append(&b, "", 1, 65536), 0);
        snprintf(wanted, sizeof wanted, "response=\"%s\"", cases[i].response);
        CHECK_HAS(hob__buffer_bytes(&b), wanted);
        CHECK_HAS(hob__buffer_bytes(&b), "qop=auth-int, nc=00000001, cnonce=\"f2/");
        hob__buffer_free(&b);
    }
}

static void sha256(char out[65], const void *data, size_t n) {
    unsigned char digest[32];
    CHECK(EVP_Digest(data, n, digest, NULL, EVP_sha256(), NULL) == 1);
    for (int i = 0; i < 32; i++) snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

/* The value of a parameter, with or without quotes. */
static void param(const char *auth, const char *name, char out[200]) {
    char wanted[40];
    snprintf(wanted, sizeof wanted, "%s=", name);
    const char *at = strstr(auth, wanted);
    *out = 0;
    if (!at) return;
    at += strlen(wanted);
    at += *at == '"';
    snprintf(out, 200, "%.*s", (int)strcspn(at, "\","), at);
}

static struct {
    int let_in, asked;
    size_t bytes;
    bool altered; /* as if somebody on the way had */
} strict;

/* Lets in whose digest is that of this method, target and body, and says how large that was. */
static int with_integrity(struct hob_request *req, void *arg) {
    (void)arg;
    const char *auth = hob_request_header(req, "authorization"), *body;
    char cnonce[200], count[200], uri[200], response[200], text[700], hash[65], secret[65], all[65];
    size_t n;
    HOB_TRY(hob_request_body(req, &body, &n));
    strict.asked++;
    if (auth && strstr(auth, "qop=auth-int")) {
        param(auth, " uri", uri);
        param(auth, "cnonce", cnonce);
        param(auth, "nc", count);
        param(auth, "response", response);
        sha256(hash, body, strict.altered ? n - 1 : n);
        snprintf(text, sizeof text, "%s:%s:%s", hob_request_method(req), uri, hash);
        sha256(hash, text, strlen(text));
        sha256(secret, "me:r:secret", 11);
        snprintf(text, sizeof text, "%s:nonce:%s:%s:auth-int:%s", secret, count, cnonce, hash);
        sha256(all, text, strlen(text));
        if (strcmp(all, response) == 0 && strcmp(uri, hob_request_target(req)) == 0) {
            strict.let_in++;
            strict.bytes = n;
            return hob_respond_text(req, 200, "text/plain", "in");
        }
    }
    return hob_respond(req, 401,
                       HOB_HEADERS({"WWW-Authenticate", "Digest realm=\"r\", nonce=\"nonce\", "
                                                        "qop=\"auth-int\", algorithm=SHA-256"}),
                       "", 0);
}

/* The status of a request with that body, of which `bytes` bytes are let in. */
#define SENT(c, method, bytes_, ...)                                                               \
    do {                                                                                           \
        struct hob_response *res;                                                                  \
        int rc = hob_client_request((c), (method), url_of(l, "/a?b=c"), &res, __VA_ARGS__);        \
        if (rc < 0) FAIL("%s", hob_error()->message);                                              \
        CHECK_EQ(hob_response_status(res), 200);                                                   \
        CHECK_EQ(strict.bytes, bytes_);                                                            \
        hob_response_close(res);                                                                   \
    } while (0)

static ssize_t once(void *arg, void *buf, size_t n) {
    (void)n;
    return *(int *)arg ? (*(int *)arg = 0, *(char *)buf = 'x', 1) : 0;
}

TASK_TEST(servers_that_want_digests_of_bodies) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening(), *other = listening();
    hob_spawn(s, hob_http_serve, l, with_integrity, NULL,
              (struct hob_http_options){.max_body = 8 << 20});
    const struct hob_auth me = {HOB_AUTH_DIGEST, "me", "secret", NULL};
    enum { LARGE = 3000000 };
    char path[200], *large = malloc(LARGE);
    snprintf(path, sizeof path, TEST_PATH, getpid(), "body");
    for (int i = 0; i < LARGE; i++) large[i] = (char)(i * 7 + i / 251);
    FILE *f = fopen(path, "w");
    CHECK(f && fwrite(large, 1, LARGE, f) == LARGE && fclose(f) == 0);
    HOB_CLIENT(c, .auth = &me);
    CHECK_EQ(get_one(c, url_of(l, "/a?b=c"), NULL), 0); /* no body: the hash of no bytes */
    CHECK_EQ(strict.asked, 2);
    SENT(c, "POST", 4, .body = "data", .body_size = 4);
    SENT(c, "POST", LARGE, .body = large, .body_size = LARGE);
    SENT(c, "PUT", LARGE, .body_file = path);
    SENT(c, "PUT", 1000, .body_file = path, .body_offset = 77, .body_size = 1000);
    SENT(c, "POST", 6, .form = HOB_PARAMS({"a", "b"}, {"c", ""}));
    CHECK_EQ(strict.asked, 7); /* the challenge was known */
    CHECK_EQ(strict.let_in, 6);
    {
        HOB_CLIENT(fresh, .auth = &me); /* the body goes twice, and is hashed in between */
        SENT(fresh, "PUT", LARGE, .body_file = path);
    }
    /* What can be read once only is told so, before anything of it is lost. */
    struct hob_response *res;
    int left = 1, before = strict.asked;
    CHECK_EQ(hob_client_request(c, "PUT", url_of(l, "/"), &res, .read_body = once, .arg = &left),
             HOB_E_HTTP_AUTH);
    CHECK_HAS(hob_error()->message, "auth-int");
    CHECK_EQ(left, 1);
    CHECK_EQ(strict.asked, before);
    /* It is the body that counts. */
    strict.altered = true;
    CHECK_EQ(hob_client_request(c, "POST", url_of(l, "/"), &res, .body = "data", .body_size = 4),
             0);
    CHECK_EQ(hob_response_status(res), 401);
    hob_response_close(res);
    free(large);
    unlink(path);
    return stop(s, l, other);
}

/* ---- a server that wants digests; it only looks at what is between the quotes ---- */

static struct {
    int challenges, let_in, next_count, uses_of_nonce;
    const char *nonce, *more, *info;
    char last[1200];
    bool never, twice;
} guard;

static int guarded(struct hob_request *req, void *arg) {
    (void)arg;
    char wanted[100], count[40], challenge[400];
    const char *auth = hob_request_header(req, "authorization"), *body;
    size_t n;
    HOB_TRY(hob_request_body(req, &body, &n));
    snprintf(guard.last, sizeof guard.last, "%s", auth ? auth : "-");
    snprintf(wanted, sizeof wanted, "nonce=\"%s\"", guard.nonce);
    snprintf(count, sizeof count, "nc=%08x", guard.next_count + 1);
    if (auth && strstr(auth, wanted) && strstr(auth, count) && !guard.never) {
        guard.let_in++;
        guard.next_count++;
        return hob_respond(req, 200,
                           guard.info ? HOB_HEADERS({"Authentication-Info", guard.info}) : NULL,
                           "in\n", 3);
    }
    guard.challenges++;
    guard.next_count = 0;
    bool stale = auth && !strstr(auth, wanted);
    snprintf(challenge, sizeof challenge, "Digest realm=\"r\", nonce=\"%s\", qop=\"auth\"%s%s",
             guard.nonce, stale ? ", stale=true" : "", guard.more ? guard.more : "");
    return hob_respond(
        req, 401,
        HOB_HEADERS({"WWW-Authenticate", "Basic realm=\"r\""}, {"WWW-Authenticate", challenge}),
        "out\n", 4);
}

TASK_TEST(digests) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening(), *other = listening();
    hob_spawn(s, hob_http_serve, l, guarded, NULL, (struct hob_http_options){0});
    hob_spawn(s, hob_http_serve, other, count, NULL, (struct hob_http_options){0});
    const struct hob_auth me = {HOB_AUTH_DIGEST, "m\"e", "secret", NULL};
    struct hob_client_info info;
    HOB_CLIENT(c, .auth = &me);
    guard.nonce = "one";
    CHECK_EQ(get_one(c, url_of(l, "/a?b"), NULL), 0);
    CHECK_EQ(guard.let_in, 1);
    CHECK_EQ(guard.challenges, 1);
    CHECK_HAS(guard.last, "Digest username=\"m\\\"e\", realm=\"r\", nonce=\"one\", uri=\"/a?b\"");
    for (int i = 0; i < 3; i++) CHECK_EQ(get_one(c, url_of(l, "/a"), NULL), 0);
    CHECK_EQ(guard.let_in, 4);
    CHECK_EQ(guard.challenges, 1); /* the challenge is remembered, the count goes on */
    guard.nonce = "two";           /* stale */
    CHECK_EQ(ask_as(c, url_of(l, "/a"), NULL), 200);
    CHECK_EQ(guard.challenges, 2);
    guard.info = "qop=auth, nextnonce=\"three\"";
    CHECK_EQ(ask_as(c, url_of(l, "/a"), NULL), 200);
    guard.nonce = "three";
    guard.info = NULL;
    guard.next_count = 0;
    CHECK_EQ(ask_as(c, url_of(l, "/a"), NULL), 200);
    CHECK_EQ(guard.challenges, 2);
    guard.more = ", algorithm=SHA-256-sess, userhash=true";
    guard.nonce = "four";
    CHECK_EQ(ask_as(c, url_of(l, "/a"), NULL), 200);
    CHECK_HAS(guard.last, "algorithm=SHA-256-sess, userhash=true, qop=auth, nc=00000001");
    CHECK(!strstr(guard.last, "m\\\"e"));
    /* A body that is in memory goes twice. */
    struct hob_body body;
    guard.nonce = "five";
    CHECK_EQ(hob_post(c, url_of(l, "/a"), "text/plain", "data", 4, &body), 200);
    hob_body_free(&body);
    hob_client_info(c, &info);
    CHECK_EQ(info.opened, 1);
    /* A wrong password: the answer is 401, not a ring. */
    guard.never = true;
    int before = guard.challenges;
    CHECK_EQ(ask_as(c, url_of(l, "/a"), NULL), 401);
    CHECK_EQ(guard.challenges - before, 1); /* it was answered at once, and is not again */
    HOB_CLIENT(fresh, .auth = &me);
    CHECK_EQ(ask_as(fresh, url_of(l, "/a"), NULL), 401);
    CHECK_EQ(guard.challenges - before, 3);
    /* Somebody else is not told. */
    CHECK_EQ(get_one(c, url_of(other, "/"), NULL), 0);
    CHECK_HAS(seen.last, "auth=-");
    return stop(s, l, other);
}

static int always_stale(struct hob_request *req, void *arg) {
    ++*(int *)arg;
    char challenge[100];
    snprintf(challenge, sizeof challenge, "Digest realm=\"r\", nonce=\"%d\", stale=true",
             *(int *)arg);
    return hob_respond(req, 401, HOB_HEADERS({"WWW-Authenticate", challenge}), "", 0);
}

TASK_TEST(a_server_that_always_wants_another_digest) {
    HOB_SCOPE(s);
    static int asked;
    struct hob_listener *l = listening(), *none = listening();
    hob_spawn(s, hob_http_serve, l, always_stale, &asked, (struct hob_http_options){0});
    HOB_CLIENT(c, .auth = &(struct hob_auth){HOB_AUTH_DIGEST, "u", "p", NULL});
    CHECK_EQ(ask_as(c, url_of(l, "/"), NULL), 401);
    CHECK_EQ(asked, 3);
    return stop(s, l, none);
}

/* A proxy's challenge, before a tunnel and for http:// as it stands. */
static int digest_proxy(struct hob_request *req, void *arg) {
    const char *auth = hob_request_header(req, "proxy-authorization");
    snprintf(arg, 400, "%s", auth ? auth : "-");
    if (auth && strstr(auth, "Digest username=\"u\"") && strstr(auth, "uri=\"http://a.test/x\""))
        return hob_respond_text(req, 200, "text/plain", "by proxy");
    return hob_respond(
        req, 407,
        HOB_HEADERS({"Proxy-Authenticate", "Digest realm=\"p\", nonce=\"n\", qop=\"auth\""}), "",
        0);
}

TASK_TEST(a_proxy_that_wants_digests) {
    HOB_SCOPE(s);
    static char last[400];
    static struct relay r = {.answer =
                                 "HTTP/1.1 407 Who\r\nContent-Length: 0\r\n"
                                 "Proxy-Authenticate: Digest realm=\"p\", nonce=\"n\"\r\n\r\n"};
    struct hob_listener *l = listening(), *tunnel = listening();
    hob_spawn(s, hob_http_serve, l, digest_proxy, last, (struct hob_http_options){0});
    hob_spawn(s, relay, tunnel, &r);
    HOB_CLIENT(c, .proxy = proxy_of(l, "http", "u:p@"), .proxy_digest = true);
    CHECK_EQ(get_one(c, "http://a.test/x", NULL), 0);
    CHECK_EQ(get_one(c, "http://a.test/x", NULL), 0);
    CHECK_HAS(last, "nc=00000002");
    HOB_CLIENT(basic, .proxy = proxy_of(l, "http", "u:p@"));
    CHECK_EQ(get_one(basic, "http://a.test/x", NULL), 0); /* Basic, then what it asked for */
    /* It is asked on a new connection, once, and then believed. */
    HOB_CLIENT(t, .proxy = proxy_of(tunnel, "http", "u:p@"), .proxy_digest = true);
    CHECK_EQ(get_one(t, "https://a.test/", NULL), HOB_E_PROXY_AUTH);
    CHECK_EQ(r.connections, 2);
    CHECK_HAS(r.asked, "Proxy-Authorization: Digest username=\"u\", realm=\"p\", nonce=\"n\", "
                       "uri=\"a.test:443\"");
    return stop(s, l, tunnel);
}
#endif

/* ---- Basic, Bearer ---- */

static char away[200];
static int redirect(struct hob_request *req, void *arg) {
    (void)arg;
    return hob_respond(req, 307, HOB_HEADERS({"Location", away}), "", 0);
}

TASK_TEST(basic_and_bearer_and_where_they_go) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening(), *other = listening();
    hob_spawn(s, hob_http_serve, l, count, NULL, (struct hob_http_options){0});
    hob_spawn(s, hob_http_serve, other, redirect, NULL, (struct hob_http_options){0});
    char base[100], with[200];
    snprintf(base, sizeof base, "http://%s/", hob_listener_address(l));
    snprintf(with, sizeof with, "http://a:b@%s/", hob_listener_address(l));
    {
        HOB_CLIENT(c, .auth = &(struct hob_auth){HOB_AUTH_BASIC, "me", NULL, NULL});
        CHECK_EQ(get_one(c, base, NULL), 0);
        CHECK_HAS(seen.last, "auth=Basic bWU6 ");
        CHECK_EQ(get_one(c, with, NULL), 0); /* the URL's first */
        CHECK_HAS(seen.last, "auth=Basic YTpi ");
        const struct hob_auth token = {.scheme = HOB_AUTH_BEARER, .token = "t.o-k"};
        CHECK_EQ(ask_as(c, with, &token), 200); /* the request's before it */
        CHECK_HAS(seen.last, "auth=Bearer t.o-k ");
        const struct hob_auth split = {.scheme = HOB_AUTH_BEARER, .token = "a\r\nb: c"};
        CHECK_EQ(ask_as(c, base, &split), HOB_E_HTTP_ILLEGAL);
        struct hob_response *res;
        CHECK_EQ(hob_client_request(c, "GET", base, &res,
                                    .headers = HOB_HEADERS({"authorization", "Own"})),
                 0);
        hob_response_close(res);
        CHECK_HAS(seen.last, "auth=Own ");
        /* Another origin gets none of it. */
        snprintf(away, sizeof away, "%s", base);
        CHECK_EQ(get_one(c, url_of(other, "/"), NULL), 0);
        CHECK_HAS(seen.last, "auth=- ");
        CHECK_EQ(ask_as(c, url_of(other, "/"), &token), 200);
        CHECK_HAS(seen.last, "auth=- ");
    }
    {
        HOB_CLIENT(c, .base_url = "http://api.test/",
                   .auth = &(struct hob_auth){HOB_AUTH_BASIC, "me", NULL, NULL});
        CHECK_EQ(get_one(c, base, NULL), 0); /* not the base's origin */
        CHECK_HAS(seen.last, "auth=- ");
    }
    static const struct hob_auth bad[] = {{HOB_AUTH_BASIC, NULL, "x", NULL},
                                          {HOB_AUTH_BASIC, "a:b", "x", NULL},
                                          {HOB_AUTH_BEARER, "a", "x", NULL},
                                          {0, "a", "b", "c"}};
    struct hob_client *c;
    for (int i = 0; i < 4; i++) CHECK_EQ(hob_client_open(&c, .auth = &bad[i]), -EINVAL);
    HOB_CLIENT(ok);
    CHECK_EQ(ask_as(ok, base, &bad[0]), -EINVAL);
    return stop(s, l, other);
}

/* ---- netrc ---- */

TEST(netrc_files) {
    static const char text[] = "# a comment\n"
                               "machine a.test login me password one\n"
                               "machine a.test login you password \"t w\\\"o\\n\"\n"
                               "machine B.test\n\tlogin x\n\taccount y\n\tpassword z\n"
                               "macdef init\n machine evil.test login l password p\n\n"
                               "machine none.test\n"
                               "default login anonymous password guest\n"
                               "machine late.test login never password seen\n";
    static const struct {
        const char *host, *login, *found, *password;
    } cases[] = {
        {"a.test", NULL, "me", "one"},
        {"A.TEST", "you", "you", "t w\"o\n"},
        {"b.test", NULL, "x", "z"},
        {"evil.test", NULL, "anonymous", "guest"},
        {"none.test", NULL, "", ""},
        {"other", NULL, "anonymous", "guest"},
        {"late.test", NULL, "anonymous", "guest"},
        {"a.test", "nobody", NULL, NULL},
    };
    static const char *const bad[] = {"machine",   "machine a login", "nonsense",
                                      "login x y", "machine \"a",     "machine a passwd b"};
    struct hob__netrc e;
    unsigned line;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct hob_slice host = {cases[i].host, strlen(cases[i].host)};
        int rc = hob__netrc_find(text, host, cases[i].login, &e, &line);
        if (!cases[i].found && rc == 0) continue;
        CHECK_EQ(rc, 1);
        if (!cases[i].found) continue;
        CHECK_STR(e.login, cases[i].found);
        CHECK_STR(e.password, cases[i].password);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_EQ(hob__netrc_find(bad[i], (struct hob_slice){"q", 1}, NULL, &e, &line),
                 HOB_E_HTTP_AUTH);
    CHECK_EQ(
        hob__netrc_find("machine a\nlogin b\n\nwhat", (struct hob_slice){"q", 1}, NULL, &e, &line),
        HOB_E_HTTP_AUTH);
    CHECK_EQ(line, 4);
}

static void write_file(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

TASK_TEST(passwords_from_netrc) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening(), *other = listening();
    hob_spawn(s, hob_http_serve, l, count, NULL, (struct hob_http_options){0});
    hob_spawn(s, hob_http_serve, other, redirect, NULL, (struct hob_http_options){0});
    char path[200], local[100];
    snprintf(path, sizeof path, TEST_PATH, getpid(), "netrc");
    snprintf(local, sizeof local, "http://localhost%s/", strrchr(hob_listener_address(l), ':'));
    write_file(path, "machine 127.0.0.1 login me password secret\n");
    {
        HOB_CLIENT(c, .netrc = path);
        CHECK_EQ(get_one(c, url_of(l, "/"), NULL), 0);
        CHECK_HAS(seen.last, "auth=Basic bWU6c2VjcmV0 ");
        CHECK_EQ(get_one(c, local, NULL), 0);
        CHECK_HAS(seen.last, "auth=- ");
        /* A place that a redirect names has not been asked for. */
        snprintf(away, sizeof away, "http://%s/", hob_listener_address(l));
        CHECK_EQ(get_one(c, url_of(other, "/"), NULL), 0);
        CHECK_HAS(seen.last, "auth=- ");
    }
    setenv("NETRC", path, 1);
    {
        HOB_CLIENT(c, .netrc = "");
        CHECK_EQ(get_one(c, url_of(l, "/"), NULL), 0);
        CHECK_HAS(seen.last, "auth=Basic bWU6c2VjcmV0 ");
    }
    write_file(path, "machine 127.0.0.1\nlogin\n");
    {
        HOB_CLIENT(c, .netrc = "");
        CHECK_EQ(get_one(c, url_of(l, "/"), NULL), HOB_E_HTTP_AUTH);
        CHECK_HAS(hob_error()->message, "line 3");
    }
    setenv("NETRC", "/nonexistent/netrc", 1);
    {
        HOB_CLIENT(c, .netrc = "");
        CHECK_EQ(get_one(c, url_of(l, "/"), NULL), 0); /* need not be there */
        HOB_CLIENT(named, .netrc = "/nonexistent/netrc");
        CHECK_EQ(get_one(named, url_of(l, "/"), NULL), -ENOENT);
    }
    unsetenv("NETRC");
    return stop(s, l, other);
}

TEST_MAIN()
