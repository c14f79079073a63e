/* C++: a type that cannot be copied as bytes.
 * g++: HOB_TASK(greet, ...): a type that cannot be copied into a task
 * clang++: HOB_TASK(greet, ...): a type that cannot be copied into a task */
#include <hob/hob.h>

#include <string>
static int greet(std::string name) { return (int)name.size(); }
HOB_TASK(greet, std::string) /* HERE */
