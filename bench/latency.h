/* latency.h - how long answers took, of which a load keeps the distribution: 32 steps for each
 * power of two of nanoseconds. For one program, which includes it once. */
#ifndef BENCH_LATENCY_H
#define BENCH_LATENCY_H
#include <stdint.h>

enum { STEPS = 32, POWERS = 40 };
static uint64_t histogram[POWERS * STEPS];

static unsigned step_of(uint64_t ns) {
    if (ns < STEPS) return (unsigned)ns;
    unsigned power = 63 - (unsigned)__builtin_clzl(ns) - 5; /* above the first 5 bits */
    unsigned step = (power + 1) * STEPS + (unsigned)(ns >> power) - STEPS;
    return step < POWERS * STEPS ? step : POWERS * STEPS - 1;
}

/* The time within which so many of the answers came. */
static uint64_t percentile(uint64_t answers, double part) {
    uint64_t wanted = (uint64_t)((double)answers * part), so_far = 0;
    unsigned i = 0;
    while (i < POWERS * STEPS - 1 && (so_far += histogram[i]) <= wanted) i++;
    return i < STEPS ? i : (uint64_t)(i % STEPS + STEPS) << (i / STEPS - 1);
}
#endif
