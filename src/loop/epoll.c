/* loop/epoll.c - the backend for kernels and containers that refuse io_uring: one edge-triggered
 * registration per descriptor, made at its first wait, for both directions.
 *
 * An event carries the record's address and generation. Registrations are taken back explicitly: a
 * descriptor whose file lives on in another process or under another number would stay registered
 * after close(), and nothing could remove it any more. */
#include "internal.h"
#include <base/memory.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* No more at a time: what epoll_wait() has touched of a socket is then still in the cache when its
 * task receives. The rest is ready in the kernel, and comes with the next turn. */
enum { BATCH = 64, AHEAD = 6 };
enum { WATCH = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };

struct state {
    int epfd;
    bool no_pwait2; /* before Linux 5.11, or refused by a filter: milliseconds then */
    struct epoll_event events[BATCH];
};

/* ---- the set of records, shared with uring.c and the simulated world ---- */

int hob__epoll_add(int epfd, struct hob__fd *f) {
    struct epoll_event e = {.events = (uint32_t)WATCH, .data.u64 = hob__pack(f, f->gen)};
    f->watched = f->fd;
    if (epoll_ctl(epfd, EPOLL_CTL_ADD, f->fd, &e) == 0) return 0;
    if (errno != EEXIST) return -errno;
    /* Another record watches this descriptor: epoll knows them apart by number only. */
    int twin = fcntl(f->fd, F_DUPFD_CLOEXEC, 3);
    if (twin < 0) return -errno;
    if (epoll_ctl(epfd, EPOLL_CTL_ADD, twin, &e) == 0) {
        f->watched = twin;
        return 0;
    }
    int rc = -errno;
    close(twin);
    return rc;
}

void hob__epoll_remove(int epfd, struct hob__fd *f) {
    epoll_ctl(epfd, EPOLL_CTL_DEL, f->watched, NULL);
    if (f->watched != f->fd) close(f->watched);
    f->watched = f->fd;
}

int hob__epoll_sleep(int epfd, struct epoll_event *events, int room, uint64_t timeout_ns,
                     bool *no_pwait2) {
    const uint64_t second = UINT64_C(1000000000), ms = UINT64_C(1000000);
    int n;
#ifdef SYS_epoll_pwait2
    if (timeout_ns != 0 && timeout_ns != UINT64_MAX && !*no_pwait2) {
        struct timespec t = {(time_t)(timeout_ns / second), (long)(timeout_ns % second)};
        n = (int)syscall(SYS_epoll_pwait2, epfd, events, room, &t, NULL, (size_t)0);
        if (n >= 0 || (errno != ENOSYS && errno != EPERM)) return n < 0 ? -errno : n;
        *no_pwait2 = true;
    }
#endif
    int timeout_ms = -1;
    if (timeout_ns != UINT64_MAX) {
        uint64_t up = timeout_ns / ms + (timeout_ns % ms != 0);
        timeout_ms = up < INT_MAX ? (int)up : INT_MAX;
    }
    n = epoll_wait(epfd, events, room, timeout_ms);
    return n < 0 ? -errno : n;
}

int hob__epoll_deliver(struct hob__backend *b, const struct epoll_event *events, int n) {
    int delivered = 0;
    for (int i = 0; i < n; i++) {
        struct hob__fd *f = hob__unpack(events[i].data.u64);
        if (i + AHEAD < n) __builtin_prefetch(hob__unpack(events[i + AHEAD].data.u64));
        /* NULL: the waker. Closed or reused by what an earlier event of this batch led to: skip. */
        if (!f || f->dying || !f->armed || !hob__same_gen(events[i].data.u64, f->gen)) continue;
        hob__fd_event(b, f, events[i].events);
        delivered++;
    }
    return delivered;
}

/* ---- the backend ---- */

static int epoll_open(struct hob__backend *b) {
    struct state *s = hob__alloc_zero(sizeof *s);
    if (!s) return hob__why(b, "epoll", -ENOMEM);
    s->epfd = epoll_create1(EPOLL_CLOEXEC);
    int rc = s->epfd < 0 ? -errno : hob__waker_open(b);
    if (rc == 0) {
        struct epoll_event e = {.events = (uint32_t)(EPOLLIN | EPOLLET), .data.u64 = 0};
        if (epoll_ctl(s->epfd, EPOLL_CTL_ADD, b->wake_fd, &e) < 0) rc = -errno;
    }
    if (rc < 0) {
        hob__waker_close(b);
        if (s->epfd >= 0) close(s->epfd);
        hob__free(s);
        return hob__why(b, "epoll", rc);
    }
    s->no_pwait2 = hob__on_valgrind();
    b->state = s;
    return 0;
}

static void epoll_close(struct hob__backend *b) {
    struct state *s = b->state;
    hob__waker_close(b);
    close(s->epfd);
    hob__free(s);
    b->state = NULL;
}

static int epoll_look(struct hob__backend *b, uint64_t timeout_ns) {
    struct state *s = b->state;
    int n = hob__epoll_sleep(s->epfd, s->events, BATCH, timeout_ns, &s->no_pwait2);
    if (n < 0) return n == -EINTR ? 0 : n;
    return hob__epoll_deliver(b, s->events, n);
}

static int epoll_wait_until(struct hob__backend *b, uint64_t deadline) {
    uint64_t timeout_ns = 0;
    int delivered = hob__offload_reap(b), rc = 0;
    if (deadline != 0 && delivered == 0 && hob__sleep_begin(b)) {
        uint64_t now = deadline == UINT64_MAX ? 0 : hob__linux_now(b);
        timeout_ns = deadline == UINT64_MAX ? UINT64_MAX : deadline > now ? deadline - now : 0;
    }
    if (timeout_ns != 0 || b->watched > 0) rc = epoll_look(b, timeout_ns);
    hob__sleep_end(b);
    delivered += hob__offload_reap(b);
    return rc < 0 ? rc : delivered + rc;
}

static int epoll_arm(struct hob__backend *b, struct hob__fd *f) {
    struct state *s = b->state;
    int rc = hob__epoll_add(s->epfd, f);
    if (rc < 0) return rc;
    f->armed = true;
    b->watched++;
    return 0;
}

static bool epoll_disarm(struct hob__backend *b, struct hob__fd *f) {
    struct state *s = b->state;
    hob__epoll_remove(s->epfd, f);
    f->armed = false;
    return true;
}

const struct hob__backend_ops hob__backend_epoll = {
    .name = "epoll",
    .open = epoll_open,
    .close = epoll_close,
    .now = hob__linux_now,
    .wall = hob__linux_wall,
    .pause = hob__linux_pause,
    .random = hob__linux_random,
    .wait = epoll_wait_until,
    .wake = hob__waker_wake,
    .arm = epoll_arm,
    .disarm = epoll_disarm,
    .attempt = hob__linux_attempt,
    .submit = hob__offload_submit,
    .sys = &hob__sys_linux,
    .files = &hob__files_linux,
};
