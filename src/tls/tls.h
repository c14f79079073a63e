/* tls/tls.h - the inside of TLS: contexts, and connections as a transport on top of another.
 *
 * A context (hob_tls) is what the user made: options, files, the sessions that a client keeps. What
 * OpenSSL makes of its files is a *set* of SSL_CTXs, one for each certificate, all alike but for
 * that. A reload makes a new set and changes a pointer; connections hold the set they began with.
 *
 * A connection (hob__tls) is the state of the transport that speaks TLS. OpenSSL never waits and
 * never switches tasks: its BIO (bio.c) tries the inner transport's recv and send, and when these
 * would have to wait, the OpenSSL call comes back and the front waits outside of it. So a reader
 * and a writer may use one SSL at the same time: each call is over before the other task runs. With
 * kTLS OpenSSL's own socket BIO takes that place, since the kernel's keys are set through it. */
#ifndef HOB_TLS_TLS_H
#define HOB_TLS_TLS_H

#include <hob/tls.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/list.h"
#include "io/stream.h"

enum {
    HOB__TLS_CERTIFICATES_MAX = 1000,
    HOB__TLS_PER_SERVER = 4,   /* sessions that a client keeps for one server */
    HOB__TLS_RECORD = 16384,   /* the most plaintext in a record */
    HOB__TLS_ALPN_MAX = 255,   /* bytes of a list on the wire */
    HOB__TLS_CLOSE_SECONDS = 1 /* for close_notify */
};

/* Protocols as they stand in the handshake: each with its length before it. */
struct hob__tls_alpn {
    unsigned char bytes[HOB__TLS_ALPN_MAX];
    unsigned size;
};

/* What a certificate comes from. */
struct hob__tls_source {
    char *certificate, *key, *password; /* names of files, or PEM; key may be NULL */
};

struct hob__tls_identity {
    SSL_CTX *ctx;
    char **names; /* lower case, as they stand in the certificate; ends with NULL */
};

/* The system's CAs: read once for all contexts, at the first need (trust.c). */
struct hob__tls_trust;

struct hob__tls_set {
    _Atomic unsigned refs;
    struct hob__tls_trust *trust; /* NULL: the context has its own, or none */
    struct hob_tls *tls;          /* whose it is; outlives it */
    SSL_CTX *main;                /* the first identity's, or one without */
    size_t count;
    struct hob__tls_identity identities[];
};

/* A session that a client may resume. */
struct hob__tls_session {
    struct hob_list node; /* the latest first */
    SSL_SESSION *session;
    int64_t got; /* when, by the backend's calendar */
    char key[];  /* hob__tls.session_key */
};

struct hob_tls {
    _Atomic unsigned refs;
    pthread_mutex_t lock;           /* for everything below that changes */
    struct hob_tls_options options; /* its strings are the context's own */
    struct hob__tls_alpn alpn;
    int keylog; /* descriptor, or -1 */
    size_t source_count;
    struct hob__tls_source *sources;
    struct hob__tls_set *set;
    struct hob_list sessions;
    size_t session_count;
};

struct hob__tls {
    SSL *ssl;
    struct hob_tls *tls;
    struct hob__tls_set *set;
    struct hob_stream *inner; /* what carries the records */
    struct hob_stream *outer; /* the users' */
    bool server, done;        /* done: the handshake succeeded */
    bool blocked;        /* the BIO would have had to wait, in the OpenSSL call that is just over */
    bool read_inside;    /* the BIO was read in it */
    bool again[2];       /* reading, writing need not wait before the next try: records were dealt
                            with that carry no data, or another call has read some */
    bool ended;          /* the inner transport is at its end */
    bool guarded;        /* the socket BIO is in use: it may raise SIGPIPE */
    bool notify_pending; /* close_notify has gone out in part */
    uint8_t wants[2];    /* what reading [0], writing [1] waits for: HOB__READ or HOB__WRITE */
    int inner_error;     /* of the inner transport, in the last call */
    int read_error, write_error; /* every later call's: 0, or why that direction is over */
    size_t pending;              /* plaintext in a record that has gone out in part */
    uint32_t pending_by;         /* the writing call that it belongs to */
    unsigned char first[16];     /* the peer's first bytes, for the report */
    unsigned first_count;
    char *why;         /* what verification found, or NULL */
    int why_code;      /* the error to return for it */
    char *server_name; /* client: to be verified and sent; may be NULL */
    char *session_key; /* client: whose sessions may be resumed; NULL = nobody's */
    struct hob__tls_alpn alpn;
    char *text; /* hob_tls_info()'s strings: made at the first call */
    const char *subject, *issuer, *fingerprint, *public_key;
};

/* context.c */
void hob__tls_ref(struct hob_tls *tls);
/* The set that new connections use; one reference is the caller's. */
struct hob__tls_set *hob__tls_set_get(struct hob_tls *tls);
void hob__tls_set_unref(struct hob__tls_set *set);

/* certificate.c */
/* Certificate chain and key into ctx. 0 or an error with its record. */
int hob__tls_identity_load(SSL_CTX *ctx, const struct hob__tls_source *source);
/* Those whom ctx trusts from a file or PEM; for_clients: they are also named to clients. */
int hob__tls_ca_load(SSL_CTX *ctx, const char *ca, bool for_clients);
/* The DNS names of ctx's certificate. NULL without memory. */
char **hob__tls_identity_names(SSL_CTX *ctx);
void hob__tls_names_free(char **names);

/* trust.c */
/* For a new set; one reference is the caller's. NULL without memory. */
struct hob__tls_trust *hob__tls_trust_get(void);
void hob__tls_trust_unref(struct hob__tls_trust *trust);
X509_STORE *hob__tls_trust_store(const struct hob__tls_trust *trust);
/* Reads the CAs if that has not been done: tens of milliseconds, in a worker thread; waits. */
int hob__tls_trust_load(struct hob__tls_trust *trust);
/* Sets that are made from now on will read them anew. */
void hob__tls_trust_renew(void);

/* names.c */
/* The identity for a name that a client asks for; NULL: none has it. */
struct hob__tls_identity *hob__tls_choose(struct hob__tls_set *set, const char *name);
/* "h2,http/1.1" into its wire form; NULL or "" = none. 0 or -EINVAL with a record. */
int hob__tls_alpn_parse(const char *text, struct hob__tls_alpn *out);
/* OpenSSL's callbacks. */
int hob__tls_alpn_choose(SSL *ssl, const unsigned char **out, unsigned char *out_size,
                         const unsigned char *in, unsigned in_size, void *arg);
int hob__tls_sni_choose(SSL *ssl, int *alert, void *arg);

/* verify.c */
int hob__tls_verify(int ok, X509_STORE_CTX *store);
/* Name or address to verify. 0 or an error. */
int hob__tls_expect_name(struct hob__tls *t, const char *name);
bool hob__tls_is_address(const char *name);

/* session.c */
int hob__tls_session_new(SSL *ssl, SSL_SESSION *session);
/* The session to resume, which becomes the caller's, or NULL. */
SSL_SESSION *hob__tls_session_find(struct hob_tls *tls, const char *key);
void hob__tls_sessions_clear(struct hob_tls *tls);

/* bio.c */
BIO *hob__tls_bio_new(struct hob__tls *t);
/* Does this kernel know kTLS? */
bool hob__tls_kernel_can(struct hob__backend *b);

/* error.c */
/* OpenSSL's queue as one line: "reason: details". */
const char *hob__tls_queue_text(char *buf, size_t n);
/* Makes a record of what OpenSSL reports about a connection and returns the code. doing: "TLS
 * handshake", "reading", "writing". */
int hob__tls_fail(struct hob__tls *t, const char *doing);

/* connection.c: the transport */
extern const struct hob__transport hob__tls_transport;
/* After an OpenSSL call on t that returned result <= 0 in that direction: -EAGAIN, 0 (the peer said
 * that it is the end), or an error with its record. */
int hob__tls_outcome(struct hob__tls *t, int result, unsigned direction, const char *doing);
/* Before and after each OpenSSL call. */
void hob__tls_enter(struct hob__tls *t, sigset_t *before);
void hob__tls_leave(struct hob__tls *t, const sigset_t *before);
void hob__tls_free(struct hob__tls *t);

/* The connection of a stream that speaks TLS, or NULL. */
static inline struct hob__tls *hob__tls_of(const struct hob_stream *s) {
    return s->transport == &hob__tls_transport ? s->state : NULL;
}
#endif
