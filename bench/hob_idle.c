/* hob_idle.c - the server of idle_10000: echo by what the stream's buffer holds, so that a
 * connection that waits has no buffer (the loop's streams share a pool of them). */
#include "bench.h"
#include "echo.h"
#include <hob/hob.h>
#include <hob/serve.h>

static int serve(struct hob_stream *c) {
    for (struct hob_slice view;;) {
        if (HOB_TRY(hob_peek(c, 1, &view)) == 0) return 0;
        HOB_TRY(hob_write(c, view.at, view.size));
        HOB_TRY(hob_skip(c, (int64_t)view.size));
    }
}
HOB_TASK(serve, struct hob_stream *)

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    struct hob_listener *listener;
    HOB_TRY(hob_listen("127.0.0.1:0", &listener));
    echo_port(atoi(strrchr(hob_listener_address(listener), ':') + 1));
    return hob_serve_with(listener, ((struct hob_serve_options){.max_connections = 20000}), serve);
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
