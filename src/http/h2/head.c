/* http/h2/head.c - heads between the two versions: what h1_write.c has written, and checked,
 * becomes a list of HTTP/2 (RFC 9113, 8.2 and 8.3). So whoever makes a head makes it once for both.
 */
#include "http/h2/h2.h"

#include <string.h>

#if HAVE_NGHTTP2
#include "base/memory.h"
#include "http/h2/inside.h"

/* Fields that are about the connection, and have no place in HTTP/2 (8.2.2). */
static bool of_connection(const char *name, size_t n) {
    switch (n) {
    case 7:
        return memcmp(name, "upgrade", n) == 0;
    case 10:
        return memcmp(name, "connection", n) == 0 || memcmp(name, "keep-alive", n) == 0;
    case 14:
        return memcmp(name, "http2-settings", n) == 0;
    case 16:
        return memcmp(name, "proxy-connection", n) == 0;
    case 17:
        return memcmp(name, "transfer-encoding", n) == 0;
    default:
        return false;
    }
}

/* What an attacker who sees sizes must not guess byte by byte (RFC 7541, 7.1.3). */
static bool secret(const char *name, size_t n) {
    return (n == 13 && memcmp(name, "authorization", n) == 0) ||
           (n == 19 && memcmp(name, "proxy-authorization", n) == 0);
}

nghttp2_nv hob__h2_pair(const char *name, size_t name_size, const char *value, size_t value_size) {
    bool hide = secret(name, name_size);
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, name_size,
                        value_size, hide ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE};
}

/* The first line: of a request, "GET /a HTTP/1.1", or of an answer, "HTTP/1.1 200 OK". */
static size_t first_line(const char *line, const char *end, const char *scheme, nghttp2_nv *out) {
    const char *space = memchr(line, ' ', (size_t)(end - line));
    if (!scheme) {
        out[0] = hob__h2_pair(":status", 7, space + 1, 3);
        return 1;
    }
    const char *target = space + 1, *stop = memchr(target, ' ', (size_t)(end - target));
    out[0] = hob__h2_pair(":method", 7, line, (size_t)(space - line));
    out[1] = hob__h2_pair(":scheme", 7, scheme, strlen(scheme));
    out[2] = hob__h2_pair(":path", 5, target, (size_t)(stop - target));
    return 3;
}

static void lower(char *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (p[i] >= 'A' && p[i] <= 'Z') p[i] |= 0x20;
}

/* A value has no white space at its ends (8.2.1). */
static void trim(const char **from, const char **to) {
    while (*from < *to && (**from == ' ' || **from == '\t')) ++*from;
    while (*from < *to && ((*to)[-1] == ' ' || (*to)[-1] == '\t')) --*to;
}

bool hob__h2_dropped(const char *name, size_t n, const char *value, size_t size) {
    if (of_connection(name, n)) return true;
    return n == 2 && memcmp(name, "te", 2) == 0 &&
           !(size == 8 && memcmp(value, "trailers", 8) == 0);
}

int hob__h2_list(char *head, size_t n, const char *scheme, nghttp2_nv **list) {
    size_t lines = 3;
    for (const char *p = head; (p = memchr(p, '\n', (size_t)(head + n - p))); p++) lines++;
    nghttp2_nv *nv = *list = hob__alloc(lines * sizeof *nv);
    if (!nv) return -ENOMEM;
    char *end = head + n, *line = memchr(head, '\r', n);
    size_t count = first_line(head, line, scheme, nv), authority = 0;
    if (scheme) authority = count++; /* pseudo-header fields come before the others */
    bool named = false;
    for (line += 2; line < end && *line != '\r';) {
        char *stop = memchr(line, '\r', (size_t)(end - line));
        char *colon = memchr(line, ':', (size_t)(stop - line));
        const char *from = colon + 2, *to = stop;
        trim(&from, &to);
        size_t size = (size_t)(colon - line), value = (size_t)(to - from);
        lower(line, size);
        if (scheme && !named && size == 4 && memcmp(line, "host", 4) == 0) {
            nv[authority] = hob__h2_pair(":authority", 10, from, value);
            named = true;
        } else if (!hob__h2_dropped(line, size, from, value)) {
            nv[count++] = hob__h2_pair(line, size, from, value);
        }
        line = stop + 2;
    }
    if (scheme && !named)
        memmove(nv + authority, nv + authority + 1, (--count - authority) * sizeof *nv);
    return (int)count;
}
#endif

uint32_t hob__h2_split(const char *block, size_t n, struct hob__h1_field *out, uint32_t cap) {
    uint32_t count = 0;
    for (uint32_t at = 0; at < n; count++) {
        uint32_t name = (uint32_t)strlen(block + at), value_at = at + name + 1;
        uint32_t value = (uint32_t)strlen(block + value_at);
        if (count < cap) out[count] = (struct hob__h1_field){at, name, value_at, value};
        at = value_at + value + 1;
    }
    return count;
}
