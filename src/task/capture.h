/* task/capture.h - the watchdog's way to a held loop's stack; private to src/task. */
#ifndef HOB_TASK_CAPTURE_H
#define HOB_TASK_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

struct hob_loop;

/* Around all captures: the signal's handler is there, unless the program has its own. */
void hob__capture_open(void);
void hob__capture_close(void);

/* In the loop's thread: the signal is not blocked while the loop runs (programs that use signalfd
 * block all of them). admit() says whether it was, for readmit(). */
bool hob__capture_admit(void);
void hob__capture_readmit(bool was_blocked);

/* Asks the thread of a loop that is held; with hob__loops_lock held, so that the loop is there. */
void hob__capture_ask(struct hob_loop *loop, uint64_t held_ms);
/* Then, without that lock: waits for the answer, a second at most. What to report; NULL: the loop
 * has moved on. */
const char *hob__capture_text(void);
/* In the loop's thread: it ends, and will not answer. */
void hob__capture_forget(struct hob_loop *loop);

#endif
