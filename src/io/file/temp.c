/* io/file/temp.c - temporary files and folders. */
#include <hob/task.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/file/file.h"
#include "task/report.h"

enum { TRIES = 100 };

enum kind { UNNAMED, NAMED, FOLDER };

struct making {
    struct hob__op op;
    struct hob__backend *backend;
    enum kind kind;
    uint64_t random;
    const char *folder;
    char *path; /* out; room for a name behind the folder's */
    size_t room;
    int fd; /* out */
};

static int make_named(struct making *j) {
    const struct hob__files *files = j->backend->ops->files;
    int rc = -EEXIST;
    for (int tries = 0; rc == -EEXIST && tries < TRIES; tries++) {
        snprintf(j->path, j->room, "%s/hob-%016llx", j->folder, (unsigned long long)j->random++);
        rc = j->kind == FOLDER ? files->mkdirat(j->backend, AT_FDCWD, j->path, 0700)
                               : files->openat(j->backend, AT_FDCWD, j->path,
                                               O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    }
    if (rc >= 0 && j->kind != FOLDER) j->fd = rc;
    return rc < 0 ? rc : 0;
}

static int make_job(struct hob__op *op) {
    struct making *j = (struct making *)op;
    const struct hob__files *files = j->backend->ops->files;
    if (j->kind != UNNAMED) return make_named(j);
    int fd = files->openat(j->backend, AT_FDCWD, j->folder, O_RDWR | O_TMPFILE, 0600);
    if (fd >= 0) {
        j->fd = fd;
        return 0;
    }
    /* A file system, or a kernel, that has none without a name. */
    if (fd != -EOPNOTSUPP && fd != -EISDIR && fd != -EINVAL && fd != -ENOENT) return fd;
    int rc = make_named(j);
    if (rc == 0) files->unlinkat(j->backend, AT_FDCWD, j->path, 0);
    return rc;
}

/* Belongs to a scope; removes what it names. */
struct temporary {
    struct hob__op op;
    struct hob__backend *backend;
    struct hob_file *file; /* NULL: a folder */
    char path[];
};

static int remove_job(struct hob__op *op) {
    struct temporary *t = (struct temporary *)op;
    int rc;
    do rc = hob__remove_some(t->backend, t->path, UINT_MAX);
    while (rc > 0);
    return rc;
}

/* The scope ends whatever becomes of this, so that nobody else could say it. */
static void report_left(const char *path, int rc) {
    char text[PATH_MAX + 200];
    snprintf(text, sizeof text, "hob: the temporary '%s' could not be removed: %s\n", path,
             hob_strerror(rc));
    hob__report(HOB_REPORT_ERROR, text);
}

static void drop(void *arg) {
    struct temporary *t = arg;
    if (t->file) hob_file_close(t->file);
    int rc = hob__file_cleanup(&t->op, remove_job, "remove");
    if (rc < 0) report_left(t->path, rc);
    hob__free(t);
}

static const char *folder_or_default(const char *folder) {
    if (folder) return folder;
    folder = getenv("TMPDIR");
    return folder && *folder ? folder : "/tmp";
}

static int make(struct making *j, const char *func) {
    int rc = hob__io_point(func);
    if (rc < 0) return rc;
    j->backend->ops->random(j->backend, &j->random, sizeof j->random);
    rc = hob__file_job(&j->op, make_job, "temporary");
    return rc < 0 ? hob__file_fail(rc, func, "make a temporary file in", j->folder) : 0;
}

int hob_open_temp(const char *folder, struct hob_file **out) {
    struct making j = {.backend = hob__backend_current(__func__), .kind = UNNAMED};
    j.folder = folder_or_default(folder);
    j.room = strlen(j.folder) + 32;
    j.path = hob__alloc(j.room);
    struct hob_file *f = j.path ? hob__file_blank(j.backend, j.folder, O_RDWR) : NULL;
    int rc = f ? make(&j, __func__) : -ENOMEM;
    hob__free(j.path);
    if (rc < 0) {
        hob__file_free(f);
        return rc;
    }
    f->fd = j.fd;
    f->heavy = true;
    *out = f;
    return 0;
}

/* All that can fail comes before the job, but for the record of the clean-up: then it is done now.
 */
static int make_for_scope(struct hob_scope *s, struct making *j, struct temporary **out,
                          const char *func) {
    j->room = strlen(j->folder) + 32;
    struct temporary *t = hob__alloc_zero(sizeof *t + j->room);
    if (!t) return -ENOMEM;
    t->backend = j->backend;
    j->path = t->path;
    int rc = make(j, func);
    if (rc < 0) {
        hob__free(t);
        return rc;
    }
    rc = hob_defer(s, drop, t);
    if (rc < 0) {
        if (j->kind == NAMED) j->backend->ops->files->close(j->backend, j->fd);
        drop(t);
        return rc;
    }
    *out = t;
    return 0;
}

int hob_temp_file(struct hob_scope *s, const char *folder, struct hob_file **out) {
    struct making j = {.backend = hob__backend_current(__func__), .kind = NAMED};
    struct temporary *t;
    j.folder = folder_or_default(folder);
    int rc = make_for_scope(s, &j, &t, __func__);
    if (rc < 0) return rc;
    struct hob_file *f = hob__file_blank(j.backend, t->path, O_RDWR);
    if (!f) { /* the name goes with the scope */
        j.backend->ops->files->close(j.backend, j.fd);
        return -ENOMEM;
    }
    f->fd = j.fd;
    f->heavy = true;
    t->file = f;
    *out = f;
    return 0;
}

int hob_temp_dir(struct hob_scope *s, const char *folder, const char **path) {
    struct making j = {.backend = hob__backend_current(__func__), .kind = FOLDER};
    struct temporary *t;
    j.folder = folder_or_default(folder);
    int rc = make_for_scope(s, &j, &t, __func__);
    if (rc == 0) *path = t->path;
    return rc;
}
