/* sim_dns_test.c - names in a simulated world: hosts' own, the table's, those of which no answer
 * comes; the resolver's cache and its shared queries by virtual time; a host's several addresses
 * tried as RFC 8305 says, with some of them dead or slow. */
#include <hob/dns.h>
#include <hob/hob.h>
#include <hob/serve.h>
#include <hob/sim.h>
#include <stdio.h>
#include <string.h>

#include "loop/sim/sim.h"

/* This run has only the faults that the test names itself. */
static void no_faults(void) { hob__sim_current->faults = (struct hob__sim_faults){.buggify = 0}; }

static double since(uint64_t began) { return (double)(hob_now() - began) / 1e9; }

static struct hob_dns_info info(void) {
    struct hob_dns_info i;
    HOB_SIM_CHECK(hob_dns_info(&i) == 0);
    return i;
}

/* ---- what is found ---- */

static int stay(void) { return hob_sleep(1e6); }
HOB_TASK(stay)

static bool is(const struct hob_found *f, const char *text) {
    char t[HOB_ADDRESS_TEXT];
    return strcmp(hob_address_format_host(&f->address, t, sizeof t), text) == 0;
}

HOB_SIM_TEST(a_host_is_found_by_its_name) {
    no_faults();
    struct hob_sim_host *h = hob_sim_host("db.example", stay);
    struct hob_found found[8];
    char name[64];
    HOB_SIM_CHECK(hob_resolve("db.EXAMPLE", 0, found, 8) == 2);
    HOB_SIM_CHECK(is(&found[0], hob_sim_address(h)) && is(&found[1], "fd00::2"));
    HOB_SIM_CHECK(hob_resolve("db.example", AF_INET6, found, 8) == 1);
    HOB_SIM_CHECK(hob_resolve_address(&found[0].address, name, sizeof name) > 0);
    HOB_SIM_CHECK(strcmp(name, "db.example") == 0);
    HOB_SIM_CHECK(hob_resolve("nobody.example", 0, found, 8) == HOB_E_NAME);
    HOB_SIM_CHECK(hob_resolve("localhost", 0, found, 8) == 2);
    HOB_SIM_CHECK(strcmp(info().resolver, "simulated") == 0);
    return 0;
}

HOB_SIM_TEST(names_that_are_not_answered) {
    no_faults();
    struct hob_found found[8];
    uint64_t began = hob_now();
    hob_sim_name("none.test", "");
    hob_sim_name("four.test", "10.0.0.1");
    hob_sim_name("silent.test", "10.0.0.1", .silent = true);
    hob_sim_name("broken.test", "10.0.0.1", .broken = true);
    HOB_SIM_CHECK(hob_resolve("none.test", 0, found, 8) == HOB_E_NAME);
    HOB_SIM_CHECK(hob_resolve("four.test", AF_INET6, found, 8) == HOB_E_NAME);
    HOB_SIM_CHECK(hob_resolve("four.test", 0, found, 8) == 1);
    HOB_SIM_CHECK(hob_resolve("broken.test", 0, found, 8) == HOB_E_NAME_TEMPORARY);
    HOB_SIM_CHECK(since(began) < 0.5);
    began = hob_now();
    HOB_SIM_CHECK(hob_resolve("silent.test", 0, found, 8) == HOB_E_NAME_TEMPORARY);
    HOB_SIM_CHECK(since(began) > 13.9 && since(began) < 14.2); /* 2 + 4 + 8 */
    HOB_TRY(hob_dns_configure(&(struct hob_dns_options){.timeout = 0.1, .attempts = 2}));
    began = hob_now();
    HOB_SIM_CHECK(hob_resolve("silent.test", 0, found, 8) == HOB_E_NAME_TEMPORARY);
    HOB_SIM_CHECK(since(began) > 0.29 && since(began) < 0.4);
    return 0;
}

/* ---- the cache ---- */

static unsigned last_octet(const char *name) {
    struct hob_found found[4];
    HOB_SIM_CHECK(hob_resolve(name, AF_INET, found, 4) == 1);
    return ntohl(found[0].address.ip.v4.sin_addr.s_addr) & 255;
}

HOB_SIM_TEST(an_answer_is_kept_for_its_time) {
    no_faults();
    hob_sim_name("moves.test", "10.0.0.1", .ttl = 10);
    HOB_SIM_CHECK(last_octet("moves.test") == 1);
    hob_sim_name("moves.test", "10.0.0.2", .ttl = -1);
    HOB_TRY(hob_sleep(9.5));
    HOB_SIM_CHECK(last_octet("moves.test") == 1);
    HOB_TRY(hob_sleep(1));
    HOB_SIM_CHECK(last_octet("moves.test") == 2);
    hob_sim_name("moves.test", "10.0.0.3"); /* the last answer was for those who waited alone */
    HOB_SIM_CHECK(last_octet("moves.test") == 3);
    hob_sim_name("moves.test", "10.0.0.4");
    HOB_SIM_CHECK(last_octet("moves.test") == 3);
    hob_dns_flush();
    HOB_SIM_CHECK(last_octet("moves.test") == 4);
    struct hob_found found[4];
    HOB_SIM_CHECK(hob_resolve("comes.test", AF_INET, found, 4) == HOB_E_NAME);
    hob_sim_name("comes.test", "10.0.0.5");
    HOB_SIM_CHECK(hob_resolve("comes.test", AF_INET, found, 4) == HOB_E_NAME);
    HOB_TRY(hob_sleep(6));
    HOB_SIM_CHECK(last_octet("comes.test") == 5);
    return 0;
}

static int asked_right, asked_in_vain;

static int ask(const char *name, double patience) {
    struct hob_found found[4];
    int rc = hob_within(patience, hob_resolve(name, 0, found, 4));
    if (rc == 2)
        asked_right++;
    else
        asked_in_vain += rc == -ETIMEDOUT;
    HOB_SIM_CHECK(rc == 2 || rc == -ETIMEDOUT);
    return 0;
}
HOB_TASK(ask, const char *, double)

HOB_SIM_TEST(a_thousand_askers_are_one_query) {
    no_faults();
    asked_right = asked_in_vain = 0;
    hob_sim_name("popular.test", "10.0.0.1, fd00::1", .delay = 0.5);
    HOB_SCOPE(s);
    for (int i = 0; i < 1000; i++) hob_spawn(s, ask, "popular.test", i % 2 ? 0.1 : 10.0);
    HOB_TRY(hob_join(s));
    HOB_SIM_CHECK(asked_right == 500 && asked_in_vain == 500);
    HOB_SIM_CHECK(info().queries == 2 && info().shared == 1998);
    HOB_SIM_CHECK(info().pending == 0 && info().cached == 2);
    return 0;
}

/* All leave; the answer comes all the same, and is kept. */
HOB_SIM_TEST(a_query_outlives_its_askers) {
    no_faults();
    asked_right = asked_in_vain = 0;
    hob_sim_name("late.test", "10.0.0.1, fd00::1", .delay = 1, .delay_v6 = 1.5);
    HOB_SCOPE(s);
    for (int i = 0; i < 10; i++) hob_spawn(s, ask, "late.test", 0.01 * i);
    HOB_TRY(hob_join(s));
    HOB_SIM_CHECK(asked_in_vain == 10 && info().pending == 2);
    HOB_TRY(hob_sleep(2));
    struct hob_found found[4];
    uint64_t began = hob_now();
    HOB_SIM_CHECK(hob_resolve("late.test", 0, found, 4) == 2);
    HOB_SIM_CHECK(since(began) < 0.001 && info().queries == 2);
    return 0;
}

/* ---- several addresses, RFC 8305 ---- */

static int close_at_once(struct hob_stream *s) {
    (void)s;
    return 0;
}
HOB_TASK(close_at_once, struct hob_stream *)

static int serve(void) {
    struct hob_listener *l;
    HOB_TRY(hob_listen("[::]:80", &l));
    int rc = hob_serve(l, close_at_once);
    hob_listener_close(l);
    return rc;
}
HOB_TASK(serve)

/* Four hosts with 10 ms between each and the test's: two serve, one is cut off, one refuses. IPv4
 * stands before unique local addresses (RFC 6724). */
static void four_hosts(void) {
    no_faults();
    struct hob_sim_host *h[4] = {hob_sim_host("good", serve), hob_sim_host("other", serve),
                                 hob_sim_host("dead", stay), hob_sim_host("closed", stay)};
    for (int i = 0; i < 4; i++) hob_sim_link(NULL, h[i], .delay = 0.01);
    hob_sim_partition(NULL, h[2]);
}

/* Connects to the name: the seconds that it took, and the peer; an error. */
static double connects(const char *name, const char *peer) {
    char where[64], text[HOB_ADDRESS_TEXT];
    struct hob_stream *s;
    uint64_t began = hob_now();
    snprintf(where, sizeof where, "%s:80", name);
    int rc = hob_connect(where, &s);
    if (rc < 0) return rc;
    double took = since(began);
    struct hob_address at;
    HOB_SIM_CHECK(hob_address_parse(hob_stream_peer(s), &at) == 0);
    HOB_SIM_CHECK(strcmp(hob_address_format_host(&at, text, sizeof text), peer) == 0);
    hob_close(s);
    return took;
}

static bool about(double took, double wanted) { return took >= wanted && took < wanted + 0.015; }

HOB_SIM_TEST(eyeballs_the_first_address_is_dead) {
    four_hosts();
    HOB_TRY(hob_sleep(0.1));
    hob_sim_name("svc.test", "10.0.0.4, fd00::2", .delay = 0.1);
    HOB_SIM_CHECK(about(connects("svc.test", "fd00::2"), 0.1 + 0.25 + 0.02));
    return 0;
}

HOB_SIM_TEST(eyeballs_two_are_dead_one_refuses) {
    four_hosts();
    HOB_TRY(hob_sleep(0.1));
    /* 10.0.0.4, then fd00::5 which refuses after 20 ms, so 10.0.0.5 at once, which does, too; then
     * fd00::4, and after another quarter of a second the one that lives. */
    hob_sim_name("svc.test", "10.0.0.4, 10.0.0.5, 10.0.0.2, fd00::5, fd00::4", .delay = 0.1);
    HOB_SIM_CHECK(about(connects("svc.test", "10.0.0.2"), 0.1 + 0.25 + 0.02 + 0.02 + 0.25 + 0.02));
    return 0;
}

HOB_SIM_TEST(eyeballs_all_refuse_or_are_dead) {
    four_hosts();
    HOB_TRY(hob_sleep(0.1));
    struct hob_stream *s;
    hob_sim_name("no.test", "10.0.0.5, fd00::5", .delay = 0.1);
    uint64_t began = hob_now();
    HOB_SIM_CHECK(hob_connect("no.test:80", &s) == -ECONNREFUSED);
    HOB_SIM_CHECK(about(since(began), 0.1 + 0.02 + 0.02));
    HOB_SIM_CHECK(strstr(hob_error()->message, "10.0.0.5:80") != NULL);
    HOB_SIM_CHECK(strstr(hob_error()->message, "[fd00::5]:80") != NULL);
    hob_error_clear();
    hob_sim_name("dead.test", "10.0.0.4, fd00::4");
    HOB_SIM_CHECK(hob_within(30, hob_connect("dead.test:80", &s)) == -ETIMEDOUT);
    HOB_SIM_CHECK(hob_connect("dead.test:80", &s) == -ETIMEDOUT); /* the SYNs' own end */
    hob_error_clear();
    return 0;
}

HOB_SIM_TEST(eyeballs_the_ipv6_answer_is_late) {
    four_hosts();
    HOB_TRY(hob_sleep(0.1));
    hob_sim_name("svc.test", "10.0.0.2, fd00::3", .delay = 0.1, .delay_v6 = 1);
    HOB_SIM_CHECK(about(connects("svc.test", "10.0.0.2"), 0.1 + 0.05 + 0.02));
    hob_sim_name("svc2.test", "10.0.0.2, fd00::3", .delay = 1, .delay_v6 = 0.1);
    HOB_SIM_CHECK(about(connects("svc2.test", "fd00::3"), 0.1 + 0.02));
    /* The late answer is still of use: the first address is dead. */
    hob_sim_name("svc3.test", "10.0.0.4, fd00::3", .delay = 0.1, .delay_v6 = 0.5);
    HOB_SIM_CHECK(about(connects("svc3.test", "fd00::3"), 0.5 + 0.02));
    /* No IPv6 at all: its answer says so, and nobody waits for the delay. */
    hob_sim_name("svc4.test", "10.0.0.2", .delay = 0.1, .delay_v6 = 0.12);
    HOB_SIM_CHECK(about(connects("svc4.test", "10.0.0.2"), 0.12 + 0.02));
    return 0;
}

/* The slow first address wins when it is done before the second. */
HOB_SIM_TEST(eyeballs_a_slow_first_and_a_slower_second) {
    four_hosts();
    HOB_TRY(hob_sleep(0.1));
    struct hob__sim *w = hob__sim_current;
    hob__sim_link_own(w, w->hosts[0], w->hosts[1])->delay_ns = 200000000; /* to "good" */
    hob__sim_link_own(w, w->hosts[0], w->hosts[2])->delay_ns = 900000000; /* to "other" */
    hob_sim_name("slow.test", "10.0.0.2, fd00::3", .delay = 0.1);
    HOB_SIM_CHECK(about(connects("slow.test", "10.0.0.2"), 0.1 + 0.21));
    hob_sim_name("slower.test", "10.0.0.3, fd00::2", .delay = 0.1);
    HOB_SIM_CHECK(about(connects("slower.test", "fd00::2"), 0.1 + 0.25 + 0.21));
    return 0;
}

/* Given up at any moment: no descriptor is left (the runner looks), and the next one connects. */
HOB_SIM_TEST(eyeballs_given_up_at_any_moment) {
    four_hosts();
    HOB_TRY(hob_sleep(0.1));
    hob_sim_name("svc.test", "10.0.0.4, 10.0.0.5, 10.0.0.2, fd00::5, fd00::4", .ttl = -1);
    for (int i = 0; i < 40; i++) {
        struct hob_stream *s;
        int rc = hob_within(hob_sim_uniform() * 0.7, hob_connect("svc.test:80", &s));
        HOB_SIM_CHECK(rc == 0 || rc == -ETIMEDOUT);
        if (rc == 0) hob_close(s);
        hob_error_clear();
    }
    HOB_TRY(hob_sleep(60)); /* queries that nobody waits for */
    HOB_SIM_CHECK(info().pending == 0);
    HOB_SIM_CHECK(connects("svc.test", "10.0.0.2") > 0);
    return 0;
}

/* ---- a service that moves, with every fault that a seed has ---- */

static int call(const char *where, char *who) {
    struct hob_stream *s;
    HOB_TRY(hob_connect(where, &s));
    int rc = (int)hob_read_exactly(s, who, 1);
    hob_close(s);
    return rc < 0 ? rc : 0;
}

static int say_b(struct hob_stream *s) { return (int)hob_write(s, "b", 1); }
HOB_TASK(say_b, struct hob_stream *)
static int say_a(struct hob_stream *s) { return (int)hob_write(s, "a", 1); }
HOB_TASK(say_a, struct hob_stream *)

static int service(bool b) {
    struct hob_listener *l;
    HOB_TRY(hob_listen("[::]:80", &l));
    int rc = b ? hob_serve(l, say_b) : hob_serve(l, say_a);
    hob_listener_close(l);
    return rc;
}
HOB_TASK(service, bool)

static int follower(uint64_t moved) {
    char who = 'a';
    while (who != 'b') {
        int rc = hob_within(2, call("service.test:80", &who));
        if (rc == -ECANCELED) return rc;
        hob_error_clear();
        HOB_SIM_CHECK(who == 'a' || who == 'b');
        HOB_SIM_CHECK(hob_now() < moved + UINT64_C(400000000000));
        HOB_TRY(hob_sleep(0.2));
    }
    return 0;
}
HOB_TASK(follower, uint64_t)

HOB_SIM_TEST(a_service_that_moves_is_found) {
    struct hob_sim_host *a = hob_sim_host("one", service, false),
                        *b = hob_sim_host("two", service, true), *c[3];
    hob_sim_name("service.test", "10.0.0.2, fd00::2", .ttl = 3);
    uint64_t moves = hob_now() + 5000000000;
    for (int i = 0; i < 3; i++) c[i] = hob_sim_host("client", follower, moves);
    HOB_TRY(hob_sleep(5));
    hob_sim_name("service.test", "10.0.0.2, 10.0.0.3, fd00::2", .ttl = 3);
    hob_sim_crash(a);
    for (int i = 0; i < 3; i++) HOB_SIM_CHECK(hob_sim_wait(c[i]) == 0);
    (void)b;
    return 0;
}

HOB_SIM_MAIN()
