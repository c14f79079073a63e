/* run_rules_test.c - the rules of asyncio's runner, of Ctrl-C, eager tasks, contexts, threads and
 * asynchronous generators (R, E, C, TH and AG of its own tests), by name. Where Hob differs on
 * purpose, the comment says what holds instead. */
#include "no_watchdog.h"
#include "sync.h"

#include <hob/net.h>
#include <pthread.h>
#include <semaphore.h>

#include "base/memory.h"

enum { HOURS = 10000 };

static struct hob_event never, go;

static int stays(void) { return hob_event_wait(&never); }
HOB_TASK(stays)

static int notes_end(const char *name) {
    int rc = hob_event_wait(&never);
    note("%s%s ", name, rc == -ECANCELED ? ":cancelled" : ":woken");
    return rc;
}
HOB_TASK(notes_end, const char *)

static int gives(int after, int result) {
    for (int i = 0; i < after; i++) HOB_TRY(hob_yield_now());
    return result < 0 ? hob_fail(result, "gives") : result;
}
HOB_TASK(gives, int, int)

static int reports;
static char report_text[4096];
static void keep_report(enum hob_report_kind kind, const char *text, void *arg) {
    (void)arg;
    if (kind == HOB_REPORT_SLOW) return; /* any busy machine brings it */
    if (kind != HOB_REPORT_ERROR) FAIL("%s", text);
    reports++;
    snprintf(report_text, sizeof report_text, "%s", text);
}

/* ---- the runner ---- */

TASK_TEST(R01_a_run_inside_a_run_calls_nothing) {
    CHECK_EQ(hob_run(notes_end, "never"), HOB_E_RUNNING);
    CHECK_STR(notes, "");
    CHECK_EQ(hob_sleep(0), 0);
    return 0;
}

static int fails_in_clean_up(void) {
    CHECK_EQ(hob_event_wait(&never), -ECANCELED);
    CHECK_EQ(hob_shielded(gives(5, 0)), 0);
    note("cleaned ");
    return hob_fail(-EDOM, "in the clean-up");
}
HOB_TASK(fails_in_clean_up)
static int numbers(struct hob_generator *gen) {
    for (int i = 0; hob_yield(gen, i) == 0; i++) continue;
    note("generator ");
    return 0;
}
HOB_GENERATOR(numbers, int)
static int stays_in_a_loop(void) {
    HOB_EACH(int, n, numbers) {
        (void)n;
        HOB_TRY(hob_event_wait(&never));
    }
    return 0;
}
HOB_TASK(stays_in_a_loop)
static int leaves_tasks_behind(void) {
    CHECK_EQ(hob_background(notes_end, "a"), 0);
    CHECK_EQ(hob_background(fails_in_clean_up), 0);
    CHECK_EQ(hob_background(stays_in_a_loop), 0);
    turns(3);
    note("main ");
    return 4;
}
HOB_TASK(leaves_tasks_behind)
TEST(R02_the_end_cancels_what_is_left_waits_for_it_and_reports_its_errors) {
    hob_set_report(keep_report, NULL);
    CHECK_EQ(hob_run(leaves_tasks_behind), 4);
    CHECK_STR(notes, "main a:cancelled generator cleaned ");
    CHECK_EQ(reports, 1);
    CHECK_HAS(report_text, "in the clean-up");
}

/* ---- Ctrl-C ---- */

static int is_interrupted(void) {
    HOB_SCOPE(s);
    hob_spawn(s, notes_end, "child");
    turns(1);
    raise(SIGINT);
    CHECK_EQ(hob_event_wait(&never), -ECANCELED);
    CHECK(hob_stopping());
    return hob_join(s);
}
HOB_TASK(is_interrupted)
static int app_interrupted(int argc, char **argv) {
    (void)argc;
    (void)argv;
    return is_interrupted();
}
TEST(R03_an_interrupt_cancels_the_program) {
    signal(SIGINT, SIG_DFL);
    CHECK_EQ(hob_run(is_interrupted), -ECANCELED);
    CHECK_STR(notes, "child:cancelled ");
}
TEST(R03_main_then_ends_by_the_signal) {
    static char text[4096];
    char *argv[] = {"app", NULL};
    signal(SIGINT, SIG_DFL);
    int status = RUN_CHILD(text, _exit(hob_main(app_interrupted, 1, argv)));
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGINT);
    CHECK_STR(text, "");
}
static int app_cancelled(int argc, char **argv) {
    (void)argc;
    (void)argv;
    hob_cancel(hob_self());
    return hob_sleep(1);
}
TEST(R03_not_when_the_cancel_was_somebody_elses) {
    static char text[4096];
    char *argv[] = {"app", NULL};
    int status = RUN_CHILD(text, _exit(hob_main(app_cancelled, 1, argv)));
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 1);
    CHECK_HAS(text, "app: ");
}
static int finishes_in_the_grace(void) {
    raise(SIGINT);
    while (!hob_stopping()) CHECK_EQ(hob_sleep(0.001), 0);
    CHECK(!hob_cancelled());
    CHECK_EQ(hob_sleep(0.002), 0);
    return 8;
}
HOB_TASK(finishes_in_the_grace)
TEST(R03_with_a_grace_it_asks_first) {
    signal(SIGINT, SIG_DFL);
    unsetenv("HOB_GRACE");
    CHECK_EQ(hob_run_with(((struct hob_options){.grace = HOURS}), finishes_in_the_grace), 8);
}
TEST(R03_whoever_starts_the_program_may_give_it_a_grace) {
    signal(SIGINT, SIG_DFL);
    setenv("HOB_GRACE", "36000", 1);
    CHECK_EQ(hob_run(finishes_in_the_grace), 8);
    CHECK_EQ(hob_run_with(((struct hob_options){.grace = 0.0001}), finishes_in_the_grace), 8);
}

static int swallows(void) {
    raise(SIGINT);
    CHECK_EQ(hob_event_wait(&never), -ECANCELED);
    return 5;
}
HOB_TASK(swallows)
static int app_swallows(int argc, char **argv) {
    (void)argc;
    (void)argv;
    return swallows();
}
TEST(R04_a_main_that_swallows_the_cancel_has_its_result) {
    char *argv[] = {"app", NULL};
    signal(SIGINT, SIG_DFL);
    CHECK_EQ(hob_run(swallows), 5);
    CHECK_EQ(hob_main(app_swallows, 1, argv), 5);
}

static volatile bool for_ever = true;
static int is_stuck(void) {
    raise(SIGINT); /* asks, but nobody listens */
    note("asked ");
    raise(SIGINT);
    while (for_ever) continue;
    return 0;
}
HOB_TASK(is_stuck)
TEST(R05_a_second_interrupt_ends_the_process_at_once_even_in_a_stuck_task) {
    static char text[4096];
    signal(SIGINT, SIG_DFL);
    int status = RUN_CHILD(text, hob_run(is_stuck));
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGINT);
}

/* timeout(1) sends SIGTERM to its child, and then to the child's group. */
static int is_told_twice(void) {
    raise(SIGTERM);
    raise(SIGTERM);
    while (!hob_stopping()) CHECK_EQ(hob_sleep(0.001), 0);
    raise(SIGTERM);
    CHECK(!hob_cancelled());
    return 8;
}
HOB_TASK(is_told_twice)
static void are_told_twice(struct hob_options options) {
    for (int i = 0; i < 2; i++) CHECK_EQ(hob_run_with(options, is_told_twice), 8);
}
static int is_told_again_later(void) {
    raise(SIGTERM);
    const struct timespec later = {.tv_nsec = 220000000};
    while (nanosleep(&later, NULL) < 0)
        continue; /* by the system's clock, whatever the loop's is */
    raise(SIGTERM);
    while (for_ever) continue;
    return 0;
}
HOB_TASK(is_told_again_later)
TEST(R05_SIGTERM_to_a_process_and_its_group_is_one) {
    static char text[4096];
    struct hob_options options = {.terminate = true, .grace = HOURS};
    signal(SIGTERM, SIG_DFL);
    /* On a busy machine one child may be held for longer than that in between: not all of them. */
    int status = -1;
    for (int tries = 0; tries < 50 && status != 0; tries++) {
        status = RUN_CHILD(text, are_told_twice(options));
        CHECK(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM));
    }
    CHECK_EQ(status, 0);
    status = RUN_CHILD(text, hob_run_with(options, is_told_again_later));
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGTERM);
}
/* Another signal is a second one, however soon it comes. */
static int is_told_otherwise(bool first_by_term) {
    raise(first_by_term ? SIGTERM : SIGINT);
    raise(first_by_term ? SIGINT : SIGTERM);
    while (for_ever) continue;
    return 0;
}
HOB_TASK(is_told_otherwise, bool)
TEST(R05_another_signal_is_a_second_one) {
    static char text[4096];
    struct hob_options options = {.terminate = true, .grace = HOURS};
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    for (int i = 0; i < 2; i++) {
        int status = RUN_CHILD(text, hob_run_with(options, is_told_otherwise, i == 1));
        CHECK(WIFSIGNALED(status));
        CHECK_EQ(WTERMSIG(status), i == 1 ? SIGINT : SIGTERM);
    }
}

static void (*handler_now(void))(int) {
    struct sigaction now;
    sigaction(SIGINT, NULL, &now);
    return now.sa_handler;
}
static int interrupts;
static void my_handler(int sig) {
    (void)sig;
    interrupts++;
}
static int keeps_handler(void (*handler)(int)) {
    CHECK(handler_now() == handler);
    if (handler == my_handler) raise(SIGINT);
    return hob_sleep(0.001);
}
HOB_TASK(keeps_handler, void (*)(int))
static int has_another_handler(void) { return handler_now() == SIG_DFL ? -1 : 0; }
HOB_TASK(has_another_handler)
static void *runs_in_a_thread(void *arg) {
    (void)arg;
    CHECK_EQ(hob_run(keeps_handler, SIG_DFL), 0);
    return NULL;
}
TEST(R06_only_in_the_main_thread_and_only_over_the_default) {
    signal(SIGINT, SIG_DFL);
    CHECK_EQ(hob_run(has_another_handler), 0);
    CHECK(handler_now() == SIG_DFL); /* restored */
    CHECK_EQ(hob_run_with(((struct hob_options){.no_interrupt = true}), keeps_handler, SIG_DFL), 0);
    pthread_t thread;
    pthread_create(&thread, NULL, runs_in_a_thread, NULL);
    pthread_join(thread, NULL);
    signal(SIGINT, my_handler);
    CHECK_EQ(hob_run(keeps_handler, my_handler), 0);
    CHECK_EQ(interrupts, 1);
    CHECK(handler_now() == my_handler);
    signal(SIGINT, SIG_IGN);
    CHECK_EQ(hob_run(keeps_handler, SIG_IGN), 0);
}

static int dropped;
static void drop(void *value) { dropped += value != NULL; }
static struct hob_local color = HOB_LOCAL("color", drop);
static int sets_color(bool expected) {
    CHECK_EQ(hob_local_get(&color) != NULL, expected);
    return hob_local_set(&color, "red");
}
HOB_TASK(sets_color, bool)
/* Differs: no context is kept from one run to the next. */
TEST(R07_each_run_begins_without_locals) {
    CHECK_EQ(hob_run(sets_color, false), 0);
    CHECK_EQ(dropped, 1);
    CHECK_EQ(hob_run(sets_color, false), 0);
    CHECK_EQ(dropped, 2);
}

/* ---- eager tasks. Hob has none: a spawn never runs the child. What runs at once is a call. ----
 */

static int knows_itself(struct hob_task **slot) {
    *slot = hob_self();
    return hob_event_wait(&go);
}
HOB_TASK(knows_itself, struct hob_task **)
TASK_TEST(E01_a_spawn_runs_nothing_and_a_call_runs_at_once) {
    struct hob_task *me = hob_self(), *seen = NULL;
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, knows_itself, &seen);
    CHECK(!seen);
    CHECK(hob_self() == me);
    turns(1);
    CHECK(seen == t);
    CHECK(hob_self() == me);
    hob_event_set(&go);
    CHECK_EQ(knows_itself(&seen), 0);
    CHECK(seen == me);
    return hob_join(s);
}

static int see_task(struct hob_task *t, void *arg) {
    (void)t;
    ++*(int *)arg;
    return 0;
}
TASK_TEST(E02_a_task_that_never_waits_is_gone_after_its_one_step) {
    int n = 0;
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, gives, 0, 6);
    turns(1);
    CHECK_EQ(hob_tasks(see_task, &n), 0);
    CHECK_EQ(n, 1);
    CHECK_EQ(hob_task_result(t), 6);
    CHECK(!hob_cancel(t));
    return hob_join(s);
}

static int starts_and_waits(void) {
    note("first step ");
    hob_started();
    int rc = hob_event_wait(&never);
    note("end ");
    return rc;
}
HOB_TASK(starts_and_waits)
/* The nearest to an eager first step is hob_start(), which waits for it. */
TASK_TEST(E03_after_its_first_step_a_started_task_is_a_task_like_any) {
    HOB_SCOPE(s);
    CHECK_EQ(hob_start(s, starts_and_waits), 0);
    CHECK_STR(notes, "first step ");
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    CHECK_STR(notes, "first step end ");
    return 0;
}

static int starts_with_locals(void) {
    CHECK_STR((const char *)hob_local_get(&color), "red");
    CHECK_EQ(hob_local_set(&color, "green"), 0);
    hob_started();
    return 0;
}
HOB_TASK(starts_with_locals)
TASK_TEST(E04_what_a_task_sets_in_its_first_step_does_not_leak_to_its_creator) {
    CHECK_EQ(hob_local_set(&color, "red"), 0);
    HOB_SCOPE(s);
    CHECK_EQ(hob_start(s, starts_with_locals), 0);
    CHECK_STR((const char *)hob_local_get(&color), "red");
    return hob_join(s);
}

static int recursive(int depth, bool spawns);
HOB_TASK(recursive, int, bool)
static int recursive(int depth, bool spawns) {
    if (depth == 0) return 1;
    HOB_SCOPE(s);
    int sum = 0;
    for (int i = 0; i < 2; i++)
        sum += spawns ? hob_await(hob_spawn(s, recursive, depth - 1, true))
                      : recursive(depth - 1, false);
    return sum;
}
TASK_TEST(E05_calls_make_no_tasks_and_each_spawn_makes_one) {
    struct hob_loop_info info;
    CHECK_EQ(recursive(6, false), 64);
    hob_loop_info(&info);
    CHECK_EQ(info.tasks_spawned, 1);
    CHECK_EQ(recursive(6, true), 64);
    hob_loop_info(&info);
    CHECK_EQ(info.tasks_spawned, 1 + 126);
    return 0;
}

/* ---- contexts of a server ---- */

static struct hob_local user = HOB_LOCAL("user", NULL);
static int serves(struct hob_stream *c) {
    char name[2] = "";
    CHECK_STR((const char *)hob_local_get(&user), "server");
    CHECK_EQ(hob_read_exactly(c, name, 1), 1);
    CHECK_EQ(hob_local_set(&user, name), 0);
    CHECK_EQ(hob_write(c, name, 1), 1);
    CHECK_EQ(hob_read_exactly(c, name + 1, 1), 1); /* the others have set theirs by now */
    CHECK(hob_local_get(&user) == name);
    hob_close(c);
    return 0;
}
HOB_TASK(serves, struct hob_stream *)
static int listens(struct hob_listener *l, int connections) {
    HOB_SCOPE(s, .on_error = HOB_DISCARD);
    for (int i = 0; i < connections; i++) {
        struct hob_stream *c;
        HOB_TRY(hob_accept(l, &c));
        hob_spawn(s, serves, c);
    }
    return hob_join(s);
}
HOB_TASK(listens, struct hob_listener *, int)
TASK_TEST(C01_each_connection_has_a_context_of_its_own_from_the_servers) {
    enum { N = 5 };
    struct hob_listener *l;
    struct hob_stream *c[N];
    char back;
    CHECK_EQ(hob_listen("127.0.0.1:0", &l), 0);
    CHECK_EQ(hob_local_set(&user, "server"), 0);
    HOB_SCOPE(s);
    hob_spawn(s, listens, l, N);
    CHECK_EQ(hob_local_set(&user, "later"), 0); /* not seen by the server */
    for (int i = 0; i < N; i++) {
        CHECK_EQ(hob_connect(hob_listener_address(l), &c[i]), 0);
        CHECK_EQ(hob_write(c[i], &"abcde"[i], 1), 1);
        CHECK_EQ(hob_read_exactly(c[i], &back, 1), 1);
        CHECK_EQ(back, "abcde"[i]);
    }
    for (int i = 0; i < N; i++) CHECK_EQ(hob_write(c[i], "x", 1), 1);
    CHECK_EQ(hob_join(s), 0);
    for (int i = 0; i < N; i++) hob_close(c[i]);
    hob_listener_close(l);
    CHECK_STR((const char *)hob_local_get(&user), "later");
    return 0;
}

/* ---- threads: what a program does by itself with posts and holds ---- */

/* Work for a thread, whose result a future brings into the loop. */
struct job {
    struct hob_loop *loop;
    struct hob_future future;
    int result, posted;
    sem_t may_end;
    pthread_t thread;
};
static void job_done(void *arg) {
    struct job *job = arg;
    hob_future_set(&job->future, job->result, job);
}
static void *works(void *arg) {
    struct job *job = arg;
    CHECK(!hob_loop_current() && !hob_self());
    while (sem_wait(&job->may_end) != 0) continue;
    job->posted = hob_loop_post(job->loop, job_done, job);
    hob_loop_release(job->loop);
    return NULL;
}
static void start_job(struct job *job, int result, bool may_end) {
    *job = (struct job){.loop = hob_loop_current(), .result = result};
    sem_init(&job->may_end, 0, may_end);
    hob_loop_hold(job->loop);
    CHECK_EQ(pthread_create(&job->thread, NULL, works, job), 0);
}
static int waits_for_job(struct job *job) { return hob_future_wait(&job->future, NULL); }
HOB_TASK(waits_for_job, struct job *)

TASK_TEST(TH01_a_threads_value_and_error_come_back) {
    static struct job good, bad;
    start_job(&good, 6, true);
    start_job(&bad, -EIO, true);
    CHECK_EQ(waits_for_job(&good), 6);
    CHECK_EQ(waits_for_job(&bad), -EIO);
    pthread_join(good.thread, NULL);
    pthread_join(bad.thread, NULL);
    return 0;
}
static struct job abandoned;
static int abandons_a_thread(void) {
    HOB_SCOPE(s);
    start_job(&abandoned, 1, false);
    struct hob_task *t = hob_spawn(s, waits_for_job, &abandoned);
    turns(1);
    hob_cancel(t);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(hob_task_result(t), -ECANCELED);
    return 0;
}
HOB_TASK(abandons_a_thread)
TEST(TH01_a_cancelled_wait_leaves_the_thread_alone_and_the_loop_does_not_wait_for_it) {
    long live = 0;
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(hob_run(abandons_a_thread), 0);
        sem_post(&abandoned.may_end);
        pthread_join(abandoned.thread, NULL);
        CHECK_EQ(abandoned.posted, HOB_E_CLOSED);
        CHECK(!abandoned.future.done);
        if (i == 0) live = hob__alloc_live();
    }
    CHECK_EQ(hob__alloc_live(), live);
}

/* A call that a thread submits to the loop. */
struct call {
    struct hob_loop *loop;
    int after, wanted; /* what it does */
    int submitted, result;
    struct hob_task *task;
    bool cancelled; /* before it had begun */
    sem_t done;
};
static int runs_call(struct call *call) {
    call->task = hob_self();
    if (call->cancelled) hob_cancel(call->task);
    int rc = call->after < 0 ? hob_event_wait(&never) : gives(call->after, call->wanted);
    call->result = rc;
    call->task = NULL;
    sem_post(&call->done);
    return rc < 0 ? 0 : rc;
}
HOB_TASK(runs_call, struct call *)
static void submit(void *arg) {
    struct call *call = arg;
    call->submitted = hob_background(runs_call, call);
    if (call->submitted < 0) sem_post(&call->done);
}
static void cancel_call(void *arg) {
    struct call *call = arg;
    call->cancelled = true;
    if (call->task) hob_cancel(call->task);
}
static int call_in_loop(struct call *call) {
    sem_init(&call->done, 0, 0);
    int rc = hob_loop_post(call->loop, submit, call);
    while (rc == 0 && sem_wait(&call->done) != 0) continue;
    return rc < 0 ? rc : call->submitted < 0 ? call->submitted : call->result;
}
static void set_go(void *arg) {
    (void)arg;
    hob_event_set(&go);
}
/* Runs fn in a thread of its own while the loop runs. */
static int while_a_thread(void *(*fn)(void *)) {
    pthread_t thread;
    struct hob_loop *loop = hob_loop_current();
    hob_loop_hold(loop);
    CHECK_EQ(pthread_create(&thread, NULL, fn, loop), 0);
    HOB_TRY(hob_event_wait(&go));
    pthread_join(thread, NULL);
    return 0;
}
static void leaves(struct hob_loop *loop) {
    CHECK_EQ(hob_loop_post(loop, set_go, NULL), 0);
    hob_loop_release(loop);
}

static void *calls_into_the_loop(void *arg) {
    static struct call good = {.after = 2, .wanted = 9}, bad = {.after = 1, .wanted = -EDOM};
    good.loop = bad.loop = arg;
    CHECK_EQ(call_in_loop(&good), 9);
    CHECK_EQ(call_in_loop(&bad), -EDOM);
    leaves(arg);
    return NULL;
}
TASK_TEST(TH02_a_thread_gets_result_and_error_of_what_it_submits) {
    return while_a_thread(calls_into_the_loop);
}
static void *gives_up(void *arg) {
    static struct call call = {.after = -1};
    call.loop = arg;
    sem_init(&call.done, 0, 0);
    CHECK_EQ(hob_loop_post(arg, submit, &call), 0);
    struct timespec soon;
    clock_gettime(CLOCK_REALTIME, &soon);
    CHECK_EQ(sem_timedwait(&call.done, &soon), -1);
    CHECK_EQ(hob_loop_post(arg, cancel_call, &call), 0); /* the timeout alone cancels nothing */
    while (sem_wait(&call.done) != 0) continue;
    leaves(arg);
    CHECK_EQ(call.result, -ECANCELED);
    return NULL;
}
TASK_TEST(TH02_a_thread_that_gives_up_must_cancel) { return while_a_thread(gives_up); }

struct large_call {
    struct call *call;
    char bytes[4000];
};
static int runs_large(struct large_call call) { return runs_call(call.call); }
HOB_TASK(runs_large, struct large_call)
static void submit_without_memory(void *arg) {
    struct call *call = arg;
    struct large_call large = {.call = call};
    hob__alloc_fail_at(1);
    call->submitted = hob_background(runs_large, large);
    hob__alloc_fail_at(0);
    sem_post(&call->done);
}
static void *submits_without_memory(void *arg) {
    static struct call call;
    call.loop = arg;
    sem_init(&call.done, 0, 0);
    CHECK_EQ(hob_loop_post(arg, submit_without_memory, &call), 0);
    while (sem_wait(&call.done) != 0) continue;
    CHECK_EQ(call.submitted, -ENOMEM);
    leaves(arg);
    return NULL;
}
TASK_TEST(TH03_a_submit_that_fails_is_told_to_the_thread) {
    return while_a_thread(submits_without_memory);
}

static struct hob_scope *its_scope;
static void spawn_into_it(void *arg) { *(bool *)arg = !hob_spawn(its_scope, notes_end, "never"); }
TASK_TEST(TH04_what_is_submitted_to_a_cancelled_scope_never_runs) {
    bool refused = false;
    {
        HOB_SCOPE(s);
        its_scope = s;
        hob_scope_cancel(s);
        CHECK_EQ(hob_loop_post(hob_loop_current(), spawn_into_it, &refused), 0);
        CHECK_EQ(hob_shielded(hob_sleep(0.001)), 0);
        CHECK_EQ(hob_join(s), -ECANCELED);
    }
    CHECK(refused);
    CHECK_STR(notes, "");
    return 0;
}

static struct job holder;
static int leaves_it_held(void) {
    start_job(&holder, 0, false);
    return 3;
}
HOB_TASK(leaves_it_held)
/* Differs: the end of a run waits for no thread, so it needs no timeout for that. */
TEST(TH05_a_thread_that_does_not_end_does_not_keep_the_run_from_ending) {
    CHECK_EQ(hob_run(leaves_it_held), 3);
    sem_post(&holder.may_end);
    pthread_join(holder.thread, NULL);
    CHECK_EQ(holder.posted, HOB_E_CLOSED);
}

/* ---- asynchronous generators ---- */

static int cleaning(struct hob_generator *gen, int code) {
    for (int i = 0;; i++) {
        if (hob_yield(gen, i) < 0) break;
        HOB_TRY(hob_yield_now());
    }
    CHECK_EQ(hob_shielded(gives(3, 0)), 0);
    note("cleaned ");
    return code < 0 ? hob_fail(code, "in the generator") : 0;
}
HOB_GENERATOR(cleaning, int, int)
static int takes(int count, int code) {
    HOB_EACH(int, n, cleaning, code) {
        if (n + 1 == count) break;
    }
    note("left ");
    return 0;
}
TASK_TEST(AG01_an_abandoned_generator_has_cleaned_up_when_the_loop_is_left) {
    CHECK_EQ(takes(1, 0), 0);
    CHECK_EQ(takes(3, 0), 0);
    CHECK_STR(notes, "cleaned left cleaned left ");
    return 0;
}
static int takes_and_stays(int code) {
    HOB_EACH(int, n, cleaning, code) {
        if (n == 1) HOB_TRY(hob_event_wait(&never));
    }
    return 0;
}
HOB_TASK(takes_and_stays, int)
TASK_TEST(AG01_also_when_its_consumer_is_cancelled) {
    HOB_SCOPE(s);
    hob_spawn(s, takes_and_stays, 0);
    turns(8);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    CHECK_STR(notes, "cleaned ");
    return 0;
}

static int opens_one_late(void) {
    int value;
    CHECK_EQ(hob_event_wait(&never), -ECANCELED);
    HOB_GEN(g, cleaning, 0);
    CHECK_EQ(hob_next(g, &value), -ECANCELED);
    CHECK(hob_shielded(hob_next(g, &value)) < 0); /* it could not start */
    note("late ");
    return 0;
}
HOB_TASK(opens_one_late)
static int leaves_generators_open(void) {
    CHECK_EQ(hob_background(takes_and_stays, 0), 0);
    CHECK_EQ(hob_background(takes_and_stays, -EDOM), 0);
    CHECK_EQ(hob_background(opens_one_late), 0);
    turns(8);
    return 0;
}
HOB_TASK(leaves_generators_open)
TEST(AG02_the_end_of_the_run_closes_open_generators_and_reports_their_errors) {
    hob_set_report(keep_report, NULL);
    CHECK_EQ(hob_run(leaves_generators_open), 0);
    CHECK_STR(notes, "late cleaned cleaned ");
    CHECK_EQ(reports, 1);
    CHECK_HAS(report_text, "in the generator");
}

TEST_MAIN()
