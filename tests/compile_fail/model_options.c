/* An option that is not for fields of that type.
 * gcc: 'struct hob__for_integer' has no member named 'pattern'
 * clang: designator 'pattern' does not refer to any field
 * g++: has no non-static data member named 'pattern'
 * clang++: designator 'pattern' does not refer to any field */
#include <hob/model.h>

struct user {
    int64_t id;
};
HOB_MODEL(user, struct user, HOB_FIELD(id, .pattern = "[0-9]+")) /* HERE */
