/* http/client/tunnel.c - CONNECT: a proxy of HTTP is asked to pass bytes on, and gets out of the
 * way. */
#include "http/client/tunnel.h"

#include <hob/error.h>
#include <hob/hob.h>
#include <stdio.h>
#include <string.h>

#include "http/client/auth.h"

enum { FIELDS = 24, INTERIM_MAX = 64 };

static int put_connect(struct hob_client *c, const struct hob__proxy *p, const char *address,
                       struct hob__buffer *b, bool *digest) {
    int rc = hob__h1_put_request(b, "CONNECT", address, strlen(address));
    if (rc == 0) rc = hob__h1_put_field(b, "Host", address, strlen(address));
    const struct hob__asked asked = {"CONNECT", {address, strlen(address)}, NULL};
    if (rc == 0) rc = hob__proxy_put_auth(c, p, &asked, b, digest);
    if (rc == 0 && c->user_agent[0])
        rc = hob__h1_put_field(b, "User-Agent", c->user_agent, strlen(c->user_agent));
    if (rc == 0) rc = hob__h1_put_end(b);
    return rc;
}

/* The answer's head. Its body, if it has one, goes with the connection. */
static int read_head(struct hob__wire *w, struct hob_slice *head) {
    for (int interim = 0;;) {
        int rc = hob__wire_event(w, head);
        if (rc == HOB__H1_INTERIM && ++interim > INTERIM_MAX) return HOB_E_HTTP_INTERIM;
        if (rc < 0 || rc == HOB__H1_HEAD) return rc;
        if (rc == HOB__H1_INTERIM) continue;
        ssize_t got = hob__wire_fill(w, hob__http_deadline(0, w->stall), false);
        if (got == 0) return HOB_E_HTTP_CUT;
        if (got < 0) return (int)got;
    }
}

/* What the proxy said, as an error. */
static int refused(const struct hob__proxy *p, const struct hob__wire *w, struct hob_slice head,
                   const char *address) {
    int status = w->h1.status;
    return hob_fail(status == 407 ? HOB_E_PROXY_AUTH : HOB_E_PROXY,
                    "proxy %s, asked to connect to %s: %d %.*s", p->address, address, status,
                    (int)(w->h1.target_size < 100 ? w->h1.target_size : 100),
                    head.at + w->h1.target_at);
}

/* The 407 has challenges: can one of them be answered, the next time? */
static int challenged(struct hob_client *c, const struct hob__proxy *p, struct hob__wire *w,
                      struct hob_slice head, bool digest) {
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < w->h1.field_count && i < FIELDS; i++) {
        const struct hob__h1_field *f = &w->h1.fields[i];
        if (!hob__h1_same(head.at + f->name, f->name_size, "proxy-authenticate")) continue;
        char value[2048];
        if (f->value_size >= sizeof value) continue;
        memcpy(value, head.at + f->value, f->value_size);
        value[f->value_size] = 0;
        rc = hob__proxy_challenged(c, p, value, digest);
    }
    return rc;
}

static int converse(struct hob_client *c, const struct hob__proxy *p, struct hob__wire *w,
                    const char *address, bool *again) {
    struct hob__buffer out = {0};
    bool digest = false;
    struct hob_slice head;
    int rc = put_connect(c, p, address, &out, &digest);
    if (rc == HOB_E_HTTP_ILLEGAL)
        rc = hob_fail(rc, "proxy %s: \"%s\" has a byte that no request can have", p->address,
                      address);
    if (rc == 0) {
        struct iovec iov = {hob__buffer_bytes(&out), hob__buffer_size(&out)};
        rc = hob__wire_write(w, &iov, 1);
    }
    hob__buffer_free(&out);
    if (rc < 0) return rc;
    rc = read_head(w, &head);
    if (rc == -ECANCELED || rc == -ETIMEDOUT || rc == -ENOMEM) return rc;
    if (rc < 0)
        return hob_fail(HOB_E_PROXY, "proxy %s, asked to connect to %s: %s", p->address, address,
                        hob_strerror(rc));
    if (w->h1.status == 407) {
        rc = challenged(c, p, w, head, digest);
        if (rc < 0) return rc;
        *again = rc > 0;
    }
    if (w->h1.status < 200 || w->h1.status > 299) return refused(p, w, head, address);
    /* Clients speak first, in TLS and in HTTP: this cannot be the server's. */
    if (hob__wire_excess(w))
        return hob_fail(HOB_E_PROXY, "proxy %s: bytes behind its answer to CONNECT %s", p->address,
                        address);
    return 0;
}

int hob__tunnel_connect(struct hob_client *c, const struct hob__proxy *p, struct hob_stream *s,
                        const char *address, bool *again) {
    struct hob__h1_field fields[FIELDS];
    struct hob__wire w;
    hob__wire_init(&w, s, true, &c->limits, NULL, 0);
    hob__wire_next(&w, fields, FIELDS);
    w.h1.connect_request = true;
    w.stall = c->options.stall_timeout;
    *again = false;
    int rc = converse(c, p, &w, address, again);
    hob__wire_free(&w);
    return rc;
}
