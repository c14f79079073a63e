/* data/arena.h - the inside of arenas: room that is written to before its size is known, arrays
 * that grow, and the scratch memory of the parsers. */
#ifndef HOB_DATA_ARENA_H
#define HOB_DATA_ARENA_H

#include <hob/arena.h>

/* A new newest block with n bytes of room at least. 0 or -ENOMEM. */
int hob__arena_more(struct hob_arena *a, size_t n);

/* Room for n bytes at a->at, of no alignment; who writes moves a->at on. NULL without memory. */
static inline char *hob__arena_room(struct hob_arena *a, size_t n) {
    if (HOB__UNLIKELY((size_t)(a->end - a->at) < n) && hob__arena_more(a, n) < 0) return NULL;
    return a->at;
}

/* As hob_arena_alloc(), for few bytes. */
static inline void *hob__arena_take(struct hob_arena *a, size_t n) {
    size_t gap = -(uintptr_t)a->at & 15;
    if (HOB__UNLIKELY((size_t)(a->end - a->at) < gap + n)) return hob_arena_alloc(a, n);
    void *p = a->at + gap;
    a->at += gap + n;
    return p;
}

/* An array of old_size bytes (NULL: none yet) becomes one of *size bytes or more, at another place
 * perhaps; *size is what it has become. NULL without memory: the old one is as it was. */
void *hob__arena_grow(struct hob_arena *a, void *old, size_t old_size, size_t *size);

/* The array of `room` bytes is to have `used` of them: the rest is given back if nothing was taken
 * meanwhile. */
void hob__arena_shrink(struct hob_arena *a, void *array, size_t room, size_t used);

/* Memory of n bytes that only the call that asks uses; its content is undefined. */
void *hob__arena_scratch(struct hob_arena *a, size_t n);

#endif
