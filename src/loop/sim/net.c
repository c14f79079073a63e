/* loop/sim/net.c - addresses: which host has which. Each has 10.0.0.N and fd00::N, and is
 * 127.0.0.0/8 and ::1 to itself. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "loop/sim/sim.h"

static const uint8_t v4_prefix[12] = {[10] = 0xff, [11] = 0xff};

static bool is_v4(const struct hob__sim_address *a) { return memcmp(a->ip, v4_prefix, 12) == 0; }

int hob__sim_address_parse(const struct sockaddr *addr, socklen_t n, struct hob__sim_address *out) {
    memset(out, 0, sizeof *out);
    if (n < sizeof(sa_family_t)) return -EINVAL;
    out->family = addr->sa_family;
    if (addr->sa_family == AF_INET) {
        struct sockaddr_in in;
        if (n < sizeof in) return -EINVAL;
        memcpy(&in, addr, sizeof in);
        memcpy(out->ip, v4_prefix, 12);
        memcpy(out->ip + 12, &in.sin_addr, 4);
        out->port = ntohs(in.sin_port);
        return 0;
    }
    if (addr->sa_family == AF_INET6) {
        struct sockaddr_in6 in;
        if (n < sizeof in) return -EINVAL;
        memcpy(&in, addr, sizeof in);
        memcpy(out->ip, &in.sin6_addr, 16);
        out->port = ntohs(in.sin6_port);
        return 0;
    }
    return -EAFNOSUPPORT;
}

void hob__sim_address_put(const struct hob__sim_address *a, struct sockaddr *addr, socklen_t *n) {
    if (!addr || !n) return;
    union {
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } u;
    memset(&u, 0, sizeof u);
    socklen_t size;
    if (a->family == AF_INET) {
        u.v4.sin_family = AF_INET;
        u.v4.sin_port = htons(a->port);
        memcpy(&u.v4.sin_addr, a->ip + 12, 4);
        size = sizeof u.v4;
    } else {
        u.v6.sin6_family = AF_INET6;
        u.v6.sin6_port = htons(a->port);
        memcpy(&u.v6.sin6_addr, a->ip, 16);
        size = sizeof u.v6;
    }
    memcpy(addr, &u, *n < size ? *n : size);
    *n = size;
}

int hob__sim_find_port(struct hob__sim_end *e, struct hob__sim_address *a,
                       bool (*in_use)(struct hob__sim_end *e, const struct hob__sim_address *a)) {
    struct hob__sim_host *h = e->host;
    for (int i = 0; i < 65536 - HOB__SIM_FIRST_FREE_PORT; i++) {
        a->port = h->next_port;
        h->next_port =
            h->next_port == 65535 ? HOB__SIM_FIRST_FREE_PORT : (uint16_t)(h->next_port + 1);
        if (!in_use(e, a)) return 0;
    }
    return -EADDRINUSE;
}

bool hob__sim_address_any(const struct hob__sim_address *a) {
    static const uint8_t zero[16];
    return memcmp(a->ip, zero, 16) == 0 || (is_v4(a) && memcmp(a->ip + 12, zero, 4) == 0);
}

static bool is_loopback(const struct hob__sim_address *a) {
    static const uint8_t one[16] = {[15] = 1};
    return memcmp(a->ip, one, 16) == 0 || (is_v4(a) && a->ip[12] == 127);
}

struct hob__sim_host *hob__sim_host_at(struct hob__sim_host *from,
                                       const struct hob__sim_address *a) {
    static const uint8_t v6_net[15] = {0xfd};
    struct hob__sim *w = from->world;
    unsigned last = a->ip[15];
    if (is_loopback(a) || hob__sim_address_any(a)) return from;
    bool ours = is_v4(a) ? a->ip[12] == 10 && a->ip[13] == 0 && a->ip[14] == 0
                         : memcmp(a->ip, v6_net, 15) == 0;
    return ours && last >= 1 && last <= w->host_count ? w->hosts[last - 1] : NULL;
}

void hob__sim_source(const struct hob__sim_host *h, const struct hob__sim_address *to,
                     struct hob__sim_address *out) {
    uint16_t port = out->port;
    memset(out, 0, sizeof *out);
    out->port = port;
    out->family = to->family;
    bool v4 = to->family == AF_INET || is_v4(to);
    if (v4) memcpy(out->ip, v4_prefix, 12);
    if (is_loopback(to) || hob__sim_address_any(to)) {
        if (v4) out->ip[12] = 127;
        out->ip[15] = 1;
        return;
    }
    out->ip[v4 ? 12 : 0] = v4 ? 10 : 0xfd;
    out->ip[15] = (uint8_t)(h->index + 1);
}

const char *hob__sim_address_text(const struct hob__sim_address *a) {
    static char texts[4][INET6_ADDRSTRLEN + 10];
    static unsigned turn;
    char *text = texts[turn++ & 3], ip[INET6_ADDRSTRLEN];
    bool v4 = is_v4(a);
    inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? a->ip + 12 : a->ip, ip, sizeof ip);
    snprintf(text, sizeof texts[0], v4 ? "%s:%u" : "[%s]:%u", ip, a->port);
    return text;
}
