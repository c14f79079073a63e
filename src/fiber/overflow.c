/* fiber/overflow.c - what happens when a task runs off the end of its stack.
 *
 * The write into the guard raises SIGSEGV (SIGBUS with some kernels) on a stack that has no room
 * left, so each thread with a loop gets an alternate signal stack. The handler decides by the
 * address alone: si_code differs between the kinds of guard. A large local of code that is compiled
 * without -fstack-clash-protection may step over the guard; then the stack pointer tells, if the
 * memory that was hit is nobody's. The handler prints whose stack it was and the frames, then
 * returns with the default action set: the instruction faults again and the process dies where it
 * stood, so that a core file shows the task. The header line is out before anything is named,
 * because naming is not async-signal-safe; should it fault as well, the kernel ends the process by
 * the same signal.
 *
 * An address in the first page is mostly a NULL that was given to a function that wants an object.
 * A fault there is told in the same way, unless the program has a handler of its own: so not every
 * function has to ask. */
#include "fiber/fiber.h"

#include "base/memory.h"
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>
#include <unistd.h>

enum {
    ALT_SIZE = 256 << 10, /* of address space: libbacktrace is at home in it */
    ALT_ENOUGH = 32 << 10,
    MAX_FRAMES = 4096,
    SHOWN_INNER = 24,
    SHOWN_OUTER = 8,
    STEP_MAX = 64 << 20, /* a stack pointer that far below is on another stack */
    NULL_PAGE = 4096
};

static struct sigaction previous[2]; /* SIGSEGV, SIGBUS */
static struct sigaction *previous_of(int sig) { return &previous[sig == SIGBUS]; }
static _Thread_local void *alt_map;      /* the alternate stack that is ours */
static _Thread_local stack_t alt_before; /* what was there */
static void (*describe_owner)(const void *owner, char *buf, size_t n);
static const struct hob__stack *(*running_stack)(void);

void hob__overflow_describe(void (*describe)(const void *owner, char *buf, size_t n),
                            const struct hob__stack *(*running)(void)) {
    describe_owner = describe;
    running_stack = running;
}

/* ---- telling ---- */

static __attribute__((format(printf, 1, 2))) void say(const char *fmt, ...) {
    char line[1024];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    size_t length = n < (int)sizeof line ? (size_t)n : sizeof line - 1;
    for (size_t done = 0; done < length;) {
        ssize_t wrote = write(STDERR_FILENO, line + done, length - done);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) break;
        done += (size_t)wrote;
    }
}

static void name_owner(const struct hob__stack *stack, char *buf, size_t n) {
    snprintf(buf, n, "a fiber");
    if (stack->owner && describe_owner) describe_owner(stack->owner, buf, n);
}

static void say_frames(void *const *pcs, int n) {
    for (int i = 0; i < n; i++) {
        if (i == SHOWN_INNER && n > SHOWN_INNER + SHOWN_OUTER) {
            say("  ... %d more ...\n", n - SHOWN_INNER - SHOWN_OUTER);
            i = n - SHOWN_OUTER;
        }
        char frame[512];
        hob__trace_format(pcs[i], frame, sizeof frame);
        say("  #%d %s\n", i, frame);
    }
}

static char *stack_pointer(void *ucontext) {
    const ucontext_t *u = ucontext;
#if defined(__x86_64__)
    return (char *)u->uc_mcontext.gregs[REG_RSP];
#else
    return (char *)u->uc_mcontext.sp;
#endif
}

/* The running fiber's stack, if the stack pointer has left it at the lower end. */
static const struct hob__stack *stepped_over(void *ucontext) {
    const struct hob__stack *stack = running_stack ? running_stack() : NULL;
    char *sp = stack_pointer(ucontext);
    bool below = stack && sp < stack->base && stack->base - sp < STEP_MAX;
    return below && !hob__stack_contains(stack, sp) ? stack : NULL;
}

static void say_stack(void *ucontext) {
    static void *pcs[MAX_FRAMES];
    int n = hob__trace_signal(ucontext, pcs, MAX_FRAMES);
    say_frames(pcs, n);
    if (n == MAX_FRAMES) say("  ...\n");
}

/* The running fiber's stack, if the address is a NULL, or what lies a little behind one, and nobody
 * else is there to tell. */
static const struct hob__stack *used_null(int sig, const siginfo_t *info) {
    const struct sigaction *p = previous_of(sig);
    bool mapping = info->si_code == SEGV_MAPERR || info->si_code == SEGV_ACCERR;
    if (sig != SIGSEGV || !mapping || (uintptr_t)info->si_addr >= NULL_PAGE) return NULL;
    if (p->sa_flags & SA_SIGINFO || p->sa_handler != SIG_DFL) return NULL;
    return running_stack ? running_stack() : NULL;
}

static void report_null(const struct hob__stack *stack, const siginfo_t *info, void *ucontext) {
    __atomic_store_n(&hob__last_words, true, __ATOMIC_RELAXED);
    char owner[256];
    name_owner(stack, owner, sizeof owner);
    say("hob: %s used a NULL pointer (address %#zx); stack:\n", owner, (size_t)info->si_addr);
    say_stack(ucontext);
}

static void report(const struct hob__stack *stack, void *ucontext) {
    __atomic_store_n(&hob__last_words, true, __ATOMIC_RELAXED);
    char *sp = stack_pointer(ucontext);
    char owner[256];
    name_owner(stack, owner, sizeof owner);
    size_t kib = HOB__STACK_SIZE(stack->cls) >> 10;
    if (sp < stack->base && !hob__stack_contains(stack, sp))
        say("hob: %s overflowed its stack of %zu KiB in one step, by %zu KiB (a large local "
            "variable); stack:\n",
            owner, kib, (size_t)(stack->base - sp + 1023) >> 10);
    else if (hob__stack_contains(stack, sp))
        say("hob: %s overflowed its stack of %zu KiB; stack:\n", owner, kib);
    else
        say("hob: the guard below the stack of %zu KiB of %s was touched from elsewhere (a wild "
            "pointer?); stack:\n",
            kib, owner);
    say_stack(ucontext);
}

void hob__overflow_found(const struct hob__stack *stack) {
    char owner[256];
    name_owner(stack, owner, sizeof owner);
    say("hob: %s overflowed its stack of %zu KiB (found at its end: there was no guard)\n", owner,
        HOB__STACK_SIZE(stack->cls) >> 10);
    abort();
}

/* ---- the handler ---- */

static void take_default(int sig, const siginfo_t *info) {
    signal(sig, SIG_DFL);
    if (info->si_code <= 0) raise(sig); /* sent by a process: it does not happen again by itself */
}

/* What would have happened without us. */
static void hand_on(int sig, siginfo_t *info, void *ucontext) {
    const struct sigaction *p = previous_of(sig);
    bool sent = info->si_code <= 0;
    if (p->sa_flags & SA_SIGINFO || (p->sa_handler != SIG_DFL && p->sa_handler != SIG_IGN)) {
        sigset_t mask = p->sa_mask;
        if (!(p->sa_flags & SA_NODEFER)) sigaddset(&mask, sig);
        pthread_sigmask(SIG_BLOCK, &mask, NULL);
        if (p->sa_flags & SA_NODEFER) {
            sigemptyset(&mask);
            sigaddset(&mask, sig);
            pthread_sigmask(SIG_UNBLOCK, &mask, NULL);
        }
        if (p->sa_flags & (int)SA_RESETHAND) signal(sig, SIG_DFL);
        if (p->sa_flags & SA_SIGINFO)
            p->sa_sigaction(sig, info, ucontext);
        else
            p->sa_handler(sig);
    } else if (p->sa_handler == SIG_DFL || !sent) {
        take_default(sig, info);
    }
}

static void handler(int sig, siginfo_t *info, void *ucontext) {
    int saved = errno;
    const struct hob__stack *stack = NULL;
    if (info->si_code > 0) stack = stepped_over(ucontext);
    if (info->si_code > 0 && !stack) stack = hob__stack_of_guard(info->si_addr);
    if (stack) {
        report(stack, ucontext);
        take_default(sig, info);
    } else if ((stack = used_null(sig, info)) != NULL) {
        report_null(stack, info, ucontext);
        take_default(sig, info);
    } else {
        hand_on(sig, info, ucontext);
    }
    errno = saved;
}

static void install(void) {
    hob__trace_warm();
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, previous_of(SIGSEGV));
    sigaction(SIGBUS, &action, previous_of(SIGBUS));
}

int hob__overflow_thread_init(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    stack_t old = {.ss_flags = SS_DISABLE};
    sigaltstack(NULL, &old);
    if (old.ss_flags & SS_DISABLE || old.ss_size < ALT_ENOUGH) {
        void *map = hob__map(ALT_SIZE);
        if (!map) return -ENOMEM;
        stack_t alt = {.ss_sp = map, .ss_size = ALT_SIZE};
        if (sigaltstack(&alt, NULL) != 0) {
            hob__unmap(map, ALT_SIZE);
            return -ENOMEM;
        }
        alt_map = map;
        alt_before = old;
    }
    pthread_once(&once, install);
    return 0;
}

void hob__overflow_thread_exit(void) {
    if (!alt_map) return;
    stack_t now;
    if (sigaltstack(NULL, &now) == 0 && now.ss_sp == alt_map) sigaltstack(&alt_before, NULL);
    hob__unmap(alt_map, ALT_SIZE);
    alt_map = NULL;
}
