/* stream_test.c - streams over every kind of descriptor: what they read, write and leave behind. */
#include "streams.h"

#include <sys/stat.h>
#include <termios.h>

static int writes_all(struct hob_stream *s, size_t n) {
    char *block = malloc(n);
    for (size_t i = 0; i < n; i++) block[i] = byte_at(i);
    ssize_t rc = hob_write(s, block, n);
    free(block);
    return rc < 0 ? (int)rc : 0;
}
HOB_TASK(writes_all, struct hob_stream *, size_t)

static void reads_all(struct hob_stream *s, size_t n) {
    char buf[3000];
    for (size_t at = 0; at < n;) {
        ssize_t got = hob_read(s, buf, sizeof buf);
        CHECK(got > 0);
        for (ssize_t i = 0; i < got; i++, at++) CHECK_EQ(buf[i], byte_at(at));
    }
}

/* ---- opening ---- */

TASK_TEST(opening_what_is_no_stream_leaves_it_as_it_was) {
    struct hob_stream *s = NULL;
    CHECK_EQ(hob_stream_open(-1, &s), -EBADF);
    CHECK_EQ(hob_stream_open(9999, &s), -EBADF);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(hob_stream_open(fd, &s), -ENOTCONN);
    close(fd);
    int p[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, p), 0);
    CHECK_EQ(hob_stream_open(p[0], &s), -EPROTOTYPE);
    CHECK_EQ(close(p[0]), 0);
    CHECK_EQ(close(p[1]), 0);
    fd = open("/", O_RDONLY | O_DIRECTORY);
    CHECK_EQ(hob_stream_open(fd, &s), -EISDIR);
    CHECK_EQ(close(fd), 0);
    CHECK(s == NULL);
    return 0;
}

TASK_TEST(without_memory_the_descriptor_stays_the_callers) {
    int p[2], fds;
    CHECK_EQ(pipe2(p, O_CLOEXEC), 0);
    struct hob_stream *s = NULL;
    fds = count_fds();
    hob__alloc_fail_at(1);
    CHECK_EQ(hob_stream_open(p[0], &s), -ENOMEM);
    hob__alloc_fail_at(0);
    CHECK_EQ(count_fds(), fds);
    CHECK(!nonblocking(p[0]));
    close(p[0]);
    close(p[1]);
    return 0;
}

TASK_TEST(a_pipe_is_non_blocking_while_it_is_a_stream) {
    int p[2];
    CHECK_EQ(pipe2(p, O_CLOEXEC), 0);
    int kept = dup(p[0]);
    struct hob_stream *s = opened(p[0]);
    CHECK(nonblocking(kept));
    hob_close(s);
    CHECK(!nonblocking(kept));
    CHECK_EQ(fcntl(p[0], F_GETFD), -1);
    fcntl(kept, F_SETFL, O_NONBLOCK);
    hob_close(opened(dup(kept)));
    CHECK(nonblocking(kept));
    close(kept);
    close(p[1]);
    return 0;
}

/* ---- each kind ---- */

TASK_TEST(a_pipe_carries_more_than_it_holds) {
    struct hob_stream *end[2];
    open_pipe(end);
    HOB_SCOPE(s);
    hob_spawn(s, writes_all, end[1], (size_t)1 << 20);
    reads_all(end[0], 1 << 20);
    HOB_TRY(hob_join(s));
    char byte;
    CHECK_EQ(hob_within(0.005, hob_read(end[0], &byte, 1)), -ETIMEDOUT);
    CHECK_EQ(hob_shutdown(end[0]), -ENOTSUP);
    CHECK_EQ(hob_shutdown(end[1]), 0);
    CHECK_EQ(hob_stream_fd(end[1]), -1);
    CHECK_EQ(hob_shutdown(end[1]), 0);
    CHECK_EQ(hob_write(end[1], "x", 1), -EPIPE);
    CHECK_EQ(hob_read(end[1], &byte, 1), -EBADF);
    CHECK(hob_stream_broken(end[0]));
    CHECK_EQ(hob_read(end[0], &byte, 1), 0);
    hob_close(end[0]);
    hob_close(end[1]);
    return 0;
}

TASK_TEST(a_pipe_without_a_reader_is_an_error_and_no_signal) {
    struct hob_stream *end[2];
    open_pipe(end);
    hob_close(end[0]);
    for (int i = 0; i < 2; i++) {
        hob_error_clear();
        CHECK_EQ(hob_write(end[1], "x", 1), -EPIPE);
        CHECK_EQ(hob_error()->code, -EPIPE);
        CHECK_HAS(hob_error()->message, "cannot write to pipe ");
    }
    hob_close(end[1]);
    return 0;
}

TASK_TEST(the_wrong_end_of_a_pipe) {
    struct hob_stream *end[2];
    char byte;
    open_pipe(end);
    CHECK_EQ(hob_read(end[1], &byte, 1), -EBADF);
    CHECK_EQ(hob_write(end[0], "x", 1), -EBADF);
    hob_close(end[0]);
    hob_close(end[1]);
    return 0;
}

static int opens_and_writes(const char *path) {
    struct hob_stream *s = opened(open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    int rc = (int)hob_write(s, "through a fifo", 14);
    hob_close(s);
    return rc;
}
HOB_TASK(opens_and_writes, const char *)

TASK_TEST(a_fifo) {
    char path[64], buf[32];
    snprintf(path, sizeof path, TEST_PATH, (int)getpid(), "fifo");
    CHECK_EQ(mkfifo(path, 0600), 0);
    struct hob_stream *in = opened(open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    HOB_SCOPE(s);
    hob_spawn(s, opens_and_writes, path);
    HOB_TRY(hob_join(s));
    CHECK_EQ(hob_read(in, buf, sizeof buf), 14);
    CHECK(memcmp(buf, "through a fifo", 14) == 0);
    CHECK_EQ(hob_read(in, buf, sizeof buf), 0);
    hob_close(in);
    unlink(path);
    return 0;
}

static int types(struct hob_stream *s, const char *text) {
    HOB_TRY(hob_sleep(0.002));
    return (int)hob_write(s, text, strlen(text));
}
HOB_TASK(types, struct hob_stream *, const char *)

TASK_TEST(a_terminal_and_its_master) {
    int m = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(m >= 0 && grantpt(m) == 0 && unlockpt(m) == 0);
    int t = open(ptsname(m), O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct termios mode;
    CHECK_EQ(tcgetattr(t, &mode), 0);
    mode.c_lflag &= ~(tcflag_t)ECHO;
    mode.c_oflag = 0;
    CHECK_EQ(tcsetattr(t, TCSANOW, &mode), 0);
    struct hob_stream *master = opened(m), *terminal = opened(t);
    CHECK_HAS(hob_stream_peer(terminal), "terminal");
    char buf[64];
    {
        HOB_SCOPE(s);
        hob_spawn(s, types, master, "one\ntwo\n");
        CHECK_EQ(hob_read(terminal, buf, sizeof buf), 4);
        CHECK_EQ(hob_read(terminal, buf, sizeof buf), 4);
        CHECK(memcmp(buf, "two\n", 4) == 0);
        HOB_TRY(hob_join(s));
    }
    HOB_SCOPE(s);
    hob_spawn(s, types, terminal, "answer");
    CHECK_EQ(hob_read(master, buf, sizeof buf), 6);
    HOB_TRY(hob_join(s));
    hob_close(terminal);
    CHECK_EQ(hob_read(master, buf, sizeof buf), 0); /* not EIO */
    hob_close(master);
    return 0;
}

TASK_TEST(a_file_at_its_position) {
    char path[64], buf[16];
    snprintf(path, sizeof path, TEST_PATH "-XXXXXX", (int)getpid(), "stream");
    struct hob_stream *f = opened(mkstemp(path));
    unlink(path);
    CHECK_EQ(hob_write(f, "hello ", 6), 6);
    CHECK_EQ(hob_write(f, "world", 5), 5);
    CHECK_EQ(lseek(hob_stream_fd(f), 0, SEEK_CUR), 11);
    CHECK_EQ(lseek(hob_stream_fd(f), 6, SEEK_SET), 6);
    CHECK_EQ(hob_read(f, buf, sizeof buf), 5);
    CHECK(memcmp(buf, "world", 5) == 0);
    CHECK_EQ(hob_read(f, buf, sizeof buf), 0);
    CHECK(!hob_stream_broken(f));
    CHECK_EQ(hob_shutdown(f), 0);
    hob_close(f);
    return 0;
}

TASK_TEST(a_socket_pair) {
    struct hob_stream *end[2];
    open_pair(end);
    HOB_SCOPE(s);
    hob_spawn(s, writes_all, end[1], (size_t)1 << 20);
    reads_all(end[0], 1 << 20);
    HOB_TRY(hob_join(s));
    CHECK_EQ(hob_shutdown(end[1]), 0);
    char byte;
    CHECK_EQ(hob_read(end[0], &byte, 1), 0);
    CHECK_EQ(hob_write(end[0], "x", 1), 1);
    CHECK_EQ(hob_read(end[1], &byte, 1), 1);
    hob_close(end[0]);
    hob_close(end[1]);
    return 0;
}

TEST_MAIN()
