/* hundred_items - a hundred items as JSON, through a pool of thirty connections.
 *
 * `TCPConnector(limit=30)` is .max_connections: the hundred tasks run all at once, and wait at the
 * pool for their turn, in order of arrival. */
#include <hob/hob.h>
#include <hob/http_json.h>
#include <hob/net.h>
#include <stdio.h>
#include <stdlib.h>

enum { ITEMS = 100, CONNECTIONS = 30 };

struct item {
    int64_t id, square;
};
HOB_MODEL(item, struct item, HOB_FIELD(id), HOB_FIELD(square))

/* ---- the server: 50 ms for an item ---- */

static int busy, most_busy;

static int answer(struct hob_request *req, void *arg) {
    (void)arg;
    char text[80];
    int id = atoi(hob_request_path(req) + 7); /* "/items/" */
    if (++busy > most_busy) most_busy = busy;
    int rc = hob_sleep(0.05);
    busy--;
    if (rc < 0) return rc;
    snprintf(text, sizeof text, "{\"id\": %d, \"square\": %d}", id, id * id);
    return hob_respond_text(req, 200, "application/json", text);
}

static int serve(struct hob_listener *listener) {
    return hob_http_serve(listener, answer, NULL, (struct hob_http_options){});
}
HOB_TASK(serve, struct hob_listener *)

static void close_listener(void *l) { hob_listener_close((struct hob_listener *)l); }

/* ---- the client ---- */

static int fetch(struct hob_client *client, int id, struct item *out) {
    char url[40];
    HOB_ARENA(memory);
    snprintf(url, sizeof url, "/items/%d", id);
    return hob_get_json(client, url, item, out, &memory);
}
HOB_TASK(fetch, struct hob_client *, int, struct item *)

static int fetch_all(const char *address) {
    char base[64];
    struct item items[ITEMS];
    struct hob_client_info info;
    int64_t sum = 0;
    snprintf(base, sizeof base, "http://%s/", address);
    HOB_CLIENT(client, .base_url = base, .max_connections = CONNECTIONS);
    {
        HOB_SCOPE(s);
        for (int i = 0; i < ITEMS; i++) hob_spawn(s, fetch, client, i + 1, &items[i]);
        HOB_TRY(hob_join(s));
    }
    for (int i = 0; i < ITEMS; i++) sum += items[i].square;
    hob_client_info(client, &info);
    printf("%d items, the squares' sum is %d\n", ITEMS, (int)sum);
    return printf("%d connections, at most %d requests at once\n", (int)info.opened, most_busy);
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
