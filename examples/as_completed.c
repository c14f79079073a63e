/* as_completed - ten downloads of random length, each dealt with as it ends.
 *
 * for task in asyncio.as_completed(tasks) is a loop over hob_next_done(scope, &task): 1 with the
 * next task that has ended, 0 when there is none left. */
#include <hob/hob.h>
#include <stdio.h>
#include <stdlib.h>

enum { DOWNLOADS = 10 };

static int download(int milliseconds) {
    HOB_TRY(hob_sleep(milliseconds / 1000.0));
    return milliseconds;
}
HOB_TASK(download, int)

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    uint64_t began = hob_now();
    srand((unsigned)began);
    HOB_SCOPE(s);
    for (int i = 0; i < DOWNLOADS; i++) hob_spawn(s, download, 100 + rand() % 900);

    struct hob_task *t;
    while (HOB_TRY(hob_next_done(s, &t)) > 0)
        printf("%.3f s  a download of %d ms\n", (hob_now() - began) / 1e9, hob_task_result(t));
    return hob_join(s);
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
