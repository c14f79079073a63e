/* Another structure, by value.
 * gcc: incompatible type for argument 1 of 'move__task'
 * clang: passing 'struct size' to parameter of incompatible type 'move__arg1'
 * g++: could not convert 's' from 'size' to 'move__arg1'
 * clang++: no matching function for call to 'move__task' */
#include <hob/hob.h>

struct point {
    int x, y;
};
struct size {
    int w, h;
};
static int move(struct point p) { return p.x; }
HOB_TASK(move, struct point)

int f(struct hob_scope *scope, struct size s);
int f(struct hob_scope *scope, struct size s) {
    hob_spawn(scope, move, s); /* HERE */
    return 0;
}
