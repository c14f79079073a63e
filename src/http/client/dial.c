/* http/client/dial.c - new connections of a client: to the server, a proxy or a Unix socket;
 * through the proxy; TLS over all of it. Each step has its time and its phase, and each error a
 * record that says with whom there is no connection. */
#include <hob/error.h>
#include <hob/hob.h>
#include <string.h>

#include "http/client/client.h"
#include "http/client/tunnel.h"

struct dial {
    struct hob_client *client;
    const struct hob__host *host;
    const struct hob__route *route;
    struct hob__marks *marks;
    uint64_t deadline; /* of the request; 0 = none */
    struct hob_stream *stream;
    bool again; /* the proxy has a challenge that can be answered, on a new connection */
};

/* What hob_connect() is given. */
static const char *next_hop(const struct dial *d) {
    if (d->route->unix_address) return d->route->unix_address;
    return d->route->proxy ? d->route->proxy->address : d->host->address;
}

static int connect_now(struct dial *d) {
    uint64_t looked_up = 0;
    d->marks->now = HOB__PHASE_DNS;
    int rc = d->route->unix_address
                 ? hob_connect_with(d->route->unix_address, &d->stream, .looked_up = &looked_up)
                 : hob__route_connect(&d->client->network, next_hop(d), &looked_up, &d->stream);
    if (looked_up) hob__mark(d->marks, HOB__PHASE_DNS, looked_up, HOB__PHASE_CONNECT);
    if (rc == 0) hob__marks_peer(d->marks, hob_stream_peer(d->stream));
    if (rc == 0) hob__mark(d->marks, HOB__PHASE_CONNECT, hob_now(), HOB__PHASE_SEND);
    return rc;
}

/* Not inlined, as what follows: scopes that are not needed take no stack. */
static __attribute__((noinline)) int timed_connect(struct dial *d, uint64_t until) {
    HOB_SCOPE(s, .deadline = until);
    return hob__scope_result(s, connect_now(d));
}

/* As far as the proxy has to be talked to: its own TLS, and a way through it. */
static __attribute__((noinline)) int timed_tunnel(struct dial *d, uint64_t until) {
    const struct hob__proxy *p = d->route->proxy;
    bool through = !d->route->absolute;
    if (!p || (!through && p->kind == HOB__PROXY_HTTP)) return 0;
    HOB_SCOPE(s, .deadline = until);
    int rc = 0;
    d->marks->now = HOB__PHASE_TUNNEL;
    if (p->kind == HOB__PROXY_HTTPS)
        rc = hob__client_secure(d->client, d->stream, p->address, (struct hob__secure_how){0});
    if (rc == 0 && p->kind >= HOB__PROXY_SOCKS5)
        rc = hob__tunnel_socks(d->client, p, d->stream, d->host->address);
    else if (rc == 0 && through)
        rc = hob__tunnel_connect(d->client, p, d->stream, d->host->address, &d->again);
    if (rc == 0) hob__mark(d->marks, HOB__PHASE_TUNNEL, hob_now(), HOB__PHASE_SEND);
    return hob__scope_result(s, rc);
}

static __attribute__((noinline)) int timed_secure(struct dial *d) {
    if (!d->host->tls) return 0;
    HOB_SCOPE(s, .deadline = d->deadline);
    d->marks->now = HOB__PHASE_TLS;
    struct hob__secure_how how = {hob__pool_may_share(d->client, d->host), true};
    int rc = hob__client_secure(d->client, d->stream, d->host->address, how);
    if (rc == 0) hob__mark(d->marks, HOB__PHASE_TLS, hob_now(), HOB__PHASE_SEND);
    return hob__scope_result(s, rc);
}

/* Says with whom there is no connection; the record before says why. */
static int no_connection(const struct dial *d, int rc, bool late) {
    const struct hob__proxy *p = d->route->proxy;
    const struct hob_error *why = hob_error();
    const char *by = p ? " by proxy " : d->route->unix_address ? " at " : "";
    const char *whom = *by ? next_hop(d) : "";
    if (late)
        return hob_fail_from(rc, "no connection to %s%s%s within %g s", d->host->address, by, whom,
                             d->client->options.connect_timeout);
    return hob_fail_from(rc, "no connection to %s%s%s: %s", d->host->address, by, whom,
                         why && why->code == rc && d->marks->now > HOB__PHASE_CONNECT
                             ? why->message
                             : hob_strerror(rc));
}

int hob__dial(struct hob_client *c, const struct hob__host *host, const struct hob__route *route,
              struct hob__marks *m, uint64_t deadline, struct hob_stream **out) {
    struct dial d = {.client = c, .host = host, .route = route, .marks = m, .deadline = deadline};
    uint64_t until = hob__http_deadline(deadline, c->options.connect_timeout);
    int rc = 0;
    for (int tries = 0; tries < 3 && (tries == 0 || d.again); tries++) {
        if (d.stream) hob_abort(d.stream); /* who is not let through is mostly let go */
        d.stream = NULL;
        d.again = false;
        rc = until == 0 || until == UINT64_MAX ? connect_now(&d) : timed_connect(&d, until);
        if (rc == 0) rc = timed_tunnel(&d, until);
    }
    bool late = rc == -ETIMEDOUT && until != deadline && hob_now() >= until;
    if (rc == 0) rc = timed_secure(&d);
    if (rc < 0 && d.stream) hob_abort(d.stream);
    if (rc == -ECANCELED) return rc;
    if (rc < 0) return no_connection(&d, rc, late);
    *out = d.stream;
    return 0;
}
