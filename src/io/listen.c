/* io/listen.c - listening and accepting. A waiting accept holds nothing: a connection that arrives
 * stays in the kernel's backlog until a call takes it, so that none is lost to a cancel. */
#include <hob/error.h>
#include <hob/net.h>
#include <hob/task.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/stream.h"
#include "task/fdwait.h"
#include "task/wait.h"

enum { BACKLOG = 4096 };

struct hob_listener {
    struct hob__fd *fd; /* NULL: closed while a task was in hob_accept() */
    struct hob__backend *backend;
    unsigned accepting;
    bool closed;
    char path[108]; /* a Unix socket's file; empty = none */
    dev_t device;
    ino_t inode;
    char address[HOB__ADDRESS_TEXT];
};

static int fail_listen(int rc, const char *address) {
    return hob_fail(rc, "listening on %s: %s", address, hob_strerror(rc));
}

/* A socket file that nobody listens on any more is in the way of bind: true when it was removed. */
static bool remove_stale(struct hob__backend *b, const struct hob__address *a) {
    const struct sockaddr_un *u = (const struct sockaddr_un *)&a->addr;
    struct stat st;
    if (!u->sun_path[0] || lstat(u->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode)) return false;
    int fd = b->ops->sys->socket(b, AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0) return false;
    int rc = b->ops->sys->connect(b, fd, (const struct sockaddr *)u, a->size);
    b->ops->sys->close(b, fd);
    return rc == -ECONNREFUSED && unlink(u->sun_path) == 0;
}

static int bind_and_listen(struct hob__backend *b, int fd, const struct hob__address *a) {
    const struct hob__sys *sys = b->ops->sys;
    const struct sockaddr *addr = (const struct sockaddr *)&a->addr;
    bool is_unix = addr->sa_family == AF_UNIX;
    int on = 1;
    if (!is_unix) sys->setsockopt(b, fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    int rc = sys->bind(b, fd, addr, a->size);
    if (rc == -EADDRINUSE && is_unix && remove_stale(b, a)) rc = sys->bind(b, fd, addr, a->size);
    return rc < 0 ? rc : sys->listen(b, fd, BACKLOG);
}

/* Remembers which file is ours, so that a successor's is not removed. */
static void note_file(struct hob_listener *l, const struct hob__address *a) {
    const struct sockaddr_un *u = (const struct sockaddr_un *)&a->addr;
    struct stat st;
    if (u->sun_family != AF_UNIX || !u->sun_path[0] || stat(u->sun_path, &st) < 0) return;
    memcpy(l->path, u->sun_path, sizeof l->path);
    l->device = st.st_dev;
    l->inode = st.st_ino;
}

int hob_listen(const char *address, struct hob_listener **out) {
    struct hob__backend *b = hob__backend_current(__func__);
    struct hob__endpoint e;
    struct hob__address addresses[HOB__ADDRESSES_MAX];
    int rc = hob__endpoint_parse(address, &e);
    if (rc < 0) return rc;
    rc = hob__endpoint_resolve(&e, true, addresses);
    if (rc < 0) return rc;
    struct hob_listener *l = hob__alloc_zero(sizeof *l);
    if (!l) return -ENOMEM;
    l->backend = b;
    int fd = b->ops->sys->socket(b, addresses[0].addr.ss_family, SOCK_STREAM, 0);
    if (fd < 0) {
        hob__free(l);
        return fail_listen(fd, address);
    }
    rc = bind_and_listen(b, fd, &addresses[0]);
    if (rc >= 0 && !(l->fd = hob__fd_open(b, fd))) rc = -ENOMEM;
    if (rc < 0) {
        b->ops->sys->close(b, fd);
        hob__free(l);
        return fail_listen(rc, address);
    }
    note_file(l, &addresses[0]);
    struct sockaddr_storage bound;
    socklen_t n = sizeof bound;
    b->ops->sys->getsockname(b, fd, (struct sockaddr *)&bound, &n);
    hob__address_format((struct sockaddr *)&bound, n, l->address, sizeof l->address);
    *out = l;
    return 0;
}

const char *hob_listener_address(const struct hob_listener *l) { return l->address; }

/* Errors of the connection that was to be accepted, not of the listener (accept(2)). */
static bool concerns_the_peer(int rc) {
    return rc == -ECONNABORTED || rc == -EPROTO || rc == -ENETDOWN || rc == -ENOPROTOOPT ||
           rc == -EHOSTDOWN || rc == -EHOSTUNREACH || rc == -ENETUNREACH || rc == -EPERM ||
           rc == -ETIMEDOUT;
}

static int accept_one(struct hob_listener *l, struct hob_stream **out) {
    struct hob__backend *b = l->backend;
    struct hob__fd *f = l->fd;
    for (;;) {
        if (l->closed) return HOB_E_CLOSED;
        if (f->ready & HOB__READ) {
            struct sockaddr_storage peer;
            socklen_t n = sizeof peer;
            int fd = b->ops->sys->accept(b, f->fd, (struct sockaddr *)&peer, &n);
            if (fd >= 0) {
                *out = hob__stream_new(b, fd, (struct sockaddr *)&peer, n);
                return *out ? 0 : -ENOMEM;
            }
            if (concerns_the_peer(fd)) continue;
            if (fd != -EAGAIN) return fd;
            f->ready &= (uint8_t)~HOB__READ;
        }
        int rc = hob__fd_wait(f, HOB__READ, "accept", HOB__WAIT_STOPPABLE);
        if (rc < 0) return rc;
    }
}

static void free_listener(struct hob_listener *l) {
    int fd = l->fd->fd;
    hob__fd_close(l->backend, l->fd);
    l->backend->ops->sys->close(l->backend, fd);
    struct stat st;
    if (l->path[0] && stat(l->path, &st) == 0 && st.st_dev == l->device && st.st_ino == l->inode)
        unlink(l->path);
    hob__free(l);
}

int hob_accept(struct hob_listener *l, struct hob_stream **out) {
    l->accepting++;
    int rc = hob__io_point(__func__);
    if (rc == 0) rc = hob_stopping() ? HOB_E_STOPPING : accept_one(l, out);
    if (--l->accepting == 0 && l->closed) free_listener(l);
    return rc;
}

void hob_listener_close(struct hob_listener *l) {
    if (!l || l->closed) return;
    if (l->accepting == 0) {
        free_listener(l);
        return;
    }
    l->closed = true; /* the last one out of hob_accept() frees it */
    hob__wake_all(&l->fd->readers, 0);
}
