/* HOB_TASK with too few types.
 * gcc: HOB_TASK(greet, ...): these are not the types
 * clang: HOB_TASK(greet, ...): these are not the types
 * g++: HOB_TASK(greet, ...): these are not the types
 * clang++: HOB_TASK(greet, ...): these are not the types */
#include <hob/hob.h>

static int greet(const char *name, double seconds) { return name && seconds > 0; }
HOB_TASK(greet, const char *) /* HERE */
