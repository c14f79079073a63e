/* spawn_test.c - hob/spawn.h: what is handed to a task arrives as a call would hand it over, once,
 * whatever its type; each way to spawn; and the calls under a deadline or a shield. What must not
 * compile is in compile_fail/. */
#include "test.h"

#include <math.h>

/* ---- what arrives ---- */

struct point {
    double x, y;
    int tag;
};
struct large {
    char text[200];
    long check;
};
enum colour { RED = 3, GREEN = 7 };

static char seen[1024];
#define SEE(...) snprintf(seen, sizeof seen, __VA_ARGS__)

static int integers(char c, signed char sc, unsigned char uc, short s, unsigned short us, int i,
                    long l, unsigned long long ull) {
    SEE("%d %d %d %d %d %d %ld %llu", c, sc, uc, s, us, i, l, ull);
    return 0;
}
HOB_TASK(integers, char, signed char, unsigned char, short, unsigned short, int, long,
         unsigned long long)

static int reals(float f, double d, long double ld, bool b, enum colour colour) {
    SEE("%g %g %Lg %d %d", (double)f, d, ld, b, (int)colour);
    return 0;
}
HOB_TASK(reals, float, double, long double, bool, enum colour)

static int structures(struct point p, struct large l, struct point *out) {
    SEE("%g %g %d %s %ld", p.x, p.y, p.tag, l.text, l.check);
    *out = p;
    return 0;
}
HOB_TASK(structures, struct point, struct large, struct point *)

static int add(int a, int b) { return a + b; }
static int functions(int (*f)(int, int), const char *const *names, const int *const values,
                     void *any, int n) {
    SEE("%d %s %d %d", f(2, 3), names[n], values[n], *(int *)any);
    return 0;
}
HOB_TASK(functions, int (*)(int, int), const char *const *, const int *const, void *, int)

static int nothing(void) {
    SEE("nothing");
    return 0;
}
HOB_TASK(nothing)

#define SPAWN_AND_SEE(text, ...)                                                                   \
    do {                                                                                           \
        seen[0] = 0;                                                                               \
        HOB_SCOPE(one);                                                                            \
        CHECK(hob_spawn(one, __VA_ARGS__) != NULL);                                                \
        CHECK_STR(seen, "");                                                                       \
        CHECK_EQ(hob_join(one), 0);                                                                \
        CHECK_STR(seen, text);                                                                     \
    } while (0)

TASK_TEST(integers_arrive) {
    SPAWN_AND_SEE("97 -5 200 -300 60000 -100000 -5000000000 18446744073709551615", integers, 'a',
                  -5, 200, -300, 60000, -100000, -5000000000L, ~0ULL);
    return 0;
}

TASK_TEST(arguments_convert_as_in_a_call) {
    int wide = 300;
    double half = 2.5;
    SPAWN_AND_SEE("44 -2 44 2 2 2 2 300", integers, (char)wide, (signed char)254, wide, half, half,
                  half, half, wide);
    SPAWN_AND_SEE("7 -1 3 1 7", reals, 7, -1, 3U, 256, GREEN);
    return 0;
}

TASK_TEST(reals_and_bools_arrive) {
    SPAWN_AND_SEE("1.5 -2.25 0.125 1 3", reals, 1.5f, -2.25, 0.125L, true, RED);
    return 0;
}

TASK_TEST(structures_arrive_by_value) {
    struct point p = {1.5, -2, 9}, copy = {0, 0, 0};
    struct large l = {"a text", 77};
    {
        HOB_SCOPE(s);
        hob_spawn(s, structures, p, l, &copy);
        p.x = 100; /* the task has its own */
        memset(&l, 'x', sizeof l);
        CHECK_EQ(hob_join(s), 0);
    }
    CHECK_STR(seen, "1.5 -2 9 a text 77");
    CHECK(copy.x == 1.5 && copy.tag == 9);
    return 0;
}

TASK_TEST(pointers_and_functions_arrive) {
    const char *names[] = {"zero", "one"};
    char *plain[] = {NULL};
    int values[] = {10, 11}, any = 42;
    void *untyped = values;
    SPAWN_AND_SEE("5 one 11 42", functions, add, names, values, &any, 1);
    SPAWN_AND_SEE("5 one 11 42", functions, &add, names, (const int *)untyped, &any, 1);
    (void)plain;
    return 0;
}

TASK_TEST(no_arguments) {
    SPAWN_AND_SEE("nothing", nothing);
    return 0;
}

static int null_is(const char *text, int (*f)(int, int)) { return !text && !f ? 0 : -EINVAL; }
HOB_TASK(null_is, const char *, int (*)(int, int))
HOB_TASK(add, int, int); /* a semicolon does no harm */

TASK_TEST(null_pointers_arrive) {
    HOB_SCOPE(s);
    hob_spawn(s, null_is, NULL, NULL);
    hob_spawn(s, null_is, 0, 0);
    return hob_join(s);
}

/* ---- when the arguments are evaluated ---- */

static int evaluated;
static int count_evaluation(int value) {
    evaluated++;
    return value;
}

TASK_TEST(arguments_are_evaluated_once) {
    HOB_SCOPE(s);
    struct hob_scope *scopes[2] = {s, NULL};
    int at = 0;
    struct hob_task *t = hob_spawn(scopes[at++], add, count_evaluation(2), count_evaluation(5));
    CHECK_EQ(evaluated, 2);
    CHECK_EQ(at, 1);
    CHECK_EQ(hob_await(t), 7);
    return hob_join(s);
}

TASK_TEST(arguments_are_evaluated_once_when_refused) {
    HOB_SCOPE(s);
    hob_scope_cancel(s);
    CHECK(hob_spawn(s, add, count_evaluation(2), count_evaluation(5)) == NULL);
    CHECK_EQ(evaluated, 2);
    CHECK(hob_spawn_named(s, "x", add, count_evaluation(2), 1) == NULL);
    CHECK(hob_spawn_daemon(s, add, count_evaluation(2), 1) == NULL);
    CHECK_EQ(hob_start(s, add, count_evaluation(2), 1), -ECANCELED);
    CHECK_EQ(evaluated, 5);
    CHECK_EQ(hob_join(s), -ECANCELED);
    return 0;
}

static int value_after_waiting(int value) {
    HOB_TRY(hob_sleep(0.001));
    return value;
}

TASK_TEST(arguments_may_wait) {
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, add, value_after_waiting(20), value_after_waiting(3));
    CHECK_EQ(hob_await(t), 23);
    return hob_join(s);
}

static int wait_for(struct hob_task *t) { return hob_await(t); }
HOB_TASK(wait_for, struct hob_task *)

TASK_TEST(spawns_nest) {
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(
        s, wait_for,
        hob_spawn(s, wait_for, hob_spawn(s, add, 4, hob_run(add, 1, 1) == HOB_E_RUNNING)));
    CHECK_EQ(hob_await(t), 5);
    return 0;
}

/* ---- the ways to spawn ---- */

static int forever(bool *ended) {
    int rc = hob_sleep(INFINITY);
    *ended = true;
    return rc;
}
HOB_TASK(forever, bool *)

TASK_TEST(names) {
    char name[] = "a name of its own";
    HOB_SCOPE(s);
    struct hob_task *plain = hob_spawn(s, add, 1, 2), *named = hob_spawn_named(s, name, add, 1, 2);
    name[0] = 'X'; /* it was copied */
    struct hob_task *with = hob_spawn_with(
        s, ((struct hob_spawn_options){.name = "third", .stack_size = 1 << 20}), add, 1, 2);
    CHECK_STR(hob_task_name(plain), "add");
    CHECK_STR(hob_task_name(named), "a name of its own");
    CHECK_STR(hob_task_name(with), "third");
    return hob_join(s);
}

TASK_TEST(daemons_end_with_the_others) {
    bool ended = false, also = false;
    HOB_SCOPE(s);
    hob_spawn_daemon(s, forever, &ended);
    hob_spawn_with(s, ((struct hob_spawn_options){.daemon = true}), forever, &also);
    hob_spawn(s, add, 1, 1);
    CHECK_EQ(hob_join(s), 0);
    CHECK(ended && also);
    return 0;
}

static int uses_stack(size_t n) {
    char big[300 << 10];
    memset(big, 1, n);
    __asm__ volatile("" : : "r"(big) : "memory");
    return big[n / 2];
}
HOB_TASK(uses_stack, size_t)

TASK_TEST(a_larger_stack) {
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn_with(s, ((struct hob_spawn_options){.stack_size = 1 << 20}),
                                        uses_stack, (size_t)300 << 10);
    CHECK_EQ(hob_await(t), 1);
    return hob_join(s);
}

static int child_uses_stack(size_t n) {
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, uses_stack, n);
    int rc = hob_await(t);
    HOB_TRY(hob_join(s));
    return rc;
}
HOB_TASK(child_uses_stack, size_t)

TEST(a_larger_stack_for_all_tasks) {
    struct hob_options options = {.stack_size = 512 << 10};
    unsetenv("HOB_STACK_SIZE");
    CHECK_EQ(hob_run_with(options, child_uses_stack, (size_t)300 << 10), 1);
    setenv("HOB_STACK_SIZE", "512k", 1);
    CHECK_EQ(hob_run(child_uses_stack, (size_t)300 << 10), 1);
    options.stack_size = 64 << 10; /* the environment goes before the program */
    CHECK_EQ(hob_run_with(options, child_uses_stack, (size_t)300 << 10), 1);
    unsetenv("HOB_STACK_SIZE");
}

static int server(int result, bool says_so, bool *went_on) {
    HOB_TRY(hob_sleep(0.002));
    if (says_so) hob_started();
    if (result < 0) return result;
    HOB_TRY(hob_sleep(0.002));
    *went_on = true;
    return result;
}
HOB_TASK(server, int, bool, bool *)

TASK_TEST(start_waits_for_started) {
    bool went_on = false;
    HOB_SCOPE(s);
    CHECK_EQ(hob_start(s, server, 0, true, &went_on), 0);
    CHECK(!went_on);
    CHECK_EQ(hob_join(s), 0);
    CHECK(went_on);
    return 0;
}

TASK_TEST(start_tells_what_went_wrong) {
    bool went_on;
    HOB_SCOPE(s);
    CHECK_EQ(hob_start(s, server, 0, false, &went_on), HOB_E_NOT_STARTED);
    CHECK_EQ(hob_start(s, server, -EADDRINUSE, false, &went_on), -EADDRINUSE);
    CHECK_EQ(hob_join(s), 0);
    return 0;
}

static int set_later(int *where, int value) {
    HOB_TRY(hob_sleep(0.002));
    *where = value;
    return 0;
}
HOB_TASK(set_later, int *, int)

TASK_TEST(background_runs) {
    static int where;
    CHECK_EQ(hob_background(set_later, &where, 9), 0);
    CHECK_EQ(where, 0);
    HOB_TRY(hob_sleep(0.02));
    CHECK_EQ(where, 9);
    return 0;
}

static int backend_is(const char *name) {
    struct hob_loop_info info;
    HOB_TRY(hob_loop_info(&info));
    return strcmp(info.backend, name) == 0;
}
HOB_TASK(backend_is, const char *)

TEST(run) {
    CHECK_EQ(hob_run(add, 40, 2), 42);
    CHECK_EQ(hob_run(nothing), 0);
    struct point p = {1, 2, 3}, copy;
    CHECK_EQ(hob_run(structures, p, ((struct large){"t", 5}), &copy), 0);
    CHECK_STR(seen, "1 2 3 t 5");
}

TEST(run_with) {
    unsetenv("HOB_BACKEND");
    CHECK_EQ(hob_run_with(((struct hob_options){.backend = "epoll"}), backend_is, "epoll"), 1);
}

TEST(the_environment_chooses_the_backend) {
    setenv("HOB_BACKEND", "epoll", 1);
    CHECK_EQ(hob_run(backend_is, "epoll"), 1);
    CHECK_EQ(hob_run_with(((struct hob_options){.backend = "uring"}), backend_is, "epoll"), 1);
    setenv("HOB_BACKEND", "uring", 1);
    int rc = hob_run_with(((struct hob_options){.backend = "epoll"}), backend_is, "uring");
    /* Where the kernel gives none that is an error, and not another one. */
    if (rc < 0) CHECK_HAS(hob_error()->message, "cannot open the loop's backend uring: ");
    CHECK(rc == 1 || rc < 0);
}

/* ---- the place ---- */

static int fails(void) { return -EIO; }
HOB_TASK(fails)

TASK_TEST(each_spawn_knows_its_place) {
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    struct hob_task *t[3];
    int lines[3] = {__LINE__ + 1, __LINE__ + 2, __LINE__ + 2};
    t[0] = hob_spawn(s, fails);
    t[1] = hob_spawn_named(s, "second", fails), t[2] = hob_spawn_daemon(s, fails);
    CHECK_EQ(hob_join(s), 3);
    for (int i = 0; i < 3; i++) {
        const struct hob_error *e = hob_task_error(t[i]);
        CHECK(e != NULL);
        CHECK_STR(e->func, __func__);
        CHECK_STR(e->file, __FILE__);
        CHECK_EQ(e->line, lines[i]);
        CHECK_STR(e->task, i == 1 ? "second" : "fails");
    }
    return 0;
}

/* ---- under a deadline, under a shield ---- */

static int slow(double seconds, int result) {
    HOB_TRY(hob_sleep(seconds));
    return result;
}
HOB_TASK(slow, double, int)

TASK_TEST(within_keeps_a_result_that_came) {
    CHECK_EQ(hob_within(60, slow(0.001, 7)), 7);
    CHECK_EQ(hob_within(60, slow(0.001, -EIO)), -EIO);
    CHECK_EQ(hob_within(0, add(1, 2)), 3);
    CHECK_EQ(hob_within(INFINITY, slow(0, 5)), 5);
    return 0;
}

TASK_TEST(within_times_out) {
    uint64_t began = hob_now();
    CHECK_EQ(hob_within(0.005, slow(60, 7)), -ETIMEDOUT);
    CHECK(hob_now() - began >= 5000000 && hob_now() - began < 10ull * 1000000000);
    CHECK_EQ(hob_within(-1, slow(60, 7)), -ETIMEDOUT);
    CHECK_EQ(hob_check(), 0); /* it is over */
    return hob_sleep(0.001);
}

TASK_TEST(within_until) {
    CHECK_EQ(hob_within_until(hob_after(0.002), slow(60, 7)), -ETIMEDOUT);
    CHECK_EQ(hob_within_until(1, slow(60, 7)), -ETIMEDOUT);
    CHECK_EQ(hob_within_until(0, slow(0.001, 7)), 7);
    return 0;
}

TASK_TEST(within_nests) {
    /* The inner one can not mistake the outer deadline for its own, nor the other way round. */
    int inner = 0;
    CHECK_EQ(hob_within(0.005, inner = hob_within(60, slow(60, 7))), -ETIMEDOUT);
    CHECK_EQ(inner, -ECANCELED);
    CHECK_EQ(hob_within(60, hob_within(0.005, slow(60, 7)) == -ETIMEDOUT), 1);
    CHECK_EQ(hob_within(60, hob_within(60, hob_shielded(slow(0.001, 7)))), 7);
    return 0;
}

static int leaves_from_within(void) {
    int got = hob_within(60, HOB_TRY(slow(0.001, -EPIPE)) + 1);
    return got == 12345 ? 0 : -EILSEQ; /* not reached */
}

TASK_TEST(within_may_be_left_by_try) {
    CHECK_EQ(leaves_from_within(), -EPIPE);
    CHECK_EQ(hob_within(0.005, leaves_from_within()), -EPIPE);
    HOB_SCOPE(s); /* the scopes nest as before: nothing was left open */
    hob_spawn(s, add, 1, 1);
    return hob_join(s);
}

static int shielded_part(int *inside, int *outside) {
    *inside = hob_shielded(slow(0.005, 7));
    *outside = hob_sleep(0.005);
    return *outside;
}
HOB_TASK(shielded_part, int *, int *)

TASK_TEST(shielded_does_not_see_a_cancel) {
    int inside = 0, outside = 0;
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, shielded_part, &inside, &outside);
    CHECK_EQ(hob_sleep(0.001), 0);
    CHECK(hob_cancel(t));
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(inside, 7);
    CHECK_EQ(outside, -ECANCELED);
    return 0;
}

TASK_TEST(try_nests) { return HOB_TRY(HOB_TRY(add(-3, HOB_TRY(add(1, 2))))) == 0 ? 0 : -EINVAL; }

TEST_MAIN()
