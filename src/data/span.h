/* data/span.h - loops over bytes for the reader: to the end of a container, over the plain part of
 * a string, over white space, and whether a string is UTF-8. */
#ifndef HOB_DATA_SPAN_H
#define HOB_DATA_SPAN_H

#include <hob/base.h>

#include "data/index.h"
#include "data/wide.h"

/* What is known of a container after some of its bytes. All zero before its first. */
struct hob__json_span {
    uint64_t depth;
    uint64_t in_string; /* all ones, or 0 */
    uint64_t escape;    /* 1: the next byte is escaped */
};

/* Where the container that begins at p (at the first call) ends, counting brackets of any kind:
 * behind its last byte, or NULL: not before `end`; then the next call goes on there. Does not look
 * whether what is in it is right. */
const uint8_t *hob__json_span(struct hob__json_span *s, const uint8_t *p, const uint8_t *end);

/* Are the bytes of a string UTF-8? Mostly they are ASCII. */
static inline bool hob__utf8_string(const uint8_t *p, size_t n) {
    for (uint64_t eight; n >= 8; p += 8, n -= 8) {
        memcpy(&eight, p, 8);
        if (HOB__UNLIKELY(eight & UINT64_C(0x8080808080808080))) return hob__utf8_is(p, n);
    }
    for (; n > 0; p++, n--)
        if (HOB__UNLIKELY(*p >= 0x80)) return hob__utf8_is(p, n);
    return true;
}

/* The first byte from p on that a string cannot have as it is: a quote, a backslash, a control
 * character; there must be a quote, 16 bytes must be readable from each. *high: not 0 when a byte
 * before it is not ASCII. */
static inline uint8_t *hob__json_plain(uint8_t *p, unsigned *high) {
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
    const __m128i most = _mm_set1_epi8(0x1F);
    for (;; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i stop = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash));
        stop = _mm_or_si128(stop, _mm_cmpeq_epi8(_mm_max_epu8(v, most), most));
        unsigned bits = (unsigned)_mm_movemask_epi8(stop), tops = (unsigned)_mm_movemask_epi8(v);
        if (bits) {
            *high |= tops & ((bits & -bits) - 1);
            return p + __builtin_ctz(bits);
        }
        *high |= tops;
    }
#else
    for (;; p += WIDE) {
        wide v = wide_load(p);
        unsigned n = wide_plain(v);
        *high |= wide_until(wide_high(v)) < n;
        if (n < WIDE) return p + n;
    }
#endif
}

static inline bool hob__json_is_space(uint8_t c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* The first byte from p on that is no white space; there must be one, and 16 bytes be readable. */
static inline uint8_t *hob__json_past_space(uint8_t *p) {
    if (HOB__LIKELY(!hob__json_is_space(*p))) return p;
    p++;
    if (!hob__json_is_space(*p)) return p;
#if defined(__SSE2__)
    const __m128i blank = _mm_set1_epi8(' '), tab = _mm_set1_epi8('\t');
    const __m128i feed = _mm_set1_epi8('\n'), back = _mm_set1_epi8('\r');
    for (;; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i space = _mm_or_si128(_mm_cmpeq_epi8(v, blank), _mm_cmpeq_epi8(v, tab));
        space = _mm_or_si128(space, _mm_cmpeq_epi8(v, feed));
        space = _mm_or_si128(space, _mm_cmpeq_epi8(v, back));
        unsigned other = ~(unsigned)_mm_movemask_epi8(space) & 0xFFFF;
        if (other) return p + __builtin_ctz(other);
    }
#else
    for (;; p += WIDE) {
        unsigned n = wide_space(wide_load(p));
        if (n < WIDE) return p + n;
    }
#endif
}

#endif
