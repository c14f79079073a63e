/* safe_fetch - whatever goes wrong becomes a printed line, and the others go on.
 *
 * The `except` clauses are the cases of a switch: timeout, refusal, bad status, bad JSON. */
#include <hob/hob.h>
#include <hob/http_json.h>
#include <hob/net.h>
#include <stdio.h>
#include <string.h>

struct user {
    int64_t id;
    char *name;
};
HOB_MODEL(user, struct user, HOB_FIELD(id, HOB_MIN(1)), HOB_FIELD(name))

/* ---- the server: good and bad answers ---- */

static int answer(struct hob_request *req, void *arg) {
    (void)arg;
    const char *path = hob_request_path(req), *text = "{\"id\": 7, \"name\": \"Ada\"}";
    if (strcmp(path, "/slow") == 0) HOB_TRY(hob_sleep(60));
    if (strcmp(path, "/none") == 0) return hob_respond_text(req, 404, "text/plain", "no\n");
    if (strcmp(path, "/html") == 0) text = "<p>Hello";
    if (strcmp(path, "/wrong") == 0) text = "{\"id\": 0, \"name\": \"nobody\"}";
    return hob_respond_text(req, 200, "application/json", text);
}

static int serve(struct hob_listener *listener) {
    return hob_http_serve(listener, answer, NULL, (struct hob_http_options){});
}
HOB_TASK(serve, struct hob_listener *)

static void close_listener(void *l) { hob_listener_close((struct hob_listener *)l); }

/* ---- the client ---- */

/* Is it there? Never fails, but when the whole program is stopped. */
static int safe_fetch(struct hob_client *client, const char *url, struct user *out,
                      struct hob_arena *memory) {
    int rc = hob_get_json(client, url, user, out, memory, .timeout = 0.3);
    const char *name = strrchr(url, '/');
    switch (rc) {
    case -ECANCELED:
        return rc;
    case -ETIMEDOUT:
        return printf("%s: no answer in time\n", name), 0;
    case -ECONNREFUSED:
        return printf("%s: nobody listens there\n", name), 0;
    case HOB_E_HTTP_STATUS:
        return printf("%s: a status that is none of success\n", name), 0;
    case HOB_E_JSON:
        return printf("%s: that is not JSON\n", name), 0;
    case HOB_E_MODEL:
        return printf("%s: JSON, but no such user\n", name), 0;
    default:
        if (rc < 0) return printf("%s: %s\n", name, hob_strerror(rc)), 0;
        return printf("%s: %s\n", name, out->name), 1;
    }
}

static int fetch_all(const char *address) {
    static const char *const paths[] = {"/good", "/slow", "/none", "/html", "/wrong"};
    char base[64];
    snprintf(base, sizeof base, "http://%s/", address);
    HOB_CLIENT(client, .base_url = base);
    HOB_ARENA(memory);
    struct user user;
    int good = 0;
    for (int i = 0; i < 5; i++) good += HOB_TRY(safe_fetch(client, paths[i], &user, &memory));
    good += HOB_TRY(safe_fetch(client, "http://127.0.0.1:1/refused", &user, &memory));
    return printf("%d of 6\n", good);
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
