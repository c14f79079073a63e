/* http/h2/h2.c - the life of an HTTP/2 connection: its two tasks, its pings, its end. h2.h has the
 * whole picture. */
#include "http/h2/h2.h"

#include <hob/error.h>
#include <hob/hob.h>
#include <string.h>

#if HAVE_NGHTTP2
#include "base/memory.h"
#include "http/h2/inside.h"
#include "http/server/metrics.h"
#include "io/pool.h"
#include "io/stream.h"
#include "task/loopdata.h"
#include "task/task.h"
#include "task/wait.h"

enum {
    CONNECTION_WINDOW = 1 << 24, /* bytes on their way to all streams together */
    SERVER_WINDOW = 1 << 20,     /* and unread, of all requests of a connection */
    STREAMS_AT_FIRST = 1,        /* before the peer has said how many it wants */
    BYE_SECONDS = 1,             /* for the last frames */
    LEAVE_SECONDS = 1            /* for requests that were under way when it was said */
};

const uint8_t hob__h2_leaving[8] = "leaving";

/* ---- beginning ---- */

static int greet(struct hob__h2 *h2) {
    const struct hob__h2_options *o = &h2->options;
    nghttp2_settings_entry entries[5];
    size_t n = 0;
    entries[n++] =
        (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, o->max_streams};
    entries[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, o->window};
    entries[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, o->limits.block};
    /* WebSockets (RFC 8441): a client may CONNECT for another protocol. */
    if (o->server)
        entries[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1};
    if (!o->server) entries[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
    int rc = nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, entries, n);
    if (rc == 0)
        rc = nghttp2_session_set_local_window_size(h2->session, NGHTTP2_FLAG_NONE, 0,
                                                   o->server ? SERVER_WINDOW : CONNECTION_WINDOW);
    return rc < 0 ? -ENOMEM : 0;
}

int hob__h2_new(struct hob__h2 **out, struct hob_stream *stream, struct hob__h2_options options) {
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *settings;
    *out = NULL;
    if (!hob__h2_setup(options.server, &callbacks, &settings) || !hob__h2_memory()) return -ENOMEM;
    struct hob__h2 *h2 = hob__alloc_zero(sizeof *h2);
    if (!h2) return -ENOMEM;
    struct hob__h1 defaults;
    hob__h1_init(&defaults, false, &options.limits);
    options.limits = defaults.limits;
    h2->stream = stream;
    h2->options = options;
    h2->max_active = STREAMS_AT_FIRST;
    h2->takes_to = INT32_MAX;
    h2->quiet_since = hob_now();
    h2->in_head = options.server; /* the preface is as good as one */
    h2->head_since = options.server ? h2->quiet_since : 0;
    hob__list_init(&h2->streams);
    nghttp2_mem mem = hob__h2_mem();
    int rc = options.server
                 ? nghttp2_session_server_new3(&h2->session, callbacks, h2, settings, &mem)
                 : nghttp2_session_client_new3(&h2->session, callbacks, h2, settings, &mem);
    if (rc == 0) rc = greet(h2);
    if (rc < 0) {
        hob__h2_free(h2);
        return -ENOMEM;
    }
    *out = h2;
    return 0;
}

/* The streams go on without a connection, which shall not speak of them any more. */
static void orphan(struct hob__h2 *h2, int error, const char *why) {
    h2->last = NULL;
    for (struct hob_list *n = h2->streams.next, *next; n != &h2->streams; n = next) {
        struct hob__h2_stream *st = hob__container(n, struct hob__h2_stream, node);
        next = n->next;
        if (!st->closed) nghttp2_session_set_stream_user_data(h2->session, st->id, NULL);
        if (h2->options.server && !st->handed) {
            hob__h2_stream_free(st);
            continue;
        }
        if (!h2->options.server) hob__list_remove(&st->node); /* it outlives the connection */
        if (!st->sent && !h2->options.server) st->processed = HOB__H2_NEVER, st->late = h2->served;
        st->h2 = NULL;
        st->closed = true;
        hob__h2_stream_end(st, error, why);
        if (h2->options.server) h2->options.owner->gone(h2, st);
    }
    h2->active = 0;
    h2->dead = true;
}

void hob__h2_free(struct hob__h2 *h2) {
    orphan(h2, HOB_E_HTTP_CUT, NULL);
    while (!hob__list_empty(&h2->streams)) /* a server's: nobody has taken them */
        hob__h2_stream_free(hob__container(h2->streams.next, struct hob__h2_stream, node));
    hob__h2_same_drop(h2);
    nghttp2_session_del(h2->session);
    hob__free(h2);
}

/* ---- writing ---- */

static bool has_frames(const struct hob__h2 *h2) { return h2->out_size > 0; }

void hob__h2_kick(struct hob__h2 *h2) {
    if (!h2->idle.first) return;
    if (has_frames(h2) || h2->failed < 0 || nghttp2_session_want_write(h2->session))
        hob__wake_first(&h2->idle, 0);
}

static void drop_out(struct hob__h2 *h2) {
    if (h2->out) hob__chunk_give(h2->out);
    h2->out = NULL;
    h2->out_size = 0;
}

/* Puts what nghttp2 has to say into `out`, as far as there is room: on_send(), on_send_data(). 0,
 * -ENOMEM, or an error of nghttp2's, which is final. */
static int gather(struct hob__h2 *h2) {
    if (!h2->out && !(h2->out = hob__chunk_take())) return -ENOMEM;
    if (h2->failed < 0) return h2->failed;
    h2->stuck = false;
    int rc = nghttp2_session_send(h2->session);
    if (rc == 0) return 0;
    h2->failed = rc == NGHTTP2_ERR_NOMEM ? -ENOMEM : HOB_E_HTTP2_PROTOCOL;
    h2->error = h2->failed;
    h2->why = nghttp2_strerror(rc);
    return h2->failed;
}

static bool may_gather(const struct hob__h2 *h2) {
    return !h2->writing && !h2->over && !h2->torn && !h2->receiving && h2->failed == 0;
}

void hob__h2_gather(struct hob__h2 *h2) {
    if (!may_gather(h2)) return;
    (void)gather(h2);
    if (!has_frames(h2)) drop_out(h2);
}

bool hob__h2_prompt(struct hob__h2 *h2) {
    if (!may_gather(h2)) return false;
    bool behind = h2->stuck || nghttp2_session_get_outbound_queue_size(h2->session) > 0;
    if (HOB__UNLIKELY(behind) && gather(h2) < 0) return false;
    if (!h2->out && !(h2->out = hob__chunk_take())) return false;
    return !behind || (!h2->stuck && nghttp2_session_get_outbound_queue_size(h2->session) == 0);
}

/* Cancelled before it begins, it leaves the frames for bye(). */
static int send_out(struct hob__h2 *h2, double seconds) {
    int rc = hob_check();
    if (rc < 0) return rc;
    HOB_SCOPE(s, .deadline = seconds < 1e9 ? hob_after(seconds) : 0);
    h2->writing = true;
    ssize_t sent = hob_write(h2->stream, h2->out, h2->out_size);
    h2->writing = false;
    h2->out_size = 0;
    if (sent > 0 && h2->options.count_out) hob__count(h2->options.count_out, (uint64_t)sent);
    rc = hob__scope_result(s, (int)sent);
    if (rc < 0) h2->torn = true;
    return rc;
}

/* All that there is to say now. 0 or an error. */
static int say(struct hob__h2 *h2, double seconds) {
    int rc;
    do {
        rc = gather(h2);
        if (rc == 0 && !has_frames(h2)) break;
        if (rc == 0) rc = send_out(h2, seconds);
    } while (rc >= 0);
    if (!has_frames(h2)) drop_out(h2); /* who sleeps holds none */
    return rc < 0 ? rc : 0;
}

static int write_all(struct hob__h2 *h2) {
    for (;;) {
        int rc = say(h2, h2->options.stall);
        if (rc < 0) {
            /* It may have said why before it went: that is read first. */
            h2->closing = true;
            if (rc == -EPIPE || rc == -ECONNRESET) return 0;
            if (!h2->error && rc != -ECANCELED) {
                h2->error = rc;
                h2->why = rc == -ETIMEDOUT ? "the peer does not read" : NULL;
            }
            return rc;
        }
        /* The last GOAWAY is out, or the last answer. */
        if (!nghttp2_session_want_read(h2->session) || (h2->ends && h2->active == 0)) {
            h2->over = true;
            return -ECANCELED;
        }
        struct hob_waiter w = {0};
        rc = hob__wait_on(&h2->idle, &w, "http2 writer", NULL, HOB__WAIT_PLAIN);
        if (rc < 0) return rc;
    }
}

/* Without a writer, also one that was cancelled alone, there is nothing to read for. */
static int writes(struct hob__h2 *h2) {
    int rc = write_all(h2);
    if (rc < 0) hob_scope_cancel(h2->scope);
    return rc;
}
HOB_TASK(writes, struct hob__h2 *)

/* ---- reading ---- */

/* So many seconds behind it; 0 = never. */
static uint64_t after(uint64_t at, double seconds) {
    return seconds < 1e9 ? at + (uint64_t)(seconds * 1e9) : 0;
}

/* Until when a head that comes in has to be complete; 0 = none does, or it may take for ever. */
static uint64_t head_until(const struct hob__h2 *h2) {
    return h2->head_since ? after(h2->head_since, h2->options.head) : 0;
}

/* A server's: its last GOAWAY is said. A client's own says nothing of the streams that it opens
 * itself: that it is closing is not enough. */
static bool said_last(const struct hob__h2 *h2) { return h2->takes_to != INT32_MAX; }

bool hob__h2_is_late(struct hob__h2 *h2) {
    uint64_t until = head_until(h2);
    if (!until || hob_now() < until) return false;
    /* What comes in when the time to leave is over is no head any more (leaves_now()). */
    if (h2->leaving && !said_last(h2) && h2->leaves_at <= until) return false;
    h2->late = true;
    h2->error = -ETIMEDOUT;
    h2->why = "a head that takes too long";
    return true;
}

/* Until when a request has to come, while there is none; 0 = it may take for ever. */
static uint64_t idle_until(const struct hob__h2 *h2) {
    const struct hob__h2_options *o = &h2->options;
    return h2->active == 0 && o->idle > 0 ? after(h2->quiet_since, o->idle) : 0;
}

bool hob__h2_is_idle(struct hob__h2 *h2) {
    uint64_t until = idle_until(h2);
    if (!until || hob_now() < until) return false;
    return h2->idled = true;
}

/* What a GOAWAY says: streams behind it were not taken, and never are. nghttp2's own number counts
 * one whose head is not complete, too. */
static int32_t last_taken(const struct hob__h2 *h2) {
    return h2->asked < h2->takes_to ? h2->asked : h2->takes_to;
}

/* nghttp2's own bounds. */
static bool is_flood(ssize_t rc) {
    enum { TOO_MANY_CONTINUATIONS = -905 }; /* which not every header of its has */
    return rc == NGHTTP2_ERR_FLOODED || rc == NGHTTP2_ERR_TOO_MANY_SETTINGS ||
           rc == TOO_MANY_CONTINUATIONS;
}

static int take(struct hob__h2 *h2, struct hob_slice piece) {
    h2->receiving = true;
    ssize_t rc = nghttp2_session_mem_recv(h2->session, (const uint8_t *)piece.at, piece.size);
    h2->receiving = false;
    h2->received += piece.size;
    if (h2->options.count_in) hob__count(h2->options.count_in, piece.size);
    h2->heard = hob_now();
    h2->pinged = false;
    if (h2->in_head && !h2->head_since && h2->options.server) h2->head_since = h2->heard;
    hob__h2_kick(h2);
    bool opens = h2->options.server || nghttp2_session_check_request_allowed(h2->session);
    if (!opens && !h2->closing) hob__h2_drain(h2); /* a GOAWAY is about to go out */
    if (rc >= 0) return 0;
    if (!h2->error) {
        h2->error = rc == NGHTTP2_ERR_NOMEM ? -ENOMEM
                    : is_flood(rc)          ? HOB_E_HTTP2_FLOOD
                                            : HOB_E_HTTP2_PROTOCOL;
        h2->why = nghttp2_strerror((int)rc);
    }
    nghttp2_session_terminate_session2(h2->session, last_taken(h2),
                                       h2->error == HOB_E_HTTP2_FLOOD ? NGHTTP2_ENHANCE_YOUR_CALM
                                                                      : NGHTTP2_PROTOCOL_ERROR);
    return h2->error;
}

/* Requests that come when none is under way run next, and the writer behind them, while the
 * connection's memory is warm: before those of other connections that are ready, too. */
static int take_batch(struct hob__h2 *h2, struct hob_slice piece) {
    if (h2->active > 0 || !h2->options.server) return take(h2, piece);
    struct hob_loop *loop = hob__loop;
    uint32_t mark = hob__ready_mark(loop);
    int rc = take(h2, piece);
    if (h2->active > 0) hob__wake_first(&h2->idle, 0);
    hob__ready_first(loop, mark);
    return rc;
}

/* It has had its time to leave. */
static bool leaves_now(struct hob__h2 *h2) {
    if (!h2->leaving || said_last(h2) || hob_now() < h2->leaves_at) return false;
    hob__h2_close_down(h2);
    return true;
}

/* The peer was silent for half of the time that it may be: is it there? While nobody waits for it,
 * that does not matter. */
static int ask(struct hob__h2 *h2) {
    const struct hob__h2_options *o = &h2->options;
    if (hob__h2_is_late(h2)) return h2->error;
    if (leaves_now(h2)) return 1;
    if (hob__h2_is_idle(h2)) return 0;
    if (h2->active > 0 && hob_now() < after(h2->heard, o->stall / 2)) return 1;
    if (h2->pinged) {
        h2->error = -ETIMEDOUT;
        h2->why = "the peer does not answer";
        return h2->error;
    }
    if (h2->active == 0) return 1;
    h2->pinged = true;
    h2->heard = hob_now(); /* the ping has its own half */
    int rc = nghttp2_submit_ping(h2->session, NGHTTP2_FLAG_NONE, NULL);
    hob__h2_kick(h2);
    return rc < 0 ? -ENOMEM : 1;
}

/* Until when nothing need be asked. */
static uint64_t patience(const struct hob__h2 *h2) {
    const struct hob__h2_options *o = &h2->options;
    uint64_t head = head_until(h2), until;
    if (h2->active == 0 && o->idle > 0)
        until = after(h2->quiet_since, o->idle);
    else
        until = after(h2->active ? h2->heard : hob_now(), o->stall / 2);
    if (head && (!until || head < until)) until = head;
    if (h2->leaving && !said_last(h2) && (!until || h2->leaves_at < until)) until = h2->leaves_at;
    return until;
}

static int peek(struct hob__h2 *h2, struct hob_slice *piece) {
    HOB_SCOPE(s, .deadline = patience(h2));
    bool idle = h2->options.server && !said_last(h2) && !h2->leaving;
    ssize_t rc = idle ? hob_peek_idle(h2->stream, 1, piece) : hob_peek(h2->stream, 1, piece);
    return hob__scope_result(s, (int)rc);
}

void hob__h2_let_rest(struct hob__h2 *h2) {
    /* A writer that is in a call on the stream might wait to read, too. */
    if (h2->active > 0 || h2->closing || h2->leaving) return;
    if (!h2->idle.first || !h2->stream->fd) return;
    hob__wake_all(&h2->stream->fd->readers, -EAGAIN);
}

/* A server's, of which nobody waits for anything but the client's next request? */
static bool rests(const struct hob__h2 *h2) {
    if (h2->active > 0 || h2->closing || h2->leaving || hob_stopping()) return false;
    if (!h2->idle.first || has_frames(h2) || nghttp2_session_want_write(h2->session)) return false;
    return hob__stream_early(h2->stream) == 0 && hob__stream_fill_now(h2->stream) == -EAGAIN;
}

/* Until the connection is over: why. 0: the peer has ended it. HOB__H2_RESTS. */
static int reads(struct hob__h2 *h2) {
    for (;;) {
        struct hob_slice piece;
        int rc = peek(h2, &piece);
        if (rc == 0) return 0;
        if (rc == HOB_E_STOPPING) {
            hob__h2_goaway(h2);
            continue;
        }
        if (rc == -EAGAIN && rests(h2)) return HOB__H2_RESTS;
        if (rc == -EAGAIN) continue;
        if (rc == -ETIMEDOUT) {
            rc = ask(h2);
            if (rc == 0) return HOB_E_STOPPING;
        } else if (rc > 0) {
            rc = take_batch(h2, piece);
            if (rc == 0 && hob__h2_is_late(h2)) rc = h2->error;
            if (rc == 0) (void)leaves_now(h2);
            if (rc == 0) rc = (int)hob_skip(h2->stream, (int64_t)piece.size);
        }
        if (rc < 0) return rc;
    }
}

/* ---- the end ---- */

void hob__h2_end(struct hob__h2 *h2) {
    h2->closing = h2->over = true;
    if (h2->scope) hob_scope_cancel(h2->scope);
}

void hob__h2_end_said(struct hob__h2 *h2) {
    h2->ends = true;
    if (h2->scope && !h2->torn)
        hob__wake_first(&h2->idle, 0); /* or it comes by itself: it is writing */
    else
        hob__h2_end(h2);
}

void hob__h2_drain(struct hob__h2 *h2) {
    h2->closing = true;
    h2->options.owner->changed(h2);
}

/* If the server ends, a client that does not answer has no more than half of the grace. */
static uint64_t leave_until(void) {
    uint64_t until = hob_after(LEAVE_SECONDS), end = hob__grace_end(), now = hob_now();
    uint64_t half = end > now ? now + (end - now) / 2 : now;
    return half < until ? half : until;
}

void hob__h2_goaway(struct hob__h2 *h2) {
    if (said_last(h2) || h2->leaving) return;
    h2->leaving = true;
    h2->leaves_at = leave_until();
    /* nghttp2 has no notice for a client that leaves, too. */
    bool said = !h2->said_goaway && nghttp2_submit_shutdown_notice(h2->session) == 0 &&
                nghttp2_submit_ping(h2->session, NGHTTP2_FLAG_NONE, hob__h2_leaving) == 0;
    if (!said) hob__h2_close_down(h2);
    hob__h2_kick(h2);
}

/* The request whose head comes in is not taken; nobody waits for the rest of it. */
static void drop_head(struct hob__h2 *h2) {
    struct hob__h2_stream *st = hob__h2_stream_of(h2, h2->head_of);
    if (st) hob__h2_stream_end(st, HOB_E_HTTP2_REFUSED, NULL);
    hob__h2_head_is_over(h2);
}

void hob__h2_close_down(struct hob__h2 *h2) {
    if (said_last(h2)) return;
    h2->closing = true;
    h2->takes_to = last_taken(h2);
    if (h2->in_head && h2->head_of > h2->takes_to) drop_head(h2);
    nghttp2_submit_goaway(h2->session, NGHTTP2_FLAG_NONE, h2->takes_to, NGHTTP2_NO_ERROR, NULL, 0);
    hob__h2_kick(h2);
    h2->options.owner->changed(h2);
}

/* A GOAWAY, and what waits to be said, as far as the peer takes it. */
static void bye(struct hob__h2 *h2) {
    if (h2->torn) return;
    HOB_SCOPE(s, .shield = true);
    nghttp2_session_terminate_session2(h2->session, last_taken(h2), NGHTTP2_NO_ERROR);
    (void)say(h2, BYE_SECONDS);
}

uint64_t hob__h2_rest_until(const struct hob__h2 *h2) {
    uint64_t until = idle_until(h2), head = head_until(h2);
    if (head && (!until || head < until)) return head;
    return until ? until : UINT64_MAX;
}

int hob__h2_run(struct hob__h2 *h2) {
    int rc = 0;
    bool gone = false;
    if (!h2->over) {
        HOB_SCOPE(s);
        h2->scope = s;
        rc = hob_spawn(s, writes, h2) ? reads(h2) : -ECANCELED;
        if (rc == HOB__H2_RESTS) {
            hob_scope_cancel(s); /* the writer, which sleeps */
            hob_join(s);
            h2->scope = NULL;
            /* A head that has begun is compared with it. */
            if (hob__list_empty(&h2->streams)) hob__h2_same_drop(h2);
            return rc;
        }
        if (rc == HOB_E_STOPPING) h2->over = true;
        if (rc == HOB_E_STOPPING) rc = -ECANCELED;
        gone = rc == 0 || (rc < 0 && rc != -ECANCELED && rc != h2->error);
        if (rc == 0 && h2->active) rc = HOB_E_HTTP_CUT;
        h2->closing = true;
        hob_scope_cancel(s);
        int joined = hob_join(s);
        if (rc == -ECANCELED && joined < 0) rc = joined;
        h2->scope = NULL;
    }
    h2->closing = true;
    if (h2->error) rc = h2->error;
    const char *why = h2->why;
    if (h2->said_goaway && h2->goaway != NGHTTP2_NO_ERROR) {
        rc = HOB_E_HTTP2_GOAWAY;
        why = nghttp2_http2_strerror(h2->goaway);
    }
    orphan(h2, rc < 0 && rc != -ECANCELED ? rc : HOB_E_HTTP_CUT, why);
    h2->options.owner->changed(h2);
    if (!gone) bye(h2);
    drop_out(h2);
    return rc == -ECANCELED && h2->over ? 0 : rc;
}

#else

int hob__h2_new(struct hob__h2 **out, struct hob_stream *stream, struct hob__h2_options options) {
    (void)stream, (void)options;
    *out = NULL;
    return HOB_E_HTTP2;
}
void hob__h2_free(struct hob__h2 *h2) { (void)h2; }
int hob__h2_run(struct hob__h2 *h2) {
    (void)h2;
    return HOB_E_HTTP2;
}
void hob__h2_let_rest(struct hob__h2 *h2) { (void)h2; }
uint64_t hob__h2_rest_until(const struct hob__h2 *h2) {
    (void)h2;
    return UINT64_MAX;
}
bool hob__h2_is_late(struct hob__h2 *h2) {
    (void)h2;
    return false;
}
bool hob__h2_is_idle(struct hob__h2 *h2) {
    (void)h2;
    return false;
}
void hob__h2_end(struct hob__h2 *h2) { (void)h2; }
void hob__h2_end_said(struct hob__h2 *h2) { (void)h2; }
void hob__h2_drain(struct hob__h2 *h2) { (void)h2; }
void hob__h2_goaway(struct hob__h2 *h2) { (void)h2; }
void hob__h2_close_down(struct hob__h2 *h2) { (void)h2; }
void hob__h2_kick(struct hob__h2 *h2) { (void)h2; }
int hob__h2_request(struct hob__h2 *h2, struct hob__buffer *head, const char *scheme, bool body,
                    struct hob__h2_stream **out) {
    (void)h2, (void)head, (void)scheme, (void)body;
    *out = NULL;
    return HOB_E_HTTP2;
}
int hob__h2_interim(struct hob__h2_stream *st, struct hob__buffer *head) {
    (void)st, (void)head;
    return HOB_E_HTTP2;
}
int hob__h2_end_with(struct hob__h2_stream *st, struct hob__buffer *fields,
                     const struct hob__h2_times *times) {
    (void)st, (void)fields, (void)times;
    return HOB_E_HTTP2;
}
int hob__h2_write(struct hob__h2_stream *st, const void *data, size_t n, bool end,
                  const struct hob__h2_times *times) {
    (void)st, (void)data, (void)n, (void)end, (void)times;
    return HOB_E_HTTP2;
}
int hob__h2_finish(struct hob__h2_stream *st, const struct hob__h2_times *times) {
    (void)st, (void)times;
    return HOB_E_HTTP2;
}
int hob__h2_wait_head(struct hob__h2_stream *st, uint64_t deadline) {
    (void)st, (void)deadline;
    return HOB_E_HTTP2;
}
int hob__h2_wait_continue(struct hob__h2_stream *st, uint64_t deadline) {
    (void)st, (void)deadline;
    return HOB_E_HTTP2;
}
ssize_t hob__h2_read(struct hob__h2_stream *st, void *buf, size_t n, uint64_t deadline) {
    (void)st, (void)buf, (void)n, (void)deadline;
    return HOB_E_HTTP2;
}
double hob__h2_share_in(const struct hob__h2_stream *st, uint64_t before) {
    (void)st, (void)before;
    return 0;
}
void hob__h2_close(struct hob__h2_stream *st, uint32_t code) { (void)st, (void)code; }
const char *hob__h2_code_name(uint32_t code) {
    (void)code;
    return "";
}
#endif
