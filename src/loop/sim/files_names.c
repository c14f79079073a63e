/* loop/sim/files_names.c - calls by path: opening, making, moving, removing. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "loop/sim/files.h"

static bool is_dots(const char *name) {
    return name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0));
}

/* Finds where a new name is to stand. */
static int find_free(struct hob__sim_fs *fs, struct hob__sim_node *at, const char *path,
                     bool folder, struct hob__sim_found *f) {
    int rc = hob__sim_find(fs, at, path, false, f);
    if (rc < 0) return rc;
    if (f->node) return -EEXIST;
    if (f->slash && !folder) return -ENOENT;
    if (!f->folder->parent) return -ENOENT; /* it was removed */
    return hob__sim_may(f->folder, 3) ? 0 : -EACCES;
}

static struct hob__sim_node *make(struct hob__sim_fs *fs, const struct hob__sim_found *f,
                                  uint32_t mode) {
    struct hob__sim_node *n = hob__sim_node_new(fs, mode);
    if (S_ISDIR(mode)) f->folder->links++;
    hob__sim_node_place(n, f->folder, f->name);
    n->links = S_ISDIR(mode) ? 2 : 1;
    hob__sim_change(fs, NULL, NULL, f->folder, f->name, n);
    hob__sim_watch_tell(f->folder, f->name, NULL, IN_CREATE | (S_ISDIR(mode) ? IN_ISDIR : 0), 0);
    return n;
}

/* ---- opening ---- */

static int new_file(struct hob__sim_fs *fs, struct hob__sim_node *n, int flags) {
    struct hob__sim_file *f = hob__sim_alloc(sizeof *f);
    hob__sim_end_init(&f->end, &hob__sim_file_kind, fs->host);
    f->node = n;
    f->flags = flags;
    hob__sim_node_keep(n);
    n->opens++;
    int fd = hob__sim_end_open(&f->end);
    if (fd < 0) hob__sim_end_close(&f->end, true);
    return fd;
}

static int may_open(const struct hob__sim_node *n, int flags) {
    int how = flags & O_ACCMODE;
    if (flags & O_PATH) return 0;
    if (S_ISSOCK(n->mode)) return -ENXIO;
    if (hob__sim_is_folder(n) && (how != O_RDONLY || flags & O_CREAT)) return -EISDIR;
    uint32_t want = how == O_RDONLY ? 4 : how == O_WRONLY ? 2 : 6;
    if (flags & O_TRUNC) want |= 2;
    return hob__sim_may(n, want) ? 0 : -EACCES;
}

static int open_unnamed(struct hob__sim_fs *fs, struct hob__sim_node *at, const char *path,
                        int flags, uint32_t mode) {
    struct hob__sim_found f;
    int rc = hob__sim_find(fs, at, path, true, &f);
    if (rc < 0) return rc;
    if (!f.node) return -ENOENT;
    if (!hob__sim_is_folder(f.node)) return -ENOTDIR;
    if ((flags & O_ACCMODE) == O_RDONLY) return -EINVAL;
    if (!hob__sim_may(f.node, 3)) return -EACCES;
    struct hob__sim_node *n = hob__sim_node_new(fs, S_IFREG | (mode & 07777 & ~HOB__SIM_UMASK));
    int fd = new_file(fs, n, flags);
    hob__sim_node_drop(n);
    return fd;
}

int hob__sim_file_open(struct hob__sim_fs *fs, struct hob__sim_node *at, const char *path,
                       int flags, uint32_t mode) {
    struct hob__sim_found f;
    struct hob__sim_host *h = fs->host;
    if (flags & O_TMPFILE & ~O_DIRECTORY) return open_unnamed(fs, at, path, flags, mode);
    bool follow = !(flags & O_NOFOLLOW) && (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL);
    int rc = hob__sim_find(fs, at, path, follow, &f);
    if (rc < 0) return rc;
    if (f.node && (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL)) return -EEXIST;
    if (f.node && S_ISLNK(f.node->mode) && !(flags & O_PATH))
        return flags & O_DIRECTORY ? -ENOTDIR : -ELOOP;
    if (f.node && flags & O_DIRECTORY && !hob__sim_is_folder(f.node)) return -ENOTDIR;
    if (!f.node && !(flags & O_CREAT)) return -ENOENT;
    if (f.slash && flags & O_CREAT) return -EISDIR;
    rc = f.node ? may_open(f.node, flags) : f.folder->parent ? 0 : -ENOENT;
    if (rc == 0 && !f.node && !hob__sim_may(f.folder, 3)) rc = -EACCES;
    if (rc == 0 && h->fds >= h->fds_max) rc = -EMFILE;
    if (rc < 0) return rc;
    if (f.node) {
        if (flags & O_TRUNC && S_ISREG(f.node->mode) && !(flags & O_PATH)) {
            hob__sim_data_resize(f.node, 0);
            hob__sim_node_touch(f.node, true);
            hob__sim_watch_node(f.node, IN_MODIFY);
        }
        return new_file(fs, f.node, flags);
    }
    struct hob__sim_node *n = make(fs, &f, S_IFREG | (mode & 07777 & ~(uint32_t)HOB__SIM_UMASK));
    int fd = new_file(fs, n, flags);
    hob__sim_node_drop(n);
    return fd;
}

/* ---- making ---- */

int hob__sim_file_mkdir(struct hob__sim_fs *fs, struct hob__sim_node *at, const char *path,
                        uint32_t mode) {
    struct hob__sim_found f;
    int rc = find_free(fs, at, path, true, &f);
    if (rc < 0) return rc;
    hob__sim_node_drop(make(fs, &f, S_IFDIR | (mode & 01777 & ~(uint32_t)HOB__SIM_UMASK)));
    return 0;
}

int hob__sim_file_symlink(struct hob__sim_fs *fs, const char *target, struct hob__sim_node *at,
                          const char *path) {
    struct hob__sim_found f;
    size_t n = strlen(target);
    if (n == 0) return -ENOENT;
    if (n >= 4096) return -ENAMETOOLONG;
    int rc = find_free(fs, at, path, false, &f);
    if (rc < 0) return rc;
    struct hob__sim_node *link = make(fs, &f, S_IFLNK | 0777);
    link->target = memcpy(hob__sim_alloc(n + 1), target, n + 1);
    link->size = link->disk_size = (int64_t)n;
    hob__sim_node_drop(link);
    return 0;
}

int hob__sim_file_link(struct hob__sim_fs *fs, struct hob__sim_node *at, const char *from,
                       const char *to, int flags) {
    struct hob__sim_found f, t;
    int rc = hob__sim_find(fs, at, from, flags & AT_SYMLINK_FOLLOW, &f);
    if (rc < 0) return rc;
    if (!f.node) return -ENOENT;
    rc = find_free(fs, at, to, false, &t);
    if (rc < 0) return rc;
    if (hob__sim_is_folder(f.node)) return -EPERM;
    f.node->links++;
    hob__sim_node_touch(f.node, false);
    hob__sim_change(fs, NULL, NULL, t.folder, t.name, f.node);
    if (!f.node->parent) hob__sim_node_place(f.node, t.folder, t.name);
    hob__sim_watch_node(f.node, IN_ATTRIB);
    hob__sim_watch_tell(t.folder, t.name, NULL, IN_CREATE, 0);
    return 0;
}

int hob__sim_file_mksock(struct hob__sim_fs *fs, const char *path, uint32_t mode,
                         struct hob__sim_node **out) {
    struct hob__sim_found f;
    int rc = find_free(fs, NULL, path, false, &f);
    if (rc < 0) return rc;
    *out = make(fs, &f, S_IFSOCK | (mode & 07777 & ~(uint32_t)HOB__SIM_UMASK));
    return 0;
}

/* ---- removing ---- */

/* It has gone from that name. */
static void lose_name(struct hob__sim_node *n, struct hob__sim_node *folder, const char *name) {
    bool is_folder = hob__sim_is_folder(n);
    if (is_folder) {
        folder->links--;
        n->links = 0;
    } else {
        n->links--;
    }
    if (n->parent == folder && strcmp(n->name, name) == 0) hob__sim_node_place(n, NULL, NULL);
    hob__sim_node_touch(n, false);
    if (!is_folder) hob__sim_watch_tell(NULL, NULL, n, IN_ATTRIB, 0);
    if (n->links == 0 && n->opens == 0) hob__sim_watch_gone(n);
}

int hob__sim_file_unlink(struct hob__sim_fs *fs, struct hob__sim_node *at, const char *path,
                         int flags) {
    struct hob__sim_found f;
    bool folder = flags & AT_REMOVEDIR;
    int rc = hob__sim_find(fs, at, path, false, &f);
    if (rc < 0) return rc;
    if (!f.node) return -ENOENT;
    if (f.node == fs->root) return folder ? -EBUSY : -EISDIR;
    if (is_dots(f.name)) return !folder ? -EISDIR : f.name[1] ? -ENOTEMPTY : -EINVAL;
    if (!hob__sim_may(f.folder, 3)) return -EACCES;
    bool is_folder = hob__sim_is_folder(f.node);
    if (is_folder != folder) return folder ? -ENOTDIR : -EISDIR;
    if (folder && f.node->now.count > 0) return -ENOTEMPTY;
    hob__sim_node_keep(f.node);
    hob__sim_change(fs, f.folder, f.name, NULL, NULL, NULL);
    hob__sim_watch_tell(f.folder, f.name, NULL, IN_DELETE | (folder ? IN_ISDIR : 0), 0);
    lose_name(f.node, f.folder, f.name);
    hob__sim_node_drop(f.node);
    return 0;
}

/* ---- renaming ---- */

static bool is_below(const struct hob__sim_node *n, const struct hob__sim_node *folder) {
    for (; n; n = n->parent == n ? NULL : n->parent)
        if (n == folder) return true;
    return false;
}

static int may_rename(const struct hob__sim_found *f, const struct hob__sim_found *t,
                      unsigned flags) {
    if (!f->node) return -ENOENT;
    if (is_dots(f->name) || is_dots(t->name)) return -EBUSY;
    bool folder = hob__sim_is_folder(f->node);
    if (!folder && (f->slash || t->slash)) return -ENOTDIR;
    if (!t->folder->parent) return -ENOENT;
    if (t->node && flags & RENAME_NOREPLACE) return -EEXIST;
    if (!hob__sim_may(f->folder, 3) || !hob__sim_may(t->folder, 3)) return -EACCES;
    if (folder && is_below(t->folder, f->node)) return -EINVAL;
    if (!t->node) return 0;
    if (is_below(f->folder, t->node)) return -ENOTEMPTY;
    if (hob__sim_is_folder(t->node) != folder) return folder ? -ENOTDIR : -EISDIR;
    return folder && t->node->now.count > 0 ? -ENOTEMPTY : 0;
}

int hob__sim_file_rename(struct hob__sim_fs *fs, struct hob__sim_node *at, const char *from,
                         const char *to, unsigned flags) {
    struct hob__sim_found f, t;
    if (flags & ~(unsigned)RENAME_NOREPLACE) return -EINVAL;
    int rc = hob__sim_find(fs, at, from, false, &f);
    if (rc == 0) rc = hob__sim_find(fs, at, to, false, &t);
    if (rc == 0) rc = may_rename(&f, &t, flags);
    if (rc < 0 || t.node == f.node) return rc; /* two names of one file: nothing happens */
    bool folder = hob__sim_is_folder(f.node);
    struct hob__sim_node *node = f.node, *before = t.node;
    hob__sim_node_keep(node);
    if (before) hob__sim_node_keep(before);
    hob__sim_change(fs, f.folder, f.name, t.folder, t.name, node);
    if (folder) {
        f.folder->links--;
        t.folder->links++;
    }
    hob__sim_node_place(node, t.folder, t.name);
    hob__sim_node_touch(node, false);
    uint32_t dir = folder ? IN_ISDIR : 0, cookie = ++fs->cookie;
    hob__sim_watch_tell(f.folder, f.name, NULL, IN_MOVED_FROM | dir, cookie);
    hob__sim_watch_tell(t.folder, t.name, NULL, IN_MOVED_TO | dir, cookie);
    hob__sim_watch_tell(NULL, NULL, node, IN_MOVE_SELF, 0);
    if (before) {
        lose_name(before, t.folder, t.name);
        hob__sim_node_drop(before);
    }
    hob__sim_node_drop(node);
    return 0;
}
