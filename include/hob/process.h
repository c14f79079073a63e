/* hob/process.h - running other programs: their descriptors, their output, their end.
 *
 *   struct hob_process_result r = {0};
 *   HOB_TRY(hob_process_output(&r, HOB_ARGS("git", "log", "-1"), .check = true));
 *
 *   HOB_PROCESS(p);                                          ended when the block is left
 *   HOB_TRY(hob_process_spawn(&p, HOB_ARGS("sort"), .in = HOB_IO_PIPE, .out = HOB_IO_PIPE));
 *
 * A child gets what it is given and nothing else: all signals have their default dispositions and
 * none is blocked, and of the program's descriptors it sees standard input, output, error and those
 * in .fds. It is started without copying the program's memory, so that a large parent costs no more
 * than a small one; the loop stands still until the child has begun its program, half a millisecond
 * or so. It is watched through a descriptor (pidfd), not by SIGCHLD: the program's other children
 * are left alone, and a signal can never reach a process that got the number of one that has ended.
 * Linux 5.9 or later.
 *
 * hob_process_close() ends what still runs, and waits for that; with HOB_PROCESS or HOB_DEFER that
 * happens however the block is left, so that cancellation leaves neither a child nor a zombie. A
 * handle belongs to the loop that it was made in. */
#ifndef HOB_PROCESS_H
#define HOB_PROCESS_H
#pragma GCC system_header

#include <hob/base.h>
#include <sys/types.h>
#ifdef __cplusplus
#include <initializer_list>
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct hob_process;
struct hob_stream;

/* ---- its descriptors ---- */

enum hob_io_kind {
    HOB__IO_INHERIT = 0,
    HOB__IO_NULL,
    HOB__IO_PIPE,
    HOB__IO_MERGE,
    HOB__IO_FD,
    HOB__IO_FILE,
    HOB__IO_APPEND,
    HOB__IO_FROM
};

/* What one of the child's standard descriptors is; made by the macros below. */
struct hob_io {
    enum hob_io_kind kind;
    int fd;
    const char *path;
    struct hob_process *process;
};

static inline struct hob_io hob__io(enum hob_io_kind kind, int fd, const char *path,
                                    struct hob_process *process) {
    struct hob_io io = {kind, fd, path, process};
    return io;
}

/* The program's own (the default). */
#define HOB_IO_INHERIT hob__io(HOB__IO_INHERIT, -1, NULL, NULL)
/* /dev/null. */
#define HOB_IO_NULL hob__io(HOB__IO_NULL, -1, NULL, NULL)
/* A pipe to the program: hob_process_in(), _out(), _err(). */
#define HOB_IO_PIPE hob__io(HOB__IO_PIPE, -1, NULL, NULL)
/* .err only: where .out goes (2>&1). */
#define HOB_IO_MERGE hob__io(HOB__IO_MERGE, -1, NULL, NULL)
/* A descriptor of the program's, which stays its own. Whether it is non-blocking is seen by both.
 */
#define HOB_IO_FD(fd) hob__io(HOB__IO_FD, (fd), NULL, NULL)
/* A file: read (.in), or created (mode 0666 less the umask) and emptied. A FIFO that nobody reads
 * is -ENXIO. */
#define HOB_IO_FILE(path) hob__io(HOB__IO_FILE, -1, (path), NULL)
/* A file that is created or added to. */
#define HOB_IO_APPEND(path) hob__io(HOB__IO_APPEND, -1, (path), NULL)
/* .in only: what another process, started with .out = HOB_IO_PIPE, writes; nothing of it may have
 * been read. That process's hob_process_out() is NULL afterwards. */
#define HOB_IO_FROM(process) hob__io(HOB__IO_FROM, -1, NULL, (process))

/* A further descriptor of the child's: `fd` of the program's under the number `as`, 3 or more. */
struct hob_process_fd {
    int fd, as;
};

/* ---- starting ---- */

/* Where a start failed. */
enum hob_process_step {
    HOB_STEP_NONE = 0,
    HOB_STEP_PREPARE,      /* pipes, memory */
    HOB_STEP_OPEN,         /* a file for .in, .out, .err: path */
    HOB_STEP_TERMINAL,     /* the pseudo-terminal */
    HOB_STEP_START,        /* making the process */
    HOB_STEP_GROUP,        /* session or group */
    HOB_STEP_DESCRIPTORS,  /* putting its descriptors in their places */
    HOB_STEP_USER,         /* becoming .uid, .gid */
    HOB_STEP_DIRECTORY,    /* .cwd: path */
    HOB_STEP_DEATH_SIGNAL, /* .death_signal */
    HOB_STEP_EXEC          /* the program: path */
};

struct hob_process_failure {
    enum hob_process_step step;
    int code;       /* negative errno */
    char path[256]; /* the file or directory, cut; "" when it is about none */
};

/* All zero is the default. Nothing is kept but what the call itself needs. */
struct hob_process_options {
    struct hob_io in, out, err;
    const char *program;        /* the file to run, when argv[0] is to be another word */
    const char *cwd;            /* its directory; a program with a slash is looked for from there */
    const char *const *env;     /* its whole environment, "NAME=value", ended by NULL; default: the
                                   program's */
    const char *const *add_env; /* on top of that: "NAME=value", or "NAME" to leave it out */
    const struct hob_process_fd *fds; /* further descriptors */
    size_t fd_count;
    bool group;        /* leads a process group of its own: what it starts is ended with it */
    bool session;      /* leads a session of its own, and a group */
    bool detached;     /* goes on without the program: its own session, adopted by init, neither
                          ended nor waited for by hob_process_close(). Its exit status is not the
                          program's to know */
    bool keep_ignored; /* signals that the program ignores are ignored in the child (nohup); but
                          SIGPIPE */
    int death_signal;  /* sent to it when the thread that started it ends; 0 = none */
    bool as_user;      /* becomes uid and gid (needs the rights), its supplementary groups are
                          `groups`: by default none */
    uid_t uid;
    gid_t gid;
    const gid_t *groups;
    size_t group_count;
    bool terminal; /* a pseudo-terminal for whatever of in, out, err is HOB_IO_INHERIT:
                      hob_process_terminal(). It is the controlling terminal of a new session */
    unsigned short rows, columns; /* of the terminal; default 24, 80 */
    int stop_signal;              /* default SIGTERM */
    double grace; /* hob_process_close() asks with the stop signal first, and waits this many
                     seconds before it kills; default 0: it kills at once */
    struct hob_process_failure *failure; /* is filled when the start fails */

    /* ---- hob_process_output() only ---- */
    const void *input; /* written to its standard input */
    size_t input_size;
    size_t limit; /* of its output and of its error text, bytes each; default 16 MiB */
    bool check;   /* another exit status than 0 is HOB_E_EXIT, whose record has its last words */
    double drain; /* output is read for this many seconds after its end at most, whoever still holds
                     the pipes; default 0: to the end of the output */
};

/* .. HOB_ARGS("ls", "-l", dir) ..: the words of a command, until the end of the block (in C++: of
 * the expression). */
#ifdef __cplusplus
#define HOB_ARGS(...) (std::initializer_list<const char *>{__VA_ARGS__, nullptr}.begin())
#define HOB__ARGV(argv) (argv)
#else
#define HOB_ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})
/* char ** and const char ** are the same here; anything else is an error. */
#define HOB__ARGV(argv)                                                                            \
    ((const char *const *)_Generic((argv), char **                                                 \
                                   : (argv), char *const *                                         \
                                   : (argv), const char **                                         \
                                   : (argv), const char *const *                                   \
                                   : (argv)))
#endif

/* hob_process_spawn(&p, HOB_ARGS("sort", "-n"), .in = HOB_IO_PIPE, ...): starts a program. argv
 * ends with NULL; a program without a slash is looked for in the PATH of the environment that the
 * child will have. Does not wait; cancellation point: cancelled, nothing has been started. 0 and
 * *out; else *out is NULL, nothing runs, and the record says what failed: -ENOENT, -EACCES,
 * -ENOEXEC, -EMFILE, -EAGAIN (too many processes), -EPERM, -EINVAL (options that contradict each
 * other) ... The step is in .failure. Close it with hob_process_close(). */
#define hob_process_spawn(out, argv, ...)                                                          \
    hob__process_spawn((out), HOB__ARGV(argv), HOB__OPTIONS(hob_process_options, __VA_ARGS__))
HOB_API int hob__process_spawn(struct hob_process **out, const char *const *argv,
                               struct hob_process_options options);

/* The same with a line for /bin/sh -c. Words from outside do not belong into such a line. */
#define hob_process_shell(out, line, ...)                                                          \
    hob__process_shell((out), (line), HOB__OPTIONS(hob_process_options, __VA_ARGS__))
HOB_API int hob__process_shell(struct hob_process **out, const char *line,
                               struct hob_process_options options);

/* HOB_PROCESS(p); declares `struct hob_process *p = NULL`, closed when the block is left. */
#define HOB_PROCESS(p)                                                                             \
    struct hob_process *p __attribute__((cleanup(hob__process_leave), unused)) = NULL

/* Ends the process if it still runs (with its group, if it leads one; detached ones are left
 * alone), waits for its end, closes its streams and frees the handle. NULL is allowed. Waits, but
 * for the grace only for what SIGKILL makes certain; a cancel does not cut it short. A task that is
 * in a call on it: misuse. */
HOB_API void hob_process_close(struct hob_process *p);
static inline void hob__process_leave(struct hob_process **p) { hob_process_close(*p); }

/* ---- while it runs ---- */

HOB_API pid_t hob_process_pid(const struct hob_process *p);
/* The program's ends of its pipes, and its terminal: streams that belong to the process. NULL when
 * there is none. hob_shutdown(hob_process_in(p)) tells it the end of its input. */
HOB_API struct hob_stream *hob_process_in(const struct hob_process *p);
HOB_API struct hob_stream *hob_process_out(const struct hob_process *p);
HOB_API struct hob_stream *hob_process_err(const struct hob_process *p);
HOB_API struct hob_stream *hob_process_terminal(const struct hob_process *p);
/* Changes the size of its terminal, which tells it so (SIGWINCH). 0, -EINVAL without one. */
HOB_API int hob_process_resize(struct hob_process *p, unsigned short rows, unsigned short columns);

/* Waits for its end: the exit status (0 to 255); HOB_E_KILLED when a signal ended it;
 * HOB_E_STATUS_LOST (SIGCHLD is ignored and the kernel is older than 6.15, another part of the
 * program waits for all children, or it is detached); -ECANCELED: it runs on. Any number of tasks
 * may wait, and ask again afterwards. Who else holds its pipes does not matter. Cancellation point.
 */
HOB_API int hob_process_wait(struct hob_process *p);

/* How it ended. */
struct hob_process_status {
    bool running;
    int code;        /* exit status; -1 when it was killed or the status is lost */
    int signal;      /* that killed it, or 0 */
    bool core;       /* with a core dump */
    double user;     /* seconds of CPU time, its waited-for children's too */
    double system;   /* the same in the kernel */
    long max_rss_kb; /* its largest resident memory */
};
/* What is known now. Does not wait. */
HOB_API void hob_process_status(struct hob_process *p, struct hob_process_status *status);

/* Sends a signal. 0, -ESRCH when it has ended, -EINVAL, -EPERM. Does not wait. */
HOB_API int hob_process_kill(struct hob_process *p, int signal);
/* To every process of its group (.group, .session, .terminal; else -EINVAL), also when the leader
 * has ended already. */
HOB_API int hob_process_kill_group(struct hob_process *p, int signal);
/* Asks with the stop signal (the group, if it leads one), waits up to `grace` seconds for its end,
 * then kills. Returns as hob_process_wait(); -ECANCELED: it has been asked and may run on.
 * Cancellation point. */
HOB_API int hob_process_stop(struct hob_process *p, double grace);

/* ---- all of its output ---- */

/* Each text has a NUL behind its last byte; NULL when there was no pipe. All zero is empty. */
struct hob_process_result {
    char *out, *err;
    size_t out_size, err_size;
    struct hob_process_status status;
};
/* A second time, or on one that is all zero, it does nothing. */
HOB_API void hob_process_result_free(struct hob_process_result *r);

/* Writes the input (if .in is a pipe; that is closed behind it, and a child that does not read it
 * to its end is no error), reads both outputs to their ends at the same time, and waits for the
 * process. Returns as hob_process_wait(), or HOB_E_LIMIT when an output is longer than `limit`
 * bytes (0 = 16 MiB): the process runs on then, and its pipes are of no use. *r is what came,
 * whatever is returned: free it. Cancellation point; cancelled, the process runs on. */
HOB_API int hob_process_communicate(struct hob_process *p, const void *input, size_t n,
                                    struct hob_process_result *r, size_t limit);

/* hob_process_output(&r, HOB_ARGS("uname", "-r"), .check = true): starts a program, communicates,
 * and closes it: what of .out and .err is HOB_IO_INHERIT becomes a pipe, .in when there is .input.
 * Returns as hob_process_communicate(), or why it could not be started, or HOB_E_EXIT (.check).
 * However it returns, the process has ended; cancelled, it is killed. *r is to be freed, also after
 * an error. */
#define hob_process_output(r, argv, ...)                                                           \
    hob__process_output((r), HOB__ARGV(argv), HOB__OPTIONS(hob_process_options, __VA_ARGS__))
HOB_API int hob__process_output(struct hob_process_result *r, const char *const *argv,
                                struct hob_process_options options);

#ifdef __cplusplus
}
#endif
#endif
