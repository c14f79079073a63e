/* tls_drivers_test.c - cancel at every point of a handshake, of reads, writes and the end, and
 * every allocation of Hob's own failing (OpenSSL's are its own). */
#include "drivers.h"
#include "tls_test.h"

static struct identity ca, site, me;

static void make_identities(void) {
    if (ca.x) return;
    ca = IDENTITY(.cn = "CA", .ca = true);
    site = IDENTITY(.names = "DNS:example.org", .issuer = &ca);
    me = IDENTITY(.cn = "me", .issuer = &ca);
}

struct peers {
    struct hob_tls *client, *server;
};

static int open_peers(struct peers *p) {
    make_identities();
    *p = (struct peers){NULL, NULL};
    int rc = hob_tls_new(&p->client, .ca = ca.cert, .certificate = me.cert, .key = me.key,
                         .alpn = "a,b");
    if (rc >= 0)
        rc = hob_tls_new(&p->server, .certificate = site.cert, .key = site.key, .ca = ca.cert,
                         .client_certificate = HOB_TLS_REQUIRE, .alpn = "b");
    if (rc >= 0) rc = hob_tls_add_certificate(p->server, me.cert, me.key, NULL);
    if (rc >= 0) rc = hob_tls_reload(p->server);
    return rc;
}

static void close_peers(struct peers *p) {
    hob_tls_free(p->client);
    hob_tls_free(p->server);
}

static int try_pair(struct hob_stream **a, struct hob_stream **b) {
    int p[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, p), 0);
    int size = 4096;
    setsockopt(p[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    setsockopt(p[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    int rc = hob_stream_open(p[0], a);
    if (rc < 0) {
        close(p[0]);
        close(p[1]);
        return rc;
    }
    rc = hob_stream_open(p[1], b);
    if (rc < 0) {
        hob_close(*a);
        close(p[1]);
    }
    return rc;
}

static void close_stream(void *s) { hob_close(s); }

enum { MUCH = 50000 }; /* more than the sockets take: writes have to wait */

/* Without memory for a stack it never runs: then the stream is not taken. */
static int echo(struct hob_stream **stream, struct hob_tls *tls) {
    struct hob_stream *s = *stream;
    *stream = NULL;
    HOB_DEFER(close_stream, s);
    char *buf = malloc(MUCH);
    HOB_DEFER(free, buf);
    HOB_TRY(hob_tls_accept(s, tls));
    HOB_TRY(hob_read_exactly(s, buf, MUCH));
    HOB_TRY(hob_write(s, buf, MUCH));
    ssize_t rc = hob_read(s, buf, 1);
    return rc > 0 ? -EPROTO : (int)rc;
}
HOB_TASK(echo, struct hob_stream **, struct hob_tls *)

static int sends(struct hob_stream *s) {
    char *buf = malloc(MUCH);
    HOB_DEFER(free, buf);
    memset(buf, 'x', MUCH);
    return hob_write(s, buf, MUCH) < 0 ? -EPIPE : 0;
}
HOB_TASK(sends, struct hob_stream *)

static int talks(struct hob_stream *s, struct hob_tls *tls, bool thoroughly) {
    struct hob_tls_info info;
    char *buf = malloc(MUCH);
    HOB_DEFER(free, buf);
    int rc = hob_tls_start(s, tls, .server_name = "example.org");
    if (rc >= 0) {
        hob_tls_info(s, &info);
        HOB_SCOPE(both);
        hob_spawn(both, sends, s);
        rc = (int)hob_read_exactly(s, buf, MUCH);
        if (rc < 0) hob_scope_cancel(both);
        int end = hob_join(both);
        if (rc >= 0) rc = end;
    }
    if (rc >= 0) CHECK(buf[0] == 'x' && buf[MUCH - 1] == 'x');
    if (rc >= 0 && thoroughly) return hob_tls_finish(s, 10);
    if (rc >= 0) rc = hob_shutdown(s);
    hob_close(s);
    return rc;
}

static int conversation(bool thoroughly) {
    struct peers p;
    struct hob_stream *a, *b;
    int rc = open_peers(&p);
    if (rc >= 0) rc = try_pair(&a, &b);
    if (rc >= 0) {
        HOB_SCOPE(s);
        hob_spawn(s, echo, &b, p.server);
        rc = talks(a, p.client, thoroughly);
        if (rc < 0) hob_scope_cancel(s);
        int end = hob_join(s);
        if (rc >= 0) rc = end;
        hob_close(b);
    }
    close_peers(&p);
    return rc;
}

static int a_conversation(void) { return conversation(false); }
DRIVE(conversation_cancelled_at_every_point, a_conversation, NULL)
static int one_finished(void) { return conversation(true); }
DRIVE(finish_cancelled_at_every_point, one_finished, NULL)

/* Who waits where is as it should be when the handshake fails on both sides. */
static int refusal(void) {
    struct peers p;
    struct hob_stream *a, *b;
    int rc = open_peers(&p);
    if (rc >= 0) rc = try_pair(&a, &b);
    if (rc >= 0) {
        HOB_SCOPE(s, .on_error = HOB_COLLECT);
        hob_spawn(s, echo, &b, p.server);
        rc = hob_tls_start(a, p.client, .server_name = "wrong.test");
        hob_close(a);
        CHECK(rc < 0);
        if (rc == HOB_E_TLS_NAME) rc = 0;
        int end = hob_join(s);
        if (end < 0) rc = end;
        hob_close(b);
    }
    close_peers(&p);
    return rc;
}
DRIVE(refusal_cancelled_at_every_point, refusal, NULL)

TEST_MAIN()
