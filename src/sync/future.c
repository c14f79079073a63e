/* sync/future.c - a result that somebody sets once. The setter writes the value into each waiter's
 * variable itself, so that a future may end with the block that set it. */
#include <hob/sync.h>
#include <hob/task.h>

#include "task/wait.h"

int hob_future_wait(struct hob_future *f, void **value) {
    int rc = hob__point(__func__);
    if (rc < 0) return rc;
    if (f->done) {
        if (value && f->result >= 0) *value = f->value;
        return f->result;
    }
    hob__check_same_loop(&f->waiters, __func__);
    struct hob_waiter w = {.data = value};
    return hob__wait_on(&f->waiters, &w, "future", f, HOB__WAIT_PLAIN);
}

int hob_future_set(struct hob_future *f, int result, void *value) {
    if (f->done) return -EALREADY;
    hob__check_same_loop(&f->waiters, __func__);
    f->done = true;
    f->result = result;
    f->value = value;
    while (f->waiters.first) {
        struct hob_waiter *w = f->waiters.first;
        if (w->data && result >= 0) *(void **)w->data = value;
        hob__wake(w, result);
    }
    return 0;
}

int hob_future_cancel(struct hob_future *f) { return hob_future_set(f, -ECANCELED, NULL); }
