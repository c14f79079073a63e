/* data/wide.h - the widest registers for bytes: 32 at a time with AVX2 (for who defines
 * HOB__WIDE_AVX2 and TARGET before), 16 with SSE2 or NEON, else 8 in an integer.
 *
 * The questions are answered by how many of the first bytes it is true: WIDE is all of them. */
#ifndef HOB_DATA_WIDE_H
#define HOB_DATA_WIDE_H

#include <hob/base.h>

#include <string.h>
#if defined(HOB__WIDE_AVX2)
#include <immintrin.h> /* takes longer to compile than most of what includes it */
#elif defined(__x86_64__)
#include <emmintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#ifndef TARGET
#define TARGET
#endif
/* All of it becomes one function, for speed; but with the checks that AddressSanitizer and UBSan
 * put there that takes a compiler half a minute, and is left to it. */
#if defined(__SANITIZE_ADDRESS__)
#define HOB__WIDE_INLINE unused
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HOB__WIDE_INLINE unused
#endif
#endif
#ifndef HOB__WIDE_INLINE
#define HOB__WIDE_INLINE always_inline, unused
#endif
#define HOB__WIDE TARGET static inline __attribute__((HOB__WIDE_INLINE))

#if defined(HOB__WIDE_AVX2)

enum { WIDE = 32 };
typedef __m256i wide;
HOB__WIDE wide wide_load(const uint8_t *p) {
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}
HOB__WIDE void wide_store(uint8_t *p, wide v) { _mm256_storeu_si256((__m256i *)(void *)p, v); }
HOB__WIDE wide wide_is(wide v, char c) { return _mm256_cmpeq_epi8(v, _mm256_set1_epi8(c)); }
HOB__WIDE wide wide_or(wide a, wide b) { return _mm256_or_si256(a, b); }
HOB__WIDE wide wide_most(wide v, char c) {
    return _mm256_cmpeq_epi8(_mm256_max_epu8(v, _mm256_set1_epi8(c)), _mm256_set1_epi8(c));
}
HOB__WIDE unsigned wide_until(wide is) { return _tzcnt_u32((uint32_t)_mm256_movemask_epi8(is)); }
HOB__WIDE unsigned wide_while(wide is) { return _tzcnt_u32(~(uint32_t)_mm256_movemask_epi8(is)); }
HOB__WIDE unsigned wide_equal(wide a, wide b) { return wide_while(_mm256_cmpeq_epi8(a, b)); }
/* Are the first n, at most 32, equal? */
HOB__WIDE bool wide_same(wide a, wide b, unsigned n) {
    return _bzhi_u32(~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(a, b)), n) == 0;
}

/* Many times the same byte, in memory, so that the compiler does not make it anew for each use. */
struct hob__wide_bytes {
    uint8_t quote[32], backslash[32], control[32], zero[32], to_least[32], most[32];
};
extern const struct hob__wide_bytes hob__wide_bytes __attribute__((aligned(32)));
#define HOB__BYTES(name) wide_load(hob__wide_bytes.name)

/* A bit for each byte that is no digit. */
HOB__WIDE uint32_t wide_other_than_digits(wide v) {
    /* As numbers with a sign '0' becomes the smallest. */
    wide moved = _mm256_add_epi8(v, HOB__BYTES(to_least));
    return (uint32_t)_mm256_movemask_epi8(_mm256_cmpgt_epi8(moved, HOB__BYTES(most)));
}

#elif defined(__x86_64__)

enum { WIDE = 16 };
typedef __m128i wide;
HOB__WIDE wide wide_load(const uint8_t *p) {
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}
HOB__WIDE void wide_store(uint8_t *p, wide v) { _mm_storeu_si128((__m128i *)(void *)p, v); }
HOB__WIDE wide wide_is(wide v, char c) { return _mm_cmpeq_epi8(v, _mm_set1_epi8(c)); }
HOB__WIDE wide wide_or(wide a, wide b) { return _mm_or_si128(a, b); }
HOB__WIDE wide wide_most(wide v, char c) {
    return _mm_cmpeq_epi8(_mm_max_epu8(v, _mm_set1_epi8(c)), _mm_set1_epi8(c));
}
HOB__WIDE unsigned wide_until(wide is) {
    return (unsigned)__builtin_ctz((unsigned)_mm_movemask_epi8(is) | 0x10000);
}
HOB__WIDE unsigned wide_while(wide is) {
    return (unsigned)__builtin_ctz(~(unsigned)_mm_movemask_epi8(is));
}
HOB__WIDE unsigned wide_equal(wide a, wide b) { return wide_while(_mm_cmpeq_epi8(a, b)); }

#elif defined(__aarch64__)

enum { WIDE = 16 };
typedef uint8x16_t wide;
HOB__WIDE wide wide_load(const uint8_t *p) { return vld1q_u8(p); }
HOB__WIDE void wide_store(uint8_t *p, wide v) { vst1q_u8(p, v); }
HOB__WIDE wide wide_is(wide v, char c) { return vceqq_u8(v, vdupq_n_u8((uint8_t)c)); }
HOB__WIDE wide wide_or(wide a, wide b) { return vorrq_u8(a, b); }
HOB__WIDE wide wide_most(wide v, char c) { return vcleq_u8(v, vdupq_n_u8((uint8_t)c)); }
HOB__WIDE wide wide_high(wide v) { return vcgeq_u8(v, vdupq_n_u8(0x80)); } /* not ASCII */
/* Four bits for each byte. */
HOB__WIDE uint64_t wide_bits(wide is) {
    return vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(is), 4)), 0);
}
HOB__WIDE unsigned wide_until(wide is) {
    uint64_t bits = wide_bits(is);
    return bits ? (unsigned)__builtin_ctzll(bits) / 4 : WIDE;
}
HOB__WIDE unsigned wide_while(wide is) { return wide_until(vmvnq_u8(is)); }
HOB__WIDE unsigned wide_equal(wide a, wide b) { return wide_while(vceqq_u8(a, b)); }

#else

/* What is true of a byte is its highest bit; no sum goes beyond its byte. */
enum { WIDE = 8 };
typedef uint64_t wide;
#define HOB__ONES UINT64_C(0x0101010101010101)
HOB__WIDE wide wide_load(const uint8_t *p) {
    wide v;
    memcpy(&v, p, sizeof v);
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap64(v) : v;
}
HOB__WIDE void wide_store(uint8_t *p, wide v) {
    if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) v = __builtin_bswap64(v);
    memcpy(p, &v, sizeof v);
}
HOB__WIDE wide wide_is(wide v, char c) {
    wide x = v ^ HOB__ONES * (uint8_t)c; /* 0 where it is c */
    return ~((x & ~(HOB__ONES << 7)) + HOB__ONES * 0x7F) & ~x & HOB__ONES << 7;
}
HOB__WIDE wide wide_or(wide a, wide b) { return a | b; }
HOB__WIDE wide wide_most(wide v, char c) { /* c < 0x80 */
    return ~((v & ~(HOB__ONES << 7)) + HOB__ONES * (uint8_t)(0x7F - c)) & ~v & HOB__ONES << 7;
}
HOB__WIDE wide wide_high(wide v) { return v & HOB__ONES << 7; } /* not ASCII */
HOB__WIDE unsigned wide_until(wide is) { return is ? (unsigned)__builtin_ctzll(is) / 8 : WIDE; }
HOB__WIDE unsigned wide_while(wide is) { return wide_until(~is & HOB__ONES << 7); }
HOB__WIDE unsigned wide_equal(wide a, wide b) {
    return a == b ? WIDE : (unsigned)__builtin_ctzll(a ^ b) / 8;
}

#endif

#if !defined(HOB__WIDE_AVX2)
HOB__WIDE bool wide_same(wide a, wide b, unsigned n) { return wide_equal(a, b) >= n; }
#endif

/* Over digits. */
#if defined(HOB__WIDE_AVX2)
HOB__WIDE unsigned wide_digits(wide v) { return _tzcnt_u32(wide_other_than_digits(v)); }
#elif defined(__x86_64__)
HOB__WIDE unsigned wide_digits(wide v) {
    return wide_while(wide_most(_mm_sub_epi8(v, _mm_set1_epi8('0')), 9));
}
#elif defined(__aarch64__)
HOB__WIDE unsigned wide_digits(wide v) {
    return wide_while(wide_most(vsubq_u8(v, vdupq_n_u8('0')), 9));
}
#else
HOB__WIDE unsigned wide_digits(wide v) { return wide_while(wide_most(v ^ HOB__ONES * '0', 9)); }
#endif

/* Up to what a string cannot have as it is: a quote, a backslash, a control character. */
HOB__WIDE unsigned wide_plain(wide v) {
#if defined(HOB__WIDE_AVX2)
    wide most = HOB__BYTES(control), low = _mm256_cmpeq_epi8(_mm256_max_epu8(v, most), most);
    wide is = wide_or(_mm256_cmpeq_epi8(v, HOB__BYTES(quote)),
                      _mm256_cmpeq_epi8(v, HOB__BYTES(backslash)));
    return wide_until(wide_or(is, low));
#endif
    return wide_until(wide_or(wide_or(wide_is(v, '"'), wide_is(v, '\\')), wide_most(v, 0x1F)));
}
/* Is there a quote, and before it nothing else that ends wide_plain()? Then where it is. That is
 * known sooner than by wide_plain(), and all that comes behind a string waits for it. */
HOB__WIDE bool wide_quoted(wide v, unsigned *quote) {
#if defined(HOB__WIDE_AVX2)
    wide most = HOB__BYTES(control), low = _mm256_cmpeq_epi8(_mm256_max_epu8(v, most), most);
    uint32_t quotes = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(v, HOB__BYTES(quote)));
    wide is = wide_or(_mm256_cmpeq_epi8(v, HOB__BYTES(backslash)), low);
    *quote = _tzcnt_u32(quotes);
    return quotes && !((uint32_t)_mm256_movemask_epi8(is) & _blsmsk_u32(quotes));
#else
    *quote = wide_until(wide_is(v, '"'));
    return *quote < WIDE && wide_plain(v) == *quote;
#endif
}
/* Over white space. */
HOB__WIDE unsigned wide_space(wide v) {
    return wide_while(wide_or(wide_or(wide_is(v, ' '), wide_is(v, '\n')),
                              wide_or(wide_is(v, '\t'), wide_is(v, '\r'))));
}

#endif
