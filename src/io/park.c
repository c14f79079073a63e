/* io/park.c - connections that wait without a task; serve.h describes them.
 *
 * park() and unpark() move a connection between the two states. An event or a timer finds it in
 * either: parked, it gets a worker or is closed; running, an event that says that the peer has left
 * cancels its task, if that wants it. A timer is never disarmed when a connection is unparked: it
 * stays in its slot of the wheel, and the next park moves its deadline, which is a store. */
#include <hob/hob.h>

#include "base/memory.h"
#include "io/serve.h"
#include "io/stream.h"
#include "task/fdwait.h"
#include "task/task.h"

/* ---- a worker for it ---- */

static __attribute__((noinline)) int new_worker(struct hob__service *v) {
    struct hob_spawn_options how = {.stack_size = v->options.stack_size};
    const struct hob__spawn_site *site = v->parking->site;
    struct hob_task *t =
        how.stack_size ? hob__spawn_with(v->scope, site, how) : hob__spawn(v->scope, site);
    if (!t) return -ENOMEM;
    *(struct hob__service **)t->head.args = v;
    v->worker_comes = true;
    return 0;
}

static inline int need_worker(struct hob__service *v) {
    return HOB__LIKELY(v->worker_comes) ? 0 : new_worker(v);
}

/* Outside any task: what is no plain socket might have to wait while it is closed. */
static void end_outside(struct hob__served *c) {
    if (HOB__UNLIKELY(c->holds)) c->service->parking->lost(c);
    if (c->stream && !c->stream->direct) hob_abort(c->stream);
    hob__served_end(c);
}

/* There was no memory for a worker, and nobody else takes them. */
static void drop_ready(struct hob__service *v) {
    while (!hob__list_empty(&v->ready)) {
        struct hob__served *c = hob__container(v->ready.next, struct hob__served, node);
        hob__list_remove(&c->node);
        end_outside(c);
    }
}

void hob__park_lost(void *args) {
    struct hob__service *v = *(struct hob__service **)args;
    v->worker_comes = false;
    if (!v->taker || v->taker->state == HOB__TASK_SLEEPING)
        drop_ready(v); /* its handler may wait for ever */
    else if (!hob__list_empty(&v->ready))
        (void)need_worker(v); /* the taker has only let others run, and goes on before this one */
}

static int make_ready(struct hob__served *c) {
    int rc = need_worker(c->service);
    if (rc == 0) hob__list_append(&c->service->ready, &c->node);
    return rc;
}

static void leave_lot(struct hob__served *c) {
    c->parked = false;
    hob__list_remove(&c->node);
    hob__loop->outside--;
}

/* Outside any task: a parked connection ends. What is no plain socket may have to wait while it is
 * closed, and gets a task for that. */
static void end_parked(struct hob__served *c, enum hob__park_end how) {
    struct hob__service *v = c->service;
    leave_lot(c);
    if (HOB__UNLIKELY(c->holds)) {
        c->woken = (uint8_t)(how + 1);
        if (make_ready(c) < 0) end_outside(c);
        return;
    }
    if (v->parking->parked_end) v->parking->parked_end(c, how);
    c->ending = (uint8_t)(how + 1);
    if (!c->stream->direct && make_ready(c) == 0) return;
    end_outside(c);
}

static __attribute__((noinline)) void unpark_in_vain(struct hob__served *c) {
    hob__loop->outside++; /* as it was */
    c->parked = true;
    hob__list_append(&c->service->parked, &c->node);
    end_parked(c, HOB__PARK_MEMORY);
}

static void unpark(struct hob__served *c) {
    leave_lot(c);
    if (HOB__UNLIKELY(make_ready(c) < 0)) unpark_in_vain(c);
}

/* ---- events and timers, outside any task ---- */

/* Has the peer ended it, with nothing left to read? */
static bool has_left(struct hob__served *c) {
    struct hob_stream *s = c->stream;
    char byte;
    if (!s->direct) return true; /* the peer's last record lies there, unread */
    return s->backend->ops->sys->recv(s->backend, s->fd->fd, &byte, 1, MSG_PEEK) <= 0;
}

/* Its event may still be on the way: so the state says what was found. */
static bool has_something(struct hob__served *c) {
    struct hob_stream *s = c->stream;
    char byte;
    if (s->backend->ops->sys->recv(s->backend, s->fd->fd, &byte, 1, MSG_PEEK) <= 0) return false;
    s->fd->ready |= HOB__READ;
    return true;
}

static void on_event(struct hob__watch *w, struct hob__fd *f, unsigned events) {
    struct hob__served *c = hob__container(w, struct hob__served, watch);
    (void)f;
    if (c->parked) {
        if (!(events & HOB__READ)) return;
        if (HOB__UNLIKELY(events & HOB__HUP) && !c->holds && c->stream->direct && has_left(c))
            end_parked(c, HOB__PARK_LEFT);
        else
            unpark(c);
    } else if (HOB__UNLIKELY(events & HOB__HUP) && c->watched && c->task && has_left(c)) {
        c->watched = false;
        c->left = true;
        hob__region_cancel(hob__loop, &c->task->outer);
    }
}

static void on_timer(struct hob_timer *timer) {
    struct hob__served *c = hob__container(timer, struct hob__served, timer);
    bool alarmed = c->alarmed;
    c->alarmed = false;
    if (c->parked)
        end_parked(c, HOB__PARK_TIMEOUT);
    else if (alarmed)
        c->service->parking->alarm(c);
}

void hob__served_alarm(struct hob__served *c, uint64_t ns) {
    struct hob_loop *loop = hob__loop;
    c->timer.fire = on_timer;
    c->alarmed = hob__wheel_move(&loop->wheel, &c->timer, loop->slice_began + ns);
}

/* park() counts from the turn's beginning: what is left now would be over too soon. */
void hob__served_until(struct hob__served *c, uint64_t at) {
    uint64_t turn = hob__loop->slice_began;
    c->patience = at == UINT64_MAX ? at : at > turn ? at - turn : 0;
}

uint64_t hob__served_turn(void) { return hob__loop->slice_began; }

/* ---- parking ---- */

static __attribute__((noinline)) int arm(struct hob_loop *loop, struct hob__fd *f) {
    f->ready &= (uint8_t)~HOB__READ; /* what is there already, arming tells */
    return loop->backend.ops->arm(&loop->backend, f);
}

/* 0, or why it cannot: then it is not parked. */
static int park(struct hob__served *c) {
    struct hob_loop *loop = hob__loop;
    struct hob__fd *f = c->stream->fd;
    if (HOB__UNLIKELY(!f->armed)) {
        int rc = arm(loop, f);
        if (rc < 0) return rc;
    }
    c->timer.fire = on_timer;
    c->alarmed = false;
    if (HOB__UNLIKELY(c->patience == UINT64_MAX))
        hob__wheel_remove(&loop->wheel, &c->timer);
    else if (!hob__wheel_move(&loop->wheel, &c->timer, loop->slice_began + c->patience))
        return -ETIMEDOUT;
    c->parked = true;
    hob__list_append(&c->service->parked, &c->node);
    loop->outside++;
    return 0;
}

int hob__park_begin(struct hob__service *v, struct hob_stream *stream) {
    const struct hob__parking *p = v->parking;
    struct hob__served *c = hob__alloc_zero(p->size);
    if (!c) {
        hob_close(stream);
        return -ENOMEM;
    }
    c->watch.fn = on_event;
    hob__list_init(&c->node);
    c->service = v;
    c->stream = stream;
    stream->lent = &c->stream;
    stream->fd->watch = &c->watch;
    c->patience = p->first;
    c->fresh = true;
    v->live++;
    if (p->begun) p->begun(c);
    int rc = park(c);
    if (rc == 0) return 0;
    hob__served_end(c);
    return rc == -ETIMEDOUT ? 0 : rc;
}

/* The task's name is the peer's while it runs, and its own copy when it ends with an error. */
static int end_run(struct hob__served *c, struct hob_task *t, int rc) {
    c->task = NULL;
    if (!c->named) t->name = rc < 0 && c->stream ? hob__strdup(c->stream->peer) : NULL;
    hob__served_end(c);
    return rc;
}

static inline bool may_park(const struct hob__served *c, const struct hob_task *t) {
    if (c->service->ending || !c->stream || (t->outer.attention & HOB__ATT_CANCEL)) return false;
    return !(t->outer.attention & HOB__ATT_STOP) || (!c->holds && hob__service_lasts(c->service));
}

/* The server ends, and this connection has just been made: what its client is about to say has
 * nowhere else to go. */
static void wait_for_first(struct hob__served *c) {
    static const double PATIENCE = 1; /* seconds */
    if (has_something(c)) return;
    (void)hob_within(PATIENCE, hob__fd_wait(c->stream->fd, HOB__READ, "read", HOB__WAIT_PLAIN));
    hob_error_clear();
}

/* One connection, in a task that is as good as new. HOB__PARK: it is parked; else it has ended: 0,
 * or an error, which is the task's. */
static int run_one(struct hob__served *c, struct hob_task *t) {
    struct hob__service *v = c->service;
    c->task = t;
    t->name = c->stream->peer;
    bool fresh = c->fresh;
    c->fresh = false;
    if (HOB__UNLIKELY(fresh && v->ending && !c->ending)) wait_for_first(c);
    int rc;
    for (;;) {
        do {
            do rc = c->ending ? 0 : v->parking->run(c);
            while (HOB__UNLIKELY(rc == HOB__AGAIN));
            /* What came while it was busy needs no further task. */
        } while (rc == HOB__PARK && may_park(c, t) && (c->stream->fd->ready & HOB__READ));
        int why = -ECANCELED;
        if (HOB__LIKELY(rc == HOB__PARK && may_park(c, t))) {
            c->task = NULL;
            if (HOB__UNLIKELY(c->named)) hob__free((char *)(uintptr_t)t->name);
            c->named = false;
            t->name = NULL;
            why = park(c);
            if (HOB__LIKELY(why == 0)) return HOB__PARK;
        }
        if (HOB__LIKELY(rc != HOB__PARK || !c->holds)) break;
        c->woken = (uint8_t)(1 + (why == -ECANCELED   ? HOB__PARK_STOPPED
                                  : why == -ETIMEDOUT ? HOB__PARK_TIMEOUT
                                                      : HOB__PARK_MEMORY));
        c->task = t;
    }
    if (rc == HOB__PARK || hob__service_is_silent(rc) || (rc == -ECANCELED && c->left)) rc = 0;
    return end_run(c, t, rc);
}

/* By the time that one of a thousand has its turn, the kernel's work for those before it has driven
 * its memory out of the caches. So while one is answered, the record is asked for of the third
 * behind it, the stream of the second, which its record names, and the descriptor's record of the
 * next. (Always inline: gcc sees no effect in a function that only prefetches, and drops its call.)
 */
static inline __attribute__((always_inline)) void look_ahead(const struct hob__service *v) {
    enum { LINE = 64 };
    const struct hob_list *end = &v->ready, *next = end->next;
    if (next == end) return;
    const struct hob__served *c = hob__container(next, const struct hob__served, node);
    if (c->stream) __builtin_prefetch(c->stream->fd, 1);
    if ((next = next->next) == end) return;
    c = hob__container(next, const struct hob__served, node);
    const char *stream = (const char *)c->stream;
    __builtin_prefetch(stream, 1);
    __builtin_prefetch(stream + LINE, 1);
    if ((next = next->next) == end) return;
    const char *record = (const char *)hob__container(next, const struct hob__served, node);
    for (unsigned line = 0; line < 3; line++) __builtin_prefetch(record + LINE * line, 1);
}

/* A worker; serve.h describes it. One that was not the last to begin, since it was interrupted or
 * has waited, leaves the queue to the others: so there are never more than wait, and two. */
int hob__park_run(void *args) {
    struct hob__service *v = *(struct hob__service **)args;
    struct hob_task *t = hob__loop_task(hob__loop);
    int rc = 0;
    v->worker_comes = false;
    v->taker = t;
    while (v->taker == t && !hob__list_empty(&v->ready)) {
        struct hob__served *c = hob__container(v->ready.next, struct hob__served, node);
        hob__list_remove(&c->node);
        if (!hob__list_empty(&v->ready)) {
            look_ahead(v);
            (void)need_worker(v); /* without memory they wait for this one */
        }
        rc = run_one(c, t);
        if (HOB__UNLIKELY(rc < 0 || !hob__task_renew(t))) break;
    }
    if (v->taker == t) v->taker = NULL;
    if (HOB__UNLIKELY(!hob__list_empty(&v->ready)) && need_worker(v) < 0 && !v->taker)
        drop_ready(v);
    return rc < 0 ? rc : 0;
}

void hob__served_take_over(struct hob__served *c) {
    c->watched = false;
    if (c->named || !c->task) return;
    c->task->name = hob__strdup(c->stream->peer);
    c->named = true;
}

void hob__service_tell_holding(struct hob__service *v) {
    for (struct hob_list *n = v->parked.next, *next; n != &v->parked; n = next) {
        struct hob__served *c = hob__container(n, struct hob__served, node);
        next = n->next;
        if (c->holds) end_parked(c, HOB__PARK_STOPPED);
    }
}

/* What has come to one of them already is still dealt with. */
void hob__service_close_parked(struct hob__service *v) {
    while (!hob__list_empty(&v->parked)) {
        struct hob__served *c = hob__container(v->parked.next, struct hob__served, node);
        if (!hob_cancelled() && ((c->fresh && c->stream->direct) || has_something(c)))
            unpark(c);
        else
            end_parked(c, HOB__PARK_STOPPED);
    }
}
