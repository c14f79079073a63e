/* data/write_string.c - strings of JSON: quotes around them, and escapes where they must be. */
#include "data/write.h"
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* One byte that cannot stand for itself. */
static size_t escape(uint8_t c, char *out) {
    static const char hex[] = "0123456789abcdef";
    static const char letters[32] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    out[0] = '\\';
    out[1] = c == '"' || c == '\\' ? (char)c : letters[c];
    if (out[1]) return 2;
    memcpy(out + 1, "u00", 3);
    out[4] = hex[c >> 4];
    out[5] = hex[c & 15];
    return 6;
}

static size_t escape_u(uint32_t c, char *out) {
    static const char hex[] = "0123456789abcdef";
    if (c >= 0x10000) {
        c -= 0x10000;
        escape_u(0xD800 | c >> 10, out);
        return 6 + escape_u(0xDC00 | (c & 0x3FF), out + 6);
    }
    out[0] = '\\';
    out[1] = 'u';
    for (int i = 0; i < 4; i++) out[2 + i] = hex[c >> (12 - 4 * i) & 15];
    return 6;
}

static inline bool special(uint8_t c) { return c < 0x20 || c == '"' || c == '\\'; }

/* Is one of eight bytes? */
static inline bool any_special(uint64_t x) {
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    uint64_t quote = x ^ '"' * ones, backslash = x ^ '\\' * ones;
    return (((x - 0x20 * ones) & ~x) | ((quote - ones) & ~quote) |
            ((backslash - ones) & ~backslash)) &
           tops;
}

/* Copies a short text, eight bytes or four at its start and at its end; false when one is special.
 */
static inline bool copy_short(const char *text, size_t n, char *out) {
    if (n >= 8) {
        uint64_t a, b;
        memcpy(&a, text, 8);
        memcpy(&b, text + n - 8, 8);
        memcpy(out, &a, 8);
        memcpy(out + n - 8, &b, 8);
        return !any_special(a) && !any_special(b);
    }
    if (n >= 4) {
        uint32_t a, b;
        memcpy(&a, text, 4);
        memcpy(&b, text + n - 4, 4);
        memcpy(out, &a, 4);
        memcpy(out + n - 4, &b, 4);
        return !any_special(a | (uint64_t)b << 32);
    }
    bool none = true;
    for (size_t i = 0; i < n; i++) {
        out[i] = text[i];
        none &= !special((uint8_t)text[i]);
    }
    return none;
}

/* Copies up to the first byte of n that is special; how many. May write 15 bytes more. */
static inline size_t copy_plain(const char *text, size_t n, char *out) {
    size_t i = 0;
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
    const __m128i most = _mm_set1_epi8(0x1F);
    for (; n - i >= 16; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(text + i));
        _mm_storeu_si128((__m128i *)(void *)(out + i), v);
        __m128i bad = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash));
        bad = _mm_or_si128(bad, _mm_cmpeq_epi8(_mm_max_epu8(v, most), most));
        unsigned bits = (unsigned)_mm_movemask_epi8(bad);
        if (bits) return i + (unsigned)__builtin_ctz(bits);
    }
#endif
    for (; i < n && !special((uint8_t)text[i]); i++) out[i] = text[i];
    return i;
}

static uint32_t code_point(const uint8_t **p) {
    uint32_t c = *(*p)++;
    int more = c < 0x80 ? 0 : c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
    if (more) c &= 0x3Fu >> more;
    while (more-- > 0) c = c << 6 | (*(*p)++ & 0x3F);
    return c;
}

static char *put_ascii(const char *text, size_t n, char *out) {
    const uint8_t *p = (const uint8_t *)text, *end = p + n;
    while (p < end) {
        uint32_t c = code_point(&p);
        if (c >= 0x80)
            out += escape_u(c, out);
        else if (special((uint8_t)c))
            out += escape((uint8_t)c, out);
        else
            *out++ = (char)c;
    }
    return out;
}

char *hob__json_write_string(const struct hob_json *v, bool ascii, char *out) {
    size_t n = hob__json_size(v);
    const char *text = v->of.text;
    *out++ = '"';
    if (ascii) {
        out = put_ascii(text, n, out);
    } else if (n < 16 && copy_short(text, n, out)) {
        out += n;
    } else {
        for (;;) {
            size_t plain = copy_plain(text, n, out);
            out += plain;
            if (plain == n) break;
            out += escape((uint8_t)text[plain], out);
            text += plain + 1;
            n -= plain + 1;
        }
    }
    *out++ = '"';
    return out;
}
