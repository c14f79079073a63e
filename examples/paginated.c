/* paginated - the items of many pages, one by one, as a generator; the caller may stop early.
 *
 * `async def items(): ... yield item` is a HOB_GENERATOR, `async for` is HOB_EACH. A page is only
 * asked for when somebody wants its items; leaving the loop ends the generator, wherever it is. */
#include <hob/hob.h>
#include <hob/http_json.h>
#include <hob/net.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ITEMS = 25, PER_PAGE = 10 };

struct item {
    int64_t id;
};
struct page {
    struct item *items;
    size_t nitems;
};
HOB_MODEL(item, struct item, HOB_FIELD(id))
HOB_MODEL(page, struct page, HOB_NESTED_ARRAY(items, nitems, item, .optional = true))

/* ---- the server: /items?page=N ---- */

static int asked;

static int answer(struct hob_request *req, void *arg) {
    (void)arg;
    char text[400], number[12] = "0";
    const char *query = hob_request_query(req);
    hob_query_get((struct hob_slice){query, strlen(query)}, "page", number, sizeof number);
    int first = (atoi(number) - 1) * PER_PAGE + 1, n = 0;
    asked++;
    n += snprintf(text + n, sizeof text - (size_t)n, "{\"items\": [");
    for (int id = first; id < first + PER_PAGE && id <= ITEMS; id++)
        n += snprintf(text + n, sizeof text - (size_t)n, "%s{\"id\": %d}", id > first ? ", " : "",
                      id);
    snprintf(text + n, sizeof text - (size_t)n, "]}");
    return hob_respond_text(req, 200, "application/json", text);
}

static int serve(struct hob_listener *listener) {
    return hob_http_serve(listener, answer, NULL, (struct hob_http_options){});
}
HOB_TASK(serve, struct hob_listener *)

static void close_listener(void *l) { hob_listener_close((struct hob_listener *)l); }

/* ---- the client ---- */

static int items(struct hob_generator *gen, struct hob_client *client) {
    HOB_ARENA(memory);
    for (int number = 1;; number++) {
        char text[12];
        struct page page;
        snprintf(text, sizeof text, "%d", number);
        struct hob_param query[] = {{"page", text}, {NULL, NULL}};
        hob_arena_reset(&memory);
        HOB_TRY(hob_get_json(client, "/items", page, &page, &memory, .query = query));
        if (page.nitems == 0) return 0;
        for (size_t i = 0; i < page.nitems; i++) HOB_TRY(hob_yield(gen, &page.items[i]));
    }
}
HOB_GENERATOR(items, struct item *, struct hob_client *)

static int walk(const char *address) {
    char base[64];
    int n = 0, in_order = 1;
    struct hob_client_info info;
    snprintf(base, sizeof base, "http://%s/", address);
    HOB_CLIENT(client, .base_url = base);
    HOB_EACH(struct item *, item, items, client) in_order &= item->id == ++n;
    printf("%d items%s, %d pages asked for\n", n, in_order ? " in order" : "", asked);
    asked = n = 0;
    HOB_EACH(struct item *, item, items, client) {
        n++;
        if (item->id == 12) break;
    }
    hob_client_info(client, &info);
    return printf("stopped after %d, %d pages asked for, %d requests in progress\n", n, asked,
                  (int)info.in_use);
}

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    struct hob_listener *listener;
    HOB_TRY(hob_listen("127.0.0.1:0", &listener));
    HOB_DEFER(close_listener, listener);
    HOB_SCOPE(s);
    hob_spawn_daemon(s, serve, listener);
    HOB_TRY(walk(hob_listener_address(listener)));
    return hob_join(s);
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
