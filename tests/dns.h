/* dns.h - a name server for tests, on a port of its own of 127.0.0.1, UDP and TCP: tasks of the
 * test's own loop, on the backend's own sockets. What it answers depends on the first label of the
 * name; see answer(). It counts. */
#ifndef HOB_TESTS_DNS_H
#define HOB_TESTS_DNS_H
#include "clean.h"
#include "test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <hob/dns.h>
#include <hob/net.h>
#include <poll.h>

#include "base/memory.h"
#include "task/task.h"

/* Plain sockets, simulated ones too: none of these waits; -errno. */
__attribute__((unused)) static const struct hob__sys *sys(void) {
    return hob__loop->backend.ops->sys;
}
static struct hob__backend *here(void) { return &hob__loop->backend; }
static ssize_t send_from(int fd, const void *bytes, size_t n, const struct sockaddr_in *to) {
    struct iovec iov = {(void *)(uintptr_t)bytes, n};
    struct msghdr m = {.msg_name = (void *)(uintptr_t)to,
                       .msg_namelen = sizeof *to,
                       .msg_iov = &iov,
                       .msg_iovlen = 1};
    return sys()->sendmsg(here(), fd, &m, 0);
}

static struct {
    int fd;
    struct hob_listener *tcp;
    char servers[32]; /* for hob_dns_options.servers */
    int udp_queries, tcp_queries, answered;
    int of_type[256];
    char last[256];      /* the last name that was asked for */
    struct hob_event go; /* "held.": answers come when it is set */
    uint32_t ttl;        /* "var." */
    uint8_t last_octet;  /* "var.": 192.0.2.x */
} server;

struct message {
    unsigned char *b;
    size_t n, room;
    size_t head; /* the header's and the question's size */
    char text[256];
    unsigned type;
};

/* One with little room, in the frame. */
#define SMALL_MESSAGE                                                                              \
    { .b = (unsigned char[600]){0}, .room = 600 }
enum { MESSAGE_ROOM = 70000 };

enum { T_TYPE_A = 1, T_TYPE_CNAME = 5, T_TYPE_SOA = 6, T_TYPE_PTR = 12, T_TYPE_AAAA = 28 };

static void put(struct message *m, const void *bytes, size_t n) {
    CHECK(m->n + n <= m->room);
    memcpy(m->b + m->n, bytes, n);
    m->n += n;
}
static void put16(struct message *m, unsigned v) {
    put(m, (unsigned char[]){(unsigned char)(v >> 8), (unsigned char)v}, 2);
}
static void put32(struct message *m, uint32_t v) {
    put16(m, v >> 16);
    put16(m, v & 0xffff);
}
/* "a.test" as labels; "" the root. */
static void put_name(struct message *m, const char *name) {
    while (*name) {
        unsigned char n = (unsigned char)strcspn(name, ".");
        put(m, &n, 1);
        put(m, name, n);
        name += n + (name[n] == '.');
    }
    put(m, "", 1);
}
static void count_record(struct message *m, int section) {
    unsigned char *p = m->b + 6 + 2 * section;
    unsigned n = (unsigned)p[0] << 8 | p[1];
    n++;
    p[0] = (unsigned char)(n >> 8);
    p[1] = (unsigned char)n;
}
/* owner NULL: the name that was asked for. */
static void put_record(struct message *m, int section, const char *owner, unsigned type,
                       uint32_t ttl, const void *data, size_t n) {
    if (owner)
        put_name(m, owner);
    else
        put16(m, 0xc00c);
    put16(m, type);
    put16(m, 1);
    put32(m, ttl);
    put16(m, (unsigned)n);
    put(m, data, n);
    count_record(m, section);
}
static void put_a(struct message *m, const char *owner, uint32_t ttl, const char *ip) {
    unsigned char a[16];
    bool v6 = inet_pton(AF_INET6, ip, a) == 1;
    if (!v6) CHECK_EQ(inet_pton(AF_INET, ip, a), 1);
    put_record(m, 0, owner, v6 ? T_TYPE_AAAA : T_TYPE_A, ttl, a, v6 ? 16 : 4);
}
static void put_alias(struct message *m, const char *owner, uint32_t ttl, const char *to) {
    struct message t = SMALL_MESSAGE;
    put_name(&t, to);
    put_record(m, 0, owner, T_TYPE_CNAME, ttl, t.b, t.n);
}
static void put_soa(struct message *m, uint32_t ttl, uint32_t minimum) {
    struct message t = SMALL_MESSAGE;
    put_name(&t, "ns.test");
    put_name(&t, "root.test");
    for (int i = 0; i < 4; i++) put32(&t, 7);
    put32(&t, minimum);
    put_record(m, 1, "test", T_TYPE_SOA, ttl, t.b, t.n);
}

/* Reads the question of q[0..n) into m, and begins the answer. False: no question. */
static bool begin(struct message *m, const unsigned char *q, size_t n) {
    size_t at = 12, t = 0;
    if (n < 17) return false;
    while (at < n && q[at]) {
        for (unsigned i = 0; i < q[at] && t < 250; i++) m->text[t++] = (char)q[at + 1 + i];
        m->text[t++] = '.';
        at += 1u + q[at];
    }
    m->text[t ? t - 1 : 0] = 0;
    at++;
    if (at + 4 > n) return false;
    m->type = (unsigned)q[at] << 8 | q[at + 1];
    m->n = 0;
    put(m, q, 2);
    put16(m, 0x8180); /* an answer; recursion was wanted and is had */
    put16(m, 1);
    put16(m, 0), put16(m, 0), put16(m, 0);
    put(m, q + 12, at + 4 - 12);
    m->head = m->n;
    return true;
}
static void set_rcode(struct message *m, unsigned rcode) {
    m->b[3] = (unsigned char)((m->b[3] & 0xf0) | rcode);
}

static struct message *new_message(void) {
    struct message *m = calloc(1, sizeof *m + MESSAGE_ROOM);
    CHECK(m != NULL);
    m->b = (unsigned char *)(m + 1);
    m->room = MESSAGE_ROOM;
    return m;
}

static bool asks(const struct message *m, const char *label) {
    size_t n = strlen(label);
    return strncmp(m->text, label, n) == 0 && (m->text[n] == '.' || !m->text[n]);
}

/* The usual answers: true when it is to be sent. */
static bool answer(struct message *m, bool tcp) {
    bool a = m->type == T_TYPE_A, aaaa = m->type == T_TYPE_AAAA;
    if (asks(m, "silent") || (asks(m, "silent4") && a) || (asks(m, "silent6") && aaaa))
        return false;
    if (asks(m, "host") || asks(m, "slow") || asks(m, "held") || asks(m, "silent4") ||
        asks(m, "silent6")) {
        if (a) put_a(m, NULL, 60, "192.0.2.1"), put_a(m, NULL, 30, "192.0.2.2");
        if (aaaa) put_a(m, NULL, 60, "2001:db8::1");
    } else if (asks(m, "var")) {
        char ip[32];
        snprintf(ip, sizeof ip, "192.0.2.%u", server.last_octet);
        if (a) put_a(m, NULL, server.ttl, ip);
    } else if (asks(m, "chain")) { /* the least TTL of the way counts */
        put_alias(m, NULL, 50, "one.test");
        put_alias(m, "one.test", 20, "two.test");
        if (a) put_a(m, "two.test", 90, "192.0.2.7");
        if (aaaa) put_a(m, "two.test", 90, "2001:db8::7");
    } else if (asks(m, "circle")) {
        put_alias(m, NULL, 50, "circle2.test");
        put_alias(m, "circle2.test", 50, m->text);
    } else if (asks(m, "nx")) {
        set_rcode(m, 3);
        put_soa(m, 600, 600);
    } else if (asks(m, "nx1")) {
        set_rcode(m, 3);
        put_soa(m, 600, 1);
    } else if (asks(m, "empty")) {
        put_soa(m, 600, 1);
    } else if (asks(m, "servfail")) {
        set_rcode(m, 2);
    } else if (asks(m, "refused")) {
        set_rcode(m, 5);
    } else if (asks(m, "v4only")) {
        if (a) put_a(m, NULL, 60, "192.0.2.4");
    } else if (asks(m, "truncated") && !tcp) {
        m->b[2] |= 2;
    } else if (asks(m, "truncated") || asks(m, "huge")) { /* 4000 addresses are 64000 bytes */
        for (int i = 0; i < (asks(m, "huge") ? 4000 : 40) && a; i++) {
            char ip[32];
            snprintf(ip, sizeof ip, "198.51.%d.%d", i / 250, i % 250 + 1);
            put_a(m, NULL, 60, ip);
        }
    } else if (m->type == T_TYPE_PTR && strcmp(m->text, "9.2.0.192.in-addr.arpa") == 0) {
        struct message t = SMALL_MESSAGE;
        put_name(&t, "nine.test");
        put_record(m, 0, NULL, T_TYPE_PTR, 60, t.b, t.n);
    } else if (m->type == T_TYPE_PTR && strncmp(m->text, "1.0.0.0", 7) == 0) {
        struct message t = SMALL_MESSAGE;
        put_name(&t, "six.test");
        put_record(m, 0, NULL, T_TYPE_PTR, 60, t.b, t.n);
    } else if (!asks(m, "nodata")) {
        set_rcode(m, 3);
    }
    return true;
}

/* A test's own word on a message, before the usual answers: 1 = send it as it is now, 0 = nothing.
 */
static int (*server_hook)(struct message *m, struct sockaddr_in *to);

static int reply(struct message *m, struct sockaddr_in to) {
    if (asks(m, "held")) HOB_TRY(hob_event_wait(&server.go));
    if (asks(m, "slow")) HOB_TRY(hob_sleep(0.2));
    if (answer(m, false) && m->n <= 1500) {
        server.answered++;
        send_from(server.fd, m->b, m->n, &to);
    } else if (m->n > 1500) { /* what does not fit is for TCP */
        m->n = m->head;
        m->b[2] |= 2;
        for (int i = 6; i < 12; i++) m->b[i] = 0;
        send_from(server.fd, m->b, m->n, &to);
    }
    return 0;
}
static int reply_later(struct message *m, struct sockaddr_in to) {
    int rc = reply(m, to);
    free(m);
    return rc;
}
HOB_TASK(reply_later, struct message *, struct sockaddr_in)

static void note_query(const struct message *m) {
    snprintf(server.last, sizeof server.last, "%s", m->text);
    server.of_type[m->type & 255]++;
}

static int serve_udp(void) {
    HOB_SCOPE(s, .on_error = HOB_DISCARD);
    unsigned char q[1500];
    for (;;) {
        struct sockaddr_in from;
        socklen_t size = sizeof from;
        ssize_t n =
            sys()->recvfrom(here(), server.fd, q, sizeof q, 0, (struct sockaddr *)&from, &size);
        if (n < 0) {
            HOB_TRY(hob_poll(server.fd, POLLIN));
            continue;
        }
        struct message *m = new_message();
        if (!begin(m, q, (size_t)n)) {
            free(m);
            continue;
        }
        server.udp_queries++;
        note_query(m);
        int hooked = server_hook ? server_hook(m, &from) : -1;
        if (hooked > 0) send_from(server.fd, m->b, m->n, &from);
        if (hooked >= 0 || !hob_spawn(s, reply_later, m, from)) free(m);
    }
}
HOB_TASK(serve_udp)

static int (*tcp_hook)(struct hob_stream *s, struct message *m);

static int serve_tcp(struct hob_stream *s) {
    struct message *m = new_message();
    unsigned char q[600], size[2];
    int rc = 0;
    while (rc >= 0) {
        rc = (int)hob_read_exactly(s, size, 2);
        unsigned n = (unsigned)size[0] << 8 | size[1];
        if (rc >= 0 && n > sizeof q) rc = -EMSGSIZE;
        if (rc >= 0) rc = (int)hob_read_exactly(s, q, n);
        if (rc < 0 || !begin(m, q, n)) break;
        server.tcp_queries++;
        note_query(m);
        if (tcp_hook) {
            rc = tcp_hook(s, m);
            continue;
        }
        answer(m, true);
        unsigned char head[2] = {(unsigned char)(m->n >> 8), (unsigned char)m->n};
        rc = (int)hob_write(s, head, 1); /* in pieces, so that c-ares has to put them together */
        if (rc >= 0) rc = hob_sleep(0.002);
        if (rc >= 0) rc = (int)hob_write(s, head + 1, 1);
        if (rc >= 0) rc = (int)hob_write(s, m->b, m->n);
    }
    hob_close(s);
    free(m);
    return 0;
}
HOB_TASK(serve_tcp, struct hob_stream *)

static int accept_tcp(void) {
    HOB_SCOPE(s, .on_error = HOB_DISCARD);
    for (;;) {
        struct hob_stream *c;
        int rc = hob_accept(server.tcp, &c);
        if (rc == -ECANCELED) return rc;
        if (rc < 0) { /* out of something: it comes back */
            HOB_TRY(hob_sleep(0.001));
            continue;
        }
        if (!hob_spawn(s, serve_tcp, c)) hob_close(c);
    }
}
HOB_TASK(accept_tcp)

static int bind_server(const char *host, int port) {
    char at[64];
    struct hob_address a;
    snprintf(at, sizeof at, "%s:%d", host, port);
    HOB_TRY(hob_listen(at, &server.tcp));
    snprintf(server.servers, sizeof server.servers, "%s", hob_listener_address(server.tcp));
    HOB_TRY(hob_address_parse(server.servers, &a));
    server.fd = HOB_TRY(sys()->socket(here(), AF_INET, SOCK_DGRAM, 0));
    int room = 4 << 20;
    sys()->setsockopt(here(), server.fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    return sys()->bind(here(), server.fd, &a.ip.any, sizeof a.ip.v4);
}

/* The server runs as daemons of the scope; the resolver is told of it: one attempt of 5 seconds, no
 * hosts file, unless o says otherwise. 0 or an error; stop_server() in any case. */
__attribute__((unused)) static int try_start_server(struct hob_scope *s, struct hob_dns_options o) {
    server.tcp = NULL;
    server.fd = -1;
    HOB_TRY(bind_server("127.0.0.1", 0));
    if (!hob_spawn_daemon(s, serve_udp) || !hob_spawn_daemon(s, accept_tcp)) return -ENOMEM;
    if (!o.servers) o.servers = server.servers;
    if (!o.hosts) o.hosts = "";
    if (!o.timeout) o.timeout = 5;
    if (!o.attempts) o.attempts = 1;
    if (!o.resolv_conf) o.resolv_conf = "/dev/null";
    return hob_dns_configure(&o);
}
__attribute__((unused)) static void start_server(struct hob_scope *s, struct hob_dns_options o) {
    CHECK_EQ(try_start_server(s, o), 0);
}
__attribute__((unused)) static void stop_server(struct hob_scope *s) {
    hob_scope_cancel(s);
    hob_join(s);
    hob_listener_close(server.tcp);
    if (server.fd >= 0) sys()->close(here(), server.fd);
}

/* DNS_TEST(name, options) { ... return 0; }: with a server. Every byte and descriptor comes back.
 */
#define DNS_TEST(name, ...)                                                                        \
    static int dns_##name(void);                                                                   \
    CLEAN_TEST(name) {                                                                             \
        HOB_SCOPE(s);                                                                              \
        start_server(s, (struct hob_dns_options){__VA_ARGS__});                                    \
        int rc = dns_##name();                                                                     \
        stop_server(s);                                                                            \
        return rc;                                                                                 \
    }                                                                                              \
    static int dns_##name(void)

/* The addresses of one family as text, in the order of their text: "192.0.2.1 192.0.2.2", or the
 * error's number. */
__attribute__((unused)) static const char *resolved(const char *host, int family) {
    static char text[2048];
    struct hob_found f[32];
    int n = hob_resolve(host, family, f, 32);
    size_t at = 0;
    text[0] = 0;
    if (n < 0) snprintf(text, sizeof text, "%d", n);
    for (int pass = 0; pass < n; pass++) { /* the least of those that are left */
        int least = -1;
        char best[INET6_ADDRSTRLEN], ip[INET6_ADDRSTRLEN];
        for (int i = 0; i < n; i++) {
            const struct hob_address *a = &f[i].address;
            if (a->ip.any.sa_family == AF_UNSPEC) continue;
            inet_ntop(a->ip.any.sa_family,
                      a->ip.any.sa_family == AF_INET ? (const void *)&a->ip.v4.sin_addr
                                                     : (const void *)&a->ip.v6.sin6_addr,
                      ip, sizeof ip);
            if (least < 0 || strcmp(ip, best) < 0) {
                least = i;
                memcpy(best, ip, sizeof best);
            }
        }
        f[least].address.ip.any.sa_family = AF_UNSPEC;
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", at ? " " : "", best);
    }
    return text;
}

__attribute__((unused)) static struct hob_dns_info info(void) {
    struct hob_dns_info i;
    CHECK_EQ(hob_dns_info(&i), 0);
    return i;
}

static char file_name[64];
__attribute__((unused)) static void write_file(const char *text) {
    if (!file_name[0]) snprintf(file_name, sizeof file_name, TEST_PATH, (int)getpid(), "dns");
    FILE *f = fopen(file_name, "w");
    CHECK(f != NULL);
    CHECK(fputs(text, f) >= 0);
    CHECK_EQ(fclose(f), 0);
}

#define NO_NAME "-5013"
#define TEMPORARY "-5014"

#endif
