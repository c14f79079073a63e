/* hob/stream.h - streams of bytes: TCP and Unix connections (hob/net.h makes them), pipes,
 * terminals, files, and what libraries above put on top of one (TLS).
 *
 * Every call that waits is a cancellation point. A reading call that fails, by a cancel or a
 * deadline too, has taken nothing out of the stream: the next one finds everything. A writing call
 * that fails may have sent a part. An error of the connection has a record (hob_error()) that says
 * with whom. A call that need not wait may let other tasks run all the same, so that a fast peer
 * cannot keep the loop for itself. One task may read at a time, one may write (else misuse); to
 * close, none may be in a call. A stream belongs to its loop.
 *
 * Memory: a stream that waits for its peer holds no buffer. While it has bytes that were received
 * and not read, or gathered and not sent, it has 16 KiB from a pool that the loop's streams share
 * (of which 256 KiB are kept for reuse), or more where a caller's own limit says so. */
#ifndef HOB_STREAM_H
#define HOB_STREAM_H
#pragma GCC system_header

#include <hob/base.h>
#include <hob/line.h>
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

/* Closes and frees; NULL is allowed. Does not wait, but for TLS (hob/tls.h). What is gathered by a
 * cork is sent as far as the kernel takes it at once (hob_flush() before sends all of it). As
 * always on Linux, a TCP peer whose last bytes nobody has read sees a reset instead of an end. */
HOB_API void hob_close(struct hob_stream *s);
/* The same, and the peer is to see an error: a TCP connection is reset, what has not gone out is
 * dropped. */
HOB_API void hob_abort(struct hob_stream *s);
/* Ends the writing side (half close); reading goes on. What is gathered by a cork is sent first,
 * for which it may wait. A pipe's end is closed by it. 0, -ENOTSUP (a terminal; the reading end of
 * a pipe), or an error. */
HOB_API int hob_shutdown(struct hob_stream *s);

/* ---- reading ---- */

/* Up to n bytes, at least 1; 0 = the peer has ended its side. */
HOB_API ssize_t hob_read(struct hob_stream *s, void *buf, size_t n);
/* The same, but hob_stop() ends the wait with HOB_E_STOPPING: for the idle wait between requests.
 */
HOB_API ssize_t hob_read_idle(struct hob_stream *s, void *buf, size_t n);
/* The same into several pieces, each filled before the next one begins, by one system call (TLS: by
 * several reads). How many bytes; iov is not changed. Of more than 1024 pieces only the first are
 * used; 0 also when all are empty. */
HOB_API ssize_t hob_readv(struct hob_stream *s, const struct iovec *iov, int count);
/* All n bytes: n; HOB_E_EOF when the stream ends before, or an error: what had come is then still
 * to be read (for which up to n bytes of memory are needed; without them the stream is over, and
 * says -ENOMEM). */
HOB_API ssize_t hob_read_exactly(struct hob_stream *s, void *buf, size_t n);

/* The slices that the following calls give lie in the stream's buffer, and are good until the next
 * reading call on it. `max` bounds what is looked at, and so the buffer; the same bytes give the
 * same result in whatever pieces they arrive. HOB_E_LIMIT when max is hit: nothing has been taken;
 * read on, skip (hob_skip_until()), or give up. */
enum { HOB_LINE_MAX = 65536 };

/* The next line, without its end ("\n" or "\r\n", which counts for max), with a NUL instead: 1; at
 * the end of the stream 0. A last line needs no end. max 0: HOB_LINE_MAX. HOB_EACH_LINE(line, s) is
 * a loop over them: hob/line.h. */
HOB_API int hob_read_line(struct hob_stream *s, size_t max, struct hob_slice *line);
/* Up to the separator, and with it: 1; 0 when the stream ends before the first byte; HOB_E_EOF when
 * it ends later, without a separator (what came is still to be read). max 0: HOB_LINE_MAX. */
HOB_API int hob_read_until(struct hob_stream *s, const char *separator, size_t max,
                           struct hob_slice *text);
/* Up to any of n separators, which may hold any bytes: the one that ends first (of those that end
 * together, the longest). As hob_read_until(), but instead of 1 the number of the separator,
 * counted from 1; -EINVAL when one is empty, or n is 0. */
HOB_API int hob_read_until_any(struct hob_stream *s, const struct hob_slice *separators, size_t n,
                               size_t max, struct hob_slice *text);
/* Everything up to the end of the stream, with a NUL behind it: its size; HOB_E_LIMIT when that is
 * more than max bytes. */
HOB_API ssize_t hob_read_all(struct hob_stream *s, size_t max, struct hob_slice *all);
/* What the buffer holds, once that are at least n bytes or the stream has ended, and leaves it
 * there (hob_skip() takes it): how many bytes, fewer than n only at the end. */
HOB_API ssize_t hob_peek(struct hob_stream *s, size_t n, struct hob_slice *view);
/* The same, but hob_stop() ends the wait with HOB_E_STOPPING. hob_peek_idle(s, 1, &view) before a
 * hob_read_line() is the idle wait of a server that can be stopped between two lines. */
HOB_API ssize_t hob_peek_idle(struct hob_stream *s, size_t n, struct hob_slice *view);
/* Drops the next n bytes: how many, fewer than n only at the end. An error, a cancel too: some of
 * them have been dropped. */
HOB_API int64_t hob_skip(struct hob_stream *s, int64_t n);
/* Drops everything up to the separator, and it too: 1, or 0 when the stream ended first. For going
 * on behind a line that was too long. An error, a cancel too: some of it has been dropped. */
HOB_API int hob_skip_until(struct hob_stream *s, const char *separator);

/* ---- writing ---- */

/* All n bytes; waits by itself while the kernel's buffer is full, so that a fast writer goes at its
 * reader's pace. n or an error (-EPIPE, -ECONNRESET; never SIGPIPE); after an error it is unknown
 * how much went out. */
HOB_API ssize_t hob_write(struct hob_stream *s, const void *buf, size_t n);
/* The same for several pieces; iov is changed. */
HOB_API ssize_t hob_writev(struct hob_stream *s, struct iovec *iov, int count);
/* From here to hob_uncork() what is written is gathered, and sent together: when 16 KiB are full,
 * at hob_uncork(), hob_flush() and hob_shutdown(), by hob_copy() and hob_send_file(). A reading
 * call that has to wait, and hob_close(), send of it what the kernel takes at once. Corks may be
 * nested; the last uncork sends. hob_cork() does not wait; hob_uncork() and hob_flush() may: 0 or
 * an error; what was not sent, cancelled, goes out before whatever is written next. */
HOB_API void hob_cork(struct hob_stream *s);
HOB_API int hob_uncork(struct hob_stream *s);
HOB_API int hob_flush(struct hob_stream *s);
/* HOB_CORK(s): corked until the block is left. The stream must outlive the block; an error of its
 * uncork is met by the next write. */
#define HOB_CORK(s)                                                                                \
    struct hob_stream *HOB__UNIQUE(cork) __attribute__((cleanup(hob__uncork), unused)) =           \
        hob__corked(s)

/* ---- copying ---- */

struct hob_copy_options {
    int64_t max;   /* bytes at most; 0 = all */
    int64_t *done; /* NULL, or where the number of bytes that have been sent goes, whatever the
                      result */
};
/* hob_copy(from, to), hob_copy(from, to, .max = 1 << 20, .done = &n): until `from` ends, or max
 * bytes are over. At the pace of the slower side, in constant memory (64 KiB at most, most of the
 * time none); between sockets and pipes the kernel moves the bytes (splice). How many bytes, or the
 * error of either side, or -ECANCELED: what has not been sent is then still to be read from `from`,
 * and .done says how much has. The writing side is not ended: hob_shutdown(to). Reads from one
 * stream and writes to the other; both may be the same. */
#define hob_copy(from, to, ...) hob__copy((from), (to), HOB__OPTIONS(hob_copy_options, __VA_ARGS__))
/* hob_send_file(to, fd, offset, n), hob_send_file(to, fd, offset, n, .done = &sent): n bytes of the
 * file from offset on, n < 0: up to its end. The descriptor's own position is neither used nor
 * moved. How many bytes (fewer than n when the file ends before), or an error of either side, or
 * -ECANCELED: .done says how many had gone out then. What is in the page cache goes from there to a
 * socket (sendfile); what is not is read without holding the loop. */
#define hob_send_file(to, fd, offset, n, ...)                                                      \
    hob__send_file((to), (fd), (offset), (n), HOB__OPTIONS(hob_copy_options, __VA_ARGS__))

/* ---- about a stream ---- */

/* The peer's address as text ("127.0.0.1:8000", "pipe 5"); belongs to the stream. */
HOB_API const char *hob_stream_peer(const struct hob_stream *s);
/* The own address as text, as snprintf gives it: its length, or -ENOTSOCK. */
HOB_API int hob_stream_local(const struct hob_stream *s, char *buf, size_t n);
/* The descriptor, for setsockopt and the like; it stays the stream's. -1: closed by hob_shutdown().
 * Bytes may have been read ahead of it, into the stream's buffer. */
HOB_API int hob_stream_fd(const struct hob_stream *s);
/* Has the peer of an idle connection ended or reset it, or sent what nobody has asked for (a pool
 * asks this)? Does not wait. */
HOB_API bool hob_stream_broken(struct hob_stream *s);

/* TCP_NODELAY; on for each connection that Hob makes. 0, -ENOTSOCK, -EOPNOTSUPP. */
HOB_API int hob_set_nodelay(struct hob_stream *s, bool on);
/* Asks a silent TCP peer after idle_s seconds, then every interval_s, and gives up after `count`
 * unanswered ones (-ETIMEDOUT). 0: the system's own value; idle_s 0: off. */
HOB_API int hob_set_keepalive(struct hob_stream *s, int idle_s, int interval_s, int count);
/* The kernel's buffers in bytes, each at least; 0: as it is. The sending one is the high-water mark
 * of hob_write(). */
HOB_API int hob_set_buffers(struct hob_stream *s, int receive, int send);

struct hob_credentials {
    pid_t pid;
    uid_t uid;
    gid_t gid;
};
/* Who connected, or listens, at the other end of a Unix socket, as it was then: 0, -ENOTSOCK,
 * -ENOTSUP. */
HOB_API int hob_peer_credentials(const struct hob_stream *s, struct hob_credentials *who);

/* Descriptors over a Unix socket (SCM_RIGHTS). hob_send_fds(): n (> 0) bytes, with `count` (1 to
 * 253) descriptors beside the first of them, which stay the caller's. n or an error. */
HOB_API ssize_t hob_send_fds(struct hob_stream *s, const void *buf, size_t n, const int *fds,
                             size_t count);
/* Up to n bytes, as hob_read(), and the descriptors beside them, close-on-exec: *count is the room
 * in `fds` before, their number after. HOB_E_LIMIT when there were more: all are closed, and the
 * bytes gone. Other reading calls lose the descriptors that come with what they read; those that
 * read ahead into the buffer (all but hob_read(), hob_readv() and large hob_read_exactly())
 * must not come before: -EBUSY. -ENOTSUP when it is no Unix socket. */
HOB_API ssize_t hob_receive_fds(struct hob_stream *s, void *buf, size_t n, int *fds, size_t *count);

/* ---- behind the macros ---- */

HOB_API int64_t hob__copy(struct hob_stream *from, struct hob_stream *to,
                          struct hob_copy_options options);
HOB_API int64_t hob__send_file(struct hob_stream *to, int fd, int64_t offset, int64_t n,
                               struct hob_copy_options options);
static inline struct hob_stream *hob__corked(struct hob_stream *s) {
    hob_cork(s);
    return s;
}
static inline void hob__uncork(struct hob_stream **s) { (void)hob_uncork(*s); }

#ifdef __cplusplus
}
#endif

#endif
