/* http/dial.c - new connections of a client: the address, the connection, TLS over it; each within
 * its time, and each with a record that says with whom there is none. */
#include <hob/error.h>
#include <hob/hob.h>

#include "http/client.h"

static int timed_connect(const char *address, uint64_t deadline, struct hob__marks *m,
                         struct hob_stream **out) {
    uint64_t looked_up = 0;
    HOB_SCOPE(s, .deadline = deadline);
    m->now = HOB__PHASE_DNS;
    int rc = hob_connect_with(address, out, .looked_up = &looked_up);
    if (looked_up) hob__mark(m, HOB__PHASE_DNS, looked_up, HOB__PHASE_CONNECT);
    return hob__scope_result(s, rc);
}

static int timed_secure(struct hob_client *c, struct hob__host *host, struct hob_stream *stream,
                        uint64_t deadline) {
    HOB_SCOPE(s, .deadline = deadline);
    bool http2 = hob__pool_may_share(c, host);
    return hob__scope_result(s, hob__client_secure(c, stream, host->address, http2));
}

/* Says with whom there is no TLS; the record before says why. */
static int not_secure(const char *address, int rc) {
    const struct hob_error *why = hob_error();
    if (rc == -ECANCELED) return rc;
    return hob_fail_from(rc, "no connection to %s: %s", address,
                         why && why->code == rc ? why->message : hob_strerror(rc));
}

int hob__dial(struct hob_client *c, struct hob__host *host, struct hob__marks *m, uint64_t deadline,
              struct hob_stream **out) {
    const char *address = host->address;
    double seconds = c->options.connect_timeout;
    int rc = timed_connect(address, hob__http_deadline(deadline, seconds), m, out);
    if (rc == -ETIMEDOUT && (!deadline || hob_now() < deadline))
        return hob_fail_from(rc, "no connection to %s within %g s", address, seconds);
    if (rc < 0)
        return rc == -ECANCELED
                   ? rc
                   : hob_fail_from(rc, "no connection to %s: %s", address, hob_strerror(rc));
    hob__marks_peer(m, hob_stream_peer(*out));
    hob__mark(m, HOB__PHASE_CONNECT, hob_now(), HOB__PHASE_SEND);
    if (!host->tls) return 0;
    m->now = HOB__PHASE_TLS;
    rc = timed_secure(c, host, *out, deadline);
    if (rc < 0) {
        hob_abort(*out);
        return not_secure(address, rc);
    }
    hob__mark(m, HOB__PHASE_TLS, hob_now(), HOB__PHASE_SEND);
    return 0;
}
