/* A loop variable of another type than the generator's values.
 * gcc: HOB_EACH: words does not give values of type int
 * clang: HOB_EACH: words does not give values of type int
 * g++: HOB_EACH: words does not give values of type int
 * clang++: HOB_EACH: words does not give values of type int */
#include <hob/hob.h>

static int words(struct hob_generator *gen, const char *text);
HOB_GENERATOR(words, const char *, const char *)

int f(void);
int f(void) {
    HOB_EACH(int, n, words, "a b") return n; /* HERE */
    return 0;
}
