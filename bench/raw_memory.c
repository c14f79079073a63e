/* raw_memory.c - the limits of the workloads that are bound by memory.
 *
 *   spawn_join                    malloc and free of 256 bytes, about a task's record
 *   spawn_1m, spawn_1m_first      a million blocks of 256 bytes got, written, then freed; again and
 *                                 again, and the first time, when the kernel still has to give them
 *   sleep_1m                      a million pages, each written once: what a task with a stack of
 *                                 its own has to touch at least
 *   touch                         more memory than any workload has, for bench/run: no result */
#include "bench.h"
#include <stdbool.h>
#include <sys/mman.h>

enum { BLOCK = 256, MILLION = 1000000, PAIRS = 100000, PAGE = 4096, TOUCHED = 1300000 };

static void pairs(void) {
    double ns;
    BENCH_MEASURE(
        ns, PAIRS, for (int i = 0; i < PAIRS; i++) {
            void *p = malloc(BLOCK);
            BENCH_KEEP(p);
            free(p);
        });
    bench_result("spawn_join", ns, "ns");
}

static double batch(void **blocks) {
    uint64_t start = bench_cpu();
    for (int i = 0; i < MILLION; i++) {
        char *p = blocks[i] = malloc(BLOCK);
        if (!p) BENCH_FAIL("no memory for a million blocks");
        for (int at = 0; at < BLOCK; at += 64) p[at] = 1;
    }
    for (int i = 0; i < MILLION; i++) free(blocks[i]);
    return (double)(bench_cpu() - start) / MILLION;
}

static void batches(void) {
    void **blocks = malloc(MILLION * sizeof *blocks);
    /* Holds the end of the heap, so that free() gives nothing back to the kernel in between. */
    if (!blocks) BENCH_FAIL("no memory for a million pointers");
    memset(blocks, 1, MILLION * sizeof *blocks);
    bench_result("spawn_1m_first", batch(blocks), "ns");
    double again[5];
    for (int i = 0; i < 5; i++) again[i] = batch(blocks);
    bench_result("spawn_1m", bench_median(again, 5), "ns");
    free(blocks);
}

static void *touch(size_t pages) {
    char *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) BENCH_FAIL("no memory for %zu pages", pages);
    madvise(p, pages * PAGE, MADV_NOHUGEPAGE);
    for (size_t i = 0; i < pages; i++) p[i * PAGE] = 1;
    return p;
}

static void pages(void) {
    uint64_t memory = bench_memory(), start = bench_cpu();
    void *p = touch(MILLION);
    bench_result("sleep_1m_bytes", (double)(bench_memory() - memory) / MILLION, "bytes");
    munmap(p, (size_t)MILLION * PAGE);
    bench_result("sleep_1m_cpu", (double)(bench_cpu() - start) * 1e-9, "s");
}

int main(int argc, char **argv) {
    const char *workload = argc > 1 ? argv[1] : "spawn_join";
    if (strcmp(workload, "spawn_join") == 0)
        pairs();
    else if (strcmp(workload, "spawn_1m") == 0)
        batches();
    else if (strcmp(workload, "sleep_1m") == 0)
        pages();
    else if (strcmp(workload, "touch") == 0)
        touch(TOUCHED);
    else
        BENCH_FAIL("no workload %s", workload);
    return 0;
}
