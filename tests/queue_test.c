/* queue_test.c - the bounded queue: asyncio's rules Q-01 to Q-09, each under its number. Where Hob
 * differs on purpose, the test says what holds instead: an item is handed to the getter at the put,
 * and a waiting putter's item is moved in by the get, so that a woken task has nothing left to
 * lose; a cancelled waiter leaves the line at the cancel itself. */
#include "sync.h"

static int get_and_note(struct hob_queue *q, const char *name) {
    int item = -1;
    int rc = hob_queue_get(q, &item);
    if (rc == 0)
        note("%s%d ", name, item);
    else
        note("%s%s ", name, rc == -ECANCELED ? "!" : rc == HOB_E_CLOSED ? "#" : "?");
    return rc;
}
HOB_TASK(get_and_note, struct hob_queue *, const char *)

static int put_and_note(struct hob_queue *q, int item) {
    int rc = hob_queue_put(q, &item);
    note("+%d%s ", item, rc == -ECANCELED ? "!" : rc == HOB_E_CLOSED ? "#" : "");
    return rc;
}
HOB_TASK(put_and_note, struct hob_queue *, int)

static int join_and_note(struct hob_queue *q) {
    int rc = hob_queue_join(q);
    note("joined%s ", rc == -ECANCELED ? "!" : "");
    return rc;
}
HOB_TASK(join_and_note, struct hob_queue *)

static void put(struct hob_queue *q, int item) { CHECK_EQ(hob_queue_try_put(q, &item), 0); }

static int get(struct hob_queue *q) {
    int item = -1;
    CHECK_EQ(hob_queue_try_get(q, &item), 0);
    return item;
}

TASK_TEST(Q01_values_in_order) {
    HOB_QUEUE(q, int, 3);
    int next_in = 0, next_out = 0;
    for (int round = 0; round < 100; round++) { /* the ring comes round at every offset */
        for (int i = 0; i <= round % 3; i++) {
            int item = next_in++;
            HOB_TRY(hob_queue_put(q, &item));
        }
        CHECK_EQ(hob_queue_count(q), (size_t)(round % 3) + 1);
        for (int i = 0; i <= round % 3; i++) {
            int item;
            HOB_TRY(hob_queue_get(q, &item));
            CHECK_EQ(item, next_out++);
        }
    }
    return 0;
}

TASK_TEST(Q01_get_on_empty_waits) {
    HOB_QUEUE(q, int, 3);
    HOB_SCOPE(s);
    hob_spawn(s, get_and_note, q, "a");
    hob_spawn(s, get_and_note, q, "b");
    turns(2);
    CHECK_STR(notes, "");
    put(q, 1);
    CHECK_EQ(hob_queue_count(q), 0); /* it is in a's variable already */
    put(q, 2);
    put(q, 3);
    CHECK_EQ(hob_queue_count(q), 1);
    HOB_TRY(hob_join(s));
    CHECK_STR(notes, "a1 b2 ");
    CHECK_EQ(get(q), 3);
    return 0;
}

TASK_TEST(Q01_put_on_full_waits) {
    HOB_QUEUE(q, int, 2);
    HOB_SCOPE(s);
    for (int i = 1; i <= 5; i++) hob_spawn(s, put_and_note, q, i);
    turns(2);
    CHECK_STR(notes, "+1 +2 ");
    CHECK_EQ(get(q), 1);
    CHECK_EQ(hob_queue_count(q), 2); /* the first putter's item has been moved in */
    turns(1);
    CHECK_STR(notes, "+1 +2 +3 ");
    for (int i = 2; i <= 5; i++) CHECK_EQ(get(q), i);
    HOB_TRY(hob_join(s));
    CHECK_STR(notes, "+1 +2 +3 +4 +5 ");
    return 0;
}

TASK_TEST(Q01_newcomers_do_not_pass_those_who_wait) {
    HOB_QUEUE(q, int, 1);
    HOB_SCOPE(s);
    hob_spawn(s, get_and_note, q, "a");
    turns(1);
    put(q, 1);
    int item;
    CHECK_EQ(hob_queue_try_get(q, &item), HOB_E_EMPTY); /* a has it, though it has not run */
    put(q, 2);
    hob_spawn(s, put_and_note, q, 3);
    turns(1);
    CHECK_EQ(get(q), 2);
    item = 4;
    CHECK_EQ(hob_queue_try_put(q, &item), HOB_E_FULL); /* the room is 3's, though it has not run */
    CHECK_EQ(get(q), 3);
    return hob_join(s);
}

/* asyncio: the woken getter that is cancelled wakes another one. Hob: it was served, it has the
 * item. */
TASK_TEST(Q02_cancelled_getter_loses_no_item) {
    HOB_QUEUE(q, int, 3);
    HOB_SCOPE(s);
    struct hob_task *a = hob_spawn(s, get_and_note, q, "a");
    struct hob_task *b = hob_spawn(s, get_and_note, q, "b");
    hob_spawn(s, get_and_note, q, "c");
    turns(1);
    hob_cancel(a);
    put(q, 1); /* passes over a */
    hob_cancel(b);
    put(q, 2);
    CHECK_EQ(hob_join(s), 0);
    CHECK_STR(notes, "a! b1 c2 ");
    CHECK_EQ(hob_task_result(a), -ECANCELED);
    CHECK_EQ(hob_task_result(b), 0);
    return 0;
}

TASK_TEST(Q02_many_readers_one_cancelled) {
    HOB_QUEUE(q, int, 1);
    for (int victim = 0; victim < 4; victim++) {
        struct hob_task *t[4];
        notes[0] = 0;
        HOB_SCOPE(s);
        for (int i = 0; i < 4; i++) t[i] = hob_spawn(s, get_and_note, q, "");
        turns(1);
        hob_cancel(t[victim]);
        for (int i = 0; i < 3; i++) put(q, i);
        CHECK_EQ(hob_join(s), 0);
        CHECK_STR(notes, "! 0 1 2 ");
        CHECK_EQ(hob_queue_count(q), 0);
    }
    return 0;
}

TASK_TEST(Q02_get_under_a_deadline) {
    HOB_QUEUE(q, int, 1);
    int item = 0;
    CHECK_EQ(hob_within(0.002, hob_queue_get(q, &item)), -ETIMEDOUT);
    put(q, 5);
    CHECK_EQ(hob_within(10, hob_queue_get(q, &item)), 0);
    CHECK_EQ(item, 5);
    return 0;
}

TASK_TEST(Q03_cancelled_putter) {
    HOB_QUEUE(q, int, 1);
    put(q, 0);
    HOB_SCOPE(s);
    struct hob_task *a = hob_spawn(s, put_and_note, q, 1);
    hob_spawn(s, put_and_note, q, 2);
    turns(1);
    hob_cancel(a);
    CHECK_EQ(get(q), 0);
    CHECK_EQ(hob_join(s), 0);
    CHECK_STR(notes, "+1! +2 ");
    CHECK_EQ(get(q), 2);
    CHECK_EQ(hob_queue_count(q), 0);
    return 0;
}

/* asyncio: the woken putter that is cancelled gives its slot to the next one. Hob: its item is in
 * already, and its put returns 0. */
TASK_TEST(Q03_putter_cancelled_after_its_item_was_moved_in) {
    HOB_QUEUE(q, int, 1);
    put(q, 0);
    HOB_SCOPE(s);
    struct hob_task *a = hob_spawn(s, put_and_note, q, 1);
    struct hob_task *b = hob_spawn(s, put_and_note, q, 2);
    turns(1);
    CHECK_EQ(get(q), 0);
    hob_cancel(a);
    CHECK_EQ(hob_await(a), 0);
    CHECK(!hob_task_done(b));
    CHECK_EQ(get(q), 1);
    CHECK_EQ(get(q), 2);
    return hob_join(s);
}

TASK_TEST(Q04_cancelled_waiters_are_not_kept) {
    HOB_QUEUE(q, int, 1);
    for (int i = 0; i < 1000; i++) {
        HOB_SCOPE(s);
        struct hob_task *t = hob_spawn(s, get_and_note, q, "");
        turns(1);
        hob_cancel(t);
        CHECK(!q->getters.first && !q->getters.last);
        notes[0] = 0;
        CHECK_EQ(hob_join(s), 0);
    }
    put(q, 0);
    for (int i = 0; i < 1000; i++) {
        HOB_SCOPE(s);
        struct hob_task *t = hob_spawn(s, put_and_note, q, i);
        turns(1);
        hob_cancel(t);
        CHECK(!q->putters.first && !q->putters.last);
        notes[0] = 0;
        CHECK_EQ(hob_join(s), 0);
    }
    CHECK_EQ(hob_queue_count(q), 1);
    return 0;
}

TASK_TEST(Q05_many_getters_then_cancel_all) {
    HOB_QUEUE(q, int, 4);
    int got = 0;
    struct hob_task *t[20];
    {
        HOB_SCOPE(s, .on_error = HOB_COLLECT);
        for (int i = 0; i < 20; i++) t[i] = hob_spawn(s, get_and_note, q, "");
        turns(1);
        for (int i = 0; i < 5; i++) put(q, i);
        hob_scope_cancel(s);
        hob_join(s);
        for (int i = 0; i < 20; i++) got += hob_task_result(t[i]) == 0;
    }
    CHECK_EQ(got, 5);
    CHECK_EQ(hob_queue_count(q), 0);
    CHECK(!q->getters.first);
    put(q, 9);
    CHECK_EQ(get(q), 9);
    return 0;
}

static int done_without_put(void) {
    HOB_QUEUE(q, int, 1);
    hob_queue_task_done(q);
    return 0;
}
HOB_TASK(done_without_put)

/* asyncio counts what was put; Hob, more strictly, what was got. */
static int done_without_get(void) {
    HOB_QUEUE(q, int, 2);
    put(q, 1);
    put(q, 2);
    get(q);
    hob_queue_task_done(q);
    hob_queue_task_done(q);
    return 0;
}
HOB_TASK(done_without_get)

TEST(Q06_task_done_too_often) {
    CHECK_DIES(hob_run(done_without_put), "hob_queue_task_done: called more often");
    CHECK_DIES(hob_run(done_without_get), "hob_queue_task_done: called more often");
}

TASK_TEST(Q06_join) {
    HOB_QUEUE(q, int, 2);
    HOB_TRY(hob_queue_join(q)); /* never used */
    HOB_SCOPE(s);
    put(q, 1);
    put(q, 2);
    hob_spawn(s, join_and_note, q);
    hob_spawn(s, join_and_note, q);
    struct hob_task *putter = hob_spawn(s, put_and_note, q, 3);
    turns(1);
    for (int i = 1; i <= 3; i++) {
        CHECK_STR(notes, i == 1 ? "" : "+3 ");
        CHECK_EQ(get(q), i);
        hob_queue_task_done(q);
        turns(2);
    }
    CHECK_EQ(hob_await(putter), 0);
    CHECK_STR(notes, "+3 joined joined ");
    HOB_TRY(hob_queue_join(q));
    return hob_join(s);
}

/* An item that went straight from a putter to a waiting getter counts too. */
TASK_TEST(Q06_join_counts_what_was_handed_over) {
    HOB_QUEUE(q, int, 2);
    HOB_SCOPE(s);
    hob_spawn(s, get_and_note, q, "a");
    turns(1);
    put(q, 1);
    hob_spawn(s, join_and_note, q);
    struct hob_task *cancelled = hob_spawn(s, join_and_note, q);
    turns(2);
    hob_cancel(cancelled);
    turns(1);
    CHECK_STR(notes, "a1 joined! ");
    hob_queue_task_done(q);
    CHECK_EQ(hob_join(s), 0);
    CHECK_STR(notes, "a1 joined! joined ");
    return 0;
}

TASK_TEST(Q07_close_wakes_those_who_wait_to_get) {
    HOB_QUEUE(q, int, 2);
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    hob_spawn(s, get_and_note, q, "a");
    hob_spawn(s, get_and_note, q, "b");
    turns(1);
    hob_queue_close(q);
    hob_queue_close(q);
    CHECK_EQ(hob_join(s), 2);
    CHECK_STR(notes, "a# b# ");
    int item = 0;
    CHECK_EQ(hob_queue_get(q, &item), HOB_E_CLOSED);
    CHECK_EQ(hob_queue_try_get(q, &item), HOB_E_CLOSED);
    CHECK_EQ(hob_queue_put(q, &item), HOB_E_CLOSED);
    CHECK_EQ(hob_queue_try_put(q, &item), HOB_E_CLOSED);
    return hob_queue_join(q);
}

TASK_TEST(Q07_close_lets_gets_drain) {
    HOB_QUEUE(q, int, 2);
    put(q, 1);
    put(q, 2);
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    hob_spawn(s, put_and_note, q, 3);
    hob_spawn(s, join_and_note, q);
    turns(1);
    hob_queue_close(q);
    turns(1);
    CHECK_STR(notes, "+3# ");
    int item = 4;
    CHECK_EQ(hob_queue_put(q, &item), HOB_E_CLOSED);
    for (int i = 1; i <= 2; i++) {
        CHECK_EQ(hob_queue_get(q, &item), 0);
        CHECK_EQ(item, i);
    }
    CHECK_EQ(hob_queue_get(q, &item), HOB_E_CLOSED);
    turns(1);
    CHECK_STR(notes, "+3# "); /* the join still wants two hob_queue_task_done() */
    hob_queue_task_done(q);
    hob_queue_task_done(q);
    CHECK_EQ(hob_join(s), 1);
    CHECK_STR(notes, "+3# joined ");
    return 0;
}

/* Served in the same turn as the close: served. */
TASK_TEST(Q07_put_then_close_in_one_turn) {
    HOB_QUEUE(q, int, 1);
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    hob_spawn(s, get_and_note, q, "a");
    hob_spawn(s, get_and_note, q, "b");
    turns(1);
    put(q, 1);
    hob_queue_close(q);
    CHECK_EQ(hob_join(s), 1);
    CHECK_STR(notes, "a1 b# ");
    return 0;
}

static int dropped[8], dropped_count;
static void drop(void *item) { memcpy(&dropped[dropped_count++], item, sizeof(int)); }

TASK_TEST(Q08_close_now_drops_what_is_inside) {
    HOB_QUEUE(q, int, 3);
    put(q, 0);
    CHECK_EQ(get(q), 0); /* got, not dealt with */
    for (int i = 1; i <= 3; i++) put(q, i);
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    hob_spawn(s, put_and_note, q, 4);
    hob_spawn(s, join_and_note, q);
    turns(1);
    hob_queue_close_now(q, drop);
    CHECK_EQ(hob_queue_count(q), 0);
    CHECK_EQ(dropped_count, 3); /* 4 was never in: it is still its putter's */
    for (int i = 0; i < 3; i++) CHECK_EQ(dropped[i], i + 1);
    turns(1);
    CHECK_STR(notes, "+4# ");
    hob_queue_task_done(q);
    CHECK_EQ(hob_join(s), 1);
    CHECK_STR(notes, "+4# joined ");
    hob_queue_close_now(q, drop);
    CHECK_EQ(dropped_count, 3);
    int item;
    CHECK_EQ(hob_queue_get(q, &item), HOB_E_CLOSED);
    return 0;
}

TASK_TEST(Q08_close_now_ends_the_join) {
    HOB_QUEUE(q, int, 3);
    put(q, 1);
    put(q, 2);
    HOB_SCOPE(s);
    hob_spawn(s, join_and_note, q);
    turns(1);
    hob_queue_close(q);
    turns(1);
    CHECK_STR(notes, "");
    hob_queue_close_now(q, NULL);
    HOB_TRY(hob_join(s));
    CHECK_STR(notes, "joined ");
    return 0;
}

static int ascending(const void *a, const void *b) {
    int x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

TASK_TEST(Q09_priority) {
    enum { N = 97 };
    int items[N];
    struct hob_queue q[1];
    hob_queue_init(q, items, sizeof items[0], N, HOB_PRIORITY, ascending);
    for (unsigned step = 1; step < N; step++) { /* every order i * step mod 97 */
        for (unsigned i = 0; i < N; i++) put(q, (int)(i * step % N));
        for (int i = 0; i < N / 2; i++) CHECK_EQ(get(q), i);
        put(q, -1);
        CHECK_EQ(get(q), -1);
        for (int i = N / 2; i < N; i++) CHECK_EQ(get(q), i);
    }
    return 0;
}

TASK_TEST(Q09_priority_with_equal_keys) {
    int items[50];
    struct hob_queue q[1];
    hob_queue_init(q, items, sizeof items[0], 50, HOB_PRIORITY, ascending);
    for (int i = 0; i < 50; i++) put(q, i * 7 % 5);
    for (int i = 0; i < 50; i++) CHECK_EQ(get(q), i / 10);
    return 0;
}

TASK_TEST(Q09_lifo) {
    int items[3];
    struct hob_queue q[1];
    hob_queue_init(q, items, sizeof items[0], 3, HOB_LIFO, NULL);
    for (int i = 1; i <= 3; i++) put(q, i);
    HOB_SCOPE(s);
    hob_spawn(s, put_and_note, q, 4);
    turns(1);
    static const int order[] = {3, 4, 2, 1}; /* 4 came in when 3 went */
    for (int i = 0; i < 4; i++) CHECK_EQ(get(q), order[i]);
    return hob_join(s);
}

TASK_TEST(Q09_full_and_empty_without_waiting) {
    HOB_QUEUE(q, int, 1);
    int item = 1;
    CHECK_EQ(hob_queue_try_get(q, &item), HOB_E_EMPTY);
    CHECK_EQ(hob_queue_try_put(q, &item), 0);
    CHECK_EQ(hob_queue_try_put(q, &item), HOB_E_FULL);
    CHECK_EQ(hob_queue_try_get(q, &item), 0);
    CHECK_EQ(hob_queue_try_get(q, &item), HOB_E_EMPTY);
    return 0;
}

struct wide {
    unsigned char bytes[40];
};

static int compare_first_byte(const void *a, const void *b) {
    return *(const unsigned char *)a - *(const unsigned char *)b;
}

/* Every size from 1 to 40 bytes, in each order, through the storage and from hand to hand; the
 * bytes beside an item are left alone. */
TASK_TEST(items_of_every_size) {
    for (size_t size = 1; size <= sizeof(struct wide); size++) {
        for (int order = HOB_FIFO; order <= HOB_PRIORITY; order++) {
            unsigned char items[3 * sizeof(struct wide) + 1];
            memset(items, 0xee, sizeof items);
            struct hob_queue q[1];
            hob_queue_init(q, items, size, 3, (enum hob_queue_order)order, compare_first_byte);
            for (int i = 0; i < 3; i++) {
                struct wide item;
                for (size_t k = 0; k < size; k++) item.bytes[k] = (unsigned char)(i * 50 + (int)k);
                CHECK_EQ(hob_queue_try_put(q, &item), 0);
            }
            CHECK_EQ(items[3 * size], 0xee);
            for (int i = 0; i < 3; i++) {
                struct wide item;
                memset(&item, 0xee, sizeof item);
                CHECK_EQ(hob_queue_try_get(q, &item), 0);
                int which = order == HOB_LIFO ? 2 - i : i;
                for (size_t k = 0; k < size; k++)
                    CHECK_EQ(item.bytes[k], (unsigned char)(which * 50 + (int)k));
                for (size_t k = size; k < sizeof item; k++) CHECK_EQ(item.bytes[k], 0xee);
            }
        }
    }
    return 0;
}

static int bad_capacity(void) {
    struct hob_queue q[1];
    int items[1];
    hob_queue_init(q, items, sizeof items[0], 0, HOB_FIFO, NULL);
    return 0;
}
HOB_TASK(bad_capacity)

static int bad_compare(void) {
    struct hob_queue q[1];
    int items[1];
    hob_queue_init(q, items, sizeof items[0], 1, HOB_PRIORITY, NULL);
    return 0;
}
HOB_TASK(bad_compare)

TEST(init_refuses_what_cannot_work) {
    CHECK_DIES(hob_run(bad_capacity), "hob_queue_init: a queue needs storage");
    CHECK_DIES(hob_run(bad_compare), "hob_queue_init: a priority queue needs a compare function");
}

TEST_MAIN()
