/* review_scale_test - what only numbers break: deep and wide trees, counters that wrap around, runs
 * one after another and beside each other, threads that come and go, memory that fails at random.
 */
#include "test.h"

#include <dirent.h>
#include <hob/net.h>
#include <pthread.h>

#include "base/memory.h"
#include "loop/internal.h"
#include "task/task.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SLOW = 20 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { SLOW = 20 };
#else
enum { SLOW = 1 };
#endif
#else
enum { SLOW = 1 };
#endif

static int how_slow(void) { return hob__on_valgrind() ? 20 : SLOW; }

/* ---- deep and wide ---- */

static int deepest, ended;

/* A chain: each task's only child is the next one. */
static int link_of_chain(int left);
HOB_TASK(link_of_chain, int)
static int link_of_chain(int left) {
    deepest++;
    HOB_SCOPE(s);
    if (left > 0)
        hob_spawn(s, link_of_chain, left - 1);
    else
        hob_sleep(1e9);
    int rc = hob_join(s);
    ended++;
    return rc;
}

TASK_TEST(a_chain_of_nested_tasks_is_cancelled_without_recursion) {
    int length = 100000 / how_slow();
    HOB_SCOPE(s);
    hob_spawn(s, link_of_chain, length);
    while (deepest <= length) CHECK_EQ(hob_yield_now(), 0);
    static char tree[1 << 16];
    CHECK(hob_task_tree(tree, sizeof tree) > 0);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(ended, length + 1);
    CHECK_EQ(hob_loop_current()->live, 1);
    return 0;
}

/* Each scope has a child, a deadline and a clean-up of its own. */
static int sleeper(void) { return hob_sleep(1e9); }
HOB_TASK(sleeper)

static int cleaned;
static void clean(void *arg) {
    (void)arg;
    cleaned++;
}

static int nested(int left, int *seen) {
    if (left == 0) {
        int rc = hob_sleep(1e9);
        *seen += rc == -ECANCELED;
        return rc;
    }
    HOB_SCOPE(s, .deadline = left % 100 ? 0 : hob_after(1e6), .shield = left % 1000 == 1);
    hob_spawn(s, sleeper);
    hob_defer(s, clean, NULL);
    return nested(left - 1, seen);
}
static int nested_task(int left, int *seen) { return nested(left, seen); }
HOB_TASK(nested_task, int, int *)

TASK_TEST(nested_scopes_of_one_task_are_cancelled_and_cleaned_up) {
    int depth = SLOW > 1 ? 300 : 1500, seen = 0; /* what fits into 1 MiB */
    HOB_SCOPE(s);
    struct hob_spawn_options big = {.stack_size = 1 << 20};
    struct hob_task *t = hob_spawn_with(s, big, nested_task, depth, &seen);
    for (int i = 0; i < 3; i++) hob_yield_now();
    hob_cancel(t);
    /* A shield lies in between: what is inside it ends with the innermost scope. */
    hob_yield_now();
    CHECK(!hob_task_done(t));
    struct hob__region *r = &t->outer;
    while (r->inner) r = r->inner;
    hob_scope_cancel((struct hob_scope *)(void *)r);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(seen, 1);
    CHECK_EQ(cleaned, depth);
    CHECK_EQ(hob_loop_current()->wheel.count, 0);
    return 0;
}

static int gets_one(struct hob_queue *q) {
    int item;
    return hob_queue_get(q, &item);
}
HOB_TASK(gets_one, struct hob_queue *)

TASK_TEST(many_waiters_of_one_queue_are_cancelled_at_once) {
    int n = 100000 / how_slow();
    HOB_QUEUE(q, int, 1);
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    for (int i = 0; i < n; i++) CHECK(hob_spawn(s, gets_one, q));
    CHECK_EQ(hob_yield_now(), 0); /* by now all wait */
    CHECK_EQ(hob_scope_reschedule(s, hob_after(0.01)), 0);
    CHECK_EQ(hob_join(s), -ETIMEDOUT);
    CHECK(!q->getters.first);
    CHECK_EQ(hob_loop_current()->live, 1);
    return 0;
}

/* ---- indices of 32 bits ---- */

static int yields(int n) {
    for (int i = 0; i < n; i++) HOB_TRY(hob_yield_now());
    return 0;
}
HOB_TASK(yields, int)

TASK_TEST(the_ring_goes_on_behind_two_to_the_32_switches) {
    struct hob_loop *loop = hob_loop_current();
    CHECK_EQ(loop->ring_head, loop->ring_tail);
    for (uint32_t before = 0; before < 300; before += 7) {
        /* Nothing is in it, so that it may be turned. */
        atomic_store(&loop->ring_head, UINT32_MAX - before);
        loop->ring_tail = UINT32_MAX - before;
        HOB_SCOPE(s);
        for (int i = 0; i < 200; i++)
            hob_spawn(s, yields, 3); /* grows in the middle, the first time */
        CHECK_EQ(hob_join(s), 0);
        CHECK(loop->ring_head < 2000);
    }
    return 0;
}

/* ---- again and again ---- */

static int open_fds(void) {
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (readdir(d)) n++;
    closedir(d);
    return n;
}

static int talk(struct hob_listener *l) {
    struct hob_stream *c;
    char byte;
    HOB_TRY(hob_accept(l, &c));
    int rc = (int)hob_read(c, &byte, 1);
    hob_close(c);
    return rc == 1 ? 0 : -EIO;
}
HOB_TASK(talk, struct hob_listener *)

/* A little of everything, cancelled in the middle of it. */
static int small_program(int seed) {
    struct hob_listener *l;
    struct hob_stream *c;
    HOB_TRY(hob_listen("127.0.0.1:0", &l));
    HOB_DEFER((void (*)(void *))hob_listener_close, l);
    hob_background(sleeper);
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    for (int i = 0; i < 5; i++) hob_spawn(s, sleeper);
    hob_spawn(s, talk, l);
    HOB_TRY(hob_connect(hob_listener_address(l), &c));
    if (seed % 2) hob_write(c, "x", 1);
    char byte;
    int rc = hob_within(0.002, (int)hob_read(c, &byte, 1));
    hob_close(c);
    CHECK(rc == -ETIMEDOUT || rc == 0 || rc == -ECONNRESET || rc == -ECANCELED || rc == -ENOMEM);
    HOB_QUEUE(q, int, 2);
    hob_spawn(s, gets_one, q);
    hob_yield_now();
    hob_scope_cancel(s);
    hob_join(s);
    return seed % 3 ? 0 : hob_fail(-EIO, "program %d", seed);
}
HOB_TASK(small_program, int)

static int checks_counters(int seed) {
    struct hob_loop *loop = hob_loop_current();
    small_program(seed);
    CHECK_EQ(loop->outside, 0);
    CHECK_EQ(loop->backend.watched, 0);
    CHECK_EQ(loop->backend.ops_in_flight, 0);
    CHECK_EQ(loop->wheel.count, 1); /* the background task's sleep */
    CHECK_EQ(loop->live, 2);
    return 0;
}
HOB_TASK(checks_counters, int)

static void no_report(enum hob_report_kind kind, const char *text, void *arg) {
    (void)kind;
    (void)text;
    (void)arg;
}

TEST(runs_one_after_another_leave_nothing_behind) {
    hob_set_report(no_report, NULL);
    CHECK_EQ(hob_run(checks_counters, 1), 0);
    hob_run(small_program, 3);
    long live = hob__alloc_live();
    int fds = open_fds();
    for (int i = 0; i < 200 / SLOW + 10; i++) {
        CHECK_EQ(hob_run(small_program, i), i % 3 ? 0 : -EIO);
        if (i % 3) CHECK_EQ(hob__alloc_live(), live - 1); /* the last one's error record */
    }
    CHECK_EQ(open_fds(), fds);
}

static void *many_runs(void *arg) {
    for (int i = 0; i < 30 / SLOW + 3; i++) {
        int rc = hob_run(small_program, i);
        if (rc != (i % 3 ? 0 : -EIO)) return arg;
    }
    return NULL;
}

TEST(loops_in_many_short_lived_threads_do_not_disturb_each_other) {
    hob_set_report(no_report, NULL);
    long live = 0;
    for (int round = 0; round < 3; round++) {
        pthread_t threads[8];
        for (int i = 0; i < 8; i++)
            CHECK_EQ(pthread_create(&threads[i], NULL, many_runs, &live), 0);
        for (int i = 0; i < 8; i++) {
            void *failed;
            pthread_join(threads[i], &failed);
            CHECK(!failed);
        }
        if (round == 0) live = hob__alloc_live();
    }
    CHECK_EQ(hob__alloc_live(), live);
}

/* ---- two loops that post to each other ---- */

enum { BALLS = 2000 };

struct player {
    struct hob_loop *_Atomic loop;
    struct player *other;
    struct hob_event over;
    _Atomic int hits;
};
static struct player players[2] = {{.other = &players[1]}, {.other = &players[0]}};
static pthread_barrier_t both;

/* Each goes on until both have had enough; then either tells the other, which may have ended. */
static void hit(void *arg) {
    struct player *p = arg;
    p->hits++;
    bool enough = p->hits >= BALLS && p->other->hits >= BALLS;
    if (enough) hob_event_set(&p->over);
    int rc = enough && p->hits > 2 * BALLS ? 0 : hob_loop_post(p->other->loop, hit, p->other);
    CHECK(rc == 0 || (enough && rc == HOB_E_CLOSED));
}

static int play(struct player *p) {
    hob_loop_hold(hob_loop_current());
    p->loop = hob_loop_current();
    pthread_barrier_wait(&both);
    for (int i = 0; i < 4; i++) {
        int rc = hob_loop_post(p->other->loop, hit, p->other);
        CHECK(rc == 0 || rc == HOB_E_CLOSED);
    }
    return hob_event_wait(&p->over);
}
HOB_TASK(play, struct player *)

static void *plays(void *arg) {
    CHECK_EQ(hob_run(play, (struct player *)arg), 0);
    return NULL;
}

static void *posts_to_the_ended(void *arg) {
    struct hob_loop *loop = arg;
    while (hob_loop_post(loop, clean, NULL) == 0) continue;
    hob_loop_release(loop);
    return NULL;
}

TEST(two_loops_post_to_each_other_until_they_end) {
    pthread_barrier_init(&both, NULL, 2);
    pthread_t threads[2], late[2];
    for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, plays, &players[i]);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        /* The other one may still post to this one: the hold keeps it. */
        CHECK(players[i].hits >= BALLS);
    }
    for (int i = 0; i < 2; i++) pthread_create(&late[i], NULL, posts_to_the_ended, players[i].loop);
    for (int i = 0; i < 2; i++) pthread_join(late[i], NULL);
}

static int ends_soon(pthread_t *poster) {
    hob_loop_hold(hob_loop_current());
    CHECK_EQ(pthread_create(poster, NULL, posts_to_the_ended, hob_loop_current()), 0);
    hob_yield_now();
    return 0;
}
HOB_TASK(ends_soon, pthread_t *)

TEST(a_loop_ends_while_another_thread_posts_to_it) {
    for (int i = 0; i < 300 / SLOW; i++) {
        pthread_t poster;
        CHECK_EQ(hob_run(ends_soon, &poster), 0);
        pthread_join(poster, NULL);
    }
}

/* ---- Ctrl-C from another thread while loops end ---- */

static void *shoots_once(void *arg) {
    for (int i = *(int *)arg; i > 0; i--) sched_yield();
    kill(getpid(), SIGINT);
    return NULL;
}

static int ends_at_once(void) { return hob_yield_now(); }
HOB_TASK(ends_at_once)

/* Only the shooter can catch the signal: the loop's thread blocks it. */
static void end_under_fire(int yields_before) {
    sigset_t interrupt;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    pthread_t shooter;
    CHECK_EQ(pthread_create(&shooter, NULL, shoots_once, &yields_before), 0);
    pthread_sigmask(SIG_BLOCK, &interrupt, NULL);
    for (int i = 0; i < 20; i++) hob_run(ends_at_once);
    pthread_join(shooter, NULL);
}

TEST(an_interrupt_that_another_thread_catches_does_not_meet_a_loop_that_is_gone) {
    for (int i = 0; i < 40; i++) {
        char text[65536];
        int status = RUN_CHILD(text, end_under_fire(i));
        /* Between two runs it ends the process, as it should. */
        bool by_signal = WIFSIGNALED(status) && WTERMSIG(status) == SIGINT;
        if (!by_signal && status != 0) FAIL("status %x: %s", (unsigned)status, text);
    }
}

/* ---- memory that fails at random ---- */

static unsigned long long random_state;
static unsigned random_below(unsigned n) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % n;
}

static void *fragile_realloc(void *arg, void *p, size_t n) {
    (void)arg;
    return random_below(8) == 0 ? NULL : realloc(p, n);
}
static void plain_free(void *arg, void *p) {
    (void)arg;
    free(p);
}

TEST(allocations_that_fail_at_random_break_nothing) {
    hob_set_report(no_report, NULL);
    struct hob_allocator fragile = {fragile_realloc, plain_free, NULL};
    hob_set_allocator(&fragile);
    hob__alloc_live();
    int ran = 0;
    for (int seed = 0; seed < 2000 / SLOW; seed++) {
        random_state = (unsigned long long)seed * 7919;
        ran += hob_run(small_program, seed) >= 0;
        hob_error_clear();
    }
    CHECK(ran > 0);
    CHECK_EQ(hob__alloc_live(), 0);
}

TEST_MAIN()
