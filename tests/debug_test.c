/* debug_test.c - what HOB_DEBUG=1 adds. */
#include "test.h"

static char notes[1 << 16];
static void keep_note(enum hob_report_kind kind, const char *text, void *arg) {
    (void)arg;
    size_t at = strlen(notes);
    if (kind == HOB_REPORT_NOTE) snprintf(notes + at, sizeof notes - at, "%s", text);
}

static int waits_long(struct hob_event *e) { return hob_event_wait(e); }
HOB_TASK(waits_long, struct hob_event *)

static int asks(void) {
    struct hob_event e = {0};
    HOB_SCOPE(s);
    hob_spawn_named(s, "patient", waits_long, &e);
    HOB_TRY(hob_yield_now());
    kill(getpid(), SIGQUIT);
    HOB_TRY(hob_sleep(0.01));
    hob_event_set(&e);
    return hob_join(s);
}
HOB_TASK(asks)

TEST(debug_shows_tasks_on_request_and_sums_up) {
    setenv("HOB_DEBUG", "1", 1);
    hob_set_report(keep_note, NULL);
    CHECK_EQ(hob_run(asks), 0); /* it went on after the question */
    CHECK_HAS(notes, "hob: a loop begins, on ");
    CHECK_HAS(notes, "patient: event");
    CHECK_HAS(notes, "spawned by asks at");
#if HAVE_LIBBACKTRACE
    CHECK_HAS(notes, "hob_event_wait at");
#endif
    CHECK_HAS(notes, "hob: a loop ends: 2 tasks");
}

TEST(without_it_nothing_is_said_and_sigquit_is_the_systems) {
    unsetenv("HOB_DEBUG");
    setenv("HOB_SLOW_MS", "0", 1); /* any busy machine brings a report */
    char text[4096];
    int status = RUN_CHILD(text, hob_run(asks));
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGQUIT);
    const char *slow = getenv("TEST_SLOW"); /* qemu tells of the signal itself */
    if (!slow || strcmp(slow, "qemu") != 0) CHECK_STR(text, "");
}

static int asks_of_a_long_name(void) {
    struct hob_event e = {0};
    size_t n = 600000;
    char *name = malloc(n + 1);
    memset(name, 'x', n);
    name[n] = 0;
    HOB_SCOPE(s);
    hob_spawn_named(s, name, waits_long, &e);
    free(name);
    HOB_TRY(hob_yield_now());
    kill(getpid(), SIGQUIT);
    HOB_TRY(hob_sleep(0.01));
    hob_event_set(&e);
    return hob_join(s);
}
HOB_TASK(asks_of_a_long_name)

static size_t longest;
static void keep_longest(enum hob_report_kind kind, const char *text, void *arg) {
    (void)arg;
    if (kind == HOB_REPORT_NOTE && strlen(text) > longest) longest = strlen(text);
}
TEST(a_name_that_fills_the_text_does_not_overflow_it) {
    setenv("HOB_DEBUG", "1", 1);
    hob_set_report(keep_longest, NULL);
    CHECK_EQ(hob_run(asks_of_a_long_name), 0);
    CHECK(longest > 600000 && longest < 1 << 20);
}

TEST_MAIN()
