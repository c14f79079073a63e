/* hob_deadline.c - deadlines, with a million other timers armed: those of a million tasks, each
 * waiting in a scope with a deadline of its own.
 *
 *   deadline_hot      one scope with a near deadline, opened and left again and again
 *   deadline_random   hob_scope_reschedule() on the million scopes in random order: its timer is
 *                     disarmed and armed anew
 *   within_hot        hob_within() around a call that need not wait: it looks at the clock as well
 */
#include "bench.h"
#include <hob/hob.h>

enum { MILLION = 1000000, PAIRS = 200000, PORTION = 20000 };
static const uint64_t SECOND = 1000000000u;

static struct hob_scope **scopes;
static int waiting;
static struct hob_event end;

/* Between 60 and 120 seconds from now. */
static uint64_t far(uint64_t now, uint64_t *seed) {
    return now + 60 * SECOND + bench_random(seed) % (60 * SECOND);
}

static int holder(int i, uint64_t deadline) {
    HOB_SCOPE(s, .deadline = deadline);
    scopes[i] = s;
    waiting++;
    return hob_event_wait(&end);
}
HOB_TASK(holder, int, uint64_t)

static void open_and_leave(uint64_t deadline) { HOB_SCOPE(s, .deadline = deadline); }

static int hot(void) {
    uint64_t near = hob_after(5.0);
    for (int i = 0; i < PAIRS; i++) {
        open_and_leave(near);
        if (i % PORTION == 0) HOB_TRY(hob_yield_now());
    }
    return 0;
}

static int random_order(uint64_t now, uint64_t *seed) {
    for (int i = 0; i < PAIRS; i++) {
        HOB_TRY(hob_scope_reschedule(scopes[bench_random(seed) % MILLION], far(now, seed)));
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

static int app(void) {
    uint64_t now = hob_now(), seed = 42;
    scopes = calloc(MILLION, sizeof *scopes);
    if (!scopes) return -ENOMEM;
    HOB_SCOPE(s);
    for (int i = 0; i < MILLION; i++) hob_spawn(s, holder, i, far(now, &seed));
    while (waiting < MILLION) HOB_TRY(hob_yield_now());
    double ns;
    BENCH_MEASURE(ns, PAIRS, HOB_TRY(hot()));
    bench_result("deadline_hot", ns, "ns");
    BENCH_MEASURE(ns, PAIRS, HOB_TRY(random_order(now, &seed)));
    bench_result("deadline_random", ns, "ns");
    BENCH_MEASURE(ns, PAIRS, HOB_TRY(within()));
    bench_result("within_hot", ns, "ns");
    hob_event_set(&end);
    HOB_TRY(hob_join(s));
    free(scopes);
    return 0;
}
HOB_TASK(app)

int main(void) {
    int rc = hob_run(app);
    if (rc < 0) BENCH_FAIL("deadlines: %s", hob_strerror(rc));
    return 0;
}
