/* channel_test.c - channels between loops and threads: order, bounds, closing, cancel that loses
 * nothing, and many of each at once. */
#include "test.h"

#include <hob/channel.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/memory.h"
#include "fiber/sanitize.h"

static struct hob_channel *make(size_t size, size_t capacity) {
    struct hob_channel *c;
    CHECK_EQ(hob_channel_open(&c, size, capacity), 0);
    return c;
}
static int fewer(int n) { return getenv("TEST_SLOW") || HOB__TSAN ? n / 20 : n; }

TEST(a_channel_is_a_bounded_queue) {
    struct hob_channel *c = make(sizeof(int), 3);
    int x;
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 3; i++) CHECK_EQ(hob_channel_try_send(c, &i), 0);
        CHECK_EQ(hob_channel_try_send(c, &x), HOB_E_FULL);
        CHECK_EQ(hob_channel_send_within(c, &round, 0.002), -ETIMEDOUT);
        CHECK_EQ(hob_channel_count(c), 3);
        for (int i = 0; i < 3; i++) {
            CHECK_EQ(hob_channel_try_recv(c, &x), 0);
            CHECK_EQ(x, i);
        }
        CHECK_EQ(hob_channel_try_recv(c, &x), HOB_E_EMPTY);
        CHECK_EQ(hob_channel_recv_within(c, &x, 0.002), -ETIMEDOUT);
        CHECK_EQ(hob_channel_send(c, &round), 0); /* so that the ring turns */
        CHECK_EQ(hob_channel_recv(c, &x), 0);
        CHECK_EQ(x, round);
    }
    x = 7;
    CHECK_EQ(hob_channel_send(c, &x), 0);
    hob_channel_close(c);
    hob_channel_close(c);
    CHECK_EQ(hob_channel_send(c, &x), HOB_E_CLOSED);
    CHECK_EQ(hob_channel_try_send(c, &x), HOB_E_CLOSED);
    x = 0;
    CHECK_EQ(hob_channel_recv(c, &x), 0);
    CHECK_EQ(x, 7);
    CHECK_EQ(hob_channel_recv(c, &x), HOB_E_CLOSED);
    CHECK_EQ(hob_channel_try_recv(c, &x), HOB_E_CLOSED);
    hob_channel_free(c);
    hob_channel_free(NULL);
    CHECK_EQ(hob_channel_open(&c, 0, 1), -EINVAL);
    CHECK_EQ(hob_channel_open(&c, 1, 0), -EINVAL);
    CHECK_EQ(hob_channel_open(&c, SIZE_MAX / 2, 3), -EINVAL);
    CHECK(c == NULL);
}

struct odd {
    char bytes[23];
};
TASK_TEST(items_of_any_size_arrive_whole) {
    struct hob_channel *c = make(sizeof(struct odd), 2);
    struct odd in, out;
    for (int i = 0; i < 100; i++) {
        memset(&in, i, sizeof in);
        HOB_TRY(hob_channel_send(c, &in));
        HOB_TRY(hob_channel_recv(c, &out));
        CHECK(memcmp(&in, &out, sizeof in) == 0);
    }
    hob_channel_free(c);
    return 0;
}

/* ---- tasks of one loop ---- */

static int order[64], order_count;
static int receives(struct hob_channel *c, int me) {
    int x;
    HOB_TRY(hob_channel_recv(c, &x));
    order[order_count++] = me * 10 + x;
    return x;
}
HOB_TASK(receives, struct hob_channel *, int)
static int sends(struct hob_channel *c, int x) {
    HOB_TRY(hob_channel_send(c, &x));
    order[order_count++] = x;
    return 0;
}
HOB_TASK(sends, struct hob_channel *, int)

/* A busy machine may send a task to the end of the ring before it stands in line. */
static int until_waits(struct hob_task *t) {
    while (!hob_task_done(t) && !strstr(hob_task_waiting(t), "channel")) HOB_TRY(hob_yield_now());
    return 0;
}

TASK_TEST(who_waits_is_served_in_order_of_arrival) {
    struct hob_channel *c = make(sizeof(int), 2);
    HOB_SCOPE(s);
    for (int i = 1; i <= 4; i++) HOB_TRY(until_waits(hob_spawn(s, receives, c, i)));
    for (int x = 5; x <= 8; x++) HOB_TRY(hob_channel_send(c, &x));
    HOB_TRY(hob_join(s));
    for (int i = 0; i < 4; i++) CHECK_EQ(order[i], (i + 1) * 10 + 5 + i);
    order_count = 0;
    HOB_SCOPE(t);
    for (int x = 1; x <= 6; x++) HOB_TRY(until_waits(hob_spawn(t, sends, c, x)));
    CHECK_EQ(order_count, 2);
    CHECK_EQ(hob_channel_count(c), 2);
    for (int i = 1, x; i <= 6; i++) {
        HOB_TRY(hob_channel_recv(c, &x));
        CHECK_EQ(x, i);
    }
    HOB_TRY(hob_join(t));
    for (int i = 0; i < 6; i++) CHECK_EQ(order[i], i + 1);
    hob_channel_free(c);
    return 0;
}

TASK_TEST(a_cancel_before_takes_nothing_and_one_after_loses_nothing) {
    struct hob_channel *c = make(sizeof(int), 1);
    int x = 5;
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    struct hob_task *early = hob_spawn(s, receives, c, 1), *late = hob_spawn(s, receives, c, 2);
    HOB_TRY(until_waits(early));
    HOB_TRY(until_waits(late));
    CHECK_STR(hob_task_waiting(late), "channel 'receive'");
    hob_cancel(early);
    CHECK_EQ(hob_await(early), -ECANCELED);
    HOB_TRY(hob_channel_send(c, &x));
    hob_cancel(late); /* it has been handed the item already */
    CHECK_EQ(hob_await(late), 5);
    CHECK_EQ(hob_channel_count(c), 0);
    /* cancelled and served in the same turn, the other way round: whoever took it out decides */
    struct hob_task *both = hob_spawn(s, receives, c, 3);
    HOB_TRY(until_waits(both));
    hob_cancel(both);
    x = 6;
    HOB_TRY(hob_channel_send(c, &x));
    int rc = hob_await(both), left = (int)hob_channel_count(c);
    CHECK((rc == 6 && left == 0) || (rc == -ECANCELED && left == 1));
    if (left) HOB_TRY(hob_channel_recv(c, &x));
    /* senders */
    HOB_TRY(hob_channel_send(c, &x));
    struct hob_task *full = hob_spawn(s, sends, c, 9);
    HOB_TRY(until_waits(full));
    hob_cancel(full);
    CHECK_EQ(hob_await(full), -ECANCELED);
    CHECK_EQ(hob_channel_count(c), 1);
    CHECK_EQ(hob_within(0.002, hob_channel_send(c, &x)), -ETIMEDOUT);
    CHECK_EQ(hob_channel_send_within(c, &x, 0.002), -ETIMEDOUT);
    HOB_TRY(hob_channel_recv(c, &x));
    CHECK_EQ(hob_channel_recv_within(c, &x, 0.002), -ETIMEDOUT);
    CHECK_EQ(hob_join(s), 0);
    hob_channel_free(c);
    return 0;
}

TASK_TEST(closing_wakes_all_who_wait) {
    struct hob_channel *c = make(sizeof(int), 1);
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    for (int i = 0; i < 3; i++) HOB_TRY(until_waits(hob_spawn(s, receives, c, i)));
    hob_channel_close(c);
    CHECK_EQ(hob_join(s), 3);
    CHECK(hob_scope_error_of(s, HOB_E_CLOSED) != NULL);
    hob_channel_free(c);
    c = make(sizeof(int), 1);
    HOB_SCOPE(t, .on_error = HOB_COLLECT);
    for (int i = 0; i < 3; i++) HOB_TRY(until_waits(hob_spawn(t, sends, c, i)));
    hob_channel_close(c);
    CHECK_EQ(hob_join(t), 2);
    CHECK(hob_scope_error_of(t, HOB_E_CLOSED) != NULL);
    CHECK_EQ(hob_channel_count(c), 1);
    hob_channel_free(c);
    return 0;
}

static int frees_while_waited(void) {
    struct hob_channel *c = make(sizeof(int), 1);
    HOB_SCOPE(s);
    HOB_TRY(until_waits(hob_spawn(s, receives, c, 0)));
    hob_channel_free(c);
    return 0;
}
HOB_TASK(frees_while_waited)
TEST(freeing_it_under_those_who_wait_is_misuse) {
    CHECK_DIES(hob_run(frees_while_waited), "hob_channel_free: somebody waits on the channel");
}

/* ---- loops and threads ---- */

static int echoes(struct hob_channel *in, struct hob_channel *out) {
    long x;
    int rc;
    while ((rc = hob_channel_recv(in, &x)) == 0) {
        x++;
        HOB_TRY(hob_channel_send(out, &x));
    }
    hob_channel_close(out);
    return rc == HOB_E_CLOSED ? 0 : rc;
}
HOB_TASK(echoes, struct hob_channel *, struct hob_channel *)

struct ends {
    struct hob_channel *in, *out;
};
static void *echo_loop(void *arg) {
    struct ends *e = arg;
    CHECK_EQ(hob_run(echoes, e->in, e->out), 0);
    return NULL;
}
static void *echo_thread(void *arg) {
    struct ends *e = arg;
    CHECK_EQ(echoes(e->in, e->out), 0);
    return NULL;
}

static int ping_pong(bool with_loop) {
    struct ends e = {make(sizeof(long), 1), make(sizeof(long), 1)};
    pthread_t other;
    CHECK_EQ(pthread_create(&other, NULL, with_loop ? echo_loop : echo_thread, &e), 0);
    long x = 0, n = fewer(4000);
    for (long i = 0; i < n; i++) {
        HOB_TRY(hob_channel_send(e.in, &x));
        HOB_TRY(hob_channel_recv(e.out, &x));
        CHECK_EQ(x, i + 1);
    }
    hob_channel_close(e.in);
    CHECK_EQ(hob_channel_recv(e.out, &x), HOB_E_CLOSED);
    pthread_join(other, NULL);
    hob_channel_free(e.in);
    hob_channel_free(e.out);
    return 0;
}
TASK_TEST(two_loops_play_ping_pong) { return ping_pong(true); }
TASK_TEST(a_loop_and_a_thread_play_ping_pong) { return ping_pong(false); }

/* Many producers, many consumers, some of them cancelled again and again. */
enum { SIDES = 4, TASKS = 3 };
static _Atomic long sent_sum, got_sum, sent_count, got_count;

static int produces(struct hob_channel *c, int n, bool restless) {
    for (long i = 1; i <= n; i++) {
        int rc;
        do {
            rc = restless && i % 3 == 0 ? hob_within(0.0001, hob_channel_send(c, &i))
                                        : hob_channel_send(c, &i);
        } while (rc == -ETIMEDOUT);
        HOB_TRY(rc);
        sent_sum += i;
        sent_count++;
    }
    return 0;
}
HOB_TASK(produces, struct hob_channel *, int, bool)
static int consumes(struct hob_channel *c, bool restless) {
    for (long x, i = 0;; i++) {
        int rc = restless && i % 3 == 0 ? hob_within(0.0001, hob_channel_recv(c, &x))
                                        : hob_channel_recv(c, &x);
        if (rc == -ETIMEDOUT) continue;
        if (rc == HOB_E_CLOSED) return 0;
        HOB_TRY(rc);
        got_sum += x;
        got_count++;
    }
}
HOB_TASK(consumes, struct hob_channel *, bool)

static int many_produce(struct hob_channel *c, int n) {
    HOB_SCOPE(s);
    for (int i = 0; i < TASKS; i++) hob_spawn(s, produces, c, n, true);
    return hob_join(s);
}
HOB_TASK(many_produce, struct hob_channel *, int)
static int many_consume(struct hob_channel *c) {
    HOB_SCOPE(s);
    for (int i = 0; i < TASKS; i++) hob_spawn(s, consumes, c, true);
    return hob_join(s);
}
HOB_TASK(many_consume, struct hob_channel *)

static int per_task;
static void *producer_loop(void *c) {
    CHECK_EQ(hob_run(many_produce, (struct hob_channel *)c, per_task), 0);
    return NULL;
}
static void *producer_thread(void *c) {
    CHECK_EQ(produces(c, per_task, false), 0);
    return NULL;
}
static void *consumer_loop(void *c) {
    CHECK_EQ(hob_run(many_consume, (struct hob_channel *)c), 0);
    return NULL;
}
static void *consumer_thread(void *c) {
    CHECK_EQ(consumes(c, false), 0);
    return NULL;
}

TEST(many_loops_and_threads_at_once_lose_and_double_nothing) {
    per_task = fewer(3000);
    for (size_t capacity = 1; capacity <= 64; capacity *= 8) {
        struct hob_channel *c = make(sizeof(long), capacity);
        pthread_t in[SIDES], out[SIDES];
        sent_sum = got_sum = sent_count = got_count = 0;
        for (int i = 0; i < SIDES; i++) {
            CHECK_EQ(pthread_create(&out[i], NULL, i % 2 ? consumer_thread : consumer_loop, c), 0);
            CHECK_EQ(pthread_create(&in[i], NULL, i % 2 ? producer_thread : producer_loop, c), 0);
        }
        for (int i = 0; i < SIDES; i++) pthread_join(in[i], NULL);
        hob_channel_close(c);
        for (int i = 0; i < SIDES; i++) pthread_join(out[i], NULL);
        CHECK_EQ(sent_count, (SIDES / 2 * TASKS + SIDES / 2) * per_task);
        CHECK_EQ(got_count, sent_count);
        CHECK_EQ(got_sum, sent_sum);
        hob_channel_free(c);
    }
}

static _Atomic bool ready_to_block;
static void blocks_the_loop(void *c) {
    long x;
    ready_to_block = true;
    hob_channel_recv(c, &x);
}
static int posts_a_wait(void) {
    struct hob_channel *c = make(sizeof(long), 1);
    HOB_TRY(hob_loop_post(hob_loop_current(), blocks_the_loop, c));
    return hob_sleep(1);
}
HOB_TASK(posts_a_wait)
TEST(a_wait_in_the_loop_itself_is_misuse) {
    CHECK_DIES(hob_run(posts_a_wait), "hob_channel_recv: called outside a task");
}

/* A task that only another thread can wake is no deadlock; one behind a lock is. */
static void *sends_late(void *c) {
    struct timespec t = {0, 50000000};
    nanosleep(&t, NULL);
    long x = 3;
    CHECK_EQ(hob_channel_send(c, &x), 0);
    return NULL;
}
TASK_TEST(waiting_for_another_thread_is_no_deadlock) {
    struct hob_channel *c = make(sizeof(long), 1);
    pthread_t other;
    CHECK_EQ(pthread_create(&other, NULL, sends_late, c), 0);
    long x;
    HOB_TRY(hob_channel_recv(c, &x));
    CHECK_EQ(x, 3);
    pthread_join(other, NULL);
    hob_channel_free(c);
    return 0;
}

/* ---- fork ---- */

static int child_uses(struct hob_channel *c) {
    long x;
    CHECK_EQ(hob_channel_try_recv(c, &x), HOB_E_EMPTY);
    x = 11;
    HOB_TRY(hob_channel_send(c, &x));
    HOB_TRY(hob_channel_recv(c, &x));
    return (int)x;
}
HOB_TASK(child_uses, struct hob_channel *)
TASK_TEST(the_child_of_a_fork_has_a_copy_and_disturbs_nobody) {
    struct hob_channel *c = make(sizeof(long), 1);
    pthread_t other;
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, consumes, c, false); /* stands in line meanwhile */
    HOB_TRY(until_waits(t));
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(30);
        if (getenv("TEST_SLOW") || HOB__TSAN) setenv("HOB_SLOW_MS", "0", 1);
        _exit(hob_run(child_uses, c) == 11 ? 0 : 1);
    }
    int status;
    waitpid(pid, &status, 0);
    CHECK_EQ(status, 0);
    CHECK(!hob_task_done(t));
    CHECK_EQ(pthread_create(&other, NULL, sends_late, c), 0);
    while (got_count == 0) HOB_TRY(hob_sleep(0.001));
    CHECK_EQ(got_sum, 3);
    hob_channel_close(c);
    pthread_join(other, NULL);
    HOB_TRY(hob_join(s));
    hob_channel_free(c);
    return 0;
}

TEST_MAIN()
