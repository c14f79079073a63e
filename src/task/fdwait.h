/* task/fdwait.h - where tasks meet the backend: waiting for a descriptor, running one piece of
 * bounded work. */
#ifndef HOB_TASK_FDWAIT_H
#define HOB_TASK_FDWAIT_H

#include "loop/backend.h"

/* The backend's on_ready: whoever waits is woken by the next hob__fd_wake_arrived(). */
void hob__fd_ready(struct hob__backend *b, struct hob__fd *f, unsigned events);
/* To be called after each wait of the backend. */
struct hob_loop;
void hob__fd_wake_arrived(struct hob_loop *loop);

/* Sleeps until the descriptor may be ready in that direction (HOB__READ, HOB__WRITE, or one of
 * both), arming it at the first need. flags: HOB__WAIT_*. 0 (try again), -ECANCELED,
 * HOB_E_STOPPING, or why it cannot be watched. */
int hob__fd_wait(struct hob__fd *f, unsigned direction, const char *what, unsigned flags);

/* For a task that has waited for a while and is about to go on: what it does not use of its stack
 * is no longer in memory. Exported for the sister libraries. */
HOB_API void hob__wait_light(void);

enum { HOB__WAIT_ANY_MAX = 16 };
/* The same until one of the n (1 to HOB__WAIT_ANY_MAX) may be read. */
int hob__fd_wait_any(struct hob__fd *const *fds, unsigned n, const char *what, unsigned flags);
/* A sleep on several things at once: the caller has linked a waiter on each of their lists, with w
 * as the master and its own task in it (hob__link), and unlinks them afterwards; what it waits for
 * is armed. Ends by any of them, or at the deadline (ns; UINT64_MAX: none): 0; or -ECANCELED. */
int hob__wait_any(struct hob_waiter *w, uint64_t deadline, const char *what, const void *object,
                  unsigned flags);

/* The cancellation point that begins a call on descriptors. As such a call need not wait when its
 * peer is fast, this lets other tasks run once the turn's time is over. 0 or -ECANCELED. Exported
 * for the sister libraries. */
HOB_API int hob__io_point(const char *func);
/* Inside work that takes long and has not to wait (a message that is packed, say), every 100 us or
 * so: lets others run once the turn's time is over. No cancellation point. */
HOB_API void hob__work_point(void);
/* As hob__io_point(); *b becomes the backend of the calling task's loop, whatever the result. */
int hob__io_enter(const char *func, struct hob__backend **b);

/* Runs the operation and returns its result. The buffers are in use until then, so that a cancel
 * does not cut it short.
 */
ssize_t hob__op_run(struct hob__op *op, const char *what);
/* The part of it that waits. */
ssize_t hob__op_wait(struct hob__backend *b, struct hob__op *op, const char *what);
/* The same on the backend of the calling task. */
static inline ssize_t hob__op_run_on(struct hob__backend *b, struct hob__op *op, const char *what) {
    ssize_t at_once = b->ops->attempt(b, op);
    return HOB__LIKELY(at_once != -EAGAIN) ? at_once : hob__op_wait(b, op, what);
}

/* The backend of the calling task's loop; misuse, naming func, outside a task. Exported for the
 * sister libraries. */
HOB_API struct hob__backend *hob__backend_current(const char *func);

#endif
