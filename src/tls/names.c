/* tls/names.c - what is agreed on by name: the certificate for the name that a client asks for
 * (SNI, RFC 6066), the protocol above (ALPN, RFC 7301). */
#include <ctype.h>
#include <hob/error.h>
#include <string.h>

#include "tls/tls.h"

/* ---- SNI ---- */

static bool has_name(const struct hob__tls_identity *id, const char *name) {
    for (char **own = id->names; *own; own++)
        if (strcmp(*own, name) == 0) return true;
    return false;
}

/* "*.example.org" has "www.example.org", and neither "example.org" nor "a.b.example.org". */
static bool has_wildcard(const struct hob__tls_identity *id, const char *name) {
    const char *dot = strchr(name, '.');
    if (!dot || dot == name) return false;
    for (char **own = id->names; *own; own++)
        if ((*own)[0] == '*' && (*own)[1] == '.' && strcmp(*own + 1, dot) == 0) return true;
    return false;
}

struct hob__tls_identity *hob__tls_choose(struct hob__tls_set *set, const char *name) {
    char lower[256];
    size_t n = strlen(name);
    if (n > 0 && name[n - 1] == '.') n--;
    if (n == 0 || n >= sizeof lower) return NULL;
    for (size_t i = 0; i < n; i++) lower[i] = (char)tolower((unsigned char)name[i]);
    lower[n] = 0;
    for (size_t i = 0; i < set->count; i++)
        if (has_name(&set->identities[i], lower)) return &set->identities[i];
    for (size_t i = 0; i < set->count; i++)
        if (has_wildcard(&set->identities[i], lower)) return &set->identities[i];
    return NULL;
}

int hob__tls_sni_choose(SSL *ssl, int *alert, void *arg) {
    struct hob__tls_set *set = arg;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    (void)alert;
    if (!SSL_is_server(ssl) || !name) return SSL_TLSEXT_ERR_NOACK;
    struct hob__tls_identity *id = hob__tls_choose(set, name);
    if (id && id->ctx != SSL_get_SSL_CTX(ssl)) SSL_set_SSL_CTX(ssl, id->ctx);
    return SSL_TLSEXT_ERR_OK;
}

/* ---- ALPN ---- */

int hob__tls_alpn_parse(const char *text, struct hob__tls_alpn *out) {
    out->size = 0;
    if (!text || !*text) return 0;
    for (const char *at = text;;) {
        size_t n = strcspn(at, ",");
        if (n == 0) return hob_fail(-EINVAL, "TLS: an empty protocol in .alpn = \"%s\"", text);
        if (out->size + 1 + n > sizeof out->bytes)
            return hob_fail(-EINVAL, "TLS: .alpn = \"%.40s...\" is longer than %d bytes", text,
                            HOB__TLS_ALPN_MAX - 1);
        out->bytes[out->size++] = (unsigned char)n;
        memcpy(out->bytes + out->size, at, n);
        out->size += (unsigned)n;
        if (!at[n]) return 0;
        at += n + 1;
    }
}

int hob__tls_alpn_choose(SSL *ssl, const unsigned char **out, unsigned char *out_size,
                         const unsigned char *in, unsigned in_size, void *arg) {
    const struct hob__tls *t = SSL_get_app_data(ssl);
    (void)arg;
    if (t->alpn.size == 0) return SSL_TLSEXT_ERR_NOACK;
    const unsigned char *own = t->alpn.bytes, *end = own + t->alpn.size;
    for (; own < end; own += 1 + *own)
        for (unsigned at = 0; at < in_size; at += 1u + in[at])
            if (at + 1u + in[at] <= in_size && in[at] == *own &&
                memcmp(in + at + 1, own + 1, *own) == 0) {
                *out = own + 1;
                *out_size = *own;
                return SSL_TLSEXT_ERR_OK;
            }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}
