/* hob/buggify.h - places in a program where, in a simulated world only, something allowed but
 * unlikely happens: a cache forgets, a buffer holds a byte, a pause comes at the worst moment.
 *
 *   size_t room = hob_buggify("inbox.small") ? 1 : 64;
 *
 * Without libhob-sim, and outside of a simulation, that is one load and a branch. */
#ifndef HOB_BUGGIFY_H
#define HOB_BUGGIFY_H
#pragma GCC system_header

#include <hob/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* True now and then in a simulated world, and never elsewhere. A seed chooses for each name (a
 * string of its own for each place) whether it is used in that run at all: about one in four is. */
#define hob_buggify(name) (HOB__UNLIKELY(hob__buggify != NULL) && hob__buggify(name))

/* Private. Set by the simulated world. */
HOB_API extern bool (*hob__buggify)(const char *name);

#ifdef __cplusplus
}
#endif
#endif
