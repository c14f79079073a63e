/* loop/ring.h - one io_uring: its memory, its submissions, its completions. Knows nothing of what
 * they mean. Belongs to the thread that opened it.
 *
 * The indices and flags of both rings lie in one line of the cache, which the kernel writes to on
 * whatever processor it finishes a request. So that line is looked at as seldom as can be. */
#ifndef HOB_LOOP_RING_H
#define HOB_LOOP_RING_H

#include "uring_abi.h"
#include <stdbool.h>
#include <stddef.h>

struct hob__ring {
    int fd;
    int enter_fd; /* the registered index, or fd */
    uint32_t setup_flags, features, enter_flags;
    bool wait_absolute; /* enter() takes a point in time (6.12), else a length of time */
    uint32_t *sq_head, *sq_tail, *sq_flags, sq_mask, sq_entries;
    uint32_t made; /* entries that the kernel may not have taken yet: as many, or more */
    uint32_t *cq_head, *cq_tail, cq_mask;
    struct hob__sqe *sqes;
    struct hob__cqe *cqes;
    void *rings; /* the mappings */
    size_t rings_size, sqes_size;
};

/* How many of the better sets of flags are left out (tests). */
extern unsigned hob__ring_skip;

/* 0, or -errno with *step naming what failed (static). */
int hob__ring_open(struct hob__ring *r, const char **step);
/* memory: false in a forked child, which has only the descriptor. */
void hob__ring_close(struct hob__ring *r, bool memory);

/* A zeroed entry, submitted by the next enter; NULL when there is no room and none can be made. */
struct hob__sqe *hob__ring_sqe(struct hob__ring *r);
/* Entries that the kernel has not taken yet. */
static inline unsigned hob__ring_pending(struct hob__ring *r) {
    if (r->made > 0) r->made = *r->sq_tail - __atomic_load_n(r->sq_head, __ATOMIC_ACQUIRE);
    return r->made;
}
/* So many requests at least are finished by one enter, as far as there are any. */
enum { HOB__RING_PASS = 20 };
/* Has the kernel requests to finish that it can only finish in an enter? */
static inline bool hob__ring_has_work(const struct hob__ring *r) {
    return (__atomic_load_n(r->sq_flags, __ATOMIC_ACQUIRE) & HOB__SQ_TASKRUN) != 0;
}
/* The same, or completions that found no room: take what is there, then enter. */
static inline bool hob__ring_unfinished(const struct hob__ring *r) {
    uint32_t flags = __atomic_load_n(r->sq_flags, __ATOMIC_ACQUIRE);
    return (flags & (HOB__SQ_TASKRUN | HOB__SQ_CQ_OVERFLOW)) != 0;
}
/* Submits; with wait, sleeps until a completion or deadline (monotonic ns; UINT64_MAX: none).
 * 0, or -errno; -ETIME when the deadline came first. */
int hob__ring_enter(struct hob__ring *r, bool wait, uint64_t deadline);
/* Looking without taking: the index behind the newest completion; a completion by its index. */
static inline uint32_t hob__ring_end(const struct hob__ring *r) {
    return __atomic_load_n(r->cq_tail, __ATOMIC_ACQUIRE);
}
static inline const struct hob__cqe *hob__ring_peek(const struct hob__ring *r, uint32_t index) {
    return &r->cqes[index & r->cq_mask];
}
/* Taking: the index of the oldest one, and from which on they are still to be taken. */
static inline uint32_t hob__ring_begin(const struct hob__ring *r) { return *r->cq_head; }
static inline void hob__ring_taken(struct hob__ring *r, uint32_t until) {
    __atomic_store_n(r->cq_head, until, __ATOMIC_RELEASE);
}

#endif
