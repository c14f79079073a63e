/* task/scope.c - scopes: open, join, next_done, race, and the end.
 *
 * A scope is open, then joined (hob_join, hob_race) or left without that, and in both cases its
 * children have ended before its clean-ups run and its block is over. Once joined it covers its
 * owner no more: neither its deadline nor its cancellation is seen by what the owner does
 * afterwards in the block; its shield still is. */
#include "task/task.h"

#include "base/memory.h"

struct hob__defer_node {
    struct hob__defer_node *next;
    void (*fn)(void *arg);
    void *arg;
};

/* All zero but for what each scope has of its own. Inline: a scope costs little else. */
static inline void init(struct hob_scope *s, struct hob_task *owner, struct hob__region *parent,
                        const char *name, const struct hob__place *place) {
    s->region.parent = parent;
    s->region.inner = NULL;
    s->region.task = owner;
    s->region.attention = parent ? parent->attention : 0;
    s->region.flags = HOB__REGION_SCOPE;
    s->deadline = 0;
    s->timer.link = NULL;
    s->stop_at = 0; /* one by one: compilers pair these, and begin a slow loop for a memset */
    s->on_error = HOB_FAIL_FAST;
    s->state = HOB__SCOPE_OPEN;
    s->wakes_each = s->joining = false;
    s->live = 0;
    s->children.first = s->children.last = NULL;
    s->finished.first = s->finished.last = NULL;
    s->daemons = s->failed = 0;
    s->first_error = s->spawn_error = 0;
    s->first_failed = NULL;
    s->errors = s->last_error = NULL;
    s->defers = NULL;
    s->owner_waits.first = s->owner_waits.last = NULL;
    s->name = name;
    s->place = place;
}

void hob__scope_init(struct hob_scope *s, struct hob_task *owner, struct hob__region *parent,
                     const char *name, const struct hob__place *place) {
    init(s, owner, parent, name, place);
}

static inline struct hob_task *enter(struct hob_scope *s, const char *name,
                                     const struct hob__place *place) {
    struct hob_task *t = hob__current("HOB_SCOPE");
    struct hob__region *parent = t->region;
    init(s, t, parent, name, place);
    parent->inner = &s->region;
    t->region = &s->region;
    return t;
}

struct hob_scope *hob__scope_enter_plain(struct hob_scope *s, const struct hob__place *place) {
    enter(s, place->func, place);
    return s;
}

struct hob_scope *hob__scope_enter(struct hob_scope *s, const struct hob__place *place,
                                   uint64_t deadline, unsigned how, const char *name) {
    struct hob_task *t = enter(s, name ? name : place->func, place);
    s->on_error = (uint8_t)how;
    if (HOB__UNLIKELY(how & HOB__SCOPE_SHIELD)) {
        s->region.flags |= HOB__REGION_SHIELD;
        s->region.attention &= (uint8_t)~HOB__ATT_CANCEL;
    }
    if (deadline) {
        s->deadline = deadline;
        hob__scope_set_timer(t->loop, s);
    }
    return s;
}

static __attribute__((noinline, cold, noreturn)) void not_owner(struct hob_scope *s,
                                                                const char *func) {
    if (!s) hob__misuse(func, "the scope is NULL");
    if (s->region.task == hob_self())
        hob__misuse(func, "scope '%s' (%s:%d) has ended", s->name, s->place->file, s->place->line);
    hob__misuse(func, "scope '%s' (%s:%d) belongs to task '%s'", s->name, s->place->file,
                s->place->line, s->region.task ? hob__task_title(s->region.task) : "(the loop)");
}

static inline struct hob_task *check_owner(struct hob_scope *s, const char *func) {
    struct hob_task *t = hob__current(func);
    if (HOB__UNLIKELY(!s || s->region.task != t || s->state == HOB__SCOPE_LEFT)) not_owner(s, func);
    return t;
}

/* ---- waiting for children ---- */

static struct hob_task *take_finished(struct hob_scope *s) {
    struct hob_task *t = s->finished.first;
    if (t) s->finished.first = t->chain;
    return t;
}

static __attribute__((noinline)) void cancel_daemons(struct hob_loop *loop, struct hob_scope *s) {
    for (struct hob_task *c = s->children.first; c; c = c->next) {
        if (c->state != HOB__TASK_DONE) hob__region_cancel(loop, &c->outer);
    }
}

/* No waiter: nobody but the last child's end wakes it, and no cancel does. */
static inline void sleep_on_children(struct hob_scope *s, const char *what) {
    struct hob_task *t = s->region.task;
    s->region.flags &= (uint8_t)~HOB__REGION_COMPLETE;
    s->joining = true;
    t->what = what;
    t->object = s->name;
    t->wait_flags = HOB__WAIT_MASKED | HOB__WAIT_NAMED;
    t->state = HOB__TASK_SLEEPING;
    hob__suspend(t->loop, t);
}

static __attribute__((noinline)) void wait_on(struct hob_scope *s, const char *what) {
    while (s->live > 0) {
        if (s->live == s->daemons) cancel_daemons(s->region.task->loop, s);
        sleep_on_children(s, what);
    }
}

/* True when the last child ended while this waited and before any cancel: one that came later, in
 * the same turn, is seen at the next point. */
static inline __attribute__((always_inline)) bool wait_for_children(struct hob_scope *s,
                                                                    const char *what) {
    s->wakes_each = false;
    s->region.flags &= (uint8_t)~HOB__REGION_COMPLETE;
    if (HOB__LIKELY(s->live > s->daemons)) sleep_on_children(s, what);
    if (HOB__UNLIKELY(s->live > 0)) wait_on(s, what);
    return s->region.flags & HOB__REGION_COMPLETE;
}

/* The scope stops covering its owner, but for its shield. */
static inline void uncover(struct hob_loop *loop, struct hob_scope *s) {
    if (s->timer.link) hob__wheel_remove(&loop->wheel, &s->timer);
    if (HOB__UNLIKELY(s->region.flags & (HOB__REGION_CANCELLED | HOB__REGION_STOPPED))) {
        s->region.flags &= (uint8_t) ~(HOB__REGION_CANCELLED | HOB__REGION_STOPPED);
        hob__region_update(loop, &s->region);
    }
}

/* Is the cancel that the owner saw this scope's own expiry, and not somebody's outside? An outer
 * scope whose deadline is later than this one's is not to blame for what this one's did first. */
static bool expiry_is_ours(const struct hob_scope *s) {
    if (!(s->region.flags & HOB__REGION_EXPIRED)) return false;
    const struct hob__region *r = &s->region;
    while (r->parent && !(r->flags & HOB__REGION_SHIELD)) {
        r = r->parent;
        if (!(r->attention & HOB__ATT_CANCEL)) return true;
        if (!(r->flags & HOB__REGION_CANCELLED)) continue;
        bool later = (r->flags & HOB__REGION_SCOPE) && (r->flags & HOB__REGION_EXPIRED) &&
                     ((const struct hob_scope *)(const void *)r)->deadline > s->deadline;
        if (!later) return false;
    }
    return true;
}

static bool cancelled_from_outside(const struct hob_scope *s) {
    return !(s->region.flags & HOB__REGION_SHIELD) &&
           (s->region.parent->attention & HOB__ATT_CANCEL);
}

static int timed_out(const struct hob_scope *s) {
    return hob__fail(false, -ETIMEDOUT, s->place->func, s->place->file, s->place->line,
                     "the deadline passed");
}

/* What hob_join() returns for a scope whose children have ended. */
static __attribute__((noinline)) int outcome(struct hob_scope *s, bool clean) {
    if (s->on_error == HOB_FAIL_FAST && s->first_error) {
        if (s->errors) hob__error_set(hob__error_ref(s->errors));
        return s->first_error;
    }
    if (s->spawn_error && s->spawn_error != -ECANCELED && s->on_error != HOB_DISCARD)
        return s->spawn_error;
    if (!clean && expiry_is_ours(s)) return timed_out(s);
    if (!clean && cancelled_from_outside(s)) return -ECANCELED;
    if (s->spawn_error == -ECANCELED) return -ECANCELED;
    return s->on_error == HOB_COLLECT ? (int)s->failed : 0;
}

/* Scopes that were opened in this one and have not been left: hob_within(), or a block with a
 * deadline. Their cancels end the wait as any other, so they are passed on to those it is for. */
static __attribute__((noinline)) int join_from_inside(struct hob_task *t, struct hob_scope *s) {
    for (struct hob__region *r = t->region; r != &s->region; r = r->parent) {
        const struct hob_scope *inner = (const struct hob_scope *)(void *)r;
        if (inner->live > 0)
            hob__misuse("hob_join", "scope '%s' (%s:%d) ends before '%s' (%s:%d), opened inside it",
                        s->name, s->place->file, s->place->line, inner->name, inner->place->file,
                        inner->place->line);
    }
    struct hob_waiter w;
    s->wakes_each = false;
    s->region.flags &= (uint8_t)~HOB__REGION_COMPLETE;
    int rc = hob__check_point(t, "hob_join");
    while (rc == 0 && s->live > 0) {
        if (s->live == s->daemons) cancel_daemons(t->loop, s);
        s->region.flags &= (uint8_t)~HOB__REGION_COMPLETE;
        rc = hob__wait_on(&s->owner_waits, &w, "join", s->name, HOB__WAIT_NAMED);
    }
    bool pass_on = rc < 0 && !(s->region.attention & HOB__ATT_CANCEL);
    if (pass_on) hob__region_cancel(t->loop, &s->region);
    if (s->live > 0) wait_on(s, "join");
    int result = outcome(s, rc == 0 && (s->region.flags & HOB__REGION_COMPLETE));
    s->state = HOB__SCOPE_JOINED;
    uncover(t->loop, s);
    return pass_on && result >= 0 ? -ECANCELED : result;
}

int hob_join(struct hob_scope *s) {
    struct hob_task *t = check_owner(s, __func__);
    if (HOB__UNLIKELY(t->region != &s->region)) return join_from_inside(t, s);
    if (HOB__UNLIKELY(t->region->attention & HOB__ATT_HOOK)) hob__check_point(t, __func__);
    bool clean = wait_for_children(s, "join");
    int rc = 0;
    if (HOB__UNLIKELY(!clean || s->first_error || s->spawn_error)) rc = outcome(s, clean);
    s->state = HOB__SCOPE_JOINED;
    uncover(t->loop, s);
    return rc;
}

int hob__scope_result(struct hob_scope *s, int rc) {
    if (rc == -ECANCELED && expiry_is_ours(s)) return timed_out(s);
    return rc;
}

int hob_next_done(struct hob_scope *s, struct hob_task **child) {
    struct hob_task *t = check_owner(s, __func__);
    int rc = hob__check_point(t, __func__);
    struct hob_waiter w;
    while (rc >= 0) {
        struct hob_task *ended = take_finished(s);
        if (ended) {
            *child = ended;
            return 1;
        }
        if (s->live == 0) return 0;
        if (s->live == s->daemons) cancel_daemons(t->loop, s);
        s->wakes_each = true;
        rc = hob__wait_on(&s->owner_waits, &w, "next_done", s->name, HOB__WAIT_NAMED);
        s->wakes_each = false;
    }
    return rc;
}

static struct hob_task *take_winner(struct hob_scope *s) {
    struct hob_task *c;
    while ((c = take_finished(s)) && c->result < 0) {}
    return c;
}

int hob_race(struct hob_scope *s, struct hob_task **winner) {
    struct hob_task *t = check_owner(s, __func__);
    if (HOB__UNLIKELY(s->on_error == HOB_DISCARD))
        hob__misuse(__func__, "scope '%s' (%s:%d) is HOB_DISCARD: no result is kept", s->name,
                    s->place->file, s->place->line);
    int rc = hob__check_point(t, __func__);
    bool any = s->children.first != NULL;
    if (s->state == HOB__SCOPE_OPEN) s->state = HOB__SCOPE_RACING;
    struct hob_task *won = NULL;
    struct hob_waiter w;
    while (rc >= 0 && !(won = take_winner(s)) && s->live > 0) {
        if (s->live == s->daemons) cancel_daemons(t->loop, s);
        s->wakes_each = true;
        rc = hob__wait_on(&s->owner_waits, &w, "race", s->name, HOB__WAIT_NAMED);
        s->wakes_each = false;
    }
    if (!won && rc < 0) won = take_winner(s); /* it came with the cancel: the result is kept */
    hob__region_cancel(t->loop, &s->region);
    wait_for_children(s, "race");
    if (won) {
        rc = won->result;
        if (winner) *winner = won;
    } else if (expiry_is_ours(s)) {
        rc = timed_out(s);
    } else if (cancelled_from_outside(s)) {
        rc = -ECANCELED;
    } else if (s->first_error) {
        if (s->errors) hob__error_set(hob__error_ref(s->errors));
        rc = s->first_error;
    } else if (s->spawn_error) {
        rc = s->spawn_error;
    } else {
        rc = any ? -ECANCELED : HOB_E_NO_WINNER;
    }
    if (HOB__UNLIKELY(s->failed > 0))
        hob_scope_errors(s); /* the losers' errors are of no interest */
    s->state = HOB__SCOPE_JOINED;
    uncover(t->loop, s);
    return rc;
}

/* ---- the end ---- */

static void report_unread(const struct hob_scope *s, const struct hob_task *but) {
    for (const struct hob_task *c = s->children.first; c; c = c->next) {
        if (c != but && c->result < 0 && c->result != -ECANCELED && !(c->flags & HOB__TASK_READ))
            hob__error_report(c->error, "nobody read the error of a task in a scope that was left");
    }
}

/* A scope that is left without a join has errors that its owner has not seen: the first goes with
 * the task, as the reason of the -ECANCELED that it is probably returning; others are reported. */
static void hand_on_errors(struct hob_task *t, struct hob_scope *s) {
    if (s->on_error == HOB_FAIL_FAST) {
        report_unread(s, s->first_failed);
        bool read = s->first_failed && (s->first_failed->flags & HOB__TASK_READ);
        if (read || !s->errors) return;
        if (t->unwound) {
            hob__error_report(t->unwound,
                              "nobody read the error of a task in a scope that was left");
            hob__error_unref(t->unwound);
        }
        t->unwound = hob__error_ref(s->errors);
    } else {
        report_unread(s, NULL);
    }
}

static void run_defers(struct hob_scope *s) {
    while (s->defers) {
        struct hob__defer_node *d = s->defers;
        s->defers = d->next;
        d->fn(d->arg);
        hob__free(d);
    }
}

static inline void free_children(struct hob_loop *loop, struct hob_scope *s) {
    for (struct hob_task *c = s->children.first, *next; c; c = next) {
        next = c->next;
        if (next) hob__record_ahead(c, next, 1, 2);
        hob__task_free(loop, c);
    }
    while (HOB__UNLIKELY(s->errors != NULL)) {
        struct hob_error *e = s->errors;
        s->errors = e->next;
        hob__error_leave_list(e);
    }
}

/* Out of sight: the scope's children have ended. */
static inline void close_scope(struct hob_task *t, struct hob_scope *s) {
    s->state = HOB__SCOPE_LEFT;
    s->region.parent->inner = NULL;
    t->region = s->region.parent;
}

/* With children that run, errors, clean-ups, or a cancel of its own. errno stays what it was. */
static __attribute__((noinline)) void leave_slowly(struct hob_task *t, struct hob_scope *s) {
    int *errno_at = t->loop->errno_at, kept_errno = *errno_at;
    if (s->state != HOB__SCOPE_JOINED) {
        if (s->live > 0) {
            hob__region_cancel(t->loop, &s->region);
            wait_for_children(s, "end of scope");
        }
        if (HOB__UNLIKELY(s->failed > 0)) hand_on_errors(t, s);
        s->state = HOB__SCOPE_JOINED;
    } else if (HOB__UNLIKELY(s->failed > 0) && s->on_error == HOB_COLLECT) {
        report_unread(s, NULL); /* the join told how many, not which */
    }
    uncover(t->loop, s);
    if (HOB__UNLIKELY(s->defers != NULL)) run_defers(s);
    close_scope(t, s);
    free_children(t->loop, s);
    *errno_at = kept_errno;
}

static __attribute__((noinline, cold, noreturn)) void leaves_another(struct hob_scope *s) {
    const char *func = "the end of HOB_SCOPE";
    check_owner(s, func);
    hob__misuse(func, "scope '%s' (%s:%d) ends before one opened inside it", s->name,
                s->place->file, s->place->line);
}

void hob__scope_leave(struct hob_scope *s) {
    struct hob_task *t = hob__current("the end of HOB_SCOPE");
    if (HOB__UNLIKELY(t->region != &s->region)) leaves_another(s);
    uintptr_t unusual = s->live | s->failed | (uintptr_t)s->defers |
                        (s->region.flags & (HOB__REGION_CANCELLED | HOB__REGION_STOPPED));
    if (HOB__UNLIKELY(unusual)) {
        leave_slowly(t, s);
        return;
    }
    close_scope(t, s);
    if (s->timer.link) { /* it has not been joined */
        hob__wheel_remove(&t->loop->wheel, &s->timer);
        if (HOB__LIKELY(!s->children.first)) return;
    }
    free_children(t->loop, s);
}

/* ---- what else a scope offers ---- */

/* Any task of its loop may ask, until it has been left. */
static void check_there(const struct hob_scope *s, const char *func) {
    if (HOB__UNLIKELY(!s)) hob__misuse(func, "the scope is NULL");
    if (HOB__UNLIKELY(s->state == HOB__SCOPE_LEFT || !hob__loop ||
                      s->region.task->loop != hob__loop))
        hob__misuse(func, "scope '%s' (%s:%d) has ended, or is another thread's", s->name,
                    s->place->file, s->place->line);
}

int hob_defer(struct hob_scope *s, void (*fn)(void *arg), void *arg) {
    check_there(s, __func__);
    struct hob__defer_node *d = hob__alloc(sizeof *d);
    if (!d) return -ENOMEM;
    d->fn = fn;
    d->arg = arg;
    d->next = s->defers;
    s->defers = d;
    return 0;
}

const struct hob_error *hob_scope_errors(struct hob_scope *s) {
    check_there(s, __func__);
    for (struct hob_task *c = s->children.first; c; c = c->next) hob__task_read(c);
    return s->errors;
}

const struct hob_error *hob_scope_error_of(struct hob_scope *s, int code) {
    for (const struct hob_error *e = hob_scope_errors(s); e; e = e->next)
        if (e->code == code) return e;
    return NULL;
}
