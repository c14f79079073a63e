/* backend_test.c - readiness through the backends: every edge arrives, none at the wrong record,
 * and closing is closing. */
#include "backend.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>

enum { R = HOB__READ, W = HOB__WRITE, H = HOB__HUP };

static size_t fill(int fd) {
    static char buf[65536];
    size_t n = 0;
    struct iovec v = {buf, sizeof buf};
    for (ssize_t rc; (rc = b->ops->sys->send(b, fd, &v, 1)) != -EAGAIN; n += (size_t)rc)
        CHECK(rc > 0);
    return n;
}

static size_t drink(int fd) {
    static char buf[65536];
    size_t n = 0;
    for (ssize_t rc; (rc = b->ops->sys->recv(b, fd, buf, sizeof buf, 0)) > 0;) n += (size_t)rc;
    return n;
}

BACKENDS(edges_of_a_socketpair) {
    int p[2];
    make_pair(p);
    struct hob__fd *f = armed(p[0]);
    CHECK_EQ(b->watched, 1);
    settle();
    CHECK_EQ(seen(f), W);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(write(p[1], "x", 1), 1);
        settle();
        CHECK_EQ(seen(f) & R, R);
        settle(); /* unread, but no news */
        CHECK_EQ(seen(f), 0);
    }
    CHECK_EQ(drink(p[0]), 3);
    size_t filled = fill(p[0]);
    settle();
    CHECK_EQ(seen(f) & R, 0);
    CHECK_EQ(drink(p[1]), filled);
    settle();
    CHECK_EQ(seen(f) & W, W);
    CHECK_EQ(shutdown(p[1], SHUT_WR), 0);
    settle();
    CHECK_EQ(seen(f), R | W | H);
    CHECK_EQ(f->ready, R | W | H);
    close(p[1]);
    settle();
    give_up(f);
    CHECK_EQ(b->watched, 0);
}

BACKENDS(edges_of_pipes) {
    int p[2], q[2];
    CHECK_EQ(pipe2(p, O_NONBLOCK | O_CLOEXEC), 0);
    CHECK_EQ(pipe2(q, O_NONBLOCK | O_CLOEXEC), 0);
    struct hob__fd *in = armed(p[0]), *out = armed(q[1]);
    settle();
    CHECK_EQ(seen(in), 0);
    CHECK_EQ(seen(out), W);
    struct iovec v[2] = {{"ab", 2}, {"c", 1}};
    CHECK_EQ(b->ops->sys->send(b, p[1], v, 2), 3);
    settle();
    CHECK_EQ(seen(in), R);
    CHECK_EQ(drink(p[0]), 3);
    close(p[1]);
    settle();
    CHECK_EQ(seen(in), R | W | H);
    CHECK_EQ(b->ops->sys->recv(b, p[0], &v, 1, 0), 0);
    close(q[0]);
    settle();
    CHECK_EQ(seen(out), R | W | H);
    v[0].iov_base = "ab";
    CHECK_EQ(b->ops->sys->send(b, q[1], v, 1), -EPIPE); /* and no SIGPIPE */
    give_up(in);
    give_up(out);
}

static int listen_tcp(struct sockaddr_in *a, in_port_t port) {
    const struct hob__sys *sys = b->ops->sys;
    *a = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port};
    a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t n = sizeof *a;
    int one = 1, fd = sys->socket(b, AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0);
    CHECK_EQ(sys->setsockopt(b, fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), 0);
    CHECK_EQ(sys->bind(b, fd, (struct sockaddr *)a, n), 0);
    CHECK_EQ(sys->listen(b, fd, 16), 0);
    CHECK_EQ(sys->getsockname(b, fd, (struct sockaddr *)a, &n), 0);
    return fd;
}

/* By the plain call, whose outcome is still to come: the backend's own asks for it at once. */
static void begin_connect(int fd, const struct sockaddr_in *a) {
    CHECK_EQ(connect(fd, (const struct sockaddr *)a, sizeof *a), -1);
    CHECK_EQ(errno, EINPROGRESS);
}

/* Kernels before 6.5 leave packets to a thread of theirs while that runs: then they come later. */
static void arrives(int fd, short events) {
    struct pollfd p = {.fd = fd, .events = events};
    CHECK_EQ(poll(&p, 1, 20000), 1);
    settle();
}

BACKENDS(tcp_accept_and_connect) {
    const struct hob__sys *sys = b->ops->sys;
    struct sockaddr_in a;
    struct hob__fd *l = armed(listen_tcp(&a, 0));
    CHECK_EQ(sys->accept(b, l->fd, NULL, NULL), -EAGAIN);
    settle();
    CHECK_EQ(seen(l), 0);
    int fd = sys->socket(b, AF_INET, SOCK_STREAM, 0);
    begin_connect(fd, &a);
    struct hob__fd *c = armed(fd);
    arrives(l->fd, POLLIN);
    CHECK_EQ(seen(l), R);
    arrives(c->fd, POLLOUT);
    CHECK_EQ(seen(c), W);
    int error = -1;
    socklen_t n = sizeof error;
    CHECK_EQ(sys->getsockopt(b, fd, SOL_SOCKET, SO_ERROR, &error, &n), 0);
    CHECK_EQ(error, 0);
    struct hob__fd *s = armed(sys->accept(b, l->fd, NULL, NULL));
    CHECK_EQ(sys->accept(b, l->fd, NULL, NULL), -EAGAIN);
    settle();
    CHECK_EQ(seen(s), W);
    CHECK_EQ(write(c->fd, "hello", 5), 5);
    arrives(s->fd, POLLIN);
    CHECK_EQ(seen(s) & (R | H), R);
    CHECK_EQ(sys->poll(b, s->fd, POLLIN), POLLIN);
    CHECK_EQ(sys->shutdown(b, c->fd, SHUT_WR), 0);
    arrives(s->fd, POLLRDHUP);
    CHECK_EQ(seen(s), R | W | H);
    CHECK_EQ(drink(s->fd), 5);
    CHECK_EQ(sys->poll(b, c->fd, POLLIN), 0);
    struct linger reset = {1, 0};
    CHECK_EQ(sys->setsockopt(b, s->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
    give_up(s);
    arrives(c->fd, 0); /* POLLERR need not be asked for */
    CHECK_EQ(seen(c), R | W | H);
    CHECK_EQ(sys->recv(b, c->fd, &error, 1, 0), -ECONNRESET);
    give_up(c);
    give_up(l);
}

BACKENDS(connection_refused) {
    const struct hob__sys *sys = b->ops->sys;
    struct sockaddr_in a;
    int fd = listen_tcp(&a, 0), error = 0;
    CHECK_EQ(sys->close(b, fd), 0);
    fd = sys->socket(b, AF_INET, SOCK_STREAM, 0);
    begin_connect(fd, &a);
    struct hob__fd *c = armed(fd);
    arrives(c->fd, 0);
    CHECK_EQ(seen(c), R | W | H);
    socklen_t n = sizeof error;
    CHECK_EQ(sys->getsockopt(b, fd, SOL_SOCKET, SO_ERROR, &error, &n), 0);
    CHECK_EQ(error, ECONNREFUSED);
    give_up(c);
    CHECK_EQ(sys->poll(b, fd, POLLIN), -EBADF);
    CHECK_EQ(sys->close(b, fd), -EBADF);
}

static int connected_at_once(const struct sockaddr_in *a) {
    const struct hob__sys *sys = b->ops->sys;
    int rc = -EINPROGRESS;
    for (int i = 0; i < 1000 && rc == -EINPROGRESS; i++) {
        int fd = sys->socket(b, AF_INET, SOCK_STREAM, 0);
        rc = sys->connect(b, fd, (const struct sockaddr *)a, sizeof *a);
        CHECK_EQ(sys->close(b, fd), 0);
        if (rc == -EINPROGRESS) usleep(10000);
    }
    return rc;
}

BACKENDS(over_the_loopback_connect_tells_its_outcome) {
    struct sockaddr_in a;
    int l = listen_tcp(&a, 0);
    CHECK_EQ(connected_at_once(&a), 0);
    CHECK_EQ(b->ops->sys->close(b, l), 0);
    CHECK_EQ(connected_at_once(&a), -ECONNREFUSED);
}

/* The poll of the kernel pins the file: it must be gone when close() is called. */
BACKENDS(close_is_close) {
    int p[2];
    struct sockaddr_in a;
    for (int looked = 0; looked < 2; looked++) {
        make_pair(p);
        struct hob__fd *f = armed(p[0]);
        if (looked) settle();
        give_up(f);
        struct pollfd peer = {.fd = p[1], .events = POLLIN};
        CHECK_EQ(poll(&peer, 1, 1000), 1);
        CHECK(peer.revents & POLLHUP);
        close(p[1]);
        struct hob__fd *l = armed(listen_tcp(&a, 0));
        if (looked) settle();
        give_up(l);
        CHECK_EQ(b->ops->sys->close(b, listen_tcp(&a, a.sin_port)), 0);
    }
}

/* A regular file cannot be watched: arm says so, or an event comes at once, again and again. */
BACKENDS(regular_files_are_ready) {
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    struct hob__fd *f = hob__fd_open(b, fd);
    for (int i = 0; i < 3; i++) {
        int rc = b->ops->arm(b, f);
        if (rc == 0) {
            settle();
            CHECK_EQ(seen(f), R | W);
        } else {
            CHECK_EQ(rc, -EPERM);
        }
        CHECK(!f->armed);
        CHECK_EQ(b->watched, 0);
    }
    give_up(f);
}

BACKENDS(closed_descriptors_do_not_hang) {
    int p[2];
    make_pair(p);
    close(p[0]);
    struct hob__fd *f = hob__fd_open(b, p[0]);
    int rc = b->ops->arm(b, f);
    if (rc == 0) {
        settle();
        CHECK_EQ(seen(f), R | W);
    } else {
        CHECK_EQ(rc, -EBADF);
    }
    CHECK(!f->armed);
    hob__fd_close(b, f);
    close(p[1]);
}

BACKENDS(two_records_of_one_descriptor) {
    int p[2];
    make_pair(p);
    struct hob__fd *f = armed(p[0]), *g = armed(p[0]);
    settle();
    CHECK_EQ(f->ready, R | W);
    f->ready = g->ready = 0;
    CHECK_EQ(write(p[1], "x", 1), 1);
    settle();
    CHECK_EQ(f->ready & R, R);
    CHECK_EQ(g->ready & R, R);
    hob__fd_close(b, f);
    g->ready = 0;
    CHECK_EQ(write(p[1], "x", 1), 1);
    settle();
    CHECK_EQ(g->ready & R, R);
    give_up(g);
    struct pollfd peer = {.fd = p[1], .events = POLLIN};
    CHECK_EQ(poll(&peer, 1, 1000), 1);
    close(p[1]);
}

/* ---- opening, arming, writing and closing in any order, with numbers reused all the time ---- */

enum { PAIRS = 40 };
static struct pair {
    struct hob__fd *f;
    int peer;
    bool armed, may_read, must_read; /* must: written to since the last report */
    bool ended;
} pairs[PAIRS];

static void check_event(struct hob__backend *from, struct hob__fd *f, unsigned events) {
    CHECK(from == b);
    CHECK(!f->dying && f->armed);
    for (struct pair *p = pairs; p < pairs + PAIRS; p++) {
        if (p->f != f) continue;
        if (events & H) CHECK(p->ended);
        if (events & R) CHECK(p->may_read || p->ended);
        if (events & R) p->must_read = false;
        return;
    }
    FAIL("an event for a record that is not in use");
}

static void pair_step(struct pair *p, unsigned what) {
    if (!p->f) {
        int fds[2];
        make_pair(fds);
        *p = (struct pair){.f = hob__fd_open(b, fds[0]), .peer = fds[1]};
    } else if (!p->armed && what % 2) {
        CHECK_EQ(b->ops->arm(b, p->f), 0);
        p->armed = true;
        p->must_read = p->may_read || p->ended;
    } else if (what < 6) {
        if (!p->ended) CHECK_EQ(write(p->peer, "x", 1), 1);
        p->may_read = true;
        p->must_read |= p->armed && !p->ended;
    } else if (what < 8 && !p->ended) {
        shutdown(p->peer, SHUT_WR);
        p->ended = true;
        p->must_read |= p->armed;
    } else if (what >= 8) {
        give_up(p->f);
        close(p->peer);
        p->f = NULL;
    }
}

BACKENDS(late_events_never_reach_a_successor) {
    b->on_ready = check_event;
    unsigned seed = 7;
    for (int step = 0, n = fewer(100000); step < n; step++) {
        pair_step(&pairs[rand_r(&seed) % PAIRS], (unsigned)rand_r(&seed) % 10);
        if (rand_r(&seed) % 8 == 0) CHECK(b->ops->wait(b, 0) >= 0);
        if (step % 1024 == 0 || step == n - 1) {
            settle();
            for (struct pair *p = pairs; p < pairs + PAIRS; p++) CHECK(!p->f || !p->must_read);
        }
    }
    for (struct pair *p = pairs; p < pairs + PAIRS; p++) {
        if (!p->f) continue;
        give_up(p->f);
        close(p->peer);
        p->f = NULL;
    }
}

/* ---- an event's receiver closes another record whose event is in the same batch ---- */

static struct hob__fd *both[2], *successor;
static int both_peers[2], successor_peer;

static void close_the_other(struct hob__backend *from, struct hob__fd *f, unsigned events) {
    CHECK(from == b && !f->dying);
    if (f == successor && f->gen != 0 && successor_peer) {
        CHECK(!(events & R)); /* nobody has written to it */
        return;
    }
    if (!(events & R)) return;
    struct hob__fd *other = both[f == both[0]];
    int fd = other->fd, p[2];
    close(both_peers[f == both[0]]);
    give_up(other);
    make_pair(p);
    CHECK(p[0] == fd || p[1] == fd);
    successor = armed(fd);
    successor_peer = p[0] == fd ? p[1] : p[0];
    both[f == both[0]] = NULL;
}

BACKENDS(closing_from_within_an_event) {
    for (int round = 0; round < 50; round++) {
        successor = NULL;
        successor_peer = 0;
        b->on_ready = note_ready;
        for (int i = 0; i < 2; i++) {
            int p[2];
            make_pair(p);
            both[i] = armed(p[0]);
            both_peers[i] = p[1];
        }
        settle();
        b->on_ready = close_the_other;
        for (int i = 0; i < 2; i++) CHECK_EQ(write(both_peers[i], "x", 1), 1);
        settle();
        CHECK(successor != NULL);
        give_up(successor);
        close(successor_peer);
        for (int i = 0; i < 2; i++) {
            if (!both[i]) continue;
            give_up(both[i]);
            close(both_peers[i]);
        }
    }
}

/* ---- many: past the point where io_uring's surplus goes to an epoll instance ---- */

static struct hob__fd *many[40000];

static void expect_all(int n, int every) {
    uint64_t until = after(20000 * MS);
    for (int i = 0; i < n; i += every) {
        while (!(seen_bits[many[i]->fd] & R)) {
            CHECK(b->ops->now(b) < until);
            CHECK(b->ops->wait(b, until) >= 0);
        }
    }
    settle();
    for (int i = 0; i < n; i++) CHECK_EQ((seen(many[i]) & R) != 0, i % every == 0);
}

BACKENDS(many_descriptors) {
    struct rlimit lim;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &lim), 0);
    lim.rlim_cur = lim.rlim_max;
    setrlimit(RLIMIT_NOFILE, &lim);
    int max = getenv("TEST_SLOW") ? 2000 : 40000, n = 0;
    if (lim.rlim_cur < (rlim_t)max + 64) max = (int)lim.rlim_cur - 64;
    if (max <= 16384 + 1000) printf("# only %d descriptors: no surplus\n", max);
    for (int fd; n < max && (fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) >= 0; n++)
        many[n] = armed(fd);
    CHECK(n >= max - 64);
    CHECK_EQ(b->watched, n);
    settle();
    for (int i = 0; i < n; i++) CHECK_EQ(seen(many[i]), W);
    for (int every = 1; every <= 3; every += 2) {
        for (int i = 0; i < n; i += every) CHECK_EQ(eventfd_write(many[i]->fd, 1), 0);
        expect_all(n, every);
    }
    /* Replace a part, so that directly watched places become free and are used again. */
    for (int i = 0; i < n; i += 5) {
        give_up(many[i]);
        many[i] = armed(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
        CHECK_EQ(b->watched, n);
    }
    settle();
    for (int i = 0; i < n; i++) CHECK_EQ(seen(many[i]), i % 5 ? 0 : W);
    for (int i = 0; i < n; i++) CHECK_EQ(eventfd_write(many[i]->fd, 1), 0);
    expect_all(n, 1);
    for (int i = 0; i < n; i++) give_up(many[i]);
}

/* Records come back: a year of connections needs no more memory than a day. */
BACKENDS(records_are_reused) {
    int p[2];
    make_pair(p);
    long live = 0;
    for (int i = 0; i < 20000; i++) {
        struct hob__fd *f = armed(p[0]);
        if (i % 16 == 0) CHECK(b->ops->wait(b, 0) >= 0);
        hob__fd_close(b, f);
        if (i == 1000) live = hob__alloc_live();
    }
    CHECK_EQ(hob__alloc_live(), live);
    close(p[0]);
    close(p[1]);
}

BACKENDS(no_memory_for_a_record) {
    hob__alloc_fail_at(1);
    CHECK(hob__fd_open(b, 0) == NULL);
    hob__alloc_fail_at(0);
    struct hob__fd *f = hob__fd_open(b, 0);
    CHECK(f != NULL);
    hob__fd_close(b, f);
}

/* ---- a forked child does not disturb the parent ---- */

BACKENDS(fork_leaves_the_parent_alone) {
    int p[2];
    make_pair(p);
    struct hob__fd *f = armed(p[0]); /* io_uring: not submitted yet */
    for (int round = 0; round < 2; round++) {
        static char text[256];
        int status = RUN_CHILD(text, {
            const char *name = b->ops->name;
            hob__backend_close(b);
            if (!open_backend(name)) FAIL("the child gets no %s", name);
            int q[2];
            make_pair(q);
            struct hob__fd *g = armed(q[0]);
            settle();
            CHECK_EQ(seen(g) & W, W);
            give_up(g);
            hob__backend_close(b);
        });
        CHECK_STR(text, "");
        CHECK_EQ(status, 0);
        f->ready = 0;
        CHECK_EQ(write(p[1], "x", 1), 1);
        settle();
        CHECK_EQ(f->ready & R, R);
    }
    give_up(f);
    close(p[1]);
}

TEST_MAIN()
