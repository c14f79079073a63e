/* fiber/prepare.c - the frame that a new fiber starts from, as switch_<arch>.S lays it out. */
#include "fiber/sanitize.h"
#include "fiber/slab.h"

#if defined(__x86_64__)

struct frame {
    uint64_t fp; /* MXCSR, x87 control word */
    void *r15, *r14, *r13;
    void (*entry)(void *arg); /* r12 */
    void *arg;                /* rbx */
    void *rbp;
    const void *rip;
};
_Static_assert(sizeof(struct frame) == 64, "switch_x86_64.S");

uint64_t hob__fp_words(void) {
    uint32_t mxcsr;
    uint16_t x87;
    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    __asm__ volatile("fnstcw %0" : "=m"(x87));
    return (mxcsr & ~0x3fu) | (uint64_t)x87 << 32; /* without the status flags */
}

void *hob__fiber_prepare(struct hob__stack *stack, void (*entry)(void *arg), void *arg) {
    struct frame *f = (struct frame *)stack->top - 1; /* after its ret, rsp is top: 16-aligned */
    *f = (struct frame){.fp = stack->fp, .entry = entry, .arg = arg, .rip = hob__fiber_root};
    hob__san_prepared(stack);
    return f;
}

#elif defined(__aarch64__)

struct frame {
    void *x29;
    const void *x30;
    void *arg;                /* x19 */
    void (*entry)(void *arg); /* x20 */
    void *x21_28[8];
    uint64_t d8_15[8];
    uint64_t fp, unused; /* FPCR */
};
_Static_assert(sizeof(struct frame) == 176, "switch_aarch64.S");

uint64_t hob__fp_words(void) {
    uint64_t fpcr;
    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    return fpcr;
}

void *hob__fiber_prepare(struct hob__stack *stack, void (*entry)(void *arg), void *arg) {
    struct frame *f = (struct frame *)stack->top - 1;
    *f = (struct frame){.x30 = hob__fiber_root, .arg = arg, .entry = entry, .fp = stack->fp};
    hob__san_prepared(stack);
    return f;
}

#else
#error "Hob runs on x86-64 and aarch64"
#endif
