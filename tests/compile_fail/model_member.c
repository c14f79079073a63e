/* A field that the struct does not have.
 * gcc: has no member named 'nam'
 * clang: no member named 'nam'
 * g++: has no member named 'nam'\|'nam' is not a member of
 * clang++: no member named 'nam' */
#include <hob/model.h>

struct user {
    char *name;
};
HOB_MODEL(user, struct user, HOB_FIELD(nam)) /* HERE */
