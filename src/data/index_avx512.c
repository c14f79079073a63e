/* data/index_avx512.c - the blocks of the first pass, one register of 64 bytes each. As
 * index_avx2.c, but comparisons answer with the 64 bits themselves. */
#if defined(__x86_64__)
#include <immintrin.h>

#ifndef TARGET
#define TARGET __attribute__((target("avx512f,avx512bw,avx2,bmi,pclmul,popcnt,lzcnt")))
#endif
#define HERE TARGET static inline __attribute__((always_inline))

#include "data/index_tables.h"
#include "data/index_x86.h"
#include "data/way.h"

struct utf8 {
    __m512i error;
    __m512i before;     /* the last 64 bytes */
    __m512i unfinished; /* not zero: they end within a sequence */
};

HERE __m512i table(const uint8_t *entries) {
    return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)entries));
}

HERE __m512i all(uint8_t c) { return _mm512_set1_epi8((char)c); }

/* ---- UTF-8, by index_tables.h ---- */

HERE __m512i high_nibbles(__m512i v) { return _mm512_and_si512(_mm512_srli_epi16(v, 4), all(15)); }

HERE __m512i pair_errors(__m512i v, __m512i back1) {
    __m512i a = _mm512_shuffle_epi8(table(hob__utf8_by_first_high), high_nibbles(back1));
    __m512i b =
        _mm512_shuffle_epi8(table(hob__utf8_by_first_low), _mm512_and_si512(back1, all(15)));
    __m512i c = _mm512_shuffle_epi8(table(hob__utf8_by_second_high), high_nibbles(v));
    return _mm512_and_si512(_mm512_and_si512(a, b), c);
}

HERE void utf8_64(struct utf8 *u, __m512i v) {
    if (HOB__LIKELY(_mm512_movepi8_mask(v) == 0)) { /* ASCII */
        u->error = _mm512_or_si512(u->error, u->unfinished);
        u->unfinished = u->before = _mm512_setzero_si512();
        return;
    }
    /* Each part of 16 bytes is the one before it in v; back N has the N-th byte before each. */
    __m512i parts = _mm512_alignr_epi32(v, u->before, 12);
    __m512i back1 = _mm512_alignr_epi8(v, parts, 15), back2 = _mm512_alignr_epi8(v, parts, 14);
    __m512i back3 = _mm512_alignr_epi8(v, parts, 13);
    __m512i errors = pair_errors(v, back1);
    /* The third byte of three and four, the fourth of four: there two continuations are right. */
    __m512i third = _mm512_subs_epu8(back2, all(0xE0 - 0x80));
    __m512i fourth = _mm512_subs_epu8(back3, all(0xF0 - 0x80));
    __m512i must = _mm512_and_si512(_mm512_or_si512(third, fourth), all(0x80));
    u->error = _mm512_or_si512(u->error, _mm512_xor_si512(must, errors));
    /* Ends within a sequence? The last three bytes are too large for their place then. */
    static const uint8_t most[64] = {
        [0 ... 60] = 255, [61] = 0xF0 - 1, [62] = 0xE0 - 1, [63] = 0xC0 - 1};
    u->unfinished = _mm512_subs_epu8(v, _mm512_loadu_si512(most));
    u->before = v;
}

HERE bool utf8_ends(const struct utf8 *u) {
    __m512i any = _mm512_or_si512(u->error, u->unfinished);
    return _mm512_test_epi64_mask(any, any) == 0;
}

HERE void utf8_block(struct utf8 *u, const uint8_t *block) {
    utf8_64(u, _mm512_loadu_si512(block));
}

/* ---- the bytes ---- */

HERE uint64_t equal(__m512i v, char c) {
    return (uint64_t)_mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(c));
}

HERE void classify(const uint8_t *block, struct hob__json_bits *b, struct utf8 *u) {
    __m512i v = _mm512_loadu_si512(block);
    utf8_64(u, v);
    b->quote = equal(v, '"');
    b->backslash = equal(v, '\\');
    b->space = _mm512_cmpeq_epi8_mask(v, _mm512_shuffle_epi8(table(hob__spaces), v));
    b->control = _mm512_cmple_epu8_mask(v, all(0x1F));
    __m512i letter = _mm512_or_si512(v, all(0x20));
    b->op = _mm512_cmpeq_epi8_mask(letter, _mm512_shuffle_epi8(table(hob__ops), v)) & ~b->control;
}

#include "data/index_loop.h"

TARGET int64_t hob__json_index_avx512(const uint8_t *text, size_t n, uint32_t *out, uint8_t *copy) {
    return index_text(text, n, out, copy);
}

TARGET bool hob__utf8_is_avx512(const uint8_t *text, size_t n) { return utf8_all(text, n); }
#endif
