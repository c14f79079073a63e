/* data/reader_event.c - the reader's events: the grammar of RFC 8259 as a state that can be left
 * and entered between any two bytes, and its tokens. Numbers and escape sequences are read as the
 * parser reads them; what is wrong with a token the judge says. */
#include "data/number.h"
#include "data/reader.h"

#include <hob/error.h>
#include <string.h>

/* What a token returns: 1, it is there and used; 0, it is cut; or an error. */

static int wrong_token(struct hob_json_reader *r, const char *what) {
    return hob__reader_judged(r, hob__json_judge_scalar, what);
}

/* The token at p, `size` bytes so far, goes on behind what is there. */
static int cut(struct hob_json_reader *r, size_t size, const char *what) {
    if (size > r->o.limit || r->ended) return wrong_token(r, what);
    r->looked = size;
    return 0;
}

static inline void used(struct hob_json_reader *r, uint8_t *to) {
    r->began = r->p;
    r->p = to;
    r->looked = 0;
}

/* ---- strings ---- */

static const char a_string[] = "a string", a_number[] = "a number";

/* From `begin`, behind the opening quote, to `quote`, the closing one. */
static int unescape(struct hob_json_reader *r, uint8_t *begin, uint8_t *quote, struct hob_json *v) {
    hob__reader_count(r, quote); /* before its bytes are others */
    const uint8_t *p = begin;
    uint8_t *out = begin;
    while (p < quote) {
        if (*p == '\\') {
            if (!hob__json_unescape(&p, quote, &out)) return 0;
            continue;
        }
        const uint8_t *stop = memchr(p, '\\', (size_t)(quote - p));
        if (!stop) stop = quote;
        memmove(out, p, (size_t)(stop - p));
        out += stop - p;
        p = stop;
    }
    *out = 0;
    v->head = HOB_JSON_STRING | (uint64_t)(out - begin) << 8;
    return 1;
}

/* Are all escape sequences between begin and quote right? */
static bool escapes_right(const uint8_t *begin, const uint8_t *quote) {
    uint8_t some[4], *out;
    while ((begin = memchr(begin, '\\', (size_t)(quote - begin)))) {
        out = some;
        if (!hob__json_unescape(&begin, quote, &out)) return false;
    }
    return true;
}

static __attribute__((noinline)) int long_string(struct hob_json_reader *r, uint8_t *q,
                                                 struct hob_json *v) {
    uint8_t *begin = r->p;
    for (;;) {
        if (q >= r->end) { /* the quote is the one behind the end */
            int rc = cut(r, (size_t)(r->end - begin), a_string);
            return rc;
        }
        if (*q == '"') break;
        if (*q != '\\') return wrong_token(r, a_string);
        r->escapes = true;
        if (r->end - q < 2) {
            if (r->ended || (size_t)(r->end - begin) > r->o.limit) return wrong_token(r, a_string);
            r->looked = (size_t)(q - begin); /* again from the backslash on */
            return 0;
        }
        q = hob__json_plain(q + 2, &r->high);
    }
    if ((size_t)(q + 1 - begin) > r->o.limit || (r->escapes && !escapes_right(begin, q)) ||
        (r->high && !hob__utf8_string(begin, (size_t)(q - begin))))
        return wrong_token(r, a_string);
    bool escapes = r->escapes;
    r->high = 0;
    r->escapes = false;
    used(r, q + 1);
    v->of.text = (const char *)begin + 1;
    if (escapes) return unescape(r, begin + 1, q, v);
    v->head = HOB_JSON_STRING | (uint64_t)(q - begin - 1) << 8;
    *q = 0;
    return 1;
}

static inline int take_string(struct hob_json_reader *r, struct hob_json *v) {
    uint8_t *begin = r->p, *q = hob__json_plain(begin + (r->looked ? r->looked : 1), &r->high);
    if (HOB__UNLIKELY(*q != '"' || q >= r->end || r->high || r->escapes ||
                      (size_t)(q - begin) >= r->o.limit))
        return long_string(r, q, v);
    used(r, q + 1);
    v->of.text = (const char *)begin + 1;
    v->head = HOB_JSON_STRING | (uint64_t)(q - begin - 1) << 8;
    *q = 0;
    return 1;
}

/* ---- numbers and literals ---- */

static inline bool of_number(uint8_t c) {
    return (uint8_t)(c - '0') < 10 || c == '-' || c == '+' || c == '.' || (c | 0x20) == 'e';
}

/* Reaches the end of what is there, or is none. */
static __attribute__((noinline)) int long_number(struct hob_json_reader *r, struct hob_json *v) {
    uint8_t *q = r->p + r->looked;
    int why;
    while (q < r->end && of_number(*q)) q++;
    size_t n = (size_t)(q - r->p);
    if (q >= r->end && !r->ended) return cut(r, n, a_number);
    const uint8_t *after =
        n > r->o.limit ? NULL : hob__json_read_number(r->p, r->end, r->o.big_double, v, &why);
    if (!after) return wrong_token(r, a_number);
    used(r, r->p + (after - r->p));
    return 1;
}

static inline int take_number(struct hob_json_reader *r, struct hob_json *v) {
    int why;
    if (HOB__UNLIKELY(r->looked)) return long_number(r, v);
    const uint8_t *after = hob__json_read_number(r->p, r->end, r->o.big_double, v, &why);
    if (HOB__UNLIKELY(!after || after >= r->end || (size_t)(after - r->p) > r->o.limit))
        return long_number(r, v);
    used(r, r->p + (after - r->p));
    return 1;
}

static inline int take_literal(struct hob_json_reader *r, struct hob_json *v) {
    static const char words[][6] = {"null", "false", "true"};
    uint8_t which = *r->p == 'n' ? 0 : *r->p == 'f' ? 1 : 2;
    size_t n = which == 1 ? 5 : 4, left = (size_t)(r->end - r->p);
    if (HOB__UNLIKELY(left < n && memcmp(r->p, words[which], left) == 0 && !r->ended)) return 0;
    if (HOB__UNLIKELY(left < n || memcmp(r->p, words[which], n) != 0))
        return wrong_token(r, "a literal");
    v->head = (uint64_t)HOB_JSON_NULL + which;
    v->of.u = 0;
    used(r, r->p + n);
    return 1;
}

/* ---- the grammar ---- */

/* A value of the innermost container, or of the top level, has ended. */
static inline void after_value(struct hob_json_reader *r, bool apart) {
    r->state = r->depth     ? HOB__JSON_AFTER
               : !r->o.many ? HOB__JSON_DONE
               : apart      ? HOB__JSON_APART
                            : HOB__JSON_START;
}

static int open_container(struct hob_json_reader *r, struct hob_json *v) {
    bool object = *r->p == '{';
    if (r->depth == r->depth_limit) return hob__reader_expected(r, HOB_E_LIMIT, HOB__JSON_TOO_DEEP);
    uint8_t *bits = &r->open[r->depth / 8], bit = (uint8_t)(1u << (r->depth % 8));
    *bits = (uint8_t)(object ? *bits | bit : *bits & ~bit);
    r->depth++;
    r->state = object ? HOB__JSON_WANTS_MEMBER : HOB__JSON_WANTS_ITEM;
    used(r, r->p + 1);
    v->head = object ? HOB_JSON_OBJECT : HOB_JSON_ARRAY;
    v->of.span = 1;
    return object ? HOB_JSON_BEGIN_OBJECT : HOB_JSON_BEGIN_ARRAY;
}

static int close_container(struct hob_json_reader *r, struct hob_json *v) {
    bool object = hob__reader_in_object(r);
    r->depth--;
    after_value(r, false);
    used(r, r->p + 1);
    v->head = object ? HOB_JSON_OBJECT : HOB_JSON_ARRAY;
    v->of.span = 1;
    return object ? HOB_JSON_END_OBJECT : HOB_JSON_END_ARRAY;
}

/* Nothing more is there: nothing more comes, or has not come yet. */
static int at_end(struct hob_json_reader *r) {
    if (!r->ended) return HOB_JSON_MORE;
    switch (r->state) {
    case HOB__JSON_DONE:
    case HOB__JSON_APART:
        return HOB_JSON_END;
    case HOB__JSON_START:
        if (r->o.many) return HOB_JSON_END;
        break;
    case HOB__JSON_WANTS_NAME:
    case HOB__JSON_WANTS_MEMBER:
        return hob__reader_expected(r, HOB_E_JSON, HOB__JSON_A_NAME);
    case HOB__JSON_WANTS_COLON:
        return hob__reader_expected(r, HOB_E_JSON, HOB__JSON_A_COLON);
    case HOB__JSON_AFTER:
        return hob__reader_expected(r, HOB_E_JSON,
                                    hob__reader_in_object(r) ? HOB__JSON_MORE_MEMBERS
                                                             : HOB__JSON_MORE_ITEMS);
    }
    return hob__reader_expected(r, HOB_E_JSON, HOB__JSON_A_VALUE);
}

/* Over white space, commas and colons, to where a name, a value or the end of a container stands:
 * true, at r->p; false: *instead is HOB_JSON_END, HOB_JSON_MORE or an error. */
static inline __attribute__((always_inline)) bool to_token(struct hob_json_reader *r,
                                                           int *instead) {
    for (;;) {
        if (HOB__UNLIKELY(r->p >= r->end)) {
            int rc = hob__reader_more(r);
            if (rc > 0) continue;
            *instead = rc < 0 ? rc : at_end(r);
            return false;
        }
        if (HOB__UNLIKELY(r->state == HOB__JSON_APART)) {
            if (!hob__json_is_space(*r->p) && *r->p != '{' && *r->p != '[' && *r->p != '"') {
                *instead = hob__reader_expected(r, HOB_E_JSON, "white space, or the end");
                return false;
            }
            r->state = HOB__JSON_START;
        }
        r->p = hob__json_past_space(r->p);
        if (HOB__UNLIKELY(r->p >= r->end)) {
            r->p = r->end;
            continue;
        }
        uint8_t c = *r->p;
        switch (r->state) {
        case HOB__JSON_AFTER:
            if (HOB__LIKELY(c == ',')) {
                r->p++;
                r->state = hob__reader_in_object(r) ? HOB__JSON_WANTS_NAME : HOB__JSON_WANTS_VALUE;
                continue;
            }
            if (HOB__LIKELY(c == (hob__reader_in_object(r) ? '}' : ']'))) return true;
            *instead = hob__reader_expected(r, HOB_E_JSON,
                                            hob__reader_in_object(r) ? HOB__JSON_MORE_MEMBERS
                                                                     : HOB__JSON_MORE_ITEMS);
            return false;
        case HOB__JSON_WANTS_COLON:
            if (HOB__LIKELY(c == ':')) {
                r->p++;
                r->state = HOB__JSON_WANTS_VALUE;
                continue;
            }
            *instead = hob__reader_expected(r, HOB_E_JSON, HOB__JSON_A_COLON);
            return false;
        case HOB__JSON_DONE:
            *instead = hob__reader_expected(r, HOB_E_JSON, HOB__JSON_THE_END);
            return false;
        default:
            return true;
        }
    }
}

static inline int take_scalar(struct hob_json_reader *r, struct hob_json *v, bool *apart) {
    uint8_t c = *r->p;
    if (c == '"') return take_string(r, v);
    *apart = true;
    if (c == '-' || (uint8_t)(c - '0') < 10) return take_number(r, v);
    if (c == 't' || c == 'f' || c == 'n') return take_literal(r, v);
    return hob__reader_expected(r, HOB_E_JSON, HOB__JSON_A_VALUE);
}

int hob__reader_event(struct hob_json_reader *r, struct hob_json *v) {
    int rc, instead;
    for (;;) {
        if (!to_token(r, &instead)) return instead;
        uint8_t c = *r->p;
        bool apart = false, name = false;
        switch (r->state) {
        case HOB__JSON_AFTER:
            return close_container(r, v);
        case HOB__JSON_WANTS_MEMBER:
            if (c == '}') return close_container(r, v);
            /* fall through */
        case HOB__JSON_WANTS_NAME:
            if (c != '"') return hob__reader_expected(r, HOB_E_JSON, HOB__JSON_A_NAME);
            name = true;
            rc = take_string(r, v);
            break;
        case HOB__JSON_WANTS_ITEM:
            if (c == ']') return close_container(r, v);
            /* fall through */
        default:
            if (c == '{' || c == '[') return open_container(r, v);
            rc = take_scalar(r, v, &apart);
        }
        if (HOB__LIKELY(rc > 0)) {
            if (name)
                r->state = HOB__JSON_WANTS_COLON;
            else
                after_value(r, apart);
            return name ? HOB_JSON_NAME : HOB_JSON_VALUE;
        }
        if (rc < 0) return rc;
        rc = hob__reader_more(r);
        if (rc < 0) return rc;
        if (rc == 0 && !r->ended) return HOB_JSON_MORE;
    }
}

bool hob__reader_to_value(struct hob_json_reader *r, int *instead) { return to_token(r, instead); }

void hob__reader_value_ends(struct hob_json_reader *r) { after_value(r, false); }

/* ---- the calls ---- */

int hob_json_read(struct hob_json_reader *r, struct hob_json *v) {
    int rc;
    if (HOB__UNLIKELY(r->failed || r->busy != HOB__JSON_FREE || r->o.lines || r->o.point)) {
        if ((rc = hob__reader_enter(r, HOB__JSON_FREE)) < 0) return rc;
        if (r->o.lines) return hob_fail(-EINVAL, "lines are read as records only");
    }
    rc = hob__reader_event(r, v);
    if (HOB__LIKELY(rc > HOB_JSON_MORE)) {
        r->last = rc;
        if (rc == HOB_JSON_VALUE) r->value = *v;
    }
    return rc;
}

int hob_json_skip(struct hob_json_reader *r) {
    struct hob_json v;
    int rc = hob__reader_enter(r, HOB__JSON_SKIPPING);
    if (rc < 0) return rc;
    if (r->busy == HOB__JSON_FREE) {
        bool begun = r->last == HOB_JSON_BEGIN_OBJECT || r->last == HOB_JSON_BEGIN_ARRAY;
        if (!begun && r->last != HOB_JSON_NAME) return 0;
        r->skip_to = r->depth - begun;
        r->busy = HOB__JSON_SKIPPING;
    }
    do {
        rc = hob__reader_event(r, &v);
        if (rc <= HOB_JSON_MORE) return rc;
        r->last = rc;
    } while (rc == HOB_JSON_BEGIN_OBJECT || rc == HOB_JSON_BEGIN_ARRAY || r->depth > r->skip_to);
    r->value = v;
    r->busy = HOB__JSON_FREE;
    r->last = HOB_JSON_END_OBJECT;
    return 0;
}
