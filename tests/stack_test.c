/* stack_test.c - the pool of stacks gives everything back, and what a stack that overflows says.
 */
#include "fibers.h"

#include <setjmp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

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

/* What the kernel notes of the mapping with this address: the line "VmFlags:" of smaps. */
static void mapping_flags(const void *at, char *flags, size_t n) {
    FILE *f = fopen("/proc/self/smaps", "r");
    char line[512];
    unsigned long from, to;
    bool inside = false;
    *flags = 0;
    CHECK(f != NULL);
    while (fgets(line, sizeof line, f)) {
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            inside = (uintptr_t)at >= from && (uintptr_t)at < to;
        else if (inside && strncmp(line, "VmFlags:", 8) == 0)
            snprintf(flags, n, "%s", line);
    }
    fclose(f);
}

/* One would give a stack all of its memory at the first touch. */
TEST(no_stack_lies_in_a_huge_page) {
    const char *slow = getenv("TEST_SLOW");
    if (slow && strcmp(slow, "qemu") == 0) return; /* it keeps the advice to itself */
    char flags[512];
    hob__stacks_init(&pool);
    for (unsigned cls = 0; cls < HOB__STACK_CLASSES; cls++) {
        mapping_flags(hob__stack_get(&pool, cls)->base, flags, sizeof flags);
        if (!strstr(flags, " nh") && access("/sys/kernel/mm/transparent_hugepage", F_OK) != 0)
            continue; /* this kernel has none */
        CHECK_HAS(flags, " nh");
    }
    hob__stacks_destroy(&pool);
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
    CHECK_HAS(message, "stack_test.c:");
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

TEST_MAIN()
