/* loop/process_linux.c - children: starting, reaping, signalling.
 *
 * A child is started by clone(CLONE_VM | CLONE_VFORK | CLONE_PIDFD): it runs in the parent's
 * memory, on a stack of its own, until it executes its program, while the parent's thread stands
 * still. So a large parent costs nothing, and what went wrong is simply left in the structure.
 * What follows from sharing the memory:
 *
 * - The child makes system calls and nothing else, directly: the C library's wrappers may be
 *   intercepted, be points of thread cancellation, or (setuid) speak to the other threads.
 * - All signals are blocked from before the clone until the child has put every disposition to
 *   its default; no handler of the program may run in it.
 * - It is not instrumented by the sanitizers, whose books it would leave open.
 *
 * Where clone() is only imitated by a fork (valgrind, qemu) the child has a copy of the memory and
 * the parent goes on at once: `shared` is not set then, and the pipe, which the child's exec
 * closes, tells instead.
 *
 * A detached child is the child of a child that ends at once: init adopts it. The one in between
 * shares the table of descriptors too, so that the pidfd arrives in the parent. */
#include "loop/process.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "fiber/sanitize.h"
#include "loop/internal.h"

#if HOB__TSAN
/* The same function past ThreadSanitizer, which takes every clone() for a fork and ends. */
extern int __clone(int (*fn)(void *arg), void *stack, int flags, void *arg, ...);
#define CLONE __clone
#else
#define CLONE clone
#endif

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

enum { STACK = 32 << 10, SIGNALS = 64, SIGSET_SIZE = 8, MARK_CLOEXEC = 4, FDS_MAX = 1 << 20 };
enum { SIGNAL_GROUP = 4 }; /* PIDFD_SIGNAL_PROCESS_GROUP, Linux 6.9 */

#define IN_CHILD HOB__NO_TSAN __attribute__((no_sanitize("address", "undefined"), noinline))

struct report {
    int error, step, path;
};

/* ---- in the child ---- */

static IN_CHILD void fail(struct hob__start *s, enum hob_process_step step, int error) {
    struct report r = {error, step, s->path_failed};
    s->failed = step;
    s->error = error;
    syscall(SYS_write, s->report_fd, &r, sizeof r);
    for (;;) syscall(SYS_exit_group, 127);
}

/* The kernel's structure is all zero for SIG_DFL, and begins with the handler, on every machine. */
static IN_CHILD void reset_signals(bool keep_ignored) {
    unsigned long by_default[8] = {0}, now[8];
    for (int sig = 1; sig <= SIGNALS; sig++) {
        if (keep_ignored && sig != SIGPIPE &&
            syscall(SYS_rt_sigaction, sig, NULL, now, SIGSET_SIZE) == 0 &&
            now[0] == (unsigned long)SIG_IGN)
            continue;
        syscall(SYS_rt_sigaction, sig, by_default, NULL, SIGSET_SIZE);
    }
}

/* First everything that lies where something is to be put is moved out of the way, then each goes
 * to its place. */
static IN_CHILD void place_descriptors(struct hob__start *s) {
    int top = 2;
    for (int i = 0; i < s->fd_count; i++)
        if (s->fds[i].to > top) top = s->fds[i].to;
    if (s->report_fd <= top) {
        long fd = syscall(SYS_fcntl, s->report_fd, F_DUPFD_CLOEXEC, top + 1);
        if (fd < 0) fail(s, HOB_STEP_DESCRIPTORS, errno);
        s->report_fd = (int)fd;
    }
    for (int i = 0; i < s->fd_count; i++) {
        struct hob__start_fd *f = &s->fds[i];
        f->moved = f->from;
        if (f->from > top) continue;
        f->moved = (int)syscall(SYS_fcntl, f->from, F_DUPFD_CLOEXEC, top + 1);
        if (f->moved < 0) fail(s, HOB_STEP_DESCRIPTORS, errno);
    }
    for (int i = 0; i < s->fd_count; i++)
        if (syscall(SYS_dup3, s->fds[i].moved, s->fds[i].to, 0) < 0)
            fail(s, HOB_STEP_DESCRIPTORS, errno);
}

/* The exec will close first .. last. */
static IN_CHILD void close_on_exec(unsigned first, unsigned last) {
    if (first > last || syscall(SYS_close_range, first, last, MARK_CLOEXEC) == 0) return;
    struct rlimit limit = {FDS_MAX, FDS_MAX}; /* an old kernel, or a filter that does not know it */
    syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit);
    if (limit.rlim_max > FDS_MAX) limit.rlim_max = FDS_MAX;
    if (last >= limit.rlim_max) last = (unsigned)limit.rlim_max - 1;
    for (unsigned fd = first; fd <= last; fd++) syscall(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);
}

static IN_CHILD void close_others(const struct hob__start *s) {
    unsigned next = 3;
    for (int i = 0; i < s->fd_count; i++) {
        unsigned to = (unsigned)s->fds[i].to;
        if (to < 3) continue;
        if (to > next) close_on_exec(next, to - 1);
        next = to + 1;
    }
    close_on_exec(next, ~0U);
}

static IN_CHILD void become_user(struct hob__start *s) {
    if (syscall(SYS_setgroups, s->group_count, s->groups) < 0 ||
        syscall(SYS_setresgid, s->gid, s->gid, s->gid) < 0 ||
        syscall(SYS_setresuid, s->uid, s->uid, s->uid) < 0)
        fail(s, HOB_STEP_USER, errno);
}

static IN_CHILD void set_death_signal(struct hob__start *s) {
    if (syscall(SYS_prctl, PR_SET_PDEATHSIG, s->death_signal, 0, 0, 0) < 0)
        fail(s, HOB_STEP_DEATH_SIGNAL, errno);
    /* It may have ended before: then nobody tells. */
    if (syscall(SYS_getppid) != s->parent) syscall(SYS_exit_group, 127);
}

static IN_CHILD void execute(struct hob__start *s) {
    int denied = -1;
    for (int i = 0; s->paths[i]; i++) {
        syscall(SYS_execve, s->paths[i], s->argv, s->env);
        int error = errno;
        s->path_failed = i;
        if (error == EACCES && denied < 0) denied = i;
        if (error != EACCES && error != ENOENT && error != ENOTDIR && error != ENAMETOOLONG &&
            error != ESTALE && error != ENODEV && error != ETIMEDOUT)
            fail(s, HOB_STEP_EXEC, error);
        if (s->paths[i + 1]) continue;
        if (denied < 0) fail(s, HOB_STEP_EXEC, error == ENOTDIR && i > 0 ? ENOENT : error);
        s->path_failed = denied;
        fail(s, HOB_STEP_EXEC, EACCES);
    }
    fail(s, HOB_STEP_EXEC, ENOENT);
}

static IN_CHILD int run_child(void *arg) {
    struct hob__start *s = arg;
    uint64_t none = 0;
    s->shared = true;
    reset_signals(s->keep_ignored);
    if ((s->session || s->detached) && syscall(SYS_setsid) < 0) fail(s, HOB_STEP_GROUP, errno);
    if (s->group && !s->session && !s->detached && syscall(SYS_setpgid, 0, 0) < 0)
        fail(s, HOB_STEP_GROUP, errno);
    place_descriptors(s);
    if (s->terminal && syscall(SYS_ioctl, s->terminal_fd, TIOCSCTTY, 0) < 0)
        fail(s, HOB_STEP_TERMINAL, errno);
    close_others(s);
    if (s->as_user) become_user(s);
    if (s->cwd && syscall(SYS_chdir, s->cwd) < 0) fail(s, HOB_STEP_DIRECTORY, errno);
    if (s->death_signal) set_death_signal(s);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, SIGSET_SIZE);
    execute(s);
    return 127;
}

static IN_CHILD int run_between(void *arg) {
    struct hob__start *s = arg;
    s->pid = CLONE(run_child, s->second_stack, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, s,
                   &s->pidfd);
    if (s->pid < 0) fail(s, HOB_STEP_START, errno);
    for (;;) syscall(SYS_exit_group, 0);
    return 0;
}

/* ---- in the parent ---- */

/* Nothing could watch it: it has to go. */
static int no_pidfd(struct hob__start *s) {
    int error = errno, status;
    kill(s->pid, SIGKILL);
    while (waitpid(s->pid, &status, 0) < 0 && errno == EINTR) continue;
    return -error;
}

/* Both stacks grow down from their ends. */
static int clone_child(struct hob__start *s, char *stack) {
    s->second_stack = stack + 2 * STACK;
    if (!s->detached) {
        s->pid = CLONE(run_child, stack + STACK, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, s,
                       &s->pidfd);
        if (s->pid < 0 && errno == EINVAL) {
            /* qemu: the number is the child's until it is reaped */
            s->pid = CLONE(run_child, stack + STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, s);
            if (s->pid > 0) s->pidfd = (int)syscall(SYS_pidfd_open, s->pid, 0);
            if (s->pid > 0 && s->pidfd < 0) return no_pidfd(s);
        }
        return s->pid < 0 ? -errno : 0;
    }
    /* Its end makes no signal, and only who asks for such children can reap it. */
    pid_t between = CLONE(run_between, stack + STACK, CLONE_VM | CLONE_VFORK | CLONE_FILES, s);
    if (between < 0) return -errno;
    siginfo_t info;
    while (waitid(P_PID, (id_t)between, &info, WEXITED | __WALL) < 0 && errno == EINTR) continue;
    return 0;
}

/* What the child has reported, if it could not do so through the memory. */
static void read_report(struct hob__start *s, int fd) {
    struct report r;
    ssize_t n;
    do n = read(fd, &r, sizeof r);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof r) return;
    s->error = r.error;
    s->failed = (enum hob_process_step)r.step;
    s->path_failed = r.path;
}

static int start_on(struct hob__start *s, char *stack) {
    int report[2];
    if (pipe2(report, O_CLOEXEC) < 0) return -errno;
    uint64_t all = ~UINT64_C(0), before;
    s->report_fd = report[1];
    s->parent = getpid();
    s->pidfd = -1;
    s->shared = false;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, SIGSET_SIZE);
    int rc = clone_child(s, stack);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, SIGSET_SIZE);
    close(report[1]);
    if (rc == 0 && !s->shared && s->failed == HOB_STEP_NONE) read_report(s, report[0]);
    close(report[0]);
    if (rc < 0 || s->failed == HOB_STEP_NONE) return rc;
    siginfo_t info;
    if (s->pidfd >= 0) {
        if (!s->detached)
            while (waitid((idtype_t)P_PIDFD, (id_t)s->pidfd, &info, WEXITED) < 0 && errno == EINTR)
                continue;
        close(s->pidfd);
    }
    return -s->error;
}

int hob__linux_start(struct hob__backend *b, struct hob__start *s) {
    (void)b;
    char *stack = hob__map(2 * STACK);
    s->failed = HOB_STEP_NONE;
    int kept_errno = errno;
    int rc = stack ? start_on(s, stack) : -ENOMEM;
    hob__unmap(stack, 2 * STACK);
    errno = kept_errno;
    if (rc < 0 && s->failed == HOB_STEP_NONE) s->failed = HOB_STEP_START;
    return rc;
}

/* ---- their end ---- */

static double seconds(struct timeval t) { return (double)t.tv_sec + (double)t.tv_usec / 1e6; }

static void set_status(struct hob_process_status *st, int code, int signal, bool core) {
    st->running = false;
    st->code = signal ? -1 : code;
    st->signal = signal;
    st->core = core;
}

/* What a pidfd knows of the one that was reaped by somebody else (Linux 6.15). */
struct pidfd_info {
    uint64_t mask, cgroup;
    uint32_t ids[11];
    int32_t exit_code;
};
#define GET_INFO _IOWR(0xFF, 11, struct pidfd_info)
enum { INFO_EXIT = 8 };

static int ask_pidfd(int pidfd, struct hob_process_status *st) {
    struct pidfd_info info = {.mask = INFO_EXIT};
    if (ioctl(pidfd, GET_INFO, &info) < 0) return HOB_E_STATUS_LOST;
    if (!(info.mask & INFO_EXIT)) return -EAGAIN; /* it is being reaped just now */
    set_status(st, info.exit_code >> 8 & 255, info.exit_code & 127, info.exit_code & 128);
    return 1;
}

int hob__linux_reap(struct hob__backend *b, int pidfd, bool keep, struct hob_process_status *st) {
    (void)b;
    siginfo_t info;
    struct rusage used;
    memset(&info, 0, sizeof info);
    memset(&used, 0, sizeof used);
    long rc;
    do
        rc = syscall(SYS_waitid, P_PIDFD, pidfd, &info, WEXITED | WNOHANG | (keep ? WNOWAIT : 0),
                     &used);
    while (rc < 0 && errno == EINTR);
    if (rc < 0 && errno != ECHILD) return -errno;
    if (rc < 0) {
        struct pollfd p = {.fd = pidfd, .events = POLLIN};
        return poll(&p, 1, 0) > 0 ? ask_pidfd(pidfd, st) : 0;
    }
    if (info.si_pid == 0) return 0;
    set_status(st, info.si_status, info.si_code == CLD_EXITED ? 0 : info.si_status,
               info.si_code == CLD_DUMPED);
    st->user = seconds(used.ru_utime);
    st->system = seconds(used.ru_stime);
    st->max_rss_kb = used.ru_maxrss;
    return 1;
}

/* Where a pidfd cannot be signalled: older kernels do not know groups, some filters and valgrind
 * not the call. The number is the child's, or its group's, as long as it has not been reaped, which
 * is for nobody but this thread to do. */
static int kill_by_number(int pidfd, pid_t pid, bool group, int sig) {
    siginfo_t info;
    if (waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
        return -ESRCH;
    return kill(group ? -pid : pid, sig) < 0 ? -errno : 0;
}

int hob__linux_kill(struct hob__backend *b, int pidfd, pid_t pid, bool group, int sig) {
    (void)b;
    if (hob__on_valgrind()) return kill_by_number(pidfd, pid, group, sig);
    long rc = syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, group ? SIGNAL_GROUP : 0);
    if (rc < 0 && (errno == ENOSYS || (errno == EINVAL && group)))
        return kill_by_number(pidfd, pid, group, sig);
    return rc < 0 ? -errno : 0;
}
