/* task/time.c - the clock and sleep. */
#include "task/task.h"

#include <math.h>
#include <time.h>

uint64_t hob_now(void) {
    struct hob_loop *loop = hob__loop;
    if (HOB__LIKELY(loop != NULL)) return loop->backend.ops->now(&loop->backend);
    struct timespec ts; /* outside a loop there is no backend to ask */
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t hob_after(double seconds) {
    if (!(seconds > 0)) return 1; /* long past, without a look at the clock; NaN too */
    uint64_t now = hob_now();
    double ns = seconds * 1e9;
    if (ns >= 9e18) return UINT64_MAX;
    return now + (uint64_t)ns;
}

static void nap_over(struct hob_timer *timer);

enum { NAPS_AHEAD = 4 };

/* Asks for the record of a sleeper whose turn comes soon. */
static inline __attribute__((always_inline)) void nap_ahead(void) {
    const struct hob_timer *soon = hob__loop->wheel.slots[HOB__WHEEL_FIRING].first;
    for (unsigned i = 1; i < NAPS_AHEAD && soon; i++) soon = soon->next;
    if (!soon || soon->fire != nap_over) return;
    const char *record = (const char *)hob__container(soon, struct hob_task, nap);
    for (unsigned line = 0; line < 3; line++) __builtin_prefetch(record + 64 * line, 1);
}

/* Among many sleepers it is cold by now: what it continues with, and what its end looks at, is
 * asked for, so that the memory works while the others are woken. */
static void nap_over(struct hob_timer *timer) {
    struct hob_task *t = hob__container(timer, struct hob_task, nap);
    nap_ahead();
    const char *sp = t->sp;
    for (unsigned line = 0; line < 4; line++) __builtin_prefetch(sp + 64 * line, 1);
    __builtin_prefetch(t->stack, 1);
    hob__wake(&t->own, 0);
}

/* As hob__wait_on() without a list, but that the timer lies where the rest of the waiter would. */
static int sleep_until(uint64_t deadline, const char *func) {
    struct hob_task *t = hob__current(func);
    int rc = hob__check_point(t, func);
    if (rc < 0) return rc;
    t->nap = (struct hob_timer){.deadline_ns = deadline, .fire = nap_over};
    if (!hob__wheel_add(&t->loop->wheel, &t->nap)) return hob_yield_now();
    t->own_list = NULL;
    t->own_task = t;
    t->waiter = &t->own;
    t->what = "sleep";
    t->wait_flags = HOB__WAIT_TIMER;
    t->state = HOB__TASK_SLEEPING;
    hob__suspend(t->loop, t);
    hob__wheel_remove(&t->loop->wheel, &t->nap);
    return t->wake_result;
}

int hob_sleep_until(uint64_t deadline) { return sleep_until(deadline, __func__); }

int hob_sleep(double seconds) {
    if (isnan(seconds)) return -EINVAL;
    if (seconds <= 0) return hob_yield_now();
    return sleep_until(hob_after(seconds), __func__);
}
