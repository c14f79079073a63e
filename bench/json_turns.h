/* json_turns.h - what the programs that read and write JSON share.
 *
 * Each is given texts as NAME=FILE, parses every one once and says "ready". Then it answers lines
 * on its standard input: "parse NAME MS" or "write NAME MS" has it do that once uncounted and then
 * again and again for so many ms of CPU time, and print the ns that one time took.
 * bench/json_rows.py asks them in turn. */
#ifndef HOB_BENCH_JSON_H
#define HOB_BENCH_JSON_H

#include "bench.h"
#include <malloc.h>

#define JSON_TEXTS 8
#define JSON_AFTER 64 /* zeros behind each text: simdjson wants them */

struct json_text {
    const char *name;
    char *text;
    size_t size;
    void *kept; /* the program's own: parsers, trees */
};

/* Something that a program can do with a text. */
struct json_job {
    const char *name;
    void (*run)(struct json_text *text);
};

BENCH_UNUSED static void json_load(struct json_text *t, char *argument) {
    char *path = strchr(argument, '=');
    if (!path) BENCH_FAIL("%s: not NAME=FILE", argument);
    *path++ = 0;
    t->name = argument;
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END) != 0) BENCH_FAIL("cannot read %s", path);
    t->size = (size_t)ftell(f);
    rewind(f);
    t->text = (char *)calloc(1, t->size + JSON_AFTER);
    if (!t->text || fread(t->text, 1, t->size, f) != t->size) BENCH_FAIL("cannot read %s", path);
    fclose(f);
}

/* ns for each run, after one that does not count unless it takes as long as the turn. */
BENCH_UNUSED static double json_turn(const struct json_job *job, struct json_text *t, unsigned ms) {
    uint64_t least = ms * (uint64_t)1000000, began = bench_cpu(), spent, runs = 0;
    job->run(t);
    spent = bench_cpu() - began;
    if (spent >= least) return (double)spent;
    began = bench_cpu();
    do {
        job->run(t);
        runs++;
        spent = bench_cpu() - began;
    } while (spent < least);
    return (double)spent / (double)runs;
}

/* main() of such a program; `jobs` ends with one that has no name. The first job of all is run for
 * every text before the program is ready. */
BENCH_UNUSED static int json_turns(int argc, char **argv, const struct json_job *jobs) {
    static struct json_text texts[JSON_TEXTS];
    int count = argc - 1;
    /* Memory is kept, however large: what a fresh page of the kernel's costs is not what is asked.
     */
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    if (count > JSON_TEXTS) BENCH_FAIL("more than %d texts", JSON_TEXTS);
    for (int i = 0; i < count; i++) {
        json_load(&texts[i], argv[1 + i]);
        jobs[0].run(&texts[i]);
    }
    puts("ready");
    fflush(stdout);
    char line[256], what[32], name[64];
    unsigned ms;
    while (fgets(line, sizeof line, stdin)) {
        const struct json_job *job = jobs;
        struct json_text *t = texts;
        if (sscanf(line, "%31s %63s %u", what, name, &ms) != 3) BENCH_FAIL("not a turn: %s", line);
        while (job->name && strcmp(job->name, what) != 0) job++;
        while (t < texts + count && strcmp(t->name, name) != 0) t++;
        if (!job->name || t == texts + count) BENCH_FAIL("nothing to %s: %s", what, name);
        printf("%.6g\n", json_turn(job, t, ms));
        fflush(stdout);
    }
    return 0;
}
#endif
