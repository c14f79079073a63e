/* io/file/replace.c - replacing a file atomically, and copying by it.
 *
 * begin    finds what the path means (a symbolic link's target), opens its folder, and makes a
 *          temporary file in it with the mode and owner of the file that is there
 * write    as any file
 * commit   fsync, then in one job, which no cancel cuts in two: rename over the old file, fsync of
 *          the folder
 * drop     removes the temporary: by hob_file_close(), if there was no commit
 *
 * All names are looked up in the folder that was opened, whatever happens to its own name. */
#include <hob/task.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "io/file/file.h"

enum { LINKS_MAX = 40, TRIES = 100, COPY_PIECE = 16 << 20, COPY_BUFFER = 256 << 10 };

struct hob__replacing {
    int folder;
    bool can_sync; /* the folder could be opened for reading */
    bool in_place; /* the temporary has the final name */
    char temporary[32];
    char name[NAME_MAX + 1];
};

/* ---- begin ---- */

struct beginning {
    struct hob__op op;
    struct hob__backend *backend;
    struct hob__replacing *r;
    mode_t mode; /* of a new file */
    uint64_t random;
    int fd;              /* out: the temporary's */
    char path[PATH_MAX]; /* what is to be replaced; links are followed in it */
    char link[PATH_MAX];
};

/* path becomes what the link at its end says. */
static int follow(struct beginning *j) {
    const char *slash = strrchr(j->path, '/');
    size_t folder = j->link[0] == '/' || !slash ? 0 : (size_t)(slash + 1 - j->path);
    size_t n = strlen(j->link);
    if (folder + n >= sizeof j->path) return -ENAMETOOLONG;
    memcpy(j->path + folder, j->link, n + 1);
    return 0;
}

static int follow_links(struct beginning *j) {
    const struct hob__files *files = j->backend->ops->files;
    for (int links = 0; links < LINKS_MAX; links++) {
        ssize_t n = files->readlinkat(j->backend, AT_FDCWD, j->path, j->link, sizeof j->link - 1);
        if (n == -EINVAL || n == -ENOENT) return 0; /* no link; nothing there */
        if (n < 0) return (int)n;
        j->link[n] = 0;
        int rc = follow(j);
        if (rc < 0) return rc;
    }
    return -ELOOP;
}

static int open_folder(struct beginning *j) {
    const struct hob__files *files = j->backend->ops->files;
    char *slash = strrchr(j->path, '/');
    const char *name = slash ? slash + 1 : j->path;
    if (*name == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) return -EISDIR;
    if (strlen(name) > NAME_MAX) return -ENAMETOOLONG;
    memcpy(j->r->name, name, strlen(name) + 1);
    if (slash) slash[slash == j->path] = 0; /* "/name": "/" */
    const char *folder = slash ? j->path : ".";
    j->r->can_sync = true;
    int fd = files->openat(j->backend, AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0);
    if (fd == -EACCES) {
        j->r->can_sync = false;
        fd = files->openat(j->backend, AT_FDCWD, folder, O_PATH | O_DIRECTORY, 0);
    }
    j->r->folder = fd;
    return fd < 0 ? fd : 0;
}

/* The old file's mode and owner. A stranger's set-id bits are not handed on. */
static int take_over(struct beginning *j, const struct stat *old) {
    const struct hob__files *files = j->backend->ops->files;
    struct stat new;
    mode_t mode = old->st_mode & 07777;
    int rc = files->fstatat(j->backend, j->fd, "", &new, AT_EMPTY_PATH);
    if (rc == 0 && (new.st_uid != old->st_uid || new.st_gid != old->st_gid) &&
        files->fchown(j->backend, j->fd, old->st_uid, old->st_gid) < 0 &&
        files->fchown(j->backend, j->fd, (uid_t)-1, old->st_gid) < 0)
        mode &= (mode_t) ~(S_ISUID | S_ISGID);
    return rc < 0 ? rc : files->fchmod(j->backend, j->fd, mode);
}

static int make_temporary(struct beginning *j, const struct stat *old) {
    const struct hob__files *files = j->backend->ops->files;
    struct hob__replacing *r = j->r;
    int rc = -EEXIST;
    for (int tries = 0; rc == -EEXIST && tries < TRIES; tries++) {
        snprintf(r->temporary, sizeof r->temporary, ".hob-%016llx",
                 (unsigned long long)j->random++);
        rc = files->openat(j->backend, r->folder, r->temporary,
                           O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, old ? 0600 : j->mode);
    }
    if (rc < 0) return rc;
    j->fd = rc;
    rc = old ? take_over(j, old) : 0;
    if (rc < 0) {
        files->close(j->backend, j->fd);
        files->unlinkat(j->backend, r->folder, r->temporary, 0);
    }
    return rc;
}

static int begin_job(struct hob__op *op) {
    struct beginning *j = (struct beginning *)op;
    const struct hob__files *files = j->backend->ops->files;
    struct stat old;
    int rc = follow_links(j);
    if (rc == 0) rc = open_folder(j);
    if (rc < 0) return rc;
    bool there = false;
    rc = files->fstatat(j->backend, j->r->folder, j->r->name, &old, AT_SYMLINK_NOFOLLOW);
    if (rc == 0) {
        there = true;
        if (!S_ISREG(old.st_mode)) rc = S_ISDIR(old.st_mode) ? -EISDIR : -EINVAL;
        if (rc == 0) rc = files->faccessat(j->backend, j->r->folder, j->r->name, W_OK, AT_EACCESS);
    } else if (rc == -ENOENT) {
        rc = 0;
    }
    if (rc == 0) rc = make_temporary(j, there ? &old : NULL);
    if (rc < 0) files->close(j->backend, j->r->folder);
    return rc;
}

static int begin(struct beginning *j, const char *path, mode_t mode, struct hob_file **out) {
    struct hob__backend *b = j->backend;
    size_t n = strlen(path);
    if (n == 0) return -ENOENT;
    if (n >= sizeof j->path) return -ENAMETOOLONG;
    memcpy(j->path, path, n + 1);
    j->mode = mode;
    b->ops->random(b, &j->random, sizeof j->random);
    /* Both before the job, so that nothing is left to fail behind it. */
    j->r = hob__alloc_zero(sizeof *j->r);
    struct hob_file *f = j->r ? hob__file_blank(b, path, O_RDWR) : NULL;
    int rc = f ? hob__file_job(&j->op, begin_job, "replace") : -ENOMEM;
    if (rc < 0) {
        hob__free(j->r);
        hob__file_free(f);
        return rc;
    }
    f->fd = j->fd;
    f->replacing = j->r;
    f->heavy = true;
    *out = f;
    return 0;
}

int hob__replace_open(const char *path, mode_t mode, const char *func, struct hob_file **out) {
    struct hob__backend *b = hob__backend_current(func);
    int rc = hob__io_point(func);
    if (rc < 0) return rc;
    struct beginning *j = hob__alloc_zero(sizeof *j);
    if (!j) return -ENOMEM;
    j->backend = b;
    rc = begin(j, path, mode, out);
    hob__free(j);
    return rc < 0 ? hob__file_fail(rc, func, "replace", path) : 0;
}

int hob_open_replacing(const char *path, struct hob_file **out) {
    return hob__replace_open(path, 0666, __func__, out);
}

/* ---- commit, drop ---- */

struct ending {
    struct hob__op op;
    struct hob__backend *backend;
    struct hob__replacing *r;
};

static int commit_job(struct hob__op *op) {
    struct ending *j = (struct ending *)op;
    struct hob__replacing *r = j->r;
    const struct hob__files *files = j->backend->ops->files;
    int rc = files->renameat(j->backend, r->folder, r->temporary, r->name);
    if (rc < 0) return rc;
    r->in_place = true;
    rc = r->can_sync ? files->fsync(j->backend, r->folder) : 0;
    return rc == -EINVAL ? 0 : rc; /* a file system that has no such thing */
}

static int drop_job(struct hob__op *op) {
    struct ending *j = (struct ending *)op;
    const struct hob__files *files = j->backend->ops->files;
    if (!j->r->in_place) files->unlinkat(j->backend, j->r->folder, j->r->temporary, 0);
    return files->close(j->backend, j->r->folder);
}

int hob_file_commit(struct hob_file *f) {
    if (!f->replacing)
        hob__misuse(__func__, "'%s' was not opened by hob_open_replacing(), or is committed",
                    f->path);
    int rc = hob__file_sync(f, false, __func__);
    if (rc == 0) rc = hob__file_enter(f, true, __func__);
    if (rc < 0) return rc;
    struct ending j = {.backend = f->backend, .r = f->replacing};
    rc = hob__file_job(&j.op, commit_job, "commit");
    hob__file_leave_call(f, true);
    if (j.r->in_place) hob__replace_drop(f);
    return rc < 0 ? hob__file_fail(rc, __func__, "replace", f->path) : 0;
}

void hob__replace_drop(struct hob_file *f) {
    struct ending j = {.backend = f->backend, .r = f->replacing};
    if (j.r->in_place)
        drop_job(&j.op); /* only a folder's descriptor to close */
    else
        hob__file_cleanup(&j.op, drop_job, "drop");
    hob__free(f->replacing);
    f->replacing = NULL;
}

/* ---- copying ---- */

struct copying {
    struct hob__op op;
    struct hob_file *from, *to;
    char *buffer; /* in use: the kernel cannot copy between these two */
    int64_t done; /* by this job */
};

static int copy_by_hand(struct copying *j) {
    struct hob__backend *b = j->from->backend;
    const struct hob__files *files = b->ops->files;
    ssize_t got = files->read(b, j->from->fd, j->buffer, COPY_BUFFER);
    for (ssize_t at = 0; at < got;) {
        ssize_t put = files->write(b, j->to->fd, j->buffer + at, (size_t)(got - at));
        if (put <= 0) return put < 0 ? (int)put : -EIO;
        at += put;
    }
    if (got > 0) j->done = got;
    return got < 0 ? (int)got : 0;
}

static int copy_job(struct hob__op *op) {
    struct copying *j = (struct copying *)op;
    struct hob__backend *b = j->from->backend;
    if (j->buffer) return copy_by_hand(j);
    ssize_t n = b->ops->files->copy_range(b, j->from->fd, j->to->fd, COPY_PIECE);
    if (n > 0) j->done = n;
    return n < 0 ? (int)n : 0;
}

static bool kernel_refuses(int rc) {
    return rc == -EXDEV || rc == -EINVAL || rc == -EOPNOTSUPP || rc == -ENOSYS || rc == -EPERM;
}

static int64_t copy_all(struct copying *j) {
    int64_t total = 0;
    for (;;) {
        int rc = hob__io_point("hob_copy_file");
        if (rc < 0) return rc;
        j->done = 0;
        rc = hob__file_job(&j->op, copy_job, "copy");
        total += j->done;
        bool by_hand = !j->buffer && total == 0 && (rc == 0 || kernel_refuses(rc));
        /* Nothing copied at first may also be a file in /proc, which says that it is empty. */
        if (by_hand) {
            j->buffer = hob__alloc(COPY_BUFFER);
            if (!j->buffer) return -ENOMEM;
            continue;
        }
        if (rc < 0) return hob__file_fail(rc, "hob_copy_file", "copy", j->from->path);
        if (j->done == 0) return total;
    }
}

int64_t hob_copy_file(const char *from, const char *to) {
    struct stat st;
    HOB_FILE(in);
    HOB_FILE(out);
    int rc = hob_open(from, "r", &in);
    if (rc == 0) rc = hob_file_stat(in, &st);
    if (rc == 0 && S_ISDIR(st.st_mode)) rc = hob__file_fail(-EISDIR, __func__, "copy", from);
    if (rc == 0) rc = hob__replace_open(to, st.st_mode & 0777, __func__, &out);
    if (rc < 0) return rc;
    struct copying j = {.from = in, .to = out};
    int64_t n = copy_all(&j);
    hob__free(j.buffer);
    rc = n < 0 ? 0 : hob_file_commit(out);
    return rc < 0 ? rc : n;
}
