/* io_errors_test.c - an error of the system's that a call on the outside world returns has a record
 * which says what could not be done and with whom: never that of an earlier error, even of the same
 * code. Descriptors and blocks are counted around each. */
#include "clean.h"
#include "streams.h"

#include <hob/dns.h>
#include <hob/file.h>
#include <hob/process.h>
#include <hob/signal.h>
#include <hob/thread.h>
#include <hob/udp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

static void check_words(int code, const char *const *words) {
    char text[2048];
    const struct hob_error *e = hob_error();
    CHECK(e != NULL);
    CHECK_EQ(e->code, code);
    hob_error_format(e, text, sizeof text);
    CHECK(!strstr(text, "an earlier one"));
    for (; *words; words++) CHECK_HAS(text, *words);
}
/* The call returns `code`, and the record of it, with those of its causes, has each of the words.
 */
#define TELLS(call, code, ...)                                                                     \
    do {                                                                                           \
        (void)hob_fail((code), "an earlier one");                                                  \
        CHECK_EQ((call), (code));                                                                  \
        check_words((code), (const char *[]){__VA_ARGS__, NULL});                                  \
    } while (0)

static const char *numbered(const char *what, int n) {
    static char text[4][64];
    static int turn;
    snprintf(text[++turn % 4], sizeof text[0], "%s %d", what, n);
    return text[turn % 4];
}

/* ---- streams ---- */

enum kind { TCP, UNIX, PIPE, KINDS };

/* [0] writes, [1] reads. */
static void open_kind(enum kind kind, struct hob_stream *end[2]) {
    struct hob_stream *t;
    if (kind == TCP) open_tcp(end);
    if (kind == UNIX) open_pair(end);
    if (kind != PIPE) return;
    open_pipe(end);
    t = end[0], end[0] = end[1], end[1] = t;
}

CLEAN_TEST(what_is_no_stream) {
    struct hob_stream *s;
    TELLS(hob_stream_open(-1, &s), -EBADF, "cannot make a stream of descriptor -1");
    int fd = open("/tmp", O_RDONLY | O_CLOEXEC);
    TELLS(hob_stream_open(fd, &s), -EISDIR, numbered("of descriptor", fd));
    close(fd);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    TELLS(hob_stream_open(fd, &s), -ENOTCONN, numbered("of descriptor", fd));
    close(fd);
    int pair[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), 0);
    TELLS(hob_stream_open(pair[0], &s), -EPROTOTYPE, numbered("of descriptor", pair[0]),
          "SOCK_STREAM");
    close(pair[0]);
    close(pair[1]);
    return 0;
}

static int pours(struct hob_stream *s, size_t n) {
    static const char zeros[100000];
    int rc = 0;
    for (size_t at = 0; at < n && rc >= 0; at += sizeof zeros)
        rc = (int)hob_write(s, zeros, n - at < sizeof zeros ? n - at : sizeof zeros);
    if (rc < 0) hob_error_clear();
    return 0;
}
HOB_TASK(pours, struct hob_stream *, size_t)

/* Little goes through the buffer, much is spliced. The reader dies before, or in the middle. */
static void copy_to_the_dead(enum kind k, enum kind l, size_t n, bool later) {
    struct hob_stream *in[2], *out[2];
    open_kind(k, in);
    open_kind(l, out);
    char from[128], to[128];
    snprintf(from, sizeof from, "from %s", hob_stream_peer(in[1]));
    snprintf(to, sizeof to, "to %s", hob_stream_peer(out[0]));
    {
        HOB_SCOPE(s);
        hob_spawn(s, pours, in[0], n);
        CHECK_EQ(hob_sleep(0.01), 0);
        if (later) CHECK(hob_copy(in[1], out[0], .max = 50000) == 50000);
        hob_close(out[1]);
        (void)hob_fail(-EPIPE, "an earlier one");
        /* The first bytes may still be taken by a kernel that has not heard of it yet. */
        int64_t rc = hob_copy(in[1], out[0], .max = (int64_t)n);
        if (rc >= 0) rc = hob_copy(in[1], out[0]);
        CHECK(rc == -EPIPE || rc == -ECONNRESET);
        check_words((int)rc, (const char *[]){"cannot copy", from, to, NULL});
        hob_close(in[1]);
        CHECK_EQ(hob_join(s), 0);
    }
    hob_close(in[0]);
    hob_close(out[0]);
}

CLEAN_TEST(a_copy_into_a_broken_pipe) {
    for (int k = 0; k < KINDS; k++)
        for (int l = 0; l < KINDS; l++) {
            copy_to_the_dead((enum kind)k, (enum kind)l, 400000, true);
            if (l != TCP) copy_to_the_dead((enum kind)k, (enum kind)l, 1000, false);
        }
    return 0;
}

static void copy_from_the_reset(enum kind l, size_t n) {
    struct hob_stream *in[2], *out[2];
    open_tcp(in);
    open_kind(l, out);
    char from[128], to[128];
    snprintf(from, sizeof from, "from %s", hob_stream_peer(in[1]));
    snprintf(to, sizeof to, "to %s", hob_stream_peer(out[0]));
    if (n) pours(in[0], n);
    hob_abort(in[0]);
    TELLS(hob_copy(in[1], out[0]), -ECONNRESET, "cannot copy", from, to, "cannot read from");
    /* It does not look like an end afterwards. */
    TELLS(hob_copy(in[1], out[0]), -ECONNRESET, "cannot copy", from, to, "cannot read from");
    hob_close(in[1]);
    close_both(out);
}
CLEAN_TEST(a_copy_from_a_peer_that_resets) {
    for (int l = 0; l < KINDS; l++) copy_from_the_reset((enum kind)l, 0);
    return 0;
}

/* Somebody closes a stream's descriptor behind its back. */
static void close_below(struct hob_stream *s) { CHECK_EQ(close(hob_stream_fd(s)), 0); }

CLEAN_TEST(a_descriptor_that_was_closed_below_its_stream) {
    struct hob_stream *in[2], *out[2], *third[2];
    char byte;
    open_pair(in);
    open_pair(out);
    open_pair(third);
    put(in[0], "some");
    const char *from = hob_stream_peer(in[1]), *to = hob_stream_peer(out[0]);
    close_below(out[0]);
    TELLS(hob_copy(in[1], out[0], .max = 4), -EBADF, "cannot copy", from, to);
    TELLS(hob_write(out[0], "x", 1), -EBADF, "cannot write to", to);
    TELLS(hob_shutdown(out[0]), -EBADF, "cannot end the writing side of", to);
    CHECK_EQ(hob_read(in[1], &byte, 1), 1); /* what was not sent is still there */
    CHECK_EQ(byte, 's');
    hob_close(out[0]); /* whose number nobody else has got yet */
    close_below(in[1]);
    TELLS(hob_copy(in[1], third[0]), -EBADF, "cannot copy", from, hob_stream_peer(third[0]));
    hob_close(in[1]);
    hob_close(in[0]);
    hob_close(out[1]);
    close_both(third);
    return 0;
}

CLEAN_TEST(a_file_that_cannot_be_sent) {
    struct hob_stream *end[2];
    int p[2], dir = open("/tmp", O_RDONLY | O_CLOEXEC);
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    CHECK_EQ(pipe2(p, O_CLOEXEC), 0);
    for (int k = 0; k < KINDS; k++) {
        open_kind((enum kind)k, end);
        const char *to = hob_stream_peer(end[0]);
        TELLS(hob_send_file(end[0], -1, 0, 10), -EBADF, "cannot send from descriptor -1", to);
        TELLS(hob_send_file(end[0], 9999, 0, 10), -EBADF, "from descriptor 9999 to", to);
        TELLS(hob_send_file(end[0], dir, 0, 10), -EISDIR, numbered("from descriptor", dir), to);
        TELLS(hob_send_file(end[0], p[0], 0, 10), -ESPIPE, numbered("from descriptor", p[0]), to);
        TELLS(hob_send_file(end[0], file, -7, 10), -EINVAL, numbered("descriptor", file), "-7", to);
        hob_close(end[1]);
        int64_t rc;
        (void)hob_fail(-EPIPE, "an earlier one");
        while ((rc = hob_send_file(end[0], file, 0, 4096)) > 0) CHECK_EQ(hob_sleep(0.001), 0);
        CHECK(rc == -EPIPE || rc == -ECONNRESET);
        check_words((int)rc, (const char *[]){numbered("from descriptor", file), to, NULL});
        hob_close(end[0]);
    }
    close(dir);
    close(file);
    close(p[0]);
    close(p[1]);
    return 0;
}

CLEAN_TEST(what_a_stream_cannot_do) {
    struct hob_stream *tcp[2], *local[2], *pipes[2];
    struct hob_credentials who;
    struct hob_slice slice;
    char text[64];
    int fd = 0;
    open_tcp(tcp);
    open_pair(local);
    open_pipe(pipes);
    const char *pipe_name = hob_stream_peer(pipes[0]), *tcp_name = hob_stream_peer(tcp[0]);
    TELLS(hob_shutdown(pipes[0]), -ENOTSUP, "cannot end the writing side of", pipe_name);
    TELLS(hob_set_nodelay(pipes[0], true), -ENOTSOCK, "TCP_NODELAY", pipe_name);
    TELLS(hob_set_nodelay(local[0], true), -EOPNOTSUPP, "TCP_NODELAY");
    TELLS(hob_set_keepalive(pipes[0], 5, 0, 0), -ENOTSOCK, "TCP_KEEPIDLE", pipe_name);
    TELLS(hob_set_keepalive(pipes[0], 0, 0, 0), -ENOTSOCK, "SO_KEEPALIVE", pipe_name);
    TELLS(hob_set_keepalive(tcp[0], 1 << 20, 0, 0), -EINVAL, "TCP_KEEPIDLE", tcp_name);
    TELLS(hob_set_buffers(pipes[0], 1, 1), -ENOTSOCK, "SO_RCVBUF", pipe_name);
    TELLS(hob_set_buffers(pipes[0], 0, 1), -ENOTSOCK, "SO_SNDBUF", pipe_name);
    TELLS(hob_stream_local(pipes[0], text, sizeof text), -ENOTSOCK, pipe_name);
    TELLS(hob_peer_credentials(pipes[0], &who), -ENOTSOCK, "no credentials of", pipe_name);
    TELLS(hob_peer_credentials(tcp[0], &who), -ENOTSUP, "no credentials of", tcp_name);
    TELLS(hob_send_fds(tcp[0], "x", 1, &fd, 1), -ENOTSUP, tcp_name);
    TELLS(hob_send_fds(local[0], "x", 1, &fd, 0), -EINVAL, "0 descriptors");
    TELLS(hob_send_fds(local[0], "x", 1, (int[]){9999}, 1), -EBADF, "cannot send 1 descriptors to");
    size_t room = 1;
    TELLS(hob_receive_fds(tcp[0], text, 1, &fd, &room), -ENOTSUP, tcp_name);
    TELLS(hob_receive_fds(local[0], text, 0, &fd, &room), -EINVAL, "no room");
    TELLS(hob_read_until(tcp[0], "", 0, &slice), -EINVAL, "separator", tcp_name);
    TELLS(hob_read_until_any(tcp[0], NULL, 0, 0, &slice), -EINVAL, "separator", tcp_name);
    TELLS(hob_skip_until(tcp[0], ""), -EINVAL, "separator", tcp_name);
    hob_close(local[1]);
    TELLS(hob_receive_fds(local[0], text, 1, &fd, &room) + hob_send_fds(local[0], "x", 1, &fd, 1),
          -EPIPE, "cannot send 1 descriptors to");
    hob_abort(tcp[1]);
    TELLS(hob_read(tcp[0], text, 1), -ECONNRESET, "cannot read from", tcp_name);
    TELLS(hob_shutdown(tcp[0]), -ENOTCONN, "cannot end the writing side of", tcp_name);
    hob_close(tcp[0]);
    hob_close(local[0]);
    close_both(pipes);
    return 0;
}

CLEAN_TEST(what_cannot_be_waited_for) {
    int p[2];
    CHECK_EQ(pipe2(p, O_CLOEXEC), 0);
    TELLS(hob_poll(-1, POLLIN), -EBADF, "cannot wait for descriptor -1");
    TELLS(hob_poll(9999, POLLIN), -EBADF, "cannot wait for descriptor 9999");
    TELLS(hob_poll(p[0], POLLPRI), -EINVAL, numbered("of descriptor", p[0]));
    close(p[0]);
    close(p[1]);
    return 0;
}

/* ---- connecting and listening ---- */

CLEAN_TEST(connecting_to_what_is_no_address) {
    struct hob_stream *s;
    struct hob_address a;
    CHECK_EQ(hob_address_parse("127.0.0.1:9", &a), 0);
    TELLS(hob_connect_with("127.0.0.1:9", &s, .family = AF_UNIX), -EINVAL, ".family = 1");
    TELLS(hob_connect_with("127.0.0.1:9", &s, .attempt_delay = -1), -EINVAL, ".attempt_delay = -1");
    TELLS(hob_connect_with("127.0.0.1:9", &s, .family = AF_INET6), -EAFNOSUPPORT, "127.0.0.1:9");
    TELLS(hob_connect_any(&a, 0, &s), -EINVAL, "one of 0 addresses");
    TELLS(hob_connect_any(&a, 99, &s), -EINVAL, "one of 99 addresses");
    TELLS(hob_connect_any(&a, 1, &s, .family = AF_INET6), -EAFNOSUPPORT, "127.0.0.1:9");
    struct hob_address two[2] = {a};
    TELLS(hob_connect_any(two, 2, &s), -EINVAL, "number 1 is none");
    struct sockaddr_un u = {.sun_family = AF_UNIX};
    TELLS(hob_address_from((struct sockaddr *)&u, sizeof u, &a), -EAFNOSUPPORT, "family 1");
    struct hob_found found;
    TELLS(hob_resolve("example.org", 99, &found, 1), -EINVAL, "host 'example.org'", "family 99");
    TELLS(hob_resolve("example.org", 0, &found, 0), -EINVAL, "host 'example.org'");
    TELLS(hob_resolve_address(&(struct hob_address){.ip.any.sa_family = 0}, NULL, 0), -EINVAL,
          "no address");
    TELLS(hob_dns_configure(&(struct hob_dns_options){.timeout = -1}), -EINVAL, ".timeout = -1");
    return 0;
}

CLEAN_TEST(a_unix_address_that_is_no_socket) {
    struct hob_listener *l;
    struct hob_stream *s;
    char path[100], where[108];
    snprintf(path, sizeof path, TEST_PATH, (int)getpid(), "file");
    snprintf(where, sizeof where, "unix:%s", path);
    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    TELLS(hob_listen(where, &l), -EADDRINUSE, path, "is not a socket");
    TELLS(hob_connect(where, &s), -ECONNREFUSED, path, "is not a socket");
    unlink(path);
    CHECK_EQ(mkdir(path, 0700), 0);
    TELLS(hob_listen(where, &l), -EADDRINUSE, path, "is not a socket");
    rmdir(path);
    CHECK_EQ(symlink("/etc/passwd", path), 0);
    TELLS(hob_listen(where, &l), -EADDRINUSE, path, "is not a socket");
    TELLS(hob_connect(where, &s), -ECONNREFUSED, path, "is not a socket");
    unlink(path);
    TELLS(hob_connect(where, &s), -ENOENT, path);
    CHECK_EQ(hob_listen(where, &l), 0);
    struct hob_listener *twin;
    TELLS(hob_listen(where, &twin), -EADDRINUSE, path);
    CHECK(!strstr(hob_error()->message, "not a socket")); /* it is one */
    hob_listener_close(l);
    return 0;
}

/* No descriptor is left; the limit before. */
static rlim_t no_descriptor_left(void) {
    struct rlimit now;
    getrlimit(RLIMIT_NOFILE, &now);
    rlim_t before = now.rlim_cur;
    int next = dup(0);
    close(next);
    now.rlim_cur = (rlim_t)next;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &now), 0);
    return before;
}
static void descriptors_again(rlim_t before) {
    struct rlimit now;
    getrlimit(RLIMIT_NOFILE, &now);
    now.rlim_cur = before;
    setrlimit(RLIMIT_NOFILE, &now);
}

CLEAN_TEST(without_descriptors) {
    struct hob_listener *l, *m;
    struct hob_stream *c, *s;
    struct hob_signal *sig;
    struct hob_udp *u;
    struct hob_process *p;
    CHECK_EQ(hob_listen("127.0.0.1:0", &l), 0);
    const char *where = hob_listener_address(l);
    CHECK_EQ(hob_connect(where, &c), 0);
    rlim_t before = no_descriptor_left();
    TELLS(hob_accept(l, &s), -EMFILE, "accepting on", where);
    TELLS(hob_connect(where, &s), -EMFILE, "connecting to", where);
    TELLS(hob_listen("127.0.0.1:0", &m), -EMFILE, "listening on 127.0.0.1:0");
    TELLS(hob_signal_open(&sig, SIGUSR1), -EMFILE, "cannot wait for signals");
    TELLS(hob_udp_open("127.0.0.1:0", (struct hob_udp_options){0}, &u), -EMFILE, "127.0.0.1:0");
    TELLS(hob_process_spawn(&p, HOB_ARGS("/bin/true"), .out = HOB_IO_PIPE), -EMFILE, "/bin/true");
    descriptors_again(before);
    CHECK_EQ(hob_accept(l, &s), 0); /* the connection has waited */
    hob_close(s);
    hob_close(c);
    hob_listener_close(l);
    return 0;
}

/* ---- datagrams ---- */

static struct hob_udp *open_udp(const char *address, char *text) {
    struct hob_udp *u;
    struct hob_address at;
    CHECK_EQ(hob_udp_open(address, (struct hob_udp_options){0}, &u), 0);
    CHECK_EQ(hob_udp_address(u, &at), 0);
    hob_address_format(&at, text, HOB_ADDRESS_TEXT);
    return u;
}

CLEAN_TEST(datagrams_that_cannot_be_sent) {
    char own[HOB_ADDRESS_TEXT], gone[HOB_ADDRESS_TEXT], buf[16];
    static char large[70000];
    struct hob_udp *u = open_udp("127.0.0.1:0", own), *v = open_udp("127.0.0.1:0", gone), *c;
    struct hob_address to, v6, all;
    CHECK_EQ(hob_address_parse(gone, &to), 0);
    CHECK_EQ(hob_address_parse("[::1]:9", &v6), 0);
    CHECK_EQ(hob_address_parse("255.255.255.255:9", &all), 0);
    TELLS(hob_udp_send(u, large, sizeof large, &to), -EMSGSIZE, own, "send 70000 bytes to", gone);
    TELLS(hob_udp_send(u, "x", 1, NULL), -EDESTADDRREQ, own, "cannot send 1 bytes");
    TELLS(hob_udp_send(u, "x", 1, &all), -EACCES, own, "to 255.255.255.255:9");
    CHECK(hob_udp_send(u, "x", 1, &v6) < 0);
    check_words(hob_error()->code, (const char *[]){own, "to [::1]:9", NULL});
    struct hob_datagram two[] = {{.data = "a", .size = 1, .peer = to},
                                 {.data = large, .size = sizeof large, .peer = to}};
    CHECK_EQ(hob_udp_send_many(u, two, 2), 1);
    TELLS(hob_udp_send_many(u, two + 1, 1), -EMSGSIZE, own, "send 70000 bytes to", gone);
    TELLS(hob_udp_recv_many(u, two, 0), -EINVAL, own, "receive 0 datagrams");
    CHECK_EQ(hob_udp_connect(gone, (struct hob_udp_options){0}, &c), 0);
    hob_udp_close(v);
    CHECK_EQ(hob_udp_send(c, "x", 1, NULL), 0);
    TELLS(hob_udp_recv(c, buf, sizeof buf, NULL), -ECONNREFUSED, "cannot receive from", gone);
    CHECK_EQ(hob_udp_send(c, "x", 1, NULL), 0);
    struct hob_datagram in = {.data = buf, .room = sizeof buf};
    TELLS(hob_udp_recv_many(c, &in, 1), -ECONNREFUSED, "cannot receive from", gone);
    CHECK_EQ(hob_udp_send(c, "x", 1, NULL), 0);
    TELLS(hob_udp_send(c, "four", 4, NULL), -ECONNREFUSED, "send 4 bytes to", gone);
    hob_udp_close(u);
    hob_udp_close(c);
    return 0;
}

CLEAN_TEST(what_a_datagram_socket_refuses) {
    char own[HOB_ADDRESS_TEXT];
    struct hob_udp *u = open_udp("127.0.0.1:0", own);
    struct hob_address one, v6;
    CHECK_EQ(hob_address_parse("127.0.0.1:9", &one), 0);
    CHECK_EQ(hob_address_parse("[ff02::1]:9", &v6), 0);
    TELLS(hob_udp_join(u, &one, NULL), -EINVAL, own, "join the group 127.0.0.1");
    TELLS(hob_udp_join(u, &one, "nosuch0"), -ENODEV, own, "join the group", "on nosuch0");
    TELLS(hob_udp_join(u, &v6, NULL), -EINVAL, own, "join the group ff02::1");
    CHECK_EQ(hob_address_parse("224.0.0.251:9", &v6), 0);
    TELLS(hob_udp_leave(u, &v6, NULL), -EADDRNOTAVAIL, own, "leave the group 224.0.0.251");
    TELLS(hob_udp_multicast(u, (struct hob_multicast){.hops = 300}), -EINVAL, own, "300 hops");
    TELLS(hob_udp_multicast(u, (struct hob_multicast){.interface_name = "nosuch0"}), -ENODEV, own,
          "on nosuch0");
    TELLS(hob_udp_set_peer(u, &(struct hob_address){.ip.any.sa_family = 0}), -EINVAL, own,
          "connect");
    TELLS(hob_udp_set_peer(u, &(struct hob_address){.ip.v6.sin6_family = AF_INET6}), -EAFNOSUPPORT,
          own, "cannot connect to [::]:0");
    hob_udp_close(u);
    return 0;
}

CLEAN_TEST(a_datagram_socket_that_was_closed_below) {
    char own[HOB_ADDRESS_TEXT], buf[16] = "";
    struct hob_udp *u = open_udp("127.0.0.1:0", own);
    struct hob_address one, at;
    CHECK_EQ(hob_address_parse("127.0.0.1:9", &one), 0);
    int fd = hob_udp_fd(u);
    close(fd);
    const char *number = numbered("UDP on descriptor", fd);
    TELLS(hob_udp_recv(u, buf, sizeof buf, NULL), -EBADF, number, "receive");
    TELLS(hob_udp_send(u, buf, 1, &one), -EBADF, number, "send 1 bytes to 127.0.0.1:9");
    TELLS(hob_udp_address(u, &at), -EBADF, numbered("descriptor", fd));
    hob_udp_close(u);
    return 0;
}

/* ---- files ---- */

CLEAN_TEST(a_file_that_has_vanished) {
    char path[64], other[80], *bytes;
    size_t n;
    struct stat st;
    struct hob_file *f, *gone;
    snprintf(path, sizeof path, "/tmp/hob-vanished-%d", getpid());
    snprintf(other, sizeof other, "%s-other", path);
    CHECK_EQ(hob_write_file(path, "hello", 5), 0);
    CHECK_EQ(hob_open(path, "r", &f), 0);
    CHECK_EQ(hob_unlink(path), 0);
    TELLS(hob_open(path, "r", &gone), -ENOENT, path);
    TELLS(hob_read_file(path, &bytes, &n, 100), -ENOENT, path);
    TELLS(hob_stat(path, &st), -ENOENT, path);
    TELLS(hob_unlink(path), -ENOENT, path);
    TELLS(hob_rename(path, other), -ENOENT, path, other);
    char text[5]; /* who has it open has it still */
    CHECK_EQ(hob_file_read_exactly(f, text, 5), 5);
    CHECK_EQ(hob_file_close(f), 0);
    return 0;
}

CLEAN_TEST(a_full_disk) {
    struct hob_file *f;
    CHECK_EQ(hob_open("/dev/full", "w", &f), 0);
    TELLS(hob_file_write(f, "hello", 5), -ENOSPC, "/dev/full", "No space left on device");
    CHECK_EQ(hob_file_close(f), 0);
    return 0;
}

/* ---- descriptors, processes, signals, threads ---- */

CLEAN_TEST(reading_and_writing_a_descriptor) {
    char byte = 'x';
    struct iovec iov = {&byte, 1};
    int dir = open("/tmp", O_RDONLY | O_CLOEXEC), full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    int p[2];
    CHECK_EQ(pipe2(p, O_CLOEXEC), 0);
    TELLS(hob_preadv(-1, &iov, 1, 5), -EBADF, "cannot read from descriptor -1 at 5");
    TELLS(hob_pwritev(9999, &iov, 1, 0), -EBADF, "cannot write to descriptor 9999 at 0");
    TELLS(hob_preadv(dir, &iov, 1, 0), -EISDIR, numbered("read from descriptor", dir));
    TELLS(hob_preadv(p[0], &iov, 1, 0), -ESPIPE, numbered("read from descriptor", p[0]));
    TELLS(hob_pwritev(full, &iov, 1, 0), -ENOSPC, numbered("write to descriptor", full));
    close(p[0]);
    TELLS(hob_pwritev(p[1], &iov, 1, -1), -EPIPE, numbered("write to descriptor", p[1]));
    close(p[1]);
    close(dir);
    close(full);
    return 0;
}

CLEAN_TEST(a_process_that_has_ended) {
    HOB_PROCESS(p);
    CHECK_EQ(hob_process_spawn(&p, HOB_ARGS("/bin/sleep", "100"), .group = true), 0);
    const char *number = numbered("process", hob_process_pid(p));
    TELLS(hob_process_kill(p, 9999), -EINVAL, "signal 9999", "'/bin/sleep'", number);
    CHECK_EQ(hob_process_kill(p, SIGKILL), 0);
    TELLS(hob_process_wait(p), HOB_E_KILLED, "'/bin/sleep'", number, "signal 9");
    TELLS(hob_process_kill(p, SIGTERM), -ESRCH, "signal 15", "'/bin/sleep'", number,
          "it has ended");
    TELLS(hob_process_kill_group(p, 9999), -EINVAL, "signal 9999", "the group of '/bin/sleep'");
    TELLS(hob_process_resize(p, 1, 1), -EINVAL, "'/bin/sleep'");
    return 0;
}

static int fails_while_it_runs(void) {
    HOB_PROCESS(p);
    struct hob_stream *out;
    CHECK_EQ(hob_process_spawn(&p, HOB_ARGS("/bin/sh", "-c", "trap '' TERM; echo; sleep 100"),
                               .out = HOB_IO_PIPE, .group = true, .grace = 0.02),
             0);
    out = hob_process_out(p);
    char byte;
    CHECK_EQ(hob_read(out, &byte, 1), 1); /* it does not obey any more */
    return hob_fail(-EXDEV, "the reason");
}
HOB_TASK(fails_while_it_runs)

CLEAN_TEST(closing_on_the_way_out_leaves_the_reason) {
    HOB_SCOPE(s);
    hob_spawn(s, fails_while_it_runs);
    (void)hob_fail(-EXDEV, "an earlier one");
    CHECK_EQ(hob_join(s), -EXDEV);
    check_words(-EXDEV, (const char *[]){"the reason", NULL});
    return 0;
}

CLEAN_TEST(too_many_that_wait_for_signals) {
    static struct hob_signal *all[256];
    int n = 0, rc;
    while ((rc = hob_signal_open(&all[n], SIGUSR1)) == 0) n++;
    CHECK_EQ(rc, HOB_E_LIMIT);
    check_words(rc, (const char *[]){numbered("more than", n), NULL});
    while (n > 0) hob_signal_close(all[--n]);
    return 0;
}

static int nothing(void) { return 0; }
HOB_TASK(nothing)
static int holds_it(struct hob_loop **loop) {
    *loop = hob_loop_current();
    hob_loop_hold(*loop);
    return 0;
}
HOB_TASK(holds_it, struct hob_loop **)
static int ended_loop(struct hob_loop **loop) { return hob_run(holds_it, loop); }
HOB_TASK(ended_loop, struct hob_loop **)

CLEAN_TEST(a_loop_that_takes_no_calls) {
    struct hob_loop *loop;
    CHECK_EQ(hob_to_thread(ended_loop, &loop), 0);
    struct hob_submitted *c = hob_loop_submit(loop, nothing);
    CHECK(!c);
    TELLS(hob_submitted_wait(c, 1), HOB_E_CLOSED, "'nothing'", "the loop has ended");
    TELLS(hob_submitted_wait(c, __builtin_nan("")), -EINVAL, "nan");
    hob_loop_release(loop);
    return 0;
}

TEST_MAIN()
