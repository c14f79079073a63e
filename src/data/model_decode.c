/* data/model_decode.c - JSON straight into structs, in one pass.
 *
 * A tree needs to know first where all tokens are (index.h); a model knows mostly what comes next.
 * Members come in the order of the struct, or of the last record: the name of the field behind the
 * last one is compared with the text at once, with its quote and colon, and only if it is not that
 * the table of names is asked. Strings are copied while their end is looked for. What belongs to no
 * field is read all the same (scan.c), so that exactly those texts are taken that hob_json_check()
 * takes.
 *
 * What does not fit the model is noted, with its path and its place, and passed over. What is not
 * JSON ends it: where and why, check.c says, which goes through the text again. */
#include "data/arena.h"
#include "data/model_walk.h"
#include "data/number_usual.h"
#include "data/scan.h"

#include <hob/error.h>
#include <hob/task.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/memory.h"

enum {
    FRAMES = 12, /* on the stack */
    SPARE = 32   /* bytes that copies may write too much */
};

/* An object or an array that is open. */
struct frame {
    const struct hob__plan *plan; /* of an object; NULL: an array */
    const struct hob__slot *slot; /* an object's: the field that is read; an array's: whose items */
    uint8_t *base;                /* the struct; the items */
    const uint8_t *begin;         /* where it begins in the text */
    const struct hob__slot *next; /* the field that will probably be next */
    size_t problems;              /* how many there were when it began */
    union {
        uint64_t seen[HOB_MODEL_FIELDS / 64]; /* fields that were there */
        struct {
            uint8_t *at;       /* the array's field, in its struct */
            size_t room, most; /* items: for which there is room; that are kept */
        };
    };
    size_t count; /* items before the one that is read */
};

struct decoder {
    const uint8_t *text, *end;
    struct hob_arena *memory;
    const struct hob_decode_options *o;
    struct frame *frames;
    unsigned depth, room, most;
    int rc;         /* why a value could not be read */
    bool has_lines; /* the text is the user's */
    struct hob__problem_list problems;
    struct hob__matcher matcher;
    const uint8_t *counted; /* up to where lines were counted */
    size_t line, column;
    struct frame first[FRAMES];
};

/* ---- problems ---- */

static void count_lines(struct decoder *d, const uint8_t *to) {
    if (!d->counted || to < d->counted) {
        d->counted = d->text;
        d->line = d->column = 1;
    }
    for (; d->counted < to; d->counted++) {
        d->column = *d->counted == '\n' ? 1 : d->column + ((*d->counted & 0xC0) != 0x80);
        d->line += *d->counted == '\n';
    }
}

/* Where the innermost frame is; `name` is its member, if that is no field. */
static void path_of(const struct decoder *d, struct hob__path *path, const char *name, size_t n) {
    hob__path_begin(path);
    if (name) hob__path_name(path, name, n);
    for (unsigned i = d->depth; i-- > 0;) {
        const struct frame *f = &d->frames[i];
        if (!f->plan)
            hob__path_index(path, f->count);
        else if (f->slot)
            hob__path_name(path, f->slot->name, f->slot->name_size);
    }
}

static __attribute__((noinline))
HOB_PRINTF(5, 6) void note(struct decoder *d, const uint8_t *at, const char *name, size_t n,
                           const char *fmt, ...) {
    struct hob__path path;
    char message[HOB__WHY + 64];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    if (d->problems.count < HOB_PROBLEMS && !(d->problems.more && !d->problems.memory)) {
        path_of(d, &path, name, n);
        if (d->has_lines) count_lines(d, at);
    } else {
        hob__path_begin(&path);
    }
    hob__problem(&d->problems, path.at, hob__path_size(&path), d->line, d->column, "%s", message);
}

static inline size_t problem_count(const struct decoder *d) {
    return d->problems.count + d->problems.more + (d->problems.first[0] != 0);
}

/* What begins at p, in words; numbers as they are written. */
static const char *found(const struct decoder *d, const uint8_t *p, char *buf, size_t room) {
    switch (*p) {
    case '"':
        return "a string";
    case '{':
        return "an object";
    case '[':
        return "an array";
    case 't':
    case 'f':
        return "a boolean";
    case 'n':
        return "null";
    default: {
        size_t n = 0;
        while (p + n < d->end && n < room - 1 && strchr("+-.0123456789eE", p[n]) && p[n]) n++;
        memcpy(buf, p, n);
        buf[n] = 0;
        return buf;
    }
    }
}

/* Who reads a value says where it ends, or NULL: d->rc then is one of these, or the error. */
enum { MISMATCH = 1, NOTED = 2 /* and said so */ };

static const uint8_t *fail(struct decoder *d, int rc) {
    d->rc = rc;
    return NULL;
}

/* ---- strings ---- */

/* Copies what stands for itself to `to`, where there is room for SPARE bytes more than n; the first
 * byte that does not, or p + n. What is behind that is written over. */
static inline const uint8_t *copy_plain(const uint8_t *p, size_t n, uint8_t *to) {
    const uint8_t *stop = p + n;
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
    const __m128i most = _mm_set1_epi8(0x1F);
    for (; stop - p >= 16; p += 16, to += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        _mm_storeu_si128((__m128i *)(void *)to, v);
        __m128i is = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash));
        is = _mm_or_si128(is, _mm_cmpeq_epi8(_mm_max_epu8(v, most), most));
        unsigned bits = (unsigned)_mm_movemask_epi8(is);
        if (bits) return p + __builtin_ctz(bits);
    }
#endif
    for (; p < stop && *p >= 0x20 && *p != '"' && *p != '\\'; p++) *to++ = *p;
    return p;
}

/* The rest of a string, from a byte on that does not stand for itself. */
static const uint8_t *unescape(const struct decoder *d, const uint8_t *p, uint8_t **out) {
    while (*p == '\\') {
        if (!hob__json_unescape(&p, d->end, out)) return NULL;
        const uint8_t *stop = hob__scan_plain(p, d->end);
        if (stop == d->end) return NULL;
        memmove(*out, p, (size_t)(stop - p));
        *out += stop - p;
        p = stop;
    }
    return *p == '"' ? p : NULL;
}

/* A string that is longer than what is left of the arena's block, or has escapes in it. */
static __attribute__((noinline)) const uint8_t *long_string(struct decoder *d, const uint8_t *p,
                                                            struct hob_slice *out) {
    const uint8_t *behind = hob__scan_skip_string(p, d->end);
    if (!behind) return fail(d, HOB_E_JSON);
    size_t n = (size_t)(behind - p) - 1;
    uint8_t *to = (uint8_t *)hob__arena_room(d->memory, n + SPARE), *end = to;
    if (!to) return fail(d, -ENOMEM);
    const uint8_t *stop = copy_plain(p, n, to);
    end += stop - p;
    if (*stop == '\\') unescape(d, stop, &end);
    *end = 0;
    *out = (struct hob_slice){(const char *)to, (size_t)(end - to)};
    return behind;
}

/* The string behind the quote before p, in the arena and with a NUL behind it, but not taken yet.
 */
static inline const uint8_t *read_string(struct decoder *d, const uint8_t *p,
                                         struct hob_slice *out) {
    struct hob_arena *a = d->memory;
    size_t room = (size_t)(a->end - a->at), n = (size_t)(d->end - p);
    uint8_t *to = (uint8_t *)a->at;
    if (HOB__UNLIKELY(room < SPARE + 1)) return long_string(d, p, out);
    if (n > room - SPARE) n = room - SPARE;
    const uint8_t *stop = copy_plain(p, n, to);
    if (HOB__UNLIKELY(stop == p + n || *stop != '"')) return long_string(d, p, out);
    out->at = (const char *)to;
    out->size = (size_t)(stop - p);
    to[out->size] = 0;
    return stop + 1;
}

static inline void take_string(struct decoder *d, const struct hob_slice *s) {
    d->memory->at += s->size + 1;
}

/* ---- scalars ---- */

/* A number that is not one of the usual, or none. */
static __attribute__((noinline)) const uint8_t *
read_unusual(struct decoder *d, const struct hob__slot *s, const uint8_t *p, struct hob_json *v) {
    bool integer = s->kind <= HOB__KIND_UINT64;
    int why;
    if (*p != '-' && (uint8_t)(*p - '0') > 9) return fail(d, MISMATCH);
    const uint8_t *behind = hob__json_read_number(p, d->end, !integer, v, &why);
    if (HOB__LIKELY(behind != NULL)) return behind;
    /* An integer of more than 64 bits is JSON, but what no double holds is not. */
    if (why == HOB_E_JSON_RANGE && hob__json_read_number(p, d->end, true, v, &why)) why = MISMATCH;
    return fail(d, why);
}

static inline const uint8_t *read_number(struct decoder *d, const struct hob__slot *s,
                                         const uint8_t *p, void *to) {
    struct hob_json v;
    const uint8_t *behind = NULL;
    if (HOB__LIKELY(d->end - p > HOB__NUMBER_SIGHT)) behind = hob__json_read_usual(p, &v);
    if (HOB__UNLIKELY(!behind) && !(behind = read_unusual(d, s, p, &v))) return NULL;
    if (HOB__LIKELY(v.head == HOB_JSON_INT)) {
        if (s->kind == HOB__KIND_INT64) {
            memcpy(to, &v.of.i, 8);
            return behind;
        }
        int32_t i = (int32_t)v.of.i;
        if (s->kind == HOB__KIND_INT32 && i == v.of.i) {
            memcpy(to, &i, 4);
            return behind;
        }
    } else if (HOB__LIKELY(s->kind == HOB__KIND_DOUBLE && v.head == HOB_JSON_DOUBLE)) {
        memcpy(to, &v.of.d, 8);
        return behind;
    }
    return hob__store_number(s, &v, to) ? behind : fail(d, MISMATCH);
}

static inline const uint8_t *read_bool(struct decoder *d, const uint8_t *p, void *to) {
    bool is = *p == 't';
    if (!is && *p != 'f') return fail(d, MISMATCH);
    p = is ? hob__scan_word(p, d->end, "true", 4) : hob__scan_word(p, d->end, "false", 5);
    if (!p) return fail(d, HOB_E_JSON);
    memcpy(to, &is, sizeof is);
    return p;
}

/* An excerpt of a string that is not what it should be. */
static const uint8_t *not_a(struct decoder *d, const struct hob__slot *s, const uint8_t *p,
                            const struct hob_slice *text) {
    char name[HOB__WHY], part[61];
    size_t n = text->size < 60 ? text->size : 60;
    while (n < text->size && n > 0 && ((uint8_t)text->at[n] & 0xC0) == 0x80) n--;
    memcpy(part, text->at, n);
    part[n] = 0;
    note(d, p, NULL, 0, "expected %s, found \"%s\"%s", hob__kind_name(s, name, sizeof name), part,
         n < text->size ? "..." : "");
    return fail(d, NOTED);
}

static bool read_bytes(struct decoder *d, const struct hob_slice *text, void *to) {
    struct hob_bytes bytes;
    bytes.at = (uint8_t *)(uintptr_t)text->at; /* what is read is longer than what is written */
    if (!hob__base64_read(text->at, text->size, bytes.at, &bytes.size)) return false;
    memcpy(to, &bytes, sizeof bytes);
    d->memory->at += bytes.size + 1;
    return true;
}

static const uint8_t *read_chars(struct decoder *d, const struct hob__slot *s, const uint8_t *p,
                                 const uint8_t *behind, const struct hob_slice *text, void *to) {
    if (memchr(text->at, 0, text->size)) {
        note(d, p, NULL, 0, "a NUL in the string");
        return fail(d, NOTED);
    }
    if (text->size >= s->item_size) {
        note(d, p, NULL, 0, "expected at most %u bytes, found %zu", s->item_size - 1, text->size);
        return fail(d, NOTED);
    }
    memcpy(to, text->at, text->size + 1);
    return behind;
}

/* What is made of a string, and is not its text in the arena. */
static const uint8_t *read_words(struct decoder *d, const struct hob__slot *s, const uint8_t *p,
                                 void *to) {
    struct hob_slice text;
    if (*p != '"') return fail(d, MISMATCH);
    const uint8_t *behind = read_string(d, p + 1, &text);
    if (!behind) return NULL;
    bool ok;
    switch (s->kind) {
    case HOB__KIND_CHARS:
        return read_chars(d, s, p, behind, &text, to);
    case HOB__KIND_BYTES:
        ok = read_bytes(d, &text, to);
        break;
    case HOB__KIND_TIME:
        ok = hob__time_read(text.at, text.size, to);
        break;
    case HOB__KIND_UUID:
        ok = hob__uuid_read(text.at, text.size, to);
        break;
    default:
        ok = hob__store_choice(s, text.at, text.size, to);
    }
    return ok ? behind : not_a(d, s, p, &text);
}

static const uint8_t *skip(struct decoder *d, const uint8_t *p) {
    return hob__scan_skip(p, d->end, d->most - d->depth);
}

static const uint8_t *read_raw(struct decoder *d, const uint8_t *p, void *to) {
    const uint8_t *behind = skip(d, p);
    if (!behind) return fail(d, HOB_E_JSON);
    struct hob_raw raw = {.size = (size_t)(behind - p)};
    raw.at = hob_arena_copy(d->memory, p, raw.size);
    if (!raw.at) return fail(d, -ENOMEM);
    memcpy(to, &raw, sizeof raw);
    return behind;
}

static inline const uint8_t *read_text(struct decoder *d, const struct hob__slot *s,
                                       const uint8_t *p, void *to) {
    struct hob_slice text;
    if (HOB__UNLIKELY(*p != '"')) return fail(d, MISMATCH);
    const uint8_t *behind = read_string(d, p + 1, &text);
    if (HOB__UNLIKELY(!behind)) return NULL;
    if (s->kind == HOB__KIND_SLICE) {
        memcpy(to, &text, sizeof text);
    } else {
        /* Only an escape sequence makes one; then the text is longer than what it stands for. */
        if (HOB__UNLIKELY((size_t)(behind - p) != text.size + 2) && memchr(text.at, 0, text.size)) {
            note(d, p, NULL, 0, "a NUL in the string");
            return fail(d, NOTED);
        }
        memcpy(to, &text.at, sizeof text.at);
    }
    take_string(d, &text);
    return behind;
}

static inline const uint8_t *read_scalar(struct decoder *d, const struct hob__slot *s,
                                         const uint8_t *p, void *to) {
    switch (s->kind) {
    case HOB__KIND_STRING:
    case HOB__KIND_SLICE:
        return read_text(d, s, p, to);
    case HOB__KIND_BOOL:
        return read_bool(d, p, to);
    case HOB__KIND_CHARS:
    case HOB__KIND_BYTES:
    case HOB__KIND_TIME:
    case HOB__KIND_UUID:
        return read_words(d, s, p, to);
    case HOB__KIND_RAW:
        return read_raw(d, p, to);
    default:
        if (HOB__UNLIKELY(s->has_choices)) return read_words(d, s, p, to);
        return read_number(d, s, p, to);
    }
}

/* ---- frames ---- */

static __attribute__((noinline)) bool more_frames(struct decoder *d) {
    d->rc = HOB_E_LIMIT;
    if (d->depth == d->most) return false;
    unsigned room = d->room * 4;
    struct frame *frames =
        hob__realloc(d->frames == d->first ? NULL : d->frames, room * sizeof *frames);
    d->rc = -ENOMEM;
    if (!frames) return false;
    if (d->frames == d->first) memcpy(frames, d->first, sizeof d->first);
    d->frames = frames;
    d->room = room;
    d->rc = HOB_E_JSON;
    return true;
}

static inline struct frame *push(struct decoder *d, const uint8_t *p) {
    if (HOB__UNLIKELY(d->depth == d->most || d->depth == d->room) && !more_frames(d)) return NULL;
    struct frame *f = &d->frames[d->depth++];
    f->begin = p;
    f->problems = problem_count(d);
    f->count = 0;
    return f;
}

static inline struct frame *push_object(struct decoder *d, const struct hob__plan *plan,
                                        const uint8_t *p, uint8_t *to) {
    struct frame *f = push(d, p);
    if (HOB__UNLIKELY(!f)) return NULL;
    f->plan = plan;
    f->slot = NULL;
    f->base = to;
    f->next = plan->slots;
    memset(f->seen, 0, sizeof f->seen);
    return f;
}

static struct frame *push_array(struct decoder *d, const struct hob__slot *s, const uint8_t *p,
                                uint8_t *to) {
    struct frame *f = push(d, p);
    if (HOB__UNLIKELY(!f)) return NULL;
    uint32_t most = s->field->o.max_items;
    f->plan = NULL;
    f->slot = s;
    f->at = to;
    f->base = s->shape == HOB__SHAPE_LIST ? NULL : to;
    f->room = s->items; /* of a list: none */
    f->most = s->shape == HOB__SHAPE_LIST ? SIZE_MAX : s->items;
    if (most && most < f->most) f->most = most;
    return f;
}

static bool more_room(struct decoder *d, struct frame *f) {
    size_t each = f->slot->item_size, had = f->room * each,
           size = (f->room ? 2 * f->room : 4) * each;
    void *items = hob__arena_grow(d->memory, f->base, had, &size);
    if (!items) return false;
    f->base = items;
    f->room = size / each < f->most ? size / each : f->most;
    return true;
}

static void check(struct decoder *d, const struct hob__slot *s, const void *value,
                  const uint8_t *p) {
    char buf[HOB__WHY];
    const char *why;
    int rc = hob__check_value(s, value, &d->matcher, buf, &why);
    if (rc > 0) note(d, p, NULL, 0, "%s", why);
    if (rc < 0) d->problems.rc = rc;
}

/* The innermost array ends behind `count` items. */
static void close_array(struct decoder *d, struct frame *f) {
    const struct hob__slot *s = f->slot;
    const uint8_t *begin = f->begin;
    size_t count = f->count, kept = count < f->most ? count : f->most, item;
    if (s->shape == HOB__SHAPE_LIST) {
        static uint64_t none[2]; /* an empty array is not NULL */
        if (count == 0) f->base = (uint8_t *)none;
        hob__arena_shrink(d->memory, f->base, f->room * s->item_size, kept * s->item_size);
        memcpy(f->at, &f->base, sizeof f->base);
    }
    if (s->shape != HOB__SHAPE_FIXED) *hob__count_at(s, f->at - s->offset) = kept;
    d->depth--; /* what is noted now is noted of the array, not of an item */
    if (s->shape == HOB__SHAPE_FIXED && count != s->items) {
        note(d, begin, NULL, 0, "expected %u items, found %zu", s->items, count);
    } else if (s->shape == HOB__SHAPE_UP_TO && count > s->items) {
        note(d, begin, NULL, 0, "expected at most %u items, found %zu", s->items, count);
    } else if (s->array_checked) {
        char buf[HOB__WHY];
        const char *why;
        int rc = hob__check_array(s, f->base, count, buf, &why, &item);
        if (rc > 0 && item != SIZE_MAX) {
            f->count = item;
            d->depth++;
            note(d, begin, NULL, 0, "%s", why);
            d->depth--;
        } else if (rc > 0) {
            note(d, begin, NULL, 0, "%s", why);
        }
        if (rc < 0) d->problems.rc = rc;
    }
}

static __attribute__((noinline)) void note_missing(struct decoder *d, struct frame *f) {
    for (uint32_t i = 0; i < f->plan->count; i++) {
        const struct hob__slot *s = &f->plan->slots[i];
        if (!s->required || (f->seen[i / 64] >> i % 64 & 1)) continue;
        f->slot = s;
        note(d, f->begin, NULL, 0, "is missing");
    }
}

static void close_object(struct decoder *d, struct frame *f) {
    const struct hob__plan *plan = f->plan;
    uint64_t missing = 0;
    for (size_t i = 0; i < HOB_MODEL_FIELDS / 64; i++) missing |= plan->required[i] & ~f->seen[i];
    if (HOB__UNLIKELY(missing)) note_missing(d, f);
    d->depth--;
    const char *why;
    if (HOB__UNLIKELY(plan->check) && problem_count(d) == f->problems &&
        (why = plan->check(f->base)))
        note(d, f->begin, NULL, 0, "%s", why);
    if (d->depth > 0) {
        const struct hob__slot *s = d->frames[d->depth - 1].slot;
        if (HOB__UNLIKELY(s->checked)) check(d, s, f->base, f->begin);
    }
}

/* ---- names ---- */

/* A name that is not the expected one, from its quote on: behind its colon. *s is its field, or
 * NULL; *end is its closing quote. */
static __attribute__((noinline)) const uint8_t *
find_by_table(struct decoder *d, const struct frame *f, const uint8_t *p,
              const struct hob__slot **s, const uint8_t **quote) {
    const uint8_t *name = p + 1;
    p = hob__scan_plain(name, d->end);
    if (p == d->end) return fail(d, HOB_E_JSON);
    if (HOB__LIKELY(*p == '"')) {
        *s = hob__plan_find(f->plan, (const char *)name, (size_t)(p - name),
                            (size_t)(d->end - name));
        p++;
    } else {
        struct hob_slice text;
        p = read_string(d, name, &text);
        if (!p) return NULL;
        *s = hob__plan_find(f->plan, text.at, text.size, text.size);
    }
    *quote = p - 1;
    d->rc = HOB_E_JSON;
    HOB__TOKEN(p, d->end);
    return *p == ':' ? p + 1 : NULL;
}

/* Is the name behind the quote before p that of the slot, and a colon right behind it? */
static inline bool is_name(const struct hob__slot *s, const uint8_t *p, const uint8_t *end) {
    size_t n = s->quoted_size, left = (size_t)(end - p);
    if (HOB__UNLIKELY(left < 8 || left < n)) return false;
    if ((hob__load8(p) ^ s->head) & s->head_mask) return false;
    if (n <= 8) return true;
    return hob__load8(p + n - 8) == s->tail &&
           (n <= 16 || memcmp(p + 8, s->quoted + 8, n - 16) == 0);
}

static void clear(const struct hob__slot *s, uint8_t *base) {
    memset(base + s->offset, 0, s->field->size);
    if (s->shape == HOB__SHAPE_LIST || s->shape == HOB__SHAPE_UP_TO) *hob__count_at(s, base) = 0;
}

/* A value follows that is no field's. */
static const uint8_t *unknown(struct decoder *d, struct frame *f, const uint8_t *name,
                              const uint8_t *quote, const uint8_t *p) {
    f->slot = NULL;
    if (d->o->refuse_unknown)
        note(d, name, (const char *)name + 1, (size_t)(quote - name - 1), "is not known");
    d->rc = HOB_E_JSON;
    return skip(d, p);
}

static void twice(struct decoder *d, struct frame *f, const struct hob__slot *s,
                  const uint8_t *name) {
    clear(s, f->base);
    if (!d->o->last_wins) note(d, name, NULL, 0, "is there twice");
}

/* ---- values ---- */

/* What begins at p is not what the slot is of, as d->rc says: null for a field that may be so, or a
 * problem. */
static const uint8_t *mismatch(struct decoder *d, const struct hob__slot *s, const uint8_t *p,
                               uint8_t *to) {
    struct frame *f = d->depth ? &d->frames[d->depth - 1] : NULL;
    bool noted = d->rc == NOTED;
    d->rc = HOB_E_JSON;
    if (f && f->plan && *p == 'n' && !noted && !f->slot->required) {
        clear(f->slot, f->base);
        if (f->slot->presence) hob__set_presence(f->slot, f->base, HOB_NULL);
        return hob__scan_word(p, d->end, "null", 4);
    }
    if (f && !f->plan && f->slot == s && s->kind != HOB__KIND_STRUCT) memset(to, 0, s->item_size);
    if (!noted) {
        char name[HOB__WHY], what[48];
        bool array = hob__is_array(s) && (!f || f->slot != s || f->plan);
        note(d, p, NULL, 0, "expected %s, found %s",
             array ? "an array" : hob__kind_name(s, name, sizeof name),
             found(d, p, what, sizeof what));
    }
    return skip(d, p);
}

/* Memory for the one that a pointer points to. */
static uint8_t *make_one(struct decoder *d, const struct hob__slot *s, uint8_t *to) {
    void *one = hob_arena_alloc(d->memory, s->item_size);
    if (!one) return NULL;
    memset(one, 0, s->item_size);
    memcpy(to, &one, sizeof one);
    return one;
}

/* A point, a box: double x[N], if that is just what is there; else NULL, and the general way begins
 * anew. */
static const uint8_t *read_doubles(struct decoder *d, const struct hob__slot *s, const uint8_t *p,
                                   uint8_t *to) {
    const uint8_t *const end = d->end;
    struct hob_json v;
    if (*p++ != '[') return NULL;
    for (uint32_t i = 0;; i++) {
        HOB__TOKEN(p, end);
        if (end - p <= HOB__NUMBER_SIGHT || !(p = hob__json_read_usual(p, &v))) return NULL;
        double x = v.head == HOB_JSON_INT ? (double)v.of.i : v.of.d;
        memcpy(to + i * sizeof x, &x, sizeof x);
        HOB__TOKEN(p, end);
        if (i + 1 == s->items) return *p == ']' ? p + 1 : NULL;
        if (*p++ != ',') return NULL;
    }
}

/* The value of the slot, at p, into `to`. Behind it; NULL: d->rc says why. */
static const uint8_t *decode(struct decoder *d, const struct hob__slot *s, const uint8_t *p,
                             uint8_t *to) {
    const uint8_t *const end = d->end, *name, *quote;
    const struct hob__plan *plan;
    struct frame *f = NULL;
    uint64_t *seen;
    d->rc = HOB_E_JSON;
#define TRY(call)                                                                                  \
    do {                                                                                           \
        p = (call);                                                                                \
        if (HOB__UNLIKELY(!p)) return NULL;                                                        \
    } while (0)
#define TOKEN()                                                                                    \
    do {                                                                                           \
        if (HOB__UNLIKELY(p >= end)) goto not_json;                                                \
        if (HOB__UNLIKELY(*p <= ' ') && (p = hob__scan_space(p, end)) == end) goto not_json;       \
    } while (0)
    TOKEN();
value:
    if (HOB__UNLIKELY(s->shape != HOB__SHAPE_ONE)) {
        if (hob__is_array(s)) goto array;
        if (*p == 'n') goto mismatch;
        to = make_one(d, s, to);
        if (!to) goto no_memory;
    }
one:
    if (s->kind == HOB__KIND_STRUCT) {
        d->rc = hob__plan_of(s->model, &plan);
        if (HOB__UNLIKELY(d->rc < 0)) return NULL;
        if (HOB__UNLIKELY(s->model->wrapper)) {
            s = &plan->slots[0];
            to += s->offset;
            goto value;
        }
        if (HOB__UNLIKELY(*p != '{')) goto mismatch;
        f = push_object(d, plan, p, to);
        if (HOB__UNLIKELY(!f)) return NULL;
        p++;
        TOKEN();
        if (HOB__LIKELY(*p != '}')) goto name;
        goto close_object;
    }
scalar:
    name = p;
    p = read_scalar(d, s, p, to);
    if (HOB__UNLIKELY(!p)) {
        p = name;
        if (d->rc < 0) return NULL;
        goto mismatch;
    }
    if (HOB__LIKELY(s->plain)) {
        TOKEN();
        goto after_member;
    }
    if (HOB__UNLIKELY(s->checked)) check(d, s, to, name);
after:
    if (HOB__UNLIKELY(d->depth == 0)) return p;
    TOKEN();
    if (f->plan) {
    after_member:
        if (HOB__LIKELY(*p == ',')) {
            p++;
            TOKEN();
            goto name;
        }
        if (*p != '}') goto not_json;
    close_object:
        close_object(d, f);
    } else {
        f->count++;
        if (HOB__LIKELY(*p == ',')) {
            p++;
            TOKEN();
            goto item;
        }
        if (*p != ']') goto not_json;
    close_array:
        close_array(d, f);
    }
    p++;
    f = &d->frames[d->depth ? d->depth - 1 : 0];
    goto after;
name:
    if (HOB__UNLIKELY(*p != '"')) goto not_json;
    name = p;
    s = f->next;
    if (HOB__LIKELY(s != f->plan->behind && is_name(s, p + 1, end))) {
        p += 1 + s->quoted_size;
    } else {
        TRY(find_by_table(d, f, p, &s, &quote));
        if (!s) {
            TOKEN();
            TRY(unknown(d, f, name, quote, p));
            goto after;
        }
    }
    f->slot = s;
    f->next = s + 1;
    seen = &f->seen[s->index / 64];
    if (HOB__UNLIKELY(*seen & s->bit)) twice(d, f, s, name);
    *seen |= s->bit;
    to = f->base + s->offset;
    TOKEN();
    if (HOB__LIKELY(s->plain)) goto scalar;
    if (HOB__UNLIKELY(s->presence)) hob__set_presence(s, f->base, HOB_PRESENT);
    goto value;
array:
    if (s->doubles && (name = read_doubles(d, s, p, to))) {
        p = name;
        goto after;
    }
    if (HOB__UNLIKELY(*p != '[')) goto mismatch;
    f = push_array(d, s, p, to);
    if (HOB__UNLIKELY(!f)) return NULL;
    p++;
    TOKEN();
    if (*p == ']') goto close_array;
item:
    s = f->slot;
    if (HOB__UNLIKELY(f->count >= f->room)) {
        if (f->count >= f->most) {
            d->rc = HOB_E_JSON;
            TRY(skip(d, p));
            goto after;
        }
        if (!more_room(d, f)) goto no_memory;
    }
    to = f->base + f->count * s->item_size;
    if (s->kind == HOB__KIND_STRUCT) memset(to, 0, s->item_size);
    goto one;
mismatch:
    if (d->rc != NOTED) d->rc = MISMATCH;
    TRY(mismatch(d, s, p, to));
    goto after;
no_memory:
    d->rc = -ENOMEM;
    return NULL;
not_json:
    d->rc = HOB_E_JSON;
    return NULL;
#undef TRY
#undef TOKEN
}

/* ---- the calls ---- */

static int run(struct decoder *d, const struct hob__slot *root, void *out) {
    size_t n = (size_t)(d->end - d->text);
    if (!hob__utf8_is(d->text, n)) return HOB_E_JSON;
    const uint8_t *p = decode(d, root, d->text, out);
    if (!p) return d->rc;
    return hob__scan_space(p, d->end) == d->end ? 0 : HOB_E_JSON;
}

static int decode_text(const struct hob__slot *root, void *out, const void *text, size_t n,
                       struct hob_arena *memory, const struct hob_decode_options *o,
                       bool has_lines) {
    struct decoder d;
    if (HOB__UNLIKELY(!memory)) hob__misuse("hob_model_decode", "the arena is NULL");
    if (o->problems) *o->problems = (struct hob_problems){0};
    if (o->depth > HOB__JSON_DEPTH)
        return hob_fail(-EINVAL, "a depth of %u; at most %d", o->depth, HOB__JSON_DEPTH);
    d.text = text;
    d.end = d.text + n;
    d.memory = memory;
    d.o = o;
    d.frames = d.first;
    d.depth = 0;
    d.room = FRAMES;
    d.most = o->depth ? o->depth : HOB__JSON_DEPTH;
    d.problems = (struct hob__problem_list){.memory = o->problems ? memory : NULL};
    d.matcher = (struct hob__matcher){NULL};
    d.counted = NULL;
    d.line = d.column = 0;
    d.has_lines = has_lines;
    int rc = run(&d, root, out);
    hob__matcher_end(&d.matcher);
    if (d.frames != d.first) hob__free(d.frames);
    if (rc == 0) return hob__problems_end(&d.problems, o->problems);
    if (rc == -ENOMEM) return hob_fail(rc, "no memory for the value");
    struct hob_json_options judge = {.big_double = true, .depth = o->depth};
    int said = hob__json_check(text, n, &judge);
    return said < 0 ? said : hob_fail(rc, "not JSON"); /* never: both judge alike */
}

static int decode_struct(const struct hob_model *model, void *out, const void *text, size_t n,
                         struct hob_arena *memory, const struct hob_decode_options *o,
                         bool has_lines) {
    struct hob__root root;
    hob__root_slot(&root, model, false);
    memset(out, 0, model->size);
    int rc = decode_text(&root.slot, out, text, n, memory, o, has_lines);
    if (rc < 0 && rc != HOB_E_MODEL) memset(out, 0, model->size);
    return rc;
}

int hob_model_decode_with(const struct hob_model *model, void *out, const void *text, size_t n,
                          struct hob_arena *memory, struct hob_decode_options options) {
    return decode_struct(model, out, text, n, memory, &options, true);
}

int hob__decode_without_lines(const struct hob_model *model, void *out, const char *text, size_t n,
                              struct hob_arena *memory, const struct hob_decode_options *o) {
    return decode_struct(model, out, text, n, memory, o, false);
}

int hob__decode_field(const struct hob__slot *s, void *whole, const char *text, size_t n,
                      struct hob_arena *memory, const struct hob_decode_options *o) {
    struct hob__slot root = *s;
    root.plain = false; /* it is no member of an object here */
    return decode_text(&root, (char *)whole + s->offset, text, n, memory, o, false);
}

int hob_model_decode_array_with(const struct hob_model *model, void *out, size_t *count,
                                const void *text, size_t n, struct hob_arena *memory,
                                struct hob_decode_options options) {
    struct {
        void *items;
        size_t count;
    } list = {NULL, 0};
    struct hob__root root;
    hob__root_slot(&root, model, true);
    int rc = decode_text(&root.slot, &list, text, n, memory, &options, true);
    if (rc < 0 && rc != HOB_E_MODEL) list.items = NULL, list.count = 0;
    memcpy(out, &list.items, sizeof list.items);
    *count = list.count;
    return rc;
}
