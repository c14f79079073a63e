/* loop/sim/world.c - hosts, loops, the clock and the heap of events: who runs, and when.
 *
 * Loops are fibers. A loop that looks at the outside (backend.wait) hands the thread over: it calls
 * hob__sim_pass(), which fires the events that are due, chooses a loop that has something to do,
 * and switches to it directly; when none has, the clock jumps to the next event or deadline. So
 * there is no scheduler beside the loops, and a message between two hosts costs one switch.
 *
 * The clock stands still while a loop runs, but for a little at each look at it, each switch of
 * tasks and each turn, so that whoever spins until some time comes does see it come. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "fiber/sanitize.h"
#include "loop/sim/sim.h"

enum { TURN_NS = 500, HOST_FDS = 4096 };

__thread struct hob__sim *hob__sim_current;

/* ---- memory ---- */

static void *checked(void *p) {
    if (p) return p;
    fputs("hob: no memory for the simulated world\n", stderr);
    abort();
}

void *hob__sim_alloc(size_t n) { return checked(calloc(1, n ? n : 1)); }
void *hob__sim_realloc(void *p, size_t n) { return checked(realloc(p, n)); }
void hob__sim_free(void *p) { free(p); }

/* ---- events: a heap, each with four below it ---- */

static inline bool earlier(const struct hob__sim_event *a, const struct hob__sim_event *b) {
    return a->when < b->when || (a->when == b->when && a->seq < b->seq);
}

void hob__sim_at_beside(struct hob__sim *w, struct hob__sim_event e) {
    if (HOB__UNLIKELY(w->event_count == w->event_room)) {
        w->event_room = w->event_room ? w->event_room * 2 : 64;
        w->events = hob__sim_realloc(w->events, w->event_room * sizeof *w->events);
    }
    size_t at = w->event_count++;
    while (at > 0 && earlier(&e, &w->events[(at - 1) / 4])) {
        w->events[at] = w->events[(at - 1) / 4];
        at = (at - 1) / 4;
    }
    w->events[at] = e;
}

/* The last of the n + 1 events takes the place of the first. */
static void drop_first(struct hob__sim *w, size_t n) {
    struct hob__sim_event last = w->events[n];
    size_t at = 0;
    for (;;) {
        size_t below = 4 * at + 1, least = below;
        if (below >= n) break;
        size_t end = below + 4 < n ? below + 4 : n;
        for (size_t i = below + 1; i < end; i++)
            if (earlier(&w->events[i], &w->events[least])) least = i;
        if (!earlier(&w->events[least], &last)) break;
        w->events[at] = w->events[least];
        at = least;
    }
    w->events[at] = last;
}

static inline void fire_first(struct hob__sim *w) {
    hob__sim_fire *fire = w->events[0].fire;
    void *arg = w->events[0].arg;
    uint64_t data = w->events[0].data;
    if (--w->event_count > 0) drop_first(w, w->event_count);
    w->fired++;
    fire(w, arg, data);
}

/* ---- the world ---- */

struct hob__sim *hob__sim_new(uint64_t seed) {
    struct hob__sim *w = hob__sim_alloc(sizeof *w);
    w->seed = seed;
    w->now = UINT64_C(1000000000); /* a monotonic clock is never 0 */
    w->hash = hob__sim_mix(seed);
    w->next_deadline = w->limit = UINT64_MAX;
    w->free_end = UINT32_MAX;
    hob__sim_streams_begin(w);
    hob__stacks_init(&w->stacks);
#if HOB__ASAN || HOB__TSAN
    pthread_attr_t attr;
    void *low;
    size_t size;
    if (pthread_getattr_np(pthread_self(), &attr) == 0) {
        pthread_attr_getstack(&attr, &low, &size);
        pthread_attr_destroy(&attr);
        w->thread_stack.base = low;
        w->thread_stack.top = (char *)low + size;
    }
#endif
#if HOB__TSAN
    w->thread_stack.tsan = __tsan_get_current_fiber();
#endif
    return w;
}

static void free_loop(struct hob__sim *w, struct hob__sim_loop *l) {
    for (unsigned i = 0; l->queued; i++) { /* somebody has woken it, in vain */
        if (w->runnable[i] != l) continue;
        w->runnable_count--;
        for (; i < w->runnable_count; i++) w->runnable[i] = w->runnable[i + 1];
        break;
    }
    struct hob__sim_loop *last = w->loops[--w->loop_count];
    w->loops[l->index] = last;
    w->deadlines[l->index] = w->deadlines[w->loop_count];
    last->index = l->index;
    hob__sim_free(l);
}

static void give_back_left(struct hob__sim *w) {
    if (!w->left) return;
    hob__stack_put(&w->stacks, w->left);
    w->left = NULL;
}

void hob__sim_free_world(struct hob__sim *w) {
    hob__sim_buggify(NULL);
    give_back_left(w);
    /* What is under way keeps what it concerns. */
    while (w->event_count > 0) {
        if (w->events[0].when > w->now) w->now = w->events[0].when;
        fire_first(w);
    }
    for (unsigned i = 0; i < w->host_count; i++) {
        struct hob__sim_host *h = w->hosts[i];
        while (!hob__list_empty(&h->ends))
            hob__sim_end_close(hob__container(h->ends.next, struct hob__sim_end, link), true);
    }
    while (w->event_count > 0) fire_first(w);
    for (unsigned i = 0; i < w->host_count; i++) {
        hob__sim_files_free(w->hosts[i]);
        hob__sim_free(w->links[i]);
        hob__sim_free(w->hosts[i]->name);
        hob__sim_free(w->hosts[i]);
    }
    while (w->loop_count > 0) free_loop(w, w->loops[0]);
    hob__stacks_destroy(&w->stacks);
    if (w->log && w->log != stderr) fclose(w->log);
    hob__sim_free(w->default_link);
    hob__sim_free(w->ends);
    hob__sim_free(w->events);
    hob__sim_free(w);
}

struct hob__sim_host *hob__sim_host_new(struct hob__sim *w, const char *name) {
    if (w->host_count == HOB__SIM_HOSTS) return NULL;
    struct hob__sim_host *h = hob__sim_alloc(sizeof *h);
    size_t n = strlen(name) + 1;
    h->world = w;
    h->name = memcpy(hob__sim_alloc(n), name, n);
    h->fds_max = HOST_FDS;
    h->next_port = HOB__SIM_FIRST_FREE_PORT;
    hob__list_init(&h->ports);
    hob__list_init(&h->datagram_ports);
    hob__list_init(&h->paths);
    hob__list_init(&h->ends);
    h->index = w->host_count++;
    w->hosts[h->index] = h;
    return h;
}

/* ---- loops ---- */

struct hob__sim_loop *hob__sim_loop_new(struct hob__sim_host *h, void (*run)(void *arg),
                                        void *arg) {
    struct hob__sim *w = h->world;
    if (w->loop_count == HOB__SIM_LOOPS) return NULL;
    struct hob__sim_loop *l = hob__sim_alloc(sizeof *l);
    l->world = w;
    l->host = h;
    l->index = w->loop_count;
    l->run = run;
    l->arg = arg;
    l->done_tail = &l->done;
    hob__list_init(&l->ready);
    if (run) {
        l->stack = hob__stack_get(&w->stacks, HOB__STACK_CLASSES - 1);
        /* The pool's memory counts as the program's: an allocation that a test makes fail does so
         * once. */
        if (!l->stack) l->stack = hob__stack_get(&w->stacks, HOB__STACK_CLASSES - 1);
        if (!l->stack) checked(NULL);
    } else {
        l->stack = &w->thread_stack;
        w->current = l;
    }
    l->index = w->loop_count++;
    w->loops[l->index] = l;
    w->deadlines[l->index] = UINT64_MAX;
    if (run) hob__sim_make_runnable(l);
    return l;
}

/* ---- who is next ---- */

static inline void fire_due(struct hob__sim *w) {
    while (w->event_count > 0 && w->events[0].when <= w->now) fire_first(w);
}

void hob__sim_interrupt(struct hob__sim *w, const struct hob__sim_host *h, const char *call) {
    do {
        HOB__SIM_LOG(w, h, "%s() is interrupted", call);
        w->now += 500 + hob__sim_below(w, HOB__SIM_SIGNAL, 20000);
        fire_due(w);
    } while (hob__sim_interrupted(w));
}

/* Makes those runnable whose deadline has come, and finds the next deadline of the others. */
static __attribute__((noinline)) void see_deadlines(struct hob__sim *w) {
    uint64_t next = UINT64_MAX;
    for (unsigned i = 0; i < w->loop_count; i++) {
        uint64_t d = w->deadlines[i];
        if (d <= w->now) {
            w->deadlines[i] = UINT64_MAX;
            hob__sim_make_runnable(w->loops[i]);
        } else if (d < next) {
            next = d;
        }
    }
    w->next_deadline = next;
}

static __attribute__((noinline)) void see_woken(struct hob__sim *w) {
    atomic_exchange(&w->woken, false);
    for (unsigned i = 0; i < w->loop_count; i++) {
        struct hob__sim_loop *l = w->loops[i];
        if (l->backend && atomic_load(&l->backend->woken)) hob__sim_make_runnable(l);
    }
}

static struct hob__sim_loop *take_runnable(struct hob__sim *w) {
    unsigned n = --w->runnable_count, k = 0;
    struct hob__sim_loop *l = w->runnable[0];
    if (HOB__UNLIKELY(n > 0)) {
        k = hob__sim_choose_loop(w, n + 1);
        l = w->runnable[k];
        for (; k < n; k++) w->runnable[k] = w->runnable[k + 1];
    }
    l->queued = false;
    w->deadlines[l->index] = UINT64_MAX; /* next_deadline may be too early then: a look more */
    hob__sim_note(w, l->index);
    return l;
}

static _Noreturn void world_stands_still(struct hob__sim *w) {
    fprintf(stderr, "hob: the simulated world stands still: nobody can ever go on (seed %llu)\n",
            (unsigned long long)w->seed);
    abort();
}

/* A loop that has something to do; time passes until there is one. */
static struct hob__sim_loop *next_loop(struct hob__sim *w) {
    for (;;) {
        fire_due(w);
        if (HOB__UNLIKELY(w->next_deadline <= w->now)) see_deadlines(w);
        if (HOB__UNLIKELY(atomic_load_explicit(&w->woken, memory_order_relaxed))) see_woken(w);
        if (w->runnable_count > 0) return take_runnable(w);
        uint64_t event = w->event_count > 0 ? w->events[0].when : UINT64_MAX;
        if (w->next_deadline < event) see_deadlines(w); /* it was but a bound */
        uint64_t next = w->next_deadline < event ? w->next_deadline : event;
        if (HOB__LIKELY(next != UINT64_MAX)) {
            if (HOB__UNLIKELY(next > w->limit)) w->too_late(w);
            w->now = next;
            hob__sim_note(w, next);
        } else if (!w->stuck || !w->stuck(w)) {
            world_stands_still(w);
        }
    }
}

/* ---- switching ---- */

static void *loop_root(void *arg);

/* From l's stack (which is left for good: ending) to that of `next`. */
HOB__NO_TSAN static __attribute__((noinline)) void
change(struct hob__sim_loop *l, struct hob__sim_loop *next, void **save, bool ending) {
    struct hob__sim *w = l->world;
    struct hob__stack *mine = l->stack;
    w->switches++;
    w->current = next;
    hob__before_switch(mine, next->stack, ending);
    if (next->sp)
        hob__switch(save, next->sp);
    else
        hob__fiber_enter(save, next->stack, loop_root, next);
    hob__after_switch(mine);
}

/* The bottom of a loop's stack. */
HOB__NO_TSAN static void *loop_root(void *arg) {
    struct hob__sim_loop *l = arg;
    struct hob__sim *w = l->world;
    hob__after_switch(l->stack);
#if HOB__ASAN || HOB__TSAN
    hob__san_thread = (struct hob__san_thread){0};
#endif
    give_back_left(w);
    l->run(l->arg);
    w->left = l->stack;
    free_loop(w, l);
    struct hob__sim_loop *next = next_loop(w);
    if (!next->sp) {
        struct hob__sim_loop gone = {.world = w, .stack = w->left};
        void *nowhere;
        change(&gone, next, &nowhere, true);
        __builtin_unreachable();
    }
    w->current = next;
    hob__before_switch(w->left, next->stack, true);
    return next->sp;
}

void hob__sim_pass(struct hob__sim_loop *l, uint64_t deadline) {
    struct hob__sim *w = l->world;
    w->now += TURN_NS;
    w->turns++;
    if (deadline == 0) {
        hob__sim_make_runnable(l);
    } else if (deadline != UINT64_MAX) {
        w->deadlines[l->index] = deadline;
        if (deadline < w->next_deadline) w->next_deadline = deadline;
    }
    struct hob__sim_loop *next = next_loop(w);
    if (next == l) return;
    struct hob__backend *b = l->backend;
    /* A loop that goes on says so itself. */
    if (b && HOB__UNLIKELY(!next->sp || !next->backend)) b->on_switch(b, false);
#if HOB__ASAN || HOB__TSAN
    struct hob__san_thread kept = hob__san_thread;
#endif
    change(l, next, &l->sp, false);
#if HOB__ASAN || HOB__TSAN
    hob__san_thread = kept;
#endif
    if (w->left) give_back_left(w);
    if (b) b->on_switch(b, true);
}
