/* curl_http_client.c - the client of http_client_* on libcurl's multi interface
 * (bench/http_client.h), as its users write it: handles that are used again, curl_multi_poll(). */
#include "http_client.h"
#include <curl/curl.h>

struct page {
    CURL *easy;
    struct client *client;
    char *body;
    size_t size, cap;
};

/* The body whole, in memory of its own; of one alone only how much it is. */
static size_t take(char *bytes, size_t one, size_t n, void *arg) {
    struct page *p = arg;
    (void)one;
    p->client->bytes += n;
    if (p->client->count == 1) return n;
    if (p->size + n > p->cap) {
        p->cap = (p->size + n) * 2;
        p->body = realloc(p->body, p->cap);
        if (!p->body) BENCH_FAIL("no memory");
    }
    memcpy(p->body + p->size, bytes, n);
    p->size += n;
    return n;
}

static void begin(struct page *p, CURLM *multi) {
    p->client->begun++;
    if (curl_multi_add_handle(multi, p->easy) != CURLM_OK) BENCH_FAIL("curl_multi_add_handle");
}

static void open_all(struct client *c, struct page *pages, CURLM *multi) {
    for (size_t i = 0; i < c->at_once; i++) {
        struct page *p = &pages[i];
        *p = (struct page){.easy = curl_easy_init(), .client = c};
        if (!p->easy) BENCH_FAIL("curl_easy_init");
        curl_easy_setopt(p->easy, CURLOPT_URL, c->url);
        curl_easy_setopt(p->easy, CURLOPT_WRITEFUNCTION, take);
        curl_easy_setopt(p->easy, CURLOPT_WRITEDATA, p);
        curl_easy_setopt(p->easy, CURLOPT_PRIVATE, p);
        curl_easy_setopt(p->easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(p->easy, CURLOPT_BUFFERSIZE, c->count == 1 ? (long)CLIENT_PIECE : 16384L);
        if (client_secure(c)) {
            curl_easy_setopt(p->easy, CURLOPT_SSL_VERIFYPEER, 0L);
            curl_easy_setopt(p->easy, CURLOPT_SSL_VERIFYHOST, 0L);
            curl_easy_setopt(p->easy, CURLOPT_PIPEWAIT, 1L); /* one connection, not a hundred */
        }
        begin(p, multi);
    }
}

static void done(const CURLMsg *m, CURLM *multi) {
    struct page *p;
    long status = 0;
    CURL *easy = m->easy_handle;
    if (m->data.result != CURLE_OK) BENCH_FAIL("%s", curl_easy_strerror(m->data.result));
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &p);
    p->client->answers += status == 200;
    free(p->body);
    p->body = NULL;
    p->size = p->cap = 0;
    curl_multi_remove_handle(multi, easy);
    if (p->client->begun < p->client->count) begin(p, multi);
}

int main(int argc, char **argv) {
    struct client c;
    curl_global_init(CURL_GLOBAL_ALL);
    client_begin(&c, argc, argv);
    CURLM *multi = curl_multi_init();
    struct page *pages = calloc(c.at_once, sizeof *pages);
    if (!multi || !pages) BENCH_FAIL("no memory");
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)c.at_once);
    open_all(&c, pages, multi);
    for (int running; c.answers < c.count;) {
        if (curl_multi_perform(multi, &running) != CURLM_OK) BENCH_FAIL("curl_multi_perform");
        int left;
        for (CURLMsg *m; (m = curl_multi_info_read(multi, &left));)
            if (m->msg == CURLMSG_DONE) done(m, multi);
        if (running && c.answers < c.count) curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    client_end(&c);
    for (size_t i = 0; i < c.at_once; i++) curl_easy_cleanup(pages[i].easy);
    curl_multi_cleanup(multi);
    free(pages);
    return 0;
}
