/* hob/thread.h - work in other threads: hob_to_thread and the pools behind it, from a thread back
 * into a loop, and many loops side by side.
 *
 *   static int resize(const char *path, int width);
 *   HOB_TASK(resize, const char *, int)
 *   ...
 *   int rc = hob_to_thread(resize, "cat.png", 200);     // the loop goes on meanwhile
 *
 * A function that runs in a worker thread is an ordinary one: it may block and compute, fail by
 * hob_fail(), use channels (hob/channel.h), call hob_loop_post() and hob_loop_submit(), read its
 * caller's task-locals, and run a loop of its own with hob_run(). It is not in a task: a call that
 * waits as tasks do is misuse. Worker threads have the program's signals blocked. */
#ifndef HOB_THREAD_H
#define HOB_THREAD_H
#pragma GCC system_header

#include <hob/base.h>
#include <hob/loop.h>
#include <hob/spawn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- a call in another thread ---- */

/* Runs fn(...), which HOB_TASK has made spawnable, in a worker thread while the calling task waits:
 * fn's result; its error record becomes hob_error(). The arguments are copied; what pointers among
 * them point at is used by two threads. Waits for a thread when all are busy. Cancelled before fn
 * has begun: -ECANCELED, and fn never runs. Cancelled later: waits until fn has ended, whose result
 * is returned (the next point sees the cancel); fn can ask hob_thread_cancelled(). -ENOMEM,
 * -EAGAIN: no memory, no thread to be had. Cancellation point. */
#define hob_to_thread(fn, ...)                                                                     \
    HOB__CALL(#fn, fn##__args, fn##__task, fn##__HOB_TASK,                                         \
              hob__to_pool(NULL, false, &hob__site, &hob__args), ##__VA_ARGS__)
/* The same, but a cancel is obeyed at once, in any case: -ECANCELED. fn goes on by itself to its
 * end, even beyond the loop's, and what it returns is dropped. So its arguments must not point at
 * what the caller may take away. */
#define hob_to_thread_or_leave(fn, ...)                                                            \
    HOB__CALL(#fn, fn##__args, fn##__task, fn##__HOB_TASK,                                         \
              hob__to_pool(NULL, true, &hob__site, &hob__args), ##__VA_ARGS__)
/* For what computes instead of blocking: the same in the pool that has a thread for each CPU. */
#define hob_to_cpu(fn, ...)                                                                        \
    HOB__CALL(#fn, fn##__args, fn##__task, fn##__HOB_TASK,                                         \
              hob__to_pool(hob_pool_cpu(), false, &hob__site, &hob__args), ##__VA_ARGS__)
/* The same in a pool of one's own. */
#define hob_to_pool(pool, fn, ...)                                                                 \
    HOB__CALL(#fn, fn##__args, fn##__task, fn##__HOB_TASK,                                         \
              hob__to_pool((pool), false, &hob__site, &hob__args), ##__VA_ARGS__)
#define hob_to_pool_or_leave(pool, fn, ...)                                                        \
    HOB__CALL(#fn, fn##__args, fn##__task, fn##__HOB_TASK,                                         \
              hob__to_pool((pool), true, &hob__site, &hob__args), ##__VA_ARGS__)

/* In a function that runs in a worker thread: has its caller been cancelled? Elsewhere false. */
HOB_API bool hob_thread_cancelled(void);

/* ---- pools ---- */

struct hob_pool;

/* All zero is the default. */
struct hob_pool_options {
    const char *name;  /* copied; the threads show its first 15 bytes; default "hob-pool" */
    unsigned threads;  /* at most; made on demand; default: as many as there are CPUs */
    size_t queue;      /* calls that have been handed over and wait for a thread, at most; default
                          1024. Further callers wait in line before their arguments are copied */
    bool refuse;       /* a caller that would have to stand in that line gets HOB_E_FULL instead */
    double idle;       /* seconds without work after which a thread ends; default 5 */
    size_t stack_size; /* of a thread, bytes; default: the system's (ulimit -s) */
};

/* Makes a pool: 0, -ENOMEM, or -EINVAL (a negative or not a number of seconds). Does not wait, and
 * makes no thread yet. Any loop and any number of loops may use it. */
HOB_API int hob_pool_open(struct hob_pool **pool, struct hob_pool_options options);

/* Waits until what was handed over has ended, ends the threads, and frees the pool. Callers that
 * stand in line get HOB_E_CLOSED. In a task the loop goes on meanwhile; it is no cancellation
 * point. NULL is allowed; one of the default pools is misuse, and so is using it afterwards. */
HOB_API void hob_pool_close(struct hob_pool *pool);

/* The default pools, kept apart so that neither waits behind the other: for calls that block, up to
 * 32 threads; for computing, hob_cpu_count() threads. They end by themselves when idle. */
HOB_API struct hob_pool *hob_pool_blocking(void);
HOB_API struct hob_pool *hob_pool_cpu(void);

struct hob_pool_info {
    const char *name;       /* valid as long as the pool */
    unsigned threads, max;  /* there are, there may be */
    unsigned busy;          /* of the threads */
    size_t queued, waiting; /* handed over and not begun; callers in line before that */
    uint64_t done;          /* calls that have ended */
    uint64_t left;          /* calls whose callers have not waited for the end */
};
/* From any thread. NULL: the one for blocking calls. */
HOB_API void hob_pool_info(struct hob_pool *pool, struct hob_pool_info *info);

/* How many CPUs this process may use: by its affinity, and by its control group's quota, rounded
 * up. At least 1. */
HOB_API unsigned hob_cpu_count(void);

/* ---- from a thread back into a loop (hob_loop_post() of hob/loop.h is the smaller one) ---- */

struct hob_submitted;

/* Starts fn(...) as a task of that loop, one of its background tasks, soon. From any thread, also
 * another loop's; the loop must still be held (hob_loop_hold), or be known to live, as it is while
 * a task of it waits in hob_to_thread(). The arguments are copied. What stands for the call is to
 * be dropped once. NULL: refused (without memory, by a loop that has ended, or because
 * HOB_POSTS_MAX calls and posts wait for it: hob/loop.h); then hob_submitted_wait() says why, so
 * that it need not be checked. Does not wait. */
#define hob_loop_submit(loop, fn, ...)                                                             \
    __extension__({                                                                                \
        HOB__STRICT_ON HOB__LET(fn##__args) hob__args = fn##__task(__VA_ARGS__);                   \
        HOB__STRICT_OFF HOB__SITE(#fn, fn##__HOB_TASK);                                            \
        static const struct hob__spawn_site hob__task_site = {                                     \
            #fn, hob__submit_run, sizeof(void *), {__func__, __FILE__, __LINE__}, NULL};           \
        hob__loop_submit((loop), &hob__site, &hob__task_site, &hob__args);                         \
    })

/* Waits until the task has ended: its result; its error record becomes hob_error() here. Or
 * -ETIMEDOUT after that many seconds (HOB_FOREVER: never): the task goes on, and only
 * hob_submitted_cancel() ends it. -ECANCELED when the task was cancelled, or the loop ended before
 * it had begun. A plain thread blocks; a task waits as tasks do (-ECANCELED also when it is
 * cancelled itself; cancellation point). NULL: why this thread's last hob_loop_submit() was refused
 * (-ENOMEM; HOB_E_CLOSED; -EAGAIN when the loop does not keep up and HOB_POSTS_MAX wait for it:
 * nothing of the call is left, submit it again later). Any number of times. */
HOB_API int hob_submitted_wait(struct hob_submitted *call, double seconds);
#define HOB_FOREVER __builtin_inf()

/* Cancels the task; one that has not begun never does. Does not wait. From any thread. NULL is
 * allowed. */
HOB_API void hob_submitted_cancel(struct hob_submitted *call);

/* Gives it back. The task goes on; its error is reported if nobody has waited for it. From any
 * thread. NULL is allowed. */
HOB_API void hob_submitted_drop(struct hob_submitted *call);

/* ---- many loops ---- */

/* All zero is the default. */
struct hob_workers_options {
    unsigned count;          /* default: hob_cpu_count() */
    bool pin;                /* each thread stays on one of the CPUs that the caller may use */
    struct hob_options loop; /* of each loop; SIGINT is the caller's in any case */
};

/* Runs fn(...) as the main task of n loops (0: as many as there are CPUs), each in a thread of its
 * own, and waits until all have ended. They share nothing but what the arguments, which are copied,
 * lead them to; hob_worker_index() tells them apart. 0; or the first error, which cancels the
 * others (their errors are reported). In a task it waits as tasks do, and what the caller is told
 * reaches all loops: asked to stop, it asks them to (hob_stopping()); cancelled, it cancels them;
 * so Ctrl-C has its two phases in each. -ECANCELED, HOB_E_STOPPING: when that ended them. Outside a
 * loop the calling thread runs one meanwhile, for the same. -ENOMEM, -EAGAIN: a thread could not
 * be made. Cancellation point. */
#define hob_run_workers(n, fn, ...)                                                                \
    HOB__CALL(#fn, fn##__args, fn##__task, fn##__HOB_TASK,                                         \
              hob__run_workers(hob__workers(n), &hob__site, &hob__args), ##__VA_ARGS__)
/* hob_run_workers_with(((struct hob_workers_options){.pin = true}), fn, ...) */
#define hob_run_workers_with(options, fn, ...)                                                     \
    HOB__CALL(#fn, fn##__args, fn##__task, fn##__HOB_TASK,                                         \
              hob__run_workers(options, &hob__site, &hob__args), ##__VA_ARGS__)

/* Which of the workers this thread is, from 0; -1 when it is none. */
HOB_API int hob_worker_index(void);

/* ---- behind the macros. Private. ---- */

static inline struct hob_workers_options hob__workers(unsigned n) {
    struct hob_workers_options options = {n, false, {NULL, 0, 0, 0, 0, false, false}};
    return options;
}
HOB_API int hob__run_workers(struct hob_workers_options options, const struct hob__spawn_site *site,
                             const void *args);
HOB_API struct hob_submitted *hob__loop_submit(struct hob_loop *loop,
                                               const struct hob__spawn_site *site,
                                               const struct hob__spawn_site *task_site,
                                               const void *args);
HOB_API int hob__submit_run(void *args);

HOB_API int hob__to_pool(struct hob_pool *pool, bool leave, const struct hob__spawn_site *site,
                         const void *args);

#ifdef __cplusplus
}
#endif
#endif
