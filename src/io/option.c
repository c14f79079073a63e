/* io/option.c - what can be set and asked of the socket below a stream, and descriptors that travel
 * over Unix sockets. */
#include <hob/error.h>
#include <hob/task.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "io/fail.h"
#include "io/stream.h"
#include "task/fdwait.h"
#include "task/wait.h"

/* what: as the option is called, for the error. */
static int set(struct hob_stream *s, int level, int name, const char *what, int value) {
    int rc = s->fd ? s->backend->ops->sys->setsockopt(s->backend, s->fd->fd, level, name, &value,
                                                      sizeof value)
                   : -EBADF;
    return hob__said(rc, "cannot set %s to %d for %s: %s", what, value, s->peer, hob_strerror(rc));
}

int hob_set_nodelay(struct hob_stream *s, bool on) {
    return set(s, IPPROTO_TCP, TCP_NODELAY, "TCP_NODELAY", on);
}

int hob_set_keepalive(struct hob_stream *s, int idle_s, int interval_s, int count) {
    int rc = 0;
    if (idle_s > 0) rc = set(s, IPPROTO_TCP, TCP_KEEPIDLE, "TCP_KEEPIDLE", idle_s);
    if (rc == 0 && idle_s > 0 && interval_s > 0)
        rc = set(s, IPPROTO_TCP, TCP_KEEPINTVL, "TCP_KEEPINTVL", interval_s);
    if (rc == 0 && idle_s > 0 && count > 0)
        rc = set(s, IPPROTO_TCP, TCP_KEEPCNT, "TCP_KEEPCNT", count);
    return rc < 0 ? rc : set(s, SOL_SOCKET, SO_KEEPALIVE, "SO_KEEPALIVE", idle_s > 0);
}

int hob_set_buffers(struct hob_stream *s, int receive, int send) {
    int rc = receive > 0 ? set(s, SOL_SOCKET, SO_RCVBUF, "SO_RCVBUF", receive) : 0;
    return rc == 0 && send > 0 ? set(s, SOL_SOCKET, SO_SNDBUF, "SO_SNDBUF", send) : rc;
}

int hob_stream_local(const struct hob_stream *s, char *buf, size_t n) {
    struct sockaddr_storage a;
    socklen_t size = sizeof a;
    const struct hob__sys *sys = s->backend->ops->sys;
    int rc = s->fd ? sys->getsockname(s->backend, s->fd->fd, (struct sockaddr *)&a, &size) : -EBADF;
    if (rc < 0)
        return hob__said(rc, "no own address of the stream to %s: %s", s->peer, hob_strerror(rc));
    char text[HOB__ADDRESS_TEXT];
    hob__address_format((struct sockaddr *)&a, size, text, sizeof text);
    size_t length = strlen(text), kept = length < n ? length : n ? n - 1 : 0;
    if (n > 0) {
        memcpy(buf, text, kept);
        buf[kept] = 0;
    }
    return (int)length;
}

int hob_peer_credentials(const struct hob_stream *s, struct hob_credentials *who) {
    struct ucred cred = {0};
    socklen_t n = sizeof cred;
    const struct hob__sys *sys = s->backend->ops->sys;
    int rc =
        s->fd ? sys->getsockopt(s->backend, s->fd->fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) : -EBADF;
    if (rc >= 0 && cred.pid == 0 && cred.uid == (uid_t)-1) rc = -ENOTSUP; /* what TCP says */
    if (rc < 0) return hob__said(rc, "no credentials of %s: %s", s->peer, hob_strerror(rc));
    *who = (struct hob_credentials){cred.pid, cred.uid, cred.gid};
    return 0;
}

/* ---- descriptors ---- */

enum { FDS_MAX = 253 }; /* the kernel's SCM_MAX_FD */

union control {
    struct cmsghdr head;
    char room[CMSG_SPACE(FDS_MAX * sizeof(int))];
};

static bool is_unix(const struct hob_stream *s) { return s->transport == &hob__unix; }

static int no_unix(const struct hob_stream *s) {
    return hob_fail(-ENOTSUP, "descriptors travel over Unix sockets, not over %s", s->peer);
}

static ssize_t send_fds(struct hob_stream *s, const void *buf, size_t n, const int *fds,
                        size_t count) {
    struct iovec iov = {(void *)buf, n};
    union control control = {.head = {.cmsg_len = CMSG_LEN(count * sizeof(int)),
                                      .cmsg_level = SOL_SOCKET,
                                      .cmsg_type = SCM_RIGHTS}};
    memcpy(CMSG_DATA(&control.head), fds, count * sizeof(int));
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    for (;;) {
        int rc = hob__io_point("hob_send_fds");
        if (rc < 0) return rc;
        ssize_t sent = s->backend->ops->sys->sendmsg(s->backend, s->fd->fd, &m, 0);
        if (sent != -EAGAIN) return sent;
        s->fd->ready &= (uint8_t)~HOB__WRITE;
        rc = hob__fd_wait(s->fd, HOB__WRITE, "sendmsg", HOB__WAIT_PLAIN);
        if (rc < 0) return rc;
    }
}

ssize_t hob_send_fds(struct hob_stream *s, const void *buf, size_t n, const int *fds,
                     size_t count) {
    if (!is_unix(s)) return no_unix(s);
    if (n == 0 || count == 0 || count > FDS_MAX)
        return hob_fail(-EINVAL, "%zu descriptors (1 to %d) with %zu bytes (at least 1) for %s",
                        count, FDS_MAX, n, s->peer);
    int rc = hob_flush(s);
    if (rc < 0) return rc;
    if (s->writes) hob__misuse(__func__, "two tasks write to the stream to %s at once", s->peer);
    s->writes = true;
    ssize_t sent = send_fds(s, buf, n, fds, count);
    s->writes = false;
    if (sent < 0 || (size_t)sent == n)
        return hob__said(sent, "cannot send %zu descriptors to %s: %s", count, s->peer,
                         hob_strerror((int)sent));
    /* The descriptors went with the first part. */
    ssize_t rest = hob_write(s, (const char *)buf + sent, n - (size_t)sent);
    return rest < 0 ? rest : (ssize_t)n;
}

/* Those that do not fit into `fds` are closed. */
static int take_fds(struct hob_stream *s, struct msghdr *m, int *fds, size_t *count) {
    size_t room = *count, got = 0, more = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (got < room) {
                fds[got++] = fd;
            } else {
                s->backend->ops->sys->close(s->backend, fd);
                more++;
            }
        }
    }
    *count = got;
    return more || (m->msg_flags & MSG_CTRUNC) ? HOB_E_LIMIT : 0;
}

static ssize_t receive_fds(struct hob_stream *s, void *buf, size_t n, int *fds, size_t *count) {
    struct iovec iov = {buf, n};
    union control control;
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof control};
    for (;;) {
        int rc = hob__io_point("hob_receive_fds");
        if (rc < 0) return rc;
        ssize_t got = s->backend->ops->sys->recvmsg(s->backend, s->fd->fd, &m, MSG_CMSG_CLOEXEC);
        if (got >= 0) {
            rc = take_fds(s, &m, fds, count);
            if (rc == 0) return got;
            for (size_t i = 0; i < *count; i++) s->backend->ops->sys->close(s->backend, fds[i]);
            return hob_fail(rc, "more descriptors from %s than expected or allowed: all closed",
                            s->peer);
        }
        if (got != -EAGAIN) return got;
        s->fd->ready &= (uint8_t)~HOB__READ;
        rc = hob__fd_wait(s->fd, HOB__READ, "recvmsg", HOB__WAIT_PLAIN);
        if (rc < 0) return rc;
    }
}

ssize_t hob_receive_fds(struct hob_stream *s, void *buf, size_t n, int *fds, size_t *count) {
    if (!is_unix(s)) return no_unix(s);
    if (n == 0) return hob_fail(-EINVAL, "no room for the byte that descriptors come with");
    if (hob__stream_early(s) > 0)
        return hob_fail(-EBUSY,
                        "%zu bytes from %s have been read ahead, whose descriptors are lost",
                        hob__stream_early(s), s->peer);
    if (s->reads) hob__misuse(__func__, "two tasks read from the stream to %s at once", s->peer);
    s->reads = true;
    ssize_t got = receive_fds(s, buf, n, fds, count);
    s->reads = false;
    return hob__said(got, "cannot receive descriptors from %s: %s", s->peer,
                     hob_strerror((int)got));
}
