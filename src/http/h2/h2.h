/* http/h2/h2.h - one HTTP/2 connection (RFC 9113), either side of it, over any stream; nghttp2
 * knows the frames, this the tasks.
 *
 * A connection that is busy has two tasks in one scope: one reads and hands what comes to nghttp2,
 * whose callbacks (events.c) fill the streams and wake those who wait; one writes what nghttp2
 * has to say, all that has been gathered since it last looked in one write, and sleeps when that is
 * nothing. Nobody else touches the hob_stream: who opens a stream, reads from it, sends on it or
 * resets it tells nghttp2, and the writer (hob__h2_kick). So a cancelled exchange interrupts
 * nothing: its stream is reset, the connection lives on.
 *
 * Who sends a small body fetches its frames from nghttp2 by itself, into the chunk that the writer
 * will write (hob__h2_gather), unless that is on its way. So a small answer needs no sleep, and the
 * tasks of the requests that came together run one after the other on the same hot stack. What the
 * windows, or a write that goes on, do not let out makes its sender wait, as a large body does.
 *
 * A stream (hob__h2_stream) belongs to the exchange that uses it and outlives the connection, if
 * need be: then `h2` is NULL, `error` says why, and what was received before can still be read.
 *
 * Bounds: what has come and was not read is at most the stream's window, which is given back as it
 * is read. A client gives the connection's window back at once, so that an answer that nobody reads
 * stops no other; a server as the bodies are read, so that a connection holds no more than that. A
 * header block has the limits of HTTP/1.1's heads. Frames that have to be answered are nghttp2's:
 * at most 1000 answers wait. */
#ifndef HOB_HTTP_H2_H
#define HOB_HTTP_H2_H

#include <hob/net.h>
#include <hob/task.h>

#include "base/buffer.h"
#include "base/list.h"
#include "http/h1.h"

struct nghttp2_session;
struct hob__h2;
struct hob__h2_stream;

/* What the owner of a connection is told; the calls must not wait. */
struct hob__h2_owner {
    /* There may be more or less room for streams than before, or none any more (`closing`). */
    void (*changed)(struct hob__h2 *h2);
    /* A server's: a request's head is complete; the stream is the callee's, to close. 0, or < 0: it
     * has been closed already. */
    int (*request)(struct hob__h2 *h2, struct hob__h2_stream *st);
    /* A server's: the client wants no answer any more, or is gone. */
    void (*gone)(struct hob__h2 *h2, struct hob__h2_stream *st);
};

struct hob__h2_options {
    bool server;
    const struct hob__h2_owner *owner;
    void *arg;                      /* the owner's */
    struct hob__h1_limits limits;   /* of header blocks; 0 = the defaults of h1.h */
    uint32_t window;                /* bytes that a stream may be ahead of its reader */
    uint32_t max_streams;           /* a server: at once */
    double idle;                    /* a server: seconds without a request; else 0 */
    double head;                    /* a server: seconds for a head, and for the first SETTINGS */
    double stall;                   /* seconds for a write, and for an answer to a ping */
    uint64_t *count_in, *count_out; /* NULL, or where bytes are counted */
};

struct hob__h2 {
    struct nghttp2_session *session;
    struct hob_stream *stream;   /* the owner's to close */
    struct hob_scope *scope;     /* of the two tasks; NULL: they have not begun, or have ended */
    struct hob_list streams;     /* that have not been closed by their exchanges */
    struct hob__h2_stream *last; /* that nghttp2 spoke of, or NULL */
    struct hob__h2_same *same;   /* a server's: the last head, or NULL */
    struct hob_waitlist idle;    /* the writer, asleep */
    char *out;                   /* a chunk of the pool with frames for the next write, or NULL */
    size_t out_size;
    struct hob__h2_options options;
    uint32_t active;        /* streams, and slots that were taken for some */
    uint32_t max_active;    /* as the peer allows */
    uint32_t block, frames; /* bytes and frames of the header block that comes in */
    uint64_t received;      /* bytes */
    uint64_t data_in;       /* of bodies, of all streams together */
    uint64_t data_out;
    uint64_t heard;       /* when the last of them came */
    uint64_t quiet_since; /* a server: when the last stream ended */
    uint64_t head_since;  /* a server: when the head that comes in began; 0: none does */
    uint64_t leaves_at;   /* a server that leaves: at the latest */
    uint64_t credit_at;   /* a server: when `credit` was as it is */
    double credit;        /* frames without a purpose that the client may send */
    int error;            /* why it is over; 0 = for no bad reason */
    const char *why;      /* more about that, static; or NULL */
    uint32_t goaway;      /* the peer's reason for its GOAWAY */
    int32_t head_of;      /* the stream of the head that comes in, or came in last */
    int32_t asked;        /* a server: the last stream whose head was complete */
    int32_t takes_to;     /* a server: its last stream, as its GOAWAY says; INT32_MAX: any */
    bool settled;         /* the peer's SETTINGS have come */
    bool in_head;         /* a head has begun, and is not complete */
    bool closing;         /* no new streams */
    bool ends;            /* a server: the last one has ended */
    bool leaving;     /* a server: it has asked for none, and takes those that are on their way */
    bool said_goaway; /* the peer */
    bool served;      /* likewise, and that it has looked at some streams */
    bool over;        /* nothing is to be read or written any more */
    bool dead;        /* it has no streams any more */
    bool torn;        /* a write was cut off: the peer has half a frame */
    bool writing;     /* `out` is on its way */
    bool receiving;   /* nghttp2 is at what has come: it must not be asked for frames */
    bool stuck;       /* nghttp2 has a frame that did not fit behind the others */
    int failed;       /* what nghttp2 said when it was asked for frames; 0 */
    bool pinged;
    bool idled; /* a server: it was idle for too long */
    bool late;  /* a server: the preface, or a head, took too long */
};

struct hob__h2_fields; /* private */
struct hob__h2_same;

enum { HOB__H2_HEAD_STORAGE = 512, HOB__H2_FIELDS = 16 };

enum hob__h2_processed {
    HOB__H2_MAYBE, /* the peer may have acted on the request */
    HOB__H2_NEVER  /* it has not: the request may be sent again, whatever its method */
};

struct hob__h2_stream {
    struct hob_list node;
    struct hob__h2 *h2; /* NULL: the connection is gone */
    int32_t id;
    int64_t content_length;      /* as the head says; -1 = nothing */
    struct hob__buffer head;     /* "name\0value\0" ... of the head */
    struct hob__buffer trailers; /* the same, behind the body */
    struct hob__buffer in;       /* body that nobody has read yet */
    uint32_t fields_at;          /* where the first field of `head` stands */
    uint32_t field_count, trailer_count;
    uint32_t code; /* HTTP/2's, of a reset */
    uint16_t status, interims;
    uint8_t processed; /* enum hob__h2_processed */
    bool late;         /* it has not, as it was about to leave, after others */
    bool has_head;     /* the final one is complete */
    bool in_trailers;
    bool continued; /* a 100 has come */
    bool ended;     /* the peer has said all */
    bool closed;    /* nghttp2 has forgotten it */
    bool sent;      /* the head has gone out */
    int error;      /* why no more comes than is in `in`; 0 */
    const char *why;
    uint64_t began; /* h2->received then */
    /* the body that is being sent: the memory of the task in hob__h2_write() */
    const char *out;
    size_t out_size;
    const struct hob__h2_fields *out_trailers; /* behind it, or NULL */
    bool out_end, out_open, deferred;
    struct hob_waitlist reader, sender;
    bool handed;   /* a server's: owner->request() has it */
    bool answered; /* its head is under way */
    bool keep;     /* its handler goes on when the client leaves */
    bool has_host, has_expect;
    uint32_t alike;    /* fields of all kinds that have come */
    bool is_alike;     /* they are those of the last head, and not taken yet */
    bool fields_begun; /* no pseudo-header field may follow */
    uint32_t cookies;  /* fields of that name */
    uint64_t data_in;  /* bytes of the body that have come */
    int head_error;    /* a limit that its head has broken; 0 */
    /* a server's: where their values stand in `head`, counted from 1; 0 = there is none */
    uint32_t method_at, path_at, scheme_at, authority_at, protocol_at;
    struct hob_stream *tunnel; /* what it has become (tunnel.c), or NULL */
    char *chunk;               /* the tunnel's: what `out` points into, or NULL */
    void *arg;                 /* the owner's */
    /* a server's alone: the first fields of `head`, which are found as they come, and memory that
     * is lent to it: most need no more of either */
    struct hob__h1_field fields[HOB__H2_FIELDS];
    char storage[HOB__H2_HEAD_STORAGE];
};

/* ---- h2.c ---- */
/* A connection over the stream, which is not closed with it. 0, -ENOMEM, or HOB_E_HTTP2: this build
 * has none. Nothing is sent before hob__h2_run(). Does not wait. */
int hob__h2_new(struct hob__h2 **out, struct hob_stream *stream, struct hob__h2_options options);
/* Frees it; a client's streams belong to nobody then, a server's are freed. Not while hob__h2_run()
 * goes on. */
void hob__h2_free(struct hob__h2 *h2);
enum { HOB__H2_RESTS = 1 };
/* The life of the connection, in the calling task: until either side ends it, hob__h2_end(), or a
 * cancel. All streams have their ends then. 0 or why it ended. A server's, HOB__H2_RESTS: nothing
 * is under way, and nothing has come; nobody need wait for it: it is to be called again when
 * something has, or at hob__h2_rest_until(). */
int hob__h2_run(struct hob__h2 *h2);
/* A server's: if nothing is under way, hob__h2_run() ends with HOB__H2_RESTS. Does not wait. */
void hob__h2_let_rest(struct hob__h2 *h2);
/* When a connection that rests has done so for too long (ns); UINT64_MAX: never. */
uint64_t hob__h2_rest_until(const struct hob__h2 *h2);
/* A server's: has a head taken longer than it may? Then that is the connection's error. */
bool hob__h2_is_late(struct hob__h2 *h2);
/* A server's: has it waited for a request for longer than it may? Then it is to end. */
bool hob__h2_is_idle(struct hob__h2 *h2);
/* Ends it soon; its streams are reset. Does not wait. */
void hob__h2_end(struct hob__h2 *h2);
/* A server's, that is closing and has no streams: ends it when the client has what is on its way to
 * it. Does not wait. */
void hob__h2_end_said(struct hob__h2 *h2);
/* No new streams; it ends with the last one. Does not wait. */
void hob__h2_drain(struct hob__h2 *h2);
/* A server's: the client shall open no more streams (GOAWAY). Those that are on their way when it
 * hears that are taken: until it has answered a PING, or for a second (RFC 9113, 6.8). Does not
 * wait. */
void hob__h2_goaway(struct hob__h2 *h2);
/* The same, but what is on its way is not taken. Does not wait. */
void hob__h2_close_down(struct hob__h2 *h2);
/* There may be something to write. */
void hob__h2_kick(struct hob__h2 *h2);
static inline bool hob__h2_room(const struct hob__h2 *h2) {
    return !h2->closing && h2->active < h2->max_active;
}

/* ---- stream.c ---- */
/* How long a body may take. All streams share one connection, so what it moves counts for each of
 * them in parts: none is cut off for waiting while others' bodies move. */
struct hob__h2_times {
    uint64_t deadline; /* of the whole; 0 = none */
    double stall;      /* seconds without progress */
    double min_rate;   /* bytes that earn a second; not above 0: nothing is needed */
    double *pace;      /* seconds that are left (wire.h) */
};
/* Opens a stream with the head of a request as h1_write.c writes it; "https" or "http". The slot is
 * the caller's before (h2->active counts it) and the stream's after. 0 and *out, -ENOMEM, or
 * HOB_E_HTTP2_* with *never true when it could be tried elsewhere. Does not wait. */
int hob__h2_request(struct hob__h2 *h2, struct hob__buffer *head, const char *scheme, bool body,
                    struct hob__h2_stream **out);
/* A 1xx answer, as h1_write.c writes it, and trailers (fields alone), with which the answer ends.
 * The answer's own head is a list for nghttp2 (inside.h). */
int hob__h2_interim(struct hob__h2_stream *st, struct hob__buffer *head);
int hob__h2_end_with(struct hob__h2_stream *st, struct hob__buffer *fields,
                     const struct hob__h2_times *times);
/* Sends n bytes, and the end of the body behind them. Waits until nghttp2 has taken all of them, as
 * long as `times` say; cancellation point; cancelled, a part may have been sent. 0, -EPIPE when the
 * peer wants no more. */
int hob__h2_write(struct hob__h2_stream *st, const void *data, size_t n, bool end,
                  const struct hob__h2_times *times);
/* Waits for the head: 0, or why there is none. Cancellation point. */
int hob__h2_wait_head(struct hob__h2_stream *st, uint64_t deadline);
/* Waits for a 100, or the deadline: 1; for the final head, or the end: 0; or an error. Cancellation
 * point. */
int hob__h2_wait_continue(struct hob__h2_stream *st, uint64_t deadline);
/* Up to n bytes of the body; 0 = complete. Waits; cancellation point. */
ssize_t hob__h2_read(struct hob__h2_stream *st, void *buf, size_t n, uint64_t deadline);
/* Up to n bytes of what has come, of which there are some, and gives the window back. Does not
 * wait.
 */
ssize_t hob__h2_take(struct hob__h2_stream *st, void *buf, size_t n);
/* hob__h2_write() up to the point where it would wait: the bytes have to stay until st->out_size is
 * 0, or st->out is taken back. 0 or -ENOMEM: nothing of them will be sent. */
int hob__h2_offer(struct hob__h2_stream *st, const void *data, size_t n, bool end);
/* What hob__h2_offer() was given, and the end: as hob__h2_write(). */
int hob__h2_finish(struct hob__h2_stream *st, const struct hob__h2_times *times);
/* A server's: the bytes of bodies that have come since h2->data_in was `before`, of which a part is
 * this stream's; negative: the peer may send none, since others' bodies lie here unread. */
double hob__h2_share_in(const struct hob__h2_stream *st, uint64_t before);
/* Ends the exchange: a stream that has not ended on both sides is reset with that code of HTTP/2's.
 * Frees it. Does not wait. */
void hob__h2_close(struct hob__h2_stream *st, uint32_t code);
/* "CANCEL", "REFUSED_STREAM". */
const char *hob__h2_code_name(uint32_t code);

enum {
    HOB__H2_NO_ERROR = 0,
    HOB__H2_INTERNAL = 2,
    HOB__H2_REFUSED = 7,
    HOB__H2_CANCEL = 8,
    HOB__H2_CALM = 11,
    HOB__H2_USE_H1 = 13
};

/* ---- tunnel.c ---- */
/* Makes the stream a hob_stream, st->tunnel. Its user may close it; else it is to be closed before
 * st. 0, -ENOMEM. */
int hob__h2_tunnel(struct hob__h2_stream *st, const char *peer);
/* Nobody is to wait on it any more; reset: and the peer is told so. Does nothing with other
 * streams. Does not wait. */
void hob__h2_tunnel_break(struct hob_stream *s, bool reset);

/* ---- head.c ---- */
/* The fields of "name\0value\0"...: fills up to cap; how many there are. */
uint32_t hob__h2_split(const char *block, size_t n, struct hob__h1_field *out, uint32_t cap);
#endif
