/* http/h1_write.c - writes the heads of requests and responses, and refuses what would break them:
 * a header's value with a line's end in it would be the start of another message (RFC 9112, 11.1).
 */
#include <string.h>

#include "http/h1.h"
#include "http/scan.h"

static bool token(const char *s, size_t n) { return n > 0 && hob__scan_token(s, s + n) == s + n; }

int hob__h1_put_request(struct hob__buffer *b, const char *method, const char *target, size_t n) {
    size_t method_size = strlen(method);
    if (!token(method, method_size) || n == 0 || hob__scan_target(target, target + n) < target + n)
        return HOB_E_HTTP_ILLEGAL;
    int rc = hob__h1_put_bytes(b, method, method_size);
    if (rc == 0) rc = hob__h1_put_bytes(b, " ", 1);
    if (rc == 0) rc = hob__h1_put_bytes(b, target, n);
    return rc < 0 ? rc : hob__h1_put_bytes(b, " HTTP/1.1\r\n", 11);
}

int hob__h1_put_other_status(struct hob__buffer *b, int status) {
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
    return hob__h1_put_bytes(b, line, 15 + n);
}

/* The line is written first and judged where it lies. Behind it some bytes more are written, so
 * that a scan has 16 of them wherever it begins; the next line goes over them. */
int hob__h1_put_named(struct hob__buffer *b, const char *name, size_t name_size, const char *value,
                      size_t n) {
    static const char behind[16] = "\r\n";
    if (name_size > HOB__H1_HEAD_MAX || n > HOB__H1_HEAD_MAX) return HOB_E_HTTP_HEADERS_TOO_LARGE;
    int rc = hob__h1_room(b, name_size + 2 + n + sizeof behind);
    if (rc < 0) return rc;
    char *line = hob__buffer_tail(b), *colon = line + name_size, *end = colon + 2 + n;
    memcpy(line, name, name_size);
    memcpy(colon, ": ", 2);
    if (n) memcpy(colon + 2, value, n);
    memcpy(end, behind, sizeof behind);
    const char *stop = end + sizeof behind;
    if (name_size == 0 || hob__scan_token(line, stop) != colon ||
        hob__scan_value(colon + 2, stop) != end)
        return HOB_E_HTTP_ILLEGAL;
    hob__buffer_put(b, name_size + n + 4);
    return 0;
}

char *hob__h1_write_number(char *at, uint64_t value) {
    size_t digits = 1;
    for (uint64_t rest = value; rest > 9; rest /= 10) digits++;
    for (size_t i = digits; i-- > 0; value /= 10) at[i] = (char)('0' + value % 10);
    return at + digits;
}

int hob__h1_put_number(struct hob__buffer *b, const char *name, uint64_t value) {
    char digits[HOB__H1_DIGITS];
    return hob__h1_put_field(b, name, digits,
                             (size_t)(hob__h1_write_number(digits, value) - digits));
}

size_t hob__h1_chunk_head(char out[HOB__H1_CHUNK_HEAD], uint64_t size) {
    static const char hex[] = "0123456789abcdef";
    size_t n = 1;
    while (n < 16 && size >> (4 * n)) n++;
    for (size_t i = 0; i < n; i++) out[i] = hex[size >> (4 * (n - 1 - i)) & 15];
    out[n] = '\r';
    out[n + 1] = '\n';
    return n + 2;
}
