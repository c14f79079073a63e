/* sim/sim.h - the inside of libhob-sim's front: hosts with a main task, and the runner of tests.
 * The world itself is src/loop/sim. */
#ifndef HOB_SIM_SIM_H
#define HOB_SIM_SIM_H

#include <hob/sim.h>

#include "loop/sim/sim.h"
#include "task/task.h"

struct hob_sim_host {
    struct hob__sim_host *machine;
    struct hob__sim_loop *loop; /* NULL: it has none now */
    const struct hob__spawn_site *site;
    void *args;
    int result;
    bool ended;   /* by itself: result holds */
    bool crashed; /* since it was started */
    bool asked;   /* for its result, or the test cancels it: its error is not the test's */
    struct hob_waitlist waiters;
    char address[24];
    struct hob_sim_host *next;
};

/* What the front keeps of a world (hob__sim.above). */
struct hob__sim_front {
    struct hob_sim_host *hosts, **last;
    struct hob_sim_host test; /* the test's own */
    struct hob__sim_name *names;
};

static inline struct hob__sim_front *hob__sim_front(struct hob__sim *w) { return w->above; }

/* The world that now runs; misuse, naming func, without one. */
struct hob__sim *hob__sim_here(const char *func);

/* Cancels every host's loop and waits until all have ended; a task of the test's host. 0, or the
 * error of a host that nobody asked for. */
int hob__sim_end_hosts(struct hob__sim *w);
void hob__sim_free_hosts(struct hob__sim *w);
void hob__sim_free_names(struct hob__sim_front *front);
/* The loop's tasks are cancelled: as by hob_scope_cancel() on all of it. */
void hob__sim_cancel_loop(struct hob__sim_loop *l);
#endif
