/* dns_sort_fuzz.c - which address to try first: a permutation of what was given, in the order of a
 * second reading of RFC 6724 section 6 (rule by rule, in pairs), families in turn (RFC 8305). */
#include "fuzz.h"
#include "io/dns/dns.h"

/* ---- what the system would send from: the input says ---- */

static struct hob_address from[HOB__CANDIDATES];
static bool reachable[HOB__CANDIDATES];
static unsigned connected;

static int fake_socket(struct hob__backend *b, int domain, int type, int protocol) {
    (void)b, (void)type, (void)protocol;
    return domain == AF_INET || domain == AF_INET6 ? 100 : -EAFNOSUPPORT;
}
static int fake_connect(struct hob__backend *b, int fd, const struct sockaddr *to, socklen_t n) {
    (void)b;
    struct hob_address a;
    CHECK(fd == 100 && hob_address_from(to, n, &a) == 0 && hob_address_port(&a) != 0);
    /* The candidate's port names it. */
    connected = a.ip.any.sa_family == AF_INET
                    ? ((const uint8_t *)&a.ip.v4.sin_addr)[3] % HOB__CANDIDATES
                    : a.ip.v6.sin6_addr.s6_addr[15] % HOB__CANDIDATES;
    return reachable[connected] ? 0 : -ENETUNREACH;
}
static int fake_name(struct hob__backend *b, int fd, struct sockaddr *out, socklen_t *n) {
    (void)b, (void)fd;
    CHECK(*n >= hob_address_size(&from[connected]));
    *n = hob_address_size(&from[connected]);
    memcpy(out, &from[connected], *n);
    return 0;
}
static int fake_close(struct hob__backend *b, int fd) {
    (void)b;
    CHECK(fd == 100);
    return 0;
}

/* ---- RFC 6724 ---- */

static void as_v6(const struct hob_address *a, uint8_t out[16]) {
    memset(out, 0, 16);
    if (a->ip.any.sa_family == AF_INET6) memcpy(out, &a->ip.v6.sin6_addr, 16);
    if (a->ip.any.sa_family != AF_INET) return;
    out[10] = out[11] = 255;
    memcpy(out + 12, &a->ip.v4.sin_addr, 4);
}

/* Section 2.1: precedence and label by the longest prefix. */
static void policy(const struct hob_address *a, int *precedence, int *label) {
    uint8_t ip[16], zero[16] = {0};
    as_v6(a, ip);
    *precedence = 40, *label = 1;
    if ((ip[0] & 0xfe) == 0xfc) *precedence = 3, *label = 13;
    if (ip[0] == 0xfe && (ip[1] & 0xc0) == 0xc0) *precedence = 1, *label = 11;
    if (ip[0] == 0x20 && ip[1] == 2) *precedence = 30, *label = 2;
    if (ip[0] == 0x3f && ip[1] == 0xfe) *precedence = 1, *label = 12;
    if (ip[0] == 0x20 && ip[1] == 1 && !ip[2] && !ip[3]) *precedence = 5, *label = 5;
    if (memcmp(ip, zero, 12) == 0) *precedence = 1, *label = 3;
    if (memcmp(ip, zero, 10) == 0 && ip[10] == 255 && ip[11] == 255) *precedence = 35, *label = 4;
    if (memcmp(ip, zero, 15) == 0 && ip[15] == 1) *precedence = 50, *label = 0;
}

static int scope(const struct hob_address *a) {
    uint8_t ip[16];
    as_v6(a, ip);
    if (a->ip.any.sa_family == AF_INET) {
        bool near = ip[12] == 127 || (ip[12] == 169 && ip[13] == 254);
        return near ? 2 : 14;
    }
    if (ip[0] == 255) return ip[1] % 16;
    if (ip[0] == 0xfe && ip[1] >= 0xc0) return 5;
    if (ip[0] == 0xfe && ip[1] >= 0x80) return 2;
    static const uint8_t loopback[16] = {[15] = 1};
    return memcmp(ip, loopback, 16) == 0 ? 2 : 14;
}

static int common(const struct hob_address *a, const struct hob_address *b) {
    uint8_t x[16], y[16];
    int n = 0;
    as_v6(a, x);
    as_v6(b, y);
    while (n < 64 && (x[n / 8] >> (7 - n % 8) & 1) == (y[n / 8] >> (7 - n % 8) & 1)) n++;
    return n;
}

/* > 0: a comes first, whatever the order they were in. */
static int better(const struct hob__candidate *a, const struct hob__candidate *b) {
    int pa, la, pb, lb, sa, sb, fa, fb;
    if (a->reachable != b->reachable) return a->reachable - b->reachable; /* 1 */
    if (!a->reachable) return 0;
    bool same_a = scope(&a->to) == scope(&a->from), same_b = scope(&b->to) == scope(&b->from);
    if (same_a != same_b) return same_a - same_b; /* 2 */
    policy(&a->from, &fa, &sa);
    policy(&b->from, &fb, &sb);
    policy(&a->to, &pa, &la);
    policy(&b->to, &pb, &lb);
    if ((la == sa) != (lb == sb)) return (la == sa) - (lb == sb);             /* 5 */
    if (pa != pb) return pa - pb;                                             /* 6 */
    if (scope(&a->to) != scope(&b->to)) return scope(&b->to) - scope(&a->to); /* 8 */
    int ca = a->to.ip.any.sa_family == AF_INET6 ? common(&a->to, &a->from) : 0;
    int cb = b->to.ip.any.sa_family == AF_INET6 ? common(&b->to, &b->from) : 0;
    return ca - cb; /* 9, where both are of one family; rules 6 and 5 have parted the others */
}

static void check(const struct hob__candidates *c, const struct hob__candidates *before,
                  unsigned first, int after) {
    int family = after;
    for (unsigned i = 0; i < c->n; i++) {
        unsigned times = 0, times_before = 0;
        for (unsigned k = 0; k < c->n; k++) {
            times += hob_address_equal(&c->list[i].to, &c->list[k].to);
            times_before += hob_address_equal(&c->list[i].to, &before->list[k].to);
        }
        CHECK(times == times_before);
        if (i < first) CHECK(hob_address_equal(&c->list[i].to, &before->list[i].to));
    }
    if (c->n - first < 2) return;
    for (unsigned i = first; i < c->n; i++) {
        const struct hob__candidate *mine = &c->list[i];
        for (unsigned k = i + 1; k < c->n; k++) {
            if (c->list[k].to.ip.any.sa_family == mine->to.ip.any.sa_family)
                CHECK(better(&c->list[k], mine) <= 0);
            if (mine->to.ip.any.sa_family == family) /* only this family is left */
                CHECK(c->list[k].to.ip.any.sa_family == family);
        }
        family = mine->to.ip.any.sa_family;
    }
}

static struct hob_address address(struct fuzz_input *in, unsigned kind) {
    static const uint8_t prefixes[][4] = {{0},          {0xfe, 0x80}, {0xfe, 0xc0},
                                          {0x20, 2},    {0x20, 1},    {0xfd},
                                          {0x3f, 0xfe}, {0xff, 0xe},  {0x20, 1, 13, 0xb8}};
    uint8_t bytes[16] = {0};
    struct hob_address a = {0};
    a.ip.any.sa_family = kind & 1 ? AF_INET6 : AF_INET;
    memcpy(bytes, prefixes[kind / 2 % 9], 4);
    for (int i = 12; i < 16; i++) bytes[i] = (uint8_t)fuzz_byte(in);
    if (kind & 128) bytes[8] = (uint8_t)fuzz_byte(in), bytes[5] = (uint8_t)fuzz_byte(in);
    if (kind & 1)
        memcpy(&a.ip.v6.sin6_addr, bytes, 16);
    else
        memcpy(&a.ip.v4.sin_addr, bytes + 12, 4);
    return a;
}

FUZZ(data, n) {
    struct fuzz_input in = {data, n};
    static struct hob__sys sys = {.socket = fake_socket,
                                  .connect = fake_connect,
                                  .getsockname = fake_name,
                                  .close = fake_close};
    static struct hob__backend_ops ops = {.sys = &sys};
    struct hob__backend b = {.ops = &ops};
    struct hob__candidates c = {0}, before;
    for (unsigned i = 0; i < HOB__CANDIDATES; i++) {
        unsigned kind = fuzz_byte(&in);
        from[i] = address(&in, kind);
        reachable[i] = kind & 64;
    }
    unsigned tried = fuzz_byte(&in) % 4, after = fuzz_byte(&in);
    while (in.left > 0) {
        struct hob_address a = address(&in, fuzz_byte(&in));
        unsigned had = c.n;
        bool known = false;
        for (unsigned i = 0; i < c.n; i++) known |= hob_address_equal(&c.list[i].to, &a);
        hob__candidate_add(&c, a.ip.any.sa_family,
                           edge_copy(a.ip.any.sa_family == AF_INET ? (void *)&a.ip.v4.sin_addr
                                                                   : (void *)&a.ip.v6.sin6_addr,
                                     a.ip.any.sa_family == AF_INET ? 4 : 16),
                           a.ip.any.sa_family == AF_INET ? 0 : a.ip.v6.sin6_scope_id, 1);
        CHECK(c.n == had + (!known && had < HOB__CANDIDATES));
    }
    if (tried > c.n) tried = c.n;
    for (unsigned i = 0; i < tried; i++) c.list[i].tried = true;
    before = c;
    int family = after % 3 == 0 ? AF_INET : after % 3 == 1 ? AF_INET6 : AF_UNSPEC;
    hob__candidates_sort(&b, &c, family);
    check(&c, &before, tried, family);
}
