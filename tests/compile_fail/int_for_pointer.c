/* A number for a pointer.
 * gcc: incompatible type for argument 1 of 'greet__task'
 * clang: passing 'int' to parameter of incompatible type 'greet__arg1'
 * g++: invalid conversion from 'int' to 'greet__arg1' {aka 'const char\*'}
 * clang++: no matching function for call to 'greet__task' */
#include <hob/hob.h>

static int greet(const char *name, double seconds) { return name && seconds > 0; }
HOB_TASK(greet, const char *, double)

int f(struct hob_scope *s);
int f(struct hob_scope *s) {
    hob_spawn(s, greet, 42, 1.0); /* HERE */
    return 0;
}
