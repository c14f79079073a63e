/* tls_kernel_test.c - TLS on the way that kernel TLS takes: OpenSSL's own socket BIO under the
 * records, which says less of what happened than Hob's. A kernel without TLS is made to say that it
 * knows it; OpenSSL asks once more, is told the truth, and encrypts by itself. So everything is
 * tried here but the kernel's encryption, which wants a kernel that has it. All that tls_test.c
 * wants, and more, has to be true of it. */
#define TLS_BY_KERNEL true
#define TLS_BEFORE() pretend()

#include "test.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "task/task.h"

static const struct hob__sys *true_sys;
static int asked;
static int knows_tls(struct hob__backend *b, int fd, int level, int name, const void *value,
                     socklen_t n) {
    if (level != IPPROTO_TCP || name != TCP_ULP)
        return true_sys->setsockopt(b, fd, level, name, value, n);
    asked++;
    return -ENOTCONN;
}

/* In this loop, to its end. */
static void pretend(void) {
    static struct hob__sys sys;
    static struct hob__backend_ops ops;
    struct hob__backend *b = &hob__loop->backend;
    ops = *b->ops;
    true_sys = ops.sys;
    sys = *ops.sys;
    sys.setsockopt = knows_tls;
    ops.sys = &sys;
    b->ops = &ops;
}

#include "tls_test.h"

TLS_TEST(the_kernel_is_asked) {
    struct hands h;
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    CHECK_EQ(asked, 2);
    chat(&h);
    part(&h);
    return 0;
}

/* To a reader and to a writer, without a signal. */
TLS_TEST(a_peer_that_resets_is_named) {
    for (int k = 0; k < 2; k++) {
        struct hands h;
        char buf[100] = {0};
        SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
        chat(&h);
        hob_abort(h.client);
        ssize_t n;
        if (k == 0)
            n = hob_read(h.server, buf, sizeof buf);
        else
            while ((n = hob_write(h.server, buf, sizeof buf)) > 0) {}
        CHECK(n == -ECONNRESET || (k == 1 && n == -EPIPE));
        hob_close(h.server);
    }
    return 0;
}

TLS_TEST(a_peer_that_speaks_plainly_is_named) {
    struct hob_stream *plain, *s;
    tcp_pair(&plain, &s);
    CHECK_EQ(hob_write(plain, "GET / HTTP/1.1\r\n\r\n", 18), 18);
    CHECK_EQ(hob_tls_accept(s, server_tls), HOB_E_TLS_PLAINTEXT);
    CHECK_HAS(hob_error()->message, "it sent \"GET / HTTP/1.1");
    hob_close(s);
    hob_close(plain);
    return 0;
}

/* It does not ask again and again whether there is something. */
TLS_TEST(who_waits_sleeps) {
    struct hands h;
    char byte;
    SHAKE(&h, client_tls, server_tls, .server_name = "example.org");
    chat(&h);
    struct hob_loop_info before, after;
    hob_loop_info(&before);
    CHECK_EQ(hob_within(0.5, (int)hob_read(h.server, &byte, 1)), -ETIMEDOUT);
    hob_loop_info(&after);
    CHECK(after.turns - before.turns < 20);
    chat(&h);
    part(&h);
    return 0;
}

/* And its TEST_MAIN(). */
#include "tls_test.c"
