/* rate_limit - a hundred requests, ten at a time.
 *
 * `async with semaphore:` is HOB_WITH(hob_sem, &limit). All hundred tasks start at once; ten are at
 * the server, the others wait in order of arrival. The server, in here too, counts how many it
 * sees.
 */
#include <hob/hob.h>
#include <hob/http.h>
#include <hob/net.h>
#include <stdio.h>

enum { REQUESTS = 100, AT_ONCE = 10 };

/* ---- the server: 50 ms for an answer ---- */

static int busy, most_busy;

static int answer(struct hob_request *req, void *arg) {
    (void)arg;
    if (++busy > most_busy) most_busy = busy;
    int rc = hob_sleep(0.05);
    busy--;
    return rc < 0 ? rc : hob_respond_text(req, 200, "text/plain", "hello\n");
}

static int serve(struct hob_listener *listener) {
    return hob_http_serve(listener, answer, NULL, (struct hob_http_options){});
}
HOB_TASK(serve, struct hob_listener *)

static void close_listener(void *l) { hob_listener_close((struct hob_listener *)l); }

/* ---- the client ---- */

static int fetch(struct hob_client *client, struct hob_sem *limit, int *done) {
    HOB_WITH(hob_sem, limit); /* given back however the block is left */
    struct hob_body body;
    HOB_TRY(hob_get(client, "/", &body));
    hob_body_free(&body);
    return ++*done;
}
HOB_TASK(fetch, struct hob_client *, struct hob_sem *, int *)

static int fetch_all(const char *address, int *done) {
    char url[64];
    snprintf(url, sizeof url, "http://%s/", address);
    HOB_CLIENT(client, .base_url = url);
    struct hob_sem limit = HOB_SEM_BOUNDED(AT_ONCE);
    HOB_SCOPE(s);
    for (int i = 0; i < REQUESTS; i++) hob_spawn(s, fetch, client, &limit, done);
    return hob_join(s);
}

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    int done = 0;
    struct hob_listener *listener;
    HOB_TRY(hob_listen("127.0.0.1:0", &listener));
    HOB_DEFER(close_listener, listener);
    HOB_SCOPE(s);
    hob_spawn_daemon(s, serve, listener);
    uint64_t began = hob_now();
    HOB_TRY(fetch_all(hob_listener_address(listener), &done));
    printf("%d requests in %.2f s\n", done, (hob_now() - began) / 1e9);
    printf("the server never saw more than %d at once\n", most_busy);
    return hob_join(s);
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
