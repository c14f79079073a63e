/* http_coding_test.c - bodies that come compressed: each coding, in pieces, too large, broken, cut
 * short, with something behind them. */
#include "http_test.h"

#if HAVE_ZLIB
#include <zlib.h>
#endif
#if HAVE_BROTLI
#include <brotli/encode.h>
#endif
#if HAVE_ZSTD
#include <zstd.h>
#endif

struct packed {
    const char *coding;
    unsigned char bytes[40000];
    size_t size;
};

#if HAVE_ZLIB
static void zlib_pack(struct packed *p, int window, const void *text, size_t n) {
    z_stream z = {0};
    CHECK_EQ(deflateInit2(&z, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)text;
    z.avail_in = (unsigned)n;
    z.next_out = p->bytes + p->size;
    z.avail_out = (unsigned)(sizeof p->bytes - p->size);
    CHECK_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
    p->size = sizeof p->bytes - z.avail_out;
    deflateEnd(&z);
}
#endif

/* Each way in which the text may come; how many there are. */
static size_t pack_all(struct packed *all, const void *text, size_t n) {
    size_t count = 0;
    (void)all, (void)text, (void)n;
#if HAVE_ZLIB
    static const struct {
        const char *coding;
        int window;
    } ways[] = {{"gzip", 31}, {"X-GZIP", 31}, {"deflate", 15}, {"deflate", -15}};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        all[count] = (struct packed){.coding = ways[i].coding};
        zlib_pack(&all[count++], ways[i].window, text, n);
    }
#endif
#if HAVE_BROTLI
    all[count] = (struct packed){.coding = "br", .size = sizeof all->bytes};
    CHECK(BrotliEncoderCompress(5, 22, BROTLI_MODE_GENERIC, n, text, &all[count].size,
                                all[count].bytes));
    count++;
#endif
#if HAVE_ZSTD
    all[count] = (struct packed){.coding = "zstd"};
    all[count].size = ZSTD_compress(all[count].bytes, sizeof all->bytes, text, n, 3);
    CHECK(!ZSTD_isError(all[count].size));
    count++;
#endif
    return count;
}

static struct {
    const char *coding;
    const unsigned char *bytes;
    size_t size, piece;
    char accepts[100];
} served;

static int serve_packed(struct hob_request *req, void *arg) {
    (void)arg;
    const char *accepts = hob_request_header(req, "accept-encoding");
    snprintf(served.accepts, sizeof served.accepts, "%s", accepts ? accepts : "-");
    const struct hob_header *h = HOB_HEADERS({"Content-Encoding", served.coding});
    if (!served.piece) return hob_respond(req, 200, h, served.bytes, served.size);
    HOB_TRY(hob_respond_begin(req, 200, h, -1));
    for (size_t at = 0, n; at < served.size; at += n) {
        n = served.size - at < served.piece ? served.size - at : served.piece;
        HOB_TRY(hob_respond_write(req, served.bytes + at, n));
    }
    return hob_respond_end(req);
}

static void serve_this(const struct packed *p, size_t size, size_t piece) {
    served.coding = p->coding;
    served.bytes = p->bytes;
    served.size = size;
    served.piece = piece;
}

static char text[100000];
static struct packed all[8];

static void make_text(void) {
    unsigned x = 7;
    for (size_t i = 0; i < sizeof text; i++) {
        x = x * 1103515245 + 12345;
        text[i] = i % 8 < 5 ? (char)('a' + i % 23) : (char)('a' + (x >> 16) % 4);
    }
}

static int stop(struct hob_scope *s, struct hob_listener *l) {
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

static int tick(unsigned *ticks) {
    for (;; ++*ticks) HOB_TRY(hob_yield_now());
}
HOB_TASK(tick, unsigned *)

/* What has come holds a thousand times as much, so that nothing is waited for while it is read. */
TASK_TEST(others_run_while_a_body_is_unpacked) {
    HOB_SCOPE(s);
    enum { SIZE = 8 << 20 };
    char *zeros = calloc(1, SIZE), *buf = malloc(1 << 20);
    CHECK(zeros && buf);
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, serve_packed, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c);
    size_t count = pack_all(all, zeros, SIZE);
    unsigned ticks = 0;
    HOB_SCOPE(t);
    hob_spawn_daemon(t, tick, &ticks);
    for (size_t i = 0; i < count; i++) {
        for (size_t n = 77; n <= 1 << 20; n *= 100) {
            struct hob_response *res HOB_RESPONSE_GUARD = NULL;
            serve_this(&all[i], all[i].size, 0);
            CHECK_EQ(hob_client_request(c, "GET", url_of(l, "/"), &res), 0);
            CHECK_EQ(hob_sleep(0.01), 0);
            unsigned before = ticks;
            size_t size = 0;
            for (ssize_t got; (got = hob_response_read(res, buf, n)) != 0; size += (size_t)got)
                CHECK(got > 0);
            CHECK_EQ(size, SIZE);
            bool fast = n > 77 && strchr("bz", *all[i].coding); /* brotli, zstd */
            CHECK(ticks - before >= 1 || fast); /* all of it within one turn of the loop */
        }
        struct hob_body body;
        CHECK_EQ(hob_get(c, url_of(l, "/"), &body), 200);
        CHECK_EQ(body.size, SIZE);
        hob_body_free(&body);
    }
    CHECK_EQ(hob_join(t), 0);
    free(zeros);
    free(buf);
    return stop(s, l);
}

TASK_TEST(every_coding_whole_and_in_pieces) {
    HOB_SCOPE(s);
    make_text();
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, serve_packed, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c);
    struct hob_client_info info;
    size_t count = pack_all(all, text, sizeof text);
    for (size_t i = 0; i < count; i++) {
        for (size_t piece = 0; piece < 20000; piece = piece * 7 + 3) {
            struct hob_body body;
            serve_this(&all[i], all[i].size, piece < 500 ? 0 : piece);
            CHECK_EQ(hob_get(c, url_of(l, "/"), &body), 200);
            CHECK_EQ(body.size, sizeof text);
            CHECK(memcmp(body.data, text, sizeof text) == 0 && body.data[body.size] == 0);
            hob_body_free(&body);
        }
        /* Read a little at a time. */
        struct hob_response *res HOB_RESPONSE_GUARD = NULL;
        CHECK_EQ(hob_client_request(c, "GET", url_of(l, "/"), &res), 0);
        CHECK_EQ(hob_response_size(res), -1);
        size_t at = 0;
        char piece[77];
        for (ssize_t n; (n = hob_response_read(res, piece, sizeof piece)) != 0; at += (size_t)n) {
            CHECK(n > 0 && at + (size_t)n <= sizeof text);
            CHECK(memcmp(piece, text + at, (size_t)n) == 0);
        }
        CHECK_EQ(at, sizeof text);
        CHECK_EQ(hob_response_read(res, piece, sizeof piece), 0);
    }
    hob_client_info(c, &info);
    CHECK_EQ(info.opened, count ? 1 : 0); /* the connection is sound after each */
    return stop(s, l);
}

TASK_TEST(every_byte_in_a_piece_of_its_own) {
    HOB_SCOPE(s);
    make_text();
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, serve_packed, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c);
    size_t count = pack_all(all, text, 300);
    for (size_t i = 0; i < count; i++) {
        struct hob_body body;
        serve_this(&all[i], all[i].size, 1);
        CHECK_EQ(hob_get(c, url_of(l, "/"), &body), 200);
        CHECK_EQ(body.size, 300);
        CHECK(memcmp(body.data, text, 300) == 0);
        hob_body_free(&body);
    }
    return stop(s, l);
}

TASK_TEST(an_empty_body_and_one_that_unpacks_to_nothing) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, serve_packed, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c);
    size_t count = pack_all(all, "", 0);
    for (size_t i = 0; i < count; i++)
        for (int way = 0; way < 3; way++) {
            struct hob_body body;
            serve_this(&all[i], way ? all[i].size : 0, way == 2);
            CHECK_EQ(hob_get(c, url_of(l, "/"), &body), 200);
            CHECK_EQ(body.size, 0);
            hob_body_free(&body);
        }
    return stop(s, l);
}

TASK_TEST(what_is_not_asked_for_or_not_known_stays_as_it_is) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, serve_packed, NULL, (struct hob_http_options){0});
    struct packed plain = {.coding = "identity", .bytes = "plain", .size = 5};
    struct hob_body body;
    {
        HOB_CLIENT(c);
        for (int i = 0; i < 2; i++, plain.coding = "x-unknown") {
            serve_this(&plain, plain.size, 0);
            CHECK_EQ(hob_get(c, url_of(l, "/"), &body), 200);
            CHECK_STR(body.data, "plain");
            hob_body_free(&body);
        }
#if HAVE_ZLIB && HAVE_BROTLI && HAVE_ZSTD
        CHECK_STR(served.accepts, "gzip, deflate, br, zstd");
#endif
        struct hob_response *res HOB_RESPONSE_GUARD = NULL;
        CHECK_EQ(hob_client_request(c, "GET", url_of(l, "/"), &res,
                                    .headers = HOB_HEADERS({"Accept-Encoding", "x"})),
                 0);
        CHECK_STR(served.accepts, "x");
    }
    HOB_CLIENT(c, .raw_bodies = true);
    plain.coding = "gzip";
    serve_this(&plain, plain.size, 0);
    CHECK_EQ(hob_get(c, url_of(l, "/"), &body), 200);
    CHECK_STR(body.data, "plain");
    CHECK_STR(served.accepts, "-");
    hob_body_free(&body);
    return stop(s, l);
}

TASK_TEST(a_bomb_stops_at_the_bound) {
    HOB_SCOPE(s);
    char *zeros = calloc(1, 20 << 20);
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, serve_packed, NULL, (struct hob_http_options){0});
    size_t count = pack_all(all, zeros, 20 << 20);
    free(zeros);
    for (size_t i = 0; i < count; i++) {
        struct hob_body body;
        struct hob_client_info info;
        serve_this(&all[i], all[i].size, 0);
        HOB_CLIENT(c, .max_body = 1 << 20, .max_unpacked = 5 << 20);
        CHECK_EQ(hob_get(c, url_of(l, "/"), &body), HOB_E_HTTP_BODY_TOO_LARGE);
        CHECK_HAS(hob_error()->message, "larger than 1048576 bytes");
        struct hob_response *res HOB_RESPONSE_GUARD = NULL;
        CHECK_EQ(hob_client_request(c, "GET", url_of(l, "/"), &res), 0);
        static char piece[65536];
        ssize_t n;
        size_t sum = 0;
        while ((n = hob_response_read(res, piece, sizeof piece)) > 0) sum += (size_t)n;
        CHECK_EQ(n, HOB_E_HTTP_BODY_TOO_LARGE);
        CHECK_HAS(hob_error()->message, "unpacked, is larger than 5242880 bytes");
        CHECK(sum > 5000000 && sum <= 5 << 20);
        CHECK_EQ(hob_response_read(res, piece, sizeof piece), HOB_E_HTTP_BODY_TOO_LARGE);
        hob_client_info(c, &info);
        CHECK_EQ(info.in_use, 0);
        CHECK_EQ(info.idle, 0);
    }
    return stop(s, l);
}

TASK_TEST(broken_cut_and_with_something_behind) {
    HOB_SCOPE(s);
    make_text();
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, serve_packed, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c);
    size_t count = pack_all(all, text, 5000);
    struct hob_body body;
    for (size_t i = 0; i < count; i++) {
        for (size_t cut = 1; cut < all[i].size; cut += all[i].size / 23 + 1) {
            serve_this(&all[i], cut, 0);
            CHECK_EQ(hob_get(c, url_of(l, "/"), &body), HOB_E_HTTP_CODING);
            CHECK_HAS(hob_error()->message, "Content-Encoding: ");
        }
        memcpy(all[i].bytes + all[i].size, "behind", 6);
        serve_this(&all[i], all[i].size + 6, 0);
        CHECK_EQ(hob_get(c, url_of(l, "/"), &body), HOB_E_HTTP_CODING);
        struct packed nonsense = {
            .coding = all[i].coding, .bytes = "\377\376 nonsense", .size = 11};
        serve_this(&nonsense, nonsense.size, 0);
        CHECK_EQ(hob_get(c, url_of(l, "/"), &body), HOB_E_HTTP_CODING);
    }
    return stop(s, l);
}

#if HAVE_ZLIB
TASK_TEST(several_gzip_files_behind_each_other) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, serve_packed, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c);
    struct packed two = {.coding = "gzip"};
    zlib_pack(&two, 31, "one and ", 8);
    zlib_pack(&two, 31, "two", 3);
    for (size_t piece = 0; piece < 3; piece++) {
        struct hob_body body;
        serve_this(&two, two.size, piece);
        CHECK_EQ(hob_get(c, url_of(l, "/"), &body), 200);
        CHECK_STR(body.data, "one and two");
        hob_body_free(&body);
    }
    return stop(s, l);
}
#endif

static int get_packed(struct hob_client *c, const char *url) {
    struct hob_body body;
    int rc = hob_get(c, url, &body);
    if (rc > 0) CHECK_EQ(body.size, 5000);
    hob_body_free(&body);
    return rc;
}

TASK_TEST(every_allocation_fails_once) {
    HOB_SCOPE(s);
    make_text();
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, serve_packed, NULL, (struct hob_http_options){0});
    size_t count = pack_all(all, text, 5000);
    for (size_t i = 0; i < count; i++) {
        serve_this(&all[i], all[i].size, 0);
        int rc = -1;
        for (long n = 1; n < 200 && rc != 200; n++) {
            HOB_CLIENT(c, .idle_timeout = -1);
            hob__alloc_fail_at(n);
            rc = get_packed(c, url_of(l, "/"));
            bool failed = hob__alloc_count() >= n;
            hob__alloc_fail_at(0);
            if (!failed) CHECK_EQ(rc, 200);
        }
        CHECK_EQ(rc, 200);
    }
    return stop(s, l);
}

TEST_MAIN()
