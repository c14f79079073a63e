/* sim/runner.c - the main() of programs of HOB_SIM_TESTs: seeds, one run after another, each in a
 * child process, so that all of them begin alike and a crash of one is that of one. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/sim.h"

enum { RUN_SECONDS = 60, LIMIT_S = 10000 };

static struct hob__sim_test *first, **last = &first;

void hob__sim_test_add(struct hob__sim_test *t) {
    *last = t;
    last = &t->next;
}

/* What a run tells its parent. */
struct outcome {
    bool ended; /* it came to its end, whatever that was */
    int rc;
    uint64_t hash, seed;
};

struct options {
    uint64_t seeds, from;
    double seconds;
    bool once, list;
    char **parts;
    int part_count;
    struct hob__sim_config config;
};

/* ---- failing ---- */

static __attribute__((noreturn)) void end_failed(void) {
    fflush(NULL);
    _exit(1);
}

void hob__sim_fail(const char *file, int line, const char *fmt, ...) {
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    struct hob__sim *w = hob__sim_current;
    if (w)
        fprintf(stderr, "%s:%d: %s (at %.6f s, on host %s)\n", file, line, text,
                (double)w->now / 1e9, w->current->host->name);
    else
        fprintf(stderr, "%s:%d: %s\n", file, line, text);
    end_failed();
}

static void show_tasks(struct hob__sim *w) {
    for (unsigned i = 0; i < w->loop_count; i++) {
        struct hob__sim_loop *l = w->loops[i];
        if (!l->backend) continue;
        char text[8192];
        struct hob_loop *kept = hob__loop;
        hob__loop = l->backend->above;
        hob_task_tree(text, sizeof text);
        hob__loop = kept;
        fprintf(stderr, "on host %s:\n%s", l->host->name, text);
    }
}

static bool stuck(struct hob__sim *w) {
    fprintf(stderr, "nothing can ever happen again (at %.6f s)\n", (double)w->now / 1e9);
    show_tasks(w);
    end_failed();
}

static void too_late(struct hob__sim *w) {
    fprintf(stderr, "after %d s of virtual time the test has not ended\n", LIMIT_S);
    show_tasks(w);
    end_failed();
}

/* ---- one run ---- */

static int run_body(const struct hob__sim_test *t, struct hob__sim *w) {
    int rc = t->site.run(NULL);
    if (rc < 0) {
        char text[1024];
        const struct hob_error *e = hob_error();
        if (e && e->code == rc)
            hob_error_format(e, text, sizeof text);
        else
            snprintf(text, sizeof text, "%s", hob_strerror(rc));
        fprintf(stderr, "the test returned %s (at %.6f s)\n", text, (double)w->now / 1e9);
    }
    int ended = hob_shielded(hob__sim_end_hosts(w));
    return rc < 0 ? rc : ended;
}
HOB_TASK(run_body, const struct hob__sim_test *, struct hob__sim *)

static void run_once(const struct hob__sim_test *t, uint64_t seed, const struct options *o,
                     struct outcome *out) {
    struct hob__sim_front front = {.last = &front.hosts};
    struct hob__sim *w = hob__sim_new(seed);
    hob__sim_configure(w, &o->config);
    w->above = &front;
    w->stuck = stuck;
    struct hob__sim_host *test = hob__sim_host_new(w, "test");
    front.test.machine = test;
    snprintf(front.test.address, sizeof front.test.address, "10.0.0.1");
    hob__sim_loop_new(test, NULL, NULL);
    hob__sim_current = w;
    w->limit = w->now + LIMIT_S * UINT64_C(1000000000);
    w->too_late = too_late;
    struct hob_options how = {.backend = "sim", .no_interrupt = true};
    /* As hob_run_with() does it, but in reports the task is called as the test is. */
    struct run_body__args args = run_body__task(t, w);
    const struct hob__spawn_site site = {t->site.name, run_body__HOB_TASK, sizeof args,
                                         t->site.place, NULL};
    out->rc = hob__run(&how, &site, &args);
    if (out->rc >= 0 && !hob__list_empty(&test->ends))
        hob__sim_fail(t->site.place.file, t->site.place.line, "descriptors left open: %u",
                      test->fds);
    out->hash = w->hash;
    w->limit = UINT64_MAX; /* what is under way still ends */
    hob__sim_current = NULL;
    hob__sim_free_hosts(w);
    hob__sim_free_names(&front);
    hob__sim_free_world(w);
    out->ended = true;
}

/* ---- many runs ---- */

/* What a run has written to standard error is worth reading when it fails. */
static void show_errors(int from) {
    char buf[4096];
    ssize_t n;
    lseek(from, 0, SEEK_SET);
    while ((n = read(from, buf, sizeof buf)) > 0)
        if (fwrite(buf, 1, (size_t)n, stderr) != (size_t)n) break;
    fflush(stderr);
}

static void run_in_child(const struct hob__sim_test *t, uint64_t seed, const struct options *o,
                         struct outcome *shared) {
    *shared = (struct outcome){.seed = seed};
    fflush(NULL);
    int errors = memfd_create("errors", MFD_CLOEXEC);
    pid_t pid = errors < 0 ? -1 : fork();
    if (pid == 0) {
        alarm(RUN_SECONDS);
        if (!o->config.log) dup2(errors, STDERR_FILENO);
        run_once(t, seed, o, shared);
        fflush(NULL);
        exit(shared->rc < 0);
    }
    int status = 0;
    if (pid < 0) {
        perror("fork");
        exit(2);
    }
    waitpid(pid, &status, 0);
    bool ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!ok) show_errors(errors);
    close(errors);
    if (ok) return;
    shared->ended = false;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        fprintf(stderr, "the run takes more than %d s\n", RUN_SECONDS);
    else if (WIFSIGNALED(status))
        fprintf(stderr, "the run ended by signal %d\n", WTERMSIG(status));
}

static void show_how(const struct hob__sim_test *t, uint64_t seed, const struct options *o) {
    static const char *const orders[] = {"fifo", "random", "last", "pct"};
    printf("  HOB_SIM=seed:%llu", (unsigned long long)seed);
    if (o->config.order >= 0) printf(",order=%s", orders[o->config.order]);
    if (o->config.faults >= 0) printf(",faults=%s", o->config.faults ? "all" : "none");
    printf(" %s %s\n", program_invocation_name, t->site.name);
}

/* False when it has failed. */
static bool run_seed(const struct hob__sim_test *t, uint64_t seed, const struct options *o,
                     struct outcome *shared) {
    run_in_child(t, seed, o, shared);
    bool ok = shared->ended;
    uint64_t hash = shared->hash;
    if (ok && !o->once) {
        run_in_child(t, seed, o, shared);
        ok = shared->ended && shared->hash == hash;
        if (!ok)
            fprintf(stderr,
                    "seed %llu ran twice, and not in the same way: something in the program "
                    "does not come from the seed (addresses? real time or files?)\n",
                    (unsigned long long)seed);
    }
    if (!ok) show_how(t, seed, o);
    return ok;
}

static double now_s(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static bool run_test(const struct hob__sim_test *t, const struct options *o,
                     struct outcome *shared) {
    if (o->config.given) { /* here, so that a debugger finds it */
        run_once(t, o->config.seed, o, shared);
        return shared->ended && shared->rc >= 0;
    }
    double began = now_s();
    uint64_t n = 0;
    for (; o->seconds > 0 ? now_s() - began < o->seconds : n < o->seeds; n++) {
        if (!run_seed(t, o->from + n, o, shared)) {
            printf("FAIL %s (seed %llu)\n", t->site.name, (unsigned long long)(o->from + n));
            return false;
        }
    }
    printf("ok %s (%llu seeds, %.1f s)\n", t->site.name, (unsigned long long)n, now_s() - began);
    return true;
}

/* ---- arguments ---- */

static int usage(const char *word) {
    fprintf(stderr,
            "%s: what is %s? [--seeds N] [--from N] [--seconds T] [--once] [--list] [PART ...]\n",
            program_invocation_short_name, word);
    return 2;
}

static bool number(const char *text, double *out) {
    char *end;
    if (!text) return false;
    *out = strtod(text, &end);
    return end != text && !*end && *out >= 0 && *out < 1e18;
}

static int parse(int argc, char **argv, struct options *o) {
    *o = (struct options){.seeds = 100, .from = 1, .parts = argv};
    for (int i = 1; i < argc; i++) {
        double n = 0;
        const char *word = argv[i];
        bool numbered = strcmp(word, "--seeds") == 0 || strcmp(word, "--from") == 0 ||
                        strcmp(word, "--seconds") == 0;
        if (numbered && !number(argv[++i], &n)) return usage(word);
        if (strcmp(word, "--seeds") == 0)
            o->seeds = (uint64_t)n;
        else if (strcmp(word, "--from") == 0)
            o->from = (uint64_t)n;
        else if (strcmp(word, "--seconds") == 0)
            o->seconds = n;
        else if (strcmp(word, "--once") == 0)
            o->once = true;
        else if (strcmp(word, "--list") == 0)
            o->list = true;
        else if (word[0] == '-')
            return usage(word);
        else
            o->parts[o->part_count++] = argv[i];
    }
    if (hob__sim_config_parse(getenv("HOB_SIM"), &o->config) < 0) return usage(getenv("HOB_SIM"));
    return 0;
}

static bool wanted(const struct hob__sim_test *t, const struct options *o) {
    for (int i = 0; i < o->part_count; i++)
        if (strstr(t->site.name, o->parts[i])) return true;
    return o->part_count == 0;
}

int hob_sim_main(int argc, char **argv) {
    struct options o;
    int rc = parse(argc, argv, &o), passed = 0, failed = 0;
    if (rc) return rc;
    setenv("HOB_BACKEND", "sim", 1);
    struct outcome *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return 2;
    for (const struct hob__sim_test *t = first; t; t = t->next) {
        if (!wanted(t, &o)) continue;
        if (o.list)
            puts(t->site.name);
        else if (run_test(t, &o, shared))
            passed++;
        else
            failed++;
        fflush(stdout);
    }
    munmap(shared, sizeof *shared);
    if (o.list) return 0;
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0 || passed == 0;
}
