/* loop/offload.c - worker threads for what would block the loop: file operations where there is no
 * io_uring, and functions.
 *
 * A crew of the loop's own (base/crew.h) does the work; the crew's lock guards the list of what is
 * done as well. The loop learns of it by wake(); `any_done` spares it the lock when there is none.
 */
#include "internal.h"
#include <base/crew.h>
#include <base/list.h>
#include <base/memory.h>

enum { MAX_WORKERS = 8 };
#define IDLE_NS (UINT64_C(5) * 1000000000)

struct hob__offload {
    struct hob__crew crew;
    struct hob__backend *backend;
    struct hob__op *done, **done_tail;
    _Atomic bool any_done;
};

static void done_clear(struct hob__offload *o) {
    o->done = NULL;
    o->done_tail = &o->done;
}

static void perform(struct hob__crew *crew, struct hob__job *job) {
    struct hob__offload *o = hob__container(crew, struct hob__offload, crew);
    struct hob__op *op = hob__container(job, struct hob__op, job);
    op->result = hob__linux_perform(op);
    op->next = NULL;
    hob__crew_lock(crew);
    *o->done_tail = op;
    o->done_tail = &op->next;
    atomic_store_explicit(&o->any_done, true, memory_order_relaxed);
    hob__crew_unlock(crew);
    o->backend->ops->wake(o->backend);
}

static struct hob__offload *offload_open(struct hob__backend *b) {
    struct hob__offload *o = hob__alloc_zero(sizeof *o);
    if (!o) return NULL;
    hob__crew_init(&o->crew, "hob-work", MAX_WORKERS, IDLE_NS, 0);
    done_clear(o);
    o->backend = b;
    return o;
}

int hob__offload_submit(struct hob__backend *b, struct hob__op *op) {
    if (!b->offload) b->offload = offload_open(b);
    struct hob__offload *o = b->offload;
    if (!o) return -ENOMEM;
    op->next = NULL;
    op->job.run = perform;
    hob__crew_lock(&o->crew);
    int rc = hob__crew_submit(&o->crew, &op->job);
    if (rc == 0) b->ops_in_flight++;
    hob__crew_unlock(&o->crew);
    return rc;
}

/* Calls done for a list of them; how many. */
static int tell(struct hob__backend *b, struct hob__op *op) {
    int n = 0;
    for (struct hob__op *next; op; op = next, n++) {
        next = op->next;
        op->next = NULL;
        b->ops_in_flight--;
        op->done(op);
    }
    return n;
}

int hob__offload_reap(struct hob__backend *b) {
    struct hob__offload *o = b->offload;
    if (!o || !atomic_load_explicit(&o->any_done, memory_order_relaxed)) return 0;
    hob__crew_lock(&o->crew);
    struct hob__op *op = o->done;
    done_clear(o);
    atomic_store_explicit(&o->any_done, false, memory_order_relaxed);
    hob__crew_unlock(&o->crew);
    return tell(b, op);
}

void hob__offload_close(struct hob__backend *b) {
    struct hob__offload *o = b->offload;
    if (!o) return;
    hob__crew_end(&o->crew);
    hob__crew_destroy(&o->crew);
    tell(b, o->done);
    b->offload = NULL;
    hob__free(o);
}
