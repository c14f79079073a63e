/* fiber_test.c - the switch without a scheduler: what it preserves, and what a backtrace of a
 * suspended fiber shows. */
#include "fibers.h"

#include <pthread.h>
#include <unistd.h>

/* ---- what a switch preserves ---- */

/* Fills every register that a call has to preserve with seed + 1, + 2 ..., calls `between`, and
 * returns how many of them came back changed. */
int registers(uint64_t seed, void (*between)(void));

#if defined(__x86_64__)
__asm__(".text\n"
        ".globl registers\n"
        "registers:\n"
        "  push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        "  sub $24, %rsp\n"
        "  mov %rdi, (%rsp)\n"
        "  lea 1(%rdi), %rbx; lea 2(%rdi), %rbp; lea 3(%rdi), %r12\n"
        "  lea 4(%rdi), %r13; lea 5(%rdi), %r14; lea 6(%rdi), %r15\n"
        "  call *%rsi\n"
        "  xor %eax, %eax\n"
        "  mov (%rsp), %rdi\n"
        "  inc %rdi; cmp %rdi, %rbx; je 1f; inc %eax; 1:\n"
        "  inc %rdi; cmp %rdi, %rbp; je 1f; inc %eax; 1:\n"
        "  inc %rdi; cmp %rdi, %r12; je 1f; inc %eax; 1:\n"
        "  inc %rdi; cmp %rdi, %r13; je 1f; inc %eax; 1:\n"
        "  inc %rdi; cmp %rdi, %r14; je 1f; inc %eax; 1:\n"
        "  inc %rdi; cmp %rdi, %r15; je 1f; inc %eax; 1:\n"
        "  add $24, %rsp\n"
        "  pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
        "  ret\n");

/* The rounding mode, 0 to 3: MXCSR's and, times 16, the x87 unit's. */
static unsigned rounding(void) {
    unsigned mxcsr;
    uint16_t x87;
    __asm__ volatile("stmxcsr %0; fnstcw %1" : "=m"(mxcsr), "=m"(x87));
    return (mxcsr >> 13 & 3) | (x87 >> 10 & 3u) << 4;
}
static void set_rounding(unsigned sse, unsigned x87_mode) {
    unsigned mxcsr = 0x1f80 | sse << 13;
    uint16_t x87 = (uint16_t)(0x37f | x87_mode << 10);
    __asm__ volatile("ldmxcsr %0; fldcw %1" ::"m"(mxcsr), "m"(x87));
}
#else
/* clang-format off */
#define PAIR(a, b, n) "add " #a ", x0, #" #n "; add " #b ", x0, #(" #n " + 1)\n"
#define SAME(a, n) "add x9, x8, #" #n "; cmp x9, " #a "; cinc w0, w0, ne\n"
#define DOUBLE(a, n) "add x9, x0, #" #n "; fmov " #a ", x9\n"
#define DOUBLE_SAME(a, n) "add x9, x8, #" #n "; fmov x10, " #a "; cmp x9, x10; cinc w0, w0, ne\n"
/* clang-format on */
__asm__(".text\n"
        ".globl registers\n"
        ".type registers, %function\n"
        "registers:\n"
        "  stp x29, x30, [sp, #-192]!\n"
        "  stp x19, x20, [sp, #16]; stp x21, x22, [sp, #32]; stp x23, x24, [sp, #48]\n"
        "  stp x25, x26, [sp, #64]; stp x27, x28, [sp, #80]\n"
        "  stp d8, d9, [sp, #96]; stp d10, d11, [sp, #112]\n"
        "  stp d12, d13, [sp, #128]; stp d14, d15, [sp, #144]\n"
        "  str x0, [sp, #160]\n" PAIR(x19, x20, 1) PAIR(x21, x22, 3) PAIR(x23, x24, 5) PAIR(
            x25, x26, 7) PAIR(x27, x28, 9) "add x29, x0, #11\n" DOUBLE(d8, 12) DOUBLE(d9, 13)
            DOUBLE(d10, 14) DOUBLE(d11, 15) DOUBLE(d12, 16) DOUBLE(d13, 17) DOUBLE(d14, 18)
                DOUBLE(d15, 19) "  blr x1\n"
                                "  ldr x8, [sp, #160]\n"
                                "  mov w0, #0\n" SAME(x19, 1) SAME(x20, 2) SAME(x21, 3) SAME(x22, 4)
                                    SAME(x23, 5) SAME(x24, 6) SAME(x25, 7) SAME(x26, 8) SAME(x27, 9)
                                        SAME(x28, 10) SAME(x29, 11) DOUBLE_SAME(d8, 12) DOUBLE_SAME(
                                            d9, 13) DOUBLE_SAME(d10, 14) DOUBLE_SAME(d11, 15)
                                            DOUBLE_SAME(d12, 16) DOUBLE_SAME(d13, 17)
                                                DOUBLE_SAME(d14, 18) DOUBLE_SAME(
                                                    d15,
                                                    19) "  ldp x19, x20, [sp, #16]; ldp x21, x22, "
                                                        "[sp, #32]; ldp x23, x24, [sp, #48]\n"
                                                        "  ldp x25, x26, [sp, #64]; ldp x27, x28, "
                                                        "[sp, #80]\n"
                                                        "  ldp d8, d9, [sp, #96]; ldp d10, d11, "
                                                        "[sp, #112]\n"
                                                        "  ldp d12, d13, [sp, #128]; ldp d14, d15, "
                                                        "[sp, #144]\n"
                                                        "  ldp x29, x30, [sp], #192\n"
                                                        "  ret\n");

static unsigned rounding(void) {
    uint64_t fpcr;
    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    return (fpcr >> 22 & 3) * 17; /* one unit: both halves alike */
}
static void set_rounding(unsigned mode, unsigned unused) {
    uint64_t fpcr = (uint64_t)mode << 22;
    (void)unused;
    __asm__ volatile("msr fpcr, %0" ::"r"(fpcr));
}
#endif

static void keep_registers(struct fiber *self) {
    for (int i = 0; i < 10; i++) {
        int changed = registers((uint64_t)self->n * 1000 + (uint64_t)i * 50, yield);
        CHECK_EQ(changed, 0);
    }
}

TEST(registers_are_kept) {
    struct fiber f[3] = {{.n = 1}, {.n = 2000000000000}, {.n = 3}};
    hob__stacks_init(&pool);
    for (int i = 0; i < 3; i++) CHECK(fiber_start(&f[i], 1, keep_registers));
    while (!f[0].done)
        for (int i = 0; i < 3; i++) resume(&f[i]);
    for (int i = 0; i < 3; i++) CHECK(f[i].done);
    hob__stacks_destroy(&pool);
}

static void change_rounding(struct fiber *self) {
    CHECK_EQ(rounding(), 0);
    unsigned sse = (unsigned)self->n, x87 = 3 - sse;
    set_rounding(sse, x87);
    unsigned mine = rounding();
    CHECK(self->n == 0 || mine != 0);
    for (int i = 0; i < 5; i++) {
        yield();
        CHECK_EQ(rounding(), mine);
    }
    set_rounding(0, 0);
}

static unsigned expected_rounding;
static void expect_rounding(struct fiber *self) {
    (void)self;
    CHECK_EQ(rounding(), expected_rounding);
}

TEST(rounding_belongs_to_the_fiber) {
    struct fiber f[4] = {{.n = 0}, {.n = 1}, {.n = 2}, {.n = 3}};
    hob__stacks_init(&pool);
    for (int i = 0; i < 4; i++) CHECK(fiber_start(&f[i], 1, change_rounding));
    while (!f[0].done)
        for (int i = 0; i < 4; i++) {
            resume(&f[i]);
            CHECK_EQ(rounding(), 0);
        }
    hob__stacks_destroy(&pool);
    /* a new fiber begins with what the thread had when the pool was made */
    set_rounding(2, 1);
    hob__stacks_init(&pool);
    expected_rounding = rounding();
    set_rounding(0, 0);
    CHECK(expected_rounding != 0);
    struct fiber g = {0};
    CHECK(fiber_start(&g, 0, expect_rounding));
    resume(&g);
    CHECK_EQ(rounding(), 0);
    CHECK(g.done);
    hob__stacks_destroy(&pool);
}

TEST(stack_is_aligned) { run_one(use_doubles); }

static void add_up(struct fiber *self) {
    long sum = 0, n = self->n;
    for (long i = 0; i < 4; i++) {
        sum += n * i;
        yield();
    }
    self->n = sum;
}

TEST(thousands) {
    enum { N = 5000 };
    static struct fiber f[N];
    hob__stacks_init(&pool);
    for (long i = 0; i < N; i++) {
        f[i].n = i;
        CHECK(fiber_start(&f[i], (unsigned)i % 3, add_up));
    }
    CHECK_EQ(pool.in_use, N);
    for (int turn = 0; turn < 5; turn++)
        for (long i = 0; i < N; i++) resume(&f[i]);
    for (long i = 0; i < N; i++) CHECK(f[i].done && f[i].n == i * 6);
    CHECK_EQ(pool.in_use, 0);
    CHECK_EQ(pool.total, N);
    hob__stacks_destroy(&pool);
}

static void count(struct fiber *self) { self->n++; }

/* One stack after another fiber: what the sanitizers keep for each must not pile up. */
TEST(one_stack_many_fibers) {
    struct fiber f = {0};
    hob__stacks_init(&pool);
    for (int i = 0; i < 100000; i++) {
        CHECK(fiber_start(&f, 1, count));
        resume(&f);
    }
    CHECK_EQ(f.n, 100000);
    CHECK_EQ(pool.total, 1);
    hob__stacks_destroy(&pool);
}

/* A frame that is left by a switch, with a variable that AddressSanitizer surrounds. (One whose
 * size is not known before, here and below: others may lie elsewhere than on the stack itself.) */
static NOINLINE void end_inside(struct fiber *self, volatile char *above) {
    volatile char block[self->n + 40];
    memset((char *)block, 1, sizeof block);
    if (self->n > 0) {
        self->n--;
        end_inside(self, block);
    }
    above[0] = block[0];
    self->done = true;
    hob__stack_put(&pool, self->stack);
    go(self, NULL, true);
}
static void end_below(struct fiber *self) {
    char above[8];
    self->n = 20;
    end_inside(self, above);
}
static void fill(struct fiber *self) {
    char all[self->n + 4000];
    memset(all, 1, sizeof all);
    __asm__ volatile("" : : "r"(all) : "memory");
}

/* What those frames were surrounded by is no more when the stack is used again. */
TEST(frames_that_were_never_returned_from) {
    struct fiber f = {0};
    hob__stacks_init(&pool);
    for (int i = 0; i < 5; i++) {
        CHECK(fiber_start(&f, 1, end_below));
        resume(&f);
        CHECK(fiber_start(&f, 1, fill));
        resume(&f);
    }
    CHECK_EQ(pool.total, 1);
    hob__stacks_destroy(&pool);
}

static void *in_thread(void *arg) {
    for (int i = 0; i < 20; i++) run_one(use_doubles);
    return arg;
}
TEST(a_pool_per_thread) {
    pthread_t t[4];
    for (int i = 0; i < 4; i++) CHECK(pthread_create(&t[i], NULL, in_thread, NULL) == 0);
    for (int i = 0; i < 4; i++) pthread_join(t[i], NULL);
}

static NOINLINE char *hidden_block(void) {
    char *block = malloc(100);
    __asm__ volatile("" : "+r"(block));
    return block;
}
static void hold_block(struct fiber *self) {
    char *volatile block = hidden_block();
    (void)self;
    yield();
    free(block);
}

/* At exit LSan looks at suspended stacks as well: what only they point to has not leaked. */
TEST(memory_held_by_a_suspended_fiber) {
    static struct fiber f[10];
    hob__stacks_init(&pool);
    for (int i = 0; i < 10; i++) {
        CHECK(fiber_start(&f[i], 1, hold_block));
        resume(&f[i]);
    }
}

/* ---- backtraces ---- */

static void *in_middle, *in_outer; /* return addresses that the trace has to contain, in order */
static int kind_of_trace;
static void *traced[64];
static int traced_n;

static void on_usr1(int sig, siginfo_t *info, void *ucontext) {
    (void)sig, (void)info;
    traced_n = hob__trace_signal(ucontext, traced, 64);
}

static NOINLINE void innermost(void) {
    in_middle = __builtin_return_address(0);
    if (kind_of_trace == 0) yield();
    if (kind_of_trace == 1) traced_n = hob__trace_self(traced, 64);
    if (kind_of_trace == 2) raise(SIGUSR1);
    __asm__ volatile("");
}
static NOINLINE void middle_function(int depth) {
    volatile double local = depth;
    if (depth == 0) in_outer = __builtin_return_address(0);
    if (depth < 3)
        middle_function(depth + 1);
    else
        innermost();
    local = local + 1;
}
static void outer_function(struct fiber *self) {
    middle_function(0);
    self->n = 1;
}

static void *strip(void *pc) {
#if defined(__aarch64__)
    return (void *)((uintptr_t)pc << 16 >> 16); /* without a pointer authentication code */
#else
    return pc;
#endif
}

static void check_trace(void) {
    int inner = -1, outer = -1;
    for (int i = 0; i < traced_n; i++) {
        if (strip(traced[i]) == strip(in_middle)) inner = i;
        if (strip(traced[i]) == strip(in_outer)) outer = i;
    }
    CHECK(inner >= 0 && outer > inner);
    CHECK_EQ(outer - inner, 4);
    /* outer_function, entry, and nothing beyond the root */
    CHECK(traced_n - outer >= 2 && traced_n - outer <= 3);
#ifdef HAVE_LIBBACKTRACE
    static char all[8192];
    all[0] = 0;
    for (int i = 0; i < traced_n; i++) {
        char frame[400];
        int n = hob__trace_format(traced[i], frame, sizeof frame);
        CHECK(n > 0 && n < 400);
        strcat(strcat(all, frame), "\n");
    }
    CHECK_HAS(all, "innermost at ");
    CHECK_HAS(all, "middle_function at ");
    CHECK_HAS(all, "outer_function at ");
    CHECK_HAS(all, "entry at ");
    CHECK_HAS(all, "fiber_test.c:");
#endif
}

TEST(trace_of_a_suspended_fiber) {
    struct fiber f = {0};
    hob__stacks_init(&pool);
    CHECK(fiber_start(&f, 1, outer_function));
    resume(&f);
    traced_n = hob__trace_suspended(f.sp, traced, 64);
    check_trace();
    CHECK_EQ(hob__trace_suspended(f.sp, traced, 2), 2);
    CHECK_EQ(hob__trace_suspended(f.sp, traced, 0), 0);
    resume(&f);
    CHECK(f.done && f.n == 1);
    hob__stacks_destroy(&pool);
}

TEST(trace_of_oneself) {
    kind_of_trace = 1;
    run_one(outer_function);
    check_trace();
    CHECK(strip(traced[1]) == strip(in_middle)); /* hob__trace_self leaves itself out */
}

TEST(trace_from_a_signal) {
    struct sigaction a = {.sa_sigaction = on_usr1, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaction(SIGUSR1, &a, NULL);
    CHECK_EQ(hob__overflow_thread_init(), 0);
    kind_of_trace = 2;
    run_one(outer_function);
    check_trace();
    hob__overflow_thread_exit();
}

TEST(trace_from_a_signal_in_the_thread) {
    struct sigaction a = {.sa_sigaction = on_usr1, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &a, NULL);
    raise(SIGUSR1);
    CHECK(traced_n >= 3 && traced_n < 64);
}

TEST(frame_names) {
    char text[300], small[8];
    int n = hob__trace_format((char *)(uintptr_t)puts + 1, text, sizeof text);
    CHECK_EQ(n, strlen(text));
    CHECK_HAS(text, "puts");
    CHECK_EQ(hob__trace_format((char *)(uintptr_t)puts + 1, small, sizeof small), n);
    CHECK_EQ(strlen(small), 7);
    hob__trace_format((void *)16, text, sizeof text);
    CHECK_STR(text, "0xf (?)");
}

TEST_MAIN()
