/* post_json - a JSON object sent with a bearer token, and the answer as a struct.
 *
 * `await session.post(url, json=order, headers=...)` is hob_client_request() with HOB_JSON_OF(),
 * and `await r.json()` is hob_response_json(): what is wrong with an answer is named with its path.
 */
#include <hob/hob.h>
#include <hob/http_json.h>
#include <hob/net.h>
#include <stdio.h>
#include <string.h>

struct order {
    int64_t id;
    char *item;
    double price;
};
HOB_MODEL(order, struct order, HOB_FIELD(id), HOB_FIELD(item), HOB_FIELD(price, HOB_MIN(0)))

/* ---- the server: gives the object back, if the token is right ---- */

static int answer(struct hob_request *req, void *arg) {
    (void)arg;
    const char *token = hob_request_header(req, "authorization"), *body;
    size_t size;
    if (!token || strcmp(token, "Bearer secret") != 0)
        return hob_respond_text(req, 401, "text/plain", "no\n");
    HOB_TRY(hob_request_body(req, &body, &size));
    struct hob_header type[] = {{"Content-Type", "application/json"}, {NULL, NULL}};
    return hob_respond(req, 201, type, body, size);
}

static int serve(struct hob_listener *listener) {
    return hob_http_serve(listener, answer, NULL, (struct hob_http_options){});
}
HOB_TASK(serve, struct hob_listener *)

static void close_listener(void *l) { hob_listener_close((struct hob_listener *)l); }

/* ---- the client ---- */

static int post(struct hob_client *client, const struct hob_header *headers) {
    HOB_ARENA(memory);
    struct order order = {7, (char *)"tea", 4.5}, made;
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    HOB_TRY(hob_client_request(client, "POST", "/orders", &res, .headers = headers,
                               HOB_JSON_OF(order, &order)));
    int status = hob_response_status(res);
    if (status != 201) return printf("status %d\n", status);
    HOB_TRY(hob_response_json(res, order, &made, &memory));
    return printf("status %d: order %d, %s for %.2f\n", status, (int)made.id, made.item,
                  made.price);
}

static int post_both(const char *address) {
    char base[64];
    snprintf(base, sizeof base, "http://%s/", address);
    HOB_CLIENT(client, .base_url = base);
    HOB_TRY(post(client, HOB_HEADERS({"Authorization", "Bearer secret"})));
    return post(client, NULL);
}

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    struct hob_listener *listener;
    HOB_TRY(hob_listen("127.0.0.1:0", &listener));
    HOB_DEFER(close_listener, listener);
    HOB_SCOPE(s);
    hob_spawn_daemon(s, serve, listener);
    HOB_TRY(post_both(hob_listener_address(listener)));
    return hob_join(s);
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
