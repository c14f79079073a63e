/* drivers.h - the drivers: DRIVE(name, run, check) makes a test that runs a scenario many times,
 * with a cancel at its 1st, 2nd, ... last cancellation point (of the task at the point, and of the
 * whole program), with its 1st, 2nd, ... allocation failing, and with system calls that are
 * interrupted or do less than they were asked for (interrupted.h). Whatever happens, the run ends,
 * and every byte and descriptor comes back; interrupted, it succeeds. */
#ifndef HOB_TEST_DRIVERS_H
#define HOB_TEST_DRIVERS_H
#include "interrupted.h"
#include "no_watchdog.h" /* a thread for each run, a quarter of the time under ASan */
#include "test.h"

#include <limits.h>

#include "base/memory.h"
#include "task/task.h"

struct scenario {
    int (*run)(void);
    void (*check)(void); /* after each run, whatever it returned */
};

static int run_scenario(int (*run)(void)) { return run(); }
HOB_TASK(run_scenario, int (*)(void))

static long points, cancel_at;
static bool uncounted; /* points do not count now: another test is about them */
static enum { CANCEL_TASK, CANCEL_ALL, CANCEL_SOON } cancel_what;

static void cancel_posted(void *arg) { hob__region_cancel(hob__loop, arg); }

/* Cancels the task that is at the point, the whole program, or the program when the task sleeps. */
static void on_point(const char *func) {
    (void)func;
    if (uncounted || ++points != cancel_at) return;
    switch (cancel_what) {
    case CANCEL_TASK:
        hob_cancel(hob_self());
        break;
    case CANCEL_ALL:
        hob__region_cancel(hob__loop, &hob__loop->root.region);
        break;
    case CANCEL_SOON:
        if (hob_loop_post(hob__loop, cancel_posted, &hob__loop->main->outer) < 0) FAIL("post");
        break;
    }
}

static long live_before;
static int fds_before;

static void run_once(const struct scenario *s, bool must_succeed, const char *what, long n) {
    points = 0;
    int rc = hob_run(run_scenario, s->run);
    interrupt_end();
    hob_error_clear();
    hob__alloc_fail_at(0);
    if (must_succeed && rc < 0) FAIL("%s %ld: %s", what, n, hob_strerror(rc));
    if (s->check) s->check();
    if (hob__alloc_live() != live_before)
        FAIL("%s %ld: %ld blocks leaked", what, n, hob__alloc_live() - live_before);
    if (count_fds() != fds_before)
        FAIL("%s %ld: %d descriptors leaked", what, n, count_fds() - fds_before);
}

/* ---- in a simulated world: by seeds, in any order and with every fault, each with some cancels
 * and some allocations failing. DRIVE_SEEDS (8, or SEEDS) of them, from DRIVE_FROM (1) on. ---- */

#ifndef SEEDS
#define SEEDS 8
#endif

static uint64_t drawn;
static long draw(long n) {
    drawn = drawn * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (long)((drawn >> 33) % (uint64_t)n);
}

static void drive_seed(const struct scenario *s) {
    hob__point_hook = on_point;
    cancel_at = 0;
    run_once(s, false, "plain", 0);
    long total = points > 0 ? points : 1;
    for (int i = 0; i < 6; i++) {
        cancel_what = i % 3;
        cancel_at = 1 + draw(total);
        run_once(s, false, "cancel at point", cancel_at);
    }
    hob__point_hook = NULL;
    hob__alloc_fail_at(LONG_MAX);
    hob_run(run_scenario, s->run);
    long allocations = hob__alloc_count();
    hob__alloc_fail_at(0);
    if (s->check) s->check();
    for (int i = 0; i < 3 && allocations > 0; i++) {
        long n = 1 + draw(allocations);
        hob__alloc_fail_at(n);
        run_once(s, false, "failing allocation", n);
    }
}

static long number_of(const char *name, long otherwise) {
    return getenv(name) ? atol(getenv(name)) : otherwise;
}

static void drive_seeds(const struct scenario *s) {
    long first = number_of("DRIVE_FROM", 1), count = number_of("DRIVE_SEEDS", SEEDS);
    for (long seed = first; seed < first + count; seed++) {
        pid_t pid = fork();
        if (pid == 0) {
            char world[60];
            snprintf(world, sizeof world, "seed:%ld,faults=all", seed);
            setenv("HOB_SIM", world, 1);
            drawn = (uint64_t)seed;
            alarm(60);
            drive_seed(s);
            _exit(0);
        }
        int status = 0;
        waitpid(pid, &status, 0);
        if (status != 0)
            FAIL("in its world, with a status of %d: HOB_BACKEND=sim DRIVE_FROM=%ld DRIVE_SEEDS=1",
                 status, seed);
    }
}

/* INTERRUPTS (16) seeds. Not in a simulated world, whose own calls are (HOB_SIM, faults). */
static void drive_interrupted(const struct scenario *s) {
    if (getenv("TEST_SLOW")) return;
    for (long seed = 1; seed <= number_of("INTERRUPTS", TEST_ROUNDS(16, 2)); seed++) {
        interrupt_begin((uint64_t)seed);
        run_once(s, true, "interrupted, seed", seed);
    }
}

/* Most of the runs. */
static void drive_cancels(const struct scenario *s, long total) {
    /* Under valgrind and qemu some of them are enough. */
    long step = getenv("TEST_SLOW") && total > 30 ? total / 30 + 1 : 1;
    /* Under ASan each point gets one of the three, in turn: the plain suites have all at each. */
    for (int what = CANCEL_TASK; what <= CANCEL_SOON; what++) {
        cancel_what = what;
        for (cancel_at = TEST_ASAN ? 1 + what : 1; cancel_at <= total;
             cancel_at += TEST_ASAN ? 3 : step)
            run_once(s, false, "cancel at point", cancel_at);
    }
}

static void drive(const struct scenario *s) {
    hob_set_report(fail_at_deadlock, NULL);
    int first = hob_run(run_scenario, s->run); /* what is made once and kept */
    if (first < 0)
        FAIL("first run: %s: %s", hob_strerror(first), hob_error() ? hob_error()->message : "");
    hob_error_clear();
    live_before = hob__alloc_live();
    fds_before = count_fds();
    hob__point_hook = on_point;
    cancel_at = 0;
    run_once(s, true, "plain", 0);
    CHECK(points > 2);
    drive_cancels(s, points);
    hob__point_hook = NULL;
    long failures = 0;
    for (long n = 1;; n++) {
        hob__alloc_fail_at(n);
        points = 0;
        int rc = hob_run(run_scenario, s->run);
        hob_error_clear();
        bool failed = hob__alloc_count() >= n;
        hob__alloc_fail_at(0);
        if (s->check) s->check();
        if (!failed) {
            CHECK(rc >= 0);
            break;
        }
        failures++;
        if (hob__alloc_live() != live_before)
            FAIL("allocation %ld failing: %ld blocks leaked", n, hob__alloc_live() - live_before);
        if (count_fds() != fds_before)
            FAIL("allocation %ld failing: %d descriptors leaked", n, count_fds() - fds_before);
    }
    CHECK(failures > 0);
    if (strcmp(getenv("HOB_BACKEND") ?: "", "sim") == 0)
        drive_seeds(s);
    else
        drive_interrupted(s);
}

#define DRIVE(name, run, check)                                                                    \
    TEST(name) { drive(&(struct scenario){run, check}); }
#endif
