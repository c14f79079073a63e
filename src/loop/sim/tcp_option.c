/* loop/sim/tcp_option.c - options of TCP's sockets, and their names. See tcp.h. */
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "loop/sim/tcp.h"

enum { BUFFER_MIN = 1 << 11, BUFFER_MAX = 4 << 20 };

static int give_int(int v, void *value, socklen_t *n) {
    if (*n < sizeof v) return -EINVAL;
    memcpy(value, &v, sizeof v);
    *n = sizeof v;
    return 0;
}

int hob__sim_tcp_getsockopt(struct hob__sim_end *e, int level, int name, void *value,
                            socklen_t *n) {
    struct hob__sim_side *s = hob__sim_side_of(e);
    if (level == SOL_SOCKET) {
        switch (name) {
        case SO_ERROR:
            return give_int(-hob__sim_tcp_error(s), value, n);
        case SO_TYPE:
            return give_int(SOCK_STREAM, value, n);
        case SO_DOMAIN:
            return give_int(s->local.family, value, n);
        case SO_ACCEPTCONN:
            return give_int(s->state == HOB__TCP_LISTENING, value, n);
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

static void set_buffers(struct hob__sim_side *s) {
    if (!s->conn || s->state != HOB__TCP_CONNECTED) return;
    s->conn->flow[s->index].send_buffer = s->send_buffer;
    s->conn->flow[!s->index].receive_buffer = s->receive_buffer;
}

static int set_socket_option(struct hob__sim_side *s, int name, int v) {
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

int hob__sim_tcp_setsockopt(struct hob__sim_end *e, int level, int name, const void *value,
                            socklen_t n) {
    struct hob__sim_side *s = hob__sim_side_of(e);
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

int hob__sim_tcp_getsockname(struct hob__sim_end *e, struct sockaddr *addr, socklen_t *n) {
    hob__sim_address_put(&hob__sim_side_of(e)->local, addr, n);
    return 0;
}

int hob__sim_tcp_getpeername(struct hob__sim_end *e, struct sockaddr *addr, socklen_t *n) {
    struct hob__sim_side *s = hob__sim_side_of(e);
    if (!s->conn || s->state != HOB__TCP_CONNECTED) return -ENOTCONN;
    struct hob__sim_address a = s->conn->address[!s->index];
    a.family = s->local.family;
    hob__sim_address_put(&a, addr, n);
    return 0;
}
