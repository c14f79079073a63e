/* http/client/warm.c - connections that are opened before anybody needs them. */
#include <hob/error.h>
#include <hob/hob.h>

#include "base/memory.h"
#include "http/client/client.h"

/* One connection, which is idle from its first moment on. */
static int warm_one(struct hob__fetch *f, uint64_t deadline) {
    struct hob_client *c = f->client;
    struct hob__marks marks = {0};
    struct hob__host *host;
    struct hob__conn *conn;
    struct hob__target to = {f->address, f->url.tls, f->route.key, false};
    HOB_TRY(hob__pool_enter(c, &to, deadline, false, &host));
    if (f->route.absolute) host->only_h1 = true;
    int rc = hob__pool_take(c, host, &f->route, &marks, deadline, true, &conn);
    bool shared = rc >= 0 && conn->h2;
    if (shared) hob__pool_untake(conn);
    hob__pool_leave(c, host, rc < 0 || shared ? NULL : conn, hob_now());
    return rc;
}
HOB_TASK(warm_one, struct hob__fetch *, uint64_t)

static size_t idle_at(const struct hob__host *h) {
    size_t n = 0;
    for (const struct hob_list *at = h->idle.next; at != &h->idle; at = at->next) n++;
    for (const struct hob_list *at = h->shared.next; at != &h->shared; at = at->next) n++;
    return n;
}

static int warm(struct hob__fetch *f, struct hob_response *res, size_t n) {
    struct hob_client *c = f->client;
    const struct hob_client_options *o = &c->options;
    struct hob__target to = {f->address, f->url.tls, f->route.key, false};
    struct hob__host *host = hob__pool_host(c, &to);
    if (!host) return hob_fail(-ENOMEM, "no memory for connections to %s", f->address);
    if (n > o->max_connections) n = o->max_connections;
    if (o->max_per_host && n > o->max_per_host) n = o->max_per_host;
    if (host->version == 2 && n > 1) n = 1;
    host->users++;
    int rc = 0;
    {
        HOB_SCOPE(s);
        for (size_t have = idle_at(host); have < n; have++)
            hob_spawn(s, warm_one, f, res->wire.deadline);
        rc = hob_join(s);
    }
    size_t have = idle_at(host);
    hob__pool_host_unuse(c, host);
    return rc < 0 ? rc : (int)have;
}

int hob_client_warm(struct hob_client *c, const char *url, size_t n) {
    struct hob_fetch_options none = {0};
    struct hob__fetch f = {.client = c, .method = "GET", .options = &none};
    HOB_TRY(hob_check());
    if (c->options.idle_timeout < 0)
        return hob_fail(HOB_E_HTTP_STATE, "a client that keeps no connections cannot be warmed up");
    struct hob_response *res = hob__response_new(c, c->options.timeout);
    if (!res) return hob_fail(-ENOMEM, "no memory for connections");
    int rc = hob__fetch_url(&f, res, c->base_url, url);
    if (rc == 0) rc = hob__fetch_route(&f);
    if (rc == 0) rc = warm(&f, res, n);
    hob__free(f.basic);
    hob__route_own_free(&f.own_route);
    hob_response_close(res);
    return rc;
}
