/* dns_test.c - names to addresses: what is known without asking, the hosts file, the cache by TTL,
 * one query for many askers, and name servers of every kind, the hostile ones among them. The
 * server is the test's own (dns.h). The tests of c-ares are left out where it was left out of the
 * build. */
#include "dns.h"

#include <io/dns.h>
#include <pthread.h>
#include <sys/stat.h>

static struct hob_dns_info info(void) {
    struct hob_dns_info i;
    CHECK_EQ(hob_dns_info(&i), 0);
    return i;
}

static char file_name[64];
static void write_file(const char *text) {
    if (!file_name[0]) snprintf(file_name, sizeof file_name, "/tmp/hob-dns-test-%d", (int)getpid());
    FILE *f = fopen(file_name, "w");
    CHECK(f != NULL);
    CHECK(fputs(text, f) >= 0);
    CHECK_EQ(fclose(f), 0);
}

#define NO_NAME "-5013"
#define TEMPORARY "-5014"

/* ---- without asking ---- */

TASK_TEST(an_address_is_its_own_answer) {
    CHECK_STR(resolved("192.0.2.7", 0), "192.0.2.7");
    CHECK_STR(resolved("2001:db8::7", 0), "2001:db8::7");
    CHECK_STR(resolved("::ffff:192.0.2.7", AF_INET6), "::ffff:192.0.2.7");
    CHECK_STR(resolved("192.0.2.7", AF_INET6), NO_NAME);
    CHECK_HAS(hob_error()->message, "other family");
    CHECK_EQ(info().asked, 0);
    return 0;
}

TASK_TEST(an_address_may_have_a_scope) {
    struct hob_found f;
    CHECK_EQ(hob_resolve("fe80::1%lo", 0, &f, 1), 1);
    CHECK_EQ(f.address.ip.v6.sin6_scope_id, 1);
    CHECK_EQ(hob_resolve("fe80::1%77", 0, &f, 1), 1);
    CHECK_EQ(f.address.ip.v6.sin6_scope_id, 77);
    CHECK_EQ(f.ttl, UINT32_MAX);
    CHECK_EQ(hob_resolve("fe80::1%nosuchlink", 0, &f, 1), HOB_E_NAME);
    CHECK_EQ(hob_resolve("fe80::1%", 0, &f, 1), HOB_E_NAME);
    return 0;
}

TASK_TEST(localhost_is_the_loopback) {
    CHECK_STR(resolved("localhost", 0), "127.0.0.1 ::1");
    CHECK_STR(resolved("LocalHost.", AF_INET), "127.0.0.1");
    CHECK_STR(resolved("www.localhost", AF_INET6), "::1");
    CHECK_STR(resolved("notlocalhost.invalid", 0), NO_NAME);
    CHECK_STR(resolved("x.onion", 0), NO_NAME);
    CHECK_EQ(info().asked, 0);
    return 0;
}

TASK_TEST(what_is_no_host_name) {
    static const char *const bad[] = {
        "", ".", "a..b", ".a", "a b", "a/b", "caf\xc3\xa9.example", "0177.1:", "a\nb", "[::1]"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_STR(resolved(bad[i], 0), NO_NAME);
        CHECK(hob_error() && hob_error()->code == HOB_E_NAME);
    }
    char long_label[80], long_name[400];
    memset(long_label, 'a', 64), long_label[64] = 0;
    CHECK_STR(resolved(long_label, 0), NO_NAME);
    for (int i = 0; i < 399; i++) long_name[i] = i % 10 == 9 ? '.' : 'a';
    long_name[399] = 0;
    CHECK_STR(resolved(long_name, 0), NO_NAME);
    CHECK_HAS(hob_error()->message, "too long");
    struct hob_found f;
    CHECK_EQ(hob_resolve(NULL, 0, &f, 1), -EINVAL);
    CHECK_EQ(hob_resolve("a", 99, &f, 1), -EINVAL);
    CHECK_EQ(hob_resolve("a", 0, &f, 0), -EINVAL);
    CHECK_EQ(info().asked, 0);
    return 0;
}

TEST(addresses_as_text) {
    static const char *const good[] = {"192.0.2.7:80", "0.0.0.0:0", "[2001:db8::1]:65535",
                                       "[fe80::1%lo]:1"};
    static const char *const bad[] = {"",
                                      "a",
                                      "192.0.2.7",
                                      "192.0.2:1",
                                      "[::1]",
                                      "::1:80",
                                      "example.org:80",
                                      "192.0.2.7:65536",
                                      "192.0.2.7:x",
                                      "unix:/x",
                                      "0177.0.0.1:80",
                                      "[::g]:1"};
    char text[HOB_ADDRESS_TEXT];
    struct hob_address a, b;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        CHECK_EQ(hob_address_parse(good[i], &a), 0);
        CHECK_STR(hob_address_format(&a, text, sizeof text), good[i]);
        CHECK_EQ(hob_address_from(&a.ip.any, hob_address_size(&a), &b), 0);
        CHECK(hob_address_equal(&a, &b));
        hob_address_set_port(&b, 4711);
        CHECK_EQ(hob_address_port(&b), 4711);
        CHECK(!hob_address_equal(&a, &b));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK_EQ(hob_address_parse(bad[i], &a), HOB_E_ADDRESS);
    CHECK_EQ(hob_address_from(&(struct sockaddr){.sa_family = AF_UNIX}, 16, &a), -EAFNOSUPPORT);
    CHECK_EQ(hob_address_from(&(struct sockaddr){.sa_family = AF_INET6}, 16, &a), -EAFNOSUPPORT);
    CHECK_EQ(hob_address_parse(":80", &a), 0);
    CHECK_STR(hob_address_format(&a, text, sizeof text), "0.0.0.0:80");
}

/* ---- the hosts file ---- */

static int hosts_file(void) {
    write_file("# comment\n"
               "192.0.2.10  One one.test # two.test\n"
               "\t2001:db8::10\tone.test\r\n"
               "192.0.2.11 one.test\n"
               "nonsense three.test\n"
               "192.0.2.12\n"
               "\n"
               "fe80::1%lo  scoped\n"
               "192.0.2.13 last#x");
    CHECK_EQ(hob_dns_configure(&(struct hob_dns_options){.hosts = file_name,
                                                         .resolv_conf = "/dev/null",
                                                         .servers = "127.0.0.1:1",
                                                         .attempts = 1}),
             0);
    CHECK_STR(resolved("ONE.test.", 0), "192.0.2.10 192.0.2.11 2001:db8::10");
    CHECK_STR(resolved("one", 0), "192.0.2.10");
    CHECK_STR(resolved("one.test", AF_INET6), "2001:db8::10");
    CHECK_STR(resolved("last", 0), "192.0.2.13");
    CHECK_STR(resolved("last", AF_INET6), NO_NAME);
    CHECK_HAS(hob_error()->message, "hosts file");
    struct hob_found f;
    CHECK_EQ(hob_resolve("scoped", 0, &f, 1), 1);
    CHECK_EQ(f.address.ip.v6.sin6_scope_id, 1);
    struct hob_address a;
    char name[64];
    CHECK_EQ(hob_address_parse("192.0.2.10:80", &a), 0);
    CHECK_EQ(hob_resolve_address(&a, name, sizeof name), 3);
    CHECK_STR(name, "one");
    CHECK_EQ(hob_resolve_address(&a, name, 3), 3);
    CHECK_STR(name, "on");
    CHECK_EQ(info().asked, 0);
    CHECK_EQ(info().from_hosts, 8);
    return 0;
}
TASK_TEST(the_hosts_file_is_read) {
    int rc = hosts_file();
    unlink(file_name);
    return rc;
}

TASK_TEST(a_change_of_the_hosts_file_is_seen) {
    write_file("192.0.2.1 a.test\n");
    CHECK_EQ(hob_dns_configure(&(struct hob_dns_options){.hosts = file_name}), 0);
    CHECK_STR(resolved("a.test", AF_INET), "192.0.2.1");
    write_file("192.0.2.2 a.test\n192.0.2.3 a.test\n");
    CHECK_EQ(hob_sleep(1.1), 0);
    CHECK_STR(resolved("a.test", AF_INET), "192.0.2.2 192.0.2.3");
    write_file("192.0.2.4 a.test\n");
    hob_dns_flush(); /* at once */
    CHECK_STR(resolved("a.test", AF_INET), "192.0.2.4");
    unlink(file_name);
    return 0;
}

TASK_TEST(a_hosts_file_of_many_lines) {
    enum { LINES = 20000 };
    char *text = malloc(LINES * 40), *p = text;
    for (int i = 0; i < LINES; i++)
        p += sprintf(p, "10.%d.%d.%d host%d.test h%d\n", i >> 16, i >> 8 & 255, i & 255, i, i);
    write_file(text);
    free(text);
    CHECK_EQ(hob_dns_configure(&(struct hob_dns_options){.hosts = file_name}), 0);
    for (int i = 0; i < LINES; i += 997) {
        char name[32], ip[32];
        sprintf(name, i % 2 ? "h%d" : "host%d.test", i);
        sprintf(ip, "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
        CHECK_STR(resolved(name, 0), ip);
    }
    CHECK_EQ(info().asked, 0);
    unlink(file_name);
    return 0;
}

TASK_TEST(hosts_files_that_are_none) {
    CHECK_EQ(hob_dns_configure(&(struct hob_dns_options){.hosts = "/dev/zero"}), 0);
    CHECK_STR(resolved("localhost", AF_INET), "127.0.0.1");
    CHECK_EQ(mkfifo("/tmp/hob-dns-fifo", 0600) == 0 || errno == EEXIST, 1);
    struct hob_address a;
    CHECK_EQ(hob_address_parse("127.0.0.1:0", &a), 0);
    CHECK_EQ(hob_dns_configure(&(struct hob_dns_options){.hosts = "/tmp/hob-dns-fifo",
                                                         .servers = "127.0.0.1:1",
                                                         .attempts = 1,
                                                         .timeout = 0.01}),
             0);
    char name[256];
    hob_resolve_address(&a, name, sizeof name); /* whatever comes, it comes */
    unlink("/tmp/hob-dns-fifo");
    return 0;
}

/* ---- a message's bytes ---- */

/* Every beginning of a message ends right before a page that cannot be read. */
TEST(replies_that_end_early) {
    static const unsigned char q[] = "\0\1\1\0\0\1\0\0\0\0\0\0\2nx\4test\0\0\1\0\1";
    struct message m = SMALL_MESSAGE;
    CHECK(begin(&m, q, sizeof q - 1));
    put_soa(&m, 600, 30);
    CHECK_EQ(hob__dns_reply_ttl(m.b, m.n), 30);
    for (size_t n = 0; n < m.n; n++) {
        unsigned char *copy = malloc(n + 1); /* ASan and valgrind see a byte too much */
        memcpy(copy, m.b, n);
        CHECK(hob__dns_reply_ttl(copy, n) <= 30);
        free(copy);
    }
    for (size_t i = 2; i < m.n; i++) {
        for (unsigned v = 0; v < 256; v += 5) {
            unsigned char was = m.b[i];
            m.b[i] = (unsigned char)v;
            hob__dns_reply_ttl(m.b, m.n);
            m.b[i] = was;
        }
    }
    CHECK(begin(&m, q, sizeof q - 1));
    put_a(&m, NULL, 0x80000001u, "192.0.2.1"); /* RFC 2181 section 8: 0 */
    CHECK_EQ(hob__dns_reply_ttl(m.b, m.n), 0);
    CHECK(begin(&m, q, sizeof q - 1));
    CHECK_EQ(hob__dns_reply_ttl(m.b, m.n), -1);
}

/* ---- the order of addresses ---- */

static void candidate(struct hob__candidates *c, const char *to, const char *from) {
    struct hob__candidate *k = &c->list[c->n++];
    memset(k, 0, sizeof *k);
    CHECK_EQ(hob_address_parse_host(to, 0, &k->to), 0);
    k->probed = true;
    k->reachable = from != NULL;
    if (from) CHECK_EQ(hob_address_parse_host(from, 0, &k->from), 0);
}
static const char *sorted(struct hob__candidates *c, int after) {
    static char text[1024];
    text[0] = 0;
    hob__candidates_sort(NULL, c, after);
    for (unsigned i = 0; i < c->n; i++) {
        char one[HOB_ADDRESS_TEXT];
        strcat(strcat(text, i ? " " : ""), hob_address_format(&c->list[i].to, one, sizeof one));
    }
    return text;
}

/* The examples of RFC 6724 section 10.2 that its default table decides. */
TEST(addresses_in_order) {
    struct hob__candidates c = {.n = 0};
    candidate(&c, "198.51.100.121", "198.51.100.117");
    candidate(&c, "2001:db8:1::1", "2001:db8:1::2");
    CHECK_STR(sorted(&c, 0), "[2001:db8:1::1]:0 198.51.100.121:0");
    c.n = 0;
    candidate(&c, "2001:db8:1::1", "fe80::1"); /* matching scope */
    candidate(&c, "198.51.100.121", "198.51.100.117");
    CHECK_STR(sorted(&c, 0), "198.51.100.121:0 [2001:db8:1::1]:0");
    c.n = 0;
    candidate(&c, "2001:db8:1::1", NULL); /* out of reach */
    candidate(&c, "10.1.2.3", "10.1.2.4");
    CHECK_STR(sorted(&c, 0), "10.1.2.3:0 [2001:db8:1::1]:0");
    c.n = 0;
    candidate(&c, "2002:c633:6401::1", "2002:c633:6401::2"); /* a label that matches */
    candidate(&c, "2001:db8:1::1", "2002:c633:6401::2");
    CHECK_STR(sorted(&c, 0), "[2002:c633:6401::1]:0 [2001:db8:1::1]:0");
    c.n = 0;
    candidate(&c, "2001:db8:1::1", "2001:db8:1::2"); /* smaller scope */
    candidate(&c, "fe80::1", "fe80::2");
    CHECK_STR(sorted(&c, 0), "[fe80::1]:0 [2001:db8:1::1]:0");
    c.n = 0;
    candidate(&c, "2001:db8:3ffe::1", "2001:db8:3f44::2"); /* the longest prefix */
    candidate(&c, "2001:db8:1::1", "2001:db8:1::2");
    CHECK_STR(sorted(&c, 0), "[2001:db8:1::1]:0 [2001:db8:3ffe::1]:0");
}

TEST(families_take_turns) {
    struct hob__candidates c = {.n = 0};
    candidate(&c, "2001:db8::1", "2001:db8::9");
    candidate(&c, "2001:db8::2", "2001:db8::9");
    candidate(&c, "2001:db8::3", "2001:db8::9");
    candidate(&c, "192.0.2.1", "192.0.2.9");
    candidate(&c, "192.0.2.2", "192.0.2.9");
    struct hob__candidates other = c;
    CHECK_STR(sorted(&c, 0),
              "[2001:db8::1]:0 192.0.2.1:0 [2001:db8::2]:0 192.0.2.2:0 [2001:db8::3]:0");
    CHECK_STR(sorted(&other, AF_INET6),
              "192.0.2.1:0 [2001:db8::1]:0 192.0.2.2:0 [2001:db8::2]:0 [2001:db8::3]:0");
    other.list[0].tried = true; /* what has been tried stays where it is */
    CHECK_STR(sorted(&other, AF_INET),
              "192.0.2.1:0 [2001:db8::1]:0 192.0.2.2:0 [2001:db8::2]:0 [2001:db8::3]:0");
}

/* ---- the system's resolver ---- */

/* What it says of names is the machine's business; here that the loop lives on, and ends at once.
 */
static int asks_system(void) {
    struct hob_found f;
    hob_resolve("host.test", 0, &f, 1);
    return 0;
}
HOB_TASK(asks_system)
TASK_TEST(the_system_s_resolver_holds_nothing_up) {
    CHECK_EQ(hob_dns_configure(&(struct hob_dns_options){.system = true, .hosts = ""}), 0);
    CHECK_STR(info().resolver, "system");
    uint64_t began = hob_now();
    HOB_SCOPE(s, .deadline = hob_after(0.05));
    for (int i = 0; i < 100; i++) hob_spawn(s, asks_system);
    hob_join(s);
    CHECK(hob_now() - began < 5000000000u);
    return 0; /* the threads are left behind */
}

static int asks_nobody(void) {
    struct hob_found f;
    CHECK_EQ(hob_dns_configure(&(struct hob_dns_options){
                 .servers = "127.0.0.1:1", .hosts = "", .attempts = 1, .timeout = 0.05}),
             0);
    CHECK(hob_resolve("host.test", 0, &f, 1) < 0);
    return 0;
}
HOB_TASK(asks_nobody)
static void *ask_again(void *arg) {
    (void)arg;
    for (int i = 0; i < 20; i++) CHECK_EQ(hob_run(asks_nobody), 0);
    return NULL;
}
TEST(loops_of_several_threads) {
    pthread_t t[4];
    for (int i = 0; i < 4; i++) CHECK_EQ(pthread_create(&t[i], NULL, ask_again, NULL), 0);
    for (int i = 0; i < 4; i++) CHECK_EQ(pthread_join(t[i], NULL), 0);
}

TASK_TEST(options_that_are_wrong) {
    static const char *const bad[] = {"example.org", "192.0.2.1:x", "", " , ", "[::1", "1.2.3.4.5"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_EQ(hob_dns_configure(&(struct hob_dns_options){.servers = bad[i]}), -EINVAL);
        CHECK_HAS(hob_error()->message, "servers");
    }
    CHECK_EQ(hob_dns_configure(&(struct hob_dns_options){.timeout = -1}), -EINVAL);
    CHECK_EQ(hob_dns_configure(&(struct hob_dns_options){
                 .servers = "192.0.2.1, [2001:db8::1]:5353,::1 192.0.2.2:54"}),
             0);
    return 0;
}

/* ---- name servers ---- */

#ifdef HAVE_CARES

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

DNS_TEST(servers_that_cannot_tell, .timeout = 0.1) {
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
DNS_TEST(what_is_lost_is_asked_again, .timeout = 0.1, .attempts = 3) {
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
        from = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        break;
    }
    for (int i = 0; i < 5; i++) sendto(from, f.b, f.n, 0, (struct sockaddr *)to, sizeof *to);
    if (from != server.fd) close(from);
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
DNS_TEST(tcp_servers_that_misbehave, .timeout = 0.1) {
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
#endif

TEST_MAIN()
