/* http_send_test.c - what the client sends: after redirects, with default headers, in pieces; what
 * it refuses to send. */
#include "http_count.h"

/* ---- redirects ---- */

static int redirects(struct hob_request *req, void *other) {
    const char *path = hob_request_path(req), *body, *to = NULL;
    char text[300];
    size_t n;
    int status = 302;
    HOB_TRY(hob_request_body(req, &body, &n));
    if (strcmp(path, "/a") == 0) to = "b?x=1";
    if (strcmp(path, "/loop") == 0) to = "/loop";
    if (strcmp(path, "/303") == 0) to = "/end", status = 303;
    if (strcmp(path, "/307") == 0) to = "/end", status = 307;
    if (strcmp(path, "/tls") == 0) to = "https://127.0.0.1:1/";
    if (strcmp(path, "/bad") == 0) to = "mailto:a@b";
    if (strcmp(path, "/away") == 0) to = other;
    if (to) {
        struct hob_header headers[] = {{"Location", to}, {NULL, NULL}};
        return hob_respond(req, status, headers, "go away", 7);
    }
    const char *auth = hob_request_header(req, "authorization");
    const char *cookie = hob_request_header(req, "cookie");
    const char *type = hob_request_header(req, "content-type");
    n = (size_t)snprintf(text, sizeof text, "%s %s auth=%s cookie=%s type=%s body=%.*s",
                         hob_request_method(req), hob_request_target(req), auth ? auth : "-",
                         cookie ? cookie : "-", type ? type : "-", (int)n, body);
    return hob_respond(req, 200, NULL, text, n);
}

static const char *answer_of(struct hob_client *c, const char *method, const char *url,
                             const struct hob_header *headers, const char *body) {
    static char text[400];
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    const char *data;
    int rc = hob_client_request(c, method, url, &res, .headers = headers, .body = body,
                                .body_size = strlen(body));
    if (rc == 0) rc = hob_response_body(res, &data, NULL);
    if (rc < 0)
        snprintf(text, sizeof text, "%d", rc);
    else
        snprintf(text, sizeof text, "%s", data);
    return text;
}

TASK_TEST(redirects_are_followed) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    char away[128];
    /* The same server by another name is another origin. */
    snprintf(away, sizeof away, "http://localhost:%s/end",
             strrchr(hob_listener_address(l), ':') + 1);
    hob_spawn(s, hob_http_serve, l, redirects, away, (struct hob_http_options){0});
    HOB_CLIENT(c, .user_agent = "");
    const struct hob_header *secrets =
        HOB_HEADERS({"Authorization", "Bearer t"}, {"Cookie", "k=v"}, {"Content-Type", "text/x"});
    CHECK_STR(answer_of(c, "GET", url_of(l, "/a"), NULL, ""),
              "GET /b?x=1 auth=- cookie=- type=- body=");
    CHECK_STR(answer_of(c, "GET", url_of(l, "/307"), secrets, ""),
              "GET /end auth=Bearer t cookie=k=v type=text/x body=");
    CHECK_STR(answer_of(c, "GET", url_of(l, "/away"), secrets, ""),
              "GET /end auth=- cookie=- type=text/x body=");
    CHECK_STR(answer_of(c, "POST", url_of(l, "/303"), secrets, "data"),
              "GET /end auth=Bearer t cookie=k=v type=- body=");
    CHECK_STR(answer_of(c, "POST", url_of(l, "/a"), NULL, "data"),
              "GET /b?x=1 auth=- cookie=- type=- body=");
    CHECK_STR(answer_of(c, "PUT", url_of(l, "/a"), NULL, "data"),
              "PUT /b?x=1 auth=- cookie=- type=- body=data");
    CHECK_STR(answer_of(c, "POST", url_of(l, "/307"), NULL, "data"),
              "POST /end auth=- cookie=- type=- body=data");
    char text[32];
    snprintf(text, sizeof text, "%d", HOB_E_HTTP_REDIRECT);
    CHECK_STR(answer_of(c, "GET", url_of(l, "/loop"), NULL, ""), text);
    CHECK_HAS(hob_error()->message, "more than 10 redirects");
    CHECK_STR(answer_of(c, "GET", url_of(l, "/bad"), NULL, ""), text);
    snprintf(text, sizeof text, "%d", -ECONNREFUSED);
    CHECK_STR(answer_of(c, "GET", url_of(l, "/tls"), NULL, ""), text);
    struct hob_client_info info;
    hob_client_info(c, &info);
    CHECK_EQ(info.in_use, 0);
    /* The bodies of redirects are read, so that connections stay: one to each name of the server.
     */
    CHECK_EQ(info.opened, 2);
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    CHECK_EQ(hob_client_request(c, "GET", url_of(l, "/a"), &res, .no_redirects = true), 0);
    CHECK_EQ(hob_response_status(res), 302);
    CHECK_STR(hob_response_header(res, "LOCATION"), "b?x=1");
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

/* ---- what is sent ---- */

TASK_TEST(default_headers_and_base_url) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, count, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c, .base_url = url_of(l, "/v1/"), .user_agent = "test/1",
               .headers = HOB_HEADERS({"Authorization", "Bearer t"}, {"X-A", "1"}));
    CHECK_EQ(get_one(c, "users", NULL), 0);
    CHECK_STR(seen.last, "GET /v1/users auth=Bearer t agent=test/1 x=1 n=0");
    CHECK_EQ(get_one(c, "/top", NULL), 0);
    CHECK_STR(seen.last, "GET /top auth=Bearer t agent=test/1 x=1 n=0");
    char other[128];
    snprintf(other, sizeof other, "http://localhost:%s/",
             strrchr(hob_listener_address(l), ':') + 1);
    CHECK_EQ(get_one(c, other, NULL), 0);
    CHECK_STR(seen.last, "GET / auth=- agent=test/1 x=1 n=0"); /* not base_url's origin */
    struct hob_response *res;
    CHECK_EQ(hob_client_request(c, "GET", "a", &res,
                                .headers = HOB_HEADERS({"x-a", "2"}, {"user-agent", NULL})),
             0);
    hob_response_close(res);
    CHECK_STR(seen.last, "GET /v1/a auth=Bearer t agent=- x=2 n=0");
    snprintf(other, sizeof other, "http://user:p%%40ss@%s/", hob_listener_address(l));
    HOB_CLIENT(plain);
    CHECK_EQ(get_one(plain, other, NULL), 0);
    CHECK_HAS(seen.last, "auth=Basic dXNlcjpwQHNz");
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

TASK_TEST(injection_is_refused) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, count, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c);
    struct hob_response *res;
    const char *url = url_of(l, "/");
    CHECK_EQ(hob_client_request(c, "GET", url, &res, .headers = HOB_HEADERS({"A", "b\r\nc: d"})),
             HOB_E_HTTP_ILLEGAL);
    CHECK_HAS(hob_error()->message, "\"A\"");
    CHECK_EQ(hob_client_request(c, "GET", url, &res, .headers = HOB_HEADERS({"A:", "b"})),
             HOB_E_HTTP_ILLEGAL);
    CHECK_EQ(hob_client_request(c, "G\nT", url, &res), HOB_E_HTTP_ILLEGAL);
    CHECK_EQ(
        hob_client_request(c, "GET", url, &res, .headers = HOB_HEADERS({"Content-Length", "5"})),
        HOB_E_HTTP_ILLEGAL);
    CHECK_EQ(hob_client_request(c, "GET", url, &res,
                                .headers = HOB_HEADERS({"Transfer-Encoding", "chunked"})),
             HOB_E_HTTP_ILLEGAL);
    CHECK_EQ(hob_client_request(c, "GET", "http://h/\r\nX: y", &res), HOB_E_URL);
    CHECK_EQ(seen.served, 0);
    CHECK_EQ(get_one(c, url, NULL), 0);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

static ssize_t ten_pieces(void *arg, void *buf, size_t n) {
    int *left = arg;
    CHECK(n >= 1000);
    if (*left == 0) return 0;
    if (*left < 0) return -EIO;
    (*left)--;
    memset(buf, 'p', 1000);
    return 1000;
}

TASK_TEST(bodies_in_pieces) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, count, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c);
    for (int round = 0; round < 2; round++) {
        struct hob_response *res HOB_RESPONSE_GUARD = NULL;
        int left = 10;
        const char *data;
        size_t n;
        CHECK_EQ(hob_client_request(c, "POST", url_of(l, "/"), &res, .read_body = ten_pieces,
                                    .arg = &left, .body_size = round ? 10000 : 0),
                 0);
        CHECK_EQ(hob_response_body(res, &data, &n), 0);
        CHECK_EQ(n, 10000);
        CHECK_EQ(strspn(data, "p"), 10000);
    }
    struct hob_response *res;
    int left = 9;
    CHECK_EQ(hob_client_request(c, "POST", url_of(l, "/"), &res, .read_body = ten_pieces,
                                .arg = &left, .body_size = 10000),
             HOB_E_HTTP_SIZE);
    left = -1;
    CHECK_EQ(
        hob_client_request(c, "POST", url_of(l, "/"), &res, .read_body = ten_pieces, .arg = &left),
        -EIO);
    CHECK_EQ(get_one(c, url_of(l, "/"), NULL), 0);
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

static int teapot(struct hob_request *req, void *arg) {
    (void)arg;
    if (strcmp(hob_request_method(req), "HEAD") != 0)
        return hob_respond_text(req, 418, "text/plain", "short and stout");
    return hob_respond(req, 200, NULL, "not sent", 8);
}

TASK_TEST(statuses_and_head) {
    HOB_SCOPE(s);
    struct hob_listener *l = listening();
    hob_spawn(s, hob_http_serve, l, teapot, NULL, (struct hob_http_options){0});
    HOB_CLIENT(c, .fail_on_status = true);
    HOB_CLIENT(lax, .max_body = 10);
    struct hob_body body;
    CHECK_EQ(hob_get(c, url_of(l, "/pot"), &body), HOB_E_HTTP_STATUS);
    CHECK_HAS(hob_error()->message, "/pot: 418");
    CHECK_EQ(hob_get(lax, url_of(l, "/pot"), &body), HOB_E_HTTP_BODY_TOO_LARGE);
    for (int i = 0; i < 3; i++) {
        struct hob_response *res HOB_RESPONSE_GUARD = NULL;
        char byte;
        CHECK_EQ(hob_client_request(lax, "HEAD", url_of(l, "/"), &res), 0);
        CHECK_STR(hob_response_header(res, "content-length"), "8");
        CHECK_EQ(hob_response_size(res), 0);
        CHECK_EQ(hob_response_read(res, &byte, 1), 0);
        CHECK_EQ(hob_response_reused(res), i > 0);
    }
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

TEST_MAIN()
