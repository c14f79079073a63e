/* io/serve.c - the accept loop, a task for each connection, and how it ends.
 *
 * A connection's record is made before its task. A task that finds no memory for its stack ends
 * without having run; as tasks first run in order of their spawning, the records in front of one
 * that runs (server.begun) are of such tasks: their streams are closed by who finds them. */
#include <hob/error.h>
#include <hob/hob.h>
#include <hob/serve.h>
#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "base/memory.h"
#include "io/listen.h"
#include "io/stream.h"
#include "task/fdwait.h"
#include "task/report.h"
#include "task/wait.h"

#define FIRST_PAUSE 0.01
#define LONGEST_PAUSE 1.0
#define TELL_AGAIN_NS UINT64_C(60000000000)

struct server {
    struct hob_listener *listener;
    struct hob_serve_options options;
    const struct hob__spawn_site *site; /* the handler */
    struct hob__spawn_site conn_site;
    const void *args;
    struct hob_list begun; /* connections whose tasks have not run yet, in order */
    size_t live;
    struct hob_waitlist slots; /* the accept loop, while it waits for a connection's end */
    double pause;
    uint64_t told_at;
};

struct conn {
    struct hob_list node;
    struct server *server;
    struct hob_stream *stream; /* NULL: closed */
};

/* What a connection's task gets: this, then the handler's arguments, whose first is the stream. */
struct conn_args {
    _Alignas(16) struct conn *conn;
};

static void conn_end(struct conn *c) {
    struct server *server = c->server;
    hob_close(c->stream);
    hob__free(c);
    server->live--;
    hob__wake_first(&server->slots, 0);
}

/* Those in front of `until` never ran. */
static void drop_lost(struct server *server, const struct hob_list *until) {
    while (server->begun.next != until) {
        struct hob_list *n = server->begun.next;
        hob__list_remove(n);
        conn_end(hob__container(n, struct conn, node));
    }
}

static bool is_silent(int rc) {
    return rc == -ECONNRESET || rc == -EPIPE || rc == HOB_E_EOF || rc == HOB_E_STOPPING;
}

static int run_conn(void *args) {
    struct conn *c = ((struct conn_args *)args)->conn;
    drop_lost(c->server, &c->node);
    hob__list_remove(&c->node);
    int rc = c->server->site->run((struct conn_args *)args + 1);
    conn_end(c);
    return is_silent(rc) ? 0 : rc;
}

/* The stream is the connection's from here on, or closed. 0, -ENOMEM, -ECANCELED. */
static int conn_begin(struct hob_scope *s, struct server *server, struct hob_stream *stream) {
    struct conn *c = hob__alloc(sizeof *c);
    if (!c) {
        hob_close(stream);
        return -ENOMEM;
    }
    struct hob_spawn_options how = {.name = hob_stream_peer(stream),
                                    .stack_size = server->options.stack_size};
    struct hob_task *t = hob__spawn_with(s, &server->conn_site, how);
    if (!t) {
        hob_close(stream);
        hob__free(c);
        return hob_cancelled() ? -ECANCELED : -ENOMEM;
    }
    c->server = server;
    c->stream = stream;
    stream->lent = &c->stream;
    struct conn_args *to = ((struct hob__task_head *)(void *)t)->args;
    to->conn = c;
    memcpy(to + 1, server->args, server->site->args_size);
    memcpy(to + 1, &stream, sizeof stream);
    hob__list_append(&server->begun, &c->node);
    server->live++;
    return 0;
}

/* The errors of accept() that go away by themselves: descriptors or memory are short for a while.
 */
static bool is_passing(int rc) {
    return rc == -EMFILE || rc == -ENFILE || rc == -ENOBUFS || rc == -ENOMEM;
}

/* Lets all that began run: what is left of them then will never. */
static int look_for_lost(struct server *server) {
    int rc = hob_yield_now();
    if (rc == 0) drop_lost(server, &server->begun);
    return rc;
}

static int wait_for_slot(struct server *server) {
    int rc = look_for_lost(server);
    if (rc < 0) return rc;
    if (server->live < server->options.max_connections) return 0;
    struct hob_waiter w;
    return hob__wait_on(&server->slots, &w, "a connection's end", NULL, HOB__WAIT_STOPPABLE);
}

static void tell(struct server *server, int rc) {
    uint64_t now = hob_now();
    if (server->told_at && now - server->told_at < TELL_AGAIN_NS) return;
    server->told_at = now;
    char text[256];
    snprintf(text, sizeof text,
             "hob: accepting on %s: %s; further connections wait until there is room again\n",
             hob_listener_address(server->listener), hob_strerror(rc));
    hob__report(HOB_REPORT_NOTE, text);
}

/* Something is short: rests until a connection has ended, or a little. */
static int rest(struct server *server, int why) {
    tell(server, why);
    int rc = look_for_lost(server);
    if (rc < 0) return rc;
    struct hob_waiter w;
    rc = hob_within(server->pause, hob__wait_on(&server->slots, &w, "room for a connection", NULL,
                                                HOB__WAIT_STOPPABLE));
    server->pause = server->pause * 2 < LONGEST_PAUSE ? server->pause * 2 : LONGEST_PAUSE;
    if (rc != -ETIMEDOUT) return rc;
    hob_error_clear();
    return 0;
}

static int accept_loop(struct hob_scope *s, struct server *server) {
    for (;;) {
        struct hob_stream *stream;
        int rc;
        if (server->live >= server->options.max_connections) {
            rc = wait_for_slot(server);
            if (rc < 0) return rc;
            continue;
        }
        rc = hob_accept(server->listener, &stream);
        if (rc == 0) rc = conn_begin(s, server, stream);
        if (rc == 0) {
            server->pause = FIRST_PAUSE;
            continue;
        }
        if (is_passing(rc)) rc = rest(server, rc);
        if (rc < 0) return rc;
    }
}

int hob__serve(struct hob_listener *listener, struct hob_serve_options options,
               const struct hob__spawn_site *site, const void *args) {
    struct server server = {.listener = listener,
                            .options = options,
                            .site = site,
                            .conn_site = *site,
                            .args = args,
                            .pause = FIRST_PAUSE};
    if (!options.max_connections) server.options.max_connections = 10000;
    server.conn_site.run = run_conn;
    server.conn_site.args_size = (uint32_t)sizeof(struct conn_args) + site->args_size;
    hob__list_init(&server.begun);
    int rc, joined;
    listener->holds++; /* it may be closed while nobody is in hob_accept() */
    {
        HOB_SCOPE(s, .on_error = HOB_DISCARD, .name = "server");
        rc = accept_loop(s, &server);
        if (rc == HOB_E_STOPPING && !options.keep_listening) hob__listener_stop(listener);
        if (rc == HOB_E_STOPPING || rc == HOB_E_CLOSED)
            rc = 0;
        else if (rc != -ECANCELED)
            hob_scope_cancel(s);
        joined = hob_join(s);
    }
    drop_lost(&server, &server.begun);
    listener->holds--;
    hob__listener_free(listener);
    return rc < 0 ? rc : joined < 0 ? joined : 0;
}
