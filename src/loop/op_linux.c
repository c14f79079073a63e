/* loop/op_linux.c - bounded work as Linux does it: at once when nothing has to be waited for, or in
 * this thread, however long that takes.
 *
 * At once: reads of cached pages (RWF_NOWAIT), and opens whose names the kernel remembers
 * (RESOLVE_CACHED), since neither can go to a disk; asking for a file's state goes through such an
 * open. All of it costs about as much as the plain call. */
#include "internal.h"
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 0x00000008
#endif

/* openat2(), by the kernel's own definitions: the installed headers may be older. Linux 5.12. */
enum { SYS_OPENAT2 = 437, RESOLVE_IN_FOLDER = 0x08, RESOLVE_CACHED_ONLY = 0x20 };
struct how {
    uint64_t flags, mode, resolve;
};

/* ---- at once. These go to the kernel directly: the C library's calls are points of thread
 * cancellation, which costs two atomic operations each as soon as a second thread exists. ---- */

/* Set by a kernel, a filter or an emulator that does not know openat2() or the flag. */
static _Atomic bool openat2_unknown;

static __attribute__((noinline, cold)) int open_refused(int err) {
    switch (err) {
    case ENOENT:
    case EACCES:
    case EISDIR:
    case ENOTDIR:
    case ELOOP:
    case ENAMETOOLONG:
    case EMFILE:
    case ENFILE:
    case EXDEV:
        return -err;
    case ENOSYS:
        atomic_store_explicit(&openat2_unknown, true, memory_order_relaxed);
        return -EAGAIN;
    default:
        return -EAGAIN; /* the thorough way says what it is */
    }
}

static inline int open_cached(int fd, const char *path, uint32_t flags, uint64_t resolve) {
    if (flags & (O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY))) return -EAGAIN;
    if (atomic_load_explicit(&openat2_unknown, memory_order_relaxed)) return -EAGAIN;
    struct how how = {.flags = flags, .resolve = RESOLVE_CACHED_ONLY | resolve};
    long rc = syscall(SYS_OPENAT2, fd, path, &how, sizeof how);
    return HOB__LIKELY(rc >= 0) ? (int)rc : open_refused(errno);
}

static __attribute__((noinline)) ssize_t statx_cached(const struct hob__op *op) {
    const int how = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
    if (op->path[0] == 0) {
        int rc = statx(op->fd, "", how, STATX_BASIC_STATS, op->out);
        return rc < 0 ? -EAGAIN : 0;
    }
    uint32_t nofollow = op->flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0;
    int fd = open_cached(op->fd, op->path, O_PATH | O_CLOEXEC | nofollow, 0);
    if (fd < 0) return fd == -EMFILE || fd == -ENFILE ? -EAGAIN : fd;
    int rc = statx(fd, "", how, STATX_BASIC_STATS, op->out);
    syscall(SYS_close, fd);
    return rc < 0 ? -EAGAIN : 0;
}

ssize_t hob__linux_attempt(struct hob__backend *b, struct hob__op *op) {
    (void)b;
    if (op->code == HOB__OP_PREADV) {
        long rc = syscall(SYS_preadv2, op->fd, op->iov, (long)op->iov_count, (long)op->offset, 0L,
                          RWF_NOWAIT);
        /* An error is better reported by the thorough way: it may only concern the flag. But a ring
         * would read what has no positions all the same. */
        return HOB__LIKELY(rc >= 0) ? rc : errno == ESPIPE ? -ESPIPE : -EAGAIN;
    }
    if (op->code == HOB__OP_OPENAT) return open_cached(op->fd, op->path, op->flags, 0);
    if (op->code == HOB__OP_OPENBELOW)
        return open_cached(op->fd, op->path, op->flags, RESOLVE_IN_FOLDER);
    if (op->code == HOB__OP_STATX) return statx_cached(op);
    return -EAGAIN;
}

/* ---- thoroughly ---- */

/* Name by name, and no symbolic link is followed: for a kernel without openat2() (before 5.6). */
static int open_by_steps(int folder, const char *path, int flags) {
    char name[NAME_MAX + 1];
    int at = folder;
    if (*path == '/') return -EXDEV;
    for (;;) {
        const char *end = strchrnul(path, '/');
        size_t n = (size_t)(end - path);
        while (*end == '/') end++;
        int fd = n > NAME_MAX ? -ENAMETOOLONG : 0;
        if (n == 2 && memcmp(path, "..", 2) == 0) fd = -EXDEV;
        if (fd == 0) {
            memcpy(name, n ? path : ".", n ? n : 1);
            name[n ? n : 1] = 0;
            int how = *end ? O_PATH | O_DIRECTORY | O_CLOEXEC : flags;
            fd = HOB__RETRY(openat(at, name, how | O_NOFOLLOW));
        }
        if (at != folder) close(at);
        if (fd < 0 || !*end) return fd;
        at = fd;
        path = end;
    }
}

static int open_below(int folder, const char *path, int flags) {
    struct how how = {.flags = (uint64_t)flags, .resolve = RESOLVE_IN_FOLDER};
    int fd;
    int tries = 0;
    do /* a rename meanwhile is no reason to say no */
        fd = (int)HOB__RETRY(syscall(SYS_OPENAT2, folder, path, &how, sizeof how));
    while (fd == -EAGAIN && ++tries < 8);
    return fd == -ENOSYS || fd == -EPERM ? open_by_steps(folder, path, flags) : fd;
}

ssize_t hob__linux_perform(struct hob__op *op) {
    int flags = (int)op->flags;
    switch (op->code) {
    case HOB__OP_PREADV:
        return HOB__RETRY(preadv2(op->fd, op->iov, op->iov_count, op->offset, 0));
    case HOB__OP_PWRITEV:
        return HOB__RETRY(pwritev2(op->fd, op->iov, op->iov_count, op->offset, 0));
    case HOB__OP_FSYNC:
        return op->flags ? HOB__RETRY(fdatasync(op->fd)) : HOB__RETRY(fsync(op->fd));
    case HOB__OP_WORK:
        return op->work(op);
    case HOB__OP_OPENAT:
        return HOB__RETRY(openat(op->fd, op->path, flags, (mode_t)op->mode));
    case HOB__OP_OPENBELOW:
        return open_below(op->fd, op->path, flags);
    case HOB__OP_STATX:
        return HOB__RETRY(statx(op->fd, op->path, flags, STATX_BASIC_STATS, op->out));
    case HOB__OP_RENAMEAT:
        return HOB__RETRY(renameat2(op->fd, op->path, op->fd, op->path2, op->flags));
    case HOB__OP_UNLINKAT:
        return HOB__RETRY(unlinkat(op->fd, op->path, flags));
    case HOB__OP_MKDIRAT:
        return HOB__RETRY(mkdirat(op->fd, op->path, (mode_t)op->mode));
    case HOB__OP_SYMLINKAT:
        return HOB__RETRY(symlinkat(op->path, op->fd, op->path2));
    case HOB__OP_LINKAT:
        return HOB__RETRY(linkat(op->fd, op->path, op->fd, op->path2, flags));
    }
    return -EINVAL;
}
