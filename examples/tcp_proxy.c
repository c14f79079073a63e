/* tcp_proxy - passes connections on: what comes from one side goes to the other, both ways.
 *
 * hob_copy() moves the bytes at the pace of the slower side, in constant memory; between sockets
 * the kernel moves them (splice). When one direction ends, its end is passed on (hob_shutdown) and
 * the other goes on; when one fails, its scope cancels the other, and both sides are reset. With an
 * address to listen on and one to pass on to, it does that until Ctrl-C: tcp_proxy localhost:8080
 * localhost:80. Without, it shows it on 64 MiB, with a server and a client of its own.
 */
#include <hob/hob.h>
#include <hob/net.h>
#include <hob/serve.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- the proxy ---- */

static int pass(struct hob_stream *from, struct hob_stream *to) {
    HOB_TRY(hob_copy(from, to));
    return hob_shutdown(to);
}
HOB_TASK(pass, struct hob_stream *, struct hob_stream *)

static int both_ways(struct hob_stream *client, struct hob_stream *server) {
    HOB_SCOPE(s);
    hob_spawn(s, pass, client, server);
    hob_spawn(s, pass, server, client);
    return hob_join(s);
}

static int proxy(struct hob_stream *client, const char *target) {
    struct hob_stream *server;
    HOB_TRY(hob_connect(target, &server));
    int rc = both_ways(client, server);
    if (rc == 0) {
        hob_close(server);
    } else { /* what was cut off here shall not look like a whole answer there */
        hob_abort(server);
        hob_abort(client);
    }
    return rc;
}
HOB_TASK(proxy, struct hob_stream *, const char *)

static int serve_proxy(struct hob_listener *listener, const char *target) {
    return hob_serve(listener, proxy, target);
}
HOB_TASK(serve_proxy, struct hob_listener *, const char *)

/* ---- the show: a server that counts what it is sent, and a client ---- */

static int count(struct hob_stream *c) {
    char buf[4096], answer[64];
    int64_t total = 0;
    for (ssize_t n; (n = HOB_TRY(hob_read(c, buf, sizeof buf))) > 0;) total += n;
    int n = snprintf(answer, sizeof answer, "%" PRId64 " bytes arrived\n", total);
    return (int)hob_write(c, answer, (size_t)n);
}
HOB_TASK(count, struct hob_stream *)

static int serve_count(struct hob_listener *listener) { return hob_serve(listener, count); }
HOB_TASK(serve_count, struct hob_listener *)

static int send_much(const char *address) {
    static char block[65536];
    struct hob_stream *c;
    struct hob_slice answer;
    HOB_TRY(hob_connect(address, &c));
    HOB_DEFER((void (*)(void *))hob_close, c);
    for (int i = 0; i < 1024; i++) HOB_TRY(hob_write(c, block, sizeof block));
    HOB_TRY(hob_shutdown(c));
    HOB_TRY(hob_read_all(c, 1000, &answer));
    printf("through the proxy: %s", answer.at);
    return 0;
}

static void close_listener(void *l) { hob_listener_close((struct hob_listener *)l); }

static int app(int argc, char **argv) {
    struct hob_listener *listener, *counter;
    if (argc == 2 || argc > 3) return hob_fail(-EINVAL, "tcp_proxy [ADDRESS TARGET]");
    HOB_TRY(hob_listen(argc > 2 ? argv[1] : "localhost:0", &listener));
    HOB_DEFER(close_listener, listener);
    if (argc > 2) {
        printf("passing %s on to %s\n", hob_listener_address(listener), argv[2]);
        fflush(stdout);
        return serve_proxy(listener, argv[2]);
    }
    HOB_TRY(hob_listen("localhost:0", &counter));
    HOB_DEFER(close_listener, counter);
    HOB_SCOPE(s);
    hob_spawn(s, serve_count, counter);
    hob_spawn(s, serve_proxy, listener, hob_listener_address(counter));
    HOB_TRY(send_much(hob_listener_address(listener)));
    hob_stop(s, 1);
    return hob_join(s);
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
