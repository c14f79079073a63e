/* tls_data_test.c - TLS between two tasks: what is said there, in pieces and both ways at once; the
 * end of a connection; TLS that begins late, or inside TLS. */
#include "tls_test.h"

/* ---- data ---- */

static int send_much(struct hob_stream *s, size_t n) {
    char *buf = malloc(n);
    for (size_t k = 0; k < n; k++) buf[k] = (char)(k * 7 + k / 251);
    ssize_t rc = hob_write(s, buf, n);
    free(buf);
    return rc < 0 ? (int)rc : 0;
}
HOB_TASK(send_much, struct hob_stream *, size_t)

static int receive_much(struct hob_stream *s, size_t n) {
    char buf[5000];
    for (size_t at = 0; at < n;) {
        ssize_t got = hob_read(s, buf, sizeof buf);
        if (got <= 0) return got < 0 ? (int)got : HOB_E_EOF;
        for (size_t k = 0; k < (size_t)got; k++, at++)
            if (buf[k] != (char)(at * 7 + at / 251)) FAIL("byte %zu is wrong", at);
    }
    return 0;
}
HOB_TASK(receive_much, struct hob_stream *, size_t)

TLS_TEST(both_directions_at_once_with_much_in_each) {
    struct hands h;
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    HOB_SCOPE(s);
    enum { MUCH = 3000000 };
    hob_spawn(s, send_much, h.client, MUCH);
    hob_spawn(s, send_much, h.server, MUCH);
    hob_spawn(s, receive_much, h.client, MUCH);
    hob_spawn(s, receive_much, h.server, MUCH);
    CHECK_EQ(hob_join(s), 0);
    part(&h);
    return 0;
}

TLS_TEST(pieces_are_gathered) {
    struct hands h;
    char buf[10008];
    static char big[10000];
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    struct iovec iov[] = {{"ab", 2}, {NULL, 0}, {"cd", 2}, {big, sizeof big}, {"efgh", 4}};
    CHECK_EQ(hob_writev(h.client, iov, 5), 10008);
    CHECK_EQ(hob_read_exactly(h.server, buf, 10008), 10008);
    CHECK(memcmp(buf, "abcd", 4) == 0 && memcmp(buf + 10004, "efgh", 4) == 0);
    CHECK_EQ(hob_write(h.client, "", 0), 0);
    part(&h);
    return 0;
}

TLS_TEST(pieces_are_filled_in_order) {
    struct hands h;
    static char big[20000], text[20000];
    char a[3] = "", b[100] = "";
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    const struct iovec iov[] = {{a, 2}, {NULL, 0}, {b, 99}};
    CHECK_EQ(hob_write(h.client, "abcdef", 6), 6);
    CHECK_EQ(hob_readv(h.server, iov, 3), 6);
    CHECK_STR(a, "ab");
    CHECK_STR(b, "cdef");
    CHECK_EQ(hob_within(0.003, hob_readv(h.server, iov, 3)), -ETIMEDOUT);
    /* More than a record, in pieces that end within one and behind one. */
    for (size_t i = 0; i < sizeof text; i++) text[i] = (char)(i * 7 + i / 251);
    CHECK_EQ(hob_write(h.client, text, sizeof text), sizeof text);
    for (size_t at = 0; at < sizeof text;) {
        size_t size = sizeof text - at;
        struct iovec two[] = {{big + at, size / 2}, {big + at + size / 2, size - size / 2}};
        at += (size_t)HOB_TRY(hob_readv(h.server, two, 2));
    }
    CHECK(memcmp(big, text, sizeof text) == 0);
    /* The end comes behind the last bytes. */
    CHECK_EQ(hob_write(h.client, "last", 4), 4);
    CHECK_EQ(hob_shutdown(h.client), 0);
    CHECK_EQ(hob_readv(h.server, iov, 3), 4);
    for (int i = 0; i < 2; i++) CHECK_EQ(hob_readv(h.server, iov, 3), 0);
    part(&h);
    return 0;
}

TLS_TEST(a_cut_is_told_behind_the_pieces_that_came_before_it) {
    struct hands h;
    char a[2], b[100];
    const struct iovec iov[] = {{a, 2}, {b, 100}};
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    chat(&h);
    CHECK_EQ(hob_write(h.client, "la", 2), 2); /* fills the first piece: the second one meets it */
    hob_tls_abort(h.client);
    CHECK_EQ(hob_readv(h.server, iov, 2), 2);
    for (int i = 0; i < 2; i++) CHECK_EQ(hob_readv(h.server, iov, 2), HOB_E_TLS_TRUNCATED);
    CHECK_HAS(hob_error()->message, "may not be all");
    hob_close(h.server);
    return 0;
}

/* ---- the end ---- */

TLS_TEST(the_end_is_told_from_a_cut) {
    struct hands h;
    char byte;
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    hob_close(h.client);
    CHECK_EQ(hob_read(h.server, &byte, 1), 0);
    CHECK_EQ(hob_read(h.server, &byte, 1), 0);
    hob_close(h.server);
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    chat(&h); /* what has come has been read: else the kernel would reset the connection */
    CHECK_EQ(hob_write(h.client, "x", 1), 1);
    hob_tls_abort(h.client);
    CHECK_EQ(hob_read(h.server, &byte, 1), 1);
    CHECK_EQ(hob_read(h.server, &byte, 1), HOB_E_TLS_TRUNCATED);
    CHECK_HAS(hob_error()->message, "may not be all");
    CHECK_EQ(hob_read(h.server, &byte, 1), HOB_E_TLS_TRUNCATED);
    hob_close(h.server);
    return 0;
}

/* The call fails by an error of the connection, which names its peer: an earlier record of the same
 * code, which is no word of this one, does not stand for it. */
#define FAILS_WITH(peer, call)                                                                     \
    do {                                                                                           \
        for (int k = 0; k < 3; k++) {                                                              \
            int codes[] = {-ECONNRESET, -EPIPE, HOB_E_TLS};                                        \
            (void)hob_fail(codes[k], "an earlier one");                                            \
            int64_t rc = (call);                                                                   \
            CHECK(rc < 0 && rc != -ECANCELED);                                                     \
            CHECK_EQ(hob_error()->code, rc);                                                       \
            CHECK_HAS(hob_error()->message, (peer));                                               \
        }                                                                                          \
    } while (0)

TLS_TEST(a_reset_is_told_with_its_peer_and_not_as_an_earlier_one) {
    struct hands h;
    struct hob_stream *a, *b;
    char byte, peer[80];
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    chat(&h);
    snprintf(peer, sizeof peer, "%s", hob_stream_peer(h.client));
    hob_abort(h.server);
    FAILS_WITH(peer, hob_read(h.client, &byte, 1));
    FAILS_WITH(peer, hob_write(h.client, "x", 1));
    FAILS_WITH(peer, hob_shutdown(h.client));
    unix_pair(&a, &b);
    CHECK_EQ(hob_write(a, "some", 4), 4);
    FAILS_WITH("cannot copy from unix:", hob_copy(b, h.client));
    FAILS_WITH(peer, hob_copy(b, h.client));
    FAILS_WITH(peer, hob_copy(h.client, a));
    hob_close(h.client);
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    chat(&h);
    snprintf(peer, sizeof peer, "%s", hob_stream_peer(h.client));
    hob_abort(h.server);
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    FAILS_WITH(peer, hob_send_file(h.client, fd, 0, 1 << 20));
    (void)hob_fail(-EXDEV, "why it is closed");
    hob_close(h.client);
    CHECK_HAS(hob_error()->message, "why it is closed");
    close(fd);
    hob_close(a);
    hob_close(b);
    return 0;
}

TLS_TEST(half_closed_still_reads) {
    struct hands h;
    char buf[16];
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    CHECK_EQ(hob_write(h.client, "all", 3), 3);
    CHECK_EQ(hob_shutdown(h.client), 0);
    CHECK_EQ(hob_shutdown(h.client), 0);
    CHECK_EQ(hob_write(h.client, "more", 4), -EPIPE);
    CHECK_EQ(hob_read(h.server, buf, sizeof buf), 3);
    CHECK_EQ(hob_read(h.server, buf, sizeof buf), 0);
    CHECK_EQ(hob_write(h.server, "answer", 6), 6);
    CHECK_EQ(hob_read(h.client, buf, sizeof buf), 6);
    hob_close(h.server);
    CHECK_EQ(hob_read(h.client, buf, sizeof buf), 0);
    hob_close(h.client);
    return 0;
}

static int finish_task(struct hob_stream *s, double seconds) { return hob_tls_finish(s, seconds); }
HOB_TASK(finish_task, struct hob_stream *, double)

TLS_TEST(finish_waits_for_the_peer_but_not_for_ever) {
    struct hands h;
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    {
        HOB_SCOPE(s);
        hob_spawn(s, finish_task, h.client, 20.0);
        hob_spawn(s, finish_task, h.server, 20.0);
        CHECK_EQ(hob_join(s), 0);
    }
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    uint64_t begun = hob_now();
    char peer[80];
    snprintf(peer, sizeof peer, "%s", hob_stream_peer(h.client));
    CHECK_EQ(hob_tls_finish(h.client, 0.05), -ETIMEDOUT);
    CHECK(hob_now() - begun >= 50000000);
    CHECK_HAS(hob_error()->message, peer);
    hob_tls_abort(h.server);
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    hob_tls_abort(h.server);
    int rc = hob_tls_finish(h.client, 20);
    CHECK(rc == HOB_E_TLS_TRUNCATED || rc == -ECONNRESET || rc == -EPIPE);
    return 0;
}

/* Fills the way to a peer that does not read; the close is bounded all the same. */
TLS_TEST(closing_towards_a_peer_that_does_not_read_is_bounded) {
    struct hands h;
    static char much[1 << 20];
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    int rc = 0;
    for (int k = 0; k < 40 && rc == 0; k++)
        rc = hob_within(0.3, hob_write(h.client, much, sizeof much) < 0 ? -ECANCELED : 0);
    CHECK_EQ(rc, -ETIMEDOUT);
    uint64_t begun = hob_now();
    (void)hob_fail(-EXDEV, "why it is closed");
    hob_close(h.client);
    CHECK(hob_now() - begun < 20000000000u);
    CHECK_HAS(hob_error()->message, "why it is closed"); /* and not that the time was up */
    hob_close(h.server);
    return 0;
}

/* One after the other: a write of nothing may let other tasks go first, too. */
static int send_nothing_and_much(struct hob_stream *s, size_t n) {
    HOB_TRY(hob_write(s, "", 0));
    return send_much(s, n);
}
HOB_TASK(send_nothing_and_much, struct hob_stream *, size_t)

/* What a cancelled write had begun goes out whole, then comes what is written next. */
TLS_TEST(a_cancelled_write_leaves_whole_records) {
    struct hands h;
    static char much[1 << 20], buf[1 << 16];
    memset(much, 'm', sizeof much);
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    int rc = 0;
    while (rc == 0)
        rc = hob_within(0.3, hob_write(h.client, much, sizeof much) < 0 ? -ECANCELED : 0);
    CHECK_EQ(rc, -ETIMEDOUT);
    HOB_SCOPE(s);
    hob_spawn(s, send_nothing_and_much, h.client, 100000);
    size_t ms = 0;
    ssize_t got = 0;
    size_t at = 0;
    bool rest = false;
    while (at < 100000 && (got = hob_read(h.server, buf, sizeof buf)) > 0)
        for (ssize_t k = 0; k < got; k++) {
            if (!rest && buf[k] == 'm') {
                ms++;
                continue;
            }
            rest = true;
            if (buf[k] != (char)(at * 7 + at / 251)) FAIL("byte %zu after %zu m is wrong", at, ms);
            at++;
        }
    CHECK_EQ(at, 100000);
    CHECK(ms > 0);
    CHECK_EQ(hob_join(s), 0);
    part(&h);
    return 0;
}

TLS_TEST(an_idle_connection_is_broken_only_when_its_peer_is_gone) {
    struct hands h;
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    CHECK_EQ(hob_sleep(0.01), 0);
    CHECK(!hob_stream_broken(h.client)); /* tickets have come; that is no data */
    CHECK(!hob_stream_broken(h.server));
    chat(&h);
    CHECK(!hob_stream_broken(h.client));
    hob_close(h.server);
    CHECK_EQ(hob_sleep(0.01), 0);
    CHECK(hob_stream_broken(h.client));
    hob_close(h.client);
    return 0;
}

/* ---- in place, and inside ---- */

TLS_TEST(start_tls_in_the_middle_of_a_conversation) {
    struct hob_stream *a, *b;
    char buf[16];
    unix_pair(&a, &b);
    CHECK_EQ(hob_write(a, "STARTTLS\n", 9), 9);
    CHECK_EQ(hob_read_exactly(b, buf, 9), 9);
    int rc = 1;
    HOB_SCOPE(s);
    hob_spawn(s, accept_task, b, server_tls, &rc);
    CHECK_EQ(hob_tls_start(a, client_tls, .server_name = "example.org"), 0);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(rc, 0);
    struct hands h = {.client = a, .server = b};
    chat(&h);
    part(&h);
    return 0;
}

TLS_TEST(tls_inside_tls) {
    struct hands h;
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    int rc = 1;
    {
        HOB_SCOPE(s);
        hob_spawn(s, accept_task, h.server, server_tls, &rc);
        CHECK_EQ(hob_tls_start(h.client, client_tls, .server_name = "www.example.org"), 0);
        CHECK_EQ(hob_join(s), 0);
        CHECK_EQ(rc, 0);
    }
    chat(&h);
    HOB_SCOPE(s);
    hob_spawn(s, send_much, h.client, 1000000);
    hob_spawn(s, send_much, h.server, 1000000);
    hob_spawn(s, receive_much, h.client, 1000000);
    hob_spawn(s, receive_much, h.server, 1000000);
    CHECK_EQ(hob_join(s), 0);
    part(&h);
    return 0;
}

/* Where the kernel does not know it, by Hob's own BIO; OpenSSL's: tls_kernel_test.c. */
TLS_TEST(ktls_is_used_or_not_and_works_either_way) {
    struct hob_tls *c, *sv;
    struct hands h;
    struct hob_tls_info i;
    CHECK_EQ(hob_tls_new(&c, .ca = ca.cert, .ktls = true), 0);
    CHECK_EQ(hob_tls_new(&sv, .certificate = site.cert, .key = site.key, .ktls = true), 0);
    SHAKE(&h, c, sv, .server_name = "example.org");
    CHECK_EQ(h.client_rc, 0);
    CHECK_EQ(hob_tls_info(h.server, &i), 0);
    printf("  kTLS: sends %d, receives %d\n", i.ktls_send, i.ktls_receive);
    chat(&h);
    {
        HOB_SCOPE(s);
        hob_spawn(s, send_much, h.client, 1000000);
        hob_spawn(s, receive_much, h.server, 1000000);
        CHECK_EQ(hob_join(s), 0);
    }
    part(&h);
    hob_tls_free(c);
    hob_tls_free(sv);
    return 0;
}

TLS_TEST(keys_are_logged_only_when_asked_for) {
    char path[64];
    snprintf(path, sizeof path, TEST_PATH, (int)getpid(), "keylog");
    setenv("SSLKEYLOGFILE", path, 1);
    struct hands h;
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    part(&h);
    CHECK_EQ(access(path, F_OK), -1);
    struct hob_tls *c;
    char text[64] = "";
    CHECK_EQ(hob_tls_new(&c, .ca = ca.cert, .keylog = true), 0);
    SHAKE(&h, c, server_tls, .server_name = "example.org");
    part(&h);
    FILE *f = fopen(path, "r");
    CHECK(f && fgets(text, sizeof text, f));
    CHECK_HAS(text, "SECRET");
    fclose(f);
    unlink(path);
    hob_tls_free(c);
    return 0;
}

TEST_MAIN()
