/* loop/sim/tcp_way.c - what travels between the two sides of a connection: bytes, windows, ends,
 * resets; what is lost, and sent again. See tcp.h. */
#include "loop/sim/tcp.h"

#define MS UINT64_C(1000000)
enum { DATA_TRIES = 15 /* as tcp_retries2: about 15 minutes */ };

void hob__sim_tcp_log(const struct hob__sim_conn *c, int from, const char *what, uint64_t n) {
    HOB__SIM_LOG(c->world, c->host[from], "tcp %s -> %s %s %llu",
                 hob__sim_address_text(&c->address[from]),
                 hob__sim_address_text(&c->address[!from]), what, (unsigned long long)n);
}

void hob__sim_tcp_release(struct hob__sim_conn *c) {
    if (c->events > 0 || c->side[0] || c->side[1]) return;
    hob__sim_flow_free(&c->flow[0]);
    hob__sim_flow_free(&c->flow[1]);
    hob__sim_free(c);
}

/* It is lost: after a while it is sent again. When it arrives then. */
uint64_t hob__sim_tcp_sent_again(struct hob__sim_conn *c, int from, size_t n, uint64_t when) {
    bool lost = true;
    for (uint64_t again = 200 * MS; lost; again *= 2) {
        hob__sim_tcp_log(c, from, "lost", n);
        when += again;
        lost = hob__sim_chance(c->world, HOB__SIM_NET,
                               hob__sim_link_of(c->world, c->host[from], c->host[!from])->loss);
        if (again > 60000 * MS) break;
    }
    return when;
}

/* Everything that side i may learn of the connection's end, and nothing more from it. */
void hob__sim_tcp_break(struct hob__sim_side *s, int error) {
    s->gone = 1;
    s->error = error;
    hob__sim_raise(&s->end, HOB__READ | HOB__WRITE | HOB__HUP);
}

/* Side `from` has given the connection up. */
void hob__sim_tcp_reset(struct hob__sim_conn *c, int from) {
    bool lost;
    c->reset = true;
    uint64_t when = hob__sim_travel(c->world, c->host[from], c->host[!from], 0, &lost);
    hob__sim_tcp_log(c, from, "reset", 0);
    hob__sim_tcp_later(c, when, hob__sim_tcp_reset_arrives, hob__sim_tcp_tag(0, from));
}

/* How long to wait before the next try; 0: that was the last one. */
uint64_t hob__sim_tcp_next_try(struct hob__sim_conn *c, int from, uint64_t first, int tries) {
    if (c->tries[from] >= tries) {
        hob__sim_tcp_log(c, from, "gives up after tries", c->tries[from]);
        struct hob__sim_side *s = c->side[from];
        if (!s) return 0;
        hob__sim_tcp_break(s, ETIMEDOUT);
        s->state = HOB__TCP_CLOSED;
        return 0;
    }
    uint64_t wait = first << (c->tries[from]++ & 15);
    return wait < 120000 * MS ? wait : 120000 * MS;
}

static void pass(struct hob__sim_conn *c, int from, uint64_t position, bool fin);

static void held_arrives(struct hob__sim *w, void *arg, uint64_t data) {
    struct hob__sim_conn *c = arg;
    int from = data & 1;
    (void)w;
    c->events--;
    c->held[from].waits = false;
    pass(c, from, c->held[from].position, c->held[from].fin);
    hob__sim_tcp_release(c);
}

/* Nothing passes now: all of it is sent again, ever more seldom, until the sender gives up. */
void hob__sim_tcp_hold(struct hob__sim_conn *c, int from, uint64_t position, bool fin) {
    if (position > c->held[from].position) c->held[from].position = position;
    c->held[from].fin |= fin;
    if (c->held[from].waits || c->reset) return;
    uint64_t wait = hob__sim_tcp_next_try(c, from, 200 * MS, DATA_TRIES);
    if (!wait) return;
    c->held[from].waits = true;
    hob__sim_tcp_later(c, c->world->now + wait, held_arrives, hob__sim_tcp_tag(0, from));
}

static void window_arrives(struct hob__sim *w, void *arg, uint64_t data) {
    struct hob__sim_conn *c = arg;
    int from = data & 1;
    (void)w;
    c->events--;
    const struct hob__sim_flow *f = &c->flow[from];
    c->window[from] = f->taken + f->receive_buffer;
    struct hob__sim_side *s = c->side[from];
    hob__sim_tcp_transmit(c, from);
    if (s && f->starved && hob__sim_flow_room(f) > 0) {
        c->flow[from].starved = false;
        hob__sim_raise(&s->end, HOB__WRITE);
    }
    hob__sim_tcp_release(c);
}

/* The receiver's acknowledgement, if the sender waits for one. */
static __attribute__((noinline)) void send_window(struct hob__sim_conn *c, int from) {
    bool lost;
    uint64_t when = hob__sim_travel(c->world, c->host[!from], c->host[from], 0, &lost);
    hob__sim_tcp_later(c, when, window_arrives, hob__sim_tcp_tag(0, from));
}

void hob__sim_tcp_acknowledge(struct hob__sim_conn *c, int from) {
    const struct hob__sim_flow *f = &c->flow[from];
    c->window[from] = f->taken + f->receive_buffer;
    if (HOB__UNLIKELY(f->starved || f->sent < f->written)) send_window(c, from);
}

/* Everything up to the position, and perhaps the end, gets to the other side. */
static void pass(struct hob__sim_conn *c, int from, uint64_t position, bool fin) {
    struct hob__sim *w = c->world;
    struct hob__sim_flow *f = &c->flow[from];
    if (HOB__UNLIKELY(hob__sim_cut_off(w, c->host[from], c->host[!from]))) {
        hob__sim_tcp_hold(c, from, position, fin);
        return;
    }
    c->tries[from] = 0;
    struct hob__sim_side *to = c->side[!from];
    if (HOB__UNLIKELY(!to || to->gone)) { /* nobody there: data is answered */
        if (!c->reset && !to && position > f->arrived) hob__sim_tcp_reset(c, !from);
        return;
    }
    if (position > f->arrived) {
        if (HOB__UNLIKELY(w->log != NULL))
            hob__sim_tcp_log(c, from, "arrives", position - f->arrived);
        f->arrived = position;
        hob__sim_tcp_acknowledge(c, from);
        hob__sim_raise(&to->end, HOB__READ);
    }
    if (HOB__UNLIKELY(fin) && !to->fin_seen) {
        hob__sim_tcp_log(c, from, "end arrives", 0);
        to->fin_seen = 1;
        hob__sim_raise(&to->end, HOB__READ | HOB__HUP);
    }
}

void hob__sim_tcp_arrives(struct hob__sim *w, void *arg, uint64_t data) {
    struct hob__sim_conn *c = arg;
    (void)w;
    c->events--;
    pass(c, data & 1, data >> 1, false);
    hob__sim_tcp_release(c);
}

static void fin_arrives(struct hob__sim *w, void *arg, uint64_t data) {
    struct hob__sim_conn *c = arg;
    (void)w;
    c->events--;
    pass(c, data & 1, data >> 1, true);
    hob__sim_tcp_release(c);
}

/* Puts on the wire what the window allows; then the end, when it is its turn. */
void hob__sim_tcp_transmit(struct hob__sim_conn *c, int from) {
    struct hob__sim *w = c->world;
    struct hob__sim_flow *f = &c->flow[from];
    while (f->sent < f->written && f->sent < c->window[from]) {
        uint64_t n = f->written - f->sent, allowed = c->window[from] - f->sent;
        if (n > allowed) n = allowed;
        if (n > HOB__TCP_SEGMENT) n = HOB__TCP_SEGMENT;
        if (hob__sim_chance(w, HOB__SIM_NET, w->faults.cut) && n > 1)
            n = 1 + hob__sim_below(w, HOB__SIM_NET, n - 1);
        hob__sim_tcp_send_segment(c, from, f, n);
    }
    if (c->fin_at[from] == f->sent && f->sent == f->written) {
        c->fin_at[from] = UINT64_MAX;
        hob__sim_tcp_later(c, hob__sim_tcp_arrival(c, from, 0), fin_arrives,
                           hob__sim_tcp_tag(f->sent, from));
    }
}

void hob__sim_tcp_fin(struct hob__sim_side *s) {
    struct hob__sim_conn *c = s->conn;
    if (s->fin_sent || s->gone) return;
    s->fin_sent = 1;
    c->fin_at[s->index] = c->flow[s->index].written;
    hob__sim_tcp_transmit(c, s->index);
}
