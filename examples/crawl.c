/* crawl - follows the links of a site: what `hob crawl` does, in miniature.
 *
 * asyncio's queue holds the pages that are still to be asked for, its semaphore lets three workers
 * at the site at once; hob_queue_join() tells when there is nothing more to be found. */
#include <hob/hob.h>
#include <hob/http.h>
#include <hob/net.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGES = 31, MOST = 100, WORKERS = 8, AT_ONCE = 3 };

/* ---- the site: page n leads to 2n and 2n + 1, back to 1, and to a page that is not there ---- */

static int busy, most_busy, asked;

static int answer(struct hob_request *req, void *arg) {
    (void)arg;
    char text[400];
    int page = atoi(hob_request_path(req) + 1), n = 0;
    asked++;
    if (page < 1 || page > PAGES) return hob_respond_text(req, 404, "text/plain", "no\n");
    if (++busy > most_busy) most_busy = busy;
    int rc = hob_sleep(0.01);
    busy--;
    if (rc < 0) return rc;
    for (int i = 2 * page; i <= 2 * page + 1 && i <= PAGES; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "<a href=\"/%d\">%d</a>\n", i, i);
    snprintf(text + n, sizeof text - (size_t)n, "<a href=\"/1\">home</a> <a href=\"/999\">!</a>\n");
    return hob_respond_text(req, 200, "text/html", text);
}

static int serve(struct hob_listener *listener) {
    return hob_http_serve(listener, answer, NULL, (struct hob_http_options){});
}
HOB_TASK(serve, struct hob_listener *)

static void close_listener(void *l) { hob_listener_close((struct hob_listener *)l); }

/* ---- the crawler ---- */

struct page {
    char path[32];
};

struct crawl {
    struct hob_client *client;
    struct hob_queue *queue;
    struct hob_sem *limit;
    struct page seen[MOST];
    int nseen, good, missing;
};

/* Once for each page; the queue has room for all that are remembered. */
static int found(struct crawl *c, const char *path, size_t n) {
    struct page page = {{0}};
    if (n >= sizeof page.path) return 0;
    memcpy(page.path, path, n);
    for (int i = 0; i < c->nseen; i++)
        if (strcmp(c->seen[i].path, page.path) == 0) return 0;
    if (c->nseen == MOST) return 0;
    c->seen[c->nseen++] = page;
    return hob_queue_put(c->queue, &page);
}

static int visit(struct crawl *c, const char *path) {
    struct hob_body body;
    int status;
    {
        HOB_WITH(hob_sem, c->limit);
        status = hob_get(c->client, path, &body);
    }
    if (status < 0) return status;
    status == 200 ? c->good++ : c->missing++;
    int rc = 0;
    for (const char *at = body.data; rc == 0 && at && (at = strstr(at, "href=\""));) {
        at += 6;
        rc = found(c, at, strcspn(at, "\""));
    }
    hob_body_free(&body);
    return rc;
}

static int work(struct crawl *c) {
    struct page page;
    int rc;
    while ((rc = hob_queue_get(c->queue, &page)) == 0) {
        HOB_TRY(visit(c, page.path));
        hob_queue_task_done(c->queue);
    }
    return rc == HOB_E_CLOSED ? 0 : rc;
}
HOB_TASK(work, struct crawl *)

static int crawl_all(const char *address) {
    char base[64];
    snprintf(base, sizeof base, "http://%s/", address);
    HOB_CLIENT(client, .base_url = base);
    HOB_QUEUE(queue, struct page, MOST);
    struct hob_sem limit = HOB_SEM_BOUNDED(AT_ONCE);
    static struct crawl c;
    c.client = client;
    c.queue = queue;
    c.limit = &limit;
    HOB_SCOPE(s);
    HOB_TRY(found(&c, "/1", 2));
    for (int i = 0; i < WORKERS; i++) hob_spawn(s, work, &c);
    HOB_TRY(hob_queue_join(queue));
    hob_queue_close(queue);
    HOB_TRY(hob_join(s));
    printf("%d pages, %d that are not there\n", c.good, c.missing);
    return printf("each was asked for once: %s; at most %d at once\n",
                  asked == c.nseen ? "yes" : "no", most_busy);
}

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    struct hob_listener *listener;
    HOB_TRY(hob_listen("127.0.0.1:0", &listener));
    HOB_DEFER(close_listener, listener);
    HOB_SCOPE(s);
    hob_spawn_daemon(s, serve, listener);
    HOB_TRY(crawl_all(hob_listener_address(listener)));
    return hob_join(s);
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
