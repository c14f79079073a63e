/* loop/sim/link.c - what lies between two hosts, one direction at a time: delay, bandwidth, loss,
 * partitions, clogging. */
#include "loop/sim/sim.h"

#define US UINT64_C(1000)
#define MS UINT64_C(1000000)

struct hob__sim_link *hob__sim_default_link(struct hob__sim *w) {
    if (w->default_link) return w->default_link;
    struct hob__sim_link *l = hob__sim_alloc(sizeof *l);
    l->delay_ns = 50 * US + hob__sim_below(w, HOB__SIM_CONFIG, 500 * US);
    l->jitter_ns = hob__sim_below(w, HOB__SIM_CONFIG, 2)
                       ? hob__sim_below(w, HOB__SIM_CONFIG, 5 * MS)
                       : 20 * US;
    return w->default_link = l;
}

const struct hob__sim_link hob__sim_loopback = {.delay_ns = 10 * US};

struct hob__sim_link *hob__sim_link_own(struct hob__sim *w, const struct hob__sim_host *from,
                                        const struct hob__sim_host *to) {
    struct hob__sim_link *row = w->links[from->index];
    if (!row) {
        row = hob__sim_alloc(HOB__SIM_HOSTS * sizeof *row);
        for (unsigned i = 0; i < HOB__SIM_HOSTS; i++)
            row[i] = i == from->index ? hob__sim_loopback : *hob__sim_default_link(w);
        w->links[from->index] = row;
    }
    return &row[to->index];
}

uint64_t hob__sim_leaves(struct hob__sim *w, const struct hob__sim_host *from,
                         const struct hob__sim_host *to, size_t n) {
    struct hob__sim_link *l = hob__sim_link_own(w, from, to);
    uint64_t leaves = l->free_at > w->now ? l->free_at : w->now;
    return l->free_at = leaves + n * l->ns_per_kib / 1024;
}

bool hob__sim_dropped(struct hob__sim *w, const struct hob__sim_host *from,
                      const struct hob__sim_host *to) {
    struct hob__sim_link *l = hob__sim_link_own(w, from, to);
    if (l->pass > 0) {
        l->pass--;
        return false;
    }
    l->drop--;
    HOB__SIM_LOG(w, from, "a packet to %s is dropped", to->name);
    return true;
}
