/* http/wire_now.h - the two calls of the kernel that a usual request makes, inlined into where it
 * is answered.
 *
 * When the kernel has been at work, the processor has forgotten where the functions that were under
 * way return to: each of their returns is guessed wrong, and costs some 20 ns. A send that lay ten
 * functions deep, as it did, paid more for coming back than for the answer's head. So there are few
 * of them between the loop over connections and these calls; what is done behind a call is
 * different: it returns to where it has just been called from. */
#ifndef HOB_HTTP_WIRE_NOW_H
#define HOB_HTTP_WIRE_NOW_H

#include "http/wire.h"
#include "io/socket.h"
#include "task/task.h"

/* ---- wire.c ---- */
/* Room to read into, without touching the pinned head: 0, or why there is none. */
int hob__wire_make_room(struct hob__wire *w);
/* What was read is in the buffer. Returns got. */
ssize_t hob__wire_has_come(struct hob__wire *w, ssize_t got);
/* hob__wire_write(), of which so much was sent at once, or the error of that. */
int hob__wire_wrote(struct hob__wire *w, struct iovec *iov, int count, ssize_t sent);

/* So many bytes have moved: how much longer may the body be waited for, in seconds? */
static inline void hob__wire_earn(const struct hob__wire *w, double *pace, ssize_t moved) {
    if (!(w->min_rate > 0) || moved <= 0) return;
    *pace += (double)moved / w->min_rate;
    if (*pace > HOB__PACE_MOST) *pace = HOB__PACE_MOST;
}

enum { HOB__WIRE_ROOM = 512 }; /* less room than that is not worth a read */

/* Reads once into the buffer, without waiting: the number of bytes, 0 at the end of the stream,
 * -EAGAIN: nothing has come; ... Cancellation point. */
static inline __attribute__((always_inline)) ssize_t hob__wire_fill_now(struct hob__wire *w) {
    struct hob__buffer *b = &w->in;
    struct hob_stream *s = w->stream;
    int rc = hob__io_point_here("hob_read");
    if (rc == 0 && HOB__UNLIKELY(hob__buffer_room(b) < HOB__WIRE_ROOM)) rc = hob__wire_make_room(w);
    if (rc < 0) return rc;
    char *to = hob__buffer_tail(b);
    size_t n = hob__buffer_room(b);
    ssize_t got =
        HOB__LIKELY(s->fast_read) ? hob__socket_recv(s, to, n) : hob__stream_recv(s, to, n);
    if (HOB__UNLIKELY(w->count_in != NULL || got <= 0)) return hob__wire_has_come(w, got);
    hob__buffer_put(b, (size_t)got);
    return got;
}

/* Some of the pieces, without waiting: how many bytes, or an error. Not of a stream of HTTP/2; the
 * caller has made its cancellation point. */
static inline __attribute__((always_inline)) ssize_t
hob__wire_send_now(const struct hob__wire *w, const struct iovec *iov, int count) {
    struct hob_stream *s = w->stream;
    if (HOB__UNLIKELY(!s->fast_write || s->writes)) return hob__stream_write_now(s, iov, count);
    s->write_calls++;
    ssize_t sent = hob__socket_send(s, iov, count);
    return sent == -EAGAIN ? 0 : sent;
}
#endif
