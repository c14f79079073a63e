/* data/index_neon.c - the blocks of the first pass, four registers of 16 bytes each. */
#if defined(__aarch64__)
#include <arm_neon.h>

#define TARGET
#define HERE static inline

#include "data/way.h"

static inline uint32_t lowest(uint64_t bits) {
    return (uint32_t)__builtin_ctzll(bits | UINT64_C(1) << 63);
}

static inline uint64_t xor_before(uint64_t bits) {
    for (unsigned by = 1; by < 64; by *= 2) bits ^= bits << by;
    return bits;
}

/* One bit for each of the 64 bytes, all of whose bits are alike: each byte keeps the bit of its
 * place among eight, and neighbours are added until eight are one byte. */
static inline uint64_t mask(const uint8x16_t v[4]) {
    static const uint8_t places[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t place = vld1q_u8(places);
    uint8x16_t a = vpaddq_u8(vandq_u8(v[0], place), vandq_u8(v[1], place));
    uint8x16_t b = vpaddq_u8(vandq_u8(v[2], place), vandq_u8(v[3], place));
    uint8x16_t sum = vpaddq_u8(a, b);
    sum = vpaddq_u8(sum, sum);
    return vgetq_lane_u64(vreinterpretq_u64_u8(sum), 0);
}

/* ---- UTF-8 ---- */

typedef uint8x16_t vec;
HERE vec vec_load(const uint8_t *p) { return vld1q_u8(p); }
HERE vec vec_all(uint8_t c) { return vdupq_n_u8(c); }
HERE vec vec_and(vec a, vec b) { return vandq_u8(a, b); }
HERE vec vec_or(vec a, vec b) { return vorrq_u8(a, b); }
HERE vec vec_xor(vec a, vec b) { return veorq_u8(a, b); }
HERE vec vec_above(vec a, vec b) { return vqsubq_u8(a, b); }
HERE vec vec_high(vec v) { return vshrq_n_u8(v, 4); }
HERE vec vec_look(const uint8_t *entries, vec v) { return vqtbl1q_u8(vec_load(entries), v); }
HERE bool vec_is_zero(vec v) { return vmaxvq_u8(v) == 0; }
#define VEC_BACK(v, before, n) vextq_u8(before, v, 16 - (n))
#include "data/index_utf8.h"

static inline void utf8_64(struct utf8 *u, const uint8x16_t v[4]) {
    uint8x16_t all = vorrq_u8(vorrq_u8(v[0], v[1]), vorrq_u8(v[2], v[3]));
    if (HOB__LIKELY(vmaxvq_u8(all) < 0x80)) { /* ASCII */
        utf8_plain(u);
        return;
    }
    for (int i = 0; i < 4; i++) utf8_vec(u, v[i]);
}

static inline void utf8_block(struct utf8 *u, const uint8_t *block) {
    uint8x16_t v[4];
    for (int i = 0; i < 4; i++) v[i] = vld1q_u8(block + 16 * i);
    utf8_64(u, v);
}

/* ---- the bytes ---- */

static inline uint64_t equal(const uint8x16_t v[4], uint8_t c) {
    uint8x16_t all = vdupq_n_u8(c), r[4];
    for (int i = 0; i < 4; i++) r[i] = vceqq_u8(v[i], all);
    return mask(r);
}

static inline void classify(const uint8_t *block, struct hob__json_bits *b, struct utf8 *u) {
    uint8x16_t v[4], space[4], op[4], control[4];
    for (int i = 0; i < 4; i++) v[i] = vld1q_u8(block + 16 * i);
    utf8_64(u, v);
    b->quote = equal(v, '"');
    b->backslash = equal(v, '\\');
    for (int i = 0; i < 4; i++) {
        uint8x16_t low = vandq_u8(v[i], vdupq_n_u8(15));
        space[i] = vceqq_u8(v[i], vqtbl1q_u8(vld1q_u8(hob__spaces), low));
        op[i] = vceqq_u8(vorrq_u8(v[i], vdupq_n_u8(0x20)), vqtbl1q_u8(vld1q_u8(hob__ops), low));
        control[i] = vcltq_u8(v[i], vdupq_n_u8(0x20));
    }
    b->space = mask(space);
    b->control = mask(control);
    b->op = mask(op) & ~b->control;
}

#include "data/index_loop.h"

int64_t hob__json_index_neon(const uint8_t *text, size_t n, uint32_t *out, uint8_t *copy) {
    return index_text(text, n, out, copy);
}

bool hob__utf8_is_neon(const uint8_t *text, size_t n) { return utf8_all(text, n); }
#endif
