/* route_fuzz.c - the ways of a client, as text: addresses of hosts, pins, lists of those without a
 * proxy, each against a naive second reading; pairs that become a query or a form, and are read
 * again as the same; the paths of a static server's files, none of which leads out of its folder.
 */
#include "fuzz.h"

#include <arpa/inet.h>
#include <hob/error.h>
#include <hob/url.h>

#include "base/memory.h"
#include "http/client/outgoing.h"
#include "http/client/route.h"
#include "http/server/static.c"

/* ---- "host:port" and where it is ---- */

static void addresses(const char *list, const char *name) {
    struct hob_param resolve[] = {{name, list}, {NULL, NULL}};
    struct hob_client_options o = {.proxy = "", .no_proxy = "*", .resolve = resolve};
    struct hob__ways ways = {.no_proxy = NULL};
    struct hob_address got[HOB__ROUTE_ADDRESSES];
    static const char *const asked[] = {"example.org:443", "[2001:db8::1]:80", "a:1"};
    CHECK(hob__ways_open(&ways, &o) == 0);
    for (int i = 0; i < 3; i++) {
        int n = hob__route_addresses(&ways, edge_string(asked[i], strlen(asked[i])), got);
        CHECK(n == HOB_E_ADDRESS || (n >= 0 && n <= HOB__ROUTE_ADDRESSES));
        for (int k = 0; k < n; k++) {
            char text[HOB_ADDRESS_TEXT];
            struct hob_address again;
            hob_address_format(&got[k], text, sizeof text);
            CHECK(hob_address_parse(text, &again) == 0 && hob_address_equal(&again, &got[k]));
        }
        const char *port = strrchr(asked[i], ':');
        bool any = strcmp(name, "*") == 0 || (name[0] == '*' && strcmp(name + 1, port) == 0);
        bool named = any || strcasecmp(name, asked[i]) == 0 ||
                     (strlen(name) == (size_t)(port - asked[i]) &&
                      strncasecmp(name, asked[i], strlen(name)) == 0);
        if (!named) CHECK(n == 0);
        if (named && *list) CHECK(n != 0);
    }
    hob_error_clear();
    hob__ways_free(&ways);
}

static void pins(const char *text) {
    struct hob_client_options o = {.proxy = "", .no_proxy = "*", .pins = text};
    struct hob__ways ways = {.no_proxy = NULL};
    unsigned parts = *text != 0;
    for (const char *p = text; *p; p++) parts += *p == ';' && p[1];
    int rc = hob__ways_open(&ways, &o);
    CHECK(rc == 0 || rc == -EINVAL);
    if (rc == 0) CHECK(ways.pin_count == parts && strlen(text) >= 52u * parts);
    hob_error_clear();
    hob__ways_free(&ways);
}

/* ---- no_proxy ---- */

/* Does that entry name the host, which is no address? */
static bool names_host(const char *entry, const char *host) {
    char suffix[600], h[64];
    size_t n = strlen(entry);
    snprintf(h, sizeof h, ".%s", host); /* ".a.b" ends with ".b" and ".a.b" */
    if (h[strlen(h) - 1] == '.') h[strlen(h) - 1] = 0;
    if (n > 512) return false;
    snprintf(suffix, sizeof suffix, "%s%s", *entry == '.' ? "" : ".", entry);
    n = strlen(suffix);
    if (suffix[n - 1] == '.') suffix[--n] = 0;
    return n > 1 && strlen(h) >= n && strcasecmp(h + strlen(h) - n, suffix) == 0;
}

static bool names_address(char *entry, const uint8_t *host, int family) {
    uint8_t net[16];
    unsigned most = family == AF_INET ? 32 : 128, bits = most;
    char *slash = strchr(entry, '/');
    if (slash) {
        *slash++ = 0;
        size_t n = strlen(slash);
        if (n == 0 || n > 3 || strspn(slash, "0123456789") != n) return false;
        bits = (unsigned)atoi(slash);
        if (bits > most) return false;
    }
    size_t n = strlen(entry);
    if (n >= 2 && entry[0] == '[' && entry[n - 1] == ']') {
        entry[n - 1] = 0;
        entry++;
    }
    if (inet_pton(family, entry, net) != 1) return false;
    for (unsigned i = 0; i < bits; i++)
        if (((net[i / 8] ^ host[i / 8]) >> (7 - i % 8)) & 1) return false;
    return true;
}

static void no_proxy(const char *list) {
    static const char *const hosts[] = {"example.org", "10.1.2.3", "2001:db8::1", "a."};
    for (int i = 0; i < 4; i++) {
        char copy[8192], *rest = copy, *entry;
        uint8_t address[16];
        int family = inet_pton(AF_INET, hosts[i], address) == 1    ? AF_INET
                     : inet_pton(AF_INET6, hosts[i], address) == 1 ? AF_INET6
                                                                   : 0;
        bool want = false;
        strcpy(copy, list);
        while (!want && (entry = strsep(&rest, ", \t\r\n")))
            want = *entry &&
                   (strcmp(entry, "*") == 0 ||
                    (family ? names_address(entry, address, family) : names_host(entry, hosts[i])));
        size_t n = strlen(hosts[i]);
        CHECK(hob__no_proxy(list, (struct hob_slice){edge_copy(hosts[i], n), n}) == want);
    }
}

/* ---- pairs ---- */

static void same_pairs(const char *text, const struct hob_param *params) {
    struct hob_slice rest = {text, strlen(text)}, name, value;
    static char out[4096];
    for (; params->name; params++) {
        /* A pair without a name and a value leaves nothing that could be read. */
        if (!*params->name && !params->value) continue;
        CHECK(hob_query_next(&rest, &name, &value));
        int n = hob_url_decode(name.at, name.size, true, out);
        CHECK(n >= 0 && (size_t)n == strlen(params->name) && !memcmp(out, params->name, (size_t)n));
        n = value.at ? hob_url_decode(value.at, value.size, true, out) : 0;
        const char *want = params->value ? params->value : "";
        CHECK(n >= 0 && (size_t)n == strlen(want) && memcmp(out, want, (size_t)n) == 0);
    }
    CHECK(!hob_query_next(&rest, &name, &value));
}

static void pairs(struct fuzz_input in) {
    struct hob_param params[6] = {{NULL, NULL}};
    int n = 0;
    unsigned kind = fuzz_byte(&in);
    const char *reference = fuzz_string(&in, 60);
    for (; in.left > 0 && n < 5; n++) {
        params[n].name = fuzz_string(&in, 40);
        if (kind >> n & 1) params[n].value = fuzz_string(&in, 40);
    }
    for (int form = 0; form < 2; form++) {
        char *text = hob__params_encode(params, form);
        CHECK(text && (size_t)strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                           "0123456789-._~*%+&=") == strlen(text));
        same_pairs(text, params);
        hob__free(text);
    }
    char *url = hob__params_add(reference, params);
    CHECK(url);
    size_t fragment = strcspn(reference, "#"), n_url = strlen(url);
    CHECK(strncmp(url, reference, fragment) == 0);
    CHECK(n_url >= strlen(reference) &&
          strcmp(url + n_url - strlen(reference + fragment), reference + fragment) == 0);
    hob__free(url);
}

/* ---- paths of files ---- */

static void paths(const char *text) {
    static struct hob_static s;
    char out[HOB__STATIC_PATH], all[HOB__STATIC_PATH];
    s.options.hidden = false;
    int rc = decode_path(&s, text, out);
    CHECK(rc == 0 || rc == 400 || rc == 404);
    s.options.hidden = true;
    int with = decode_path(&s, text, all);
    if (rc == 0) CHECK(with == 0 && strcmp(out, all) == 0);
    if (with != 0) return;
    CHECK(*all && all[0] != '/' && strlen(all) < HOB__STATIC_PATH);
    for (char *rest = all, *name; (name = strsep(&rest, "/"));) {
        CHECK(strcmp(name, "..") != 0);
        CHECK(strcmp(name, ".") != 0 || strcmp(out, ".") == 0 || rc == 404);
    }
}

FUZZ(data, n) {
    struct fuzz_input in = {data, n};
    if (n > 4096) return;
    const char *text = edge_kept_string(data, n);
    addresses(text, "*");
    addresses(text, "example.org");
    addresses("[::1]:5, 10.0.0.1", text);
    pins(text);
    no_proxy(text);
    paths(text);
    pairs(in);
}
