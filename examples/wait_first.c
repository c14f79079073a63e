/* wait_first - wait for the first of five, then for the rest; or for as long as there is time.
 *
 * asyncio.wait(tasks, return_when=FIRST_COMPLETED) is hob_wait(tasks, n, HOB_FIRST_DONE), and
 * wait(tasks, timeout=0.5) is hob_within(0.5, hob_wait(...)): the tasks go on, cancel them or not.
 */
#include <hob/hob.h>
#include <stdio.h>

enum { RUNNERS = 5 };

static int run(double seconds) { return hob_sleep(seconds); }
HOB_TASK(run, double)

static void start(struct hob_scope *s, struct hob_task **runners) {
    static const char *const names[RUNNERS] = {"Ada", "Grace", "Barbara", "Frances", "Radia"};
    static const double seconds[RUNNERS] = {1.0, 0.6, 0.2, 0.8, 0.4};
    for (int i = 0; i < RUNNERS; i++) runners[i] = hob_spawn_named(s, names[i], run, seconds[i]);
}

static int first_and_rest(void) {
    struct hob_task *runners[RUNNERS];
    HOB_SCOPE(s);
    start(s, runners);
    HOB_TRY(hob_wait(runners, RUNNERS, HOB_FIRST_DONE));
    for (int i = 0; i < RUNNERS; i++)
        if (hob_task_done(runners[i])) printf("first: %s\n", hob_task_name(runners[i]));
    int done = HOB_TRY(hob_wait(runners, RUNNERS, HOB_ALL_DONE));
    printf("then the rest: %d have arrived\n", done);
    return hob_join(s);
}

static int within_half_a_second(void) {
    struct hob_task *runners[RUNNERS];
    HOB_SCOPE(s);
    start(s, runners);
    int rc = hob_within(0.5, hob_wait(runners, RUNNERS, HOB_ALL_DONE));
    if (rc == -ETIMEDOUT)
        for (int i = 0; i < RUNNERS; i++) hob_cancel(runners[i]); /* does nothing to who is there */
    HOB_TRY(hob_join(s));
    for (int i = 0; i < RUNNERS; i++)
        printf("%s %s\n", hob_task_name(runners[i]),
               hob_task_was_cancelled(runners[i]) ? "was cancelled" : "was in time");
    return 0;
}

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    HOB_TRY(first_and_rest());
    return within_half_a_second();
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
