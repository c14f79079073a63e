/* sim_race_test.c - a completion and a cancel that meet in one turn of a loop, in either order, for
 * every call that waits for the outside: what completed first is delivered, whatever the cancel;
 * what was cancelled first has taken nothing, and the next call gets it. And both do happen. */
#include <hob/file.h>
#include <hob/hob.h>
#include <hob/net.h>
#include <hob/sim.h>
#include <hob/thread.h>
#include <hob/udp.h>
#include <stdio.h>
#include <string.h>

#include "loop/sim/sim.h"

enum { ROUNDS = 60, ROUNDS_MAX = 5000 };

/* Of one call under a deadline: it was done although the deadline had come; it was cancelled, and
 * what it had waited for was there when it came back. */
static struct met { int success_first, cancel_first; } met;
static bool over; /* nobody asks any more */

static void race_often(void) {
    hob__sim_current->faults.race = HOB__SIM_P(0.4);
    met = (struct met){0, 0};
    over = false;
}

/* Another round? Until both have happened. */
static bool again(int i) {
    if (i < ROUNDS) return true;
    if (i == ROUNDS_MAX) HOB_SIM_FAIL("%d and %d", met.success_first, met.cancel_first);
    over = met.success_first > 0 && met.cancel_first > 0;
    return !over;
}

/* A pause that may end at about the deadline of the one who waits. */
static int soon(void) { return hob_sleep(0.0005 + 0.001 * hob_sim_uniform()); }

/* Runs the call until it is not cancelled by its deadline any more. */
#define UNTIL_DONE(rc, call)                                                                       \
    do {                                                                                           \
        int tries = 0;                                                                             \
        uint64_t deadline;                                                                         \
        do {                                                                                       \
            uint64_t began = hob_now();                                                            \
            deadline = began + 1000000;                                                            \
            (rc) = hob_within(0.001, call);                                                        \
            /* At once, behind a cancel: it was there already. */                                  \
            if ((rc) >= 0 && tries > 0 && hob_now() - began < 20000) met.cancel_first++;           \
            tries++;                                                                               \
        } while ((rc) == -ETIMEDOUT);                                                              \
        if ((rc) >= 0 && hob_now() > deadline) met.success_first++;                                \
    } while (0)

/* ---- streams and listeners: a server on the test's own machine, so that nothing else is late ----
 */

static bool passing(int rc) {
    return rc == -ENOBUFS || rc == -ENOMEM || rc == -EMFILE || rc == -ENFILE;
}

static int writes_bytes(const char *where) {
    struct hob_stream *s;
    while (passing(hob_connect(where, &s))) HOB_TRY(hob_sleep(0.001));
    int rc = 0;
    for (int i = 0; rc >= 0 && !over; i++) {
        char byte = (char)i;
        rc = soon();
        if (rc >= 0) rc = (int)hob_write(s, &byte, 1);
    }
    hob_close(s);
    return over ? 0 : rc;
}
HOB_TASK(writes_bytes, const char *)

static int reads_each_byte_once(const char *where, const char *to) {
    struct hob_listener *l;
    struct hob_stream *s;
    race_often();
    HOB_TRY(hob_listen(where, &l));
    HOB_SCOPE(scope);
    hob_spawn(scope, writes_bytes, to);
    while (passing(hob_accept(l, &s))) HOB_TRY(hob_sleep(0.001));
    for (int i = 0; again(i); i++) {
        char byte;
        ssize_t rc;
        UNTIL_DONE(rc, hob_read(s, &byte, 1));
        HOB_SIM_CHECK(rc == 1 && byte == (char)i);
    }
    hob_close(s);
    hob_listener_close(l);
    return hob_join(scope);
}
HOB_SIM_TEST(reading_tcp) { return reads_each_byte_once("127.0.0.1:80", "127.0.0.1:80"); }
HOB_SIM_TEST(reading_a_unix_socket) { return reads_each_byte_once("unix:@race", "unix:@race"); }

static int reads_in_pauses(struct hob_listener *l) {
    struct hob_stream *s;
    while (passing(hob_accept(l, &s))) HOB_TRY(hob_sleep(0.001));
    char buf[256];
    ssize_t n;
    uint64_t at = 0;
    HOB_TRY(hob_set_buffers(s, 512, 0));
    while ((n = HOB_TRY(hob_read(s, buf, sizeof buf))) > 0) {
        for (ssize_t i = 0; i < n; i++, at++) HOB_SIM_CHECK(buf[i] == (char)(at * 7));
        HOB_TRY(soon());
    }
    hob_close(s);
    return 0;
}
HOB_TASK(reads_in_pauses, struct hob_listener *)

/* A cancelled write has written some, and which is not told: so a byte at a time. */
HOB_SIM_TEST(writing_to_a_full_socket) {
    struct hob_listener *l;
    struct hob_stream *s;
    race_often();
    HOB_TRY(hob_listen("127.0.0.1:80", &l));
    HOB_SCOPE(scope);
    hob_spawn(scope, reads_in_pauses, l);
    while (passing(hob_connect("127.0.0.1:80", &s))) HOB_TRY(hob_sleep(0.001));
    HOB_TRY(hob_set_buffers(s, 0, 2304));
    for (uint64_t i = 0; i < 10000 || met.success_first == 0; i++) {
        char byte = (char)(i * 7);
        ssize_t rc;
        UNTIL_DONE(rc, hob_write(s, &byte, 1));
        HOB_SIM_CHECK(rc == 1);
    }
    hob_close(s);
    HOB_TRY(hob_join(scope));
    hob_listener_close(l);
    return 0; /* the other order is too seldom here to be waited for */
}

static int connects_now_and_then(const char *where) {
    int rc = 0;
    for (int i = 0; rc >= 0 && !over; i++) {
        struct hob_stream *s;
        char byte = (char)i;
        HOB_TRY(soon());
        while (passing(rc = hob_connect(where, &s))) HOB_TRY(hob_sleep(0.0001));
        if (rc < 0) break;
        rc = (int)hob_write(s, &byte, 1);
        hob_close(s);
    }
    return over ? 0 : rc;
}
HOB_TASK(connects_now_and_then, const char *)

static int accepts_each_once(const char *where) {
    struct hob_listener *l;
    race_often();
    HOB_TRY(hob_listen(where, &l));
    HOB_SCOPE(scope);
    hob_spawn(scope, connects_now_and_then, where);
    for (int i = 0; again(i); i++) {
        struct hob_stream *s;
        char byte;
        int rc;
        do UNTIL_DONE(rc, hob_accept(l, &s));
        while (passing(rc));
        HOB_SIM_CHECK(rc == 0 && hob_read(s, &byte, 1) == 1 && byte == (char)i);
        hob_close(s);
    }
    hob_listener_close(l);
    return hob_join(scope);
}
HOB_SIM_TEST(accepting_tcp) { return accepts_each_once("127.0.0.1:80"); }
HOB_SIM_TEST(accepting_on_a_unix_socket) { return accepts_each_once("unix:@race"); }

/* ---- connecting: the way there and back takes about as long as the deadline ---- */

static int accepts_all(int *ended) {
    struct hob_listener *l;
    HOB_TRY(hob_listen(":80", &l));
    int rc = 0;
    while (rc == 0) {
        struct hob_stream *s;
        char byte;
        while (passing(rc = hob_accept(l, &s))) (void)hob_sleep(0.0001);
        if (rc < 0) break;
        ssize_t n = hob_within(10, hob_read(s, &byte, 1)); /* one that was given up ends, too */
        HOB_SIM_CHECK(n == 1 || n == 0 || n == -ECONNRESET || n == -ECANCELED);
        ++*ended;
        hob_close(s);
    }
    hob_listener_close(l);
    return rc;
}
HOB_TASK(accepts_all, int *)

HOB_SIM_TEST(connecting) {
    static int ended;
    char where[32];
    race_often();
    ended = 0;
    struct hob_sim_host *server = hob_sim_host("server", accepts_all, &ended);
    hob_sim_link(server, NULL, .delay = 0.0004, .jitter = 0.0002);
    snprintf(where, sizeof where, "%s:80", hob_sim_address(server));
    int given_up = 0, late = 0, connected = 0;
    for (int i = 0; i < ROUNDS || given_up == 0 || late == 0; i++) {
        struct hob_stream *s;
        uint64_t began = hob_now();
        int rc = hob_within(0.001, hob_connect(where, &s));
        HOB_SIM_CHECK(rc == 0 || rc == -ETIMEDOUT || rc == -ECONNREFUSED || passing(rc));
        given_up += rc == -ETIMEDOUT;
        if (rc < 0) continue;
        connected++;
        late += hob_now() - began > 1000000;
        HOB_SIM_CHECK(hob_write(s, "x", 1) == 1);
        hob_close(s);
    }
    while (ended < connected) HOB_TRY(hob_sleep(0.1));
    return 0;
}

/* ---- datagrams ---- */

static int sends_numbers(const struct hob_address *to) {
    struct hob_udp *u;
    HOB_TRY(hob_udp_open("127.0.0.1:0", (struct hob_udp_options){0}, &u));
    int rc = 0;
    for (int i = 0; rc >= 0 && !over; i++) {
        rc = soon();
        if (rc >= 0) rc = hob_udp_send(u, &i, sizeof i, to);
    }
    hob_udp_close(u);
    return over ? 0 : rc;
}
HOB_TASK(sends_numbers, const struct hob_address *)

HOB_SIM_TEST(receiving_datagrams) {
    struct hob_udp *u;
    struct hob_address here;
    race_often();
    struct hob__sim_faults *f = &hob__sim_current->faults;
    f->datagram_lost = f->datagram_twice = f->datagram_late = 0;
    HOB_TRY(hob_udp_open("127.0.0.1:5000", (struct hob_udp_options){0}, &u));
    HOB_TRY(hob_address_parse("127.0.0.1:5000", &here));
    HOB_SCOPE(scope);
    hob_spawn(scope, sends_numbers, &here);
    for (int i = 0; again(i); i++) {
        int number = -1;
        ssize_t rc;
        UNTIL_DONE(rc, hob_udp_recv(u, &number, sizeof number, NULL));
        HOB_SIM_CHECK(rc == sizeof number && number == i);
    }
    hob_udp_close(u);
    return hob_join(scope);
}

/* ---- work that others do: its result comes, and the cancel is seen behind it ---- */

static int add_one(int *n) { return ++*n; }
HOB_TASK(add_one, int *)

HOB_SIM_TEST(files_and_work_in_threads) {
    int done = 0, cancelled_late = 0;
    race_often();
    for (int i = 0; i < ROUNDS || cancelled_late == 0; i++) {
        HOB_SCOPE(s, .deadline = hob_after(0.0001));
        int rc = hob_to_thread(add_one, &done); /* begun: it is done, whatever the cancel */
        int after = hob_check();
        cancelled_late += rc >= 0 && after == -ECANCELED;
        HOB_SIM_CHECK(rc == -ECANCELED || rc == done);
    }
    int64_t written = 0;
    HOB_FILE(f);
    HOB_TRY(hob_open("/f", "w+", &f));
    for (int i = 0; i < ROUNDS; i++) {
        ssize_t rc = hob_within(0.0001, hob_file_write(f, "x", 1));
        HOB_SIM_CHECK(rc == -ETIMEDOUT || rc == 1);
        if (rc > 0) written += rc;
        HOB_SIM_CHECK(hob_file_size(f) == written);
    }
    return 0;
}

HOB_SIM_MAIN()
