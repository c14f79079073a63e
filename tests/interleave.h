/* interleave.h - runs the threads of a small scenario in every order, and in every way in which C11
 * lets them see each other's memory.
 *
 * A test includes this header, then the source files under test. Their atomic operations, locks,
 * condition variables, threads, sleeps and system calls of io_uring are thereby calls of the
 * checker, which stops the calling thread (a fiber of the test) before each and tries all that can
 * happen next: which thread goes on, and what it then finds. What is between two such calls runs as
 * it was compiled.
 *
 *     struct scenario s = {"name", setup, end, {first, second}};
 *     explore(&s, NULL);         looks at every state once: true, or false with a trace printed
 *     explore(&s, &mutation);    the same with one operation of the source weakened or left out
 *
 * A state is all memory that the threads share and their stacks, kept as a copy, so that the
 * checker can go back; a state that was seen before (a hash of it) is not looked at again. It ends
 * with an error at a wrong(), at a use of freed memory, and when all threads wait for ever.
 *
 * Memory. Each atomic object keeps its history of values. A load may find any value that is not
 * older than the last one that its thread has seen, by itself or by an acquire of what was
 * released to it; a sequentially consistent load none that is older than the last sequentially
 * consistent store to the object. So a store that is not sequentially consistent may be seen late,
 * as if it waited in a store buffer, and weaker machines than x86 are covered. Read-modify-writes
 * find the last value. plain_write() and plain_read() stand for memory without atomics: reading
 * what was not released to the reader is an error. The other plain memory of the files under test
 * is taken as seen by all at once; compare-exchanges do not fail without a reason; condition
 * variables do not wake without one (a deadlock would go unseen). */
#ifndef HOB_INTERLEAVE_H
#define HOB_INTERLEAVE_H
#include "test.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/memory.h"
#include "fiber/fiber.h"
#include "fiber/sanitize.h"
#include "loop/internal.h"
#include "loop/uring_abi.h"
#include "task/task.h"

enum { THREADS = 5, PLACES = 24, HISTORY = 16, STACK = 12288, ARENA = 1536, DEPTH = 2000 };
enum { LEFT_BEHIND = 2048, REGIONS = 16, FDS = 8, SEEN = 1 << 22 };

enum op { LOAD, STORE, RMW, PLAIN, LOCK, UNLOCK, WOKEN, SIGNAL, SLEEP, CHOOSE, JOIN, START, ENTER };
static const char *const op_names[] = {"load",   "store", "exchange", "access", "lock",
                                       "unlock", "woken", "signal",   "sleep",  "choose",
                                       "join",   "start", "enter"};

/* What to do to an operation of a function, to see that the checker sees it. */
enum weaken { TO_ACQ_REL, TO_RELAXED, LEFT_OUT, SPLIT };
struct mutation {
    const char *func;
    enum op op;
    enum weaken how;
    bool harmless; /* the protocol does not need it: nothing must be found */
};

struct scenario {
    const char *name;
    void (*setup)(void);
    void (*end)(void); /* all threads have ended */
    void (*thread[THREADS])(void);
};

/* For each place the oldest value that may be seen, as an index into its history. */
struct view {
    uint8_t at[PLACES];
};

struct place {
    const void *addr;
    uint64_t count, sc; /* sc: the last sequentially consistent store */
    struct {
        uint64_t value;
        struct view released;
    } was[HISTORY];
};

struct thread {
    void *sp;
    void *(*start)(void *);
    void *arg;
    enum op op; /* it stands before */
    int order;
    const char *func;
    const void *addr; /* of the object; of the condition variable */
    int n, choice;
    bool ended, signalled, timed;
    bool blind; /* it never loads what is atomic */
    struct view view;
    struct hob_loop *loop;
    uint32_t arena_used;
};

/* What the kernel knows of a ring (see below). */
struct kernel_ring {
    int polled; /* the eventfd of its poll; -1: none */
    int ready;  /* whoever sleeps in enter() wakes up */
    int due;    /* the kernel's own thread has something to do */
    bool work;  /* the poll has something to tell */
    bool used, ended;
    int fd, loop;                /* the thread that enters */
    uint64_t poll_data, op_data; /* op_data: an operation that it works at */
    struct view told;            /* with that */
};
enum { RINGS = 2, ENTRIES = 4 };

static struct {
    struct place place[PLACES];
    struct thread thread[THREADS];
    int places, threads, current;  /* current: -1 outside the threads */
    int goes_on;                   /* 1 + the thread that has just got a lock; 0 */
    int events[FDS], watches[FDS]; /* eventfds: count, -1 closed; epoll: the eventfd */
    int fds;
    struct kernel_ring ring[RINGS];
    int faults; /* how many the rings have left */
    struct {
        const char *from, *to;
    } freed[REGIONS];
    int freed_count;
    _Alignas(16) char arena[THREADS][ARENA];
} w;

static _Alignas(64) char stack_memory[THREADS][STACK];
static struct hob__stack stacks[THREADS];
static void *driver_sp;
static struct {
    char *at;
    size_t n;
} region[REGIONS];
static int regions;
static const struct mutation *mutation;
static bool mutated; /* the operation was met */
static char failure[256];
static bool told;
static uint64_t *seen;
static long states, steps;
static char *copies[DEPTH];
static struct {
    int thread;
    enum op op;
    const char *func;
    int choice;
} trace[DEPTH];

/* Memory outside the arena that belongs to the state. */
__attribute__((unused)) static void watch(void *p, size_t n) {
    CHECK(regions < REGIONS && n % 8 == 0 && (uintptr_t)p % 8 == 0);
    region[regions].at = p;
    region[regions++].n = n;
}

/* ---- in the threads ---- */

static struct thread *me(void) { return &w.thread[w.current]; }

__attribute__((format(printf, 1, 2))) static void wrong(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    if (!failure[0]) vsnprintf(failure, sizeof failure, fmt, args);
    va_end(args);
    void *gone;
    if (w.current >= 0) hob__switch(&gone, driver_sp); /* never to come back */
}
#define MUST(cond)                                                                                 \
    do {                                                                                           \
        if (!(cond)) wrong("not true: %s", #cond);                                                 \
    } while (0)

static bool is(const char *func, enum op op, enum weaken how) {
    if (HOB__LIKELY(!mutation) || mutation->op != op || mutation->how != how ||
        strcmp(mutation->func, func) != 0)
        return false;
    return mutated = true;
}

static void check_alive(const void *p, enum op op, const char *func) {
    for (int i = 0; i < w.freed_count; i++)
        if ((const char *)p >= w.freed[i].from && (const char *)p < w.freed[i].to)
            wrong("%s in %s touches freed memory", op_names[op], func);
}

/* Stops before an operation; the choice that was made. */
static int before(enum op op, const void *addr, int order, int n, const char *func) {
    struct thread *t = me();
    t->op = op, t->addr = addr, t->order = order, t->n = n, t->func = func;
    hob__switch(&t->sp, driver_sp);
    int choice = t->choice;
    t->choice = t->n = t->order = 0;
    check_alive(addr, op, func);
    return choice;
}

static uint64_t real(const void *p, size_t n) {
    uint64_t v = 0;
    memcpy(&v, p, n);
    return v;
}

static struct place *find(const void *p, size_t n) {
    for (int i = 0; i < w.places; i++)
        if (w.place[i].addr == p) return &w.place[i];
    CHECK(w.places < PLACES);
    w.place[w.places].addr = p;
    w.place[w.places].count = 1;
    w.place[w.places].was[0].value = n ? real(p, n) : 0;
    return &w.place[w.places++];
}

static void join_view(struct view *v, const struct view *other) {
    for (int i = 0; i < PLACES; i++)
        if (other->at[i] > v->at[i]) v->at[i] = other->at[i];
}

static bool acquires(int order) {
    return order != memory_order_relaxed && order != memory_order_release;
}
static bool releases(int order) { return order >= memory_order_release; }

static int weaker(int order, const char *func, enum op op) {
    if (order == memory_order_seq_cst && is(func, op, TO_ACQ_REL))
        return op == LOAD    ? memory_order_acquire
               : op == STORE ? memory_order_release
                             : memory_order_acq_rel;
    if (order != memory_order_relaxed && is(func, op, TO_RELAXED)) return memory_order_relaxed;
    return order;
}

static uint64_t observe(struct place *p, uint64_t i, int order) {
    me()->view.at[p - w.place] = (uint8_t)i;
    if (acquires(order)) join_view(&me()->view, &p->was[i].released);
    return p->was[i].value;
}

/* after: a read-modify-write carries on what was released before it. */
static void add(struct place *p, void *addr, size_t n, uint64_t v, int order, bool after) {
    CHECK(p->count < HISTORY);
    uint64_t i = p->count++;
    me()->view.at[p - w.place] = (uint8_t)i;
    p->was[i].value = 0;
    memcpy(&p->was[i].value, &v, n ? n : 8);
    if (n) memcpy(addr, &v, n);
    p->was[i].released = after ? p->was[i - 1].released : (struct view){{0}};
    if (releases(order)) join_view(&p->was[i].released, &me()->view);
    if (order == memory_order_seq_cst) p->sc = i;
}

static uint64_t do_load(const void *p, size_t n, int order, const char *func) {
    if (w.current < 0) return real(p, n);
    order = weaker(order, func, LOAD);
    find(p, n);
    int back = before(LOAD, p, order, 0, func);
    struct place *at = find(p, n);
    return observe(at, at->count - 1 - (uint64_t)back, order);
}

static void do_store(void *p, size_t n, uint64_t v, int order, const char *func) {
    if (w.current < 0) {
        memcpy(p, &v, n);
        return;
    }
    if (is(func, STORE, LEFT_OUT)) return;
    order = weaker(order, func, STORE);
    find(p, n);
    before(STORE, p, order, 0, func);
    add(find(p, n), p, n, v, order, false);
}

/* How a read-modify-write comes from the old value to the new one. */
enum change { EXCHANGE, ADD, COMPARE };
static uint64_t do_rmw(void *p, size_t n, enum change change, uint64_t v, void *expected, int order,
                       const char *func) {
    if (w.current >= 0 && is(func, RMW, SPLIT)) {
        uint64_t old = do_load(p, n, order, func);
        do_store(p, n, change == ADD ? old + v : v, order, func);
        return change == COMPARE ? 1 : old;
    }
    struct place *at = NULL;
    uint64_t old;
    if (w.current >= 0) {
        order = weaker(order, func, RMW);
        find(p, n);
        before(RMW, p, order, 0, func);
        at = find(p, n);
        old = observe(at, at->count - 1, order);
    } else {
        old = real(p, n);
    }
    if (change == COMPARE && old != real(expected, n)) {
        memcpy(expected, &old, n);
        return 0;
    }
    uint64_t new = change == ADD ? old + v : v;
    if (at)
        add(at, p, n, new, order, true);
    else
        memcpy(p, &new, n);
    return change == COMPARE ? 1 : old;
}

/* Its views only tell who has seen the last write (1) and who has not. */
static void plain(const void *p, bool write, const char *func) {
    struct place *at = find(p, 0);
    check_alive(p, PLAIN, func);
    long l = at - w.place;
    if (me()->view.at[l] != at->count - 1) wrong("a race on plain memory in %s", func);
    if (!write) return;
    for (int k = 0; k < THREADS; k++) w.thread[k].view.at[l] = 0;
    for (int i = 0; i < w.places; i++)
        for (int j = 0; j < HISTORY; j++) w.place[i].was[j].released.at[l] = 0;
    for (int i = 0; i < RINGS; i++) w.ring[i].told.at[l] = 0;
    at->count = 2;
    me()->view.at[l] = 1;
}
#define plain_write(p) plain(p, true, __func__)
#define plain_read(p) plain(p, false, __func__)

static int choose(int n, const char *func) { return before(CHOOSE, NULL, 0, n, func); }

/* ---- locks, conditions, threads ---- */

/* Only its last value can be found, so it has no history. */
static void hold(pthread_mutex_t *m, bool locked) {
    struct place *at = find(m, 0);
    if (locked)
        join_view(&me()->view, &at->was[0].released);
    else
        join_view(&at->was[0].released, &me()->view);
    at->was[0].value = locked;
}

static int do_lock(pthread_mutex_t *m, const char *func) {
    if (w.current < 0 || is(func, LOCK, LEFT_OUT)) return 0;
    find(m, 0);
    before(LOCK, m, 0, 0, func);
    hold(m, true);
    w.goes_on = 1 + w.current;
    return 0;
}

/* No other thread can tell when it comes, but by waiting for it: it is done with what was before.
 */
static int do_unlock(pthread_mutex_t *m, const char *func) {
    if (w.current < 0) return 0;
    check_alive(m, UNLOCK, func);
    hold(m, false);
    return 0;
}

/* Of a scenario whose timed waits are so long that what was stored before their end is then seen by
 * all. */
static bool naps_settle;

static int do_wait(pthread_cond_t *c, pthread_mutex_t *m, bool timed, const char *func) {
    do_unlock(m, func);
    me()->signalled = false;
    me()->timed = timed;
    before(WOKEN, c, 0, 0, func);
    bool late = !me()->signalled;
    if (late && naps_settle)
        for (int k = 0; k < w.threads; k++)
            for (int l = 0; l < w.places; l++)
                w.thread[k].view.at[l] = (uint8_t)(w.place[l].count - 1);
    me()->signalled = me()->timed = false;
    do_lock(m, "pthread_cond_wait");
    return late ? ETIMEDOUT : 0;
}

/* The i-th thread that waits for c, or NULL. */
static struct thread *waiting(const void *c, int i) {
    for (int k = 0; k < w.threads; k++) {
        struct thread *t = &w.thread[k];
        if (!t->ended && t->op == WOKEN && t->addr == c && !t->signalled && i-- == 0) return t;
    }
    return NULL;
}

static int do_signal(pthread_cond_t *c, bool all, const char *func) {
    if (w.current < 0 || is(func, SIGNAL, LEFT_OUT)) return 0;
    struct thread *t = waiting(c, before(SIGNAL, c, all, 0, func));
    if (t) t->signalled = true;
    while (all && (t = waiting(c, 0))) t->signalled = true;
    return 0;
}

static int do_create(pthread_t *thread, void *(*start)(void *), void *arg) {
    CHECK(w.threads < THREADS);
    struct thread *t = &w.thread[w.threads];
    *thread = (pthread_t)w.threads++;
    t->start = start;
    t->arg = arg;
    t->op = START;
    t->func = "a thread";
    if (w.current >= 0) t->view = me()->view;
    return 0;
}

static int do_join(pthread_t t, const char *func) {
    before(JOIN, &w.thread[t], 0, 0, func);
    join_view(&me()->view, &w.thread[t].view);
    return 0;
}

/* ---- the kernel's side of a loop: an eventfd in an epoll set ---- */

static int do_eventfd(void) {
    CHECK(w.fds < FDS);
    return 1000 + w.fds++;
}

static int do_epoll_ctl(int epfd, int fd) {
    w.watches[epfd - 1000] = fd - 1000;
    return 0;
}

/* The loop has closed its eventfd. */
__attribute__((unused)) static void gone(int fd) { w.events[fd - 1000] = -1; }

static void poll_fires(int event);
static ssize_t do_write(int fd, const char *func) {
    if (is(func, SIGNAL, LEFT_OUT)) return 8;
    if (w.current >= 0) before(SIGNAL, NULL, 0, 0, func);
    if (w.events[fd - 1000] < 0) wrong("%s wakes a loop that is gone", func);
    w.events[fd - 1000] = 1;
    poll_fires(fd - 1000);
    return 8;
}

static int do_sleep(int epfd, const char *func) {
    int *event = &w.events[w.watches[epfd - 1000]];
    before(SLEEP, event, 0, 0, func);
    *event = 0;
    return 0;
}

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

/* ---- memory ---- */

static void *do_alloc(size_t n) {
    static _Alignas(16) char early[1 << 18];
    static size_t early_used;
    n = (n + 15) & ~(size_t)15;
    char *p = w.current < 0 ? early + early_used : w.arena[w.current] + me()->arena_used;
    if (w.current < 0)
        CHECK((early_used += n) <= sizeof early);
    else
        CHECK((me()->arena_used += (uint32_t)n) <= ARENA);
    memset(p, 0, n);
    return p;
}

/* Of n bytes: nobody may touch them any more. */
static void do_free(const void *p, size_t n) {
    if (!p) return;
    CHECK(w.freed_count < REGIONS);
    for (int i = 0; i < w.freed_count; i++)
        if (w.freed[i].from == p) wrong("freed twice");
    if (w.current >= 0 && (const char *)p >= w.arena[0] &&
        (const char *)p < w.arena[0] + sizeof w.arena)
        memset((void *)(uintptr_t)p, 0xdd, n);
    w.freed[w.freed_count].from = p;
    w.freed[w.freed_count++].to = (const char *)p + n;
}

/* ---- the driver ---- */

static void *entry(void *arg) {
    struct thread *t = arg;
    t->start(t->arg);
    struct view view = t->view;
    memset(t, 0, sizeof *t);
    t->view = view;
    t->ended = true;
    return driver_sp;
}

static void go_on(int k, int choice) {
    struct thread *t = &w.thread[k];
    w.current = k;
    w.goes_on = 0;
    t->choice = choice;
    hob__loop = t->loop;
    /* What earlier calls have left there would make equal states look different. */
    char *sp = t->sp ? t->sp : stacks[k].top;
    memset(sp - LEFT_BEHIND, 0, LEFT_BEHIND);
    if (t->sp)
        hob__switch(&driver_sp, t->sp);
    else
        hob__fiber_enter(&driver_sp, &stacks[k], entry, t);
    w.current = -1;
    hob__loop = NULL;
    steps++;
}

/* In how many ways the thread can go on: 0 = it waits. */
static int choices(const struct thread *t) {
    const struct place *p = NULL;
    int n = 0;
    if (t->ended) return 0;
    switch (t->op) {
    case LOAD:
        p = find(t->addr, 0);
        n = t->view.at[p - w.place];
        if (t->order == memory_order_seq_cst && (int)p->sc > n) n = (int)p->sc;
        return (int)p->count - n;
    case LOCK:
        p = find(t->addr, 0);
        return p->was[p->count - 1].value == 0;
    case WOKEN:
        return t->signalled || t->timed;
    case SIGNAL:
        while (t->addr && !t->order && waiting(t->addr, n)) n++;
        return n ? n : 1;
    case SLEEP:
        return *(const int *)t->addr > 0 || t->timed;
    case CHOOSE:
        return t->n;
    case JOIN:
        return ((const struct thread *)t->addr)->ended;
    default:
        return 1;
    }
}

/* Forgets the values that nobody can find any more, so that equal states look equal. */
static void forget_old(void) {
    for (int l = 0; l < w.places; l++) {
        struct place *p = &w.place[l];
        uint8_t low = (uint8_t)(p->count - 1);
        for (int k = 0; k < w.threads; k++) {
            if (w.thread[k].ended || (w.thread[k].blind && p->count > 2)) continue; /* 2: plain */
            if (w.thread[k].view.at[l] < low) low = w.thread[k].view.at[l];
        }
        if (low == 0) continue;
        p->count -= low;
        p->sc = p->sc > low ? p->sc - low : 0;
        memmove(p->was, p->was + low, p->count * sizeof p->was[0]);
        for (int k = 0; k < w.threads; k++) {
            uint8_t *at = &w.thread[k].view.at[l];
            *at = *at > low ? (uint8_t)(*at - low) : 0;
        }
        for (int i = 0; i < RINGS; i++) {
            uint8_t *at = &w.ring[i].told.at[l];
            *at = *at > low ? (uint8_t)(*at - low) : 0;
        }
        for (int i = 0; i < w.places; i++)
            for (uint64_t j = 0; j < w.place[i].count; j++) {
                uint8_t *at = &w.place[i].was[j].released.at[l];
                *at = *at > low ? (uint8_t)(*at - low) : 0;
            }
    }
}

/* Calls see(piece, its size) for the memory outside of w that belongs to the state. */
static void each_piece(void (*see)(void *p, size_t n, void *arg), void *arg) {
    for (int i = 0; i < regions; i++) see(region[i].at, region[i].n, arg);
    for (int k = 0; k < w.threads; k++) {
        char *sp = w.thread[k].sp;
        if (sp) see(sp, (size_t)(stacks[k].top - sp), arg);
    }
}

static void measure(void *p, size_t n, void *size) { (void)p, *(size_t *)size += n; }
static void save(void *p, size_t n, void *to) {
    memcpy(*(char **)to, p, n);
    *(char **)to += n;
}
static void restore(void *p, size_t n, void *from) {
    memcpy(p, *(char **)from, n);
    *(char **)from += n;
}
static void mix(void *p, size_t n, void *hash) {
    uint64_t h = *(uint64_t *)hash;
    for (const uint64_t *x = p; n >= 8; n -= 8, x++) {
        h = (h ^ *x) * 0x9e3779b97f4a7c15u;
        h ^= h >> 29;
    }
    *(uint64_t *)hash = h;
}

/* True when it is new. */
static bool note_state(void) {
    uint64_t h = 1;
    mix(w.thread, (size_t)((char *)w.arena - (char *)w.thread), &h);
    for (int i = 0; i < w.places; i++)
        mix(&w.place[i], offsetof(struct place, was[w.place[i].count]), &h);
    for (int k = 0; k < w.threads; k++) mix(w.arena[k], w.thread[k].arena_used, &h);
    each_piece(mix, &h);
    if (h == 0) h = 1;
    uint32_t i = (uint32_t)(h >> 20) & (SEEN - 1);
    while (seen[i] && seen[i] != h) i = (i + 1) & (SEEN - 1);
    if (seen[i]) return false;
    if (states >= SEEN / 4 * 3) FAIL("more than %ld states", states);
    seen[i] = h;
    states++;
    return true;
}

static void tell_trace(const struct scenario *s, int depth) {
    if (mutation || told) return;
    told = true;
    fprintf(stderr, "%s: %s, after\n", s->name, failure);
    for (int i = 0; i <= depth; i++)
        fprintf(stderr, "  %*s%d: %s in %s%s\n", 4 * trace[i].thread, "", trace[i].thread,
                op_names[trace[i].op], trace[i].func, trace[i].choice ? " (another value)" : "");
}

/* The one thread that need be looked at, or -1: one that makes a choice of its own, which concerns
 * nobody; one that has got a lock, since it might as well have got it just before what it does now.
 * (Unlocking and plain memory are no steps at all: nobody can tell when they happen, but by the
 * lock, and by races, which are found in any order.) */
static int only_one(void) {
    for (int k = 0; k < w.threads; k++)
        if (!w.thread[k].ended && (w.thread[k].op == CHOOSE || w.thread[k].op == START)) return k;
    if (!w.goes_on) return -1;
    const struct thread *t = &w.thread[w.goes_on - 1];
    return !t->ended && t->op <= RMW ? w.goes_on - 1 : -1;
}

static bool descend(const struct scenario *s, int depth) {
    CHECK(depth < DEPTH);
    bool any = false, all_ended = true;
    size_t size = sizeof w;
    each_piece(measure, &size);
    char *copy = copies[depth] = realloc(copies[depth], size), *at = copy;
    CHECK(copy != NULL);
    save(&w, sizeof w, &at);
    each_piece(save, &at);
    int only = only_one();
    for (int k = 0; k < w.threads; k++) {
        all_ended &= w.thread[k].ended;
        if (only >= 0 && k != only) continue;
        for (int c = 0, n = choices(&w.thread[k]); c < n; c++) {
            trace[depth].thread = k, trace[depth].choice = c;
            trace[depth].op = w.thread[k].op, trace[depth].func = w.thread[k].func;
            go_on(k, c);
            forget_old();
            bool fine = !failure[0] && (!note_state() || descend(s, depth + 1));
            if (!fine) return tell_trace(s, depth), false;
            any = true;
            at = copy;
            restore(&w, sizeof w, &at);
            each_piece(restore, &at);
        }
    }
    if (!any && all_ended) s->end();
    if (!any && !all_ended) wrong("all threads wait for ever");
    return !failure[0] || (tell_trace(s, depth - 1), false);
}

static void *run_thread(void *fn) {
    (*(void (**)(void))fn)();
    return NULL;
}

static bool explore(const struct scenario *s, const struct mutation *m) {
    struct hob__stacks pool;
    hob__stacks_init(&pool); /* for its floating point words */
    memset(&w, 0, sizeof w);
    w.current = -1;
    regions = 0;
    failure[0] = 0;
    told = false;
    states = steps = 0;
    mutation = m;
    mutated = naps_settle = interrupts = false;
    if (!seen) seen = hob__map(SEEN * sizeof *seen);
    memset(seen, 0, SEEN * sizeof *seen);
    for (int k = 0; k < THREADS; k++)
        stacks[k] = (struct hob__stack){
            .base = stack_memory[k], .top = stack_memory[k] + STACK - 64, .fp = pool.fp};
    hob__stacks_destroy(&pool);
    s->setup();
    for (int k = 0; k < THREADS && s->thread[k]; k++) {
        pthread_t t;
        do_create(&t, run_thread, (void *)(uintptr_t)&s->thread[k]);
    }
    return descend(s, 0);
}

/* ---- what the files under test call ---- */

#define HOB__VALUE(p) __typeof__((void)0, *(p))
#undef atomic_load
#undef atomic_load_explicit
#undef atomic_store
#undef atomic_store_explicit
#undef atomic_exchange
#undef atomic_fetch_add
#undef atomic_fetch_sub
#undef atomic_compare_exchange_weak
#define atomic_load_explicit(p, order)                                                             \
    ((HOB__VALUE(p))do_load((const void *)(p), sizeof *(p), order, __func__))
#define atomic_load(p) atomic_load_explicit(p, memory_order_seq_cst)
#define atomic_store_explicit(p, v, order)                                                         \
    do_store((void *)(p), sizeof *(p), (uint64_t)(v), order, __func__)
#define atomic_store(p, v) atomic_store_explicit(p, v, memory_order_seq_cst)
#define HOB__CHANGE(p, how, v, expected)                                                           \
    do_rmw((void *)(p), sizeof *(p), how, (uint64_t)(v), expected, memory_order_seq_cst, __func__)
#define atomic_exchange(p, v)                                                                      \
    __extension__({                                                                                \
        HOB__VALUE(p) was_ = (HOB__VALUE(p))HOB__CHANGE(p, EXCHANGE, v, NULL);                     \
        was_;                                                                                      \
    })
#define atomic_fetch_add(p, v)                                                                     \
    __extension__({                                                                                \
        HOB__VALUE(p) was_ = (HOB__VALUE(p))HOB__CHANGE(p, ADD, v, NULL);                          \
        was_;                                                                                      \
    })
#define atomic_fetch_sub(p, v) atomic_fetch_add(p, -(int64_t)(v))
#define atomic_compare_exchange_weak(p, expected, v) (HOB__CHANGE(p, COMPARE, v, expected) != 0)

static int nothing_to_do(const void *p, const void *q) { return (void)p, (void)q, 0; }
#define pthread_mutex_init(m, a) nothing_to_do(m, a)
#define pthread_mutex_destroy(m) nothing_to_do(m, NULL)
#define pthread_mutex_lock(m) do_lock(m, __func__)
#define pthread_mutex_unlock(m) do_unlock(m, __func__)
#define pthread_cond_init(c, a) nothing_to_do(c, a)
#define pthread_cond_destroy(c) nothing_to_do(c, NULL)
#define pthread_cond_wait(c, m) do_wait(c, m, false, __func__)
#define pthread_cond_timedwait(c, m, until)                                                        \
    (nothing_to_do(until, NULL), do_wait(c, m, true, __func__))
#define pthread_cond_signal(c) do_signal(c, false, __func__)
#define pthread_cond_broadcast(c) do_signal(c, true, __func__)
#define pthread_create(t, attr, start, arg) do_create(t, start, arg)
#define pthread_join(t, result) do_join(t, __func__)
#define pthread_detach(t) nothing_to_do(NULL, NULL)
#define pthread_self() ((pthread_t)w.current)
#define pthread_once(once, fn) nothing_to_do(once, (const void *)(uintptr_t)(fn))
#define pthread_setspecific(key, p) nothing_to_do(p, NULL)
#define pthread_setname_np(t, name) nothing_to_do(name, NULL)
#define pthread_sigmask(how, set, old) nothing_to_do(set, old)
#define clock_gettime(clock, t) nothing_to_do(memset(t, 0, sizeof *(t)), NULL)

#define eventfd(n, flags) do_eventfd()
#define epoll_create1(flags) do_eventfd()
#define epoll_ctl(epfd, op, fd, event) (nothing_to_do(event, NULL), do_epoll_ctl(epfd, fd))
#define epoll_wait(epfd, events, n, timeout) ((void)(timeout), do_sleep(epfd, __func__))
#define write(fd, from, n) (nothing_to_do(from, NULL), do_write(fd, __func__))
#define syscall(number, ...) do_syscall(__func__, number, __VA_ARGS__)
#define mmap(at, size, access, flags, fd, offset) do_mmap(size, fd, offset)
#define munmap(p, size) nothing_to_do(p, NULL)
#define madvise(p, size, advice) nothing_to_do(p, NULL)
#define hob__alloc(n) do_alloc(n)
#define hob__alloc_zero(n) do_alloc(n)
#define hob__free(p) do_free(p, (p) ? sizeof *(p) : 0)
#endif
