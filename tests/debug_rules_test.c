/* debug_rules_test.c - the rules of asyncio's debugging aids (D-01, D-04 to D-06 of its own tests),
 * by name: what holds the loop, what a task waits for, and for whom. */
#include "loop_rules.h"

static _Atomic bool reported;
static void sees_slow(enum hob_report_kind kind, const char *text, void *arg) {
    keep_any_report(kind, text, arg);
    reported = true;
}
static int holds_the_loop(void) {
    /* Under valgrind one thread runs at a time, and one that never waits may keep all others out.
     */
    while (!reported)
        if (getenv("TEST_SLOW")) usleep(1000);
    return 0;
}
HOB_TASK(holds_the_loop)
TEST(D01_a_task_that_holds_the_loop_is_reported_with_name_and_time) {
    unsetenv("HOB_SLOW_MS");
    hob_set_report(sees_slow, NULL);
    CHECK_EQ(hob_run_with(((struct hob_options){.slow_ms = 20}), holds_the_loop), 0);
    CHECK_EQ(report_kind, HOB_REPORT_SLOW);
    CHECK_HAS(report_text, "task 'holds_the_loop'");
    CHECK_HAS(report_text, "has held the loop for ");
    CHECK_HAS(report_text, "debug_rules_test.c:");
}
static int busy_for(double seconds) {
    stays_busy_until(hob_after(seconds));
    return 0;
}
HOB_TASK(busy_for, double)
TEST(D01_never_when_it_is_switched_off) {
    setenv("HOB_SLOW_MS", "0", 1);
    hob_set_report(sees_slow, NULL);
    CHECK_EQ(hob_run(busy_for, 0.2), 0);
    CHECK_EQ(reports, 0);
}

static int awaits(struct hob_task *t) { return hob_await(t); }
HOB_TASK(awaits, struct hob_task *)
static int waits_for(struct hob_task *t) { return hob_wait(&t, 1, HOB_ALL_DONE); }
HOB_TASK(waits_for, struct hob_task *)
static int within(struct hob_task *t) { return hob_within(HOURS, hob_await(t)); }
HOB_TASK(within, struct hob_task *)
static int shields(struct hob_task *t) { return hob_shielded(hob_await(t)); }
HOB_TASK(shields, struct hob_task *)
enum way { JOIN, NEXT, RACE };
static int owns_a_child(enum way way) {
    struct hob_task *t;
    HOB_SCOPE(s, .name = "mine");
    hob_spawn(s, stays);
    return way == JOIN ? hob_join(s) : way == NEXT ? hob_next_done(s, &t) : hob_race(s, NULL);
}
HOB_TASK(owns_a_child, enum way)
static int locks(struct hob_mutex *m) { return hob_mutex_lock(m); }
HOB_TASK(locks, struct hob_mutex *)
static int yields(struct hob_generator *gen) {
    HOB_TRY(hob_event_wait(&never));
    return hob_yield(gen, 1);
}
HOB_GENERATOR(yields, int)
static int consumes(void) {
    HOB_EACH(int, n, yields) note("%d", n);
    return 0;
}
HOB_TASK(consumes)

TASK_TEST(D04_what_a_task_waits_for) {
    struct hob_mutex m = {0};
    CHECK_EQ(hob_mutex_lock(&m), 0);
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn_named(s, "target", stays);
    static const char *const want[] = {
        "await 'target'", "wait",        "await 'target'", "await 'target'",     "join 'mine'",
        "next_done 'mi",  "race 'mine'", "mutex 0x",       "generator 'yields'", "sleep"};
    struct hob_task *w[] = {
        hob_spawn(s, awaits, t),          hob_spawn(s, waits_for, t),
        hob_spawn(s, within, t),          hob_spawn(s, shields, t),
        hob_spawn(s, owns_a_child, JOIN), hob_spawn(s, owns_a_child, NEXT),
        hob_spawn(s, owns_a_child, RACE), hob_spawn(s, locks, &m),
        hob_spawn(s, consumes),           hob_spawn(s, notes_at, "", hob_after(HOURS))};
    CHECK_STR(hob_task_waiting(w[0]), "ready (not started)");
    CHECK_STR(hob_task_waiting(hob_self()), "running");
    turns(2);
    for (size_t i = 0; i < sizeof w / sizeof *w; i++) CHECK_HAS(hob_task_waiting(w[i]), want[i]);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    CHECK_STR(hob_task_waiting(w[0]), "done");
    hob_mutex_unlock(&m);
    return 0;
}

TASK_TEST(D04_who_waits_is_forgotten_on_end_cancel_and_timeout) {
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, stays), *w = hob_spawn(s, awaits, t);
    turns(1);
    CHECK(t->joiners.first != NULL);
    CHECK(hob_cancel(w));
    turns(1);
    CHECK(!t->joiners.first);
    CHECK_EQ(hob_within(0.001, hob_await(t)), -ETIMEDOUT);
    CHECK_EQ(hob_within(0.001, waits_for(t)), -ETIMEDOUT);
    CHECK(!t->joiners.first);
    hob_spawn(s, awaits, t);
    hob_spawn(s, waits_for, t);
    turns(1);
    CHECK(hob_cancel(t));
    turns(1);
    CHECK(!t->joiners.first);
    return hob_join(s);
}

TASK_TEST(D04_the_tree_shows_each_task_below_its_owner) {
    char tree[4096];
    HOB_SCOPE(s);
    hob_spawn_named(s, "parent", owns_a_child, JOIN);
    hob_spawn_named(s, "waiter", stays);
    turns(2);
    int n = hob_task_tree(tree, sizeof tree);
    CHECK_EQ(n, strlen(tree));
    CHECK_HAS(tree, "#1 task_D04_the_tree");
    CHECK_HAS(tree, "\n    #2 parent: join 'mine', spawned by task_D04_the_tree");
    CHECK_HAS(tree, "\n      #4 stays: event 0x");
    CHECK_HAS(tree, "\n    #3 waiter: event 0x");
    CHECK_HAS(tree, "tests/debug_rules_test.c:");
    CHECK_EQ(hob_task_tree(tree, 20), n);
    CHECK_EQ(strlen(tree), 19);
    CHECK_EQ(hob_task_tree(NULL, 0), n);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    CHECK(hob_task_tree(tree, sizeof tree) < n); /* the ended are not in it */
    CHECK(!strstr(tree, "waiter"));
    return 0;
}

static uint64_t last_id;
static int sees_in_order(struct hob_task *t, void *arg) {
    CHECK(hob_task_id(t) > last_id);
    last_id = hob_task_id(t);
    ++*(int *)arg;
    return 0;
}
static int stops_at_three(struct hob_task *t, void *arg) {
    (void)t;
    return ++*(int *)arg == 3 ? 33 : 0;
}
TASK_TEST(D04_tasks_are_listed_in_order_of_spawning) {
    HOB_SCOPE(s);
    for (int round = 0; round < 3; round++) {
        {
            HOB_SCOPE(inner); /* its children's records are used again, in another order */
            for (int i = 0; i < 500; i++) hob_spawn(inner, stays);
            for (int i = 0; i < 500; i += 7) hob_spawn(s, stays);
        }
        int n = 0;
        last_id = 0;
        CHECK_EQ(hob_tasks(sees_in_order, &n), 0);
        CHECK_EQ(n, 1 + (round + 1) * 72);
    }
    int n = 0;
    CHECK_EQ(hob_tasks(stops_at_three, &n), 33);
    CHECK_EQ(n, 3);
    hob_scope_cancel(s);
    return hob_join(s);
}

TASK_TEST(D04_names_and_numbers) {
    char name[] = "worker-1";
    HOB_SCOPE(s);
    struct hob_task *a = hob_spawn(s, stays), *b = hob_spawn_named(s, name, stays);
    name[0] = '?';
    CHECK_STR(hob_task_name(a), "stays");
    CHECK_STR(hob_task_name(b), "worker-1");
    CHECK_EQ(hob_task_id(hob_self()), 1);
    CHECK_EQ(hob_task_id(a), 2);
    CHECK_EQ(hob_task_id(b), 3);
    hob_scope_cancel(s);
    return hob_join(s);
}

__attribute__((noinline)) static int waits_far_down(int depth) {
    int rc = depth > 0 ? waits_far_down(depth - 1) : stays();
    note("up "); /* so that no call is the last one */
    return rc;
}
HOB_TASK(waits_far_down, int)
TASK_TEST(D05_the_stack_of_a_suspended_task_and_of_oneself) {
    char text[8192];
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, waits_far_down, 3);
    CHECK_EQ(hob_task_stack(t, text, sizeof text), 0); /* has not run */
    CHECK_STR(text, "");
    turns(1);
    int n = hob_task_stack(t, text, sizeof text);
    CHECK_EQ(n, strlen(text));
    int lines = 0;
    for (const char *c = text; *c; c++) lines += *c == '\n';
    CHECK(lines >= 6);
#if HAVE_LIBBACKTRACE
    CHECK_HAS(text, "hob_event_wait");
    CHECK_HAS(text, "waits_far_down");
#endif
    CHECK(hob_task_stack(hob_self(), text, sizeof text) > 0);
#if HAVE_LIBBACKTRACE
    CHECK_HAS(text, "task_D05_the_stack");
#endif
    CHECK_EQ(hob_task_stack(t, text, 10), n); /* with a limit */
    CHECK_EQ(strlen(text), 9);
    CHECK_EQ(hob_task_stack(t, NULL, 0), n);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(hob_task_stack(t, text, sizeof text), 0); /* finished */
    CHECK_STR(text, "");
    return 0;
}
static void *looks_from_outside(void *arg) {
    char text[64];
    CHECK_EQ(hob_task_stack(arg, text, sizeof text), -EXDEV);
    CHECK_EQ(hob_task_tree(text, sizeof text), HOB_E_NOT_RUNNING);
    return NULL;
}
TASK_TEST(D05_of_another_threads_task_it_is_refused) {
    pthread_t thread;
    pthread_create(&thread, NULL, looks_from_outside, hob_self());
    pthread_join(thread, NULL);
    return 0;
}

static struct hob_task *pair[2];
static int awaits_the_other(int which) { return hob_await(pair[which]); }
HOB_TASK(awaits_the_other, int)
static int waits_in_a_circle(void) {
    HOB_SCOPE(s);
    pair[0] = hob_spawn_named(s, "left", awaits_the_other, 1);
    pair[1] = hob_spawn_named(s, "right", awaits_the_other, 0);
    return hob_join(s);
}
HOB_TASK(waits_in_a_circle)
TEST(D06_a_circle_of_waits_is_shown_not_followed) {
    hob_set_report(keep_report, NULL);
    CHECK_EQ(hob_run(waits_in_a_circle), HOB_E_DEADLOCK);
    CHECK_EQ(reports, 1);
    CHECK_EQ(report_kind, HOB_REPORT_DEADLOCK);
    CHECK_HAS(report_text, "left: await 'right', spawned by waits_in_a_circle");
    CHECK_HAS(report_text, "right: await 'left', spawned by waits_in_a_circle");
}

TEST_MAIN()
