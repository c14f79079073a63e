/* fetch_with_timeout - one of five pages hangs; the others come, and no error.
 *
 * `try: await wait_for(session.get(url), 0.5) / except TimeoutError: return None` is
 * hob_within(0.5, hob_get(...)), and -ETIMEDOUT. What was half received is closed by then. */
#include <hob/hob.h>
#include <hob/http.h>
#include <hob/net.h>
#include <stdio.h>
#include <string.h>

enum { URLS = 5 };

/* ---- the server: /hang never answers ---- */

static int answer(struct hob_request *req, void *arg) {
    (void)arg;
    if (strcmp(hob_request_path(req), "/hang") == 0) HOB_TRY(hob_sleep(3600));
    return hob_respond_text(req, 200, "text/plain", "here you are");
}

static int serve(struct hob_listener *listener) {
    return hob_http_serve(listener, answer, NULL, (struct hob_http_options){});
}
HOB_TASK(serve, struct hob_listener *)

static void close_listener(void *l) { hob_listener_close((struct hob_listener *)l); }

/* ---- the client ---- */

static int fetch(struct hob_client *client, const char *url, char *page, size_t room) {
    struct hob_body body;
    int status = hob_within(0.5, hob_get(client, url, &body));
    if (status == -ETIMEDOUT) return 0; /* the page stays empty */
    HOB_TRY(status);
    snprintf(page, room, "%s", body.data);
    hob_body_free(&body);
    return 0;
}
HOB_TASK(fetch, struct hob_client *, const char *, char *, size_t)

static int fetch_all(const char *address) {
    static const char *const urls[URLS] = {"/one", "/two", "/hang", "/four", "/five"};
    char base[64], pages[URLS][32] = {""};
    uint64_t began = hob_now();
    snprintf(base, sizeof base, "http://%s/", address);
    HOB_CLIENT(client, .base_url = base);
    HOB_SCOPE(s);
    for (int i = 0; i < URLS; i++) hob_spawn(s, fetch, client, urls[i], pages[i], sizeof pages[i]);
    HOB_TRY(hob_join(s));
    for (int i = 0; i < URLS; i++) printf("%s: %s\n", urls[i], pages[i][0] ? pages[i] : "nothing");
    printf("in %.2f s\n", (hob_now() - began) / 1e9);
    return 0;
}

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    struct hob_listener *listener;
    HOB_TRY(hob_listen("127.0.0.1:0", &listener));
    HOB_DEFER(close_listener, listener);
    HOB_SCOPE(s);
    hob_spawn_daemon(s, serve, listener);
    HOB_TRY(fetch_all(hob_listener_address(listener)));
    return hob_join(s);
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
