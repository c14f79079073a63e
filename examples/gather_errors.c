/* gather_errors - one of three fails, and all three outcomes are collected.
 *
 * gather(..., return_exceptions=True) is a scope with .on_error = HOB_COLLECT: nobody is cancelled,
 * hob_join() returns how many have failed, and each task knows its result or its error. */
#include <hob/hob.h>
#include <stdio.h>

static int fetch(const char *path, double seconds, int bytes) {
    HOB_TRY(hob_sleep(seconds));
    if (bytes == 0) return hob_fail(-ECONNREFUSED, "nobody listens for %s", path);
    return bytes;
}
HOB_TASK(fetch, const char *, double, int)

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    HOB_SCOPE(s, .on_error = HOB_COLLECT);
    struct hob_task *tasks[] = {
        hob_spawn_named(s, "users", fetch, "/users", 0.3, 120),
        hob_spawn_named(s, "orders", fetch, "/orders", 0.1, 0),
        hob_spawn_named(s, "news", fetch, "/news", 0.2, 345),
    };
    int failed = HOB_TRY(hob_join(s));
    for (int i = 0; i < 3; i++) {
        int rc = hob_task_result(tasks[i]);
        if (rc < 0)
            printf("%s: error: %s\n", hob_task_name(tasks[i]), hob_task_error(tasks[i])->message);
        else
            printf("%s: %d bytes\n", hob_task_name(tasks[i]), rc);
    }
    printf("%d failed\n", failed);
    return 0;
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
