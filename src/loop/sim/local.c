/* loop/sim/local.c - what stays inside a host: Unix stream sockets, pairs of them, pipes. What is
 * written may be read at once: the reader's loop is told at its next turn.
 *
 * Two ends share a pipe structure, with a flow each way (a pipe uses one).
 *
 * A Unix socket's name is a file in the host's file system (files.h), which stays when the socket
 * is closed, as Linux' does; in a world whose files are the real ones, a real one. An abstract name
 * is the socket's own. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "loop/sim/files.h"
#include "loop/sim/flow.h"

enum { PIPE_SIZE = 64 << 10, SOCKET_SIZE = 208 << 10 };
enum state { NEW, LISTENING, CONNECTED };

struct pipe;

struct local {
    struct hob__sim_end end;
    struct hob_list path; /* in host->paths while bound */
    struct pipe *pipe;
    uint8_t index, state;
    bool ended; /* shutdown(SHUT_WR) */
    bool deaf;  /* shutdown(SHUT_RD) */
    int error;  /* told once */
    struct sockaddr_un name;
    socklen_t name_size; /* 0: it has none */
    mode_t mode;         /* of its file */
    struct hob__sim_node
        *node; /* the file; or a real one, held, so that its number stays its own */
    int held;  /* + 1 */
    struct hob_list backlog, waiting;
    struct local *listener;
    unsigned backlog_count, backlog_max;
};

struct pipe {
    struct local *end[2];
    struct hob__sim_flow flow[2]; /* [i]: what end i writes */
    struct sockaddr_un name;      /* of the listener, for getpeername() */
    socklen_t name_size;
};

static const struct hob__sim_kind socket_kind, reader_kind, writer_kind;

static struct local *local_of(struct hob__sim_end *e) { return (struct local *)(void *)e; }

static struct local *peer_of(const struct local *s) {
    return s->pipe ? s->pipe->end[!s->index] : NULL;
}

static struct local *local_new(struct hob__sim_host *h, const struct hob__sim_kind *kind) {
    struct local *s = hob__sim_alloc(sizeof *s);
    hob__sim_end_init(&s->end, kind, h);
    hob__list_init(&s->path);
    hob__list_init(&s->backlog);
    hob__list_init(&s->waiting);
    s->mode = 0777;
    return s;
}

struct hob__sim_end *hob__sim_unix_new(struct hob__sim_host *h) {
    return &local_new(h, &socket_kind)->end;
}

static void join(struct local *a, struct local *b, uint32_t size) {
    struct pipe *p = hob__sim_alloc(sizeof *p);
    p->end[0] = a, p->end[1] = b;
    for (int i = 0; i < 2; i++) {
        p->end[i]->pipe = p;
        p->end[i]->index = (uint8_t)i;
        p->end[i]->state = CONNECTED;
        p->flow[i].send_buffer = size;
        p->flow[i].receive_buffer = size;
    }
}

/* The flow's held bytes: there is one buffer, between the write and the read. */
static size_t room(const struct hob__sim_flow *f) {
    uint64_t held = f->written - f->taken;
    return held < f->send_buffer ? (size_t)(f->send_buffer - held) : 0;
}

/* ---- reading and writing ---- */

static ssize_t local_recv(struct hob__sim_end *e, void *buf, size_t n, int flags) {
    struct local *s = local_of(e), *peer = peer_of(s);
    struct hob__sim *w = e->host->world;
    if (s->state != CONNECTED) return e->kind == &socket_kind ? -EINVAL : -EBADF;
    struct hob__sim_flow *f = &s->pipe->flow[!s->index];
    size_t readable = hob__sim_flow_readable(f);
    if (readable == 0 || s->deaf) {
        int error = s->error;
        s->error = 0;
        return error ? -error : !peer || peer->ended || s->deaf ? 0 : -EAGAIN;
    }
    if (n > readable) n = readable;
    if (n == 0) return 0;
    n = hob__sim_cut(w, w->faults.short_read, n);
    hob__sim_flow_read(f, buf, n, flags & MSG_PEEK);
    hob__sim_note(w, n);
    if (f->starved && peer) {
        f->starved = false;
        hob__sim_raise(&peer->end, HOB__WRITE);
    }
    return (ssize_t)n;
}

static ssize_t local_send(struct hob__sim_end *e, const struct iovec *iov, int count) {
    struct local *s = local_of(e), *peer = peer_of(s);
    struct hob__sim *w = e->host->world;
    if (s->state != CONNECTED) return e->kind == &socket_kind ? -ENOTCONN : -EBADF;
    if (!peer || s->ended || peer->deaf) return -EPIPE;
    struct hob__sim_flow *f = &s->pipe->flow[s->index];
    size_t n = hob__sim_iov_size(iov, count), free_bytes = room(f);
    if (n == 0) return 0;
    /* A pipe takes small writes whole or not at all (PIPE_BUF). */
    if (free_bytes == 0 || (e->kind == &writer_kind && n <= 4096 && free_bytes < n)) {
        f->starved = true;
        return -EAGAIN;
    }
    if (n > free_bytes) n = free_bytes;
    if (e->kind == &socket_kind || n > 4096) n = hob__sim_cut(w, w->faults.short_write, n);
    hob__sim_flow_write(f, iov, count, n);
    f->sent = f->arrived = f->written;
    hob__sim_note(w, n);
    hob__sim_raise(&peer->end, HOB__READ);
    return (ssize_t)n;
}

static size_t local_room(struct hob__sim_end *e) {
    struct local *s = local_of(e);
    return s->state == CONNECTED && peer_of(s) ? room(&s->pipe->flow[s->index]) : 1;
}

static unsigned local_level(struct hob__sim_end *e) {
    const struct local *s = local_of(e), *peer = peer_of(s);
    if (s->state == LISTENING) return hob__list_empty(&s->backlog) ? 0 : HOB__READ;
    if (s->state == NEW) return HOB__WRITE | HOB__HUP;
    unsigned bits = 0;
    if (e->kind != &writer_kind && hob__sim_flow_readable(&s->pipe->flow[!s->index]))
        bits |= HOB__READ;
    if (e->kind != &writer_kind && (!peer || peer->ended || s->deaf)) bits |= HOB__READ | HOB__HUP;
    if (e->kind != &reader_kind && (!peer || room(&s->pipe->flow[s->index]))) bits |= HOB__WRITE;
    if (e->kind == &writer_kind && !peer) bits |= HOB__HUP;
    return bits;
}

static int local_shutdown(struct hob__sim_end *e, int how) {
    struct local *s = local_of(e), *peer = peer_of(s);
    if (s->state != CONNECTED) return s->state == LISTENING ? 0 : -ENOTCONN;
    if (how != SHUT_RD) s->ended = true;
    if (how != SHUT_WR) s->deaf = true;
    if (peer) hob__sim_raise(&peer->end, HOB__READ | HOB__WRITE | HOB__HUP);
    if (how != SHUT_WR) hob__sim_raise(e, HOB__READ | HOB__HUP);
    return 0;
}

static void local_close(struct hob__sim_end *e, bool crashed) {
    struct local *s = local_of(e), *peer = peer_of(s);
    while (!hob__list_empty(&s->backlog)) {
        struct local *c = hob__container(s->backlog.next, struct local, waiting);
        hob__list_remove(&c->waiting);
        hob__sim_end_close(&c->end, crashed);
    }
    if (s->listener) s->listener->backlog_count--;
    hob__list_remove(&s->waiting);
    hob__list_remove(&s->path);
    if (s->node) hob__sim_node_drop(s->node);
    if (s->held) close(s->held - 1);
    if (s->pipe) {
        bool unread = hob__sim_flow_readable(&s->pipe->flow[!s->index]) > 0;
        s->pipe->end[s->index] = NULL;
        if (peer) {
            if (unread && e->kind == &socket_kind) peer->error = ECONNRESET;
            hob__sim_raise(&peer->end, HOB__READ | HOB__WRITE | HOB__HUP);
        } else {
            hob__sim_flow_free(&s->pipe->flow[0]);
            hob__sim_flow_free(&s->pipe->flow[1]);
            hob__sim_free(s->pipe);
        }
    }
    hob__sim_free(s);
}

/* ---- names and connections ---- */

static bool is_path(const struct sockaddr_un *name) { return name->sun_path[0] != 0; }

/* sun_path need not end. */
static const char *path_of(const struct sockaddr_un *name, char text[109]) {
    size_t n = strnlen(name->sun_path, sizeof name->sun_path);
    memcpy(text, name->sun_path, n);
    text[n] = 0;
    return text;
}

/* The host's file system; NULL: the real one. */
static struct hob__sim_fs *fs_of(struct hob__sim_host *h) {
    return h->world->real_files ? NULL : hob__sim_host_fs(h);
}

/* Whose file it is; for a new one the file is made. 0, -EADDRINUSE ... */
static int make_file(struct local *s, const struct sockaddr_un *name) {
    char text[109];
    struct hob__sim_fs *fs = fs_of(s->end.host);
    const char *path = path_of(name, text);
    if (fs) {
        int rc = hob__sim_file_mksock(fs, path, s->mode, &s->node);
        return rc == -EEXIST ? -EADDRINUSE : rc;
    }
    if (mknod(path, S_IFSOCK | s->mode, 0) < 0) return errno == EEXIST ? -EADDRINUSE : -errno;
    int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return -errno;
    s->held = fd + 1;
    return 0;
}

static bool holds(const struct local *s, const struct stat *file) {
    struct stat mine;
    return s->held && fstat(s->held - 1, &mine) == 0 && mine.st_dev == file->st_dev &&
           mine.st_ino == file->st_ino;
}

static struct local *find_abstract(struct hob__sim_host *h, const struct sockaddr_un *name,
                                   socklen_t n) {
    for (struct hob_list *x = h->paths.next; x != &h->paths; x = x->next) {
        struct local *s = hob__container(x, struct local, path);
        if (s->name_size == n && memcmp(&s->name, name, n) == 0) return s;
    }
    return NULL;
}

/* The socket whose file is there, or NULL and *rc: nobody's any more, not a socket's, none. */
static struct local *find_file(struct hob__sim_host *h, const struct sockaddr_un *name, int *rc) {
    char text[109];
    struct hob__sim_fs *fs = fs_of(h);
    const char *path = path_of(name, text);
    struct hob__sim_found f = {.node = NULL};
    struct stat st = {.st_ino = 0};
    *rc = fs ? hob__sim_find(fs, NULL, path, 1, &f) : stat(path, &st) < 0 ? -errno : 0;
    if (*rc == 0 && fs && !f.node) *rc = -ENOENT;
    if (*rc == 0 && f.node && !hob__sim_may(f.node, 2)) *rc = -EACCES;
    if (*rc < 0) return NULL;
    *rc = -ECONNREFUSED;
    for (struct hob_list *x = h->paths.next; x != &h->paths; x = x->next) {
        struct local *s = hob__container(x, struct local, path);
        if (fs ? s->node && s->node == f.node : holds(s, &st)) return s;
    }
    return NULL;
}

static struct local *find(struct hob__sim_host *h, const struct sockaddr_un *name, socklen_t n,
                          int *rc) {
    *rc = -ECONNREFUSED;
    return is_path(name) ? find_file(h, name, rc) : find_abstract(h, name, n);
}

/* A path's length is that of its string, whatever the caller says. */
static int take_name(const struct sockaddr *addr, socklen_t n, struct sockaddr_un *out,
                     socklen_t *size) {
    size_t head = offsetof(struct sockaddr_un, sun_path);
    if (n < sizeof(sa_family_t) || n > sizeof *out) return -EINVAL;
    if (addr->sa_family != AF_UNIX) return -EINVAL;
    memset(out, 0, sizeof *out);
    memcpy(out, addr, n);
    if (n > head && out->sun_path[0])
        n = (socklen_t)(head + strnlen(out->sun_path, sizeof out->sun_path));
    *size = n;
    return 0;
}

static int local_bind(struct hob__sim_end *e, const struct sockaddr *addr, socklen_t n) {
    struct local *s = local_of(e);
    struct sockaddr_un name;
    int rc = take_name(addr, n, &name, &n);
    if (rc < 0) return rc;
    if (s->name_size || n <= sizeof(sa_family_t)) return -EINVAL;
    if (is_path(&name))
        rc = make_file(s, &name);
    else if (find_abstract(e->host, &name, n))
        rc = -EADDRINUSE;
    if (rc < 0) return rc;
    s->name = name;
    s->name_size = n;
    hob__list_append(&e->host->paths, &s->path);
    return 0;
}

static int local_listen(struct hob__sim_end *e, int backlog) {
    struct local *s = local_of(e);
    if (s->state == CONNECTED || !s->name_size) return -EINVAL;
    s->state = LISTENING;
    s->backlog_max = backlog < 1 ? 1 : backlog > 4096 ? 4096 : (unsigned)backlog;
    return 0;
}

static int local_connect(struct hob__sim_end *e, const struct sockaddr *addr, socklen_t n) {
    struct local *s = local_of(e);
    struct sockaddr_un name;
    int rc = take_name(addr, n, &name, &n);
    if (rc < 0) return rc;
    if (s->state != NEW) return s->state == CONNECTED ? -EISCONN : -EINVAL;
    struct local *l = find(e->host, &name, n, &rc);
    if (!l) return rc;
    if (l->state != LISTENING) return -ECONNREFUSED;
    if (l->backlog_count > l->backlog_max) return -EAGAIN;
    struct local *other = local_new(e->host, &socket_kind);
    join(s, other, SOCKET_SIZE);
    other->listener = l;
    other->name = l->name;
    other->name_size = l->name_size;
    s->pipe->name = l->name;
    s->pipe->name_size = l->name_size;
    hob__list_append(&l->backlog, &other->waiting);
    l->backlog_count++;
    hob__sim_raise(&l->end, HOB__READ);
    return 0;
}

static struct hob__sim_end *local_accept(struct hob__sim_end *e, int *rc) {
    struct local *l = local_of(e);
    if (l->state != LISTENING) return (*rc = -EINVAL), NULL;
    if (hob__list_empty(&l->backlog)) return (*rc = -EAGAIN), NULL;
    struct local *s = hob__container(l->backlog.next, struct local, waiting);
    *rc = hob__sim_end_open(&s->end);
    if (*rc < 0) return NULL;
    hob__list_remove(&s->waiting);
    l->backlog_count--;
    s->listener = NULL;
    return &s->end;
}

static void give_name(const struct sockaddr_un *name, socklen_t size, struct sockaddr *addr,
                      socklen_t *n) {
    struct sockaddr_un none = {.sun_family = AF_UNIX};
    if (!size)
        name = &none, size = sizeof(sa_family_t);
    else if (name->sun_path[0])
        size++; /* the NUL */
    if (size > sizeof *name) size = sizeof *name;
    if (addr) memcpy(addr, name, *n < size ? *n : size);
    *n = size;
}

static int local_getsockname(struct hob__sim_end *e, struct sockaddr *addr, socklen_t *n) {
    give_name(&local_of(e)->name, local_of(e)->name_size, addr, n);
    return 0;
}

static int local_getpeername(struct hob__sim_end *e, struct sockaddr *addr, socklen_t *n) {
    struct local *s = local_of(e);
    if (s->state != CONNECTED) return -ENOTCONN;
    give_name(&s->pipe->name, s->index == 0 ? s->pipe->name_size : 0, addr, n);
    return 0;
}

static int give_int(int v, void *value, socklen_t *n) {
    if (*n < sizeof v) return -EINVAL;
    memcpy(value, &v, sizeof v);
    *n = sizeof v;
    return 0;
}

static int local_getsockopt(struct hob__sim_end *e, int level, int name, void *value,
                            socklen_t *n) {
    struct local *s = local_of(e);
    if (level != SOL_SOCKET) return -ENOPROTOOPT;
    int error = s->error;
    switch (name) {
    case SO_ERROR:
        s->error = 0;
        return give_int(error, value, n);
    case SO_TYPE:
        return give_int(SOCK_STREAM, value, n);
    case SO_DOMAIN:
        return give_int(AF_UNIX, value, n);
    case SO_ACCEPTCONN:
        return give_int(s->state == LISTENING, value, n);
    case SO_SNDBUF:
    case SO_RCVBUF:
        return give_int(SOCKET_SIZE, value, n);
    case SO_PEERCRED: {
        struct ucred me = {1, 1000, 1000};
        if (*n < sizeof me) return -EINVAL;
        memcpy(value, &me, sizeof me);
        *n = sizeof me;
        return 0;
    }
    default:
        return -ENOPROTOOPT;
    }
}

static int local_setsockopt(struct hob__sim_end *e, int level, int name, const void *value,
                            socklen_t n) {
    struct local *s = local_of(e);
    int v = 0;
    if (level != SOL_SOCKET) return -EOPNOTSUPP;
    if (n < sizeof v) return -EINVAL;
    memcpy(&v, value, sizeof v);
    if ((name == SO_SNDBUF || name == SO_RCVBUF) && s->pipe) {
        /* One buffer lies between the two: whoever says a size last has his way. */
        int flow = name == SO_SNDBUF ? s->index : !s->index;
        int64_t size = 2 * (int64_t)v;
        s->pipe->flow[flow].send_buffer = size < 4608      ? 4608
                                          : size > 4 << 20 ? 4 << 20
                                                           : (uint32_t)size;
    }
    return 0;
}

bool hob__sim_unix_mode(struct hob__sim_end *e, mode_t mode) {
    if (e->kind != &socket_kind) return false;
    local_of(e)->mode = mode & 07777;
    return true;
}

static mode_t is_fifo(const struct hob__sim_end *e) {
    (void)e;
    return S_IFIFO;
}
static int reads_only(const struct hob__sim_end *e) {
    (void)e;
    return O_RDONLY;
}
static int writes_only(const struct hob__sim_end *e) {
    (void)e;
    return O_WRONLY;
}

static const struct hob__sim_kind socket_kind = {
    .name = "unix",
    .recv = local_recv,
    .send = local_send,
    .bind = local_bind,
    .listen = local_listen,
    .connect = local_connect,
    .accept = local_accept,
    .shutdown = local_shutdown,
    .getsockopt = local_getsockopt,
    .setsockopt = local_setsockopt,
    .getsockname = local_getsockname,
    .getpeername = local_getpeername,
    .room = local_room,
    .level = local_level,
    .close = local_close,
};
static const struct hob__sim_kind reader_kind = {.name = "pipe",
                                                 .type = is_fifo,
                                                 .flags = reads_only,
                                                 .recv = local_recv,
                                                 .level = local_level,
                                                 .close = local_close};
static const struct hob__sim_kind writer_kind = {.name = "pipe",
                                                 .type = is_fifo,
                                                 .flags = writes_only,
                                                 .send = local_send,
                                                 .room = local_room,
                                                 .level = local_level,
                                                 .close = local_close};

static int make(struct hob__sim_host *h, const struct hob__sim_kind *first,
                const struct hob__sim_kind *second, uint32_t size, int ends[2]) {
    struct local *a = local_new(h, first), *b = local_new(h, second);
    join(a, b, size);
    ends[0] = hob__sim_end_open(&a->end);
    ends[1] = ends[0] < 0 ? ends[0] : hob__sim_end_open(&b->end);
    if (ends[1] >= 0) return 0;
    int rc = ends[1];
    hob__sim_end_close(&a->end, true);
    hob__sim_end_close(&b->end, true);
    return rc;
}

int hob__sim_pipe(struct hob__sim_host *h, int ends[2]) {
    return make(h, &reader_kind, &writer_kind, PIPE_SIZE, ends);
}

int hob__sim_pair(struct hob__sim_host *h, int ends[2]) {
    return make(h, &socket_kind, &socket_kind, SOCKET_SIZE, ends);
}
