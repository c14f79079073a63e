/* http/server.c - the server: accepts while there are slots, one task per connection. */
#include <hob/hob.h>

#include "http/server.h"

/* Gives the slot back when the connection has ended. A handler's error is returned: the scope,
 * which keeps no records, reports it. */
static int http_connection(struct hob__server *server, struct hob_stream *stream) {
    int rc = hob__serve_connection(server, stream);
    hob_sem_release(&server->slots);
    return rc;
}
HOB_TASK(http_connection, struct hob__server *, struct hob_stream *)

/* The errors of accept() that go away by themselves: descriptors or memory are short for a while.
 */
static bool passing(int rc) {
    return rc == -EMFILE || rc == -ENFILE || rc == -ENOBUFS || rc == -ENOMEM;
}

static int accept_loop(struct hob_scope *s, struct hob__server *server) {
    struct hob_spawn_options how = {.stack_size = server->options.stack_size};
    for (;;) {
        struct hob_stream *stream;
        int rc = hob_sem_acquire(&server->slots);
        if (rc < 0) return rc;
        rc = hob_accept(server->listener, &stream);
        if (rc == 0 && hob_spawn_with(s, how, http_connection, server, stream)) continue;
        if (rc == 0) {
            hob_close(stream);
            rc = -ENOMEM;
        }
        hob_sem_release(&server->slots);
        if (!passing(rc)) return rc;
        rc = hob_sleep(0.05); /* what is short may come back when others close */
        if (rc < 0) return rc;
    }
}

static uint32_t clip(size_t n) { return n > UINT32_MAX / 4 ? UINT32_MAX / 4 : (uint32_t)n; }

int hob_http_serve(struct hob_listener *listener, int (*handler)(struct hob_request *, void *),
                   void *arg, struct hob_http_options options) {
    struct hob__server server = {
        .listener = listener,
        .handler = handler,
        .arg = arg,
        .options = options,
        .limits = {clip(options.max_header_line), clip(options.max_header_block),
                   clip(options.max_headers)},
    };
    struct hob_http_options *o = &server.options;
    if (!o->max_connections) o->max_connections = 10000;
    if (o->idle_timeout == 0) o->idle_timeout = 75;
    if (o->head_timeout == 0) o->head_timeout = 10;
    if (o->stall_timeout == 0) o->stall_timeout = 60;
    if (!o->max_body) o->max_body = 16 << 20;
    if (!o->server) o->server = "hob";
    server.slots.free = o->max_connections;
    HOB_SCOPE(s, .on_error = HOB_DISCARD, .name = "http");
    int rc = accept_loop(s, &server);
    int joined = hob_join(s);
    if (rc == HOB_E_STOPPING || rc == HOB_E_CLOSED) rc = 0;
    return rc < 0 ? rc : joined < 0 ? joined : 0;
}
