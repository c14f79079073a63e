/* io/submit.c - a task that another thread starts in a loop, and waits for.
 *
 * Two hold the call: the thread's handle and the loop's side, which lets go when the task has
 * ended; a cancel that is under way is a third. The lock guards what they share. As long as the
 * call is not done its task is there, or on its way, so the loop has not ended: a cancel can reach
 * it without asking. */
#include <hob/thread.h>

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/list.h"
#include "base/memory.h"
#include "task/post.h"
#include "task/remote.h"
#include "task/task.h"

struct hob_submitted {
    pthread_mutex_t lock;
    struct hob_list waits;
    int refs;
    bool cancelled, done, dropped, read;
    int result;
    struct hob_error *error; /* touched with the lock held only: its count is not atomic */
    struct hob_loop *loop;
    const struct hob__spawn_site *site, *task_site;
    struct hob_task *task; /* the loop's thread's: while it runs */
    struct hob__post cancel;
    _Alignas(16) char args[];
};

/* Why this thread's last submit was refused. */
static __thread int refusal;
static __thread const char *refused; /* the function's name */

/* With the lock held, which it gives back. */
static void unref(struct hob_submitted *c) {
    bool last = --c->refs == 0;
    pthread_mutex_unlock(&c->lock);
    if (!last) return;
    hob__error_unref(c->error);
    pthread_mutex_destroy(&c->lock);
    hob__free(c);
}

/* ---- in the loop ---- */

/* The loop's side lets go. True when nobody can read the result any more. */
static bool finish(struct hob_submitted *c, int rc, struct hob_error *error) {
    pthread_mutex_lock(&c->lock);
    c->task = NULL;
    c->result = rc;
    c->error = error;
    c->done = true;
    bool dropped = c->dropped;
    hob__remote_serve_all(&c->waits, 0);
    unref(c);
    return dropped;
}

int hob__submit_run(void *args) {
    struct hob_submitted *c = *(struct hob_submitted **)args;
    int rc = c->site->run(c->args);
    const struct hob_error *e = hob_error();
    struct hob_error *error = NULL;
    if (rc < 0 && e && e->code == rc)
        error = hob__error_copy(e);
    else if (rc < 0)
        error = hob__error_new(rc, c->site->place.func, c->site->place.file, c->site->place.line,
                               c->site->name, NULL, "%s", hob_strerror(rc));
    /* The loop reports the error of a background task; this one has somebody to read it. */
    return finish(c, rc, error) ? rc : 0;
}

static void start(void *arg) {
    struct hob_submitted *c = arg;
    pthread_mutex_lock(&c->lock);
    bool cancelled = c->cancelled;
    pthread_mutex_unlock(&c->lock);
    struct hob_task *t = cancelled ? NULL : hob__background(c->task_site);
    if (!t) {
        finish(c, cancelled ? -ECANCELED : -ENOMEM, NULL);
        return;
    }
    memcpy(t->head.args, &c, sizeof(void *));
    c->task = t;
}

static void cancel(void *arg) {
    struct hob_submitted *c = arg;
    if (c->task) hob_cancel(c->task);
    pthread_mutex_lock(&c->lock);
    unref(c);
}

/* ---- in the thread ---- */

struct hob_submitted *hob__loop_submit(struct hob_loop *loop, const struct hob__spawn_site *site,
                                       const struct hob__spawn_site *task_site, const void *args) {
    if (!loop) hob__misuse("hob_loop_submit", "the loop is NULL");
    refused = site->name;
    struct hob_submitted *c = hob__alloc(sizeof *c + site->args_size);
    if (!c) {
        refusal = -ENOMEM;
        return NULL;
    }
    memset(c, 0, sizeof *c);
    pthread_mutex_init(&c->lock, NULL);
    hob__list_init(&c->waits);
    c->refs = 2;
    c->loop = loop;
    c->site = site;
    c->task_site = task_site;
    memcpy(c->args, args, site->args_size);
    refusal = hob_loop_post(loop, start, c);
    if (refusal == 0) return c;
    pthread_mutex_destroy(&c->lock);
    hob__free(c);
    return NULL;
}

static int say_refusal(void) {
    if (refusal == -ENOMEM) return refusal;
    return hob_fail(refusal, "'%s' was not submitted: %s", refused,
                    refusal == -EAGAIN ? "the loop does not keep up with what waits for it"
                                       : "the loop has ended");
}

static int wait_for(struct hob_submitted *c, uint64_t deadline) {
    pthread_mutex_lock(&c->lock);
    if (!c->done) {
        struct hob__remote r = {.data = NULL};
        int rc = hob__remote_wait(&c->lock, &c->waits, &r, "submitted", c->site->name,
                                  HOB__WAIT_NAMED, deadline);
        if (rc < 0) return rc;
        pthread_mutex_lock(&c->lock);
    }
    c->read = true;
    int rc = c->result;
    struct hob_error *mine = c->error ? hob__error_copy(c->error) : NULL;
    pthread_mutex_unlock(&c->lock);
    if (mine) hob__error_set(mine);
    return rc;
}

int hob_submitted_wait(struct hob_submitted *c, double seconds) {
    if (isnan(seconds)) return hob_fail(-EINVAL, "waiting for a call for %g seconds", seconds);
    bool in_task = hob_self() != NULL;
    int rc = in_task ? hob__point(__func__) : 0;
    if (rc < 0) return rc;
    if (!c && refusal == 0) hob__misuse(__func__, "the call is NULL");
    if (!c) return say_refusal();
    if (in_task && !isinf(seconds)) return hob_within(seconds, wait_for(c, UINT64_MAX));
    return wait_for(c, isinf(seconds) ? UINT64_MAX : hob_after(seconds));
}

void hob_submitted_cancel(struct hob_submitted *c) {
    if (!c) return;
    pthread_mutex_lock(&c->lock);
    if (!c->done && !c->cancelled) {
        c->cancelled = true;
        c->refs++;
        c->cancel = (struct hob__post){.fn = cancel, .arg = c};
        hob__post_own(c->loop, &c->cancel);
    }
    pthread_mutex_unlock(&c->lock);
}

void hob_submitted_drop(struct hob_submitted *c) {
    if (!c) return;
    pthread_mutex_lock(&c->lock);
    c->dropped = true;
    if (c->done && !c->read && c->result < 0 && c->result != -ECANCELED)
        hob__error_report(c->error, "nobody read the error of a task that was submitted");
    unref(c);
}
