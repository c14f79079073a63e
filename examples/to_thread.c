/* to_thread - what would hold the loop runs in a thread.
 *
 * A call that blocks and a function that computes, while a ticker goes on; then a thread that
 * starts a task in the loop and waits for it. */
#define _POSIX_C_SOURCE 200809L /* nanosleep() */
#include <hob/hob.h>
#include <hob/thread.h>
#include <stdio.h>
#include <time.h>

static int ticker(int *ticks) {
    for (;; ++*ticks) HOB_TRY(hob_sleep(0.05));
}
HOB_TASK(ticker, int *)

/* As a library's function that knows nothing of tasks. */
static int blocks(const char *what) {
    struct timespec half = {0, 500000000};
    nanosleep(&half, NULL);
    printf("%s has blocked for half a second\n", what);
    return 42;
}
HOB_TASK(blocks, const char *)

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

static int answer_slowly(int n) {
    HOB_TRY(hob_sleep(0.1)); /* a task again: here it may wait as tasks do */
    return n * 2;
}
HOB_TASK(answer_slowly, int)

static int asks_the_loop(struct hob_loop *loop) {
    struct hob_submitted *call = hob_loop_submit(loop, answer_slowly, 21);
    int answer = hob_submitted_wait(call, 5.0); /* this thread blocks */
    hob_submitted_drop(call);
    return answer;
}
HOB_TASK(asks_the_loop, struct hob_loop *)

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    int ticks = 0;
    HOB_SCOPE(s);
    hob_spawn_daemon(s, ticker, &ticks);
    printf("the library says %d\n", HOB_TRY(hob_to_thread(blocks, "the library")));
    printf("meanwhile the loop went on: %s\n", ticks >= 5 ? "yes" : "no");
    ticks = 0;
    printf("%d primes\n", HOB_TRY(hob_to_cpu(count_primes, 1000000)));
    printf("meanwhile the loop went on: %s\n", ticks >= 1 ? "yes" : "no");
    int rc = hob_within(0.1, hob_to_thread_or_leave(blocks, "nobody sees this"));
    printf("a thread that was left: %s\n", hob_strerror(rc));
    printf("the loop's answer is %d\n", HOB_TRY(hob_to_thread(asks_the_loop, hob_loop_current())));
    return 0;
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
