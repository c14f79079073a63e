/* data/index_avx2.c - the blocks of the first pass, two registers of 32 bytes each. */
#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,bmi,pclmul,popcnt,lzcnt")))
#define HERE TARGET static inline __attribute__((always_inline))

#include "data/index_tables.h"
#include "data/index_x86.h"
#include "data/way.h"

struct utf8 {
    __m256i error;
    __m256i before;     /* the last 32 bytes */
    __m256i unfinished; /* not zero: they end within a sequence */
};

HERE uint64_t mask(__m256i low, __m256i high) {
    return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high)
                                                     << 32;
}

/* In both halves. */
HERE __m256i table(const uint8_t *entries) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)entries));
}

/* ---- UTF-8, by index_tables.h ---- */

HERE __m256i high_nibbles(__m256i v) {
    return _mm256_and_si256(_mm256_srli_epi16(v, 4), _mm256_set1_epi8(15));
}

/* The vector whose byte i is the n-th before byte i of v. */
#define BACK(v, before, n)                                                                         \
    _mm256_alignr_epi8(v, _mm256_permute2x128_si256(before, v, 0x21), 16 - (n))

HERE __m256i pair_errors(__m256i v, __m256i back1) {
    __m256i a = _mm256_shuffle_epi8(table(hob__utf8_by_first_high), high_nibbles(back1));
    __m256i b = _mm256_shuffle_epi8(table(hob__utf8_by_first_low),
                                    _mm256_and_si256(back1, _mm256_set1_epi8(15)));
    __m256i c = _mm256_shuffle_epi8(table(hob__utf8_by_second_high), high_nibbles(v));
    return _mm256_and_si256(_mm256_and_si256(a, b), c);
}

HERE void utf8_32(struct utf8 *u, __m256i v) {
    __m256i back1 = BACK(v, u->before, 1), back2 = BACK(v, u->before, 2);
    __m256i back3 = BACK(v, u->before, 3);
    __m256i errors = pair_errors(v, back1);
    /* The third byte of three and four, the fourth of four: there two continuations are right. */
    __m256i third = _mm256_subs_epu8(back2, _mm256_set1_epi8((char)(0xE0 - 0x80)));
    __m256i fourth = _mm256_subs_epu8(back3, _mm256_set1_epi8((char)(0xF0 - 0x80)));
    __m256i must = _mm256_and_si256(_mm256_or_si256(third, fourth), _mm256_set1_epi8((char)0x80));
    u->error = _mm256_or_si256(u->error, _mm256_xor_si256(must, errors));
    /* Ends within a sequence? The last three bytes are too large for their place then. */
    const __m256i most = _mm256_setr_epi8(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
                                          -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
                                          -1, (char)(0xF0 - 1), (char)(0xE0 - 1), (char)(0xC0 - 1));
    u->unfinished = _mm256_subs_epu8(v, most);
    u->before = v;
}

HERE void utf8_64(struct utf8 *u, __m256i low, __m256i high) {
    if (HOB__LIKELY(_mm256_movemask_epi8(_mm256_or_si256(low, high)) == 0)) { /* ASCII */
        u->error = _mm256_or_si256(u->error, u->unfinished);
        u->unfinished = u->before = _mm256_setzero_si256();
        return;
    }
    utf8_32(u, low);
    utf8_32(u, high);
}

HERE bool utf8_ends(const struct utf8 *u) {
    __m256i all = _mm256_or_si256(u->error, u->unfinished);
    return _mm256_testz_si256(all, all);
}

HERE void utf8_block(struct utf8 *u, const uint8_t *block) {
    utf8_64(u, _mm256_loadu_si256((const __m256i *)(const void *)block),
            _mm256_loadu_si256((const __m256i *)(const void *)(block + 32)));
}

#define UTF8_ASCII 128
HERE bool utf8_ascii(struct utf8 *u, const uint8_t *p) {
    const __m256i *v = (const __m256i *)(const void *)p;
    __m256i a = _mm256_or_si256(_mm256_loadu_si256(v), _mm256_loadu_si256(v + 1));
    __m256i b = _mm256_or_si256(_mm256_loadu_si256(v + 2), _mm256_loadu_si256(v + 3));
    if (_mm256_movemask_epi8(_mm256_or_si256(a, b)) != 0) return false;
    u->error = _mm256_or_si256(u->error, u->unfinished);
    u->unfinished = u->before = _mm256_setzero_si256();
    return true;
}

/* ---- the bytes ---- */

HERE uint64_t equal(__m256i low, __m256i high, char c) {
    __m256i all = _mm256_set1_epi8(c);
    return mask(_mm256_cmpeq_epi8(low, all), _mm256_cmpeq_epi8(high, all));
}

HERE void classify(const uint8_t *block, struct hob__json_bits *b, struct utf8 *u) {
    __m256i low = _mm256_loadu_si256((const __m256i *)(const void *)block);
    __m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(block + 32));
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
