/* no_watchdog.h - for tests that count descriptors, or look at resident memory, and are to see
 * their own: a report of a held loop, which any busy machine brings, finds its lines in the
 * program's files. That takes 25 MB and, where a report function is set, a descriptor for a moment.
 */
#ifndef HOB_TEST_NO_WATCHDOG_H
#define HOB_TEST_NO_WATCHDOG_H
#include <stdlib.h>

__attribute__((constructor)) static void watch_nothing(void) { setenv("HOB_SLOW_MS", "0", 1); }

#endif
