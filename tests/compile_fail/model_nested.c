/* A nested struct with the model of another.
 * gcc: selector of type 'struct address \*' is not compatible with any association
 * clang: controlling expression type 'struct address \*' not compatible with any generic association */
#include <hob/model.h>

struct address {
    char *city;
};
struct place {
    char *city;
};
HOB_MODEL(place, struct place, HOB_FIELD(city))
struct user {
    struct address home;
};
HOB_MODEL(user, struct user, HOB_NESTED(home, place)) /* HERE */
