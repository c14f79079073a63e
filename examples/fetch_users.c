/* fetch_users - five users at once, the results in order.
 *
 * users = await gather(*(fetch_user(i) for i in range(1, 6))): each task writes into its place of
 * the caller's array. The scope guarantees that they have all ended before the array goes away. */
#include <hob/hob.h>
#include <stdio.h>

enum { USERS = 5 };

struct user {
    int id;
    char name[16];
};

static int fetch_user(int id, struct user *user) {
    HOB_TRY(hob_sleep(0.6 - 0.1 * id)); /* the first one is the slowest */
    user->id = id;
    snprintf(user->name, sizeof user->name, "User %d", id);
    printf("got %d\n", id);
    return 0;
}
HOB_TASK(fetch_user, int, struct user *)

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    struct user users[USERS];
    HOB_SCOPE(s);
    for (int i = 0; i < USERS; i++) hob_spawn(s, fetch_user, i + 1, &users[i]);
    HOB_TRY(hob_join(s));
    for (int i = 0; i < USERS; i++) printf("%d is %s\n", users[i].id, users[i].name);
    return 0;
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
