/* task/sched.c - the run queue, the switch, and the turn of the loop. */
#include "task/task.h"

#include <hob/buggify.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "fiber/sanitize.h"
#include "task/awake.h"
#include "task/fdwait.h"

enum {
    AHEAD = 6,             /* so many tasks before a task runs its memory is asked for */
    SLICE_MAX = 256,       /* switches between two looks at the clock, at most */
    TURN_NS = 1000 * 1000, /* tasks run that long between two looks at the outside */
    SLACK_MAX_NS = 1000 * 1000,
    TURN_SLICES = 1024, /* and so many slices at most, for a clock that stands still (simulation) */
    ORDERED_CALLS = 64  /* of I/O that had not to wait, until others run (simulation) */
};

static inline uint32_t ring_head(const struct hob_loop *loop) {
    return atomic_load_explicit(&loop->ring_head, memory_order_relaxed);
}

static inline void set_ring_head(struct hob_loop *loop, uint32_t head) {
    atomic_store_explicit(&loop->ring_head, head, memory_order_relaxed);
}

static inline void set_current(struct hob_loop *loop, struct hob_task *t) {
    atomic_store_explicit(&loop->current, t, memory_order_relaxed);
}

bool hob__ring_grow(struct hob_loop *loop) {
    uint32_t capacity = loop->ring ? loop->ring_mask + 1 : 0;
    uint32_t wider = capacity ? capacity * 2 : 64;
    if (wider == 0) return false; /* 2^32 tasks */
    struct hob_task **ring = hob__alloc(wider * sizeof *ring);
    if (!ring) return false;
    for (uint32_t i = ring_head(loop); i != loop->ring_tail; i++)
        ring[i & (wider - 1)] = loop->ring[i & loop->ring_mask];
    hob__free(loop->ring);
    loop->ring = ring;
    loop->ring_mask = wider - 1;
    return true;
}

void hob__ready_first(struct hob_loop *loop, uint32_t mark) {
    uint32_t head = ring_head(loop), count = loop->ring_tail - mark;
    if (head == mark) return;
    /* From the last on: in a full ring both places overlap. */
    for (uint32_t i = count; i-- > 0;)
        loop->ring[(head - count + i) & loop->ring_mask] = loop->ring[(mark + i) & loop->ring_mask];
    loop->ring_tail = mark;
    set_ring_head(loop, head - count);
    loop->slice_end -= count; /* as many switches as before until the clock is looked at */
}

static void *task_root(void *arg);

static inline struct hob__stack *stack_of(struct hob_task *t) { return t ? t->stack : NULL; }

static inline void *sp_of(struct hob_loop *loop, struct hob_task *t) {
    return t ? t->sp : loop->sp;
}

/* Suspends what runs on from_stack (NULL: the scheduler) and continues with `next` (NULL: the
 * scheduler), which has its stack. The general case; hand_over() and begin() are the usual ones. A
 * task's first run is a call, see hob__enter(). */
HOB__NO_TSAN
static __attribute__((noinline)) void go(struct hob_loop *loop, void **save,
                                         struct hob__stack *from_stack, struct hob_task *next,
                                         bool ending) {
    hob__before_switch(from_stack, stack_of(next), ending);
    if (next && !next->sp) {
        hob__fiber_enter(save, next->stack, task_root, next);
    } else {
        hob__switch(save, sp_of(loop, next));
    }
    hob__after_switch(from_stack);
}

/* At the end of a slice: may tasks run on? */
static __attribute__((noinline)) bool next_slice(struct hob_loop *loop) {
    if (HOB__UNLIKELY(loop->ordered)) return hob__order(loop);
    uint64_t now = loop->backend.ops->now(&loop->backend);
    uint64_t took = now - loop->slice_began;
    if (took > TURN_NS / 4 && loop->slice_length > 1) loop->slice_length /= 2;
    if (took < TURN_NS / 16 && loop->slice_length < SLICE_MAX) loop->slice_length *= 2;
    loop->slice_began = now;
    loop->slice_end = ring_head(loop) + (uint32_t)loop->slice_length;
    return now - loop->turn_began < TURN_NS && ++loop->turn_slices < TURN_SLICES;
}

/* There is no memory for its stack. That happens while another task suspends itself or has ended:
 * nothing of it may be taken for that one's, nor change its errno. */
static __attribute__((noinline, cold)) void end_unrun(struct hob_loop *loop, struct hob_task *t) {
    struct hob_task *current = hob__loop_task(loop);
    int kept_errno = *loop->errno_at;
    set_current(loop, NULL);
    if (t->site->lost) t->site->lost(t->head.args);
    set_current(loop, t);
    hob__task_finish(loop, t, -ENOMEM);
    set_current(loop, current);
    *loop->errno_at = kept_errno;
}

/* Gives a task that has not run its stack: `mine`, on which the caller has just ended, if it fits;
 * the one that was last given back; one from the pool. Without memory the task ends with -ENOMEM.
 */
static inline bool give_stack(struct hob_loop *loop, struct hob_task *t, struct hob__stack *mine) {
    struct hob__stack *stack = mine;
    if (!stack || stack->cls != t->stack_class) {
        stack = loop->spare;
        if (HOB__LIKELY(stack && stack->cls == t->stack_class))
            loop->spare = NULL;
        else
            stack = hob__stack_get(&loop->stacks, t->stack_class);
    }
    if (HOB__UNLIKELY(!stack)) {
        end_unrun(loop, t);
        return false;
    }
    stack->owner = t;
    t->stack = stack;
    return true;
}

static inline void give_back(struct hob_loop *loop, struct hob__stack *stack) {
    if (HOB__LIKELY(!loop->spare && !stack->unguarded))
        loop->spare = stack;
    else
        hob__stack_put(&loop->stacks, stack);
}

/* Many new tasks: their records are cold. */
static inline __attribute__((always_inline)) void new_ahead(struct hob_loop *loop, uint32_t head) {
    if (HOB__LIKELY(loop->ring_tail - head <= AHEAD)) return;
    const char *soon = (const char *)loop->ring[(head + AHEAD) & loop->ring_mask];
    for (unsigned line = 0; line < 4; line++) __builtin_prefetch(soon + 64 * line, 1);
}

/* Takes the next task to run, its stack ready; NULL: the scheduler's turn. */
static inline struct hob_task *take_next(struct hob_loop *loop, struct hob__stack *mine) {
    for (;;) {
        uint32_t head = ring_head(loop);
        if (head == loop->ring_tail) return NULL;
        if (HOB__UNLIKELY(head == loop->slice_end) && !next_slice(loop)) return NULL;
        struct hob_task *t = loop->ring[head & loop->ring_mask];
        set_ring_head(loop, head + 1);
        if (t->state == HOB__TASK_NEW) {
            new_ahead(loop, head);
            if (!give_stack(loop, t, mine)) continue;
        }
        t->state = HOB__TASK_READY;
        return t;
    }
}

/* The records and stacks of many ready tasks are cold: asks for those that are wanted soon, so that
 * the memory works meanwhile. (Always inline: gcc sees no effect in a function that only
 * prefetches, and drops its call.) */
static inline __attribute__((always_inline)) void look_ahead(struct hob_task *const *ring,
                                                             uint32_t mask, uint32_t head) {
    __builtin_prefetch(ring[(head + 2 * AHEAD) & mask]);
    const char *sp = ring[(head + AHEAD) & mask]->sp;
    __builtin_prefetch(sp);
    __builtin_prefetch(sp + 64);
    __builtin_prefetch(sp + 128);
}

/* The task at the ring's head while the slice goes on, or NULL. The caller moves the head. */
static inline __attribute__((always_inline)) struct hob_task *
at_head(struct hob_loop *loop, uint32_t head, uint32_t tail) {
    struct hob_task **ring = loop->ring;
    uint32_t mask = loop->ring_mask;
    if (HOB__UNLIKELY(tail - head - 1 >= 2 * AHEAD)) { /* none, or many */
        if (tail == head) return NULL;
        look_ahead(ring, mask, head);
    }
    return HOB__LIKELY(head != loop->slice_end) ? ring[head & mask] : NULL;
}

/* errno is each task's own: who leaves keeps its value and lays out that of the next one, so that
 * nothing is left to do after the switch. */
static inline void change_errno(struct hob_loop *loop, struct hob_task *t,
                                const struct hob_task *next) {
    int *at = loop->errno_at;
    t->saved_errno = *at;
    *at = next->saved_errno;
}

/* Suspends t and continues with next, which has run before. 0. In plain builds its callers end in
 * the switch (a jump): no frame of theirs is left and entered again. */
HOB__NO_TSAN static inline int hand_over(struct hob_loop *loop, struct hob_task *t,
                                         struct hob_task *next) {
    change_errno(loop, t, next);
    set_current(loop, next);
#if HOB__ASAN || HOB__TSAN
    hob__before_switch(t->stack, next->stack, false);
    hob__switch(&t->sp, next->sp);
    hob__after_switch(t->stack);
    return 0;
#else
    return hob__switch(&t->sp, next->sp);
#endif
}

/* Suspends t; the scheduler continues. The same. */
HOB__NO_TSAN static inline int leave(struct hob_loop *loop, struct hob_task *t) {
    t->saved_errno = *loop->errno_at;
    set_current(loop, NULL);
#if HOB__ASAN || HOB__TSAN
    hob__before_switch(t->stack, NULL, false);
    hob__switch(&t->sp, loop->sp);
    hob__after_switch(t->stack);
    return 0;
#else
    return hob__switch(&t->sp, loop->sp);
#endif
}

/* Suspends t and begins next on the stack that was last given back, which fits. */
HOB__NO_TSAN static inline void begin(struct hob_loop *loop, struct hob_task *t,
                                      struct hob_task *next) {
    struct hob__stack *stack = loop->spare;
    loop->spare = NULL;
    stack->owner = next;
    next->stack = stack;
    next->state = HOB__TASK_READY;
    t->saved_errno = *loop->errno_at;
    set_current(loop, next);
    hob__before_switch(t->stack, stack, false);
    hob__fiber_enter(&t->sp, stack, task_root, next);
    hob__after_switch(t->stack);
}

static __attribute__((noinline)) int suspend_slow(struct hob_loop *loop, struct hob_task *t) {
    struct hob_task *next = take_next(loop, NULL);
    if (next == t) return 0;
    if (next && next->sp) return hand_over(loop, t, next);
    if (!next) return leave(loop, t);
    change_errno(loop, t, next);
    set_current(loop, next);
    go(loop, &t->sp, t->stack, next, false);
    return 0;
}

static __attribute__((noinline)) void let_others_run(struct hob_loop *loop) {
    loop->slice_end = ring_head(loop); /* the scheduler's turn */
    struct hob_task *t = hob__loop_task(loop);
    loop->calls = 0;
    hob__make_ready(loop, t);
    hob__suspend(loop, t);
}

/* In a simulated world: shall the calling task, which has not to wait, let others run? */
static inline bool is_interrupted(struct hob_loop *loop) {
    loop->slice_end = ring_head(loop); /* so that the next call comes by as well */
    return ++loop->calls >= ORDERED_CALLS || hob_buggify("task.io.interrupt");
}

void hob__turn_over(struct hob_loop *loop) {
    if (HOB__UNLIKELY(loop->ordered) ? !is_interrupted(loop) : next_slice(loop)) return;
    let_others_run(loop);
}

void hob__suspend(struct hob_loop *loop, struct hob_task *t) {
    uint32_t head = ring_head(loop);
    struct hob_task *next = at_head(loop, head, loop->ring_tail);
    if (HOB__LIKELY(next != NULL)) {
        if (next->state == HOB__TASK_READY) {
            set_ring_head(loop, head + 1);
            if (next != t) hand_over(loop, t, next);
            return;
        }
        if (loop->spare && loop->spare->cls == next->stack_class) {
            set_ring_head(loop, head + 1);
            new_ahead(loop, head);
            begin(loop, t, next);
            return;
        }
    }
    suspend_slow(loop, t);
}

/* In a region that wants attention: asked to stop, cancelled, or watched by a driver. */
static __attribute__((noinline)) int yield_attentively(struct hob_loop *loop, struct hob_task *t) {
    int rc = hob__point_slow(t, "hob_yield_now");
    if (rc < 0) return rc;
    hob__make_ready(loop, t);
    return suspend_slow(loop, t);
}

/* Nothing in it lives across a call, so that it saves no register but what the switch saves.
 * Aligned, since where it lay decided a fifth of a switch (8.6 and 10.5 ns). */
__attribute__((aligned(64))) int hob_yield_now(void) {
    struct hob_task *t = hob__current(__func__);
    struct hob_loop *loop = hob__loop;
    if (HOB__UNLIKELY(t->region->attention != 0)) return yield_attentively(loop, t);
    uint32_t head = ring_head(loop), tail = loop->ring_tail;
    struct hob_task *next = at_head(loop, head, tail);
    loop->ring[tail & loop->ring_mask] = t; /* its state says ready while it runs */
    loop->ring_tail = tail + 1;
    if (HOB__UNLIKELY(!next || next->state != HOB__TASK_READY)) return suspend_slow(loop, t);
    set_ring_head(loop, head + 1);
    return hand_over(loop, t, next);
}

/* What a task that has ended leaves behind in the ring, most often: its scope's owner and nobody
 * else. The same as take_next(), without the way through the ring, which the processor would have
 * to wait for. */
static inline struct hob_task *take_owner(struct hob_loop *loop, struct hob_task *owner) {
    uint32_t head = ring_head(loop);
    if (!owner || loop->ring_tail - head != 1 || head == loop->slice_end) return NULL;
    set_ring_head(loop, head + 1);
    return owner;
}

/* The bottom of every task's stack: runs one new task after another on it, while they come; then
 * returns where to go on. */
HOB__NO_TSAN static void *task_root(void *arg) {
    struct hob_task *t = arg, *next;
    struct hob_loop *loop = t->loop;
    struct hob__stack *stack = t->stack;
    hob__after_switch(stack);
    do {
        *loop->errno_at = 0;
        int rc = t->site->run(t->head.args);
        stack->owner = NULL;
        t->stack = NULL;
        next = take_owner(loop, hob__task_finish(loop, t, rc));
        if (HOB__UNLIKELY(!next)) next = take_next(loop, stack);
        set_current(loop, next);
        t = next;
    } while (next && next->stack == stack);
    /* Given back only after the next task has got its own: a new task's first frame must not be
     * written over the one that is still in use here. */
    give_back(loop, stack);
    if (next && !next->sp) {
        void *gone;
        go(loop, &gone, stack, next, true);
        __builtin_unreachable();
    }
    if (next) *loop->errno_at = next->saved_errno;
    hob__before_switch(stack, stack_of(next), true);
    return sp_of(loop, next);
}

/* From the scheduler to a task that has run before. Inline: each return that does not match its
 * call costs as much as the switch. */
HOB__NO_TSAN static inline void resume(struct hob_loop *loop, struct hob_task *next) {
    hob__before_switch(NULL, next->stack, false);
    hob__switch(&loop->sp, next->sp);
    hob__after_switch(NULL);
}

static void run_tasks(struct hob_loop *loop) {
    hob__awake_begin(loop);
    loop->slice_end = ring_head(loop) + (uint32_t)loop->slice_length;
    loop->turn_slices = 0;
    struct hob_task *next = take_next(loop, NULL);
    if (next) {
        *loop->errno_at = next->saved_errno; /* one that begins sets its own */
        set_current(loop, next);
        if (HOB__LIKELY(next->sp != NULL))
            resume(loop, next);
        else
            go(loop, &loop->sp, NULL, next, false);
    }
    hob__awake_count(loop);
}

/* When to wake up for the wheel. With many timers armed, a little later than for the first of them:
 * a wake-up costs some 30 us, and should serve as many timers. Two nanoseconds for each that is
 * armed, so that a thousand wait 2 us longer at the most, 500,000 and more 1 ms. */
static uint64_t next_timer(const struct hob_loop *loop) {
    uint64_t next = hob__wheel_next(&loop->wheel), slack = loop->wheel.count * 2;
    if (slack > SLACK_MAX_NS) slack = SLACK_MAX_NS;
    return next < UINT64_MAX - slack ? next + slack : next;
}

static bool can_wake_up(struct hob_loop *loop) {
    return loop->wheel.count > 0 || loop->outside > 0 || loop->backend.ops_in_flight > 0 ||
           atomic_load(&loop->holds) > 0;
}

static void stop_deadlock(struct hob_loop *loop) {
    hob__report_deadlock(loop);
    if (loop->deadlocked) abort(); /* cancelled already, and still nothing can run */
    loop->deadlocked = true;
    hob__region_cancel(loop, &loop->root.region);
}

static void see_interrupts(struct hob_loop *loop) {
    int n = atomic_load_explicit(&loop->interrupts, memory_order_relaxed);
    if (n == loop->interrupts_seen) return;
    loop->interrupts_seen = n;
    hob_stop(&loop->root, loop->grace);
}

/* The kernel is out of memory, perhaps: told once, and asked again a millisecond later. */
static __attribute__((cold)) void wait_failed(struct hob__backend *b, int rc, unsigned *failures) {
    if ((*failures)++ == 0) {
        char text[160];
        snprintf(text, sizeof text, "hob: waiting for events failed: %s\n", hob_strerror(rc));
        hob__report(HOB_REPORT_NOTE, text);
    }
    b->ops->pause(b, 1000000);
}

void hob__schedule(struct hob_loop *loop) {
    struct hob__backend *b = &loop->backend;
    unsigned failures = 0; /* of wait(), one after another */
    while (loop->root.live > 0) {
        bool ready = ring_head(loop) != loop->ring_tail;
        uint64_t deadline = 0;
        if (!ready) {
            deadline = next_timer(loop);
            /* Whoever posts after this look wakes the wait() below. */
            if (atomic_load(&loop->inbox) ||
                atomic_load(&loop->interrupts) != loop->interrupts_seen) {
                deadline = 0;
            } else if (!can_wake_up(loop)) {
                stop_deadlock(loop);
                continue;
            }
            if (deadline > 0 && !loop->ordered) { /* nothing rests in a simulated world */
                uint64_t trim = hob__stacks_trim(&loop->stacks, loop->turn_began);
                if (trim < deadline) deadline = trim;
            }
        }
        int rc = b->ops->wait(b, deadline);
        hob__fd_wake_arrived(loop);
        if (HOB__UNLIKELY(rc < 0))
            wait_failed(b, rc, &failures);
        else
            failures = 0;
        loop->turns++;
        hob__inbox_run(loop);
        see_interrupts(loop);
        if (HOB__UNLIKELY(loop->debug)) hob__debug_see(loop);
        loop->turn_began = loop->slice_began = b->ops->now(b);
        hob__wheel_advance(&loop->wheel, loop->turn_began);
        run_tasks(loop);
    }
}
