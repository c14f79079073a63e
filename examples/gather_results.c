/* gather_results - three sources, each as slow as it is; the results in the order asked for.
 *
 * user, orders, news = await gather(...): three variables of the caller, one for each task. After
 * the join they are all there, and it took as long as the slowest. */
#include <hob/hob.h>
#include <stdio.h>

static uint64_t began;

static int fetch(const char *source, int items, int *fetched) {
    HOB_TRY(hob_sleep(0.1 * items)); /* each item takes its time */
    printf("%.2f s  %s has answered\n", (hob_now() - began) / 1e9, source);
    *fetched = items;
    return 0;
}
HOB_TASK(fetch, const char *, int, int *)

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    int users, orders, news;
    began = hob_now();
    HOB_SCOPE(s);
    hob_spawn(s, fetch, "users", 6, &users);
    hob_spawn(s, fetch, "orders", 2, &orders);
    hob_spawn(s, fetch, "news", 4, &news);
    HOB_TRY(hob_join(s));
    printf("%.2f s  %d users, %d orders, %d news\n", (hob_now() - began) / 1e9, users, orders,
           news);
    return 0;
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
