/* loop/sim/tcp.c - TCP: handshake and backlog, buffers and back-pressure, half close, reset, what
 * is lost and sent again.
 *
 * A connection is one structure with two sides, each an end of its host, and a flow each way. What
 * travels is an event with a position: "everything up to here has arrived". So a segment that comes
 * late, or is sent again, can not bring anything twice, and segments that are cut in two are two
 * positions. It lives until both sides are closed and nothing of it is under way.
 *
 * What is not modelled, as no program can tell: sequence numbers, congestion windows, delayed
 * acknowledgements. The sender's buffer is free again when its bytes have arrived (a program that
 * waits for that is told one way later); the receiver's window is told when the sender needs it. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

#include "loop/sim/flow.h"

#define MS UINT64_C(1000000)
enum {
    SEGMENT = 64 << 10,
    SYN_TRIES = 7,   /* as tcp_syn_retries: 127 s in all */
    DATA_TRIES = 15, /* as tcp_retries2: about 15 minutes */
    BUFFER_MIN = 1 << 11,
    BUFFER_MAX = 4 << 20
};

enum state { NEW, LISTENING, CONNECTING, CONNECTED, CLOSED };
enum { PORT_IN_USE = 1 };

struct conn;

/* One side of a connection; or a socket that has none (conn NULL), perhaps listening. */
struct side {
    struct hob__sim_end end;
    struct hob_list port; /* in host->ports while bound */
    struct conn *conn;
    uint8_t index; /* in the connection */
    uint8_t state;
    uint8_t closed : 1;   /* by the program */
    uint8_t fin_sent : 1; /* shutdown(SHUT_WR), or close */
    uint8_t fin_seen : 1; /* the peer's end has arrived, behind `arrived` */
    uint8_t no_reads : 1; /* shutdown(SHUT_RD) */
    uint8_t gone : 1;     /* reset: nothing can be sent any more */
    uint8_t bound : 1, reuse : 1, reuse_port : 1, v6only : 1, linger_none : 1, nodelay : 1,
        keepalive : 1;
    int error; /* to be told once: SO_ERROR */
    uint32_t send_buffer, receive_buffer;
    struct hob__sim_address local;
    int keep[3]; /* TCP_KEEPIDLE, INTVL, CNT */
    /* listening */
    struct hob_list backlog; /* of struct side, by .waiting */
    struct hob_list waiting;
    struct side *listener;
    unsigned backlog_count, backlog_max;
};

struct conn {
    struct hob__sim *world;
    struct side *side[2]; /* 0: who connected; NULL: closed and freed */
    struct hob__sim_host *host[2];
    struct hob__sim_address address[2];
    struct hob__sim_flow flow[2]; /* [i]: what side i sends */
    uint64_t last_arrival[2];     /* of what side i has sent: nothing overtakes */
    uint64_t fin_at[2];           /* the position behind which side i has ended; UINT64_MAX */
    uint64_t window[2];           /* how far side i may send, as it knows */
    uint8_t tries[2];             /* in a row, of side i's */
    struct {
        bool waits, fin;
        uint64_t position;
    } held[2]; /* what side i has sent and could not pass: it is sent again */
    bool reset;
    unsigned events;
};

static const struct hob__sim_kind kind;

static struct side *side_of(struct hob__sim_end *e) { return (struct side *)(void *)e; }
static struct hob__sim *world_of(const struct side *s) { return s->end.host->world; }

static void log_conn(const struct conn *c, int from, const char *what, uint64_t n) {
    HOB__SIM_LOG(c->world, c->host[from], "tcp %s -> %s %s %llu",
                 hob__sim_address_text(&c->address[from]),
                 hob__sim_address_text(&c->address[!from]), what, (unsigned long long)n);
}

/* ---- sides and connections ---- */

static struct side *side_new(struct hob__sim_host *h, sa_family_t family) {
    struct side *s = hob__sim_alloc(sizeof *s);
    hob__sim_end_init(&s->end, &kind, h);
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
    return &side_new(h, family)->end;
}

static void side_free(struct side *s) {
    hob__list_remove(&s->port);
    hob__list_remove(&s->waiting);
    hob__sim_free(s);
}

static void conn_release(struct conn *c) {
    if (c->events > 0 || c->side[0] || c->side[1]) return;
    hob__sim_flow_free(&c->flow[0]);
    hob__sim_flow_free(&c->flow[1]);
    hob__sim_free(c);
}

/* An event of the connection, at `when`. */
static inline void later(struct conn *c, uint64_t when, hob__sim_fire *fire, uint64_t data) {
    c->events++;
    hob__sim_at(c->world, when, fire, c, data);
}

/* data of an event: the sender in the lowest bit. */
static uint64_t tag(uint64_t data, int from) { return data << 1 | (unsigned)from; }

/* It is lost: after a while it is sent again. When it arrives then. */
static __attribute__((noinline)) uint64_t sent_again(struct conn *c, int from, size_t n,
                                                     uint64_t when) {
    bool lost = true;
    for (uint64_t again = 200 * MS; lost; again *= 2) {
        log_conn(c, from, "lost", n);
        when += again;
        lost = hob__sim_chance(c->world, HOB__SIM_NET,
                               hob__sim_link_of(c->world, c->host[from], c->host[!from])->loss);
        if (again > 60000 * MS) break;
    }
    return when;
}

/* When something that side `from` sends now arrives. */
static inline uint64_t arrival(struct conn *c, int from, size_t n) {
    bool lost;
    uint64_t when = hob__sim_travel(c->world, c->host[from], c->host[!from], n, &lost);
    lost |= hob__sim_drops(c->world, c->host[from], c->host[!from]);
    if (HOB__UNLIKELY(lost)) when = sent_again(c, from, n, when);
    if (when < c->last_arrival[from]) when = c->last_arrival[from];
    c->last_arrival[from] = when;
    return when;
}

/* Everything that side i may learn of the connection's end, and nothing more from it. */
static void break_side(struct side *s, int error) {
    s->gone = 1;
    s->error = error;
    hob__sim_raise(&s->end, HOB__READ | HOB__WRITE | HOB__HUP);
}

/* ---- reset ---- */

static void reset_arrives(struct hob__sim *w, void *arg, uint64_t data);

/* Side `from` has given the connection up. */
static void send_reset(struct conn *c, int from) {
    bool lost;
    c->reset = true;
    uint64_t when = hob__sim_travel(c->world, c->host[from], c->host[!from], 0, &lost);
    log_conn(c, from, "reset", 0);
    later(c, when, reset_arrives, tag(0, from));
}

/* ---- data ---- */

static void transmit(struct conn *c, int from);

/* How long to wait before the next try; 0: that was the last one. */
static uint64_t next_try(struct conn *c, int from, uint64_t first, int tries) {
    if (c->tries[from] >= tries) {
        log_conn(c, from, "gives up after tries", c->tries[from]);
        struct side *s = c->side[from];
        if (!s) return 0;
        break_side(s, ETIMEDOUT);
        s->state = CLOSED;
        return 0;
    }
    uint64_t wait = first << (c->tries[from]++ & 15);
    return wait < 120000 * MS ? wait : 120000 * MS;
}

/* The handshake's messages, one after another. */
static void try_again(struct conn *c, int from, hob__sim_fire *fire, uint64_t data) {
    uint64_t wait = next_try(c, from, 1000 * MS, SYN_TRIES);
    if (wait) later(c, c->world->now + wait, fire, data);
}

static void pass(struct conn *c, int from, uint64_t position, bool fin);

static void held_arrives(struct hob__sim *w, void *arg, uint64_t data) {
    struct conn *c = arg;
    int from = data & 1;
    (void)w;
    c->events--;
    c->held[from].waits = false;
    pass(c, from, c->held[from].position, c->held[from].fin);
    conn_release(c);
}

/* Nothing passes now: all of it is sent again, ever more seldom, until the sender gives up. */
static void hold(struct conn *c, int from, uint64_t position, bool fin) {
    if (position > c->held[from].position) c->held[from].position = position;
    c->held[from].fin |= fin;
    if (c->held[from].waits || c->reset) return;
    uint64_t wait = next_try(c, from, 200 * MS, DATA_TRIES);
    if (!wait) return;
    c->held[from].waits = true;
    later(c, c->world->now + wait, held_arrives, tag(0, from));
}

static void window_arrives(struct hob__sim *w, void *arg, uint64_t data) {
    struct conn *c = arg;
    int from = data & 1;
    (void)w;
    c->events--;
    const struct hob__sim_flow *f = &c->flow[from];
    c->window[from] = f->taken + f->receive_buffer;
    struct side *s = c->side[from];
    transmit(c, from);
    if (s && f->starved && hob__sim_flow_room(f) > 0) {
        c->flow[from].starved = false;
        hob__sim_raise(&s->end, HOB__WRITE);
    }
    conn_release(c);
}

/* The receiver's acknowledgement, if the sender waits for one. */
static __attribute__((noinline)) void send_window(struct conn *c, int from) {
    bool lost;
    uint64_t when = hob__sim_travel(c->world, c->host[!from], c->host[from], 0, &lost);
    later(c, when, window_arrives, tag(0, from));
}

static inline void acknowledge(struct conn *c, int from) {
    const struct hob__sim_flow *f = &c->flow[from];
    c->window[from] = f->taken + f->receive_buffer;
    if (HOB__UNLIKELY(f->starved || f->sent < f->written)) send_window(c, from);
}

/* Everything up to the position, and perhaps the end, gets to the other side. */
static void pass(struct conn *c, int from, uint64_t position, bool fin) {
    struct hob__sim *w = c->world;
    struct hob__sim_flow *f = &c->flow[from];
    if (HOB__UNLIKELY(hob__sim_cut_off(w, c->host[from], c->host[!from]))) {
        hold(c, from, position, fin);
        return;
    }
    c->tries[from] = 0;
    struct side *to = c->side[!from];
    if (HOB__UNLIKELY(!to || to->gone)) { /* nobody there: data is answered */
        if (!c->reset && !to && position > f->arrived) send_reset(c, !from);
        return;
    }
    if (position > f->arrived) {
        if (HOB__UNLIKELY(w->log != NULL)) log_conn(c, from, "arrives", position - f->arrived);
        f->arrived = position;
        acknowledge(c, from);
        hob__sim_raise(&to->end, HOB__READ);
    }
    if (HOB__UNLIKELY(fin) && !to->fin_seen) {
        log_conn(c, from, "end arrives", 0);
        to->fin_seen = 1;
        hob__sim_raise(&to->end, HOB__READ | HOB__HUP);
    }
}

static void data_arrives(struct hob__sim *w, void *arg, uint64_t data) {
    struct conn *c = arg;
    (void)w;
    c->events--;
    pass(c, data & 1, data >> 1, false);
    conn_release(c);
}

static void fin_arrives(struct hob__sim *w, void *arg, uint64_t data) {
    struct conn *c = arg;
    (void)w;
    c->events--;
    pass(c, data & 1, data >> 1, true);
    conn_release(c);
}

static inline __attribute__((always_inline)) void
send_segment(struct conn *c, int from, struct hob__sim_flow *f, uint64_t n) {
    f->sent += n;
    later(c, arrival(c, from, (size_t)n), data_arrives, tag(f->sent, from));
}

/* Puts on the wire what the window allows; then the end, when it is its turn. */
static void transmit(struct conn *c, int from) {
    struct hob__sim *w = c->world;
    struct hob__sim_flow *f = &c->flow[from];
    while (f->sent < f->written && f->sent < c->window[from]) {
        uint64_t n = f->written - f->sent, allowed = c->window[from] - f->sent;
        if (n > allowed) n = allowed;
        if (n > SEGMENT) n = SEGMENT;
        if (hob__sim_chance(w, HOB__SIM_NET, w->faults.cut) && n > 1)
            n = 1 + hob__sim_below(w, HOB__SIM_NET, n - 1);
        send_segment(c, from, f, n);
    }
    if (c->fin_at[from] == f->sent && f->sent == f->written) {
        c->fin_at[from] = UINT64_MAX;
        later(c, arrival(c, from, 0), fin_arrives, tag(f->sent, from));
    }
}

static void send_fin(struct side *s) {
    struct conn *c = s->conn;
    if (s->fin_sent || s->gone) return;
    s->fin_sent = 1;
    c->fin_at[s->index] = c->flow[s->index].written;
    transmit(c, s->index);
}

/* ---- a reset that arrives, or is lost ---- */

static void syn_arrives(struct hob__sim *w, void *arg, uint64_t data);

/* What it answered is sent again, if that was anything, and answered again. */
static void reset_lost(struct conn *c, int to, uint64_t data) {
    const struct side *s = c->side[to];
    const struct hob__sim_flow *f = &c->flow[to];
    bool accepted = f->send_buffer > 0;
    log_conn(c, !to, "reset is lost", 0);
    c->reset = s->state == CONNECTING && accepted;
    if (s->state == CONNECTING)
        try_again(c, to, accepted ? reset_arrives : syn_arrives, data);
    else if (f->written > f->arrived)
        hold(c, to, f->written, false);
}

static void reset_arrives(struct hob__sim *w, void *arg, uint64_t data) {
    struct conn *c = arg;
    int to = !(data & 1);
    c->events--;
    struct side *s = c->side[to];
    if (s && !s->gone && hob__sim_cut_off(w, c->host[!to], c->host[to])) {
        reset_lost(c, to, data);
    } else if (s && !s->gone) {
        log_conn(c, !to, "reset arrives", 0);
        break_side(s, s->state == CONNECTING ? ECONNREFUSED : s->fin_seen ? EPIPE : ECONNRESET);
        if (s->state == CONNECTING) s->state = CLOSED;
    }
    conn_release(c);
}

/* ---- the handshake ---- */

static struct side *find_listener(struct hob__sim_host *h, const struct hob__sim_address *a) {
    struct side *any = NULL;
    for (struct hob_list *n = h->ports.next; n != &h->ports; n = n->next) {
        struct side *s = hob__container(n, struct side, port);
        if (s->end.kind != &kind || s->state != LISTENING || s->local.port != a->port) continue;
        if (s->local.family == AF_INET && a->family == AF_INET6) continue;
        if (memcmp(s->local.ip, a->ip, 16) == 0) return s;
        if (!hob__sim_address_any(&s->local)) continue;
        if (s->local.family == AF_INET6 && s->v6only && a->family == AF_INET) continue;
        any = s;
    }
    return any;
}

static void connect_arrives_back(struct hob__sim *w, void *arg, uint64_t data) {
    struct conn *c = arg;
    struct side *s = c->side[0];
    c->events--;
    if (hob__sim_cut_off(w, c->host[1], c->host[0])) {
        if (!c->reset) try_again(c, 1, connect_arrives_back, data);
    } else if (s && s->state == CONNECTING) {
        log_conn(c, 0, "connected", 0);
        s->state = CONNECTED;
        c->tries[0] = 0;
        hob__sim_raise(&s->end, HOB__WRITE);
    } else if (!s && !c->reset && c->side[1]) {
        send_reset(c, 0); /* it has been closed meanwhile */
    }
    conn_release(c);
}

static void set_up_flows(struct conn *c) {
    for (int i = 0; i < 2; i++) {
        c->flow[i].send_buffer = c->side[i]->send_buffer;
        c->flow[i].receive_buffer = c->side[!i]->receive_buffer;
        c->window[i] = c->flow[i].receive_buffer;
    }
}

/* The listener's new socket, in its backlog. */
static void enter_backlog(struct conn *c, struct side *listener) {
    struct side *s = side_new(c->host[1], listener->local.family);
    s->conn = c;
    s->index = 1;
    s->state = CONNECTED;
    s->local = c->address[1];
    s->local.family = listener->local.family;
    s->send_buffer = listener->send_buffer;
    s->receive_buffer = listener->receive_buffer;
    s->nodelay = listener->nodelay;
    s->keepalive = listener->keepalive;
    memcpy(s->keep, listener->keep, sizeof s->keep);
    s->listener = listener;
    c->side[1] = s;
    set_up_flows(c);
    hob__list_append(&listener->backlog, &s->waiting);
    listener->backlog_count++;
    hob__sim_raise(&listener->end, HOB__READ);
}

static void syn_arrives(struct hob__sim *w, void *arg, uint64_t data) {
    struct conn *c = arg;
    c->events--;
    if (!c->side[0]) {
        conn_release(c);
        return;
    }
    struct hob__sim_host *h = c->host[1];
    if (!h || hob__sim_cut_off(w, c->host[0], h)) {
        try_again(c, 0, syn_arrives, data);
        conn_release(c);
        return;
    }
    struct side *l = find_listener(h, &c->address[1]);
    if (!l) {
        send_reset(c, 1);
    } else if (l->backlog_count > l->backlog_max) {
        log_conn(c, 0, "backlog full", l->backlog_count);
        try_again(c, 0, syn_arrives, data);
    } else {
        enter_backlog(c, l);
        later(c, arrival(c, 1, 0), connect_arrives_back, 0);
    }
    conn_release(c);
}

static bool in_use(struct hob__sim_end *e, const struct hob__sim_address *a) {
    const struct side *s = side_of(e);
    struct hob__sim_host *h = s->end.host;
    for (struct hob_list *n = h->ports.next; n != &h->ports; n = n->next) {
        const struct side *o = hob__container(n, struct side, port);
        if (o == s || o->local.port != a->port) continue;
        if (o->local.family != a->family && (o->v6only || s->v6only)) continue;
        bool clash = hob__sim_address_any(&o->local) || hob__sim_address_any(a) ||
                     memcmp(o->local.ip, a->ip, 16) == 0;
        if (!clash || (s->reuse_port && o->reuse_port)) continue;
        if (s->reuse && o->reuse && o->state != LISTENING) continue;
        return true;
    }
    return false;
}

static int tcp_bind(struct hob__sim_end *e, const struct sockaddr *addr, socklen_t n) {
    struct side *s = side_of(e);
    struct hob__sim_address a;
    int rc = hob__sim_address_parse(addr, n, &a);
    if (rc < 0) return rc;
    if (s->bound || s->state != NEW || a.family != s->local.family) return -EINVAL;
    if (!hob__sim_address_any(&a) && hob__sim_host_at(e->host, &a) != e->host)
        return -EADDRNOTAVAIL;
    if (a.port == 0)
        rc = hob__sim_find_port(e, &a, in_use);
    else if (in_use(e, &a))
        rc = -EADDRINUSE;
    if (rc < 0) return rc;
    s->local = a;
    s->bound = 1;
    hob__list_append(&e->host->ports, &s->port);
    return 0;
}

static int tcp_listen(struct hob__sim_end *e, int backlog) {
    struct side *s = side_of(e);
    if (s->state != NEW && s->state != LISTENING) return -EINVAL;
    struct hob__sim_address a = s->local;
    if (s->bound && s->state == NEW && s->reuse) { /* two that are bound may not both listen */
        s->reuse = 0;
        bool taken = false;
        struct hob__sim_host *h = e->host;
        for (struct hob_list *n = h->ports.next; n != &h->ports; n = n->next) {
            const struct side *o = hob__container(n, struct side, port);
            taken |= o != s && o->state == LISTENING && o->local.port == a.port &&
                     o->local.family == a.family && !(s->reuse_port && o->reuse_port) &&
                     memcmp(o->local.ip, a.ip, 16) == 0;
        }
        s->reuse = 1;
        if (taken) return -EADDRINUSE;
    }
    if (!s->bound) {
        int rc = hob__sim_find_port(&s->end, &s->local, in_use);
        if (rc < 0) return rc;
        s->bound = 1;
        hob__list_append(&e->host->ports, &s->port);
    }
    s->state = LISTENING;
    s->backlog_max = backlog < 1 ? 1 : backlog > 4096 ? 4096 : (unsigned)backlog;
    HOB__SIM_LOG(e->host->world, e->host, "tcp %s listens", hob__sim_address_text(&s->local));
    return 0;
}

static int tcp_connect(struct hob__sim_end *e, const struct sockaddr *addr, socklen_t n) {
    struct side *s = side_of(e);
    struct hob__sim *w = world_of(s);
    struct hob__sim_address a;
    int rc = hob__sim_address_parse(addr, n, &a);
    if (rc < 0) return rc;
    if (s->state == CONNECTING) return -EALREADY;
    if (s->state != NEW || s->conn) return -EISCONN;
    if (a.family != s->local.family) return -EAFNOSUPPORT;
    struct hob__sim_host *to = hob__sim_host_at(e->host, &a);
    if (!to) return -ENETUNREACH;
    struct conn *c = hob__sim_alloc(sizeof *c);
    uint16_t port = s->bound ? s->local.port : 0;
    if (!s->bound || hob__sim_address_any(&s->local)) hob__sim_source(e->host, &a, &s->local);
    s->local.port = port;
    s->local.family = a.family;
    if (!port) {
        rc = hob__sim_find_port(&s->end, &s->local, in_use);
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
    s->state = CONNECTING;
    log_conn(c, 0, "connects", 0);
    later(c, arrival(c, 0, 0), syn_arrives, 0);
    return -EINPROGRESS;
}

static struct hob__sim_end *tcp_accept(struct hob__sim_end *e, int *rc) {
    struct side *l = side_of(e);
    if (l->state != LISTENING) return (*rc = -EINVAL), NULL;
    if (hob__list_empty(&l->backlog)) return (*rc = -EAGAIN), NULL;
    struct side *s = hob__container(l->backlog.next, struct side, waiting);
    *rc = hob__sim_end_open(&s->end);
    if (*rc < 0) return NULL;
    hob__list_remove(&s->waiting);
    l->backlog_count--;
    s->listener = NULL;
    return &s->end;
}

/* ---- reading and writing ---- */

static int take_error(struct side *s) {
    int error = s->error;
    s->error = 0;
    return -error;
}

static ssize_t tcp_recv(struct hob__sim_end *e, void *buf, size_t n, int flags) {
    struct side *s = side_of(e);
    struct hob__sim *w = world_of(s);
    if (HOB__UNLIKELY(s->state != CONNECTED && !(s->conn && s->gone))) {
        if (s->error) return take_error(s);
        return s->state == CONNECTING ? -EAGAIN : -ENOTCONN;
    }
    int from = !s->index;
    struct hob__sim_flow *f = &s->conn->flow[from];
    size_t readable = hob__sim_flow_readable(f);
    if (readable == 0 || s->no_reads) {
        if (s->fin_seen || s->no_reads) return 0;
        if (s->error) return take_error(s);
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
    if (!peek && !s->gone && f->sent < f->written) acknowledge(s->conn, from);
    return (ssize_t)n;
}

static ssize_t tcp_send(struct hob__sim_end *e, const struct iovec *iov, int count) {
    struct side *s = side_of(e);
    struct hob__sim *w = world_of(s);
    if (HOB__UNLIKELY(s->error)) return take_error(s);
    if (HOB__UNLIKELY(s->gone || s->fin_sent)) return -EPIPE;
    if (HOB__UNLIKELY(s->state != CONNECTED)) return s->state == CONNECTING ? -EAGAIN : -EPIPE;
    struct conn *c = s->conn;
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
    if (HOB__UNLIKELY(w->log != NULL)) log_conn(c, s->index, "sends", n);
    /* The usual: all of it in one segment. (There is no end yet that could be its turn.) */
    if (HOB__LIKELY(f->sent + n == f->written && f->written <= c->window[s->index] &&
                    n <= SEGMENT && w->faults.cut == 0))
        send_segment(c, s->index, f, n);
    else
        transmit(c, s->index);
    return (ssize_t)n;
}

static size_t tcp_room(struct hob__sim_end *e) {
    struct side *s = side_of(e);
    return s->state == CONNECTED && s->conn ? hob__sim_flow_room(&s->conn->flow[s->index]) : 1;
}

static unsigned tcp_level(struct hob__sim_end *e) {
    struct side *s = side_of(e);
    if (s->state == LISTENING) return hob__list_empty(&s->backlog) ? 0 : HOB__READ;
    if (s->gone || s->error) return HOB__READ | HOB__WRITE | HOB__HUP;
    if (s->state == CONNECTING) return 0;
    if (s->state != CONNECTED) return HOB__WRITE | HOB__HUP;
    unsigned bits = 0;
    if (hob__sim_flow_readable(&s->conn->flow[!s->index])) bits |= HOB__READ;
    if (s->fin_seen || s->no_reads) bits |= HOB__READ | HOB__HUP;
    if (hob__sim_flow_room(&s->conn->flow[s->index])) bits |= HOB__WRITE;
    return bits;
}

static int tcp_shutdown(struct hob__sim_end *e, int how) {
    struct side *s = side_of(e);
    if (s->gone || s->state == CLOSED) return -ENOTCONN;
    if (s->state == LISTENING) return 0;
    if (s->state != CONNECTED) return -ENOTCONN;
    if (how != SHUT_WR) {
        s->no_reads = 1;
        hob__sim_raise(e, HOB__READ | HOB__HUP);
    }
    if (how != SHUT_RD) send_fin(s);
    return 0;
}

/* ---- closing ---- */

static void close_backlog(struct side *l) {
    while (!hob__list_empty(&l->backlog)) {
        struct side *s = hob__container(l->backlog.next, struct side, waiting);
        hob__list_remove(&s->waiting);
        s->linger_none = 1; /* the kernel resets what nobody has accepted */
        hob__sim_end_close(&s->end, false);
    }
}

static void tcp_close(struct hob__sim_end *e, bool crashed) {
    struct side *s = side_of(e);
    struct conn *c = s->conn;
    if (s->state == LISTENING) close_backlog(s);
    if (s->listener) s->listener->backlog_count--;
    if (c) {
        int me = s->index;
        bool unread = hob__sim_flow_readable(&c->flow[!me]) > 0;
        if (s->state == CONNECTED && !s->gone && !crashed) {
            if (unread || s->linger_none)
                send_reset(c, me);
            else
                send_fin(s);
        }
        if (crashed) c->fin_at[me] = UINT64_MAX;
        c->side[me] = NULL;
        conn_release(c);
    }
    side_free(s);
}

/* ---- options and names ---- */

static int give_int(int v, void *value, socklen_t *n) {
    if (*n < sizeof v) return -EINVAL;
    memcpy(value, &v, sizeof v);
    *n = sizeof v;
    return 0;
}

static int tcp_getsockopt(struct hob__sim_end *e, int level, int name, void *value, socklen_t *n) {
    struct side *s = side_of(e);
    if (level == SOL_SOCKET) {
        switch (name) {
        case SO_ERROR:
            return give_int(-take_error(s), value, n);
        case SO_TYPE:
            return give_int(SOCK_STREAM, value, n);
        case SO_DOMAIN:
            return give_int(s->local.family, value, n);
        case SO_ACCEPTCONN:
            return give_int(s->state == LISTENING, value, n);
        case SO_SNDBUF:
            return give_int((int)s->send_buffer, value, n);
        case SO_RCVBUF:
            return give_int((int)s->receive_buffer, value, n);
        case SO_KEEPALIVE:
            return give_int(s->keepalive, value, n);
        case SO_REUSEADDR:
            return give_int(s->reuse, value, n);
        case SO_REUSEPORT:
            return give_int(s->reuse_port, value, n);
        case SO_PEERCRED: {
            struct ucred none = {0, (uid_t)-1, (gid_t)-1};
            if (*n < sizeof none) return -EINVAL;
            memcpy(value, &none, sizeof none);
            return 0;
        }
        default:
            return -ENOPROTOOPT;
        }
    }
    if (level != IPPROTO_TCP) return -ENOPROTOOPT;
    if (name == TCP_NODELAY) return give_int(s->nodelay, value, n);
    if (name == TCP_KEEPIDLE) return give_int(s->keep[0], value, n);
    if (name == TCP_KEEPINTVL) return give_int(s->keep[1], value, n);
    if (name == TCP_KEEPCNT) return give_int(s->keep[2], value, n);
    return -ENOPROTOOPT;
}

/* As the kernel: doubled, within bounds. */
static uint32_t buffer_size(int v) {
    int64_t size = 2 * (int64_t)v;
    return size < BUFFER_MIN ? BUFFER_MIN : size > BUFFER_MAX ? BUFFER_MAX : (uint32_t)size;
}

static void set_buffers(struct side *s) {
    if (!s->conn || s->state != CONNECTED) return;
    s->conn->flow[s->index].send_buffer = s->send_buffer;
    s->conn->flow[!s->index].receive_buffer = s->receive_buffer;
}

static int set_socket_option(struct side *s, int name, int v) {
    switch (name) {
    case SO_REUSEADDR:
        s->reuse = v != 0;
        return 0;
    case SO_REUSEPORT:
        s->reuse_port = v != 0;
        return 0;
    case SO_KEEPALIVE:
        s->keepalive = v != 0;
        return 0;
    case SO_SNDBUF:
        s->send_buffer = buffer_size(v);
        set_buffers(s);
        return 0;
    case SO_RCVBUF:
        s->receive_buffer = buffer_size(v);
        set_buffers(s);
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

static int tcp_setsockopt(struct hob__sim_end *e, int level, int name, const void *value,
                          socklen_t n) {
    struct side *s = side_of(e);
    int v = 0;
    if (level == SOL_SOCKET && name == SO_LINGER) {
        struct linger l;
        if (n < sizeof l) return -EINVAL;
        memcpy(&l, value, sizeof l);
        s->linger_none = l.l_onoff && l.l_linger == 0;
        return 0;
    }
    if (n < sizeof v) return -EINVAL;
    memcpy(&v, value, sizeof v);
    if (level == SOL_SOCKET) return set_socket_option(s, name, v);
    if (level == IPPROTO_IPV6 && name == IPV6_V6ONLY) return (s->v6only = v != 0), 0;
    if (level == IPPROTO_IP) return 0;
    if (level != IPPROTO_TCP) return -ENOPROTOOPT;
    if (name == TCP_NODELAY) return (s->nodelay = v != 0), 0;
    if (name < TCP_KEEPIDLE || name > TCP_KEEPCNT) return -ENOPROTOOPT;
    if (v < 1 || v > 32767) return -EINVAL;
    s->keep[name - TCP_KEEPIDLE] = v;
    return 0;
}

static int tcp_getsockname(struct hob__sim_end *e, struct sockaddr *addr, socklen_t *n) {
    hob__sim_address_put(&side_of(e)->local, addr, n);
    return 0;
}

static int tcp_getpeername(struct hob__sim_end *e, struct sockaddr *addr, socklen_t *n) {
    struct side *s = side_of(e);
    if (!s->conn || s->state != CONNECTED) return -ENOTCONN;
    struct hob__sim_address a = s->conn->address[!s->index];
    a.family = s->local.family;
    hob__sim_address_put(&a, addr, n);
    return 0;
}

static const struct hob__sim_kind kind = {
    .name = "tcp",
    .recv = tcp_recv,
    .send = tcp_send,
    .bind = tcp_bind,
    .listen = tcp_listen,
    .connect = tcp_connect,
    .accept = tcp_accept,
    .shutdown = tcp_shutdown,
    .getsockopt = tcp_getsockopt,
    .setsockopt = tcp_setsockopt,
    .getsockname = tcp_getsockname,
    .getpeername = tcp_getpeername,
    .room = tcp_room,
    .level = tcp_level,
    .close = tcp_close,
};
