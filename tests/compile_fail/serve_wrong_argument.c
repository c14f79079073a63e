/* A handler's further argument is of another type.
 * gcc: incompatible type for argument 2 of 'answer__task'
 * clang: passing 'struct listener_name \*' to parameter of incompatible type 'answer__arg2'
 * g++: cannot convert 'listener_name\*' to 'answer__arg2'
 * clang++: no matching function for call to 'answer__task' */
#include <hob/serve.h>

struct app;
struct listener_name;
static int answer(struct hob_stream *s, struct app *a) { return s && a ? 0 : -1; }
HOB_TASK(answer, struct hob_stream *, struct app *)

int f(struct hob_listener *l, struct listener_name *n);
int f(struct hob_listener *l, struct listener_name *n) {
    return hob_serve(l, answer, n); /* HERE */
}
