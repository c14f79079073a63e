/* http_static_test.c - a folder over HTTP: what can be reached and what not, conditions, ranges,
 * packed bodies, listings; every row of RFC 9110's rules that a static server meets. */
#include "files.h"

#include <hob/static.h>
#include <sys/time.h>

#include "http/conditional.h"
#include "http/date.h"
#include "http/pack.h"
#include "http_test.h"

/* STATIC_TEST(name) { ...; return 0; }: in a task of a loop of its own, with a folder. Twice: the
 * first time makes what stays for good (threads); the second one's bytes all come back. */
#define STATIC_TEST(name)                                                                          \
    static int body_##name(void);                                                                  \
    static int in_folder_##name(void) {                                                            \
        snprintf(folder, sizeof folder, TEST_PATH "-XXXXXX", (int)getpid(), "static");             \
        CHECK(simulated() ? hob_mkdir(folder, 0700) == 0 : mkdtemp(folder) != NULL);               \
        int rc = body_##name();                                                                    \
        CHECK_EQ(hob_remove_all(folder), 0);                                                       \
        return rc;                                                                                 \
    }                                                                                              \
    HOB_TASK(in_folder_##name)                                                                     \
    TEST(name) {                                                                                   \
        for (int round = 0; round < 2; round++) {                                                  \
            long live = hob__alloc_live();                                                         \
            int fds = count_fds();                                                                 \
            CHECK_EQ(hob_run(in_folder_##name), 0);                                                \
            if (round == 1) CHECK_EQ(count_fds(), fds);                                            \
            if (round == 1) CHECK_EQ(hob__alloc_live(), live);                                     \
        }                                                                                          \
    }                                                                                              \
    static int body_##name(void)

static struct hob_static *files;
static struct hob_listener *listener;
static char answer[1 << 18];

static int respond(struct hob_request *req, void *arg) {
    (void)arg;
    return hob_static_respond(files, req, NULL);
}

/* The folder, served in a scope `s` that ends with END(). */
#define SERVE(...)                                                                                 \
    HOB_SCOPE(s);                                                                                  \
    CHECK_EQ(hob_static_open(&files, folder, __VA_ARGS__), 0);                                     \
    listener = listening();                                                                        \
    hob_spawn(s, hob_http_serve, listener, respond, NULL, (struct hob_http_options){0})
#define END()                                                                                      \
    do {                                                                                           \
        hob_scope_cancel(s);                                                                       \
        CHECK_EQ(hob_join(s), 0);                                                                  \
        hob_listener_close(listener);                                                              \
        hob_static_close(files);                                                                   \
    } while (0)

/* The status of "METHOD TARGET", with headers, each ended by CR LF; the answer is in `answer`. */
static int ask_with(const char *line, const char *headers) {
    char request[2048];
    int n = snprintf(request, sizeof request,
                     "%s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s\r\n", line, headers);
    size_t size = raw(listener, request, (size_t)n, NULL, answer, sizeof answer);
    CHECK(size > 12 && memcmp(answer, "HTTP/1.1 ", 9) == 0);
    return atoi(answer + 9);
}
static int ask(const char *target) {
    char line[1024];
    snprintf(line, sizeof line, "GET %s", target);
    return ask_with(line, "");
}
static const char *body(void) { return strstr(answer, "\r\n\r\n") + 4; }
static bool has(const char *text) { return strstr(answer, text) != NULL; }
/* A header's value, in a buffer. */
static const char *header(const char *name) {
    static char value[4][256];
    static unsigned next;
    char *out = value[next++ % 4], key[64];
    snprintf(key, sizeof key, "\r\n%s: ", name);
    const char *at = strcasestr(answer, key);
    if (!at || at > body()) return NULL;
    at += strlen(key);
    snprintf(out, sizeof value[0], "%.*s", (int)strcspn(at, "\r"), at);
    return out;
}
static void put_file(const char *name, const char *text) {
    CHECK_EQ(hob_write_file(in(name), text, strlen(text)), 0);
}
static char letters[100001]; /* "abcdefgh..." */
static void put_letters(const char *name, size_t n) {
    for (size_t i = 0; i < n; i++) letters[i] = (char)('a' + i % 26);
    letters[n] = 0;
    put_file(name, letters);
}

/* Before Linux 5.6, and under emulators, no link is followed at all. */
static bool follows_links(void) {
    struct hob_file *top, *f;
    CHECK_EQ(hob_open_flags(folder, O_RDONLY | O_DIRECTORY, 0, &top), 0);
    CHECK_EQ(symlink(".", in("self")), 0);
    int rc = hob_open_below(top, "self", &f);
    if (rc == 0) hob_file_close(f);
    CHECK(rc == 0 || rc == -ELOOP);
    hob_file_close(top);
    CHECK_EQ(unlink(in("self")), 0);
    return rc == 0;
}

/* ---- what can be reached ---- */

STATIC_TEST(files_folders_and_what_is_outside) {
    if (simulated()) return 0; /* its links and pipes are the system's own */
    put_file("index.html", "the index");
    put_file("a b\xc3\xbc.css", "css");
    put_file(".secret", "no");
    CHECK_EQ(sys_mkdir(in("sub"), 0755), 0);
    put_file("sub/x", "deep");
    CHECK_EQ(sys_mkdir(in("empty"), 0755), 0);
    CHECK_EQ(sys_mkdir(in(".well-known"), 0755), 0);
    put_file(".well-known/x", "known");
    CHECK_EQ(symlink("/etc/passwd", in("out")), 0);
    CHECK_EQ(symlink("sub/x", in("inside")), 0);
    CHECK_EQ(symlink("..", in("sub/up")), 0);
    CHECK_EQ(symlink("../..", in("sub/far")), 0);
    CHECK_EQ(mkfifo(in("fifo"), 0600), 0);
    SERVE(.index = NULL);
    CHECK_EQ(ask("/"), 200);
    CHECK_STR(body(), "the index");
    CHECK_STR(header("Content-Type"), "text/html; charset=utf-8");
    CHECK_EQ(ask("/a%20b%c3%bc.css"), 200);
    CHECK_STR(header("Content-Type"), "text/css; charset=utf-8");
    CHECK_EQ(ask("/sub//x"), 200);
    if (follows_links()) {
        CHECK_EQ(ask("/inside"), 200);
        CHECK_STR(body(), "deep");
        CHECK_EQ(ask("/sub/up/sub/x"), 200); /* the link stays inside */
    }
    CHECK_EQ(ask("/.well-known/x"), 200);
    CHECK_EQ(ask("/empty/"), 403);
    CHECK_EQ(ask("/sub"), 301);
    CHECK_STR(header("Location"), "/sub/");
    CHECK_EQ(ask("//sub?q=1"), 301); /* not to the host "sub" */
    CHECK_STR(header("Location"), "/sub/?q=1");
    static const char *const nothing[] = {"/no",
                                          "/.secret",
                                          "/sub/../index.html",
                                          "/sub/%2e%2e/index.html",
                                          "/../etc/passwd",
                                          "/..%2f..%2f..%2fetc/passwd",
                                          "/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
                                          "/..",
                                          "/./index.html",
                                          "/out",
                                          "/sub/far/etc/passwd",
                                          "/sub/far/",
                                          "/fifo",
                                          "/index.html/",
                                          "/index.html/x",
                                          "/..%5c..%5cetc/passwd"};
    for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++) {
        int status = ask(nothing[i]);
        if (status != 404) FAIL("%s: %d", nothing[i], status);
        CHECK(!has("root:"));
    }
    CHECK_EQ(ask("/%00"), 400);
    CHECK_EQ(ask("/a%2"), 400);
    CHECK_EQ(ask("/index.html%00.png"), 400);
    char deep[8192] = "/";
    memset(deep + 1, 'a', 900);
    CHECK_EQ(ask(deep), 404); /* a name that no file system has */
    END();
    return 0;
}

STATIC_TEST(what_may_not_be_read_is_403) {
    put_file("mine", "x");
    if (geteuid() == 0) return 0; /* root may */
    CHECK_EQ(sys_chmod(in("mine"), 0), 0);
    SERVE(.index = NULL);
    CHECK_EQ(ask("/mine"), 403);
    END();
    return 0;
}

STATIC_TEST(hidden_files_when_they_are_wanted) {
    put_file(".secret", "told");
    SERVE(.hidden = true);
    CHECK_EQ(ask("/.secret"), 200);
    CHECK_EQ(ask("/../.secret"), 404);
    END();
    return 0;
}

STATIC_TEST(methods) {
    put_letters("f", 50000);
    SERVE(.index = NULL);
    CHECK_EQ(ask_with("HEAD /f", ""), 200);
    CHECK_STR(header("Content-Length"), "50000");
    CHECK_STR(body(), "");
    CHECK_EQ(ask_with("POST /f", "Content-Length: 0\r\n"), 405);
    CHECK_STR(header("Allow"), "GET, HEAD, OPTIONS");
    CHECK_EQ(ask_with("OPTIONS /f", ""), 204);
    CHECK_STR(header("Allow"), "GET, HEAD, OPTIONS");
    CHECK_EQ(ask("/f"), 200);
    CHECK_STR(body(), letters);
    END();
    return 0;
}

STATIC_TEST(options_of_a_folder) {
    put_file("home.htm", "home");
    put_file("a.foo", "foo");
    SERVE(.index = "home.htm", .cache_control = "max-age=60",
          .types = HOB_TYPES({"foo", "text/x-foo"}, {"htm", "text/x-mine"}));
    CHECK_EQ(ask("/"), 200);
    CHECK_STR(body(), "home");
    CHECK_STR(header("Content-Type"), "text/x-mine");
    CHECK_STR(header("Cache-Control"), "max-age=60");
    CHECK_EQ(ask("/a.foo"), 200);
    CHECK_STR(header("Content-Type"), "text/x-foo");
    END();
    CHECK_EQ(hob_static_open(&files, in("none"), .listings = true), -ENOENT);
    CHECK_EQ(hob_static_open(&files, in("a.foo"), .listings = true), -ENOTDIR);
    return 0;
}

TEST(types_by_extension) {
    CHECK_STR(hob_type_of("a.html"), "text/html; charset=utf-8");
    CHECK_STR(hob_type_of("a.tar.GZ"), "application/gzip");
    CHECK_STR(hob_type_of("7z.7z"), "application/x-7z-compressed");
    CHECK_STR(hob_type_of("x.zst"), "application/zstd");
    CHECK_STR(hob_type_of("a.d/README"), "application/octet-stream");
    CHECK_STR(hob_type_of("a.nobody"), "application/octet-stream");
    CHECK_STR(hob_type_of(""), "application/octet-stream");
}

/* ---- conditions (RFC 9110, 13) ---- */

STATIC_TEST(conditions) {
    put_file("f", "text");
    SERVE(.index = NULL);
    char line[200];
    CHECK_EQ(ask("/f"), 200);
    char tag[100], changed[100];
    snprintf(tag, sizeof tag, "%s", header("ETag"));
    snprintf(changed, sizeof changed, "%s", header("Last-Modified"));
    const char *early = "Mon, 01 Jan 2001 00:00:00 GMT", *late = "Fri, 01 Jan 2100 00:00:00 GMT";
    struct {
        const char *name, *before, *value, *behind;
        int status;
    } rows[] = {
        {"If-None-Match", "", tag, "", 304},
        {"If-None-Match", "W/", tag, "", 304},
        {"If-None-Match", "\"x\", ", tag, " , \"y\"", 304},
        {"If-None-Match", "*", "", "", 304},
        {"If-None-Match", "\"x\"", "", "", 200},
        {"If-None-Match", "\"", tag, "", 200}, /* malformed */
        {"If-Match", "", tag, "", 200},
        {"If-Match", "*", "", "", 200},
        {"If-Match", "W/", tag, "", 412}, /* weak tags never match strongly */
        {"If-Match", "\"x\"", "", "", 412},
        {"If-Modified-Since", "", changed, "", 304},
        {"If-Modified-Since", "", late, "", 304},
        {"If-Modified-Since", "", early, "", 200},
        {"If-Modified-Since", "soon", "", "", 200}, /* no date: no condition */
        {"If-Modified-Since", "Sunday, 06-Nov-50 08:49:37 GMT", "", "", 304},
        {"If-Modified-Since", "Sun Nov  6 08:49:37 2050", "", "", 304},
        {"If-Modified-Since", "Sun, 06 Nov 2050 08:49:37 +0200", "", "", 200},
        {"If-Modified-Since", "Sun Nov 06 2050 08:49:37 GMT+0200", "", "", 200},
        {"If-Unmodified-Since", "", changed, "", 200},
        {"If-Unmodified-Since", "", early, "", 412},
        {"If-Unmodified-Since", "soon", "", "", 200},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(line, sizeof line, "%s: %s%s%s\r\n", rows[i].name, rows[i].before, rows[i].value,
                 rows[i].behind);
        int status = ask_with("GET /f", line);
        if (status != rows[i].status) FAIL("%s%d, not %d", line, status, rows[i].status);
        if (status == 304) CHECK(strcmp(body(), "") == 0 && strcmp(header("ETag"), tag) == 0);
    }
    /* If-None-Match makes If-Modified-Since mean nothing, If-Match the other one (13.2.2). */
    snprintf(line, sizeof line, "If-None-Match: \"x\"\r\nIf-Modified-Since: %s\r\n", late);
    CHECK_EQ(ask_with("GET /f", line), 200);
    snprintf(line, sizeof line, "If-Match: %s\r\nIf-Unmodified-Since: %s\r\n", tag, early);
    CHECK_EQ(ask_with("GET /f", line), 200);
    put_file("f", "other");
    snprintf(line, sizeof line, "If-None-Match: %s\r\n", tag);
    CHECK_EQ(ask_with("GET /f", line), 200);
    END();
    return 0;
}

/* "Wed" begins as the weak tag W/"..." does. */
TEST(dates_of_every_day_are_grounds_for_parts) {
    char date[HOB__DATE_SIZE];
    const int64_t day = 86400;
    for (int64_t t = 0; t < 7 * day; t += day) {
        struct hob__validators same = {"\"a\"", t}, later = {"\"a\"", t + 1};
        struct hob__conditions c = {.if_range = date};
        hob__http_date(t, date);
        if (!hob__conditions_range(&c, &same)) FAIL("%s", date);
        CHECK(!hob__conditions_range(&c, &later));
    }
}

/* ---- ranges (RFC 9110, 14) ---- */

TEST(ranges_that_headers_ask_for) {
    struct {
        const char *header;
        int64_t size;
        int count;
        int64_t from, bytes; /* of the first */
    } rows[] = {
        {"bytes=0-0", 10, 1, 0, 1},
        {"bytes=2-5", 10, 1, 2, 4},
        {"Bytes=2-", 10, 1, 2, 8},
        {"bytes=-3", 10, 1, 7, 3},
        {"bytes=-30", 10, 1, 0, 10},
        {"bytes=5-100", 10, 1, 5, 5},
        {"bytes=9-99999999999999999999999", 10, 1, 9, 1},
        {"bytes= 1-1 , ,3-3", 10, 2, 1, 1},
        {"bytes=3-3,1-1", 10, 2, 3, 1}, /* in the client's order */
        {"bytes=1-1,10-", 10, 1, 1, 1}, /* the second one is not there */
        {"bytes=10-", 10, -1, 0, 0},
        {"bytes=99999999999999999999-", 10, -1, 0, 0},
        {"bytes=-0", 10, -1, 0, 0},
        {"bytes=0-", 0, -1, 0, 0},
        {"bytes=5-2", 10, 0, 0, 0},
        {"bytes=", 10, 0, 0, 0},
        {"bytes=,", 10, 0, 0, 0},
        {"bytes=a-b", 10, 0, 0, 0},
        {"bytes=1-2x", 10, 0, 0, 0},
        {"bytes=--1", 10, 0, 0, 0},
        {"bytes=-", 10, 0, 0, 0},
        {"bytes=+1-2", 10, 0, 0, 0},
        {"lines=1-2", 10, 0, 0, 0},
        {"bytes 1-2", 10, 0, 0, 0},
        {"bytes=0-5,3-7", 10, 0, 0, 0}, /* overlapping: the whole is cheaper */
        {"bytes=0-4,5-9", 10, 0, 0, 0}, /* all of it */
        {"bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,20-20,22-22,24-24,26-26,28-28,"
         "30-30,32-32",
         100, 0, 0, 0}, /* too many */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct hob__range r[HOB__RANGES] = {{0}};
        int count = hob__ranges_parse(rows[i].header, rows[i].size, r);
        if (count != rows[i].count) FAIL("%s: %d", rows[i].header, count);
        if (count > 0 && (r[0].from != rows[i].from || r[0].size != rows[i].bytes))
            FAIL("%s: %lld+%lld", rows[i].header, (long long)r[0].from, (long long)r[0].size);
    }
}

STATIC_TEST(parts_of_a_file) {
    char line[200];
    put_letters("f.txt", 100000);
    SERVE(.index = NULL);
    CHECK_EQ(ask_with("GET /f.txt", "Range: bytes=2-5\r\n"), 206);
    CHECK_STR(body(), "cdef");
    CHECK_STR(header("Content-Range"), "bytes 2-5/100000");
    CHECK_EQ(ask_with("HEAD /f.txt", "Range: bytes=2-5\r\n"), 200); /* for GET only */
    CHECK_EQ(ask_with("GET /f.txt", "Range: bytes=-100000\r\n"), 206);
    CHECK_STR(body(), letters);
    CHECK_EQ(ask_with("GET /f.txt", "Range: bytes=100000-\r\n"), 416);
    CHECK_STR(header("Content-Range"), "bytes */100000");
    CHECK_EQ(ask_with("GET /f.txt", "Range: lines=1-2\r\n"), 200);
    CHECK_EQ(ask_with("GET /f.txt", "Range: bytes=0-1,26-27\r\n"), 206);
    CHECK(strncmp(header("Content-Type"), "multipart/byteranges; boundary=", 31) == 0);
    char expected[1000];
    const char *boundary = header("Content-Type") + 31;
    snprintf(expected, sizeof expected,
             "--%s\r\nContent-Type: text/plain; charset=utf-8\r\n"
             "Content-Range: bytes 0-1/100000\r\n\r\nab\r\n--%s\r\n"
             "Content-Type: text/plain; charset=utf-8\r\n"
             "Content-Range: bytes 26-27/100000\r\n\r\nab\r\n--%s--\r\n",
             boundary, boundary, boundary);
    CHECK_STR(body(), expected);
    snprintf(line, sizeof line, "%zu", strlen(expected));
    CHECK_STR(header("Content-Length"), line);
    char tag[100], changed[100];
    snprintf(tag, sizeof tag, "%s", header("ETag"));
    snprintf(changed, sizeof changed, "%s", header("Last-Modified"));
    struct {
        const char *before, *value;
        int status;
    } rows[] = {{"", tag, 206},
                {"W/", tag, 200},
                {"\"x\"", "", 200},
                {"", changed, 206},
                {"Mon, 01 Jan 2001 00:00:00 GMT", "", 200}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(line, sizeof line, "Range: bytes=0-1\r\nIf-Range: %s%s\r\n", rows[i].before,
                 rows[i].value);
        int status = ask_with("GET /f.txt", line);
        if (status != rows[i].status) FAIL("%s: %d", line, status);
    }
    END();
    return 0;
}

/* ---- packed bodies ---- */

TEST(packings_that_are_accepted) {
    struct {
        const char *header;
        unsigned takes;
    } rows[] = {{NULL, 0},
                {"", 0},
                {"gzip", 1 << HOB__PACK_GZIP},
                {"x-gzip, deflate", 1 << HOB__PACK_GZIP},
                {"GZIP;q=0.5 , br;q=0", 1 << HOB__PACK_GZIP},
                {"gzip;q=0.000, zstd ; q=0.001", 1 << HOB__PACK_ZSTD},
                {"*", 7},
                {"*;q=0, br", 1 << HOB__PACK_BR},
                {"br;q=0, *", 6},
                {"gzip;xq=0, br;a=q=0;Q=0", 1 << HOB__PACK_GZIP}, /* found by coding_fuzz */
                {"gzip2, bro, identity", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct hob__wishes w = hob__packings_wanted(rows[i].header);
        unsigned takes = 0;
        for (unsigned p = 0; p < HOB__PACKINGS; p++)
            if (w.packed[p]) takes |= 1u << p;
        if (takes != rows[i].takes) FAIL("%s: %u", rows[i].header ? rows[i].header : "-", takes);
    }
}

/* The order of the wishes: "br zstd" for equal ones, "br>gzip" else. */
TEST(packings_that_are_liked_better) {
    static const struct {
        const char *header, *order;
    } rows[] = {{"gzip, br", "br gzip"},
                {"gzip, br;q=0.9", "gzip>br"},
                {"br;q=0.001, zstd;q=0.01, gzip;q=0.1", "gzip>zstd>br"},
                {"br;q=0.5, *;q=0.7", "zstd gzip>br"},
                {"br;q=1.000, gzip;q=1.", "br gzip"},
                {"br;q=7, gzip;q=.5, zstd;q=x", "br>gzip"}, /* no numbers */
                {"gzip;q=0.5, identity", ""},
                {"gzip;q=0.5, identity;q=0.5, br;q=0.4", "gzip"},
                {"gzip;q=0.1, identity;q=0", "gzip"},
                {"*;q=0.1, identity;q=0.2", ""}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct hob__wishes w = hob__packings_wanted(rows[i].header);
        char order[40] = "";
        for (unsigned q = 5000; (q = hob__next_wish(&w, q)) > 0;) {
            const char *between = *order ? ">" : "";
            for (unsigned p = 0; p < HOB__PACKINGS; p++) {
                if (w.packed[p] != q) continue;
                strcat(strcat(order, between), hob__packing_name(p));
                between = " ";
            }
        }
        CHECK_STR(order, rows[i].order);
    }
}

STATIC_TEST(the_clients_wish_decides) {
    put_letters("a.css", 30000);
    put_file("a.css.gz", "as if packed");
    SERVE(.compress = true);
    CHECK_EQ(ask_with("GET /a.css", "Accept-Encoding: br, gzip\r\n"), 200);
    CHECK_STR(header("Content-Encoding"), "gzip"); /* costs nothing */
    if (hob__packing_built(HOB__PACK_BR)) {
        CHECK_EQ(ask_with("GET /a.css", "Accept-Encoding: br, gzip;q=0.8\r\n"), 200);
        CHECK_STR(header("Content-Encoding"), "br");
        CHECK_EQ(ask_with("GET /a.css", "Accept-Encoding: br;q=0.7, gzip;q=0.8\r\n"), 200);
        CHECK_STR(header("Content-Encoding"), "gzip");
    }
    CHECK_EQ(ask_with("GET /a.css", "Accept-Encoding: gzip;q=0.8, identity\r\n"), 200);
    CHECK(!header("Content-Encoding"));
    CHECK_STR(body(), letters);
    END();
    return 0;
}

STATIC_TEST(a_file_beside_it_that_is_packed) {
    if (simulated()) return 0; /* nobody sets times there */
    put_letters("a.css", 30000);
    put_file("a.css.gz", "as if packed");
    put_file("b.css", "b");
    put_file("b.css.gz", "older");
    struct timeval old[2] = {{1000, 0}, {1000, 0}};
    CHECK_EQ(utimes(in("b.css.gz"), old), 0);
    SERVE(.index = NULL);
    CHECK_EQ(ask_with("GET /a.css", "Accept-Encoding: br, gzip\r\n"), 200);
    CHECK_STR(body(), "as if packed");
    CHECK_STR(header("Content-Encoding"), "gzip");
    CHECK_STR(header("Content-Type"), "text/css; charset=utf-8");
    CHECK_STR(header("Vary"), "Accept-Encoding");
    CHECK(strstr(header("ETag"), "-gzip\"") != NULL);
    char line[200];
    snprintf(line, sizeof line, "Accept-Encoding: gzip\r\nIf-None-Match: %s\r\n", header("ETag"));
    CHECK_EQ(ask_with("GET /a.css", line), 304);
    CHECK_EQ(ask("/a.css"), 200);
    CHECK_STR(body(), letters);
    CHECK(!header("Content-Encoding"));
    CHECK_STR(header("Vary"), "Accept-Encoding");
    CHECK_EQ(ask_with("GET /b.css", "Accept-Encoding: gzip\r\n"), 200);
    CHECK_STR(body(), "b");
    CHECK_EQ(ask("/a.css.gz"), 200); /* as what it is */
    CHECK_STR(header("Content-Type"), "application/gzip");
    CHECK(!header("Content-Encoding"));
    END();
    return 0;
}

static int get_packed(const char *coding, const char *expected) {
    HOB_CLIENT(client);
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    const char *text;
    CHECK_EQ(hob_client_request(client, "GET", url_of(listener, "/a.txt"), &res,
                                .headers = HOB_HEADERS({"Accept-Encoding", coding})),
             0);
    CHECK_STR(hob_response_header(res, "content-encoding"), coding);
    CHECK_EQ(hob_response_body(res, &text, NULL), 0);
    (void)expected;
    return 0;
}

STATIC_TEST(compressed_on_the_way_and_kept) {
    if (!hob__packing_built(HOB__PACK_GZIP)) return 0;
    put_letters("a.txt", 30000);
    put_letters("a.png", 30000);
    put_file("tiny.txt", "tiny");
    SERVE(.compress = true, .compress_memory = 20000);
    for (unsigned p = 0; p < HOB__PACKINGS; p++) {
        if (!hob__packing_built(p)) continue;
        HOB_TRY(get_packed(hob__packing_name(p), letters));
        HOB_CLIENT(client);
        struct hob_body got = {0};
        /* What the client unpacks is what was there. */
        CHECK_EQ(hob_get(client, url_of(listener, "/a.txt"), &got), 200);
        CHECK_STR(got.data, letters);
        hob_body_free(&got);
    }
    CHECK_EQ(ask_with("GET /a.txt", "Accept-Encoding: gzip\r\n"), 200);
    size_t packed = (size_t)atoi(header("Content-Length"));
    CHECK(packed > 20 && packed < 3000);
    CHECK_EQ(ask_with("HEAD /a.txt", "Accept-Encoding: gzip\r\n"), 200);
    CHECK_EQ((size_t)atoi(header("Content-Length")), packed);
    /* A part is one of the file itself. */
    CHECK_EQ(ask_with("GET /a.txt", "Accept-Encoding: gzip\r\nRange: bytes=0-2\r\n"), 206);
    CHECK_STR(body(), "abc");
    CHECK_EQ(ask_with("GET /a.png", "Accept-Encoding: gzip\r\n"), 200);
    CHECK(!header("Content-Encoding") && !header("Vary"));
    CHECK_EQ(ask_with("GET /tiny.txt", "Accept-Encoding: gzip\r\n"), 200);
    CHECK_STR(body(), "tiny");
    /* Changed, it is packed anew. */
    for (size_t i = 0; i < 20000; i++) letters[i] = (char)('0' + i % 10);
    letters[20000] = 0;
    put_file("a.txt", letters);
    HOB_CLIENT(client);
    struct hob_body got = {0};
    CHECK_EQ(hob_get(client, url_of(listener, "/a.txt"), &got), 200);
    CHECK_STR(got.data, letters);
    hob_body_free(&got);
    END();
    return 0;
}

STATIC_TEST(what_is_kept_is_bounded) {
    if (!hob__packing_built(HOB__PACK_GZIP)) return 0;
    char name[32];
    char *noise = malloc(9001);
    for (int f = 0; f < 20; f++) { /* half noise: packs to about half */
        for (int i = 0; i < 9000; i++) noise[i] = (char)(i % 2 ? 'x' : 'A' + (rand() >> 8) % 50);
        noise[9000] = 0;
        snprintf(name, sizeof name, "n%d.txt", f);
        put_file(name, noise);
    }
    free(noise);
    SERVE(.compress = true, .compress_memory = 20000);
    long before = hob__alloc_live();
    for (int round = 0; round < 3; round++)
        for (int f = 0; f < 20; f++) {
            snprintf(name, sizeof name, "/n%d.txt", f);
            CHECK_EQ(
                ask_with(strcat(memmove(answer, "GET ", 5), name), "Accept-Encoding: gzip\r\n"),
                200);
            CHECK_STR(header("Content-Encoding"), "gzip");
        }
    CHECK(hob__alloc_live() - before < 40); /* a few entries, two blocks each */
    END();
    return 0;
}

/* ---- listings ---- */

STATIC_TEST(listings) {
    if (simulated()) return 0; /* as above; and /proc is not there */
    put_file("b<i>&\"'.txt", "x");
    put_file("javascript:alert(1)", "x");
    put_file(".hidden", "x");
    CHECK_EQ(sys_mkdir(in("zfolder"), 0755), 0);
    put_file("zfolder/in", "x");
    CHECK_EQ(symlink("/etc/passwd", in("leads-out")), 0);
    CHECK_EQ(symlink("zfolder/in", in("leads-in")), 0);
    SERVE(.listings = true);
    CHECK_EQ(ask("/"), 200);
    CHECK_STR(header("Content-Type"), "text/html; charset=utf-8");
    CHECK(has("<a href=\"./b%3Ci%3E%26%22%27.txt\">b&lt;i&gt;&amp;&quot;&#39;.txt</a>"));
    CHECK(has("<a href=\"./javascript%3Aalert%281%29\">"));
    CHECK(has("<a href=\"./zfolder/\">zfolder/</a>"));
    CHECK(has("leads-in") == follows_links());
    CHECK(!has("leads-out") && !has(".hidden") && !has("\"../\""));
    CHECK(strstr(answer, "zfolder/") < strstr(answer, "javascript")); /* folders first */
    CHECK_EQ(ask("/zfolder/"), 200);
    CHECK(has("<h1>/zfolder/</h1>") && has("\"../\""));
    put_file("index.html", "instead");
    CHECK_EQ(ask("/"), 200);
    CHECK_STR(body(), "instead");
    END();
    return 0;
}

/* ---- below a folder ---- */

FILE_TEST(nothing_leads_out_of_a_folder) {
    struct hob_file *top, *f = NULL;
    CHECK_EQ(sys_mkdir(in("top"), 0755), 0);
    CHECK_EQ(sys_mkdir(in("top/sub"), 0755), 0);
    put_file("top/sub/f", "f");
    put_file("outside", "o");
    CHECK_EQ(hob_open_flags(in("top"), O_RDONLY | O_DIRECTORY, 0, &top), 0);
    CHECK_EQ(hob_open_below(top, "sub/f", &f), 0);
    CHECK_STR(hob_file_path(f), "sub/f");
    char byte;
    CHECK_EQ(hob_file_read(f, &byte, 1), 1);
    CHECK_EQ(byte, 'f');
    hob_file_close(f);
    CHECK_EQ(hob_open_below(top, ".", &f), 0);
    hob_file_close(f);
    CHECK_EQ(hob_open_below(top, "none", &f), -ENOENT);
    CHECK_EQ(hob_open_below(top, "..", &f), -EXDEV);
    CHECK_EQ(hob_open_below(top, "../outside", &f), -EXDEV);
    CHECK_EQ(hob_open_below(top, "/etc/passwd", &f), -EXDEV);
    if (!simulated()) {
        CHECK_EQ(hob_open_below(top, "sub/../../outside", &f), -EXDEV);
        CHECK_EQ(symlink("../outside", in("top/link")), 0);
        CHECK_EQ(symlink("/etc", in("top/etc")), 0);
        int rc = hob_open_below(top, "link", &f);
        CHECK(rc == -EXDEV || rc == -ELOOP);
        rc = hob_open_below(top, "etc/passwd", &f);
        CHECK(rc == -EXDEV || rc == -ELOOP || rc == -ENOTDIR);
    }
    hob_file_close(top);
    return 0;
}

TEST_MAIN()
