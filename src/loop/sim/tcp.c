/* loop/sim/tcp.c - TCP's sockets as programs see them: connecting, accepting, reading, writing,
 * closing. See tcp.h. */
#include "loop/sim/tcp.h"

struct hob__sim_side *hob__sim_tcp_side(struct hob__sim_host *h, sa_family_t family) {
    struct hob__sim_side *s = hob__sim_alloc(sizeof *s);
    hob__sim_end_init(&s->end, &hob__sim_tcp, h);
    hob__list_init(&s->port);
    hob__list_init(&s->backlog);
    hob__list_init(&s->waiting);
    s->send_buffer = 64 << 10;
    s->receive_buffer = 128 << 10;
    s->local.family = family;
    s->keep[0] = 7200, s->keep[1] = 75, s->keep[2] = 9;
    return s;
}

struct hob__sim_end *hob__sim_tcp_new(struct hob__sim_host *h, sa_family_t family) {
    return &hob__sim_tcp_side(h, family)->end;
}

static void side_free(struct hob__sim_side *s) {
    hob__list_remove(&s->port);
    hob__list_remove(&s->waiting);
    hob__sim_free(s);
}

/* ---- connections ---- */

static int tcp_connect(struct hob__sim_end *e, const struct sockaddr *addr, socklen_t n) {
    struct hob__sim_side *s = hob__sim_side_of(e);
    struct hob__sim *w = s->end.host->world;
    struct hob__sim_address a;
    int rc = hob__sim_address_parse(addr, n, &a);
    if (rc < 0) return rc;
    if (s->state == HOB__TCP_CONNECTING) return -EALREADY;
    if (s->state != HOB__TCP_NEW || s->conn) return -EISCONN;
    if (a.family != s->local.family) return -EAFNOSUPPORT;
    struct hob__sim_host *to = hob__sim_host_at(e->host, &a);
    if (!to) return -ENETUNREACH;
    struct hob__sim_conn *c = hob__sim_alloc(sizeof *c);
    uint16_t port = s->bound ? s->local.port : 0;
    if (!s->bound || hob__sim_address_any(&s->local)) hob__sim_source(e->host, &a, &s->local);
    s->local.port = port;
    s->local.family = a.family;
    if (!port) {
        rc = hob__sim_find_port(&s->end, &s->local, hob__sim_tcp_port_used);
        if (rc < 0) {
            hob__sim_free(c);
            return -EADDRNOTAVAIL;
        }
    }
    if (!s->bound) hob__list_append(&e->host->ports, &s->port);
    s->bound = 1;
    if (hob__sim_address_any(&a)) { /* this host itself */
        struct hob__sim_address self = {.port = a.port};
        hob__sim_source(e->host, &a, &self);
        a = self;
    }
    c->world = w;
    c->side[0] = s;
    c->host[0] = e->host;
    c->host[1] = to;
    c->address[0] = s->local;
    c->address[1] = a;
    c->fin_at[0] = c->fin_at[1] = UINT64_MAX;
    s->conn = c;
    s->state = HOB__TCP_CONNECTING;
    hob__sim_tcp_log(c, 0, "connects", 0);
    hob__sim_tcp_later(c, hob__sim_tcp_arrival(c, 0, 0), hob__sim_tcp_syn_arrives, 0);
    return -EINPROGRESS;
}

static struct hob__sim_end *tcp_accept(struct hob__sim_end *e, int *rc) {
    struct hob__sim_side *l = hob__sim_side_of(e);
    if (l->state != HOB__TCP_LISTENING) return (*rc = -EINVAL), NULL;
    if (hob__list_empty(&l->backlog)) return (*rc = -EAGAIN), NULL;
    struct hob__sim_side *s = hob__container(l->backlog.next, struct hob__sim_side, waiting);
    *rc = hob__sim_end_open(&s->end);
    if (*rc < 0) return NULL;
    hob__list_remove(&s->waiting);
    l->backlog_count--;
    s->listener = NULL;
    return &s->end;
}

/* ---- reading and writing ---- */

int hob__sim_tcp_error(struct hob__sim_side *s) {
    int error = s->error;
    s->error = 0;
    return -error;
}

static ssize_t tcp_recv(struct hob__sim_end *e, void *buf, size_t n, int flags) {
    struct hob__sim_side *s = hob__sim_side_of(e);
    struct hob__sim *w = s->end.host->world;
    if (HOB__UNLIKELY(s->state != HOB__TCP_CONNECTED && !(s->conn && s->gone))) {
        if (s->error) return hob__sim_tcp_error(s);
        return s->state == HOB__TCP_CONNECTING ? -EAGAIN : -ENOTCONN;
    }
    int from = !s->index;
    struct hob__sim_flow *f = &s->conn->flow[from];
    size_t readable = hob__sim_flow_readable(f);
    if (readable == 0 || s->no_reads) {
        if (s->fin_seen || s->no_reads) return 0;
        if (s->error) return hob__sim_tcp_error(s);
        return s->gone ? 0 : -EAGAIN;
    }
    if (n > readable) n = readable;
    if (n == 0) return 0;
    size_t could = n;
    n = hob__sim_cut(w, w->faults.short_read, n);
    /* A read of fewer bytes than are there would tell that there are no more (epoll(7)): so the
     * rest arrives now. */
    if (n < could) hob__sim_raise(e, HOB__READ);
    bool peek = flags & MSG_PEEK;
    hob__sim_flow_read(f, buf, n, peek);
    hob__sim_note(w, n);
    if (!peek && !s->gone && f->sent < f->written) hob__sim_tcp_acknowledge(s->conn, from);
    return (ssize_t)n;
}

static ssize_t tcp_send(struct hob__sim_end *e, const struct iovec *iov, int count) {
    struct hob__sim_side *s = hob__sim_side_of(e);
    struct hob__sim *w = s->end.host->world;
    if (HOB__UNLIKELY(s->error)) return hob__sim_tcp_error(s);
    if (HOB__UNLIKELY(s->gone || s->fin_sent)) return -EPIPE;
    if (HOB__UNLIKELY(s->state != HOB__TCP_CONNECTED))
        return s->state == HOB__TCP_CONNECTING ? -EAGAIN : -EPIPE;
    struct hob__sim_conn *c = s->conn;
    struct hob__sim_flow *f = &c->flow[s->index];
    size_t n = HOB__LIKELY(count == 1) ? iov->iov_len : hob__sim_iov_size(iov, count);
    size_t room = hob__sim_flow_room(f);
    if (n == 0) return 0;
    if (HOB__UNLIKELY(room == 0)) {
        f->starved = true;
        return -EAGAIN;
    }
    if (n > room) n = room;
    n = hob__sim_cut(w, w->faults.short_write, n);
    hob__sim_flow_write(f, iov, count, n);
    hob__sim_note(w, n);
    if (HOB__UNLIKELY(w->log != NULL)) hob__sim_tcp_log(c, s->index, "sends", n);
    /* The usual: all of it in one segment. (There is no end yet that could be its turn.) */
    if (HOB__LIKELY(f->sent + n == f->written && f->written <= c->window[s->index] &&
                    n <= HOB__TCP_SEGMENT && w->faults.cut == 0))
        hob__sim_tcp_send_segment(c, s->index, f, n);
    else
        hob__sim_tcp_transmit(c, s->index);
    return (ssize_t)n;
}

static size_t tcp_room(struct hob__sim_end *e) {
    struct hob__sim_side *s = hob__sim_side_of(e);
    return s->state == HOB__TCP_CONNECTED && s->conn ? hob__sim_flow_room(&s->conn->flow[s->index])
                                                     : 1;
}

static unsigned tcp_level(struct hob__sim_end *e) {
    struct hob__sim_side *s = hob__sim_side_of(e);
    if (s->state == HOB__TCP_LISTENING) return hob__list_empty(&s->backlog) ? 0 : HOB__READ;
    if (s->gone || s->error) return HOB__READ | HOB__WRITE | HOB__HUP;
    if (s->state == HOB__TCP_CONNECTING) return 0;
    if (s->state != HOB__TCP_CONNECTED) return HOB__WRITE | HOB__HUP;
    unsigned bits = 0;
    if (hob__sim_flow_readable(&s->conn->flow[!s->index])) bits |= HOB__READ;
    if (s->fin_seen || s->no_reads) bits |= HOB__READ | HOB__HUP;
    if (hob__sim_flow_room(&s->conn->flow[s->index])) bits |= HOB__WRITE;
    return bits;
}

static int tcp_shutdown(struct hob__sim_end *e, int how) {
    struct hob__sim_side *s = hob__sim_side_of(e);
    if (s->gone || s->state == HOB__TCP_CLOSED) return -ENOTCONN;
    if (s->state == HOB__TCP_LISTENING) return 0;
    if (s->state != HOB__TCP_CONNECTED) return -ENOTCONN;
    if (how != SHUT_WR) {
        s->no_reads = 1;
        hob__sim_raise(e, HOB__READ | HOB__HUP);
    }
    if (how != SHUT_RD) hob__sim_tcp_fin(s);
    return 0;
}

/* ---- closing ---- */

static void close_backlog(struct hob__sim_side *l) {
    while (!hob__list_empty(&l->backlog)) {
        struct hob__sim_side *s = hob__container(l->backlog.next, struct hob__sim_side, waiting);
        hob__list_remove(&s->waiting);
        s->linger_none = 1; /* the kernel resets what nobody has accepted */
        hob__sim_end_close(&s->end, false);
    }
}

static void tcp_close(struct hob__sim_end *e, bool crashed) {
    struct hob__sim_side *s = hob__sim_side_of(e);
    struct hob__sim_conn *c = s->conn;
    if (s->state == HOB__TCP_LISTENING) close_backlog(s);
    if (s->listener) s->listener->backlog_count--;
    if (c) {
        int me = s->index;
        bool unread = hob__sim_flow_readable(&c->flow[!me]) > 0;
        if (s->state == HOB__TCP_CONNECTED && !s->gone && !crashed) {
            if (unread || s->linger_none)
                hob__sim_tcp_reset(c, me);
            else
                hob__sim_tcp_fin(s);
        }
        if (crashed) c->fin_at[me] = UINT64_MAX;
        c->side[me] = NULL;
        hob__sim_tcp_release(c);
    }
    side_free(s);
}

const struct hob__sim_kind hob__sim_tcp = {
    .name = "tcp",
    .recv = tcp_recv,
    .send = tcp_send,
    .bind = hob__sim_tcp_bind,
    .listen = hob__sim_tcp_listen,
    .connect = tcp_connect,
    .accept = tcp_accept,
    .shutdown = tcp_shutdown,
    .getsockopt = hob__sim_tcp_getsockopt,
    .setsockopt = hob__sim_tcp_setsockopt,
    .getsockname = hob__sim_tcp_getsockname,
    .getpeername = hob__sim_tcp_getpeername,
    .room = tcp_room,
    .level = tcp_level,
    .close = tcp_close,
};
