/* io/udp.c - datagrams. A waiting call holds nothing: what arrives stays in the kernel's buffer
 * until a call takes it, so that none is lost to a cancel. Each call tries the system call first
 * when the descriptor's state says that it may succeed. */
#include <hob/udp.h>

#include <hob/error.h>
#include <hob/task.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "io/address.h"
#include "io/fail.h"
#include "loop/backend.h"
#include "task/fdwait.h"
#include "task/wait.h"

struct hob_udp {
    struct hob__fd *fd;
    struct hob__backend *backend;
    int family;
};

/* ---- opening ---- */

static void set(struct hob__backend *b, int fd, int level, int name, int value) {
    b->ops->sys->setsockopt(b, fd, level, name, &value, sizeof value);
}

static void set_options(struct hob__backend *b, int fd, int family,
                        const struct hob_udp_options *o) {
    if (o->broadcast) set(b, fd, SOL_SOCKET, SO_BROADCAST, 1);
    if (o->reuse_address) set(b, fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (o->reuse_port) set(b, fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (o->v6only && family == AF_INET6) set(b, fd, IPPROTO_IPV6, IPV6_V6ONLY, o->v6only > 0);
    if (o->receive_buffer > 0) set(b, fd, SOL_SOCKET, SO_RCVBUF, o->receive_buffer);
    if (o->send_buffer > 0) set(b, fd, SOL_SOCKET, SO_SNDBUF, o->send_buffer);
}

/* A socket that is bound to the address, or connected to it. */
static int make(struct hob__backend *b, const struct hob__address *a,
                const struct hob_udp_options *o, bool connected, struct hob_udp **out) {
    const struct hob__sys *sys = b->ops->sys;
    const struct sockaddr *addr = (const struct sockaddr *)&a->addr;
    struct hob_udp *u = hob__alloc(sizeof *u);
    if (!u) return -ENOMEM;
    int fd = sys->socket(b, addr->sa_family, SOCK_DGRAM, 0);
    if (fd < 0) {
        hob__free(u);
        return fd;
    }
    set_options(b, fd, addr->sa_family, o);
    int rc = connected ? sys->connect(b, fd, addr, a->size) : sys->bind(b, fd, addr, a->size);
    if (rc >= 0 && !(u->fd = hob__fd_open(b, fd))) rc = -ENOMEM;
    if (rc < 0) {
        sys->close(b, fd);
        hob__free(u);
        return rc;
    }
    u->backend = b;
    u->family = addr->sa_family;
    *out = u;
    return 0;
}

static int open_at(const char *address, const struct hob_udp_options *o, bool connected,
                   struct hob_udp **out, const char *func) {
    struct hob__backend *b = hob__backend_current(func);
    struct hob__endpoint e;
    struct hob__address a[HOB__ADDRESSES_MAX];
    HOB_TRY(hob__endpoint_parse(address, &e));
    if (e.is_unix) return hob_fail(HOB_E_ADDRESS, "'%.200s' is not an IP address", address);
    int n = hob__endpoint_resolve(&e, !connected, a), rc = -EADDRNOTAVAIL;
    if (n < 0) return n;
    if (!connected) n = 1;
    for (int i = 0; i < n; i++) {
        rc = make(b, &a[i], o, connected, out);
        if (rc >= 0) return 0;
    }
    return hob_fail(rc, "UDP %s %s: %s", connected ? "to" : "on", address, hob_strerror(rc));
}

int hob_udp_open(const char *local, struct hob_udp_options options, struct hob_udp **out) {
    return open_at(local, &options, false, out, __func__);
}

int hob_udp_connect(const char *peer, struct hob_udp_options options, struct hob_udp **out) {
    return open_at(peer, &options, true, out, __func__);
}

/* ---- what went wrong ---- */

/* "127.0.0.1:53", or, where there is none to tell, the descriptor. */
static const char *own_address(const struct hob_udp *u, char *buf, size_t n) {
    struct hob_address a = {.ip.any.sa_family = AF_UNSPEC};
    socklen_t size = sizeof a;
    int rc = u->backend->ops->sys->getsockname(u->backend, u->fd->fd, &a.ip.any, &size);
    if (rc < 0 || hob_address_size(&a) == 0)
        snprintf(buf, n, "descriptor %d", u->fd->fd);
    else
        hob_address_format(&a, buf, n);
    return buf;
}

/* The peer of a connected socket: false when there is none. */
static bool peer_address(const struct hob_udp *u, struct hob_address *out) {
    socklen_t size = sizeof *out;
    int rc = u->backend->ops->sys->getpeername(u->backend, u->fd->fd, &out->ip.any, &size);
    return rc >= 0 && hob_address_size(out) > 0;
}

/* rc with its record: "cannot (doing) (to) (address)", of the address or else of the socket's peer,
 * if it has one. */
static __attribute__((noinline, cold)) int failed(const struct hob_udp *u, int rc,
                                                  const char *doing, const char *to,
                                                  const struct hob_address *address) {
    char own[HOB_ADDRESS_TEXT], text[HOB_ADDRESS_TEXT];
    struct hob_address peer;
    if (!hob__wants_words(rc)) return rc;
    if (!address || hob_address_size(address) == 0) address = peer_address(u, &peer) ? &peer : NULL;
    if (address) hob_address_format(address, text, sizeof text);
    return hob_fail(rc, "UDP on %s: cannot %s%s%s%s%s: %s", own_address(u, own, sizeof own), doing,
                    address ? " " : "", address ? to : "", address ? " " : "", address ? text : "",
                    hob_strerror(rc));
}

int hob_udp_set_peer(struct hob_udp *u, const struct hob_address *peer) {
    struct hob_address none = {.ip.any.sa_family = AF_UNSPEC};
    const struct sockaddr *to = peer ? &peer->ip.any : &none.ip.any;
    socklen_t n = peer ? hob_address_size(peer) : (socklen_t)sizeof(struct sockaddr_in);
    int rc = n ? u->backend->ops->sys->connect(u->backend, u->fd->fd, to, n) : -EINVAL;
    return rc < 0 ? failed(u, rc, peer ? "connect" : "leave its peer", "to", peer) : rc;
}

void hob_udp_close(struct hob_udp *u) {
    if (!u) return;
    if (u->fd->readers.first || u->fd->writers.first)
        hob__misuse(__func__, "a task is in a call on the socket");
    int fd = u->fd->fd;
    hob__fd_close(u->backend, u->fd);
    u->backend->ops->sys->close(u->backend, fd);
    hob__free(u);
}

int hob_udp_address(const struct hob_udp *u, struct hob_address *out) {
    struct sockaddr_storage bound;
    socklen_t n = sizeof bound;
    struct sockaddr *addr = (struct sockaddr *)&bound;
    int rc = u->backend->ops->sys->getsockname(u->backend, u->fd->fd, addr, &n);
    if (rc >= 0) return hob_address_from(addr, n, out);
    return hob__said(rc, "UDP: no address of descriptor %d: %s", u->fd->fd, hob_strerror(rc));
}

int hob_udp_fd(const struct hob_udp *u) { return u->fd->fd; }

/* ---- one datagram ---- */

ssize_t hob_udp_recv(struct hob_udp *u, void *buf, size_t n, struct hob_address *from) {
    struct hob__fd *f = u->fd;
    int rc = hob__io_point(__func__);
    while (rc >= 0) {
        if (f->ready & HOB__READ) {
            socklen_t size = sizeof *from;
            /* MSG_TRUNC: the whole length, whatever fits. */
            ssize_t got =
                u->backend->ops->sys->recvfrom(u->backend, f->fd, buf, n, MSG_TRUNC,
                                               from ? &from->ip.any : NULL, from ? &size : NULL);
            if (HOB__LIKELY(got >= 0)) return got;
            if (got != -EAGAIN) return failed(u, (int)got, "receive", "from", NULL);
            f->ready &= (uint8_t)~HOB__READ;
        }
        rc = hob__fd_wait(f, HOB__READ, "recv", HOB__WAIT_PLAIN);
    }
    return rc;
}

int hob_udp_send(struct hob_udp *u, const void *buf, size_t n, const struct hob_address *to) {
    struct hob_datagram d = {.data = (void *)buf, .size = n};
    if (to) d.peer = *to;
    int rc = hob_udp_send_many(u, &d, 1);
    return rc < 0 ? rc : 0;
}

/* ---- batches ---- */

static int received(struct hob_datagram *d, const struct mmsghdr *m, int count) {
    for (int i = 0; i < count; i++) d[i].size = m[i].msg_len;
    return count;
}

int hob_udp_recv_many(struct hob_udp *u, struct hob_datagram *d, unsigned count) {
    struct hob__fd *f = u->fd;
    struct mmsghdr m[HOB_UDP_BATCH];
    struct iovec iov[HOB_UDP_BATCH];
    if (count == 0) return failed(u, -EINVAL, "receive 0 datagrams", "from", NULL);
    if (count > HOB_UDP_BATCH) count = HOB_UDP_BATCH;
    int rc = hob__io_point(__func__);
    while (rc >= 0) {
        if (f->ready & HOB__READ) {
            memset(m, 0, count * sizeof *m);
            for (unsigned i = 0; i < count; i++) {
                iov[i] = (struct iovec){d[i].data, d[i].room};
                m[i].msg_hdr = (struct msghdr){.msg_name = &d[i].peer,
                                               .msg_namelen = sizeof d[i].peer,
                                               .msg_iov = &iov[i],
                                               .msg_iovlen = 1};
            }
            rc = u->backend->ops->sys->recvmmsg(u->backend, f->fd, m, count, MSG_TRUNC);
            if (HOB__LIKELY(rc >= 0)) return received(d, m, rc);
            if (rc != -EAGAIN) return failed(u, rc, "receive", "from", NULL);
            f->ready &= (uint8_t)~HOB__READ;
        }
        rc = hob__fd_wait(f, HOB__READ, "recv", HOB__WAIT_PLAIN);
    }
    return rc;
}

/* What one system call takes: how many, or an error. */
static int send_some(struct hob_udp *u, const struct hob_datagram *d, unsigned count) {
    struct mmsghdr m[HOB_UDP_BATCH];
    struct iovec iov[HOB_UDP_BATCH];
    if (count > HOB_UDP_BATCH) count = HOB_UDP_BATCH;
    for (unsigned i = 0; i < count; i++) {
        socklen_t size = hob_address_size(&d[i].peer);
        iov[i] = (struct iovec){d[i].data, d[i].size};
        m[i].msg_hdr = (struct msghdr){.msg_name = size ? (void *)&d[i].peer : NULL,
                                       .msg_namelen = size,
                                       .msg_iov = &iov[i],
                                       .msg_iovlen = 1};
    }
    return u->backend->ops->sys->sendmmsg(u->backend, u->fd->fd, m, count);
}

static __attribute__((noinline, cold)) int send_failed(const struct hob_udp *u, int rc,
                                                       const struct hob_datagram *d) {
    char doing[64];
    snprintf(doing, sizeof doing, "send %zu bytes", d->size);
    return failed(u, rc, doing, "to", &d->peer);
}

int hob_udp_send_many(struct hob_udp *u, const struct hob_datagram *d, unsigned count) {
    struct hob__fd *f = u->fd;
    unsigned sent = 0;
    int rc = hob__io_point("hob_udp_send");
    while (rc >= 0 && sent < count) {
        if (f->ready & HOB__WRITE) {
            rc = send_some(u, d + sent, count - sent);
            if (rc >= 0) {
                sent += (unsigned)rc;
                continue;
            }
            if (rc != -EAGAIN) return sent > 0 ? (int)sent : send_failed(u, rc, &d[sent]);
            f->ready &= (uint8_t)~HOB__WRITE;
        }
        rc = hob__fd_wait(f, HOB__WRITE, "send", HOB__WAIT_PLAIN);
    }
    return sent > 0 ? (int)sent : rc;
}

/* ---- multicast ---- */

/* 0: the system's choice. */
static int interface_of(const char *name) {
    unsigned i = name ? if_nametoindex(name) : 0;
    return name && i == 0 ? -ENODEV : (int)i;
}

static int set_group(struct hob_udp *u, const struct hob_address *g, const char *name, bool join) {
    const struct hob__sys *sys = u->backend->ops->sys;
    int interface = interface_of(name);
    if (interface < 0 || g->ip.any.sa_family != u->family)
        return interface < 0 ? interface : -EINVAL;
    if (u->family == AF_INET6) {
        if (interface == 0) interface = (int)g->ip.v6.sin6_scope_id;
        struct ipv6_mreq m = {g->ip.v6.sin6_addr, (unsigned)interface};
        return sys->setsockopt(u->backend, u->fd->fd, IPPROTO_IPV6,
                               join ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP, &m, sizeof m);
    }
    struct ip_mreqn m = {.imr_multiaddr = g->ip.v4.sin_addr, .imr_ifindex = interface};
    return sys->setsockopt(u->backend, u->fd->fd, IPPROTO_IP,
                           join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, &m, sizeof m);
}

static int group(struct hob_udp *u, const struct hob_address *g, const char *name, bool join) {
    char own[HOB_ADDRESS_TEXT], text[HOB_ADDRESS_TEXT];
    int rc = set_group(u, g, name, join);
    return hob__said(rc, "UDP on %s: cannot %s the group %s%s%s: %s",
                     own_address(u, own, sizeof own), join ? "join" : "leave",
                     hob_address_format_host(g, text, sizeof text), name ? " on " : "",
                     name ? name : "", hob_strerror(rc));
}

int hob_udp_join(struct hob_udp *u, const struct hob_address *g, const char *interface_name) {
    return group(u, g, interface_name, true);
}

int hob_udp_leave(struct hob_udp *u, const struct hob_address *g, const char *interface_name) {
    return group(u, g, interface_name, false);
}

static int set_multicast(struct hob_udp *u, struct hob_multicast o) {
    const struct hob__sys *sys = u->backend->ops->sys;
    struct hob__backend *b = u->backend;
    bool v6 = u->family == AF_INET6;
    int fd = u->fd->fd, level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
    int interface = interface_of(o.interface_name), hops = o.hops ? o.hops : 1, loop = !o.no_loop;
    if (interface < 0) return interface;
    if (hops < 1 || hops > 255) return -EINVAL;
    struct ip_mreqn m = {.imr_ifindex = interface};
    HOB_TRY(sys->setsockopt(b, fd, level, v6 ? IPV6_MULTICAST_HOPS : IP_MULTICAST_TTL, &hops,
                            sizeof hops));
    HOB_TRY(sys->setsockopt(b, fd, level, v6 ? IPV6_MULTICAST_LOOP : IP_MULTICAST_LOOP, &loop,
                            sizeof loop));
    return sys->setsockopt(b, fd, level, v6 ? IPV6_MULTICAST_IF : IP_MULTICAST_IF,
                           v6 ? (const void *)&interface : (const void *)&m,
                           v6 ? sizeof interface : sizeof m);
}

int hob_udp_multicast(struct hob_udp *u, struct hob_multicast o) {
    char own[HOB_ADDRESS_TEXT];
    int rc = set_multicast(u, o);
    return hob__said(rc, "UDP on %s: cannot send to groups%s%s with %d hops: %s",
                     own_address(u, own, sizeof own), o.interface_name ? " on " : "",
                     o.interface_name ? o.interface_name : "", o.hops ? o.hops : 1,
                     hob_strerror(rc));
}
