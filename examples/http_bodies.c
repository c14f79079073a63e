/* http_bodies - bodies that are never in memory as a whole, both ways.
 *
 *   http_bodies [ADDRESS]                        (default: 127.0.0.1:8000)
 *   curl -N 'http://127.0.0.1:8000/count?to=10'     a line each tenth of a second
 *   curl -T big.iso http://127.0.0.1:8000/size      how long it is, and the sum of its bytes
 *   curl http://127.0.0.1:8000/fast >/dev/null      100 MB, at the reader's pace
 *
 * A write waits while the client does not read, a read while it sends nothing: the pace of both is
 * the slower one's, and nothing piles up. */
#include <hob/hob.h>
#include <hob/http.h>
#include <hob/net.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int count(struct hob_request *req) {
    const char *query = hob_request_query(req);
    int to = strncmp(query, "to=", 3) == 0 ? atoi(query + 3) : 10;
    HOB_TRY(hob_respond_begin(req, 200, NULL, -1)); /* how much it will be is not known: chunked */
    for (int i = 1; i <= to; i++) {
        char line[32];
        int n = snprintf(line, sizeof line, "%d\n", i);
        HOB_TRY(hob_respond_write(req, line, (size_t)n));
        if (i < to) HOB_TRY(hob_sleep(0.1));
    }
    return hob_respond_end(req);
}

static int size(struct hob_request *req) {
    unsigned char piece[4096];
    char text[64];
    unsigned long long bytes = 0, sum = 0;
    for (ssize_t n; (n = HOB_TRY(hob_request_read(req, piece, sizeof piece))) > 0;) {
        for (ssize_t i = 0; i < n; i++) sum += piece[i];
        bytes += (unsigned long long)n;
    }
    snprintf(text, sizeof text, "%llu bytes, sum %llu\n", bytes, sum);
    return hob_respond_text(req, 200, "text/plain", text);
}

static int fast(struct hob_request *req) {
    enum { PIECE = 65536, PIECES = 1600 };
    static const char zeroes[PIECE] = "";
    HOB_TRY(hob_respond_begin(req, 200, NULL, (int64_t)PIECE * PIECES));
    for (int i = 0; i < PIECES; i++) HOB_TRY(hob_respond_write(req, zeroes, PIECE));
    return hob_respond_end(req);
}

static int handle(struct hob_request *req, void *arg) {
    const char *path = hob_request_path(req);
    (void)arg;
    if (strcmp(path, "/count") == 0) return count(req);
    if (strcmp(path, "/size") == 0) return size(req);
    if (strcmp(path, "/fast") == 0) return fast(req);
    return hob_respond_text(req, 404, "text/plain", "there is /count, /size and /fast\n");
}

static int app(int argc, char **argv) {
    if (argc > 2) return hob_fail(-EINVAL, "http_bodies [ADDRESS]");
    struct hob_listener *listener;
    struct hob_http_options options = {};
    options.max_body = 1ull << 40; /* what /size reads is not kept */
    HOB_TRY(hob_listen(argc == 2 ? argv[1] : "127.0.0.1:8000", &listener));
    printf("serving http://%s\n", hob_listener_address(listener));
    fflush(stdout);
    int rc = hob_http_serve(listener, handle, NULL, options);
    hob_listener_close(listener);
    return rc;
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
