/* tls/verify.c - verifying the peer's certificate is OpenSSL's; saying what did not match is done
 * here. */
#include <arpa/inet.h>
#include <ctype.h>
#include <hob/error.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "tls/tls.h"

enum { WHY_MAX = 1024, NAMES_SHOWN = 6 };

bool hob__tls_is_address(const char *name) {
    unsigned char out[16];
    return inet_pton(AF_INET, name, out) == 1 || inet_pton(AF_INET6, name, out) == 1;
}

int hob__tls_expect_name(struct hob__tls *t, const char *name) {
    X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);
    int ok;
    if (hob__tls_is_address(name)) {
        ok = X509_VERIFY_PARAM_set1_ip_asc(param, name);
    } else {
        X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        ok = X509_VERIFY_PARAM_set1_host(param, name, 0);
    }
    if (ok == 1) return 0;
    ERR_clear_error();
    return -ENOMEM;
}

/* ---- a text in parts ---- */

struct text {
    char *at;
    size_t left;
};

static void add(struct text *t, const char *part) {
    int n = snprintf(t->at, t->left, "%s", part);
    size_t used = n > 0 ? (size_t)n : 0;
    if (used >= t->left) used = t->left ? t->left - 1 : 0;
    t->at += used;
    t->left -= used;
}

/* What comes from a certificate may hold anything. */
static void add_bytes(struct text *t, const unsigned char *bytes, int n) {
    char one[2] = {0, 0};
    for (int i = 0; i < n && t->left > 1; i++) {
        one[0] = isprint(bytes[i]) && bytes[i] != '"' ? (char)bytes[i] : '?';
        add(t, one);
    }
}

static void add_subject(struct text *t, X509_NAME *name) {
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    add(t, "\"");
    if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0) {
        long n = BIO_get_mem_data(bio, &data);
        add_bytes(t, (const unsigned char *)data, n < 200 ? (int)n : 200);
    }
    add(t, "\"");
    BIO_free(bio);
}

static void add_time(struct text *t, const ASN1_TIME *time) {
    struct tm tm;
    char buf[64] = "an unreadable time";
    if (ASN1_TIME_to_tm(time, &tm) == 1) strftime(buf, sizeof buf, "%Y-%m-%d %H:%M:%S UTC", &tm);
    add(t, buf);
}

/* ---- the names ---- */

static bool add_name(struct text *t, const GENERAL_NAME *name, int shown) {
    char address[INET6_ADDRSTRLEN];
    const unsigned char *data;
    if (name->type != GEN_DNS && name->type != GEN_IPADD) return false;
    if (shown >= NAMES_SHOWN) return true;
    if (shown > 0) add(t, ", ");
    add(t, "\"");
    data = ASN1_STRING_get0_data(name->d.ia5);
    int n = ASN1_STRING_length(name->d.ia5);
    if (name->type == GEN_DNS)
        add_bytes(t, data, n < 100 ? n : 100);
    else if ((n == 4 || n == 16) &&
             inet_ntop(n == 4 ? AF_INET : AF_INET6, data, address, sizeof address))
        add(t, address);
    add(t, "\"");
    return true;
}

static void add_names(struct text *t, X509 *leaf) {
    GENERAL_NAMES *all = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    int shown = 0;
    for (int i = 0; all && i < sk_GENERAL_NAME_num(all); i++)
        shown += add_name(t, sk_GENERAL_NAME_value(all, i), shown);
    GENERAL_NAMES_free(all);
    char more[40];
    if (shown > NAMES_SHOWN) {
        snprintf(more, sizeof more, " and %d more", shown - NAMES_SHOWN);
        add(t, more);
    }
    if (shown == 0) add_subject(t, X509_get_subject_name(leaf));
}

/* ---- what did not match ---- */

static void whose(struct text *t, X509 *x) {
    add(t, "the certificate of ");
    add_subject(t, X509_get_subject_name(x));
}

static int explain(struct text *t, const struct hob__tls *c, X509 *x, int error) {
    switch (error) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        add(t, "the certificate is for ");
        add_names(t, x);
        add(t, ", not for \"");
        add(t, c->server_name ? c->server_name : "");
        add(t, "\"");
        return HOB_E_TLS_NAME;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        whose(t, x);
        add(t, " expired on ");
        add_time(t, X509_get0_notAfter(x));
        return HOB_E_TLS_EXPIRED;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        whose(t, x);
        add(t, " is not valid before ");
        add_time(t, X509_get0_notBefore(x));
        return HOB_E_TLS_EXPIRED;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        whose(t, x);
        add(t, " is self-signed, and not among those that are trusted");
        return HOB_E_TLS_ISSUER;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_UNTRUSTED:
        whose(t, x);
        add(t, " was issued by ");
        add_subject(t, X509_get_issuer_name(x));
        add(t, ", which is not known");
        return HOB_E_TLS_ISSUER;
    default:
        whose(t, x);
        add(t, ": ");
        add(t, X509_verify_cert_error_string(error));
        return HOB_E_TLS_VERIFY;
    }
}

int hob__tls_verify(int ok, X509_STORE_CTX *store) {
    if (ok) return 1;
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct hob__tls *t = SSL_get_app_data(ssl);
    X509 *x = X509_STORE_CTX_get_current_cert(store);
    if (t->why_code || !x) return 0;
    char buf[WHY_MAX];
    struct text text = {buf, sizeof buf};
    t->why_code = explain(&text, t, x, X509_STORE_CTX_get_error(store));
    t->why = hob__strdup(buf);
    return 0;
}
