/* fuzz.h - what the fuzz targets have in common, and the tests of parsers with them.
 *
 *   #include "fuzz.h"
 *   FUZZ(data, n) { ...; CHECK(what always holds); }
 *
 * One target is one file, NAME_fuzz.c: libFuzzer calls it with inputs that it makes up (make fuzz),
 * and `make test` with those that are kept in fuzz/corpus/NAME (replay.c).
 *
 * What is parsed lies right before a page that cannot be read (edge_copy), so that one byte too far
 * ends the program, with a sanitizer or without. */
#ifndef HOB_FUZZ_H
#define HOB_FUZZ_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifndef CHECK
#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #cond);                   \
            abort();                                                                               \
        }                                                                                          \
    } while (0)
#endif

#define FUZZ(data, n)                                                                              \
    static void fuzz_one(const uint8_t *data, size_t n);                                           \
    int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);                                     \
    int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {                                    \
        fuzz_one(data, n);                                                                         \
        return 0;                                                                                  \
    }                                                                                              \
    static void fuzz_one(const uint8_t *data, size_t n)

/* ---- before an unreadable page ---- */

enum { EDGE_MAX = 1 << 17, EDGE_GUARD = 1 << 16, EDGES = 64, EDGES_KEPT = 4 };

/* n bytes that end right before an unreadable page, in one of some places that take turns. */
__attribute__((unused)) static char *edge_of(char **ends, unsigned turn, unsigned places,
                                             size_t n) {
    char **end = &ends[turn % places];
    CHECK(n <= EDGE_MAX);
    if (!*end) {
        char *p = (char *)mmap(NULL, EDGE_MAX + EDGE_GUARD, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(p != (char *)MAP_FAILED);
        CHECK(mprotect(p + EDGE_MAX, EDGE_GUARD, PROT_NONE) == 0);
        *end = p + EDGE_MAX;
    }
    return *end - n;
}

/* Room there; the last EDGES of them are valid. */
__attribute__((unused)) static char *edge_room(size_t n) {
    static char *ends[EDGES];
    static unsigned turn;
    return edge_of(ends, turn++, EDGES, n);
}

/* A copy of n bytes there. */
__attribute__((unused)) static char *edge_copy(const void *bytes, size_t n) {
    char *at = edge_room(n);
    if (n) memcpy(at, bytes, n);
    return at;
}

/* The same as a string: up to the first NUL, if there is one; its own NUL is the last byte. */
__attribute__((unused)) static char *edge_string(const void *bytes, size_t n) {
    n = n ? strnlen((const char *)bytes, n) : 0;
    char *at = edge_room(n + 1);
    if (n) memcpy(at, bytes, n);
    at[n] = 0;
    return at;
}

/* A copy of what the target was called with, which stays while it runs, however many edges it
 * uses; the last EDGES_KEPT of them are valid. */
__attribute__((unused)) static char *edge_kept(const void *bytes, size_t n) {
    static char *ends[EDGES_KEPT];
    static unsigned turn;
    char *at = edge_of(ends, turn++, EDGES_KEPT, n);
    if (bytes && n) memcpy(at, bytes, n);
    return at;
}

/* The same as a string. */
__attribute__((unused)) static char *edge_kept_string(const void *bytes, size_t n) {
    n = n ? strnlen((const char *)bytes, n) : 0;
    char *at = edge_kept(NULL, n + 1);
    if (n) memcpy(at, bytes, n);
    at[n] = 0;
    return at;
}

/* ---- the input, bit by bit ---- */

struct fuzz_input {
    const uint8_t *at;
    size_t left;
};

/* Zeros behind the end. */
__attribute__((unused)) static unsigned fuzz_byte(struct fuzz_input *in) {
    if (in->left == 0) return 0;
    in->left--;
    return *in->at++;
}
__attribute__((unused)) static uint32_t fuzz_u32(struct fuzz_input *in) {
    uint32_t n = 0;
    for (int i = 0; i < 4; i++) n = n << 8 | fuzz_byte(in);
    return n;
}
/* The next bytes, at most `most`; their number is the input's to say. */
__attribute__((unused)) static const uint8_t *fuzz_bytes(struct fuzz_input *in, size_t most,
                                                         size_t *n) {
    *n = fuzz_byte(in);
    if (*n > most) *n = most;
    if (*n > in->left) *n = in->left;
    const uint8_t *at = in->at;
    in->at += *n;
    in->left -= *n;
    return at;
}
/* The same as a string at an edge. */
__attribute__((unused)) static char *fuzz_string(struct fuzz_input *in, size_t most) {
    size_t n;
    const uint8_t *at = fuzz_bytes(in, most, &n);
    return edge_string(at, n);
}

/* A sequence that the input's one number determines: how to cut, what to give. */
__attribute__((unused)) static unsigned fuzz_next(uint32_t *state) {
    *state = *state * 1103515245u + 12345u;
    return *state >> 16;
}

/* A long text from a short input: pieces, some of them many times. How many bytes. */
__attribute__((unused)) static size_t fuzz_runs(struct fuzz_input *in, void *text, size_t room) {
    size_t size = 0;
    while (in->left > 0) {
        size_t piece;
        unsigned times = fuzz_byte(in);
        const uint8_t *at = fuzz_bytes(in, 255, &piece);
        times = times < 128 ? 1 : (times - 127) * 8;
        for (; times > 0 && piece <= room - size; times--, size += piece)
            memcpy((char *)text + size, at, piece);
    }
    return size;
}

#endif
