/* fetch_100 - a hundred pages of one second each, at once.
 *
 * aiohttp.ClientSession() is HOB_CLIENT(client, ...), and session.get() is hob_get(): a call, which
 * hob_spawn() lets run a hundred times side by side. The server is a task of this program, too. */
#include <hob/hob.h>
#include <hob/http.h>
#include <hob/net.h>
#include <stdio.h>

enum { PAGES = 100 };

/* ---- the server: a second for an answer ---- */

static int answer(struct hob_request *req, void *arg) {
    (void)arg;
    HOB_TRY(hob_sleep(1.0));
    return hob_respond_text(req, 200, "text/plain", "here you are\n");
}

static int serve(struct hob_listener *listener) {
    return hob_http_serve(listener, answer, NULL, (struct hob_http_options){});
}
HOB_TASK(serve, struct hob_listener *)

static void close_listener(void *l) { hob_listener_close((struct hob_listener *)l); }

/* ---- the client ---- */

static int fetch(struct hob_client *client, int page, size_t *bytes) {
    char url[32];
    struct hob_body body;
    snprintf(url, sizeof url, "/page/%d", page);
    int status = HOB_TRY(hob_get(client, url, &body));
    *bytes += body.size; /* no lock: only a call that waits lets others run */
    hob_body_free(&body);
    return status == 200 ? 0 : hob_fail(-EPROTO, "%s: status %d", url, status);
}
HOB_TASK(fetch, struct hob_client *, int, size_t *)

static int fetch_all(const char *address) {
    char base[64];
    size_t bytes = 0;
    uint64_t began = hob_now();
    snprintf(base, sizeof base, "http://%s/", address);
    HOB_CLIENT(client, .base_url = base, .max_connections = PAGES);
    HOB_SCOPE(s);
    for (int page = 1; page <= PAGES; page++) hob_spawn(s, fetch, client, page, &bytes);
    HOB_TRY(hob_join(s));
    printf("%d pages, %zu bytes, in %.2f s\n", PAGES, bytes, (hob_now() - began) / 1e9);
    return 0;
}

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    struct hob_listener *listener;
    HOB_TRY(hob_listen("127.0.0.1:0", &listener));
    HOB_DEFER(close_listener, listener);
    HOB_SCOPE(s);
    hob_spawn_daemon(s, serve, listener); /* ends when only daemons are left */
    HOB_TRY(fetch_all(hob_listener_address(listener)));
    return hob_join(s);
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
