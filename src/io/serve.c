/* io/serve.c - the accept loop, a task for each connection, and how it ends.
 *
 * A connection's record is made before its task. A task that finds no memory for its stack ends
 * without having run: the stream is closed then (lost_conn()). */
#include <hob/error.h>
#include <hob/hob.h>
#include <hob/serve.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "io/listen.h"
#include "io/process/prefork.h"
#include "io/serve.h"
#include "io/stream.h"
#include "task/report.h"
#include "task/task.h"

#define FIRST_PAUSE 0.01
#define LONGEST_PAUSE 1.0
#define TELL_AGAIN_NS UINT64_C(60000000000)

/* What a connection's task gets: this, then the handler's arguments, whose first is the stream. */
struct conn_args {
    _Alignas(16) struct hob__served *conn;
};

void hob__served_end(struct hob__served *c) {
    struct hob__service *v = c->service;
    if (HOB__UNLIKELY(c->holds)) v->parking->lost(c);
    hob_close(c->stream);
    if (v->parking) {
        hob__wheel_remove(&hob__loop->wheel, &c->timer);
        if (v->parking->end) v->parking->end(c);
    }
    hob__free(c);
    v->live--;
    hob__wake_first(&v->slots, 0);
}

bool hob__service_is_silent(int rc) {
    return rc == -ECONNRESET || rc == -EPIPE || rc == HOB_E_EOF || rc == HOB_E_STOPPING;
}

static int run_conn(void *args) {
    struct hob__served *c = ((struct conn_args *)args)->conn;
    /* The site that it was spawned with ends with the server, which the watchdog may not see. */
    hob__loop_task(hob__loop)->site = c->service->site;
    int rc = c->service->site->run((struct conn_args *)args + 1);
    hob__served_end(c);
    return hob__service_is_silent(rc) ? 0 : rc;
}

static void lost_conn(void *args) { hob__served_end(((struct conn_args *)args)->conn); }

static int conn_begin(struct hob__service *v, struct hob_stream *stream) {
    struct hob__served *c = hob__alloc_zero(sizeof *c);
    if (!c) {
        hob_close(stream);
        return -ENOMEM;
    }
    struct hob_spawn_options how = {.name = hob_stream_peer(stream),
                                    .stack_size = v->options.stack_size};
    struct hob_task *t = hob__spawn_with(v->scope, &v->conn_site, how);
    if (!t) {
        hob_close(stream);
        hob__free(c);
        return hob_cancelled() ? -ECANCELED : -ENOMEM;
    }
    c->service = v;
    c->stream = stream;
    stream->lent = &c->stream;
    struct conn_args *to = ((struct hob__task_head *)(void *)t)->args;
    to->conn = c;
    memcpy(to + 1, v->args, v->site->args_size);
    memcpy(to + 1, &stream, sizeof stream);
    v->live++;
    return 0;
}

/* The errors of accept() that go away by themselves: descriptors or memory are short for a while.
 */
static bool is_passing(int rc) {
    return rc == -EMFILE || rc == -ENFILE || rc == -ENOBUFS || rc == -ENOMEM;
}

static int wait_for_slot(struct hob__service *v) {
    struct hob_waiter w;
    return hob__wait_on(&v->slots, &w, "a connection's end", NULL, HOB__WAIT_STOPPABLE);
}

static void tell(struct hob__service *v, int rc) {
    uint64_t now = hob_now();
    if (v->told_at && now - v->told_at < TELL_AGAIN_NS) return;
    v->told_at = now;
    char text[256];
    snprintf(text, sizeof text,
             "hob: accepting on %s: %s; further connections wait until there is room again\n",
             hob_listener_address(v->listener), hob_strerror(rc));
    hob__report(HOB_REPORT_NOTE, text);
}

/* Something is short: rests until a connection has ended, or a little. */
static int rest(struct hob__service *v, int why) {
    tell(v, why);
    struct hob_waiter w;
    int rc = hob_within(
        v->pause, hob__wait_on(&v->slots, &w, "room for a connection", NULL, HOB__WAIT_STOPPABLE));
    v->pause = v->pause * 2 < LONGEST_PAUSE ? v->pause * 2 : LONGEST_PAUSE;
    if (rc != -ETIMEDOUT) return rc;
    hob_error_clear();
    return 0;
}

static int accept_loop(struct hob__service *v) {
    for (;;) {
        struct hob_stream *stream;
        int rc;
        if (v->live >= v->options.max_connections) {
            rc = wait_for_slot(v);
            if (rc < 0) return rc;
            continue;
        }
        rc = hob_accept(v->listener, &stream);
        if (rc == 0) rc = v->begin(v, stream);
        if (rc == 0) {
            v->pause = FIRST_PAUSE;
            continue;
        }
        if (is_passing(rc)) rc = rest(v, rc);
        if (rc < 0) return rc;
    }
}

/* Somebody else has closed the listener: parked connections, which are no children of the scope, go
 * on until they end by themselves, or are asked to. */
static int outlive_listener(struct hob__service *v) {
    while (v->live > 0) {
        struct hob_waiter w;
        int rc = hob__wait_on(&v->slots, &w, "the last connections", NULL, HOB__WAIT_STOPPABLE);
        if (rc < 0) return rc == HOB_E_STOPPING ? 0 : rc;
    }
    return 0;
}

/* A worker process whose place another takes: that a connection waits for its next request does not
 * mean that the client is silent, as that may be on its way. It is answered, as the last one. */
static int next_requests(struct hob__service *v) {
    while (v->live > 0) {
        struct hob_waiter w;
        HOB_TRY(hob__wait_on(&v->slots, &w, "the clients' next requests", NULL, HOB__WAIT_PLAIN));
    }
    return 0;
}

static void outlast(struct hob__service *v) {
    static const double PATIENCE = 1; /* seconds */
    hob__service_tell_holding(v);
    (void)hob_within(PATIENCE, next_requests(v));
    hob_error_clear();
}

bool hob__service_lasts(const struct hob__service *v) {
    return !v->ending && hob__prefork_goes_on();
}

static int run(struct hob__service *v) {
    HOB_SCOPE(s, .on_error = HOB_DISCARD, .name = "server");
    v->scope = s;
    int rc = accept_loop(v);
    if (rc == HOB_E_STOPPING && !v->options.keep_listening) hob__listener_stop(v->listener);
    if (rc == HOB_E_CLOSED && v->parking) rc = outlive_listener(v);
    if (rc == HOB_E_STOPPING && v->parking && hob__service_lasts(v)) outlast(v);
    if (rc == HOB_E_STOPPING || rc == HOB_E_CLOSED)
        rc = 0;
    else if (rc < 0 && rc != -ECANCELED)
        hob_scope_cancel(s);
    v->ending = true;
    hob__service_close_parked(v);
    int joined = hob_join(s);
    return rc < 0 ? rc : joined < 0 ? joined : 0;
}

static int serve(struct hob__service *v) {
    struct hob_listener *listener = v->listener;
    if (!v->options.max_connections) v->options.max_connections = 10000;
    v->pause = FIRST_PAUSE;
    hob__list_init(&v->parked);
    hob__list_init(&v->ready);
    listener->holds++; /* it may be closed while nobody is in hob_accept() */
    int rc = run(v);
    listener->holds--;
    hob__listener_free(listener);
    return rc;
}

int hob__serve(struct hob_listener *listener, struct hob_serve_options options,
               const struct hob__spawn_site *site, const void *args) {
    struct hob__service v = {.listener = listener,
                             .options = options,
                             .begin = conn_begin,
                             .site = site,
                             .conn_site = *site,
                             .args = args};
    v.conn_site.run = run_conn;
    v.conn_site.lost = lost_conn;
    v.conn_site.args_size = (uint32_t)sizeof(struct conn_args) + site->args_size;
    return serve(&v);
}

int hob__serve_parking(struct hob__service *service, struct hob_listener *listener,
                       struct hob_serve_options options, const struct hob__parking *parking,
                       void *arg) {
    *service = (struct hob__service){.listener = listener,
                                     .options = options,
                                     .begin = hob__park_begin,
                                     .parking = parking,
                                     .arg = arg};
    return serve(service);
}
