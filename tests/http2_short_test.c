/* http2_short_test.c - the HTTP server when memory is short: a request for which there is none is
 * refused, or its connection ends, and nobody waits for what will not come. */
#include "http2_hand.h"

#include "base/memory.h"
#include "fiber/slab.h"
#include "task/task.h"

static int sit(struct hob_event *end) { return hob_event_wait(end); }
HOB_TASK(sit, struct hob_event *)

/* The next task's stack needs memory. */
static void take_all_stacks(struct hob_scope *s, struct hob_event *end) {
    const struct hob_loop *loop = hob__loop;
    const struct hob__stacks *pool = &loop->stacks;
    unsigned cls = loop->stack_class;
    const struct hob__stack_slab *slab;
    while ((slab = pool->current[cls], pool->free[cls].first) || pool->clean[cls].first ||
           (loop->spare && loop->spare->cls == cls) || slab->carved < slab->slots) {
        hob_spawn(s, sit, end);
        CHECK_EQ(hob_yield_now(), 0);
    }
}

/* What the server says to the request of stream 3: F_HEADERS or F_RST, and its code; 0: the
 * connection has ended; -ETIMEDOUT. */
static int answer_to(struct hob_stream *hs, uint32_t *code) {
    struct frame *f = malloc(sizeof *f);
    int rc;
    do {
        rc = hob_within(10, read_frame(hs, f));
        if (rc == -ENOMEM) rc = 1; /* that was the one that failed */
    } while (rc == 1 && !((f->type == F_HEADERS || f->type == F_RST) && f->stream == 3));
    if (rc == 1) rc = f->type;
    *code = rc == F_RST ? get_number(f->bytes) : 0;
    free(f);
    return rc;
}

static bool is_alive(struct hob_stream *hs) {
    unsigned char buf[32];
    size_t n = put_frame(buf, F_PING, 0, 0, "12345678", 8);
    return hob_write(hs, buf, n) == (ssize_t)n && await_frame(hs, F_PING, 0) >= 0;
}

/* Each allocation of a request fails once, that for its task's stack among them. No task may follow
 * that would find out what became of it. (Without memory of its own, nghttp2 ends the connection.)
 */
SERVER_TEST(a_request_without_memory_is_refused, .head_timeout = 0.3) {
    int refused = 0, dropped = 0;
    for (long n = 1; n <= 16; n++) {
        struct hob_event end = {0};
        HOB_SCOPE(sitters);
        struct hob_stream *hs = hand(l);
        hand_head(hs, END_STREAM, 1, ":method: GET\n:scheme: http\n:path: /hang\n:authority: a\n");
        await_active(1);
        take_all_stacks(sitters, &end);
        hob__alloc_fail_at(n);
        hand_head(hs, END_STREAM, 3, GET_HEAD);
        uint32_t code;
        int how = answer_to(hs, &code);
        hob__alloc_fail_at(0);
        if (how == -ETIMEDOUT) FAIL("without allocation %ld nobody answers", n);
        refused += how == F_RST && code == 7;
        dropped += how == F_RST && code != 7;
        /* What was not taken is no head that comes in, either. */
        if (how == F_RST) CHECK_EQ(hob_sleep(0.5), 0);
        if (how != 0 && !is_alive(hs)) FAIL("without allocation %ld the connection dies", n);
        hob_close(hs);
        hob_event_set(&end);
        CHECK_EQ(hob_join(sitters), 0);
        await_active(0);
    }
    CHECK(refused > 0);
    CHECK(dropped > 0);
    CHECK_EQ(counters.timeouts, 0);
    return 0;
}

#define GET_B "GET /b HTTP/1.1\r\nHost: a\r\n\r\n"

/* The same with HTTP/1.1, whose requests share a worker: one that comes gets an answer, or the end
 * of its connection. */
SERVER_TEST(a_connection_without_memory_for_a_worker_ends) {
    int answered = 0, ended = 0;
    for (long n = 1; n <= 6; n++) {
        struct hob_event end = {0};
        char text[512];
        HOB_SCOPE(sitters);
        struct hob_stream *hs;
        CHECK_EQ(hob_connect(hob_listener_address(l), &hs), 0);
        CHECK_EQ(hob_sleep(0.02), 0); /* it is parked */
        take_all_stacks(sitters, &end);
        hob__alloc_fail_at(n);
        CHECK_EQ(hob_write(hs, GET_B, sizeof GET_B - 1), sizeof GET_B - 1);
        ssize_t got;
        do got = hob_within(10, (int)hob_read(hs, text, sizeof text));
        while (got == -ENOMEM);
        hob__alloc_fail_at(0);
        if (got == -ETIMEDOUT) FAIL("without allocation %ld nobody answers", n);
        answered += got > 0;
        ended += got <= 0;
        hob_close(hs);
        hob_event_set(&end);
        CHECK_EQ(hob_join(sitters), 0);
    }
    CHECK(answered > 0);
    CHECK(ended > 0);
    CHECK_EQ(get(c, url_of(l, "/b")), 200);
    return 0;
}

/* The worker is in a handler that waits, and there is no memory for another's stack: who stands
 * behind it is not left to that handler. */
SERVER_TEST(a_connection_behind_one_that_waits_ends_without_memory) {
    static const char hang[] = "GET /hang HTTP/1.1\r\nHost: a\r\n\r\n";
    int answered = 0, ended = 0;
    for (long n = 1; n <= 8; n++) {
        struct hob_event one = {0}, end = {0};
        char text[512];
        HOB_SCOPE(sitters);
        struct hob_stream *hs[2];
        for (int i = 0; i < 2; i++) CHECK_EQ(hob_connect(hob_listener_address(l), &hs[i]), 0);
        CHECK_EQ(hob_sleep(0.02), 0); /* they are parked */
        hob_spawn(sitters, sit, &one);
        take_all_stacks(sitters, &end);
        hob_event_set(&one); /* that one is for the worker */
        CHECK_EQ(hob_yield_now(), 0);
        hob__alloc_fail_at(n);
        CHECK_EQ(hob_write(hs[0], hang, sizeof hang - 1), sizeof hang - 1);
        CHECK_EQ(hob_write(hs[1], GET_B, sizeof GET_B - 1), sizeof GET_B - 1);
        ssize_t got;
        do got = hob_within(10, (int)hob_read(hs[1], text, sizeof text));
        while (got == -ENOMEM);
        hob__alloc_fail_at(0);
        if (got == -ETIMEDOUT) FAIL("without allocation %ld nobody answers", n);
        answered += got > 0;
        ended += got <= 0;
        for (int i = 0; i < 2; i++) hob_close(hs[i]);
        hob_event_set(&end);
        CHECK_EQ(hob_join(sitters), 0);
        await_active(0);
    }
    CHECK(answered > 0);
    CHECK(ended > 0);
    return 0;
}

/* Answers that are gathered do not wait for a handler that does, when there is no memory for the
 * task that would send them. */
SERVER_TEST(gathered_answers_go_out_without_a_task) {
    static const char both[] = GET_B "GET /hang HTTP/1.1\r\nHost: a\r\n\r\n";
    for (long n = 1; n <= 6; n++) {
        struct hob_event one = {0}, end = {0};
        char text[512];
        HOB_SCOPE(sitters);
        struct hob_stream *hs;
        CHECK_EQ(hob_connect(hob_listener_address(l), &hs), 0);
        CHECK_EQ(hob_write(hs, GET_B, sizeof GET_B - 1), sizeof GET_B - 1);
        CHECK(hob_read(hs, text, sizeof text) > 0);
        CHECK_EQ(hob_sleep(0.02), 0); /* it is parked */
        hob_spawn(sitters, sit, &one);
        take_all_stacks(sitters, &end);
        hob_event_set(&one); /* that one is for the worker */
        CHECK_EQ(hob_yield_now(), 0);
        hob__alloc_fail_at(n);
        CHECK_EQ(hob_write(hs, both, sizeof both - 1), sizeof both - 1);
        ssize_t got;
        do got = hob_within(10, (int)hob_read(hs, text, sizeof text));
        while (got == -ENOMEM);
        hob__alloc_fail_at(0);
        if (got == -ETIMEDOUT) FAIL("without allocation %ld nobody answers", n);
        hob_close(hs);
        hob_event_set(&end);
        CHECK_EQ(hob_join(sitters), 0);
        await_active(0);
    }
    return 0;
}

TEST_MAIN()
