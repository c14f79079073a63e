/* fiber/fiber.h - stacks and the switch between them: no scheduler, no tasks.
 *
 * The protocol around the one place that switches (fiber/sanitize.h; no-ops in plain builds). NULL
 * stands for the thread's own stack; `self` is the stack this code runs on:
 *
 *     hob__before_switch(self, to, ending);
 *     hob__switch(&self_sp, to_sp);       or hob__fiber_enter(&self_sp, to, entry, arg)
 *     hob__after_switch(self);            back again
 *
 * A fiber's first run does not come back out of hob__switch but enters `entry`, which therefore
 * begins with hob__after_switch(its stack). `ending` is true when self will not be switched to
 * again before the next hob__fiber_enter() on it: right before entry returns, or before a switch
 * that does not come back. A finished task's stack may also run the next new task right away, by a
 * plain call in the entry's loop: nothing is switched then, and no hook is called.
 *
 * The function that switches and the entry carry HOB__NO_TSAN, since what they push onto TSan's
 * shadow stack would never be popped when a fiber ends. */
#ifndef HOB_FIBER_FIBER_H
#define HOB_FIBER_FIBER_H

#include <hob/base.h>

/* Address space of the classes, in bytes: 16 KiB, 64 KiB, 256 KiB, 1 MiB. The lowest page (64 KiB
 * more on aarch64) is the guard. */
enum { HOB__STACK_CLASSES = 4 };
#define HOB__STACK_SIZE(cls) ((size_t)16384 << (2 * (cls)))

/* One stack. The records are dense, apart from the stacks, a cache line each. */
struct hob__stack {
    struct hob__stack *next, *prev; /* of the free list, hottest first; prev of the first is NULL */
    char *top;         /* where a fiber's frames begin: 16-aligned, offset by the colour */
    char *base;        /* lowest usable byte, above the guard */
    const void *owner; /* the task on it, for the overflow report; NULL = none */
    void *tsan;        /* its TSan fiber, from its first use on */
    uint64_t fp;       /* FP control words that a new fiber starts with */
    uint32_t valgrind; /* its number there */
    uint8_t cls;
    bool unguarded; /* no guard could be had: the bytes below base are looked at instead */
#if defined(__SANITIZE_ADDRESS__)
    void *asan;   /* its fake stack while it is suspended */
    bool scanned; /* LSan looks for pointers on it */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
    void *asan;
    bool scanned;
#endif
#endif
};

struct hob__stack_list {
    struct hob__stack *first, *last;
    size_t count;
};

struct hob__stacks {
    struct hob__stack_list free[HOB__STACK_CLASSES];     /* with memory: LIFO, the hottest first */
    struct hob__stack_list clean[HOB__STACK_CLASSES];    /* their memory was given back */
    struct hob__stack_slab *current[HOB__STACK_CLASSES]; /* the one with slots not yet carved */
    struct hob__stack_slab *slabs;
    size_t used[HOB__STACK_CLASSES];    /* in use now */
    size_t peak[2][HOB__STACK_CLASSES]; /* the most in use in this and the last 10 seconds */
    size_t in_use, total;
    uint64_t epoch_ns; /* when this second began */
    uint64_t fp;       /* the thread's FP control words when the pool was made */
    unsigned colour;
    struct hob__stacks *next; /* of this thread's pools */
};

/* The pool belongs to the calling thread: all other calls with it come from there. */
void hob__stacks_init(struct hob__stacks *pool);
/* Unmaps everything; no fiber may be running on it. */
void hob__stacks_destroy(struct hob__stacks *pool);
/* The smallest class with at least that many bytes; the largest for more. */
unsigned hob__stack_class(size_t bytes);
/* NULL without memory. Hot path: pops the LIFO. */
struct hob__stack *hob__stack_get(struct hob__stacks *pool, unsigned cls);
/* May be called by the fiber that still runs on it, as long as that one is left (ending) before the
 * stack is taken and entered again. */
void hob__stack_put(struct hob__stacks *pool, struct hob__stack *stack);
/* Gives the memory below the caller's frame back to the kernel; the caller runs on that stack, and
 * means to wait for long. */
void hob__stack_shed(const struct hob__stack *stack);
/* When idle: gives the memory of free stacks beyond what is likely to be used again (the most that
 * were in use in the last 10 to 20 seconds) back to the kernel, a batch per call. Cheap when
 * there is nothing to do. When it wants to be called again, by the clock of now_ns (now_ns itself:
 * there is another batch), or UINT64_MAX: not before stacks have been used again. */
uint64_t hob__stacks_trim(struct hob__stacks *pool, uint64_t now_ns);

/* The stack whose guard contains addr, among this thread's pools, or NULL.
 * Async-signal-safe. */
const struct hob__stack *hob__stack_of_guard(const void *addr);
/* Whether addr is a stack pointer of the fiber on it, be it in the guard already. */
bool hob__stack_contains(const struct hob__stack *stack, const void *addr);

/* Where notes to the user go ("no guards any more"): whole lines. The default writes them to
 * standard error. */
void hob__fiber_on_note(void (*note)(const char *text));
void hob__fiber_note(const char *text);

/* Saves the callee-saved registers and the stack pointer (*save) and continues at `to`. Returns 0
 * when it is continued itself: a waiting call may end in it, and is then left by the switch's own
 * return. switch_<arch>.S */
int hob__switch(void **save, void *to);

/* Suspends the caller as hob__switch() does and calls entry(arg) on a stack that is not in use;
 * entry returns the saved stack pointer of the fiber to go on with, which ends this one. When that
 * is the caller again, all of it was a call and a return to the processor. Goes by way of
 * hob__fiber_enter() (fiber/sanitize.h), which puts the FP control words to top - 16. The end of
 * every backtrace. switch_<arch>.S */
void hob__enter(void **save, void *top, void *(*entry)(void *arg), void *arg);
extern const char hob__enter_end[];

/* Calls cb(arg) on the current stack, but so that an unwinder inside cb (_Unwind_Backtrace) sees
 * the suspended fiber whose saved stack pointer is given as cb's caller. switch_<arch>.S */
void hob__walk(void *saved_sp, void (*cb)(void *arg), void *arg);

/* The thread's overflow catch: an alternate signal stack, and (once per process) a SIGSEGV/SIGBUS
 * handler that recognises guards: it calls describe(stack->owner, buf, n) for the name, prints one
 * line and the stack, and lets the signal kill the process. Faults elsewhere go to the handler that
 * was there before. 0 or -ENOMEM. */
int hob__overflow_thread_init(void);
void hob__overflow_thread_exit(void);
/* Both must be async-signal-safe as far as the program may still be helped; owner is never NULL.
 * running: the stack that this thread runs on, or NULL. */
void hob__overflow_describe(void (*describe)(const void *owner, char *buf, size_t n),
                            const struct hob__stack *(*running)(void));
/* Ends the program for a stack that was found overrun when it came back (no guard). */
void hob__overflow_found(const struct hob__stack *stack) __attribute__((noreturn, cold));

/* ---- backtraces (trace.c) ---- */
/* Set, for ever, by who tells why the program ends and shows a stack, which may take a while: no
 * report of others is to come between its lines. Atomic. */
extern bool hob__last_words;
/* Return addresses of the caller's stack, or of the suspended fiber at saved_sp; returns how many.
 * hob__enter, where every fiber begins, is left out. Async-signal-safe. */
int hob__trace_self(void **pcs, int max);
int hob__trace_suspended(void *saved_sp, void **pcs, int max);
/* From inside a signal handler (ucontext is its third argument): the interrupted code's stack, its
 * pc first (plus one, so that hob__trace_format may treat all of them as return addresses). */
int hob__trace_signal(void *ucontext, void **pcs, int max);
/* Makes the unwinder load what it needs, so that the calls above do not allocate later. */
void hob__trace_warm(void);
/* One frame as text without newline: "fetch at server.c:42" where debug information is found, else
 * "fetch+0x1f (module)", as snprintf does. pc is a return address. Not async-signal-safe. */
int hob__trace_format(void *pc, char *buf, size_t n);
#endif
