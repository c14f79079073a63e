/* stream_write_test.c - corks, flushing, options, credentials, and descriptors that travel. */
#include "streams.h"

#include "task/task.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

static char buf[1 << 17];

static ssize_t there(struct hob_stream *s) {
    struct hob__backend *b = &hob__loop->backend;
    ssize_t n = b->ops->sys->recv(b, hob_stream_fd(s), buf, sizeof buf, MSG_PEEK);
    return n < 0 ? -1 : n;
}

TASK_TEST(a_cork_gathers_small_writes) {
    struct hob_stream *end[2];
    open_pair(end);
    hob_cork(end[0]);
    for (int i = 0; i < 100; i++) put(end[0], "0123456789");
    struct iovec two[] = {{(void *)"ab", 2}, {(void *)"c", 1}};
    CHECK_EQ(hob_writev(end[0], two, 2), 3);
    CHECK_EQ(there(end[1]), -1);
    CHECK_EQ(hob_uncork(end[0]), 0);
    CHECK_EQ(there(end[1]), 1003);
    put(end[0], "x");
    CHECK_EQ(there(end[1]), 1004);
    close_both(end);
    return 0;
}

TASK_TEST(corks_nest_and_a_flush_goes_through) {
    struct hob_stream *end[2];
    open_pair(end);
    {
        HOB_CORK(end[0]);
        put(end[0], "a");
        {
            HOB_CORK(end[0]);
            put(end[0], "b");
        }
        CHECK_EQ(there(end[1]), -1);
        CHECK_EQ(hob_flush(end[0]), 0);
        CHECK_EQ(there(end[1]), 2);
        put(end[0], "c");
        CHECK_EQ(there(end[1]), 2);
    }
    CHECK_EQ(there(end[1]), 3);
    CHECK_EQ(hob_flush(end[0]), 0);
    close_both(end);
    return 0;
}

static int drains(struct hob_stream *s, size_t n) {
    static char in[30000];
    for (size_t at = 0; at < n;) {
        ssize_t got = HOB_TRY(hob_read(s, in, sizeof in));
        CHECK(got > 0);
        for (ssize_t i = 0; i < got; i++, at++) CHECK_EQ(in[i], byte_at(at));
    }
    return 0;
}
HOB_TASK(drains, struct hob_stream *, size_t)

TASK_TEST(corked_pieces_of_every_size_keep_their_order) {
    struct hob_stream *end[2];
    open_pair(end);
    for (size_t i = 0; i < sizeof buf; i++) buf[i] = byte_at(i);
    static const size_t sizes[] = {1, 16383, 1, 16384, 16385, 0, 5, 40000, 16380, 4, 1, 3};
    size_t total = 0;
    for (size_t i = 0; i < 12; i++) total += sizes[i];
    HOB_SCOPE(s);
    hob_spawn(s, drains, end[1], total);
    hob_cork(end[0]);
    for (size_t i = 0, at = 0; i < 12; at += sizes[i], i++)
        CHECK_EQ(hob_write(end[0], buf + at, sizes[i]), sizes[i]);
    CHECK_EQ(hob_uncork(end[0]), 0);
    HOB_TRY(hob_join(s));
    close_both(end);
    return 0;
}

TASK_TEST(a_read_that_waits_sends_what_is_gathered) {
    struct hob_stream *end[2];
    open_tcp(end);
    put(end[1], "!");
    CHECK_EQ(hob_read(end[0], buf, 1), 1); /* the first one waits, whatever has come */
    {
        HOB_CORK(end[0]);
        put(end[0], "question");
        put(end[1], "early");
        CHECK_EQ(hob_sleep(0.002), 0);
        CHECK_EQ(hob_read(end[0], buf, 5), 5); /* need not wait */
        CHECK_EQ(there(end[1]), -1);
        CHECK_EQ(hob_within(0.01, hob_read(end[0], buf, 5)), -ETIMEDOUT);
        CHECK_EQ(there(end[1]), 8);
        put(end[0], "?");
        struct hob_slice line;
        CHECK_EQ(hob_within(0.01, hob_read_line(end[0], 0, &line)), -ETIMEDOUT);
        CHECK_EQ(there(end[1]), 9);
    }
    close_both(end);
    return 0;
}

/* Fills the kernel's buffer; how much went in. */
static size_t fills_up(struct hob_stream *s) {
    size_t n = 0;
    for (;;) {
        buf[0] = byte_at(n);
        ssize_t rc = send(hob_stream_fd(s), buf, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (rc < 0) return n;
        n++;
    }
}

TASK_TEST(what_an_uncork_could_not_send_goes_first_later) {
    struct hob_stream *end[2];
    open_pair(end);
    CHECK_EQ(hob_set_buffers(end[0], 0, 4096), 0);
    size_t n = fills_up(end[0]);
    hob_cork(end[0]);
    for (size_t i = 0; i < 1000; i++) {
        char c = byte_at(n + i);
        CHECK_EQ(hob_write(end[0], &c, 1), 1);
    }
    CHECK_EQ(hob_within(0.003, hob_uncork(end[0])), -ETIMEDOUT);
    HOB_SCOPE(s);
    hob_spawn(s, drains, end[1], n + 1003);
    for (size_t i = 0; i < 3; i++) buf[i] = byte_at(n + 1000 + i);
    CHECK_EQ(hob_write(end[0], buf, 3), 3);
    HOB_TRY(hob_join(s));
    close_both(end);
    return 0;
}

static int uncorks_too_much(void) {
    struct hob_stream *end[2];
    open_pair(end);
    return hob_uncork(end[0]);
}
HOB_TASK(uncorks_too_much)
TEST(an_uncork_without_a_cork_is_misuse) { CHECK_DIES(hob_run(uncorks_too_much), "is not corked"); }

TASK_TEST(without_memory_a_corked_write_goes_out_at_once) {
    struct hob_stream *end[2];
    open_pair(end);
    hob_cork(end[0]);
    hob__alloc_fail_at(1);
    put(end[0], "x");
    hob__alloc_fail_at(0);
    CHECK_EQ(there(end[1]), 1);
    CHECK_EQ(hob_uncork(end[0]), 0);
    close_both(end);
    return 0;
}

TASK_TEST(a_cancelled_task_gathers_nothing) {
    struct hob_stream *end[2];
    open_pair(end);
    hob_cork(end[0]);
    CHECK_EQ(hob_within(0, hob_write(end[0], "x", 1)), -ETIMEDOUT);
    put(end[0], "y");
    CHECK_EQ(hob_uncork(end[0]), 0);
    CHECK_EQ(hob_read(end[1], buf, 10), 1);
    CHECK_EQ(buf[0], 'y');
    close_both(end);
    return 0;
}

/* ---- options ---- */

static int option(struct hob_stream *s, int level, int name) {
    int value = -1;
    socklen_t n = sizeof value;
    struct hob__backend *b = &hob__loop->backend;
    CHECK_EQ(b->ops->sys->getsockopt(b, hob_stream_fd(s), level, name, &value, &n), 0);
    return value;
}

TASK_TEST(options_of_tcp) {
    struct hob_stream *end[2];
    open_tcp(end);
    CHECK_EQ(option(end[0], IPPROTO_TCP, TCP_NODELAY), 1);
    CHECK_EQ(hob_set_nodelay(end[0], false), 0);
    CHECK_EQ(option(end[0], IPPROTO_TCP, TCP_NODELAY), 0);
    CHECK_EQ(hob_set_keepalive(end[0], 30, 5, 3), 0);
    CHECK_EQ(option(end[0], SOL_SOCKET, SO_KEEPALIVE), 1);
    CHECK_EQ(option(end[0], IPPROTO_TCP, TCP_KEEPIDLE), 30);
    CHECK_EQ(option(end[0], IPPROTO_TCP, TCP_KEEPINTVL), 5);
    CHECK_EQ(option(end[0], IPPROTO_TCP, TCP_KEEPCNT), 3);
    CHECK_EQ(hob_set_keepalive(end[0], 0, 0, 0), 0);
    CHECK_EQ(option(end[0], SOL_SOCKET, SO_KEEPALIVE), 0);
    CHECK_EQ(hob_set_buffers(end[0], 50000, 60000), 0);
    CHECK(option(end[0], SOL_SOCKET, SO_RCVBUF) >= 50000);
    CHECK(option(end[0], SOL_SOCKET, SO_SNDBUF) >= 60000);
    char local[64];
    CHECK_EQ(hob_stream_local(end[1], local, sizeof local), strlen(hob_stream_peer(end[0])));
    CHECK_STR(local, hob_stream_peer(end[0]));
    CHECK(hob_stream_local(end[1], local, 5) > 8);
    CHECK_STR(local, "127.");
    CHECK(hob_stream_local(end[1], NULL, 0) > 8);
    struct hob_credentials who;
    CHECK_EQ(hob_peer_credentials(end[0], &who), -ENOTSUP);
    close_both(end);
    return 0;
}

TASK_TEST(options_of_a_pipe_are_errors) {
    struct hob_stream *end[2];
    struct hob_credentials who;
    open_pipe(end);
    CHECK_EQ(hob_set_nodelay(end[0], true), -ENOTSOCK);
    CHECK_EQ(hob_set_keepalive(end[0], 1, 1, 1), -ENOTSOCK);
    CHECK_EQ(hob_set_buffers(end[0], 1, 1), -ENOTSOCK);
    CHECK_EQ(hob_stream_local(end[0], buf, sizeof buf), -ENOTSOCK);
    CHECK_EQ(hob_peer_credentials(end[0], &who), -ENOTSOCK);
    CHECK_EQ(hob_send_fds(end[1], "x", 1, (int[]){0}, 1), -ENOTSUP);
    size_t count = 1;
    CHECK_EQ(hob_receive_fds(end[0], buf, 1, (int[]){0}, &count), -ENOTSUP);
    CHECK_EQ(hob_shutdown(end[1]), 0);
    CHECK_EQ(hob_set_nodelay(end[1], true), -EBADF);
    CHECK_EQ(hob_stream_local(end[1], buf, sizeof buf), -EBADF);
    close_both(end);
    return 0;
}

TASK_TEST(who_is_at_the_other_end) {
    struct hob_stream *end[2];
    struct hob_credentials who;
    open_pair(end);
    CHECK_EQ(hob_peer_credentials(end[0], &who), 0);
    CHECK_EQ(who.pid, getpid());
    CHECK_EQ(who.uid, getuid());
    CHECK_EQ(who.gid, getgid());
    CHECK_EQ(hob_set_nodelay(end[0], true), -EOPNOTSUPP);
    close_both(end);
    return 0;
}

/* ---- descriptors ---- */

static int gives(struct hob_stream *s) {
    int p[2], rc;
    if (pipe2(p, O_CLOEXEC) < 0) return -errno;
    HOB_TRY(hob_sleep(0.002));
    rc = (int)hob_send_fds(s, "take these", 10, p, 2);
    close(p[0]);
    close(p[1]);
    return rc;
}
HOB_TASK(gives, struct hob_stream *)

TASK_TEST(descriptors_travel) {
    struct hob_stream *end[2];
    open_pair(end);
    int fds[4] = {-1, -1, -1, -1}, before = count_fds();
    size_t count = 4;
    HOB_SCOPE(s);
    hob_spawn(s, gives, end[0]);
    CHECK_EQ(hob_receive_fds(end[1], buf, sizeof buf, fds, &count), 10);
    HOB_TRY(hob_join(s));
    CHECK_EQ(count, 2);
    CHECK_EQ(count_fds(), before + 2);
    CHECK(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
    CHECK_EQ(write(fds[1], "x", 1), 1);
    CHECK_EQ(read(fds[0], buf, 10), 1);
    CHECK_EQ(close(fds[0]), 0);
    CHECK_EQ(close(fds[1]), 0);
    put(end[0], "none with these");
    count = 4;
    CHECK_EQ(hob_receive_fds(end[1], buf, sizeof buf, fds, &count), 15);
    CHECK_EQ(count, 0);
    CHECK_EQ(hob_send_fds(end[0], "x", 1, fds, 0), -EINVAL);
    CHECK_EQ(hob_send_fds(end[0], "x", 1, fds, 254), -EINVAL);
    CHECK_EQ(hob_send_fds(end[0], "", 0, fds, 1), -EINVAL);
    CHECK_EQ(hob_send_fds(end[0], "x", 1, (int[]){-1}, 1), -EBADF);
    hob_close(end[0]);
    count = 4;
    CHECK_EQ(hob_receive_fds(end[1], buf, sizeof buf, fds, &count), 0);
    CHECK_EQ(count, 0);
    hob_close(end[1]);
    return 0;
}

TASK_TEST(more_descriptors_than_there_is_room_for_are_closed) {
    struct hob_stream *end[2];
    struct hob_slice view;
    open_pair(end);
    int before = count_fds(), fds[253], many[253];
    for (int i = 0; i < 253; i++) many[i] = 0;
    for (size_t room = 0; room < 4; room++) {
        size_t count = room;
        CHECK_EQ(hob_send_fds(end[0], "x", 1, many, room == 3 ? 253 : 3), 1);
        CHECK_EQ(hob_receive_fds(end[1], buf, 10, fds, &count), HOB_E_LIMIT);
        CHECK_EQ(count_fds(), before);
    }
    size_t count = 253;
    CHECK_EQ(hob_send_fds(end[0], "x", 1, many, 253), 1);
    CHECK_EQ(hob_receive_fds(end[1], buf, 10, fds, &count), 1);
    CHECK_EQ(count, 253);
    for (size_t i = 0; i < count; i++) close(fds[i]);
    CHECK_EQ(hob_send_fds(end[0], "x", 1, many, 1), 1);
    CHECK_EQ(hob_peek(end[1], 1, &view), 1); /* read ahead: the descriptor is lost */
    CHECK_EQ(count_fds(), before);
    CHECK_EQ(hob_receive_fds(end[1], buf, 10, fds, &count), -EBUSY);
    close_both(end);
    return 0;
}

TEST_MAIN()
