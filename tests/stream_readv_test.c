/* stream_readv_test.c - hob_readv(): the pieces are filled in order, on every kind of stream. */
#include "streams.h"

static void open_file(struct hob_stream *end[2]) {
    char path[] = "/tmp/hob-readv-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);
    CHECK(fd >= 0);
    end[0] = opened(fd);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    end[1] = opened(fd);
    unlink(path);
}

static void (*const kinds[])(struct hob_stream *end[2]) = {open_tcp, open_pair, open_pipe,
                                                           open_file};
enum { KINDS = 4, FILES = 3 };

TASK_TEST(pieces_are_filled_in_order_and_empty_ones_do_no_harm) {
    for (int k = 0; k < KINDS; k++) {
        struct hob_stream *end[2];
        char a[4] = "", b[6] = "", c[100] = "";
        kinds[k](end);
        put(end[1], "abcdefghijkl");
        const struct iovec iov[] = {{NULL, 0}, {a, 3}, {NULL, 0}, {b, 5}, {c, 100}, {NULL, 0}};
        struct iovec same[6];
        memcpy(same, iov, sizeof iov);
        CHECK_EQ(hob_readv(end[0], iov, 6), 12);
        CHECK_STR(a, "abc");
        CHECK_STR(b, "defgh");
        CHECK_STR(c, "ijkl");
        CHECK(memcmp(same, iov, sizeof iov) == 0);
        close_both(end);
    }
    return 0;
}

TASK_TEST(nothing_is_asked_for_and_nothing_is_waited_for) {
    for (int k = 0; k < KINDS; k++) {
        struct hob_stream *end[2];
        struct iovec none[3] = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
        char byte;
        kinds[k](end);
        CHECK_EQ(hob_readv(end[0], NULL, 0), 0);
        CHECK_EQ(hob_readv(end[0], none, 3), 0);
        CHECK_EQ(hob_readv(end[0], none, -1), 0);
        put(end[1], "x");
        CHECK_EQ(hob_readv(end[0], none, 3), 0);
        CHECK_EQ(hob_read(end[0], &byte, 1), 1);
        close_both(end);
    }
    return 0;
}

TASK_TEST(what_the_buffer_holds_comes_first) {
    for (int k = 0; k < KINDS; k++) {
        struct hob_stream *end[2];
        struct hob_slice line;
        char a[4] = "", b[100] = "";
        struct iovec iov[] = {{a, 3}, {b, 99}};
        kinds[k](end);
        put(end[1], "first\nbehind");
        CHECK_EQ(hob_read_line(end[0], 0, &line), 1);
        put(end[1], "later");
        CHECK_EQ(hob_readv(end[0], iov, 2), 6);
        CHECK_STR(a, "beh");
        CHECK_STR(b, "ind");
        CHECK_EQ(hob_readv(end[0], iov, 2), 5);
        CHECK_STR(a, "lat");
        CHECK(memcmp(b, "er", 2) == 0);
        put(end[1], "x\nlong");
        CHECK_EQ(hob_read_line(end[0], 0, &line), 1);
        CHECK_EQ(hob_readv(end[0], iov, 1), 3); /* a part of it */
        CHECK_STR(a, "lon");
        CHECK_EQ(hob_readv(end[0], iov, 2), 1);
        CHECK_EQ(a[0], 'g');
        close_both(end);
    }
    return 0;
}

static int writes_late(struct hob_stream *s, int n) {
    for (int at = 0; at < n;) {
        char block[777];
        int size = n - at < 777 ? n - at : 777;
        for (int i = 0; i < size; i++) block[i] = byte_at((uint64_t)(at + i));
        if (at % 5 == 0) HOB_TRY(hob_sleep(0.0005));
        HOB_TRY(hob_write(s, block, (size_t)size));
        at += size;
    }
    return hob_shutdown(s);
}
HOB_TASK(writes_late, struct hob_stream *, int)

/* Pieces of every size, until the end: each byte once, and nobody waits for ever. */
TASK_TEST(every_byte_arrives_once) {
    for (int k = 0; k < FILES; k++) {
        struct hob_stream *end[2];
        char a[1], b[100], c[1500];
        const struct iovec iov[] = {{a, 1}, {b, 0}, {b, 100}, {c, 1500}};
        kinds[k](end);
        HOB_SCOPE(s);
        hob_spawn(s, writes_late, end[1], 200000);
        uint64_t at = 0;
        ssize_t n;
        for (int round = 0; (n = HOB_TRY(hob_readv(end[0], iov, 1 + round % 4))) > 0; round++)
            for (int i = 0; n > 0; i++)
                for (size_t j = 0; j < iov[i].iov_len && n > 0; j++, n--)
                    CHECK_EQ(((char *)iov[i].iov_base)[j], byte_at(at++));
        CHECK_EQ(at, 200000);
        HOB_TRY(hob_join(s));
        close_both(end);
    }
    return 0;
}

TASK_TEST(more_pieces_than_the_kernel_takes) {
    for (int k = 0; k < KINDS; k++) {
        static char bytes[3000], text[3000];
        static struct iovec iov[4000];
        struct hob_stream *end[2];
        kinds[k](end);
        memset(bytes, 0, sizeof bytes);
        for (size_t i = 0; i < sizeof text; i++) text[i] = byte_at(i);
        CHECK_EQ(hob_write(end[1], text, sizeof text), sizeof text);
        for (int at = 0, calls = 0; at < 3000; calls++) {
            CHECK(calls < 10);
            for (int i = 0; i < 4000; i++)
                iov[i] = i < 1000 ? (struct iovec){NULL, 0}
                                  : (struct iovec){bytes + at + i - 1000, at + i - 1000 < 3000};
            at += (int)HOB_TRY(hob_readv(end[0], iov, 4000));
        }
        CHECK(memcmp(bytes, text, sizeof text) == 0);
        close_both(end);
    }
    return 0;
}

TASK_TEST(an_end_is_told_behind_what_came_before_it) {
    for (int k = 0; k < KINDS; k++) {
        struct hob_stream *end[2];
        char a[2], b[10];
        const struct iovec iov[] = {{a, 2}, {b, 10}};
        kinds[k](end);
        put(end[1], "last");
        CHECK_EQ(hob_shutdown(end[1]), 0);
        CHECK_EQ(hob_readv(end[0], iov, 2), 4);
        CHECK_EQ(hob_readv(end[0], iov, 2), 0);
        CHECK_EQ(hob_readv(end[0], iov, 2), 0);
        if (k < 2) { /* half closed: the other way goes on */
            put(end[0], "answer");
            CHECK_EQ(hob_readv(end[1], iov, 2), 6);
            CHECK(memcmp(a, "an", 2) == 0 && memcmp(b, "swer", 4) == 0);
        }
        close_both(end);
    }
    return 0;
}

TASK_TEST(a_cancelled_one_has_taken_nothing) {
    for (int k = 0; k < FILES; k++) {
        struct hob_stream *end[2];
        char a[2], b[10];
        const struct iovec iov[] = {{a, 2}, {b, 10}};
        kinds[k](end);
        CHECK_EQ(hob_within(0.003, hob_readv(end[0], iov, 2)), -ETIMEDOUT);
        put(end[1], "there");
        {
            HOB_SCOPE(s);
            hob_scope_cancel(s);
            CHECK_EQ(hob_readv(end[0], iov, 2), -ECANCELED); /* although it need not wait */
        }
        CHECK_EQ(hob_readv(end[0], iov, 2), 5);
        CHECK(memcmp(a, "th", 2) == 0 && memcmp(b, "ere", 3) == 0);
        close_both(end);
    }
    return 0;
}

TASK_TEST(a_reset_is_told_each_time) {
    struct hob_stream *end[2];
    char a[2], b[10];
    const struct iovec iov[] = {{a, 2}, {b, 10}};
    open_tcp(end);
    hob_abort(end[1]);
    for (int i = 0; i < 3; i++) CHECK_EQ(hob_readv(end[0], iov, 2), -ECONNRESET);
    hob_close(end[0]);
    return 0;
}

/* A read that waits sends what a cork has gathered, as the other reading calls do. */
static int waits_for_an_answer(struct hob_stream *s) {
    char byte;
    const struct iovec iov = {&byte, 1};
    CHECK_EQ(hob_readv(s, &iov, 1), -ECANCELED);
    return 0;
}
HOB_TASK(waits_for_an_answer, struct hob_stream *)

/* No deadline ends that read: on a slow machine it would be over before anything goes out. */
TASK_TEST(what_is_corked_goes_out_before_it_waits) {
    struct hob_stream *end[2];
    open_tcp(end);
    hob_cork(end[0]);
    put(end[0], "question");
    HOB_SCOPE(s);
    hob_spawn(s, waits_for_an_answer, end[0]);
    char question[9] = "";
    CHECK_EQ(hob_read_exactly(end[1], question, 8), 8);
    CHECK_STR(question, "question");
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(hob_uncork(end[0]), 0);
    close_both(end);
    return 0;
}

TASK_TEST(a_bad_address_is_an_error) {
    struct hob_stream *end[2];
    const struct iovec iov[] = {{(void *)16, 5}};
    open_pair(end);
    put(end[1], "x");
    CHECK_EQ(hob_readv(end[0], iov, 1), -EFAULT);
    close_both(end);
    return 0;
}

TEST_MAIN()
