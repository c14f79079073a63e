/* cross_stress_test.c - threads and loops that get at each other at random times, for
 * ThreadSanitizer and AddressSanitizer: loops that end under those who post to them, pools whose
 * callers are cancelled at any time, channels that are closed in use. (interleave_test.c looks at
 * every order of a few steps; this one at a few orders of many.) */
#include "test.h"

#include <hob/channel.h>
#include <hob/thread.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/memory.h"
#include "fiber/sanitize.h"

enum { THREADS = 4 };

static int fewer(int n) { return getenv("TEST_SLOW") || HOB__TSAN ? n / 10 : TEST_ROUNDS(n, 4); }

static unsigned pick(unsigned n) {
    static __thread uint64_t state;
    static _Atomic uint64_t next = 1;
    if (!state) state = atomic_fetch_add(&next, 1) * 0x9e3779b97f4a7c15u;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % n;
}

static void dawdle(void) {
    if (pick(4) == 0) nanosleep(&(struct timespec){0, pick(50000)}, NULL);
    if (pick(4) == 0) sched_yield();
}

/* ---- holds ---- */

static _Atomic long posted, ran;
static void counts(void *arg) {
    (void)arg;
    ran++;
}

static void *posts_until_it_is_over(void *arg) {
    struct hob_loop *loop = arg;
    for (unsigned n = pick(40); n > 0; n--) {
        int rc = hob_loop_post(loop, counts, NULL);
        CHECK(rc == 0 || rc == HOB_E_CLOSED);
        posted += rc == 0;
        dawdle();
    }
    hob_loop_release(loop);
    return NULL;
}

static pthread_t threads[THREADS];
static int held_by_all(void) {
    for (int i = 0; i < THREADS; i++) {
        hob_loop_hold(hob_loop_current());
        CHECK_EQ(pthread_create(&threads[i], NULL, posts_until_it_is_over, hob_loop_current()), 0);
    }
    return pick(2) ? 0 : hob_sleep(pick(2000) * 1e-6);
}
HOB_TASK(held_by_all)

TEST(loops_end_while_threads_hold_them_and_post) {
    long live = 0;
    for (int round = 0; round < fewer(1000); round++) {
        CHECK_EQ(hob_run(held_by_all), 0);
        for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
        CHECK_EQ(ran, posted);
        if (round == 0) live = hob__alloc_live();
        CHECK_EQ(hob__alloc_live(), live);
    }
}

/* ---- pools ---- */

static _Atomic long begun;
static int works(int n) {
    begun++;
    dawdle();
    return n;
}
HOB_TASK(works, int)

static int calls(struct hob_pool *p, int rounds) {
    for (int i = 0; i < rounds; i++) {
        double seconds = pick(300) * 1e-6;
        int rc = pick(2) ? hob_within(seconds, hob_to_pool(p, works, i))
                         : hob_within(seconds, hob_to_pool_or_leave(p, works, i));
        CHECK(rc == i || rc == -ETIMEDOUT);
    }
    return 0;
}
HOB_TASK(calls, struct hob_pool *, int)

static int callers(struct hob_pool *p, int rounds) {
    HOB_SCOPE(s);
    for (int i = 0; i < 5; i++) hob_spawn(s, calls, p, rounds);
    return hob_join(s);
}
HOB_TASK(callers, struct hob_pool *, int)

static int rounds;
static void *calling_loop(void *p) {
    CHECK_EQ(hob_run(callers, (struct hob_pool *)p, rounds), 0);
    return NULL;
}

TEST(callers_of_a_small_pool_are_cancelled_at_any_time) {
    for (unsigned n = 1; n <= 3; n++) {
        struct hob_pool *p;
        CHECK_EQ(hob_pool_open(&p, (struct hob_pool_options){.threads = n, .queue = n}), 0);
        rounds = fewer(1000);
        for (int i = 0; i < 2; i++) CHECK_EQ(pthread_create(&threads[i], NULL, calling_loop, p), 0);
        for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
        struct hob_pool_info info;
        do hob_pool_info(p, &info);
        while (info.busy > 0); /* those that were left */
        CHECK_EQ(info.queued + info.waiting, 0);
        CHECK(info.threads <= n);
        hob_pool_close(p);
    }
    CHECK(begun > 0);
}

/* ---- channels ---- */

static _Atomic long sent, got;
static int sends_till_closed(struct hob_channel *c) {
    for (long x = 1;; x++) {
        int rc = pick(3) ? hob_channel_send(c, &x) : hob_channel_send_within(c, &x, 50e-6);
        if (rc == HOB_E_CLOSED) return 0;
        CHECK(rc == 0 || rc == -ETIMEDOUT);
        sent += rc == 0;
    }
}
HOB_TASK(sends_till_closed, struct hob_channel *)
static int receives_till_closed(struct hob_channel *c) {
    for (long x = 0;;) {
        int rc = pick(3) ? hob_channel_recv(c, &x) : hob_channel_recv_within(c, &x, 50e-6);
        if (rc == HOB_E_CLOSED) return 0;
        CHECK(rc == 0 || rc == -ETIMEDOUT);
        got += rc == 0;
    }
}
HOB_TASK(receives_till_closed, struct hob_channel *)

static void *user(void *arg) {
    struct hob_channel *c = arg;
    switch (pick(4)) {
    case 0:
        CHECK_EQ(hob_run(sends_till_closed, c), 0);
        break;
    case 1:
        CHECK_EQ(hob_run(receives_till_closed, c), 0);
        break;
    case 2:
        sends_till_closed(c);
        break;
    default:
        receives_till_closed(c);
    }
    return NULL;
}

TEST(channels_are_closed_while_all_use_them) {
    for (int round = 0; round < fewer(300); round++) {
        struct hob_channel *c;
        CHECK_EQ(hob_channel_open(&c, sizeof(long), 1 + pick(3)), 0);
        for (int i = 0; i < THREADS; i++) CHECK_EQ(pthread_create(&threads[i], NULL, user, c), 0);
        nanosleep(&(struct timespec){0, pick(3000000)}, NULL);
        hob_channel_close(c);
        for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
        CHECK_EQ(sent, got + (long)hob_channel_count(c));
        sent = got = 0;
        hob_channel_free(c);
    }
}

TEST_MAIN()
