/* hob/websocket.h - WebSockets (RFC 6455, compression by RFC 7692), both sides.
 *
 *   struct hob_websocket *ws HOB_WEBSOCKET_GUARD = NULL;                       a client
 *   HOB_TRY(hob_websocket_connect(client, "wss://example.org/chat", &ws));
 *   HOB_TRY(hob_websocket_send_text(ws, "hello"));
 *   struct hob_websocket_message m;
 *   while (HOB_TRY(hob_websocket_receive(ws, &m)) > 0) printf("%s\n", m.data);
 *
 *   static int echo(struct hob_request *req, void *arg) {          a handler of hob_http_serve()
 *       struct hob_websocket *ws;
 *       struct hob_websocket_message m;
 *       HOB_TRY(hob_websocket_accept(req, &ws));
 *       while (HOB_TRY(hob_websocket_receive(ws, &m)) > 0)
 *           HOB_TRY(hob_websocket_send(ws, m.kind, m.data, m.size));
 *       return 0;
 *   }
 *
 * One task may receive at a time; any number may send: messages go out one after another. Pings are
 * answered, and sent, by whoever receives, so a task should be in hob_websocket_receive() most of
 * the time; a peer that does not answer them is given up. Nothing is queued: a send waits while the
 * peer does not read, and what nobody receives stays in the kernel. A receiving call that fails has
 * taken nothing: after a cancel the next one goes on where it was. A send that is cancelled before
 * its frame has begun has sent nothing; in the middle of one the connection is over. A WebSocket
 * belongs to its loop.
 *
 * Memory: one that waits has its record (about 1 KiB) and no buffer. With a context kept for
 * compression (.deflate_keep) it has 40 KiB to receive, and 270 KiB to send, from the first
 * compressed message on. */
#ifndef HOB_WEBSOCKET_H
#define HOB_WEBSOCKET_H
#pragma GCC system_header

#include <hob/http.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    HOB_E_WEBSOCKET_PROTOCOL = -5160,  /* the peer breaks the rules of frames; it was told 1002 */
    HOB_E_WEBSOCKET_TEXT = -5161,      /* a text that is not UTF-8; 1007 */
    HOB_E_WEBSOCKET_TOO_LARGE = -5162, /* a message beyond the limit; 1009 */
    HOB_E_WEBSOCKET_DEFLATE = -5163,   /* a message that cannot be unpacked; 1007 */
    HOB_E_WEBSOCKET_HANDSHAKE = -5164, /* no WebSocket came about: refused, or a wrong answer */
    HOB_E_WEBSOCKET_CLOSED = -5165,    /* sending after one side has closed */
    HOB_E_WEBSOCKET_LOST = -5166,      /* the connection ended without a close frame (1006) */
    HOB_E_WEBSOCKET_SILENT = -5167,    /* a ping was not answered, or nothing taken, in time */
    HOB_E_WEBSOCKET_STATE = -5168      /* a call that does not fit: a piece outside a message ... */
};

/* Codes of RFC 6455, 7.4.1. Those that may be sent: 1000 to 1003, 1007 to 1014, 3000 to 4999. */
enum {
    HOB_WEBSOCKET_NORMAL = 1000,
    HOB_WEBSOCKET_GOING_AWAY = 1001,
    HOB_WEBSOCKET_NO_CODE = 1005, /* the peer gave none */
    HOB_WEBSOCKET_LOST = 1006,    /* there was no close frame */
    HOB_WEBSOCKET_POLICY = 1008,
    HOB_WEBSOCKET_FAILED = 1011,
    HOB_WEBSOCKET_TRY_LATER = 1013
};

struct hob_websocket;

enum hob_websocket_kind { HOB_WEBSOCKET_TEXT = 1, HOB_WEBSOCKET_BINARY = 2 };

/* A message; data has a NUL behind it, and belongs to the WebSocket, up to its next receiving call.
 */
struct hob_websocket_message {
    enum hob_websocket_kind kind;
    const char *data;
    size_t size;
};

/* All zero is the default. Seconds; INFINITY (math.h): none. */
struct hob_websocket_options {
    /* Subprotocols, the most wanted first, ended by NULL. A server takes the first of its own that
     * the client offers, or goes on without. */
    const char *const *protocols;
    const struct hob_header *headers; /* further ones of the request, or the answer */
    uint64_t max_message;  /* bytes, unpacked, of one that is received whole; default 16 MiB */
    uint64_t max_streamed; /* of one that is received in pieces; default 1 GiB */
    double ping_interval;  /* seconds without a byte before a ping is sent; default 20 */
    double ping_timeout;   /* seconds for the answer; default 20 */
    double send_timeout;   /* in which the peer takes no byte of a send; default 60 */
    double close_timeout;  /* for the peer's part of the close; default 10 */
    bool deflate;          /* permessage-deflate, if the peer agrees (and the build has zlib) */
    bool deflate_keep;     /* each message may refer to those before it: smaller, but see above */
    uint8_t deflate_bits;  /* the window of what is sent, 9 to 15; default 15, which is 32 KiB */
    uint8_t deflate_peer_bits; /* of what is received, asked of the peer; default 15 */
    size_t deflate_min;        /* shorter messages are sent as they are; default 128 */

    /* of a client */
    double timeout; /* for the connection and the handshake; default 30 */
    int *status;    /* NULL, or where the answer's status goes; 0 when there was none */

    /* of a server */
    /* Web pages that may connect, "https://example.org", ended by NULL; "*" is all of them.
     * Default: those from the same host and port as the request's Host. Clients that are no
     * browsers send no Origin, and may. */
    const char *const *origins;
};

/* ---- making ---- */

/* hob_websocket_connect(client, url, &ws, .protocols = ...): opens a WebSocket by the client, as
 * its requests are made: its base_url, headers, cookies, TLS, redirects and pool. The URL's scheme
 * is ws or wss (http or https do, too). Once it is open its connection is no part of the pool any
 * more, and the client may be closed before it. client NULL: one with all defaults, for this alone.
 * Waits; cancellation point. 0, HOB_E_WEBSOCKET_HANDSHAKE (the server has answered something else),
 * or what a request may return. Free it with hob_websocket_free(). */
#define hob_websocket_connect(client, url, out, ...)                                               \
    hob__websocket_connect((client), (url), (out), HOB__OPTIONS(hob_websocket_options, __VA_ARGS__))
HOB_API int hob__websocket_connect(struct hob_client *client, const char *url,
                                   struct hob_websocket **out,
                                   struct hob_websocket_options options);

/* hob_websocket_accept(req, &ws, .origins = ...): in a handler of hob_http_serve(): makes the
 * request's connection a WebSocket. It is the server's: it ends when the handler has returned, with
 * the code 1000 after a success, 1011 after an error, 1001 when the server stops. A stop ends
 * hob_websocket_receive() with 0. When the request is none for a WebSocket, or from a page that may
 * not, it is answered here (400, 403, 426, 501) and the result is HOB_E_WEBSOCKET_HANDSHAKE, which
 * the handler may return as it is: an error that is the peer's is not reported. Over HTTP/2 (RFC
 * 8441) it is a stream of the connection, and all else is the same; the handler of a client that
 * resets it is not cancelled, but receives HOB_E_WEBSOCKET_LOST. Waits;
 * cancellation point. */
#define hob_websocket_accept(req, out, ...)                                                        \
    hob__websocket_accept((req), (out), HOB__OPTIONS(hob_websocket_options, __VA_ARGS__))
HOB_API int hob__websocket_accept(struct hob_request *req, struct hob_websocket **out,
                                  struct hob_websocket_options options);

/* What is done with a WebSocket that has no task of its own while it waits. Any may be NULL. */
struct hob_websocket_events {
    /* It is open. 0, or an error, which ends it. */
    int (*opened)(struct hob_websocket *ws, void *arg);
    /* A message has come. 0, or an error, which ends it with 1011. */
    int (*message)(struct hob_websocket *ws, const struct hob_websocket_message *m, void *arg);
    /* It is over, and freed after this; sending from other tasks fails already. Must not wait. */
    void (*closed)(struct hob_websocket *ws, void *arg);
};
/* hob_websocket_serve(req, &events, arg, .deflate = true): as hob_websocket_accept(), but for very
 * many that mostly wait: the handler returns, and while nothing comes the WebSocket has no task and
 * no stack, only some 2 KiB in all. Each call of `events` is in a task that lasts until nothing
 * more has come; they may wait, and send. `events` and `arg` must outlive the server; the request
 * ends with its handler. Over HTTP/2 it keeps the task and the stack of its request instead. */
#define hob_websocket_serve(req, events, arg, ...)                                                 \
    hob__websocket_serve((req), (events), (arg), HOB__OPTIONS(hob_websocket_options, __VA_ARGS__))
HOB_API int hob__websocket_serve(struct hob_request *req, const struct hob_websocket_events *events,
                                 void *arg, struct hob_websocket_options options);

/* ---- receiving ---- */

/* The next message: 1; 0: the WebSocket has been closed (hob_websocket_code() says why); or an
 * error, which each further call returns again. What the peer does wrong ends the connection, and
 * it is told its code before. Waits; cancellation point. */
HOB_API int hob_websocket_receive(struct hob_websocket *ws, struct hob_websocket_message *m);
/* The same in pieces: waits for the beginning of the next message: 1 and *kind, or as above. What
 * is left of the one before is dropped. */
HOB_API int hob_websocket_next(struct hob_websocket *ws, enum hob_websocket_kind *kind);
/* Up to n bytes of it, at least 1; 0: it is complete. hob_websocket_receive() instead gives all
 * that is left of it. A text may be cut inside a character. */
HOB_API ssize_t hob_websocket_read(struct hob_websocket *ws, void *buf, size_t n);

/* ---- sending ---- */

/* One message. 0, or HOB_E_WEBSOCKET_CLOSED, HOB_E_WEBSOCKET_TEXT (a text that is no UTF-8: nothing
 * was sent), HOB_E_WEBSOCKET_LOST, HOB_E_WEBSOCKET_SILENT ... Waits for its turn, and for the peer
 * to take it; cancellation point. */
HOB_API int hob_websocket_send(struct hob_websocket *ws, enum hob_websocket_kind kind,
                               const void *data, size_t n);
HOB_API int hob_websocket_send_text(struct hob_websocket *ws, const char *text);
/* The same in pieces, each sent at once, as a frame of its own (compressed: when 16 KiB are
 * gathered): begin, any number of writes, end, all by one task; meanwhile the messages of others
 * wait. A message that cannot be completed cannot be taken back: after an error of write or end, a
 * cancel too, the connection is over. An end is needed after each begin that succeeded, even after
 * an error. */
HOB_API int hob_websocket_begin(struct hob_websocket *ws, enum hob_websocket_kind kind);
HOB_API int hob_websocket_write(struct hob_websocket *ws, const void *data, size_t n);
HOB_API int hob_websocket_end(struct hob_websocket *ws);
/* A ping of up to 125 bytes beside those of .ping_interval; the answer is for the receiving task,
 * which drops it. */
HOB_API int hob_websocket_ping(struct hob_websocket *ws, const void *data, size_t n);

/* ---- closing ---- */

/* Closes: sends code and reason (UTF-8, at most 123 bytes; NULL: none), waits for the peer's answer
 * for .close_timeout at most, during which what it still sends is dropped, and ends the connection.
 * 0, also when it was closed before; -EINVAL for a code that may not be sent; HOB_E_WEBSOCKET_LOST
 * and others when the peer did not answer as it should: the connection is over all the same. Waits;
 * cancellation point. */
HOB_API int hob_websocket_close(struct hob_websocket *ws, int code, const char *reason);
/* A client's: ends the connection, if it is not closed (the peer is told 1001, as far as that goes
 * at once), and frees it. Nobody may be in a call on it. NULL is allowed. Does not wait (but for
 * TLS, as hob_close()). */
HOB_API void hob_websocket_free(struct hob_websocket *ws);
#define HOB_WEBSOCKET_GUARD __attribute__((cleanup(hob__websocket_leave), unused))
static inline void hob__websocket_leave(struct hob_websocket **ws) { hob_websocket_free(*ws); }

/* ---- about one ---- */

/* The code the peer closed with, or HOB_WEBSOCKET_NO_CODE, HOB_WEBSOCKET_LOST; 0: it has not. */
HOB_API int hob_websocket_code(const struct hob_websocket *ws);
/* Its reason; "" when there was none. */
HOB_API const char *hob_websocket_reason(const struct hob_websocket *ws);
/* The subprotocol that was agreed on; "" for none. */
HOB_API const char *hob_websocket_protocol(const struct hob_websocket *ws);
/* Whether messages may be compressed: both sides have agreed. */
HOB_API bool hob_websocket_deflates(const struct hob_websocket *ws);
HOB_API const char *hob_websocket_peer(const struct hob_websocket *ws);

#ifdef __cplusplus
}
#endif
#endif
