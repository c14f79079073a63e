/* tls/error.c - what OpenSSL reports, as one code and one line. */
#include <ctype.h>
#include <hob/error.h>
#include <openssl/err.h>
#include <string.h>

#include "tls/tls.h"

enum { ALERT_NO_PROTOCOL = 120, ALERT_CERTIFICATE_REQUIRED = 116 };

const char *hob__tls_queue_text(char *buf, size_t n) {
    const char *data = NULL;
    int flags = 0;
    unsigned long e = ERR_peek_last_error_all(NULL, NULL, NULL, &data, &flags);
    const char *reason =
        ERR_SYSTEM_ERROR(e) ? hob_strerror(-ERR_GET_REASON(e)) : ERR_reason_error_string(e);
    if (e == 0) reason = "no reason was given";
    if (reason)
        snprintf(buf, n, "%s", reason);
    else
        snprintf(buf, n, "OpenSSL's error %lx", e);
    if (data && *data && (flags & ERR_TXT_STRING)) {
        size_t at = strlen(buf);
        snprintf(buf + at, n - at, " (%s)", data);
    }
    ERR_clear_error();
    return buf;
}

/* The peer sent something, and it does not begin as a record does (RFC 8446, 5.1). */
static bool spoke_plainly(const struct hob__tls *t) {
    const unsigned char *b = t->first;
    if (t->first_count == 0) return false;
    bool record = b[0] >= SSL3_RT_CHANGE_CIPHER_SPEC && b[0] <= SSL3_RT_APPLICATION_DATA;
    return !record || (t->first_count > 1 && b[1] != SSL3_VERSION_MAJOR);
}

static int fail_plainly(const struct hob__tls *t, const char *doing) {
    char seen[4 * sizeof t->first + 1];
    size_t n = 0;
    for (unsigned i = 0; i < t->first_count; i++)
        n += (size_t)snprintf(seen + n, sizeof seen - n, isprint(t->first[i]) ? "%c" : "\\x%02x",
                              t->first[i]);
    return hob_fail(HOB_E_TLS_PLAINTEXT, "%s with %s: it does not speak TLS; it sent \"%s\"", doing,
                    t->outer->peer, seen);
}

static int fail_by_alert(const struct hob__tls *t, const char *doing, int alert) {
    int code = HOB_E_TLS_ALERT;
    if (alert == ALERT_CERTIFICATE_REQUIRED)
        code = HOB_E_TLS_NO_CERTIFICATE; /* in TLS 1.3 it comes after the client's handshake */
    else if (alert == ALERT_NO_PROTOCOL && !t->done)
        code = HOB_E_TLS_ALPN;
    else if (alert == TLS1_AD_PROTOCOL_VERSION && !t->done)
        code = HOB_E_TLS_VERSION;
    return hob_fail(code, "%s with %s: the peer refused: alert %d, %s", doing, t->outer->peer,
                    alert, SSL_alert_desc_string_long(alert));
}

static int code_of(int reason) {
    switch (reason) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_VERSION_TOO_HIGH:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
    case SSL_R_WRONG_SSL_VERSION:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
        return HOB_E_TLS_VERSION;
    case SSL_R_NO_APPLICATION_PROTOCOL:
        return HOB_E_TLS_ALPN;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        return HOB_E_TLS_NO_CERTIFICATE;
    default:
        return HOB_E_TLS;
    }
}

int hob__tls_fail(struct hob__tls *t, const char *doing) {
    unsigned long e = ERR_peek_error();
    int reason = ERR_GET_LIB(e) == ERR_LIB_SSL ? ERR_GET_REASON(e) : 0;
    char text[256];
    if (ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE) {
        ERR_clear_error();
        return -ENOMEM;
    }
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED && t->why_code) {
        ERR_clear_error();
        return hob_fail(t->why_code, "%s with %s: %s", doing, t->outer->peer,
                        t->why ? t->why : "the certificate will not do");
    }
    if (reason >= SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256) {
        ERR_clear_error();
        return fail_by_alert(t, doing, reason - SSL_AD_REASON_OFFSET);
    }
    hob__tls_queue_text(text, sizeof text);
    if (!t->done && spoke_plainly(t)) return fail_plainly(t, doing);
    return hob_fail(code_of(reason), "%s with %s: %s", doing, t->outer->peer, text);
}
