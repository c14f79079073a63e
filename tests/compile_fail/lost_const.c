/* A const that would be lost. gcc says nothing with -w.
 * not: gcc -w
 * gcc: passing argument 1 of 'fill__task' discards 'const' qualifier
 * clang: passing 'const char \*' to parameter of incompatible type 'fill__arg1'
 * g++: invalid conversion from 'const char\*' to 'fill__arg1' {aka 'char\*'}
 * clang++: no matching function for call to 'fill__task' */
#include <hob/hob.h>

static int fill(char *text) { return text[0] = 'x'; }
HOB_TASK(fill, char *)

int f(struct hob_scope *s, const char *text);
int f(struct hob_scope *s, const char *text) {
    hob_spawn(s, fill, text); /* HERE */
    return 0;
}
