/* watchdog_test.c - what the watchdog does to the rest of the program: its reports go where
 * standard error goes by then, it holds no descriptor open, no mask of signals and no deaf thread
 * silences it, and it holds nobody up. */
#include "test.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <hob/http.h>
#include <hob/net.h>
#include <hob/serve.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>

#include "fiber/sanitize.h"

static double seconds_since(uint64_t t0) { return (double)(hob_now() - t0) / 1e9; }

/* Until *done, 20 s at most. */
static volatile int spun;
static void spin_until(const _Atomic bool *done) {
    for (uint64_t t0 = hob_now(); !*done && seconds_since(t0) < 20;) spun++;
}

static char told[16384];
static _Atomic bool was_told;
static void keep(enum hob_report_kind kind, const char *text, void *arg) {
    (void)arg;
    if (kind != HOB_REPORT_SLOW || was_told) return;
    snprintf(told, sizeof told, "%s", text);
    was_told = true;
}

/* ---- descriptors ---- */

static int closes_its_output(int fd, int back) {
    char c;
    HOB_TRY(hob_sleep(0.05)); /* the watchdog is there */
    close(fd);
    /* The parent has seen the end of it, and says so, while this loop still runs. */
    return read(back, &c, 1) == 1 ? 0 : -EIO;
}
HOB_TASK(closes_its_output, int, int)

TEST(a_reader_sees_the_end_when_the_program_closes_a_standard_descriptor) {
    for (int fd = 0; fd <= 2; fd++) {
        int out[2], back[2], status;
        char c;
        CHECK_EQ(pipe(out), 0);
        CHECK_EQ(pipe(back), 0);
        pid_t pid = fork();
        if (pid == 0) {
            dup2(out[1], fd);
            close(out[0]);
            close(out[1]);
            close(back[1]);
            alarm(20);
            _exit(hob_run(closes_its_output, fd, back[0]) != 0);
        }
        close(out[1]);
        close(back[0]);
        CHECK_EQ(read(out[0], &c, 1), 0);
        CHECK_EQ(write(back[1], "x", 1), 1); /* EPIPE: it has ended before */
        waitpid(pid, &status, 0);
        CHECK_EQ(status, 0);
        close(out[0]);
        close(back[1]);
    }
}

/* The number that a descriptor opened now would get. */
static int next_number(void) {
    int fd = fcntl(0, F_DUPFD_CLOEXEC, 0);
    close(fd);
    return fd;
}
static int numbers_stay(void) {
    int first = next_number();
    for (uint64_t t0 = hob_now(); seconds_since(t0) < 0.01;) CHECK_EQ(next_number(), first);
    return 0;
}
HOB_TASK(numbers_stay)

/* Its thread starts while the first task runs already. */
TEST(no_descriptor_is_taken_at_the_start_not_even_for_a_moment) {
    for (int i = 0; i < 50; i++) CHECK_EQ(hob_run(numbers_stay), 0);
}

static int redirects(const char *path) {
    HOB_TRY(hob_sleep(0.05));
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0 && dup2(fd, 2) == 2);
    close(fd);
    for (uint64_t t0 = hob_now(); lseek(2, 0, SEEK_END) == 0 && seconds_since(t0) < 20;) spun++;
    return 0;
}
HOB_TASK(redirects, const char *)

TEST(a_report_goes_where_standard_error_goes_by_then) {
    static char before[16384], text[16384];
    char path[64];
    snprintf(path, sizeof path, TEST_PATH "-XXXXXX", (int)getpid(), "report");
    close(mkstemp(path));
    int status = RUN_CHILD(before, CHECK_EQ(hob_run(redirects, path), 0));
    CHECK_EQ(status, 0);
    int fd = open(path, O_RDONLY);
    unlink(path);
    CHECK(read(fd, text, sizeof text - 1) > 0);
    CHECK_HAS(text, "hob: task 'redirects'");
    CHECK_HAS(text, "has held the loop for ");
    CHECK_STR(before, "");
}

static int probed = -1;
static _Atomic int strangers;
static void probe(enum hob_report_kind kind, const char *text, void *arg) {
    if (kind == HOB_REPORT_SLOW && fcntl(probed, F_GETFD) < 0) strangers++;
    keep(kind, text, arg);
}
static int sets_it_early(int delay) {
    for (int i = 0; i < delay; i++) spun++;
    hob_set_report(probe, NULL);
    /* One that was told of before the function was set is not told of again: it lets go, and holds
     * the loop anew. */
    for (uint64_t t0 = hob_now(); !was_told && seconds_since(t0) < 20; hob_yield_now())
        for (uint64_t t1 = hob_now(); !was_told && seconds_since(t1) < 0.5;) spun++;
    return 0;
}
HOB_TASK(sets_it_early, int)

TEST(a_report_function_set_at_any_time_has_the_programs_descriptors) {
    setenv("HOB_SLOW_MS", "4", 1); /* the environment, which slow machines set, comes first */
    probed = open("/dev/null", O_WRONLY);
    int runs = getenv("TEST_SLOW") ? 20 : 300;
    for (int i = 0; i < runs; i++) {
        hob_set_report(NULL, NULL);
        was_told = false;
        CHECK_EQ(hob_run_with(((struct hob_options){.slow_ms = 4}), sets_it_early, i * 100), 0);
        CHECK(was_told);
        CHECK_EQ(strangers, 0);
    }
}

/* A report function that is changed for another by itself, as the loop ends. */
static _Atomic int calls;
static void changes(enum hob_report_kind kind, const char *text, void *arg) {
    calls++;
    for (int i = 0; i < 100; i++) hob_set_report(changes, arg);
    keep(kind, text, arg);
}
static int is_slow(void) {
    spin_until(&was_told);
    return 0;
}
HOB_TASK(is_slow)
TEST(a_report_function_may_set_another_one) {
    hob_set_report(changes, NULL);
    CHECK_EQ(hob_run(is_slow), 0);
    CHECK(calls > 0);
}

/* ---- signals ---- */

TEST(a_thread_that_blocks_every_signal_is_reported_with_its_stack) {
    sigset_t all, now;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    hob_set_report(keep, NULL);
    CHECK_EQ(hob_run(is_slow), 0);
    CHECK_HAS(told, "hob: task 'is_slow'");
    CHECK_HAS(told, "has held the loop for ");
    CHECK_HAS(told, "watchdog_test.c");
    CHECK_HAS(told, " ms:\n"); /* the stack follows */
    pthread_sigmask(SIG_BLOCK, NULL, &now);
    CHECK(sigismember(&now, SIGURG)); /* as it was */
}

static int is_deaf(void) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    spin_until(&was_told);
    return 0;
}
HOB_TASK(is_deaf)
TEST(a_task_that_blocks_the_signal_is_reported_without_its_stack) {
    hob_set_report(keep, NULL);
    CHECK_EQ(hob_run(is_deaf), 0);
    CHECK_HAS(told, "hob: task 'is_deaf' (spawned by ");
    CHECK_HAS(told, " ms (its thread does not take SIGURG, so its stack cannot be shown)\n");
}

static void own_handler(int sig) { (void)sig; }
TEST(a_program_that_handles_the_signal_itself_is_reported_without_the_stack) {
    signal(SIGURG, own_handler);
    hob_set_report(keep, NULL);
    CHECK_EQ(hob_run(is_slow), 0);
    CHECK_HAS(told, "hob: task 'is_slow' (spawned by ");
    CHECK_HAS(told, " ms (SIGURG is the program's own, so its stack cannot be shown)\n");
}

/* ---- the answer ---- */

/* The watchdog's wait for the answer, and the handler that gives it, which are let go on late. */
static _Atomic bool answers, goes_on, waits_long, answers_long;
static int (*real_post)(sem_t *s);
static int (*real_wait)(sem_t *s, const struct timespec *until);
__attribute__((constructor)) static void find_real(void) {
    real_post = (int (*)(sem_t *))dlsym(RTLD_NEXT, "sem_post");
    real_wait = (int (*)(sem_t *, const struct timespec *))dlsym(RTLD_NEXT, "sem_timedwait");
}
int sem_post(sem_t *s) {
    answers = true;
#if HOB__TSAN
    __tsan_release(s);
#endif
    int rc = real_post(s);
    for (int i = 0; i < 20000 && answers_long && !was_told; i++) usleep(1000);
    return rc;
}
int sem_timedwait(sem_t *s, const struct timespec *until) {
    int rc = real_wait(s, until);
#if HOB__TSAN
    if (rc == 0) __tsan_acquire(s);
#endif
    if (rc == 0 && waits_long)
        for (int i = 0; i < 20000 && !goes_on; i++) usleep(1000);
    return rc;
}

/* ---- what the signal interrupts ---- */

/* Most of the time the stack ends where it does in the loop: there the signal comes, and only then
 * does the stack grow again, by a size like no other's. */
static __attribute__((noinline)) void grows(void) {
    volatile char frame[1000];
    for (size_t i = 0; i < sizeof frame; i += 40) frame[i] = 0x55;
}
static int grows_and_is_slow(void) {
    for (uint64_t t0 = hob_now(); !was_told && seconds_since(t0) < 20; grows())
        for (int i = 0; i < 10000; i++) spun++;
    return 0;
}
HOB_TASK(grows_and_is_slow)

/* For valgrind, too, which follows the stack, and whose status tells what it has reported. */
TEST(a_task_goes_on_where_the_signal_found_it) {
    hob_set_report(keep, NULL);
    answers_long = true; /* so that another thread has its turn within the handler */
    CHECK_EQ(hob_run(grows_and_is_slow), 0);
    CHECK_HAS(told, "hob: task 'grows_and_is_slow'");
}

/* ---- servers that have ended meanwhile ---- */

static int holds(struct hob_stream *s) {
    (void)s;
    spin_until(&answers);
    return 0;
}
HOB_TASK(holds, struct hob_stream *)
static int serves_slowly(struct hob_listener *l) { return hob_serve(l, holds); }
HOB_TASK(serves_slowly, struct hob_listener *)

static int holds_request(struct hob_request *req, void *arg) {
    (void)arg;
    spin_until(&answers);
    return hob_respond_text(req, 200, "text/plain", "x");
}
static int serves_http(struct hob_listener *l) {
    return hob_http_serve(l, holds_request, NULL, (struct hob_http_options){0});
}
HOB_TASK(serves_http, struct hob_listener *)

/* The stack of who has ended has other things on it. */
static int overwrites(void) {
    volatile char all[32 << 10];
    for (size_t i = 0; i < sizeof all; i++) all[i] = 0x55;
    return 0;
}
HOB_TASK(overwrites)

static int ends_meanwhile(bool http) {
    static const char ask[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    struct hob_listener *l;
    struct hob_stream *c;
    char text[200];
    waits_long = true;
    HOB_TRY(hob_listen("127.0.0.1:0", &l));
    {
        HOB_SCOPE(s);
        http ? hob_spawn(s, serves_http, l) : hob_spawn(s, serves_slowly, l);
        HOB_TRY(hob_connect(hob_listener_address(l), &c));
        HOB_TRY(hob_write(c, ask, sizeof ask - 1));
        (void)hob_read(c, text, sizeof text);
        CHECK(answers);
        hob_scope_cancel(s);
    }
    hob_close(c);
    hob_listener_close(l);
    {
        HOB_SCOPE(s);
        for (int i = 0; i < 8; i++) hob_spawn(s, overwrites);
    }
    goes_on = true;
    while (!was_told) HOB_TRY(hob_sleep(0.01));
    return 0;
}
HOB_TASK(ends_meanwhile, bool)

TEST(a_connection_whose_server_has_ended_meanwhile_is_reported) {
    hob_set_report(keep, NULL);
    CHECK_EQ(hob_run(ends_meanwhile, false), 0);
    CHECK_HAS(told, "spawned by serves_slowly at ");
}

TEST(a_request_whose_server_has_ended_meanwhile_is_reported) {
    hob_set_report(keep, NULL);
    CHECK_EQ(hob_run(ends_meanwhile, true), 0);
    CHECK_HAS(told, "spawned by http_connection at ");
}

/* ---- other loops ---- */

static int quick(void) { return hob_yield_now(); }
HOB_TASK(quick)

static _Atomic bool ran;
static bool ran_before_the_report;
static void *runs_beside(void *arg) {
    (void)arg;
    usleep(400000); /* by now the watchdog waits for the deaf thread's answer: 1 s in all */
    uint64_t t0 = hob_now();
    hob_run(quick);
    ran_before_the_report = !was_told && seconds_since(t0) < 0.4;
    ran = true;
    return NULL;
}
static int is_deaf_beside_another(void) {
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, runs_beside, NULL), 0);
    int rc = is_deaf();
    pthread_join(thread, NULL);
    return rc;
}
HOB_TASK(is_deaf_beside_another)

TEST(other_loops_begin_and_end_while_a_held_one_is_asked) {
    hob_set_report(keep, NULL);
    /* On a busy machine the thread may come too late for once. */
    for (int tries = 0; tries < 10 && !ran_before_the_report; tries++) {
        was_told = ran = false;
        sigset_t it;
        sigemptyset(&it);
        sigaddset(&it, SIGURG);
        pthread_sigmask(SIG_UNBLOCK, &it, NULL);
        CHECK_EQ(hob_run(is_deaf_beside_another), 0);
    }
    CHECK(ran_before_the_report);
}

TEST_MAIN()
