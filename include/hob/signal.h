/* hob/signal.h - signals to wait for.
 *
 *   HOB_SIGNAL(w);
 *   HOB_TRY(hob_signal_open(&w, SIGHUP, SIGTERM));
 *   while ((sig = hob_signal_wait(w)) == SIGHUP) reload();
 *
 * As long as a handle for a signal is open, in any loop of any thread, the signal does nothing but
 * wake those who wait for it; when the last one is closed, its disposition is again what it was
 * before (also: ignored). Every open handle gets every signal; of the tasks that wait on one handle
 * one gets it. A signal that comes while nobody waits is kept for the next wait. Arrivals of the
 * same signal between two waits count as one, as in the kernel itself; different signals are kept
 * each, and given out in turns.
 *
 * A handler and a wake-up, not signalfd: that would need the signals blocked in every thread, also
 * those of other libraries, and blocked they would be inherited by their child processes. At least
 * one thread must have the signal unblocked.
 *
 * SIGINT: by default the first Ctrl-C stops the program (hob_stop() on everything, then a cancel
 * after the grace), the second ends it at once. An open handle for SIGINT replaces that. SIGTERM
 * does the same if hob_options.terminate is set; when it comes again within 200 ms, as timeout(1)
 * sends it (to its child, and to the child's group), that is no second one. SIGPIPE: streams never
 * raise it; what else writes into pipes (printf) does, unless the program ignores it. Children of
 * hob_process_spawn() have default dispositions; in a child of fork() they are as before the first
 * handle was opened. */
#ifndef HOB_SIGNAL_H
#define HOB_SIGNAL_H
#pragma GCC system_header

#include <hob/base.h>
#include <signal.h>
#ifdef __cplusplus
#include <initializer_list>
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct hob_signal;

/* hob_signal_open(&w, SIGHUP, SIGTERM): from now on these are caught. Does not wait. 0, or -EINVAL
 * (SIGKILL, SIGSTOP, faults like SIGSEGV, no such signal), -EBUSY (SIGURG, while the watchdog uses
 * it: HOB_SLOW_MS=0), HOB_E_LIMIT (128 handles are open), -ENOMEM, -EMFILE: nothing has changed
 * then, and *out is NULL. The handle belongs to the calling task's loop. */
#ifdef __cplusplus
#define hob_signal_open(out, ...)                                                                  \
    hob__signal_open((out), std::initializer_list<int>{__VA_ARGS__, 0}.begin())
#else
#define hob_signal_open(out, ...) hob__signal_open((out), (const int[]){__VA_ARGS__, 0})
#endif
HOB_API int hob__signal_open(struct hob_signal **out, const int *signals);

/* Waits for the next one: its number, or -ECANCELED, HOB_E_STOPPING after hob_stop(). A cancelled
 * wait has taken none. Cancellation point. */
HOB_API int hob_signal_wait(struct hob_signal *w);

/* Ends the catching; what came and was not waited for is dropped. NULL is allowed. A task that
 * waits: misuse. Does not wait. */
HOB_API void hob_signal_close(struct hob_signal *w);
static inline void hob__signal_leave(struct hob_signal **w) { hob_signal_close(*w); }

/* HOB_SIGNAL(w); declares `struct hob_signal *w = NULL`, closed when the block is left. */
#define HOB_SIGNAL(w)                                                                              \
    struct hob_signal *w __attribute__((cleanup(hob__signal_leave), unused)) = NULL

#ifdef __cplusplus
}
#endif
#endif
