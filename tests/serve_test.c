/* serve_test.c - hob_serve(): its rules one by one. The limit, the two phases of a stop, closing,
 * cancelling, what a handler's error does, too few descriptors, typed arguments. */
#include "no_watchdog.h"
#include "test.h"

#include <arpa/inet.h>
#include <hob/serve.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "task/task.h"

static char reported[8192];
static int reports;
static void keep_report(enum hob_report_kind kind, const char *text, void *arg) {
    (void)arg;
    if (kind == HOB_REPORT_SLOW) return; /* a busy machine may hold any loop */
    reports++;
    strncat(reported, text, sizeof reported - strlen(reported) - 1);
}

static struct hob_listener *listening(const char *where) {
    struct hob_listener *l;
    CHECK_EQ(hob_listen(where, &l), 0);
    return l;
}

static struct hob_stream *connected(struct hob_listener *l) {
    struct hob_stream *c;
    CHECK_EQ(hob_connect(hob_listener_address(l), &c), 0);
    return c;
}

/* One message there and back. */
static void round_trip(struct hob_stream *c) {
    char buf[4];
    CHECK_EQ(hob_write(c, "ping", 4), 4);
    CHECK_EQ(hob_read_exactly(c, buf, 4), 4);
    CHECK(memcmp(buf, "ping", 4) == 0);
}

/* What the connections of a test do. */
static struct { int begun, active, most, ended, stopped, cancelled; } seen;

/* Echoes; waits for the next message as one who may be asked to stop does. */
static int echo(struct hob_stream *s) {
    char buf[256];
    ssize_t n;
    seen.begun++;
    if (++seen.active > seen.most) seen.most = seen.active;
    while ((n = hob_read_idle(s, buf, sizeof buf)) > 0 && (n = hob_write(s, buf, (size_t)n)) > 0)
        continue;
    seen.active--;
    seen.ended++;
    seen.stopped += n == HOB_E_STOPPING;
    seen.cancelled += n == -ECANCELED;
    return (int)n;
}
HOB_TASK(echo, struct hob_stream *)

static int serve_echo(struct hob_listener *l, size_t max, int *rc) {
    *rc = hob_serve_with(l, ((struct hob_serve_options){.max_connections = max}), echo);
    return *rc;
}
HOB_TASK(serve_echo, struct hob_listener *, size_t, int *)

static int wait_until(const int *value, int wanted) {
    while (*value != wanted) HOB_TRY(hob_sleep(0.001));
    return 0;
}

/* ---- serving ---- */

struct pair {
    double a;
    short b;
};
static int typed(struct hob_stream *s, struct pair by_value, const char *text, bool *right) {
    *right = by_value.a == 2.5 && by_value.b == -7 && strcmp(text, "text") == 0 &&
             strcmp(hob_stream_peer(s), hob_task_name(hob_self())) == 0;
    return (int)hob_write(s, "x", 1);
}
HOB_TASK(typed, struct hob_stream *, struct pair, const char *, bool *)

static int serve_typed(struct hob_listener *l, bool *right) {
    struct pair p = {2.5, -7};
    return hob_serve(l, typed, p, "text", right);
}
HOB_TASK(serve_typed, struct hob_listener *, bool *)

/* The end of a test whose server is stopped in two phases. */
static int stopped(struct hob_scope *s, struct hob_listener *l) {
    hob_stop(s, 5);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

TASK_TEST(handlers_get_typed_arguments_and_the_peers_name) {
    struct hob_listener *l = listening("127.0.0.1:0");
    bool right = false;
    HOB_SCOPE(s);
    hob_spawn(s, serve_typed, l, &right);
    for (int i = 0; i < 3; i++) {
        char buf[2];
        right = false;
        struct hob_stream *c = connected(l);
        CHECK_EQ(hob_read(c, buf, 2), 1);
        CHECK_EQ(hob_read(c, buf, 2), 0); /* the server closes it when the handler has returned */
        CHECK(right);
        hob_close(c);
    }
    return stopped(s, l);
}

static int closes_itself(struct hob_stream *s) {
    hob_close(s);
    return hob_sleep(0.001);
}
HOB_TASK(closes_itself, struct hob_stream *)
static int serve_closing(struct hob_listener *l) { return hob_serve(l, closes_itself); }
HOB_TASK(serve_closing, struct hob_listener *)

TASK_TEST(a_handler_may_close_the_stream_itself) {
    struct hob_listener *l = listening("127.0.0.1:0");
    int fds = 0;
    HOB_SCOPE(s);
    hob_spawn(s, serve_closing, l);
    for (int i = 0; i < 5; i++) {
        char byte;
        struct hob_stream *c = connected(l);
        CHECK_EQ(hob_read(c, &byte, 1), 0);
        hob_close(c);
        HOB_TRY(hob_sleep(0.01));
        if (i == 0) fds = count_fds();
    }
    CHECK_EQ(count_fds(), fds);
    return stopped(s, l);
}

TASK_TEST(a_thousand_connections_one_after_another_leave_nothing) {
    struct hob_listener *l = listening("127.0.0.1:0");
    int rc;
    HOB_SCOPE(s);
    hob_spawn(s, serve_echo, l, 0, &rc);
    long live = 0;
    int fds = 0;
    for (int i = 0; i < 1000; i++) {
        struct hob_stream *c = connected(l);
        round_trip(c);
        hob_close(c);
        HOB_TRY(wait_until(&seen.ended, i + 1));
        if (i == 99) {
            hob__alloc_fail_at(0);
            live = hob__alloc_live();
            fds = count_fds();
        }
    }
    CHECK_EQ(hob__alloc_live(), live);
    CHECK_EQ(count_fds(), fds);
    return stopped(s, l);
}

/* ---- the limit ---- */

TASK_TEST(at_the_limit_further_connections_wait_in_the_backlog) {
    struct hob_listener *l = listening("127.0.0.1:0");
    enum { LIMIT = 3, ALL = 10 };
    struct hob_stream *c[ALL];
    int rc;
    HOB_SCOPE(s);
    hob_spawn(s, serve_echo, l, LIMIT, &rc);
    for (int i = 0; i < ALL; i++) c[i] = connected(l); /* the kernel takes them all */
    for (int i = 0; i < LIMIT; i++) round_trip(c[i]);
    HOB_TRY(hob_sleep(0.02));
    CHECK_EQ(seen.begun, LIMIT);
    for (int i = 0; i < ALL; i++) { /* each that ends lets the next one in */
        round_trip(c[i]);
        hob_close(c[i]);
    }
    HOB_TRY(wait_until(&seen.ended, ALL));
    CHECK_EQ(seen.most, LIMIT);
    return stopped(s, l);
}

TASK_TEST(at_the_limit_a_stop_does_not_wait_for_a_slot) {
    struct hob_listener *l = listening("127.0.0.1:0");
    int rc = 1;
    HOB_SCOPE(s);
    hob_spawn(s, serve_echo, l, 1, &rc);
    struct hob_stream *a = connected(l), *b = connected(l);
    round_trip(a);
    HOB_TRY(hob_sleep(0.01));
    hob_stop(s, 1000);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(rc, 0);
    CHECK_EQ(seen.stopped, 1);
    hob_close(a);
    hob_close(b);
    hob_listener_close(l);
    return 0;
}

/* ---- stopping, closing, cancelling (semantics V-01 to V-03) ---- */

static struct hob_event goes_on;
static int busy(struct hob_stream *s) {
    char byte;
    HOB_TRY(hob_read(s, &byte, 1));
    seen.begun++;
    int rc = hob_event_wait(&goes_on);
    seen.cancelled += rc == -ECANCELED;
    if (rc == 0) rc = (int)hob_write(s, "done", 4);
    seen.ended++;
    return rc;
}
HOB_TASK(busy, struct hob_stream *)
static int serve_busy(struct hob_listener *l, int *rc) { return *rc = hob_serve(l, busy); }
HOB_TASK(serve_busy, struct hob_listener *, int *)

TASK_TEST(stop_refuses_new_ones_and_lets_busy_ones_end) {
    struct hob_listener *l = listening("127.0.0.1:0");
    char address[128], buf[8];
    snprintf(address, sizeof address, "%s", hob_listener_address(l));
    int rc = 1;
    HOB_SCOPE(s);
    hob_spawn(s, serve_busy, l, &rc);
    struct hob_stream *c = connected(l), *late;
    CHECK_EQ(hob_write(c, "x", 1), 1);
    HOB_TRY(wait_until(&seen.begun, 1));
    hob_stop(s, 1000);
    while (hob_connect(address, &late) == 0) { /* refused from the loop's next turn on */
        hob_close(late);
        HOB_TRY(hob_sleep(0.001));
    }
    CHECK_EQ(seen.ended, 0);
    hob_event_set(&goes_on);
    CHECK_EQ(hob_read(c, buf, 8), 4);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(rc, 0);
    CHECK_EQ(seen.cancelled, 0);
    hob_close(c);
    hob_listener_close(l);
    return 0;
}

TASK_TEST(stop_wakes_idle_reads_at_once) {
    struct hob_listener *l = listening("127.0.0.1:0");
    struct hob_stream *c[20];
    char byte;
    int rc = 1;
    HOB_SCOPE(s);
    hob_spawn(s, serve_echo, l, 0, &rc);
    for (int i = 0; i < 20; i++) round_trip(c[i] = connected(l));
    hob_stop(s, 1000);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(rc, 0);
    CHECK_EQ(seen.stopped, 20);
    for (int i = 0; i < 20; i++) {
        CHECK_EQ(hob_read(c[i], &byte, 1), 0);
        hob_close(c[i]);
    }
    CHECK_EQ(reports, 0);
    hob_listener_close(l);
    return 0;
}

TASK_TEST(when_the_grace_is_over_the_rest_is_cancelled) {
    struct hob_listener *l = listening("127.0.0.1:0");
    int rc = 1;
    HOB_SCOPE(s);
    hob_spawn(s, serve_busy, l, &rc);
    struct hob_stream *c = connected(l);
    CHECK_EQ(hob_write(c, "x", 1), 1);
    HOB_TRY(wait_until(&seen.begun, 1));
    hob_stop(s, 0.02);
    CHECK_EQ(hob_join(s), 0); /* a cancelled child is not an error */
    CHECK_EQ(rc, -ECANCELED);
    CHECK_EQ(seen.cancelled, 1);
    CHECK_EQ(seen.ended, 1);
    hob_close(c);
    hob_listener_close(l);
    return 0;
}

static int serve_keeping(struct hob_listener *l) {
    return hob_serve_with(l, ((struct hob_serve_options){.keep_listening = true}), echo);
}
HOB_TASK(serve_keeping, struct hob_listener *)

TASK_TEST(a_listener_that_is_kept_serves_again) {
    struct hob_listener *l = listening("127.0.0.1:0");
    for (int i = 0; i < 2; i++) {
        HOB_SCOPE(s);
        hob_spawn(s, serve_keeping, l);
        struct hob_stream *c = connected(l);
        round_trip(c);
        hob_stop(s, 1000);
        CHECK_EQ(hob_join(s), 0);
        hob_close(c);
    }
    int rc = 0;
    {
        HOB_SCOPE(s);
        hob_spawn(s, serve_echo, l, 0, &rc);
        HOB_TRY(hob_sleep(0));
        hob_stop(s, 1000);
        CHECK_EQ(hob_join(s), 0);
    }
    CHECK_EQ(hob_serve(l, echo), 0); /* stopped without keep_listening: nothing is left to serve */
    struct hob_stream *c;
    CHECK_EQ(hob_accept(l, &c), HOB_E_CLOSED);
    CHECK_EQ(hob_connect(hob_listener_address(l), &c), -ECONNREFUSED);
    hob_listener_close(l);
    return 0;
}

TASK_TEST(closing_the_listener_ends_accepting_and_waits_for_connections) {
    struct hob_listener *l = listening("127.0.0.1:0");
    char address[128];
    snprintf(address, sizeof address, "%s", hob_listener_address(l));
    int rc = 1;
    HOB_SCOPE(s);
    hob_spawn(s, serve_echo, l, 0, &rc);
    struct hob_stream *c = connected(l), *late;
    round_trip(c);
    hob_listener_close(l);
    HOB_TRY(hob_sleep(0.01));
    CHECK_EQ(hob_connect(address, &late), -ECONNREFUSED);
    round_trip(c); /* lives on */
    CHECK_EQ(rc, 1);
    hob_close(c);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(rc, 0);
    return 0;
}

TASK_TEST(closing_the_listener_while_the_server_is_at_its_limit) {
    struct hob_listener *l = listening("127.0.0.1:0");
    int rc = 1;
    HOB_SCOPE(s);
    hob_spawn(s, serve_echo, l, 1, &rc);
    struct hob_stream *c = connected(l);
    round_trip(c);
    HOB_TRY(hob_sleep(0.01)); /* it waits for a slot now, not in hob_accept() */
    hob_listener_close(l);
    hob_close(c);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(rc, 0);
    return 0;
}

TASK_TEST(cancel_does_not_hang_on_an_idle_client) {
    struct hob_listener *l = listening("127.0.0.1:0");
    int rc = 1;
    struct hob_stream *c;
    {
        HOB_SCOPE(s);
        hob_spawn(s, serve_echo, l, 0, &rc);
        c = connected(l);
        round_trip(c);
        hob_scope_cancel(s);
        CHECK_EQ(hob_join(s), 0);
    }
    CHECK_EQ(rc, -ECANCELED);
    CHECK_EQ(seen.cancelled, 1);
    hob_close(c);
    c = connected(l); /* the listener is its owner's, and listens */
    hob_close(c);
    hob_listener_close(l);
    return 0;
}

static int floods(struct hob_stream *s) {
    static const char much[1 << 20];
    seen.begun++;
    for (;;) HOB_TRY(hob_write(s, much, sizeof much));
}
HOB_TASK(floods, struct hob_stream *)
static int serve_floods(struct hob_listener *l) { return hob_serve(l, floods); }
HOB_TASK(serve_floods, struct hob_listener *)

TASK_TEST(cancel_drops_connections_whose_peers_do_not_read) {
    struct hob_listener *l = listening("127.0.0.1:0");
    struct hob_stream *c[3];
    {
        HOB_SCOPE(s);
        hob_spawn(s, serve_floods, l);
        for (int i = 0; i < 3; i++) c[i] = connected(l);
        HOB_TRY(wait_until(&seen.begun, 3));
        HOB_TRY(hob_sleep(0.05)); /* the kernel's buffers are full */
        hob_stop(s, 0.01);
        CHECK_EQ(hob_join(s), 0);
    }
    for (int i = 0; i < 3; i++) hob_close(c[i]);
    hob_listener_close(l);
    return 0;
}

/* ---- what handlers return ---- */

static int returns(struct hob_stream *s, const int *code) {
    char byte;
    if (hob_read(s, &byte, 1) < 0) return 0;
    return *code == -EBADMSG ? hob_fail(*code, "the message of %s", hob_stream_peer(s)) : *code;
}
HOB_TASK(returns, struct hob_stream *, const int *)
static int serve_returns(struct hob_listener *l, const int *code) {
    return hob_serve(l, returns, code);
}
HOB_TASK(serve_returns, struct hob_listener *, const int *)

TASK_TEST(an_error_ends_one_connection_and_is_reported_with_the_peer) {
    static const int codes[] = {-EBADMSG, -EINVAL, -ECONNRESET, -EPIPE, HOB_E_EOF, 7, 0};
    struct hob_listener *l = listening("127.0.0.1:0");
    int code;
    hob_set_report(keep_report, NULL);
    HOB_SCOPE(s);
    hob_spawn(s, serve_returns, l, &code);
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        char byte, peer[64];
        struct hob_stream *c = connected(l);
        struct sockaddr_in a;
        socklen_t n = sizeof a;
        struct hob__backend *b = &hob__loop->backend;
        CHECK_EQ(b->ops->sys->getsockname(b, hob_stream_fd(c), (struct sockaddr *)&a, &n), 0);
        snprintf(peer, sizeof peer, "127.0.0.1:%d", ntohs(a.sin_port));
        code = codes[i];
        reported[0] = 0;
        reports = 0;
        CHECK_EQ(hob_write(c, "x", 1), 1);
        CHECK_EQ(hob_read(c, &byte, 1), 0);
        HOB_TRY(hob_sleep(0.005));
        CHECK_EQ(reports, i < 2);
        if (i < 2) CHECK_HAS(reported, peer);
        if (i == 0) CHECK_HAS(reported, "the message of");
        hob_close(c);
    }
    return stopped(s, l);
}

TASK_TEST(a_client_that_resets_disturbs_nobody) {
    struct hob_listener *l = listening("127.0.0.1:0");
    hob_set_report(keep_report, NULL);
    int rc;
    HOB_SCOPE(s);
    hob_spawn(s, serve_echo, l, 0, &rc);
    struct hob_stream *other = connected(l);
    round_trip(other);
    for (int i = 0; i < 10; i++) {
        struct hob_stream *c = connected(l);
        struct linger hard = {1, 0};
        if (i % 2) round_trip(c);
        setsockopt(hob_stream_fd(c), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        hob_close(c);
    }
    HOB_TRY(hob_sleep(0.02));
    round_trip(other);
    hob_close(other);
    hob_stop(s, 5);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(reports, 0);
    hob_listener_close(l);
    return 0;
}

/* ---- what is short ---- */

static void limit_files(rlim_t n) {
    struct rlimit limit;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = n;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* A socket that is connected when descriptors are short already. */
static void connect_raw(int fd, struct hob_listener *l) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    a.sin_port = htons((uint16_t)atoi(strrchr(hob_listener_address(l), ':') + 1));
    CHECK_EQ(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
}

TASK_TEST(out_of_descriptors_it_tells_once_does_not_spin_and_goes_on) {
    struct hob_listener *l = listening("127.0.0.1:0");
    enum { CLIENTS = 8, ROOM = 3 };
    struct hob_stream *c[CLIENTS];
    const char *slow = getenv("TEST_SLOW");
    if (slow && strcmp(slow, "valgrind") == 0) { /* its own limit drops what it has accepted */
        hob_listener_close(l);
        return 0;
    }
    hob_set_report(keep_report, NULL);
    int rc, fds[CLIENTS];
    HOB_SCOPE(s);
    hob_spawn(s, serve_echo, l, 0, &rc);
    struct hob_stream *first = connected(l);
    round_trip(first); /* everything that is made once is there */
    for (int i = 0; i < CLIENTS; i++)
        CHECK((fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) >= 0);
    int next = dup(0);
    close(next);
    limit_files((rlim_t)(next + ROOM));
    for (int i = 0; i < CLIENTS; i++) connect_raw(fds[i], l);
    struct hob_loop_info before, after;
    HOB_TRY(hob_sleep(0.05));
    hob_loop_info(&before);
    HOB_TRY(hob_sleep(0.5));
    hob_loop_info(&after);
    CHECK(after.turns - before.turns < 100); /* each pause is a turn or two */
    CHECK_EQ(reports, 1);
    CHECK_HAS(reported, "Too many open files");
    CHECK_HAS(reported, hob_listener_address(l));
    CHECK(seen.active <= 1 + ROOM);
    round_trip(first);                  /* those that are there go on */
    for (int i = 0; i < CLIENTS; i++) { /* each that ends makes room for the next */
        CHECK_EQ(hob_stream_open(fds[i], &c[i]), 0);
        round_trip(c[i]);
        hob_close(c[i]);
    }
    CHECK_EQ(reports, 1);
    hob_close(first);
    limit_files(1024);
    return stopped(s, l);
}

TASK_TEST(out_of_descriptors_a_stop_is_seen_at_once) {
    struct hob_listener *l = listening("127.0.0.1:0");
    hob_set_report(keep_report, NULL);
    int rc = 1;
    HOB_SCOPE(s);
    hob_spawn(s, serve_echo, l, 0, &rc);
    HOB_TRY(hob_sleep(0.01));
    struct hob_stream *c = connected(l);
    round_trip(c);
    int highest = dup(0);
    close(highest);
    limit_files((rlim_t)(highest + 1));
    struct hob_stream *waits = connected(l);
    HOB_TRY(hob_sleep(0.1));
    CHECK_EQ(reports, 1);
    hob_stop(s, 1000);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(rc, 0);
    hob_close(c);
    hob_close(waits);
    hob_listener_close(l);
    return 0;
}

/* Each of the allocations of serving one connection fails once: either that connection is lost, or
 * it has to wait a little; the server goes on, and nothing is lost of it. */
TASK_TEST(without_memory_a_connection_may_be_lost_but_never_the_server) {
    struct hob_listener *l = listening("127.0.0.1:0");
    hob_set_report(keep_report, NULL);
    int rc, lost = 0;
    HOB_SCOPE(s);
    hob_spawn(s, serve_echo, l, 0, &rc);
    long live = 0;
    int fds = 0;
    for (int n = 0; n < 12; n++) {
        int raw = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        connect_raw(raw, l);
        CHECK_EQ(send(raw, "ping", 4, 0), 4);
        hob__alloc_fail_at(n); /* 0: none */
        char buf[8];
        ssize_t got;
        while ((got = recv(raw, buf, 8, MSG_DONTWAIT)) < 0 && errno == EAGAIN)
            HOB_TRY(hob_sleep(0.002));
        hob__alloc_fail_at(0);
        lost += got != 4;
        close(raw);
        HOB_TRY(hob_sleep(0.01));
        CHECK_EQ(seen.active, 0);
        if (n == 0) {
            live = hob__alloc_live();
            fds = count_fds();
        }
    }
    CHECK(lost > 0);
    CHECK(lost < 6);
    CHECK_EQ(hob__alloc_live(), live);
    CHECK_EQ(count_fds(), fds);
    struct hob_stream *c = connected(l);
    round_trip(c);
    hob_close(c);
    return stopped(s, l);
}

/* ---- several servers ---- */

TASK_TEST(two_servers_on_one_listener) {
    struct hob_listener *l = listening("127.0.0.1:0");
    int rc[2] = {1, 1};
    HOB_SCOPE(s);
    hob_spawn(s, serve_echo, l, 0, &rc[0]);
    hob_spawn(s, serve_echo, l, 0, &rc[1]);
    for (int i = 0; i < 20; i++) {
        struct hob_stream *c = connected(l);
        round_trip(c);
        hob_close(c);
    }
    hob_stop(s, 5);
    CHECK_EQ(hob_join(s), 0);
    CHECK(rc[0] == 0 && rc[1] == 0);
    hob_listener_close(l);
    return 0;
}

TEST_MAIN()
