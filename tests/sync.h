/* sync.h - what the tests of the sync objects share: notes of what happened in which order, and
 * turns of the loop. */
#ifndef HOB_TESTS_SYNC_H
#define HOB_TESTS_SYNC_H
#include "test.h"

#include <stdarg.h>

static char notes[4096];

__attribute__((unused, format(printf, 1, 2))) static void note(const char *fmt, ...) {
    size_t n = strlen(notes);
    va_list args;
    va_start(args, fmt);
    vsnprintf(notes + n, sizeof notes - n, fmt, args);
    va_end(args);
}

/* Lets every ready task run, n times. */
__attribute__((unused)) static void turns(int n) {
    for (int i = 0; i < n; i++) CHECK_EQ(hob_yield_now(), 0);
}

#endif
