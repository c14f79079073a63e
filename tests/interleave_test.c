/* interleave_test.c - what crosses threads, in every order and every way of seeing memory
 * (interleave.h): the waking of loops, on epoll and on io_uring, posts, holds, worker threads,
 * waits that other threads end, channels, pools, submitted tasks, the watchdog's rest. The files
 * themselves are run. No wake is lost, no item lost or doubled, each producer's come in order,
 * nothing is used after its end.
 *
 * `weakened` says what each atomic order, lock and signal is there for: without it the checker
 * finds an error, in the scenario that is named. */
#include "fiber/sanitize.h"
#if HOB__ASAN || HOB__TSAN
#include <stdio.h>
int main(void) {
    puts("a sanitizer does not know stacks that are copied");
    return 77;
}
#else
#include "interleave.h"

static int model_wait_on(struct hob_waitlist *list, struct hob_waiter *waiter, const char *what,
                         const void *object, unsigned flags);
static bool model_wake(struct hob_waiter *waiter, int result);
static struct hob_task *model_background(const struct hob__spawn_site *site);
static void model_cancel(struct hob_task *t);
#include "task/fdwait.h"
#include <hob/channel.h>
#include <hob/thread.h>
#define hob__wait_on model_wait_on
#define hob__wake model_wake
#define hob__background model_background
#define hob_cancel model_cancel
#define hob__io_point(func) ((void)(func), 0)
#define hob__point(func) ((void)(func), 0)
#define unref submit_unref
/* Records of errors are another matter. */
static int no_record(int rc) { return rc; }
#undef hob_fail
#define hob_fail(rc, ...) no_record(rc)
#define hob_error() ((const struct hob_error *)NULL)
#define hob__error_new(...) NULL
#define hob__error_take(rc, site) NULL
#define hob__error_report(e, what) nothing_to_do(e, what)

#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wdangling-pointer" /* the condition of a thread that waits */
#endif
#include "base/crew.c"
#include "loop/backend.c"
/* What a worker does with an operation that is not the loop's own function. */
static ssize_t model_perform(struct hob__op *op);
#define hob__linux_perform model_perform
/* No time passes. */
#define hob__linux_now(b) ((void)(b), UINT64_C(1))
#define hob__linux_pause model_pause
static void model_pause(struct hob__backend *b, long ns) { (void)b, (void)ns; }
#include "loop/epoll.c"
#define __atomic_load_n(p, order) ring_load(p, order, __func__)
#define __atomic_store_n(p, v, order) ring_store(p, v, __func__)
#include "loop/ring.c"
#undef __atomic_load_n
#undef __atomic_store_n
#define AHEAD RING_AHEAD
#include "loop/uring.c"
#undef AHEAD
#include "loop/offload.c"
#include "task/post.c"
#include "task/remote.c"
#define lock channel_lock
#include "sync/channel.c"
#undef lock
#include "io/submit.c"
#pragma GCC diagnostic ignored "-Wshadow"
/* Pools ask the caller's loop whether it is simulated; here plain threads call, too. */
static struct hob_loop loops[2];
static struct hob_loop **caller(void) {
    static struct hob_loop *none = &loops[0];
    return hob__loop ? &hob__loop : &none;
}
#define hob__loop (*caller())
#include "io/thread_pool.c"
#undef hob__loop

/* ---- loops: the turn of sched.c, with the real waiting and the real inbox ---- */

static struct hob_task nobody;

/* What the scenarios count. */
static _Alignas(8) struct {
    int got, next[THREADS], sum, cancels, busy, done, refused;
    int started, task_cancelled, rc[THREADS];
} h;
static int items[THREADS][2];

static void open_loops_on(const char *backend, int n) {
    memset(&h, 0, sizeof h);
    watch(&h, sizeof h);
    for (int i = 0; i < n; i++) {
        struct hob_loop *loop = &loops[i];
        memset(loop, 0, sizeof *loop);
        CHECK_EQ(hob__backend_open(&loop->backend, backend), 0);
        if (loop->backend.ops == &hob__backend_uring)
            watch(loop->backend.state, offsetof(struct uring, events) / 8 * 8);
        atomic_init(&loop->refs, 1);
        atomic_init(&loop->current, &nobody);
        watch(&loop->backend, sizeof loop->backend);
        watch(&loop->outside, sizeof loop->outside);
        watch(&loop->post_lock, (offsetof(struct hob_loop, interrupts) + 7) / 8 * 8 -
                                    offsetof(struct hob_loop, post_lock));
    }
}

static void open_loops(int n) { open_loops_on("epoll", n); }
/* The kernel finishes requests in the loop's calls alone, or at any time. */
static void open_rings(int n, bool at_any_time, int faults) {
    interrupts = at_any_time;
    open_loops_on("uring", n);
    w.faults = faults;
}

static void turn(struct hob_loop *loop, uint64_t deadline) {
    CHECK(loop->backend.ops->wait(&loop->backend, deadline) >= 0);
    hob__inbox_run(loop);
}

/* One task per loop. A cancel may come at any time, and just before what would have woken it. */
static int model_wait_on(struct hob_waitlist *list, struct hob_waiter *waiter, const char *what,
                         const void *object, unsigned flags) {
    (void)list, (void)what, (void)object;
    waiter->data = NULL;
    while (!waiter->data) {
        int how = h.cancels > 0 && !(flags & HOB__WAIT_MASKED) ? choose(3, __func__) : 0;
        if (how > 0) {
            h.cancels--;
            if (how == 2) hob__inbox_run(hob__loop);
            return -ECANCELED;
        }
        turn(hob__loop, UINT64_MAX);
    }
    return 0;
}

static bool model_wake(struct hob_waiter *waiter, int result) {
    (void)result;
    waiter->data = waiter;
    return true;
}

/* ---- posts ---- */

/* The item of a thread: its order is looked at, and that it has been published. */
static void took(void *arg) {
    plain_read(arg);
    int k = (int)((int *)arg - items[0]);
    MUST(h.next[k / 2] == k % 2);
    h.next[k / 2]++;
    h.got++;
}

static void post(int *item) {
    plain_write(item);
    MUST(hob_loop_post(&loops[0], took, item) == 0);
}
static void posts_two(void) { post(&items[1][0]), post(&items[1][1]); }
static void posts_one(void) { post(&items[2][0]); }
/* Now and then tasks are ready, and it only looks. */
static void takes_three(void) {
    while (h.got < 3) {
        bool busy = h.busy < 1 && choose(2, __func__);
        h.busy += busy;
        turn(&loops[0], busy ? 0 : UINT64_MAX);
    }
}
static void one_loop(void) { open_loops(1); }
static void nothing(void) {}
static const struct scenario posts = {
    "posts", one_loop, nothing, {takes_three, posts_two, posts_one}};

/* The same on io_uring. */
static void takes_two_and_ends(void) {
    while (h.got < 2) {
        bool busy = h.busy < 1 && choose(2, __func__);
        h.busy += busy;
        turn(&loops[0], busy ? 0 : UINT64_MAX);
    }
    ring_ends(0);
}
static void kernel_polls(void) { kernel_thread(0, NULL); }
static void one_ring(void) { open_rings(1, false, 0), h.busy = 1; }
static void faulty_ring(void) { open_rings(1, false, 2); }
static void interrupting_ring(void) { open_rings(1, true, 1), h.busy = 1; }
static const struct scenario ring_posts = {
    "ring_posts", one_ring, nothing, {takes_three, posts_two, posts_one}};
static const struct scenario ring_faults = {
    "ring_faults", faulty_ring, nothing, {takes_two_and_ends, posts_two}};
static const struct scenario ring_interrupts = {
    "ring_interrupts", interrupting_ring, nothing, {takes_two_and_ends, posts_two, kernel_polls}};

/* ---- holds: posts into a loop that ends, which its last user frees ---- */

static void ran(void *arg) {
    (void)arg;
    h.got++;
}
static void posts_and_releases(void) {
    struct hob_loop *loop = &loops[0];
    int rc = hob_loop_post(loop, ran, NULL);
    MUST(rc == 0 || rc == HOB_E_CLOSED);
    h.done += rc == 0;
    hob_loop_release(loop);
}
static void only_releases(void) { hob_loop_release(&loops[0]); }
static void ends_when_released(void) {
    struct hob_loop *loop = &loops[0];
    bool waits = choose(2, __func__);
    while (waits && atomic_load(&loop->holds) > 0) turn(loop, UINT64_MAX);
    hob__inbox_close(loop);
    hob__inbox_end(loop);
    int fd = loop->backend.wake_fd;
    hob__backend_close(&loop->backend);
    gone(fd);
    hob__loop_unref(loop);
}
static void held_loop(void) {
    open_loops(1);
    hob_loop_hold(&loops[0]);
    hob_loop_hold(&loops[0]);
}
static void held_ring(void) {
    open_rings(1, false, 0);
    hob_loop_hold(&loops[0]);
    hob_loop_hold(&loops[0]);
}
static void was_freed(const void *p) {
    for (int i = 0; i < w.freed_count; i++)
        if (w.freed[i].from == (const char *)p) return;
    wrong("its last user has not freed it");
}
static void all_ran(void) {
    if (h.got != h.done) wrong("%d posts were taken, %d ran", h.done, h.got);
    was_freed(&loops[0]);
}
static const struct scenario holds = {
    "holds", held_loop, all_ran, {ends_when_released, posts_and_releases, only_releases}};

static const struct scenario ring_holds = {
    "ring_holds", held_ring, all_ran, {ends_when_released, posts_and_releases, only_releases}};

/* ---- the loop's worker threads ---- */

static struct hob__op ops[2];
static int works(struct hob__op *op) {
    plain_write(op->user);
    return 7;
}
static void worked(struct hob__op *op) {
    plain_read(op->user);
    MUST(op->result == 7);
    h.got++;
}
static void offloads(void) {
    struct hob__backend *b = &loops[0].backend;
    for (int i = 0; i < 2; i++) {
        ops[i] = (struct hob__op){
            .code = HOB__OP_WORK, .work = works, .done = worked, .user = &items[0][i]};
        MUST(hob__offload_submit(b, &ops[i]) == 0);
        b->offload->crew.limit = 1;
        b->offload->crew.idle_ns = UINT64_MAX; /* the pool's threads end when idle */
    }
    while (h.got < 2) b->ops->wait(b, UINT64_MAX);
    hob__offload_close(b);
}
static void workers_loop(void) {
    open_loops(1);
    watch(ops, sizeof ops);
}
static const struct scenario workers = {"workers", workers_loop, nothing, {offloads}};
static void workers_ring(void) {
    open_rings(1, false, 0);
    watch(ops, sizeof ops);
}
static const struct scenario ring_workers = {"ring_workers", workers_ring, nothing, {offloads}};

/* ---- an operation of the ring, which a thread of the kernel does; one that was interrupted there
 * goes to a worker ---- */

static int kernel_works(void *op) { return works(op); }
static ssize_t model_perform(struct hob__op *op) { return op->work ? op->work(op) : works(op); }
static void submits_ring_op(void) {
    struct hob__backend *b = &loops[0].backend;
    ops[0] = (struct hob__op){.code = HOB__OP_FSYNC, .done = worked, .user = &items[0][0]};
    plain_write(items[0]);
    MUST(b->ops->submit(b, &ops[0]) == 0);
    while (h.got < 1) {
        b->ops->wait(b, UINT64_MAX);
        if (b->offload) b->offload->crew.idle_ns = UINT64_MAX;
    }
    MUST(b->ops_in_flight == 0);
    hob__offload_close(b);
    ring_ends(0);
}
static void kernel_does(void) { kernel_thread(0, kernel_works); }
static void operations_ring(void) {
    open_rings(1, true, 1);
    watch(ops, sizeof ops[0]);
}
static const struct scenario ring_operation = {
    "ring_operation", operations_ring, nothing, {submits_ring_op, kernel_does}};

/* ---- channels ---- */

static struct hob_channel *channel;
static void open_channel(int loop_count, size_t capacity, int cancels) {
    open_loops(loop_count);
    CHECK_EQ(hob_channel_open(&channel, sizeof(int *), capacity), 0);
    watch(channel, sizeof *channel + (sizeof(int *) * capacity + 7) / 8 * 8);
    h.cancels = cancels;
}

/* The other side may be told by the item alone. A timed thread may give up at any time. */
static int sends(int *item, bool timed) {
    plain_write(item);
    int rc = send_until(channel, &item, timed ? 1 : UINT64_MAX, __func__);
    h.done += rc == 0;
    return rc;
}
static int receives(bool timed) {
    int *item = NULL;
    int rc = recv_until(channel, &item, timed ? 1 : UINT64_MAX, __func__);
    if (rc == 0) {
        plain_read(item);
        int k = (int)(item - items[0]);
        MUST(h.next[k / 2] <= k % 2);
        h.next[k / 2] = k % 2 + 1;
        h.got++;
    }
    return rc;
}
static void all_arrived(void) {
    int left = (int)channel->count;
    if (h.done != h.got + left) wrong("%d sent, %d got, %d there", h.done, h.got, left);
    if (!hob__list_empty(&channel->senders) || !hob__list_empty(&channel->receivers))
        wrong("somebody stands in line still");
}

static void sends_two(void) {
    MUST(sends(&items[1][0], false) == 0 && sends(&items[1][1], false) == 0);
}
static void sends_in_time(void) {
    int rc = sends(&items[2][0], true);
    MUST(rc == 0 || rc == -ETIMEDOUT);
    if (rc) MUST(sends(&items[2][0], false) == 0);
}
static void receives_three(void) {
    for (int n = 0; n < 3;) n += receives(true) == 0;
}
static void channel_of_one(void) { open_channel(0, 1, 0); }
static const struct scenario channel_threads = {
    "channel_threads", channel_of_one, all_arrived, {receives_three, sends_two, sends_in_time}};

/* Closed in the middle: what was sent arrives all the same. */
static void sends_until_closed(void) {
    int rc = sends(&items[1][0], false);
    if (rc == 0) rc = sends(&items[1][1], false);
    MUST(rc == 0 || rc == HOB_E_CLOSED);
}
static void receives_until_closed(void) {
    int rc;
    while ((rc = receives(false)) == 0) continue;
    MUST(rc == HOB_E_CLOSED);
}
static void closes_it(void) { hob_channel_close(channel); }
static const struct scenario channel_closed = {
    "channel_closed",
    channel_of_one,
    all_arrived,
    {receives_until_closed, sends_until_closed, closes_it}};

/* A task of a loop, cancelled at any time, and a thread. */
static void loop_receives(void) {
    me()->loop = hob__loop = &loops[0];
    for (int n = 0; n < 2;) {
        int rc = receives(false);
        MUST(rc == 0 || rc == -ECANCELED);
        n += rc == 0;
    }
}
static void channel_to_loop(void) { open_channel(1, 1, 1); }
static const struct scenario channel_loop = {
    "channel_loop", channel_to_loop, all_arrived, {loop_receives, sends_two}};

/* Both are tasks, in two loops. */
static void loop_sends(void) {
    me()->loop = hob__loop = &loops[1];
    for (int i = 0; i < 2;) {
        int rc = sends(&items[1][i], false);
        MUST(rc == 0 || rc == -ECANCELED);
        i += rc == 0;
    }
}
static void channel_of_loops(void) { open_channel(2, 1, 1); }
static const struct scenario channel_loops = {
    "channel_loops", channel_of_loops, all_arrived, {loop_receives, loop_sends}};

static void channel_of_rings(void) {
    open_rings(2, false, 0);
    CHECK_EQ(hob_channel_open(&channel, sizeof(int *), 1), 0);
    watch(channel, sizeof *channel + sizeof(int *));
    h.cancels = 1;
}
static const struct scenario ring_channels = {
    "ring_channels", channel_of_rings, all_arrived, {loop_receives, loop_sends}};

/* ---- submitted tasks ---- */

static struct hob_task submitted_task;
static void *submitted_args[HOB__TASK_INLINE_ARGS / 8];

static struct hob_task *model_background(const struct hob__spawn_site *site) {
    (void)site;
    MUST(!h.started);
    h.started = 1;
    return &submitted_task;
}
static void model_cancel(struct hob_task *t) {
    MUST(t == &submitted_task && h.started == 1);
    h.task_cancelled = 1;
}

/* It is the loop's only task: it waits for its cancel, or ends before. */
static int task_runs(void *args) {
    plain_read(*(void **)args);
    while (!h.task_cancelled && h.cancels && choose(2, __func__)) turn(&loops[0], UINT64_MAX);
    plain_write(items[1]);
    return h.task_cancelled ? -ECANCELED : 5;
}
static const struct hob__spawn_site call_site = {
    "task_runs", task_runs, sizeof(void *), {"", "", 0}, NULL};
static void loop_serves(void) {
    me()->loop = hob__loop = &loops[0];
    while (h.done < 1) {
        turn(&loops[0], UINT64_MAX);
        if (h.started != 1) continue;
        hob__submit_run(submitted_args);
        h.started = 2;
    }
    hob__inbox_close(&loops[0]);
}
static void bye(void *arg) {
    (void)arg;
    h.done = 1;
}
static void submits(void) {
    void *arg = items[0];
    plain_write(arg);
    h.cancels = choose(2, __func__);
    struct hob_submitted *c = hob__loop_submit(&loops[0], &call_site, &call_site, &arg);
    MUST(c != NULL);
    bool at_once = h.cancels && choose(2, __func__);
    if (at_once) hob_submitted_cancel(c);
    int rc = wait_for(c, h.cancels && !at_once ? 1 : UINT64_MAX);
    if (rc == -ETIMEDOUT) {
        hob_submitted_cancel(c);
        rc = choose(2, __func__) ? wait_for(c, UINT64_MAX) : 0;
    }
    MUST(rc == 0 || rc == 5 || rc == -ECANCELED);
    if (rc == 5) plain_read(items[1]);
    hob_submitted_drop(c);
    MUST(hob_loop_post(&loops[0], bye, NULL) == 0);
}
static void submit_loop(void) {
    open_loops(1);
    memset(&submitted_task, 0, sizeof submitted_task);
    memset(submitted_args, 0, sizeof submitted_args);
    submitted_task.head.args = (char *)submitted_args;
    watch(submitted_args, sizeof submitted_args);
}
static const struct scenario submits_one = {
    "submitted", submit_loop, nothing, {loop_serves, submits}};

/* ---- pools ---- */

static struct hob_pool *pool;
static int call_runs(void *args) {
    plain_read(*(void **)args);
    plain_write((int *)*(void **)args + 1);
    return 3;
}
static const struct hob__spawn_site pool_site = {
    "call_runs", call_runs, sizeof(void *), {"", "", 0}, NULL};
static void calls(int k, bool leave) {
    void *arg = items[k];
    plain_write(arg);
    int rc = hob__to_pool(pool, leave, &pool_site, &arg);
    MUST(rc == 3 || (rc == -ECANCELED && k == 0));
    if (rc == 3) plain_read(&items[k][1]);
    if (++h.done < 2) return;
    me()->loop = hob__loop = NULL;
    hob_pool_close(pool);
}
static void task_calls(void) {
    me()->loop = hob__loop = &loops[0];
    calls(0, false);
}
static void task_calls_or_leaves(void) {
    me()->loop = hob__loop = &loops[0];
    calls(0, true);
}
static void thread_calls(void) { calls(1, false); }
/* One thread and no queue: who comes second stands in line. */
static void pool_of_one(void) {
    open_loops(1);
    CHECK_EQ(hob_pool_open(&pool, (struct hob_pool_options){.threads = 1, .queue = 1}), 0);
    pool->queue_max = 0;
    pool->crew.idle_ns = UINT64_MAX;
    watch(pool, sizeof *pool / 8 * 8);
    h.cancels = 1;
}
static void pool_is_gone(void) { was_freed(pool); }
static void pool_with_room(void) {
    pool_of_one();
    pool->queue_max = 1;
}
/* Its thread may end between two calls, at any time. */
static void thread_calls_twice(void) { thread_calls(), thread_calls(); }
static void pool_that_idles(void) {
    pool_of_one();
    pool->crew.idle_ns = 1;
}
static const struct scenario pool_idle = {
    "pool_idle", pool_that_idles, pool_is_gone, {thread_calls_twice}};
static const struct scenario pool_line = {
    "pool_line", pool_of_one, pool_is_gone, {task_calls, thread_calls}};
static const struct scenario pool_queue = {
    "pool_queue", pool_with_room, pool_is_gone, {task_calls, thread_calls}};
static const struct scenario pool_left = {
    "pool_left", pool_with_room, pool_is_gone, {task_calls_or_leaves, thread_calls}};

/* ---- the watchdog's rest: a loop that begins to hold its tasks wakes it, or is seen before ----
 */

#include "task/capture.h"
#define watch dog_watch
#define seen dog_seen
#define start dog_start
#define stop dog_stop
#define tell dog_tell
#define hob__report_is_default() true
#define hob__capture_ask(loop, ms) ((void)(loop), (void)(ms), h.sum++)
#define hob__capture_text() NULL
#include "task/awake.h"
#include "task/watchdog.c"
#undef watch
#undef seen
#undef start
#undef stop
#undef tell

static void dog_looks(void) {
    unsigned period = 0;
    if (look_around(1000, &period)) return; /* it has moved: no rest */
    pthread_mutex_lock(&dog.lock);
    rest();
    pthread_mutex_unlock(&dog.lock);
}
/* Its turn ends in a task that holds it until the watchdog is awake. */
static void loop_holds(void) {
    hob__awake_begin(&loops[0]);
    before(JOIN, &w.thread[0], 0, 0, "a task");
}
static void dog_and_loop(void) {
    open_loops(1);
    naps_settle = true;
    memset(&dog, 0, sizeof dog);
    memset(dog_seen, 0, sizeof dog_seen);
    dog_seen[0] = (struct dog_seen){.loop = &loops[0], .since = 1};
    atomic_init(&hob__watchdog_rests, false);
    loops[0].slow_ms = 1000000;
    hob__loops = &loops[0];
    watch(&dog, sizeof dog / 8 * 8);
    watch(dog_seen, sizeof dog_seen[0]);
}
static const struct scenario dog_rests = {
    "dog_rests", dog_and_loop, nothing, {dog_looks, loop_holds}};

/* ---- running them ---- */

static void run(const struct scenario *s) {
    struct timespec begin, end;
    (clock_gettime)(CLOCK_MONOTONIC, &begin);
    bool right = explore(s, NULL);
    (clock_gettime)(CLOCK_MONOTONIC, &end);
    printf("# %s: %ld states, %ld steps, %.2f s\n", s->name, states, steps,
           (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) * 1e-9);
    CHECK(right);
}

TEST(posts_wake_the_loop_and_none_is_lost) { run(&posts); }
TEST(a_held_loop_ends_once_and_is_freed_by_the_last) { run(&holds); }
TEST(what_worker_threads_have_done_reaches_the_loop) { run(&workers); }
TEST(posts_wake_a_loop_that_sleeps_in_a_ring) {
    run(&ring_posts);
    run(&ring_faults);
    run(&ring_interrupts);
}
TEST(a_held_loop_on_a_ring_ends_once) { run(&ring_holds); }
TEST(what_worker_threads_and_the_kernel_s_have_done_reaches_a_ring) {
    run(&ring_workers);
    run(&ring_operation);
}
TEST(channels_between_loops_on_rings_with_a_cancel) { run(&ring_channels); }
TEST(a_watchdog_that_rests_is_woken_by_a_loop_that_runs) { run(&dog_rests); }
TEST(channels_between_threads) { run(&channel_threads); }
TEST(channels_closed_in_the_middle) { run(&channel_closed); }
TEST(channels_between_a_loop_and_a_thread_with_a_cancel) { run(&channel_loop); }
TEST(channels_between_loops_with_a_cancel) { run(&channel_loops); }
TEST(submitted_tasks_with_cancel_and_drop) { run(&submits_one); }
TEST(a_pool_with_a_line_a_cancel_and_a_close) { run(&pool_line); }
TEST(a_pool_whose_threads_end_when_idle) { run(&pool_idle); }
/* The cancel could come between a worker's taking the call and its beginning it: it was freed. */
TEST(a_call_that_a_worker_has_taken_is_not_withdrawn) {
    run(&pool_queue);
    run(&pool_left);
}

/* ---- what each thing is there for ---- */

static const struct {
    const struct scenario *scenario;
    struct mutation m;
} weakened[] = {
    /* Both flags, seen by one of the two at least. */
    {&posts, {"hob__waker_wake", RMW, TO_ACQ_REL, false}},
    {&posts, {"hob__waker_wake", LOAD, TO_ACQ_REL, false}},
    {&posts, {"hob__sleep_begin", STORE, TO_ACQ_REL, false}},
    {&posts, {"hob__sleep_begin", LOAD, TO_ACQ_REL, false}},
    {&posts, {"hob__sleep_begin", STORE, LEFT_OUT, false}},
    {&posts, {"hob__waker_wake", SIGNAL, LEFT_OUT, false}},
    /* What came before a wake that found `woken` set is seen behind the wait. */
    {&posts, {"hob__sleep_end", RMW, TO_RELAXED, false}},
    {&posts, {"hob__sleep_end", RMW, SPLIT, false}},
    /* A wake that is seen late only ends the next wait. */
    {&posts, {"hob__sleep_end", LOAD, TO_RELAXED, true}},
    {&posts, {"hob__sleep_end", STORE, TO_RELAXED, true}},
    /* The same on io_uring, whose poll is to be entered, and entered again when it has ended. */
    {&ring_posts, {"hob__waker_wake", RMW, TO_ACQ_REL, false}},
    {&ring_posts, {"hob__waker_wake", LOAD, TO_ACQ_REL, false}},
    {&ring_posts, {"hob__sleep_begin", STORE, TO_ACQ_REL, false}},
    {&ring_posts, {"hob__sleep_begin", LOAD, TO_ACQ_REL, false}},
    {&ring_posts, {"hob__sleep_begin", STORE, LEFT_OUT, false}},
    {&ring_posts, {"hob__waker_wake", SIGNAL, LEFT_OUT, false}},
    {&ring_posts, {"hob__sleep_end", RMW, TO_RELAXED, false}},
    {&ring_posts, {"hob__sleep_end", RMW, SPLIT, false}},
    {&ring_interrupts, {"hob__sleep_begin", STORE, LEFT_OUT, false}},
    {&ring_interrupts, {"hob__sleep_begin", LOAD, TO_ACQ_REL, false}},
    {&ring_faults, {"hob__ring_sqe", STORE, LEFT_OUT, false}},
    {&ring_faults, {"hob__ring_enter", ENTER, LEFT_OUT, false}},
    /* What the kernel's thread has done is seen with its completion; the flag only tells that an
     * enter would find something. */
    {&ring_operation, {"hob__ring_end", LOAD, TO_RELAXED, false}},
    {&ring_operation, {"hob__ring_unfinished", LOAD, TO_RELAXED, true}},
    {&ring_posts, {"hob__ring_unfinished", LOAD, TO_RELAXED, true}},
    /* The inbox. */
    {&channel_loop, {"push", RMW, TO_RELAXED, false}},
    {&posts, {"push", RMW, SPLIT, false}},
    {&posts, {"hob__inbox_run", RMW, TO_RELAXED, false}},
    {&posts, {"hob__inbox_run", RMW, SPLIT, false}},
    /* The end of a loop. */
    {&holds, {"push_unless_closed", LOCK, LEFT_OUT, false}},
    {&holds, {"hob_loop_release", LOCK, LEFT_OUT, false}},
    {&holds, {"hob__inbox_close", LOCK, LEFT_OUT, false}},
    {&holds, {"hob__loop_unref", RMW, SPLIT, false}},
    /* The watchdog's rest. */
    {&dog_rests, {"hob__awake_count", STORE, LEFT_OUT, false}},
    {&dog_rests, {"hob__watchdog_wake", SIGNAL, LEFT_OUT, false}},
    /* Worker threads. */
    {&workers, {"hob__crew_submit", SIGNAL, LEFT_OUT, false}},
    {&workers, {"hob__crew_end", SIGNAL, LEFT_OUT, false}},
    {&workers, {"leave", SIGNAL, LEFT_OUT, false}},
    {&workers, {"work", LOCK, LEFT_OUT, false}},
    {&workers, {"hob__crew_lock", LOCK, LEFT_OUT, false}},
    /* Waits that other threads end. */
    {&channel_threads, {"channel_lock", LOCK, LEFT_OUT, false}},
    {&channel_threads, {"hob__remote_serve", SIGNAL, LEFT_OUT, false}},
    {&channel_threads, {"pthread_cond_wait", LOCK, LEFT_OUT, false}},
    {&channel_loop, {"channel_lock", LOCK, LEFT_OUT, false}},
    {&channel_loop, {"hob__waker_wake", LOAD, TO_ACQ_REL, false}},
    /* Submitted tasks. */
    {&submits_one, {"finish", LOCK, LEFT_OUT, false}},
    {&submits_one, {"hob__remote_serve", SIGNAL, LEFT_OUT, false}},
    /* Pools. */
    {&pool_queue, {"hob__crew_lock", LOCK, LEFT_OUT, false}},
    {&pool_queue, {"hob__crew_submit", SIGNAL, LEFT_OUT, false}},
    {&pool_left, {"work", LOCK, LEFT_OUT, false}},
};

/* In a process of its own, since a race may end it in any way. 0: nothing found. */
static int find_out(size_t i) {
    enum { MET = 3, NOT_MET = 4 };
    char said[4096];
    int status = RUN_CHILD(said, {
        alarm(60);
        bool right = explore(weakened[i].scenario, &weakened[i].m);
        _exit(!right ? 1 : mutated ? MET : NOT_MET);
    });
    if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_MET)
        FAIL("%s in %s is never met", op_names[weakened[i].m.op], weakened[i].m.func);
    return !(WIFEXITED(status) && WEXITSTATUS(status) == MET);
}

TEST(without_any_of_these_an_error_is_found) {
    static const char *const hows[] = {"acquire and release only", "relaxed", "left out",
                                       "load and store"};
    int wrong_ones = 0;
    if (getenv("TEST_SLOW")) return;
    for (size_t i = 0; i < sizeof weakened / sizeof weakened[0]; i++) {
        const struct mutation *m = &weakened[i].m;
        bool found = find_out(i);
        printf("# %s: %s in %s, %s: %s\n", weakened[i].scenario->name, op_names[m->op], m->func,
               hows[m->how], found ? "found" : "nothing");
        wrong_ones += found == m->harmless;
    }
    CHECK_EQ(wrong_ones, 0);
}

int main(int argc, char **argv) {
    if (!hob__on_valgrind()) return test_main(argc, argv);
    puts("valgrind does not know stacks that are copied");
    return 77;
}
#endif
