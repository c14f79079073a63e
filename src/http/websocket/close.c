/* http/websocket/close.c - the end of a WebSocket (RFC 6455, 7): by agreement, after an error, and
 * of a server's when its handler has returned.
 *
 * Who fails a connection says why by a close frame, ends its side, and reads on for a little: if it
 * closed at once with bytes unread, the kernel would reset the connection, and the peer might never
 * see the frame. */
#include <hob/error.h>
#include <hob/hob.h>
#include <string.h>

#include "base/memory.h"
#include "http/h2/h2.h"
#include "http/websocket/websocket.h"
#include "http/wire.h"
#include "io/stream.h"
#include "task/wait.h"

enum { LINGER_MAX = 1 << 20 };

static const double linger_seconds = 2;

static double shorter(double a, double b) { return a < b ? a : b; }

/* ---- after an error ---- */

/* Reads and drops until the peer has ended, or for so long. */
static void linger(struct hob_websocket *ws, double seconds) {
    char drop[1024];
    hob__ws_drop_held(ws);
    HOB_SCOPE(s, .deadline = hob_after(seconds));
    for (size_t n = 0; n < LINGER_MAX;) {
        ssize_t got = hob_read_idle(ws->stream, drop, sizeof drop);
        if (got <= 0) return;
        n += (size_t)got;
    }
}

/* Ends this side. */
static int end_sending(struct hob_websocket *ws, double seconds) {
    if (hob_mutex_try_lock(&ws->frames) < 0) return -EBUSY;
    int rc = hob_within(seconds, hob_shutdown(ws->stream));
    hob_mutex_unlock(&ws->frames);
    return rc;
}

int hob__ws_fail(struct hob_websocket *ws, int error, const char *why) {
    if (ws->error) return ws->error;
    char words[HOB__WS_CONTROL_MAX - 2];
    size_t n = strlen(why);
    if (n > sizeof words) n = sizeof words;
    memcpy(words, why, n);
    double seconds = shorter(linger_seconds, ws->close_timeout);
    int sent = hob__ws_send_close(ws, (unsigned)hob__ws_code_for(error), words, n, seconds);
    hob__ws_break(ws, error, why);
    if (sent == 0 && end_sending(ws, seconds) == 0) linger(ws, seconds);
    return hob_fail(error, "WebSocket with %s: %s", hob_stream_peer(ws->stream), why);
}

/* ---- by agreement ---- */

/* One event more of what still comes. */
static int read_on(struct hob_websocket *ws) {
    ws->receiving = ws->closing = true;
    int rc = hob__ws_step(ws, false);
    ws->receiving = ws->closing = false;
    hob_event_set(&ws->over);
    return rc < 0 ? rc : 0;
}

/* Until the peer has closed, too: read here, or by who is receiving. */
static int await_close(struct hob_websocket *ws, bool by_caller) {
    HOB_SCOPE(s, .deadline = hob__http_deadline(0, ws->close_timeout));
    int rc = 0;
    while (rc == 0 && !ws->got_close && !ws->error) {
        if (by_caller) {
            rc = hob__ws_step(ws, false);
            if (rc > 0) rc = 0;
        } else if (ws->receiving) {
            hob_event_clear(&ws->over);
            rc = hob_event_wait(&ws->over);
        } else {
            rc = read_on(ws);
        }
    }
    return hob__scope_result(s, rc);
}

static int shut(struct hob_websocket *ws, unsigned code, const char *reason, size_t n,
                bool by_caller) {
    int rc = hob__ws_send_close(ws, code, reason, n, ws->close_timeout);
    if (rc == 0) rc = await_close(ws, by_caller);
    if (rc == 0 && !ws->got_close) rc = ws->error;
    if (rc == -ETIMEDOUT)
        rc = hob__ws_break(ws, HOB_E_WEBSOCKET_SILENT, "it did not answer the close");
    return rc;
}

int hob__ws_shut(struct hob_websocket *ws, unsigned code, const char *reason, size_t n) {
    return shut(ws, code, reason, n, true);
}

/* The peer's answer has come: a server ends the connection, a client waits for that (7.1.1). */
static void end_connection(struct hob_websocket *ws) {
    double seconds = shorter(linger_seconds, ws->close_timeout);
    if (end_sending(ws, seconds) == 0 && ws->client && !ws->receiving) linger(ws, seconds);
}

static int close_it(struct hob_websocket *ws, unsigned code, const char *reason, size_t n) {
    int rc = shut(ws, code, reason, n, false);
    if (rc == 0) end_connection(ws);
    return rc;
}

int hob_websocket_close(struct hob_websocket *ws, int code, const char *reason) {
    size_t n = reason ? strlen(reason) : 0;
    struct hob__utf8 u = {0};
    if (code < 0 || !hob__ws_code_legal((unsigned)code))
        return hob_fail(-EINVAL, "a WebSocket cannot be closed with the code %d", code);
    if (n > HOB__WS_CONTROL_MAX - 2 || !hob__utf8_next(&u, reason, n) || !hob__utf8_complete(&u))
        return hob_fail(-EINVAL, "a reason to close is at most 123 bytes of UTF-8");
    if (ws->error == HOB_E_WEBSOCKET_CLOSED) return hob_check();
    int rc = hob__ws_enter(ws, __func__);
    if (rc < 0) return rc;
    if (!ws->receiving) hob__ws_release(ws);
    rc = close_it(ws, (unsigned)code, reason, n);
    hob__ws_leave(ws);
    return rc;
}

/* ---- a server's ---- */

/* Is it the peer's fault, or nobody's? Nobody is told then. */
static bool of_the_peer(const struct hob_websocket *ws, int rc) {
    return (ws->error && rc == ws->error && rc <= HOB_E_WEBSOCKET_PROTOCOL &&
            rc >= HOB_E_WEBSOCKET_SILENT) ||
           rc == HOB_E_WEBSOCKET_CLOSED;
}

/* How it closes, when nobody has closed it. */
static void say_goodbye(struct hob_websocket *ws, int rc) {
    unsigned code = hob_stopping() ? HOB_WEBSOCKET_GOING_AWAY
                    : rc < 0       ? HOB_WEBSOCKET_FAILED
                                   : HOB_WEBSOCKET_NORMAL;
    hob__ws_release(ws);
    if (ws->error) return;
    if (hob_cancelled()) { /* the grace is over: as far as it goes at once */
        HOB_SCOPE(s, .shield = true, .deadline = hob_after(0.1));
        hob__ws_send_close(ws, HOB_WEBSOCKET_GOING_AWAY, NULL, 0, 0.1);
        return;
    }
    ws->users++;
    close_it(ws, code, NULL, 0);
    ws->users--;
}

int hob__websocket_end(struct hob_websocket *ws, int rc) {
    if (ws->messages.owner == hob_self()) { /* in the middle of a message */
        hob__ws_drop_pieces(ws);
        hob_mutex_unlock(&ws->messages);
        if (!ws->error)
            hob__ws_break(ws, HOB_E_WEBSOCKET_LOST, "a message was left without its end");
    }
    say_goodbye(ws, rc);
    bool silent = of_the_peer(ws, rc);
    if (!ws->error) {
        ws->error = HOB_E_WEBSOCKET_CLOSED;
        hob_event_set(&ws->over);
    }
    if (ws->stream->fd)
        hob__wake_all(&ws->stream->fd->writers, 0);
    else
        hob__h2_tunnel_break(ws->stream, false);
    while (ws->users > 0) {
        struct hob_waiter w;
        hob__wait_on(&ws->leavers, &w, "the WebSocket's last call", NULL, HOB__WAIT_MASKED);
    }
    hob__websocket_over(ws);
    hob__ws_delete(ws);
    return silent || rc >= 0 ? 0 : rc;
}
