/* hob_wake.c - wake: the time from a hob_loop_post() in another thread, while the loop sleeps,
 * until the task that it wakes runs; wall time, median. */
#include "bench.h"
#include <hob/hob.h>
#include <pthread.h>
#include <unistd.h>

enum { WAKES = 1000, REST_US = 200 };

static struct hob_loop *loop;
static struct hob_event rung;
static uint64_t posted;
static int seen; /* wakes that have arrived */

static void ring(void *arg) {
    (void)arg;
    hob_event_set(&rung);
}

static void *other_thread(void *arg) {
    bench_pin(true);
    for (int i = 0; i < WAKES; i++) {
        while (__atomic_load_n(&seen, __ATOMIC_ACQUIRE) < i) usleep(REST_US);
        usleep(REST_US);
        __atomic_store_n(&posted, bench_wall(), __ATOMIC_RELEASE);
        if (hob_loop_post(loop, ring, NULL) != 0) BENCH_FAIL("wake: post failed");
    }
    return arg;
}

static int app(void) {
    static double us[WAKES];
    pthread_t other;
    loop = hob_loop_current();
    hob_loop_hold(loop);
    if (pthread_create(&other, NULL, other_thread, NULL) != 0) return -EAGAIN;
    bench_pin(false);
    for (int i = 0; i < WAKES; i++) {
        HOB_TRY(hob_event_wait(&rung));
        us[i] = (double)(bench_wall() - __atomic_load_n(&posted, __ATOMIC_ACQUIRE)) * 1e-3;
        hob_event_clear(&rung);
        __atomic_store_n(&seen, i + 1, __ATOMIC_RELEASE);
    }
    pthread_join(other, NULL);
    hob_loop_release(loop);
    bench_result("wake", bench_median(us, WAKES), "us");
    return 0;
}
HOB_TASK(app)

int main(void) {
    int rc = hob_run(app);
    if (rc < 0) BENCH_FAIL("wake: %s", hob_strerror(rc));
    return 0;
}
