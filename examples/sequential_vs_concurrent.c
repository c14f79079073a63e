/* sequential_vs_concurrent - what tasks are good for, and what not.
 *
 * A hundred waits of 0.1 s take 10 s one after another and 0.1 s together. Computing gains nothing:
 * tasks share one thread, as coroutines do, and who computes does not wait. */
#include <hob/hob.h>
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
    return 0;
}

static int waits_together(void) {
    HOB_SCOPE(s);
    for (int i = 0; i < WAITS; i++) hob_spawn(s, wait_a_little);
    return hob_join(s);
}

static int primes_one_after_another(void) {
    int sum = 0;
    for (int i = 1; i <= COUNTS; i++) sum += count_primes(i * 50000);
    return sum;
}

static int primes_together(void) {
    int sum = 0;
    HOB_SCOPE(s);
    for (int i = 1; i <= COUNTS; i++) hob_spawn(s, count_primes, i * 50000);
    struct hob_task *t;
    while (HOB_TRY(hob_next_done(s, &t)) > 0) sum += hob_task_result(t);
    return sum;
}

static int timed(const char *what, int (*run)(void)) {
    uint64_t began = hob_now();
    int result = HOB_TRY(run());
    printf("%-27s %6.2f s, result %d\n", what, (hob_now() - began) / 1e9, result);
    return 0;
}

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    HOB_TRY(timed("100 waits one after another", waits_one_after_another));
    HOB_TRY(timed("100 waits together", waits_together));
    HOB_TRY(timed("8 counts one after another", primes_one_after_another));
    return timed("8 counts in tasks", primes_together);
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
