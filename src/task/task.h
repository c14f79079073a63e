/* task/task.h - the inside of tasks, scopes and the loop; private to src/task (and to the
 * debugger's script).
 *
 * One loop per thread. Its run queue is an array ring of task pointers: with many cold tasks the
 * processor runs ahead through an array, while a linked list is one chain of cache misses. A task
 * that suspends picks the next one itself and switches straight to it; the scheduler's own stack
 * (the thread's) is only visited to look at the outside, when the ring is empty or the turn's
 * millisecond is used up.
 *
 * Cancellation flows through regions: each task has an outermost one, each scope is one, and
 * `attention` of a region says what a waiting call in it has to look at, so that the check is one
 * load. hob__region_update() keeps it true downwards. */
#ifndef HOB_TASK_TASK_H
#define HOB_TASK_TASK_H

#include <hob/hob.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/list.h"
#include "base/wheel.h"
#include "fiber/fiber.h"
#include "loop/backend.h"
#include "task/loopdata.h"
#include "task/post.h"
#include "task/wait.h"

/* region.attention */
enum { HOB__ATT_CANCEL = 1, HOB__ATT_STOP = 2, HOB__ATT_HOOK = 4 };
/* region.flags: the region's own */
enum {
    HOB__REGION_CANCELLED = 1,
    HOB__REGION_STOPPED = 2,
    HOB__REGION_SHIELD = 4,
    HOB__REGION_EXPIRED = 8,
    HOB__REGION_SCOPE = 16,    /* it is a hob_scope's first member */
    HOB__REGION_COMPLETE = 32, /* the scope's children ended before any cancel */
    HOB__REGION_OWNER = 64     /* a task's: its record owns a name, perhaps an error and the like */
};

enum hob__scope_state {
    HOB__SCOPE_OPEN = 1,
    HOB__SCOPE_RACING,
    HOB__SCOPE_JOINED,
    HOB__SCOPE_LEFT
};

enum hob__task_state {
    HOB__TASK_DONE = 0, /* has ended; gone when it has no scope: the record is in the free list */
    HOB__TASK_NEW,      /* in the ring, has not run, has no stack */
    HOB__TASK_READY,    /* in the ring, or running: loop->current */
    HOB__TASK_SLEEPING
};

enum {
    HOB__TASK_DAEMON = 1,
    HOB__TASK_START_FAILED =
        2,                    /* hob_start() was waiting when it ended: the error is its caller's */
    HOB__TASK_READ = 8,       /* its error has been looked at */
    HOB__TASK_OWN_ARGS = 16,  /* the arguments did not fit into the record */
    HOB__TASK_CANCELLED = 32, /* it ended with -ECANCELED after a cancel */
    HOB__TASK_MARK = 64,      /* hob_wait() has counted it */
    HOB__TASK_YIELDS = 128    /* order.c: those in front of it in the ring run first */
};

enum { HOB__TASK_INLINE_ARGS = 48 };

/* Five cache lines: with a million of them memory is what a task costs, and each line of a cold one
 * is a miss. A switch touches the first, a cancellation point outside the task's scopes the second
 * too, a message on a connection the last as well, a spawn all but the last. (A sixth, for the
 * timer of sleeps, made spawning a million tasks dearer by a quarter.) */
struct hob_task {
    _Alignas(64) struct hob__task_head head; /* args */
    void *sp;                                /* the saved stack pointer while it does not run */
    struct hob__region *region;              /* the innermost */
    struct hob_waiter *waiter;               /* while it sleeps */
    struct hob_loop *loop;
    int32_t wake_result;
    uint8_t state, flags, wait_flags, stack_class;
    int saved_errno;
    int32_t result;
    struct hob__region outer; /* its attention is in the second line */

    /* what its scope and its end touch */
    struct hob_task *next; /* among the children of its scope */
    struct hob_task *prev;
    struct hob_task *chain;  /* free list; finished children; work list of hob__region_update() */
    struct hob_scope *scope; /* it belongs to */
    const struct hob__spawn_site *site;
    struct hob__stack *stack;
    uint64_t id;
    struct hob_waitlist joiners;
    struct hob_error *error; /* what it ended with */

    /* what few tasks have */
    struct hob_error *last;    /* hob_error() while it runs */
    struct hob_error *unwound; /* a child's error that left a scope without having been joined */
    struct hob__local_node *locals;

    _Alignas(64) char args[HOB__TASK_INLINE_ARGS];
    char *name; /* NULL: the function's */

    /* For sleeps on a descriptor or a timer: who wakes it need not touch its cold stack. A sleep on
     * the clock has no more of a waiter than its first two fields. */
    _Alignas(64) const char *what; /* what it sleeps on */
    union {
        struct {
            struct hob_waiter own;
            const void *object;
        };
        struct {
            struct hob_waitlist *own_list;
            struct hob_task *own_task;
            struct hob_timer nap;
        };
    };
};
_Static_assert(sizeof(struct hob_task) == 320, "five cache lines");
_Static_assert(offsetof(struct hob_waiter, task) == sizeof(struct hob_waitlist *) &&
                   offsetof(struct hob_waiter, next) == 2 * sizeof(struct hob_waitlist *),
               "a nap leaves the waiter's list and task alone");

enum { HOB__ARRIVED = 64 };

struct hob_loop {
    struct hob_task *_Atomic current; /* NULL: the scheduler runs. Atomic for the watchdog only */
    struct hob_task **ring;
    uint32_t ring_mask, ring_tail;
    _Atomic uint32_t ring_head; /* atomic for the watchdog only; also the count of switches */
    uint32_t slice_end;         /* the ring_head at which the clock is looked at */
    int32_t slice_length;
    uint32_t turn_slices;             /* so far in this turn */
    bool ordered;                     /* the backend chooses who runs next: order.c */
    uint32_t overtaken, calls;        /* order.c */
    uint64_t slice_began, turn_began; /* ns */
    void *sp;                         /* the scheduler's, while tasks run */
    int *errno_at;                    /* this thread's errno, which costs a call to find */

    struct hob__backend backend;
    struct hob__wheel wheel;
    struct hob__stacks stacks;
    struct hob__stack *spare; /* the stack that was last given back: hot, and out of the pool */

    /* task records (record.c) */
    struct hob_task *free_tasks;
    struct hob__task_slab *slabs;
    size_t slab_count;
    uint64_t next_id;
    size_t live; /* tasks that have not ended */

    struct hob__loop_data *data[HOB__LOOP_KEYS];

    struct hob_scope root; /* the main task and the background tasks */
    struct hob_task *main;
    struct hob_task *update_first, *update_last; /* hob__region_update()'s work list */
    struct hob__fd *arrived[HOB__ARRIVED]; /* ready descriptors whose waiters are to be woken */
    uint8_t arrived_events[HOB__ARRIVED];
    unsigned arrived_count;
    size_t outside; /* sleeping tasks that the outside can wake */
    uint64_t turns;
    unsigned main_stack_class, stack_class;
    int refusal; /* why the last spawn that returned NULL did */
    bool deadlocked, debug;
    struct hob_error *oom_error; /* the record used when there is no memory for one */

    pthread_mutex_t post_lock; /* taken by posters, so that closing can wait for them */
    struct hob__post *_Atomic inbox;
    _Atomic uint32_t posts; /* in it, and not the poster's own */
    _Atomic int holds;
    _Atomic bool closed;
    bool gone;        /* the backend closes; under post_lock */
    _Atomic int refs; /* the run itself and the holds */

    _Atomic int interrupts; /* Ctrl-C's so far */
    int interrupts_seen;
    double grace;
    unsigned slow_ms;
    _Atomic uint32_t awake; /* odd: runs tasks; even: looks at the outside. For the watchdog */
    pthread_t thread;
    pid_t tid;
    struct hob_loop *next_loop; /* hob__loops */
};

/* This thread's loop, or NULL. */
extern __thread struct hob_loop *hob__loop;

/* Every loop of the process, for the watchdog and the debugger. */
extern struct hob_loop *hob__loops;
extern pthread_mutex_t hob__loops_lock;

/* ---- sched.c ---- */
/* Suspends the calling task (its state is set already) and runs the next one; returns when it is
 * run again. */
void hob__suspend(struct hob_loop *loop, struct hob_task *t);
/* Makes the ring wider. False without memory. */
bool hob__ring_grow(struct hob_loop *loop);
/* Runs the loop until the main task and all background tasks have ended. */
void hob__schedule(struct hob_loop *loop);

/* Before a call that may find its work done without waiting, again and again: lets others run, and
 * timers fire, when the turn's time is over. */
void hob__turn_over(struct hob_loop *loop);
/* Counts such a call: does it have to come before this one? */
static inline bool hob__turn_is_over(struct hob_loop *loop) {
    uint32_t head = atomic_load_explicit(&loop->ring_head, memory_order_relaxed);
    return loop->slice_end == head || --loop->slice_end == head;
}
static inline void hob__share(struct hob_loop *loop) {
    if (HOB__UNLIKELY(hob__turn_is_over(loop))) hob__turn_over(loop);
}

/* ---- who runs next ---- */
/* Where those will stand that become ready from now on. */
static inline uint32_t hob__ready_mark(const struct hob_loop *loop) { return loop->ring_tail; }
/* Those that became ready since the mark, without a switch in between, run next, in their order,
 * before those that were ready: for tasks that share what is warm now. New ones among them overtake
 * others that were spawned before: for tasks whose order nobody has been promised. */
void hob__ready_first(struct hob_loop *loop, uint32_t mark);

/* ---- order.c: when the backend chooses (loop->ordered), each slice is one task ---- */
/* Puts the one that runs next to the ring's head; false: the scheduler's turn. */
bool hob__order(struct hob_loop *loop);

/* ---- run.c ---- */
/* timeout(1), and who stops a whole service, sends SIGTERM to a process and then to its group: one
 * that comes so soon after the first is no second one. */
enum { HOB__ECHO_NS = 200000000 };

/* ---- record.c ---- */
/* Records that follow each other in a list mostly lie at equal distances: asks for some of the
 * lines of the one sixteen steps further, going by the next one, so that the memory works
 * meanwhile. */
static inline __attribute__((always_inline)) void hob__record_ahead(const struct hob_task *t,
                                                                    const struct hob_task *next,
                                                                    unsigned line, unsigned end) {
    uintptr_t far = (uintptr_t)t + 16 * ((uintptr_t)next - (uintptr_t)t);
    for (; line < end; line++) __builtin_prefetch((const char *)far + 64 * line, 1);
}
enum { HOB__MANY = 64 }; /* tasks: their records may be cold */

/* A record in which all is zero but what a task has in common with every other: loop, args,
 * outer.task, flags and state (for the caller to set), and the fields of its former use that a new
 * task sets anyway. Give it back in the same condition. */
bool hob__records_grow(struct hob_loop *loop);
static inline struct hob_task *hob__record_new(struct hob_loop *loop) {
    if (HOB__UNLIKELY(!loop->free_tasks) && !hob__records_grow(loop)) return NULL;
    struct hob_task *t = loop->free_tasks;
    loop->free_tasks = t->chain;
    if (loop->live >= HOB__MANY) hob__record_ahead(t, t->chain, 0, 4);
    return t;
}
static inline void hob__record_free(struct hob_loop *loop, struct hob_task *t) {
    t->scope = NULL;
    t->chain = loop->free_tasks;
    loop->free_tasks = t;
}
void hob__records_destroy(struct hob_loop *loop);
/* Is t, which may be no record of this loop any more, or another task's, the living task so
 * numbered? */
bool hob__record_lives(const struct hob_loop *loop, const struct hob_task *t, uint64_t id);
int hob__records_each(struct hob_loop *loop, int (*see)(struct hob_task *t, void *arg), void *arg);

/* ---- task.c ---- */
/* Has its record been given back? It may be another task's by now, if this is false. */
static inline bool hob__task_gone(const struct hob_task *t) { return !t->scope; }
struct hob_task *hob__task_new(struct hob_loop *loop, struct hob_scope *s,
                               const struct hob__spawn_site *site,
                               const struct hob_spawn_options *options);
void hob__task_wake_joiners(struct hob_task *t);

/* ---- finish.c ---- */
/* The task's function has returned rc: tells all whom it concerns. The scope's owner, if it joins
 * and this has made it ready; else NULL. */
struct hob_task *hob__task_finish(struct hob_loop *loop, struct hob_task *t, int rc);
/* The calling task, of a HOB_DISCARD scope, has done what it was spawned for, well, and begins anew
 * for the next thing of that kind, as if it had ended and another had been spawned: it has another
 * number, no locals, no error, and errno is 0. False when somebody waits for its end, it was
 * cancelled, or it has an error that is still to be reported: it has to end then. */
bool hob__task_renew(struct hob_task *t);
void hob__task_free_extras(struct hob_task *t);
/* Gives the record of an ended task back, with all that belongs to it; errno stays what it was. Of
 * most tasks only the second line of the record is touched, so that a million are freed fast. */
static inline void hob__task_free(struct hob_loop *loop, struct hob_task *t) {
    if (HOB__UNLIKELY(t->outer.flags & HOB__REGION_OWNER)) hob__task_free_extras(t);
    hob__record_free(loop, t);
}
/* Behind the others. The record is in no other list, and becomes the scope's. */
void hob__scope_add_error(struct hob_scope *s, struct hob_error *e);

/* ---- scope.c ---- */
void hob__scope_init(struct hob_scope *s, struct hob_task *owner, struct hob__region *parent,
                     const char *name, const struct hob__place *place);

/* ---- cancel.c ---- */
/* After a change of r->flags or of what is around it: makes attention true in r and in everything
 * inside it, and wakes what has to see it. */
void hob__region_update(struct hob_loop *loop, struct hob__region *r);
void hob__region_cancel(struct hob_loop *loop, struct hob__region *r);
void hob__scope_set_timer(struct hob_loop *loop, struct hob_scope *s);

/* ---- error.c ---- */
struct hob_error *hob__error_new(int code, const char *func, const char *file, int line,
                                 const char *task, const struct hob_error *cause, const char *fmt,
                                 ...) HOB_PRINTF(7, 8);
struct hob_error *hob__error_ref(const struct hob_error *e);
void hob__error_unref(struct hob_error *e);
/* Takes the calling thread's record away, if it is that of `code`; else makes one for a negative
 * code. NULL: none, or no memory. Outside a task nobody else has a reference to it. */
struct hob_error *hob__error_take(int code, const struct hob__spawn_site *site);
/* A copy with its causes, which no other thread has a reference to; shorter, or NULL, without
 * memory. */
struct hob_error *hob__error_copy(const struct hob_error *e);
/* A record like it that owns all of its strings; or NULL without memory. */
struct hob_error *hob__error_whole(const struct hob_error *like);
/* e itself (one more reference), or a copy when it is in a list already; NULL without memory. */
struct hob_error *hob__error_for_list(struct hob_error *e);
void hob__error_leave_list(struct hob_error *e);
/* Makes e (one reference is taken over) the calling task's hob_error(). */
void hob__error_set(struct hob_error *e);
/* Around what cannot fail for its caller (a close on the way out), so that its inner errors do not
 * take the place of the one that is the reason for it. */
static inline struct hob_error *hob__error_keep(void) {
    const struct hob_error *e = hob_error();
    return e ? hob__error_ref(e) : NULL;
}
static inline void hob__error_restore(struct hob_error *kept) {
    if (kept || hob_error()) hob__error_set(kept);
}

/* ---- tell.c ---- */
void hob__error_report(const struct hob_error *e, const char *what);
void hob__report(enum hob_report_kind kind, const char *text);
bool hob__report_is_default(void);
void hob__reports_forked(void);

/* ---- local.c ---- */
struct hob__local_node *hob__locals_ref(struct hob__local_node *n);
void hob__locals_unref(struct hob__local_node *n);

/* ---- report.c ---- */
void hob__report_deadlock(struct hob_loop *loop);

/* ---- misuse.c ---- */
void hob__describe_task(const void *task, char *buf, size_t n);
/* All of it on standard error, or as much as that takes. */
void hob__say(const char *text);

/* ---- debug.c ---- */
void hob__debug_begin(struct hob_loop *loop);
void hob__debug_end(struct hob_loop *loop);
/* In a turn of a loop whose `debug` is set: does what SIGQUIT has asked for. */
void hob__debug_see(struct hob_loop *loop);

/* ---- post.c ---- */
void hob__inbox_run(struct hob_loop *loop);
/* No more posts; those that are there are run. */
void hob__inbox_close(struct hob_loop *loop);
/* The last time: from now on nobody touches the backend. */
void hob__inbox_end(struct hob_loop *loop);
void hob__loop_unref(struct hob_loop *loop);

/* ---- watchdog.c ---- */
void hob__watchdog_add(void);
void hob__watchdog_remove(struct hob_loop *loop);
/* Wakes the watchdog when it has gone to rest. Any turn of the loop calls it. */
extern _Atomic bool hob__watchdog_rests;
void hob__watchdog_wake(void);
void hob__watchdog_forked(void);
/* A report function has been set: the watchdog must have the program's descriptors. */
void hob__watchdog_share_files(void);

/* ---- the drivers' hook: called at every cancellation point of a loop that was started while it
 * was set ---- */
extern void (*hob__point_hook)(const char *func);

/* What hob__point() does when the region wants attention. */
int hob__point_slow(struct hob_task *t, const char *func);

static inline int hob__check_point(struct hob_task *t, const char *func) {
    if (HOB__LIKELY(t->region->attention == 0)) return 0;
    return hob__point_slow(t, func);
}

static inline struct hob_task *hob__loop_task(struct hob_loop *loop) {
    return atomic_load_explicit(&loop->current, memory_order_relaxed);
}

/* The name of the function that hob_to_thread() runs in this thread, or NULL. */
extern __thread const char *hob__thread_work;
/* The locals of the task that waits for it; NULL is none, or nobody waits. */
extern __thread const struct hob__local_node *hob__thread_locals;

/* Misuse: there is no task. */
void hob__outside(const char *func) __attribute__((noreturn, cold));

/* The calling task; misuse, naming func, outside one. */
static inline struct hob_task *hob__current(const char *func) {
    struct hob_loop *loop = hob__loop;
    struct hob_task *t = HOB__LIKELY(loop != NULL) ? hob__loop_task(loop) : NULL;
    if (HOB__UNLIKELY(!t)) hob__outside(func);
    return t;
}

/* hob__io_point(), inlined: it is part of every recv and send. */
int hob__io_point_over(const char *func);
static inline __attribute__((always_inline)) int hob__io_point_here(const char *func) {
    struct hob_task *t = hob__current(func);
    if (HOB__UNLIKELY(hob__turn_is_over(t->loop))) return hob__io_point_over(func);
    return hob__check_point(t, func);
}

/* Room in the ring for every live task and one more. False without memory. */
static inline bool hob__ring_reserve(struct hob_loop *loop) {
    return HOB__LIKELY(loop->live < loop->ring_mask) || hob__ring_grow(loop);
}

/* Behind those that are ready. There is room: hob__ring_reserve() saw to it at the spawn. */
static inline void hob__make_ready(struct hob_loop *loop, struct hob_task *t) {
    t->state = HOB__TASK_READY;
    loop->ring[loop->ring_tail++ & loop->ring_mask] = t;
}

/* Somebody looks at its error. That of a task that still runs is still to come. */
static inline void hob__task_read(struct hob_task *t) {
    if (t->state == HOB__TASK_DONE) t->flags |= HOB__TASK_READ;
}

static inline const char *hob__task_title(const struct hob_task *t) {
    return t->name ? t->name : t->site->name;
}

/* hob__wait_on(), inlined: where a task goes on after others have run, each return of a function is
 * one that the processor guesses wrong. */
static inline __attribute__((always_inline)) int
hob__wait_here(struct hob_waitlist *list, struct hob_waiter *w, const char *what,
               const void *object, unsigned flags) {
    struct hob_task *t = hob__current(what);
    uint8_t attention = t->region->attention;
    if (HOB__UNLIKELY(attention != 0)) {
        if ((attention & HOB__ATT_CANCEL) && !(flags & HOB__WAIT_MASKED)) return -ECANCELED;
        if ((attention & HOB__ATT_STOP) && (flags & HOB__WAIT_STOPPABLE)) return HOB_E_STOPPING;
    }
    w->task = t;
    w->list = NULL;
    w->master = NULL;
    if (list) hob__link(list, w, NULL);
    t->waiter = w;
    t->what = what;
    t->object = object;
    t->wait_flags = (uint8_t)flags;
    t->state = HOB__TASK_SLEEPING;
    hob__suspend(t->loop, t);
    return t->wake_result;
}
#endif
