/* tls_stream_test.c - the calls of streams over TLS: what a full socket and a cancel leave behind
 * goes out once and in order; corks, copies, files; starting TLS in the middle; aborts. */
#include "tls_test.h"

#include "tls/tls.h"

static char byte_at(size_t at) { return (char)(at * 7 + at / 251 + at / 65521); }

/* Connected by TLS over a socket that holds less than a record. */
static void narrow(struct hands *h) {
    int fd[2], size = 4096, rc = 1;
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd), 0);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(setsockopt(fd[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
    *h = (struct hands){0};
    CHECK_EQ(hob_stream_open(fd[0], &h->client), 0);
    CHECK_EQ(hob_stream_open(fd[1], &h->server), 0);
    HOB_SCOPE(s);
    hob_spawn(s, accept_task, h->server, server_tls, &rc);
    CHECK_EQ(hob_tls_start(h->client, client_tls, .server_name = "example.org"), 0);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(rc, 0);
    chat(h); /* tickets have been read */
}

static int writes(struct hob_stream *s, const char *bytes, size_t n) {
    return (int)hob_write(s, bytes, n);
}
HOB_TASK(writes, struct hob_stream *, const char *, size_t)

/* A write that is cancelled in the middle of a record, so that its rest is still to go out. */
static size_t stuck_write(struct hands *h) {
    char m[9000];
    memset(m, 'm', sizeof m);
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, writes, h->client, m, sizeof m);
    while (hob__tls_of(h->client)->pending == 0) CHECK_EQ(hob_yield_now(), 0);
    hob_cancel(t);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(hob_task_result(t), -ECANCELED);
    hob_error_clear();
    CHECK_EQ(hob__tls_of(h->client)->pending, sizeof m);
    return sizeof m;
}

/* All that comes until the end. */
struct received {
    char bytes[400000];
    size_t n;
};
static int receives(struct hob_stream *s, struct received *r) {
    ssize_t got;
    while ((got = hob_read(s, r->bytes + r->n, sizeof r->bytes - r->n)) > 0) r->n += (size_t)got;
    return (int)got;
}
HOB_TASK(receives, struct hob_stream *, struct received *)
static struct received all;

/* n of the m's, then `text`, then the end. */
static void check_received(size_t ms, const char *then) {
    CHECK_EQ(all.n, ms + strlen(then));
    for (size_t i = 0; i < ms; i++) CHECK_EQ(all.bytes[i], 'm');
    CHECK(memcmp(all.bytes + ms, then, strlen(then)) == 0);
}

/* ---- bytes of an earlier writing call are nobody else's ---- */

TLS_TEST(a_copy_behind_a_cancelled_write_counts_its_own_bytes) {
    struct hands h;
    struct hob_stream *a, *b;
    narrow(&h);
    unix_pair(&a, &b);
    size_t ms = stuck_write(&h);
    CHECK_EQ(hob_write(a, "to be copied", 12), 12);
    CHECK_EQ(hob_shutdown(a), 0);
    int64_t done = -1;
    CHECK_EQ(hob_within(0.02, hob_copy(b, h.client, .done = &done)), -ETIMEDOUT);
    CHECK_EQ(done, 0);
    HOB_SCOPE(s);
    hob_spawn(s, receives, h.server, &all);
    CHECK_EQ(hob_copy(b, h.client), 12);
    CHECK_EQ(hob_shutdown(h.client), 0);
    CHECK_EQ(hob_join(s), 0);
    check_received(ms, "to be copied");
    part(&h);
    hob_close(a);
    hob_close(b);
    return 0;
}

TLS_TEST(a_cork_behind_a_cancelled_write_keeps_its_bytes) {
    struct hands h;
    char byte;
    narrow(&h);
    size_t ms = stuck_write(&h);
    hob_cork(h.client);
    CHECK_EQ(hob_write(h.client, "corked", 6), 6);
    CHECK_EQ(hob_within(0.02, (int)hob_read(h.client, &byte, 1)), -ETIMEDOUT); /* tries to send */
    CHECK_EQ(hob_within(0.02, hob_uncork(h.client)), -ETIMEDOUT);
    HOB_SCOPE(s);
    hob_spawn(s, receives, h.server, &all);
    CHECK_EQ(hob_flush(h.client), 0);
    CHECK_EQ(hob_shutdown(h.client), 0);
    CHECK_EQ(hob_join(s), 0);
    check_received(ms, "corked");
    part(&h);
    return 0;
}

/* ---- hob_flush() and what TLS holds ---- */

TLS_TEST(a_flush_sends_the_rest_of_a_record) {
    struct hands h;
    char buf[9000];
    memset(buf, 'c', sizeof buf);
    narrow(&h);
    hob_cork(h.client);
    CHECK_EQ(hob_write(h.client, buf, sizeof buf), sizeof buf);
    CHECK_EQ(hob_within(0.02, hob_uncork(h.client)), -ETIMEDOUT);
    HOB_SCOPE(s);
    hob_spawn(s, receives, h.server, &all);
    CHECK_EQ(hob_sleep(0.02), 0); /* there is room now */
    CHECK_EQ(all.n, 0);           /* and half a record there */
    CHECK_EQ(hob_flush(h.client), 0);
    CHECK_EQ(hob_sleep(0), 0);
    for (int i = 0; i < 1000 && all.n < sizeof buf; i++) CHECK_EQ(hob_sleep(0.001), 0);
    CHECK_EQ(all.n, sizeof buf);
    CHECK_EQ(hob_shutdown(h.client), 0);
    CHECK_EQ(hob_join(s), 0);
    part(&h);
    return 0;
}

/* What a cancelled hob_copy() says that it has sent, it has: each byte comes once. */
static int copies(struct hob_stream *from, struct hob_stream *to, int64_t *sum, int *cancels) {
    int64_t rc;
    do {
        int64_t done = 0;
        rc = hob_within(0.0003, hob_copy(from, to, .done = &done));
        *sum += done;
        *cancels += rc == -ETIMEDOUT;
        hob_error_clear();
        HOB_TRY(hob_sleep(0));
    } while (rc == -ETIMEDOUT || rc > 0);
    return rc < 0 ? (int)rc : hob_shutdown(to);
}
HOB_TASK(copies, struct hob_stream *, struct hob_stream *, int64_t *, int *)

static int pours(struct hob_stream *s, size_t n) {
    char buf[3000];
    for (size_t at = 0; at < n; at += sizeof buf) {
        for (size_t i = 0; i < sizeof buf; i++) buf[i] = byte_at(at + i);
        HOB_TRY(hob_write(s, buf, n - at < sizeof buf ? n - at : sizeof buf));
    }
    return hob_shutdown(s);
}
HOB_TASK(pours, struct hob_stream *, size_t)

static void check_bytes(size_t n) {
    CHECK_EQ(all.n, n);
    for (size_t i = 0; i < n; i++)
        if (all.bytes[i] != byte_at(i)) FAIL("byte %zu is wrong", i);
}

TLS_TEST(cancelled_copies_into_tls_and_out_of_it_lose_nothing) {
    struct hands h;
    struct hob_stream *in[2], *out[2];
    int64_t into = 0, out_of = 0;
    int cancels = 0;
    enum { N = 300000 };
    narrow(&h);
    unix_pair(&in[0], &in[1]);
    unix_pair(&out[0], &out[1]);
    HOB_SCOPE(s);
    hob_spawn(s, pours, in[0], (size_t)N);
    hob_spawn(s, copies, in[1], h.client, &into, &cancels);
    hob_spawn(s, copies, h.server, out[0], &out_of, &cancels);
    hob_spawn(s, receives, out[1], &all);
    CHECK_EQ(hob_join(s), 0);
    check_bytes(N);
    CHECK_EQ(into, N);
    CHECK_EQ(out_of, N);
    CHECK(cancels > 3);
    part(&h);
    for (int i = 0; i < 2; i++) {
        hob_close(in[i]);
        hob_close(out[i]);
    }
    return 0;
}

/* ---- corks and reading ---- */

/* Tickets and data came together; a reading call that sends what is corked first finds the data. */
TLS_TEST(a_read_on_a_corked_stream_sees_what_came_with_the_tickets) {
    struct hands h;
    char buf[8];
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    CHECK_EQ(hob_write(h.server, "greeting", 8), 8);
    hob_cork(h.client);
    CHECK_EQ(hob_write(h.client, "x", 1), 1);
    CHECK_EQ(hob_within(5, (int)hob_read_exactly(h.client, buf, 8)), 8);
    CHECK(memcmp(buf, "greeting", 8) == 0);
    CHECK_EQ(hob_within(5, (int)hob_read(h.server, buf, 8)), 1);
    CHECK_EQ(hob_uncork(h.client), 0);
    part(&h);
    return 0;
}

/* ---- files ---- */

static int sends_file(struct hob_stream *s, int fd, int64_t *sent) {
    *sent = hob_send_file(s, fd, 0, -1);
    return hob_shutdown(s);
}
HOB_TASK(sends_file, struct hob_stream *, int, int64_t *)

static void file_over_tls(size_t size) {
    struct hands h;
    char path[] = "/tmp/hob-tls-file-XXXXXX", buf[20000];
    int fd = mkostemp(path, O_CLOEXEC);
    unlink(path);
    char *bytes = malloc(size + 1);
    for (size_t i = 0; i < size; i++) bytes[i] = byte_at(i);
    CHECK_EQ(write(fd, bytes, size), size);
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    {
        HOB_SCOPE(s);
        int64_t sent = -1;
        size_t at = 0;
        ssize_t n;
        hob_spawn(s, sends_file, h.server, fd, &sent);
        while ((n = hob_read(h.client, buf, sizeof buf)) > 0) {
            CHECK(at + (size_t)n <= size && memcmp(buf, bytes + at, (size_t)n) == 0);
            at += (size_t)n;
        }
        CHECK_EQ(n, 0);
        CHECK_EQ(hob_join(s), 0);
        CHECK_EQ(at, size);
        CHECK_EQ(sent, (int64_t)size);
    }
    part(&h);
    free(bytes);
    close(fd);
}

TLS_TEST(a_file_arrives_as_it_is) {
    static const size_t sizes[] = {0, 1, 16384, 16385, 10 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) file_over_tls(sizes[i]);
    return 0;
}

/* ---- in the middle of a conversation ---- */

static int starts_when_told(struct hob_stream *s) {
    struct hob_slice line;
    CHECK_EQ(hob_read_line(s, 0, &line), 1);
    CHECK_STR(line.at, "220 go");
    return hob_tls_start(s, client_tls, .server_name = "example.org");
}
HOB_TASK(starts_when_told, struct hob_stream *)

/* What a cork has gathered goes out before TLS begins, not through it. */
TLS_TEST(what_is_gathered_goes_out_before_tls_begins) {
    struct hands h;
    unix_pair(&h.client, &h.server);
    HOB_SCOPE(s);
    hob_spawn(s, starts_when_told, h.client);
    hob_cork(h.server);
    CHECK_EQ(hob_write(h.server, "220 go\r\n", 8), 8);
    CHECK_EQ(hob_tls_accept(h.server, server_tls, .handshake_timeout = 5), 0);
    CHECK_EQ(hob_join(s), 0);
    CHECK_EQ(hob_uncork(h.server), 0);
    chat(&h);
    part(&h);
    return 0;
}

/* What somebody in the middle put behind the server's answer is not the server's; and the client,
 * which has sent nothing yet, can still say so. */
TLS_TEST(plaintext_behind_the_answer_to_starttls_is_refused) {
    struct hob_stream *a, *b;
    struct hob_slice line;
    char buf[16];
    unix_pair(&a, &b);
    CHECK_EQ(hob_write(b, "220 go\r\n250 evil\r\n", 18), 18);
    CHECK_EQ(hob_read_line(a, 0, &line), 1);
    CHECK_EQ(hob_tls_start(a, client_tls, .server_name = "example.org"), HOB_E_TLS_PLAINTEXT);
    CHECK_HAS(hob_error()->message, "10 bytes came in plaintext");
    CHECK_EQ(hob_write(a, "no", 2), 2);
    CHECK_EQ(hob_read(b, buf, sizeof buf), 2); /* nothing else */
    CHECK_EQ(hob_read_line(a, 0, &line), 1);
    CHECK_STR(line.at, "250 evil");
    hob_close(a);
    hob_close(b);
    return 0;
}

static int meddles(int what) {
    struct hob_stream *a, *b;
    char byte = 0;
    unix_pair(&a, &b);
    HOB_SCOPE(s);
    int rc = 0;
    hob_spawn(s, accept_task, b, server_tls, &rc);
    HOB_TRY(hob_yield_now()); /* it waits for the client's hello */
    if (what == 0) return (int)hob_read(b, &byte, 1);
    if (what == 1) return (int)hob_write(b, &byte, 1);
    hob_close(b);
    return 0;
}
HOB_TASK(meddles, int)
TEST(nobody_else_uses_a_stream_during_its_handshake) {
    make_all();
    CHECK_DIES(hob_run(meddles, 0), "two tasks read from the stream");
    CHECK_DIES(hob_run(meddles, 1), "two tasks write to the stream");
    CHECK_DIES(hob_run(meddles, 2), "a task is in a call on the stream");
    drop_all();
}

/* ---- the end ---- */

/* Data that has arrived is read; then it is an error, not an end. */
static ssize_t end_after(struct hob_stream *s, size_t *n) {
    char buf[100];
    ssize_t got;
    *n = 0;
    while ((got = hob_read(s, buf, sizeof buf)) > 0) *n += (size_t)got;
    return got;
}

TLS_TEST(an_abort_is_an_error_for_the_peer) {
    struct hands h;
    size_t n;
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    chat(&h);
    hob_abort(h.client);
    CHECK_EQ(end_after(h.server, &n), -ECONNRESET); /* TCP */
    hob_close(h.server);
    narrow(&h);
    CHECK_EQ(hob_write(h.client, "last", 4), 4);
    hob_abort(h.client);
    CHECK_EQ(end_after(h.server, &n), HOB_E_TLS_TRUNCATED); /* a Unix socket knows no reset */
    CHECK_EQ(n, 4);
    hob_close(h.server);
    /* In the middle of a record, too, which nobody waits for. */
    narrow(&h);
    (void)stuck_write(&h);
    uint64_t begun = hob_now();
    hob_abort(h.client);
    CHECK(hob_now() - begun < 900000000);
    CHECK_EQ(end_after(h.server, &n), HOB_E_TLS_TRUNCATED);
    CHECK_EQ(n, 0);
    hob_close(h.server);
    return 0;
}

static int starts(struct hob_stream *s) {
    return hob_tls_start(s, client_tls, .server_name = "example.org");
}
HOB_TASK(starts, struct hob_stream *)

/* The peer of a handshake that was cancelled learns at once that it is over. */
TLS_TEST(a_cancelled_handshake_ends_for_the_peer_too) {
    struct hands h;
    unix_pair(&h.client, &h.server);
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, starts, h.client);
    CHECK_EQ(hob_yield_now(), 0); /* its hello is out */
    hob_cancel(t);
    CHECK_EQ(hob_await(t), -ECANCELED);
    char byte;
    CHECK_EQ(hob_read(h.client, &byte, 1), -ECANCELED); /* only good for closing */
    hob_close(h.client);
    CHECK_EQ(hob_tls_accept(h.server, server_tls), -EPIPE); /* its answer to the hello */
    hob_close(h.server);
    return hob_join(s);
}

/* A close sends the rest of a record and the end, as soon as the peer reads. */
TLS_TEST(a_close_finishes_the_record_that_is_on_its_way) {
    struct hands h;
    narrow(&h);
    size_t ms = stuck_write(&h);
    HOB_SCOPE(s);
    hob_spawn(s, receives, h.server, &all);
    hob_close(h.client);
    CHECK_EQ(hob_join(s), 0); /* an end, no cut */
    check_received(ms, "");
    hob_close(h.server);
    return 0;
}

TEST_MAIN()
