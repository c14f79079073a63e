/* An array as a key.
 * gcc: 'struct hob__for_strings' has no member named 'primary'
 * clang: designator 'primary' does not refer to any field
 * g++: has no non-static data member named 'primary'
 * clang++: designator 'primary' does not refer to any field */
#include <hob/model.h>

struct user {
    char **names;
    size_t count;
};
HOB_MODEL(user, struct user, HOB_ARRAY(names, count, .primary = true)) /* HERE */
