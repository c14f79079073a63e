/* A function of another type.
 * gcc: incompatible type for argument 1 of 'call__task'
 * clang: passing 'int (const char \*)' to parameter of incompatible type 'call__arg1'
 * g++: invalid conversion from 'int (\*)(const char\*)' to 'call__arg1'
 * clang++: no matching function for call to 'call__task' */
#include <hob/hob.h>

static int call(int (*f)(int, int)) { return f(1, 2); }
HOB_TASK(call, int (*)(int, int))

int other(const char *text);
int f(struct hob_scope *s);
int f(struct hob_scope *s) {
    hob_spawn(s, call, other); /* HERE */
    return 0;
}
