/* io/workers.c - one loop in each of several threads, and one task that waits for them all.
 *
 * That task stands in a line (task/remote.h) until a worker ends, and passes on what it is told
 * itself: a stop, a cancel. Each reaches a worker's loop as a post whose record lies in the worker,
 * while its main task lives: a worker says under the lock that it begins and ends, so that it
 * either sees at its beginning what was told before, or gets the post. */
#include <hob/thread.h>

#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/crew.h"
#include "base/list.h"
#include "base/memory.h"
#include "task/post.h"
#include "task/remote.h"
#include "task/task.h"

struct worker {
    struct workers *all;
    pthread_t thread;
    unsigned index;
    struct hob_loop *loop; /* under the lock: while its main task runs */
    struct hob__post stop, cancel;
};

struct workers {
    pthread_mutex_t lock;
    struct hob_list line; /* the one who waits */
    unsigned begun, running;
    bool stopped, cancelled;
    bool saw_stop, saw_cancel; /* one of them ended by it */
    int first_error;
    struct hob_error *error;
    const struct hob__spawn_site *site, *main_site;
    const void *args;
    struct hob_workers_options options;
    cpu_set_t cpus;
    struct worker *each;
};

static __thread int worker_index = -1;

int hob_worker_index(void) { return worker_index; }

/* ---- in a worker ---- */

static void obey_stop(void *arg) {
    (void)arg;
    hob_stop(&hob__loop->root, INFINITY);
}

static void obey_cancel(void *arg) {
    (void)arg;
    hob__region_cancel(hob__loop, &hob__loop->root.region);
}

static int worker_main(void *arg) {
    struct worker *w = *(struct worker **)arg;
    struct workers *all = w->all;
    pthread_mutex_lock(&all->lock);
    w->loop = hob__loop;
    bool stopped = all->stopped, cancelled = all->cancelled;
    pthread_mutex_unlock(&all->lock);
    if (stopped) obey_stop(NULL);
    if (cancelled) obey_cancel(NULL);
    int rc = all->site->run((void *)all->args);
    pthread_mutex_lock(&all->lock);
    w->loop = NULL;
    pthread_mutex_unlock(&all->lock);
    return rc;
}

/* With the lock held: what a worker ended with. */
static void note_end(struct workers *all, int rc, struct hob_error *error) {
    if (rc == -ECANCELED && all->cancelled) {
        all->saw_cancel = true;
    } else if (rc == HOB_E_STOPPING && all->stopped) {
        all->saw_stop = true;
    } else if (rc < 0 && all->first_error == 0) {
        all->first_error = rc;
        all->error = error;
        return;
    } else if (rc < 0) {
        hob__error_report(error, "another worker had failed before");
    }
    hob__error_unref(error);
}

static void *worker_thread(void *arg) {
    struct worker *w = arg;
    struct workers *all = w->all;
    char name[16];
    snprintf(name, sizeof name, "hob-loop-%u", w->index);
    pthread_setname_np(pthread_self(), name);
    worker_index = (int)w->index;
    int rc = hob__run(&all->options.loop, all->main_site, &w);
    struct hob_error *error = hob__error_take(rc, all->site);
    pthread_mutex_lock(&all->lock);
    note_end(all, rc, error);
    all->running--;
    hob__remote_serve_all(&all->line, 0);
    pthread_mutex_unlock(&all->lock);
    return NULL;
}

/* ---- the one who waits ---- */

/* With the lock held. */
static void tell_stop(struct workers *all) {
    if (all->stopped) return;
    all->stopped = true;
    for (unsigned i = 0; i < all->begun; i++) {
        struct worker *w = &all->each[i];
        w->stop = (struct hob__post){.fn = obey_stop};
        if (w->loop) hob__post_own(w->loop, &w->stop);
    }
}

static void tell_cancel(struct workers *all) {
    if (all->cancelled) return;
    all->cancelled = true;
    for (unsigned i = 0; i < all->begun; i++) {
        struct worker *w = &all->each[i];
        w->cancel = (struct hob__post){.fn = obey_cancel};
        if (w->loop) hob__post_own(w->loop, &w->cancel);
    }
}

/* The index-th of the CPUs that may be used. */
static void pin(const struct workers *all, pthread_attr_t *attr, unsigned index) {
    unsigned count = (unsigned)CPU_COUNT(&all->cpus), at = count ? index % count : 0;
    for (int cpu = 0; count && cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &all->cpus) || at-- > 0) continue;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        pthread_attr_setaffinity_np(attr, sizeof one, &one);
        return;
    }
}

/* With the lock held: 0 or -errno. */
static int begin_worker(struct workers *all, unsigned index) {
    struct worker *w = &all->each[index];
    *w = (struct worker){.all = all, .index = index};
    pthread_attr_t attr;
    sigset_t before;
    pthread_attr_init(&attr);
    if (all->options.pin) pin(all, &attr, index);
    hob__block_signals(&before, SIGURG); /* which is the watchdog's */
    int rc = pthread_create(&w->thread, &attr, worker_thread, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (rc == 0) all->begun++, all->running++;
    return -rc;
}

static void wait_for_all(struct workers *all) {
    unsigned flags = HOB__WAIT_NAMED | HOB__WAIT_STOPPABLE;
    pthread_mutex_lock(&all->lock);
    while (all->running > 0) {
        if (all->first_error) tell_cancel(all);
        struct hob__remote r = {.data = NULL};
        int rc = hob__remote_wait(&all->lock, &all->line, &r, "workers", all->site->name, flags,
                                  UINT64_MAX);
        pthread_mutex_lock(&all->lock);
        if (rc == HOB_E_STOPPING) {
            tell_stop(all);
            flags &= ~(unsigned)HOB__WAIT_STOPPABLE;
        } else if (rc == -ECANCELED) {
            tell_cancel(all);
            flags = HOB__WAIT_NAMED | HOB__WAIT_MASKED;
        }
    }
    pthread_mutex_unlock(&all->lock);
    for (unsigned i = 0; i < all->begun; i++) pthread_join(all->each[i].thread, NULL);
}

static int run_all(struct workers *all) {
    pthread_mutex_lock(&all->lock);
    for (unsigned i = 0; i < all->options.count && all->first_error == 0; i++) {
        int rc = begin_worker(all, i);
        if (rc < 0) all->first_error = hob_fail(rc, "cannot make the thread of worker %u", i);
    }
    pthread_mutex_unlock(&all->lock);
    wait_for_all(all);
    if (all->error) hob__error_set(all->error);
    all->error = NULL;
    if (all->first_error) return all->first_error;
    return all->saw_cancel ? -ECANCELED : all->saw_stop ? HOB_E_STOPPING : 0;
}
HOB_TASK(run_all, struct workers *)

int hob__run_workers(struct hob_workers_options options, const struct hob__spawn_site *site,
                     const void *args) {
    if (hob__loop) {
        int rc = hob__point("hob_run_workers");
        if (rc < 0) return rc;
    }
    if (!options.count) options.count = hob_cpu_count();
    options.loop.no_interrupt = true;
    const struct hob__spawn_site main_site = {site->name, worker_main, sizeof(struct worker *),
                                              site->place, NULL};
    struct workers all = {.lock = PTHREAD_MUTEX_INITIALIZER,
                          .site = site,
                          .main_site = &main_site,
                          .args = args,
                          .options = options};
    hob__list_init(&all.line);
    sched_getaffinity(0, sizeof all.cpus, &all.cpus);
    all.each = hob__alloc(options.count * sizeof *all.each);
    if (!all.each) return -ENOMEM;
    int rc = hob__loop ? run_all(&all) : hob_run(run_all, &all);
    hob__error_unref(all.error);
    pthread_mutex_destroy(&all.lock);
    hob__free(all.each);
    return rc;
}
