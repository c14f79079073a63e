/* http/websocket/park.c - a server's WebSockets that wait without a task (hob_websocket_serve()).
 *
 * Their connections are parked as those of HTTP are between two requests (io/serve.h), but hold:
 * what happens to them, the time for a ping, a stop, the peer's end, is for a task that is spawned
 * then. Only without memory for that task, or when the server is cancelled, does one end without;
 * if other tasks are sending on it at that moment, the stream is left to the last of them.
 *
 * Those on streams of HTTP/2 have the task of their request instead. */
#include <hob/error.h>
#include <hob/hob.h>

#include "http/server/server.h"
#include "http/websocket/websocket.h"
#include "io/stream.h"
#include "task/wait.h"

/* Messages, for as long as there are any: -EAGAIN: nothing more has come; 0: closed; or an error.
 */
static int answer_all(struct hob_websocket *ws, bool park) {
    const struct hob_websocket_events *e = ws->events;
    struct hob_websocket_message m;
    for (;;) {
        int rc = hob__ws_receive(ws, &m, park);
        if (rc <= 0) return rc;
        rc = e->message ? e->message(ws, &m, ws->arg) : 0;
        hob__ws_release(ws);
        if (rc < 0) return rc;
    }
}

static int open_once(struct hob_websocket *ws) {
    if (ws->opened) return 0;
    ws->opened = true;
    return ws->events->opened ? ws->events->opened(ws, ws->arg) : 0;
}

static int work(struct hob_websocket *ws, unsigned woken) {
    if (woken == HOB__PARK_STOPPED + 1) return 0; /* it is closed, with 1001 */
    if (woken == HOB__PARK_MEMORY + 1) return -ENOMEM;
    int rc = open_once(ws);
    if (rc < 0) return rc;
    if (woken == HOB__PARK_TIMEOUT + 1 && hob_now() >= hob__ws_due(ws)) {
        rc = hob__ws_on_due(ws);
        if (rc < 0) return rc;
    }
    return answer_all(ws, true);
}

static void tell_closed(struct hob_websocket *ws) {
    if (!ws->error) ws->error = HOB_E_WEBSOCKET_CLOSED;
    if (ws->opened && ws->events->closed) ws->events->closed(ws, ws->arg);
}

int hob__websocket_run(struct hob__http_conn *hc) {
    struct hob_websocket *ws = hc->websocket;
    struct hob__served *c = &hc->served;
    unsigned woken = c->woken;
    c->woken = 0;
    int rc = work(ws, woken);
    if (rc == -EAGAIN) {
        hob__served_until(c, hob__ws_due(ws));
        return HOB__PARK;
    }
    c->holds = false;
    hc->websocket = NULL;
    return hob__websocket_end(ws, rc);
}

int hob__websocket_on_stream(struct hob_websocket *ws, int rc) {
    if (!ws) return rc < 0 ? rc : 0;
    if (ws->events && rc >= 0) rc = open_once(ws);
    if (ws->events && rc >= 0) rc = answer_all(ws, false);
    if (rc == HOB_E_STOPPING) rc = 0; /* it is closed, with 1001 */
    return hob__websocket_end(ws, rc);
}

void hob__websocket_over(struct hob_websocket *ws) {
    if (ws->events) tell_closed(ws);
}

void hob__websocket_cut(struct hob__http_conn *hc) {
    struct hob_websocket *ws = hc->websocket;
    struct hob__served *c = &hc->served;
    c->holds = false;
    hc->websocket = NULL;
    if (!ws) return;
    ws->conn = NULL;
    ws->counters = NULL;
    tell_closed(ws);
    if (ws->users == 0) {
        hob__ws_delete(ws);
        return;
    }
    ws->owns_stream = true;
    ws->stream->lent = NULL;
    ws->stream->fd->watch = NULL;
    c->stream = NULL;
    hob_event_set(&ws->over);
    hob__wake_all(&ws->stream->fd->writers, 0);
}
