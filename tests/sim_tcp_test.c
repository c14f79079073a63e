/* sim_tcp_test.c - TCP between hosts of a simulated world does what TCP does: half closes, resets,
 * refusals, back-pressure, backlogs, loss, partitions, bandwidth; and whatever the seed, each byte
 * arrives once and in order. */
#include <hob/file.h>
#include <hob/hob.h>
#include <hob/net.h>
#include <hob/sim.h>
#include <hob/thread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "loop/sim/sim.h"

#define CHECK HOB_SIM_CHECK
#define CHECK_EQ(a, b)                                                                             \
    do {                                                                                           \
        long long sim_a = (long long)(a), sim_b = (long long)(b);                                  \
        if (sim_a != sim_b) HOB_SIM_FAIL("%s is %lld, not %lld (%s)", #a, sim_a, sim_b, #b);       \
    } while (0)

/* What is sent: it begins again after 64 KiB. From byte i on, MOST_AT_ONCE at least. */
enum { PERIOD = 65536, MOST_AT_ONCE = 27501 };
static char period[PERIOD + MOST_AT_ONCE];
__attribute__((constructor)) static void make_period(void) {
    for (unsigned i = 0; i < sizeof period; i++) period[i] = (char)(i * 31 + (i >> 8));
}
static const char *bytes_at(uint64_t i) { return period + i % PERIOD; }

/* What goes away by itself in this world: a faulty connect or accept. */
static bool passing(int rc) {
    return rc == -ENOBUFS || rc == -ENOMEM || rc == -EMFILE || rc == -ENFILE;
}

static int dial(const char *host, int port, struct hob_stream **out) {
    char where[64];
    snprintf(where, sizeof where, "%s:%d", host, port);
    int rc;
    while (passing(rc = hob_connect(where, out))) HOB_TRY(hob_sleep(0.001));
    return rc;
}

/* Connects to somebody who may not listen yet. */
static int reach(const char *host, int port, struct hob_stream **out) {
    int rc;
    while ((rc = dial(host, port, out)) == -ECONNREFUSED) HOB_TRY(hob_sleep(0.001));
    return rc;
}

static int take(struct hob_listener *l, struct hob_stream **out) {
    int rc;
    while (passing(rc = hob_accept(l, out))) HOB_TRY(hob_sleep(0.001));
    return rc;
}

static int put(struct hob_stream *s, uint64_t n) {
    char block[3001];
    for (uint64_t at = 0; at < n;) {
        size_t size = 1 + hob_sim_random(sizeof block);
        if (size > n - at) size = n - at;
        memcpy(block, bytes_at(at), size);
        HOB_TRY(hob_write(s, block, size));
        at += size;
    }
    return 0;
}

static int get(struct hob_stream *s, uint64_t n) {
    char block[4000];
    for (uint64_t at = 0; at < n;) {
        size_t size = 1 + hob_sim_random(sizeof block);
        ssize_t got = hob_read(s, block, size);
        if (got < 0) return (int)got;
        if (got == 0) return HOB_E_EOF;
        CHECK_EQ(memcmp(block, bytes_at(at), (size_t)got), 0);
        at += (uint64_t)got;
    }
    return 0;
}

/* One connection to :80, handed to `serve`. */
static int serve_one(int (*serve)(struct hob_stream *s)) {
    struct hob_listener *l;
    struct hob_stream *s;
    HOB_TRY(hob_listen(":80", &l));
    int rc = take(l, &s);
    if (rc == 0) {
        rc = serve(s);
        hob_close(s);
    }
    hob_listener_close(l);
    return rc;
}
HOB_TASK(serve_one, int (*)(struct hob_stream *))

static int use_one(const char *host, int (*use)(struct hob_stream *s)) {
    struct hob_stream *s;
    HOB_TRY(reach(host, 80, &s));
    int rc = use(s);
    hob_close(s);
    return rc;
}
HOB_TASK(use_one, const char *, int (*)(struct hob_stream *))

static void start(struct hob_sim_host *h[2], int (*serve)(struct hob_stream *),
                  int (*use)(struct hob_stream *)) {
    h[0] = hob_sim_host("server", serve_one, serve);
    h[1] = hob_sim_host("client", use_one, hob_sim_address(h[0]), use);
}

static int finish(struct hob_sim_host *h[2]) {
    CHECK_EQ(hob_sim_wait(h[1]), 0);
    CHECK_EQ(hob_sim_wait(h[0]), 0);
    return 0;
}

/* ---- bytes ---- */

enum { MUCH = 300000 };

static int get_much(struct hob_stream *s) {
    char byte;
    HOB_TRY(get(s, MUCH));
    CHECK_EQ(hob_read(s, &byte, 1), 0);
    return put(s, 1000);
}
static int put_much(struct hob_stream *s) {
    char byte;
    HOB_TRY(put(s, MUCH));
    HOB_TRY(hob_shutdown(s));
    HOB_TRY(get(s, 1000));
    CHECK_EQ(hob_read(s, &byte, 1), 0);
    return 0;
}

HOB_SIM_TEST(each_byte_once_and_in_order_and_a_half_close) {
    struct hob_sim_host *h[2];
    start(h, get_much, put_much);
    return finish(h);
}

/* Into several pieces, together smaller or larger than what the world moves at once. */
static int get_in_pieces(struct hob_stream *s) {
    static const size_t sizes[] = {1, 0, 500, 7000, 20000};
    char *bytes = malloc(MOST_AT_ONCE);
    int rc = 0;
    for (uint64_t at = 0; rc == 0 && at < MUCH;) {
        struct iovec iov[5];
        char *end = bytes;
        int count = (int)(1 + hob_sim_random(5));
        for (int i = 0; i < count; i++) {
            iov[i] = (struct iovec){end, sizes[i]};
            end += sizes[i];
        }
        ssize_t n = hob_readv(s, iov, count);
        if (n <= 0) {
            rc = n < 0 ? (int)n : HOB_E_EOF;
        } else {
            CHECK_EQ(memcmp(bytes, bytes_at(at), (size_t)n), 0);
            at += (uint64_t)n;
        }
    }
    free(bytes);
    return rc < 0 ? rc : put(s, 1000);
}

HOB_SIM_TEST(each_byte_once_and_in_order_in_pieces) {
    struct hob_sim_host *h[2];
    start(h, get_in_pieces, put_much);
    return finish(h);
}

HOB_SIM_TEST(each_byte_once_and_in_order_over_a_bad_link) {
    struct hob_sim_host *h[2];
    start(h, get_much, put_much);
    hob_sim_link(h[0], h[1], .delay = 0.01, .jitter = 0.1, .loss = 0.2);
    return finish(h);
}

HOB_SIM_TEST(each_byte_once_and_in_order_through_partitions) {
    struct hob_sim_host *h[2];
    start(h, get_much, put_much);
    hob_sim_link(h[0], h[1], .delay = 0.005);
    for (int i = 0; i < 4; i++) {
        HOB_TRY(hob_sleep(hob_sim_uniform() * 0.2));
        hob_sim_partition(h[0], h[1]);
        HOB_TRY(hob_sleep(hob_sim_uniform() * 20));
        hob_sim_heal(h[0], h[1]);
        hob_sim_clog(h[i & 1], h[!(i & 1)], hob_sim_uniform());
    }
    return finish(h);
}

static int both_ways(struct hob_stream *s) {
    HOB_SCOPE(scope);
    HOB_TRY(hob_set_buffers(s, 4096, 4096));
    HOB_TRY(put(s, 2000));
    HOB_TRY(get(s, 2000));
    return hob_join(scope);
}

HOB_SIM_TEST(small_buffers) {
    struct hob_sim_host *h[2];
    start(h, both_ways, both_ways);
    return finish(h);
}

/* ---- time ---- */

static int read_late(struct hob_stream *s) {
    HOB_TRY(hob_sleep(10));
    return get(s, MUCH * 4);
}
static int write_much(struct hob_stream *s) {
    uint64_t began = hob_now();
    HOB_TRY(put(s, MUCH * 4));
    CHECK(hob_now() - began > UINT64_C(9000000000));
    return 0;
}

HOB_SIM_TEST(a_reader_that_does_not_read_holds_the_writer) {
    struct hob_sim_host *h[2];
    start(h, read_late, write_much);
    return finish(h);
}

static int answer(struct hob_stream *s) {
    HOB_TRY(get(s, 100));
    return put(s, 100);
}
static int ask(struct hob_stream *s) {
    uint64_t began = hob_now();
    HOB_TRY(put(s, 100));
    HOB_TRY(get(s, 100));
    CHECK(hob_now() - began >= UINT64_C(600000000));
    return 0;
}

HOB_SIM_TEST(a_way_there_and_back_takes_both_delays) {
    struct hob_sim_host *h[2];
    start(h, answer, ask);
    hob_sim_link_one_way(h[0], h[1], .delay = 0.2);
    hob_sim_link_one_way(h[1], h[0], .delay = 0.4);
    return finish(h);
}

static int get_in_time(struct hob_stream *s) {
    uint64_t began = hob_now();
    HOB_TRY(get(s, 1000000));
    double took = (double)(hob_now() - began) / 1e9;
    if (took < 1.8 || took > 4) HOB_SIM_FAIL("a megabyte took %f s", took);
    return 0;
}
static int put_megabyte(struct hob_stream *s) { return put(s, 1000000); }

HOB_SIM_TEST(half_a_megabyte_per_second) {
    struct hob_sim_host *h[2];
    start(h, get_in_time, put_megabyte);
    hob_sim_link(h[0], h[1], .delay = 0.001, .bandwidth = 500000);
    return finish(h);
}

/* ---- ends ---- */

static int wait_for_reset(struct hob_stream *s) {
    char byte;
    HOB_TRY(get(s, 5));
    ssize_t rc = hob_read(s, &byte, 1);
    CHECK_EQ(rc, -ECONNRESET);
    CHECK_EQ(hob_write(s, "x", 1), -EPIPE);
    return 0;
}
/* Closing with bytes unread resets the connection, as on Linux. */
static int leave_unread(struct hob_stream *s) {
    HOB_TRY(put(s, 5));
    return hob_sleep(20); /* what the peer has sent is there by then */
}
static int put_and_be_reset(struct hob_stream *s) {
    HOB_TRY(put(s, 3));
    return wait_for_reset(s);
}

HOB_SIM_TEST(bytes_left_unread_are_a_reset) {
    struct hob_sim_host *h[2];
    start(h, leave_unread, put_and_be_reset);
    return finish(h);
}

static int nobody(void) { return hob_sleep(300); }
HOB_TASK(nobody)

HOB_SIM_TEST(refused_unreachable_and_silent) {
    struct hob_stream *s;
    struct hob_sim_host *h = hob_sim_host("nobody", nobody);
    CHECK_EQ(dial(hob_sim_address(h), 80, &s), -ECONNREFUSED);
    CHECK_EQ(dial("10.0.0.77", 80, &s), -ENETUNREACH);
    CHECK_EQ(dial("192.0.2.1", 80, &s), -ENETUNREACH);
    hob_sim_partition(h, NULL);
    uint64_t began = hob_now();
    CHECK_EQ(dial(hob_sim_address(h), 80, &s), -ETIMEDOUT);
    CHECK(hob_now() - began > UINT64_C(100000000000));
    hob_sim_heal(h, NULL);
    CHECK_EQ(dial(hob_sim_address(h), 80, &s), -ECONNREFUSED);
    return hob_sim_wait(h);
}

static int be_refused(const char *host) {
    struct hob_stream *s;
    CHECK_EQ(dial(host, 80, &s), -ECONNREFUSED);
    return 0;
}
HOB_TASK(be_refused, const char *)

/* Seed 185 of "each byte once ... through partitions": the client waited for ever. */
HOB_SIM_TEST(a_refusal_that_is_lost_comes_again) {
    struct hob_sim_host *h = hob_sim_host("nobody", nobody), *client;
    client = hob_sim_host("client", be_refused, hob_sim_address(h));
    hob_sim_link(h, client, .delay = 0.005);
    HOB_TRY(hob_sleep(0.0075)); /* it is on its way */
    hob_sim_partition(h, client);
    HOB_TRY(hob_sleep(3));
    hob_sim_heal(h, client);
    CHECK_EQ(hob_sim_wait(client), 0);
    return hob_sim_wait(h);
}

static int go_without_reading(struct hob_stream *s) {
    (void)s;
    return hob_sleep(2);
}
static int write_till_reset(struct hob_stream *s) {
    ssize_t rc;
    HOB_TRY(put(s, 3));
    HOB_TRY(hob_sleep(1 + hob_sim_uniform() * 9));
    while ((rc = put(s, 3000)) == 0) continue;
    CHECK(rc == -ECONNRESET || rc == -EPIPE);
    return 0;
}

HOB_SIM_TEST(a_reset_that_is_lost_comes_again) {
    struct hob_sim_host *h[2];
    start(h, go_without_reading, write_till_reset);
    hob_sim_link(h[0], h[1], .delay = 0.005);
    HOB_TRY(hob_sleep(1.5));
    hob_sim_partition(h[0], h[1]);
    HOB_TRY(hob_sleep(4));
    hob_sim_heal(h[0], h[1]);
    return finish(h);
}

static int write_until_it_fails(struct hob_stream *s) {
    ssize_t rc;
    while ((rc = hob_write(s, "hello", 5)) > 0) HOB_TRY(hob_sleep(1));
    CHECK_EQ(rc, -ETIMEDOUT);
    return 0;
}
static int read_in_vain(struct hob_stream *s) {
    char buf[100];
    ssize_t rc;
    while ((rc = hob_within(3600, (int)hob_read(s, buf, sizeof buf))) > 0) continue;
    CHECK_EQ(rc, -ETIMEDOUT); /* of the scope: nobody tells it */
    hob_error_clear();
    return 0;
}

HOB_SIM_TEST(a_partition_that_lasts_ends_the_writer) {
    struct hob_sim_host *h[2];
    start(h, read_in_vain, write_until_it_fails);
    HOB_TRY(hob_sleep(2));
    hob_sim_partition(h[0], h[1]);
    return finish(h);
}

static int small_backlog(int clients) {
    struct hob_listener *l;
    struct hob_stream *s;
    HOB_TRY(hob_listen_with(":80", ((struct hob_listen_options){.backlog = 2}), &l));
    HOB_TRY(hob_sleep(5));
    for (int i = 0; i < clients; i++) {
        HOB_TRY(take(l, &s));
        HOB_TRY(put(s, 10));
        hob_close(s);
    }
    hob_listener_close(l);
    return 0;
}
HOB_TASK(small_backlog, int)

static int get_ten(const char *host) {
    struct hob_stream *s;
    HOB_TRY(reach(host, 80, &s));
    int rc = get(s, 10);
    hob_close(s);
    return rc;
}
HOB_TASK(get_ten, const char *)

static int many(const char *host, int clients) {
    HOB_SCOPE(s);
    for (int i = 0; i < clients; i++) hob_spawn(s, get_ten, host);
    return hob_join(s);
}
HOB_TASK(many, const char *, int)

HOB_SIM_TEST(a_full_backlog_delays) {
    struct hob_sim_host *h[2];
    h[0] = hob_sim_host("server", small_backlog, 7);
    h[1] = hob_sim_host("client", many, hob_sim_address(h[0]), 7);
    return finish(h);
}

/* ---- crashes ---- */

static int echo_for_ever(struct hob_stream *s) {
    char buf[100];
    ssize_t n = 0;
    while ((n = hob_read(s, buf, sizeof buf)) > 0 && (n = hob_write(s, buf, (size_t)n)) > 0)
        continue;
    return (int)n;
}

static int see_the_crash(struct hob_stream *s) {
    char buf[5];
    ssize_t rc;
    while ((rc = hob_write(s, "hello", 5)) > 0 && (rc = hob_read(s, buf, sizeof buf)) > 0)
        HOB_TRY(hob_sleep(0.1));
    CHECK(rc == -ECONNRESET || rc == -EPIPE);
    return 0;
}

HOB_SIM_TEST(a_host_that_has_crashed_and_come_back_resets) {
    struct hob_sim_host *h[2];
    start(h, echo_for_ever, see_the_crash);
    HOB_TRY(hob_sleep(1));
    hob_sim_crash(h[0]);
    CHECK_EQ(hob_sim_wait(h[0]), -ECONNRESET);
    HOB_TRY(hob_sleep(3));
    CHECK_EQ(hob_sim_restart(h[0], serve_one, echo_for_ever), 0);
    CHECK_EQ(hob_sim_wait(h[1]), 0);
    return 0;
}

static int say_goodbye(struct hob_stream *s) {
    int rc = (int)hob_sleep(100);
    if (rc == -ECANCELED && hob_sim_crashed())
        CHECK(hob_shielded((int)hob_write(s, "bye", 3)) < 0); /* a ghost reaches nobody */
    return rc;
}
static int hear_nothing(struct hob_stream *s) {
    char byte;
    CHECK_EQ(hob_within(50, (int)hob_read(s, &byte, 1)), -ETIMEDOUT);
    hob_error_clear();
    return 0;
}

HOB_SIM_TEST(a_ghost_reaches_nobody) {
    struct hob_sim_host *h[2];
    start(h, say_goodbye, hear_nothing);
    HOB_TRY(hob_sleep(5));
    hob_sim_crash(h[0]);
    CHECK_EQ(hob_sim_wait(h[1]), 0);
    return 0;
}

/* ---- several programs on a machine ---- */

static int get_by_loopback(void) {
    struct hob_stream *s;
    HOB_TRY(reach("127.0.0.1", 80, &s));
    int rc = get(s, 1000);
    hob_close(s);
    return rc;
}
HOB_TASK(get_by_loopback)

static int put_thousand(struct hob_stream *s) { return put(s, 1000); }

HOB_SIM_TEST(two_programs_on_one_machine) {
    struct hob_sim_host *a = hob_sim_host("machine", serve_one, put_thousand);
    struct hob_sim_host *b = hob_sim_beside(a, get_by_loopback);
    CHECK(strcmp(hob_sim_address(a), hob_sim_address(b)) == 0);
    CHECK_EQ(hob_sim_wait(b), 0);
    CHECK_EQ(hob_sim_wait(a), 0);
    CHECK_EQ(hob_sim_restart(b, nobody), 0);
    CHECK_EQ(hob_sim_restart(a, nobody), 0);
    CHECK_EQ(hob_sim_restart(a, nobody), -EBUSY);
    HOB_TRY(hob_sleep(1));
    hob_sim_crash(a);
    CHECK_EQ(hob_sim_wait(a), -ECONNRESET);
    CHECK_EQ(hob_sim_wait(b), -ECONNRESET);
    return 0;
}

/* ---- one piece of data gets lost, which comes again ---- */

static int echoes(struct hob_stream *s) {
    char buf[700];
    for (;;) {
        ssize_t n = hob_read(s, buf, sizeof buf);
        if (n <= 0) return (int)n;
        HOB_TRY(hob_write(s, buf, (size_t)n));
    }
}
static int echoes_once(void) {
    struct hob_listener *l;
    struct hob_stream *s;
    HOB_TRY(hob_listen(":7", &l));
    HOB_TRY(take(l, &s));
    int rc = echoes(s);
    hob_close(s);
    hob_listener_close(l);
    return rc;
}
HOB_TASK(echoes_once)

HOB_SIM_TEST(a_dropped_segment_comes_again) {
    hob__sim_current->faults = (struct hob__sim_faults){.buggify = 0};
    struct hob_sim_host *h = hob_sim_host("echo", echoes_once);
    hob_sim_link(NULL, h, .delay = 0.001);
    struct hob_stream *s;
    char byte;
    HOB_TRY(reach(hob_sim_address(h), 7, &s));
    hob_sim_drop(NULL, h, 2, 1);
    for (int i = 0; i < 5; i++) {
        uint64_t began = hob_now();
        CHECK_EQ(hob_write(s, "x", 1), 1);
        CHECK_EQ(hob_read(s, &byte, 1), 1);
        double took = (double)(hob_now() - began) / 1e9;
        CHECK(i == 2 ? took > 0.2 && took < 0.21 : took < 0.01);
    }
    hob_close(s);
    return hob_sim_wait(h);
}

/* ---- signals ---- */

/* Half of all calls are, some again and again: what they do is done once, and takes longer. */
HOB_SIM_TEST(interrupted_calls_are_done_all_the_same) {
    struct hob__sim *w = hob__sim_current;
    char out[3000], in[3000];
    double took[2];
    for (int i = 0; i < 2; i++) {
        w->faults = (struct hob__sim_faults){.interrupted = i ? HOB__SIM_P(0.5) : 0};
        uint64_t began = hob_now(), drawn = w->streams[HOB__SIM_SIGNAL];
        struct hob_sim_host *h = hob_sim_host("echo", echoes_once);
        hob_sim_link(NULL, h, .delay = 0.0001);
        struct hob_stream *s;
        HOB_TRY(reach(hob_sim_address(h), 7, &s));
        for (int k = 0; k < 50; k++) {
            memset(out, 'a' + k % 26, sizeof out);
            CHECK_EQ(hob_write(s, out, sizeof out), sizeof out);
            CHECK_EQ(hob_read_exactly(s, in, sizeof in), sizeof in);
            CHECK(memcmp(in, out, sizeof in) == 0);
        }
        HOB_TRY(hob_write_file("/f", out, sizeof out));
        struct hob_file *f;
        HOB_TRY(hob_open("/f", "r", &f));
        CHECK_EQ(hob_file_read_exactly(f, in, sizeof in), sizeof in);
        HOB_TRY(hob_file_close(f));
        hob_close(s);
        CHECK_EQ(hob_sim_wait(h), 0);
        CHECK((w->streams[HOB__SIM_SIGNAL] != drawn) == (i == 1));
        took[i] = (double)(hob_now() - began);
    }
    CHECK(took[1] > took[0]);
    return 0;
}

/* ---- work in threads ---- */

static int computes(int n, int *out) {
    *out = n * n;
    return n < 100 ? n : hob_fail(-EDOM, "%d is too large", n);
}
HOB_TASK(computes, int, int *)

HOB_SIM_TEST(work_in_threads_is_done_some_time_later) {
    int square = 0;
    uint64_t began = hob_now();
    CHECK_EQ(hob_to_thread(computes, 7, &square), 7);
    CHECK_EQ(square, 49);
    CHECK(hob_now() - began > 1000);
    CHECK_EQ(hob_to_thread(computes, 100, &square), -EDOM);
    CHECK(strstr(hob_error()->message, "100 is too large") != NULL);
    hob_error_clear();
    return 0;
}

static int alone(void) { return hob_sleep(0.001); }
HOB_TASK(alone)
/* What is given to a thread runs in this one, between other loops' turns. */
static int begins_a_loop(int *said) {
    *said = hob_run(alone);
    CHECK(strstr(hob_error()->message, "a loop in what was handed to a thread") != NULL);
    return 0;
}
HOB_TASK(begins_a_loop, int *)

HOB_SIM_TEST(a_loop_inside_a_simulated_thread_job_is_not_supported) {
    int said = 0;
    CHECK_EQ(hob_to_thread(begins_a_loop, &said), 0);
    CHECK_EQ(said, -ENOTSUP);
    hob_error_clear();
    CHECK_EQ(hob_sleep(0.001), 0); /* this one goes on */
    int square = 0;
    CHECK_EQ(hob_to_thread(computes, 7, &square), 7);
    return 0;
}

/* ---- inside a host ---- */

static int serve_path(int n) {
    struct hob_listener *l;
    struct hob_stream *s;
    HOB_TRY(hob_listen("unix:@here", &l));
    hob_started();
    for (int i = 0; i < n; i++) {
        HOB_TRY(take(l, &s));
        HOB_TRY(put(s, MUCH));
        hob_close(s);
    }
    hob_listener_close(l);
    return 0;
}
HOB_TASK(serve_path, int)

HOB_SIM_TEST(unix_sockets) {
    HOB_SCOPE(scope);
    struct hob_stream *s;
    HOB_TRY(hob_start(scope, serve_path, 3));
    for (int i = 0; i < 3; i++) {
        int rc;
        while (passing(rc = hob_connect("unix:@here", &s))) HOB_TRY(hob_sleep(0.001));
        CHECK_EQ(rc, 0);
        CHECK_EQ(get(s, MUCH), 0);
        char byte;
        CHECK_EQ(hob_read(s, &byte, 1), 0);
        hob_close(s);
    }
    HOB_TRY(hob_join(scope));
    int rc;
    while (passing(rc = hob_connect("unix:@here", &s))) HOB_TRY(hob_sleep(0.001));
    CHECK_EQ(rc, -ECONNREFUSED);
    return 0;
}

/* A name is a file of its host: it is there while somebody listens, a crash leaves it or not, and
 * who comes back replaces it. */
static bool has_file(void) {
    struct stat st;
    int rc = hob_stat("/tmp/socket", &st);
    HOB_SIM_CHECK(rc == -ENOENT || (rc == 0 && S_ISSOCK(st.st_mode)));
    return rc == 0;
}

static int listens_and_stays(bool once) {
    struct hob_listener *l;
    HOB_TRY(hob_listen_with("unix:/tmp/socket", ((struct hob_listen_options){.mode = 0600}), &l));
    struct stat st;
    HOB_TRY(hob_stat("/tmp/socket", &st));
    HOB_SIM_CHECK((st.st_mode & 07777) == 0600);
    struct hob_listener *second;
    HOB_SIM_CHECK(hob_listen("unix:/tmp/socket", &second) == -EADDRINUSE);
    int rc;
    do { /* the second has looked whether somebody listens: a connection that is closed */
        struct hob_stream *s;
        HOB_TRY(take(l, &s));
        rc = put(s, 10);
        hob_close(s);
    } while (rc == -EPIPE);
    if (!once && rc == 0) rc = hob_sleep(1000);
    hob_listener_close(l);
    if (!hob_sim_crashed()) HOB_SIM_CHECK(!has_file());
    return rc;
}
HOB_TASK(listens_and_stays, bool)

static int gets_ten(void) {
    struct hob_stream *s;
    int rc;
    while ((rc = hob_connect("unix:/tmp/socket", &s)) < 0) {
        HOB_SIM_CHECK(rc == -ENOENT || rc == -ECONNREFUSED || passing(rc));
        HOB_TRY(hob_sleep(0.01));
    }
    rc = get(s, 10);
    hob_close(s);
    return rc;
}
HOB_TASK(gets_ten)

HOB_SIM_TEST(the_file_of_a_unix_socket_outlives_a_crash) {
    struct hob_sim_host *server = hob_sim_host("server", listens_and_stays, false);
    HOB_TRY(hob_sim_wait(hob_sim_beside(server, gets_ten)));
    hob_sim_crash(server);
    HOB_TRY(hob_sim_restart(server, listens_and_stays, true));
    HOB_TRY(hob_sim_wait(hob_sim_beside(server, gets_ten)));
    return hob_sim_wait(server);
}

HOB_SIM_MAIN()
