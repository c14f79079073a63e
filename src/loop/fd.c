/* loop/fd.c - the records of descriptors: slabs with a free list.
 *
 * A slab is given back only with the backend, so a late event may always look at the record it
 * names; the generation tells whether it is still the one it was meant for. */
#include "internal.h"
#include <base/memory.h>
#include <poll.h>
#include <string.h>

enum { SLAB_RECORDS = 126 }; /* a slab is about 8 KiB */
_Static_assert(sizeof(struct hob__fd) == 64, "a record is one cache line");

struct hob__fd_slab {
    struct hob__fd_slab *next;
    char memory[(SLAB_RECORDS + 1) * sizeof(struct hob__fd)]; /* with room to align */
};

static bool grow(struct hob__backend *b) {
    struct hob__fd_slab *slab = hob__alloc_zero(sizeof *slab);
    if (!slab) return false;
    slab->next = b->fd_slabs;
    b->fd_slabs = slab;
    uintptr_t line = _Alignof(struct hob__fd);
    uintptr_t first = ((uintptr_t)slab->memory + line - 1) & ~(line - 1);
    struct hob__fd *records = (struct hob__fd *)first;
    for (size_t i = SLAB_RECORDS; i-- > 0;) {
        records[i].next = b->free_fds;
        b->free_fds = &records[i];
    }
    return true;
}

struct hob__fd *hob__fd_open(struct hob__backend *b, int fd) {
    if (!b->free_fds && !grow(b)) return NULL;
    struct hob__fd *f = b->free_fds;
    uint32_t gen = f->gen + 1;
    b->free_fds = f->next;
    memset(f, 0, sizeof *f);
    f->fd = f->watched = fd;
    f->ready = HOB__READ | HOB__WRITE;
    f->gen = gen;
    return f;
}

void hob__fd_gone(struct hob__backend *b, struct hob__fd *f) {
    f->armed = false;
    f->dying = true; /* as long as it lies in the free list: events are not for it */
    f->watch = NULL;
    f->next = b->free_fds;
    b->free_fds = f;
}

void hob__fd_close(struct hob__backend *b, struct hob__fd *f) {
    f->dying = true;
    f->watch = NULL;
    if (f->armed) {
        b->watched--;
        if (!b->ops->disarm(b, f)) return;
    }
    hob__fd_gone(b, f);
}

void hob__fd_event(struct hob__backend *b, struct hob__fd *f, unsigned events) {
    unsigned bits = 0;
    if (events & (POLLIN | POLLPRI)) bits |= HOB__READ;
    if (events & POLLOUT) bits |= HOB__WRITE;
    if (events & (POLLHUP | POLLERR | POLLRDHUP | POLLNVAL))
        bits |= HOB__READ | HOB__WRITE | HOB__HUP;
    f->ready |= (uint8_t)bits;
    b->on_ready(b, f, bits);
}

void hob__fd_close_all(struct hob__backend *b) {
    while (b->fd_slabs) {
        struct hob__fd_slab *slab = b->fd_slabs;
        b->fd_slabs = slab->next;
        hob__free(slab);
    }
    b->free_fds = NULL;
}
