/* http_server_drivers_test.c - the HTTP server with a cancel at each of its cancellation points and
 * with each of its allocations failing: whatever happens, the run ends, and every byte and
 * descriptor comes back. */
#include "drivers.h"

#include <hob/access_log.h>
#include <hob/http.h>
#include <hob/net.h>

static int upgraded(struct hob_request *req) {
    struct hob_stream *s;
    char byte;
    HOB_TRY(hob_request_upgrade(req, "echo", HOB_HEADERS({"X", "y"}), &s));
    while (HOB_TRY(hob_read(s, &byte, 1)) == 1) HOB_TRY(hob_write(s, &byte, 1));
    return 0;
}

static int handler(struct hob_request *req, void *arg) {
    const char *path = hob_request_path(req), *body;
    (void)arg;
    if (strcmp(path, "/upgrade") == 0) return upgraded(req);
    HOB_TRY(hob_request_body(req, &body, NULL));
    if (strcmp(path, "/wait") == 0) HOB_TRY(hob_yield_now());
    if (strcmp(path, "/stream") != 0) return hob_respond_text(req, 200, "text/plain", body);
    HOB_TRY(hob_respond_begin(req, 200, NULL, -1));
    HOB_TRY(hob_respond_write(req, "piece", 5));
    return hob_respond_end_with(req, HOB_HEADERS({"X", "y"}));
}

/* A server that is cancelled alone would leave its client waiting. */
static int serve(struct hob_listener *l, struct hob_http_options options) {
    int rc = hob_http_serve(l, handler, NULL, options);
    return rc == -ECANCELED ? -EIO : rc;
}
HOB_TASK(serve, struct hob_listener *, struct hob_http_options)

static const char batch[] = "GET /a HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n"
                            "POST /wait?q HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                            "chunked\r\n\r\n2\r\nhi\r\n0\r\nT: x\r\n\r\n"
                            "GET http://b/stream HTTP/1.1\r\nHost: a\r\n\r\n";
static const char last[] =
    "GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly";

/* Sends the text and reads until that has come. */
static int talk(struct hob_stream *c, const char *text, const char *until) {
    char in[4096];
    size_t n = 0;
    HOB_TRY(hob_write(c, text, strlen(text)));
    for (in[0] = 0; !strstr(in, until); in[n] = 0) {
        ssize_t got = HOB_TRY(hob_read(c, in + n, sizeof in - 1 - n));
        if (got == 0) return HOB_E_EOF;
        n += (size_t)got;
    }
    return 0;
}

static int conversation(struct hob_listener *l) {
    struct hob_stream *c;
    HOB_TRY(hob_connect(hob_listener_address(l), &c));
    int rc = talk(c, batch, "\r\n0\r\nX: y\r\n\r\n");
    if (rc == 0) rc = hob_yield_now(); /* it is parked */
    if (rc == 0) rc = talk(c, last, "early");
    hob_close(c);
    return rc;
}

static int serve_and_talk(struct hob_listener *l, struct hob_http_options options) {
    HOB_SCOPE(s);
    int rc = hob_start(s, serve, l, options);
    if (rc == 0) rc = conversation(l);
    if (rc == 0) hob_stop(s, 5);
    if (rc < 0) hob_scope_cancel(s);
    int joined = hob_join(s);
    return rc < 0 ? rc : joined;
}

static int everything(void) {
    struct hob_listener *l;
    HOB_TRY(hob_listen("127.0.0.1:0", &l));
    int rc;
    {
        HOB_SCOPE(s);
        struct hob_access_log *log;
        rc = hob_access_log_open(s, &log, .path = "/dev/null", .interval = 0.0001);
        if (rc == 0)
            rc = serve_and_talk(l, (struct hob_http_options){.access_log = log,
                                                             .trusted = "127.0.0.1, 10.0.0.0/8"});
        hob_scope_cancel(s);
        hob_join(s);
    }
    hob_listener_close(l);
    return rc;
}

DRIVE(server_cancelled_at_every_point, everything, NULL)

static int a_proxy_and_a_refusal(void) {
    struct hob_listener *l;
    HOB_TRY(hob_listen("127.0.0.1:0", &l));
    int rc;
    {
        HOB_SCOPE(s);
        rc = hob_start(s, serve, l, ((struct hob_http_options){.proxy_protocol = true}));
        struct hob_stream *c = NULL;
        if (rc == 0) rc = hob_connect(hob_listener_address(l), &c);
        if (rc == 0) rc = talk(c, "PROXY TCP4 1.2.3.4 5.6.7.8 9 80\r\nno request\r\n\r\n", "400");
        hob_close(c);
        if (rc == 0) hob_stop(s, 5);
        if (rc < 0) hob_scope_cancel(s);
        int joined = hob_join(s);
        rc = rc < 0 ? rc : joined;
    }
    hob_listener_close(l);
    return rc;
}

DRIVE(refusal_cancelled_at_every_point, a_proxy_and_a_refusal, NULL)

TEST_MAIN()
