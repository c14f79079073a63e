/* tls_test.h - what the tests of TLS share: certificates, made here and now, and pairs of streams.
 */
#ifndef HOB_TLS_TEST_H
#define HOB_TLS_TEST_H
#include "test.h"

#include <fcntl.h>
#include <hob/net.h>
#include <hob/tls.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include "base/memory.h"

/* ---- certificates ---- */

struct identity {
    char *cert, *key; /* PEM */
    X509 *x;
    EVP_PKEY *pkey;
};

struct identity_options {
    const char *type;              /* "EC" (default), "RSA", "ED25519" */
    const char *cn;                /* default "test" */
    const char *names;             /* "DNS:example.org,IP:127.0.0.1" */
    const struct identity *issuer; /* default: itself */
    bool ca;
    long from, until; /* seconds from now; default: an hour ago, in a day */
    const char *key_password;
};

static inline char *pem_text(BIO *bio) {
    char *data;
    long n = BIO_get_mem_data(bio, &data);
    char *text = malloc((size_t)n + 1);
    memcpy(text, data, (size_t)n);
    text[n] = 0;
    BIO_free(bio);
    return text;
}

static inline void add_extension(X509 *x, int nid, const char *value) {
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    CHECK(e != NULL);
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
}

static inline struct identity make_identity(struct identity_options o) {
    static long serial = 1;
    const char *type = o.type ? o.type : "EC";
    struct identity id = {.pkey = strcmp(type, "EC") == 0    ? EVP_EC_gen("P-256")
                                  : strcmp(type, "RSA") == 0 ? EVP_RSA_gen(2048)
                                                             : EVP_PKEY_Q_keygen(NULL, NULL, type)};
    CHECK(id.pkey != NULL);
    X509 *x = id.x = X509_new();
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
    X509_gmtime_adj(X509_getm_notBefore(x), o.from ? o.from : -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), o.until ? o.until : 86400);
    X509_NAME *name = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                               (const unsigned char *)(o.cn ? o.cn : "test"), -1, -1, 0);
    X509_set_issuer_name(x, o.issuer ? X509_get_subject_name(o.issuer->x) : name);
    X509_set_pubkey(x, id.pkey);
    add_extension(x, NID_basic_constraints, o.ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (o.names) add_extension(x, NID_subject_alt_name, o.names);
    EVP_PKEY *signer = o.issuer ? o.issuer->pkey : id.pkey;
    CHECK(X509_sign(x, signer, EVP_PKEY_is_a(signer, "ED25519") ? NULL : EVP_sha256()) > 0);
    BIO *cert = BIO_new(BIO_s_mem()), *key = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(cert, x);
    PEM_write_bio_PrivateKey(key, id.pkey, o.key_password ? EVP_aes_128_cbc() : NULL, NULL, 0, NULL,
                             (void *)o.key_password);
    id.cert = pem_text(cert);
    id.key = pem_text(key);
    return id;
}
#define IDENTITY(...) make_identity((struct identity_options){__VA_ARGS__})

static inline void drop_identity(struct identity *id) {
    X509_free(id->x);
    EVP_PKEY_free(id->pkey);
    free(id->cert);
    free(id->key);
}

static inline char *write_file(const char *name, const char *text) {
    static char path[8][256];
    static int at;
    char *p = path[at++ % 8];
    snprintf(p, 256, TEST_PATH, (int)getpid(), name);
    FILE *f = fopen(p, "w");
    CHECK(f != NULL);
    fputs(text, f);
    fclose(f);
    return p;
}

/* ---- streams ---- */

static inline void unix_pair(struct hob_stream **a, struct hob_stream **b) {
    int p[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, p), 0);
    CHECK_EQ(hob_stream_open(p[0], a), 0);
    CHECK_EQ(hob_stream_open(p[1], b), 0);
}

/* One port for all pairs of a test: sessions are kept by port. */
static struct hob_listener *pairs;
static inline void tcp_pair(struct hob_stream **a, struct hob_stream **b) {
    if (!pairs) CHECK_EQ(hob_listen("127.0.0.1:0", &pairs), 0);
    CHECK_EQ(hob_connect(hob_listener_address(pairs), a), 0);
    CHECK_EQ(hob_accept(pairs, b), 0);
}
static inline void no_more_pairs(void) {
    hob_listener_close(pairs);
    pairs = NULL;
}

static inline int accept_task(struct hob_stream *s, struct hob_tls *tls, int *result) {
    *result = hob_tls_accept(s, tls);
    return 0;
}
HOB_TASK(accept_task, struct hob_stream *, struct hob_tls *, int *)

/* Both sides of a handshake; the client's options follow. The results; then the streams are closed
 * if keep is false. */
struct hands {
    struct hob_stream *client, *server;
    int client_rc, server_rc;
    char client_text[1024], server_text[1024];
};

static inline void keep_text(char *out, size_t n) {
    out[0] = 0;
    if (hob_error()) hob_error_format(hob_error(), out, n);
}

static inline int server_task(struct hands *h, struct hob_tls *tls) {
    hob_error_clear();
    h->server_rc = hob_tls_accept(h->server, tls);
    keep_text(h->server_text, sizeof h->server_text);
    if (h->server_rc < 0) { /* let the peer see it */
        hob_close(h->server);
        h->server = NULL;
    }
    return 0;
}
HOB_TASK(server_task, struct hands *, struct hob_tls *)

static inline void shake(struct hands *h, struct hob_tls *client, struct hob_tls *server,
                         struct hob_tls_connection o) {
    *h = (struct hands){0};
    tcp_pair(&h->client, &h->server);
    HOB_SCOPE(s);
    hob_spawn(s, server_task, h, server);
    hob_error_clear();
    h->client_rc = hob__tls_start(h->client, client, o);
    keep_text(h->client_text, sizeof h->client_text);
    if (h->client_rc < 0) {
        hob_close(h->client);
        h->client = NULL;
    }
    CHECK_EQ(hob_join(s), 0);
}

static inline void part(struct hands *h) {
    hob_close(h->client);
    hob_close(h->server);
}
#define SHAKE(h, client, server, ...)                                                              \
    shake((h), (client), (server), (struct hob_tls_connection){__VA_ARGS__})

/* An exchange that shows that both directions work. */
static inline void chat(struct hands *h) {
    char buf[64];
    CHECK_EQ(hob_write(h->client, "ping", 4), 4);
    CHECK_EQ(hob_read_exactly(h->server, buf, 4), 4);
    CHECK(memcmp(buf, "ping", 4) == 0);
    CHECK_EQ(hob_write(h->server, "pong!", 5), 5);
    CHECK_EQ(hob_read_exactly(h->client, buf, 5), 5);
    CHECK(memcmp(buf, "pong!", 5) == 0);
}

/* ---- the frame ---- */

/* tls_kernel_test.c has others. */
#ifndef TLS_BY_KERNEL
#define TLS_BY_KERNEL false
#define TLS_BEFORE()
#endif

static struct identity ca, site, other;
static struct hob_tls *client_tls, *server_tls;

static inline void make_all(void) {
    ca = IDENTITY(.cn = "Test CA", .ca = true);
    site = IDENTITY(.cn = "site", .names = "DNS:example.org,DNS:*.example.org,IP:127.0.0.1",
                    .issuer = &ca);
    other = IDENTITY(.cn = "other", .names = "DNS:other.test", .issuer = &ca);
    CHECK_EQ(hob_tls_new(&client_tls, .ca = ca.cert, .ktls = TLS_BY_KERNEL), 0);
    CHECK_EQ(
        hob_tls_new(&server_tls, .certificate = site.cert, .key = site.key, .ktls = TLS_BY_KERNEL),
        0);
}

static inline void drop_all(void) {
    hob_tls_free(client_tls);
    hob_tls_free(server_tls);
    drop_identity(&ca);
    drop_identity(&site);
    drop_identity(&other);
}

/* TLS_TEST(name) { ...; return 0; }: a task within certificates and contexts; afterwards every
 * descriptor and every block is gone. */
#define TLS_TEST(name)                                                                             \
    static int body_##name(void);                                                                  \
    static int within_##name(void) {                                                               \
        TLS_BEFORE();                                                                              \
        int rc = body_##name();                                                                    \
        no_more_pairs();                                                                           \
        return rc;                                                                                 \
    }                                                                                              \
    HOB_TASK(within_##name)                                                                        \
    TEST(name) {                                                                                   \
        hob__alloc_fail_at(0);                                                                     \
        make_all();                                                                                \
        int fds = count_fds();                                                                     \
        CHECK_EQ(hob_run(within_##name), 0);                                                       \
        hob_error_clear();                                                                         \
        CHECK_EQ(count_fds(), fds);                                                                \
        drop_all();                                                                                \
        CHECK_EQ(hob__alloc_live(), 0);                                                            \
    }                                                                                              \
    static int body_##name(void)
#endif
