/* multipart_test.c - bodies of several parts: what is sent, what is read of it, what strangers
 * send.
 */
#include <fcntl.h>
#include <hob/file.h>
#include <hob/multipart.h>
#include <hob/process.h>

#include "http/media.h"
#include "http/multipart.h"
#include "http_test.h"

/* ---- values with parameters ---- */

TEST(parameters) {
    static const struct {
        const char *value, *name, *is; /* NULL: none, "!": malformed */
    } rows[] = {
        {"form-data; name=\"a\"", "name", "a"},
        {"form-data;name=a;filename=\"b.txt\"", "filename", "b.txt"},
        {"form-data; NAME=\"a\"", "name", "a"},
        {"form-data", "name", NULL},
        {"form-data; filename=\"name=x\"", "name", NULL},
        {"form-data; name=\"a\\\"b\\\\c\\d\"", "name", "a\"b\\c\\d"},
        {"form-data; name=\"C:\\dir\\file\"", "name", "C:\\dir\\file"},
        {"form-data; name=\"\"", "name", ""},
        {"form-data; name=a;", "name", "a"},
        {"form-data; name=a; name=b", "name", "!"},
        {"form-data; name=\"a", "name", "!"},
        {"form-data; name", "name", "!"},
        {"form-data; name=", "name", "!"},
        {"form-data; name=a b", "name", "!"},
        {"form-data; name=\"a\"b", "name", "!"},
        {"form-data; =b; name=a", "name", "!"},
        {"multipart/mixed; boundary=\"a b\"", "boundary", "a b"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[64];
        int rc = hob__media_param(rows[i].value, rows[i].name, out, sizeof out);
        const char *is = rows[i].is;
        if (!is ? rc != -ENOENT : *is == '!' ? rc != -EINVAL : rc < 0 || strcmp(out, is) != 0)
            FAIL("row %zu: %d %s", i, rc, rc >= 0 ? out : "");
    }
    CHECK(hob__media_is("Multipart/Form-Data; x=y", "multipart/form-data"));
    CHECK(hob__media_is("multipart/mixed", "multipart/"));
    CHECK(!hob__media_is("multipart/form-database", "multipart/form-data"));
    CHECK(!hob__media_is("text/plain", "multipart/"));
}

/* ---- from memory, in pieces ---- */

struct source {
    const char *at;
    size_t left, most;
    int waits;
};

static ssize_t give(void *arg, void *buf, size_t n) {
    struct source *s = arg;
    if (s->waits) HOB_TRY(hob_yield_now());
    if (n > s->most) n = s->most;
    if (n > s->left) n = s->left;
    memcpy(buf, s->at, n);
    s->at += n;
    s->left -= n;
    return (ssize_t)n;
}

/* Everything as a text: "name(filename,type)=value;" ..., and the error's name. */
static int read_all(const char *type, const char *body, size_t most,
                    struct hob_multipart_options options, char *out) {
    struct source from = {body, strlen(body), most, 0};
    HOB_MULTIPART(m);
    struct hob_multipart_part part;
    struct hob_slice value;
    int rc = hob__multipart_open(type, give, &from, &m, options);
    *out = 0;
    while (rc >= 0 && (rc = hob_multipart_next(m, &part)) > 0) {
        out +=
            sprintf(out, "%s(%s,%s)=", part.name, part.filename ? part.filename : "-", part.type);
        rc = hob_multipart_value(m, 10000, &value);
        if (rc == 0) out += sprintf(out, "%s;", value.at);
    }
    if (rc < 0 && m) {
        CHECK_EQ(hob_multipart_next(m, &part), rc); /* for ever */
        CHECK_EQ(hob_multipart_read(m, out, 1), rc);
    }
    return rc;
}

#define FORM "multipart/form-data; boundary=B"
#define FIELD(name) "Content-Disposition: form-data; name=\"" name "\"\r\n"

static const struct {
    const char *body, *is;
    int rc;
} bodies[] = {
    {"--B\r\n" FIELD("a") "\r\nhello\r\n--B--\r\n", "a(-,text/plain)=hello;", 0},
    {"--B\r\n" FIELD("a") "\r\n\r\n--B--", "a(-,text/plain)=;", 0},
    {"preamble\r\n--B \t\r\n" FIELD("a") "\r\n1\r\n--B\r\n" FIELD("b") "\r\n2\r\n--B--\r\nepilogue",
     "a(-,text/plain)=1;b(-,text/plain)=2;", 0},
    {"--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x%22.png\"\r\n"
     "Content-Type: image/png\r\n\r\n\r\n-\r\n--\r\n--A\r\n--B--",
     "f(x\".png,image/png)=\r\n-\r\n--\r\n--A;", 0},
    {"--B--", "", 0},
    {"", "", HOB_E_HTTP_CUT},
    {"--B\r\n" FIELD("a") "\r\nhello", "", HOB_E_HTTP_CUT},
    {"--B\r\n" FIELD("a") "\r\nhello\r\n--B", "", HOB_E_HTTP_CUT},
    {"--B\r\n" FIELD("a"), "", HOB_E_HTTP_CUT},
    {"--BB\r\n" FIELD("a") "\r\nhello\r\n--B--", "", HOB_E_MULTIPART},
    {"--B\r\n" FIELD("a") "\r\nhello\r\n--BC\r\n--B--", "", HOB_E_MULTIPART},
    {"--B\n" FIELD("a") "\r\nhello\r\n--B--", "", HOB_E_MULTIPART},
    {"--B\r\nContent-Disposition: form-data; name=\"a\"\n\r\n\r\nx\r\n--B--", "", HOB_E_MULTIPART},
    {"--B\r\nContent-Disposition : form-data; name=\"a\"\r\n\r\nx\r\n--B--", "", HOB_E_MULTIPART},
    {"--B\r\nA: b\r\n c\r\n" FIELD("a") "\r\nx\r\n--B--", "", HOB_E_MULTIPART},
    {"--B\r\nA: \x01\r\n" FIELD("a") "\r\nx\r\n--B--", "", HOB_E_MULTIPART},
    {"--B\r\n\r\nno name\r\n--B--", "", HOB_E_MULTIPART},
    {"--B\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nx\r\n--B--", "", HOB_E_MULTIPART},
    {"--B\r\nContent-Disposition: form-data; name=\"a\"; name=\"b\"\r\n\r\nx\r\n--B--", "",
     HOB_E_MULTIPART},
};

TASK_TEST(forms_in_any_pieces) {
    char out[1000];
    struct hob_multipart_options none = {0};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        for (size_t most = 1; most < 200; most = most < 20 ? most + 1 : most * 3) {
            int rc = read_all(FORM, bodies[i].body, most, none, out);
            if (rc != bodies[i].rc || (rc == 0 && strcmp(out, bodies[i].is) != 0))
                FAIL("row %zu, pieces of %zu: %d %s", i, most, rc, out);
        }
    return 0;
}

TASK_TEST(types_and_boundaries) {
    char out[1000];
    struct hob_multipart_options none = {0};
    const char *body = "--a b\r\nX: 1\r\n\r\n1\r\n--a b--";
    CHECK_EQ(read_all("multipart/mixed; boundary=\"a b\"", body, 99, none, out), 0);
    CHECK_STR(out, "(-,text/plain)=1;");
    CHECK_EQ(read_all(NULL, body, 99, none, out), HOB_E_MULTIPART);
    CHECK_EQ(read_all("text/plain; boundary=B", body, 99, none, out), HOB_E_MULTIPART);
    CHECK_EQ(read_all("multipart/form-data", body, 99, none, out), HOB_E_MULTIPART);
    CHECK_EQ(read_all("multipart/form-data; boundary=", body, 99, none, out), HOB_E_MULTIPART);
    CHECK_EQ(read_all("multipart/form-data; boundary=\"\"", body, 99, none, out), HOB_E_MULTIPART);
    CHECK_EQ(read_all("multipart/form-data; boundary=\"a \"", body, 99, none, out),
             HOB_E_MULTIPART);
    CHECK_EQ(read_all("multipart/form-data; boundary=\"a\\\"\"", body, 99, none, out),
             HOB_E_MULTIPART);
    CHECK_EQ(read_all("multipart/form-data; boundary=a; boundary=b", body, 99, none, out),
             HOB_E_MULTIPART);
    char type[200] = "multipart/form-data; boundary=";
    memset(type + strlen(type), 'b', 71);
    CHECK_EQ(read_all(type, body, 99, none, out), HOB_E_MULTIPART);
    return 0;
}

TASK_TEST(bounds_of_what_is_read) {
    static char body[40000], out[40000];
    struct hob_multipart_options few = {.max_parts = 2}, none = {0};
    strcpy(body, "--B\r\n" FIELD("a") "\r\n1");
    for (int i = 0; i < 2; i++) strcat(body, "\r\n--B\r\n" FIELD("a") "\r\n1");
    strcat(body, "\r\n--B--");
    CHECK_EQ(read_all(FORM, body, 99, none, out), 0);
    CHECK_EQ(read_all(FORM, body, 99, few, out), HOB_E_MULTIPART_PARTS);
    CHECK_HAS(hob_error()->message, "more than 2 parts");
    /* A head without an end, long values, many headers. */
    strcpy(body, "--B\r\nX: ");
    memset(body + strlen(body), 'x', 30000);
    CHECK_EQ(read_all(FORM, body, 1000, none, out), HOB_E_HTTP_HEADERS_TOO_LARGE);
    memset(body, 0, sizeof body);
    strcpy(body, "--B\r\n" FIELD("a") "\r\n");
    memset(body + strlen(body), 'x', 20000);
    strcat(body, "\r\n--B--");
    CHECK_EQ(read_all(FORM, body, 1000, none, out), HOB_E_LIMIT);
    memset(body, 0, sizeof body);
    strcpy(body, "--B\r\n");
    for (int i = 0; i < 20; i++) strcat(body, "X: y\r\n");
    strcat(body, FIELD("a") "\r\n\r\n--B--");
    CHECK_EQ(read_all(FORM, body, 1000, none, out), HOB_E_HTTP_HEADERS_TOO_LARGE);
    memset(body, 0, sizeof body);
    strcpy(body, "--B\r\nContent-Disposition: form-data; name=\"");
    memset(body + strlen(body), 'x', 2000);
    strcat(body, "\"\r\n\r\n\r\n--B--");
    CHECK_EQ(read_all(FORM, body, 1000, none, out), HOB_E_MULTIPART);
    return 0;
}

/* What is not read is passed over; a cancel in the middle takes nothing. */
TASK_TEST(parts_left_and_interrupted) {
    const char *body =
        "--B\r\n" FIELD("a") "\r\n0123456789\r\n--B\r\n" FIELD("b") "\r\nabcdefghij\r\n--B--";
    for (int k = 0; k < 40; k++) {
        struct source from = {body, strlen(body), 3, 1};
        HOB_MULTIPART(m);
        struct hob_multipart_part part;
        char buf[8];
        CHECK_EQ(hob_multipart_open(FORM, give, &from, &m), 0);
        CHECK_EQ(hob_multipart_next(m, &part), 1);
        CHECK(hob_multipart_read(m, buf, 4) > 0);
        CHECK_EQ(hob_multipart_next(m, &part), 1);
        CHECK_STR(part.name, "b");
        struct hob_slice value;
        int rc = hob_within(1e-9 * k * 100, hob_multipart_value(m, 100, &value));
        CHECK(rc == 0 || rc == -ETIMEDOUT);
        CHECK_EQ(hob_multipart_value(m, 100, &value), 0);
        CHECK_STR(value.at, "abcdefghij");
        CHECK_EQ(hob_multipart_next(m, &part), 0);
        CHECK_EQ(hob_multipart_next(m, &part), 0);
    }
    return 0;
}

/* ---- there and back over HTTP ---- */

static char folder[64];

static const char *path_in(const char *name) {
    static char paths[4][128];
    static int next;
    char *path = paths[next++ % 4];
    if (!folder[0]) {
        snprintf(folder, sizeof folder, TEST_PATH, (int)getpid(), "parts");
        CHECK_EQ(hob_mkdir(folder, 0700), 0);
    }
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* Answers with what it read: files go to disk, and are counted. */
static int upload(struct hob_request *req, void *arg) {
    HOB_MULTIPART(parts);
    struct hob_multipart_part part;
    struct hob_slice value;
    char text[4000];
    size_t at = 0;
    int rc;
    (void)arg;
    at += (size_t)sprintf(text, "size=%d ", hob_request_size(req) >= 0);
    HOB_TRY(hob_request_multipart(req, &parts, .max_parts = 10));
    while ((rc = hob_multipart_next(parts, &part)) > 0) {
        at += (size_t)sprintf(text + at, "%s(%s,%s)=", part.name,
                              part.filename ? part.filename : "-", part.type);
        if (part.filename) {
            int64_t n = hob_multipart_save(parts, path_in("saved"), 50 << 20);
            if (n < 0) return (int)n;
            at += (size_t)sprintf(text + at, "%lld;", (long long)n);
        } else {
            HOB_TRY(hob_multipart_value(parts, 1000, &value));
            at += (size_t)sprintf(text + at, "%s;", value.at);
        }
    }
    HOB_TRY(rc);
    if (strcmp(hob_request_path(req), "/again") == 0)
        return hob_respond(req, 307, HOB_HEADERS({"Location", "/there"}), "", 0);
    return hob_respond_text(req, 200, "text/plain", text);
}

static const char *sent(struct hob_client *c, const char *path, const struct hob_part *parts) {
    static char text[5000];
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    const char *data;
    int rc = hob_client_request(c, "POST", path, &res, .multipart = parts);
    if (rc == 0) rc = hob_response_body(res, &data, NULL);
    if (rc < 0)
        snprintf(text, sizeof text, "%d %s", rc, hob_error() ? hob_error()->message : "");
    else
        snprintf(text, sizeof text, "%d %s", hob_response_status(res), data);
    return text;
}

static int chunks(struct hob_generator *gen, int count) {
    for (int i = 0; i < count; i++) HOB_TRY(hob_yield(gen, ((struct hob_slice){"0123456789", 10})));
    return 0;
}
HOB_GENERATOR(chunks, struct hob_slice, int)

static ssize_t zeros(void *arg, void *buf, size_t n) {
    size_t *left = arg;
    if (n > *left) n = *left;
    memset(buf, 0, n);
    *left -= n;
    return (ssize_t)n;
}

#define WITH_SERVER                                                                                \
    HOB_SCOPE(s);                                                                                  \
    struct hob_listener *l = listening();                                                          \
    hob_spawn(s, hob_http_serve, l, upload, NULL,                                                  \
              (struct hob_http_options){.max_body = 100 << 20});                                   \
    HOB_CLIENT(c, .base_url = url_of(l, "/"));
#define END_SERVER                                                                                 \
    hob_scope_cancel(s);                                                                           \
    CHECK_EQ(hob_join(s), 0);                                                                      \
    hob_listener_close(l);                                                                         \
    return 0;

TASK_TEST(there_and_back) {
    WITH_SERVER
    enum { SIZE = 300000 };
    static char bytes[SIZE];
    for (int i = 0; i < SIZE; i++) bytes[i] = (char)(i % 251 == 0 ? '\r' : i % 7 ? '-' : i);
    CHECK_EQ(hob_write_file(path_in("photo \"1\".jpg"), bytes, SIZE), 0);
    CHECK_STR(
        sent(c, "/",
             HOB_PARTS({.name = "title", .value = "Holidays \xc3\xa9"},
                       {.name = "empty", .value = ""}, {.name = "nothing"},
                       {.name = "photo", .path = path_in("photo \"1\".jpg")},
                       {.name = "json", .data = "{}", .size = 2, .type = "application/json"})),
        "200 size=1 title(-,text/plain)=Holidays \xc3\xa9;empty(-,text/plain)=;"
        "nothing(-,text/plain)=;photo(photo \"1\".jpg,application/octet-stream)=300000;"
        "json(-,application/json)={};");
    char *back;
    size_t n;
    CHECK_EQ(hob_read_file(path_in("saved"), &back, &n, SIZE + 1), 0);
    CHECK(n == SIZE && memcmp(back, bytes, SIZE) == 0);
    hob_file_free(back);
    /* A redirect sends all of it again. */
    CHECK_HAS(sent(c, "/again",
                   HOB_PARTS({.name = "f",
                              .path = path_in("photo \"1\".jpg"),
                              .filename = "x",
                              .type = "image/jpeg"})),
              "200 size=1 f(x,image/jpeg)=300000;");
    CHECK_STR(sent(c, "/", HOB_PARTS({.name = "a\r\nb\"", .value = "1"})),
              "200 size=1 a%0D%0Ab\"(-,text/plain)=1;");
    CHECK_STR(sent(c, "/", HOB_PARTS({.name = NULL})), "200 size=1 ");
    END_SERVER
}

TASK_TEST(parts_from_sources) {
    WITH_SERVER
    size_t left = 100000;
    HOB_GEN(g, chunks, 1000);
    CHECK_STR(sent(c, "/",
                   HOB_PARTS({.name = "z", .filename = "z", .read = zeros, .arg = &left},
                             {.name = "g", .filename = "g", HOB_PART_OF(g)})),
              "200 size=0 z(z,application/octet-stream)=100000;"
              "g(g,application/octet-stream)=10000;");
    left = 1000;
    CHECK_STR(
        sent(c, "/",
             HOB_PARTS({.name = "z", .filename = "z", .read = zeros, .arg = &left, .size = 1000})),
        "200 size=1 z(z,application/octet-stream)=1000;");
    left = 999;
    CHECK_HAS(sent(c, "/", HOB_PARTS({.name = "z", .read = zeros, .arg = &left, .size = 1000})),
              "\"z\" is less than the 1000 bytes");
    left = 5;
    CHECK_HAS(sent(c, "/again", HOB_PARTS({.name = "z", .read = zeros, .arg = &left})),
              "cannot be sent twice");
    CHECK_HAS(sent(c, "/", HOB_PARTS({.name = "f", .path = "/nowhere/at/all"})), "/nowhere");
    CHECK_HAS(sent(c, "/", HOB_PARTS({.name = "f", .path = "/dev/null"})), "no regular file");
    CHECK_HAS(sent(c, "/", HOB_PARTS({.name = "f", .value = "1", .path = "/etc/passwd"})),
              "several contents");
    CHECK_HAS(sent(c, "/", HOB_PARTS({.name = "f", .value = "1", .type = "a\r\nb: c"})),
              "cannot have");
    END_SERVER
}

/* An answer of several parts. */
static int ranges(struct hob_request *req, void *arg) {
    (void)arg;
    const char *text = "--X\r\nContent-Range: bytes 0-1/9\r\n\r\n01\r\n"
                       "--X\r\nContent-Range: bytes 7-8/9\r\n\r\n78\r\n--X--\r\n";
    return hob_respond_text(req, 206, "multipart/byteranges; boundary=X", text);
}

TASK_TEST(an_answer_of_parts) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, ranges, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c);
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    HOB_MULTIPART(parts);
    struct hob_multipart_part part;
    struct hob_slice value;
    CHECK_EQ(hob_client_request(c, "GET", url_of(l, "/"), &res), 0);
    CHECK_EQ(hob_response_multipart(res, &parts), 0);
    CHECK_EQ(hob_multipart_next(parts, &part), 1);
    CHECK_STR(part.name, "");
    CHECK_STR(hob_multipart_header(parts, "content-range"), "bytes 0-1/9");
    CHECK_EQ(hob_multipart_next(parts, &part), 1);
    CHECK_STR(hob_multipart_header(parts, "Content-Range"), "bytes 7-8/9");
    CHECK(hob_multipart_header(parts, "x") == NULL);
    CHECK_EQ(hob_multipart_value(parts, 2, &value), 0);
    CHECK_STR(value.at, "78");
    CHECK_EQ(hob_multipart_next(parts, &part), 0);
    END_SERVER
}

/* What is wrong with an upload is its sender's fault: the answer says so. */
TASK_TEST(uploads_that_are_refused) {
    WITH_SERVER
    static const struct {
        const char *type, *body, *status;
    } rows[] = {
        {"text/plain", "x", " 400 "},
        {"multipart/mixed; boundary=B", "--B--", " 400 "},
        {FORM, "--B\r\nx\r\n\r\n", " 400 "},
        {FORM, "--B\r\n" FIELD("a") "\r\n1", " 400 "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char request[600], answer[2000];
        int n = snprintf(request, sizeof request,
                         "POST / HTTP/1.1\r\nHost: h\r\nContent-Type: %s\r\nContent-Length: "
                         "%zu\r\n\r\n%s",
                         rows[i].type, strlen(rows[i].body), rows[i].body);
        raw(l, request, (size_t)n, NULL, answer, sizeof answer);
        CHECK_HAS(answer, rows[i].status);
    }
    CHECK_HAS(sent(c, "/",
                   HOB_PARTS({.name = "1"}, {.name = "2"}, {.name = "3"}, {.name = "4"},
                             {.name = "5"}, {.name = "6"}, {.name = "7"}, {.name = "8"},
                             {.name = "9"}, {.name = "10"}, {.name = "11"})),
              "413 ");
    CHECK_EQ(hob_exists(path_in("saved")), 0);
    END_SERVER
}

/* What curl sends, which escapes names in its own way. */
TASK_TEST(with_curl) {
    WITH_SERVER
    struct hob_process_result r = {0};
    char at[200];
    CHECK_EQ(hob_write_file(path_in("a b.txt"), "from curl", 9), 0);
    snprintf(at, sizeof at, "file=@%s", path_in("a b.txt"));
    int rc = hob_process_output(&r, HOB_ARGS("curl", "-s", "-F", "field=a value", "-F", at, "-F",
                                             "q=1;type=text/csv", url_of(l, "/")));
    if (rc != -ENOENT) {
        CHECK_EQ(rc, 0);
        CHECK_STR(r.out, "size=1 field(-,text/plain)=a value;"
                         "file(a b.txt,text/plain)=9;q(-,text/csv)=1;");
    }
    hob_process_result_free(&r);
    END_SERVER
}

TEST_MAIN()
