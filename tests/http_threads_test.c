/* http_threads_test.c - a server in several threads: a loop each, which all listen on one port
 * (SO_REUSEPORT); requests reach all of them, a stop ends all of them, and the requests in progress
 * are answered. */
#include <hob/channel.h>
#include <hob/sse.h>
#include <hob/thread.h>
#include <stdatomic.h>

#include "http_test.h"

enum { WORKERS = 3 };

static _Atomic int listening_now, answered[WORKERS], streams, slow_ones;
static char address[64];

static int handle(struct hob_request *req, void *arg) {
    (void)arg;
    if (strcmp(hob_request_path(req), "/slow") == 0) {
        slow_ones++;
        HOB_TRY(hob_sleep(0.5));
    }
    if (strcmp(hob_request_path(req), "/events") == 0) {
        HOB_SCOPE(s);
        struct hob_sse_sender *out;
        HOB_TRY(hob_sse_begin(s, req, &out));
        HOB_TRY(hob_sse_send(out, .data = "hello"));
        streams++;
        return hob_sleep(1e6);
    }
    int i = hob_worker_index();
    answered[i]++;
    char text[16], type[16]; /* each loop's own: it keeps its answers' head */
    snprintf(text, sizeof text, "%d", i);
    snprintf(type, sizeof type, "text/x-%d", i);
    return hob_respond_text(req, 200, type, text);
}

static int worker(void) {
    struct hob_listener *l;
    HOB_TRY(hob_listen_with(address, (struct hob_listen_options){.reuse_port = true}, &l));
    listening_now++;
    int rc = hob_http_serve(l, handle, NULL, (struct hob_http_options){0});
    hob_listener_close(l);
    return rc;
}
HOB_TASK(worker)

static int run_workers(void) { return hob_run_workers(WORKERS, worker); }
HOB_TASK(run_workers)

static int one(struct hob_client *c, const char *url, int *count) {
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    const char *body;
    HOB_TRY(hob_client_request(c, "GET", url, &res));
    HOB_TRY(hob_response_body(res, &body, NULL));
    CHECK_STR(hob_response_header(res, "content-type") + strlen("text/x-"), body);
    (*count)++;
    return 0;
}
HOB_TASK(one, struct hob_client *, const char *, int *)

static int count_events(struct hob_client *c, const char *url, int *complete) {
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    const char *body;
    size_t n;
    HOB_TRY(hob_client_request(c, "GET", url, &res));
    HOB_TRY(hob_response_body(res, &body, &n));
    *complete += strcmp(body, "data: hello\n\n") == 0;
    return 0;
}
HOB_TASK(count_events, struct hob_client *, const char *, int *)

TASK_TEST(all_serve_and_all_end) {
    struct hob_listener *first; /* finds the port, and keeps it */
    char url[96], slow[96], events[96];
    int count = 0, complete = 0;
    CHECK_EQ(
        hob_listen_with("127.0.0.1:0", (struct hob_listen_options){.reuse_port = true}, &first), 0);
    snprintf(address, sizeof address, "%s", hob_listener_address(first));
    HOB_SCOPE(s);
    struct hob_task *workers = hob_spawn(s, run_workers);
    while (listening_now < WORKERS) HOB_TRY(hob_sleep(0.001));
    hob_listener_close(first);
    snprintf(url, sizeof url, "http://%s/", address);
    snprintf(slow, sizeof slow, "http://%s/slow", address);
    snprintf(events, sizeof events, "http://%s/events", address);
    {
        HOB_CLIENT(c, .max_per_host = 1, .retries = 0);
        HOB_SCOPE(some);
        for (int i = 0; i < 50; i++) hob_spawn(some, one, c, url, &count);
        CHECK_EQ(hob_join(some), 0);
    }
    CHECK_EQ(count, 50);
    for (int i = 0; i < 100; i++) { /* a connection each: the kernel spreads them */
        HOB_CLIENT(c);
        CHECK_EQ(one(c, url, &count), 0);
    }
    CHECK_EQ(answered[0] + answered[1] + answered[2], 150);
    for (int i = 0; i < WORKERS; i++) CHECK(answered[i] > 0);
    HOB_CLIENT(c);
    HOB_SCOPE(busy);
    for (int i = 0; i < 12; i++) hob_spawn(busy, one, c, slow, &count);
    for (int i = 0; i < 6; i++) hob_spawn(busy, count_events, c, events, &complete);
    while (streams < 6 || slow_ones < 12) HOB_TRY(hob_sleep(0.001));
    hob_stop(s, 100);
    CHECK_EQ(hob_await(workers), 0);
    CHECK_EQ(hob_join(busy), 0);
    CHECK_EQ(count, 162);
    CHECK_EQ(complete, 6);
    hob_error_clear();
    return 0;
}

TEST_MAIN()
