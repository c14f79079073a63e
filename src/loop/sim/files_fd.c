/* loop/sim/files_fd.c - calls on the descriptor of a file or folder, and what goes wrong in them.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/sysmacros.h>

#include "loop/sim/files.h"

/* The memory devices that a program may want: /dev/null, /dev/zero, /dev/full. */
enum { NULL_DEVICE = 3, FULL_DEVICE = 7 };

static void file_close(struct hob__sim_end *e, bool crashed) {
    struct hob__sim_file *f = (struct hob__sim_file *)e;
    struct hob__sim_node *n = f->node;
    n->opens--;
    if (!crashed && !(f->flags & O_PATH)) {
        bool writes = (f->flags & O_ACCMODE) != O_RDONLY;
        hob__sim_watch_node(n, writes ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
        if (n->links == 0 && n->opens == 0) hob__sim_watch_gone(n);
    }
    hob__sim_node_drop(n);
    hob__sim_free(f);
}

static mode_t file_type(const struct hob__sim_end *e) {
    return ((const struct hob__sim_file *)(const void *)e)->node->mode & S_IFMT;
}

static int file_flags(const struct hob__sim_end *e) {
    return ((const struct hob__sim_file *)(const void *)e)->flags & (O_ACCMODE | O_APPEND);
}

const struct hob__sim_kind hob__sim_file_kind = {
    .name = "file", .type = file_type, .flags = file_flags, .close = file_close};

void hob__sim_node_stat(const struct hob__sim_node *n, struct stat *st) {
    uint64_t pages = 0;
    for (size_t i = 0; i < n->page_count; i++) pages += n->pages[i].now != NULL;
    memset(st, 0, sizeof *st);
    st->st_dev = makedev(0, 64 + n->fs->host->index);
    st->st_rdev = S_ISCHR(n->mode) ? makedev(1, n->device) : 0;
    st->st_ino = n->inode;
    st->st_mode = n->mode;
    st->st_nlink = n->links;
    st->st_uid = st->st_gid = HOB__SIM_UID;
    st->st_size = hob__sim_is_folder(n) ? HOB__SIM_PAGE : n->size;
    st->st_blksize = HOB__SIM_PAGE;
    st->st_blocks = (blkcnt_t)pages * HOB__SIM_SECTORS;
    st->st_ctim.tv_sec = n->touched / 1000000000;
    st->st_ctim.tv_nsec = n->touched % 1000000000;
    st->st_mtim.tv_sec = n->changed / 1000000000;
    st->st_mtim.tv_nsec = n->changed % 1000000000;
    st->st_atim = st->st_mtim;
}

/* ---- reading and writing ---- */

/* So much of the pieces. */
static void cut_iov(const struct iovec *iov, int count, size_t most, struct iovec *out) {
    for (int i = 0; i < count; i++) {
        out[i] = iov[i];
        if (out[i].iov_len > most) out[i].iov_len = most;
        most -= out[i].iov_len;
    }
}

static size_t size_of(const struct iovec *iov, int count) {
    size_t n = 0;
    for (int i = 0; i < count; i++) n += iov[i].iov_len;
    return n;
}

static ssize_t read_device(const struct hob__sim_node *n, const struct iovec *iov, int count) {
    if (n->device == NULL_DEVICE) return 0;
    for (int i = 0; i < count; i++) memset(iov[i].iov_base, 0, iov[i].iov_len);
    return (ssize_t)size_of(iov, count);
}

ssize_t hob__sim_file_read(struct hob__sim_file *f, const struct iovec *iov, int count,
                           int64_t at) {
    struct hob__sim_node *n = f->node;
    struct hob__sim_fs *fs = n->fs;
    if (f->flags & O_PATH || (f->flags & O_ACCMODE) == O_WRONLY) return -EBADF;
    if (hob__sim_is_folder(n)) return -EISDIR;
    if (count < 0 || count > 1024 || at < -1) return -EINVAL;
    if (S_ISCHR(n->mode)) return read_device(n, iov, count);
    if (hob__sim_files_chance(fs, fs->read_error)) return -EIO;
    int64_t from = at < 0 ? f->position : at;
    size_t most = size_of(iov, count);
    if (from >= n->size)
        most = 0;
    else if (most > (uint64_t)(n->size - from))
        most = (size_t)(n->size - from);
    if (most > 0) most = hob__sim_cut(fs->host->world, fs->host->world->faults.short_read, most);
    size_t done = 0;
    for (int i = 0; i < count && done < most; i++) {
        size_t k = iov[i].iov_len < most - done ? iov[i].iov_len : most - done;
        done += hob__sim_data_read(n, iov[i].iov_base, k, from + (int64_t)done);
    }
    if (at < 0) f->position += (int64_t)done;
    return (ssize_t)done;
}

static ssize_t write_pieces(struct hob__sim_node *n, const struct iovec *iov, int count,
                            int64_t at) {
    ssize_t done = 0;
    for (int i = 0; i < count; i++) {
        ssize_t k = hob__sim_data_write(n, iov[i].iov_base, iov[i].iov_len, at + done);
        if (k < 0) return done > 0 ? done : k;
        done += k;
        if ((size_t)k < iov[i].iov_len) break;
    }
    return done;
}

ssize_t hob__sim_file_write(struct hob__sim_file *f, const struct iovec *iov, int count,
                            int64_t at) {
    struct hob__sim_node *n = f->node;
    struct hob__sim_fs *fs = n->fs;
    struct hob__sim *w = fs->host->world;
    if (f->flags & O_PATH || (f->flags & O_ACCMODE) == O_RDONLY) return -EBADF;
    if (count < 0 || count > 1024 || at < -1) return -EINVAL;
    size_t most = size_of(iov, count);
    if (S_ISCHR(n->mode)) return n->device == FULL_DEVICE && most > 0 ? -ENOSPC : (ssize_t)most;
    if (most == 0) return 0;
    if (hob__sim_files_chance(fs, fs->write_error)) return -EIO;
    /* An append comes whole: that is promised. */
    if (!(f->flags & O_APPEND)) most = hob__sim_cut(w, w->faults.short_write, most);
    struct iovec pieces[1024];
    cut_iov(iov, count, most, pieces);
    int64_t from = f->flags & O_APPEND ? n->size : at < 0 ? f->position : at;
    ssize_t done = write_pieces(n, pieces, count, from);
    if (done < 0) return done;
    if (at < 0) f->position = from + done;
    hob__sim_node_touch(n, true);
    hob__sim_watch_node(n, IN_MODIFY);
    if (hob__sim_files_chance(fs, fs->write_back)) hob__sim_data_write_back(n);
    return done;
}

int hob__sim_file_truncate(struct hob__sim_file *f, int64_t size) {
    struct hob__sim_node *n = f->node;
    if (f->flags & O_PATH) return -EBADF;
    if (size < 0 || !S_ISREG(n->mode) || (f->flags & O_ACCMODE) == O_RDONLY) return -EINVAL;
    if (size > HOB__SIM_FILE_MAX) return -EFBIG;
    hob__sim_data_resize(n, size);
    hob__sim_node_touch(n, true);
    hob__sim_watch_node(n, IN_MODIFY);
    return 0;
}

int hob__sim_file_sync(struct hob__sim_file *f) {
    struct hob__sim_node *n = f->node;
    struct hob__sim_fs *fs = n->fs;
    if (f->flags & O_PATH) return -EBADF;
    if (S_ISCHR(n->mode)) return -EINVAL;
    if (hob__sim_files_chance(fs, fs->sync_error)) {
        HOB__SIM_LOG(fs->host->world, fs->host, "fsync of inode %llu fails",
                     (unsigned long long)n->inode);
        hob__sim_data_sync_fails(n);
        return -EIO;
    }
    hob__sim_data_sync(n);
    hob__sim_journal_sync(fs, n);
    return 0;
}

ssize_t hob__sim_file_copy(struct hob__sim_file *from, struct hob__sim_file *to, size_t n) {
    char buf[16384];
    if (from->node == to->node) return -EINVAL;
    if (!S_ISREG(from->node->mode) || !S_ISREG(to->node->mode))
        return hob__sim_is_folder(from->node) || hob__sim_is_folder(to->node) ? -EISDIR : -EINVAL;
    size_t done = 0;
    while (done < n) {
        struct iovec iov = {buf, n - done < sizeof buf ? n - done : sizeof buf};
        int64_t before = from->position;
        ssize_t got = hob__sim_file_read(from, &iov, 1, -1);
        if (got <= 0) return done ? (ssize_t)done : got;
        iov.iov_len = (size_t)got;
        ssize_t put = hob__sim_file_write(to, &iov, 1, -1);
        if (put < got) from->position = before + (put > 0 ? put : 0);
        if (put < 0) return done ? (ssize_t)done : put;
        done += (size_t)put;
        if (put < got) break;
    }
    return (ssize_t)done;
}

/* ---- names ---- */

struct dirent64_head { /* as getdents64() writes it */
    uint64_t inode;
    int64_t offset;
    uint16_t size;
    uint8_t type;
    char name[];
};

/* How many bytes; 0: it does not fit. */
static size_t put_name(char *to, size_t room, const struct hob__sim_node *n, const char *name,
                       uint64_t next) {
    size_t length = strlen(name) + 1;
    size_t size = (offsetof(struct dirent64_head, name) + length + 7) & ~(size_t)7;
    struct dirent64_head head = {n->inode, (int64_t)next, (uint16_t)size, IFTODT(n->mode)};
    if (size > room) return 0;
    memset(to, 0, size);
    memcpy(to, &head, offsetof(struct dirent64_head, name));
    memcpy(to + offsetof(struct dirent64_head, name), name, length);
    return size;
}

ssize_t hob__sim_file_getdents(struct hob__sim_file *f, void *buf, size_t n) {
    struct hob__sim_node *folder = f->node;
    if (f->flags & O_PATH) return -EBADF;
    if (!hob__sim_is_folder(folder)) return -ENOTDIR;
    if (!folder->parent) return -ENOENT;
    if (hob__sim_files_chance(folder->fs, folder->fs->read_error)) return -EIO;
    size_t done = 0, size;
    while (f->key < 2) {
        const struct hob__sim_node *node = f->key == 0 ? folder : folder->parent;
        size = put_name((char *)buf + done, n - done, node, f->key == 0 ? "." : "..", f->key + 1);
        if (size == 0) return done ? (ssize_t)done : -EINVAL;
        done += size;
        f->key++;
    }
    for (size_t i = hob__sim_names_from(&folder->now, f->key); i < folder->now.count; i++) {
        const struct hob__sim_name *name = &folder->now.all[i];
        size = put_name((char *)buf + done, n - done, name->node, name->text, name->key + 1);
        if (size == 0) return done ? (ssize_t)done : -EINVAL;
        done += size;
        f->key = name->key + 1;
    }
    return (ssize_t)done;
}
