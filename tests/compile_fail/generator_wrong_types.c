/* HOB_GENERATOR with other types than the function's.
 * gcc: HOB_GENERATOR(count, value, ...): these are not the types of the declaration of count
 * clang: HOB_GENERATOR(count, value, ...): these are not the types of the declaration of count
 * g++: HOB_GENERATOR(count, value, ...): these are not the types of the declaration of count
 * clang++: HOB_GENERATOR(count, value, ...): these are not the types of the declaration of count */
#include <hob/hob.h>

int count(struct hob_generator *gen, int n);
HOB_GENERATOR(count, int, long) /* HERE */
