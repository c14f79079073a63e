/* named_tasks - tasks with names: done, result and name, before and afterwards.
 *
 * create_task(fetch(7), name="user 7") is hob_spawn_named(s, "user 7", fetch, ...). The name stands
 * in every report. A task may be asked until its scope ends, long after it has ended itself. */
#include <hob/hob.h>
#include <stdio.h>

static int fetch(int id, double seconds) {
    HOB_TRY(hob_sleep(seconds));
    printf("[%s] fetched\n", hob_task_name(hob_self()));
    return id;
}
HOB_TASK(fetch, int, double)

static void show(struct hob_task *t) {
    if (hob_task_done(t))
        printf("%s: done, result %d\n", hob_task_name(t), hob_task_result(t));
    else
        printf("%s: not done, waits for %s\n", hob_task_name(t), hob_task_waiting(t));
}

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    HOB_SCOPE(s);
    struct hob_task *user = hob_spawn_named(s, "user 7", fetch, 7, 0.1);
    struct hob_task *order = hob_spawn_named(s, "order 12", fetch, 12, 0.4);
    HOB_TRY(hob_await(user));
    show(user);
    show(order);
    HOB_TRY(hob_join(s));
    show(user);
    show(order);
    return 0;
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
