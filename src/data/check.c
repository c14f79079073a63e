/* data/check.c - the grammar of RFC 8259, a byte at a time: says what is wrong with a text, and
 * where. It is the judge for the parser, too, which is the faster way to the same verdict. */
#include "data/judge.h"
#include "data/number.h"

#include <hob/error.h>
#include <stdio.h>
#include <string.h>

struct check {
    const uint8_t *text, *end, *p;
    const struct hob_json_options *options;
    const char *expected; /* what is wrong at p */
    int code;
    bool cut; /* more bytes could make it right */
};

static bool wrong(struct check *c, int code, const char *expected) {
    c->code = code;
    c->expected = expected;
    c->cut = c->p >= c->end;
    return false;
}

/* The same for what begins at p, and goes on to the end. */
static bool wrong_or_cut(struct check *c, const char *expected, bool cut) {
    wrong(c, HOB_E_JSON, expected);
    c->cut = cut;
    return false;
}

static void skip_space(struct check *c) {
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r'))
        c->p++;
}

static bool at(const struct check *c, char wanted) {
    return c->p < c->end && *c->p == (uint8_t)wanted;
}

/* Is what is left at p how an escape sequence begins? It is when one of these ends fits. */
static bool escape_begins(const uint8_t *p, const uint8_t *end) {
    static const char ends[2][13] = {"\\u0000\\u0000", "\\ud800\\udc00"};
    uint8_t whole[12], out[4];
    size_t n = (size_t)(end - p);
    if (n >= sizeof whole) return false;
    for (int i = 0; i < 2; i++) {
        const uint8_t *at = whole;
        uint8_t *to = out;
        memcpy(whole, ends[i], sizeof whole);
        memcpy(whole, p, n);
        if (hob__json_unescape(&at, whole + sizeof whole, &to)) return true;
    }
    return false;
}

static bool check_string(struct check *c) {
    const uint8_t *begin = c->p++;
    for (;;) {
        if (c->p >= c->end) {
            c->p = begin;
            return wrong_or_cut(c, "this string to end with a quote", true);
        }
        if (*c->p == '"') break;
        if (*c->p < 0x20) return wrong(c, HOB_E_JSON, "this control character to be escaped");
        if (*c->p == '\\') {
            uint8_t out[4], *to = out;
            if (!hob__json_unescape(&c->p, c->end, &to))
                return wrong_or_cut(
                    c,
                    "an escape sequence: \\\" \\\\ \\/ \\b \\f \\n \\r \\t or \\u with four "
                    "hexadecimal digits (both of a surrogate pair)",
                    escape_begins(c->p, c->end));
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
    size_t n = strlen(word), left = (size_t)(c->end - c->p);
    if (memcmp(c->p, word, left < n ? left : n) != 0 || left < n)
        return wrong_or_cut(c, "a value (true, false, null)",
                            left < n && memcmp(c->p, word, left) == 0);
    c->p += n;
    return true;
}

/* What is left, which is no number, would be one with a digit behind it: "-", "1.", "1e", "1e-". */
static bool number_begins(const struct check *c) {
    const uint8_t *q = c->end;
    struct hob_json v;
    int why;
    if (q - c->p == 1) return *c->p == '-';
    if (q[-1] == '.') {
        q--;
    } else {
        if (q[-1] == '+' || q[-1] == '-') q--;
        if ((*--q | 0x20) != 'e') return false;
    }
    /* An integer that is too large may be a double's digits. */
    return q > c->p &&
           (hob__json_read_number(c->p, q, true, &v, &why) == q || why == HOB_E_JSON_RANGE);
}

static bool check_number(struct check *c) {
    struct hob_json v;
    int why;
    const uint8_t *after = hob__json_read_number(c->p, c->end, c->options->big_double, &v, &why);
    if (!after && why == HOB_E_JSON_RANGE)
        return wrong(c, why, "a number that fits into 64 bits or a double");
    if (!after) return wrong_or_cut(c, "a number", number_begins(c));
    c->p = after;
    return true;
}

static bool check_scalar(struct check *c) {
    if (c->p >= c->end) return wrong(c, HOB_E_JSON, HOB__JSON_A_VALUE);
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
        return wrong(c, HOB_E_JSON, HOB__JSON_A_VALUE);
    }
}

static bool check_name(struct check *c) {
    skip_space(c);
    if (!at(c, '"')) return wrong(c, HOB_E_JSON, HOB__JSON_A_NAME);
    if (!check_string(c)) return false;
    skip_space(c);
    if (!at(c, ':')) return wrong(c, HOB_E_JSON, HOB__JSON_A_COLON);
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
    if (o->depth == most) return wrong(c, HOB_E_LIMIT, HOB__JSON_TOO_DEEP);
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
            if (o.depth == 0) return c->p == c->end || wrong(c, HOB_E_JSON, HOB__JSON_THE_END);
            bool object = is_object(&o);
            if (at(c, object ? '}' : ']')) {
                c->p++;
                o.depth--;
                continue;
            }
            if (!at(c, ','))
                return wrong(c, HOB_E_JSON, object ? HOB__JSON_MORE_MEMBERS : HOB__JSON_MORE_ITEMS);
            c->p++;
            if (object && !check_name(c)) return false;
            break;
        }
    }
}

static void judge(bool (*of)(struct check *), const uint8_t *text, size_t n,
                  const struct hob_json_options *o, struct hob__json_verdict *v) {
    struct check c = {.text = text, .end = text + n, .p = text, .options = o};
    *v = (struct hob__json_verdict){0};
    if (!of(&c)) *v = (struct hob__json_verdict){c.code, c.expected, c.p, c.cut};
}

void hob__json_judge(const uint8_t *text, size_t n, const struct hob_json_options *o,
                     struct hob__json_verdict *v) {
    judge(check_text, text, n, o, v);
}

void hob__json_judge_scalar(const uint8_t *text, size_t n, const struct hob_json_options *o,
                            struct hob__json_verdict *v) {
    judge(check_scalar, text, n, o, v);
}

int hob__json_say(const struct hob__json_verdict *v, const struct hob_json_place *place,
                  const uint8_t *end, const char *the_end) {
    char found[32];
    if (v->at >= end)
        snprintf(found, sizeof found, "%s", the_end);
    else if (*v->at > 0x20 && *v->at < 0x7F)
        snprintf(found, sizeof found, "'%c'", *v->at);
    else
        snprintf(found, sizeof found, "the byte %02x", *v->at);
    return hob_fail(v->code, "line %llu, column %llu (byte %llu): expected %s, found %s",
                    (unsigned long long)place->line, (unsigned long long)place->column,
                    (unsigned long long)place->byte, v->expected, found);
}

int hob__json_check(const uint8_t *text, size_t n, const struct hob_json_options *o) {
    struct hob__json_verdict v;
    struct hob_json_place place = hob__json_first_place;
    hob__json_judge(text, n, o, &v);
    if (v.code == 0) return 0;
    hob__json_move(&place, text, (size_t)(v.at - text));
    return hob__json_say(&v, &place, text + n, HOB__JSON_THE_END);
}

int hob_json_check(const void *text, size_t n, unsigned depth) {
    struct hob_json_options o = {.depth = depth};
    if (depth > HOB__JSON_DEPTH)
        return hob_fail(-EINVAL, "a depth of %u; at most %d", depth, HOB__JSON_DEPTH);
    return hob__json_check(text, n, &o);
}

int hob__json_say_twice(const struct hob_json_doc *d, const uint8_t *text,
                        struct hob_json_place place) {
    size_t n = hob__json_size(d->twice);
    hob__json_move(&place, text, d->twice_at);
    return hob_fail(HOB_E_JSON_DUPLICATE,
                    "line %llu, column %llu (byte %llu): expected a name that the object does not "
                    "have yet, found \"%.*s\" twice",
                    (unsigned long long)place.line, (unsigned long long)place.column,
                    (unsigned long long)place.byte, (int)(n < 200 ? n : 200), d->twice->of.text);
}
