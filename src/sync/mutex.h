/* sync/mutex.h - the mutex's two halves that a condition needs; private to src/sync. */
#ifndef HOB_SYNC_MUTEX_H
#define HOB_SYNC_MUTEX_H

#include <hob/sync.h>
#include <hob/task.h>

/* Hands m to its first waiter, or frees it. The caller has checked who owns it. */
void hob__mutex_pass_on(struct hob_mutex *m);
/* Takes m for the calling task, waiting in line; no cancel ends that. */
void hob__mutex_retake(struct hob_mutex *m);
/* Misuse, naming func, unless the calling task owns m: that task. */
struct hob_task *hob__mutex_owner(const struct hob_mutex *m, const char *func);

#endif
