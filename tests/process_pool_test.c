/* process_pool_test.c - hob_to_process: results, errors and bytes; crashes; cancel; what a worker
 * is given and what not; no process and no descriptor left. */
#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <hob/channel.h>
#include <hob/process_pool.h>
#include <hob/thread.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

#include "base/memory.h"
#include "fiber/sanitize.h"

/* Processes whose parent is `parent`. */
static int children_of(pid_t parent, pid_t *first) {
    int n = 0;
    DIR *d = opendir("/proc");
    for (struct dirent *e; (e = readdir(d));) {
        char path[300], text[512], *end;
        int ppid;
        snprintf(path, sizeof path, "/proc/%s/stat", e->d_name);
        FILE *f = e->d_name[0] >= '0' && e->d_name[0] <= '9' ? fopen(path, "r") : NULL;
        if (!f) continue;
        if (fgets(text, sizeof text, f) && (end = strrchr(text, ')')) &&
            sscanf(end + 1, " %*c %d", &ppid) == 1 && ppid == parent) {
            if (first) *first = atoi(e->d_name);
            n++;
        }
        fclose(f);
    }
    closedir(d);
    return n;
}

/* ---- what comes back ---- */

struct pair {
    double x;
    char name[24];
};
static int adds(struct pair p, short n, const char *literal) {
    return strcmp(literal, "a literal") == 0 && strcmp(p.name, "Ada") == 0 ? (int)(p.x + n) : -EDOM;
}
HOB_TASK(adds, struct pair, short, const char *)
static int its_pid(void) { return getpid(); }
HOB_TASK(its_pid)
static int sum = 1;
static int remembers(int n) { return sum += n; }
HOB_TASK(remembers, int)

TASK_TEST(results_and_arguments_by_value) {
    struct pair p = {2.5, "Ada"};
    CHECK_EQ(hob_to_process(adds, p, 7, "a literal"), 9);
    int pid = hob_to_process(its_pid);
    CHECK(pid > 0 && pid != getpid());
    CHECK_EQ(hob_to_process(its_pid), pid); /* the same worker again */
    CHECK_EQ(hob_to_process(remembers, 5), 6);
    CHECK_EQ(hob_to_process(remembers, 5), 11); /* its memory is its own */
    CHECK_EQ(sum, 1);
    return 0;
}

static int fails(int code, bool says_why) {
    if (!says_why) return code;
    hob_fail(-EPERM, "the %s", "cause");
    return hob_fail_from(code, "the disk is full of %s", "jelly");
}
HOB_TASK(fails, int, bool)
static int fails_there(int code) { return hob_to_process(fails, code, true); }
HOB_TASK(fails_there, int)
TASK_TEST(an_error_comes_with_its_record) {
    CHECK_EQ(hob_to_process(fails, -EIO, true), -EIO);
    CHECK_STR(hob_error()->message, "the disk is full of jelly");
    CHECK_STR(hob_error()->func, "fails");
    CHECK_HAS(hob_error()->file, "process_pool_test.c");
    CHECK_STR(hob_error()->task, "fails");
    CHECK_STR(hob_error()->cause->message, "the cause");
    CHECK_EQ(hob_to_process(fails, -EPIPE, false), -EPIPE);
    CHECK_STR(hob_error()->message, hob_strerror(-EPIPE));
    /* and on through scopes, after the record it came from has gone */
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    struct hob_task *t[2];
    for (int i = 0; i < 2; i++) t[i] = hob_spawn(s, fails_there, -EIO - i);
    CHECK_EQ(hob_join(s), 2);
    for (int i = 0; i < 2; i++) {
        CHECK_STR(hob_task_error(t[i])->func, "fails");
        CHECK_STR(hob_task_error(t[i])->message, "the disk is full of jelly");
    }
    return 0;
}

/* Turns its input round. */
static int reverses(bool says_too_much) {
    size_t n;
    const char *in = hob_process_call_input(&n);
    for (size_t i = n; i-- > 0;) HOB_TRY(hob_process_call_output(in + i, 1));
    if (says_too_much) HOB_TRY(hob_process_call_output("!", 1));
    return 3;
}
HOB_TASK(reverses, bool)
TASK_TEST(bytes_there_and_back) {
    static char in[300000], out[300000];
    for (size_t n = 0; n <= sizeof in; n = n * 7 + 1) {
        size_t got = 99;
        for (size_t i = 0; i < n; i++) in[i] = (char)(i * 31);
        struct hob_process_call call = {
            .input = in, .input_size = n, .output = out, .output_max = n, .output_size = &got};
        CHECK_EQ(hob_to_process_with(call, reverses, false), 3);
        CHECK_EQ(got, n);
        for (size_t i = 0; i < n; i++) CHECK_EQ(out[i], in[n - 1 - i]);
        got = 99;
        CHECK_EQ(hob_to_process_with(call, reverses, true), HOB_E_LIMIT);
        CHECK_STR(hob_error()->message, "output of 1 bytes where 0 are left");
        CHECK_EQ(got, 99);
    }
    size_t n = 5;
    CHECK(hob_process_call_input(&n) == NULL);
    CHECK_EQ(n, 0);
    CHECK_EQ(hob_process_call_output("x", 1), HOB_E_LIMIT);
    return 0;
}

struct large {
    char bytes[20000];
};
static int takes_large(struct large l) { return l.bytes[0]; }
HOB_TASK(takes_large, struct large)
TASK_TEST(arguments_have_a_bound) {
    static struct large l;
    CHECK_EQ(hob_to_process(takes_large, l), HOB_E_LIMIT);
    return 0;
}

/* ---- what a worker is given ---- */

static int looks_around(int parents) {
    CHECK(!hob_self() && !hob_loop_current());
    for (int fd = 4; fd < 200; fd++)
        if (fcntl(fd, F_GETFD) >= 0) return hob_fail(-EMFILE, "descriptor %d is open", fd);
    sigset_t blocked;
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    for (int sig = 1; sig < 32; sig++)
        if (sigismember(&blocked, sig)) return hob_fail(-EINTR, "signal %d is blocked", sig);
    struct sigaction now;
    sigaction(SIGUSR1, NULL, &now);
    if (now.sa_handler != SIG_DFL) return hob_fail(-EINTR, "SIGUSR1 is handled");
    sigaction(SIGINT, NULL, &now);
    if (now.sa_handler != SIG_IGN) return hob_fail(-EINTR, "SIGINT is not ignored");
    char byte;
    if (read(0, &byte, 1) != 0) return hob_fail(-EIO, "there is input");
    volatile char big[300 << 10];
    memset((char *)big, 1, sizeof big); /* a whole thread's stack */
    return getppid() != parents ? big[5] : -EPERM;
}
HOB_TASK(looks_around, int)
static void handles(int sig) { (void)sig; }
static int own_loop(int n) { return hob_to_process(remembers, n); }
HOB_TASK(own_loop, int)
static int runs_loop(int n) {
    /* gcc 12's ASan holds no lock of its allocator over a fork: one that another thread had is
     * never let go in the child, whose threads then stand in it (seen in their stacks, once in a
     * hundred runs). */
    if (getenv("TEST_SLOW") || HOB__TSAN || HOB__ASAN) return n + 1;
    return hob_run(own_loop, n);
}
HOB_TASK(runs_loop, int)

TASK_TEST(a_worker_is_clean) {
    signal(SIGUSR1, handles);
    CHECK_EQ(hob_to_process(looks_around, getpid()), 1);
    CHECK_EQ(hob_to_process(runs_loop, 3), 4); /* a loop, and processes, of its own */
    CHECK_EQ(hob_to_process(looks_around, getpid()), 1);
    return 0;
}

static int prints(void) { return printf("[worker]"); }
HOB_TASK(prints)
static int prints_there(void) {
    int p[2];
    char text[100] = "";
    CHECK_EQ(pipe(p), 0);
    int kept = dup(1);
    printf("[program]"); /* stays in the buffer */
    fflush(stdout);
    dup2(p[1], 1);
    printf("[before]");
    CHECK_EQ(hob_to_process(prints), 8);
    fflush(stdout);
    dup2(kept, 1);
    close(p[1]);
    CHECK(read(p[0], text, sizeof text - 1) > 0);
    CHECK_STR(text, "[worker][before]");
    return 0;
}
HOB_TASK(prints_there)
TEST(what_a_program_has_not_written_yet_is_written_once) { CHECK_EQ(hob_run(prints_there), 0); }

static int sleeps_here(void) { return hob_sleep(1); }
HOB_TASK(sleeps_here)
TASK_TEST(a_task_call_in_a_worker_is_misuse_and_a_crash) {
    CHECK_EQ(hob_to_process(sleeps_here), HOB_E_CRASHED);
    CHECK_HAS(hob_error()->message, "'sleeps_here': its process was ended by signal 6");
    return 0;
}

/* ---- crashes ---- */

static int crashes(int how) {
    if (how == 0) raise(SIGKILL);
    if (how == 1) _exit(3);
    if (how == 2) raise(SIGTERM);
    size_t n;
    const void *in = hob_process_call_input(&n);
    hob_process_call_output(in, n);
    raise(SIGKILL);
    return 0;
}
HOB_TASK(crashes, int)
TASK_TEST(a_crash_is_an_error_and_the_worker_is_replaced) {
    struct hob_process_pool *p;
    HOB_TRY(hob_process_pool_open(&p, (struct hob_process_pool_options){.processes = 1}));
    struct hob_process_call in = {.pool = p};
    static char bytes[500000];
    int before = hob_to_process_with(in, its_pid);
    CHECK_EQ(hob_to_process_with(in, crashes, 0), HOB_E_CRASHED);
    CHECK_STR(hob_error()->message, "'crashes': its process was ended by signal 9 (Killed)");
    CHECK_EQ(hob_to_process_with(in, crashes, 1), HOB_E_CRASHED);
    CHECK_STR(hob_error()->message, "'crashes': its process ended with exit status 3");
    in.input = bytes, in.input_size = sizeof bytes;
    CHECK_EQ(hob_to_process_with(in, crashes, 2), HOB_E_CRASHED);
    CHECK_EQ(hob_to_process_with(in, crashes, 3), HOB_E_CRASHED);
    int after = hob_to_process_with(in, its_pid);
    CHECK(after > 0 && after != before);
    struct hob_process_pool_info info;
    hob_process_pool_info(p, &info);
    CHECK_EQ(info.crashed, 4);
    CHECK_EQ(info.done, 2);
    CHECK_EQ(info.processes, 1);
    CHECK_EQ(info.idle, 1);
    /* one that is killed while it is idle is noticed and replaced */
    kill(after, SIGKILL);
    while (kill(after, 0) == 0) HOB_TRY(hob_sleep(0.001)); /* its keeper waits for it */
    CHECK(hob_to_process_with(in, its_pid) > 0);
    hob_process_pool_close(p);
    return 0;
}

TASK_TEST(a_keeper_that_is_killed_is_replaced) {
    struct hob_process_pool *p;
    HOB_TRY(hob_process_pool_open(&p, (struct hob_process_pool_options){.processes = 1}));
    struct hob_process_call in = {.pool = p};
    int worker = hob_to_process_with(in, its_pid);
    pid_t keeper = 0;
    CHECK_EQ(children_of(getpid(), &keeper), 1);
    kill(keeper, SIGKILL);
    for (int i = 0; kill(worker, 0) == 0; i++) { /* goes with it */
        CHECK(i < 2000);
        HOB_TRY(hob_sleep(0.005));
    }
    HOB_TRY(hob_sleep(0.02));
    int again = hob_to_process_with(in, its_pid);
    CHECK(again > 0 && again != worker);
    hob_process_pool_close(p);
    CHECK_EQ(children_of(getpid(), NULL), 0);
    return 0;
}

static int takes_memory(void) {
    char *p = malloc(1u << 30);
    int rc = p ? 1 : -ENOMEM;
    free(p);
    return rc;
}
HOB_TASK(takes_memory)
TASK_TEST(memory_has_a_limit_if_one_is_set) {
    if (HOB__ASAN || HOB__TSAN || getenv("TEST_SLOW")) return 0; /* these take terabytes */
    struct hob_process_pool *p;
    HOB_TRY(hob_process_pool_open(&p, (struct hob_process_pool_options){.memory = 512u << 20}));
    struct hob_process_call in = {.pool = p};
    CHECK_EQ(hob_to_process_with(in, takes_memory), -ENOMEM);
    hob_process_pool_close(p);
    return 0;
}

TASK_TEST(a_worker_is_replaced_after_so_many_calls) {
    struct hob_process_pool *p;
    HOB_TRY(
        hob_process_pool_open(&p, (struct hob_process_pool_options){.processes = 1, .calls = 2}));
    struct hob_process_call in = {.pool = p};
    int pid[4];
    for (int i = 0; i < 4; i++) pid[i] = hob_to_process_with(in, its_pid);
    CHECK(pid[0] == pid[1] && pid[1] != pid[2] && pid[2] == pid[3]);
    hob_process_pool_close(p);
    return 0;
}

/* ---- many, cancel, closing ---- */

static int naps(double seconds) {
    struct timespec t = {(time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9)};
    while (nanosleep(&t, &t) != 0) continue;
    return 5;
}
HOB_TASK(naps, double)
static int naps_there(struct hob_process_pool *p, double seconds) {
    struct hob_process_call in = {.pool = p};
    return hob_to_process_with(in, naps, seconds);
}
HOB_TASK(naps_there, struct hob_process_pool *, double)

TASK_TEST(more_callers_than_workers_wait_their_turn) {
    struct hob_process_pool *p;
    HOB_TRY(hob_process_pool_open(&p, (struct hob_process_pool_options){.processes = 2}));
    {
        HOB_SCOPE(s);
        for (int i = 0; i < 40; i++) hob_spawn(s, naps_there, p, 0.001);
        HOB_TRY(hob_join(s));
        struct hob_process_pool_info info;
        hob_process_pool_info(p, &info);
        CHECK_EQ(info.done, 40);
        CHECK_EQ(info.max, 2);
        CHECK(info.processes <= 2);
        CHECK_EQ(info.idle, info.processes);
        CHECK_EQ(info.waiting, 0);
    }
    hob_process_pool_close(p);
    return 0;
}

TASK_TEST(a_cancel_kills_the_worker_and_the_next_in_line_gets_another) {
    struct hob_process_pool *p;
    HOB_TRY(hob_process_pool_open(&p, (struct hob_process_pool_options){.processes = 1}));
    {
        HOB_SCOPE(s);
        CHECK_EQ(naps_there(p, 0), 5);
        struct hob_task *t = hob_spawn(s, naps_there, p, 1000.0);
        HOB_TRY(hob_sleep(0.02));
        struct hob_task *waits = hob_spawn(s, naps_there, p, 0.0);
        struct hob_task *gives_up = hob_spawn(s, naps_there, p, 0.0);
        HOB_TRY(hob_sleep(0.02));
        CHECK_STR(hob_task_waiting(waits), "process pool");
        hob_cancel(gives_up);
        CHECK_EQ(hob_await(gives_up), -ECANCELED);
        hob_cancel(t);
        CHECK_EQ(hob_await(t), -ECANCELED);
        CHECK_EQ(hob_await(waits), 5);
        HOB_TRY(hob_join(s));
        struct hob_process_pool_info info = {0};
        /* Until the time sufficed to begin. */
        for (double seconds = 0.02; info.killed < 2 && seconds < 10; seconds *= 2) {
            CHECK_EQ(hob_within(seconds, naps_there(p, 1000)), -ETIMEDOUT);
            hob_process_pool_info(p, &info);
        }
        CHECK_EQ(info.killed, 2);
        CHECK_EQ(info.processes, 0);
    }
    hob_process_pool_close(p);
    return 0;
}

static int closes_under_callers(void) {
    struct hob_process_pool *p;
    HOB_TRY(hob_process_pool_open(&p, (struct hob_process_pool_options){.processes = 1}));
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    struct hob_task *busy = hob_spawn(s, naps_there, p, 1000.0);
    struct hob_task *waits = hob_spawn(s, naps_there, p, 1000.0);
    HOB_TRY(hob_sleep(0.02));
    hob_process_pool_close(p);
    CHECK_EQ(hob_await(busy), HOB_E_CLOSED);
    CHECK_EQ(hob_await(waits), HOB_E_CLOSED);
    CHECK_EQ(hob_join(s), 2);
    return 0;
}
HOB_TASK(closes_under_callers)
static int uses_default(void) {
    CHECK(hob_to_process(remembers, 1) > 1);
    HOB_SCOPE(s);
    for (int i = 0; i < 4; i++) hob_spawn(s, naps_there, NULL, 0.001);
    HOB_TRY(hob_join(s));
    hob_error_clear();
    return hob_within(0.01, naps_there(NULL, 1000)) == -ETIMEDOUT ? 0 : -EIO;
}
HOB_TASK(uses_default)
static int uses_default_twice(void) { return hob_run_workers(2, uses_default); }

TEST(no_process_no_descriptor_and_no_byte_is_left) {
    long live = 0;
    int fds = 0;
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(hob_run(closes_under_callers), 0);
        CHECK_EQ(hob_run(uses_default), 0);
        CHECK_EQ(uses_default_twice(), 0);
        hob_error_clear();
        CHECK_EQ(children_of(getpid(), NULL), 0);
        if (i == 0) live = hob__alloc_live(), fds = count_fds();
    }
    CHECK_EQ(hob__alloc_live(), live);
    CHECK_EQ(count_fds(), fds);
    hob_process_pool_close(NULL);
    struct hob_process_pool *p;
    CHECK_EQ(hob_process_pool_open(&p, (struct hob_process_pool_options){.processes = 5000}),
             -EINVAL);
}

/* ---- without memory, without descriptors ---- */

static int simple(void) { return hob_to_process(remembers, 1); }
HOB_TASK(simple)
TEST(the_nth_allocation_fails) {
    CHECK(hob_run(simple) > 0);
    hob_error_clear();
    long live = hob__alloc_live();
    int fds = count_fds();
    for (long n = 1;; n++) {
        hob__alloc_fail_at(n);
        int rc = hob_run(simple);
        bool failed = hob__alloc_count() >= n;
        hob__alloc_fail_at(0);
        hob_error_clear();
        CHECK(rc > 0 || (failed && rc < 0));
        CHECK_EQ(hob__alloc_live(), live);
        CHECK_EQ(count_fds(), fds);
        CHECK_EQ(children_of(getpid(), NULL), 0);
        if (!failed) break;
    }
}

static int without_descriptors(void) {
    struct rlimit before, few;
    getrlimit(RLIMIT_NOFILE, &before);
    int rc = -EMFILE;
    for (rlim_t n = 3; rc == -EMFILE && n < 1000; n++) {
        few = (struct rlimit){n, before.rlim_max};
        setrlimit(RLIMIT_NOFILE, &few);
        rc = hob_to_process(remembers, 1);
    }
    setrlimit(RLIMIT_NOFILE, &before);
    return rc;
}
HOB_TASK(without_descriptors)
TEST(no_descriptors_is_an_error) {
    if (getenv("TEST_SLOW")) return; /* valgrind keeps some for itself */
    int rc = hob_run(without_descriptors);
    if (rc != 2) FAIL("%s", hob_strerror(rc));
}

/* ---- a fork of the program ---- */

static int in_child(void) {
    return hob_to_process(remembers, 1) == 2 && hob_to_process(remembers, 1) == 3 ? 0 : -EIO;
}
HOB_TASK(in_child)
TASK_TEST(the_child_of_a_fork_has_pools_of_its_own) {
    CHECK_EQ(hob_to_process(remembers, 10), 11);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(30);
        if (getenv("TEST_SLOW") || HOB__TSAN) _exit(0); /* no threads in a child there */
        int rc = hob_run(in_child);
        _exit(rc == 0 && children_of(getpid(), NULL) == 0 ? 0 : 1);
    }
    int status;
    waitpid(pid, &status, 0);
    CHECK_EQ(status, 0);
    CHECK_EQ(hob_to_process(remembers, 10), 21); /* the parent's worker is undisturbed */
    return 0;
}

TEST_MAIN()
