/* task/awake.h - what a loop shows its watchdog: `awake` counts every change between tasks and the
 * outside. A watchdog that rests is woken when tasks run again; a loop that does not yet see that
 * it rests is seen by the look that comes before the rest (rest() in watchdog.c). */
#ifndef HOB_TASK_AWAKE_H
#define HOB_TASK_AWAKE_H

#include "task/task.h"

/* Only the loop's thread writes it; the watchdog reads. */
static inline void hob__awake_count(struct hob_loop *loop) {
    uint32_t n = atomic_load_explicit(&loop->awake, memory_order_relaxed);
    atomic_store_explicit(&loop->awake, n + 1, memory_order_relaxed);
}

static inline void hob__awake_begin(struct hob_loop *loop) {
    hob__awake_count(loop);
    if (HOB__UNLIKELY(atomic_load_explicit(&hob__watchdog_rests, memory_order_relaxed)))
        hob__watchdog_wake();
}

#endif
