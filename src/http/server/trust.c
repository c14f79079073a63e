/* http/server/trust.c - a list of addresses and networks, and whether one is in it. */
#include "http/server/trust.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* An address as 16 bytes. */
static bool parse_address(const char *text, uint8_t out[16], bool *v4) {
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    *v4 = inet_pton(AF_INET, text, out + 12) == 1;
    if (*v4) memcpy(out, mapped, sizeof mapped);
    return *v4 || inet_pton(AF_INET6, text, out) == 1;
}

static bool parse_network(const char *text, size_t n, struct hob__network *out) {
    char copy[64];
    bool v4;
    if (n >= sizeof copy) return false;
    memcpy(copy, text, n);
    copy[n] = 0;
    char *slash = strchr(copy, '/');
    if (slash) *slash = 0;
    if (!parse_address(copy, out->address, &v4)) return false;
    unsigned long most = v4 ? 32 : 128, bits = most;
    if (slash) {
        char *end;
        if (slash[1] < '0' || slash[1] > '9') return false;
        bits = strtoul(slash + 1, &end, 10);
        if (*end || bits > most) return false;
    }
    out->bits = (uint8_t)(v4 ? bits + 96 : bits);
    return true;
}

static bool add(struct hob__trust *t, const char *text, size_t n) {
    if (n == 1 && *text == '*') return t->all = true;
    if (n == 4 && memcmp(text, "unix", 4) == 0) return t->local = true;
    if (!parse_network(text, n, &t->networks[t->count])) return false;
    t->count++;
    return true;
}

int hob__trust_parse(struct hob__trust *t, const char *list) {
    size_t most = 1;
    *t = (struct hob__trust){0};
    if (!list) return 0;
    for (const char *c = list; *c; c++) most += strchr(", \t", *c) != NULL;
    t->networks = hob__alloc(most * sizeof *t->networks);
    if (!t->networks) return -ENOMEM;
    for (const char *at = list; *at;) {
        at += strspn(at, ", \t");
        size_t n = strcspn(at, ", \t");
        if (n && !add(t, at, n)) {
            hob__trust_free(t);
            return -EINVAL;
        }
        at += n;
    }
    return 0;
}

void hob__trust_free(struct hob__trust *t) {
    hob__free(t->networks);
    *t = (struct hob__trust){0};
}

static bool inside(const struct hob__network *net, const uint8_t address[16]) {
    unsigned whole = net->bits / 8, rest = net->bits % 8;
    if (memcmp(net->address, address, whole) != 0) return false;
    return rest == 0 || ((net->address[whole] ^ address[whole]) & (0xff00 >> rest) & 0xff) == 0;
}

bool hob__trusts(const struct hob__trust *t, const char *at, size_t n) {
    char host[64];
    uint8_t address[16];
    bool v4;
    if (t->all) return true;
    if (n == 0 || *at == '@' || (n >= 5 && memcmp(at, "unix:", 5) == 0)) return t->local;
    const char *colon = memchr(at, ':', n);
    if (*at == '[') { /* [::1]:80 */
        const char *end = memchr(at, ']', n);
        if (!end) return false;
        n = (size_t)(end - ++at);
    } else if (colon && !memchr(colon + 1, ':', n - (size_t)(colon + 1 - at))) {
        n = (size_t)(colon - at); /* 127.0.0.1:80 */
    }
    if (n >= sizeof host) return false;
    memcpy(host, at, n);
    host[n] = 0;
    if (!parse_address(host, address, &v4)) return false;
    for (size_t i = 0; i < t->count; i++)
        if (inside(&t->networks[i], address)) return true;
    return false;
}
