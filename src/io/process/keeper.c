/* io/process/keeper.c - the keeper: a small process that forks a pool's workers, kills them when it
 * is told, and reaps them. It allocates nothing. keeper.h tells the protocol. */
#include "io/process/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CONTROL = 3, SIGNALS = 4, FIRST_WORKER = 5, WORKER_SOCKET = 3 };

bool hob__keeper_child;

struct kept {
    uint32_t id;
    pid_t pid; /* 0: free */
    int fd;    /* the worker's end of its socket */
};

struct keeper {
    struct kept kept[HOB__KEEPER_WORKERS];
    size_t memory;
    struct rlimit files; /* the program's, and the workers' */
};

/* The keeper has a descriptor for each worker. */
static void allow_files(struct keeper *k) {
    enum { NEEDED = FIRST_WORKER + HOB__KEEPER_WORKERS + 8 };
    if (getrlimit(RLIMIT_NOFILE, &k->files) < 0) _exit(1);
    struct rlimit more = k->files;
    if (more.rlim_cur >= NEEDED) return;
    more.rlim_cur = more.rlim_max < NEEDED ? more.rlim_max : NEEDED;
    setrlimit(RLIMIT_NOFILE, &more);
}

static void close_from(int first) {
#ifdef SYS_close_range
    if (syscall(SYS_close_range, (unsigned)first, ~0U, 0) == 0) return;
#endif
    struct rlimit limit;
    int end = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 1 << 20
                  ? (int)limit.rlim_cur
                  : 1 << 20;
    for (int fd = first; fd < end; fd++) close(fd);
}

/* Puts fd at `to` and closes everything from there on but for it. */
static void keep_only(int fd, int to) {
    if (fd != to) dup2(fd, to);
    close_from(to + 1);
}

static void reset_signals(void) {
    for (int sig = 1; sig < NSIG; sig++) {
        struct sigaction plain = {.sa_handler =
                                      sig == SIGINT || sig == SIGQUIT ? SIG_IGN : SIG_DFL};
        sigaction(sig, &plain, NULL); /* some numbers cannot be set */
    }
    stack_t none = {.ss_flags = SS_DISABLE};
    sigaltstack(&none, NULL);
}

static void tell_end(int fd, uint32_t kind, int status) {
    struct hob__keeper_end end = {kind, status};
    /* A full socket: whoever reads it sees its end, without the reason. */
    ssize_t sent = send(fd, &end, sizeof end, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent;
    close(fd);
}

static void reap(struct keeper *k) {
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (struct kept *w = k->kept; w < k->kept + HOB__KEEPER_WORKERS; w++) {
            if (w->pid != pid) continue;
            tell_end(w->fd, HOB__KEEPER_ENDED, status);
            w->pid = 0;
        }
    }
}

static void become_worker(const struct keeper *k, int fd, pid_t keeper) __attribute__((noreturn));
static void become_worker(const struct keeper *k, int fd, pid_t keeper) {
    sigset_t none;
    keep_only(fd, WORKER_SOCKET);
    prctl(PR_SET_NAME, "hob-process");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != keeper) _exit(0);
    setrlimit(RLIMIT_NOFILE, &k->files);
    if (k->memory) {
        struct rlimit limit = {k->memory, k->memory};
        setrlimit(RLIMIT_AS, &limit);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    hob__keeper_work(WORKER_SOCKET);
}

static void make(struct keeper *k, uint32_t id, int fd) {
    struct kept *w = k->kept;
    while (w < k->kept + HOB__KEEPER_WORKERS && w->pid) w++;
    if (w == k->kept + HOB__KEEPER_WORKERS) {
        tell_end(fd, HOB__KEEPER_FAILED, EAGAIN);
        return;
    }
    pid_t self = getpid(), pid = fork();
    if (pid == 0) become_worker(k, fd, self);
    if (pid < 0) {
        tell_end(fd, HOB__KEEPER_FAILED, errno);
        return;
    }
    *w = (struct kept){id, pid, fd};
}

/* A worker that is kept has not been reaped: its number is nobody else's. */
static void kill_worker(struct keeper *k, uint32_t id) {
    for (struct kept *w = k->kept; w < k->kept + HOB__KEEPER_WORKERS; w++)
        if (w->pid && w->id == id) kill(w->pid, SIGKILL);
}

static void end_all(struct keeper *k) __attribute__((noreturn));
static void end_all(struct keeper *k) {
    for (struct kept *w = k->kept; w < k->kept + HOB__KEEPER_WORKERS; w++)
        if (w->pid) kill(w->pid, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR) continue;
    _exit(0);
}

static void obey(struct keeper *k) {
    struct hob__keeper_order order;
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } with;
    struct iovec v = {&order, sizeof order};
    struct msghdr m = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = &with, .msg_controllen = sizeof with};
    ssize_t n = recvmsg(CONTROL, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (n != sizeof order) end_all(k); /* the program has ended, or closed the pool */
    int fd = -1;
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    if (c && c->cmsg_type == SCM_RIGHTS) memcpy(&fd, CMSG_DATA(c), sizeof fd);
    if (order.kind == HOB__KEEPER_KILL) kill_worker(k, order.id);
    if (order.kind == HOB__KEEPER_MAKE && fd >= 0) make(k, order.id, fd);
}

void hob__keeper_run(int control, size_t memory) {
    static struct keeper keeper;
    hob__keeper_child = true;
    keeper.memory = memory;
    /* What the program had not written yet is the program's to write. */
    __fpurge(stdout);
    __fpurge(stderr);
    reset_signals();
    allow_files(&keeper);
    control = fcntl(control, F_DUPFD, FIRST_WORKER); /* out of the way of the numbers below */
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (control < 0 || null < 0) _exit(1);
    dup2(null, 0);
    for (int fd = 1; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0) dup2(null, fd);
    keep_only(control, CONTROL);
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_SETMASK, &child, NULL);
    if (signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK) != SIGNALS) _exit(1);
    prctl(PR_SET_NAME, "hob-keeper");
    for (;;) {
        struct pollfd p[2] = {{.fd = CONTROL, .events = POLLIN}, {.fd = SIGNALS, .events = POLLIN}};
        struct signalfd_siginfo info;
        if (poll(p, 2, -1) < 0) continue;
        if (p[1].revents) {
            while (read(SIGNALS, &info, sizeof info) > 0) continue;
            reap(&keeper);
        }
        if (p[0].revents) obey(&keeper);
    }
}
