/* scraper - many pages, at most five at once, tried again with growing delays; "too many requests"
 * is honoured; a summary at the end.
 *
 * All of that are options of the client: the pool holds the five, .retries, .retry_delay and the
 * server's Retry-After say when a page is asked for again. The server fails by plan. */
#include <hob/hob.h>
#include <hob/http.h>
#include <hob/net.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGES = 40, AT_ONCE = 5 };

/* ---- the server: every eighth page is busy at first, every tenth one fails twice, one always ----
 */

static int asked[PAGES], busy, most_busy, too_early;
static uint64_t not_before[PAGES];

static int respond(struct hob_request *req, int page) {
    struct hob_header later[] = {{"Retry-After", "1"}, {NULL, NULL}};
    int times = ++asked[page];
    too_early += hob_now() < not_before[page];
    HOB_TRY(hob_sleep(0.01));
    if (page == 13) return hob_respond_text(req, 500, "text/plain", "never\n");
    if (page % 10 == 7 && times <= 2) return hob_respond_text(req, 503, "text/plain", "again\n");
    if (page % 8 == 0 && times == 1) {
        not_before[page] = hob_after(1);
        return hob_respond(req, 429, later, "later\n", 6);
    }
    return hob_respond_text(req, 200, "text/plain", "a page\n");
}

static int answer(struct hob_request *req, void *arg) {
    (void)arg;
    if (++busy > most_busy) most_busy = busy;
    int rc = respond(req, atoi(hob_request_path(req) + 1) % PAGES);
    busy--;
    return rc;
}

static int serve(struct hob_listener *listener) {
    return hob_http_serve(listener, answer, NULL, (struct hob_http_options){});
}
HOB_TASK(serve, struct hob_listener *)

static void close_listener(void *l) { hob_listener_close((struct hob_listener *)l); }

/* ---- the client ---- */

struct summary {
    int good, failed;
    size_t bytes;
};

static int fetch(struct hob_client *client, int page, struct summary *sum) {
    char url[20];
    struct hob_body body;
    snprintf(url, sizeof url, "/%d", page);
    int status = hob_get(client, url, &body);
    if (status == -ECANCELED) return status;
    if (status == 200) {
        sum->good++;
        sum->bytes += body.size;
    } else {
        sum->failed++;
        printf("page %d: %s\n", page, status < 0 ? hob_strerror(status) : hob_http_phrase(status));
    }
    hob_body_free(&body);
    return 0;
}
HOB_TASK(fetch, struct hob_client *, int, struct summary *)

static int scrape(const char *address) {
    char base[64];
    struct summary sum = {0, 0, 0};
    struct hob_client_info info;
    snprintf(base, sizeof base, "http://%s/", address);
    HOB_CLIENT(client, .base_url = base, .max_connections = AT_ONCE, .retries = 3,
               .retry_delay = 0.05);
    {
        HOB_SCOPE(s);
        for (int page = 0; page < PAGES; page++) hob_spawn(s, fetch, client, page, &sum);
        HOB_TRY(hob_join(s));
    }
    hob_client_info(client, &info);
    printf("%d pages, %zu bytes; %d failed; asked again %d times\n", sum.good, sum.bytes,
           sum.failed, (int)info.retried);
    return printf("the server saw at most %d at once, and %d come too early\n", most_busy,
                  too_early);
}

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    struct hob_listener *listener;
    HOB_TRY(hob_listen("127.0.0.1:0", &listener));
    HOB_DEFER(close_listener, listener);
    HOB_SCOPE(s);
    hob_spawn_daemon(s, serve, listener);
    HOB_TRY(scrape(hob_listener_address(listener)));
    return hob_join(s);
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
