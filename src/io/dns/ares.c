/* io/dns/ares.c - the name servers, asked by c-ares: no thread, no loop of its own. Its sockets are
 * made and used through the backend's table of calls and watched by the loop like any other; its
 * time-outs are one timer of the loop's wheel.
 *
 * The loop tells edges: `ready` of a socket's record says what may succeed. c-ares reads one piece
 * of a TCP stream at a call, and is told again until a read has found nothing. One call into c-ares
 * at a time: what comes out of it (an answer, perhaps from inside ares_search()) marks the query
 * and wakes tasks, and never calls back in.
 *
 * A channel is made at the first query, and anew when resolv.conf has changed. c-ares' memory is
 * libc's: its allocator is one for the whole process, which may use c-ares for itself. */
#ifdef HAVE_CARES
#include <ares.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/dns/dns.h"
#include "task/task.h"

enum { TIMEOUT_MS = 2000, ATTEMPTS = 3, EDNS_SIZE = 1232, ROUNDS = 64, MAX_CONF = 64 << 10 };

struct sock {
    int fd;
    struct hob__fd *f;
    bool wants_write;
};

struct source {
    struct hob__dns *dns;
    ares_channel channel;
    struct hob_timer timer;
    bool inside; /* a call into c-ares */
    unsigned count, room;
    struct sock *socks;
};

static struct sock *sock_of(struct source *s, int fd) {
    for (unsigned i = 0; i < s->count; i++)
        if (s->socks[i].fd == fd) return &s->socks[i];
    return NULL;
}

/* ---- c-ares' system calls ---- */

static ares_ssize_t result(ssize_t rc) {
    if (rc >= 0) return rc;
    errno = (int)-rc;
    return -1;
}

/* Around each call into c-ares. */
static void enter(struct source *s) {
    struct hob__backend *b = s->dns->backend;
    s->inside = true;
    if (b->ops->lend_clock) b->ops->lend_clock(b, true);
}
static void leave(struct source *s) {
    struct hob__backend *b = s->dns->backend;
    s->inside = false;
    if (b->ops->lend_clock) b->ops->lend_clock(b, false);
}

static void drive(struct source *s);

static void on_event(struct hob__watch *w, struct hob__fd *f, unsigned events) {
    (void)w, (void)f, (void)events;
    struct hob__dns *dns = (struct hob__dns *)(void *)hob__loop_data(HOB__LOOP_RESOLVER);
    if (dns && dns->source_state) drive(dns->source_state);
}

static ares_socket_t sock_open(int domain, int type, int protocol, void *user) {
    struct source *s = user;
    struct hob__backend *b = s->dns->backend;
    if (s->count == s->room) {
        unsigned room = s->room ? 2 * s->room : 4;
        struct sock *more = hob__realloc(s->socks, room * sizeof *more);
        if (!more) return (ares_socket_t)result(-ENOMEM);
        s->socks = more;
        s->room = room;
    }
    int fd = b->ops->sys->socket(b, domain, type, protocol);
    if (fd < 0) return (ares_socket_t)result(fd);
    struct hob__fd *f = hob__fd_open(b, fd);
    if (!f) {
        b->ops->sys->close(b, fd);
        return (ares_socket_t)result(-ENOMEM);
    }
    f->ready = 0;
    static struct hob__watch watch = {on_event};
    f->watch = &watch;
    s->socks[s->count++] = (struct sock){.fd = fd, .f = f};
    return fd;
}

static int sock_close(ares_socket_t fd, void *user) {
    struct source *s = user;
    struct sock *k = sock_of(s, fd);
    if (k) {
        hob__fd_close(s->dns->backend, k->f);
        *k = s->socks[--s->count];
    }
    return (int)result(s->dns->backend->ops->sys->close(s->dns->backend, fd));
}

static int sock_connect(ares_socket_t fd, const struct sockaddr *to, ares_socklen_t n, void *user) {
    struct source *s = user;
    return (int)result(s->dns->backend->ops->sys->connect(s->dns->backend, fd, to, n));
}

static ares_ssize_t sock_recv(ares_socket_t fd, void *buf, size_t n, int flags,
                              struct sockaddr *from, ares_socklen_t *size, void *user) {
    struct source *s = user;
    struct hob__backend *b = s->dns->backend;
    ssize_t got = b->ops->sys->recvfrom(b, fd, buf, n, flags, from, size);
    struct sock *k = sock_of(s, fd);
    if (k && got >= 0) k->f->ready |= HOB__READ; /* there may be more */
    return result(got);
}

static ares_ssize_t sock_send(ares_socket_t fd, const struct iovec *iov, int count, void *user) {
    struct source *s = user;
    struct hob__backend *b = s->dns->backend;
    ssize_t sent = b->ops->sys->send(b, fd, iov, count);
    struct sock *k = sock_of(s, fd);
    if (k && sent == -EAGAIN) k->f->ready &= (uint8_t)~HOB__WRITE;
    return result(sent);
}

static const struct ares_socket_functions calls = {sock_open, sock_close, sock_connect, sock_recv,
                                                   sock_send};

/* What c-ares wants to know of a socket. The first time it has been connected, and can be armed; if
 * that fails, the query's time-out comes. */
static void sock_state(void *user, ares_socket_t fd, int readable, int writable) {
    struct source *s = user;
    struct sock *k = sock_of(s, fd);
    (void)readable;
    if (!k) return;
    k->wants_write = writable;
    struct hob__backend *b = s->dns->backend;
    if (!k->f->armed && b->ops->arm(b, k->f) < 0) k->f->ready = HOB__READ | HOB__WRITE;
}

/* ---- turning c-ares ---- */

static bool has_work(const struct sock *k) {
    return (k->f->ready & HOB__READ) || (k->wants_write && (k->f->ready & HOB__WRITE));
}

static bool any_work(const struct source *s) {
    for (unsigned i = 0; i < s->count; i++)
        if (has_work(&s->socks[i])) return true;
    return false;
}

static void on_timer(struct hob_timer *t);

static void set_timer(struct source *s, bool at_once) {
    struct hob__wheel *wheel = &hob__loop->wheel;
    hob__wheel_remove(wheel, &s->timer);
    enter(s);
    struct timeval tv, *left = ares_timeout(s->channel, NULL, &tv);
    leave(s);
    if (!left && !at_once) return;
    /* c-ares counts in milliseconds, and wants to be called after the last of them. */
    uint64_t ns =
        at_once ? 0
                : (uint64_t)left->tv_sec * 1000000000 + (uint64_t)left->tv_usec * 1000 + 1000000;
    s->timer.fire = on_timer;
    s->timer.deadline_ns = hob_now() + ns;
    while (!hob__wheel_add(wheel, &s->timer))
        s->timer.deadline_ns += UINT64_C(1) << HOB__WHEEL_SHIFT;
}

/* Lets c-ares deal with what has come, and starts what may be started. A server that sends without
 * end gets ROUNDS turns, then the loop's others theirs. */
static void drive(struct source *s) {
    if (s->inside || !s->channel) return;
    enter(s);
    for (int round = 0; round < ROUNDS; round++) {
        struct sock *k = s->socks, *end = k + s->count;
        while (k < end && !has_work(k)) k++;
        if (k == end) break;
        bool read = k->f->ready & HOB__READ, write = k->wants_write;
        k->f->ready &= (uint8_t)~HOB__READ; /* set again by a read that finds something */
        ares_process_fd(s->channel, read ? k->fd : ARES_SOCKET_BAD,
                        write ? k->fd : ARES_SOCKET_BAD);
    }
    leave(s);
    struct hob__dns *dns = s->dns;
    hob__dns_pump(dns); /* perhaps with a new channel */
    if (dns->source_state == s) set_timer(s, any_work(s));
}

static void on_timer(struct hob_timer *t) {
    struct source *s = hob__container(t, struct source, timer);
    enter(s);
    ares_process_fd(s->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    leave(s);
    drive(s);
}

/* ---- answers ---- */

static void failed(struct hob__query *q, int status, const char *words, uint32_t ttl) {
    hob__query_answered(q, &(struct hob__reply){.status = status, .words = words, .ttl = ttl});
}

static void no_answer(struct hob__query *q, int status, const unsigned char *reply, int n) {
    int64_t ttl = 5; /* when the zone does not say */
    switch (status) {
    case ARES_ENOTFOUND:
    case ARES_ENODATA:
        if (reply && n > 0) ttl = hob__dns_reply_ttl(reply, (size_t)n);
        failed(q, HOB_E_NAME,
               status == ARES_ENOTFOUND ? "no such host" : "the name has no such record",
               (uint32_t)(ttl < 0 ? 5 : ttl));
        return;
    case ARES_EBADNAME:
        failed(q, HOB_E_NAME, "not a host name", 0);
        return;
    case ARES_ENOMEM:
        failed(q, -ENOMEM, "out of memory", 0);
        return;
    case ARES_ETIMEOUT:
        failed(q, HOB_E_NAME_TEMPORARY, "no name server answers", 0);
        return;
    case ARES_ECONNREFUSED:
        failed(q, HOB_E_NAME_TEMPORARY, "no name server can be reached", 0);
        return;
    case ARES_EBADRESP:
    case ARES_EFORMERR:
        failed(q, HOB_E_NAME_TEMPORARY, "the name server's answer makes no sense", 0);
        return;
    default:
        failed(q, HOB_E_NAME_TEMPORARY, "the name servers cannot tell", 0);
    }
}

/* The addresses of a reply, each with the least TTL of the way there. ARES_SUCCESS or why not. */
static int parse(const struct hob__query *q, const unsigned char *reply, int n,
                 struct hob__reply *out, unsigned char bytes[HOB__DNS_KEPT * 16]) {
    int count = HOB__DNS_KEPT, rc;
    uint32_t ttl = UINT32_MAX;
    size_t size = q->type == HOB__DNS_AAAA ? 16 : 4;
    struct ares_addrttl v4[HOB__DNS_KEPT];
    struct ares_addr6ttl v6[HOB__DNS_KEPT];
    rc = size == 16 ? ares_parse_aaaa_reply(reply, n, NULL, v6, &count)
                    : ares_parse_a_reply(reply, n, NULL, v4, &count);
    if (rc == ARES_SUCCESS && count <= 0) rc = ARES_ENODATA;
    if (rc != ARES_SUCCESS) return rc;
    for (int i = 0; i < count; i++) {
        int this = size == 16 ? v6[i].ttl : v4[i].ttl;
        memcpy(bytes + (size_t)i * size,
               size == 16 ? (const void *)&v6[i].ip6addr : (const void *)&v4[i].ipaddr, size);
        if (this < 0) this = 0; /* RFC 2181 section 8 */
        if ((uint32_t)this < ttl) ttl = (uint32_t)this;
    }
    *out = (struct hob__reply){
        .ttl = ttl, .count = (unsigned)count, .bytes = bytes, .size = (size_t)count * size};
    return ARES_SUCCESS;
}

static void name_found(struct hob__query *q, const unsigned char *reply, int n) {
    struct hostent *h;
    unsigned char any[4] = {0}; /* what it would say it is the name of; we know */
    int rc = ares_parse_ptr_reply(reply, n, any, sizeof any, AF_INET, &h);
    if (rc != ARES_SUCCESS) {
        no_answer(q, rc, reply, n);
        return;
    }
    int64_t ttl = hob__dns_reply_ttl(reply, (size_t)n);
    hob__query_answered(q, &(struct hob__reply){.ttl = ttl < 0 ? 0 : (uint32_t)ttl,
                                                .bytes = h->h_name,
                                                .size = strlen(h->h_name) + 1});
    ares_free_hostent(h);
}

static void on_answer(void *arg, int status, int timeouts, unsigned char *reply, int n) {
    struct hob__query *q = arg;
    struct hob__reply found;
    unsigned char bytes[HOB__DNS_KEPT * 16];
    (void)timeouts;
    if (status == ARES_EDESTRUCTION) {
        hob__query_again(q);
        return;
    }
    if (status == ARES_SUCCESS && q->type == HOB__DNS_PTR) {
        name_found(q, reply, n);
        return;
    }
    if (status == ARES_SUCCESS) status = parse(q, reply, n, &found, bytes);
    if (status == ARES_SUCCESS)
        hob__query_answered(q, &found);
    else
        no_answer(q, status, reply, n);
}

/* ---- the channel ---- */

/* What c-ares 1.18 does not read: "options timeout:n attempts:n", resolv.conf(5). */
static void read_options(const char *text, struct ares_options *o) {
    for (const char *p = text; p && *p;) {
        size_t n = strcspn(p, " \t\n");
        if (n > 8 && strncmp(p, "timeout:", 8) == 0) {
            long seconds = strtol(p + 8, NULL, 10);
            if (seconds > 0) o->timeout = (int)(seconds < 30 ? seconds : 30) * 1000;
        } else if (n > 9 && strncmp(p, "attempts:", 9) == 0) {
            long times = strtol(p + 9, NULL, 10);
            if (times > 0) o->tries = (int)(times < 5 ? times : 5);
        }
        p += n;
        if (*p == '\n') return;
        p += strspn(p, " \t");
    }
}

static void read_conf(const char *path, struct ares_options *o) {
    int rc;
    size_t size = 0;
    char *text = hob__file_text(path, MAX_CONF, &size, &rc);
    for (const char *line = text; line && *line;) {
        if (strncmp(line, "options", 7) == 0 && (line[7] == ' ' || line[7] == '\t'))
            read_options(line + 8 + strspn(line + 8, " \t"), o);
        line = strchr(line, '\n');
        if (line) line++;
    }
    hob__free(text);
}

static void library_init(void) { ares_library_init(ARES_LIB_INIT_ALL); }

static int channel_open(struct source *s) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, library_init);
    struct hob__dns *dns = s->dns;
    const char *conf = hob__dns_resolv_conf(dns);
    struct ares_options o = {.timeout = TIMEOUT_MS, .tries = ATTEMPTS};
    read_conf(conf, &o);
    bool simulated = dns->backend->ops == hob__backend_simulated;
    const char *env = simulated ? NULL : getenv("RES_OPTIONS");
    if (env) read_options(env, &o);
    if (dns->options.timeout > 0) o.timeout = (int)(dns->options.timeout * 1000 + 0.5);
    if (o.timeout < 1) o.timeout = 1;
    if (dns->options.attempts > 0) o.tries = (int)dns->options.attempts;
    o.flags = ARES_FLAG_NOALIASES | ARES_FLAG_EDNS;
    o.ednspsz = EDNS_SIZE; /* what passes everywhere unfragmented */
    o.sock_state_cb = sock_state;
    o.sock_state_cb_data = s;
    o.lookups = (char *)(uintptr_t) "b"; /* the hosts file is ours */
    o.resolvconf_path = (char *)(uintptr_t)conf;
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
               ARES_OPT_SOCK_STATE_CB | ARES_OPT_LOOKUPS | ARES_OPT_RESOLVCONF;
    /* Without a file, c-ares would search in this machine's own domain. */
    if (simulated && strcmp(conf, "/dev/null") == 0) mask |= ARES_OPT_DOMAINS;
    int rc = ares_init_options(&s->channel, &o, mask);
    if (rc != ARES_SUCCESS) {
        s->channel = NULL;
        return rc;
    }
    ares_set_socket_functions(s->channel, &calls, s);
    if (dns->options.servers) rc = ares_set_servers_ports_csv(s->channel, dns->options.servers);
    return rc;
}

static void ares_source_close(struct hob__dns *dns) {
    struct source *s = dns->source_state;
    if (!s) return;
    hob__wheel_remove(&hob__loop->wheel, &s->timer);
    enter(s);
    if (s->channel) ares_destroy(s->channel); /* every query's on_answer() is called */
    leave(s);
    dns->source_state = NULL;
    hob__free(s->socks);
    hob__free(s);
}

/* The channel as resolv.conf is now, or was within the last second. */
static struct source *current(struct hob__dns *dns, int *rc) {
    uint64_t now = hob_now();
    struct source *s = dns->source_state;
    if (!dns->resolv_seen || now - dns->resolv_seen > HOB__FILE_AGAIN) {
        dns->resolv_seen = now;
        if (hob__file_changed(hob__dns_resolv_conf(dns), &dns->resolv_mark) && s) {
            /* Other servers may know other answers. */
            ares_source_close(dns);
            hob__dns_forget(dns);
            s = NULL;
        }
    }
    if (s) return s;
    *rc = ARES_ENOMEM;
    s = hob__alloc_zero(sizeof *s);
    if (!s) return NULL;
    s->dns = dns;
    dns->source_state = s;
    *rc = channel_open(s);
    if (*rc == ARES_SUCCESS) return s;
    ares_source_close(dns);
    return NULL;
}

static void ares_source_start(struct hob__dns *dns, struct hob__query *q) {
    int rc = ARES_ENOMEM;
    struct source *s = current(dns, &rc);
    if (!s) {
        no_answer(q, rc, NULL, 0);
        return;
    }
    enter(s);
    if (q->type == HOB__DNS_PTR)
        ares_query(s->channel, q->name, C_IN, T_PTR, on_answer, q);
    else
        ares_search(s->channel, q->name, C_IN, q->type == HOB__DNS_AAAA ? T_AAAA : T_A, on_answer,
                    q);
    leave(s);
}

static void ares_source_started(struct hob__dns *dns) {
    struct source *s = dns->source_state;
    if (s) set_timer(s, any_work(s));
}

const struct hob__dns_source hob__dns_ares = {
    "c-ares", 1024, ares_source_start, ares_source_started, ares_source_close, NULL};
#endif
