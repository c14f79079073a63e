/* tls/info.c - what became of a handshake, for whoever asks. */
#include <hob/error.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "tls/tls.h"

/* In RFC 2253's form, with everything unprintable escaped; what does not fit is left out. */
static size_t put_name(char *buf, size_t n, X509_NAME *name) {
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    long size = 0;
    if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0)
        size = BIO_get_mem_data(bio, &data);
    size_t used = size > 0 ? (size_t)size : 0;
    if (used >= n) used = n - 1;
    if (used > 0) memcpy(buf, data, used);
    buf[used] = 0;
    BIO_free(bio);
    return used + 1;
}

static void put_hex(char *at, const unsigned char digest[32]) {
    for (unsigned i = 0; i < 32; i++) snprintf(at + 2 * i, 3, "%02x", digest[i]);
}

/* SHA-256 of the certificate's public key, as it stands there. */
static bool key_digest(X509 *peer, unsigned char digest[EVP_MAX_MD_SIZE]) {
    unsigned char *der = NULL;
    unsigned size = 0;
    int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(peer), &der);
    bool done = n > 0 && EVP_Digest(der, (size_t)n, digest, &size, EVP_sha256(), NULL) == 1;
    OPENSSL_free(der);
    return done && size == 32;
}

static void describe_peer(struct hob__tls *t) {
    enum { NAME_MAX_BYTES = 512, DIGITS = 2 * 32 + 1 };
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    t->subject = t->issuer = t->fingerprint = t->public_key = "";
    X509 *peer = SSL_get0_peer_certificate(t->ssl);
    if (!peer || !(t->text = hob__alloc(2 * NAME_MAX_BYTES + 2 * DIGITS))) return;
    char *at = t->text;
    t->subject = at;
    at += put_name(at, NAME_MAX_BYTES, X509_get_subject_name(peer));
    t->issuer = at;
    at += put_name(at, NAME_MAX_BYTES, X509_get_issuer_name(peer));
    *at = 0;
    t->fingerprint = at;
    if (X509_digest(peer, EVP_sha256(), digest, &size) == 1 && size == 32) put_hex(at, digest);
    at += DIGITS;
    *at = 0;
    t->public_key = at;
    if (key_digest(peer, digest)) put_hex(at, digest);
    ERR_clear_error();
}

/* The chosen protocol; its bytes are not followed by a NUL inside OpenSSL. */
static void note_protocol(struct hob__tls *t) {
    const unsigned char *chosen = NULL;
    unsigned n = 0;
    SSL_get0_alpn_selected(t->ssl, &chosen, &n);
    if (n >= sizeof t->alpn.bytes) n = 0;
    if (n > 0) memcpy(t->alpn.bytes, chosen, n);
    t->alpn.bytes[n] = 0;
    t->alpn.size = 0;
}

int hob_tls_info(const struct hob_stream *s, struct hob_tls_info *info) {
    struct hob__tls *t = hob__tls_of(s);
    *info = (struct hob_tls_info){.version = "",
                                  .cipher = "",
                                  .alpn = "",
                                  .server_name = "",
                                  .subject = "",
                                  .issuer = "",
                                  .fingerprint = "",
                                  .public_key = ""};
    if (!t || !t->done)
        return hob_fail(-EINVAL, "the stream to %s does not speak TLS", hob_stream_peer(s));
    if (!t->subject) {
        describe_peer(t);
        note_protocol(t);
    }
    const char *name = SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name);
    info->version = SSL_get_version(t->ssl);
    info->cipher = SSL_get_cipher_name(t->ssl);
    info->alpn = (const char *)t->alpn.bytes;
    info->server_name = name ? name : "";
    info->subject = t->subject;
    info->issuer = t->issuer;
    info->fingerprint = t->fingerprint;
    info->public_key = t->public_key;
    info->server = t->server;
    info->verified = SSL_get0_peer_certificate(t->ssl) &&
                     (SSL_get_verify_mode(t->ssl) & SSL_VERIFY_PEER) &&
                     SSL_get_verify_result(t->ssl) == X509_V_OK;
    info->resumed = SSL_session_reused(t->ssl);
    info->ktls_send = BIO_get_ktls_send(SSL_get_wbio(t->ssl));
    info->ktls_receive = BIO_get_ktls_recv(SSL_get_rbio(t->ssl));
    return 0;
}
