/* loop/sim/work.c - offloaded work: done at a random later time, in any order, at most eight jobs
 * of a loop at once, as worker threads do it.
 *
 * One call (a read, an fsync) is done at one moment, and told at a later one. A job (HOB__OP_WORK)
 * runs on a stack of its own, and each of its calls on files lets others run first: so whatever can
 * come between two steps of a job does, a crash too. */
#include "loop/internal.h"
#include "loop/sim/files.h"

enum { WORKERS = 8, SOON_NS = 20000, MOSTLY_NS = 200000 };

struct work {
    struct hob__op *op;
    struct hob__sim_loop *loop; /* whose op it is: it waits for its end */
};

static uint64_t takes(struct hob__sim_loop *l) {
    const struct hob__sim_fs *fs = l->host->files;
    uint64_t most = fs && fs->slow_ns ? fs->slow_ns : MOSTLY_NS;
    return SOON_NS + hob__sim_below(l->world, HOB__SIM_WORK, most);
}

static void tell(struct hob__sim *w, void *arg, uint64_t data) {
    struct work *t = arg;
    struct hob__sim_loop *l = t->loop;
    (void)w, (void)data;
    t->op->next = NULL;
    *l->done_tail = t->op;
    l->done_tail = &t->op->next;
    hob__sim_make_runnable(l);
    hob__sim_free(t);
}

static void done(struct work *t, ssize_t result) {
    struct hob__sim *w = t->loop->world;
    t->op->result = result;
    hob__sim_note(w, (uint64_t)result);
    hob__sim_at(w, w->now + hob__sim_below(w, HOB__SIM_WORK, SOON_NS), tell, t, 0);
}

/* On the worker's stack. */
static void run_job(void *arg) {
    struct work *t = arg;
    struct hob__sim *w = t->loop->world;
    w->working = w->current;
    int rc = t->op->work(t->op);
    w->working = NULL;
    t->loop->workers--;
    done(t, rc);
}

static void begin(struct hob__sim *w, void *arg, uint64_t data) {
    struct work *t = arg;
    struct hob__sim_loop *l = t->loop;
    (void)data;
    if (t->op->code != HOB__OP_WORK && hob__sim_interrupted(w)) { /* once more, later */
        HOB__SIM_LOG(w, l->host, "an operation on files is interrupted");
        hob__sim_at(w, w->now + takes(l), begin, t, 0);
    } else if (t->op->code != HOB__OP_WORK) {
        done(t, hob__sim_perform(l->backend, t->op));
    } else if (l->workers < WORKERS && hob__sim_loop_new(l->host, run_job, t)) {
        l->workers++;
    } else {
        hob__sim_at(w, w->now + takes(l), begin, t, 0);
    }
}

int hob__sim_submit(struct hob__backend *b, struct hob__op *op) {
    struct hob__sim_loop *l = b->state;
    struct work *t = hob__sim_alloc(sizeof *t);
    t->op = op;
    t->loop = l;
    b->ops_in_flight++;
    hob__sim_at(l->world, l->world->now + takes(l), begin, t, 0);
    return 0;
}
