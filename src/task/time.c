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

struct sleeper {
    struct hob_timer timer;
    struct hob_task *task;
};

static void sleep_over(struct hob_timer *timer) {
    hob__wake(&hob__container(timer, struct sleeper, timer)->task->own, 0);
}

static int sleep_until(uint64_t deadline, const char *func) {
    struct hob_task *t = hob__current(func);
    int rc = hob__check_point(t, func);
    if (rc < 0) return rc;
    struct sleeper s = {.timer = {.deadline_ns = deadline, .fire = sleep_over}, .task = t};
    if (!hob__wheel_add(&t->loop->wheel, &s.timer)) return hob_yield_now();
    rc = hob__wait_on(NULL, &t->own, "sleep", NULL, HOB__WAIT_PLAIN);
    hob__wheel_remove(&t->loop->wheel, &s.timer);
    return rc;
}

int hob_sleep_until(uint64_t deadline) { return sleep_until(deadline, __func__); }

int hob_sleep(double seconds) {
    if (isnan(seconds)) return -EINVAL;
    if (seconds <= 0) return hob_yield_now();
    return sleep_until(hob_after(seconds), __func__);
}
