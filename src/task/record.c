/* task/record.c - task records from dense slabs: the first small, and given out page by page, so
 * that a loop of few tasks touches little memory; later ones of up to 2 MiB on huge pages, so that
 * a million records cost few page faults. Freed records are reused LIFO, while they are hot. */
#include "task/task.h"

#include <string.h>
#include <sys/mman.h>

#include "base/memory.h"

struct hob__task_slab {
    struct hob__task_slab *next;
    struct hob_task *tasks;
    size_t count, room; /* records that have been given out; that there can be */
    void *map;
    size_t map_size;
};

enum { FIRST_SLAB = 64 << 10, HUGE = 2 << 20, PIECE = 4096 };

/* The next records of the slab: of the first one a page, of others all. */
static bool give_out(struct hob_loop *loop, struct hob__task_slab *slab) {
    size_t left = slab->room - slab->count, piece = PIECE / sizeof(struct hob_task);
    if (loop->slab_count > 1 || piece > left) piece = left;
    for (size_t i = slab->count + piece; i-- > slab->count;) {
        struct hob_task *t = &slab->tasks[i];
        t->chain = loop->free_tasks;
        t->loop = loop;
        t->head.args = t->args;
        t->outer.task = t;
        loop->free_tasks = t;
    }
    slab->count += piece;
    return piece > 0;
}

bool hob__records_grow(struct hob_loop *loop) {
    if (loop->slabs && give_out(loop, loop->slabs)) return true;
    size_t size = FIRST_SLAB;
    for (size_t i = 0; i < loop->slab_count && size < HUGE; i++) size *= 4;
    if (size > HUGE) size = HUGE;
    struct hob__task_slab *slab = hob__alloc(sizeof *slab);
    if (!slab) return false;
    /* Twice the size, so that a huge page's boundary lies in it; address space only. */
    slab->map_size = size == HUGE ? 2 * (size_t)HUGE : size;
    slab->map = hob__map(slab->map_size);
    if (!slab->map) {
        hob__free(slab);
        return false;
    }
    char *base = slab->map;
    if (size == HUGE) {
        base = (char *)(((uintptr_t)base + HUGE - 1) & ~(uintptr_t)(HUGE - 1));
        madvise(base, HUGE, MADV_HUGEPAGE);
    }
    slab->tasks = (struct hob_task *)(void *)base;
    slab->count = 0;
    slab->room = size / sizeof(struct hob_task);
    slab->next = loop->slabs;
    loop->slabs = slab;
    loop->slab_count++;
    return give_out(loop, slab);
}

void hob__records_destroy(struct hob_loop *loop) {
    while (loop->slabs) {
        struct hob__task_slab *slab = loop->slabs;
        loop->slabs = slab->next;
        hob__unmap(slab->map, slab->map_size);
        hob__free(slab);
    }
    loop->free_tasks = NULL;
}

bool hob__record_lives(const struct hob_loop *loop, const struct hob_task *t, uint64_t id) {
    for (const struct hob__task_slab *slab = loop->slabs; slab; slab = slab->next)
        if ((uintptr_t)t - (uintptr_t)slab->tasks < slab->count * sizeof *t)
            return t->id == id && t->state != HOB__TASK_DONE;
    return false;
}

int hob__records_each(struct hob_loop *loop, int (*see)(struct hob_task *t, void *arg), void *arg) {
    for (struct hob__task_slab *slab = loop->slabs; slab; slab = slab->next) {
        for (size_t i = 0; i < slab->count; i++) {
            struct hob_task *t = &slab->tasks[i];
            if (t->state == HOB__TASK_DONE) continue;
            int rc = see(t, arg);
            if (rc) return rc;
        }
    }
    return 0;
}
