/* submit_test.c - hob_loop_submit: a thread starts a task in a loop, waits for it, cancels it, lets
 * go of it. */
#include "test.h"

#include <hob/thread.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/memory.h"
#include "fiber/sanitize.h"

static int doubles(int n, const char **text) {
    CHECK(hob_self() != NULL);
    HOB_TRY(hob_sleep(0.001));
    if (text) *text = "done";
    return n < 0 ? hob_fail(n, "no more than %d", n) : 2 * n;
}
HOB_TASK(doubles, int, const char **)

static _Atomic int hangs, ended;
static int hangs_on(void) {
    hangs++;
    int rc = hob_sleep(1000);
    ended++;
    return rc;
}
HOB_TASK(hangs_on)

static void await(_Atomic int *what, int n) {
    while (*what < n) nanosleep(&(struct timespec){0, 1000000}, NULL);
}

/* Runs fn(loop) in a thread of its own while the loop goes on. */
static int with_loop(int (*fn)(struct hob_loop *loop), struct hob_loop *loop) { return fn(loop); }
HOB_TASK(with_loop, int (*)(struct hob_loop *), struct hob_loop *)
#define FROM_A_THREAD(name)                                                                        \
    static int thread_##name(struct hob_loop *loop);                                               \
    TASK_TEST(name) { return hob_to_thread(with_loop, thread_##name, hob_loop_current()); }        \
    static int thread_##name(struct hob_loop *loop)

FROM_A_THREAD(result_and_error_arrive) {
    const char *text = "";
    struct hob_submitted *call = hob_loop_submit(loop, doubles, 21, &text);
    CHECK_EQ(hob_submitted_wait(call, HOB_FOREVER), 42);
    CHECK_STR(text, "done");
    CHECK_EQ(hob_submitted_wait(call, 0), 42); /* any number of times */
    hob_submitted_drop(call);
    call = hob_loop_submit(loop, doubles, -EDOM, NULL);
    for (int i = 0; i < 2; i++) {
        hob_error_clear();
        CHECK_EQ(hob_submitted_wait(call, 60), -EDOM);
        CHECK_STR(hob_error()->message, "no more than -33");
        CHECK_STR(hob_error()->task, "doubles");
    }
    hob_submitted_drop(call);
    return 0;
}

FROM_A_THREAD(a_wait_that_gives_up_does_not_cancel) {
    struct hob_submitted *call = hob_loop_submit(loop, hangs_on);
    CHECK_EQ(hob_submitted_wait(call, 0.02), -ETIMEDOUT);
    await(&hangs, 1);
    CHECK_EQ(ended, 0);
    CHECK_EQ(hob_submitted_wait(call, 0), -ETIMEDOUT);
    hob_submitted_cancel(call);
    hob_submitted_cancel(call);
    CHECK_EQ(hob_submitted_wait(call, 60), -ECANCELED);
    CHECK_EQ(ended, 1);
    hob_submitted_cancel(call);
    hob_submitted_drop(call);
    return 0;
}

static _Atomic bool blocked;
static void blocks(void *arg) {
    (void)arg;
    blocked = true;
    while (blocked) continue;
}
FROM_A_THREAD(what_is_cancelled_before_it_begins_never_begins) {
    CHECK_EQ(hob_loop_post(loop, blocks, NULL), 0);
    while (!blocked) continue;
    struct hob_submitted *call = hob_loop_submit(loop, hangs_on);
    hob_submitted_cancel(call);
    blocked = false;
    CHECK_EQ(hob_submitted_wait(call, HOB_FOREVER), -ECANCELED);
    CHECK_EQ(hangs, 0);
    hob_submitted_drop(call);
    return 0;
}

static char told[4096];
static _Atomic int reports;
static void keep(enum hob_report_kind kind, const char *text, void *arg) {
    (void)arg;
    if (kind == HOB_REPORT_SLOW) return; /* a busy machine may hold any loop */
    snprintf(told, sizeof told, "%s", text);
    reports++;
}
FROM_A_THREAD(an_error_that_nobody_waits_for_is_reported) {
    hob_set_report(keep, NULL);
    struct hob_submitted *call = hob_loop_submit(loop, doubles, -EDOM, NULL);
    hob_submitted_drop(call); /* while it runs */
    await(&reports, 1);
    CHECK_HAS(told, "no more than -33");
    call = hob_loop_submit(loop, doubles, -ERANGE, NULL);
    struct hob_submitted *next = hob_loop_submit(loop, doubles, 1, NULL);
    CHECK_EQ(hob_submitted_wait(next, HOB_FOREVER), 2); /* so the other one has ended */
    hob_submitted_drop(next);
    nanosleep(&(struct timespec){0, 20000000}, NULL);
    hob_submitted_drop(call); /* after its end */
    await(&reports, 2);
    CHECK_HAS(told, "no more than -34");
    hob_submitted_drop(NULL);
    hob_submitted_cancel(NULL);
    return 0;
}

/* ---- between loops ---- */

static int asks_other_loop(struct hob_loop *other) {
    struct hob_submitted *call = hob_loop_submit(other, doubles, 4, NULL);
    CHECK_EQ(hob_submitted_wait(call, HOB_FOREVER), 8);
    hob_submitted_drop(call);
    call = hob_loop_submit(other, hangs_on);
    CHECK_EQ(hob_submitted_wait(call, 0.02), -ETIMEDOUT);
    CHECK_EQ(hob_within(0.02, hob_submitted_wait(call, HOB_FOREVER)), -ETIMEDOUT);
    hob_submitted_cancel(call);
    CHECK_EQ(hob_submitted_wait(call, HOB_FOREVER), -ECANCELED);
    CHECK(!hob_cancelled());
    hob_submitted_drop(call);
    return 0;
}
HOB_TASK(asks_other_loop, struct hob_loop *)
FROM_A_THREAD(a_task_asks_another_loop) { return hob_run(asks_other_loop, loop); }

TASK_TEST(a_task_asks_its_own_loop) {
    struct hob_submitted *call = hob_loop_submit(hob_loop_current(), doubles, 4, NULL);
    CHECK_EQ(hob_submitted_wait(call, HOB_FOREVER), 8);
    hob_submitted_drop(call);
    return 0;
}

/* ---- the loop's end ---- */

static struct hob_loop *held;
static int gives_its_loop(void) {
    held = hob_loop_current();
    hob_loop_hold(held);
    return 0;
}
HOB_TASK(gives_its_loop)
TEST(a_loop_that_has_ended_refuses) {
    CHECK_DIES(hob_submitted_wait(NULL, 1), "hob_submitted_wait: the call is NULL");
    CHECK_EQ(hob_run(gives_its_loop), 0);
    struct hob_submitted *call = hob_loop_submit(held, doubles, 1, NULL);
    CHECK(call == NULL);
    CHECK_EQ(hob_submitted_wait(call, HOB_FOREVER), HOB_E_CLOSED);
    hob_loop_release(held);
    CHECK_DIES(hob_loop_submit(NULL, doubles, 1, NULL), "the loop is NULL");
}

static struct hob_submitted *late;
static int submits_and_ends(void) {
    late = hob_loop_submit(hob_loop_current(), hangs_on);
    return 0;
}
HOB_TASK(submits_and_ends)
TEST(a_loop_that_ends_cancels_what_was_submitted) {
    for (int i = 1; i <= 3; i++) {
        CHECK_EQ(hob_run(submits_and_ends), 0);
        CHECK_EQ(hob_submitted_wait(late, 0), -ECANCELED);
        hob_submitted_cancel(late);
        hob_submitted_drop(late);
        CHECK_EQ(ended, i);
    }
}

/* ---- many, and memory ---- */

enum { THREADS = 4 };
static _Atomic long sum;
static int adds(int n) {
    if (n % 3 == 0) HOB_TRY(hob_yield_now());
    sum += n;
    return n;
}
HOB_TASK(adds, int)
static int rounds;
static void *submits_many(void *arg) {
    struct hob_loop *loop = arg;
    for (int i = 1; i <= rounds; i++) {
        struct hob_submitted *call = hob_loop_submit(loop, adds, i);
        if (i % 5 == 0) {
            hob_submitted_cancel(call);
            int rc = hob_submitted_wait(call, HOB_FOREVER);
            CHECK(rc == i || rc == -ECANCELED);
            if (rc < 0) sum += i; /* its share */
        } else if (i % 2) {
            CHECK_EQ(hob_submitted_wait(call, HOB_FOREVER), i);
        }
        hob_submitted_drop(call);
    }
    return NULL;
}
static int joins(pthread_t t) { return pthread_join(t, NULL); }
HOB_TASK(joins, pthread_t)
static int serves_many(void) {
    pthread_t t[THREADS];
    rounds = getenv("TEST_SLOW") || HOB__TSAN ? 100 : 2000;
    sum = 0;
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&t[i], NULL, submits_many, hob_loop_current()), 0);
    for (int i = 0; i < THREADS; i++) CHECK_EQ(hob_to_thread(joins, t[i]), 0);
    long all = (long)rounds * (rounds + 1) / 2 * THREADS;
    while (sum < all) HOB_TRY(hob_sleep(0.001));
    CHECK_EQ(sum, all);
    return 0;
}
HOB_TASK(serves_many)
TEST(many_threads_submit_cancel_and_drop) {
    CHECK_EQ(hob_run(serves_many), 0);
    long live = hob__alloc_live();
    CHECK_EQ(hob_run(serves_many), 0);
    CHECK_EQ(hob__alloc_live(), live);
}

static int submits_without_memory(void) {
    for (long n = 1;; n++) {
        hob__alloc_fail_at(n);
        struct hob_submitted *call = hob_loop_submit(hob_loop_current(), doubles, 4, NULL);
        int rc = hob_submitted_wait(call, HOB_FOREVER);
        bool failed = hob__alloc_count() >= n;
        hob__alloc_fail_at(0);
        hob_submitted_drop(call);
        CHECK(rc == 8 || (failed && rc == -ENOMEM));
        if (!failed) break;
    }
    return 0;
}
HOB_TASK(submits_without_memory)
TEST(without_memory_it_says_so) {
    CHECK_EQ(hob_run(submits_without_memory), 0);
    long live = hob__alloc_live();
    CHECK_EQ(hob_run(submits_without_memory), 0);
    CHECK_EQ(hob__alloc_live(), live);
}

TEST_MAIN()
