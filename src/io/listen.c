/* io/listen.c - listening: from an address as text, from an inherited descriptor, from the service
 * manager. */
#include <fcntl.h>
#include <hob/error.h>
#include <hob/net.h>
#include <hob/task.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "base/memory.h"
#include "io/listen.h"
#include "task/fdwait.h"
#include "task/wait.h"

enum { BACKLOG = 4096, PORT_TRIES = 16 };

static int fail_listen(int rc, const char *address) {
    return hob_fail(rc, "listening on %s: %s", address, hob_strerror(rc));
}

/* ---- the listener ---- */

struct hob_listener *hob__listener_new(struct hob__backend *b, unsigned room) {
    struct hob_listener *l = hob__alloc_zero(sizeof *l + room * sizeof l->sockets[0]);
    if (!l) return NULL;
    l->backend = b;
    l->room = room;
    return l;
}

int hob__listener_add(struct hob_listener *l, int fd) {
    struct hob__backend *b = l->backend;
    struct hob__listening *s = &l->sockets[l->count];
    struct sockaddr_storage bound;
    socklen_t n = sizeof bound;
    s->fd = hob__fd_open(b, fd);
    if (!s->fd) return -ENOMEM;
    memset(&bound, 0, sizeof bound);
    b->ops->sys->getsockname(b, fd, (struct sockaddr *)&bound, &n);
    hob__address_format((struct sockaddr *)&bound, n, s->address, sizeof s->address);
    l->count++;
    return 0;
}

int hob__listener_of(struct hob__backend *b, const int *fds, unsigned n,
                     struct hob_listener **out) {
    struct hob_listener *l = *out = hob__listener_new(b, n);
    int rc = l ? 0 : -ENOMEM;
    for (unsigned i = 0; i < n && rc == 0; i++) rc = hob__listener_add(l, fds[i]);
    if (rc == 0 || !l) return rc;
    for (unsigned i = 0; i < l->count; i++) hob__fd_close(b, l->sockets[i].fd);
    hob__free(l);
    *out = NULL;
    return rc;
}

static void close_sockets(struct hob_listener *l) {
    struct hob__backend *b = l->backend;
    for (unsigned i = 0; i < l->count; i++) {
        struct hob__listening *s = &l->sockets[i];
        if (!s->fd) continue;
        int fd = s->fd->fd;
        hob__socket_file_remove(l->backend, &s->file);
        hob__fd_close(b, s->fd);
        b->ops->sys->close(b, fd);
        s->fd = NULL;
    }
}

void hob__listener_stop(struct hob_listener *l) {
    if (l->stopped) return;
    l->stopped = true;
    if (l->accepting == 0) {
        close_sockets(l);
        return;
    }
    /* The last one out of hob_accept() does it: they are woken now. */
    for (unsigned i = 0; i < l->count; i++) hob__wake_all(&l->sockets[i].fd->readers, 0);
}

void hob__listener_free(struct hob_listener *l) {
    if (l->closed && l->accepting == 0 && l->holds == 0) hob__free(l);
}

void hob__listener_leave(struct hob_listener *l) {
    if (--l->accepting > 0) return;
    if (l->stopped) close_sockets(l);
    hob__listener_free(l);
}

void hob_listener_close(struct hob_listener *l) {
    if (!l || l->closed) return;
    l->accepting++;
    hob__listener_stop(l);
    l->closed = true;
    hob__listener_leave(l);
}

const char *hob_listener_address(const struct hob_listener *l) { return l->sockets[0].address; }

const char *hob_listener_address_at(const struct hob_listener *l, unsigned i) {
    return i < l->count ? l->sockets[i].address : NULL;
}

/* ---- from an address ---- */

/* Accepted sockets inherit these on Linux, so that a connection costs no calls for them. */
static void set_inherited(struct hob__backend *b, int fd, const struct hob_listen_options *o) {
    int on = 1;
    if (!o->delay) b->ops->sys->setsockopt(b, fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (o->keepalive) {
        int seconds = o->keepalive, tries = 3, interval = seconds / 3 > 0 ? seconds / 3 : 1;
        b->ops->sys->setsockopt(b, fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
        b->ops->sys->setsockopt(b, fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds);
        b->ops->sys->setsockopt(b, fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
        b->ops->sys->setsockopt(b, fd, IPPROTO_TCP, TCP_KEEPCNT, &tries, sizeof tries);
    }
}

static int bind_inet(struct hob__backend *b, int fd, const struct hob__address *a,
                     const struct hob_listen_options *o, bool among_others) {
    const struct hob__sys *sys = b->ops->sys;
    int on = 1, only = o->v6only > 0 || (o->v6only == 0 && among_others);
    int rc = sys->setsockopt(b, fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (rc >= 0 && o->reuse_port)
        rc = sys->setsockopt(b, fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (rc >= 0 && a->addr.ss_family == AF_INET6 && (o->v6only != 0 || among_others))
        rc = sys->setsockopt(b, fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
    if (rc < 0) return rc;
    set_inherited(b, fd, o);
    return sys->bind(b, fd, (const struct sockaddr *)&a->addr, a->size);
}

static int listen_one(struct hob_listener *l, const struct hob__address *a,
                      const struct hob_listen_options *o, bool among_others) {
    struct hob__backend *b = l->backend;
    struct hob__socket_file *file = &l->sockets[l->count].file;
    int fd = b->ops->sys->socket(b, a->addr.ss_family, SOCK_STREAM, 0);
    if (fd < 0) return fd;
    int rc = a->addr.ss_family == AF_UNIX ? hob__socket_file_bind(b, fd, a, o->mode, file)
                                          : bind_inet(b, fd, a, o, among_others);
    if (rc >= 0) rc = b->ops->sys->listen(b, fd, o->backlog > 0 ? o->backlog : BACKLOG);
    if (rc >= 0) rc = hob__listener_add(l, fd);
    if (rc < 0) {
        hob__socket_file_remove(b, file);
        *file = (struct hob__socket_file){{0}, 0, 0};
        b->ops->sys->close(b, fd);
    }
    return rc;
}

static in_port_t *port_of(struct hob__address *a) {
    if (a->addr.ss_family == AF_INET) return &((struct sockaddr_in *)&a->addr)->sin_port;
    if (a->addr.ss_family == AF_INET6) return &((struct sockaddr_in6 *)&a->addr)->sin6_port;
    return NULL;
}

static in_port_t bound_port(struct hob__backend *b, int fd) {
    struct hob__address a = {.size = sizeof a.addr};
    if (b->ops->sys->getsockname(b, fd, (struct sockaddr *)&a.addr, &a.size) < 0) return 0;
    in_port_t *port = port_of(&a);
    return port ? *port : 0;
}

/* This machine has no such address: not an error while there are others. */
static bool not_here(int rc) {
    return rc == -EADDRNOTAVAIL || rc == -EAFNOSUPPORT || rc == -EPROTONOSUPPORT;
}

/* A name may have an address twice. */
static bool seen_before(const struct hob__address *a, int i) {
    for (int j = 0; j < i; j++)
        if (a[j].size == a[i].size && memcmp(&a[j].addr, &a[i].addr, a[i].size) == 0) return true;
    return false;
}

/* All of them, on one port when it is free to choose. */
static int listen_all(struct hob_listener *l, struct hob__address *a, int n,
                      const struct hob_listen_options *o) {
    int rc = -EADDRNOTAVAIL;
    for (int i = 0; i < n; i++) {
        in_port_t *port = port_of(&a[i]);
        if (port && *port == 0 && l->count > 0)
            *port = bound_port(l->backend, l->sockets[0].fd->fd);
        if (seen_before(a, i)) continue;
        rc = listen_one(l, &a[i], o, n > 1);
        if (rc < 0 && !not_here(rc)) return rc;
    }
    return l->count > 0 ? 0 : rc;
}

/* Where to listen: "localhost" and an empty host mean both families. */
static int listen_addresses(struct hob__endpoint *e, struct hob__address *out) {
    bool any = !e->host[0];
    if (e->is_unix || (!any && strcmp(e->host, "localhost") != 0))
        return hob__endpoint_resolve(e, true, out);
    const char *hosts[] = {any ? "0.0.0.0" : "127.0.0.1", any ? "::" : "::1"};
    for (int i = 0; i < 2; i++) {
        struct hob__address one[HOB__ADDRESSES_MAX];
        strcpy(e->host, hosts[i]);
        int rc = hob__endpoint_resolve(e, true, one);
        if (rc < 0) return rc;
        out[i] = one[0];
    }
    return 2;
}

static int listen_text(struct hob__backend *b, const char *address,
                       const struct hob_listen_options *o, struct hob_listener **out) {
    struct hob__endpoint e;
    struct hob__address wanted[HOB__ADDRESSES_MAX], a[HOB__ADDRESSES_MAX];
    int n = hob__endpoint_parse(address, &e);
    if (n >= 0) n = listen_addresses(&e, wanted);
    if (n < 0) return n;
    struct hob_listener *l = hob__listener_new(b, (unsigned)n);
    if (!l) return fail_listen(-ENOMEM, address);
    int rc, tries = 0;
    do {
        close_sockets(l);
        l->count = 0;
        memcpy(a, wanted, sizeof a);
        rc = listen_all(l, a, n, o);
        /* The port that one family chose is in use in the other. */
    } while (rc == -EADDRINUSE && !e.is_unix && e.port == 0 && ++tries < PORT_TRIES);
    if (rc < 0) {
        hob_listener_close(l);
        if (rc == -EADDRINUSE && e.is_unix && hob__socket_file_is_other(b, &e.unix_address))
            return hob_fail(rc, "listening on %s: '%s' exists and is not a socket", address,
                            address + strlen("unix:"));
        return fail_listen(rc, address);
    }
    *out = l;
    return 0;
}

/* ---- from descriptors ---- */

static int option_of(struct hob__backend *b, int fd, int name) {
    int value = 0;
    socklen_t n = sizeof value;
    int rc = b->ops->sys->getsockopt(b, fd, SOL_SOCKET, name, &value, &n);
    return rc < 0 ? rc : value;
}

/* 0: it is one that listens, and is set up as others are. */
static int adopt(struct hob__backend *b, int fd, const struct hob_listen_options *o) {
    int type = option_of(b, fd, SO_TYPE), family = option_of(b, fd, SO_DOMAIN);
    if (type < 0 && type != -ENOTSOCK)
        return hob_fail(type, "descriptor %d: %s", fd, hob_strerror(type));
    if (type != SOCK_STREAM || option_of(b, fd, SO_ACCEPTCONN) != 1)
        return hob_fail(HOB_E_NOT_LISTENING, "descriptor %d: %s", fd,
                        type == SOCK_STREAM ? "its socket does not listen"
                                            : "it is not a stream socket");
    int status = fcntl(fd, F_GETFL);
    if (status < 0 || fcntl(fd, F_SETFL, status | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return hob_fail(-errno, "descriptor %d: its flags: %s", fd, hob_strerror(-errno));
    if (family != AF_UNIX) set_inherited(b, fd, o);
    return 0;
}

/* The descriptors are the listener's when all goes well, else they stay open. */
static int listen_fds(struct hob__backend *b, const int *fds, int n,
                      const struct hob_listen_options *o, struct hob_listener **out) {
    for (int i = 0; i < n; i++) HOB_TRY(adopt(b, fds[i], o));
    return hob__listener_of(b, fds, (unsigned)n, out);
}

int hob_listen_fd(int fd, struct hob_listen_options options, struct hob_listener **out) {
    return listen_fds(hob__backend_current(__func__), &fd, 1, &options, out);
}

static int listen_activated(struct hob__backend *b, const char *name,
                            const struct hob_listen_options *o, struct hob_listener **out) {
    int fds[HOB__ADDRESSES_MAX];
    int n = hob__activated_take(name, fds, HOB__ADDRESSES_MAX);
    if (n < 0) return n;
    int rc = listen_fds(b, fds, n, o, out);
    if (rc < 0) hob__activated_return(fds, n);
    return rc;
}

int hob_listen_with(const char *address, struct hob_listen_options options,
                    struct hob_listener **out) {
    struct hob__backend *b = hob__backend_current("hob_listen");
    if (address && strncmp(address, "systemd:", 8) == 0)
        return listen_activated(b, address + 8, &options, out);
    return listen_text(b, address, &options, out);
}

int hob_listen(const char *address, struct hob_listener **out) {
    return hob_listen_with(address, (struct hob_listen_options){0}, out);
}
