/* data/index_avx512.c - the blocks of the first pass, one register of 64 bytes each. As
 * index_avx2.c, but comparisons answer with the 64 bits themselves. */
#if defined(__x86_64__)
#include <immintrin.h>

#ifndef TARGET
#define TARGET __attribute__((target("avx512f,avx512bw,avx2,bmi,pclmul,popcnt,lzcnt")))
#endif
#define HERE TARGET static inline __attribute__((always_inline))

#include "data/index_x86.h"
#include "data/way.h"

HERE __m512i table(const uint8_t *entries) {
    return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)entries));
}

/* ---- UTF-8 ---- */

typedef __m512i vec;
HERE vec vec_load(const uint8_t *p) { return _mm512_loadu_si512(p); }
HERE vec vec_all(uint8_t c) { return _mm512_set1_epi8((char)c); }
HERE vec vec_and(vec a, vec b) { return _mm512_and_si512(a, b); }
HERE vec vec_or(vec a, vec b) { return _mm512_or_si512(a, b); }
HERE vec vec_xor(vec a, vec b) { return _mm512_xor_si512(a, b); }
HERE vec vec_above(vec a, vec b) { return _mm512_subs_epu8(a, b); }
HERE vec vec_high(vec v) { return vec_and(_mm512_srli_epi16(v, 4), vec_all(15)); }
HERE vec vec_look(const uint8_t *entries, vec v) { return _mm512_shuffle_epi8(table(entries), v); }
HERE bool vec_is_zero(vec v) { return _mm512_test_epi64_mask(v, v) == 0; }
/* Each part of 16 bytes is put behind the one before it. */
#define VEC_BACK(v, before, n) _mm512_alignr_epi8(v, _mm512_alignr_epi32(v, before, 12), 16 - (n))
#include "data/index_utf8.h"

HERE void utf8_64(struct utf8 *u, vec v) {
    if (HOB__LIKELY(_mm512_movepi8_mask(v) == 0)) /* ASCII */
        utf8_plain(u);
    else
        utf8_vec(u, v);
}

HERE void utf8_block(struct utf8 *u, const uint8_t *block) { utf8_64(u, vec_load(block)); }

/* ---- the bytes ---- */

HERE uint64_t equal(vec v, char c) {
    return (uint64_t)_mm512_cmpeq_epi8_mask(v, vec_all((uint8_t)c));
}

HERE void classify(const uint8_t *block, struct hob__json_bits *b, struct utf8 *u) {
    vec v = vec_load(block);
    utf8_64(u, v);
    b->quote = equal(v, '"');
    b->backslash = equal(v, '\\');
    b->space = _mm512_cmpeq_epi8_mask(v, _mm512_shuffle_epi8(table(hob__spaces), v));
    b->control = _mm512_cmple_epu8_mask(v, vec_all(0x1F));
    vec letter = vec_or(v, vec_all(0x20));
    b->op = _mm512_cmpeq_epi8_mask(letter, _mm512_shuffle_epi8(table(hob__ops), v)) & ~b->control;
}

#include "data/index_loop.h"

TARGET int64_t hob__json_index_avx512(const uint8_t *text, size_t n, uint32_t *out, uint8_t *copy) {
    return index_text(text, n, out, copy);
}

TARGET bool hob__utf8_is_avx512(const uint8_t *text, size_t n) { return utf8_all(text, n); }
#endif
