/* http/h2/memory.c - the memory of HTTP/2: what a stream takes are a dozen small blocks that live
 * as long as its exchange, so those that were given back are kept for the next one, last in, first
 * out. All connections of a loop share them: what one batch of requests has left is still in the
 * cache when the next connection's begins. */
#include "http/h2/h2.h"

#include <string.h>

#if HAVE_NGHTTP2
#include "base/memory.h"
#include "fiber/sanitize.h"
#include "http/h2/inside.h"
#include "task/loopdata.h"

enum {
    STEP = 32,   /* sizes are rounded up to that, */
    SIZES = 40,  /* so often; larger ones are the heap's */
    KEPT = 65536 /* bytes of a loop, at most */
};

/* In front of each block. */
struct block {
    union {
        struct block *next; /* while it is kept */
        size_t steps;       /* 0: the heap's */
    };
    size_t size; /* that was asked for, of the heap's */
};

struct blocks {
    struct hob__loop_data data; /* its first member */
    size_t kept;
    struct block *first[SIZES + 1];
};

static void drop(struct hob__loop_data *d) {
    struct blocks *all = (struct blocks *)(void *)d;
    for (int i = 1; i <= SIZES; i++) {
        for (struct block *b = all->first[i], *next; b; b = next) {
            next = b->next;
            hob__free(b);
        }
    }
    hob__free(all);
}

bool hob__h2_memory(void) {
    if (hob__loop_data(HOB__LOOP_HTTP2)) return true;
    struct blocks *all = hob__alloc_zero(sizeof *all);
    if (!all) return false;
    all->data.drop = drop;
    hob__loop_data_set(HOB__LOOP_HTTP2, &all->data);
    return true;
}

static inline struct blocks *blocks(void) {
    return (struct blocks *)(void *)hob__loop_data(HOB__LOOP_HTTP2);
}

/* Are blocks kept? A test that lets allocations fail shall see each of them, and a sanitizer each
 * use of what has been freed. */
static inline bool keeps(const struct blocks *all) {
    return !HOB__ASAN && all && !hob__alloc_counting();
}

static __attribute__((noinline)) void *alloc_anew(size_t n) {
    size_t steps = (n + STEP - 1) / STEP + (n == 0);
    bool large = n > SIZES * STEP;
    if (n > SIZE_MAX / 2) return NULL;
    struct block *b = hob__alloc(sizeof *b + (large ? n : steps * STEP));
    if (!b) return NULL;
    b->steps = large ? 0 : steps;
    b->size = n;
    return b + 1;
}

/* Both always inline: a stream takes and gives a dozen blocks, all of them kept ones. */
static inline __attribute__((always_inline)) void *alloc(struct blocks *all, size_t n) {
    size_t steps = (n + STEP - 1) / STEP; /* of nothing, and of nearly SIZE_MAX, 0 */
    if (HOB__UNLIKELY(steps - 1 >= SIZES || !keeps(all) || !all->first[steps]))
        return alloc_anew(n);
    struct block *b = all->first[steps];
    all->first[steps] = b->next;
    all->kept -= steps * STEP;
    b->steps = steps;
    return b + 1;
}

static inline __attribute__((always_inline)) void release(struct blocks *all, void *p) {
    if (!p) return;
    struct block *b = (struct block *)p - 1;
    size_t steps = b->steps;
    if (HOB__UNLIKELY(steps == 0 || !keeps(all) || all->kept + steps * STEP > KEPT)) {
        hob__free(b);
        return;
    }
    b->next = all->first[steps];
    all->first[steps] = b;
    all->kept += steps * STEP;
}

void *hob__h2_alloc(size_t n) { return alloc(blocks(), n); }
void hob__h2_release(void *p) { release(blocks(), p); }

static void *take(size_t n, void *arg) { return alloc(arg, n); }

static void give(void *p, void *arg) { release(arg, p); }

static void *take_zero(size_t count, size_t n, void *arg) {
    if (n && count > SIZE_MAX / n) return NULL;
    void *p = take(count * n, arg);
    return p ? memset(p, 0, count * n) : NULL;
}

static void *resize(void *p, size_t n, void *arg) {
    if (!p) return take(n, arg);
    const struct block *b = (struct block *)p - 1;
    size_t room = b->steps ? b->steps * STEP : b->size;
    if (b->steps && n <= room) return p;
    if (!b->steps && n > room && n <= SIZE_MAX / 2) {
        struct block *grown = hob__realloc((struct block *)p - 1, sizeof *grown + n);
        if (grown) grown->size = n;
        return grown ? grown + 1 : NULL;
    }
    void *other = take(n, arg);
    if (!other) return NULL;
    memcpy(other, p, room < n ? room : n);
    give(p, arg);
    return other;
}

nghttp2_mem hob__h2_mem(void) { return (nghttp2_mem){blocks(), take, give, take_zero, resize}; }
#endif
