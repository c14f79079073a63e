/* data/index_avx2.c - the blocks of the first pass, two registers of 32 bytes each. */
#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,bmi,pclmul,popcnt,lzcnt")))
#define HERE TARGET static inline __attribute__((always_inline))

#include "data/index_x86.h"
#include "data/way.h"

HERE uint64_t mask(__m256i low, __m256i high) {
    return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high)
                                                     << 32;
}

/* In both halves. */
HERE __m256i table(const uint8_t *entries) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)entries));
}

/* ---- UTF-8 ---- */

typedef __m256i vec;
HERE vec vec_load(const uint8_t *p) { return _mm256_loadu_si256((const vec *)(const void *)p); }
HERE vec vec_all(uint8_t c) { return _mm256_set1_epi8((char)c); }
HERE vec vec_and(vec a, vec b) { return _mm256_and_si256(a, b); }
HERE vec vec_or(vec a, vec b) { return _mm256_or_si256(a, b); }
HERE vec vec_xor(vec a, vec b) { return _mm256_xor_si256(a, b); }
HERE vec vec_above(vec a, vec b) { return _mm256_subs_epu8(a, b); }
HERE vec vec_high(vec v) { return vec_and(_mm256_srli_epi16(v, 4), vec_all(15)); }
HERE vec vec_look(const uint8_t *entries, vec v) { return _mm256_shuffle_epi8(table(entries), v); }
HERE bool vec_is_zero(vec v) { return _mm256_testz_si256(v, v); }
#define VEC_BACK(v, before, n)                                                                     \
    _mm256_alignr_epi8(v, _mm256_permute2x128_si256(before, v, 0x21), 16 - (n))
#include "data/index_utf8.h"

HERE void utf8_64(struct utf8 *u, __m256i low, __m256i high) {
    if (HOB__LIKELY(_mm256_movemask_epi8(_mm256_or_si256(low, high)) == 0)) { /* ASCII */
        utf8_plain(u);
        return;
    }
    utf8_vec(u, low);
    utf8_vec(u, high);
}

HERE void utf8_block(struct utf8 *u, const uint8_t *block) {
    utf8_64(u, vec_load(block), vec_load(block + 32));
}

#define UTF8_ASCII 128
HERE bool utf8_ascii(struct utf8 *u, const uint8_t *p) {
    vec a = vec_or(vec_load(p), vec_load(p + 32)), b = vec_or(vec_load(p + 64), vec_load(p + 96));
    if (_mm256_movemask_epi8(vec_or(a, b)) != 0) return false;
    utf8_plain(u);
    return true;
}

/* ---- the bytes ---- */

HERE uint64_t equal(__m256i low, __m256i high, char c) {
    __m256i all = _mm256_set1_epi8(c);
    return mask(_mm256_cmpeq_epi8(low, all), _mm256_cmpeq_epi8(high, all));
}

HERE void classify(const uint8_t *block, struct hob__json_bits *b, struct utf8 *u) {
    vec low = vec_load(block), high = vec_load(block + 32);
    utf8_64(u, low, high);
    b->quote = equal(low, high, '"');
    b->backslash = equal(low, high, '\\');
    const __m256i spaces = table(hob__spaces), ops = table(hob__ops);
    b->space = mask(_mm256_cmpeq_epi8(low, _mm256_shuffle_epi8(spaces, low)),
                    _mm256_cmpeq_epi8(high, _mm256_shuffle_epi8(spaces, high)));
    __m256i most = _mm256_set1_epi8(0x1F);
    b->control = mask(_mm256_cmpeq_epi8(_mm256_max_epu8(low, most), most),
                      _mm256_cmpeq_epi8(_mm256_max_epu8(high, most), most));
    __m256i bit = _mm256_set1_epi8(0x20);
    b->op = mask(_mm256_cmpeq_epi8(_mm256_or_si256(low, bit), _mm256_shuffle_epi8(ops, low)),
                 _mm256_cmpeq_epi8(_mm256_or_si256(high, bit), _mm256_shuffle_epi8(ops, high))) &
            ~b->control;
}

#include "data/index_loop.h"

TARGET int64_t hob__json_index_avx2(const uint8_t *text, size_t n, uint32_t *out, uint8_t *copy) {
    return index_text(text, n, out, copy);
}

TARGET bool hob__utf8_is_avx2(const uint8_t *text, size_t n) { return utf8_all(text, n); }
#endif
