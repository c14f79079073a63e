/* timeout_rules_test.c - the rules of asyncio's timeouts and wait_for (O-01 to O-21 of its own
 * tests), by name, for scopes with a deadline and hob_within(). Where Hob differs on purpose, the
 * comment says what holds instead. Deadlines that must pass are short, those that must not are
 * hours away, so that nothing depends on the machine's speed. */
#include "sync.h"

enum { HOURS = 10000 };

static struct hob_event never;
static int waits_for_ever(void) { return hob_event_wait(&never); }
HOB_TASK(waits_for_ever)

static int calls(int (*fn)(void)) { return fn(); }
HOB_TASK(calls, int (*)(void))

static int gives(int after, int result) {
    for (int i = 0; i < after; i++) HOB_TRY(hob_yield_now());
    return result < 0 ? hob_fail(result, "gives") : result;
}
HOB_TASK(gives, int, int)

/* Keeps the processor, and so the loop, until the deadline has passed. */
static void stays_busy_until(uint64_t deadline) {
    while (hob_now() <= deadline) continue;
}

/* Runs fn as a task, lets it wait, and cancels it; its result. */
static int cancelled_outside(int (*fn)(void), bool *was_cancelled) {
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    struct hob_task *t = hob_spawn(s, calls, fn);
    turns(2);
    CHECK(hob_cancel(t));
    CHECK(hob_join(s) >= 0);
    if (was_cancelled) *was_cancelled = hob_task_was_cancelled(t);
    return hob_task_result(t);
}

/* ---- a scope with a deadline ---- */

static int expires(void) {
    int seen = 0;
    {
        HOB_SCOPE(s, .deadline = hob_after(0.005));
        seen = waits_for_ever();
        CHECK_EQ(hob_join(s), -ETIMEDOUT);
        CHECK(hob_scope_expired(s));
    }
    CHECK_EQ(seen, -ECANCELED);
    CHECK(!hob_cancelled());
    CHECK_EQ(hob_sleep(0), 0);
    return 3;
}
/* Differs: not once; every wait in the scope sees it, until the scope is left. */
TASK_TEST(O01_expiry_becomes_a_timeout_and_the_task_is_not_cancelled) {
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, calls, expires);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(hob_task_result(t), 3);
    CHECK(!hob_task_was_cancelled(t));
    return 0;
}
static int expires_outright(void) { return hob_within(0.001, waits_for_ever()); }
TASK_TEST(O01_a_timeout_that_ends_the_task_is_an_error_no_cancel) {
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    struct hob_task *t = hob_spawn(s, calls, expires_outright);
    CHECK_EQ(hob_join(s), 1);
    CHECK_EQ(hob_task_result(t), -ETIMEDOUT);
    CHECK(!hob_task_was_cancelled(t));
    CHECK_STR(hob_task_error(t)->message, "the deadline passed");
    return 0;
}

TASK_TEST(O02_no_deadline_is_none) {
    HOB_SCOPE(s, .deadline = 0);
    CHECK_EQ(hob_sleep(0.003), 0);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(hob_within_until(0, gives(3, 7)), 7);
    return 0;
}
static int counts_steps(int *steps) {
    ++*steps;
    HOB_TRY(hob_sleep(0));
    ++*steps;
    return 0;
}
static void expires_at_the_first_wait(uint64_t deadline) {
    int steps = 0;
    HOB_SCOPE(s, .deadline = deadline);
    CHECK_EQ(counts_steps(&steps), -ECANCELED);
    CHECK_EQ(steps, 1);
    CHECK_EQ(hob_join(s), -ETIMEDOUT);
    CHECK(hob_scope_expired(s));
}
TASK_TEST(O02_a_deadline_in_the_past_fires_at_the_first_wait) {
    expires_at_the_first_wait(hob_after(0));
    expires_at_the_first_wait(hob_after(-1));
    expires_at_the_first_wait(hob_now() - 1);
    return 0;
}
TASK_TEST(O02_and_not_before) {
    CHECK_EQ(hob_within(0, gives(0, 5)), 5);
    HOB_SCOPE(s, .deadline = hob_after(0));
    return 0; /* left without having waited */
}

/* A timer left behind would keep the program waiting, instead of finding its deadlock. */
static int deadlocks_after_an_unused_deadline(void) {
    {
        HOB_SCOPE(s, .deadline = hob_after(HOURS));
        CHECK_EQ(gives(2, 0), 0);
        CHECK_EQ(hob_join(s), 0);
        CHECK(!hob_scope_expired(s));
    }
    { HOB_SCOPE(s, .deadline = hob_after(HOURS)); /* and without a join */ }
    CHECK_EQ(hob_within(HOURS, gives(2, 9)), 9);
    return waits_for_ever();
}
HOB_TASK(deadlocks_after_an_unused_deadline)
static void no_report(enum hob_report_kind kind, const char *text, void *arg) {
    (void)kind;
    (void)text;
    (void)arg;
}
TEST(O03_finished_before_the_deadline_it_leaves_no_timer) {
    hob_set_report(no_report, NULL);
    CHECK_EQ(hob_run(deadlocks_after_an_unused_deadline), HOB_E_DEADLOCK);
}

/* ---- nested ---- */

TASK_TEST(O04_of_equal_deadlines_the_outer_scope_converts) {
    uint64_t deadline = hob_after(0.005);
    HOB_SCOPE(outer, .deadline = deadline);
    {
        HOB_SCOPE(inner, .deadline = deadline);
        CHECK_EQ(waits_for_ever(), -ECANCELED);
        CHECK_EQ(hob_join(inner), -ECANCELED);
        CHECK(hob_scope_expired(inner));
    }
    CHECK(hob_scope_expired(outer));
    CHECK_EQ(hob_join(outer), -ETIMEDOUT);
    CHECK_EQ(hob_sleep(0), 0);
    return 0;
}
/* The loop was held meanwhile: the outer one's timer has not fired yet. */
TASK_TEST(O04_equal_and_past_when_the_inner_one_begins) {
    uint64_t deadline = hob_after(0.002);
    HOB_SCOPE(outer, .deadline = deadline);
    stays_busy_until(deadline);
    {
        HOB_SCOPE(inner, .deadline = deadline);
        CHECK_EQ(waits_for_ever(), -ECANCELED);
        CHECK_EQ(hob_join(inner), -ECANCELED);
    }
    CHECK_EQ(hob_join(outer), -ETIMEDOUT);
    return 0;
}
static int begins_late(uint64_t *deadline) {
    stays_busy_until(*deadline + 1000);
    return hob_within_until(*deadline + 1000, waits_for_ever());
}
HOB_TASK(begins_late, uint64_t *)
TASK_TEST(O05_and_both_had_passed_when_the_inner_one_begins_in_a_child) {
    uint64_t deadline = hob_after(0.002);
    HOB_SCOPE(outer, .deadline = deadline, .on_error = HOB_COLLECT);
    struct hob_task *t = hob_spawn(outer, begins_late, &deadline);
    CHECK_EQ(hob_join(outer), -ETIMEDOUT);
    CHECK_EQ(hob_task_result(t), -ECANCELED);
    return 0;
}
TASK_TEST(O04_equal_and_past) {
    int inner = 0;
    int outer = hob_within(0, inner = hob_within(0, hob_sleep(0)));
    CHECK_EQ(inner, -ECANCELED);
    CHECK_EQ(outer, -ETIMEDOUT);
    return 0;
}

TASK_TEST(O05_the_outer_expires_first) {
    int inner = 0;
    int outer = hob_within(0.005, inner = hob_within(HOURS, waits_for_ever()));
    CHECK_EQ(inner, -ECANCELED);
    CHECK_EQ(outer, -ETIMEDOUT);
    return 0;
}
/* The inner one's deadline passes too, while its clean-up waits in a shield. */
static int cleans_up_until(uint64_t deadline) {
    int rc = waits_for_ever();
    CHECK_EQ(hob_shielded(hob_sleep_until(deadline)), 0);
    return rc;
}
TASK_TEST(O05_and_the_inner_one_during_the_clean_up) {
    uint64_t first = hob_after(0.003), second = first + 3000000;
    HOB_SCOPE(outer, .deadline = first);
    {
        HOB_SCOPE(inner, .deadline = second);
        CHECK_EQ(cleans_up_until(second + 2000000), -ECANCELED);
        CHECK_EQ(hob_join(inner), -ECANCELED);
    }
    CHECK_EQ(hob_join(outer), -ETIMEDOUT);
    return 0;
}
TASK_TEST(O05_the_inner_expires_first_and_the_outer_during_its_clean_up) {
    uint64_t first = hob_after(0.003), second = first + 3000000;
    HOB_SCOPE(outer, .deadline = second);
    {
        HOB_SCOPE(inner, .deadline = first);
        CHECK_EQ(cleans_up_until(second + 2000000), -ECANCELED);
        CHECK_EQ(hob_join(inner), -ETIMEDOUT);
    }
    CHECK_EQ(waits_for_ever(), -ECANCELED);
    CHECK_EQ(hob_join(outer), -ETIMEDOUT);
    return 0;
}

TASK_TEST(O06_busy_past_both_deadlines_the_inner_converts_then_the_outer) {
    uint64_t first = hob_after(0.05), second = first + 2000000;
    HOB_SCOPE(outer, .deadline = second);
    {
        HOB_SCOPE(inner, .deadline = first);
        stays_busy_until(second + 2000000);
        CHECK_EQ(waits_for_ever(), -ECANCELED);
        CHECK_EQ(hob_join(inner), -ETIMEDOUT);
    }
    CHECK_EQ(waits_for_ever(), -ECANCELED);
    CHECK_EQ(hob_join(outer), -ETIMEDOUT);
    CHECK_EQ(hob_sleep(0), 0);
    return 0;
}

TASK_TEST(O06_with_a_scope_without_a_deadline_between_them) {
    uint64_t first = hob_after(0.002), second = first + 2000000;
    HOB_SCOPE(outer, .deadline = second);
    {
        HOB_SCOPE(middle);
        {
            HOB_SCOPE(inner, .deadline = first);
            CHECK_EQ(cleans_up_until(second + 2000000), -ECANCELED);
            CHECK_EQ(hob_join(inner), -ETIMEDOUT);
        }
        CHECK_EQ(waits_for_ever(), -ECANCELED);
        CHECK_EQ(hob_join(middle), -ECANCELED);
    }
    CHECK_EQ(hob_join(outer), -ETIMEDOUT);
    return 0;
}

/* ---- with a cancel from outside ---- */

static int cancelled_before_its_deadline(void) {
    HOB_SCOPE(s, .deadline = hob_after(HOURS));
    CHECK_EQ(waits_for_ever(), -ECANCELED);
    int rc = hob_join(s);
    CHECK(!hob_scope_expired(s));
    return rc;
}
static int within_hours(void) { return hob_within(HOURS, waits_for_ever()); }
TASK_TEST(O07_an_outside_cancel_before_expiry_is_a_cancel) {
    bool was_cancelled = false;
    CHECK_EQ(cancelled_outside(cancelled_before_its_deadline, &was_cancelled), -ECANCELED);
    CHECK(was_cancelled);
    CHECK_EQ(cancelled_outside(within_hours, &was_cancelled), -ECANCELED);
    CHECK(was_cancelled);
    return 0;
}

static uint64_t its_deadline;
static int waits_until_its_deadline(void) {
    its_deadline = hob_after(0.08);
    return hob_within_until(its_deadline, waits_for_ever());
}
TASK_TEST(O08_outside_cancel_and_expiry_in_the_same_turn_are_a_cancel) {
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, calls, waits_until_its_deadline);
    turns(1);
    stays_busy_until(its_deadline + 2000000);
    hob_cancel(t); /* the deadline has passed, but nobody has looked yet */
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(hob_task_result(t), -ECANCELED);
    CHECK(hob_task_was_cancelled(t));
    return 0;
}
static struct hob_event expired, go;
static int expires_and_cleans_up(void) {
    HOB_SCOPE(s, .deadline = hob_after(0.001));
    CHECK_EQ(waits_for_ever(), -ECANCELED);
    CHECK(hob_scope_expired(s));
    hob_event_set(&expired);
    CHECK_EQ(hob_shielded(hob_event_wait(&go)), 0);
    return hob_join(s);
}
TASK_TEST(O08_outside_cancel_after_the_expiry_but_before_the_join) {
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, calls, expires_and_cleans_up);
    CHECK_EQ(hob_event_wait(&expired), 0);
    CHECK(hob_cancel(t));
    hob_event_set(&go);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(hob_task_result(t), -ECANCELED);
    return 0;
}

/* ---- other errors ---- */

static int fails_when_cancelled(void) {
    if (waits_for_ever() == -ECANCELED) return hob_fail(-EDOM, "clean-up");
    return 0;
}
HOB_TASK(fails_when_cancelled)

TASK_TEST(O09_an_error_without_expiry_passes_untouched) {
    CHECK_EQ(hob_within(HOURS, gives(1, -EIO)), -EIO);
    CHECK_STR(hob_error()->message, "gives");
    CHECK(!hob_error()->cause);
    return 0;
}
/* Differs: the error is kept as it is, no timeout is put into its chain of causes; the scope tells
 * that it expired. */
TASK_TEST(O09_an_error_in_the_clean_up_of_an_expired_scope_is_kept) {
    CHECK_EQ(hob_within(0.001, fails_when_cancelled()), -EDOM);
    CHECK_STR(hob_error()->message, "clean-up");
    HOB_SCOPE(s, .deadline = hob_after(0.05));
    hob_spawn(s, fails_when_cancelled);
    CHECK_EQ(hob_join(s), -EDOM);
    CHECK(hob_scope_expired(s));
    return 0;
}

/* ---- in handlers and clean-ups ---- */

/* Differs: in a cancelled task a new scope is cancelled too; one for clean-up has a shield. */
static int opens_one_while_cancelled(void) {
    int rc = waits_for_ever();
    CHECK_EQ(hob_within(HOURS, gives(1, 0)), -ECANCELED);
    {
        HOB_SCOPE(s, .deadline = hob_after(0.001), .shield = true);
        CHECK_EQ(waits_for_ever(), -ECANCELED);
        CHECK_EQ(hob_join(s), -ETIMEDOUT);
    }
    {
        HOB_SCOPE(s, .deadline = hob_after(HOURS), .shield = true);
        CHECK_EQ(gives(3, 0), 0);
        CHECK_EQ(hob_join(s), 0);
    }
    note("cleaned ");
    return rc;
}
TASK_TEST(O10_a_scope_opened_after_a_cancel) {
    CHECK_EQ(cancelled_outside(opens_one_while_cancelled, NULL), -ECANCELED);
    CHECK_STR(notes, "cleaned ");
    return 0;
}
static int takes_the_first_back(void) {
    CHECK_EQ(waits_for_ever(), -ECANCELED);
    CHECK(hob_uncancel());
    note("caught ");
    return hob_within(HOURS, waits_for_ever());
}
TASK_TEST(O10_a_second_cancel_inside_a_scope_opened_after_the_first) {
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, calls, takes_the_first_back);
    turns(1);
    CHECK(hob_cancel(t));
    turns(1);
    CHECK_STR(notes, "caught ");
    CHECK(hob_cancel(t));
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(hob_task_result(t), -ECANCELED);
    return 0;
}
TASK_TEST(O10_a_scope_in_the_clean_up_of_an_expired_one) {
    HOB_SCOPE(s, .deadline = hob_after(0.001));
    CHECK_EQ(waits_for_ever(), -ECANCELED);
    {
        HOB_SCOPE(last, .deadline = hob_after(0.001), .shield = true);
        CHECK_EQ(waits_for_ever(), -ECANCELED);
        CHECK_EQ(hob_join(last), -ETIMEDOUT);
    }
    CHECK_EQ(hob_join(s), -ETIMEDOUT);
    return 0;
}

/* ---- reschedule ---- */

TASK_TEST(O11_reschedule_moves_the_deadline) {
    HOB_SCOPE(s, .deadline = hob_after(0.05));
    CHECK_EQ(hob_scope_reschedule(s, hob_after(HOURS)), 0);
    CHECK_EQ(hob_sleep(0.06), 0);
    CHECK_EQ(hob_scope_reschedule(s, hob_after(0.001)), 0);
    CHECK_EQ(waits_for_ever(), -ECANCELED);
    CHECK_EQ(hob_join(s), -ETIMEDOUT);
    return 0;
}
TASK_TEST(O11_to_none) {
    HOB_SCOPE(s, .deadline = hob_after(0.05));
    CHECK_EQ(hob_scope_reschedule(s, 0), 0);
    CHECK_EQ(hob_sleep(0.06), 0);
    CHECK_EQ(hob_join(s), 0);
    return 0;
}
TASK_TEST(O11_to_the_past) {
    HOB_SCOPE(s, .deadline = hob_after(HOURS));
    CHECK_EQ(hob_scope_reschedule(s, hob_now() - 1), 0);
    CHECK_EQ(hob_sleep(0), -ECANCELED);
    CHECK_EQ(hob_join(s), -ETIMEDOUT);
    return 0;
}
TASK_TEST(O11_from_none) {
    HOB_SCOPE(s);
    CHECK_EQ(hob_scope_reschedule(s, hob_after(0.001)), 0);
    CHECK_EQ(waits_for_ever(), -ECANCELED);
    CHECK_EQ(hob_join(s), -ETIMEDOUT);
    return 0;
}
/* Its timer stays in its slot, again and again, and then not. */
TASK_TEST(far_away_and_back) {
    HOB_SCOPE(s, .deadline = hob_after(HOURS));
    for (int more = 1; more < 100; more++)
        CHECK_EQ(hob_scope_reschedule(s, hob_after(HOURS + more)), 0);
    CHECK_EQ(hob_scope_reschedule(s, UINT64_MAX), 0);
    CHECK_EQ(hob_scope_reschedule(s, hob_after(2 * HOURS)), 0);
    CHECK_EQ(hob_scope_reschedule(s, hob_after(HOURS)), 0);
    CHECK_EQ(hob_sleep(0.001), 0);
    CHECK_EQ(hob_scope_reschedule(s, hob_after(0.001)), 0);
    CHECK_EQ(waits_for_ever(), -ECANCELED);
    CHECK_EQ(hob_join(s), -ETIMEDOUT);
    return 0;
}
TASK_TEST(a_later_deadline_does_not_lengthen_the_grace) {
    HOB_SCOPE(s, .deadline = hob_after(HOURS));
    hob_stop(s, 0.02);
    CHECK_EQ(hob_scope_reschedule(s, hob_after(2 * HOURS)), 0);
    CHECK_EQ(waits_for_ever(), -ECANCELED);
    CHECK(!hob_scope_expired(s));
    return 0;
}
static int reschedules(struct hob_scope *s) { return hob_scope_reschedule(s, hob_after(0)); }
HOB_TASK(reschedules, struct hob_scope *)
TASK_TEST(O11_by_a_child) {
    HOB_SCOPE(s, .deadline = hob_after(HOURS));
    hob_spawn(s, reschedules, s);
    CHECK_EQ(waits_for_ever(), -ECANCELED);
    CHECK_EQ(hob_join(s), -ETIMEDOUT);
    return 0;
}
/* Differs: an error code, no exception. Before it is opened a scope has no name. */
TASK_TEST(O11_after_the_expiry_or_the_join_it_is_refused) {
    HOB_SCOPE(s, .deadline = hob_after(0.001));
    CHECK_EQ(waits_for_ever(), -ECANCELED);
    CHECK_EQ(hob_scope_reschedule(s, hob_after(HOURS)), -EINVAL); /* while expiring */
    CHECK_EQ(hob_join(s), -ETIMEDOUT);
    CHECK_EQ(hob_scope_reschedule(s, hob_after(HOURS)), -EINVAL);
    HOB_SCOPE(finished, .deadline = hob_after(HOURS));
    CHECK_EQ(hob_join(finished), 0);
    CHECK_EQ(hob_scope_reschedule(finished, hob_after(0)), -EINVAL);
    CHECK_EQ(hob_sleep(0), 0);
    return 0;
}
/* Its timer is still armed, and the new deadline comes after its slot. */
TASK_TEST(O11_after_a_cancel_it_is_refused) {
    HOB_SCOPE(s, .deadline = hob_after(HOURS));
    hob_scope_cancel(s);
    CHECK_EQ(hob_scope_reschedule(s, hob_after(2 * HOURS)), -EINVAL);
    CHECK_EQ(hob_sleep(0), -ECANCELED);
    CHECK(!hob_scope_expired(s));
    return 0;
}

/* Entering twice cannot be written: the declaration is the entry. */
static void opens_outside_a_task(void) { HOB_SCOPE(s, .deadline = hob_after(1)); }
static int within_outside_a_task(void) { return hob_within(1, 0); }
TEST(O12_outside_a_task_it_is_misuse) {
    CHECK_DIES(opens_outside_a_task(), "called outside a task");
    CHECK_DIES(within_outside_a_task(), "called outside a task");
}

static int group_of_three(void) {
    HOB_SCOPE(s);
    for (int i = 0; i < 3; i++) hob_spawn(s, waits_for_ever);
    int rc = hob_join(s);
    CHECK(!hob_scope_errors(s));
    return rc;
}
TASK_TEST(O13_a_deadline_around_a_group) {
    CHECK_EQ(hob_within(0.002, group_of_three()), -ETIMEDOUT);
    CHECK_EQ(hob_sleep(0), 0);
    return 0;
}
TASK_TEST(O13_a_deadline_of_the_group_itself) {
    HOB_SCOPE(s, .deadline = hob_after(0.002));
    for (int i = 0; i < 3; i++) hob_spawn(s, waits_for_ever);
    CHECK_EQ(hob_join(s), -ETIMEDOUT);
    return 0;
}

/* ---- wait_for: hob_within() ---- */

static int cleans_up_for_long(void) {
    int rc = hob_sleep(HOURS);
    CHECK_EQ(hob_shielded(gives(20, 0)), 0);
    note("cleaned ");
    return rc;
}
HOB_TASK(cleans_up_for_long)
static int has_a_child(void) {
    HOB_SCOPE(s);
    hob_spawn(s, cleans_up_for_long);
    return hob_join(s);
}
TASK_TEST(O14_the_call_has_ended_when_the_timeout_comes_out) {
    CHECK_EQ(hob_within(0.002, cleans_up_for_long()), -ETIMEDOUT);
    CHECK_STR(notes, "cleaned ");
    CHECK_EQ(hob_within(0.002, has_a_child()), -ETIMEDOUT);
    CHECK_STR(notes, "cleaned cleaned ");
    return 0;
}
TASK_TEST(O14_with_a_timeout_of_zero) {
    CHECK_EQ(hob_within(0, cleans_up_for_long()), -ETIMEDOUT);
    CHECK_STR(notes, "cleaned ");
    return 0;
}

static int swallows(void) {
    CHECK_EQ(waits_for_ever(), -ECANCELED);
    return 42;
}
TASK_TEST(O15_a_result_that_came_in_spite_of_the_cancel_is_kept) {
    CHECK_EQ(hob_within(0.001, swallows()), 42);
    CHECK_EQ(hob_sleep(0), 0);
    return 0;
}

TASK_TEST(O16_an_error_in_the_clean_up_is_kept) {
    CHECK_EQ(hob_within(0.001, fails_when_cancelled()), -EDOM);
    CHECK_EQ(hob_within(0, fails_when_cancelled()), -EDOM);
    return 0;
}

/* Differs: the call runs to its first wait; what need not wait and is no cancellation point gives
 * its result. */
TASK_TEST(O17_a_timeout_of_zero_or_less) {
    struct hob_future done = {0};
    hob_future_set(&done, 5, NULL);
    for (double seconds = 0; seconds >= -1; seconds--) {
        int steps = 0;
        CHECK_EQ(hob_within(seconds, gives(0, 5)), 5);
        CHECK_EQ(hob_within(seconds, counts_steps(&steps)), -ETIMEDOUT);
        CHECK_EQ(steps, 1);
        CHECK_EQ(hob_within(seconds, hob_future_wait(&done, NULL)), -ETIMEDOUT);
    }
    CHECK_EQ(hob_future_wait(&done, NULL), 5);
    return 0;
}

static struct hob_future result;
static int first, second;
static int takes_the_result(void) {
    first = hob_within(HOURS, hob_future_wait(&result, NULL));
    second = hob_check();
    return first;
}
TASK_TEST(O18_result_and_cancel_in_the_same_turn_lose_neither) {
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, calls, takes_the_result);
    turns(1);
    hob_future_set(&result, 5, NULL);
    hob_cancel(t);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(first, 5);
    CHECK_EQ(second, -ECANCELED);
    return 0;
}
TASK_TEST(O18_a_cancel_that_came_first) {
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, calls, takes_the_result);
    turns(1);
    hob_cancel(t);
    hob_future_set(&result, 5, NULL);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(first, -ECANCELED);
    CHECK_EQ(second, -ECANCELED);
    CHECK(result.done);
    return 0;
}
static int result_at_the_deadline(void) {
    uint64_t deadline = hob_after(0.08);
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, calls, takes_the_result);
    turns(1);
    stays_busy_until(deadline);
    hob_future_set(&result, 7, NULL);
    CHECK_EQ(hob_join(s), 0);
    return hob_task_result(t);
}
TASK_TEST(O18_result_in_the_turn_in_which_the_deadline_passes) {
    CHECK_EQ(hob_within(0.08, result_at_the_deadline()), 7);
    return 0;
}

/* The call runs in the caller's own task: there is no moment in which its result belongs to nobody.
 * What a woken wait hands over arrives also when the deadline passes in the same turn. */
static int acquires(struct hob_sem *sem, double seconds) {
    int rc = hob_within(seconds, hob_sem_acquire(sem));
    note("%d ", rc);
    if (rc == 0) hob_sem_release(sem);
    return 0;
}
HOB_TASK(acquires, struct hob_sem *, double)
TASK_TEST(O19_nothing_leaks_between_result_and_timeout) {
    struct hob_sem sem = HOB_SEM(1);
    for (int i = 0; i < 20; i++) {
        HOB_SCOPE(s);
        CHECK_EQ(hob_sem_acquire(&sem), 0);
        uint64_t deadline = hob_after(0.0005);
        hob_spawn(s, acquires, &sem, 0.0005);
        hob_spawn(s, acquires, &sem, HOURS);
        turns(1);
        stays_busy_until(deadline + (uint64_t)i * 100000);
        if (i & 1) turns(1);
        hob_sem_release(&sem);
        CHECK_EQ(hob_join(s), 0);
        CHECK_EQ(sem.free, 1);
    }
    return 0;
}

TASK_TEST(O20_a_shielded_call_goes_on) {
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, gives, 5, 8);
    CHECK_EQ(hob_within(0, hob_await(t)), -ETIMEDOUT); /* waiting does not own */
    CHECK(!hob_task_done(t));
    CHECK_EQ(hob_within_until(0, hob_await(t)), 8); /* no timeout */
    CHECK_EQ(hob_join(s), 0);
    return 0;
}
/* Differs: a shield around the call also keeps the caller waiting; its result is kept. */
TASK_TEST(O20_a_deadline_around_a_shield) {
    CHECK_EQ(hob_within(0, hob_shielded(gives(5, 9))), 9);
    return 0;
}

TASK_TEST(O21_a_condition_that_timed_out_holds_its_mutex) {
    struct hob_mutex m = {0};
    struct hob_cond c = {0};
    CHECK_EQ(hob_mutex_lock(&m), 0);
    CHECK_EQ(hob_within(0.001, hob_cond_wait(&c, &m)), -ETIMEDOUT);
    CHECK(m.owner == hob_self());
    CHECK_EQ(hob_within(0, hob_cond_wait(&c, &m)), -ETIMEDOUT);
    CHECK(m.owner == hob_self());
    hob_mutex_unlock(&m);
    return 0;
}

TEST_MAIN()
