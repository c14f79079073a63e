/* bench.h - what every program of the bench shares: clocks, memory, and the line of a result.
 *
 * A program measures one family of workloads, for Hob (hob_*.c), for a peer (uv_*.c), or for the
 * machine's own limit (raw_*.c), and prints a line "workload value unit" for each. bench/run starts
 * them in turn, several times, and makes the table. Times are the process's own CPU time, so that
 * another program on the same CPU disturbs little; in an undisturbed loop that never sleeps it is
 * the same as wall time. */
#ifndef HOB_BENCH_H
#define HOB_BENCH_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* clocks, accept4 */
#endif

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BENCH_WINDOWS = 11 }; /* of one run; the run's value is their median */

#define BENCH_UNUSED __attribute__((unused))

/* Stops the program with a message; the harness shows it. */
#define BENCH_FAIL(...)                                                                            \
    do {                                                                                           \
        fprintf(stderr, __VA_ARGS__);                                                              \
        fputc('\n', stderr);                                                                       \
        exit(1);                                                                                   \
    } while (0)

/* The compiler may neither drop nor move what led to the value at p. */
#define BENCH_KEEP(p) __asm__ volatile("" : : "r"(p) : "memory")

static inline uint64_t bench_clock(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
/* The CPU time of the process in ns, all its threads together. */
BENCH_UNUSED static uint64_t bench_cpu(void) { return bench_clock(CLOCK_PROCESS_CPUTIME_ID); }
/* The monotonic clock in ns. */
BENCH_UNUSED static uint64_t bench_wall(void) { return bench_clock(CLOCK_MONOTONIC); }

/* The bytes of memory that the process has: resident pages and page tables. */
BENCH_UNUSED static uint64_t bench_memory(void) {
    char line[256];
    uint64_t kib = 0, n;
    FILE *f = fopen("/proc/self/status", "r");
    if (!f) BENCH_FAIL("cannot read /proc/self/status");
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "VmRSS: %lu", &n) == 1 || sscanf(line, "VmPTE: %lu", &n) == 1) kib += n;
    fclose(f);
    return kib * 1024;
}

BENCH_UNUSED static int bench_compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
BENCH_UNUSED static double bench_median(double *values, size_t n) {
    qsort(values, n, sizeof *values, bench_compare);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

BENCH_UNUSED static void bench_result(const char *workload, double value, const char *unit) {
    printf("%s %.6g %s\n", workload, value, unit);
    fflush(stdout);
}

/* Keeps the calling thread on the first, or the last, of the CPUs that it may use. */
BENCH_UNUSED static void bench_pin(bool last) {
    cpu_set_t may, one;
    CPU_ZERO(&one);
    if (sched_getaffinity(0, sizeof may, &may) != 0) return;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &may)) continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        if (!last) break;
    }
    sched_setaffinity(0, sizeof one, &one);
}

/* A random order that is the same in every run (xorshift64). */
BENCH_UNUSED static uint64_t bench_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}
/* Brings n pointers into such an order (Fisher and Yates). */
BENCH_UNUSED static void bench_shuffle(void **list, size_t n, uint64_t *state) {
    for (size_t i = n; i > 1; i--) {
        size_t other = bench_random(state) % i;
        void *one = list[i - 1];
        list[i - 1] = list[other];
        list[other] = one;
    }
}

/* Runs `statement` for BENCH_WINDOWS windows of `count` units each, after one to warm up, and sets
 * `result` to the median of ns per unit. */
#define BENCH_MEASURE(result, count, statement)                                                    \
    do {                                                                                           \
        double bench_values[BENCH_WINDOWS + 1];                                                    \
        for (int bench_i = 0; bench_i <= BENCH_WINDOWS; bench_i++) {                               \
            uint64_t bench_start = bench_cpu();                                                    \
            { statement; }                                                                         \
            bench_values[bench_i] = (double)(bench_cpu() - bench_start) / (double)(count);         \
        }                                                                                          \
        (result) = bench_median(bench_values + 1, BENCH_WINDOWS);                                  \
    } while (0)
#endif
