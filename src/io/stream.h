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
 * whose calls use hob__stream_recv(inner, ...), _send, _wait. Bytes that have been received before
 * the split, and not been read, are counted by hob__stream_early(s), for whoever wants to refuse
 * them; they move to the inner stream, whose hob__stream_recv() gives them first. */
#ifndef HOB_IO_STREAM_H
#define HOB_IO_STREAM_H

#include <hob/stream.h>

#include "base/buffer.h"
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
    /* NULL, or how many of the bytes of a send that said -EAGAIN it has taken all the same, so that
     * they go out with whatever is sent next: asked when its caller gives up. */
    size_t (*committed)(struct hob_stream *s);
    /* NULL, or sends what it has taken and not sent yet: 0, -EAGAIN: wait for HOB__WRITE before the
     * next try; an error. */
    int (*flush)(struct hob_stream *s);
    /* NULL, or instead of close: the peer shall see an error, not an end. */
    void (*abort)(struct hob_stream *s);
    /* NULL, or for hob_send_file(): some of n bytes of a file from there on, without passing
     * through the program's memory; as send. 0: the file has ended. */
    ssize_t (*send_file)(struct hob_stream *s, int fd, int64_t offset, size_t n);
    /* NULL, or recv into count (> 0) pieces, of which the first is not empty. */
    ssize_t (*recv_pieces)(struct hob_stream *s, const struct iovec *iov, int count);
};

struct hob_stream {
    const struct hob__transport *transport;
    struct hob__fd *fd; /* the lowest transport's; NULL: none, or hob_shutdown() has closed it */
    struct hob__backend *backend;
    bool fast_read, fast_write; /* nothing but the socket's own call to think of; see _update() */
    bool reads, writes;         /* a task is in a reading, writing call */
    bool direct;                /* a plain socket: the front makes its calls by itself */
    bool kernel;                /* the backend's recv and send are Linux's (loop/kernel_call.h), not
                                   a simulation's: known here, so that nothing else is looked at */
    bool is_tcp;  /* else, when direct, a Unix socket, whose reads end at boundaries of
                     messages with descriptors */
    uint8_t kind; /* pipe.c's */
    uint16_t corks;
    int read_error; /* of the connection: told again by every read after what came before it */
    uint32_t write_calls; /* which writing call this is, so that a transport can tell a call that
                             goes on from one that begins after another was cancelled */
    /* (What stands up to here is what a socket that is used needs: one line of the cache.) */
    void *state;           /* the transport's own */
    struct hob__buffer in; /* received, not read yet: borrowed = a chunk of the pool */
    char *out;             /* written, not sent yet: a chunk of the pool */
    uint32_t out_start, out_end;
    struct hob_stream **lent; /* who closes it unless its user has: set to NULL by hob_close() */
    char peer[];
};

/* To be called after a change of what it looks at. */
static inline void hob__stream_update(struct hob_stream *s) {
    s->fast_read = s->direct && !s->in.data && !s->read_error;
    s->fast_write = s->direct && !s->out && s->corks == 0;
}

extern const struct hob__transport hob__tcp, hob__unix;

/* Takes the socket over. NULL without memory (the descriptor is closed). */
struct hob_stream *hob__stream_new(struct hob__backend *b, int fd, const struct sockaddr *peer,
                                   socklen_t size);
/* The same for a socket from accept(), which has its options from the listener. */
struct hob_stream *hob__stream_accepted(struct hob__backend *b, int fd, const struct sockaddr *peer,
                                        socklen_t size);
enum { HOB__NO_FD = -2 };
/* A stream around a descriptor (HOB__NO_FD: there is none, and the transport waits by other means)
 * and a transport; `peer` is copied. NULL without memory (the descriptor stays the caller's). */
HOB_API struct hob_stream *hob__stream_make(struct hob__backend *b, int fd,
                                            const struct hob__transport *transport,
                                            const char *peer);
/* A descriptor that is no socket. */
int hob__stream_open_other(struct hob__backend *b, int fd, struct hob_stream **out);
bool hob__is_pipe(const struct hob_stream *s);

/* ---- between the front's files ---- */

/* read.c: Once into the buffer, which holds fewer than max bytes: how many, 0 at the end, an error.
 * Waits; cancellation point. The caller has set s->reads. */
ssize_t hob__stream_fill(struct hob_stream *s, size_t max, unsigned flags, const char *func);
/* Room for one byte more in the buffer, which may then hold `size`. 0 or -ENOMEM. */
int hob__stream_room(struct hob_stream *s, size_t size);
/* Puts n (> 0) bytes back that were taken out of it: behind what is there, which is nothing, or was
 * put back just now. Without memory for them the stream is over: there must be no gap that nobody
 * sees. */
HOB_API void hob__stream_put_back(struct hob_stream *s, const char *bytes, size_t n);
/* Up to n bytes out of the buffer: how many. */
size_t hob__stream_take(struct hob_stream *s, void *buf, size_t n);
/* Keeps the error of a connection: the kernel tells it once, and then says that it has ended.
 * Returns rc. */
ssize_t hob__stream_read_failed(struct hob_stream *s, ssize_t rc);
/* A record for an error of the system's that the transport has not said a word about: of which
 * peer. doing: "read from", "write to". Returns rc. */
ssize_t hob__stream_failed(const struct hob_stream *s, ssize_t rc, const char *doing);
/* After -EAGAIN of the transport's recv: sends what is gathered as far as that goes, and waits. */
int hob__stream_wait_to_read(struct hob_stream *s, unsigned flags);
static inline size_t hob__stream_committed(struct hob_stream *s) {
    return s->transport->committed ? s->transport->committed(s) : 0;
}
/* Once into the buffer, without waiting: how many bytes, 0 at the end, -EAGAIN (then an empty
 * buffer has gone back), an error. And: the first n bytes of it are done with. One reader at a
 * time, as ever; exported for the sister libraries. */
HOB_API ssize_t hob__stream_fill_now(struct hob_stream *s);
HOB_API void hob__stream_consume(struct hob_stream *s, size_t n);
/* Gives the memory of the buffer back. */
void hob__stream_drop_buffer(struct hob_stream *s);
/* write.c: sends what is gathered as far as that can be done without waiting. */
HOB_API void hob__stream_try_flush(struct hob_stream *s);
void hob__stream_drop_out(struct hob_stream *s);

/* ---- for transports on top of others; exported for the sister libraries ---- */

/* Moves the transport of s, with its descriptor and the bytes that it has received early, to a new
 * stream, which is returned: NULL without memory. s has none then: hob__stream_set() or
 * hob__stream_join() comes next. Nobody may be in a call on s; what is gathered has been sent
 * (hob_flush()). */
HOB_API struct hob_stream *hob__stream_split(struct hob_stream *s);
HOB_API void hob__stream_set(struct hob_stream *s, const struct hob__transport *transport,
                             void *state);
/* Undoes the split: s has the transport of `inner` again, which is freed. */
HOB_API void hob__stream_join(struct hob_stream *s, struct hob_stream *inner);
/* How many bytes lie in the front's buffer, received and not read yet. */
HOB_API size_t hob__stream_early(const struct hob_stream *s);
/* The transport's calls; recv gives first what the buffer holds. */
HOB_API ssize_t hob__stream_recv(struct hob_stream *s, void *buf, size_t n);
HOB_API ssize_t hob__stream_send(struct hob_stream *s, const struct iovec *iov, int count);
HOB_API int hob__stream_wait(struct hob_stream *s, unsigned direction, unsigned flags);
/* Bytes that were taken out of the front's buffer, or read past it, go back to it: the next reading
 * call has them. */
HOB_API void hob__stream_put_back(struct hob_stream *s, const char *bytes, size_t n);
/* Sends some of it, if that can be done without waiting: how many bytes (0: none), or an error.
 * Corked, all of it is gathered, or none. After 0 a transport may hold some of these bytes
 * (committed): who writes them later says so before, and who gives them up has sent those. */
HOB_API ssize_t hob__stream_write_now(struct hob_stream *s, const struct iovec *iov, int count);
/* The next writing call begins with the bytes of which the last one has sent none: it is that one,
 * going on. */
static inline void hob__stream_go_on(struct hob_stream *s) { s->write_calls--; }

#endif
