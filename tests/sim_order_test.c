/* sim_order_test.c - the orders in which a simulated world runs tasks: whatever the order, what is
 * promised holds, and nobody starves; and the orders find what they are there to find. */
#include "test.h"

#include <hob/sim.h>
#include <hob/sync.h>

static const char *const orders[] = {"fifo", "random", "last", "pct"};

/* In a world of its own, of that seed and order. */
static void set_world(unsigned seed, const char *order, const char *more) {
    char text[80];
    snprintf(text, sizeof text, "seed:%u,order=%s%s", seed, order, more);
    setenv("HOB_SIM", text, 1);
}

#define IN_EACH_ORDER(name, seeds)                                                                 \
    static int in_each_##name(void);                                                               \
    HOB_TASK(in_each_##name)                                                                       \
    TEST(name) {                                                                                   \
        setenv("HOB_BACKEND", "sim", 1);                                                           \
        for (int o = 0; o < 4; o++)                                                                \
            for (unsigned seed = 1; seed <= (seeds); seed++) {                                     \
                set_world(seed, orders[o], "");                                                    \
                CHECK_EQ(hob_run(in_each_##name), 0);                                              \
            }                                                                                      \
    }                                                                                              \
    static int in_each_##name(void)

/* ---- promises ---- */

static int begun[100], begun_count;
static int begin(int i) {
    begun[begun_count++] = i;
    for (int k = 0; k < i % 3; k++) HOB_TRY(hob_yield_now());
    return 0;
}
HOB_TASK(begin, int)

IN_EACH_ORDER(new_tasks_begin_in_the_order_of_their_spawns, 50) {
    begun_count = 0;
    HOB_SCOPE(s);
    for (int i = 0; i < 60; i++) {
        hob_spawn(s, begin, i);
        if (i % 7 == 0) HOB_TRY(hob_yield_now());
    }
    HOB_TRY(hob_join(s));
    for (int i = 0; i < 60; i++) CHECK_EQ(begun[i], i);
    return 0;
}

static int count;
static int add_one(void) {
    count++;
    return 0;
}
HOB_TASK(add_one)

IN_EACH_ORDER(a_yield_lets_all_others_run, 50) {
    for (int round = 0; round < 20; round++) {
        count = 0;
        HOB_SCOPE(s);
        for (int i = 0; i < 10; i++) hob_spawn(s, add_one);
        HOB_TRY(hob_yield_now());
        CHECK_EQ(count, 10);
        HOB_TRY(hob_join(s));
    }
    return 0;
}

static struct hob_event ping, pong;
static bool over;
static int plays(struct hob_event *mine, struct hob_event *other) {
    while (!over) {
        HOB_TRY(hob_event_wait(mine));
        hob_event_clear(mine);
        hob_event_set(other);
    }
    return 0;
}
HOB_TASK(plays, struct hob_event *, struct hob_event *)

static int ends_it(struct hob_event *start) {
    HOB_TRY(hob_event_wait(start));
    over = true;
    hob_event_set(&ping);
    hob_event_set(&pong);
    return 0;
}
HOB_TASK(ends_it, struct hob_event *)

/* Two that wake each other for ever do not keep a third from its turn. */
IN_EACH_ORDER(nobody_starves, 30) {
    struct hob_event start = {0};
    over = false;
    memset(&ping, 0, sizeof ping);
    memset(&pong, 0, sizeof pong);
    HOB_SCOPE(s);
    hob_spawn(s, ends_it, &start);
    hob_spawn(s, plays, &ping, &pong);
    hob_spawn(s, plays, &pong, &ping);
    HOB_TRY(hob_yield_now());
    hob_event_set(&start);
    hob_event_set(&ping);
    return hob_join(s);
}

/* ---- finds ---- */

static int balance;
static struct hob_event go;

/* Reads, lets others run, writes: wrong, if somebody else does the same meanwhile. */
static int pays_in(int n) {
    HOB_TRY(hob_event_wait(&go));
    int seen = balance;
    if (n == 2) HOB_TRY(hob_sleep(1e-6));
    balance = seen + n;
    return 0;
}
HOB_TASK(pays_in, int)

static int race_of_two(void) {
    balance = 0;
    memset(&go, 0, sizeof go);
    HOB_SCOPE(s);
    hob_spawn(s, pays_in, 2);
    hob_spawn(s, pays_in, 1);
    HOB_TRY(hob_yield_now());
    hob_event_set(&go);
    HOB_TRY(hob_join(s));
    return balance;
}
HOB_TASK(race_of_two)

static bool finds_both(const char *order) {
    bool right = false, wrong = false;
    for (unsigned seed = 1; seed <= 200; seed++) {
        set_world(seed, order, "");
        int rc = hob_run(race_of_two);
        right |= rc == 3;
        wrong |= rc == 2;
        CHECK(rc == 2 || rc == 3);
    }
    return right && wrong;
}

TEST(a_lost_update_is_found) {
    setenv("HOB_BACKEND", "sim", 1);
    CHECK(!finds_both("fifo"));
    CHECK(finds_both("random"));
    CHECK(finds_both("pct"));
}

/* ---- the seed alone decides ---- */

static char trace[4000];
static int notes(int who) {
    for (int i = 0; i < 20; i++) {
        size_t n = strlen(trace);
        snprintf(trace + n, sizeof trace - n, "%c", 'a' + who);
        HOB_TRY(hob_sleep(0.0001 * (who % 3)));
    }
    return 0;
}
HOB_TASK(notes, int)

static int many_note(void) {
    trace[0] = 0;
    HOB_SCOPE(s);
    for (int i = 0; i < 10; i++) hob_spawn(s, notes, i);
    return hob_join(s);
}
HOB_TASK(many_note)

TEST(a_seed_is_an_order) {
    char before[sizeof trace];
    int others = 0;
    setenv("HOB_BACKEND", "sim", 1);
    for (unsigned seed = 1; seed <= 20; seed++) {
        set_world(seed, "random", ",faults=all");
        CHECK_EQ(hob_run(many_note), 0);
        strcpy(before, trace);
        CHECK_EQ(hob_run(many_note), 0);
        CHECK_STR(trace, before);
        set_world(seed + 1, "random", ",faults=all");
        CHECK_EQ(hob_run(many_note), 0);
        others += strcmp(trace, before) != 0;
    }
    CHECK(others > 15);
}

TEST(a_wrong_setting_is_told) {
    static const char *const wrong[] = {
        "seed",    "seed:",       "seed:x",     "seed:1,order=best",
        "seed:-1", "faults=some", "seed:1;log", "seed:99999999999999999999"};
    setenv("HOB_BACKEND", "sim", 1);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        setenv("HOB_SIM", wrong[i], 1);
        CHECK_EQ(hob_run(many_note), -EINVAL);
        CHECK_HAS(hob_error()->message, "HOB_SIM");
        hob_error_clear();
    }
}

TEST_MAIN()
