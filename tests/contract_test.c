/* contract_test.c - the contract of scopes, tasks, errors and the loop, point by point, in the
 * numbering of docs/contract.md; points 6 to 11 (cancellation) are in contract_cancel_test.c. What
 * is tested at length elsewhere (objects to wait for, I/O) is touched here once. */
#include "contract.h"

/* ---- 1. a task belongs to one scope and cannot outlive it ---- */

static int counter;
static void count_up(void *arg) {
    (void)arg;
    counter++;
}
static void defer_note(void *arg) { note(arg); }

static int leaves_early(void) {
    HOB_SCOPE(s);
    hob_defer(s, defer_note, "first");
    hob_defer(s, defer_note, "second");
    hob_spawn(s, noting, "child", 10.0, 0);
    HOB_TRY(hob_yield_now());
    return 7; /* without a join */
}

TASK_TEST(P01_return_cancels_waits_and_runs_clean_ups_in_reverse) {
    uint64_t t0 = hob_now();
    CHECK_EQ(leaves_early(), 7);
    CHECK(seconds_since(t0) < 8); /* else 10 */
    CHECK_STR(log_text, "child second first ");
    return 0;
}

TASK_TEST(P01_break_and_goto_leave_too) {
    for (int i = 0; i < 3; i++) {
        HOB_SCOPE(s);
        hob_spawn(s, noting, "child", 10.0, 0);
        hob_defer(s, count_up, NULL);
        if (i == 1) break;
        if (i == 5) goto out;
    }
out:
    CHECK_STR(log_text, "child child ");
    CHECK_EQ(counter, 2);
    return 0;
}

TASK_TEST(P01_failed_child_wakes_the_owner_inside_the_scope) {
    HOB_SCOPE(s);
    hob_spawn(s, sleeper, 0.01, -EIO);
    uint64_t t0 = hob_now();
    CHECK_EQ(hob_sleep(10), -ECANCELED);
    CHECK(seconds_since(t0) < 8); /* else 10 */
    CHECK_EQ(hob_join(s), -EIO);
    return 0;
}

static int noting_after(struct hob_event *e, const char *name) {
    HOB_TRY(hob_event_wait(e));
    return noting(name, 0, 0);
}
HOB_TASK(noting_after, struct hob_event *, const char *)
TASK_TEST(P01_inner_scopes_end_first) {
    struct hob_event inner_ended = {0};
    HOB_SCOPE(outer);
    hob_spawn(outer, noting_after, &inner_ended, "outer");
    {
        HOB_SCOPE(inner);
        hob_spawn(inner, noting, "inner", 0.01, 0);
        CHECK_EQ(hob_join(inner), 0);
    }
    CHECK_STR(log_text, "inner "); /* the outer one's children live on */
    hob_event_set(&inner_ended);
    CHECK_EQ(hob_join(outer), 0);
    CHECK_STR(log_text, "inner outer ");
    return 0;
}

static int ends_outer_first(void) {
    struct hob_scope a, b;
    struct hob_scope *pa = hob__scope_open(&a, (struct hob_scope_options){0}, &elsewhere);
    hob__scope_open(&b, (struct hob_scope_options){0}, &elsewhere);
    hob__scope_leave(pa);
    return 0;
}
HOB_TASK(ends_outer_first)
TEST(P01_ending_an_outer_scope_first_is_misuse) {
    CHECK_DIES(hob_run(ends_outer_first), "ends before one opened inside it");
}

static int joins_outer_first(void) {
    HOB_SCOPE(outer, .name = "outer");
    HOB_SCOPE(inner, .name = "inner");
    hob_spawn(inner, sleeper, 0.01, 0);
    hob_join(outer);
    return hob_join(inner);
}
HOB_TASK(joins_outer_first)
TEST(P01_joining_an_outer_scope_first_is_misuse) {
    CHECK_DIES(hob_run(joins_outer_first), "hob_join: scope 'outer' (");
    CHECK_DIES(hob_run(joins_outer_first), "ends before 'inner' (");
}

/* ---- 2. spawning ---- */

TASK_TEST(P02_spawn_runs_nothing_inside_the_call_and_order_is_fifo) {
    HOB_SCOPE(s);
    for (int i = 0; i < 3; i++) hob_spawn(s, noting, i == 0 ? "a" : i == 1 ? "b" : "c", 0.0, 0);
    CHECK_STR(log_text, "");
    CHECK_EQ(hob_join(s), 0);
    CHECK_STR(log_text, "a b c ");
    return 0;
}

TASK_TEST(P02_a_task_that_has_not_run_holds_no_stack) {
    HOB_SCOPE(s);
    struct hob_loop_info before, after;
    hob_loop_info(&before);
    for (int i = 0; i < 1000; i++) hob_spawn(s, at_once, 0);
    hob_loop_info(&after);
    CHECK_EQ(after.stacks, before.stacks);
    CHECK_EQ(after.tasks, before.tasks + 1000);
    return hob_join(s);
}

static int takes_over(int fd, int *closed) {
    int rc = hob_sleep(0); /* the first waiting call sees the cancel */
    close(fd);
    *closed = rc;
    return rc;
}
HOB_TASK(takes_over, int, int *)

TASK_TEST(P02_a_cancelled_task_still_runs_to_its_first_wait) {
    int closed = 1, fd = open("/dev/null", O_RDONLY);
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, takes_over, fd, &closed);
    CHECK(hob_cancel(t));
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(closed, -ECANCELED);
    CHECK_EQ(fcntl(fd, F_GETFD), -1);
    CHECK(hob_task_was_cancelled(t));
    return 0;
}

TASK_TEST(P02_spawn_into_a_cancelled_scope_starts_nothing_and_join_says_so) {
    HOB_SCOPE(s);
    hob_scope_cancel(s);
    CHECK(hob_spawn(s, noting, "never", 0.0, 0) == NULL);
    CHECK_EQ(hob_join(s), -ECANCELED);
    CHECK_STR(log_text, "");
    return 0;
}

static int hydra(struct hob_scope *s, int *heads) {
    ++*heads;
    hob_spawn(s, at_once, 0);
    for (int i = 0; i < 2; i++) {
        HOB_SCOPE(mine);
        hob_yield_now();
    }
    extern int hydra_again(struct hob_scope * s, int *heads);
    return hydra_again(s, heads);
}
HOB_TASK(hydra, struct hob_scope *, int *)
int hydra_again(struct hob_scope *s, int *heads);
int hydra_again(struct hob_scope *s, int *heads) {
    if (!hob_spawn(s, hydra, s, heads)) return 0;
    hob_spawn(s, hydra, s, heads);
    return *heads > 2000 ? -EIO : 0;
}
TASK_TEST(P02_runaway_spawners_end) {
    int heads = 0;
    HOB_SCOPE(s);
    hob_spawn(s, hydra, s, &heads);
    CHECK_EQ(hob_join(s), -EIO);
    CHECK(heads < 100000);
    return 0;
}

TASK_TEST(P02_spawn_without_memory_starts_nothing_and_join_says_so) {
    HOB_SCOPE(s);
    hob__alloc_fail_at(1);
    struct hob_task *t = hob_spawn_named(s, "its name has no room", noting, "never", 0.0, 0);
    hob__alloc_fail_at(0);
    CHECK(t == NULL);
    CHECK_EQ(hob_join(s), -ENOMEM);
    CHECK_STR(log_text, "");
    return 0;
}

/* ---- 3. errors of children ---- */

TASK_TEST(P03_first_error_cancels_all_siblings_together_and_join_returns_it) {
    HOB_SCOPE(s);
    for (int i = 0; i < 50; i++) hob_spawn(s, noting, "x", 10.0, 0);
    hob_spawn(s, sleeper, 0.01, -EPIPE);
    uint64_t t0 = hob_now();
    CHECK_EQ(hob_join(s), -EPIPE);
    CHECK(seconds_since(t0) < 8); /* else 10 */
    CHECK_EQ(log_at, 100);
    CHECK_EQ(hob_error()->code, -EPIPE);
    CHECK_STR(hob_error()->message, "sleeper");
    return 0;
}

static int fails_in_clean_up(int code) {
    if (hob_sleep(10) == -ECANCELED) return hob_fail(code, "clean-up failed");
    return 0;
}
HOB_TASK(fails_in_clean_up, int)

TASK_TEST(P03_other_errors_are_kept_and_listed) {
    HOB_SCOPE(s);
    hob_spawn(s, fails_in_clean_up, -EDOM);
    hob_spawn(s, sleeper, 0.01, -EIO);
    hob_spawn(s, fails_in_clean_up, -ERANGE);
    CHECK_EQ(hob_join(s), -EIO);
    int n = 0;
    for (const struct hob_error *e = hob_scope_errors(s); e; e = e->next) n++;
    CHECK_EQ(n, 3);
    CHECK_EQ(hob_scope_errors(s)->code, -EIO);
    CHECK_STR(hob_scope_error_of(s, -EDOM)->message, "clean-up failed");
    CHECK(hob_scope_error_of(s, -ERANGE) != NULL);
    CHECK(hob_scope_error_of(s, -EPERM) == NULL);
    return 0;
}

TASK_TEST(P03_a_child_cancelled_on_its_own_is_no_error) {
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, sleeper, 10.0, 0);
    hob_spawn(s, noting, "other", 0.01, 0);
    hob_yield_now();
    CHECK(hob_cancel(t));
    CHECK(!hob_cancel(t));
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(hob_task_result(t), -ECANCELED);
    CHECK_STR(log_text, "other ");
    return 0;
}

TASK_TEST(P03_collect_keeps_the_siblings_running) {
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    struct hob_task *a = hob_spawn(s, sleeper, 0.02, 5);
    struct hob_task *b = hob_spawn(s, sleeper, 0.01, -EIO);
    struct hob_task *c = hob_spawn(s, sleeper, 0.02, 6);
    CHECK_EQ(hob_join(s), 1);
    CHECK_EQ(hob_task_result(a), 5);
    CHECK_EQ(hob_task_result(b), -EIO);
    CHECK_EQ(hob_task_result(c), 6);
    CHECK_STR(hob_task_error(b)->message, "sleeper");
    return 0;
}

static int reports;
static char report_text[8192];
static void keep_report(enum hob_report_kind kind, const char *text, void *arg) {
    (void)arg;
    if (kind != HOB_REPORT_ERROR) return;
    reports++;
    snprintf(report_text, sizeof report_text, "%s", text);
}

TASK_TEST(P03_discard_drops_records_and_reports_errors) {
    hob_set_report(keep_report, NULL);
    HOB_SCOPE(s, .on_error = HOB_DISCARD);
    for (int round = 0; round < 1000; round++) {
        for (int i = 0; i < 10; i++) hob_spawn(s, at_once, 0);
        hob_yield_now();
    }
    hob_spawn(s, sleeper, 0.0, -EIO);
    hob_spawn(s, noting, "lives", 0.01, 0);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(reports, 1);
    CHECK_HAS(report_text, "sleeper");
    CHECK_STR(log_text, "lives ");
    return 0;
}

static int fails_and_leaves(void) {
    HOB_SCOPE(s);
    hob_spawn(s, sleeper, 0.01, -EIO);
    HOB_TRY(hob_sleep(10)); /* leaves with -ECANCELED */
    return hob_join(s);
}
HOB_TASK(fails_and_leaves)

TASK_TEST(P03_an_error_that_left_with_the_scope_is_what_the_task_ends_with) {
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    struct hob_task *t = hob_spawn(s, fails_and_leaves);
    CHECK_EQ(hob_join(s), 1);
    CHECK_EQ(hob_task_result(t), -EIO);
    CHECK_STR(hob_task_error(t)->message, "sleeper");
    return 0;
}

static int leaves_three_errors(void) {
    HOB_SCOPE(s);
    hob_spawn(s, fails_in_clean_up, -EDOM);
    hob_spawn(s, sleeper, 0.0, -EIO);
    hob_spawn(s, fails_in_clean_up, -ERANGE);
    return hob_sleep(10); /* -ECANCELED, for the -EIO */
}
HOB_TASK(leaves_three_errors)

TASK_TEST(P03_the_other_errors_of_a_scope_left_without_a_join_are_reported) {
    hob_set_report(keep_report, NULL);
    HOB_SCOPE(s);
    hob_spawn(s, leaves_three_errors);
    CHECK_EQ(hob_join(s), -EIO);
    CHECK_EQ(reports, 2);
    CHECK_HAS(report_text, "clean-up failed");
    return 0;
}

static int outer_error_and_cancel(int *seen) {
    HOB_SCOPE(s);
    hob_spawn(s, sleeper, 0.0, -EIO);
    hob_cancel(hob_self());
    *seen = hob_join(s);
    return hob_sleep(1);
}
HOB_TASK(outer_error_and_cancel, int *)

TASK_TEST(P03_a_cancel_from_outside_is_seen_after_the_join) {
    int seen = 0;
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, outer_error_and_cancel, &seen);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(seen, -ECANCELED); /* the child was cancelled before it could fail */
    CHECK_EQ(hob_task_result(t), -ECANCELED);
    return 0;
}

static int fails_as_told(struct hob_event *told) {
    hob_shielded(hob_event_wait(told));
    return hob_fail(-EIO, "fails");
}
HOB_TASK(fails_as_told, struct hob_event *)
static int joins_while_cancelled(struct hob_event *told, int *seen, int *next) {
    HOB_SCOPE(s);
    hob_spawn(s, fails_as_told, told);
    *seen = hob_join(s);
    *next = hob_sleep(10);
    return *next;
}
HOB_TASK(joins_while_cancelled, struct hob_event *, int *, int *)

TASK_TEST(P03_the_childs_error_is_the_joins_and_a_cancel_meanwhile_the_next_calls) {
    struct hob_event told = {0};
    int seen = 0, next = 0;
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, joins_while_cancelled, &told, &seen, &next);
    for (int i = 0; i < 3; i++) hob_yield_now();
    hob_cancel(t);
    hob_event_set(&told);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(seen, -EIO);
    CHECK_EQ(next, -ECANCELED);
    return 0;
}

/* ---- 4. daemons, start ---- */

TASK_TEST(P04_daemons_are_cancelled_when_only_they_remain) {
    HOB_SCOPE(s);
    hob_spawn_daemon(s, noting, "daemon", 100.0, 0);
    hob_spawn(s, noting, "child", 0.01, 0);
    CHECK_EQ(hob_join(s), 0);
    CHECK_STR(log_text, "child daemon ");
    return 0;
}

TASK_TEST(P04_a_childs_error_cancels_daemons_and_siblings_alike) {
    HOB_SCOPE(s);
    hob_spawn_daemon(s, noting, "daemon", 100.0, 0);
    hob_spawn(s, noting, "sibling", 100.0, 0);
    hob_spawn(s, sleeper, 0.0, -EIO);
    CHECK_EQ(hob_join(s), -EIO);
    CHECK_STR(log_text, "daemon sibling ");
    return 0;
}

TASK_TEST(P04_a_daemons_error_is_the_scopes) {
    HOB_SCOPE(s);
    hob_spawn_daemon(s, sleeper, 0.0, -EIO);
    hob_spawn(s, noting, "child", 100.0, 0);
    CHECK_EQ(hob_join(s), -EIO);
    CHECK_STR(log_text, "child ");
    return 0;
}

static int server(bool ready, int result) {
    int rc = hob_sleep(0.01);
    if (rc < 0) return rc;
    if (ready) {
        hob_started();
        note("listens");
        rc = hob_sleep(0.01);
        note("served");
    }
    return rc < 0 ? rc : result < 0 ? hob_fail(result, "cannot listen") : result;
}
HOB_TASK(server, bool, int)

TASK_TEST(P04_start_waits_until_the_child_says_that_it_is_ready) {
    HOB_SCOPE(s);
    CHECK_EQ(hob_start(s, server, true, 0), 0);
    CHECK_STR(log_text, "listens ");
    CHECK_EQ(hob_join(s), 0);
    CHECK_STR(log_text, "listens served ");
    return 0;
}

TASK_TEST(P04_start_returns_the_error_of_a_child_that_never_was_ready) {
    HOB_SCOPE(s);
    CHECK_EQ(hob_start(s, server, false, -EADDRINUSE), -EADDRINUSE);
    CHECK_STR(hob_error()->message, "cannot listen");
    CHECK_EQ(hob_start(s, server, false, 0), HOB_E_NOT_STARTED);
    CHECK_EQ(hob_join(s), 0);
    return 0;
}

TASK_TEST(P04_an_error_after_ready_is_the_scopes) {
    HOB_SCOPE(s);
    CHECK_EQ(hob_start(s, server, true, -EIO), 0);
    CHECK_EQ(hob_join(s), -EIO);
    return 0;
}

/* ---- 5. await by many ---- */

static int awaits(struct hob_task *t, int *result) {
    *result = hob_await(t);
    return 0;
}
HOB_TASK(awaits, struct hob_task *, int *)

TASK_TEST(P05_many_tasks_await_one_and_all_get_the_result) {
    int results[20];
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, sleeper, 0.01, 42);
    for (int i = 0; i < 20; i++) hob_spawn(s, awaits, t, &results[i]);
    CHECK_EQ(hob_await(t), 42);
    CHECK_EQ(hob_join(s), 0);
    for (int i = 0; i < 20; i++) CHECK_EQ(results[i], 42);
    CHECK_EQ(hob_await(t), 42); /* again, when it has long ended */
    return 0;
}

static int awaits_itself(void) { return hob_await(hob_self()); }
HOB_TASK(awaits_itself)
TEST(P05_awaiting_oneself_is_misuse) {
    CHECK_DIES(hob_run(awaits_itself), "a task cannot wait for itself");
}

/* ---- errors ---- */

static int low(void) { return hob_fail(-EIO, "disk %d", 3); }
static int middle(void) {
    int rc = low();
    return rc < 0 ? hob_fail_from(rc, "reading the table") : 0;
}
TASK_TEST(E_record_has_message_place_and_cause) {
    CHECK_EQ(middle(), -EIO);
    const struct hob_error *e = hob_error();
    CHECK_STR(e->message, "reading the table");
    CHECK_STR(e->func, "middle");
    CHECK_HAS(e->file, "contract_test.c");
    CHECK(e->line > 0);
    CHECK_STR(e->cause->message, "disk 3");
    CHECK(e->cause->cause == NULL);
    char text[512];
    int n = hob_error_format(e, text, sizeof text);
    CHECK_EQ(n, strlen(text));
    CHECK_HAS(text, "Input/output error: reading the table (middle,");
    CHECK_HAS(text, "caused by: Input/output error: disk 3 (low,");
    CHECK_EQ(hob_error_format(e, text, 10), n);
    CHECK_EQ(strlen(text), 9);
    hob_error_clear();
    CHECK(hob_error() == NULL);
    return 0;
}

TEST(E_every_code_of_hob_has_a_name) {
    for (int code = HOB_E_STOPPING; code >= HOB_E_NAME_TEMPORARY; code--)
        CHECK(strncmp(hob_strerror(code), "error ", 6) != 0);
    CHECK_STR(hob_strerror(-ECONNREFUSED), "Connection refused");
    CHECK_STR(hob_strerror(-99999), "error -99999");
}

TEST(E_the_record_survives_the_loop) {
    CHECK_EQ(hob_run(sleeper, 0.0, -EIO), -EIO);
    CHECK_STR(hob_error()->message, "sleeper");
}

static struct hob_scope *others;
static int joins_others(void) { return hob_join(others); }
HOB_TASK(joins_others)
static int lends_its_scope(void) {
    HOB_SCOPE(s);
    others = s;
    hob_spawn(s, joins_others);
    return hob_join(s);
}
HOB_TASK(lends_its_scope)
TEST(E_misuse_names_function_task_and_line) {
    CHECK_DIES(hob_run(lends_its_scope), "misuse: hob_join: scope 'lends_its_scope'");
    CHECK_DIES(hob_run(lends_its_scope), "in task 'joins_others' (spawned by lends_its_scope at");
    CHECK_DIES(hob_run(lends_its_scope), "contract_test.c:");
}

/* ---- the loop ---- */

static int waits_for_nobody(struct hob_event *e) { return hob_event_wait(e); }
HOB_TASK(waits_for_nobody, struct hob_event *)
static int deadlocks(void) {
    struct hob_event e = {0};
    HOB_SCOPE(s);
    hob_spawn_named(s, "lonely", waits_for_nobody, &e);
    return hob_join(s);
}
HOB_TASK(deadlocks)

static char deadlock_text[8192];
static void keep_deadlock(enum hob_report_kind kind, const char *text, void *arg) {
    (void)arg;
    if (kind == HOB_REPORT_DEADLOCK) snprintf(deadlock_text, sizeof deadlock_text, "%s", text);
}
TEST(L_deadlock_is_reported_with_every_task_and_ends_the_run) {
    hob_set_report(keep_deadlock, NULL);
    CHECK_EQ(hob_run(deadlocks), HOB_E_DEADLOCK);
    CHECK_HAS(deadlock_text, "lonely: event");
    CHECK_HAS(deadlock_text, "spawned by deadlocks at");
    CHECK_HAS(deadlock_text, "contract_test.c:");
    CHECK_HAS(deadlock_text, "deadlocks: join");
}

static char slow_text[16384];
static _Atomic bool slow_seen;
static void keep_slow(enum hob_report_kind kind, const char *text, void *arg) {
    (void)arg;
    if (kind != HOB_REPORT_SLOW || slow_seen) return;
    snprintf(slow_text, sizeof slow_text, "%s", text);
    slow_seen = true;
}
static volatile int spun;
__attribute__((noinline)) static void hogs_the_loop(double seconds) {
    uint64_t t0 = hob_now();
    while (seconds_since(t0) < seconds) spun++;
}
static int slow_task(void) {
    for (int i = 0; i < 200 && !slow_seen; i++) hogs_the_loop(0.1);
    CHECK(slow_seen); /* reported while it still ran */
    return 0;
}
HOB_TASK(slow_task)
TEST(L_a_task_that_holds_the_loop_is_reported_with_its_stack_while_it_runs) {
    hob_set_report(keep_slow, NULL);
    CHECK_EQ(hob_run(slow_task), 0);
    CHECK_HAS(slow_text, "task 'slow_task'");
    const char *held = strstr(slow_text, "has held the loop for ");
    CHECK(held && atoi(held + strlen("has held the loop for ")) >= 100);
    CHECK_HAS(slow_text, "slow_task");
    CHECK_HAS(slow_text, "contract_test.c");
}

static int report_pipe[2];
static void to_pipe(enum hob_report_kind kind, const char *text, void *arg) {
    (void)arg;
    if (kind != HOB_REPORT_SLOW || slow_seen) return;
    if (write(report_pipe[1], text, strlen(text)) > 0) slow_seen = true;
}
static int reports_to_a_pipe(void) {
    CHECK_EQ(pipe(report_pipe), 0); /* made when the watchdog ran already */
    hob_set_report(to_pipe, NULL);
    for (int i = 0; i < 200 && !slow_seen; i++) hogs_the_loop(0.1);
    CHECK(slow_seen);
    return 0;
}
HOB_TASK(reports_to_a_pipe)
TEST(L_a_report_function_may_use_any_descriptor_of_the_program) {
    CHECK_EQ(hob_run(reports_to_a_pipe), 0);
    char text[256] = "";
    CHECK(read(report_pipe[0], text, sizeof text - 1) > 0);
    CHECK_HAS(text, "task 'reports_to_a_pipe'");
}

/* Between two calls that look at it a task may wait, and others fail. */
static int keeps_errno(int mine) {
    CHECK_EQ(errno, 0);
    for (int i = 0; i < 30; i++) {
        errno = mine;
        CHECK_EQ(i % 3 ? hob_yield_now() : hob_sleep(0.0001 * mine), 0);
        CHECK_EQ(errno, mine);
    }
    return 0;
}
HOB_TASK(keeps_errno, int)
TASK_TEST(L_errno_is_each_tasks_own) {
    HOB_SCOPE(s);
    for (int mine = 1; mine <= 5; mine++) hob_spawn(s, keeps_errno, mine);
    errno = 0;
    CHECK_EQ(keeps_errno(6), 0);
    errno = EDOM;
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(errno, EDOM);
    return 0;
}

static int runs_inside(void) {
    CHECK_EQ(hob_run(sleeper, 0.0, 0), HOB_E_RUNNING);
    return hob_sleep(0.001);
}
HOB_TASK(runs_inside)
TEST(L_a_loop_in_a_loop_is_an_error_and_does_no_harm) { CHECK_EQ(hob_run(runs_inside), 0); }

static int background(struct hob_event *goes, int result, struct hob_event *went) {
    int rc = hob_event_wait(goes);
    note(rc < 0 ? "cancelled" : "done");
    hob_event_set(went);
    return rc < 0 ? rc : result;
}
HOB_TASK(background, struct hob_event *, int, struct hob_event *)
static int with_background(void) {
    static struct hob_event first, second, never, went[3];
    CHECK_EQ(hob_background(background, &first, 0, &went[0]), 0);
    CHECK_EQ(hob_background(background, &second, -EIO, &went[1]), 0);
    CHECK_EQ(hob_background(background, &never, 0, &went[2]), 0);
    HOB_TRY(hob_yield_now());
    hob_event_set(&first);
    HOB_TRY(hob_event_wait(&went[0]));
    hob_event_set(&second);
    return hob_event_wait(&went[1]);
}
HOB_TASK(with_background)
TEST(L_background_tasks_are_the_loops_and_their_errors_are_reported) {
    hob_set_report(keep_report, NULL);
    CHECK_EQ(hob_run(with_background), 0);
    CHECK_STR(log_text, "done done cancelled ");
    CHECK_EQ(reports, 1);
    CHECK_HAS(report_text, "Input/output error");
}

static int bad_sleep(void) {
    CHECK_EQ(hob_sleep(NAN), -EINVAL);
    CHECK_EQ(hob_sleep(-1), 0);
    return 0;
}
HOB_TASK(bad_sleep)
TEST(L_sleep_of_no_number) { CHECK_EQ(hob_run(bad_sleep), 0); }

TEST_MAIN()
