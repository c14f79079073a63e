/* http/websocket/utf8.c - UTF-8 in pieces: characters that a cut divides are followed byte by byte;
 * all between is checked at once (data/span.h). */
#include "http/websocket/utf8.h"

#include "data/span.h"

static inline bool next_byte(struct hob__utf8 *u, uint8_t b) {
    if (u->left > 0) {
        if (b < u->low || b > u->high) return false;
        u->left--;
        u->low = 0x80;
        u->high = 0xBF;
        return true;
    }
    if (b < 0x80) return true;
    if (b < 0xC2 || b > 0xF4) return false;
    u->left = b < 0xE0 ? 1 : b < 0xF0 ? 2 : 3;
    /* Nothing overlong, no surrogates, nothing above U+10FFFF. */
    u->low = b == 0xE0 ? 0xA0 : b == 0xF0 ? 0x90 : 0x80;
    u->high = b == 0xED ? 0x9F : b == 0xF4 ? 0x8F : 0xBF;
    return true;
}

bool hob__utf8_next(struct hob__utf8 *u, const void *bytes, size_t n) {
    const uint8_t *p = bytes, *end = p + n;
    while (p < end && u->left > 0)
        if (!next_byte(u, *p++)) return false;
    /* The last character may not be complete: at most three bytes of it. */
    const uint8_t *tail = end;
    for (int i = 1; i <= 3 && i <= end - p; i++) {
        if (end[-i] < 0x80) break;
        if (end[-i] >= 0xC0) {
            tail = end - i;
            break;
        }
    }
    if (!hob__utf8_string(p, (size_t)(tail - p))) return false;
    for (; tail < end; tail++)
        if (!next_byte(u, *tail)) return false;
    return true;
}
