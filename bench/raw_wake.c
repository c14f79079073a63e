/* raw_wake.c - the limit of wake: a thread that sleeps in epoll_wait is woken by another one
 * through an eventfd; wall time, median. */
#include "bench.h"
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { WAKES = 1000, REST_US = 200 };

static int bell;
static uint64_t posted;
static int seen; /* wakes that have arrived */

static void *other_thread(void *arg) {
    uint64_t one = 1;
    bench_pin(true);
    for (int i = 0; i < WAKES; i++) {
        while (__atomic_load_n(&seen, __ATOMIC_ACQUIRE) < i) usleep(REST_US);
        usleep(REST_US);
        __atomic_store_n(&posted, bench_wall(), __ATOMIC_RELEASE);
        if (write(bell, &one, sizeof one) != sizeof one) BENCH_FAIL("wake: write failed");
    }
    return arg;
}

int main(void) {
    static double us[WAKES];
    pthread_t other;
    int poller = epoll_create1(EPOLL_CLOEXEC);
    bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    struct epoll_event e = {.events = EPOLLIN}, got;
    if (poller < 0 || bell < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, bell, &e) != 0 ||
        pthread_create(&other, NULL, other_thread, NULL) != 0)
        BENCH_FAIL("wake: cannot begin");
    bench_pin(false);
    for (int i = 0; i < WAKES; i++) {
        uint64_t n;
        while (epoll_wait(poller, &got, 1, -1) != 1) {}
        if (read(bell, &n, sizeof n) != sizeof n) BENCH_FAIL("wake: read failed");
        us[i] = (double)(bench_wall() - __atomic_load_n(&posted, __ATOMIC_ACQUIRE)) * 1e-3;
        __atomic_store_n(&seen, i + 1, __ATOMIC_RELEASE);
    }
    pthread_join(other, NULL);
    bench_result("wake", bench_median(us, WAKES), "us");
    return 0;
}
