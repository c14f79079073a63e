/* task/record.c - task records from dense slabs: the first small, later ones of 2 MiB on huge
 * pages, so that a million records cost few page faults. Freed records are reused LIFO, while they
 * are hot. */
#include "task/task.h"

#include <string.h>
#include <sys/mman.h>

#include "base/memory.h"

struct hob__task_slab {
    struct hob__task_slab *next;
    struct hob_task *tasks;
    size_t count;
    void *map;
    size_t map_size;
};

enum { FIRST_SLAB = 64 << 10, HUGE = 2 << 20 };

bool hob__records_grow(struct hob_loop *loop) {
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
    slab->count = size / sizeof(struct hob_task);
    slab->next = loop->slabs;
    loop->slabs = slab;
    loop->slab_count++;
    for (size_t i = slab->count; i-- > 0;) {
        struct hob_task *t = &slab->tasks[i];
        t->chain = loop->free_tasks;
        t->loop = loop;
        t->head.args = t->args;
        t->outer.task = t;
        loop->free_tasks = t;
    }
    return true;
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
            return t->id == id && t->state != HOB__TASK_FREE && t->state != HOB__TASK_DONE;
    return false;
}

int hob__records_each(struct hob_loop *loop, int (*see)(struct hob_task *t, void *arg), void *arg) {
    for (struct hob__task_slab *slab = loop->slabs; slab; slab = slab->next) {
        for (size_t i = 0; i < slab->count; i++) {
            struct hob_task *t = &slab->tasks[i];
            if (t->state == HOB__TASK_FREE || t->state == HOB__TASK_DONE) continue;
            int rc = see(t, arg);
            if (rc) return rc;
        }
    }
    return 0;
}
