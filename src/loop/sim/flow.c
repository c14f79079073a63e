/* loop/sim/flow.c - the ring below a direction of a connection, a pipe. */
#include "loop/sim/flow.h"

/* Most connections carry a few short messages; a ring that is too small doubles. */
enum { FIRST_SIZE = 512 };

void hob__sim_flow_free(struct hob__sim_flow *f) {
    hob__sim_free(f->ring);
    f->ring = NULL;
    f->size = 0;
}

/* Room for `more` bytes behind what is written. */
static void grow(struct hob__sim_flow *f, size_t more) {
    size_t held = (size_t)(f->written - f->taken);
    uint32_t size = f->size ? f->size : FIRST_SIZE;
    while (size < held + more) size *= 2;
    char *ring = hob__sim_realloc(NULL, size);       /* only what was written is ever read */
    for (uint64_t at = f->taken; at < f->written;) { /* in pieces that wrap in neither */
        size_t from = at & (f->size - 1), to = at & (size - 1), n = (size_t)(f->written - at);
        if (n > f->size - from) n = f->size - from;
        if (n > size - to) n = size - to;
        memcpy(ring + to, f->ring + from, n);
        at += n;
    }
    hob__sim_free(f->ring);
    f->ring = ring;
    f->size = size;
}

static void put(struct hob__sim_flow *f, const char *from, size_t n) {
    size_t at = f->written & (f->size - 1), first = f->size - at;
    if (HOB__LIKELY(n <= first)) {
        memcpy(f->ring + at, from, n);
    } else {
        memcpy(f->ring + at, from, first);
        memcpy(f->ring, from + first, n - first);
    }
    f->written += n;
}

size_t hob__sim_flow_write_pieces(struct hob__sim_flow *f, const struct iovec *iov, int count,
                                  size_t most) {
    size_t total = 0;
    if (HOB__UNLIKELY(f->written - f->taken + most > f->size)) grow(f, most);
    for (int i = 0; i < count && most > 0; i++) {
        size_t n = iov[i].iov_len < most ? iov[i].iov_len : most;
        put(f, iov[i].iov_base, n);
        most -= n;
        total += n;
    }
    return total;
}

void hob__sim_flow_copy(const struct hob__sim_flow *f, void *buf, size_t n) {
    size_t at = f->taken & (f->size - 1), first = f->size - at;
    memcpy(buf, f->ring + at, first);
    memcpy((char *)buf + first, f->ring, n - first);
}
