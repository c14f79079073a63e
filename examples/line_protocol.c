/* line_protocol - a server that speaks in lines: SET name value, GET name, LIST, QUIT.
 *
 * hob_read_line() is `await reader.readline()`, with a limit: a line that is too long is answered
 * and skipped, and the conversation goes on. hob_peek_idle() waits between two requests and is what
 * hob_stop() ends; HOB_CORK() makes one packet of the many lines of an answer. A connection that
 * waits holds no buffer. The client, in here too, sends all its requests before it reads an answer.
 */
#include <hob/hob.h>
#include <hob/net.h>
#include <hob/serve.h>
#include <stdio.h>
#include <string.h>

enum { ENTRIES = 100, LINE = 60 };

struct store {
    struct {
        char name[LINE], value[LINE];
    } entries[ENTRIES];
    int count;
};

/* ---- the server ---- */

static int say(struct hob_stream *c, const char *line) {
    struct iovec iov[] = {{(void *)line, strlen(line)}, {(void *)"\n", 1}};
    return (int)hob_writev(c, iov, 2);
}

static int find(const struct store *store, const char *name) {
    int i = 0;
    while (i < store->count && strcmp(store->entries[i].name, name) != 0) i++;
    return i;
}

static int set(struct hob_stream *c, struct store *store, const char *name, const char *value) {
    int i = find(store, name);
    if (i == ENTRIES) return say(c, "error: full");
    if (i == store->count) store->count++;
    snprintf(store->entries[i].name, LINE, "%s", name);
    snprintf(store->entries[i].value, LINE, "%s", value);
    return say(c, "ok");
}

static int list(struct hob_stream *c, const struct store *store) {
    HOB_CORK(c); /* sent together when the block is left */
    for (int i = 0; i < store->count; i++) HOB_TRY(say(c, store->entries[i].name));
    return say(c, ".");
}

static int answer(struct hob_stream *c, struct store *store, const char *line) {
    char name[LINE], value[LINE];
    if (sscanf(line, "SET %59s %59[^\n]", name, value) == 2) return set(c, store, name, value);
    if (sscanf(line, "GET %59s", name) == 1) {
        int i = find(store, name);
        return say(c, i < store->count ? store->entries[i].value : "error: no such name");
    }
    if (strcmp(line, "LIST") == 0) return list(c, store);
    return say(c, "error: not understood");
}

static int converse(struct hob_stream *c, struct store *store) {
    struct hob_slice line;
    for (;;) {
        ssize_t there = hob_peek_idle(c, 1, &line); /* hob_stop() ends this wait */
        if (there == HOB_E_STOPPING) return say(c, "goodbye, the server stops");
        HOB_TRY(there);
        int rc = hob_read_line(c, LINE, &line);
        if (rc == HOB_E_LIMIT) {
            HOB_TRY(hob_skip_until(c, "\n"));
            HOB_TRY(say(c, "error: line too long"));
            continue;
        }
        if (HOB_TRY(rc) == 0 || strcmp(line.at, "QUIT") == 0) return 0;
        HOB_TRY(answer(c, store, line.at));
    }
}
HOB_TASK(converse, struct hob_stream *, struct store *)

static int serve(struct hob_listener *listener, struct store *store) {
    return hob_serve(listener, converse, store);
}
HOB_TASK(serve, struct hob_listener *, struct store *)

/* ---- the client ---- */

static int talk(const char *address) {
    static const char requests[] =
        "SET planet Earth\r\n"
        "SET star the Sun\n"
        "GET star\n"
        "SET verse And then there was a line that went on and on and on\n"
        "SING\n"
        "GET comet\n"
        "LIST\n";
    struct hob_stream *c;
    HOB_TRY(hob_connect(address, &c));
    HOB_DEFER((void (*)(void *))hob_close, c);
    HOB_TRY(hob_write(c, requests, sizeof requests - 1));
    HOB_TRY(hob_shutdown(c));
    HOB_EACH_LINE(line, c) puts(line.text);
    return 0;
}

static void close_listener(void *l) { hob_listener_close((struct hob_listener *)l); }

static int app(int argc, char **argv) {
    (void)argv;
    if (argc > 1) return hob_fail(-EINVAL, "line_protocol takes no arguments");
    static struct store store;
    struct hob_listener *listener;
    HOB_TRY(hob_listen("localhost:0", &listener));
    HOB_DEFER(close_listener, listener);
    HOB_SCOPE(s);
    hob_spawn(s, serve, listener, &store);
    HOB_TRY(talk(hob_listener_address(listener)));
    hob_stop(s, 1);
    return hob_join(s);
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
