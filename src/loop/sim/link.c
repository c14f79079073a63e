/* loop/sim/link.c - what lies between two hosts, one direction at a time: delay, bandwidth, loss,
 * partitions, clogging. */
#include "loop/sim/sim.h"

#define US UINT64_C(1000)
#define MS UINT64_C(1000000)

/* What a world has between any two hosts unless it is told otherwise. */
static struct hob__sim_link *default_link(struct hob__sim *w) {
    if (w->default_link) return w->default_link;
    struct hob__sim_link *l = hob__sim_alloc(sizeof *l);
    l->delay_ns = 50 * US + hob__sim_below(w, HOB__SIM_CONFIG, 500 * US);
    l->jitter_ns = hob__sim_below(w, HOB__SIM_CONFIG, 2)
                       ? hob__sim_below(w, HOB__SIM_CONFIG, 5 * MS)
                       : 20 * US;
    return w->default_link = l;
}

static const struct hob__sim_link loopback = {.delay_ns = 10 * US};

const struct hob__sim_link *hob__sim_link_of(struct hob__sim *w, const struct hob__sim_host *from,
                                             const struct hob__sim_host *to) {
    const struct hob__sim_link *row = w->links[from->index];
    if (row) return &row[to->index];
    if (from == to) return &loopback;
    return default_link(w);
}

struct hob__sim_link *hob__sim_link_own(struct hob__sim *w, const struct hob__sim_host *from,
                                        const struct hob__sim_host *to) {
    struct hob__sim_link *row = w->links[from->index];
    if (!row) {
        row = hob__sim_alloc(HOB__SIM_HOSTS * sizeof *row);
        for (unsigned i = 0; i < HOB__SIM_HOSTS; i++)
            row[i] = i == from->index ? loopback : *default_link(w);
        w->links[from->index] = row;
    }
    return &row[to->index];
}

uint64_t hob__sim_travel(struct hob__sim *w, const struct hob__sim_host *from,
                         const struct hob__sim_host *to, size_t n, bool *lost) {
    const struct hob__sim_link *l = hob__sim_link_of(w, from, to);
    uint64_t leaves = w->now;
    *lost = hob__sim_chance(w, HOB__SIM_NET, l->loss);
    if (l->ns_per_kib) {
        struct hob__sim_link *mine = hob__sim_link_own(w, from, to);
        if (mine->free_at > leaves) leaves = mine->free_at;
        leaves += n * l->ns_per_kib / 1024;
        mine->free_at = leaves;
    }
    uint64_t arrives = leaves + l->delay_ns;
    if (l->jitter_ns) arrives += hob__sim_below(w, HOB__SIM_NET, l->jitter_ns);
    return arrives > l->clogged_until ? arrives : l->clogged_until;
}
