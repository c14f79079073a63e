/* connect_test.c - connecting to hosts that have several addresses: RFC 8305. Which one is tried
 * when, that the losers are closed, what a failure says, and a cancel at any moment. */
#include "dns.h"
#include "no_watchdog.h"

#include "io/dns/dns.h"
#include "task/task.h"

#ifdef HAVE_CARES
/* ---- what the names of this test have for addresses ---- */

static const char *a_records[8], *aaaa_records[8];
static double a_delay, aaaa_delay;
static uint64_t a_sent, aaaa_sent; /* when */

static int send_late(struct message *m, struct sockaddr_in to, double seconds) {
    int rc = hob_sleep(seconds);
    *(m->type == T_TYPE_A ? &a_sent : &aaaa_sent) = hob_now();
    if (rc == 0) send_from(server.fd, m->b, m->n, &to);
    free(m);
    return rc;
}
HOB_TASK(send_late, struct message *, struct sockaddr_in, double)

static struct hob_scope *late_scope;

static int hook(struct message *m, struct sockaddr_in *to) {
    if (!asks(m, "many")) return -1;
    bool a = m->type == T_TYPE_A;
    const char **list = a ? a_records : aaaa_records;
    double delay = a ? a_delay : aaaa_delay;
    for (int i = 0; i < 8 && list[i]; i++) put_a(m, NULL, 0, list[i]);
    if (delay <= 0) {
        *(a ? &a_sent : &aaaa_sent) = hob_now();
        return 1;
    }
    struct message *copy = new_message();
    memcpy(copy->b, m->b, m->n);
    copy->n = m->n;
    copy->type = m->type;
    if (!hob_spawn(late_scope, send_late, copy, *to, delay)) free(copy);
    return 0;
}

#define ADDRESSES(...) memcpy(a_records, ((const char *[8]){__VA_ARGS__}), sizeof a_records)
#define ADDRESSES6(...) memcpy(aaaa_records, ((const char *[8]){__VA_ARGS__}), sizeof aaaa_records)

/* ---- listeners on addresses of the loopback ---- */

static unsigned port;
static int listeners[8], listener_count;

/* Listens on that address with the port of the first one. Nobody accepts: the kernel connects. */
static int listen_on(const char *ip, int backlog) {
    struct hob_address a;
    CHECK_EQ(hob_address_parse_host(ip, (uint16_t)port, &a), 0);
    int fd = sys()->socket(here(), a.ip.any.sa_family, SOCK_STREAM, 0), on = 1;
    sys()->setsockopt(here(), fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    sys()->setsockopt(here(), fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    CHECK_EQ(sys()->bind(here(), fd, &a.ip.any, hob_address_size(&a)), 0);
    CHECK_EQ(sys()->listen(here(), fd, backlog), 0);
    socklen_t n = sizeof a;
    CHECK_EQ(sys()->getsockname(here(), fd, &a.ip.any, &n), 0);
    port = hob_address_port(&a);
    listeners[listener_count++] = fd;
    return fd;
}

/* An address that does not answer: its backlog is full, and the kernel drops what comes. */
static int fillers[16], filler_count;
static void black_hole(const char *ip) {
    listen_on(ip, 0);
    for (int i = 0; i < 4; i++) {
        struct hob_address a;
        CHECK_EQ(hob_address_parse_host(ip, (uint16_t)port, &a), 0);
        int fd = sys()->socket(here(), a.ip.any.sa_family, SOCK_STREAM, 0);
        sys()->connect(here(), fd, &a.ip.any, hob_address_size(&a));
        fillers[filler_count++] = fd;
        CHECK_EQ(hob_sleep(0.005), 0);
    }
}

static char many[32];
static void begin_connects(struct hob_scope *s) {
    late_scope = s;
    server_hook = hook;
    snprintf(many, sizeof many, "many.test:%u", port);
}
static void end_connects(void) {
    while (listener_count > 0) sys()->close(here(), listeners[--listener_count]);
    while (filler_count > 0) sys()->close(here(), fillers[--filler_count]);
}

/* CONNECT_TEST(name) { ... }: `s` is a scope around it. */
#define CONNECT_TEST(name, ...)                                                                    \
    static int connect_##name(void);                                                               \
    DNS_TEST(name, __VA_ARGS__) {                                                                  \
        HOB_SCOPE(s);                                                                              \
        begin_connects(s);                                                                         \
        int rc = connect_##name();                                                                 \
        end_connects();                                                                            \
        hob_scope_cancel(s);                                                                       \
        hob_join(s);                                                                               \
        return rc;                                                                                 \
    }                                                                                              \
    static int connect_##name(void)

static const char *peer_of(struct hob_stream *s) {
    static char text[HOB_ADDRESS_TEXT];
    snprintf(text, sizeof text, "%s", hob_stream_peer(s));
    hob_close(s);
    *strrchr(text, ':') = 0;
    return text;
}
static const char *connected(void) {
    static char text[32];
    struct hob_stream *s;
    snprintf(many, sizeof many, "many.test:%u", port);
    int rc = hob_connect(many, &s);
    if (rc == 0) return peer_of(s);
    snprintf(text, sizeof text, "%d", rc);
    return text;
}

#define MS_SINCE(t) ((hob_now() - (t)) / 1000000)

CONNECT_TEST(the_second_address_after_a_refusal) {
    listen_on("127.0.0.3", 16);
    ADDRESSES("127.0.0.2", "127.0.0.3");
    int fds = count_fds();
    uint64_t began = hob_now();
    CHECK_STR(connected(), "127.0.0.3");
    CHECK(MS_SINCE(began) < 10000);
    CHECK_EQ(count_fds(), fds);
    return 0;
}

CONNECT_TEST(the_next_address_after_a_quarter_of_a_second) {
    listen_on("127.0.0.3", 16);
    black_hole("127.0.0.2");
    ADDRESSES("127.0.0.2", "127.0.0.3");
    uint64_t began = hob_now();
    CHECK_STR(connected(), "127.0.0.3");
    CHECK(MS_SINCE(began) >= 249);
    CHECK(MS_SINCE(began) < 10000);
    return 0;
}

CONNECT_TEST(the_attempt_delay_is_an_option) {
    listen_on("127.0.0.4", 16);
    black_hole("127.0.0.2");
    black_hole("127.0.0.3");
    ADDRESSES("127.0.0.2", "127.0.0.3", "127.0.0.4");
    struct hob_stream *s;
    snprintf(many, sizeof many, "many.test:%u", port);
    uint64_t began = hob_now();
    CHECK_EQ(hob_connect_with(many, &s, .attempt_delay = 0.02), 0);
    CHECK_STR(peer_of(s), "127.0.0.4");
    CHECK(MS_SINCE(began) >= 39);
    return 0;
}

CONNECT_TEST(ipv6_comes_first, .no_cache = true) {
    listen_on("::1", 16);
    listen_on("127.0.0.1", 16);
    ADDRESSES("127.0.0.1");
    ADDRESSES6("::1");
    a_delay = 0;
    aaaa_delay = 0.02; /* within the 50 ms */
    for (int tries = 0; tries < 30; tries++) {
        a_sent = aaaa_sent = 0;
        const char *peer = connected();
        for (int i = 0; i < 1000 && !aaaa_sent; i++) CHECK_EQ(hob_sleep(0.001), 0);
        /* On a busy machine the server itself may be late: then it says nothing. */
        if (aaaa_sent && aaaa_sent <= a_sent + 40000000) {
            CHECK_STR(peer, "[::1]");
            return 0;
        }
        CHECK_EQ(hob_sleep(0.3), 0); /* until nothing of that question is on its way */
    }
    FAIL("the machine is too busy");
    return 0;
}

CONNECT_TEST(a_late_ipv6_answer_is_not_waited_for) {
    listen_on("::1", 16);
    listen_on("127.0.0.1", 16);
    ADDRESSES("127.0.0.1");
    ADDRESSES6("::1");
    aaaa_delay = 30;
    uint64_t began = hob_now();
    CHECK_STR(connected(), "127.0.0.1");
    CHECK(MS_SINCE(began) >= 49);
    CHECK(MS_SINCE(began) < 10000);
    return 0;
}

CONNECT_TEST(a_late_answer_is_still_of_use) {
    listen_on("::1", 16);
    black_hole("127.0.0.1");
    ADDRESSES("127.0.0.1");
    ADDRESSES6("::1");
    aaaa_delay = 0.2;
    CHECK_STR(connected(), "[::1]");
    return 0;
}

CONNECT_TEST(an_ipv6_answer_alone_is_enough_to_begin) {
    listen_on("::1", 16);
    ADDRESSES6("::1");
    a_delay = 30;
    uint64_t began = hob_now();
    CHECK_STR(connected(), "[::1]");
    CHECK(MS_SINCE(began) < 10000);
    return 0;
}

CONNECT_TEST(a_failure_names_every_address) {
    listen_on("127.0.0.1", 16); /* for a port on which 2 and 3 have nobody */
    ADDRESSES("127.0.0.2", "127.0.0.3");
    ADDRESSES6("2001:db8::1");
    struct hob_stream *s;
    snprintf(many, sizeof many, "many.test:%u", port);
    /* The documentation's network may be unreachable, or silent: not for ever. */
    int rc = hob_within(5.0, hob_connect_with(many, &s, .family = AF_INET));
    CHECK_EQ(rc, -ECONNREFUSED);
    char want[64];
    snprintf(want, sizeof want, "connecting to many.test:%u: ", port);
    CHECK_HAS(hob_error()->message, want);
    snprintf(want, sizeof want, "127.0.0.2:%u: Connection refused", port);
    CHECK_HAS(hob_error()->message, want);
    snprintf(want, sizeof want, "127.0.0.3:%u: Connection refused", port);
    CHECK_HAS(hob_error()->message, want);
    return 0;
}

CONNECT_TEST(the_name_s_own_error) {
    struct hob_stream *s;
    CHECK_EQ(hob_connect("nx.test:80", &s), HOB_E_NAME);
    CHECK_HAS(hob_error()->message, "nx.test");
    CHECK_EQ(hob_connect("servfail.test:80", &s), HOB_E_NAME_TEMPORARY);
    CHECK_EQ(hob_connect_with("v4only.test:80", &s, .family = AF_INET6), HOB_E_NAME);
    return 0;
}

/* Whatever is under way when the cancel comes: every descriptor comes back (DNS_TEST counts). */
CONNECT_TEST(cancelled_at_any_moment, .no_cache = true) {
    listen_on("127.0.0.4", 64);
    black_hole("127.0.0.2");
    ADDRESSES("127.0.0.2", "127.0.0.3", "127.0.0.2", "127.0.0.4");
    ADDRESSES6("::1");
    aaaa_delay = 0.01;
    snprintf(many, sizeof many, "many.test:%u", port);
    int won = 0, fds = count_fds();
    for (int us = 0; us < 40000; us += us < 4000 ? 200 : 2000) {
        struct hob_stream *s = NULL;
        int rc = hob_within(us / 1e6, hob_connect_with(many, &s, .attempt_delay = 0.01));
        CHECK(rc == 0 || rc == -ETIMEDOUT || rc == -ECONNREFUSED);
        won += rc == 0;
        if (rc == 0) hob_close(s);
        CHECK(count_fds() <= fds + 1); /* c-ares may be asking still */
    }
    CHECK(won > 0);
    return 0;
}

/* ---- each point, each allocation ---- */

static int connects(void) {
    struct hob_stream *s;
    HOB_TRY(hob_connect_with(many, &s, .attempt_delay = 0.005));
    hob_close(s);
    return 0;
}
HOB_TASK(connects)

static long points, cancel_at;
static struct hob_task *victim;
static void on_point(const char *func) {
    (void)func;
    if (hob_self() == victim && ++points == cancel_at) hob_cancel(victim);
}

static int with_hook(void) {
    HOB_SCOPE(s);
    start_server(s, (struct hob_dns_options){.no_cache = true, .timeout = 0.2});
    begin_connects(s);
    listen_on("127.0.0.3", 64);
    ADDRESSES("127.0.0.2", "127.0.0.3");
    snprintf(many, sizeof many, "many.test:%u", port);
    int rc = 0;
    for (cancel_at = 0; cancel_at < 20 && rc != 1; cancel_at++) {
        HOB_SCOPE(one, .on_error = HOB_COLLECT);
        points = 0;
        victim = hob_spawn(one, connects);
        hob_join(one);
        rc = hob_task_result(victim) == 0 && cancel_at > points;
    }
    CHECK(cancel_at > 2);
    end_connects();
    stop_server(s);
    return 0;
}
HOB_TASK(with_hook)

TEST(cancelled_at_each_point) {
    int fds = count_fds();
    hob__alloc_fail_at(0);
    long live = hob__alloc_live();
    hob__point_hook = on_point;
    CHECK_EQ(hob_run(with_hook), 0);
    hob_error_clear();
    CHECK_EQ(count_fds(), fds);
    CHECK_EQ(hob__alloc_live(), live);
}

CONNECT_TEST(without_memory_somewhere, .no_cache = true, .timeout = 1) {
    listen_on("127.0.0.3", 64);
    ADDRESSES("127.0.0.2", "127.0.0.3");
    snprintf(many, sizeof many, "many.test:%u", port);
    int failures = 0;
    for (long n = 1; n < 200; n++) {
        struct hob_stream *s;
        hob__alloc_fail_at(n);
        int rc = hob_connect(many, &s);
        bool failed = hob__alloc_count() >= n;
        hob__alloc_fail_at(0);
        hob_error_clear();
        if (rc == 0) hob_close(s);
        failures += rc < 0;
        if (!failed) {
            CHECK_EQ(rc, 0);
            break;
        }
    }
    CHECK(failures > 0);
    return 0;
}

#endif

/* ---- options, and addresses without a name ---- */

TASK_TEST(from_a_local_address) {
    struct hob_listener *l;
    struct hob_stream *s, *t;
    CHECK_EQ(hob_listen("127.0.0.1:0", &l), 0);
    CHECK_EQ(hob_connect_with(hob_listener_address(l), &s, .local = "127.0.0.5:0", .keepalive = 30,
                              .delay = true),
             0);
    CHECK_EQ(hob_accept(l, &t), 0);
    CHECK_HAS(hob_stream_peer(t), "127.0.0.5:");
    int value = 0;
    socklen_t n = sizeof value;
    CHECK_EQ(sys()->getsockopt(here(), hob_stream_fd(s), SOL_SOCKET, SO_KEEPALIVE, &value, &n), 0);
    CHECK_EQ(value, 1);
    CHECK_EQ(
        sys()->getsockopt(here(), hob_stream_fd(s), IPPROTO_TCP, 1 /* TCP_NODELAY */, &value, &n),
        0);
    CHECK_EQ(value, 0);
    CHECK_EQ(
        sys()->getsockopt(here(), hob_stream_fd(s), IPPROTO_TCP, 4 /* TCP_KEEPIDLE */, &value, &n),
        0);
    CHECK_EQ(value, 30);
    hob_close(s);
    hob_close(t);
    CHECK_EQ(hob_connect_with(hob_listener_address(l), &s, .local = "192.0.2.1:0"), -EADDRNOTAVAIL);
    CHECK_EQ(hob_connect_with(hob_listener_address(l), &s, .local = "example.org:0"),
             HOB_E_ADDRESS);
    CHECK_EQ(hob_connect_with(hob_listener_address(l), &s, .family = AF_INET6), -EAFNOSUPPORT);
    CHECK_EQ(hob_connect_with(hob_listener_address(l), &s, .family = 77), -EINVAL);
    CHECK_EQ(hob_connect_with(hob_listener_address(l), &s, .attempt_delay = -1), -EINVAL);
    hob_listener_close(l);
    return 0;
}

TASK_TEST(localhost_by_either_family) {
    struct hob_listener *l;
    struct hob_stream *s;
    char address[64];
    CHECK_EQ(hob_listen("[::1]:0", &l), 0);
    snprintf(address, sizeof address, "localhost%s", strrchr(hob_listener_address(l), ':'));
    CHECK_EQ(hob_connect(address, &s), 0);
    CHECK_HAS(hob_stream_peer(s), "[::1]:");
    hob_close(s);
    hob_listener_close(l);
    CHECK_EQ(hob_connect(address, &s), -ECONNREFUSED);
    CHECK_HAS(hob_error()->message, "127.0.0.1:");
    CHECK_HAS(hob_error()->message, "[::1]:");
    return 0;
}

TASK_TEST(one_of_several_addresses) {
    struct hob_listener *l;
    struct hob_stream *s;
    struct hob_address to[3];
    uint64_t began = 0;
    CHECK_EQ(hob_listen("127.0.0.1:0", &l), 0);
    CHECK_EQ(hob_address_parse("127.0.0.1:1", &to[0]), 0);
    CHECK_EQ(hob_address_parse("[::1]:1", &to[1]), 0);
    CHECK_EQ(hob_address_parse(hob_listener_address(l), &to[2]), 0);
    CHECK_EQ(hob_connect_any(to, 3, &s, .looked_up = &began), 0);
    CHECK_STR(hob_stream_peer(s), hob_listener_address(l));
    CHECK(began > 0);
    hob_close(s);
    CHECK_EQ(hob_connect_any(to, 2, &s), -ECONNREFUSED);
    CHECK_HAS(hob_error()->message, "127.0.0.1:1: ");
    CHECK_HAS(hob_error()->message, "[::1]:1: ");
    CHECK_EQ(hob_connect_any(&to[2], 1, &s, .family = AF_INET6), -EAFNOSUPPORT);
    CHECK_EQ(hob_connect_any(to, 0, &s), -EINVAL);
    CHECK_EQ(hob_connect_any(to, 33, &s), -EINVAL);
    to[1] = (struct hob_address){0};
    CHECK_EQ(hob_connect_any(to, 3, &s), -EINVAL);
    hob_listener_close(l);
    return 0;
}

TASK_TEST(a_refusal_names_its_address) {
    struct hob_stream *s;
    CHECK_EQ(hob_connect("127.0.0.1:1", &s), -ECONNREFUSED);
    CHECK_STR(hob_error()->message, "connecting to 127.0.0.1:1: Connection refused");
    CHECK_EQ(hob_connect("unix:/nonexistent/x", &s), -ENOENT);
    CHECK_EQ(hob_connect("no port", &s), HOB_E_ADDRESS);
    return 0;
}

TEST_MAIN()
