/* sim/net.c - what a test says of the network between two hosts. */
#include "sim/sim.h"

static struct hob__sim_host *machine_of(struct hob__sim *w, struct hob_sim_host *h) {
    return h ? h->machine : hob__sim_front(w)->test.machine;
}

static uint64_t ns_of(double seconds) {
    return seconds > 0 ? seconds < 1e9 ? (uint64_t)(seconds * 1e9) : UINT64_C(1000000000000000000)
                       : 0;
}

static uint32_t chance_of(double p) { return p <= 0 ? 0 : p >= 1 ? UINT32_MAX : HOB__SIM_P(p); }

static void set(struct hob__sim *w, const struct hob__sim_host *a, const struct hob__sim_host *b,
                const struct hob_sim_link_options *o) {
    struct hob__sim_link *l = hob__sim_link_own(w, a, b);
    l->delay_ns = ns_of(o->delay);
    l->jitter_ns = ns_of(o->jitter);
    l->ns_per_kib = o->bandwidth > 0 ? ns_of(1024 / o->bandwidth) : 0;
    if (o->bandwidth > 0 && l->ns_per_kib == 0) l->ns_per_kib = 1;
    l->loss = chance_of(o->loss);
    l->duplicate = chance_of(o->duplicate);
}

void hob__sim_link(struct hob_sim_host *a, struct hob_sim_host *b, bool both,
                   struct hob_sim_link_options options) {
    struct hob__sim *w = hob__sim_here("hob_sim_link");
    set(w, machine_of(w, a), machine_of(w, b), &options);
    if (both) set(w, machine_of(w, b), machine_of(w, a), &options);
}

static void set_down(struct hob_sim_host *a, struct hob_sim_host *b, bool down, const char *func) {
    struct hob__sim *w = hob__sim_here(func);
    struct hob__sim_host *x = machine_of(w, a), *y = machine_of(w, b);
    hob__sim_link_own(w, x, y)->down = down;
    hob__sim_link_own(w, y, x)->down = down;
    HOB__SIM_LOG(w, x, "%s %s", down ? "is cut off from" : "reaches again", y->name);
}

void hob_sim_partition(struct hob_sim_host *a, struct hob_sim_host *b) {
    set_down(a, b, true, __func__);
}

void hob_sim_heal(struct hob_sim_host *a, struct hob_sim_host *b) {
    set_down(a, b, false, __func__);
}

void hob_sim_clog(struct hob_sim_host *a, struct hob_sim_host *b, double seconds) {
    struct hob__sim *w = hob__sim_here(__func__);
    hob__sim_link_own(w, machine_of(w, a), machine_of(w, b))->clogged_until =
        w->now + ns_of(seconds);
}

void hob_sim_drop(struct hob_sim_host *a, struct hob_sim_host *b, unsigned skip, unsigned count) {
    struct hob__sim *w = hob__sim_here(__func__);
    struct hob__sim_link *l = hob__sim_link_own(w, machine_of(w, a), machine_of(w, b));
    l->pass = skip;
    l->drop = count;
}
