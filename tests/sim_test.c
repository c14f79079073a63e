/* sim_test.c - a client and a server on two hosts of a simulated world. */
#include <hob/hob.h>
#include <hob/serve.h>
#include <hob/sim.h>
#include <stdio.h>
#include <string.h>

static int echo(struct hob_stream *s) {
    char buf[1000];
    for (;;) {
        ssize_t n = hob_read(s, buf, sizeof buf);
        if (n <= 0) return (int)n;
        HOB_TRY(hob_write(s, buf, (size_t)n));
    }
}
HOB_TASK(echo, struct hob_stream *)

static int server(void) {
    struct hob_listener *l;
    HOB_TRY(hob_listen(":80", &l));
    int rc = hob_serve(l, echo);
    hob_listener_close(l);
    return rc;
}
HOB_TASK(server)

static int client(const char *address, int rounds) {
    char where[64], out[256], in[256];
    struct hob_stream *s;
    snprintf(where, sizeof where, "%s:80", address);
    int rc;
    while ((rc = hob_connect(where, &s)) == -ECONNREFUSED || rc == -ENOBUFS)
        HOB_TRY(hob_sleep(0.01));
    if (rc < 0) return rc;
    for (int i = 0; i < rounds && rc >= 0; i++) {
        size_t n = 1 + hob_sim_random(sizeof out);
        memset(out, 'a' + i % 26, n);
        rc = (int)hob_write(s, out, n);
        if (rc >= 0) rc = (int)hob_within(60, hob_read_exactly(s, in, n));
        HOB_SIM_CHECK(rc < 0 || memcmp(in, out, n) == 0);
    }
    hob_close(s);
    return rc < 0 ? rc : 0;
}
HOB_TASK(client, const char *, int)

HOB_SIM_TEST(a_server_answers) {
    struct hob_sim_host *s = hob_sim_host("server", server);
    struct hob_sim_host *c = hob_sim_host("client", client, hob_sim_address(s), 20);
    HOB_SIM_CHECK(hob_sim_wait(c) == 0);
    return 0;
}

HOB_SIM_TEST(a_partition_only_delays) {
    struct hob_sim_host *s = hob_sim_host("server", server);
    struct hob_sim_host *c = hob_sim_host("client", client, hob_sim_address(s), 200);
    hob_sim_link(s, c, .delay = 0.01);
    HOB_TRY(hob_sleep(0.5));
    hob_sim_partition(s, c);
    HOB_TRY(hob_sleep(5));
    hob_sim_heal(s, c);
    uint64_t began = hob_now();
    HOB_SIM_CHECK(hob_sim_wait(c) == 0);
    HOB_SIM_CHECK(hob_now() > began);
    return 0;
}

HOB_SIM_TEST(a_crash_is_seen) {
    struct hob_sim_host *s = hob_sim_host("server", server);
    struct hob_sim_host *c = hob_sim_host("client", client, hob_sim_address(s), 1000);
    hob_sim_link(s, c, .delay = 0.01);
    HOB_TRY(hob_sleep(1));
    hob_sim_crash(s);
    HOB_TRY(hob_sleep(1));
    HOB_TRY(hob_sim_restart(s, server));
    /* When the host had acknowledged the request and died before it answered, nothing is on the way
     * that the new one could refuse: only the client's own patience ends the wait. */
    int rc = hob_sim_wait(c);
    HOB_SIM_CHECK(rc == -ECONNRESET || rc == -EPIPE || rc == -ETIMEDOUT);
    return 0;
}

HOB_SIM_MAIN()
