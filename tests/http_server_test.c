/* http_server_test.c - the server: answers byte for byte, requests that it refuses and how,
 * pipelining, bodies both ways, slow and vanishing clients, stopping, a real client (curl). */
#include "http_test.h"

#include <sys/resource.h>

static struct {
    int served, failed_bodies, waiting;
    struct hob_event go; /* "/slow" waits for it */
    char reports[4096];
} seen;

static void report(enum hob_report_kind kind, const char *text, void *arg) {
    (void)arg;
    if (kind == HOB_REPORT_SLOW) return; /* a busy machine may hold any loop */
    strncat(seen.reports, text, sizeof seen.reports - strlen(seen.reports) - 1);
}

static int streamed(struct hob_request *req, int64_t size) {
    HOB_TRY(hob_respond_begin(req, 200, NULL, size));
    for (int i = 0; i < 3; i++) {
        HOB_TRY(hob_respond_write(req, "piece", 5));
        HOB_TRY(hob_yield_now());
    }
    return hob_respond_end(req);
}

static int trailers(struct hob_request *req) {
    const char *body;
    char text[64];
    CHECK(!hob_request_trailer(req, "x-sum"));
    HOB_TRY(hob_respond_interim(req, 103, HOB_HEADERS({"Link", "</a>"})));
    HOB_TRY(hob_request_body(req, &body, NULL));
    CHECK_STR(body, "hi");
    const char *sum = hob_request_trailer(req, "x-sum"), *b = hob_request_trailer(req, "B");
    snprintf(text, sizeof text, "%s/%s", sum ? sum : "-", b ? b : "-");
    HOB_TRY(hob_respond_begin(req, 200, NULL, -1));
    HOB_TRY(hob_respond_write(req, text, 3));
    CHECK_EQ(hob_respond_interim(req, 103, NULL), HOB_E_HTTP_STATE);
    return hob_respond_end_with(req, HOB_HEADERS({"X-Sum", "8"}));
}

static int handler(struct hob_request *req, void *arg) {
    (void)arg;
    const char *path = hob_request_path(req), *body;
    char text[300];
    size_t n;
    seen.served++;
    if (strcmp(path, "/unread") == 0) return hob_respond_text(req, 200, "text/plain", "unread");
    if (strcmp(path, "/stream") == 0) return streamed(req, -1);
    if (strcmp(path, "/sized") == 0) return streamed(req, 15);
    if (strcmp(path, "/short") == 0) return streamed(req, 16);
    if (strcmp(path, "/long") == 0) return streamed(req, 14);
    if (strcmp(path, "/fail") == 0) return hob_fail(-EIO, "on purpose");
    if (strcmp(path, "/nothing") == 0) return 0;
    if (strcmp(path, "/trailers") == 0) return trailers(req);
    if (strcmp(path, "/half") == 0) return hob_respond_begin(req, 200, NULL, -1);
    if (strcmp(path, "/204") == 0) return hob_respond(req, 204, NULL, NULL, 0);
    if (strcmp(path, "/slow") == 0) {
        seen.waiting++;
        HOB_TRY(hob_event_wait(&seen.go));
    }
    if (strcmp(path, "/twice") == 0) {
        HOB_TRY(hob_respond_text(req, 200, "text/plain", "once"));
        CHECK_EQ(hob_respond_text(req, 200, "text/plain", "twice"), HOB_E_HTTP_STATE);
        CHECK_EQ(hob_respond_write(req, "x", 1), HOB_E_HTTP_STATE);
        return 0;
    }
    if (strcmp(path, "/inject") == 0) {
        struct hob_header bad[] = {{"Location", "/x\r\nSet-Cookie: a=b"}, {NULL, NULL}};
        CHECK_EQ(hob_respond(req, 302, bad, "", 0), HOB_E_HTTP_ILLEGAL);
        return hob_respond_text(req, 200, "text/plain", "refused");
    }
    int rc = hob_request_body(req, &body, &n);
    if (rc < 0) seen.failed_bodies++;
    HOB_TRY(rc);
    const char *a = hob_request_header(req, "X-A");
    n = (size_t)snprintf(text, sizeof text, "%s %s ?%s x=%s size=%lld [%.*s]",
                         hob_request_method(req), path, hob_request_query(req), a ? a : "-",
                         (long long)hob_request_size(req), (int)(n < 100 ? n : 100), body);
    if (n >= sizeof text) n = sizeof text - 1;
    return hob_respond(req, 200, HOB_HEADERS({"X-B", "b"}), text, n);
}

/* A server in s. */
#define SERVED(s, l, ...)                                                                          \
    HOB_SCOPE(s);                                                                                  \
    struct hob_listener *l = listening();                                                          \
    hob_set_report(report, NULL);                                                                  \
    hob_spawn(s, hob_http_serve, l, handler, NULL, (struct hob_http_options){__VA_ARGS__})

static int end(struct hob_scope *s, struct hob_listener *l) {
    hob_scope_cancel(s);
    CHECK_EQ(hob_join(s), 0);
    hob_listener_close(l);
    return 0;
}

static char out[1 << 17];

static const char *ask(struct hob_listener *l, const char *request) {
    raw(l, request, strlen(request), NULL, out, sizeof out);
    return out;
}

/* The text behind the first head. */
static const char *body_of(const char *answer) {
    const char *at = strstr(answer, "\r\n\r\n");
    return at ? at + 4 : "";
}

#define H "Host: a\r\n"
#define CLOSE "Host: a\r\nConnection: close\r\n"

TASK_TEST(answers) {
    SERVED(s, l, 0);
    ask(l, "GET /a%20b?c=1&d HTTP/1.1\r\nX-A:  y \r\n" CLOSE "\r\n");
    CHECK_HAS(out, "HTTP/1.1 200 OK\r\nX-B: b\r\nDate: ");
    CHECK_HAS(out, " GMT\r\nServer: hob\r\nContent-Length: ");
    CHECK_HAS(out, "\r\nConnection: close\r\n\r\n");
    CHECK_STR(body_of(out), "GET /a%20b ?c=1&d x=y size=0 []");
    ask(l, "GET http://other:80/p?q HTTP/1.1\r\n" CLOSE "\r\n");
    CHECK_STR(body_of(out), "GET /p ?q x=- size=0 []");
    ask(l, "GET http://other?q HTTP/1.1\r\n" CLOSE "\r\n");
    CHECK_STR(body_of(out), "GET / ?q x=- size=0 []");
    ask(l, "OPTIONS * HTTP/1.1\r\n" CLOSE "\r\n");
    CHECK_STR(body_of(out), "OPTIONS * ? x=- size=0 []");
    ask(l, "POST / HTTP/1.1\r\nContent-Length: 4\r\n" CLOSE "\r\nbody");
    CHECK_STR(body_of(out), "POST / ? x=- size=4 [body]");
    ask(l, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" CLOSE
           "\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\nT: x\r\n\r\n");
    CHECK_STR(body_of(out), "POST / ? x=- size=-1 [body]");
    ask(l, "HEAD / HTTP/1.1\r\n" CLOSE "\r\n");
    CHECK_HAS(out, "Content-Length: 22\r\n");
    CHECK_STR(body_of(out), "");
    ask(l, "GET /204 HTTP/1.1\r\n" CLOSE "\r\n");
    CHECK_HAS(out, "204 No Content");
    CHECK(!strstr(out, "Content-Length") && !strstr(out, "Transfer-Encoding"));
    ask(l, "GET /twice HTTP/1.1\r\n" CLOSE "\r\n");
    CHECK_STR(body_of(out), "once");
    ask(l, "GET /inject HTTP/1.1\r\n" CLOSE "\r\n");
    CHECK_STR(body_of(out), "refused");
    CHECK(!strstr(out, "Cookie"));
    ask(l, "GET / HTTP/1.0\r\n\r\n"); /* ends by itself */
    CHECK_HAS(out, "Connection: close");
    CHECK_STR(seen.reports, "");
    return end(s, l);
}

TASK_TEST(long_paths_and_many_headers) {
    SERVED(s, l, 0);
    static char request[70000], path[5000];
    memset(path, 'p', sizeof path - 1);
    int n = sprintf(request, "GET /%s?q HTTP/1.1\r\n" CLOSE, path);
    for (int i = 0; i < 100; i++) n += sprintf(request + n, "n%d: %.400s\r\n", i, path);
    sprintf(request + n, "X-A: last\r\n\r\n");
    ask(l, request);
    CHECK_HAS(out, "HTTP/1.1 200 OK\r\n");
    n = sprintf(request, "GET /?q HTTP/1.1\r\n" CLOSE);
    for (int i = 0; i < 100; i++) n += sprintf(request + n, "n%d: %.400s\r\n", i, path);
    sprintf(request + n, "X-A: last\r\n\r\n");
    CHECK_STR(body_of(ask(l, request)), "GET / ?q x=last size=0 []");
    return end(s, l);
}

TASK_TEST(streamed_answers) {
    SERVED(s, l, 0);
    ask(l, "GET /stream HTTP/1.1\r\n" CLOSE "\r\n");
    CHECK_HAS(out, "Transfer-Encoding: chunked\r\n");
    CHECK_STR(body_of(out), "5\r\npiece\r\n5\r\npiece\r\n5\r\npiece\r\n0\r\n\r\n");
    ask(l, "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    CHECK(!strstr(out, "Transfer-Encoding") && !strstr(out, "Content-Length"));
    CHECK_HAS(out, "Connection: close");
    CHECK_STR(body_of(out), "piecepiecepiece");
    ask(l, "HEAD /stream HTTP/1.1\r\n" CLOSE "\r\n");
    CHECK_STR(body_of(out), "");
    ask(l, "GET /sized HTTP/1.1\r\n" CLOSE "\r\n");
    CHECK_HAS(out, "Content-Length: 15\r\n");
    CHECK_STR(body_of(out), "piecepiecepiece");
    CHECK_STR(seen.reports, "");
    ask(l, "GET /short HTTP/1.1\r\n" H "\r\n"); /* the connection ends to show it */
    CHECK_HAS(seen.reports, "1 bytes of the announced body are missing");
    seen.reports[0] = 0;
    ask(l, "GET /long HTTP/1.1\r\n" H "\r\n");
    CHECK_STR(body_of(out), "piecepiece");
    CHECK_HAS(seen.reports, "longer than announced");
    return end(s, l);
}

TASK_TEST(failing_handlers) {
    SERVED(s, l, 0);
    ask(l, "GET /fail HTTP/1.1\r\n" H "\r\n");
    CHECK_HAS(out, "HTTP/1.1 500 Internal Server Error\r\n");
    CHECK(!strstr(out, "on purpose")); /* is for the operator, not for the client */
    CHECK_HAS(seen.reports, "on purpose");
    ask(l, "GET /nothing HTTP/1.1\r\n" H "\r\n");
    CHECK_HAS(out, "HTTP/1.1 500 ");
    CHECK_HAS(seen.reports, "returned without an answer");
    ask(l, "GET /half HTTP/1.1\r\n" H "\r\n");
    CHECK_STR(body_of(out), "");
    CHECK_HAS(seen.reports, "in the middle of its answer");
    ask(l, "GET / HTTP/1.1\r\n" CLOSE "\r\n");
    CHECK_HAS(out, "200 OK");
    return end(s, l);
}

#define C "Transfer-Encoding: chunked\r\n\r\n"

static const struct refused {
    const char *request, *status;
} refused[] = {
    {"GET / HTTP/1.1\r\n\r\n", "400"},
    {"\x16\x03\x01\r\n", "400"},
    {"GET / HTTP/1.1\r\n" H "A : b\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\n" H " folded\r\n\r\n", "400"},
    {"GET / HTTP/1.1\n" H "\n", "400"},
    {"GET / HTTP/2.0\r\n" H "\r\n", "505"},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "400"},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx", "400"},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", "400"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", "400"},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 99999999\r\n\r\n", "413"},
    {"POST / HTTP/1.1\r\n" H "Expect: the moon\r\n\r\n", "417"},
    /* the request line */
    {"GET  / HTTP/1.1\r\n" H "\r\n", "400"},
    {"GET /  HTTP/1.1\r\n" H "\r\n", "400"},
    {"GET\t/ HTTP/1.1\r\n" H "\r\n", "400"},
    {" GET / HTTP/1.1\r\n" H "\r\n", "400"},
    {"GET / HTTP/1.1 \r\n" H "\r\n", "400"},
    {"GET /\r\n" H "\r\n", "400"},
    {"GET / http/1.1\r\n" H "\r\n", "400"},
    {"GET / HTTP/1.10\r\n" H "\r\n", "400"},
    {"GET / HTTP/0.9\r\n" H "\r\n", "505"},
    {"G(T / HTTP/1.1\r\n" H "\r\n", "400"},
    {"GET a HTTP/1.1\r\n" H "\r\n", "400"},
    {"GET * HTTP/1.1\r\n" H "\r\n", "400"},
    {"GET /a#b HTTP/1.1\r\n" H "\r\n", "400"},
    {"GET /\x80 HTTP/1.1\r\n" H "\r\n", "400"},
    {"GET ftp://a/ HTTP/1.1\r\n" H "\r\n", "400"},
    {"CONNECT / HTTP/1.1\r\n" H "\r\n", "400"},
    {"GET /\rx HTTP/1.1\r\n" H "\r\n", "400"},
    {"\r\n\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", "400"},
    /* fields */
    {"GET / HTTP/1.1\r\n" H "A\t: b\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\n" H "A\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\n" H ": b\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\n" H "A\x01: b\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\n" H "A(b): b\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\n" H "A: b\rC: d\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\n" H "A: b\r\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\n" H "A: b\nC: d\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\n" H "A: b\r\n\n", "400"},
    {"GET / HTTP/1.1\r\n" H "A: \x01\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\n" H "A: \x7f\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\n" H "A: b\r\n\tc\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\n  \r\n" H "\r\n", "400"},
    {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "400"},
    /* how long the body is */
    {"POST / HTTP/1.1\r\n" H "Content-Length: 1, 2\r\n\r\nxx", "400"},
    {"POST / HTTP/1.1\r\n" H "Content-Length: +1\r\n\r\nx", "400"},
    {"POST / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\nx", "400"},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 0x1\r\n\r\nx", "400"},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 1 1\r\n\r\nx", "400"},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 1.0\r\n\r\nx", "400"},
    {"POST / HTTP/1.1\r\n" H "Content-Length: \r\n\r\nx", "400"},
    {"POST / HTTP/1.1\r\n" H "Content-Length: ,\r\n\r\nx", "400"},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 9223372036854775808\r\n\r\nx", "400"},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 18446744073709551617\r\n\r\nx", "400"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n",
     "400"},
    {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n", "501"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, chunked\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
     "400"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, gzip, chunked\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, gzip\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: \"chunked\"\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n",
     "400"},
    {"POST / HTTP/1.0\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: \x0b"
     "chunked\r\n\r\n",
     "400"},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "400"},
    /* chunks */
    {"POST / HTTP/1.1\r\n" H C "0x1\r\nx\r\n0\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" H C "+1\r\nx\r\n0\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" H C "-1\r\nx\r\n0\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" H C " 1\r\nx\r\n0\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" H C "1 \r\nx\r\n0\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" H C "\r\nx\r\n0\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" H C "1\nx\r\n0\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" H C "1\rx\r\n0\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" H C "1\r\nxy\r\n0\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" H C "1\r\nx\n0\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" H C "1\r\nx0\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" H C "10000000000000001\r\nx", "400"},
    {"POST / HTTP/1.1\r\n" H C "ffffffffffffffff\r\nx", "400"},
    {"POST / HTTP/1.1\r\n" H C "1;a=\x01\r\nx\r\n0\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" H C "1;a\nb\r\nx\r\n0\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" H C "0\r\nA : b\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" H C "0\r\nA: b\n\r\n", "400"},
    {"POST / HTTP/1.1\r\n" H C "0\n\n", "400"},
};

TASK_TEST(refusals) {
    SERVED(s, l, 0);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        /* What follows is never answered: who knows where it begins. */
        char want[32], both[1024];
        snprintf(both, sizeof both, "%sGET /after HTTP/1.1\r\n" CLOSE "\r\n", refused[i].request);
        ask(l, both);
        snprintf(want, sizeof want, "HTTP/1.1 %s ", refused[i].status);
        if (strncmp(out, want, strlen(want)) != 0)
            FAIL("row %zu: %s gives %.40s", i, refused[i].request, out);
        CHECK_HAS(out, "Connection: close\r\n");
        /* One answer, even when what followed looked like a request. */
        CHECK(!strstr(out + 1, "HTTP/1.1 "));
    }
    CHECK_STR(seen.reports, "");
    return end(s, l);
}

TASK_TEST(trailers_and_interim_answers) {
    SERVED(s, l, 0);
    ask(l, "POST /trailers HTTP/1.1\r\n" H "Connection: close\r\n" C
           "2\r\nhi\r\n0\r\nX-Sum: 7 \r\nB: c\r\n\r\n");
    CHECK_HAS(out, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n");
    CHECK_HAS(out, "\r\n\r\n3\r\n7/c\r\n0\r\nX-Sum: 8\r\n\r\n");
    ask(l, "POST /trailers HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi");
    CHECK(!strstr(out, "103"));
    CHECK_STR(body_of(out), "-/-");
    return end(s, l);
}

TASK_TEST(connection_rules) {
    SERVED(s, l, 0);
    /* HTTP/1.1 stays unless "close"; HTTP/1.0 ends unless "keep-alive". */
    ask(l, "GET /1 HTTP/1.1\r\n" H "\r\nGET /2 HTTP/1.1\r\n" H
           "Connection: x, Close\r\n\r\nGET /3 HTTP/1.1\r\n" H "\r\n");
    CHECK_HAS(out, "GET /2 ");
    CHECK(!strstr(out, "/3"));
    ask(l, "GET /1 HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET /2 HTTP/1.0\r\n\r\n"
           "GET /3 HTTP/1.0\r\n\r\n");
    CHECK_HAS(out, "Connection: keep-alive\r\n\r\nGET /1 ");
    CHECK_HAS(out, "Connection: close\r\n\r\nGET /2 ");
    CHECK(!strstr(out, "/3"));
    ask(l, "GET /1 HTTP/1.1\r\n" H "Connection: keep-alive\r\nConnection: close\r\n\r\n");
    CHECK_HAS(out, "Connection: close\r\n\r\nGET /1 ");
    /* Empty lines in front of a request (RFC 9112, 2.2). */
    ask(l, "\r\nGET /1 HTTP/1.1\r\n" CLOSE "\r\n");
    CHECK_HAS(out, "GET /1 ");
    /* A request of a newer 1.x is answered as 1.1 (RFC 9110, 2.5). */
    ask(l, "GET /1 HTTP/1.7\r\n" CLOSE "\r\n");
    CHECK_HAS(out, "HTTP/1.1 200 OK\r\n");
    ask(l, "GET /204 HTTP/1.1\r\n" H "\r\nHEAD /1 HTTP/1.1\r\n" H "\r\nHEAD /stream HTTP/1.1\r\n" H
           "\r\nGET /2 HTTP/1.1\r\n" CLOSE "\r\n");
    CHECK_HAS(out, "GET /2 ");
    return end(s, l);
}

/* What asks for another protocol and gets an answer goes on as HTTP/1.1 (RFC 9110, 7.8), with a
 * body, a long head, and others before and behind it. */
TASK_TEST(an_upgrade_that_is_declined) {
    static char request[20000];
    static const char *const bodies[] = {"", "hello"};
    static const int pads[] = {1, 150, 3000};
    SERVED(s, l, 0);
    for (int i = 0; i < 6; i++) {
        const char *body = bodies[i % 2];
        int n = sprintf(request,
                        "GET /1 HTTP/1.1\r\n" H "\r\n"
                        "POST /2?q HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade: other/1\r\n"
                        "X-A: yes\r\npad: %0*d\r\nContent-Length: %zu\r\n\r\n%s",
                        pads[i / 2], 0, strlen(body), body);
        n += sprintf(request + n, "PUT /3 HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade: h2c\r\n"
                                  "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n");
        n += sprintf(request + n, "GET /4 HTTP/1.1\r\n" CLOSE "\r\n");
        raw(l, request, (size_t)n, NULL, out, sizeof out);
        CHECK_HAS(out, "\r\n\r\nGET /1 ? x=- size=0 []HTTP/1.1 200 ");
        CHECK_HAS(out, i % 2 ? "POST /2 ?q x=yes size=5 [hello]HTTP/1.1 200 "
                             : "POST /2 ?q x=yes size=0 []HTTP/1.1 200 ");
        CHECK_HAS(out, "PUT /3 ? x=- size=-1 [hi]HTTP/1.1 200 ");
        CHECK_HAS(out, "Connection: close\r\n\r\nGET /4 ");
    }
    ask(l, "GET /1 HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade: a\r\nExpect: b\r\n\r\n");
    CHECK_HAS(out, "HTTP/1.1 417 ");
    return end(s, l);
}

TASK_TEST(limits) {
    double slow = getenv("TEST_SLOW") ? 20 : 2; /* who is to be in time needs it there */
    SERVED(s, l, .max_body = 100, .max_header_line = 200, .max_header_block = 1000,
           .max_headers = 5, .head_timeout = 0.05 * slow, .stall_timeout = 0.05 * slow,
           .idle_timeout = 0.1 * slow);
    static char request[5000];
    int n = sprintf(request, "GET / HTTP/1.1\r\n" H "x: ");
    memset(request + n, 'v', 300);
    strcpy(request + n + 300, "\r\n\r\n");
    CHECK_HAS(ask(l, request), "HTTP/1.1 431 ");
    n = sprintf(request, "GET /%0300d HTTP/1.1\r\n" H "\r\n", 0);
    CHECK_HAS(ask(l, request), "HTTP/1.1 414 ");
    n = sprintf(request, "GET / HTTP/1.1\r\n" H);
    for (int i = 0; i < 5; i++) n += sprintf(request + n, "a: b\r\n");
    strcpy(request + n, "\r\n");
    CHECK_HAS(ask(l, request), "HTTP/1.1 431 ");
    n = sprintf(request, "GET / HTTP/1.1\r\n" H);
    for (int i = 0; i < 9; i++) n += sprintf(request + n, "a: %0150d\r\n", 0);
    CHECK_HAS(ask(l, request), "HTTP/1.1 431 ");
    CHECK_HAS(ask(l, "GET / HTTP/1.1\r\nHo"), "HTTP/1.1 408 "); /* never ends */
    CHECK_HAS(ask(l, "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhe"), "HTTP/1.1 408 ");
    CHECK_STR(ask(l, ""), ""); /* idle for too long: no answer, an end */
    n = sprintf(request, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 11; i++) n += sprintf(request + n, "a\r\n0123456789\r\n");
    strcpy(request + n, "0\r\n\r\n");
    CHECK_HAS(ask(l, request), "HTTP/1.1 413 ");
    ask(l, "POST / HTTP/1.1\r\n" CLOSE "Content-Length: 5\r\n\r\nhello");
    CHECK_HAS(out, "HTTP/1.1 200 ");
    /* Two were too slow: one note a minute. */
    CHECK_HAS(seen.reports, "hob: 127.0.0.1:");
    CHECK_HAS(seen.reports, " was cut off: it did not send, or read, what it had to in its time\n");
    CHECK_EQ(strchr(seen.reports, '\n') - seen.reports, strlen(seen.reports) - 1);
    return end(s, l);
}

TASK_TEST(pipelining) {
    SERVED(s, l, 0);
    static char request[100000], expected[64];
    int n = 0;
    for (int i = 0; i < 500; i++)
        n += sprintf(request + n,
                     i % 3 ? "GET /n%d HTTP/1.1\r\n" H "\r\n"
                           : "POST /n%d HTTP/1.1\r\n" H "Content-Length: 60\r\n\r\n%060d",
                     i, 0);
    n += sprintf(request + n, "GET /end HTTP/1.1\r\n" CLOSE "\r\nGET /after HTTP/1.1\r\n" H "\r\n");
    raw(l, request, (size_t)n, NULL, out, sizeof out);
    const char *at = out;
    for (int i = 0; i < 500; i++) {
        sprintf(expected, i % 3 ? "GET /n%d ? x=- size=0 []" : "POST /n%d ? x=- size=60 [0", i);
        at = strstr(at, "\r\n\r\n");
        if (!at || strncmp(at + 4, expected, strlen(expected)) != 0)
            FAIL("answer %d: %.200s", i, at ? at : "none");
        at += 4;
    }
    CHECK_HAS(at, "GET /end ");
    CHECK(!strstr(at, "/after"));
    CHECK_EQ(seen.served, 501);
    return end(s, l);
}

/* Byte by byte, everything means the same. */
TASK_TEST(slow_writers) {
    SERVED(s, l, 0);
    const char *request = "POST /a?b HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
                          "5\r\nhello\r\n0\r\n\r\nGET /c HTTP/1.1\r\n" CLOSE "\r\n";
    struct hob_stream *c;
    CHECK_EQ(hob_connect(hob_listener_address(l), &c), 0);
    for (const char *at = request; *at; at++) {
        CHECK_EQ(hob_write(c, at, 1), 1);
        CHECK_EQ(hob_yield_now(), 0);
        CHECK_EQ(hob_sleep(0.0002), 0);
    }
    size_t n = 0;
    ssize_t got;
    while ((got = hob_read(c, out + n, sizeof out - 1 - n)) > 0) n += (size_t)got;
    out[n] = 0;
    hob_close(c);
    CHECK_HAS(out, "POST /a ?b x=- size=-1 [hello]");
    CHECK_HAS(out, "GET /c ? x=- size=0 []");
    return end(s, l);
}

TASK_TEST(expect_continue) {
    SERVED(s, l, 0);
    struct hob_stream *c;
    const char *head =
        "POST / HTTP/1.1\r\n" CLOSE "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    CHECK_EQ(hob_connect(hob_listener_address(l), &c), 0);
    CHECK_EQ(hob_write(c, head, strlen(head)), strlen(head));
    ssize_t n = hob_read(c, out, sizeof out);
    CHECK_EQ(n, 25);
    CHECK(memcmp(out, "HTTP/1.1 100 Continue\r\n\r\n", 25) == 0);
    CHECK_EQ(hob_write(c, "hello", 5), 5);
    n = hob_read(c, out, sizeof out - 1);
    CHECK(n > 0);
    out[n] = 0;
    CHECK_HAS(out, "[hello]");
    hob_close(c);
    /* Nobody reads the body: no 100, and the connection ends, since the body may come or not. */
    ask(l, "POST /unread HTTP/1.1\r\n" H "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    CHECK(!strstr(out, "100 Continue"));
    CHECK_HAS(out, "\r\nConnection: close\r\n\r\nunread");
    CHECK_STR(body_of(out), "unread");
    /* Nor does one without a body wait for anything. */
    ask(l, "GET /1 HTTP/1.1\r\n" H "Expect: 100-continue\r\n\r\nGET /2 HTTP/1.1\r\n" CLOSE "\r\n");
    CHECK_HAS(out, "GET /2 ");
    return end(s, l);
}

/* What a handler leaves unread is dropped when it is little, and ends the connection otherwise; the
 * answer arrives in both cases. */
TASK_TEST(unread_bodies) {
    SERVED(s, l, 0);
    static char request[3 << 20];
    int n = sprintf(request, "POST /unread HTTP/1.1\r\n" H "Content-Length: 5000\r\n\r\n");
    memset(request + n, 'b', 5000);
    n += 5000;
    n += sprintf(request + n, "GET /next HTTP/1.1\r\n" CLOSE "\r\n");
    raw(l, request, (size_t)n, NULL, out, sizeof out);
    CHECK_HAS(out, "unreadHTTP/1.1 200 OK");
    CHECK_HAS(out, "GET /next ");
    n = sprintf(request, "POST /unread HTTP/1.1\r\n" H "Content-Length: 200000\r\n\r\n");
    memset(request + n, 'b', 200000);
    raw(l, request, (size_t)n + 200000, NULL, out, sizeof out);
    CHECK_STR(body_of(out), "unread");
    return end(s, l);
}

/* ---- stopping ---- */

static int slow_one(struct hob_listener *l, char *to) {
    const char *request = "GET /slow HTTP/1.1\r\n" H "\r\n";
    raw(l, request, strlen(request), NULL, to, 4096);
    return 0;
}
HOB_TASK(slow_one, struct hob_listener *, char *)

static int serve(struct hob_listener *l) {
    return hob_http_serve(l, handler, NULL, (struct hob_http_options){0});
}
HOB_TASK(serve, struct hob_listener *)

TASK_TEST(stop_lets_requests_finish) {
    static char slow[4096];
    struct hob_listener *l = listening();
    HOB_SCOPE(clients);
    HOB_SCOPE(s);
    hob_spawn(s, serve, l);
    struct hob_stream *idle;
    CHECK_EQ(hob_connect(hob_listener_address(l), &idle), 0);
    CHECK_EQ(hob_write(idle, "GET / HTTP/1.1\r\n" H "\r\n", 27), 27);
    CHECK(hob_read(idle, out, sizeof out) > 0);
    hob_spawn(clients, slow_one, l, slow);
    while (!seen.waiting) CHECK_EQ(hob_sleep(0.001), 0);
    hob_stop(s, 1000);
    CHECK_EQ(hob_read(idle, out, sizeof out), 0); /* at once */
    CHECK_STR(slow, "");
    hob_event_set(&seen.go);
    CHECK_EQ(hob_join(s),
             0); /* when the last one has its answer, which is before the grace is over */
    CHECK_EQ(hob_join(clients), 0);
    CHECK_HAS(slow, "GET /slow ");
    CHECK_HAS(slow, "Connection: close");
    hob_close(idle);
    hob_listener_close(l);
    return 0;
}

TASK_TEST(grace_ends) {
    static char slow[4096];
    struct hob_listener *l = listening();
    HOB_SCOPE(clients);
    HOB_SCOPE(s);
    hob_spawn(s, serve, l);
    hob_spawn(clients, slow_one, l, slow);
    while (!seen.waiting) CHECK_EQ(hob_sleep(0.001), 0);
    hob_stop(s, 0.01);
    hob_join(s);
    CHECK_EQ(hob_join(clients), 0);
    CHECK_STR(slow, "");
    hob_listener_close(l);
    return 0;
}

TASK_TEST(connection_limit) {
    SERVED(s, l, .max_connections = 2);
    static char slow[6][4096];
    {
        HOB_SCOPE(clients);
        for (int i = 0; i < 6; i++) hob_spawn(clients, slow_one, l, slow[i]);
        while (seen.waiting < 2) CHECK_EQ(hob_sleep(0.005), 0);
        CHECK_EQ(hob_sleep(0.03), 0);
        CHECK_EQ(seen.waiting, 2);
        hob_scope_cancel(clients);
        hob_join(clients);
    }
    hob_event_set(&seen.go); /* the places of those who left are free again */
    ask(l, "GET / HTTP/1.1\r\n" CLOSE "\r\n");
    CHECK_HAS(out, "200 OK");
    return end(s, l);
}

TASK_TEST(out_of_descriptors) {
    /* valgrind has a limit of its own: it accepts the connection, closes it and says EMFILE. */
    const char *slow = getenv("TEST_SLOW");
    if (slow && strcmp(slow, "valgrind") == 0) return 0;
    SERVED(s, l, 0);
    int held[4096], n = 0;
    ask(l, "GET / HTTP/1.1\r\n" CLOSE "\r\n");
    struct hob_stream *c;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 200;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    while ((held[n] = dup(0)) >= 0) n++;
    CHECK(n > 10);
    close(held[--n]); /* one, for this side */
    CHECK_EQ(hob_connect(hob_listener_address(l), &c), 0);
    CHECK_EQ(hob_write(c, "GET / HTTP/1.1\r\n" CLOSE "\r\n", 46), 46);
    CHECK_EQ(hob_sleep(0.12), 0);
    CHECK_EQ(seen.served, 1);
    while (n > 0) close(held[--n]);
    CHECK(hob_read(c, out, sizeof out) > 0);
    CHECK_EQ(seen.served, 2);
    hob_close(c);
    return end(s, l);
}

/* ---- a real client ---- */

static int wait_for(pid_t pid, int *status) {
    while (waitpid(pid, status, WNOHANG) == 0) HOB_TRY(hob_sleep(0.005));
    return 0;
}

/* Runs a shell command, in which URL stands for the server's; it is to print that. */
static void client(struct hob_listener *l, const char *text, const char *expected) {
    static char command[4096], said[1 << 16];
    int pipes[2], status = -1;
    size_t n = 0;
    snprintf(command, sizeof command, "exec %s", text);
    for (char *at; (at = strstr(command, "URL"));) {
        char rest[sizeof command];
        strcpy(rest, at + 3);
        snprintf(at, sizeof command - (size_t)(at - command), "http://%s%s",
                 hob_listener_address(l), rest);
    }
    CHECK_EQ(pipe(pipes), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(pipes[1], 1);
        execl("/bin/sh", "sh", "-c", command, NULL);
        _exit(127);
    }
    close(pipes[1]);
    for (;;) {
        CHECK(hob_poll(pipes[0], 1) >= 0);
        ssize_t got = read(pipes[0], said + n, sizeof said - 1 - n);
        if (got <= 0) break;
        n += (size_t)got;
    }
    said[n] = 0;
    close(pipes[0]);
    CHECK_EQ(wait_for(pid, &status), 0);
    if (status != 0 || strcmp(said, expected) != 0) FAIL("%s: status %d: %s", text, status, said);
}

static void curl(struct hob_listener *l, const char *arguments, const char *expected) {
    static char command[1024];
    snprintf(command, sizeof command, "curl -s -m 10 %s", arguments);
    client(l, command, expected);
}

/* Bodies both ways on one connection of http.client, by length and in chunks. */
TASK_TEST(with_python) {
    if (system("python3 -c 'import http.client' >/dev/null 2>&1") != 0) return 0;
    SERVED(s, l, 0);
    client(l,
           "python3 -c 'if 1:\n"
           "  import http.client\n"
           "  c = http.client.HTTPConnection(\"URL\"[7:], timeout=10)\n"
           "  def ask(*what, **more):\n"
           "    c.request(*what, **more)\n"
           "    r = c.getresponse()\n"
           "    print(r.status, r.getheader(\"x-b\"), r.read().decode(), end=\";\")\n"
           "  ask(\"GET\", \"/a\"); first = c.sock\n"
           "  ask(\"POST\", \"/b\", body=b\"12345\")\n"
           "  ask(\"POST\", \"/c\", body=iter([b\"ab\", b\"cd\"]), encode_chunked=True,\n"
           "      headers={\"Transfer-Encoding\": \"chunked\"})\n"
           "  ask(\"HEAD\", \"/d\")\n"
           "  ask(\"GET\", \"/stream\")\n"
           "  ask(\"GET\", \"/204\")\n"
           "  print(c.sock is first)\n"
           "'",
           "200 b GET /a ? x=- size=0 [];200 b POST /b ? x=- size=5 [12345];"
           "200 b POST /c ? x=- size=-1 [abcd];200 b ;200 None piecepiecepiece;204 None ;True\n");
    return end(s, l);
}

/* Two hundred requests of an agent with four kept connections. */
TASK_TEST(with_node) {
    if (system("node --version >/dev/null 2>&1") != 0) return 0;
    SERVED(s, l, 0);
    client(l,
           "node -e 'const http = require(\"http\");\n"
           "const agent = new http.Agent({keepAlive: true, maxSockets: 4});\n"
           "let left = 200, right = 0, sockets = new Set();\n"
           "for (let i = 0; i < 200; i++) {\n"
           "  const req = http.request(\"URL/n\" + i, {agent, method: i % 2 ? \"POST\" : \"GET\"}, "
           "res => {\n"
           "    let text = \"\";\n"
           "    sockets.add(res.socket);\n"
           "    res.on(\"data\", piece => text += piece);\n"
           "    res.on(\"end\", () => {\n"
           "      if (text.includes(\"/n\" + i + \" \") && text.endsWith(i % 2 ? \"[hi\" + i + "
           "\"]\" : \"[]\")) right++;\n"
           "      if (--left == 0) { console.log(right, sockets.size); agent.destroy(); }\n"
           "    });\n"
           "  });\n"
           "  if (i % 2) req.write(\"hi\"), req.write(\"\" + i);\n"
           "  req.end();\n"
           "}'",
           "200 4\n");
    return end(s, l);
}

TASK_TEST(with_curl) {
    if (system("curl --version >/dev/null 2>&1") != 0) return 0;
    SERVED(s, l, 0);
    curl(l, "'URL/a?b=c'", "GET /a ?b=c x=- size=0 []");
    curl(l, "-H 'X-A: 1' -d hello URL/p", "POST /p ? x=1 size=5 [hello]");
    curl(l, "-H 'Transfer-Encoding: chunked' -d hello URL/p", "POST /p ? x=- size=-1 [hello]");
    curl(l, "-H 'Expect: 100-continue' -d hello URL/p", "POST /p ? x=- size=5 [hello]");
    curl(l, "URL/stream URL/sized URL/stream -w '%{num_connects};'",
         "piecepiecepiece1;piecepiecepiece0;piecepiecepiece0;");
    curl(l, "-0 URL/stream", "piecepiecepiece");
    curl(l, "-X DELETE URL/d", "DELETE /d ? x=- size=0 []");
    curl(l, "-I -o /dev/null -w '%{http_code} %{size_download}' URL/", "200 0");
    curl(l, "-o /dev/null -w '%{http_code}' URL/fail", "500");
    curl(l, "-o /dev/null -w '%{http_code}' URL/204", "204");
    return end(s, l);
}

TEST_MAIN()
