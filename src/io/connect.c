/* io/connect.c - making connections. */
#include <hob/error.h>
#include <hob/net.h>
#include <hob/task.h>
#include <string.h>

#include "io/stream.h"
#include "task/fdwait.h"
#include "task/wait.h"

/* Waits until the connect that is under way has ended, and asks how. */
static int finish_connect(struct hob__backend *b, struct hob__fd *f) {
    f->ready = 0; /* from here on what the events say */
    while (!(f->ready & HOB__WRITE)) {
        int rc = hob__fd_wait(f, HOB__WRITE, "connect", HOB__WAIT_PLAIN);
        if (rc < 0) return rc;
    }
    int error = 0;
    socklen_t n = sizeof error;
    int rc = b->ops->sys->getsockopt(b, f->fd, SOL_SOCKET, SO_ERROR, &error, &n);
    return rc < 0 ? rc : -error;
}

/* A Unix socket whose listener's backlog is full says EAGAIN, and nothing tells when there is room:
 * ask again soon. */
static int connect_patiently(struct hob__backend *b, int fd, const struct hob__address *a) {
    for (double pause = 0.001;; pause = pause < 0.05 ? pause * 2 : pause) {
        int rc = b->ops->sys->connect(b, fd, (const struct sockaddr *)&a->addr, a->size);
        if (rc != -EAGAIN) return rc;
        rc = hob_sleep(pause);
        if (rc < 0) return rc;
    }
}

static int connect_one(struct hob__backend *b, const struct hob__address *a,
                       struct hob_stream **out) {
    int fd = b->ops->sys->socket(b, a->addr.ss_family, SOCK_STREAM, 0);
    if (fd < 0) return fd;
    struct hob_stream *s = hob__stream_new(b, fd, (const struct sockaddr *)&a->addr, a->size);
    if (!s) return -ENOMEM;
    int rc = connect_patiently(b, fd, a);
    if (rc == -EINPROGRESS) rc = finish_connect(b, s->fd);
    if (rc < 0) {
        hob_close(s);
        return rc;
    }
    /* Connected at once: a first read has nothing to find yet, and if it has, arming tells. */
    if (!s->fd->armed) s->fd->ready = HOB__WRITE;
    *out = s;
    return 0;
}

int hob_connect(const char *address, struct hob_stream **out) {
    struct hob__backend *b = hob__backend_current(__func__);
    struct hob__endpoint e;
    int rc = hob__point(__func__);
    if (rc < 0) return rc;
    rc = hob__endpoint_parse(address, &e);
    if (rc < 0) return rc;
    struct hob__address addresses[HOB__ADDRESSES_MAX];
    int n = hob__endpoint_resolve(&e, false, addresses);
    if (n < 0) return n;
    for (int i = 0; i < n; i++) {
        rc = connect_one(b, &addresses[i], out);
        if (rc >= 0 || rc == -ECANCELED) return rc;
    }
    char text[HOB__ADDRESS_TEXT];
    hob__address_format((const struct sockaddr *)&addresses[n - 1].addr, addresses[n - 1].size,
                        text, sizeof text);
    return hob_fail(rc, "connecting to %s: %s", text, hob_strerror(rc));
}
