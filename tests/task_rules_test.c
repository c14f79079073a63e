/* task_rules_test.c - the rules of tasks and cancellation (T-01 to T-25 of asyncio's own tests), by
 * name. Where Hob differs on purpose, the comment says what holds instead. */
#include "test.h"

#include <math.h>
#include <pthread.h>

static int order[64], order_at;
static void mark(int n) { order[order_at++] = n; }

static int marks(int n, double seconds, int result) {
    int rc = hob_sleep(seconds);
    mark(n);
    return rc < 0 ? rc : result;
}
HOB_TASK(marks, int, double, int)

static int returns(int n) { return n; }
HOB_TASK(returns, int)

TASK_TEST(T01_create_runs_nothing_until_the_loop_turns) {
    HOB_SCOPE(s);
    hob_spawn(s, marks, 1, 0.0, 0);
    CHECK_EQ(order_at, 0);
    HOB_TRY(hob_join(s));
    CHECK_EQ(order_at, 1);
    return 0;
}

TASK_TEST(T02_cancel_of_a_done_task_does_nothing) {
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, returns, 4);
    CHECK_EQ(hob_join(s), 0);
    CHECK(!hob_cancel(t));
    CHECK_EQ(hob_task_result(t), 4);
    CHECK(!hob_task_was_cancelled(t));
    return 0;
}

static int first_step(int *before, int *rc) {
    *before = 1;
    *rc = hob_sleep(1);
    return *rc;
}
HOB_TASK(first_step, int *, int *)

/* Differs: asyncio never runs the body; here it runs to its first waiting call, which says so. */
TASK_TEST(T03_cancelled_before_the_first_step_it_runs_to_its_first_wait) {
    int before = 0, rc = 0;
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, first_step, &before, &rc);
    hob_cancel(t);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(before, 1);
    CHECK_EQ(rc, -ECANCELED);
    CHECK(hob_task_was_cancelled(t));
    return 0;
}

static int waits_future(struct hob_future *f, int *rc) { return *rc = hob_future_wait(f, NULL); }
HOB_TASK(waits_future, struct hob_future *, int *)

TASK_TEST(T04_cancel_arrives_at_the_wait) {
    struct hob_future f = {0};
    int rc = 0;
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, waits_future, &f, &rc);
    hob_yield_now();
    hob_cancel(t);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(rc, -ECANCELED);
    CHECK(!f.waiters.first);
    CHECK(!f.done); /* what it waited for is not touched */
    return 0;
}

static int waits_event(struct hob_event *e) { return hob_event_wait(e); }
HOB_TASK(waits_event, struct hob_event *)

static int waits_then_checks(struct hob_future *f, int *rc, int *next) {
    *rc = hob_future_wait(f, NULL);
    *next = hob_sleep(0);
    return *next;
}
HOB_TASK(waits_then_checks, struct hob_future *, int *, int *)

/* Differs: the result that was there first is delivered, the cancel comes with the next point. */
TASK_TEST(T05_cancel_after_the_result_is_seen_at_the_next_point) {
    struct hob_future f = {0};
    int rc = -1, next = 0;
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, waits_then_checks, &f, &rc, &next);
    hob_yield_now();
    hob_future_set(&f, 5, NULL);
    hob_cancel(t);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(rc, 5);
    CHECK_EQ(next, -ECANCELED);
    return 0;
}

/* Differs: asyncio ends it as cancelled and drops the result; here a result is never dropped. */
TASK_TEST(T06_a_task_that_returns_before_it_sees_the_cancel_keeps_its_result) {
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, returns, 6);
    hob_cancel(t);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(hob_task_result(t), 6);
    return 0;
}

static int awaits_new_one(struct hob_task **inner, int *rc) {
    HOB_SCOPE(s);
    *inner = hob_spawn(s, marks, 1, 10.0, 0);
    *rc = *inner ? hob_await(*inner) : -ECANCELED;
    return *rc;
}
HOB_TASK(awaits_new_one, struct hob_task **, int *)

TASK_TEST(T07_a_cancelled_task_that_starts_something_new_is_refused_at_once) {
    struct hob_task *inner = NULL;
    int rc = 0;
    uint64_t t0 = hob_now();
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, awaits_new_one, &inner, &rc);
    hob_cancel(t);
    CHECK_EQ(hob_join(s), 0);
    CHECK(inner == NULL);
    CHECK_EQ(rc, -ECANCELED);
    CHECK((hob_now() - t0) / 1000000 < 8000); /* else 10 s */
    return 0;
}

static int counts_cancels(int *n) {
    while (hob_sleep(10) == -ECANCELED) {
        ++*n;
        hob_uncancel();
        if (*n == 2) return 0;
    }
    return 0;
}
HOB_TASK(counts_cancels, int *)

/* Differs: there is no counter; many cancels are one state, which one uncancel takes back. */
TASK_TEST(T08_many_cancels_before_delivery_are_one) {
    int n = 0;
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, counts_cancels, &n);
    hob_yield_now();
    CHECK(hob_cancel(t));
    CHECK(!hob_cancel(t));
    CHECK(!hob_cancel(t));
    hob_yield_now();
    CHECK_EQ(n, 1);
    CHECK(hob_cancel(t));
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(n, 2);
    return 0;
}

static int catches(int *seen) {
    *seen += hob_sleep(10) == -ECANCELED;
    *seen += hob_sleep(0) == -ECANCELED;
    *seen += hob_cancelled();
    return 9;
}
HOB_TASK(catches, int *)

/* Differs: level-triggered. A task that goes on after it sees the cancel sees it again. */
TASK_TEST(T09_a_caught_cancel_stays) {
    int seen = 0;
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, catches, &seen);
    hob_yield_now();
    hob_cancel(t);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(seen, 3);
    CHECK_EQ(hob_task_result(t), 9);
    return 0;
}

static int uncancels_early(int *rc) {
    CHECK(!hob_uncancel()); /* nothing to take back */
    hob_cancel(hob_self());
    CHECK(hob_cancelled());
    CHECK(hob_uncancel()); /* not delivered yet: gone */
    return *rc = hob_sleep(0);
}
HOB_TASK(uncancels_early, int *)

TASK_TEST(T10_uncancel_clears_one_that_was_not_delivered_yet) {
    int rc = 1;
    HOB_SCOPE(s);
    hob_spawn(s, uncancels_early, &rc);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(rc, 0);
    return 0;
}

static int structured(int *outer, int *after) {
    *outer = hob_within(10.0, ({
                            int rc;
                            {
                                HOB_SCOPE(inner);
                                hob_scope_cancel(inner);
                                rc = hob_sleep(1);
                                CHECK_EQ(rc, -ECANCELED);
                            }
                            hob_sleep(0); /* the inner scope's cancel does not leak out of it */
                        }));
    *after = hob_cancelled();
    return 0;
}
HOB_TASK(structured, int *, int *)

TASK_TEST(T11_a_cancel_belongs_to_its_scope) {
    int outer = 1, after = 1;
    HOB_SCOPE(s);
    hob_spawn(s, structured, &outer, &after);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(outer, 0);
    CHECK_EQ(after, 0);
    return 0;
}

static int awaits(struct hob_task *t, int *rc) { return *rc = hob_await(t); }
HOB_TASK(awaits, struct hob_task *, int *)

/* Differs: awaiting does not own. Cancelling the waiter leaves the awaited task alone; what is to
 * be cancelled with a task is spawned in a scope of that task. */
TASK_TEST(T12_await_does_not_pass_the_cancel_on_a_scope_does) {
    int rc = 0;
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, marks, 1, 0.01, 3);
    struct hob_task *w = hob_spawn(s, awaits, t, &rc);
    hob_yield_now();
    hob_cancel(w);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(rc, -ECANCELED);
    CHECK_EQ(hob_task_result(t), 3);
    return 0;
}
static int sleeps_for_ever(int *rc) { return *rc = hob_sleep(1e9); }
HOB_TASK(sleeps_for_ever, int *)
static int has_a_child(int *childs, int *rc) {
    HOB_SCOPE(s);
    return *rc = hob_await(hob_spawn(s, sleeps_for_ever, childs));
}
HOB_TASK(has_a_child, int *, int *)
TASK_TEST(T12_the_children_of_a_cancelled_task_are_cancelled) {
    int childs = 0, rc = 0;
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, has_a_child, &childs, &rc);
    hob_yield_now();
    hob_yield_now();
    hob_cancel(t);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(rc, -ECANCELED);
    CHECK_EQ(childs, -ECANCELED);
    return 0;
}

static int tells_apart(struct hob_task *t, int *rc, int *mine) {
    *rc = hob_await(t);
    *mine = hob_cancelled();
    return 0;
}
HOB_TASK(tells_apart, struct hob_task *, int *, int *)

TASK_TEST(T13_cancelled_because_the_other_was_can_be_told_from_being_cancelled) {
    int rc = 0, mine = 1;
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, marks, 1, 10.0, 0);
    hob_spawn(s, tells_apart, t, &rc, &mine);
    hob_yield_now();
    hob_cancel(t);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(rc, -ECANCELED);
    CHECK_EQ(mine, 0);
    return 0;
}

static int awaits_self(void) { return hob_await(hob_self()); }
HOB_TASK(awaits_self)
TEST(T14_awaiting_oneself_is_misuse) {
    CHECK_DIES(hob_run(awaits_self), "hob_await: a task cannot wait for itself");
}

static struct hob_task *foreign;
static int awaits_foreign(void) { return hob_await(foreign); }
HOB_TASK(awaits_foreign)
static void *other_loop(void *arg) {
    (void)arg;
    hob_run(awaits_foreign);
    return NULL;
}
static int lends_a_task(void) {
    foreign = hob_self();
    pthread_t thread;
    pthread_create(&thread, NULL, other_loop, NULL);
    pthread_join(thread, NULL);
    return 0;
}
HOB_TASK(lends_a_task)
TEST(T14_awaiting_a_task_of_another_loop_is_misuse) {
    CHECK_DIES(hob_run(lends_a_task), "belongs to another thread's loop");
}

/* In C an awaitable is a call, so the compiler sees what asyncio finds at run time. What is left is
 * a task pointer that a refused spawn left NULL. */
static int awaits_null(void) { return hob_await(NULL); }
HOB_TASK(awaits_null)
TEST(T15_awaiting_no_task_is_misuse) { CHECK_DIES(hob_run(awaits_null), "the task is NULL"); }

static int fails_while_cancelled(void) {
    if (hob_sleep(10) == -ECANCELED) return hob_fail(-EDOM, "clean-up went wrong");
    return 0;
}
HOB_TASK(fails_while_cancelled)

TASK_TEST(T16_an_error_raised_while_cancelled_is_the_result) {
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    struct hob_task *t = hob_spawn(s, fails_while_cancelled);
    hob_yield_now();
    hob_cancel(t);
    CHECK_EQ(hob_join(s), 1);
    CHECK_EQ(hob_task_result(t), -EDOM);
    CHECK_STR(hob_task_error(t)->message, "clean-up went wrong");
    return 0;
}

static int reports;
static void count_report(enum hob_report_kind kind, const char *text, void *arg) {
    (void)arg;
    (void)text;
    if (kind == HOB_REPORT_ERROR) reports++;
}
static int fails(void) { return hob_fail(-EIO, "unread"); }
HOB_TASK(fails)
static int leaves_unread(bool read) {
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    struct hob_task *t = hob_spawn(s, fails);
    hob_spawn(s, marks, 1, 10.0, 0); /* cancelled: is no error */
    HOB_TRY(hob_yield_now());
    if (read) CHECK_EQ(hob_task_result(t), -EIO);
    return 0;
}
TASK_TEST(T17_an_unread_error_is_reported_exactly_once) {
    hob_set_report(count_report, NULL);
    CHECK_EQ(leaves_unread(false), 0);
    CHECK_EQ(reports, 1);
    CHECK_EQ(leaves_unread(true), 0);
    CHECK_EQ(reports, 1);
    return 0;
}

/* A pending task cannot be destroyed: its scope's end waits for it. */
TASK_TEST(T18_a_pending_task_cannot_be_destroyed) {
    {
        HOB_SCOPE(s);
        hob_spawn(s, marks, 7, 10.0, 0);
    }
    CHECK_EQ(order[0], 7);
    return 0;
}

static int awaits_and_marks(struct hob_task *t, int n, int after) {
    for (int i = 0; i < after; i++) HOB_TRY(hob_yield_now());
    int rc = hob_await(t);
    mark(rc < 0 ? rc : n);
    return rc;
}
HOB_TASK(awaits_and_marks, struct hob_task *, int, int)

/* There are no done-callbacks; waiters are woken in the order in which they came, which is here not
 * that of their spawning. One that was cancelled (as a callback that was removed) is passed over,
 * and one that comes after the end need not wait. */
TASK_TEST(T19_waiters_are_woken_in_order) {
    struct hob_event go_on = {0};
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, waits_event, &go_on), *waiters[4];
    for (int i = 0; i < 4; i++) waiters[i] = hob_spawn(s, awaits_and_marks, t, i, 7 * i % 4);
    for (int i = 0; i < 8; i++) hob_yield_now();
    hob_cancel(waiters[2]); /* 0, 3, 2, 1 wait, in this order */
    hob_event_set(&go_on);
    CHECK_EQ(order_at, 0);
    CHECK_EQ(hob_join(s), 0);
    int want[] = {-ECANCELED, 0, 3, 1};
    CHECK_EQ(order_at, 4);
    for (int i = 0; i < 4; i++) CHECK_EQ(order[i], want[i]);
    CHECK_EQ(hob_await(t), 0);
    return 0;
}

TASK_TEST(T20_a_future_is_set_once) {
    struct hob_future f = {0};
    CHECK_EQ(hob_future_set(&f, 1, NULL), 0);
    CHECK_EQ(hob_future_set(&f, 2, NULL), -EALREADY);
    CHECK_EQ(hob_future_cancel(&f), -EALREADY);
    CHECK_EQ(hob_future_wait(&f, NULL), 1);
    return 0;
}

static int sleeps_zero(int n) {
    for (int i = 0; i < 3; i++) {
        mark(n);
        HOB_TRY(hob_sleep(0));
    }
    return 0;
}
HOB_TASK(sleeps_zero, int)

TASK_TEST(T21_sleep_zero_yields_exactly_once_and_nan_is_refused) {
    HOB_SCOPE(s);
    hob_spawn(s, sleeps_zero, 1);
    hob_spawn(s, sleeps_zero, 2);
    CHECK_EQ(hob_join(s), 0);
    int want[] = {1, 2, 1, 2, 1, 2};
    for (int i = 0; i < 6; i++) CHECK_EQ(order[i], want[i]);
    CHECK_EQ(hob_sleep(NAN), -EINVAL);
    return 0;
}

static int sleeps_a_day(void) { return hob_sleep(86400); }
HOB_TASK(sleeps_a_day)
static int deadlock_after_cancelled_sleep(void) {
    {
        HOB_SCOPE(s);
        hob_spawn(s, sleeps_a_day);
        HOB_TRY(hob_yield_now());
    }
    struct hob_event e = {0};
    return hob_event_wait(&e); /* a timer left behind would keep the loop waiting for a day */
}
HOB_TASK(deadlock_after_cancelled_sleep)
TEST(T21_a_cancelled_sleep_removes_its_timer) {
    hob_set_report(count_report, NULL);
    CHECK_EQ(hob_run(deadlock_after_cancelled_sleep), HOB_E_DEADLOCK);
}

static struct hob_local lang = HOB_LOCAL("lang", NULL);
static int sets_lang(long value) {
    CHECK_EQ((long)hob_local_get(&lang), 1);
    HOB_TRY(hob_local_set(&lang, (void *)value));
    HOB_TRY(hob_sleep(0));
    CHECK_EQ((long)hob_local_get(&lang), value);
    return 0;
}
HOB_TASK(sets_lang, long)

/* Differs: there is no context to share; what two tasks are to share is what a local points at. */
TASK_TEST(T22_locals_are_inherited_at_creation_and_changes_stay_inside) {
    hob_local_set(&lang, (void *)1);
    HOB_SCOPE(s);
    hob_spawn(s, sets_lang, 2);
    hob_spawn(s, sets_lang, 3);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ((long)hob_local_get(&lang), 1);
    return 0;
}

static struct hob_local tone = HOB_LOCAL("tone", NULL), size = HOB_LOCAL("size", NULL);
static int sees_all(long l, long t, long s) {
    CHECK_EQ((long)hob_local_get(&lang), l);
    CHECK_EQ((long)hob_local_get(&tone), t);
    CHECK_EQ((long)hob_local_get(&size), s);
    return 0;
}
HOB_TASK(sees_all, long, long, long)
TASK_TEST(T22_setting_one_again_leaves_the_others_as_they_were) {
    CHECK_EQ(hob_local_set(&lang, (void *)1), 0);
    CHECK_EQ(hob_local_set(&tone, (void *)2), 0);
    CHECK_EQ(hob_local_set(&size, (void *)3), 0);
    HOB_SCOPE(s);
    hob_spawn(s, sees_all, 1, 2, 3); /* what it inherits it keeps */
    CHECK_EQ(hob_local_set(&tone, (void *)4), 0);
    hob_spawn(s, sees_all, 1, 4, 3);
    CHECK_EQ(hob_local_set(&lang, (void *)5), 0);
    hob_spawn(s, sees_all, 5, 4, 3);
    CHECK_EQ(hob_local_set(&lang, (void *)6), 0);
    sees_all(6, 4, 3);
    return hob_join(s);
}

/* What a failing task factory is there is a spawn without memory here: drivers_test fails each. */
TASK_TEST(T23_a_refused_spawn_leaves_the_loop_usable) {
    {
        HOB_SCOPE(s);
        hob_scope_cancel(s);
        CHECK(!hob_spawn(s, returns, 1));
    }
    HOB_SCOPE(s);
    CHECK(hob_spawn(s, returns, 1) != NULL);
    return hob_join(s);
}

static int count_task(struct hob_task *t, void *arg) {
    CHECK(!hob_task_done(t));
    ++*(int *)arg;
    return 0;
}
TASK_TEST(T24_all_tasks_lists_those_that_have_not_ended) {
    int n = 0;
    HOB_SCOPE(s);
    for (int i = 0; i < 3; i++) hob_spawn(s, marks, 1, 10.0, 0);
    hob_spawn(s, returns, 0);
    hob_yield_now();
    CHECK_EQ(hob_tasks(count_task, &n), 0);
    CHECK_EQ(n, 4); /* three and this one */
    return 0;
}

/* asyncio's all_tasks() takes a loop and can be called from any thread; here a loop is looked at in
 * its own thread (hob_loop_post() gets there), and elsewhere there is nothing to see. */
TEST(T24_outside_a_loops_thread_there_are_no_tasks_to_list) {
    int n = 0;
    CHECK_EQ(hob_tasks(count_task, &n), HOB_E_NOT_RUNNING);
    CHECK_EQ(n, 0);
}

static int knows_itself(struct hob_task **slot) {
    for (int i = 0; i < 3; i++) {
        CHECK(hob_self() == *slot);
        HOB_TRY(hob_sleep(0));
    }
    return 0;
}
HOB_TASK(knows_itself, struct hob_task **)
TASK_TEST(T25_the_current_task_is_right_when_tasks_interleave) {
    struct hob_task *t[3];
    HOB_SCOPE(s);
    for (int i = 0; i < 3; i++) t[i] = hob_spawn(s, knows_itself, &t[i]);
    return hob_join(s);
}
static void sees_no_task(void *arg) { *(bool *)arg = hob_self() == NULL; }
TASK_TEST(T25_outside_tasks_there_is_none) {
    bool none = false;
    hob_loop_post(hob_loop_current(), sees_no_task, &none);
    hob_sleep(0.001);
    CHECK(none);
    return 0;
}

TEST_MAIN()
