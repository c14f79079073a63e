/* io/thread_pool.c - pools of worker threads, and the calls that run in them.
 *
 * A call is one block: the place in the crew's queue, the copied arguments, the result. The crew's
 * lock guards its state. Its caller stands in the call's own line (task/remote.h) until the worker
 * serves it; a caller that leaves says so, and the worker frees the call. The queue is bounded:
 * further callers stand in the pool's line, and each call that ends lets one of them in.
 *
 * A pool is freed by whoever uses it last, since a caller may still have to look at its call after
 * the worker has ended it. */
#include <hob/thread.h>

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/crew.h"
#include "base/list.h"
#include "base/memory.h"
#include "task/fdwait.h"
#include "task/remote.h"
#include "task/task.h"

enum { QUEUE = 1024, BLOCKING_THREADS = 32, NAME_MAX_BYTES = 64 };
#define IDLE_SECONDS 5.0

struct hob_pool {
    struct hob__crew crew;
    struct hob_list line; /* callers that wait for room in the queue */
    size_t queue_max;
    size_t open;              /* calls in the queue or in a thread: the bound is of these */
    size_t waiting, admitted; /* callers in the line; out of it, and not in the queue yet */
    size_t users;             /* its opener, and each call */
    bool refuse, closed, is_default;
    unsigned forks;
    uint64_t done, left;
    char name[NAME_MAX_BYTES];
};

struct call {
    struct hob__job job;
    const struct hob__spawn_site *site;
    const struct hob__local_node *locals; /* the caller's, if it waits until the end in any case */
    struct hob_list caller;               /* the caller's remote, while it waits */
    bool ended, left;
    _Atomic bool cancelled;
    int result;
    struct hob_error *error;
    _Alignas(16) char args[];
};

/* The one that runs in this thread. */
static __thread struct call *running;

/* ---- pools ---- */

static void pool_init(struct hob_pool *p, const char *name, unsigned threads, size_t queue,
                      double idle, size_t stack_size) {
    size_t n = strnlen(name, sizeof p->name - 1);
    memcpy(p->name, name, n);
    p->name[n] = 0;
    double ns = idle * 1e9;
    hob__crew_init(&p->crew, p->name, threads, ns < 9e18 ? (uint64_t)ns : UINT64_MAX, stack_size);
    p->forks = p->crew.forks;
    p->queue_max = queue;
    p->users = 1;
    hob__list_init(&p->line);
}

/* Locks it. In a forked child it is new: the calls in it are the parent's. */
static void pool_lock(struct hob_pool *p) {
    hob__crew_lock(&p->crew);
    if (HOB__LIKELY(p->forks == p->crew.forks)) return;
    p->forks = p->crew.forks;
    hob__list_init(&p->line);
    p->open = p->waiting = p->admitted = 0;
    p->users = 1;
}

/* Frees it with its last user. With the lock held, which it gives back. */
static void pool_unref(struct hob_pool *p) {
    bool last = --p->users == 0;
    hob__crew_unlock(&p->crew);
    if (!last) return;
    hob__crew_destroy(&p->crew);
    hob__free(p);
}

int hob_pool_open(struct hob_pool **pool, struct hob_pool_options o) {
    *pool = NULL;
    if (isnan(o.idle) || o.idle < 0)
        return hob_fail(-EINVAL, "a pool's threads cannot end after %g idle seconds", o.idle);
    struct hob_pool *p = hob__alloc_zero(sizeof *p);
    if (!p) return -ENOMEM;
    p->refuse = o.refuse;
    pool_init(p, o.name ? o.name : "hob-pool", o.threads ? o.threads : hob_cpu_count(),
              o.queue ? o.queue : QUEUE, o.idle > 0 ? o.idle : IDLE_SECONDS, o.stack_size);
    *pool = p;
    return 0;
}

static struct hob_pool blocking, cpu;

static void open_defaults(void) {
    pool_init(&blocking, "hob-block", BLOCKING_THREADS, QUEUE, IDLE_SECONDS, 0);
    pool_init(&cpu, "hob-cpu", hob_cpu_count(), QUEUE, IDLE_SECONDS, 0);
    blocking.is_default = cpu.is_default = true;
}

static struct hob_pool *default_pool(struct hob_pool *p) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_defaults);
    return p;
}

struct hob_pool *hob_pool_blocking(void) {
    return default_pool(&blocking);
}
struct hob_pool *hob_pool_cpu(void) {
    return default_pool(&cpu);
}

void hob_pool_info(struct hob_pool *p, struct hob_pool_info *info) {
    if (!p) p = hob_pool_blocking();
    pool_lock(p);
    *info = (struct hob_pool_info){.name = p->name,
                                   .threads = p->crew.threads,
                                   .max = p->crew.limit,
                                   .busy = (unsigned)(p->open - p->crew.queued),
                                   .queued = p->crew.queued,
                                   .waiting = p->waiting,
                                   .done = p->done,
                                   .left = p->left};
    hob__crew_unlock(&p->crew);
}

static int end_threads(struct hob_pool *p) {
    hob__crew_end(&p->crew);
    return 0;
}
HOB_TASK(end_threads, struct hob_pool *)

void hob_pool_close(struct hob_pool *p) {
    if (!p) return;
    if (p->is_default) hob__misuse(__func__, "'%s' is one of the default pools", p->name);
    pool_lock(p);
    if (p->closed) hob__misuse(__func__, "the pool '%s' is closed already", p->name);
    p->closed = true;
    hob__remote_serve_all(&p->line, HOB_E_CLOSED);
    hob__crew_unlock(&p->crew);
    /* What still runs may want this very loop (hob_loop_submit), so a task must not block it. When
     * there is no thread to wait in, it does. */
    if (!hob_self() || hob_shielded(hob_to_thread(end_threads, p)) < 0) end_threads(p);
    pool_lock(p);
    pool_unref(p);
}

/* ---- a call, in the worker ---- */

static bool has_room(const struct hob_pool *p) {
    return p->open + p->admitted < p->crew.limit + p->queue_max;
}

/* With the lock held: lets callers in as far as there is room. */
static void admit(struct hob_pool *p) {
    struct hob__remote *r;
    while (has_room(p) && (r = hob__remote_first(&p->line))) {
        p->waiting--;
        p->admitted++;
        hob__remote_serve(r, 0);
    }
}

static void free_call(struct call *c) {
    hob__error_unref(c->error);
    hob__free(c);
}

/* A thread that ends inside a call would leave its caller waiting for ever. */
static pthread_key_t guard;
static pthread_once_t guard_once = PTHREAD_ONCE_INIT;

static void ended_inside(void *arg) {
    (void)arg;
    if (running)
        hob__misuse("pthread_exit", "'%s' must not end its worker thread", running->site->name);
}

static void make_guard(void) { pthread_key_create(&guard, ended_inside); }

/* Outside of any task, with the caller's locals. Another function may be around it: one that runs a
 * simulated world, whose threads are this one. */
static int run_function(const struct hob__spawn_site *site, void *args,
                        const struct hob__local_node *locals, struct hob_error **error) {
    const char *outer = hob__thread_work;
    const struct hob__local_node *outer_locals = hob__thread_locals;
    hob__thread_work = site->name;
    hob__thread_locals = locals;
    int rc = site->run(args);
    hob__thread_work = outer;
    hob__thread_locals = outer_locals;
    *error = hob__error_take(rc, site);
    return rc;
}

static void run_call(struct hob__crew *crew, struct hob__job *job) {
    struct hob_pool *p = hob__container(crew, struct hob_pool, crew);
    struct call *c = hob__container(job, struct call, job);
    pthread_once(&guard_once, make_guard);
    pthread_setspecific(guard, crew);
    running = c;
    struct hob_error *error;
    int rc = run_function(c->site, c->args, c->locals, &error);
    running = NULL;
    hob__crew_lock(crew);
    p->done++;
    p->open--;
    admit(p);
    c->result = rc;
    c->error = error;
    c->ended = true;
    if (c->left) {
        p->users--; /* never the last: the pool's closing waits for this thread */
        free_call(c);
    } else {
        hob__remote_serve_all(&c->caller, 0);
    }
    hob__crew_unlock(crew);
}

bool hob_thread_cancelled(void) {
    return running && atomic_load_explicit(&running->cancelled, memory_order_relaxed);
}

/* ---- a call, in the caller ---- */

/* With the lock held, before and after: waits for room in the queue. */
static int wait_for_room(struct hob_pool *p) {
    if (p->waiting == 0 && has_room(p)) return 0;
    if (p->refuse)
        return hob_fail(HOB_E_FULL, "pool '%s': %u threads are busy, %zu calls wait", p->name,
                        p->crew.limit, p->crew.queued);
    struct hob__remote r = {.data = NULL};
    p->waiting++;
    int rc =
        hob__remote_wait(&p->crew.lock, &p->line, &r, "pool", p->name, HOB__WAIT_NAMED, UINT64_MAX);
    pool_lock(p);
    if (rc == 0)
        p->admitted--; /* admit() has counted it */
    else
        p->waiting--;
    return rc == HOB_E_CLOSED ? hob_fail(rc, "the pool '%s' has been closed", p->name) : rc;
}

static struct call *make_call(const struct hob__spawn_site *site, const void *args) {
    struct call *c = hob__alloc(sizeof *c + site->args_size);
    if (!c) return NULL;
    memset(c, 0, sizeof *c);
    memcpy(c->args, args, site->args_size);
    c->site = site;
    c->job.run = run_call;
    hob__list_init(&c->caller);
    return c;
}

/* The caller has been cancelled. With the lock held: what becomes of the call; -ECANCELED when its
 * caller need not wait any longer. */
static int give_up(struct hob_pool *p, struct call *c, bool leave) {
    atomic_store_explicit(&c->cancelled, true, memory_order_relaxed);
    if (c->ended) return 0; /* in the same turn as the cancel: the result counts */
    if (hob__crew_withdraw(&p->crew, &c->job)) {
        p->open--;
        admit(p);
        p->users--;
        free_call(c);
        return -ECANCELED;
    }
    if (!leave) return 0;
    c->left = true;
    p->left++;
    return -ECANCELED;
}

/* With the lock held, which it gives back. */
static int wait_for_end(struct hob_pool *p, struct call *c, bool leave) {
    const char *name = c->site->name;
    unsigned flags = HOB__WAIT_NAMED;
    while (!c->ended) {
        struct hob__remote r = {.data = NULL};
        int rc = hob__remote_wait(&p->crew.lock, &c->caller, &r, "thread", name, flags, UINT64_MAX);
        pool_lock(p);
        if (rc == 0) continue;
        rc = give_up(p, c, leave);
        if (rc < 0) {
            hob__crew_unlock(&p->crew);
            return rc;
        }
        flags |= HOB__WAIT_MASKED;
    }
    pool_unref(p);
    int rc = c->result;
    if (c->error) hob__error_set(c->error);
    c->error = NULL;
    free_call(c);
    return rc;
}

/* ---- in a simulated world, where there are no threads: the loop's own, some time later ---- */

struct work {
    struct hob__op op;
    const struct hob__spawn_site *site;
    const void *args;
    const struct hob__local_node *locals;
    struct hob_error *error;
};

/* Outside of any task, and of the loop, as in a worker. */
static int do_work(struct hob__op *op) {
    struct work *w = (struct work *)(void *)op; /* its first member */
    struct hob_loop *loop = hob__loop;
    hob__loop = NULL;
    int rc = run_function(w->site, (void *)w->args, w->locals, &w->error);
    hob__loop = loop;
    return rc;
}

static int simulate(struct hob_loop *loop, const struct hob__local_node *locals,
                    const struct hob__spawn_site *site, const void *args) {
    struct work w = {.op = {.code = HOB__OP_WORK, .work = do_work, .fd = -1},
                     .site = site,
                     .args = args,
                     .locals = locals};
    int rc = (int)hob__op_wait(&loop->backend, &w.op, "thread");
    if (w.error) hob__error_set(w.error);
    return rc;
}

/* They stay as they are while their task waits; one that leaves may take them away. */
static const struct hob__local_node *callers_locals(void) {
    const struct hob_task *t = hob_self(); /* interleave_test.c has none */
    return t ? t->locals : NULL;
}

int hob__to_pool(struct hob_pool *p, bool leave, const struct hob__spawn_site *site,
                 const void *args) {
    int rc = hob__io_point("hob_to_thread");
    if (rc < 0) return rc;
    const struct hob__local_node *locals = leave ? NULL : callers_locals();
    if (HOB__UNLIKELY(hob__loop->ordered)) return simulate(hob__loop, locals, site, args);
    if (!p) p = hob_pool_blocking();
    pool_lock(p);
    if (p->closed) hob__misuse("hob_to_pool", "the pool '%s' has been closed", p->name);
    p->users++;
    rc = wait_for_room(p);
    struct call *c = rc == 0 ? make_call(site, args) : NULL;
    if (c) c->locals = locals;
    if (rc == 0) rc = c ? hob__crew_submit(&p->crew, &c->job) : -ENOMEM;
    if (rc == 0) {
        p->open++;
        return wait_for_end(p, c, leave);
    }
    if (c) hob_fail(rc, "'%s': the pool '%s' has no thread, and gets none", site->name, p->name);
    admit(p);
    pool_unref(p);
    if (c) free_call(c);
    return rc;
}
