/* io/file/scan.c - the names in a folder, and in all below it, one by one.
 *
 * Each open folder has a descriptor and 32 KiB of names, read by a worker; hob_walk() keeps those
 * of the folders it is inside of, as a stack. Folders below are opened by their name in the one
 * above, not by their path, so that a renamed folder above leads nobody astray and no path is too
 * long. */
#include <dirent.h>
#include <hob/task.h>
#include <string.h>

#include "base/memory.h"
#include "io/file/file.h"

enum { NAMES = 32 << 10, DEPTH_MAX = 128 };

struct folder {
    struct folder *up;
    struct hob__backend *backend;
    int fd;
    size_t path_size; /* of its path, in walk.path */
    size_t at, end;   /* what is left of `names` */
    _Alignas(8) char names[NAMES];
};

struct walk {
    struct hob__backend *backend;
    struct folder *top;
    int depth;
    char *path; /* of the entry */
    size_t path_room;
    struct hob_entry entry;
};

/* ---- one folder ---- */

struct reading {
    struct hob__op op;
    struct folder *folder;
};

void hob__dirent_type(struct hob__backend *b, int fd, struct hob__dirent *r) {
    struct stat st;
    if (r->type == DT_UNKNOWN &&
        b->ops->files->fstatat(b, fd, r->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        r->type = IFTODT(st.st_mode);
}

static int read_job(struct hob__op *op) {
    struct folder *d = ((struct reading *)op)->folder;
    ssize_t n = d->backend->ops->files->getdents(d->backend, d->fd, d->names, sizeof d->names);
    if (n < 0) return (int)n;
    d->at = 0;
    d->end = (size_t)n;
    for (size_t at = 0; at < d->end;) {
        struct hob__dirent *r = (struct hob__dirent *)(void *)(d->names + at);
        hob__dirent_type(d->backend, d->fd, r);
        at += r->size;
    }
    return 0;
}

/* 1 and *out, 0 at the end, or an error. */
static int next_name(struct folder *d, struct hob__dirent **out) {
    for (;;) {
        if (d->at == d->end) {
            int rc = hob__io_point("hob_scandir");
            if (rc < 0) return rc;
            struct reading j = {.folder = d};
            rc = hob__file_job(&j.op, read_job, "scandir");
            if (rc < 0) return rc;
            if (d->end == 0) return 0;
        }
        struct hob__dirent *r = (struct hob__dirent *)(void *)(d->names + d->at);
        d->at += r->size;
        if (hob__is_dots(r->name)) continue;
        *out = r;
        return 1;
    }
}

/* ---- the stack of folders ---- */

static int push(struct walk *w, const char *name, size_t path_size) {
    if (w->depth == DEPTH_MAX) return HOB_E_LIMIT;
    struct folder *d = hob__alloc(sizeof *d);
    if (!d) return -ENOMEM;
    /* The root may be a link; below it none is followed. */
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK | (w->top ? O_NOFOLLOW : 0);
    struct hob__op op = {.code = HOB__OP_OPENAT,
                         .fd = w->top ? w->top->fd : AT_FDCWD,
                         .path = name,
                         .flags = (uint32_t)flags};
    int fd = (int)hob__op_run(&op, "scandir");
    if (fd < 0) {
        hob__free(d);
        return fd;
    }
    d->up = w->top;
    d->backend = w->backend;
    d->fd = fd;
    d->path_size = path_size;
    d->at = d->end = 0;
    w->top = d;
    w->depth++;
    return 0;
}

static void pop(struct walk *w) {
    struct folder *d = w->top;
    w->top = d->up;
    w->depth--;
    w->backend->ops->files->close(w->backend, d->fd);
    hob__free(d);
}

static void end_walk(void *arg) {
    struct walk *w = arg;
    while (w->top) pop(w);
    hob__free(w->path);
    w->path = NULL;
}

static int begin_walk(struct walk *w, const char *path, const char *func) {
    w->backend = hob__backend_current(func);
    int rc = hob__io_point(func);
    if (rc < 0) return rc;
    size_t n = strlen(path);
    w->path_room = n + 2 + NAME_MAX;
    w->path = hob__alloc(w->path_room);
    if (!w->path) return -ENOMEM;
    memcpy(w->path, path, n + 1);
    rc = push(w, path, n);
    return rc < 0 ? hob__file_fail(rc, func, "read the folder", path) : 0;
}

/* w->entry becomes the name of the top folder. */
static int describe(struct walk *w, const struct hob__dirent *r) {
    size_t at = w->top->path_size, n = strlen(r->name);
    bool slash = at > 0 && w->path[at - 1] != '/';
    if (at + n + 2 > w->path_room) {
        size_t room = 2 * (at + n + 2);
        char *path = hob__realloc(w->path, room);
        if (!path) return -ENOMEM;
        w->path = path;
        w->path_room = room;
    }
    if (slash) w->path[at++] = '/';
    memcpy(w->path + at, r->name, n + 1);
    w->entry = (struct hob_entry){.name = w->path + at,
                                  .path = w->path,
                                  .inode = r->inode,
                                  .depth = w->depth,
                                  .type = r->type};
    return 0;
}

/* The next entry of the top folder; its end takes it off. 1, 0, or an error. */
static int next_entry(struct walk *w, const char *func) {
    struct hob__dirent *r = NULL;
    int rc = next_name(w->top, &r);
    if (rc > 0) return describe(w, r) < 0 ? -ENOMEM : 1;
    w->path[w->top->path_size] = 0;
    if (rc < 0) return hob__file_fail(rc, func, "read the folder", w->path);
    pop(w);
    return 0;
}

/* ---- the generators ---- */

int hob_scandir(struct hob_generator *gen, const char *path) {
    struct walk w = {0};
    HOB_DEFER(end_walk, &w);
    HOB_TRY(begin_walk(&w, path, __func__));
    while (HOB_TRY(next_entry(&w, __func__)) > 0) HOB_TRY(hob_yield(gen, &w.entry));
    return 0;
}

/* Into the folder that was just given. */
static int descend(struct walk *w, struct hob_generator *gen) {
    int rc = push(w, w->entry.name, strlen(w->path));
    if (rc >= 0 || rc == -ENOENT) return 0; /* it has gone */
    if (rc == -ENOMEM) return rc;
    w->entry.error = rc;
    return hob_yield(gen, &w->entry);
}

int hob_walk(struct hob_generator *gen, const char *path) {
    struct walk w = {0};
    HOB_DEFER(end_walk, &w);
    HOB_TRY(begin_walk(&w, path, __func__));
    while (w.top) {
        if (HOB_TRY(next_entry(&w, __func__)) == 0) continue;
        HOB_TRY(hob_yield(gen, &w.entry));
        if (w.entry.type == DT_DIR && !w.entry.skip) HOB_TRY(descend(&w, gen));
    }
    return 0;
}
