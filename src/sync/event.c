/* sync/event.c - a flag to wait for. */
#include <hob/sync.h>
#include <hob/task.h>

#include "task/wait.h"

int hob_event_wait(struct hob_event *e) {
    int rc = hob__point(__func__);
    if (rc < 0) return rc;
    if (e->set) return 0;
    hob__check_same_loop(&e->waiters, __func__);
    struct hob_waiter w = {.data = NULL};
    return hob__wait_on(&e->waiters, &w, "event", e, HOB__WAIT_PLAIN);
}

void hob_event_set(struct hob_event *e) {
    hob__check_same_loop(&e->waiters, __func__);
    e->set = true;
    hob__wake_all(&e->waiters, 0);
}

void hob_event_clear(struct hob_event *e) { e->set = false; }

bool hob_event_is_set(const struct hob_event *e) { return e->set; }
