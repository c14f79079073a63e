/* sequential_vs_concurrent - what tasks are good for, and what not.
 *
 * A hundred waits of 0.1 s take 10 s one after another and 0.1 s together. Computing gains nothing:
 * tasks share one thread, as coroutines do, and who computes does not wait. It gains from threads
 * and from processes, as far as there are CPUs. */
#include <hob/hob.h>
#include <hob/process_pool.h>
#include <hob/thread.h>
#include <stdio.h>

enum { WAITS = 100, COUNTS = 8 };

static int wait_a_little(void) { return hob_sleep(0.1); }
HOB_TASK(wait_a_little)

static int count_primes(int below) {
    int count = 0;
    for (int n = 2; n < below; n++) {
        int d = 2;
        while (d * d <= n && n % d != 0) d++;
        if (d * d > n) count++;
    }
    return count;
}
HOB_TASK(count_primes, int)

static int waits_one_after_another(void) {
    for (int i = 0; i < WAITS; i++) HOB_TRY(wait_a_little());
    return WAITS;
}

static int waits_together(void) {
    HOB_SCOPE(s);
    for (int i = 0; i < WAITS; i++) hob_spawn(s, wait_a_little);
    HOB_TRY(hob_join(s));
    return WAITS;
}

static int primes_one_after_another(void) {
    int primes = 0;
    for (int i = 1; i <= COUNTS; i++) {
        primes += count_primes(i * 40000);
        HOB_TRY(hob_yield_now()); /* who computes for long lets others run now and then */
    }
    return primes;
}

static int primes_in_tasks(void) {
    int primes = 0;
    HOB_SCOPE(s);
    for (int i = 1; i <= COUNTS; i++) hob_spawn(s, count_primes, i * 40000);
    struct hob_task *t;
    while (HOB_TRY(hob_next_done(s, &t)) > 0) primes += hob_task_result(t);
    return primes;
}

static int in_a_thread(int below) { return hob_to_cpu(count_primes, below); }
HOB_TASK(in_a_thread, int)
static int in_a_process(int below) { return hob_to_process(count_primes, below); }
HOB_TASK(in_a_process, int)

static int primes_in_threads(void) {
    int primes = 0;
    HOB_SCOPE(s);
    for (int i = COUNTS; i >= 1; i--) hob_spawn(s, in_a_thread, i * 40000);
    struct hob_task *t;
    while (HOB_TRY(hob_next_done(s, &t)) > 0) primes += hob_task_result(t);
    return primes;
}

static int primes_in_processes(void) {
    int primes = 0;
    HOB_SCOPE(s);
    for (int i = COUNTS; i >= 1; i--) hob_spawn(s, in_a_process, i * 40000);
    struct hob_task *t;
    while (HOB_TRY(hob_next_done(s, &t)) > 0) primes += hob_task_result(t);
    return primes;
}

static int timed(int (*run)(void), const char *what) {
    uint64_t began = hob_now();
    int count = HOB_TRY(run());
    printf("%6.2f s  %d %s\n", (hob_now() - began) / 1e9, count, what);
    return 0;
}

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    HOB_TRY(timed(waits_one_after_another, "waits one after another"));
    HOB_TRY(timed(waits_together, "waits together"));
    HOB_TRY(timed(primes_one_after_another, "primes, counted in one go"));
    HOB_TRY(timed(primes_in_tasks, "primes, counted in 8 tasks"));
    printf("on %u CPUs:\n", hob_cpu_count());
    HOB_TRY(timed(primes_in_threads, "primes, counted in threads"));
    return timed(primes_in_processes, "primes, counted in processes");
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
