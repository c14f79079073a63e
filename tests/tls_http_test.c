/* tls_http_test.c - https://: client and server of this house with each elsewhere, certificates
 * that will not do, reuse, redirects between schemes, times. */
#include "http_count.h"
#include "tls_test.h"

static struct identity ca, site;
static struct hob_tls *server_tls, *client_tls;

static void make_contexts(void) {
    ca = IDENTITY(.cn = "test CA", .ca = true);
    site = IDENTITY(.names = "DNS:localhost,IP:127.0.0.1", .issuer = &ca);
    CHECK_EQ(hob_tls_new(&server_tls, .certificate = site.cert, .key = site.key), 0);
    CHECK_EQ(hob_tls_new(&client_tls, .ca = ca.cert), 0);
}

static void drop_contexts(void) {
    hob_tls_free(client_tls);
    hob_tls_free(server_tls);
    drop_identity(&site);
    drop_identity(&ca);
}

static const char *https_of(struct hob_listener *l, const char *path) {
    static char buf[256];
    snprintf(buf, sizeof buf, "https://%s%s", hob_listener_address(l), path);
    return buf;
}

static int stop(struct hob_scope *s, struct hob_listener *l) {
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    drop_contexts();
    return 0;
}

TASK_TEST(requests_over_tls_reuse_their_connection) {
    HOB_SCOPE(s);
    make_contexts();
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, count, NULL, (struct hob_http_options){.tls = server_tls});
    {
        HOB_CLIENT(c, .tls = client_tls);
        struct hob_client_info info;
        for (int i = 0; i < 10; i++) {
            struct hob_body body;
            CHECK_EQ(hob_get(c, https_of(l, "/a?b=1"), &body), 200);
            CHECK_STR(body.data, "/a?b=1");
            hob_body_free(&body);
        }
        char *large = malloc(300000);
        struct hob_body echo;
        memset(large, 'x', 300000);
        CHECK_EQ(hob_post(c, https_of(l, "/"), "text/plain", large, 300000, &echo), 200);
        CHECK_EQ(echo.size, 300000);
        CHECK(memcmp(echo.data, large, echo.size) == 0);
        hob_body_free(&echo);
        free(large);
        hob_client_info(c, &info);
        CHECK_EQ(info.opened, 1);
        CHECK_EQ(info.reused, 10);
    }
    return stop(s, l);
}

TASK_TEST(plain_and_tls_on_one_address_are_two_hosts) {
    HOB_SCOPE(s);
    make_contexts();
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, count, NULL, (struct hob_http_options){.tls = server_tls});
    {
        HOB_CLIENT(c, .tls = client_tls);
        CHECK_EQ(get_one(c, https_of(l, "/"), NULL), 0);
        /* Were the kept connection used for it, this would be answered. */
        CHECK(get_one(c, url_of(l, "/"), NULL) < 0);
        CHECK_EQ(get_one(c, https_of(l, "/"), NULL), 0);
    }
    return stop(s, l);
}

TASK_TEST(certificates_are_verified) {
    HOB_SCOPE(s);
    int open = open_files();
    make_contexts();
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, count, NULL, (struct hob_http_options){.tls = server_tls});
    char url[64];
    snprintf(url, sizeof url, "https://127.0.0.2:%s/", strrchr(hob_listener_address(l), ':') + 1);
    {
        HOB_CLIENT(c); /* the system's CAs do not know this one */
        CHECK_EQ(get_one(c, https_of(l, "/"), NULL), HOB_E_TLS_ISSUER);
        CHECK_HAS(hob_error()->message, "no connection to 127.0.0.1:");
    }
    struct hob_listener *elsewhere;
    CHECK_EQ(hob_listen(url + 8, &elsewhere), HOB_E_ADDRESS); /* the '/' */
    url[strlen(url) - 1] = 0;
    CHECK_EQ(hob_listen(url + 8, &elsewhere), 0);
    hob_spawn(s, hob_http_serve, elsewhere, count, NULL,
              (struct hob_http_options){.tls = server_tls});
    {
        HOB_CLIENT(c, .tls = client_tls);
        CHECK_EQ(get_one(c, url, NULL), HOB_E_TLS_NAME);
        CHECK_HAS(hob_error()->cause->message, "127.0.0.2");
    }
    hob_listener_close(elsewhere);
    stop(s, l);
    CHECK_EQ(open_files(), open);
    return 0;
}

static int silent(struct hob_listener *l) {
    struct hob_stream *s;
    HOB_TRY(hob_accept(l, &s));
    int rc = hob_sleep(1e6);
    hob_close(s);
    return rc;
}
HOB_TASK(silent, struct hob_listener *)

TASK_TEST(a_server_that_does_not_shake_hands) {
    HOB_SCOPE(s);
    make_contexts();
    struct hob_listener *l = listening();
    hob_spawn(s, silent, l);
    {
        HOB_CLIENT(c, .tls = client_tls, .tls_timeout = 0.05);
        CHECK_EQ(get_one(c, https_of(l, "/"), NULL), -ETIMEDOUT);
        CHECK_HAS(hob_error()->cause->message, "handshake");
    }
    return stop(s, l);
}

TASK_TEST(a_client_that_does_not_shake_hands) {
    struct hob_http_counters counters = {0};
    HOB_SCOPE(s);
    make_contexts();
    struct hob_listener *l = listening();
    hob_spawn(
        s, hob_http_serve, l, count, NULL,
        (struct hob_http_options){.tls = server_tls, .tls_timeout = 0.3, .counters = &counters});
    struct hob_stream *c;
    char byte;
    CHECK_EQ(hob_connect(hob_listener_address(l), &c), 0);
    CHECK_EQ(hob_write(c, "\x16\x03\x01\2\0\1", 6), 6); /* a hello begins */
    CHECK(hob_within(30, (int)hob_read(c, &byte, 1)) != -ETIMEDOUT);
    for (int i = 0; i < 2000 && counters.connections; i++) CHECK_EQ(hob_sleep(0.005), 0);
    CHECK_EQ(counters.connections, 0);
    CHECK_EQ(counters.timeouts, 1);
    hob_close(c);
    return stop(s, l);
}

/* A protocol that the server does not have ends the handshake (RFC 7301, 3.2), so it has to name
 * all that it has. */
TASK_TEST(each_version_may_be_offered) {
    static const struct {
        const char *offer, *request;
    } rows[] = {
        {"http/1.1", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"},
        {"http/1.0", "GET / HTTP/1.0\r\n\r\n"},
        {"", "GET / HTTP/1.0\r\n\r\n"},
        {"http/0.9", NULL},
    };
    HOB_SCOPE(s);
    make_contexts();
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, count, NULL, (struct hob_http_options){.tls = server_tls});
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct hob_stream *c;
        struct hob_tls_info info;
        struct hob_slice text;
        CHECK_EQ(hob_connect(hob_listener_address(l), &c), 0);
        int rc = hob_tls_start(c, client_tls, .server_name = "localhost", .alpn = rows[i].offer);
        CHECK_EQ(rc < 0, !rows[i].request);
        if (rc == 0) {
            CHECK_EQ(hob_tls_info(c, &info), 0);
            CHECK_STR(info.alpn, rows[i].offer);
            CHECK(hob_write(c, rows[i].request, strlen(rows[i].request)) > 0);
            CHECK(hob_read_all(c, 4096, &text) > 0);
            CHECK(strncmp(text.at, "HTTP/1.1 200 OK", 15) == 0);
        }
        hob_close(c);
    }
    return stop(s, l);
}

TASK_TEST(a_server_that_speaks_plain_http) {
    HOB_SCOPE(s);
    make_contexts();
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, count, NULL, (struct hob_http_options){0});
    {
        HOB_CLIENT(c, .tls = client_tls);
        CHECK_EQ(get_one(c, https_of(l, "/"), NULL), HOB_E_TLS_PLAINTEXT);
    }
    return stop(s, l);
}

static char target[256];
static int redirect(struct hob_request *req, void *arg) {
    (void)arg;
    return hob_respond(req, 302, HOB_HEADERS({"Location", target}), NULL, 0);
}

TASK_TEST(a_redirect_to_the_other_scheme_takes_no_credentials_along) {
    HOB_SCOPE(s);
    make_contexts();
    struct hob_listener *l = listening(), *secure = listening();
    snprintf(target, sizeof target, "http://%s/there", hob_listener_address(l));
    hob_spawn(s, hob_http_serve, l, count, NULL, (struct hob_http_options){0});
    hob_spawn(s, hob_http_serve, secure, redirect, NULL,
              (struct hob_http_options){.tls = server_tls});
    {
        HOB_CLIENT(c, .tls = client_tls);
        struct hob_response *res HOB_RESPONSE_GUARD = NULL;
        CHECK_EQ(hob_client_request(c, "GET", https_of(secure, "/"), &res,
                                    .headers = HOB_HEADERS({"Authorization", "secret"})),
                 0);
        CHECK_EQ(hob_response_status(res), 200);
        CHECK_HAS(seen.last, "GET /there auth=- ");
        /* Nor a body: a POST becomes a GET without one, a PUT would have it. */
        struct hob_response *put;
        int served = seen.served;
        CHECK_EQ(
            hob_client_request(c, "PUT", https_of(secure, "/"), &put, .body = "x", .body_size = 1),
            HOB_E_HTTP_REDIRECT);
        CHECK_HAS(hob_error()->message, "unencrypted");
        CHECK_EQ(seen.served, served);
    }
    hob_listener_close(secure);
    return stop(s, l);
}

/* ---- a client that does not read ---- */

enum { PIECE = 4000, PIECES = 90 };
static bool written; /* the handler has written all */

/* As many pieces as the path says. */
static int in_pieces(struct hob_request *req, void *arg) {
    char piece[PIECE];
    int n = atoi(hob_request_path(req) + 1);
    (void)arg;
    memset(piece, 'p', sizeof piece);
    written = false;
    HOB_TRY(hob_respond_begin(req, 200, NULL, (int64_t)n * PIECE));
    for (int i = 0; i < n; i++) HOB_TRY(hob_respond_write(req, piece, sizeof piece));
    written = true;
    return hob_respond_end(req);
}

/* Reads only when the handler is done, or waits for that; then all of it is to come. */
static int read_late(struct hob_stream *c, int n) {
    char text[64], buf[16384];
    int size = snprintf(text, sizeof text, "GET /%d HTTP/1.1\r\nHost: a\r\n\r\n", n);
    HOB_TRY(hob_write(c, text, (size_t)size));
    for (int i = 0; i < 4 && !written; i++) HOB_TRY(hob_sleep(0.005));
    struct hob_slice head;
    HOB_TRY(hob_read_until(c, "\r\n\r\n", 1000, &head));
    for (size_t left = (size_t)n * PIECE; left > 0;)
        left -= (size_t)HOB_TRY(hob_read(c, buf, left < sizeof buf ? left : sizeof buf));
    return 0;
}

/* Whichever of its pieces it is that finds the socket full: the last one, once. */
TASK_TEST(the_last_piece_goes_out_when_the_client_reads) {
    HOB_SCOPE(s);
    make_contexts();
    struct hob_listener *l;
    struct hob_stream *c;
    char path[64];
    snprintf(path, sizeof path, "unix:@hob-last-piece-%d", (int)getpid());
    CHECK_EQ(hob_listen(path, &l), 0);
    hob_spawn(s, hob_http_serve, l, in_pieces, NULL, (struct hob_http_options){.tls = server_tls});
    CHECK_EQ(hob_tls_connect(path, client_tls, &c, .server_name = "localhost"), 0);
    for (int n = 1; n <= PIECES; n++)
        if (hob_within(5, read_late(c, n)) < 0) CHECK_EQ(n, 0);
    hob_close(c);
    return stop(s, l);
}

TEST_MAIN()
