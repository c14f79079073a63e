/* data/write.c - a tree as text. */
#include "data/append.h"
#include "data/number.h"
#include "data/tree.h"

#include <hob/error.h>
#include <stdlib.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/memory.h"

enum { AFTER = 8 }; /* room that every value leaves behind itself, for a comma or the like */

struct writer {
    char *text;
    size_t size, room;
    const struct hob_json_write_options *o;
};

/* Room for n bytes more. */
static inline bool reserve(struct writer *w, size_t n) {
    if (HOB__LIKELY(w->room - w->size >= n)) return true;
    size_t room = w->room * 2 > w->size + n ? w->room * 2 : w->size + n;
    char *text = hob__realloc(w->text, room);
    if (!text) return false;
    w->text = text;
    w->room = room;
    return true;
}

static inline void put(struct writer *w, char c) { w->text[w->size++] = c; }

/* ---- strings ---- */

/* One byte that cannot stand for itself. */
static size_t escape(uint8_t c, char *out) {
    static const char hex[] = "0123456789abcdef";
    static const char letters[32] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    out[0] = '\\';
    out[1] = c == '"' || c == '\\' ? (char)c : letters[c];
    if (out[1]) return 2;
    memcpy(out + 1, "u00", 3);
    out[4] = hex[c >> 4];
    out[5] = hex[c & 15];
    return 6;
}

static size_t escape_u(uint32_t c, char *out) {
    static const char hex[] = "0123456789abcdef";
    if (c >= 0x10000) {
        c -= 0x10000;
        escape_u(0xD800 | c >> 10, out);
        return 6 + escape_u(0xDC00 | (c & 0x3FF), out + 6);
    }
    out[0] = '\\';
    out[1] = 'u';
    for (int i = 0; i < 4; i++) out[2 + i] = hex[c >> (12 - 4 * i) & 15];
    return 6;
}

static inline bool special(uint8_t c) { return c < 0x20 || c == '"' || c == '\\'; }

/* Is one of eight bytes? */
static inline bool any_special(uint64_t x) {
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    uint64_t quote = x ^ '"' * ones, backslash = x ^ '\\' * ones;
    return (((x - 0x20 * ones) & ~x) | ((quote - ones) & ~quote) |
            ((backslash - ones) & ~backslash)) &
           tops;
}

/* Copies a short text, eight bytes or four at its start and at its end; false when one is special.
 */
static inline bool copy_short(const char *text, size_t n, char *out) {
    if (n >= 8) {
        uint64_t a, b;
        memcpy(&a, text, 8);
        memcpy(&b, text + n - 8, 8);
        memcpy(out, &a, 8);
        memcpy(out + n - 8, &b, 8);
        return !any_special(a) && !any_special(b);
    }
    if (n >= 4) {
        uint32_t a, b;
        memcpy(&a, text, 4);
        memcpy(&b, text + n - 4, 4);
        memcpy(out, &a, 4);
        memcpy(out + n - 4, &b, 4);
        return !any_special(a | (uint64_t)b << 32);
    }
    bool none = true;
    for (size_t i = 0; i < n; i++) {
        out[i] = text[i];
        none &= !special((uint8_t)text[i]);
    }
    return none;
}

/* Copies up to the first byte of n that is special; how many. May write 15 bytes more. */
static inline size_t copy_plain(const char *text, size_t n, char *out) {
    size_t i = 0;
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
    const __m128i most = _mm_set1_epi8(0x1F);
    for (; n - i >= 16; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(text + i));
        _mm_storeu_si128((__m128i *)(void *)(out + i), v);
        __m128i bad = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash));
        bad = _mm_or_si128(bad, _mm_cmpeq_epi8(_mm_max_epu8(v, most), most));
        unsigned bits = (unsigned)_mm_movemask_epi8(bad);
        if (bits) return i + (unsigned)__builtin_ctz(bits);
    }
#endif
    for (; i < n && !special((uint8_t)text[i]); i++) out[i] = text[i];
    return i;
}

static uint32_t code_point(const uint8_t **p) {
    uint32_t c = *(*p)++;
    int more = c < 0x80 ? 0 : c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
    if (more) c &= 0x3Fu >> more;
    while (more-- > 0) c = c << 6 | (*(*p)++ & 0x3F);
    return c;
}

static char *put_ascii(const char *text, size_t n, char *out) {
    const uint8_t *p = (const uint8_t *)text, *end = p + n;
    while (p < end) {
        uint32_t c = code_point(&p);
        if (c >= 0x80)
            out += escape_u(c, out);
        else if (special((uint8_t)c))
            out += escape((uint8_t)c, out);
        else
            *out++ = (char)c;
    }
    return out;
}

static bool put_string(struct writer *w, const struct hob_json *v) {
    size_t n = hob__json_size(v);
    const char *text = v->of.text;
    if (!reserve(w, 6 * n + 32 + AFTER)) return false; /* the worst: every byte as \u00xx */
    char *out = w->text + w->size;
    *out++ = '"';
    if (w->o->ascii) {
        out = put_ascii(text, n, out);
    } else if (HOB__LIKELY(n < 16 && copy_short(text, n, out))) {
        out += n;
    } else {
        for (;;) {
            size_t plain = copy_plain(text, n, out);
            out += plain;
            if (plain == n) break;
            out += escape((uint8_t)text[plain], out);
            text += plain + 1;
            n -= plain + 1;
        }
    }
    *out++ = '"';
    w->size = (size_t)(out - w->text);
    return true;
}

/* ---- values ---- */

static bool new_line(struct writer *w, unsigned depth) {
    size_t n = (size_t)depth * w->o->indent;
    if (!reserve(w, n + 1 + AFTER)) return false;
    put(w, '\n');
    memset(w->text + w->size, ' ', n);
    w->size += n;
    return true;
}

static bool put_scalar(struct writer *w, const struct hob_json *v) {
    if (!reserve(w, HOB__NUMBER_ROOM + AFTER)) return false;
    char *out = w->text + w->size;
    switch (hob_json_type(v)) {
    case HOB_JSON_STRING:
        return put_string(w, v);
    case HOB_JSON_INT:
        w->size += hob__json_write_int(v->of.i, out);
        break;
    case HOB_JSON_UINT:
        w->size += hob__json_write_uint(v->of.u, out);
        break;
    case HOB_JSON_DOUBLE:
        w->size += hob__json_write_double(v->of.d, out);
        break;
    case HOB_JSON_TRUE:
        memcpy(out, "true", 4);
        w->size += 4;
        break;
    case HOB_JSON_FALSE:
        memcpy(out, "false", 5);
        w->size += 5;
        break;
    default:
        memcpy(out, "null", 4);
        w->size += 4;
    }
    return true;
}

static bool put_value(struct writer *w, const struct hob_json *v, unsigned depth);

static inline bool put_member(struct writer *w, const struct hob_json *name, unsigned depth) {
    if (!put_string(w, name)) return false; /* which has left room for this */
    put(w, ':');
    if (w->o->indent) put(w, ' ');
    return put_value(w, name + 1, depth);
}

static bool put_sorted(struct writer *w, const struct hob_json *v, unsigned depth) {
    size_t n = hob__json_size(v), i = 0;
    const struct hob_json **names = hob__alloc(n * sizeof *names);
    if (!names) return false;
    HOB_JSON_EACH_MEMBER(name, value, v) names[i++] = name;
    qsort(names, n, sizeof *names, hob__json_by_name);
    bool ok = true;
    for (i = 0; i < n && ok; i++) {
        if (w->o->indent) ok = new_line(w, depth);
        ok = ok && put_member(w, names[i], depth);
        if (ok) put(w, ',');
    }
    w->size -= ok;
    hob__free(names);
    return ok;
}

static bool put_items(struct writer *w, const struct hob_json *v, unsigned depth) {
    bool object = hob_json_type(v) == HOB_JSON_OBJECT;
    if (object && w->o->sort) return put_sorted(w, v, depth);
    const struct hob_json *end = v + v->of.span;
    for (const struct hob_json *item = v + 1; item < end;) {
        if (w->o->indent && !new_line(w, depth)) return false;
        if (object ? !put_member(w, item, depth) : !put_value(w, item, depth)) return false;
        put(w, ','); /* each value has left room for this */
        item = hob_json_next(object ? item + 1 : item);
    }
    w->size--;
    return true;
}

static bool put_value(struct writer *w, const struct hob_json *v, unsigned depth) {
    enum hob_json_type type = hob_json_type(v);
    if (type < HOB_JSON_ARRAY) return put_scalar(w, v);
    if (!reserve(w, AFTER + 2)) return false;
    put(w, type == HOB_JSON_ARRAY ? '[' : '{');
    if (hob__json_size(v) > 0) {
        if (!put_items(w, v, depth + 1)) return false;
        if (w->o->indent && !new_line(w, depth)) return false;
        if (!reserve(w, AFTER + 1)) return false;
    }
    put(w, type == HOB_JSON_ARRAY ? ']' : '}');
    return true;
}

int hob_json_write_with(const struct hob_json *v, struct hob_json_write_options options,
                        char **text, size_t *size) {
    struct writer w = {.o = &options};
    *text = NULL;
    if (!reserve(&w, 1024) || !put_value(&w, v, 0) || !reserve(&w, 2)) {
        hob__free(w.text);
        return hob_fail(-ENOMEM, "no memory for %zu bytes of JSON", w.size);
    }
    if (options.newline) put(&w, '\n');
    w.text[w.size] = 0;
    *text = w.text;
    if (size) *size = w.size;
    return 0;
}

bool hob__json_append(struct hob__json_text *t, const struct hob_json *v, unsigned depth,
                      const struct hob_json_write_options *o) {
    struct writer w = {t->text, t->size, t->room, o};
    bool ok = put_value(&w, v, depth);
    t->text = w.text; /* may have moved all the same */
    t->room = w.room;
    if (ok) t->size = w.size;
    return ok;
}

void hob_json_text_free(char *text) { hob__free(text); }
