/* wake_test.c - sleeping and waking: no wake is lost, no deadline is early, and a look that can
 * find nothing makes no system call. */
#include "backend.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

/* ---- wakes from other threads ---- */

static _Atomic int posted, taken;
static int wakes;

/* Posts one thing at a time: a lost wake ends the test by its time limit. */
static void *post_and_wait(void *arg) {
    (void)arg;
    for (int i = 1; i <= wakes; i++) {
        atomic_store(&posted, i);
        b->ops->wake(b);
        while (atomic_load(&taken) < i) sched_yield();
    }
    return NULL;
}

BACKENDS(wakes_are_never_lost) {
    pthread_t t;
    wakes = fewer(100000);
    posted = taken = 0;
    CHECK_EQ(pthread_create(&t, NULL, post_and_wait, NULL), 0);
    while (atomic_load(&taken) < wakes) {
        CHECK(b->ops->wait(b, UINT64_MAX) >= 0);
        atomic_store(&taken, atomic_load(&posted));
    }
    pthread_join(t, NULL);
}

static _Atomic long sum;

static void *post_freely(void *arg) {
    (void)arg;
    for (int i = 0; i < wakes; i++) {
        atomic_fetch_add(&sum, 1);
        b->ops->wake(b);
        if (i % 64 == 0) sched_yield();
    }
    return NULL;
}

/* Two at once, not waiting: what they had put there before a wake is seen after it. */
BACKENDS(wakes_from_several_threads) {
    pthread_t t[2];
    wakes = fewer(100000);
    sum = 0;
    for (int i = 0; i < 2; i++) CHECK_EQ(pthread_create(&t[i], NULL, post_freely, NULL), 0);
    for (long got = 0; got < 2L * wakes; got = atomic_load(&sum))
        CHECK(b->ops->wait(b, UINT64_MAX) >= 0);
    for (int i = 0; i < 2; i++) pthread_join(t[i], NULL);
}

/* The inbox is plain memory here: wake() and wait() alone must order it (TSan sees it if not). */
static int plain_item;

static void *post_plain(void *arg) {
    (void)arg;
    plain_item = 42;
    b->ops->wake(b);
    return NULL;
}

BACKENDS(a_wake_publishes_what_came_before) {
    for (int i = 0; i < 50; i++) {
        pthread_t t;
        plain_item = 0;
        CHECK_EQ(pthread_create(&t, NULL, post_plain, NULL), 0);
        CHECK(b->ops->wait(b, UINT64_MAX) >= 0);
        CHECK_EQ(plain_item, 42);
        pthread_join(t, NULL);
        /* A wait that saw the wake before it slept leaves the waker's write behind, which ends the
         * next one for nothing: it ends this one. */
        CHECK(b->ops->wait(b, after(MS)) >= 0);
    }
}

BACKENDS(a_wake_is_remembered_once) {
    uint64_t start = b->ops->now(b);
    b->ops->wake(b);
    b->ops->wake(b);
    CHECK_EQ(b->ops->wait(b, UINT64_MAX), 0);
    b->ops->wake(b);
    CHECK_EQ(b->ops->wait(b, 0), 0);
    uint64_t until = after(20 * MS);
    CHECK_EQ(b->ops->wait(b, until), 0);
    CHECK(b->ops->now(b) >= until);
    CHECK(until - start < 2000 * MS);
    CHECK(!atomic_load(&b->sleeping));
    CHECK(!atomic_load(&b->woken));
}

/* ---- signals ---- */

static _Atomic int signals;

static void wake_on_signal(int sig) {
    (void)sig;
    atomic_fetch_add(&signals, 1);
    b->ops->wake(b);
}

static void *send_signals(void *arg) {
    pthread_t target = *(pthread_t *)arg;
    for (int i = 1; i <= wakes; i++) {
        CHECK_EQ(pthread_kill(target, SIGUSR1), 0);
        while (atomic_load(&taken) < i) sched_yield();
    }
    return NULL;
}

BACKENDS(wakes_from_a_signal_handler) {
    struct sigaction act = {.sa_handler = wake_on_signal, .sa_flags = SA_RESTART};
    pthread_t t, self = pthread_self();
    /* It keeps a signal back until the next call that it knows, and our wait is none. */
    if (UNDER_TSAN) return;
    wakes = fewer(20000);
    signals = taken = 0;
    sigaction(SIGUSR1, &act, NULL);
    CHECK_EQ(pthread_create(&t, NULL, send_signals, &self), 0);
    while (atomic_load(&taken) < wakes) {
        CHECK_EQ(b->ops->wait(b, UINT64_MAX), 0);
        atomic_store(&taken, atomic_load(&signals));
    }
    pthread_join(t, NULL);
}

static void only_count(int sig) {
    (void)sig;
    atomic_fetch_add(&signals, 1);
}

BACKENDS(a_signal_ends_the_wait_without_events) {
    struct sigaction act = {.sa_handler = only_count};
    struct itimerval every = {{0, 2000}, {0, 2000}};
    sigaction(SIGALRM, &act, NULL);
    signals = 0;
    setitimer(ITIMER_REAL, &every, NULL);
    for (int i = 0; i < 20; i++) CHECK_EQ(b->ops->wait(b, UINT64_MAX), 0);
    CHECK(signals >= 19);
    setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 0}}, NULL);
}

/* ---- deadlines ---- */

/* How late it is told is the machine's affair, which may let others run first, more often than not:
 * the least late of many shows what the wait itself adds. */
BACKENDS(deadlines_are_kept) {
    static const uint64_t lengths_ns[] = {1000, 50000, 333333, MS, 3 * MS + 7, 20 * MS};
    for (size_t k = 0; k < sizeof lengths_ns / sizeof lengths_ns[0]; k++) {
        uint64_t least = UINT64_MAX;
        for (int i = 0; i < 15 || (i < 500 && least >= 2 * MS); i++) {
            uint64_t until = after(lengths_ns[k]);
            CHECK_EQ(b->ops->wait(b, until), 0);
            uint64_t now = b->ops->now(b);
            CHECK(now >= until);
            if (now - until < least) least = now - until;
        }
        CHECK(least < 2 * MS);
    }
}

BACKENDS(past_deadlines_do_not_sleep) {
    uint64_t start = b->ops->now(b);
    for (int i = 0; i < 100; i++) {
        CHECK_EQ(b->ops->wait(b, 1), 0);
        CHECK_EQ(b->ops->wait(b, start), 0);
    }
    CHECK(b->ops->now(b) - start < 1000 * MS);
}

/* ---- system calls ---- */

/* From now on the process dies by SIGSYS if it makes the call. */
static void forbid(const long *calls, size_t n, unsigned verdict) {
    struct sock_filter code[2 * 8 + 2];
    unsigned short at = 0;
    code[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
    for (size_t i = 0; i < n; i++) {
        code[at++] =
            (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i], 0, 1);
        code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, verdict);
    }
    code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog prog = {.len = at, .filter = code};
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) != 0) {
        printf("# no seccomp here\n");
        exit(0);
    }
}

static const long looks[] = {
#ifdef SYS_epoll_wait
    SYS_epoll_wait,
#endif
    SYS_epoll_pwait, HOB__SYS_URING_ENTER, 441 /* epoll_pwait2 */};

static void look_often(bool watching) {
    int p[2];
    make_pair(p);
    if (watching) armed(p[0]);
    settle();
    forbid(looks, sizeof looks / sizeof looks[0], SECCOMP_RET_KILL_PROCESS);
    for (int i = 0; i < 1000; i++) CHECK_EQ(b->ops->wait(b, 0), 0);
    b->ops->wake(b);
    CHECK_EQ(b->ops->wait(b, UINT64_MAX), 0);
    _exit(0);
}

TEST(nothing_watched_costs_no_system_call_epoll) {
    CHECK(open_backend("epoll"));
    look_often(false);
}

TEST(watched_and_quiet_costs_no_system_call_uring) {
    if (open_backend("uring")) look_often(true);
}

/* The two above can fail. */
TEST(forbidden_calls_are_noticed) {
    pid_t pid = fork();
    if (pid == 0) {
        CHECK(open_backend("epoll"));
        look_often(true);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    CHECK(status != 0 || getenv("TEST_SLOW"));
}

/* ---- falling back ---- */

static void expect_fallback(int err, const char *reason) {
    if (hob__on_valgrind()) return; /* it falls back already */
    forbid((const long[]){HOB__SYS_URING_SETUP}, 1, SECCOMP_RET_ERRNO | (unsigned)err);
    int fds = count_fds();
    backend = (struct hob__backend){.on_ready = note_ready};
    CHECK_EQ(hob__backend_open(b, "uring"), -err);
    CHECK_HAS(b->why, reason);
    CHECK_EQ(count_fds(), fds);
    backend = (struct hob__backend){.on_ready = note_ready};
    CHECK_EQ(hob__backend_open(b, NULL), 0);
    CHECK_STR(b->ops->name, "epoll");
    CHECK_HAS(b->why, reason);
    int p[2];
    make_pair(p);
    struct hob__fd *f = armed(p[0]);
    settle();
    CHECK_EQ(seen(f), HOB__WRITE);
    give_up(f);
    close(p[1]);
    hob__backend_close(b);
    CHECK_EQ(count_fds(), fds);
}

TEST(fallback_eperm) {
    expect_fallback(EPERM, "io_uring_setup: Operation not permitted (a seccomp");
}
TEST(fallback_eacces) { expect_fallback(EACCES, "io_uring_setup: Permission denied (a seccomp"); }
TEST(fallback_enosys) { expect_fallback(ENOSYS, "io_uring_setup: Function not implemented"); }
TEST(fallback_enomem) { expect_fallback(ENOMEM, "io_uring_setup: Cannot allocate memory (on old"); }
TEST(fallback_emfile) { expect_fallback(EMFILE, "io_uring_setup: Too many open files"); }
TEST(fallback_einval) { expect_fallback(EINVAL, "io_uring_setup: Invalid argument"); }

/* No epoll_pwait2: milliseconds, rounded up. */
TEST(old_epoll) {
    forbid((const long[]){441}, 1, SECCOMP_RET_ERRNO | ENOSYS);
    CHECK(open_backend("epoll"));
    for (uint64_t ns = 1; ns < 5 * MS; ns = ns * 3 + 1) {
        uint64_t until = after(ns);
        CHECK_EQ(b->ops->wait(b, until), 0);
        CHECK(b->ops->now(b) >= until);
    }
    hob__backend_close(b);
}

TEST(unknown_name) { CHECK_EQ(hob__backend_open(b, "kqueue"), -EINVAL); }

TEST(no_descriptors_left) {
    struct rlimit lim;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &lim), 0);
    int fds = count_fds(), lowest = dup(0);
    close(lowest);
    for (rlim_t room = 0; room < 4; room++) {
        lim.rlim_cur = (rlim_t)lowest + room;
        CHECK_EQ(setrlimit(RLIMIT_NOFILE, &lim), 0);
        backend = (struct hob__backend){.on_ready = note_ready};
        int rc = hob__backend_open(b, NULL);
        if (room < 2) {
            CHECK_EQ(rc, -EMFILE);
            CHECK(b->why[0] != 0);
        } else {
            CHECK_EQ(rc, 0);
            hob__backend_close(b);
        }
    }
    lim.rlim_cur = lim.rlim_max;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &lim), 0);
    CHECK_EQ(count_fds(), fds);
}

TEST(no_memory_to_open) {
    int fds = count_fds();
    for (int k = 0; k < 2 - hob__on_valgrind(); k++) {
        const char *name = k ? "uring" : "epoll";
        backend = (struct hob__backend){.on_ready = note_ready};
        hob__alloc_fail_at(1);
        long live = hob__alloc_live();
        CHECK_EQ(hob__backend_open(b, name), -ENOMEM);
        CHECK_HAS(b->why, "Cannot allocate memory");
        CHECK_EQ(hob__alloc_live(), live);
        CHECK_EQ(count_fds(), fds);
    }
}

TEST(random_and_time) {
    CHECK(open_backend("epoll"));
    unsigned char bytes[2][1000] = {{0}};
    size_t same = 0;
    for (int i = 0; i < 2; i++) b->ops->random(b, bytes[i], sizeof bytes[i]);
    for (size_t i = 0; i < sizeof bytes[0]; i++) same += bytes[0][i] == bytes[1][i];
    CHECK(same < 50);
    uint64_t before = b->ops->now(b);
    CHECK(before > 0);
    for (int i = 0; i < 1000; i++) {
        uint64_t now = b->ops->now(b);
        CHECK(now >= before);
        before = now;
    }
    hob__backend_close(b);
}

/* ---- the ring itself ---- */

/* More completions than its ring has room for: none is lost, and the ring says that there are more.
 */
static void overflow(unsigned skip) {
    enum { N = 9500 };
    static bool got[N];
    struct hob__ring r;
    const char *step;
    hob__ring_skip = skip;
    if (hob__ring_open(&r, &step) < 0) return;
    int p[2];
    make_pair(p); /* writable, so each poll ends at once */
    for (int i = 0; i < N; i++) {
        struct hob__sqe *e = hob__ring_sqe(&r);
        CHECK(e != NULL);
        e->opcode = HOB__URING_POLL_ADD;
        e->fd = p[0];
        e->op_flags = 4; /* POLLOUT */
        e->user_data = (uint64_t)i;
    }
    int count = 0;
    for (int round = 0; round < 2000 && count < N; round++) {
        CHECK_EQ(hob__ring_enter(&r, false, 0), 0);
        if (round <= 600) continue; /* the first rounds take nothing */
        uint32_t at = hob__ring_begin(&r), end = hob__ring_end(&r);
        for (; at != end; at++) {
            uint64_t i = hob__ring_peek(&r, at)->user_data;
            CHECK(i < N && !got[i]);
            got[i] = true;
            count++;
        }
        hob__ring_taken(&r, end);
        if (count < N) CHECK(hob__ring_unfinished(&r));
    }
    CHECK_EQ(count, N);
    CHECK(hob__ring_begin(&r) == hob__ring_end(&r) && !hob__ring_unfinished(&r));
    CHECK_EQ(hob__ring_pending(&r), 0);
    hob__ring_close(&r, true);
}

TEST(overflow_deferred) { overflow(0); }
TEST(overflow_coop) { overflow(2); }
TEST(overflow_plain) { overflow(3); }

TEST(ring_without_absolute_time) {
    struct hob__ring r;
    const char *step;
    if (hob__ring_open(&r, &step) < 0) return;
    r.wait_absolute = false;
    for (uint64_t ns = 0; ns < 5 * MS; ns = ns * 3 + 1000) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        uint64_t start = (uint64_t)t.tv_sec * 1000 * MS + (uint64_t)t.tv_nsec;
        CHECK_EQ(hob__ring_enter(&r, true, start + ns), -ETIME);
        clock_gettime(CLOCK_MONOTONIC, &t);
        CHECK((uint64_t)t.tv_sec * 1000 * MS + (uint64_t)t.tv_nsec >= start + ns);
    }
    hob__ring_close(&r, true);
}

TEST_MAIN()
