/* http_peers.c - the client before servers of others, for http_peers_test.sh:
 *
 *   http_peers static BASE FOLDER SERVER     files: small, large, lines; a folder; nothing at /none
 *   http_peers app BASE FOLDER SERVER        what is sent comes back, as the server understood it
 *
 * A line for each check; the exit status is 1 when one has failed. */
#include <fcntl.h>
#include <hob/download.h>
#include <hob/file.h>
#include <hob/hob.h>
#include <hob/http_json.h>
#include <hob/line.h>
#include <hob/multipart.h>
#include <hob/sse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGE = 5000000 };

static const char *server;
static int failed;

static void told(bool ok, const char *name, const char *words) {
    const struct hob_error *e = hob_error();
    if (ok) {
        printf("ok %s: %s\n", server, name);
    } else {
        printf("FAIL %s: %s: %s%s%s\n", server, name, words ? words : "", e ? "; " : "",
               e ? e->message : "");
        failed++;
    }
    hob_error_clear();
}
#define CHECK(fact, name) told((fact), (name), #fact)
#define CHECK_TEXT(text, is, name)                                                                 \
    do {                                                                                           \
        const char *got = (text);                                                                  \
        told(strcmp(got, (is)) == 0, (name), got);                                                 \
    } while (0)

/* The whole answer as a text of at most 4000 bytes; "" and the record when there is none. */
static const char *answer(struct hob_client *c, const char *method, const char *path, int *status,
                          struct hob_fetch_options options) {
    static char text[4001];
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    const char *data;
    size_t n;
    text[0] = 0;
    *status = hob__client_request(c, method, path, &res, options);
    if (*status < 0) return text;
    *status = hob_response_status(res);
    int rc = hob_response_body(res, &data, &n);
    if (rc < 0) *status = rc;
    if (rc == 0) snprintf(text, sizeof text, "%s", data);
    return text;
}
#define ANSWER(method, path, ...)                                                                  \
    answer(c, method, path, &status, HOB__OPTIONS(hob_fetch_options, __VA_ARGS__))

static bool same_files(const char *a, const char *b) {
    char *x, *y;
    size_t n, m;
    if (hob_read_file(a, &x, &n, LARGE + 1) < 0) return false;
    bool same = hob_read_file(b, &y, &m, LARGE + 1) >= 0;
    if (same) {
        same = n == m && memcmp(x, y, n) == 0;
        hob_file_free(y);
    }
    hob_file_free(x);
    return same;
}

/* ---- files ---- */

static int until_half(void *arg, int64_t done, int64_t total) {
    (void)arg;
    return done > total / 2 ? -EINTR : 0;
}

static int count_lines(struct hob_client *c, int *n) {
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    HOB_TRY(hob_client_request(c, "GET", "lines", &res));
    HOB_EACH_LINE(line, res) if (atoi(line.text) == *n)++ *n;
    return 0;
}

static void resume(struct hob_client *c, const char *folder) {
    char from[300], to[300];
    int64_t resumed = -1, size = 0;
    snprintf(from, sizeof from, "%s/large", folder);
    snprintf(to, sizeof to, "%s/got-%s", folder, server);
    CHECK(hob_download(c, "large", to) == LARGE && same_files(from, to), "a download");
    hob_unlink(to);
    int rc = (int)hob_download(c, "large", to, .resume = true, .max = LARGE - 1);
    CHECK(rc == HOB_E_LIMIT, "a file that is larger than wanted");
    rc = (int)hob_download(c, "large", to, .resume = true, .progress = until_half);
    CHECK(rc == -EINTR, "a download that is broken off");
    size = hob_download(c, "large", to, .resume = true, .resumed = &resumed);
    CHECK(resumed > LARGE / 2 && size == LARGE && same_files(from, to),
          "a download that is taken up again");
    hob_unlink(to);
}

/* What a server says to the rest of a part whose validator is an old one. */
static void changed(struct hob_client *c, const char *folder, const char *url) {
    char from[300], to[300], part[310], info[320], text[400];
    snprintf(from, sizeof from, "%s/large", folder);
    snprintf(to, sizeof to, "%s/new-%s", folder, server);
    snprintf(part, sizeof part, "%s.part", to);
    snprintf(info, sizeof info, "%s.part.info", to);
    int n = snprintf(text, sizeof text, "hob-part 1\n%s\n\"of another time\"\n", url);
    hob_write_file(part, "0123456789", 10);
    hob_write_file(info, text, (size_t)n);
    CHECK(hob_download(c, url, to, .resume = true) == LARGE && same_files(from, to),
          "a part of something else is not gone on with");
    hob_unlink(to);
}

static int files(const char *base, const char *folder) {
    int status, lines = 0;
    struct hob_client_info info;
    HOB_CLIENT(c, .base_url = base, .timeout = 30);
    for (int i = 0; i < 5; i++)
        CHECK_TEXT(ANSWER("GET", "small"), "hello, world\n", "a small file");
    hob_client_info(c, &info);
    CHECK(info.opened == 1, "one connection for all of them");
    ANSWER("HEAD", "large");
    CHECK(status == 200, "HEAD");
    ANSWER("GET", "none");
    CHECK(status == 404, "nothing there");
    ANSWER("GET", "folder");
    CHECK(status == 200, "a redirect to the folder");
    CHECK(count_lines(c, &lines) == 0 && lines == 100000, "line by line");
    for (int i = 0; i < 3; i++) { /* left early: the next answer is the right one */
        struct hob_response *res = NULL;
        char buf[100];
        CHECK(hob_client_request(c, "GET", "large", &res) == 0 &&
                  hob_response_read(res, buf, sizeof buf) > 0,
              "left early");
        hob_response_close(res);
        CHECK_TEXT(ANSWER("GET", "small"), "hello, world\n", "a small file behind it");
    }
    resume(c, folder);
    changed(c, folder, "large");
    ANSWER("GET", "large", .headers = HOB_HEADERS({"Range", "bytes=99999999-"}));
    CHECK(status == 416 || status == 200, "a range beyond the end");
    hob_client_info(c, &info);
    CHECK(info.in_use == 0 && info.waiting == 0, "all connections came back");
    return 0;
}

/* ---- an application that says what it understood ---- */

struct note {
    int64_t id;
    char *text;
};
HOB_MODEL(note, struct note, HOB_FIELD(id), HOB_FIELD(text))

static int pieces(struct hob_generator *gen, int count) {
    char text[32];
    for (int i = 0; i < count; i++) {
        int n = snprintf(text, sizeof text, "%d,", i);
        HOB_TRY(hob_yield(gen, ((struct hob_slice){text, (size_t)n})));
    }
    return 0;
}
HOB_GENERATOR(pieces, struct hob_slice, int)

static void json(struct hob_client *c) {
    HOB_ARENA(memory);
    struct note n = {7, (char *)"\xc3\xa4 \"quoted\""}, back = {0};
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    int rc = hob_client_request(c, "POST", "echo", &res, HOB_JSON_OF(note, &n));
    if (rc == 0) rc = hob_response_json(res, note, &back, &memory);
    CHECK(rc == 0 && hob_model_equal(note, &n, &back) == 1, "JSON there and back");
}

static void trailers(struct hob_client *c) {
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    const char *data;
    int rc = hob_client_request(c, "GET", "trailers", &res);
    if (rc == 0) rc = hob_response_body(res, &data, NULL);
    const char *sum = rc == 0 ? hob_response_trailer(res, "x-sum") : NULL;
    CHECK(sum && strcmp(sum, "42") == 0, "trailers");
}

static void events(struct hob_client *c) {
    HOB_SSE(stream);
    struct hob_sse_event e;
    int rc = hob_sse_open(&stream, c, "events"), n = 0;
    while (rc >= 0 && (rc = hob_sse_next(stream, &e)) > 0)
        if (atoi(e.data) == n + 1 && atoi(e.id) == n + 1) n++;
    CHECK(rc == 0 && n == 30, "events over several connections");
}

static int application(const char *base, const char *folder) {
    int status;
    char file[300], large[300];
    struct hob_client_info info;
    HOB_CLIENT(c, .base_url = base, .timeout = 30);
    snprintf(file, sizeof file, "%s/small", folder);
    snprintf(large, sizeof large, "%s/large", folder);
    CHECK_TEXT(ANSWER("GET", "query", .query = HOB_PARAMS({"a", "1 & 2=3"}, {"b", "\xc3\xa4+%"})),
               "a=1 & 2=3;b=\xc3\xa4+%;", "a query");
    CHECK_TEXT(ANSWER("POST", "form", .form = HOB_PARAMS({"a", "1 & 2=3"}, {"b", "\xc3\xa4+%"})),
               "a=1 & 2=3;b=\xc3\xa4+%;", "a form");
    CHECK_TEXT(
        ANSWER("POST", "multipart",
               .multipart = HOB_PARTS(
                   {.name = "a", .value = "1\r\n--x"}, {.name = "q\"", .value = "2"},
                   {.name = "f", .path = file, .filename = "s\".txt", .type = "text/plain"})),
        "a=1\r\n--x;q\"=2;f=[s\".txt text/plain 13];", "parts and a file");
    json(c);
    {
        HOB_GEN(g, pieces, 10);
        CHECK_TEXT(ANSWER("POST", "echo", HOB_BODY_OF(g)), "0,1,2,3,4,5,6,7,8,9,", "chunks");
    }
    CHECK_TEXT(ANSWER("POST", "count", .body_file = large), "5000000", "a file as a body");
    CHECK_TEXT(ANSWER("POST", "count", .body_file = large, .expect_continue = 5), "5000000",
               "the same, when the server says so");
    ANSWER("POST", "refuse", .body_file = large, .expect_continue = 5);
    CHECK(status == 413, "a server that does not want it");
    trailers(c);
    events(c);
    CHECK_TEXT(ANSWER("GET", "query", .query = HOB_PARAMS({"z", ""})), "z=;", "and again");
    hob_client_info(c, &info);
    CHECK(info.in_use == 0 && info.waiting == 0, "all connections came back");
    return 0;
}

static int app(int argc, char **argv) {
    if (argc != 5) return hob_fail(-EINVAL, "usage: http_peers static|app BASE FOLDER SERVER");
    server = argv[4];
    HOB_TRY((strcmp(argv[1], "app") == 0 ? application : files)(argv[2], argv[3]));
    return failed ? hob_fail(-EPROTO, "%d checks failed", failed) : 0;
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
