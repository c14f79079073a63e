/* sync/cond.c - a condition, always used with one mutex.
 *
 * A wait has two parts: for the notify, in the condition's list, and for the mutex. A notify moves
 * the waiter from the one list into the other's without waking it, since the mutex is held by who
 * notifies: each waiter wakes up once, when it owns the mutex, and a notify of all is no stampede.
 * A waiter's data is the mutex it came with.
 *
 * A cancel that finds the waiter in the first list is the result of the wait, after the mutex has
 * been taken again. In the second list no cancel reaches it: the notify was delivered, the wait
 * returns 0 in its turn, and the cancel is seen at the next point.
 */
#include "sync/mutex.h"
#include "task/wait.h"

int hob_cond_wait(struct hob_cond *c, struct hob_mutex *m) {
    hob__mutex_owner(m, __func__);
    int rc = hob__point(__func__);
    if (rc < 0) return rc;
    if (c->waiters.first) {
        hob__check_same_loop(&c->waiters, __func__);
        if (c->waiters.first->data != m)
            hob__misuse(__func__, "tasks wait for the condition with another mutex");
    }
    if (m->waiters.first) hob__check_same_loop(&m->waiters, __func__);
    hob__mutex_pass_on(m);
    struct hob_waiter w = {.data = m};
    rc = hob__wait_on(&c->waiters, &w, "condition", c, HOB__WAIT_PLAIN);
    if (rc < 0) hob__mutex_retake(m); /* else it was handed over */
    return rc;
}

int hob_cond_wait_for(struct hob_cond *c, struct hob_mutex *m, int (*predicate)(void *arg),
                      void *arg) {
    hob__mutex_owner(m, __func__);
    int rc = hob__point(__func__);
    while (rc == 0 && (rc = predicate(arg)) == 0) rc = hob_cond_wait(c, m);
    return rc;
}

static void notify(struct hob_cond *c, struct hob_mutex *m, size_t n, const char *func) {
    hob__mutex_owner(m, func);
    if (!c->waiters.first) return;
    hob__check_same_loop(&c->waiters, func);
    if (c->waiters.first->data != m)
        hob__misuse(func, "tasks wait for the condition with another mutex");
    for (; n > 0 && c->waiters.first; n--) {
        hob__move(c->waiters.first, &m->waiters, "mutex", m, HOB__WAIT_MASKED);
    }
}

void hob_cond_notify(struct hob_cond *c, struct hob_mutex *m, size_t n) {
    notify(c, m, n, __func__);
}

void hob_cond_notify_all(struct hob_cond *c, struct hob_mutex *m) {
    notify(c, m, SIZE_MAX, __func__);
}
