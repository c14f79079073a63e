/* data/index.c - which of the first passes this processor can run. */
#include "data/index.h"
#include <stdlib.h>
#include <string.h>

hob__json_indexer *hob__json_indexer_best(void) {
    static hob__json_indexer *_Atomic known;
    if (known) return known;
    hob__json_indexer *best = hob__json_index_plain;
    const char *wanted = getenv("HOB_JSON");
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("pclmul") &&
        __builtin_cpu_supports("bmi"))
        best = hob__json_index_avx2;
#elif defined(__aarch64__)
    best = hob__json_index_neon;
#endif
    if (wanted && strcmp(wanted, "plain") == 0) best = hob__json_index_plain;
    known = best;
    return best;
}

const char *hob__json_indexer_name(hob__json_indexer *indexer) {
#if defined(__x86_64__)
    if (indexer == hob__json_index_avx2) return "avx2";
#elif defined(__aarch64__)
    if (indexer == hob__json_index_neon) return "neon";
#endif
    return indexer == hob__json_index_plain ? "plain" : "unknown";
}

bool hob__utf8_is(const uint8_t *text, size_t n) {
    hob__json_indexer *best = hob__json_indexer_best();
#if defined(__x86_64__)
    if (best == hob__json_index_avx2) return hob__utf8_is_avx2(text, n);
#elif defined(__aarch64__)
    if (best == hob__json_index_neon) return hob__utf8_is_neon(text, n);
#endif
    const uint64_t tops = UINT64_C(0x8080808080808080);
    for (uint64_t eight; n >= 8; text += 8, n -= 8) { /* ASCII in front */
        memcpy(&eight, text, 8);
        if (eight & tops) break;
    }
    return hob__utf8_valid(text, n, NULL);
}
