/* dont_block - the mistake, and what Hob says of it.
 *
 * time.sleep() in a coroutine stops the whole loop, and asyncio says so in debug mode, afterwards.
 * Hob says it always, while the task still blocks, with the line: after 0.1 s (HOB_SLOW_MS). */
#define _POSIX_C_SOURCE 200809L /* nanosleep */
#include <hob/hob.h>
#include <stdio.h>
#include <time.h>

static int tick(void) {
    for (;;) {
        uint64_t wanted = hob_after(0.1);
        HOB_TRY(hob_sleep_until(wanted));
        printf("tick, %.1f s late\n", (hob_now() - wanted) / 1e9);
    }
}
HOB_TASK(tick)

static int right(void) { return hob_sleep(0.5); }

static int wrong(void) {
    struct timespec left = {0, 500 * 1000 * 1000};
    while (nanosleep(&left, &left) < 0) continue; /* nobody else runs; the report names this line */
    return 0;
}

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    HOB_SCOPE(s);
    hob_spawn_daemon(s, tick);
    printf("waiting\n");
    HOB_TRY(right());
    printf("blocking\n");
    HOB_TRY(wrong());
    printf("waiting\n");
    HOB_TRY(right());
    return hob_join(s);
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
