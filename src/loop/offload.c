/* loop/offload.c - worker threads for what would block the loop.
 *
 * One lock guards the queue, the list of finished work and the counts. A thread is made when more
 * work is queued than threads are idle, up to 8; it ends after 5 s without work, and is joined by
 * the next submit that needs its place, or by close. All signals are blocked in the workers, so
 * that the program's handlers run where they always did. The loop learns of finished work by
 * wake(); `any_done` spares it the lock when there is none. */
#include "internal.h"
#include <base/memory.h>
#include <signal.h>
#include <time.h>

enum { MAX_WORKERS = 8, IDLE_SECONDS = 5 };

enum worker_state { WORKER_NONE, WORKER_RUNS, WORKER_ENDED /* not joined yet */ };

struct worker {
    pthread_t thread;
    enum worker_state state;
    struct hob__offload *offload;
};

struct op_queue {
    struct hob__op *first, **tail;
};

struct hob__offload {
    struct hob__backend *backend;
    pthread_mutex_t lock;
    pthread_cond_t more; /* work is queued, or closing */
    struct op_queue queued, done;
    unsigned queued_count, idle, running;
    bool closing;
    _Atomic bool any_done;
    struct worker workers[MAX_WORKERS];
};

static void queue_clear(struct op_queue *q) {
    q->first = NULL;
    q->tail = &q->first;
}

static void queue_put(struct op_queue *q, struct hob__op *op) {
    op->next = NULL;
    *q->tail = op;
    q->tail = &op->next;
}

static struct hob__op *queue_take(struct op_queue *q) {
    struct hob__op *op = q->first;
    q->first = op->next;
    if (!q->first) q->tail = &q->first;
    op->next = NULL;
    return op;
}

/* With the lock held. False when the worker shall end. */
static bool await_work(struct hob__offload *o) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += IDLE_SECONDS;
    int rc = 0;
    while (!o->queued.first) {
        if (o->closing || rc == ETIMEDOUT) return false;
        o->idle++;
        rc = pthread_cond_timedwait(&o->more, &o->lock, &until);
        o->idle--;
    }
    return true;
}

static void *work(void *arg) {
    struct worker *self = arg;
    struct hob__offload *o = self->offload;
    pthread_setname_np(pthread_self(), "hob-work");
    pthread_mutex_lock(&o->lock);
    while (await_work(o)) {
        struct hob__op *op = queue_take(&o->queued);
        o->queued_count--;
        pthread_mutex_unlock(&o->lock);
        op->result = hob__linux_perform(op);
        pthread_mutex_lock(&o->lock);
        queue_put(&o->done, op);
        atomic_store_explicit(&o->any_done, true, memory_order_relaxed);
        pthread_mutex_unlock(&o->lock);
        o->backend->ops->wake(o->backend);
        pthread_mutex_lock(&o->lock);
    }
    o->running--;
    self->state = WORKER_ENDED;
    pthread_mutex_unlock(&o->lock);
    return NULL;
}

/* With the lock held, for a free place. 0 or -errno. */
static int start_worker(struct hob__offload *o) {
    struct worker *w = o->workers;
    while (w->state == WORKER_RUNS) w++;
    /* It has let go of the lock for good, or is just about to: this does not wait for work. */
    if (w->state == WORKER_ENDED) pthread_join(w->thread, NULL);
    w->state = WORKER_NONE;
    w->offload = o;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&w->thread, NULL, work, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) return -rc;
    w->state = WORKER_RUNS;
    o->running++;
    return 0;
}

static struct hob__offload *offload_open(struct hob__backend *b) {
    struct hob__offload *o = hob__alloc_zero(sizeof *o);
    if (!o) return NULL;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&o->more, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&o->lock, NULL);
    queue_clear(&o->queued);
    queue_clear(&o->done);
    o->backend = b;
    return o;
}

int hob__offload_submit(struct hob__backend *b, struct hob__op *op) {
    if (!b->offload) b->offload = offload_open(b);
    struct hob__offload *o = b->offload;
    if (!o) return -ENOMEM;
    int rc = 0;
    pthread_mutex_lock(&o->lock);
    if (o->queued_count >= o->idle && o->running < MAX_WORKERS) rc = start_worker(o);
    /* Without a new thread those that run will come to it. */
    if (rc == 0 || o->running > 0) {
        rc = 0;
        queue_put(&o->queued, op);
        o->queued_count++;
        b->ops_in_flight++;
        pthread_cond_signal(&o->more);
    }
    pthread_mutex_unlock(&o->lock);
    return rc;
}

int hob__offload_reap(struct hob__backend *b) {
    struct hob__offload *o = b->offload;
    if (!o || !atomic_load_explicit(&o->any_done, memory_order_relaxed)) return 0;
    pthread_mutex_lock(&o->lock);
    struct hob__op *op = o->done.first;
    queue_clear(&o->done);
    atomic_store_explicit(&o->any_done, false, memory_order_relaxed);
    pthread_mutex_unlock(&o->lock);
    int n = 0;
    for (struct hob__op *next; op; op = next, n++) {
        next = op->next;
        op->next = NULL;
        b->ops_in_flight--;
        op->done(op);
    }
    return n;
}

void hob__offload_close(struct hob__backend *b) {
    struct hob__offload *o = b->offload;
    if (!o) return;
    pthread_mutex_lock(&o->lock);
    o->closing = true;
    pthread_cond_broadcast(&o->more);
    pthread_mutex_unlock(&o->lock);
    for (struct worker *w = o->workers; w < o->workers + MAX_WORKERS; w++) {
        pthread_mutex_lock(&o->lock);
        bool joinable = w->state != WORKER_NONE;
        pthread_mutex_unlock(&o->lock);
        if (joinable) pthread_join(w->thread, NULL);
    }
    hob__offload_reap(b);
    b->offload = NULL;
    pthread_cond_destroy(&o->more);
    pthread_mutex_destroy(&o->lock);
    hob__free(o);
}
