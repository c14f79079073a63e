/* hob/arena.h - memory that is given back all at once: what belongs to one request, one document,
 * one decoded value. Taking from it costs a few instructions. In libhob-data; never waits. One
 * thread at a time uses an arena.
 *
 *   HOB_ARENA(memory);                              freed when the block is left
 *   HOB_TRY(hob_model_decode(user, &u, text, n, &memory));
 */
#ifndef HOB_ARENA_H
#define HOB_ARENA_H
#pragma GCC system_header

#include <hob/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hob__arena_block;

/* All zero is an empty arena, without memory of its own yet. */
struct hob_arena {
    size_t limit; /* bytes that it may hold; 0 = as many as there are. Beyond: -ENOMEM */
    /* Private from here on. */
    char *at, *end;                  /* what is left of the newest block */
    struct hob__arena_block *blocks; /* the newest first */
    struct hob__arena_block *big;    /* a block each for what is large and may grow */
    struct hob__arena_block *spare;  /* of `big`, from before the last reset */
    size_t held;                     /* bytes of all of these */
    void *scratch;                   /* the library's, between two calls */
    size_t scratch_size;
};

/* n bytes, aligned to 16, not cleared; NULL without memory, or beyond the limit. Valid until the
 * arena is reset or freed. */
HOB_API void *hob_arena_alloc(struct hob_arena *arena, size_t n);
/* A copy of n bytes, ended by a NUL; NULL as above. */
HOB_API char *hob_arena_copy(struct hob_arena *arena, const void *bytes, size_t n);
/* All that was taken is gone; the memory is used again by what is taken next. */
HOB_API void hob_arena_reset(struct hob_arena *arena);
/* Gives all memory back. The arena is empty then, and may be used again. */
HOB_API void hob_arena_free(struct hob_arena *arena);

/* A variable: an arena that is freed when the block is left. */
#ifdef __cplusplus
#define HOB_ARENA(name) struct hob_arena name __attribute__((cleanup(hob_arena_free))) = {}
#else
#define HOB_ARENA(name) struct hob_arena name __attribute__((cleanup(hob_arena_free))) = {0}
#endif

#ifdef __cplusplus
}
#endif
#endif
