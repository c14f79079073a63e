/* http_body_test.c - the ways in which a request gets its query and its body, and an answer becomes
 * a struct. */
#include <fcntl.h>
#include <hob/file.h>
#include <hob/http_json.h>

#include "http_test.h"

/* Answers with what it saw. */
static int echo(struct hob_request *req, void *arg) {
    const char *body, *type = hob_request_header(req, "content-type");
    char *text;
    size_t n;
    (void)arg;
    HOB_TRY(hob_request_body(req, &body, &n));
    CHECK(asprintf(&text, "%s %s type=%s size=%lld body=%.*s", hob_request_method(req),
                   hob_request_target(req), type ? type : "-", (long long)hob_request_size(req),
                   (int)n, body) > 0);
    int rc = hob_respond_text(req, 200, "text/plain", text);
    free(text);
    return rc;
}

static const char *sent(struct hob_client *c, const char *method, const char *url,
                        struct hob_fetch_options options) {
    static char text[70000];
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    const char *data;
    int rc = hob__client_request(c, method, url, &res, options);
    if (rc == 0) rc = hob_response_body(res, &data, NULL);
    if (rc < 0)
        snprintf(text, sizeof text, "%d %s", rc, hob_error() ? hob_error()->message : "");
    else
        snprintf(text, sizeof text, "%s", data);
    return text;
}
#define SENT(method, path, ...) sent(c, method, path, HOB__OPTIONS(hob_fetch_options, __VA_ARGS__))

#define WITH_SERVER(handler)                                                                       \
    HOB_SCOPE(s);                                                                                  \
    struct hob_listener *l = listening();                                                          \
    hob_spawn(s, hob_http_serve, l, handler, NULL, (struct hob_http_options){0});                  \
    HOB_CLIENT(c, .base_url = url_of(l, "/"));
#define END_SERVER                                                                                 \
    hob_scope_cancel(s);                                                                           \
    CHECK_EQ(hob_join(s), 0);                                                                      \
    hob_listener_close(l);                                                                         \
    return 0;

TASK_TEST(queries_are_encoded_and_added) {
    WITH_SERVER(echo)
    CHECK_STR(SENT("GET", "/a", .query = HOB_PARAMS({"q", "a b&c=d"}, {"x", ""}, {"flag", NULL})),
              "GET /a?q=a%20b%26c%3Dd&x=&flag type=- size=0 body=");
    CHECK_STR(SENT("GET", "/a?z=1#part", .query = HOB_PARAMS({"\xc3\xa9", "/?"})),
              "GET /a?z=1&%C3%A9=%2F%3F type=- size=0 body=");
    CHECK_STR(SENT("GET", "/a?", .query = HOB_PARAMS({"a", "1"})),
              "GET /a?a=1 type=- size=0 body=");
    CHECK_STR(SENT("GET", "/a", .query = HOB_PARAMS({NULL, NULL})), "GET /a type=- size=0 body=");
    CHECK_STR(SENT("GET", "", .query = HOB_PARAMS({"a", "1"})), "GET /?a=1 type=- size=0 body=");
    char *much = malloc(9000);
    memset(much, 'x', 8999);
    much[8999] = 0;
    CHECK_HAS(SENT("GET", "/", .query = HOB_PARAMS({"a", much})), "a URL of 900");
    free(much);
    END_SERVER
}

TASK_TEST(forms_and_texts) {
    WITH_SERVER(echo)
    CHECK_STR(SENT("POST", "/f", .form = HOB_PARAMS({"name", "Ada L"}, {"a", "1+1=2"}, {"b", ""})),
              "POST /f type=application/x-www-form-urlencoded size=25 "
              "body=name=Ada+L&a=1%2B1%3D2&b=");
    CHECK_STR(SENT("POST", "/f", .form = HOB_PARAMS({NULL, NULL})),
              "POST /f type=application/x-www-form-urlencoded size=0 body=");
    CHECK_STR(SENT("PUT", "/j", .json = "{\"a\":1}"),
              "PUT /j type=application/json size=7 body={\"a\":1}");
    CHECK_STR(SENT("PUT", "/j", .json = "[]",
                   .headers = HOB_HEADERS({"content-type", "application/vnd.api+json"})),
              "PUT /j type=application/vnd.api+json size=2 body=[]");
    CHECK_STR(SENT("PUT", "/j", .json = "[]", .headers = HOB_HEADERS({"content-type", NULL})),
              "PUT /j type=- size=2 body=[]");
    CHECK_STR(SENT("POST", "/n"), "POST /n type=- size=0 body=");
    CHECK_HAS(SENT("POST", "/n", .json = "1", .form = HOB_PARAMS({"a", "b"})), "has 2 bodies");
    CHECK_HAS(SENT("POST", "/n", .body_size = 3), "but there is none");
    END_SERVER
}

/* ---- models ---- */

struct user {
    int64_t id;
    char *name;
    double *score;
};
HOB_MODEL(user, struct user, HOB_FIELD(id, HOB_MIN(1)), HOB_FIELD(name), HOB_FIELD(score))

/* Gives the body back as JSON; some paths are worse. */
static int api(struct hob_request *req, void *arg) {
    const char *body, *path = hob_request_path(req);
    size_t n;
    (void)arg;
    HOB_TRY(hob_request_body(req, &body, &n));
    const struct hob_header *json = HOB_HEADERS({"Content-Type", "application/json"});
    if (strcmp(path, "/html") == 0) return hob_respond_text(req, 502, "text/html", "<p>no\n");
    if (strcmp(path, "/cut") == 0) return hob_respond(req, 200, json, "{\"id\": 1,", 9);
    if (strcmp(path, "/zero") == 0)
        return hob_respond(req, 200, json, "{\"id\": 0, \"name\": 5}", 20);
    if (strcmp(path, "/two") == 0)
        return hob_respond(req, 200, json, "[{\"id\":1,\"name\":\"a\"},{\"id\":2,\"name\":\"b\"}]",
                           41);
    if (strcmp(path, "/accept") == 0) {
        const char *accept = hob_request_header(req, "accept");
        char text[200];
        snprintf(text, sizeof text, "{\"id\": 3, \"name\": \"%s\"}", accept ? accept : "-");
        return hob_respond_text(req, 200, "application/json", text);
    }
    return hob_respond(req, 201, json, body, n);
}

TASK_TEST(structs_there_and_back) {
    WITH_SERVER(api)
    HOB_ARENA(memory);
    double score = 0.5;
    struct user ada = {7, (char *)"Ada", &score}, back;
    struct hob_response *res = NULL;
    CHECK_EQ(hob_client_request(c, "POST", "/users", &res, HOB_JSON_OF(user, &ada)), 0);
    CHECK_EQ(hob_response_status(res), 201);
    CHECK_EQ(hob_response_json(res, user, &back, &memory), 0);
    CHECK(hob_model_equal(user, &ada, &back) == 1);
    struct hob_json_doc *doc; /* the body may be looked at again */
    CHECK_EQ(hob_response_json_doc(res, &doc), 0);
    CHECK_STR(hob_json_string(hob_json_get(hob_json_root(doc), "name"), ""), "Ada");
    hob_json_free(doc);
    hob_response_close(res);
    CHECK_EQ(hob_get_json(c, "/accept", user, &back, &memory), 200);
    CHECK_STR(back.name, "application/json");
    CHECK_EQ(hob_get_json(c, "/accept", user, &back, &memory,
                          .headers = HOB_HEADERS({"accept", "text/json"})),
             200);
    CHECK_STR(back.name, "text/json");
    struct user *users;
    size_t count;
    CHECK_EQ(hob_client_request(c, "GET", "/two", &res), 0);
    CHECK_EQ(hob_response_json_array(res, user, &users, &count, &memory), 0);
    CHECK_EQ(count, 2);
    CHECK_STR(users[1].name, "b");
    hob_response_close(res);
    struct user broken = {1, (char *)"\xff", NULL};
    CHECK_EQ(hob_client_request(c, "POST", "/users", &res, HOB_JSON_OF(user, &broken)),
             HOB_E_MODEL);
    CHECK(res == NULL);
    END_SERVER
}

TASK_TEST(answers_that_are_no_such_json) {
    WITH_SERVER(api)
    HOB_ARENA(memory);
    struct user u;
    struct hob_problems wrong;
    struct hob_response *res = NULL;
    CHECK_EQ(hob_get_json(c, "/html", user, &u, &memory), HOB_E_HTTP_STATUS);
    CHECK_EQ(hob_client_request(c, "GET", "/html", &res), 0);
    CHECK_EQ(hob_response_json(res, user, &u, &memory), HOB_E_JSON);
    CHECK_HAS(hob_error()->message, "/html: the answer (status 502, text/html) is not JSON");
    hob_response_close(res);
    CHECK_EQ(hob_get_json(c, "/cut", user, &u, &memory), HOB_E_JSON);
    CHECK_HAS(hob_error()->message, "/cut: the answer (status 200, application/json) is not JSON");
    CHECK_EQ(hob_get_json(c, "/zero", user, &u, &memory), HOB_E_MODEL);
    CHECK_HAS(hob_error()->message, "/id");
    CHECK_EQ(hob_client_request(c, "GET", "/zero", &res), 0);
    CHECK_EQ(hob_response_json(res, user, &u, &memory, .problems = &wrong), HOB_E_MODEL);
    CHECK_EQ(wrong.count, 2);
    CHECK_STR(wrong.items[1].path, "/name");
    hob_response_close(res);
    END_SERVER
}

/* ---- files ---- */

static char *file_of(const char *bytes, size_t n) {
    static char path[64];
    snprintf(path, sizeof path, TEST_PATH, (int)getpid(), "body");
    CHECK_EQ(hob_write_file(path, bytes, n), 0);
    return path;
}

/* Answers with the size and a sum of the body. */
static int sum(struct hob_request *req, void *arg) {
    char buf[5000], text[100];
    uint64_t n = 0, all = 0;
    (void)arg;
    for (;;) {
        ssize_t got = HOB_TRY(hob_request_read(req, buf, sizeof buf));
        if (got == 0) break;
        for (ssize_t i = 0; i < got; i++) all = all * 31 + (unsigned char)buf[i];
        n += (uint64_t)got;
    }
    snprintf(text, sizeof text, "%lld %llu %llx", (long long)hob_request_size(req),
             (unsigned long long)n, (unsigned long long)all);
    if (strcmp(hob_request_path(req), "/again") == 0)
        return hob_respond(req, 307, HOB_HEADERS({"Location", "/there"}), "", 0);
    return hob_respond_text(req, 200, "text/plain", text);
}

TASK_TEST(bodies_from_files) {
    WITH_SERVER(sum)
    enum { SIZE = 700000 };
    static char bytes[SIZE];
    char text[100];
    uint64_t all = 0, part = 0;
    for (int i = 0; i < SIZE; i++) bytes[i] = (char)(i * 7 + i / 1000);
    for (int i = 0; i < SIZE; i++) all = all * 31 + (unsigned char)bytes[i];
    for (int i = 1000; i < 3000; i++) part = part * 31 + (unsigned char)bytes[i];
    const char *path = file_of(bytes, SIZE);
    snprintf(text, sizeof text, "%d %d %llx", SIZE, SIZE, (unsigned long long)all);
    CHECK_STR(SENT("PUT", "/", .body_file = path), text);
    int before = open_files();
    CHECK_STR(SENT("PUT", "/again", .body_file = path), text); /* a redirect: from its beginning */
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK_STR(SENT("PUT", "/", .body_fd = &fd), text);
    CHECK_STR(SENT("PUT", "/again", .body_fd = &fd), text);
    snprintf(text, sizeof text, "2000 2000 %llx", (unsigned long long)part);
    CHECK_STR(SENT("PUT", "/", .body_fd = &fd, .body_offset = 1000, .body_size = 2000), text);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
    CHECK_HAS(SENT("PUT", "/", .body_fd = &fd, .body_offset = SIZE + 1), "has 700000 bytes");
    CHECK_HAS(SENT("PUT", "/", .body_fd = &fd, .body_size = SIZE + 1), "has 700000 bytes");
    CHECK_STR(SENT("PUT", "/", .body_fd = &fd, .body_offset = SIZE), "0 0 0");
    close(fd);
    CHECK_EQ(open_files(), before);
    CHECK_HAS(SENT("PUT", "/", .body_file = "/nowhere/at/all"), "/nowhere/at/all");
    CHECK_HAS(SENT("PUT", "/", .body_file = "/dev/null"), "no regular file");
    fd = -1;
    CHECK_HAS(SENT("PUT", "/", .body_fd = &fd), "which is to be sent");
    END_SERVER
}

/* A file that ends before what was announced: no wrong message, and no connection to be used. */
static int shrink(const char *path, struct hob_listener *l) {
    struct hob_stream *s;
    char buf[4096];
    HOB_TRY(hob_accept(l, &s));
    HOB_TRY(hob_read(s, buf, sizeof buf));
    CHECK_EQ(truncate(path, 100), 0);
    while (hob_read(s, buf, sizeof buf) > 0) {}
    hob_close(s);
    return 0;
}
HOB_TASK(shrink, const char *, struct hob_listener *)

TASK_TEST(a_file_that_shrinks) {
    enum { SIZE = 32 << 20 };
    char *bytes = calloc(1, SIZE);
    const char *path = file_of(bytes, SIZE);
    free(bytes);
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    hob_spawn(s, shrink, path, l);
    HOB_CLIENT(c);
    struct hob_response *res;
    CHECK_EQ(hob_client_request(c, "PUT", url_of(l, "/"), &res, .body_file = path),
             HOB_E_HTTP_SIZE);
    CHECK_HAS(hob_error()->message, "shorter");
    struct hob_client_info info;
    hob_client_info(c, &info);
    CHECK_EQ(info.idle + info.in_use, 0);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

/* ---- sources ---- */

static int pieces(struct hob_generator *gen, int count, int rc) {
    char text[64];
    for (int i = 0; i < count; i++) {
        int n = snprintf(text, sizeof text, "piece %d\n", i);
        HOB_TRY(hob_yield(gen, ((struct hob_slice){text, (size_t)n})));
        HOB_TRY(hob_sleep(0.001));
    }
    return rc;
}
HOB_GENERATOR(pieces, struct hob_slice, int, int)

TASK_TEST(bodies_from_generators) {
    WITH_SERVER(echo) {
        HOB_GEN(g, pieces, 3, 0);
        CHECK_STR(SENT("POST", "/", HOB_BODY_OF(g)),
                  "POST / type=- size=-1 body=piece 0\npiece 1\npiece 2\n");
    }
    {
        HOB_GEN(g, pieces, 3, 0);
        CHECK_STR(SENT("POST", "/", HOB_BODY_OF(g), .body_size = 24),
                  "POST / type=- size=24 body=piece 0\npiece 1\npiece 2\n");
    }
    {
        HOB_GEN(g, pieces, 3, 0);
        CHECK_HAS(SENT("POST", "/", HOB_BODY_OF(g), .body_size = 25), "less than the 25 bytes");
    }
    {
        HOB_GEN(g, pieces, 3, 0);
        CHECK_HAS(SENT("POST", "/", HOB_BODY_OF(g), .body_size = 16), "more than the 16 bytes");
    }
    {
        HOB_GEN(g, pieces, 2, -EIO);
        char code[20];
        snprintf(code, sizeof code, "%d ", -EIO);
        CHECK_HAS(SENT("POST", "/", HOB_BODY_OF(g)), code);
    }
    {
        HOB_GEN(g, pieces, 0, 0);
        CHECK_STR(SENT("POST", "/", HOB_BODY_OF(g)), "POST / type=- size=-1 body=");
    }
    END_SERVER
}

static int feed(int fd, int *keep) {
    struct hob_stream *s;
    HOB_TRY(hob_stream_open(fd, &s));
    for (int i = 0; i < 100; i++) HOB_TRY(hob_write(s, "0123456789", 10));
    if (keep)
        while (*keep) HOB_TRY(hob_sleep(0.001));
    hob_close(s);
    return 0;
}
HOB_TASK(feed, int, int *)

TASK_TEST(bodies_from_streams) {
    WITH_SERVER(sum)
    for (int round = 0; round < 2; round++) {
        int p[2], keep = 1;
        CHECK_EQ(pipe(p), 0);
        struct hob_stream *from;
        CHECK_EQ(hob_stream_open(p[0], &from), 0);
        HOB_SCOPE(feeding);
        hob_spawn(feeding, feed, p[1], round ? &keep : NULL);
        /* Of a size: the end of the stream is not waited for. */
        CHECK_HAS(SENT("PUT", "/", .body_stream = from, .body_size = round ? 1000 : 0),
                  round ? "1000 1000 " : "-1 1000 ");
        keep = 0;
        CHECK_EQ(hob_join(feeding), 0);
        hob_close(from);
    }
    END_SERVER
}

static ssize_t slow_piece(void *arg, void *buf, size_t n) {
    (void)arg;
    HOB_TRY(hob_sleep(100));
    memset(buf, 0, n);
    return (ssize_t)n;
}

TASK_TEST(a_source_that_takes_too_long) {
    WITH_SERVER(sum)
    struct hob_response *res;
    CHECK_EQ(hob_client_request(c, "PUT", "/", &res, .read_body = slow_piece, .timeout = 0.05),
             -ETIMEDOUT);
    END_SERVER
}

TEST_MAIN()
