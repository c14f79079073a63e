/* http/client/proxy_url.c - what a proxy's URL and a list of exceptions say. */
#include "http/client/proxy_url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <hob/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"

static const struct {
    const char *name;
    enum hob__proxy_kind kind;
    int port;
} schemes[] = {
    {"http", HOB__PROXY_HTTP, 80},
    {"https", HOB__PROXY_HTTPS, 443},
    {"socks5", HOB__PROXY_SOCKS5, 1080},
    {"socks5h", HOB__PROXY_SOCKS5H, 1080},
};
enum { SCHEMES = sizeof schemes / sizeof *schemes, TEXT_MAX = 2048 };

/* Splits "user:password" and decodes both in place; a NUL in one is as good as an illegal byte. */
static bool set_user(struct hob__proxy *p, char *text, size_t n) {
    char *colon = memchr(text, ':', n);
    size_t user = colon ? (size_t)(colon - text) : n;
    char *password = colon ? colon + 1 : text + n;
    size_t password_size = n - (size_t)(password - text);
    int a = hob_url_decode(text, user, false, text);
    int b = hob_url_decode(password, password_size, false, password);
    if (a < 0 || b < 0 || memchr(text, 0, (size_t)a) || memchr(password, 0, (size_t)b))
        return false;
    text[a] = 0;
    password[b] = 0;
    p->user = text;
    p->password = password;
    return true;
}

/* "host:port", with the brackets that a stream's address has. */
static void set_address(struct hob__proxy *p, char *out, size_t cap, const struct hob_url *u,
                        int port) {
    char zone[64];
    int zone_size = u->zone.at && u->zone.size < sizeof zone
                        ? hob_url_decode(u->zone.at, u->zone.size, false, zone)
                        : 0;
    snprintf(out, cap, "%s%.*s%s%.*s%s:%d", u->host_is_ipv6 ? "[" : "", (int)u->host.size,
             u->host.at, zone_size > 0 ? "%" : "", zone_size > 0 ? zone_size : 0, zone,
             u->host_is_ipv6 ? "]" : "", port);
    for (char *at = out; *at; at++) *at = (char)tolower((unsigned char)*at);
    p->address = out;
}

/* Was a port written? hob_url_parse() fills the usual one in. */
static bool has_port(const struct hob_url *u) {
    const char *end = u->host.at + u->host.size;
    if (u->zone.at) end = u->zone.at + u->zone.size;
    if (u->host_is_ipv6) end++;
    return *end == ':' && isdigit((unsigned char)end[1]);
}

int hob__proxy_parse(const char *text, struct hob__proxy **out, const char **why) {
    char url[TEXT_MAX + 16];
    struct hob_url u;
    struct hob_url_error error;
    unsigned scheme = 0;
    const char *rest = strstr(text, "://");
    *out = NULL;
    if (rest) {
        size_t n = (size_t)(rest - text);
        while (scheme < SCHEMES && (strlen(schemes[scheme].name) != n ||
                                    strncasecmp(schemes[scheme].name, text, n) != 0))
            scheme++;
        rest += 3;
    } else {
        rest = text;
    }
    *why = "only http, https, socks5 and socks5h are known";
    if (scheme == SCHEMES) return HOB_E_PROXY;
    *why = "it is too long";
    if (strlen(text) > TEXT_MAX) return HOB_E_PROXY;
    size_t size = (size_t)snprintf(url, sizeof url, "http://%s", rest);
    if (hob_url_parse(url, size, &u, &error) < 0) {
        *why = error.reason;
        return HOB_E_PROXY;
    }
    *why = "a proxy has no path and no query";
    if (u.query.at || u.fragment.at || u.path.size > 1) return HOB_E_PROXY;
    struct hob__proxy *p = hob__alloc_zero(sizeof *p + 2 * (size + 96));
    if (!p) return -ENOMEM;
    char *at = (char *)(p + 1);
    p->kind = schemes[scheme].kind;
    p->key = strcpy(at, text);
    at += strlen(text) + 1;
    if (u.userinfo.at) {
        memcpy(at, u.userinfo.at, u.userinfo.size);
        *why = "a '%' in its user or password that is none";
        if (!set_user(p, at, u.userinfo.size)) {
            hob__free(p);
            return HOB_E_PROXY;
        }
        at += u.userinfo.size + 2;
    }
    set_address(p, at, (size_t)((char *)(p + 1) + 2 * (size + 96) - at), &u,
                has_port(&u) ? u.port : schemes[scheme].port);
    *out = p;
    return 0;
}

/* ---- the exceptions ---- */

/* An address of either family in 16 bytes; returns how many of them count, 0: it is none. */
static unsigned address_bytes(const char *text, size_t n, unsigned char out[16]) {
    char copy[INET6_ADDRSTRLEN];
    if (n >= 2 && text[0] == '[' && text[n - 1] == ']') text++, n -= 2;
    if (n >= sizeof copy) return 0;
    memcpy(copy, text, n);
    copy[n] = 0;
    if (inet_pton(AF_INET, copy, out) == 1) return 4;
    return inet_pton(AF_INET6, copy, out) == 1 ? 16 : 0;
}

static bool in_block(const unsigned char *host, unsigned size, const char *entry, size_t n) {
    unsigned char block[16];
    const char *slash = memchr(entry, '/', n);
    size_t address = slash ? (size_t)(slash - entry) : n;
    unsigned bits = size * 8;
    if (slash) {
        size_t digits = n - address - 1;
        if (digits == 0 || digits > 3) return false;
        bits = 0;
        for (size_t i = 1; i <= digits; i++) {
            if (!isdigit((unsigned char)slash[i])) return false;
            bits = bits * 10 + (unsigned)(slash[i] - '0');
        }
    }
    if (address_bytes(entry, address, block) != size || bits > size * 8) return false;
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(host, block, whole) != 0) return false;
    return rest == 0 || (host[whole] ^ block[whole]) >> (8 - rest) == 0;
}

static bool in_domain(struct hob_slice host, const char *entry, size_t n) {
    if (n > 0 && *entry == '.') entry++, n--;
    if (n > 0 && entry[n - 1] == '.') n--;
    if (host.size > 0 && host.at[host.size - 1] == '.') host.size--;
    if (n == 0 || n > host.size) return false;
    const char *tail = host.at + host.size - n;
    return strncasecmp(tail, entry, n) == 0 && (n == host.size || tail[-1] == '.');
}

bool hob__no_proxy(const char *list, struct hob_slice host) {
    static const char between[] = ", \t\r\n";
    unsigned char address[16];
    unsigned size = address_bytes(host.at, host.size, address);
    for (const char *at = list + strspn(list, between); *at; at += strspn(at, between)) {
        size_t n = strcspn(at, between);
        if (n == 1 && *at == '*') return true;
        if (size ? in_block(address, size, at, n) : in_domain(host, at, n)) return true;
        at += n;
    }
    return false;
}
