/* uv_echo.c - the same echo server on libuv: one buffer for all reads, and uv_try_write first, as
 * those who want it fast write it. */
#include "bench.h"
#include "echo.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <uv.h>

struct pending {
    uv_write_t request;
    char data[];
};

static char buffer[ECHO_BUFFER];

static void lend(uv_handle_t *h, size_t suggested, uv_buf_t *b) {
    (void)h, (void)suggested;
    *b = uv_buf_init(buffer, sizeof buffer);
}

static void closed(uv_handle_t *h) { free(h); }
static void written(uv_write_t *w, int status) {
    (void)status;
    free(w);
}

static void got(uv_stream_t *s, ssize_t n, const uv_buf_t *b) {
    if (n < 0) {
        uv_close((uv_handle_t *)s, closed);
        return;
    }
    if (n == 0) return;
    uv_buf_t out = uv_buf_init(b->base, (unsigned)n);
    int sent = uv_try_write(s, &out, 1);
    if (sent == n) return;
    if (sent < 0) sent = 0;
    size_t rest = (size_t)(n - sent);
    struct pending *p = malloc(sizeof *p + rest);
    if (!p) BENCH_FAIL("no memory");
    memcpy(p->data, b->base + sent, rest);
    out = uv_buf_init(p->data, (unsigned)rest);
    if (uv_write(&p->request, s, &out, 1, written) != 0) free(p);
}

static void arrived(uv_stream_t *listener, int status) {
    if (status < 0) return;
    uv_tcp_t *c = malloc(sizeof *c);
    if (!c) BENCH_FAIL("no memory");
    uv_tcp_init(listener->loop, c);
    if (uv_accept(listener, (uv_stream_t *)c) != 0) {
        uv_close((uv_handle_t *)c, closed);
        return;
    }
    uv_tcp_nodelay(c, 1);
    uv_read_start((uv_stream_t *)c, lend, got);
}

int main(void) {
    uv_loop_t *loop = uv_default_loop();
    uv_tcp_t listener;
    struct sockaddr_in a;
    int n = sizeof a;
    uv_ip4_addr("127.0.0.1", 0, &a);
    uv_tcp_init(loop, &listener);
    uv_tcp_bind(&listener, (struct sockaddr *)&a, 0);
    int rc = uv_listen((uv_stream_t *)&listener, ECHO_BACKLOG, arrived);
    if (rc != 0) BENCH_FAIL("cannot listen: %s", uv_strerror(rc));
    uv_tcp_getsockname(&listener, (struct sockaddr *)&a, &n);
    echo_port(ntohs(a.sin_port));
    return uv_run(loop, UV_RUN_DEFAULT);
}
