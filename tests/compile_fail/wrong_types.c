/* HOB_TASK with other types than the function's.
 * gcc: HOB_TASK(greet, ...): these are not the types of the declaration of greet
 * clang: HOB_TASK(greet, ...): these are not the types of the declaration of greet
 * g++: HOB_TASK(greet, ...): these are not the types of the declaration of greet
 * clang++: HOB_TASK(greet, ...): these are not the types of the declaration of greet */
#include <hob/hob.h>

static int greet(const char *name, double seconds) { return name && seconds > 0; }
HOB_TASK(greet, char *, double) /* HERE */
