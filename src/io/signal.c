/* io/signal.c - signals to wait for.
 *
 * The handler counts arrivals, by signal, and writes to the eventfd of every handle that wants this
 * one; nothing else. A handle remembers up to where it has seen the counts, so that nothing is lost
 * between two waits. Its eventfd is watched edge-triggered like any descriptor and never read.
 *
 * Handles are found by the handler in a fixed table of atomics. Closing takes the entry out and
 * then waits until no handler is at work, before the eventfd may be closed. Dispositions are
 * changed under a lock, which the handler does not take. */
#include <hob/signal.h>

#include <hob/error.h>
#include <hob/task.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/memory.h"
#include "fiber/sanitize.h"
#include "io/fail.h"
#include "task/fdwait.h"
#include "task/wait.h"

enum { SIGNALS = 64, HANDLES = 128 };

struct hob_signal {
    struct hob__backend *backend;
    struct hob__fd *fd; /* the eventfd */
    int slot, last;     /* last: the signal that was given out */
    unsigned waiting;
    uint64_t set;
    unsigned seen[SIGNALS + 1];
};

static _Atomic unsigned counts[SIGNALS + 1];
static struct {
    _Atomic uint64_t set; /* not 0: in use, fd is valid */
    _Atomic int fd;
} slots[HANDLES];
static _Atomic int at_work; /* handlers, in any thread */

/* Under the lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool taken[HANDLES];
static unsigned users[SIGNALS + 1];
static struct sigaction before[SIGNALS + 1];

static uint64_t bit(int sig) { return UINT64_C(1) << (sig - 1); }

/* In a signal's handler, which may interrupt any thread: no backend may be asked. */
static void on_signal(int sig) {
    int kept_errno = errno;
    uint64_t one = 1;
    atomic_fetch_add(&at_work, 1);
    atomic_fetch_add(&counts[sig], 1);
    for (int i = 0; i < HANDLES; i++)
        if ((atomic_load(&slots[i].set) & bit(sig)) &&
            write(atomic_load(&slots[i].fd), &one, sizeof one) < 0)
            continue; /* only after 2^64 - 2 of them */
    atomic_fetch_sub(&at_work, 1);
    errno = kept_errno;
}

/* ---- dispositions, under the lock ---- */

static bool is_ours(int sig) {
    struct sigaction now;
    return sigaction(sig, NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) &&
           now.sa_handler == on_signal;
}

static int catch_signal(int sig) {
    if (users[sig]++ > 0) return 0;
    struct sigaction ours = {.sa_handler = on_signal, .sa_flags = hob__san_onstack() | SA_RESTART};
    sigemptyset(&ours.sa_mask);
    if (sigaction(sig, &ours, &before[sig]) == 0) return 0;
    users[sig]--;
    return -errno;
}

static void release_signal(int sig) {
    if (--users[sig] == 0 && is_ours(sig)) sigaction(sig, &before[sig], NULL);
}

static void release_all(uint64_t set) {
    for (int sig = 1; sig <= SIGNALS; sig++)
        if (set & bit(sig)) release_signal(sig);
}

static int catch_all(uint64_t set) {
    for (int sig = 1; sig <= SIGNALS; sig++) {
        int rc = set & bit(sig) ? catch_signal(sig) : 0;
        if (rc < 0) {
            release_all(set & (bit(sig) - 1));
            return rc;
        }
    }
    return 0;
}

/* The child of a fork has no part in this: its signals do what they did before. */
static void forked(void) {
    pthread_mutex_init(&lock, NULL);
    for (int i = 0; i < HANDLES; i++) {
        atomic_store(&slots[i].set, 0);
        taken[i] = false;
    }
    atomic_store(&at_work, 0);
    for (int sig = 1; sig <= SIGNALS; sig++) {
        if (users[sig] > 0 && is_ours(sig)) sigaction(sig, &before[sig], NULL);
        users[sig] = 0;
    }
}

static void once(void) { pthread_atfork(NULL, NULL, forked); }

/* ---- handles ---- */

/* The signals as a set, or an error. */
static int check_signals(const int *signals, uint64_t *set) {
    for (*set = 0; *signals; signals++) {
        int sig = *signals;
        struct sigaction now;
        if (sig < 1 || sig > SIGNALS || sig == SIGKILL || sig == SIGSTOP || sig == SIGSEGV ||
            sig == SIGBUS || sig == SIGFPE || sig == SIGILL || sigaction(sig, NULL, &now) < 0)
            return hob_fail(-EINVAL, "signal %d cannot be waited for", sig);
        if (sig == SIGURG && (now.sa_flags & SA_SIGINFO))
            return hob_fail(-EBUSY, "SIGURG is the watchdog's, unless HOB_SLOW_MS is 0");
        *set |= bit(sig);
    }
    return *set ? 0 : hob_fail(-EINVAL, "no signal to wait for");
}

/* Enters the handle into the table and catches its signals. */
static int enter(struct hob_signal *w) {
    int rc = HOB_E_LIMIT;
    pthread_mutex_lock(&lock);
    for (w->slot = 0; w->slot < HANDLES && taken[w->slot]; w->slot++) continue;
    if (w->slot < HANDLES) {
        for (int sig = 1; sig <= SIGNALS; sig++) w->seen[sig] = atomic_load(&counts[sig]);
        atomic_store(&slots[w->slot].fd, w->fd->fd);
        atomic_store(&slots[w->slot].set, w->set);
        rc = catch_all(w->set);
        taken[w->slot] = rc == 0;
        if (rc < 0) atomic_store(&slots[w->slot].set, 0);
    }
    pthread_mutex_unlock(&lock);
    while (rc < 0 && atomic_load(&at_work) > 0) sched_yield();
    return rc;
}

static void leave(struct hob_signal *w) {
    pthread_mutex_lock(&lock);
    release_all(w->set);
    atomic_store(&slots[w->slot].set, 0);
    taken[w->slot] = false;
    while (atomic_load(&at_work) > 0) sched_yield();
    pthread_mutex_unlock(&lock);
}

static void free_handle(struct hob_signal *w) {
    int fd = w->fd->fd;
    hob__fd_close(w->backend, w->fd);
    w->backend->ops->sys->close(w->backend, fd);
    hob__free(w);
}

int hob__signal_open(struct hob_signal **out, const int *signals) {
    static pthread_once_t once_control = PTHREAD_ONCE_INIT;
    struct hob__backend *b = hob__backend_current("hob_signal_open");
    uint64_t set;
    *out = NULL;
    pthread_once(&once_control, once);
    int rc = check_signals(signals, &set);
    if (rc < 0) return rc;
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0) return hob_fail(-errno, "cannot wait for signals: %s", hob_strerror(-errno));
    struct hob_signal *w = hob__alloc_zero(sizeof *w);
    if (!w || !(w->fd = hob__fd_open(b, fd))) {
        hob__free(w);
        b->ops->sys->close(b, fd);
        return -ENOMEM;
    }
    w->backend = b;
    w->set = set;
    rc = enter(w);
    if (rc >= 0) {
        *out = w;
        return rc;
    }
    free_handle(w);
    if (rc == HOB_E_LIMIT)
        return hob_fail(rc, "more than %d handles wait for signals in this process", HANDLES);
    return hob__said(rc, "cannot wait for signal %d%s: %s", signals[0], signals[1] ? " ..." : "",
                     hob_strerror(rc));
}

/* The next one that has come, beginning behind the one that was given out last; 0 = none. */
static int take(struct hob_signal *w) {
    for (int i = 0; i < SIGNALS; i++) {
        int sig = (w->last + i) % SIGNALS + 1;
        if (!(w->set & bit(sig))) continue;
        unsigned now = atomic_load(&counts[sig]);
        if (now == w->seen[sig]) continue;
        w->seen[sig] = now;
        return w->last = sig;
    }
    return 0;
}

int hob_signal_wait(struct hob_signal *w) {
    int rc = hob__io_point(__func__), sig = 0;
    if (rc < 0) return rc;
    if (hob__backend_current(__func__) != w->backend)
        hob__misuse(__func__, "the handle belongs to another loop");
    w->waiting++;
    while (rc >= 0 && !(sig = take(w)))
        rc = hob__fd_wait(w->fd, HOB__READ, "signal", HOB__WAIT_STOPPABLE);
    w->waiting--;
    return sig ? sig : rc;
}

void hob_signal_close(struct hob_signal *w) {
    if (!w) return;
    if (w->waiting > 0) hob__misuse(__func__, "a task waits for a signal");
    leave(w);
    free_handle(w);
}
