/* hob/loop.h - running a loop, what comes from outside into it, and looking at it. One loop per
 * thread; tasks never move between threads. */
#ifndef HOB_LOOP_H
#define HOB_LOOP_H
#pragma GCC system_header

#include <hob/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All zero is the default; the environment (named behind each) wins where it is set. HOB_DEBUG=1 in
 * the environment: each loop says when it begins and ends, and SIGQUIT (Ctrl-\) shows all tasks
 * with their stacks (HOB_REPORT_NOTE). */
struct hob_options {
    const char *backend; /* "uring" or "epoll"; default: the best the kernel gives (HOB_BACKEND) */
    size_t stack_size;   /* of tasks, bytes, at most 1 MiB; default 65536 (HOB_STACK_SIZE, "256k" is
                            understood) */
    size_t main_stack_size; /* of the main task, bytes; default 262144 */
    double grace;           /* seconds between Ctrl-C's ask and its cancel; default 0 (HOB_GRACE) */
    unsigned slow_ms;  /* a task that holds the loop longer is reported; default 100 (HOB_SLOW_MS, 0
                          = never) */
    bool no_interrupt; /* leave SIGINT alone */
    bool terminate;    /* SIGTERM stops the program in two phases, as Ctrl-C does */
};

/* int main(int argc, char **argv) { return hob_main(app, argc, argv); }
 * Runs app as the main task. The exit status: app's result (>= 0), or 1 after an error, whose
 * record is printed to standard error; 1 too when not all that was written to stdout has gone out
 * (a full disk), which is said. Ended by Ctrl-C, the process ends by SIGINT, as shells expect. */
#define hob_main(app, argc, argv) hob_main_with(HOB__OPTIONS(hob_options, ), app, argc, argv)
#define hob_main_with(options, app, argc, argv)                                                    \
    hob__main((options), (app), (argc), (argv), #app, __func__, __FILE__, __LINE__)
HOB_API int hob__main(struct hob_options options, int (*app)(int argc, char **argv), int argc,
                      char **argv, const char *name, const char *func, const char *file, int line);

/* Sets the grace of Ctrl-C of the running loop. */
HOB_API void hob_set_grace(double seconds);

/* The loop that runs in this thread, or NULL. */
HOB_API struct hob_loop *hob_loop_current(void);

/* How many posts may wait for a loop to run them. */
enum { HOB_POSTS_MAX = 65536 };
/* Runs fn(arg) in the loop's thread, outside any task, soon; fn must not wait. From any thread, not
 * from a signal handler. 0; -ENOMEM; -EAGAIN when the loop does not keep up and HOB_POSTS_MAX wait
 * already (nothing is posted; a thread may try again later); or HOB_E_CLOSED when the loop has
 * ended (the loop must still be held: hob_loop_hold). */
HOB_API int hob_loop_post(struct hob_loop *loop, void (*fn)(void *arg), void *arg);

/* Between hold and release a loop that has nothing to do waits for posts instead of reporting a
 * deadlock, and its memory stays valid. Hold in the loop's thread (or while another hold is in
 * force); release anywhere. */
HOB_API void hob_loop_hold(struct hob_loop *loop);
HOB_API void hob_loop_release(struct hob_loop *loop);

/* Every task of this loop that has not ended, in order of spawning: calls see(task, arg) until it
 * returns nonzero. */
HOB_API int hob_tasks(int (*see)(struct hob_task *t, void *arg), void *arg);

/* What it waits for ("queue", "sleep", "recv fd 7"; "running", "ready" or "done" otherwise). Valid
 * until the next call. */
HOB_API const char *hob_task_waiting(const struct hob_task *t);

/* The task's stack as text, a frame a line, innermost first: a suspended task's or the caller's
 * own. Writes as snprintf does; returns the full length, or -errno. */
HOB_API int hob_task_stack(const struct hob_task *t, char *buf, size_t n);

/* The same text as a deadlock report's: every task, indented by scope, with state, wait and place
 * of spawn. */
HOB_API int hob_task_tree(char *buf, size_t n);

/* Facts about the running loop. */
struct hob_loop_info {
    const char *backend;     /* "uring", "epoll" */
    const char *backend_why; /* why not the better one; "" when it is the best */
    uint64_t tasks;          /* that have not ended */
    uint64_t tasks_spawned;
    uint64_t turns;  /* looks at I/O */
    uint64_t stacks; /* in use */
};
HOB_API int hob_loop_info(struct hob_loop_info *info);

/* ---- task-locals ---- */

/* static struct hob_local user = HOB_LOCAL("user", NULL);
 * A value of each task, inherited (as it is then) by what the task spawns. */
struct hob_local {
    const char *name;
    void (*drop)(void *value); /* when the last task that sees the value has ended or set another;
                                  must not wait; may be NULL */
};
#define HOB_LOCAL(name, drop)                                                                      \
    { (name), (drop) }
/* Sets the value for the calling task and its future children. 0 or -ENOMEM (value not taken). */
HOB_API int hob_local_set(struct hob_local *key, void *value);
/* The value, or NULL. In a function that runs in a worker thread: that of the task that called it
 * (hob_to_thread() and the like; NULL with those that may leave, and in other processes). What it
 * points at is then used by two threads. */
HOB_API void *hob_local_get(const struct hob_local *key);

/* ---- memory ---- */

/* What the library allocates with; before the first loop. realloc(NULL, n) and realloc(p, 0) follow
 * C. NULL = libc. */
struct hob_allocator {
    void *(*realloc)(void *arg, void *p, size_t n);
    void (*free)(void *arg, void *p);
    void *arg;
};
HOB_API void hob_set_allocator(const struct hob_allocator *allocator);

#ifdef __cplusplus
}
#endif
#endif
