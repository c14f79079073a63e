/* tls_test.c - TLS between two tasks: verification and what it says, names, protocols, sessions,
 * client certificates. tls_data_test.c has what comes after. */
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

TEST_MAIN()
