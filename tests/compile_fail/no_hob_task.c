/* A function without HOB_TASK.
 * gcc: 'plain__HOB_TASK' undeclared
 * clang: use of undeclared identifier 'plain__HOB_TASK'
 * g++: 'plain__HOB_TASK' was not declared in this scope
 * clang++: use of undeclared identifier 'plain__HOB_TASK' */
#include <hob/hob.h>

int plain(int n);
int f(struct hob_scope *s);
int f(struct hob_scope *s) {
    hob_spawn(s, plain, 1); /* HERE */
    return 0;
}
