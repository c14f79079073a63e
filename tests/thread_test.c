/* thread_test.c - hob_to_thread and its pools: results and errors, cancel in both ways, bounds,
 * misuse, what is left behind. */
#include "test.h"

#include <dirent.h>
#include <hob/thread.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <time.h>

#include "base/memory.h"
#include "fiber/sanitize.h"

static void nap(long us) {
    struct timespec t = {us / 1000000, us % 1000000 * 1000};
    while (nanosleep(&t, &t) != 0) continue;
}

/* A gate that worker threads stand at. */
static sem_t gate;
static _Atomic int began, ended, most, inside;

static void gate_init(void) {
    sem_init(&gate, 0, 0);
    began = ended = most = inside = 0;
}
static void gate_open(int n) {
    while (n-- > 0) sem_post(&gate);
}
static int stands_at_gate(int result) {
    int now = ++inside, top = most;
    while (now > top && !atomic_compare_exchange_weak(&most, &top, now)) continue;
    began++;
    while (sem_wait(&gate) != 0) continue;
    inside--;
    ended++;
    return result;
}
HOB_TASK(stands_at_gate, int)

static int in_thread(int result) { return hob_to_thread(stands_at_gate, result); }
HOB_TASK(in_thread, int)
static int in_thread_or_leave(int result) { return hob_to_thread_or_leave(stands_at_gate, result); }
HOB_TASK(in_thread_or_leave, int)
static int in_pool(struct hob_pool *p, int result) {
    return hob_to_pool(p, stands_at_gate, result);
}
HOB_TASK(in_pool, struct hob_pool *, int)

/* ---- what comes back ---- */

struct pair {
    double x;
    char name[24];
};
static pthread_t loop_thread;
static int adds(struct pair p, const char *text, short n, struct pair *out) {
    CHECK(!pthread_equal(pthread_self(), loop_thread));
    CHECK(!hob_self() && !hob_loop_current());
    sigset_t blocked;
    pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    CHECK(sigismember(&blocked, SIGINT) && sigismember(&blocked, SIGCHLD));
    CHECK(!sigismember(&blocked, SIGSEGV));
    out->x = p.x + n;
    snprintf(out->name, sizeof out->name, "%.10s %.10s", p.name, text);
    return n;
}
HOB_TASK(adds, struct pair, const char *, short, struct pair *)

TASK_TEST(results_arguments_and_structures_come_and_go) {
    struct pair in = {1.5, "Ada"}, out = {0, ""};
    loop_thread = pthread_self();
    CHECK_EQ(hob_to_thread(adds, in, "Lovelace", 7, &out), 7);
    CHECK(out.x == 8.5);
    CHECK_STR(out.name, "Ada Lovelace");
    CHECK_EQ(hob_to_cpu(adds, in, "King", 3, &out), 3);
    CHECK_STR(out.name, "Ada King");
    return 0;
}

static int fails(int code, bool says_why) {
    if (says_why) hob_fail(-EPERM, "the cause");
    return says_why ? hob_fail_from(code, "the disk is full of %s", "jelly") : code;
}
HOB_TASK(fails, int, bool)

TASK_TEST(an_error_comes_with_its_record) {
    CHECK_EQ(hob_to_thread(fails, -EIO, true), -EIO);
    CHECK_EQ(hob_error()->code, -EIO);
    CHECK_STR(hob_error()->message, "the disk is full of jelly");
    CHECK_STR(hob_error()->task, "fails");
    CHECK(hob_error()->cause != NULL);
    CHECK_STR(hob_error()->cause->message, "the cause");
    CHECK_EQ(hob_to_thread(fails, -EPIPE, false), -EPIPE);
    CHECK_EQ(hob_error()->code, -EPIPE);
    CHECK_STR(hob_error()->task, "fails");
    /* what a thread left behind is not the next one's */
    CHECK_EQ(hob_to_thread(fails, 5, true), 5);
    CHECK_EQ(hob_to_thread(fails, -EPIPE, false), -EPIPE);
    CHECK_STR(hob_error()->message, hob_strerror(-EPIPE));
    return 0;
}

static int ticks;
static int tick(void) {
    for (;; ticks++) HOB_TRY(hob_sleep(0.001));
}
HOB_TASK(tick)

TASK_TEST(the_loop_goes_on_meanwhile) {
    gate_init();
    HOB_SCOPE(s);
    hob_spawn_daemon(s, tick);
    struct hob_task *t = hob_spawn(s, in_thread, 9);
    while (ticks < 20) HOB_TRY(hob_sleep(0.001));
    CHECK(!hob_task_done(t));
    CHECK_STR(hob_task_waiting(t), "thread 'stands_at_gate'");
    gate_open(1);
    CHECK_EQ(hob_await(t), 9);
    return hob_join(s);
}

static int counts(int n) { return n + 1; }
HOB_TASK(counts, int)
static int many(int n) {
    for (int i = 0; i < n; i++) CHECK_EQ(hob_to_thread(counts, i), i + 1);
    return 0;
}
HOB_TASK(many, int)
static int fewer(int n) { return getenv("TEST_SLOW") ? n / 10 : n; }
TASK_TEST(thousands_of_calls_from_hundreds_of_tasks) {
    HOB_SCOPE(s);
    for (int i = 0; i < 200; i++) hob_spawn(s, many, fewer(50));
    return hob_join(s);
}

static int in_loop_of_its_own(int n) { return hob_run(counts, n); }
HOB_TASK(in_loop_of_its_own, int)
TASK_TEST(a_thread_may_run_a_loop_of_its_own) {
    CHECK_EQ(hob_to_thread(in_loop_of_its_own, 4), 5);
    return 0;
}

/* ---- cancel ---- */

static int wait_until(_Atomic int *what, int value) {
    while (*what < value) HOB_TRY(hob_sleep(0.001));
    return 0;
}

TASK_TEST(a_cancel_waits_for_the_end_and_the_result_counts) {
    gate_init();
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, in_thread, 5);
    HOB_TRY(wait_until(&began, 1));
    hob_cancel(t);
    HOB_TRY(hob_sleep(0.02));
    CHECK(!hob_task_done(t));
    gate_open(1);
    CHECK_EQ(hob_await(t), 5);
    CHECK_EQ(ended, 1);
    return hob_join(s);
}

TASK_TEST(or_it_leaves_at_once_and_the_thread_goes_on) {
    gate_init();
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, in_thread_or_leave, 5);
    HOB_TRY(wait_until(&began, 1));
    hob_cancel(t);
    CHECK_EQ(hob_await(t), -ECANCELED);
    CHECK_EQ(ended, 0);
    struct hob_pool_info info;
    hob_pool_info(NULL, &info);
    CHECK_EQ(info.left, 1);
    CHECK_EQ(info.busy, 1);
    gate_open(1);
    HOB_TRY(wait_until(&ended, 1));
    return hob_join(s);
}

TASK_TEST(a_deadline_keeps_a_result_that_came) {
    gate_init();
    /* Until it has begun by then: a thread may start late. */
    for (double seconds = 0.01; !began; seconds *= 2)
        CHECK_EQ(hob_within(seconds, in_thread_or_leave(5)), -ETIMEDOUT);
    gate_open(1);
    HOB_TRY(wait_until(&ended, 1));
    return 0;
}

static int notices_cancel(void) {
    began++;
    for (int i = 0; !hob_thread_cancelled(); i++) {
        CHECK(i < 50000);
        nap(1000);
    }
    return 77;
}
HOB_TASK(notices_cancel)
static int is_noticed(void) { return hob_to_thread(notices_cancel); }
HOB_TASK(is_noticed)
TASK_TEST(a_thread_can_ask_whether_its_caller_has_been_cancelled) {
    gate_init();
    CHECK(!hob_thread_cancelled());
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, is_noticed);
    HOB_TRY(wait_until(&began, 1));
    hob_cancel(t);
    CHECK_EQ(hob_await(t), 77);
    return hob_join(s);
}

static int until_waits(struct hob_task *t) {
    while (!strchr(hob_task_waiting(t), '\'')) HOB_TRY(hob_yield_now());
    return 0;
}

TASK_TEST(what_is_cancelled_in_the_queue_never_runs) {
    gate_init();
    struct hob_pool *p;
    HOB_TRY(hob_pool_open(&p, (struct hob_pool_options){.threads = 1, .queue = 2}));
    {
        HOB_SCOPE(s);
        struct hob_task *t[6];
        for (int i = 0; i < 6; i++) t[i] = hob_spawn(s, in_pool, p, i);
        HOB_TRY(wait_until(&began, 1));
        struct hob_pool_info info;
        for (int i = 1; i < 6; i++) HOB_TRY(until_waits(t[i]));
        hob_pool_info(p, &info);
        CHECK_EQ(info.threads, 1);
        CHECK_EQ(info.queued, 2);
        CHECK_EQ(info.waiting, 3);
        CHECK_STR(hob_task_waiting(t[5]), "pool 'hob-pool'");
        hob_cancel(t[2]); /* in the queue: t[3] gets its place */
        hob_cancel(t[4]); /* in the line */
        CHECK_EQ(hob_await(t[2]), -ECANCELED);
        CHECK_EQ(hob_await(t[4]), -ECANCELED);
        do {
            HOB_TRY(hob_yield_now());
            hob_pool_info(p, &info);
        } while (info.queued < 2);
        CHECK_EQ(info.waiting, 1);
        gate_open(4);
        for (int i = 0; i < 6; i++)
            if (i != 2 && i != 4) CHECK_EQ(hob_await(t[i]), i);
        CHECK_EQ(began, 4);
        CHECK_EQ(most, 1);
        HOB_TRY(hob_join(s));
        hob_pool_info(p, &info);
        CHECK_EQ(info.done, 4);
        CHECK_EQ(info.queued + info.waiting, 0);
    }
    hob_pool_close(p);
    return 0;
}

static int no_call(void) { return hob_to_thread(counts, 1); }
HOB_TASK(no_call)
TASK_TEST(a_cancelled_task_does_not_begin) {
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, no_call);
    hob_cancel(t);
    CHECK_EQ(hob_await(t), -ECANCELED);
    return hob_join(s);
}

/* ---- pools ---- */

TASK_TEST(a_pool_has_a_name_a_bound_and_refuses_if_it_is_told_to) {
    gate_init();
    struct hob_pool *p;
    HOB_TRY(hob_pool_open(
        &p,
        (struct hob_pool_options){
            .name = "resizers", .threads = 2, .queue = 1, .refuse = true, .stack_size = 1 << 20}));
    {
        HOB_SCOPE(s, .on_error = HOB_COLLECT);
        for (int i = 0; i < 2; i++) hob_spawn(s, in_pool, p, i);
        HOB_TRY(wait_until(&began, 2));
        HOB_TRY(until_waits(hob_spawn(s, in_pool, p, 2)));
        CHECK_EQ(hob_to_pool(p, stands_at_gate, 3), HOB_E_FULL);
        CHECK_STR(hob_error()->message, "pool 'resizers': 2 threads are busy, 1 calls wait");
        gate_open(3);
        CHECK_EQ(hob_join(s), 0);
        CHECK_EQ(most, 2);
    }
    hob_pool_close(p);
    return 0;
}

static int threads_named(const char *name) {
    int n = 0;
    DIR *d = opendir("/proc/self/task");
    for (struct dirent *e; (e = readdir(d));) {
        char path[300], text[32] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", e->d_name);
        FILE *f = fopen(path, "r");
        if (f && fgets(text, sizeof text, f)) n += strncmp(text, name, strlen(name)) == 0;
        if (f) fclose(f);
    }
    closedir(d);
    return n;
}
static int await_threads(const char *name, int n) {
    for (int i = 0; threads_named(name) != n; i++) {
        CHECK(i < 3000);
        HOB_TRY(hob_sleep(0.01));
    }
    return 0;
}

TASK_TEST(idle_threads_end_and_come_back) {
    struct hob_pool *p;
    HOB_TRY(hob_pool_open(&p, (struct hob_pool_options){.name = "shortlived", .idle = 0.02}));
    for (int round = 0; round < 3; round++) {
        CHECK_EQ(hob_to_pool(p, counts, 1), 2);
        HOB_TRY(await_threads("shortlived", 0));
        struct hob_pool_info info;
        hob_pool_info(p, &info);
        CHECK_EQ(info.threads, 0);
    }
    hob_pool_close(p);
    return 0;
}

TASK_TEST(the_default_pools_do_not_wait_for_each_other) {
    gate_init();
    HOB_SCOPE(s);
    for (int i = 0; i < 40; i++) hob_spawn(s, in_thread, i);
    HOB_TRY(wait_until(&began, 32));
    struct hob_pool_info info;
    do {
        HOB_TRY(hob_sleep(0.001));
        hob_pool_info(NULL, &info);
    } while (info.queued < 8);
    CHECK_EQ(info.threads, 32);
    CHECK_EQ(hob_to_cpu(counts, 1), 2);
    hob_pool_info(hob_pool_cpu(), &info);
    CHECK_EQ(info.max, hob_cpu_count());
    CHECK(info.max >= 1);
    gate_open(40);
    HOB_TRY(hob_join(s));
    CHECK_EQ(most, 32);
    return 0;
}

static int closes(struct hob_pool *p) {
    hob_pool_close(p);
    return ended;
}
HOB_TASK(closes, struct hob_pool *)
TASK_TEST(closing_waits_for_what_was_handed_over_and_sends_the_line_away) {
    gate_init();
    struct hob_pool *p;
    HOB_TRY(hob_pool_open(&p, (struct hob_pool_options){.threads = 1, .queue = 1, .name = "gone"}));
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    struct hob_task *t[3];
    for (int i = 0; i < 3; i++) t[i] = hob_spawn(s, in_pool, p, i);
    HOB_TRY(wait_until(&began, 1));
    HOB_TRY(until_waits(t[2]));
    struct hob_task *closer = hob_spawn(s, closes, p);
    CHECK_EQ(hob_await(t[2]), HOB_E_CLOSED);
    CHECK_STR(hob_error()->message, "the pool 'gone' has been closed");
    HOB_TRY(hob_sleep(0.01));
    CHECK(!hob_task_done(closer)); /* and this loop still turns */
    gate_open(2);
    CHECK_EQ(hob_await(t[0]), 0);
    CHECK_EQ(hob_await(t[1]), 1);
    CHECK_EQ(hob_await(closer), 2);
    CHECK_EQ(hob_join(s), 1);
    return 0;
}

TEST(a_pool_may_live_outside_loops) {
    struct hob_pool *p;
    CHECK_EQ(hob_pool_open(&p, (struct hob_pool_options){.idle = -1}), -EINVAL);
    CHECK(p == NULL);
    CHECK_EQ(hob_pool_open(&p, (struct hob_pool_options){.threads = 3}), 0);
    gate_init();
    gate_open(2);
    CHECK_EQ(hob_run(in_pool, p, 8), 8);
    CHECK_EQ(hob_run(in_pool, NULL, 9), 9); /* the one for blocking calls */
    hob_pool_close(p);
    hob_pool_close(NULL);
}

static int overflows(void) {
    volatile char big[300 << 10];
    memset((char *)big, 1, sizeof big);
    return big[5];
}
HOB_TASK(overflows)
TASK_TEST(a_worker_has_a_whole_threads_stack) {
    CHECK_EQ(hob_to_thread(overflows), 1);
    return 0;
}

/* ---- task-locals ---- */

static struct hob_local color = HOB_LOCAL("color", NULL), size = HOB_LOCAL("size", NULL);
static const char *red = "red", *blue = "blue";
static int sees_none_in_its_loop(void) { return hob_local_get(&color) == NULL; }
HOB_TASK(sees_none_in_its_loop)
static int sees(const char *wanted) {
    bool right = hob_local_get(&color) == wanted && hob_local_get(&size) == NULL;
    bool none = hob_run(sees_none_in_its_loop) == 1; /* a run begins without */
    return right && none && hob_local_get(&color) == wanted;
}
HOB_TASK(sees, const char *)
static int sets_and_calls(const char *value) {
    HOB_TRY(hob_local_set(&color, (void *)(uintptr_t)value));
    for (int i = 0; i < 20; i++) {
        CHECK_EQ(hob_to_thread(sees, value), 1);
        CHECK_EQ(hob_to_cpu(sees, value), 1);
        CHECK_EQ(hob_to_thread_or_leave(sees, NULL), 1);
    }
    return 0;
}
HOB_TASK(sets_and_calls, const char *)
TASK_TEST(TH01_a_thread_sees_the_locals_of_its_caller) {
    CHECK_EQ(hob_to_thread(sees, NULL), 1);
    CHECK_EQ(hob_local_set(&color, (void *)(uintptr_t)red), 0);
    HOB_SCOPE(s);
    hob_spawn(s, sets_and_calls, red);
    hob_spawn(s, sets_and_calls, blue);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(hob_to_thread(sees, red), 1);
    return 0;
}

/* In a simulated world a function for a thread runs in the loop's own. */
static int simulated(void) { return hob_to_thread(sees_none_in_its_loop); }
HOB_TASK(simulated)
static int runs_a_world(void) {
    struct hob_options world = {.backend = "sim", .no_interrupt = true};
    return hob_run_with(world, simulated) == 1 && hob_local_get(&color) == red;
}
HOB_TASK(runs_a_world)
TASK_TEST(a_thread_sees_them_again_after_a_simulated_world) {
    CHECK_EQ(hob_local_set(&color, (void *)(uintptr_t)red), 0);
    CHECK_EQ(hob_to_thread(runs_a_world), 1);
    return 0;
}

/* ---- misuse ---- */

static int sleeps_here(void) { return hob_sleep(1); }
HOB_TASK(sleeps_here)
static int sleeps_there(void) { return hob_to_thread(sleeps_here); }
HOB_TASK(sleeps_there)
static int closes_default(void) {
    hob_pool_close(hob_pool_cpu());
    return 0;
}
HOB_TASK(closes_default)
static int ends_thread(void) { pthread_exit(NULL); }
HOB_TASK(ends_thread)
static int waits_for_ever(void) { return hob_to_thread(ends_thread); }
HOB_TASK(waits_for_ever)

TEST(task_calls_in_a_worker_are_told) {
    CHECK_DIES(hob_run(sleeps_there), "hob_sleep: called by 'sleeps_here' in a worker, where");
    CHECK_DIES(hob__to_pool(NULL, false, NULL, NULL), "hob_to_thread: called outside a task");
    CHECK_DIES(hob_run(waits_for_ever), "'ends_thread' must not end its worker thread");
    CHECK_DIES(hob_run(closes_default), "'hob-cpu' is one of the default pools");
}

/* ---- what is left ---- */

/* The loop ends before the thread does. */
static int leaves_soon(void) {
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, in_thread_or_leave, 1);
    HOB_TRY(wait_until(&began, 1));
    hob_cancel(t);
    CHECK_EQ(hob_await(t), -ECANCELED);
    return hob_join(s);
}
HOB_TASK(leaves_soon)
TEST(a_run_does_not_wait_for_a_thread_that_was_left) {
    long live = 0;
    int fds = 0;
    for (int i = 0; i < 4; i++) {
        gate_init();
        CHECK_EQ(hob_run(leaves_soon), 0);
        hob_error_clear();
        gate_open(1);
        struct hob_pool_info info;
        do {
            nap(1000);
            hob_pool_info(NULL, &info);
        } while (info.busy > 0);
        CHECK_EQ(ended, 1);
        CHECK_EQ(info.left, i + 1);
        if (i == 0) live = hob__alloc_live(), fds = count_fds();
    }
    CHECK_EQ(hob__alloc_live(), live);
    CHECK_EQ(count_fds(), fds);
}

/* ---- no thread to be had ---- */

/* A user without the right to make another one: an error that says for what; nothing is queued, no
 * byte kept, and another call later is as good as any. */
static int calls_without_threads(void) {
    struct rlimit before;
    struct hob_pool_info info;
    struct hob_pool *pool;
    CHECK_EQ(hob_pool_open(&pool, (struct hob_pool_options){.name = "resizers"}), 0);
    size_t live = hob__alloc_live();
    CHECK_EQ(getrlimit(RLIMIT_NPROC, &before), 0);
    CHECK_EQ(setrlimit(RLIMIT_NPROC, &(struct rlimit){0, before.rlim_max}), 0);
    if (getuid() == 0 && setuid(65534) != 0) return 0;
    CHECK_EQ(hob_to_pool(pool, counts, 1), -EAGAIN);
    CHECK_HAS(hob_error()->message, "'counts'");
    CHECK_HAS(hob_error()->message, "'resizers'");
    hob_error_clear();
    hob_pool_info(pool, &info);
    CHECK_EQ(info.queued + info.busy + info.waiting + info.threads, 0);
    CHECK_EQ(hob__alloc_live(), live);
    CHECK_EQ(setrlimit(RLIMIT_NPROC, &before), 0);
    CHECK_EQ(hob_to_pool(pool, counts, 1), 2);
    hob_pool_close(pool);
    return 0;
}
HOB_TASK(calls_without_threads)
TEST(no_thread_to_be_had) {
    setenv("HOB_SLOW_MS", "0", 1);
    CHECK_EQ(hob_run(calls_without_threads), 0);
    fflush(NULL);
    _exit(0); /* LeakSanitizer cannot work under another user */
}

/* ---- fork ---- */

static int forks_and_calls(void) {
    CHECK_EQ(hob_to_thread(counts, 1), 2);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(30);
        if (getenv("TEST_SLOW") || HOB__TSAN) _exit(0); /* no threads in a child there */
        int rc = hob_run(many, 20);
        struct hob_pool_info info;
        hob_pool_info(NULL, &info);
        _exit(rc == 0 && info.threads >= 1 && info.threads <= 20 ? 0 : 1);
    }
    int status;
    waitpid(pid, &status, 0);
    CHECK_EQ(status, 0);
    CHECK_EQ(hob_to_thread(counts, 2), 3);
    return 0;
}
HOB_TASK(forks_and_calls)
TASK_TEST(the_child_of_a_fork_has_pools_of_its_own) {
    gate_init();
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, in_thread, 1); /* busy meanwhile */
    HOB_TRY(wait_until(&began, 1));
    CHECK_EQ(forks_and_calls(), 0);
    gate_open(1);
    CHECK_EQ(hob_await(t), 1);
    return hob_join(s);
}

TEST_MAIN()
