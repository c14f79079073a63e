/* task_group - three children, and their results after the group.
 *
 * `async with TaskGroup() as group:` is HOB_SCOPE(group), until the end of the block. hob_join()
 * is the end of the `async with`: everybody has ended, the results may be read. */
#include <hob/hob.h>
#include <stdio.h>

static int length_of(const char *word, double seconds) {
    HOB_TRY(hob_sleep(seconds));
    int length = 0;
    while (word[length]) length++;
    return length;
}
HOB_TASK(length_of, const char *, double)

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    HOB_SCOPE(group);
    struct hob_task *one = hob_spawn(group, length_of, "one", 0.3);
    struct hob_task *three = hob_spawn(group, length_of, "three", 0.1);
    struct hob_task *thirteen = hob_spawn(group, length_of, "thirteen", 0.2);
    HOB_TRY(hob_join(group));
    printf("%d %d %d\n", hob_task_result(one), hob_task_result(three), hob_task_result(thirteen));
    return 0;
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
