/* group_rules_test.c - the rules of asyncio's task groups (G-01 to G-26 of its own tests), by name,
 * for scopes; the others are in group_cancel_rules_test.c. Where Hob differs on purpose, the
 * comment says what holds instead. What never comes is an event that nobody sets, so that a test
 * that would hang ends as a deadlock. */
#include "groups.h"

#include "base/memory.h"

static const struct hob__place elsewhere = {"f", "f.c", 1};

/* ---- children and their results ---- */

TASK_TEST(G01_join_waits_for_all_and_results_are_read_from_the_tasks) {
    HOB_SCOPE(s);
    struct hob_task *a = hob_spawn(s, gives, 6, 42);
    struct hob_task *b = hob_spawn(s, gives, 1, 11);
    turns(3);
    CHECK(hob_task_done(b));
    struct hob_task *c = hob_spawn(s, gives, 1, 7); /* added later */
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(hob_task_result(a), 42);
    CHECK_EQ(hob_task_result(b), 11);
    CHECK_EQ(hob_task_result(c), 7);
    return 0;
}

TASK_TEST(G02_a_child_cancelled_explicitly_is_no_error) {
    HOB_SCOPE(s);
    struct hob_task *a = hob_spawn(s, stays, "a");
    struct hob_task *b = hob_spawn(s, gives, 5, 1);
    turns(1);
    CHECK(hob_cancel(a));
    turns(1);
    CHECK(hob_task_done(a));
    CHECK(!hob_task_done(b));
    struct hob_task *c = hob_spawn(s, gives, 1, 2); /* the scope is not cancelled */
    CHECK(c != NULL);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(hob_task_result(b), 1);
    CHECK_EQ(hob_task_result(c), 2);
    return 0;
}

static bool reached;
static int joins_a_failing_group(void) {
    HOB_SCOPE(s);
    hob_spawn(s, stays, "sibling");
    hob_spawn(s, gives, 1, -EIO);
    HOB_TRY(hob_join(s));
    reached = true;
    return 0;
}

/* Differs: the first error itself comes out, in place of a group of errors. */
TASK_TEST(G03_a_childs_error_cancels_its_sibling_and_comes_out) {
    CHECK_EQ(joins_a_failing_group(), -EIO);
    CHECK_STR(notes, "sibling:cancelled ");
    CHECK(!reached);
    return 0;
}

TASK_TEST(G04_three_fail_and_the_cancelled_ones_are_no_errors) {
    HOB_SCOPE(s);
    hob_spawn(s, fails, "a", -EIO);
    hob_spawn(s, fails, "b", -EDOM);
    hob_spawn(s, fails, "c", -ERANGE);
    hob_spawn(s, stays, "sleeper");
    turns(1);
    hob_event_set(&go);
    CHECK_EQ(hob_event_wait(&never), -ECANCELED); /* the body */
    CHECK_EQ(hob_join(s), -EIO);
    CHECK_STR(notes, "a b c sleeper:cancelled ");
    CHECK_EQ(count_errors(s), 3);
    CHECK_STR(hob_scope_error_of(s, -EDOM)->message, "b");
    CHECK_STR(hob_scope_error_of(s, -ERANGE)->message, "c");
    return 0;
}

/* ---- a cancel from outside ---- */

static int waits_at_the_join(void) {
    HOB_SCOPE(s);
    hob_spawn(s, stays, "a");
    hob_spawn(s, stays, "b");
    return hob_join(s);
}
TASK_TEST(G05_outside_cancel_at_the_join) {
    CHECK_EQ(cancelled_after_two_turns(waits_at_the_join), -ECANCELED);
    CHECK_STR(notes, "a:cancelled b:cancelled ");
    return 0;
}

static int waits_in_the_body(void) {
    HOB_SCOPE(s);
    hob_spawn(s, stays, "a");
    hob_spawn(s, stays, "b");
    CHECK_EQ(hob_event_wait(&never), -ECANCELED);
    note("body ");
    return hob_join(s);
}
TASK_TEST(G05_outside_cancel_inside_the_body) {
    CHECK_EQ(cancelled_after_two_turns(waits_in_the_body), -ECANCELED);
    CHECK_HAS(notes, "a:cancelled ");
    CHECK_HAS(notes, "b:cancelled ");
    CHECK_HAS(notes, "body ");
    return 0;
}

static int two_fail_in_clean_up(void) {
    HOB_SCOPE(s);
    hob_spawn(s, fails_in_clean_up, "a", -EIO);
    hob_spawn(s, fails_in_clean_up, "b", -EDOM);
    CHECK_EQ(hob_join(s), -EIO);
    CHECK_EQ(count_errors(s), 2);
    CHECK_EQ(hob_sleep(0), -ECANCELED); /* the cancel is still there */
    return -EIO;
}
TASK_TEST(G06_errors_in_clean_up_win_over_an_outside_cancel) {
    CHECK_EQ(cancelled_after_two_turns(two_fail_in_clean_up), -EIO);
    CHECK_STR(notes, "a b ");
    return 0;
}

/* ---- an error of the body ---- */

static int body_fails(bool waits_first) {
    HOB_SCOPE(s);
    hob_spawn(s, stays, "a");
    hob_spawn(s, stays, "b");
    if (waits_first) turns(1);
    return hob_fail(-EDOM, "body");
}

/* Differs: the body's own error is what the function returns; it is in no group. Children that had
 * not started run to their first wait. */
TASK_TEST(G07_an_error_of_the_body_cancels_the_children) {
    CHECK_EQ(body_fails(true), -EDOM);
    CHECK_STR(notes, "a:cancelled b:cancelled ");
    CHECK_STR(hob_error()->message, "body");
    return 0;
}
TASK_TEST(G07_before_the_first_wait_too) {
    CHECK_EQ(body_fails(false), -EDOM);
    CHECK_STR(notes, "a:cancelled b:cancelled ");
    return 0;
}

static int nested_body_fails(bool waits_first) {
    HOB_SCOPE(outer);
    hob_spawn(outer, stays, "outer");
    HOB_TRY(body_fails(waits_first));
    return hob_join(outer);
}

/* Differs: no group of groups; the error travels through the functions' results. */
TASK_TEST(G08_an_error_of_the_inner_body_cancels_the_outer_children) {
    CHECK_EQ(nested_body_fails(true), -EDOM);
    CHECK_STR(notes, "a:cancelled b:cancelled outer:cancelled ");
    return 0;
}
TASK_TEST(G08_before_the_first_wait_too) {
    CHECK_EQ(nested_body_fails(false), -EDOM);
    CHECK_HAS(notes, "outer:cancelled ");
    CHECK_STR(hob_error()->message, "body");
    return 0;
}

/* ---- nesting ---- */

TASK_TEST(G09_an_outer_child_fails_while_the_inner_scope_waits) {
    HOB_SCOPE(outer);
    hob_spawn(outer, gives, 2, -EIO);
    {
        HOB_SCOPE(inner);
        hob_spawn(inner, stays, "inner");
        CHECK_EQ(hob_join(inner), -ECANCELED);
        CHECK_EQ(count_errors(inner), 0);
    }
    CHECK_EQ(hob_join(outer), -EIO);
    CHECK_EQ(count_errors(outer), 1); /* once, at the outer level */
    CHECK_STR(notes, "inner:cancelled ");
    return 0;
}

static int inner_child_fails(void) {
    HOB_SCOPE(inner);
    hob_spawn(inner, gives, 2, -EIO);
    hob_spawn(inner, stays, "inner");
    return hob_join(inner);
}
static int inner_in_an_outer_body(void) {
    HOB_SCOPE(outer);
    hob_spawn(outer, stays, "outer");
    HOB_TRY(inner_child_fails());
    return hob_join(outer);
}
TASK_TEST(G10_an_inner_childs_error_comes_out_of_the_outer_scope) {
    CHECK_EQ(inner_in_an_outer_body(), -EIO);
    CHECK_STR(notes, "inner:cancelled outer:cancelled ");
    CHECK_STR(hob_error()->message, "gives");
    return 0;
}
TASK_TEST(G10_as_one_member_when_the_inner_scope_is_a_childs) {
    HOB_SCOPE(outer);
    hob_spawn(outer, calls, inner_child_fails);
    hob_spawn(outer, stays, "outer");
    CHECK_EQ(hob_join(outer), -EIO);
    CHECK_EQ(count_errors(outer), 1);
    CHECK_STR(hob_scope_errors(outer)->message, "gives");
    CHECK_STR(notes, "inner:cancelled outer:cancelled ");
    return 0;
}

/* ---- a slow clean-up of the body ---- */

static int fails_in_a_shield(void) {
    hob_event_wait(&never);
    CHECK_EQ(hob_shielded(gives(3, 0)), 0);
    return hob_fail(-EIO, "crashed");
}
static int cleans_up_slowly(void) {
    HOB_SCOPE(s);
    hob_spawn(s, calls, fails_in_a_shield);
    CHECK_EQ(hob_event_wait(&never), -ECANCELED);
    CHECK_EQ(hob_shielded(gives(10, 0)), 0);
    note("cleaned ");
    return hob_join(s);
}
TASK_TEST(G11_a_child_fails_during_the_bodys_clean_up_after_an_outside_cancel) {
    CHECK_EQ(cancelled_after_two_turns(cleans_up_slowly), -EIO);
    CHECK_STR(notes, "cleaned ");
    return 0;
}

static int awaits(struct hob_task *t) { return hob_await(t); }
HOB_TASK(awaits, struct hob_task *)
TASK_TEST(G11_also_through_one_more_await) {
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    struct hob_task *t = hob_spawn(s, calls, cleans_up_slowly);
    struct hob_task *w = hob_spawn(s, awaits, t);
    turns(2);
    hob_cancel(t);
    CHECK_EQ(hob_join(s), 2);
    CHECK_EQ(hob_task_result(w), -EIO);
    CHECK_STR(hob_task_error(w)->message, "crashed");
    return 0;
}

static int empty_group(void) {
    HOB_SCOPE(s);
    CHECK_EQ(hob_event_wait(&never), -ECANCELED);
    return hob_join(s);
}
static int empty_group_with_an_error(void) {
    HOB_SCOPE(s);
    CHECK_EQ(hob_event_wait(&never), -ECANCELED);
    return hob_fail(-EDOM, "mine");
}
TASK_TEST(G12_an_empty_scope_with_a_cancelled_body) {
    CHECK_EQ(cancelled_after_two_turns(empty_group), -ECANCELED);
    CHECK_EQ(cancelled_after_two_turns(empty_group_with_an_error), -EDOM);
    return 0;
}

static int body_fails_after_its_child(bool joins) {
    HOB_SCOPE(s);
    hob_spawn(s, gives, 1, -EIO);
    CHECK_EQ(hob_event_wait(&never), -ECANCELED);
    if (joins) return hob_join(s);
    return hob_fail(-EDOM, "body's clean-up");
}

/* Differs: the function's result is the body's own error; the child's is told by the join, and when
 * the scope is left without one, it is reported at the task's end. */
TASK_TEST(G13_a_childs_error_and_one_of_the_body) {
    CHECK_EQ(body_fails_after_its_child(true), -EIO);
    return 0;
}
static int body_wins(void) { return body_fails_after_its_child(false); }
TASK_TEST(G13_without_a_join_the_childs_is_reported) {
    hob_set_report(keep_report, NULL);
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    struct hob_task *t = hob_spawn(s, calls, body_wins);
    CHECK_EQ(hob_join(s), 1);
    CHECK_EQ(hob_task_result(t), -EDOM);
    CHECK_EQ(reports, 1);
    CHECK_HAS(report_text, "gives");
    return 0;
}

static int body_reads_it(void) {
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, gives, 1, -EIO);
    CHECK_EQ(hob_event_wait(&never), -ECANCELED);
    CHECK_EQ(hob_task_result(t), -EIO);
    return 0;
}
TASK_TEST(G13_unless_the_body_has_read_it) {
    hob_set_report(keep_report, NULL);
    HOB_SCOPE(s);
    hob_spawn(s, calls, body_reads_it);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(reports, 0);
    return 0;
}

/* Ctrl-C is no error of the body: it stops the whole program, siblings included, and when they end
 * cleanly what comes out is the bare cancel. */
static int interrupted(void) {
    HOB_SCOPE(s);
    hob_spawn(s, stays, "a");
    turns(1);
    raise(SIGINT);
    CHECK_EQ(hob_event_wait(&never), -ECANCELED);
    CHECK(hob_stopping());
    return hob_join(s);
}
HOB_TASK(interrupted)
TEST(G14_an_interrupt_in_the_body_comes_out_bare) {
    signal(SIGINT, SIG_DFL);
    CHECK_EQ(hob_run(interrupted), -ECANCELED);
    CHECK_STR(notes, "a:cancelled ");
}

/* ---- long-lived and growing scopes ---- */

/* Differs: a scope keeps its children's results; one that discards them forgets them at once. */
TASK_TEST(G15_finished_children_are_forgotten_by_a_scope_that_discards) {
    HOB_SCOPE(s, .on_error = HOB_DISCARD);
    for (int round = 0; round < 10000; round++) {
        if (round == 10) hob__alloc_fail_at(0); /* counts from here on */
        for (int i = 0; i < 5; i++) hob_spawn(s, gives, i, 0);
        turns(2);
    }
    CHECK(hob__alloc_count() < 20);
    return hob_join(s);
}

static int spawns_siblings(struct hob_scope *s, int n);
HOB_TASK(spawns_siblings, struct hob_scope *, int)
static int spawns_siblings(struct hob_scope *s, int n) {
    HOB_TRY(hob_yield_now());
    if (n > 0) CHECK(hob_spawn(s, spawns_siblings, s, n - 1) != NULL);
    note("%d ", n);
    return 0;
}
TASK_TEST(G16_children_spawn_siblings_while_the_owner_joins) {
    HOB_SCOPE(s);
    hob_spawn(s, spawns_siblings, s, 4);
    CHECK_EQ(hob_join(s), 0);
    CHECK_STR(notes, "4 3 2 1 0 ");
    return 0;
}

static int heads, refused;
static int hydra(struct hob_scope *s);
HOB_TASK(hydra, struct hob_scope *)
static int hydra(struct hob_scope *s) {
    if (++heads == 1000) return hob_fail(-EIO, "enough");
    hob_yield_now();
    for (int i = 0; i < 2; i++) refused += !hob_spawn(s, hydra, s);
    return 0;
}
TASK_TEST(G17_a_hydra_is_stopped_by_one_failure) {
    HOB_SCOPE(s);
    hob_spawn(s, hydra, s);
    CHECK_EQ(hob_join(s), -EIO);
    CHECK(refused > 0);
    CHECK(heads < 3000);
    CHECK_EQ(count_errors(s), 1);
    return 0;
}

static struct hob_local color = HOB_LOCAL("color", NULL);
static struct hob_local shared = HOB_LOCAL("shared", NULL);
static int sees_locals(const char *name) {
    CHECK_STR(hob_task_name(hob_self()), name);
    CHECK_STR((const char *)hob_local_get(&color), "red");
    CHECK_EQ(hob_local_set(&color, "green"), 0);
    ++*(int *)hob_local_get(&shared);
    return 0;
}
HOB_TASK(sees_locals, const char *)

/* Differs: there is no shared context. What is to be shared is what a local points to. */
TASK_TEST(G18_names_and_locals_go_to_the_children) {
    int count = 0;
    CHECK_EQ(hob_local_set(&color, "red"), 0);
    CHECK_EQ(hob_local_set(&shared, &count), 0);
    HOB_SCOPE(s);
    char name[8] = "one";
    hob_spawn_named(s, name, sees_locals, "one");
    strcpy(name, "...");
    hob_spawn(s, sees_locals, "sees_locals");
    CHECK_EQ(hob_join(s), 0);
    CHECK_STR((const char *)hob_local_get(&color), "red");
    CHECK_EQ(count, 2);
    return 0;
}

static int spawns_while_cancelled(struct hob_scope *s) {
    CHECK_EQ(hob_event_wait(&never), -ECANCELED);
    CHECK(!hob_spawn(s, stays, "never"));
    note("refused ");
    return -ECANCELED;
}
HOB_TASK(spawns_while_cancelled, struct hob_scope *)
TASK_TEST(G19_no_spawn_after_a_failure) {
    HOB_SCOPE(s);
    hob_spawn(s, spawns_while_cancelled, s);
    hob_spawn(s, gives, 1, -EIO);
    CHECK_EQ(hob_join(s), -EIO); /* not the refusal's -ECANCELED */
    CHECK_STR(notes, "refused ");
    return 0;
}

TASK_TEST(G20_a_child_fails_and_so_does_the_clean_up_of_an_inner_scope) {
    HOB_SCOPE(s);
    hob_spawn(s, gives, 1, -EIO);
    {
        HOB_SCOPE(inner);
        hob_spawn(inner, fails_in_clean_up, "inner", -EDOM);
        CHECK_EQ(hob_join(inner), -EDOM);
    }
    CHECK(hob_cancelled());
    CHECK_EQ(hob_join(s), -EIO);
    CHECK(!hob_cancelled());
    CHECK_EQ(hob_sleep(0), 0);
    return 0;
}

/* ---- misuse. What asyncio finds at run time (entered twice, never entered) HOB_SCOPE leaves no
 * way to write. ---- */

static int spawns_after_the_join(void) {
    HOB_SCOPE(s);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(hob_join(s), 0); /* once more is harmless */
    hob_spawn(s, stays, "late");
    return 0;
}
HOB_TASK(spawns_after_the_join)
TEST(G21_spawning_after_the_join_is_misuse) {
    CHECK_DIES(hob_run(spawns_after_the_join), "into a scope that has been joined");
}

static struct hob_scope kept;
static int spawns_after_the_end(void) {
    struct hob_scope *s = hob__scope_open(&kept, (struct hob_scope_options){0}, &elsewhere);
    hob__scope_leave(s);
    hob_spawn(&kept, stays, "late");
    return 0;
}
HOB_TASK(spawns_after_the_end)
static int joins_after_the_end(void) {
    struct hob_scope *s = hob__scope_open(&kept, (struct hob_scope_options){0}, &elsewhere);
    hob__scope_leave(s);
    return hob_join(&kept);
}
HOB_TASK(joins_after_the_end)
TEST(G21_using_a_scope_after_its_end_is_misuse) {
    CHECK_DIES(hob_run(spawns_after_the_end), "misuse: hob_spawn: ");
    CHECK_DIES(hob_run(joins_after_the_end), "misuse: hob_join: scope 'f' (f.c:1) has ended");
}

static void opens_outside_a_task(void) { HOB_SCOPE(s); }
TEST(G21_a_scope_outside_a_task_is_misuse) {
    CHECK_DIES(opens_outside_a_task(), "misuse: HOB_SCOPE: called outside a task");
}

static int cancels_with_a_level(void) {
    CHECK_EQ(hob_event_wait(&never), -ECANCELED);
    {
        HOB_SCOPE(s);
        CHECK(!hob_spawn(s, stays, "refused"));
        CHECK_EQ(hob_join(s), -ECANCELED);
    }
    CHECK(hob_cancelled()); /* as before the scope */
    CHECK(hob_uncancel());
    {
        HOB_SCOPE(s);
        hob_spawn(s, gives, 0, -EIO);
        CHECK_EQ(hob_join(s), -EIO);
        CHECK(!hob_cancelled());
        CHECK_EQ(hob_sleep(0), 0);
    }
    CHECK_EQ(hob_sleep(0), 0);
    return 5;
}
TASK_TEST(G22_the_cancel_of_a_failed_scope_does_not_leak_out) {
    CHECK_EQ(cancelled_after_two_turns(cancels_with_a_level), 5);
    return 0;
}

TASK_TEST(G23_inner_and_outer_children_fail_in_the_same_turn) {
    HOB_SCOPE(outer);
    hob_spawn(outer, fails, "outer", -EIO);
    {
        HOB_SCOPE(inner);
        hob_spawn(inner, fails, "inner", -EDOM);
        turns(1);
        hob_event_set(&go);
        CHECK_EQ(hob_join(inner), -EDOM);
        CHECK(hob_cancelled());
    }
    CHECK_EQ(hob_sleep(0), -ECANCELED);
    CHECK_EQ(hob_join(outer), -EIO);
    CHECK(!hob_cancelled());
    return 0;
}

static int error_then_cancel(void) {
    HOB_SCOPE(s);
    hob_spawn(s, fails, "child", -EIO);
    CHECK_EQ(hob_join(s), -EIO);
    CHECK(hob_cancelled());
    note("handled ");
    return hob_sleep(0);
}
static int child_fails_as_it_is_cancelled(bool cancel_first) {
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, calls, error_then_cancel);
    turns(2);
    if (cancel_first) {
        hob_event_set(&go); /* the child is woken with success, the cancel comes behind it */
        hob_cancel(t);
    } else {
        hob_event_set(&go);
        turns(1); /* the child has failed, its parent is ready */
        CHECK(!hob_task_done(t));
        hob_cancel(t);
    }
    CHECK_EQ(hob_join(s), 0);
    CHECK_STR(notes, "child handled ");
    CHECK_EQ(hob_task_result(t), -ECANCELED);
    CHECK(hob_task_was_cancelled(t));
    return 0;
}
TASK_TEST(G24_error_and_cancel_in_the_same_turn) { return child_fails_as_it_is_cancelled(false); }
TASK_TEST(G24_cancel_and_error_in_the_same_turn) { return child_fails_as_it_is_cancelled(true); }

/* ---- nothing leaks ---- */

static int seen_errors;
static int many_errors(int depth);
HOB_TASK(many_errors, int)
static int many_errors(int depth) {
    HOB_SCOPE(s);
    for (int i = 0; i < 3; i++) {
        if (depth > 0)
            hob_spawn(s, many_errors, depth - 1);
        else
            hob_spawn(s, fails_in_clean_up, "leaf", -EDOM);
    }
    hob_spawn(s, gives, 6, -EIO);
    int rc = hob_join(s);
    seen_errors += count_errors(s);
    return hob_fail_from(rc, "depth %d", depth);
}
static int holds_them(void) {
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    struct hob_task *t = hob_spawn(s, many_errors, 3);
    CHECK_EQ(hob_join(s), 1);
    CHECK_EQ(hob_await(t), hob_task_result(t));
    return hob_task_result(t);
}
HOB_TASK(holds_them)
TEST(G25_errors_are_freed_once) {
    long live = 0;
    for (int i = 0; i < 3; i++) {
        CHECK(hob_run(holds_them) < 0);
        hob_error_clear();
        if (i == 0) live = hob__alloc_live();
    }
    CHECK_EQ(hob__alloc_live(), live);
    CHECK(seen_errors > 30);
}

/* ---- in the first step ---- */

static int spawns_in_its_first_step(struct hob_scope *s) {
    CHECK(hob_spawn(s, stays, "second") != NULL);
    return 0;
}
HOB_TASK(spawns_in_its_first_step, struct hob_scope *)
TASK_TEST(G26_a_child_spawned_in_the_first_step_of_a_child_is_cancelled) {
    HOB_SCOPE(s);
    hob_spawn(s, spawns_in_its_first_step, s);
    hob_spawn(s, gives, 0, -EIO);
    CHECK_EQ(hob_join(s), -EIO);
    CHECK_STR(notes, "second:cancelled ");
    return 0;
}

TEST_MAIN()
