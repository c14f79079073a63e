/* data/model/decode_loop.h - JSON straight into structs, in one pass; included once for each kind
 * of processor, as wide.h.
 *
 * What belongs to no field is read all the same, so that exactly those texts are taken that
 * hob_json_check() takes. What does not fit the model is noted, with its path and its place, and
 * passed over. What is not JSON ends it: where and why, check.c says, which goes through the text
 * again. */
#include "data/model/decode_quick.h"

/* ---- frames ---- */

/* Of what is in f. */
HOB__WIDE struct hob__decode_frame *push(struct hob__decoder *d, struct hob__decode_frame *f,
                                         struct hob__gap *around, const uint8_t *p, uint8_t *to) {
    if (HOB__UNLIKELY(d->depth == d->limit)) {
        if (!hob__decode_more_frames(d)) return NULL;
        f = &d->frames[d->depth];
    }
    d->depth++;
    f++;
    f->around = around;
    f->begin = p;
    f->base = to;
    return f;
}

HOB__WIDE struct hob__decode_frame *push_object(struct hob__decoder *d, struct hob__decode_frame *f,
                                                struct hob__gap *around,
                                                const struct hob__plan *plan, const uint8_t *p,
                                                uint8_t *to) {
    f = push(d, f, around, p, to);
    if (HOB__UNLIKELY(!f)) return NULL;
    f->plan = plan;
    f->slot = NULL;
    f->gap = &hob__no_gap;
    f->next = plan->slots;
    if (HOB__UNLIKELY(plan->check)) f->problems = hob__problem_count(d);
    memset(f->seen, 0, sizeof f->seen);
    return f;
}

/* Items that are wrappers: of what, so that this need not be asked for each. 0 or -ENOMEM. */
static int unwrap(const struct hob__slot *s, struct hob__decode_frame *f) {
    const struct hob__plan *plan;
    f->item = NULL;
    f->shift = 0;
    f->quick = s->quick_items;
    f->items = NULL;
    while (s->kind == HOB__KIND_STRUCT && s->model->wrapper) {
        int rc = hob__plan_of(s->model, &plan);
        if (rc < 0) return rc;
        f->item = s = &plan->slots[0];
        f->shift += s->offset;
        if (s->shape == HOB__SHAPE_ONE) continue;
        if (s->doubles) f->quick = HOB__QUICK_DOUBLES;
        break;
    }
    return s->kind == HOB__KIND_STRUCT && !f->item ? hob__plan_of(s->model, &f->items) : 0;
}

TARGET static struct hob__decode_frame *
push_array(struct hob__decoder *d, struct hob__decode_frame *f, struct hob__gap *around,
           const struct hob__slot *s, const uint8_t *p, uint8_t *to) {
    f = push(d, f, around, p, to);
    if (HOB__UNLIKELY(!f)) return NULL;
    uint32_t most = s->field->o.max_items;
    f->plan = NULL;
    f->slot = s;
    f->at = to;
    f->count = 0;
    f->base = s->shape == HOB__SHAPE_LIST ? NULL : to;
    f->room = s->items; /* of a list: none */
    f->most = s->shape == HOB__SHAPE_LIST ? SIZE_MAX : s->items;
    if (most && most < f->most) f->most = most;
    f->gap = around->first;
    if (HOB__UNLIKELY(f->gap == &hob__no_gap)) f->gap = hob__gaps_of_array(d, around);
    d->rc = unwrap(s, f);
    return d->rc < 0 ? NULL : f;
}

static __attribute__((noinline)) void put_fallbacks(struct hob__decoder *d,
                                                    struct hob__decode_frame *f) {
    for (size_t i = 0; i < HOB_MODEL_FIELDS / 64; i++)
        for (uint64_t m = f->plan->fallback[i] & ~f->seen[i]; m; m &= m - 1) {
            const struct hob__slot *s = &f->plan->slots[i * 64 + (size_t)__builtin_ctzll(m)];
            if (hob__put_fallback(f->plan, s, f->base, d->memory) < 0) d->problems.rc = -ENOMEM;
        }
}

TARGET static void close_object(struct hob__decoder *d, struct hob__decode_frame *f) {
    const struct hob__plan *plan = f->plan;
    uint64_t missing = 0;
    for (size_t i = 0; i < HOB_MODEL_FIELDS / 64; i++) missing |= plan->required[i] & ~f->seen[i];
    if (HOB__UNLIKELY(missing)) hob__decode_note_missing(d, f);
    if (HOB__UNLIKELY(plan->has_fallbacks)) put_fallbacks(d, f);
    d->depth--;
    const char *why;
    if (HOB__UNLIKELY(plan->check) && hob__problem_count(d) == f->problems &&
        (why = plan->check(f->base)))
        hob__decode_note(d, f->begin, NULL, 0, "%s", why);
    const struct hob__slot *s = f[-1].slot;
    if (HOB__UNLIKELY(s->checked)) hob__decode_check(d, s, f->base, f->begin);
}

TARGET static void close_array(struct hob__decoder *d, struct hob__decode_frame *f) {
    const struct hob__slot *s = f->slot;
    size_t kept = f->count < f->most ? f->count : f->most;
    if (s->shape == HOB__SHAPE_LIST) {
        if (f->count == 0) f->base = (uint8_t *)no_items;
        hob__arena_shrink(d->memory, f->base, f->room * s->item_size, kept * s->item_size);
        memcpy(f->at, &f->base, sizeof f->base);
    }
    if (s->shape != HOB__SHAPE_FIXED) *hob__count_at(s, f->at - s->offset) = kept;
    d->depth--;
    if (HOB__UNLIKELY(s->array_checked || s->shape != HOB__SHAPE_LIST))
        hob__decode_check_array(d, f);
}

/* ---- names ---- */

/* A name that is not the expected one, from its quote on: behind its colon. *s is its field, or
 * hob__gap_skip; *quote is its closing quote. */
TARGET static __attribute__((noinline)) const uint8_t *
find_by_table(struct hob__decoder *d, const struct hob__decode_frame *f, const uint8_t *p,
              const struct hob__slot **s, const uint8_t **quote) {
    const uint8_t *name = p + 1;
    p = scan_plain(name, d->end);
    if (p == d->end) return fail(d, HOB_E_JSON);
    if (HOB__LIKELY(*p == '"')) {
        if (!hob__decode_utf8(d, p)) return NULL;
        *s = hob__plan_find(f->plan, (const char *)name, (size_t)(p - name),
                            (size_t)(d->end - name));
        p++;
    } else {
        struct hob_slice text;
        p = read_string(d, name, &text);
        if (!p) return NULL;
        *s = hob__plan_find(f->plan, text.at, text.size, text.size);
    }
    if (!*s) *s = &hob__gap_skip;
    *quote = p - 1;
    d->rc = HOB_E_JSON;
    TOKEN_OR(p, d->end, return NULL);
    return *p == ':' ? p + 1 : NULL;
}

/* Is the name behind the quote before p that of the slot, and a colon right behind it? */
HOB__WIDE bool is_name(const struct hob__slot *s, const uint8_t *p, const uint8_t *end) {
    size_t n = s->quoted_size, left = (size_t)(end - p);
    uint64_t head, tail;
    if (HOB__UNLIKELY(left < 8 || left < n)) return false;
    memcpy(&head, p, 8);
    if ((head ^ s->head) & s->head_mask) return false;
    if (n <= 8) return true;
    memcpy(&tail, p + n - 8, 8);
    return tail == s->tail && (n <= 16 || memcmp(p + 8, s->quoted + 8, n - 16) == 0);
}

static __attribute__((noinline)) void twice(struct hob__decoder *d, struct hob__decode_frame *f,
                                            const struct hob__slot *s, const uint8_t *name) {
    hob__clear_field(s, f->base);
    if (!d->o->last_wins) hob__decode_note(d, name, NULL, 0, "is there twice");
}

/* ---- values ---- */

/* What begins at p is not what the slot is of, as d->rc says: null for a field that may be so, or a
 * problem. */
TARGET static const uint8_t *mismatch(struct hob__decoder *d, const struct hob__slot *s,
                                      const uint8_t *p, uint8_t *to) {
    struct hob__decode_frame *f = d->depth ? &d->frames[d->depth] : NULL;
    bool noted = d->rc == HOB__NOTED;
    d->rc = HOB_E_JSON;
    if (f && f->plan && *p == 'n' && !noted && !f->slot->required) {
        hob__clear_field(f->slot, f->base);
        if (f->slot->presence) hob__set_presence(f->slot, f->base, HOB_NULL);
        return scan_word(p, d->end, "null", 4);
    }
    if (f && !f->plan && f->slot == s && s->kind != HOB__KIND_STRUCT) memset(to, 0, s->item_size);
    if (!noted) hob__decode_note_type(d, s, p, hob__is_array(s) && (!f || f->slot != s || f->plan));
    return skip_any(d, p);
}

/* Memory for the one that a pointer points to. */
TARGET static uint8_t *make_one(struct hob__decoder *d, const struct hob__slot *s, uint8_t *to) {
    void *one = hob_arena_alloc(d->memory, s->item_size);
    if (!one) return NULL;
    clear_few(one, s->item_size);
    memcpy(to, &one, sizeof one);
    return one;
}

TARGET static const uint8_t *decode(struct hob__decoder *d, const struct hob__slot *s,
                                    const uint8_t *p, uint8_t *to) {
    const uint8_t *const end = d->end, *name, *quote, *from;
    const struct hob__plan *plan;
    struct hob__decode_frame *f = d->frames;
    struct hob__gap *gap = &d->root; /* in front of the value */
    uint64_t *seen;
    d->rc = HOB_E_JSON;
#define TRY(call)                                                                                  \
    do {                                                                                           \
        p = (call);                                                                                \
        if (HOB__UNLIKELY(!p)) return NULL;                                                        \
    } while (0)
#define TOKEN() TOKEN_OR(p, end, goto not_json)
/* Behind a gap, where there is a byte: there may be more white space than there was. */
#define SPACE()                                                                                    \
    if (HOB__UNLIKELY(*p <= ' ')) TOKEN()
    TOKEN();
value:
    if (HOB__UNLIKELY(s->shape != HOB__SHAPE_ONE)) {
        if (hob__is_array(s)) goto array;
        if (*p == 'n' && d->depth > 0) goto null;
        if (*p == 'n') goto mismatch;
        to = make_one(d, s, to);
        if (!to) goto no_memory;
    }
    if (s->kind == HOB__KIND_STRUCT) {
        d->rc = hob__plan_of(s->model, &plan);
        if (HOB__UNLIKELY(d->rc < 0)) return NULL;
        if (HOB__UNLIKELY(s->model->wrapper)) {
            s = &plan->slots[0];
            to += s->offset;
            goto value;
        }
    object:
        if (HOB__UNLIKELY(*p != '{')) goto mismatch;
        f = push_object(d, f, gap, plan, p, to);
        if (HOB__UNLIKELY(!f)) return NULL;
        gap = gap->inner;
        goto members;
    }
scalar:
    name = p;
    p = read_scalar(d, s, p, to);
    if (HOB__UNLIKELY(!p)) {
        p = name;
        if (d->rc < 0) return NULL;
        if (*p == 'n' && s->plain && !s->required && d->rc == HOB__MISMATCH) goto null;
        goto mismatch;
    }
    if (HOB__LIKELY(s->plain)) goto after_member;
    if (HOB__UNLIKELY(s->checked)) hob__decode_check(d, s, to, name);
after:
    if (HOB__UNLIKELY(d->depth == 0)) return p;
    if (!f->plan) goto after_item;
after_member:
    gap = f->gap->next;
members:
    hob__decode_fetch(p);
    p = read_members(d, f, p, &gap);
    if (HOB__LIKELY(gap != NULL)) {
        name = p;
        p += gap->size;
        f->gap = gap;
        s = gap->slot;
        if (HOB__UNLIKELY(s == &hob__gap_end)) goto close_object;
        SPACE();
        if (HOB__UNLIKELY(s == &hob__gap_skip)) goto unknown;
        goto member;
    }
    if (HOB__UNLIKELY(hob__decode_may_see_more(d, p))) {
        if (!hob__decode_more_utf8(d, p)) return NULL;
        gap = p == f->begin ? f->around->inner : f->gap->next;
        goto members;
    }
    from = p;
    if (p == f->begin) {
        p++;
        TOKEN();
        if (*p != '}') goto name;
    } else {
        TOKEN();
        if (HOB__LIKELY(*p == ',')) {
            p++;
            TOKEN();
            goto name;
        }
        if (*p != '}') goto not_json;
    }
    p++;
    hob__gap_in_object(d, f, from == f->begin, from, p, &hob__gap_end, from);
close_object:
    close_object(d, f);
    goto closed;
name:
    if (HOB__UNLIKELY(*p != '"')) goto not_json;
    name = p;
    s = f->next;
    if (HOB__LIKELY(s != f->plan->behind && is_name(s, p + 1, end)))
        p += 1 + s->quoted_size;
    else
        TRY(find_by_table(d, f, p, &s, &quote));
    TOKEN();
    if (d->learns) hob__gap_in_object(d, f, from == f->begin, from, p, s, name);
    gap = f->gap;
    if (HOB__UNLIKELY(s == &hob__gap_skip)) {
        if (d->o->refuse_unknown) {
            f->slot = NULL;
            hob__decode_note(d, name, (const char *)name + 1, (size_t)(quote - name - 1),
                             "is not known");
        }
    unknown:
        d->rc = HOB_E_JSON;
        TRY(skip_any(d, p));
        goto after_member;
    }
    f->next = s + 1;
    name -= gap->quote;
member:
    f->slot = s;
    seen = &f->seen[s->index / 64];
    if (HOB__UNLIKELY(*seen & s->bit)) twice(d, f, s, name + gap->quote);
    *seen |= s->bit;
    to = f->base + s->offset;
    if (HOB__LIKELY(s->plain)) goto scalar;
    if (HOB__UNLIKELY(s->presence)) hob__set_presence(s, f->base, HOB_PRESENT);
    goto value;
array:
    if (s->doubles && p <= d->sight && (name = read_doubles(d, s, p, to))) {
        p = name;
        goto after;
    }
    if (HOB__UNLIKELY(*p != '[')) goto mismatch;
    f = push_array(d, f, gap, s, p, to);
    if (HOB__UNLIKELY(!f)) return NULL;
    d->rc = HOB_E_JSON;
    gap = gap->inner;
    if (HOB__LIKELY(is_gap(d, gap, p))) {
        p += gap->size;
        if (gap->slot == &hob__gap_end) goto close_array;
        SPACE();
        if (HOB__LIKELY(*p != ']')) goto item;
        p++;
        goto close_array;
    }
    from = p++;
    TOKEN();
    if (*p == ']') {
        p++;
        hob__gap_enters_array(d, f->around, from, p, true);
        goto close_array;
    }
    hob__gap_enters_array(d, f->around, from, p, false);
    goto item;
after_item:
    f->count++;
behind_item:
    gap = f->gap;
    if (is_gap(d, gap, p) || is_gap(d, gap = gap->next, p)) {
        p += gap->size;
        if (HOB__UNLIKELY(gap->slot == &hob__gap_end)) goto close_array;
        SPACE();
        goto item;
    }
    from = p;
    TOKEN();
    if (HOB__LIKELY(*p == ',')) {
        p++;
        TOKEN();
        hob__gap_in_array(f->gap, from, p);
        goto item;
    }
    if (*p != ']') goto not_json;
    p++;
    hob__gap_in_array(f->gap->next, from, p);
close_array:
    close_array(d, f);
closed:
    f--;
    goto after;
item:
    if (HOB__UNLIKELY(hob__decode_may_see_more(d, p)) && !hob__decode_more_utf8(d, p)) return NULL;
    s = f->slot;
    gap = f->gap;
    if (HOB__UNLIKELY(f->count >= f->room)) {
        if (f->count >= f->most) {
            d->rc = HOB_E_JSON;
            TRY(skip_any(d, p));
            goto after;
        }
        if (!hob__decode_more_items(d, f)) goto no_memory;
    }
    if (f->quick) {
        bool ended = false;
        p = f->quick == HOB__QUICK_DOUBLES ? read_points(d, f, p, &ended)
                                           : read_items(d, f, p, &ended);
        if (ended) goto behind_item;
        TOKEN();
        if (HOB__UNLIKELY(f->count >= f->room)) goto item;
    }
    to = f->base + f->count * s->item_size;
    if (s->kind != HOB__KIND_STRUCT) goto scalar;
    clear_few(to, s->item_size);
    if (HOB__LIKELY((plan = f->items) != NULL)) goto object;
    s = f->item;
    to += f->shift;
    goto value;
null:
    d->rc = HOB_E_JSON;
    TRY(scan_word(p, end, "null", 4));
    if (HOB__UNLIKELY(s->presence)) hob__set_presence(s, f->base, HOB_NULL);
    goto after_member;
mismatch:
    if (d->rc != HOB__NOTED) d->rc = HOB__MISMATCH;
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
#undef SPACE
}
