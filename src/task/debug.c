/* task/debug.c - HOB_DEBUG=1: says at the start and at the end of a loop what it ran on and how
 * much there was, and on SIGQUIT (Ctrl-\) shows every task with its stack, while the program goes
 * on. */
#include "fiber/sanitize.h"
#include "task/task.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { TEXT_MAX = 1 << 20 };

/* The loop that SIGQUIT asks; signals are the process's, so it is one. */
static struct hob_loop *_Atomic asked_loop;
static _Atomic int asked;

static void on_quit(int sig) {
    (void)sig;
    int kept_errno = errno;
    struct hob_loop *loop = atomic_load(&asked_loop);
    if (loop) {
        atomic_store(&asked, 1);
        loop->backend.ops->wake(&loop->backend);
    }
    errno = kept_errno;
}

static void say(const char *fmt, ...) HOB_PRINTF(1, 2);
static void say(const char *fmt, ...) {
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    hob__report(HOB_REPORT_NOTE, text);
}

void hob__debug_begin(struct hob_loop *loop) {
    const char *wanted = getenv("HOB_DEBUG");
    if (!wanted || !*wanted || strcmp(wanted, "0") == 0) return;
    loop->debug = true;
    const char *why = loop->backend.why;
    say("hob: a loop begins, on %s%s%s%s\n", loop->backend.ops->name, *why ? " (" : "", why,
        *why ? ")" : "");
    struct sigaction now;
    if (sigaction(SIGQUIT, NULL, &now) < 0 || (now.sa_flags & SA_SIGINFO) ||
        now.sa_handler != SIG_DFL)
        return;
    struct hob_loop *none = NULL;
    if (!atomic_compare_exchange_strong(&asked_loop, &none, loop)) return;
    struct sigaction ours = {.sa_handler = on_quit, .sa_flags = hob__san_onstack() | SA_RESTART};
    sigemptyset(&ours.sa_mask);
    sigaction(SIGQUIT, &ours, NULL);
}

void hob__debug_end(struct hob_loop *loop) {
    if (!loop->debug) return;
    struct hob_loop *mine = loop;
    struct sigaction now;
    if (atomic_compare_exchange_strong(&asked_loop, &mine, NULL) &&
        sigaction(SIGQUIT, NULL, &now) == 0 && now.sa_handler == on_quit)
        signal(SIGQUIT, SIG_DFL); /* else a hob_signal has it: it comes back to on_quit() */
    say("hob: a loop ends: %llu tasks in %llu turns, %zu stacks at most\n",
        (unsigned long long)loop->next_id, (unsigned long long)loop->turns, loop->stacks.total);
}

static int add_stack(struct hob_task *t, void *arg) {
    char *text = arg;
    size_t at = strlen(text);
    if (at + 512 > TEXT_MAX) return 1;
    int n = snprintf(text + at, TEXT_MAX - at, "#%llu %s: %s\n", (unsigned long long)t->id,
                     hob__task_title(t), hob_task_waiting(t));
    at += n > 0 ? (size_t)n : 0;
    if (at >= TEXT_MAX) return 1; /* a name that long: the text is full */
    hob_task_stack(t, text + at, TEXT_MAX - at);
    return 0;
}

void hob__debug_see(struct hob_loop *loop) {
    if (!atomic_load_explicit(&asked, memory_order_relaxed) || atomic_load(&asked_loop) != loop)
        return;
    atomic_store(&asked, 0);
    char *text = hob__alloc(TEXT_MAX);
    if (!text) return;
    int n = snprintf(text, TEXT_MAX, "hob: the tasks:\n");
    hob_task_tree(text + n, (size_t)(TEXT_MAX - n));
    hob__records_each(loop, add_stack, text);
    hob__report(HOB_REPORT_NOTE, text);
    hob__free(text);
}
