/* task/cancel.c - cancellation, stop and deadlines.
 *
 * region->attention is what a waiting call in the region looks at. It is the region's own flags and
 * what comes from around it, less what a shield masks; region_update() restores that after a
 * change, outside in, through the scopes' children, and wakes the sleeping tasks that have to see
 * it: all of them in the same turn. */
#include "task/task.h"

#include "base/list.h"

enum { NEAR_NS = 1000000000 };

static uint8_t attention_of(const struct hob__region *r) {
    uint8_t a = r->parent ? r->parent->attention : 0;
    if (!r->parent) a = r->attention & HOB__ATT_HOOK;
    if (r->flags & HOB__REGION_SHIELD) a &= (uint8_t)~HOB__ATT_CANCEL;
    if (r->flags & HOB__REGION_CANCELLED) a |= HOB__ATT_CANCEL;
    if (r->flags & HOB__REGION_STOPPED) a |= HOB__ATT_STOP;
    return a;
}

static void queue_children(struct hob_loop *loop, struct hob_scope *s) {
    for (struct hob_task *c = s->children.first; c; c = c->next) {
        if (c->state == HOB__TASK_DONE) continue;
        c->chain = NULL;
        if (loop->update_last)
            loop->update_last->chain = c;
        else
            loop->update_first = c;
        loop->update_last = c;
    }
}

static void wake_for_attention(struct hob_task *t) {
    if (t->state != HOB__TASK_SLEEPING || !t->waiter) return;
    uint8_t a = t->region->attention;
    if ((a & HOB__ATT_CANCEL) && !(t->wait_flags & HOB__WAIT_MASKED))
        hob__wake(t->waiter, -ECANCELED);
    else if ((a & HOB__ATT_STOP) && (t->wait_flags & HOB__WAIT_STOPPABLE))
        hob__wake(t->waiter, HOB_E_STOPPING);
}

static void update_inwards(struct hob_loop *loop, struct hob__region *r) {
    struct hob_task *t = r->task;
    for (; r; r = r->inner) {
        uint8_t a = attention_of(r);
        if (a == r->attention) return; /* nothing changes further in */
        r->attention = a;
        if (r->flags & HOB__REGION_SCOPE) queue_children(loop, (struct hob_scope *)(void *)r);
    }
    if (t) wake_for_attention(t);
}

void hob__region_update(struct hob_loop *loop, struct hob__region *r) {
    update_inwards(loop, r);
    while (loop->update_first) {
        struct hob_task *t = loop->update_first;
        loop->update_first = t->chain;
        if (!loop->update_first) loop->update_last = NULL;
        update_inwards(loop, &t->outer);
    }
}

void hob__region_cancel(struct hob_loop *loop, struct hob__region *r) {
    if (r->flags & HOB__REGION_CANCELLED) return;
    r->flags |= HOB__REGION_CANCELLED;
    hob__region_update(loop, r);
}

/* ---- deadlines ---- */

static void expire(struct hob_loop *loop, struct hob_scope *s, bool by_deadline) {
    if (by_deadline) s->region.flags |= HOB__REGION_EXPIRED;
    hob__region_cancel(loop, &s->region);
}

/* Does the deadline come before the end of the grace, or is there no grace? */
static bool deadline_is_next(const struct hob_scope *s) {
    if (HOB__LIKELY(!(s->region.flags & HOB__REGION_STOPPED))) return true;
    return s->deadline && s->deadline <= s->stop_at;
}

static void timer_fired(struct hob_timer *timer) {
    struct hob_scope *s = hob__container(timer, struct hob_scope, timer);
    expire(hob__loop, s, deadline_is_next(s));
}

/* So far away that it needs no look at the clock; but not UINT64_MAX, never, which nothing is armed
 * for: it becomes 0 here. */
static inline bool is_far(const struct hob_loop *loop, uint64_t when) {
    return when + 1 > loop->turn_began + NEAR_NS + 1;
}

/* The wheel's time is that of the turn's beginning. What has passed since then has passed too; a
 * look at the clock is only worth its cost for deadlines that are near. */
static bool has_passed(struct hob_loop *loop, uint64_t when) {
    if (is_far(loop, when)) return false;
    return when <= loop->backend.ops->now(&loop->backend);
}

/* The deadlines around it that had passed by then, and that the wheel has not come to yet, come
 * first: what waits inside them is theirs to convert. */
static void expire_around(struct hob_loop *loop, const struct hob_scope *s, uint64_t when) {
    for (struct hob__region *r = s->region.parent; r; r = r->parent) {
        struct hob_scope *outer = (struct hob_scope *)(void *)r;
        if (!(r->flags & HOB__REGION_SCOPE) || !outer->timer.link ||
            outer->timer.deadline_ns > when)
            continue;
        hob__wheel_remove(&loop->wheel, &outer->timer);
        timer_fired(&outer->timer);
    }
}

static __attribute__((noinline)) void set_timer_slowly(struct hob_loop *loop, struct hob_scope *s) {
    bool by_deadline = deadline_is_next(s);
    uint64_t when = by_deadline ? s->deadline : s->stop_at;
    if (!when || when == UINT64_MAX || (s->region.flags & HOB__REGION_CANCELLED)) {
        /* UINT64_MAX is never: armed, it would hide a deadlock. */
        hob__wheel_remove(&loop->wheel, &s->timer);
        return;
    }
    s->timer.fire = timer_fired;
    if (has_passed(loop, when)) {
        hob__wheel_remove(&loop->wheel, &s->timer);
        expire_around(loop, s, when);
        expire(loop, s, by_deadline);
    } else if (!hob__wheel_move(&loop->wheel, &s->timer, when)) {
        expire(loop, s, by_deadline);
    }
}

void hob__scope_set_timer(struct hob_loop *loop, struct hob_scope *s) {
    if (HOB__UNLIKELY(!is_far(loop, s->deadline) ||
                      (s->region.flags & (HOB__REGION_STOPPED | HOB__REGION_CANCELLED)))) {
        set_timer_slowly(loop, s);
        return;
    }
    s->timer.fire = timer_fired;
    hob__wheel_move(&loop->wheel, &s->timer, s->deadline); /* so far ahead is never refused */
}

/* The loop of a scope that has not ended; misuse from another thread. */
static struct hob_loop *loop_of(const struct hob_scope *s, const char *func) {
    struct hob_loop *loop = hob__loop;
    if (HOB__UNLIKELY(!loop || (s->region.task && s->region.task->loop != loop)))
        hob__misuse(func, "the scope '%s' belongs to another thread's loop", s->name);
    return loop;
}

static __attribute__((noinline)) int reschedule_slowly(struct hob_scope *s, uint64_t deadline,
                                                       const char *func) {
    struct hob_loop *loop = hob__loop;
    if (!loop) hob__misuse(func, "no loop is running in this thread");
    if (!s) hob__misuse(func, "the scope is NULL");
    if (s->region.task != hob__loop_task(loop)) loop_of(s, func);
    if (s->state >= HOB__SCOPE_JOINED || (s->region.flags & HOB__REGION_CANCELLED)) return -EINVAL;
    s->deadline = deadline;
    hob__scope_set_timer(loop, s);
    return 0;
}

/* Its scope is of this loop, and neither cancelled, stopped nor joined: when armed, it is open. */
static inline bool moves_by_a_store(const struct hob_loop *loop, const struct hob_scope *s,
                                    uint64_t deadline) {
    return loop && s && s->region.task && s->region.task->loop == loop && is_far(loop, deadline) &&
           !(s->region.flags & (HOB__REGION_CANCELLED | HOB__REGION_STOPPED)) &&
           hob__wheel_stays(&s->timer, deadline);
}

int hob_scope_reschedule(struct hob_scope *s, uint64_t deadline) {
    if (HOB__UNLIKELY(!moves_by_a_store(hob__loop, s, deadline)))
        return reschedule_slowly(s, deadline, __func__);
    s->deadline = s->timer.deadline_ns = deadline;
    return 0;
}

bool hob_scope_expired(const struct hob_scope *s) {
    if (HOB__UNLIKELY(!s)) hob__misuse(__func__, "the scope is NULL");
    return s->region.flags & HOB__REGION_EXPIRED;
}

/* ---- the calls ---- */

void hob_scope_cancel(struct hob_scope *s) {
    if (HOB__UNLIKELY(!s)) hob__misuse(__func__, "the scope is NULL");
    if (s->state >= HOB__SCOPE_JOINED) return;
    hob__region_cancel(loop_of(s, __func__), &s->region);
}

void hob_stop(struct hob_scope *s, double grace) {
    if (HOB__UNLIKELY(!s)) hob__misuse(__func__, "the scope is NULL");
    if (s->state >= HOB__SCOPE_JOINED) return;
    struct hob_loop *loop = loop_of(s, __func__);
    if (!(s->region.flags & HOB__REGION_STOPPED)) {
        s->region.flags |= HOB__REGION_STOPPED;
        hob__region_update(loop, &s->region);
    }
    uint64_t when = hob_after(grace);
    if (!s->stop_at || when < s->stop_at) s->stop_at = when;
    hob__scope_set_timer(loop, s);
}

uint64_t hob__grace_end(void) {
    uint64_t end = UINT64_MAX;
    for (const struct hob__region *r = hob__current(__func__)->region; r; r = r->parent) {
        const struct hob_scope *s = (const struct hob_scope *)(const void *)r;
        if ((r->flags & HOB__REGION_STOPPED) && s->stop_at < end) end = s->stop_at;
        if (r->flags & HOB__REGION_SHIELD) break; /* what is outside does not cancel it */
    }
    return end;
}

bool hob_stopping(void) { return hob__current(__func__)->region->attention & HOB__ATT_STOP; }

bool hob_cancel(struct hob_task *t) {
    if (!t) return false; /* its spawn was refused */
    if (t->state == HOB__TASK_DONE) return false;
    if (t->outer.flags & HOB__REGION_CANCELLED) return false;
    if (t->loop != hob__loop)
        hob__misuse(__func__, "task '%s' belongs to another thread's loop", hob__task_title(t));
    hob__region_cancel(t->loop, &t->outer);
    return true;
}

bool hob_uncancel(void) {
    struct hob_task *t = hob__current(__func__);
    if (!(t->outer.flags & HOB__REGION_CANCELLED)) return false;
    t->outer.flags &= (uint8_t)~HOB__REGION_CANCELLED;
    hob__region_update(t->loop, &t->outer);
    return true;
}

bool hob_cancelled(void) { return hob__current(__func__)->region->attention & HOB__ATT_CANCEL; }

int hob_check(void) { return hob__check_point(hob__current(__func__), __func__); }
