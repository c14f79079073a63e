/* data/index_x86.h - what the first passes of x86 do to the 64 bits of a block, however wide the
 * registers are that they come from; for who has immintrin.h and defined HERE, with its target. */
#include <stdint.h>

/* A product without carries, by all ones. */
HERE uint64_t xor_before(uint64_t bits) {
    __m128i all = _mm_set1_epi8((char)0xFF);
    return (uint64_t)_mm_cvtsi128_si64(
        _mm_clmulepi64_si128(_mm_set_epi64x(0, (int64_t)bits), all, 0));
}

HERE uint32_t lowest(uint64_t bits) { return (uint32_t)_tzcnt_u64(bits); }
