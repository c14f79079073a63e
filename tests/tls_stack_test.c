/* tls_stack_test.c - how much of a task's stack OpenSSL needs: making contexts, handshakes with
 * each kind of key, both sides, reading and writing. The default stack of 64 KiB must hold it with
 * room for the caller: at most half of it may be used. */
#include "tls_test.h"

enum { PAINTED = 180 << 10, ALLOWED = 32 << 10, STACK = 256 << 10 };

/* Everything below the caller's frame gets a pattern; later, how far down it is gone. */
static __attribute__((noinline)) char *paint(void) {
    char *top = (char *)__builtin_frame_address(0) - 512;
    for (volatile char *p = top - PAINTED; p < top; p++) *p = 0x5a;
    return top;
}
static __attribute__((noinline)) size_t used(const char *top) {
    const char *p = top - PAINTED;
    while (p < top && *p == 0x5a) p++;
    return (size_t)(top - p) + 512;
}

static __attribute__((noinline)) int take(size_t n) {
    volatile char *block = __builtin_alloca(n);
    for (size_t k = 0; k < n; k++) block[k] = (char)k;
    return block[n / 2];
}

/* The measure itself: a function that takes 20,000 bytes. */
static int take_some(size_t *most) {
    char *top = paint();
    (void)take(20000);
    *most = used(top);
    return 0;
}
HOB_TASK(take_some, size_t *)

TASK_TEST(the_measure_is_right) {
    size_t most;
    struct hob_spawn_options big = {.stack_size = STACK};
    HOB_SCOPE(s);
    CHECK_EQ(hob_await(hob_spawn_with(s, big, take_some, &most)), 0);
    CHECK(most > 20000 && most < 21000);
    return hob_join(s);
}

static struct identity me;

static int make(struct hob_tls **tls, bool server, size_t *most) {
    char *top = paint();
    int rc = server ? hob_tls_new(tls, .certificate = site.cert, .key = site.key, .ca = ca.cert,
                                  .client_certificate = HOB_TLS_REQUIRE)
                    : hob_tls_new(tls, .certificate = me.cert, .key = me.key, .ca = ca.cert);
    *most = used(top);
    return rc;
}
HOB_TASK(make, struct hob_tls **, bool, size_t *)

static int talk(struct hob_stream *s, struct hob_tls *tls, bool server, size_t *most) {
    char *top = paint(), buf[100];
    int rc = server ? hob_tls_accept(s, tls) : hob_tls_start(s, tls, .server_name = "example.org");
    if (rc == 0 && (rc = (int)hob_write(s, "hello", 5)) == 5) rc = (int)hob_read_exactly(s, buf, 5);
    *most = used(top);
    hob_close(s);
    return rc < 0 ? rc : 0;
}
HOB_TASK(talk, struct hob_stream *, struct hob_tls *, bool, size_t *)

static void measure(const char *type) {
    size_t most[4];
    struct hob_tls *c, *sv;
    struct hob_stream *a, *b;
    struct hob_spawn_options big = {.stack_size = STACK};
    ca = IDENTITY(.type = type, .cn = "CA", .ca = true);
    site = IDENTITY(.type = type, .names = "DNS:example.org", .issuer = &ca);
    me = IDENTITY(.type = type, .cn = "me", .issuer = &ca);
    HOB_SCOPE(s);
    CHECK_EQ(hob_await(hob_spawn_with(s, big, make, &c, false, &most[0])), 0);
    CHECK_EQ(hob_await(hob_spawn_with(s, big, make, &sv, true, &most[1])), 0);
    for (int again = 0; again < 2; again++) { /* the second one is resumed */
        tcp_pair(&a, &b);
        struct hob_task *one = hob_spawn_with(s, big, talk, a, c, false, &most[2]);
        struct hob_task *two = hob_spawn_with(s, big, talk, b, sv, true, &most[3]);
        CHECK_EQ(hob_await(one), 0);
        CHECK_EQ(hob_await(two), 0);
        printf("  %-8s contexts %5zu %5zu, client %5zu, server %5zu bytes of stack\n", type,
               most[0], most[1], most[2], most[3]);
        if (getenv("TEST_SLOW")) continue;
        for (int k = 0; k < 4; k++) CHECK(most[k] <= ALLOWED);
    }
    CHECK_EQ(hob_join(s), 0);
    no_more_pairs();
    hob_tls_free(c);
    hob_tls_free(sv);
    drop_identity(&ca);
    drop_identity(&site);
    drop_identity(&me);
}

TASK_TEST(ec) { return measure("EC"), 0; }
TASK_TEST(rsa) { return measure("RSA"), 0; }
TASK_TEST(ed25519) { return measure("ED25519"), 0; }

TEST_MAIN()
