/* fiber/fiber.h - stacks and the switch between them: no scheduler, no tasks. */
#ifndef HOB_FIBER_FIBER_H
#define HOB_FIBER_FIBER_H

#include <hob/base.h>

/* Address space of the classes, in bytes: 16 KiB, 64 KiB, 256 KiB, 1 MiB. The lowest page (64 KiB
 * more on aarch64) is the guard. */
enum { HOB__STACK_CLASSES = 4 };
#define HOB__STACK_SIZE(cls) ((size_t)16384 << (2 * (cls)))

/* One stack. The records are dense, apart from the stacks. */
struct hob__stack {
    struct hob__stack *next_free;
    char *top;         /* where a fiber's frames begin: 16-aligned, offset by the colour */
    char *base;        /* lowest usable byte, above the guard */
    const void *owner; /* the task on it, for the overflow report; NULL = none */
    void *tsan;        /* its TSan fiber */
    uint8_t cls;
};

struct hob__stacks {
    struct hob__stack *free[HOB__STACK_CLASSES]; /* LIFO: the hottest first */
    struct hob__stack_slab *slabs;
    size_t in_use, total;
    unsigned colour;
};

void hob__stacks_init(struct hob__stacks *pool);
void hob__stacks_destroy(struct hob__stacks *pool);
/* The smallest class with at least that many bytes; the largest for more. */
unsigned hob__stack_class(size_t bytes);
/* NULL without memory. Hot path: pops the LIFO. */
struct hob__stack *hob__stack_get(struct hob__stacks *pool, unsigned cls);
void hob__stack_put(struct hob__stacks *pool, struct hob__stack *stack);
/* When idle: gives the memory of free stacks beyond what is likely to be used again back to the
 * kernel, in batches. */
void hob__stacks_trim(struct hob__stacks *pool);

/* Prepares the stack so that the first switch to the returned stack pointer calls entry(arg) with
 * it; entry never returns. */
void *hob__fiber_prepare(struct hob__stack *stack, void (*entry)(void *arg), void *arg);

/* Saves the callee-saved registers and the stack pointer (*save) and continues at `to`.
 * switch_<arch>.S; call it from one place only, so that its return is predicted. */
void hob__switch(void **save, void *to);

/* Calls cb(arg) on the current stack, but so that an unwinder inside cb (_Unwind_Backtrace) sees
 * the suspended fiber whose saved stack pointer is given as cb's caller. switch_<arch>.S */
void hob__walk(void *saved_sp, void (*cb)(void *arg), void *arg);

/* To be called right before and right after every hob__switch, with NULL for the thread's own
 * stack: tells ASan and TSan. `ending`: the fiber left will never run again. No-ops in plain builds
 * (inline, fiber/sanitize.h). */
struct hob__stack;

/* The thread's overflow catch: an alternate signal stack, and (once per process) a SIGSEGV/SIGBUS
 * handler that recognises guards: it calls describe(stack->owner, buf, n) for the name, prints one
 * line and the stack, and lets the signal kill the process. Faults elsewhere go to the handler that
 * was there before. */
int hob__overflow_thread_init(void);
void hob__overflow_thread_exit(void);
void hob__overflow_describe(void (*describe)(const void *owner, char *buf, size_t n));

/* ---- backtraces (trace.c) ---- */
/* Return addresses of the caller's stack, or of the suspended fiber at saved_sp; returns how many.
 * Async-signal-safe. */
int hob__trace_self(void **pcs, int max);
int hob__trace_suspended(void *saved_sp, void **pcs, int max);
/* From inside a signal handler (ucontext is its third argument): the interrupted code's stack, its
 * pc first. */
int hob__trace_signal(void *ucontext, void **pcs, int max);
/* One frame as text without newline: "fetch at server.c:42" where debug information is found, else
 * "fetch+0x1f (module)", as snprintf does. Not async-signal-safe. */
int hob__trace_format(void *pc, char *buf, size_t n);
#endif
