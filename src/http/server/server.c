/* http/server/server.c - the server: parking connections (io/serve.h) that speak HTTP. */
#include <hob/error.h>
#include <hob/hob.h>
#include <hob/prefork.h>
#include <hob/serve.h>
#include <string.h>

#include "base/memory.h"
#include "http/server/server.h"
#include "http/websocket/websocket.h"
#include "task/loopdata.h"

static uint32_t clip(size_t n) { return n > UINT32_MAX / 4 ? UINT32_MAX / 4 : (uint32_t)n; }

static void begun(struct hob__served *c) {
    struct hob__server *server = c->service->arg;
    hob__count(&server->counters->accepted, 1);
    hob__count(&server->counters->connections, 1);
}

static void parked_end(struct hob__served *c, enum hob__park_end how) {
    struct hob__server *server = c->service->arg;
    if (how == HOB__PARK_TIMEOUT) hob__count(&server->counters->idle_timeouts, 1);
}

static void lost(struct hob__served *c) {
    struct hob__http_conn *hc = (struct hob__http_conn *)(void *)c;
    if (hc->h2)
        hob__cut_http2(hc);
    else
        hob__websocket_cut(hc);
}

static void alarm_rang(struct hob__served *c) {
    hob__rest_http2((struct hob__http_conn *)(void *)c);
}

static void end(struct hob__served *c) {
    struct hob__server *server = c->service->arg;
    if (c->left) hob__count(&server->counters->left, 1);
    hob__count(&server->counters->connections, -UINT64_C(1));
    hob__free(((struct hob__http_conn *)(void *)c)->client);
}

static void set_defaults(struct hob_http_options *o) {
    if (o->idle_timeout == 0) o->idle_timeout = 75;
    if (o->head_timeout == 0) o->head_timeout = 10;
    if (o->stall_timeout == 0) o->stall_timeout = 60;
    if (o->min_rate == 0) o->min_rate = 240;
    if (o->grace == 0) o->grace = 10;
    if (!o->max_served) o->max_served = UINT64_MAX;
    if (!o->max_requests) o->max_requests = 100000;
    if (!o->max_streams) o->max_streams = 100;
    if (o->max_streams > 1 << 20) o->max_streams = 1 << 20;
    if (!o->max_body) o->max_body = 16 << 20;
    if (!o->server) o->server = "hob";
}

static void set_last(struct hob__server *server) {
    uint64_t so_far = server->counters->requests, more = server->options.max_served;
    server->last = more < UINT64_MAX - so_far ? so_far + more : UINT64_MAX;
}

static int take_trusted(struct hob__trust *trust, const char *list) {
    int rc = hob__trust_parse(trust, list);
    return rc < 0 ? hob_fail(rc, "\"%s\" is no list of addresses", list) : 0;
}

int hob_http_check_trusted(const char *list) {
    struct hob__trust trust;
    int rc = take_trusted(&trust, list);
    if (rc == 0) hob__trust_free(&trust);
    return rc;
}

int hob_http_serve(struct hob_listener *listener, int (*handler)(struct hob_request *, void *),
                   void *arg, struct hob_http_options options) {
    struct hob__server server = {
        .handler = handler,
        .arg = arg,
        .options = options,
        .limits = {clip(options.max_header_line), clip(options.max_header_block),
                   clip(options.max_headers)},
    };
    struct hob_http_options *o = &server.options;
    set_defaults(o);
    if (strlen(o->server) > 256) return hob_fail(-EINVAL, "the Server header is too long");
    if (o->counters && o->metrics)
        return hob_fail(-EINVAL, "what the server counts goes to .counters or .metrics, not both");
    server.counters = o->counters ? o->counters : &server.own;
    server.measured = o->counters || o->metrics;
#if !HAVE_TLS
    if (o->tls) return hob_fail(HOB_E_HTTP_TLS, "%s", hob_http_strerror(HOB_E_HTTP_TLS));
#endif
    server.idle_ns = o->idle_timeout < 1e9 ? (uint64_t)(o->idle_timeout * 1e9) : UINT64_MAX;
    int rc = take_trusted(&server.trust, o->trusted);
    if (rc < 0) return rc;
    int slot = o->metrics ? hob__metrics_join(o->metrics, &server.counters) : -1;
    if (o->metrics && slot < 0) {
        hob__trust_free(&server.trust);
        return slot;
    }
    set_last(&server);
    hob__grace_default(o->grace);
    hob_started();
    hob_prefork_ready();
    struct hob_serve_options how = {.max_connections = o->max_connections,
                                    .stack_size = o->stack_size};
    static const struct hob__spawn_site site = {"http_connection",
                                                hob__park_run,
                                                sizeof(struct hob__service *),
                                                {"http_connection", "", 0},
                                                hob__park_lost};
    const struct hob__parking parking = {.site = &site,
                                         .run = hob__connection_run,
                                         .begun = begun,
                                         .parked_end = parked_end,
                                         .lost = lost,
                                         .alarm = alarm_rang,
                                         .end = end,
                                         .size = sizeof(struct hob__http_conn),
                                         .first = server.idle_ns};
    rc = hob__serve_parking(&server.service, listener, how, &parking, &server);
    if (o->metrics) hob__metrics_leave(o->metrics, slot);
    hob__trust_free(&server.trust);
    return rc;
}
