/* drivers_stream.h - scenarios over the calls of streams, for any kind of connection: a feeder
 * writes a text in pieces at one end, some call reads it at the other, or copies it further.
 * Whatever is cancelled, and whatever allocation fails: what a call had not given is still to be
 * read, in order, and once. STREAM_SCENARIOS(kind) makes a test of each, over open_KIND(). */
#ifndef HOB_TEST_DRIVERS_STREAM_H
#define HOB_TEST_DRIVERS_STREAM_H
#include "drivers.h"

#include <fcntl.h>
#include <hob/net.h>
#include <sys/socket.h>

#include "loop/sim/sim.h"

/* Opens both ends of a connection; after an error nothing is open. [0] writes, [1] reads. */
static int (*open_ends)(struct hob_stream *end[2]);

enum { TEXT_ROOM = 400000, LONG_TEXT = 150000, MIDDLE_TEXT = 20000, SHORT_TEXT = 2000 };

static char feed_text[TEXT_ROOM], got[TEXT_ROOM];
static struct {
    size_t size, piece;
    size_t sent, tried; /* written by calls that succeeded; and by one that did not, at most */
    size_t n;           /* bytes in got */
    bool cut;           /* one task had no memory to begin: what it held is lost */
} flow;

static void begin_flow(size_t size, size_t piece) {
    memset(&flow, 0, sizeof flow);
    flow.size = size;
    flow.piece = piece;
}

static void took(const char *bytes, size_t n) {
    CHECK(flow.n + n <= sizeof got);
    if (n) memcpy(got + flow.n, bytes, n);
    flow.n += n;
}

static void check_flow(void) {
    if (!flow.cut) CHECK(flow.n >= flow.sent);
    CHECK(flow.n <= flow.tried);
    if (memcmp(got, feed_text, flow.n) == 0) return;
    for (size_t i = 0; i < flow.n; i++)
        if (got[i] != feed_text[i]) FAIL("byte %zu of %zu is wrong", i, flow.n);
}

/* The end of a connection that a task takes over, unless it never runs. */
static struct hob_stream *take_end(struct hob_stream **slot) {
    struct hob_stream *s = *slot;
    *slot = NULL;
    return s;
}
static void close_end(struct hob_stream **slot) { hob_close(take_end(slot)); }

static int read_rest(struct hob_stream *s) {
    char buf[5000];
    ssize_t n;
    while ((n = hob_read(s, buf, sizeof buf)) > 0) took(buf, (size_t)n);
    return (int)n;
}

static void close_number(int fd) { hob__loop->backend.ops->sys->close(&hob__loop->backend, fd); }

/* Takes both descriptors over, or closes them. */
static int open_both(const int fd[2], struct hob_stream *end[2]) {
    int rc = hob_stream_open(fd[0], &end[0]);
    if (rc < 0) {
        close_number(fd[0]);
        close_number(fd[1]);
        return rc;
    }
    rc = hob_stream_open(fd[1], &end[1]);
    if (rc < 0) {
        hob_close(end[0]);
        close_number(fd[1]);
    }
    return rc;
}

static bool in_simulation(struct hob__backend *b) { return strcmp(b->ops->name, "sim") == 0; }

/* A connection that holds little, so that writes have to wait. */
static int open_over_unix(struct hob_stream *end[2]) {
    int fd[2], size = 4096;
    struct hob__backend *b = &hob__loop->backend;
    if (in_simulation(b)) {
        CHECK_EQ(hob__sim_pair(hob__sim_host_of(b), fd), 0);
        CHECK_EQ(b->ops->sys->setsockopt(b, fd[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
        CHECK_EQ(b->ops->sys->setsockopt(b, fd[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
        return open_both(fd, end);
    }
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd), 0);
    setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    setsockopt(fd[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    return open_both(fd, end);
}

/* ---- the feeder ---- */

static int feed(struct hob_stream *s) {
    while (flow.sent < flow.size) {
        size_t n = flow.size - flow.sent < flow.piece ? flow.size - flow.sent : flow.piece;
        flow.tried = flow.sent + n;
        HOB_TRY(hob_write(s, feed_text + flow.sent, n));
        flow.sent += n;
        HOB_TRY(hob_sleep(0));
    }
    return 0;
}
static int feeds(struct hob_stream **slot) {
    struct hob_stream *s = take_end(slot);
    if (!s) return 0;
    int rc = feed(s), end = hob_shielded(hob_shutdown(s));
    hob_close(s);
    return rc < 0 ? rc : end;
}
HOB_TASK(feeds, struct hob_stream **)

/* ---- reading ---- */

static int reading(int (*reader)(struct hob_stream *s)) {
    struct hob_stream *end[2];
    HOB_TRY(open_ends(end));
    int rc, joined;
    {
        HOB_SCOPE(s);
        hob_spawn(s, feeds, &end[0]);
        rc = reader(end[1]);
        if (rc < 0) {
            close_end(&end[0]);
            CHECK_EQ(hob_shielded(read_rest(end[1])), 0);
        }
        joined = hob_join(s);
    }
    close_end(&end[0]);
    hob_close(end[1]);
    return rc < 0 ? rc : joined;
}

static int by_read(struct hob_stream *s) {
    char buf[300];
    ssize_t n;
    while ((n = hob_read(s, buf, sizeof buf)) > 0) took(buf, (size_t)n);
    return (int)n;
}

static int by_pieces(struct hob_stream *s) {
    char a[37], b[1], c[300];
    const struct iovec piece[] = {{a, sizeof a}, {NULL, 0}, {b, sizeof b}, {c, sizeof c}};
    ssize_t n;
    while ((n = hob_readv(s, piece, 4)) > 0)
        for (int i = 0; n > 0; i++) {
            size_t size = piece[i].iov_len < (size_t)n ? piece[i].iov_len : (size_t)n;
            took(piece[i].iov_base, size);
            n -= (ssize_t)size;
        }
    return (int)n;
}
/* Behind what the buffer has. */
static int by_peeks_and_pieces(struct hob_stream *s) {
    char a[3], b[300];
    const struct iovec piece[] = {{a, sizeof a}, {b, sizeof b}};
    struct hob_slice view;
    ssize_t n;
    while ((n = hob_peek(s, 100, &view)) > 0) {
        char seen[3];
        size_t some = n < 3 ? (size_t)n : 3;
        memcpy(seen, view.at, some);
        n = HOB_TRY(hob_readv(s, piece, 2));
        CHECK(n >= (ssize_t)some && memcmp(a, seen, some) == 0);
        took(a, n < 3 ? (size_t)n : 3);
        if (n > 3) took(b, (size_t)n - 3);
    }
    return (int)n;
}

static int by_exact_reads(struct hob_stream *s, size_t size) {
    char buf[5000];
    ssize_t n;
    while ((n = hob_read_exactly(s, buf, size)) > 0) took(buf, (size_t)n);
    return n == HOB_E_EOF ? read_rest(s) : (int)n;
}
static int by_small_exact_reads(struct hob_stream *s) { return by_exact_reads(s, 37); }
static int by_large_exact_reads(struct hob_stream *s) { return by_exact_reads(s, 5000); }

/* What is too long is read in another way. */
static int goes_on(struct hob_stream *s, int rc) {
    char buf[20];
    if (rc != HOB_E_LIMIT) return rc == HOB_E_EOF ? read_rest(s) : rc;
    ssize_t n = HOB_TRY(hob_read(s, buf, sizeof buf));
    took(buf, (size_t)n);
    return 1;
}

static int by_until(struct hob_stream *s) {
    struct hob_slice part;
    int rc;
    do {
        rc = hob_read_until(s, "--", 50, &part);
        if (rc > 0)
            took(part.at, part.size);
        else
            rc = goes_on(s, rc);
    } while (rc > 0);
    return rc;
}
static int by_until_any(struct hob_stream *s) {
    static const struct hob_slice ends[] = {{"--", 2}, {"\r\n", 2}, {"END", 3}, {"\n", 1}};
    struct hob_slice part;
    int rc;
    do {
        rc = hob_read_until_any(s, ends, 4, 50, &part);
        if (rc > 0) {
            const struct hob_slice *end = &ends[rc - 1];
            CHECK(memcmp(part.at + part.size - end->size, end->at, end->size) == 0);
            took(part.at, part.size);
        } else {
            rc = goes_on(s, rc);
        }
    } while (rc > 0);
    return rc;
}

/* With the end that it had. */
static void took_line(const char *line, size_t n) {
    CHECK_EQ(line[n], 0);
    took(line, n);
    if (feed_text[flow.n] == '\r') took("\r", 1);
    if (flow.n < flow.size && feed_text[flow.n] == '\n') took("\n", 1);
}
static int by_line(struct hob_stream *s) {
    struct hob_slice line;
    int rc;
    do {
        rc = hob_read_line(s, 60, &line);
        if (rc > 0)
            took_line(line.at, line.size);
        else
            rc = goes_on(s, rc);
    } while (rc > 0);
    return rc;
}
static int by_each_line(struct hob_stream *s) {
    HOB_EACH_LINE(line, s) took_line(line.text, line.n);
    return 0;
}
static int by_each_line_and_more(struct hob_stream *s) {
    char buf[7];
    HOB_EACH_LINE(line, s) {
        took_line(line.text, line.n);
        ssize_t n = HOB_TRY(hob_read(s, buf, sizeof buf));
        took(buf, (size_t)n);
    }
    return 0;
}
static int by_looking(struct hob_stream *s) {
    struct hob_slice view;
    ssize_t n;
    while ((n = hob_peek(s, 300, &view)) > 0) {
        took(view.at, (size_t)n);
        int64_t skipped = hob_skip(s, n);
        if (skipped < 0) flow.n -= (size_t)n; /* all of it is in the buffer: cancelled before */
        HOB_TRY(skipped);
    }
    return (int)n;
}
static int by_all(struct hob_stream *s) {
    struct hob_slice all;
    ssize_t n = HOB_TRY(hob_read_all(s, sizeof got, &all));
    took(all.at, (size_t)n);
    return 0;
}

static size_t bytes_made; /* so many of feed_text are make_bytes()'s: it need not make them again */

/* Words and their ends of every kind, some of them too long; the last has none. */
static void make_parts(void) {
    static const char *const ends[] = {"--", "\n", "\r\n", "END", "-", "\r", "EN"};
    size_t at = 0;
    for (unsigned k = 0; at < SHORT_TEXT; k++)
        at += (size_t)sprintf(feed_text + at, "%.*s%s", (int)(k * 7 % 90),
                              "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz"
                              "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
                              ends[k % 7]);
    strcpy(feed_text + at, "last");
    bytes_made = 0;
    begin_flow(at + 4, 130);
}
static void make_bytes(size_t size, size_t piece) {
    for (size_t i = bytes_made; i < size; i++) feed_text[i] = (char)(i * 7 + i / 251 + i / 65521);
    if (size > bytes_made) bytes_made = size;
    begin_flow(size, piece);
}

#define READING(name, make)                                                                        \
    static int reading_##name(void) {                                                              \
        make;                                                                                      \
        return reading(name);                                                                      \
    }
READING(by_read, make_parts())
READING(by_pieces, make_parts())
READING(by_peeks_and_pieces, make_parts())
READING(by_small_exact_reads, make_parts())
READING(by_large_exact_reads, make_bytes(MIDDLE_TEXT, 1700))
READING(by_until, make_parts())
READING(by_until_any, make_parts())
READING(by_line, make_parts())
READING(by_each_line, make_parts())
READING(by_each_line_and_more, make_parts())
READING(by_looking, make_parts())
READING(by_all, make_bytes(MIDDLE_TEXT + 16384, 1700))

/* ---- writing: the main task reads, so that there is always somebody who does ---- */

struct ends {
    struct hob_stream *in[2], *out[2];
};

static int open_all(struct ends *e, bool two) {
    *e = (struct ends){{NULL, NULL}, {NULL, NULL}};
    HOB_TRY(open_ends(e->out));
    int rc = two ? open_ends(e->in) : 0;
    if (rc < 0) {
        e->in[0] = e->in[1] = NULL;
        close_end(&e->out[0]);
        close_end(&e->out[1]);
    }
    return rc;
}
static void close_untaken(struct ends *e) {
    if (e->in[0] || e->in[1] || e->out[0]) flow.cut = true;
    close_end(&e->in[0]);
    close_end(&e->in[1]);
    close_end(&e->out[0]);
}

/* The rest to its end, in the scope of those who write. */
static int drain(struct hob_scope *s, struct ends *e) {
    int rc = read_rest(e->out[1]);
    if (rc < 0) {
        close_untaken(e);
        CHECK_EQ(hob_shielded(read_rest(e->out[1])), 0);
    }
    int joined = hob_join(s);
    close_untaken(e);
    close_end(&e->out[1]);
    return rc < 0 ? rc : joined;
}

/* n bytes more of the text. */
static int write_some(struct hob_stream *s, size_t n) {
    struct iovec two[] = {{feed_text + flow.sent, n / 3},
                          {feed_text + flow.sent + n / 3, n - n / 3}};
    flow.tried = flow.sent + n;
    HOB_TRY(n % 2 ? hob_write(s, feed_text + flow.sent, n) : hob_writev(s, two, 2));
    flow.sent += n;
    return 0;
}
static int write_corked(struct hob_stream *s) {
    for (int i = 0; i < 3; i++) {
        HOB_CORK(s);
        for (int k = 0; k < 6; k++) HOB_TRY(write_some(s, 99u + (unsigned)(i * k)));
        if (i == 1) HOB_TRY(hob_flush(s));
        {
            HOB_CORK(s);
            HOB_TRY(write_some(s, 5000));
        }
        if (i == 2) HOB_TRY(write_some(s, 17001)); /* more than a cork holds */
    }
    hob_cork(s);
    int rc = write_some(s, 9000), end = hob_uncork(s);
    HOB_TRY(rc < 0 ? rc : end);
    return write_some(s, 7);
}
static int corks(struct hob_stream **slot) {
    struct hob_stream *s = take_end(slot);
    if (!s) return 0;
    int rc = write_corked(s);
    CHECK_EQ(hob_shielded(hob_flush(s)), 0);
    CHECK_EQ(hob_shielded(hob_shutdown(s)), 0);
    hob_close(s);
    return rc;
}
HOB_TASK(corks, struct hob_stream **)

static int corking(void) {
    struct ends e;
    make_bytes(LONG_TEXT, 0);
    HOB_TRY(open_all(&e, false));
    HOB_SCOPE(s);
    hob_spawn(s, corks, &e.out[0]);
    return drain(s, &e);
}

/* ---- copying ---- */

static int copy_some(struct hob_stream *from, struct hob_stream *to, int64_t *sum) {
    int64_t done = 0, rc;
    do {
        rc = hob_copy(from, to, .max = 100000, .done = &done);
        *sum += done;
        if (rc >= 0) CHECK_EQ(rc, done);
    } while (rc > 0);
    return (int)rc;
}
static int copies(struct ends *e) {
    struct hob_stream *from = take_end(&e->in[1]), *to = take_end(&e->out[0]);
    if (!from) return 0;
    int64_t sum = 0;
    int rc = copy_some(from, to, &sum);
    if (rc < 0) CHECK_EQ(hob_shielded(copy_some(from, to, &sum)), 0);
    CHECK(sum >= (int64_t)flow.sent && sum <= (int64_t)flow.tried);
    CHECK_EQ(hob_shielded(hob_shutdown(to)), 0);
    hob_close(from);
    hob_close(to);
    return rc;
}
HOB_TASK(copies, struct ends *)

static int copying(void) {
    struct ends e;
    make_bytes(LONG_TEXT, 30000);
    HOB_TRY(open_all(&e, true));
    HOB_SCOPE(s);
    hob_spawn(s, feeds, &e.in[0]);
    hob_spawn(s, copies, &e);
    return drain(s, &e);
}

/* ---- files ---- */

static int file_fd = -1;
static void make_file(size_t size) {
    char path[] = "/tmp/hob-drivers-file-XXXXXX";
    if (file_fd >= 0) return; /* one for all runs */
    file_fd = mkostemp(path, O_CLOEXEC);
    unlink(path);
    CHECK_EQ(write(file_fd, feed_text, size), size);
}

static int send_rest(struct hob_stream *s) {
    int64_t done = 0;
    flow.tried = flow.size;
    int64_t rc = hob_send_file(s, file_fd, (int64_t)flow.sent, -1, .done = &done);
    flow.sent += (size_t)done;
    return (int)rc;
}
static int sends_file(struct hob_stream **slot) {
    struct hob_stream *s = take_end(slot);
    if (!s) return 0;
    int rc = send_rest(s);
    if (rc < 0) CHECK(hob_shielded(send_rest(s)) >= 0);
    CHECK_EQ(flow.sent, flow.size);
    CHECK_EQ(hob_shielded(hob_shutdown(s)), 0);
    hob_close(s);
    return rc < 0 ? rc : 0;
}
HOB_TASK(sends_file, struct hob_stream **)

static int sending_a_file(void) {
    struct ends e;
    make_bytes(LONG_TEXT, 0);
    make_file(LONG_TEXT);
    HOB_TRY(open_all(&e, false));
    HOB_SCOPE(s);
    hob_spawn(s, sends_file, &e.out[0]);
    return drain(s, &e);
}

/* ---- half close: the answer comes after the end of the question ---- */

static int answers_late(struct hob_stream **slot) {
    struct hob_stream *s = take_end(slot);
    if (!s) return 0;
    static char question[MIDDLE_TEXT];
    size_t n = 0;
    ssize_t rc = 0, more;
    while (n < sizeof question && (rc = hob_read(s, question + n, sizeof question - n)) > 0)
        n += (size_t)rc;
    while (n < sizeof question &&
           (more = hob_shielded(hob_read(s, question + n, sizeof question - n))) > 0)
        n += (size_t)more;
    if (rc >= 0) rc = hob_write(s, question, n);
    if (rc < 0) flow.cut = true; /* the answer, or some of it */
    hob_close(s);
    return rc < 0 ? (int)rc : 0;
}
HOB_TASK(answers_late, struct hob_stream **)

static int ask(struct hob_stream *s) {
    flow.tried = flow.size;
    int rc = (int)hob_write(s, feed_text, flow.size), end = hob_shutdown(s);
    if (rc >= 0) flow.sent = flow.size;
    if (end < 0) hob_shielded(hob_shutdown(s));
    return rc < 0 ? rc : end;
}

static int half_closing(void) {
    struct hob_stream *end[2];
    make_bytes(MIDDLE_TEXT, 0);
    HOB_TRY(open_ends(end));
    int rc, joined;
    {
        HOB_SCOPE(s);
        hob_spawn(s, answers_late, &end[1]);
        rc = ask(end[0]);
        if (rc >= 0) rc = read_rest(end[0]);
        if (rc < 0) {
            if (end[1]) flow.cut = true;
            close_end(&end[1]);
            (void)hob_shielded(read_rest(end[0])); /* an answer that was cut may end in an error */
        }
        joined = hob_join(s);
    }
    close_end(&end[1]);
    hob_close(end[0]);
    return rc < 0 ? rc : joined;
}

/* ---- all of them ---- */

#define DRIVE_OVER(kind, name, run)                                                                \
    TEST(kind##_##name) {                                                                          \
        open_ends = open_##kind;                                                                   \
        drive(&(struct scenario){run, check_flow});                                                \
    }
#define READING_OVER(kind)                                                                         \
    DRIVE_OVER(kind, read, reading_by_read)                                                        \
    DRIVE_OVER(kind, pieces, reading_by_pieces)                                                    \
    DRIVE_OVER(kind, peek_and_pieces, reading_by_peeks_and_pieces)                                 \
    DRIVE_OVER(kind, small_exact_reads, reading_by_small_exact_reads)                              \
    DRIVE_OVER(kind, large_exact_reads, reading_by_large_exact_reads)                              \
    DRIVE_OVER(kind, until_one_separator, reading_by_until)                                        \
    DRIVE_OVER(kind, until_several_separators, reading_by_until_any)                               \
    DRIVE_OVER(kind, lines, reading_by_line)                                                       \
    DRIVE_OVER(kind, each_line, reading_by_each_line)                                              \
    DRIVE_OVER(kind, each_line_and_a_read, reading_by_each_line_and_more)                          \
    DRIVE_OVER(kind, peek_and_skip, reading_by_looking)                                            \
    DRIVE_OVER(kind, read_all, reading_by_all)                                                     \
    DRIVE_OVER(kind, corks, corking)                                                               \
    DRIVE_OVER(kind, copy, copying)                                                                \
    DRIVE_OVER(kind, send_file, sending_a_file)
#define STREAM_SCENARIOS(kind)                                                                     \
    READING_OVER(kind)                                                                             \
    DRIVE_OVER(kind, half_close, half_closing)
#endif
