/* data/span.c - to the end of a container, 64 bytes at a time; and UTF-8 for one string. */
#include "data/span.h"
#include <string.h>

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

const uint8_t *hob__json_span(struct hob__json_span *s, const uint8_t *p, const uint8_t *end) {
    for (; end - p >= BLOCK; p += BLOCK) {
        struct bits b = classify(p);
        uint64_t quote = b.quote & ~escaped_bytes(b.backslash, &s->escape);
        uint64_t in_string = xor_before(quote) ^ s->in_string;
        uint64_t open = b.open & ~in_string, close = b.close & ~in_string;
        unsigned closed = count(close), opened = count(open);
        if (HOB__UNLIKELY(closed >= s->depth)) {
            unsigned last = last_bracket(s->depth, open, close);
            if (last < BLOCK) return p + last + 1;
        }
        s->depth += opened;
        s->depth -= closed;
        s->in_string = (uint64_t)((int64_t)in_string >> 63);
    }
    return byte_by_byte(s, p, end);
}
#else
const uint8_t *hob__json_span(struct hob__json_span *s, const uint8_t *p, const uint8_t *end) {
    return byte_by_byte(s, p, end);
}
#endif

static inline bool continues(uint8_t c) { return (c & 0xC0) == 0x80; }

bool hob__utf8_check(const uint8_t *p, size_t n) {
    const uint8_t *end = p + n;
    while (p < end) {
        uint64_t eight;
        if (end - p >= 8 && (memcpy(&eight, p, 8), !(eight & UINT64_C(0x8080808080808080)))) {
            p += 8;
            continue;
        }
        if (*p < 0x80) {
            p++;
            continue;
        }
        while (p < end && *p >= 0x80) { /* runs of letters of one script */
            size_t left = (size_t)(end - p);
            uint8_t c = *p;
            if (c >= 0xE0 && c < 0xF0) {
                if (left < 3 || !continues(p[1]) || !continues(p[2])) return false;
                if ((c == 0xE0 && p[1] < 0xA0) || (c == 0xED && p[1] > 0x9F)) return false;
                p += 3;
            } else if (c >= 0xC2 && c < 0xE0) {
                if (left < 2 || !continues(p[1])) return false;
                p += 2;
            } else {
                if (c < 0xF0 || c > 0xF4 || left < 4) return false;
                if (!continues(p[1]) || !continues(p[2]) || !continues(p[3])) return false;
                if ((c == 0xF0 && p[1] < 0x90) || (c == 0xF4 && p[1] > 0x8F)) return false;
                p += 4;
            }
        }
    }
    return true;
}
