/* websocket_chat - a chat on WebSockets: who says something is heard by all.
 *
 *   websocket_chat [CLIENTS]              server and clients in one process (default: 100 clients)
 *   websocket_chat serve ADDRESS          the server alone, until Ctrl-C; a browser may come, too
 *   websocket_chat call ADDRESS CLIENTS   the clients alone
 *
 * The server's connections are served by hob_websocket_serve(): while nobody speaks they have no
 * task, so that ten thousand of them fit into some 20 MB. A member that does not read what is said
 * would hold up those who speak: after two seconds it has to go. */
#include <hob/hob.h>
#include <hob/net.h>
#include <hob/sync.h>
#include <hob/websocket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* ---- the server ---- */

struct member {
    struct hob_websocket *ws;
    struct member *next, **link; /* of all that are here */
};
static struct member *members;

static int come(struct hob_websocket *ws, void *arg) {
    struct member *m = (struct member *)arg;
    m->ws = ws;
    m->next = members;
    m->link = &members;
    if (members) members->link = &m->next;
    members = m;
    return 0;
}

static int say_to_all(struct hob_websocket *ws, const struct hob_websocket_message *what,
                      void *arg) {
    (void)ws, (void)arg;
    /* A send may wait; who leaves meanwhile takes itself off the list, but the one that is sent to
     * cannot be gone before the send has returned. */
    for (struct member *m = members; m; m = m->next)
        (void)hob_websocket_send(m->ws, what->kind, what->data, what->size);
    return hob_check();
}

static void go(struct hob_websocket *ws, void *arg) {
    struct member *m = (struct member *)arg;
    (void)ws;
    *m->link = m->next;
    if (m->next) m->next->link = m->link;
    free(m);
}

static const struct hob_websocket_events events = {come, say_to_all, go};

static int handler(struct hob_request *req, void *arg) {
    (void)arg;
    if (strcmp(hob_request_path(req), "/chat") != 0)
        return hob_respond_text(req, 404, "text/plain", "The chat is at /chat.\n");
    struct member *m = (struct member *)calloc(1, sizeof *m);
    if (!m) return hob_fail(-ENOMEM, "no memory for a member");
    int rc = hob_websocket_serve(req, &events, m, .max_message = 4096, .send_timeout = 2);
    if (rc < 0) free(m);
    return rc;
}

static int serve(struct hob_listener *listener) {
    struct hob_http_options options = {};
    options.max_connections = 15000;
    return hob_http_serve(listener, handler, NULL, options);
}
HOB_TASK(serve, struct hob_listener *)

/* ---- the clients ---- */

enum { SPEAKERS = 3 }; /* each of the first says one thing */

struct crowd {
    struct hob_client *client;
    char url[200];
    int clients, here, heard;
    struct hob_sem connecting; /* so many knock at the same time */
    struct hob_event all_here;
};

static int enter(struct crowd *crowd, struct hob_websocket **ws) {
    HOB_WITH(hob_sem, &crowd->connecting);
    return hob_websocket_connect(crowd->client, crowd->url, ws);
}

static int visit(struct crowd *crowd, int number) {
    struct hob_websocket *ws HOB_WEBSOCKET_GUARD = NULL;
    struct hob_websocket_message m;
    char text[64];
    HOB_TRY(enter(crowd, &ws));
    if (++crowd->here == crowd->clients) hob_event_set(&crowd->all_here);
    HOB_TRY(hob_event_wait(&crowd->all_here));
    snprintf(text, sizeof text, "I am client %d of %d", number, crowd->clients);
    if (number < SPEAKERS) HOB_TRY(hob_websocket_send_text(ws, text));
    for (int i = 0; i < SPEAKERS && i < crowd->clients; i++) {
        if (HOB_TRY(hob_websocket_receive(ws, &m)) == 0)
            return hob_fail(-EPROTO, "client %d was sent away: %d", number, hob_websocket_code(ws));
        crowd->heard++;
    }
    return hob_websocket_close(ws, HOB_WEBSOCKET_NORMAL, "bye");
}
HOB_TASK(visit, struct crowd *, int)

static int visit_all(const char *address, int clients) {
    HOB_CLIENT(client, .connect_timeout = 60);
    struct crowd crowd = {};
    crowd.client = client;
    crowd.clients = clients;
    crowd.connecting = (struct hob_sem)HOB_SEM(50);
    snprintf(crowd.url, sizeof crowd.url, "ws://%s/chat", address);
    uint64_t began = hob_now();
    HOB_SCOPE(s);
    for (int i = 0; i < clients; i++) hob_spawn(s, visit, &crowd, i);
    HOB_TRY(hob_join(s));
    printf("%d clients in the chat at once, %d messages heard, %.2f s\n", crowd.here, crowd.heard,
           (double)(hob_now() - began) * 1e-9);
    return 0;
}

/* ---- the program ---- */

static int serve_alone(const char *address) {
    struct hob_listener *listener;
    HOB_TRY(hob_listen(address, &listener));
    printf("serving ws://%s/chat\n", hob_listener_address(listener));
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
        rc = visit_all(hob_listener_address(listener), clients);
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
    bool call = argc == 4 && strcmp(argv[1], "call") == 0;
    int clients = argc == 1 ? 100 : atoi(argv[argc - 1]);
    if (call && clients > 0) return visit_all(argv[2], clients);
    if (argc > 2 || clients < 1)
        return hob_fail(-EINVAL, "websocket_chat [CLIENTS] | serve ADDRESS | call ADDRESS CLIENTS");
    return both(clients);
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
