/* interleave_explore.h - memory that goes back to what it was, and the driver that tries all. See
 * interleave.h. */
#ifndef HOB_INTERLEAVE_EXPLORE_H
#define HOB_INTERLEAVE_EXPLORE_H
#include "interleave_ring.h"

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

#endif
