/* loop/backend.h - the one door to the outside: time, randomness, wake-ups, sockets by readiness,
 * bounded work by completion. Three implementations fit behind it: uring.c, epoll.c, and a
 * simulated one.
 *
 * Readiness belongs to the descriptor (struct hob__fd), not to the task: a waiting call tries the
 * system call first when `ready` says that it may succeed, else clears the bit and parks in user
 * space. The kernel never holds a task's buffer, and a cancel only unlinks a waiter. A descriptor
 * is armed once, at its first wait, for both directions, edge-triggered; events only ever set bits.
 *
 * Bounded work (file reads and writes, blocking functions) completes: the buffers are the kernel's
 * or the worker's until op->done is called.
 *
 * A backend belongs to the thread that opened it; only wake() is for all. A forked child must not
 * touch it, but for hob__backend_close(), which lets go without disturbing the parent. */
#ifndef HOB_LOOP_BACKEND_H
#define HOB_LOOP_BACKEND_H

#include <hob/base.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/crew.h"

struct hob__backend;
struct hob__start;
struct hob_process_status;

enum {
    HOB__READ = 1,
    HOB__WRITE = 2,
    HOB__HUP = 4
}; /* HUP: the peer ended or reset; both directions then look ready */

/* In the memory of whoever watches a descriptor: called, outside any task, when bits were added. */
struct hob__fd;
struct hob__watch {
    void (*fn)(struct hob__watch *w, struct hob__fd *f, unsigned events);
};

/* One cache line: with many connections each event finds it cold. */
struct hob__fd {
    _Alignas(64) int fd;
    uint8_t ready; /* HOB__READ ... : what may succeed */
    bool armed;    /* the backend watches it */
    bool dying;    /* closed; the record lives until the backend has let go */
    uint8_t
        backend;  /* the backend's own mark (uring: poll directly, or through the epoll instance) */
    uint32_t gen; /* of the record, so that a late event for its predecessor is recognised */
    int watched;  /* epoll: what is registered: fd, or a duplicate when another record of the same
                     descriptor is registered already */
    struct hob_waitlist readers, writers;
    struct hob__watch *watch; /* NULL, or who watches it without a task */
    union {
        struct hob__fd *next; /* in the free list, or in the backend's */
        const void *user; /* else: whose memory is soon wanted when it is ready. Only a hint: it may
                             be gone, or be a `next` */
    };
};

enum hob__op_code {
    HOB__OP_PREADV,  /* fd, iov, iov_count, offset */
    HOB__OP_PWRITEV, /* the same */
    HOB__OP_FSYNC,   /* fd, flags: 1 = the data only (fdatasync) */
    HOB__OP_WORK,    /* work */
    /* Calls by path; fd: the folder that a relative path begins in, or AT_FDCWD. */
    HOB__OP_OPENAT,    /* path, flags, mode; the result is a descriptor */
    HOB__OP_STATX,     /* path, flags, out: a struct statx */
    HOB__OP_RENAMEAT,  /* path, path2, flags; both begin in fd */
    HOB__OP_UNLINKAT,  /* path, flags */
    HOB__OP_MKDIRAT,   /* path, mode */
    HOB__OP_SYMLINKAT, /* path: what the link says, path2: the link */
    HOB__OP_LINKAT,    /* path, path2, flags; both begin in fd */
    HOB__OP_OPENBELOW  /* as OPENAT, without O_CREAT; -EXDEV for what leads out of the folder fd */
};

/* One piece of bounded work, in the caller's memory until `done` is called, in the loop's thread.
 */
struct hob__op {
    enum hob__op_code code;
    int fd;
    const struct iovec *iov;
    int iov_count;
    int64_t offset; /* -1: the descriptor's position */
    const char *path, *path2;
    void *out;
    uint32_t flags, mode;
    int (*work)(struct hob__op *op); /* HOB__OP_WORK: runs in a worker thread; its result */
    void (*done)(struct hob__op *op);
    ssize_t result; /* >= 0 or -errno */
    void *user;     /* the submitter's own */
    struct hob__op *next;
    struct hob__job job; /* its place in the worker threads' queue */
};

struct hob__descriptor {
    mode_t type; /* S_IFMT's bits */
    bool terminal, pty_master;
};

/* The system calls that carry data, so that a simulation can answer them. All non-blocking; -errno.
 * One that a signal interrupts is repeated below this line, so none says -EINTR; but time has
 * passed meanwhile (and connect() says -EINPROGRESS, whatever has become of it). */
struct hob__sys {
    int (*socket)(struct hob__backend *b, int domain, int type,
                  int protocol); /* non-blocking, close-on-exec */
    int (*connect)(struct hob__backend *b, int fd, const struct sockaddr *addr, socklen_t n);
    int (*bind)(struct hob__backend *b, int fd, const struct sockaddr *addr, socklen_t n);
    int (*listen)(struct hob__backend *b, int fd, int backlog);
    int (*accept)(struct hob__backend *b, int fd, struct sockaddr *addr, socklen_t *n);
    ssize_t (*recv)(struct hob__backend *b, int fd, void *buf, size_t n, int flags);
    ssize_t (*send)(struct hob__backend *b, int fd, const struct iovec *iov,
                    int count); /* MSG_NOSIGNAL */
    ssize_t (*recvfrom)(struct hob__backend *b, int fd, void *buf, size_t n, int flags,
                        struct sockaddr *from, socklen_t *size);
    /* With addresses, or descriptors beside the bytes. flags: MSG_CMSG_CLOEXEC ... */
    ssize_t (*recvmsg)(struct hob__backend *b, int fd, struct msghdr *m, int flags);
    ssize_t (*sendmsg)(struct hob__backend *b, int fd, const struct msghdr *m,
                       int flags); /* MSG_NOSIGNAL */
    /* Datagrams: how many, at least 1. */
    int (*recvmmsg)(struct hob__backend *b, int fd, struct mmsghdr *m, unsigned n, int flags);
    int (*sendmmsg)(struct hob__backend *b, int fd, struct mmsghdr *m, unsigned n);
    /* Of a descriptor that is no socket, and was made non-blocking; never SIGPIPE. */
    ssize_t (*read)(struct hob__backend *b, int fd, void *buf, size_t n);
    ssize_t (*readv)(struct hob__backend *b, int fd, const struct iovec *iov, int count);
    ssize_t (*writev)(struct hob__backend *b, int fd, const struct iovec *iov, int count);
    /* Bytes from one descriptor to the other, one of them a pipe; and from a file there to a
     * socket. Both must be non-blocking (O_NONBLOCK); never SIGPIPE. */
    ssize_t (*splice)(struct hob__backend *b, int from, int to, size_t n);
    ssize_t (*sendfile)(struct hob__backend *b, int to, int from, int64_t offset, size_t n);
    int (*splice_pipe)(struct hob__backend *b, int end[2]); /* non-blocking, close-on-exec */
    /* What a descriptor is, and how it was opened (O_ACCMODE, O_NONBLOCK, O_APPEND). */
    int (*describe)(struct hob__backend *b, int fd, struct hob__descriptor *out);
    int (*get_flags)(struct hob__backend *b, int fd);
    /* What it was before: 0 or 1. */
    int (*set_nonblock)(struct hob__backend *b, int fd, bool on);
    int (*shutdown)(struct hob__backend *b, int fd, int how);
    int (*getsockopt)(struct hob__backend *b, int fd, int level, int name, void *value,
                      socklen_t *n);
    int (*setsockopt)(struct hob__backend *b, int fd, int level, int name, const void *value,
                      socklen_t n);
    int (*getsockname)(struct hob__backend *b, int fd, struct sockaddr *addr, socklen_t *n);
    int (*getpeername)(struct hob__backend *b, int fd, struct sockaddr *addr, socklen_t *n);
    /* POLLIN ... : those that are there now, 0 = none; -EBADF. */
    int (*poll)(struct hob__backend *b, int fd, int events);
    int (*close)(struct hob__backend *b, int fd);

    /* Both ends close-on-exec, and blocking. */
    int (*pipe)(struct hob__backend *b, int ends[2]);
    /* Children (process.h). start: 0, or why it does not run, s->failed too. */
    int (*start)(struct hob__backend *b, struct hob__start *s);
    /* Has it ended? 1 and *st; 0; HOB_E_STATUS_LOST: it has, and nobody knows how; -EAGAIN: ask
     * again in a moment. keep: it stays a zombie, so that its number stays its group's. */
    int (*reap)(struct hob__backend *b, int pidfd, bool keep, struct hob_process_status *st);
    /* group: every process of the group that it leads. */
    int (*kill)(struct hob__backend *b, int pidfd, pid_t pid, bool group, int sig);
};

/* Calls on files for jobs of several steps (HOB__OP_WORK). They may wait for a disk, so only worker
 * threads call them, but for those that say so, and those of a Unix socket's name (socket_file.c);
 * -errno. at: the folder that a relative path begins in, or AT_FDCWD. Not interrupted by signals.
 */
struct hob__files {
    int (*openat)(struct hob__backend *b, int at, const char *path, int flags, mode_t mode);
    int (*close)(struct hob__backend *b, int fd); /* of what was only read: at once */
    int (*fstatat)(struct hob__backend *b, int at, const char *path, struct stat *st, int flags);
    int (*faccessat)(struct hob__backend *b, int at, const char *path, int mode, int flags);
    int (*fchmod)(struct hob__backend *b, int fd, mode_t mode);
    int (*fchmodat)(struct hob__backend *b, int at, const char *path, mode_t mode);
    int (*fchown)(struct hob__backend *b, int fd, uid_t user, gid_t group);
    int (*ftruncate)(struct hob__backend *b, int fd, int64_t size);
    int (*fsync)(struct hob__backend *b, int fd);
    int (*mkdirat)(struct hob__backend *b, int at, const char *path, mode_t mode);
    int (*renameat)(struct hob__backend *b, int at, const char *from, const char *to);
    int (*unlinkat)(struct hob__backend *b, int at, const char *path, int flags);
    ssize_t (*readlinkat)(struct hob__backend *b, int at, const char *path, char *buf, size_t n);
    ssize_t (*getdents)(struct hob__backend *b, int fd, void *buf, size_t n);  /* getdents64() */
    ssize_t (*copy_range)(struct hob__backend *b, int from, int to, size_t n); /* at positions */
    ssize_t (*read)(struct hob__backend *b, int fd, void *buf, size_t n);
    ssize_t (*write)(struct hob__backend *b, int fd, const void *buf, size_t n);
    /* A folder, for reading; no symbolic link on the way to it is followed, where the kernel can
     * tell (Linux 5.6; else none at its end). */
    int (*open_folder)(struct hob__backend *b, int at, const char *path);
    /* None of these waits, but for watch_add and watch_add_folder. */
    int64_t (*position)(struct hob__backend *b, int fd);
    int (*watch_open)(struct hob__backend *b); /* an inotify descriptor, non-blocking */
    int (*watch_add)(struct hob__backend *b, int fd, const char *path, uint32_t events);
    int (*watch_add_folder)(struct hob__backend *b, int fd, int folder, uint32_t events);
    int (*watch_remove)(struct hob__backend *b, int fd, int id);
    ssize_t (*watch_read)(struct hob__backend *b, int fd, void *buf, size_t n);
    int (*watch_queued)(struct hob__backend *b, int fd); /* how many bytes of records there are */
};

struct hob__backend_ops {
    const char *name;
    /* 0, or -errno with the reason in b->why: the next one is tried. */
    int (*open)(struct hob__backend *b);
    void (*close)(struct hob__backend *b);
    uint64_t (*now)(struct hob__backend *b);        /* monotonic ns, never 0 */
    int64_t (*wall)(struct hob__backend *b);        /* seconds since 1970: what calendars show */
    void (*pause)(struct hob__backend *b, long ns); /* for the kernel to get better; seldom */
    void (*random)(struct hob__backend *b, void *buf, size_t n);
    /* NULL, or (simulation) which of the n ready tasks runs next: 0, the one that has waited
     * longest, to n - 1; negative: none, the loop shall look at the outside first. id(above, i): of
     * the i-th task, its number. */
    int (*choose)(struct hob__backend *b, uint32_t n, uint64_t (*id)(void *above, uint32_t i));
    /* NULL, or (simulation) from now on (until false) code of others runs, which asks the C library
     * for the time: clock_gettime(CLOCK_MONOTONIC) shall say what now() would. */
    void (*lend_clock)(struct hob__backend *b, bool lent);
    /* One look at the outside: submits what is pending, sleeps until an event, a wake or the
     * deadline (0: does not sleep; UINT64_MAX: no deadline), and delivers everything that is there.
     * Makes no system call when deadline is 0 and nothing can be there. Returns how many events it
     * delivered, or -errno. */
    int (*wait)(struct hob__backend *b, uint64_t deadline);
    /* Makes a sleeping or the next wait return. Any thread; async-signal-safe.
     *
     * What a producer does: put the item into the inbox, then wake(). What the loop does: wait(),
     * then empty the inbox. No further check is needed: a wake that comes while nobody sleeps is
     * remembered (b->woken) until a wait() that began after it, or was under way, returns; so an
     * item is either seen by the emptying after this wait or makes the next one return at once.
     * The protocol is described in backend.c. */
    void (*wake)(struct hob__backend *b);
    /* Starts watching f (f->armed is set by it). 0 or -errno (-EPERM: cannot be watched, always
     * ready). */
    int (*arm)(struct hob__backend *b, struct hob__fd *f);
    /* Stops watching, before the descriptor is closed or given back. True when the record may be
     * reused at once, false when the backend will call hob__fd_gone(b, f) later. */
    bool (*disarm)(struct hob__backend *b, struct hob__fd *f);
    /* Does the op now if that takes no waiting at all (a read of cached pages, an open by names
     * that the kernel remembers): its result; or -EAGAIN: submit it then. op->done is not called.
     * An optional short cut. */
    ssize_t (*attempt)(struct hob__backend *b, struct hob__op *op);
    /* 0, or -errno: then op->done is not called. done is called from wait(), never from here. */
    int (*submit)(struct hob__backend *b, struct hob__op *op);
    const struct hob__sys *sys;
    const struct hob__files *files;
};

struct hob__backend {
    const struct hob__backend_ops *ops;
    /* Set by the layer above before open: bits were added to f->ready. Must not call into the
     * backend's wait. */
    void (*on_ready)(struct hob__backend *b, struct hob__fd *f, unsigned events);
    /* The same: a backend that runs several loops in one thread has left this one for another, or
     * has come back to it. */
    void (*on_switch)(struct hob__backend *b, bool back);
    void *above;           /* the layer above's own */
    void *state;           /* the implementation's own */
    char why[160];         /* why a better backend is not in use; "" when this is the best */
    uint64_t seen_now;     /* what now() said last (not of a simulated one) */
    size_t watched;        /* armed descriptors that are not dying */
    size_t ops_in_flight;  /* submitted and not done */
    _Atomic bool sleeping; /* inside a wait that may sleep: wake() must write to wake_fd */
    _Atomic bool woken;    /* by wake(), and no wait() has returned since */
    int wake_fd;           /* an eventfd, watched edge-triggered, so that nobody reads it */
    struct hob__fd *free_fds;
    struct hob__fd_slab *fd_slabs;
    struct hob__offload *offload; /* worker threads, made at the first need */
    pid_t owner;                  /* the process that opened it: a forked child only lets go */
};

/* Opens the named backend ("uring", "epoll"), or the best that can be had (NULL). 0 or -errno
 * (-EINVAL: no such name). *b is all zero but for on_ready, on_switch and above, which the caller
 * has set. */
int hob__backend_open(struct hob__backend *b, const char *name);
/* Waits for the work that is in flight; every record is gone then. */
void hob__backend_close(struct hob__backend *b);

/* A record for a descriptor: NULL without memory. Nothing is registered yet; ready = READ | WRITE.
 * The descriptor stays the caller's to close: sys->close after hob__fd_close. */
struct hob__fd *hob__fd_open(struct hob__backend *b, int fd);
/* Disarms and gives the record back; nobody may wait on it. */
void hob__fd_close(struct hob__backend *b, struct hob__fd *f);
/* The backend's last word on a record that was disarmed. */
void hob__fd_gone(struct hob__backend *b, struct hob__fd *f);

/* Worker threads (offload.c): at most 8, named hob-work, made on demand, ending after 5 s without
 * work. */
int hob__offload_submit(struct hob__backend *b, struct hob__op *op);
/* In the loop's thread, from wait(): calls done for what the workers finished; how many. */
int hob__offload_reap(struct hob__backend *b);
/* Waits for the running work and ends the threads. */
void hob__offload_close(struct hob__backend *b);

extern const struct hob__backend_ops hob__backend_uring, hob__backend_epoll;
/* The simulated one, once libhob-sim is there; taken only by its name. */
extern const struct hob__backend_ops *hob__backend_simulated;
extern const struct hob__sys hob__sys_linux;
extern const struct hob__files hob__files_linux;
#endif
