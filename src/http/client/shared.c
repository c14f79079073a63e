/* http/client/shared.c - connections that several requests share: those that speak HTTP/2.
 *
 * Whether a server does is known when the first connection to it has shaken hands. Until then one
 * request makes that connection, and the others stand in line for what becomes of it: a slot for a
 * stream on it, handed to them in order; "HTTP/1.1", then each makes its own; or the error, which
 * is everybody's. When more stand there than there are slots, the first of them makes the next
 * connection. How many there are the server says when it has been greeted; until then there is one.
 * When the one who makes a connection is cancelled, the next in line does. So there is a line
 * only while somebody makes a connection, and a slot that becomes free goes to it first.
 *
 * Such a connection lives in a task of its own, from which the pool hears of what changes
 * (changed), and which frees it. */
#include <hob/error.h>
#include <hob/hob.h>

#include "base/memory.h"
#include "http/client/client.h"
#include "task/wait.h"

enum { LINE_SLOT = 1, LINE_H1, LINE_YOURS }; /* what those in line are told */

/* ---- slots ---- */

static void take_slot(struct hob__conn *conn) {
    if (!hob__list_empty(&conn->in_client)) hob__pool_unrest(conn);
    conn->h2->active++;
    if (conn->served++ > 0) conn->client->info.reused++;
    if (!hob__h2_room(conn->h2)) hob__list_remove(&conn->in_host);
}

static struct hob__conn *first_shared(struct hob__host *h) {
    if (hob__list_empty(&h->shared)) return NULL;
    return hob__container(h->shared.next, struct hob__conn, in_host);
}

/* To those in line, as far as there is room. */
static void hand_out(struct hob__host *h, struct hob__conn *conn) {
    while (h->line.first && hob__h2_room(conn->h2)) {
        struct hob_waiter *w = h->line.first;
        w->data = conn;
        if (!hob__wake(w, LINE_SLOT)) continue;
        take_slot(conn);
        conn->promised++;
    }
}

/* The one who makes connections is done: the next, or nobody. */
static void pass_on(struct hob__host *h) { h->connecting = hob__wake_first(&h->line, LINE_YOURS); }

/* There may be room, or none; it may be idle, or about to end. */
static void changed(struct hob__h2 *h2) {
    struct hob__conn *conn = h2->options.arg;
    struct hob_client *c = conn->client;
    hand_out(conn->host, conn);
    if (conn->awaited && (h2->settled || h2->closing)) { /* now its size is known, or it has none */
        conn->awaited = false;
        pass_on(conn->host);
    }
    bool listed = !hob__list_empty(&conn->in_host), room = hob__h2_room(h2);
    if (room && !listed) hob__list_append(&conn->host->shared, &conn->in_host);
    if (!room && listed) hob__list_remove(&conn->in_host);
    bool rests = !hob__list_empty(&conn->in_client);
    if (h2->active > 0 || (rests && !h2->closing)) return;
    if (rests) hob__pool_unrest(conn);
    if (h2->closing || c->closed || c->options.idle_timeout < 0)
        hob__h2_end(h2);
    else if (conn->served)
        hob__pool_rest(conn, hob_now());
}

static const struct hob__h2_owner owner = {.changed = changed};

void hob__pool_untake(struct hob__conn *conn) {
    if (conn->h2->active) conn->h2->active--;
    changed(conn->h2);
}

/* ---- the connection ---- */

static int http2_connection(struct hob__conn *conn) {
    struct hob_client *c = conn->client;
    hob__h2_run(conn->h2);
    while (conn->promised) { /* they are ready to run, and will see that it is over */
        HOB_SCOPE(s, .shield = true);
        hob_yield_now();
    }
    hob__list_remove(&conn->in_host);
    if (!hob__list_empty(&conn->in_client)) hob__pool_unrest(conn);
    hob__h2_free(conn->h2);
    hob_close(conn->stream);
    hob__pool_host_unuse(c, conn->host);
    hob__free(conn);
    hob__client_unref(c);
    return 0;
}
HOB_TASK(http2_connection, struct hob__conn *)

bool hob__pool_may_share(const struct hob_client *c, const struct hob__host *h) {
#if HAVE_NGHTTP2
    return !h->only_h1 && (h->tls ? !c->options.no_http2 : c->options.http2_prior_knowledge);
#else
    return (void)c, (void)h, false;
#endif
}

int hob__pool_share(struct hob__conn *conn) {
    struct hob_client *c = conn->client;
    struct hob__h2_options options = {.owner = &owner,
                                      .arg = conn,
                                      .limits = c->limits,
                                      .window = (uint32_t)c->options.http2_window,
                                      .stall = c->options.stall_timeout};
    int rc = hob__h2_new(&conn->h2, conn->stream, options);
    if (rc == 0) {
        conn->host->users++;
        hob__client_ref(c);
        rc = hob_background(http2_connection, conn);
        if (rc == 0) return 0;
        conn->host->users--; /* the request's own use goes on */
        hob__client_unref(c);
        hob__h2_free(conn->h2);
    }
    hob__pool_drop(conn);
    return hob_fail(rc, "no memory for a connection of HTTP/2");
}

/* ---- the line ---- */

static int stand_in_line(struct hob__host *h, uint64_t deadline, struct hob__conn **out) {
    struct hob_waiter w = {0};
    HOB_SCOPE(s, .deadline = deadline);
    int rc = hob__scope_result(
        s, hob__wait_on(&h->line, &w, "http2 connection", h->address, HOB__WAIT_NAMED));
    if (rc != LINE_SLOT) return rc;
    *out = w.data;
    (*out)->promised--;
    return rc;
}

/* The connection was made, or not: what do the others do? */
static void settle(struct hob__host *h, struct hob__conn *conn, int rc, bool mine_alone) {
    if (conn && conn->h2) {
        h->version = 2;
        conn->awaited = true;
        changed(conn->h2);
    } else if (rc < 0 && mine_alone) {
        pass_on(h);
    } else {
        h->connecting = false;
        if (conn) h->version = 1;
        hob__wake_all(&h->line, rc < 0 ? rc : LINE_H1);
    }
}

static int connect_for_all(struct hob_client *c, struct hob__host *h,
                           const struct hob__route *route, struct hob__marks *m, uint64_t deadline,
                           struct hob__conn **out) {
    h->connecting = true;
    int rc = hob__pool_connect(c, h, route, m, deadline, out);
    if (rc == 0 && (*out)->h2) take_slot(*out);
    bool late = rc == -ETIMEDOUT && deadline && hob_now() >= deadline;
    settle(h, rc < 0 ? NULL : *out, rc, rc == -ECANCELED || late);
    return rc;
}

/* Whatever the others do. */
static int connect_alone(struct hob_client *c, struct hob__host *h, const struct hob__route *route,
                         struct hob__marks *m, uint64_t deadline, struct hob__conn **out) {
    int rc = hob__pool_connect(c, h, route, m, deadline, out);
    if (rc < 0 || !(*out)->h2) return rc;
    h->version = 2; /* it has learnt that meanwhile */
    take_slot(*out);
    changed((*out)->h2);
    return 0;
}

/* Found without making one. */
static struct hob__conn *at_hand(struct hob_client *c, struct hob__host *h, struct hob__marks *m,
                                 bool fresh) {
    uint64_t now = 0;
    struct hob__conn *conn = first_shared(h);
    if (conn) {
        m->reused = conn->served > 0;
        take_slot(conn);
        now = hob_now();
    } else if (!fresh) {
        conn = hob__pool_kept(c, h, &now);
        m->reused = conn != NULL;
    }
    if (now) hob__mark(m, HOB__PHASE_POOL, now, HOB__PHASE_SEND);
    if (conn) hob__marks_peer(m, hob_stream_peer(conn->stream));
    return conn;
}

int hob__pool_take(struct hob_client *c, struct hob__host *h, const struct hob__route *route,
                   struct hob__marks *m, uint64_t deadline, bool fresh, struct hob__conn **out) {
    *out = at_hand(c, h, m, fresh);
    if (*out) return 0;
    if (!hob__pool_may_share(c, h) || h->version == 1)
        return connect_alone(c, h, route, m, deadline, out);
    if (!h->connecting) return connect_for_all(c, h, route, m, deadline, out);
    int rc = stand_in_line(h, deadline, out);
    if (rc == LINE_SLOT) {
        m->reused = true;
        hob__mark(m, HOB__PHASE_POOL, hob_now(), HOB__PHASE_SEND);
        hob__marks_peer(m, hob_stream_peer((*out)->stream));
        return 0;
    }
    if (rc == LINE_YOURS) {
        *out = at_hand(c, h, m, fresh);
        if (!*out) return connect_for_all(c, h, route, m, deadline, out);
        pass_on(h);
        return 0;
    }
    if (rc == LINE_H1) return connect_alone(c, h, route, m, deadline, out);
    if (rc == -ECANCELED) return rc;
    return hob_fail(rc, "no connection to %s: %s", h->address, hob_strerror(rc));
}
