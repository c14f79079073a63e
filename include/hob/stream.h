/* hob/stream.h - streams of bytes: TCP and Unix connections (hob/net.h makes them), pipes,
 * terminals, files, and what libraries above put on top of one (TLS).
 *
 * Every call that waits is a cancellation point; cancelled, it has taken and sent nothing, but for
 * those that are for all n bytes: hob_write(), hob_writev(), hob_read_exactly(). A call that need
 * not wait may let other tasks run all the same, so that a fast peer cannot keep the loop for
 * itself. One task may read at a time, one may write (else misuse). A stream belongs to its loop.
 */
#ifndef HOB_STREAM_H
#define HOB_STREAM_H
#pragma GCC system_header

#include <hob/base.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hob_stream;

/* A stream of a descriptor that is open already: a connected stream socket, either end of a pipe, a
 * FIFO, a terminal, a pseudo-terminal, a file (read and written at its position). The stream owns
 * it from then on. A descriptor that is none of a socket or a file is made non-blocking (which all
 * who share it see, children too), and what it was before when the stream is closed. Does not wait.
 * 0 and *out; or -EBADF, -ENOTCONN, -EPROTOTYPE (a socket that is not of type SOCK_STREAM),
 * -EISDIR, -ENOMEM: the descriptor is then as it was, and still the caller's. */
HOB_API int hob_stream_open(int fd, struct hob_stream **out);

/* Up to n bytes, at least 1; 0 = the peer has ended its side. One task may read at a time, one may
 * write (else misuse).
 */
HOB_API ssize_t hob_read(struct hob_stream *s, void *buf, size_t n);
/* The same, but hob_stop() ends the wait with HOB_E_STOPPING: for the idle wait between requests.
 */
HOB_API ssize_t hob_read_idle(struct hob_stream *s, void *buf, size_t n);
/* All n bytes: n, HOB_E_EOF when the stream ends before, or an error. After an error, a cancel too,
 * it is unknown how much had been read: the stream is of no use any more. */
HOB_API ssize_t hob_read_exactly(struct hob_stream *s, void *buf, size_t n);
/* All n bytes; waits while the kernel's buffer is full. n or an error (-EPIPE, -ECONNRESET; never
 * SIGPIPE); after an error it is unknown how much went out. */
HOB_API ssize_t hob_write(struct hob_stream *s, const void *buf, size_t n);
/* The same for several pieces; iov is changed. */
HOB_API ssize_t hob_writev(struct hob_stream *s, struct iovec *iov, int count);
/* Ends the writing side (half close); reading goes on. 0 or an error. Does not wait, but for TLS,
 * while the kernel's buffer is full. */
HOB_API int hob_shutdown(struct hob_stream *s);
/* Closes and frees; NULL is allowed. Does not wait, but for TLS (hob/tls.h). A task that waits in a
 * call on it: misuse. */
HOB_API void hob_close(struct hob_stream *s);
/* The peer's address as text; belongs to the stream. */
HOB_API const char *hob_stream_peer(const struct hob_stream *s);
/* The descriptor, for setsockopt and the like. */
HOB_API int hob_stream_fd(const struct hob_stream *s);
/* Has the peer ended or reset an idle connection (a pool asks this)? Does not wait. */
HOB_API bool hob_stream_broken(struct hob_stream *s);

#ifdef __cplusplus
}
#endif
#endif
