/* away.h - the work of the rows that leave the loop, for Hob and for raw. */
#ifndef HOB_BENCH_AWAY_H
#define HOB_BENCH_AWAY_H
#include "bench.h"

enum { AWAY_ROUNDS = 5000, AWAY_JOBS = 4 };

/* One second of CPU time in the calling thread. */
BENCH_UNUSED static int burn(int result) {
    uint64_t end = bench_clock(CLOCK_THREAD_CPUTIME_ID) + 1000000000u;
    while (bench_clock(CLOCK_THREAD_CPUTIME_ID) < end) continue;
    return result;
}

/* us of wall time for one of `rounds`, as the median of BENCH_WINDOWS windows. */
#define AWAY_MEASURE(name, rounds, statement)                                                      \
    do {                                                                                           \
        static double away_us[BENCH_WINDOWS];                                                      \
        for (int away_i = 0; away_i < BENCH_WINDOWS; away_i++) {                                   \
            uint64_t away_began = bench_wall();                                                    \
            for (int away_n = 0; away_n < (rounds) / BENCH_WINDOWS; away_n++) { statement; }       \
            away_us[away_i] =                                                                      \
                (double)(bench_wall() - away_began) * 1e-3 / ((rounds) / BENCH_WINDOWS);           \
        }                                                                                          \
        bench_result(name, bench_median(away_us, BENCH_WINDOWS), "us");                            \
    } while (0)
#endif
