/* hob/sse.h - server-sent events (WHATWG HTML, 9.2): a stream of them that comes back by itself,
 * and the other end of it.
 *
 *   HOB_SSE(events);
 *   struct hob_sse_event e;
 *   int rc;
 *   HOB_TRY(hob_sse_open(&events, client, "https://example.org/news"));
 *   while ((rc = hob_sse_next(events, &e)) > 0) printf("%s: %s\n", e.type, e.data);
 *
 * When the stream ends or breaks, it is asked for again after a while, from the event behind the
 * last one that was given (Last-Event-ID); the server says how long that while is.
 *
 *   static int ticks(struct hob_request *req, void *arg) {         a handler of hob_http_serve()
 *       HOB_SCOPE(s);
 *       struct hob_sse_sender *out;
 *       HOB_TRY(hob_sse_begin(s, req, &out, .retry = 1));
 *       for (;;) {
 *           HOB_TRY(hob_sse_send(out, .type = "tick", .data = "tock"));
 *           HOB_TRY(hob_sleep(1));
 *       }
 *   } */
#ifndef HOB_SSE_H
#define HOB_SSE_H
#pragma GCC system_header

#include <hob/http.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { HOB_E_SSE = -5143 /* the answer is no stream of events */ };

struct hob_sse;

/* Strings belong to the stream, up to the next call on it. */
struct hob_sse_event {
    const char *type; /* "message" when the server says nothing */
    const char *data; /* its lines with '\n' between them; a NUL behind them */
    size_t size;
    const char *id; /* the last one that the server gave, now or before; "" = none */
};

/* All zero is the default; times are in seconds. Of the request, the lists (.headers, .query,
 * .form) are copied; what else it points to must stay valid until the stream is closed. */
struct hob_sse_options {
    const char *method;               /* default GET */
    struct hob_fetch_options request; /* what else is asked; a body must be one that can be sent
                                         again. Accept, Cache-Control and Last-Event-ID are made */
    const char *last_id;              /* to go on behind that event */
    double retry;     /* before it is asked for again, unless the server says otherwise; default 3.
                         Twice as much for each failure in a row; a quarter of it is drawn */
    double max_retry; /* the most of that, whatever the server says; default 60 */
    unsigned tries;   /* failures in a row that end the stream, with the last one's error; default
                         0 = none do */
    size_t max_event; /* bytes of one event, and of a line; default 1 MiB; HOB_E_LIMIT */
};

/* hob_sse_open(&events, client, url), hob_sse_open(&events, client, url, .last_id = "42"): a stream
 * of events. Does not wait: the first hob_sse_next() asks for it. 0 or -ENOMEM. */
#define hob_sse_open(out, client, url, ...)                                                        \
    hob__sse_open((out), (client), (url), HOB__OPTIONS(hob_sse_options, __VA_ARGS__))
/* The events of an answer that is there already, without coming back: hob_sse_of(&events, res,
 * .max_event = 1 << 20). The answer stays the caller's to close, after the stream. 0, HOB_E_SSE
 * when it is not text/event-stream, -ENOMEM. */
#define hob_sse_of(out, res, ...)                                                                  \
    hob__sse_of((out), (res), HOB__OPTIONS(hob_sse_options, __VA_ARGS__))
/* Ends the exchange. NULL is allowed. Does not wait. */
HOB_API void hob_sse_close(struct hob_sse *s);
/* HOB_SSE(s); declares `struct hob_sse *s = NULL`, closed when the block is left. */
#define HOB_SSE(s) struct hob_sse *s __attribute__((cleanup(hob__sse_leave), unused)) = NULL
static inline void hob__sse_leave(struct hob_sse **s) { hob_sse_close(*s); }

/* The next event: 1; 0 when the server said that there are no more (204), or the answer of
 * hob_sse_of() has ended; or an error. Connections that fail or break, and the statuses 429, 502,
 * 503 and 504, are tried again; other statuses are HOB_E_HTTP_STATUS, other types HOB_E_SSE. Those,
 * and HOB_E_LIMIT, are final: each further call returns them again. Waits; cancellation point;
 * cancelled, no event is lost. */
HOB_API int hob_sse_next(struct hob_sse *s, struct hob_sse_event *event);
/* The id to go on from: of the last event that was given ("" = none). */
HOB_API const char *hob_sse_last_id(const struct hob_sse *s);

/* ---- a server's ---- */

struct hob_sse_sender;

/* All zero is the default; times are in seconds. */
struct hob_sse_begin_options {
    const struct hob_header *headers; /* further ones of the answer */
    double retry;      /* the client shall wait so long before it comes back; default: its own */
    double keep_alive; /* without an event before a comment is sent, so that proxies and clients
                          see that the stream lives; default 15; INFINITY (math.h): none */
};

/* hob_sse_begin(s, req, &out), hob_sse_begin(s, req, &out, .retry = 1): in a handler of
 * hob_http_serve(): answers 200, text/event-stream, not to be kept by caches nor gathered by
 * proxies (X-Accel-Buffering), and spawns the task that sends comments in s (a daemon, with a stack
 * as any). The sender lives until s ends, whose end the handler must wait for.
 *
 * When the server is asked to stop, when the client is gone, or has asked by HEAD, the stream is
 * ended as it should be, and s is cancelled: whatever the handler waits for returns -ECANCELED,
 * which it may return as it is. The client then comes back, to whoever serves then. 0; what
 * hob_respond_begin() returns; -ENOMEM. Waits; cancellation point. */
#define hob_sse_begin(s, req, out, ...)                                                            \
    hob__sse_begin((s), (req), (out), HOB__OPTIONS(hob_sse_begin_options, __VA_ARGS__))
/* The id behind which the client wants to go on (Last-Event-ID); "" = it begins. */
HOB_API const char *hob_request_last_event_id(const struct hob_request *req);

/* hob_sse_send(out, .data = text), hob_sse_send(out, .type = "add", .data = text, .size = n, .id =
 * "42"): one event, at once. type: NULL is "message"; data: its lines may end in any way; size 0:
 * up to the NUL; NULL: there is no event, but the id counts; id: NULL leaves it as it is, "" takes
 * it back. Any tasks may send; events go out one after another. Waits while the client does not
 * read. 0; HOB_E_HTTP_ILLEGAL (a type or an id with a line's end: nothing was sent); -EPIPE (the
 * stream is over); what hob_respond_write() returns. Cancellation point. */
#define hob_sse_send(out, ...) hob__sse_send((out), HOB__OPTIONS(hob_sse_event, __VA_ARGS__))
/* A comment, which clients drop: its lines. The same results. */
HOB_API int hob_sse_comment(struct hob_sse_sender *out, const char *text);
/* The end, for now: the client comes back. (To one that shall not, 204 is the answer to its next
 * request.) A handler that has more to do may do it after this. 0, or as above. */
HOB_API int hob_sse_end(struct hob_sse_sender *out);

/* ---- behind the macros ---- */
HOB_API int hob__sse_begin(struct hob_scope *s, struct hob_request *req,
                           struct hob_sse_sender **out, struct hob_sse_begin_options options);
HOB_API int hob__sse_send(struct hob_sse_sender *out, struct hob_sse_event event);
HOB_API int hob__sse_open(struct hob_sse **out, struct hob_client *client, const char *url,
                          struct hob_sse_options options);
HOB_API int hob__sse_of(struct hob_sse **out, struct hob_response *res,
                        struct hob_sse_options options);

#ifdef __cplusplus
}
#endif
#endif
