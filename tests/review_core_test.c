/* review_core_test - what somebody who wants to break the core tries first. Each test is named
 * after what it proves; what it needs of the inside (counters, the ring's indices) it takes from
 * task/task.h. */
#include "test.h"

#include <hob/file.h>
#include <hob/net.h>

#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/list.h"
#include "base/memory.h"
#include "task/task.h"

/* ---- reports ---- */

static char reported[1 << 16];
static int reports;

static void keep_report(enum hob_report_kind kind, const char *text, void *arg) {
    (void)arg;
    if (kind == HOB_REPORT_SLOW) return; /* a busy machine may hold any loop */
    reports++;
    strncat(reported, text, sizeof reported - strlen(reported) - 1);
}

static int fails(int code) { return hob_fail(code, "failed on purpose"); }
HOB_TASK(fails, int)

static int fails_later(int turns, int code) {
    for (int i = 0; i < turns; i++) HOB_TRY(hob_yield_now());
    return hob_fail(code, "failed later");
}
HOB_TASK(fails_later, int, int)

static int forever(void) { return hob_sleep(1e9); }
HOB_TASK(forever)

/* ---- records that go away ---- */

static struct hob_scope *lent;
static int start_result = 1;

static int not_started(void) { return hob_fail(-EDOM, "not started"); }
HOB_TASK(not_started)

static int starts_in_lent(void) {
    start_result = hob_start(lent, not_started);
    return 0;
}
HOB_TASK(starts_in_lent)

static int lends_and_leaves(void) {
    {
        HOB_SCOPE(s, .on_error = HOB_COLLECT);
        lent = s;
        /* Ready before the starter each time, so that the scope is gone when that one runs. */
        while (!s->children.first || !s->finished.first) hob_yield_now();
    }
    HOB_SCOPE(next);
    hob_spawn(next, forever); /* takes the record over */
    hob_yield_now();
    hob_yield_now();
    CHECK_EQ(start_result, -EDOM);
    hob_scope_cancel(next);
    return hob_join(next);
}
HOB_TASK(lends_and_leaves)

TASK_TEST(a_start_in_a_scope_of_somebody_else_survives_that_scope) {
    HOB_SCOPE(s);
    hob_spawn(s, lends_and_leaves);
    hob_spawn(s, starts_in_lent);
    return hob_join(s);
}

/* ---- errors are not lost ---- */

TASK_TEST(looking_at_a_running_task_is_not_reading_its_error) {
    hob_set_report(keep_report, NULL);
    {
        HOB_SCOPE(s, .on_error = HOB_COLLECT);
        struct hob_task *t = hob_spawn(s, fails_later, 3, -EIO);
        CHECK_EQ(hob_task_result(t), -EINPROGRESS);
        CHECK(!hob_task_error(t));
        CHECK(!hob_scope_errors(s));
        CHECK_EQ(hob_join(s), 1);
    }
    CHECK_EQ(reports, 1);
    CHECK_HAS(reported, "failed later");
    return 0;
}

TASK_TEST(a_long_chain_of_causes_keeps_what_began_it) {
    hob_fail(-EIO, "the first");
    for (int i = 0; i < 50; i++) hob_fail_from(-EINVAL, "and then %d", i);
    int causes = 0;
    const struct hob_error *e = hob_error(), *last = e;
    while ((e = e->cause)) {
        causes++;
        last = e;
    }
    CHECK_EQ(causes, 8);
    CHECK_STR(last->message, "the first");
    CHECK_STR(hob_error()->message, "and then 49");
    return 0;
}

TASK_TEST(errors_without_memory_are_still_told_each_time) {
    for (int i = 1; i <= 3; i++) {
        hob__alloc_fail_at(1);
        hob_fail(-i, "a message that finds no memory");
        hob__alloc_fail_at(0);
        CHECK(hob_error());
        CHECK_EQ(hob_error()->code, -i);
        CHECK_STR(hob_error()->message, hob_strerror(-i));
    }
    return 0;
}

/* ---- locals ---- */

static void *seen_by_drop;
static struct hob_local key;
static void drop_looks(void *value) {
    (void)value;
    seen_by_drop = hob_local_get(&key);
    hob_fail(-EIO, "a drop that failed");
}
static struct hob_local key = HOB_LOCAL("key", drop_looks);

static int sets_twice(void) {
    hob_local_set(&key, "one");
    hob_local_set(&key, "two");
    CHECK_STR(seen_by_drop, "two");
    hob_error_clear();
    return 0;
}
HOB_TASK(sets_twice)

static int has_no_error(void) {
    CHECK(!hob_error());
    return 0;
}
HOB_TASK(has_no_error)

TASK_TEST(a_drop_may_look_at_locals_and_leaves_no_error_behind) {
    for (int i = 0; i < 2; i++) {
        HOB_SCOPE(s);
        hob_spawn(s, sets_twice);
        CHECK_EQ(hob_join(s), 0);
        CHECK(!seen_by_drop); /* the task's own end: nothing is set any more */
    }
    HOB_SCOPE(s);
    hob_spawn(s, has_no_error);
    return hob_join(s);
}

/* ---- refused spawns ---- */

static int answers(int n) { return n; }
HOB_TASK(answers, int)

static int awaits_unchecked(void) {
    HOB_SCOPE(s);
    hob_sleep(1e9); /* cancelled here, and not looked at */
    struct hob_task *t = hob_spawn(s, answers, 7);
    CHECK(!t);
    CHECK_EQ(hob_await(t), -ECANCELED);
    CHECK_EQ(hob_wait(&t, 1, HOB_ALL_DONE), -ECANCELED);
    CHECK_EQ(hob_task_result(t), -ECANCELED);
    CHECK(!hob_cancel(t));
    return hob_join(s);
}
HOB_TASK(awaits_unchecked)

TASK_TEST(a_spawn_that_a_cancel_refused_can_be_awaited_unchecked) {
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, awaits_unchecked);
    hob_yield_now();
    hob_cancel(t);
    CHECK_EQ(hob_await(t), -ECANCELED);
    return hob_join(s);
}

TASK_TEST(a_spawn_without_memory_can_be_awaited_unchecked) {
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    hob__alloc_fail_at(1);
    struct hob_task *t = hob_spawn_named(s, "named", answers, 7);
    hob__alloc_fail_at(0);
    CHECK(!t);
    CHECK_EQ(hob_await(t), -ENOMEM);
    CHECK_EQ(hob_join(s), -ENOMEM);
    return 0;
}

/* ---- descriptors ---- */

static int fill(int fd) {
    static char junk[65536];
    int n = 0;
    while (write(fd, junk, sizeof junk) > 0) n++;
    return n;
}

static int polls_both(int fd) {
    int got = hob_poll(fd, POLLIN | POLLOUT);
    CHECK(got & POLLOUT);
    return 0;
}
HOB_TASK(polls_both, int)

TASK_TEST(a_poll_for_both_directions_is_woken_by_either) {
    int fds[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    CHECK(fill(fds[0]) > 0);
    {
        HOB_SCOPE(s, .deadline = hob_after(5));
        hob_spawn(s, polls_both, fds[0]);
        hob_sleep(0.01);
        char junk[65536];
        while (read(fds[1], junk, sizeof junk) > 0) continue;
        CHECK_EQ(hob_join(s), 0);
    }
    CHECK_EQ(hob_loop_current()->outside, 0);
    CHECK_EQ(hob_loop_current()->backend.watched, 0);
    close(fds[0]);
    close(fds[1]);
    return 0;
}

TASK_TEST(a_poll_of_what_cannot_be_waited_for_says_so) {
    int file = open("/proc/self/exe", O_RDONLY);
    CHECK_EQ(hob_poll(file, POLLIN), POLLIN); /* as poll() says */
    close(file);
    CHECK_EQ(hob_poll(file, POLLIN), -EBADF);
    CHECK_EQ(hob_poll(0, POLLPRI), -EINVAL);
    return 0;
}

/* Writes until the reader has gone. */
static void *floods(void *arg) {
    int fd = *(int *)arg;
    static char junk[1 << 16];
    while (send(fd, junk, sizeof junk, MSG_NOSIGNAL) > 0) continue;
    return NULL;
}

static int drain(struct hob_stream *c) {
    char some[256];
    for (;;)
        if (HOB_TRY(hob_read(c, some, sizeof some)) == 0) return 0;
}

static int ticks;
static int ticking(void) {
    for (;; ticks++) HOB_TRY(hob_sleep(0.001));
}
HOB_TASK(ticking)

TASK_TEST(a_peer_that_never_stops_sending_holds_neither_deadlines_nor_other_tasks) {
    struct hob_listener *l;
    struct hob_stream *c;
    char where[64];
    snprintf(where, sizeof where, "unix:@hob-review-flood-%d", (int)getpid());
    CHECK_EQ(hob_listen(where, &l), 0);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    socklen_t name = (socklen_t)strlen(where + 6);
    memcpy(to.sun_path + 1, where + 6, name);
    socklen_t size = (socklen_t)offsetof(struct sockaddr_un, sun_path) + 1 + name;
    CHECK_EQ(connect(fd, (struct sockaddr *)&to, size), 0);
    CHECK_EQ(hob_accept(l, &c), 0);
    pthread_t thread;
    pthread_create(&thread, NULL, floods, &fd);
    HOB_SCOPE(s);
    hob_spawn(s, ticking);
    CHECK_EQ(hob_within(0.3, drain(c)), -ETIMEDOUT);
    CHECK(ticks > 1);
    hob_close(c);
    pthread_join(thread, NULL);
    close(fd);
    hob_listener_close(l);
    return 0;
}

static int reads_on(int fd) {
    char byte;
    struct iovec iov = {&byte, 1};
    for (;;)
        if (HOB_TRY(hob_preadv(fd, &iov, 1, 0)) != 1) return -EIO;
}

TASK_TEST(reads_that_never_wait_hold_neither_deadlines_nor_other_tasks) {
    int fd = open("/proc/self/exe", O_RDONLY);
    HOB_SCOPE(s);
    hob_spawn(s, ticking);
    CHECK_EQ(hob_within(0.3, reads_on(fd)), -ETIMEDOUT);
    CHECK(ticks > 1);
    close(fd);
    return 0;
}

static int closed;
static int accepts_until_closed(struct hob_listener *l) {
    struct hob_stream *c;
    closed += hob_accept(l, &c) == HOB_E_CLOSED;
    return 0;
}
HOB_TASK(accepts_until_closed, struct hob_listener *)

TASK_TEST(a_listener_that_is_closed_under_many_accepts_ends_with_the_last) {
    struct hob_listener *l;
    CHECK_EQ(hob_listen("127.0.0.1:0", &l), 0);
    HOB_SCOPE(s);
    struct hob_task *cancelled = NULL;
    for (int i = 0; i < 5; i++) cancelled = hob_spawn(s, accepts_until_closed, l);
    hob_yield_now();
    hob_listener_close(l);
    hob_cancel(cancelled); /* woken already */
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(closed, 5);
    CHECK_EQ(hob_loop_current()->backend.watched, 0);
    return 0;
}

static int cancel_and_close(void) {
    struct hob_listener *l;
    HOB_TRY(hob_listen("127.0.0.1:0", &l));
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, accepts_until_closed, l);
    hob_yield_now();
    hob_cancel(t);
    hob_listener_close(l);
    return hob_join(s);
}

TASK_TEST(a_listener_whose_last_accept_is_cancelled_in_the_turn_of_its_close_is_freed) {
    CHECK_EQ(cancel_and_close(), 0);
    hob_yield_now();
    long before = hob__alloc_live();
    CHECK_EQ(cancel_and_close(), 0);
    CHECK_EQ(closed, 0);
    CHECK_EQ(hob__alloc_live(), before);
    return 0;
}

/* ---- deadlines without an end ---- */

static int waits_for_nothing(void) {
    struct hob_event never = {0};
    return hob_within(INFINITY, hob_event_wait(&never));
}
HOB_TASK(waits_for_nothing)

TEST(a_deadline_that_never_comes_does_not_hide_a_deadlock) {
    hob_set_report(keep_report, NULL);
    CHECK_EQ(hob_run(waits_for_nothing), HOB_E_DEADLOCK);
    CHECK_HAS(reported, "event");
}

TASK_TEST(no_number_of_seconds_breaks_the_clock) {
    double odd[] = {NAN, -1, -1e300, 0, 1e-300, 1e-9, 1e300, INFINITY, -INFINITY};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        CHECK(hob_after(odd[i]) != 0);
        int rc = hob_within(0.001, hob_sleep(odd[i]));
        CHECK(isnan(odd[i]) ? rc == -EINVAL : odd[i] > 1 ? rc == -ETIMEDOUT : rc == 0);
        HOB_SCOPE(s, .deadline = hob_after(odd[i]));
        CHECK_EQ(hob_sleep(0.001), odd[i] > 1e-3 ? 0 : -ECANCELED);
        if (odd[i] > 1e-3) CHECK_EQ(hob_scope_reschedule(s, UINT64_MAX), 0);
        hob_stop(s, odd[i]);
        CHECK_EQ(hob_check(), odd[i] > 1e-3 ? 0 : -ECANCELED);
    }
    uint64_t deadlines[] = {1, UINT64_MAX - 1, UINT64_MAX, (uint64_t)1 << 63};
    for (size_t i = 0; i < sizeof deadlines / sizeof *deadlines; i++)
        CHECK_EQ(hob_within(0.001, hob_sleep_until(deadlines[i])), i ? -ETIMEDOUT : 0);
    return 0;
}

/* ---- the end of a loop ---- */

static int late_runs;
static int late(char big[200]) {
    (void)big;
    late_runs++;
    return hob_sleep(1);
}
struct big {
    char bytes[200];
};
static int late_big(struct big b) { return late(b.bytes); }
HOB_TASK(late_big, struct big)

static void post_background(void *arg) {
    (void)arg;
    struct big b = {{0}};
    CHECK_EQ(hob_background(late_big, b), 0);
}

static int posts_and_ends(void) { return hob_loop_post(hob_loop_current(), post_background, NULL); }
HOB_TASK(posts_and_ends)

TEST(what_the_last_post_starts_runs_and_leaves_nothing_behind) {
    CHECK_EQ(hob_run(posts_and_ends), 0);
    long before = hob__alloc_live();
    CHECK_EQ(hob_run(posts_and_ends), 0);
    CHECK_EQ(hob__alloc_live(), before);
    CHECK_EQ(late_runs, 2);
}

static void *fails_in_a_thread(void *arg) {
    (void)arg;
    CHECK_EQ(hob_run(fails, -EIO), -EIO);
    CHECK_STR(hob_error()->message, "failed on purpose");
    return NULL;
}

static void run_thread(void *(*fn)(void *)) {
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, fn, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

TEST(a_thread_that_ends_takes_its_last_error_along) {
    run_thread(fails_in_a_thread);
    long before = hob__alloc_live();
    for (int i = 0; i < 10; i++) run_thread(fails_in_a_thread);
    CHECK_EQ(hob__alloc_live(), before);
}

/* ---- fork ---- */

static int returns_in_the_child(void) {
    pid_t pid = fork();
    if (pid == 0) return 0;
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    return 0;
}
HOB_TASK(returns_in_the_child)

static int other_runs;
static int counts_runs(void) {
    other_runs++;
    if (write(2, "other task\n", 11) < 0) return -EIO;
    return 0;
}
HOB_TASK(counts_runs)

static int forks_beside_another(void) {
    HOB_SCOPE(s);
    hob_spawn(s, returns_in_the_child);
    hob_spawn(s, counts_runs);
    return hob_join(s);
}
HOB_TASK(forks_beside_another)

TEST(a_forked_child_that_returns_from_its_task_is_stopped) {
    char text[65536];
    CHECK_EQ(RUN_CHILD(text, if (hob_run(forks_beside_another)) abort()), 0);
    CHECK_HAS(text, "fork");
    char *first = strstr(text, "other task");
    CHECK(first && !strstr(first + 1, "other task")); /* in the parent only */
}

static void burn_ms(int ms) {
    uint64_t until = hob_now() + (uint64_t)ms * 1000000;
    while (hob_now() < until) usleep(1000); /* where TSan lets signals in */
}

static int holds_the_loop(void) {
    burn_ms(400);
    return 0;
}
HOB_TASK(holds_the_loop)

static int runs_a_loop_in_a_child(void) {
    char text[65536] = "";
    /* On a busy machine its thread may come too late for once. */
    for (int tries = 0; tries < 20 && !*text; tries++) {
        int status = RUN_CHILD(text, hob_run(holds_the_loop));
        if (status != 0) FAIL("status %x: %s", (unsigned)status, text);
    }
    CHECK_HAS(text, "task 'holds_the_loop'");
    return 0;
}
HOB_TASK(runs_a_loop_in_a_child)

TEST(the_watchdog_shows_stacks_in_a_forked_child_too) {
    const char *slow = getenv("TEST_SLOW");
    if (slow && strcmp(slow, "qemu") == 0) return; /* it dies of threads in a fork's child */
    unsetenv("HOB_SLOW_MS");
    CHECK_EQ(hob_run_with(((struct hob_options){.slow_ms = 60000}), runs_a_loop_in_a_child), 0);
}

/* ---- misuse is told ---- */

static struct hob_task *foreign;
static pthread_barrier_t together;

static int lends_itself(void) {
    foreign = hob_self();
    pthread_barrier_wait(&together);
    pthread_barrier_wait(&together);
    return 0;
}
HOB_TASK(lends_itself)

static void *lending(void *arg) {
    (void)arg;
    CHECK_EQ(hob_run(lends_itself), 0);
    return NULL;
}

static int waits_for_foreign(void) { return hob_wait(&foreign, 1, HOB_ALL_DONE); }
HOB_TASK(waits_for_foreign)

static void wait_for_foreign(void) {
    pthread_t thread;
    pthread_barrier_init(&together, NULL, 2);
    pthread_create(&thread, NULL, lending, NULL);
    pthread_barrier_wait(&together);
    hob_run(waits_for_foreign);
}

TEST(waiting_for_a_task_of_another_thread_is_misuse) {
    CHECK_DIES(wait_for_foreign(), "belongs to another thread's loop");
}

static int races_discarding(void) {
    HOB_SCOPE(s, .on_error = HOB_DISCARD);
    hob_spawn(s, answers, 1);
    return hob_race(s, NULL);
}
HOB_TASK(races_discarding)

TEST(a_race_that_keeps_no_result_is_misuse) {
    CHECK_DIES(hob_run(races_discarding), "HOB_DISCARD");
}

/* ---- Ctrl-C ---- */

static int accepts(int argc, char **argv) {
    (void)argc;
    (void)argv;
    struct hob_listener *l;
    HOB_TRY(hob_listen("127.0.0.1:0", &l));
    raise(SIGINT);
    struct hob_stream *c;
    int rc = hob_accept(l, &c);
    hob_listener_close(l);
    return rc;
}

TEST(a_server_that_ctrl_c_ended_in_accept_ends_by_the_signal) {
    char text[4096];
    char *argv[] = {"server", NULL};
    int status = RUN_CHILD(text, exit(hob_main(accepts, 1, argv)));
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
    CHECK_STR(text, "");
}

/* ---- no memory for a task's stack ---- */

static struct hob_task *told_in, *lost_in;
static int losses;
static void leaves_its_marks(enum hob_report_kind kind, const char *text, void *arg) {
    (void)text;
    (void)arg;
    if (kind != HOB_REPORT_ERROR) return;
    reports++;
    told_in = hob_self();
    hob_fail(-EIO, "of the report");
    errno = EIO;
}
static int never(void *args) { return (void)args, 0; }
static void note_loss(void *args) {
    (void)args;
    losses++;
    lost_in = hob_self();
    hob_fail(-EIO, "of the loss");
    errno = EIO;
}

/* What happens then, between two others, is nothing of theirs. */
TASK_TEST(who_finds_no_memory_for_a_stack_leaves_no_mark_on_others) {
    static const struct hob__spawn_site site = {
        "never", never, 0, {"somewhere", __FILE__, __LINE__}, note_loss};
    hob_set_report(leaves_its_marks, NULL);
    HOB_SCOPE(s, .on_error = HOB_DISCARD);
    struct hob_spawn_options how = {.stack_size = 1 << 20}; /* of which there is none yet */
    struct hob_task *t = hob__spawn_with(s, &site, how);
    CHECK(t);
    hob_fail(-EDOM, "mine");
    errno = EDOM;
    hob__alloc_fail_at(2); /* the first one may be had in smaller pieces */
    int rc = hob_yield_now(), kept = errno;
    hob__alloc_fail_at(0);
    CHECK_EQ(rc, 0);
    CHECK_EQ(losses, 1);
    CHECK_EQ(reports, 1);
    CHECK_EQ(kept, EDOM);
    CHECK_STR(hob_error()->message, "mine");
    CHECK(!lost_in);
    CHECK(told_in == t); /* as of each task that ends */
    return hob_join(s);
}

/* ---- when a stop ends ---- */

TASK_TEST(the_end_of_a_grace_is_that_of_scopes_that_still_cancel) {
    CHECK_EQ(hob__grace_end(), UINT64_MAX);
    HOB_SCOPE(s);
    hob_stop(s, 60);
    CHECK(hob__grace_end() <= hob_after(60));
    {
        HOB_SCOPE(shielded, .shield = true);
        CHECK_EQ(hob__grace_end(), UINT64_MAX);
        hob_stop(shielded, 30);
        CHECK(hob__grace_end() <= hob_after(30));
    }
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(hob__grace_end(), UINT64_MAX);
    return 0;
}

/* ---- a start that is refused ---- */

TASK_TEST(a_start_that_is_refused_says_why_this_one_was) {
    HOB_SCOPE(s, .on_error = HOB_DISCARD);
    hob__alloc_fail_at(1);
    CHECK(hob_spawn_named(s, "no memory for the name", answers, 1) == NULL);
    hob__alloc_fail_at(0);
    hob_scope_cancel(s);
    CHECK_EQ(hob_start(s, answers, 1), -ECANCELED);
    return 0;
}

/* ---- a report that is too long ---- */

static char long_text[8192];
static void keep_long(enum hob_report_kind kind, const char *text, void *arg) {
    (void)arg;
    if (kind == HOB_REPORT_ERROR) snprintf(long_text, sizeof long_text, "%s", text);
}
static int tells_much(int n) {
    char m[600];
    memset(m, 'm', sizeof m - 1);
    m[n] = 0;
    hob_fail(-EIO, "%s", m);
    for (int i = 0; i < 9; i++) hob_fail_from(-EIO, "%s", m);
    return -EIO;
}
HOB_TASK(tells_much, int)
TASK_TEST(a_report_that_is_too_long_ends_with_its_line) {
    hob_set_report(keep_long, NULL);
    for (int n = 300; n < 512; n++) {
        CHECK_EQ(hob_background(tells_much, n), 0);
        HOB_TRY(hob_yield_now());
        size_t length = strlen(long_text);
        CHECK(length > 2000);
        CHECK_EQ(long_text[length - 1], '\n');
        const char *end = long_text + length - 4;
        CHECK(end[2] == ')' || strcmp(end, "...\n") == 0);
    }
    return 0;
}

/* ---- the last hold of a loop whose main task has ended ---- */

static struct hob_loop *late_loop;
static struct hob_event never_set;
static int waits_in_a_shield(void) { return hob_shielded(hob_event_wait(&never_set)); }
HOB_TASK(waits_in_a_shield)
static _Atomic bool is_waiting;
static void starts_it(void *arg) {
    (void)arg;
    if (hob_background(waits_in_a_shield) < 0) abort();
    is_waiting = true;
}
static void *releases_late(void *arg) {
    while (!is_waiting) usleep(1000);
    usleep(100000); /* it sleeps by now */
    hob_loop_release(late_loop);
    return arg;
}
static int leaves_a_post(void) {
    pthread_t thread;
    late_loop = hob_loop_current();
    hob_loop_hold(late_loop);
    pthread_create(&thread, NULL, releases_late, NULL);
    pthread_detach(thread);
    return hob_loop_post(late_loop, starts_it, NULL);
}
HOB_TASK(leaves_a_post)
TEST(a_hold_released_after_main_has_ended_shows_a_deadlock) {
    CHECK_DIES((alarm(20), hob_run(leaves_a_post)), "hob: deadlock");
}

TEST_MAIN()
