/* data/escape.c - the escape sequences of strings (RFC 8259, section 7), read. */
#include "data/tree.h"

/* Four hexadecimal digits, or -1. */
static int32_t hex4(const uint8_t *p) {
    int32_t v = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t c = p[i], letter = (uint8_t)((c | 0x20) - 'a');
        int32_t d = (uint8_t)(c - '0') < 10 ? c - '0' : letter < 6 ? letter + 10 : -1;
        if (d < 0) return -1;
        v = v << 4 | d;
    }
    return v;
}

static uint8_t *put_utf8(uint8_t *out, uint32_t c) {
    if (c < 0x80) {
        *out++ = (uint8_t)c;
    } else if (c < 0x800) {
        *out++ = (uint8_t)(0xC0 | c >> 6);
        *out++ = (uint8_t)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        *out++ = (uint8_t)(0xE0 | c >> 12);
        *out++ = (uint8_t)(0x80 | (c >> 6 & 0x3F));
        *out++ = (uint8_t)(0x80 | (c & 0x3F));
    } else {
        *out++ = (uint8_t)(0xF0 | c >> 18);
        *out++ = (uint8_t)(0x80 | (c >> 12 & 0x3F));
        *out++ = (uint8_t)(0x80 | (c >> 6 & 0x3F));
        *out++ = (uint8_t)(0x80 | (c & 0x3F));
    }
    return out;
}

static bool unescape_u(const uint8_t **p, const uint8_t *end, uint8_t **out) {
    const uint8_t *at = *p + 2;
    if (end - at < 4) return false;
    int32_t c = hex4(at);
    at += 4;
    if (c < 0 || (c >= 0xDC00 && c <= 0xDFFF)) return false;
    if (c >= 0xD800 && c <= 0xDBFF) {
        if (end - at < 6 || at[0] != '\\' || at[1] != 'u') return false;
        int32_t low = hex4(at + 2);
        if (low < 0xDC00 || low > 0xDFFF) return false;
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
        at += 6;
    }
    *p = at;
    *out = put_utf8(*out, (uint32_t)c);
    return true;
}

bool hob__json_unescape(const uint8_t **p, const uint8_t *end, uint8_t **out) {
    static const uint8_t meant[256] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                       ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
    if (end - *p < 2) return false;
    uint8_t c = (*p)[1];
    if (c == 'u') return unescape_u(p, end, out);
    if (!meant[c]) return false;
    *(*out)++ = meant[c];
    *p += 2;
    return true;
}
