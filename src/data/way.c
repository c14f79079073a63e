/* data/way.c - which of the ways of way.h this processor can go. */
#include "data/way.h"

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
/* All of these ask the system (XGETBV), too, whether it keeps the registers. */
static bool has_avx2(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("pclmul") &&
           __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}

/* VBMI2 is not needed: the processors without it run slower for a while after each use of the wide
 * registers. */
static bool has_avx512(void) {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vbmi2");
}
#endif

static bool always(void) { return true; }

static const struct {
    struct hob__json_way way;
    bool (*can)(void);
} ways[] = {
#if defined(__x86_64__)
    {{"avx512", hob__json_index_avx512, hob__utf8_is_avx512, hob__json_write_avx2, true},
     has_avx512},
    {{"avx2", hob__json_index_avx2, hob__utf8_is_avx2, hob__json_write_avx2, true}, has_avx2},
#elif defined(__aarch64__)
    {{"neon", hob__json_index_neon, hob__utf8_is_neon, hob__json_write_plain, false}, always},
#endif
    {{"plain", hob__json_index_plain, hob__utf8_is_plain, hob__json_write_plain, false}, always},
};

const struct hob__json_way *hob__json_way_at(size_t i) {
    for (size_t k = 0; k < sizeof ways / sizeof *ways; k++)
        if (ways[k].can() && i-- == 0) return &ways[k].way;
    return NULL;
}

static const struct hob__json_way *_Atomic known;

void hob__json_way_take(const struct hob__json_way *way) { known = way; }

const struct hob__json_way *hob__json_way(void) {
    const struct hob__json_way *way = known;
    if (HOB__LIKELY(way != NULL)) return way;
    const char *wanted = getenv("HOB_JSON");
    way = hob__json_way_at(0);
    for (size_t i = 0; wanted && hob__json_way_at(i); i++)
        if (strcmp(hob__json_way_at(i)->name, wanted) == 0) way = hob__json_way_at(i);
    known = way;
    return way;
}

bool hob__utf8_is(const uint8_t *text, size_t n) { return hob__json_way()->utf8(text, n); }
