/* data/index_tables.h - what the first passes by wide registers look up, 16 bytes by a nibble each.
 */
#ifndef HOB_DATA_INDEX_TABLES_H
#define HOB_DATA_INDEX_TABLES_H

#include <stdint.h>

/* A byte is white space when the table, asked by its low nibble, answers that very byte: 20 09 0A
 * 0D. The others get what they are not. */
static const uint8_t hob__spaces[16] = {' ', 100,  100,  100, 17,  100,  113, 2,
                                        100, '\t', '\n', 112, 100, '\r', 100, 100};
/* So with 2C 3A and, the bit 20 set, 7B 7D, which are 5B 5D as well; but not the control characters
 * 0C and 1A, which become 2C and 3A. */
static const uint8_t hob__ops[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ':', '{', ',', '}', 0, 0};

/* ---- UTF-8: each byte is judged with the one before it, by three look-ups whose answers are sets
 * of errors; what all three agree on is one ---- */

enum {
    TOO_SHORT = 1 << 0,      /* a lead byte without a continuation */
    TOO_LONG = 1 << 1,       /* a continuation without a lead byte */
    OVERLONG_3 = 1 << 2,     /* E0 80..9F */
    TOO_LARGE = 1 << 3,      /* F4 90.., F5.. with 90.. */
    SURROGATE = 1 << 4,      /* ED A0.. */
    OVERLONG_2 = 1 << 5,     /* C0, C1 */
    TOO_LARGE_1000 = 1 << 6, /* F5.. with 80..8F */
    OVERLONG_4 = 1 << 6,     /* F0 80..8F */
    TWO_CONTINUATIONS = 1 << 7,
    CARRY = TOO_SHORT | TOO_LONG | TWO_CONTINUATIONS,
    TOP = CARRY | TOO_LARGE | TOO_LARGE_1000
};

static const uint8_t hob__utf8_by_first_high[16] = {[0 ... 7] = TOO_LONG,
                                                    [8 ... 11] = TWO_CONTINUATIONS,
                                                    [12] = TOO_SHORT | OVERLONG_2,
                                                    [13] = TOO_SHORT,
                                                    [14] = TOO_SHORT | OVERLONG_3 | SURROGATE,
                                                    [15] = TOO_SHORT | TOO_LARGE | TOO_LARGE_1000 |
                                                           OVERLONG_4};

static const uint8_t hob__utf8_by_first_low[16] = {[0] =
                                                       CARRY | OVERLONG_3 | OVERLONG_2 | OVERLONG_4,
                                                   [1] = CARRY | OVERLONG_2,
                                                   [2 ... 3] = CARRY,
                                                   [4] = CARRY | TOO_LARGE,
                                                   [5 ... 12] = TOP,
                                                   [13] = TOP | SURROGATE,
                                                   [14 ... 15] = TOP};

static const uint8_t hob__utf8_by_second_high[16] = {
    [0 ... 7] = TOO_SHORT,
    [8] = TOO_LONG | OVERLONG_2 | TWO_CONTINUATIONS | OVERLONG_3 | TOO_LARGE_1000 | OVERLONG_4,
    [9] = TOO_LONG | OVERLONG_2 | TWO_CONTINUATIONS | OVERLONG_3 | TOO_LARGE,
    [10 ... 11] = TOO_LONG | OVERLONG_2 | TWO_CONTINUATIONS | SURROGATE | TOO_LARGE,
    [12 ... 15] = TOO_SHORT};

#endif
