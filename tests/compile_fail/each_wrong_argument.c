/* A wrong argument for a generator.
 * gcc: incompatible type for argument 1 of 'words__with'
 * clang: passing 'int' to parameter of incompatible type 'words__arg1'
 * g++: invalid conversion from 'int' to 'words__arg1'
 * clang++: no matching function for call to 'words__with' */
#include <hob/hob.h>

static int words(struct hob_generator *gen, const char *text);
HOB_GENERATOR(words, const char *, const char *)

int f(void);
int f(void) {
    HOB_EACH(const char *, w, words, 42) return w != NULL; /* HERE */
    HOB_GEN(g, words, 42);                                 /* HERE */
    return 0;
}
