/* stream_read_test.c - exact reads, lines, separators, limits and the buffer between them, with the
 * bytes arriving in every way they can. */
#include "streams.h"

static struct hob_slice line;

/* ---- lines ---- */

TASK_TEST(lines_with_and_without_ends) {
    struct hob_stream *end[2];
    open_pair(end);
    put(end[1], "one\ntwo\r\n\n\r\nthree\rfour\nlast");
    CHECK_EQ(hob_shutdown(end[1]), 0);
    const char *wanted[] = {"one", "two", "", "", "three\rfour", "last"};
    for (size_t i = 0; i < 6; i++) {
        CHECK_EQ(hob_read_line(end[0], 0, &line), 1);
        CHECK(is(line, wanted[i]));
        CHECK_STR(line.at, wanted[i]);
    }
    CHECK_EQ(hob_read_line(end[0], 0, &line), 0);
    CHECK(is(line, ""));
    CHECK_EQ(hob_read_line(end[0], 0, &line), 0);
    close_both(end);
    return 0;
}

TASK_TEST(a_line_holds_any_bytes) {
    struct hob_stream *end[2];
    open_pair(end);
    CHECK_EQ(hob_write(end[1], "a\0b\xff\n", 5), 5);
    CHECK_EQ(hob_read_line(end[0], 0, &line), 1);
    CHECK_EQ(line.size, 4);
    CHECK(memcmp(line.at, "a\0b\xff", 5) == 0);
    close_both(end);
    return 0;
}

/* Writes the text in two pieces, split at `at`, and a pause between them that lets the reader wait.
 */
static int in_two(struct hob_stream *s, const char *text, size_t size, size_t at) {
    if (at > 0) HOB_TRY(hob_write(s, text, at));
    for (int i = 0; i < 3; i++) HOB_TRY(hob_yield_now());
    HOB_TRY(hob_write(s, text + at, size - at));
    return hob_shutdown(s);
}
HOB_TASK(in_two, struct hob_stream *, const char *, size_t, size_t)

/* What a reader makes of the text, whole or split at any position, must be the same. */
static void at_every_position(const char *text, size_t size, void (*reads)(struct hob_stream *s)) {
    for (size_t at = 0; at < size; at++) {
        struct hob_stream *end[2];
        if (at % 2)
            open_pipe(end);
        else
            open_pair(end);
        HOB_SCOPE(s);
        hob_spawn(s, in_two, end[1], text, size, at);
        reads(end[0]);
        CHECK_EQ(hob_join(s), 0);
        close_both(end);
    }
}

static void three_lines(struct hob_stream *s) {
    CHECK_EQ(hob_read_line(s, 0, &line), 1);
    CHECK(is(line, "hello"));
    CHECK_EQ(hob_read_line(s, 0, &line), 1);
    CHECK(is(line, "world"));
    CHECK_EQ(hob_read_line(s, 0, &line), 1);
    CHECK(is(line, "end"));
    CHECK_EQ(hob_read_line(s, 0, &line), 0);
}
static const struct hob_slice ends[] = {{"--ab", 4}, {"b", 1}, {"\r\n\r\n", 4}, {"\n", 1}};
static void until_any(struct hob_stream *s) {
    CHECK_EQ(hob_read_until_any(s, ends, 4, 0, &line), 1); /* ends with "b": the longest */
    CHECK(is(line, "x--a--ab"));
    CHECK_EQ(hob_read_until_any(s, ends, 4, 0, &line), 4); /* the first that ends */
    CHECK(is(line, "y\r\n"));
    CHECK_EQ(hob_read_until_any(s, ends, 3, 0, &line), 2);
    CHECK(is(line, "\r\nz\r\n\rb"));
    CHECK_EQ(hob_read_until_any(s, ends, 4, 0, &line), HOB_E_EOF);
    char rest[16];
    CHECK_EQ(hob_read(s, rest, sizeof rest), 3);
    CHECK(memcmp(rest, "--a", 3) == 0);
    CHECK_EQ(hob_read_until_any(s, ends, 4, 0, &line), 0);
}
static void mixed(struct hob_stream *s) {
    char buf[32];
    struct hob_slice view;
    CHECK_EQ(hob_read_exactly(s, buf, 4), 4);
    CHECK(memcmp(buf, "LEN5", 4) == 0);
    CHECK(hob_peek(s, 3, &view) >= 3);
    CHECK(memcmp(view.at, "abc", 3) == 0);
    CHECK_EQ(hob_read_exactly(s, buf, 5), 5);
    CHECK(memcmp(buf, "abcde", 5) == 0);
    CHECK_EQ(hob_read_until(s, ";;", 0, &line), 1);
    CHECK(is(line, "key=;value;;"));
    CHECK_EQ(hob_skip(s, 4), 4);
    CHECK_EQ(hob_skip_until(s, "<>"), 1);
    CHECK_EQ(hob_read_all(s, 100, &line), 4);
    CHECK_STR(line.at, "rest");
    CHECK_EQ(hob_read_all(s, 100, &line), 0);
    CHECK_STR(line.at, "");
    CHECK_EQ(hob_peek(s, 1, &view), 0);
    CHECK_EQ(hob_skip(s, 1), 0);
    CHECK_EQ(hob_skip_until(s, "x"), 0);
    CHECK_EQ(hob_read(s, buf, 1), 0);
}
#define AT_EVERY_POSITION(name, text, reads)                                                       \
    TASK_TEST(name) {                                                                              \
        static const char bytes[] = text;                                                          \
        at_every_position(bytes, sizeof bytes - 1, reads);                                         \
        return 0;                                                                                  \
    }
AT_EVERY_POSITION(lines_split_at_every_position, "hello\r\nworld\nend", three_lines)
AT_EVERY_POSITION(separators_split_at_every_position, "x--a--aby\r\n\r\nz\r\n\rb--a", until_any)
AT_EVERY_POSITION(every_kind_of_read_split_at_every_position,
                  "LEN5abcdekey=;value;;skipthis<<>rest", mixed)

/* ---- limits ---- */

static void limited(struct hob_stream *s) {
    CHECK_EQ(hob_read_line(s, 4, &line), 1); /* three and its end */
    CHECK(is(line, "abc"));
    CHECK_EQ(hob_read_line(s, 4, &line), HOB_E_LIMIT);
    CHECK_HAS(hob_error()->message, "no end of line in the first 4 bytes");
    CHECK_EQ(hob_read_line(s, 4, &line), HOB_E_LIMIT); /* nothing was taken */
    CHECK_EQ(hob_read_until(s, "\n", 4, &line), HOB_E_LIMIT);
    CHECK_EQ(hob_read_line(s, 5, &line), 1);
    CHECK(is(line, "defg"));
    CHECK_EQ(hob_read_line(s, 4, &line), HOB_E_LIMIT);
    CHECK_EQ(hob_skip_until(s, "\n"), 1);
    CHECK_EQ(hob_read_line(s, 4, &line), 1);
    CHECK(is(line, "ok"));
    CHECK_EQ(hob_read_all(s, 3, &line), HOB_E_LIMIT);
    CHECK_EQ(hob_read_all(s, 4, &line), 4);
    CHECK(is(line, "tail"));
}
AT_EVERY_POSITION(a_limit_takes_nothing_whatever_the_pieces, "abc\ndefg\nmuch too long\r\nok\ntail",
                  limited)

static int a_long_line(struct hob_stream *s, size_t n) {
    char *text = malloc(n + 1);
    memset(text, 'x', n);
    text[n] = '\n';
    for (size_t at = 0; at <= n;) {
        size_t piece = n + 1 - at < 7777 ? n + 1 - at : 7777;
        ssize_t rc = hob_write(s, text + at, piece);
        if (rc < 0) {
            free(text);
            return (int)rc;
        }
        at += piece;
    }
    free(text);
    return 0;
}
HOB_TASK(a_long_line, struct hob_stream *, size_t)

TASK_TEST(a_line_of_any_length_up_to_the_limit) {
    static const size_t sizes[] = {16382, 16383, 16384, 16385, 65535, 65536, 1000000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct hob_stream *end[2];
        open_pair(end);
        HOB_SCOPE(s);
        hob_spawn(s, a_long_line, end[1], sizes[i]);
        put(end[0], "unrelated, the other way");
        int rc = hob_read_line(end[0], 0, &line);
        if (sizes[i] <= 65535) {
            CHECK_EQ(rc, 1);
        } else {
            CHECK_EQ(rc, HOB_E_LIMIT);
            CHECK_EQ(hob_read_line(end[0], sizes[i] + 1, &line), 1);
        }
        CHECK_EQ(line.size, sizes[i]);
        CHECK_EQ(strspn(line.at, "x"), sizes[i]);
        CHECK_EQ(hob_join(s), 0);
        close_both(end);
    }
    return 0;
}

TASK_TEST(a_last_line_that_fills_its_buffer_gets_its_nul) {
    for (size_t n = 16382; n <= 16386; n++) {
        struct hob_stream *end[2];
        open_pair(end);
        HOB_SCOPE(s);
        hob_spawn(s, a_long_line, end[1], n);
        char *text = malloc(n);
        CHECK_EQ(hob_read_exactly(end[0], text, n), n);
        CHECK_EQ(hob_join(s), 0);
        CHECK_EQ(hob_skip(end[0], 1), 1);
        CHECK_EQ(hob_write(end[1], text, n), n);
        hob_shutdown(end[1]);
        CHECK_EQ(hob_read_line(end[0], 0, &line), 1);
        CHECK_EQ(strlen(line.at), n);
        free(text);
        close_both(end);
    }
    return 0;
}

TASK_TEST(no_separator_is_no_question) {
    struct hob_stream *end[2];
    open_pair(end);
    struct hob_slice none = {"", 0};
    CHECK_EQ(hob_read_until(end[0], "", 0, &line), -EINVAL);
    CHECK_EQ(hob_read_until_any(end[0], &none, 0, 0, &line), -EINVAL);
    CHECK_EQ(hob_read_until_any(end[0], &none, 1, 0, &line), -EINVAL);
    CHECK_EQ(hob_skip_until(end[0], ""), -EINVAL);
    struct hob_slice nul = {"\0", 1};
    CHECK_EQ(hob_write(end[1], "name\0", 5), 5);
    CHECK_EQ(hob_read_until_any(end[0], &nul, 1, 0, &line), 1);
    CHECK_EQ(line.size, 5);
    CHECK_EQ(hob_read_exactly(end[0], &line, 0), 0);
    CHECK_EQ(hob_read(end[0], NULL, 0), 0);
    close_both(end);
    return 0;
}

/* ---- what fails takes nothing ---- */

TASK_TEST(a_cancelled_exact_read_leaves_everything) {
    static const size_t sizes[] = {8, 4096, 4097, 16384, 100000};
    for (size_t i = 0; i < 5; i++) {
        struct hob_stream *end[2];
        open_pair(end);
        size_t n = sizes[i];
        char *buf = calloc(1, n);
        put(end[1], "0123");
        CHECK_EQ(hob_within(0.003, hob_read_exactly(end[0], buf, n)), -ETIMEDOUT);
        put(end[1], "4567");
        CHECK_EQ(hob_within(0.003, hob_read_exactly(end[0], buf, 8)), 8);
        CHECK(memcmp(buf, "01234567", 8) == 0);
        put(end[1], "89");
        hob_close(end[1]);
        CHECK_EQ(hob_read_exactly(end[0], buf, n), HOB_E_EOF);
        CHECK_HAS(hob_error()->message, "ended after 2 of");
        CHECK_EQ(hob_read(end[0], buf, n), 2);
        CHECK(memcmp(buf, "89", 2) == 0);
        CHECK_EQ(hob_read_exactly(end[0], buf, n), HOB_E_EOF);
        hob_close(end[0]);
        free(buf);
    }
    return 0;
}

TASK_TEST(much_that_was_read_is_put_back) {
    struct hob_stream *end[2];
    open_pair(end);
    enum { N = 60000 };
    char *text = malloc(N), *buf = malloc(2 * N);
    for (size_t i = 0; i < N; i++) text[i] = byte_at(i);
    CHECK_EQ(hob_write(end[1], text, N), N);
    CHECK_EQ(hob_within(0.003, hob_read_exactly(end[0], buf, 2 * N)), -ETIMEDOUT);
    CHECK_EQ(hob_read_exactly(end[0], buf, N), N);
    CHECK(memcmp(buf, text, N) == 0);
    close_both(end);
    free(text);
    free(buf);
    return 0;
}

TASK_TEST(without_memory_for_putting_back_there_is_no_gap) {
    struct hob_stream *end[2];
    open_pair(end);
    char buf[8000];
    put(end[1], "will be lost");
    hob_close(end[1]);
    hob__alloc_fail_at(1);
    CHECK_EQ(hob_read_exactly(end[0], buf, sizeof buf), HOB_E_EOF);
    hob__alloc_fail_at(0);
    CHECK_EQ(hob_read(end[0], buf, sizeof buf), -ENOMEM);
    CHECK_EQ(hob_read_line(end[0], 0, &line), -ENOMEM);
    CHECK_EQ(hob_read_exactly(end[0], buf, 1), -ENOMEM);
    hob_close(end[0]);
    return 0;
}

TASK_TEST(a_cancelled_line_leaves_its_beginning) {
    struct hob_stream *end[2];
    open_pair(end);
    put(end[1], "half a ");
    CHECK_EQ(hob_within(0.003, hob_read_line(end[0], 0, &line)), -ETIMEDOUT);
    CHECK_EQ(hob_within(0.003, hob_read_until(end[0], "\n", 0, &line)), -ETIMEDOUT);
    CHECK_EQ(hob_within(0.003, hob_read_all(end[0], 100, &line)), -ETIMEDOUT);
    CHECK_EQ(hob_within(0.003, hob_peek(end[0], 100, &line)), -ETIMEDOUT);
    put(end[1], "line\n");
    CHECK_EQ(hob_read_line(end[0], 0, &line), 1);
    CHECK(is(line, "half a line"));
    close_both(end);
    return 0;
}

TASK_TEST(an_error_comes_after_what_was_received_and_stays) {
    struct hob_stream *end[2];
    open_tcp(end);
    put(end[1], "before the reset, and half ");
    CHECK_EQ(hob_peek(end[0], 5, &line), 27);
    hob_abort(end[1]);
    CHECK_EQ(hob_read_line(end[0], 0, &line), -ECONNRESET);
    CHECK_EQ(hob_read_until(end[0], ",", 0, &line), 1);
    CHECK(is(line, "before the reset,"));
    char buf[32];
    CHECK_EQ(hob_read_exactly(end[0], buf, 32), -ECONNRESET);
    CHECK_EQ(hob_read(end[0], buf, 32), 10);
    for (int i = 0; i < 2; i++) {
        hob_error_clear();
        CHECK_EQ(hob_read(end[0], buf, 32), -ECONNRESET);
        CHECK_EQ(hob_error()->code, -ECONNRESET);
        CHECK_HAS(hob_error()->message, "cannot read from ");
        CHECK_HAS(hob_error()->message, hob_stream_peer(end[0]));
    }
    CHECK(hob_stream_broken(end[0]));
    hob_error_clear();
    CHECK(hob_write(end[0], "x", 1) < 0);
    CHECK_HAS(hob_error()->message, "cannot write to ");
    hob_close(end[0]);
    return 0;
}

/* ---- the buffer ---- */

TASK_TEST(an_idle_stream_holds_no_buffer) {
    struct hob_stream *end[2];
    enum { N = 100 };
    struct hob_stream *all[N][2];
    open_pair(end);
    put(end[1], "x\n");
    CHECK_EQ(hob_read_line(end[0], 0, &line), 1); /* the pool is there */
    for (int i = 0; i < N; i++) open_pair(all[i]);
    hob__alloc_fail_at(0);
    long live = hob__alloc_live();
    for (int i = 0; i < N; i++) {
        put(all[i][1], "a line\n");
        CHECK_EQ(hob_read_line(all[i][0], 0, &line), 1);
        CHECK_EQ(hob_within(0.001, hob_read_line(all[i][0], 0, &line)), -ETIMEDOUT);
    }
    CHECK(hob__alloc_live() - live <= 4); /* the pool keeps one */
    for (int i = 0; i < N; i++) { /* bytes that nobody has read are held, and then given back */
        put(all[i][1], "half");
        CHECK_EQ(hob_within(0.001, hob_read_line(all[i][0], 0, &line)), -ETIMEDOUT);
    }
    CHECK(hob__alloc_live() - live >= N - 16);
    for (int i = 0; i < N; i++) close_both(all[i]);
    CHECK(hob__alloc_live() - live <= 20 - 2 * N);
    close_both(end);
    return 0;
}

TASK_TEST(a_reading_call_in_two_tasks_is_misuse) {
    struct hob_stream *end[2];
    open_pair(end);
    HOB_SCOPE(s);
    static char buf[8];
    hob_spawn(s, in_two, end[1], "ab", (size_t)2, (size_t)1);
    CHECK_EQ(hob_read_exactly(end[0], buf, 2), 2);
    HOB_TRY(hob_join(s));
    close_both(end);
    return 0;
}

static struct hob_stream *shared[2];
static int reads_a_line(void) {
    struct hob_slice mine;
    return hob_read_line(shared[0], 0, &mine);
}
HOB_TASK(reads_a_line)
static int two_readers(void) {
    open_pair(shared);
    HOB_SCOPE(s);
    hob_spawn(s, reads_a_line);
    hob_spawn(s, reads_a_line);
    return hob_join(s);
}
HOB_TASK(two_readers)
static int reader_and_close(void) {
    open_pair(shared);
    HOB_SCOPE(s);
    hob_spawn(s, reads_a_line);
    HOB_TRY(hob_yield_now());
    hob_close(shared[0]);
    return 0;
}
HOB_TASK(reader_and_close)
TEST(two_readers_and_closing_under_a_reader_are_misuse) {
    CHECK_DIES(hob_run(two_readers), "two tasks read from the stream");
    CHECK_DIES(hob_run(reader_and_close), "a task is in a call on the stream");
}

/* ---- stop, and loops over lines ---- */

static int serves_lines(struct hob_stream *s) {
    struct hob_slice view;
    for (int n = 0;; n++) {
        ssize_t rc = hob_peek_idle(s, 1, &view);
        if (rc == HOB_E_STOPPING) return n;
        HOB_TRY(rc);
        HOB_TRY(hob_read_line(s, 0, &line));
    }
}
HOB_TASK(serves_lines, struct hob_stream *)

TASK_TEST(a_server_of_lines_stops_between_two) {
    struct hob_stream *end[2];
    open_pair(end);
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, serves_lines, end[0]);
    put(end[1], "one\ntwo\n");
    HOB_TRY(hob_sleep(0.003));
    hob_stop(s, 10);
    CHECK_EQ(hob_await(t), 2);
    HOB_TRY(hob_join(s));
    close_both(end);
    return 0;
}

static int count_lines(struct hob_stream *s, size_t *n) {
    HOB_EACH_LINE(each, s)++ *n;
    return 0;
}

TASK_TEST(each_line_in_a_loop) {
    struct hob_stream *end[2];
    open_pair(end);
    put(end[1], "a\nbb\nccc");
    hob_shutdown(end[1]);
    size_t n = 0, calls = 0;
    HOB_EACH_LINE(each, end[calls++]) { /* evaluated once */
        CHECK_EQ(each.n, ++n);
        CHECK_EQ(strlen(each.text), n);
        each.text[0] = 0;
    }
    CHECK(n == 3 && calls == 1);
    put(end[0], "one\r\ntwo\nthree\n");
    HOB_EACH_LINE(each, end[1]) {
        CHECK_STR(each.text, "one");
        HOB_EACH_LINE(none, end[0]) CHECK_STR(none.text, "nothing: it has ended");
        break;
    }
    CHECK_EQ(hob_read_line(end[1], 0, &line), 1); /* leaving the loop lost nothing */
    CHECK(is(line, "two"));
    /* An error leaves the function; the line that is too long is still there. */
    put(end[0], "four\n");
    char *longer = malloc(HOB_LINE_MAX + 2);
    memset(longer, 'x', HOB_LINE_MAX + 1);
    longer[HOB_LINE_MAX + 1] = 0;
    put(end[0], longer);
    free(longer);
    n = 0;
    CHECK_EQ(count_lines(end[1], &n), HOB_E_LIMIT);
    CHECK_EQ(n, 2);
    close_both(end);
    return 0;
}

TEST_MAIN()
