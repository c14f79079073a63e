/* http_client.h - what the clients of http_client_* agree on: CLIENT URL COUNT AT_ONCE gets the URL
 * so often, at most so many at once, reads each body whole (of one alone, which is large, piece by
 * piece), checks that its status is 200, and prints a line
 *
 *   COUNT BYTES WALL_NS CPU_NS MEMORY
 *
 * BYTES: of all bodies. CPU_NS: what the process used from the first request to the last answer.
 * MEMORY: by how many bytes it was larger at its largest (resident pages and page tables). */
#ifndef BENCH_HTTP_CLIENT_H
#define BENCH_HTTP_CLIENT_H
#include "bench.h"

enum { CLIENT_PIECE = 65536 }; /* of a body that is read piece by piece */

struct client {
    const char *url;
    size_t count, at_once, begun;
    uint64_t answers, bytes, wall, cpu, memory;
};

/* https://: HTTP/2, and any certificate. */
static inline bool client_secure(const struct client *c) {
    return strncmp(c->url, "https", 5) == 0;
}

static inline uint64_t client_memory(bool peak) {
    char line[256];
    uint64_t kib = 0, n;
    FILE *f = fopen("/proc/self/status", "r");
    if (!f) BENCH_FAIL("cannot read /proc/self/status");
    while (fgets(line, sizeof line, f))
        if (sscanf(line, peak ? "VmHWM: %lu" : "VmRSS: %lu", &n) == 1 ||
            sscanf(line, "VmPTE: %lu", &n) == 1)
            kib += n;
    fclose(f);
    return kib * 1024;
}

static inline void client_begin(struct client *c, int argc, char **argv) {
    if (argc != 4) BENCH_FAIL("%s URL COUNT AT_ONCE", argv[0]);
    *c = (struct client){
        .url = argv[1], .count = strtoul(argv[2], NULL, 10), .at_once = strtoul(argv[3], NULL, 10)};
    c->memory = client_memory(false);
    c->wall = bench_wall();
    c->cpu = bench_cpu();
}

static inline void client_end(const struct client *c) {
    uint64_t cpu = bench_cpu() - c->cpu, wall = bench_wall() - c->wall;
    if (c->answers != c->count)
        BENCH_FAIL("%lu answers to %zu requests", (unsigned long)c->answers, c->count);
    printf("%lu %lu %lu %lu %lu\n", (unsigned long)c->answers, (unsigned long)c->bytes,
           (unsigned long)wall, (unsigned long)cpu,
           (unsigned long)(client_memory(true) - c->memory));
}
#endif
