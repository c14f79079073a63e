/* raw_away.c - the limits of hob_away.c: two threads that wake each other by eventfds and
 * epoll_wait, a thread behind a condition variable, a process behind a socket, and four threads or
 * processes that compute. */
#include "away.h"
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct bell {
    int poller, fd;
};

static struct bell make_bell(void) {
    struct bell b = {epoll_create1(EPOLL_CLOEXEC), eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    struct epoll_event e = {.events = EPOLLIN};
    if (b.poller < 0 || b.fd < 0 || epoll_ctl(b.poller, EPOLL_CTL_ADD, b.fd, &e) != 0)
        BENCH_FAIL("away: no eventfd");
    return b;
}
static void ring(struct bell b) {
    uint64_t one = 1;
    if (write(b.fd, &one, sizeof one) != sizeof one) BENCH_FAIL("away: write failed");
}
static void await(struct bell b) {
    struct epoll_event e;
    uint64_t n;
    while (epoll_wait(b.poller, &e, 1, -1) != 1) {}
    if (read(b.fd, &n, sizeof n) != sizeof n) BENCH_FAIL("away: read failed");
}

static struct bell there, back;
static bool over;
static void *echo(void *arg) {
    bench_pin(true);
    for (;;) {
        await(there);
        if (over) return arg;
        ring(back);
    }
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static int jobs;
static void *work(void *arg) {
    pthread_mutex_lock(&lock);
    for (;;) {
        while (jobs == 0) pthread_cond_wait(&more, &lock);
        if (jobs < 0) break;
        jobs--;
        pthread_mutex_unlock(&lock);
        ring(back);
        pthread_mutex_lock(&lock);
    }
    pthread_mutex_unlock(&lock);
    return arg;
}
static void give(int n) {
    pthread_mutex_lock(&lock);
    jobs = n;
    pthread_cond_signal(&more);
    pthread_mutex_unlock(&lock);
}

static void *burn_there(void *arg) {
    burn(0);
    return arg;
}

static void computing(void) {
    pthread_t t[AWAY_JOBS];
    uint64_t began = bench_wall();
    for (int i = 0; i < AWAY_JOBS; i++) pthread_create(&t[i], NULL, burn_there, NULL);
    for (int i = 0; i < AWAY_JOBS; i++) pthread_join(t[i], NULL);
    bench_result("cpu_threads", (double)(bench_wall() - began) * 1e-9, "s");
    began = bench_wall();
    for (int i = 0; i < AWAY_JOBS; i++)
        if (fork() == 0) _exit(burn(0));
    while (wait(NULL) > 0) continue;
    bench_result("cpu_processes", (double)(bench_wall() - began) * 1e-9, "s");
}

int main(void) {
    pthread_t t;
    int pair[2];
    char byte = 0;
    there = make_bell(), back = make_bell();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0) BENCH_FAIL("away: no socket");
    pid_t child = fork();
    if (child == 0) {
        close(pair[0]);
        while (recv(pair[1], &byte, 1, 0) == 1) send(pair[1], &byte, 1, 0);
        _exit(0);
    }
    cpu_set_t all;
    sched_getaffinity(0, sizeof all, &all);
    pthread_create(&t, NULL, echo, NULL);
    bench_pin(false);
    AWAY_MEASURE("channel_2", AWAY_ROUNDS, {
        ring(there);
        await(back);
    });
    over = true;
    ring(there);
    pthread_join(t, NULL);
    sched_setaffinity(0, sizeof all, &all);
    pthread_create(&t, NULL, work, NULL);
    AWAY_MEASURE("to_thread", AWAY_ROUNDS, {
        give(1);
        await(back);
    });
    give(-1);
    pthread_join(t, NULL);
    AWAY_MEASURE("to_process", AWAY_ROUNDS, {
        if (send(pair[0], &byte, 1, 0) != 1 || recv(pair[0], &byte, 1, 0) != 1)
            BENCH_FAIL("away: no echo");
    });
    close(pair[0]);
    waitpid(child, NULL, 0);
    computing();
    return 0;
}
