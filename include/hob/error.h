/* hob/error.h - error records. Every Hob function returns >= 0 or a negative code; the record
 * beside it says more. */
#ifndef HOB_ERROR_H
#define HOB_ERROR_H
#pragma GCC system_header

#include <hob/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hob_error {
    int code;                /* negative, see hob_strerror() */
    const char *message;     /* never NULL */
    const char *func, *file; /* where hob_fail() stands, or where the failed task was spawned */
    int line;
    const char *task;              /* the name of the task that failed with it */
    const struct hob_error *cause; /* what led to it, or NULL */
    struct hob_error *next;        /* the next one of a scope's list */
};

/* The calling task's last error record, or NULL. Valid until the task's next error. */
HOB_API const struct hob_error *hob_error(void);
/* Forgets it. */
HOB_API void hob_error_clear(void);

/* return hob_fail(-EINVAL, "page %d of %d", page, pages): makes the record and gives the code back,
 * whatever happens: without memory the record is the code's name alone, or none when several tasks
 * fail so at once. The message is cut at 511 bytes. */
#define hob_fail(code, ...) hob__fail(false, (code), __func__, __FILE__, __LINE__, __VA_ARGS__)
/* The same, with the record that was there as its cause. At most 8 causes are kept, the first ones
 * among them. */
#define hob_fail_from(code, ...) hob__fail(true, (code), __func__, __FILE__, __LINE__, __VA_ARGS__)
HOB_API int hob__fail(bool with_cause, int code, const char *func, const char *file, int line,
                      const char *fmt, ...) HOB_PRINTF(6, 7);

/* Writes "code: message (func, file:line)", then "caused by ..." lines, as snprintf does: at most n
 * bytes with the NUL; returns the length it would have had. */
HOB_API int hob_error_format(const struct hob_error *e, char *buf, size_t n);

/* Leaves the function with the error of a call that failed; otherwise the call's result. Only in
 * functions that return int, long or ssize_t. */
#define HOB_TRY(call)                                                                              \
    __extension__({                                                                                \
        HOB__AUTO hob__rc = (call);                                                                \
        if (HOB__UNLIKELY(hob__rc < 0)) return (int)hob__rc;                                       \
        hob__rc;                                                                                   \
    })

/* Runs fn(arg) when the block is left. */
#define HOB_DEFER(fn, arg)                                                                         \
    struct hob__deferred HOB__UNIQUE(defer)                                                        \
        __attribute__((cleanup(hob__run_deferred), unused)) = {(fn), (arg)}
struct hob__deferred {
    void (*fn)(void *arg);
    void *arg;
};
static inline void hob__run_deferred(struct hob__deferred *d) { d->fn(d->arg); }

/* Takes kind's `x` (HOB_WITH(hob_mutex, &m), HOB_WITH(hob_sem, &limit)) until the block is left.
 * Waits; a cancelled wait leaves the function with its error, as HOB_TRY does. */
#define HOB_WITH(kind, x)                                                                          \
    struct kind *HOB__UNIQUE(with) __attribute__((cleanup(kind##__leave), unused)) = NULL;         \
    do {                                                                                           \
        struct kind *hob__x = (x);                                                                 \
        int hob__rc = kind##__enter(hob__x);                                                       \
        if (HOB__UNLIKELY(hob__rc < 0)) return hob__rc;                                            \
        HOB__UNIQUE(with) = hob__x;                                                                \
    } while (0)

/* What is told of an error that nobody read (a background task's, a discarded child's, a collected
 * one that was never looked at), of a deadlock, of a task that holds the loop. The default writes
 * to standard error. `text` is whole lines. May be called by the watchdog's thread; must not wait.
 * NULL = the default. Any thread may set it. */
enum hob_report_kind { HOB_REPORT_ERROR, HOB_REPORT_DEADLOCK, HOB_REPORT_SLOW, HOB_REPORT_NOTE };
HOB_API void hob_set_report(void (*report)(enum hob_report_kind kind, const char *text, void *arg),
                            void *arg);

#ifdef __cplusplus
}
#endif
#endif
