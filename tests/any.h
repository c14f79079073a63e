/* any.h - chance for tests that make their own texts: the same in every run. */
#ifndef TESTS_ANY_H
#define TESTS_ANY_H

#include <stddef.h>
#include <stdint.h>

static uint64_t seed = 7; /* a test that wants its own run of luck sets it */

/* One of 0 to n - 1. */
static unsigned any(unsigned n) {
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(seed >> 33) % n;
}

/* n of these letters, of which there are so many. */
__attribute__((unused)) static void any_text(void *text, size_t n, const char *letters,
                                             size_t count) {
    for (size_t i = 0; i < n; i++) ((char *)text)[i] = letters[any((unsigned)count)];
}

#endif
