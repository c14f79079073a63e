/* hob_spawn.c - spawning tasks that return at once.
 *
 *   spawn_join                    one scope: opened, one task spawned in it, joined, left
 *   spawn_1m, spawn_1m_first      a million tasks spawned in one scope, then joined and left, ns
 *                                 for each; again, and the first time, when the kernel still has to
 *                                 give the memory of their records */
#include "bench.h"
#include <hob/hob.h>

enum { ONES = 100000, MILLION = 1000000 };

static int nothing(int i) { return i & 0; }
HOB_TASK(nothing, int)

static int one(int i) {
    HOB_SCOPE(s);
    hob_spawn(s, nothing, i);
    return hob_join(s);
}

static int ones(void) {
    double ns;
    BENCH_MEASURE(ns, ONES, for (int i = 0; i < ONES; i++) HOB_TRY(one(i)));
    bench_result("spawn_join", ns, "ns");
    return 0;
}

static int million(void) {
    HOB_SCOPE(s);
    for (int i = 0; i < MILLION; i++) hob_spawn(s, nothing, i);
    return hob_join(s);
}

static int millions(void) {
    double ns[6];
    for (int i = 0; i < 6; i++) {
        uint64_t start = bench_cpu();
        HOB_TRY(million());
        ns[i] = (double)(bench_cpu() - start) / MILLION;
    }
    bench_result("spawn_1m_first", ns[0], "ns");
    bench_result("spawn_1m", bench_median(ns + 1, 5), "ns");
    return 0;
}

static int app(int argc, char **argv) {
    const char *workload = argc > 1 ? argv[1] : "spawn_join";
    if (strcmp(workload, "spawn_join") == 0) return ones();
    if (strcmp(workload, "spawn_1m") == 0) return millions();
    return hob_fail(-EINVAL, "no workload %s", workload);
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
