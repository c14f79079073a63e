/* data/index_loop.h - what follows from the bits of a block; included once by each index_*.c, which
 * has defined TARGET (its functions' attribute) and
 *
 *   struct utf8                     what its check of UTF-8 keeps between blocks; zero at first
 *   classify(block, bits, utf8)     the bits; and the check
 *   utf8_block(utf8, block)         the check alone
 *   UTF8_ASCII, utf8_ascii(utf8, p)
 *                                   if it pays: the same of so many bytes, if they are ASCII;
 *                                   false: they are not, nothing is done
 *   utf8_ends(utf8)                 true: no error, and no sequence is unfinished
 *   xor_before(bits)                bit i: the parity of the bits 0 to i
 *   lowest(bits)                    which bit is the lowest; of none any number
 */
#include "data/way.h"
#include <string.h>

/* What one block leaves to the next. */
struct carry {
    uint64_t escape;    /* 1: the first byte is escaped by the last one of the block before */
    uint64_t in_string; /* all ones: a string goes on */
    uint64_t scalar;    /* 1: a number or literal goes on */
    uint64_t bad;
};

/* The bytes that a backslash before them escapes. In a run of backslashes the first escapes the
 * second, the third the fourth: subtracting the runs' starts from all that could be escaped leaves
 * every second bit of them. */
TARGET static inline __attribute__((always_inline)) uint64_t escaped_bytes(uint64_t backslash,
                                                                           uint64_t *carry) {
    if (HOB__LIKELY(backslash == 0)) {
        uint64_t escaped = *carry;
        *carry = 0;
        return escaped;
    }
    const uint64_t odd = UINT64_C(0xAAAAAAAAAAAAAAAA);
    uint64_t starts = backslash & ~*carry;
    uint64_t maybe = starts << 1 | odd;
    uint64_t series = (maybe - starts) ^ odd;
    uint64_t escaped = series ^ (backslash | *carry);
    *carry = (series & backslash) >> 63;
    return escaped;
}

TARGET static inline __attribute__((always_inline)) uint32_t *
write_places(uint32_t *out, uint32_t base, uint64_t bits) {
    if (bits == 0) return out;
    unsigned n = (unsigned)__builtin_popcountll(bits);
    uint32_t *at = out;
    /* In groups of eight, so that the loop's end is guessed right most often; what is written too
     * much is overwritten by the next block. */
    do {
        for (int i = 0; i < 8; i++) {
            at[i] = base + lowest(bits);
            bits &= bits - 1;
        }
        at += 8;
    } while (bits);
    return out + n;
}

TARGET static inline __attribute__((always_inline)) uint32_t *
index_block(const uint8_t *block, uint32_t base, uint32_t *out, struct carry *c, struct utf8 *u) {
    struct hob__json_bits b;
    classify(block, &b, u);
    uint64_t quote = b.quote & ~escaped_bytes(b.backslash, &c->escape);
    /* From an opening quote to the byte before the closing one. */
    uint64_t in_string = xor_before(quote) ^ c->in_string;
    c->in_string = (uint64_t)((int64_t)in_string >> 63);
    c->bad |= b.control & in_string;
    uint64_t scalar = ~(b.op | b.space);
    uint64_t inside_scalar = scalar & ~quote;
    uint64_t begins = scalar & ~(inside_scalar << 1 | c->scalar);
    c->scalar = inside_scalar >> 63;
    return write_places(out, base, (b.op | begins) & ~(in_string ^ quote));
}

TARGET static inline __attribute__((always_inline)) int64_t
index_all(const uint8_t *text, size_t n, uint32_t *out, uint8_t *copy) {
    uint32_t *at = out;
    struct carry c = {0};
    struct utf8 u = {0};
    size_t i = 0;
    for (; i + HOB__JSON_BLOCK <= n; i += HOB__JSON_BLOCK) {
        at = index_block(text + i, (uint32_t)i, at, &c, &u);
        if (copy) memcpy(copy + i, text + i, HOB__JSON_BLOCK);
    }
    if (i < n) {
        uint8_t last[HOB__JSON_BLOCK];
        memset(last, ' ', sizeof last);
        memcpy(last, text + i, n - i);
        at = index_block(last, (uint32_t)i, at, &c, &u);
        if (copy) memcpy(copy + i, last, n - i);
    }
    if (copy) memset(copy + n, 0, HOB__JSON_BLOCK);
    return c.bad || c.in_string || !utf8_ends(&u) ? -1 : at - out;
}

TARGET static inline __attribute__((always_inline)) int64_t
index_text(const uint8_t *text, size_t n, uint32_t *out, uint8_t *copy) {
    return copy ? index_all(text, n, out, copy) : index_all(text, n, out, NULL);
}

TARGET static inline __attribute__((always_inline)) bool utf8_all(const uint8_t *text, size_t n) {
    struct utf8 u = {0};
    uint8_t last[HOB__JSON_BLOCK] = {0};
    size_t i = 0;
#ifdef UTF8_ASCII
    for (; i + UTF8_ASCII <= n; i += UTF8_ASCII) {
        if (HOB__LIKELY(utf8_ascii(&u, text + i))) continue;
        for (size_t k = 0; k < UTF8_ASCII; k += HOB__JSON_BLOCK) utf8_block(&u, text + i + k);
    }
#endif
    for (; i + HOB__JSON_BLOCK <= n; i += HOB__JSON_BLOCK) utf8_block(&u, text + i);
    if (i < n) memcpy(last, text + i, n - i);
    utf8_block(&u, last);
    return utf8_ends(&u);
}
