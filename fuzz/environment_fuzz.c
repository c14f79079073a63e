/* environment_fuzz.c - what stands in environments: the one that a child gets, the files that its
 * program may be, the variables that set up a loop and a simulated world; and a control group's
 * quota. */
#include "world.h"

#include <math.h>

#include "io/cpus.c"
#include "io/process/process.h"
#include "loop/sim/sim.h"

enum { WORDS = 12 };

/* ---- a child's environment: a later word replaces an earlier one of the same name ---- */

static bool same_name(const char *a, const char *b) {
    size_t n = strcspn(a, "=");
    return n == strcspn(b, "=") && strncmp(a, b, n) == 0;
}

static void environment(const char *const *base, const char *const *add) {
    struct hob_process_options o = {.env = base, .add_env = add};
    const char *const *got = hob__process_environment(&o), *want[2 * WORDS];
    int n = 0;
    CHECK(got != NULL);
    for (int i = 0; base[i]; i++) {
        bool kept = true;
        for (int k = 0; add[k]; k++) kept &= !same_name(base[i], add[k]);
        if (kept) want[n++] = base[i];
    }
    for (int i = 0; add[i]; i++) { /* "NAME" alone takes it out */
        bool kept = strchr(add[i], '=');
        for (int k = i + 1; add[k]; k++) kept &= !same_name(add[i], add[k]);
        if (kept) want[n++] = add[i];
    }
    for (int i = 0; i < n; i++) CHECK(got[i] == want[i]);
    CHECK(got[n] == NULL);
    hob__free((void *)(uintptr_t)got);
}

/* ---- the files that a program may be ---- */

static void paths(const char *program, const char *const *env) {
    const char *const *got = hob__process_paths(program, env), *path = NULL;
    char copy[256], file[512];
    CHECK(got != NULL);
    for (int i = 0; env[i] && !path; i++)
        if (strncmp(env[i], "PATH=", 5) == 0) path = env[i] + 5;
    snprintf(copy, sizeof copy, "%s", path ? path : "/usr/local/bin:/usr/bin:/bin");
    if (strchr(program, '/')) copy[0] = 0;
    char *rest = copy, *folder;
    int n = 0;
    for (; (folder = strsep(&rest, ":")); n++) {
        snprintf(file, sizeof file, "%s%s%s", folder, *folder ? "/" : "", program);
        CHECK(got[n] && strcmp(got[n], file) == 0);
    }
    CHECK(got[n] == NULL);
    hob__free((void *)(uintptr_t)got);
}

/* ---- variables of numbers ---- */

static int nothing(void) { return 0; }
HOB_TASK(nothing)

/* A number as the manual describes it: digits with at most one point, a unit of size. */
static bool is_number(const char *text, bool size) {
    size_t n = strlen(text), digits = 0, points = 0;
    if (size && n > 0 && strchr("kKmM", text[n - 1])) n--;
    for (size_t i = 0; i < n; i++) {
        digits += text[i] >= '0' && text[i] <= '9';
        points += text[i] == '.';
    }
    return digits > 0 && points < 2 && digits + points == n;
}

static void numbers(const char *text) {
    static const char *const names[] = {"HOB_STACK_SIZE", "HOB_GRACE", "HOB_SLOW_MS"};
    for (int i = 0; i < 3; i++) {
        if (i == 2 && is_number(text, false)) continue; /* it would start the watchdog's thread */
        setenv(names[i], text, 1);
        int rc = world_run(nothing);
        hob_error_clear();
        CHECK(rc == (!*text || is_number(text, i == 0) ? 0 : -EINVAL));
        unsetenv(names[i]);
        setenv("HOB_SLOW_MS", "0", 1);
    }
}

/* ---- cpu.max ---- */

/* Two numbers with blanks between them, up to the line's end. */
static void cpus(const char *text) {
    char number[2][24] = {"", ""}, rest = 0;
    int got = sscanf(text, "%*[ ]%20[0-9]%20[ 0-9]%c", number[0], number[1], &rest);
    if (got < 2) got = sscanf(text, "%20[0-9]%20[ 0-9]%c", number[0], number[1], &rest);
    unsigned found = quota_of(text);
    char *second = number[1] + strspn(number[1], " ");
    size_t digits = strspn(second, "0123456789");
    bool good = got >= 2 && number[1][0] == ' ' && digits > 0 && !second[digits] &&
                strlen(number[1]) < 20 && (got == 2 || rest == '\n') && strlen(number[0]) < 19 &&
                digits < 19;
    if (!good) {
        /* Too long for this reading, or none. */
        CHECK(found == 0 || strlen(number[1]) == 20);
        return;
    }
    long double of = strtold(number[0], NULL), period = strtold(second, NULL);
    long double want = period > 0 ? ceill(of / period) : 0;
    if (want > UINT_MAX) want = UINT_MAX;
    CHECK((long double)found >= want - 1 && (long double)found <= want + 1);
    if (of < 1e15L && period < 1e15L) CHECK((long double)found == want);
}

/* ---- HOB_SIM ---- */

static void simulation(const char *text) {
    static const char *const orders[] = {"fifo", "random", "last", "pct"};
    struct hob__sim_config c, again;
    char written[1024];
    int rc = hob__sim_config_parse(text, &c);
    CHECK(rc == 0 || rc == -EINVAL);
    if (rc < 0) return;
    CHECK(c.order >= -1 && c.order < 4 && c.faults >= -1 && c.faults <= 1);
    int n = 0;
    if (c.given) n += sprintf(written + n, "seed:%llu,", (unsigned long long)c.seed);
    if (c.order >= 0) n += sprintf(written + n, "order=%s,", orders[c.order]);
    if (c.faults >= 0) n += sprintf(written + n, "faults=%s,", c.faults ? "all" : "none");
    if (c.log) n += sprintf(written + n, c.log_file[0] ? "log=%s" : "log", c.log_file);
    written[n] = 0;
    CHECK(hob__sim_config_parse(edge_string(written, (size_t)n), &again) == 0);
    CHECK(memcmp(&c.seed, &again.seed, sizeof c.seed) == 0 && c.order == again.order);
    CHECK(c.faults == again.faults && c.log == again.log && c.given == again.given);
    CHECK(strcmp(c.log_file, again.log_file) == 0);
}

FUZZ(data, n) {
    static char texts[2 * WORDS][64];
    const char *base[WORDS + 1] = {NULL}, *add[WORDS + 1] = {NULL};
    struct fuzz_input in = {data, n};
    if (n > 1000) return;
    const char *whole = edge_kept_string(data, n);
    simulation(whole);
    cpus(whole);
    if (strlen(whole) < 20) numbers(whole);
    char *program = fuzz_string(&in, 60);
    for (int i = 0; i < 2 * WORDS && in.left > 0; i++) {
        strcpy(texts[i], fuzz_string(&in, 63));
        const char **list = i % 2 ? add : base;
        list[i / 2] = texts[i];
    }
    environment(base, add);
    if (strlen(program) > 0) paths(program, base);
}
