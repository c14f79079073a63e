/* The check works inside other macros, and beside a right use on the same line.
 * gcc: incompatible type for argument 1 of 'greet__task'
 * clang: passing 'int' to parameter of incompatible type 'greet__arg1'
 * g++: invalid conversion from 'int' to 'greet__arg1'
 * clang++: no matching function for call to 'greet__task' */
#include <hob/hob.h>

static int greet(const char *name, double seconds) { return name && seconds > 0; }
HOB_TASK(greet, const char *, double)

#define CHECK(x)                                                                                   \
    do {                                                                                           \
        if (!(x)) return 1;                                                                        \
    } while (0)
static int see(struct hob_task *t) { return hob_await(t); }
HOB_TASK(see, struct hob_task *)

int f(struct hob_scope *s);
int f(struct hob_scope *s) {
    CHECK(hob_spawn(s, greet, 42, 1.0));                         /* HERE */
    HOB_TRY(hob_start(s, greet, 42, 1.0));                       /* HERE */
    hob_spawn(s, see, hob_spawn(s, greet, 42, 1.0));             /* HERE */
    (void)hob_within(1.0, hob_start(s, greet, 42, 1.0));         /* HERE */
    hob_spawn(s, greet, "a", 1.0), hob_spawn(s, greet, 42, 1.0); /* HERE */
    return 0;
}
