/* dns_test.c - names to addresses without a name server: what is known without asking, the hosts
 * file, messages, the order of addresses, the system's resolver. */
#include "dns.h"

#include <io/dns/dns.h>
#include <netdb.h>
#include <pthread.h>
#include <sys/stat.h>

#include "../fuzz/fuzz.h"

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
                                       "[fe80::1%lo]:1", "[fe80::1%4294967295]:1"};
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

/* One address on two links is two addresses; on one link, named twice, it is one. */
TASK_TEST(an_address_of_a_link_is_given_once) {
    write_file("fe80::1%1 both\nfe80::1%2 both\nfe80::1%1 both again\n");
    CHECK_EQ(hob_dns_configure(&(struct hob_dns_options){.hosts = file_name}), 0);
    struct hob_found f[4];
    CHECK_EQ(hob_resolve("both", 0, f, 4), 2);
    CHECK(f[0].address.ip.v6.sin6_scope_id != f[1].address.ip.v6.sin6_scope_id);
    unlink(file_name);
    return 0;
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
    char fifo[64];
    snprintf(fifo, sizeof fifo, TEST_PATH, (int)getpid(), "fifo");
    CHECK_EQ(mkfifo(fifo, 0600), 0);
    struct hob_address a;
    CHECK_EQ(hob_address_parse("127.0.0.1:0", &a), 0);
    CHECK_EQ(hob_dns_configure(&(struct hob_dns_options){
                 .hosts = fifo, .servers = "127.0.0.1:1", .attempts = 1, .timeout = 0.01}),
             0);
    char name[256];
    hob_resolve_address(&a, name, sizeof name); /* whatever comes, it comes */
    unlink(fifo);
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
        CHECK(hob__dns_reply_ttl((unsigned char *)edge_copy(m.b, n), n) <= 30);
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

/* The C library's, taken over: it tells what it is asked for. */
int getnameinfo(const struct sockaddr *from, socklen_t size, char *host, socklen_t n, char *service,
                socklen_t service_size, int flags) {
    struct hob_address a;
    (void)service, (void)service_size, (void)flags;
    if (hob_address_from(from, size, &a) < 0) return EAI_FAMILY;
    hob_address_format_host(&a, host, n);
    return 0;
}

/* The name that stands for ::1 begins with "1.0.0.0.", as one of an IPv4 address might. */
TASK_TEST(the_system_s_resolver_is_asked_for_the_address_itself) {
    static const char *const addresses[] = {
        "2001:db8::1", "192.0.2.7",       "::", "2001:db8::abcd", "255.255.255.255",
        "::1",         "2001:db8::9:9999"};
    CHECK_EQ(hob_dns_configure(&(struct hob_dns_options){.system = true, .hosts = ""}), 0);
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        struct hob_address a;
        char name[HOB_ADDRESS_TEXT];
        CHECK_EQ(hob_address_parse_host(addresses[i], 0, &a), 0);
        CHECK(hob_resolve_address(&a, name, sizeof name) > 0);
        CHECK_STR(name, addresses[i]);
    }
    return 0;
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
    static const char *const bad[] = {"example.org", "192.0.2.1:x", "",           " , ",
                                      "[::1",        "1.2.3.4.5",   "fe80::1%lo", "[fe80::1%1]:53"};
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

TEST_MAIN()
