/* data/arena.c - memory that is given back all at once. */
#include "data/arena.h"

#include <string.h>

#include "base/memory.h"

enum {
    ALIGNED = 16,
    FIRST = 4096,      /* the first block */
    LARGEST = 1 << 20, /* blocks double up to this */
    BIG = 32768,       /* an array of so much has a block of its own, which realloc() may move */
    JOINED = 64 << 20  /* the most that blocks become one for */
};

struct hob__arena_block {
    struct hob__arena_block *next, *prev; /* prev: of big ones only */
    size_t size;                          /* behind this head */
    size_t unused;                        /* keeps what follows aligned */
};
_Static_assert(sizeof(struct hob__arena_block) % ALIGNED == 0, "what follows is aligned");

static bool may_hold(const struct hob_arena *a, size_t more) {
    return a->limit == 0 || (a->held <= a->limit && more <= a->limit - a->held);
}

int hob__arena_more(struct hob_arena *a, size_t n) {
    size_t size = a->blocks ? a->blocks->size * 2 : FIRST - sizeof(struct hob__arena_block);
    if (size > LARGEST) size = LARGEST;
    if (n > SIZE_MAX / 2) return -ENOMEM;
    if (size < n + ALIGNED) size = n + ALIGNED;
    if (!may_hold(a, size)) {
        size = n + ALIGNED;
        if (!may_hold(a, size)) return -ENOMEM;
    }
    struct hob__arena_block *b = hob__alloc(sizeof *b + size);
    if (!b) return -ENOMEM;
    b->size = size;
    b->next = a->blocks;
    a->blocks = b;
    a->held += size;
    a->at = (char *)(b + 1);
    a->end = a->at + size;
    return 0;
}

void *hob_arena_alloc(struct hob_arena *a, size_t n) {
    size_t gap = -(uintptr_t)a->at & (ALIGNED - 1);
    if (HOB__UNLIKELY(n > SIZE_MAX / 2)) return NULL;
    if (HOB__UNLIKELY((size_t)(a->end - a->at) < gap + n)) {
        if (hob__arena_more(a, n) < 0) return NULL;
        gap = -(uintptr_t)a->at & (ALIGNED - 1);
    }
    char *p = a->at + gap;
    a->at = p + n;
    return p;
}

char *hob_arena_copy(struct hob_arena *a, const void *bytes, size_t n) {
    if (n >= SIZE_MAX / 2) return NULL;
    char *p = hob__arena_room(a, n + 1);
    if (!p) return NULL;
    if (n) memcpy(p, bytes, n);
    p[n] = 0;
    a->at += n + 1;
    return p;
}

/* ---- arrays ---- */

static void link_big(struct hob_arena *a, struct hob__arena_block *b) {
    b->prev = NULL;
    b->next = a->big;
    if (b->next) b->next->prev = b;
    a->big = b;
}

static void *new_big(struct hob_arena *a, size_t *size) {
    struct hob__arena_block *b = a->spare;
    if (b && b->size >= *size) {
        a->spare = NULL;
    } else {
        if (!may_hold(a, *size)) return NULL;
        b = hob__alloc(sizeof *b + *size);
        if (!b) return NULL;
        b->size = *size;
        a->held += *size;
    }
    link_big(a, b);
    *size = b->size;
    return b + 1;
}

static void *grow_big(struct hob_arena *a, void *old, size_t *size) {
    struct hob__arena_block *b = (struct hob__arena_block *)old - 1;
    if (!may_hold(a, *size - b->size)) return NULL;
    struct hob__arena_block *moved = hob__realloc(b, sizeof *b + *size);
    if (!moved) return NULL;
    a->held += *size - moved->size;
    moved->size = *size;
    if (moved->next) moved->next->prev = moved;
    if (moved->prev)
        moved->prev->next = moved;
    else
        a->big = moved;
    return moved + 1;
}

void *hob__arena_grow(struct hob_arena *a, void *old, size_t old_size, size_t *size) {
    if (*size > SIZE_MAX / 4) return NULL;
    if (old_size >= BIG) return grow_big(a, old, size);
    if (*size < BIG && old && (char *)old + old_size == a->at &&
        (size_t)(a->end - a->at) >= *size - old_size) {
        a->at += *size - old_size;
        return old;
    }
    void *p = *size >= BIG ? new_big(a, size) : hob_arena_alloc(a, *size);
    if (p && old_size) memcpy(p, old, old_size);
    return p;
}

void hob__arena_shrink(struct hob_arena *a, void *array, size_t room, size_t used) {
    if (room < BIG && array && (char *)array + room == a->at) a->at = (char *)array + used;
}

void *hob__arena_scratch(struct hob_arena *a, size_t n) {
    if (a->scratch_size < n) {
        hob__free(a->scratch);
        a->scratch_size = 0;
        a->scratch = hob__alloc(n);
        if (a->scratch) a->scratch_size = n;
    }
    return a->scratch;
}

/* ---- the end ---- */

static void free_list(struct hob__arena_block *b) {
    while (b) {
        struct hob__arena_block *next = b->next;
        hob__free(b);
        b = next;
    }
}

/* The largest of a list; the others are freed. */
static struct hob__arena_block *keep_largest(struct hob__arena_block *list) {
    struct hob__arena_block *largest = NULL;
    for (struct hob__arena_block *b = list; b; b = b->next)
        if (!largest || b->size > largest->size) largest = b;
    while (list) {
        struct hob__arena_block *next = list->next;
        if (list != largest) hob__free(list);
        list = next;
    }
    if (largest) largest->next = largest->prev = NULL;
    return largest;
}

/* One block as large as all of them, so that what is taken next, if it is as much, needs no other;
 * else the largest of them. */
static struct hob__arena_block *join(struct hob__arena_block *list) {
    size_t size = 0;
    for (struct hob__arena_block *b = list; b; b = b->next) size += b->size;
    if (!list || !list->next || size > JOINED) return keep_largest(list);
    struct hob__arena_block *b = hob__alloc(sizeof *b + size);
    if (!b) return keep_largest(list);
    free_list(list);
    *b = (struct hob__arena_block){.size = size};
    return b;
}

void hob_arena_reset(struct hob_arena *a) {
    if (a->spare) {
        a->spare->next = a->big;
        a->big = a->spare;
    }
    a->spare = keep_largest(a->big);
    a->big = NULL;
    a->blocks = join(a->blocks);
    a->held = (a->spare ? a->spare->size : 0) + (a->blocks ? a->blocks->size : 0);
    a->at = a->blocks ? (char *)(a->blocks + 1) : NULL;
    a->end = a->blocks ? a->at + a->blocks->size : NULL;
}

void hob_arena_free(struct hob_arena *a) {
    free_list(a->blocks);
    free_list(a->big);
    hob__free(a->spare);
    hob__free(a->scratch);
    *a = (struct hob_arena){.limit = a->limit};
}
