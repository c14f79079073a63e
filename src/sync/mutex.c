/* sync/mutex.c - mutual exclusion between the tasks of a loop.
 *
 * An unlock with waiters makes the first of them the owner on the spot, before it runs: the mutex
 * is never free while somebody waits, so that a newcomer cannot slip in between, and a cancel that
 * comes after the unlock finds a task that owns the mutex already. */
#include "sync/mutex.h"

#include "task/wait.h"

int hob_mutex_lock(struct hob_mutex *m) {
    if (HOB__UNLIKELY(!m)) hob__misuse(__func__, "the mutex is NULL");
    int rc = hob__point(__func__);
    if (rc < 0) return rc;
    struct hob_task *self = hob_self();
    if (HOB__LIKELY(!m->owner)) {
        m->owner = self;
        return 0;
    }
    if (HOB__UNLIKELY(m->owner == self)) hob__misuse(__func__, "the task holds the mutex already");
    hob__check_same_loop(&m->waiters, __func__);
    struct hob_waiter w = {.data = NULL};
    return hob__wait_on(&m->waiters, &w, "mutex", m, HOB__WAIT_PLAIN);
}

int hob_mutex_try_lock(struct hob_mutex *m) {
    struct hob_task *self = hob_self();
    if (HOB__UNLIKELY(!self)) hob__misuse(__func__, "called outside a task");
    if (HOB__UNLIKELY(!m)) hob__misuse(__func__, "the mutex is NULL");
    if (m->owner) return -EBUSY;
    m->owner = self;
    return 0;
}

struct hob_task *hob__mutex_owner(const struct hob_mutex *m, const char *func) {
    struct hob_task *self = hob_self();
    if (HOB__UNLIKELY(!m)) hob__misuse(func, "the mutex is NULL");
    if (HOB__LIKELY(m->owner && m->owner == self)) return self;
    if (!m->owner) hob__misuse(func, "the mutex is not locked");
    hob__misuse(func, "the mutex is locked by another task");
}

void hob__mutex_pass_on(struct hob_mutex *m) {
    struct hob_waiter *next = m->waiters.first;
    m->owner = next ? next->task : NULL;
    if (next) hob__wake(next, 0);
}

void hob_mutex_unlock(struct hob_mutex *m) {
    hob__mutex_owner(m, __func__);
    if (m->waiters.first) hob__check_same_loop(&m->waiters, __func__);
    hob__mutex_pass_on(m);
}

void hob__mutex_retake(struct hob_mutex *m) {
    if (!m->owner) {
        m->owner = hob_self();
        return;
    }
    struct hob_waiter w = {.data = NULL};
    hob__wait_on(&m->waiters, &w, "mutex", m, HOB__WAIT_MASKED);
}

bool hob_mutex_locked(const struct hob_mutex *m) { return m->owner != NULL; }
