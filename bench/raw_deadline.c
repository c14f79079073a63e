/* raw_deadline.c - the limits of deadline_* and within_hot.
 *
 * deadline_hot, deadline_random, deadline_off_on, deadline_asleep: the timer wheel alone, without
 * tasks or scopes, with a million timers armed in one dense array: the same near deadline armed and
 * disarmed again and again, and timers taken in random order (that of a shuffled list of their
 * addresses), disarmed and armed for a new deadline. within_hot: one look at the clock, which a
 * deadline that is so many seconds from now cannot do without. */
#include "base/wheel.h"
#include "bench.h"

enum { MILLION = 1000000, PAIRS = 200000 };
static const uint64_t SECOND = 1000000000u;

static void never(struct hob_timer *t) {
    (void)t;
    BENCH_FAIL("a timer fired");
}

/* Between 60 and 120 seconds from now. */
static uint64_t far(uint64_t now, uint64_t *seed) {
    return now + 60 * SECOND + bench_random(seed) % (60 * SECOND);
}

static void arm(struct hob__wheel *w, struct hob_timer *t) {
    if (!hob__wheel_add(w, t)) BENCH_FAIL("a deadline has passed already");
}

int main(void) {
    static struct hob__wheel wheel;
    uint64_t now = bench_wall(), seed = 42, sum = 0;
    struct hob_timer *timers = calloc(MILLION, sizeof *timers), near = {.fire = never};
    struct hob_timer **order = calloc(MILLION, sizeof *order);
    if (!timers || !order) BENCH_FAIL("no memory for a million timers");
    hob__wheel_init(&wheel, now);
    for (int i = 0; i < MILLION; i++) {
        timers[i].fire = never;
        timers[i].deadline_ns = far(now, &seed);
        arm(&wheel, &timers[i]);
        order[i] = &timers[i];
    }
    bench_shuffle((void **)order, MILLION, &seed);
    int next = 0;
    double ns;
    BENCH_MEASURE(
        ns, PAIRS, for (int i = 0; i < PAIRS; i++) {
            near.deadline_ns = now + 5 * SECOND;
            arm(&wheel, &near);
            BENCH_KEEP(&near);
            hob__wheel_remove(&wheel, &near);
        });
    bench_result("deadline_hot", ns, "ns");
    BENCH_MEASURE(
        ns, PAIRS, for (int i = 0; i < PAIRS; i++) {
            if (next == MILLION) next = 0;
            struct hob_timer *t = order[next++];
            hob__wheel_remove(&wheel, t);
            t->deadline_ns = far(now, &seed);
            arm(&wheel, t);
        });
    bench_result("deadline_random", ns, "ns");
    bench_result("deadline_off_on", ns, "ns");
    bench_result("deadline_asleep", ns, "ns");
    BENCH_MEASURE(ns, PAIRS, for (int i = 0; i < PAIRS; i++) sum += bench_wall());
    BENCH_KEEP(&sum);
    bench_result("within_hot", ns, "ns");
    return 0;
}
