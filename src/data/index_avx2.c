/* data/index_avx2.c - the blocks of the first pass, two registers of 32 bytes each. */
#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,bmi,pclmul,popcnt,lzcnt")))

#include "data/way.h"

struct utf8 {
    __m256i error;
    __m256i before;     /* the last 32 bytes */
    __m256i unfinished; /* not zero: they end within a sequence */
};

TARGET static inline __attribute__((always_inline)) uint64_t xor_before(uint64_t bits) {
    /* A product without carries, by all ones. */
    __m128i all = _mm_set1_epi8((char)0xFF);
    return (uint64_t)_mm_cvtsi128_si64(
        _mm_clmulepi64_si128(_mm_set_epi64x(0, (int64_t)bits), all, 0));
}

TARGET static inline __attribute__((always_inline)) uint64_t mask(__m256i low, __m256i high) {
    return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high)
                                                     << 32;
}

TARGET static inline __attribute__((always_inline)) uint32_t lowest(uint64_t bits) {
    return (uint32_t)_tzcnt_u64(bits);
}

#define BOTH(...) _mm256_setr_epi8(__VA_ARGS__, __VA_ARGS__)

/* ---- UTF-8: each byte is judged with the one before it, by three look-ups in tables of 16 whose
 * answers are sets of errors; what all three agree on is one ---- */

enum {
    TOO_SHORT = 1 << 0,      /* a lead byte without a continuation */
    TOO_LONG = 1 << 1,       /* a continuation without a lead byte */
    OVERLONG_3 = 1 << 2,     /* E0 80..9F */
    TOO_LARGE = 1 << 3,      /* F4 90.., F5.. with 90.. */
    SURROGATE = 1 << 4,      /* ED A0.. */
    OVERLONG_2 = 1 << 5,     /* C0, C1 */
    TOO_LARGE_1000 = 1 << 6, /* F5.. with 80..8F */
    OVERLONG_4 = 1 << 6,     /* F0 80..8F */
    TWO_CONTINUATIONS = 1 << 7,
    CARRY = TOO_SHORT | TOO_LONG | TWO_CONTINUATIONS
};

TARGET static inline __attribute__((always_inline)) __m256i high_nibbles(__m256i v) {
    return _mm256_and_si256(_mm256_srli_epi16(v, 4), _mm256_set1_epi8(15));
}

/* The vector whose byte i is the n-th before byte i of v. */
#define BACK(v, before, n)                                                                         \
    _mm256_alignr_epi8(v, _mm256_permute2x128_si256(before, v, 0x21), 16 - (n))

TARGET static inline __attribute__((always_inline)) __m256i pair_errors(__m256i v, __m256i back1) {
    const __m256i by_first_high = BOTH(
        TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG,
        (char)TWO_CONTINUATIONS, (char)TWO_CONTINUATIONS, (char)TWO_CONTINUATIONS,
        (char)TWO_CONTINUATIONS, TOO_SHORT | OVERLONG_2, TOO_SHORT,
        TOO_SHORT | OVERLONG_3 | SURROGATE, TOO_SHORT | TOO_LARGE | TOO_LARGE_1000 | OVERLONG_4);
    const __m256i by_first_low = BOTH(
        (char)(CARRY | OVERLONG_3 | OVERLONG_2 | OVERLONG_4), (char)(CARRY | OVERLONG_2),
        (char)CARRY, (char)CARRY, (char)(CARRY | TOO_LARGE),
        (char)(CARRY | TOO_LARGE | TOO_LARGE_1000), (char)(CARRY | TOO_LARGE | TOO_LARGE_1000),
        (char)(CARRY | TOO_LARGE | TOO_LARGE_1000), (char)(CARRY | TOO_LARGE | TOO_LARGE_1000),
        (char)(CARRY | TOO_LARGE | TOO_LARGE_1000), (char)(CARRY | TOO_LARGE | TOO_LARGE_1000),
        (char)(CARRY | TOO_LARGE | TOO_LARGE_1000), (char)(CARRY | TOO_LARGE | TOO_LARGE_1000),
        (char)(CARRY | TOO_LARGE | TOO_LARGE_1000 | SURROGATE),
        (char)(CARRY | TOO_LARGE | TOO_LARGE_1000), (char)(CARRY | TOO_LARGE | TOO_LARGE_1000));
    const __m256i by_second_high =
        BOTH(TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
             (char)(TOO_LONG | OVERLONG_2 | TWO_CONTINUATIONS | OVERLONG_3 | TOO_LARGE_1000 |
                    OVERLONG_4),
             (char)(TOO_LONG | OVERLONG_2 | TWO_CONTINUATIONS | OVERLONG_3 | TOO_LARGE),
             (char)(TOO_LONG | OVERLONG_2 | TWO_CONTINUATIONS | SURROGATE | TOO_LARGE),
             (char)(TOO_LONG | OVERLONG_2 | TWO_CONTINUATIONS | SURROGATE | TOO_LARGE), TOO_SHORT,
             TOO_SHORT, TOO_SHORT, TOO_SHORT);
    __m256i a = _mm256_shuffle_epi8(by_first_high, high_nibbles(back1));
    __m256i b = _mm256_shuffle_epi8(by_first_low, _mm256_and_si256(back1, _mm256_set1_epi8(15)));
    __m256i c = _mm256_shuffle_epi8(by_second_high, high_nibbles(v));
    return _mm256_and_si256(_mm256_and_si256(a, b), c);
}

TARGET static inline __attribute__((always_inline)) void utf8_32(struct utf8 *u, __m256i v) {
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

TARGET static inline __attribute__((always_inline)) void utf8_64(struct utf8 *u, __m256i low,
                                                                 __m256i high) {
    if (HOB__LIKELY(_mm256_movemask_epi8(_mm256_or_si256(low, high)) == 0)) { /* ASCII */
        u->error = _mm256_or_si256(u->error, u->unfinished);
        u->unfinished = u->before = _mm256_setzero_si256();
        return;
    }
    utf8_32(u, low);
    utf8_32(u, high);
}

TARGET static inline __attribute__((always_inline)) bool utf8_ends(const struct utf8 *u) {
    __m256i all = _mm256_or_si256(u->error, u->unfinished);
    return _mm256_testz_si256(all, all);
}

/* ---- the bytes ---- */

TARGET static inline __attribute__((always_inline)) uint64_t equal(__m256i low, __m256i high,
                                                                   char c) {
    __m256i all = _mm256_set1_epi8(c);
    return mask(_mm256_cmpeq_epi8(low, all), _mm256_cmpeq_epi8(high, all));
}

TARGET static inline __attribute__((always_inline)) void
classify(const uint8_t *block, struct hob__json_bits *b, struct utf8 *u) {
    __m256i low = _mm256_loadu_si256((const __m256i *)(const void *)block);
    __m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(block + 32));
    utf8_64(u, low, high);
    b->quote = equal(low, high, '"');
    b->backslash = equal(low, high, '\\');
    /* A byte is white space when the table, asked by its low nibble, answers that very byte: 20 09
     * 0A 0D. Bytes from 80 on get 0. */
    const __m256i spaces =
        BOTH(' ', 100, 100, 100, 17, 100, 113, 2, 100, '\t', '\n', 112, 100, '\r', 100, 100);
    b->space = mask(_mm256_cmpeq_epi8(low, _mm256_shuffle_epi8(spaces, low)),
                    _mm256_cmpeq_epi8(high, _mm256_shuffle_epi8(spaces, high)));
    __m256i most = _mm256_set1_epi8(0x1F);
    b->control = mask(_mm256_cmpeq_epi8(_mm256_max_epu8(low, most), most),
                      _mm256_cmpeq_epi8(_mm256_max_epu8(high, most), most));
    /* So with 2C 3A and, the bit 20 set, 7B 7D, which are 5B 5D as well; but not the control
     * characters 0C and 1A, which become 2C and 3A. */
    const __m256i ops = BOTH(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ':', '{', ',', '}', 0, 0);
    __m256i bit = _mm256_set1_epi8(0x20);
    b->op = mask(_mm256_cmpeq_epi8(_mm256_or_si256(low, bit), _mm256_shuffle_epi8(ops, low)),
                 _mm256_cmpeq_epi8(_mm256_or_si256(high, bit), _mm256_shuffle_epi8(ops, high))) &
            ~b->control;
}

#include "data/index_loop.h"

TARGET int64_t hob__json_index_avx2(const uint8_t *text, size_t n, uint32_t *out, uint8_t *copy) {
    return index_text(text, n, out, copy);
}

TARGET static inline __attribute__((always_inline)) void utf8_block(struct utf8 *u,
                                                                    const uint8_t *block) {
    utf8_64(u, _mm256_loadu_si256((const __m256i *)(const void *)block),
            _mm256_loadu_si256((const __m256i *)(const void *)(block + 32)));
}

TARGET bool hob__utf8_is_avx2(const uint8_t *text, size_t n) {
    struct utf8 u = {0};
    uint8_t last[HOB__JSON_BLOCK] = {0};
    size_t i = 0;
    for (; i + HOB__JSON_BLOCK <= n; i += HOB__JSON_BLOCK) utf8_block(&u, text + i);
    if (i < n) memcpy(last, text + i, n - i);
    utf8_block(&u, last);
    return utf8_ends(&u);
}
#endif
