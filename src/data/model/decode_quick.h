/* data/model/decode_quick.h - the decoder's short way, for what is as it mostly is: members and
 * items of the usual types, one behind the other, without a frame or a note for any; part of
 * decode_loop.h.
 *
 * All of it is in sight of d->sight: so much text is there that nothing has to look for its end,
 * and it is known to be UTF-8. What is not as it mostly is ends it, and is read (again) in the
 * general way. */
#ifndef HOB_DATA_DECODE_QUICK_H
#define HOB_DATA_DECODE_QUICK_H

#include "data/model/decode_scalar.h"
#include "data/model/time_wide.h"

static uint64_t no_items[2]; /* an empty array is not NULL */

/* ---- gaps ---- */

/* Does the text go on at p as it did there? */
HOB__WIDE bool is_gap(const struct hob__decoder *d, const struct hob__gap *g, const uint8_t *p) {
    const uint8_t *text = g->text;
    size_t n = g->size;
    if (HOB__UNLIKELY(p > d->sight)) return false;
    for (; HOB__UNLIKELY(n > WIDE); n -= WIDE, p += WIDE, text += WIDE)
        if (wide_equal(wide_load(p), wide_load(text)) < WIDE) return false;
    return wide_same(wide_load(p), wide_load(text), (unsigned)n);
}

/* ---- values ---- */

/* A string that a register holds with its quote; else NULL. */
HOB__WIDE const uint8_t *read_short(struct hob_arena *a, const uint8_t *p, struct hob_slice *text) {
    uint8_t *to = (uint8_t *)a->at;
    if (HOB__UNLIKELY(*p++ != '"' || a->end - a->at < 2 * WIDE)) return NULL;
    wide v = wide_load(p);
    unsigned n;
    wide_store(to, v);
    if (HOB__UNLIKELY(!wide_quoted(v, &n))) return NULL;
    to[n] = 0;
    a->at = (char *)to + n + 1;
    *text = (struct hob_slice){(const char *)to, n};
    return p + n + 1;
}

/* Any other, unless it has a NUL in it, and that is `refused`. */
TARGET static __attribute__((noinline)) const uint8_t *
read_other_string(struct hob__decoder *d, const uint8_t *p, bool refused, struct hob_slice *text) {
    const uint8_t *behind;
    if (*p != '"' || !(behind = read_string(d, p + 1, text))) return NULL;
    if (refused && text_has_nul(p, behind, text)) return NULL;
    take_string(d, text);
    return behind;
}

/* A value as it is read into a field or item of a kind. */
HOB__WIDE const uint8_t *read_quick(struct hob__decoder *d, unsigned quick, const uint8_t *p,
                                    void *to) {
    struct hob_slice text;
    struct hob_json v;
    const uint8_t *behind;
    switch (quick) {
    case HOB__QUICK_STRING:
        behind = read_short(d->memory, p, &text);
        if (HOB__UNLIKELY(!behind) && !(behind = read_other_string(d, p, true, &text))) return NULL;
        memcpy(to, &text.at, sizeof text.at);
        return behind;
    case HOB__QUICK_SLICE:
        behind = read_other_string(d, p, false, &text);
        memcpy(to, &text, sizeof text);
        return behind;
    case HOB__QUICK_INT64:
        if (HOB__LIKELY((behind = hob__json_read_short(p, &v.of.i)) != NULL)) {
            memcpy(to, &v.of.i, sizeof v.of.i);
            return behind;
        }
        /* fall through */
    case HOB__QUICK_LONG:
        if (HOB__UNLIKELY(!(behind = read_near(d, p, &v)) || v.head != HOB_JSON_INT)) return NULL;
        memcpy(to, &v.of.i, sizeof v.of.i);
        return behind;
    case HOB__QUICK_INT32: {
        if (HOB__UNLIKELY(!(behind = read_near(d, p, &v)) || v.head != HOB_JSON_INT)) return NULL;
        int32_t i = (int32_t)v.of.i;
        memcpy(to, &i, sizeof i);
        return HOB__LIKELY(i == v.of.i) ? behind : NULL;
    }
    case HOB__QUICK_DOUBLE:
        if (HOB__UNLIKELY(!(behind = read_near(d, p, &v)))) return NULL;
        if (HOB__UNLIKELY(v.head != HOB_JSON_DOUBLE)) v.of.d = (double)v.of.i;
        memcpy(to, &v.of.d, sizeof v.of.d);
        return behind;
    case HOB__QUICK_BOOL: {
        uint32_t word, yes, no; /* without a branch on which it is */
        memcpy(&word, p, 4);
        memcpy(&yes, "true", 4);
        memcpy(&no, "fals", 4);
        bool is = word == yes, is_not = (word == no) & (p[4] == 'e');
        memcpy(to, &is, sizeof is);
        return HOB__LIKELY(is | is_not) ? p + 4 + is_not : NULL;
    }
    case HOB__QUICK_TIME:
        /* Of the usual length: so that what comes next need not wait for where it ends. */
        if (HOB__UNLIKELY(*p != '"' || p[21] != '"')) return NULL;
        if (HOB__LIKELY(read_usual_time(p + 1, to))) return p + 22;
        return hob__time_read((const char *)p + 1, 20, to) ? p + 22 : NULL;
    case HOB__QUICK_SKIP:
        if (*p == '"') {
            unsigned n;
            if (HOB__LIKELY(wide_quoted(wide_load(p + 1), &n))) return p + n + 2;
            behind = skip_string(p + 1, d->end);
            return behind && hob__decode_utf8(d, behind) ? behind : NULL;
        }
        if (HOB__LIKELY(*p != '{' && *p != '[')) return skip_other(p, d->end);
        if (p[1] == *p + 2) return d->depth < d->most ? p + 2 : NULL; /* of nothing: {}, [] */
        return skip_any(d, p);
    default:
        return NULL;
    }
}

/* Of a pointer; without a value it stays NULL. */
TARGET static __attribute__((noinline)) const uint8_t *
read_one(struct hob__decoder *d, const struct hob__slot *s, const uint8_t *p, void *to) {
    void *one;
    if (*p == 'n') return memcmp(p, "null", 4) == 0 ? p + 4 : NULL;
    if (!(one = hob__arena_take(d->memory, s->item_size))) return NULL;
    const uint8_t *behind = read_quick(d, s->quick_items, p, one);
    if (HOB__LIKELY(behind != NULL)) memcpy(to, &one, sizeof one);
    return behind;
}

/* Is there an item more, as it was expected? Then where it begins; else NULL. */
HOB__WIDE const uint8_t *to_next_item(const struct hob__decoder *d, const struct hob__gap *gap,
                                      const uint8_t *p) {
    if (HOB__UNLIKELY(p > d->sight)) return NULL;
    if (HOB__LIKELY(*p == ',' && p[1] > ' ')) return p + 1;
    return is_gap(d, gap, p) ? p + gap->size : NULL;
}

/* As hob__decode_more_items(), of an array that has no frame. */
static __attribute__((noinline)) uint8_t *
more_items(struct hob__decoder *d, const struct hob__slot *s, uint8_t *items, size_t *room) {
    struct hob__decode_frame f = {.slot = s, .base = items, .room = *room, .most = SIZE_MAX};
    if (!hob__decode_more_items(d, &f)) return NULL;
    *room = f.room;
    return f.base;
}

/* An array of usual items, when all between them is as it was; the field is in `base`. */
TARGET static __attribute__((noinline)) const uint8_t *
read_array(struct hob__decoder *d, const struct hob__gap *g, const uint8_t *p, uint8_t *base) {
    enum { SOME = 4 /* items, for which there is room at first */ };
    const struct hob__slot *s = g->slot;
    const struct hob__gap *gap = g->inner;
    const unsigned quick = s->quick_items;
    const size_t each = s->item_size;
    const bool list = s->shape == HOB__SHAPE_LIST;
    uint8_t *items = list ? (uint8_t *)no_items : base + s->offset, *to = items;
    size_t room = s->items, count = 0;
    if (HOB__UNLIKELY(d->depth == d->most || !is_gap(d, gap, p))) return NULL;
    p += gap->size;
    if (gap->slot == &hob__gap_item && *p == ']') {
        p++;
    } else if (gap->slot == &hob__gap_item) {
        gap = g->first;
        if (list) {
            room = SOME;
            items = to = hob__arena_take(d->memory, room * each);
            if (HOB__UNLIKELY(!items)) return NULL;
        }
        const uint8_t *end = items + room * each;
        for (const uint8_t *next = p; next; to += each, count++) {
            if (HOB__UNLIKELY(to == end)) {
                if (!list || !(items = more_items(d, s, items, &room))) return NULL;
                to = items + count * each;
                end = items + room * each;
            }
            p = read_quick(d, quick, next, to);
            if (HOB__UNLIKELY(!p)) return NULL;
            next = to_next_item(d, gap, p);
        }
        if (HOB__UNLIKELY(p > d->sight)) return NULL;
        if (HOB__LIKELY(*p == ']'))
            p++;
        else if (is_gap(d, gap->next, p))
            p += gap->next->size;
        else
            return NULL;
        if (list && (const char *)end == d->memory->at)
            hob__arena_shrink(d->memory, items, room * each, (size_t)(to - items));
    }
    if (list) memcpy(base + s->offset, &items, sizeof items);
    if (s->shape == HOB__SHAPE_FIXED) return count == room ? p : NULL;
    *hob__count_at(s, base) = count;
    return p;
}

/* Behind the object of f, of whose fields those were `seen`: where the next one begins, if it is an
 * item of an array, nothing more has to be done for it and all is as it was; else NULL. Then f is
 * of this one. */
HOB__WIDE const uint8_t *next_object(const struct hob__decoder *d, struct hob__decode_frame *f,
                                     const uint8_t *p, uint64_t seen) {
    struct hob__decode_frame *array = f - 1;
    const struct hob__plan *plan = f->plan;
    if (array->plan || array->count + 1 >= array->room || array->items != plan) return NULL;
    uint64_t missing = (plan->required[0] & ~seen) | (plan->required[1] & ~f->seen[1]);
    if (HOB__UNLIKELY(missing) || plan->has_fallbacks || plan->check || array->slot->checked)
        return NULL;
    p = to_next_item(d, array->gap, p);
    if (HOB__UNLIKELY(!p || *p != '{')) return NULL;
    hob__decode_fetch(p);
    size_t each = array->slot->item_size;
    array->count++;
    f->begin = p;
    f->base += each;
    f->slot = NULL;
    f->next = plan->slots;
    f->seen[1] = 0;
    clear_few(f->base, each);
    return p;
}

/* Members of an object, and those of the next ones in an array, as long as each is as it was
 * expected and a usual one: behind the last one. *gap is the one that comes first, and then the one
 * that stands there, if its value is something else; NULL: it is not the expected one. */
TARGET static const uint8_t *read_members(struct hob__decoder *d, struct hob__decode_frame *f,
                                          const uint8_t *p, struct hob__gap **gap) {
    /* A jump of its own for each kind, which the processor learns to foresee. */
    static const void *const kinds[] = {
        [HOB__QUICK_NOT] = &&other,     [HOB__QUICK_STRING] = &&string,
        [HOB__QUICK_SLICE] = &&slice,   [HOB__QUICK_INT64] = &&int64,
        [HOB__QUICK_LONG] = &&long64,   [HOB__QUICK_INT32] = &&int32,
        [HOB__QUICK_DOUBLE] = &&real,   [HOB__QUICK_BOOL] = &&boolean,
        [HOB__QUICK_TIME] = &&time,     [HOB__QUICK_ONE] = &&one,
        [HOB__QUICK_ARRAY] = &&array,   [HOB__QUICK_DOUBLES] = &&other,
        [HOB__QUICK_SKIP] = &&no_field, [HOB__QUICK_END] = &&end,
    };
    struct hob__gap *last = f->gap, *g = *gap;
    const uint8_t *q, *value;
    uint8_t *base = f->base;
    uint64_t seen = f->seen[0];
    goto next;
end:
    value = next_object(d, f, p + g->size, seen);
    if (HOB__UNLIKELY(!value)) goto other;
    p = value;
    base = f->base;
    seen = 0;
    last = &hob__no_gap;
    g = f->around->inner;
    goto next;
string:
    q = read_quick(d, HOB__QUICK_STRING, value, base + g->offset);
    goto ready;
slice:
    q = read_quick(d, HOB__QUICK_SLICE, value, base + g->offset);
    goto ready;
int64 : {
    int64_t i;
    q = hob__json_read_short(value, &i);
    if (HOB__LIKELY(q != NULL)) {
        memcpy(base + g->offset, &i, sizeof i);
        goto read;
    }
    g->quick = HOB__QUICK_LONG; /* as the others will be, of this field */
}
long64:
    q = read_quick(d, HOB__QUICK_LONG, value, base + g->offset);
    goto ready;
int32:
    q = read_quick(d, HOB__QUICK_INT32, value, base + g->offset);
    goto ready;
real:
    q = read_quick(d, HOB__QUICK_DOUBLE, value, base + g->offset);
    goto ready;
boolean:
    q = read_quick(d, HOB__QUICK_BOOL, value, base + g->offset);
    goto ready;
time:
    q = read_quick(d, HOB__QUICK_TIME, value, base + g->offset);
    goto ready;
one:
    q = read_one(d, g->slot, value, base + g->offset);
    goto ready;
array:
    q = read_array(d, g, value, base);
    goto ready;
no_field:
    q = read_quick(d, HOB__QUICK_SKIP, value, NULL);
    if (HOB__UNLIKELY(!q)) goto other;
ready:
    if (HOB__UNLIKELY(!q)) {
        if (*value != 'n' || !may_be_null(g->slot, value)) goto other;
        q = value + 4;
    }
read:
    seen |= g->bit;
    p = q;
    last = g;
    g = g->next;
next:
    if (HOB__LIKELY(is_gap(d, g, p))) {
        value = p + g->size;
        if (HOB__UNLIKELY(seen & g->bit)) goto other;
        goto *kinds[g->quick];
    }
    g = NULL;
    if (last->slot != &hob__gap_skip) f->next = last->slot + 1;
other:
    f->seen[0] = seen;
    f->gap = last;
    *gap = g;
    return p;
}

/* Items of an array that are double[N]: as many as there is room for and as are usual. In front of
 * the first that is not read yet, or, *ended, behind the last. */
TARGET static __attribute__((noinline)) const uint8_t *
read_points(struct hob__decoder *d, struct hob__decode_frame *f, const uint8_t *p, bool *ended) {
    const struct hob__slot *s = f->item;
    const size_t each = f->slot->item_size, shift = f->shift;
    const bool has_more = each != s->items * sizeof(double);
    uint8_t *to = f->base + f->count * each, *const end = f->base + f->room * each;
    while (to < end && p <= d->sight) {
        if (HOB__UNLIKELY(has_more)) clear_few(to, each);
        const uint8_t *behind = read_doubles(d, s, p, to + shift), *next;
        if (HOB__UNLIKELY(!behind)) break;
        to += each;
        p = behind;
        next = to_next_item(d, f->gap, p);
        if (HOB__UNLIKELY(!next)) {
            *ended = true;
            break;
        }
        p = next;
    }
    f->count = (size_t)(to - f->base) / each;
    return p;
}

/* The same for single ones. */
TARGET static const uint8_t *read_items(struct hob__decoder *d, struct hob__decode_frame *f,
                                        const uint8_t *p, bool *ended) {
    const size_t each = f->slot->item_size;
    uint8_t *to = f->base + f->count * each;
    for (; f->count < f->room && p <= d->sight; to += each) {
        const uint8_t *behind = read_quick(d, f->quick, p, to), *next;
        if (HOB__UNLIKELY(!behind)) break;
        p = behind;
        f->count++;
        next = to_next_item(d, f->gap, p);
        if (!next) {
            *ended = true;
            break;
        }
        p = next;
    }
    return p;
}

#endif
