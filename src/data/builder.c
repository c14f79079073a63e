/* data/builder.c - JSON written value by value. What a value's text is, write.c knows: scalars are
 * handed to it as values of a tree. Here is what stands between them, and the order they come in.
 */
#include "data/append.h"
#include "data/span.h"
#include "data/tree.h"

#include <hob/error.h>
#include <hob/json_builder.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum {
    BEFORE = 16,     /* room for what comes before a value, but for its indentation */
    PIECE = 8 << 10, /* long strings are written in pieces, so that the worst case stays small */
    FULL = 16 << 10  /* then the sink gets it */
};

struct hob_json_builder {
    struct hob_json_builder_options o;
    struct hob_json_write_options write;
    struct hob__json_text t;
    unsigned depth;
    uint8_t objects[HOB__JSON_DEPTH / 8]; /* of the open containers: objects; those with items */
    uint8_t filled[HOB__JSON_DEPTH / 8];
    bool named; /* a name waits for its value */
    bool done;  /* a value of the top level has ended */
    int failed;
    char words[200];
};

int hob_json_builder_new_with(struct hob_json_builder_options options,
                              struct hob_json_builder **out) {
    *out = NULL;
    if (options.lines && options.indent)
        return hob_fail(-EINVAL, "a value that is one line cannot be indented");
    struct hob_json_builder *b = hob__alloc_zero(sizeof *b);
    if (!b) return hob_fail(-ENOMEM, "no memory for a builder of JSON");
    if (options.limit == 0) options.limit = HOB_JSON_TEXT_LIMIT;
    b->o = options;
    b->write = (struct hob_json_write_options){.indent = options.indent, .ascii = options.ascii};
    *out = b;
    return 0;
}

void hob_json_builder_free(struct hob_json_builder *b) {
    if (!b) return;
    hob__free(b->t.text);
    hob__free(b);
}

void hob_json_builder_reset(struct hob_json_builder *b) {
    b->t.size = 0;
    b->depth = 0;
    b->named = b->done = false;
    b->failed = 0;
}

/* ---- errors: the first one stays ---- */

static int fail(struct hob_json_builder *b, int code, const char *format, ...) HOB_PRINTF(3, 4);
static int fail(struct hob_json_builder *b, int code, const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    vsnprintf(b->words, sizeof b->words, format, ap);
    va_end(ap);
    b->failed = code;
    return hob_fail(code, "%s", b->words);
}

static int again(const struct hob_json_builder *b) { return hob_fail(b->failed, "%s", b->words); }

static int no_memory(struct hob_json_builder *b) {
    return fail(b, -ENOMEM, "no memory for %zu bytes of JSON and more", b->t.size);
}

/* ---- bits for each open container ---- */

static inline bool get(const uint8_t *bits, unsigned depth) {
    return bits[(depth - 1) / 8] >> ((depth - 1) % 8) & 1;
}

static inline void set(uint8_t *bits, unsigned depth, bool value) {
    uint8_t *byte = &bits[(depth - 1) / 8], bit = (uint8_t)(1u << ((depth - 1) % 8));
    *byte = (uint8_t)(value ? *byte | bit : *byte & ~bit);
}

static inline bool in_object(const struct hob_json_builder *b) {
    return b->depth && get(b->objects, b->depth);
}

/* ---- text ---- */

static inline bool reserve(struct hob_json_builder *b, size_t n) {
    struct hob__json_text *t = &b->t;
    if (HOB__LIKELY(t->room - t->size >= n)) return true;
    size_t room = t->room * 2 > t->size + n ? t->room * 2 : t->size + n;
    if (room < 1024) room = 1024;
    char *text = hob__realloc(t->text, room);
    if (!text) return false;
    t->text = text;
    t->room = room;
    return true;
}

static inline void put(struct hob_json_builder *b, char c) { b->t.text[b->t.size++] = c; }

static int drain(struct hob_json_builder *b) {
    if (b->t.size == 0) return 0;
    ssize_t rc = b->o.sink(b->o.sink_arg, b->t.text, b->t.size);
    if (rc < 0) {
        const struct hob_error *e = hob_error();
        return fail(b, (int)rc, "%s", e && e->code == rc ? e->message : hob_strerror((int)rc));
    }
    b->t.size = 0;
    return 0;
}

/* After each piece of text. */
static inline int bounded(struct hob_json_builder *b) {
    if (HOB__UNLIKELY(b->t.size > b->o.limit))
        return fail(b, HOB_E_LIMIT, "more than %zu bytes of JSON", b->o.limit);
    return HOB__UNLIKELY(b->o.sink && b->t.size >= FULL) ? drain(b) : 0;
}

static bool new_line(struct hob_json_builder *b, unsigned depth) {
    size_t n = (size_t)depth * b->o.indent;
    if (!reserve(b, n + BEFORE)) return false;
    put(b, '\n');
    memset(b->t.text + b->t.size, ' ', n);
    b->t.size += n;
    return true;
}

/* A comma, and the next line: before an item, or a name. */
static inline int next_item(struct hob_json_builder *b) {
    if (!reserve(b, BEFORE)) return no_memory(b);
    if (get(b->filled, b->depth)) put(b, ',');
    set(b->filled, b->depth, true);
    return b->o.indent && !new_line(b, b->depth) ? no_memory(b) : 0;
}

/* ---- order ---- */

/* A value may come: what stands before it is written. */
static inline int before_value(struct hob_json_builder *b) {
    if (HOB__UNLIKELY(b->failed)) return again(b);
    if (b->depth == 0) {
        if (HOB__UNLIKELY(b->done && !b->o.lines))
            return fail(b, HOB_E_JSON_ORDER, "a second value where the text has ended");
        return reserve(b, BEFORE) ? 0 : no_memory(b);
    }
    if (!in_object(b)) return next_item(b);
    if (HOB__UNLIKELY(!b->named)) return fail(b, HOB_E_JSON_ORDER, "a value where a name must be");
    b->named = false;
    if (!reserve(b, BEFORE)) return no_memory(b);
    put(b, ':');
    if (b->o.indent) put(b, ' ');
    return 0;
}

static inline int after_value(struct hob_json_builder *b) {
    if (b->depth == 0) {
        b->done = true;
        if (b->o.lines) {
            if (!reserve(b, 1)) return no_memory(b);
            put(b, '\n');
        }
    }
    return bounded(b);
}

static int begin(struct hob_json_builder *b, bool object) {
    int rc = before_value(b);
    if (rc < 0) return rc;
    if (b->depth == HOB__JSON_DEPTH)
        return fail(b, HOB_E_LIMIT, "more than %d containers in each other", HOB__JSON_DEPTH);
    b->depth++;
    set(b->objects, b->depth, object);
    set(b->filled, b->depth, false);
    put(b, object ? '{' : '[');
    return bounded(b);
}

static int end(struct hob_json_builder *b, bool object) {
    const char *what = object ? "an object" : "an array";
    if (HOB__UNLIKELY(b->failed)) return again(b);
    if (b->depth == 0) return fail(b, HOB_E_JSON_ORDER, "the end of %s that has not begun", what);
    if (in_object(b) != object)
        return fail(b, HOB_E_JSON_ORDER, "the end of %s where %s is open", what,
                    object ? "an array" : "an object");
    if (b->named)
        return fail(b, HOB_E_JSON_ORDER, "the end of an object where a name's value must be");
    b->depth--;
    if (!reserve(b, BEFORE)) return no_memory(b);
    if (b->o.indent && get(b->filled, b->depth + 1) && !new_line(b, b->depth)) return no_memory(b);
    put(b, object ? '}' : ']');
    return after_value(b);
}

int hob_json_begin_object(struct hob_json_builder *b) { return begin(b, true); }
int hob_json_end_object(struct hob_json_builder *b) { return end(b, true); }
int hob_json_begin_array(struct hob_json_builder *b) { return begin(b, false); }
int hob_json_end_array(struct hob_json_builder *b) { return end(b, false); }

/* ---- strings ---- */

static inline bool append(struct hob_json_builder *b, const struct hob_json *v) {
    return hob__json_append(&b->t, v, b->depth, &b->write);
}

static inline struct hob_json string_of(const char *text, size_t n) {
    return (struct hob_json){.head = HOB_JSON_STRING | (uint64_t)n << 8, .of.text = text};
}

/* In pieces of whole characters: each is a string of its own, whose opening quote takes the place
 * of the last byte before it, which is then put back. */
static int append_long(struct hob_json_builder *b, const char *text, size_t n) {
    for (bool first = true; first || n > 0; first = false) {
        size_t piece = n < PIECE ? n : PIECE;
        while (piece < n && ((uint8_t)text[piece] & 0xC0) == 0x80) piece--;
        struct hob_json v = string_of(text, piece);
        char kept = 0;
        if (!first) {
            b->t.size -= 2; /* the closing quote, and the byte before it */
            kept = b->t.text[b->t.size];
        }
        size_t at = b->t.size;
        if (!append(b, &v)) return no_memory(b);
        if (!first) b->t.text[at] = kept;
        text += piece;
        n -= piece;
        if (b->o.sink && b->t.size >= FULL && n > 0) {
            /* All but the two bytes that the next piece looks back at. */
            char last[2];
            b->t.size -= 2;
            memcpy(last, b->t.text + b->t.size, 2);
            int rc = drain(b);
            if (rc < 0) return rc;
            memcpy(b->t.text, last, 2);
            b->t.size = 2;
        }
        if (b->t.size > b->o.limit)
            return fail(b, HOB_E_LIMIT, "more than %zu bytes of JSON", b->o.limit);
    }
    return 0;
}

static int put_string(struct hob_json_builder *b, const char *text, size_t n) {
    if (HOB__UNLIKELY(!hob__utf8_string((const uint8_t *)text, n))) {
        size_t bad = 0;
        hob__utf8_valid((const uint8_t *)text, n, &bad);
        return fail(b, HOB_E_JSON, "a string that is not UTF-8 (byte %zu of it)", bad);
    }
    if (HOB__UNLIKELY(n > PIECE)) return append_long(b, text, n);
    struct hob_json v = string_of(text, n);
    return append(b, &v) ? 0 : no_memory(b);
}

int hob_json_name_n(struct hob_json_builder *b, const char *name, size_t n) {
    if (HOB__UNLIKELY(b->failed)) return again(b);
    if (HOB__UNLIKELY(!in_object(b)))
        return fail(b, HOB_E_JSON_ORDER, "a name outside of an object: %.*s", n < 60 ? (int)n : 60,
                    name);
    if (HOB__UNLIKELY(b->named))
        return fail(b, HOB_E_JSON_ORDER, "a name where a name's value must be: %.*s",
                    n < 60 ? (int)n : 60, name);
    int rc = next_item(b);
    if (rc == 0) rc = put_string(b, name, n);
    b->named = true;
    return rc;
}

int hob_json_name(struct hob_json_builder *b, const char *name) {
    return hob_json_name_n(b, name, strlen(name));
}

int hob_json_put_string_n(struct hob_json_builder *b, const char *text, size_t n) {
    int rc = before_value(b);
    if (rc == 0) rc = put_string(b, text, n);
    return rc < 0 ? rc : after_value(b);
}

int hob_json_put_string(struct hob_json_builder *b, const char *text) {
    return hob_json_put_string_n(b, text, strlen(text));
}

/* ---- other values ---- */

static inline int put_value(struct hob_json_builder *b, const struct hob_json *v) {
    int rc = before_value(b);
    if (rc < 0) return rc;
    return append(b, v) ? after_value(b) : no_memory(b);
}

int hob_json_put_null(struct hob_json_builder *b) {
    return put_value(b, &(struct hob_json){.head = HOB_JSON_NULL});
}

int hob_json_put_bool(struct hob_json_builder *b, bool value) {
    return put_value(b, &(struct hob_json){.head = value ? HOB_JSON_TRUE : HOB_JSON_FALSE});
}

int hob_json_put_int(struct hob_json_builder *b, int64_t i) {
    return put_value(b, &(struct hob_json){.head = HOB_JSON_INT, .of.i = i});
}

int hob_json_put_uint(struct hob_json_builder *b, uint64_t u) {
    return put_value(b, &(struct hob_json){.head = HOB_JSON_UINT, .of.u = u});
}

int hob_json_put_double(struct hob_json_builder *b, double d) {
    if (HOB__UNLIKELY(!isfinite(d))) {
        if (b->o.nan_null) return hob_json_put_null(b);
        return b->failed ? again(b)
                         : fail(b, HOB_E_JSON_RANGE, "a double that JSON does not have: %s",
                                isnan(d) ? "NaN"
                                : d > 0  ? "infinity"
                                         : "-infinity");
    }
    return put_value(b, &(struct hob_json){.head = HOB_JSON_DOUBLE, .of.d = d});
}

int hob_json_put_value(struct hob_json_builder *b, const struct hob_json *v) {
    if (!v && !b->failed) return fail(b, HOB_E_JSON_TYPE, "nothing where a value is to be put");
    return put_value(b, v);
}

int hob_json_put_raw(struct hob_json_builder *b, const char *text, size_t n) {
    if (b->failed) return again(b);
    if (n > b->o.limit) return fail(b, HOB_E_LIMIT, "more than %zu bytes of JSON", b->o.limit);
    if (b->depth == HOB__JSON_DEPTH)
        return fail(b, HOB_E_LIMIT, "more than %d containers in each other", HOB__JSON_DEPTH);
    int rc = hob_json_check(text, n, HOB__JSON_DEPTH - b->depth);
    if (rc < 0) {
        const struct hob_error *e = hob_error();
        char words[sizeof b->words];
        snprintf(words, sizeof words, "%s", e ? e->message : "");
        return fail(b, rc, "a raw value: %s", words);
    }
    if (b->o.lines && memchr(text, '\n', n))
        return fail(b, HOB_E_JSON, "a raw value of several lines in a text of one value a line");
    rc = before_value(b);
    if (rc < 0) return rc;
    if (!reserve(b, n + BEFORE)) return no_memory(b);
    memcpy(b->t.text + b->t.size, text, n);
    b->t.size += n;
    return after_value(b);
}

/* ---- the end ---- */

int hob_json_builder_flush(struct hob_json_builder *b) {
    if (b->failed) return again(b);
    return b->o.sink ? drain(b) : 0;
}

int hob_json_finish(struct hob_json_builder *b, struct hob_slice *text) {
    if (text) *text = (struct hob_slice){"", 0};
    if (b->failed) return again(b);
    if (b->depth > 0)
        return fail(b, HOB_E_JSON_ORDER, "the text's end where %u container%s open", b->depth,
                    b->depth == 1 ? " is" : "s are");
    if (!b->done && !b->o.lines) return fail(b, HOB_E_JSON_ORDER, "a text without a value");
    if (b->o.sink) return drain(b);
    if (!reserve(b, 1)) return no_memory(b);
    b->t.text[b->t.size] = 0;
    if (text) *text = (struct hob_slice){b->t.text, b->t.size};
    return 0;
}
