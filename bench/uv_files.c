/* uv_files.c - files_20000 on libuv, as its users write it: a hundred in flight, open, read and
 * close one after another in callbacks, done by the thread pool (of four). */
#include "files.h"
#include <uv.h>

struct reader {
    uv_fs_t request;
    uv_file fd;
    char buf[FILE_BYTES];
};

static int next;

static void begin(struct reader *r);

static long done(uv_fs_t *request, const char *what) {
    long rc = request->result;
    if (rc < 0) BENCH_FAIL("libuv: cannot %s a file: %s", what, uv_strerror((int)rc));
    uv_fs_req_cleanup(request);
    return rc;
}

static void closed(uv_fs_t *request) {
    struct reader *r = request->data;
    done(request, "close");
    begin(r);
}

static void got(uv_fs_t *request) {
    struct reader *r = request->data;
    if (done(request, "read") != FILE_BYTES) BENCH_FAIL("libuv: a file is short");
    uv_fs_close(request->loop, request, r->fd, closed);
}

static void opened(uv_fs_t *request) {
    struct reader *r = request->data;
    uv_buf_t into = uv_buf_init(r->buf, sizeof r->buf);
    r->fd = (uv_file)done(request, "open");
    uv_fs_read(request->loop, request, r->fd, &into, 1, 0, got);
}

static void begin(struct reader *r) {
    if (next == FILES) return;
    r->request.data = r;
    uv_fs_open(uv_default_loop(), &r->request, files_names[next++], O_RDONLY, 0, opened);
}

static void pass(void) {
    static struct reader readers[IN_FLIGHT];
    next = 0;
    for (int i = 0; i < IN_FLIGHT; i++) begin(&readers[i]);
    if (uv_run(uv_default_loop(), UV_RUN_DEFAULT) != 0) BENCH_FAIL("libuv: something is left");
}

int main(void) {
    files_name_all();
    FILES_MEASURE(pass());
    return 0;
}
