/* dns_server_test.c - names asked of name servers: the cache by TTL, one query for many askers,
 * servers of every kind, the hostile ones among them. The server is the test's own (dns.h). Left
 * out where c-ares was left out of the build. */
#include "dns.h"

#include <hob/file.h>
#include <io/dns/dns.h>

#ifdef HAVE_CARES

DNS_TEST(servers_may_stand_apart) {
    char text[200];
    snprintf(text, sizeof text, " [::1]:1,%s ,, %s [::1]", server.servers, server.servers);
    CHECK_EQ(
        hob_dns_configure(&(struct hob_dns_options){.servers = text, .hosts = "", .timeout = 0.5}),
        0);
    CHECK_STR(resolved("host.test", AF_INET), "192.0.2.1 192.0.2.2");
    return 0;
}

DNS_TEST(a_name_is_asked_for_once) {
    CHECK_STR(info().resolver, "c-ares");
    CHECK_STR(resolved("host.test", AF_INET), "192.0.2.1 192.0.2.2");
    CHECK_STR(resolved("HOST.Test", AF_INET), "192.0.2.1 192.0.2.2");
    CHECK_EQ(server.udp_queries, 1);
    CHECK_STR(resolved("host.test", 0), "192.0.2.1 192.0.2.2 2001:db8::1");
    CHECK_EQ(server.udp_queries, 2);
    CHECK_EQ(info().from_cache, 2);
    CHECK_EQ(info().cached, 2);
    CHECK_EQ(info().pending, 0);
    struct hob_found f[4];
    CHECK_EQ(hob_resolve("host.test", AF_INET, f, 1), 1);
    CHECK(f[0].ttl > 20 && f[0].ttl <= 30); /* the least of the answer */
    return 0;
}

/* More reads than there are worker threads, none of which ends: a name is looked up all the same.
 */
static int stuck;
static int reads_for_ever(int fd) {
    char byte;
    struct iovec v = {&byte, 1};
    stuck++;
    ssize_t n = hob_preadv(fd, &v, 1, -1);
    stuck--;
    return n == 1 ? 0 : -EIO;
}
HOB_TASK(reads_for_ever, int)

DNS_TEST(a_name_does_not_wait_behind_files) {
    enum { READS = 100 };
    int p[2];
    CHECK_EQ(pipe2(p, O_CLOEXEC), 0);
    HOB_SCOPE(s);
    for (int i = 0; i < READS; i++) hob_spawn(s, reads_for_ever, p[0]);
    CHECK_EQ(hob_sleep(0.05), 0);
    CHECK_STR(resolved("host.test", AF_INET), "192.0.2.1 192.0.2.2");
    struct hob_found f[4];
    CHECK_EQ(hob_resolve("truncated.test", AF_INET, f, 4), 4); /* by TCP */
    CHECK(server.tcp_queries > 0);
    CHECK_EQ(stuck, READS);
    char bytes[READS] = {0};
    CHECK_EQ(write(p[1], bytes, READS), READS);
    CHECK_EQ(hob_join(s), 0);
    close(p[0]);
    close(p[1]);
    return 0;
}

DNS_TEST(equal_addresses_take_turns) {
    struct hob_found f;
    int firsts[3] = {0};
    for (int i = 0; i < 10; i++) {
        CHECK_EQ(hob_resolve("host.test", AF_INET, &f, 1), 1);
        firsts[ntohl(f.address.ip.v4.sin_addr.s_addr) & 3]++;
    }
    CHECK_EQ(firsts[1], 5);
    CHECK_EQ(firsts[2], 5);
    return 0;
}

static int came;
static int asks_held(void) {
    const char *text = resolved("held.test", AF_INET);
    if (hob_cancelled()) return -ECANCELED;
    CHECK_STR(text, "192.0.2.1 192.0.2.2");
    came++;
    return 0;
}
HOB_TASK(asks_held)

DNS_TEST(a_thousand_askers_are_one_query) {
    HOB_SCOPE(s);
    for (int i = 0; i < 1000; i++) hob_spawn(s, asks_held);
    while (server.udp_queries == 0) HOB_TRY(hob_sleep(0.001));
    CHECK_EQ(hob_sleep(0.02), 0);
    CHECK_EQ(came, 0);
    hob_event_set(&server.go);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(came, 1000);
    CHECK_EQ(server.udp_queries, 1);
    CHECK_EQ(info().queries, 1);
    CHECK_EQ(info().shared, 999);
    return 0;
}

DNS_TEST(a_cancelled_asker_harms_nobody) {
    HOB_SCOPE(s);
    struct hob_task *t[10];
    for (int i = 0; i < 10; i++) t[i] = hob_spawn(s, asks_held);
    while (server.udp_queries == 0) HOB_TRY(hob_sleep(0.001));
    hob_cancel(t[0]); /* the first one, whose query it is */
    hob_cancel(t[5]);
    CHECK_EQ(hob_sleep(0.001), 0);
    CHECK(hob_task_was_cancelled(t[0]) && hob_task_was_cancelled(t[5]));
    hob_event_set(&server.go);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(came, 8);
    CHECK_EQ(server.udp_queries, 1);
    return 0;
}

DNS_TEST(the_answer_comes_though_all_have_left) {
    struct hob_found f[4];
    CHECK_EQ(hob_within(0.02, hob_resolve("held.test", AF_INET, f, 4)), -ETIMEDOUT);
    CHECK_EQ(info().pending, 1);
    hob_event_set(&server.go);
    while (info().cached == 0) HOB_TRY(hob_sleep(0.001));
    CHECK_STR(resolved("held.test", AF_INET), "192.0.2.1 192.0.2.2");
    CHECK_EQ(server.udp_queries, 1);
    return 0;
}

DNS_TEST(the_end_does_not_wait_for_a_query, .timeout = 1000) {
    struct hob_found f[4];
    CHECK_EQ(hob_within(0.02, hob_resolve("silent.test", 0, f, 4)), -ETIMEDOUT);
    return 0; /* the test's 60 seconds would tell */
}

DNS_TEST(ttl_0_is_for_those_who_wait) {
    server.last_octet = 1;
    CHECK_STR(resolved("var.test", AF_INET), "192.0.2.1");
    server.last_octet = 2;
    CHECK_STR(resolved("var.test", AF_INET), "192.0.2.2");
    CHECK_EQ(info().cached, 0);
    CHECK_EQ(server.udp_queries, 2);
    return 0;
}

DNS_TEST(ttl_1_lasts_a_second) {
    server.ttl = 1;
    server.last_octet = 1;
    uint64_t began = hob_now();
    CHECK_STR(resolved("var.test", AF_INET), "192.0.2.1");
    server.last_octet = 2;
    const char *second = resolved("var.test", AF_INET);
    if (hob_now() - began < 900000000) CHECK_STR(second, "192.0.2.1");
    CHECK_EQ(hob_sleep(1.01), 0);
    CHECK_STR(resolved("var.test", AF_INET), "192.0.2.2");
    return 0;
}

DNS_TEST(ttl_has_a_bound, .max_ttl = 1) {
    CHECK_STR(resolved("host.test", AF_INET), "192.0.2.1 192.0.2.2");
    CHECK_EQ(hob_sleep(1.01), 0);
    CHECK_STR(resolved("host.test", AF_INET), "192.0.2.1 192.0.2.2");
    CHECK_EQ(server.udp_queries, 2);
    return 0;
}

DNS_TEST(without_a_cache_askers_still_share, .no_cache = true) {
    HOB_SCOPE(s);
    for (int i = 0; i < 100; i++) hob_spawn(s, asks_held);
    CHECK_EQ(hob_sleep(0.01), 0);
    hob_event_set(&server.go);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(server.udp_queries, 1);
    CHECK_EQ(info().cached, 0);
    CHECK_STR(resolved("held.test", AF_INET), "192.0.2.1 192.0.2.2");
    CHECK_EQ(server.udp_queries, 2);
    return 0;
}

DNS_TEST(the_cache_has_a_bound, .cache_entries = 10) {
    char name[32];
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "host.n%d.test", i);
        CHECK_STR(resolved(name, AF_INET), "192.0.2.1 192.0.2.2");
        CHECK_STR(resolved("host.n0.test", AF_INET), "192.0.2.1 192.0.2.2"); /* used: it stays */
        CHECK(info().cached <= 10);
    }
    CHECK_EQ(server.udp_queries, 40);
    CHECK_STR(resolved("host.n5.test", AF_INET), "192.0.2.1 192.0.2.2");
    CHECK_EQ(server.udp_queries, 41);
    return 0;
}

static const char *many_label = "host";
static int asks_many(int i) {
    char name[32];
    snprintf(name, sizeof name, "%s.n%d.test", many_label, i);
    const char *text = resolved(name, 0);
    if (hob_cancelled()) return -ECANCELED;
    CHECK_STR(text, "192.0.2.1 192.0.2.2 2001:db8::1");
    came++;
    return 0;
}
HOB_TASK(asks_many, int)

DNS_TEST(many_names_take_their_turns, .queries = 20) {
    HOB_SCOPE(s);
    many_label = "held";
    for (int i = 0; i < 500; i++) hob_spawn(s, asks_many, i);
    while (info().pending < 1000) HOB_TRY(hob_sleep(0.001));
    CHECK_EQ(info().queries, 20);
    hob_event_set(&server.go);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(came, 500);
    CHECK_EQ(server.udp_queries, 1000);
    return 0;
}

DNS_TEST(what_nobody_asks_for_any_more_is_not_asked, .queries = 1) {
    HOB_SCOPE(s);
    hob_spawn(s, asks_held);
    struct hob_task *t[50];
    for (int i = 0; i < 50; i++) t[i] = hob_spawn(s, asks_many, i);
    while (info().pending < 101) HOB_TRY(hob_sleep(0.001));
    for (int i = 0; i < 50; i++) hob_cancel(t[i]);
    while (info().pending > 1) HOB_TRY(hob_sleep(0.001));
    hob_event_set(&server.go);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(server.udp_queries, 1);
    return 0;
}

DNS_TEST(no_such_host_is_kept_a_while) {
    CHECK_STR(resolved("nx.test", 0), NO_NAME);
    CHECK_HAS(hob_error()->message, "host 'nx.test': no such host");
    CHECK_STR(resolved("nx.test", 0), NO_NAME);
    CHECK_EQ(server.udp_queries, 2); /* A and AAAA */
    CHECK_STR(resolved("nx1.test", AF_INET), NO_NAME);
    CHECK_STR(resolved("empty.test", AF_INET), NO_NAME);
    CHECK_HAS(hob_error()->message, "no such record");
    CHECK_EQ(server.udp_queries, 4);
    CHECK_EQ(hob_sleep(1.01), 0); /* what their zones say */
    CHECK_STR(resolved("nx1.test", AF_INET), NO_NAME);
    CHECK_STR(resolved("empty.test", AF_INET), NO_NAME);
    CHECK_EQ(server.udp_queries, 6);
    return 0;
}

DNS_TEST(no_such_host_has_a_bound, .negative_ttl = 1) {
    CHECK_STR(resolved("nx.test", AF_INET), NO_NAME);
    CHECK_EQ(hob_sleep(1.01), 0);
    CHECK_STR(resolved("nx.test", AF_INET), NO_NAME);
    CHECK_EQ(server.udp_queries, 2);
    return 0;
}

DNS_TEST(one_family_is_enough) {
    CHECK_STR(resolved("v4only.test", 0), "192.0.2.4");
    CHECK_STR(resolved("v4only.test", AF_INET6), NO_NAME);
    return 0;
}

DNS_TEST(aliases_are_followed) {
    struct hob_found f;
    CHECK_STR(resolved("chain.test", 0), "192.0.2.7 2001:db8::7");
    CHECK_EQ(hob_resolve("chain.test", AF_INET, &f, 1), 1);
    CHECK(f.ttl > 10 && f.ttl <= 20);
    CHECK(hob_resolve("circle.test", 0, &f, 1) < 0);
    return 0;
}

DNS_TEST(servers_that_cannot_tell, .timeout = 0.5) {
    CHECK_STR(resolved("servfail.test", 0), TEMPORARY);
    CHECK_STR(resolved("refused.test", 0), TEMPORARY);
    int before = server.udp_queries;
    CHECK_STR(resolved("servfail.test", 0), TEMPORARY); /* not kept */
    CHECK_EQ(server.udp_queries, before + 2);
    CHECK_STR(resolved("silent.test", 0), TEMPORARY);
    CHECK_HAS(hob_error()->message, "no name server answers");
    CHECK_STR(resolved("silent6.test", 0), "192.0.2.1 192.0.2.2");
    return 0;
}

DNS_TEST(nobody_is_there, .servers = "127.0.0.1:1", .attempts = 2) {
    CHECK_STR(resolved("host.test", 0), TEMPORARY);
    CHECK_EQ(server.udp_queries, 0);
    return 0;
}

static int lose_two(struct message *m, struct sockaddr_in *to) {
    static int lost;
    (void)m, (void)to;
    return lost++ < 2 ? 0 : -1;
}
DNS_TEST(what_is_lost_is_asked_again, .timeout = 0.5, .attempts = 3) {
    server_hook = lose_two;
    CHECK_STR(resolved("host.test", AF_INET), "192.0.2.1 192.0.2.2");
    CHECK_EQ(server.udp_queries, 3);
    return 0;
}

/* ---- hostile ones: the true answer comes behind the false ---- */

static enum { WRONG_ID, WRONG_QUESTION, NOISE, SHORT, A_QUERY, WRONG_SENDER } lie;

static int lies(struct message *m, struct sockaddr_in *to) {
    struct message f = SMALL_MESSAGE;
    int from = server.fd;
    put(&f, m->b, m->n);
    put_a(&f, NULL, 60, "203.0.113.66");
    switch (lie) {
    case WRONG_ID:
        f.b[0] ^= 0x55;
        break;
    case WRONG_QUESTION:
        f.b[13] ^= 1;
        break;
    case NOISE:
        for (size_t i = 0; i < f.n; i++) f.b[i] = (unsigned char)(i * 7 + 3);
        break;
    case SHORT:
        f.n = 7;
        break;
    case A_QUERY:
        f.b[2] &= 0x7f;
        f.b[0] ^= 1;
        break;
    case WRONG_SENDER:
        from = sys()->socket(here(), AF_INET, SOCK_DGRAM, 0);
        break;
    }
    for (int i = 0; i < 5; i++) send_from(from, f.b, f.n, to);
    if (from != server.fd) sys()->close(here(), from);
    return -1;
}

DNS_TEST(false_answers_are_not_believed) {
    server_hook = lies;
    for (lie = WRONG_ID; lie <= WRONG_SENDER; lie++) {
        char name[32];
        snprintf(name, sizeof name, "host.lie%d.test", lie);
        CHECK_STR(resolved(name, AF_INET), "192.0.2.1 192.0.2.2");
    }
    return 0;
}

/* Answers whose insides are broken: an error or the truth, never more. */
static unsigned seed;
static int mangles(struct message *m, struct sockaddr_in *to) {
    (void)to;
    answer(m, false);
    for (int i = 0; i < 4; i++) {
        seed = seed * 1103515245 + 12345;
        size_t at = 12 + (seed >> 8) % (m->n - 12);
        if (at < m->n) m->b[at] = (unsigned char)(seed >> 24);
    }
    if (seed % 5 == 0) m->n = 12 + seed / 7 % (m->n - 12);
    return 1;
}
DNS_TEST(broken_answers_break_nothing, .timeout = 0.02) {
    server_hook = mangles;
    struct hob_found f[32];
    for (int i = 0; i < 150; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s.m%d.test", i % 3 ? "host" : "chain", i);
        hob_resolve(name, i % 2 ? AF_INET : AF_INET6, f, 32);
    }
    return 0;
}

DNS_TEST(what_does_not_fit_comes_by_tcp) {
    char *text = strdup(resolved("truncated.test", AF_INET));
    CHECK_HAS(text, "198.51.0.1 ");
    int count = 1;
    for (char *p = text; *p; p++) count += *p == ' ';
    CHECK_EQ(count, HOB__DNS_KEPT);
    free(text);
    CHECK_EQ(server.tcp_queries, 1);
    CHECK_HAS(resolved("huge.test", AF_INET), "198.51.");
    CHECK_EQ(server.tcp_queries, 2);
    HOB_SCOPE(s);
    for (int i = 0; i < 20; i++) hob_spawn(s, asks_many, i); /* others are not disturbed */
    CHECK_EQ(hob_join(s), 0);
    return 0;
}

static int tcp_lies(struct hob_stream *s, struct message *m) {
    static int turn;
    unsigned char junk[4096];
    memset(junk, 0xa5, sizeof junk);
    switch (turn++ % 4) {
    case 0: /* ends at once */
        return -EPIPE;
    case 1: /* half a message, then the end */
        hob_write(s, (unsigned char[]){4, 0}, 2);
        hob_write(s, m->b, m->n);
        return -EPIPE;
    case 2: /* noise without end, for a while */
        for (int i = 0; i < 500; i++) {
            int rc = (int)hob_write(s, junk, sizeof junk);
            if (rc < 0) return rc;
        }
        return -EPIPE;
    default: /* an empty message, again and again */
        for (int i = 0; i < 1000; i++) {
            int rc = (int)hob_write(s, (unsigned char[]){0, 0}, 2);
            if (rc < 0) return rc;
        }
        return -EPIPE;
    }
}
DNS_TEST(tcp_servers_that_misbehave, .timeout = 0.5) {
    tcp_hook = tcp_lies;
    for (int i = 0; i < 8; i++) {
        char name[32];
        snprintf(name, sizeof name, "truncated.t%d.test", i);
        CHECK_STR(resolved(name, AF_INET), TEMPORARY);
        CHECK_STR(resolved("host.test", AF_INET), "192.0.2.1 192.0.2.2");
    }
    return 0;
}

DNS_TEST(an_address_has_a_name) {
    struct hob_address a;
    char name[64];
    CHECK_EQ(hob_address_parse_host("192.0.2.9", 80, &a), 0);
    CHECK_EQ(hob_resolve_address(&a, name, sizeof name), 9);
    CHECK_STR(name, "nine.test");
    CHECK_EQ(hob_address_parse_host("::ffff:192.0.2.9", 0, &a), 0);
    CHECK_EQ(hob_resolve_address(&a, name, sizeof name), 9);
    CHECK_EQ(server.udp_queries, 1);
    CHECK_EQ(hob_address_parse_host("2001:db8::1", 0, &a), 0);
    CHECK_EQ(hob_resolve_address(&a, name, sizeof name), 8);
    CHECK_STR(name, "six.test");
    CHECK_STR(server.last,
              "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
    CHECK_EQ(hob_address_parse_host("192.0.2.10", 0, &a), 0);
    CHECK_EQ(hob_resolve_address(&a, name, sizeof name), HOB_E_NAME);
    memset(&a, 0, sizeof a);
    CHECK_EQ(hob_resolve_address(&a, name, sizeof name), -EINVAL);
    return 0;
}

/* ---- resolv.conf ---- */

DNS_TEST(resolv_conf_is_read_and_its_changes_too) {
    struct hob_dns_options o = {.resolv_conf = file_name, .hosts = ""};
    write_file("nameserver 127.0.0.77\nsearch example.test\noptions timeout:1 attempts:1\n");
    o.servers = server.servers; /* the port is not the usual one */
    CHECK_EQ(hob_dns_configure(&o), 0);
    CHECK_STR(resolved("host", AF_INET), "192.0.2.1 192.0.2.2");
    CHECK_STR(server.last, "host.example.test");
    CHECK_STR(resolved("host.", AF_INET), "192.0.2.1 192.0.2.2"); /* a dot: as it stands */
    CHECK_STR(server.last, "host");
    uint64_t began = hob_now();
    CHECK_STR(resolved("silent.x.test.", AF_INET), TEMPORARY);
    uint64_t took = hob_now() - began;
    CHECK(took >= 1000000000 && took < 5000000000u);
    write_file("search other.test\noptions timeout:1 attempts:1\n");
    CHECK_EQ(hob_sleep(1.1), 0);
    CHECK_STR(resolved("host", 0), "192.0.2.1 192.0.2.2 2001:db8::1");
    CHECK_STR(server.last, "host.other.test");
    unlink(file_name);
    return 0;
}

static int asks_slow(void) {
    CHECK_STR(resolved("slow.test", 0), "192.0.2.1 192.0.2.2 2001:db8::1");
    came++;
    return 0;
}
HOB_TASK(asks_slow)
DNS_TEST(new_options_while_queries_run) {
    HOB_SCOPE(s);
    for (int i = 0; i < 10; i++) hob_spawn(s, asks_slow);
    CHECK_EQ(hob_sleep(0.05), 0);
    CHECK_EQ(server.udp_queries, 2);
    CHECK_EQ(hob_dns_configure(
                 &(struct hob_dns_options){.servers = server.servers, .hosts = "", .timeout = 5}),
             0);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(came, 10);
    CHECK_EQ(server.udp_queries, 4); /* begun anew */
    hob_dns_flush();
    CHECK_EQ(info().cached, 0);
    return 0;
}

DNS_TEST(listening_by_name) {
    struct hob_listener *l;
    CHECK_EQ(hob_listen("localhost:0", &l), 0);
    CHECK_HAS(hob_listener_address(l), "127.0.0.1:");
    hob_listener_close(l);
    CHECK_EQ(hob_listen("nx.test:0", &l), HOB_E_NAME);
    return 0;
}

/* ---- before the loop looks ---- */

static int asks_v4(const char *host, const char *answer) {
    CHECK_STR(resolved(host, AF_INET), answer);
    return 0;
}
HOB_TASK(asks_v4, const char *, const char *)

/* The query is answered within the turn in which it was sent: the answer lies in the socket before
 * the kernel has been told to watch it. And again when the socket is watched. */
TASK_TEST(an_answer_that_is_there_before_its_socket_is_watched) {
    char servers[32];
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = sys()->socket(here(), AF_INET, SOCK_DGRAM, 0);
    CHECK_EQ(sys()->bind(here(), fd, (struct sockaddr *)&at, size), 0);
    CHECK_EQ(sys()->getsockname(here(), fd, (struct sockaddr *)&at, &size), 0);
    snprintf(servers, sizeof servers, "127.0.0.1:%d", ntohs(at.sin_port));
    CHECK_EQ(hob_dns_configure(&(struct hob_dns_options){.servers = servers,
                                                         .hosts = "",
                                                         .resolv_conf = "/dev/null",
                                                         .timeout = 20,
                                                         .attempts = 1}),
             0);
    for (int i = 0; i < 2; i++) {
        unsigned char q[600];
        struct message m = SMALL_MESSAGE;
        HOB_SCOPE(s);
        hob_spawn(s, asks_v4, i ? "v4only.test" : "chain.test", i ? "192.0.2.4" : "192.0.2.7");
        HOB_TRY(hob_yield_now()); /* it has asked */
        CHECK(sys()->poll(here(), fd, POLLIN) > 0);
        ssize_t n = sys()->recvfrom(here(), fd, q, sizeof q, 0, (struct sockaddr *)&at, &size);
        CHECK(n > 0 && begin(&m, q, (size_t)n) && answer(&m, false));
        CHECK_EQ(send_from(fd, m.b, m.n, &at), m.n);
        HOB_TRY(hob_join(s));
    }
    sys()->close(here(), fd);
    return 0;
}

TEST_MAIN()
#else
int main(void) {
    puts("built without c-ares: names are the system resolver's to ask for");
    return 77; /* skipped */
}
#endif
