/* interleave_memory.h - what an atomic operation of a thread sees and does. See interleave.h. */
#ifndef HOB_INTERLEAVE_MEMORY_H
#define HOB_INTERLEAVE_MEMORY_H
#include "interleave_state.h"

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

#endif
