/* data/index_plain.c - the first pass in plain C, a byte at a time: for processors without the
 * registers, and to compare the others with. */
#define TARGET

#include "data/way.h"
#include <string.h>

struct utf8 {
    uint8_t open;      /* so many continuations are to come */
    uint8_t low, high; /* between which the next one must be */
    bool error;
};

static inline void utf8_lead(struct utf8 *u, uint8_t c) {
    u->low = 0x80;
    u->high = 0xBF;
    if (c < 0x80) return;
    if (c < 0xC2 || c > 0xF4) {
        u->error = true;
        return;
    }
    u->open = c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
    if (c == 0xE0) u->low = 0xA0;
    if (c == 0xED) u->high = 0x9F;
    if (c == 0xF0) u->low = 0x90;
    if (c == 0xF4) u->high = 0x8F;
}

static inline void utf8_byte(struct utf8 *u, uint8_t c) {
    if (u->open == 0) {
        utf8_lead(u, c);
        return;
    }
    if (c < u->low || c > u->high) {
        u->error = true;
        u->open = 0;
        return;
    }
    u->open--;
    u->low = 0x80;
    u->high = 0xBF;
}

static inline bool utf8_ends(const struct utf8 *u) { return !u->error && u->open == 0; }

bool hob__utf8_valid(const uint8_t *text, size_t n, size_t *bad) {
    struct utf8 u = {0};
    size_t begin = 0;
    for (size_t i = 0; i < n && !u.error; i++) {
        if (u.open == 0) begin = i;
        utf8_byte(&u, text[i]);
    }
    if (bad && !utf8_ends(&u)) *bad = begin;
    return utf8_ends(&u);
}

static inline void utf8_block(struct utf8 *u, const uint8_t *block) {
    uint64_t any = 0, eight;
    for (unsigned i = 0; i < HOB__JSON_BLOCK; i += 8) {
        memcpy(&eight, block + i, 8);
        any |= eight;
    }
    if (!(any & UINT64_C(0x8080808080808080)) && !u->open) return; /* ASCII */
    for (unsigned i = 0; i < HOB__JSON_BLOCK; i++) utf8_byte(u, block[i]);
}

static inline uint32_t lowest(uint64_t bits) {
    return (uint32_t)__builtin_ctzll(bits | UINT64_C(1) << 63);
}

static inline uint64_t xor_before(uint64_t bits) {
    for (unsigned by = 1; by < 64; by *= 2) bits ^= bits << by;
    return bits;
}

enum { QUOTE = 1, BACKSLASH = 2, OP = 4, SPACE = 8, CONTROL = 16, HIGH = 32 };

static const uint8_t kind[256] = {
    ['"'] = QUOTE,
    ['\\'] = BACKSLASH,
    ['{'] = OP,
    ['}'] = OP,
    ['['] = OP,
    [']'] = OP,
    [':'] = OP,
    [','] = OP,
    [' '] = SPACE,
    [0 ... 8] = CONTROL,
    ['\t'] = SPACE | CONTROL,
    ['\n'] = SPACE | CONTROL,
    [11 ... 12] = CONTROL,
    ['\r'] = SPACE | CONTROL,
    [14 ... 31] = CONTROL,
    [128 ... 255] = HIGH,
};

static inline void classify(const uint8_t *block, struct hob__json_bits *b, struct utf8 *u) {
    *b = (struct hob__json_bits){0};
    unsigned all = 0;
    for (unsigned i = 0; i < HOB__JSON_BLOCK; i++) {
        uint64_t k = kind[block[i]];
        all |= (unsigned)k;
        b->quote |= (k & QUOTE) << i;
        b->backslash |= (k >> 1 & 1) << i;
        b->op |= (k >> 2 & 1) << i;
        b->space |= (k >> 3 & 1) << i;
        b->control |= (k >> 4 & 1) << i;
    }
    if (all & HIGH || u->open)
        for (unsigned i = 0; i < HOB__JSON_BLOCK; i++) utf8_byte(u, block[i]);
}

#include "data/index_loop.h"

int64_t hob__json_index_plain(const uint8_t *text, size_t n, uint32_t *out, uint8_t *copy) {
    return index_text(text, n, out, copy);
}

bool hob__utf8_is_plain(const uint8_t *text, size_t n) { return utf8_all(text, n); }
