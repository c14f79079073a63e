/* hob_http.c - the HTTP server of http_*, http2_* and websocket_* on Hob, as its users write it:
 * hob_http [FOLDER [CERTIFICATE KEY]]. / says hello, /json writes an object, /file/NAME sends a
 * file of the folder, /ws is a WebSocket that echoes, in a task of its own, /parked without one. */
#include "bench.h"
#include "echo.h"
#include "http.h"
#include <hob/file.h>
#include <hob/hob.h>
#include <hob/http.h>
#include <hob/model.h>
#include <hob/net.h>
#include <hob/websocket.h>
#ifdef BENCH_TLS
#include <hob/tls.h>
#endif

struct greeting {
    const char *message;
    int64_t id;
    const char **tags;
    size_t tag_count;
    bool ok;
};
HOB_MODEL(greeting, struct greeting, HOB_FIELD(message), HOB_FIELD(id), HOB_ARRAY(tags, tag_count),
          HOB_FIELD(ok))

static int send_json(struct hob_request *req) {
    const char *tags[] = {"a", "b", "c"};
    struct greeting g = {HTTP_HELLO, 1234567, tags, 3, true};
    char *text;
    size_t size;
    HOB_TRY(hob_model_encode(greeting, &g, &text, &size));
    int rc = hob_respond(req, 200, HOB_HEADERS({"Content-Type", "application/json"}), text, size);
    hob_json_text_free(text);
    return rc;
}

enum { WHOLE = 16384 }; /* a file that is no longer goes out with its head */

static int send_file(struct hob_request *req, const char *folder, const char *name) {
    char path[512], text[WHOLE];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    HOB_FILE(f);
    HOB_TRY(hob_open(path, "r", &f));
    int64_t size = HOB_TRY(hob_file_size(f));
    const struct hob_header *headers = HOB_HEADERS({"Content-Type", "application/octet-stream"});
    if (size <= WHOLE) {
        HOB_TRY(hob_file_pread(f, text, (size_t)size, 0));
        return hob_respond(req, 200, headers, text, (size_t)size);
    }
    HOB_TRY(hob_respond_begin(req, 200, headers, size));
    HOB_TRY(hob_respond_write_file(req, hob_file_fd(f), 0, size));
    return hob_respond_end(req);
}

static int echo(struct hob_request *req) {
    struct hob_websocket *ws;
    struct hob_websocket_message m;
    HOB_TRY(hob_websocket_accept(req, &ws));
    while (HOB_TRY(hob_websocket_receive(ws, &m)) > 0)
        HOB_TRY(hob_websocket_send(ws, m.kind, m.data, m.size));
    return 0;
}

static int send_back(struct hob_websocket *ws, const struct hob_websocket_message *m, void *arg) {
    (void)arg;
    return hob_websocket_send(ws, m->kind, m->data, m->size);
}
static const struct hob_websocket_events events = {.message = send_back};

static int handle(struct hob_request *req, void *folder) {
    const char *path = hob_request_path(req);
    if (path[1] == 0) return hob_respond_text(req, 200, "text/plain", HTTP_HELLO);
    if (strcmp(path, "/json") == 0) return send_json(req);
    if (folder && strncmp(path, "/file/", 6) == 0 && !strchr(path + 6, '/'))
        return send_file(req, folder, path + 6);
    if (strcmp(path, "/ws") == 0) return echo(req);
    if (strcmp(path, "/parked") == 0) return hob_websocket_serve(req, &events, NULL);
    return hob_respond_text(req, 404, "text/plain", "not found\n");
}

static int app(int argc, char **argv) {
    struct hob_listener *listener;
    HOB_TRY(hob_listen("127.0.0.1:0", &listener));
    echo_port(atoi(strrchr(hob_listener_address(listener), ':') + 1));
    struct hob_http_options options = {.max_connections = 20000, .max_requests = SIZE_MAX};
#ifdef BENCH_TLS
    if (argc > 3) HOB_TRY(hob_tls_new(&options.tls, .certificate = argv[2], .key = argv[3]));
#endif
    return hob_http_serve(listener, handle, argc > 1 ? argv[1] : NULL, options);
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
