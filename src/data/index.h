/* data/index.h - the first of the JSON parser's two passes: where tokens begin.
 *
 * Sixty-four bytes at a time, without a branch that depends on the text, it finds the places of
 * { } [ ] : , of the quotes that open a string, and of the first bytes of numbers and literals; all
 * that is inside strings is left out. On the way it sees what is wrong with the text as bytes:
 * control characters in strings, a string without an end, and what is not UTF-8. The idea is
 * described in Langdale and Lemire, "Parsing Gigabytes of JSON per Second" (VLDB Journal, 2019),
 * and Keiser and Lemire, "Validating UTF-8 In Less Than One Instruction Per Byte" (2020).
 *
 * Which bytes of a block are what is found by the best that the processor has (index_avx2.c,
 * index_neon.c, index_plain.c; way.h chooses); what follows from that (index_loop.h) is the same
 * for all. */
#ifndef HOB_DATA_INDEX_H
#define HOB_DATA_INDEX_H

#include <hob/base.h>

enum { HOB__JSON_BLOCK = 64 };

/* Which bytes of a block are what; bit 0 is the first. */
struct hob__json_bits {
    uint64_t quote, backslash;
    uint64_t op;    /* { } [ ] : , */
    uint64_t space; /* space, tab, line feed, carriage return */
    uint64_t control;
};

/* Writes the places into out, which has room for n + HOB__JSON_BLOCK of them; n < 2^32. How many,
 * or -1: something is wrong with the text (not where: hob__json_check() says that). Unless copy is
 * NULL it gets the text meanwhile, and zeros behind it: it has room for n + HOB__JSON_BLOCK. */
typedef int64_t hob__json_indexer(const uint8_t *text, size_t n, uint32_t *out, uint8_t *copy);

/* True when the text is UTF-8 (RFC 3629: no surrogates, nothing overlong, nothing above U+10FFFF);
 * else *bad, unless NULL, is where the first wrong sequence begins. */
bool hob__utf8_valid(const uint8_t *text, size_t n, size_t *bad);

/* The same without the place, as fast as the processor can. Exported for libhob-http. */
HOB_API bool hob__utf8_is(const uint8_t *text, size_t n);

#endif
