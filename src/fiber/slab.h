/* fiber/slab.h - one mapping of many stacks; between stack.c (the pool) and slab.c (memory). */
#ifndef HOB_FIBER_SLAB_H
#define HOB_FIBER_SLAB_H

#include "fiber/fiber.h"
#include <sys/uio.h>

struct hob__stack_slab {
    struct hob__stack_slab *next;
    char *map;
    size_t slot_size; /* bytes of address space of each stack, with its guard */
    unsigned slots, carved;
    unsigned protected; /* guards made by mprotect */
    unsigned guarded;   /* so many slots from the first on have a guard already */
    unsigned fetched;   /* and so many the page that is used first: see hob__slab_fetch() */
    bool one_by_one;    /* no guards for many slots by one call */
    uint8_t cls;
    struct hob__stack *records;
};

/* The compilers probe a large frame every page on x86-64, every 64 KiB on aarch64: an overflow
 * cannot step over a guard of that size. */
#if defined(__aarch64__)
enum { HOB__GUARD_SIZE = 65536 };
#else
enum { HOB__GUARD_SIZE = 4096 };
#endif

/* What kind of guard this process uses, and how many by mprotect (0 = not known yet). Found at the
 * first stack; tests set them to see the other kinds. Atomic. */
enum hob__guard_kind { HOB__GUARD_UNKNOWN, HOB__GUARD_INSTALL, HOB__GUARD_PROTECT };
extern int hob__guard_kind;
extern long hob__guards_allowed;

/* Maps a slab of up to `slots` stacks, fewer when the address space is short; NULL without memory.
 */
struct hob__stack_slab *hob__slab_new(unsigned cls, unsigned slots);
void hob__slab_free(struct hob__stack_slab *slab);
/* The next slot's record, its guard installed; there must be one left. */
struct hob__stack *hob__slab_carve(struct hob__stack_slab *slab, unsigned colour);
/* Has the kernel give memory to the topmost page of the next slots, up to HOB__ADVISE_MAX of them,
 * which will all be used soon. If it gives none, they have it when they are used. */
void hob__slab_fetch(struct hob__stack_slab *slab);
/* Without a guard: is what lies below the stack's base still as the kernel gave it? */
bool hob__slab_intact(const struct hob__stack *stack);

/* madvise() for up to HOB__ADVISE_MAX ranges by one call, where the kernel has it (Linux 6.14). How
 * many of them, from the first on, have been advised: 0 where it has not. */
enum { HOB__ADVISE_MAX = 64 };
unsigned hob__advise_many(const struct iovec *at, unsigned n, int advice);
#endif
