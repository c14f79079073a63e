/* io/stream.h - the inside of streams: a front over a transport.
 *
 * The front (stream.c) is what users call: it keeps the rules (one reader, one writer, cancellation
 * points, all n bytes) and whatever is buffered. A transport moves bytes without waiting, and can
 * wait until it may move some more. A plain socket is the transport that the front knows by itself,
 * so that an echo pays for no indirection; pipes, terminals and files are in pipe.c; a library
 * above can put one of its own (TLS) on top of any other:
 *
 *   struct hob_stream *inner = hob__stream_split(s);    s's transport moves to a new stream
 *   hob__stream_set(s, &my_transport, my_state);        s, which its users hold, has mine
 *
 * whose calls use hob__stream_recv(inner, ...), _send, _wait. Bytes that came early, before the
 * split, are in s's buffer: hob__stream_early(s). */
#ifndef HOB_IO_STREAM_H
#define HOB_IO_STREAM_H

#include <hob/stream.h>

#include "io/address.h"
#include "loop/backend.h"

/* None but wait() and close() waits. One task at a time is in recv, or in wait for reading; one in
 * send, or in wait for writing, or shutdown; never any during close. */
struct hob__transport {
    const char *name; /* "tcp", "pipe" */
    /* Up to n (> 0) bytes: how many, 0 at the end, -EAGAIN: wait before the next try; an error. */
    ssize_t (*recv)(struct hob_stream *s, void *buf, size_t n);
    /* Some of the count (> 0) pieces, none of them empty: how many bytes (> 0), -EAGAIN, an error.
     * After -EAGAIN the next call begins with the same bytes, unless its caller was cancelled. */
    ssize_t (*send)(struct hob_stream *s, const struct iovec *iov, int count);
    /* Sleeps until recv (HOB__READ) or send (HOB__WRITE) may do something: 0 (it may turn out that
     * it cannot), -ECANCELED, HOB_E_STOPPING, an error. flags: HOB__WAIT_* */
    int (*wait)(struct hob_stream *s, unsigned direction, unsigned flags);
    /* No more will be sent. 0, -EAGAIN: wait for HOB__WRITE before the next try; an error. */
    int (*shutdown)(struct hob_stream *s);
    /* Lets go of everything that is the transport's; the front frees s. */
    void (*close)(struct hob_stream *s);
    /* Has the peer ended or reset an idle connection? */
    bool (*broken)(struct hob_stream *s);
};

struct hob_stream {
    const struct hob__transport *transport;
    struct hob__fd *fd; /* the lowest transport's; NULL when hob_shutdown() has closed it */
    struct hob__backend *backend;
    void *state;        /* the transport's own */
    bool direct;        /* a plain socket: the front makes its calls by itself */
    bool reads, writes; /* a task is in a reading, writing call */
    bool
        is_tcp; /* else a Unix socket, whose reads end at boundaries of messages with descriptors */
    uint8_t kind;             /* pipe.c's */
    struct hob_stream **lent; /* who closes it unless its user has: set to NULL by hob_close() */
    uint32_t write_calls; /* which writing call this is, so that a transport can tell a call that
                             goes on from one that begins after another was cancelled */
    char peer[];
};

extern const struct hob__transport hob__tcp, hob__unix;

/* Takes the socket over. NULL without memory (the descriptor is closed). */
struct hob_stream *hob__stream_new(struct hob__backend *b, int fd, const struct sockaddr *peer,
                                   socklen_t size);
/* The same for a socket from accept(), which has its options from the listener. */
struct hob_stream *hob__stream_accepted(struct hob__backend *b, int fd, const struct sockaddr *peer,
                                        socklen_t size);
/* A stream around a descriptor and a transport; `peer` is copied. NULL without memory (the
 * descriptor stays the caller's). */
struct hob_stream *hob__stream_make(struct hob__backend *b, int fd,
                                    const struct hob__transport *transport, const char *peer);
/* A descriptor that is no socket. */
int hob__stream_open_other(struct hob__backend *b, int fd, struct hob_stream **out);

/* ---- for transports on top of others; exported for the sister libraries ---- */

/* Moves the transport of s, with its descriptor, to a new stream, which is returned: NULL without
 * memory. s has none then: hob__stream_set() or hob__stream_join() comes next. Nobody may be in a
 * call on s. */
HOB_API struct hob_stream *hob__stream_split(struct hob_stream *s);
HOB_API void hob__stream_set(struct hob_stream *s, const struct hob__transport *transport,
                             void *state);
/* Undoes the split: s has the transport of `inner` again, which is freed. */
HOB_API void hob__stream_join(struct hob_stream *s, struct hob_stream *inner);
/* How many bytes lie in the front's buffer, received and not read yet. */
HOB_API size_t hob__stream_early(const struct hob_stream *s);
/* The transport's calls. */
HOB_API ssize_t hob__stream_recv(struct hob_stream *s, void *buf, size_t n);
HOB_API ssize_t hob__stream_send(struct hob_stream *s, const struct iovec *iov, int count);
HOB_API int hob__stream_wait(struct hob_stream *s, unsigned direction, unsigned flags);

#endif
