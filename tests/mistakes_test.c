/* What beginners do wrong, and what they are told: each mistake ends with a message that names the
 * cause, not with a bare crash, and not in silence. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <hob/net.h>
#include <pthread.h>
#include <signal.h>

static int nothing(void) { return 0; }
HOB_TASK(nothing)

static char text[65536];

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif
#else
enum { SANITIZED = 0 };
#endif

/* ---- a stack that is too small ---- */

/* As code does that was compiled without -fstack-clash-protection: the stack pointer goes 48 MiB
 * down at once, far below the guard, and the next instruction writes there. */
void large_step(void);
/* clang-format off */
#if defined(__x86_64__)
__asm__(".text\n.type large_step, @function\nlarge_step:\n.cfi_startproc\n"
        "sub $50331648, %rsp\n.cfi_adjust_cfa_offset 50331648\n"
        "movl $1, (%rsp)\n"
        "add $50331648, %rsp\n.cfi_adjust_cfa_offset -50331648\n"
        "ret\n.cfi_endproc\n.size large_step, .-large_step\n");
#else
__asm__(".text\n.type large_step, %function\nlarge_step:\n.cfi_startproc\n"
        "mov x9, #0x3000000\nsub sp, sp, x9\n.cfi_def_cfa_offset 50331648\n"
        "str xzr, [sp]\n"
        "add sp, sp, x9\n.cfi_def_cfa_offset 0\n"
        "ret\n.cfi_endproc\n.size large_step, .-large_step\n");
#endif
/* clang-format on */
static int has_a_large_local(void) {
    large_step();
    return 0;
}
HOB_TASK(has_a_large_local)
static int spawns_large_local(void) {
    HOB_SCOPE(s);
    hob_spawn_named(s, "large", has_a_large_local);
    return hob_join(s);
}
HOB_TASK(spawns_large_local)

TEST(a_local_variable_larger_than_the_stack_is_told) {
    if (SANITIZED) return; /* its memory is everywhere, so that nothing faults */
    int status = RUN_CHILD(text, hob_run(spawns_large_local));
    CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) != 0);
    CHECK_HAS(text, "hob: task 'large' (spawned by spawns_large_local at tests/mistakes_test.c:");
    CHECK_HAS(text, "overflowed its stack of 64 KiB in one step, by 49");
    CHECK_HAS(text, " KiB (a large local variable); stack:\n  #0 large_step");
    CHECK_HAS(text, "  #1 has_a_large_local");
}

/* Who tells why the program ends may take longer than a task may hold its loop, to find the lines
 * of its stack or, as here, because nobody reads: nothing else is told in between. */
TEST(nothing_comes_between_the_last_lines) {
    if (SANITIZED) return;
    static char full[4096];
    int ends[2];
    size_t n = 0;
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(fcntl(ends[1], F_SETPIPE_SZ, sizeof full), sizeof full);
    CHECK_EQ(write(ends[1], full, sizeof full), sizeof full);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], 2);
        close(ends[1]);
        setenv("HOB_SLOW_MS", "20", 1);
        _exit(hob_run(spawns_large_local) == 0);
    }
    close(ends[1]);
    usleep(500000);
    CHECK_EQ(read(ends[0], full, sizeof full), sizeof full);
    for (ssize_t got; (got = read(ends[0], text + n, sizeof text - 1 - n)) > 0;) n += (size_t)got;
    text[n] = 0;
    close(ends[0]);
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
    CHECK_HAS(text, "overflowed its stack of 64 KiB in one step");
    CHECK_HAS(text, "stack:\n  #0 large_step");
    CHECK(!strstr(text, "has held the loop"));
}

/* ---- where there is no task, no scope ---- */

static int sleeps(void) { return hob_sleep(1); }
static int opens_a_scope(void) {
    HOB_SCOPE(s);
    return hob_join(s);
}
TEST(a_call_outside_a_task_names_itself_and_the_way_in) {
    CHECK_DIES(sleeps(), "hob: misuse: hob_sleep: called outside a task (hob_main() and hob_run() "
                         "run one)\n    ");
    CHECK_DIES(hob_sleep_until(1), "hob_sleep_until: called outside a task");
    CHECK_DIES(opens_a_scope(), "HOB_SCOPE: called outside a task");
}

static int spawns_into_null(void) {
    hob_spawn(NULL, nothing);
    return 0;
}
HOB_TASK(spawns_into_null)
static int joins_null(void) { return hob_join(NULL); }
HOB_TASK(joins_null)
TEST(a_scope_that_is_null_is_told) {
    CHECK_DIES(hob_run(spawns_into_null), "hob: misuse: hob_spawn: the scope is NULL\n  in task "
                                          "'spawns_into_null'");
    CHECK_DIES(hob_run(joins_null), "hob: misuse: hob_join: the scope is NULL\n");
}

/* ---- a thread that ends inside its loop ---- */

static int exits(void) { pthread_exit(NULL); }
HOB_TASK(exits)
static void *runs_loop(void *arg) {
    (void)arg;
    hob_run(exits);
    return NULL;
}
static void runs_thread(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, runs_loop, NULL) == 0) pthread_join(thread, NULL);
}
TEST(pthread_exit_inside_a_task_is_told) {
    if (SANITIZED || getenv("TEST_SLOW")) return; /* nor does it follow a forced unwinding */
    CHECK_DIES(hob_run(exits), "hob: misuse: pthread_exit: a thread must not end while its loop");
    CHECK_DIES(runs_thread(), "hob: misuse: pthread_exit: a thread must not end while its loop");
}
static void *runs_well(void *arg) {
    *(int *)arg = hob_run(nothing);
    pthread_exit(NULL);
}
TEST(after_its_loop_a_thread_may_end_as_it_likes) {
    pthread_t thread;
    int rc = -1;
    CHECK_EQ(pthread_create(&thread, NULL, runs_well, &rc), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(rc, 0);
}

/* ---- the environment ---- */

static void refused(const char *name, const char *value, const char *why) {
    setenv(name, value, 1);
    CHECK_EQ(hob_run(nothing), -EINVAL);
    CHECK(hob_error() != NULL);
    CHECK_STR(hob_error()->message, why);
    unsetenv(name);
}
static void taken(const char *name, const char *value) {
    setenv(name, value, 1);
    CHECK_EQ(hob_run(nothing), 0);
    unsetenv(name);
}
TEST(an_environment_that_makes_no_sense_is_told) {
    unsetenv("HOB_BACKEND");
    refused("HOB_STACK_SIZE", "64kb",
            "the environment's HOB_STACK_SIZE=64kb is not a number of bytes (65536, 64k, 1m)");
    refused("HOB_STACK_SIZE", "-1",
            "the environment's HOB_STACK_SIZE=-1 is not a number of bytes (65536, 64k, 1m)");
    refused("HOB_SLOW_MS", "never",
            "the environment's HOB_SLOW_MS=never is not a number of milliseconds");
    refused("HOB_GRACE", "1,5", "the environment's HOB_GRACE=1,5 is not a number of seconds");
    refused("HOB_GRACE", ".", "the environment's HOB_GRACE=. is not a number of seconds");
    refused("HOB_BACKEND", "iouring",
            "cannot open the loop's backend iouring: there are uring and epoll");
}
TEST(an_environment_that_makes_sense_is_taken) {
    taken("HOB_STACK_SIZE", "256k");
    taken("HOB_STACK_SIZE", "1M");
    taken("HOB_STACK_SIZE", "99999999999999999999");
    taken("HOB_SLOW_MS", "0");
    taken("HOB_SLOW_MS", "99999999999999999999");
    taken("HOB_GRACE", "1.5");
    taken("HOB_GRACE", "");
    taken("HOB_BACKEND", "epoll");
    taken("HOB_BACKEND", "");
}

/* ---- the exit status ---- */

static int many(int argc, char **argv) {
    (void)argv;
    return argc;
}
TEST(an_exit_status_that_does_not_fit_is_255_not_0) {
    char *argv[] = {(char *)"many", NULL};
    CHECK_EQ(hob_main(many, 3, argv), 3);
    CHECK_EQ(hob_main(many, 255, argv), 255);
    CHECK_EQ(hob_main(many, 256, argv), 255);
    CHECK_EQ(hob_main(many, 65536, argv), 255);
}

/* ---- nothing where something is wanted, and what has ended ---- */

static void noop(void *arg) { (void)arg; }
static struct hob_scope *none, *ended, kept; /* not in a frame that is gone */
static int misuses(int which) {
    static const struct hob__place place = {__func__, __FILE__, __LINE__};
    char buf[64];
    ended = hob__scope_enter_plain(&kept, &place);
    hob__scope_leave(ended);
    switch (which) {
    case 0:
        return hob_defer(none, noop, NULL);
    case 1:
        hob_scope_cancel(none);
        break;
    case 2:
        hob_stop(none, 1);
        break;
    case 3:
        return hob_scope_reschedule(none, 1);
    case 4:
        return hob_scope_errors(none) != NULL;
    case 5:
        return hob_scope_expired(none);
    case 6:
        return hob_task_stack(NULL, buf, sizeof buf);
    case 7:
        return hob_task_waiting(NULL) != NULL;
    case 8:
        return hob_wait(NULL, 1, HOB_ALL_DONE);
    case 9:
        return hob_mutex_lock(NULL);
    case 10:
        hob_mutex_unlock(NULL);
        break;
    case 11:
        return hob_loop_post(NULL, noop, NULL);
    case 12:
        return hob_defer(ended, noop, NULL);
    case 13:
        return hob_scope_errors(ended) != NULL;
    default:
        break;
    }
    return 0;
}
HOB_TASK(misuses, int)

TEST(a_null_and_a_scope_that_has_ended_are_told_with_function_and_task) {
    static const char *const told[] = {
        "hob_defer: the scope is NULL",         "hob_scope_cancel: the scope is NULL",
        "hob_stop: the scope is NULL",          "hob_scope_reschedule: the scope is NULL",
        "hob_scope_errors: the scope is NULL",  "hob_scope_expired: the scope is NULL",
        "hob_task_stack: the task is NULL",     "hob_task_waiting: the task is NULL",
        "hob_wait: the array of tasks is NULL", "hob_mutex_lock: the mutex is NULL",
        "hob_mutex_unlock: the mutex is NULL",  "hob_loop_post: the loop is NULL",
        "hob_defer: scope 'misuses' (",         "hob_scope_errors: scope 'misuses' (",
    };
    for (int i = 0; i < (int)(sizeof told / sizeof told[0]); i++) {
        int status = RUN_CHILD(text, hob_run(misuses, i));
        CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) != 0);
        CHECK_HAS(text, told[i]);
        CHECK_HAS(text, "in task 'misuses' (spawned by ");
        CHECK_HAS(text, "mistakes_test.c:");
    }
}

/* What does not ask whether it was given a NULL faults, and that is told as well. */
static struct hob_event *no_event;
static struct hob_queue *no_queue;
static struct hob_stream *no_stream;
static int uses_null(int which) {
    char byte = 0;
    if (which == 0) hob_event_set(no_event);
    if (which == 1) return hob_queue_put(no_queue, &byte);
    return (int)hob_read(no_stream, &byte, 1);
}
HOB_TASK(uses_null, int)
static void own_handler(int sig) { _exit(sig == SIGSEGV && write(2, "mine", 4) == 4 ? 3 : 4); }
static int uses_null_with_a_handler(void) {
    signal(SIGSEGV, own_handler);
    hob_event_set(no_event);
    return 0;
}
HOB_TASK(uses_null_with_a_handler)

TEST(a_null_that_nobody_asks_about_is_told_with_function_and_task) {
    static const char *const functions[] = {"hob_event_set", "hob_queue_put", "hob_read"};
    if (SANITIZED) return; /* who tells it in his way */
    for (int i = 0; i < 3; i++) {
        int status = RUN_CHILD(text, hob_run(uses_null, i));
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
        CHECK_HAS(text, "hob: task 'uses_null' (spawned by ");
        CHECK_HAS(text, "used a NULL pointer (address 0x");
        CHECK_HAS(text, functions[i]);
        CHECK_HAS(strstr(text, functions[i]), " uses_null");
    }
    int status = RUN_CHILD(text, hob_run(uses_null_with_a_handler));
    CHECK(WIFEXITED(status)); /* with a status of valgrind's own, if it runs this */
    CHECK_STR(text, "mine");
}
TEST(a_null_is_told_by_the_handler_that_was_there_before) {
    if (SANITIZED) return;
    int status = RUN_CHILD(text, {
        signal(SIGSEGV, own_handler);
        hob_run(uses_null, 0);
    });
    CHECK(WIFEXITED(status)); /* with a status of valgrind's own, if it runs this */
    CHECK_STR(text, "mine");
}

static struct hob_scope *lent;
static int reschedules_lent(void) { return hob_scope_reschedule(lent, hob_after(0.1)); }
HOB_TASK(reschedules_lent)
static void *in_another_loop(void *arg) {
    hob_run(reschedules_lent);
    return arg;
}
static int lends(void) {
    pthread_t thread;
    HOB_SCOPE(s, .deadline = hob_after(50));
    lent = s;
    pthread_create(&thread, NULL, in_another_loop, NULL);
    pthread_join(thread, NULL);
    return 0;
}
HOB_TASK(lends)
TEST(rescheduling_a_scope_of_another_loop_is_told) {
    CHECK_DIES(hob_run(lends), "hob_scope_reschedule: the scope 'lends' belongs to another");
}

TEST_MAIN()
