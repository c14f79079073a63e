#include "task/fdwait.h"

#include "task/task.h"

struct hob__backend *hob__backend_current(const char *func) {
    return &hob__current(func)->loop->backend;
}

/* With many connections each event finds its waiter and its task cold. So events are gathered while
 * the backend delivers them, each asking for its waiter's memory, and then dealt with together: the
 * misses overlap. */
void hob__fd_ready(struct hob__backend *b, struct hob__fd *f, unsigned events) {
    struct hob_loop *loop = b->above;
    if (f->readers.first) __builtin_prefetch(f->readers.first, 1);
    if (f->watch) __builtin_prefetch(f->watch, 1);
    loop->arrived[loop->arrived_count] = f;
    loop->arrived_events[loop->arrived_count] = (uint8_t)events;
    if (++loop->arrived_count == HOB__ARRIVED) hob__fd_wake_arrived(loop);
}

void hob__fd_wake_arrived(struct hob_loop *loop) {
    unsigned n = loop->arrived_count;
    for (unsigned i = 0; n > 1 && i < n; i++) {
        const struct hob_waiter *w = loop->arrived[i]->readers.first;
        if (w) __builtin_prefetch(w->task, 1);
    }
    loop->arrived_count = 0;
    for (unsigned i = 0; i < n; i++) {
        struct hob__fd *f = loop->arrived[i];
        unsigned events = loop->arrived_events[i];
        if ((events & HOB__READ) && f->readers.first) hob__wake_all(&f->readers, 0);
        if ((events & HOB__WRITE) && f->writers.first) hob__wake_all(&f->writers, 0);
        if (f->watch) f->watch->fn(f->watch, f, events);
    }
}

enum { BURST = 8 };

/* By the time that one of a thousand ready tasks runs, the kernel's own work for those before it
 * has driven everything of it out of the caches, and its stack's page out of the TLB. Asking for
 * that just before it runs does not hide it: a prefetch waits for its page to be found. So once in
 * BURST waits the memory of the next BURST tasks is asked for, so that their misses overlap: two
 * bursts ahead the record; one burst ahead what each waiting call looks at, by its saved stack
 * pointer what it continues with, and the descriptor's record; at last its user, the stream. */
static __attribute__((noinline)) void ask_ahead(const struct hob_loop *loop, uint32_t head) {
    struct hob_task *const *ring = loop->ring;
    uint32_t mask = loop->ring_mask;
    for (uint32_t i = head + 2 * BURST; i != head + 3 * BURST; i++) {
        const struct hob_task *t = ring[i & mask];
        __builtin_prefetch(t, 1);
        __builtin_prefetch(&t->what, 1);
    }
    for (uint32_t i = head + BURST; i != head + 2 * BURST; i++) {
        const struct hob_task *t = ring[i & mask];
        const char *sp = t->sp;
        if (!sp) continue; /* has not run yet */
        __builtin_prefetch(&t->region->attention);
        for (unsigned line = 0; line < 6; line++) __builtin_prefetch(sp + 64 * line, 1);
        if (t->wait_flags & HOB__WAIT_FD) __builtin_prefetch(t->object, 1);
    }
    for (uint32_t i = head; i != head + BURST; i++) {
        const struct hob_task *t = ring[i & mask];
        if (!(t->wait_flags & HOB__WAIT_FD)) continue;
        const struct hob__fd *f = t->object; /* may be closed meanwhile, but its memory stays */
        __builtin_prefetch(f->user, 1);
    }
    __asm__ volatile(""); /* gcc sees no effect in prefetches, and would drop the call */
}

static inline void look_ahead(const struct hob_loop *loop) {
    uint32_t head = atomic_load_explicit(&loop->ring_head, memory_order_relaxed);
    if (HOB__UNLIKELY(head % BURST == 0 && loop->ring_tail - head >= 3 * BURST))
        ask_ahead(loop, head);
}

int hob__io_point_over(const char *func) {
    hob__turn_over(hob__loop);
    return hob__check_point(hob__loop_task(hob__loop), func);
}

int hob__io_point(const char *func) { return hob__io_point_here(func); }

void hob__work_point(void) { hob__turn_over(hob__loop); }

int hob__io_enter(const char *func, struct hob__backend **b) {
    struct hob_task *t = hob__current(func);
    *b = &t->loop->backend;
    hob__share(t->loop);
    return hob__check_point(t, func);
}

/* Has it watched. 0, or why it cannot be; *always: it is always ready (a regular file). */
static __attribute__((noinline)) int arm(struct hob_loop *loop, struct hob__fd *f,
                                         unsigned direction, bool *always) {
    int rc = loop->backend.ops->arm(&loop->backend, f);
    *always = rc == -EPERM;
    if (rc < 0 && rc != -EPERM && rc != -ENOMEM)
        return hob_fail(rc, "cannot watch descriptor %d: %s", f->fd, hob_strerror(rc));
    if (rc != -EPERM) return rc;
    f->ready |= (uint8_t)direction;
    return hob_check();
}

/* Several lists at once: the task sleeps on the first waiter, the others are linked beside it. */
static __attribute__((noinline)) int wait_lists(struct hob_waitlist *const *lists,
                                                struct hob_waiter *w, unsigned n, const char *what,
                                                const struct hob__fd *f, unsigned flags) {
    struct hob_loop *loop = hob__loop;
    for (unsigned i = 1; i < n; i++) {
        w[i].task = hob__loop_task(loop);
        hob__link(lists[i], &w[i], &w[0]);
    }
    loop->outside++;
    int rc = hob__wait_on(lists[0], &w[0], what, f, flags | HOB__WAIT_FD);
    loop->outside--;
    for (unsigned i = 0; i < n; i++) hob__unlink(&w[i]); /* all but the one that was woken */
    return rc;
}

static __attribute__((noinline)) int wait_both(struct hob__fd *f, const char *what,
                                               unsigned flags) {
    struct hob_waitlist *lists[] = {&f->readers, &f->writers};
    struct hob_waiter w[2];
    return wait_lists(lists, w, 2, what, f, flags);
}

int hob__fd_wait_any(struct hob__fd *const *fds, unsigned n, const char *what, unsigned flags) {
    struct hob_loop *loop = hob__current(what)->loop;
    struct hob_waitlist *lists[HOB__WAIT_ANY_MAX];
    struct hob_waiter w[HOB__WAIT_ANY_MAX];
    if (n == 1) return hob__fd_wait(fds[0], HOB__READ, what, flags);
    for (unsigned i = 0; i < n; i++) {
        bool always = false;
        int rc = fds[i]->armed ? 0 : arm(loop, fds[i], HOB__READ, &always);
        if (rc < 0 || always) return rc;
        lists[i] = &fds[i]->readers;
    }
    return wait_lists(lists, w, n, what, fds[0], flags);
}

int hob__fd_wait(struct hob__fd *f, unsigned direction, const char *what, unsigned flags) {
    struct hob_loop *loop = hob__current(what)->loop;
    if (HOB__UNLIKELY(!f->armed)) {
        bool always = false;
        int rc = arm(loop, f, direction, &always);
        if (rc < 0 || always) return rc;
    }
    if (HOB__UNLIKELY(direction == (HOB__READ | HOB__WRITE))) return wait_both(f, what, flags);
    look_ahead(loop);
    loop->outside++;
    int rc = hob__wait_here(direction == HOB__READ ? &f->readers : &f->writers,
                            &hob__loop_task(loop)->own, what, f, flags | HOB__WAIT_FD);
    loop->outside--;
    return rc;
}

struct alarm {
    struct hob_timer timer;
    struct hob_waiter *waiter;
};

static void ring(struct hob_timer *timer) {
    struct alarm *a = (struct alarm *)(void *)timer; /* its first member */
    hob__wake(a->waiter, 0);
}

int hob__wait_any(struct hob_waiter *w, uint64_t deadline, const char *what, const void *object,
                  unsigned flags) {
    struct hob_loop *loop = hob__current(what)->loop;
    struct alarm a = {.timer = {.deadline_ns = deadline, .fire = ring}, .waiter = w};
    if (deadline != UINT64_MAX && !hob__wheel_add(&loop->wheel, &a.timer)) return hob_check();
    loop->outside++;
    int rc = hob__wait_on(NULL, w, what, object, flags);
    loop->outside--;
    hob__wheel_remove(&loop->wheel, &a.timer);
    return rc;
}

static void op_done(struct hob__op *op) { hob__wake(op->user, 0); }

ssize_t hob__op_wait(struct hob__backend *b, struct hob__op *op, const char *what) {
    struct hob_waiter w;
    op->user = &w;
    op->done = op_done;
    int rc = b->ops->submit(b, op);
    if (rc < 0) return rc;
    hob__wait_on(NULL, &w, what, (const void *)(uintptr_t)(unsigned)op->fd, HOB__WAIT_MASKED);
    return op->result;
}

ssize_t hob__op_run(struct hob__op *op, const char *what) {
    return hob__op_run_on(&hob__current(what)->loop->backend, op, what);
}

void hob__wait_light(void) {
    const struct hob_task *t = hob__loop_task(hob__loop);
    if (t && t->stack) hob__stack_shed(t->stack);
}
