/* task/watchdog.c - a thread that notices a task which holds its loop too long, and shows its stack
 * (capture.c) while it still does.
 *
 * Each loop counts: `awake` at every change between tasks and outside, ring_head at every switch.
 * The watchdog looks a few times within the limit; when both stand still with a task running, it
 * asks for the stack. One report per hold. When no loop has moved for a second the watchdog rests
 * until one wakes it. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/crew.h"
#include "fiber/sanitize.h"
#include "loop/internal.h"
#include "task/capture.h"
#include "task/task.h"

enum { RESTS_AFTER_MS = 1000 };

_Atomic bool hob__watchdog_rests;

/* Over the whole of a start or an end, so that they do not overlap. */
static pthread_mutex_t life = PTHREAD_MUTEX_INITIALIZER;

/* Under lock. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool runs, ends;
    _Atomic bool began; /* watch() runs */
    _Atomic bool apart; /* from the program's table of descriptors, or about to leave it */
    int loops;
} dog = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* This thread is the watchdog. */
static __thread bool is_dog;

/* What the watchdog last saw of a loop. It has few loops to look at. */
enum { LOOPS_MAX = 256 };
static struct seen {
    struct hob_loop *loop;
    uint32_t awake, head;
    uint64_t since;
    bool has_reported;
} seen[LOOPS_MAX];

/* The machine's clock, in any backend: how long a task really holds its thread. */
static uint64_t now_ms(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000u + (uint64_t)ts.tv_nsec / 1000000u;
}

/* ---- the table of descriptors ---- */

/* A second thread in the table of descriptors makes every system call of the loop count references
 * to its file: two atomic operations on a line that is cold when there are many connections (30 ns
 * a call, and 200 ns with 9,000 of them). So the watchdog has an empty table of its own as long as
 * reports go to standard error: it borrows that of the program for each report, so that it is what
 * the program has made of it by then, and holds nothing open. Where the kernel refuses to lend it,
 * and for a report function of the program's, which may want any descriptor, the table is shared.
 */
/* close(), of numbers that mean nothing in the program's table, past ThreadSanitizer, which takes
 * all for one table. */
static void let_go(int fd) { syscall(SYS_close, fd); }

#ifdef SYS_pidfd_getfd
/* A copy of the descriptor 2 of a thread (0: of the program's first one); -1: there is none. */
static int borrow_stderr(pid_t tid) {
    enum { THREAD = O_EXCL }; /* PIDFD_THREAD, Linux 6.9 */
    int pidfd = tid ? (int)syscall(SYS_pidfd_open, tid, THREAD) : -1;
    if (pidfd < 0) pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (pidfd < 0) return -1;
    int fd = (int)syscall(SYS_pidfd_getfd, pidfd, 2, 0);
    int why = errno;
    let_go(pidfd);
    errno = why;
    return fd;
}

/* Would the kernel lend it? Found out by calls that it has to refuse: a descriptor that is open for
 * a moment only would still be one too many for a program that counts its own, or relies on their
 * numbers. */
static bool lends(void) {
    if (syscall(SYS_pidfd_open, getpid(), ~0U) >= 0 || errno != EINVAL) return false;
    return syscall(SYS_pidfd_getfd, -1, 2, 0) < 0 && errno == EBADF;
}

static bool leave_table(void) {
    enum { UNSHARE = 2 };                 /* CLOSE_RANGE_UNSHARE, Linux 5.9 */
    if (hob__on_valgrind()) return false; /* it does not know these calls */
    return lends() && syscall(SYS_close_range, 0U, ~0U, UNSHARE) == 0;
}
#else
static int borrow_stderr(pid_t tid) { return (void)tid, -1; }
static bool leave_table(void) { return false; }
#endif

static void tell(const char *text, pid_t tid) {
    if (!dog.apart) {
        hob__report(HOB_REPORT_SLOW, text);
        return;
    }
    int fd = borrow_stderr(tid);
    if (fd < 0) return; /* it is closed: nobody to tell */
    if (write(fd, text, strlen(text)) < 0) errno = 0;
    let_go(fd);
}

/* ---- looking ---- */

static struct seen *find_seen(struct hob_loop *loop) {
    struct seen *free_one = NULL;
    for (int i = 0; i < LOOPS_MAX; i++) {
        if (seen[i].loop == loop) return &seen[i];
        if (!seen[i].loop && !free_one) free_one = &seen[i];
    }
    if (free_one) *free_one = (struct seen){.loop = loop};
    return free_one;
}

/* A loop that is held. */
struct held {
    bool any;
    pid_t tid; /* of its thread */
};

/* True when the loop has moved since the last look, or runs. */
static bool look_at(struct hob_loop *loop, uint64_t now, struct held *held) {
    struct seen *s = find_seen(loop);
    if (!s) return true;
    uint32_t awake = atomic_load_explicit(&loop->awake, memory_order_relaxed);
    uint32_t head = atomic_load_explicit(&loop->ring_head, memory_order_relaxed);
    bool moved = awake != s->awake || head != s->head || !s->since;
    bool busy = awake & 1;
    if (moved) {
        s->awake = awake;
        s->head = head;
        s->since = now;
        s->has_reported = false;
    } else if (busy && !held->any && !s->has_reported && now - s->since >= loop->slow_ms) {
        s->has_reported = held->any = true;
        held->tid = loop->tid;
        hob__capture_ask(loop, now - s->since);
    }
    return moved || busy;
}

/* One look at all loops; *period: until the next one, ms. */
static bool look_around(uint64_t now, unsigned *period) {
    bool moved = false;
    struct held held = {.any = false};
    /* A report function is about to get a watchdog in the program's table. */
    bool wait = dog.apart && !hob__report_is_default();
    pthread_mutex_lock(&hob__loops_lock);
    for (struct hob_loop *l = hob__loops; l && !wait; l = l->next_loop) {
        if (!l->slow_ms) continue;
        if (l->slow_ms / 4 < *period) *period = l->slow_ms / 4;
        moved |= look_at(l, now, &held);
    }
    pthread_mutex_unlock(&hob__loops_lock);
    const char *text = held.any ? hob__capture_text() : NULL;
    if (text && !__atomic_load_n(&hob__last_words, __ATOMIC_RELAXED)) tell(text, held.tid);
    return moved || wait;
}

static void nap(unsigned ms) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&dog.changed, &dog.lock, &until);
}

/* No loop has moved for long: waits until one wakes it; with the lock. A loop may have begun to run
 * tasks just before the flag was set, and hold them for ever: so there is one more look, a
 * millisecond behind the flag, when either it has seen the flag or its count has arrived here. (A
 * fence in the loop, which would say the same at once, would be paid at every turn.) */
static void rest(void) {
    unsigned period = 0;
    atomic_store(&hob__watchdog_rests, true);
    nap(1);
    pthread_mutex_unlock(&dog.lock);
    bool moved = look_around(now_ms(), &period);
    pthread_mutex_lock(&dog.lock);
    if (!moved && !dog.ends && atomic_load(&hob__watchdog_rests))
        pthread_cond_wait(&dog.changed, &dog.lock);
    atomic_store(&hob__watchdog_rests, false);
}

static void *watch(void *arg) {
    (void)arg;
    is_dog = true;
    dog.began = true;
    /* dog.apart is true already: a report function that is set after this look sees it. */
    dog.apart = hob__report_is_default() && leave_table();
    uint64_t moved_at = now_ms();
    pthread_mutex_lock(&dog.lock);
    while (!dog.ends) {
        unsigned period = 1000;
        uint64_t now = now_ms();
        pthread_mutex_unlock(&dog.lock);
        if (look_around(now, &period)) moved_at = now;
        pthread_mutex_lock(&dog.lock);
        if (dog.ends) break;
        if (now - moved_at < RESTS_AFTER_MS) {
            nap(period ? period : 1);
            continue;
        }
        rest();
        moved_at = now_ms();
    }
    pthread_mutex_unlock(&dog.lock);
    return NULL;
}

void hob__watchdog_wake(void) {
    pthread_mutex_lock(&dog.lock);
    atomic_store(&hob__watchdog_rests, false);
    pthread_cond_signal(&dog.changed);
    pthread_mutex_unlock(&dog.lock);
}

static void start(void) {
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&dog.changed, &clock);
    pthread_condattr_destroy(&clock);
    hob__capture_open();
    dog.ends = false;
    dog.began = false;
    dog.apart = true;
    sigset_t before;
    hob__block_signals(&before, 0); /* a fault in it is told like any other's */
    /* Without the thread there is no report; the program runs all the same. */
    dog.runs = pthread_create(&dog.thread, NULL, watch, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (dog.runs)
        pthread_setname_np(dog.thread, "hob-watch");
    else
        hob__capture_close();
    /* A thread that begins holds AddressSanitizer's allocator for a moment, and in the child of a
     * fork just then (a program's own, or that of hob_to_process()) it stays held for ever. */
    while (HOB__ASAN && dog.runs && !dog.began) sched_yield();
}

void hob__watchdog_add(void) {
    pthread_mutex_lock(&life);
    pthread_mutex_lock(&dog.lock);
    if (dog.loops++ == 0)
        start();
    else
        pthread_cond_signal(&dog.changed);
    pthread_mutex_unlock(&dog.lock);
    pthread_mutex_unlock(&life);
}

/* With `life` held. */
static void stop(void) {
    pthread_mutex_lock(&dog.lock);
    dog.ends = true;
    dog.runs = false;
    pthread_cond_signal(&dog.changed);
    pthread_t thread = dog.thread;
    pthread_mutex_unlock(&dog.lock);
    pthread_join(thread, NULL);
    hob__capture_close();
    pthread_cond_destroy(&dog.changed);
}

void hob__watchdog_remove(struct hob_loop *loop) {
    pthread_mutex_lock(&hob__loops_lock);
    for (int i = 0; i < LOOPS_MAX; i++)
        if (seen[i].loop == loop) seen[i].loop = NULL;
    loop->slow_ms = 0;
    hob__capture_forget(loop);
    pthread_mutex_unlock(&hob__loops_lock);
    pthread_mutex_lock(&life);
    pthread_mutex_lock(&dog.lock);
    bool last = --dog.loops == 0 && dog.runs;
    pthread_mutex_unlock(&dog.lock);
    if (last) stop();
    pthread_mutex_unlock(&life);
}

void hob__watchdog_share_files(void) {
    if (is_dog) return; /* a report function is being called: it does */
    pthread_mutex_lock(&life);
    if (dog.runs && dog.apart) {
        stop();
        pthread_mutex_lock(&dog.lock);
        start();
        pthread_mutex_unlock(&dog.lock);
    }
    pthread_mutex_unlock(&life);
}

void hob__watchdog_forked(void) {
    pthread_mutex_init(&life, NULL);
    pthread_mutex_init(&dog.lock, NULL);
    dog.loops = 0;
    dog.runs = is_dog = false;
    atomic_store(&hob__watchdog_rests, false);
    memset(seen, 0, sizeof seen);
}
