/* A type with a larger alignment than a task's arguments have.
 * gcc: HOB_TASK(wide, ...): a type that cannot be copied into a task
 * clang: HOB_TASK(wide, ...): a type that cannot be copied into a task
 * g++: HOB_TASK(wide, ...): a type that cannot be copied into a task
 * clang++: HOB_TASK(wide, ...): a type that cannot be copied into a task */
#include <hob/hob.h>

struct wide {
    char bytes[32];
} __attribute__((aligned(32)));
static int wide(struct wide w) { return w.bytes[0]; }
HOB_TASK(wide, struct wide) /* HERE */
