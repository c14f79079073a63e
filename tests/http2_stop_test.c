/* http2_stop_test.c - the server's stop and HTTP/2: what is on its way when a client hears of it is
 * still answered (RFC 9113, 6.8): until the client has heard, or for a second, inside the grace. */
#include "http2_hand.h"

#include <sys/socket.h>

struct stopped {
    struct hob_listener *l;
    struct hob_scope *server;
    uint64_t began; /* the stop */
};

/* A server that the test stops. */
#define STOP_TEST(name, ...)                                                                       \
    static void body_##name(struct stopped *t);                                                    \
    CLEAN_TEST(name) {                                                                             \
        hob_set_report(fail_at_deadlock, NULL);                                                    \
        HOB_SCOPE(server);                                                                         \
        struct stopped t = {.l = listening(), .server = server};                                   \
        hob_spawn(server, hob_http_serve, t.l, serve, NULL,                                        \
                  (struct hob_http_options){.counters = &counters, ##__VA_ARGS__});                \
        body_##name(&t);                                                                           \
        CHECK_EQ(hob_join(server), 0);                                                             \
        hob_listener_close(t.l);                                                                   \
        CHECK_EQ(seen.active, 0);                                                                  \
        CHECK_EQ(counters.connections, 0);                                                         \
        return 0;                                                                                  \
    }                                                                                              \
    static void body_##name(struct stopped *t)

static void stop(struct stopped *t, double grace) {
    t->began = hob_now();
    hob_stop(t->server, grace);
}
static double since(const struct stopped *t) { return (double)(hob_now() - t->began) * 1e-9; }

static long next_goaway(struct hob_stream *hs) {
    struct frame *f = malloc(sizeof *f);
    long last = -1;
    while (last < 0 && next_frame(hs, f, 20) == 1)
        if (f->type == F_GOAWAY) last = (long)get_number(f->bytes);
    free(f);
    return last;
}

static void ask(struct hob_stream *hs, uint32_t id) {
    hand_head(hs, END_STREAM, id, GET_HEAD);
    CHECK(await_frame(hs, F_DATA, id) >= 0);
}
static void has_heard(struct hob_stream *hs) { hand_send(hs, F_PING, ACK, 0, "leaving", 8); }

/* A connection that rests, one that is busy, one that has asked for nothing yet. */
STOP_TEST(what_is_on_its_way_is_answered) {
    struct hob_stream *hs[3];
    for (int i = 0; i < 3; i++) hs[i] = hand(t->l);
    for (int i = 0; i < 3; i++) CHECK(await_frame(hs[i], F_SETTINGS, 0) >= 0);
    ask(hs[0], 1);
    CHECK_EQ(hob_sleep(0.1), 0); /* it rests */
    hand_head(hs[1], END_STREAM, 1, ":method: GET\n:scheme: http\n:path: /slow\n:authority: a\n");
    await_active(1);
    stop(t, 20);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(next_goaway(hs[i]), 0x7fffffff);
        ask(hs[i], 3);
        has_heard(hs[i]);
        CHECK_EQ(next_goaway(hs[i]), 3);
        CHECK_EQ(await_frame(hs[i], F_RST, 0), -1);
        hob_close(hs[i]);
    }
    CHECK(since(t) < 15);
    CHECK_EQ(counters.requests, 5);
}

/* What comes behind the last GOAWAY is not: the client knows that. A request in progress ends. */
STOP_TEST(what_comes_later_is_not) {
    struct hob_stream *hs = hand(t->l);
    hand_head(hs, 0, 1, BODY_COMES);
    await_active(1);
    stop(t, 20);
    CHECK_EQ(next_goaway(hs), 0x7fffffff);
    has_heard(hs);
    CHECK_EQ(next_goaway(hs), 1);
    hand_head(hs, END_STREAM, 3, GET_HEAD);
    hand_send(hs, F_DATA, END_STREAM, 1, "ab", 2);
    CHECK(await_frame(hs, F_DATA, 1) >= 0);
    CHECK_EQ(await_frame(hs, F_HEADERS, 3), -1);
    hob_close(hs);
    CHECK_EQ(counters.requests, 1);
}

/* All that still comes: each GOAWAY names that stream, and there is no answer to `refused`. */
static void refuses(struct hob_stream *hs, uint32_t last, uint32_t refused) {
    struct frame *f = malloc(sizeof *f);
    int goaways = 0;
    while (next_frame(hs, f, 20) == 1) {
        CHECK(f->stream != refused || f->type == F_RST);
        if (f->type != F_GOAWAY || get_number(f->bytes) == 0x7fffffff) continue;
        CHECK_EQ(get_number(f->bytes), last);
        goaways++;
    }
    CHECK(goaways > 0);
    free(f);
}

/* What the last GOAWAY does not name, the client sends again elsewhere: so no handler sees it, not
 * even if it comes before that GOAWAY is out. Here it comes at once with the word that makes the
 * server say it: on a connection that is busy, and on one that is not. */
STOP_TEST(what_comes_before_the_last_goaway_is_out_is_not) {
    static const unsigned char heard[] = "\0\0\x08\x06\1\0\0\0\0leaving";
    struct hob_stream *hs[2];
    for (int i = 0; i < 2; i++) hs[i] = hand(t->l);
    ask(hs[0], 1);
    hand_head(hs[1], 0, 1, BODY_COMES);
    await_active(1);
    stop(t, 20);
    for (int i = 0; i < 2; i++) {
        unsigned char both[1024];
        CHECK_EQ(next_goaway(hs[i]), 0x7fffffff);
        memcpy(both, heard, sizeof heard);
        size_t n = sizeof heard + put_head(both + sizeof heard, END_STREAM, 3, GET_HEAD);
        CHECK_EQ(hob_write(hs[i], both, n), n);
        if (i == 1) hand_send(hs[i], F_DATA, END_STREAM, 1, "ab", 2);
        refuses(hs[i], 1, 3);
        hob_close(hs[i]);
    }
    CHECK_EQ(counters.requests, 2);
}

/* And here the server cannot say it: the client does not read what it has asked for. */
STOP_TEST(what_comes_while_nothing_can_be_said_is_not) {
    struct hob_stream *hs = hand_with(t->l, "\0\4\x7f\xff\xff\xff", 6); /* INITIAL_WINDOW_SIZE */
    hand_send(hs, F_WINDOW, 0, 0, "\x7f\xfe\0\0", 4);
    for (uint32_t id = 1; id <= 9; id += 2) /* 15 MB */
        hand_head(hs, END_STREAM, id,
                  ":method: GET\n:scheme: http\n:path: /stream\n:authority: a\n");
    await_active(5);
    CHECK_EQ(hob_sleep(0.1), 0);
    stop(t, 20);
    CHECK_EQ(hob_sleep(1.2), 0);
    hand_head(hs, END_STREAM, 11, GET_HEAD);
    CHECK_EQ(hob_sleep(0.1), 0);
    refuses(hs, 9, 11);
    hob_close(hs);
    CHECK_EQ(counters.requests, 5);
}

/* The head of stream 3, in two pieces: cut behind `cut` bytes, or (0) as HEADERS and CONTINUATION.
 * It has a priority, so that one that is cut behind its first 9 bytes has not opened the stream. */
static size_t cut_head(unsigned char *at, size_t cut, size_t *first) {
    enum { PRIORITY = 0x20 };
    unsigned char block[256] = {0, 0, 0, 0, 15};
    size_t n = 5 + put_fields(block + 5, GET_HEAD);
    *first = cut;
    if (cut) return put_frame(at, F_HEADERS, PRIORITY | END_STREAM | END_HEADERS, 3, block, n);
    *first = put_frame(at, F_HEADERS, PRIORITY | END_STREAM, 3, block, n / 2);
    return *first + put_frame(at + *first, F_CONT, END_HEADERS, 3, block + n / 2, n - n / 2);
}

/* The server's patience ends within a head: that request is none, and the GOAWAY says so. (It named
 * the stream, and the connection ended without an answer.) */
STOP_TEST(half_a_head_is_not_taken) {
    static const size_t cuts[3] = {0, 9, 20};
    struct hob_stream *hs[3];
    for (int i = 0; i < 3; i++) {
        unsigned char head[512];
        size_t first;
        hs[i] = hand(t->l);
        ask(hs[i], 1);
        cut_head(head, cuts[i], &first);
        CHECK_EQ(hob_write(hs[i], head, first), first);
    }
    stop(t, 20);
    for (int i = 0; i < 3; i++) {
        refuses(hs[i], 1, 3);
        hob_close(hs[i]);
    }
    CHECK(since(t) < 15);
    CHECK_EQ(counters.requests, 3);
}

/* The rest of it comes while another request is still in progress, which has its answer all the
 * same, however long the head took. */
STOP_TEST(the_rest_of_a_head_that_is_not_taken, .head_timeout = 4, .min_rate = -1) {
    static const size_t cuts[3] = {0, 9, 20};
    struct hob_stream *hs[3];
    unsigned char head[3][512];
    size_t first[3], size[3];
    for (int i = 0; i < 3; i++) {
        hs[i] = hand(t->l);
        hand_head(hs[i], 0, 1, BODY_COMES);
    }
    await_active(3);
    stop(t, 20);
    for (int i = 0; i < 3; i++) {
        size[i] = cut_head(head[i], cuts[i], &first[i]);
        CHECK_EQ(hob_write(hs[i], head[i], first[i]), first[i]);
    }
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(next_goaway(hs[i]), 0x7fffffff);
        CHECK_EQ(next_goaway(hs[i]), 1);
        size_t rest = size[i] - first[i];
        CHECK_EQ(hob_write(hs[i], head[i] + first[i], rest), rest);
    }
    CHECK_EQ(hob_sleep(3.5), 0);
    for (int i = 0; i < 3; i++) {
        hand_send(hs[i], F_DATA, END_STREAM, 1, "ab", 2);
        CHECK(await_frame(hs[i], F_DATA, 1) >= 0);
        CHECK_EQ(await_frame(hs[i], F_HEADERS, 3), -1);
        hob_close(hs[i]);
    }
    CHECK_EQ(counters.requests, 3);
}

/* Nor is it taken for a slow one by a server that was held meanwhile, and finds its patience over
 * and the head's time, too: its requests in progress would be cut off. */
STOP_TEST(a_head_that_is_not_taken_is_not_late, .head_timeout = 1.2) {
    unsigned char head[512];
    size_t first;
    struct hob_stream *hs = hand(t->l);
    hand_head(hs, 0, 1, BODY_COMES);
    await_active(1);
    stop(t, 20);
    size_t rest = cut_head(head, 20, &first) - first;
    CHECK_EQ(hob_write(hs, head, first), first);
    CHECK_EQ(next_goaway(hs), 0x7fffffff);
    CHECK_EQ(hob_sleep(0.1), 0); /* it has come */
    usleep(1500000);
    CHECK_EQ(next_goaway(hs), 1);
    CHECK_EQ(hob_write(hs, head + first, rest), rest);
    hand_send(hs, F_DATA, END_STREAM, 1, "ab", 2);
    CHECK(await_frame(hs, F_DATA, 1) >= 0);
    hob_close(hs);
    CHECK_EQ(counters.timeouts, 0);
}

/* What a connection accepts from the server at once, before the client has read it. */
static void take_little_at_once(void) {
    for (int fd = 3; fd < 200; fd++) {
        int listens = 0, size = 4096;
        socklen_t n = sizeof listens;
        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &n) == 0 && listens)
            CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
    }
}

/* The end waits for what a slow client has not taken yet: all of the last answer is there. */
STOP_TEST(a_slow_client_has_all_of_the_last_answer) {
    take_little_at_once();
    struct hob_stream *hs = hand_with(t->l, "\0\4\x7f\xff\xff\xff", 6); /* INITIAL_WINDOW_SIZE */
    hand_send(hs, F_WINDOW, 0, 0, "\x7f\xfe\0\0", 4);
    hand_head(hs, END_STREAM, 1, ":method: GET\n:scheme: http\n:path: /whole\n:authority: a\n");
    await_active(1);
    stop(t, 60);
    has_heard(hs);
    struct frame *f = malloc(sizeof *f);
    size_t bytes = 0;
    bool ended = false, paused = false;
    while (next_frame(hs, f, 20) == 1) {
        if (f->type == F_DATA) bytes += f->size;
        ended |= (f->type == F_DATA || f->type == F_HEADERS) && (f->flags & END_STREAM);
        CHECK_EQ(hob_sleep(paused ? 0 : 0.0005), 0);
        if (paused || seen.active) continue;
        CHECK_EQ(hob_sleep(0.1), 0); /* the handler has ended */
        paused = true;
    }
    free(f);
    CHECK_EQ(bytes, 3000000);
    CHECK(ended);
    hob_close(hs);
}

/* A client that leaves (its own GOAWAY), and has requests all the same, hears of the stop, too. (It
 * did when it was cut off.) */
STOP_TEST(a_client_that_leaves_hears_of_it) {
    struct hob_stream *hs = hand(t->l);
    hand_head(hs, 0, 1, BODY_COMES);
    await_active(1);
    hand_send(hs, F_GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0", 8);
    hand_head(hs, 0, 3, BODY_COMES);
    await_active(2);
    stop(t, 60);
    CHECK_EQ(next_goaway(hs), 3);
    hand_head(hs, END_STREAM, 5, GET_HEAD);
    for (uint32_t id = 1; id <= 3; id += 2) {
        hand_send(hs, F_DATA, END_STREAM, id, "ab", 2);
        CHECK(await_frame(hs, F_DATA, id) >= 0);
    }
    CHECK_EQ(await_frame(hs, F_HEADERS, 5), -1);
    hob_close(hs);
    CHECK_EQ(counters.requests, 2);
    CHECK_EQ(hob_join(t->server), 0);
    CHECK(since(t) < 15);
}

/* A client that says nothing more holds nobody up: not for more than a second, nor for the grace,
 * behind which the server would be cancelled. */
STOP_TEST(a_silent_client) {
    struct hob_stream *hs = hand(t->l);
    ask(hs, 1);
    stop(t, 60);
    CHECK_EQ(next_goaway(hs), 0x7fffffff);
    CHECK_EQ(next_goaway(hs), 1);
    CHECK_EQ(hob_join(t->server), 0);
    CHECK(since(t) > 0.5 && since(t) < 30);
    hob_close(hs);
}

/* Did it end before the grace did? */
static bool ends_in_time(double grace) {
    HOB_SCOPE(server);
    struct stopped t = {.l = listening(), .server = server};
    hob_spawn(server, hob_http_serve, t.l, serve, NULL, (struct hob_http_options){0});
    struct hob_stream *hs = hand(t.l);
    ask(hs, 1);
    stop(&t, grace);
    CHECK_EQ(next_goaway(hs), 0x7fffffff);
    bool named = next_goaway(hs) == 1;
    CHECK_EQ(await_frame(hs, F_RST, 0), -1);
    CHECK_EQ(hob_join(server), 0);
    bool in_time = since(&t) < grace;
    hob_close(hs);
    hob_listener_close(t.l);
    return named && in_time;
}
CLEAN_TEST(a_silent_client_and_a_short_grace) {
    hob_set_report(fail_at_deadlock, NULL);
    for (int tries = 0; tries < 10; tries++) /* a busy machine may be late for once */
        if (ends_in_time(2)) return 0;
    FAIL("the grace is over before the server has left");
    return 0;
}

/* Requests one after the other, on four connections at once, while the server stops: each that the
 * server has not named as refused has its answer. */
static int keep_asking(struct hob_stream *hs, int *answers) {
    struct frame *f = malloc(sizeof *f);
    uint32_t id = 1, last = 0x7fffffff;
    bool told = false;
    hand_head(hs, END_STREAM, id, GET_HEAD);
    while (next_frame(hs, f, 20) == 1) {
        if (f->type == F_GOAWAY) {
            uint32_t now = get_number(f->bytes);
            CHECK(now <= last);
            last = now;
            told = true;
        }
        if (f->type == F_PING && !(f->flags & ACK)) hand_send(hs, F_PING, ACK, 0, f->bytes, 8);
        CHECK(f->type != F_RST);
        if (f->type != F_DATA || !(f->flags & END_STREAM)) continue;
        CHECK_EQ(f->stream, id);
        ++*answers;
        if (told) break;
        id += 2;
        hand_head(hs, END_STREAM, id, GET_HEAD);
    }
    free(f);
    CHECK(told);
    CHECK_EQ(*answers, (int)(id + 1) / 2);
    return 0;
}
HOB_TASK(keep_asking, struct hob_stream *, int *)

STOP_TEST(no_request_is_lost) {
    enum { CLIENTS = 4 };
    struct hob_stream *hs[CLIENTS];
    int answers[CLIENTS] = {0};
    HOB_SCOPE(clients);
    for (int i = 0; i < CLIENTS; i++) {
        hs[i] = hand(t->l);
        hob_spawn(clients, keep_asking, hs[i], &answers[i]);
    }
    CHECK_EQ(hob_sleep(0.1), 0);
    for (int i = 0; i < CLIENTS; i++)
        while (answers[i] == 0) CHECK_EQ(hob_sleep(0.001), 0);
    stop(t, 20);
    CHECK_EQ(hob_join(clients), 0);
    for (int i = 0; i < CLIENTS; i++) CHECK(answers[i] > 1);
    for (int i = 0; i < CLIENTS; i++) hob_close(hs[i]);
}

TEST_MAIN()
