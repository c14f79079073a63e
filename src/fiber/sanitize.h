/* fiber/sanitize.h - what AddressSanitizer, ThreadSanitizer, LeakSanitizer and Valgrind have to be
 * told about stacks. fiber.h says how the switch uses it; in plain builds nothing remains.
 *
 * ASan wants to know the bounds of the stack that is switched to, and keeps a fake stack for each.
 * TSan sees every stack as a fiber of its own; these belong to the pooled stacks, since gcc's TSan
 * ends the program at 8128 of them. LSan looks for pointers on the stacks in use. */
#ifndef HOB_FIBER_SANITIZE_H
#define HOB_FIBER_SANITIZE_H

#include <signal.h>

#include "fiber/fiber.h"

#if defined(__SANITIZE_ADDRESS__)
#define HOB__ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define HOB__TSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HOB__ASAN 1
#elif __has_feature(thread_sanitizer)
#define HOB__TSAN 1
#endif
#endif
#ifndef HOB__ASAN
#define HOB__ASAN 0
#endif
#ifndef HOB__TSAN
#define HOB__TSAN 0
#endif

#if HOB__ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif
#if HOB__TSAN
#include <sanitizer/tsan_interface.h>
#endif
#if defined(__has_include)
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#endif
#endif

#if HOB__TSAN && defined(__clang__)
#define HOB__NO_TSAN __attribute__((disable_sanitizer_instrumentation))
#elif HOB__TSAN
#define HOB__NO_TSAN __attribute__((no_sanitize_thread))
#else
#define HOB__NO_TSAN
#endif

#if HOB__ASAN || HOB__TSAN
/* The same for the thread's own stack. */
struct hob__san_thread {
    const void *bottom;
    size_t size;
    void *asan, *tsan;
    bool left; /* the switch under way leaves the thread's stack */
};
extern _Thread_local struct hob__san_thread hob__san_thread;
#endif

HOB__NO_TSAN static inline void hob__before_switch(struct hob__stack *self, struct hob__stack *to,
                                                   bool ending) {
#if HOB__ASAN
    struct hob__san_thread *t = &hob__san_thread;
    void **save = self ? &self->asan : &t->asan;
    t->left = !self;
    if (to)
        __sanitizer_start_switch_fiber(ending ? NULL : save, to->base,
                                       (size_t)(to->top - to->base));
    else
        __sanitizer_start_switch_fiber(ending ? NULL : save, t->bottom, t->size);
#elif HOB__TSAN
    struct hob__san_thread *t = &hob__san_thread;
    (void)ending;
    if (!self) t->tsan = __tsan_get_current_fiber();
    if (to && !to->tsan) to->tsan = __tsan_create_fiber(0);
    __tsan_switch_to_fiber(to ? to->tsan : t->tsan, 0);
#else
    (void)self, (void)to, (void)ending;
#endif
}

HOB__NO_TSAN static inline void hob__after_switch(struct hob__stack *self) {
#if HOB__ASAN
    struct hob__san_thread *t = &hob__san_thread;
    const void *bottom;
    size_t size;
    __sanitizer_finish_switch_fiber(self ? self->asan : t->asan, &bottom, &size);
    if (t->left) {
        t->bottom = bottom;
        t->size = size;
        t->left = false;
    }
#else
    (void)self;
#endif
}

/* n bytes at p may go out of the process, padding too. */
static inline void hob__san_known(const void *p, size_t n) {
#ifdef VALGRIND_MAKE_MEM_DEFINED
    (void)VALGRIND_MAKE_MEM_DEFINED(p, n);
#else
    (void)p, (void)n;
#endif
}

/* ---- what the pool tells ---- */

/* Valgrind does not know MADV_GUARD_INSTALL and reads guards itself. */
static inline bool hob__san_knows_mprotect_only(void) {
#ifdef RUNNING_ON_VALGRIND
    return RUNNING_ON_VALGRIND;
#else
    return false;
#endif
}

/* The flag of handlers after which the thread goes on: on the alternate stack, except on valgrind.
 *
 * Memcheck has one current stack for all threads. It looks for it when a thread gets its turn, by
 * the stack pointer, among the stacks that it was told of; in a handler on any other it finds none
 * and keeps that of the thread before. After the handler it takes the next change of the stack
 * pointer (known sizes have a path of their own) for a switch between stacks, and if it was growth,
 * each write into the new frame is reported. To tell it of the alternate stack would not do: then
 * every return from there is such a switch. On the task's own stack it never loses sight; a frame
 * takes 4 KiB of it. A fault's handler cannot do without the other, but no thread of Hob's goes on
 * after that, unless the program's own handler, which ours calls, makes it. */
static inline int hob__san_onstack(void) {
#ifdef RUNNING_ON_VALGRIND
    if (RUNNING_ON_VALGRIND) return 0;
#endif
    return SA_ONSTACK;
}

/* The slot has its record. */
static inline void hob__san_carved(struct hob__stack *s) {
#ifdef VALGRIND_STACK_REGISTER
    s->valgrind = (uint32_t)VALGRIND_STACK_REGISTER(s->base, s->top);
#else
    (void)s;
#endif
}

static inline void hob__san_taken(struct hob__stack *s) {
#if HOB__ASAN
    __lsan_register_root_region(s->base, (size_t)(s->top - s->base));
    s->scanned = true;
#else
    (void)s;
#endif
}

static inline void hob__san_returned(struct hob__stack *s) {
#if HOB__ASAN
    __lsan_unregister_root_region(s->base, (size_t)(s->top - s->base));
    s->scanned = false;
#else
    (void)s;
#endif
}

/* The slot is about to be unmapped. A stack may be in use still, if what ran there was given up
 * with its loop. LSan would go on to look at what is mapped there next, and read the list of all
 * mappings for each such stack. */
static inline void hob__san_dropped(struct hob__stack *s) {
#ifdef VALGRIND_STACK_DEREGISTER
    VALGRIND_STACK_DEREGISTER(s->valgrind);
#endif
#if HOB__ASAN
    __asan_unpoison_memory_region(s->base, (size_t)(s->top - s->base));
    if (s->scanned) hob__san_returned(s);
#elif HOB__TSAN
    if (s->tsan) __tsan_destroy_fiber(s->tsan);
#endif
    (void)s;
}

/* Begins a fiber on the stack, which is not in use: see hob__enter(). The frames of the last one,
 * some of which were never returned from, are gone. */
HOB__NO_TSAN static inline void hob__fiber_enter(void **save, struct hob__stack *stack,
                                                 void *(*entry)(void *arg), void *arg) {
#if HOB__ASAN
    stack->asan = NULL;
    __asan_unpoison_memory_region(stack->base, (size_t)(stack->top - stack->base));
#endif
    ((uint64_t *)(void *)stack->top)[-2] = stack->fp;
    hob__enter(save, stack->top, entry, arg);
}
#endif
