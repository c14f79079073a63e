/* io/file/remove.c - removing a folder with all that is in it.
 *
 * A worker removes a few hundred names at a time, so that a cancel is seen in between; each time it
 * comes down again from the top. It holds two descriptors however deep the tree is: on the way down
 * it closes the folder above, on the way up it opens "..", and goes on only if that is the folder
 * it came from (device and inode), since somebody may have moved the tree meanwhile. */
#include <dirent.h>
#include <hob/task.h>
#include <limits.h>
#include <string.h>

#include "base/memory.h"
#include "io/file/file.h"

enum { AT_ONCE = 500, NAMES = 4096, OWN_LEVELS = 12 };

/* A folder on the way down. */
struct level {
    dev_t device;
    ino_t inode;
    char name[NAME_MAX + 1]; /* in the one above; the first one's is the caller's path */
};

struct removal {
    struct hob__backend *backend;
    const struct hob__files *files;
    struct level *levels; /* `own`, until they are not enough: clean-ups shall not want memory */
    size_t depth, room;
    int fd; /* of the last level's folder */
    unsigned left;
    struct level own[OWN_LEVELS];
    _Alignas(8) char names[NAMES];
};

/* Room for one more level. */
static int deepen(struct removal *r) {
    if (r->depth < r->room) return 0;
    bool is_own = r->levels == r->own;
    size_t room = 2 * r->room;
    struct level *more = hob__realloc(is_own ? NULL : r->levels, room * sizeof *more);
    if (!more) return -ENOMEM;
    if (is_own) memcpy(more, r->own, sizeof r->own);
    r->levels = more;
    r->room = room;
    return 0;
}

static int down(struct removal *r, int at, const char *name) {
    struct stat st;
    size_t n = strlen(name);
    int rc = r->depth > 0 && n > NAME_MAX ? -ENAMETOOLONG : deepen(r);
    if (rc < 0) return rc;
    int fd =
        r->files->openat(r->backend, at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK, 0);
    if (fd < 0) return fd;
    rc = r->files->fstatat(r->backend, fd, "", &st, AT_EMPTY_PATH);
    if (rc < 0) {
        r->files->close(r->backend, fd);
        return rc;
    }
    struct level *l = &r->levels[r->depth];
    l->device = st.st_dev;
    l->inode = st.st_ino;
    l->name[0] = 0;
    if (r->depth > 0) {
        memcpy(l->name, name, n + 1);
        r->files->close(r->backend, r->fd);
    }
    r->depth++;
    r->fd = fd;
    return 0;
}

/* The folder is empty: removes it from the one above. */
static int up(struct removal *r) {
    struct stat st;
    const struct level *l = &r->levels[r->depth - 1], *above = l - 1;
    int fd = r->files->openat(r->backend, r->fd, "..", O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0) return fd;
    int rc = r->files->fstatat(r->backend, fd, "", &st, AT_EMPTY_PATH);
    if (rc == 0 && (st.st_dev != above->device || st.st_ino != above->inode)) rc = -ESTALE;
    if (rc == 0) rc = r->files->unlinkat(r->backend, fd, l->name, AT_REMOVEDIR);
    r->files->close(r->backend, r->fd);
    r->fd = fd;
    r->depth--;
    if (rc == -ENOTEMPTY || rc == -EEXIST) return 0; /* somebody put something in: once more */
    return rc == -ENOENT ? 0 : rc;
}

/* One name of the folder. 1: it went down into it. */
static int remove_one(struct removal *r, const struct hob__dirent *d) {
    int rc = d->type == DT_DIR ? -EISDIR : r->files->unlinkat(r->backend, r->fd, d->name, 0);
    if (rc == 0) r->left--;
    if (rc == 0 || rc == -ENOENT) return 0;
    if (rc != -EISDIR && rc != -EPERM) return rc;
    int went = down(r, r->fd, d->name);
    if (went == -ENOENT) return 0;
    return went == -ENOTDIR ? rc : went < 0 ? went : 1;
}

/* The names of one look into the folder. 1: there were some; 0: it is empty. */
static int remove_names(struct removal *r) {
    ssize_t n = r->files->getdents(r->backend, r->fd, r->names, sizeof r->names);
    if (n < 0) return (int)n;
    bool any = false;
    for (ssize_t at = 0; at < n && r->left > 0;) {
        const struct hob__dirent *d = (const void *)(r->names + at);
        at += d->size;
        if (hob__is_dots(d->name)) continue;
        any = true;
        int rc = remove_one(r, d);
        if (rc < 0) return rc;
        if (rc > 0) return 1;
    }
    /* Only the dots: there may be more behind them. */
    return any ? 1 : n > 0 ? remove_names(r) : 0;
}

static int remove_tree(struct removal *r, const char *path) {
    int rc = down(r, AT_FDCWD, path);
    while (rc >= 0 && r->left > 0) {
        rc = remove_names(r);
        if (rc != 0) continue;
        r->left--;
        if (r->depth == 1) return r->files->unlinkat(r->backend, AT_FDCWD, path, AT_REMOVEDIR);
        rc = up(r);
    }
    return rc < 0 ? rc : 1;
}

int hob__remove_some(struct hob__backend *b, const char *path, unsigned most) {
    const struct hob__files *files = b->ops->files;
    int rc = files->unlinkat(b, AT_FDCWD, path, 0);
    if (rc == 0 || rc == -ENOENT) return 0;
    if (rc != -EISDIR && rc != -EPERM) return rc;
    /* An empty folder goes without a descriptor, which there may be none of. */
    int bare = files->unlinkat(b, AT_FDCWD, path, AT_REMOVEDIR);
    if (bare == 0) return 0;
    struct removal r;
    r.backend = b;
    r.files = files;
    r.levels = r.own;
    r.depth = 0;
    r.room = OWN_LEVELS;
    r.left = most;
    int went = remove_tree(&r, path);
    if (r.depth > 0) files->close(b, r.fd);
    if (r.levels != r.own) hob__free(r.levels);
    if (went == -ENOENT) return 0;
    return went == -ENOTDIR ? rc : went; /* -EPERM of a file */
}

struct removing {
    struct hob__op op;
    struct hob__backend *backend;
    const char *path;
};

static int remove_job(struct hob__op *op) {
    struct removing *j = (struct removing *)op;
    return hob__remove_some(j->backend, j->path, AT_ONCE);
}

int hob_remove_all(const char *path) {
    struct removing j = {.backend = hob__backend_current(__func__), .path = path};
    int rc;
    do {
        rc = hob__io_point(__func__);
        if (rc == 0) rc = hob__file_job(&j.op, remove_job, "remove_all");
    } while (rc > 0);
    return rc < 0 ? hob__file_fail(rc, __func__, "remove", path) : 0;
}
