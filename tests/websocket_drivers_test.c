/* websocket_drivers_test.c - WebSockets with a cancel at every point and every allocation failing,
 * in simulated worlds too: whatever happens, both ends come to their end, and nothing is left. */
#define SEEDS 3
#include "drivers.h"
#include "websocket_test.h"

enum { BIG = 40000 };
static char text[BIG + 1];

/* Whole, in pieces, with a ping, and the close. */
static int converse(struct hob_websocket *ws) {
    struct hob_websocket_message m;
    enum hob_websocket_kind kind;
    char buf[5000];
    memset(text, 'x', BIG);
    HOB_TRY(hob_websocket_send_text(ws, "hello"));
    if (HOB_TRY(hob_websocket_receive(ws, &m)) == 0) return 0;
    CHECK_STR(m.data, "hello");
    HOB_TRY(hob_websocket_ping(ws, "x", 1));
    HOB_TRY(hob_websocket_send(ws, HOB_WEBSOCKET_TEXT, text, BIG));
    if (HOB_TRY(hob_websocket_next(ws, &kind)) == 0) return 0;
    size_t n = 0;
    for (ssize_t got; (got = HOB_TRY(hob_websocket_read(ws, buf, sizeof buf))) > 0;)
        n += (size_t)got;
    CHECK_EQ(n, BIG);
    HOB_TRY(hob_websocket_begin(ws, HOB_WEBSOCKET_TEXT));
    int rc = hob_websocket_write(ws, text, 3000);
    int ended = hob_websocket_end(ws);
    HOB_TRY(rc);
    HOB_TRY(ended);
    if (HOB_TRY(hob_websocket_receive(ws, &m)) == 0) return 0;
    CHECK_EQ(m.size, 3000);
    return hob_websocket_close(ws, 1000, "done");
}

static int talk_to(const char *url, bool deflate) {
    struct hob_websocket *ws HOB_WEBSOCKET_GUARD = NULL;
    HOB_TRY(hob_websocket_connect(NULL, url, &ws, .deflate = deflate, .deflate_keep = deflate,
                                  .close_timeout = 2, .timeout = 3));
    return converse(ws);
}
HOB_TASK(talk_to, const char *, bool)

/* With its listener, so that nobody waits in the line of a server that was cancelled. */
static int serve_and_close(struct hob_listener **l) {
    int rc = hob_http_serve(*l, ws_handler, NULL, (struct hob_http_options){0});
    hob_listener_close(*l);
    *l = NULL;
    return rc;
}
HOB_TASK(serve_and_close, struct hob_listener **)

static int both_ends(const char *path, bool deflate) {
    struct hob_listener *l;
    HOB_TRY(hob_listen("127.0.0.1:0", &l));
    ws_options = (struct hob_websocket_options){.deflate = deflate, .close_timeout = 2};
    ws_seen.opened = ws_seen.closed = 0;
    int rc;
    {
        HOB_SCOPE(outer, .on_error = HOB_COLLECT);
        const char *url = ws_url(l, path);
        rc = hob_spawn(outer, serve_and_close, &l) ? talk_to(url, deflate) : -ENOMEM;
        hob_scope_cancel(outer);
        hob_join(outer);
    }
    hob_listener_close(l);
    return rc;
}

static int whole(void) { return both_ends("/echo", false); }
static int whole_packed(void) { return both_ends("/echo", true); }
static int in_pieces(void) { return both_ends("/pieces", true); }
static int parked(void) { return both_ends("/parked", false); }
static int parked_packed(void) { return both_ends("/parked", true); }

/* Each that was opened was told its end, once. */
static void told(void) { CHECK_EQ(ws_seen.opened, ws_seen.closed); }

DRIVE(whole_messages, whole, NULL)
DRIVE(whole_messages_packed, whole_packed, NULL)
DRIVE(messages_in_pieces, in_pieces, NULL)
DRIVE(messages_to_a_parked_one, parked, told)
DRIVE(messages_to_a_parked_one_packed, parked_packed, told)

TEST_MAIN()
