/* A value of another type than the generator's, where the compiler can see it.
 * gcc: incompatible type for argument 2 of 'words__yield'
 * clang: passing 'int' to parameter of incompatible type 'words__arg_value'
 * g++: invalid conversion from 'int' to 'words__
 * clang++: no matching function for call to 'words__yield' */
#include <hob/hob.h>

static int words(struct hob_generator *gen, const char *text);
HOB_GENERATOR(words, const char *, const char *)

static int words(struct hob_generator *gen, const char *text) {
    (void)text;
    return words__yield(gen, 42); /* HERE */
}
