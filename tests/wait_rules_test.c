/* wait_rules_test.c - the rules of asyncio's wait, gather, as_completed and shield (W-01 to W-14 of
 * its own tests), by name, for hob_wait(), scopes that collect, hob_next_done() and shields. Where
 * Hob differs on purpose, the comment says what holds instead. */
#include "sync.h"

#include "task/task.h"

enum { HOURS = 10000 };

static struct hob_event never, go;

/* Ends after so many turns, with an error record when that is an error. */
static int gives(int after, int result) {
    for (int i = 0; i < after; i++) HOB_TRY(hob_yield_now());
    return result < 0 ? hob_fail(result, "gives") : result;
}
HOB_TASK(gives, int, int)

/* Ends when `go` is set. */
static int gives_on_go(int result) {
    HOB_TRY(hob_event_wait(&go));
    return result < 0 ? hob_fail(result, "gives_on_go") : result;
}
HOB_TASK(gives_on_go, int)

static int stays(void) { return hob_event_wait(&never); }
HOB_TASK(stays)

static int calls(int (*fn)(void)) { return fn(); }
HOB_TASK(calls, int (*)(void))

static int reports;
static char report_text[4096];
static void keep_report(enum hob_report_kind kind, const char *text, void *arg) {
    (void)arg;
    if (kind == HOB_REPORT_SLOW) return; /* any busy machine brings it */
    if (kind != HOB_REPORT_ERROR) FAIL("%s", text);
    reports++;
    snprintf(report_text, sizeof report_text, "%s", text);
}

/* ---- wait ---- */

TASK_TEST(W01_wait_for_nothing_is_an_error) {
    CHECK_EQ(hob_wait(NULL, 0, HOB_ALL_DONE), -EINVAL);
    return 0;
}
TASK_TEST(W01_an_unknown_mode_is_an_error) {
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, gives, 1, 0);
    CHECK_EQ(hob_wait(&t, 1, (enum hob_wait_mode)3), -EINVAL);
    return hob_join(s);
}
TASK_TEST(W01_duplicates_count_once) {
    HOB_SCOPE(s);
    struct hob_task *a = hob_spawn(s, gives, 1, 0), *b = hob_spawn(s, gives, 3, 0);
    struct hob_task *tasks[] = {a, b, a, a, b};
    CHECK_EQ(hob_wait(tasks, 5, HOB_FIRST_DONE), 1);
    CHECK_EQ(hob_wait(tasks, 5, HOB_ALL_DONE), 2);
    CHECK_EQ(hob_wait(tasks, 5, HOB_ALL_DONE), 2);
    return hob_join(s);
}
/* A call that is no task is refused by the compiler; what is left is a spawn that was refused. */
static int waits_for_null(void) {
    struct hob_task *none = NULL;
    return hob_wait(&none, 1, HOB_ALL_DONE);
}
HOB_TASK(waits_for_null)
static int waits_for_itself(void) {
    struct hob_task *self = hob_self();
    return hob_wait(&self, 1, HOB_ALL_DONE);
}
HOB_TASK(waits_for_itself)
TEST(W01_no_task_or_oneself_is_misuse) {
    CHECK_DIES(hob_run(waits_for_null), "misuse: hob_wait: the task is NULL");
    CHECK_DIES(hob_run(waits_for_itself), "a task cannot wait for itself");
}

TASK_TEST(W02_first_done_counts_all_that_are_done_when_it_resumes) {
    struct hob_task *tasks[20];
    HOB_SCOPE(s);
    for (int i = 0; i < 20; i++)
        tasks[i] = i < 18 ? hob_spawn(s, gives_on_go, i) : hob_spawn(s, stays);
    turns(1);
    hob_event_set(&go);
    CHECK_EQ(hob_wait(tasks, 20, HOB_FIRST_DONE), 18);
    CHECK(!hob_task_done(tasks[19]));
    hob_scope_cancel(s);
    return hob_join(s);
}
TASK_TEST(W02_those_that_were_done_before_need_no_wait) {
    struct hob_task *tasks[2];
    HOB_SCOPE(s);
    tasks[0] = hob_spawn(s, gives, 0, 0);
    tasks[1] = hob_spawn(s, stays);
    turns(1);
    struct hob_loop_info before, after;
    hob_loop_info(&before);
    CHECK_EQ(hob_wait(tasks, 2, HOB_FIRST_DONE), 1);
    hob_loop_info(&after);
    CHECK_EQ(after.turns, before.turns);
    hob_scope_cancel(s);
    return hob_join(s);
}

TASK_TEST(W03_first_error_is_not_a_cancelled_child) {
    struct hob_task *tasks[4];
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    tasks[0] = hob_spawn(s, stays);
    tasks[1] = hob_spawn(s, gives, 1, 5);
    tasks[2] = hob_spawn(s, gives, 4, -EIO);
    tasks[3] = hob_spawn(s, gives, 9, 5);
    turns(1);
    hob_cancel(tasks[0]);
    CHECK_EQ(hob_wait(tasks, 4, HOB_FIRST_ERROR), 3);
    CHECK_EQ(hob_task_result(tasks[2]), -EIO);
    CHECK(!hob_task_done(tasks[3]));
    CHECK_EQ(hob_join(s), 1);
    return 0;
}
TASK_TEST(W03_without_an_error_it_waits_for_all) {
    struct hob_task *tasks[3];
    HOB_SCOPE(s);
    tasks[0] = hob_spawn(s, stays);
    tasks[1] = hob_spawn(s, gives, 1, 5);
    tasks[2] = hob_spawn(s, gives, 6, 5);
    turns(1);
    hob_cancel(tasks[0]);
    CHECK_EQ(hob_wait(tasks, 3, HOB_FIRST_ERROR), 3);
    return hob_join(s);
}

/* Differs: the timeout is a result (-ETIMEDOUT); hob_task_done() tells the done from the pending.
 */
TASK_TEST(W04_a_timeout_leaves_the_pending_running) {
    struct hob_task *tasks[2];
    HOB_SCOPE(s);
    tasks[0] = hob_spawn(s, gives, 1, 1);
    tasks[1] = hob_spawn(s, gives_on_go, 2);
    turns(2);
    CHECK_EQ(hob_within(0.002, hob_wait(tasks, 2, HOB_ALL_DONE)), -ETIMEDOUT);
    CHECK(hob_task_done(tasks[0]));
    CHECK(!hob_task_done(tasks[1]));
    hob_event_set(&go);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(hob_task_result(tasks[1]), 2);
    return 0;
}

static int waits_for_both(struct hob_task *a, struct hob_task *b) {
    struct hob_task *tasks[] = {a, b};
    return hob_wait(tasks, 2, HOB_ALL_DONE);
}
HOB_TASK(waits_for_both, struct hob_task *, struct hob_task *)
TASK_TEST(W05_cancelling_the_waiter_leaves_the_tasks_alone) {
    HOB_SCOPE(s);
    struct hob_task *a = hob_spawn(s, gives_on_go, 1), *b = hob_spawn(s, gives_on_go, 2);
    struct hob_task *w = hob_spawn(s, waits_for_both, a, b);
    turns(1);
    CHECK(a->joiners.first && b->joiners.first);
    hob_cancel(w);
    turns(1);
    CHECK_EQ(hob_task_result(w), -ECANCELED);
    CHECK(!a->joiners.first && !b->joiners.first); /* nothing is left behind */
    hob_event_set(&go);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(hob_task_result(a), 1);
    CHECK_EQ(hob_task_result(b), 2);
    return 0;
}
TASK_TEST(W05_a_wait_that_ended_leaves_nothing_behind_either) {
    struct hob_task *tasks[2];
    HOB_SCOPE(s);
    tasks[0] = hob_spawn(s, gives, 1, 1);
    tasks[1] = hob_spawn(s, gives_on_go, 2);
    for (int i = 0; i < 100; i++) CHECK_EQ(hob_wait(tasks, 2, HOB_FIRST_DONE), 1);
    CHECK(!tasks[1]->joiners.first);
    hob_event_set(&go);
    return hob_join(s);
}

/* The record of a child of a scope that discards is gone when the waiter runs again. */
TASK_TEST(W05_tasks_whose_record_is_dropped_at_their_end) {
    hob_set_report(keep_report, NULL);
    struct hob_task *tasks[3];
    HOB_SCOPE(s, .on_error = HOB_DISCARD);
    tasks[0] = hob_spawn(s, gives_on_go, 1);
    tasks[1] = hob_spawn(s, gives_on_go, -EIO);
    tasks[2] = hob_spawn(s, stays);
    HOB_SCOPE(mine);
    struct hob_task *w = hob_spawn(mine, waits_for_both, tasks[0], tasks[1]);
    turns(1);
    hob_event_set(&go);
    CHECK_EQ(hob_wait(tasks, 3, HOB_FIRST_ERROR), 2);
    CHECK_EQ(hob_join(mine), 0);
    CHECK_EQ(hob_task_result(w), 2);
    CHECK_EQ(reports, 1);
    hob_scope_cancel(s);
    return 0;
}

/* An awaiter is not disturbed by the child's hob_started(), after which the record may go. */
static int starts_and_ends(struct hob_task **slot) {
    *slot = hob_self();
    HOB_TRY(hob_event_wait(&go));
    hob_started();
    return 7;
}
HOB_TASK(starts_and_ends, struct hob_task **)
static int awaits_slot(struct hob_task **slot) {
    HOB_TRY(hob_yield_now());
    return hob_await(*slot);
}
HOB_TASK(awaits_slot, struct hob_task **)
static int sets_go(void) {
    for (int i = 0; i < 4; i++) HOB_TRY(hob_yield_now());
    hob_event_set(&go);
    return 0;
}
HOB_TASK(sets_go)
TASK_TEST(W05_await_of_a_task_that_starts_and_ends_in_one_turn) {
    struct hob_task *slot = NULL;
    HOB_SCOPE(mine);
    struct hob_task *w = hob_spawn(mine, awaits_slot, &slot);
    hob_spawn(mine, sets_go);
    HOB_SCOPE(s, .on_error = HOB_DISCARD);
    CHECK_EQ(hob_start(s, starts_and_ends, &slot), 0);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(hob_await(w), 7);
    return 0;
}

/* ---- gather ---- */

TASK_TEST(W06_results_are_in_the_order_of_the_tasks) {
    struct hob_task *tasks[5];
    HOB_SCOPE(s);
    for (int i = 0; i < 5; i++) tasks[i] = hob_spawn(s, gives, 5 - i, i);
    CHECK_EQ(hob_join(s), 0);
    for (int i = 0; i < 5; i++) CHECK_EQ(hob_task_result(tasks[i]), i);
    return 0;
}
TASK_TEST(W06_one_task_awaited_twice_runs_once) {
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, gives, 1, 4);
    CHECK_EQ(hob_await(t), 4);
    CHECK_EQ(hob_await(t), 4);
    struct hob_loop_info info;
    hob_loop_info(&info);
    CHECK_EQ(info.tasks_spawned, 2); /* this one, and that one */
    return hob_join(s);
}
TASK_TEST(W06_nothing_to_gather) {
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    CHECK_EQ(hob_join(s), 0);
    struct hob_task *t;
    CHECK_EQ(hob_next_done(s, &t), 0);
    return 0;
}

TASK_TEST(W07_the_first_error_is_known_at_once_and_the_others_keep_running) {
    hob_set_report(keep_report, NULL);
    struct hob_task *tasks[3];
    {
        HOB_SCOPE(s, .on_error = HOB_COLLECT);
        tasks[0] = hob_spawn(s, gives, 1, -EIO);
        tasks[1] = hob_spawn(s, gives, 3, 5);
        tasks[2] = hob_spawn(s, gives, 4, -EDOM);
        CHECK_EQ(hob_wait(tasks, 3, HOB_FIRST_ERROR), 1);
        CHECK_EQ(hob_task_result(tasks[0]), -EIO);
        CHECK_EQ(hob_join(s), 2);
        CHECK_EQ(hob_task_result(tasks[1]), 5);
    }
    /* Differs: the later error, which asyncio loses, is reported: nobody looked at it. */
    CHECK_EQ(reports, 1);
    CHECK_HAS(report_text, "Numerical argument out of domain");
    return 0;
}
static void collects(int how) {
    struct hob_task *t;
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    hob_spawn(s, gives, 0, -EIO);
    hob_spawn(s, gives, 1, -EDOM);
    if (how == 0)
        while (hob_next_done(s, &t) == 1) CHECK(hob_task_result(t) < 0);
    CHECK_EQ(hob_join(s), 2);
    if (how == 1) CHECK(hob_scope_errors(s) != NULL);
    if (how == 2) CHECK(hob_scope_error_of(s, -EIO) != NULL);
}
TASK_TEST(W07_errors_that_were_looked_at_are_not_reported) {
    hob_set_report(keep_report, NULL);
    for (int how = 0; how < 3; how++) collects(how);
    CHECK_EQ(reports, 0);
    collects(3);
    CHECK_EQ(reports, 2); /* each once */
    return 0;
}
TASK_TEST(W07_the_losers_of_a_race_are_not_reported) {
    hob_set_report(keep_report, NULL);
    {
        HOB_SCOPE(s, .on_error = HOB_COLLECT);
        hob_spawn(s, gives, 0, -EIO);
        hob_spawn(s, gives, 2, 6);
        CHECK_EQ(hob_race(s, NULL), 6);
    }
    {
        HOB_SCOPE(s, .on_error = HOB_COLLECT);
        hob_spawn(s, gives, 0, -EIO);
        hob_spawn(s, gives, 1, -EDOM);
        CHECK_EQ(hob_race(s, NULL), -EIO);
    }
    CHECK_EQ(reports, 0);
    return 0;
}

TASK_TEST(W08_errors_and_cancels_as_values) {
    struct hob_task *tasks[4];
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    tasks[0] = hob_spawn(s, gives, 1, 3);
    tasks[1] = hob_spawn(s, gives, 0, -EIO);
    tasks[2] = hob_spawn(s, stays);
    tasks[3] = hob_spawn(s, gives, 2, -EDOM);
    turns(1);
    hob_cancel(tasks[2]);
    CHECK_EQ(hob_join(s), 2);
    CHECK_EQ(hob_task_result(tasks[0]), 3);
    CHECK_EQ(hob_task_result(tasks[1]), -EIO);
    CHECK_EQ(hob_task_result(tasks[2]), -ECANCELED);
    CHECK_EQ(hob_task_result(tasks[3]), -EDOM);
    CHECK(hob_task_was_cancelled(tasks[2]));
    CHECK(!hob_task_error(tasks[2]));
    return 0;
}

TASK_TEST(W09_a_cancelled_child_is_no_cancel_of_the_waiter) {
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, stays);
    turns(1);
    hob_cancel(t);
    CHECK_EQ(hob_await(t), -ECANCELED);
    CHECK(!hob_cancelled());
    CHECK_EQ(hob_wait(&t, 1, HOB_ALL_DONE), 1);
    CHECK_EQ(hob_join(s), 0);
    return 0;
}

static int gathers(void) {
    struct hob_task *tasks[3];
    HOB_SCOPE(s);
    for (int i = 0; i < 3; i++) tasks[i] = hob_spawn(s, stays);
    int rc = hob_join(s);
    for (int i = 0; i < 3; i++) CHECK(hob_task_was_cancelled(tasks[i]));
    return rc;
}
static int collects_values(void) {
    struct hob_task *tasks[3];
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    for (int i = 0; i < 3; i++) tasks[i] = hob_spawn(s, stays);
    int rc = hob_join(s);
    for (int i = 0; i < 3; i++) CHECK(hob_task_was_cancelled(tasks[i]));
    return rc;
}
TASK_TEST(W10_cancelling_the_outer_task_cancels_all_children) {
    HOB_SCOPE(s);
    struct hob_task *a = hob_spawn(s, calls, gathers), *b = hob_spawn(s, calls, collects_values);
    turns(2);
    CHECK(hob_cancel(a) && hob_cancel(b));
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(hob_task_result(a), -ECANCELED);
    CHECK_EQ(hob_task_result(b), -ECANCELED); /* with errors as values, too */
    return 0;
}

static int joined, checked;
static int joins_one(void) {
    HOB_SCOPE(s);
    hob_spawn(s, gives_on_go, 1);
    joined = hob_join(s);
    return checked = hob_check();
}
static struct hob_scope *its_scope;
static int joins_one_in_time(void) {
    HOB_SCOPE(s, .deadline = hob_after(HOURS));
    its_scope = s;
    hob_spawn(s, gives_on_go, 1);
    return hob_join(s);
}

/* Differs: the cancel is taken, since the task has not ended; but the join was complete before, and
 * says so. The cancel is seen at the next point. */
TASK_TEST(W11_cancel_after_the_last_child_ended_but_before_the_owner_ran) {
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, calls, joins_one);
    turns(2);
    hob_event_set(&go);
    turns(1); /* the child has ended, the owner is ready */
    CHECK(!hob_task_done(t));
    CHECK(hob_cancel(t));
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(joined, 0);
    CHECK_EQ(checked, -ECANCELED);
    return 0;
}
TASK_TEST(W11_a_deadline_after_the_last_child_ended_but_before_the_owner_ran) {
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, calls, joins_one_in_time);
    turns(2);
    hob_event_set(&go);
    turns(1);
    CHECK(!hob_task_done(t));
    CHECK_EQ(hob_scope_reschedule(its_scope, hob_after(0)), 0);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(hob_task_result(t), 0);
    return 0;
}
TASK_TEST(W11_cancel_before_the_last_child_ended) {
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, calls, joins_one);
    turns(2);
    hob_event_set(&go); /* the child is ready, it will succeed */
    CHECK(hob_cancel(t));
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(joined, -ECANCELED);
    return 0;
}

/* ---- as_completed ---- */

TASK_TEST(W12_in_the_order_of_their_ends_and_as_the_same_tasks) {
    struct hob_task *tasks[5], *t = NULL;
    HOB_SCOPE(s);
    for (int i = 0; i < 5; i++) tasks[i] = hob_spawn(s, gives, 9 - 2 * i, i);
    for (int i = 5; i-- > 0;) {
        CHECK_EQ(hob_next_done(s, &t), 1);
        CHECK(t == tasks[i]);
        CHECK_EQ(hob_task_result(t), i);
        CHECK(i == 0 || !hob_task_done(tasks[i - 1])); /* handed out at its end, no later */
    }
    CHECK_EQ(hob_next_done(s, &t), 0);
    tasks[0] = hob_spawn(s, gives, 1, 7); /* the scope goes on */
    CHECK_EQ(hob_next_done(s, &t), 1);
    CHECK(t == tasks[0]);
    CHECK_EQ(hob_next_done(s, &t), 0);
    return hob_join(s);
}
TASK_TEST(W12_errors_and_cancelled_ones_are_handed_out_too) {
    struct hob_task *a, *b, *t = NULL;
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    a = hob_spawn(s, stays);
    b = hob_spawn(s, gives, 2, -EIO);
    turns(1);
    hob_cancel(a);
    CHECK_EQ(hob_next_done(s, &t), 1);
    CHECK(t == a);
    CHECK_EQ(hob_next_done(s, &t), 1);
    CHECK(t == b);
    CHECK_EQ(hob_task_result(t), -EIO);
    CHECK_EQ(hob_join(s), 1);
    return 0;
}
TASK_TEST(W12_when_only_daemons_are_left_they_are_cancelled_and_handed_out_last) {
    struct hob_task *t = NULL;
    HOB_SCOPE(s);
    struct hob_task *daemon = hob_spawn_daemon(s, stays);
    struct hob_task *child = hob_spawn(s, gives, 2, 5);
    CHECK_EQ(hob_next_done(s, &t), 1);
    CHECK(t == child);
    CHECK(!hob_task_done(daemon));
    CHECK_EQ(hob_next_done(s, &t), 1);
    CHECK(t == daemon);
    CHECK(hob_task_was_cancelled(t));
    CHECK_EQ(hob_next_done(s, &t), 0);
    return hob_join(s);
}
TASK_TEST(W12_a_timeout_comes_at_the_next_step_and_loses_nothing) {
    struct hob_task *a, *t = NULL;
    HOB_SCOPE(s);
    a = hob_spawn(s, gives_on_go, 1);
    CHECK_EQ(hob_within(0.001, hob_next_done(s, &t)), -ETIMEDOUT);
    CHECK_EQ(hob_within(0, hob_next_done(s, &t)), -ETIMEDOUT);
    CHECK(!t);
    hob_event_set(&go);
    turns(2);
    CHECK_EQ(hob_within(0, hob_next_done(s, &t)), -ETIMEDOUT); /* it is a point first */
    CHECK_EQ(hob_next_done(s, &t), 1);
    CHECK(t == a);
    return hob_join(s);
}

static int step, after_it;
static int takes_steps(void) {
    struct hob_task *t = NULL;
    HOB_SCOPE(s, .shield = true);
    hob_spawn(s, gives_on_go, 3);
    {
        HOB_SCOPE(step_of_its_own);
        its_scope = step_of_its_own;
        step = hob_next_done(s, &t);
    }
    after_it = hob_next_done(s, &t);
    CHECK(t != NULL);
    CHECK_EQ(hob_task_result(t), 3);
    return hob_join(s);
}
TASK_TEST(W12_a_cancelled_step_consumes_no_task) {
    HOB_SCOPE(s);
    hob_spawn(s, calls, takes_steps);
    turns(2);
    hob_scope_cancel(its_scope);
    hob_event_set(&go);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(step, -ECANCELED);
    CHECK_EQ(after_it, 1);
    return 0;
}
TASK_TEST(W12_a_step_that_was_served_in_the_turn_of_its_cancel_is_delivered) {
    HOB_SCOPE(s);
    hob_spawn(s, calls, takes_steps);
    turns(2);
    hob_event_set(&go);
    turns(1);
    hob_scope_cancel(its_scope);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(step, 1);
    CHECK_EQ(after_it, 0);
    return 0;
}

/* ---- shield ---- */

static int shielded, behind;
static int shields_a_call(void) {
    shielded = hob_shielded(gives_on_go(6));
    behind = hob_sleep(0);
    return behind;
}
/* Differs: the caller itself goes on until the call has its result, which is not dropped; the
 * cancel is seen behind it. */
TASK_TEST(W13_a_cancel_from_outside_does_not_reach_the_shielded_call) {
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, calls, shields_a_call);
    turns(1);
    CHECK(hob_cancel(t));
    turns(3);
    CHECK(!hob_task_done(t));
    hob_event_set(&go);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(shielded, 6);
    CHECK_EQ(behind, -ECANCELED);
    CHECK(hob_task_was_cancelled(t));
    return 0;
}
static struct hob_task *inner;
static int awaits_in_a_shield(void) {
    shielded = hob_shielded(hob_await(inner));
    behind = hob_cancelled();
    return shielded;
}
TASK_TEST(W13_the_inner_task_cancelled_is_what_the_outer_gets) {
    HOB_SCOPE(s);
    inner = hob_spawn(s, stays);
    struct hob_task *t = hob_spawn(s, calls, awaits_in_a_shield);
    turns(1);
    hob_cancel(inner);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(shielded, -ECANCELED);
    CHECK_EQ(behind, 0);
    CHECK(!hob_task_was_cancelled(t));
    return 0;
}
static int awaits_inner(void) { return hob_await(inner); }
TASK_TEST(W13_an_error_of_the_inner_task_after_its_waiter_was_cancelled) {
    hob_set_report(keep_report, NULL);
    for (int read = 0; read < 2; read++) {
        hob_event_clear(&go);
        HOB_SCOPE(s, .on_error = HOB_COLLECT);
        inner = hob_spawn(s, gives_on_go, -EIO);
        struct hob_task *t = hob_spawn(s, calls, awaits_inner);
        turns(1);
        hob_cancel(t); /* waiting does not own: the inner one lives */
        turns(2);
        CHECK_EQ(hob_task_result(t), -ECANCELED);
        CHECK(!hob_task_done(inner));
        hob_event_set(&go);
        CHECK_EQ(hob_join(s), 1);
        if (read) CHECK_EQ(hob_task_result(inner), -EIO);
    }
    CHECK_EQ(reports, 1); /* only the one that nobody read */
    return 0;
}

TASK_TEST(W14_a_shield_around_what_is_done_is_its_result) {
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, gives, 0, 5);
    turns(1);
    CHECK_EQ(hob_shielded(hob_await(t)), 5);
    CHECK_EQ(hob_shielded(7), 7);
    return hob_join(s);
}
static int gathers_in_a_shield(void) {
    struct hob_task *tasks[3];
    HOB_SCOPE(s, .shield = true);
    for (int i = 0; i < 3; i++) tasks[i] = hob_spawn(s, gives_on_go, i);
    int rc = hob_join(s);
    for (int i = 0; i < 3; i++) CHECK_EQ(hob_task_result(tasks[i]), i);
    return rc;
}
TASK_TEST(W14_a_shield_around_a_group) {
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, calls, gathers_in_a_shield);
    turns(1);
    hob_cancel(t);
    turns(2);
    hob_event_set(&go);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(hob_task_result(t), 0);
    return 0;
}
static int groups_shields(void) {
    HOB_SCOPE(s);
    struct hob_task *a = hob_spawn(s, calls, gathers_in_a_shield);
    struct hob_task *b = hob_spawn(s, stays);
    int rc = hob_join(s);
    CHECK_EQ(hob_task_result(a), 0);
    CHECK_EQ(hob_task_result(b), -ECANCELED);
    return rc;
}
TASK_TEST(W14_a_group_of_shields) {
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, calls, groups_shields);
    turns(3);
    hob_cancel(t);
    turns(2);
    hob_event_set(&go);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(hob_task_result(t), -ECANCELED);
    return 0;
}

TEST_MAIN()
