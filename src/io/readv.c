/* io/readv.c - hob_readv(): one read into several pieces of memory, by one system call where the
 * transport has one for that. Like hob_read() it puts the bytes straight into its caller's memory,
 * but for those that lie in the stream's buffer already: they come first, and alone. */
#include <hob/task.h>
#include <limits.h>

#include "io/socket.h"
#include "task/wait.h"

/* A transport without a call for several pieces: one after the other, as far as each is filled. */
static ssize_t recv_each(struct hob_stream *s, const struct iovec *iov, int count) {
    size_t total = 0;
    for (int i = 0; i < count; i++) {
        if (iov[i].iov_len == 0) continue;
        ssize_t got = s->transport->recv(s, iov[i].iov_base, iov[i].iov_len);
        if (got <= 0) {
            if (total == 0) return got;
            /* What came before an error is given first; the next call says it. */
            if (got != -EAGAIN) hob__stream_read_failed(s, got);
            break;
        }
        total += (size_t)got;
        if ((size_t)got < iov[i].iov_len) break;
    }
    return (ssize_t)total;
}

static ssize_t read_pieces(struct hob_stream *s, const struct iovec *iov, int count) {
    size_t taken = 0;
    for (int i = 0; i < count && hob__buffer_size(&s->in) > 0; i++)
        taken += hob__stream_take(s, iov[i].iov_base, iov[i].iov_len);
    if (taken > 0) return (ssize_t)taken;
    for (;;) {
        if (s->read_error) return hob__stream_failed(s, s->read_error, "read from");
        ssize_t got = s->transport->recv_pieces ? s->transport->recv_pieces(s, iov, count)
                                                : recv_each(s, iov, count);
        if (got != -EAGAIN) return got < 0 ? hob__stream_read_failed(s, got) : got;
        int rc = hob__stream_wait_to_read(s, HOB__WAIT_PLAIN);
        if (rc < 0) return rc;
    }
}

ssize_t hob_readv(struct hob_stream *s, const struct iovec *iov, int count) {
    if (HOB__UNLIKELY(s->reads))
        hob__misuse(__func__, "two tasks read from the stream to %s at once", s->peer);
    s->reads = true;
    while (count > 0 && iov->iov_len == 0) iov++, count--;
    if (count > IOV_MAX) count = IOV_MAX;
    ssize_t got = hob__io_point(__func__);
    if (got == 0 && count > 0) got = read_pieces(s, iov, count);
    s->reads = false;
    return got;
}
