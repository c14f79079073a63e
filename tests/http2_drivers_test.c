/* http2_drivers_test.c - HTTP/2: cancel at every point, every allocation failing, in
 * simulated worlds too. */
#define SEEDS 3
#include "drivers.h"
#include "h2_peer.h"

/* The peer counts no points and keeps no memory of Hob's, but for its streams and tasks. */
static struct hob_client *client;

static int get_small(const char *url) {
    struct hob_body body;
    int rc = hob_get(client, url, &body);
    hob_body_free(&body);
    return rc < 0 ? rc : 0;
}
HOB_TASK(get_small, const char *)

static int post_large(const char *url) {
    static char text[70000];
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    HOB_TRY(hob_client_request(client, "POST", url, &res, .body = text, .body_size = sizeof text));
    char buf[8000];
    ssize_t n;
    while ((n = hob_response_read(res, buf, sizeof buf)) > 0) continue;
    return (int)n;
}
HOB_TASK(post_large, const char *)

/* For an answer that never comes, as its writer was cancelled. */
static double patience(void) { return getenv("TEST_SLOW") ? 8 : 1; }

static void after(void) {
    struct hob_client_info info;
    hob_client_info(client, &info);
    CHECK_EQ(info.in_use, 0);
    CHECK_EQ(info.waiting, 0);
}

static int exchanges(void) {
    struct peer peer = {.max_streams = 2};
    struct hob_listener *l;
    HOB_TRY(hob_listen("127.0.0.1:0", &l));
    int rc;
    {
        HOB_SCOPE(outer, .on_error = HOB_COLLECT);
        hob_spawn(outer, run_peer, l, &peer);
        rc = hob_client_open(&client, .http2_prior_knowledge = true, .timeout = patience());
        if (rc >= 0) {
            {
                HOB_SCOPE(s);
                const char *url = url_of(l, "/");
                for (int i = 0; i < 4; i++) hob_spawn(s, get_small, url);
                hob_spawn(s, post_large, url);
                rc = hob_join(s);
            }
            if (rc >= 0) rc = post_large(url_of(l, "/"));
            after();
            hob_client_close(client);
        }
        hob_scope_cancel(outer);
        hob_join(outer);
    }
    hob_listener_close(l);
    return rc;
}
DRIVE(exchanges_cancelled_at_every_point, exchanges, NULL)

/* The same with the server. */
static int answer_all(struct hob_request *req, void *arg) {
    const char *data;
    size_t n;
    (void)arg;
    HOB_TRY(hob_request_body(req, &data, &n));
    if (n == 0) return hob_respond_text(req, 200, "text/plain", "all");
    HOB_TRY(hob_respond_begin(req, 200, NULL, -1));
    HOB_TRY(hob_respond_write(req, data, n));
    return hob_respond_end(req);
}

static int served(void) {
    struct hob_listener *l;
    HOB_TRY(hob_listen("127.0.0.1:0", &l));
    int rc;
    {
        HOB_SCOPE(outer, .on_error = HOB_COLLECT);
        hob_spawn(outer, hob_http_serve, l, answer_all, NULL,
                  (struct hob_http_options){.max_streams = 3});
        rc = hob_client_open(&client, .http2_prior_knowledge = true, .timeout = patience());
        if (rc >= 0) {
            {
                HOB_SCOPE(s);
                const char *url = url_of(l, "/");
                for (int i = 0; i < 4; i++) hob_spawn(s, get_small, url);
                hob_spawn(s, post_large, url);
                rc = hob_join(s);
            }
            if (rc >= 0) rc = post_large(url_of(l, "/"));
            after();
            hob_client_close(client);
        }
        hob_scope_cancel(outer);
        hob_join(outer);
    }
    hob_listener_close(l);
    return rc;
}
DRIVE(served_cancelled_at_every_point, served, NULL)

TEST_MAIN()
