/* io/socket_file.c - the files of Unix sockets: made with the right mode from the start, replaced
 * when stale, removed when they are still ours. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "io/listen.h"

static int look(struct hob__backend *b, const char *path, struct stat *st) {
    return b->ops->files->fstatat(b, AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW);
}

static int drop(struct hob__backend *b, const char *path) {
    return b->ops->files->unlinkat(b, AT_FDCWD, path, 0);
}

bool hob__socket_file_is_other(struct hob__backend *b, const struct hob__address *a) {
    const struct sockaddr_un *u = (const struct sockaddr_un *)&a->addr;
    struct stat st;
    return u->sun_path[0] && look(b, u->sun_path, &st) == 0 && !S_ISSOCK(st.st_mode);
}

/* Looks whether nobody listens there any more, by connecting. True when the file was removed. */
static bool remove_stale(struct hob__backend *b, const struct hob__address *a) {
    const struct sockaddr_un *u = (const struct sockaddr_un *)&a->addr;
    struct stat seen, now;
    if (look(b, u->sun_path, &seen) < 0 || !S_ISSOCK(seen.st_mode)) return false;
    int fd = b->ops->sys->socket(b, AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0) return false;
    int rc = b->ops->sys->connect(b, fd, (const struct sockaddr *)u, a->size);
    b->ops->sys->close(b, fd);
    if (rc != -ECONNREFUSED) return false;
    /* Another program that starts now may have done the same and listen already. */
    if (look(b, u->sun_path, &now) < 0) return true;
    return now.st_dev == seen.st_dev && now.st_ino == seen.st_ino && drop(b, u->sun_path) == 0;
}

int hob__socket_file_bind(struct hob__backend *b, int fd, const struct hob__address *a,
                          unsigned mode, struct hob__socket_file *file) {
    const struct hob__sys *sys = b->ops->sys;
    const struct hob__files *files = b->ops->files;
    const struct sockaddr *addr = (const struct sockaddr *)&a->addr;
    const struct sockaddr_un *u = (const struct sockaddr_un *)&a->addr;
    bool has_file = u->sun_path[0] != 0;
    /* Linux gives the file the socket's own mode, less the umask: so it is never open to more than
     * it shall be, not even between bind() and chmod(). */
    int rc = mode && has_file ? files->fchmod(b, fd, mode) : 0;
    if (rc < 0) return rc;
    rc = sys->bind(b, fd, addr, a->size);
    if (rc == -EADDRINUSE && has_file && remove_stale(b, a)) rc = sys->bind(b, fd, addr, a->size);
    if (rc < 0 || !has_file) return rc;
    struct stat st;
    rc = look(b, u->sun_path, &st);
    if (rc < 0) return rc;
    memcpy(file->path, u->sun_path, sizeof file->path);
    file->device = st.st_dev;
    file->inode = st.st_ino;
    if (mode && (st.st_mode & 07777) != mode)
        return files->fchmodat(b, AT_FDCWD, u->sun_path, mode);
    return 0;
}

void hob__socket_file_remove(struct hob__backend *b, const struct hob__socket_file *file) {
    struct stat st;
    if (!file->path[0] || look(b, file->path, &st) < 0) return;
    if (st.st_dev == file->device && st.st_ino == file->inode) drop(b, file->path);
}
