/* fiber/slab.c - the memory of stacks: mappings of many slots, and the guard below each.
 *
 * A slot is carved when it is needed for the first time; by then it has its guard, which stays.
 * Three kinds of guard, the best that the kernel gives:
 *   - MADV_GUARD_INSTALL (Linux 6.13): no mapping of its own, and many by one call. Its success is
 *     looked at once, because emulators ignore an advice that they do not know.
 *   - mprotect: splits the mapping in two, so only as long as the guards take no more than half of
 *     vm.max_map_count.
 *   - none: the page that would be the guard is left alone and must still be zero when the stack
 *     comes back. */
#include "fiber/slab.h"

#include "base/memory.h"
#include "fiber/sanitize.h"
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif
#define PIDFD_SELF (-10001) /* Linux 6.14: this process */

enum { CACHE_LINE = 64, COLOURS = 16, RED_ZONE = 4096 };

static size_t slot_size_of(unsigned cls) {
#if defined(__aarch64__)
    size_t page = (size_t)sysconf(_SC_PAGESIZE); /* 4, 16 or 64 KiB */
    return (HOB__STACK_SIZE(cls) + page - 1) / page * page + HOB__GUARD_SIZE;
#else
    return HOB__STACK_SIZE(cls);
#endif
}

unsigned hob__advise_many(const struct iovec *at, unsigned n, int advice) {
    if (hob__san_knows_mprotect_only()) return 0; /* valgrind does not know the call either */
    long bytes = syscall(SYS_process_madvise, PIDFD_SELF, at, (size_t)n, advice, 0u);
    unsigned done = 0;
    for (; done < n && bytes >= (long)at[done].iov_len; done++) bytes -= (long)at[done].iov_len;
    return done;
}

/* ---- guards ---- */

int hob__guard_kind;
long hob__guards_allowed;
static long guards_made;    /* by mprotect, in the process; atomic */
static bool unguarded_told; /* atomic */

static long read_guards_allowed(void) {
    char text[32];
    long maps = 0;
    int fd = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t n = read(fd, text, sizeof text - 1);
        text[n > 0 ? n : 0] = 0;
        maps = atol(text);
        close(fd);
    }
    return (maps > 0 ? maps : 65530) / 4; /* two mappings each, half of all */
}

/* Reads through the kernel, which answers EFAULT where we would die. A zero mask blocks nothing. */
static bool readable(const void *at) {
    return syscall(SYS_rt_sigprocmask, SIG_BLOCK, at, NULL, (size_t)8) == 0;
}

static int find_guard_kind(char *at) {
    if (hob__san_knows_mprotect_only()) return HOB__GUARD_PROTECT;
    if (madvise(at, HOB__GUARD_SIZE, MADV_GUARD_INSTALL) != 0) return HOB__GUARD_PROTECT;
    return readable(at) ? HOB__GUARD_PROTECT : HOB__GUARD_INSTALL;
}

static bool guard_install(char *at) {
    int kind = __atomic_load_n(&hob__guard_kind, __ATOMIC_RELAXED);
    if (kind == HOB__GUARD_UNKNOWN) {
        kind = find_guard_kind(at);
        __atomic_store_n(&hob__guard_kind, kind, __ATOMIC_RELAXED);
    }
    return kind == HOB__GUARD_INSTALL && madvise(at, HOB__GUARD_SIZE, MADV_GUARD_INSTALL) == 0;
}

static bool guard_protect(char *at) {
    long allowed = __atomic_load_n(&hob__guards_allowed, __ATOMIC_RELAXED);
    if (allowed == 0) {
        allowed = read_guards_allowed();
        __atomic_store_n(&hob__guards_allowed, allowed, __ATOMIC_RELAXED);
    }
    if (__atomic_fetch_add(&guards_made, 1, __ATOMIC_RELAXED) < allowed &&
        mprotect(at, HOB__GUARD_SIZE, PROT_NONE) == 0)
        return true;
    __atomic_fetch_sub(&guards_made, 1, __ATOMIC_RELAXED);
    return false;
}

/* Guards for slot i and those behind it: a call for each is half of what the guards of a million
 * stacks cost. */
static void guard_many(struct hob__stack_slab *slab, unsigned i) {
    struct iovec at[HOB__ADVISE_MAX];
    unsigned n = 0;
    for (; n < HOB__ADVISE_MAX && i + n < slab->slots; n++)
        at[n] = (struct iovec){slab->map + (i + n) * slab->slot_size, HOB__GUARD_SIZE};
    unsigned done = hob__advise_many(at, n, MADV_GUARD_INSTALL);
    slab->guarded = i + done;
    slab->one_by_one = done < n;
}

static bool guard(struct hob__stack_slab *slab, unsigned i) {
    char *at = slab->map + i * slab->slot_size;
    if (i < slab->guarded) return true;
    int kind = __atomic_load_n(&hob__guard_kind, __ATOMIC_RELAXED);
    if (kind == HOB__GUARD_INSTALL && !slab->one_by_one) {
        guard_many(slab, i);
        if (i < slab->guarded) return true;
    }
    if (guard_install(at)) return true;
    if (guard_protect(at)) {
        slab->protected ++;
        return true;
    }
    if (!__atomic_exchange_n(&unguarded_told, true, __ATOMIC_RELAXED))
        hob__fiber_note("hob: this kernel gives no more guard pages (vm.max_map_count); further "
                        "stacks are checked for overflow only when their task has ended\n");
    return false;
}

bool hob__slab_intact(const struct hob__stack *stack) {
    const uint64_t *word = (const uint64_t *)(stack->base - RED_ZONE);
    uint64_t seen = 0;
    for (size_t i = 0; i < RED_ZONE / sizeof *word; i++) seen |= word[i];
    return seen == 0;
}

/* ---- slabs ---- */

static char *map_slots(size_t slot_size, unsigned *slots) {
    for (; *slots > 0; *slots /= 2) {
        size_t size = slot_size * *slots;
        char *map = hob__map(size);
        if (!map) continue;
        /* A huge page would give every stack all of its memory at the first touch. */
        madvise(map, size, MADV_NOHUGEPAGE);
        prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, map, size, "hob stacks");
        return map;
    }
    return NULL;
}

struct hob__stack_slab *hob__slab_new(unsigned cls, unsigned slots) {
    size_t slot_size = slot_size_of(cls);
    char *map = map_slots(slot_size, &slots);
    if (!map) return NULL;
    struct hob__stack_slab *slab =
        hob__alloc(sizeof *slab + CACHE_LINE + slots * sizeof(struct hob__stack));
    if (!slab) {
        hob__unmap(map, slot_size * slots);
        return NULL;
    }
    *slab = (struct hob__stack_slab){
        .map = map, .slot_size = slot_size, .slots = slots, .cls = (uint8_t)cls};
    uintptr_t records = (uintptr_t)(slab + 1);
    slab->records =
        (struct hob__stack *)((records + CACHE_LINE - 1) & ~(uintptr_t)(CACHE_LINE - 1));
    return slab;
}

void hob__slab_free(struct hob__stack_slab *slab) {
    for (unsigned i = 0; i < slab->carved; i++) hob__san_dropped(&slab->records[i]);
    if (slab->protected) __atomic_fetch_sub(&guards_made, (long)slab->protected, __ATOMIC_RELAXED);
    hob__unmap(slab->map, slab->slot_size * slab->slots);
    hob__free(slab);
}

/* The kernel takes the page faults itself, while it reads nothing into those pages: one that
 * interrupts a program costs up to a fifth more. */
void hob__slab_fetch(struct hob__stack_slab *slab) {
    struct iovec at[HOB__ADVISE_MAX];
    unsigned n = 0;
    for (; n < HOB__ADVISE_MAX && slab->carved + n < slab->slots; n++) {
        char *end = slab->map + (slab->carved + n + 1) * slab->slot_size;
        at[n] = (struct iovec){end - sizeof(uint64_t), sizeof(uint64_t)};
    }
    slab->fetched = slab->carved + n;
    /* Not kept open: a program may close all descriptors that it does not know, and this number
     * would be another's. */
    int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    if (zero < 0) return; /* each page comes when it is used, as it does with few stacks */
    ssize_t rc = readv(zero, at, (int)n);
    (void)rc;
    close(zero);
}

struct hob__stack *hob__slab_carve(struct hob__stack_slab *slab, unsigned colour) {
    unsigned i = slab->carved;
    char *slot = slab->map + i * slab->slot_size;
    struct hob__stack *s = &slab->records[i];
    *s = (struct hob__stack){
        .top = slot + slab->slot_size - CACHE_LINE * (colour % COLOURS),
        .base = slot + HOB__GUARD_SIZE,
        .cls = slab->cls,
        .unguarded = !guard(slab, i),
    };
    hob__san_carved(s);
    /* The record is whole before a signal handler may find it. */
    __atomic_signal_fence(__ATOMIC_RELEASE);
    slab->carved = i + 1;
    return s;
}
