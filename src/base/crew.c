/* base/crew.c - worker threads, made on demand.
 *
 * One lock guards the queue and the counts. A thread ends after idle_ns without work, detached:
 * having counted itself out under the lock, it touches nothing of the crew any more. In a crew that
 * closes, each thread joins the one that left before it, and hob__crew_end() joins the last: so
 * nobody keeps a list of threads, and none is left when it returns. */
#include "base/crew.h"

#include <time.h>

#include "base/forks.h"
#include "base/list.h"

void hob__cond_init(pthread_cond_t *cond) {
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &clock);
    pthread_condattr_destroy(&clock);
}

bool hob__cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t deadline) {
    if (deadline == UINT64_MAX) return pthread_cond_wait(cond, lock) == 0;
    struct timespec until = {.tv_sec = (time_t)(deadline / 1000000000),
                             .tv_nsec = (long)(deadline % 1000000000)};
    return pthread_cond_timedwait(cond, lock, &until) == 0;
}

void hob__block_signals(sigset_t *before, int also) {
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    sigset_t most;
    sigfillset(&most);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) sigdelset(&most, faults[i]);
    if (also) sigdelset(&most, also);
    pthread_sigmask(SIG_SETMASK, &most, before);
}

static void begin(struct hob__crew *c) {
    pthread_mutex_init(&c->lock, NULL);
    hob__cond_init(&c->more);
    pthread_cond_init(&c->none, NULL);
    hob__list_init(&c->queue);
    c->queued = 0;
    c->threads = c->idle = 0;
    c->has_ended = false;
}

void hob__crew_init(struct hob__crew *c, const char *name, unsigned limit, uint64_t idle_ns,
                    size_t stack_size) {
    c->name = name;
    c->limit = limit;
    c->idle_ns = idle_ns;
    c->stack_size = stack_size;
    c->closing = false;
    c->forks = hob__forks_count();
    begin(c);
}

void hob__crew_lock(struct hob__crew *c) {
    if (HOB__UNLIKELY(c->forks != hob__forks)) { /* a child has one thread: this one */
        c->forks = hob__forks;
        begin(c);
    }
    pthread_mutex_lock(&c->lock);
}

void hob__crew_unlock(struct hob__crew *c) { pthread_mutex_unlock(&c->lock); }

static uint64_t idle_until(const struct hob__crew *c) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t ns = (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
    return c->idle_ns > UINT64_MAX - ns ? UINT64_MAX : ns + c->idle_ns;
}

/* With the lock held. False when the thread shall end. */
static bool await_work(struct hob__crew *c) {
    if (c->queued > 0) return true; /* without a look at the clock */
    uint64_t until = idle_until(c);
    bool late = false;
    while (c->queued == 0) {
        if (c->closing || late) return false;
        c->idle++;
        late = !hob__cond_wait(&c->more, &c->lock, until);
        c->idle--;
    }
    return true;
}

/* With the lock held, which it gives back. */
static void leave(struct hob__crew *c) {
    bool has_before = c->closing && c->has_ended;
    pthread_t before = c->ended;
    if (c->closing) {
        c->ended = pthread_self();
        c->has_ended = true;
    } else {
        pthread_detach(pthread_self());
    }
    if (--c->threads == 0) pthread_cond_signal(&c->none);
    pthread_mutex_unlock(&c->lock);
    if (has_before) pthread_join(before, NULL);
}

static void *work(void *arg) {
    struct hob__crew *c = arg;
    pthread_setname_np(pthread_self(), c->name);
    pthread_mutex_lock(&c->lock);
    while (await_work(c)) {
        struct hob__job *job = hob__container(c->queue.next, struct hob__job, link);
        hob__crew_withdraw(c, job);
        pthread_mutex_unlock(&c->lock);
        job->run(c, job);
        pthread_mutex_lock(&c->lock);
    }
    leave(c);
    return NULL;
}

/* With the lock held. 0 or -errno. */
static int start_thread(struct hob__crew *c) {
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t before;
    pthread_attr_init(&attr);
    int rc = c->stack_size ? pthread_attr_setstacksize(&attr, c->stack_size) : 0;
    if (rc == 0) {
        hob__block_signals(&before, 0);
        rc = pthread_create(&thread, &attr, work, c);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    pthread_attr_destroy(&attr);
    if (rc == 0) c->threads++;
    return -rc;
}

int hob__crew_submit(struct hob__crew *c, struct hob__job *job) {
    int rc = 0;
    if (c->queued >= c->idle && c->threads < c->limit) rc = start_thread(c);
    /* Without a new thread those that run will come to it. */
    if (rc < 0 && c->threads == 0) return rc;
    hob__list_append(&c->queue, &job->link);
    c->queued++;
    pthread_cond_signal(&c->more);
    return 0;
}

bool hob__crew_withdraw(struct hob__crew *c, struct hob__job *job) {
    if (hob__list_empty(&job->link)) return false;
    hob__list_remove(&job->link);
    c->queued--;
    return true;
}

void hob__crew_end(struct hob__crew *c) {
    hob__crew_lock(c);
    c->closing = true;
    pthread_cond_broadcast(&c->more);
    while (c->threads > 0) pthread_cond_wait(&c->none, &c->lock);
    pthread_mutex_unlock(&c->lock);
    if (c->has_ended) pthread_join(c->ended, NULL);
    c->has_ended = false;
}

void hob__crew_destroy(struct hob__crew *c) {
    pthread_cond_destroy(&c->more);
    pthread_cond_destroy(&c->none);
    pthread_mutex_destroy(&c->lock);
}
