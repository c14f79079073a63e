/* http/scan.h - the loops over single bytes of a head: 16 at a time with SSE2 or NEON, one at a
 * time elsewhere and in the tails. Nothing behind `end` is read. */
#ifndef HOB_HTTP_SCAN_H
#define HOB_HTTP_SCAN_H

#include <hob/base.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#endif

/* 1 for the bytes of a token (RFC 9110, 5.6.2). */
extern const uint8_t hob__token_bytes[256];

static inline const char *hob__scan_token_plain(const char *p, const char *end) {
    while (p < end && hob__token_bytes[(unsigned char)*p]) p++;
    return p;
}

/* Bytes that may stand in a field's value and in a reason phrase (RFC 9110, 5.5): all but control
 * characters; the tab is allowed. */
static inline bool hob__value_byte(unsigned char c) {
    return (c >= 0x20 && c != 0x7f) || c == '\t';
}

/* Bytes that may stand in a request target: the visible ones of ASCII but for the '#', behind which
 * would be a fragment (RFC 9112, 3.2). */
static inline bool hob__target_byte(unsigned char c) { return c > 0x20 && c < 0x7f && c != '#'; }

/* Eight bytes at once: is none of them a control character or DEL? (The tab counts as one here, and
 * some that are none do not pass either: then one looks at each.) */
static inline bool hob__eight_plain(const char *p) {
    uint64_t x;
    __builtin_memcpy(&x, p, 8);
    const uint64_t ones = 0x0101010101010101u, high = ones * 0x80;
    uint64_t control = (x - ones * 0x20) | ((x ^ ones * 0x7f) - ones);
    return ((control | x) & high) == 0;
}

static inline const char *hob__scan_value_plain(const char *p, const char *end) {
    while (end - p >= 8 && hob__eight_plain(p)) p += 8;
    while (p < end && hob__value_byte((unsigned char)*p)) p++;
    return p;
}

static inline const char *hob__scan_target_plain(const char *p, const char *end) {
    while (p < end && hob__target_byte((unsigned char)*p)) p++;
    return p;
}

static inline const char *hob__scan_path_plain(const char *p, const char *end) {
    while (p < end && hob__target_byte((unsigned char)*p) && *p != '?') p++;
    return p;
}

#if defined(__SSE2__)
/* As far as 16 bytes are letters and hyphens, as those of most names are; nowhere, if there are not
 * so many. */
static inline const char *hob__scan_word(const char *p, const char *end) {
    if (end - p < 16) return p;
    __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i letter = _mm_sub_epi8(_mm_or_si128(x, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
    __m128i good = _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(25)), letter),
                                _mm_cmpeq_epi8(x, _mm_set1_epi8('-')));
    return p + __builtin_ctz(~(unsigned)_mm_movemask_epi8(good));
}

static inline const char *hob__scan_value(const char *p, const char *end) {
    const __m128i low = _mm_set1_epi8(0x1f), del = _mm_set1_epi8(0x7f), tab = _mm_set1_epi8('\t');
    for (; end - p >= 16; p += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i control =
            _mm_andnot_si128(_mm_cmpeq_epi8(x, tab), _mm_cmpeq_epi8(_mm_min_epu8(x, low), x));
        int bad = _mm_movemask_epi8(_mm_or_si128(control, _mm_cmpeq_epi8(x, del)));
        if (bad) return p + __builtin_ctz((unsigned)bad);
    }
    return hob__scan_value_plain(p, end);
}

/* 1 for each of 16 bytes that no target has. As signed numbers, those from 0x80 on are below 0x21.
 */
static inline __m128i hob__no_target(__m128i x) {
    __m128i invisible = _mm_or_si128(_mm_cmplt_epi8(x, _mm_set1_epi8(0x21)),
                                     _mm_cmpeq_epi8(x, _mm_set1_epi8(0x7f)));
    return _mm_or_si128(invisible, _mm_cmpeq_epi8(x, _mm_set1_epi8('#')));
}

static inline const char *hob__scan_target(const char *p, const char *end) {
    for (; end - p >= 16; p += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
        int bad = _mm_movemask_epi8(hob__no_target(x));
        if (bad) return p + __builtin_ctz((unsigned)bad);
    }
    return hob__scan_target_plain(p, end);
}

/* The same, or the '?' that ends the path. */
static inline const char *hob__scan_path(const char *p, const char *end) {
    for (; end - p >= 16; p += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i mark = _mm_cmpeq_epi8(x, _mm_set1_epi8('?'));
        int bad = _mm_movemask_epi8(_mm_or_si128(hob__no_target(x), mark));
        if (bad) return p + __builtin_ctz((unsigned)bad);
    }
    return hob__scan_path_plain(p, end);
}

/* Are all of these 8 to 16 bytes letters, digits, dots, colons or hyphens, as most hosts are? The
 * two halves may overlap. */
static inline bool hob__plain_host(const char *p, size_t n) {
    __m128i x = _mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *)(const void *)p),
                                   _mm_loadl_epi64((const __m128i *)(const void *)(p + n - 8)));
    __m128i letter = _mm_sub_epi8(_mm_or_si128(x, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
    __m128i other = _mm_sub_epi8(x, _mm_set1_epi8('-')); /* -./0123456789: in a row */
    __m128i good =
        _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(25)), letter),
                     _mm_cmpeq_epi8(_mm_min_epu8(other, _mm_set1_epi8(':' - '-')), other));
    good = _mm_andnot_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('/')), good);
    return _mm_movemask_epi8(good) == 0xffff;
}
#elif defined(__ARM_NEON) && defined(__aarch64__)
/* Four bits for each of the 16 comparisons, so that counting zeros finds the first. */
static inline uint64_t hob__neon_mask(uint8x16_t x) {
    return vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(x), 4)), 0);
}

static inline const char *hob__scan_word(const char *p, const char *end) {
    if (end - p < 16) return p;
    uint8x16_t x = vld1q_u8((const uint8_t *)p);
    uint8x16_t letter = vsubq_u8(vorrq_u8(x, vdupq_n_u8(0x20)), vdupq_n_u8('a'));
    uint8x16_t good = vorrq_u8(vcltq_u8(letter, vdupq_n_u8(26)), vceqq_u8(x, vdupq_n_u8('-')));
    uint64_t bad = ~hob__neon_mask(good);
    return p + (bad ? __builtin_ctzll(bad) / 4 : 16);
}

static inline const char *hob__scan_value(const char *p, const char *end) {
    for (; end - p >= 16; p += 16) {
        uint8x16_t x = vld1q_u8((const uint8_t *)p);
        uint8x16_t control = vbicq_u8(vcltq_u8(x, vdupq_n_u8(0x20)), vceqq_u8(x, vdupq_n_u8('\t')));
        uint64_t bad = hob__neon_mask(vorrq_u8(control, vceqq_u8(x, vdupq_n_u8(0x7f))));
        if (bad) return p + __builtin_ctzll(bad) / 4;
    }
    return hob__scan_value_plain(p, end);
}

static inline uint8x16_t hob__no_target(uint8x16_t x) {
    uint8x16_t invisible = vorrq_u8(vcleq_u8(x, vdupq_n_u8(0x20)), vcgeq_u8(x, vdupq_n_u8(0x7f)));
    return vorrq_u8(invisible, vceqq_u8(x, vdupq_n_u8('#')));
}

static inline const char *hob__scan_target(const char *p, const char *end) {
    for (; end - p >= 16; p += 16) {
        uint64_t bad = hob__neon_mask(hob__no_target(vld1q_u8((const uint8_t *)p)));
        if (bad) return p + __builtin_ctzll(bad) / 4;
    }
    return hob__scan_target_plain(p, end);
}

static inline const char *hob__scan_path(const char *p, const char *end) {
    for (; end - p >= 16; p += 16) {
        uint8x16_t x = vld1q_u8((const uint8_t *)p);
        uint64_t bad = hob__neon_mask(vorrq_u8(hob__no_target(x), vceqq_u8(x, vdupq_n_u8('?'))));
        if (bad) return p + __builtin_ctzll(bad) / 4;
    }
    return hob__scan_path_plain(p, end);
}

static inline bool hob__plain_host(const char *p, size_t n) {
    uint8x16_t x = vcombine_u8(vld1_u8((const uint8_t *)p), vld1_u8((const uint8_t *)p + n - 8));
    uint8x16_t letter = vsubq_u8(vorrq_u8(x, vdupq_n_u8(0x20)), vdupq_n_u8('a'));
    uint8x16_t other = vsubq_u8(x, vdupq_n_u8('-'));
    uint8x16_t good =
        vorrq_u8(vcltq_u8(letter, vdupq_n_u8(26)), vcleq_u8(other, vdupq_n_u8(':' - '-')));
    good = vbicq_u8(good, vceqq_u8(x, vdupq_n_u8('/')));
    return hob__neon_mask(good) == UINT64_MAX;
}
#else
#define hob__scan_word(p, end) ((void)(end), (p))
#define hob__scan_value hob__scan_value_plain
#define hob__scan_target hob__scan_target_plain
#define hob__scan_path hob__scan_path_plain
static inline bool hob__plain_host(const char *p, size_t n) { return (void)p, (void)n, false; }
#endif

/* The first byte that is not one of a token, or end. Names are short: one look at 16 bytes, then a
 * table, which beats a vector. */
static inline const char *hob__scan_token(const char *p, const char *end) {
    return hob__scan_token_plain(hob__scan_word(p, end), end);
}

#endif
