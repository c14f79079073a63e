/* sim_runner_test.c - the runner of simulated tests: what fails is told, with a line that does it
 * again; what only chance outside of the seed decides is told too. */
#include "test.h"

#include <fcntl.h>
#include <hob/net.h>
#include <hob/sim.h>
#include <time.h>

/* ---- tests that the runner is to run ---- */

HOB_SIM_TEST(always_right) { return hob_sleep(hob_sim_uniform()); }

HOB_SIM_TEST(wrong_for_one_in_eight) {
    HOB_TRY(hob_sleep(1));
    HOB_SIM_CHECK(hob_sim_random(8) != 3);
    return 0;
}

HOB_SIM_TEST(returns_an_error) { return hob_fail(-EBADMSG, "this and that"); }

HOB_SIM_TEST(dies) {
    HOB_TRY(hob_sleep(1));
    raise(SIGKILL);
    return 0;
}

HOB_SIM_TEST(looks_at_the_real_clock) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return hob_sleep(1 + (double)(t.tv_nsec % 1000) / 1000);
}

static int waits_for_nothing(void) {
    struct hob_listener *l;
    struct hob_stream *s;
    HOB_TRY(hob_listen(":80", &l));
    int rc = hob_accept(l, &s);
    hob_listener_close(l);
    return rc;
}
HOB_TASK(waits_for_nothing)

HOB_SIM_TEST(nothing_ever_happens) {
    return hob_sim_wait(hob_sim_host("lonely", waits_for_nothing));
}

static int fails_alone(void) { return -EBADMSG; }
HOB_TASK(fails_alone)

HOB_SIM_TEST(a_host_fails_and_nobody_asks) {
    hob_sim_host("alone", fails_alone);
    return hob_sleep(1);
}

static int forgets(void) {
    struct hob_listener *l;
    return hob_listen(":80", &l);
}
HOB_TASK(forgets)

HOB_SIM_TEST(a_host_forgets_a_descriptor) {
    return hob_sim_wait(hob_sim_host("careless", forgets));
}

static int ticks(void) {
    for (;;) HOB_TRY(hob_sleep(1));
}
HOB_TASK(ticks)

HOB_SIM_TEST(hosts_that_still_run_are_cancelled) {
    hob_sim_host("a", ticks);
    hob_sim_host("b", waits_for_nothing);
    return hob_sleep(3);
}

HOB_SIM_TEST(never_ends) { return hob_sim_wait(hob_sim_host("clock", ticks)); }

/* ---- running them ---- */

static char errors[65536], output[65536];

/* The runner's exit status, with its output and what it has told. */
static int run(const char *env, const char *a, const char *b, const char *c) {
    char *argv[] = {(char *)"prog", (char *)a, (char *)b, (char *)c, NULL};
    int argc = 1;
    while (argv[argc]) argc++;
    char path[] = "/tmp/hob-sim-XXXXXX";
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    unlink(path);
    int status = RUN_CHILD(errors, {
        dup2(fd, 1);
        if (env) setenv("HOB_SIM", env, 1);
        int rc = hob_sim_main(argc, argv);
        fflush(NULL);
        _exit(rc);
    });
    ssize_t n = pread(fd, output, sizeof output - 1, 0);
    output[n > 0 ? n : 0] = 0;
    close(fd);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

TEST(what_is_right_is_right) {
    CHECK_EQ(run(NULL, "always_right", "--seeds", "20"), 0);
    CHECK_HAS(output, "ok always_right (20 seeds");
    CHECK_HAS(output, "1 passed, 0 failed");
    CHECK_EQ(run(NULL, "hosts_that_still_run", "--seeds", "20"), 0);
}

TEST(what_is_wrong_is_found_and_told_with_its_seed) {
    CHECK_EQ(run(NULL, "wrong_for_one", "--seeds", "200"), 1);
    CHECK_HAS(errors, "not true: hob_sim_random(8) != 3 (at ");
    CHECK_HAS(output, "FAIL wrong_for_one_in_eight (seed ");
    CHECK_HAS(output, "0 passed, 1 failed");
    const char *line = strstr(output, "HOB_SIM=");
    CHECK(line != NULL);
    char again[64];
    CHECK_EQ(sscanf(line, "HOB_SIM=%63s", again), 1);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(run(again, "wrong_for_one", NULL, NULL), 1);
        CHECK_HAS(errors, "not true: hob_sim_random(8) != 3");
    }
}

TEST(errors_of_every_kind) {
    CHECK_EQ(run(NULL, "returns_an_error", NULL, NULL), 1);
    CHECK_HAS(errors, "this and that");
    CHECK_EQ(run(NULL, "dies", NULL, NULL), 1);
    CHECK_HAS(errors, "signal 9");
    CHECK_HAS(output, "HOB_SIM=seed:1 ");
    CHECK_EQ(run(NULL, "nothing_ever", NULL, NULL), 1);
    CHECK_HAS(errors, "nothing can ever happen again");
    CHECK_HAS(errors, "waits_for_nothing: accept");
    CHECK_HAS(errors, "#1 nothing_ever_happens: host "); /* the test's own task has its name */
    CHECK_EQ(run(NULL, "nobody_asks", NULL, NULL), 1);
    CHECK_HAS(errors, "host alone has ended");
    CHECK_EQ(run(NULL, "a_host_forgets", NULL, NULL), 1);
    CHECK_HAS(errors, "left descriptors open: 2");
    CHECK_EQ(run(NULL, "never_ends", NULL, NULL), 1);
    CHECK_HAS(errors, "of virtual time");
}

TEST(what_does_not_come_from_the_seed_is_told) {
    CHECK_EQ(run(NULL, "real_clock", "--seeds", "10"), 1);
    CHECK_HAS(errors, "not in the same way");
    CHECK_EQ(run(NULL, "real_clock", "--once", NULL), 0);
}

TEST(a_log_says_what_happened) {
    CHECK_EQ(run("seed:3,log", "hosts_that_still_run", NULL, NULL), 0);
    CHECK_HAS(errors, "starts: ticks");
    CHECK_HAS(errors, " b            ");
    char before[sizeof errors];
    strcpy(before, errors);
    CHECK_EQ(run("seed:3,log", "hosts_that_still_run", NULL, NULL), 0);
    CHECK_STR(errors, before);
}

TEST(arguments) {
    CHECK_EQ(run(NULL, "--list", "host", NULL), 0);
    CHECK_HAS(output, "a_host_forgets_a_descriptor\n");
    CHECK(strstr(output, "always_right") == NULL);
    CHECK_EQ(run(NULL, "--seeds", NULL, NULL), 2);
    CHECK_EQ(run(NULL, "--seeds", "many", NULL), 2);
    CHECK_EQ(run(NULL, "--what", NULL, NULL), 2);
    CHECK_EQ(run("seed:what", "always_right", NULL, NULL), 2);
    CHECK_EQ(run(NULL, "there_is_no_such_test", NULL, NULL), 1);
    CHECK_EQ(run(NULL, "always_right", "--seconds", "0.2"), 0);
}

TEST_MAIN()
