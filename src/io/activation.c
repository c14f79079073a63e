/* io/activation.c - the service manager's side of a server: descriptors that it listens on for us
 * (sd_listen_fds(3): LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES), and telling it how we are
 * (sd_notify(3): NOTIFY_SOCKET). Both are protocols of environment variables; no library is needed.
 */
#include <hob/error.h>
#include <hob/serve.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/listen.h"
#include "task/fdwait.h"
#include "task/wait.h"

enum { FIRST_FD = 3, MAX_FDS = 64 };

/* Descriptors of ours that a listener has taken, as bits. Loops of several threads may ask. */
static _Atomic uint64_t taken;

/* A whole decimal number, or -1. */
static long number_of(const char *variable) {
    const char *text = getenv(variable);
    char *end;
    if (!text || *text < '0' || *text > '9') return -1;
    long n = strtol(text, &end, 10);
    return *end ? -1 : n;
}

static bool name_is(const char *names, int index, const char *wanted) {
    if (!names) names = "";
    for (; index > 0; index--) {
        names = strchr(names, ':');
        if (!names) return strcmp(wanted, "unknown") == 0; /* what it calls those without one */
        names++;
    }
    size_t n = strcspn(names, ":");
    if (n == 0) return strcmp(wanted, "unknown") == 0;
    return strlen(wanted) == n && memcmp(names, wanted, n) == 0;
}

static int no_socket(const char *name, const char *why) {
    return hob_fail(HOB_E_NO_SOCKET, "listening on systemd:%.100s: %s", name, why);
}

int hob__activated_take(const char *name, int *fds, int max) {
    long pid = number_of("LISTEN_PID"), count = number_of("LISTEN_FDS");
    if (pid < 0 || count <= 0)
        return no_socket(name, "no sockets were passed to this process (LISTEN_FDS)");
    if (pid != (long)getpid())
        return no_socket(name, "the sockets were passed to another process (LISTEN_PID)");
    if (count > MAX_FDS)
        return hob_fail(HOB_E_LIMIT, "%ld sockets were passed; at most %d are taken", count,
                        MAX_FDS);
    const char *names = getenv("LISTEN_FDNAMES");
    int n = 0, known = 0;
    for (int i = 0; i < count; i++) {
        if (*name && !name_is(names, i, name)) continue;
        known++;
        if (taken & UINT64_C(1) << i) continue;
        if (n == max) {
            hob__activated_return(fds, n);
            return hob_fail(HOB_E_LIMIT, "more than %d sockets are named '%.100s'", max, name);
        }
        if (taken & UINT64_C(1) << i) continue;
        taken |= UINT64_C(1) << i;
        fds[n++] = FIRST_FD + i;
    }
    if (n > 0) return n;
    return no_socket(name, known ? "the sockets of that name are in use here already"
                                 : "no socket of that name was passed (LISTEN_FDNAMES)");
}

void hob__activated_return(const int *fds, int count) {
    for (int i = 0; i < count; i++) taken &= ~(UINT64_C(1) << (fds[i] - FIRST_FD));
}

/* ---- telling ---- */

static int connect_to(struct hob__backend *b, int fd, const char *path) {
    struct sockaddr_un u = {.sun_family = AF_UNIX};
    size_t n = strlen(path);
    if ((path[0] != '/' && path[0] != '@') || n >= sizeof u.sun_path) return -EOPNOTSUPP;
    memcpy(u.sun_path, path, n);
    if (path[0] == '@') u.sun_path[0] = 0;
    return b->ops->sys->connect(b, fd, (struct sockaddr *)&u,
                                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
}

/* Waits while the manager's queue is full. */
static int send_state(struct hob__backend *b, int fd, const char *state) {
    struct iovec iov = {(void *)state, strlen(state)};
    struct hob__fd *f = hob__fd_open(b, fd);
    if (!f) return -ENOMEM;
    int rc = 0;
    ssize_t sent;
    while ((sent = b->ops->sys->send(b, fd, &iov, 1)) == -EAGAIN && rc == 0) {
        f->ready = 0;
        rc = hob__fd_wait(f, HOB__WRITE, "notify", HOB__WAIT_PLAIN);
    }
    hob__fd_close(b, f);
    return rc < 0 ? rc : sent < 0 ? (int)sent : 1;
}

int hob_service_notify(const char *state) {
    struct hob__backend *b = hob__backend_current(__func__);
    int rc = hob__io_point(__func__);
    if (rc < 0) return rc;
    const char *path = getenv("NOTIFY_SOCKET");
    if (!path || !*path) return 0;
    int fd = b->ops->sys->socket(b, AF_UNIX, SOCK_DGRAM, 0);
    if (fd >= 0) {
        rc = connect_to(b, fd, path);
        if (rc >= 0) rc = send_state(b, fd, state);
        b->ops->sys->close(b, fd);
    } else {
        rc = fd;
    }
    if (rc >= 0 || rc == -ECANCELED) return rc;
    return hob_fail(rc, "telling the service manager at %.120s: %s", path, hob_strerror(rc));
}
