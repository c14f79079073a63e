/* tls_hostile_test.c - peers that do not play by the rules: plaintext, garbage, silence, a
 * connection that is cut at every byte of the handshake, or has a byte changed. */
#include "tls_test.h"

#include "tls/tls.h"

/* ---- what is not TLS ---- */

static void accept_bytes(const void *bytes, size_t n, int code, const char *text) {
    struct hob_stream *a, *b;
    unix_pair(&a, &b);
    CHECK_EQ(hob_write(a, bytes, n), n);
    CHECK_EQ(hob_shutdown(a), 0);
    hob_error_clear();
    int rc = hob_tls_accept(b, server_tls);
    CHECK_EQ(rc, code);
    CHECK_HAS(hob_error()->message, text);
    char byte;
    CHECK_EQ(hob_read(b, &byte, 1), code); /* and it stays so */
    CHECK_EQ(hob_write(b, &byte, 1), code);
    hob_close(b);
    hob_close(a);
}

TLS_TEST(plaintext_is_named_with_what_came) {
    static const char http[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n", smtp[] = "EHLO evil.test\r\n";
    accept_bytes(http, sizeof http - 1, HOB_E_TLS_PLAINTEXT, "it sent \"GET / HTTP");
    accept_bytes(smtp, sizeof smtp - 1, HOB_E_TLS_PLAINTEXT, "it sent \"EHLO evil");
    accept_bytes("\0\1\2\3\4\5\6\7", 8, HOB_E_TLS_PLAINTEXT, "\\x00\\x01");
    accept_bytes("", 0, HOB_E_EOF, "it ended the connection");
    accept_bytes("\x16", 1, HOB_E_EOF, "it ended the connection");
    accept_bytes("\x16\x03\x01\xff\xff", 5, HOB_E_TLS, "handshake");
    accept_bytes("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03", 10, HOB_E_TLS, "handshake");
    accept_bytes("\x17\x03\x03\x00\x05hello", 10, HOB_E_TLS, "handshake");
    accept_bytes("\x15\x03\x01\x00\x02\x02\x28", 7, HOB_E_TLS, "handshake");
    return 0;
}

/* The alert that answers it cannot be sent any more: that is not the error. */
TLS_TEST(plaintext_of_a_peer_that_has_gone_is_named_all_the_same) {
    struct hob_stream *a, *b;
    char byte;
    unix_pair(&a, &b);
    CHECK_EQ(hob_write(a, "GET / HTTP/1.1\r\n\r\n", 18), 18);
    hob_close(a);
    CHECK_EQ(hob_tls_accept(b, server_tls), HOB_E_TLS_PLAINTEXT);
    CHECK_HAS(hob_error()->message, "it sent \"GET / HTTP");
    CHECK_EQ(hob_read(b, &byte, 1), HOB_E_TLS_PLAINTEXT);
    hob_close(b);
    unix_pair(&a, &b);
    hob_close(a);
    CHECK_EQ(hob_tls_accept(b, server_tls), HOB_E_EOF);
    hob_close(b);
    return 0;
}

TLS_TEST(a_server_that_speaks_plainly_is_named) {
    struct hob_stream *a, *b;
    unix_pair(&a, &b);
    CHECK_EQ(hob_write(b, "220 mail.example.org ready\r\n", 28), 28);
    CHECK_EQ(hob_tls_start(a, client_tls, .server_name = "example.org"), HOB_E_TLS_PLAINTEXT);
    CHECK_HAS(hob_error()->message, "\"220 mail.example\"");
    hob_close(a);
    hob_close(b);
    return 0;
}

/* What a man in the middle puts behind the client's STARTTLS is not taken for the client's. */
TLS_TEST(plaintext_behind_starttls_is_refused) {
    struct hob_stream *a, *b;
    char line[11];
    unix_pair(&a, &b);
    CHECK_EQ(hob_write(a, "STARTTLS\r\nRCPT TO:<evil>\r\n", 26), 26);
    CHECK_EQ(hob_read_exactly(b, line, 10), 10);
    CHECK_EQ(hob_tls_accept(b, server_tls), HOB_E_TLS_PLAINTEXT);
    CHECK_HAS(hob_error()->message, "16 bytes came in plaintext"); /* read ahead */
    hob_close(a);
    hob_close(b);
    return 0;
}

TLS_TEST(random_bytes_end_with_an_error) {
    unsigned seed = 1;
    for (int k = 0; k < 300; k++) {
        struct hob_stream *a, *b;
        unsigned char bytes[400];
        for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)(rand_r(&seed) >> 8);
        if (k % 2) memcpy(bytes, "\x16\x03\x01\x01\x00\x01\x00\x00\xfc\x03\x03", 11);
        unix_pair(&a, &b);
        CHECK_EQ(hob_write(a, bytes, sizeof bytes), sizeof bytes);
        CHECK_EQ(hob_shutdown(a), 0);
        int rc = hob_tls_accept(b, server_tls);
        CHECK(rc == HOB_E_TLS || rc == HOB_E_TLS_PLAINTEXT || rc == HOB_E_EOF ||
              rc == HOB_E_TLS_VERSION || rc == HOB_E_TLS_ALERT);
        hob_close(b);
        hob_close(a);
    }
    return 0;
}

/* ---- those that wait ---- */

TLS_TEST(silence_has_a_deadline) {
    struct hob_stream *a, *b;
    unix_pair(&a, &b);
    uint64_t begun = hob_now();
    CHECK_EQ(hob_tls_accept(b, server_tls, .handshake_timeout = 0.05), -ETIMEDOUT);
    CHECK(hob_now() - begun >= 50000000);
    CHECK_HAS(hob_error()->message, "0.05 seconds");
    hob_close(a);
    hob_close(b);
    unix_pair(&a, &b);
    CHECK_EQ(hob_tls_start(b, client_tls, .server_name = "example.org", .handshake_timeout = 0.05),
             -ETIMEDOUT);
    hob_close(a);
    hob_close(b);
    /* A deadline from outside is not taken for the handshake's own. */
    unix_pair(&a, &b);
    CHECK_EQ(hob_within(0.05, hob_tls_accept(b, server_tls) == -ECANCELED ? -ECANCELED : 1),
             -ETIMEDOUT);
    hob_close(a);
    hob_close(b);
    return 0;
}

static int drip(struct hob_stream *s) {
    static const char hello[] = "\x16\x03\x01\x01\x00\x01\x00\x00\xfc\x03\x03";
    for (size_t k = 0;; k++) {
        HOB_TRY(hob_write(s, k < 11 ? hello + k : "x", 1));
        HOB_TRY(hob_sleep(0.01));
    }
}
HOB_TASK(drip, struct hob_stream *)

TLS_TEST(a_byte_at_a_time_is_not_progress_enough) {
    struct hob_stream *a, *b;
    unix_pair(&a, &b);
    {
        HOB_SCOPE(s);
        hob_spawn(s, drip, a);
        CHECK_EQ(hob_tls_accept(b, server_tls, .handshake_timeout = 0.2), -ETIMEDOUT);
        hob_scope_cancel(s);
        hob_join(s);
    }
    hob_close(a);
    hob_close(b);
    return 0;
}

/* ---- a proxy that cuts or changes ---- */

struct pipe {
    struct hob_stream *from, *to;
    long cut;  /* after so many bytes; -1: never */
    long flip; /* the byte that is changed; -1: none */
    long seen;
};

static int pump(struct pipe *p) {
    char buf[512];
    for (;;) {
        size_t want = sizeof buf;
        if (p->cut >= 0 && p->seen + (long)want > p->cut) want = (size_t)(p->cut - p->seen);
        if (want == 0) return 1; /* the other one is cancelled by the race */
        ssize_t got = hob_read(p->from, buf, want);
        if (got <= 0) return 1;
        if (p->flip >= p->seen && p->flip < p->seen + got) buf[p->flip - p->seen] ^= 0x20;
        p->seen += got;
        if (hob_write(p->to, buf, (size_t)got) < 0) return 1;
    }
}
HOB_TASK(pump, struct pipe *)

static int proxy(struct pipe *up, struct pipe *down) {
    {
        HOB_SCOPE(s, .on_error = HOB_COLLECT);
        hob_spawn(s, pump, up);
        hob_spawn(s, pump, down);
        hob_race(s, NULL);
    }
    hob_close(up->from);
    hob_close(up->to);
    return 0;
}
HOB_TASK(proxy, struct pipe *, struct pipe *)

static int serve_one(struct hob_stream *s, int *rc) {
    char buf[16];
    *rc = hob_tls_accept(s, server_tls, .handshake_timeout = 5);
    if (*rc == 0) *rc = (int)hob_read_exactly(s, buf, 4);
    if (*rc > 0) *rc = (int)hob_write(s, buf, 4);
    hob_close(s);
    return 0;
}
HOB_TASK(serve_one, struct hob_stream *, int *)

static void through(struct pipe *up, struct pipe *down, int *client_rc, int *server_rc) {
    struct hob_stream *a, *b;
    char buf[16];
    unix_pair(&a, &up->from);
    unix_pair(&up->to, &b);
    down->from = up->to;
    down->to = up->from;
    HOB_SCOPE(s);
    hob_spawn(s, proxy, up, down);
    hob_spawn(s, serve_one, b, server_rc);
    *client_rc = hob_tls_start(a, client_tls, .server_name = "example.org", .handshake_timeout = 5);
    if (*client_rc == 0) *client_rc = (int)hob_write(a, "ping", 4);
    if (*client_rc > 0) *client_rc = (int)hob_read_exactly(a, buf, 4);
    hob_close(a);
    CHECK_EQ(hob_join(s), 0);
}

static void forget_sessions(void) { hob__tls_sessions_clear(client_tls); }

static int slower(int step) { return getenv("TEST_SLOW") ? step * 50 : step; }

TLS_TEST(the_connection_is_cut_at_every_byte) {
    struct pipe up = {.cut = -1, .flip = -1}, down = {.cut = -1, .flip = -1};
    int c, sv;
    through(&up, &down, &c, &sv);
    CHECK_EQ(c, 4);
    CHECK_EQ(sv, 4);
    long sent = up.seen, received = down.seen;
    CHECK(sent > 300 && received > 600);
    for (long k = 0; k + 30 < sent; k += slower(1)) {
        struct pipe u = {.cut = k, .flip = -1}, d = {.cut = -1, .flip = -1};
        forget_sessions();
        through(&u, &d, &c, &sv);
        if (c >= 0 || sv >= 0) FAIL("cut after %ld of %ld bytes: %d, %d", k, sent, c, sv);
    }
    for (long k = 0; k + 30 < received; k += slower(3)) {
        struct pipe u = {.cut = -1, .flip = -1}, d = {.cut = k, .flip = -1};
        forget_sessions();
        through(&u, &d, &c, &sv);
        if (c >= 0) FAIL("cut after %ld of %ld bytes: %d, %d", k, received, c, sv);
    }
    return 0;
}

/* Whatever byte of the handshake is changed, one side finds out, and neither hangs. */
TLS_TEST(no_byte_can_be_changed) {
    struct pipe up = {.cut = -1, .flip = -1}, down = {.cut = -1, .flip = -1};
    int c, sv;
    through(&up, &down, &c, &sv);
    for (long k = 5; k < up.seen; k += slower(13)) {
        struct pipe u = {.cut = -1, .flip = k}, d = {.cut = -1, .flip = -1};
        /* The length of a record: both would wait for each other until the deadline. */
        if (k < 9) continue;
        forget_sessions();
        through(&u, &d, &c, &sv);
        if (c >= 0 && sv >= 0) FAIL("byte %ld of %ld changed: %d, %d", k, up.seen, c, sv);
    }
    return 0;
}

/* ---- after the handshake ---- */

TLS_TEST(plaintext_after_the_handshake_is_an_error) {
    struct hands h;
    char buf[16];
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    chat(&h);
    struct hob__tls *t = hob__tls_of(h.client);
    struct iovec iov = {(void *)"PLAIN AND SIMPLE", 16};
    CHECK_EQ(hob__stream_send(t->inner, &iov, 1), 16);
    CHECK_EQ(hob_read(h.server, buf, sizeof buf), HOB_E_TLS);
    CHECK_HAS(hob_error()->message, "reading with");
    CHECK_EQ(hob_read(h.client, buf, sizeof buf), HOB_E_TLS_ALERT); /* it is told */
    part(&h);
    return 0;
}

static int reads_to_end(struct hob_stream *s, long *total) {
    char buf[4096];
    ssize_t got;
    while ((got = hob_read(s, buf, sizeof buf)) > 0) *total += got;
    return (int)got;
}
HOB_TASK(reads_to_end, struct hob_stream *, long *)
static int sleeps(double seconds) { return hob_sleep(seconds); }
HOB_TASK(sleeps, double)

/* New keys again and again, each asking for new ones from the other side. */
TLS_TEST(key_updates_are_followed) {
    struct hands h;
    long total = 0;
    char buf[1000];
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    chat(&h);
    {
        HOB_SCOPE(s);
        hob_spawn(s, reads_to_end, h.server, &total);
        hob_spawn(s, sleeps, 0.001);
        struct hob__tls *t = hob__tls_of(h.client);
        for (int k = 0; k < 500; k++) {
            CHECK_EQ(SSL_key_update(t->ssl, SSL_KEY_UPDATE_REQUESTED), 1);
            CHECK_EQ(hob_write(h.client, "x", 1), 1);
        }
        CHECK_EQ(hob_shutdown(h.client), 0);
        CHECK_EQ(hob_join(s), 0);
        CHECK_EQ(total, 500);
    }
    CHECK_EQ(hob_write(h.server, "still here", 10), 10); /* with its own new keys */
    CHECK_EQ(hob_read(h.client, buf, sizeof buf), 10);
    part(&h);
    return 0;
}

/* ---- TLS 1.2 ---- */

static void only_12(struct hob_tls *tls) {
    SSL_CTX_set_max_proto_version(tls->set->main, TLS1_2_VERSION);
}

TLS_TEST(tls_12_works_and_is_resumed) {
    struct hands h;
    struct hob_tls_info i;
    only_12(client_tls);
    for (int k = 0; k < 3; k++) {
        SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
        CHECK_EQ(h.client_rc, 0);
        CHECK_EQ(h.server_rc, 0);
        chat(&h);
        CHECK_EQ(hob_tls_info(h.client, &i), 0);
        CHECK_STR(i.version, "TLSv1.2");
        CHECK_EQ(i.resumed, k > 0);
        CHECK(i.verified);
        part(&h);
    }
    return 0;
}

TLS_TEST(renegotiation_is_refused) {
    struct hands h;
    char buf[16];
    only_12(client_tls);
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    struct hob__tls *t = hob__tls_of(h.client);
    SSL_clear_options(t->ssl, SSL_OP_NO_RENEGOTIATION);
    CHECK_EQ(SSL_renegotiate(t->ssl), 1);
    HOB_SCOPE(s);
    long total = 0;
    hob_spawn(s, reads_to_end, h.server, &total);
    ssize_t rc = hob_write(h.client, "x", 1);
    if (rc >= 0) rc = hob_read(h.client, buf, 1);
    CHECK(rc < 0);
    CHECK_HAS(hob_error()->message, "renegotiation");
    hob_close(h.client);
    rc = hob_join(s);
    CHECK(rc < 0 || total == 0);
    hob_close(h.server);
    return 0;
}

TLS_TEST(old_versions_are_refused) {
    struct hands h;
    SSL_CTX *old = client_tls->set->main;
    SSL_CTX_set_min_proto_version(old, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(old, TLS1_1_VERSION);
    SSL_CTX_set_security_level(old, 0);
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    CHECK_EQ(h.server_rc, HOB_E_TLS_VERSION);
    CHECK_EQ(h.client_rc, HOB_E_TLS_VERSION);
    CHECK_HAS(h.client_text, "protocol version");
    part(&h);
    return 0;
}

TEST_MAIN()
