/* loop/sim/tcp_port.c - ports: bind() and listen(), and who may share one. See tcp.h. */
#include "loop/sim/tcp.h"

bool hob__sim_tcp_port_used(struct hob__sim_end *e, const struct hob__sim_address *a) {
    const struct hob__sim_side *s = hob__sim_side_of(e);
    struct hob__sim_host *h = s->end.host;
    for (struct hob_list *n = h->ports.next; n != &h->ports; n = n->next) {
        const struct hob__sim_side *o = hob__container(n, struct hob__sim_side, port);
        if (o == s || o->local.port != a->port) continue;
        if (o->local.family != a->family && (o->v6only || s->v6only)) continue;
        bool clash = hob__sim_address_any(&o->local) || hob__sim_address_any(a) ||
                     memcmp(o->local.ip, a->ip, 16) == 0;
        if (!clash || (s->reuse_port && o->reuse_port)) continue;
        if (s->reuse && o->reuse && o->state != HOB__TCP_LISTENING) continue;
        return true;
    }
    return false;
}

int hob__sim_tcp_bind(struct hob__sim_end *e, const struct sockaddr *addr, socklen_t n) {
    struct hob__sim_side *s = hob__sim_side_of(e);
    struct hob__sim_address a;
    int rc = hob__sim_address_parse(addr, n, &a);
    if (rc < 0) return rc;
    if (s->bound || s->state != HOB__TCP_NEW || a.family != s->local.family) return -EINVAL;
    if (!hob__sim_address_any(&a) && hob__sim_host_at(e->host, &a) != e->host)
        return -EADDRNOTAVAIL;
    if (a.port == 0)
        rc = hob__sim_find_port(e, &a, hob__sim_tcp_port_used);
    else if (hob__sim_tcp_port_used(e, &a))
        rc = -EADDRINUSE;
    if (rc < 0) return rc;
    s->local = a;
    s->bound = 1;
    hob__list_append(&e->host->ports, &s->port);
    return 0;
}

int hob__sim_tcp_listen(struct hob__sim_end *e, int backlog) {
    struct hob__sim_side *s = hob__sim_side_of(e);
    if (s->state != HOB__TCP_NEW && s->state != HOB__TCP_LISTENING) return -EINVAL;
    struct hob__sim_address a = s->local;
    if (s->bound && s->state == HOB__TCP_NEW &&
        s->reuse) { /* two that are bound may not both listen */
        s->reuse = 0;
        bool taken = false;
        struct hob__sim_host *h = e->host;
        for (struct hob_list *n = h->ports.next; n != &h->ports; n = n->next) {
            const struct hob__sim_side *o = hob__container(n, struct hob__sim_side, port);
            taken |= o != s && o->state == HOB__TCP_LISTENING && o->local.port == a.port &&
                     o->local.family == a.family && !(s->reuse_port && o->reuse_port) &&
                     memcmp(o->local.ip, a.ip, 16) == 0;
        }
        s->reuse = 1;
        if (taken) return -EADDRINUSE;
    }
    if (!s->bound) {
        int rc = hob__sim_find_port(&s->end, &s->local, hob__sim_tcp_port_used);
        if (rc < 0) return rc;
        s->bound = 1;
        hob__list_append(&e->host->ports, &s->port);
    }
    s->state = HOB__TCP_LISTENING;
    s->backlog_max = backlog < 1 ? 1 : backlog > 4096 ? 4096 : (unsigned)backlog;
    HOB__SIM_LOG(e->host->world, e->host, "tcp %s listens", hob__sim_address_text(&s->local));
    return 0;
}
