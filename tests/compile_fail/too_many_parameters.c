/* More than 8 parameters.
 * gcc: HOB_TASK(nine, ...): more than 8 parameters; pass a structure
 * clang: HOB_TASK(nine, ...): more than 8 parameters; pass a structure
 * g++: HOB_TASK(nine, ...): more than 8 parameters; pass a structure
 * clang++: HOB_TASK(nine, ...): more than 8 parameters; pass a structure */
#include <hob/hob.h>

int nine(int a, int b, int c, int d, int e, int f, int g, int h, int i);
HOB_TASK(nine, int, int, int, int, int, int, int, int, int) /* HERE */
