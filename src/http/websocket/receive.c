/* http/websocket/receive.c - frames in, whole messages or pieces of them out; pings answered, and
 * sent when nothing comes. websocket.h tells where the bytes lie. */
#include <hob/error.h>
#include <hob/hob.h>
#include <string.h>

#include "base/memory.h"
#include "http/server/metrics.h"
#include "http/websocket/websocket.h"
#include "http/wire.h"
#include "io/stream.h"
#include "task/fdwait.h"
#include "task/wait.h"

enum {
    UNPACK_ROOM = 4096,
    UNPACKED_AT_ONCE = 32768 /* bytes, until others may run: 100 us or less */
};

/* ---- bytes ---- */

void hob__ws_release(struct hob_websocket *ws) {
    if (ws->end_at) *ws->end_at = ws->end_was;
    ws->end_at = NULL;
    if (ws->handed_out) hob__buffer_free(&ws->message);
    ws->handed_out = false;
}

void hob__ws_drop_held(struct hob_websocket *ws) {
    ws->piece = (struct hob_slice){0};
    if (ws->held) hob__stream_consume(ws->stream, ws->held);
    ws->held = 0;
}

static uint64_t in_ns(double seconds) {
    return seconds < 1e9 ? (uint64_t)(seconds * 1e9) : UINT64_MAX;
}

uint64_t hob__ws_due(struct hob_websocket *ws) {
    if (ws->heard) {
        ws->heard_at = hob_now();
        ws->pinged_at = 0;
        ws->heard = false;
    }
    uint64_t from = ws->pinged_at ? ws->pinged_at : ws->heard_at;
    uint64_t ns = in_ns(ws->pinged_at ? ws->ping_timeout : ws->ping_interval);
    return ns == UINT64_MAX ? ns : from + ns;
}

int hob__ws_on_due(struct hob_websocket *ws) {
    if (ws->pinged_at) return hob__ws_break(ws, HOB_E_WEBSOCKET_SILENT, "a ping was not answered");
    ws->pinged_at = hob_now();
    ws->ping_due = true;
    hob__ws_try_control(ws);
    return ws->error;
}

static int wait_until(struct hob_websocket *ws, uint64_t deadline, bool pending) {
    HOB_SCOPE(s, .deadline = deadline);
    unsigned flags = ws->client || ws->sent_close ? HOB__WAIT_PLAIN : HOB__WAIT_STOPPABLE;
    struct hob_stream *stream = ws->stream;
    int rc = !pending     ? hob__stream_wait_to_read(stream, flags)
             : stream->fd ? hob__fd_wait(stream->fd, HOB__READ | HOB__WRITE, "websocket", flags)
                          : hob__stream_wait(stream, HOB__READ | HOB__WRITE, flags);
    return hob__scope_result(s, rc);
}

/* One that hears nothing for a while keeps no more of its stack than it waits with. */
static const uint64_t SETTLE_NS = 1000000000;

static int wait_long(struct hob_websocket *ws, uint64_t due, bool pending) {
    uint64_t settle = ws->heard_at + SETTLE_NS;
    if (settle < due && !ws->sent_close) {
        int rc = wait_until(ws, settle, pending);
        if (rc != -ETIMEDOUT) return rc;
        hob__wait_light();
    }
    return wait_until(ws, due == UINT64_MAX ? 0 : due, pending);
}

/* Until something may have come. */
static int wait_for_bytes(struct hob_websocket *ws) {
    bool pending = !hob__ws_try_control(ws);
    if (ws->error) return ws->error;
    uint64_t due = ws->sent_close ? UINT64_MAX : hob__ws_due(ws);
    int rc = wait_long(ws, due, pending);
    if (rc == -ETIMEDOUT && hob_now() >= due) return hob__ws_on_due(ws);
    return rc;
}

/* The reader's next event, for which bytes are read. */
static int next_event(struct hob_websocket *ws, bool park, struct hob_slice *piece) {
    struct hob__buffer *in = &ws->stream->in;
    for (;;) {
        if (ws->error) return ws->error;
        size_t used, size = hob__buffer_size(in) - ws->held;
        char *at = in->data ? hob__buffer_bytes(in) + ws->held : NULL;
        int rc = hob__ws_next(&ws->in, at, size, &used, piece);
        ws->held += used;
        if (rc < 0) return hob__ws_fail(ws, rc, ws->in.why);
        if (rc != HOB__WS_NEED) return rc;
        hob__ws_drop_held(ws);
        rc = hob__io_point("hob_websocket_receive");
        if (rc < 0) return rc;
        ssize_t got = hob__stream_fill_now(ws->stream);
        if (got > 0) {
            ws->heard = true;
            if (ws->counters) hob__count(&ws->counters->received, (uint64_t)got);
            continue;
        }
        if (got != -EAGAIN) return hob__ws_lost(ws, got);
        if (park && hob__ws_between(&ws->in) && hob__ws_try_control(ws) && !ws->error)
            return -EAGAIN;
        rc = wait_for_bytes(ws);
        if (rc < 0) return rc;
    }
}

/* ---- control frames ---- */

static int on_close(struct hob_websocket *ws, struct hob_slice reason) {
    ws->code = ws->in.code;
    if (reason.size) {
        ws->reason = hob__alloc(reason.size + 1); /* without memory it has none */
        if (ws->reason) {
            memcpy(ws->reason, reason.at, reason.size);
            ws->reason[reason.size] = 0;
        }
    }
    ws->got_close = true;
    hob_event_set(&ws->over);
    int rc = hob__ws_send_close(ws, ws->code, NULL, 0, ws->close_timeout);
    return rc == -ECANCELED ? rc : HOB__WS_GOT_CLOSE;
}

/* Only the latest ping has to be answered (5.5.3). */
static void on_ping(struct hob_websocket *ws, struct hob_slice payload) {
    memcpy(ws->pong, payload.at, payload.size);
    ws->pong_size = (uint8_t)payload.size;
    ws->pong_due = true;
    hob__ws_try_control(ws);
}

int hob__ws_step(struct hob_websocket *ws, bool park) {
    struct hob_slice piece;
    for (;;) {
        if (ws->got_close) return HOB__WS_GOT_CLOSE;
        int rc = next_event(ws, park, &piece);
        switch (rc) {
        case HOB__WS_GOT_PING:
            on_ping(ws, piece);
            break;
        case HOB__WS_GOT_PONG:
            break;
        case HOB__WS_GOT_CLOSE:
            return on_close(ws, piece);
        case HOB_E_STOPPING:
            rc = hob__ws_shut(ws, HOB_WEBSOCKET_GOING_AWAY, NULL, 0);
            return rc == -ECANCELED ? rc : HOB__WS_GOT_CLOSE;
        case HOB__WS_DATA:
            ws->piece = piece;
            return rc;
        default:
            return rc;
        }
    }
}

/* ---- messages ---- */

static int too_large(struct hob_websocket *ws) {
    return hob__ws_fail(ws, HOB_E_WEBSOCKET_TOO_LARGE, "a message over the limit");
}

/* The message that begins. */
static int on_begin(struct hob_websocket *ws) {
    ws->kind = ws->in.message;
    ws->started = true;
    ws->complete = ws->more_unpacked = false;
    ws->unpacked = 0;
    ws->utf8 = (struct hob__utf8){0};
    return ws->in.packed ? hob__ws_unpack_begin(&ws->unpacker) : 0;
}

/* Until a message has begun: 1; 0: closed; or an error. */
static int wait_for_begin(struct hob_websocket *ws, bool park) {
    while (!ws->started) {
        int rc = hob__ws_step(ws, park);
        if (rc == HOB__WS_GOT_CLOSE) return 0;
        if (rc < 0) return rc;
        if (rc == HOB__WS_BEGIN) {
            rc = on_begin(ws);
            if (rc < 0) return hob__ws_fail(ws, rc, hob_strerror(rc));
        }
    }
    return 1;
}

/* What the unpacker makes of the piece, or of the message's end, which is four bytes that are not
 * sent (RFC 7692, 7.2.2). Fewer than cap bytes: more input is needed. */
static ssize_t unpack(struct hob_websocket *ws, const void *in, size_t *n, char *out, size_t cap) {
    if (cap > UNPACKED_AT_ONCE) cap = UNPACKED_AT_ONCE;
    ssize_t got = hob__ws_unpack(ws->unpacker, in, n, out, cap);
    if (got < 0)
        return hob__ws_fail(ws, (int)got,
                            got == -ENOMEM ? "no memory to unpack" : "it cannot be unpacked");
    ws->more_unpacked = (size_t)got == cap;
    ws->unpacked += (uint64_t)got;
    if (ws->kind == HOB__WS_TEXT && !hob__utf8_next(&ws->utf8, out, (size_t)got))
        return hob__ws_fail(ws, HOB_E_WEBSOCKET_TEXT, "a text that is not UTF-8");
    /* A chunk that has come may hold sixteen megabytes: nothing is waited for meanwhile. */
    ws->worked += (uint32_t)got;
    if (ws->worked >= UNPACKED_AT_ONCE) {
        ws->worked = 0;
        hob__work_point();
    }
    return got;
}

static const char tail[4] = {0, 0, (char)0xFF, (char)0xFF};

static int finish(struct hob_websocket *ws) {
    ws->started = false;
    if (!ws->unpacker || !ws->in.packed) return 0;
    hob__ws_unpack_end(&ws->unpacker, ws->deflate.receive_keeps);
    if (ws->kind == HOB__WS_TEXT && !hob__utf8_complete(&ws->utf8))
        return hob__ws_fail(ws, HOB_E_WEBSOCKET_TEXT, "a text that ends inside a character");
    return 0;
}

/* ---- whole ---- */

static int unpack_into(struct hob_websocket *ws, const char *in, size_t n) {
    struct hob__buffer *b = &ws->message;
    do {
        int rc = hob__buffer_reserve(b, UNPACK_ROOM, SIZE_MAX);
        if (rc < 0) return hob__ws_fail(ws, rc, "no memory for a message");
        size_t taken = n;
        ssize_t got = unpack(ws, in, &taken, hob__buffer_tail(b), hob__buffer_room(b) - 1);
        if (got < 0) return (int)got;
        hob__buffer_put(b, (size_t)got);
        if (ws->unpacked > ws->max_message) return too_large(ws);
        in += taken;
        n -= taken;
    } while (n > 0 || ws->more_unpacked);
    return 0;
}

static int append(struct hob_websocket *ws, struct hob_slice piece) {
    int rc = hob__buffer_append(&ws->message, piece.at, piece.size, SIZE_MAX);
    return rc < 0 ? hob__ws_fail(ws, rc, "no memory for a message") : 0;
}

/* May the piece, which is the whole message, be handed out where it is, with a NUL behind it? */
static bool stays(struct hob_websocket *ws) {
    const struct hob__buffer *in = &ws->stream->in;
    return !ws->in.packed && hob__ws_at_end(&ws->in) && ws->in.announced == ws->piece.size &&
           hob__buffer_size(&ws->message) == 0 &&
           ws->piece.at + ws->piece.size < in->data + in->cap;
}

static int hand_out(struct hob_websocket *ws, struct hob_slice in_place,
                    struct hob_websocket_message *m) {
    struct hob__buffer *b = &ws->message;
    m->kind = (enum hob_websocket_kind)ws->kind;
    if (in_place.at) {
        ws->end_at = (char *)(uintptr_t)(in_place.at + in_place.size);
        ws->end_was = *ws->end_at;
        *ws->end_at = 0;
        m->data = in_place.at;
        m->size = in_place.size;
        return 1;
    }
    m->data = "";
    m->size = hob__buffer_size(b);
    if (m->size == 0) return 1;
    int rc = hob__buffer_reserve(b, 1, SIZE_MAX);
    if (rc < 0) return hob__ws_fail(ws, rc, "no memory for a message");
    *hob__buffer_tail(b) = 0;
    m->data = hob__buffer_bytes(b);
    ws->handed_out = true;
    return 1;
}

/* What is left of the message: 1, or an error. */
static int gather(struct hob_websocket *ws, struct hob_websocket_message *m) {
    struct hob_slice in_place = {0};
    for (;;) {
        if (!ws->in.packed && ws->in.announced > ws->max_message) return too_large(ws);
        int rc = 0;
        if (ws->in.packed && (ws->piece.size || ws->more_unpacked))
            rc = unpack_into(ws, ws->piece.at, ws->piece.size);
        else if (ws->piece.size && stays(ws))
            in_place = ws->piece;
        else if (ws->piece.size)
            rc = append(ws, ws->piece);
        ws->piece = (struct hob_slice){0};
        if (rc == 0) rc = hob__ws_step(ws, false);
        if (rc < 0) return rc;
        if (rc == HOB__WS_GOT_CLOSE) return 0;
        if (rc != HOB__WS_END) continue;
        if (ws->in.packed) rc = unpack_into(ws, tail, sizeof tail);
        if (rc >= 0) rc = finish(ws);
        return rc < 0 ? rc : hand_out(ws, in_place, m);
    }
}

/* Another task is closing, and reads what comes. */
static int wait_for_closer(struct hob_websocket *ws) {
    int rc = 0;
    ws->users++;
    while (rc == 0 && ws->closing) {
        hob_event_clear(&ws->over);
        rc = hob_event_wait(&ws->over);
    }
    hob__ws_leave(ws);
    return rc;
}

static int begin_call(struct hob_websocket *ws, const char *func) {
    if (HOB__UNLIKELY(ws->closing)) {
        int rc = wait_for_closer(ws);
        if (rc < 0) return rc;
    }
    if (ws->receiving)
        hob__misuse(func, "two tasks receive from the WebSocket with %s at once",
                    hob_stream_peer(ws->stream));
    hob__ws_release(ws);
    int rc = hob__ws_enter(ws, func);
    if (rc == 0) ws->receiving = true;
    return rc;
}

static int end_call(struct hob_websocket *ws, int rc) {
    ws->receiving = false;
    if (HOB__UNLIKELY(ws->over.waiters.first != NULL)) hob_event_set(&ws->over);
    hob__ws_leave(ws);
    return rc;
}

int hob__ws_receive(struct hob_websocket *ws, struct hob_websocket_message *m, bool park) {
    int rc = begin_call(ws, "hob_websocket_receive");
    if (rc < 0) return rc;
    ws->complete = false;
    rc = wait_for_begin(ws, park);
    if (rc > 0) rc = gather(ws, m);
    return end_call(ws, rc);
}

int hob_websocket_receive(struct hob_websocket *ws, struct hob_websocket_message *m) {
    return hob__ws_receive(ws, m, false);
}

/* ---- in pieces ---- */

/* Some bytes of the message; 0: it is complete; -EAGAIN: go on. */
static ssize_t some(struct hob_websocket *ws, char *buf, size_t n) {
    if (ws->in.packed && (ws->piece.size || ws->more_unpacked)) {
        size_t taken = ws->piece.size;
        ssize_t got = unpack(ws, ws->piece.at, &taken, buf, n);
        if (got < 0) return got;
        ws->piece.at += taken;
        ws->piece.size -= taken;
        if (ws->unpacked > ws->max_streamed) return too_large(ws);
        return got > 0 ? got : -EAGAIN;
    }
    if (ws->piece.size) {
        if (n > ws->piece.size) n = ws->piece.size;
        memcpy(buf, ws->piece.at, n);
        ws->piece.at += n;
        ws->piece.size -= n;
        return (ssize_t)n;
    }
    if (ws->complete) return finish(ws);
    int rc = hob__ws_step(ws, false);
    if (rc == HOB__WS_GOT_CLOSE)
        return hob__ws_break(ws, HOB_E_WEBSOCKET_LOST, "it was closed inside a message");
    if (rc == HOB__WS_END) {
        ws->complete = true;
        if (!ws->in.packed) return finish(ws);
        ws->piece = (struct hob_slice){tail, sizeof tail};
    }
    return rc < 0 ? rc : -EAGAIN;
}

static ssize_t read_some(struct hob_websocket *ws, void *buf, size_t n) {
    if (!ws->started) {
        if (ws->complete) return 0;
        return hob_fail(HOB_E_WEBSOCKET_STATE, "WebSocket with %s: no message has begun",
                        hob_stream_peer(ws->stream));
    }
    ssize_t got = -EAGAIN;
    /* What a receive that was cancelled had gathered comes first. */
    if (hob__buffer_size(&ws->message)) {
        size_t there = hob__buffer_size(&ws->message);
        if (n > there) n = there;
        memcpy(buf, hob__buffer_bytes(&ws->message), n);
        hob__buffer_take(&ws->message, n);
        return (ssize_t)n;
    }
    while (got == -EAGAIN) got = some(ws, buf, n);
    if (got == 0) hob__buffer_free(&ws->message);
    return got;
}

ssize_t hob_websocket_read(struct hob_websocket *ws, void *buf, size_t n) {
    int rc = begin_call(ws, __func__);
    if (rc < 0) return rc;
    ssize_t got = n ? read_some(ws, buf, n) : 0;
    end_call(ws, 0);
    return got;
}

int hob_websocket_next(struct hob_websocket *ws, enum hob_websocket_kind *kind) {
    char drop[512];
    int rc = begin_call(ws, __func__);
    if (rc < 0) return rc;
    while (ws->started) {
        ssize_t got = read_some(ws, drop, sizeof drop);
        if (got < 0) return end_call(ws, (int)got);
    }
    ws->complete = false;
    rc = wait_for_begin(ws, false);
    if (rc > 0) *kind = (enum hob_websocket_kind)ws->kind;
    return end_call(ws, rc);
}
