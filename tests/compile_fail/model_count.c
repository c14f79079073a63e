/* The count of an array is no size_t.
 * gcc: selector of type 'int \*' is not compatible with any association
 * clang: controlling expression type 'int \*' not compatible with any generic association */
#include <hob/model.h>

struct user {
    char **names;
    int count;
};
HOB_MODEL(user, struct user, HOB_ARRAY(names, count)) /* HERE */
