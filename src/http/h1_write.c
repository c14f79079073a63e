/* http/h1_write.c - writes the heads of requests and responses, and refuses what would break them:
 * a header's value with a line's end in it would be the start of another message (RFC 9112, 11.1).
 */
#include <string.h>

#include "http/h1.h"
#include "http/scan.h"

enum { MAX_HEAD = 65536 };

static int put(struct hob__buffer *b, const char *bytes, size_t n) {
    int rc = hob__buffer_append(b, bytes, n, MAX_HEAD);
    return rc == HOB_E_LIMIT ? HOB_E_HTTP_HEADERS_TOO_LARGE : rc;
}

static bool token(const char *s, size_t n) { return n > 0 && hob__scan_token(s, s + n) == s + n; }

int hob__h1_put_request(struct hob__buffer *b, const char *method, const char *target, size_t n) {
    size_t method_size = strlen(method);
    if (!token(method, method_size) || n == 0 || hob__scan_target(target, target + n) < target + n)
        return HOB_E_HTTP_ILLEGAL;
    int rc = put(b, method, method_size);
    if (rc == 0) rc = put(b, " ", 1);
    if (rc == 0) rc = put(b, target, n);
    return rc < 0 ? rc : put(b, " HTTP/1.1\r\n", 11);
}

int hob__h1_put_status(struct hob__buffer *b, int status) {
    if (HOB__LIKELY(status == 200)) return put(b, "HTTP/1.1 200 OK\r\n", 17);
    char line[80] = "HTTP/1.1 ";
    if (status < 100 || status > 999) return HOB_E_HTTP_ILLEGAL;
    line[9] = (char)('0' + status / 100);
    line[10] = (char)('0' + status / 10 % 10);
    line[11] = (char)('0' + status % 10);
    line[12] = ' ';
    const char *phrase = hob_http_phrase(status);
    size_t n = strlen(phrase);
    memcpy(line + 13, phrase, n);
    memcpy(line + 13 + n, "\r\n", 2);
    return put(b, line, 15 + n);
}

int hob__h1_put_bytes(struct hob__buffer *b, const char *bytes, size_t n) {
    return put(b, bytes, n);
}

int hob__h1_put_named(struct hob__buffer *b, const char *name, size_t name_size, const char *value,
                      size_t n) {
    if (name_size > MAX_HEAD || n > MAX_HEAD) return HOB_E_HTTP_HEADERS_TOO_LARGE;
    int rc = hob__buffer_reserve(b, name_size + n + 4, MAX_HEAD);
    if (rc < 0) return rc == HOB_E_LIMIT ? HOB_E_HTTP_HEADERS_TOO_LARGE : rc;
    unsigned good = name_size > 0;
    char *at = hob__buffer_tail(b);
    for (size_t i = 0; i < name_size; i++) {
        good &= hob__token_bytes[(unsigned char)name[i]];
        at[i] = name[i];
    }
    at += name_size;
    *at++ = ':';
    *at++ = ' ';
    if (!good || hob__scan_value(value, value + n) < value + n) return HOB_E_HTTP_ILLEGAL;
    if (n) memcpy(at, value, n);
    at += n;
    *at++ = '\r';
    *at++ = '\n';
    hob__buffer_put(b, name_size + n + 4);
    return 0;
}

int hob__h1_put_number(struct hob__buffer *b, const char *name, uint64_t value) {
    char digits[24];
    char *end = digits + sizeof digits, *at = end;
    do {
        *--at = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    size_t name_size = strlen(name), n = (size_t)(end - at);
    int rc = hob__buffer_reserve(b, name_size + n + 4, MAX_HEAD);
    if (rc < 0) return rc == HOB_E_LIMIT ? HOB_E_HTTP_HEADERS_TOO_LARGE : rc;
    char *to = hob__buffer_tail(b);
    memcpy(to, name, name_size);
    memcpy(to + name_size, ": ", 2);
    memcpy(to + name_size + 2, at, n);
    memcpy(to + name_size + 2 + n, "\r\n", 2);
    hob__buffer_put(b, name_size + n + 4);
    return 0;
}

int hob__h1_put_end(struct hob__buffer *b) { return put(b, "\r\n", 2); }

size_t hob__h1_chunk_head(char out[HOB__H1_CHUNK_HEAD], uint64_t size) {
    static const char hex[] = "0123456789abcdef";
    size_t n = 1;
    while (n < 16 && size >> (4 * n)) n++;
    for (size_t i = 0; i < n; i++) out[i] = hex[size >> (4 * (n - 1 - i)) & 15];
    out[n] = '\r';
    out[n + 1] = '\n';
    return n + 2;
}
