/* io/connect.c - making connections: to the one address that is given, or to a host, by RFC 8305
 * ("happy eyeballs").
 *
 * A host's two queries go out at once. The first attempt begins when the IPv6 answer is there, or
 * 50 ms after the IPv4 one (section 3); the others 250 ms one after another, or as soon as one has
 * failed (section 5), in the order of dns/sort.c. All of that is one task, the caller: it sleeps on
 * the queries, on the sockets and on the clock at the same time (hob__wait_any), so that there is
 * nothing to wind up but a list of streams, which are closed, whatever happens. */
#include <fcntl.h>
#include <hob/error.h>
#include <hob/net.h>
#include <hob/task.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "io/dns/dns.h"
#include "io/stream.h"
#include "task/fdwait.h"
#include "task/wait.h"

#define MS UINT64_C(1000000)
enum { RESOLUTION_DELAY_MS = 50, ATTEMPT_DELAY_MS = 250 };

struct attempt {
    struct hob_stream *stream;
    struct hob_waiter waiter;
    unsigned candidate;
};

struct race {
    struct hob__backend *b;
    const struct hob_connect_options *options;
    struct hob_address local; /* family 0: any */
    uint16_t port;
    uint64_t delay;
    uint64_t next_at; /* when the next attempt begins; 0: at once */
    uint64_t v4_came; /* when the IPv4 answer did; 0: not yet */
    bool started;
    int last_family;
    unsigned attempts;
    struct hob__lookup lookup;
    struct hob__candidates candidates;
    struct attempt list[HOB__CANDIDATES];
};

/* ---- one attempt ---- */

static void set_keepalive(struct hob__backend *b, int fd, int seconds) {
    const struct hob__sys *sys = b->ops->sys;
    int on = 1, count = 4;
    sys->setsockopt(b, fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    sys->setsockopt(b, fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds);
    sys->setsockopt(b, fd, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof seconds);
    sys->setsockopt(b, fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

static int bind_local(struct hob__backend *b, int fd, const struct hob_address *local) {
    int on = 1;
    /* The port is chosen at the connect: many connections can have the same, to other peers. */
    if (hob_address_port(local) == 0)
        b->ops->sys->setsockopt(b, fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    else
        b->ops->sys->setsockopt(b, fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    return b->ops->sys->bind(b, fd, &local->ip.any, hob_address_size(local));
}

/* A socket that is ready to connect, as a stream. */
static int prepare(struct hob__backend *b, const struct sockaddr *to, socklen_t size,
                   const struct hob_connect_options *o, const struct hob_address *local,
                   struct hob_stream **out) {
    int fd = b->ops->sys->socket(b, to->sa_family, SOCK_STREAM, 0);
    if (fd < 0) return fd;
    struct hob_stream *s = hob__stream_new(b, fd, to, size);
    if (!s) return -ENOMEM;
    int rc = 0;
    if (to->sa_family != AF_UNIX) {
        int off = 0;
        if (o->delay) b->ops->sys->setsockopt(b, fd, IPPROTO_TCP, TCP_NODELAY, &off, sizeof off);
        if (o->keepalive > 0) set_keepalive(b, fd, o->keepalive);
        if (local->ip.any.sa_family) rc = bind_local(b, fd, local);
    }
    if (rc < 0)
        hob_close(s);
    else
        *out = s;
    return rc;
}

/* How a connect that was under way has ended: -EINPROGRESS when it has not. One that has failed
 * is hung up, too; else there is no error to ask for. */
static int outcome(struct hob__backend *b, struct hob__fd *f) {
    if (!(f->ready & HOB__WRITE)) return -EINPROGRESS;
    if (HOB__LIKELY(!(f->ready & HOB__HUP))) return 0;
    int error = 0;
    socklen_t n = sizeof error;
    int rc = b->ops->sys->getsockopt(b, f->fd, SOL_SOCKET, SO_ERROR, &error, &n);
    return rc < 0 ? rc : -error;
}

/* A Unix socket whose listener's backlog is full says EAGAIN, and nothing tells when there is room:
 * ask again soon. */
static int connect_patiently(struct hob__backend *b, int fd, const struct sockaddr *to,
                             socklen_t size) {
    for (double pause = 0.001;; pause = pause < 0.05 ? pause * 2 : pause) {
        int rc = b->ops->sys->connect(b, fd, to, size);
        if (rc != -EAGAIN || to->sa_family != AF_UNIX) return rc;
        rc = hob_sleep(pause);
        if (rc < 0) return rc;
    }
}

/* Connected at once: a first read has nothing to find yet, and if it has, arming tells. */
static void settle(struct hob_stream *s) {
    if (!s->fd->armed) s->fd->ready = HOB__WRITE;
}

static int connect_one(struct hob__backend *b, const struct sockaddr *to, socklen_t size,
                       const struct hob_connect_options *o, const struct hob_address *local,
                       struct hob_stream **out) {
    struct hob_stream *s;
    HOB_TRY(prepare(b, to, size, o, local, &s));
    int rc = connect_patiently(b, s->fd->fd, to, size);
    if (rc == -EINPROGRESS) {
        s->fd->ready = 0; /* from here on what the events say */
        while ((rc = outcome(b, s->fd)) == -EINPROGRESS) {
            rc = hob__fd_wait(s->fd, HOB__WRITE, "connect", HOB__WAIT_PLAIN);
            if (rc < 0) break;
        }
    }
    if (rc < 0) {
        hob_close(s);
        return rc;
    }
    settle(s);
    *out = s;
    return 0;
}

/* ---- the race ---- */

/* What was wrong with the first address that was more than out of reach. */
static int verdict(const struct hob__candidates *c) {
    for (unsigned i = 0; i < c->n; i++) {
        int e = c->list[i].error;
        if (e != -ENETUNREACH && e != -EAFNOSUPPORT && e != -EADDRNOTAVAIL) return e;
    }
    return c->list[0].error;
}

/* All that were tried, and why each failed. */
static int all_failed(const struct hob__candidates *c, const char *address) {
    char text[HOB_ADDRESS_TEXT], why[400];
    size_t n = 0;
    for (unsigned i = 0; i < c->n && n < sizeof why; i++) {
        hob_address_format(&c->list[i].to, text, sizeof text);
        n += (size_t)snprintf(why + n, sizeof why - n, "%s%s: %s", i ? "; " : "", text,
                              hob_strerror(c->list[i].error));
    }
    int rc = verdict(c);
    if (c->n == 1 && strcmp(text, address) == 0)
        return hob_fail(rc, "connecting to %s: %s", text, hob_strerror(rc));
    return hob_fail(rc, "connecting to %.100s: %s", address, why);
}

/* Begins an attempt. 1: connected, *out; 0: under way; an error. */
static int start_attempt(struct race *r, unsigned candidate, struct hob_stream **out) {
    const struct hob_address *to = &r->candidates.list[candidate].to;
    struct hob_stream *s;
    HOB_TRY(prepare(r->b, &to->ip.any, hob_address_size(to), r->options, &r->local, &s));
    int rc = r->b->ops->sys->connect(r->b, s->fd->fd, &to->ip.any, hob_address_size(to));
    if (rc == 0) {
        settle(s);
        *out = s;
        return 1;
    }
    if (rc == -EINPROGRESS) {
        s->fd->ready = 0;
        rc = r->b->ops->arm(r->b, s->fd);
    }
    if (rc < 0) {
        hob_close(s);
        return rc;
    }
    struct attempt *a = &r->list[r->attempts++];
    memset(a, 0, sizeof *a);
    a->stream = s;
    a->candidate = candidate;
    return 0;
}

/* Takes the answers that have come into the list, in order. */
static void collect(struct race *r) {
    struct hob__candidates *c = &r->candidates;
    if (!hob__lookup_collect(&r->lookup, c)) return;
    for (unsigned i = 0; i < c->n; i++) hob_address_set_port(&c->list[i].to, r->port);
    hob__candidates_sort(r->b, c, r->last_family);
    if (!r->v4_came && !r->lookup.ask[HOB__ASK_V4].q) r->v4_came = hob_now();
}

/* The first that has not been tried; c->n: none. They stand behind those that have. */
static unsigned next_candidate(const struct hob__candidates *c) {
    unsigned i = 0;
    while (i < c->n && c->list[i].tried) i++;
    return i;
}

/* When the next attempt may begin: 0 at once, UINT64_MAX when there is nothing to try. */
static uint64_t due(const struct race *r) {
    if (next_candidate(&r->candidates) == r->candidates.n) return UINT64_MAX;
    if (r->started) return r->next_at;
    bool v6_pending = r->lookup.ask[HOB__ASK_V6].q != NULL;
    return v6_pending ? r->v4_came + RESOLUTION_DELAY_MS * MS : 0;
}

/* Begins what is due. 1: connected; 0: not yet. */
static int start_due(struct race *r, struct hob_stream **out) {
    for (;;) {
        uint64_t when = due(r);
        if (when == UINT64_MAX || (when > 0 && hob_now() < when)) return 0;
        unsigned i = next_candidate(&r->candidates);
        struct hob__candidate *c = &r->candidates.list[i];
        c->tried = true;
        if (!r->started && r->options->looked_up) *r->options->looked_up = hob_now();
        r->started = true;
        r->last_family = c->to.ip.any.sa_family;
        int rc = start_attempt(r, i, out);
        if (rc > 0) return rc;
        c->error = rc;
        r->next_at = rc < 0 ? 0 : hob_now() + r->delay; /* failed: the next one at once */
    }
}

/* Looks which attempts have ended. 1: one has connected. */
static int see_attempts(struct race *r, struct hob_stream **out) {
    for (unsigned i = 0; i < r->attempts;) {
        struct attempt *a = &r->list[i];
        int rc = outcome(r->b, a->stream->fd);
        if (rc == -EINPROGRESS) {
            i++;
            continue;
        }
        struct hob_stream *s = a->stream;
        r->candidates.list[a->candidate].error = rc;
        *a = r->list[--r->attempts];
        if (rc == 0) {
            *out = s;
            return 1;
        }
        hob_close(s);
        r->next_at = 0;
    }
    return 0;
}

static int sleep_on_all(struct race *r, const char *address) {
    struct hob_waiter w = {.data = NULL};
    hob__lookup_link(&r->lookup, &w);
    for (unsigned i = 0; i < r->attempts; i++) {
        struct attempt *a = &r->list[i];
        a->waiter = (struct hob_waiter){.task = hob_self()};
        hob__link(&a->stream->fd->writers, &a->waiter, &w);
    }
    int rc =
        hob__wait_any(&w, due(r), r->attempts > 0 ? "connect" : "lookup", address, HOB__WAIT_NAMED);
    for (unsigned i = 0; i < r->attempts; i++) hob__unlink(&r->list[i].waiter);
    hob__lookup_unlink(&r->lookup);
    return rc;
}

static int run_race(struct race *r, const char *address, struct hob_stream **out) {
    for (;;) {
        collect(r);
        int rc = see_attempts(r, out);
        if (rc == 0) rc = start_due(r, out);
        if (rc > 0) return 0;
        bool pending = hob__lookup_pending(&r->lookup);
        if (r->attempts == 0 && !pending)
            return r->candidates.n > 0 ? all_failed(&r->candidates, address)
                                       : hob__lookup_failed(&r->lookup);
        rc = sleep_on_all(r, address);
        if (rc < 0) return rc;
    }
}

static struct race *race_new(struct hob__backend *b, const struct hob_connect_options *o,
                             const struct hob_address *local) {
    struct race *r = hob__alloc(sizeof *r); /* 6 KiB: not for a small task's stack */
    if (!r) return NULL;
    memset(r, 0, offsetof(struct race, candidates));
    r->b = b;
    r->options = o;
    r->local = *local;
    r->delay = o->attempt_delay > 0 ? (uint64_t)(o->attempt_delay * 1e9) : ATTEMPT_DELAY_MS * MS;
    r->candidates.n = 0;
    return r;
}

static void race_end(struct race *r) {
    while (r->attempts > 0) hob_close(r->list[--r->attempts].stream);
    hob__free(r);
}

static int connect_host(struct hob__backend *b, const struct hob__endpoint *e, const char *address,
                        const struct hob_connect_options *o, const struct hob_address *local,
                        struct hob_stream **out) {
    struct race *r = race_new(b, o, local);
    if (!r) return -ENOMEM;
    r->port = e->port;
    int family = local->ip.any.sa_family ? local->ip.any.sa_family : o->family;
    int rc = hob__lookup_begin(&r->lookup, e->host, family, &r->candidates);
    if (rc == 0) {
        struct hob__candidates *c = &r->candidates;
        for (unsigned i = 0; i < c->n; i++) hob_address_set_port(&c->list[i].to, r->port);
        if (!hob__dns_is_localhost(e->host)) hob__candidates_sort(b, c, AF_UNSPEC);
        rc = run_race(r, address, out);
        hob__lookup_end(&r->lookup);
    }
    race_end(r);
    return rc;
}

/* The addresses are known, and no lookup is under way. */
static int connect_known(struct hob__backend *b, const struct hob_address *addresses, size_t n,
                         const struct hob_connect_options *o, const struct hob_address *local,
                         struct hob_stream **out) {
    char text[HOB_ADDRESS_TEXT];
    struct race *r = race_new(b, o, local);
    if (!r) return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        int family = addresses[i].ip.any.sa_family;
        if (local->ip.any.sa_family && family != local->ip.any.sa_family) continue;
        if (o->family && family != o->family) continue;
        r->candidates.list[r->candidates.n++] = (struct hob__candidate){.to = addresses[i]};
    }
    const char *first = hob_address_format(&addresses[0], text, sizeof text);
    int rc = r->candidates.n > 0
                 ? run_race(r, first, out)
                 : hob_fail(-EAFNOSUPPORT, "connecting to %s%s: none of the family that is wanted",
                            first, n > 1 ? " ..." : "");
    race_end(r);
    return rc;
}

/* ---- the calls ---- */

/* What every call begins with. */
static int begin(const struct hob_connect_options *o, struct hob_address *local, const char *func) {
    int rc = hob__io_point(func);
    if (rc < 0) return rc;
    local->ip.any.sa_family = AF_UNSPEC;
    if (!(o->attempt_delay >= 0 && o->attempt_delay <= 3600) || o->keepalive < 0 ||
        (o->family && o->family != AF_INET && o->family != AF_INET6))
        return hob_fail(-EINVAL,
                        "connecting with .attempt_delay = %g (0 to 3600), .keepalive = %d, "
                        ".family = %d",
                        o->attempt_delay, o->keepalive, o->family);
    return o->local ? hob_address_parse(o->local, local) : 0;
}

/* What connect() says of such a file is what it says of a socket that nobody listens on. */
static bool is_no_socket(struct hob__backend *b, const struct hob__address *a) {
    const struct sockaddr_un *u = (const struct sockaddr_un *)&a->addr;
    struct stat st;
    return u->sun_path[0] && b->ops->files->fstatat(b, AT_FDCWD, u->sun_path, &st, 0) == 0 &&
           !S_ISSOCK(st.st_mode);
}

/* Is it an IP address with its port? 1: *to; 0: it is something else; or an error. Not inlined, as
 * what follows: while an address is connected to, its task's stack has no room for names, and most
 * often stays within a page. */
static __attribute__((noinline)) int numeric_address(const char *address, struct hob_address *to) {
    struct hob__endpoint e;
    HOB_TRY(hob__endpoint_parse(address, &e));
    return !e.is_unix && hob__endpoint_numeric(&e, false, to);
}

static int failed(const char *address, int rc) {
    return rc >= 0 || rc == -ECANCELED
               ? rc
               : hob_fail(rc, "connecting to %s: %s", address, hob_strerror(rc));
}

static int connect_unix(struct hob__backend *b, const struct hob__address *to, const char *address,
                        const struct hob_connect_options *o, const struct hob_address *local,
                        struct hob_stream **out) {
    if (o->looked_up) *o->looked_up = hob_now();
    int rc = connect_one(b, (const struct sockaddr *)&to->addr, to->size, o, local, out);
    if (rc == -ECONNREFUSED && is_no_socket(b, to))
        return hob_fail(rc, "connecting to %s: '%s' is not a socket", address,
                        address + strlen("unix:"));
    return failed(address, rc);
}

static __attribute__((noinline)) int connect_named(struct hob__backend *b, const char *address,
                                                   const struct hob_connect_options *o,
                                                   const struct hob_address *local,
                                                   struct hob_stream **out) {
    struct hob__endpoint e;
    HOB_TRY(hob__endpoint_parse(address, &e));
    return e.is_unix ? connect_unix(b, &e.unix_address, address, o, local, out)
                     : connect_host(b, &e, address, o, local, out);
}

static int connect_to(const char *address, const struct hob_connect_options *o,
                      struct hob_stream **out, const char *func) {
    struct hob__backend *b = hob__backend_current(func);
    struct hob_address to, local;
    int rc = begin(o, &local, func);
    if (rc < 0) return rc;
    int numeric = numeric_address(address, &to);
    if (numeric < 0) return numeric;
    if (!numeric) return connect_named(b, address, o, &local, out);
    if (o->looked_up) *o->looked_up = hob_now();
    rc = o->family && to.ip.any.sa_family != o->family
             ? -EAFNOSUPPORT
             : connect_one(b, &to.ip.any, hob_address_size(&to), o, &local, out);
    return failed(address, rc);
}

int hob_connect(const char *address, struct hob_stream **out) {
    static const struct hob_connect_options none;
    return connect_to(address, &none, out, __func__);
}

int hob__connect_with(const char *address, struct hob_stream **out,
                      struct hob_connect_options options) {
    return connect_to(address, &options, out, "hob_connect_with");
}

int hob__connect_any(const struct hob_address *addresses, size_t n, struct hob_stream **out,
                     struct hob_connect_options options) {
    struct hob__backend *b = hob__backend_current("hob_connect_any");
    struct hob_address local;
    int rc = begin(&options, &local, "hob_connect_any");
    if (rc < 0) return rc;
    if (n == 0 || n > HOB__CANDIDATES)
        return hob_fail(-EINVAL, "connecting to one of %zu addresses (1 to %d)", n,
                        HOB__CANDIDATES);
    for (size_t i = 0; i < n; i++)
        if (hob_address_size(&addresses[i]) == 0)
            return hob_fail(-EINVAL, "connecting to one of %zu addresses: number %zu is none", n,
                            i);
    return connect_known(b, addresses, n, &options, &local, out);
}
