/* data/check.c - the grammar of RFC 8259, a byte at a time: says what is wrong with a text, and
 * where. It is the judge for the parser, too, which is the faster way to the same verdict. */
#include "data/number.h"
#include "data/tree.h"

#include <hob/error.h>
#include <stdio.h>
#include <string.h>

struct check {
    const uint8_t *text, *end, *p;
    const struct hob_json_options *options;
    const char *expected; /* what is wrong at p */
    int code;
};

static bool wrong(struct check *c, int code, const char *expected) {
    c->code = code;
    c->expected = expected;
    return false;
}

static void skip_space(struct check *c) {
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r'))
        c->p++;
}

static bool at(const struct check *c, char wanted) {
    return c->p < c->end && *c->p == (uint8_t)wanted;
}

static bool check_string(struct check *c) {
    const uint8_t *begin = c->p++;
    for (;;) {
        if (c->p >= c->end) {
            c->p = begin;
            return wrong(c, HOB_E_JSON, "this string to end with a quote");
        }
        if (*c->p == '"') break;
        if (*c->p < 0x20) return wrong(c, HOB_E_JSON, "this control character to be escaped");
        if (*c->p == '\\') {
            uint8_t out[4], *to = out;
            if (!hob__json_unescape(&c->p, c->end, &to))
                return wrong(
                    c, HOB_E_JSON,
                    "an escape sequence: \\\" \\\\ \\/ \\b \\f \\n \\r \\t or \\u with four "
                    "hexadecimal digits (both of a surrogate pair)");
            continue;
        }
        c->p++;
    }
    size_t bad;
    if (!hob__utf8_valid(begin, (size_t)(c->p - begin), &bad)) {
        c->p = begin + bad;
        return wrong(c, HOB_E_JSON, "UTF-8");
    }
    c->p++;
    return true;
}

static bool check_literal(struct check *c, const char *word) {
    size_t n = strlen(word);
    if ((size_t)(c->end - c->p) < n || memcmp(c->p, word, n) != 0)
        return wrong(c, HOB_E_JSON, "a value (true, false, null)");
    c->p += n;
    return true;
}

static bool check_number(struct check *c) {
    struct hob_json v;
    int why;
    const uint8_t *after = hob__json_read_number(c->p, c->end, c->options->big_double, &v, &why);
    if (!after)
        return wrong(c, why,
                     why == HOB_E_JSON_RANGE ? "a number that fits into 64 bits or a double"
                                             : "a number");
    c->p = after;
    return true;
}

static bool check_scalar(struct check *c) {
    if (c->p >= c->end) return wrong(c, HOB_E_JSON, "a value");
    switch (*c->p) {
    case '"':
        return check_string(c);
    case 't':
        return check_literal(c, "true");
    case 'f':
        return check_literal(c, "false");
    case 'n':
        return check_literal(c, "null");
    default:
        if (*c->p == '-' || (*c->p >= '0' && *c->p <= '9')) return check_number(c);
        return wrong(c, HOB_E_JSON, "a value");
    }
}

static bool check_name(struct check *c) {
    skip_space(c);
    if (!at(c, '"')) return wrong(c, HOB_E_JSON, "a name in quotes");
    if (!check_string(c)) return false;
    skip_space(c);
    if (!at(c, ':')) return wrong(c, HOB_E_JSON, "':' after the name");
    c->p++;
    return true;
}

/* Which containers are open: a bit for each, 1 = object. */
struct open {
    uint8_t bits[HOB__JSON_DEPTH / 8];
    unsigned depth;
};

static bool is_object(const struct open *o) {
    return o->bits[(o->depth - 1) / 8] >> ((o->depth - 1) % 8) & 1;
}

/* A container begins; *empty: and ends. */
static bool check_begin(struct check *c, struct open *o, bool *empty) {
    bool object = *c->p == '{';
    unsigned most = c->options->depth ? c->options->depth : HOB__JSON_DEPTH;
    if (o->depth == most) return wrong(c, HOB_E_LIMIT, "no further container in these");
    uint8_t *bits = &o->bits[o->depth / 8], bit = (uint8_t)(1u << (o->depth % 8));
    *bits = (uint8_t)(object ? *bits | bit : *bits & ~bit);
    o->depth++;
    c->p++;
    skip_space(c);
    *empty = at(c, object ? '}' : ']');
    return *empty || !object || check_name(c);
}

static bool check_text(struct check *c) {
    struct open o = {.depth = 0};
    for (;;) {
        skip_space(c);
        bool ended = true;
        if (at(c, '{') || at(c, '[')) {
            if (!check_begin(c, &o, &ended)) return false;
            if (!ended) continue;
        } else if (!check_scalar(c)) {
            return false;
        }
        /* A value has ended, or a container does here. */
        for (;;) {
            skip_space(c);
            if (o.depth == 0) return c->p == c->end || wrong(c, HOB_E_JSON, "the end of the text");
            bool object = is_object(&o);
            if (at(c, object ? '}' : ']')) {
                c->p++;
                o.depth--;
                continue;
            }
            if (!at(c, ',')) return wrong(c, HOB_E_JSON, object ? "',' or '}'" : "',' or ']'");
            c->p++;
            if (object && !check_name(c)) return false;
            break;
        }
    }
}

/* What stands there, for the message. */
static void found(const struct check *c, char *out, size_t n) {
    if (c->p >= c->end)
        snprintf(out, n, "the end of the text");
    else if (*c->p > 0x20 && *c->p < 0x7F)
        snprintf(out, n, "'%c'", *c->p);
    else
        snprintf(out, n, "the byte %02x", *c->p);
}

int hob__json_check(const uint8_t *text, size_t n, const struct hob_json_options *o) {
    struct check c = {.text = text, .end = text + n, .p = text, .options = o};
    if (check_text(&c)) return 0;
    size_t line = 1, column = 1;
    for (const uint8_t *p = text; p < c.p; p++) {
        column = *p == '\n' ? 1 : column + ((*p & 0xC0) != 0x80); /* characters */
        line += *p == '\n';
    }
    char here[32];
    found(&c, here, sizeof here);
    return hob_fail(c.code, "line %zu, column %zu (byte %zu): expected %s, found %s", line, column,
                    (size_t)(c.p - text), c.expected, here);
}

int hob_json_check(const void *text, size_t n, unsigned depth) {
    struct hob_json_options o = {.depth = depth};
    if (depth > HOB__JSON_DEPTH)
        return hob_fail(-EINVAL, "a depth of %u; at most %d", depth, HOB__JSON_DEPTH);
    return hob__json_check(text, n, &o);
}
