/* loop/sim/buggify.c - whether one of the program's places of unlikely things is on fire now. */
#include <hob/buggify.h>

#include "loop/sim/sim.h"

static bool on_fire(const char *name) {
    struct hob__sim *w = hob__sim_current;
    if (!w || hob__sim_seed_of(w, name) & 3) return false;
    if (!hob__sim_chance(w, HOB__SIM_BUGGIFY, w->faults.buggify)) return false;
    HOB__SIM_LOG(w, w->current->host, "buggify %s", name);
    return true;
}

void hob__sim_buggify(const struct hob__sim *w) {
    hob__buggify = w && w->faults.buggify ? on_fire : NULL;
}
