/* graceful_stop - a server that is asked to stop in the middle of its work, in two phases.
 *
 * hob_stop(scope, 0.5): at once it refuses further clients and sends the idle ones home; those that
 * are being served have half a second to end; what still runs then is cancelled. Ctrl-C does the
 * same to a whole program, with the grace of hob_set_grace().
 *
 * asyncio has only the cancel; the rest is for each server to build. */
#include <hob/hob.h>
#include <hob/serve.h>
#include <stdio.h>
#include <string.h>

/* Asks for a number of tenths of a second, and works for so long. */
static int answer(struct hob_stream *client) {
    char tenths;
    for (;;) {
        ssize_t n = hob_read_idle(client, &tenths, 1); /* idle: a stop ends this wait */
        if (n == HOB_E_STOPPING) return (int)HOB_TRY(hob_write(client, "bye\n", 4));
        if (n <= 0) return (int)n;
        HOB_TRY(hob_sleep((tenths - '0') * 0.1)); /* the work; a stop does not end this one */
        HOB_TRY(hob_write(client, "done\n", 5));
        if (hob_stopping()) return 0;
    }
}
HOB_TASK(answer, struct hob_stream *)

static int serve(struct hob_listener *listener) {
    int rc = hob_serve(listener, answer);
    printf("the server: %s\n", rc == 0 ? "every client had the time it needed" : hob_strerror(rc));
    return rc;
}
HOB_TASK(serve, struct hob_listener *)

/* Says what it wants (nothing: it stays idle), and tells what it got. */
static int client(const char *name, const char *address, const char *wants) {
    char got[16];
    struct hob_stream *server;
    int rc = hob_connect(address, &server);
    if (rc == -ECONNREFUSED) return printf("%s: refused\n", name);
    HOB_TRY(rc);
    HOB_TRY(hob_write(server, wants, strlen(wants)));
    ssize_t n = hob_read(server, got, sizeof got - 1);
    if (n > 0 && got[n - 1] == '\n') n--;
    printf("%s: %.*s\n", name, n > 0 ? (int)n : 8, n > 0 ? got : "cut off");
    hob_close(server);
    return 0;
}
HOB_TASK(client, const char *, const char *, const char *)

static int stop_later(struct hob_scope *servers, const char *address) {
    HOB_TRY(hob_sleep(0.1));
    puts("stop!");
    hob_stop(servers, 0.5);
    HOB_TRY(hob_sleep(0.05));
    return client("late", address, "");
}
HOB_TASK(stop_later, struct hob_scope *, const char *)

static int app(int argc, char **argv) {
    (void)argv;
    if (argc > 1) return hob_fail(-EINVAL, "graceful_stop takes no arguments");
    struct hob_listener *listener;
    HOB_TRY(hob_listen("127.0.0.1:0", &listener));
    HOB_DEFER((void (*)(void *))hob_listener_close, listener);
    const char *address = hob_listener_address(listener);
    HOB_SCOPE(clients);
    HOB_SCOPE(servers);
    hob_spawn(servers, serve, listener);
    hob_spawn(clients, client, "idle", address, "");
    hob_spawn(clients, client, "busy", address, "3");
    hob_spawn(clients, client, "slow", address, "9");
    hob_spawn(clients, stop_later, servers, address);
    HOB_TRY(hob_join(servers));
    return hob_join(clients);
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
