/* prefork_test.c - servers in several processes: requests are spread, dead workers replaced, all of
 * them exchanged without an error for the clients, limits, and how it ends. The server is a child
 * of the test; the clients are plain sockets, so that nothing of Hob runs in the test's process. */
#include "base/memory.h"
#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <hob/http.h>
#include <hob/prefork.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

static struct shared {
    int port;
    int mode;
    int gate, told, ready; /* SLOWLY: a worker begins when this lets one through; who has begun */
    int held;              /* requests that wait in their handler */
    char address[64];
} * shared;

enum { PLAIN, NEVER_READY, FAILS, FAILS_LATER, SLOWLY, STUBBORN, DIES, SECOND };

static int handle(struct hob_request *req, void *arg) {
    char text[32];
    (void)arg;
    if (strcmp(hob_request_path(req), "/die") == 0) abort();
    if (strcmp(hob_request_path(req), "/slow") == 0) HOB_TRY(hob_sleep(0.3));
    bool longer = strcmp(hob_request_path(req), "/longer") == 0;
    bool to_the_end = longer || strcmp(hob_request_path(req), "/until-the-end") == 0;
    if (to_the_end || strcmp(hob_request_path(req), "/for-ever") == 0) {
        __atomic_fetch_add(&shared->held, 1, __ATOMIC_ACQ_REL);
        while (!to_the_end || !hob_stopping()) HOB_TRY(hob_sleep(0.005));
        if (longer) HOB_TRY(hob_sleep(0.3));
    }
    snprintf(text, sizeof text, "%d", (int)getpid());
    return hob_respond_text(req, 200, "text/plain", text);
}

/* Whether the gate lets this worker through: each of its places is for one of them. */
static bool let_through(void) {
    int places = __atomic_load_n(&shared->gate, __ATOMIC_ACQUIRE);
    return places > 0 && __atomic_compare_exchange_n(&shared->gate, &places, places - 1, false,
                                                     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

static int port_of(struct hob_listener *l) {
    return atoi(strrchr(hob_listener_address(l), ':') + 1);
}

/* On the second address alone, which is there at last, however often memory fails before. */
static int serve_second(void) {
    struct hob_listener *l;
    int rc, allocations = 0;
    do {
        hob__alloc_fail_at(++allocations);
        rc = hob_prefork_also(&l);
        CHECK_EQ(l != NULL, rc == 0);
    } while (rc == -ENOMEM);
    hob__alloc_fail_at(0);
    CHECK_EQ(rc, 0);
    CHECK(allocations > 1);
    shared->port = port_of(l);
    rc = hob_http_serve(l, handle, NULL, (struct hob_http_options){0});
    hob_listener_close(l);
    return rc;
}

static int serve(struct hob_listener *listener, uint64_t max) {
    if (shared->mode == SECOND) return serve_second();
    shared->port = port_of(listener);
    if (shared->mode == NEVER_READY) return hob_sleep(100);
    if (shared->mode == SLOWLY) {
        while (!let_through()) HOB_TRY(hob_sleep(0.01));
        __atomic_fetch_add(&shared->ready, 1, __ATOMIC_ACQ_REL);
    }
    if (shared->mode == FAILS) return hob_fail(-EIO, "on purpose");
    if (shared->mode == FAILS_LATER) return -EIO;
    if (shared->mode == STUBBORN || shared->mode == DIES) {
        __atomic_fetch_add(&shared->ready, 1, __ATOMIC_ACQ_REL);
        hob_prefork_ready();
        if (shared->mode == DIES) _exit(7);
        return hob_shielded(hob_sleep(100));
    }
    return hob_http_serve(listener, handle, NULL, (struct hob_http_options){.max_served = max});
}
HOB_TASK(serve, struct hob_listener *, uint64_t)

static void say_listening(const char *address) {
    snprintf(shared->address, sizeof shared->address, "%s", address);
    __atomic_fetch_add(&shared->told, 1, __ATOMIC_ACQ_REL);
}

static pid_t begin_as(int mode, unsigned workers, uint64_t max, double grace) {
    *shared = (struct shared){.mode = mode};
    fflush(NULL);
    pid_t pid = fork();
    if (pid) return pid;
    setsid();                         /* what the parent sends itself reaches nobody else */
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* a test that fails leaves no server */
    int rc =
        hob_prefork("127.0.0.1:0",
                    ((struct hob_prefork_options){.count = workers,
                                                  .grace = grace,
                                                  .start_timeout = mode == NEVER_READY ? 0.3 : 0,
                                                  .also = mode == SECOND ? "localhost:0" : NULL,
                                                  .listening = say_listening}),
                    serve, max);
    if (rc == HOB_E_PREFORK) CHECK_HAS(hob_error()->message, "serving 127.0.0.1:0");
    _exit(rc == 0 ? 0 : rc == HOB_E_PREFORK ? 3 : rc == -ECANCELED ? 4 : 5);
}

static pid_t begin(unsigned workers, uint64_t max) { return begin_as(PLAIN, workers, max, 0); }

static double now(void) { /* seconds */
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
static void rest(double seconds) { usleep((useconds_t)(seconds * 1e6)); }

static int connected(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < 2000; i++) {
        a.sin_port = htons((uint16_t)shared->port);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (shared->port && connect(fd, (struct sockaddr *)&a, sizeof a) == 0) return fd;
        close(fd);
        rest(0.005);
    }
    FAIL("nobody listens");
    return -1;
}

/* The body of an answer, or "" for none. */
static const char *ask(const char *path) {
    static char text[4096];
    char request[128];
    int fd = connected(),
        n = snprintf(request, sizeof request,
                     "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", path);
    CHECK_EQ(send(fd, request, (size_t)n, MSG_NOSIGNAL), n);
    size_t at = 0;
    for (ssize_t got; (got = recv(fd, text + at, sizeof text - 1 - at, 0)) > 0;) at += (size_t)got;
    text[at] = 0;
    close(fd);
    const char *body = strstr(text, "\r\n\r\n");
    return body ? body + 4 : "";
}

static int status_of(pid_t pid) {
    int status;
    for (int i = 0; i < 4000; i++) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        rest(0.005);
    }
    FAIL("the parent does not end");
    return -1;
}

static int end(pid_t pid) {
    kill(pid, SIGTERM);
    return status_of(pid);
}

/* Asks until another worker answers. How many requests that takes depends on when it gets ready, of
 * which nothing is promised: the test's time is the limit. */
static int another_than(int first) {
    int who = atoi(ask("/"));
    while (who == first) who = atoi(ask("/"));
    return who;
}

TEST(workers_share_the_requests_and_end) {
    pid_t pid = begin(2, 0);
    int first = atoi(ask("/"));
    CHECK(first > 0 && first != pid);
    CHECK(another_than(first) > 0);
    CHECK_EQ(end(pid), 0);
    CHECK(kill(first, 0) < 0 && errno == ESRCH);
}

TEST(a_dead_worker_is_replaced) {
    pid_t pid = begin(1, 0);
    int first = atoi(ask("/"));
    CHECK_STR(ask("/die"), "");
    int second = atoi(ask("/"));
    CHECK(second > 0 && second != first);
    kill(second, SIGKILL);
    int third = atoi(ask("/")); /* perhaps of the dying one: then it is nothing */
    while (third == 0 || third == second) third = atoi(ask("/"));
    CHECK_EQ(end(pid), 0);
}

static void wait_for(int *word, int value) {
    for (int i = 0; __atomic_load_n(word, __ATOMIC_ACQUIRE) < value; i++) {
        CHECK(i < 4000);
        rest(0.005);
    }
}

/* One of two is ready: that is not enough. An exchange of them does not tell it again. */
TEST(it_is_told_when_all_workers_are_ready) {
    pid_t pid = begin_as(SLOWLY, 2, 0, 0);
    rest(0.1);
    CHECK_EQ(shared->told, 0);
    __atomic_store_n(&shared->gate, 1, __ATOMIC_RELEASE);
    wait_for(&shared->ready, 1);
    rest(0.1);
    CHECK_EQ(shared->told, 0);
    __atomic_store_n(&shared->gate, 1, __ATOMIC_RELEASE);
    wait_for(&shared->told, 1);
    CHECK_EQ(shared->ready, 2);
    CHECK_EQ(atoi(strrchr(shared->address, ':') + 1), shared->port);
    CHECK(atoi(ask("/")) > 0);
    __atomic_store_n(&shared->gate, 2, __ATOMIC_RELEASE);
    kill(pid, SIGHUP);
    wait_for(&shared->ready, 4);
    CHECK(atoi(ask("/")) > 0);
    CHECK_EQ(end(pid), 0);
    CHECK_EQ(shared->told, 1);
}

/* Requests all the time, while all workers are exchanged three times: none is lost. */
TEST(a_rolling_restart_loses_nothing) {
    pid_t pid = begin(2, 0);
    int pids[64], n = 0, asked = 0;
    ask("/");
    for (int round = 0; round < 3; round++) {
        int before = n;
        kill(pid, SIGHUP);
        /* until two others have answered */
        while (n < before + 2) {
            const char *body = ask(asked++ % 7 ? "/" : "/slow");
            int who = atoi(body);
            if (who <= 0) FAIL("request %d was lost", asked);
            CHECK(asked < 20000);
            int i = 0;
            while (i < n && pids[i] != who) i++;
            if (i == n && n < 64) pids[n++] = who;
        }
    }
    CHECK_EQ(end(pid), 0);
}

/* A client of kept connections that asks again as soon as it has its answer, and never a second
 * time for the same: 1, 0: the server has said that this was the last one; -1: it was lost. */
static int ask_again(int fd) {
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    char text[4096], *body;
    size_t at = 0;
    if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0) return -1;
    for (;;) {
        ssize_t got = recv(fd, text + at, sizeof text - 1 - at, 0);
        if (got <= 0) return -1;
        at += (size_t)got;
        text[at] = 0;
        const char *size = strstr(text, "Content-Length: ");
        if (size && (body = strstr(size, "\r\n\r\n")) &&
            strlen(body + 4) >= strtoul(size + 16, NULL, 10))
            return strstr(text, "Connection: close") == NULL;
    }
}

/* So long, on ten of them; how many were lost. */
static int lost_on_kept_connections(double seconds, void (*meanwhile)(pid_t), pid_t pid) {
    int fds[10], lost = 0;
    for (int i = 0; i < 10; i++) fds[i] = connected();
    for (int tenths = 0; tenths < (int)(seconds * 10); tenths++) {
        double began = now();
        if (tenths % 5 == 1) meanwhile(pid);
        do {
            for (int i = 0; i < 10; i++) {
                int rc = ask_again(fds[i]);
                lost += rc < 0;
                if (rc == 1) continue;
                close(fds[i]);
                fds[i] = connected();
            }
        } while (now() - began < 0.1);
    }
    for (int i = 0; i < 10; i++) close(fds[i]);
    return lost;
}

static void exchange(pid_t pid) { kill(pid, SIGHUP); }
static void nothing(pid_t pid) { (void)pid; }

/* A connection that waits for its next request is told that it ends, by the next answer. */
TEST(a_rolling_restart_loses_nothing_on_kept_connections) {
    pid_t pid = begin(2, 0);
    int first = atoi(ask("/"));
    CHECK_EQ(lost_on_kept_connections(2.5, exchange, pid), 0);
    for (int i = 0; kill(first, 0) == 0; i++) {
        CHECK(i < 4000);
        rest(0.005);
    }
    CHECK_EQ(end(pid), 0);
}

TEST(nor_does_a_limit_of_requests) {
    pid_t pid = begin(2, 500);
    int first = atoi(ask("/"));
    /* On a slow machine it takes longer until the first has had so many. */
    do CHECK_EQ(lost_on_kept_connections(1.5, nothing, pid), 0);
    while (kill(first, 0) == 0);
    CHECK_EQ(end(pid), 0);
}

/* While the server ends nobody goes on: they are closed at once. */
static bool closed_at_once(void) {
    pid_t pid = begin(1, 0);
    char byte;
    ask("/");
    int fd = connected();
    CHECK_EQ(ask_again(fd), 1);
    kill(pid, SIGTERM);
    struct pollfd p = {fd, POLLIN, 0};
    bool soon = poll(&p, 1, 900) == 1; /* its patience with others would be a second */
    CHECK_EQ(recv(fd, &byte, 1, 0), 0);
    close(fd);
    CHECK_EQ(status_of(pid), 0);
    return soon;
}

TEST(the_end_closes_what_waits_at_once) {
    CHECK(closed_at_once() || closed_at_once() || closed_at_once()); /* on a busy machine */
}

TEST(workers_end_with_a_killed_parent) {
    pid_t pid = begin(2, 0);
    CHECK(another_than(atoi(ask("/"))) > 0);
    kill(pid, SIGKILL);
    CHECK_EQ(status_of(pid), -1);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    a.sin_port = htons((uint16_t)shared->port);
    for (int i = 0;; i++) { /* until the last socket is closed */
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int rc = connect(fd, (struct sockaddr *)&a, sizeof a);
        close(fd);
        if (rc < 0 && errno == ECONNREFUSED) break;
        CHECK(i < 4000);
        rest(0.005);
    }
}

TEST(a_second_address_without_memory_is_still_there) {
    pid_t pid = begin_as(SECOND, 1, 0, 0);
    CHECK(atoi(ask("/")) > 0);
    CHECK_EQ(end(pid), 0);
}

/* Its workers' parent is process 1, as that of orphans is elsewhere. */
TEST(as_the_first_process_of_a_container) {
    fflush(NULL);
    pid_t outside = fork();
    if (outside == 0) {
        if (unshare(CLONE_NEWPID) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWPID) < 0) _exit(77);
        pid_t pid = begin(1, 0);
        CHECK(atoi(ask("/")) > 1);
        CHECK_EQ(end(pid), 0);
        _exit(0);
    }
    int status = status_of(outside);
    if (status == 77) printf("# no right to make a PID namespace\n");
    CHECK(status == 0 || status == 77);
}

TEST(a_limit_of_requests) {
    pid_t pid = begin(1, 3);
    int pids[9];
    for (int i = 0; i < 9; i++) {
        pids[i] = atoi(ask("/"));
        CHECK(pids[i] > 0);
    }
    CHECK(pids[0] == pids[1] && pids[1] == pids[2]);
    CHECK(pids[2] != pids[3] && pids[3] == pids[5] && pids[5] != pids[6]);
    CHECK_EQ(end(pid), 0);
}

/* Clients do not wait for ever longer because workers reach their limit within a second. (The tenth
 * waited for 5 seconds.) */
TEST(a_limit_that_is_soon_reached) {
    pid_t pid = begin(1, 1);
    ask("/");
    double began = now();
    for (int i = 0; i < 9; i++) CHECK(atoi(ask("/")) > 0);
    CHECK(now() - began < 10); /* 0.9; it was 21 */
    CHECK_EQ(end(pid), 0);
}

/* A connection whose request is in its handler, which holds it. */
static int in_progress(const char *path) {
    char request[100];
    ask("/");
    int fd = connected();
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
    CHECK_EQ(send(fd, request, strlen(request), 0), (ssize_t)strlen(request));
    wait_for(&shared->held, 1);
    return fd;
}

static void is_answered(int fd) {
    char text[512] = "";
    CHECK(recv(fd, text, sizeof text - 1, 0) > 0);
    CHECK_HAS(text, "200 OK");
    close(fd);
}

TEST(requests_in_progress_are_answered_at_the_end) {
    pid_t pid = begin(1, 0);
    int fd = in_progress("/until-the-end");
    kill(pid, SIGTERM);
    is_answered(fd);
    CHECK_EQ(status_of(pid), 0);
}

/* As timeout(1) does it: SIGTERM to its child, and to the group, which is the child and its
 * workers. */
TEST(sigterm_to_the_group_as_well_is_one) {
    for (int tries = 0; tries < 20; tries++) {
        pid_t pid = begin(2, 0);
        int fd = in_progress("/longer");
        double began = now();
        kill(pid, SIGTERM);
        usleep(2000);
        kill(-pid, SIGTERM);
        /* On a busy machine they may be so far apart that they are two. */
        if (now() - began > 0.1) {
            close(fd);
            status_of(pid);
            continue;
        }
        is_answered(fd);
        CHECK_EQ(status_of(pid), 0);
        return;
    }
    FAIL("the machine is too busy to send two signals at once");
}

TEST(nothing_is_to_be_hoped_for) { CHECK_EQ(status_of(begin_as(FAILS, 2, 0, 0)), 3); }

TEST(one_that_never_gets_ready) { CHECK_EQ(status_of(begin_as(NEVER_READY, 1, 0, 0.2)), 3); }

TEST(a_bad_restart_changes_nothing) {
    pid_t pid = begin(1, 0);
    int first = atoi(ask("/"));
    shared->mode = FAILS_LATER;
    kill(pid, SIGHUP);
    rest(0.5);
    CHECK_EQ(atoi(ask("/")), first);
    CHECK_EQ(end(pid), 0);
}

TEST(who_does_not_end_in_its_time_is_killed) {
    pid_t pid = begin_as(STUBBORN, 2, 0, 0.2);
    wait_for(&shared->ready, 2);
    CHECK_EQ(end(pid), 0);
}

/* Workers that get ready and die: they are not started faster than is good for the machine. */
TEST(workers_that_die_at_once_are_replaced_ever_more_slowly) {
    /* From before the first: seen only after it was there, it would be late, and the rest short. */
    double began = now();
    pid_t pid = begin_as(DIES, 1, 0, 0);
    wait_for(&shared->ready, 4);
    CHECK(now() - began > 0.7); /* 0.1, 0.2 and 0.4 */
    CHECK_EQ(end(pid), 0);
}

TEST(a_second_signal_kills) {
    pid_t pid = begin(1, 0);
    int fd = in_progress("/for-ever");
    kill(pid, SIGTERM);
    kill(pid, SIGINT);
    CHECK_EQ(status_of(pid), 4);
    close(fd);
}

static int prefork_here(void) {
    return hob_prefork("127.0.0.1:0", ((struct hob_prefork_options){.count = 1}), serve, 0);
}
HOB_TASK(prefork_here)

TEST(not_inside_a_loop_nor_twice) {
    hob_prefork_ready(); /* nobody's */
    CHECK_EQ(hob_run(prefork_here), HOB_E_RUNNING);
    CHECK_HAS(hob_error()->message, "a loop runs already");
    CHECK_EQ(hob_prefork("no address", ((struct hob_prefork_options){.count = 1}), serve, 0),
             HOB_E_ADDRESS);
    struct hob_prefork_options no_second = {.count = 1, .also = "no address"};
    CHECK_EQ(hob_prefork("127.0.0.1:0", no_second, serve, 0), HOB_E_ADDRESS);
    struct hob_listener *l;
    CHECK_EQ(hob_prefork_also(&l), HOB_E_NO_SOCKET);
    CHECK(!l);
}

__attribute__((constructor)) static void share(void) {
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

TEST_MAIN()
