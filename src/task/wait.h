/* task/wait.h - how every waiting call is made: check the point, arm (link a waiter), sleep, be
 * unlinked by the waker.
 *
 * The protocol: a waiter is linked while its task sleeps and never otherwise. Whoever wakes it
 * (hob__wake, or a cancel) unlinks it first, so that exactly one party decides the result: a
 * cancelled waiter can not be handed anything any more, and one that was handed something is not
 * cancelled any more (the cancel is seen at the next point). There is nothing to roll back. */
#ifndef HOB_TASK_WAIT_H
#define HOB_TASK_WAIT_H

#include <hob/base.h>

/* One sleep of one task, on that task's stack. */
struct hob_waiter {
    struct hob_waitlist *list; /* NULL: not linked */
    struct hob_task *task;
    struct hob_waiter *next, *prev;
    struct hob_waiter
        *master; /* of several waiters of one sleep: the one the task sleeps on; else NULL */
    void *data;  /* the waking side's: where to put what is handed over */
};

enum {
    HOB__WAIT_PLAIN = 0,
    HOB__WAIT_MASKED =
        1, /* cancellation does not end it (the wait is short, or its end is certain) */
    HOB__WAIT_STOPPABLE = 2, /* hob_stop() ends it with HOB_E_STOPPING */
    HOB__WAIT_NAMED = 4,     /* `object` is a string for the reports */
    HOB__WAIT_FD = 8,        /* `object` is a struct hob__fd */
    HOB__WAIT_TIMER = 16     /* there is no `object`: task->nap is in its place */
};

/* The cancellation point that begins every waiting function: 0 or -ECANCELED. Outside a task:
 * misuse, naming func. */
int hob__point(const char *func);

/* Links w (w->data is the caller's) behind the others of the list and sleeps. Returns the waker's
 * result; -ECANCELED when a cancel came first (or was there already, unless MASKED);
 * HOB_E_STOPPING. w is unlinked then. `what` is a static string for reports ("mutex", "recv");
 * object is shown beside it: a name, a number, or NULL is none. list may be NULL: then only
 * hob__wake(w) through the caller's own bookkeeping, or a cancel, ends it. */
int hob__wait_on(struct hob_waitlist *list, struct hob_waiter *w, const char *what,
                 const void *object, unsigned flags);

/* Unlinks the waiter and makes its task ready (behind those that are ready already); its
 * hob__wait_on() returns result. A waiter that does not sleep any more is left alone: false. In the
 * loop's thread only. */
bool hob__wake(struct hob_waiter *w, int result);
/* Links w without sleeping, as one of several of a sleep on `master` (which has no list);
 * hob__unlink takes it out. */
void hob__link(struct hob_waitlist *list, struct hob_waiter *w, struct hob_waiter *master);
void hob__unlink(struct hob_waiter *w);
/* Moves a sleeping waiter to the end of another list, as if its task had called hob__wait_on() with
 * these: it sleeps on.
 */
void hob__move(struct hob_waiter *w, struct hob_waitlist *list, const char *what,
               const void *object, unsigned flags);
/* The same for the first waiter of the list: false when there is none. */
bool hob__wake_first(struct hob_waitlist *list, int result);
/* All that wait now. */
void hob__wake_all(struct hob_waitlist *list, int result);

/* Stops with a misuse report unless the list's waiters belong to the calling task's loop. */
void hob__check_same_loop(const struct hob_waitlist *list, const char *func);

#endif
