/* loop_rules_test.c - the rules of asyncio's event loop (L-01 to L-17, L-21, L-29 of its own
 * tests), by name, without those on I/O. Hob has no callbacks of the loop; what is nearest is a
 * function that is posted into it. Where Hob differs on purpose, the comment says what holds
 * instead. */
#include "loop_rules.h"

static struct hob_event go;

static int notes_it(const char *name) {
    note("%s ", name);
    return 0;
}
HOB_TASK(notes_it, const char *)

static void posted_note(void *arg) { note("%s ", (const char *)arg); }
static void post_note(const char *text) {
    CHECK_EQ(hob_loop_post(hob_loop_current(), posted_note, (void *)text), 0);
}
static void posted_set(void *arg) { hob_event_set(arg); }

/* ---- a turn of the loop ---- */

TASK_TEST(L01_a_turn_runs_posts_then_due_timers_then_ready_tasks) {
    uint64_t now = hob_now();
    HOB_SCOPE(s);
    hob_spawn(s, notes_at, "second", now + 60000000);
    hob_spawn(s, notes_at, "first", now + 50000000);
    turns(1);
    stays_busy_until(now + 62000000);
    post_note("post");
    CHECK_EQ(hob_join(s), 0);
    CHECK_STR(notes, "post first second ");
    return 0;
}

static int spins(bool *stop) {
    while (!*stop) HOB_TRY(hob_yield_now());
    return 0;
}
HOB_TASK(spins, bool *)
static void posts_itself(void *arg) {
    bool *stop = arg;
    if (!*stop) CHECK_EQ(hob_loop_post(hob_loop_current(), posts_itself, arg), 0);
}
TASK_TEST(L02_tasks_that_never_rest_starve_neither_timers_nor_posts) {
    bool stop = false;
    HOB_SCOPE(s);
    for (int i = 0; i < 3; i++) hob_spawn(s, spins, &stop);
    CHECK_EQ(hob_sleep(0.002), 0);
    CHECK_EQ(hob_loop_post(hob_loop_current(), posted_set, &go), 0);
    CHECK_EQ(hob_event_wait(&go), 0);
    stop = true;
    return hob_join(s);
}
/* As a task does whose reads never have to wait. */
struct busy {
    bool stop;
    unsigned long done[5], changes;
    unsigned last;
};
static int reads_without_waiting(struct busy *b, unsigned me) {
    while (!b->stop) {
        HOB_TRY(hob__io_point(__func__));
        b->done[me]++;
        b->changes += b->last != me;
        b->last = me;
    }
    return 0;
}
HOB_TASK(reads_without_waiting, struct busy *, unsigned)

TASK_TEST(L02_tasks_whose_calls_need_not_wait_take_turns) {
    struct busy b = {0};
    HOB_SCOPE(s);
    for (unsigned i = 0; i < 5; i++) hob_spawn(s, reads_without_waiting, &b, i);
    while (b.changes < 50) CHECK_EQ(hob_sleep(0.01), 0);
    b.stop = true;
    CHECK_EQ(hob_join(s), 0);
    for (unsigned i = 0; i < 5; i++) CHECK(b.done[i] > 0);
    return 0;
}

static uint64_t woken_in;
static void posted_wake(void *arg) {
    woken_in = hob__loop->turns;
    hob_event_set(arg);
}
TASK_TEST(L02_such_tasks_give_way_after_a_turn_each_to_one_that_wakes) {
    struct busy b = {0};
    HOB_SCOPE(s);
    for (unsigned i = 0; i < 5; i++) hob_spawn(s, reads_without_waiting, &b, i);
    for (int round = 0; round < 20; round++) {
        struct hob_event woken = {0};
        CHECK_EQ(hob_sleep(0.003), 0); /* meanwhile there are only such */
        CHECK_EQ(hob_loop_post(hob_loop_current(), posted_wake, &woken), 0);
        CHECK_EQ(hob_event_wait(&woken), 0);
        CHECK(hob__loop->turns - woken_in <= 5 + 1);
    }
    b.stop = true;
    return hob_join(s);
}
TASK_TEST(L02_a_post_that_posts_itself_again_starves_nobody) {
    static bool stop; /* the last post runs when this task has ended */
    posts_itself(&stop);
    CHECK_EQ(hob_sleep(0.002), 0);
    turns(3);
    stop = true;
    return 0;
}

static int posts_run;
static void posted_count(void *arg) {
    (void)arg;
    posts_run++;
}
TASK_TEST(L03_posts_that_wait_are_bounded) {
    struct hob_loop *loop = hob_loop_current();
    for (int i = 0; i < HOB_POSTS_MAX; i++) CHECK_EQ(hob_loop_post(loop, posted_count, NULL), 0);
    for (int i = 0; i < 3; i++) CHECK_EQ(hob_loop_post(loop, posted_count, NULL), -EAGAIN);
    CHECK_EQ(hob_sleep(0.001), 0);
    CHECK_EQ(posts_run, HOB_POSTS_MAX);
    CHECK_EQ(hob_loop_post(loop, posted_count, NULL), 0);
    CHECK_EQ(hob_sleep(0.001), 0);
    CHECK_EQ(posts_run, HOB_POSTS_MAX + 1);
    return 0;
}

TASK_TEST(L03_posts_run_in_order) {
    char text[20][12];
    for (int i = 0; i < 20; i++) {
        snprintf(text[i], sizeof text[i], "%d", i);
        post_note(text[i]);
    }
    CHECK_EQ(hob_sleep(0.001), 0);
    CHECK_STR(notes, "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 ");
    return 0;
}
TASK_TEST(L03_a_later_deadline_never_goes_first) {
    static const char *const names[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
    uint64_t now = hob_now();
    HOB_SCOPE(s);
    for (int i = 10; i-- > 0;)
        hob_spawn(s, notes_at, names[i], now + 50000000 + (uint64_t)i * 700000);
    turns(1);
    stays_busy_until(now + 58000000);
    CHECK_EQ(hob_join(s), 0);
    CHECK_STR(notes, "0 1 2 3 4 5 6 7 8 9 ");
    return 0;
}

TASK_TEST(L04_a_sleep_never_ends_early) {
    for (int i = 0; i < 200; i++) {
        uint64_t until = hob_now() + (uint64_t)i * 7919;
        CHECK_EQ(hob_sleep_until(until), 0);
        CHECK(hob_now() >= until);
    }
    CHECK_EQ(hob_sleep(1e-9), 0);
    return 0;
}
TASK_TEST(L04_and_the_loop_does_not_spin_towards_its_end) {
    struct hob_loop_info before, after;
    hob_loop_info(&before);
    CHECK_EQ(hob_sleep(0.03), 0);
    hob_loop_info(&after);
    CHECK(after.turns - before.turns < 10);
    return 0;
}

TASK_TEST(L05_a_negative_delay_is_one_yield) {
    HOB_SCOPE(s);
    hob_spawn(s, notes_it, "other");
    CHECK_EQ(hob_sleep(-1), 0);
    note("me ");
    CHECK_EQ(hob_join(s), 0);
    CHECK_STR(notes, "other me ");
    return 0;
}

static void posted_cancel(void *arg) { hob_cancel(arg); }
TASK_TEST(L06_cancelled_by_what_came_earlier_in_the_turn_it_does_not_fire) {
    uint64_t when = hob_now() + 50000000;
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, notes_at, "sleeper", when);
    turns(1);
    stays_busy_until(when + 1000000);
    CHECK_EQ(hob_loop_post(hob_loop_current(), posted_cancel, t), 0);
    CHECK_EQ(hob_join(s), 0);
    CHECK_STR(notes, "sleeper:cancelled ");
    return 0;
}
static struct hob_task *victim;
static int cancels_the_victim(uint64_t when) {
    HOB_TRY(hob_sleep_until(when));
    CHECK(hob_cancel(victim));
    note("cancel ");
    return 0;
}
HOB_TASK(cancels_the_victim, uint64_t)
/* Differs: all timers that are due fire before a task runs. The second sleep was over, and says so;
 * the cancel is seen at the next point. */
TASK_TEST(L06_a_timer_that_fired_in_the_same_turn_has_fired) {
    uint64_t when = hob_now() + 50000000;
    HOB_SCOPE(s);
    hob_spawn(s, cancels_the_victim, when);
    victim = hob_spawn(s, notes_at, "victim", when + 1000000);
    turns(1);
    stays_busy_until(when + 2000000);
    CHECK_EQ(hob_join(s), 0);
    CHECK_STR(notes, "cancel victim ");
    return 0;
}

TASK_TEST(L07_cancelled_far_timers_do_not_stay) {
    size_t timers = hob__loop->wheel.count;
    {
        HOB_SCOPE(s);
        for (int i = 0; i < 1000; i++) hob_spawn(s, notes_at, "", hob_after(HOURS + i));
        turns(1);
        CHECK_EQ(hob__loop->wheel.count, timers + 1000);
        for (int i = 0; i < 1000; i++)
            CHECK_EQ(hob_within(HOURS, hob_sleep(0)), 0); /* and deadlines that were not needed */
        hob_scope_cancel(s);
        CHECK_EQ(hob_join(s), 0);
    }
    CHECK_EQ(hob__loop->wheel.count, timers);
    return 0;
}

struct large {
    char bytes[4000];
};
static int waits_with(struct large l) {
    CHECK_EQ(l.bytes[3999], 7);
    return hob_event_wait(&never);
}
HOB_TASK(waits_with, struct large)
static int dropped;
static void drop(void *value) { dropped += *(int *)value; }
static struct hob_local held = HOB_LOCAL("held", drop);
static int holds(int *value) {
    HOB_TRY(hob_local_set(&held, value));
    return hob_event_wait(&never);
}
HOB_TASK(holds, int *)
TASK_TEST(L08_a_cancelled_task_lets_go_of_its_arguments_and_locals) {
    int value = 5;
    struct large l = {.bytes[3999] = 7};
    HOB_SCOPE(s);
    long live = hob__alloc_live();
    struct hob_task *a = hob_spawn(s, waits_with, l);
    struct hob_task *b = hob_spawn(s, holds, &value);
    turns(1);
    CHECK(hob__alloc_live() > live + 1);
    CHECK_EQ(dropped, 0);
    hob_cancel(a);
    hob_cancel(b);
    turns(1);
    CHECK_EQ(dropped, 5); /* at its end, not at its scope's */
    CHECK(hob_task_done(a));
    return hob_join(s);
}

/* ---- stopping ---- */

TASK_TEST(L09_what_is_ready_when_the_scope_stops_still_runs) {
    HOB_SCOPE(s);
    hob_spawn(s, notes_it, "a");
    hob_spawn(s, notes_it, "b");
    hob_stop(s, 0); /* asks and cancels at once */
    CHECK(!hob_spawn(s, notes_it, "late"));
    CHECK_EQ(hob_join(s), -ECANCELED);
    CHECK_STR(notes, "a b ");
    return 0;
}

static int cancels_itself(void) {
    CHECK_EQ(hob_background(notes_at, "background", hob_after(HOURS)), 0);
    turns(1);
    CHECK(hob_cancel(hob_self()));
    return hob_sleep(HOURS);
}
HOB_TASK(cancels_itself)
/* Differs: a loop has no state between two runs. A main task that was cancelled has ended, and so
 * has everything else when hob_run() returns. */
TEST(L10_a_main_task_that_is_cancelled_ends_the_run) {
    CHECK_EQ(hob_run(cancels_itself), -ECANCELED);
    CHECK_STR(notes, "background:cancelled ");
    CHECK(!hob_loop_current());
    CHECK_EQ(hob_run(notes_it, "again"), 0);
    CHECK_STR(notes, "background:cancelled again ");
}

TASK_TEST(L11_a_loop_inside_a_running_loop_is_an_error) {
    struct hob_loop *loop = hob_loop_current();
    CHECK_EQ(hob_run(notes_it, "never"), HOB_E_RUNNING);
    CHECK_HAS(hob_error()->message, "inside a running loop");
    CHECK(hob_loop_current() == loop);
    CHECK_EQ(hob_sleep(0.001), 0);
    CHECK_STR(notes, "");
    return 0;
}

/* ---- errors that nobody waits for ---- */

static int fails(const char *what) { return hob_fail(-EIO, "%s", what); }
HOB_TASK(fails, const char *)
TASK_TEST(L12_an_error_in_the_background_is_reported_and_the_loop_goes_on) {
    hob_set_report(keep_report, NULL);
    CHECK_EQ(hob_background(fails, "in the background"), 0);
    turns(3);
    CHECK_EQ(reports, 1);
    CHECK_EQ(report_kind, HOB_REPORT_ERROR);
    CHECK_HAS(report_text, "in the background");
    CHECK_EQ(hob_sleep(0.001), 0);
    return 0;
}

static void reports_badly(enum hob_report_kind kind, const char *text, void *arg) {
    (void)kind;
    (void)text;
    hob_set_report(NULL, NULL);
    CHECK_EQ(hob_fail(-EDOM, "an error in the report"), -EDOM);
    ++*(int *)arg;
}
static int fails_twice(void) {
    int calls = 0;
    hob_set_report(reports_badly, &calls);
    CHECK_EQ(hob_background(fails, "one"), 0);
    CHECK_EQ(hob_background(fails, "two"), 0);
    turns(3);
    CHECK_EQ(calls, 1);
    return 0;
}
HOB_TASK(fails_twice)
TEST(L13_a_report_function_that_fails_and_goes_away) {
    static char text[4096];
    int status = RUN_CHILD(text, CHECK_EQ(hob_run(fails_twice), 0));
    CHECK_EQ(status, 0);
    CHECK_HAS(text, "two"); /* by the default one */
    CHECK(!strstr(text, "one"));
}

/* ---- from outside ---- */

static struct hob_scope *its_scope;
static struct hob_task *its_task;
static void *spawns_from_outside(void *arg) {
    (void)arg;
    hob_spawn(its_scope, notes_it, "never");
    return NULL;
}
static void *cancels_from_outside(void *arg) {
    (void)arg;
    hob_cancel(its_task);
    return NULL;
}
static void *cancels_scope_from_outside(void *arg) {
    (void)arg;
    hob_scope_cancel(its_scope);
    return NULL;
}
static void *stops_from_outside(void *arg) {
    (void)arg;
    hob_stop(its_scope, 1);
    return NULL;
}
static void *reschedules_from_outside(void *arg) {
    (void)arg;
    hob_scope_reschedule(its_scope, hob_after(1));
    return NULL;
}
static void *sets_event_from_outside(void *arg) {
    (void)arg;
    hob_event_set(&never);
    return NULL;
}
static int lends_itself(void *(*to)(void *)) {
    HOB_SCOPE(s);
    its_scope = s;
    its_task = hob_spawn(s, stays);
    turns(1);
    pthread_t thread;
    pthread_create(&thread, NULL, to, NULL);
    pthread_join(thread, NULL);
    hob_scope_cancel(s);
    return hob_join(s);
}
HOB_TASK(lends_itself, void *(*)(void *))
TEST(L14_from_another_thread_all_but_a_post_is_misuse) {
    const char *text = "belongs to another thread's loop";
    CHECK_DIES(hob_run(lends_itself, spawns_from_outside), text);
    CHECK_DIES(hob_run(lends_itself, cancels_from_outside), text);
    CHECK_DIES(hob_run(lends_itself, cancels_scope_from_outside), text);
    CHECK_DIES(hob_run(lends_itself, stops_from_outside), text);
    CHECK_DIES(hob_run(lends_itself, reschedules_from_outside),
               "no loop is running in this thread");
    CHECK_DIES(hob_run(lends_itself, sets_event_from_outside), "used from two loops");
}

static void *posts_soon(void *arg) {
    usleep(5000); /* most likely the loop sleeps by then */
    CHECK_EQ(hob_loop_post(arg, posted_set, &go), 0);
    hob_loop_release(arg);
    return NULL;
}
TASK_TEST(L14_a_post_wakes_a_sleeping_loop) {
    pthread_t thread;
    struct hob_loop *loop = hob_loop_current();
    hob_loop_hold(loop);
    pthread_create(&thread, NULL, posts_soon, loop);
    CHECK_EQ(hob_within(HOURS, hob_event_wait(&go)), 0);
    pthread_join(thread, NULL);
    return 0;
}

static long counted;
static void counts(void *arg) { counted += (long)arg; }
static void *posts_many(void *arg) {
    for (int i = 0; i < 20000; i++) CHECK_EQ(hob_loop_post(arg, counts, (void *)1), 0);
    return NULL;
}
TASK_TEST(L15_more_wake_ups_than_the_loop_can_take_are_harmless) {
    pthread_t thread;
    pthread_create(&thread, NULL, posts_many, hob_loop_current());
    pthread_join(thread, NULL); /* the loop stands still meanwhile */
    CHECK_EQ(counted, 0);
    CHECK_EQ(hob_sleep(0.001), 0);
    CHECK_EQ(counted, 20000);
    return 0;
}

/* A post has no handle and cannot be taken back: each runs once, in the order of its thread. */
struct poster {
    struct hob_loop *loop;
    int posted, run;
    bool in_order;
};
static struct poster posters[4];
struct numbered {
    struct poster *from;
    int number;
};
static struct numbered numbered[4][2000];
static void runs_numbered(void *arg) {
    struct numbered *n = arg;
    if (n->number != n->from->run++) n->from->in_order = false;
}
static void *posts_numbered(void *arg) {
    struct poster *p = arg;
    for (int i = 0; i < 2000; i++) {
        struct numbered *n = &numbered[p - posters][i];
        *n = (struct numbered){p, i};
        CHECK_EQ(hob_loop_post(p->loop, runs_numbered, n), 0);
    }
    hob_loop_release(p->loop);
    return NULL;
}
TASK_TEST(L16_posts_of_many_threads_run_once_and_in_order) {
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        posters[i] = (struct poster){.loop = hob_loop_current(), .in_order = true};
        hob_loop_hold(hob_loop_current());
        pthread_create(&threads[i], NULL, posts_numbered, &posters[i]);
    }
    for (int i = 0; i < 4; i++)
        while (posters[i].run < 2000) CHECK_EQ(hob_sleep(0.001), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        CHECK(posters[i].in_order);
        CHECK_EQ(posters[i].run, 2000);
    }
    return 0;
}

static struct hob_loop *ended_loop;
static int leaves_its_loop(void) {
    ended_loop = hob_loop_current();
    hob_loop_hold(ended_loop);
    post_note("last");
    return 0;
}
HOB_TASK(leaves_its_loop)
TEST(L17_a_post_into_a_loop_that_has_ended) {
    CHECK_EQ(hob_run(notes_it, "first"), 0);
    long live = hob__alloc_live();
    CHECK_EQ(hob_run(leaves_its_loop), 0);
    CHECK_STR(notes, "first last "); /* what was posted before the end has run */
    CHECK_EQ(hob_loop_post(ended_loop, posted_note, "never"), HOB_E_CLOSED);
    CHECK_EQ(hob_loop_post(ended_loop, posted_note, "never"), HOB_E_CLOSED);
    hob_loop_release(ended_loop);
    CHECK_EQ(hob__alloc_live(), live);
    CHECK_STR(notes, "first last ");
}
static int releases_too_much(void) {
    hob_loop_release(hob_loop_current());
    return 0;
}
HOB_TASK(releases_too_much)
TEST(L17_releasing_more_than_was_held_is_misuse) {
    CHECK_DIES(hob_run(releases_too_much), "released more often than held");
}

static int signals;
static void on_signal(int sig) {
    (void)sig;
    signals++;
}
static pthread_t main_thread;
static void *sends_signals(void *arg) {
    for (int i = 0; i < 100; i++) {
        pthread_kill(main_thread, SIGUSR1);
        usleep(200);
    }
    hob_loop_release(arg);
    return NULL;
}
TASK_TEST(L21_interrupted_system_calls_are_not_to_be_seen) {
    struct sigaction without_restart = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &without_restart, NULL);
    main_thread = pthread_self();
    hob_loop_hold(hob_loop_current());
    pthread_t thread;
    pthread_create(&thread, NULL, sends_signals, hob_loop_current());
    uint64_t until = hob_after(0.03);
    CHECK_EQ(hob_sleep_until(until), 0);
    CHECK(hob_now() >= until);
    pthread_join(thread, NULL);
    CHECK(signals > 0);
    return 0;
}

TASK_TEST(L29_the_child_of_a_fork_has_no_loop_and_may_run_its_own) {
    static char text[256];
    int status = RUN_CHILD(text, {
        /* qemu and ThreadSanitizer die of threads in here. */
        if (getenv("TEST_SLOW") || HOB__TSAN) setenv("HOB_SLOW_MS", "0", 1);
        CHECK(!hob_loop_current());
        CHECK(!hob_self());
        CHECK_EQ(hob_run(notes_at, "child", hob_after(0.001)), 0);
        CHECK_STR(notes, "child ");
    });
    CHECK_STR(text, "");
    CHECK_EQ(status, 0);
    CHECK_STR(notes, "");
    CHECK_EQ(hob_sleep(0.001), 0);
    return 0;
}

TEST_MAIN()
