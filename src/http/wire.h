/* http/wire.h - one side of an HTTP/1.1 connection: a stream, the parser, and the buffer between
 * them; shared by client and server.
 *
 * The head of the current message is pinned: it stays where it is while the body goes by behind it.
 * When the room behind it is used up, the bytes that came too early move to another buffer and the
 * head's memory is kept aside until the message is over. Between messages nothing is held but the
 * storage that the owner lent. */
#ifndef HOB_HTTP_WIRE_H
#define HOB_HTTP_WIRE_H

#include <hob/net.h>

#include "base/buffer.h"
#include "http/h1.h"

struct hob__h2_stream;
struct hob__h2_times;

/* How long a body may still be waited for: what moves earns time, waiting costs it. */
#define HOB__PACE_GRACE 5.0 /* seconds at first */
#define HOB__PACE_MOST 60.0 /* seconds at most, so that a fast beginning does not pay for hours */

struct hob__wire {
    /* What is touched behind a system call, when the kernel has driven it out of the first cache,
     * lies together. */
    struct hob_stream *stream;
    struct hob__h2_stream *h2;      /* instead of the stream: an exchange of HTTP/2 */
    bool pinned;                    /* the head is in `in` */
    bool ended;                     /* the message is complete */
    uint64_t *count_in, *count_out; /* NULL, or where the bytes of HTTP/1.1 are counted */
    double min_rate; /* bytes that earn a second of waiting, either way; not above 0: nothing does,
                        and nothing is needed */
    double pace_in, pace_out;
    struct hob__buffer in;
    struct hob__buffer aside;     /* the pinned head's memory, once it is not in `in` any more */
    struct hob__h1 h1;            /* of HTTP/2 too: what its head says */
    struct hob_slice piece;       /* of the body: parsed, and not handed out yet */
    struct hob__buffer *trailers; /* where the fields behind the body go; NULL: they are dropped */
    char *storage;                /* lent for `in`; NULL = none */
    size_t storage_size;
    uint64_t received; /* bytes of the body that were handed out */
    uint64_t deadline; /* of the whole exchange; 0 = none */
    double stall;      /* seconds a single read or write may go without a byte */
};

/* For a new stream; storage may be NULL: then 4 KiB come from the heap. hob__wire_next() comes
 * before anything else. */
void hob__wire_init(struct hob__wire *w, struct hob_stream *stream, bool response,
                    const struct hob__h1_limits *limits, char *storage, size_t n);
/* Makes ready for the next message; bytes that came too early stay. */
void hob__wire_next(struct hob__wire *w, struct hob__h1_field *fields, uint32_t cap);
/* Frees the buffers; the stream is the owner's. */
void hob__wire_free(struct hob__wire *w);

/* Reads once into the buffer: the number of bytes, 0 at the end of the stream, -ETIMEDOUT, ...
 * `idle`: hob_stop() ends the wait. Waits; cancellation point. */
ssize_t hob__wire_fill(struct hob__wire *w, uint64_t deadline, bool idle);
/* The next event of the parser out of what is in the buffer; the head is pinned by HEAD. */
int hob__wire_event(struct hob__wire *w, struct hob_slice *piece);
/* Up to n bytes of the body; 0 = complete; -ETIMEDOUT, HOB_E_HTTP_CUT, ... Waits; cancellation
 * point; cancelled, nothing is lost. */
ssize_t hob__wire_read(struct hob__wire *w, void *buf, size_t n);
/* What is left of the body, with a NUL behind it, put into `body`; at most max bytes in all. */
int hob__wire_read_all(struct hob__wire *w, struct hob__buffer *body, uint64_t max);
/* The same from any source: `read` gives up to n bytes, 0 = the end, or an error. expected: so many
 * bytes will probably come; 0 = unknown. */
int hob__read_whole(ssize_t (*read)(void *from, void *buf, size_t n), void *from, size_t expected,
                    struct hob__buffer *body, uint64_t max);
/* All of it; each 64 KiB may take `stall` seconds. 0 or an error. iov is changed. */
int hob__wire_write(struct hob__wire *w, struct iovec *iov, int count);
/* n bytes of a file, from offset on, within the same time: how many, fewer when it ends before; or
 * an error. Waits; cancellation point. */
int64_t hob__wire_send_file(struct hob__wire *w, int fd, int64_t offset, int64_t n);

/* Of the bytes of `in`, n that begin there go back to the stream, for who reads it next. */
void hob__wire_put_back(struct hob__wire *w, const char *at, size_t n);

/* Pieces that came too early, not used by any message yet? */
static inline bool hob__wire_excess(const struct hob__wire *w) {
    return hob__buffer_size(&w->in) > 0 || w->piece.size > 0;
}

/* Of HTTP/2: how long what is sent may take. */
struct hob__h2_times hob__wire_times(struct hob__wire *w);
/* A 1xx answer, as h1_write.c writes it, on the stream of HTTP/2. Does not wait. */
int hob__wire_interim(struct hob__wire *w, const char *head, size_t n);
/* The end of what is sent on it; trailers: NULL, or an answer's head with the fields. Waits. */
int hob__wire_end(struct hob__wire *w, struct hob__buffer *trailers);
/* Have both sides of a TLS stream agreed on HTTP/2? (secure.c) */
bool hob__agreed_http2(struct hob_stream *stream);

/* The deadline `seconds` from now, or `outer` when that is earlier; 0 = none. */
uint64_t hob__http_deadline(uint64_t outer, double seconds);
/* The same, where the time is known. */
uint64_t hob__deadline_at(uint64_t now, uint64_t outer, double seconds);
#endif
