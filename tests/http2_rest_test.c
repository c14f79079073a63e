/* http2_rest_test.c - the server's connections of HTTP/2 that wait for their next request hold no
 * task, and are told of their end. */
#include "http_test.h"

static int served;

static int count_task(struct hob_task *t, void *n) {
    (void)t;
    ++*(int *)n;
    return 0;
}

static int tasks(void) {
    int n = 0;
    hob_tasks(count_task, &n);
    return n;
}

static int handler(struct hob_request *req, void *arg) {
    (void)arg;
    served++;
    return hob_respond_text(req, 200, "text/plain", "Hello");
}

#define SERVED(s, l, ...)                                                                          \
    HOB_SCOPE(s);                                                                                  \
    struct hob_listener *l = listening();                                                          \
    served = 0;                                                                                    \
    hob_spawn(s, hob_http_serve, l, handler, NULL, (struct hob_http_options){__VA_ARGS__})

static int end(struct hob_scope *s, struct hob_listener *l) {
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

static void hear(struct hob_stream *c) {
    char text[1024];
    size_t n = 0;
    while (!memmem(text, n, "Hello", 5)) {
        ssize_t got = hob_read(c, text + n, sizeof text - n);
        CHECK(got > 0);
        n += (size_t)got;
    }
}

/* The preface and SETTINGS; their ACK; a request of ":method GET, :scheme http, :path /, :authority
 * a" on stream 1, and on stream 3. */
static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
static const char ack[] = "\0\0\0\4\1\0\0\0\0";
static const char first[] = "\0\0\6\1\5\0\0\0\1\x82\x86\x84\x41\1a";
static const char second[] = "\0\0\6\1\5\0\0\0\3\x82\x86\x84\x41\1a";
#define SAY(c, bytes) CHECK_EQ(hob_write(c, bytes, sizeof(bytes) - 1), sizeof(bytes) - 1)

static bool has_goaway(const char *in, size_t n) {
    for (size_t at = 0; at + 9 <= n;) {
        const unsigned char *frame = (const unsigned char *)in + at;
        if (frame[3] == 7) return true;
        at += 9 + ((size_t)frame[0] << 16 | (size_t)frame[1] << 8 | frame[2]);
    }
    return false;
}

/* To the end; true when a GOAWAY came before it. */
static bool says_goodbye(struct hob_stream *c) {
    char in[4096];
    size_t n = 0;
    ssize_t got;
    while ((got = hob_read(c, in + n, sizeof in - n)) > 0) n += (size_t)got;
    return has_goaway(in, n);
}

static struct hob_stream *rested(struct hob_listener *l, int before) {
    struct hob_stream *c;
    CHECK_EQ(hob_connect(hob_listener_address(l), &c), 0);
    SAY(c, preface);
    SAY(c, ack);
    SAY(c, first);
    hear(c);
    for (int i = 0; tasks() > before && i < 500; i++) CHECK_EQ(hob_sleep(0.01), 0);
    CHECK_EQ(tasks(), before);
    return c;
}

TASK_TEST(a_connection_of_http2_that_waits_has_no_task) {
    SERVED(s, l);
    CHECK_EQ(hob_sleep(0.01), 0);
    int before = tasks();
    struct hob_stream *c = rested(l, before), *d = rested(l, before);
    SAY(c, second);
    hear(c);
    SAY(d, second);
    hear(d);
    CHECK_EQ(served, 4);
    for (int i = 0; tasks() > before && i < 500; i++) CHECK_EQ(hob_sleep(0.01), 0);
    CHECK_EQ(tasks(), before);
    hob_close(c); /* it leaves while it rests */
    hob_abort(d);
    return end(s, l);
}

TASK_TEST(many_connections_of_http2_of_which_half_die) {
    enum { MANY = 400 };
    struct hob_http_counters counters = {0};
    struct hob_stream *c[MANY];
    SERVED(s, l, .counters = &counters);
    CHECK_EQ(hob_sleep(0.01), 0);
    int before = tasks();
    for (int i = 0; i < MANY; i++) {
        CHECK_EQ(hob_connect(hob_listener_address(l), &c[i]), 0);
        SAY(c[i], preface);
        SAY(c[i], ack);
        SAY(c[i], first);
    }
    for (int i = 0; i < MANY; i++) hear(c[i]);
    for (int i = 0; tasks() > before && i < 2000; i++) CHECK_EQ(hob_sleep(0.01), 0);
    CHECK_EQ(tasks(), before);
    CHECK_EQ(counters.connections, MANY);
    for (int i = 0; i < MANY; i += 2) /* half of these by a reset */
        if (i % 4)
            hob_close(c[i]);
        else
            hob_abort(c[i]);
    for (int i = 1; i < MANY; i += 2) SAY(c[i], second);
    for (int i = 1; i < MANY; i += 2) hear(c[i]);
    for (int i = 0; (tasks() > before || counters.connections > MANY / 2) && i < 2000; i++)
        CHECK_EQ(hob_sleep(0.01), 0);
    CHECK_EQ(tasks(), before);
    CHECK_EQ(counters.connections, MANY / 2);
    CHECK_EQ(counters.requests, MANY + MANY / 2);
    CHECK_EQ(counters.left + counters.failed, 0);
    for (int i = 1; i < MANY; i += 2) hob_close(c[i]);
    for (int i = 0; counters.connections > 0 && i < 2000; i++) CHECK_EQ(hob_sleep(0.01), 0);
    CHECK_EQ(counters.connections, 0);
    return end(s, l);
}

TASK_TEST(a_connection_of_http2_rests_for_its_time_alone) {
    struct hob_http_counters counters = {0};
    SERVED(s, l, .idle_timeout = 0.2, .counters = &counters);
    CHECK_EQ(hob_sleep(0.01), 0);
    struct hob_stream *c = rested(l, tasks());
    CHECK(says_goodbye(c));
    CHECK_EQ(counters.idle_timeouts, 1);
    hob_close(c);
    return end(s, l);
}

TASK_TEST(a_connection_of_http2_that_rests_is_told_of_a_stop) {
    for (int cancelled = 0; cancelled < 2; cancelled++) {
        SERVED(s, l);
        CHECK_EQ(hob_sleep(0.01), 0);
        struct hob_stream *c = rested(l, tasks());
        if (cancelled)
            hob_scope_cancel(s);
        else
            hob_stop(s, 10);
        CHECK_EQ(hob_join(s), 0);
        bool told = says_goodbye(c);
        CHECK(told || cancelled);
        hob_close(c);
        hob_listener_close(l);
    }
    return 0;
}

TEST_MAIN()
