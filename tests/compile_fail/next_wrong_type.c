/* A variable of another type in hob_next().
 * gcc: hob_next: the variable is of another type than the generator gives
 * clang: hob_next: the variable is of another type than the generator gives
 * g++: hob_next: the variable is of another type than the generator gives
 * clang++: hob_next: the variable is of another type than the generator gives */
#include <hob/hob.h>

static int words(struct hob_generator *gen, const char *text);
HOB_GENERATOR(words, const char *, const char *)

int f(void);
int f(void) {
    char *word;
    HOB_GEN(g, words, "a b");
    return hob_next(g, &word); /* HERE */
}
