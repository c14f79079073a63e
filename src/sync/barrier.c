/* sync/barrier.c - a meeting point of a fixed number of tasks.
 *
 * The last to arrive lets the whole round go on the spot, so that there is no time in which a round
 * drains: who comes next begins the next one.
 *
 * A cancel takes a waiter out of the list at once, but only the waiter itself takes it out of
 * `arrived`, when it runs. Until then `arrived` counts it too; so the list is counted once
 * `arrived` says that a round may be complete. */
#include <hob/sync.h>
#include <hob/task.h>

#include "task/wait.h"

static unsigned count_waiters(const struct hob_waitlist *list) {
    unsigned n = 0;
    for (const struct hob_waiter *w = list->first; w; w = w->next) n++;
    return n;
}

/* Lets a full round go: 0 for the first to arrive, 1 for the second, ... */
static void release_round(struct hob_barrier *b) {
    int index = 0;
    b->arrived -= b->parties;
    while (b->waiters.first) hob__wake_first(&b->waiters, index++);
}

static void break_round(struct hob_barrier *b, const char *func) {
    hob__check_same_loop(&b->waiters, func);
    b->arrived -= count_waiters(&b->waiters);
    hob__wake_all(&b->waiters, HOB_E_BROKEN);
}

int hob_barrier_wait(struct hob_barrier *b) {
    int rc = hob__point(__func__);
    if (rc < 0) return rc;
    if (HOB__UNLIKELY(b->parties == 0)) hob__misuse(__func__, "a barrier of no parties");
    if (b->broken) return HOB_E_BROKEN;
    hob__check_same_loop(&b->waiters, __func__);
    if (++b->arrived >= b->parties && count_waiters(&b->waiters) + 1 == b->parties) {
        release_round(b);
        return (int)b->parties - 1;
    }
    struct hob_waiter w = {.data = NULL};
    rc = hob__wait_on(&b->waiters, &w, "barrier", b, HOB__WAIT_PLAIN);
    if (rc == -ECANCELED) b->arrived--;
    return rc;
}

void hob_barrier_reset(struct hob_barrier *b) {
    break_round(b, __func__);
    b->broken = false;
}

void hob_barrier_abort(struct hob_barrier *b) {
    b->broken = true;
    break_round(b, __func__);
}
