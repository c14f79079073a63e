/* generator_test.c - generators: every way to leave a loop runs the clean-ups, no value is lost, a
 * value stays while it is looked at, and errors come where they are asked for. */
#include "base/memory.h"
#include "test.h"

static char log_text[1024];
static void note(const char *what) {
    size_t n = strlen(log_text);
    snprintf(log_text + n, sizeof log_text - n, "%s ", what);
}
static void note_number(const char *what, long number) {
    char text[64];
    snprintf(text, sizeof text, "%s%ld", what, number);
    note(text);
}
static void note_arg(void *what) { note(what); }

/* Gives 0, 1, ... n-1, then ends with result. */
static int count(struct hob_generator *gen, int n, int result) {
    HOB_DEFER(note_arg, (void *)"end");
    for (int i = 0; i < n; i++) HOB_TRY(hob_yield(gen, i));
    return result < 0 ? hob_fail(result, "after %d", n) : result;
}
HOB_GENERATOR(count, int, int, int)

/* The same, waiting before each value. */
static int ticks(struct hob_generator *gen, double seconds, int n) {
    HOB_DEFER(note_arg, (void *)"end");
    for (int i = 0; i < n; i++) {
        HOB_TRY(hob_sleep(seconds));
        HOB_TRY(hob_yield(gen, i));
    }
    return 0;
}
HOB_GENERATOR(ticks, int, double, int)

/* ---- the loop ---- */

static int sum_of(int n, int result) {
    int sum = 0;
    HOB_EACH(int, i, count, n, result) sum += i;
    note("behind");
    return sum;
}

TASK_TEST(each_value_in_order) {
    HOB_EACH(int, i, count, 4, 0) note_number("", i);
    note("behind");
    CHECK_STR(log_text, "0 1 2 3 end behind ");
    return 0;
}

TASK_TEST(no_value_at_all) {
    CHECK_EQ(sum_of(0, 0), 0);
    CHECK_STR(log_text, "end behind ");
    return 0;
}

TASK_TEST(a_result_above_zero_is_an_end) {
    CHECK_EQ(sum_of(5, 17), 10);
    return 0;
}

TASK_TEST(an_error_leaves_the_function) {
    CHECK_EQ(sum_of(3, -EBADMSG), -EBADMSG);
    CHECK_STR(log_text, "end ");
    CHECK_STR(hob_error()->message, "after 3");
    CHECK_STR(hob_error()->task, "count");
    return 0;
}

TASK_TEST(waiting_generator) {
    HOB_EACH(int, i, ticks, 0.001, 3) note_number("", i);
    CHECK_STR(log_text, "0 1 2 end ");
    return 0;
}

TASK_TEST(break_runs_the_clean_up_first) {
    HOB_EACH(int, i, count, 100, 0) {
        if (i == 1) continue;
        note_number("", i);
        if (i == 2) break;
    }
    note("behind");
    CHECK_STR(log_text, "0 2 end behind ");
    return 0;
}

static int find(int wanted) {
    HOB_EACH(int, i, ticks, 0, 100)
    if (i == wanted) return 1000 + i;
    return -ENOENT;
}

TASK_TEST(return_runs_the_clean_up_first) {
    CHECK_EQ(find(5), 1005);
    CHECK_STR(log_text, "end ");
    CHECK_EQ(find(500), -ENOENT);
    CHECK_STR(log_text, "end end ");
    return 0;
}

TASK_TEST(goto_runs_the_clean_up_first) {
    HOB_EACH(int, i, count, 100, 0) {
        if (i == 1) goto out;
    }
    note("not reached");
out:
    note("out");
    CHECK_STR(log_text, "end out ");
    return 0;
}

TASK_TEST(loops_nest) {
    HOB_EACH(int, i, count, 3, 0) {
        HOB_EACH(int, j, ticks, 0, 5) {
            if (j > i) break;
            note_number("", 10 * i + j);
        }
    }
    CHECK_STR(log_text, "0 end 10 11 end 20 21 22 end end ");
    return 0;
}

static int child(int result) {
    HOB_TRY(hob_sleep(0.001));
    return result;
}
HOB_TASK(child, int)

TASK_TEST(scopes_in_the_body) {
    HOB_SCOPE(around);
    hob_spawn(around, child, 0);
    HOB_EACH(int, i, ticks, 0.0005, 3) {
        HOB_SCOPE(s);
        hob_spawn(s, child, 0);
        if (i == 1) continue;
        HOB_TRY(hob_join(s));
    }
    return hob_join(around);
}

/* ---- by hand ---- */

TASK_TEST(by_hand) {
    int value = -1;
    HOB_GEN(g, count, 2, 0);
    CHECK_EQ(hob_next(g, &value), 1);
    CHECK_EQ(value, 0);
    CHECK_EQ(hob_next(g, &value), 1);
    CHECK_EQ(value, 1);
    CHECK_EQ(hob_next(g, &value), 0);
    CHECK_EQ(hob_next(g, &value), 0);
    CHECK_EQ(value, 1);
    return 0;
}

TASK_TEST(an_error_comes_once) {
    int value;
    HOB_GEN(g, count, 1, -EBADMSG);
    CHECK_EQ(hob_next(g, &value), 1);
    CHECK_EQ(hob_next(g, &value), -EBADMSG);
    CHECK_STR(hob_error()->message, "after 1");
    CHECK_EQ(hob_next(g, &value), 0);
    CHECK_EQ(hob_next(g, &value), 0);
    return 0;
}

static int take_one(struct count__generator *g) {
    int value;
    HOB_TRY(hob_next(g, &value));
    return value;
}

TASK_TEST(handed_to_a_function) {
    HOB_GEN(g, count, 5, 0);
    CHECK_EQ(take_one(g), 0);
    CHECK_EQ(take_one(g), 1);
    return 0;
}

TASK_TEST(nothing_runs_before_it_is_asked_for) {
    int value;
    HOB_GEN(g, ticks, 0, 3);
    HOB_TRY(hob_sleep(0.002));
    HOB_GEN(h, count, 0, 0);
    HOB_TRY(hob_sleep(0.002));
    CHECK_STR(log_text, "");
    CHECK_EQ(hob_next(h, &value), 0);
    CHECK_STR(log_text, "end ");
    CHECK_EQ(hob_next(g, &value), 1);
    return 0;
}

/* It owns what is handed to it. */
static int owner(struct hob_generator *gen, char *text) {
    int rc = hob_yield(gen, text);
    note_number(text, rc);
    free(text);
    return rc;
}
HOB_GENERATOR(owner, char *, char *)

TASK_TEST(abandoned_before_the_first_value) {
    { HOB_GEN(g, owner, strdup("at once")); }
    CHECK_STR(log_text, "at once-125 ");
    {
        HOB_GEN(g, owner, strdup("later"));
        HOB_TRY(hob_sleep(0.001));
    }
    CHECK_STR(log_text, "at once-125 later-125 ");
    {
        HOB_GEN(g, ticks, 60, 1); /* waits for its own first */
        int value;
        CHECK_EQ(hob_within(0.002, hob_next(g, &value)), -ETIMEDOUT);
    }
    CHECK_STR(log_text, "at once-125 later-125 end ");
    return 0;
}

/* ---- who runs when ---- */

TASK_TEST(the_generator_stands_while_the_body_runs) {
    HOB_EACH(int, i, count, 3, 0) {
        HOB_TRY(hob_sleep(0.001));
        note_number("body", i);
    }
    CHECK_STR(log_text, "body0 body1 body2 end ");
    return 0;
}

struct item {
    int number;
    char text[24];
};

/* Its values are its own: the memory is good until the yield returns. */
static int items(struct hob_generator *gen, int n) {
    for (int i = 0; i < n; i++) {
        struct item *it = malloc(sizeof *it);
        it->number = i;
        snprintf(it->text, sizeof it->text, "item %d", i);
        int rc = hob_yield(gen, it);
        memset(it, 'x', sizeof *it);
        free(it);
        note("freed");
        if (rc < 0) return rc;
    }
    return 0;
}
HOB_GENERATOR(items, struct item *, int)

static int looks_at_items(int *rc_in_body) {
    HOB_EACH(struct item *, it, items, 5) {
        *rc_in_body = hob_sleep(60);
        CHECK_EQ(hob_shielded(hob_sleep(0.002)), 0); /* time enough for a hasty generator */
        CHECK_STR(it->text, "item 0");
        note("body");
    }
    return 0;
}
HOB_TASK(looks_at_items, int *)

TASK_TEST(a_value_stays_when_the_consumer_is_cancelled) {
    int rc_in_body = 0;
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, looks_at_items, &rc_in_body);
    HOB_TRY(hob_sleep(0.002));
    hob_cancel(t);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(rc_in_body, -ECANCELED);
    CHECK_EQ(hob_task_result(t), -ECANCELED); /* of the next value */
    CHECK_STR(log_text, "body freed ");
    return 0;
}

static int consume_ticks(double seconds) {
    HOB_EACH(int, i, ticks, seconds, 100) note_number("", i);
    return 0;
}
HOB_TASK(consume_ticks, double)

TASK_TEST(cancelled_while_it_waits_for_a_value) {
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, consume_ticks, 60.0);
    HOB_TRY(hob_sleep(0.002));
    hob_cancel(t);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(hob_task_result(t), -ECANCELED);
    CHECK(hob_task_was_cancelled(t));
    CHECK_STR(log_text, "end ");
    return 0;
}

TASK_TEST(spawned_into_a_cancelled_scope) {
    HOB_SCOPE(s);
    hob_scope_cancel(s);
    int value;
    HOB_GEN(g, count, 3, 0);
    CHECK_EQ(hob_next(g, &value), -ECANCELED);
    CHECK_EQ(hob_next(g, &value), -ECANCELED);
    CHECK_STR(log_text, "");
    return 0;
}

TASK_TEST(a_deadline_for_one_value_loses_none) {
    int value = -1, timeouts = 0, values = 0;
    HOB_GEN(g, ticks, 0.005, 4);
    for (;;) {
        int rc = hob_within(0.001, hob_next(g, &value));
        if (rc == -ETIMEDOUT) {
            timeouts++;
            continue;
        }
        if (rc == 0) break;
        CHECK_EQ(rc, 1);
        CHECK_EQ(value, values++);
        HOB_TRY(hob_sleep(0.001));
    }
    CHECK_EQ(values, 4);
    CHECK(timeouts >= 4);
    return 0;
}

TASK_TEST(a_value_that_nobody_waited_for_is_kept) {
    int value = -1;
    HOB_GEN(g, ticks, 0.002, 2);
    CHECK_EQ(hob_within(0.0005, hob_next(g, &value)), -ETIMEDOUT);
    HOB_TRY(hob_sleep(0.02));
    CHECK_EQ(value, -1); /* nothing writes into a variable that is not being waited with */
    CHECK_EQ(hob_within(-1, hob_next(g, &value)), -ETIMEDOUT);
    CHECK_EQ(hob_next(g, &value), 1);
    CHECK_EQ(value, 0);
    CHECK_EQ(hob_next(g, &value), 1);
    CHECK_EQ(value, 1);
    CHECK_EQ(hob_next(g, &value), 0);
    return 0;
}

/* ---- generators inside generators, and scopes inside them ---- */

static int doubled(struct hob_generator *gen, int n) {
    HOB_DEFER(note_arg, (void *)"outer");
    HOB_EACH(int, i, ticks, 0, n) HOB_TRY(hob_yield(gen, 2 * i));
    return 0;
}
HOB_GENERATOR(doubled, int, int)

TASK_TEST(a_generator_consumes_another) {
    HOB_EACH(int, i, doubled, 3) note_number("", i);
    CHECK_STR(log_text, "0 2 4 end outer ");
    log_text[0] = 0;
    HOB_EACH(int, i, doubled, 300) {
        note_number("", i);
        if (i == 2) break;
    }
    CHECK_STR(log_text, "0 2 end outer ");
    return 0;
}

static int fails_inside(struct hob_generator *gen) {
    HOB_SCOPE(s);
    hob_spawn(s, child, -EIO); /* fails in a millisecond, while the body sleeps */
    HOB_TRY(hob_yield(gen, 1));
    int rc = hob_yield(gen, 2);
    CHECK_EQ(rc, -ECANCELED);
    return hob_join(s);
}
HOB_GENERATOR(fails_inside, int)

TASK_TEST(a_failure_inside_comes_with_the_next_value) {
    int value;
    HOB_GEN(g, fails_inside);
    CHECK_EQ(hob_next(g, &value), 1);
    CHECK_EQ(hob_sleep(0.01), 0); /* is not disturbed */
    CHECK_EQ(hob_check(), 0);
    CHECK_EQ(hob_next(g, &value), -EIO);
    CHECK_EQ(hob_sleep(0.001), 0);
    return 0;
}

static int with_deadline(struct hob_generator *gen) {
    HOB_SCOPE(s, .deadline = hob_after(0.5)); /* the first value comes before it, however slowly */
    HOB_TRY(hob_yield(gen, 1));
    CHECK_EQ(hob_yield(gen, 2), -ECANCELED);
    return hob_join(s);
}
HOB_GENERATOR(with_deadline, int)

TASK_TEST(a_deadline_inside_covers_the_body_too) {
    int value;
    HOB_GEN(g, with_deadline);
    CHECK_EQ(hob_next(g, &value), 1);
    HOB_TRY(hob_sleep(0.6));
    CHECK_EQ(hob_next(g, &value), -ETIMEDOUT);
    return 0;
}

/* Neither a shield nor an ignored result keeps a generator going that nobody listens to. */
static int stubborn(struct hob_generator *gen) {
    HOB_SCOPE(s, .shield = true);
    int refused = 0;
    for (int i = 0; refused < 3; i++) refused += hob_yield(gen, i) == -ECANCELED;
    CHECK_EQ(hob_sleep(0.001), 0); /* its clean-up can wait */
    note_number("refused", refused);
    return hob_join(s);
}
HOB_GENERATOR(stubborn, int)

TASK_TEST(after_the_consumer_has_left) {
    HOB_EACH(int, i, stubborn) {
        if (i == 2) break;
    }
    note("behind");
    CHECK_STR(log_text, "refused3 behind ");
    return 0;
}

static char reported[1024];
static void keep_report(enum hob_report_kind kind, const char *text, void *arg) {
    (void)arg;
    if (kind == HOB_REPORT_ERROR) snprintf(reported, sizeof reported, "%s", text);
}

static int bad_clean_up(struct hob_generator *gen) {
    if (hob_yield(gen, 1) < 0) return hob_fail(-EIO, "could not close");
    return 0;
}
HOB_GENERATOR(bad_clean_up, int)

TASK_TEST(an_error_that_nobody_asks_for_is_reported) {
    hob_set_report(keep_report, NULL);
    HOB_EACH(int, i, bad_clean_up) break;
    CHECK_HAS(reported, "could not close");
    reported[0] = 0;
    CHECK_EQ(sum_of(1, -EIO), -EIO);
    CHECK_EQ(sum_of(1, 0), 0);
    CHECK_STR(reported, ""); /* those were told */
    return 0;
}

/* ---- values of all kinds ---- */

struct pair {
    double d;
    char text[20];
};
static int pairs(struct hob_generator *gen) {
    struct pair p = {0.5, "half"};
    HOB_TRY(hob_yield(gen, p));
    return 0;
}
HOB_GENERATOR(pairs, struct pair)

/* Each yield gives a number of another type than the generator's. */
#define NUMBERS(name, type)                                                                        \
    static int name(struct hob_generator *gen) {                                                   \
        HOB_TRY(hob_yield(gen, 'a'));                                                              \
        HOB_TRY(hob_yield(gen, (signed char)-5));                                                  \
        HOB_TRY(hob_yield(gen, (unsigned short)60000));                                            \
        HOB_TRY(hob_yield(gen, -70000));                                                           \
        HOB_TRY(hob_yield(gen, 4000000000U));                                                      \
        HOB_TRY(hob_yield(gen, -5000000000L));                                                     \
        HOB_TRY(hob_yield(gen, true));                                                             \
        HOB_TRY(hob_yield(gen, 2.75f));                                                            \
        HOB_TRY(hob_yield(gen, -3.5));                                                             \
        HOB_TRY(hob_yield(gen, 0.25L));                                                            \
        return 0;                                                                                  \
    }                                                                                              \
    HOB_GENERATOR(name, type)                                                                      \
    static int check_##name(void) {                                                                \
        type want[] = {(type)'a',           (type)-5,           (type)60000, (type)-70000,         \
                       (type)4000000000U,   (type)-5000000000L, (type) true, (type)2.75f,          \
                       (type)(long long)-3, (type)0.25L};                                          \
        int at = 0;                                                                                \
        if ((type)0.5 != 0 && (type)0.5 != 1) want[8] = (type)-3.5;                                \
        HOB_EACH(type, value, name) {                                                              \
            if (value != want[at]) FAIL("value %d of %s", at, #type);                              \
            at++;                                                                                  \
        }                                                                                          \
        return at;                                                                                 \
    }
NUMBERS(as_signed_char, signed char)
NUMBERS(as_unsigned_char, unsigned char)
NUMBERS(as_short, short)
NUMBERS(as_unsigned, unsigned)
NUMBERS(as_long, long)
NUMBERS(as_size, size_t)
NUMBERS(as_bool, bool)
NUMBERS(as_float, float)
NUMBERS(as_double, double)
NUMBERS(as_long_double, long double)

TASK_TEST(numbers_convert_as_in_an_assignment) {
    CHECK_EQ(check_as_signed_char(), 10);
    CHECK_EQ(check_as_unsigned_char(), 10);
    CHECK_EQ(check_as_short(), 10);
    CHECK_EQ(check_as_unsigned(), 10);
    CHECK_EQ(check_as_long(), 10);
    CHECK_EQ(check_as_size(), 10);
    CHECK_EQ(check_as_bool(), 10);
    CHECK_EQ(check_as_float(), 10);
    CHECK_EQ(check_as_double(), 10);
    CHECK_EQ(check_as_long_double(), 10);
    return 0;
}

static int words(struct hob_generator *gen);
HOB_GENERATOR(words, const char *)
static int words(struct hob_generator *gen) {
    HOB_TRY(hob_yield(gen, "array"));
    char own[] = "own";
    HOB_TRY(hob_yield(gen, own));
    HOB_TRY(words__yield(gen, "checked"));
    return hob_yield(gen, NULL);
}

TASK_TEST(structures_and_pointers) {
    HOB_EACH(struct pair, p, pairs) {
        CHECK(p.d == 0.5);
        note(p.text);
    }
    HOB_EACH(const char *, w, words) note(w ? w : "null");
    CHECK_STR(log_text, "half array own checked null ");
    return 0;
}

/* ---- a new task's inheritance, and memory ---- */

static struct hob_local user = HOB_LOCAL("user", NULL);
static int who(struct hob_generator *gen) { return hob_yield(gen, (char *)hob_local_get(&user)); }
HOB_GENERATOR(who, const char *)

TASK_TEST(task_locals_are_inherited) {
    char name[] = "ada";
    HOB_TRY(hob_local_set(&user, name));
    HOB_EACH(const char *, w, who) note(w);
    CHECK_STR(log_text, "ada ");
    return 0;
}

static int count_with_memory_failing_at(long n) {
    hob__alloc_fail_at(n);
    int value = 0, rc, values = 0;
    HOB_GEN(g, count, 3, 0);
    while ((rc = hob_next(g, &value)) == 1) values++;
    bool failed = n > 0 && hob__alloc_count() >= n;
    hob__alloc_fail_at(0);
    if (rc == -ENOMEM) CHECK_EQ(hob_next(g, &value), 0);
    if (rc == -ENOMEM) CHECK_EQ(hob_error()->code, -ENOMEM);
    CHECK(rc == 0 ? values == 3 : rc == -ENOMEM && values == 0);
    return rc == -ENOMEM ? 2 : failed;
}
HOB_TASK(count_with_memory_failing_at, long)

static int first_use(long n, int *result) {
    /* So many tasks that the records, the ring and the stacks at hand are used up. */
    HOB_SCOPE(s);
    for (long i = 0; i < n; i++) CHECK(hob_spawn(s, child, 0) != NULL);
    HOB_TRY(hob_yield_now());
    int refusals = 0;
    for (long at = 1;; at++) {
        int rc = count_with_memory_failing_at(at);
        if (rc == 0) break;
        if (rc == 2) refusals++;
    }
    *result += refusals;
    return hob_join(s);
}
HOB_TASK(first_use, long, int *)

TEST(without_memory) {
    int refusals = 0;
    CHECK_EQ(hob__alloc_live(), 0); /* counts from here on */
    hob_set_report(keep_report, NULL);
    for (long n = 1; n < 300; n += 1 + n / 40) CHECK_EQ(hob_run(first_use, n, &refusals), 0);
    CHECK(refusals > 0);
    CHECK_EQ(hob__alloc_live(), 0);
}

/* ---- misuse ---- */

static int wrong_kind(struct hob_generator *gen) { return hob_yield(gen, 1); }
HOB_GENERATOR(wrong_kind, char *)
static int wrong_size(struct hob_generator *gen) {
    struct item it = {1, "x"};
    return hob_yield(gen, it);
}
HOB_GENERATOR(wrong_size, struct pair)

static int use_wrong_kind(void) {
    HOB_EACH(char *, c, wrong_kind) note(c);
    return 0;
}
HOB_TASK(use_wrong_kind)
static int use_wrong_size(void) {
    HOB_EACH(struct pair, p, wrong_size) note(p.text);
    return 0;
}
HOB_TASK(use_wrong_size)

static int yields_for(struct hob_generator *gen) { return hob_yield(gen, 5); }
HOB_TASK(yields_for, struct hob_generator *)
static int lets_yield(struct hob_generator *gen) {
    HOB_SCOPE(s);
    hob_spawn(s, yields_for, gen);
    return hob_join(s);
}
HOB_GENERATOR(lets_yield, int)
static int use_lets_yield(void) {
    HOB_EACH(int, i, lets_yield) note_number("", i);
    return 0;
}
HOB_TASK(use_lets_yield)

HOB_TASK(take_one, struct count__generator *)
static int lets_take(void) {
    HOB_GEN(g, count, 3, 0);
    HOB_SCOPE(s);
    hob_spawn(s, take_one, g);
    return hob_join(s);
}
HOB_TASK(lets_take)

TEST(misuse) {
    CHECK_DIES(hob_run(use_wrong_kind),
               "an integer of 4 bytes, where generator 'wrong_kind' gives");
    CHECK_DIES(hob_run(use_wrong_size), "generator 'wrong_size'");
    CHECK_DIES(hob_run(use_lets_yield), "hob_yield");
    CHECK_DIES(hob_run(lets_take), "hob_next");
}

TEST_MAIN()
