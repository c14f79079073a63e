/* create_task - start tasks, do other work, then collect the results.
 *
 * task = asyncio.create_task(square(3)) is hob_spawn(s, square, 3): it runs when the caller next
 * waits. `await task` is hob_await(task): its result, which for a task is what it returned. */
#include <hob/hob.h>
#include <stdio.h>

static uint64_t began;

static void note(const char *what, int number) {
    printf("%5.2f s  %s %d\n", (hob_now() - began) / 1e9, what, number);
}

static int square(int number) {
    note("begin with", number);
    HOB_TRY(hob_sleep(0.5));
    note("ready with", number);
    return number * number;
}
HOB_TASK(square, int)

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    began = hob_now();
    HOB_SCOPE(s);
    struct hob_task *three = hob_spawn(s, square, 3);
    struct hob_task *four = hob_spawn(s, square, 4);
    for (int part = 1; part <= 3; part++) {
        note("other work, part", part);
        HOB_TRY(hob_sleep(0.1));
    }
    int nine = HOB_TRY(hob_await(three));
    int sixteen = HOB_TRY(hob_await(four));
    note("the sum is", nine + sixteen);
    return hob_join(s);
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
