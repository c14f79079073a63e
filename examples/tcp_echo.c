/* tcp_echo - an echo server and its clients on TCP, in one program.
 *
 *   tcp_echo [CLIENTS]                both in one process (default: 100 clients)
 *   tcp_echo serve ADDRESS            the server alone, until Ctrl-C
 *   tcp_echo call ADDRESS CLIENTS     the clients alone
 *
 * asyncio.start_server() is hob_listen() and hob_serve(): a task for each connection, which simply
 * reads and writes. All clients are connected at once before the first one speaks. */
#include <hob/hob.h>
#include <hob/serve.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* ---- the server ---- */

static int echo(struct hob_stream *peer) {
    char buffer[1024];
    for (;;) {
        ssize_t n = HOB_TRY(hob_read_idle(peer, buffer, sizeof buffer));
        if (n == 0) return 0;
        HOB_TRY(hob_write(peer, buffer, (size_t)n));
    }
}
HOB_TASK(echo, struct hob_stream *)

static int serve(struct hob_listener *listener) {
    struct hob_serve_options options = {};
    options.max_connections = 15000; /* further ones wait in the backlog */
    return hob_serve_with(listener, options, echo);
}
HOB_TASK(serve, struct hob_listener *)

/* ---- the clients ---- */

struct crowd {
    const char *address;
    int clients, connected, echoes;
    struct hob_sem connecting; /* so many knock at the same time */
    struct hob_event all_here;
};

static int say(struct crowd *crowd, struct hob_stream *server, int number) {
    char message[64], answer[64];
    int n = snprintf(message, sizeof message, "I am client %d of %d", number, crowd->clients);
    HOB_TRY(hob_write(server, message, (size_t)n));
    HOB_TRY(hob_read_exactly(server, answer, (size_t)n));
    if (memcmp(message, answer, (size_t)n) != 0) return hob_fail(-EPROTO, "client %d", number);
    crowd->echoes++;
    return 0;
}

static int knock(struct crowd *crowd, struct hob_stream **server) {
    HOB_WITH(hob_sem, &crowd->connecting);
    return hob_connect(crowd->address, server);
}

static int call(struct crowd *crowd, int number) {
    struct hob_stream *server;
    HOB_TRY(knock(crowd, &server));
    if (++crowd->connected == crowd->clients) hob_event_set(&crowd->all_here);
    int rc = hob_event_wait(&crowd->all_here);
    if (rc == 0) rc = say(crowd, server, number);
    hob_close(server);
    return rc;
}
HOB_TASK(call, struct crowd *, int)

static int call_all(const char *address, int clients) {
    struct crowd crowd = {address, clients, 0, 0, HOB_SEM(500), {}};
    uint64_t began = hob_now();
    HOB_SCOPE(s);
    for (int i = 0; i < clients; i++) hob_spawn(s, call, &crowd, i);
    HOB_TRY(hob_join(s));
    printf("%d clients connected at once, %d echoes, %.2f s\n", crowd.connected, crowd.echoes,
           (double)(hob_now() - began) * 1e-9);
    return 0;
}

/* ---- the program ---- */

static int serve_alone(const char *address) {
    struct hob_listener *listener;
    HOB_TRY(hob_listen(address, &listener));
    printf("serving %s\n", hob_listener_address(listener));
    fflush(stdout);
    int rc = serve(listener);
    hob_listener_close(listener);
    return rc;
}

static int both(int clients) {
    struct hob_listener *listener;
    HOB_TRY(hob_listen("127.0.0.1:0", &listener));
    int rc;
    {
        HOB_SCOPE(s);
        hob_spawn(s, serve, listener);
        rc = call_all(hob_listener_address(listener), clients);
        hob_stop(s, 1.0);
        if (rc >= 0) rc = hob_join(s);
    }
    hob_listener_close(listener);
    return rc;
}

/* A connection is an open file: as many as this process may have. */
static void allow_files(void) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) < 0) return;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

static int app(int argc, char **argv) {
    allow_files();
    if (argc == 3 && strcmp(argv[1], "serve") == 0) return serve_alone(argv[2]);
    if (argc == 4 && strcmp(argv[1], "call") == 0) return call_all(argv[2], atoi(argv[3]));
    int clients = argc == 1 ? 100 : atoi(argv[1]);
    if (argc > 2 || clients < 1)
        return hob_fail(-EINVAL, "tcp_echo [CLIENTS] | serve ADDRESS | call ADDRESS CLIENTS");
    return both(clients);
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
