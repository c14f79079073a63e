/* download - a large file to disk while it comes, with its progress, and taken up again when the
 * connection breaks.
 *
 * `async for chunk in r.content.iter_chunked(...)` and a file: hob_download() does both, in
 * constant memory. The server breaks off in the middle of each answer, but knows ranges, so that
 * every byte is sent once. */
#include <hob/download.h>
#include <hob/file.h>
#include <hob/hob.h>
#include <hob/net.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 20000000, BREAKS_AFTER = 7000000 };

/* ---- the server ---- */

static char byte_at(long i) { return (char)(i * 7 + i / 1000); }

static int answer(struct hob_request *req, void *arg) {
    (void)arg;
    const char *range = hob_request_header(req, "range"); /* "bytes=N-" */
    long from = range ? atol(range + 6) : 0, end = from + BREAKS_AFTER;
    char said[80], piece[10000];
    if (end > SIZE) end = SIZE;
    snprintf(said, sizeof said, "bytes %ld-%d/%d", from, SIZE - 1, SIZE);
    struct hob_header headers[] = {{"ETag", "\"1\""}, {"Content-Range", said}, {NULL, NULL}};
    HOB_TRY(hob_respond_begin(req, range ? 206 : 200, headers, SIZE - from));
    for (long at = from; at < end;) {
        long n = end - at < (long)sizeof piece ? end - at : (long)sizeof piece;
        for (long i = 0; i < n; i++) piece[i] = byte_at(at + i);
        HOB_TRY(hob_respond_write(req, piece, (size_t)n));
        at += n;
    }
    return end == SIZE ? hob_respond_end(req) : hob_fail(-EIO, "broken off, for practice");
}

static int serve(struct hob_listener *listener) {
    return hob_http_serve(listener, answer, NULL, (struct hob_http_options){});
}
HOB_TASK(serve, struct hob_listener *)

static void close_listener(void *l) { hob_listener_close((struct hob_listener *)l); }

static void no_report(enum hob_report_kind kind, const char *text, void *arg) {
    (void)kind, (void)text, (void)arg; /* the server's errors are meant */
}

/* ---- the client ---- */

static int show(void *arg, int64_t done, int64_t total) {
    int *shown = (int *)arg, percent = (int)(done * 100 / total);
    for (; *shown <= percent; *shown += 25) printf("%d %%\n", *shown);
    return 0;
}

static int check(const char *path) {
    HOB_FILE(file);
    char piece[10000];
    long at = 0;
    HOB_TRY(hob_open(path, "r", &file));
    for (ssize_t n; (n = HOB_TRY(hob_file_read(file, piece, sizeof piece))) > 0; at += n)
        for (ssize_t i = 0; i < n; i++)
            if (piece[i] != byte_at(at + i)) return hob_fail(-EIO, "byte %ld is wrong", at + i);
    return at == SIZE ? 0 : hob_fail(-EIO, "%ld bytes, not %d", at, SIZE);
}

static int fetch(const char *address) {
    char url[64], path[200];
    const char *folder;
    int shown = 0;
    snprintf(url, sizeof url, "http://%s/large", address);
    hob_set_report(no_report, NULL);
    HOB_CLIENT(client);
    HOB_SCOPE(s); /* the folder goes when it ends */
    HOB_TRY(hob_temp_dir(s, NULL, &folder));
    snprintf(path, sizeof path, "%s/large", folder);
    int64_t size = HOB_TRY(hob_download(client, url, path, .progress = show, .arg = &shown,
                                        .retries = 5, .retry_delay = 0.01));
    HOB_TRY(check(path));
    struct hob_client_info info;
    hob_client_info(client, &info);
    printf("%d bytes, all of them right, over %d connections\n", (int)size, (int)info.opened);
    return hob_join(s);
}

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    struct hob_listener *listener;
    HOB_TRY(hob_listen("127.0.0.1:0", &listener));
    HOB_DEFER(close_listener, listener);
    HOB_SCOPE(s);
    hob_spawn_daemon(s, serve, listener);
    HOB_TRY(fetch(hob_listener_address(listener)));
    return hob_join(s);
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
