/* io/cpus.c - how many CPUs there are for this process. */
#include <hob/thread.h>

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

/* A control group's quota (version 2, as a container sees its own), in CPUs rounded up; 0: none. */
static unsigned quota(void) {
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "re");
    if (!f) return 0;
    long of = 0, period = 0;
    int got = fscanf(f, "%ld %ld", &of, &period); /* "max 100000" when there is no limit */
    fclose(f);
    if (got != 2 || of <= 0 || period <= 0) return 0;
    return (unsigned)((of + period - 1) / period);
}

/* A set of more CPUs than cpu_set_t has needs more room. */
static unsigned in_affinity(void) {
    for (int most = CPU_SETSIZE; most <= 1 << 16; most *= 2) {
        cpu_set_t *set = CPU_ALLOC(most);
        if (!set) return 1;
        size_t size = CPU_ALLOC_SIZE(most);
        int rc = sched_getaffinity(0, size, set);
        int n = rc == 0 ? CPU_COUNT_S(size, set) : 0;
        CPU_FREE(set);
        if (n > 0) return (unsigned)n;
    }
    return 1;
}

unsigned hob_cpu_count(void) {
    unsigned cpus = in_affinity(), limit = quota();
    return limit && limit < cpus ? limit : cpus;
}
