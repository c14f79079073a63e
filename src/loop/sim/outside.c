/* loop/sim/outside.c - real descriptors in a simulated world: only where a program runs in a world
 * of its own (HOB_BACKEND=sim), for what it got from elsewhere: a socketpair, standard input, a
 * child's pidfd, an inotify descriptor. Their system calls are the real ones (sys.c); here they are
 * watched, by an epoll instance.
 *
 * Nobody can tell when the real world will do something. So while one is watched the clock does not
 * jump: it follows the real one, in the sleeps alone. Runs with such descriptors are no replay. */
#include <unistd.h>

#include "loop/internal.h"
#include "loop/sim/sim.h"

enum { BATCH = 64 };

int hob__sim_outside_open(struct hob__backend *b, struct hob__sim *w) {
    int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0) return -errno;
    struct epoll_event e = {.events = (uint32_t)(EPOLLIN | EPOLLET), .data.u64 = 0};
    if (epoll_ctl(fd, EPOLL_CTL_ADD, b->wake_fd, &e) < 0) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    w->outside = fd + 1;
    w->coarse = hob__on_valgrind();
    return 0;
}

void hob__sim_outside_close(struct hob__sim *w) {
    if (w->outside) close(w->outside - 1);
    w->outside = 0;
}

int hob__sim_outside_arm(struct hob__backend *b, struct hob__fd *f) {
    struct hob__sim *w = hob__sim_world(b);
    int rc = hob__epoll_add(w->outside - 1, f);
    if (rc < 0) return rc;
    f->armed = true;
    b->watched++;
    w->outside_watched++;
    return 0;
}

void hob__sim_outside_disarm(struct hob__backend *b, struct hob__fd *f) {
    struct hob__sim *w = hob__sim_world(b);
    hob__epoll_remove(w->outside - 1, f);
    w->outside_watched--;
}

/* Sleeps at most so long. How many events came, at least 1 if something did. */
static int look(struct hob__backend *b, uint64_t ns) {
    struct hob__sim *w = hob__sim_world(b);
    struct epoll_event events[BATCH];
    int n = hob__epoll_sleep(w->outside - 1, events, BATCH, ns, &w->coarse);
    if (n > 0) hob__epoll_deliver(b, events, n);
    return n < 0 ? 1 : n;
}

uint64_t hob__sim_outside_wait(struct hob__sim_loop *l, uint64_t deadline) {
    struct hob__sim *w = l->world;
    struct hob__backend *b = l->backend;
    if (look(b, 0) > 0 || deadline <= w->now || w->runnable_count > 0) return 0;
    uint64_t until = deadline, began = hob__linux_now(b), slept;
    if (w->event_count > 0 && w->events[0].when < until) until = w->events[0].when;
    bool any = true;
    if (until > w->now && hob__sleep_begin(b))
        any = look(b, until == UINT64_MAX ? until : until - w->now) > 0;
    slept = hob__linux_now(b) - began;
    if (until != UINT64_MAX && slept > until - w->now) slept = until - w->now;
    w->now += slept;
    return any ? 0 : until;
}
