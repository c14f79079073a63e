/* An argument too many.
 * gcc: too many arguments to function 'greet__task'
 * clang: too many arguments to function call, expected 2, have 3
 * g++: too many arguments to function 'greet__args greet__task(greet__arg1, greet__arg2)'
 * clang++: no matching function for call to 'greet__task' */
#include <hob/hob.h>

static int greet(const char *name, double seconds) { return name && seconds > 0; }
HOB_TASK(greet, const char *, double)

int f(struct hob_scope *s);
int f(struct hob_scope *s) {
    hob_spawn(s, greet, "Ada", 1.0, 2); /* HERE */
    return 0;
}
