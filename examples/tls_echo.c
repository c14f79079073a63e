/* tls_echo - an echo server that speaks TLS, and one that begins plainly.
 *
 *   tls_echo ADDRESS CERTIFICATE KEY              TLS from the first byte
 *   tls_echo ADDRESS CERTIFICATE KEY starttls     plain lines, until a client says STARTTLS
 *
 * asyncio.start_server(ssl=context) is hob_tls_accept() at the beginning of the handler, and
 * writer.start_tls() the same call somewhere in the middle. From there on the stream is a stream as
 * before. (A new certificate is put in place with hob_tls_reload().) Ctrl-C ends it. */
#include <hob/hob.h>
#include <hob/serve.h>
#include <hob/tls.h>
#include <stdio.h>
#include <string.h>

struct service {
    struct hob_tls *tls;
    bool starttls;
};

static int echo_all(struct hob_stream *peer) {
    char buffer[4096];
    for (;;) {
        ssize_t n = HOB_TRY(hob_read_idle(peer, buffer, sizeof buffer));
        if (n == 0) return 0; /* the peer has said so: a connection that is cut off is an error */
        HOB_TRY(hob_write(peer, buffer, (size_t)n));
    }
}

/* A server with more commands would read line by line. */
static int wait_for_starttls(struct hob_stream *peer) {
    static const char command[] = "STARTTLS\r\n", ready[] = "220 ready\r\n";
    char said[sizeof command];
    HOB_TRY(hob_read_exactly(peer, said, sizeof command - 1));
    if (memcmp(said, command, sizeof command - 1) != 0)
        return hob_fail(-EPROTO, "%s did not say STARTTLS", hob_stream_peer(peer));
    return (int)hob_write(peer, ready, sizeof ready - 1);
}

static int handle(struct hob_stream *peer, struct service *service) {
    struct hob_tls_info info;
    if (service->starttls) HOB_TRY(wait_for_starttls(peer));
    HOB_TRY(hob_tls_accept(peer, service->tls));
    hob_tls_info(peer, &info);
    printf("%s: %s, %s%s\n", hob_stream_peer(peer), info.version, info.cipher,
           info.resumed ? ", resumed" : "");
    fflush(stdout);
    return echo_all(peer);
}
HOB_TASK(handle, struct hob_stream *, struct service *)

static void free_tls(void *tls) { hob_tls_free((struct hob_tls *)tls); }
static void close_listener(void *l) { hob_listener_close((struct hob_listener *)l); }

static int app(int argc, char **argv) {
    if (argc < 4 || argc > 5 || (argc == 5 && strcmp(argv[4], "starttls") != 0))
        return hob_fail(-EINVAL, "tls_echo ADDRESS CERTIFICATE KEY [starttls]");
    struct service service = {NULL, argc > 4};
    struct hob_listener *listener;
    HOB_TRY(hob_tls_new(&service.tls, .certificate = argv[2], .key = argv[3]));
    HOB_DEFER(free_tls, service.tls);
    HOB_TRY(hob_listen(argv[1], &listener));
    HOB_DEFER(close_listener, listener);
    printf("serving %s\n", hob_listener_address(listener));
    fflush(stdout);
    return hob_serve(listener, handle, &service);
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
