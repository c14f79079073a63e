/* task/misuse.c - the end of a program that uses Hob wrongly; and what libraries without a loop
 * (libhob-data) want of this one, so that a static program of theirs has no loop in it: nothing
 * here, nor what error.c needs, asks for more than this thread's loop, if it has one. */
#include "task/task.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FRAMES_MAX = 48, FRAME_TEXT = 400 };

__thread struct hob_loop *hob__loop;
__thread const char *hob__thread_work;

struct hob_task *hob_self(void) {
    struct hob_loop *loop = hob__loop;
    return loop ? hob__loop_task(loop) : NULL;
}

void hob__describe_task(const void *task, char *buf, size_t n) {
    const struct hob_task *t = task;
    snprintf(buf, n, "task '%s' (spawned by %s at %s:%d)", hob__task_title(t), t->site->place.func,
             t->site->place.file, t->site->place.line);
}

void hob__say(const char *text) {
    for (size_t left = strlen(text); left > 0;) {
        ssize_t wrote = write(2, text, left);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return; /* nobody left to tell */
        text += wrote;
        left -= (size_t)wrote;
    }
}

void hob__misuse(const char *func, const char *fmt, ...) {
    char text[1024], what[700], who[256] = "";
    va_list args;
    __atomic_store_n(&hob__last_words, true, __ATOMIC_RELAXED);
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    const struct hob_task *t = hob_self();
    if (t) hob__describe_task(t, who, sizeof who);
    snprintf(text, sizeof text, "hob: misuse: %s: %s%s%s\n", func, what, t ? "\n  in " : "", who);
    hob__say(text);
    void *pcs[FRAMES_MAX];
    int n = hob__trace_self(pcs, FRAMES_MAX);
    for (int i = 1; i < n; i++) { /* without this one */
        char frame[FRAME_TEXT];
        hob__trace_format(pcs[i], frame, sizeof frame);
        snprintf(text, sizeof text, "    %s\n", frame);
        hob__say(text);
    }
    abort();
}

void hob__outside(const char *func) {
    if (hob__thread_work)
        hob__misuse(func,
                    "called by '%s' in a worker, where there is no task (from a thread "
                    "hob_loop_submit() reaches one)",
                    hob__thread_work);
    hob__misuse(func, "called outside a task (hob_main() and hob_run() run one)");
}
