/* loop/files_linux.c - the calls on files that jobs in worker threads make, as Linux has them. */
#include "internal.h"
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int files_openat(struct hob__backend *b, int at, const char *path, int flags, mode_t mode) {
    (void)b;
    return HOB__RETRY(openat(at, path, flags | O_CLOEXEC, mode));
}

static int files_close(struct hob__backend *b, int fd) {
    (void)b;
    /* Directly, as in op_linux.c. Linux has closed the descriptor even when it reports EINTR. */
    return syscall(SYS_close, fd) < 0 && errno != EINTR ? -errno : 0;
}

static int files_fstatat(struct hob__backend *b, int at, const char *path, struct stat *st,
                         int flags) {
    (void)b;
    return HOB__RETRY(fstatat(at, path, st, flags));
}

static int files_faccessat(struct hob__backend *b, int at, const char *path, int mode, int flags) {
    (void)b;
    return HOB__RETRY(faccessat(at, path, mode, flags));
}

static int files_fchmod(struct hob__backend *b, int fd, mode_t mode) {
    (void)b;
    return HOB__RETRY(fchmod(fd, mode));
}

static int files_fchmodat(struct hob__backend *b, int at, const char *path, mode_t mode) {
    (void)b;
    return HOB__RETRY(fchmodat(at, path, mode, 0));
}

static int files_fchown(struct hob__backend *b, int fd, uid_t user, gid_t group) {
    (void)b;
    return HOB__RETRY(fchown(fd, user, group));
}

static int files_ftruncate(struct hob__backend *b, int fd, int64_t size) {
    (void)b;
    return HOB__RETRY(ftruncate(fd, size));
}

static int files_fsync(struct hob__backend *b, int fd) {
    (void)b;
    return HOB__RETRY(fsync(fd));
}

static int files_mkdirat(struct hob__backend *b, int at, const char *path, mode_t mode) {
    (void)b;
    return HOB__RETRY(mkdirat(at, path, mode));
}

static int files_renameat(struct hob__backend *b, int at, const char *from, const char *to) {
    (void)b;
    return HOB__RETRY(renameat(at, from, at, to));
}

static int files_unlinkat(struct hob__backend *b, int at, const char *path, int flags) {
    (void)b;
    return HOB__RETRY(unlinkat(at, path, flags));
}

static ssize_t files_readlinkat(struct hob__backend *b, int at, const char *path, char *buf,
                                size_t n) {
    (void)b;
    return HOB__RETRY(readlinkat(at, path, buf, n));
}

static ssize_t files_getdents(struct hob__backend *b, int fd, void *buf, size_t n) {
    (void)b;
    return HOB__RETRY(syscall(SYS_getdents64, fd, buf, n));
}

static ssize_t files_copy_range(struct hob__backend *b, int from, int to, size_t n) {
    (void)b;
    return HOB__RETRY(copy_file_range(from, NULL, to, NULL, n, 0));
}

static ssize_t files_read(struct hob__backend *b, int fd, void *buf, size_t n) {
    (void)b;
    return HOB__RETRY(read(fd, buf, n));
}

static ssize_t files_write(struct hob__backend *b, int fd, const void *buf, size_t n) {
    (void)b;
    return HOB__RETRY(write(fd, buf, n));
}

static int64_t files_position(struct hob__backend *b, int fd) {
    (void)b;
    return HOB__RETRY(lseek(fd, 0, SEEK_CUR));
}

/* openat2(), by the kernel's own definitions: the installed headers may be older. */
enum { SYS_OPENAT2 = 437, RESOLVE_NO_LINKS = 0x04 };
struct how {
    uint64_t flags, mode, resolve;
};

static int files_open_folder(struct hob__backend *b, int at, const char *path) {
    /* Set by a kernel, a filter or an emulator that does not know the call. */
    static _Atomic bool unknown;
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
    if (!atomic_load_explicit(&unknown, memory_order_relaxed)) {
        struct how how = {.flags = (uint64_t)flags, .resolve = RESOLVE_NO_LINKS};
        int fd = (int)HOB__RETRY(syscall(SYS_OPENAT2, at, path, &how, sizeof how));
        if (fd != -ENOSYS && fd != -EPERM) return fd;
        atomic_store_explicit(&unknown, true, memory_order_relaxed);
    }
    return files_openat(b, at, path, flags, 0);
}

static int files_watch_open(struct hob__backend *b) {
    (void)b;
    return HOB__RETRY(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
}

static int files_watch_add(struct hob__backend *b, int fd, const char *path, uint32_t events) {
    (void)b;
    return HOB__RETRY(inotify_add_watch(fd, path, events));
}

/* inotify has no call that takes a descriptor: this is its name. */
static int files_watch_add_folder(struct hob__backend *b, int fd, int folder, uint32_t events) {
    char path[40];
    snprintf(path, sizeof path, "/proc/thread-self/fd/%d", folder);
    return files_watch_add(b, fd, path, events);
}

static int files_watch_queued(struct hob__backend *b, int fd) {
    (void)b;
    int n = 0;
    int rc = HOB__RETRY(ioctl(fd, FIONREAD, &n));
    return rc < 0 ? rc : n;
}

static int files_watch_remove(struct hob__backend *b, int fd, int id) {
    (void)b;
    return HOB__RETRY(inotify_rm_watch(fd, id));
}

const struct hob__files hob__files_linux = {
    .openat = files_openat,
    .close = files_close,
    .fstatat = files_fstatat,
    .faccessat = files_faccessat,
    .fchmod = files_fchmod,
    .fchmodat = files_fchmodat,
    .fchown = files_fchown,
    .ftruncate = files_ftruncate,
    .fsync = files_fsync,
    .mkdirat = files_mkdirat,
    .renameat = files_renameat,
    .unlinkat = files_unlinkat,
    .readlinkat = files_readlinkat,
    .getdents = files_getdents,
    .copy_range = files_copy_range,
    .read = files_read,
    .write = files_write,
    .position = files_position,
    .open_folder = files_open_folder,
    .watch_open = files_watch_open,
    .watch_add = files_watch_add,
    .watch_add_folder = files_watch_add_folder,
    .watch_remove = files_watch_remove,
    .watch_read = files_read,
    .watch_queued = files_watch_queued,
};
