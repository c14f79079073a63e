/* data/scan.h - the tokens of a JSON text, read where they stand, without a first pass: for who
 * knows mostly what comes next (model_decode.c). The text is known to be UTF-8.
 *
 * Each function gets where it begins and where the text ends, and says where what it has read ends;
 * NULL: it is not JSON. Nothing behind the end is looked at. */
#ifndef HOB_DATA_SCAN_H
#define HOB_DATA_SCAN_H

#include <hob/base.h>

#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

static inline uint64_t hob__load8(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

/* Over white space, mostly one space, or a line feed and what is laid out behind it. */
static inline const uint8_t *hob__scan_space(const uint8_t *p, const uint8_t *end) {
    while (p < end && *p <= ' ') {
#if defined(__SSE2__)
        if (HOB__LIKELY(end - p >= 16)) {
            if (*p == ' ' && p[1] > ' ') return p + 1;
            __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
            __m128i is = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8(' ')),
                                      _mm_cmpeq_epi8(v, _mm_set1_epi8('\n')));
            is = _mm_or_si128(is, _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('\t')),
                                               _mm_cmpeq_epi8(v, _mm_set1_epi8('\r'))));
            unsigned other = ~(unsigned)_mm_movemask_epi8(is) & 0xFFFF;
            if (other) return p + __builtin_ctz(other);
            p += 16;
            continue;
        }
#endif
        if (*p != ' ' && *p != '\n' && *p != '\r' && *p != '\t') break;
        p++;
    }
    return p;
}

/* To the next token, which there must be: p is at its first byte then. */
#define HOB__TOKEN(p, end)                                                                         \
    do {                                                                                           \
        if (HOB__UNLIKELY((p) >= (end))) return NULL;                                              \
        if (HOB__UNLIKELY(*(p) <= ' ')) {                                                          \
            (p) = hob__scan_space((p), (end));                                                     \
            if ((p) == (end)) return NULL;                                                         \
        }                                                                                          \
    } while (0)

/* The first byte from p on that is a quote, a backslash, or a control character; or the end. */
static inline const uint8_t *hob__scan_plain(const uint8_t *p, const uint8_t *end) {
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
    const __m128i most = _mm_set1_epi8(0x1F);
    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i is = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash));
        is = _mm_or_si128(is, _mm_cmpeq_epi8(_mm_max_epu8(v, most), most));
        unsigned bits = (unsigned)_mm_movemask_epi8(is);
        if (bits) return p + __builtin_ctz(bits);
    }
#endif
    while (p < end && *p >= 0x20 && *p != '"' && *p != '\\') p++;
    return p;
}

/* Behind a string, from behind its opening quote on. */
const uint8_t *hob__scan_skip_escapes(const uint8_t *p, const uint8_t *end);
static inline const uint8_t *hob__scan_skip_string(const uint8_t *p, const uint8_t *end) {
    p = hob__scan_plain(p, end);
    if (HOB__LIKELY(p < end && *p == '"')) return p + 1;
    return hob__scan_skip_escapes(p, end);
}

static inline const uint8_t *hob__scan_word(const uint8_t *p, const uint8_t *end, const char *word,
                                            size_t n) {
    return (size_t)(end - p) >= n && memcmp(p, word, n) == 0 ? p + n : NULL;
}

/* Behind any value at p: of the same grammar as check.c. At most so many containers in each other;
 * with a number that no double can hold it is no JSON either. */
const uint8_t *hob__scan_skip(const uint8_t *p, const uint8_t *end, unsigned depth);

#endif
