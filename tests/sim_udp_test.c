/* sim_udp_test.c - datagrams between hosts of a simulated world: lost, doubled, overtaken, refused,
 * dropped by full buffers, held up by slow links; to one host, to all, to a group. */
#include <hob/hob.h>
#include <hob/sim.h>
#include <hob/udp.h>
#include <stdio.h>
#include <string.h>

#include "loop/sim/sim.h"

static const struct hob_udp_options plain;

/* This run has only the faults that the test names itself. */
static void no_faults(void) { hob__sim_current->faults = (struct hob__sim_faults){.buggify = 0}; }

static struct hob_address at(const struct hob_sim_host *h, uint16_t port) {
    struct hob_address a;
    HOB_SIM_CHECK(hob_address_parse_host(hob_sim_address(h), port, &a) == 0);
    return a;
}

/* ---- a stream of numbers ---- */

struct seen {
    unsigned got, twice, overtaken, last, bytes;
    bool known[1000];
};

static int take_numbers(uint16_t port, struct seen *seen) {
    struct hob_udp *u;
    char where[32];
    snprintf(where, sizeof where, ":%u", port);
    HOB_TRY(hob_udp_open(where, plain, &u));
    for (;;) {
        unsigned char in[4][64];
        struct hob_datagram d[4];
        for (int i = 0; i < 4; i++) d[i] = (struct hob_datagram){.data = in[i], .room = 64};
        int n = hob_udp_recv_many(u, d, 4);
        if (n < 0) {
            hob_udp_close(u);
            return n;
        }
        for (int i = 0; i < n; i++) {
            unsigned number = in[i][0] * 256u + in[i][1];
            HOB_SIM_CHECK(d[i].size == 2 + number % 60);
            for (size_t k = 2; k < d[i].size; k++) HOB_SIM_CHECK(in[i][k] == (number & 255));
            if (number < seen->last) seen->overtaken++;
            seen->last = number;
            if (seen->known[number])
                seen->twice++;
            else
                seen->got++;
            seen->known[number] = true;
        }
    }
}
HOB_TASK(take_numbers, uint16_t, struct seen *)

static int send_numbers(struct hob_udp *u, const struct hob_address *to, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        unsigned char out[64];
        memset(out, (int)(i & 255), sizeof out);
        out[0] = (unsigned char)(i / 256), out[1] = (unsigned char)i;
        HOB_TRY(hob_udp_send(u, out, 2 + i % 60, to));
        HOB_TRY(hob_sleep(0.001));
    }
    return 0;
}

/* Sends a thousand; what arrived. */
static int thousand(struct hob_sim_host *receiver, struct seen *seen) {
    struct hob_udp *u;
    struct hob_address to = at(receiver, 9);
    *seen = (struct seen){.got = 0};
    HOB_TRY(hob_udp_open(":0", plain, &u));
    HOB_TRY(hob_sleep(1));
    int rc = send_numbers(u, &to, 1000);
    if (rc == 0) rc = hob_sleep(5);
    hob_udp_close(u);
    return rc;
}

HOB_SIM_TEST(a_good_link_keeps_all_in_order) {
    static struct seen seen;
    no_faults();
    struct hob_sim_host *r = hob_sim_host("receiver", take_numbers, 9, &seen);
    hob_sim_link(NULL, r, .delay = 0.01);
    HOB_TRY(thousand(r, &seen));
    HOB_SIM_CHECK(seen.got == 1000 && seen.twice == 0 && seen.overtaken == 0);
    return 0;
}

HOB_SIM_TEST(a_bad_link_loses_doubles_and_reorders) {
    static struct seen seen;
    struct hob_sim_host *r = hob_sim_host("receiver", take_numbers, 9, &seen);
    hob_sim_link(NULL, r, .delay = 0.01, .jitter = 0.02, .loss = 0.3, .duplicate = 0.2);
    HOB_TRY(thousand(r, &seen));
    hob_sim_log("got %u, twice %u, overtaken %u", seen.got, seen.twice, seen.overtaken);
    HOB_SIM_CHECK(seen.got > 300 && seen.got < 900);
    HOB_SIM_CHECK(seen.twice > 30);
    HOB_SIM_CHECK(seen.overtaken > 100);
    return 0;
}

HOB_SIM_TEST(that_packet_is_dropped) {
    static struct seen seen;
    no_faults();
    struct hob_sim_host *r = hob_sim_host("receiver", take_numbers, 9, &seen);
    hob_sim_link(NULL, r, .delay = 0.01);
    hob_sim_drop(NULL, r, 7, 3);
    HOB_TRY(thousand(r, &seen));
    HOB_SIM_CHECK(seen.got == 997 && seen.twice == 0);
    for (int i = 0; i < 1000; i++) HOB_SIM_CHECK(seen.known[i] == (i < 7 || i > 9));
    hob_sim_drop(NULL, r, 5, 1);
    hob_sim_drop(NULL, r, 0, 0); /* no more */
    memset(seen.known, 0, sizeof seen.known);
    HOB_TRY(thousand(r, &seen));
    HOB_SIM_CHECK(seen.got == 1000);
    return 0;
}

/* ---- who is not there ---- */

static int ask_once(struct hob_udp *u) {
    char c;
    int rc = hob_udp_send(u, "?", 1, NULL);
    return rc < 0 ? rc : (int)hob_within(2, (int)hob_udp_recv(u, &c, 1, NULL));
}

static int stay(void) { return hob_sleep(1e6); }
HOB_TASK(stay)

static int connected(struct hob_sim_host *h, struct hob_udp **u) {
    char text[HOB_ADDRESS_TEXT];
    struct hob_address a = at(h, 77);
    int rc;
    while ((rc = hob_udp_connect(hob_address_format(&a, text, sizeof text), plain, u)) == -ENOBUFS)
        HOB_TRY(hob_sleep(0.01)); /* a fault */
    return rc;
}

HOB_SIM_TEST(a_closed_port_refuses_and_a_cut_link_says_nothing) {
    no_faults();
    struct hob_sim_host *h = hob_sim_host("nobody", stay);
    struct hob_udp *u, *v, *w;
    hob_sim_link(NULL, h, .delay = 0.1);
    HOB_TRY(connected(h, &u));
    HOB_TRY(connected(h, &v));
    uint64_t began = hob_now();
    HOB_SIM_CHECK(ask_once(u) == -ECONNREFUSED);
    HOB_SIM_CHECK(hob_now() - began >= 200000000 && hob_now() - began < 210000000);
    char c; /* it is told once, and to that socket alone */
    HOB_SIM_CHECK(hob_within(1, (int)hob_udp_recv(u, &c, 1, NULL)) == -ETIMEDOUT);
    HOB_SIM_CHECK(hob_within(1, (int)hob_udp_recv(v, &c, 1, NULL)) == -ETIMEDOUT);
    hob_sim_partition(NULL, h);
    HOB_SIM_CHECK(ask_once(u) == -ETIMEDOUT);
    hob_sim_heal(NULL, h);
    HOB_SIM_CHECK(ask_once(u) == -ECONNREFUSED);
    hob_sim_crash(h);
    HOB_SIM_CHECK(ask_once(u) == -ETIMEDOUT);
    HOB_SIM_CHECK(hob_udp_connect("10.0.0.200:1", plain, &w) == -ENETUNREACH);
    hob_udp_close(u);
    hob_udp_close(v);
    return 0;
}

/* ---- buffers ---- */

static struct hob_udp *sleepy;

static int open_and_sleep(double seconds) {
    HOB_TRY(hob_udp_open(":9", (struct hob_udp_options){.receive_buffer = 10000}, &sleepy));
    int rc = hob_sleep(seconds);
    char c;
    int got = 0;
    while (rc >= 0 && (rc = hob_within(0.5, (int)hob_udp_recv(sleepy, &c, 1, NULL))) >= 0) got++;
    hob_udp_close(sleepy);
    return rc == -ETIMEDOUT ? got : rc;
}
HOB_TASK(open_and_sleep, double)

HOB_SIM_TEST(what_finds_no_room_is_dropped) {
    no_faults();
    struct hob_sim_host *h = hob_sim_host("sleepy", open_and_sleep, 5);
    struct hob_address to = at(h, 9);
    struct hob_udp *u;
    static char block[232];
    HOB_TRY(hob_udp_open(":0", plain, &u));
    HOB_TRY(hob_sleep(1));
    for (int i = 0; i < 200; i++) HOB_TRY(hob_udp_send(u, block, sizeof block, &to));
    /* 20,000 bytes in blocks of 232 + 768, and the one that fills it. */
    HOB_SIM_CHECK(hob_sim_wait(h) == 21);
    hob_udp_close(u);
    return 0;
}

HOB_SIM_TEST(a_slow_link_holds_the_sender_up) {
    no_faults();
    struct hob_sim_host *h = hob_sim_host("receiver", open_and_sleep, 0.001);
    struct hob_address to = at(h, 9);
    struct hob_udp *u;
    static char block[1000 - 28];
    hob_sim_link(NULL, h, .delay = 0.001, .bandwidth = 100000);
    HOB_TRY(hob_udp_open(":0", (struct hob_udp_options){.send_buffer = 4000}, &u));
    HOB_TRY(hob_sleep(0.1));
    uint64_t began = hob_now();
    for (int i = 0; i < 100; i++) HOB_TRY(hob_udp_send(u, block, sizeof block, &to));
    double took = (double)(hob_now() - began) / 1e9;
    HOB_SIM_CHECK(took > 0.9 && took < 1.1);
    HOB_SIM_CHECK(hob_sim_wait(h) == 100);
    hob_udp_close(u);
    return 0;
}

/* ---- to many ---- */

static int listen_to(const char *group, const char *any) {
    struct hob_udp *u;
    struct hob_address g, from;
    char buf[8];
    HOB_TRY(hob_udp_open(any, (struct hob_udp_options){.reuse_address = true}, &u));
    if (group) {
        HOB_SIM_CHECK(hob_address_parse_host(group, 0, &g) == 0);
        HOB_SIM_CHECK(hob_udp_join(u, &g, NULL) == 0);
        HOB_SIM_CHECK(hob_udp_join(u, &g, NULL) == -EADDRINUSE);
    }
    int rc = hob_within(5, (int)hob_udp_recv(u, buf, sizeof buf, &from));
    hob_udp_close(u);
    return rc == -ETIMEDOUT ? 0 : rc;
}
HOB_TASK(listen_to, const char *, const char *)

static int reaches(const char *to, struct hob_udp_options options, const char *group,
                   const char *any) {
    struct hob_sim_host *in[3] = {hob_sim_host("a", listen_to, group, any),
                                  hob_sim_host("b", listen_to, group, any),
                                  hob_sim_host("c", listen_to, NULL, any)};
    struct hob_udp *u;
    struct hob_address a;
    HOB_TRY(hob_sleep(1));
    HOB_SIM_CHECK(hob_address_parse_host(to, 7, &a) == 0);
    HOB_TRY(hob_udp_open(any[0] == '[' ? "[::]:0" : ":0", options, &u));
    int rc = hob_udp_send(u, "hello", 5, &a), count = 0;
    for (int i = 0; i < 3; i++) count = count * 10 + (hob_sim_wait(in[i]) == 5);
    hob_udp_close(u);
    return rc < 0 ? rc : count;
}

HOB_SIM_TEST(broadcast_and_multicast) {
    no_faults();
    struct hob_udp_options all = {.broadcast = true};
    HOB_SIM_CHECK(reaches("10.0.0.255", plain, NULL, ":7") == -EACCES);
    HOB_SIM_CHECK(reaches("10.0.0.255", all, NULL, ":7") == 111);
    HOB_SIM_CHECK(reaches("255.255.255.255", all, NULL, ":7") == 111);
    HOB_SIM_CHECK(reaches("10.0.0.255", all, NULL, ":8") == 0);
    HOB_SIM_CHECK(reaches("239.1.2.3", plain, "239.1.2.3", ":7") == 110);
    HOB_SIM_CHECK(reaches("239.1.2.4", plain, "239.1.2.3", ":7") == 0);
    HOB_SIM_CHECK(reaches("ff02::77", plain, "ff02::77", "[::]:7") == 110);
    return 0;
}

/* ---- a protocol that holds against all of it: every question is answered, in order ---- */

static int answerer(void) {
    struct hob_udp *u;
    struct hob_address from;
    HOB_TRY(hob_udp_open(":53", plain, &u));
    int rc, n;
    do {
        rc = (int)hob_udp_recv(u, &n, sizeof n, &from);
        n = 2 * n;
        if (rc >= 0) rc = hob_udp_send(u, &n, sizeof n, &from);
    } while (rc >= 0);
    hob_udp_close(u);
    return rc;
}
HOB_TASK(answerer)

static int asker(struct hob_address server) {
    struct hob_udp *u;
    HOB_TRY(hob_udp_open(":0", plain, &u));
    int rc = 0;
    for (int i = 1; i <= 50 && rc >= 0;) {
        int answer = 0;
        rc = hob_udp_send(u, &i, sizeof i, &server);
        while (rc >= 0 && answer != 2 * i)
            rc = hob_within(0.3, (int)hob_udp_recv(u, &answer, sizeof answer, NULL));
        HOB_SIM_CHECK(answer <= 2 * i); /* an answer to an older question may come late */
        if (answer == 2 * i) i++;
        if (rc == -ETIMEDOUT) rc = 0;
    }
    hob_udp_close(u);
    return rc < 0 ? rc : 0;
}
HOB_TASK(asker, struct hob_address)

HOB_SIM_TEST(questions_are_asked_until_they_are_answered) {
    struct hob_sim_host *s = hob_sim_host("server", answerer);
    struct hob_sim_host *c = hob_sim_host("client", asker, at(s, 53));
    hob_sim_link(s, c, .delay = 0.01, .jitter = 0.05, .loss = 0.2, .duplicate = 0.2);
    HOB_TRY(hob_sleep(0.1 + hob_sim_uniform()));
    hob_sim_partition(s, c);
    HOB_TRY(hob_sleep(2));
    hob_sim_heal(s, c);
    HOB_TRY(hob_sleep(hob_sim_uniform()));
    hob_sim_crash(s);
    HOB_TRY(hob_sim_restart(s, answerer));
    HOB_SIM_CHECK(hob_sim_wait(c) == 0);
    return 0;
}

HOB_SIM_MAIN()
