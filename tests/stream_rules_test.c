/* stream_rules_test.c - the rules of asyncio's transports and streams (S-01 to S-20 of its own
 * tests), by name, for Hob's streams. Where Hob differs on purpose, the comment says what holds
 * instead: a write waits by itself, so that there is no user-space buffer with water marks, no
 * drain(), and no callback that could be called too often. */
#include "streams.h"

static struct hob_slice line;
static char buf[1 << 17];

static int writes(struct hob_stream *s, size_t n, int *at) {
    char *block = malloc(n);
    for (size_t i = 0; i < n; i++) block[i] = byte_at(i);
    ssize_t rc = hob_write(s, block, n);
    free(block);
    ++*at;
    return rc < 0 ? (int)rc : 0;
}
HOB_TASK(writes, struct hob_stream *, size_t, int *)

/* A connection that does not hold much. */
static void open_narrow(struct hob_stream *end[2]) {
    open_tcp(end);
    CHECK_EQ(hob_set_buffers(end[0], 0, 65536), 0);
    CHECK_EQ(hob_set_buffers(end[1], 65536, 0), 0);
}

/* ---- writing ---- */

TASK_TEST(S01_a_write_goes_out_at_once_and_in_order) {
    struct hob_stream *end[2];
    open_tcp(end);
    CHECK_EQ(hob_write(end[0], "", 0), 0);
    put(end[0], "a");
    put(end[0], "b");
    put(end[0], "c");
    CHECK_EQ(hob_read_exactly(end[1], buf, 3), 3);
    CHECK(memcmp(buf, "abc", 3) == 0);
    close_both(end);
    return 0;
}
TASK_TEST(S01_the_remainder_waits_in_the_writer) {
    struct hob_stream *end[2];
    int done = 0;
    open_narrow(end);
    HOB_SCOPE(s);
    hob_spawn(s, writes, end[0], (size_t)2000000, &done);
    HOB_TRY(hob_sleep(0.01));
    CHECK_EQ(done, 0);
    for (size_t at = 0; at < 2000000;) {
        ssize_t n = HOB_TRY(hob_read(end[1], buf, sizeof buf));
        CHECK(n > 0);
        for (ssize_t i = 0; i < n; i++, at++) CHECK_EQ(buf[i], byte_at(at));
    }
    HOB_TRY(hob_join(s));
    CHECK_EQ(done, 1);
    close_both(end);
    return 0;
}
/* Instead of a warning and dropped bytes: an error, each time. */
TASK_TEST(S01_writing_after_the_end_is_an_error_each_time) {
    struct hob_stream *end[2];
    open_tcp(end);
    CHECK_EQ(hob_shutdown(end[0]), 0);
    for (int i = 0; i < 5; i++) CHECK_EQ(hob_write(end[0], "x", 1), -EPIPE);
    CHECK_EQ(hob_shutdown(end[0]), 0);
    close_both(end);
    return 0;
}

TASK_TEST(S02_pieces_are_gathered_and_empty_ones_do_no_harm) {
    struct hob_stream *end[2];
    open_pair(end);
    struct iovec iov[200];
    for (int i = 0; i < 200; i++) iov[i] = (struct iovec){(void *)"0123456789", (size_t)(i % 11)};
    size_t total = 0;
    for (int i = 0; i < 200; i++) total += iov[i].iov_len;
    CHECK_EQ(hob_writev(end[0], iov, 200), total);
    CHECK_EQ(hob_read_exactly(end[1], buf, total), total);
    for (size_t i = 0, at = 0; i < 200; at += i % 11, i++)
        CHECK(memcmp(buf + at, "0123456789", i % 11) == 0);
    struct iovec none[3] = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    CHECK_EQ(hob_writev(end[0], none, 3), 0);
    CHECK_EQ(hob_writev(end[0], NULL, 0), 0);
    close_both(end);
    return 0;
}
static int writes_pieces(struct hob_stream *s) {
    static char block[1000000];
    for (size_t i = 0; i < sizeof block; i++) block[i] = byte_at(i);
    struct iovec iov[7] = {{block, 1},          {NULL, 0},           {block + 1, 399999},
                           {block + 400000, 0}, {block + 400000, 1}, {block + 400001, 599999},
                           {block + 1000000, 0}};
    return (int)hob_writev(s, iov, 7);
}
HOB_TASK(writes_pieces, struct hob_stream *)
TASK_TEST(S02_a_partial_send_ends_within_any_piece) {
    struct hob_stream *end[2];
    open_pair(end);
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, writes_pieces, end[0]);
    for (size_t at = 0; at < 1000000;) {
        ssize_t n = HOB_TRY(hob_read(end[1], buf, 7001));
        for (ssize_t i = 0; i < n; i++, at++) CHECK_EQ(buf[i], byte_at(at));
    }
    HOB_TRY(hob_join(s));
    CHECK_EQ(hob_task_result(t), 1000000);
    close_both(end);
    return 0;
}

/* There is no callback: a writer that is woken may write or close like any other. */
TASK_TEST(S03_a_writer_that_could_go_on_may_close) {
    struct hob_stream *end[2];
    int done = 0;
    open_pair(end);
    HOB_SCOPE(s);
    hob_spawn(s, writes, end[0], (size_t)1000000, &done);
    for (size_t at = 0; at < 1000000;) at += (size_t)HOB_TRY(hob_read(end[1], buf, sizeof buf));
    HOB_TRY(hob_join(s));
    hob_close(end[0]);
    CHECK_EQ(hob_read(end[1], buf, 1), 0);
    hob_close(end[1]);
    return 0;
}

/* The high-water mark is the kernel's sending buffer. */
TASK_TEST(S04_a_writer_waits_while_the_peer_does_not_read) {
    struct hob_stream *end[2];
    int small = 0, large = 0;
    open_narrow(end);
    HOB_SCOPE(s);
    hob_spawn(s, writes, end[0], (size_t)1000, &small);
    HOB_TRY(hob_sleep(0.005));
    CHECK_EQ(small, 1);
    hob_spawn(s, writes, end[0], (size_t)2000000, &large);
    HOB_TRY(hob_sleep(0.01));
    CHECK_EQ(large, 0);
    for (size_t at = 0; at < 2001000;) at += (size_t)HOB_TRY(hob_read(end[1], buf, sizeof buf));
    HOB_TRY(hob_join(s));
    CHECK_EQ(large, 1);
    close_both(end);
    return 0;
}

TASK_TEST(S05_close_delivers_what_was_written) {
    struct hob_stream *end[2];
    open_tcp(end);
    memset(buf, 'x', 100000);
    CHECK_EQ(hob_write(end[0], buf, 100000), 100000);
    hob_cork(end[0]);
    put(end[0], "and what a cork held");
    hob_close(end[0]);
    CHECK_EQ(hob_read_exactly(end[1], buf, 100020), 100020);
    CHECK(memcmp(buf + 100000, "and what a cork held", 20) == 0);
    CHECK_EQ(hob_read(end[1], buf, 1), 0);
    hob_close(end[1]);
    hob_close(NULL);
    return 0;
}
TASK_TEST(S05_abort_drops_and_the_peer_sees_it) {
    struct hob_stream *end[2];
    open_tcp(end);
    hob_cork(end[0]);
    put(end[0], "never sent");
    hob_abort(end[0]);
    CHECK_EQ(hob_read(end[1], buf, 100), -ECONNRESET);
    CHECK_EQ(hob_read(end[1], buf, 100), -ECONNRESET);
    hob_close(end[1]);
    open_pipe(end);
    hob_abort(end[1]); /* no other end than this */
    CHECK_EQ(hob_read(end[0], buf, 1), 0);
    hob_abort(end[0]);
    hob_abort(NULL);
    return 0;
}

TASK_TEST(S06_the_end_comes_after_what_was_written_and_reading_goes_on) {
    struct hob_stream *end[2];
    int done = 0;
    open_tcp(end);
    HOB_SCOPE(s);
    hob_spawn(s, writes, end[0], (size_t)3000000, &done);
    size_t at = 0;
    while (at < 3000000) at += (size_t)HOB_TRY(hob_read(end[1], buf, sizeof buf));
    HOB_TRY(hob_join(s));
    hob_cork(end[0]);
    put(end[0], "last words");
    CHECK_EQ(hob_shutdown(end[0]), 0);
    CHECK_EQ(hob_read_all(end[1], 100, &line), 10);
    CHECK_STR(line.at, "last words");
    put(end[1], "answer");
    CHECK_EQ(hob_read_exactly(end[0], buf, 6), 6);
    close_both(end);
    return 0;
}

/* A stream is read when somebody reads it: from the start on it is "paused". */
TASK_TEST(S07_nothing_is_read_before_somebody_reads) {
    struct hob_stream *end[2];
    int done = 0;
    open_narrow(end);
    HOB_SCOPE(s);
    hob_spawn(s, writes, end[0], (size_t)2000000, &done);
    HOB_TRY(hob_sleep(0.01));
    CHECK_EQ(done, 0); /* the bytes are with the kernel and the writer */
    hob_abort(end[1]);
    int rc = hob_join(s);
    CHECK(rc == -ECONNRESET || rc == -EPIPE);
    hob_close(end[0]);
    return 0;
}

static int handles(struct hob_stream *c) {
    HOB_DEFER((void (*)(void *))hob_close, c);
    HOB_TRY(hob_read_line(c, 10, &line));
    return 0;
}
HOB_TASK(handles, struct hob_stream *)
static int told;
static void count_reports(enum hob_report_kind kind, const char *text, void *arg) {
    (void)arg;
    if (kind == HOB_REPORT_SLOW) return; /* any busy machine brings it */
    if (kind == HOB_REPORT_ERROR) CHECK_HAS(text, "no end of line in the first 10 bytes");
    told++;
}
/* S-08 and S-17: an error in a handler is reported, its connection closed; its cancel is neither.
 */
TASK_TEST(S08_S17_a_failing_handler_is_reported_and_its_connection_closed) {
    struct hob_stream *end[2];
    hob_set_report(count_reports, NULL);
    open_tcp(end);
    {
        HOB_SCOPE(s, .on_error = HOB_DISCARD);
        hob_spawn(s, handles, end[1]);
        put(end[0], "a line that is too long\n");
        HOB_TRY(hob_join(s));
    }
    CHECK_EQ(told, 1);
    ssize_t rc = hob_read(end[0], buf, 1);
    CHECK(rc == 0 || rc == -ECONNRESET);
    hob_close(end[0]);
    open_tcp(end);
    {
        HOB_SCOPE(s, .on_error = HOB_DISCARD);
        hob_cancel(hob_spawn(s, handles, end[1]));
        HOB_TRY(hob_join(s));
    }
    CHECK_EQ(told, 1);
    CHECK_EQ(hob_read(end[0], buf, 1), 0);
    hob_close(end[0]);
    return 0;
}

/* S-09 has no counterpart: the caller's buffer is the only one, and may be of any size, also 0. */
TASK_TEST(S09_a_buffer_of_nothing_reads_nothing) {
    struct hob_stream *end[2];
    open_pair(end);
    CHECK_EQ(hob_read(end[0], buf, 0), 0);
    put(end[1], "x");
    CHECK_EQ(hob_read(end[0], buf, 0), 0);
    CHECK_EQ(hob_read(end[0], buf, 1), 1);
    close_both(end);
    return 0;
}

/* ---- reading ---- */

TASK_TEST(S10_a_reader_takes_no_more_than_its_limit) {
    struct hob_stream *end[2];
    int done = 0;
    open_pair(end);
    HOB_SCOPE(s);
    hob_spawn(s, writes, end[1], (size_t)4000000, &done);
    hob__alloc_fail_at(0);
    long live = hob__alloc_live();
    CHECK_EQ(hob_read_until(end[0], "not in there", 50000, &line), HOB_E_LIMIT);
    CHECK_EQ(done, 0);
    CHECK(hob__alloc_live() - live < 8);
    for (size_t at = 0; at < 4000000;) {
        ssize_t n = HOB_TRY(hob_read(end[0], buf, sizeof buf));
        for (ssize_t i = 0; i < n; i++, at++) CHECK_EQ(buf[i], byte_at(at));
    }
    HOB_TRY(hob_join(s));
    close_both(end);
    return 0;
}

TASK_TEST(S11_a_separator_may_lie_across_packets) {
    struct hob_stream *end[2];
    open_pair(end);
    HOB_SCOPE(s);
    const char *packets[] = {"dataA", "BC", "DEF"};
    for (int i = 0; i < 3; i++) {
        put(end[1], packets[i]);
        if (i < 2) {
            int rc = hob_within(0.002, hob_read_until(end[0], "ABCD", 0, &line));
            CHECK_EQ(rc, -ETIMEDOUT);
        }
    }
    CHECK_EQ(hob_read_until(end[0], "ABCD", 0, &line), 1);
    CHECK(is(line, "dataABCD"));
    CHECK_EQ(hob_read(end[0], buf, 10), 2);
    close_both(end);
    return hob_join(s);
}
TASK_TEST(S11_of_many_separators_the_one_that_ends_first) {
    struct hob_stream *end[2];
    open_pair(end);
    static const struct hob_slice abc[] = {{"ABCDE", 5}, {"C", 1}, {"BC", 2}};
    put(end[1], "xABCDEyABC");
    CHECK_EQ(hob_read_until_any(end[0], abc, 3, 0, &line), 3);
    CHECK(is(line, "xABC"));
    CHECK_EQ(hob_within(0.002, hob_read_until_any(end[0], abc, 1, 0, &line)), -ETIMEDOUT);
    CHECK_EQ(hob_read_until_any(end[0], abc, 2, 0, &line), 2);
    CHECK(is(line, "DEyABC"));
    close_both(end);
    return 0;
}

TASK_TEST(S12_over_the_limit_the_bytes_stay) {
    struct hob_stream *end[2];
    open_pair(end);
    put(end[1], "0123456789\nshort\n");
    CHECK_EQ(hob_read_until(end[0], "\n", 10, &line), HOB_E_LIMIT); /* found, but too far */
    CHECK_EQ(hob_read_line(end[0], 5, &line), HOB_E_LIMIT);
    CHECK_EQ(hob_read_exactly(end[0], buf, 4), 4);
    CHECK(memcmp(buf, "0123", 4) == 0);
    CHECK_EQ(hob_read_line(end[0], 5, &line), HOB_E_LIMIT); /* asyncio drops the line here ... */
    CHECK_EQ(hob_skip_until(end[0], "\n"), 1);              /* ... Hob's caller says so */
    CHECK_EQ(hob_read_line(end[0], 10, &line), 1);
    CHECK(is(line, "short"));
    close_both(end);
    return 0;
}

/* asyncio empties its buffer then; here the bytes can still be read. */
TASK_TEST(S13_exactly_says_how_much_was_missing) {
    struct hob_stream *end[2];
    open_pair(end);
    put(end[1], "abc");
    CHECK_EQ(hob_read(end[0], buf, 100), 3); /* what is there */
    put(end[1], "partial");
    hob_close(end[1]);
    CHECK_EQ(hob_read_exactly(end[0], buf, 10), HOB_E_EOF);
    CHECK_HAS(hob_error()->message, "ended after 7 of 10 bytes");
    CHECK_EQ(hob_read_all(end[0], 100, &line), 7);
    CHECK_STR(line.at, "partial");
    CHECK_EQ(hob_read_exactly(end[0], buf, 1), HOB_E_EOF);
    CHECK_EQ(hob_read_exactly(end[0], buf, 0), 0);
    hob_close(end[0]);
    return 0;
}

static struct hob_stream *shared[2];
static int reads_one(void) { return (int)hob_read(shared[0], buf, 1); }
HOB_TASK(reads_one)
static int two_read(void) {
    open_pair(shared);
    HOB_SCOPE(s);
    hob_spawn(s, reads_one);
    hob_spawn(s, reads_one);
    return hob_join(s);
}
HOB_TASK(two_read)
TEST(S14_two_readers_at_once_are_misuse) {
    CHECK_DIES(hob_run(two_read), "two tasks read from the stream to");
}
TASK_TEST(S14_an_error_wakes_the_reader) {
    open_tcp(shared);
    HOB_SCOPE(s);
    hob_spawn(s, reads_one);
    HOB_TRY(hob_sleep(0.002));
    hob_abort(shared[1]);
    CHECK_EQ(hob_join(s), -ECONNRESET);
    hob_close(shared[0]);
    return 0;
}
TASK_TEST(S14_a_cancelled_reader_leaves_the_stream_usable) {
    open_tcp(shared);
    {
        HOB_SCOPE(s);
        struct hob_task *t = hob_spawn(s, reads_one);
        HOB_TRY(hob_sleep(0.002));
        hob_cancel(t);
        HOB_TRY(hob_join(s));
    }
    put(shared[1], "x");
    CHECK_EQ(hob_read(shared[0], buf, 10), 1);
    close_both(shared);
    return 0;
}

/* Writes wait by themselves; one task writes at a time, others wait for a mutex of the program's.
 */
static struct hob_mutex turn;
static int writes_in_turn(size_t n) {
    HOB_WITH(hob_mutex, &turn);
    int done = 0;
    return writes(shared[0], n, &done);
}
HOB_TASK(writes_in_turn, size_t)
TASK_TEST(S15_several_writers_take_turns) {
    open_pair(shared);
    HOB_SCOPE(s);
    for (int i = 0; i < 5; i++) hob_spawn(s, writes_in_turn, (size_t)500000);
    for (int i = 0; i < 5; i++)
        for (size_t at = 0; at < 500000;) {
            size_t want = 500000 - at < sizeof buf ? 500000 - at : sizeof buf;
            ssize_t n = HOB_TRY(hob_read(shared[1], buf, want));
            for (ssize_t k = 0; k < n; k++, at++) CHECK_EQ(buf[k], byte_at(at));
        }
    HOB_TRY(hob_join(s));
    close_both(shared);
    return 0;
}
static int two_write(void) {
    int done = 0;
    open_pair(shared);
    HOB_SCOPE(s);
    hob_spawn(s, writes, shared[0], (size_t)5000000, &done);
    hob_spawn(s, writes, shared[0], (size_t)1, &done);
    return hob_join(s);
}
HOB_TASK(two_write)
TEST(S15_two_writers_at_once_are_misuse) {
    CHECK_DIES(hob_run(two_write), "two tasks write to the stream to");
}
TASK_TEST(S15_a_loop_of_writes_sees_that_the_peer_has_gone) {
    open_tcp(shared);
    hob_close(shared[1]);
    ssize_t rc = 0;
    for (int i = 0; i < 100000 && rc >= 0; i++) rc = hob_write(shared[0], "x", 1);
    CHECK(rc == -EPIPE || rc == -ECONNRESET);
    hob_close(shared[0]);
    return 0;
}

/* hob_close() has closed when it returns; there is nothing to wait for. */
TASK_TEST(S16_close_with_unread_data_is_over_at_once) {
    open_tcp(shared);
    int fd = hob_stream_fd(shared[0]);
    put(shared[1], "nobody reads this");
    CHECK_EQ(hob_peek(shared[0], 1, &line), 17);
    hob_close(shared[0]);
    CHECK_EQ(fcntl(fd, F_GETFD), -1);
    ssize_t rc = hob_read(shared[1], buf, 1);
    CHECK(rc == 0 || rc == -ECONNRESET);
    hob_close(shared[1]);
    return 0;
}

/* S-18, start_tls: what came early is with the library above; tls_test.c. Here: it can see it. */

/* S-19 is in stream_copy_test.c. */

TASK_TEST(S20_readers_that_take_turns_lose_nothing) {
    open_tcp(shared);
    for (int i = 0; i < 20; i++) {
        CHECK_EQ(hob_within(0.0005, hob_read(shared[0], buf, 4)), -ETIMEDOUT);
        put(shared[1], "abcd");
        CHECK_EQ(hob_read_exactly(shared[0], buf, 4), 4);
    }
    close_both(shared);
    return 0;
}
TASK_TEST(S20_an_accept_that_was_cancelled_lost_no_connection) {
    struct hob_listener *l;
    struct hob_stream *c, *a = NULL;
    CHECK_EQ(hob_listen("127.0.0.1:0", &l), 0);
    CHECK_EQ(hob_within(0.002, hob_accept(l, &a)), -ETIMEDOUT);
    CHECK_EQ(hob_connect(hob_listener_address(l), &c), 0);
    CHECK_EQ(hob_within(0, hob_accept(l, &a)), -ETIMEDOUT);
    CHECK_EQ(hob_accept(l, &a), 0);
    hob_close(a);
    hob_close(c);
    hob_listener_close(l);
    return 0;
}

TEST_MAIN()
