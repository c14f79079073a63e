/* loop/sim/files_ops.c - struct hob__op on simulated files: what uring.c and op_linux.c do on real
 * ones. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "loop/internal.h"
#include "loop/sim/files.h"

static bool is_simulated(struct hob__backend *b, const struct hob__op *op) {
    if (op->fd >= HOB__SIM_FD_FIRST) return true;
    switch (op->code) {
    case HOB__OP_PREADV:
    case HOB__OP_PWRITEV:
    case HOB__OP_FSYNC:
    case HOB__OP_WORK:
        return false;
    default:
        return op->fd < 0 && hob__sim_fs_of(b) != NULL;
    }
}

/* What is no file, but has a descriptor: a pipe, a socket. */
static ssize_t perform_other(struct hob__sim_end *e, struct hob__op *op) {
    switch (op->code) {
    case HOB__OP_PREADV:
        if (op->offset >= 0) return -ESPIPE;
        if (!e->kind->recv || op->iov_count < 1) return -EINVAL;
        return e->kind->recv(e, op->iov[0].iov_base, op->iov[0].iov_len, 0);
    case HOB__OP_PWRITEV:
        if (op->offset >= 0) return -ESPIPE;
        return e->kind->send ? e->kind->send(e, op->iov, op->iov_count) : -EINVAL;
    default:
        return -EINVAL;
    }
}

static ssize_t perform_fd(struct hob__backend *b, struct hob__op *op) {
    int rc = hob__sim_files_enter(b);
    if (rc < 0) return rc;
    struct hob__sim_end *e = hob__sim_end_of(b, op->fd);
    if (!e) return -EBADF;
    if (e->kind != &hob__sim_file_kind) return perform_other(e, op);
    struct hob__sim_file *f = (struct hob__sim_file *)e;
    switch (op->code) {
    case HOB__OP_PREADV:
        return hob__sim_file_read(f, op->iov, op->iov_count, op->offset);
    case HOB__OP_PWRITEV:
        return hob__sim_file_write(f, op->iov, op->iov_count, op->offset);
    default:
        return hob__sim_file_sync(f);
    }
}

static struct statx_timestamp time_of(struct timespec t) {
    return (struct statx_timestamp){.tv_sec = t.tv_sec, .tv_nsec = (uint32_t)t.tv_nsec};
}

static int perform_statx(struct hob__backend *b, const struct hob__op *op) {
    struct stat st;
    int rc = hob__files_sim.fstatat(b, op->fd, op->path, &st, (int)op->flags);
    if (rc < 0) return rc;
    struct statx *x = op->out;
    *x = (struct statx){.stx_mask = STATX_BASIC_STATS,
                        .stx_blksize = (uint32_t)st.st_blksize,
                        .stx_nlink = (uint32_t)st.st_nlink,
                        .stx_uid = st.st_uid,
                        .stx_gid = st.st_gid,
                        .stx_mode = (uint16_t)st.st_mode,
                        .stx_ino = st.st_ino,
                        .stx_size = (uint64_t)st.st_size,
                        .stx_blocks = (uint64_t)st.st_blocks,
                        .stx_atime = time_of(st.st_atim),
                        .stx_ctime = time_of(st.st_ctim),
                        .stx_mtime = time_of(st.st_mtim),
                        .stx_rdev_major = major(st.st_rdev),
                        .stx_rdev_minor = minor(st.st_rdev),
                        .stx_dev_major = major(st.st_dev),
                        .stx_dev_minor = minor(st.st_dev)};
    return 0;
}

/* The folder that op's paths begin in. */
static int folder_of(struct hob__backend *b, const struct hob__op *op,
                     struct hob__sim_node **folder) {
    int rc = hob__sim_files_enter(b);
    *folder = NULL;
    if (rc < 0 || op->fd < 0) return rc;
    struct hob__sim_end *e = hob__sim_end_of(b, op->fd);
    if (!e || e->kind != &hob__sim_file_kind) return e ? -ENOTDIR : -EBADF;
    *folder = ((struct hob__sim_file *)e)->node;
    return 0;
}

static int perform_path(struct hob__backend *b, const struct hob__op *op) {
    struct hob__sim_node *at;
    int rc = folder_of(b, op, &at);
    if (rc < 0) return rc;
    struct hob__sim_fs *fs = hob__sim_host_fs(((struct hob__sim_loop *)b->state)->host);
    switch (op->code) {
    case HOB__OP_OPENAT:
    case HOB__OP_OPENBELOW: /* no symbolic link of this world leads out of a folder by itself */
        return hob__sim_file_open(fs, at, op->path, (int)op->flags, op->mode);
    case HOB__OP_RENAMEAT:
        return hob__sim_file_rename(fs, at, op->path, op->path2, op->flags);
    case HOB__OP_UNLINKAT:
        return hob__sim_file_unlink(fs, at, op->path, (int)op->flags);
    case HOB__OP_MKDIRAT:
        return hob__sim_file_mkdir(fs, at, op->path, op->mode);
    case HOB__OP_SYMLINKAT:
        return hob__sim_file_symlink(fs, op->path, at, op->path2);
    case HOB__OP_LINKAT:
        return hob__sim_file_link(fs, at, op->path, op->path2, (int)op->flags);
    default:
        return -EINVAL;
    }
}

ssize_t hob__sim_perform(struct hob__backend *b, struct hob__op *op) {
    if (!is_simulated(b, op)) {
        /* A pipe may be broken, and this is no worker thread, where SIGPIPE would be blocked. */
        bool at_position = op->code == HOB__OP_PWRITEV && op->offset == -1;
        return at_position ? hob__sys_linux.writev(b, op->fd, op->iov, op->iov_count)
                           : hob__linux_perform(op);
    }
    switch (op->code) {
    case HOB__OP_PREADV:
    case HOB__OP_PWRITEV:
    case HOB__OP_FSYNC:
        return perform_fd(b, op);
    case HOB__OP_STATX:
        return perform_statx(b, op);
    default:
        return perform_path(b, op);
    }
}

ssize_t hob__sim_attempt(struct hob__backend *b, struct hob__op *op) {
    if (!is_simulated(b, op)) return hob__linux_attempt(b, op);
    struct hob__sim_fs *fs = hob__sim_host_fs(((struct hob__sim_loop *)b->state)->host);
    bool could = op->code == HOB__OP_PREADV || op->code == HOB__OP_STATX ||
                 ((op->code == HOB__OP_OPENAT || op->code == HOB__OP_OPENBELOW) &&
                  !(op->flags & (O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY))));
    if (!could || !hob__sim_files_chance(fs, fs->cached)) return -EAGAIN;
    return hob__sim_perform(b, op);
}
