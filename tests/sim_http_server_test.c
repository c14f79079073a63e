/* sim_http_server_test.c - the HTTP server in simulated worlds: clients that are too slow are cut
 * off in time, whatever goes wrong on the way no answer is another request's or in another order,
 * and a stop leaves nothing behind. */
#include <hob/hob.h>
#include <hob/http.h>
#include <hob/net.h>
#include <hob/sim.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK HOB_SIM_CHECK
#define CHECK_EQ(a, b)                                                                             \
    do {                                                                                           \
        long long sim_a = (long long)(a), sim_b = (long long)(b);                                  \
        if (sim_a != sim_b) HOB_SIM_FAIL("%s is %lld, not %lld (%s)", #a, sim_a, sim_b, #b);       \
    } while (0)

enum { PORT = 80 };

static struct hob_http_counters counters;
static size_t places; /* for connections; 0 = plenty */

static int big(struct hob_request *req) {
    static char piece[65536];
    HOB_TRY(hob_respond_begin(req, 200, NULL, -1));
    for (int i = 0; i < 64; i++) HOB_TRY(hob_respond_write(req, piece, sizeof piece));
    return hob_respond_end(req);
}

/* Says the path and the body's size, after a rest that the request asks for. */
static int handle(struct hob_request *req, void *arg) {
    const char *body;
    char text[128];
    size_t n;
    (void)arg;
    if (strcmp(hob_request_path(req), "/big") == 0) return big(req);
    int rest = atoi(hob_request_query(req));
    if (rest) HOB_TRY(hob_sleep(rest * 1e-3));
    HOB_TRY(hob_request_body(req, &body, &n));
    snprintf(text, sizeof text, "<%s %zu>", hob_request_path(req), n);
    return hob_respond_text(req, 200, "text/plain", text);
}

static int serve(double seconds) {
    struct hob_listener *l;
    char address[32];
    snprintf(address, sizeof address, ":%d", PORT);
    counters = (struct hob_http_counters){0};
    HOB_TRY(hob_listen(address, &l));
    struct hob_http_options options = {.counters = &counters};
    int rc;
    {
        HOB_SCOPE(s);
        rc = hob_within(seconds, hob_http_serve(l, handle, NULL, options));
    }
    hob_listener_close(l);
    CHECK_EQ(counters.connections, 0);
    return rc == -ETIMEDOUT ? 0 : rc;
}
HOB_TASK(serve, double)

/* Stopped after some time, with a grace. */
static int serve_one(struct hob_listener *l) {
    return hob_http_serve(
        l, handle, NULL,
        (struct hob_http_options){.counters = &counters, .max_connections = places});
}
HOB_TASK(serve_one, struct hob_listener *)

static int serve_and_stop(double seconds) {
    struct hob_listener *l;
    char address[32];
    snprintf(address, sizeof address, ":%d", PORT);
    counters = (struct hob_http_counters){0};
    HOB_TRY(hob_listen(address, &l));
    {
        HOB_SCOPE(s);
        hob_spawn(s, serve_one, l);
        HOB_TRY(hob_sleep(seconds));
        hob_stop(s, 10);
        CHECK_EQ(hob_join(s), 0);
    }
    hob_listener_close(l);
    CHECK_EQ(counters.connections, 0);
    return 0;
}
HOB_TASK(serve_and_stop, double)

static int reach(const char *host, struct hob_stream **out) {
    char where[64];
    snprintf(where, sizeof where, "%s:%d", host, PORT);
    int rc;
    while ((rc = hob_connect(where, out)) < 0) {
        if (rc == -ECANCELED) return rc;
        HOB_TRY(hob_sleep(0.01));
    }
    return 0;
}

/* Sends the text, then a byte after each pause, until the server has ended it: what it said. */
static double drip(const char *host, const char *text, double pause, char *said, size_t room) {
    struct hob_stream *c;
    uint64_t began = hob_now();
    size_t at = 0;
    CHECK_EQ(reach(host, &c), 0);
    if (hob_write(c, text, strlen(text)) < 0) goto end;
    for (;;) {
        ssize_t got = hob_within(pause, (int)hob_read(c, said + at, room - 1 - at));
        if (got == -ETIMEDOUT) {
            if (hob_write(c, "x", 1) < 0) break;
            continue;
        }
        if (got <= 0) break;
        at += (size_t)got;
    }
end:
    said[at] = 0;
    hob_close(c);
    return (double)(hob_now() - began) * 1e-9;
}

/* By the head's time, by a body's least rate, by a stall. */
HOB_SIM_TEST(slow_clients_are_cut_off) {
    struct hob_sim_host *server = hob_sim_host("server", serve, 300.0);
    char said[512];
    double took =
        drip(hob_sim_address(server), "GET /a HTTP/1.1\r\nHost: a\r\nX: ", 1, said, sizeof said);
    CHECK(took < 30);
    CHECK(!said[0] || strstr(said, "HTTP/1.1 408 "));
    took =
        drip(hob_sim_address(server),
             "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n", 1, said, sizeof said);
    CHECK(took < 30);
    CHECK(!said[0] || strstr(said, "HTTP/1.1 408 "));
    took =
        drip(hob_sim_address(server), "", 1000, said, sizeof said); /* silent from the beginning */
    CHECK(took < 100);
    CHECK(!said[0]);
    CHECK_EQ(hob_sim_wait(server), 0);
    return 0;
}

/* A client that reads next to nothing of a long answer. */
HOB_SIM_TEST(slow_readers_are_cut_off) {
    struct hob_sim_host *server = hob_sim_host("server", serve, 300.0);
    struct hob_stream *c;
    char byte[16];
    CHECK_EQ(reach(hob_sim_address(server), &c), 0);
    const char *get = "GET /big HTTP/1.1\r\nHost: a\r\n\r\n";
    if (hob_write(c, get, strlen(get)) > 0)
        for (int i = 0; i < 150 && hob_read(c, byte, sizeof byte) > 0; i++) HOB_TRY(hob_sleep(1));
    CHECK_EQ(counters.connections, 0); /* of this client, who has not closed it */
    hob_close(c);
    CHECK_EQ(hob_sim_wait(server), 0);
    return 0;
}

/* ---- many clients ---- */

static int ask_for(char *to, size_t room, unsigned number, unsigned *size) {
    unsigned rest = hob_sim_random(4) ? 0 : (unsigned)hob_sim_random(20);
    *size = hob_sim_random(3) ? 0 : (unsigned)hob_sim_random(300);
    if (*size == 0)
        return snprintf(to, room, "GET /%u?%u HTTP/1.1\r\nHost: a\r\n\r\n", number, rest);
    if (hob_sim_random(2))
        return snprintf(to, room,
                        "POST /%u?%u HTTP/1.1\r\nHost: a\r\nContent-Length: %u\r\n\r\n%0*u", number,
                        rest, *size, (int)*size, 7);
    return snprintf(
        to, room,
        "POST /%u?%u HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%0*u\r\n"
        "0\r\n\r\n",
        number, rest, *size, (int)*size, 7);
}

/* Some requests at once; their answers, as far as they come, are theirs and in order. */
static int batch(struct hob_stream *c, unsigned *number) {
    static const char mark[] = "\r\n\r\n";
    char text[4096], in[8192];
    unsigned n = 1 + (unsigned)hob_sim_random(6), sizes[6], first = *number;
    size_t at = 0, have = 0;
    for (unsigned i = 0; i < n; i++)
        at += (size_t)ask_for(text + at, sizeof text - at, (*number)++, &sizes[i]);
    for (size_t sent = 0; sent < at;) { /* cut anywhere */
        size_t piece = 1 + hob_sim_random(at - sent);
        ssize_t rc = hob_write(c, text + sent, piece);
        if (rc < 0) return (int)rc;
        sent += piece;
        if (!hob_sim_random(4)) HOB_TRY(hob_sleep(0.001 * (double)hob_sim_random(10)));
    }
    for (unsigned i = 0; i < n; i++) {
        char want[64];
        int size = snprintf(want, sizeof want, "<%s%u %u>", "/", first + i, sizes[i]);
        for (;;) {
            char *head = memmem(in, have, mark, 4);
            size_t whole = head ? (size_t)(head - in) + 4 + (size_t)size : 0;
            if (head && have >= whole) {
                CHECK(memcmp(in, "HTTP/1.1 200 OK\r\n", 17) == 0);
                CHECK(memcmp(head + 4, want, (size_t)size) == 0);
                memmove(in, in + whole, have - whole);
                have -= whole;
                break;
            }
            CHECK(have < sizeof in);
            ssize_t got = hob_read(c, in + have, sizeof in - have);
            if (got <= 0) return got < 0 ? (int)got : HOB_E_EOF;
            have += (size_t)got;
        }
    }
    CHECK_EQ(have, 0);
    return 0;
}

static unsigned answered;

static int client(const char *host, double seconds) {
    uint64_t end = hob_after(seconds);
    unsigned number = (unsigned)hob_sim_random(1000000);
    while (hob_now() < end) {
        struct hob_stream *c;
        int rc = hob_within(1, reach(host, &c));
        if (rc == -ETIMEDOUT) continue;
        HOB_TRY(rc);
        for (unsigned i = 0; rc == 0 && i < 1 + hob_sim_random(20); i++) {
            rc = batch(c, &number);
            if (rc == 0) answered++;
            if (!hob_sim_random(3)) rc = rc < 0 ? rc : hob_sleep(0.01 * (double)hob_sim_random(20));
        }
        if (hob_sim_random(4))
            hob_close(c);
        else
            hob_abort(c);
        if (rc == -ECANCELED) return rc;
    }
    return 0;
}
HOB_TASK(client, const char *, double)

/* While the server waits for one of its places, requests come to the connections that have them: it
 * took these for tasks that could not begin, and freed them. */
HOB_SIM_TEST(few_places_and_many_clients) {
    places = 2;
    struct hob_sim_host *server = hob_sim_host("server", serve_and_stop, 2.0), *clients[5];
    for (int i = 0; i < 5; i++)
        clients[i] = hob_sim_host("client", client, hob_sim_address(server), 1.5);
    for (int i = 0; i < 5; i++) CHECK_EQ(hob_sim_wait(clients[i]), 0);
    CHECK_EQ(hob_sim_wait(server), 0);
    places = 0;
    return 0;
}

HOB_SIM_TEST(answers_are_those_of_their_requests) {
    struct hob_sim_host *server = hob_sim_host("server", serve_and_stop, 2.0), *clients[3];
    answered = 0;
    for (int i = 0; i < 3; i++)
        clients[i] = hob_sim_host("client", client, hob_sim_address(server), 1.5);
    for (int i = 0; i < 3; i++) CHECK_EQ(hob_sim_wait(clients[i]), 0);
    CHECK_EQ(hob_sim_wait(server), 0);
    CHECK(answered > 0);
    return 0;
}

/* The server is stopped, or a line cut, in the middle of it. */
HOB_SIM_TEST(stops_in_the_middle) {
    struct hob_sim_host *server = hob_sim_host("server", serve_and_stop, 0.5), *clients[3];
    for (int i = 0; i < 3; i++)
        clients[i] = hob_sim_host("client", client, hob_sim_address(server), 0.6);
    HOB_TRY(hob_sleep(0.2));
    if (hob_sim_random(2)) {
        hob_sim_partition(server, clients[0]);
        HOB_TRY(hob_sleep(0.2));
        hob_sim_heal(server, clients[0]);
    }
    CHECK_EQ(hob_sim_wait(server), 0);
    return 0;
}

HOB_SIM_MAIN()
