/* signal_test.c - signals as things to wait for: asyncio's rules N-01 and N-02, several waiters and
 * loops, nothing lost, everything as before afterwards; Ctrl-C and SIGTERM beside them. */
#include "no_watchdog.h"
#include "process.h"

#include <hob/signal.h>
#include <pthread.h>

static void handler(int sig) { (void)sig; }
static void (*disposition(int sig))(int) {
    struct sigaction now;
    sigaction(sig, NULL, &now);
    return now.sa_handler;
}

static int raises(int sig, double after) {
    HOB_TRY(hob_sleep(after));
    return kill(getpid(), sig);
}
HOB_TASK(raises, int, double)

/* ---- N-01 ---- */

PROCESS_TEST(a_signal_wakes_the_sleeping_loop) {
    HOB_SIGNAL(w);
    HOB_TRY(hob_signal_open(&w, SIGUSR1, SIGUSR2));
    HOB_SCOPE(s);
    hob_spawn(s, raises, SIGUSR2, 0.01);
    CHECK_EQ(hob_signal_wait(w), SIGUSR2);
    hob_spawn(s, raises, SIGUSR1, 0.0);
    CHECK_EQ(hob_signal_wait(w), SIGUSR1);
    return hob_join(s);
}

PROCESS_TEST(from_a_child_while_the_loop_sleeps) {
    HOB_SIGNAL(w);
    HOB_TRY(hob_signal_open(&w, SIGHUP));
    HOB_PROCESS(p);
    HOB_TRY(hob_process_shell(&p, "kill -HUP $PPID"));
    CHECK_EQ(hob_signal_wait(w), SIGHUP);
    CHECK_EQ(hob_process_wait(p), 0);
    return 0;
}

PROCESS_TEST(what_cannot_be_waited_for) {
    static const int wrong[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, -1, 65, 32};
    struct hob_signal *w;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CHECK_EQ(hob_signal_open(&w, SIGUSR1, wrong[i]), -EINVAL);
        CHECK(w == NULL);
        CHECK(disposition(SIGUSR1) == SIG_DFL);
    }
    hob_signal_close(NULL);
    return 0;
}

static int opens_and_closes(void) {
    struct hob_signal *a, *b;
    HOB_TRY(hob_signal_open(&a, SIGUSR1, SIGUSR2, SIGHUP));
    HOB_TRY(hob_signal_open(&b, SIGUSR1));
    hob_signal_close(a);
    CHECK(disposition(SIGUSR2) == handler);
    CHECK(disposition(SIGHUP) == SIG_IGN);
    CHECK(disposition(SIGUSR1) != SIG_DFL);
    hob_signal_close(b);
    CHECK(disposition(SIGUSR1) == SIG_DFL);
    return 0;
}
HOB_TASK(opens_and_closes)
TEST(dispositions_are_restored) {
    signal(SIGHUP, SIG_IGN);
    signal(SIGUSR2, handler);
    CHECK_EQ(hob_run(opens_and_closes), 0);
}

/* ---- N-02 ---- */

PROCESS_TEST(what_came_before_the_close_is_dropped) {
    HOB_SIGNAL(other);
    HOB_TRY(hob_signal_open(&other, SIGUSR1)); /* so that the signal ends nothing */
    struct hob_signal *w;
    HOB_TRY(hob_signal_open(&w, SIGUSR1));
    raise(SIGUSR1);
    hob_signal_close(w);
    HOB_TRY(hob_signal_open(&w, SIGUSR1));
    CHECK_EQ(hob_within(0.02, hob_signal_wait(w)), -ETIMEDOUT);
    hob_signal_close(w);
    CHECK_EQ(hob_signal_wait(other), SIGUSR1);
    return 0;
}

/* ---- nothing lost, coalesced ---- */

PROCESS_TEST(kept_between_waits_and_counted_once) {
    HOB_SIGNAL(w);
    HOB_TRY(hob_signal_open(&w, SIGUSR1, SIGUSR2, SIGHUP));
    for (int i = 0; i < 3; i++) {
        raise(SIGUSR1);
        raise(SIGHUP);
    }
    CHECK_EQ(hob_signal_wait(w), SIGHUP);
    raise(SIGHUP); /* again: the others have their turn first */
    CHECK_EQ(hob_signal_wait(w), SIGUSR1);
    CHECK_EQ(hob_signal_wait(w), SIGHUP);
    CHECK_EQ(hob_within(0.02, hob_signal_wait(w)), -ETIMEDOUT);
    return 0;
}

PROCESS_TEST(a_cancelled_wait_takes_none) {
    HOB_SIGNAL(w);
    HOB_TRY(hob_signal_open(&w, SIGUSR1));
    CHECK_EQ(hob_within(0.01, hob_signal_wait(w)), -ETIMEDOUT);
    raise(SIGUSR1);
    hob_cancel(hob_self());
    CHECK_EQ(hob_signal_wait(w), -ECANCELED);
    hob_uncancel();
    CHECK_EQ(hob_signal_wait(w), SIGUSR1);
    return 0;
}

static int got[8];
static int waits(struct hob_signal *w, int i) {
    got[i] = hob_signal_wait(w);
    return got[i] < 0 ? got[i] : 0;
}
HOB_TASK(waits, struct hob_signal *, int)

PROCESS_TEST(of_several_waiters_one_gets_it) {
    HOB_SIGNAL(w);
    HOB_TRY(hob_signal_open(&w, SIGUSR1, SIGUSR2));
    HOB_SCOPE(s);
    for (int i = 0; i < 3; i++) hob_spawn(s, waits, w, i);
    HOB_TRY(hob_yield_now());
    raise(SIGUSR1);
    HOB_TRY(hob_sleep(0.05));
    CHECK_EQ(got[0], SIGUSR1); /* in order of arrival */
    CHECK_EQ(got[1] + got[2], 0);
    raise(SIGUSR2);
    raise(SIGUSR1);
    HOB_TRY(hob_join(s));
    CHECK_EQ(got[1] + got[2], SIGUSR1 + SIGUSR2);
    return 0;
}

PROCESS_TEST(every_handle_gets_every_signal) {
    HOB_SIGNAL(a);
    HOB_SIGNAL(b);
    HOB_TRY(hob_signal_open(&a, SIGUSR1));
    HOB_TRY(hob_signal_open(&b, SIGUSR1, SIGUSR2));
    raise(SIGUSR1);
    CHECK_EQ(hob_signal_wait(a), SIGUSR1);
    CHECK_EQ(hob_signal_wait(b), SIGUSR1);
    return 0;
}

PROCESS_TEST(a_stop_ends_the_wait) {
    HOB_SIGNAL(w);
    HOB_TRY(hob_signal_open(&w, SIGUSR1));
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, waits, w, 0);
    HOB_TRY(hob_yield_now());
    hob_stop(s, 60);
    hob_join(s);
    CHECK_EQ(hob_task_result(t), HOB_E_STOPPING);
    return 0;
}

PROCESS_TEST(handles_are_bounded) {
    struct hob_signal *w[129];
    for (int i = 0; i < 128; i++) HOB_TRY(hob_signal_open(&w[i], SIGUSR1));
    CHECK_EQ(hob_signal_open(&w[128], SIGUSR1), HOB_E_LIMIT);
    for (int i = 0; i < 128; i++) hob_signal_close(w[i]);
    CHECK(disposition(SIGUSR1) == SIG_DFL);
    return 0;
}

PROCESS_TEST(memory_and_descriptors_run_out) {
    for (long n = 1;; n++) {
        struct hob_signal *w;
        hob__alloc_fail_at(n);
        int rc = hob_signal_open(&w, SIGUSR1);
        hob__alloc_fail_at(0);
        if (rc == 0) {
            hob_signal_close(w);
            CHECK(n > 1);
            return 0;
        }
        CHECK_EQ(rc, -ENOMEM);
        CHECK(disposition(SIGUSR1) == SIG_DFL);
    }
}

/* ---- loops, threads, forks ---- */

static _Atomic int ready;
static int waits_in_a_loop(void) {
    HOB_SIGNAL(w);
    HOB_TRY(hob_signal_open(&w, SIGUSR1));
    ready++;
    return hob_signal_wait(w) == SIGUSR1 ? 0 : -EIO;
}
HOB_TASK(waits_in_a_loop)
static void *in_a_thread(void *rc) {
    *(int *)rc = hob_run(waits_in_a_loop);
    return NULL;
}
TEST(every_loop_gets_it) {
    pthread_t threads[3];
    int rc[3];
    for (int i = 0; i < 3; i++) CHECK_EQ(pthread_create(&threads[i], NULL, in_a_thread, &rc[i]), 0);
    while (ready < 3) usleep(1000);
    kill(getpid(), SIGUSR1);
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        CHECK_EQ(rc[i], 0);
    }
    CHECK(disposition(SIGUSR1) == SIG_DFL);
}

PROCESS_TEST(a_forks_child_has_its_own_dispositions) {
    HOB_SIGNAL(w);
    HOB_TRY(hob_signal_open(&w, SIGUSR1));
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) _exit(disposition(SIGUSR1) == SIG_DFL ? 5 : 6);
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(WEXITSTATUS(status), 5);
    raise(SIGUSR1);
    CHECK_EQ(hob_signal_wait(w), SIGUSR1);
    return 0;
}

PROCESS_TEST(a_storm_of_signals_ends) {
    HOB_SIGNAL(w);
    HOB_TRY(hob_signal_open(&w, SIGUSR1, SIGUSR2));
    HOB_PROCESS(p);
    HOB_TRY(hob_process_shell(&p,
                              "i=0; while [ $i -lt 300 ]; do kill -USR1 $PPID; i=$((i+1)); done;"
                              " kill -USR2 $PPID"));
    int sig, n = 0;
    while ((sig = hob_signal_wait(w)) == SIGUSR1) n++;
    CHECK_EQ(sig, SIGUSR2);
    CHECK(n >= 1 && n <= 300);
    CHECK_EQ(hob_process_wait(p), 0);
    return 0;
}

/* ---- Ctrl-C and SIGTERM ---- */

static int sees_ctrl_c(void) {
    {
        HOB_SIGNAL(w);
        HOB_TRY(hob_signal_open(&w, SIGINT));
        for (int i = 0; i < 3; i++) {
            raise(SIGINT);
            CHECK_EQ(hob_signal_wait(w), SIGINT);
        }
    }
    raise(SIGINT); /* the loop's own again */
    return hob_sleep(30);
}
HOB_TASK(sees_ctrl_c)
TEST(an_open_handle_replaces_ctrl_c) {
    CHECK_EQ(hob_run(sees_ctrl_c), -ECANCELED);
    CHECK(disposition(SIGINT) == SIG_DFL);
}

static int stops_at_sigterm(int argc, char **argv) {
    (void)argc, (void)argv;
    raise(SIGTERM);
    while (!hob_stopping()) HOB_TRY(hob_sleep(0.001));
    fprintf(stderr, "asked\n");
    int rc = hob_sleep(30);
    fprintf(stderr, "%s\n", rc == -ECANCELED ? "cancelled" : "not cancelled");
    return rc;
}
TEST(sigterm_stops_in_two_phases_if_asked_to) {
    static char text[4096];
    char *argv[] = {(char *)"test", NULL};
    int status = RUN_CHILD(
        text, _exit(hob_main_with(((struct hob_options){.terminate = true, .grace = 0.01}),
                                  stops_at_sigterm, 1, argv)));
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    CHECK_HAS(text, "asked\ncancelled\n");
    status = RUN_CHILD(text, _exit(hob_main(stops_at_sigterm, 1, argv)));
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    CHECK_STR(text, ""); /* at once */
}

TEST_MAIN()
