/* http/base64.h - RFC 4648, section 4, for the few short texts that HTTP wants in it. */
#ifndef HOB_HTTP_BASE64_H
#define HOB_HTTP_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Bytes with the NUL. */
#define HOB__BASE64_SIZE(n) (((n) + 2) / 3 * 4 + 1)

static const char hob__base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Writes HOB__BASE64_SIZE(n) bytes; returns the length without the NUL. */
static inline size_t hob__base64_put(const void *bytes, size_t n, char *out) {
    const unsigned char *in = bytes;
    char *at = out;
    for (size_t i = 0; i < n; i += 3) {
        unsigned b = (unsigned)in[i] << 16 | (i + 1 < n ? (unsigned)in[i + 1] << 8 : 0) |
                     (i + 2 < n ? in[i + 2] : 0);
        *at++ = hob__base64_digits[b >> 18];
        *at++ = hob__base64_digits[b >> 12 & 63];
        *at++ = i + 1 < n ? hob__base64_digits[b >> 6 & 63] : '=';
        *at++ = i + 2 < n ? hob__base64_digits[b & 63] : '=';
    }
    *at = 0;
    return (size_t)(at - out);
}

/* Exactly n bytes, padded as they must be; anything else is false. */
static inline bool hob__base64_get(const char *text, size_t size, unsigned char *out, size_t n) {
    if (size != HOB__BASE64_SIZE(n) - 1) return false;
    size_t put = 0;
    for (size_t i = 0; i < size; i += 4) {
        unsigned b = 0;
        size_t want = n - put < 3 ? n - put : 3;
        for (size_t k = 0; k < 4; k++) {
            const char *digit =
                k <= want && text[i + k] ? strchr(hob__base64_digits, text[i + k]) : NULL;
            if (k <= want && !digit) return false;
            if (k > want && text[i + k] != '=') return false;
            b = b << 6 | (digit ? (unsigned)(digit - hob__base64_digits) : 0);
        }
        for (size_t k = 0; k < want; k++) out[put++] = (unsigned char)(b >> (16 - 8 * k));
    }
    return true;
}
#endif
