/* stream_copy_test.c - from stream to stream and from file to stream: order, counts, back-pressure,
 * peers that die, cancels in the middle, and nothing lost. */
#include "no_watchdog.h"
#include "streams.h"

#include "task/task.h"

#include <sys/resource.h>
#include <sys/stat.h>

enum kind { TCP, UNIX, PIPE, KINDS };

static void open_kind(enum kind kind, struct hob_stream *end[2]) {
    struct hob_stream *t;
    switch (kind) {
    case TCP:
        open_tcp(end);
        break;
    case UNIX:
        open_pair(end);
        break;
    default:
        open_pipe(end);
        t = end[0], end[0] = end[1], end[1] = t; /* [0] writes, [1] reads */
    }
}

static int pours(struct hob_stream *s, uint64_t n, size_t piece) {
    char *block = malloc(piece);
    int rc = 0;
    for (uint64_t at = 0; at < n && rc >= 0;) {
        size_t size = n - at < piece ? (size_t)(n - at) : piece;
        for (size_t i = 0; i < size; i++) block[i] = byte_at(at + i);
        rc = (int)hob_write(s, block, size);
        at += size;
    }
    free(block);
    return rc < 0 ? rc : hob_shutdown(s);
}
HOB_TASK(pours, struct hob_stream *, uint64_t, size_t)

/* Checks each byte; how many came. */
static uint64_t drains(struct hob_stream *s, uint64_t from, uint64_t n, double pause) {
    static char buf[50000];
    uint64_t at = from;
    while (at < from + n) {
        size_t want = from + n - at < sizeof buf ? (size_t)(from + n - at) : sizeof buf;
        ssize_t got = hob_read(s, buf, want);
        CHECK(got >= 0);
        if (got == 0) break;
        for (ssize_t i = 0; i < got; i++, at++)
            if (buf[i] != byte_at(at)) FAIL("byte %llu is wrong", (unsigned long long)at);
        if (pause > 0) CHECK_EQ(hob_sleep(pause), 0);
    }
    return at - from;
}

static int copies(struct hob_stream *from, struct hob_stream *to, int64_t *n) {
    *n = hob_copy(from, to);
    return *n < 0 ? (int)*n : hob_shutdown(to);
}
HOB_TASK(copies, struct hob_stream *, struct hob_stream *, int64_t *)

static long resident_kb(void) {
    long pages = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    CHECK(f && fscanf(f, "%ld %ld", &pages, &resident) == 2);
    fclose(f);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void through(enum kind a, enum kind b, uint64_t n, size_t piece, double pause) {
    struct hob_stream *in[2], *out[2];
    open_kind(a, in);
    open_kind(b, out);
    int64_t copied = -1;
    HOB_SCOPE(s);
    hob_spawn(s, pours, in[0], n, piece);
    hob_spawn(s, copies, in[1], out[0], &copied);
    CHECK_EQ(drains(out[1], 0, n + 1, pause), n);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(copied, (int64_t)n);
    close_both(in);
    close_both(out);
}

TASK_TEST(every_kind_to_every_kind) {
    for (int a = 0; a < KINDS; a++)
        for (int b = 0; b < KINDS; b++) {
            int fds = count_fds();
            through(a, b, 0, 1, 0);
            through(a, b, 1, 1, 0);
            through(a, b, 3000000, 100000, 0);
            through(a, b, 30000, 3000, 0);
            CHECK(count_fds() - fds <= 2); /* the pipe that the loop keeps */
        }
    return 0;
}

TASK_TEST(_64_mib_with_back_pressure_in_flat_memory) {
    struct hob_stream *in[2], *out[2];
    open_tcp(in);
    open_tcp(out);
    int64_t copied = -1;
    uint64_t n = getenv("TEST_SLOW") ? 4 << 20 : 64 << 20;
    HOB_SCOPE(s);
    hob_spawn(s, pours, in[0], n, (size_t)300000);
    hob_spawn(s, copies, in[1], out[0], &copied);
    CHECK_EQ(drains(out[1], 0, n / 8, 0.0002), n / 8); /* slowly: both sides fill up */
    long before = resident_kb(), live = hob__alloc_live();
    CHECK_EQ(drains(out[1], n / 8, n, 0), n - n / 8);
    long grown = resident_kb() - before;
#ifndef __SANITIZE_ADDRESS__ /* it keeps what has been freed */
    CHECK(grown < 24 << 10);
#endif
    (void)grown;
    CHECK(hob__alloc_live() - live < 20);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(copied, (int64_t)n);
    close_both(in);
    close_both(out);
    return 0;
}

TASK_TEST(a_limit_and_what_was_buffered_before) {
    struct hob_stream *in[2], *out[2];
    struct hob_slice line;
    char buf[64];
    open_tcp(in);
    open_pair(out);
    put(in[0], "header\nbody and trailer");
    CHECK_EQ(hob_read_line(in[1], 0, &line), 1);
    int64_t done = -1;
    CHECK_EQ(hob_copy(in[1], out[0], .max = 4, .done = &done), 4);
    CHECK_EQ(done, 4);
    CHECK_EQ(hob_read(out[1], buf, sizeof buf), 4);
    CHECK(memcmp(buf, "body", 4) == 0);
    CHECK_EQ(hob_read_exactly(in[1], buf, 12), 12);
    CHECK(memcmp(buf, " and trailer", 12) == 0);
    enum { N = 200000 };
    HOB_SCOPE(s);
    hob_spawn(s, pours, in[0], (uint64_t)N, (size_t)N);
    static int64_t n;
    hob_spawn(s, copies, in[1], out[0], &n);
    CHECK_EQ(drains(out[1], 0, N, 0), N);
    CHECK_EQ(hob_join(s), 0);
    close_both(in);
    close_both(out);
    return 0;
}

TASK_TEST(a_stream_to_itself_is_an_echo) {
    struct hob_stream *end[2];
    open_tcp(end);
    static int64_t n;
    HOB_SCOPE(s);
    hob_spawn(s, copies, end[1], end[1], &n);
    hob_spawn(s, pours, end[0], (uint64_t)1 << 20, (size_t)5000);
    CHECK_EQ(drains(end[0], 0, 2 << 20, 0), 1 << 20);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(n, 1 << 20);
    close_both(end);
    return 0;
}

/* Cancelled again and again at many times, the copying goes on where it was: no byte is lost. */
static void cancelled_copies(enum kind a, enum kind b) {
    struct hob_stream *in[2], *out[2];
    open_kind(a, in);
    open_kind(b, out);
    const uint64_t n = 3000000;
    uint64_t seen = 0;
    int64_t sum = 0;
    int cancels = 0;
    HOB_SCOPE(s);
    hob_spawn(s, pours, in[0], n, (size_t)123456);
    for (int64_t rc = -1; rc < 0;) {
        int64_t done = 0;
        rc = hob_within(0.0005, hob_copy(in[1], out[0], .done = &done));
        sum += done;
        if (rc < 0) {
            CHECK_EQ(rc, -ETIMEDOUT);
            cancels++;
            seen += drains(out[1], seen, (uint64_t)sum - seen, 0);
        }
        CHECK((uint64_t)sum >= seen);
    }
    hob_shutdown(out[0]);
    seen += drains(out[1], seen, n + 1 - seen, 0);
    CHECK_EQ(seen, n);
    CHECK_EQ(sum, (int64_t)n);
    CHECK(cancels > 1);
    CHECK_EQ(hob_join(s), 0);
    close_both(in);
    close_both(out);
}
TASK_TEST(cancelled_copies_lose_nothing) {
    for (int a = 0; a < KINDS; a++)
        for (int b = 0; b < KINDS; b++) cancelled_copies(a, b);
    return 0;
}

TASK_TEST(a_dead_reader_ends_the_copy_and_nothing_else) {
    for (int a = 0; a < KINDS; a++)
        for (int b = 0; b < KINDS; b++) {
            struct hob_stream *in[2], *out[2];
            open_kind(a, in);
            open_kind(b, out);
            int64_t done = -1;
            CHECK(hob_write(in[0], "something to say", 16) == 16);
            hob_close(out[1]);
            int64_t rc = hob_copy(in[1], out[0], .max = 16, .done = &done);
            if (rc >= 0) { /* TCP: the first bytes may go out before the reset comes back */
                CHECK_EQ(hob_sleep(0.005), 0);
                CHECK(hob_write(in[0], "something more", 14) == 14);
                rc = hob_copy(in[1], out[0], .max = 14, .done = &done);
            }
            CHECK(rc == -EPIPE || rc == -ECONNRESET);
            CHECK_EQ(done, 0);
            char buf[32];
            CHECK(hob_read(in[1], buf, sizeof buf) >= 14); /* it has been put back */
            close_both(in);
            hob_close(out[0]);
        }
    return 0;
}

TASK_TEST(a_dying_writer_is_an_error_of_the_copy) {
    struct hob_stream *in[2], *out[2];
    open_tcp(in);
    open_tcp(out);
    static char block[100000];
    CHECK_EQ(hob_write(in[0], block, sizeof block), sizeof block);
    CHECK_EQ(hob_copy(in[1], out[0], .max = 90000), 90000);
    hob_abort(in[0]);
    int64_t done;
    CHECK_EQ(hob_copy(in[1], out[0], .done = &done), -ECONNRESET);
    hob_close(in[1]);
    close_both(out);
    return 0;
}

/* ---- without descriptors, without memory, without O_NONBLOCK ---- */

TASK_TEST(without_descriptors_for_a_pipe_it_copies_all_the_same) {
    struct hob_stream *in[2], *out[2];
    open_tcp(in);
    open_tcp(out);
    struct rlimit was, now;
    getrlimit(RLIMIT_NOFILE, &was);
    now = was;
    int next = dup(0);
    close(next);
    now.rlim_cur = (rlim_t)next;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &now), 0);
    static int64_t n;
    {
        HOB_SCOPE(s);
        hob_spawn(s, pours, in[0], (uint64_t)1 << 20, (size_t)200000);
        hob_spawn(s, copies, in[1], out[0], &n);
        CHECK_EQ(drains(out[1], 0, 2 << 20, 0), 1 << 20);
        CHECK_EQ(hob_join(s), 0);
    }
    setrlimit(RLIMIT_NOFILE, &was);
    close_both(in);
    close_both(out);
    return 0;
}

TASK_TEST(blocking_sockets_do_not_hold_the_loop) {
    int a[2], b[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, a), 0);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, b), 0);
    struct hob_stream *in[2] = {opened(a[0]), opened(a[1])}, *out[2] = {opened(b[0]), opened(b[1])};
    static int64_t n;
    HOB_SCOPE(s);
    hob_spawn(s, pours, in[0], (uint64_t)1 << 20, (size_t)200000);
    hob_spawn(s, copies, in[1], out[0], &n);
    CHECK_EQ(drains(out[1], 0, 2 << 20, 0), 1 << 20);
    CHECK_EQ(hob_join(s), 0);
    close_both(in);
    close_both(out);
    return 0;
}

/* What the stream gives until its end or error; every byte must follow the one before. */
static ssize_t rest_of(struct hob_stream *s, uint64_t from, uint64_t *n) {
    static char buf[50000];
    ssize_t got;
    for (*n = 0; (got = hob_read(s, buf, sizeof buf)) > 0; *n += (uint64_t)got)
        for (ssize_t i = 0; i < got; i++)
            if (buf[i] != byte_at(from + *n + (uint64_t)i)) return -EBADMSG;
    return got;
}

/* Cancelled with bytes in the pipe, and the nth allocation of what puts them back fails: the stream
 * is over behind those that could be put back, without a gap, and the others come out nowhere else.
 * False: it needs fewer allocations. */
static bool put_back_without(long nth) {
    struct hob_stream *in[2], *out[2];
    enum { N = 400000 };
    int64_t done = -1;
    uint64_t seen, rest;
    open_tcp(in);
    open_pair(out);
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, pours, in[0], (uint64_t)N, (size_t)100000);
    CHECK_EQ(hob_sleep(0.01), 0);
    CHECK_EQ(hob_within(0.03, hob_copy(in[1], out[0], .max = 20000, .done = &done)), 20000);
    hob__alloc_fail_at(1 << 30); /* counts */
    struct hob_task *c = hob_spawn(s, copies, in[1], out[0], &done);
    CHECK_EQ(hob_sleep(0.02), 0); /* until `out` is full */
    hob__alloc_fail_at(nth);
    hob_cancel(c);
    CHECK_EQ(hob_await(c), -ECANCELED);
    bool failed = hob__alloc_count() >= nth;
    hob__alloc_fail_at(0);
    hob_shutdown(out[0]);
    CHECK_EQ(rest_of(out[1], 0, &seen), 0);
    ssize_t rc = rest_of(in[1], seen, &rest);
    if (failed) CHECK_EQ(rc, -ENOMEM);
    if (!failed) CHECK_EQ(rc, 0);
    if (!failed) CHECK_EQ(seen + rest, N);
    hob_close(in[1]);
    hob_await(t);
    hob_error_clear();
    hob_close(in[0]);
    close_both(out);
    return failed;
}
TASK_TEST(without_memory_to_put_back_nothing_comes_out_elsewhere) {
    long n = 1;
    while (put_back_without(n)) {
        through(TCP, UNIX, 200000, 100000, 0); /* by the same pipe */
        n++;
    }
    CHECK(n > 1);
    return 0;
}

/* A byte comes between a splice that found nothing and the question who is to be waited for. */
static const struct hob__sys *real_sys;
static int late_writer = -1;
static ssize_t splice_too_early(struct hob__backend *b, int from, int to, size_t n) {
    if (late_writer < 0) return real_sys->splice(b, from, to, n);
    CHECK_EQ(write(late_writer, "late", 4), 4);
    late_writer = -1;
    return -EAGAIN;
}
TASK_TEST(what_comes_between_a_try_and_the_wait_is_copied) {
    struct hob__backend *b = &hob__loop->backend;
    const struct hob__backend_ops *real_ops = b->ops;
    struct hob__backend_ops ops = *real_ops;
    struct hob__sys sys = *real_ops->sys;
    char buf[8];
    real_sys = real_ops->sys;
    sys.splice = splice_too_early;
    ops.sys = &sys;
    for (int k = 0; k < 2; k++) {
        struct hob_stream *in[2], *out[2];
        open_kind(k ? PIPE : UNIX, in);
        open_kind(k ? UNIX : PIPE, out);
        late_writer = hob_stream_fd(in[0]);
        b->ops = &ops;
        int64_t rc = hob_within(5, hob_copy(in[1], out[0], .max = 4));
        b->ops = real_ops;
        CHECK_EQ(rc, 4);
        CHECK_EQ(hob_read(out[1], buf, sizeof buf), 4);
        close_both(in);
        close_both(out);
    }
    return 0;
}

/* ---- files ---- */

static int make_file(uint64_t n) {
    char path[] = "/tmp/hob-send-XXXXXX";
    int fd = mkstemp(path);
    unlink(path);
    char block[4096];
    for (uint64_t at = 0; at < n; at += sizeof block) {
        size_t size = n - at < sizeof block ? (size_t)(n - at) : sizeof block;
        for (size_t i = 0; i < size; i++) block[i] = byte_at(at + i);
        CHECK_EQ(pwrite(fd, block, size, (off_t)at), size);
    }
    return fd;
}

static int sends(struct hob_stream *s, int fd, int64_t offset, int64_t n, int64_t *result) {
    *result = hob_send_file(s, fd, offset, n);
    return hob_shutdown(s);
}
HOB_TASK(sends, struct hob_stream *, int, int64_t, int64_t, int64_t *)

static void file_through(enum kind kind, bool cached) {
    const uint64_t n = 434567;
    int fd = make_file(n);
    static const struct {
        int64_t offset, n, sent;
    } cases[] = {{0, -1, 434567},     {0, 434567, 434567}, {4095, 2, 2},    {200000, -1, 234567},
                 {434000, 9999, 567}, {434567, -1, 0},     {9999999, 5, 0}, {77, 0, 0}};
    if (!cached) fsync(fd);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hob_stream *end[2];
        open_kind(kind, end);
        if (!cached) posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        int64_t sent = -1;
        HOB_SCOPE(s);
        hob_spawn(s, sends, end[0], fd, cases[i].offset, cases[i].n, &sent);
        uint64_t offset = (uint64_t)cases[i].offset;
        CHECK_EQ(drains(end[1], offset, n + 1, 0), cases[i].sent);
        CHECK_EQ(hob_join(s), 0);
        CHECK_EQ(sent, cases[i].sent);
        CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
        close_both(end);
    }
    close(fd);
}
TASK_TEST(a_file_into_every_kind) {
    for (int kind = 0; kind < KINDS; kind++) {
        file_through(kind, true);
        file_through(kind, false);
    }
    return 0;
}

TASK_TEST(what_cannot_be_sent_is_an_error) {
    struct hob_stream *end[2];
    open_tcp(end);
    int64_t done = -1;
    CHECK_EQ(hob_send_file(end[0], -1, 0, 10, .done = &done), -EBADF);
    CHECK_EQ(done, 0);
    CHECK_EQ(hob_send_file(end[0], 0, -1, 10), -EINVAL);
    int dir = open("/", O_RDONLY | O_DIRECTORY);
    CHECK_EQ(hob_send_file(end[0], dir, 0, 10), -EISDIR);
    close(dir);
    int zero = open("/dev/zero", O_RDONLY); /* no page cache */
    CHECK_EQ(hob_send_file(end[0], zero, 0, 1000), 1000);
    close(zero);
    int stat_file = open("/proc/self/stat", O_RDONLY); /* a size of 0, and yet something in it */
    CHECK(hob_send_file(end[0], stat_file, 0, -1) > 50);
    close(stat_file);
    int fd = make_file(5000000);
    hob_close(end[1]);
    int64_t rc = hob_send_file(end[0], fd, 0, -1, .done = &done);
    CHECK(rc == -EPIPE || rc == -ECONNRESET);
    CHECK(done < 5000000);
    close(fd);
    hob_close(end[0]);
    return 0;
}

TASK_TEST(a_cancelled_file_says_how_far_it_came) {
    struct hob_stream *end[2];
    open_tcp(end);
    CHECK_EQ(hob_set_buffers(end[0], 0, 65536), 0); /* so that it has to wait, and is cancelled */
    CHECK_EQ(hob_set_buffers(end[1], 65536, 0), 0);
    const uint64_t n = 4000000;
    int fd = make_file(n);
    int64_t at = 0;
    uint64_t seen = 0;
    int cancels = 0;
    for (int64_t rc = -1; rc < 0;) {
        int64_t done = -1;
        rc = hob_within(0.0002, hob_send_file(end[0], fd, at, -1, .done = &done));
        if (rc < 0) CHECK_EQ(rc, -ETIMEDOUT);
        cancels += rc < 0;
        at += done;
        if (rc < 0) seen += drains(end[1], seen, (uint64_t)at - seen, 0);
    }
    CHECK_EQ(at, (int64_t)n);
    CHECK_EQ(seen + drains(end[1], seen, n - seen, 0), n);
    CHECK(cancels > 1);
    close(fd);
    close_both(end);
    return 0;
}

TASK_TEST(bytes_before_and_after_a_file_keep_their_order) {
    struct hob_stream *end[2];
    open_tcp(end);
    int fd = make_file(100);
    char buf[200];
    {
        HOB_CORK(end[0]);
        put(end[0], "before ");
        CHECK_EQ(hob_send_file(end[0], fd, 0, 3), 3);
        put(end[0], " after");
    }
    CHECK_EQ(hob_read_exactly(end[1], buf, 16), 16);
    char wanted[] = "before ??? after";
    for (int i = 0; i < 3; i++) wanted[7 + i] = byte_at((uint64_t)i);
    CHECK(memcmp(buf, wanted, 16) == 0);
    close(fd);
    close_both(end);
    return 0;
}

static struct hob_stream *one[2];
static int copies_one(void) { return (int)hob_copy(one[1], one[1]); }
HOB_TASK(copies_one)
static int copy_and(int what) {
    open_pair(one);
    HOB_SCOPE(s);
    hob_spawn(s, copies_one);
    HOB_TRY(hob_yield_now());
    char byte;
    if (what == 0) HOB_TRY(hob_write(one[1], "x", 1));
    if (what == 1) HOB_TRY(hob_read(one[1], &byte, 1));
    if (what == 2) HOB_TRY((int)hob_send_file(one[1], 0, 0, 1));
    if (what == 3) hob_close(one[1]);
    return 0;
}
HOB_TASK(copy_and, int)
TEST(others_may_not_use_the_sides_of_a_copy) {
    CHECK_DIES(hob_run(copy_and, 0), "two tasks write to the stream");
    CHECK_DIES(hob_run(copy_and, 1), "two tasks read from the stream");
    CHECK_DIES(hob_run(copy_and, 2), "two tasks write to the stream");
    CHECK_DIES(hob_run(copy_and, 3), "a task is in a call on the stream");
}

TEST_MAIN()
