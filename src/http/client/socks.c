/* http/client/socks.c - SOCKS5: a greeting, perhaps a password, and the request to connect. Every
 * message of the proxy says how long it is, and exactly so much of it is read: what follows is the
 * server's.
 */
#include <hob/dns.h>
#include <hob/error.h>
#include <hob/hob.h>
#include <string.h>

#include "http/client/tunnel.h"

enum { VERSION = 5, NO_AUTH = 0, PASSWORD = 2, NONE_WILL_DO = 0xff, CONNECT = 1 };
enum { IPV4 = 1, NAME = 3, IPV6 = 4 };

static const char *const replies[] = {
    "succeeded",
    "it failed",
    "its rules do not allow that",
    "the network cannot be reached",
    "the host cannot be reached",
    "the connection was refused",
    "the time to live was over",
    "it knows no CONNECT",
    "it knows no such addresses",
};

/* n bytes of the proxy's. */
static int take(const struct hob__proxy *p, struct hob_stream *s, unsigned char *buf, size_t n) {
    ssize_t got = hob_read_exactly(s, buf, n);
    if (got == HOB_E_EOF || got == -ECONNRESET || got == -EPIPE || got == HOB_E_TLS_TRUNCATED)
        return hob_fail(HOB_E_SOCKS, "SOCKS proxy %s has closed the connection", p->address);
    return got < 0 ? (int)got : 0;
}

static int give(const struct hob__proxy *p, struct hob_stream *s, const unsigned char *buf,
                size_t n) {
    ssize_t rc = hob_write(s, buf, n);
    if (rc == -ECONNRESET || rc == -EPIPE)
        return hob_fail(HOB_E_SOCKS, "SOCKS proxy %s has closed the connection", p->address);
    return rc < 0 ? (int)rc : 0;
}

static int not_socks(const struct hob__proxy *p, unsigned version) {
    return hob_fail(HOB_E_SOCKS,
                    "SOCKS proxy %s speaks something else: version %u where %d was due", p->address,
                    version, VERSION);
}

/* RFC 1929 */
static int log_in(const struct hob__proxy *p, struct hob_stream *s) {
    unsigned char out[3 + 255 + 255], in[2];
    size_t user = strlen(p->user), password = strlen(p->password), n = 0;
    out[n++] = 1;
    out[n++] = (unsigned char)user;
    memcpy(out + n, p->user, user);
    n += user;
    out[n++] = (unsigned char)password;
    memcpy(out + n, p->password, password);
    n += password;
    int rc = give(p, s, out, n);
    if (rc == 0) rc = take(p, s, in, sizeof in);
    if (rc == 0 && in[1] != 0)
        rc = hob_fail(HOB_E_PROXY_AUTH, "SOCKS proxy %s does not accept the password of %.100s",
                      p->address, p->user);
    return rc;
}

static int greet(const struct hob__proxy *p, struct hob_stream *s) {
    unsigned char hello[4] = {VERSION, 1, NO_AUTH, PASSWORD}, in[2];
    if (p->user) {
        if (strlen(p->user) > 255 || strlen(p->password) > 255 || !*p->user)
            return hob_fail(HOB_E_PROXY_AUTH,
                            "SOCKS proxy %s: a user has 1 to 255 bytes, a password 255 at most",
                            p->address);
        hello[1] = 2;
    }
    int rc = give(p, s, hello, 2u + hello[1]);
    if (rc == 0) rc = take(p, s, in, sizeof in);
    if (rc < 0) return rc;
    if (in[0] != VERSION) return not_socks(p, in[0]);
    if (in[1] == NO_AUTH) return 0;
    if (in[1] == PASSWORD && p->user) return log_in(p, s);
    if (in[1] == NONE_WILL_DO)
        return hob_fail(HOB_E_PROXY_AUTH, "SOCKS proxy %s wants %s", p->address,
                        p->user ? "another way to log in" : "a user and a password");
    return hob_fail(HOB_E_SOCKS, "SOCKS proxy %s chose a way to log in (%u) that was not offered",
                    p->address, in[1]);
}

static size_t put_address(unsigned char *out, const struct hob_address *a) {
    bool six = a->ip.any.sa_family == AF_INET6;
    const void *bytes = six ? (const void *)&a->ip.v6.sin6_addr : (const void *)&a->ip.v4.sin_addr;
    size_t n = six ? 16 : 4;
    out[0] = six ? IPV6 : IPV4;
    memcpy(out + 1, bytes, n);
    return n + 1;
}

/* Whom to connect to: an address, or (socks5h) a name, which the proxy looks up. */
static int put_target(struct hob_client *c, const struct hob__proxy *p, const char *address,
                      unsigned char *out, size_t *size) {
    struct hob_address to[HOB__ROUTE_ADDRESSES];
    struct hob_found found;
    char host[256];
    uint16_t port;
    if (!hob__route_split(address, host, sizeof host, &port))
        return hob_fail(HOB_E_SOCKS, "SOCKS proxy %s: a host's name has 255 bytes at most",
                        p->address);
    int rc = hob__route_addresses(&c->network, address, to);
    if (rc < 0) return rc;
    if (rc > 0) {
        *size = put_address(out, &to[0]);
        port = hob_address_port(&to[0]);
    } else if (hob_address_parse_host(host, port, &found.address) == 0) {
        *size = put_address(out, &found.address);
    } else if (p->kind == HOB__PROXY_SOCKS5H) {
        size_t n = strlen(host);
        out[0] = NAME;
        out[1] = (unsigned char)n;
        memcpy(out + 2, host, n);
        *size = n + 2;
    } else {
        rc = hob_resolve(host, 0, &found, 1);
        if (rc < 0) return rc;
        *size = put_address(out, &found.address);
    }
    out[(*size)++] = (unsigned char)(port >> 8);
    out[(*size)++] = (unsigned char)port;
    return 0;
}

/* The reply: its head, then an address of a length that depends on it, which nobody needs. */
static int read_reply(const struct hob__proxy *p, struct hob_stream *s, const char *address) {
    unsigned char in[5], rest[256 + 2];
    int rc = take(p, s, in, 2); /* some say no more when it failed */
    if (rc < 0) return rc;
    if (in[0] != VERSION) return not_socks(p, in[0]);
    if (in[1] != 0)
        return hob_fail(HOB_E_SOCKS, "SOCKS proxy %s, asked to connect to %s: %s (%u)", p->address,
                        address, in[1] < sizeof replies / sizeof *replies ? replies[in[1]] : "?",
                        in[1]);
    rc = take(p, s, in + 2, 3);
    if (rc < 0) return rc;
    size_t left = in[3] == IPV4 ? 3 : in[3] == IPV6 ? 15 : in[3] == NAME ? in[4] : 0;
    if (left == 0 && in[3] != NAME)
        return hob_fail(HOB_E_SOCKS, "SOCKS proxy %s: a reply with an address of kind %u",
                        p->address, in[3]);
    return take(p, s, rest, left + 2);
}

int hob__tunnel_socks(struct hob_client *c, const struct hob__proxy *p, struct hob_stream *s,
                      const char *address) {
    unsigned char out[3 + 2 + 256 + 2] = {VERSION, CONNECT, 0};
    size_t n = 0;
    int rc = greet(p, s);
    if (rc == 0) rc = put_target(c, p, address, out + 3, &n);
    if (rc == 0) rc = give(p, s, out, 3 + n);
    return rc < 0 ? rc : read_reply(p, s, address);
}
