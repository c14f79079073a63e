/* http/websocket/key.c - the handshake's proof (RFC 6455, 4.2.2): SHA-1 of the key and a constant,
 * in base64. The hash is here, so that WebSockets need no OpenSSL; nothing is kept secret by it. */
#include <string.h>

#include "http/websocket/websocket.h"

static uint32_t turn(uint32_t v, unsigned n) { return v << n | v >> (32 - n); }

static void sha1_block(uint32_t h[5], const uint8_t block[64]) {
    uint32_t w[80];
    for (unsigned i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
               (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (unsigned i = 16; i < 80; i++) w[i] = turn(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (unsigned i = 0; i < 80; i++) {
        uint32_t f, k;
        if (i < 20)
            f = (b & c) | (~b & d), k = 0x5A827999;
        else if (i < 40)
            f = b ^ c ^ d, k = 0x6ED9EBA1;
        else if (i < 60)
            f = (b & c) | (b & d) | (c & d), k = 0x8F1BBCDC;
        else
            f = b ^ c ^ d, k = 0xCA62C1D6;
        uint32_t next = turn(a, 5) + f + e + k + w[i];
        e = d, d = c, c = turn(b, 30), b = a, a = next;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
}

/* Of at most 119 bytes: two blocks. */
static void sha1(const char *text, size_t n, uint8_t out[20]) {
    uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    uint8_t blocks[128] = {0};
    size_t size = n < 56 ? 64 : 128;
    memcpy(blocks, text, n);
    blocks[n] = 0x80;
    for (unsigned i = 0; i < 4; i++) blocks[size - 1 - i] = (uint8_t)(8 * n >> 8 * i);
    for (size_t at = 0; at < size; at += 64) sha1_block(h, blocks + at);
    for (unsigned i = 0; i < 20; i++) out[i] = (uint8_t)(h[i / 4] >> (24 - 8 * (i % 4)));
}

void hob__ws_base64(const uint8_t *in, size_t n, char *out) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        uint32_t b = (uint32_t)in[i] << 16 | (i + 1 < n ? (uint32_t)in[i + 1] << 8 : 0) |
                     (i + 2 < n ? in[i + 2] : 0);
        *out++ = digits[b >> 18];
        *out++ = digits[b >> 12 & 63];
        *out++ = i + 1 < n ? digits[b >> 6 & 63] : '=';
        *out++ = i + 2 < n ? digits[b & 63] : '=';
    }
    *out = 0;
}

bool hob__ws_key_legal(const char *key) {
    static const char last[] = "AQgw"; /* 16 bytes leave four bits of the last digit empty */
    if (strlen(key) != HOB__WS_KEY || strcmp(key + 22, "==") != 0) return false;
    for (unsigned i = 0; i < 22; i++) {
        char c = key[i];
        bool digit = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                     c == '+' || c == '/';
        if (!digit) return false;
    }
    return strchr(last, key[21]) != NULL;
}

void hob__ws_accept_key(const char *key, char out[HOB__WS_ACCEPT + 1]) {
    char text[HOB__WS_KEY + 37];
    uint8_t hash[20];
    memcpy(text, key, HOB__WS_KEY);
    memcpy(text + HOB__WS_KEY, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 37);
    sha1(text, HOB__WS_KEY + 36, hash);
    hob__ws_base64(hash, sizeof hash, out);
}
