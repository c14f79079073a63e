/* hob/task.h - tasks and scopes: the heart of Hob.
 *
 * A task is an ordinary function on a stack of its own; a scope owns tasks, a deadline,
 * cancellation and clean-ups. The words used in the comments below: "waits"               the call
 * may let other tasks run before it returns; "cancellation point"  in a cancelled scope it returns
 * -ECANCELED, each time, even when it need not wait. The typed front (HOB_TASK, hob_spawn,
 * hob_within ...) is hob/spawn.h. */
#ifndef HOB_TASK_H
#define HOB_TASK_H
#pragma GCC system_header

#include <hob/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- regions: what cancellation flows through. Private; public only because scopes live on the
 * user's stack. ---- */

struct hob_scope;

struct hob__region {
    struct hob__region *parent; /* the region around it; NULL for a loop's own */
    struct hob__region *inner;  /* the next one inwards of the same task, or NULL */
    struct hob_task *task;      /* whose waiting calls it covers */
    uint8_t attention;          /* HOB__ATT_*: what a waiting call has to look at; 0 = go ahead */
    uint8_t flags;              /* HOB__REGION_* */
};

enum hob_on_error {
    HOB_FAIL_FAST =
        0,       /* the first child that fails cancels the others; hob_join() returns its error */
    HOB_COLLECT, /* children do not disturb each other; hob_join() returns how many failed */
    HOB_DISCARD  /* for servers: a finished child's record is dropped at once, and with it its
                    struct hob_task; its error is reported */
};

/* How to open a scope; all zero is the default. */
struct hob_scope_options {
    uint64_t deadline; /* monotonic, in ns, as hob_after() gives it; 0 = none; -ETIMEDOUT when it
                          has passed */
    bool shield;       /* cancellation from outside is not seen inside */
    enum hob_on_error on_error;
    const char *name; /* for reports; must outlive the scope; default: the function's name */
};

/* Where a scope was opened, a task spawned: static. */
struct hob__place {
    const char *func, *file;
    int line;
};

/* A scope, on its owner's stack. Private; see HOB_SCOPE. */
struct hob_scope {
    struct hob__region region;
    uint64_t
        deadline; /* what moving a deadline touches stands together: region.task to timer.begins */
    struct hob_timer timer; /* the earlier of the deadline and of the end of hob_stop()'s grace */
    uint64_t stop_at; /* the end of the grace, when region.flags say that it was asked to stop */
    uint8_t on_error, state;
    bool wakes_each; /* the owner waits for any child's end */
    bool joining;    /* the owner sleeps until all children have ended */
    uint32_t live;   /* running children in all */
    struct {
        struct hob_task *first, *last;
    } children,          /* every child whose record is kept: running, or finished */
        finished;        /* those that hob_next_done() has not handed out, in order of their end */
    uint32_t daemons;    /* among the running children */
    uint32_t failed;     /* children that ended with an error */
    int32_t first_error; /* the code that hob_join() returns; 0 = none */
    int32_t spawn_error; /* why a spawn returned NULL */
    struct hob_task *first_failed;
    struct hob_error *errors, *last_error;
    struct hob__defer_node *defers;
    struct hob_waitlist owner_waits; /* the owner in hob_next_done(), hob_race() */
    const char *name;
    const struct hob__place *place;
};

/* ---- scopes ---- */

/* HOB_SCOPE(s) or HOB_SCOPE(s, .deadline = hob_after(5.0), .shield = true, ...) declares `struct
 * hob_scope *s`, open until the end of the block. However the block is left, what still runs in it
 * is then cancelled and waited for, and the deferred clean-ups run in reverse order. The owner's
 * own waiting calls between here and the end of the block are inside the scope. Does not wait;
 * never fails. Outside a task it is misuse. */
#define HOB_SCOPE(s, ...)                                                                          \
    static const struct hob__place s##__place = {__func__, __FILE__, __LINE__};                    \
    struct hob_scope s##__scope __attribute__((cleanup(hob__scope_leave)));                        \
    struct hob_scope *const s __attribute__((unused)) =                                            \
        hob__scope_open(&s##__scope, HOB__OPTIONS(hob_scope_options, __VA_ARGS__), &s##__place)

enum { HOB__SCOPE_SHIELD = 256 };
/* how: the on_error, and HOB__SCOPE_SHIELD. Options come one by one, in registers: a structure
 * would be copied through the stack, in pieces other than it was written in, which is slow. */
HOB_API struct hob_scope *hob__scope_enter(struct hob_scope *s, const struct hob__place *place,
                                           uint64_t deadline, unsigned how, const char *name);
HOB_API struct hob_scope *hob__scope_enter_plain(struct hob_scope *s,
                                                 const struct hob__place *place);
HOB_API void hob__scope_leave(struct hob_scope *s);

/* Without options, as the compiler knows, none have to be handed over. */
static inline struct hob_scope *hob__scope_open(struct hob_scope *s,
                                                struct hob_scope_options options,
                                                const struct hob__place *place) {
    bool none =
        !options.deadline && !options.shield && options.on_error == HOB_FAIL_FAST && !options.name;
    if (__builtin_constant_p(none) && none) return hob__scope_enter_plain(s, place);
    unsigned how = (uint8_t)options.on_error | (options.shield ? (unsigned)HOB__SCOPE_SHIELD : 0);
    return hob__scope_enter(s, place, options.deadline, how, options.name);
}

/* Waits until every child has ended (daemons are cancelled when only they are left). Only the owner
 * may call it. Returns, in this order: the first child's error (HOB_FAIL_FAST); why a spawn was
 * refused; -ETIMEDOUT when the scope's own deadline passed and no outer cancel is to blame;
 * -ECANCELED when cancelled from outside; otherwise 0, or for HOB_COLLECT the number of children
 * that failed. A scope cancelled by hob_scope_cancel() alone joins with 0. The child's error record
 * becomes hob_error(). A cancel from outside does not cut the wait short: it reaches the children.
 * So does one of a scope that was opened after this one and not left: hob_within(5, hob_join(s))
 * gives the children 5 seconds. Joining a scope while one opened inside it has children that run is
 * misuse. */
HOB_API int hob_join(struct hob_scope *s);

/* Cancels everything in the scope, its owner's waiting calls too. Idempotent; after the scope has
 * been joined it does nothing. Does not wait. */
HOB_API void hob_scope_cancel(struct hob_scope *s);

/* Asks the scope to stop: hob_stopping() becomes true in it, accepts and idle waits return
 * HOB_E_STOPPING; what still runs `grace` seconds later is cancelled. Does not wait. */
HOB_API void hob_stop(struct hob_scope *s, double grace);

/* Has the calling task been asked to stop? */
HOB_API bool hob_stopping(void);

/* Moves the scope's deadline (ns, monotonic; 0 = none). -EINVAL when the scope has been cancelled
 * (by its deadline, too) or joined. */
HOB_API int hob_scope_reschedule(struct hob_scope *s, uint64_t deadline);

/* Did the scope's own deadline pass? */
HOB_API bool hob_scope_expired(const struct hob_scope *s);

/* The errors of the scope's children in order, `->next` by `->next`; NULL = none. They belong to
 * the scope. */
HOB_API const struct hob_error *hob_scope_errors(struct hob_scope *s);

/* The first of them with that code, or NULL. */
HOB_API const struct hob_error *hob_scope_error_of(struct hob_scope *s, int code);

/* Runs fn(arg) when the scope ends, after its children; the last deferred first. 0 or -ENOMEM
 * (nothing deferred). */
HOB_API int hob_defer(struct hob_scope *s, void (*fn)(void *arg), void *arg);

/* As children end: waits for the next one that this call has not handed out yet. 1 and *child, 0
 * when there is none left (HOB_DISCARD keeps none), or -ECANCELED (no child is consumed then).
 * Owner only. Cancellation point. */
HOB_API int hob_next_done(struct hob_scope *s, struct hob_task **child);

/* The first child that succeeds wins: the others are cancelled and waited for. Returns the winner's
 * result (>= 0), or the first error when none succeeded, HOB_E_NO_WINNER without children. *winner
 * (may be NULL) is set on success. If the owner waits between the spawns and the race, open the
 * scope with HOB_COLLECT; not for HOB_DISCARD. Owner only. */
HOB_API int hob_race(struct hob_scope *s, struct hob_task **winner);

/* ---- tasks. A `struct hob_task *` is valid until the scope it was spawned in ends (HOB_DISCARD:
 * until the task ends, so await it at once or not at all). NULL, from a spawn that was refused:
 * then hob_await(), hob_wait() and hob_task_result() return why, -ECANCELED or -ENOMEM. ---- */

/* Waits until the task has ended; any number of tasks may. Its result: >= 0 or its error, whose
 * record becomes hob_error(). -ECANCELED also when the caller was cancelled (hob_cancelled()
 * tells); the task is not. Cancellation point. Waiting for oneself is misuse. */
HOB_API int hob_await(struct hob_task *t);

enum hob_wait_mode { HOB_ALL_DONE, HOB_FIRST_DONE, HOB_FIRST_ERROR };

/* Waits until all of the n tasks have ended, or the first one, or the first one with an error (a
 * cancelled one is none; all ended also ends it). Returns how many have ended, or -EINVAL (n is 0),
 * -ENOMEM, -ECANCELED; the tasks go on in any case. Inside hob_within() it is wait(timeout=).
 * Cancellation point. */
HOB_API int hob_wait(struct hob_task *const *tasks, size_t n, enum hob_wait_mode mode);

HOB_API bool hob_task_done(const struct hob_task *t);
/* What it returned; -EINPROGRESS while it runs. Counts as having read its error. */
HOB_API int hob_task_result(struct hob_task *t);
/* The record of its error, or NULL. It belongs to the task. */
HOB_API const struct hob_error *hob_task_error(struct hob_task *t);
/* Its name; by default the function's. */
HOB_API const char *hob_task_name(const struct hob_task *t);
/* A number of its own, from 1, in order of spawning. */
HOB_API uint64_t hob_task_id(const struct hob_task *t);
/* Did it end with -ECANCELED after a cancel? */
HOB_API bool hob_task_was_cancelled(const struct hob_task *t);

/* Cancels the task's outermost scope. True when it was running and not cancelled yet (NULL: false).
 * Does not wait. */
HOB_API bool hob_cancel(struct hob_task *t);
/* Takes back a hob_cancel() of the calling task. True when there was one. */
HOB_API bool hob_uncancel(void);
/* Would a waiting call of the calling task return -ECANCELED now? */
HOB_API bool hob_cancelled(void);
/* The cancellation point alone: 0 or -ECANCELED. Does not wait; a deadline that passes while the
 * task goes on without waiting is not seen (long computations: hob_yield_now()). */
HOB_API int hob_check(void);

/* The child's half of hob_start(): says that it is ready. Elsewhere it does nothing. */
HOB_API void hob_started(void);

/* The calling task; NULL outside tasks. */
HOB_API struct hob_task *hob_self(void);

/* Lets every task that is ready run once. 0 or -ECANCELED. Cancellation point. */
HOB_API int hob_yield_now(void);

/* ---- time ---- */

/* Waits that many seconds (0 or less: hob_yield_now()); never less. With many timers armed in the
 * loop it may be more by 2 ns for each, 1 ms at most. 0, -ECANCELED, or -EINVAL for NaN. */
HOB_API int hob_sleep(double seconds);
/* Waits until the monotonic clock shows deadline (ns). */
HOB_API int hob_sleep_until(uint64_t deadline);
/* The monotonic clock in ns. */
HOB_API uint64_t hob_now(void);
/* The deadline `seconds` from now: never 0; far ones (infinity too) saturate; NaN and less than 0
 * count as now. */
HOB_API uint64_t hob_after(double seconds);

/* ---- the spawn runtime behind hob/spawn.h. Private. ---- */

/* One per spawn expression, static: what is known at compile time. */
struct hob__spawn_site {
    const char *name; /* of the function */
    int (*run)(void *args);
    uint32_t args_size;
    struct hob__place place; /* of the spawn */
    /* NULL, or: there was no memory for a stack, so that `run` will never be called. Outside any
     * task; must not wait. */
    void (*lost)(void *args);
};

/* How to spawn (hob_spawn_with); all zero is the default. */
struct hob_spawn_options {
    const char *name;  /* copied; default: the function's name */
    size_t stack_size; /* bytes of address space, rounded up to a class: 16 KiB, 64 KiB, 256 KiB, 1
                          MiB, which is also the most; 0 = default */
    bool daemon;       /* cancelled when only daemons remain in its scope */
};

struct hob__task_head {
    void *args; /* where the arguments are to be stored: args_size bytes, aligned to 16 */
};

HOB_API struct hob_task *hob__spawn(struct hob_scope *s, const struct hob__spawn_site *site);
HOB_API struct hob_task *hob__spawn_with(struct hob_scope *s, const struct hob__spawn_site *site,
                                         struct hob_spawn_options options);
/* hob_start: spawn, store the arguments, then wait for hob_started(). */
HOB_API int hob__start_wait(struct hob_task *t);
/* hob_background: a task owned by the loop. NULL: -ENOMEM. */
HOB_API struct hob_task *hob__background(const struct hob__spawn_site *site);
/* hob_run: the loop with this as its main task. The arguments are copied from args. */
struct hob_options;
HOB_API int hob__run(const struct hob_options *options, const struct hob__spawn_site *site,
                     const void *args);
/* hob_within, hob_shielded: the end of the hidden scope around a call that returned rc. */
HOB_API int hob__scope_result(struct hob_scope *s, int rc);

/* Stops the program with function, task and line. Private. */
HOB_API void hob__misuse(const char *func, const char *fmt, ...) HOB_PRINTF(2, 3)
    __attribute__((noreturn, cold));

#ifdef __cplusplus
}
#endif
#endif
