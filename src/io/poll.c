/* io/poll.c - waiting for a descriptor that another library owns. The loop's watching is
 * edge-triggered and kept; a foreign descriptor is asked first and watched only while somebody
 * waits, so that its owner may close it in between. */
#include <hob/net.h>
#include <poll.h>

#include "io/fail.h"
#include "task/fdwait.h"
#include "task/wait.h"

/* Until there are some of the events. */
static int wait_for(struct hob__backend *b, int fd, int events) {
    int rc;
    struct hob__fd *f = hob__fd_open(b, fd);
    if (!f) return -ENOMEM;
    unsigned directions =
        (events & (POLLIN | POLLRDHUP) ? HOB__READ : 0) | (events & POLLOUT ? HOB__WRITE : 0);
    do {
        f->ready = 0;
        /* Errors wake both. */
        rc = hob__fd_wait(f, directions ? directions : HOB__READ, "poll", HOB__WAIT_PLAIN);
        if (rc >= 0) rc = b->ops->sys->poll(b, fd, events);
    } while (rc == 0);
    hob__fd_close(b, f);
    return rc;
}

int hob_poll(int fd, int events) {
    struct hob__backend *b = hob__backend_current(__func__);
    int rc = hob__io_point(__func__);
    if (rc < 0) return rc;
    if (events & ~(POLLIN | POLLOUT | POLLRDHUP)) /* nothing would wake it */
        return hob_fail(-EINVAL, "cannot wait for the events %#x of descriptor %d",
                        (unsigned)events, fd);
    rc = b->ops->sys->poll(b, fd, events);
    if (rc == 0) rc = wait_for(b, fd, events);
    return hob__said(rc, "cannot wait for descriptor %d: %s", fd, hob_strerror(rc));
}
