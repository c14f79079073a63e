/* udp_test.c - datagrams: one and many, connected and not, cut ones, refused ones, a full buffer,
 * broadcast, multicast, both families; a cancel at any moment loses none. Descriptors and bytes
 * come back. */
#include "clean.h"
#include "test.h"

#include <hob/udp.h>
#include <net/if.h>
#include <sys/resource.h>

#include "base/memory.h"

static const struct hob_udp_options plain;

static struct hob_udp *open_udp(const char *address, struct hob_address *bound) {
    struct hob_udp *u;
    CHECK_EQ(hob_udp_open(address, plain, &u), 0);
    CHECK_EQ(hob_udp_address(u, bound), 0);
    return u;
}
static struct hob_udp *connect_udp(const struct hob_address *to) {
    struct hob_udp *u;
    char text[HOB_ADDRESS_TEXT];
    CHECK_EQ(hob_udp_connect(hob_address_format(to, text, sizeof text), plain, &u), 0);
    return u;
}

static int there_and_back(const char *address) {
    struct hob_address at_a, at_b, from;
    struct hob_udp *a = open_udp(address, &at_a), *b = open_udp(address, &at_b);
    char buf[16];
    CHECK_EQ(hob_udp_send(a, "hello", 5, &at_b), 0);
    CHECK_EQ(hob_udp_recv(b, buf, sizeof buf, &from), 5);
    CHECK(memcmp(buf, "hello", 5) == 0);
    CHECK(hob_address_equal(&from, &at_a));
    CHECK_EQ(hob_udp_send(b, "", 0, &from), 0); /* an empty one is one */
    CHECK_EQ(hob_udp_recv(a, buf, sizeof buf, NULL), 0);
    CHECK_EQ(hob_udp_send(a, "x", 1, NULL), -EDESTADDRREQ);
    hob_udp_close(a);
    hob_udp_close(b);
    hob_udp_close(NULL);
    return 0;
}
CLEAN_TEST(there_and_back_over_ipv4) { return there_and_back("127.0.0.1:0"); }
CLEAN_TEST(there_and_back_over_ipv6) { return there_and_back("[::1]:0"); }
CLEAN_TEST(there_and_back_by_name) { return there_and_back("localhost:0"); }

CLEAN_TEST(a_datagram_that_is_cut_says_so) {
    struct hob_address at;
    struct hob_udp *u = open_udp("127.0.0.1:0", &at);
    char out[3000], in[10];
    memset(out, 'x', sizeof out);
    CHECK_EQ(hob_udp_send(u, out, sizeof out, &at), 0);
    CHECK_EQ(hob_udp_send(u, "next", 4, &at), 0);
    CHECK_EQ(hob_udp_recv(u, in, sizeof in, NULL), 3000);
    CHECK_EQ(hob_udp_recv(u, in, sizeof in, NULL), 4); /* the rest is gone */
    CHECK_EQ(hob_udp_send(u, out, sizeof out, &at), 0);
    struct hob_datagram d = {.data = in, .room = sizeof in};
    CHECK_EQ(hob_udp_recv_many(u, &d, 1), 1);
    CHECK_EQ(d.size, 3000);
    static char large[70000];
    CHECK_EQ(hob_udp_send(u, large, sizeof large, &at), -EMSGSIZE);
    hob_udp_close(u);
    return 0;
}

CLEAN_TEST(a_connected_socket_has_one_peer) {
    struct hob_address at_a, at_b;
    struct hob_udp *a = open_udp("127.0.0.1:0", &at_a), *b = open_udp("127.0.0.1:0", &at_b);
    struct hob_udp *c = connect_udp(&at_a);
    struct hob_address at_c, from;
    char buf[16];
    CHECK_EQ(hob_udp_address(c, &at_c), 0);
    CHECK_EQ(hob_udp_send(b, "stranger", 8, &at_c), 0);
    CHECK_EQ(hob_udp_send(c, "ask", 3, NULL), 0);
    CHECK_EQ(hob_udp_recv(a, buf, sizeof buf, &from), 3);
    CHECK_EQ(hob_udp_send(a, "answer", 6, &from), 0);
    CHECK_EQ(hob_udp_recv(c, buf, sizeof buf, &from), 6);
    CHECK(hob_address_equal(&from, &at_a));
    CHECK_EQ(hob_udp_set_peer(c, &at_b), 0);
    CHECK_EQ(hob_udp_send(c, "moved", 5, NULL), 0);
    CHECK_EQ(hob_udp_recv(b, buf, sizeof buf, NULL), 5);
    CHECK_EQ(hob_udp_set_peer(c, NULL), 0);
    CHECK_EQ(hob_udp_send(c, "x", 1, NULL), -EDESTADDRREQ);
    CHECK_EQ(hob_udp_set_peer(c, &(struct hob_address){.ip.any.sa_family = 0}), -EINVAL);
    hob_udp_close(a);
    hob_udp_close(b);
    hob_udp_close(c);
    return 0;
}

CLEAN_TEST(nobody_listens_there) {
    struct hob_address at;
    struct hob_udp *u = open_udp("127.0.0.1:0", &at);
    struct hob_udp *c = connect_udp(&at);
    hob_udp_close(u);
    char buf[16];
    CHECK_EQ(hob_udp_send(c, "x", 1, NULL), 0);
    CHECK_EQ(hob_within(10.0, (int)hob_udp_recv(c, buf, sizeof buf, NULL)), -ECONNREFUSED);
    CHECK_EQ(hob_within(0.01, (int)hob_udp_recv(c, buf, sizeof buf, NULL)), -ETIMEDOUT);
    CHECK_EQ(hob_udp_send(c, "x", 1, NULL), 0);
    CHECK_EQ(hob_udp_send(c, "x", 1, NULL), -ECONNREFUSED);
    hob_udp_close(c);
    return 0;
}

CLEAN_TEST(what_cannot_be_opened) {
    struct hob_udp *u, *v;
    struct hob_address at;
    char text[HOB_ADDRESS_TEXT];
    u = open_udp("127.0.0.1:0", &at);
    CHECK_EQ(hob_udp_open(hob_address_format(&at, text, sizeof text), plain, &v), -EADDRINUSE);
    CHECK_HAS(hob_error()->message, text);
    CHECK_EQ(hob_udp_open("203.0.113.9:1", plain, &v), -EADDRNOTAVAIL);
    CHECK_EQ(hob_udp_open("unix:/tmp/x", plain, &v), HOB_E_ADDRESS);
    CHECK_EQ(hob_udp_open("nonsense", plain, &v), HOB_E_ADDRESS);
    CHECK_EQ(hob_udp_connect("nosuch.invalid:1", plain, &v), HOB_E_NAME);
    hob_udp_close(u);
    struct rlimit few, before;
    getrlimit(RLIMIT_NOFILE, &before);
    few = before;
    few.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &few);
    CHECK_EQ(hob_udp_open("127.0.0.1:0", plain, &u), -EMFILE);
    setrlimit(RLIMIT_NOFILE, &before);
    hob__alloc_fail_at(1);
    CHECK_EQ(hob_udp_open("127.0.0.1:0", plain, &u), -ENOMEM);
    hob__alloc_fail_at(0);
    return 0;
}

/* ---- batches ---- */

enum { MANY = 100 };

CLEAN_TEST(many_by_one_call) {
    struct hob_address at_a, at_b;
    struct hob_udp *a = open_udp("127.0.0.1:0", &at_a), *b = open_udp("127.0.0.1:0", &at_b);
    struct hob_datagram d[MANY];
    char out[MANY][16], in[MANY][16];
    for (int i = 0; i < MANY; i++) {
        snprintf(out[i], sizeof out[i], "%d", i);
        d[i] = (struct hob_datagram){.data = out[i], .size = strlen(out[i]), .peer = at_b};
    }
    CHECK_EQ(hob_udp_send_many(a, d, MANY), MANY);
    int got = 0;
    while (got < MANY) {
        for (int i = 0; i < MANY; i++)
            d[i] = (struct hob_datagram){.data = in[i], .room = sizeof in[i]};
        int n = hob_udp_recv_many(b, d, MANY);
        CHECK(n >= 1 && n <= HOB_UDP_BATCH);
        for (int i = 0; i < n; i++, got++) {
            CHECK_EQ(d[i].size, strlen(out[got]));
            CHECK(memcmp(in[i], out[got], d[i].size) == 0);
            CHECK(hob_address_equal(&d[i].peer, &at_a));
        }
    }
    CHECK_EQ(hob_udp_recv_many(b, d, 0), -EINVAL);
    CHECK_EQ(hob_udp_send_many(b, d, 0), 0);
    /* The error of one in the middle: those before it are gone. */
    static char large[70000];
    for (int i = 0; i < 3; i++)
        d[i] = (struct hob_datagram){.data = out[i], .size = 1, .peer = at_b};
    d[2].data = large, d[2].size = sizeof large;
    CHECK_EQ(hob_udp_send_many(a, d, 3), 2);
    CHECK_EQ(hob_udp_send_many(a, d + 2, 1), -EMSGSIZE);
    hob_udp_close(a);
    hob_udp_close(b);
    return 0;
}

/* ---- waiting, and a cancel ---- */

static int received, sent;

static int receive_all(struct hob_udp *u) {
    char buf[16];
    for (;;) {
        HOB_TRY(hob_udp_recv(u, buf, sizeof buf, NULL));
        received++;
    }
}
HOB_TASK(receive_all, struct hob_udp *)

CLEAN_TEST(several_tasks_receive) {
    struct hob_address at;
    struct hob_udp *u = open_udp("127.0.0.1:0", &at);
    HOB_SCOPE(s);
    for (int i = 0; i < 5; i++) hob_spawn(s, receive_all, u);
    for (int i = 0; i < 50; i++) {
        HOB_TRY(hob_udp_send(u, "x", 1, &at));
        if (i % 7 == 0) HOB_TRY(hob_sleep(0.001));
    }
    while (received < 50) HOB_TRY(hob_sleep(0.001));
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_udp_close(u);
    return 0;
}

static int receive_some(struct hob_udp *u, double seconds) {
    char buf[16];
    int rc;
    /* hob_within() keeps a result that came with the deadline. */
    while ((rc = hob_within(seconds, (int)hob_udp_recv(u, buf, sizeof buf, NULL))) >= 0) received++;
    return rc == -ETIMEDOUT ? 0 : rc;
}

static int send_all(struct hob_udp *u, struct hob_address to) {
    for (int i = 0; i < 300; i++) {
        HOB_TRY(hob_udp_send(u, "x", 1, &to));
        sent++;
        if (i % 3 == 0) HOB_TRY(hob_sleep(0.0005));
    }
    return 0;
}
HOB_TASK(send_all, struct hob_udp *, struct hob_address)

CLEAN_TEST(a_cancel_loses_no_datagram) {
    struct hob_address at_a, at_b;
    struct hob_udp *a = open_udp("127.0.0.1:0", &at_a), *b = open_udp("127.0.0.1:0", &at_b);
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, send_all, a, at_b);
    while (!hob_task_done(t)) CHECK_EQ(receive_some(b, 0.0004), 0);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(receive_some(b, 0.1), 0);
    CHECK_EQ(sent, 300);
    CHECK_EQ(received, 300);
    hob_udp_close(a);
    hob_udp_close(b);
    return 0;
}

CLEAN_TEST(each_call_is_a_cancellation_point) {
    struct hob_address at;
    struct hob_udp *u = open_udp("127.0.0.1:0", &at);
    char buf[4];
    struct hob_datagram d = {.data = buf, .room = sizeof buf, .peer = at};
    CHECK_EQ(hob_udp_send(u, "x", 1, &at), 0);
    HOB_SCOPE(s);
    hob_scope_cancel(s);
    CHECK_EQ(hob_udp_recv(u, buf, sizeof buf, NULL), -ECANCELED);
    CHECK_EQ(hob_udp_recv_many(u, &d, 1), -ECANCELED);
    CHECK_EQ(hob_udp_send(u, "x", 1, &at), -ECANCELED);
    CHECK_EQ(hob_udp_send_many(u, &d, 1), -ECANCELED);
    CHECK_EQ(hob_join(s), 0);
    hob_udp_close(u);
    return 0;
}

/* More than the buffer takes: on the loopback what is sent arrives at once, and is dropped when
 * there is no room; nothing ever waits for long, and the loop goes on. */
static int ticks;
static int tick(void) {
    for (;;) {
        HOB_TRY(hob_sleep(0.001));
        ticks++;
    }
}
HOB_TASK(tick)
CLEAN_TEST(a_sender_without_end_lets_others_run) {
    struct hob_udp *u, *w;
    struct hob_address at;
    static char block[60000];
    CHECK_EQ(hob_udp_open("127.0.0.1:0", (struct hob_udp_options){.send_buffer = 4096}, &u), 0);
    w = open_udp("127.0.0.1:0", &at);
    HOB_SCOPE(s);
    hob_spawn(s, tick);
    uint64_t until = hob_now() + 50000000;
    while (hob_now() < until || ticks < 3) {
        int rc = hob_udp_send(u, block, 2000, &at);
        CHECK(rc == 0 || rc == -ENOBUFS);
    }
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_udp_close(u);
    hob_udp_close(w);
    return 0;
}

static int wait_on(struct hob_udp *u) {
    char c;
    return (int)hob_udp_recv(u, &c, 1, NULL);
}
HOB_TASK(wait_on, struct hob_udp *)
static int close_in_use(void) {
    struct hob_address at;
    struct hob_udp *u = open_udp("127.0.0.1:0", &at);
    HOB_SCOPE(s);
    hob_spawn(s, wait_on, u);
    hob_yield_now();
    hob_udp_close(u);
    return 0;
}
HOB_TASK(close_in_use)
TEST(closing_under_a_waiting_task_is_misuse) { CHECK_DIES(hob_run(close_in_use), "hob_udp_close"); }

/* ---- broadcast and multicast ---- */

CLEAN_TEST(broadcast_is_asked_for) {
    struct hob_udp *u;
    struct hob_address to;
    CHECK_EQ(hob_address_parse("127.255.255.255:9", &to), 0);
    CHECK_EQ(hob_udp_open("127.0.0.1:0", plain, &u), 0);
    CHECK_EQ(hob_udp_send(u, "x", 1, &to), -EACCES);
    hob_udp_close(u);
    CHECK_EQ(hob_udp_open("127.0.0.1:0", (struct hob_udp_options){.broadcast = true}, &u), 0);
    struct hob_udp *all;
    struct hob_address at;
    CHECK_EQ(hob_udp_open(":0", plain, &all), 0);
    CHECK_EQ(hob_udp_address(all, &at), 0);
    hob_address_set_port(&to, hob_address_port(&at));
    CHECK_EQ(hob_udp_send(u, "all", 3, &to), 0);
    char buf[8];
    CHECK_EQ(hob_within(10.0, (int)hob_udp_recv(all, buf, sizeof buf, NULL)), 3);
    hob_udp_close(u);
    hob_udp_close(all);
    return 0;
}

/* What the sending returned: not every link has a route for groups. */
static int multicast(const char *any, const char *group_text, const char *link) {
    struct hob_udp *in, *out;
    struct hob_address group, at;
    char buf[8];
    struct hob_udp_options shared = {.reuse_address = true};
    CHECK_EQ(hob_udp_open(any, shared, &in), 0);
    CHECK_EQ(hob_udp_address(in, &at), 0);
    CHECK_EQ(hob_address_parse_host(group_text, hob_address_port(&at), &group), 0);
    CHECK_EQ(hob_udp_join(in, &group, "nosuchlink"), -ENODEV);
    CHECK_EQ(hob_udp_join(in, &at, link), -EINVAL); /* no multicast address */
    CHECK_EQ(hob_udp_join(in, &group, link), 0);
    CHECK_EQ(hob_udp_join(in, &group, link), -EADDRINUSE);
    CHECK_EQ(hob_udp_open(any, plain, &out), 0);
    CHECK_EQ(hob_udp_multicast(out, (struct hob_multicast){.interface_name = link, .hops = 2}), 0);
    CHECK_EQ(hob_udp_multicast(out, (struct hob_multicast){.hops = 256}), -EINVAL);
    int sent_it = hob_udp_send(out, "group", 5, &group);
    if (sent_it == 0) CHECK_EQ(hob_within(10.0, (int)hob_udp_recv(in, buf, sizeof buf, NULL)), 5);
    CHECK_EQ(
        hob_udp_multicast(out, (struct hob_multicast){.interface_name = link, .no_loop = true}), 0);
    CHECK_EQ(hob_udp_leave(in, &group, link), 0);
    CHECK_EQ(hob_udp_leave(in, &group, link), -EADDRNOTAVAIL);
    hob_udp_close(in);
    hob_udp_close(out);
    return sent_it;
}
/* qemu-user knows neither interfaces by number nor how to send to groups. */
static bool no_groups(void) {
    const char *slow = getenv("TEST_SLOW");
    return slow && strcmp(slow, "qemu") == 0;
}
CLEAN_TEST(multicast_over_ipv4) { return no_groups() ? 0 : multicast(":0", "239.255.77.77", "lo"); }
CLEAN_TEST(multicast_over_ipv6) {
    if (no_groups()) return 0;
    struct if_nameindex *links = if_nameindex();
    for (struct if_nameindex *l = links; l->if_index; l++) {
        int rc = multicast("[::]:0", "ff02::7777", l->if_name);
        if (rc == 0) break;
        CHECK(rc == -ENETUNREACH || rc == -EADDRNOTAVAIL);
    }
    if_freenameindex(links);
    return 0;
}

TEST_MAIN()
