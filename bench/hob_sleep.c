/* hob_sleep.c - a million tasks asleep at once.
 *
 *   sleep_1m_bytes   what the process has grown by when all of them sleep, for each
 *   sleep_1m_cpu     the CPU time from before the first spawn until all have been woken and have
 *                    ended, and the loop has given its memory back
 *
 * They sleep 12 s and up to 1 s more, each to its own millisecond. Who spawns them lets them run
 * after every AT_ONCE: a task that spawned a million in one go would hold the loop for more than
 * 100 ms, and be reported. */
#include "bench.h"
#include <hob/hob.h>

enum { MILLION = 1000000, SPREAD_MS = 1000, AT_ONCE = 20000 };
static const double SECONDS = 12.0;

static int asleep, woken;

static int sleeper(double seconds) {
    asleep++;
    HOB_TRY(hob_sleep(seconds));
    woken++;
    return 0;
}
HOB_TASK(sleeper, double)

static int app(void) {
    uint64_t before = bench_memory();
    HOB_SCOPE(s);
    for (int i = 0; i < MILLION; i++) {
        if (!hob_spawn(s, sleeper, SECONDS + i % SPREAD_MS * 1e-3)) break;
        if (i % AT_ONCE == AT_ONCE - 1) HOB_TRY(hob_yield_now());
    }
    while (asleep < MILLION && !hob_cancelled()) HOB_TRY(hob_yield_now());
    double bytes = (double)(bench_memory() - before) / MILLION;
    if (woken > 0)
        return hob_fail(HOB_E_LIMIT, "%d woke up before all slept: a very slow machine", woken);
    HOB_TRY(hob_join(s));
    if (woken != MILLION) return hob_fail(HOB_E_LIMIT, "only %d were woken", woken);
    bench_result("sleep_1m_bytes", bytes, "bytes");
    return 0;
}
HOB_TASK(app)

int main(void) {
    uint64_t start = bench_cpu();
    int rc = hob_run(app);
    if (rc < 0) BENCH_FAIL("sleep_1m: %s", hob_strerror(rc));
    bench_result("sleep_1m_cpu", (double)(bench_cpu() - start) * 1e-9, "s");
    return 0;
}
