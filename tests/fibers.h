/* fibers.h - stacks and the switch without a loop, for the tests of both: fibers that a thread
 * resumes and that yield to it. */
#ifndef TEST_FIBERS_H
#define TEST_FIBERS_H

#include "base/memory.h"
#include "fiber/sanitize.h"
#include "fiber/slab.h"
#include "test.h"

#define NOINLINE __attribute__((noinline))

struct fiber {
    struct hob__stack *stack;
    void *sp;
    void (*run)(struct fiber *self);
    long n;
    bool done;
};

static _Thread_local struct hob__stacks pool;
static _Thread_local void *thread_sp;
static _Thread_local struct fiber *current;

static void *entry(void *arg);

HOB__NO_TSAN static NOINLINE void go(struct fiber *from, struct fiber *to, bool ending) {
    struct hob__stack *self = from ? from->stack : NULL;
    void **save = from ? &from->sp : &thread_sp;
    hob__before_switch(self, to ? to->stack : NULL, ending);
    if (to && !to->sp)
        hob__fiber_enter(save, to->stack, entry, to);
    else
        hob__switch(save, to ? to->sp : thread_sp);
    hob__after_switch(self);
}

/* Fibers with an odd number end by a switch, the others by a return. */
HOB__NO_TSAN static void *entry(void *arg) {
    struct fiber *f = arg;
    hob__after_switch(f->stack);
    f->run(f);
    f->done = true;
    hob__stack_put(&pool, f->stack);
    if (f->n & 1) go(f, NULL, true);
    hob__before_switch(f->stack, NULL, true);
    return thread_sp;
}

static bool fiber_start(struct fiber *f, unsigned cls, void (*run)(struct fiber *)) {
    *f = (struct fiber){.stack = hob__stack_get(&pool, cls), .run = run, .n = f->n};
    return f->stack != NULL;
}

static void resume(struct fiber *f) {
    current = f;
    go(NULL, f, false);
    current = NULL;
}
static NOINLINE void yield(void) { go(current, NULL, false); }

static void run_one(void (*run)(struct fiber *)) {
    struct fiber f = {0};
    hob__stacks_init(&pool);
    CHECK(fiber_start(&f, 1, run));
    while (!f.done) resume(&f);
    hob__stacks_destroy(&pool);
}

/* ---- a fiber that computes: it wants its stack aligned, and yields ---- */

typedef float four_floats __attribute__((vector_size(16)));
static NOINLINE void store_aligned(float x) {
    four_floats v = {x, x + 1, x + 2, x + 3};
    volatile four_floats local = {0};
    CHECK_EQ((uintptr_t)&local % 16, 0);
#if defined(__x86_64__)
    __asm__ volatile("movaps %1, %0" : "=m"(local) : "x"(v));
#else
    local = v;
#endif
    CHECK(local[3] == x + 3);
}
static void use_doubles(struct fiber *self) {
    char text[200];
    (void)self;
    CHECK_EQ((uintptr_t)__builtin_frame_address(0) % 16, 0);
    snprintf(text, sizeof text, "%.3f %g %.2e %Lg", 3.14159, 1e300, 12345.678, (long double)0.5);
    CHECK_STR(text, "3.142 1e+300 1.23e+04 0.5");
    store_aligned(1);
    yield();
    store_aligned(2);
    snprintf(text, sizeof text, "%a", 1.0);
    CHECK_STR(text, "0x1p+0");
}

#endif
