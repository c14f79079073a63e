/* http/server.c - the server: hob_serve() with the handler of HTTP's connections. */
#include <hob/error.h>
#include <hob/hob.h>
#include <hob/serve.h>

#include "http/server.h"

static int http_connection(struct hob_stream *stream, struct hob__server *server) {
    return hob__serve_connection(server, stream);
}
HOB_TASK(http_connection, struct hob_stream *, struct hob__server *)

static uint32_t clip(size_t n) { return n > UINT32_MAX / 4 ? UINT32_MAX / 4 : (uint32_t)n; }

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
    if (o->idle_timeout == 0) o->idle_timeout = 75;
    if (o->head_timeout == 0) o->head_timeout = 10;
    if (o->stall_timeout == 0) o->stall_timeout = 60;
    if (!o->max_body) o->max_body = 16 << 20;
    if (!o->server) o->server = "hob";
#if !HAVE_TLS
    if (o->tls) return hob_fail(HOB_E_HTTP_TLS, "%s", hob_http_strerror(HOB_E_HTTP_TLS));
#endif
    struct hob_serve_options how = {.max_connections = o->max_connections,
                                    .stack_size = o->stack_size};
    return hob_serve_with(listener, how, http_connection, &server);
}
