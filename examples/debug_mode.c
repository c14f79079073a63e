/* debug_mode - what asyncio tells in debug mode, Hob tells always.
 *
 * A slow callback, an exception that was never retrieved, a task nobody waits for, a deadlock (of
 * which asyncio knows nothing), and with the argument "ended": a call when the loop has ended. */
#include <hob/hob.h>
#include <stdio.h>
#include <string.h>

static int compute(void) {
    uint64_t end = hob_after(0.3);
    while (hob_now() < end) continue; /* reported as it still runs, with this line */
    return 0;
}
HOB_TASK(compute)

static int fail(void) { return hob_fail(-EIO, "the disk is full of jelly"); }
HOB_TASK(fail)

static int forget_an_error(void) {
    HOB_TRY(hob_background(fail)); /* nobody will ask what became of it: it is reported */
    return hob_yield_now();
}
HOB_TASK(forget_an_error)

static int work(void) {
    int rc = hob_sleep(60);
    printf("the forgotten task: %s\n", rc == -ECANCELED ? "cancelled" : "not cancelled");
    return rc;
}
HOB_TASK(work)

static int forget_a_task(void) {
    HOB_SCOPE(s);
    hob_spawn(s, work);
    return 0; /* without a join: the scope cancels it and waits for it */
}
HOB_TASK(forget_a_task)

static int lock_each_other(struct hob_mutex *first, struct hob_mutex *second) {
    HOB_WITH(hob_mutex, first);
    HOB_TRY(hob_yield_now());
    HOB_WITH(hob_mutex, second);
    return 0;
}
HOB_TASK(lock_each_other, struct hob_mutex *, struct hob_mutex *)

static int deadlock(void) {
    static struct hob_mutex fork, spoon;
    HOB_SCOPE(s);
    hob_spawn_named(s, "Ada", lock_each_other, &fork, &spoon);
    hob_spawn_named(s, "Grace", lock_each_other, &spoon, &fork);
    return hob_join(s);
}
HOB_TASK(deadlock)

int main(int argc, char **argv) {
    hob_run(compute);
    hob_run(forget_an_error);
    hob_run(forget_a_task);
    printf("the deadlock: %s\n", hob_strerror(hob_run(deadlock)));
    fflush(stdout);
    if (argc > 1 && strcmp(argv[1], "ended") == 0)
        hob_sleep(1); /* stops the program, and says why */
    return 0;
}
