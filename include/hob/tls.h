/* hob/tls.h - TLS over streams, by OpenSSL 3 (libhob-tls).
 *
 *   struct hob_tls *tls;                                      once, at the start
 *   HOB_TRY(hob_tls_new(&tls, .alpn = "http/1.1"));           verifies, against the system's CAs
 *   struct hob_stream *s;
 *   HOB_TRY(hob_tls_connect("example.org:443", tls, &s));     then hob_read(), hob_write() ...
 *   ...
 *   hob_close(s);
 *   hob_tls_free(tls);
 *
 *   HOB_TRY(hob_tls_new(&tls, .certificate = "site.pem", .key = "site.key"));
 *   HOB_TRY(hob_accept(listener, &s));
 *   HOB_TRY(hob_tls_accept(s, tls));                          in place: s speaks TLS from here on
 *
 * A stream that speaks TLS is a hob_stream like any other. One task may read while another writes.
 * A cancelled read has lost nothing. A cancelled write leaves the connection usable: what it had
 * encrypted already goes out before the next write or the end. A handshake that fails or is
 * cancelled leaves a stream that is only good for hob_close().
 *
 * The end of a stream is 0 only if the peer said so (close_notify); a connection that just ends has
 * been cut off, and reads return HOB_E_TLS_TRUNCATED. hob_shutdown() sends close_notify, reading
 * goes on. hob_close() sends it too: it waits for room in the kernel's buffer if it must, at most
 * for a second, and not at all in a cancelled scope; hob_tls_finish() waits for the peer's as well,
 * and hob_tls_abort() for nothing.
 *
 * TLS 1.2 and 1.3; renegotiation, compression and early data (0-RTT) are off. Every error leaves a
 * record (hob_error()) that says with whom and why. A context may be shared by the loops of several
 * threads; a stream belongs to its loop. Memory inside OpenSSL is OpenSSL's own. Handshakes need
 * less than half of a default task stack. */
#ifndef HOB_TLS_H
#define HOB_TLS_H
#pragma GCC system_header

#include <hob/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hob_tls;
struct hob_stream;

enum hob_tls_version { HOB_TLS_1_2 = 0, HOB_TLS_1_3 = 1 };

/* Does a server want its clients' certificates? */
enum hob_tls_client_certificate {
    HOB_TLS_NO_CLIENT_CERTIFICATE = 0,
    HOB_TLS_REQUEST, /* one that is shown must be right */
    HOB_TLS_REQUIRE  /* HOB_E_TLS_NO_CERTIFICATE without one */
};

/* What all connections of a context have in common; all zero is the default. Everything is copied.
 * Where a file is named, the PEM text itself ("-----BEGIN ...") may stand instead. */
struct hob_tls_options {
    const char *certificate; /* PEM: one's own, with the intermediate ones behind it. A server needs
                                one; a client shows it when it is asked */
    const char *key;         /* PEM; default: it is in the certificate's file */
    const char *key_password; /* of an encrypted key; nobody is ever asked at the terminal */
    const char *ca;           /* PEM: whom to trust; default: the system's CAs, for clients */
    bool insecure;            /* a client verifies nothing: for tests, and for nothing else */
    enum hob_tls_client_certificate client_certificate; /* a server's; needs .ca */
    const char *alpn; /* protocols, the best first: "h2,http/1.1". A server takes the first of its
                         own that the client offers; none: HOB_E_TLS_ALPN on both sides */
    enum hob_tls_version min_version;
    const char *ciphers; /* of TLS 1.2, in OpenSSL's notation; default: OpenSSL's */
    bool no_resumption;  /* no tickets, no sessions are kept */
    size_t max_sessions; /* that a client keeps, at most 4 for each server; default 256 */
    bool ktls;   /* let the kernel encrypt, if it can (hob_tls_info tells); TCP only. What the
                    kernel does then has not been tried yet: see docs/architecture.md */
    bool keylog; /* append the secrets to the file that SSLKEYLOGFILE names, for Wireshark:
                    whoever has that file can read everything */
};

/* hob_tls_new(&tls, .certificate = ..., ...): a context. Reads the files, without letting other
 * tasks run (milliseconds; the system's CAs are read later, at the first need, by a worker
 * thread); need not be called in a task. 0, or HOB_E_TLS_CERTIFICATE (unreadable,
 * malformed), HOB_E_TLS_KEY (of another certificate), -EINVAL (options), -ENOENT, -EACCES ...,
 * -ENOMEM. Free it with hob_tls_free(). */
#define hob_tls_new(out, ...) hob__tls_new((out), HOB__OPTIONS(hob_tls_options, __VA_ARGS__))
HOB_API int hob__tls_new(struct hob_tls **out, struct hob_tls_options options);

/* Gives the context back; connections that were made with it go on. NULL is allowed. */
HOB_API void hob_tls_free(struct hob_tls *tls);

/* A server's further certificate. For each connection the one is used whose names (DNS names in the
 * certificate) have the name that the client asks for (SNI), exactly, else by a wildcard
 * ("*.example.org": one label); a client that asks for none of them gets the first. Errors as
 * hob_tls_new(); then nothing was added. At most 1000. */
HOB_API int hob_tls_add_certificate(struct hob_tls *tls, const char *certificate, const char *key,
                                    const char *key_password);

/* Reads all files again: new connections use what is there now, the others go on. Tickets stay
 * valid, but where clients show certificates; a client forgets its sessions. After an error
 * everything is as it was. */
HOB_API int hob_tls_reload(struct hob_tls *tls);

/* What one connection may have of its own; all zero is the default. */
struct hob_tls_connection {
    const char *server_name;  /* client: the name to ask for and to verify; default: the address's
                                 host. A number ("192.0.2.1", "::1") is verified as an address */
    const char *alpn;         /* instead of the context's */
    double handshake_timeout; /* seconds; default 10; then -ETIMEDOUT */
};

/* hob_tls_connect("example.org:443", tls, &s, ...): hob_connect(), then the handshake. 0 and *out
 * (hob_close() it), or an error of hob_connect(), or
 *   HOB_E_TLS_NAME, _EXPIRED, _ISSUER, _VERIFY  the server's certificate will not do
 *   HOB_E_TLS_ALERT      the peer refuses; the record names its alert
 *   HOB_E_TLS_VERSION    no version or cipher in common
 *   HOB_E_TLS_ALPN       no protocol in common
 *   HOB_E_TLS_PLAINTEXT  the peer does not speak TLS
 *   HOB_E_TLS            anything else against the protocol
 *   HOB_E_EOF, -ECONNRESET, -ETIMEDOUT, -ECANCELED, -ENOMEM
 * Waits; a cancellation point. */
#define hob_tls_connect(address, tls, out, ...)                                                    \
    hob__tls_connect((address), (tls), (out), HOB__OPTIONS(hob_tls_connection, __VA_ARGS__))
HOB_API int hob__tls_connect(const char *address, struct hob_tls *tls, struct hob_stream **out,
                             struct hob_tls_connection options);

/* hob_tls_start(s, tls, .server_name = "example.org"): turns a plain stream into TLS, in place, as
 * the client (after STARTTLS and the like). server_name is needed, unless the context is insecure
 * (-EINVAL). Plaintext that came behind the peer's last line and has not been read is not taken for
 * something that came through TLS: HOB_E_TLS_PLAINTEXT, and nothing has been sent. What a cork has
 * gathered goes out first. Else as hob_tls_connect(); the stream stays the caller's to close. The
 * stream may speak TLS already: then there is TLS inside TLS. No task may be in a call on it
 * (misuse). Waits; a cancellation point. */
#define hob_tls_start(stream, tls, ...)                                                            \
    hob__tls_start((stream), (tls), HOB__OPTIONS(hob_tls_connection, __VA_ARGS__))
HOB_API int hob__tls_start(struct hob_stream *s, struct hob_tls *tls,
                           struct hob_tls_connection options);

/* hob_tls_accept(s, tls): the same as the server, for a stream that was just accepted, or after a
 * client's STARTTLS. Also HOB_E_TLS_NO_CERTIFICATE: the client had to show one. */
#define hob_tls_accept(stream, tls, ...)                                                           \
    hob__tls_accept((stream), (tls), HOB__OPTIONS(hob_tls_connection, __VA_ARGS__))
HOB_API int hob__tls_accept(struct hob_stream *s, struct hob_tls *tls,
                            struct hob_tls_connection options);

/* Ends the connection thoroughly and frees the stream, in any case: sends close_notify, drops what
 * still comes, waits for the peer's close_notify, at most `seconds` in all (0: one second). 0, or
 * why it did not come: -ETIMEDOUT, HOB_E_TLS_TRUNCATED, -ECANCELED ... A plain stream is just
 * closed. Waits; a cancellation point. */
HOB_API int hob_tls_finish(struct hob_stream *s, double seconds);

/* Closes and frees without a word to the peer, which then sees a connection that was cut off. Does
 * not wait. A plain stream is just closed. */
HOB_API void hob_tls_abort(struct hob_stream *s);

/* What became of a handshake. The strings belong to the stream; none is NULL. */
struct hob_tls_info {
    const char *version;     /* "TLSv1.3" */
    const char *cipher;      /* "TLS_AES_256_GCM_SHA384" */
    const char *alpn;        /* the chosen protocol, or "" */
    const char *server_name; /* what the client asked for, or "" */
    const char *subject;     /* of the peer's certificate, "CN=example.org,O=Example", or "" */
    const char *issuer;
    const char *fingerprint; /* SHA-256 of the peer's certificate, 64 lower-case digits, or "" */
    const char *public_key;  /* SHA-256 of its public key alone (SubjectPublicKeyInfo), which
                                outlives  the certificate; likewise */
    bool server;             /* this side is the server */
    bool verified; /* the peer's certificate was verified, and its name if it is a server */
    bool resumed;  /* an earlier session went on: no certificates were sent */
    bool ktls_send, ktls_receive; /* the kernel encrypts, decrypts */
};

/* 0 and *info, or -EINVAL: the stream does not speak TLS (*info is all "" and false). Does not
 * wait. */
HOB_API int hob_tls_info(const struct hob_stream *s, struct hob_tls_info *info);

#ifdef __cplusplus
}
#endif
#endif
