/* hob_tls.c - a TLS server on Hob: hob_tls CERTIFICATE KEY. It listens on a free port of 127.0.0.1,
 * prints "port N", and for each connection does the handshake and reads to the end. */
#include "bench.h"
#include "echo.h"
#include <hob/hob.h>
#include <hob/net.h>
#include <hob/tls.h>

static int serve(struct hob_stream *c, struct hob_tls *tls) {
    char buffer[ECHO_BUFFER];
    HOB_DEFER((void (*)(void *))hob_close, c);
    HOB_TRY(hob_tls_accept(c, tls));
    while (HOB_TRY(hob_read(c, buffer, sizeof buffer)) > 0) {}
    return 0;
}
HOB_TASK(serve, struct hob_stream *, struct hob_tls *)

static void ignore(enum hob_report_kind kind, const char *text, void *arg) {
    (void)kind, (void)text, (void)arg; /* the load ends in the middle of a handshake */
}

static int app(int argc, char **argv) {
    if (argc != 3) return hob_fail(-EINVAL, "hob_tls CERTIFICATE KEY");
    struct hob_tls *tls;
    struct hob_listener *listener;
    HOB_TRY(hob_tls_new(&tls, .certificate = argv[1], .key = argv[2]));
    HOB_TRY(hob_listen("127.0.0.1:0", &listener));
    hob_set_report(ignore, NULL);
    echo_port(atoi(strrchr(hob_listener_address(listener), ':') + 1));
    HOB_SCOPE(s, .on_error = HOB_DISCARD);
    for (;;) {
        struct hob_stream *c;
        HOB_TRY(hob_accept(listener, &c));
        hob_spawn(s, serve, c, tls);
    }
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
