/* loop/sim/order.c - who is next, among tasks that are ready and among loops that have something to
 * do.
 *
 *   fifo    as on the real backends
 *   random  any, each time anew; now and then the turn ends early
 *   last    whoever became ready last
 *   pct     each task has a random priority, the highest runs; at a few random moments the one that
 *           runs falls behind all others. Finds a bug that needs d such moments with a probability
 *           that does not shrink with the number of tasks (Burckhardt et al., 2010).
 *
 * The layer above sees to it that whatever the order, what it promises holds: new tasks begin in
 * the order of their spawns, and hob_yield_now() lets all others run first. */
#include "loop/sim/sim.h"

enum { TASK_NS = 100 };

void hob__sim_order_set(struct hob__sim *w, enum hob__sim_order order) {
    w->order = order;
    w->pct.salt = hob__sim_draw(w, HOB__SIM_ORDER);
    w->pct.changes = (unsigned)hob__sim_below(w, HOB__SIM_ORDER, 4);
    /* Short and long runs: spans from 10 to 100,000 switches. */
    uint64_t span = 10;
    for (uint64_t i = hob__sim_below(w, HOB__SIM_ORDER, 5); i > 0; i--) span *= 10;
    for (unsigned i = 0; i < w->pct.changes; i++)
        w->pct.change_at[i] = hob__sim_below(w, HOB__SIM_ORDER, span);
}

/* Higher runs first; those that have fallen are below all others, the last one lowest. */
static uint64_t priority(const struct hob__sim *w, uint64_t id) {
    for (unsigned i = w->pct.changes; i-- > 0;)
        if (w->pct.low[i] == id + 1) return w->pct.changes - i;
    return hob__sim_mix(w->pct.salt ^ id) | 16;
}

static int choose_pct(struct hob__sim *w, void *above, uint32_t n, uint64_t loop,
                      uint64_t (*id)(void *above, uint32_t i)) {
    uint64_t best = 0, best_id = 0;
    int chosen = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t who = loop << 48 | id(above, i), p = priority(w, who);
        if (p <= best) continue;
        best = p;
        best_id = who;
        chosen = (int)i;
    }
    for (unsigned i = 0; i < w->pct.changes; i++)
        if (w->pct.change_at[i] == w->pct.step) w->pct.low[i] = best_id + 1;
    w->pct.step++;
    return chosen;
}

static __attribute__((noinline)) int choose(struct hob__backend *b, uint32_t n,
                                            uint64_t (*id)(void *above, uint32_t i)) {
    struct hob__sim_loop *l = b->state;
    struct hob__sim *w = l->world;
    int chosen = 0;
    switch (w->order) {
    case HOB__SIM_FIFO:
        break;
    case HOB__SIM_RANDOM: {
        uint64_t r = hob__sim_draw(w, HOB__SIM_ORDER);
        if ((r & 31) == 0) return -1;
        return n > 1 ? (int)((r >> 32) * n >> 32) : 0;
    }
    case HOB__SIM_LAST:
        chosen = (int)n - 1;
        break;
    case HOB__SIM_PCT:
        chosen = choose_pct(w, b->above, n, l->host->index, id);
        break;
    }
    hob__sim_note(w, (uint64_t)chosen);
    return chosen;
}

int hob__sim_choose(struct hob__backend *b, uint32_t n, uint64_t (*id)(void *above, uint32_t i)) {
    struct hob__sim *w = hob__sim_world(b);
    w->now += TASK_NS;
    if (hob__sim_chance(w, HOB__SIM_RACE, w->faults.race)) return -1;
    return w->order == HOB__SIM_FIFO ? 0 : choose(b, n, id);
}

unsigned hob__sim_choose_loop(struct hob__sim *w, unsigned n) {
    switch (w->order) {
    case HOB__SIM_FIFO:
        return 0;
    case HOB__SIM_LAST: /* always the last would let two of them keep all others out */
        if (hob__sim_draw(w, HOB__SIM_ORDER) & 7) return n - 1;
        return 0;
    default:
        return (unsigned)hob__sim_below(w, HOB__SIM_ORDER, n);
    }
}
