/* listen_test.c - listening: options, several addresses, Unix sockets' files, inherited
 * descriptors, the service manager's sockets and its notifications. */
#include "test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <hob/serve.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/memory.h"
#include "task/task.h"

static struct hob_listener *listening(const char *where, struct hob_listen_options o) {
    struct hob_listener *l;
    CHECK_EQ(hob_listen_with(where, o, &l), 0);
    return l;
}
static const struct hob_listen_options plain;

static int option_of(int fd, int level, int name) {
    int value = -1;
    socklen_t n = sizeof value;
    struct hob__backend *b = &hob__loop->backend;
    CHECK_EQ(b->ops->sys->getsockopt(b, fd, level, name, &value, &n), 0);
    return value;
}

/* Both ends of a connection to the listener's i-th address. */
static void join(struct hob_listener *l, unsigned i, struct hob_stream **client,
                 struct hob_stream **server) {
    CHECK_EQ(hob_connect(hob_listener_address_at(l, i), client), 0);
    CHECK_EQ(hob_accept(l, server), 0);
}

static bool has_ipv6(void) {
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    bool has = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0;
    if (fd >= 0) close(fd);
    return has;
}

static int port_in(const char *address) { return atoi(strrchr(address, ':') + 1); }

/* ---- options ---- */

TASK_TEST(accepted_streams_inherit_the_options) {
    struct hob_stream *c, *s;
    struct hob_listener *l = listening("127.0.0.1:0", plain);
    join(l, 0, &c, &s);
    CHECK_EQ(option_of(hob_stream_fd(s), IPPROTO_TCP, TCP_NODELAY), 1);
    CHECK_EQ(option_of(hob_stream_fd(s), SOL_SOCKET, SO_KEEPALIVE), 0);
    hob_close(c);
    hob_close(s);
    hob_listener_close(l);
    l = listening("127.0.0.1:0", (struct hob_listen_options){.delay = true, .keepalive = 30});
    join(l, 0, &c, &s);
    CHECK_EQ(option_of(hob_stream_fd(s), IPPROTO_TCP, TCP_NODELAY), 0);
    CHECK_EQ(option_of(hob_stream_fd(s), SOL_SOCKET, SO_KEEPALIVE), 1);
    CHECK_EQ(option_of(hob_stream_fd(s), IPPROTO_TCP, TCP_KEEPIDLE), 30);
    CHECK_EQ(option_of(hob_stream_fd(s), IPPROTO_TCP, TCP_KEEPINTVL), 10);
    hob_close(c);
    hob_close(s);
    hob_listener_close(l);
    return 0;
}

TASK_TEST(a_small_backlog_refuses_nobody_who_waits) {
    struct hob_listener *l = listening("127.0.0.1:0", (struct hob_listen_options){.backlog = 1});
    struct hob_stream *c[4], *s;
    for (int i = 0; i < 2; i++) CHECK_EQ(hob_connect(hob_listener_address(l), &c[i]), 0);
    /* It is full: the third waits, until there is room. */
    CHECK_EQ(hob_within(0.05, hob_connect(hob_listener_address(l), &c[2])), -ETIMEDOUT);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(hob_accept(l, &s), 0);
        hob_close(s);
        hob_close(c[i]);
    }
    hob_listener_close(l);
    return 0;
}

TASK_TEST(a_port_in_use_is_an_error_with_its_address) {
    struct hob_listener *l = listening("127.0.0.1:0", plain), *twin;
    CHECK_EQ(hob_listen(hob_listener_address(l), &twin), -EADDRINUSE);
    CHECK_HAS(hob_error()->message, hob_listener_address(l));
    hob_listener_close(l);
    CHECK_EQ(hob_listen("192.0.2.1:0", &twin), -EADDRNOTAVAIL);
    CHECK_EQ(hob_listen("nonsense", &twin), HOB_E_ADDRESS);
    CHECK_EQ(hob_listen(NULL, &twin), HOB_E_ADDRESS);
    return 0;
}

/* ---- several loops on one port ---- */

static int answer_with(struct hob_stream *s, int number) {
    char c = (char)number;
    return (int)hob_write(s, &c, 1);
}
HOB_TASK(answer_with, struct hob_stream *, int)

static struct worker {
    int number;
    char address[64];
    struct hob_loop *_Atomic loop;
    struct hob_scope *scope;
    int rc;
} workers[2];

static void stop_worker(void *arg) { hob_stop(((struct worker *)arg)->scope, 5); }

static int work(struct worker *w) {
    struct hob_listener *l;
    HOB_TRY(hob_listen_with(w->address, (struct hob_listen_options){.reuse_port = true}, &l));
    HOB_SCOPE(s);
    w->scope = s;
    hob_loop_hold(hob_loop_current());
    w->loop = hob_loop_current();
    int rc = hob_serve(l, answer_with, w->number);
    hob_listener_close(l);
    return rc;
}
HOB_TASK(work, struct worker *)

static void *worker_thread(void *arg) {
    struct worker *w = arg;
    w->rc = hob_run_with(((struct hob_options){.no_interrupt = true}), work, w);
    return NULL;
}

static int ask_all(const char *address, int *from) {
    for (int i = 0; i < 200; i++) {
        struct hob_stream *c;
        char who = 9;
        HOB_TRY(hob_connect(address, &c));
        CHECK_EQ(hob_read(c, &who, 1), 1);
        from[(int)who]++;
        hob_close(c);
    }
    return 0;
}
HOB_TASK(ask_all, const char *, int *)

TEST(two_loops_share_a_port) {
    /* A socket that holds the port, without listening. */
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, from[10] = {0};
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    pthread_t threads[2];
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    CHECK_EQ(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    CHECK_EQ(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    for (int i = 0; i < 2; i++) {
        workers[i].number = i;
        snprintf(workers[i].address, sizeof workers[i].address, "127.0.0.1:%d", ntohs(a.sin_port));
        CHECK_EQ(pthread_create(&threads[i], NULL, worker_thread, &workers[i]), 0);
        while (!workers[i].loop) usleep(1000);
    }
    CHECK_EQ(hob_run(ask_all, workers[0].address, from), 0);
    CHECK_EQ(from[0] + from[1], 200);
    CHECK(from[0] > 20 && from[1] > 20);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(hob_loop_post(workers[i].loop, stop_worker, &workers[i]), 0);
        hob_loop_release(workers[i].loop);
        pthread_join(threads[i], NULL);
        CHECK_EQ(workers[i].rc, 0);
    }
    close(fd);
}

/* ---- several addresses ---- */

TASK_TEST(localhost_is_both_families_on_one_port) {
    if (!has_ipv6()) return 0;
    int fds = count_fds();
    struct hob_listener *l = listening("localhost:0", plain);
    CHECK_HAS(hob_listener_address(l), "127.0.0.1:");
    CHECK_HAS(hob_listener_address_at(l, 1), "[::1]:");
    CHECK_EQ(port_in(hob_listener_address(l)), port_in(hob_listener_address_at(l, 1)));
    CHECK(hob_listener_address_at(l, 2) == NULL);
    for (unsigned i = 0; i < 6; i++) {
        struct hob_stream *c, *s;
        join(l, i % 2, &c, &s);
        CHECK_HAS(hob_stream_peer(s), i % 2 ? "[::1]:" : "127.0.0.1:");
        hob_close(c);
        hob_close(s);
    }
    hob_listener_close(l);
    CHECK_EQ(count_fds(), fds);
    return 0;
}

static int take(struct hob_listener *l, char *peer) {
    struct hob_stream *s;
    HOB_TRY(hob_accept(l, &s));
    strcpy(peer, hob_stream_peer(s));
    hob_close(s);
    return 0;
}
HOB_TASK(take, struct hob_listener *, char *)

TASK_TEST(a_waiting_accept_sees_either_family) {
    if (!has_ipv6()) return 0;
    struct hob_listener *l = listening("localhost:0", plain);
    for (unsigned i = 0; i < 4; i++) {
        char peer[64] = "";
        struct hob_stream *c;
        HOB_SCOPE(s);
        hob_spawn(s, take, l, peer);
        HOB_TRY(hob_sleep(0.005)); /* it sleeps */
        CHECK_EQ(hob_connect(hob_listener_address_at(l, i % 2), &c), 0);
        CHECK_EQ(hob_join(s), 0);
        CHECK_HAS(peer, i % 2 ? "[::1]:" : "127.0.0.1:");
        hob_close(c);
    }
    struct hob_stream *c;
    CHECK_EQ(hob_within(0.01, hob_accept(l, &c)), -ETIMEDOUT);
    hob_listener_close(l);
    return 0;
}

TASK_TEST(an_empty_host_is_every_address) {
    struct hob_listener *l = listening(":0", plain);
    char address[64];
    struct hob_stream *c, *s;
    CHECK_HAS(hob_listener_address(l), "0.0.0.0:");
    snprintf(address, sizeof address, "127.0.0.1:%d", port_in(hob_listener_address(l)));
    CHECK_EQ(hob_connect(address, &c), 0);
    CHECK_EQ(hob_accept(l, &s), 0);
    CHECK_HAS(hob_stream_peer(s), "127.0.0.1:"); /* not an IPv6 form of it */
    hob_close(c);
    hob_close(s);
    if (has_ipv6()) {
        CHECK_HAS(hob_listener_address_at(l, 1), "[::]:");
        snprintf(address, sizeof address, "[::1]:%d", port_in(hob_listener_address(l)));
        CHECK_EQ(hob_connect(address, &c), 0);
        CHECK_EQ(hob_accept(l, &s), 0);
        hob_close(c);
        hob_close(s);
    }
    hob_listener_close(l);
    return 0;
}

/* Nobody listens there until the test ends. */
static bool reserved(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bool is = bind(fd, (struct sockaddr *)&a, sizeof a) == 0;
    if (!is) close(fd);
    return is;
}

TASK_TEST(v6only_as_told) {
    if (!has_ipv6()) return 0;
    for (int v6only = -1; v6only <= 1; v6only += 2) {
        struct hob_listener *l = listening("[::]:0", (struct hob_listen_options){.v6only = v6only});
        char address[64];
        struct hob_stream *c, *s;
        /* In the other family the port may be another program's. */
        while (v6only > 0 && !reserved(port_in(hob_listener_address(l)))) {
            hob_listener_close(l);
            l = listening("[::]:0", (struct hob_listen_options){.v6only = v6only});
        }
        snprintf(address, sizeof address, "127.0.0.1:%d", port_in(hob_listener_address(l)));
        CHECK_EQ(hob_connect(address, &c), v6only > 0 ? -ECONNREFUSED : 0);
        if (v6only < 0) {
            CHECK_EQ(hob_accept(l, &s), 0);
            hob_close(s);
            hob_close(c);
        }
        hob_listener_close(l);
    }
    return 0;
}

TASK_TEST(a_port_in_use_in_one_family_leaves_nothing_open) {
    if (!has_ipv6()) return 0;
    struct hob_listener *six = listening("[::1]:0", plain), *l;
    char address[64];
    int fds = count_fds();
    snprintf(address, sizeof address, "localhost:%d", port_in(hob_listener_address(six)));
    CHECK_EQ(hob_listen(address, &l), -EADDRINUSE);
    CHECK_EQ(count_fds(), fds);
    hob_listener_close(six);
    return 0;
}

/* ---- Unix sockets' files ---- */

static char dir[64], path[108], where[116];
static void make_dir(void) {
    snprintf(dir, sizeof dir, TEST_PATH "-XXXXXX", (int)getpid(), "listen");
    CHECK(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/socket", dir);
    snprintf(where, sizeof where, "unix:%s", path);
}
static void remove_dir(void) { CHECK_EQ(rmdir(dir), 0); }
static bool is_there(void) {
    struct stat st;
    return lstat(path, &st) == 0;
}

TASK_TEST(unix_file_is_removed_at_the_end) {
    make_dir();
    struct hob_listener *l = listening(where, plain);
    CHECK_STR(hob_listener_address(l), where);
    CHECK(is_there());
    hob_listener_close(l);
    CHECK(!is_there());
    remove_dir();
    return 0;
}

TASK_TEST(unix_file_that_is_gone_or_replaced_is_left_alone) {
    make_dir();
    struct hob_listener *l = listening(where, plain);
    CHECK_EQ(unlink(path), 0);
    hob_listener_close(l); /* gone: nothing to do */
    l = listening(where, plain);
    CHECK_EQ(unlink(path), 0);
    struct hob_listener *next = listening(where, plain);
    hob_listener_close(l); /* the successor's stays, and works */
    CHECK(is_there());
    struct hob_stream *c, *s;
    join(next, 0, &c, &s);
    hob_close(c);
    hob_close(s);
    hob_listener_close(next);
    CHECK(!is_there());
    l = listening(where, plain);
    CHECK_EQ(unlink(path), 0);
    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)); /* a file of somebody else */
    hob_listener_close(l);
    CHECK(is_there());
    CHECK_EQ(unlink(path), 0);
    remove_dir();
    return 0;
}

TASK_TEST(unix_stale_file_is_replaced_a_live_one_refused) {
    make_dir();
    struct sockaddr_un u = {.sun_family = AF_UNIX};
    strcpy(u.sun_path, path);
    int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_EQ(bind(dead, (struct sockaddr *)&u, sizeof u), 0);
    close(dead); /* as a killed server leaves it */
    CHECK(is_there());
    struct hob_listener *l = listening(where, plain), *twin;
    int fds = count_fds();
    CHECK_EQ(hob_listen(where, &twin), -EADDRINUSE);
    CHECK_HAS(hob_error()->message, path);
    CHECK_EQ(count_fds(), fds);
    CHECK(is_there()); /* the refused one has not removed it */
    hob_listener_close(l);
    CHECK(!is_there());
    remove_dir();
    return 0;
}

TASK_TEST(unix_file_that_is_no_socket_is_never_replaced) {
    make_dir();
    struct hob_listener *l;
    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    CHECK_EQ(hob_listen(where, &l), -EADDRINUSE);
    CHECK_HAS(hob_error()->message, path);
    CHECK_HAS(hob_error()->message, "is not a socket");
    CHECK(is_there());
    CHECK_EQ(unlink(path), 0);
    CHECK_EQ(symlink("nowhere", path), 0);
    CHECK_EQ(hob_listen(where, &l), -EADDRINUSE);
    CHECK(is_there());
    CHECK_EQ(unlink(path), 0);
    remove_dir();
    CHECK_EQ(hob_listen(where, &l), -ENOENT); /* no such directory */
    CHECK_EQ(hob_listen("unix:/dev/full/x", &l), -ENOTDIR);
    return 0;
}

TASK_TEST(unix_file_has_the_mode_that_was_asked_for) {
    static const unsigned modes[] = {0600, 0660, 0666, 0777};
    make_dir();
    umask(027);
    for (int i = 0; i < 4; i++) {
        struct stat st;
        struct hob_listener *l = listening(where, (struct hob_listen_options){.mode = modes[i]});
        CHECK_EQ(lstat(path, &st), 0);
        CHECK_EQ(st.st_mode & 07777, modes[i]);
        hob_listener_close(l);
    }
    struct stat st;
    struct hob_listener *l = listening(where, plain);
    CHECK_EQ(lstat(path, &st), 0);
    CHECK_EQ(st.st_mode & 07777, 0750);
    hob_listener_close(l);
    remove_dir();
    return 0;
}

/* ---- descriptors ---- */

static int raw_listener(bool listens) {
    int fd = socket(AF_INET, SOCK_STREAM, 0); /* blocking, inherited */
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    CHECK(fd >= 0);
    CHECK_EQ(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    if (listens) CHECK_EQ(listen(fd, 10), 0);
    return fd;
}

TASK_TEST(an_inherited_descriptor_listens) {
    int fd = raw_listener(true);
    struct hob_listener *l;
    CHECK_EQ(hob_listen_fd(fd, plain, &l), 0);
    CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
    CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    struct hob_stream *c, *s;
    join(l, 0, &c, &s);
    CHECK_EQ(option_of(hob_stream_fd(s), IPPROTO_TCP, TCP_NODELAY), 1);
    hob_close(c);
    hob_close(s);
    hob_listener_close(l);
    CHECK_EQ(fcntl(fd, F_GETFD), -1); /* closed with it */
    return 0;
}

TASK_TEST(a_descriptor_that_does_not_listen_is_refused_and_stays_open) {
    int fds[4] = {raw_listener(false), open("/dev/null", O_RDONLY | O_CLOEXEC),
                  socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), 9999};
    int wanted[4] = {HOB_E_NOT_LISTENING, HOB_E_NOT_LISTENING, HOB_E_NOT_LISTENING, -EBADF};
    for (int i = 0; i < 4; i++) {
        struct hob_listener *l;
        CHECK_EQ(hob_listen_fd(fds[i], plain, &l), wanted[i]);
        CHECK_HAS(hob_error()->message, "descriptor");
        if (i < 3) CHECK(fcntl(fds[i], F_GETFD) >= 0);
        if (i < 3) close(fds[i]);
    }
    return 0;
}

/* ---- the service manager ---- */

static void set_number(const char *name, long n) {
    char text[24];
    snprintf(text, sizeof text, "%ld", n);
    setenv(name, text, 1);
}

/* As systemd does it: n listening sockets from descriptor 3 on. */
static void activate(int n, const char *names) {
    int fds[8];
    for (int i = 0; i < n; i++) fds[i] = fcntl(raw_listener(true), F_DUPFD, 20);
    for (int i = 0; i < n; i++) CHECK_EQ(dup2(fds[i], 3 + i), 3 + i);
    for (int i = 0; i < n; i++) close(fds[i]);
    set_number("LISTEN_PID", getpid());
    set_number("LISTEN_FDS", n);
    if (names)
        setenv("LISTEN_FDNAMES", names, 1);
    else
        unsetenv("LISTEN_FDNAMES");
}

static int use_activated(void) {
    struct hob_listener *web, *rest, *none;
    struct hob_stream *c, *s;
    CHECK_EQ(hob_listen("systemd:nobody", &none), HOB_E_NO_SOCKET);
    CHECK_HAS(hob_error()->message, "nobody");
    CHECK_EQ(hob_listen("systemd:web", &web), 0); /* two of three have that name */
    CHECK(hob_listener_address_at(web, 1) != NULL && hob_listener_address_at(web, 2) == NULL);
    for (unsigned i = 0; i < 4; i++) {
        join(web, i % 2, &c, &s);
        hob_close(c);
        hob_close(s);
    }
    CHECK_EQ(hob_listen("systemd:web", &none), HOB_E_NO_SOCKET); /* taken */
    CHECK_HAS(hob_error()->message, "in use here already");
    CHECK_EQ(hob_listen("systemd:", &rest), 0); /* what is left */
    CHECK(hob_listener_address_at(rest, 1) == NULL);
    join(rest, 0, &c, &s);
    hob_close(c);
    hob_close(s);
    hob_listener_close(web);
    hob_listener_close(rest);
    return 0;
}
HOB_TASK(use_activated)

TEST(sockets_of_the_service_manager_by_name) {
    activate(3, "web:admin:web");
    CHECK_EQ(hob_run(use_activated), 0);
}

static int use_unnamed(void) {
    struct hob_listener *l;
    HOB_TRY(hob_listen("systemd:unknown", &l));
    hob_listener_close(l);
    return 0;
}
HOB_TASK(use_unnamed)
TEST(sockets_without_names_are_called_unknown) {
    activate(1, NULL);
    CHECK_EQ(hob_run(use_unnamed), 0);
}

static int expect_none(int code, const char *words) {
    struct hob_listener *l;
    CHECK_EQ(hob_listen("systemd:web", &l), code);
    CHECK_HAS(hob_error()->message, words);
    return 0;
}
HOB_TASK(expect_none, int, const char *)

TEST(sockets_of_another_process_or_none_are_refused) {
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    CHECK_EQ(hob_run(expect_none, HOB_E_NO_SOCKET, "no sockets were passed"), 0);
    activate(1, "web");
    set_number("LISTEN_PID", getpid() + 1);
    CHECK_EQ(hob_run(expect_none, HOB_E_NO_SOCKET, "another process"), 0);
    static const char *const bad[] = {"", "-1", "0", "x", "1x", "99999999999999999999"};
    set_number("LISTEN_PID", getpid());
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        setenv("LISTEN_FDS", bad[i], 1);
        CHECK_EQ(hob_run(expect_none, i < 5 ? HOB_E_NO_SOCKET : HOB_E_LIMIT, "passed"), 0);
    }
}

static int refused_then_free(void) {
    struct hob_listener *l;
    CHECK_EQ(hob_listen("systemd:web", &l), HOB_E_NOT_LISTENING);
    CHECK_EQ(listen(3, 10), 0);
    HOB_TRY(hob_listen("systemd:web", &l)); /* the refusal has given it back */
    hob_listener_close(l);
    return 0;
}
HOB_TASK(refused_then_free)
TEST(a_passed_socket_that_does_not_listen_is_refused) {
    activate(1, "web");
    CHECK_EQ(dup2(raw_listener(false), 3), 3);
    CHECK_EQ(hob_run(refused_then_free), 0);
}

static int notify_socket(bool abstract) {
    struct sockaddr_un u = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    char name[100];
    snprintf(name, sizeof name, "%s/hob-notify-%d", abstract ? "@tmp" : "/tmp", (int)getpid());
    strcpy(u.sun_path, name);
    if (abstract) u.sun_path[0] = 0;
    CHECK_EQ(bind(fd, (struct sockaddr *)&u,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
             0);
    setenv("NOTIFY_SOCKET", name, 1);
    return fd;
}

TASK_TEST(the_service_manager_is_told) {
    char text[64];
    unsetenv("NOTIFY_SOCKET");
    CHECK_EQ(hob_service_notify("READY=1"), 0);
    for (int abstract = 0; abstract < 2; abstract++) {
        int fd = notify_socket(abstract), fds = count_fds();
        CHECK_EQ(hob_service_notify("READY=1\nSTATUS=serving"), 1);
        CHECK_EQ(recv(fd, text, sizeof text, 0), 22);
        CHECK(memcmp(text, "READY=1\nSTATUS=serving", 22) == 0);
        CHECK_EQ(hob_service_notify("STOPPING=1"), 1);
        CHECK_EQ(recv(fd, text, sizeof text, 0), 10);
        CHECK_EQ(count_fds(), fds);
        close(fd);
        if (!abstract) unlink(getenv("NOTIFY_SOCKET"));
    }
    CHECK_EQ(hob_service_notify("READY=1"), -ECONNREFUSED);
    CHECK_HAS(hob_error()->message, getenv("NOTIFY_SOCKET"));
    setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
    CHECK_EQ(hob_service_notify("READY=1"), -ENOENT);
    setenv("NOTIFY_SOCKET", "vsock:2:1234", 1);
    CHECK_EQ(hob_service_notify("READY=1"), -EOPNOTSUPP);
    return 0;
}

static int fill(void) {
    int rc, sent = 0;
    while ((rc = hob_within(0.05, hob_service_notify("WATCHDOG=1"))) == 1) sent++;
    return rc == -ETIMEDOUT ? sent : rc;
}

TASK_TEST(a_full_queue_of_the_manager_is_waited_for) {
    int fd = notify_socket(true), fds = count_fds();
    int sent = fill();
    CHECK(sent > 0);
    CHECK_EQ(count_fds(), fds);
    char text[64];
    for (int i = 0; i < sent; i++) CHECK_EQ(recv(fd, text, sizeof text, MSG_DONTWAIT), 10);
    CHECK_EQ(hob_service_notify("STOPPING=1"), 1);
    close(fd);
    return 0;
}

TEST_MAIN()
