/* chef - one cook, three dishes: one after another, then together.
 *
 * A call waits: that is `await cook("soup")`. hob_spawn() lets the same function run beside the
 * caller: that is create_task() in a TaskGroup, which is a HOB_SCOPE. Still one cook: one thread.
 */
#include <hob/hob.h>
#include <stdio.h>

static uint64_t began;

static void note(const char *dish, const char *what) {
    printf("%5.2f s  %s: %s\n", (hob_now() - began) / 1e9, dish, what);
}

static int cook(const char *dish) {
    note(dish, "on the fire");
    HOB_TRY(hob_sleep(1.0));
    note(dish, "done");
    return 0;
}
HOB_TASK(cook, const char *)

static int one_after_another(void) {
    HOB_TRY(cook("soup"));
    HOB_TRY(cook("rice"));
    return cook("tea");
}

static int together(void) {
    HOB_SCOPE(kitchen);
    hob_spawn(kitchen, cook, "soup");
    hob_spawn(kitchen, cook, "rice");
    hob_spawn(kitchen, cook, "tea");
    return hob_join(kitchen);
}

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    began = hob_now();
    HOB_TRY(one_after_another());
    note("one after another", "all served");
    began = hob_now();
    HOB_TRY(together());
    note("together", "all served");
    return 0;
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
