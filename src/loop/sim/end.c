/* loop/sim/end.c - simulated descriptors: their numbers, who watches them, and what is told when.
 *
 * Edge by edge, as epoll does it: arming tells what is so at that moment, then only what becomes
 * so. News wait in their loop's list until its next wait(). */
#include <sys/resource.h>

#include "loop/sim/sim.h"

/* Free numbers are a list through the table: each holds the next one, with the lowest bit set. */
static struct hob__sim_end *free_mark(unsigned next) {
    return (struct hob__sim_end *)((uintptr_t)next << 1 | 1);
}

void hob__sim_end_init(struct hob__sim_end *e, const struct hob__sim_kind *kind,
                       struct hob__sim_host *h) {
    e->kind = kind;
    e->host = h;
    e->fd = -1;
    hob__list_init(&e->watch.link);
    hob__list_append(&h->ends, &e->link);
}

int hob__sim_end_open(struct hob__sim_end *e) {
    struct hob__sim_host *h = e->host;
    struct hob__sim *w = h->world;
    unsigned most = h->fds_max;
    struct rlimit limit;
    /* A program that runs in a world of its own may have set itself a limit. */
    if (w->implicit && getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < most)
        most = limit.rlim_cur > 3 ? (unsigned)limit.rlim_cur - 3 : 0;
    if (h->fds >= most) return -EMFILE;
    unsigned at = w->free_end;
    if (at != UINT32_MAX) {
        w->free_end = (unsigned)((uintptr_t)w->ends[at] >> 1);
    } else {
        if (w->end_count == w->end_room) {
            w->end_room = w->end_room ? w->end_room * 2 : 64;
            w->ends = hob__sim_realloc(w->ends, w->end_room * sizeof(struct hob__sim_end *));
        }
        at = w->end_count++;
    }
    w->ends[at] = e;
    h->fds++;
    return e->fd = (int)(HOB__SIM_FD_FIRST + at);
}

static void drop_watches(struct hob__sim_end *e) {
    struct hob__sim_watch *next;
    for (struct hob__sim_watch *x = &e->watch; x; x = next) {
        next = x->next;
        hob__list_remove(&x->link);
        if (x != &e->watch) hob__sim_free(x);
    }
    e->watch.f = NULL;
    e->watch.next = NULL;
}

void hob__sim_end_close(struct hob__sim_end *e, bool crashed) {
    struct hob__sim *w = e->host->world;
    drop_watches(e);
    hob__list_remove(&e->link);
    if (e->fd >= 0) {
        unsigned at = (unsigned)e->fd - HOB__SIM_FD_FIRST;
        w->ends[at] = free_mark(w->free_end);
        w->free_end = at;
        e->host->fds--;
        e->fd = -1;
    }
    e->kind->close(e, crashed);
}

/* ---- a crash: the numbers stay until the ghost has closed them, and stand for nothing ---- */

static ssize_t dead_recv(struct hob__sim_end *e, void *buf, size_t n, int flags) {
    (void)e, (void)buf, (void)n, (void)flags;
    return -ENETDOWN;
}

static ssize_t dead_send(struct hob__sim_end *e, const struct iovec *iov, int count) {
    (void)e, (void)iov, (void)count;
    return -ENETDOWN;
}

static void dead_close(struct hob__sim_end *e, bool crashed) {
    (void)crashed;
    hob__sim_free(e);
}

static const struct hob__sim_kind dead = {
    .name = "dead", .recv = dead_recv, .send = dead_send, .close = dead_close};

void hob__sim_host_crash(struct hob__sim_host *h) {
    struct hob__sim *w = h->world;
    h->down = true;
    h->age++;
    struct hob_list all;
    hob__list_init(&all);
    while (!hob__list_empty(&h->ends)) {
        struct hob_list *n = h->ends.next;
        hob__list_remove(n);
        hob__list_append(&all, n);
    }
    while (!hob__list_empty(&all)) {
        struct hob__sim_end *e = hob__container(all.next, struct hob__sim_end, link);
        int fd = e->fd;
        hob__sim_raise(e, HOB__READ | HOB__WRITE | HOB__HUP);
        if (fd >= 0) {
            struct hob__sim_end *grave = hob__sim_alloc(sizeof *grave);
            hob__sim_end_init(grave, &dead, h);
            grave->fd = fd;
            w->ends[(unsigned)fd - HOB__SIM_FD_FIRST] = grave;
            e->fd = -1;
        }
        hob__sim_end_close(e, true);
    }
    for (unsigned i = 0; i < w->loop_count; i++)
        if (w->loops[i]->host == h) w->loops[i]->ghost = true;
    hob__sim_files_crash(h);
}

/* ---- watching ---- */

static inline void tell(struct hob__sim_watch *x, unsigned bits) {
    if (!x->pending) {
        hob__list_append(&x->loop->ready, &x->link);
        hob__sim_make_runnable(x->loop);
    }
    x->pending |= (uint8_t)bits;
}

void hob__sim_raise(struct hob__sim_end *e, unsigned bits) {
    for (struct hob__sim_watch *x = &e->watch; x; x = x->next)
        if (x->f) tell(x, bits);
}

int hob__sim_arm(struct hob__backend *b, struct hob__fd *f) {
    struct hob__sim_end *e = hob__sim_end_of(b, f->fd);
    if (!e) return hob__sim_outside(b, f->fd) ? hob__sim_outside_arm(b, f) : -EBADF;
    struct hob__sim_watch *x = &e->watch;
    if (x->f) {
        x = hob__sim_alloc(sizeof *x);
        hob__list_init(&x->link);
        x->next = e->watch.next;
        e->watch.next = x;
    }
    x->f = f;
    x->loop = b->state;
    x->pending = 0;
    f->armed = true;
    b->watched++;
    unsigned bits = e->kind->level ? e->kind->level(e) : HOB__READ | HOB__WRITE;
    if (bits) tell(x, bits);
    return 0;
}

bool hob__sim_disarm(struct hob__backend *b, struct hob__fd *f) {
    struct hob__sim_end *e = hob__sim_end_of(b, f->fd);
    if (!e && f->armed && hob__sim_outside(b, f->fd)) hob__sim_outside_disarm(b, f);
    f->armed = false;
    if (!e) return true;
    struct hob__sim_watch *x = &e->watch, *before = NULL;
    while (x && x->f != f) before = x, x = x->next;
    if (!x) return true;
    hob__list_remove(&x->link);
    x->f = NULL;
    x->pending = 0;
    if (!before) return true;
    before->next = x->next;
    hob__sim_free(x);
    return true;
}

/* Moves a random one of the first few to the front. */
static __attribute__((noinline)) void shuffle(struct hob__sim *w, struct hob_list *ready) {
    if (ready->next->next == ready) return;
    struct hob_list *x = ready->next;
    for (uint64_t k = hob__sim_below(w, HOB__SIM_ORDER, 8); k > 0 && x->next != ready; k--)
        x = x->next;
    hob__list_remove(x);
    hob__list_append(ready->next, x); /* in front of the first */
}

int hob__sim_deliver(struct hob__sim_loop *l) {
    struct hob__sim *w = l->world;
    struct hob__backend *b = l->backend;
    int n = 0;
    while (!hob__list_empty(&l->ready)) {
        if (HOB__UNLIKELY(w->order != HOB__SIM_FIFO)) shuffle(w, &l->ready);
        struct hob__sim_watch *x = hob__container(l->ready.next, struct hob__sim_watch, link);
        hob__list_remove(&x->link);
        unsigned bits = x->pending;
        x->pending = 0;
        if (hob__sim_chance(w, HOB__SIM_FAULT, w->faults.spurious)) bits |= HOB__READ | HOB__WRITE;
        hob__sim_note(w, (uint64_t)(unsigned)x->f->fd << 3 | bits);
        x->f->ready |= (uint8_t)bits;
        b->on_ready(b, x->f, bits);
        n++;
    }
    return n;
}
