/* loop/uring.c - the backend on io_uring.
 *
 * Descriptors: one multishot poll each, for both directions, edge-triggered. The kernel never holds
 * a buffer of a socket. A record's poll is outstanding from the entry that adds it to the first
 * completion without CQE_MORE, its last word; the record is reused only after that. So:
 *
 *   arm        entry POLL_ADD                                NONE -> FRESH
 *   event      tells the layer above                         FRESH -> LIVE
 *   last word  while alive and LIVE: polls again             LIVE -> FRESH
 *   disarm     entry POLL_REMOVE, submitted at once: the poll pins the file, and the close() that
 *              follows shall be one (the peer sees the end, the port is free)
 *   last word  after disarm: the record is free
 *
 * The kernel refuses a removal with EALREADY while an event of that poll is on its way to us; then
 * it is asked again.
 *
 * If the first word is the last one, the file cannot be polled (a regular file ends with an error
 * or with one event); epoll knows for certain, so the record is handed to the surplus below.
 *
 * Nothing is missed between a poll that ended by itself and the next POLL_ADD: that one looks at
 * the present state first.
 *
 * Removing a poll takes the kernel a walk over 1/256 of all of them. So above MAX_POLLS the records
 * go to an epoll instance, the surplus, which is itself watched by one multishot poll.
 *
 * When the kernel has no memory for taking an entry, records that need one wait in a list
 * (RETRY_*), which every wait() tries again.
 *
 * user_data: the record's address and generation, or the address of an operation, or NULL; with a
 * tag in the low bits. */
#include "internal.h"
#include "ring.h"
#include <base/memory.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_POLLS = 16384, EPOLL_BATCH = 256, MAX_ROUNDS = 256, MAX_REMOVALS = 16, AHEAD = 6 };
enum { TAG_FD, TAG_OP, TAG_WAKE, TAG_SURPLUS, TAG_REMOVE, TAG_MASK = 7 };
#define WATCH ((uint32_t)(EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET))

/* hob__fd.backend */
enum poll_state {
    POLL_NONE,
    POLL_FRESH,   /* added, no word yet */
    POLL_LIVE,    /* has spoken */
    POLL_REMOVED, /* its removal is on the way; no last word yet */
    POLL_SURPLUS, /* in the epoll instance */
    RETRY_ADD,    /* in the retry list, no poll */
    RETRY_REMOVE  /* in the retry list, poll outstanding */
};

struct uring {
    struct hob__ring ring;
    size_t polls;          /* outstanding, of records */
    struct hob__fd *retry; /* linked by next */
    bool wake_polled, surplus_polled;
    bool surplus_ready; /* has more than was taken from it */
    int surplus;        /* -1: not needed yet */
    struct epoll_event events[EPOLL_BATCH];
};

static bool add_poll(struct uring *s, int fd, uint32_t events, uint64_t user_data) {
    struct hob__sqe *e = hob__ring_sqe(&s->ring);
    if (!e) return false;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    events = events << 16 | events >> 16;
#endif
    e->opcode = HOB__URING_POLL_ADD;
    e->fd = fd;
    e->len = HOB__POLL_ADD_MULTI;
    e->op_flags = events;
    e->user_data = user_data;
    return true;
}

static bool add_record(struct uring *s, struct hob__fd *f) {
    if (!add_poll(s, f->fd, WATCH, hob__pack(f, f->gen) | TAG_FD)) return false;
    f->backend = POLL_FRESH;
    s->polls++;
    return true;
}

static bool remove_record(struct uring *s, struct hob__fd *f) {
    struct hob__sqe *e = hob__ring_sqe(&s->ring);
    if (!e) return false;
    e->opcode = HOB__URING_POLL_REMOVE;
    e->fd = -1;
    e->addr = hob__pack(f, f->gen) | TAG_FD;
    e->user_data = hob__pack(f, f->gen) | TAG_REMOVE;
    f->backend = POLL_REMOVED;
    if (s->ring.features & HOB__FEAT_CQE_SKIP) e->flags = HOB__SQE_CQE_SKIP_SUCCESS;
    return true;
}

static void retry_later(struct uring *s, struct hob__fd *f, enum poll_state what) {
    f->backend = (uint8_t)what;
    f->next = s->retry;
    s->retry = f;
}

static void retry_all(struct hob__backend *b, struct uring *s) {
    struct hob__fd *f = s->retry;
    s->retry = NULL;
    for (struct hob__fd *next; f; f = next) {
        next = f->next;
        if (f->backend == RETRY_REMOVE) {
            if (!remove_record(s, f)) retry_later(s, f, RETRY_REMOVE);
        } else if (f->dying) {
            hob__fd_gone(b, f);
        } else if (!add_record(s, f)) {
            retry_later(s, f, RETRY_ADD);
        }
    }
}

/* ---- the surplus ---- */

static int surplus_add(struct uring *s, struct hob__fd *f) {
    if (s->surplus < 0) {
        s->surplus = epoll_create1(EPOLL_CLOEXEC);
        if (s->surplus < 0) return -errno;
    }
    /* Else the next wait() tries again. */
    if (!s->surplus_polled)
        s->surplus_polled = add_poll(s, s->surplus, EPOLLIN | EPOLLET, TAG_SURPLUS);
    int rc = hob__epoll_add(s->surplus, f);
    if (rc == 0) f->backend = POLL_SURPLUS;
    return rc;
}

static int surplus_look(struct hob__backend *b, struct uring *s) {
    int delivered = 0;
    s->surplus_ready = false;
    for (int round = 0; round < MAX_ROUNDS; round++) {
        int n = epoll_wait(s->surplus, s->events, EPOLL_BATCH, 0);
        if (n > 0) delivered += hob__epoll_deliver(b, s->events, n);
        if (n < EPOLL_BATCH) return delivered;
    }
    s->surplus_ready = true;
    return delivered;
}

/* ---- completions ---- */

/* Nobody watches it any more; a waiter that tries again sees why, or arms again. */
static void lost(struct hob__backend *b, struct hob__fd *f, unsigned events) {
    f->backend = POLL_NONE;
    f->armed = false;
    b->watched--;
    hob__fd_event(b, f, events);
}

static int on_poll(struct hob__backend *b, struct uring *s, const struct hob__cqe *c) {
    struct hob__fd *f = hob__unpack(c->user_data);
    bool last = !(c->flags & HOB__CQE_MORE);
    if (last) s->polls--;
    if (f->dying) {
        if (!last) return 0;
        /* Its removal is not needed any more, but takes it out of the list. */
        if (f->backend == RETRY_REMOVE) {
            f->backend = RETRY_ADD;
        } else {
            f->backend = POLL_NONE;
            hob__fd_gone(b, f);
        }
        return 0;
    }
    if (!last) {
        f->backend = POLL_LIVE;
    } else if (f->backend == POLL_FRESH) {
        int rc = surplus_add(s, f);
        if (rc < 0) {
            lost(b, f, c->res >= 0 ? (unsigned)c->res : (unsigned)(POLLIN | POLLOUT));
            return 1;
        }
    } else if (!add_record(s, f)) {
        retry_later(s, f, RETRY_ADD);
    }
    if (c->res <= 0) return 0;
    hob__fd_event(b, f, (unsigned)c->res);
    return 1;
}

static bool was_refused(const struct hob__cqe *c) {
    struct hob__fd *f = hob__unpack(c->user_data & ~(uint64_t)TAG_MASK);
    return c->res == -EALREADY && f->backend == POLL_REMOVED && hob__same_gen(c->user_data, f->gen);
}

static void on_removal(struct uring *s, const struct hob__cqe *c) {
    struct hob__fd *f = hob__unpack(c->user_data & ~(uint64_t)TAG_MASK);
    if (was_refused(c) && !remove_record(s, f)) retry_later(s, f, RETRY_REMOVE);
}

/* What the ring cannot do a thread can: calls that this kernel's ring does not know yet,
 * descriptors opened with O_NONBLOCK on file systems that cannot tell whether they would wait, and
 * calls that a signal interrupted, which the ring's own threads do not repeat. If it was the call
 * itself that was wrong, the thread finds the same. */
static bool refused_by_ring(const struct hob__cqe *c) {
    return c->res == -EAGAIN || c->res == -EINVAL || c->res == -EOPNOTSUPP || c->res == -EINTR;
}

static int on_op(struct hob__backend *b, const struct hob__cqe *c) {
    struct hob__op *op = hob__unpack(c->user_data & ~(uint64_t)TAG_MASK);
    op->result = c->res;
    b->ops_in_flight--;
    if (HOB__UNLIKELY(refused_by_ring(c)) && hob__offload_submit(b, op) == 0) return 0;
    op->done(op);
    return 1;
}

static int on_completion(struct hob__backend *b, struct uring *s, const struct hob__cqe *c) {
    bool last = !(c->flags & HOB__CQE_MORE);
    switch (c->user_data & TAG_MASK) {
    case TAG_FD:
        return on_poll(b, s, c);
    case TAG_OP:
        return on_op(b, c);
    case TAG_WAKE:
        s->wake_polled = !last;
        return 0;
    case TAG_SURPLUS:
        s->surplus_polled = !last;
        s->surplus_ready = true;
        return 0;
    default:
        on_removal(s, c);
        return 0;
    }
}

/* The records of many events are cold: asks for the one of this completion. */
static inline __attribute__((always_inline)) void ask_for(const struct hob__cqe *c) {
    if ((c->user_data & TAG_MASK) == TAG_FD) __builtin_prefetch(hob__unpack(c->user_data));
}

/* Takes what is there; *taken: how many completions. */
static int drain(struct hob__backend *b, struct uring *s, uint32_t *taken) {
    struct hob__ring *r = &s->ring;
    uint32_t begin = hob__ring_begin(r), at = begin;
    int delivered = 0;
    for (uint32_t end; (end = hob__ring_end(r)) != at; hob__ring_taken(r, at)) {
        for (; at != end; at++) {
            struct hob__cqe c = *hob__ring_peek(r, at);
            if (end - at > AHEAD) ask_for(hob__ring_peek(r, at + AHEAD));
            delivered += on_completion(b, s, &c);
        }
    }
    *taken = at - begin;
    if (s->surplus_ready) delivered += surplus_look(b, s);
    return delivered;
}

/* Makes up for what could not be entered or has ended. False when something is still missing. */
static bool keep_watching(struct hob__backend *b, struct uring *s) {
    if (s->retry) retry_all(b, s);
    if (!s->wake_polled) s->wake_polled = add_poll(s, b->wake_fd, EPOLLIN | EPOLLET, TAG_WAKE);
    if (s->surplus >= 0 && !s->surplus_polled)
        s->surplus_polled = add_poll(s, s->surplus, EPOLLIN | EPOLLET, TAG_SURPLUS);
    return !s->retry && s->wake_polled && (s->surplus < 0 || s->surplus_polled);
}

/* A deadline that is over is 0: the kernel would go idle for it all the same, for some 30 us. One
 * that was a second away when the clock was looked at last is not over, or that look was so long
 * ago that the 30 us do not matter. */
static uint64_t still_ahead(struct hob__backend *b, uint64_t deadline) {
    const uint64_t second = 1000000000;
    if (deadline == 0 || deadline == UINT64_MAX || deadline > b->seen_now + second) return deadline;
    return deadline > hob__linux_now(b) ? deadline : 0;
}

static uint64_t at_most_1ms(struct hob__backend *b, uint64_t deadline) {
    uint64_t soon = hob__linux_now(b) + 1000000;
    return deadline < soon ? deadline : soon;
}

/* ---- the backend ---- */

/* Submits the waker's poll, which shows whether the kernel can do what is needed. */
static int try_out(struct hob__backend *b, struct uring *s) {
    struct hob__ring *r = &s->ring;
    keep_watching(b, s);
    int rc = hob__ring_enter(r, false, 0);
    uint32_t first = hob__ring_begin(r);
    if (rc == 0 && first != hob__ring_end(r)) {
        rc = hob__ring_peek(r, first)->res;
        hob__ring_taken(r, first + 1);
    }
    return rc < 0 ? rc : 0;
}

static int explain(struct hob__backend *b, const char *step, int rc) {
    hob__why(b, step, rc);
    const char *hint = rc == -EPERM || rc == -EACCES
                           ? " (a seccomp filter, or sysctl kernel.io_uring_disabled)"
                       : rc == -ENOMEM ? " (on old kernels: ulimit -l)"
                                       : "";
    strncat(b->why, hint, sizeof b->why - strlen(b->why) - 1);
    return rc;
}

static int uring_open(struct hob__backend *b) {
    /* It (3.19) does not know that io_uring_enter may sleep: it would stop all other threads, and
     * keep signals back, until the loop wakes up. */
    if (hob__on_valgrind()) return hob__why(b, "io_uring under valgrind", -ENOSYS);
    struct uring *s = hob__alloc_zero(sizeof *s);
    if (!s) return hob__why(b, "io_uring", -ENOMEM);
    const char *step;
    s->surplus = -1;
    int rc = hob__ring_open(&s->ring, &step);
    if (rc == 0) {
        step = "eventfd";
        rc = hob__waker_open(b);
        if (rc == 0) {
            step = "io_uring poll";
            rc = try_out(b, s);
        }
        if (rc < 0) {
            hob__waker_close(b);
            hob__ring_close(&s->ring, true);
        }
    }
    if (rc < 0) {
        hob__free(s);
        return explain(b, step, rc);
    }
    b->state = s;
    return 0;
}

static void uring_close(struct hob__backend *b) {
    struct uring *s = b->state;
    hob__ring_close(&s->ring, b->owner == getpid());
    hob__waker_close(b);
    if (s->surplus >= 0) close(s->surplus);
    hob__free(s);
    b->state = NULL;
}

/* Out of memory in the kernel: it helps to take what is there, and to let others run. */
static int uring_short_of_memory(struct hob__backend *b, struct uring *s) {
    uint32_t taken;
    int delivered = drain(b, s, &taken);
    if (delivered == 0) b->ops->pause(b, 1000000);
    return delivered;
}

static int uring_wait(struct hob__backend *b, uint64_t deadline) {
    struct uring *s = b->state;
    struct hob__ring *r = &s->ring;
    int delivered = hob__offload_reap(b), rc = 0;
    uint32_t taken;
    if (!keep_watching(b, s)) deadline = at_most_1ms(b, deadline);
    deadline = still_ahead(b, deadline);
    bool sleep = deadline != 0 && delivered == 0 && !s->surplus_ready && hob__sleep_begin(b);
    /* Where it may sleep, what is in the ring already makes the kernel return at once. */
    if (sleep || hob__ring_pending(r) || hob__ring_unfinished(r))
        rc = hob__ring_enter(r, sleep, deadline);
    delivered += drain(b, s, &taken);
    /* What one pass of the kernel left over. */
    for (int round = 0; round < MAX_ROUNDS && rc == 0 && taken >= HOB__RING_PASS; round++) {
        if (!hob__ring_unfinished(r)) break;
        rc = hob__ring_enter(r, false, 0);
        delivered += drain(b, s, &taken);
    }
    if (rc == -EAGAIN || rc == -EBUSY || rc == -ENOMEM) {
        delivered += uring_short_of_memory(b, s);
        rc = 0;
    }
    hob__sleep_end(b);
    delivered += hob__offload_reap(b);
    return rc == 0 || rc == -ETIME || rc == -EINTR ? delivered : rc;
}

static int uring_arm(struct hob__backend *b, struct hob__fd *f) {
    struct uring *s = b->state;
    if (s->polls >= MAX_POLLS) {
        int rc = surplus_add(s, f);
        if (rc < 0) return rc;
    } else if (!add_record(s, f)) {
        return -ENOMEM;
    }
    f->armed = true;
    b->watched++;
    return 0;
}

/* Has a removal of f been refused by a completion from `index` on? */
static bool refused_since(const struct uring *s, uint32_t index, const struct hob__fd *f) {
    for (uint32_t end = hob__ring_end(&s->ring); index != end; index++) {
        const struct hob__cqe *c = hob__ring_peek(&s->ring, index);
        if (c->user_data == (hob__pack(f, f->gen) | TAG_REMOVE)) return was_refused(c);
    }
    return false;
}

static bool uring_disarm(struct hob__backend *b, struct hob__fd *f) {
    struct uring *s = b->state;
    switch (f->backend) {
    case POLL_SURPLUS:
        hob__epoll_remove(s->surplus, f);
        return true;
    case RETRY_ADD:
        return false; /* retry_all() sees that it is dying */
    default:
        break;
    }
    for (int tries = 0; tries < MAX_REMOVALS; tries++) {
        uint32_t end = hob__ring_end(&s->ring);
        if (!remove_record(s, f)) {
            retry_later(s, f, RETRY_REMOVE);
            return false;
        }
        hob__ring_enter(&s->ring, false, 0);
        if (!refused_since(s, end, f)) break;
    }
    /* The kernel lets go of the file in the same call, unless it has much to finish before. */
    for (int round = 0; round < MAX_REMOVALS && hob__ring_has_work(&s->ring); round++)
        hob__ring_enter(&s->ring, false, 0);
    return false;
}

/* Of calls by path; `len` is the mode, the second folder, or what statx shall find out. */
static void fill_path_entry(struct hob__sqe *e, const struct hob__op *op) {
    e->addr = (uint64_t)(uintptr_t)op->path;
    e->off = (uint64_t)(uintptr_t)(op->code == HOB__OP_STATX ? op->out : op->path2);
    e->op_flags = op->flags;
    switch (op->code) {
    case HOB__OP_STATX:
        e->len = STATX_BASIC_STATS;
        break;
    case HOB__OP_RENAMEAT:
    case HOB__OP_LINKAT:
        e->len = (uint32_t)op->fd;
        break;
    case HOB__OP_OPENAT:
    case HOB__OP_MKDIRAT:
        e->len = op->mode;
        break;
    default:
        break;
    }
}

static int uring_submit(struct hob__backend *b, struct hob__op *op) {
    static const uint8_t opcodes[] = {
        [HOB__OP_PREADV] = HOB__URING_READV,        [HOB__OP_PWRITEV] = HOB__URING_WRITEV,
        [HOB__OP_FSYNC] = HOB__URING_FSYNC,         [HOB__OP_OPENAT] = HOB__URING_OPENAT,
        [HOB__OP_STATX] = HOB__URING_STATX,         [HOB__OP_RENAMEAT] = HOB__URING_RENAMEAT,
        [HOB__OP_UNLINKAT] = HOB__URING_UNLINKAT,   [HOB__OP_MKDIRAT] = HOB__URING_MKDIRAT,
        [HOB__OP_SYMLINKAT] = HOB__URING_SYMLINKAT, [HOB__OP_LINKAT] = HOB__URING_LINKAT};
    struct uring *s = b->state;
    /* After a short write at the descriptor's own position (a full disk) the ring's worker leaves
     * that position where it was, and the next write would go over it: so not by the ring. */
    if (op->code == HOB__OP_WORK || op->code == HOB__OP_OPENBELOW ||
        (op->code == HOB__OP_PWRITEV && op->offset == -1))
        return hob__offload_submit(b, op);
    struct hob__sqe *e = hob__ring_sqe(&s->ring);
    if (!e) return -ENOMEM;
    e->opcode = opcodes[op->code];
    e->fd = op->fd;
    e->user_data = hob__pack(op, 0) | TAG_OP;
    if (op->code == HOB__OP_FSYNC) {
        e->op_flags = op->flags;
    } else if (op->code <= HOB__OP_PWRITEV) {
        e->addr = (uint64_t)(uintptr_t)op->iov;
        e->len = (uint32_t)op->iov_count;
        e->off = (uint64_t)op->offset;
    } else {
        fill_path_entry(e, op);
    }
    b->ops_in_flight++;
    return 0;
}

const struct hob__backend_ops hob__backend_uring = {
    .name = "uring",
    .open = uring_open,
    .close = uring_close,
    .now = hob__linux_now,
    .wall = hob__linux_wall,
    .pause = hob__linux_pause,
    .random = hob__linux_random,
    .wait = uring_wait,
    .wake = hob__waker_wake,
    .arm = uring_arm,
    .disarm = uring_disarm,
    .attempt = hob__linux_attempt,
    .submit = uring_submit,
    .sys = &hob__sys_linux,
    .files = &hob__files_linux,
};
