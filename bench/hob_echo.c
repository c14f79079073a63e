/* hob_echo.c - the echo server on Hob, as its users write it: hob_serve(), with a task for each
 * connection. HOB_BACKEND chooses the backend; one that is not to be had
 * is an error. */
#include "bench.h"
#include "echo.h"
#include <hob/hob.h>
#include <hob/serve.h>

static int serve(struct hob_stream *c) {
    char buffer[ECHO_BUFFER];
    for (;;) {
        ssize_t n = HOB_TRY(hob_read(c, buffer, sizeof buffer));
        if (n == 0) return 0;
        HOB_TRY(hob_write(c, buffer, (size_t)n));
    }
}
HOB_TASK(serve, struct hob_stream *)

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    struct hob_loop_info info;
    const char *wanted = getenv("HOB_BACKEND");
    HOB_TRY(hob_loop_info(&info));
    if (wanted && *wanted && strcmp(wanted, info.backend) != 0)
        return hob_fail(-ENOTSUP, "no %s: %s", wanted, info.backend_why);
    struct hob_listener *listener;
    HOB_TRY(hob_listen("127.0.0.1:0", &listener));
    echo_port(atoi(strrchr(hob_listener_address(listener), ':') + 1));
    return hob_serve_with(listener, ((struct hob_serve_options){.max_connections = 20000}), serve);
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
