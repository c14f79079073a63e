/* io/cpus.c - how many CPUs there are for this process. */
#include <hob/thread.h>

#include <limits.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A number of microseconds, of up to 18 digits. */
static bool take_us(const char **at, uint64_t *out) {
    *at += strspn(*at, " ");
    size_t digits = strspn(*at, "0123456789");
    if (digits == 0 || digits > 18) return false;
    for (*out = 0; digits > 0; digits--) *out = *out * 10 + (uint64_t)(*(*at)++ - '0');
    return true;
}

/* "150000 100000": so much in each period, in CPUs rounded up; 0: no limit ("max 100000"). */
static unsigned quota_of(const char *text) {
    uint64_t of, period;
    if (!take_us(&text, &of) || !take_us(&text, &period) || period == 0) return 0;
    if (*text && *text != '\n') return 0;
    uint64_t cpus = (of + period - 1) / period;
    return cpus < UINT_MAX ? (unsigned)cpus : UINT_MAX;
}

/* A control group's quota (version 2, as a container sees its own); 0: none. */
static unsigned quota(void) {
    char text[64];
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "re");
    if (!f) return 0;
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    return quota_of(text);
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
