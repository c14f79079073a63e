/* sim_ares_test.c - c-ares in a simulated world: the real resolver asks a name server on another
 * host, over simulated UDP and TCP, and its time-outs pass by virtual time. Questions and answers
 * get lost, come twice and late, the server crashes, askers are cancelled; what is found is never
 * wrong. */
#include "dns.h"

#include <hob/serve.h>
#include <hob/sim.h>

#include "loop/sim/sim.h"

#ifdef HAVE_CARES

/* This run has only the faults that the test names itself. */
static void no_faults(void) { hob__sim_current->faults = (struct hob__sim_faults){.buggify = 0}; }

static double since(uint64_t began) { return (double)(hob_now() - began) / 1e9; }

/* ---- the server's host ---- */

static char server_host[32];

static int name_server(void) {
    HOB_SCOPE(s);
    HOB_TRY(bind_server(server_host, 53));
    hob_spawn(s, serve_udp);
    hob_spawn(s, accept_tcp);
    int rc = hob_join(s);
    hob_listener_close(server.tcp);
    sys()->close(here(), server.fd);
    return rc;
}
HOB_TASK(name_server)

/* Its host, and this loop's resolver, which asks it. */
static struct hob_sim_host *begin_server(struct hob_dns_options o) {
    struct hob_sim_host *h = hob_sim_host("ns", name_server);
    snprintf(server_host, sizeof server_host, "%s", hob_sim_address(h));
    while (!server.servers[0]) CHECK_EQ(hob_sleep(0.001), 0);
    CHECK_EQ(hob_sleep(0.01), 0); /* its other socket */
    o.servers = server.servers;
    CHECK_EQ(hob_dns_configure(&o), 0);
    CHECK_STR(info().resolver, "c-ares");
    return h;
}
static const struct hob_dns_options usual;

/* ---- what is found, and when ---- */

HOB_SIM_TEST(answers_come_from_another_host) {
    no_faults();
    struct hob_sim_host *h = begin_server(usual);
    hob_sim_link(NULL, h, .delay = 0.01);
    uint64_t began = hob_now();
    CHECK_STR(resolved("host.test", 0), "192.0.2.1 192.0.2.2 2001:db8::1");
    CHECK(since(began) >= 0.02 && since(began) < 0.03);
    CHECK_STR(resolved("chain.test", AF_INET), "192.0.2.7");
    CHECK_STR(resolved("nx.test", 0), NO_NAME);
    CHECK_STR(resolved("servfail.test", 0), TEMPORARY);
    CHECK_EQ(server.tcp_queries, 0);
    CHECK_HAS(resolved("truncated.test", AF_INET), "198.51.0.1 ");
    CHECK_EQ(server.tcp_queries, 1);
    hob_error_clear();
    return 0;
}

/* What a program names for the real world has no say in this one. */
HOB_SIM_TEST(other_servers_are_the_table) {
    no_faults();
    hob_sim_name("host.test", "10.0.0.9");
    CHECK_EQ(hob_dns_configure(&(struct hob_dns_options){.servers = "192.0.2.53,2001:db8::1"}), 0);
    CHECK_STR(resolved("host.test", 0), "10.0.0.9");
    CHECK_STR(info().resolver, "simulated");
    begin_server(usual);
    char two[64];
    snprintf(two, sizeof two, "192.0.2.53 %s", server.servers);
    CHECK_EQ(hob_dns_configure(&(struct hob_dns_options){.servers = two}), 0);
    CHECK_STR(info().resolver, "c-ares");
    CHECK_STR(resolved("host.test", AF_INET), "192.0.2.1 192.0.2.2");
    return 0;
}

HOB_SIM_TEST(its_timeouts_are_virtual) {
    no_faults();
    struct hob_sim_host *h = begin_server(usual);
    hob_sim_partition(NULL, h);
    uint64_t began = hob_now();
    CHECK_STR(resolved("host.test", AF_INET), TEMPORARY);
    CHECK(since(began) >= 14 && since(began) < 14.1); /* 2 + 4 + 8 seconds */
    CHECK_HAS(hob_error()->message, "no name server answers");
    CHECK_EQ(server.udp_queries, 0);
    hob_sim_heal(NULL, h);
    began = hob_now();
    CHECK_STR(resolved("host.test", AF_INET), "192.0.2.1 192.0.2.2");
    CHECK(since(began) < 1);
    hob_error_clear();
    return 0;
}

HOB_SIM_TEST(a_late_answer_is_taken) {
    no_faults();
    struct hob_sim_host *h = begin_server(usual);
    hob_sim_link(NULL, h, .delay = 1.5); /* there and back: behind the first time-out */
    uint64_t began = hob_now();
    CHECK_STR(resolved("host.test", AF_INET), "192.0.2.1 192.0.2.2");
    CHECK(since(began) >= 3 && since(began) < 3.1);
    HOB_TRY(hob_sleep(10)); /* the second answer, for nobody */
    CHECK_STR(resolved("host.test", AF_INET), "192.0.2.1 192.0.2.2");
    CHECK_EQ(info().from_cache, 1);
    CHECK_EQ(server.udp_queries, 2);
    return 0;
}

static int restarts_it(struct hob_sim_host *h) {
    HOB_TRY(hob_sleep(2.5));
    hob_sim_restart(h, name_server);
    return 0;
}
HOB_TASK(restarts_it, struct hob_sim_host *)

HOB_SIM_TEST(a_server_that_comes_back_is_asked_again) {
    no_faults();
    struct hob_sim_host *h = begin_server((struct hob_dns_options){.timeout = 1, .attempts = 4});
    HOB_TRY(hob_sleep(1));
    hob_sim_crash(h);
    HOB_SCOPE(s);
    CHECK(hob_spawn(s, restarts_it, h) != NULL);
    uint64_t began = hob_now();
    CHECK_STR(resolved("host.test", AF_INET), "192.0.2.1 192.0.2.2");
    CHECK(since(began) > 3 && since(began) < 8);
    return hob_join(s);
}

/* ---- with every fault that a seed has ---- */

static const struct {
    const char *name, *right;
} questions[] = {{"host.a.test", "192.0.2.1 192.0.2.2 2001:db8::1"},
                 {"host.b.test", "192.0.2.1 192.0.2.2 2001:db8::1"},
                 {"chain.test", "192.0.2.7 2001:db8::7"},
                 {"v4only.test", "192.0.2.4"},
                 {"nx.test", NO_NAME}};
static unsigned right, given_up, untold;

/* One answer of two may be lost for good: then there is the other family's alone. */
static bool is_part_of(const char *text, const char *all) {
    char copy[256];
    snprintf(copy, sizeof copy, "%s", text);
    for (char *rest, *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        if (!strstr(all, word)) return false;
    return true;
}

static const char *text_of(int n, struct hob_found *f) {
    static char text[256];
    size_t at = 0;
    text[0] = 0;
    for (int i = 0; i < n; i++) {
        char one[HOB_ADDRESS_TEXT];
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", at ? " " : "",
                               hob_address_format_host(&f[i].address, one, sizeof one));
    }
    return text;
}

static int ask_one(void) {
    size_t k = hob_sim_random(sizeof questions / sizeof questions[0]);
    struct hob_found f[8];
    double patience = hob_sim_random(3) ? 1e3 : hob_sim_uniform() * 0.2;
    int rc = hob_within(patience, hob_resolve(questions[k].name, 0, f, 8));
    hob_error_clear();
    if (rc == -ECANCELED) return rc;
    if (rc == -ETIMEDOUT) {
        given_up++;
    } else if (rc == HOB_E_NAME_TEMPORARY) {
        untold++;
    } else if (rc == HOB_E_NAME) {
        CHECK_STR(questions[k].right, NO_NAME);
        right++;
    } else {
        CHECK(rc > 0);
        CHECK(is_part_of(text_of(rc, f), questions[k].right));
        right++;
    }
    return 0;
}
static int asks_often(int times) {
    for (int i = 0; i < times; i++) {
        HOB_TRY(ask_one());
        if (hob_sim_random(4) == 0) hob_dns_flush();
        HOB_TRY(hob_sleep(hob_sim_uniform() * 3));
    }
    return 0;
}
HOB_TASK(asks_often, int)

HOB_SIM_TEST(many_askers_with_every_fault) {
    struct hob_sim_host *h = begin_server((struct hob_dns_options){.attempts = 5, .queries = 3});
    right = given_up = untold = 0;
    HOB_SCOPE(s);
    for (int i = 0; i < 6; i++) {
        struct hob_task *t = hob_spawn(s, asks_often, 10);
        if (i == 0) {
            HOB_TRY(hob_sleep(1));
            hob_cancel(t);
        }
    }
    HOB_TRY(hob_sleep(5));
    hob_sim_partition(NULL, h);
    HOB_TRY(hob_sleep(10));
    hob_sim_heal(NULL, h);
    HOB_TRY(hob_join(s));
    HOB_TRY(hob_sleep(200)); /* queries that nobody waits for any more */
    CHECK_EQ(info().pending, 0);
    CHECK_EQ(right + given_up + untold >= 50, true);
    CHECK(right > 0);
    return 0;
}

/* ---- happy eyeballs on top of it ---- */

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

static int service_hook(struct message *m, struct sockaddr_in *to) {
    (void)to;
    if (!asks(m, "service")) return -1;
    if (m->type == T_TYPE_A) put_a(m, NULL, 1, "10.0.0.3"), put_a(m, NULL, 1, "10.0.0.4");
    if (m->type == T_TYPE_AAAA) put_a(m, NULL, 1, "fd00::3"), put_a(m, NULL, 1, "fd00::4");
    return 1;
}

/* Of the two hosts that the name has, one is cut off now and then. Given up at any moment, or not,
 * a connect leaves nothing (the runner looks), and in the end it is right. */
HOB_SIM_TEST(connects_to_a_name_with_every_fault) {
    server_hook = service_hook;
    begin_server((struct hob_dns_options){.attempts = 4});
    struct hob_sim_host *a = hob_sim_host("a", serve), *b = hob_sim_host("b", serve);
    hob_sim_partition(NULL, a);
    int connected = 0;
    for (int i = 0; i < 20 || (!connected && i < 200); i++) {
        struct hob_stream *s = NULL;
        double patience = i < 20 && hob_sim_random(2) ? hob_sim_uniform() : 100;
        int rc = hob_within(patience, hob_connect("service.test:80", &s));
        if (rc == 0) {
            connected++;
            CHECK(strstr(hob_stream_peer(s), "10.0.0.4") || strstr(hob_stream_peer(s), "fd00::4"));
            hob_close(s);
        }
        hob_error_clear();
        HOB_TRY(hob_sleep(hob_sim_uniform()));
    }
    CHECK(connected > 0);
    (void)b;
    HOB_TRY(hob_sleep(100));
    CHECK_EQ(info().pending, 0);
    return 0;
}

HOB_SIM_MAIN()
#else
int main(void) {
    puts("built without c-ares");
    return 77; /* skipped */
}
#endif
