/* streams.h - what the tests of streams share: pairs of connected streams, and counting. */
#ifndef HOB_TEST_STREAMS_H
#define HOB_TEST_STREAMS_H
#include "test.h"

#include <fcntl.h>
#include <hob/net.h>
#include <sys/socket.h>

#include "base/memory.h"

#define UNUSED __attribute__((unused))

UNUSED static bool nonblocking(int fd) { return fcntl(fd, F_GETFL) & O_NONBLOCK; }

UNUSED static struct hob_stream *opened(int fd) {
    struct hob_stream *s = NULL;
    CHECK_EQ(hob_stream_open(fd, &s), 0);
    CHECK_EQ(hob_stream_fd(s), fd);
    return s;
}

UNUSED static void open_pipe(struct hob_stream *end[2]) {
    int p[2];
    CHECK_EQ(pipe2(p, O_CLOEXEC), 0);
    end[0] = opened(p[0]);
    end[1] = opened(p[1]);
}

UNUSED static void open_pair(struct hob_stream *end[2]) {
    int p[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, p), 0);
    end[0] = opened(p[0]);
    end[1] = opened(p[1]);
}

UNUSED static void open_tcp(struct hob_stream *end[2]) {
    struct hob_listener *l;
    CHECK_EQ(hob_listen("127.0.0.1:0", &l), 0);
    CHECK_EQ(hob_connect(hob_listener_address(l), &end[0]), 0);
    CHECK_EQ(hob_accept(l, &end[1]), 0);
    hob_listener_close(l);
}

UNUSED static void close_both(struct hob_stream *end[2]) {
    hob_close(end[0]);
    hob_close(end[1]);
}

UNUSED static void put(struct hob_stream *s, const char *text) {
    CHECK_EQ(hob_write(s, text, strlen(text)), strlen(text));
}

UNUSED static bool is(struct hob_slice text, const char *wanted) {
    bool same = text.size == strlen(wanted) && memcmp(text.at, wanted, text.size) == 0;
    if (!same) fprintf(stderr, "\"%.*s\", not \"%s\"\n", (int)text.size, text.at, wanted);
    return same;
}

/* Byte number `at` of an endless text that shows when a byte is lost or comes twice. */
UNUSED static char byte_at(uint64_t at) { return (char)(at * 7 + at / 251 + at / 65521); }

#endif
