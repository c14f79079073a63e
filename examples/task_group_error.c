/* task_group_error - A, B and C in one group; B fails, and the others are cancelled.
 *
 * The group's ExceptionGroup is the list hob_scope_errors(s); `except* ValueError` is
 * hob_scope_error_of(s, -EINVAL). C fails too, while it cleans up: neither error gets lost. */
#include <hob/hob.h>
#include <stdio.h>

static int a(void) {
    int rc = hob_sleep(10);
    printf("A: %s\n", rc == -ECANCELED ? "cancelled" : "not cancelled");
    return rc;
}
HOB_TASK(a)

static int b(void) {
    HOB_TRY(hob_sleep(0.2));
    printf("B: fails\n");
    return hob_fail(-EINVAL, "%d is no number of a page", -1);
}
HOB_TASK(b)

static int c(void) {
    int rc = hob_sleep(10);
    printf("C: %s\n", rc == -ECANCELED ? "cancelled" : "not cancelled");
    return rc < 0 ? hob_fail(-EIO, "what was half done could not be saved") : 0;
}
HOB_TASK(c)

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    HOB_SCOPE(group);
    hob_spawn(group, a);
    hob_spawn(group, b);
    hob_spawn(group, c);
    int rc = hob_join(group); /* the first error */
    printf("the group: %s\n", hob_strerror(rc));

    const struct hob_error *e;
    if ((e = hob_scope_error_of(group, -EINVAL))) printf("a wrong value: %s\n", e->message);
    if ((e = hob_scope_error_of(group, -EIO))) printf("input or output: %s\n", e->message);
    int count = 0;
    for (e = hob_scope_errors(group); e; e = e->next) count++;
    printf("%d errors in all\n", count);
    return 0;
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
