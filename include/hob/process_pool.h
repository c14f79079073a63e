/* hob/process_pool.h - functions that run in other processes: hob_to_process and the pools behind
 * it. For what may crash, and for what must not share memory.
 *
 *   static int parse(int number);
 *   HOB_TASK(parse, int)
 *   ...
 *   int rc = hob_to_process(parse, 7);        // HOB_E_CRASHED when parse() takes its process down
 *
 * The workers are forked from one small process, the pool's keeper, which is itself forked when the
 * pool is opened: early in the program, best of all. So a worker is a copy of the program as it was
 * then. It has the standard descriptors (input is /dev/null) and no others, signals as after an
 * exec, but for SIGINT and SIGQUIT, which it ignores (the program decides what Ctrl-C means), one
 * thread, and no loop; it may run one with hob_run(). What has been loaded by dlopen() later is not
 * there.
 *
 * The arguments are copied: a number or a structure arrives whole; a pointer is only good for what
 * was at its place when the pool was opened and has not changed since: functions, constants, string
 * literals. Bytes travel by hob_to_process_with(). The result is fn's int, with its error record.
 */
#ifndef HOB_PROCESS_POOL_H
#define HOB_PROCESS_POOL_H
#pragma GCC system_header

#include <hob/base.h>
#include <hob/spawn.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hob_process_pool;

/* All zero is the default. */
struct hob_process_pool_options {
    unsigned processes; /* workers at once, made on demand, at most 1024; default: as many as there
                           are CPUs (hob_cpu_count() of hob/thread.h) */
    unsigned calls;     /* a worker is replaced after so many calls; 0 = never */
    size_t memory;      /* address space that a worker may use, bytes (RLIMIT_AS); 0 = no limit */
};

/* Opens a pool: forks its keeper. 0, or -errno (-ENOMEM, -EAGAIN, -EMFILE). Does not wait; blocks
 * for as long as a fork takes. Any thread, any number of loops may use it. */
HOB_API int hob_process_pool_open(struct hob_process_pool **pool,
                                  struct hob_process_pool_options options);

/* Ends the workers, busy or not: their callers, and those who stand in line, get HOB_E_CLOSED.
 * Blocks for the few milliseconds that this takes; no process and no descriptor is left. NULL is
 * allowed. */
HOB_API void hob_process_pool_close(struct hob_process_pool *pool);

struct hob_process_pool_info {
    unsigned processes, max; /* there are, there may be */
    unsigned idle;           /* of them */
    size_t waiting;          /* callers in line */
    uint64_t done;           /* calls that have ended with a result */
    uint64_t crashed;        /* workers that ended inside a call by themselves */
    uint64_t killed;         /* workers that were ended because their caller was cancelled */
};
HOB_API void hob_process_pool_info(struct hob_process_pool *pool,
                                   struct hob_process_pool_info *info);

/* Runs fn(...) in a worker process while the calling task waits: fn's result; its error record
 * becomes hob_error(). Waits in line, first come first served, while all workers are busy. A
 * cancel ends the wait at once, and the worker with it: -ECANCELED. HOB_E_CRASHED: the worker
 * ended before fn returned; the message says by which signal or exit status. HOB_E_LIMIT: arguments
 * of more than 16 KiB. Or why no worker could be made. Cancellation point.
 * This one uses a pool that is opened at its first use and closed with the last loop that used it.
 */
#define hob_to_process(fn, ...)                                                                    \
    HOB__CALL(#fn, fn##__args, fn##__task, fn##__HOB_TASK,                                         \
              hob__to_process(HOB__OPTIONS(hob_process_call, ), &hob__site, &hob__args),           \
              ##__VA_ARGS__)

/* Bytes on the way there and back; all zero is the default. */
struct hob_process_call {
    struct hob_process_pool *pool; /* NULL: the default one */
    const void *input;             /* what hob_process_call_input() gives in the worker */
    size_t input_size;
    void *output; /* where what hob_process_call_output() was given arrives; untouched after an
                     error */
    size_t output_max;
    size_t *output_size; /* may be NULL */
};
/* hob_to_process_with(((struct hob_process_call){.pool = p, .input = text, ...}), fn, ...) */
#define hob_to_process_with(options, fn, ...)                                                      \
    HOB__CALL(#fn, fn##__args, fn##__task, fn##__HOB_TASK,                                         \
              hob__to_process(options, &hob__site, &hob__args), ##__VA_ARGS__)

/* In a worker: the call's input, valid until fn returns. Elsewhere NULL and 0. */
HOB_API const void *hob_process_call_input(size_t *size);
/* In a worker: appends to the call's output. 0; HOB_E_LIMIT beyond the caller's output_max (nothing
 * is appended); -ENOMEM. Elsewhere HOB_E_LIMIT. */
HOB_API int hob_process_call_output(const void *data, size_t size);

HOB_API int hob__to_process(struct hob_process_call call, const struct hob__spawn_site *site,
                            const void *args);

#ifdef __cplusplus
}
#endif
#endif
