/* io/address.c - addresses as text. */
#include "io/address.h"

#include <arpa/inet.h>
#include <hob/error.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "io/dns/dns.h"

static int bad(const char *text, const char *why) {
    return hob_fail(HOB_E_ADDRESS, "'%.200s' is not an address: %s", text, why);
}

static int parse_unix(const char *text, const char *path, struct hob__endpoint *e) {
    struct sockaddr_un *u = (struct sockaddr_un *)&e->unix_address.addr;
    size_t n = strlen(path);
    if (n == 0) return bad(text, "no path behind 'unix:'");
    if (n >= sizeof u->sun_path) return bad(text, "the path is longer than 107 bytes");
    e->is_unix = true;
    u->sun_family = AF_UNIX;
    memcpy(u->sun_path, path, n + 1);
    e->unix_address.size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
    if (path[0] == '@') { /* the abstract namespace: a NUL first, no NUL at the end */
        u->sun_path[0] = 0;
        e->unix_address.size--;
    }
    return 0;
}

int hob__endpoint_parse(const char *text, struct hob__endpoint *e) {
    memset(e, 0, sizeof *e);
    if (!text) return hob_fail(HOB_E_ADDRESS, "the address is NULL");
    if (strncmp(text, "unix:", 5) == 0) return parse_unix(text, text + 5, e);
    const char *colon = strrchr(text, ':');
    if (!colon) return bad(text, "no ':port'");
    const char *host = text, *end = colon;
    if (*host == '[') {
        if (colon == text || colon[-1] != ']') return bad(text, "no ']:port' behind '['");
        host++;
        end--;
    } else if (memchr(text, ':', (size_t)(colon - text))) {
        return bad(text, "an IPv6 address needs brackets, as in [::1]:80");
    }
    if ((size_t)(end - host) >= sizeof e->host)
        return bad(text, "the host is longer than 255 bytes");
    memcpy(e->host, host, (size_t)(end - host));
    struct hob_address scoped;
    if (strchr(e->host, '%') && hob_address_parse_host(e->host, 0, &scoped) < 0)
        return bad(text, "no IPv6 address, or there is no such interface behind the '%'");
    const char *p = colon + 1;
    unsigned long port = 0;
    if (!*p) return bad(text, "no port behind ':'");
    for (; *p; p++) {
        if (*p < '0' || *p > '9') return bad(text, "the port is not a number");
        port = port * 10 + (unsigned long)(*p - '0');
        if (port > 65535) return bad(text, "the port is larger than 65535");
    }
    e->port = (uint16_t)port;
    return 0;
}

/* ---- IP addresses ---- */

static void set_v4(struct hob_address *a, uint32_t ip, uint16_t port) {
    memset(a, 0, sizeof *a);
    a->ip.v4.sin_family = AF_INET;
    a->ip.v4.sin_addr.s_addr = ip;
    a->ip.v4.sin_port = htons(port);
}

/* "eth0" or a number: 0 when it is neither. */
static uint32_t scope_of(const char *text) {
    uint64_t n = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9' && n <= UINT32_MAX; p++) n = n * 10 + (uint64_t)(*p - '0');
    return p > text && !*p && n <= UINT32_MAX ? (uint32_t)n : if_nametoindex(text);
}

int hob_address_parse_host(const char *text, uint16_t port, struct hob_address *out) {
    struct in_addr v4;
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, text, &v4) == 1) { /* four decimal numbers: 0177.1 is none */
        set_v4(out, v4.s_addr, port);
        return 0;
    }
    char digits[INET6_ADDRSTRLEN];
    size_t n = strcspn(text, "%");
    if (n >= sizeof digits) return HOB_E_ADDRESS;
    memcpy(digits, text, n);
    digits[n] = 0;
    if (inet_pton(AF_INET6, digits, &out->ip.v6.sin6_addr) != 1) return HOB_E_ADDRESS;
    if (text[n] && !(out->ip.v6.sin6_scope_id = scope_of(text + n + 1))) return HOB_E_ADDRESS;
    out->ip.v6.sin6_family = AF_INET6;
    out->ip.v6.sin6_port = htons(port);
    return 0;
}

bool hob__endpoint_numeric(const struct hob__endpoint *e, bool listening, struct hob_address *out) {
    if (e->host[0]) return hob_address_parse_host(e->host, e->port, out) == 0;
    set_v4(out, htonl(listening ? INADDR_ANY : INADDR_LOOPBACK), e->port);
    return true;
}

int hob_address_parse(const char *text, struct hob_address *out) {
    struct hob__endpoint e;
    int rc = hob__endpoint_parse(text, &e);
    if (rc < 0) return rc;
    if (e.is_unix) return bad(text, "not an IP address");
    if (!hob__endpoint_numeric(&e, true, out)) return bad(text, "the host is not an IP address");
    return 0;
}

char *hob_address_format(const struct hob_address *a, char *buf, size_t n) {
    hob__address_format(&a->ip.any, hob_address_size(a), buf, n);
    return buf;
}

int hob_address_from(const struct sockaddr *from, socklen_t size, struct hob_address *out) {
    struct hob_address a = {.ip.any.sa_family = from->sa_family};
    socklen_t want = hob_address_size(&a);
    if (want == 0 || size < want)
        return hob_fail(-EAFNOSUPPORT, "no IP address: %u bytes of family %d", (unsigned)size,
                        from->sa_family);
    memset(out, 0, sizeof *out);
    memcpy(out, from, want);
    return 0;
}

uint16_t hob_address_port(const struct hob_address *a) {
    return ntohs(a->ip.any.sa_family == AF_INET6 ? a->ip.v6.sin6_port : a->ip.v4.sin_port);
}

void hob_address_set_port(struct hob_address *a, uint16_t port) {
    if (a->ip.any.sa_family == AF_INET6)
        a->ip.v6.sin6_port = htons(port);
    else
        a->ip.v4.sin_port = htons(port);
}

bool hob_address_equal(const struct hob_address *a, const struct hob_address *b) {
    if (a->ip.any.sa_family != b->ip.any.sa_family) return false;
    if (a->ip.any.sa_family == AF_INET)
        return a->ip.v4.sin_addr.s_addr == b->ip.v4.sin_addr.s_addr &&
               a->ip.v4.sin_port == b->ip.v4.sin_port;
    return memcmp(&a->ip.v6.sin6_addr, &b->ip.v6.sin6_addr, sizeof(struct in6_addr)) == 0 &&
           a->ip.v6.sin6_port == b->ip.v6.sin6_port &&
           a->ip.v6.sin6_scope_id == b->ip.v6.sin6_scope_id;
}

/* ---- endpoints ---- */

static void copy_out(const struct hob_address *a, struct hob__address *out) {
    memset(out, 0, sizeof *out);
    out->size = hob_address_size(a);
    memcpy(&out->addr, a, out->size);
}

int hob__endpoint_resolve(const struct hob__endpoint *e, bool listening,
                          struct hob__address out[HOB__ADDRESSES_MAX]) {
    struct hob_address a;
    if (e->is_unix) {
        out[0] = e->unix_address;
        return 1;
    }
    if (hob__endpoint_numeric(e, listening, &a)) {
        copy_out(&a, &out[0]);
        return 1;
    }
    struct hob_found found[HOB__ADDRESSES_MAX];
    int n = hob_resolve(e->host, 0, found, HOB__ADDRESSES_MAX);
    for (int i = 0; i < n; i++) {
        hob_address_set_port(&found[i].address, e->port);
        copy_out(&found[i].address, &out[i]);
    }
    return n;
}

/* ---- text ---- */

static const char *format_ip(const struct sockaddr *addr, char *buf, socklen_t n) {
    if (addr->sa_family == AF_INET)
        return inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)addr)->sin_addr, buf,
                         n);
    const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)(const void *)addr;
    inet_ntop(AF_INET6, &in->sin6_addr, buf, n);
    size_t end = strlen(buf);
    char name[IF_NAMESIZE];
    if (in->sin6_scope_id == 0) return buf;
    if (if_indextoname(in->sin6_scope_id, name))
        snprintf(buf + end, n - end, "%%%s", name);
    else
        snprintf(buf + end, n - end, "%%%u", in->sin6_scope_id);
    return buf;
}

char *hob_address_format_host(const struct hob_address *a, char *buf, size_t n) {
    char ip[HOB_ADDRESS_TEXT] = "?";
    if (hob_address_size(a) > 0) format_ip(&a->ip.any, ip, sizeof ip);
    snprintf(buf, n, "%s", ip);
    return buf;
}

/* Every connection has its peer's address as a text: without printf(), which takes longer than all
 * the rest, and more of a small task's stack. */
static void format_v4(const struct sockaddr_in *in, char *buf, size_t n) {
    char text[INET_ADDRSTRLEN + 6], *at = text;
    const unsigned char *ip = (const unsigned char *)&in->sin_addr;
    for (int i = 0; i < 4; i++) {
        at = hob__put_decimal(at, ip[i]);
        *at++ = i < 3 ? '.' : ':';
    }
    at = hob__put_decimal(at, ntohs(in->sin_port));
    *at++ = 0;
    if (n == 0) return;
    if ((size_t)(at - text) < n) n = (size_t)(at - text);
    memcpy(buf, text, n - 1);
    buf[n - 1] = 0;
}

void hob__address_format(const struct sockaddr *addr, socklen_t size, char *buf, size_t n) {
    char ip[HOB_ADDRESS_TEXT];
    if (addr->sa_family == AF_INET) {
        format_v4((const struct sockaddr_in *)(const void *)addr, buf, n);
    } else if (addr->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)(const void *)addr;
        snprintf(buf, n, "[%s]:%u", format_ip(addr, ip, sizeof ip), ntohs(in->sin6_port));
    } else if (addr->sa_family == AF_UNIX) {
        const struct sockaddr_un *u = (const struct sockaddr_un *)(const void *)addr;
        size_t len = size > offsetof(struct sockaddr_un, sun_path)
                         ? size - offsetof(struct sockaddr_un, sun_path)
                         : 0;
        if (len == 0)
            snprintf(buf, n, "unix:");
        else if (!u->sun_path[0])
            snprintf(buf, n, "unix:@%.*s", (int)len - 1, u->sun_path + 1);
        else
            snprintf(buf, n, "unix:%.*s", (int)len, u->sun_path);
    } else {
        snprintf(buf, n, "?");
    }
}
