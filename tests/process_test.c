/* process_test.c - children: how they are started, what they see, how they end. Each test ends with
 * the blocks, descriptors and children that there were before. */
#include "process.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* Runs the line, and wants this output and exit status 0. */
#define CHECK_OUTPUT(line, text, ...)                                                              \
    do {                                                                                           \
        struct hob_process_result got;                                                             \
        int code = hob_process_output(&got, SH(line), ##__VA_ARGS__);                              \
        if (code != 0) FAIL("%s: %d %s%s", line, code, hob_strerror(code), got.err);               \
        CHECK_STR(got.out, text);                                                                  \
        hob_process_result_free(&got);                                                             \
    } while (0)

PROCESS_TEST(output_error_text_and_status) {
    struct hob_process_result r;
    CHECK_EQ(hob_process_output(&r, SH("echo out; echo err >&2; exit 7")), 7);
    CHECK_STR(r.out, "out\n");
    CHECK_STR(r.err, "err\n");
    CHECK_EQ(r.out_size, 4);
    CHECK_EQ(r.status.code, 7);
    CHECK_EQ(r.status.signal, 0);
    CHECK(!r.status.running);
    CHECK(r.status.max_rss_kb > 0);
    hob_process_result_free(&r);
    hob_process_result_free(&r);
    return 0;
}

PROCESS_TEST(a_killed_child_is_an_error_with_its_signal) {
    struct hob_process_result r;
    CHECK_EQ(hob_process_output(&r, SH("kill -TERM $$")), HOB_E_KILLED);
    CHECK_EQ(r.status.signal, SIGTERM);
    CHECK_EQ(r.status.code, -1);
    CHECK_HAS(hob_error()->message, "signal 15 (Terminated)");
    hob_process_result_free(&r);
    return 0;
}

PROCESS_TEST(check_says_the_last_words) {
    struct hob_process_result r;
    CHECK_EQ(hob_process_output(&r,
                                SH("echo one >&2; printf 'no such\\033 thing\\n\\n' >&2; exit 3"),
                                .check = true),
             HOB_E_EXIT);
    CHECK_HAS(hob_error()->message, "'/bin/sh' has ended with status 3: no such? thing");
    CHECK_EQ(r.status.code, 3);
    hob_process_result_free(&r);
    CHECK_EQ(hob_process_output(&r, SH("exit 0"), .check = true), 0);
    CHECK_STR(r.out, "");
    hob_process_result_free(&r);
    return 0;
}

PROCESS_TEST(argv_arrives_word_by_word) {
    struct hob_process_result r;
    char *words[] = {(char *)"printf", (char *)"<%s>",   (char *)"",
                     (char *)"a b",    (char *)"$HOME;", NULL};
    CHECK_EQ(hob_process_output(&r, words), 0);
    CHECK_STR(r.out, "<><a b><$HOME;>");
    hob_process_result_free(&r);
    CHECK_EQ(hob_process_output(&r, HOB_ARGS("other name", "-c", "echo $0"), .program = "/bin/sh"),
             0);
    CHECK_STR(r.out, "other name\n");
    hob_process_result_free(&r);
    return 0;
}

PROCESS_TEST(shell_runs_a_line) {
    HOB_PROCESS(p);
    HOB_TRY(hob_process_shell(&p, "x=4; exit $x"));
    CHECK_EQ(hob_process_wait(p), 4);
    CHECK_EQ(hob_process_wait(p), 4); /* and again */
    struct hob_process_status st;
    hob_process_status(p, &st);
    CHECK_EQ(st.code, 4);
    CHECK_EQ(hob_process_kill(p, SIGTERM), -ESRCH);
    return 0;
}

PROCESS_TEST(environment_replaced_and_added_to) {
    static const char *const one[] = {"A=1", "B=2", NULL}, *const more[] = {"B=3", "A", "C=4",
                                                                            "C=5", "D", NULL};
    CHECK_OUTPUT("echo $A$B$HOME", "12\n", .env = one);
    CHECK_OUTPUT("echo [$A][$B][$C][${D-unset}]", "[][3][5][unset]\n", .env = one, .add_env = more);
    setenv("HOB_TEST_VARIABLE", "here", 1);
    CHECK_OUTPUT("echo $HOB_TEST_VARIABLE", "here\n");
    static const char *const without[] = {"HOB_TEST_VARIABLE", NULL};
    CHECK_OUTPUT("echo ${HOB_TEST_VARIABLE-gone}", "gone\n", .add_env = without);
    static const char *const none[] = {NULL};
    struct hob_process_result r;
    CHECK_EQ(hob_process_output(&r, HOB_ARGS("env"), .env = none), 0); /* found all the same */
    CHECK_STR(r.out, "");
    hob_process_result_free(&r);
    return 0;
}

static void write_program(const char *path, const char *text, int mode) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
    CHECK_EQ(fchmod(fd, (mode_t)mode), 0);
    close(fd);
}

static char folder[64];
static void remove_folder(void *unused) {
    (void)unused;
    char line[128];
    snprintf(line, sizeof line, "rm -rf %s", folder);
    CHECK_EQ(system(line), 0);
}
static const char *in_folder(const char *name) {
    static char path[4][160];
    static int i;
    char *p = path[i++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", folder, name);
    return p;
}
#define HAS_FOLDER                                                                                 \
    snprintf(folder, sizeof folder, TEST_PATH "-XXXXXX", (int)getpid(), "process");                \
    CHECK(mkdtemp(folder) != NULL);                                                                \
    HOB_DEFER(remove_folder, NULL)

PROCESS_TEST(the_path_is_the_childs_own) {
    HAS_FOLDER;
    CHECK_EQ(mkdir(in_folder("a"), 0700), 0);
    CHECK_EQ(mkdir(in_folder("b"), 0700), 0);
    write_program(in_folder("b/greet"), "#!/bin/sh\necho b\n", 0700);
    char path[400];
    snprintf(path, sizeof path, "PATH=/nowhere:%s:%s", in_folder("a"), in_folder("b"));
    const char *env[] = {path, NULL};
    struct hob_process_result r;
    CHECK_EQ(hob_process_output(&r, HOB_ARGS("greet"), .env = env), 0);
    CHECK_STR(r.out, "b\n");
    hob_process_result_free(&r);
    write_program(in_folder("a/greet"), "#!/bin/sh\necho a\n",
                  0600); /* not executable: passed over */
    CHECK_EQ(hob_process_output(&r, HOB_ARGS("greet"), .env = env), 0);
    hob_process_result_free(&r);
    unlink(in_folder("b/greet"));
    struct hob_process_failure f;
    CHECK_EQ(hob_process_output(&r, HOB_ARGS("greet"), .env = env, .failure = &f), -EACCES);
    CHECK_EQ(f.step, HOB_STEP_EXEC);
    CHECK_STR(f.path, in_folder("a/greet"));
    /* With a slash: from the child's directory. */
    write_program(in_folder("b/greet"), "#!/bin/sh\npwd\n", 0700);
    CHECK_EQ(hob_process_output(&r, HOB_ARGS("./greet"), .cwd = in_folder("b")), 0);
    CHECK_HAS(r.out, in_folder("b"));
    hob_process_result_free(&r);
    return 0;
}

/* Each failing start says which step it was, of what, and why; nothing is left of it. */
static int fails(const char *const *argv, struct hob_process_options o, int code,
                 enum hob_process_step step, const char *path, const char *words) {
    struct hob_process_failure f;
    struct hob_process *p = (struct hob_process *)1;
    int fds = count_fds();
    o.failure = &f;
    CHECK_EQ(hob__process_spawn(&p, argv, o), code);
    CHECK(p == NULL);
    CHECK_EQ(f.code, code);
    CHECK_EQ(f.step, step);
    CHECK_STR(f.path, path);
    CHECK_HAS(hob_error()->message, words);
    CHECK_EQ(count_fds(), fds);
    CHECK(childless());
    return 0;
}
#define FAILS(argv, code, step, path, words, ...)                                                  \
    fails(argv, ((struct hob_process_options){__VA_ARGS__}), code, step, path, words)

PROCESS_TEST(exec_fails) {
    HAS_FOLDER;
    FAILS(HOB_ARGS("/nowhere/x"), -ENOENT, HOB_STEP_EXEC, "/nowhere/x", "cannot run '/nowhere/x'",
          .in = HOB_IO_PIPE, .out = HOB_IO_PIPE, .err = HOB_IO_PIPE);
    FAILS(HOB_ARGS("no-such-program"), -ENOENT, HOB_STEP_EXEC, "/bin/no-such-program", "PATH",
          .env = (const char *const[]){"PATH=/usr/bin:/bin", NULL});
    FAILS(HOB_ARGS("/etc/passwd"), -EACCES, HOB_STEP_EXEC, "/etc/passwd", "Permission denied", 0);
    FAILS(HOB_ARGS("/tmp"), -EACCES, HOB_STEP_EXEC, "/tmp", "Permission denied", 0);
    FAILS(HOB_ARGS("/etc/passwd/x"), -ENOTDIR, HOB_STEP_EXEC, "/etc/passwd/x", "Not a directory",
          0);
    if (getenv("TEST_SLOW")) return 0; /* valgrind ends the child itself, qemu says -ENOENT */
    write_program(in_folder("no-interpreter"), "#!/nowhere/sh\n", 0700);
    FAILS(HOB_ARGS(in_folder("no-interpreter")), -ENOENT, HOB_STEP_EXEC,
          in_folder("no-interpreter"), "interpreter", 0);
    write_program(in_folder("no-format"), "echo hi\n", 0700);
    FAILS(HOB_ARGS(in_folder("no-format")), -ENOEXEC, HOB_STEP_EXEC, in_folder("no-format"),
          "Exec format error", .detached = true);
    return 0;
}

PROCESS_TEST(directory_missing) {
    FAILS(HOB_ARGS("true"), -ENOENT, HOB_STEP_DIRECTORY, "/nowhere", "its directory '/nowhere'",
          .cwd = "/nowhere");
    FAILS(HOB_ARGS("true"), -ENOTDIR, HOB_STEP_DIRECTORY, "/etc/passwd", "directory",
          .cwd = "/etc/passwd");
    CHECK_OUTPUT("pwd", "/usr\n", .cwd = "/usr");
    return 0;
}

PROCESS_TEST(files_cannot_be_opened) {
    HAS_FOLDER;
    FAILS(HOB_ARGS("true"), -ENOENT, HOB_STEP_OPEN, "/nowhere/in", "cannot open '/nowhere/in'",
          .out = HOB_IO_PIPE, .in = HOB_IO_FILE("/nowhere/in"));
    FAILS(HOB_ARGS("true"), -EISDIR, HOB_STEP_OPEN, "/tmp", "cannot open '/tmp'",
          .out = HOB_IO_FILE("/tmp"));
    CHECK_EQ(mkfifo(in_folder("fifo"), 0600), 0);
    FAILS(HOB_ARGS("true"), -ENXIO, HOB_STEP_OPEN, in_folder("fifo"), "cannot open",
          .out = HOB_IO_FILE(in_folder("fifo")));
    FAILS(HOB_ARGS("true"), -EBADF, HOB_STEP_PREPARE, "", "Bad file descriptor",
          .out = HOB_IO_FD(900));
    return 0;
}

PROCESS_TEST(options_that_contradict_each_other) {
    struct hob_process_fd two[] = {{1, 3}, {2, 3}}, low[] = {{1, 2}};
    FAILS(HOB_ARGS("true"), -EINVAL, HOB_STEP_NONE, "", "two descriptors as 3", .fds = two,
          .fd_count = 2);
    FAILS(HOB_ARGS("true"), -EINVAL, HOB_STEP_NONE, "", "3 or more", .fds = low, .fd_count = 1);
    FAILS(HOB_ARGS("true"), -EINVAL, HOB_STEP_NONE, "", "detached", .detached = true,
          .terminal = true);
    FAILS(HOB_ARGS("true"), -EINVAL, HOB_STEP_NONE, "", "no such signal", .stop_signal = 99);
    FAILS((const char *const[]){NULL}, -EINVAL, HOB_STEP_NONE, "", "no program", 0);
    FAILS(HOB_ARGS("true"), -EINVAL, HOB_STEP_PREPARE, "", "HOB_IO_MERGE", .out = HOB_IO_MERGE);
    FAILS(HOB_ARGS("true"), -EINVAL, HOB_STEP_PREPARE, "", "HOB_IO_FROM", .err = HOB_IO_FROM(NULL));
    FAILS(HOB_ARGS("true"), -EINVAL, HOB_STEP_PREPARE, "", "HOB_IO_FROM", .in = HOB_IO_FROM(NULL));
    struct hob_process_result r;
    CHECK_EQ(hob_process_output(&r, SH("exit 0"), .in = HOB_IO_NULL, .input = "x", .input_size = 1),
             -EINVAL);
    hob_process_result_free(&r);
    return 0;
}

PROCESS_TEST(files_null_merge_and_given_descriptors) {
    HAS_FOLDER;
    HOB_PROCESS(p);
    HOB_TRY(hob_process_spawn(&p, SH("echo one; echo two >&2"),
                              .out = HOB_IO_FILE(in_folder("log")), .err = HOB_IO_MERGE));
    CHECK_EQ(hob_process_wait(p), 0);
    HOB_PROCESS(q);
    HOB_TRY(hob_process_spawn(&q, SH("echo three"), .out = HOB_IO_APPEND(in_folder("log"))));
    CHECK_EQ(hob_process_wait(q), 0);
    CHECK_OUTPUT("cat", "one\ntwo\nthree\n", .in = HOB_IO_FILE(in_folder("log")));
    CHECK_OUTPUT("cat; echo out; echo err >&2", "out\n", .in = HOB_IO_NULL, .err = HOB_IO_NULL);
    CHECK_OUTPUT("echo out; echo err >&2", "out\nerr\n", .err = HOB_IO_MERGE);
    int fd = open(in_folder("log"), O_RDWR | O_CLOEXEC);
    CHECK_OUTPUT("head -n 1", "one\n", .in = HOB_IO_FD(fd));
    close(fd);
    return 0;
}

PROCESS_TEST(further_descriptors_wherever_they_come_from) {
    HAS_FOLDER;
    /* Their places and their sources overlap, each other's and the standard ones'. */
    for (int i = 3; i < 9; i++) {
        char name[16], text[24];
        snprintf(name, sizeof name, "%d", i);
        snprintf(text, sizeof text, "file %d", i);
        write_program(in_folder(name), text, 0600);
    }
    int fd[9];
    for (int i = 3; i < 9; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        fd[i] = open(in_folder(name), O_RDONLY | O_CLOEXEC);
    }
    struct hob_process_fd fds[] = {{fd[3], fd[4]}, {fd[4], fd[3]}, {fd[5], 40}, {fd[6], fd[5]}};
    char line[200];
    snprintf(line, sizeof line, "for f in %d %d 40 %d; do cat <&$f; echo; done", fd[4], fd[3],
             fd[5]);
    struct hob_process_result r;
    CHECK_EQ(hob_process_output(&r, HOB_ARGS("/bin/bash", "-c", line), .fds = fds, .fd_count = 4),
             0);
    CHECK_STR(r.out, "file 3\nfile 4\nfile 5\nfile 6\n");
    hob_process_result_free(&r);
    for (int i = 3; i < 9; i++) close(fd[i]);
    return 0;
}

PROCESS_TEST(no_descriptor_leaks_into_the_child) {
    int open_ones[20];
    for (int i = 0; i < 20; i++) open_ones[i] = open("/dev/null", O_RDONLY); /* no O_CLOEXEC */
    CHECK_EQ(dup2(open_ones[0], 300), 300);
    struct hob_process_fd pass[] = {{open_ones[0], 7}, {open_ones[1], 5}};
    CHECK_OUTPUT("exec ls /proc/self/fd", "0\n1\n2\n3\n"); /* 3: ls reads the directory */
    CHECK_OUTPUT("exec ls /proc/self/fd", "0\n1\n2\n3\n5\n7\n", .fds = pass, .fd_count = 2);
    close(300);
    for (int i = 0; i < 20; i++) close(open_ones[i]);
    return 0;
}

/* With its own standard descriptors closed the program's pipes may get their numbers. */
static int without_standard_descriptors(void) {
    struct hob_process_result r;
    CHECK_EQ(
        hob_process_output(&r, SH("cat; echo out; echo err >&2"), .input = "in ", .input_size = 3),
        0);
    CHECK_STR(r.out, "in out\n");
    CHECK_STR(r.err, "err\n");
    hob_process_result_free(&r);
    return 0;
}
HOB_TASK(without_standard_descriptors)
TEST(standard_descriptors_of_the_program_are_closed) {
    int kept = fcntl(2, F_DUPFD, 100);
    close(0);
    close(1);
    close(2);
    int rc = hob_run(without_standard_descriptors);
    dup2(kept, 2);
    CHECK_EQ(rc, 0);
}

static void on_signal(int sig) { (void)sig; }

static const char *signals_of(const char *which, char *line) {
    snprintf(line, 160, "exec sed -n 's/^Sig%s:[^0-9a-f]*//p' /proc/self/status", which);
    return line;
}
TEST(signals_are_reset_in_the_child) {
    signal(SIGHUP, SIG_IGN);
    signal(SIGUSR1, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, on_signal);
    sigset_t some;
    sigemptyset(&some);
    sigaddset(&some, SIGUSR2);
    sigaddset(&some, SIGRTMAX);
    pthread_sigmask(SIG_BLOCK, &some, NULL);
    sigset_t before, after;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    extern int task_reset(void);
    CHECK_EQ(task_reset(), 0);
    signal(SIGUSR2, SIG_IGN); /* as one that was ignored when the program began */
    CHECK_EQ(task_reset(), 0);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (int sig = 1; sig < SIGRTMAX; sig++)
        CHECK_EQ(sigismember(&before, sig), sigismember(&after, sig));
}
static unsigned long long ignored_here(void) {
    char line[256];
    unsigned long long mask = 0;
    FILE *f = fopen("/proc/self/status", "r");
    CHECK(f != NULL);
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "SigIgn: %llx", &mask) == 1) break;
    fclose(f);
    return mask;
}
/* What posix_spawn() of the C library, as make's, leaves ignored in a child: its two own signals,
 * which an emulated program does not reach. */
static unsigned long long inherited_signals(void) {
    const char *slow = getenv("TEST_SLOW");
    return slow && strcmp(slow, "qemu") == 0 ? ignored_here() & (3ull << 31) : 0;
}
static int reset_signals(void) {
    char line[160];
    char ignored[32];
    snprintf(ignored, sizeof ignored, "%016llx\n", inherited_signals());
    CHECK_OUTPUT(signals_of("Ign", line), ignored);
    CHECK_OUTPUT(signals_of("Blk", line), "0000000000000000\n");
    CHECK_OUTPUT(signals_of("Cgt", line), "0000000000000000\n");
    struct hob_process_result r;
    CHECK_EQ(hob_process_output(&r, SH(signals_of("Ign", line)), .keep_ignored = true), 0);
    /* SIGHUP, SIGUSR1, what whoever started the tests ignored, not SIGPIPE */
    unsigned long long kept = ignored_here() & 0xffff & ~(1ull << (SIGPIPE - 1));
    CHECK_EQ(kept & 0x201, 0x201);
    CHECK_EQ(strtoull(r.out, NULL, 16) & 0xffff, kept);
    hob_process_result_free(&r);
    return 0;
}
HOB_TASK(reset_signals)
int task_reset(void);
int task_reset(void) { return hob_run(reset_signals); }

PROCESS_TEST(sessions_and_groups) {
    char text[64];
    snprintf(text, sizeof text, "%d %d\n", (int)getpgrp(), (int)getsid(0));
    const char *line = "ps -o pgid=,sid= -p $$ | sed 's/^ *//; s/  */ /g'";
    CHECK_OUTPUT(line, text);
    HOB_PROCESS(p);
    HOB_TRY(hob_process_spawn(&p, HOB_ARGS("sleep", "60"), .group = true));
    CHECK_EQ(getpgid(hob_process_pid(p)), hob_process_pid(p));
    CHECK_EQ(getsid(hob_process_pid(p)), getsid(0));
    HOB_PROCESS(q);
    HOB_TRY(hob_process_spawn(&q, HOB_ARGS("sleep", "60"), .session = true));
    CHECK_EQ(getsid(hob_process_pid(q)), hob_process_pid(q));
    return 0;
}

PROCESS_TEST(another_user) {
    if (getuid() != 0) {
        FAILS(HOB_ARGS("true"), -EPERM, HOB_STEP_USER, "", "becoming user 65534", .as_user = true,
              .uid = 65534, .gid = 65534);
        return 0;
    }
    CHECK_OUTPUT("id -u; id -g; id -G", "65534\n65533\n65533\n", .as_user = true, .uid = 65534,
                 .gid = 65533);
    static const gid_t groups[] = {65531, 65532};
    CHECK_OUTPUT("id -G", "65533 65531 65532\n", .as_user = true, .uid = 65534, .gid = 65533,
                 .groups = groups, .group_count = 2);
    FAILS(HOB_ARGS("true"), -EACCES, HOB_STEP_DIRECTORY, "/root", "directory", .as_user = true,
          .uid = 65534, .gid = 65534, .cwd = "/root");
    CHECK_EQ(geteuid(), 0);
    return 0;
}

/* ---- signals, groups, ends ---- */

PROCESS_TEST(signals_reach_it) {
    HOB_PROCESS(p);
    HOB_TRY(hob_process_spawn(
        &p, SH("trap 'echo got; exit 5' USR1; echo ready; while :; do sleep 0.01; done"),
        .out = HOB_IO_PIPE));
    char text[16];
    HOB_TRY(hob_read_exactly(hob_process_out(p), text, 6));
    struct hob_process_status st;
    hob_process_status(p, &st);
    CHECK(st.running);
    CHECK_EQ(hob_process_kill(p, 999), -EINVAL);
    CHECK_EQ(hob_process_kill_group(p, SIGTERM), -EINVAL);
    CHECK_EQ(hob_process_kill(p, 0), 0);
    CHECK_EQ(hob_process_kill(p, SIGUSR1), 0);
    HOB_TRY(hob_read_exactly(hob_process_out(p), text, 4));
    CHECK(memcmp(text, "got\n", 4) == 0);
    CHECK_EQ(hob_process_wait(p), 5);
    return 0;
}

static pid_t read_pid(struct hob_stream *s) {
    char text[16] = "";
    size_t n = 0;
    while (n < sizeof text - 1 && (n == 0 || text[n - 1] != '\n'))
        if (hob_read(s, text + n++, 1) != 1) FAIL("no process number");
    return atoi(text);
}

PROCESS_TEST(a_group_is_ended_as_a_whole) {
    pid_t grandchild, orphan;
    {
        HOB_PROCESS(p);
        HOB_TRY(hob_process_spawn(&p, SH("sleep 600 & echo $!; wait"), .out = HOB_IO_PIPE,
                                  .group = true));
        grandchild = read_pid(hob_process_out(p));
        CHECK(lives(grandchild));
    }
    HOB_TRY(gone(grandchild));
    {
        HOB_PROCESS(p); /* the leader ends first */
        HOB_TRY(hob_process_spawn(&p, SH("sleep 600 & echo $!; exit 3"), .out = HOB_IO_PIPE,
                                  .group = true));
        orphan = read_pid(hob_process_out(p));
        CHECK_EQ(hob_process_wait(p), 3);
        CHECK(lives(orphan));
        CHECK_EQ(hob_process_kill(p, SIGKILL), -ESRCH);
        CHECK_EQ(hob_process_kill_group(p, 0), 0);
        CHECK_EQ(hob_process_wait(p), 3);
    }
    HOB_TRY(gone(orphan));
    return 0;
}

PROCESS_TEST(stop_asks_first_then_kills) {
    char text[8];
    {
        HOB_PROCESS(p);
        HOB_TRY(hob_process_spawn(
            &p, SH("trap 'exit 9' TERM; echo ready; while :; do sleep 0.01; done"),
            .out = HOB_IO_PIPE));
        HOB_TRY(hob_read_exactly(hob_process_out(p), text, 6));
        CHECK_EQ(hob_process_stop(p, 30), 9);
        CHECK_EQ(hob_process_stop(p, 30), 9);
    }
    HOB_PROCESS(p);
    HOB_TRY(hob_process_spawn(&p, SH("trap '' TERM INT; echo ready; while :; do sleep 0.01; done"),
                              .out = HOB_IO_PIPE, .stop_signal = SIGINT));
    HOB_TRY(hob_read_exactly(hob_process_out(p), text, 6));
    uint64_t began = hob_now();
    CHECK_EQ(hob_process_stop(p, 0.05), HOB_E_KILLED);
    CHECK(hob_now() - began >= 50000000u);
    struct hob_process_status st;
    hob_process_status(p, &st);
    CHECK_EQ(st.signal, SIGKILL);
    return 0;
}

PROCESS_TEST(close_may_ask_first) {
    char text[8];
    int fds[2];
    CHECK_EQ(pipe2(fds, O_CLOEXEC), 0);
    {
        HOB_PROCESS(p);
        HOB_TRY(hob_process_spawn(
            &p, SH("trap 'echo bye; exit' TERM; echo ready >&2; while :; do sleep 0.01; done"),
            .out = HOB_IO_FD(fds[1]), .err = HOB_IO_PIPE, .grace = 30));
        HOB_TRY(hob_read_exactly(hob_process_err(p), text, 6));
        hob_cancel(hob_self()); /* also in a cancelled task */
    }
    hob_uncancel();
    close(fds[1]);
    CHECK_EQ(read(fds[0], text, 8), 4);
    close(fds[0]);
    return 0;
}

static int interrupted_stop(struct hob_process *p) { return hob_process_stop(p, 60); }
PROCESS_TEST(a_cancelled_stop_leaves_it_to_close) {
    char text[8];
    HOB_PROCESS(p);
    HOB_TRY(hob_process_spawn(&p, SH("trap '' TERM; echo ready; while :; do sleep 0.01; done"),
                              .out = HOB_IO_PIPE));
    HOB_TRY(hob_read_exactly(hob_process_out(p), text, 6));
    CHECK_EQ(hob_within(0.02, interrupted_stop(p)), -ETIMEDOUT);
    struct hob_process_status st;
    hob_process_status(p, &st);
    CHECK(st.running);
    return 0;
}

PROCESS_TEST(detached_goes_on) {
    if (getenv("TEST_SLOW")) return 0; /* clone() with these flags is not imitated there */
    struct hob_process *p;
    HOB_TRY(hob_process_spawn(&p, SH("exec sleep 600"), .detached = true));
    pid_t pid = hob_process_pid(p);
    CHECK(childless());
    CHECK(lives(pid));
    CHECK_EQ(getsid(pid), pid);
    hob_process_close(p);
    CHECK(lives(pid));
    CHECK_EQ(kill(pid, SIGKILL), 0);
    HOB_TRY(gone(pid));
    /* It can be waited for and signalled; its status belongs to init. */
    HOB_TRY(hob_process_spawn(&p, SH("exec sleep 600"), .detached = true));
    CHECK_EQ(hob_process_kill(p, SIGTERM), 0);
    int rc = hob_process_wait(p);
    CHECK(rc == HOB_E_STATUS_LOST || rc == HOB_E_KILLED); /* Linux 6.15 tells */
    CHECK_EQ(hob_process_kill(p, SIGTERM), -ESRCH);
    hob_process_close(p);
    return 0;
}
PROCESS_TEST(death_signal) {
    if (getenv("TEST_SLOW")) return 0; /* qemu fails in a child of a fork that starts another */
    int fds[2];
    CHECK_EQ(pipe2(fds, O_CLOEXEC), 0);
    fflush(NULL);
    pid_t parent = fork(), orphan = 0;
    if (parent == 0) { /* a program that is killed while its child runs */
        extern int task_dies(int fd);
        _exit(task_dies(fds[1]));
    }
    CHECK_EQ(read(fds[0], &orphan, sizeof orphan), sizeof orphan);
    close(fds[0]);
    close(fds[1]);
    waitpid(parent, NULL, 0);
    return gone(orphan);
}
static int dies(int fd) {
    struct hob_process *p;
    HOB_TRY(hob_process_spawn(&p, HOB_ARGS("sleep", "600"), .death_signal = SIGKILL));
    pid_t pid = hob_process_pid(p);
    CHECK_EQ(write(fd, &pid, sizeof pid), sizeof pid);
    kill(getpid(), SIGKILL);
    return 0;
}
HOB_TASK(dies, int)
int task_dies(int fd);
int task_dies(int fd) { return hob_run(dies, fd); }

/* ---- pipes between processes ---- */

PROCESS_TEST(from_one_to_the_next) {
    HOB_PROCESS(a);
    HOB_PROCESS(b);
    HOB_PROCESS(c);
    HOB_TRY(hob_process_spawn(&a, SH("printf 'b\\na\\nc\\n'"), .out = HOB_IO_PIPE));
    /* A start that fails leaves the pipe where it was. */
    CHECK_EQ(hob_process_spawn(&b, HOB_ARGS("/nowhere"), .in = HOB_IO_FROM(a)), -ENOENT);
    CHECK(hob_process_out(a) != NULL);
    HOB_TRY(hob_process_spawn(&b, HOB_ARGS("sort"), .in = HOB_IO_FROM(a), .out = HOB_IO_PIPE));
    CHECK(hob_process_out(a) == NULL);
    HOB_TRY(hob_process_spawn(&c, HOB_ARGS("tr", "-d", "\\n"), .in = HOB_IO_FROM(b),
                              .out = HOB_IO_PIPE));
    struct hob_process_result r;
    CHECK_EQ(hob_process_communicate(c, NULL, 0, &r, 0), 0);
    CHECK_STR(r.out, "abc");
    CHECK(r.err == NULL);
    hob_process_result_free(&r);
    CHECK_EQ(hob_process_wait(a), 0);
    CHECK_EQ(hob_process_wait(b), 0);
    return 0;
}

PROCESS_TEST(a_pipe_by_hand) {
    HOB_PROCESS(p);
    HOB_TRY(hob_process_spawn(&p, HOB_ARGS("cat"), .in = HOB_IO_PIPE, .out = HOB_IO_PIPE));
    char text[8];
    for (int i = 0; i < 3; i++) {
        HOB_TRY(hob_write(hob_process_in(p), "hello", 5));
        HOB_TRY(hob_read_exactly(hob_process_out(p), text, 5));
        CHECK(memcmp(text, "hello", 5) == 0);
    }
    HOB_TRY(hob_shutdown(hob_process_in(p)));
    CHECK_EQ(hob_read(hob_process_out(p), text, 5), 0);
    CHECK_EQ(hob_process_wait(p), 0);
    return 0;
}

/* ---- a large parent ---- */

static double cost_of_starts(int n) {
    uint64_t began = hob_now();
    for (int i = 0; i < n; i++) {
        struct hob_process_result r;
        CHECK_EQ(hob_process_output(&r, HOB_ARGS("/bin/true")), 0);
        hob_process_result_free(&r);
    }
    return (double)(hob_now() - began) / n / 1e3;
}
PROCESS_TEST(a_large_parent_costs_no_more) {
    if (getenv("TEST_SLOW")) return 0;
    double small = cost_of_starts(20);
    size_t n = (size_t)256 << 20;
    char *large = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(large != MAP_FAILED);
    madvise(large, n, MADV_NOHUGEPAGE);
    for (size_t i = 0; i < n; i += 4096) { /* a fork would copy 65,536 entries */
        large[i] = 1;
        if (i % (16 << 20) == 0) HOB_TRY(hob_yield_now());
    }
    double with = cost_of_starts(20);
    munmap(large, n);
    printf("a start, run and end: %.0f us, in a parent of 256 MiB %.0f us\n", small, with);
    return 0;
}

TEST_MAIN()
