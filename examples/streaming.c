/* streaming - server-sent events out of a generator, and what becomes of it when the client leaves.
 *
 *   streaming [ADDRESS]                        (default: 127.0.0.1:8000)
 *   curl -N http://127.0.0.1:8000/ticks        ten events a second, until Ctrl-C
 *   curl -N -H 'Last-Event-ID: 40' http://127.0.0.1:8000/ticks     from the 41st on
 *
 * In a browser: new EventSource("/ticks").onmessage = e => console.log(e.data). The client's
 * leaving cancels the handler where it waits; that leaves the loop over the generator, and so the
 * generator ends: its clean-ups run, whether it was waiting for the next value or for its turn. */
#include <hob/hob.h>
#include <hob/http.h>
#include <hob/net.h>
#include <hob/sse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the generator holds as long as it lives: a cursor of a database, a subscription. */
struct feed {
    int number, given;
};

static void open_feed(struct feed *feed, int after) {
    static int last;
    feed->number = ++last;
    printf("feed %d: open, behind %d\n", feed->number, after);
    fflush(stdout);
}

static void close_feed(void *arg) {
    struct feed *feed = (struct feed *)arg;
    printf("feed %d: closed, %d given\n", feed->number, feed->given);
    fflush(stdout);
}

static int ticks(struct hob_generator *gen, int after) {
    struct feed feed = {0, 0};
    open_feed(&feed, after);
    HOB_DEFER(close_feed, &feed);
    for (int n = after + 1;; n++) {
        feed.given++;
        HOB_TRY(hob_yield(gen, n));
        HOB_TRY(hob_sleep(0.1));
    }
}
HOB_GENERATOR(ticks, int, int)

static int handle(struct hob_request *req, void *arg) {
    (void)arg;
    if (strcmp(hob_request_path(req), "/ticks") != 0)
        return hob_respond_text(req, 404, "text/plain", "there is /ticks\n");
    HOB_SCOPE(s);
    struct hob_sse_sender *out;
    HOB_TRY(hob_sse_begin(s, req, &out, .retry = 1));
    HOB_EACH(int, n, ticks, atoi(hob_request_last_event_id(req))) {
        char text[32], id[12];
        snprintf(text, sizeof text, "tick %d", n);
        snprintf(id, sizeof id, "%d", n); /* where a client that comes back goes on */
        HOB_TRY(hob_sse_send(out, .data = text, .id = id));
    }
    return 0;
}

static int app(int argc, char **argv) {
    if (argc > 2) return hob_fail(-EINVAL, "streaming [ADDRESS]");
    struct hob_listener *listener;
    HOB_TRY(hob_listen(argc == 2 ? argv[1] : "127.0.0.1:8000", &listener));
    printf("serving http://%s\n", hob_listener_address(listener));
    fflush(stdout);
    int rc = hob_http_serve(listener, handle, NULL, (struct hob_http_options){});
    hob_listener_close(listener);
    return rc;
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
