/* sim/names.c - what the world's name servers say: the test's table, then the hosts' own names. */
#include <arpa/inet.h>
#include <hob/address.h>
#include <stdio.h>
#include <strings.h>

#include "sim/names.h"

enum { TTL = 60, NEGATIVE_TTL = 5 };

struct hob__sim_name {
    struct hob__sim_name *next;
    struct hob__sim_answer answer;
    char name[];
};

static struct hob__sim_name *find(const struct hob__sim_front *front, const char *name) {
    struct hob__sim_name *e = front ? front->names : NULL;
    while (e && strcasecmp(e->name, name) != 0) e = e->next;
    return e;
}

static struct hob__sim_name *entry(struct hob__sim_front *front, const char *name) {
    struct hob__sim_name *e = find(front, name);
    if (e) return e;
    size_t n = strlen(name) + 1;
    e = hob__sim_alloc(sizeof *e + n);
    memcpy(e->name, name, n);
    e->next = front->names;
    return front->names = e;
}

static void take_addresses(const char *text, struct hob__sim_answer *out) {
    const char *p = text + strspn(text, ", ");
    while (*p) {
        char one[HOB_ADDRESS_TEXT] = "";
        size_t n = strcspn(p, ", ");
        memcpy(one, p, n < sizeof one ? n : sizeof one - 1);
        p += n + strspn(p + n, ", ");
        if (out->count == HOB__SIM_ADDRESSES)
            hob__misuse("hob_sim_name", "'%s': more than %d addresses", text, HOB__SIM_ADDRESSES);
        if (hob_address_parse_host(one, 0, &out->list[out->count++]) < 0)
            hob__misuse("hob_sim_name", "'%s' is not an address", one);
    }
}

static uint64_t ns_of(double seconds) {
    return seconds > 0 ? seconds < 1e6 ? (uint64_t)(seconds * 1e9) : UINT64_C(1000000000000000) : 0;
}

void hob__sim_name(const char *name, const char *addresses, struct hob_sim_name_options o) {
    struct hob__sim *w = hob__sim_here("hob_sim_name");
    struct hob__sim_answer a = {.known = true, .silent = o.silent, .broken = o.broken};
    take_addresses(addresses ? addresses : "", &a);
    a.ttl = o.ttl < 0 ? 0 : o.ttl > 0 ? (uint32_t)(o.ttl < 1e9 ? o.ttl : 1e9) : TTL;
    a.delay_ns[0] = ns_of(o.delay);
    a.delay_ns[1] = o.delay_v6 > 0 ? ns_of(o.delay_v6) : a.delay_ns[0];
    entry(hob__sim_front(w), name)->answer = a;
    HOB__SIM_LOG(w, w->current->host, "name %s: %s%s", name, addresses ? addresses : "",
                 o.silent   ? " (no answer)"
                 : o.broken ? " (cannot tell)"
                            : "");
}

/* 10.0.0.N and fd00::N. */
static void addresses_of(const struct hob__sim_host *h, struct hob_address list[2]) {
    char text[32];
    snprintf(text, sizeof text, "10.0.0.%u", h->index + 1);
    hob_address_parse_host(text, 0, &list[0]);
    snprintf(text, sizeof text, "fd00::%x", h->index + 1);
    hob_address_parse_host(text, 0, &list[1]);
}

void hob__sim_name_answer(struct hob__sim *w, const char *name, struct hob__sim_answer *out) {
    const struct hob__sim_name *e = find(hob__sim_front(w), name);
    *out = (struct hob__sim_answer){.ttl = NEGATIVE_TTL};
    if (e) {
        *out = e->answer;
        return;
    }
    for (unsigned i = 0; i < w->host_count; i++) {
        if (strcasecmp(w->hosts[i]->name, name) != 0) continue;
        addresses_of(w->hosts[i], out->list);
        out->known = true;
        out->count = 2;
        out->ttl = TTL;
        return;
    }
}

const char *hob__sim_name_of(struct hob__sim *w, const char *arpa) {
    for (unsigned i = 0; i < w->host_count; i++) {
        struct hob_address mine[2];
        char text[80], *p = text;
        addresses_of(w->hosts[i], mine);
        snprintf(text, sizeof text, "%u.0.0.10.in-addr.arpa", i + 1);
        if (strcmp(text, arpa) == 0) return w->hosts[i]->name;
        for (int k = 15; k >= 0; k--) {
            unsigned byte = mine[1].ip.v6.sin6_addr.s6_addr[k];
            p += snprintf(p, 5, "%x.%x.", byte & 15, byte >> 4);
        }
        memcpy(p, "ip6.arpa", sizeof "ip6.arpa");
        if (strcmp(text, arpa) == 0) return w->hosts[i]->name;
    }
    return NULL;
}

void hob__sim_free_names(struct hob__sim_front *front) {
    for (struct hob__sim_name *e = front->names, *next; e; e = next) {
        next = e->next;
        hob__sim_free(e);
    }
    front->names = NULL;
}
