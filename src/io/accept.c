/* io/accept.c - accepting. A waiting accept holds nothing: a connection that arrives stays in the
 * kernel's backlog until a call takes it, so that none is lost to a cancel. */
#include <hob/error.h>
#include <hob/task.h>

#include "io/fail.h"
#include "io/listen.h"
#include "io/stream.h"
#include "task/fdwait.h"
#include "task/wait.h"

/* Errors of the connection that was to be accepted, not of the listener (accept(2)). */
static bool concerns_the_peer(int rc) {
    return rc == -ECONNABORTED || rc == -EPROTO || rc == -ENETDOWN || rc == -ENOPROTOOPT ||
           rc == -EHOSTDOWN || rc == -EHOSTUNREACH || rc == -ENETUNREACH || rc == -EPERM ||
           rc == -ETIMEDOUT;
}

/* -EAGAIN: this one has none. */
static int take_from(struct hob_listener *l, struct hob__fd *f, struct hob_stream **out) {
    struct hob__backend *b = l->backend;
    while (f->ready & HOB__READ) {
        struct sockaddr_storage peer;
        socklen_t n = sizeof peer;
        int fd = b->ops->sys->accept(b, f->fd, (struct sockaddr *)&peer, &n);
        if (fd >= 0) {
            *out = hob__stream_accepted(b, fd, (struct sockaddr *)&peer, n);
            return *out ? 0 : -ENOMEM;
        }
        if (concerns_the_peer(fd)) continue;
        if (fd != -EAGAIN) return fd;
        f->ready &= (uint8_t)~HOB__READ;
    }
    return -EAGAIN;
}

static int accept_one(struct hob_listener *l, struct hob_stream **out) {
    for (;;) {
        struct hob__fd *fds[HOB__ADDRESSES_MAX];
        if (l->stopped) return HOB_E_CLOSED;
        for (unsigned i = 0; i < l->count; i++) {
            unsigned at = (l->turn + i) % l->count;
            fds[i] = l->sockets[at].fd;
            int rc = take_from(l, fds[i], out);
            if (rc == 0) l->turn = at + 1;
            if (rc != -EAGAIN) return rc;
        }
        int rc = hob__fd_wait_any(fds, l->count, "accept", HOB__WAIT_STOPPABLE);
        if (rc < 0) return rc;
    }
}

static __attribute__((noinline, cold)) int failed(const struct hob_listener *l, int rc) {
    return hob__said(rc, "accepting on %s: %s", l->sockets[0].address, hob_strerror(rc));
}

int hob_accept(struct hob_listener *l, struct hob_stream **out) {
    l->accepting++;
    int rc = hob__io_point(__func__);
    if (rc == 0) rc = hob_stopping() ? HOB_E_STOPPING : accept_one(l, out);
    if (HOB__UNLIKELY(rc < 0)) failed(l, rc);
    hob__listener_leave(l);
    return rc;
}
