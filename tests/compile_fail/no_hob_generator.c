/* A loop over a function without HOB_GENERATOR.
 * gcc: 'plain__HOB_GENERATOR' undeclared
 * clang: use of undeclared identifier 'plain__HOB_GENERATOR'
 * g++: 'plain__HOB_GENERATOR' was not declared in this scope
 * clang++: use of undeclared identifier 'plain__HOB_GENERATOR' */
#include <hob/hob.h>

int plain(struct hob_generator *gen, int n);
int f(void);
int f(void) {
    HOB_EACH(int, i, plain, 3) return i; /* HERE */
    return 0;
}
