/* workers_test.c - hob_run_workers: a loop in each of several threads; errors, stop, cancel and
 * Ctrl-C reach them all. */
#include "test.h"

#include <hob/channel.h>
#include <hob/thread.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "base/memory.h"
#include "fiber/sanitize.h"

static _Atomic int begun, asked, cancelled, ended;
static _Atomic unsigned seen; /* a bit for each index */

static int counts(int n, double seconds) {
    CHECK(hob_worker_index() >= 0);
    CHECK(hob_self() && hob_loop_current());
    seen |= 1u << hob_worker_index();
    begun++;
    HOB_TRY(hob_sleep(seconds));
    ended++;
    return n;
}
HOB_TASK(counts, int, double)

TEST(each_runs_in_a_loop_of_its_own) {
    CHECK_EQ(hob_worker_index(), -1);
    CHECK_EQ(hob_run_workers(3, counts, 7, 0.001), 0);
    CHECK_EQ(begun, 3);
    CHECK_EQ(ended, 3);
    CHECK_EQ(seen, 7);
    begun = 0;
    CHECK_EQ(hob_run_workers(0, counts, 7, 0.001), 0);
    CHECK_EQ(begun, hob_cpu_count());
}

TASK_TEST(in_a_task_it_is_a_call_that_waits) {
    CHECK_EQ(hob_run_workers(3, counts, 7, 0.001), 0);
    CHECK_EQ(ended, 3);
    CHECK_EQ(hob_worker_index(), -1);
    return hob_sleep(0.001);
}

static int is_pinned(void) {
    cpu_set_t set;
    CHECK_EQ(sched_getaffinity(0, sizeof set, &set), 0);
    CHECK_EQ(CPU_COUNT(&set), 1);
    begun++;
    return 0;
}
HOB_TASK(is_pinned)
TEST(pinned_each_has_one_cpu) {
    if (getenv("TEST_SLOW")) return; /* emulated threads have their emulator's */
    CHECK_EQ(
        hob_run_workers_with(((struct hob_workers_options){.count = 5, .pin = true}), is_pinned),
        0);
    CHECK_EQ(begun, 5);
    cpu_set_t set;
    CHECK_EQ(sched_getaffinity(0, sizeof set, &set), 0);
    CHECK_EQ(CPU_COUNT(&set) > 1 || hob_cpu_count() == 1, true);
}

static int one_fails(int which) {
    begun++;
    if (hob_worker_index() == which) {
        while (begun < 3) HOB_TRY(hob_sleep(0.001));
        return hob_fail(-EIO, "worker %d is tired", which);
    }
    int rc = hob_sleep(1000);
    if (rc == -ECANCELED) cancelled++;
    return rc;
}
HOB_TASK(one_fails, int)
TEST(the_error_of_one_cancels_the_others) {
    CHECK_EQ(hob_run_workers(3, one_fails, 1), -EIO);
    CHECK_STR(hob_error()->message, "worker 1 is tired");
    CHECK_EQ(cancelled, 2);
}

/* ---- stop and cancel ---- */

static int stops_when_asked(bool obeys) {
    begun++;
    /* Where its thread had to wait for a processor, the cancel may be there together with the stop
     * that came before it. */
    int rc = 0;
    while (rc == 0 && !hob_stopping()) rc = hob_sleep(0.001);
    asked += hob_stopping();
    if (obeys) return HOB_E_STOPPING;
    if (rc == 0) rc = hob_sleep(1000);
    if (rc == -ECANCELED) cancelled++;
    return rc;
}
HOB_TASK(stops_when_asked, bool)
static int runs_them(bool obey) { return hob_run_workers(3, stops_when_asked, obey); }
HOB_TASK(runs_them, bool)
static int wait_until(_Atomic int *what, int n) {
    while (*what < n) HOB_TRY(hob_sleep(0.001));
    return 0;
}

TASK_TEST(a_stop_reaches_them_all) {
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, runs_them, true);
    HOB_TRY(wait_until(&begun, 3));
    hob_stop(s, 1000);
    CHECK_EQ(hob_await(t), HOB_E_STOPPING);
    CHECK_EQ(asked, 3);
    CHECK_EQ(cancelled, 0);
    CHECK_EQ(hob_join(s), HOB_E_STOPPING);
    return 0;
}

TASK_TEST(and_after_the_grace_the_cancel) {
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, runs_them, false);
    HOB_TRY(wait_until(&begun, 3));
    hob_stop(s, 0.05);
    CHECK_EQ(hob_shielded(hob_await(t)), -ECANCELED);
    CHECK_EQ(asked, 3);
    CHECK_EQ(cancelled, 3);
    return 0;
}

TASK_TEST(a_deadline_cancels_them_all) {
    /* One whose thread starts too late does not begin: then with more time. */
    for (double seconds = 0.05; begun < 4; seconds *= 2) {
        begun = 0;
        CHECK_EQ(hob_within(seconds, hob_run_workers(4, counts, 0, 1000.0)), -ETIMEDOUT);
    }
    CHECK_EQ(begun, 4);
    CHECK_EQ(ended, 0);
    return 0;
}

/* Ctrl-C, while the program is nothing but workers. */
static void *interrupts(void *arg) {
    (void)arg;
    while (begun < 3) nanosleep(&(struct timespec){0, 1000000}, NULL);
    kill(getpid(), SIGINT);
    return NULL;
}
TEST(ctrl_c_reaches_them_in_two_phases) {
    for (int obey = 0; obey < 2; obey++) {
        pthread_t t;
        sigset_t all, before;
        begun = asked = cancelled = 0;
        setenv("HOB_GRACE", obey ? "1000" : "0.05", 1);
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        CHECK_EQ(pthread_create(&t, NULL, interrupts, NULL), 0);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        CHECK_EQ(hob_run_workers(3, stops_when_asked, obey), obey ? HOB_E_STOPPING : -ECANCELED);
        CHECK_EQ(asked, 3);
        CHECK_EQ(cancelled, obey ? 0 : 3);
        pthread_join(t, NULL);
    }
}

/* ---- sharing by channels ---- */

static int passes_on(struct hob_channel **ring, int laps) {
    int me = hob_worker_index();
    long x = 0;
    if (me == 0) HOB_TRY(hob_channel_send(ring[1], &x));
    for (int i = 0; i < laps; i++) {
        HOB_TRY(hob_channel_recv(ring[me], &x));
        if (me == 0 && i == laps - 1) break;
        x++;
        HOB_TRY(hob_channel_send(ring[(me + 1) % 3], &x));
    }
    if (me == 0) CHECK_EQ(x, 3 * laps - 1);
    return 0;
}
HOB_TASK(passes_on, struct hob_channel **, int)
TEST(a_token_goes_round_between_the_loops) {
    struct hob_channel *ring[3];
    for (int i = 0; i < 3; i++) CHECK_EQ(hob_channel_open(&ring[i], sizeof(long), 1), 0);
    int laps = getenv("TEST_SLOW") || HOB__TSAN ? 50 : 500;
    CHECK_EQ(hob_run_workers(3, passes_on, ring, laps), 0);
    for (int i = 0; i < 3; i++) hob_channel_free(ring[i]);
}

static int nothing(void) { return 0; }
HOB_TASK(nothing)
TEST(again_and_again_nothing_is_left) {
    long live = 0;
    for (int i = 0; i < (getenv("TEST_SLOW") ? 5 : 30); i++) {
        CHECK_EQ(hob_run_workers(4, nothing), 0);
        if (i == 0) live = hob__alloc_live();
    }
    CHECK_EQ(hob__alloc_live(), live);
}

TEST_MAIN()
