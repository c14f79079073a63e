/* fork_test.c - a child process does not disturb its parent's loop: not its ring or epoll instance,
 * its registrations, timers, wake-ups, threads, pools; whatever the child does with its copies. */
#include "test.h"

#include <fcntl.h>
#include <hob/channel.h>
#include <hob/file.h>
#include <hob/net.h>
#include <hob/process_pool.h>
#include <hob/thread.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>

#include "fiber/sanitize.h"

/* qemu and ThreadSanitizer die of threads in a child; then it has none. */
static bool no_threads(void) { return getenv("TEST_SLOW") || HOB__TSAN; }

/* Runs fn in a child and waits for it, while the loop goes on. */
static int reap(int pid) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}
HOB_TASK(reap, int)
static int in_child(int (*fn)(void)) {
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(30);
        if (no_threads()) setenv("HOB_SLOW_MS", "0", 1);
        _exit(fn());
    }
    return hob_to_thread(reap, pid);
}
/* What the parent's other threads held at the fork is nobody's in the child: valgrind, which looks
 * for lost memory at an exit, would find some of it. */
static bool valgrind(void) {
    const char *slow = getenv("TEST_SLOW");
    return slow && strcmp(slow, "valgrind") == 0;
}

/* The parent: a reader on each end of a pair, a sleeper, a thread's post; all have to work on. */
static int pairs[2];
static _Atomic int bytes, ticks, posts;
static int reads_on(int fd) {
    for (;;) {
        char byte;
        HOB_TRY(hob_poll(fd, POLLIN));
        if (recv(fd, &byte, 1, MSG_DONTWAIT) == 1) bytes++;
    }
}
HOB_TASK(reads_on, int)
static int sleeps_on(void) {
    for (;; ticks++) HOB_TRY(hob_sleep(0.002));
}
HOB_TASK(sleeps_on)
static void posted(void *arg) {
    (void)arg;
    posts++;
}
static int posts_once(struct hob_loop *loop) { return hob_loop_post(loop, posted, NULL); }
HOB_TASK(posts_once, struct hob_loop *)
static int reads_file(void) {
    char buf[64];
    struct iovec v = {buf, sizeof buf};
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int rc = (int)hob_preadv(fd, &v, 1, 0);
    close(fd);
    return rc;
}

static int works_on(void) {
    for (int round = 0; round < 3; round++) {
        int had_bytes = bytes, had_ticks = ticks, had_posts = posts;
        for (int i = 0; i < 2; i++) CHECK_EQ(send(pairs[i], "x", 1, 0), 1);
        CHECK_EQ(hob_to_thread(posts_once, hob_loop_current()), 0);
        while (bytes < had_bytes + 2 || ticks < had_ticks + 2 || posts == had_posts)
            HOB_TRY(hob_sleep(0.001));
        CHECK_EQ(reads_file(), 64);
    }
    return 0;
}

static int beside(int (*child)(void)) {
    bytes = ticks = posts = 0;
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pairs), 0);
    HOB_SCOPE(s);
    for (int i = 0; i < 2; i++) hob_spawn_daemon(s, reads_on, pairs[i]);
    hob_spawn_daemon(s, sleeps_on);
    HOB_TRY(works_on());
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(in_child(child), 0);
        HOB_TRY(works_on());
    }
    HOB_TRY(hob_join(s));
    close(pairs[0]);
    close(pairs[1]);
    return 0;
}

static int nothing(void) { return 0; }
HOB_TASK(nothing)
TASK_TEST(a_child_that_ends_at_once) { return beside(nothing); }

/* Closing every copied descriptor must not take the parent's registrations away. */
static int closes_all(void) {
    for (int fd = 3; fd < 300; fd++) close(fd);
    return 0;
}
TASK_TEST(a_child_that_closes_all_descriptors) { return beside(closes_all); }

static int execs(void) {
    execl("/bin/sh", "sh", "-c", "exit 0", (char *)NULL);
    return 1;
}
TASK_TEST(a_child_that_becomes_another_program) { return beside(execs); }

static int is_killed(void) {
    raise(SIGKILL);
    return 1;
}
static int killed_is_zero(void) { return 0; }
TASK_TEST(a_child_that_is_killed) {
    HOB_TRY(beside(killed_is_zero));
    CHECK_EQ(in_child(is_killed), 1000 + SIGKILL);
    return beside(killed_is_zero);
}

/* A loop of its own, with all that the parent's has, on descriptors of the same numbers. */
static int whole_life(void) {
    HOB_SCOPE(s);
    int p[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p) != 0) return -errno;
    hob_spawn_daemon(s, reads_on, p[0]);
    hob_spawn_daemon(s, sleeps_on);
    bytes = ticks = 0;
    if (send(p[1], "x", 1, 0) != 1) return -errno;
    while (bytes < 1 || ticks < 3) HOB_TRY(hob_sleep(0.001));
    if (no_threads()) return 0;
    if (reads_file() != 64) return -EIO;
    HOB_TRY(hob_to_thread(nothing));
    HOB_TRY(hob_to_cpu(nothing));
    HOB_TRY(hob_to_process(nothing));
    return hob_run_workers(2, nothing);
}
HOB_TASK(whole_life)
static int runs_a_loop(void) {
    int rc = hob_run(whole_life);
    if (rc < 0) fprintf(stderr, "in the child: %s\n", hob_strerror(rc));
    return rc == 0 ? 0 : 1;
}
static int runs_a_loop_and_is_killed(void) { return runs_a_loop() == 0 ? raise(SIGKILL) : 1; }
TASK_TEST(a_child_with_a_loop_of_its_own) { return beside(runs_a_loop); }

/* A fork in one of many threads, at any moment. */
static _Atomic bool over;
static struct hob_channel *shared;
static int passes(void) {
    long x = 1;
    while (!over) {
        HOB_TRY(hob_channel_send(shared, &x));
        HOB_TRY(hob_channel_recv(shared, &x));
        HOB_TRY(hob_to_thread(nothing));
    }
    return 0;
}
HOB_TASK(passes)
static int forks_often(void) {
    int times = no_threads() ? 3 : 20;
    for (int i = 0; i < times && !valgrind(); i++) CHECK_EQ(in_child(runs_a_loop), 0);
    for (int i = 0; i < times && valgrind(); i++)
        CHECK_EQ(in_child(runs_a_loop_and_is_killed), 1000 + SIGKILL);
    over = true;
    return 0;
}
static int busy_or_forking(void) {
    if (hob_worker_index() == 0) return forks_often();
    HOB_SCOPE(s);
    for (int i = 0; i < 3; i++) hob_spawn(s, passes);
    return hob_join(s);
}
HOB_TASK(busy_or_forking)
TEST(forks_while_other_loops_are_busy) {
#ifdef __SANITIZE_ADDRESS__
    return; /* gcc 12's allocator there holds no lock over a fork: one that another thread had is
               never let go in the child, whose threads then stand in it (seen in their stacks) */
#endif
    CHECK_EQ(hob_channel_open(&shared, sizeof(long), 100), 0);
    CHECK_EQ(hob_run_workers(3, busy_or_forking), 0);
    hob_channel_free(shared);
}

TEST_MAIN()
