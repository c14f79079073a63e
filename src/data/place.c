/* data/place.c - lines and columns, counted. */
#include "data/judge.h"
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* How many of the bytes end a line; how many do not begin a character. Many at a time, as a reader
 * of streams counts all that it reads. */
#if defined(__SSE2__)
/* Calls WHICH(v) for 16 bytes at a time: those that count are -1 then. */
#define COUNT(WHICH)                                                                               \
    __m128i sum = _mm_setzero_si128();                                                             \
    while (n >= 16) {                                                                              \
        __m128i some = _mm_setzero_si128();                                                        \
        for (int i = 0; i < 255 && n >= 16; i++, p += 16, n -= 16) /* a byte counts so far */      \
            some = _mm_sub_epi8(some, WHICH(_mm_loadu_si128((const __m128i *)(const void *)p)));   \
        sum = _mm_add_epi64(sum, _mm_sad_epu8(some, _mm_setzero_si128()));                         \
    }                                                                                              \
    uint64_t count = (uint64_t)_mm_cvtsi128_si64(_mm_add_epi64(sum, _mm_srli_si128(sum, 8)))
#else
#define COUNT(WHICH) uint64_t count = 0
#endif

static uint64_t count_lines(const uint8_t *p, size_t n) {
#define ENDS(v) _mm_cmpeq_epi8(v, _mm_set1_epi8('\n'))
    COUNT(ENDS);
    for (; n > 0; p++, n--) count += *p == '\n';
    return count;
}

static uint64_t count_rest(const uint8_t *p, size_t n) {
#define GOES_ON(v) _mm_cmplt_epi8(v, _mm_set1_epi8(-64)) /* 80 to BF */
    COUNT(GOES_ON);
    for (; n > 0; p++, n--) count += (*p & 0xC0) == 0x80;
    return count;
}

void hob__json_move(struct hob_json_place *place, const uint8_t *bytes, size_t n) {
    const uint8_t *line = n ? memrchr(bytes, '\n', n) : NULL;
    place->byte += n;
    if (line) {
        size_t before = (size_t)(line + 1 - bytes);
        place->line += count_lines(bytes, before);
        place->column = 1;
        bytes += before;
        n -= before;
    }
    place->column += n - count_rest(bytes, n);
}
