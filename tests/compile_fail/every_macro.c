/* Each way to spawn checks its arguments.
 * gcc: incompatible type for argument 1 of 'greet__task'
 * clang: passing 'int' to parameter of incompatible type 'greet__arg1'
 * g++: invalid conversion from 'int' to 'greet__arg1'
 * clang++: no matching function for call to 'greet__task' */
#include <hob/hob.h>

static int greet(const char *name, double seconds) { return name && seconds > 0; }
HOB_TASK(greet, const char *, double)

int f(struct hob_scope *s, struct hob_spawn_options o, struct hob_options r);
int f(struct hob_scope *s, struct hob_spawn_options o, struct hob_options r) {
    hob_spawn_named(s, "name", greet, 42, 1.0); /* HERE */
    hob_spawn_daemon(s, greet, 42, 1.0);        /* HERE */
    hob_spawn_with(s, o, greet, 42, 1.0);       /* HERE */
    (void)hob_start(s, greet, 42, 1.0);         /* HERE */
    (void)hob_background(greet, 42, 1.0);       /* HERE */
    (void)hob_run(greet, 42, 1.0);              /* HERE */
    (void)hob_run_with(r, greet, 42, 1.0);      /* HERE */
    return 0;
}
