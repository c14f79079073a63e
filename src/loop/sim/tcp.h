/* loop/sim/tcp.h - TCP: handshake and backlog, buffers and back-pressure, half close, reset, what
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
#ifndef HOB_LOOP_SIM_TCP_H
#define HOB_LOOP_SIM_TCP_H

#include "loop/sim/flow.h"

enum hob__sim_tcp_state {
    HOB__TCP_NEW,
    HOB__TCP_LISTENING,
    HOB__TCP_CONNECTING,
    HOB__TCP_CONNECTED,
    HOB__TCP_CLOSED
};
enum { HOB__TCP_SEGMENT = 64 << 10 };

struct hob__sim_conn;

/* One side of a connection; or a socket that has none (conn NULL), perhaps listening. */
struct hob__sim_side {
    struct hob__sim_end end;
    struct hob_list port; /* in host->ports while bound */
    struct hob__sim_conn *conn;
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
    struct hob__sim_side *listener;
    unsigned backlog_count, backlog_max;
};

struct hob__sim_conn {
    struct hob__sim *world;
    struct hob__sim_side *side[2]; /* 0: who connected; NULL: closed and freed */
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

/* ---- tcp.c ---- */
extern const struct hob__sim_kind hob__sim_tcp;
struct hob__sim_side *hob__sim_tcp_side(struct hob__sim_host *h, sa_family_t family);
/* The error that is to be told, once. */
int hob__sim_tcp_error(struct hob__sim_side *s);

/* ---- tcp_way.c ---- */
void hob__sim_tcp_log(const struct hob__sim_conn *c, int from, const char *what, uint64_t n);
/* Frees it when nobody has it any more. */
void hob__sim_tcp_release(struct hob__sim_conn *c);
/* Everything that a side may learn of the connection's end, and nothing more from it. */
void hob__sim_tcp_break(struct hob__sim_side *s, int error);
/* Side `from` has given the connection up. */
void hob__sim_tcp_reset(struct hob__sim_conn *c, int from);
/* How long to wait before the next try; 0: that was the last one. */
uint64_t hob__sim_tcp_next_try(struct hob__sim_conn *c, int from, uint64_t first, int tries);
/* Nothing passes now: all of it is sent again, ever more seldom, until the sender gives up. */
void hob__sim_tcp_hold(struct hob__sim_conn *c, int from, uint64_t position, bool fin);
/* The receiver has room again: tells it, if the sender waits for that. */
void hob__sim_tcp_acknowledge(struct hob__sim_conn *c, int from);
/* Puts on the wire what the window allows; then the end, when it is its turn. */
void hob__sim_tcp_transmit(struct hob__sim_conn *c, int from);
/* shutdown(SHUT_WR), or close. */
void hob__sim_tcp_fin(struct hob__sim_side *s);
/* It is lost: after a while it is sent again. When it arrives then. */
uint64_t hob__sim_tcp_sent_again(struct hob__sim_conn *c, int from, size_t n, uint64_t when);
/* An event: bytes. */
void hob__sim_tcp_arrives(struct hob__sim *w, void *arg, uint64_t data);

/* ---- tcp_shake.c: events ---- */
void hob__sim_tcp_syn_arrives(struct hob__sim *w, void *arg, uint64_t data);
void hob__sim_tcp_reset_arrives(struct hob__sim *w, void *arg, uint64_t data);

/* ---- tcp_port.c, tcp_option.c: calls of the kind ---- */
bool hob__sim_tcp_port_used(struct hob__sim_end *e, const struct hob__sim_address *a);
int hob__sim_tcp_bind(struct hob__sim_end *e, const struct sockaddr *addr, socklen_t n);
int hob__sim_tcp_listen(struct hob__sim_end *e, int backlog);
int hob__sim_tcp_getsockopt(struct hob__sim_end *e, int level, int name, void *value, socklen_t *n);
int hob__sim_tcp_setsockopt(struct hob__sim_end *e, int level, int name, const void *value,
                            socklen_t n);
int hob__sim_tcp_getsockname(struct hob__sim_end *e, struct sockaddr *addr, socklen_t *n);
int hob__sim_tcp_getpeername(struct hob__sim_end *e, struct sockaddr *addr, socklen_t *n);

/* ---- what a message costs ---- */

static inline struct hob__sim_side *hob__sim_side_of(struct hob__sim_end *e) {
    return (struct hob__sim_side *)(void *)e;
}

/* An event of the connection, at `when`. */
static inline void hob__sim_tcp_later(struct hob__sim_conn *c, uint64_t when, hob__sim_fire *fire,
                                      uint64_t data) {
    c->events++;
    hob__sim_at(c->world, when, fire, c, data);
}

/* data of an event: the sender in the lowest bit. */
static inline uint64_t hob__sim_tcp_tag(uint64_t data, int from) {
    return data << 1 | (unsigned)from;
}

/* When something that side `from` sends now arrives. */
static inline __attribute__((always_inline)) uint64_t hob__sim_tcp_arrival(struct hob__sim_conn *c,
                                                                           int from, size_t n) {
    struct hob__sim *w = c->world;
    struct hob__sim_host *here = c->host[from], *there = c->host[!from];
    const struct hob__sim_link *l = hob__sim_link_of(w, here, there);
    bool lost;
    uint64_t when = hob__sim_travel_over(w, l, here, there, n, &lost);
    if (HOB__UNLIKELY(l->drop != 0)) lost |= hob__sim_dropped(w, here, there);
    if (HOB__UNLIKELY(lost)) when = hob__sim_tcp_sent_again(c, from, n, when);
    if (when < c->last_arrival[from]) when = c->last_arrival[from];
    c->last_arrival[from] = when;
    return when;
}

static inline __attribute__((always_inline)) void
hob__sim_tcp_send_segment(struct hob__sim_conn *c, int from, struct hob__sim_flow *f, uint64_t n) {
    f->sent += n;
    hob__sim_tcp_later(c, hob__sim_tcp_arrival(c, from, (size_t)n), hob__sim_tcp_arrives,
                       hob__sim_tcp_tag(f->sent, from));
}

#endif
