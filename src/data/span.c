/* data/span.c - to the end of a container, 64 bytes at a time. */
#include "data/span.h"

#include "data/way.h"
#if defined(__SSE2__)
#include <immintrin.h>
#endif

enum { BLOCK = 64 };

static inline bool opens(uint8_t c) { return (c | 0x20) == '{'; }
static inline bool closes(uint8_t c) { return (c | 0x20) == '}'; }

static const uint8_t *byte_by_byte(struct hob__json_span *s, const uint8_t *p, const uint8_t *end) {
    for (; p < end; p++) {
        bool escaped = s->escape;
        s->escape = !escaped && *p == '\\';
        if (*p == '"' && !escaped)
            s->in_string = ~s->in_string;
        else if (!s->in_string && opens(*p))
            s->depth++;
        else if (!s->in_string && closes(*p) && --s->depth == 0)
            return p + 1;
    }
    return NULL;
}

#if defined(__SSE2__)

struct bits {
    uint64_t quote, backslash, open, close;
};

static inline uint64_t equal(const __m128i v[4], char c) {
    const __m128i all = _mm_set1_epi8(c);
    uint64_t bits = 0;
    for (int i = 0; i < 4; i++)
        bits |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v[i], all)) << (16 * i);
    return bits;
}

static inline struct bits classify(const uint8_t *p) {
    __m128i v[4], lower[4];
    for (int i = 0; i < 4; i++) {
        v[i] = _mm_loadu_si128((const __m128i *)(const void *)(p + (ptrdiff_t)16 * i));
        lower[i] = _mm_or_si128(v[i], _mm_set1_epi8(0x20));
    }
    return (struct bits){equal(v, '"'), equal(v, '\\'), equal(lower, '{'), equal(lower, '}')};
}

/* The bytes that a backslash before them escapes; *carry as in index_loop.h. */
static inline uint64_t escaped_bytes(uint64_t backslash, uint64_t *carry) {
    const uint64_t odd = UINT64_C(0xAAAAAAAAAAAAAAAA);
    uint64_t escaped = *carry;
    if (HOB__LIKELY(backslash == 0)) {
        *carry = 0;
        return escaped;
    }
    uint64_t starts = backslash & ~escaped;
    uint64_t series = ((starts << 1 | odd) - starts) ^ odd;
    *carry = (series & backslash) >> 63;
    return series ^ (backslash | escaped);
}

static inline uint64_t xor_before(uint64_t bits) {
    for (unsigned by = 1; by < 64; by *= 2) bits ^= bits << by;
    return bits;
}

static inline unsigned count(uint64_t x) {
    const uint64_t ones = UINT64_C(0x0101010101010101);
    x -= x >> 1 & 0x55 * ones;
    x = (x & 0x33 * ones) + (x >> 2 & 0x33 * ones);
    return (unsigned)(((x + (x >> 4)) & 0x0F * ones) * ones >> 56);
}

/* Which bracket of a block ends the container; BLOCK: none of them. */
static __attribute__((noinline)) unsigned last_bracket(uint64_t depth, uint64_t open,
                                                       uint64_t close) {
    for (uint64_t any = open | close; any; any &= any - 1) {
        if (open & any & -any)
            depth++;
        else if (--depth == 0)
            return (unsigned)__builtin_ctzll(any);
    }
    return BLOCK;
}

#define TARGET
#define SPAN span_sse2
#define CLASSIFY classify
#define XOR_BEFORE xor_before
#define COUNT count
#include "data/span_loop.h"

/* ---- with registers of 32 bytes ---- */

#define AVX2 __attribute__((target("avx2,pclmul,popcnt")))

AVX2 static inline uint64_t equal_avx2(__m256i low, __m256i high, char c) {
    const __m256i all = _mm256_set1_epi8(c);
    return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, all)) |
           (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, all)) << 32;
}

AVX2 static inline struct bits classify_avx2(const uint8_t *p) {
    const __m256i bit = _mm256_set1_epi8(0x20);
    __m256i low = _mm256_loadu_si256((const __m256i *)(const void *)p);
    __m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32));
    __m256i lower = _mm256_or_si256(low, bit), higher = _mm256_or_si256(high, bit);
    return (struct bits){equal_avx2(low, high, '"'), equal_avx2(low, high, '\\'),
                         equal_avx2(lower, higher, '{'), equal_avx2(lower, higher, '}')};
}

AVX2 static inline uint64_t xor_before_avx2(uint64_t bits) {
    /* A product without carries, by all ones. */
    return (uint64_t)_mm_cvtsi128_si64(
        _mm_clmulepi64_si128(_mm_set_epi64x(0, (int64_t)bits), _mm_set1_epi8((char)0xFF), 0));
}

#define TARGET AVX2
#define SPAN span_avx2
#define CLASSIFY classify_avx2
#define XOR_BEFORE xor_before_avx2
#define COUNT(bits) ((unsigned)__builtin_popcountll(bits))
#include "data/span_loop.h"

const uint8_t *hob__json_span(struct hob__json_span *s, const uint8_t *p, const uint8_t *end) {
    /* What is not plain has these registers at least. */
    if (hob__json_way()->index != hob__json_index_plain) return span_avx2(s, p, end);
    return span_sse2(s, p, end);
}
#else
const uint8_t *hob__json_span(struct hob__json_span *s, const uint8_t *p, const uint8_t *end) {
    return byte_by_byte(s, p, end);
}
#endif
