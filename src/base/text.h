/* base/text.h - texts put together piece by piece, where printf() would cost more than all the
 * rest. Each call returns where the next piece goes; the caller has seen to the room. */
#ifndef HOB_BASE_TEXT_H
#define HOB_BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline char *hob__put_bytes(char *at, const char *bytes, size_t n) {
    if (n) memcpy(at, bytes, n);
    return at + n;
}

/* At most 20 digits. */
static inline char *hob__put_decimal(char *at, uint64_t value) {
    char digits[20];
    size_t i = sizeof digits;
    do digits[--i] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    return hob__put_bytes(at, digits + i, sizeof digits - i);
}

/* ASCII letters in lower case. */
static inline char *hob__put_lower(char *at, const char *bytes, size_t n) {
    for (size_t i = 0; i < n; i++) {
        char c = bytes[i];
        at[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
    return at + n;
}
#endif
