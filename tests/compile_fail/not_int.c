/* A function that does not return int.
 * gcc: HOB_TASK(beep, ...): .*or it does not return int
 * clang: HOB_TASK(beep, ...): .*or it does not return int
 * g++: HOB_TASK(beep, ...): .*or it does not return int
 * clang++: HOB_TASK(beep, ...): .*or it does not return int */
#include <hob/hob.h>

static void beep(int times) { (void)times; }
HOB_TASK(beep, int) /* HERE */
