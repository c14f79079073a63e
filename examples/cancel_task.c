/* cancel_task - a task that loops is cancelled after some ticks, and cleans up.
 *
 * `except CancelledError: ...; raise` is: the waiting call returns -ECANCELED, and the function
 * returns it too. Clean-up that waits is shielded, else it would be cancelled at once as well. */
#include <hob/hob.h>
#include <stdio.h>

static int say_goodbye(void) {
    HOB_TRY(hob_sleep(0.1));
    printf("ticker: goodbye\n");
    return 0;
}

static int ticker(void) {
    int rc;
    for (int tick = 1; (rc = hob_sleep(0.2)) == 0; tick++) printf("ticker: tick %d\n", tick);
    printf("ticker: cancelled, cleaning up\n");
    hob_shielded(say_goodbye());
    return rc;
}
HOB_TASK(ticker)

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    HOB_SCOPE(s);
    struct hob_task *t = hob_spawn(s, ticker);
    HOB_TRY(hob_sleep(0.7));
    hob_cancel(t);
    int rc = hob_await(t);
    printf("parent: the ticker ended with %s\n", rc == -ECANCELED ? "-ECANCELED" : "another code");
    return hob_join(s); /* 0: a task that was cancelled on its own is no error */
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
