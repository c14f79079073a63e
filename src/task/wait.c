/* task/wait.c - the waiting calls' common part; see wait.h for the protocol. */
#include "task/task.h"

void (*hob__point_hook)(const char *func);

int hob__point_slow(struct hob_task *t, const char *func) {
    if ((t->region->attention & HOB__ATT_HOOK) && hob__point_hook) hob__point_hook(func);
    return t->region->attention & HOB__ATT_CANCEL ? -ECANCELED : 0;
}

int hob__point(const char *func) { return hob__check_point(hob__current(func), func); }

void hob__link(struct hob_waitlist *list, struct hob_waiter *w, struct hob_waiter *master) {
    w->master = master;
    w->list = list;
    w->next = NULL;
    w->prev = list->last;
    if (list->last)
        list->last->next = w;
    else
        list->first = w;
    list->last = w;
}

void hob__unlink(struct hob_waiter *w) {
    struct hob_waitlist *list = w->list;
    if (!list) return;
    w->list = NULL;
    if (w->prev)
        w->prev->next = w->next;
    else
        list->first = w->next;
    if (w->next)
        w->next->prev = w->prev;
    else
        list->last = w->prev;
}

void hob__move(struct hob_waiter *w, struct hob_waitlist *list, const char *what,
               const void *object, unsigned flags) {
    hob__unlink(w);
    hob__link(list, w, w->master);
    w->task->what = what;
    w->task->object = object;
    w->task->wait_flags = (uint8_t)flags;
}

int hob__wait_on(struct hob_waitlist *list, struct hob_waiter *w, const char *what,
                 const void *object, unsigned flags) {
    return hob__wait_here(list, w, what, object, flags);
}

bool hob__wake(struct hob_waiter *w, int result) {
    struct hob_task *t = w->task;
    hob__unlink(w);
    if (!t->waiter || (t->waiter != w && t->waiter != w->master)) return false;
    t->waiter = NULL;
    t->wake_result = result;
    hob__make_ready(t->loop, t);
    return true;
}

bool hob__wake_first(struct hob_waitlist *list, int result) {
    while (list->first)
        if (hob__wake(list->first, result)) return true;
    return false;
}

void hob__wake_all(struct hob_waitlist *list, int result) {
    while (list->first) hob__wake(list->first, result);
}

void hob__check_same_loop(const struct hob_waitlist *list, const char *func) {
    if (list->first && HOB__UNLIKELY(list->first->task->loop != hob__loop))
        hob__misuse(func,
                    "used from two loops: what lives in one loop cannot be shared with another");
}
