/* loop/sim/backend.c - struct hob__backend_ops of a loop in a simulated world.
 *
 * A loop that is opened where no world is (hob_run() with HOB_BACKEND=sim) gets one of its own,
 * with itself as the only host: by default a quiet one, whose seed is 1, without faults and in the
 * order of real loops; HOB_SIM in the environment says otherwise. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "loop/internal.h"
#include "loop/sim/sim.h"

#define LOOK_NS 50 /* what a look at the clock takes */
#define RACE_NS 10000000

static struct hob__sim_loop *loop_of(struct hob__backend *b) { return b->state; }

/* ---- a world of its own ---- */

/* Nothing in this world can happen; only the real one can go on: a thread of the program posts, or
 * a signal comes. */
static bool sleep_really(struct hob__sim *w) {
    struct hob__backend *b = w->current->backend;
    if (!b) return false;
    fflush(w->log ? w->log : stderr);
    struct pollfd p = {.fd = b->wake_fd, .events = POLLIN};
    if (hob__sleep_begin(b)) poll(&p, 1, -1);
    uint64_t count;
    if (read(b->wake_fd, &count, sizeof count) < 0) errno = 0;
    atomic_store(&b->woken, true);
    hob__sim_make_runnable(w->current);
    return true;
}

static int make_world(struct hob__backend *b) {
    struct hob__sim_config c;
    if (hob__sim_config_parse(getenv("HOB_SIM"), &c) < 0)
        return hob__why(b, "HOB_SIM in the environment", -EINVAL);
    if (!c.given) {
        c.seed = 1;
        if (c.order < 0) c.order = HOB__SIM_FIFO;
        if (c.faults < 0) c.faults = 0;
    }
    struct hob__sim *w = hob__sim_new(c.seed);
    int rc = hob__sim_outside_open(b, w);
    if (rc < 0) {
        hob__sim_free_world(w);
        return hob__why(b, "sim", rc);
    }
    hob__sim_configure(w, &c);
    w->implicit = true;
    w->real_files = !c.files;
    w->stuck = sleep_really;
    hob__sim_loop_new(hob__sim_host_new(w, "local"), NULL, NULL);
    hob__sim_current = w;
    return 0;
}

unsigned hob__sim_left_open;

static void end_world(struct hob__sim *w) {
    hob__sim_current = NULL;
    hob__sim_outside_close(w);
    for (unsigned i = 0; i < w->host_count; i++) hob__sim_left_open += w->hosts[i]->fds;
    hob__sim_free_world(w);
}

/* ---- the calls ---- */

static int sim_open(struct hob__backend *b) {
    if (hob__sim_current && hob__sim_current->working)
        return hob__why(b, "sim: a loop in what was handed to a thread", -ENOTSUP);
    int rc = hob__waker_open(b);
    if (rc < 0) return hob__why(b, "sim", rc);
    if (!hob__sim_current) rc = make_world(b);
    if (rc < 0) {
        hob__waker_close(b);
        return rc;
    }
    struct hob__sim_loop *l = hob__sim_current->current;
    b->state = l;
    l->backend = b;
    return 0;
}

static void sim_close(struct hob__backend *b) {
    struct hob__sim_loop *l = loop_of(b);
    if (b->owner != getpid()) { /* a forked child: all of this is its parent's */
        hob__sim_current = NULL;
        hob__sim_outside_close(l->world);
        hob__waker_close(b);
        return;
    }
    l->backend = NULL;
    b->state = NULL;
    hob__waker_close(b);
    if (l->world->implicit) end_world(l->world);
}

static uint64_t sim_now(struct hob__backend *b) { return loop_of(b)->world->now += LOOK_NS; }

static int64_t sim_wall(struct hob__backend *b) {
    return hob__sim_wall_ns(loop_of(b)->world) / 1000000000;
}

static void sim_pause(struct hob__backend *b, long ns) {
    struct hob__sim *w = loop_of(b)->world;
    hob__sim_pass(loop_of(b), w->now + (uint64_t)ns);
}

static void sim_random(struct hob__backend *b, void *buf, size_t n) {
    struct hob__sim *w = loop_of(b)->world;
    while (n > 0) {
        uint64_t bits = hob__sim_draw(w, HOB__SIM_PROGRAM);
        size_t k = n < sizeof bits ? n : sizeof bits;
        memcpy(buf, &bits, k);
        buf = (char *)buf + k;
        n -= k;
    }
}

static __attribute__((noinline)) int complete(struct hob__sim_loop *l) {
    int n = 0;
    for (struct hob__op *op = l->done, *next; op; op = next, n++) {
        next = op->next;
        if (!next) l->done_tail = &l->done;
        l->done = next;
        op->next = NULL;
        l->backend->ops_in_flight--;
        op->done(op);
    }
    return n;
}

/* The wait ends late, when the next thing of the world has happened too, or what the loop itself
 * has set a deadline for, if that is soon. */
static void meet(struct hob__sim_loop *l, uint64_t deadline) {
    struct hob__sim *w = l->world;
    uint64_t next = w->event_count > 0 ? w->events[0].when : UINT64_MAX;
    if (deadline > w->now && deadline - w->now < RACE_NS && hob__sim_below(w, HOB__SIM_RACE, 2))
        next = deadline;
    if (next > w->now && next - w->now < RACE_NS) l->stalled_until = next + 1;
}

static int sim_wait(struct hob__backend *b, uint64_t deadline) {
    struct hob__sim_loop *l = loop_of(b);
    struct hob__sim *w = l->world;
    if (HOB__UNLIKELY(atomic_load_explicit(&b->woken, memory_order_relaxed))) deadline = 0;
    if (hob__sim_chance(w, HOB__SIM_FAULT, w->faults.early)) deadline = 0;
    if (hob__sim_chance(w, HOB__SIM_FAULT, w->faults.stall)) {
        l->stalled_until = w->now + 1000000 + hob__sim_below(w, HOB__SIM_FAULT, 99000000);
        HOB__SIM_LOG(w, l->host, "stalls for %.3f s", (double)(l->stalled_until - w->now) / 1e9);
    }
    if (HOB__UNLIKELY(w->outside_watched > 0)) deadline = hob__sim_outside_wait(l, deadline);
    hob__sim_pass(l, deadline);
    if (hob__sim_chance(w, HOB__SIM_RACE, w->faults.race)) meet(l, deadline);
    while (w->now < l->stalled_until) hob__sim_pass(l, l->stalled_until);
    /* A wake that is seen late ends the next wait. */
    if (HOB__UNLIKELY(atomic_load_explicit(&b->woken, memory_order_relaxed) ||
                      atomic_load_explicit(&b->sleeping, memory_order_relaxed)))
        hob__sleep_end(b);
    return HOB__UNLIKELY(l->done != NULL) ? complete(l) + hob__sim_deliver(l) : hob__sim_deliver(l);
}

static void sim_wake(struct hob__backend *b) {
    hob__waker_wake(b);
    struct hob__sim_loop *l = b->state;
    if (l) atomic_store(&l->world->woken, true);
}

const struct hob__backend_ops hob__backend_sim = {
    .name = "sim",
    .open = sim_open,
    .close = sim_close,
    .now = sim_now,
    .wall = sim_wall,
    .pause = sim_pause,
    .random = sim_random,
    .choose = hob__sim_choose,
    .lend_clock = hob__sim_lend_clock,
    .wait = sim_wait,
    .wake = sim_wake,
    .arm = hob__sim_arm,
    .disarm = hob__sim_disarm,
    .attempt = hob__sim_attempt,
    .submit = hob__sim_submit,
    .sys = &hob__sys_sim,
    .files = &hob__files_sim,
};

__attribute__((constructor)) static void enter(void) { hob__backend_simulated = &hob__backend_sim; }
