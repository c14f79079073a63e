/* tls_test.c - TLS between two tasks: verification and what it says, names, protocols, sessions,
 * the end of a connection. */
#include "tls_test.h"

#include "task/fdwait.h"

TLS_TEST(both_sides_talk_and_say_what_they_agreed_on) {
    struct hands h;
    struct hob_tls_info i;
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    CHECK_EQ(h.client_rc, 0);
    CHECK_EQ(h.server_rc, 0);
    chat(&h);
    CHECK_EQ(hob_tls_info(h.client, &i), 0);
    CHECK_STR(i.version, "TLSv1.3");
    CHECK_HAS(i.cipher, "TLS_");
    CHECK_STR(i.subject, "CN=site");
    CHECK_STR(i.issuer, "CN=Test CA");
    CHECK_STR(i.server_name, "example.org");
    CHECK_STR(i.alpn, "");
    CHECK_EQ(strlen(i.fingerprint), 64);
    CHECK(i.verified && !i.server && !i.resumed && !i.ktls_send && !i.ktls_receive);
    CHECK_EQ(hob_tls_info(h.server, &i), 0);
    CHECK_STR(i.server_name, "example.org");
    CHECK_STR(i.subject, "");
    CHECK(i.server && !i.verified);
    part(&h);
    return 0;
}

TLS_TEST(a_plain_stream_has_no_info) {
    struct hob_stream *a, *b;
    struct hob_tls_info i;
    unix_pair(&a, &b);
    CHECK_EQ(hob_tls_info(a, &i), -EINVAL);
    CHECK_HAS(hob_error()->message, hob_stream_peer(a));
    CHECK_STR(i.version, "");
    CHECK_EQ(hob_tls_finish(a, 0), 0);
    hob_tls_abort(b);
    return 0;
}

/* ---- verification ---- */

static void refuse(const char *name, int code, const char *text) {
    struct hands h;
    SHAKE(&h, client_tls, server_tls, .server_name = name);
    CHECK_EQ(h.client_rc, code);
    CHECK_HAS(h.client_text, text);
    CHECK(h.server_rc == HOB_E_TLS_ALERT || h.server_rc == 0);
    part(&h);
}

static void serve_with(struct identity *id) {
    hob_tls_free(server_tls);
    CHECK_EQ(hob_tls_new(&server_tls, .certificate = id->cert, .key = id->key), 0);
}

TLS_TEST(a_wrong_name_is_named_with_those_that_are_right) {
    refuse("example.com", HOB_E_TLS_NAME,
           "the certificate is for \"example.org\", \"*.example.org\", \"127.0.0.1\", not for "
           "\"example.com\"");
    refuse("a.b.example.org", HOB_E_TLS_NAME, "not for \"a.b.example.org\"");
    refuse("127.0.0.2", HOB_E_TLS_NAME, "not for \"127.0.0.2\"");
    return 0;
}

TLS_TEST(names_wildcards_and_addresses_match) {
    static const char *const names[] = {"example.org", "EXAMPLE.org", "www.example.org",
                                        "127.0.0.1", "example.org."};
    for (size_t k = 0; k < 5; k++) {
        struct hands h;
        SHAKE(&h, client_tls, server_tls, .server_name = names[k]);
        CHECK_EQ(h.client_rc, 0);
        chat(&h);
        part(&h);
    }
    return 0;
}

TLS_TEST(an_expired_certificate_says_when) {
    struct identity old = IDENTITY(.cn = "old", .names = "DNS:example.org", .issuer = &ca,
                                   .from = -7200, .until = -3600);
    serve_with(&old);
    refuse("example.org", HOB_E_TLS_EXPIRED, "\"CN=old\" expired on 20");
    struct identity early = IDENTITY(.names = "DNS:example.org", .issuer = &ca, .from = 3600);
    serve_with(&early);
    refuse("example.org", HOB_E_TLS_EXPIRED, "is not valid before 20");
    drop_identity(&old);
    drop_identity(&early);
    return 0;
}

TLS_TEST(unknown_issuers_are_named) {
    struct identity self = IDENTITY(.cn = "alone", .names = "DNS:example.org");
    serve_with(&self);
    refuse("example.org", HOB_E_TLS_ISSUER, "\"CN=alone\" is self-signed");
    struct identity strange = IDENTITY(.cn = "Strange CA", .ca = true);
    struct identity theirs =
        IDENTITY(.cn = "theirs", .names = "DNS:example.org", .issuer = &strange);
    serve_with(&theirs);
    refuse("example.org", HOB_E_TLS_ISSUER, "\"CN=theirs\" was issued by \"CN=Strange CA\"");
    /* Against the system's CAs ours is just as unknown. */
    serve_with(&site);
    hob_tls_free(client_tls);
    CHECK_EQ(hob_tls_new(&client_tls), 0);
    refuse("example.org", HOB_E_TLS_ISSUER, "\"CN=Test CA\"");
    drop_identity(&self);
    drop_identity(&strange);
    drop_identity(&theirs);
    return 0;
}

TLS_TEST(a_certificate_for_no_server_will_not_do) {
    struct identity wrong = IDENTITY(.names = "DNS:example.org", .issuer = &site);
    char chain[8192];
    snprintf(chain, sizeof chain, "%s%s", wrong.cert, site.cert);
    struct identity id = {chain, wrong.key, NULL, NULL};
    serve_with(&id);
    refuse("example.org", HOB_E_TLS_VERIFY, "CA"); /* site is none */
    drop_identity(&wrong);
    return 0;
}

TLS_TEST(insecure_verifies_nothing_and_says_so) {
    struct hands h;
    struct hob_tls_info i;
    struct identity self = IDENTITY(.cn = "alone");
    serve_with(&self);
    hob_tls_free(client_tls);
    CHECK_EQ(hob_tls_new(&client_tls, .insecure = true), 0);
    SHAKE(&h, client_tls, server_tls, .server_name = NULL);
    CHECK_EQ(h.client_rc, 0);
    CHECK_EQ(hob_tls_info(h.client, &i), 0);
    CHECK(!i.verified);
    CHECK_STR(i.subject, "CN=alone");
    chat(&h);
    part(&h);
    drop_identity(&self);
    return 0;
}

TLS_TEST(without_a_name_to_verify_nothing_begins) {
    struct hob_stream *a, *b;
    unix_pair(&a, &b);
    CHECK_EQ(hob_tls_start(a, client_tls), -EINVAL);
    CHECK_HAS(hob_error()->message, "server_name");
    CHECK_EQ(hob_tls_connect("unix:/nowhere", client_tls, &b), -EINVAL);
    CHECK_EQ(hob_tls_accept(a, client_tls), -EINVAL); /* it has no certificate */
    CHECK_EQ(hob_write(a, "still plain", 11), 11);
    char buf[16];
    CHECK_EQ(hob_read(b, buf, sizeof buf), 11);
    hob_close(a);
    hob_close(b);
    return 0;
}

/* ---- certificates that will not load ---- */

static void bad_files(const char *cert, const char *key, const char *password, int code,
                      const char *text) {
    struct hob_tls *tls = NULL;
    hob_error_clear();
    CHECK_EQ(hob_tls_new(&tls, .certificate = cert, .key = key, .key_password = password), code);
    CHECK(tls == NULL);
    CHECK(hob_error() != NULL);
    CHECK_HAS(hob_error()->message, text);
}

TLS_TEST(files_that_are_wrong_are_named) {
    char *cert = write_file("cert", site.cert), *key = write_file("key", site.key);
    char *empty = write_file("empty", ""), *junk = write_file("junk", "no certificate\n");
    bad_files("/nonexistent.pem", key, NULL, -ENOENT,
              "the certificate \"/nonexistent.pem\": No such");
    bad_files(cert, "/nonexistent.key", NULL, -ENOENT, "the key \"/nonexistent.key\"");
    bad_files("/tmp", key, NULL, -EISDIR, "\"/tmp\": Is a directory");
    bad_files(empty, key, NULL, HOB_E_TLS_CERTIFICATE, "there is none in it");
    bad_files(junk, key, NULL, HOB_E_TLS_CERTIFICATE, "there is none in it");
    bad_files(key, key, NULL, HOB_E_TLS_CERTIFICATE, "there is none in it");
    bad_files(cert, cert, NULL, HOB_E_TLS_CERTIFICATE, "cert\": there is none in it");
    bad_files(cert, NULL, NULL, HOB_E_TLS_CERTIFICATE, "cert\": there is none in it");
    bad_files(cert, site.cert, NULL, HOB_E_TLS_CERTIFICATE, "there is none in it");
    bad_files(cert, empty, NULL, HOB_E_TLS_CERTIFICATE, "empty\": there is none in it");
    bad_files(cert, "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n", NULL,
              HOB_E_TLS_CERTIFICATE, "the key \"(PEM)\": ");
    bad_files(cert, other.key, NULL, HOB_E_TLS_KEY, "is not that of the certificate");
    bad_files("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", key, NULL,
              HOB_E_TLS_CERTIFICATE, "(PEM)");
    struct hob_tls *tls;
    CHECK_EQ(hob_tls_new(&tls, .ca = "/nonexistent"), -ENOENT);
    CHECK_EQ(hob_tls_new(&tls, .ca = junk), HOB_E_TLS_CERTIFICATE);
    CHECK_EQ(hob_tls_new(&tls, .key = key), -EINVAL);
    CHECK_EQ(hob_tls_new(&tls, .client_certificate = HOB_TLS_REQUIRE), -EINVAL);
    CHECK_EQ(hob_tls_new(&tls, .alpn = "h2,,x"), -EINVAL);
    CHECK_EQ(hob_tls_new(&tls, .ciphers = "no-such-cipher"), -EINVAL);
    CHECK_EQ(hob_tls_new(&tls, .certificate = cert, .key = key), 0);
    hob_tls_free(tls);
    unlink(cert);
    unlink(key);
    unlink(empty);
    unlink(junk);
    return 0;
}

TLS_TEST(an_encrypted_key_needs_its_password_and_asks_nobody) {
    struct identity locked = IDENTITY(.issuer = &ca, .key_password = "secret");
    struct hob_tls *tls;
    bad_files(locked.cert, locked.key, NULL, HOB_E_TLS_CERTIFICATE, "is encrypted");
    bad_files(locked.cert, locked.key, "wrong", HOB_E_TLS_CERTIFICATE, "the key");
    CHECK_EQ(
        hob_tls_new(&tls, .certificate = locked.cert, .key = locked.key, .key_password = "secret"),
        0);
    hob_tls_free(tls);
    drop_identity(&locked);
    return 0;
}

/* ---- SNI, ALPN ---- */

TLS_TEST(the_server_picks_its_certificate_by_name) {
    struct identity wild = IDENTITY(.cn = "wild", .names = "DNS:*.other.test", .issuer = &ca);
    CHECK_EQ(hob_tls_add_certificate(server_tls, wild.cert, wild.key, NULL), 0);
    CHECK_EQ(hob_tls_add_certificate(server_tls, other.cert, other.key, NULL), 0);
    CHECK_EQ(hob_tls_add_certificate(server_tls, other.cert, wild.key, NULL), HOB_E_TLS_KEY);
    static const char *const names[][2] = {{"example.org", "CN=site"},
                                           {"other.test", "CN=other"},
                                           {"OTHER.test", "CN=other"},
                                           {"www.other.test", "CN=wild"}};
    for (size_t k = 0; k < 4; k++) {
        struct hands h;
        struct hob_tls_info i;
        SHAKE(&h, client_tls, server_tls, .server_name = names[k][0]);
        CHECK_EQ(h.client_rc, 0);
        CHECK_EQ(hob_tls_info(h.client, &i), 0);
        CHECK_STR(i.subject, names[k][1]);
        chat(&h);
        part(&h);
    }
    refuse("a.b.other.test", HOB_E_TLS_NAME, "\"example.org\""); /* the first */
    drop_identity(&wild);
    return 0;
}

static void agree(const char *client, const char *server, int rc, const char *chosen) {
    struct hob_tls *c, *s;
    struct hands h;
    struct hob_tls_info i;
    CHECK_EQ(hob_tls_new(&c, .ca = ca.cert, .alpn = client), 0);
    CHECK_EQ(hob_tls_new(&s, .certificate = site.cert, .key = site.key, .alpn = server), 0);
    SHAKE(&h, c, s, .server_name = "example.org");
    CHECK_EQ(h.client_rc, rc);
    CHECK_EQ(h.server_rc, rc);
    if (rc == 0) {
        CHECK_EQ(hob_tls_info(h.client, &i), 0);
        CHECK_STR(i.alpn, chosen);
        CHECK_EQ(hob_tls_info(h.server, &i), 0);
        CHECK_STR(i.alpn, chosen);
    }
    part(&h);
    hob_tls_free(c);
    hob_tls_free(s);
}

TLS_TEST(protocols_are_agreed_on) {
    agree("h2,http/1.1", "http/1.1,h2", 0, "http/1.1"); /* the server's order */
    agree("h2", "h2", 0, "h2");
    agree("h2", NULL, 0, "");
    agree(NULL, "h2", 0, "");
    agree("h2,spdy", "http/1.1", HOB_E_TLS_ALPN, "");
    struct hands h;
    struct hob_tls_info i;
    struct hob_tls *s;
    CHECK_EQ(hob_tls_new(&s, .certificate = site.cert, .key = site.key, .alpn = "a,b"), 0);
    SHAKE(&h, client_tls, s, .server_name = "example.org", .alpn = "b"); /* this one's own */
    CHECK_EQ(hob_tls_info(h.client, &i), 0);
    CHECK_STR(i.alpn, "b");
    part(&h);
    hob_tls_free(s);
    return 0;
}

TLS_TEST(versions_have_a_floor) {
    struct hands h;
    struct hob_tls *new_only;
    CHECK_EQ(hob_tls_new(&new_only, .certificate = site.cert, .key = site.key,
                         .min_version = HOB_TLS_1_3),
             0);
    SHAKE(&h, client_tls, new_only, .server_name = "example.org");
    CHECK_EQ(h.client_rc, 0);
    part(&h);
    hob_tls_free(new_only);
    return 0;
}

/* ---- client certificates ---- */

TLS_TEST(clients_show_their_certificates) {
    struct identity me = IDENTITY(.cn = "me", .issuer = &ca);
    struct identity stranger = IDENTITY(.cn = "stranger");
    struct hob_tls *asks, *requires, *with, *wrong;
    struct hands h;
    struct hob_tls_info i;
    char byte;
    CHECK_EQ(hob_tls_new(&asks, .certificate = site.cert, .key = site.key, .ca = ca.cert,
                         .client_certificate = HOB_TLS_REQUEST),
             0);
    CHECK_EQ(hob_tls_new(&requires, .certificate = site.cert, .key = site.key, .ca = ca.cert,
                         .client_certificate = HOB_TLS_REQUIRE),
             0);
    CHECK_EQ(hob_tls_new(&with, .ca = ca.cert, .certificate = me.cert, .key = me.key), 0);
    CHECK_EQ(hob_tls_new(&wrong, .ca = ca.cert, .certificate = stranger.cert, .key = stranger.key),
             0);
    SHAKE(&h, with, requires, .server_name = "example.org");
    CHECK_EQ(h.server_rc, 0);
    CHECK_EQ(hob_tls_info(h.server, &i), 0);
    CHECK_STR(i.subject, "CN=me");
    CHECK(i.verified);
    chat(&h);
    part(&h);
    SHAKE(&h, client_tls, asks, .server_name = "example.org");
    CHECK_EQ(h.server_rc, 0);
    CHECK_EQ(hob_tls_info(h.server, &i), 0);
    CHECK(!i.verified);
    CHECK_STR(i.subject, "");
    part(&h);
    SHAKE(&h, client_tls, requires, .server_name = "example.org");
    CHECK_EQ(h.server_rc, HOB_E_TLS_NO_CERTIFICATE);
    CHECK_EQ(h.client_rc, 0); /* in TLS 1.3 it comes to know with its first read */
    CHECK_EQ(hob_read(h.client, &byte, 1), HOB_E_TLS_NO_CERTIFICATE);
    CHECK_EQ(hob_read(h.client, &byte, 1), HOB_E_TLS_NO_CERTIFICATE);
    CHECK_EQ(hob_write(h.client, &byte, 1), HOB_E_TLS_NO_CERTIFICATE);
    part(&h);
    SHAKE(&h, wrong, asks, .server_name = "example.org");
    CHECK_EQ(h.server_rc, HOB_E_TLS_ISSUER);
    CHECK_HAS(h.server_text, "\"CN=stranger\" is self-signed");
    CHECK_EQ(hob_read(h.client, &byte, 1), HOB_E_TLS_ALERT);
    CHECK_HAS(hob_error()->message, "unknown CA");
    part(&h);
    hob_tls_free(asks);
    hob_tls_free(requires);
    hob_tls_free(with);
    hob_tls_free(wrong);
    drop_identity(&me);
    drop_identity(&stranger);
    return 0;
}

/* ---- sessions ---- */

static bool resumes(struct hob_tls *client, struct hob_tls *server, const char *name) {
    struct hands h;
    struct hob_tls_info c, s;
    SHAKE(&h, client, server, .server_name = name);
    CHECK_EQ(h.client_rc, 0);
    chat(&h); /* the tickets come with the first data */
    CHECK_EQ(hob_tls_info(h.client, &c), 0);
    CHECK_EQ(hob_tls_info(h.server, &s), 0);
    CHECK_EQ(c.resumed, s.resumed);
    CHECK(c.verified);
    CHECK_STR(c.subject, "CN=site");
    part(&h);
    return c.resumed;
}

TLS_TEST(sessions_are_resumed) {
    CHECK(!resumes(client_tls, server_tls, "example.org"));
    CHECK(resumes(client_tls, server_tls, "example.org"));
    CHECK(resumes(client_tls, server_tls, "example.org"));
    return 0;
}

TLS_TEST(sessions_are_not_resumed_where_they_are_not_wanted) {
    struct hob_tls *no, *tls12;
    CHECK_EQ(hob_tls_new(&no, .ca = ca.cert, .no_resumption = true), 0);
    CHECK(!resumes(no, server_tls, "example.org"));
    CHECK(!resumes(no, server_tls, "example.org"));
    hob_tls_free(no);
    CHECK_EQ(hob_tls_new(&no, .certificate = site.cert, .key = site.key, .no_resumption = true), 0);
    CHECK_EQ(hob_tls_new(&tls12, .ca = ca.cert), 0);
    CHECK(!resumes(tls12, no, "example.org"));
    CHECK(!resumes(tls12, no, "example.org"));
    hob_tls_free(no);
    hob_tls_free(tls12);
    return 0;
}

/* The loop's backend with a calendar that can be set. */
static int64_t calendar;
static int64_t shown(struct hob__backend *b) {
    (void)b;
    return calendar;
}

TLS_TEST(sessions_expire_by_the_calendar_of_the_backend) {
    struct hob__backend *b = hob__backend_current(__func__);
    const struct hob__backend_ops *as_it_is = b->ops;
    struct hob__backend_ops with_it = *as_it_is;
    struct hob_tls *client;
    with_it.wall = shown;
    b->ops = &with_it;
    calendar = 1000000000; /* 2001: long past for OpenSSL's own clock */
    CHECK_EQ(hob_tls_new(&client, .ca = ca.cert), 0);
    CHECK(!resumes(client, server_tls, "example.org"));
    calendar += 60;
    CHECK(resumes(client, server_tls, "example.org"));
    calendar += 8 * 24 * 3600; /* beyond what a ticket may live (RFC 8446, 4.6.1) */
    CHECK(!resumes(client, server_tls, "example.org"));
    CHECK(resumes(client, server_tls, "example.org")); /* those that came then are good */
    hob_tls_free(client);
    b->ops = as_it_is;
    return 0;
}

TLS_TEST(the_client_keeps_a_bounded_number) {
    struct hob_tls *few;
    CHECK_EQ(hob_tls_new(&few, .ca = ca.cert, .max_sessions = 2), 0);
    for (int k = 0; k < 6; k++) {
        char name[40];
        snprintf(name, sizeof name, "n%d.example.org", k);
        long before = hob__alloc_live();
        CHECK(!resumes(few, server_tls, name));
        if (k > 0) CHECK_EQ(hob__alloc_live(), before);
    }
    CHECK(!resumes(few, server_tls, "n3.example.org"));
    CHECK(resumes(few, server_tls, "n3.example.org"));
    hob_tls_free(few);
    return 0;
}

TLS_TEST(certificates_are_reloaded) {
    struct identity renewed = IDENTITY(.cn = "site", .names = "DNS:example.org", .issuer = &ca);
    char *cert = write_file("cert", site.cert), *key = write_file("key", site.key);
    struct hob_tls *server;
    struct hands h, later;
    struct hob_tls_info i;
    char first[65];
    CHECK_EQ(hob_tls_new(&server, .certificate = cert, .key = key), 0);
    SHAKE(&h, client_tls, server, .server_name = "example.org");
    CHECK_EQ(hob_tls_info(h.client, &i), 0);
    snprintf(first, sizeof first, "%s", i.fingerprint);
    unlink(key);
    CHECK_EQ(hob_tls_reload(server), -ENOENT);
    SHAKE(&later, client_tls, server, .server_name = "example.org");
    CHECK_EQ(hob_tls_info(later.client, &i), 0);
    CHECK_STR(i.fingerprint, first); /* as before */
    part(&later);
    write_file("cert", renewed.cert);
    write_file("key", renewed.key);
    CHECK_EQ(hob_tls_reload(server), 0);
    SHAKE(&later, client_tls, server, .server_name = "example.org");
    CHECK_EQ(hob_tls_info(later.client, &i), 0);
    CHECK(strcmp(i.fingerprint, first) != 0);
    chat(&h); /* the old connection goes on, without its context, too */
    hob_tls_free(server);
    chat(&h);
    part(&h);
    part(&later);
    unlink(cert);
    unlink(key);
    drop_identity(&renewed);
    return 0;
}

/* ---- data ---- */

static int send_much(struct hob_stream *s, size_t n) {
    char *buf = malloc(n);
    for (size_t k = 0; k < n; k++) buf[k] = (char)(k * 7 + k / 251);
    ssize_t rc = hob_write(s, buf, n);
    free(buf);
    return rc < 0 ? (int)rc : 0;
}
HOB_TASK(send_much, struct hob_stream *, size_t)

static int receive_much(struct hob_stream *s, size_t n) {
    char buf[5000];
    for (size_t at = 0; at < n;) {
        ssize_t got = hob_read(s, buf, sizeof buf);
        if (got <= 0) return got < 0 ? (int)got : HOB_E_EOF;
        for (size_t k = 0; k < (size_t)got; k++, at++)
            if (buf[k] != (char)(at * 7 + at / 251)) FAIL("byte %zu is wrong", at);
    }
    return 0;
}
HOB_TASK(receive_much, struct hob_stream *, size_t)

TLS_TEST(both_directions_at_once_with_much_in_each) {
    struct hands h;
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    HOB_SCOPE(s);
    enum { MUCH = 3000000 };
    hob_spawn(s, send_much, h.client, MUCH);
    hob_spawn(s, send_much, h.server, MUCH);
    hob_spawn(s, receive_much, h.client, MUCH);
    hob_spawn(s, receive_much, h.server, MUCH);
    CHECK_EQ(hob_join(s), 0);
    part(&h);
    return 0;
}

TLS_TEST(pieces_are_gathered) {
    struct hands h;
    char buf[10008];
    static char big[10000];
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    struct iovec iov[] = {{"ab", 2}, {NULL, 0}, {"cd", 2}, {big, sizeof big}, {"efgh", 4}};
    CHECK_EQ(hob_writev(h.client, iov, 5), 10008);
    CHECK_EQ(hob_read_exactly(h.server, buf, 10008), 10008);
    CHECK(memcmp(buf, "abcd", 4) == 0 && memcmp(buf + 10004, "efgh", 4) == 0);
    CHECK_EQ(hob_write(h.client, "", 0), 0);
    part(&h);
    return 0;
}

TLS_TEST(pieces_are_filled_in_order) {
    struct hands h;
    static char big[20000], text[20000];
    char a[3] = "", b[100] = "";
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    const struct iovec iov[] = {{a, 2}, {NULL, 0}, {b, 99}};
    CHECK_EQ(hob_write(h.client, "abcdef", 6), 6);
    CHECK_EQ(hob_readv(h.server, iov, 3), 6);
    CHECK_STR(a, "ab");
    CHECK_STR(b, "cdef");
    CHECK_EQ(hob_within(0.003, hob_readv(h.server, iov, 3)), -ETIMEDOUT);
    /* More than a record, in pieces that end within one and behind one. */
    for (size_t i = 0; i < sizeof text; i++) text[i] = (char)(i * 7 + i / 251);
    CHECK_EQ(hob_write(h.client, text, sizeof text), sizeof text);
    for (size_t at = 0; at < sizeof text;) {
        size_t size = sizeof text - at;
        struct iovec two[] = {{big + at, size / 2}, {big + at + size / 2, size - size / 2}};
        at += (size_t)HOB_TRY(hob_readv(h.server, two, 2));
    }
    CHECK(memcmp(big, text, sizeof text) == 0);
    /* The end comes behind the last bytes. */
    CHECK_EQ(hob_write(h.client, "last", 4), 4);
    CHECK_EQ(hob_shutdown(h.client), 0);
    CHECK_EQ(hob_readv(h.server, iov, 3), 4);
    for (int i = 0; i < 2; i++) CHECK_EQ(hob_readv(h.server, iov, 3), 0);
    part(&h);
    return 0;
}

TLS_TEST(a_cut_is_told_behind_the_pieces_that_came_before_it) {
    struct hands h;
    char a[2], b[100];
    const struct iovec iov[] = {{a, 2}, {b, 100}};
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    chat(&h);
    CHECK_EQ(hob_write(h.client, "la", 2), 2); /* fills the first piece: the second one meets it */
    hob_tls_abort(h.client);
    CHECK_EQ(hob_readv(h.server, iov, 2), 2);
    for (int i = 0; i < 2; i++) CHECK_EQ(hob_readv(h.server, iov, 2), HOB_E_TLS_TRUNCATED);
    CHECK_HAS(hob_error()->message, "may not be all");
    hob_close(h.server);
    return 0;
}

/* ---- the end ---- */

TLS_TEST(the_end_is_told_from_a_cut) {
    struct hands h;
    char byte;
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    hob_close(h.client);
    CHECK_EQ(hob_read(h.server, &byte, 1), 0);
    CHECK_EQ(hob_read(h.server, &byte, 1), 0);
    hob_close(h.server);
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    chat(&h); /* what has come has been read: else the kernel would reset the connection */
    CHECK_EQ(hob_write(h.client, "x", 1), 1);
    hob_tls_abort(h.client);
    CHECK_EQ(hob_read(h.server, &byte, 1), 1);
    CHECK_EQ(hob_read(h.server, &byte, 1), HOB_E_TLS_TRUNCATED);
    CHECK_HAS(hob_error()->message, "may not be all");
    CHECK_EQ(hob_read(h.server, &byte, 1), HOB_E_TLS_TRUNCATED);
    hob_close(h.server);
    return 0;
}

/* The call fails by an error of the connection, which names its peer: an earlier record of the same
 * code, which is no word of this one, does not stand for it. */
#define FAILS_WITH(peer, call)                                                                     \
    do {                                                                                           \
        for (int k = 0; k < 3; k++) {                                                              \
            int codes[] = {-ECONNRESET, -EPIPE, HOB_E_TLS};                                        \
            (void)hob_fail(codes[k], "an earlier one");                                            \
            int64_t rc = (call);                                                                   \
            CHECK(rc < 0 && rc != -ECANCELED);                                                     \
            CHECK_EQ(hob_error()->code, rc);                                                       \
            CHECK_HAS(hob_error()->message, (peer));                                               \
        }                                                                                          \
    } while (0)

TLS_TEST(a_reset_is_told_with_its_peer_and_not_as_an_earlier_one) {
    struct hands h;
    struct hob_stream *a, *b;
    char byte, peer[80];
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    chat(&h);
    snprintf(peer, sizeof peer, "%s", hob_stream_peer(h.client));
    hob_abort(h.server);
    FAILS_WITH(peer, hob_read(h.client, &byte, 1));
    FAILS_WITH(peer, hob_write(h.client, "x", 1));
    FAILS_WITH(peer, hob_shutdown(h.client));
    unix_pair(&a, &b);
    CHECK_EQ(hob_write(a, "some", 4), 4);
    FAILS_WITH("cannot copy from unix:", hob_copy(b, h.client));
    FAILS_WITH(peer, hob_copy(b, h.client));
    FAILS_WITH(peer, hob_copy(h.client, a));
    hob_close(h.client);
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    chat(&h);
    snprintf(peer, sizeof peer, "%s", hob_stream_peer(h.client));
    hob_abort(h.server);
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    FAILS_WITH(peer, hob_send_file(h.client, fd, 0, 1 << 20));
    (void)hob_fail(-EXDEV, "why it is closed");
    hob_close(h.client);
    CHECK_HAS(hob_error()->message, "why it is closed");
    close(fd);
    hob_close(a);
    hob_close(b);
    return 0;
}

TLS_TEST(half_closed_still_reads) {
    struct hands h;
    char buf[16];
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    CHECK_EQ(hob_write(h.client, "all", 3), 3);
    CHECK_EQ(hob_shutdown(h.client), 0);
    CHECK_EQ(hob_shutdown(h.client), 0);
    CHECK_EQ(hob_write(h.client, "more", 4), -EPIPE);
    CHECK_EQ(hob_read(h.server, buf, sizeof buf), 3);
    CHECK_EQ(hob_read(h.server, buf, sizeof buf), 0);
    CHECK_EQ(hob_write(h.server, "answer", 6), 6);
    CHECK_EQ(hob_read(h.client, buf, sizeof buf), 6);
    hob_close(h.server);
    CHECK_EQ(hob_read(h.client, buf, sizeof buf), 0);
    hob_close(h.client);
    return 0;
}

static int finish_task(struct hob_stream *s, double seconds) { return hob_tls_finish(s, seconds); }
HOB_TASK(finish_task, struct hob_stream *, double)

TLS_TEST(finish_waits_for_the_peer_but_not_for_ever) {
    struct hands h;
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    {
        HOB_SCOPE(s);
        hob_spawn(s, finish_task, h.client, 20.0);
        hob_spawn(s, finish_task, h.server, 20.0);
        CHECK_EQ(hob_join(s), 0);
    }
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    uint64_t begun = hob_now();
    char peer[80];
    snprintf(peer, sizeof peer, "%s", hob_stream_peer(h.client));
    CHECK_EQ(hob_tls_finish(h.client, 0.05), -ETIMEDOUT);
    CHECK(hob_now() - begun >= 50000000);
    CHECK_HAS(hob_error()->message, peer);
    hob_tls_abort(h.server);
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    hob_tls_abort(h.server);
    int rc = hob_tls_finish(h.client, 20);
    CHECK(rc == HOB_E_TLS_TRUNCATED || rc == -ECONNRESET || rc == -EPIPE);
    return 0;
}

/* Fills the way to a peer that does not read; the close is bounded all the same. */
TLS_TEST(closing_towards_a_peer_that_does_not_read_is_bounded) {
    struct hands h;
    static char much[1 << 20];
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    int rc = 0;
    for (int k = 0; k < 40 && rc == 0; k++)
        rc = hob_within(0.3, hob_write(h.client, much, sizeof much) < 0 ? -ECANCELED : 0);
    CHECK_EQ(rc, -ETIMEDOUT);
    uint64_t begun = hob_now();
    (void)hob_fail(-EXDEV, "why it is closed");
    hob_close(h.client);
    CHECK(hob_now() - begun < 20000000000u);
    CHECK_HAS(hob_error()->message, "why it is closed"); /* and not that the time was up */
    hob_close(h.server);
    return 0;
}

/* One after the other: a write of nothing may let other tasks go first, too. */
static int send_nothing_and_much(struct hob_stream *s, size_t n) {
    HOB_TRY(hob_write(s, "", 0));
    return send_much(s, n);
}
HOB_TASK(send_nothing_and_much, struct hob_stream *, size_t)

/* What a cancelled write had begun goes out whole, then comes what is written next. */
TLS_TEST(a_cancelled_write_leaves_whole_records) {
    struct hands h;
    static char much[1 << 20], buf[1 << 16];
    memset(much, 'm', sizeof much);
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    int rc = 0;
    while (rc == 0)
        rc = hob_within(0.3, hob_write(h.client, much, sizeof much) < 0 ? -ECANCELED : 0);
    CHECK_EQ(rc, -ETIMEDOUT);
    HOB_SCOPE(s);
    hob_spawn(s, send_nothing_and_much, h.client, 100000);
    size_t ms = 0;
    ssize_t got = 0;
    size_t at = 0;
    bool rest = false;
    while (at < 100000 && (got = hob_read(h.server, buf, sizeof buf)) > 0)
        for (ssize_t k = 0; k < got; k++) {
            if (!rest && buf[k] == 'm') {
                ms++;
                continue;
            }
            rest = true;
            if (buf[k] != (char)(at * 7 + at / 251)) FAIL("byte %zu after %zu m is wrong", at, ms);
            at++;
        }
    CHECK_EQ(at, 100000);
    CHECK(ms > 0);
    CHECK_EQ(hob_join(s), 0);
    part(&h);
    return 0;
}

TLS_TEST(an_idle_connection_is_broken_only_when_its_peer_is_gone) {
    struct hands h;
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    CHECK_EQ(hob_sleep(0.01), 0);
    CHECK(!hob_stream_broken(h.client)); /* tickets have come; that is no data */
    CHECK(!hob_stream_broken(h.server));
    chat(&h);
    CHECK(!hob_stream_broken(h.client));
    hob_close(h.server);
    CHECK_EQ(hob_sleep(0.01), 0);
    CHECK(hob_stream_broken(h.client));
    hob_close(h.client);
    return 0;
}

/* ---- in place, and inside ---- */

TLS_TEST(start_tls_in_the_middle_of_a_conversation) {
    struct hob_stream *a, *b;
    char buf[16];
    unix_pair(&a, &b);
    CHECK_EQ(hob_write(a, "STARTTLS\n", 9), 9);
    CHECK_EQ(hob_read_exactly(b, buf, 9), 9);
    int rc = 1;
    HOB_SCOPE(s);
    hob_spawn(s, accept_task, b, server_tls, &rc);
    CHECK_EQ(hob_tls_start(a, client_tls, .server_name = "example.org"), 0);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(rc, 0);
    struct hands h = {.client = a, .server = b};
    chat(&h);
    part(&h);
    return 0;
}

TLS_TEST(tls_inside_tls) {
    struct hands h;
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    int rc = 1;
    {
        HOB_SCOPE(s);
        hob_spawn(s, accept_task, h.server, server_tls, &rc);
        CHECK_EQ(hob_tls_start(h.client, client_tls, .server_name = "www.example.org"), 0);
        CHECK_EQ(hob_join(s), 0);
        CHECK_EQ(rc, 0);
    }
    chat(&h);
    HOB_SCOPE(s);
    hob_spawn(s, send_much, h.client, 1000000);
    hob_spawn(s, send_much, h.server, 1000000);
    hob_spawn(s, receive_much, h.client, 1000000);
    hob_spawn(s, receive_much, h.server, 1000000);
    CHECK_EQ(hob_join(s), 0);
    part(&h);
    return 0;
}

/* Where the kernel does not know it, by Hob's own BIO; OpenSSL's: tls_kernel_test.c. */
TLS_TEST(ktls_is_used_or_not_and_works_either_way) {
    struct hob_tls *c, *sv;
    struct hands h;
    struct hob_tls_info i;
    CHECK_EQ(hob_tls_new(&c, .ca = ca.cert, .ktls = true), 0);
    CHECK_EQ(hob_tls_new(&sv, .certificate = site.cert, .key = site.key, .ktls = true), 0);
    SHAKE(&h, c, sv, .server_name = "example.org");
    CHECK_EQ(h.client_rc, 0);
    CHECK_EQ(hob_tls_info(h.server, &i), 0);
    printf("  kTLS: sends %d, receives %d\n", i.ktls_send, i.ktls_receive);
    chat(&h);
    {
        HOB_SCOPE(s);
        hob_spawn(s, send_much, h.client, 1000000);
        hob_spawn(s, receive_much, h.server, 1000000);
        CHECK_EQ(hob_join(s), 0);
    }
    part(&h);
    hob_tls_free(c);
    hob_tls_free(sv);
    return 0;
}

TLS_TEST(keys_are_logged_only_when_asked_for) {
    char path[64];
    snprintf(path, sizeof path, TEST_PATH, (int)getpid(), "keylog");
    setenv("SSLKEYLOGFILE", path, 1);
    struct hands h;
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    part(&h);
    CHECK_EQ(access(path, F_OK), -1);
    struct hob_tls *c;
    char text[64] = "";
    CHECK_EQ(hob_tls_new(&c, .ca = ca.cert, .keylog = true), 0);
    SHAKE(&h, c, server_tls, .server_name = "example.org");
    part(&h);
    FILE *f = fopen(path, "r");
    CHECK(f && fgets(text, sizeof text, f));
    CHECK_HAS(text, "SECRET");
    fclose(f);
    unlink(path);
    hob_tls_free(c);
    return 0;
}

TEST_MAIN()
