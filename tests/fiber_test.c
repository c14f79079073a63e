/* Stacks and the switch without a scheduler: what a switch preserves, what a stack that overflows
 * says, what a backtrace of a suspended fiber shows, and that the pool gives everything back. */
#include "base/memory.h"
#include "fiber/sanitize.h"
#include "fiber/slab.h"
#include "test.h"
#include <pthread.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))

/* ---- the smallest scheduler: the thread resumes a fiber, the fiber yields to the thread ---- */

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

/* ---- the pool ---- */

TEST(classes) {
    CHECK_EQ(hob__stack_class(0), 0);
    CHECK_EQ(hob__stack_class(16384), 0);
    CHECK_EQ(hob__stack_class(16385), 1);
    CHECK_EQ(hob__stack_class(65536), 1);
    CHECK_EQ(hob__stack_class(262144), 2);
    CHECK_EQ(hob__stack_class(262145), 3);
    CHECK_EQ(hob__stack_class((size_t)1 << 40), 3);
    hob__stacks_init(&pool);
    for (unsigned cls = 0; cls < HOB__STACK_CLASSES; cls++) {
        struct hob__stack *s = hob__stack_get(&pool, cls);
        CHECK_EQ(s->cls, cls);
        size_t usable = (size_t)(s->top - s->base);
        CHECK(usable <= HOB__STACK_SIZE(cls) && usable >= HOB__STACK_SIZE(cls) - 4096 - 960);
        memset(s->base, 1, usable);
    }
    hob__stacks_destroy(&pool);
}

TEST(the_hottest_first) {
    hob__stacks_init(&pool);
    struct hob__stack *a = hob__stack_get(&pool, 1), *b = hob__stack_get(&pool, 1);
    struct hob__stack *small = hob__stack_get(&pool, 0);
    CHECK(a != b && a->top != b->top && small != a);
    CHECK((uintptr_t)a->top % 4096 != (uintptr_t)b->top % 4096); /* the colour */
    CHECK((uintptr_t)a->top % 16 == 0 && (uintptr_t)b->top % 16 == 0);
    hob__stack_put(&pool, a);
    hob__stack_put(&pool, b);
    hob__stack_put(&pool, small);
    CHECK(hob__stack_get(&pool, 1) == b);
    CHECK(hob__stack_get(&pool, 1) == a);
    CHECK(hob__stack_get(&pool, 0) == small);
    CHECK_EQ(pool.in_use, 3);
    CHECK_EQ(pool.total, 3);
    hob__stacks_destroy(&pool);
}

TEST(trim) {
    enum { N = 200 };
    struct hob__stack *s[N];
    hob__stacks_init(&pool);
    uint64_t epoch = 10000000000, now = 77 * epoch;
    CHECK(hob__stacks_trim(&pool, now) == UINT64_MAX);
    for (int i = 0; i < N; i++) {
        s[i] = hob__stack_get(&pool, 1);
        memset(s[i]->top - 20000, 0x5a, 20000);
    }
    for (int i = 0; i < N; i++) hob__stack_put(&pool, s[i]);
    /* all of them were in use within the last ten seconds, then within the last twenty */
    uint64_t again = hob__stacks_trim(&pool, now);
    CHECK(again == now + epoch);
    CHECK(hob__stacks_trim(&pool, again - 1) == again);
    CHECK_EQ(pool.clean[1].count, 0);
    int calls = 1;
    while ((now = hob__stacks_trim(&pool, again)) == again) calls++;
    CHECK(calls >= 3 && calls < N);
    CHECK_EQ(pool.clean[1].count, N - 8);
    CHECK_EQ(pool.free[1].count, 8);
    CHECK(now == UINT64_MAX);
    for (int i = 0; i < N; i++) CHECK_EQ(s[i]->top[-100], i < N - 8 ? 0 : 0x5a);
    for (int i = 0; i < N; i++) CHECK(hob__stack_get(&pool, 1) != NULL);
    CHECK_EQ(pool.total, N);
    hob__stacks_destroy(&pool);
}

static bool mapped(char *p) {
    uintptr_t page = (uintptr_t)p & ~(uintptr_t)4095;
    unsigned char in_core;
    return mincore((void *)page, 4096, &in_core) == 0;
}

static int count_maps(void) {
    FILE *f = fopen("/proc/self/maps", "r");
    int lines = 0;
    for (int c; (c = fgetc(f)) != EOF;) lines += c == '\n';
    fclose(f);
    return lines;
}

TEST(destroy_unmaps) {
    enum { N = 3000 };
    static char *bases[N];
    long live = hob__alloc_live();
    hob__stacks_init(&pool);
    int before = count_maps();
    for (int i = 0; i < N; i++) bases[i] = hob__stack_get(&pool, (unsigned)i % 2)->base;
    CHECK(mapped(bases[0]) && mapped(bases[N - 1]));
    if (hob__guard_kind == HOB__GUARD_INSTALL && !HOB__ASAN && !HOB__TSAN)
        CHECK(count_maps() - before < 20); /* the sanitizers map shadows */
    hob__stacks_destroy(&pool);
    for (int i = 0; i < N; i++) CHECK(!mapped(bases[i]));
    CHECK_EQ(hob__alloc_live(), live);
}

/* Whether the page in which the stack's first frames lie has memory. */
static bool has_memory(const struct hob__stack *s) {
    size_t page = (size_t)getpagesize();
    unsigned char in_core = 0;
    CHECK_EQ(mincore((void *)((uintptr_t)(s->top - 1) & ~(page - 1)), page, &in_core), 0);
    return in_core & 1;
}

/* A stack has no memory before it is used; but of many, up to 64 more have theirs. */
TEST(memory_of_many_comes_ahead) {
    enum { MANY = 16 * HOB__ADVISE_MAX, N = MANY + 500 };
    static struct hob__stack *taken[N + HOB__ADVISE_MAX];
    hob__stacks_init(&pool);
    int i = 0, fd = dup(0);
    for (; i < MANY; i++) {
        taken[i] = hob__stack_get(&pool, 1);
        CHECK(!has_memory(taken[i]));
    }
    for (; i < N; i++) {
        errno = 17;
        taken[i] = hob__stack_get(&pool, 1);
        CHECK_EQ(errno, 17);
        CHECK(has_memory(taken[i]));
        for (const char *p = taken[i]->top;
             p < (char *)(((uintptr_t)taken[i]->top + 4095) & ~4095ul);)
            CHECK_EQ(*p++, 0); /* nothing was written there that another could miss */
    }
    close(fd);
    int same = dup(0);
    CHECK_EQ(same, fd); /* no descriptor is left behind */
    close(same);
    /* those of another class are few */
    CHECK(!has_memory(hob__stack_get(&pool, 0)));
    unsigned ahead = 0;
    for (unsigned more = pool.current[1]->carved; more < pool.current[1]->slots; more++) {
        struct hob__stack next = {.top = pool.current[1]->map +
                                         (more + 1) * pool.current[1]->slot_size};
        ahead += has_memory(&next);
    }
    CHECK(ahead < HOB__ADVISE_MAX);
    hob__stacks_destroy(&pool);
}

/* As where /dev/zero cannot be opened. */
TEST(many_without_descriptors) {
    struct rlimit old, none;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = (struct rlimit){0, old.rlim_max};
    hob__stacks_init(&pool);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    for (int i = 0; i < 1500; i++) {
        struct hob__stack *s = hob__stack_get(&pool, 1);
        CHECK(s && !has_memory(s));
        s->top[-1] = 1;
    }
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
    hob__stacks_destroy(&pool);
}

TEST(every_allocation_fails_once) {
    long live = hob__alloc_live();
    bool more = true;
    for (long n = 1; more; n++) {
        hob__alloc_fail_at(n);
        int rc = hob__overflow_thread_init();
        CHECK(rc == 0 || rc == -ENOMEM);
        hob__stacks_init(&pool);
        for (int i = 0; i < 500; i++) {
            struct hob__stack *s = hob__stack_get(&pool, (unsigned)i % HOB__STACK_CLASSES);
            if (s) s->top[-1] = 1;
        }
        CHECK(pool.in_use >= 450);
        hob__stacks_destroy(&pool);
        hob__overflow_thread_exit();
        more = hob__alloc_count() >= n;
        hob__alloc_fail_at(0);
        CHECK_EQ(hob__alloc_live(), live);
        CHECK(n < 1000);
    }
}

TEST(no_memory_for_a_slab) {
    hob__stacks_init(&pool);
    for (int i = 0; i < 16; i++) CHECK(hob__stack_get(&pool, 1) != NULL);
    /* the next one needs a slab: its mapping, tried with 32 slots, and then its records */
    hob__alloc_fail_at(2);
    CHECK(!hob__stack_get(&pool, 1));
    CHECK_EQ(pool.in_use, 16);
    hob__alloc_fail_at(0);
    CHECK(hob__stack_get(&pool, 1) != NULL);
    hob__stacks_destroy(&pool);
}

/* ---- overflow ---- */

static void describe(const void *owner, char *buf, size_t n) {
    snprintf(buf, n, "task '%s' (spawned at a.c:41)", (const char *)owner);
}

static NOINLINE int recurse(int depth) {
    volatile char local[200];
    local[0] = (char)depth;
    int below = depth < 1000000000 ? recurse(depth + 1) : 0;
    return below + local[0];
}
static void run_deep(struct fiber *self) {
    self->stack->owner = "fetch";
    yield();
    printf("%d", recurse(0));
}
static NOINLINE void large_local(void) {
    char big[200000];
    __asm__ volatile("" ::"r"(big) : "memory"); /* all of it is needed */
    big[0] = 1;
    __asm__ volatile("" ::"r"(big) : "memory");
}
static void run_large(struct fiber *self) {
    self->stack->owner = "fetch";
    large_local();
}

static void overflow(void (*run)(struct fiber *)) {
    hob__stacks_init(&pool);
    hob__overflow_describe(describe, NULL);
    CHECK_EQ(hob__overflow_thread_init(), 0);
    /* a neighbour below, which must not be written to */
    struct hob__stack *below = hob__stack_get(&pool, 1);
    struct fiber f = {0};
    CHECK(fiber_start(&f, 1, run));
    CHECK(below->top < f.stack->base);
    while (!f.done) resume(&f);
}

static char message[65536];

TEST(overflow_is_told) {
    int status = RUN_CHILD(message, overflow(run_deep));
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    CHECK_HAS(message, "hob: task 'fetch' (spawned at a.c:41) overflowed its stack of 64 KiB; "
                       "stack:\n  #0 ");
    CHECK_HAS(message, " more ...\n");
#ifdef HAVE_LIBBACKTRACE
    CHECK_HAS(message, "#5 recurse at ");
    CHECK_HAS(message, "fiber_test.c:");
    CHECK_HAS(message, "run_deep at ");
#endif
}

TEST(large_local_hits_the_guard) {
    int status = RUN_CHILD(message, overflow(run_large));
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    CHECK_HAS(message, "task 'fetch' (spawned at a.c:41) overflowed its stack of 64 KiB");
}

/* The guards of many stacks are made by one call. */
TEST(every_stack_has_its_guard) {
    enum { N = 3000 };
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    hob__stacks_init(&pool);
    for (int i = 0; i < N; i++) {
        struct hob__stack *s = hob__stack_get(&pool, (unsigned)i % 2);
        CHECK(!s->unguarded);
        CHECK_EQ(write(ends[1], s->base - 1, 1), -1);
        CHECK_EQ(errno, EFAULT);
        CHECK_EQ(write(ends[1], s->base, 1), 1);
        char c;
        CHECK_EQ(read(ends[0], &c, 1), 1);
    }
    hob__stacks_destroy(&pool);
    close(ends[0]);
    close(ends[1]);
}

TEST(guards_by_mprotect) {
    hob__guard_kind = HOB__GUARD_PROTECT;
    int status = RUN_CHILD(message, overflow(run_deep));
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    CHECK_HAS(message, "overflowed its stack of 64 KiB");
    int before = count_maps();
    hob__stacks_init(&pool);
    for (int i = 0; i < 100; i++) CHECK(!hob__stack_get(&pool, 1)->unguarded);
    CHECK(count_maps() - before >= 150);
    hob__stacks_destroy(&pool);
}

static void run_over_base(struct fiber *self) {
    self->stack->owner = "fetch";
    self->stack->base[-100] = 1; /* as a frame would that reaches below the base */
}

static char notes[1000];
static void take_note(const char *text) {
    CHECK(strlen(notes) + strlen(text) < sizeof notes);
    strcat(notes, text);
}

TEST(without_guards) {
    hob__guard_kind = HOB__GUARD_PROTECT;
    hob__guards_allowed = 10;
    hob__fiber_on_note(take_note);
    hob__stacks_init(&pool);
    for (int i = 0; i < 20; i++) CHECK_EQ(hob__stack_get(&pool, 1)->unguarded, i >= 10);
    CHECK_HAS(notes, "hob: this kernel gives no more guard pages");
    CHECK(strchr(notes, '\n') == notes + strlen(notes) - 1); /* told once */
    hob__stacks_destroy(&pool);
    /* those of the destroyed pool are free again */
    hob__stacks_init(&pool);
    CHECK(!hob__stack_get(&pool, 1)->unguarded);
    hob__stacks_destroy(&pool);

    hob__guards_allowed = -1;
    run_one(use_doubles);
    int status = RUN_CHILD(message, overflow(run_over_base));
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    CHECK_HAS(message, "hob: task 'fetch' (spawned at a.c:41) overflowed its stack of 64 KiB "
                       "(found at its end");
}

/* ---- faults that are not ours ---- */

static volatile int *volatile nowhere = (int *)64;
static NOINLINE void touch_nowhere(struct fiber *self) {
    (void)self;
    *nowhere = 1;
}
static void on_fault(int sig, siginfo_t *info, void *ucontext) {
    (void)ucontext;
    const char *text = info->si_addr == (void *)64 ? "mine 64" : "mine, elsewhere";
    if (sig == SIGSEGV && write(2, text, strlen(text)) > 0) _exit(7);
}
static void with_a_handler_before(void) {
    struct sigaction a = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &a, NULL);
    overflow(touch_nowhere);
}
static jmp_buf out;
static void jump_out(int sig) {
    (void)sig;
    longjmp(out, 1);
}
static void touch_and_survive(struct fiber *self) {
    /* twice: the signal may not stay blocked by us, since the handler asked so */
    volatile int times = 0;
    if (setjmp(out) < 1 || times < 2) {
        times++;
        *nowhere = 1;
    }
    self->n = times;
}
static void with_a_jumping_handler(void) {
    struct sigaction a = {.sa_handler = jump_out, .sa_flags = SA_NODEFER};
    sigaction(SIGSEGV, &a, NULL);
    overflow(touch_and_survive);
    dprintf(2, "alive");
}

TEST(other_faults_go_to_the_handler_before) {
    int status = RUN_CHILD(message, with_a_handler_before());
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) != 0);
    CHECK_HAS(message, "mine 64");
    RUN_CHILD(message, with_a_jumping_handler());
    CHECK_HAS(message, "alive");
}

static void send_segv(struct fiber *self) {
    (void)self;
    kill(getpid(), SIGSEGV);
}
static void default_before(void (*run)(struct fiber *)) {
    signal(SIGSEGV, SIG_DFL);
    overflow(run);
}
static void ignored_before(void) {
    signal(SIGSEGV, SIG_IGN);
    overflow(send_segv);
    dprintf(2, "ignored");
}

TEST(other_faults_die_as_before) {
    int status = RUN_CHILD(message, default_before(touch_nowhere));
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    CHECK(!strstr(message, "hob"));
    status = RUN_CHILD(message, default_before(send_segv));
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    RUN_CHILD(message, ignored_before());
    CHECK_HAS(message, "ignored");
}

TEST(alternate_stack_is_given_back) {
    stack_t before, during, after;
    sigaltstack(NULL, &before);
    CHECK_EQ(hob__overflow_thread_init(), 0);
    sigaltstack(NULL, &during);
    CHECK(!(during.ss_flags & SS_DISABLE) && during.ss_size >= 32768);
    hob__overflow_thread_exit();
    sigaltstack(NULL, &after);
    CHECK_EQ(before.ss_flags, after.ss_flags);
    hob__overflow_thread_exit(); /* twice does no harm */
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
