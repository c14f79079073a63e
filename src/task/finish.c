/* task/finish.c - how a task ends: its error, those who await it, its scope, and its record. */
#include "task/task.h"

#include "base/memory.h"

/* ---- what it ends with ---- */

/* A task that ends with the cancel of a scope it has left, whose child's error nobody has read:
 * that error is what made it end. Otherwise such an error is reported. */
static int settle_unwound(struct hob_task *t, int rc) {
    struct hob_error *e = t->unwound;
    t->unwound = NULL;
    if (rc == -ECANCELED && !(t->outer.attention & HOB__ATT_CANCEL)) {
        hob__error_unref(t->last);
        t->last = e;
        return e->code;
    }
    hob__error_report(e, "nobody read the error of a task in a scope that was left");
    hob__error_unref(e);
    return rc;
}

static void settle_error(struct hob_task *t, int rc) {
    if (t->last && t->last->code == rc) {
        t->error = t->last;
    } else {
        hob__error_unref(t->last);
        if (rc != -ECANCELED)
            t->error =
                hob__error_new(rc, t->site->place.func, t->site->place.file, t->site->place.line,
                               hob__task_title(t), NULL, "%s", hob_strerror(rc));
    }
    t->last = NULL;
}

/* What the values' drop functions leave as an error concerns nobody. */
static void drop_locals(struct hob_task *t) {
    struct hob__local_node *locals = t->locals;
    t->locals = NULL;
    hob__locals_unref(locals);
    hob__error_unref(t->last);
    t->last = NULL;
}

static __attribute__((noinline, cold, noreturn)) void ended_elsewhere(const struct hob_task *t) {
    if (!t->region)
        hob__misuse("fork",
                    "the child process returned from task '%s', whose loop is its parent's: "
                    "it has to end by _exit() or exec()",
                    hob__task_title(t));
    hob__misuse("task end", "task '%s' ended inside a scope it had opened (by longjmp?)",
                hob__task_title(t));
}

/* Errors first: what the task ends with in the end. */
static __attribute__((noinline)) int settle(struct hob_task *t, int rc) {
    if (t->unwound) rc = settle_unwound(t, rc);
    if (rc < 0) {
        if (rc == -ECANCELED && (t->outer.attention & HOB__ATT_CANCEL))
            t->flags |= HOB__TASK_CANCELLED;
        settle_error(t, rc);
    } else {
        hob__error_unref(t->last);
        t->last = NULL;
    }
    return rc;
}

/* ---- its scope ---- */

void hob__scope_add_error(struct hob_scope *s, struct hob_error *e) {
    if (s->errors)
        s->last_error->next = e;
    else
        s->errors = e;
    s->last_error = e;
}

/* Each list owns its records, and a record is in one list at most. */
static void keep_error(struct hob_scope *s, struct hob_error *e) {
    if (!e) return;
    struct hob_error *mine = hob__error_for_list(e);
    if (!mine) return;
    hob__scope_add_error(s, mine);
}

static __attribute__((noinline)) void child_failed(struct hob_scope *s, struct hob_task *t) {
    s->failed++;
    if (s->on_error == HOB_DISCARD) {
        if (t != t->loop->main) hob__error_report(t->error, "an error that nobody can read");
        return;
    }
    keep_error(s, t->error);
    if (s->first_error && s->on_error == HOB_FAIL_FAST) return;
    if (!s->first_error) {
        s->first_error = t->result;
        s->first_failed = t;
    }
    if (s->on_error == HOB_FAIL_FAST && s->state == HOB__SCOPE_OPEN)
        hob__region_cancel(t->loop, &s->region);
}

/* Drops the record of a finished child of a HOB_DISCARD scope. */
static void discard(struct hob_task *t) {
    struct hob_scope *s = t->scope;
    if (t->prev)
        t->prev->next = t->next;
    else
        s->children.first = t->next;
    if (t->next)
        t->next->prev = t->prev;
    else
        s->children.last = t->prev;
    hob__task_free(t->loop, t);
}

static inline void add_finished(struct hob_scope *s, struct hob_task *t) {
    t->chain = NULL;
    if (s->finished.first)
        s->finished.last->chain = t;
    else
        s->finished.first = t;
    s->finished.last = t;
}

static __attribute__((noinline)) struct hob_task *wake_owner(struct hob_scope *s) {
    hob__wake_first(&s->owner_waits, 0);
    return NULL;
}

/* All children but daemons have ended, or the owner asked to be told of each. The owner, if it
 * joins and this makes it ready; else NULL. */
static inline struct hob_task *tell_owner(struct hob_loop *loop, struct hob_scope *s) {
    if (!(s->region.attention & HOB__ATT_CANCEL)) s->region.flags |= HOB__REGION_COMPLETE;
    if (HOB__LIKELY(s->joining)) {
        s->joining = false;
        hob__make_ready(loop, s->region.task);
        return s->region.task;
    }
    return s->owner_waits.first ? wake_owner(s) : NULL;
}

/* What child_done() does for one that ended like most. */
static inline struct hob_task *plain_child_done(struct hob_loop *loop, struct hob_scope *s,
                                                struct hob_task *t) {
    add_finished(s, t);
    return --s->live == s->daemons || s->wakes_each ? tell_owner(loop, s) : NULL;
}

static struct hob_task *child_done(struct hob_loop *loop, struct hob_scope *s, struct hob_task *t) {
    struct hob_task *joiner = NULL;
    s->live--;
    if (HOB__UNLIKELY(t->flags & HOB__TASK_DAEMON)) s->daemons--;
    if (HOB__UNLIKELY(t->result < 0) && t->result != -ECANCELED &&
        !(t->flags & HOB__TASK_START_FAILED))
        child_failed(s, t);
    if (s->wakes_each || s->live == s->daemons) joiner = tell_owner(loop, s);
    if (HOB__LIKELY(s->on_error != HOB_DISCARD))
        add_finished(s, t);
    else if (HOB__UNLIKELY(t == loop->main))
        hob__region_cancel(loop, &s->region);
    else
        discard(t);
    return joiner;
}

/* ---- the end, and the record's ---- */

static __attribute__((noinline)) void let_go(struct hob_task *t) {
    if (t->locals) drop_locals(t);
    if (t->flags & HOB__TASK_OWN_ARGS) {
        hob__free(t->head.args);
        t->head.args = t->args;
        t->flags &= (uint8_t)~HOB__TASK_OWN_ARGS;
    }
}

static __attribute__((noinline)) struct hob_task *finish_slowly(struct hob_loop *loop,
                                                                struct hob_task *t, int rc) {
    if (HOB__UNLIKELY(t->region != &t->outer)) ended_elsewhere(t);
    t->result = settle(t, rc);
    t->state = HOB__TASK_DONE;
    t->outer.flags |= HOB__REGION_OWNER; /* what is unusual may have left something */
    t->sp = NULL;
    let_go(t);
    loop->live--;
    if (t->joiners.first) hob__task_wake_joiners(t);
    return child_done(loop, t->scope, t);
}

/* Most tasks end well, in a scope that keeps them, and nobody awaits them by name: one question
 * instead of many, and no register to save. */
struct hob_task *hob__task_finish(struct hob_loop *loop, struct hob_task *t, int rc) {
    struct hob_scope *s = t->scope;
    uintptr_t unusual = (uintptr_t)t->unwound | (uintptr_t)t->last | (uintptr_t)t->locals |
                        (uintptr_t)t->joiners.first |
                        (t->flags & (HOB__TASK_OWN_ARGS | HOB__TASK_DAEMON));
    if (HOB__UNLIKELY(t->region != &t->outer || rc < 0 || unusual || s->on_error == HOB_DISCARD))
        return finish_slowly(loop, t, rc);
    t->result = rc;
    t->state = HOB__TASK_DONE;
    t->sp = NULL;
    loop->live--;
    return plain_child_done(loop, s, t);
}

bool hob__task_renew(struct hob_task *t) {
    if (HOB__UNLIKELY(t->region != &t->outer)) ended_elsewhere(t);
    if (HOB__UNLIKELY(t->joiners.first || t->unwound || (t->outer.flags & ~HOB__REGION_OWNER)))
        return false;
    if (HOB__UNLIKELY(t->locals || t->last)) drop_locals(t);
    if (HOB__UNLIKELY(t->name)) hob__task_free_extras(t);
    t->id = ++t->loop->next_id;
    *t->loop->errno_at = 0;
    return true;
}

void hob__task_free_extras(struct hob_task *t) {
    int *errno_at = t->loop->errno_at, kept_errno = *errno_at;
    hob__error_unref(t->error);
    t->error = NULL;
    char *name = t->name;
    t->name = NULL;
    atomic_signal_fence(memory_order_seq_cst); /* the watchdog's handler may read it */
    hob__free(name);
    if (t->last || t->locals) drop_locals(t); /* what a report function left */
    *errno_at = kept_errno;
}
