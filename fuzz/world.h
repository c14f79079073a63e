/* world.h - a loop without a kernel, for targets whose parsers sit behind waiting calls: a backend
 * whose clock jumps, whose bounded work is done in place, and whose other calls are the target's.
 *
 *   static int scenario(void) { ...; return 0; }    runs as the main task
 *   HOB_TASK(scenario)
 *   FUZZ(data, n) { ...; CHECK(world_run(scenario) == 0); }
 *
 * Before that a target may set world_ops.sys and .files to tables of its own. */
#ifndef HOB_FUZZ_WORLD_H
#define HOB_FUZZ_WORLD_H

#include <hob/hob.h>

#include "base/memory.h"
#include "fuzz.h"
#include "io/stream.h"
#include "loop/internal.h"
#include "task/task.h"

static struct {
    uint64_t now;
    struct hob__op *done;
    bool late;                              /* work is not done at once, but in the next wait */
    ssize_t (*perform)(struct hob__op *op); /* NULL: as Linux does it */
    /* Nothing else can happen: makes something happen, or says false: time passes. */
    bool (*idle)(struct hob__backend *b);
} world;

static int world_open(struct hob__backend *b) { return hob__waker_open(b); }
static void world_close(struct hob__backend *b) { hob__waker_close(b); }
static uint64_t world_now(struct hob__backend *b) {
    (void)b;
    return world.now += 50;
}
static ssize_t world_perform(struct hob__op *op) {
    return world.perform && op->code != HOB__OP_WORK ? world.perform(op) : hob__linux_perform(op);
}
static ssize_t world_attempt(struct hob__backend *b, struct hob__op *op) {
    (void)b;
    return world.late ? -EAGAIN : world_perform(op);
}
static int world_submit(struct hob__backend *b, struct hob__op *op) {
    op->result = world_perform(op);
    op->next = world.done;
    world.done = op;
    b->ops_in_flight++;
    return 0;
}
static int world_wait(struct hob__backend *b, uint64_t deadline) {
    int n = 0;
    struct hob__op *op = world.done;
    world.done = NULL;
    for (struct hob__op *next; op; op = next, n++) {
        next = op->next;
        b->ops_in_flight--;
        op->done(op);
    }
    if (n == 0 && deadline != 0 && !atomic_load(&b->woken) && !(world.idle && world.idle(b)))
        if (deadline != UINT64_MAX && deadline > world.now) world.now = deadline;
    hob__sleep_end(b);
    return n;
}
static int world_arm(struct hob__backend *b, struct hob__fd *f) {
    f->armed = true;
    b->watched++;
    return 0;
}
static bool world_disarm(struct hob__backend *b, struct hob__fd *f) {
    (void)b, (void)f;
    return true;
}

static struct hob__backend_ops world_ops = {
    .name = "sim",
    .open = world_open,
    .close = world_close,
    .now = world_now,
    .wall = hob__linux_wall,
    .pause = hob__linux_pause,
    .random = hob__linux_random,
    .wait = world_wait,
    .wake = hob__waker_wake,
    .arm = world_arm,
    .disarm = world_disarm,
    .attempt = world_attempt,
    .submit = world_submit,
    .sys = &hob__sys_linux,
    .files = &hob__files_linux,
};

/* What the library holds, before and after: the same. */
static int world_end(int rc, long live) {
    hob_error_clear();
    CHECK(hob__alloc_live() == live);
    return rc;
}
static struct hob_options world_begin(void) {
    world.now = UINT64_C(1000000000);
    world.done = NULL;
    hob__backend_simulated = &world_ops;
    static bool set;
    if (!set) set = setenv("HOB_SLOW_MS", "0", 1) == 0 && setenv("HOB_BACKEND", "sim", 1) == 0;
    hob_error_clear();
    return (struct hob_options){.main_stack_size = 1 << 20, .no_interrupt = true};
}

#define world_run(fn)                                                                              \
    __extension__({                                                                                \
        const struct hob_options world_options = world_begin();                                    \
        long world_live = hob__alloc_live();                                                       \
        world_end(hob_run_with(world_options, fn), world_live);                                    \
    })

/* ---- a stream whose bytes come as the input says ---- */

struct world_source {
    const uint8_t *at;
    size_t left;
    uint32_t cut;  /* 0: as many at once as are wanted */
    unsigned most; /* bytes of a piece */
    int error;     /* instead of the end */
    bool stalls;
};

static ssize_t source_recv(struct hob_stream *s, void *buf, size_t n) {
    struct world_source *src = (struct world_source *)s->state;
    if (src->cut) {
        src->stalls = !src->stalls && fuzz_next(&src->cut) % 3 == 0;
        if (src->stalls) return -EAGAIN;
        size_t piece = 1 + fuzz_next(&src->cut) % src->most;
        if (n > piece) n = piece;
    }
    if (src->left == 0) return src->error;
    if (n > src->left) n = src->left;
    memcpy(buf, src->at, n);
    src->at += n;
    src->left -= n;
    return (ssize_t)n;
}
/* What is written goes nowhere. */
static ssize_t source_send(struct hob_stream *s, const struct iovec *iov, int count) {
    ssize_t n = 0;
    (void)s;
    for (int i = 0; i < count; i++) n += (ssize_t)iov[i].iov_len;
    return n;
}
static int source_wait(struct hob_stream *s, unsigned direction, unsigned flags) {
    (void)s, (void)direction, (void)flags;
    return hob_yield_now();
}
static void source_close(struct hob_stream *s) { hob__fd_close(s->backend, s->fd); }
static const struct hob__transport source_transport = {.name = "source",
                                                       .recv = source_recv,
                                                       .send = source_send,
                                                       .wait = source_wait,
                                                       .close = source_close};

__attribute__((unused)) static struct hob_stream *source_open(struct world_source *src) {
    struct hob__backend *b = &hob__loop->backend;
    struct hob_stream *s = hob__stream_make(b, -1, &source_transport, "the source");
    CHECK(s != NULL);
    s->state = src;
    hob__stream_update(s);
    return s;
}

#endif
