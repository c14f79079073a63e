/* playground/live.c - what goes on for a while: server-sent events, a WebSocket. */
#include <hob/sse.h>
#include <hob/websocket.h>
#include <stdlib.h>
#include <string.h>

#include "playground/routes.h"
#include "tool.h"

enum { EVENTS_MAX = 1000000, SECONDS_MAX = 3600 };

/* Events 1 to count, each with its number as its id; a client that comes back gets those that it
 * has not seen, and 204 when there are none. */
int answer_sse(const struct ask *a) {
    size_t count = 10, seen = 0;
    double delay = 1;
    const char *last = hob_request_last_event_id(a->req);
    if (!ask_count(a, "count", 1, EVENTS_MAX, &count) ||
        !ask_seconds(a, "delay", SECONDS_MAX, &delay))
        return answer_error(a->req, 400, "count is 1 to 1000000, delay seconds, up to 3600");
    if (*last && !parse_count(last, 0, EVENTS_MAX, &seen)) seen = 0;
    if (seen >= count) return answer_empty(a->req, 204, NULL);
    HOB_SCOPE(s);
    struct hob_sse_sender *out;
    /* Any page may read it. */
    HOB_TRY(hob_sse_begin(s, a->req, &out,
                          .headers = HOB_HEADERS({"Access-Control-Allow-Origin", "*"})));
    while (seen++ < count) {
        char id[24], data[64];
        snprintf(id, sizeof id, "%zu", seen);
        snprintf(data, sizeof data, "{\"id\": %zu, \"of\": %zu}", seen, count);
        HOB_TRY(hob_sse_send(out, .type = "tick", .data = data, .id = id));
        if (seen < count && delay > 0) HOB_TRY(hob_sleep(delay));
    }
    return hob_sse_end(out);
}

int answer_ws_echo(const struct ask *a) {
    static const char *const any[] = {"*", NULL};
    struct hob_websocket *ws;
    struct hob_websocket_message m;
    HOB_TRY(hob_websocket_accept(a->req, &ws, .deflate = true, .origins = any));
    for (int rc; (rc = hob_websocket_receive(ws, &m)) != 0;) {
        HOB_TRY(rc);
        HOB_TRY(hob_websocket_send(ws, m.kind, m.data, m.size));
    }
    return 0;
}
