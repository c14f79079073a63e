/* io/dns/sort.c - which address to try first: RFC 6724 section 6, with its default table (gai.conf
 * is not read), then the families in turn, RFC 8305 section 4. What the rules ask of the system,
 * which of its addresses it would send from, a datagram socket's connect() tells: nothing is sent.
 */
#include <string.h>

#include "io/dns/dns.h"

/* Rules 3, 4 and 7 are about what Linux does not tell; 10 is that the sort is stable. */

struct policy {
    uint8_t prefix[16], bits, precedence, label;
};
static const struct policy table[] = {
    {{[15] = 1}, 128, 50, 0},                /* ::1 */
    {{[10] = 0xff, [11] = 0xff}, 96, 35, 4}, /* IPv4, mapped */
    {{0}, 96, 1, 3},                         /* IPv4-compatible */
    {{0x20, 0x02}, 16, 30, 2},               /* 6to4 */
    {{0x20, 0x01, 0, 0}, 32, 5, 5},          /* Teredo */
    {{0xfc}, 7, 3, 13},                      /* unique local */
    {{0xfe, 0xc0}, 10, 1, 11},               /* site local */
    {{0x3f, 0xfe}, 16, 1, 12},               /* 6bone */
    {{0}, 0, 40, 1},
};

static void as_v6(const struct hob_address *a, uint8_t out[16]) {
    memset(out, 0, 16);
    if (a->ip.any.sa_family == AF_INET6) {
        memcpy(out, &a->ip.v6.sin6_addr, 16);
        return;
    }
    out[10] = out[11] = 0xff;
    memcpy(out + 12, &a->ip.v4.sin_addr, 4);
}

static unsigned common_bits(const uint8_t *a, const uint8_t *b, unsigned most) {
    unsigned n = 0;
    while (n < most && !((a[n / 8] ^ b[n / 8]) & 0x80 >> n % 8)) n++;
    return n;
}

static const struct policy *policy_of(const uint8_t ip[16]) {
    const struct policy *p = table;
    while (common_bits(p->prefix, ip, p->bits) < p->bits) p++;
    return p;
}

enum { SCOPE_LINK = 2, SCOPE_SITE = 5, SCOPE_GLOBAL = 14 };

static unsigned scope_of(const struct hob_address *a, const uint8_t ip[16]) {
    if (a->ip.any.sa_family == AF_INET)
        return ip[12] == 127 || (ip[12] == 169 && ip[13] == 254) ? SCOPE_LINK : SCOPE_GLOBAL;
    if (ip[0] == 0xff) return ip[1] & 15;
    if (ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80) return SCOPE_LINK;
    if (ip[0] == 0xfe && (ip[1] & 0xc0) == 0xc0) return SCOPE_SITE;
    return IN6_IS_ADDR_LOOPBACK(&a->ip.v6.sin6_addr) ? SCOPE_LINK : SCOPE_GLOBAL;
}

/* What the rules compare, the most important in the highest bits: larger is better. */
static uint32_t merit(const struct hob__candidate *c) {
    if (!c->reachable) return 0;
    uint8_t to[16], from[16];
    as_v6(&c->to, to);
    as_v6(&c->from, from);
    const struct policy *p = policy_of(to);
    unsigned scope = scope_of(&c->to, to);
    uint32_t m = 1;                                    /* rule 1: it can be reached */
    m = m << 1 | (scope == scope_of(&c->from, from));  /* rule 2 */
    m = m << 1 | (p->label == policy_of(from)->label); /* rule 5 */
    m = m << 6 | p->precedence;                        /* rule 6 */
    m = m << 4 | (15 - scope);                         /* rule 8 */
    /* Rule 9: a network is 64 bits at most, what follows says nothing of the way. */
    m = m << 7 | (c->to.ip.any.sa_family == AF_INET6 ? common_bits(to, from, 64) : 0);
    return m;
}

static void probe(struct hob__backend *b, struct hob__candidate *c) {
    const struct hob__sys *sys = b->ops->sys;
    c->probed = true;
    int fd = sys->socket(b, c->to.ip.any.sa_family, SOCK_DGRAM, 0);
    if (fd < 0) return;
    struct hob_address to = c->to;
    hob_address_set_port(&to, 9); /* some port there must be */
    struct sockaddr_storage from;
    socklen_t n = sizeof from;
    c->reachable = sys->connect(b, fd, &to.ip.any, hob_address_size(&to)) == 0 &&
                   sys->getsockname(b, fd, (struct sockaddr *)&from, &n) == 0 &&
                   hob_address_from((struct sockaddr *)&from, n, &c->from) == 0;
    sys->close(b, fd);
}

void hob__candidates_sort(struct hob__backend *b, struct hob__candidates *c, int after) {
    unsigned first = 0;
    while (first < c->n && c->list[first].tried) first++;
    unsigned n = c->n - first;
    if (n < 2) return;
    struct hob__candidate *list = c->list + first;
    uint32_t merits[HOB__CANDIDATES];
    for (unsigned i = 0; i < n; i++) {
        if (!list[i].probed) probe(b, &list[i]);
        merits[i] = merit(&list[i]);
    }
    /* Positions, by insertion: at most 32. */
    uint8_t order[HOB__CANDIDATES];
    for (unsigned i = 0; i < n; i++) {
        unsigned at = i;
        for (; at > 0 && merits[order[at - 1]] < merits[i]; at--) order[at] = order[at - 1];
        order[at] = (uint8_t)i;
    }
    struct hob__candidate sorted[HOB__CANDIDATES];
    for (unsigned done = 0; done < n; done++) {
        unsigned pick = 0;
        while (pick < n &&
               (order[pick] == UINT8_MAX || list[order[pick]].to.ip.any.sa_family == after))
            pick++;
        if (pick == n) /* only that family is left */
            for (pick = 0; order[pick] == UINT8_MAX;) pick++;
        sorted[done] = list[order[pick]];
        after = sorted[done].to.ip.any.sa_family;
        order[pick] = UINT8_MAX;
    }
    memcpy(list, sorted, n * sizeof *list);
}
