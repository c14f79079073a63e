/* loop/sim/tcp_shake.c - the handshake: SYNs, the backlog, refusals, and resets that come back. See
 * tcp.h. */
#include "loop/sim/tcp.h"

#define MS UINT64_C(1000000)
enum { SYN_TRIES = 7 /* as tcp_syn_retries: 127 s in all */ };

/* The handshake's messages, one after another. */
static void try_again(struct hob__sim_conn *c, int from, hob__sim_fire *fire, uint64_t data) {
    uint64_t wait = hob__sim_tcp_next_try(c, from, 1000 * MS, SYN_TRIES);
    if (wait) hob__sim_tcp_later(c, c->world->now + wait, fire, data);
}

/* What it answered is sent again, if that was anything, and answered again. */
static void reset_lost(struct hob__sim_conn *c, int to, uint64_t data) {
    const struct hob__sim_side *s = c->side[to];
    const struct hob__sim_flow *f = &c->flow[to];
    bool accepted = f->send_buffer > 0;
    hob__sim_tcp_log(c, !to, "reset is lost", 0);
    c->reset = s->state == HOB__TCP_CONNECTING && accepted;
    if (s->state == HOB__TCP_CONNECTING)
        try_again(c, to, accepted ? hob__sim_tcp_reset_arrives : hob__sim_tcp_syn_arrives, data);
    else if (f->written > f->arrived)
        hob__sim_tcp_hold(c, to, f->written, false);
}

void hob__sim_tcp_reset_arrives(struct hob__sim *w, void *arg, uint64_t data) {
    struct hob__sim_conn *c = arg;
    int to = !(data & 1);
    c->events--;
    struct hob__sim_side *s = c->side[to];
    if (s && !s->gone && hob__sim_cut_off(w, c->host[!to], c->host[to])) {
        reset_lost(c, to, data);
    } else if (s && !s->gone) {
        hob__sim_tcp_log(c, !to, "reset arrives", 0);
        hob__sim_tcp_break(s, s->state == HOB__TCP_CONNECTING ? ECONNREFUSED
                              : s->fin_seen                   ? EPIPE
                                                              : ECONNRESET);
        if (s->state == HOB__TCP_CONNECTING) s->state = HOB__TCP_CLOSED;
    }
    hob__sim_tcp_release(c);
}

/* ---- a connection ---- */

static struct hob__sim_side *find_listener(struct hob__sim_host *h,
                                           const struct hob__sim_address *a) {
    struct hob__sim_side *any = NULL;
    for (struct hob_list *n = h->ports.next; n != &h->ports; n = n->next) {
        struct hob__sim_side *s = hob__container(n, struct hob__sim_side, port);
        if (s->end.kind != &hob__sim_tcp || s->state != HOB__TCP_LISTENING ||
            s->local.port != a->port)
            continue;
        if (s->local.family == AF_INET && a->family == AF_INET6) continue;
        if (memcmp(s->local.ip, a->ip, 16) == 0) return s;
        if (!hob__sim_address_any(&s->local)) continue;
        if (s->local.family == AF_INET6 && s->v6only && a->family == AF_INET) continue;
        any = s;
    }
    return any;
}

static void connect_arrives_back(struct hob__sim *w, void *arg, uint64_t data) {
    struct hob__sim_conn *c = arg;
    struct hob__sim_side *s = c->side[0];
    c->events--;
    if (hob__sim_cut_off(w, c->host[1], c->host[0])) {
        if (!c->reset) try_again(c, 1, connect_arrives_back, data);
    } else if (s && s->state == HOB__TCP_CONNECTING) {
        hob__sim_tcp_log(c, 0, "connected", 0);
        s->state = HOB__TCP_CONNECTED;
        c->tries[0] = 0;
        hob__sim_raise(&s->end, HOB__WRITE);
    } else if (!s && !c->reset && c->side[1]) {
        hob__sim_tcp_reset(c, 0); /* it has been closed meanwhile */
    }
    hob__sim_tcp_release(c);
}

static void set_up_flows(struct hob__sim_conn *c) {
    for (int i = 0; i < 2; i++) {
        c->flow[i].send_buffer = c->side[i]->send_buffer;
        c->flow[i].receive_buffer = c->side[!i]->receive_buffer;
        c->window[i] = c->flow[i].receive_buffer;
    }
}

/* The listener's new socket, in its backlog. */
static void enter_backlog(struct hob__sim_conn *c, struct hob__sim_side *listener) {
    struct hob__sim_side *s = hob__sim_tcp_side(c->host[1], listener->local.family);
    s->conn = c;
    s->index = 1;
    s->state = HOB__TCP_CONNECTED;
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

void hob__sim_tcp_syn_arrives(struct hob__sim *w, void *arg, uint64_t data) {
    struct hob__sim_conn *c = arg;
    c->events--;
    if (!c->side[0]) {
        hob__sim_tcp_release(c);
        return;
    }
    struct hob__sim_host *h = c->host[1];
    if (!h || hob__sim_cut_off(w, c->host[0], h)) {
        try_again(c, 0, hob__sim_tcp_syn_arrives, data);
        hob__sim_tcp_release(c);
        return;
    }
    struct hob__sim_side *l = find_listener(h, &c->address[1]);
    if (!l) {
        hob__sim_tcp_reset(c, 1);
    } else if (l->backlog_count > l->backlog_max) {
        hob__sim_tcp_log(c, 0, "backlog full", l->backlog_count);
        try_again(c, 0, hob__sim_tcp_syn_arrives, data);
    } else {
        enter_backlog(c, l);
        hob__sim_tcp_later(c, hob__sim_tcp_arrival(c, 1, 0), connect_arrives_back, 0);
    }
    hob__sim_tcp_release(c);
}
