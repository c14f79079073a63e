/* hob_deadline.c - deadlines, with a million other timers armed: those of scopes that are nested, a
 * thousand in each of a thousand tasks, so that they lie side by side in memory.
 *
 *   deadline_hot      one scope with a near deadline, opened and left again and again
 *   deadline_random   hob_scope_reschedule() on the million scopes in random order, to earlier as
 *                     often as to later; the order is a list of their addresses, shuffled before,
 *                     since who moves a deadline holds its scope and need not look for it
 *   deadline_off_on   the same with a call that takes the deadline away before the one that sets
 *                     it: the timer is disarmed and armed, out of a list and into another
 *   within_hot        hob_within() around a call that need not wait: it looks at the clock as well
 *   deadline_asleep   as deadline_random, but each scope is that of a task of its own, asleep: what
 *                     is measured then is mostly the memory of a million cold stacks */
#include "bench.h"
#include <hob/hob.h>

enum { MILLION = 1000000, DEPTH = 1000, PAIRS = 200000, PORTION = 20000 };
static const uint64_t SECOND = 1000000000u;

static struct hob_scope **scopes;
static int waiting, next;
static struct hob_event end;

/* Between 60 and 120 seconds from now. */
static uint64_t far(uint64_t now, uint64_t *seed) {
    return now + 60 * SECOND + bench_random(seed) % (60 * SECOND);
}

/* Holds the scopes i, i + 1, ... up to `last`, each inside the one before. */
static int hold(int i, int last, uint64_t now, uint64_t *seed) {
    HOB_SCOPE(s, .deadline = far(now, seed));
    scopes[i] = s;
    waiting++;
    return i == last ? hob_event_wait(&end) : hold(i + 1, last, now, seed);
}
HOB_TASK(hold, int, int, uint64_t, uint64_t *)

static int hold_million(struct hob_scope *s, int depth, uint64_t now, uint64_t *seed) {
    struct hob_spawn_options stack = {.stack_size = depth > 1 ? 1 << 20 : 0};
    for (int i = 0; i < MILLION; i += depth)
        hob_spawn_with(s, stack, hold, i, i + depth - 1, now, seed);
    while (waiting < MILLION && !hob_cancelled()) HOB_TRY(hob_yield_now());
    return 0;
}

static void open_and_leave(uint64_t deadline) { HOB_SCOPE(s, .deadline = deadline); }

static int hot(void) {
    uint64_t near = hob_after(5.0);
    for (int i = 0; i < PAIRS; i++) {
        open_and_leave(near);
        if (i % PORTION == 0) HOB_TRY(hob_yield_now());
    }
    return 0;
}

/* The next scope in the shuffled order; after the last the first. */
static struct hob_scope *next_scope(void) {
    if (next == MILLION) next = 0;
    return scopes[next++];
}

static int random_order(uint64_t now, uint64_t *seed) {
    for (int i = 0; i < PAIRS; i++) {
        HOB_TRY(hob_scope_reschedule(next_scope(), far(now, seed)));
        if (i % PORTION == 0) HOB_TRY(hob_yield_now());
    }
    return 0;
}

static int off_and_on(uint64_t now, uint64_t *seed) {
    for (int i = 0; i < PAIRS; i++) {
        struct hob_scope *s = next_scope();
        HOB_TRY(hob_scope_reschedule(s, 0));
        HOB_TRY(hob_scope_reschedule(s, far(now, seed)));
        if (i % PORTION == 0) HOB_TRY(hob_yield_now());
    }
    return 0;
}

static int within(void) {
    for (int i = 0; i < PAIRS; i++) {
        HOB_TRY(hob_within(5.0, hob_check()));
        if (i % PORTION == 0) HOB_TRY(hob_yield_now());
    }
    return 0;
}

static int app(bool asleep) {
    uint64_t now = hob_now(), seed = 42;
    scopes = calloc(MILLION, sizeof *scopes);
    if (!scopes) return -ENOMEM;
    HOB_SCOPE(s);
    HOB_TRY(hold_million(s, asleep ? 1 : DEPTH, now, &seed));
    bench_shuffle((void **)scopes, MILLION, &seed);
    double ns;
    BENCH_MEASURE(ns, PAIRS, HOB_TRY(random_order(now, &seed)));
    bench_result(asleep ? "deadline_asleep" : "deadline_random", ns, "ns");
    if (!asleep) {
        BENCH_MEASURE(ns, PAIRS, HOB_TRY(hot()));
        bench_result("deadline_hot", ns, "ns");
        BENCH_MEASURE(ns, PAIRS, HOB_TRY(within()));
        bench_result("within_hot", ns, "ns");
        BENCH_MEASURE(ns, PAIRS, HOB_TRY(off_and_on(now, &seed)));
        bench_result("deadline_off_on", ns, "ns");
    }
    hob_event_set(&end);
    HOB_TRY(hob_join(s));
    free(scopes);
    return 0;
}
HOB_TASK(app, bool)

int main(int argc, char **argv) {
    int rc = hob_run(app, argc > 1 && strcmp(argv[1], "deadline_asleep") == 0);
    if (rc < 0) BENCH_FAIL("deadlines: %s", hob_strerror(rc));
    return 0;
}
