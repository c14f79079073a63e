/* signals - a server that reads its configuration again at SIGHUP and stops at SIGTERM.
 *
 * loop.add_signal_handler(SIGHUP, reload) is a task here that waits for the signals, one after
 * another. A small child process plays the administrator who sends them. */
#include <hob/hob.h>
#include <hob/process.h>
#include <hob/signal.h>
#include <stdio.h>

static int version = 1;

static int serve(void) {
    for (;;) HOB_TRY(hob_sleep(0.01)); /* the work */
}
HOB_TASK(serve)

static int app(int argc, char **argv) {
    (void)argv;
    if (argc > 1) return hob_fail(-EINVAL, "signals takes no arguments");
    HOB_SIGNAL(signals); /* what they did before, when the block is left */
    HOB_TRY(hob_signal_open(&signals, SIGHUP, SIGTERM));
    HOB_SCOPE(s);
    hob_spawn(s, serve);

    HOB_PROCESS(administrator);
    HOB_TRY(hob_process_shell(&administrator,
                              "kill -HUP $PPID; sleep 0.3; kill -HUP $PPID;"
                              " sleep 0.3; kill -TERM $PPID",
                              .group = true)); /* its sleep ends with it, too */
    int sig;
    while ((sig = hob_signal_wait(signals)) == SIGHUP)
        printf("SIGHUP: version %d of the configuration\n", ++version);
    if (sig < 0) return sig;
    printf("SIGTERM: stopping\n");
    hob_scope_cancel(s);
    return hob_join(s);
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
