/* tls/handshake.c - making a stream speak TLS: in place, as client or server. */
#include <hob/error.h>
#include <hob/net.h>
#include <hob/spawn.h>
#include <hob/task.h>
#include <openssl/err.h>
#include <string.h>

#include "base/memory.h"
#include "task/fdwait.h"
#include "task/wait.h"
#include "tls/tls.h"

static int no_memory(void) {
    ERR_clear_error();
    return -ENOMEM;
}

/* ---- what each side sets up ---- */

/* Sessions are kept by name and port, since a name may have many addresses; without a name they are
 * kept by address. */
static char *make_session_key(const struct hob__tls *t, const char *peer) {
    if (!t->server_name) return hob__strdup(peer);
    const char *port = strrchr(peer, ':');
    if (!port || strncmp(peer, "unix:", 5) == 0) port = peer;
    size_t n = strlen(t->server_name) + strlen(port) + 2;
    char *key = hob__alloc(n);
    if (key) snprintf(key, n, "%s %s", t->server_name, port);
    return key;
}

static int resume(struct hob__tls *t, const char *peer) {
    if (t->tls->options.no_resumption) return 0;
    t->session_key = make_session_key(t, peer);
    if (!t->session_key) return -ENOMEM;
    SSL_SESSION *session = hob__tls_session_find(t->tls, t->session_key);
    if (session) SSL_set_session(t->ssl, session); /* if it cannot, the handshake is a long one */
    SSL_SESSION_free(session);
    return 0;
}

static int set_up_client(struct hob__tls *t, const char *name, const char *peer) {
    SSL_set_connect_state(t->ssl);
    SSL_set_verify(t->ssl, t->tls->options.insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
                   hob__tls_verify);
    if (name && *name) {
        size_t n = strlen(name);
        t->server_name = hob__strdup(name);
        if (!t->server_name) return -ENOMEM;
        if (n > 1 && name[n - 1] == '.') t->server_name[n - 1] = 0; /* the root's dot */
        if (!hob__tls_is_address(name) && SSL_set_tlsext_host_name(t->ssl, t->server_name) != 1) {
            ERR_clear_error();
            return hob_fail(-EINVAL, "TLS: \"%.80s...\" is too long for a name", name);
        }
        if (!t->tls->options.insecure) HOB_TRY(hob__tls_expect_name(t, t->server_name));
    }
    if (t->alpn.size > 0 && SSL_set_alpn_protos(t->ssl, t->alpn.bytes, t->alpn.size) != 0)
        return no_memory();
    return resume(t, peer);
}

static void set_up_server(struct hob__tls *t) {
    static const int modes[] = {
        [HOB_TLS_NO_CLIENT_CERTIFICATE] = SSL_VERIFY_NONE,
        [HOB_TLS_REQUEST] = SSL_VERIFY_PEER,
        [HOB_TLS_REQUIRE] = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
    };
    SSL_set_accept_state(t->ssl);
    SSL_set_verify(t->ssl, modes[t->tls->options.client_certificate], hob__tls_verify);
}

static int set_up(struct hob__tls *t, const struct hob_tls_connection *o, const char *name,
                  const char *peer) {
    t->set = hob__tls_set_get(t->tls);
    if (!t->server) HOB_TRY(hob__tls_trust_load(t->set->trust));
    if (t->server && t->set->count == 0)
        return hob_fail(-EINVAL, "TLS: a server needs a certificate (.certificate)");
    t->alpn = t->tls->alpn;
    if (o->alpn) HOB_TRY(hob__tls_alpn_parse(o->alpn, &t->alpn));
    t->ssl = SSL_new(t->set->main);
    if (!t->ssl || SSL_set_app_data(t->ssl, t) != 1) return no_memory();
    if (!t->server) return set_up_client(t, name, peer);
    set_up_server(t);
    return 0;
}

/* ---- the transport below ---- */

/* The kernel's TLS is reached through OpenSSL's own socket BIO. */
static bool wants_kernel(const struct hob__tls *t) {
    const struct hob_stream *in = t->inner;
    return t->tls->options.ktls && in->direct && in->is_tcp && hob__tls_kernel_can(in->backend);
}

static int attach(struct hob__tls *t, struct hob_stream *s) {
    BIO *bio = hob__tls_bio_new(t);
    if (!bio) return no_memory();
    t->inner = hob__stream_split(s);
    if (!t->inner) {
        BIO_free(bio);
        return -ENOMEM;
    }
    t->outer = s;
    if (wants_kernel(t) && SSL_set_fd(t->ssl, t->inner->fd->fd) == 1) {
        t->guarded = true;
        BIO_free(bio);
    } else {
        SSL_set_bio(t->ssl, bio, bio);
    }
    hob__stream_set(s, &hob__tls_transport, t);
    return 0;
}

/* ---- the handshake ---- */

/* The peer's first bytes, which Hob's own BIO keeps, for the report. */
static void peek_first(struct hob__tls *t) {
    struct hob__backend *b = t->inner->backend;
    ssize_t n = b->ops->sys->recv(b, t->inner->fd->fd, t->first, sizeof t->first, MSG_PEEK);
    if (n > 0) t->first_count = (unsigned)n;
}

static int drive(struct hob__tls *t, const char *func) {
    for (;;) {
        HOB_TRY(hob__io_point(func));
        if (HOB__UNLIKELY(t->guarded && t->first_count == 0)) peek_first(t);
        sigset_t before;
        hob__tls_enter(t, &before);
        int ok = SSL_do_handshake(t->ssl);
        int rc = ok == 1 ? 0 : hob__tls_outcome(t, ok, HOB__READ, "TLS handshake");
        hob__tls_leave(t, &before);
        if (ok == 1) return 0;
        if (rc == 0)
            return hob_fail(HOB_E_EOF, "TLS handshake with %s: it ended TLS", t->outer->peer);
        if (rc != -EAGAIN) return rc;
        HOB_TRY(hob__tls_transport.wait(t->outer, HOB__READ, HOB__WAIT_PLAIN));
    }
}

/* A server may only choose what it was offered. */
static int check_protocol(const struct hob__tls *t) {
    const unsigned char *chosen = NULL;
    unsigned n = 0;
    SSL_get0_alpn_selected(t->ssl, &chosen, &n);
    if (t->server || n == 0) return 0;
    for (unsigned at = 0; at < t->alpn.size; at += 1u + t->alpn.bytes[at])
        if (t->alpn.bytes[at] == n && memcmp(t->alpn.bytes + at + 1, chosen, n) == 0) return 0;
    return hob_fail(HOB_E_TLS_ALPN,
                    "TLS handshake with %s: it chose a protocol that it was not "
                    "offered",
                    t->outer->peer);
}

static int shake_hands(struct hob__tls *t, double seconds, const char *func) {
    if (!(seconds > 0)) seconds = 10;
    int rc = hob_within(seconds, drive(t, func));
    if (rc >= 0) rc = check_protocol(t);
    if (rc == -ETIMEDOUT && !t->inner_error)
        rc = hob_fail(rc, "TLS handshake with %s: not done after %g seconds", t->outer->peer,
                      seconds);
    if (rc < 0) {
        t->read_error = t->write_error = rc;
        return rc;
    }
    t->done = true;
    return 0;
}

/* Nobody else may read, write or close meanwhile. */
static void occupy(struct hob_stream *s, const char *func) {
    if (s->reads || s->writes)
        hob__misuse(func, "a task is in a call on the stream to %s", s->peer);
    s->reads = s->writes = true;
}
static void release(struct hob_stream *s) { s->reads = s->writes = false; }

static int begin(struct hob_stream *s, struct hob_tls *tls, const struct hob_tls_connection *o,
                 const char *name, bool server, const char *func) {
    HOB_TRY(hob__point(func));
    size_t early = hob__stream_early(s);
    if (early > 0)
        return hob_fail(HOB_E_TLS_PLAINTEXT,
                        "TLS with %s: %zu bytes came in plaintext where TLS "
                        "was to begin",
                        s->peer, early);
    HOB_TRY(hob_flush(s)); /* what a cork has gathered is not for TLS */
    struct hob__tls *t = hob__alloc_zero(sizeof *t);
    if (!t) return -ENOMEM;
    hob__tls_ref(tls);
    t->tls = tls;
    t->server = server;
    occupy(s, func);
    int rc = set_up(t, o, name, s->peer);
    release(s);
    if (rc >= 0) rc = attach(t, s);
    if (rc < 0) {
        hob__tls_free(t);
        return rc;
    }
    occupy(s, func);
    rc = shake_hands(t, o->handshake_timeout, func);
    release(s);
    return rc;
}

/* ---- the public functions ---- */

int hob__tls_accept(struct hob_stream *s, struct hob_tls *tls, struct hob_tls_connection options) {
    return begin(s, tls, &options, NULL, true, "hob_tls_accept");
}

int hob__tls_start(struct hob_stream *s, struct hob_tls *tls, struct hob_tls_connection options) {
    if (!tls->options.insecure && (!options.server_name || !*options.server_name))
        return hob_fail(-EINVAL, "TLS with %s: no .server_name to verify", s->peer);
    return begin(s, tls, &options, options.server_name, false, "hob_tls_start");
}

int hob__tls_connect(const char *address, struct hob_tls *tls, struct hob_stream **out,
                     struct hob_tls_connection options) {
    struct hob__endpoint e;
    HOB_TRY(hob__endpoint_parse(address, &e));
    const char *name = options.server_name ? options.server_name : e.is_unix ? NULL : e.host;
    if (!tls->options.insecure && (!name || !*name))
        return hob_fail(-EINVAL, "TLS with %s: no .server_name to verify", address);
    struct hob_stream *s;
    HOB_TRY(hob_connect(address, &s));
    int rc = begin(s, tls, &options, name, false, "hob_tls_connect");
    if (rc < 0) {
        hob_close(s);
        return rc;
    }
    *out = s;
    return 0;
}
