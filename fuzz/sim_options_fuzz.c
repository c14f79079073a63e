/* sim_options_fuzz.c - the command line of programs of HOB_SIM_TESTs: what is accepted is what the
 * words say, and the parts of names stay the words that were given. */
#include "fuzz.h"

#include <hob/sim.h>
/* The library has them, too. */
#define hob__sim_test_add fuzz_test_add
#define hob__sim_fail fuzz_fail
#define hob_sim_main fuzz_main
void fuzz_test_add(struct hob__sim_test *t);
void fuzz_fail(const char *file, int line, const char *fmt, ...) __attribute__((noreturn));
int fuzz_main(int argc, char **argv);
#include "sim/runner.c"

/* The word behind the last `name`; NULL: there is none. */
static const char *behind(char **argv, int argc, const char *name) {
    const char *found = NULL;
    for (int i = 1; i + 1 < argc; i++) {
        bool takes = strcmp(argv[i], "--seeds") == 0 || strcmp(argv[i], "--from") == 0 ||
                     strcmp(argv[i], "--seconds") == 0;
        if (takes && strcmp(argv[i], name) == 0) found = argv[i + 1];
        i += takes;
    }
    return found;
}

FUZZ(data, n) {
    static FILE *null;
    struct fuzz_input in = {data, n};
    char *argv[14] = {(char *)(uintptr_t) "test"}, *words[14];
    int argc = 1;
    if (n > 600) return;
    if (!null) null = fopen("/dev/null", "w");
    while (in.left > 0 && argc < 12) argv[argc++] = fuzz_string(&in, 40);
    memcpy(words, argv, sizeof words);
    struct options o;
    FILE *quiet = stderr;
    stderr = null;
    int rc = parse(argc, argv, &o);
    stderr = quiet;
    CHECK(rc == 0 || rc == 2);
    if (rc) return;
    const char *seeds = behind(words, argc, "--seeds"), *from = behind(words, argc, "--from");
    const char *seconds = behind(words, argc, "--seconds");
    CHECK(o.seeds == (seeds ? (uint64_t)strtod(seeds, NULL) : 100));
    CHECK(o.from == (from ? (uint64_t)strtod(from, NULL) : 1));
    CHECK(o.seconds == (seconds ? strtod(seconds, NULL) : 0));
    CHECK(o.part_count >= 0 && o.part_count < argc);
    int at = 1;
    for (int i = 0; i < o.part_count; i++) {
        while (at < argc && words[at] != o.parts[i]) at++;
        CHECK(at < argc && o.parts[i][0] != '-');
    }
}
