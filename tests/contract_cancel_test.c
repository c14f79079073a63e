/* contract_cancel_test.c - the contract, points 6 to 11: cancellation, what completes with it,
 * deadlines, the two-phase stop. */
#include "contract.h"
#include "no_watchdog.h"

/* ---- 6. level-triggered cancellation ---- */

static int swallows(int *seen) {
    for (int i = 0; i < 5; i++)
        if (hob_sleep(10) == -ECANCELED) ++*seen;
    return 3;
}
HOB_TASK(swallows, int *)

TASK_TEST(P06_every_wait_in_a_cancelled_scope_says_so) {
    int seen = 0;
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, swallows, &seen);
    hob_yield_now();
    hob_cancel(t);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(seen, 5);
    CHECK_EQ(hob_task_result(t), 3); /* its result is kept */
    CHECK(!hob_task_was_cancelled(t));
    return 0;
}

static int cleans_up_in_a_shield(int *slept) {
    int rc = hob_sleep(10);
    *slept = hob_shielded(hob_sleep(0.01));
    CHECK_EQ(hob_sleep(0), -ECANCELED);
    return rc;
}
HOB_TASK(cleans_up_in_a_shield, int *)

TASK_TEST(P06_a_shield_masks_it_for_clean_up) {
    int slept = 1;
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, cleans_up_in_a_shield, &slept);
    hob_yield_now();
    hob_cancel(t);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(slept, 0);
    return 0;
}

static int takes_back(int *rc) {
    *rc = hob_sleep(10);
    CHECK(hob_cancelled());
    CHECK(hob_uncancel());
    CHECK(!hob_uncancel());
    CHECK(!hob_cancelled());
    return hob_sleep(0.001);
}
HOB_TASK(takes_back, int *)

TASK_TEST(P06_only_the_task_itself_takes_a_cancel_back) {
    int rc = 0;
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, takes_back, &rc);
    hob_yield_now();
    hob_cancel(t);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(rc, -ECANCELED);
    CHECK_EQ(hob_task_result(t), 0);
    return 0;
}

/* ---- 7. every waiting call is a point ---- */

static int all_points(int *count) {
    struct hob_mutex m = {0};
    struct hob_sem sem = HOB_SEM(1);
    struct hob_event set = {.set = true};
    struct hob_future done = {.done = true};
    HOB_QUEUE(q, int, 2);
    HOB_QUEUE(words, uint64_t, 2); /* which go another way */
    int item = 1;
    uint64_t word = 1;
    hob_queue_try_put(q, &item);
    hob_queue_try_put(words, &word);
    CHECK_EQ(hob_sleep(1), -ECANCELED);
    *count += hob_mutex_lock(&m) == -ECANCELED;
    *count += hob_sem_acquire(&sem) == -ECANCELED;
    *count += hob_event_wait(&set) == -ECANCELED;
    *count += hob_future_wait(&done, NULL) == -ECANCELED;
    *count += hob_queue_get(q, &item) == -ECANCELED;
    *count += hob_queue_put(q, &item) == -ECANCELED;
    *count += hob_queue_get(words, &word) == -ECANCELED;
    *count += hob_queue_put(words, &word) == -ECANCELED;
    *count += hob_yield_now() == -ECANCELED;
    *count += hob_sleep(0) == -ECANCELED;
    *count += hob_check() == -ECANCELED;
    *count += hob_poll(0, 1) == -ECANCELED;
    CHECK_EQ(sem.free, 1);
    CHECK_EQ(hob_queue_count(q), 1);
    CHECK_EQ(hob_queue_count(words), 1);
    return 0;
}
HOB_TASK(all_points, int *)

TASK_TEST(P07_a_call_that_need_not_wait_is_a_point_too) {
    int count = 0;
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, all_points, &count);
    hob_yield_now();
    hob_cancel(t);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(count, 12);
    return 0;
}

static int all_io_points(struct hob_stream *c, struct hob_listener *l, int fd, int *count) {
    char buf[8] = "x";
    struct iovec iov = {buf, 1};
    struct hob_stream *other = NULL;
    struct hob_task *done, *child;
    HOB_SCOPE(s);
    child = hob_spawn(s, at_once, 0);
    CHECK_EQ(hob_sleep(1), -ECANCELED);
    *count += hob_read(c, buf, 1) == -ECANCELED; /* a byte is there */
    *count += hob_readv(c, &iov, 1) == -ECANCELED;
    *count += hob_read_exactly(c, buf, 1) == -ECANCELED;
    *count += hob_write(c, "x", 1) == -ECANCELED;
    *count += hob_writev(c, &iov, 1) == -ECANCELED;
    *count += hob_accept(l, &other) == -ECANCELED; /* a connection is there */
    *count += hob_connect(hob_listener_address(l), &other) == -ECANCELED;
    *count += hob_preadv(fd, &iov, 1, 0) == -ECANCELED;
    *count += hob_pwritev(fd, &iov, 1, 0) == -ECANCELED;
    *count += hob_await(child) == -ECANCELED;
    *count += hob_wait(&child, 1, HOB_ALL_DONE) == -ECANCELED;
    *count += hob_next_done(s, &done) == -ECANCELED;
    CHECK(other == NULL);
    return 0;
}
HOB_TASK(all_io_points, struct hob_stream *, struct hob_listener *, int, int *)

TASK_TEST(P07_so_are_calls_on_streams_files_and_tasks_and_they_leave_all_as_it_was) {
    struct hob_listener *l;
    struct hob_stream *a, *b, *waiting, *late;
    char path[] = "/tmp/hob-contract-XXXXXX", buf[8];
    int count = 0, fd = mkstemp(path);
    unlink(path);
    CHECK_EQ(write(fd, "z", 1), 1);
    CHECK_EQ(hob_listen("127.0.0.1:0", &l), 0);
    CHECK_EQ(hob_connect(hob_listener_address(l), &a), 0);
    CHECK_EQ(hob_accept(l, &b), 0);
    CHECK_EQ(hob_write(b, "y", 1), 1);
    CHECK_EQ(hob_connect(hob_listener_address(l), &waiting), 0);
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, all_io_points, a, l, fd, &count);
    hob_yield_now();
    hob_cancel(t);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(count, 12);
    CHECK_EQ(hob_read(a, buf, sizeof buf), 1); /* the byte is still there */
    CHECK_EQ(buf[0], 'y');
    CHECK_EQ(hob_accept(l, &late), 0); /* and the connection */
    CHECK_EQ(pread(fd, buf, 2, 0), 1);
    CHECK_EQ(buf[0], 'z');
    hob_shutdown(a);
    CHECK_EQ(hob_read(b, buf, sizeof buf), 0); /* nothing was written */
    hob_close(a);
    hob_close(b);
    hob_close(waiting);
    hob_close(late);
    hob_listener_close(l);
    close(fd);
    return 0;
}

/* ---- 8. completion wins ---- */

static int gets(struct hob_queue *q, int *item, int *next) {
    int rc = hob_queue_get(q, item);
    *next = hob_check();
    return rc;
}
HOB_TASK(gets, struct hob_queue *, int *, int *)

TASK_TEST(P08_what_completed_in_the_turn_of_the_cancel_is_delivered) {
    int got = 0, next = 1, seven = 7;
    HOB_QUEUE(q, int, 2);
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, gets, q, &got, &next);
    hob_yield_now();
    hob_queue_try_put(q, &seven); /* handed over */
    hob_cancel(t);                /* in the same turn */
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(got, 7);
    CHECK_EQ(hob_task_result(t), 0);
    CHECK_EQ(next, -ECANCELED);
    return 0;
}

TASK_TEST(P08_a_cancel_that_came_first_leaves_the_item_for_others) {
    int got = 0, next = 1, seven = 7;
    HOB_QUEUE(q, int, 2);
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, gets, q, &got, &next);
    hob_yield_now();
    hob_cancel(t);
    hob_queue_try_put(q, &seven);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(hob_task_result(t), -ECANCELED);
    CHECK_EQ(hob_queue_count(q), 1);
    return 0;
}

static int reads(struct hob_stream *c, char *to, size_t n) { return (int)hob_read(c, to, n); }
HOB_TASK(reads, struct hob_stream *, char *, size_t)
static void cancels(void *task) { hob_cancel(task); }

TASK_TEST(P08_no_byte_is_lost_to_a_cancel_that_comes_with_it) {
    for (int round = 0; round < 20; round++) {
        struct hob_listener *l;
        struct hob_stream *a, *b;
        char got[2] = "", rest[2] = "";
        CHECK_EQ(hob_listen("127.0.0.1:0", &l), 0);
        CHECK_EQ(hob_connect(hob_listener_address(l), &a), 0);
        CHECK_EQ(hob_accept(l, &b), 0);
        struct hob_task *t;
        {
            HOB_SCOPE(s);
            t = hob_spawn(s, reads, a, got, 1);
            hob_yield_now();
            CHECK_EQ(hob_write(b, "y", 1), 1);
            if (round % 2)
                hob_cancel(t); /* before the loop has seen the byte */
            else               /* after it has, in the same turn */
                CHECK_EQ(hob_loop_post(hob_loop_current(), cancels, t), 0);
            CHECK_EQ(hob_join(s), 0);
            int rc = hob_task_result(t);
            CHECK(rc == 1 || rc == -ECANCELED);
            if (rc < 0) CHECK_EQ(hob_read(a, rest, 1), 1);
            CHECK_EQ(got[0] + rest[0], 'y'); /* one of the two */
        }
        hob_close(a);
        hob_close(b);
        hob_listener_close(l);
    }
    return 0;
}

/* ---- 9. descriptors are not lost ---- */

static int accepts(struct hob_listener *l, int *rc) {
    struct hob_stream *s = NULL;
    *rc = hob_accept(l, &s);
    hob_close(s);
    return 0;
}
HOB_TASK(accepts, struct hob_listener *, int *)

TASK_TEST(P09_a_connection_that_comes_with_the_cancel_stays_in_the_backlog) {
    struct hob_listener *l;
    struct hob_stream *c, *s;
    int rc = 1;
    CHECK_EQ(hob_listen("127.0.0.1:0", &l), 0);
    HOB_SCOPE(scope);
    struct hob_task *t = hob_spawn(scope, accepts, l, &rc);
    hob_yield_now();
    hob_cancel(t);
    CHECK_EQ(hob_connect(hob_listener_address(l), &c), 0);
    CHECK_EQ(hob_join(scope), 0);
    CHECK_EQ(rc, -ECANCELED);
    CHECK_EQ(hob_accept(l, &s), 0);
    hob_close(s);
    hob_close(c);
    hob_listener_close(l);
    return 0;
}

static int writes_the_file(int fd, char *data, size_t n, int *rc) {
    struct iovec iov = {data, n};
    *rc = (int)hob_pwritev(fd, &iov, 1, 0);
    memset(data, '!', n); /* the kernel has let go of it */
    return hob_check();
}
HOB_TASK(writes_the_file, int, char *, size_t, int *)

TASK_TEST(P09_a_cancelled_file_operation_returns_when_the_kernel_has_let_go) {
    enum { N = 1 << 20 };
    char path[] = "/tmp/hob-contract-XXXXXX";
    char *data = malloc(N), *back = malloc(N);
    int rc = 0, fd = mkstemp(path);
    unlink(path);
    memset(data, 'd', N);
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, writes_the_file, fd, data, (size_t)N, &rc);
    hob_yield_now(); /* it is in flight */
    hob_cancel(t);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(rc, N);
    CHECK_EQ(hob_task_result(t), -ECANCELED); /* seen at the next point */
    CHECK_EQ(pread(fd, back, N, 0), N);
    for (int i = 0; i < N; i++)
        if (back[i] != 'd') FAIL("byte %d is %d", i, back[i]);
    free(data);
    free(back);
    close(fd);
    return 0;
}

static int connects(const char *where, struct hob_stream **c) { return hob_connect(where, c); }
HOB_TASK(connects, const char *, struct hob_stream **)

TASK_TEST(P09_a_cancelled_connect_keeps_no_descriptor) {
    struct hob_listener *l;
    CHECK_EQ(hob_listen("127.0.0.1:0", &l), 0);
    int before = count_fds();
    for (int turns = 0; turns < 4; turns++) {
        struct hob_stream *c = NULL;
        HOB_SCOPE(s);
        struct hob_task *t = hob_spawn(s, connects, hob_listener_address(l), &c);
        for (int i = 0; i < turns; i++) hob_yield_now();
        hob_cancel(t);
        CHECK_EQ(hob_join(s), 0);
        int rc = hob_task_result(t);
        CHECK(rc == 0 ? c != NULL : rc == -ECANCELED && !c); /* delivered or closed */
        hob_close(c);
        CHECK_EQ(count_fds(), before);
    }
    hob_listener_close(l);
    return 0;
}

/* ---- 10. deadlines ---- */

TASK_TEST(P10_only_the_owner_of_the_deadline_turns_it_into_a_timeout) {
    uint64_t t0 = hob_now();
    int inner = 1;
    int outer = hob_within(0.02, ({
                               inner = hob_within(10.0, hob_sleep(5));
                               inner;
                           }));
    CHECK_EQ(inner, -ECANCELED);
    CHECK_EQ(outer, -ETIMEDOUT);
    CHECK(seconds_since(t0) >= 0.02 && seconds_since(t0) < 4); /* else 5, or 10 */
    CHECK_EQ(hob_sleep(0), 0);
    return 0;
}

static int succeeds_late(void) {
    hob_sleep(10);
    return 9;
}
TASK_TEST(P10_a_result_that_came_is_kept) {
    CHECK_EQ(hob_within(0.01, succeeds_late()), 9);
    CHECK_EQ(hob_within(0.01, ({
                            hob_sleep(10);
                            -EIO;
                        })),
             -EIO);
    return 0;
}

TASK_TEST(P10_scope_with_a_deadline) {
    HOB_SCOPE(s, .deadline = hob_after(0.02));
    hob_spawn(s, noting, "x", 10.0, 0);
    CHECK_EQ(hob_join(s), -ETIMEDOUT);
    CHECK(hob_scope_expired(s));
    CHECK_EQ(hob_sleep(0), 0); /* what follows in the block is not covered any more */
    return 0;
}

/* ---- a join inside scopes that were opened later ---- */

TASK_TEST(P10_a_deadline_around_a_join_reaches_the_children) {
    uint64_t t0 = hob_now();
    HOB_SCOPE(s);
    struct hob_task *slow = hob_spawn(s, noting, "slow", 60.0, 0);
    struct hob_task *quick = hob_spawn(s, noting, "quick", 0.0, 3);
    hob_spawn_daemon(s, noting, "daemon", 60.0, 0);
    CHECK_EQ(hob_within(0.5, hob_join(s)), -ETIMEDOUT);
    CHECK_STR(log_text, "quick slow daemon "); /* they have ended when it returns */
    CHECK_EQ(hob_task_result(slow), -ECANCELED);
    CHECK_EQ(hob_task_result(quick), 3);
    CHECK(seconds_since(t0) < 30);
    CHECK_EQ(hob_sleep(0), 0);
    CHECK_EQ(hob_within(0, hob_join(s)), -ETIMEDOUT); /* a point, though nobody is left */
    CHECK_EQ(hob_within(60, hob_join(s)), 0);
    return 0;
}

static int spawns_late(struct hob_scope *s) {
    hob_spawn(s, noting, "late", 60.0, 0);
    return 0;
}
HOB_TASK(spawns_late, struct hob_scope *)
static int daemon_that_spawns_late(struct hob_scope *s) {
    hob_sleep(60);
    return spawns_late(s);
}
HOB_TASK(daemon_that_spawns_late, struct hob_scope *)
/* Of those as well that come when it has been woken, and has not run yet. */
TASK_TEST(P10_a_deadline_around_a_join_reaches_those_who_come_late) {
    uint64_t t0 = hob_now();
    HOB_SCOPE(others);
    HOB_SCOPE(s);
    hob_spawn(s, at_once, 0);
    hob_spawn(others, spawns_late, s);
    CHECK_EQ(hob_within(0.5, hob_join(s)), -ETIMEDOUT);
    CHECK_STR(log_text, "late ");
    HOB_SCOPE(u);
    hob_spawn_daemon(u, daemon_that_spawns_late, u);
    hob_spawn(u, noting, "child", 0.0, 0);
    CHECK_EQ(hob_within(0.5, hob_join(u)), -ETIMEDOUT);
    CHECK_STR(log_text, "late child late ");
    CHECK(seconds_since(t0) < 30);
    return 0;
}

TASK_TEST(P10_a_join_that_makes_it_has_its_result) {
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    hob_spawn(s, sleeper, 0.01, -EIO);
    hob_spawn(s, sleeper, 0.02, -EDOM);
    hob_spawn_daemon(s, noting, "daemon", 60.0, 0);
    CHECK_EQ(hob_within(60, hob_join(s)), 2);
    CHECK(hob_scope_error_of(s, -EDOM)); /* and they are read */
    CHECK_STR(log_text, "daemon ");
    HOB_SCOPE(u);
    hob_spawn(u, sleeper, 60.0, 0);
    hob_spawn(u, sleeper, 0.01, -EIO);
    CHECK_EQ(hob_within(60, hob_shielded(hob_join(u))), -EIO); /* a child's error goes first */
    CHECK_EQ(hob_error()->code, -EIO);
    HOB_SCOPE(v, .deadline = hob_after(0.01));
    hob_spawn(v, sleeper, 60.0, 0);
    CHECK_EQ(hob_within(60, hob_join(v)), -ETIMEDOUT); /* its own */
    CHECK(hob_scope_expired(v));
    return 0;
}

static int joins_within(struct hob_scope **scope, int *rc) {
    HOB_SCOPE(s);
    *scope = s;
    hob_spawn(s, noting, "child", 60.0, 0);
    {
        HOB_SCOPE(inner);
        *rc = hob_join(s);
        CHECK_EQ(hob_join(inner), -ECANCELED);
    }
    return hob_sleep(0);
}
HOB_TASK(joins_within, struct hob_scope **, int *)
TASK_TEST(P06_a_cancel_from_outside_reaches_a_join_inside_another_scope_once) {
    struct hob_scope *joined = NULL;
    int rc = 1;
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, joins_within, &joined, &rc);
    hob_yield_now();
    CHECK(hob_cancel(t));
    CHECK_EQ(hob_await(t), -ECANCELED);
    CHECK_EQ(rc, -ECANCELED);
    CHECK_STR(log_text, "child ");
    return hob_join(s);
}

static int ends_with_its_child(int *rc) {
    HOB_SCOPE(s);
    hob_spawn(s, at_once, 0);
    *rc = hob_within(60, hob_join(s));
    return hob_check();
}
HOB_TASK(ends_with_its_child, int *)
TASK_TEST(P08_a_join_inside_another_scope_that_was_served_before_the_cancel_is_no_cancel) {
    int rc = 1;
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, ends_with_its_child, &rc);
    hob_yield_now(); /* it joins */
    hob_yield_now(); /* its child has ended, it is ready again, behind this one */
    CHECK(!hob_task_done(t));
    CHECK(hob_cancel(t));
    CHECK_EQ(hob_await(t), -ECANCELED); /* at the next point */
    CHECK_EQ(rc, 0);
    return hob_join(s);
}

/* ---- 11. two-phase stop ---- */

static int politely(struct hob_listener *l, int *rc, int *later) {
    struct hob_stream *s;
    *rc = hob_accept(l, &s);
    CHECK(hob_stopping());
    *later = hob_sleep(0.01); /* the grace lets it finish */
    return 0;
}
HOB_TASK(politely, struct hob_listener *, int *, int *)

TASK_TEST(P11_stop_asks_first) {
    struct hob_listener *l;
    int rc = 1, later = 1;
    CHECK_EQ(hob_listen("127.0.0.1:0", &l), 0);
    {
        HOB_SCOPE(s);
        hob_spawn(s, politely, l, &rc, &later);
        hob_yield_now();
        hob_stop(s, 5.0);
        CHECK(hob_stopping());
        CHECK_EQ(hob_join(s), 0);
        CHECK(!hob_stopping()); /* what follows in the block is not covered any more */
    }
    CHECK_EQ(rc, HOB_E_STOPPING);
    CHECK_EQ(later, 0);
    CHECK(!hob_stopping());
    hob_listener_close(l);
    return 0;
}

TASK_TEST(P11_and_cancels_when_the_grace_is_over) {
    HOB_SCOPE(s);
    hob_spawn(s, noting, "stubborn", 10.0, 0);
    hob_yield_now();
    uint64_t t0 = hob_now();
    hob_stop(s, 0.02);
    CHECK_EQ(hob_join(s), 0);
    CHECK(seconds_since(t0) >= 0.02 && seconds_since(t0) < 4); /* else 5, or 10 */
    CHECK_STR(log_text, "stubborn ");
    return 0;
}

TASK_TEST(P11_who_waits_in_the_backlog_of_a_server_that_stops_is_left_there) {
    struct hob_listener *l;
    struct hob_stream *c, *late = NULL;
    CHECK_EQ(hob_listen("127.0.0.1:0", &l), 0);
    CHECK_EQ(hob_connect(hob_listener_address(l), &c), 0);
    {
        HOB_SCOPE(s);
        hob_stop(s, 100.0);
        CHECK_EQ(hob_accept(l, &late), HOB_E_STOPPING);
        CHECK(!late);
    }
    CHECK_EQ(hob_accept(l, &late), 0);
    hob_close(late);
    hob_close(c);
    hob_listener_close(l);
    return 0;
}

static int accepts_in_a_shield(struct hob_listener *l, int *rc) {
    struct hob_stream *s;
    *rc = hob_shielded(hob_accept(l, &s));
    return hob_shielded(hob_stopping() && !hob_cancelled() ? 7 : 0);
}
HOB_TASK(accepts_in_a_shield, struct hob_listener *, int *)

TASK_TEST(P11_a_shield_does_not_hide_that_a_stop_was_asked_for) {
    struct hob_listener *l;
    int rc = 1;
    CHECK_EQ(hob_listen("127.0.0.1:0", &l), 0);
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, accepts_in_a_shield, l, &rc);
    hob_yield_now();
    hob_stop(s, 100.0);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(rc, HOB_E_STOPPING);
    CHECK_EQ(hob_task_result(t), 7);
    hob_listener_close(l);
    return 0;
}

TASK_TEST(P11_of_two_stops_the_grace_that_ends_first_counts) {
    for (int second = 0; second < 2; second++) {
        HOB_SCOPE(s);
        hob_spawn(s, noting, "stubborn", 100.0, 0);
        hob_stop(s, second ? 100.0 : 0.02);
        hob_stop(s, second ? 0.02 : 100.0);
        CHECK_EQ(hob_join(s), 0);
    }
    CHECK_STR(log_text, "stubborn stubborn ");
    return 0;
}

TEST_MAIN()
