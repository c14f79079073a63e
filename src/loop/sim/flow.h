/* loop/sim/flow.h - bytes in one direction: a ring from the write to the read. Under TCP they
 * travel; in pipes and Unix sockets they are there at once.
 *
 *     taken <= arrived <= sent <= written <= taken + receive + send buffer
 *
 * `taken`: by the reading program; `arrived`: readable; `sent`: on the wire or arrived; `written`:
 * by the writing program. What is between arrived and written fills the send buffer; what is
 * between taken and sent may not be more than the receive buffer holds. */
#ifndef HOB_LOOP_SIM_FLOW_H
#define HOB_LOOP_SIM_FLOW_H

#include "loop/sim/sim.h"

struct hob__sim_flow {
    char *ring;
    uint32_t size; /* of the ring: a power of two, or 0 */
    uint32_t send_buffer, receive_buffer;
    uint64_t taken, arrived, sent, written;
    bool starved; /* the writer was told EAGAIN, and is to be told when there is room */
};

void hob__sim_flow_free(struct hob__sim_flow *f);

static inline size_t hob__sim_flow_readable(const struct hob__sim_flow *f) {
    return (size_t)(f->arrived - f->taken);
}
/* How many bytes a write may take now. */
static inline size_t hob__sim_flow_room(const struct hob__sim_flow *f) {
    uint64_t held = f->written - f->arrived;
    return held < f->send_buffer ? (size_t)(f->send_buffer - held) : 0;
}
size_t hob__sim_flow_write_pieces(struct hob__sim_flow *f, const struct iovec *iov, int count,
                                  size_t most);
/* Takes some of the pieces, at most `most` bytes. How many. The usual: one piece, which does not go
 * over the ring's end. */
static inline size_t hob__sim_flow_write(struct hob__sim_flow *f, const struct iovec *iov,
                                         int count, size_t most) {
    size_t at = f->written & (f->size - 1u);
    if (HOB__UNLIKELY(count != 1 || iov->iov_len < most || at + most > f->size ||
                      f->written - f->taken + most > f->size))
        return hob__sim_flow_write_pieces(f, iov, count, most);
    memcpy(f->ring + at, iov->iov_base, most);
    f->written += most;
    return most;
}

/* n bytes that go over the ring's end. */
void hob__sim_flow_copy(const struct hob__sim_flow *f, void *buf, size_t n);
/* Gives n bytes (> 0) of those that have arrived. peek: they stay. */
static inline void hob__sim_flow_read(struct hob__sim_flow *f, void *buf, size_t n, bool peek) {
    size_t at = f->taken & (f->size - 1u);
    if (HOB__LIKELY(at + n <= f->size))
        memcpy(buf, f->ring + at, n);
    else
        hob__sim_flow_copy(f, buf, n);
    if (!peek) f->taken += n;
}

static inline size_t hob__sim_iov_size(const struct iovec *iov, int count) {
    size_t n = 0;
    for (int i = 0; i < count; i++) n += iov[i].iov_len;
    return n;
}
#endif
