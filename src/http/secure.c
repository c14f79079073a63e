/* http/secure.c - TLS under HTTP. A client has one context for all its connections, made at the
 * first need; a server brings its own. */
#include <hob/error.h>
#include <hob/task.h>
#include <hob/tls.h>
#include <stdio.h>
#include <string.h>

#include "http/client/client.h"
#include "http/server/server.h"

#if HAVE_TLS

static struct hob_tls *context(struct hob_client *c) {
    if (c->options.tls) return c->options.tls;
    if (!c->own_tls) hob_tls_new(&c->own_tls);
    return c->own_tls;
}

/* "example.org:443", "[fe80::1%eth0]:443": the host alone; the zone is no part of what is verified.
 */
static void host_name(const char *address, char *out, size_t n) {
    const char *from = address + (*address == '[');
    size_t size = strcspn(from, *address == '[' ? "%]" : ":");
    if (size > n - 1) size = n - 1;
    memcpy(out, from, size);
    out[size] = 0;
}

/* Does the server have one of the keys that the client wants? */
static int check_pins(const struct hob__ways *n, const struct hob_stream *stream,
                      const char *address) {
    struct hob_tls_info info;
    char digits[2 * HOB__PIN_SIZE + 1];
    if (n->pin_count == 0) return 0;
    HOB_TRY(hob_tls_info(stream, &info));
    for (unsigned i = 0; i < n->pin_count; i++) {
        for (int k = 0; k < HOB__PIN_SIZE; k++) snprintf(digits + 2 * k, 3, "%02x", n->pins[i][k]);
        if (strcmp(digits, info.public_key) == 0) return 0;
    }
    return hob_fail(HOB_E_HTTP_PIN, "the key of %s (SHA-256 %s) is not one of the %u pinned ones",
                    address, info.public_key, n->pin_count);
}

int hob__client_secure(struct hob_client *c, struct hob_stream *stream, const char *address,
                       struct hob__secure_how how) {
    char host[256];
    struct hob_tls *tls = context(c);
    if (!tls) return hob_fail_from(HOB_E_HTTP_TLS, "no TLS with %s", address);
    host_name(address, host, sizeof host);
    int rc = hob_tls_start(stream, tls, .server_name = host,
                           .alpn = how.http2 ? "h2,http/1.1" : "http/1.1",
                           .handshake_timeout = c->options.tls_timeout);
    return rc < 0 || !how.pinned ? rc : check_pins(&c->network, stream, address);
}

bool hob__agreed_http2(struct hob_stream *stream) {
    struct hob_tls_info info;
    return hob_tls_info(stream, &info) == 0 && strcmp(info.alpn, "h2") == 0;
}

void hob__client_secure_free(struct hob_client *c) { hob_tls_free(c->own_tls); }

int hob__server_secure(struct hob__server *server, struct hob_stream *stream) {
    bool shares = hob__server_shares(server);
    return hob_tls_accept(stream, server->options.tls,
                          .alpn = shares ? "h2,http/1.1,http/1.0" : "http/1.1,http/1.0",
                          .handshake_timeout = server->options.tls_timeout);
}

#else

int hob__client_secure(struct hob_client *c, struct hob_stream *stream, const char *address,
                       struct hob__secure_how how) {
    (void)c, (void)stream, (void)how;
    return hob_fail(HOB_E_HTTP_TLS, "%s: %s", address, hob_http_strerror(HOB_E_HTTP_TLS));
}

bool hob__agreed_http2(struct hob_stream *stream) {
    (void)stream;
    return false;
}

void hob__client_secure_free(struct hob_client *c) { (void)c; }

int hob__server_secure(struct hob__server *server, struct hob_stream *stream) {
    (void)server, (void)stream;
    return hob_fail(HOB_E_HTTP_TLS, "%s", hob_http_strerror(HOB_E_HTTP_TLS));
}

#endif
