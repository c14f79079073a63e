/* hob/net.h - connecting and listening over TCP and Unix sockets, and waiting for a descriptor that
 * another library owns. What connections are, and how to read and write: hob/stream.h.
 *
 * An address is text: "127.0.0.1:8000", "[::1]:8000", "localhost:8000", "example.org:80",
 * "unix:/run/app.sock" (a leading
 * '@' instead of the path: the abstract namespace). Every call that waits is a cancellation point.
 */
#ifndef HOB_NET_H
#define HOB_NET_H
#pragma GCC system_header

#include <hob/base.h>
#include <hob/stream.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hob_listener;

/* Connects; the attempt's descriptor is closed when it fails or is cancelled. TCP_NODELAY is on. 0
 * and *out, or HOB_E_ADDRESS, HOB_E_NAME, -ECONNREFUSED, -EMFILE, -ECANCELED ... A name's addresses
 * are tried one after another. */
HOB_API int hob_connect(const char *address, struct hob_stream **out);

/* Listens (backlog 4096, SO_REUSEADDR; port 0 = any free one; a stale Unix socket file is
 * replaced). Does not wait for numeric addresses. */
HOB_API int hob_listen(const char *address, struct hob_listener **out);
/* "127.0.0.1:8000" as it is bound; belongs to the listener. */
HOB_API const char *hob_listener_address(const struct hob_listener *l);
/* The next connection; waits. HOB_E_STOPPING after hob_stop(), HOB_E_CLOSED when another task calls
 * hob_listener_close() meanwhile (the listener is then gone). Connections that were given up before
 * they were accepted are skipped; -EMFILE, -ENFILE, -ENOBUFS and -ENOMEM are returned (rest a
 * little, then call again). A connection that arrives with the cancel stays in the backlog. */
HOB_API int hob_accept(struct hob_listener *l, struct hob_stream **out);
/* Closes; NULL is allowed. A Unix socket's file is removed if it is still this listener's. */
HOB_API void hob_listener_close(struct hob_listener *l);

/* Waits until a descriptor that another library owns is readable (POLLIN), writable (POLLOUT) or
 * ended by its peer (POLLRDHUP; others: -EINVAL), as poll() would: level-triggered. The events that
 * are there (POLLERR, POLLHUP too; a regular file is always ready), or -ECANCELED, -EBADF. The
 * descriptor must stay open while the call waits; it may be given up at any time in between. */
HOB_API int hob_poll(int fd, int events);

/* Positional file I/O through the loop's completions: waits for the disk, not in the kernel. The
 * number of bytes (may be less than asked for, as preadv and pwritev), or an error. offset -1: the
 * descriptor's own position. The kernel works on the buffers while the call waits, so a cancel is
 * only seen after it: on a pipe or a terminal that may be never (see hob_poll()). */
HOB_API ssize_t hob_preadv(int fd, const struct iovec *iov, int count, int64_t offset);
HOB_API ssize_t hob_pwritev(int fd, const struct iovec *iov, int count, int64_t offset);

#ifdef __cplusplus
}
#endif
#endif
