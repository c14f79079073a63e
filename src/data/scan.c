/* data/scan.c - values that nobody wants, passed over, but not without looking at them. */
#include "data/scan.h"

#include "data/number_usual.h"
#include "data/tree.h"

const uint8_t *hob__scan_skip_escapes(const uint8_t *p, const uint8_t *end) {
    for (;;) {
        uint8_t out[4], *to = out;
        if (p >= end || *p < 0x20) return NULL;
        if (*p == '"') return p + 1;
        if (*p == '\\' && !hob__json_unescape(&p, end, &to)) return NULL;
        p = hob__scan_plain(p, end);
    }
}

static const uint8_t *skip_number(const uint8_t *p, const uint8_t *end) {
    struct hob_json v;
    int why;
    if (HOB__LIKELY(end - p > HOB__NUMBER_SIGHT)) {
        const uint8_t *behind = hob__json_read_usual(p, &v);
        if (HOB__LIKELY(behind != NULL)) return behind;
    }
    if (*p != '-' && (uint8_t)(*p - '0') > 9) return NULL;
    return hob__json_read_number(p, end, true, &v, &why);
}

static inline const uint8_t *skip_scalar(const uint8_t *p, const uint8_t *end) {
    switch (*p) {
    case '"':
        return hob__scan_skip_string(p + 1, end);
    case 't':
        return hob__scan_word(p, end, "true", 4);
    case 'f':
        return hob__scan_word(p, end, "false", 5);
    case 'n':
        return hob__scan_word(p, end, "null", 4);
    default:
        return skip_number(p, end);
    }
}

const uint8_t *hob__scan_skip(const uint8_t *p, const uint8_t *end, unsigned most) {
    if (*p != '{' && *p != '[') return skip_scalar(p, end);
    uint8_t objects[HOB__JSON_DEPTH / 8]; /* which containers are open: a bit for each */
    unsigned depth = 0;
    bool object;
open:
    if (depth == most) return NULL;
    object = *p++ == '{';
    uint8_t *bits = &objects[depth / 8], bit = (uint8_t)(1u << depth % 8);
    *bits = (uint8_t)(object ? *bits | bit : *bits & ~bit);
    depth++;
    HOB__TOKEN(p, end);
    if (*p == (object ? '}' : ']')) goto close;
    for (;;) {
        if (object) {
            if (*p != '"' || !(p = hob__scan_skip_string(p + 1, end))) return NULL;
            HOB__TOKEN(p, end);
            if (*p++ != ':') return NULL;
            HOB__TOKEN(p, end);
        }
        if (*p == '{' || *p == '[') goto open;
        p = skip_scalar(p, end);
        if (HOB__UNLIKELY(!p)) return NULL;
    after:
        HOB__TOKEN(p, end);
        if (HOB__UNLIKELY(*p != ',')) break;
        p++;
        HOB__TOKEN(p, end);
    }
    if (*p != (object ? '}' : ']')) return NULL;
close:
    p++;
    if (--depth == 0) return p;
    object = objects[(depth - 1) / 8] >> (depth - 1) % 8 & 1;
    goto after;
}
