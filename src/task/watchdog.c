/* task/watchdog.c - a thread that notices a task which holds its loop too long, and shows its stack
 * while it still does.
 *
 * Each loop counts: `awake` at every change between tasks and outside, ring_head at every switch.
 * The watchdog looks a few times within the limit; when both stand still with a task running, it
 * sends the loop's thread a signal. The handler, on the alternate stack, takes the return addresses
 * and the task's name - nothing that allocates or locks - and the watchdog prints them. One report
 * per hold. When no loop has moved for a second the watchdog rests until one wakes it.
 *
 * The signal is SIGURG, which nobody minds by default; a program that handles SIGURG itself gets
 * the report without the stack. System calls restart, but a blocking sleep in the task that is
 * caught may end early, as with any signal. */
#include "task/task.h"

#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { FRAMES_MAX = 48, RESTS_AFTER_MS = 1000, SIGNAL = SIGURG, TEXT_MAX = 16 << 10 };

_Atomic bool hob__watchdog_rests;

/* Over the whole of a start or an end, so that they do not overlap. */
static pthread_mutex_t life = PTHREAD_MUTEX_INITIALIZER;

/* Under lock, but for what the handler fills. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool runs, ends, catches;
    _Atomic bool apart; /* from the program's table of descriptors */
    int loops;
} dog = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* What the watchdog last saw of a loop. It has few loops to look at. */
enum { LOOPS_MAX = 256 };
static struct seen {
    struct hob_loop *loop;
    uint32_t awake, head, reported;
    uint64_t since;
    bool has_reported;
} seen[LOOPS_MAX];

/* One capture at a time. */
static struct {
    struct hob_loop *_Atomic wanted;
    sem_t taken;
    void *pcs[FRAMES_MAX];
    int count;
    char who[256];
} capture;

static uint64_t now_ms(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000u + (uint64_t)ts.tv_nsec / 1000000u;
}

/* Copies what is known without formatting: snprintf is not for signal handlers. */
static void copy_name(char *out, size_t n, const char *name) {
    size_t i = 0;
    for (; name[i] && i + 1 < n; i++) out[i] = name[i];
    out[i] = 0;
}

static const struct hob__spawn_site *captured_site;

static void on_signal(int sig, siginfo_t *info, void *context) {
    (void)sig;
    (void)info;
    int kept_errno = errno;
    struct hob_loop *loop = hob__loop;
    if (loop && atomic_load(&capture.wanted) == loop) {
        struct hob_task *t = hob__loop_task(loop);
        capture.count = 0;
        capture.who[0] = 0;
        captured_site = NULL;
        if (t) {
            copy_name(capture.who, sizeof capture.who, hob__task_title(t));
            captured_site = t->site;
            capture.count = hob__trace_signal(context, capture.pcs, FRAMES_MAX);
        }
        atomic_store(&capture.wanted, NULL);
        sem_post(&capture.taken);
    }
    errno = kept_errno;
}

static void print_capture(uint64_t held_ms) {
    static char text[TEXT_MAX];
    size_t at = 0;
    int n = snprintf(text, sizeof text,
                     "hob: task '%s' (spawned by %s at %s:%d) has held the loop for %llu ms:\n",
                     capture.who, captured_site->place.func, captured_site->place.file,
                     captured_site->place.line, (unsigned long long)held_ms);
    at = n > 0 ? (size_t)n : 0;
    for (int i = 0; i < capture.count; i++) {
        char frame[400];
        hob__trace_format(capture.pcs[i], frame, sizeof frame);
        if (at + strlen(frame) + 8 >= sizeof text) break;
        at += (size_t)snprintf(text + at, sizeof text - at, "    %s\n", frame);
    }
    hob__report(HOB_REPORT_SLOW, text);
}

/* Called with hob__loops_lock held, so that the loop is there. */
static void take_capture(struct hob_loop *loop, uint64_t held_ms) {
    if (!dog.catches) {
        char text[160];
        snprintf(text, sizeof text,
                 "hob: a task has held the loop for %llu ms (SIGURG is the program's own, so its "
                 "stack cannot be shown)\n",
                 (unsigned long long)held_ms);
        hob__report(HOB_REPORT_SLOW, text);
        return;
    }
    atomic_store(&capture.wanted, loop);
    if (pthread_kill(loop->thread, SIGNAL) != 0) return;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1;
    if (sem_timedwait(&capture.taken, &until) != 0) {
        /* Stuck in the kernel, or just about to answer. */
        struct hob_loop *mine = loop;
        if (atomic_compare_exchange_strong(&capture.wanted, &mine, NULL)) return;
        sem_wait(&capture.taken);
    }
    if (captured_site) print_capture(held_ms);
}

static struct seen *find_seen(struct hob_loop *loop) {
    struct seen *free_one = NULL;
    for (int i = 0; i < LOOPS_MAX; i++) {
        if (seen[i].loop == loop) return &seen[i];
        if (!seen[i].loop && !free_one) free_one = &seen[i];
    }
    if (free_one) *free_one = (struct seen){.loop = loop};
    return free_one;
}

/* True when the loop has moved since the last look. */
static bool look_at(struct hob_loop *loop, uint64_t now) {
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
    } else if (busy && !s->has_reported && now - s->since >= loop->slow_ms) {
        s->has_reported = true;
        take_capture(loop, now - s->since);
    }
    return moved || busy;
}

static void nap(unsigned ms) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&dog.changed, &dog.lock, &until);
}

/* A second thread in the table of descriptors makes every system call of the loop count references
 * to its file: two atomic operations on a line that is cold when there are many connections. So the
 * watchdog has a table of its own with the standard descriptors, as long as reports go to standard
 * error; a report function of the program's may want any descriptor. */
static void leave_table(void) {
#ifdef SYS_close_range
    enum { UNSHARE = 2 }; /* CLOSE_RANGE_UNSHARE, Linux 5.9 */
    dog.apart = syscall(SYS_close_range, 3U, ~0U, UNSHARE) == 0;
#endif
}

static void *watch(void *arg) {
    (void)arg;
    dog.apart = false;
    if (hob__report_is_default()) leave_table();
    uint64_t moved_at = now_ms();
    pthread_mutex_lock(&dog.lock);
    while (!dog.ends) {
        unsigned period = 1000;
        bool moved = false;
        uint64_t now = now_ms();
        pthread_mutex_unlock(&dog.lock);
        pthread_mutex_lock(&hob__loops_lock);
        for (struct hob_loop *l = hob__loops; l; l = l->next_loop) {
            if (!l->slow_ms) continue;
            if (l->slow_ms / 4 < period) period = l->slow_ms / 4;
            moved |= look_at(l, now);
        }
        pthread_mutex_unlock(&hob__loops_lock);
        pthread_mutex_lock(&dog.lock);
        if (dog.ends) break;
        if (moved) moved_at = now;
        if (now - moved_at < RESTS_AFTER_MS) {
            nap(period ? period : 1);
            continue;
        }
        atomic_store(&hob__watchdog_rests, true);
        pthread_cond_wait(&dog.changed, &dog.lock);
        atomic_store(&hob__watchdog_rests, false);
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

static void catch_signal(void) {
    struct sigaction now,
        ours = {.sa_sigaction = on_signal, .sa_flags = SA_ONSTACK | SA_RESTART | SA_SIGINFO};
    sigemptyset(&ours.sa_mask);
    dog.catches = sigaction(SIGNAL, NULL, &now) == 0 &&
                  (now.sa_flags & SA_SIGINFO
                       ? now.sa_sigaction == on_signal /* a forked child has the parent's */
                       : now.sa_handler == SIG_DFL || now.sa_handler == SIG_IGN);
    if (dog.catches) sigaction(SIGNAL, &ours, NULL);
}

static void start(void) {
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&dog.changed, &clock);
    pthread_condattr_destroy(&clock);
    sem_init(&capture.taken, 0, 0);
    dog.ends = false;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    /* Without the thread there is no report; the program runs all the same. */
    dog.runs = pthread_create(&dog.thread, NULL, watch, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!dog.runs) return;
    catch_signal(); /* it waits for dog.lock, which the caller has */
    pthread_setname_np(dog.thread, "hob-watch");
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
    if (dog.catches) signal(SIGNAL, SIG_DFL);
    sem_destroy(&capture.taken);
    pthread_cond_destroy(&dog.changed);
}

void hob__watchdog_remove(struct hob_loop *loop) {
    pthread_mutex_lock(&hob__loops_lock);
    for (int i = 0; i < LOOPS_MAX; i++)
        if (seen[i].loop == loop) seen[i].loop = NULL;
    loop->slow_ms = 0;
    pthread_mutex_unlock(&hob__loops_lock);
    pthread_mutex_lock(&life);
    pthread_mutex_lock(&dog.lock);
    bool last = --dog.loops == 0 && dog.runs;
    pthread_mutex_unlock(&dog.lock);
    if (last) stop();
    pthread_mutex_unlock(&life);
}

void hob__watchdog_share_files(void) {
    pthread_mutex_lock(&life);
    if (dog.runs && dog.apart && !pthread_equal(dog.thread, pthread_self())) {
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
    dog.runs = false;
    atomic_store(&hob__watchdog_rests, false);
    memset(seen, 0, sizeof seen);
}
