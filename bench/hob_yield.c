/* hob_yield.c - yield_2, yield_1000, yield_1m: that many tasks, each looping hob_yield_now(); ns
 * per switch. All run the same loop, as the bare stacks of raw_switch.c do; the first of them
 * counts the rounds of all and looks at the clock between windows. */
#include "bench.h"
#include <hob/hob.h>

struct meter {
    size_t rounds, left; /* in each window, in this one */
    int window;          /* 0 warms up */
    uint64_t began;
    double ns[BENCH_WINDOWS + 1];
};

static bool over;

static __attribute__((noinline)) void next_window(struct meter *m) {
    uint64_t now = bench_cpu();
    m->ns[m->window++] = (double)(now - m->began) / (double)m->rounds;
    over = m->window > BENCH_WINDOWS;
    m->left = m->rounds;
    m->began = bench_cpu();
}

static int spin(struct meter *meter) {
    while (!over) {
        HOB_TRY(hob_yield_now());
        if (meter && --meter->left == 0) next_window(meter);
    }
    return 0;
}
HOB_TASK(spin, struct meter *)

static int yields(const char *workload, size_t tasks, size_t rounds) {
    struct meter meter = {.rounds = rounds, .left = rounds, .began = bench_cpu()};
    HOB_SCOPE(s);
    hob_spawn(s, spin, &meter);
    for (size_t i = 1; i < tasks; i++) hob_spawn(s, spin, NULL);
    HOB_TRY(hob_join(s));
    bench_result(workload, bench_median(meter.ns + 1, BENCH_WINDOWS) / (double)tasks, "ns");
    return 0;
}

static int app(int argc, char **argv) {
    const char *workload = argc > 1 ? argv[1] : "yield_2";
    if (strcmp(workload, "yield_2") == 0) return yields(workload, 2, 1000000);
    if (strcmp(workload, "yield_1000") == 0) return yields(workload, 1000, 2000);
    if (strcmp(workload, "yield_1m") == 0) return yields(workload, 1000000, 1);
    return hob_fail(-EINVAL, "no workload %s", workload);
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
