/* base/memory.c - the one door to the heap and to address space: libc's allocator or the user's
 * (hob_set_allocator), and the counters by which a test makes the n-th allocation fail.
 *
 * Counting is off until a test asks for it, so that the ordinary path pays one predicted branch and
 * loops in several threads do not share a written cache line. */
#include "base/memory.h"

#include <hob/loop.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static struct hob_allocator user; /* user.realloc == NULL: libc */

bool hob__alloc_counts;

static struct {
    long fail_at; /* counted up to from 1; 0 = never */
    long count;
    long live;
} counter;

void hob_set_allocator(const struct hob_allocator *allocator) {
    user = allocator ? *allocator : (struct hob_allocator){0};
}

void hob__alloc_fail_at(long n) {
    __atomic_store_n(&hob__alloc_counts, true, __ATOMIC_RELAXED);
    __atomic_store_n(&counter.count, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&counter.fail_at, n, __ATOMIC_RELAXED);
}

long hob__alloc_count(void) {
    __atomic_store_n(&hob__alloc_counts, true, __ATOMIC_RELAXED);
    return __atomic_load_n(&counter.count, __ATOMIC_RELAXED);
}

long hob__alloc_live(void) {
    __atomic_store_n(&hob__alloc_counts, true, __ATOMIC_RELAXED);
    return __atomic_load_n(&counter.live, __ATOMIC_RELAXED);
}

/* Counts one allocation; true when it is the one that has to fail. */
static bool must_fail(void) {
    if (!hob__alloc_counting()) return false;
    long number = __atomic_add_fetch(&counter.count, 1, __ATOMIC_RELAXED);
    return number == __atomic_load_n(&counter.fail_at, __ATOMIC_RELAXED);
}

static void count_live(long by) {
    if (hob__alloc_counting()) __atomic_fetch_add(&counter.live, by, __ATOMIC_RELAXED);
}

void *hob__alloc(size_t n) {
    if (must_fail()) return NULL;
    if (n == 0) n = 1;
    void *p = user.realloc ? user.realloc(user.arg, NULL, n) : malloc(n);
    if (p) count_live(1);
    return p;
}

void *hob__alloc_zero(size_t n) {
    if (must_fail()) return NULL;
    if (n == 0) n = 1;
    void *p;
    if (user.realloc) {
        p = user.realloc(user.arg, NULL, n);
        if (p) memset(p, 0, n);
    } else {
        p = calloc(1, n);
    }
    if (p) count_live(1);
    return p;
}

void *hob__realloc(void *p, size_t n) {
    if (!p) return hob__alloc(n);
    if (must_fail()) return NULL;
    if (n == 0) n = 1;
    return user.realloc ? user.realloc(user.arg, p, n) : realloc(p, n);
}

void hob__free(void *p) {
    if (!p) return;
    count_live(-1);
    if (user.realloc)
        user.free(user.arg, p);
    else
        free(p);
}

char *hob__strdup(const char *s) {
    size_t n = strlen(s) + 1;
    char *copy = hob__alloc(n);
    return copy ? memcpy(copy, s, n) : NULL;
}

void *hob__map(size_t n) {
    if (must_fail()) return NULL;
    void *p =
        mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) return NULL;
    count_live(1);
    return p;
}

void hob__unmap(void *p, size_t n) {
    if (!p) return;
    count_live(-1);
    munmap(p, n);
}
