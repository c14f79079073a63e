/* interleave_ring.h - the kernel's side of a loop on io_uring. See interleave.h. */
#ifndef HOB_INTERLEAVE_RING_H
#define HOB_INTERLEAVE_RING_H
#include "interleave_sync.h"

/* ---- the kernel's side of a loop: an io_uring ----
 *
 * One multishot poll of an eventfd, told edge by edge, and one operation, done by a thread of the
 * kernel. What a poll has to tell becomes a completion in the loop's own enter() (a ring with
 * DEFER_TASKRUN), or at any time as well: `interrupts`, which takes kernel_thread() as a thread of
 * the scenario. A write to the eventfd sets the ring's flag for it; both sides see that word, and
 * the end of the completions, as late as other memory. Faults, of which each scenario allows so
 * many: a poll ends with its completion, enter() is interrupted or has no memory, an operation is
 * interrupted. */

static _Alignas(8) struct ring_memory {
    uint32_t sq_head, sq_tail, sq_flags, cq_head, cq_tail, unused;
    struct hob__cqe cqes[ENTRIES];
    struct hob__sqe sqes[ENTRIES];
    uint32_t array[ENTRIES + 2];
} ring_memory[RINGS];
static bool interrupts;

static int ring_of(int fd) {
    for (int i = 0; i < RINGS; i++)
        if (w.ring[i].used && w.ring[i].fd == fd) return i;
    FAIL("descriptor %d is no ring", fd);
}

static bool fault(const char *func) {
    if (w.current < 0 || w.faults == 0 || choose(2, func) == 0) return false;
    w.faults--;
    return true;
}

/* Words that more than one thread sees; the others are the loop's own. */
static bool is_shared(const void *p) {
    for (int i = 0; i < RINGS; i++)
        if (p == &ring_memory[i].sq_flags || (p == &ring_memory[i].cq_tail && interrupts))
            return true;
    return false;
}
static uint32_t ring_load(const uint32_t *p, int order, const char *func) {
    return is_shared(p) ? (uint32_t)do_load(p, 4, order, func) : *p;
}
/* The loop has taken a completion just before it moves their head. */
static void ring_store(uint32_t *p, uint32_t v, const char *func) {
    for (int i = 0; i < RINGS && w.current >= 0; i++)
        if (p == &ring_memory[i].cq_head)
            plain(&ring_memory[i].cqes[(v - 1) % ENTRIES], false, func);
    if (!is(func, STORE, LEFT_OUT)) *p = v;
}
/* By the kernel, of whichever thread it runs in. Only the loop looks there. */
static void kernel_sets(int i, uint32_t *p, uint32_t v, int order) {
    if (w.current < 0 || !is_shared(p)) {
        *p = v;
        return;
    }
    struct place *at = find(p, 4);
    add(at, p, 4, v, order, true);
    for (int k = 0; k < w.threads; k++)
        if (k != w.ring[i].loop) w.thread[k].view.at[at - w.place] = (uint8_t)(at->count - 1);
}

/* The loop's thread has looked there itself, in the kernel. */
static void kernel_looked(const uint32_t *p) {
    if (w.current < 0 || !is_shared(p)) return;
    struct place *at = find(p, 4);
    me()->view.at[at - w.place] = (uint8_t)(at->count - 1);
}

static void complete(int i, uint64_t user_data, int res, uint32_t flags) {
    struct ring_memory *m = &ring_memory[i];
    CHECK(m->cq_tail - m->cq_head < ENTRIES);
    if (w.current >= 0) plain(&m->cqes[m->cq_tail % ENTRIES], true, __func__);
    m->cqes[m->cq_tail % ENTRIES] = (struct hob__cqe){user_data, res, flags};
    kernel_sets(i, &m->cq_tail, m->cq_tail + 1, memory_order_release);
    w.ring[i].ready = 1;
}

static void poll_fires(int event) {
    for (int i = 0; i < RINGS; i++) {
        struct kernel_ring *r = &w.ring[i];
        if (!r->used || r->polled != event) continue;
        r->work = true;
        r->ready = r->due = 1;
        kernel_sets(i, &ring_memory[i].sq_flags, HOB__SQ_TASKRUN, memory_order_relaxed);
    }
}

/* What the poll has to tell becomes a completion. */
static void finish_work(int i, const char *func) {
    struct kernel_ring *r = &w.ring[i];
    if (!r->work) return;
    r->work = false;
    r->due = r->op_data != 0;
    kernel_sets(i, &ring_memory[i].sq_flags, 0, memory_order_relaxed);
    bool ends = fault(func);
    if (ends) r->polled = -1;
    complete(i, r->poll_data, EPOLLIN, ends ? 0 : HOB__CQE_MORE);
}

static void take_entries(int i, unsigned n) {
    struct ring_memory *m = &ring_memory[i];
    struct kernel_ring *r = &w.ring[i];
    for (; n > 0 && m->sq_head != m->sq_tail; n--, m->sq_head++) {
        const struct hob__sqe *e = &m->sqes[m->sq_head % ENTRIES];
        if (e->opcode == HOB__URING_POLL_ADD) {
            CHECK(r->polled < 0);
            r->polled = e->fd - 1000;
            r->poll_data = e->user_data;
            if (w.events[r->polled] > 0) poll_fires(r->polled);
        } else {
            CHECK(r->op_data == 0 && interrupts);
            r->op_data = e->user_data;
            r->told = me()->view;
            r->due = 1;
        }
    }
}

static long do_enter(int fd, unsigned n, bool wait, unsigned flags,
                     const struct hob__uring_wait *arg, const char *func) {
    int i = ring_of(fd);
    struct kernel_ring *r = &w.ring[i];
    r->loop = w.current;
    if (w.current >= 0) before(ENTER, NULL, 0, 0, func);
    if (n > 0 && fault(func)) return errno = EAGAIN, -1;
    if (!is(func, ENTER, LEFT_OUT)) take_entries(i, n);
    if (!(flags & HOB__ENTER_GETEVENTS)) return 0;
    finish_work(i, func);
    r->ready = ring_memory[i].cq_tail != ring_memory[i].cq_head;
    kernel_looked(&ring_memory[i].cq_tail);
    if (!wait || r->ready) return 0;
    if (fault(func)) return errno = EINTR, -1;
    me()->timed = arg->timeout != 0;
    before(SLEEP, &r->ready, 0, 0, func);
    me()->timed = false;
    finish_work(i, func);
    kernel_looked(&ring_memory[i].cq_tail);
    if (r->ready) return 0;
    return errno = ETIME, -1;
}

static long do_setup(struct hob__uring_params *p) {
    const uint32_t deferred = HOB__SETUP_DEFER_TASKRUN;
    if (interrupts && (p->flags & deferred)) return errno = EINVAL, -1;
    int i = w.ring[0].used;
    memset(&ring_memory[i], 0, sizeof ring_memory[i]);
    watch(&ring_memory[i], sizeof ring_memory[i]);
    p->sq_entries = p->cq_entries = ENTRIES;
    p->features = UINT32_MAX;
    p->sq_off.head = offsetof(struct ring_memory, sq_head);
    p->sq_off.tail = offsetof(struct ring_memory, sq_tail);
    p->sq_off.flags = offsetof(struct ring_memory, sq_flags);
    p->sq_off.array = offsetof(struct ring_memory, array);
    p->cq_off.head = offsetof(struct ring_memory, cq_head);
    p->cq_off.tail = offsetof(struct ring_memory, cq_tail);
    p->cq_off.cqes = offsetof(struct ring_memory, cqes);
    int fd = do_eventfd();
    w.ring[i] = (struct kernel_ring){.polled = -1, .used = true, .fd = fd};
    return fd;
}

static void *do_mmap(size_t size, int fd, off_t offset) {
    (void)size;
    struct ring_memory *m = &ring_memory[ring_of(fd)];
    return offset == HOB__OFF_SQES ? (void *)m->sqes : (void *)m;
}

static long do_syscall(const char *func, long number, ...) {
    va_list a;
    va_start(a, number);
    int fd = va_arg(a, int);
    long rc = -1;
    errno = ENOSYS;
    if (number == HOB__SYS_URING_SETUP) {
        rc = do_setup(va_arg(a, struct hob__uring_params *));
    } else if (number == HOB__SYS_URING_ENTER) {
        unsigned n = va_arg(a, unsigned);
        bool wait = va_arg(a, int) > 0;
        unsigned flags = va_arg(a, unsigned);
        rc = do_enter(fd, n, wait, flags, va_arg(a, const struct hob__uring_wait *), func);
    } else if (number == HOB__SYS_URING_REGISTER) {
        errno = EINVAL; /* it goes by its descriptor */
    }
    va_end(a);
    return rc;
}

/* The loop has ended, and the kernel's thread with it. */
__attribute__((unused)) static void ring_ends(int i) {
    w.ring[i].ended = true;
    w.ring[i].due = 1;
}

/* Finishes at any time what is there to finish; before an operation's completion done(its address)
 * is called, whose result it is. */
__attribute__((unused)) static void kernel_thread(int i, int (*done)(void *op)) {
    struct kernel_ring *r = &w.ring[i];
    me()->blind = true;
    for (;;) {
        before(SLEEP, &r->due, 0, 0, __func__);
        if (r->op_data && (!r->work || choose(2, __func__))) {
            uint64_t data = r->op_data;
            join_view(&me()->view, &r->told);
            int res = fault(__func__) ? -EINTR : done(hob__unpack(data & ~UINT64_C(7)));
            r->op_data = 0;
            r->due = r->work || r->ended;
            complete(i, data, res, 0);
        } else if (r->work) {
            finish_work(i, __func__);
            if (r->ended) r->due = 1;
        } else if (r->ended) {
            return;
        }
    }
}

#endif
