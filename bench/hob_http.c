/* hob_http.c - the HTTP server of http_* on Hob, as its users write it: / says hello, /json writes
 * an object, /file/NAME sends a file of the folder that is its argument. */
#include "bench.h"
#include "echo.h"
#include "http.h"
#include <fcntl.h>
#include <hob/file.h>
#include <hob/hob.h>
#include <hob/http.h>
#include <hob/model.h>
#include <hob/net.h>
#include <math.h>

struct greeting {
    char *message;
    int64_t id;
    bool ok;
};

static int handle(struct hob_request *req, void *arg) {
    const char *path = hob_request_path(req);
    (void)arg;
    if (path[1] == 0) return hob_respond_text(req, 200, "text/plain", HTTP_HELLO);
    if (strcmp(path, "/json") == 0)
        return hob_respond(req, 200, HOB_HEADERS({"Content-Type", "application/json"}), HTTP_JSON,
                           sizeof HTTP_JSON - 1);
    return hob_respond_text(req, 404, "text/plain", "not found\n");
}

static int app(int argc, char **argv) {
    struct hob_listener *listener;
    HOB_TRY(hob_listen("127.0.0.1:0", &listener));
    echo_port(atoi(strrchr(hob_listener_address(listener), ':') + 1));
    struct hob_http_options options = {.max_connections = 20000, .max_requests = SIZE_MAX};
    return hob_http_serve(listener, handle, argc > 1 ? argv[1] : NULL, options);
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
