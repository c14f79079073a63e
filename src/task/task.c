/* task/task.c - a task's life: spawn, await, and what can be asked of it. */
#include "task/task.h"

#include <string.h>

#include "base/memory.h"

/* What a task that was never there ends with: why its spawn was refused, so that the results of
 * spawns need not be checked. Misuse when no spawn was. */
static __attribute__((noinline, cold)) int refusal(const char *func) {
    struct hob_loop *loop = hob__loop;
    if (!loop || !loop->refusal) hob__misuse(func, "the task is NULL");
    return loop->refusal;
}

static struct hob_task *check_task(const struct hob_task *t, const char *func) {
    if (HOB__UNLIKELY(!t)) hob__misuse(func, "the task is NULL (was its spawn refused?)");
    if (HOB__UNLIKELY(hob__task_gone(t)))
        hob__misuse(func, "the task's scope has ended, the task is gone");
    return (struct hob_task *)t;
}

/* Arguments that do not fit, and a name: what a spawn may have to allocate. */
static bool allocate_extras(struct hob_task *t, const struct hob__spawn_site *site,
                            const struct hob_spawn_options *options) {
    void *args = NULL;
    if (site->args_size > HOB__TASK_INLINE_ARGS) {
        args = hob__alloc(site->args_size);
        if (!args) return false;
    }
    if (options && options->name) {
        t->name = hob__strdup(options->name);
        if (!t->name) {
            hob__free(args);
            return false;
        }
        t->outer.flags |= HOB__REGION_OWNER;
    }
    if (args) {
        t->head.args = args;
        t->flags |= HOB__TASK_OWN_ARGS;
    }
    return true;
}

static __attribute__((noinline)) bool use_options(struct hob_task *t, struct hob_scope *s,
                                                  const struct hob__spawn_site *site,
                                                  const struct hob_spawn_options *options) {
    if (!allocate_extras(t, site, options)) return false;
    if (options && options->stack_size)
        t->stack_class = (uint8_t)hob__stack_class(options->stack_size);
    if (options && options->daemon) {
        t->flags |= HOB__TASK_DAEMON;
        s->daemons++;
    }
    return true;
}

static inline void add_child(struct hob_scope *s, struct hob_task *t) {
    struct hob_task *last = s->children.last;
    t->prev = last;
    t->next = NULL;
    if (last)
        last->next = t;
    else
        s->children.first = t;
    s->children.last = t;
    s->live++;
}

static inline __attribute__((always_inline)) struct hob_task *
new_task(struct hob_loop *loop, struct hob_scope *s, const struct hob__spawn_site *site,
         const struct hob_spawn_options *options) {
    if (HOB__UNLIKELY(!hob__ring_reserve(loop))) return NULL;
    struct hob_task *t = hob__record_new(loop);
    if (HOB__UNLIKELY(!t)) return NULL;
    t->flags = t->outer.flags = 0;
    t->stack_class = (uint8_t)loop->stack_class;
    if (HOB__UNLIKELY(options || site->args_size > HOB__TASK_INLINE_ARGS) &&
        !use_options(t, s, site, options)) {
        hob__record_free(loop, t);
        return NULL;
    }
    t->region = &t->outer;
    t->outer.parent = &s->region;
    t->outer.attention = s->region.attention;
    t->scope = s;
    t->site = site;
    t->result = -EINPROGRESS;
    struct hob_task *parent = hob__loop_task(loop);
    if (HOB__UNLIKELY(parent && parent->locals)) t->locals = hob__locals_ref(parent->locals);
    t->id = ++loop->next_id;
    add_child(s, t);
    loop->live++;
    hob__make_ready(loop, t);
    t->state = HOB__TASK_NEW;
    return t;
}

struct hob_task *hob__task_new(struct hob_loop *loop, struct hob_scope *s,
                               const struct hob__spawn_site *site,
                               const struct hob_spawn_options *options) {
    return new_task(loop, s, site, options);
}

static void refuse(struct hob_scope *s, const struct hob__spawn_site *site, int code) {
    if (!s->spawn_error) s->spawn_error = code;
    hob__loop->refusal = code;
    if (code == -ECANCELED || s->on_error == HOB_DISCARD) return;
    s->failed++;
    struct hob_error *e = hob__error_new(code, site->place.func, site->place.file, site->place.line,
                                         site->name, NULL, "cannot spawn '%s'", site->name);
    if (e) hob__scope_add_error(s, e);
    if (s->on_error == HOB_FAIL_FAST) {
        if (!s->first_error) s->first_error = code;
        hob__region_cancel(hob__loop, &s->region);
    }
}

static __attribute__((noinline, cold, noreturn)) void
misused_spawn(const struct hob_scope *s, const struct hob__spawn_site *site) {
    if (!s) hob__misuse("hob_spawn", "the scope is NULL");
    if (!hob__loop || s->region.task->loop != hob__loop)
        hob__misuse("hob_spawn", "the scope '%s' belongs to another thread's loop", s->name);
    hob__misuse("hob_spawn", "spawning '%s' at %s:%d into a scope that has been joined", site->name,
                site->place.file, site->place.line);
}

static inline __attribute__((always_inline)) struct hob_task *
spawn(struct hob_scope *s, const struct hob__spawn_site *site,
      const struct hob_spawn_options *options) {
    struct hob_loop *loop = hob__loop;
    if (HOB__UNLIKELY(!s || !loop || s->region.task->loop != loop || s->state >= HOB__SCOPE_JOINED))
        misused_spawn(s, site);
    if (HOB__UNLIKELY(s->region.attention & HOB__ATT_CANCEL)) {
        refuse(s, site, -ECANCELED);
        return NULL;
    }
    struct hob_task *t = new_task(loop, s, site, options);
    if (HOB__UNLIKELY(!t)) refuse(s, site, -ENOMEM);
    return t;
}

struct hob_task *hob__spawn(struct hob_scope *s, const struct hob__spawn_site *site) {
    return spawn(s, site, NULL);
}

struct hob_task *hob__spawn_with(struct hob_scope *s, const struct hob__spawn_site *site,
                                 struct hob_spawn_options options) {
    return spawn(s, site, &options);
}

struct hob_task *hob__background(const struct hob__spawn_site *site) {
    struct hob_loop *loop = hob__loop;
    if (!loop) hob__misuse("hob_background", "no loop is running in this thread");
    /* In a program that is ending it still runs, to its first waiting call. */
    return hob__task_new(loop, &loop->root, site, NULL);
}

/* What a waiter wants to know of a task that may be gone when it runs again. */
struct awaited {
    enum { RESULT, END, START } what; /* hob_await(), hob_wait(), hob_start() */
    bool started, done;
    int result;
    struct hob_error *error; /* not for hob_wait(), which does not count as having read it */
};

void hob__task_wake_joiners(struct hob_task *t) {
    for (struct hob_waiter *w = t->joiners.first; w; w = w->next) {
        struct awaited *a = w->data;
        a->done = true;
        a->result = t->result;
        if (a->what == END) continue;
        if (a->what == START) t->flags |= HOB__TASK_START_FAILED;
        t->flags |= HOB__TASK_READ;
        a->error = t->error ? hob__error_ref(t->error) : NULL;
    }
    hob__wake_all(&t->joiners, 0);
}

/* ---- await and start ---- */

static int take_result(struct hob_task *t) {
    hob__task_read(t);
    if (t->result < 0 && t->error) hob__error_set(hob__error_ref(t->error));
    return t->result;
}

static void check_waitable(const struct hob_task *t, const struct hob_task *self,
                           const char *func) {
    check_task(t, func);
    if (HOB__UNLIKELY(t == self)) hob__misuse(func, "a task cannot wait for itself");
    if (HOB__UNLIKELY(t->loop != self->loop))
        hob__misuse(func, "the task belongs to another thread's loop");
}

int hob_await(struct hob_task *t) {
    struct hob_task *self = hob__current(__func__);
    int rc = hob__check_point(self, __func__);
    if (HOB__UNLIKELY(!t)) return rc < 0 ? rc : refusal(__func__);
    check_waitable(t, self, __func__);
    if (rc < 0) return rc;
    struct awaited a = {.what = RESULT};
    struct hob_waiter w = {.data = &a};
    if (t->state == HOB__TASK_DONE) return take_result(t);
    rc = hob__wait_on(&t->joiners, &w, "await", hob__task_title(t), HOB__WAIT_NAMED);
    if (!a.done) return rc;
    if (a.error) hob__error_set(a.error);
    return a.result;
}

int hob__start_wait(struct hob_task *t) {
    struct hob_task *self = hob__current("hob_start");
    if (!t) return self->loop->refusal;
    int rc = hob__check_point(self, "hob_start");
    if (rc < 0) return rc;
    const char *name = t->site->name;
    struct awaited a = {.what = START};
    struct hob_waiter w = {.data = &a};
    rc = hob__wait_on(&t->joiners, &w, "start", name, HOB__WAIT_NAMED);
    if (a.started) return 0;
    if (!a.done) return rc;
    if (a.error) hob__error_set(a.error);
    if (a.result < 0) return a.result;
    return hob_fail(HOB_E_NOT_STARTED, "task '%s' ended without hob_started()", name);
}

void hob_started(void) {
    struct hob_task *t = hob__current(__func__);
    for (struct hob_waiter *w = t->joiners.first, *next; w; w = next) {
        next = w->next;
        struct awaited *a = w->data;
        if (a->what != START) continue;
        a->started = true;
        hob__wake(w, 0);
    }
}

/* ---- wait ---- */

enum { WAIT_ON_STACK = 16 };

/* One of the tasks of a hob_wait(). */
struct waited {
    struct hob_waiter waiter;
    struct awaited end;
    bool again; /* the same task as an earlier one */
};

static size_t mark_duplicates(struct hob_task *const *tasks, struct waited *each, size_t n) {
    size_t distinct = 0;
    for (size_t i = 0; i < n; i++) {
        each[i] = (struct waited){.again = tasks[i]->flags & HOB__TASK_MARK, .end.what = END};
        tasks[i]->flags |= HOB__TASK_MARK;
        distinct += !each[i].again;
    }
    for (size_t i = 0; i < n; i++) tasks[i]->flags &= (uint8_t)~HOB__TASK_MARK;
    return distinct;
}

/* How many of the tasks have ended, and whether one of these has an error. A task that was waited
 * for is only looked at while its end is not known: then it is gone, perhaps. */
static size_t count_done(struct hob_task *const *tasks, struct waited *each, size_t n,
                         bool *error) {
    size_t done = 0;
    *error = false;
    for (size_t i = 0; i < n; i++) {
        struct awaited *end = &each[i].end;
        if (each[i].again) continue;
        if (!end->done && tasks[i]->state == HOB__TASK_DONE) {
            end->done = true;
            end->result = tasks[i]->result;
        }
        if (!end->done) continue;
        done++;
        if (end->result < 0 && end->result != -ECANCELED) *error = true;
    }
    return done;
}

static int wait_for_tasks(struct hob_task *const *tasks, struct waited *each, size_t n,
                          enum hob_wait_mode mode) {
    struct hob_task *self = hob__current("hob_wait");
    size_t distinct = mark_duplicates(tasks, each, n);
    for (;;) {
        bool error;
        size_t done = count_done(tasks, each, n, &error);
        if (done == distinct || (mode == HOB_FIRST_DONE && done > 0) ||
            (mode == HOB_FIRST_ERROR && error))
            return (int)done;
        struct hob_waiter master;
        for (size_t i = 0; i < n; i++) {
            if (each[i].again || each[i].end.done) continue;
            each[i].waiter = (struct hob_waiter){.task = self, .data = &each[i].end};
            hob__link(&tasks[i]->joiners, &each[i].waiter, &master);
        }
        int rc = hob__wait_on(NULL, &master, "wait", NULL, HOB__WAIT_PLAIN);
        for (size_t i = 0; i < n; i++) hob__unlink(&each[i].waiter);
        if (rc < 0) return rc;
    }
}

int hob_wait(struct hob_task *const *tasks, size_t n, enum hob_wait_mode mode) {
    struct hob_task *self = hob__current(__func__);
    if (n == 0 || (unsigned)mode > HOB_FIRST_ERROR) return -EINVAL;
    if (HOB__UNLIKELY(!tasks)) hob__misuse(__func__, "the array of tasks is NULL");
    int rc = hob__check_point(self, __func__);
    for (size_t i = 0; i < n; i++) {
        if (HOB__UNLIKELY(!tasks[i])) return rc < 0 ? rc : refusal(__func__);
        check_waitable(tasks[i], self, __func__);
    }
    if (rc < 0) return rc;
    struct waited on_stack[WAIT_ON_STACK], *each = on_stack;
    if (n > WAIT_ON_STACK) {
        each = hob__alloc(n * sizeof *each);
        if (!each) return -ENOMEM;
    }
    rc = wait_for_tasks(tasks, each, n, mode);
    if (each != on_stack) hob__free(each);
    return rc;
}

/* ---- what can be asked ---- */

bool hob_task_done(const struct hob_task *t) {
    return check_task(t, __func__)->state == HOB__TASK_DONE;
}

int hob_task_result(struct hob_task *t) {
    if (HOB__UNLIKELY(!t)) return refusal(__func__);
    hob__task_read(check_task(t, __func__));
    return t->result;
}

const struct hob_error *hob_task_error(struct hob_task *t) {
    hob__task_read(check_task(t, __func__));
    return t->error;
}

const char *hob_task_name(const struct hob_task *t) {
    return hob__task_title(check_task(t, __func__));
}

uint64_t hob_task_id(const struct hob_task *t) { return check_task(t, __func__)->id; }

bool hob_task_was_cancelled(const struct hob_task *t) {
    return check_task(t, __func__)->flags & HOB__TASK_CANCELLED;
}
