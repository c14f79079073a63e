/* http_hello - an HTTP server: a route, a query, and a stop that lets requests end.
 *
 *   http_hello [ADDRESS]                       (default: 127.0.0.1:8000)
 *   curl 'http://127.0.0.1:8000/hello?name=Ada'
 *
 * What FastAPI and uvicorn are to Python, as far as one function goes: the handler runs in a task
 * of its own, may wait for whatever it likes, and answers once. Ctrl-C ends the listening and the
 * idle connections at once; requests in progress have ten seconds. */
#include <hob/hob.h>
#include <hob/http.h>
#include <hob/net.h>
#include <stdio.h>
#include <string.h>

static int hello(struct hob_request *req) {
    char name[100], text[150];
    const char *query = hob_request_query(req);
    struct hob_slice whole = {query, strlen(query)};
    if (hob_query_get(whole, "name", name, sizeof name) < 0) strcpy(name, "world");
    snprintf(text, sizeof text, "Hello, %s!\n", name);
    return hob_respond_text(req, 200, "text/plain; charset=utf-8", text);
}

static int slow(struct hob_request *req) {
    HOB_TRY(hob_sleep(1)); /* a client that leaves meanwhile cancels it */
    return hob_respond_text(req, 200, "text/plain", "that took a second\n");
}

static int handle(struct hob_request *req, void *arg) {
    const char *path = hob_request_path(req);
    (void)arg;
    if (strcmp(path, "/hello") == 0) return hello(req);
    if (strcmp(path, "/slow") == 0) return slow(req);
    return hob_respond_text(req, 404, "text/plain", "there is /hello and /slow\n");
}

static int app(int argc, char **argv) {
    if (argc > 2) return hob_fail(-EINVAL, "http_hello [ADDRESS]");
    struct hob_listener *listener;
    struct hob_http_counters counters = {};
    struct hob_http_options options = {};
    options.counters = &counters;
    HOB_TRY(hob_listen(argc == 2 ? argv[1] : "127.0.0.1:8000", &listener));
    printf("serving http://%s\n", hob_listener_address(listener));
    fflush(stdout);
    int rc = hob_http_serve(listener, handle, NULL, options);
    hob_listener_close(listener);
    if (rc == 0) printf("%llu requests answered\n", (unsigned long long)counters.requests);
    return rc;
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
