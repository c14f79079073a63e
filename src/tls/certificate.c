/* tls/certificate.c - certificates, keys and CAs from PEM, in a file or in memory. */
#include <ctype.h>
#include <fcntl.h>
#include <hob/error.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "tls/tls.h"

enum { PEM_MAX = 16 << 20 };

/* A PEM text: what is it called in messages? */
static bool is_text(const char *source) { return strstr(source, "-----BEGIN ") != NULL; }
static const char *title(const char *source) { return is_text(source) ? "(PEM)" : source; }

/* By the system itself, as OpenSSL reads the folders of trust: certificates are a part of the
 * program's setting, and made in a plain thread too, where there is no backend. */
static int read_all(int fd, char **out, size_t *out_size) {
    size_t cap = 8192, n = 0;
    char *data = hob__alloc(cap);
    while (data) {
        ssize_t got = read(fd, data + n, cap - n);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 || n + (size_t)got > PEM_MAX) {
            int rc = got < 0 ? -errno : -EFBIG;
            OPENSSL_cleanse(data, n);
            hob__free(data);
            return rc;
        }
        n += (size_t)got;
        if (got == 0) {
            *out = data;
            *out_size = n;
            return 0;
        }
        if (n < cap) continue;
        char *more = hob__alloc(2 * cap); /* realloc would leave a copy of a key behind */
        if (more) memcpy(more, data, n);
        OPENSSL_cleanse(data, n);
        hob__free(data);
        data = more;
        cap *= 2;
    }
    return -ENOMEM;
}

struct pem {
    char *data; /* of a file */
    size_t size;
    BIO *bio;
};

static void pem_close(struct pem *p) {
    BIO_free(p->bio);
    if (p->data) OPENSSL_cleanse(p->data, p->size);
    hob__free(p->data);
}

static int pem_open(struct pem *p, const char *source, const char *what) {
    *p = (struct pem){NULL, 0, NULL};
    if (!is_text(source)) {
        int fd;
        do fd = open(source, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        while (fd < 0 && errno == EINTR);
        int rc = fd < 0 ? -errno : read_all(fd, &p->data, &p->size);
        if (fd >= 0) close(fd);
        if (rc < 0) return hob_fail(rc, "TLS: %s \"%s\": %s", what, source, hob_strerror(rc));
    }
    p->bio = p->data ? BIO_new_mem_buf(p->data, (int)p->size) : BIO_new_mem_buf(source, -1);
    if (p->bio) return 0;
    pem_close(p);
    ERR_clear_error();
    return -ENOMEM;
}

static int none(const char *what, const char *source) {
    return hob_fail(HOB_E_TLS_CERTIFICATE, "TLS: %s \"%s\": there is none in it", what,
                    title(source));
}

static int bad(const char *what, const char *source) {
    char text[256];
    unsigned long e = ERR_peek_last_error();
    bool empty = ERR_GET_LIB(e) == ERR_LIB_PEM && ERR_GET_REASON(e) == PEM_R_NO_START_LINE;
    hob__tls_queue_text(text, sizeof text);
    return hob_fail(HOB_E_TLS_CERTIFICATE, "TLS: %s \"%s\": %s", what, title(source),
                    empty ? "there is none in it" : text);
}

/* The next certificate, or NULL: *rc is 0 at the end, else an error that has its record. */
static X509 *next_certificate(BIO *bio, const char *what, const char *source, int *rc) {
    X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    unsigned long e = ERR_peek_last_error();
    *rc = 0;
    if (!x && (ERR_GET_LIB(e) != ERR_LIB_PEM || ERR_GET_REASON(e) != PEM_R_NO_START_LINE))
        *rc = bad(what, source);
    if (!x) ERR_clear_error();
    return x;
}

static int read_chain(const char *source, X509 **leaf, STACK_OF(X509) * chain) {
    struct pem p;
    int rc = pem_open(&p, source, "the certificate");
    if (rc < 0) return rc;
    X509 *x;
    while ((x = next_certificate(p.bio, "the certificate", source, &rc))) {
        if (!*leaf) {
            *leaf = x;
        } else if (!sk_X509_push(chain, x)) {
            X509_free(x);
            rc = -ENOMEM;
            break;
        }
    }
    pem_close(&p);
    return rc == 0 && !*leaf ? none("the certificate", source) : rc;
}

static int give_password(char *buf, int size, int writing, void *arg) {
    const char *password = arg;
    (void)writing;
    if (!password || strlen(password) > (size_t)size) return -1;
    memcpy(buf, password, strlen(password));
    return (int)strlen(password);
}

/* OpenSSL says "unsupported" of a file in which there is something else. */
static bool has_key(const struct pem *p, const char *source) {
    static const char label[] = "PRIVATE KEY-----";
    if (!p->data) return strstr(source, label);
    return memmem(p->data, p->size, label, sizeof label - 1);
}

static int read_key(const struct hob__tls_source *source, EVP_PKEY **key) {
    const char *from = source->key ? source->key : source->certificate;
    struct pem p;
    int rc = pem_open(&p, from, "the key");
    if (rc < 0) return rc;
    *key = PEM_read_bio_PrivateKey(p.bio, NULL, give_password, source->password);
    unsigned long e = ERR_peek_last_error();
    if (!*key && !source->password && ERR_GET_LIB(e) == ERR_LIB_PEM &&
        ERR_GET_REASON(e) == PEM_R_BAD_PASSWORD_READ)
        rc = hob_fail(HOB_E_TLS_CERTIFICATE,
                      "TLS: the key \"%s\" is encrypted, and no password was given", title(from));
    else if (!*key)
        rc = has_key(&p, from) ? bad("the key", from) : none("the key", from);
    ERR_clear_error();
    pem_close(&p);
    return rc;
}

static int install(SSL_CTX *ctx, const struct hob__tls_source *source, X509 *leaf, EVP_PKEY *key,
                   STACK_OF(X509) * chain) {
    if (X509_check_private_key(leaf, key) != 1) {
        ERR_clear_error();
        return hob_fail(HOB_E_TLS_KEY, "TLS: the key \"%s\" is not that of the certificate \"%s\"",
                        title(source->key ? source->key : source->certificate),
                        title(source->certificate));
    }
    if (SSL_CTX_use_cert_and_key(ctx, leaf, key, chain, 1) == 1) return 0;
    int rc = bad("the certificate", source->certificate);
    ERR_clear_error();
    return rc;
}

int hob__tls_identity_load(SSL_CTX *ctx, const struct hob__tls_source *source) {
    X509 *leaf = NULL;
    EVP_PKEY *key = NULL;
    STACK_OF(X509) *chain = sk_X509_new_null();
    ERR_clear_error();
    int rc = chain ? read_chain(source->certificate, &leaf, chain) : -ENOMEM;
    if (rc >= 0) rc = read_key(source, &key);
    if (rc >= 0) rc = install(ctx, source, leaf, key, chain);
    EVP_PKEY_free(key);
    X509_free(leaf);
    sk_X509_pop_free(chain, X509_free);
    return rc;
}

int hob__tls_ca_load(SSL_CTX *ctx, const char *ca, bool for_clients) {
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    struct pem p;
    ERR_clear_error();
    int rc = pem_open(&p, ca, "the CA file");
    if (rc < 0) return rc;
    size_t count = 0;
    X509 *x;
    while ((x = next_certificate(p.bio, "the CA file", ca, &rc))) {
        bool ok = X509_STORE_add_cert(store, x) == 1;
        if (ok && for_clients) ok = SSL_CTX_add_client_CA(ctx, x) == 1;
        X509_free(x);
        if (!ok) {
            rc = -ENOMEM;
            break;
        }
        count++;
    }
    pem_close(&p);
    ERR_clear_error();
    if (rc == 0 && count == 0)
        rc = hob_fail(HOB_E_TLS_CERTIFICATE,
                      "TLS: the CA file \"%s\": there is no certificate "
                      "in it",
                      title(ca));
    /* Whoever is named is trusted, be it a root or not. */
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN);
    return rc;
}

/* ---- names ---- */

/* Nothing that a DNS name cannot have. */
static char *copy_name(const ASN1_STRING *text) {
    const unsigned char *data = ASN1_STRING_get0_data(text);
    size_t n = (size_t)ASN1_STRING_length(text);
    char *name = hob__alloc(n + 1);
    if (!name) return NULL;
    for (size_t i = 0; i < n; i++) name[i] = isgraph(data[i]) ? (char)tolower(data[i]) : '?';
    name[n] = 0;
    return name;
}

void hob__tls_names_free(char **names) {
    for (char **name = names; name && *name; name++) hob__free(*name);
    hob__free(names);
}

static char **names_of(const GENERAL_NAMES *all) {
    int count = all ? sk_GENERAL_NAME_num(all) : 0;
    size_t n = 0;
    char **names = hob__alloc_zero(((size_t)count + 2) * sizeof *names);
    for (int i = 0; names && i < count; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(all, i);
        if (name->type != GEN_DNS) continue;
        if ((names[n] = copy_name(name->d.dNSName))) {
            n++;
        } else {
            hob__tls_names_free(names);
            names = NULL;
        }
    }
    return names;
}

char **hob__tls_identity_names(SSL_CTX *ctx) {
    X509 *leaf = SSL_CTX_get0_certificate(ctx);
    GENERAL_NAMES *all = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    char **names = names_of(all);
    GENERAL_NAMES_free(all);
    ERR_clear_error();
    if (!names || names[0]) return names;
    /* An old certificate: its subject's name. */
    X509_NAME *subject = X509_get_subject_name(leaf);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0) return names;
    names[0] = copy_name(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (names[0]) return names;
    hob__tls_names_free(names);
    return NULL;
}
