/* http_heads_test.c - the heads of answers, byte for byte, in every order: a server keeps the head
 * of its last answer for the next that is like it (kept_head.h), and must never send one that is
 * not what this answer's own would be. What is expected is written here anew, plainly. */
#include <time.h>

#include "http/server/kept_head.h"
#include "http_test.h"
#include "task/fdwait.h"

#define COUNT(array) (unsigned)(sizeof(array) / sizeof *(array))

enum { SERVERS = 2, BODY = 70000 };

/* What a request asks for: "/KIND/STATUS/SIZE/TYPE". */
struct wish {
    char kind[16], type[128];
    int status, size;
};

static char body[BODY + 1]; /* a string */
static const char *const names[SERVERS] = {"hob", "another"};

static struct wish wish_of(const char *path) {
    struct wish w = {"", "", 0, 0};
    CHECK_EQ(sscanf(path, "/%15[^/]/%d/%d/%127s", w.kind, &w.status, &w.size, w.type), 4);
    return w;
}

static int handler(struct hob_request *req, void *arg) {
    static char type[128]; /* one buffer: its contents change */
    struct wish w = wish_of(hob_request_path(req));
    size_t n = (size_t)w.size;
    (void)arg;
    strcpy(type, w.type);
    if (strcmp(w.kind, "text") == 0) {
        char *text = strndup(body, n);
        int rc = hob_respond_text(req, w.status, type, text);
        free(text);
        return rc;
    }
    if (strcmp(w.kind, "alone") == 0)
        return hob_respond(req, w.status, HOB_HEADERS({"Content-Type", type}), body, n);
    if (strcmp(w.kind, "lower") == 0)
        return hob_respond(req, w.status, HOB_HEADERS({"content-type", type}), body, n);
    if (strcmp(w.kind, "more") == 0)
        return hob_respond(req, w.status, HOB_HEADERS({"Content-Type", type}, {"X-A", "b"}), body,
                           n);
    if (strcmp(w.kind, "date") == 0)
        return hob_respond(req, w.status, HOB_HEADERS({"Content-Type", type}, {"Date", "today"}),
                           body, n);
    if (strcmp(w.kind, "server") == 0)
        return hob_respond(req, w.status, HOB_HEADERS({"Server", "mine"}, {"Content-Type", type}),
                           body, n);
    if (strcmp(w.kind, "none") == 0) return hob_respond(req, w.status, NULL, body, n);
    if (strcmp(w.kind, "bad") == 0) {
        char bad[160];
        snprintf(bad, sizeof bad, "%s\r\nX: y", type);
        CHECK_EQ(hob_respond_text(req, w.status, bad, ""), HOB_E_HTTP_ILLEGAL);
        return hob_respond(req, w.status, HOB_HEADERS({"Content-Type", type}), body, n);
    }
    if (strcmp(w.kind, "closing") == 0) {
        hob_request_close_after(req);
        return hob_respond(req, w.status, HOB_HEADERS({"Content-Type", type}), body, n);
    }
    bool sized = strcmp(w.kind, "sized") == 0;
    CHECK(sized || strcmp(w.kind, "chunked") == 0);
    HOB_TRY(
        hob_respond_begin(req, w.status, HOB_HEADERS({"Content-Type", type}), sized ? w.size : -1));
    if (n) HOB_TRY(hob_respond_write(req, body, n));
    return hob_respond_end(req);
}

/* ---- what is expected ---- */

struct way {
    const char *method;
    int minor;
    bool close;
};

static void date_of(time_t t, char *out, size_t n) {
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(out, n, "%a, %d %b %Y %H:%M:%S GMT", &tm);
}

static bool is(const struct wish *w, const char *kind) { return strcmp(w->kind, kind) == 0; }

static size_t expected(char *out, const struct wish *w, const struct way *way, const char *server,
                       const char *date) {
    bool empty = w->status == 204 || w->status == 304, chunked = is(w, "chunked") && !empty;
    bool to_close = chunked && way->minor == 0;
    char *at = out;
    at += sprintf(at, "HTTP/1.1 %d %s\r\n", w->status, hob_http_phrase(w->status));
    if (is(w, "server")) at += sprintf(at, "Server: mine\r\n");
    if (!is(w, "none"))
        at += sprintf(at, "%s: %s\r\n", is(w, "lower") ? "content-type" : "Content-Type", w->type);
    if (is(w, "more")) at += sprintf(at, "X-A: b\r\n");
    at += sprintf(at, "Date: %s\r\n", is(w, "date") ? "today" : date);
    if (!is(w, "server")) at += sprintf(at, "Server: %s\r\n", server);
    if (chunked && !to_close) at += sprintf(at, "Transfer-Encoding: chunked\r\n");
    if (!chunked && !empty) at += sprintf(at, "Content-Length: %d\r\n", w->size);
    if (way->close || is(w, "closing") || to_close)
        at += sprintf(at, "Connection: close\r\n");
    else if (way->minor == 0)
        at += sprintf(at, "Connection: keep-alive\r\n");
    at += sprintf(at, "\r\n");
    if (empty || strcmp(way->method, "HEAD") == 0) return (size_t)(at - out);
    if (chunked && !to_close && w->size) at += sprintf(at, "%x\r\n", (unsigned)w->size);
    memcpy(at, body, (size_t)w->size);
    at += w->size;
    if (chunked && !to_close) at += sprintf(at, "%s0\r\n\r\n", w->size ? "\r\n" : "");
    return (size_t)(at - out);
}

/* ---- asking ---- */

/* The loop's clock, which in a simulated world is not this machine's. */
static time_t wall(void) {
    struct hob__backend *b = hob__backend_current("wall");
    return (time_t)b->ops->wall(b);
}

static char got[BODY + 2048], wanted[BODY + 2048];

/* On *c, which is made when there is none, and closed when the answer says so. */
static void ask(struct hob_listener *l, struct hob_stream **c, const struct wish *w,
                const struct way *way, const char *server) {
    char request[400], date[64];
    int n = snprintf(request, sizeof request, "%s /%s/%d/%d/%s HTTP/1.%d\r\nHost: a\r\n%s\r\n",
                     way->method, w->kind, w->status, w->size, w->type, way->minor,
                     way->close        ? "Connection: close\r\n"
                     : way->minor == 0 ? "Connection: keep-alive\r\n"
                                       : "");
    if (!*c) CHECK_EQ(hob_connect(hob_listener_address(l), c), 0);
    time_t before = wall();
    CHECK_EQ(hob_write(*c, request, (size_t)n), n);
    date_of(before, date, sizeof date);
    size_t size = expected(wanted, w, way, server, date), at = 0;
    while (at < size) {
        ssize_t more = hob_read(*c, got + at, size - at);
        if (more <= 0) break;
        at += (size_t)more;
    }
    for (time_t t = before + 1; t <= wall() && memcmp(got, wanted, size) != 0; t++) {
        date_of(t, date, sizeof date); /* it may have been answered in a later second */
        expected(wanted, w, way, server, date);
    }
    got[at] = wanted[size] = 0;
    if (at != size || memcmp(got, wanted, size) != 0)
        FAIL("%zu bytes: %.500s\nnot %zu: %.500s", at, got, size, wanted);
    if (!strstr(got, "Connection: close\r\n")) return;
    CHECK_EQ(hob_read(*c, got, 1), 0);
    hob_close(*c);
    *c = NULL;
}

static struct wish some_wish(unsigned *seed) {
    static const char *const kinds[] = {"text", "text",  "text",    "alone",  "alone",
                                        "more", "lower", "none",    "date",   "server",
                                        "bad",  "sized", "chunked", "closing"};
    static const int statuses[] = {200, 200, 200, 404, 201, 204, 304, 599};
    static const int sizes[] = {0, 1, 9, 10, 13, 13, 99, 100, 1700, 1900, 5000, BODY};
    static const char *const types[] = {
        "text/plain", "text/plain", "text/html", "text/plain;charset=utf-8", "a/b",
        /* longer than what is kept */
        "application/vnd.something-that-has-a-rather-long-name-indeed-longer-than-most+json"};
    struct wish w;
    strcpy(w.kind, kinds[(unsigned)rand_r(seed) % COUNT(kinds)]);
    strcpy(w.type, types[(unsigned)rand_r(seed) % COUNT(types)]);
    w.status = statuses[(unsigned)rand_r(seed) % COUNT(statuses)];
    w.size = sizes[(unsigned)rand_r(seed) % COUNT(sizes)];
    if (w.status == 204 || w.status == 304) {
        w.size = 0;
        if (strcmp(w.kind, "sized") == 0) strcpy(w.kind, "text");
    }
    return w;
}

static struct way some_way(unsigned *seed) {
    switch ((unsigned)rand_r(seed) % 12) {
    case 0:
        return (struct way){"HEAD", 1, false};
    case 1:
        return (struct way){"GET", 0, false};
    case 2:
        return (struct way){"GET", 1, true};
    default:
        return (struct way){"GET", 1, false};
    }
}

static void bodies(void) {
    for (int i = 0; i < BODY; i++) body[i] = (char)('a' + i % 26);
}

/* Two servers of one loop, each with a head of its own, on some connections in turn; each wish once
 * more right after itself, as that is what is kept. */
TASK_TEST(each_is_its_own) {
    enum { CONNECTIONS = 3 };
    HOB_SCOPE(s);
    struct hob_listener *l[SERVERS];
    struct hob_stream *c[SERVERS][CONNECTIONS] = {{NULL}};
    unsigned seed = 1;
    bodies();
    for (int i = 0; i < SERVERS; i++) {
        l[i] = listening();
        hob_spawn(s, hob_http_serve, l[i], handler, NULL,
                  (struct hob_http_options){.server = names[i]});
    }
    for (int i = 0; i < TEST_ROUNDS(3000, 4); i++) {
        struct wish w = some_wish(&seed);
        for (int again = rand_r(&seed) % 3; again >= 0; again--) {
            struct way way = some_way(&seed);
            int server = rand_r(&seed) % SERVERS;
            ask(l[server], &c[server][rand_r(&seed) % CONNECTIONS], &w, &way, names[server]);
            if (rand_r(&seed) % 2) w.size = w.size ? w.size / 3 : 0; /* of another length */
        }
    }
    for (int i = 0; i < SERVERS; i++)
        for (int k = 0; k < CONNECTIONS; k++) hob_close(c[i][k]);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    for (int i = 0; i < SERVERS; i++) hob_listener_close(l[i]);
    return 0;
}

/* The same answer for more than two seconds: its Date goes on (ask() allows for none that was over
 * when the request went out). */
TASK_TEST(its_date_is_of_its_second) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    struct hob_stream *c = NULL;
    struct wish w = {"text", "text/plain", 200, 13};
    struct way way = {"GET", 1, false};
    bodies();
    hob_spawn(s, hob_http_serve, l, handler, NULL, (struct hob_http_options){0});
    for (time_t began = wall(); wall() < began + 3;) {
        ask(l, &c, &w, &way, "hob");
        CHECK_EQ(hob_sleep(0.01), 0);
    }
    hob_close(c);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

struct flood {
    struct hob_stream *to;
    int count;
    struct wish wish;
};

static int pour(struct flood *f) {
    char request[200];
    int n = snprintf(request, sizeof request, "GET /%s/%d/%d/%s HTTP/1.1\r\nHost: a\r\n\r\n",
                     f->wish.kind, f->wish.status, f->wish.size, f->wish.type);
    for (int i = 0; i < f->count; i++) HOB_TRY(hob_write(f->to, request, (size_t)n));
    return 0;
}
HOB_TASK(pour, struct flood *)

/* A client asks and does not read, so that its answers wait in the middle. Others get answers of
 * other lengths meanwhile, made of the same kept head. */
TASK_TEST(others_are_answered_while_a_head_waits) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    struct flood f = {.count = TEST_ROUNDS(16000, 2), .wish = {"text", "text/plain", 200, 1300}};
    struct hob_stream *c = NULL;
    struct way way = {"GET", 1, false};
    bodies();
    hob_spawn(s, hob_http_serve, l, handler, NULL, (struct hob_http_options){0});
    CHECK_EQ(hob_connect(hob_listener_address(l), &f.to), 0);
    hob_spawn(s, pour, &f);
    CHECK_EQ(hob_sleep(0.3), 0);
    for (int i = 0; i < 40; i++) {
        struct wish other = {"text", "text/plain", 200, i % 2 ? 7 : 12345};
        ask(l, &c, &other, &way, "hob");
    }
    char date[64];
    date_of(wall(), date, sizeof date);
    size_t size = expected(wanted, &f.wish, &way, "hob", date);
    char *date_at = strstr(wanted, date);
    for (int i = 0; i < f.count; i++) {
        CHECK_EQ(hob_read_exactly(f.to, got, size), (ssize_t)size);
        memcpy(date_at, got + (date_at - wanted), strlen(date));
        if (memcmp(got, wanted, size) != 0) FAIL("answer %d: %.200s", i, got);
    }
    hob_close(f.to);
    hob_close(c);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

/* ---- the record itself ---- */

static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 7\r\n\r\n";

static void check_text(const struct hob__kept_head *k, const char *length) {
    char text[128];
    size_t n = (size_t)sprintf(
        text, "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: %s\r\n\r\n", length);
    CHECK_EQ(k->size, n);
    CHECK(memcmp(k->text, text, n) == 0);
}

TEST(what_fits_a_kept_head) {
    struct hob__kept_head k = {0};
    CHECK(!hob__kept_head_fits(&k, 0, 0, "", 0, 0)); /* nothing is kept */
    hob__kept_head_keep(&k, 5, 200, "a/b", 3, 7, head, strlen(head));
    check_text(&k, "7");
    CHECK(hob__kept_head_fits(&k, 5, 200, "a/b", 3, 7));
    CHECK(!hob__kept_head_fits(&k, 6, 200, "a/b", 3, 7));
    CHECK(!hob__kept_head_fits(&k, 5, 201, "a/b", 3, 7));
    CHECK(!hob__kept_head_fits(&k, 5, 200, "a/bc", 4, 7));
    CHECK(!hob__kept_head_fits(&k, 5, 200, "a/", 2, 7));
    CHECK(!hob__kept_head_fits(&k, 5, 200, "A/b", 3, 7));
    CHECK(hob__kept_head_fits(&k, 5, 200, "a/b", 3, UINT64_MAX));
    check_text(&k, "18446744073709551615");
    CHECK(hob__kept_head_fits(&k, 5, 200, "a/b", 3, 0));
    check_text(&k, "0");
}

/* What is too long by its type or as a whole is not kept, nor what was before. */
TEST(long_heads_are_not_kept) {
    for (size_t n = 0; n < 400; n++) {
        struct hob__kept_head k = {0};
        char text[512], type[512];
        memset(text, 'x', n);
        strcpy(text + n, "7\r\n\r\n");
        hob__kept_head_keep(&k, 5, 200, "a/b", 3, 7, head, strlen(head));
        hob__kept_head_keep(&k, 5, 200, "a/b", 3, 7, text, n + 5);
        bool kept = n <= HOB__KEPT_HEAD - 20 - 4; /* the longest number */
        CHECK_EQ(hob__kept_head_fits(&k, 5, 200, "a/b", 3, UINT64_MAX), kept);
        CHECK_EQ(k.size, kept ? n + 24 : 0);
        memset(type, 't', n);
        type[n] = 0;
        hob__kept_head_keep(&k, 5, 200, type, n, 7, head, strlen(head));
        CHECK_EQ(hob__kept_head_fits(&k, 5, 200, type, n, 8), n <= HOB__KEPT_TYPE);
    }
}

TEST_MAIN()
