/* hob/sync.h - mutex, event, condition, semaphore, barrier, queue, future.
 *
 * All of them live in the user's memory, are valid when all zero (those with a number have an
 * initialiser), are fair (waiters are served in order of arrival, newcomers do not pass them), and
 * need no destroy call when nobody waits. They belong to one loop's thread. Every call that waits
 * is a cancellation point; a cancelled wait leaves no trace: no lock, permit, item or wake-up is
 * lost. A call that was served in the same turn as the cancel returns success. */
#ifndef HOB_SYNC_H
#define HOB_SYNC_H
#pragma GCC system_header

#include <hob/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- mutex ---- */
struct hob_mutex {
    struct hob_task *owner;
    struct hob_waitlist waiters;
    uint64_t owner_id; /* the task's, whose record may become another's */
    const struct hob__spawn_site *owner_site;
};
/* 0 or -ECANCELED. Misuse: locking what one holds already, and waiting for what a task holds that
 * has ended: nobody would ever unlock it. Both name that task. */
HOB_API int hob_mutex_lock(struct hob_mutex *m);
/* 0 or -EBUSY; the same misuse. Does not wait. */
HOB_API int hob_mutex_try_lock(struct hob_mutex *m);
/* Hands it to the first waiter. By another task than the owner: misuse, which names the owner. */
HOB_API void hob_mutex_unlock(struct hob_mutex *m);
HOB_API bool hob_mutex_locked(const struct hob_mutex *m);

/* ---- event: a flag to wait for ---- */
struct hob_event {
    bool set;
    struct hob_waitlist waiters;
};
/* 0 or -ECANCELED. */
HOB_API int hob_event_wait(struct hob_event *e);
/* Wakes all who wait, even if it is cleared at once. */
HOB_API void hob_event_set(struct hob_event *e);
HOB_API void hob_event_clear(struct hob_event *e);
HOB_API bool hob_event_is_set(const struct hob_event *e);

/* ---- condition: always used with one mutex, held by the caller (else misuse) ---- */
struct hob_cond {
    struct hob_waitlist waiters;
};
/* Releases m, waits for a notify, and has m again when it returns, whatever it returns: 0 or
 * -ECANCELED. */
HOB_API int hob_cond_wait(struct hob_cond *c, struct hob_mutex *m);
/* Waits until predicate(arg) is nonzero: that value, or a negative code (of the wait or of the
 * predicate). */
HOB_API int hob_cond_wait_for(struct hob_cond *c, struct hob_mutex *m, int (*predicate)(void *arg),
                              void *arg);
/* Wakes up to n waiters, first come first. m must be held by the caller. */
HOB_API void hob_cond_notify(struct hob_cond *c, struct hob_mutex *m, size_t n);
HOB_API void hob_cond_notify_all(struct hob_cond *c, struct hob_mutex *m);

/* ---- semaphore ---- */
struct hob_sem {
    size_t free;
    size_t bound; /* a release beyond it is misuse; 0 = none */
    struct hob_waitlist waiters;
};
#define HOB_SEM(permits)                                                                           \
    {                                                                                              \
        (permits), 0, { NULL, NULL }                                                               \
    }
#define HOB_SEM_BOUNDED(permits)                                                                   \
    {                                                                                              \
        (permits), (permits), { NULL, NULL }                                                       \
    }
HOB_API int hob_sem_acquire(struct hob_sem *s);
/* 0 or -EBUSY. Does not wait, does not pass those who do. */
HOB_API int hob_sem_try_acquire(struct hob_sem *s);
HOB_API void hob_sem_release(struct hob_sem *s);
/* Would an acquire wait now? */
HOB_API bool hob_sem_locked(const struct hob_sem *s);

/* ---- barrier ---- */
struct hob_barrier {
    unsigned parties; /* >= 1 */
    unsigned arrived;
    bool broken;
    struct hob_waitlist waiters;
};
#define HOB_BARRIER(parties)                                                                       \
    {                                                                                              \
        (parties), 0, false, { NULL, NULL }                                                        \
    }
/* Waits until `parties` tasks are here. Each gets its index of arrival, 0..parties-1; -ECANCELED
 * (the count goes down again, the barrier is not broken); HOB_E_BROKEN. */
HOB_API int hob_barrier_wait(struct hob_barrier *b);
/* Those who wait get HOB_E_BROKEN; the barrier is empty and usable. */
HOB_API void hob_barrier_reset(struct hob_barrier *b);
/* Those who wait get HOB_E_BROKEN, later ones too, until hob_barrier_reset(). */
HOB_API void hob_barrier_abort(struct hob_barrier *b);

/* ---- queue: bounded, of items of one size, in the user's memory ---- */
enum hob_queue_order { HOB_FIFO, HOB_LIFO, HOB_PRIORITY };
struct hob_queue {
    char *items;
    size_t item_size, capacity, count, head;
    enum hob_queue_order order;
    int (*compare)(
        const void *a,
        const void *b); /* HOB_PRIORITY: < 0 when a comes first; equal ones keep no order */
    size_t unfinished;  /* put and not yet hob_queue_task_done() */
    bool closed;
    struct hob_waitlist getters, putters, joiners;
};
/* HOB_QUEUE(q, struct job, 50) declares `struct hob_queue q[1]` and room for 50 items in the block;
 * hob_queue_init() for storage of one's own or another order. */
#define HOB_QUEUE(q, type, n)                                                                      \
    type q##__items[n];                                                                            \
    struct hob_queue q[1];                                                                         \
    hob_queue_init(q, q##__items, sizeof(type), (n), HOB_FIFO, NULL)
/* capacity >= 1 items of item_size bytes at items, which must stay valid while the queue is used.
 */
HOB_API void hob_queue_init(struct hob_queue *q, void *items, size_t item_size, size_t capacity,
                            enum hob_queue_order order,
                            int (*compare)(const void *a, const void *b));
/* Copies *item in; waits while the queue is full. 0, -ECANCELED, HOB_E_CLOSED: then the item is not
 * in. */
HOB_API int hob_queue_put(struct hob_queue *q, const void *item);
/* Copies the next item out; waits while it is empty. 0, -ECANCELED, or HOB_E_CLOSED when it is
 * closed and empty. */
HOB_API int hob_queue_get(struct hob_queue *q, void *item);
/* Do not wait: HOB_E_FULL, HOB_E_EMPTY. */
HOB_API int hob_queue_try_put(struct hob_queue *q, const void *item);
HOB_API int hob_queue_try_get(struct hob_queue *q, void *item);
/* Says that an item that was got has been dealt with. More often than items were got: misuse. */
HOB_API void hob_queue_task_done(struct hob_queue *q);
/* Waits until every item that was put has been dealt with. 0 or -ECANCELED. */
HOB_API int hob_queue_join(struct hob_queue *q);
/* No more puts (those who wait to put get HOB_E_CLOSED); gets drain what is there, then
 * HOB_E_CLOSED. Idempotent. */
HOB_API void hob_queue_close(struct hob_queue *q);
/* The same, and what is in the queue is dropped and counts as dealt with; drop(item) is called for
 * each if not NULL. */
HOB_API void hob_queue_close_now(struct hob_queue *q, void (*drop)(void *item));
HOB_API size_t hob_queue_count(const struct hob_queue *q);

/* ---- future: a result that somebody sets once ---- */
struct hob_future {
    bool done;
    int result;  /* what waiters get */
    void *value; /* for the user */
    struct hob_waitlist waiters;
};
/* Waits until it is done: its result; *value (may be NULL) is set when that is >= 0. -ECANCELED
 * when the caller was cancelled or when that is the result. */
HOB_API int hob_future_wait(struct hob_future *f, void **value);
/* Sets it: 0 or -EALREADY. result: >= 0, or a negative code. Does not wait. */
HOB_API int hob_future_set(struct hob_future *f, int result, void *value);
/* hob_future_set(f, -ECANCELED, NULL). */
HOB_API int hob_future_cancel(struct hob_future *f);

/* ---- for HOB_WITH ---- */
static inline int hob_mutex__enter(struct hob_mutex *m) { return hob_mutex_lock(m); }
static inline void hob_mutex__leave(struct hob_mutex **m) {
    if (*m) hob_mutex_unlock(*m);
}
static inline int hob_sem__enter(struct hob_sem *s) { return hob_sem_acquire(s); }
static inline void hob_sem__leave(struct hob_sem **s) {
    if (*s) hob_sem_release(*s);
}

#ifdef __cplusplus
}
#endif
#endif
