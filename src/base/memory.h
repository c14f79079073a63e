/* base/memory.h - the one door to the heap, so that a test can make the n-th allocation fail. */
#ifndef HOB_BASE_MEMORY_H
#define HOB_BASE_MEMORY_H

#include <hob/base.h>

/* NULL without memory. */
void *hob__alloc(size_t n);
void *hob__alloc_zero(size_t n);
/* Grows or shrinks; NULL leaves p as it is. */
void *hob__realloc(void *p, size_t n);
void hob__free(void *p); /* NULL is allowed */
char *hob__strdup(const char *s);
/* Address space from mmap(PROT_READ|PROT_WRITE, PRIVATE|ANONYMOUS|NORESERVE); NULL without memory.
 * Counts as an allocation for the driver that makes the n-th fail. */
void *hob__map(size_t n);
void hob__unmap(void *p, size_t n);

/* ---- for tests; counting starts with the first call of any of these ---- */
/* Makes the n-th allocation from now return NULL, once: hob__alloc, _alloc_zero, _realloc, _strdup
 * and _map count. 0 = none. */
void hob__alloc_fail_at(long n);
/* How many allocations were tried since the last hob__alloc_fail_at(). */
long hob__alloc_count(void);
/* Blocks and mappings made and not given back since counting started: compare two values. */
long hob__alloc_live(void);
/* Has it started? Who keeps blocks for reuse keeps none then. */
extern bool hob__alloc_counts; /* written and read atomically */
static inline bool hob__alloc_counting(void) {
    return HOB__UNLIKELY(__atomic_load_n(&hob__alloc_counts, __ATOMIC_RELAXED));
}
#endif
