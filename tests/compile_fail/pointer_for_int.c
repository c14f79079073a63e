/* A pointer for a number. gcc (before 14) and clang say nothing with -w.
 * not: gcc -w
 * not: clang -w
 * gcc: passing argument 1 of 'number__task' makes integer from pointer without a cast
 * clang: incompatible pointer to integer conversion passing 'int \*' to parameter of type
 * 'number__arg1' g++: invalid conversion from 'int\*' to 'number__arg1' {aka 'int'} clang++: no
 * matching function for call to 'number__task' */
#include <hob/hob.h>

static int number(int n) { return n; }
HOB_TASK(number, int)

int f(struct hob_scope *s, int *pointer);
int f(struct hob_scope *s, int *pointer) {
    hob_spawn(s, number, pointer); /* HERE */
    return 0;
}
