/* fiber/stack.c - a thread's pool of stacks: LIFO lists over slabs that grow.
 *
 * A stack that was put back keeps its memory (a fresh page costs microseconds, a warm one nothing)
 * and is the first to be used again. hob__stacks_trim() takes the memory of the coldest ones. */
#include "fiber/sanitize.h"
#include "fiber/slab.h"
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    FIRST_SLOTS = 16, /* of the first slab of a class; each later one doubles */
    MAX_SLOTS = 1024,
    MAX_SLAB_BYTES = 256 << 20,
    PROBE = 1024, /* aarch64 probes for a large frame so far above the stack pointer */
    MANY = 16 * HOB__ADVISE_MAX, /* in use: the memory of the next ones is fetched ahead */
    KEEP = 8,                    /* free stacks of a class that are never trimmed */
    TRIM_BATCH = 32,             /* at up to 2 us each, a call stays below 100 us */
};
#define EPOCH_NS 10000000000u

static _Thread_local struct hob__stacks *thread_pools;

#if HOB__ASAN || HOB__TSAN
_Thread_local struct hob__san_thread hob__san_thread;
#endif

static void note_to_stderr(const char *text) { fputs(text, stderr); }
static void (*on_note)(const char *text) = note_to_stderr;
void hob__fiber_on_note(void (*note)(const char *text)) { on_note = note ? note : note_to_stderr; }
void hob__fiber_note(const char *text) { on_note(text); }

/* The thread's FP control words, as hob__switch saves them. */
static uint64_t fp_words(void) {
#if defined(__x86_64__)
    uint32_t mxcsr;
    uint16_t x87;
    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    __asm__ volatile("fnstcw %0" : "=m"(x87));
    return (mxcsr & ~0x3fu) | (uint64_t)x87 << 32; /* without the status flags */
#elif defined(__aarch64__)
    uint64_t fpcr;
    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    return fpcr;
#else
#error "Hob runs on x86-64 and aarch64"
#endif
}

void hob__stacks_init(struct hob__stacks *pool) {
    *pool = (struct hob__stacks){.fp = fp_words(), .next = thread_pools};
    __atomic_signal_fence(__ATOMIC_RELEASE);
    thread_pools = pool;
}

void hob__stacks_destroy(struct hob__stacks *pool) {
    struct hob__stacks **link = &thread_pools;
    while (*link && *link != pool) link = &(*link)->next;
    if (*link) *link = pool->next;
    __atomic_signal_fence(__ATOMIC_RELEASE);
    for (struct hob__stack_slab *slab = pool->slabs, *next; slab; slab = next) {
        next = slab->next;
        hob__slab_free(slab);
    }
    *pool = (struct hob__stacks){0};
}

unsigned hob__stack_class(size_t bytes) {
    unsigned cls = 0;
    while (cls < HOB__STACK_CLASSES - 1 && HOB__STACK_SIZE(cls) < bytes) cls++;
    return cls;
}

/* ---- the lists ---- */

static void push(struct hob__stack_list *list, struct hob__stack *s) {
    s->prev = NULL;
    s->next = list->first;
    if (list->first)
        list->first->prev = s;
    else
        list->last = s;
    list->first = s;
    list->count++;
}

static struct hob__stack *pop(struct hob__stack_list *list) {
    struct hob__stack *s = list->first;
    list->first = s->next;
    if (s->next)
        s->next->prev = NULL;
    else
        list->last = NULL;
    list->count--;
    return s;
}

static struct hob__stack *pop_last(struct hob__stack_list *list) {
    struct hob__stack *s = list->last;
    list->last = s->prev;
    if (s->prev)
        s->prev->next = NULL;
    else
        list->first = NULL;
    list->count--;
    return s;
}

/* ---- get and put ---- */

static __attribute__((noinline)) struct hob__stack *carve(struct hob__stacks *pool, unsigned cls) {
    struct hob__stack_slab *slab = pool->current[cls];
    if (!slab || slab->carved == slab->slots) {
        unsigned slots = slab ? slab->slots * 2 : FIRST_SLOTS;
        unsigned most = (unsigned)(MAX_SLAB_BYTES / HOB__STACK_SIZE(cls));
        if (most > MAX_SLOTS) most = MAX_SLOTS;
        slab = hob__slab_new(cls, slots < most ? slots : most);
        if (!slab) return NULL;
        slab->next = pool->slabs;
        __atomic_signal_fence(__ATOMIC_RELEASE);
        pool->slabs = slab;
        pool->current[cls] = slab;
    }
    if (slab->carved >= slab->fetched && pool->used[cls] >= MANY) hob__slab_fetch(slab);
    struct hob__stack *s = hob__slab_carve(slab, pool->colour++);
    s->fp = pool->fp;
    pool->total++;
    return s;
}

struct hob__stack *hob__stack_get(struct hob__stacks *pool, unsigned cls) {
    struct hob__stack *s;
    if (HOB__LIKELY(pool->free[cls].first))
        s = pop(&pool->free[cls]);
    else if (pool->clean[cls].first)
        s = pop(&pool->clean[cls]);
    else {
        int saved = errno;
        s = carve(pool, cls);
        errno = saved;
        if (!s) return NULL;
    }
    pool->in_use++;
    if (++pool->used[cls] > pool->peak[0][cls]) pool->peak[0][cls] = pool->used[cls];
    hob__san_taken(s);
    return s;
}

void hob__stack_put(struct hob__stacks *pool, struct hob__stack *s) {
    if (HOB__UNLIKELY(s->unguarded) && !hob__slab_intact(s)) hob__overflow_found(s);
    hob__san_returned(s);
    s->owner = NULL;
    pool->in_use--;
    pool->used[s->cls]--;
    push(&pool->free[s->cls], s);
}

/* ---- trimming ---- */

enum { LEFT = 512 }; /* what the call itself takes below this frame, and the red zone */

__attribute__((noinline)) void hob__stack_shed(const struct hob__stack *stack) {
    uintptr_t page = (uintptr_t)getpagesize(), base = (uintptr_t)stack->base;
    uintptr_t end = ((uintptr_t)__builtin_frame_address(0) - LEFT) & ~(page - 1);
    base = (base + page - 1) & ~(page - 1);
    if (end > base && end < (uintptr_t)stack->top) madvise((void *)base, end - base, MADV_DONTNEED);
}

/* How many free stacks of the class may be wanted again soon. */
static size_t to_keep(const struct hob__stacks *pool, unsigned cls) {
    size_t peak = pool->peak[0][cls] > pool->peak[1][cls] ? pool->peak[0][cls] : pool->peak[1][cls];
    size_t soon = peak > pool->used[cls] ? peak - pool->used[cls] : 0;
    return soon > KEEP ? soon : KEEP;
}

uint64_t hob__stacks_trim(struct hob__stacks *pool, uint64_t now_ns) {
    bool any = false;
    for (unsigned cls = 0; cls < HOB__STACK_CLASSES; cls++) any |= pool->free[cls].count > KEEP;
    if (!any) return UINT64_MAX;

    if (now_ns - pool->epoch_ns >= EPOCH_NS) {
        memcpy(pool->peak[1], pool->peak[0], sizeof pool->peak[0]);
        memcpy(pool->peak[0], pool->used, sizeof pool->peak[0]);
        pool->epoch_ns = now_ns;
    }
    any = false;
    bool more = false;
    struct iovec at[TRIM_BATCH];
    unsigned n = 0;
    for (unsigned cls = 0; cls < HOB__STACK_CLASSES; cls++) {
        size_t keep = to_keep(pool, cls);
        for (; n < TRIM_BATCH && pool->free[cls].count > keep; n++) {
            struct hob__stack *s = pop_last(&pool->free[cls]);
            at[n] = (struct iovec){s->base, (size_t)(s->top - s->base)};
            push(&pool->clean[cls], s);
        }
        more |= pool->free[cls].count > keep;
        any |= pool->free[cls].count > KEEP;
    }
    for (unsigned i = hob__advise_many(at, n, MADV_DONTNEED); i < n; i++)
        madvise(at[i].iov_base, at[i].iov_len, MADV_DONTNEED);
    if (more) return now_ns;
    return any ? pool->epoch_ns + EPOCH_NS : UINT64_MAX;
}

/* ---- addresses (also from signal handlers) ---- */

const struct hob__stack *hob__stack_of_guard(const void *addr) {
    uintptr_t at = (uintptr_t)addr;
    for (struct hob__stacks *pool = thread_pools; pool; pool = pool->next)
        for (struct hob__stack_slab *slab = pool->slabs; slab; slab = slab->next) {
            uintptr_t offset = at - (uintptr_t)slab->map;
            if (at < (uintptr_t)slab->map || offset >= slab->carved * slab->slot_size) continue;
            const struct hob__stack *s = &slab->records[offset / slab->slot_size];
            return at < (uintptr_t)s->base ? s : NULL;
        }
    return NULL;
}

bool hob__stack_contains(const struct hob__stack *stack, const void *addr) {
    uintptr_t at = (uintptr_t)addr, base = (uintptr_t)stack->base;
    return at >= base - HOB__GUARD_SIZE - PROBE && at <= (uintptr_t)stack->top;
}
