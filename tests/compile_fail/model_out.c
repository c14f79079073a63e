/* Decoding into a struct of another model.
 * gcc: selector of type 'struct place \*' is not compatible with any association
 * clang: controlling expression type 'struct place \*' not compatible with any generic association
 * g++: cannot convert 'place\*' to 'user\*'
 * clang++: no matching function for call to 'hob__same' */
#include <hob/model.h>

struct user {
    char *name;
};
HOB_MODEL(user, struct user, HOB_FIELD(name))
struct place {
    char *city;
};

int f(struct place *p, struct hob_arena *memory);
int f(struct place *p, struct hob_arena *memory) {
    return hob_model_decode(user, p, "{}", 2, memory); /* HERE */
}
