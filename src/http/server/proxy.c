/* http/server/proxy.c - the PROXY protocol, versions 1 and 2 (haproxy's proxy-protocol.txt): what a
 * proxy says of the client in front of all that the client sends. Not a byte behind it is read, as
 * that may be TLS's. */
#include <arpa/inet.h>
#include <hob/error.h>
#include <hob/hob.h>
#include <hob/stream.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hob/http.h>

#include "http/server/trust.h"

enum { SIGNATURE = 12, V1_MAX = 107, V1_TCP_MIN = 32, V2_HEAD = 16, V2_MAX = 2048 };

static int bad(struct hob_stream *s) {
    return hob_fail(HOB_E_HTTP_PROXY, "%s: no PROXY header", hob_stream_peer(s));
}

static int read_all(struct hob_stream *s, char *to, size_t n) {
    while (n > 0) {
        ssize_t got = HOB_TRY(hob_read(s, to, n));
        if (got == 0) return bad(s);
        to += got;
        n -= (size_t)got;
    }
    return 0;
}

static int format(char *out, int family, const void *address, unsigned port) {
    char host[INET6_ADDRSTRLEN];
    if (!inet_ntop(family, address, host, sizeof host)) return HOB_E_HTTP_PROXY;
    snprintf(out, HOB__CLIENT_TEXT, family == AF_INET6 ? "[%s]:%u" : "%s:%u", host, port);
    return 1;
}

/* The next word, behind exactly one space. */
static bool take_word(const char **at, char *out, size_t room) {
    if (**at != ' ') return false;
    size_t n = strcspn(++*at, " ");
    if (n == 0 || n >= room) return false;
    memcpy(out, *at, n);
    out[n] = 0;
    *at += n;
    return true;
}

/* 0 to 65535, without a sign or a zero in front; -1: it is none. */
static int take_port(const char **at) {
    char text[6];
    if (!take_word(at, text, sizeof text) || text[strspn(text, "0123456789")]) return -1;
    int port = atoi(text);
    return port > 65535 || (text[0] == '0' && text[1]) ? -1 : port;
}

/* "PROXY TCP4 192.0.2.1 192.0.2.2 51234 443", without its end. As strict as the protocol is: who
 * guesses at such a line may be told anything. */
static int take_v1(const char *line, char *out) {
    char family[8], from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
    uint8_t address[16];
    const char *at = line + 5;
    if (!take_word(&at, family, sizeof family)) return HOB_E_HTTP_PROXY;
    if (strcmp(family, "UNKNOWN") == 0) return 0;
    int kind = strcmp(family, "TCP4") == 0 ? AF_INET : strcmp(family, "TCP6") == 0 ? AF_INET6 : -1;
    if (kind < 0 || !take_word(&at, from, sizeof from) || !take_word(&at, to, sizeof to))
        return HOB_E_HTTP_PROXY;
    int from_port = take_port(&at), to_port = take_port(&at);
    if (from_port < 0 || to_port < 0 || *at || inet_pton(kind, to, address) != 1 ||
        inet_pton(kind, from, address) != 1)
        return HOB_E_HTTP_PROXY;
    return format(out, kind, address, (unsigned)from_port);
}

static int read_v1(struct hob_stream *s, char *line, char *out) {
    size_t n = SIGNATURE;
    if (memcmp(line, "PROXY TCP", 9) == 0) { /* the shortest such line: no need to go by bytes */
        HOB_TRY(read_all(s, line + n, V1_TCP_MIN - n));
        n = V1_TCP_MIN;
        if (memchr(line, '\n', n - 1)) return bad(s);
    }
    while (line[n - 1] != '\n') {
        if (n == V1_MAX) return bad(s);
        HOB_TRY(read_all(s, line + n, 1));
        n++;
    }
    if (line[n - 2] != '\r' || memchr(line, 0, n)) return bad(s);
    line[n - 2] = 0;
    int rc = take_v1(line, out);
    return rc < 0 ? bad(s) : rc;
}

static int read_v2(struct hob_stream *s, char *head, char *out) {
    uint8_t rest[V2_MAX];
    HOB_TRY(read_all(s, head + SIGNATURE, V2_HEAD - SIGNATURE));
    const uint8_t *h = (const uint8_t *)head;
    size_t n = (size_t)h[14] << 8 | h[15];
    if (h[12] >> 4 != 2 || (h[12] & 15) > 1 || n > sizeof rest) return bad(s);
    HOB_TRY(read_all(s, (char *)rest, n));
    bool local = (h[12] & 15) == 0; /* the proxy's own connection: a health check */
    if (local) return 0;
    if (h[13] == 0x11) /* TCP over IPv4: two addresses, two ports */
        return n < 12 ? bad(s) : format(out, AF_INET, rest, (unsigned)rest[8] << 8 | rest[9]);
    if (h[13] == 0x21)
        return n < 36 ? bad(s) : format(out, AF_INET6, rest, (unsigned)rest[32] << 8 | rest[33]);
    return 0;
}

int hob__proxy_header(struct hob_stream *s, char client[HOB__CLIENT_TEXT]) {
    static const char v2[] = "\r\n\r\n\0\r\nQUIT\n";
    char head[V1_MAX];
    HOB_TRY(read_all(s, head, SIGNATURE));
    if (memcmp(head, v2, SIGNATURE) == 0) return read_v2(s, head, client);
    if (memcmp(head, "PROXY ", 6) == 0) return read_v1(s, head, client);
    return bad(s);
}
