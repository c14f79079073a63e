/* rate_limit - a hundred requests, ten at a time.
 *
 * All hundred tasks start at once; a semaphore of ten permits lets ten of them at the server, the
 * others wait in order of arrival. The server, in the same program, counts how many it sees. */
#include <hob/hob.h>
#include <hob/net.h>
#include <stdio.h>

enum { REQUESTS = 100, AT_ONCE = 10 };

/* ---- the server: takes 50 ms for an answer ---- */

static int busy, most_busy;

static int answer(struct hob_stream *client) {
    char question;
    ssize_t rc = hob_read_exactly(client, &question, 1);
    if (rc > 0) {
        if (++busy > most_busy) most_busy = busy;
        rc = hob_sleep(0.05);
        busy--;
    }
    if (rc == 0) rc = hob_write(client, "!", 1);
    hob_close(client);
    return (int)rc;
}
HOB_TASK(answer, struct hob_stream *)

static int serve(struct hob_listener *listener) {
    HOB_SCOPE(s, .on_error = HOB_DISCARD); /* one client's error is not the others' */
    for (;;) {
        struct hob_stream *client;
        HOB_TRY(hob_accept(listener, &client));
        if (!hob_spawn(s, answer, client)) hob_close(client);
    }
}
HOB_TASK(serve, struct hob_listener *)

/* ---- the clients ---- */

static int ask(const char *address) {
    char reply;
    struct hob_stream *server;
    HOB_TRY(hob_connect(address, &server));
    ssize_t rc = hob_write(server, "?", 1);
    if (rc > 0) rc = hob_read_exactly(server, &reply, 1);
    hob_close(server);
    return (int)rc;
}

static int request(const char *address, struct hob_sem *limit, uint64_t began) {
    static int done;
    HOB_WITH(hob_sem, limit); /* given back however the block is left */
    HOB_TRY(ask(address));
    if (++done % AT_ONCE == 0) printf("%3d done after %.2f s\n", done, (hob_now() - began) / 1e9);
    return 0;
}
HOB_TASK(request, const char *, struct hob_sem *, uint64_t)

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    struct hob_sem limit = HOB_SEM_BOUNDED(AT_ONCE);
    struct hob_listener *listener;
    HOB_TRY(hob_listen("127.0.0.1:0", &listener));
    HOB_SCOPE(s);
    hob_spawn_daemon(s, serve, listener); /* ends when the requests have ended */
    for (int i = 0; i < REQUESTS; i++)
        hob_spawn(s, request, hob_listener_address(listener), &limit, hob_now());
    int rc = hob_join(s);
    hob_listener_close(listener);
    if (rc == 0) printf("the server never saw more than %d at once\n", most_busy);
    return rc;
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
