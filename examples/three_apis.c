/* three_apis - three services asked at once, three answers as structs.
 *
 * A task group and three `await r.json()`. Each result lands in a variable of the caller's, which
 * is there until the scope has ended; the first error would cancel the other two. */
#include <hob/hob.h>
#include <hob/http_json.h>
#include <hob/net.h>
#include <stdio.h>
#include <string.h>

struct user {
    char *name;
};
struct weather {
    double degrees;
};
struct stock {
    char *symbol;
    int64_t shares;
};
HOB_MODEL(user, struct user, HOB_FIELD(name))
HOB_MODEL(weather, struct weather, HOB_FIELD(degrees))
HOB_MODEL(stock, struct stock, HOB_FIELD(symbol), HOB_FIELD(shares))

/* ---- the three services, each 0.3 s away ---- */

static int answer(struct hob_request *req, void *arg) {
    (void)arg;
    const char *path = hob_request_path(req), *text = "{\"symbol\": \"HOB\", \"shares\": 12}";
    if (strcmp(path, "/user") == 0) text = "{\"name\": \"Ada\"}";
    if (strcmp(path, "/weather") == 0) text = "{\"degrees\": 21.5}";
    HOB_TRY(hob_sleep(0.3));
    return hob_respond_text(req, 200, "application/json", text);
}

static int serve(struct hob_listener *listener) {
    return hob_http_serve(listener, answer, NULL, (struct hob_http_options){});
}
HOB_TASK(serve, struct hob_listener *)

static void close_listener(void *l) { hob_listener_close((struct hob_listener *)l); }

/* ---- the client ---- */

static int get_user(struct hob_client *client, struct user *out, struct hob_arena *memory) {
    return hob_get_json(client, "/user", user, out, memory);
}
static int get_weather(struct hob_client *client, struct weather *out, struct hob_arena *memory) {
    return hob_get_json(client, "/weather", weather, out, memory);
}
static int get_stock(struct hob_client *client, struct stock *out, struct hob_arena *memory) {
    return hob_get_json(client, "/stock", stock, out, memory);
}
HOB_TASK(get_user, struct hob_client *, struct user *, struct hob_arena *)
HOB_TASK(get_weather, struct hob_client *, struct weather *, struct hob_arena *)
HOB_TASK(get_stock, struct hob_client *, struct stock *, struct hob_arena *)

static int dashboard(const char *address) {
    char base[64];
    struct user user;
    struct weather weather;
    struct stock stock;
    snprintf(base, sizeof base, "http://%s/", address);
    HOB_CLIENT(client, .base_url = base);
    HOB_ARENA(memory); /* all strings of the three are in here */
    uint64_t began = hob_now();
    {
        HOB_SCOPE(s);
        hob_spawn(s, get_user, client, &user, &memory);
        hob_spawn(s, get_weather, client, &weather, &memory);
        hob_spawn(s, get_stock, client, &stock, &memory);
        HOB_TRY(hob_join(s));
    }
    printf("%s, %.1f degrees, %d of %s\n", user.name, weather.degrees, (int)stock.shares,
           stock.symbol);
    return printf("in %.2f s\n", (hob_now() - began) / 1e9);
}

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    struct hob_listener *listener;
    HOB_TRY(hob_listen("127.0.0.1:0", &listener));
    HOB_DEFER(close_listener, listener);
    HOB_SCOPE(s);
    hob_spawn_daemon(s, serve, listener);
    HOB_TRY(dashboard(hob_listener_address(listener)));
    return hob_join(s);
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
