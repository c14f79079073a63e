/* sync_test.c - mutex, event, condition: asyncio's rules K-01 to K-09, each under its number. Where
 * Hob differs from asyncio on purpose, the test says what holds instead: a lock is handed over at
 * the unlock, so that there is no "woken, but does not have it yet"; a cancelled waiter leaves the
 * line at the cancel itself; a cancel is not delivered once, but seen at every point of its scope.
 * Semaphores, barriers and futures: sync_count_test.c. */
#include "sync.h"

/* ---- mutex ---- */

static int lock_and_note(struct hob_mutex *m, const char *name) {
    int rc = hob_mutex_lock(m);
    note("%s%s ", name, rc == -ECANCELED ? "!" : "");
    if (rc == 0) hob_mutex_unlock(m);
    return rc;
}
HOB_TASK(lock_and_note, struct hob_mutex *, const char *)

TASK_TEST(K01_mutex_serves_in_order) {
    struct hob_mutex m = {0};
    HOB_SCOPE(s);
    HOB_TRY(hob_mutex_lock(&m));
    hob_spawn(s, lock_and_note, &m, "a");
    hob_spawn(s, lock_and_note, &m, "b");
    hob_spawn(s, lock_and_note, &m, "c");
    turns(3);
    CHECK_STR(notes, "");
    hob_mutex_unlock(&m);
    HOB_TRY(hob_join(s));
    CHECK_STR(notes, "a b c ");
    CHECK(!hob_mutex_locked(&m));
    return 0;
}

/* asyncio: a waiter that has been woken goes before new arrivals. Hob: it owns the mutex already,
 * so that the mutex is never seen free while somebody waits. */
TASK_TEST(K01_no_barging) {
    struct hob_mutex m = {0};
    HOB_SCOPE(s);
    HOB_TRY(hob_mutex_lock(&m));
    hob_spawn(s, lock_and_note, &m, "a");
    turns(1);
    hob_mutex_unlock(&m);
    CHECK(hob_mutex_locked(&m));
    CHECK_EQ(hob_mutex_try_lock(&m), -EBUSY);
    CHECK_EQ(hob_mutex_lock(&m), 0);
    note("main ");
    hob_mutex_unlock(&m);
    CHECK_STR(notes, "a main ");
    return hob_join(s);
}

/* asyncio: a newcomer may go first when all who wait are cancelled. Hob: then nobody waits. */
TASK_TEST(K01_cancelled_waiters_are_not_in_line) {
    struct hob_mutex m = {0};
    HOB_SCOPE(s);
    HOB_TRY(hob_mutex_lock(&m));
    struct hob_task *a = hob_spawn(s, lock_and_note, &m, "a");
    struct hob_task *b = hob_spawn(s, lock_and_note, &m, "b");
    turns(1);
    hob_cancel(a);
    hob_cancel(b);
    CHECK(!m.waiters.first && !m.waiters.last);
    hob_mutex_unlock(&m);
    CHECK_EQ(hob_mutex_try_lock(&m), 0);
    turns(1);
    CHECK_STR(notes, "a! b! ");
    hob_mutex_unlock(&m);
    return hob_join(s);
}

static int unlock_free(void) {
    struct hob_mutex m = {0};
    hob_mutex_unlock(&m);
    return 0;
}
HOB_TASK(unlock_free)

static int unlock_it(struct hob_mutex *m) {
    hob_mutex_unlock(m);
    return 0;
}
HOB_TASK(unlock_it, struct hob_mutex *)

static int unlock_anothers(void) {
    struct hob_mutex m = {0};
    HOB_SCOPE(s);
    HOB_TRY(hob_mutex_lock(&m));
    hob_spawn(s, unlock_it, &m);
    return hob_join(s);
}
HOB_TASK(unlock_anothers)

static int lock_twice(void) {
    struct hob_mutex m = {0};
    HOB_TRY(hob_mutex_lock(&m));
    return hob_mutex_lock(&m);
}
HOB_TASK(lock_twice)

TEST(K02_unlock_of_what_is_not_locked) {
    CHECK_DIES(hob_run(unlock_free), "hob_mutex_unlock: the mutex is not locked");
    CHECK_DIES(hob_run(unlock_anothers),
               "hob_mutex_unlock: the mutex is locked by another task: #1, task 'unlock_anothers' "
               "(spawned by ");
}

/* A task that ends with a mutex in its hands: the next one to meet it is told whose it was, also
 * when another task has got the record meanwhile. */
static int lock_and_end(struct hob_mutex *m) { return hob_mutex_lock(m); }
HOB_TASK(lock_and_end, struct hob_mutex *)
static int lock_plainly(struct hob_mutex *m) { return hob_mutex_lock(m); }
HOB_TASK(lock_plainly, struct hob_mutex *)
static int try_to_lock(struct hob_mutex *m) { return hob_mutex_try_lock(m); }
HOB_TASK(try_to_lock, struct hob_mutex *)

static int owner_ends(int (*next)(struct hob_mutex *m), bool joined) {
    struct hob_mutex m = {0};
    HOB_SCOPE(outer);
    if (joined) {
        HOB_SCOPE(s);
        hob_spawn(s, lock_and_end, &m);
        HOB_TRY(hob_join(s));
    } else {
        HOB_TRY(hob_await(hob_spawn(outer, lock_and_end, &m)));
    }
    CHECK(hob_mutex_locked(&m));
    if (next == lock_plainly) hob_spawn(outer, lock_plainly, &m);
    if (next == try_to_lock) hob_spawn(outer, try_to_lock, &m);
    if (next == unlock_it) hob_spawn(outer, unlock_it, &m);
    return hob_join(outer);
}
typedef int (*next_call)(struct hob_mutex *m);
HOB_TASK(owner_ends, next_call, bool)

/* It ends while another waits; a third comes. */
static int owner_ends_awaited(void) {
    struct hob_mutex m = {0};
    HOB_SCOPE(s);
    hob_spawn(s, lock_and_end, &m);
    hob_spawn(s, lock_plainly, &m);
    turns(2);
    return hob_mutex_lock(&m);
}
HOB_TASK(owner_ends_awaited)

#define ENDED(func)                                                                                \
    "misuse: " func ": the mutex is locked by task #2 'lock_and_end' (spawned by owner_ends"

TEST(K02_the_owner_has_ended) {
    for (int joined = 0; joined < 2; joined++) {
        CHECK_DIES(hob_run(owner_ends, lock_plainly, joined), ENDED("hob_mutex_lock"));
        CHECK_DIES(hob_run(owner_ends, try_to_lock, joined), ENDED("hob_mutex_try_lock"));
        CHECK_DIES(hob_run(owner_ends, unlock_it, joined), ENDED("hob_mutex_unlock"));
    }
    CHECK_DIES(hob_run(owner_ends_awaited), ENDED("hob_mutex_lock"));
}

/* The same place in memory, and another task: what was left locked is not its own. */
static int record_is_reused(void) {
    struct hob_mutex m = {0};
    {
        HOB_SCOPE(s);
        hob_spawn(s, lock_and_end, &m);
        HOB_TRY(hob_join(s));
    }
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, unlock_it, &m);
    CHECK(t == m.owner);
    return hob_join(s);
}
HOB_TASK(record_is_reused)
TEST(K02_a_reused_record_owns_nothing) {
    CHECK_DIES(hob_run(record_is_reused),
               "hob_mutex_unlock: the mutex is locked by task #2 'lock_and_end' (spawned by "
               "record_is_reused");
}

TEST(K02_lock_of_what_one_holds) {
    CHECK_DIES(hob_run(lock_twice), "hob_mutex_lock: the task holds the mutex already");
}

TEST(K02_outside_a_task) {
    struct hob_mutex m = {0};
    CHECK_DIES(hob_mutex_lock(&m), "hob_mutex_lock: called outside a task");
    CHECK_DIES(hob_mutex_try_lock(&m), "hob_mutex_try_lock: called outside a task");
}

TASK_TEST(K03_cancel_and_release_race) {
    struct hob_mutex m = {0};
    HOB_SCOPE(s);
    HOB_TRY(hob_mutex_lock(&m));
    struct hob_task *a = hob_spawn(s, lock_and_note, &m, "a");
    hob_spawn(s, lock_and_note, &m, "b");
    turns(1);
    hob_cancel(a);
    hob_mutex_unlock(&m);
    CHECK(hob_mutex_locked(&m));
    CHECK_EQ(hob_join(s), 0);
    CHECK_STR(notes, "a! b ");
    CHECK(!hob_mutex_locked(&m));
    return 0;
}

static int lock_then_wait(struct hob_mutex *m) {
    int rc = hob_mutex_lock(m);
    note("got %d ", rc);
    int next = hob_check();
    note("then %s ", next == -ECANCELED ? "cancelled" : "on");
    if (rc == 0) hob_mutex_unlock(m);
    return next;
}
HOB_TASK(lock_then_wait, struct hob_mutex *)

/* asyncio: a waiter that is cancelled after it was woken wakes the next one. Hob: it has the mutex,
 * lock returns 0, the cancel is seen at the next point, and its unlock serves the next one. */
TASK_TEST(K04_woken_then_cancelled) {
    struct hob_mutex m = {0};
    HOB_SCOPE(s);
    HOB_TRY(hob_mutex_lock(&m));
    struct hob_task *a = hob_spawn(s, lock_then_wait, &m);
    hob_spawn(s, lock_and_note, &m, "b");
    turns(1);
    hob_mutex_unlock(&m);
    hob_cancel(a);
    CHECK_EQ(hob_join(s), 0);
    CHECK_STR(notes, "got 0 then cancelled b ");
    CHECK(!hob_mutex_locked(&m));
    return 0;
}

static int with_mutex(struct hob_mutex *m) {
    HOB_WITH(hob_mutex, m);
    note("in ");
    return hob_yield_now();
}
HOB_TASK(with_mutex, struct hob_mutex *)

TASK_TEST(mutex_as_a_guard) {
    struct hob_mutex m = {0};
    HOB_SCOPE(s);
    HOB_TRY(with_mutex(&m));
    CHECK(!hob_mutex_locked(&m));
    HOB_TRY(hob_mutex_lock(&m));
    struct hob_task *t = hob_spawn(s, with_mutex, &m);
    turns(1);
    hob_cancel(t);
    CHECK_EQ(hob_await(t), -ECANCELED);
    CHECK(hob_mutex_locked(&m));
    hob_mutex_unlock(&m);
    CHECK_STR(notes, "in ");
    return hob_join(s);
}

/* ---- event ---- */

static int wait_and_note(struct hob_event *e, const char *name) {
    int rc = hob_event_wait(e);
    note("%s%s ", name, rc == -ECANCELED ? "!" : "");
    return rc;
}
HOB_TASK(wait_and_note, struct hob_event *, const char *)

TASK_TEST(K05_event_set_wakes_all) {
    struct hob_event e = {0};
    HOB_SCOPE(s);
    hob_spawn(s, wait_and_note, &e, "a");
    hob_spawn(s, wait_and_note, &e, "b");
    turns(2);
    CHECK_STR(notes, "");
    CHECK(!hob_event_is_set(&e));
    hob_event_set(&e);
    hob_event_set(&e);
    CHECK(hob_event_is_set(&e));
    HOB_TRY(hob_join(s));
    CHECK_STR(notes, "a b ");
    return hob_event_wait(&e); /* set: does not wait */
}

TASK_TEST(K05_set_and_clear_in_one_step) {
    struct hob_event e = {0};
    HOB_SCOPE(s);
    hob_spawn(s, wait_and_note, &e, "a");
    hob_spawn(s, wait_and_note, &e, "b");
    turns(1);
    hob_event_set(&e);
    hob_event_clear(&e);
    hob_spawn(s, wait_and_note, &e, "late");
    turns(2);
    CHECK_STR(notes, "a b ");
    hob_event_set(&e);
    turns(1);
    CHECK_STR(notes, "a b late ");
    return hob_join(s);
}

TASK_TEST(K05_cancelled_waiter_is_removed) {
    struct hob_event e = {0};
    HOB_SCOPE(s);
    struct hob_task *a = hob_spawn(s, wait_and_note, &e, "a");
    struct hob_task *b = hob_spawn(s, wait_and_note, &e, "b");
    turns(1);
    hob_cancel(a);
    CHECK(e.waiters.first && e.waiters.first == e.waiters.last);
    hob_event_set(&e);
    hob_cancel(b); /* too late: it has been woken */
    CHECK_EQ(hob_join(s), 0);
    CHECK_STR(notes, "a! b ");
    return 0;
}

/* ---- condition ---- */

struct pair {
    struct hob_mutex m;
    struct hob_cond c;
    int value;
};

static int cond_wait_and_note(struct pair *p, const char *name) {
    HOB_TRY(hob_mutex_lock(&p->m));
    int rc = hob_cond_wait(&p->c, &p->m);
    CHECK(p->m.owner == hob_self());
    note("%s%s ", name, rc == -ECANCELED ? "!" : "");
    hob_mutex_unlock(&p->m);
    return rc;
}
HOB_TASK(cond_wait_and_note, struct pair *, const char *)

static int lock_pair_and_note(struct pair *p, const char *name) {
    return lock_and_note(&p->m, name);
}
HOB_TASK(lock_pair_and_note, struct pair *, const char *)

TASK_TEST(K06_wait_releases_and_takes_again) {
    struct pair p = {0};
    HOB_SCOPE(s);
    hob_spawn(s, cond_wait_and_note, &p, "a");
    turns(1);
    CHECK(!hob_mutex_locked(&p.m));
    HOB_TRY(hob_mutex_lock(&p.m));
    hob_cond_notify(&p.c, &p.m, 1);
    turns(3);
    CHECK_STR(notes, "");
    hob_mutex_unlock(&p.m);
    HOB_TRY(hob_join(s));
    CHECK_STR(notes, "a ");
    CHECK(!hob_mutex_locked(&p.m));
    return 0;
}

static int cond_wait_in_scopes(struct pair *p, struct hob_scope **inner) {
    HOB_TRY(hob_mutex_lock(&p->m));
    HOB_SCOPE(s);
    *inner = s;
    CHECK_EQ(hob_cond_wait(&p->c, &p->m), -ECANCELED);
    CHECK(p->m.owner == hob_self());
    /* The cancel is a level: it is still there, and a wait in it does not let go of the mutex. */
    CHECK_EQ(hob_cond_wait(&p->c, &p->m), -ECANCELED);
    CHECK(p->m.owner == hob_self());
    note("out ");
    hob_mutex_unlock(&p->m);
    return -ECANCELED;
}
HOB_TASK(cond_wait_in_scopes, struct pair *, struct hob_scope **)

/* Cancelled again and again while it waits for the mutex, it still takes it before it returns. */
TASK_TEST(K06_cancelled_wait_takes_the_mutex_again) {
    struct pair p = {0};
    struct hob_scope *inner = NULL;
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, cond_wait_in_scopes, &p, &inner);
    turns(1);
    HOB_TRY(hob_mutex_lock(&p.m));
    hob_scope_cancel(inner);
    turns(3);
    CHECK_STR(notes, "");
    hob_scope_cancel(inner);
    turns(1);
    hob_cancel(t);
    hob_spawn(s, lock_pair_and_note, &p, "next");
    turns(3);
    CHECK_STR(notes, "");
    CHECK(!p.c.waiters.first && p.m.waiters.first);
    hob_mutex_unlock(&p.m);
    CHECK_EQ(hob_await(t), -ECANCELED);
    turns(1);
    CHECK_STR(notes, "out next ");
    CHECK(!hob_mutex_locked(&p.m));
    return hob_join(s);
}

/* It stands in line for the mutex as everybody does. */
TASK_TEST(K06_cancelled_wait_stands_in_line) {
    struct pair p = {0};
    HOB_SCOPE(s);
    struct hob_task *a = hob_spawn(s, cond_wait_and_note, &p, "a");
    turns(1);
    HOB_TRY(hob_mutex_lock(&p.m));
    hob_spawn(s, lock_pair_and_note, &p, "b");
    turns(1);
    hob_cancel(a);
    turns(1);
    hob_spawn(s, lock_pair_and_note, &p, "c");
    turns(1);
    hob_mutex_unlock(&p.m);
    CHECK_EQ(hob_join(s), 0);
    CHECK_STR(notes, "b a! c ");
    return 0;
}

static int cond_wait_and_check(struct pair *p) {
    HOB_TRY(hob_mutex_lock(&p->m));
    int rc = hob_cond_wait(&p->c, &p->m);
    CHECK(p->m.owner == hob_self());
    note("%d ", rc);
    hob_mutex_unlock(&p->m);
    return hob_check();
}
HOB_TASK(cond_wait_and_check, struct pair *)

/* asyncio: cancelled after the notify, the wait is cancelled and wakes another one. Hob: the notify
 * was delivered, the wait returns 0 once it has the mutex, and the cancel is seen at the next
 * point. */
TASK_TEST(K06_cancel_after_notify) {
    struct pair p = {0};
    HOB_SCOPE(s);
    struct hob_task *a = hob_spawn(s, cond_wait_and_check, &p);
    turns(1);
    HOB_TRY(hob_mutex_lock(&p.m));
    hob_cond_notify(&p.c, &p.m, 1);
    hob_cancel(a);
    turns(3);
    CHECK_STR(notes, "");
    hob_mutex_unlock(&p.m);
    CHECK_EQ(hob_await(a), -ECANCELED);
    CHECK_STR(notes, "0 ");
    CHECK(!hob_mutex_locked(&p.m));
    return hob_join(s);
}

TASK_TEST(K06_cancelled_by_a_deadline) {
    struct pair p = {0};
    HOB_TRY(hob_mutex_lock(&p.m));
    CHECK_EQ(hob_within(0.002, hob_cond_wait(&p.c, &p.m)), -ETIMEDOUT);
    CHECK(p.m.owner == hob_self());
    hob_mutex_unlock(&p.m);
    return 0;
}

TASK_TEST(K07_notify_passes_over_the_cancelled) {
    struct pair p = {0};
    HOB_SCOPE(s);
    struct hob_task *a = hob_spawn(s, cond_wait_and_note, &p, "a");
    hob_spawn(s, cond_wait_and_note, &p, "b");
    turns(1);
    HOB_TRY(hob_mutex_lock(&p.m));
    hob_cancel(a);
    hob_cond_notify(&p.c, &p.m, 1);
    hob_mutex_unlock(&p.m);
    CHECK_EQ(hob_join(s), 0);
    CHECK_HAS(notes, "a! ");
    CHECK_HAS(notes, "b ");
    return 0;
}

/* asyncio: a notified waiter that is cancelled passes the notify on. Hob: it keeps it (its wait
 * returns 0), so that nothing is to be passed on: one notify is one wait that returns 0. */
TASK_TEST(K07_notified_then_cancelled_keeps_the_notify) {
    struct pair p = {0};
    HOB_SCOPE(s);
    struct hob_task *a = hob_spawn(s, cond_wait_and_note, &p, "a");
    struct hob_task *b = hob_spawn(s, cond_wait_and_note, &p, "b");
    turns(1);
    HOB_TRY(hob_mutex_lock(&p.m));
    hob_cond_notify(&p.c, &p.m, 1);
    hob_cancel(a);
    hob_mutex_unlock(&p.m);
    CHECK_EQ(hob_await(a), 0);
    CHECK_STR(notes, "a ");
    CHECK(!hob_task_done(b));
    HOB_TRY(hob_mutex_lock(&p.m));
    hob_cond_notify(&p.c, &p.m, 1);
    hob_mutex_unlock(&p.m);
    CHECK_EQ(hob_await(b), 0);
    return hob_join(s);
}

TASK_TEST(K08_notify_wakes_up_to_n_in_order) {
    struct pair p = {0};
    HOB_SCOPE(s);
    static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
    for (int i = 0; i < 6; i++) hob_spawn(s, cond_wait_and_note, &p, names[i]);
    turns(1);
    HOB_TRY(hob_mutex_lock(&p.m));
    hob_cond_notify(&p.c, &p.m, 0);
    hob_cond_notify(&p.c, &p.m, 1);
    hob_mutex_unlock(&p.m);
    turns(8);
    CHECK_STR(notes, "a ");
    HOB_TRY(hob_mutex_lock(&p.m));
    hob_cond_notify(&p.c, &p.m, 2);
    hob_mutex_unlock(&p.m);
    turns(8);
    CHECK_STR(notes, "a b c ");
    HOB_TRY(hob_mutex_lock(&p.m));
    hob_cond_notify(&p.c, &p.m, 1000);
    hob_cond_notify(&p.c, &p.m, 1); /* nobody is left: it is not kept for later */
    hob_mutex_unlock(&p.m);
    HOB_TRY(hob_join(s));
    CHECK_STR(notes, "a b c d e f ");
    HOB_TRY(hob_mutex_lock(&p.m));
    CHECK_EQ(hob_within(0.001, hob_cond_wait(&p.c, &p.m)), -ETIMEDOUT);
    hob_mutex_unlock(&p.m);
    return 0;
}

/* A notify of all moves everybody into the mutex's line: nobody wakes up only to find it locked. */
TASK_TEST(K08_notify_all_is_no_stampede) {
    struct pair p = {0};
    HOB_SCOPE(s);
    hob_spawn(s, cond_wait_and_note, &p, "a");
    hob_spawn(s, cond_wait_and_note, &p, "b");
    turns(1);
    HOB_TRY(hob_mutex_lock(&p.m));
    hob_spawn(s, lock_pair_and_note, &p, "c");
    turns(1);
    hob_cond_notify_all(&p.c, &p.m);
    CHECK(!p.c.waiters.first);
    turns(5);
    CHECK_STR(notes, "");
    hob_mutex_unlock(&p.m);
    HOB_TRY(hob_join(s));
    CHECK_STR(notes, "c a b ");
    return 0;
}

static int value_of(void *arg) {
    note("? ");
    return ((struct pair *)arg)->value;
}

static int wait_for_value(struct pair *p) {
    HOB_TRY(hob_mutex_lock(&p->m));
    int rc = hob_cond_wait_for(&p->c, &p->m, value_of, p);
    CHECK(p->m.owner == hob_self());
    hob_mutex_unlock(&p->m);
    return rc;
}
HOB_TASK(wait_for_value, struct pair *)

static int set_value(struct pair *p, int value) {
    HOB_TRY(hob_mutex_lock(&p->m));
    p->value = value;
    hob_cond_notify_all(&p->c, &p->m);
    hob_mutex_unlock(&p->m);
    turns(3);
    return 0;
}

TASK_TEST(K08_wait_for_loops_until_the_predicate_holds) {
    struct pair p = {0};
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    struct hob_task *t = hob_spawn(s, wait_for_value, &p);
    turns(1);
    HOB_TRY(set_value(&p, 0));
    HOB_TRY(set_value(&p, 0));
    CHECK(!hob_task_done(t));
    HOB_TRY(set_value(&p, 42));
    CHECK_EQ(hob_await(t), 42);
    CHECK_STR(notes, "? ? ? ? ");
    CHECK_EQ(wait_for_value(&p), 42); /* holds already: does not wait */
    p.value = -EDOM;
    CHECK_EQ(wait_for_value(&p), -EDOM);
    p.value = 0;
    t = hob_spawn(s, wait_for_value, &p);
    turns(1);
    hob_cancel(t);
    CHECK_EQ(hob_await(t), -ECANCELED);
    CHECK(!hob_mutex_locked(&p.m));
    hob_join(s);
    return 0;
}

static int notify_without(void) {
    struct pair p = {0};
    hob_cond_notify(&p.c, &p.m, 1);
    return 0;
}
HOB_TASK(notify_without)

static int notify_all_without(void) {
    struct pair p = {0};
    hob_cond_notify_all(&p.c, &p.m);
    return 0;
}
HOB_TASK(notify_all_without)

static int wait_without(void) {
    struct pair p = {0};
    return hob_cond_wait(&p.c, &p.m);
}
HOB_TASK(wait_without)

static int wait_for_without(void) {
    struct pair p = {0};
    return hob_cond_wait_for(&p.c, &p.m, value_of, &p);
}
HOB_TASK(wait_for_without)

static int notify_anothers(void) {
    struct pair p = {0};
    HOB_SCOPE(s);
    hob_spawn(s, lock_then_wait, &p.m);
    HOB_TRY(hob_mutex_lock(&p.m));
    turns(1);
    hob_mutex_unlock(&p.m); /* now the other task's */
    hob_cond_notify(&p.c, &p.m, 1);
    return 0;
}
HOB_TASK(notify_anothers)

TEST(K08_without_the_mutex) {
    CHECK_DIES(hob_run(notify_without), "hob_cond_notify: the mutex is not locked");
    CHECK_DIES(hob_run(notify_all_without), "hob_cond_notify_all: the mutex is not locked");
    CHECK_DIES(hob_run(wait_without), "hob_cond_wait: the mutex is not locked");
    CHECK_DIES(hob_run(wait_for_without), "hob_cond_wait_for: the mutex is not locked");
    CHECK_DIES(hob_run(notify_anothers), "hob_cond_notify: the mutex is locked by another task");
}

static int wait_on(struct hob_cond *c, struct hob_mutex *m, const char *name) {
    HOB_TRY(hob_mutex_lock(m));
    int rc = hob_cond_wait(c, m);
    note("%s ", name);
    hob_mutex_unlock(m);
    return rc;
}
HOB_TASK(wait_on, struct hob_cond *, struct hob_mutex *, const char *)

TASK_TEST(K09_two_conditions_share_a_mutex) {
    struct hob_mutex m = {0};
    struct hob_cond filled = {0}, emptied = {0};
    HOB_SCOPE(s);
    hob_spawn(s, wait_on, &filled, &m, "filled");
    hob_spawn(s, wait_on, &emptied, &m, "emptied");
    turns(1);
    HOB_TRY(hob_mutex_lock(&m));
    hob_cond_notify_all(&emptied, &m);
    hob_mutex_unlock(&m);
    turns(3);
    CHECK_STR(notes, "emptied ");
    HOB_TRY(hob_mutex_lock(&m));
    hob_cond_notify_all(&filled, &m);
    hob_mutex_unlock(&m);
    HOB_TRY(hob_join(s));
    CHECK_STR(notes, "emptied filled ");
    return 0;
}

static int wait_with_two_mutexes(void) {
    struct hob_cond c = {0};
    struct hob_mutex m = {0}, other = {0};
    HOB_SCOPE(s);
    hob_spawn(s, wait_on, &c, &m, "m");
    hob_spawn(s, wait_on, &c, &other, "other");
    return hob_join(s);
}
HOB_TASK(wait_with_two_mutexes)

static int notify_with_another_mutex(void) {
    struct hob_cond c = {0};
    struct hob_mutex m = {0}, other = {0};
    HOB_SCOPE(s);
    hob_spawn(s, wait_on, &c, &m, "m");
    turns(1);
    HOB_TRY(hob_mutex_lock(&other));
    hob_cond_notify(&c, &other, 1);
    return hob_join(s);
}
HOB_TASK(notify_with_another_mutex)

TEST(K09_a_condition_has_one_mutex) {
    CHECK_DIES(hob_run(wait_with_two_mutexes),
               "hob_cond_wait: tasks wait for the condition with another mutex");
    CHECK_DIES(hob_run(notify_with_another_mutex),
               "hob_cond_notify: tasks wait for the condition with another mutex");
}

TEST_MAIN()
