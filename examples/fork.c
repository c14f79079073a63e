/* fork - a child made by fork() in the middle of a busy loop.
 *
 * The child is a copy of the program without its loop: it may run one of its own, compute, or
 * become another program, and whatever it does with its copies of the parent's descriptors, the
 * parent's loop is not disturbed. It must not return from the task that forked: it ends by _exit().
 * The parent reads what it says from a pipe, like from any stream, and waits for its end by a
 * descriptor of the kernel's (pidfd), as for any descriptor that Hob knows nothing of: hob_poll().
 *
 * For a program there is hob_process_spawn(), for a function hob_to_process(): this is what is left
 * when neither will do. With asyncio the child has the parent's loop, and breaks it. */
#define _DEFAULT_SOURCE 1 /* syscall() */
#include <errno.h>
#include <hob/hob.h>
#include <hob/net.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the child, in a loop of its own ---- */

static int say_one(struct hob_stream *parent, int i) {
    char line[32];
    HOB_TRY(hob_sleep(0.1 * i));
    int n = snprintf(line, sizeof line, "%d\n", i);
    return (int)hob_write(parent, line, (size_t)n);
}
HOB_TASK(say_one, struct hob_stream *, int)

static int child(int fd) {
    struct hob_stream *parent;
    HOB_TRY(hob_stream_open(fd, &parent));
    HOB_DEFER((void (*)(void *))hob_close, parent);
    HOB_SCOPE(s);
    for (int i = 3; i > 0; i--) hob_spawn(s, say_one, parent, i);
    return hob_join(s);
}
HOB_TASK(child, int)

static int live(int fd) {
    for (int i = 3; i < 1000; i++) /* it has the parent's, and no use for them */
        if (i != fd) close(i);
    return hob_run(child, fd) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- the parent ---- */

static int ticker(int *ticks) {
    for (;; ++*ticks) HOB_TRY(hob_sleep(0.02));
}
HOB_TASK(ticker, int *)

static int await_end(pid_t pid) {
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0) return hob_fail(-errno, "pidfd_open: %s", strerror(errno));
    int rc = hob_poll(fd, POLLIN);
    close(fd);
    return rc;
}

/* However the parent goes on: no child, and no zombie. */
static void end_child(void *arg) {
    pid_t *pid = (pid_t *)arg;
    if (*pid <= 0) return;
    kill(*pid, SIGKILL);
    waitpid(*pid, NULL, 0);
}

static int listen_to(int fd) {
    struct hob_stream *from;
    int rc = hob_stream_open(fd, &from);
    if (rc < 0) close(fd);
    HOB_TRY(rc);
    HOB_DEFER((void (*)(void *))hob_close, from);
    HOB_EACH_LINE(line, from) printf("the child says %s\n", line.text);
    return 0;
}

static int app(int argc, char **argv) {
    (void)argv;
    if (argc > 1) return hob_fail(-EINVAL, "fork takes no arguments");
    int ends[2], status = 0, ticks = 0;
    pid_t pid = 0;
    HOB_SCOPE(s);
    hob_spawn_daemon(s, ticker, &ticks);
    HOB_TRY(hob_sleep(0.1));
    if (pipe(ends) < 0) return hob_fail(-errno, "pipe: %s", strerror(errno));
    HOB_DEFER(end_child, &pid);
    fflush(stdout); /* else both print what stands in its buffer */
    pid = fork();
    if (pid == 0) _exit(live(ends[1]));
    int rc = pid < 0 ? hob_fail(-errno, "fork: %s", strerror(errno)) : 0;
    close(ends[1]);
    if (rc < 0) close(ends[0]);
    HOB_TRY(rc);

    HOB_TRY(listen_to(ends[0])); /* to the end of what it says */
    HOB_TRY(await_end(pid));
    waitpid(pid, &status, 0);
    pid = 0;
    printf("the child has ended with %d\n", WEXITSTATUS(status));
    printf("meanwhile the loop went on: %s\n", ticks >= 5 ? "yes" : "no");
    return 0;
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
