/* task/capture.c - what a loop's thread is at, found out from the watchdog's thread.
 *
 * The watchdog sends the loop's thread a signal. The handler, on the alternate stack (on valgrind
 * the task's: hob__san_onstack()), takes the return addresses and the task's name - nothing that
 * allocates or locks - and the watchdog makes them text. A thread that does not answer (the task
 * has blocked the signal, or is deep in the kernel) is told of without its stack.
 *
 * The signal is SIGURG, which nobody minds by default; a program that handles SIGURG itself gets
 * the report without the stack. System calls restart, but a blocking sleep in the task that is
 * caught may end early, as with any signal. */
#include "task/capture.h"

#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fiber/sanitize.h"
#include "task/task.h"

enum { FRAMES_MAX = 48, PATIENCE_S = 1, SIGNAL = SIGURG, TEXT_MAX = 16 << 10 };

/* The handler is ours. */
static _Atomic bool catches;

/* One at a time. The handler fills what is below `taken`, and posts that. */
static struct {
    struct hob_loop *_Atomic wanted;
    bool asked;
    uint64_t held_ms;
    char from_outside[512]; /* what could be seen without an answer */
    sem_t taken;
    bool found;              /* a task ran */
    struct hob__place place; /* where it was spawned: by then its record may be another's */
    void *pcs[FRAMES_MAX];
    int count;
    char who[256];
} capture;

/* Copies what is known without formatting: snprintf is not for signal handlers. */
static void copy_name(char *out, size_t n, const char *name) {
    size_t i = 0;
    for (; name[i] && i + 1 < n; i++) out[i] = name[i];
    out[i] = 0;
}

static void on_signal(int sig, siginfo_t *info, void *context) {
    (void)sig;
    (void)info;
    int kept_errno = errno;
    struct hob_loop *loop = hob__loop;
    if (loop && atomic_load(&capture.wanted) == loop) {
        struct hob_task *t = hob__loop_task(loop);
        capture.found = t != NULL;
        if (t) {
            copy_name(capture.who, sizeof capture.who, hob__task_title(t));
            capture.place = t->site->place;
            capture.count = hob__trace_signal(context, capture.pcs, FRAMES_MAX);
        }
        atomic_store(&capture.wanted, NULL);
        sem_post(&capture.taken);
    }
    errno = kept_errno;
}

void hob__capture_open(void) {
    sem_init(&capture.taken, 0, 0);
    struct sigaction now, ours = {.sa_sigaction = on_signal,
                                  .sa_flags = hob__san_onstack() | SA_RESTART | SA_SIGINFO};
    sigemptyset(&ours.sa_mask);
    catches = sigaction(SIGNAL, NULL, &now) == 0 &&
              (now.sa_flags & SA_SIGINFO
                   ? now.sa_sigaction == on_signal /* a forked child has the parent's */
                   : now.sa_handler == SIG_DFL || now.sa_handler == SIG_IGN);
    if (catches) sigaction(SIGNAL, &ours, NULL);
}

void hob__capture_close(void) {
    if (catches) signal(SIGNAL, SIG_DFL);
    sem_destroy(&capture.taken);
}

bool hob__capture_admit(void) {
    sigset_t it, before;
    if (!catches) return false;
    sigemptyset(&it);
    sigaddset(&it, SIGNAL);
    pthread_sigmask(SIG_UNBLOCK, &it, &before);
    return sigismember(&before, SIGNAL) == 1;
}

void hob__capture_readmit(bool was_blocked) {
    sigset_t it;
    sigemptyset(&it);
    sigaddset(&it, SIGNAL);
    if (was_blocked) pthread_sigmask(SIG_BLOCK, &it, NULL);
}

/* The loop is held, so that its running task stays what it is; should it let go just now, its
 * record is still a task's as long as the loop is there. ThreadSanitizer sees no lock in that. */
HOB__NO_TSAN static __attribute__((noinline)) void look_from_outside(struct hob_loop *loop) {
    const struct hob_task *t = hob__loop_task(loop);
    const struct hob__spawn_site *site = t ? t->site : NULL;
    char *text = capture.from_outside;
    if (site)
        snprintf(text, sizeof capture.from_outside, "task '%s' (spawned by %s at %s:%d)",
                 site->name, site->place.func, site->place.file, site->place.line);
    else
        snprintf(text, sizeof capture.from_outside, "a task");
}

void hob__capture_ask(struct hob_loop *loop, uint64_t held_ms) {
    look_from_outside(loop);
    capture.held_ms = held_ms;
    capture.asked = false;
    if (!catches) return;
    atomic_store(&capture.wanted, loop);
    capture.asked = pthread_kill(loop->thread, SIGNAL) == 0;
    if (!capture.asked) atomic_store(&capture.wanted, NULL);
}

void hob__capture_forget(struct hob_loop *loop) {
    if (!atomic_compare_exchange_strong(&capture.wanted, &loop, NULL)) return;
    capture.found = false;
    sem_post(&capture.taken);
}

static const char *with_stack(char *text) {
    if (!capture.found) return NULL; /* the task has let go meanwhile */
    const struct hob__place *place = &capture.place;
    int n = snprintf(
        text, TEXT_MAX, "hob: task '%s' (spawned by %s at %s:%d) has held the loop for %llu ms:\n",
        capture.who, place->func, place->file, place->line, (unsigned long long)capture.held_ms);
    size_t at = n > 0 ? (size_t)n : 0;
    for (int i = 0; i < capture.count; i++) {
        char frame[400];
        hob__trace_format(capture.pcs[i], frame, sizeof frame);
        if (at + strlen(frame) + 8 >= TEXT_MAX) break;
        at += (size_t)snprintf(text + at, TEXT_MAX - at, "    %s\n", frame);
    }
    return text;
}

static const char *without_stack(char *text, const char *why) {
    snprintf(text, TEXT_MAX,
             "hob: %s has held the loop for %llu ms (%s, so its stack cannot be shown)\n",
             capture.from_outside, (unsigned long long)capture.held_ms, why);
    return text;
}

const char *hob__capture_text(void) {
    static char text[TEXT_MAX];
    if (!capture.asked) return without_stack(text, "SIGURG is the program's own");
    struct timespec until; /* the watchdog's, a thread without a backend */
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    while (sem_timedwait(&capture.taken, &until) != 0) {
        struct hob_loop *wanted = atomic_load(&capture.wanted);
        if (errno != ETIMEDOUT || !wanted) continue; /* it is just about to answer */
        if (atomic_compare_exchange_strong(&capture.wanted, &wanted, NULL))
            return without_stack(text, "its thread does not take SIGURG");
    }
    return with_stack(text);
}
