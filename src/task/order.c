/* task/order.c - tasks in another order than that of their becoming ready: for a backend that
 * chooses (the simulated one), to find out what a program does then.
 *
 * Whatever is chosen, what is promised holds. Tasks that have not run begin in the order of their
 * spawns (§4.2 of docs/contract.md). hob_yield_now() lets every task that was ready before run
 * first: it closes the window from which is chosen. And nobody waits for ever: after so many others
 * the one at the head of the ring has its turn.
 *
 * A slice is one task long here, so that every switch comes by; on the real backends none of this
 * is reached. */
#include "task/task.h"

enum {
    WINDOW = 64,     /* tasks from which is chosen */
    PATIENCE = 256,  /* so many may overtake the one at the head */
    TURN_TASKS = 256 /* run between two looks at the outside */
};

static struct hob_task **at(struct hob_loop *loop, uint32_t i) {
    uint32_t head = atomic_load_explicit(&loop->ring_head, memory_order_relaxed);
    return &loop->ring[(head + i) & loop->ring_mask];
}

static uint64_t id_of(void *above, uint32_t i) { return (*at(above, i))->id; }

/* How many tasks at the head may be chosen from. */
static uint32_t window(struct hob_loop *loop, uint32_t n) {
    if (n > WINDOW) n = WINDOW;
    for (uint32_t i = 0; i < n; i++)
        if ((*at(loop, i))->flags & HOB__TASK_YIELDS) return i ? i : 1;
    return n;
}

/* Brings the k-th to the head; the others keep their order. */
static void bring(struct hob_loop *loop, uint32_t k) {
    struct hob_task *t = *at(loop, k);
    for (; k > 0; k--) *at(loop, k) = *at(loop, k - 1);
    *at(loop, 0) = t;
}

bool hob__order(struct hob_loop *loop) {
    uint32_t head = atomic_load_explicit(&loop->ring_head, memory_order_relaxed);
    uint32_t n = loop->ring_tail - head, k = 0;
    if (n == 0) return true;
    struct hob_task *current = hob__loop_task(loop);
    if (current && *at(loop, n - 1) == current) current->flags |= HOB__TASK_YIELDS;
    if (loop->turn_slices++ >= TURN_TASKS) return false;
    struct hob__backend *b = &loop->backend;
    if (n > 1) n = window(loop, n);
    if (loop->overtaken < PATIENCE) {
        int chosen = b->ops->choose(b, n, id_of);
        if (chosen < 0) return false;
        k = (uint32_t)chosen;
    }
    if (k > 0 && (*at(loop, k))->state == HOB__TASK_NEW)
        for (k = 0; (*at(loop, k))->state != HOB__TASK_NEW;) k++;
    loop->overtaken = k ? loop->overtaken + 1 : 0;
    if (k) bring(loop, k);
    (*at(loop, 0))->flags &= (uint8_t)~HOB__TASK_YIELDS;
    loop->slice_end = head + 1;
    loop->calls = 0;
    return true;
}
