/* io/file/names.c - names of files: asking, making, moving, removing. One call of the kernel each.
 */
#include <hob/task.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/memory.h"
#include "io/file/file.h"

/* ---- asking ---- */

static struct timespec time_of(struct statx_timestamp t) {
    return (struct timespec){.tv_sec = t.tv_sec, .tv_nsec = t.tv_nsec};
}

int hob__stat_at(int at, const char *path, int flags, struct stat *st) {
    struct statx x;
    struct hob__op op = {
        .code = HOB__OP_STATX, .fd = at, .path = path, .flags = (uint32_t)flags, .out = &x};
    int rc = (int)hob__op_run(&op, "stat");
    if (rc < 0) return rc;
    memset(st, 0, sizeof *st);
    st->st_dev = makedev(x.stx_dev_major, x.stx_dev_minor);
    st->st_rdev = makedev(x.stx_rdev_major, x.stx_rdev_minor);
    st->st_ino = x.stx_ino;
    st->st_mode = x.stx_mode;
    st->st_nlink = x.stx_nlink;
    st->st_uid = x.stx_uid;
    st->st_gid = x.stx_gid;
    st->st_size = (off_t)x.stx_size;
    st->st_blksize = (blksize_t)x.stx_blksize;
    st->st_blocks = (blkcnt_t)x.stx_blocks;
    st->st_atim = time_of(x.stx_atime);
    st->st_mtim = time_of(x.stx_mtime);
    st->st_ctim = time_of(x.stx_ctime);
    return 0;
}

static int stat_path(const char *path, int flags, struct stat *st, const char *func) {
    int rc = hob__io_point(func);
    if (rc < 0) return rc;
    rc = hob__stat_at(AT_FDCWD, path, flags, st);
    return rc < 0 ? hob__file_fail(rc, func, "ask for the state of", path) : 0;
}

int hob_stat(const char *path, struct stat *st) { return stat_path(path, 0, st, __func__); }

int hob_lstat(const char *path, struct stat *st) {
    return stat_path(path, AT_SYMLINK_NOFOLLOW, st, __func__);
}

int hob_exists(const char *path) {
    struct stat st;
    int rc = hob__io_point(__func__);
    if (rc < 0) return rc;
    rc = hob__stat_at(AT_FDCWD, path, 0, &st);
    if (rc == 0) return 1;
    if (rc == -ENOENT || rc == -ENOTDIR) return 0;
    return hob__file_fail(rc, __func__, "ask for", path);
}

/* ---- making, moving, removing ---- */

static int one_name(enum hob__op_code code, const char *path, uint32_t flags, mode_t mode,
                    const char *func, const char *verb) {
    int rc = hob__io_point(func);
    if (rc < 0) return rc;
    struct hob__op op = {.code = code, .fd = AT_FDCWD, .path = path, .flags = flags, .mode = mode};
    rc = (int)hob__op_run(&op, func + sizeof "hob_" - 1);
    return rc < 0 ? hob__file_fail(rc, func, verb, path) : 0;
}

static int two_names(enum hob__op_code code, const char *from, const char *to, uint32_t flags,
                     const char *func, const char *verb) {
    int rc = hob__io_point(func);
    if (rc < 0) return rc;
    struct hob__op op = {.code = code, .fd = AT_FDCWD, .path = from, .path2 = to, .flags = flags};
    rc = (int)hob__op_run(&op, func + sizeof "hob_" - 1);
    if (rc >= 0) return 0;
    return hob__fail(false, rc, func, __FILE__, __LINE__, "cannot %s '%s' to '%s'", verb, from, to);
}

int hob_mkdir(const char *path, mode_t mode) {
    return one_name(HOB__OP_MKDIRAT, path, 0, mode, __func__, "make the folder");
}
int hob_unlink(const char *path) {
    return one_name(HOB__OP_UNLINKAT, path, 0, 0, __func__, "remove");
}
int hob_rmdir(const char *path) {
    return one_name(HOB__OP_UNLINKAT, path, AT_REMOVEDIR, 0, __func__, "remove the folder");
}
int hob_rename(const char *from, const char *to) {
    return two_names(HOB__OP_RENAMEAT, from, to, 0, __func__, "rename");
}
int hob_rename_new(const char *from, const char *to) {
    return two_names(HOB__OP_RENAMEAT, from, to, RENAME_NOREPLACE, __func__, "rename");
}
int hob_link(const char *from, const char *to) {
    return two_names(HOB__OP_LINKAT, from, to, 0, __func__, "link");
}
int hob_symlink(const char *target, const char *path) {
    return two_names(HOB__OP_SYMLINKAT, target, path, 0, __func__, "make a link with");
}

/* ---- jobs ---- */

struct naming {
    struct hob__op op;
    struct hob__backend *backend;
    const char *path;
    char *buf;
    size_t n;
    mode_t mode;
};

static int readlink_job(struct hob__op *op) {
    struct naming *j = (struct naming *)op;
    return (int)j->backend->ops->files->readlinkat(j->backend, AT_FDCWD, j->path, j->buf, j->n);
}

ssize_t hob_readlink(const char *path, char *buf, size_t n) {
    struct naming j = {.backend = hob__backend_current(__func__), .path = path, .buf = buf, .n = n};
    int rc = hob__io_point(__func__);
    if (rc < 0) return rc;
    if (n > INT32_MAX) j.n = INT32_MAX;
    rc = n == 0 ? -ENAMETOOLONG : hob__file_job(&j.op, readlink_job, "readlink");
    if (rc >= 0 && (size_t)rc == j.n) rc = -ENAMETOOLONG; /* there may be more, and the NUL */
    if (rc < 0) return hob__file_fail(rc, __func__, "read the link", path);
    buf[rc] = 0;
    return rc;
}

static int chmod_job(struct hob__op *op) {
    struct naming *j = (struct naming *)op;
    return j->backend->ops->files->fchmodat(j->backend, AT_FDCWD, j->path, j->mode);
}

int hob_chmod(const char *path, mode_t mode) {
    struct naming j = {.backend = hob__backend_current(__func__), .path = path, .mode = mode};
    int rc = hob__io_point(__func__);
    if (rc < 0) return rc;
    rc = hob__file_job(&j.op, chmod_job, "chmod");
    return rc < 0 ? hob__file_fail(rc, __func__, "change the mode of", path) : 0;
}

/* As -p: when the parent is missing, each of its folders from the left. */
static int mkdir_all(struct hob__backend *b, char *path, mode_t mode) {
    const struct hob__files *files = b->ops->files;
    int rc = files->mkdirat(b, AT_FDCWD, path, mode);
    for (char *p = path; rc == -ENOENT && *p; p++) {
        if (p == path || *p != '/' || p[-1] == '/' || p[1] == 0) continue;
        *p = 0;
        /* A parent must let its maker in. */
        int made = files->mkdirat(b, AT_FDCWD, path, mode | S_IWUSR | S_IXUSR);
        *p = '/';
        if (made < 0 && made != -EEXIST) return made;
    }
    if (rc == -ENOENT) rc = files->mkdirat(b, AT_FDCWD, path, mode);
    if (rc == -EEXIST) {
        struct stat st;
        if (files->fstatat(b, AT_FDCWD, path, &st, 0) == 0 && S_ISDIR(st.st_mode)) return 0;
    }
    return rc;
}

static int mkdir_all_job(struct hob__op *op) {
    struct naming *j = (struct naming *)op;
    return mkdir_all(j->backend, j->buf, j->mode);
}

int hob_mkdir_all(const char *path, mode_t mode) {
    struct naming j = {.backend = hob__backend_current(__func__), .mode = mode};
    int rc = hob__io_point(__func__);
    if (rc < 0) return rc;
    char *copy = hob__strdup(path);
    if (!copy) return -ENOMEM;
    j.buf = copy;
    rc = hob__file_job(&j.op, mkdir_all_job, "mkdir_all");
    hob__free(copy);
    return rc < 0 ? hob__file_fail(rc, __func__, "make the folder", path) : 0;
}
