/* loop/sim/udp.c - datagrams: what is sent arrives once, twice or never, early or late, or finds no
 * room.
 *
 * A datagram that is under way is an event with its bytes. At its arrival the receiving host looks
 * for the sockets that want it; where none does, the sender's host is told, and a connected socket
 * there says ECONNREFUSED once. To its own host it comes at once, as over Linux' loopback. The link
 * says how many get lost or come twice; its jitter is what lets one overtake another; a seed adds
 * faults of its own.
 *
 * Bounds: a socket keeps as much as its receive buffer holds, counted as Linux does (768 bytes more
 * for each), and the rest is dropped. On a link with a bandwidth a datagram fills the send buffer
 * until it is on the wire; a full one is EAGAIN.
 *
 * Broadcast: 255.255.255.255 and 10.0.0.255 reach every host, 127.255.255.255 this one. Multicast:
 * every host with a socket that has joined; interface 1 is the loopback, any other is the network.
 */
#include <netinet/in.h>

#include "loop/sim/sim.h"

#define MS UINT64_C(1000000)
enum {
    OVERHEAD = 768, /* what Linux counts for a small one */
    HEADERS = 28,   /* on the wire */
    BUFFER = 212992,
    BUFFER_MIN = 2304,
    BUFFER_MAX = 2 * BUFFER,
    MOST_V4 = 65507,
    MOST_V6 = 65487,
    GROUPS = 20, /* of one socket, as igmp_max_memberships */
    LOOPBACK = 1 /* the number of that interface */
};

struct packet {
    struct hob_list link; /* in a socket's queue */
    struct hob__sim *world;
    struct hob__sim_host *from_host, *to_host;
    struct hob__sim_address from, to;
    bool to_many;  /* by broadcast or multicast: nobody says that nobody is there */
    bool loopback; /* sent over that interface */
    uint32_t n;
    char data[];
};

struct group {
    uint8_t ip[16];
    bool loopback;
};

struct sock {
    struct hob__sim_end end;
    struct hob_list port; /* in host->datagram_ports while bound */
    struct hob__sim_address local, peer;
    unsigned refs;                     /* 1, and one for each datagram in the send buffer */
    bool bound, bound_here, connected; /* bound_here: to an address, by the program */
    bool reuse, reuse_port, v6only, broadcast, no_loop;
    bool loopback; /* multicast goes out there */
    bool starved;  /* was told EAGAIN */
    int error;
    uint32_t send_buffer, receive_buffer, sending, held;
    struct hob_list queue;
    unsigned group_count;
    struct group groups[GROUPS];
};

static const struct hob__sim_kind kind;

static struct sock *sock_of(struct hob__sim_end *e) { return (struct sock *)(void *)e; }

struct hob__sim_end *hob__sim_udp_new(struct hob__sim_host *h, sa_family_t family) {
    struct sock *s = hob__sim_alloc(sizeof *s);
    hob__sim_end_init(&s->end, &kind, h);
    hob__list_init(&s->port);
    hob__list_init(&s->queue);
    s->local.family = family;
    s->refs = 1;
    s->send_buffer = s->receive_buffer = BUFFER;
    return &s->end;
}

static void sock_unref(struct sock *s) {
    if (--s->refs == 0) hob__sim_free(s);
}

static void log_packet(const struct packet *p, const struct hob__sim_host *at, const char *what) {
    HOB__SIM_LOG(p->world, at, "udp %s -> %s %s %u", hob__sim_address_text(&p->from),
                 hob__sim_address_text(&p->to), what, p->n);
}

/* ---- addresses ---- */

static bool same_ip(const struct hob__sim_address *a, const struct hob__sim_address *b) {
    return memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}
static bool is_v4(const struct hob__sim_address *a) {
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
    return memcmp(a->ip, prefix, sizeof prefix) == 0;
}
static bool is_loopback(const struct hob__sim_address *a) {
    static const uint8_t one[16] = {[15] = 1};
    return is_v4(a) ? a->ip[12] == 127 : memcmp(a->ip, one, sizeof one) == 0;
}
static bool is_group(const uint8_t ip[16], bool v4) {
    return v4 ? ip[12] >= 224 && ip[12] < 240 : ip[0] == 0xff;
}
static bool is_broadcast(const struct hob__sim_address *a) {
    static const uint8_t all[4] = {255, 255, 255, 255}, net[4] = {10, 0, 0, 255},
                         loop[4] = {127, 255, 255, 255};
    const uint8_t *ip = a->ip + 12;
    return is_v4(a) &&
           (memcmp(ip, all, 4) == 0 || memcmp(ip, net, 4) == 0 || memcmp(ip, loop, 4) == 0);
}

/* ---- who gets it ---- */

static bool has_joined(const struct sock *s, const uint8_t ip[16], bool loopback) {
    for (unsigned i = 0; i < s->group_count; i++)
        if (s->groups[i].loopback == loopback && memcmp(s->groups[i].ip, ip, 16) == 0) return true;
    return false;
}

/* Has any socket of the host? Then all that are bound to the port get it (IP_MULTICAST_ALL). */
static bool host_has_joined(const struct hob__sim_host *h, const struct packet *p) {
    for (struct hob_list *n = h->datagram_ports.next; n != &h->datagram_ports; n = n->next)
        if (has_joined(hob__container(n, struct sock, port), p->to.ip, p->loopback)) return true;
    return false;
}

/* How well the socket fits: 0 not at all; a connected one best, then one of that address. */
static int fit(const struct sock *s, const struct packet *p) {
    if (s->local.port != p->to.port) return 0;
    bool v4 = is_v4(&p->to), any = hob__sim_address_any(&s->local);
    if (v4 ? s->local.family == AF_INET6 && s->v6only : s->local.family == AF_INET) return 0;
    if (!any && !same_ip(&s->local, &p->to)) return 0;
    if (s->connected && (s->peer.port != p->from.port || !same_ip(&s->peer, &p->from))) return 0;
    return 1 + 4 * s->connected + 2 * !any + (s->local.family == (v4 ? AF_INET : AF_INET6));
}

/* Of several that fit equally well (SO_REUSEPORT) the sender's address decides. */
static struct sock *find_one(const struct hob__sim_host *h, const struct packet *p) {
    struct sock *best = NULL;
    int best_fit = 0;
    unsigned equal = 0;
    for (struct hob_list *n = h->datagram_ports.next; n != &h->datagram_ports; n = n->next) {
        struct sock *s = hob__container(n, struct sock, port);
        int f = fit(s, p);
        if (f == 0 || f < best_fit) continue;
        if (f > best_fit) equal = 0;
        best_fit = f;
        equal++;
        uint64_t who = hob__sim_mix((uint64_t)p->from.port << 8 | p->from.ip[15]);
        if (equal == 1 || (s->reuse_port ? hob__sim_mix(who + equal) % equal == 0 : true)) best = s;
    }
    return best;
}

static struct packet *copy_of(const struct packet *p) {
    struct packet *c = hob__sim_alloc(sizeof *c + p->n);
    memcpy(c, p, sizeof *c + p->n);
    return c;
}

/* Into the socket's queue, or nowhere. The packet is given away. */
static void keep(struct sock *s, struct packet *p) {
    if (s->held > s->receive_buffer) {
        log_packet(p, s->end.host, "finds no room");
        hob__sim_free(p);
        return;
    }
    log_packet(p, s->end.host, "arrives");
    hob__sim_note(p->world, p->n);
    s->held += p->n + OVERHEAD;
    p->from.family = s->local.family;
    hob__list_append(&s->queue, &p->link);
    hob__sim_raise(&s->end, HOB__READ);
}

static void deliver_to_many(struct packet *p) {
    struct hob__sim_host *h = p->to_host;
    bool group = is_group(p->to.ip, is_v4(&p->to));
    if (!group || host_has_joined(h, p)) {
        for (struct hob_list *n = h->datagram_ports.next; n != &h->datagram_ports; n = n->next) {
            struct sock *s = hob__container(n, struct sock, port);
            if (fit(s, p) > 0) keep(s, copy_of(p));
        }
    }
    hob__sim_free(p);
}

/* The other host says that nobody is there. */
static void refusal_arrives(struct hob__sim *w, void *arg, uint64_t data) {
    struct packet *p = arg;
    struct hob__sim_host *h = p->from_host;
    (void)data;
    if (!hob__sim_cut_off(w, p->to_host, h)) {
        for (struct hob_list *n = h->datagram_ports.next; n != &h->datagram_ports; n = n->next) {
            struct sock *s = hob__container(n, struct sock, port);
            if (!s->connected || s->local.port != p->from.port || s->peer.port != p->to.port ||
                !same_ip(&s->peer, &p->to))
                continue;
            log_packet(p, h, "is refused");
            s->error = ECONNREFUSED;
            hob__sim_raise(&s->end, HOB__READ | HOB__WRITE);
        }
    }
    hob__sim_free(p);
}

static void refuse(struct packet *p) {
    bool lost = false;
    if (p->from_host == p->to_host) {
        refusal_arrives(p->world, p, 0);
        return;
    }
    uint64_t when = hob__sim_travel(p->world, p->to_host, p->from_host, HEADERS, &lost);
    if (lost)
        hob__sim_free(p);
    else
        hob__sim_at(p->world, when, refusal_arrives, p, 0);
}

static void arrives(struct hob__sim *w, void *arg, uint64_t data) {
    struct packet *p = arg;
    (void)data;
    if (hob__sim_cut_off(w, p->from_host, p->to_host)) {
        log_packet(p, p->to_host, "is cut off");
        hob__sim_free(p);
        return;
    }
    if (p->to_many) {
        deliver_to_many(p);
        return;
    }
    struct sock *s = find_one(p->to_host, p);
    if (s)
        keep(s, p);
    else
        refuse(p);
}

/* ---- sending ---- */

static void on_the_wire(struct hob__sim *w, void *arg, uint64_t n) {
    struct sock *s = arg;
    (void)w;
    s->sending -= (uint32_t)n;
    if (s->starved && s->end.fd >= 0) {
        s->starved = false;
        hob__sim_raise(&s->end, HOB__WRITE);
    }
    sock_unref(s);
}

/* On its way to one host. The packet is given away. */
static void travel(struct sock *s, struct packet *p) {
    struct hob__sim *w = p->world;
    struct hob__sim_host *from = p->from_host, *to = p->to_host;
    if (from == to) {
        arrives(w, p, 0);
        return;
    }
    bool lost = false;
    uint64_t when = hob__sim_travel(w, from, to, p->n + HEADERS, &lost);
    const struct hob__sim_link *l = hob__sim_link_of(w, from, to);
    if (l->ns_per_kib && l->free_at > w->now) {
        s->sending += p->n + OVERHEAD;
        s->refs++;
        hob__sim_at(w, l->free_at, on_the_wire, s, p->n + OVERHEAD);
    }
    lost = lost || hob__sim_chance(w, HOB__SIM_UDP, w->faults.datagram_lost);
    lost |= hob__sim_drops(w, from, to);
    if (hob__sim_chance(w, HOB__SIM_UDP, w->faults.datagram_late))
        when += hob__sim_below(w, HOB__SIM_UDP, 50 * MS);
    if (hob__sim_chance(w, HOB__SIM_UDP, l->duplicate) ||
        hob__sim_chance(w, HOB__SIM_UDP, w->faults.datagram_twice)) {
        log_packet(p, from, "goes twice");
        uint64_t later = l->delay_ns + l->jitter_ns + MS;
        hob__sim_at(w, when + hob__sim_below(w, HOB__SIM_UDP, later), arrives, copy_of(p), 0);
    }
    if (!lost) {
        hob__sim_at(w, when, arrives, p, 0);
        return;
    }
    log_packet(p, from, "is lost");
    hob__sim_free(p);
}

/* Out of all those interfaces that the address means. 0 or an error. The packet stays. */
static int route(struct sock *s, struct packet *p) {
    struct hob__sim *w = p->world;
    bool group = is_group(p->to.ip, is_v4(&p->to)), broadcast = is_broadcast(&p->to);
    if (!group && !broadcast) {
        p->to_host = hob__sim_host_at(s->end.host, &p->to);
        if (!p->to_host) return -ENETUNREACH;
        if (is_loopback(&p->from) && p->to_host != p->from_host) return -EINVAL;
        travel(s, copy_of(p));
        return 0;
    }
    if (broadcast && !s->broadcast) return -EACCES;
    p->to_many = true;
    p->loopback = group ? s->loopback : is_loopback(&p->to);
    for (unsigned i = 0; i < w->host_count; i++) {
        p->to_host = w->hosts[i];
        bool own = p->to_host == p->from_host;
        if (own ? !(group && s->no_loop) : !p->loopback) travel(s, copy_of(p));
    }
    return 0;
}

static bool in_use(struct hob__sim_end *e, const struct hob__sim_address *a);

static int bind_anywhere(struct sock *s) {
    if (s->bound) return 0;
    if (hob__sim_find_port(&s->end, &s->local, in_use) < 0) return -EAGAIN;
    s->bound = true;
    hob__list_append(&s->end.host->datagram_ports, &s->port);
    return 0;
}

static int take_error(struct sock *s) {
    int error = s->error;
    s->error = 0;
    return -error;
}

/* A destination as the program gives it, for a socket of that family. */
static int destination(const struct sock *s, const struct sockaddr *addr, socklen_t n,
                       struct hob__sim_address *out) {
    int rc = hob__sim_address_parse(addr, n, out);
    if (rc < 0) return rc;
    if (s->local.family == AF_INET && out->family == AF_INET6) return -EAFNOSUPPORT;
    if (s->local.family == AF_INET6 && s->v6only && is_v4(out)) return -ENETUNREACH;
    if (hob__sim_address_any(out)) { /* this host itself */
        struct hob__sim_address self = {.port = out->port};
        hob__sim_source(s->end.host, out, &self);
        *out = self;
    }
    out->family = s->local.family;
    return 0;
}

static ssize_t send_to(struct sock *s, const struct iovec *iov, size_t count,
                       const struct hob__sim_address *to) {
    size_t n = 0;
    for (size_t i = 0; i < count; i++) n += iov[i].iov_len;
    if (s->error) return take_error(s);
    if (n > (is_v4(to) ? MOST_V4 : MOST_V6)) return -EMSGSIZE;
    if (to->port == 0) return -EINVAL;
    if (s->sending > 0 && s->sending + n + OVERHEAD > s->send_buffer) {
        s->starved = true;
        return -EAGAIN;
    }
    int rc = bind_anywhere(s);
    if (rc < 0) return rc;
    struct packet *p = hob__sim_alloc(sizeof *p + n);
    hob__list_init(&p->link);
    p->world = s->end.host->world;
    p->from_host = s->end.host;
    p->to = *to;
    p->from = s->local;
    if (hob__sim_address_any(&p->from)) hob__sim_source(s->end.host, to, &p->from);
    p->n = (uint32_t)n;
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        if (iov[i].iov_len) memcpy(p->data + at, iov[i].iov_base, iov[i].iov_len);
        at += iov[i].iov_len;
    }
    log_packet(p, p->from_host, "sends");
    rc = route(s, p);
    hob__sim_free(p);
    return rc < 0 ? rc : (ssize_t)n;
}

static ssize_t udp_sendmsg(struct hob__sim_end *e, const struct msghdr *m, int flags) {
    struct sock *s = sock_of(e);
    struct hob__sim_address to = s->peer;
    (void)flags;
    if (m->msg_controllen > 0) return -EOPNOTSUPP;
    if (m->msg_name && m->msg_namelen > 0) {
        int rc = destination(s, m->msg_name, m->msg_namelen, &to);
        if (rc < 0) return rc;
    } else if (!s->connected) {
        return -EDESTADDRREQ;
    }
    return send_to(s, m->msg_iov, m->msg_iovlen, &to);
}

static ssize_t udp_send(struct hob__sim_end *e, const struct iovec *iov, int count) {
    struct sock *s = sock_of(e);
    return s->connected ? send_to(s, iov, (size_t)count, &s->peer) : -EDESTADDRREQ;
}

/* ---- receiving ---- */

static ssize_t udp_recvmsg(struct hob__sim_end *e, struct msghdr *m, int flags) {
    struct sock *s = sock_of(e);
    if (s->error) return take_error(s);
    if (hob__list_empty(&s->queue)) return -EAGAIN;
    struct packet *p = hob__container(s->queue.next, struct packet, link);
    size_t at = 0, n = p->n;
    for (size_t i = 0; i < m->msg_iovlen && at < n; i++) {
        size_t k = m->msg_iov[i].iov_len < n - at ? m->msg_iov[i].iov_len : n - at;
        if (k > 0) memcpy(m->msg_iov[i].iov_base, p->data + at, k);
        at += k;
    }
    m->msg_controllen = 0;
    m->msg_flags = at < n ? MSG_TRUNC : 0;
    if (m->msg_name) hob__sim_address_put(&p->from, m->msg_name, &m->msg_namelen);
    hob__sim_note(p->world, n);
    if (!(flags & MSG_PEEK)) {
        hob__list_remove(&p->link);
        s->held -= p->n + OVERHEAD;
        hob__sim_free(p);
    }
    return (ssize_t)(flags & MSG_TRUNC ? n : at);
}

static ssize_t udp_recv(struct hob__sim_end *e, void *buf, size_t n, int flags) {
    struct iovec iov = {buf, n};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    return udp_recvmsg(e, &m, flags);
}

static unsigned udp_level(struct hob__sim_end *e) {
    const struct sock *s = sock_of(e);
    unsigned bits = s->sending < s->send_buffer ? HOB__WRITE : 0;
    if (!hob__list_empty(&s->queue)) bits |= HOB__READ;
    return s->error ? HOB__READ | HOB__WRITE : bits;
}

/* ---- names ---- */

static bool in_use(struct hob__sim_end *e, const struct hob__sim_address *a) {
    const struct sock *s = sock_of(e);
    const struct hob__sim_host *h = s->end.host;
    for (struct hob_list *n = h->datagram_ports.next; n != &h->datagram_ports; n = n->next) {
        const struct sock *o = hob__container(n, struct sock, port);
        if (o == s || o->local.port != a->port) continue;
        if (o->local.family != a->family && (o->v6only || s->v6only)) continue;
        bool clash =
            hob__sim_address_any(&o->local) || hob__sim_address_any(a) || same_ip(&o->local, a);
        if (clash && !(s->reuse && o->reuse) && !(s->reuse_port && o->reuse_port)) return true;
    }
    return false;
}

static int udp_bind(struct hob__sim_end *e, const struct sockaddr *addr, socklen_t n) {
    struct sock *s = sock_of(e);
    struct hob__sim_address a;
    int rc = hob__sim_address_parse(addr, n, &a);
    if (rc < 0) return rc;
    if (s->bound) return -EINVAL;
    if (a.family != s->local.family) return -EAFNOSUPPORT;
    if (!hob__sim_address_any(&a) && !is_group(a.ip, is_v4(&a)) && !is_broadcast(&a) &&
        hob__sim_host_at(e->host, &a) != e->host)
        return -EADDRNOTAVAIL;
    if (a.port == 0)
        rc = hob__sim_find_port(e, &a, in_use);
    else if (in_use(e, &a))
        rc = -EADDRINUSE;
    if (rc < 0) return rc;
    s->local = a;
    s->bound = true;
    s->bound_here = !hob__sim_address_any(&a);
    hob__list_append(&e->host->datagram_ports, &s->port);
    return 0;
}

static int udp_connect(struct hob__sim_end *e, const struct sockaddr *addr, socklen_t n) {
    struct sock *s = sock_of(e);
    struct hob__sim_address to;
    if (n >= sizeof(sa_family_t) && addr->sa_family == AF_UNSPEC) {
        s->connected = false;
        if (!s->bound_here) memset(s->local.ip, 0, sizeof s->local.ip);
        return 0;
    }
    int rc = destination(s, addr, n, &to);
    if (rc < 0) return rc;
    bool group = is_group(to.ip, is_v4(&to)), broadcast = is_broadcast(&to);
    if (broadcast && !s->broadcast) return -EACCES;
    if (!group && !broadcast && !hob__sim_host_at(e->host, &to)) return -ENETUNREACH;
    rc = bind_anywhere(s);
    if (rc < 0) return rc;
    if (!s->bound_here) {
        struct hob__sim_address from = {.port = s->local.port};
        hob__sim_source(e->host, &to, &from);
        from.family = s->local.family;
        s->local = from;
    }
    s->peer = to;
    s->connected = true;
    return 0;
}

static int udp_getsockname(struct hob__sim_end *e, struct sockaddr *addr, socklen_t *n) {
    hob__sim_address_put(&sock_of(e)->local, addr, n);
    return 0;
}

static int udp_getpeername(struct hob__sim_end *e, struct sockaddr *addr, socklen_t *n) {
    const struct sock *s = sock_of(e);
    if (!s->connected) return -ENOTCONN;
    hob__sim_address_put(&s->peer, addr, n);
    return 0;
}

/* ---- options ---- */

static int give_int(int v, void *value, socklen_t *n) {
    if (*n < sizeof v) return -EINVAL;
    memcpy(value, &v, sizeof v);
    *n = sizeof v;
    return 0;
}

static int udp_getsockopt(struct hob__sim_end *e, int level, int name, void *value, socklen_t *n) {
    struct sock *s = sock_of(e);
    if (level != SOL_SOCKET) return -ENOPROTOOPT;
    switch (name) {
    case SO_ERROR:
        return give_int(-take_error(s), value, n);
    case SO_TYPE:
        return give_int(SOCK_DGRAM, value, n);
    case SO_DOMAIN:
        return give_int(s->local.family, value, n);
    case SO_SNDBUF:
        return give_int((int)s->send_buffer, value, n);
    case SO_RCVBUF:
        return give_int((int)s->receive_buffer, value, n);
    case SO_REUSEADDR:
        return give_int(s->reuse, value, n);
    case SO_REUSEPORT:
        return give_int(s->reuse_port, value, n);
    case SO_BROADCAST:
        return give_int(s->broadcast, value, n);
    default:
        return -ENOPROTOOPT;
    }
}

static uint32_t buffer_size(int v) {
    int64_t size = 2 * (int64_t)v;
    return size < BUFFER_MIN ? BUFFER_MIN : size > BUFFER_MAX ? BUFFER_MAX : (uint32_t)size;
}

static int set_socket_option(struct sock *s, int name, int v) {
    switch (name) {
    case SO_REUSEADDR:
        s->reuse = v != 0;
        return 0;
    case SO_REUSEPORT:
        s->reuse_port = v != 0;
        return 0;
    case SO_BROADCAST:
        s->broadcast = v != 0;
        return 0;
    case SO_SNDBUF:
        s->send_buffer = buffer_size(v);
        return 0;
    case SO_RCVBUF:
        s->receive_buffer = buffer_size(v);
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

static int change_group(struct sock *s, const uint8_t ip[16], bool v4, int interface, bool join) {
    bool loopback = interface == LOOPBACK;
    if (!is_group(ip, v4)) return -EINVAL;
    unsigned i = 0;
    while (i < s->group_count &&
           (s->groups[i].loopback != loopback || memcmp(s->groups[i].ip, ip, 16) != 0))
        i++;
    if (join) {
        if (i < s->group_count) return -EADDRINUSE;
        if (i == GROUPS) return -ENOBUFS;
        memcpy(s->groups[i].ip, ip, 16);
        s->groups[i].loopback = loopback;
        s->group_count++;
        return 0;
    }
    if (i == s->group_count) return -EADDRNOTAVAIL;
    s->groups[i] = s->groups[--s->group_count];
    return 0;
}

static int change_group_v4(struct sock *s, const void *value, socklen_t n, bool join) {
    struct ip_mreqn m = {.imr_ifindex = 0};
    uint8_t ip[16] = {[10] = 0xff, [11] = 0xff};
    if (n < sizeof(struct ip_mreq)) return -EINVAL;
    memcpy(&m, value, n < sizeof m ? n : sizeof m);
    memcpy(ip + 12, &m.imr_multiaddr, 4);
    return change_group(s, ip, true, m.imr_ifindex, join);
}

static int set_v4_option(struct sock *s, int name, const void *value, socklen_t n) {
    struct ip_mreqn m = {.imr_ifindex = 0};
    int v = 0;
    if (name == IP_ADD_MEMBERSHIP || name == IP_DROP_MEMBERSHIP)
        return change_group_v4(s, value, n, name == IP_ADD_MEMBERSHIP);
    if (name == IP_MULTICAST_IF) {
        if (n >= sizeof m) memcpy(&m, value, sizeof m);
        s->loopback = m.imr_ifindex == LOOPBACK;
        return 0;
    }
    if (n < sizeof v) return -EINVAL;
    memcpy(&v, value, sizeof v);
    if (name == IP_MULTICAST_TTL) return v < -1 || v > 255 ? -EINVAL : 0;
    if (name == IP_MULTICAST_LOOP) s->no_loop = !v;
    return 0;
}

static int set_v6_option(struct sock *s, int name, const void *value, socklen_t n) {
    struct ipv6_mreq m;
    int v = 0;
    if (name == IPV6_JOIN_GROUP || name == IPV6_LEAVE_GROUP) {
        if (n < sizeof m) return -EINVAL;
        memcpy(&m, value, sizeof m);
        return change_group(s, m.ipv6mr_multiaddr.s6_addr, false, (int)m.ipv6mr_interface,
                            name == IPV6_JOIN_GROUP);
    }
    if (n < sizeof v) return -EINVAL;
    memcpy(&v, value, sizeof v);
    if (name == IPV6_MULTICAST_HOPS) return v < -1 || v > 255 ? -EINVAL : 0;
    if (name == IPV6_MULTICAST_LOOP) s->no_loop = !v;
    if (name == IPV6_MULTICAST_IF) s->loopback = v == LOOPBACK;
    if (name == IPV6_V6ONLY) s->v6only = v != 0;
    return 0;
}

static int udp_setsockopt(struct hob__sim_end *e, int level, int name, const void *value,
                          socklen_t n) {
    struct sock *s = sock_of(e);
    int v = 0;
    if (level == IPPROTO_IP) return set_v4_option(s, name, value, n);
    if (level == IPPROTO_IPV6)
        return s->local.family == AF_INET6 ? set_v6_option(s, name, value, n) : -ENOPROTOOPT;
    if (level != SOL_SOCKET) return -ENOPROTOOPT;
    if (n < sizeof v) return -EINVAL;
    memcpy(&v, value, sizeof v);
    return set_socket_option(s, name, v);
}

/* ---- the end ---- */

static void udp_close(struct hob__sim_end *e, bool crashed) {
    struct sock *s = sock_of(e);
    (void)crashed; /* what is on its way goes on, or is cut off with the host */
    hob__list_remove(&s->port);
    while (!hob__list_empty(&s->queue)) {
        struct packet *p = hob__container(s->queue.next, struct packet, link);
        hob__list_remove(&p->link);
        hob__sim_free(p);
    }
    sock_unref(s);
}

static const struct hob__sim_kind kind = {
    .name = "udp",
    .recv = udp_recv,
    .send = udp_send,
    .recvmsg = udp_recvmsg,
    .sendmsg = udp_sendmsg,
    .bind = udp_bind,
    .connect = udp_connect,
    .getsockopt = udp_getsockopt,
    .setsockopt = udp_setsockopt,
    .getsockname = udp_getsockname,
    .getpeername = udp_getpeername,
    .level = udp_level,
    .close = udp_close,
};
