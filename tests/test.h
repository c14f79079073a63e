/* test.h - the tests' frame. One program per module; each TEST runs in a child process of its own
 * (so that a crash, a hang or a leak of one is told apart), one after another.
 *
 *   #include "test.h"
 *   TEST(name) { CHECK(1 + 1 == 2); CHECK_STR(s, "abc"); }   outside a loop
 *   TASK_TEST(name) { ...; return 0; }                       as the main task of a loop
 *   TEST_MAIN()
 *
 * CHECK* end the test with file and line. CHECK_DIES(statement, "text") runs the statement in a
 * child and wants it to die with that text on its standard error. A test lasts at most 60 s
 * (TEST_SECONDS). What it makes under TEST_PATH is removed when it has ended, however it did. The
 * program prints "ok name" or "FAIL name" lines and "N passed, N failed"; arguments choose tests by
 * name, TEST_EXCEPT="a b" in the environment leaves some out; exit 0, 1. */
#ifndef HOB_TEST_H
#define HOB_TEST_H
#include <dirent.h>
#include <ftw.h>
#include <glob.h>
#include <hob/hob.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct test {
    const char *name;
    void (*run)(void);
    struct test *next;
};
static struct test *test_first, **test_last = &test_first;
__attribute__((unused)) static void test_add(struct test *t) {
    *test_last = t;
    test_last = &t->next;
}

#define TEST(name)                                                                                 \
    static void test_##name(void);                                                                 \
    __attribute__((constructor)) static void test_add_##name(void) {                               \
        static struct test t = {#name, test_##name, NULL};                                         \
        test_add(&t);                                                                              \
    }                                                                                              \
    static void test_##name(void)

#define TASK_TEST(name)                                                                            \
    static int task_##name(void);                                                                  \
    HOB_TASK(task_##name)                                                                          \
    TEST(name) { CHECK_EQ(hob_run(task_##name), 0); }                                              \
    static int task_##name(void)

/* Checks are calls: ten thousand of them, each compiled where it stands, took a fifth of the time
 * that compiling all tests takes. */
__attribute__((noreturn, cold, unused, format(printf, 3, 4))) static void
test_fail(const char *file, int line, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s:%d: ", file, line);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    fflush(NULL);
    _exit(1);
}
__attribute__((unused)) static void test_eq(const char *file, int line, long long a, long long b,
                                            const char *a_text, const char *b_text) {
    if (a != b) test_fail(file, line, "%s is %lld, not %lld (%s)", a_text, a, b, b_text);
}
__attribute__((unused)) static void test_str(const char *file, int line, const char *a,
                                             const char *b, const char *a_text) {
    if (!a || strcmp(a, b) != 0)
        test_fail(file, line, "%s is \"%s\", not \"%s\"", a_text, a ? a : "(null)", b);
}
__attribute__((unused)) static void test_has(const char *file, int line, const char *text,
                                             const char *part) {
    if (!text || !strstr(text, part))
        test_fail(file, line, "no \"%s\" in \"%s\"", part, text ? text : "(null)");
}

#define FAIL(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)
#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond)) FAIL("not true: %s", #cond);                                                  \
    } while (0)
/* (The first comes before the second, as arguments need not.) */
#define CHECK_EQ(a, b)                                                                             \
    do {                                                                                           \
        long long test_a = (long long)(a), test_b = (long long)(b);                                \
        test_eq(__FILE__, __LINE__, test_a, test_b, #a, #b);                                       \
    } while (0)
#define CHECK_STR(a, b)                                                                            \
    do {                                                                                           \
        const char *test_a = (a), *test_b = (b);                                                   \
        test_str(__FILE__, __LINE__, test_a, test_b, #a);                                          \
    } while (0)
#define CHECK_HAS(text, part)                                                                      \
    do {                                                                                           \
        const char *test_a = (text), *test_b = (part);                                             \
        test_has(__FILE__, __LINE__, test_a, test_b);                                              \
    } while (0)

/* How many descriptors the process has (and the one to count with), and those that were left open
 * in a simulated world. */
extern unsigned hob__sim_left_open;
__attribute__((unused)) static int count_fds(void) {
    int n = (int)hob__sim_left_open;
    DIR *d = opendir("/proc/self/fd");
    CHECK(d != NULL);
    while (readdir(d)) n++;
    closedir(d);
    return n;
}

/* A report function (hob_set_report()): only a deadlock is of interest, and fails the test. */
__attribute__((unused)) static void fail_at_deadlock(enum hob_report_kind kind, const char *text,
                                                     void *arg) {
    (void)arg;
    if (kind == HOB_REPORT_DEADLOCK) FAIL("%s", text);
}

/* In a child: what `statement` wrote to standard error goes to buf; its wait status is the result.
 */
#define RUN_CHILD(buf, statement)                                                                  \
    __extension__({                                                                                \
        int test_pipe[2], test_status = 0;                                                         \
        fflush(NULL);                                                                              \
        if (pipe(test_pipe) != 0) FAIL("pipe");                                                    \
        pid_t test_pid = fork();                                                                   \
        if (test_pid == 0) {                                                                       \
            alarm(60); /* none is inherited */                                                     \
            dup2(test_pipe[1], 2);                                                                 \
            close(test_pipe[0]);                                                                   \
            close(test_pipe[1]);                                                                   \
            { statement; }                                                                         \
            fflush(NULL);                                                                          \
            _exit(0);                                                                              \
        }                                                                                          \
        close(test_pipe[1]);                                                                       \
        size_t test_n = 0;                                                                         \
        ssize_t test_got;                                                                          \
        while ((test_got = read(test_pipe[0], (buf) + test_n, sizeof(buf) - 1 - test_n)) > 0)      \
            test_n += (size_t)test_got;                                                            \
        (buf)[test_n] = 0;                                                                         \
        close(test_pipe[0]);                                                                       \
        waitpid(test_pid, &test_status, 0);                                                        \
        test_status;                                                                               \
    })
#define CHECK_DIES(statement, text)                                                                \
    do {                                                                                           \
        static char test_buf[65536];                                                               \
        int test_died = RUN_CHILD(test_buf, statement);                                            \
        if (test_died == 0) FAIL("still alive after: %s", #statement);                             \
        CHECK_HAS(test_buf, text);                                                                 \
    } while (0)

/* A format of the test's process number and a name: a place that nothing survives in. With
 * "-XXXXXX" behind it, for mkstemp() and mkdtemp(). */
#define TEST_PATH "/tmp/hob-test-%d-%s"

__attribute__((unused)) static int test_remove_one(const char *path, const struct stat *st,
                                                   int flag, struct FTW *ftw) {
    (void)st, (void)flag, (void)ftw;
    remove(path);
    return 0;
}
__attribute__((unused)) static void test_remove(pid_t pid) {
    char pattern[64];
    glob_t found;
    snprintf(pattern, sizeof pattern, TEST_PATH, (int)pid, "*");
    if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0) return;
    for (size_t i = 0; i < found.gl_pathc; i++)
        nftw(found.gl_pathv[i], test_remove_one, 16, FTW_DEPTH | FTW_PHYS);
    globfree(&found);
}

#if defined(__SANITIZE_ADDRESS__)
#define TEST_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TEST_ASAN 1
#endif
#endif
#ifndef TEST_ASAN
#define TEST_ASAN 0
#endif
/* n rounds; under ASan, where each takes several times as long, one of `share` of them: the plain
 * suites have them all. */
#define TEST_ROUNDS(n, share) (TEST_ASAN ? (n) / (share) : (n))

#define TEST_MAIN()                                                                                \
    int main(int argc, char **argv) { return test_main(argc, argv); }

__attribute__((unused)) static bool is_excepted(const char *name) {
    const char *list = getenv("TEST_EXCEPT"), *at = list;
    size_t n = strlen(name);
    while (at && (at = strstr(at, name))) {
        if ((at == list || at[-1] == ' ') && (at[n] == ' ' || !at[n])) return true;
        at += n;
    }
    return false;
}

__attribute__((unused)) static int test_main(int argc, char **argv) {
    int passed = 0, failed = 0;
    signal(SIGINT, SIG_DFL); /* a shell's background jobs ignore these two */
    signal(SIGQUIT, SIG_DFL);
    const char *seconds = getenv("TEST_SECONDS");
    for (struct test *t = test_first; t; t = t->next) {
        bool wanted = argc == 1;
        for (int i = 1; i < argc; i++) wanted |= strcmp(argv[i], t->name) == 0;
        if (argc == 1 && is_excepted(t->name)) continue;
        if (!wanted) continue;
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0) {
            alarm(seconds ? (unsigned)atoi(seconds) : 60);
            t->run();
            fflush(NULL);
            exit(0);
        }
        int status = 0;
        waitpid(pid, &status, 0);
        test_remove(pid);
        bool ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        ok ? passed++ : failed++;
        if (ok)
            printf("ok %s\n", t->name);
        else if (WIFSIGNALED(status))
            printf("FAIL %s (signal %d)\n", t->name, WTERMSIG(status));
        else
            printf("FAIL %s (exit %d)\n", t->name, WEXITSTATUS(status));
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed ? 1 : 0;
}
#endif
