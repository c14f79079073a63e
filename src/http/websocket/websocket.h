/* http/websocket/websocket.h - the inside of WebSockets: a stream with the frames' reader on it.
 *
 * Receiving: the bytes lie in the stream's buffer, where the reader unmasks them; what of it has
 * been looked at and may still be used is `held`. A message that came whole in one frame is handed
 * out right there, others are gathered in `message`.
 *
 * Sending: `messages` is held for a message, `frames` for a frame, so that control frames come
 * between the frames of a message. Whoever receives never waits to send a pong or a ping: those are
 * marked as due and sent as far as that goes at once, or by whoever holds `frames` when it lets go;
 * of a control frame that went out in part the other part is `rest`, which goes first. When the
 * peer takes nothing, the receiving task waits for both directions. */
#ifndef HOB_HTTP_WEBSOCKET_PRIVATE_H
#define HOB_HTTP_WEBSOCKET_PRIVATE_H

#include <hob/sync.h>
#include <hob/websocket.h>

#include "base/buffer.h"
#include "http/websocket/deflate.h"
#include "http/websocket/frame.h"

struct hob__http_conn;

enum {
    HOB__WS_KEY = 24,
    HOB__WS_ACCEPT = 28,
    HOB__WS_MASKS = 16,
    HOB__WS_REST = HOB__WS_HEAD_MAX + HOB__WS_CONTROL_MAX
};

struct hob_websocket {
    struct hob_stream *stream;
    struct hob__http_conn *conn; /* the server's connection; NULL: a client, or it has gone */
    struct hob_http_counters *counters; /* NULL, or what its bytes are counted by */
    bool client;
    bool owns_stream; /* a client's; or the server is gone, and others were still in calls */
    bool sent_close, got_close;
    bool receiving;              /* a task is in a receiving call */
    bool closing;                /* which is hob_websocket_close(): others wait for its end */
    int error;                   /* each call returns it; 0: none */
    uint32_t users;              /* tasks in calls */
    struct hob_waitlist leavers; /* who waits until there are none */
    struct hob_event over;       /* the peer has closed, or there is an error */
    char *protocol;              /* NULL: none */

    /* ---- receiving ---- */
    struct hob__ws_reader in;
    size_t held;            /* bytes at the front of the stream's buffer that are looked at */
    struct hob_slice piece; /* of the message, in there, not used yet */
    char *end_at;           /* where a NUL was put, and what was there */
    char end_was;
    uint8_t kind;       /* of the message that is being received */
    bool started;       /* there is one */
    bool complete;      /* the last one has been read to its end, in pieces */
    bool more_unpacked; /* the unpacker may have some without further input */
    bool handed_out;    /* `message` is the caller's until the next call */
    struct hob__buffer message;
    uint64_t unpacked;     /* bytes of the message */
    uint32_t worked;       /* bytes unpacked since others could run */
    struct hob__utf8 utf8; /* of a text that was packed */
    struct hob__ws_unpacker *unpacker;
    uint64_t max_message, max_streamed;
    char *reason;
    uint16_t code; /* of the peer's close */

    /* ---- life ---- */
    bool heard; /* something came since heard_at */
    double ping_interval, ping_timeout, send_timeout, close_timeout;
    uint64_t heard_at, pinged_at; /* ns; pinged_at 0: no ping waits for its answer */

    /* ---- sending ---- */
    struct hob_mutex messages, frames;
    struct hob__ws_deflate deflate;
    struct hob__ws_packer *packer;
    size_t deflate_min;
    /* of a message in pieces: which frame comes next */
    uint8_t next_opcode;
    bool in_pieces, packs, sends_text;
    struct hob__utf8 sent_utf8;
    char *gathered; /* a chunk of the pool: packed, and not sent */
    size_t gathered_size;
    bool ping_due, pong_due;
    bool rest_again; /* the last try has sent nothing of `rest` */
    uint8_t pong_size, rest_at, rest_size;
    char pong[HOB__WS_CONTROL_MAX];
    char rest[HOB__WS_REST];

    /* ---- one that waits without a task (park.c) ---- */
    const struct hob_websocket_events *events;
    void *arg;
    bool opened;

    /* ---- a client's; a server's has no memory for it ---- */
    uint8_t masks_left;
    uint8_t masks[HOB__WS_MASKS][4]; /* random, for the next frames */
};

/* ---- websocket.c ---- */
/* With the options in it, and no stream yet. NULL without memory. */
struct hob_websocket *hob__ws_new(const struct hob_websocket_options *o, bool client,
                                  const char *protocol, size_t protocol_size);
void hob__ws_open(struct hob_websocket *ws, struct hob_stream *stream);
/* Frees it; its stream, too, if it is its own. Nobody is in a call. */
void hob__ws_delete(struct hob_websocket *ws);
/* A call begins, and ends. */
int hob__ws_enter(struct hob_websocket *ws, const char *func);
void hob__ws_leave(struct hob_websocket *ws);
/* It is over with that error, which is returned: whoever waits learns it. */
int hob__ws_break(struct hob_websocket *ws, int error, const char *why);
/* The stream has failed, with rc; -ECANCELED and -ENOMEM are returned, and change nothing. */
int hob__ws_lost(struct hob_websocket *ws, ssize_t rc);

/* ---- send.c ---- */
/* What is due among control frames goes out as far as that can be done without waiting. False: some
 * of it is left, and nobody else will send it. */
bool hob__ws_try_control(struct hob_websocket *ws);
/* A frame, by the caller's waiting. first: as hob__ws_head() has it. */
int hob__ws_send_frame(struct hob_websocket *ws, unsigned first, const char *data, size_t n);
/* The close frame, unless one was sent, within so many seconds. */
int hob__ws_send_close(struct hob_websocket *ws, unsigned code, const char *reason, size_t n,
                       double seconds);
/* Gives back what a message in pieces holds. */
void hob__ws_drop_pieces(struct hob_websocket *ws);

/* ---- receive.c ---- */
/* hob_websocket_receive(); park: -EAGAIN instead of a wait between two messages. */
int hob__ws_receive(struct hob_websocket *ws, struct hob_websocket_message *m, bool park);
/* The next event of the reader, control frames answered: HOB__WS_BEGIN, HOB__WS_DATA (ws->piece),
 * HOB__WS_END, HOB__WS_GOT_CLOSE; or an error. */
int hob__ws_step(struct hob_websocket *ws, bool park);
/* What was handed out is not the caller's any more. */
void hob__ws_release(struct hob_websocket *ws);
/* Drops the bytes of the stream's buffer that have been dealt with. */
void hob__ws_drop_held(struct hob_websocket *ws);
/* When the next ping, or its answer, is due; UINT64_MAX: never. */
uint64_t hob__ws_due(struct hob_websocket *ws);
/* That time has come: a ping is due, or the peer is given up: 0 or an error. */
int hob__ws_on_due(struct hob_websocket *ws);

/* ---- close.c ---- */
/* Closes, as long as that takes at most; the peer's part is read here. */
int hob__ws_shut(struct hob_websocket *ws, unsigned code, const char *reason, size_t n);
/* The peer has broken a rule: it is told, and the error returned. */
int hob__ws_fail(struct hob_websocket *ws, int error, const char *why);
/* The server's: its task has come to its end, with rc: closes, waits until nobody is in a call,
 * frees it. What is to be reported. */
int hob__websocket_end(struct hob_websocket *ws, int rc);

/* ---- park.c ---- */
/* In the connection's task. As a run of io/serve.h. */
int hob__websocket_run(struct hob__http_conn *hc);
/* The handler of a stream of HTTP/2 has returned rc; ws may be NULL: its task serves the events, if
 * there are some, and ends it. What is to be reported. */
int hob__websocket_on_stream(struct hob_websocket *ws, int rc);
/* It is over: its events' closed(), if it has some. */
void hob__websocket_over(struct hob_websocket *ws);
/* The connection ends without a task: its stream may still be in use. Does not wait. */
void hob__websocket_cut(struct hob__http_conn *hc);

/* ---- key.c ---- */
void hob__ws_base64(const uint8_t *in, size_t n, char *out);
bool hob__ws_key_legal(const char *key);
void hob__ws_accept_key(const char *key, char out[HOB__WS_ACCEPT + 1]);
#endif
