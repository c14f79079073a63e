/* drivers_stream_test.c - the scenarios of drivers_stream.h over TCP, Unix sockets and pipes. */
#include "drivers_stream.h"

static int open_over_tcp(struct hob_stream *end[2]) {
    struct hob_listener *l;
    HOB_TRY(hob_listen("127.0.0.1:0", &l));
    int rc = hob_connect(hob_listener_address(l), &end[0]);
    if (rc >= 0) {
        hob_set_buffers(end[0], 0, 8192);
        rc = hob_accept(l, &end[1]);
        if (rc < 0) hob_close(end[0]);
    }
    hob_listener_close(l);
    return rc;
}

static int open_over_pipe(struct hob_stream *end[2]) {
    int fd[2], swapped[2];
    struct hob__backend *b = &hob__loop->backend;
    if (in_simulation(b)) {
        CHECK_EQ(b->ops->sys->splice_pipe(b, fd), 0);
    } else {
        CHECK_EQ(pipe2(fd, O_CLOEXEC), 0);
        fcntl(fd[1], F_SETPIPE_SZ, 4096);
    }
    swapped[0] = fd[1];
    swapped[1] = fd[0];
    return open_both(swapped, end);
}

STREAM_SCENARIOS(over_unix)
STREAM_SCENARIOS(over_tcp)
READING_OVER(over_pipe)

/* What goes to a socket and comes from it, which only ASan's builds let interrupted.h see. */
static int sends_and_receives(void) {
    struct hob_stream *end[2];
    char text[] = "in pieces", copy[sizeof text];
    HOB_TRY(open_over_tcp(end));
    for (int i = 0; i < 100; i++) {
        HOB_TRY(hob_write(end[0], text, sizeof text));
        CHECK_EQ(hob_read_exactly(end[1], copy, sizeof copy), (ssize_t)sizeof copy);
        CHECK_STR(copy, text);
    }
    hob_close(end[0]);
    hob_close(end[1]);
    return 0;
}
HOB_TASK(sends_and_receives)
TEST(sockets_are_struck_too) {
    if (!TEST_ASAN || strcmp(getenv("HOB_BACKEND") ?: "", "sim") == 0) return;
    interrupt_begin(1);
    CHECK_EQ(hob_run(sends_and_receives), 0);
    interrupt_end();
    CHECK(atomic_load(&strikes.sends_shortened) > 10);
}

TEST_MAIN()
