/* base/url_code.c - percent coding, and the pairs of queries and form bodies. */
#include <string.h>

#include "base/url.h"

static bool unreserved(unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

size_t hob_url_encode(const char *in, size_t n, const char *keep, char *buf, size_t cap) {
    static const char digits[] = "0123456789ABCDEF";
    size_t out = 0, kept = keep ? strlen(keep) : 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)in[i];
        char code[3] = {'%', digits[c >> 4], digits[c & 15]};
        bool plain = unreserved(c) || (kept && memchr(keep, c, kept));
        if (plain) code[0] = (char)c;
        for (size_t k = 0; k < (plain ? 1 : 3); k++, out++)
            if (out + 1 < cap) buf[out] = code[k];
    }
    if (cap > 0) buf[out < cap ? out : cap - 1] = 0;
    return out;
}

int hob_url_decode(const char *in, size_t n, bool form, char *out) {
    size_t len = 0;
    if (n > INT32_MAX) return HOB_E_URL;
    for (size_t i = 0; i < n; i++) {
        char c = in[i];
        if (c == '%') {
            if (n - i < 3) return HOB_E_URL;
            int high = hob__hex_value((unsigned char)in[i + 1]);
            int low = hob__hex_value((unsigned char)in[i + 2]);
            if (high < 0 || low < 0) return HOB_E_URL;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (form && c == '+') {
            c = ' ';
        }
        out[len++] = c;
    }
    return (int)len;
}

bool hob_query_next(struct hob_slice *rest, struct hob_slice *name, struct hob_slice *value) {
    while (rest->at && rest->size > 0) {
        const char *at = rest->at, *end = at + rest->size;
        const char *stop = memchr(at, '&', rest->size);
        if (!stop) stop = end;
        const char *next = stop < end ? stop + 1 : end;
        *rest = (struct hob_slice){next, (size_t)(end - next)};
        if (stop == at) continue;
        const char *sign = memchr(at, '=', (size_t)(stop - at));
        *name = (struct hob_slice){at, (size_t)((sign ? sign : stop) - at)};
        *value = sign ? (struct hob_slice){sign + 1, (size_t)(stop - sign - 1)}
                      : (struct hob_slice){NULL, 0};
        return true;
    }
    return false;
}

/* Is the encoded text, decoded as a form's, this name? */
static bool decodes_to(struct hob_slice s, const char *name) {
    for (size_t i = 0; i < s.size; i++, name++) {
        char c;
        size_t width = s.at[i] == '%' && s.size - i >= 3 ? 3 : 1;
        if (hob_url_decode(s.at + i, width, true, &c) != 1) return false;
        if (c == 0 || c != *name) return false;
        i += width - 1;
    }
    return *name == 0;
}

int hob_query_get(struct hob_slice query, const char *name, char *buf, size_t cap) {
    struct hob_slice key, value;
    while (hob_query_next(&query, &key, &value)) {
        if (!decodes_to(key, name)) continue;
        int len = 0;
        for (size_t i = 0; i < value.size; i++, len++) {
            char c;
            size_t width = value.at[i] == '%' && value.size - i >= 3 ? 3 : 1;
            if (hob_url_decode(value.at + i, width, true, &c) != 1 || c == 0) return HOB_E_URL;
            if ((size_t)len + 1 < cap) buf[len] = c;
            i += width - 1;
        }
        if (cap > 0) buf[(size_t)len < cap ? (size_t)len : cap - 1] = 0;
        return len;
    }
    return -ENOENT;
}
