/* session - one client for a whole program: base URL, default headers, times, limits of the pool,
 * how long names are kept.
 *
 * `ClientSession(base_url=..., headers=..., timeout=ClientTimeout(total=..., connect=...),
 * connector=TCPConnector(limit=..., limit_per_host=..., ttl_dns_cache=...))`. */
#include <hob/dns.h>
#include <hob/hob.h>
#include <hob/http.h>
#include <hob/net.h>
#include <stdio.h>
#include <string.h>

enum { REQUESTS = 30, PER_HOST = 4 };

/* ---- the server counts what it sees ---- */

static int busy, most_busy, with_key;

static int answer(struct hob_request *req, void *arg) {
    (void)arg;
    const char *key = hob_request_header(req, "x-api-key"), *path = hob_request_path(req);
    with_key += key && strcmp(key, "secret") == 0;
    if (++busy > most_busy) most_busy = busy;
    int rc = hob_sleep(strcmp(path, "/v1/slow") == 0 ? 60 : 0.02);
    busy--;
    return rc < 0 ? rc : hob_respond_text(req, 200, "text/plain", path);
}

static int serve(struct hob_listener *listener) {
    return hob_http_serve(listener, answer, NULL, (struct hob_http_options){});
}
HOB_TASK(serve, struct hob_listener *)

static void close_listener(void *l) { hob_listener_close((struct hob_listener *)l); }

/* ---- the client ---- */

static int fetch(struct hob_client *client, const char *url) {
    struct hob_body body;
    int status = hob_get(client, url, &body);
    hob_body_free(&body);
    return status;
}
HOB_TASK(fetch, struct hob_client *, const char *)

static int use(const char *address) {
    char base[64];
    struct hob_client_info info;
    struct hob_header headers[] = {{"X-API-Key", "secret"}, {"Accept", "text/plain"}, {NULL, NULL}};
    snprintf(base, sizeof base, "http://localhost%s/v1/", strrchr(address, ':'));
    struct hob_dns_options names = {};
    names.max_ttl = 300;
    HOB_TRY(hob_dns_configure(&names));
    HOB_CLIENT(client, .base_url = base, .headers = headers, .max_connections = 10,
               .max_per_host = PER_HOST, .connect_timeout = 2, .timeout = 0.5);
    {
        HOB_SCOPE(s);
        for (int i = 0; i < REQUESTS; i++) hob_spawn(s, fetch, client, "users");
        HOB_TRY(hob_join(s));
    }
    hob_client_info(client, &info);
    printf("%d requests over %d connections, at most %d at once, %d with the key\n", REQUESTS,
           (int)info.opened, most_busy, with_key);
    int rc = fetch(client, "slow"); /* .timeout is over before its answer comes */
    if (rc == -ECANCELED) return rc;
    return printf("slow: %s\n", rc < 0 ? hob_strerror(rc) : "answered");
}

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    struct hob_listener *listener;
    HOB_TRY(hob_listen("127.0.0.1:0", &listener));
    HOB_DEFER(close_listener, listener);
    HOB_SCOPE(s);
    hob_spawn_daemon(s, serve, listener);
    HOB_TRY(use(hob_listener_address(listener)));
    return hob_join(s);
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
