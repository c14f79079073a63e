/* hob_sim.c - the simulated world: how fast messages go back and forth between two hosts.
 *
 *   sim_message                   a message of 64 bytes over TCP from one host to another, which
 *                                 answers; per message, the links' delays and the hash of all
 *                                 decisions included
 *   sim_message_random            the same with all faults, in random order */
#include "bench.h"
#include <hob/hob.h>
#include <hob/net.h>
#include <hob/sim.h>

enum { SIZE = 64, ROUNDS = 20000 };

static const char *workload;

/* One message, which may come in pieces, and never more than one is under way. */
static int receive(struct hob_stream *s) {
    char message[2 * SIZE];
    for (ssize_t at = 0; at < SIZE;) {
        ssize_t n = hob_read(s, message, sizeof message);
        if (n <= 0) return n < 0 ? (int)n : HOB_E_EOF;
        at += n;
    }
    return 0;
}

static int pong(void) {
    struct hob_listener *l;
    struct hob_stream *s;
    HOB_TRY(hob_listen(":80", &l));
    while (hob_accept(l, &s) < 0) HOB_TRY(hob_sleep(0.01));
    char message[SIZE] = {0};
    while (receive(s) == 0) HOB_TRY(hob_write(s, message, SIZE));
    hob_close(s);
    hob_listener_close(l);
    return 0;
}
HOB_TASK(pong)

static int rounds(struct hob_stream *s, int n) {
    char message[SIZE] = {0};
    for (int i = 0; i < n; i++) {
        HOB_TRY(hob_write(s, message, SIZE));
        HOB_TRY(receive(s));
    }
    return 0;
}

static int ping(const char *address) {
    char where[32];
    struct hob_stream *s;
    snprintf(where, sizeof where, "%s:80", address);
    while (hob_connect(where, &s) < 0) HOB_TRY(hob_sleep(0.01));
    double ns;
    BENCH_MEASURE(ns, 2 * ROUNDS, HOB_TRY(rounds(s, ROUNDS)));
    bench_result(workload, ns, "ns");
    hob_close(s);
    return 0;
}
HOB_TASK(ping, const char *)

HOB_SIM_TEST(ping_pong) {
    struct hob_sim_host *server = hob_sim_host("server", pong);
    struct hob_sim_host *client = hob_sim_host("client", ping, hob_sim_address(server));
    hob_sim_link(server, client, .delay = 0.0001, .jitter = 0.0001);
    return hob_sim_wait(client);
}

int main(int argc, char **argv) {
    workload = argc > 1 ? argv[1] : "sim_message";
    bool plain = strcmp(workload, "sim_message") == 0;
    setenv("HOB_SIM", plain ? "seed:1,order=fifo,faults=none" : "seed:1,order=random,faults=all",
           1);
    return hob_sim_main(1, argv);
}
