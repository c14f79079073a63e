/* hob_yield.c - yield_2, yield_1000, yield_1m: that many tasks, each looping hob_yield_now(); ns
 * per switch. The first one is the meter: it counts the rounds of all. */
#include "bench.h"
#include <hob/hob.h>

static bool over;

static int spin(void) {
    while (!over) HOB_TRY(hob_yield_now());
    return 0;
}
HOB_TASK(spin)

static int meter(const char *workload, size_t tasks, size_t rounds) {
    double ns;
    BENCH_MEASURE(ns, tasks * rounds, for (size_t i = 0; i < rounds; i++) HOB_TRY(hob_yield_now()));
    over = true;
    bench_result(workload, ns, "ns");
    return 0;
}
HOB_TASK(meter, const char *, size_t, size_t)

static int yields(const char *workload, size_t tasks, size_t rounds) {
    HOB_SCOPE(s);
    hob_spawn(s, meter, workload, tasks, rounds);
    for (size_t i = 1; i < tasks; i++) hob_spawn(s, spin);
    return hob_join(s);
}

static int app(int argc, char **argv) {
    const char *workload = argc > 1 ? argv[1] : "yield_2";
    if (strcmp(workload, "yield_2") == 0) return yields(workload, 2, 1000000);
    if (strcmp(workload, "yield_1000") == 0) return yields(workload, 1000, 2000);
    if (strcmp(workload, "yield_1m") == 0) return yields(workload, 1000000, 1);
    return hob_fail(-EINVAL, "no workload %s", workload);
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
