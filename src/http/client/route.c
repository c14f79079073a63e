/* http/client/route.c - which way requests go: the client's options, the request's, the
 * environment's. */
#include "http/client/route.h"

#include <hob/error.h>
#include <hob/hob.h>
#include <hob/net.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "http/base64.h"

/* ---- the options ---- */

/* http_proxy in lower case only: as HTTP_PROXY, a CGI program's caller could set it. */
static const char *environment(const char *lower, const char *upper) {
    const char *value = secure_getenv(lower);
    if (!value && upper) value = secure_getenv(upper);
    return value;
}

static int copy_text(char **to, const char *from) {
    if (!from || !*from) return 0;
    *to = hob__strdup(from);
    return *to ? 0 : -ENOMEM;
}

static int copy_proxies(struct hob__ways *n, const struct hob_client_options *o) {
    const char *all = o->proxy ? o->proxy : environment("all_proxy", "ALL_PROXY");
    const char *plain = o->proxy ? all : environment("http_proxy", NULL);
    const char *tls = o->proxy ? all : environment("https_proxy", "HTTPS_PROXY");
    int rc = copy_text(&n->proxies[0], plain ? plain : all);
    if (rc == 0) rc = copy_text(&n->proxies[1], tls ? tls : all);
    if (rc == 0)
        rc = copy_text(&n->no_proxy,
                       o->no_proxy ? o->no_proxy : environment("no_proxy", "NO_PROXY"));
    return rc;
}

static int unix_text(const char *path, char **out) {
    size_t n = strlen(path) + sizeof "unix:";
    *out = hob__alloc(n);
    if (!*out) return -ENOMEM;
    snprintf(*out, n, "unix:%s", path);
    return 0;
}

/* "sha256//BASE64;sha256//BASE64" */
static int copy_pins(struct hob__ways *n, const char *pins) {
    for (const char *at = pins; at && *at;) {
        size_t size = strcspn(at, ";");
        if (n->pin_count == HOB__PINS) return hob_fail(-EINVAL, ".pins: more than %d", HOB__PINS);
        if (size < 8 || memcmp(at, "sha256//", 8) != 0 ||
            !hob__base64_get(at + 8, size - 8, n->pins[n->pin_count], HOB__PIN_SIZE))
            return hob_fail(-EINVAL, ".pins: \"%.*s\" is not \"sha256//\" and a SHA-256 in base64",
                            (int)(size < 80 ? size : 80), at);
        n->pin_count++;
        at += size + (at[size] == ';');
    }
    return 0;
}

/* One block: the array, then the text. */
static int copy_resolve(struct hob__ways *n, const struct hob_param *from) {
    size_t count = 0, text = 0;
    if (!from || !from->name) return 0;
    for (const struct hob_param *p = from; p->name; p++, count++) {
        if (!p->value) return hob_fail(-EINVAL, ".resolve: no address for %s", p->name);
        text += strlen(p->name) + strlen(p->value) + 2;
    }
    n->resolve = hob__alloc((count + 1) * sizeof *n->resolve + text);
    if (!n->resolve) return -ENOMEM;
    char *at = (char *)(n->resolve + count + 1);
    for (size_t i = 0; i < count; i++) {
        n->resolve[i].name = strcpy(at, from[i].name);
        at += strlen(at) + 1;
        n->resolve[i].value = strcpy(at, from[i].value);
        at += strlen(at) + 1;
    }
    n->resolve[count] = (struct hob_header){NULL, NULL};
    return 0;
}

int hob__ways_open(struct hob__ways *n, const struct hob_client_options *o) {
    n->lookup = o->lookup;
    n->lookup_arg = o->lookup_arg;
    int rc = copy_proxies(n, o);
    if (rc == 0 && o->unix_path && *o->unix_path) rc = unix_text(o->unix_path, &n->unix_address);
    if (rc == 0) rc = copy_resolve(n, o->resolve);
    if (rc == 0) rc = copy_pins(n, o->pins);
    return rc;
}

void hob__ways_free(struct hob__ways *n) {
    for (int i = 0; i < 2; i++) {
        hob__free(n->proxies[i]);
        hob__free(n->parsed[i]);
    }
    hob__free(n->no_proxy);
    hob__free(n->unix_address);
    hob__free(n->resolve);
}

/* ---- which way ---- */

/* Without what may be a password. */
static int parse(const char *text, struct hob__proxy **out) {
    const char *why = "", *shown = strrchr(text, '@');
    int rc = hob__proxy_parse(text, out, &why);
    if (rc == -ENOMEM) return hob_fail(rc, "no memory for a proxy");
    if (rc < 0) return hob_fail(rc, "proxy \"%.200s\": %s", shown ? shown + 1 : text, why);
    return 0;
}

static void by_proxy(struct hob__route *r, const struct hob__proxy *p, bool tls) {
    r->proxy = p;
    r->key = p->key;
    r->absolute = !tls && (p->kind == HOB__PROXY_HTTP || p->kind == HOB__PROXY_HTTPS);
}

static int by_unix(struct hob__route *r, const char *address) {
    r->unix_address = r->key = address;
    return 0;
}

int hob__route_choose(struct hob__ways *n, const struct hob_fetch_options *o,
                      struct hob__route_own *own, const struct hob_url *u, struct hob__route *out) {
    *out = (struct hob__route){.key = ""};
    if (o->unix_path && *o->unix_path) {
        if (!own->unix_address && unix_text(o->unix_path, &own->unix_address) < 0)
            return hob_fail(-ENOMEM, "no memory for a path");
        return by_unix(out, own->unix_address);
    }
    if (o->proxy) {
        if (!*o->proxy) return 0;
        int rc = own->proxy ? 0 : parse(o->proxy, &own->proxy);
        if (rc == 0) by_proxy(out, own->proxy, u->tls);
        return rc;
    }
    if (n->unix_address && !o->unix_path) return by_unix(out, n->unix_address);
    if (!n->proxies[u->tls] || (n->no_proxy && hob__no_proxy(n->no_proxy, u->host))) return 0;
    int rc = n->parsed[u->tls] ? 0 : parse(n->proxies[u->tls], &n->parsed[u->tls]);
    if (rc == 0) by_proxy(out, n->parsed[u->tls], u->tls);
    return rc;
}

void hob__route_own_free(struct hob__route_own *own) {
    hob__free(own->proxy);
    hob__free(own->unix_address);
}

/* ---- addresses ---- */

bool hob__route_split(const char *address, char *host, size_t n, uint16_t *port) {
    const char *from = address + (*address == '[');
    size_t size = strcspn(from, *address == '[' ? "%]" : ":");
    const char *colon = strrchr(address, ':');
    if (size >= n) return false;
    memcpy(host, from, size);
    host[size] = 0;
    *port = colon ? (uint16_t)strtoul(colon + 1, NULL, 10) : 0;
    return true;
}

/* "example.org:443", "example.org" (any port), "*:443", "*" */
static bool names(const char *entry, const char *address) {
    const char *port = strrchr(address, ':');
    size_t host = (size_t)(port - address), n = strlen(entry);
    if (*entry == '*') return !entry[1] || strcmp(entry + 1, port) == 0;
    return strcasecmp(entry, address) == 0 || (n == host && strncasecmp(entry, address, n) == 0);
}

/* One of the comma-separated addresses, whose port may be missing. */
static int take_address(const char *text, size_t n, uint16_t port, struct hob_address *out) {
    char copy[HOB_ADDRESS_TEXT];
    while (n > 0 && *text == ' ') text++, n--;
    while (n > 0 && text[n - 1] == ' ') n--;
    if (n >= sizeof copy) return HOB_E_ADDRESS;
    memcpy(copy, text, n);
    copy[n] = 0;
    if (hob_address_parse(copy, out) == 0) return 0;
    if (copy[0] == '[' && copy[n - 1] == ']') {
        copy[n - 1] = 0;
        return hob_address_parse_host(copy + 1, port, out);
    }
    return hob_address_parse_host(copy, port, out);
}

static int listed(const struct hob_header *h, uint16_t port,
                  struct hob_address out[HOB__ROUTE_ADDRESSES]) {
    int count = 0;
    for (const char *at = h->value; *at && count < HOB__ROUTE_ADDRESSES;) {
        size_t n = strcspn(at, ",");
        int rc = take_address(at, n, port, &out[count]);
        if (rc < 0)
            return hob_fail(rc, ".resolve: \"%.80s\" is no address (for %s)", h->value, h->name);
        count++;
        at += n + (at[n] == ',');
    }
    return count;
}

int hob__route_addresses(const struct hob__ways *n, const char *address,
                         struct hob_address out[HOB__ROUTE_ADDRESSES]) {
    char host[256];
    uint16_t port;
    if ((!n->resolve && !n->lookup) || !hob__route_split(address, host, sizeof host, &port))
        return 0;
    for (const struct hob_header *h = n->resolve; h && h->name; h++)
        if (names(h->name, address)) return listed(h, port, out);
    if (!n->lookup) return 0;
    int count = n->lookup(host, port, out, HOB__ROUTE_ADDRESSES, n->lookup_arg);
    if (count > HOB__ROUTE_ADDRESSES) count = HOB__ROUTE_ADDRESSES;
    for (int i = 0; i < count; i++)
        if (hob_address_port(&out[i]) == 0) hob_address_set_port(&out[i], port);
    return count;
}

/* Not inlined: the usual way does without the room for addresses on its stack. 0: none is known. */
static __attribute__((noinline)) int connect_known(const struct hob__ways *n, const char *address,
                                                   uint64_t *looked_up, struct hob_stream **out) {
    struct hob_address to[HOB__ROUTE_ADDRESSES];
    int count = hob__route_addresses(n, address, to);
    if (count <= 0) return count;
    int rc = hob_connect_any(to, (size_t)count, out, .looked_up = looked_up);
    return rc < 0 ? rc : 1;
}

int hob__route_connect(const struct hob__ways *n, const char *address, uint64_t *looked_up,
                       struct hob_stream **out) {
    int rc = n->resolve || n->lookup ? connect_known(n, address, looked_up, out) : 0;
    if (rc != 0) return rc < 0 ? rc : 0;
    return hob_connect_with(address, out, .looked_up = looked_up);
}
