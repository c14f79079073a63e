/* process_rules_test.c - what asyncio promises of subprocesses, rule by rule (P-01 to P-11), and
 * what a program's environment does to them: SIGCHLD ignored, others who wait for all children,
 * descriptors and memory at their end, a cancel at every point. */
#include "no_watchdog.h"
#include "process.h"

#include <hob/net.h>
#include <pthread.h>
#include <sys/resource.h>

#include "io/process/process.h"
#include "task/task.h"

/* ---- P-01 ---- */

PROCESS_TEST(wait_ends_even_if_a_grandchild_holds_the_pipe) {
    HOB_PROCESS(p);
    HOB_TRY(hob_process_spawn(&p, SH("sleep 600 & echo $!; exit 4"), .out = HOB_IO_PIPE,
                              .group = true)); /* so that the sleep ends with it */
    CHECK_EQ(hob_process_wait(p), 4);
    char text[16];
    CHECK(hob_read(hob_process_out(p), text, sizeof text) > 0); /* P-10: still to be read */
    return 0;
}

PROCESS_TEST(output_ends_a_while_after_the_process_if_asked_to) {
    struct hob_process_result r;
    CHECK_EQ(
        hob_process_output(&r, SH("sleep 600 & echo hello; exit 4"), .group = true, .drain = 0.05),
        4);
    CHECK_STR(r.out, "hello\n");
    hob_process_result_free(&r);
    CHECK_EQ(hob_process_output(&r, SH("echo hello"), .drain = 60), 0); /* not longer than needed */
    CHECK_STR(r.out, "hello\n");
    hob_process_result_free(&r);
    return 0;
}

/* ---- P-02 ---- */

enum { LARGE = 8 << 20 };

PROCESS_TEST(communicate_does_not_deadlock_with_much_both_ways) {
    char *input = malloc(LARGE);
    for (int i = 0; i < LARGE; i++) input[i] = (char)(i * 7 + i / 1000);
    HOB_PROCESS(p);
    HOB_TRY(hob_process_spawn(&p, SH("tee /dev/stderr"), .in = HOB_IO_PIPE, .out = HOB_IO_PIPE,
                              .err = HOB_IO_PIPE));
    struct hob_process_result r;
    CHECK_EQ(hob_process_communicate(p, input, LARGE, &r, 0), 0);
    CHECK_EQ(r.out_size, LARGE);
    CHECK(memcmp(r.out, input, LARGE) == 0);
    CHECK_EQ(r.err_size, LARGE);
    CHECK(memcmp(r.err, input, LARGE) == 0);
    hob_process_result_free(&r);
    free(input);
    return 0;
}

PROCESS_TEST(broken_pipe_of_the_input_is_no_error) {
    char *input = calloc(1, LARGE);
    struct hob_process_result r;
    CHECK_EQ(hob_process_output(&r, SH("exec <&-; echo done; exit 6"), .input = input,
                                .input_size = LARGE),
             6);
    CHECK_STR(r.out, "done\n");
    hob_process_result_free(&r);
    CHECK_EQ(hob_process_output(&r, SH("exit 0"), .input = input, .input_size = LARGE), 0);
    hob_process_result_free(&r);
    free(input);
    return 0;
}

PROCESS_TEST(empty_input_closes_the_pipe) {
    struct hob_process_result r;
    CHECK_EQ(hob_process_output(&r, HOB_ARGS("cat"), .input = "", .input_size = 0), 0);
    CHECK_STR(r.out, "");
    hob_process_result_free(&r);
    return 0;
}

/* A writer whose child has gone: -EPIPE, and no SIGPIPE. */
PROCESS_TEST(broken_pipe_seen_by_a_writer) {
    HOB_PROCESS(p);
    HOB_TRY(hob_process_spawn(&p, SH("exit 0"), .in = HOB_IO_PIPE));
    CHECK_EQ(hob_process_wait(p), 0);
    CHECK_EQ(hob_write(hob_process_in(p), "x", 1), -EPIPE);
    return 0;
}

/* ---- P-03, P-10 ---- */

PROCESS_TEST(output_is_read_after_the_end) {
    HOB_PROCESS(p);
    HOB_TRY(hob_process_spawn(&p, SH("echo last words"), .out = HOB_IO_PIPE));
    CHECK_EQ(hob_process_wait(p), 0);
    struct hob_process_result r;
    CHECK_EQ(hob_process_communicate(p, NULL, 0, &r, 0), 0);
    CHECK_STR(r.out, "last words\n");
    hob_process_result_free(&r);
    return 0;
}

PROCESS_TEST(a_child_waits_for_its_reader) {
    HOB_PROCESS(p);
    HOB_TRY(hob_process_spawn(&p, SH("head -c 1000000 /dev/zero; echo written >&2"),
                              .out = HOB_IO_PIPE, .err = HOB_IO_PIPE));
    char text[16];
    CHECK_EQ(hob_within(0.1, (int)hob_read(hob_process_err(p), text, 16)), -ETIMEDOUT);
    static char buf[1000000];
    CHECK_EQ(hob_read_exactly(hob_process_out(p), buf, sizeof buf), sizeof buf);
    CHECK_EQ(hob_read(hob_process_err(p), text, 16), 8);
    CHECK_EQ(hob_process_wait(p), 0);
    return 0;
}

/* ---- limits ---- */

PROCESS_TEST(output_limit) {
    struct hob_process_result r;
    CHECK_EQ(hob_process_output(&r, SH("yes"), .limit = 1000), HOB_E_LIMIT); /* it is killed */
    CHECK_EQ(r.out_size, 1000);
    CHECK_EQ(r.out[999], '\n');
    CHECK_HAS(hob_error()->message, "more than 1000 bytes to its standard output");
    hob_process_result_free(&r);
    CHECK_EQ(hob_process_output(&r, SH("yes >&2"), .limit = 100000), HOB_E_LIMIT);
    CHECK_EQ(r.err_size, 100000);
    CHECK_EQ(r.out_size, 0);
    hob_process_result_free(&r);
    CHECK_EQ(hob_process_output(&r, SH("printf 12345"), .limit = 5),
             0); /* the limit itself is not */
    CHECK_STR(r.out, "12345");
    hob_process_result_free(&r);
    CHECK_EQ(hob_process_output(&r, SH("printf 12345"), .limit = SIZE_MAX), 0);
    hob_process_result_free(&r);
    return 0;
}

/* ---- P-04 ---- */

PROCESS_TEST(a_signal_after_the_end_reaches_nobody) {
    HOB_PROCESS(p);
    HOB_TRY(hob_process_spawn(&p, SH("exit 3")));
    HOB_TRY(hob_poll(p->end->fd, 1)); /* it has ended; nobody has asked yet */
    CHECK_EQ(hob_process_kill(p, SIGKILL), -ESRCH);
    CHECK_EQ(hob_process_wait(p), 3); /* and its status is not lost by that */
    CHECK_EQ(hob_process_kill(p, 0), -ESRCH);
    return 0;
}

PROCESS_TEST(status_while_ended_and_not_waited_for) {
    HOB_PROCESS(p);
    HOB_TRY(hob_process_spawn(&p, SH("exit 3")));
    struct hob_process_status st = {.running = true};
    for (; st.running; hob_process_status(p, &st)) HOB_TRY(hob_sleep(0.001));
    CHECK_EQ(st.code, 3);
    CHECK_EQ(hob_process_wait(p), 3);
    return 0;
}

/* ---- P-05: the drivers are below ---- */

PROCESS_TEST(cancelled_before_the_start) {
    struct hob_process *p;
    hob_cancel(hob_self());
    int rc = hob_process_spawn(&p, SH("exit 0"), .in = HOB_IO_PIPE);
    hob_uncancel();
    CHECK_EQ(rc, -ECANCELED);
    CHECK(p == NULL);
    CHECK(childless());
    return 0;
}

PROCESS_TEST(a_deadline_ends_the_process) {
    static const char line[] = "echo $$ >&3; exec sleep 600";
    char text[16] = "";
    int fds[2];
    CHECK_EQ(pipe2(fds, O_CLOEXEC), 0);
    CHECK_EQ(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    struct hob_process_fd tell = {fds[1], 3};
    /* Until the time sufficed to say who it is: a process may start late. */
    for (double seconds = 0.1; read(fds[0], text, 15) < 0; seconds *= 2) {
        struct hob_process_result r = {0};
        int rc = hob_within(seconds, hob_process_output(&r, SH(line), .fds = &tell, .fd_count = 1));
        CHECK_EQ(rc, -ETIMEDOUT);
        hob_process_result_free(&r);
    }
    pid_t pid = atoi(text);
    CHECK(pid > 0);
    CHECK(!lives(pid));
    close(fds[0]);
    close(fds[1]);
    return 0;
}

/* ---- P-07 ---- */

static int waits(struct hob_process *p) { return hob_process_wait(p); }
HOB_TASK(waits, struct hob_process *)

PROCESS_TEST(many_wait_together) {
    HOB_PROCESS(p);
    HOB_TRY(hob_process_spawn(&p, SH("read x; exit 8"), .in = HOB_IO_PIPE));
    HOB_SCOPE(s);
    struct hob_task *t[50];
    for (int i = 0; i < 50; i++) t[i] = hob_spawn(s, waits, p);
    HOB_TRY(hob_yield_now());
    hob_cancel(t[7]); /* the others wait on, and the process runs on */
    HOB_TRY(hob_write(hob_process_in(p), "\n", 1));
    HOB_TRY(hob_join(s));
    for (int i = 0; i < 50; i++) CHECK_EQ(hob_task_result(t[i]), i == 7 ? -ECANCELED : 8);
    return 0;
}

PROCESS_TEST(a_cancelled_wait_does_not_kill) {
    HOB_PROCESS(p);
    HOB_TRY(hob_process_spawn(&p, SH("read x; exit 2"), .in = HOB_IO_PIPE));
    CHECK_EQ(hob_within(0.01, hob_process_wait(p)), -ETIMEDOUT);
    CHECK_EQ(hob_process_kill(p, 0), 0);
    HOB_TRY(hob_shutdown(hob_process_in(p)));
    CHECK_EQ(hob_process_wait(p), 2);
    return 0;
}

static int closes_in_use(void) {
    struct hob_process *p;
    /* It outlives the program, whose words end only when nobody holds their pipe any more. */
    HOB_TRY(hob_process_spawn(&p, HOB_ARGS("sleep", "5"), .err = HOB_IO_NULL));
    HOB_SCOPE(s);
    hob_spawn(s, waits, p);
    HOB_TRY(hob_yield_now());
    hob_process_close(p);
    return 0;
}
HOB_TASK(closes_in_use)
TEST(closing_while_a_task_waits_is_misuse) {
    CHECK_DIES(hob_run(closes_in_use), "a task waits for 'sleep'");
}

/* ---- P-08 ---- */

PROCESS_TEST(close_kills_the_running_one) {
    struct hob_process *p;
    HOB_TRY(hob_process_spawn(&p, HOB_ARGS("sleep", "600"), .in = HOB_IO_PIPE, .out = HOB_IO_PIPE));
    pid_t pid = hob_process_pid(p);
    hob_process_close(p);
    CHECK(!lives(pid));
    CHECK(childless());
    hob_process_close(NULL);
    return 0;
}

/* ---- P-09 ---- */

PROCESS_TEST(a_stopped_child_does_not_hold_the_loop) {
    HOB_PROCESS(p);
    HOB_TRY(hob_process_spawn(&p, HOB_ARGS("sleep", "600")));
    HOB_TRY(hob_process_kill(p, SIGSTOP));
    CHECK_EQ(hob_within(0.05, hob_process_wait(p)), -ETIMEDOUT);
    HOB_TRY(hob_process_kill(p, SIGCONT));
    CHECK_EQ(hob_within(0.05, hob_process_wait(p)), -ETIMEDOUT);
    HOB_TRY(hob_process_kill(p, SIGSTOP));
    return 0; /* closing ends it all the same */
}

/* ---- P-11, and more of them ---- */

static int one_of_many(int i) {
    char line[64], text[32];
    snprintf(line, sizeof line, "echo %d; head -c %d /dev/zero | tr '\\0' x", i, i * 100);
    struct hob_process_result r;
    int rc = hob_process_output(&r, SH(line), .check = true);
    int n = snprintf(text, sizeof text, "%d\n", i);
    if (rc == 0) {
        CHECK_EQ(r.out_size, n + i * 100);
        CHECK(memcmp(r.out, text, (size_t)n) == 0);
        for (size_t k = (size_t)n; k < r.out_size; k++) CHECK_EQ(r.out[k], 'x');
    }
    hob_process_result_free(&r);
    return rc;
}
HOB_TASK(one_of_many, int)

PROCESS_TEST(a_hundred_children_at_once) {
    HOB_SCOPE(s);
    int n = getenv("TEST_SLOW") ? 10 : 100;
    for (int i = 0; i < n; i++) hob_spawn(s, one_of_many, i);
    return hob_join(s);
}

static int sleeps_as_a_process(void) {
    struct hob_process_result r;
    int rc = hob_process_output(&r, HOB_ARGS("sleep", "600"));
    hob_process_result_free(&r);
    return rc;
}
HOB_TASK(sleeps_as_a_process)

PROCESS_TEST(a_scope_that_fails_ends_them_all) {
    {
        HOB_SCOPE(s);
        for (int i = 0; i < 20; i++) hob_spawn(s, sleeps_as_a_process);
        HOB_TRY(hob_sleep(0.05));
        hob_scope_cancel(s);
        CHECK_EQ(hob_join(s), 0);
    }
    CHECK(childless());
    return 0;
}

/* ---- the program around ---- */

static int runs_one(int wanted) {
    struct hob_process_result r;
    int rc = hob_process_output(&r, SH("echo hello; exit 9"));
    CHECK_STR(r.out, "hello\n");
    CHECK(rc == 9 || rc == wanted);
    hob_process_result_free(&r);
    return 0;
}
HOB_TASK(runs_one, int)

static volatile sig_atomic_t chld;
static void on_chld(int sig) {
    (void)sig;
    chld++;
}

TEST(works_when_sigchld_is_ignored) {
    signal(SIGCHLD, SIG_IGN);
    for (int i = 0; i < 10; i++) CHECK_EQ(hob_run(runs_one, HOB_E_STATUS_LOST), 0);
    CHECK(signal(SIGCHLD, SIG_DFL) == SIG_IGN);
}

TEST(leaves_sigchld_alone) {
    signal(SIGCHLD, on_chld);
    CHECK_EQ(hob_run(runs_one, 9), 0);
    CHECK(chld > 0);
    CHECK(signal(SIGCHLD, SIG_DFL) == on_chld);
}

TEST(leaves_other_children_alone) {
    pid_t other = fork();
    if (other == 0) _exit(21);
    CHECK_EQ(hob_run(runs_one, 9), 0);
    int status;
    CHECK_EQ(waitpid(other, &status, 0), other);
    CHECK_EQ(WEXITSTATUS(status), 21);
}

static int robbed(void) {
    HOB_PROCESS(p);
    HOB_TRY(hob_process_spawn(&p, SH("exit 9")));
    int status;
    CHECK_EQ(waitpid(-1, &status, 0), hob_process_pid(p)); /* as some libraries do */
    int rc = hob_process_wait(p);
    CHECK(rc == 9 || rc == HOB_E_STATUS_LOST);
    CHECK_EQ(hob_process_kill(p, SIGKILL), -ESRCH);
    return 0;
}
HOB_TASK(robbed)
TEST(somebody_else_takes_the_status) { CHECK_EQ(hob_run(robbed), 0); }

/* Two loops, in two threads, each with its own children. */
static void *other_loop(void *rc) {
    *(int *)rc = hob_run(runs_one, 9);
    return NULL;
}
TEST(loops_in_several_threads) {
    pthread_t threads[4];
    int rc[4];
    for (int i = 0; i < 4; i++) CHECK_EQ(pthread_create(&threads[i], NULL, other_loop, &rc[i]), 0);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
        CHECK_EQ(rc[i], 0);
    }
    CHECK(childless());
}

/* ---- everything that can fail, at every place where it can ---- */

static int scenario(void) {
    HOB_PROCESS(p);
    HOB_TRY(hob_process_spawn(&p, HOB_ARGS("cat"), .in = HOB_IO_PIPE, .out = HOB_IO_PIPE,
                              .err = HOB_IO_PIPE));
    struct hob_process_result r;
    int rc = hob_process_communicate(p, "some text", 9, &r, 0);
    if (rc == 0) CHECK_STR(r.out, "some text");
    hob_process_result_free(&r);
    return rc;
}
HOB_TASK(scenario)

static long points, cancel_at;
static bool cancel_all;
static void on_point(const char *func) {
    (void)func;
    if (++points != cancel_at) return;
    if (cancel_all)
        hob__region_cancel(hob__loop, &hob__loop->root.region);
    else
        hob_cancel(hob_self());
}

static long live_before;
static int fds_before;
static void begin_driving(void) {
    hob_set_report(fail_at_deadlock, NULL);
    CHECK_EQ(hob_run(scenario), 0);
    hob_error_clear();
    live_before = hob__alloc_live();
    fds_before = count_fds();
}
static void nothing_is_left(const char *what, long n) {
    hob_error_clear();
    if (hob__alloc_live() != live_before) FAIL("%s %ld: memory leaked", what, n);
    if (count_fds() != fds_before) FAIL("%s %ld: a descriptor leaked", what, n);
    if (!childless()) FAIL("%s %ld: a child is left", what, n);
}

TEST(cancelled_at_every_point) {
    begin_driving();
    hob__point_hook = on_point;
    CHECK_EQ(hob_run(scenario), 0);
    long total = points;
    if (total < 6) FAIL("only %ld points", total);
    for (int all = 0; all < 2; all++) {
        for (cancel_at = 1; cancel_at <= total; cancel_at++) {
            points = 0;
            cancel_all = all;
            int rc = hob_run(scenario);
            if (rc < 0 && rc != -ECANCELED) FAIL("point %ld: %s", cancel_at, hob_strerror(rc));
            nothing_is_left("cancel at point", cancel_at);
        }
    }
    hob__point_hook = NULL;
}

TEST(every_allocation_fails_once) {
    begin_driving();
    for (long n = 1;; n++) {
        hob__alloc_fail_at(n);
        int rc = hob_run(scenario);
        bool failed = hob__alloc_count() >= n;
        hob__alloc_fail_at(0);
        nothing_is_left("allocation", n);
        if (!failed) {
            CHECK_EQ(rc, 0);
            CHECK(n > 15);
            break;
        }
    }
}

static int starts_with_few(int room) {
    struct rlimit before, few;
    getrlimit(RLIMIT_NOFILE, &before);
    int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(next);
    few = before;
    few.rlim_cur = (rlim_t)(next + room);
    setrlimit(RLIMIT_NOFILE, &few);
    struct hob_process *p;
    struct hob_process_fd fds[] = {{0, 3}, {1, 4}};
    int rc = hob_process_spawn(&p, HOB_ARGS("cat"), .in = HOB_IO_PIPE, .out = HOB_IO_PIPE,
                               .err = HOB_IO_NULL, .fds = fds, .fd_count = 2);
    setrlimit(RLIMIT_NOFILE, &before);
    hob_process_close(p);
    return rc;
}
HOB_TASK(starts_with_few, int)

TEST(descriptors_run_out_in_the_middle) {
    begin_driving();
    for (int room = 0;; room++) {
        int rc = hob_run(starts_with_few, room);
        nothing_is_left("descriptors", room);
        if (rc == 0) {
            CHECK(room >= 6);
            break;
        }
        CHECK(rc == -EMFILE || rc == -EINVAL); /* a place of the child's that is above the limit */
        CHECK(room < 40);
    }
}

TEST_MAIN()
