/* loop/sim/files_calls.c - struct hob__files of the simulated world.
 *
 * A descriptor says by its number whose it is; a path belongs to the host's file system, unless the
 * world's files are the real ones (a program in a world of its own). */
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "loop/sim/files.h"

static inline bool is_real(int fd) { return fd >= 0 && fd < HOB__SIM_FD_FIRST; }

/* Begins a call on a descriptor: the file, or NULL and *rc. */
static struct hob__sim_file *enter(struct hob__backend *b, int fd, int *rc) {
    *rc = hob__sim_files_enter(b);
    struct hob__sim_end *e = hob__sim_end_of(b, fd);
    if (*rc == 0 && (!e || e->kind != &hob__sim_file_kind)) *rc = e ? -EINVAL : -EBADF;
    return *rc == 0 ? (struct hob__sim_file *)e : NULL;
}

/* Begins a call by path: the folder that it begins in. */
static int enter_path(struct hob__backend *b, int at, const char *path,
                      struct hob__sim_node **folder) {
    int rc = hob__sim_files_enter(b);
    *folder = NULL;
    if (rc < 0 || at == AT_FDCWD || path[0] == '/') return rc;
    struct hob__sim_end *e = hob__sim_end_of(b, at);
    if (!e || e->kind != &hob__sim_file_kind) return e ? -ENOTDIR : -EBADF;
    *folder = ((struct hob__sim_file *)e)->node;
    return 0;
}

/* The file system that a path is in; NULL: the real one. */
static struct hob__sim_fs *fs_at(struct hob__backend *b, int at) {
    return is_real(at) ? NULL : hob__sim_fs_of(b);
}

/* The node that at, path and AT_ flags mean. */
static int find_node(struct hob__backend *b, struct hob__sim_fs *fs, int at, const char *path,
                     int flags, struct hob__sim_node **out) {
    struct hob__sim_node *folder;
    struct hob__sim_found f;
    int rc = enter_path(b, at, path, &folder);
    if (rc < 0) return rc;
    if (path[0] == 0 && flags & AT_EMPTY_PATH) {
        *out = folder ? folder : fs->root;
        return 0;
    }
    rc = hob__sim_find(fs, folder, path, !(flags & AT_SYMLINK_NOFOLLOW), &f);
    if (rc < 0) return rc;
    *out = f.node;
    return f.node ? 0 : -ENOENT;
}

/* ---- struct hob__files ---- */

static const struct hob__files *const real = &hob__files_linux;

static int files_openat(struct hob__backend *b, int at, const char *path, int flags, mode_t mode) {
    struct hob__sim_fs *fs = fs_at(b, at);
    if (!fs) return real->openat(b, at, path, flags, mode);
    struct hob__sim_node *folder;
    int rc = enter_path(b, at, path, &folder);
    return rc < 0 ? rc : hob__sim_file_open(fs, folder, path, flags, mode);
}

static int files_close(struct hob__backend *b, int fd) {
    if (is_real(fd)) return real->close(b, fd);
    hob__sim_files_enter(b);
    struct hob__sim_end *e = hob__sim_end_of(b, fd);
    if (!e) return -EBADF;
    hob__sim_end_close(e, false);
    return 0;
}

static int files_fstatat(struct hob__backend *b, int at, const char *path, struct stat *st,
                         int flags) {
    struct hob__sim_fs *fs = fs_at(b, at);
    if (!fs) return real->fstatat(b, at, path, st, flags);
    struct hob__sim_node *n;
    int rc = find_node(b, fs, at, path, flags, &n);
    if (rc == 0) hob__sim_node_stat(n, st);
    return rc;
}

static int files_faccessat(struct hob__backend *b, int at, const char *path, int mode, int flags) {
    struct hob__sim_fs *fs = fs_at(b, at);
    if (!fs) return real->faccessat(b, at, path, mode, flags);
    struct hob__sim_node *n;
    int rc = find_node(b, fs, at, path, flags, &n);
    return rc < 0 ? rc : hob__sim_may(n, (uint32_t)mode) ? 0 : -EACCES;
}

static void set_mode(struct hob__sim_node *n, mode_t mode) {
    n->mode = (n->mode & S_IFMT) | (mode & 07777);
    hob__sim_node_touch(n, false);
    hob__sim_watch_node(n, IN_ATTRIB);
}

static int files_fchmod(struct hob__backend *b, int fd, mode_t mode) {
    if (is_real(fd)) return real->fchmod(b, fd, mode);
    struct hob__sim_end *e = hob__sim_end_of(b, fd);
    if (e && hob__sim_unix_mode(e, mode)) return 0;
    int rc;
    struct hob__sim_file *f = enter(b, fd, &rc);
    if (f) set_mode(f->node, mode);
    return rc;
}

static int files_fchmodat(struct hob__backend *b, int at, const char *path, mode_t mode) {
    struct hob__sim_fs *fs = fs_at(b, at);
    if (!fs) return real->fchmodat(b, at, path, mode);
    struct hob__sim_node *n;
    int rc = find_node(b, fs, at, path, 0, &n);
    if (rc == 0) set_mode(n, mode);
    return rc;
}

static int files_fchown(struct hob__backend *b, int fd, uid_t user, gid_t group) {
    if (is_real(fd)) return real->fchown(b, fd, user, group);
    int rc;
    bool same = (user == (uid_t)-1 || user == HOB__SIM_UID) &&
                (group == (gid_t)-1 || group == HOB__SIM_UID);
    return !enter(b, fd, &rc) ? rc : same ? 0 : -EPERM;
}

static int files_ftruncate(struct hob__backend *b, int fd, int64_t size) {
    if (is_real(fd)) return real->ftruncate(b, fd, size);
    int rc;
    struct hob__sim_file *f = enter(b, fd, &rc);
    return f ? hob__sim_file_truncate(f, size) : rc;
}

static int files_fsync(struct hob__backend *b, int fd) {
    if (is_real(fd)) return real->fsync(b, fd);
    int rc;
    struct hob__sim_file *f = enter(b, fd, &rc);
    return f ? hob__sim_file_sync(f) : rc;
}

static int files_mkdirat(struct hob__backend *b, int at, const char *path, mode_t mode) {
    struct hob__sim_fs *fs = fs_at(b, at);
    if (!fs) return real->mkdirat(b, at, path, mode);
    struct hob__sim_node *folder;
    int rc = enter_path(b, at, path, &folder);
    return rc < 0 ? rc : hob__sim_file_mkdir(fs, folder, path, mode);
}

static int files_renameat(struct hob__backend *b, int at, const char *from, const char *to) {
    struct hob__sim_fs *fs = fs_at(b, at);
    if (!fs) return real->renameat(b, at, from, to);
    struct hob__sim_node *folder;
    int rc = enter_path(b, at, "", &folder);
    return rc < 0 ? rc : hob__sim_file_rename(fs, folder, from, to, 0);
}

static int files_unlinkat(struct hob__backend *b, int at, const char *path, int flags) {
    struct hob__sim_fs *fs = fs_at(b, at);
    if (!fs) return real->unlinkat(b, at, path, flags);
    struct hob__sim_node *folder;
    int rc = enter_path(b, at, path, &folder);
    return rc < 0 ? rc : hob__sim_file_unlink(fs, folder, path, flags);
}

static ssize_t files_readlinkat(struct hob__backend *b, int at, const char *path, char *buf,
                                size_t n) {
    struct hob__sim_fs *fs = fs_at(b, at);
    if (!fs) return real->readlinkat(b, at, path, buf, n);
    struct hob__sim_node *node;
    int rc = find_node(b, fs, at, path, AT_SYMLINK_NOFOLLOW, &node);
    if (rc < 0) return rc;
    if (!S_ISLNK(node->mode)) return -EINVAL;
    size_t length = strlen(node->target);
    if (n > length) n = length;
    memcpy(buf, node->target, n);
    return (ssize_t)n;
}

static ssize_t files_getdents(struct hob__backend *b, int fd, void *buf, size_t n) {
    if (is_real(fd)) return real->getdents(b, fd, buf, n);
    int rc;
    struct hob__sim_file *f = enter(b, fd, &rc);
    return f ? hob__sim_file_getdents(f, buf, n) : rc;
}

static ssize_t files_copy_range(struct hob__backend *b, int from, int to, size_t n) {
    if (is_real(from) && is_real(to)) return real->copy_range(b, from, to, n);
    if (is_real(from) || is_real(to)) return -EXDEV;
    int rc;
    struct hob__sim_file *f = enter(b, from, &rc);
    if (!f) return rc;
    struct hob__sim_end *e = hob__sim_end_of(b, to);
    if (!e || e->kind != &hob__sim_file_kind) return -EBADF;
    return hob__sim_file_copy(f, (struct hob__sim_file *)e, n);
}

static ssize_t files_read(struct hob__backend *b, int fd, void *buf, size_t n) {
    if (is_real(fd)) return real->read(b, fd, buf, n);
    int rc;
    struct iovec iov = {buf, n};
    struct hob__sim_file *f = enter(b, fd, &rc);
    return f ? hob__sim_file_read(f, &iov, 1, -1) : rc;
}

static ssize_t files_write(struct hob__backend *b, int fd, const void *buf, size_t n) {
    if (is_real(fd)) return real->write(b, fd, buf, n);
    int rc;
    struct iovec iov = {(void *)buf, n};
    struct hob__sim_file *f = enter(b, fd, &rc);
    return f ? hob__sim_file_write(f, &iov, 1, -1) : rc;
}

static int files_open_folder(struct hob__backend *b, int at, const char *path) {
    struct hob__sim_fs *fs = fs_at(b, at);
    if (!fs) return real->open_folder(b, at, path);
    struct hob__sim_node *folder;
    struct hob__sim_found f;
    int rc = enter_path(b, at, path, &folder);
    if (rc == 0) rc = hob__sim_find(fs, folder, path, -1, &f);
    if (rc < 0) return rc;
    return hob__sim_file_open(fs, folder, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
}

static int64_t files_position(struct hob__backend *b, int fd) {
    if (is_real(fd)) return real->position(b, fd);
    int rc;
    const struct hob__sim_file *f = enter(b, fd, &rc);
    return f ? f->position : rc;
}

/* ---- watching ---- */

/* Of real files: records can be read, but not waited for. */
static int files_watch_open(struct hob__backend *b) {
    struct hob__sim_fs *fs = hob__sim_fs_of(b);
    return fs ? hob__sim_watch_open(fs) : real->watch_open(b);
}

static int watch_node(struct hob__backend *b, struct hob__sim_fs *fs, int fd, int at,
                      const char *path, uint32_t events) {
    struct hob__sim_node *n;
    int flags = AT_EMPTY_PATH | (events & IN_DONT_FOLLOW ? AT_SYMLINK_NOFOLLOW : 0);
    int rc = find_node(b, fs, at, path, flags, &n);
    if (rc < 0) return rc;
    struct hob__sim_end *e = hob__sim_end_of(b, fd);
    return e ? hob__sim_watch_add(e, n, events) : -EBADF;
}

static int files_watch_add(struct hob__backend *b, int fd, const char *path, uint32_t events) {
    if (is_real(fd)) return real->watch_add(b, fd, path, events);
    if (path[0] == 0) return -ENOENT;
    return watch_node(b, hob__sim_fs_of(b), fd, AT_FDCWD, path, events);
}

static int files_watch_add_folder(struct hob__backend *b, int fd, int folder, uint32_t events) {
    if (is_real(fd)) return real->watch_add_folder(b, fd, folder, events);
    return watch_node(b, hob__sim_fs_of(b), fd, folder, "", events);
}

static int files_watch_remove(struct hob__backend *b, int fd, int id) {
    if (is_real(fd)) return real->watch_remove(b, fd, id);
    struct hob__sim_end *e = hob__sim_end_of(b, fd);
    return e ? hob__sim_watch_remove(e, id) : -EBADF;
}

static ssize_t files_watch_read(struct hob__backend *b, int fd, void *buf, size_t n) {
    if (is_real(fd)) return real->watch_read(b, fd, buf, n);
    struct hob__sim_end *e = hob__sim_end_of(b, fd);
    return e ? hob__sim_watch_read(e, buf, n) : -EBADF;
}

static int files_watch_queued(struct hob__backend *b, int fd) {
    if (is_real(fd)) return real->watch_queued(b, fd);
    struct hob__sim_end *e = hob__sim_end_of(b, fd);
    return e ? hob__sim_watch_queued(e) : -EBADF;
}

const struct hob__files hob__files_sim = {
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
    .watch_read = files_watch_read,
    .watch_queued = files_watch_queued,
};
