/* json_stream_test.c - JSON from streams and files, and to them: it waits by itself, and what is
 * cancelled goes on where it was. */
#include "drivers.h"

#include <hob/file.h>
#include <hob/json_stream.h>
#include <sys/socket.h>

static int two_streams(struct hob_stream **a, struct hob_stream **b) {
    int fds[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    *a = *b = NULL;
    int rc = hob_stream_open(fds[0], a);
    if (rc < 0) close(fds[0]);
    int other = hob_stream_open(fds[1], b);
    if (other < 0) close(fds[1]);
    return rc < 0 ? rc : other;
}

static void close_stream(void *s) { hob_close(s); }

/* ---- records from one task to another, over a socket ---- */

enum { RECORDS = 300 };

/* Whatever ends its writer, its reader sees the end. */
static void end_stream(void *s) {
    int fd = hob_stream_fd(s);
    if (fd >= 0) shutdown(fd, SHUT_WR);
}

static int produce(struct hob_stream *to, int n) {
    HOB_DEFER(end_stream, to);
    HOB_JSON_BUILDER(b);
    HOB_TRY(hob_json_builder_open(to, &b, .lines = true));
    for (int i = 0; i < n; i++) {
        hob_json_begin_object(b);
        hob_json_name(b, "id");
        hob_json_put_int(b, i);
        hob_json_name(b, "text");
        hob_json_put_string(b, "\xC3\xA4\n\"more than a few bytes\"");
        HOB_TRY(hob_json_end_object(b));
        if (i % 7 == 0) HOB_TRY(hob_json_builder_flush(b));
        HOB_TRY(hob_sleep(0));
    }
    HOB_TRY(hob_json_finish(b, NULL));
    return hob_shutdown(to);
}
HOB_TASK(produce, struct hob_stream *, int)

static int consume(struct hob_json_reader *r, int *next) {
    HOB_EACH_JSON(v, r) {
        CHECK_EQ(hob_json_int(hob_json_get(v, "id"), -1), *next);
        CHECK_STR(hob_json_string(hob_json_get(v, "text"), ""),
                  "\xC3\xA4\n\"more than a few bytes\"");
        ++*next;
    }
    return 0;
}
HOB_TASK(consume, struct hob_json_reader *, int *)

static int from_task_to_task(void) {
    struct hob_stream *a, *b;
    int rc = two_streams(&a, &b), next = 0;
    HOB_DEFER(close_stream, a);
    HOB_DEFER(close_stream, b);
    HOB_TRY(rc);
    HOB_JSON_READER(r);
    HOB_TRY(hob_json_reader_open(b, &r, .lines = true));
    HOB_SCOPE(s);
    hob_spawn(s, produce, a, 20);
    hob_spawn(s, consume, r, &next);
    HOB_TRY(hob_join(s));
    CHECK(next == 20 || cancel_at); /* a child that was cancelled on its own is no error */
    return 0;
}
DRIVE(cancelled_at_every_point, from_task_to_task, NULL)

TASK_TEST(a_cancelled_reader_goes_on) {
    struct hob_stream *a, *b;
    int next = 0, rounds = 0, cancelled = 0;
    HOB_TRY(two_streams(&a, &b));
    HOB_JSON_READER(r);
    HOB_TRY(hob_json_reader_open(b, &r, .lines = true));
    HOB_SCOPE(s);
    hob_spawn(s, produce, a, RECORDS);
    while (next < RECORDS) {
        HOB_SCOPE(inner, .on_error = HOB_COLLECT);
        struct hob_task *t = hob_spawn(inner, consume, r, &next);
        for (int i = 0; i <= rounds % 5; i++) HOB_TRY(hob_sleep(0));
        hob_cancel(t);
        hob_join(inner);
        int rc = hob_task_result(t);
        CHECK(rc == 0 || rc == -ECANCELED);
        cancelled += rc == -ECANCELED;
        CHECK(++rounds < 1000000);
    }
    HOB_TRY(hob_join(s));
    CHECK_EQ(next, RECORDS);
    CHECK(cancelled > 10);
    hob_close(a);
    hob_close(b);
    return 0;
}

/* In a cancelled scope nothing is given, even if it is there. */
TASK_TEST(every_call_is_a_point) {
    struct hob_stream *a, *b;
    HOB_TRY(two_streams(&a, &b));
    HOB_TRY(hob_write(a, "[1,2]", 5));
    HOB_JSON_READER(r);
    HOB_TRY(hob_json_reader_open(b, &r));
    struct hob_json v;
    const struct hob_json *item;
    CHECK_EQ(hob_json_read(r, &v), HOB_JSON_BEGIN_ARRAY);
    {
        HOB_SCOPE(s);
        hob_scope_cancel(s);
        CHECK_EQ(hob_json_read(r, &v), -ECANCELED);
        CHECK_EQ(hob_json_skip(r), -ECANCELED);
        CHECK_EQ(hob_json_read_tree(r, &item), -ECANCELED);
        CHECK_EQ(hob_json_read_item(r, &item), -ECANCELED);
        hob_join(s);
    }
    CHECK_EQ(hob_json_read_item(r, &item), HOB_JSON_VALUE);
    CHECK_EQ(hob_json_int(item, 0), 1);
    CHECK_EQ(hob_json_read(r, &v), HOB_JSON_VALUE);
    /* a deadline while it waits */
    CHECK_EQ(hob_json_read(r, &v), HOB_JSON_END_ARRAY);
    CHECK_EQ(hob_within(0.01, hob_json_read(r, &v)), -ETIMEDOUT);
    HOB_TRY(hob_write(a, " \n", 2));
    HOB_TRY(hob_shutdown(a));
    CHECK_EQ(hob_json_read(r, &v), HOB_JSON_END);
    hob_close(a);
    hob_close(b);
    return 0;
}

/* The peer ends in the middle; resets. */
TASK_TEST(a_stream_that_ends_early) {
    struct hob_stream *a, *b;
    HOB_TRY(two_streams(&a, &b));
    HOB_TRY(hob_write(a, "[1,{\"a\":", 8));
    hob_close(a);
    HOB_JSON_READER(r);
    HOB_TRY(hob_json_reader_open(b, &r));
    const struct hob_json *v;
    CHECK_EQ(hob_json_read_item(r, &v), HOB_JSON_VALUE);
    CHECK_EQ(hob_json_read_item(r, &v), HOB_E_JSON_INCOMPLETE);
    CHECK_HAS(hob_error()->message, "column 9 (byte 8): expected a value, found the end of the");
    hob_close(b);
    /* nobody reads */
    HOB_JSON_BUILDER(out);
    HOB_TRY(two_streams(&a, &b));
    hob_close(b);
    HOB_TRY(hob_json_builder_open(a, &out, .lines = true));
    hob_json_put_int(out, 1);
    CHECK_EQ(hob_json_finish(out, NULL), -EPIPE);
    CHECK_EQ(hob_json_put_int(out, 1), -EPIPE);
    hob_close(a);
    return 0;
}

/* ---- files ---- */

static void path_of(char *path, size_t n, const char *name) {
    snprintf(path, n, TEST_PATH, (int)getpid(), name);
}

TASK_TEST(a_file_written_and_read) {
    char path[100];
    path_of(path, sizeof path, "records");
    {
        HOB_FILE(f);
        HOB_TRY(hob_open(path, "w", &f));
        HOB_JSON_BUILDER(b);
        HOB_TRY(hob_json_builder_open(f, &b, .indent = 1));
        hob_json_begin_array(b);
        for (int i = 0; i < 20000; i++) HOB_TRY(hob_json_put_int(b, i));
        hob_json_end_array(b);
        HOB_TRY(hob_json_finish(b, NULL));
    }
    HOB_FILE(f);
    HOB_TRY(hob_open(path, "r", &f));
    HOB_JSON_READER(r);
    HOB_TRY(hob_json_reader_open(f, &r));
    int64_t next = 0;
    HOB_EACH_JSON(v, r) {
        CHECK_EQ(hob_json_int(v, -1), next);
        CHECK_EQ(hob_json_reader_place(r).line, (uint64_t)next + 2);
        next++;
    }
    CHECK_EQ(next, 20000);
    return 0;
}

/* A file system that is full. */
TASK_TEST(a_disk_that_is_full) {
    HOB_FILE(f);
    if (hob_open("/dev/full", "w", &f) < 0) return 0;
    HOB_JSON_BUILDER(b);
    HOB_TRY(hob_json_builder_open(f, &b));
    hob_json_put_int(b, 1);
    CHECK_EQ(hob_json_finish(b, NULL), -ENOSPC);
    return 0;
}

TEST_MAIN()
