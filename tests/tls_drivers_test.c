/* tls_drivers_test.c - cancel at every point of a handshake, of reads, writes and the end, and
 * every allocation of Hob's own failing (OpenSSL's are its own). */
#define SEEDS 2 /* a handshake is long */
#include "drivers_stream.h"
#include "tls_test.h"

static struct identity me;

static void make_identities(void) {
    if (ca.x) return;
    ca = IDENTITY(.cn = "CA", .ca = true);
    site = IDENTITY(.names = "DNS:example.org", .issuer = &ca);
    me = IDENTITY(.cn = "me", .issuer = &ca);
}

struct peers {
    struct hob_tls *client, *server;
};

static int open_server(struct hob_tls **server) {
    make_identities();
    int rc = hob_tls_new(server, .certificate = site.cert, .key = site.key, .ca = ca.cert,
                         .client_certificate = HOB_TLS_REQUIRE, .alpn = "b");
    if (rc >= 0) rc = hob_tls_add_certificate(*server, me.cert, me.key, NULL);
    if (rc >= 0) rc = hob_tls_reload(*server);
    return rc;
}

/* A server's context is made and changed. It takes long: the scenarios below share one. */
static int contexts(void) {
    struct hob_tls *server = NULL;
    HOB_TRY(hob_sleep(0)); /* points to cancel at */
    int rc = open_server(&server);
    if (rc >= 0) rc = hob_sleep(0);
    hob_tls_free(server);
    return rc < 0 ? rc : hob_sleep(0);
}
DRIVE(contexts_cancelled_at_every_point, contexts, NULL)

/* The client keeps sessions, so that it has to be new each time. */
static int open_peers(struct peers *p) {
    static struct hob_tls *server;
    *p = (struct peers){NULL, NULL};
    if (!server) HOB_TRY(open_server(&server));
    p->server = server;
    return hob_tls_new(&p->client, .ca = ca.cert, .certificate = me.cert, .key = me.key,
                       .alpn = "a,b");
}

static void close_peers(struct peers *p) { hob_tls_free(p->client); }

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
    struct hob_stream *end[2];
    int rc = open_peers(&p);
    if (rc >= 0) rc = open_over_unix(end);
    if (rc >= 0) {
        HOB_SCOPE(s);
        hob_spawn(s, echo, &end[1], p.server);
        rc = talks(end[0], p.client, thoroughly);
        if (rc < 0) hob_scope_cancel(s);
        int joined = hob_join(s);
        if (rc >= 0) rc = joined;
        hob_close(end[1]);
    }
    close_peers(&p);
    return rc;
}

static int a_conversation(void) { return conversation(false); }
DRIVE(conversation_cancelled_at_every_point, a_conversation, NULL)
static int one_finished(void) { return conversation(true); }
DRIVE(finish_cancelled_at_every_point, one_finished, NULL)

/* Who waits where is as it should be when the handshake fails on both sides. (Without memory for
 * the server's task nobody answers, until time is out.) */
static int refusal(void) {
    struct peers p;
    struct hob_stream *end[2];
    int rc = open_peers(&p);
    if (rc >= 0) rc = open_over_unix(end);
    if (rc >= 0) {
        HOB_SCOPE(s, .on_error = HOB_COLLECT);
        hob_spawn(s, echo, &end[1], p.server);
        rc = hob_tls_start(end[0], p.client, .server_name = "wrong.test", .handshake_timeout = 3);
        hob_close(end[0]);
        CHECK(rc < 0);
        if (rc == HOB_E_TLS_NAME) rc = 0;
        int joined = hob_join(s);
        if (joined < 0) rc = joined;
        hob_close(end[1]);
    }
    close_peers(&p);
    return rc;
}
DRIVE(refusal_cancelled_at_every_point, refusal, NULL)

/* ---- every call of streams ---- */

static struct peers peers; /* for all runs */

static void make_peers(void) {
    if (peers.client) return;
    site = IDENTITY(.names = "DNS:example.org"); /* its own issuer: one signature fewer to verify */
    CHECK_EQ(hob_tls_new(&peers.client, .ca = site.cert, .no_resumption = true), 0);
    CHECK_EQ(hob_tls_new(&peers.server, .certificate = site.cert, .key = site.key,
                         .no_resumption = true),
             0);
}

/* Cancelled on its own, which is no error of the join, it does not let the client wait for it. */
static int accepts(struct hob_stream **s) {
    int rc = hob_tls_accept(*s, peers.server);
    if (rc < 0) close_end(s);
    return rc;
}
HOB_TASK(accepts, struct hob_stream **)

static int shake_ends(struct hob_stream *client, struct hob_stream **server) {
    HOB_SCOPE(s);
    hob_spawn(s, accepts, server);
    int rc = hob_tls_start(client, peers.client, .server_name = "example.org");
    if (rc < 0) hob_scope_cancel(s);
    int joined = hob_join(s);
    return rc < 0 ? rc : joined < 0 ? joined : *server ? 0 : -ECANCELED;
}

/* The client writes, or the server does. Cancels in the handshake are what the two tests of
 * open_shaken are about, and the conversations above: the other scenarios do not repeat them. */
static int open_shaken(struct hob_stream *end[2], int client) {
    make_peers();
    HOB_TRY(open_over_unix(end));
    int rc = shake_ends(end[client], &end[1 - client]);
    if (rc >= 0) return rc;
    hob_close(end[0]);
    hob_close(end[1]);
    return rc;
}
static int open_shaken_to_server(struct hob_stream *end[2]) { return open_shaken(end, 0); }
static int open_shaken_to_client(struct hob_stream *end[2]) { return open_shaken(end, 1); }

static int open_ends_of_tls(struct hob_stream *end[2], int client) {
    uncounted = true;
    int rc = open_shaken(end, client);
    uncounted = false;
    return rc;
}
static int open_to_server(struct hob_stream *end[2]) { return open_ends_of_tls(end, 0); }
static int open_to_client(struct hob_stream *end[2]) { return open_ends_of_tls(end, 1); }

READING_OVER(to_server)
DRIVE_OVER(to_client, lines, reading_by_line)
DRIVE_OVER(to_client, copy, copying)
DRIVE_OVER(shaken_to_server, half_close, half_closing)
DRIVE_OVER(shaken_to_client, corks, corking)

TEST_MAIN()
