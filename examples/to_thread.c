/* to_thread - what would hold the loop runs in a thread.
 *
 * A call that blocks and a function that computes, while a ticker goes on; then a thread that
 * starts a task in the loop and waits for it. */
#define _POSIX_C_SOURCE 200809L /* nanosleep() */
#include <hob/hob.h>
#include <hob/thread.h>
#include <stdio.h>
#include <stdlib.h>
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

/* The caller waits here until it is done, so its memory may be worked on. */
static int ascending(const void *a, const void *b) {
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}
static int sort(int *numbers, size_t n) {
    qsort(numbers, n, sizeof *numbers, ascending);
    return 0;
}
HOB_TASK(sort, int *, size_t)

/* How many of two million numbers are out of order behind it. */
static int sort_many(void) {
    enum { N = 2000000 };
    int wrong = 0;
    int *numbers = (int *)malloc(N * sizeof *numbers);
    if (!numbers) return -ENOMEM;
    for (unsigned i = 0; i < N; i++) numbers[i] = (int)(i * 2654435761u >> 1);
    int rc = hob_to_cpu(sort, numbers, N);
    for (int i = 1; i < N; i++) wrong += numbers[i - 1] > numbers[i];
    free(numbers);
    return rc < 0 ? rc : wrong;
}

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
    (void)argv;
    if (argc > 1) return hob_fail(-EINVAL, "to_thread takes no arguments");
    int ticks = 0;
    HOB_SCOPE(s);
    hob_spawn_daemon(s, ticker, &ticks);
    printf("the library says %d\n", HOB_TRY(hob_to_thread(blocks, "the library")));
    printf("meanwhile the loop went on: %s\n", ticks >= 5 ? "yes" : "no");
    ticks = 0;
    printf("numbers out of order: %d\n", HOB_TRY(sort_many()));
    printf("meanwhile the loop went on: %s\n", ticks >= 1 ? "yes" : "no");
    int rc = hob_within(0.1, hob_to_thread_or_leave(blocks, "nobody sees this"));
    printf("a thread that was left: %s\n", hob_strerror(rc));
    printf("the loop's answer is %d\n", HOB_TRY(hob_to_thread(asks_the_loop, hob_loop_current())));
    return 0;
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
