/* sync/mutex.c - mutual exclusion between the tasks of a loop.
 *
 * An unlock with waiters makes the first of them the owner on the spot, before it runs: the mutex
 * is never free while somebody waits, so that a newcomer cannot slip in between, and a cancel that
 * comes after the unlock finds a task that owns the mutex already. */
#include "sync/mutex.h"

#include "task/task.h"

static inline void own(struct hob_mutex *m, struct hob_task *t) {
    m->owner = t;
    m->owner_id = t->id;
    m->owner_site = t->site;
}

static inline bool owns(const struct hob_mutex *m, const struct hob_task *t) {
    return m->owner == t && m->owner_id == t->id;
}

/* Nobody will unlock what belongs to a task that has ended. With waiters there is no need to look
 * for its record: it belongs to their loop. */
static bool owner_ended(const struct hob_mutex *m, const struct hob_task *self) {
    const struct hob_task *t = m->owner;
    if (!m->waiters.first) return !hob__record_lives(self->loop, t, m->owner_id);
    return t->id != m->owner_id || t->state == HOB__TASK_DONE;
}

static void check_owner(const struct hob_mutex *m, const struct hob_task *self, const char *func) {
    hob__check_same_loop(&m->waiters, func);
    if (HOB__LIKELY(!owner_ended(m, self))) return;
    const struct hob__spawn_site *s = m->owner_site;
    hob__misuse(
        func, "the mutex is locked by task #%llu '%s' (spawned by %s at %s:%d), which has ended",
        (unsigned long long)m->owner_id, s->name, s->place.func, s->place.file, s->place.line);
}

/* Not the calling task's. */
static __attribute__((noinline)) int lock_wait(struct hob_mutex *m, struct hob_task *self,
                                               const char *func, unsigned flags) {
    check_owner(m, self, func);
    struct hob_waiter w = {.data = NULL};
    return hob__wait_on(&m->waiters, &w, "mutex", m, flags);
}

int hob_mutex_lock(struct hob_mutex *m) {
    if (HOB__UNLIKELY(!m)) hob__misuse(__func__, "the mutex is NULL");
    int rc = hob__point(__func__);
    if (rc < 0) return rc;
    struct hob_task *self = hob_self();
    if (HOB__LIKELY(!m->owner)) {
        own(m, self);
        return 0;
    }
    if (HOB__UNLIKELY(owns(m, self))) hob__misuse(__func__, "the task holds the mutex already");
    return lock_wait(m, self, __func__, HOB__WAIT_PLAIN);
}

int hob_mutex_try_lock(struct hob_mutex *m) {
    struct hob_task *self = hob_self();
    if (HOB__UNLIKELY(!self)) hob__misuse(__func__, "called outside a task");
    if (HOB__UNLIKELY(!m)) hob__misuse(__func__, "the mutex is NULL");
    if (m->owner) {
        if (!owns(m, self)) check_owner(m, self, __func__);
        return -EBUSY;
    }
    own(m, self);
    return 0;
}

struct hob_task *hob__mutex_owner(const struct hob_mutex *m, const char *func) {
    struct hob_task *self = hob_self();
    if (HOB__UNLIKELY(!m)) hob__misuse(func, "the mutex is NULL");
    if (HOB__UNLIKELY(!self)) hob__misuse(func, "called outside a task");
    if (HOB__LIKELY(m->owner && owns(m, self))) return self;
    if (!m->owner) hob__misuse(func, "the mutex is not locked");
    check_owner(m, self, func);
    char who[256];
    hob__describe_task(m->owner, who, sizeof who);
    hob__misuse(func, "the mutex is locked by another task: #%llu, %s",
                (unsigned long long)m->owner_id, who);
}

void hob__mutex_pass_on(struct hob_mutex *m) {
    struct hob_waiter *next = m->waiters.first;
    if (next) {
        own(m, next->task);
        hob__wake(next, 0);
    } else { /* as it was before anybody had it */
        m->owner = NULL;
        m->owner_id = 0;
        m->owner_site = NULL;
    }
}

void hob_mutex_unlock(struct hob_mutex *m) {
    hob__mutex_owner(m, __func__);
    if (m->waiters.first) hob__check_same_loop(&m->waiters, __func__);
    hob__mutex_pass_on(m);
}

void hob__mutex_retake(struct hob_mutex *m) {
    struct hob_task *self = hob_self();
    if (!m->owner) {
        own(m, self);
        return;
    }
    lock_wait(m, self, "hob_cond_wait", HOB__WAIT_MASKED);
}

bool hob_mutex_locked(const struct hob_mutex *m) { return m->owner != NULL; }
