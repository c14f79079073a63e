/* sync_count_test.c - semaphore, barrier and future: asyncio's rules K-10 to K-17, each under its
 * number; and what all sync objects have in common. Where Hob differs from asyncio on purpose, the
 * test says what holds instead. */
#include "sync.h"

#include <pthread.h>

/* ---- semaphore ---- */

static int acquire_and_note(struct hob_sem *sem, const char *name) {
    int rc = hob_sem_acquire(sem);
    note("%s%s ", name, rc == -ECANCELED ? "!" : "");
    return rc;
}
HOB_TASK(acquire_and_note, struct hob_sem *, const char *)

static int acquire_again_and_again(struct hob_sem *sem, const char *name, int times) {
    for (int i = 0; i < times; i++) {
        HOB_TRY(hob_sem_acquire(sem));
        note("%s", name);
        hob_sem_release(sem);
    }
    return 0;
}
HOB_TASK(acquire_again_and_again, struct hob_sem *, const char *, int)

TASK_TEST(K10_sem_serves_in_order) {
    struct hob_sem sem = HOB_SEM(2);
    HOB_SCOPE(s);
    static const char *const names[] = {"a", "b", "c", "d"};
    for (int i = 0; i < 4; i++) hob_spawn(s, acquire_and_note, &sem, names[i]);
    turns(2);
    CHECK_STR(notes, "a b ");
    CHECK(hob_sem_locked(&sem));
    hob_sem_release(&sem);
    hob_sem_release(&sem);
    HOB_TRY(hob_join(s));
    CHECK_STR(notes, "a b c d ");
    CHECK(hob_sem_locked(&sem));
    hob_sem_release(&sem);
    CHECK(!hob_sem_locked(&sem));
    return 0;
}

/* Who releases and acquires at once goes behind those who wait. */
TASK_TEST(K10_released_and_acquired_by_the_same_task) {
    struct hob_sem sem = HOB_SEM(1);
    HOB_SCOPE(s);
    HOB_TRY(hob_sem_acquire(&sem));
    hob_spawn(s, acquire_again_and_again, &sem, "a", 3);
    hob_spawn(s, acquire_again_and_again, &sem, "b", 3);
    turns(1);
    hob_sem_release(&sem);
    HOB_TRY(hob_join(s));
    CHECK_STR(notes, "ababab");
    return 0;
}

/* asyncio: locked() stays true between the release and the woken task's run. Hob: the permit is the
 * waiter's from the release on, so that there is no permit in between. */
TASK_TEST(K11_release_hands_the_permit_over) {
    struct hob_sem sem = HOB_SEM(0);
    HOB_SCOPE(s);
    hob_spawn(s, acquire_and_note, &sem, "a");
    turns(1);
    hob_sem_release(&sem);
    CHECK(hob_sem_locked(&sem));
    CHECK_EQ(hob_sem_try_acquire(&sem), -EBUSY);
    CHECK_STR(notes, "");
    HOB_TRY(hob_join(s));
    CHECK_STR(notes, "a ");
    hob_sem_release(&sem);
    CHECK_EQ(hob_sem_try_acquire(&sem), 0);
    return 0;
}

TASK_TEST(K11_release_passes_over_the_cancelled) {
    struct hob_sem sem = HOB_SEM(0);
    HOB_SCOPE(s);
    struct hob_task *a = hob_spawn(s, acquire_and_note, &sem, "a");
    hob_spawn(s, acquire_and_note, &sem, "b");
    turns(1);
    hob_cancel(a);
    hob_sem_release(&sem);
    CHECK_EQ(hob_join(s), 0);
    CHECK_STR(notes, "a! b ");
    CHECK_EQ(sem.free, 0);
    return 0;
}

/* asyncio: a waiter that is woken and cancelled gives the permit on. Hob: it has it, and acquire
 * returns 0; whoever was cancelled before was out of the line. All 4^4 ways to release, to cancel
 * and to do both in either order, to four waiters: nothing is lost and nothing made. */
TASK_TEST(K12_woken_and_cancelled_in_any_mix) {
    for (int mix = 0; mix < 256; mix++) {
        struct hob_sem sem = HOB_SEM(0);
        struct hob_task *t[4];
        int served = 0, released = 0;
        HOB_SCOPE(s, .on_error = HOB_COLLECT);
        for (int i = 0; i < 4; i++) t[i] = hob_spawn(s, acquire_and_note, &sem, "");
        turns(1);
        for (int i = 0; i < 4; i++) {
            int how = mix >> (2 * i) & 3;
            if (how == 1 || how == 3) hob_cancel(t[i]);
            if (how != 1) {
                hob_sem_release(&sem);
                released++;
            }
            if (how == 2) hob_cancel(t[i]);
        }
        turns(2);
        for (int i = 0; i < 4; i++) served += hob_task_done(t[i]) && hob_task_result(t[i]) == 0;
        CHECK_EQ(served + (int)sem.free, released);
        CHECK(sem.free == 0 || !sem.waiters.first);
        hob_scope_cancel(s);
        hob_join(s);
    }
    return 0;
}

static int acquire_then_check(struct hob_sem *sem) {
    note("%d ", hob_sem_acquire(sem));
    int rc = hob_check();
    hob_sem_release(sem);
    return rc;
}
HOB_TASK(acquire_then_check, struct hob_sem *)

TASK_TEST(K12_the_permit_of_the_cancelled_is_released_by_it) {
    struct hob_sem sem = HOB_SEM(0);
    HOB_SCOPE(s);
    struct hob_task *a = hob_spawn(s, acquire_then_check, &sem);
    struct hob_task *b = hob_spawn(s, acquire_and_note, &sem, "b");
    turns(1);
    hob_sem_release(&sem);
    hob_cancel(a);
    CHECK_EQ(hob_await(b), 0);
    CHECK_EQ(hob_await(a), -ECANCELED);
    CHECK_STR(notes, "0 b ");
    return hob_join(s);
}

TASK_TEST(K13_cancels_and_releases_grant_neither_more_nor_less) {
    struct hob_sem sem = HOB_SEM_BOUNDED(3);
    for (int round = 0; round < 50; round++) {
        struct hob_task *t[10];
        HOB_SCOPE(s);
        for (int i = 0; i < 10; i++) t[i] = hob_spawn(s, acquire_again_and_again, &sem, "", 2);
        for (int i = 0; i < 10; i++) {
            if ((round + i) % 3 == 0) hob_cancel(t[(round + 7 * i) % 10]);
            if (i % 4 == round % 4) turns(1);
        }
        CHECK_EQ(hob_join(s), 0);
        CHECK_EQ(sem.free, 3);
        CHECK(!sem.waiters.first);
    }
    return 0;
}

static int release_too_often(void) {
    struct hob_sem sem = HOB_SEM_BOUNDED(2);
    HOB_TRY(hob_sem_acquire(&sem));
    hob_sem_release(&sem);
    hob_sem_release(&sem);
    return 0;
}
HOB_TASK(release_too_often)

TEST(K13_release_beyond_the_bound) {
    CHECK_DIES(hob_run(release_too_often), "hob_sem_release: all 2 permits");
}

static int with_permit(struct hob_sem *sem) {
    HOB_WITH(hob_sem, sem);
    CHECK_EQ(sem->free, 0);
    return hob_yield_now();
}
HOB_TASK(with_permit, struct hob_sem *)

TASK_TEST(sem_as_a_guard) {
    struct hob_sem sem = HOB_SEM(1);
    HOB_TRY(with_permit(&sem));
    CHECK_EQ(sem.free, 1);
    HOB_SCOPE(s);
    HOB_TRY(hob_sem_acquire(&sem));
    struct hob_task *t = hob_spawn(s, with_permit, &sem);
    turns(1);
    hob_cancel(t);
    CHECK_EQ(hob_await(t), -ECANCELED);
    CHECK_EQ(sem.free, 0);
    hob_sem_release(&sem);
    return hob_join(s);
}

/* ---- barrier ---- */

static int arrive(struct hob_barrier *b) {
    int rc = hob_barrier_wait(b);
    if (rc == -ECANCELED)
        note("! ");
    else if (rc == HOB_E_BROKEN)
        note("broken ");
    else
        note("%d ", rc);
    return rc;
}
HOB_TASK(arrive, struct hob_barrier *)

TASK_TEST(K14_barrier_releases_all_with_their_index) {
    struct hob_barrier b = HOB_BARRIER(4);
    for (int round = 0; round < 3; round++) {
        struct hob_task *t[4];
        HOB_SCOPE(s);
        for (int i = 0; i < 3; i++) t[i] = hob_spawn(s, arrive, &b);
        turns(3);
        CHECK_EQ(b.arrived, 3);
        for (int i = 0; i < 3; i++) CHECK(!hob_task_done(t[i]));
        t[3] = hob_spawn(s, arrive, &b);
        HOB_TRY(hob_join(s));
        for (int i = 0; i < 4; i++) CHECK_EQ(hob_task_result(t[i]), i);
        CHECK_EQ(b.arrived, 0);
    }
    return 0;
}

TASK_TEST(K14_barrier_of_one) {
    struct hob_barrier b = HOB_BARRIER(1);
    CHECK_EQ(hob_barrier_wait(&b), 0);
    CHECK_EQ(hob_barrier_wait(&b), 0);
    return 0;
}

/* asyncio: who comes while a round drains waits until it has. Hob: a round ends at its last
 * arrival, there is no draining, and who comes then is the first of the next round. */
TASK_TEST(K14_who_comes_next_begins_a_new_round) {
    struct hob_barrier b = HOB_BARRIER(2);
    HOB_SCOPE(s);
    struct hob_task *first = hob_spawn(s, arrive, &b);
    turns(1);
    CHECK_EQ(hob_barrier_wait(&b), 1);
    CHECK(!hob_task_done(first)); /* released, has not run yet */
    struct hob_task *next = hob_spawn(s, arrive, &b);
    turns(2);
    CHECK_EQ(hob_task_result(first), 0);
    CHECK(!hob_task_done(next));
    CHECK_EQ(b.arrived, 1);
    CHECK_EQ(hob_barrier_wait(&b), 1);
    return hob_join(s);
}

TASK_TEST(K15_cancelled_while_filling) {
    struct hob_barrier b = HOB_BARRIER(3);
    HOB_SCOPE(s);
    struct hob_task *a = hob_spawn(s, arrive, &b);
    hob_spawn(s, arrive, &b);
    turns(1);
    hob_cancel(a);
    turns(1);
    CHECK_EQ(b.arrived, 1);
    CHECK(!b.broken);
    hob_spawn(s, arrive, &b);
    turns(2);
    CHECK_STR(notes, "! ");
    CHECK_EQ(hob_barrier_wait(&b), 2);
    CHECK_EQ(hob_join(s), 0);
    CHECK_STR(notes, "! 0 1 ");
    return 0;
}

/* The one that was cancelled in this very turn, and has not run since, does not count. */
TASK_TEST(K15_cancel_and_arrival_in_one_turn) {
    struct hob_barrier b = HOB_BARRIER(3);
    HOB_SCOPE(s);
    hob_spawn(s, arrive, &b);
    struct hob_task *x = hob_spawn(s, arrive, &b);
    turns(1);
    hob_cancel(x);
    CHECK_EQ(hob_within(0.05, hob_barrier_wait(&b)), -ETIMEDOUT);
    CHECK_EQ(b.arrived, 1);
    hob_spawn(s, arrive, &b);
    hob_spawn(s, arrive, &b);
    CHECK_EQ(hob_join(s), 0);
    CHECK_STR(notes, "! 2 0 1 ");
    CHECK_EQ(b.arrived, 0);
    return 0;
}

TASK_TEST(K15_cancelled_after_the_round_was_complete) {
    struct hob_barrier b = HOB_BARRIER(2);
    HOB_SCOPE(s);
    struct hob_task *a = hob_spawn(s, arrive, &b);
    turns(1);
    CHECK_EQ(hob_barrier_wait(&b), 1);
    hob_cancel(a);
    CHECK_EQ(hob_await(a), 0);
    CHECK_EQ(b.arrived, 0);
    return hob_join(s);
}

TASK_TEST(K16_reset_breaks_the_round_only) {
    struct hob_barrier b = HOB_BARRIER(3);
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    hob_spawn(s, arrive, &b);
    hob_spawn(s, arrive, &b);
    turns(1);
    hob_barrier_reset(&b);
    CHECK(!b.broken);
    CHECK_EQ(b.arrived, 0);
    for (int i = 0; i < 3; i++) hob_spawn(s, arrive, &b);
    CHECK_EQ(hob_join(s), 2);
    CHECK_STR(notes, "broken broken 2 0 1 ");
    return 0;
}

TASK_TEST(K16_the_released_go_through_a_reset) {
    struct hob_barrier b = HOB_BARRIER(2);
    HOB_SCOPE(s);
    struct hob_task *a = hob_spawn(s, arrive, &b);
    turns(1);
    CHECK_EQ(hob_barrier_wait(&b), 1);
    hob_barrier_reset(&b);
    hob_barrier_abort(&b);
    CHECK_EQ(hob_await(a), 0);
    return hob_join(s);
}

TASK_TEST(K16_abort_lasts_until_reset) {
    struct hob_barrier b = HOB_BARRIER(3);
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    hob_spawn(s, arrive, &b);
    struct hob_task *cancelled = hob_spawn(s, arrive, &b);
    turns(1);
    hob_cancel(cancelled);
    hob_barrier_abort(&b);
    CHECK_EQ(hob_barrier_wait(&b), HOB_E_BROKEN);
    turns(1);
    CHECK_STR(notes, "! broken ");
    CHECK_EQ(hob_barrier_wait(&b), HOB_E_BROKEN);
    CHECK(b.broken);
    CHECK_EQ(b.arrived, 0);
    hob_barrier_reset(&b);
    for (int i = 0; i < 3; i++) hob_spawn(s, arrive, &b);
    CHECK_EQ(hob_join(s), 1);
    CHECK_STR(notes, "! broken 2 0 1 ");
    return 0;
}

/* ---- future ---- */

static int get_future(struct hob_future *f, void **value) { return hob_future_wait(f, value); }
HOB_TASK(get_future, struct hob_future *, void **)

TASK_TEST(future_gives_everybody_the_result) {
    struct hob_future f = {0};
    char thing;
    void *a = NULL, *b = NULL, *late = NULL;
    HOB_SCOPE(s);
    struct hob_task *t[3] = {hob_spawn(s, get_future, &f, &a), hob_spawn(s, get_future, &f, &b),
                             hob_spawn(s, get_future, &f, NULL)};
    turns(2);
    CHECK(!hob_task_done(t[0]));
    CHECK_EQ(hob_future_set(&f, 7, &thing), 0);
    CHECK_EQ(hob_future_set(&f, 8, NULL), -EALREADY);
    CHECK_EQ(hob_future_cancel(&f), -EALREADY);
    HOB_TRY(hob_join(s));
    for (int i = 0; i < 3; i++) CHECK_EQ(hob_task_result(t[i]), 7);
    CHECK(a == &thing && b == &thing);
    CHECK_EQ(hob_future_wait(&f, &late), 7);
    CHECK(late == &thing);
    CHECK_EQ(hob_future_wait(&f, NULL), 7);
    return 0;
}

TASK_TEST(future_with_an_error_sets_no_value) {
    struct hob_future f = {0};
    char untouched;
    void *a = &untouched;
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    struct hob_task *t = hob_spawn(s, get_future, &f, &a);
    turns(1);
    CHECK_EQ(hob_future_set(&f, -EIO, &f), 0);
    CHECK_EQ(hob_await(t), -EIO);
    CHECK_EQ(hob_future_wait(&f, &a), -EIO);
    CHECK(a == &untouched);
    hob_join(s);
    return 0;
}

/* A cancelled future and a cancelled waiter give the same code; hob_cancelled() tells them apart.
 */
TASK_TEST(future_cancelled) {
    struct hob_future f = {0};
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, get_future, &f, NULL);
    turns(1);
    hob_cancel(t);
    CHECK_EQ(hob_await(t), -ECANCELED);
    CHECK(!f.done && !f.waiters.first);
    CHECK_EQ(hob_future_cancel(&f), 0);
    CHECK_EQ(hob_future_wait(&f, NULL), -ECANCELED);
    CHECK(!hob_cancelled());
    return hob_join(s);
}

static int set_and_forget(struct hob_future *f) {
    int rc = hob_future_set(f, 3, &notes);
    memset(f, 0xff, sizeof *f);
    return rc;
}

/* The value is in the waiter's variable when the set returns, so that the future may go then. */
TASK_TEST(future_may_go_once_it_is_set) {
    struct hob_future f = {0};
    void *value = NULL;
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, get_future, &f, &value);
    turns(1);
    HOB_TRY(set_and_forget(&f));
    CHECK_EQ(hob_await(t), 3);
    CHECK(value == notes);
    return hob_join(s);
}

/* ---- all of them ---- */

struct all {
    struct hob_mutex m, held;
    struct hob_event e;
    struct hob_cond c;
    struct hob_sem sem;
    struct hob_barrier b;
    struct hob_future f;
    struct hob_queue q[1];
    int items[2];
};

enum { MUTEX, EVENT, COND, SEM, BARRIER, FUTURE, GET, PUT, JOIN, KINDS };

static void all_init(struct all *o) {
    memset(o, 0, sizeof *o);
    o->b.parties = 2;
    hob_queue_init(o->q, o->items, sizeof o->items[0], 2, HOB_FIFO, NULL);
}

/* Waits on one kind of object, with a call that cannot go on at once. */
static int wait_on_kind(struct all *o, int kind) {
    int item = 0;
    switch (kind) {
    case MUTEX:
        return hob_mutex_lock(&o->m);
    case EVENT:
        return hob_event_wait(&o->e);
    case COND:
        HOB_TRY(hob_mutex_lock(&o->held));
        int rc = hob_cond_wait(&o->c, &o->held);
        hob_mutex_unlock(&o->held);
        return rc;
    case SEM:
        return hob_sem_acquire(&o->sem);
    case BARRIER:
        return hob_barrier_wait(&o->b);
    case FUTURE:
        return hob_future_wait(&o->f, NULL);
    case GET:
        return hob_queue_get(o->q, &item);
    case PUT:
        return hob_queue_put(o->q, &item);
    default:
        return hob_queue_join(o->q);
    }
}
HOB_TASK(wait_on_kind, struct all *, int)

/* Brings the object into the state in which that call has to wait. */
static int make_busy(struct all *o, int kind) {
    int item = 1;
    if (kind == MUTEX) HOB_TRY(hob_mutex_lock(&o->m));
    if (kind == PUT || kind == JOIN) {
        HOB_TRY(hob_queue_put(o->q, &item));
        HOB_TRY(hob_queue_put(o->q, &item));
    }
    return 0;
}

static void touch_kind(struct all *o, int kind) {
    int item = 0;
    switch (kind) {
    case MUTEX:
        hob_mutex_lock(&o->m);
        break;
    case EVENT:
        hob_event_set(&o->e);
        break;
    case COND:
        hob_mutex_lock(&o->held);
        hob_cond_notify_all(&o->c, &o->held);
        break;
    case SEM:
        hob_sem_release(&o->sem);
        break;
    case BARRIER:
        hob_barrier_wait(&o->b);
        break;
    case FUTURE:
        hob_future_set(&o->f, 0, NULL);
        break;
    case GET:
        hob_queue_put(o->q, &item);
        break;
    case PUT:
        hob_queue_get(o->q, &item);
        break;
    default:
        hob_queue_close_now(o->q, NULL);
    }
}

static int in_another_loop(struct all *o, int kind) {
    touch_kind(o, kind);
    return 0;
}
HOB_TASK(in_another_loop, struct all *, int)

struct other {
    struct all *o;
    int kind;
};

static void *other_thread(void *arg) {
    struct other *other = arg;
    hob_run(in_another_loop, other->o, other->kind);
    return NULL;
}

static int used_from_two_loops(int kind) {
    struct all o;
    all_init(&o);
    HOB_TRY(make_busy(&o, kind));
    HOB_SCOPE(s);
    hob_spawn(s, wait_on_kind, &o, kind);
    turns(1);
    struct other other = {&o, kind};
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, other_thread, &other), 0);
    pthread_join(thread, NULL);
    return 0;
}
HOB_TASK(used_from_two_loops, int)

TEST(K17_used_from_two_loops) {
    static const char *const func[KINDS] = {
        [MUTEX] = "hob_mutex_lock: used from two loops",
        [EVENT] = "hob_event_set: used from two loops",
        [COND] = "hob_cond_notify_all: used from two loops",
        [SEM] = "hob_sem_release: used from two loops",
        [BARRIER] = "hob_barrier_wait: used from two loops",
        [FUTURE] = "hob_future_set: used from two loops",
        [GET] = "hob_queue_put: used from two loops",
        [PUT] = "hob_queue_get: used from two loops",
        [JOIN] = "hob_queue_close_now: used from two loops",
    };
    for (int kind = 0; kind < KINDS; kind++)
        CHECK_DIES(hob_run(used_from_two_loops, kind), func[kind]);
}

/* In a cancelled scope every call says so, each time, even when it need not wait; it takes nothing.
 */
TASK_TEST(every_call_is_a_cancellation_point) {
    struct all o;
    all_init(&o);
    o.sem.free = 1;
    o.e.set = true;
    o.f.done = true;
    o.b.parties = 1;
    int item = 1;
    HOB_QUEUE(unused, int, 1);
    HOB_TRY(hob_queue_put(o.q, &item));
    HOB_TRY(hob_mutex_lock(&o.held));
    HOB_SCOPE(s);
    hob_scope_cancel(s);
    for (int again = 0; again < 2; again++) {
        CHECK_EQ(hob_mutex_lock(&o.m), -ECANCELED);
        CHECK_EQ(hob_event_wait(&o.e), -ECANCELED);
        CHECK_EQ(hob_cond_wait(&o.c, &o.held), -ECANCELED);
        CHECK_EQ(hob_cond_wait_for(&o.c, &o.held, NULL, NULL), -ECANCELED);
        CHECK_EQ(hob_sem_acquire(&o.sem), -ECANCELED);
        CHECK_EQ(hob_barrier_wait(&o.b), -ECANCELED);
        CHECK_EQ(hob_future_wait(&o.f, NULL), -ECANCELED);
        CHECK_EQ(hob_queue_get(o.q, &item), -ECANCELED);
        CHECK_EQ(hob_queue_put(o.q, &item), -ECANCELED);
        CHECK_EQ(hob_queue_join(unused), -ECANCELED);
    }
    CHECK(!hob_mutex_locked(&o.m) && hob_mutex_locked(&o.held));
    CHECK_EQ(o.sem.free, 1);
    CHECK_EQ(hob_queue_count(o.q), 1);
    return 0;
}

/* A call that has to wait leaves at the cancel, and the object is as if it had never come. */
TASK_TEST(every_wait_ends_with_a_cancel) {
    for (int kind = 0; kind < KINDS; kind++) {
        struct all o, before;
        all_init(&o);
        HOB_TRY(make_busy(&o, kind));
        memcpy(&before, &o, sizeof o);
        HOB_SCOPE(s);
        struct hob_task *t = hob_spawn(s, wait_on_kind, &o, kind);
        turns(2);
        CHECK(!hob_task_done(t));
        hob_cancel(t);
        CHECK_EQ(hob_await(t), -ECANCELED);
        CHECK(memcmp(&before, &o, sizeof o) == 0);
        CHECK_EQ(hob_join(s), 0);
        if (kind == MUTEX) hob_mutex_unlock(&o.m);
    }
    return 0;
}

TEST_MAIN()
