/* hob_http_client.c - the client of http_client_* on Hob (bench/http_client.h): tasks that get page
 * after page. */
#include "http_client.h"
#include <hob/hob.h>
#include <hob/http.h>
#if HAVE_TLS
#include <hob/tls.h>
#endif

static int get_pages(struct client *c, struct hob_client *client) {
    while (c->begun < c->count) {
        struct hob_body body;
        c->begun++;
        int status = HOB_TRY(hob_get(client, c->url, &body));
        c->bytes += body.size;
        c->answers += status == 200;
        hob_body_free(&body);
    }
    return 0;
}
HOB_TASK(get_pages, struct client *, struct hob_client *)

static int download(struct client *c, struct hob_client *client) {
    static char piece[CLIENT_PIECE];
    struct hob_response *res HOB_RESPONSE_GUARD = NULL;
    HOB_TRY(hob_client_request(client, "GET", c->url, &res));
    for (ssize_t n; (n = HOB_TRY(hob_response_read(res, piece, sizeof piece))) > 0;)
        c->bytes += (uint64_t)n;
    c->answers += hob_response_status(res) == 200;
    return 0;
}

static int app(int argc, char **argv) {
    struct client c;
    client_begin(&c, argc, argv);
    struct hob_tls *tls = NULL;
#if HAVE_TLS
    if (client_secure(&c)) HOB_TRY(hob_tls_new(&tls, .insecure = true));
#endif
    HOB_CLIENT(client, .max_connections = c.at_once, .tls = tls);
    if (c.count == 1) {
        HOB_TRY(download(&c, client));
    } else {
        HOB_SCOPE(s);
        for (size_t i = 0; i < c.at_once; i++) hob_spawn(s, get_pages, &c, client);
        HOB_TRY(hob_join(s));
    }
    client_end(&c);
    return 0;
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
