/* group_cancel_rules_test.c - the rules of asyncio's task groups that are cancelled by the program
 * itself, and of races (G-27 to G-34 of its own tests), by name, for hob_scope_cancel(), hob_race()
 * and generators. Where Hob differs on purpose, the comment says what holds instead. */
#include "groups.h"

/* ---- hob_scope_cancel ---- */

TASK_TEST(G27_cancel_ends_children_and_body_without_error) {
    HOB_SCOPE(s);
    hob_spawn(s, stays, "a");
    hob_spawn(s, stays, "b");
    turns(1);
    hob_scope_cancel(s);
    CHECK_EQ(hob_event_wait(&never), -ECANCELED);
    CHECK_EQ(hob_join(s), 0);
    CHECK_STR(notes, "a:cancelled b:cancelled ");
    CHECK_EQ(hob_sleep(0), 0);
    return 0;
}

TASK_TEST(G28_twice_is_once_and_after_the_join_it_does_nothing) {
    HOB_SCOPE(s);
    hob_spawn(s, stays, "a");
    turns(1);
    hob_scope_cancel(s);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_scope_cancel(s);
    CHECK_EQ(hob_sleep(0), 0);
    CHECK_STR(notes, "a:cancelled ");
    return 0;
}
/* A scope cannot be cancelled before it is opened; at once is the nearest thing. */
TASK_TEST(G28_cancelled_at_once_the_body_runs_to_its_first_wait) {
    HOB_SCOPE(s);
    hob_scope_cancel(s);
    note("body ");
    CHECK_EQ(hob_sleep(0), -ECANCELED);
    CHECK_EQ(hob_join(s), 0);
    CHECK_STR(notes, "body ");
    return 0;
}

/* Differs: no exception at the spawn; it is refused, and the join tells. */
TASK_TEST(G29_spawn_after_cancel_is_refused_and_the_join_tells) {
    HOB_SCOPE(s);
    hob_scope_cancel(s);
    CHECK(!hob_spawn(s, stays, "never"));
    CHECK_EQ(hob_join(s), -ECANCELED);
    CHECK_STR(notes, "");
    return 0;
}

static int cancels_its_scope(struct hob_scope *s) {
    hob_scope_cancel(s);
    CHECK_EQ(hob_sleep(0), -ECANCELED);
    note("child ");
    return -ECANCELED;
}
HOB_TASK(cancels_its_scope, struct hob_scope *)
TASK_TEST(G30_a_child_cancels_its_scope_before_it_first_waits) {
    HOB_SCOPE(s);
    hob_spawn(s, cancels_its_scope, s);
    hob_spawn(s, stays, "other");
    CHECK_EQ(hob_join(s), 0);
    CHECK_STR(notes, "child other:cancelled ");
    return 0;
}

static int ends_slowly(void) {
    hob_event_wait(&never);
    return hob_shielded(gives(4, 0));
}
HOB_TASK(ends_slowly)
static int cancels_its_own_scope(void) {
    HOB_SCOPE(s);
    hob_spawn(s, ends_slowly);
    turns(1);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), -ECANCELED);
    CHECK(hob_cancelled());
    return hob_sleep(0);
}
TASK_TEST(G31_an_outside_cancel_meanwhile_survives) {
    CHECK_EQ(cancelled_after_two_turns(cancels_its_own_scope), -ECANCELED);
    return 0;
}

TASK_TEST(G32_cancel_before_an_error_does_not_hide_it) {
    HOB_SCOPE(s);
    hob_spawn(s, fails_in_clean_up, "child", -EIO);
    turns(1);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), -EIO);
    return 0;
}
TASK_TEST(G32_cancel_after_an_error_does_not_hide_it) {
    HOB_SCOPE(s);
    hob_spawn(s, gives, 0, -EIO);
    turns(1);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), -EIO);
    return 0;
}
static int body_cancels_and_fails(void) {
    HOB_SCOPE(s);
    hob_spawn(s, stays, "child");
    hob_scope_cancel(s);
    return hob_fail(-EDOM, "body");
}
TASK_TEST(G32_cancel_does_not_hide_an_error_of_the_body) {
    CHECK_EQ(body_cancels_and_fails(), -EDOM);
    CHECK_STR(notes, "child:cancelled ");
    return 0;
}

static int runs_for_the_win(struct hob_scope *s, const char *name) {
    HOB_TRY(hob_event_wait(&go));
    HOB_TRY(hob_check());
    hob_scope_cancel(s);
    note("%s ", name);
    return 1;
}
HOB_TASK(runs_for_the_win, struct hob_scope *, const char *)

/* Differs: both were woken, so both waits succeed; the cancel is seen at the next point. */
TASK_TEST(G33_of_two_ready_racers_the_first_wins) {
    HOB_SCOPE(s);
    hob_spawn(s, runs_for_the_win, s, "a");
    hob_spawn(s, runs_for_the_win, s, "b");
    turns(1);
    hob_event_set(&go);
    CHECK_EQ(hob_join(s), 0);
    CHECK_STR(notes, "a ");
    return 0;
}
TASK_TEST(G33_a_race_of_two_ready_ones_has_one_winner) {
    struct hob_task *winner = NULL;
    HOB_SCOPE(s);
    struct hob_task *a = hob_spawn(s, gives, 2, 10);
    struct hob_task *b = hob_spawn(s, gives, 2, 20);
    CHECK_EQ(hob_race(s, &winner), 10);
    CHECK(winner == a);
    CHECK_EQ(hob_task_result(b), 20); /* it had its result: it is kept, and reads as what it is */
    return 0;
}

TASK_TEST(G33_a_race_ends_with_its_first_success) {
    struct hob_task *winner = NULL;
    HOB_SCOPE(s);
    hob_spawn(s, gives, 0, -EIO);
    hob_spawn(s, stays, "loser");
    struct hob_task *t = hob_spawn(s, gives, 3, 0);
    CHECK_EQ(hob_race(s, &winner), 0);
    CHECK(winner == t);
    CHECK_STR(notes, "loser:cancelled ");
    CHECK_EQ(hob_sleep(0), 0);
    return 0;
}
static int races(void) {
    HOB_SCOPE(s);
    hob_spawn(s, fails, "child", 7);
    hob_spawn(s, stays, "loser");
    int rc = hob_race(s, NULL);
    CHECK_EQ(hob_sleep(0), -ECANCELED);
    return rc;
}
TASK_TEST(G33_a_success_in_the_turn_of_the_cancel_wins_the_race) {
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, calls, races);
    turns(2);
    hob_event_set(&go); /* wakes the child, which then succeeds */
    CHECK(hob_cancel(t));
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(hob_task_result(t), 7);
    return 0;
}
TASK_TEST(G33_a_race_that_only_daemons_could_win_ends) {
    HOB_SCOPE(s);
    hob_spawn_daemon(s, stays, "daemon");
    hob_spawn(s, gives, 1, -EIO);
    CHECK_EQ(hob_race(s, NULL), -EIO);
    CHECK_STR(notes, "daemon:cancelled ");
    return 0;
}

/* ---- GeneratorExit: in Hob, the -ECANCELED of hob_yield() when the consumer has left ---- */

static int with_children(struct hob_generator *gen, int code) {
    HOB_SCOPE(s);
    hob_spawn(s, fails_in_clean_up, "child", code);
    int rc = hob_yield(gen, 1);
    note("yield:%d ", rc == -ECANCELED);
    return hob_join(s);
}
HOB_GENERATOR(with_children, int, int)
static int takes_one(int code) {
    HOB_EACH(int, n, with_children, code) {
        CHECK_EQ(n, 1);
        break;
    }
    return 0;
}
TASK_TEST(G34_leaving_a_generator_alone_is_no_error) {
    hob_set_report(keep_report, NULL);
    CHECK_EQ(takes_one(0), 0);
    CHECK_HAS(notes, "yield:1 ");
    CHECK_EQ(reports, 0);
    return 0;
}
/* Differs: nobody asks a generator that was left for its result, so an error in its clean-up is
 * reported. */
TASK_TEST(G34_with_an_error_of_a_child_that_is_reported) {
    hob_set_report(keep_report, NULL);
    CHECK_EQ(takes_one(-EDOM), 0);
    CHECK_HAS(notes, "child ");
    CHECK_EQ(reports, 1);
    CHECK_HAS(report_text, "child");
    return 0;
}

TEST_MAIN()
