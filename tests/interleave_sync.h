/* interleave_sync.h - locks, conditions, threads, and the kernel's side of a loop on epoll. See
 * interleave.h. */
#ifndef HOB_INTERLEAVE_SYNC_H
#define HOB_INTERLEAVE_SYNC_H
#include "interleave_memory.h"

/* ---- locks, conditions, threads ---- */

/* Only its last value can be found, so it has no history. */
static void hold(pthread_mutex_t *m, bool locked) {
    struct place *at = find(m, 0);
    if (locked)
        join_view(&me()->view, &at->was[0].released);
    else
        join_view(&at->was[0].released, &me()->view);
    at->was[0].value = locked;
}

static int do_lock(pthread_mutex_t *m, const char *func) {
    if (w.current < 0 || is(func, LOCK, LEFT_OUT)) return 0;
    find(m, 0);
    before(LOCK, m, 0, 0, func);
    hold(m, true);
    w.goes_on = 1 + w.current;
    return 0;
}

/* No other thread can tell when it comes, but by waiting for it: it is done with what was before.
 */
static int do_unlock(pthread_mutex_t *m, const char *func) {
    if (w.current < 0) return 0;
    check_alive(m, UNLOCK, func);
    hold(m, false);
    return 0;
}

/* Of a scenario whose timed waits are so long that what was stored before their end is then seen by
 * all. */
static bool naps_settle;

static int do_wait(pthread_cond_t *c, pthread_mutex_t *m, bool timed, const char *func) {
    do_unlock(m, func);
    me()->signalled = false;
    me()->timed = timed;
    before(WOKEN, c, 0, 0, func);
    bool late = !me()->signalled;
    if (late && naps_settle)
        for (int k = 0; k < w.threads; k++)
            for (int l = 0; l < w.places; l++)
                w.thread[k].view.at[l] = (uint8_t)(w.place[l].count - 1);
    me()->signalled = me()->timed = false;
    do_lock(m, "pthread_cond_wait");
    return late ? ETIMEDOUT : 0;
}

/* The i-th thread that waits for c, or NULL. */
static struct thread *waiting(const void *c, int i) {
    for (int k = 0; k < w.threads; k++) {
        struct thread *t = &w.thread[k];
        if (!t->ended && t->op == WOKEN && t->addr == c && !t->signalled && i-- == 0) return t;
    }
    return NULL;
}

static int do_signal(pthread_cond_t *c, bool all, const char *func) {
    if (w.current < 0 || is(func, SIGNAL, LEFT_OUT)) return 0;
    struct thread *t = waiting(c, before(SIGNAL, c, all, 0, func));
    if (t) t->signalled = true;
    while (all && (t = waiting(c, 0))) t->signalled = true;
    return 0;
}

static int do_create(pthread_t *thread, void *(*start)(void *), void *arg) {
    CHECK(w.threads < THREADS);
    struct thread *t = &w.thread[w.threads];
    *thread = (pthread_t)w.threads++;
    t->start = start;
    t->arg = arg;
    t->op = START;
    t->func = "a thread";
    if (w.current >= 0) t->view = me()->view;
    return 0;
}

static int do_join(pthread_t t, const char *func) {
    before(JOIN, &w.thread[t], 0, 0, func);
    join_view(&me()->view, &w.thread[t].view);
    return 0;
}

/* ---- the kernel's side of a loop: an eventfd in an epoll set ---- */

static int do_eventfd(void) {
    CHECK(w.fds < FDS);
    return 1000 + w.fds++;
}

static int do_epoll_ctl(int epfd, int fd) {
    w.watches[epfd - 1000] = fd - 1000;
    return 0;
}

/* The loop has closed its eventfd. */
__attribute__((unused)) static void gone(int fd) { w.events[fd - 1000] = -1; }

static void poll_fires(int event);
static ssize_t do_write(int fd, const char *func) {
    if (is(func, SIGNAL, LEFT_OUT)) return 8;
    if (w.current >= 0) before(SIGNAL, NULL, 0, 0, func);
    if (w.events[fd - 1000] < 0) wrong("%s wakes a loop that is gone", func);
    w.events[fd - 1000] = 1;
    poll_fires(fd - 1000);
    return 8;
}

static int do_sleep(int epfd, const char *func) {
    int *event = &w.events[w.watches[epfd - 1000]];
    before(SLEEP, event, 0, 0, func);
    *event = 0;
    return 0;
}

#endif
