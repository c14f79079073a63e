/* raw_switch.c - the limit of yield_*: that many bare stacks in a ring, each switching to the next.
 *
 * The switch saves what the calling convention makes it save (six registers on x86-64) and ends in
 * ret; it is called from one place, so that the processor predicts where it returns. The stacks are
 * a page each, coloured as a good allocator would: neighbours begin in different cache lines. */
#include "bench.h"
#include <sys/mman.h>

void raw_switch(void **save, void *to);
void raw_entry(void);
void raw_fiber(void *arg) __attribute__((noreturn));

#if defined(__x86_64__)
__asm__(".text\n.globl raw_switch\n.type raw_switch, @function\n"
        "raw_switch:\n"
        "    push %rbp\n    push %rbx\n    push %r12\n    push %r13\n    push %r14\n    push %r15\n"
        "    mov %rsp, (%rdi)\n"
        "    mov %rsi, %rsp\n"
        "    pop %r15\n    pop %r14\n    pop %r13\n    pop %r12\n    pop %rbx\n    pop %rbp\n"
        "    ret\n"
        ".size raw_switch, . - raw_switch\n"
        ".globl raw_entry\n.type raw_entry, @function\n"
        "raw_entry:\n    mov %r12, %rdi\n    call raw_fiber\n    hlt\n"
        ".size raw_entry, . - raw_entry\n");
enum { FRAME_WORDS = 7, ENTRY_AT = 6, ARG_AT = 3 }; /* r15 r14 r13 r12 rbx rbp rip */
#elif defined(__aarch64__)
__asm__(".text\n.globl raw_switch\n.type raw_switch, %function\n"
        "raw_switch:\n"
        "    sub sp, sp, #160\n"
        "    stp x29, x30, [sp]\n    stp x19, x20, [sp, #16]\n    stp x21, x22, [sp, #32]\n"
        "    stp x23, x24, [sp, #48]\n    stp x25, x26, [sp, #64]\n    stp x27, x28, [sp, #80]\n"
        "    stp d8, d9, [sp, #96]\n    stp d10, d11, [sp, #112]\n    stp d12, d13, [sp, #128]\n"
        "    stp d14, d15, [sp, #144]\n"
        "    mov x9, sp\n    str x9, [x0]\n    mov sp, x1\n"
        "    ldp x29, x30, [sp]\n    ldp x19, x20, [sp, #16]\n    ldp x21, x22, [sp, #32]\n"
        "    ldp x23, x24, [sp, #48]\n    ldp x25, x26, [sp, #64]\n    ldp x27, x28, [sp, #80]\n"
        "    ldp d8, d9, [sp, #96]\n    ldp d10, d11, [sp, #112]\n    ldp d12, d13, [sp, #128]\n"
        "    ldp d14, d15, [sp, #144]\n"
        "    add sp, sp, #160\n    ret\n"
        ".size raw_switch, . - raw_switch\n"
        ".globl raw_entry\n.type raw_entry, %function\n"
        "raw_entry:\n    mov x0, x19\n    bl raw_fiber\n    brk #1\n"
        ".size raw_entry, . - raw_entry\n");
enum { FRAME_WORDS = 20, ENTRY_AT = 1, ARG_AT = 2 }; /* x29 x30 x19 ... */
#else
#error "no raw switch for this architecture"
#endif

enum { PAGE = 4096, COLOURS = 16 };

static void **saved; /* the stack pointers of those that do not run */
static size_t count, current;
static size_t rounds_left; /* of the ring, in this window */
static void *main_saved;

/* What every fiber does. The first one counts the rounds, and goes back to main when they are over.
 * All switch from the one call here; the barrier keeps it from becoming a jump. */
__attribute__((used)) void raw_fiber(void *arg) {
    (void)arg;
    for (;;) {
        size_t from = current;
        void **save = &saved[from], *to;
        if (__builtin_expect(from == 0 && rounds_left-- == 0, 0)) {
            to = main_saved;
        } else {
            current = from + 1 == count ? 0 : from + 1;
            to = saved[current];
        }
        raw_switch(save, to);
        BENCH_KEEP(save);
    }
}

static void ring(const char *workload, size_t fibers, size_t rounds) {
    count = fibers;
    saved = calloc(fibers, sizeof *saved);
    char *stacks = mmap(NULL, fibers * PAGE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (!saved || stacks == MAP_FAILED) BENCH_FAIL("no memory for %zu stacks", fibers);
    madvise(stacks, fibers * PAGE, MADV_NOHUGEPAGE);
    for (size_t i = 0; i < fibers; i++) {
        char *top = stacks + (i + 1) * PAGE - 64 * (i % COLOURS);
        void **frame = (void **)top - FRAME_WORDS;
        frame[ENTRY_AT] = (void *)raw_entry;
        frame[ARG_AT] = NULL;
        saved[i] = frame;
    }
    double ns;
    BENCH_MEASURE(ns, fibers * rounds, {
        current = 0;
        rounds_left = rounds + 1;
        raw_switch(&main_saved, saved[0]);
    });
    bench_result(workload, ns, "ns");
}

int main(int argc, char **argv) {
    const char *workload = argc > 1 ? argv[1] : "yield_2";
    if (strcmp(workload, "yield_2") == 0)
        ring(workload, 2, 1000000);
    else if (strcmp(workload, "yield_1000") == 0)
        ring(workload, 1000, 2000);
    else if (strcmp(workload, "yield_1m") == 0)
        ring(workload, 1000000, 1);
    else
        BENCH_FAIL("no workload %s", workload);
    return 0;
}
