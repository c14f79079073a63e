/* tls/context.c - contexts: what the user asked for, and the SSL_CTXs that come of it. */
#include <fcntl.h>
#include <hob/error.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "tls/tls.h"

/* ---- the options' copies ---- */

static void source_free(struct hob__tls_source *source) {
    if (source->key) OPENSSL_cleanse(source->key, strlen(source->key));
    if (source->password) OPENSSL_cleanse(source->password, strlen(source->password));
    hob__free(source->certificate);
    hob__free(source->key);
    hob__free(source->password);
}

/* False without memory; nothing is to be freed then. */
static bool source_copy(struct hob__tls_source *out, const char *certificate, const char *key,
                        const char *password) {
    *out = (struct hob__tls_source){hob__strdup(certificate), key ? hob__strdup(key) : NULL,
                                    password ? hob__strdup(password) : NULL};
    if (out->certificate && (out->key || !key) && (out->password || !password)) return true;
    source_free(out);
    return false;
}

static bool copy_text(const char **text) {
    if (!*text) return true;
    *text = hob__strdup(*text);
    return *text != NULL;
}

static int check_options(const struct hob_tls_options *o) {
    if (o->key && !o->certificate)
        return hob_fail(-EINVAL, "TLS: a key (.key) without its certificate (.certificate)");
    if (o->client_certificate && !o->ca)
        return hob_fail(-EINVAL, "TLS: clients' certificates (.client_certificate) need those who "
                                 "issue them (.ca)");
    if ((unsigned)o->client_certificate > HOB_TLS_REQUIRE)
        return hob_fail(-EINVAL, "TLS: .client_certificate is %d", (int)o->client_certificate);
    if ((unsigned)o->min_version > HOB_TLS_1_3)
        return hob_fail(-EINVAL, "TLS: .min_version is %d", (int)o->min_version);
    return 0;
}

/* ---- sets ---- */

void hob__tls_set_unref(struct hob__tls_set *set) {
    if (!set || atomic_fetch_sub(&set->refs, 1) != 1) return;
    for (size_t i = 0; i < set->count; i++) {
        SSL_CTX_free(set->identities[i].ctx);
        hob__tls_names_free(set->identities[i].names);
    }
    if (set->count == 0) SSL_CTX_free(set->main);
    hob__tls_trust_unref(set->trust);
    hob__free(set);
}

/* By the system itself: for a person who debugs, whatever world the program runs in. */
static void log_key(const SSL *ssl, const char *line) {
    const struct hob__tls_set *set = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    char text[512]; /* the longest line has 32 + 64 + 128 characters */
    int n = snprintf(text, sizeof text, "%s\n", line);
    if (n > 0 && (size_t)n < sizeof text && write(set->tls->keylog, text, (size_t)n) != n) return;
}

static int out_of_memory(void) {
    ERR_clear_error();
    return -ENOMEM;
}

/* An SSL_CTX as the options want it, without a certificate. */
static int make_ctx(struct hob_tls *tls, struct hob__tls_set *set, SSL_CTX **out) {
    const struct hob_tls_options *o = &tls->options;
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());
    if (!ctx) return out_of_memory();
    *out = ctx;
    uint64_t options = SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION;
    if (o->ktls) options |= SSL_OP_ENABLE_KTLS;
    if (o->no_resumption) options |= SSL_OP_NO_TICKET;
    SSL_CTX_set_options(ctx, options);
    SSL_CTX_set_min_proto_version(ctx,
                                  o->min_version == HOB_TLS_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    /* A record without data gives the call back, so that no peer can keep it inside. */
    SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_verify_depth(ctx, 10);
    SSL_CTX_set_app_data(ctx, set);
    if (tls->keylog >= 0) SSL_CTX_set_keylog_callback(ctx, log_key);
    SSL_CTX_set_tlsext_servername_callback(ctx, hob__tls_sni_choose);
    SSL_CTX_set_tlsext_servername_arg(ctx, set);
    SSL_CTX_set_alpn_select_cb(ctx, hob__tls_alpn_choose, NULL);
    /* Servers keep no sessions: the tickets hold them. Clients' go into the context's own cache. */
    SSL_CTX_set_session_cache_mode(ctx, o->no_resumption
                                            ? SSL_SESS_CACHE_OFF
                                            : SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    if (!o->no_resumption) SSL_CTX_sess_set_new_cb(ctx, hob__tls_session_new);
    if (o->no_resumption) SSL_CTX_set_num_tickets(ctx, 0);
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"hob", 3);
    if (o->ciphers && SSL_CTX_set_cipher_list(ctx, o->ciphers) != 1) {
        ERR_clear_error();
        return hob_fail(-EINVAL, "TLS: no cipher in \"%s\"", o->ciphers);
    }
    if (set->trust) SSL_CTX_set1_cert_store(ctx, hob__tls_trust_store(set->trust));
    return o->ca ? hob__tls_ca_load(ctx, o->ca, o->client_certificate != 0) : 0;
}

static int fill_set(struct hob_tls *tls, struct hob__tls_set *set, size_t count) {
    if (count == 0) return make_ctx(tls, set, &set->main);
    for (size_t i = 0; i < count; i++) {
        struct hob__tls_identity *id = &set->identities[i];
        set->count = i + 1;
        int rc = make_ctx(tls, set, &id->ctx);
        if (rc >= 0) rc = hob__tls_identity_load(id->ctx, &tls->sources[i]);
        if (rc < 0) return rc;
        if (!(id->names = hob__tls_identity_names(id->ctx))) return -ENOMEM;
    }
    set->main = set->identities[0].ctx;
    return 0;
}

/* The set's ctx encrypts tickets as the former one did. */
static void keep_ticket_keys(SSL_CTX *from, SSL_CTX *to) {
    unsigned char keys[256];
    long n = SSL_CTX_get_tlsext_ticket_keys(from, NULL, 0);
    if (n <= 0 || (size_t)n > sizeof keys) return;
    if (SSL_CTX_get_tlsext_ticket_keys(from, keys, n) == 1)
        SSL_CTX_set_tlsext_ticket_keys(to, keys, n);
    OPENSSL_cleanse(keys, sizeof keys);
}

/* Makes a set of the first `count` sources the one that new connections use. The lock is held, or
 * nobody else knows the context. */
static int renew(struct hob_tls *tls, size_t count) {
    struct hob__tls_set *set =
        hob__alloc_zero(sizeof *set + count * sizeof(struct hob__tls_identity));
    if (!set) return -ENOMEM;
    atomic_init(&set->refs, 1);
    set->tls = tls;
    bool trusts = !tls->options.ca && !tls->options.insecure;
    int rc = trusts && !(set->trust = hob__tls_trust_get()) ? -ENOMEM : fill_set(tls, set, count);
    if (rc < 0) {
        hob__tls_set_unref(set);
        return rc;
    }
    /* A ticket stands for a client's certificate, too: that has to be looked at anew. */
    if (tls->set && !tls->options.client_certificate) keep_ticket_keys(tls->set->main, set->main);
    hob__tls_set_unref(tls->set);
    tls->set = set;
    return 0;
}

struct hob__tls_set *hob__tls_set_get(struct hob_tls *tls) {
    pthread_mutex_lock(&tls->lock);
    struct hob__tls_set *set = tls->set;
    atomic_fetch_add(&set->refs, 1);
    pthread_mutex_unlock(&tls->lock);
    return set;
}

/* ---- the public functions ---- */

static bool copy_options(struct hob_tls *tls, struct hob_tls_options o) {
    tls->options = o;
    struct hob_tls_options *mine = &tls->options;
    mine->certificate = mine->key = mine->key_password = mine->alpn = NULL; /* kept elsewhere */
    bool ok = copy_text(&mine->ca);
    ok &= copy_text(&mine->ciphers);
    if (mine->max_sessions == 0) mine->max_sessions = 256;
    return ok;
}

static int open_keylog(struct hob_tls *tls) {
    const char *name = tls->options.keylog ? getenv("SSLKEYLOGFILE") : NULL;
    if (!name || !*name) return 0;
    tls->keylog = open(name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
    if (tls->keylog >= 0) return 0;
    int rc = -errno;
    return hob_fail(rc, "TLS: SSLKEYLOGFILE \"%s\": %s", name, hob_strerror(rc));
}

int hob__tls_new(struct hob_tls **out, struct hob_tls_options options) {
    int rc = check_options(&options);
    if (rc < 0) return rc;
    struct hob_tls *tls = hob__alloc_zero(sizeof *tls);
    if (!tls) return -ENOMEM;
    atomic_init(&tls->refs, 1);
    pthread_mutex_init(&tls->lock, NULL);
    hob__list_init(&tls->sessions);
    tls->keylog = -1;
    rc = copy_options(tls, options) ? hob__tls_alpn_parse(options.alpn, &tls->alpn) : -ENOMEM;
    if (rc >= 0) rc = open_keylog(tls);
    if (rc >= 0)
        rc = options.certificate ? hob_tls_add_certificate(tls, options.certificate, options.key,
                                                           options.key_password)
                                 : renew(tls, 0);
    if (rc < 0) {
        hob_tls_free(tls);
        return rc;
    }
    *out = tls;
    return 0;
}

void hob__tls_ref(struct hob_tls *tls) { atomic_fetch_add(&tls->refs, 1); }

void hob_tls_free(struct hob_tls *tls) {
    if (!tls || atomic_fetch_sub(&tls->refs, 1) != 1) return;
    hob__tls_sessions_clear(tls);
    hob__tls_set_unref(tls->set);
    for (size_t i = 0; i < tls->source_count; i++) source_free(&tls->sources[i]);
    hob__free(tls->sources);
    hob__free((char *)tls->options.ca);
    hob__free((char *)tls->options.ciphers);
    if (tls->keylog >= 0) close(tls->keylog);
    pthread_mutex_destroy(&tls->lock);
    hob__free(tls);
}

static int add_source(struct hob_tls *tls, const struct hob__tls_source *source) {
    size_t n = tls->source_count;
    if (n == HOB__TLS_CERTIFICATES_MAX)
        return hob_fail(HOB_E_LIMIT, "TLS: a context has at most %zu certificates", n);
    struct hob__tls_source *more = hob__realloc(tls->sources, (n + 1) * sizeof *more);
    if (!more) return -ENOMEM;
    tls->sources = more;
    more[n] = *source;
    int rc = renew(tls, n + 1);
    if (rc >= 0) tls->source_count = n + 1;
    return rc;
}

int hob_tls_add_certificate(struct hob_tls *tls, const char *certificate, const char *key,
                            const char *key_password) {
    struct hob__tls_source source;
    if (!certificate) return hob_fail(-EINVAL, "TLS: no certificate was given");
    if (!source_copy(&source, certificate, key, key_password)) return -ENOMEM;
    pthread_mutex_lock(&tls->lock);
    int rc = add_source(tls, &source);
    pthread_mutex_unlock(&tls->lock);
    if (rc < 0) source_free(&source);
    return rc;
}

int hob_tls_reload(struct hob_tls *tls) {
    hob__tls_trust_renew();
    pthread_mutex_lock(&tls->lock);
    int rc = renew(tls, tls->source_count);
    pthread_mutex_unlock(&tls->lock);
    if (rc >= 0) hob__tls_sessions_clear(tls); /* whom to trust may have changed */
    return rc;
}
