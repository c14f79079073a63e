/* wheel_test.c - the timer wheel against a sorted model, at its limits, and while it fires. */
#include "test.h"
#include <base/wheel.h>
#include <time.h>

#define TICK (UINT64_C(1) << HOB__WHEEL_SHIFT)
#define SECOND UINT64_C(1000000000)

static uint64_t seed = 88172645463325252;
static uint64_t rnd(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* What is rounded up is never early; UINT64_MAX stays the last tick. */
static uint64_t due_at(uint64_t deadline) {
    uint64_t up = (deadline + TICK - 1) & ~(TICK - 1);
    return up < deadline ? UINT64_MAX - TICK + 1 : up;
}

static struct hob__wheel wheel;

struct entry {
    struct hob_timer timer;
    uint64_t order; /* of arming */
    unsigned fired;
};

static uint64_t now_ns; /* what the current advance was told */
static uint64_t last_deadline, last_order;
static size_t fired_count;

static void note(struct hob_timer *t) {
    struct entry *e = (struct entry *)t;
    CHECK(t->link == NULL);
    CHECK(due_at(t->deadline_ns) <= now_ns);
    CHECK(last_deadline < t->deadline_ns ||
          (last_deadline == t->deadline_ns && last_order < e->order));
    last_deadline = t->deadline_ns;
    last_order = e->order;
    e->fired++;
    fired_count++;
}

static size_t advance(uint64_t to) {
    now_ns = to;
    last_deadline = 0;
    last_order = 0;
    return hob__wheel_advance(&wheel, to);
}

TEST(empty) {
    hob__wheel_init(&wheel, 12345);
    CHECK_EQ(hob__wheel_next(&wheel), UINT64_MAX);
    CHECK_EQ(advance(UINT64_MAX), 0);
    CHECK(hob__wheel_validate(&wheel));
    struct hob_timer t = {.deadline_ns = 5};
    hob__wheel_remove(&wheel, &t);
    CHECK_EQ(wheel.count, 0);
}

TEST(expired_ticks_are_refused) {
    hob__wheel_init(&wheel, 10 * TICK + 7);
    struct hob_timer t = {.fire = note};
    for (uint64_t d = 0; d <= 10 * TICK; d += TICK / 4) {
        t.deadline_ns = d;
        CHECK(!hob__wheel_add(&wheel, &t));
        CHECK(t.link == NULL);
    }
    t.deadline_ns = 10 * TICK + 1;
    CHECK(hob__wheel_add(&wheel, &t));
    CHECK_EQ(hob__wheel_next(&wheel), 11 * TICK);
    hob__wheel_remove(&wheel, &t);
    CHECK_EQ(hob__wheel_next(&wheel), UINT64_MAX);
}

TEST(fires_at_its_tick_and_not_before) {
    static struct entry e;
    for (unsigned shift = 0; shift < 64; shift++) {
        for (int delta = -1; delta <= 1; delta++) {
            uint64_t deadline = (UINT64_C(1) << shift) + (uint64_t)(int64_t)delta;
            if (deadline == 0) continue;
            hob__wheel_init(&wheel, 0);
            e = (struct entry){.timer = {.deadline_ns = deadline, .fire = note}, .order = 1};
            CHECK(hob__wheel_add(&wheel, &e.timer));
            CHECK(hob__wheel_validate(&wheel));
            CHECK_EQ(advance(due_at(deadline) - 1), 0);
            CHECK(hob__wheel_validate(&wheel));
            CHECK_EQ(hob__wheel_next(&wheel), due_at(deadline));
            CHECK_EQ(advance(due_at(deadline)), 1);
            CHECK_EQ(wheel.count, 0);
        }
    }
}

/* Moved to and fro, a timer fires at its last deadline, and in order with the others. */
TEST(moved_timers_fire_at_their_last_deadline) {
    enum { TIMERS = 500, STEPS = 100000 };
    static struct entry timers[TIMERS];
    uint64_t now = 3 * SECOND;
    size_t stayed = 0;
    hob__wheel_init(&wheel, now);
    for (unsigned step = 0; step < STEPS; step++) {
        size_t i = rnd() % TIMERS;
        struct entry *e = &timers[i];
        e->timer.fire = note;
        uint64_t deadline = now + (rnd() >> (22 + rnd() % 30));
        deadline -= deadline % TIMERS;
        deadline += i; /* no two have the same */
        if (rnd() % 8 == 0) {
            hob__wheel_remove(&wheel, &e->timer);
            CHECK(e->timer.link == NULL);
        } else {
            bool armed = hob__wheel_stays(&e->timer, deadline);
            stayed += armed;
            if (armed)
                e->timer.deadline_ns = deadline;
            else
                armed = hob__wheel_move(&wheel, &e->timer, deadline);
            CHECK_EQ(armed, due_at(deadline) >> HOB__WHEEL_SHIFT > now >> HOB__WHEEL_SHIFT);
            CHECK_EQ(armed, e->timer.link != NULL);
        }
        if (rnd() % 16) continue;
        now += rnd() >> (24 + rnd() % 30);
        size_t before = wheel.count, fired = advance(now);
        CHECK_EQ(wheel.count, before - fired);
        CHECK(hob__wheel_validate(&wheel));
        uint64_t next = hob__wheel_next(&wheel);
        for (size_t k = 0; k < TIMERS; k++) {
            uint64_t due = due_at(timers[k].timer.deadline_ns);
            CHECK(!timers[k].timer.link || (due > now && next <= due));
        }
        CHECK(wheel.count == 0 || next > now);
    }
    CHECK(fired_count > TIMERS);
    CHECK(stayed > TIMERS);
}

/* Following hob__wheel_next() step by step reaches each deadline, in few steps, and misses none. */
static void follow(bool moved, int most) {
    static struct entry e;
    for (int i = 0; i < 20000; i++) {
        uint64_t start = rnd() >> (rnd() % 40);
        hob__wheel_init(&wheel, start);
        uint64_t deadline = start + TICK + (rnd() >> (rnd() % 63));
        if (deadline < start) continue;
        e = (struct entry){.timer = {.deadline_ns = deadline, .fire = note}, .order = 1};
        CHECK(moved ? hob__wheel_move(&wheel, &e.timer, deadline)
                    : hob__wheel_add(&wheel, &e.timer));
        int steps = 0;
        for (uint64_t before = 0; !e.fired; steps++) {
            uint64_t next = hob__wheel_next(&wheel);
            CHECK(next > before && next <= due_at(deadline));
            before = next;
            advance(next);
            CHECK(hob__wheel_validate(&wheel));
        }
        CHECK(steps <= most);
        CHECK_EQ(hob__wheel_next(&wheel), UINT64_MAX);
    }
}

TEST(next_leads_to_every_deadline) { follow(false, HOB__WHEEL_LEVELS); }

TEST(next_leads_to_those_that_begin_half_the_way) { follow(true, 2 * HOB__WHEEL_LEVELS); }

/* A limit of 30 s and one of 75 s in turns, as of a connection whose requests and pauses have one
 * each: nothing but the timer itself is touched until half of the first 30 s have passed. */
TEST(to_and_fro_costs_no_move) {
    struct entry e = {.timer = {.fire = note}, .order = 1};
    struct hob_timer *t = &e.timer;
    hob__wheel_init(&wheel, 104 * SECOND);
    CHECK(hob__wheel_move(&wheel, t, 134 * SECOND));
    uint32_t slot = t->slot;
    for (uint64_t now = 104 * SECOND; now < 112 * SECOND; now += SECOND) {
        CHECK_EQ(hob__wheel_advance(&wheel, now), 0);
        CHECK(hob__wheel_stays(t, now + 75 * SECOND) && hob__wheel_stays(t, now + 30 * SECOND));
        CHECK(hob__wheel_move(&wheel, t, now + 75 * SECOND));
        CHECK(hob__wheel_move(&wheel, t, now + 30 * SECOND));
        CHECK_EQ(t->slot, slot);
    }
    CHECK(!hob__wheel_stays(t, 113 * SECOND));
    CHECK(hob__wheel_move(&wheel, t, 113 * SECOND));
    CHECK(hob__wheel_validate(&wheel));
    CHECK_EQ(advance(due_at(113 * SECOND) - 1), 0);
    CHECK_EQ(advance(due_at(113 * SECOND)), 1);
}

TEST(years_ahead) {
    static struct entry e[100];
    hob__wheel_init(&wheel, 7 * SECOND);
    for (uint64_t i = 0; i < 100; i++) {
        e[i].timer =
            (struct hob_timer){.deadline_ns = (i + 1) * 365 * 86400 * SECOND, .fire = note};
        e[i].order = i + 1;
        CHECK(hob__wheel_add(&wheel, &e[i].timer));
    }
    struct entry never = {.timer = {.deadline_ns = UINT64_MAX, .fire = note}, .order = 101};
    CHECK(hob__wheel_add(&wheel, &never.timer));
    CHECK(hob__wheel_validate(&wheel));
    for (uint64_t i = 0; i < 100; i++) {
        CHECK_EQ(advance(e[i].timer.deadline_ns - 1), 0);
        CHECK_EQ(advance(due_at(e[i].timer.deadline_ns)), 1);
        CHECK(hob__wheel_validate(&wheel));
    }
    CHECK_EQ(wheel.count, 1);
    hob__wheel_remove(&wheel, &never.timer);
    CHECK_EQ(wheel.count, 0);
}

TEST(same_slot_fires_by_deadline_then_by_arming) {
    static struct entry e[1000];
    for (int round = 0; round < 20; round++) {
        size_t n = round < 10 ? (size_t)round : 1000;
        hob__wheel_init(&wheel, 0);
        fired_count = 0;
        for (size_t i = 0; i < n; i++) {
            /* A few distinct deadlines within one tick, armed far ahead, so that they cascade. */
            e[i] = (struct entry){.order = i + 1};
            e[i].timer.fire = note;
            e[i].timer.deadline_ns = 5000 * TICK + 1 + rnd() % (round % 2 ? 7 : TICK - 1);
            CHECK(hob__wheel_add(&wheel, &e[i].timer));
        }
        CHECK_EQ(advance(5001 * TICK), n);
        CHECK_EQ(fired_count, n);
        CHECK(hob__wheel_validate(&wheel));
    }
}

/* ---- changes from inside fire ---- */

static struct entry victims[200];
static int action;
static size_t refused;

static void meddle(struct hob_timer *t) {
    size_t i = (size_t)((struct entry *)t - victims);
    CHECK(hob__wheel_validate(&wheel));
    victims[i].fired++;
    fired_count++;
    if (action == 0) { /* removes its neighbours, and itself, which is not armed */
        for (size_t k = i; k < i + 3 && k < 200; k++) hob__wheel_remove(&wheel, &victims[k].timer);
    } else if (action == 1) { /* arms itself for the same tick, which is over, then for the next */
        if (!hob__wheel_add(&wheel, t)) refused++;
        t->deadline_ns += TICK;
        if (victims[i].fired < 5) CHECK(hob__wheel_add(&wheel, t));
    } else { /* removes all */
        for (size_t k = 0; k < 200; k++) hob__wheel_remove(&wheel, &victims[k].timer);
    }
    CHECK(hob__wheel_validate(&wheel));
}

static void arm_victims(uint64_t deadline) {
    hob__wheel_init(&wheel, 0);
    fired_count = refused = 0;
    for (size_t i = 0; i < 200; i++) {
        victims[i] = (struct entry){.timer = {.deadline_ns = deadline, .fire = meddle}};
        CHECK(hob__wheel_add(&wheel, &victims[i].timer));
    }
}

TEST(remove_while_firing) {
    action = 0;
    arm_victims(100 * TICK);
    CHECK_EQ(hob__wheel_advance(&wheel, 1000 * TICK), 67);
    for (size_t i = 0; i < 200; i++) CHECK_EQ(victims[i].fired, i % 3 == 0);
    action = 2;
    arm_victims(100 * TICK);
    CHECK_EQ(hob__wheel_advance(&wheel, 1000 * TICK), 1);
    CHECK_EQ(wheel.count, 0);
    CHECK(hob__wheel_validate(&wheel));
}

TEST(add_while_firing) {
    action = 1;
    arm_victims(100 * TICK);
    CHECK_EQ(hob__wheel_advance(&wheel, 101 * TICK), 400);
    CHECK_EQ(refused, 400);
    CHECK_EQ(wheel.count, 200);
    CHECK_EQ(hob__wheel_next(&wheel), 102 * TICK);
    CHECK_EQ(hob__wheel_advance(&wheel, 1000 * TICK), 600);
    CHECK_EQ(wheel.count, 0);
}

/* ---- against a model: a plain array that is searched ---- */

enum { MODEL = 300 };
static struct entry model[MODEL];

static uint64_t some_deadline(uint64_t now) {
    switch (rnd() % 5) {
    case 0:
        return now + rnd() % (4 * TICK);
    case 1:
        return now + rnd() % (200 * TICK);
    case 2:
        return now + rnd() % SECOND;
    case 3:
        return now + rnd() % (3600 * SECOND);
    default:
        return now + (rnd() >> (8 + rnd() % 40));
    }
}

static size_t model_due(uint64_t now, uint64_t *earliest) {
    size_t due = 0;
    *earliest = UINT64_MAX;
    for (size_t i = 0; i < MODEL; i++) {
        if (!model[i].timer.link) continue;
        uint64_t at = due_at(model[i].timer.deadline_ns);
        due += at <= now;
        if (at < *earliest) *earliest = at;
    }
    return due;
}

TEST(random_against_model) {
    uint64_t now = 3 * SECOND, order = 0, earliest;
    hob__wheel_init(&wheel, now);
    for (int step = 0; step < 200000; step++) {
        struct entry *e = &model[rnd() % MODEL];
        if (e->timer.link) {
            if (rnd() % 2) hob__wheel_remove(&wheel, &e->timer);
        } else {
            e->timer = (struct hob_timer){.deadline_ns = some_deadline(now), .fire = note};
            e->order = ++order;
            bool future = due_at(e->timer.deadline_ns) > (now & ~(TICK - 1));
            CHECK_EQ(hob__wheel_add(&wheel, &e->timer), future);
        }
        if (rnd() % 4 == 0) {
            uint64_t to = rnd() % 3 ? some_deadline(now) : hob__wheel_next(&wheel);
            if (to == UINT64_MAX || to - now > 40000 * 3600 * SECOND) to = now + rnd() % SECOND;
            size_t due = model_due(to, &earliest);
            CHECK_EQ(advance(to), due);
            now = to;
        }
        if (step % 16 == 0 || step < 2000) {
            CHECK(hob__wheel_validate(&wheel));
            model_due(now, &earliest);
            CHECK(hob__wheel_next(&wheel) <= earliest);
            CHECK(hob__wheel_next(&wheel) > now - now % TICK);
        }
    }
}

TEST(a_million) {
    enum { N = 1000000 };
    struct entry *e = calloc(N, sizeof *e);
    CHECK(e != NULL);
    uint64_t now = SECOND;
    hob__wheel_init(&wheel, now);
    for (uint64_t i = 0; i < N; i++) {
        e[i].timer.deadline_ns = now + TICK + rnd() % (100 * SECOND);
        e[i].timer.fire = note;
        e[i].order = i + 1;
        CHECK(hob__wheel_add(&wheel, &e[i].timer));
    }
    CHECK(hob__wheel_validate(&wheel));
    size_t removed = 0;
    for (size_t i = 0; i < N; i += 3, removed++) hob__wheel_remove(&wheel, &e[i].timer);
    CHECK(hob__wheel_validate(&wheel));
    fired_count = 0;
    while (wheel.count > 0) {
        now += rnd() % (SECOND / 10);
        advance(now);
    }
    CHECK_EQ(fired_count, N - removed);
    for (size_t i = 0; i < N; i++) CHECK_EQ(e[i].fired, i % 3 != 0);
    free(e);
}

TEST_MAIN()
