/* A field of a type that no model knows.
 * gcc: selector of type 'long double \*' is not compatible with any association
 * clang: controlling expression type 'long double \*' not compatible with any generic association */
#include <hob/model.h>

struct user {
    long double score;
};
HOB_MODEL(user, struct user, HOB_FIELD(score)) /* HERE */
