/* sync_vs_async - three fetches of a second each, with a call that blocks and with one that waits.
 *
 * time.sleep() in a coroutine stops everybody, here as there; but Hob says which task it was, and
 * in which line. gather() and TaskGroup are the same thing here: a scope, and results in variables.
 */
#define _POSIX_C_SOURCE 200809L /* nanosleep */
#include <hob/hob.h>
#include <stdio.h>
#include <time.h>

static int fetch_blocking(int page, int *size) {
    struct timespec left = {1, 0};
    while (nanosleep(&left, &left) < 0) continue; /* goes on after a signal */
    *size = 100 * page;
    return 0;
}
HOB_TASK(fetch_blocking, int, int *)

static int fetch(int page, int *size) {
    HOB_TRY(hob_sleep(1.0));
    *size = 100 * page;
    return 0;
}
HOB_TASK(fetch, int, int *)

static int with_blocking_calls(void) {
    int sizes[3];
    HOB_SCOPE(s);
    for (int i = 0; i < 3; i++) hob_spawn(s, fetch_blocking, i + 1, &sizes[i]);
    HOB_TRY(hob_join(s));
    return sizes[0] + sizes[1] + sizes[2];
}

static int with_gather(void) {
    int sizes[3];
    HOB_SCOPE(s);
    for (int i = 0; i < 3; i++) hob_spawn(s, fetch, i + 1, &sizes[i]);
    HOB_TRY(hob_join(s));
    return sizes[0] + sizes[1] + sizes[2];
}

static int with_a_task_group(void) {
    int one, two, three;
    HOB_SCOPE(group);
    hob_spawn(group, fetch, 1, &one);
    hob_spawn(group, fetch, 2, &two);
    hob_spawn(group, fetch, 3, &three);
    HOB_TRY(hob_join(group));
    return one + two + three;
}

static int timed(const char *how, int (*fetch_all)(void)) {
    uint64_t began = hob_now();
    int size = HOB_TRY(fetch_all());
    printf("%-16s %d bytes in %.2f s\n", how, size, (hob_now() - began) / 1e9);
    return 0;
}

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    HOB_TRY(timed("calls that block", with_blocking_calls));
    HOB_TRY(timed("gather", with_gather));
    return timed("task group", with_a_task_group);
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
