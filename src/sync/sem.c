/* sync/sem.c - a semaphore. A release with waiters gives the permit to the first of them directly:
 * `free` is more than 0 only while nobody waits, so that newcomers have nothing to snatch. */
#include <hob/sync.h>
#include <hob/task.h>

#include "task/wait.h"

int hob_sem_acquire(struct hob_sem *s) {
    int rc = hob__point(__func__);
    if (rc < 0) return rc;
    if (HOB__LIKELY(s->free > 0)) {
        s->free--;
        return 0;
    }
    hob__check_same_loop(&s->waiters, __func__);
    struct hob_waiter w = {.data = NULL};
    return hob__wait_on(&s->waiters, &w, "semaphore", s, HOB__WAIT_PLAIN);
}

int hob_sem_try_acquire(struct hob_sem *s) {
    if (s->free == 0) return -EBUSY;
    s->free--;
    return 0;
}

void hob_sem_release(struct hob_sem *s) {
    hob__check_same_loop(&s->waiters, __func__);
    if (hob__wake_first(&s->waiters, 0)) return;
    if (HOB__UNLIKELY(s->bound && s->free >= s->bound))
        hob__misuse(__func__, "all %zu permits of the semaphore are free already", s->bound);
    s->free++;
}

bool hob_sem_locked(const struct hob_sem *s) { return s->free == 0; }
