/* data/model/copy.c - structs with all that they point to, once more; and the values of fields that
 * are not there.
 *
 * A struct is copied as it is, byte for byte; then each of its fields gets a copy of what it points
 * to. What is nested waits on a list until its turn, so that nothing calls itself. */
#include <hob/error.h>
#include <hob/task.h>

#include "base/memory.h"
#include "data/arena.h"
#include "data/model/model.h"

/* Structs that are copied, but still point to what the others point to. */
struct part {
    const struct hob__plan *plan;
    char *structs;
    size_t count;
    unsigned depth;
};

struct copier {
    struct hob_arena *memory;
    struct part *parts;
    size_t count, room;
    struct part some[16];
};

static int wait_for(struct copier *c, const struct hob_model *model, void *structs, size_t count,
                    unsigned depth) {
    const struct hob__plan *plan;
    HOB_TRY(hob__plan_of(model, &plan));
    if (depth > HOB__JSON_DEPTH)
        return hob_fail(HOB_E_LIMIT, "more than %d structs in each other", HOB__JSON_DEPTH);
    if (c->count == c->room) {
        bool first = c->parts == c->some;
        struct part *parts = hob__realloc(first ? NULL : c->parts, 4 * c->room * sizeof *parts);
        if (!parts) return hob_fail(-ENOMEM, "no memory for a copy");
        if (first) memcpy(parts, c->some, sizeof c->some);
        c->parts = parts;
        c->room *= 4;
    }
    c->parts[c->count++] = (struct part){plan, structs, count, depth};
    return 0;
}

/* n bytes of what *at points to, aligned; NULL stays NULL. */
static int move(struct copier *c, void *at, size_t n) {
    void *was, *is;
    memcpy(&was, at, sizeof was);
    if (!was) return 0;
    is = hob_arena_alloc(c->memory, n);
    if (!is) return hob_fail(-ENOMEM, "no memory for a copy");
    if (n) memcpy(is, was, n);
    memcpy(at, &is, sizeof is);
    return 0;
}

/* The same of bytes, with a NUL behind them. */
static int move_text(struct copier *c, void *at, size_t n) {
    const char *was;
    memcpy(&was, at, sizeof was);
    if (!was) return 0;
    char *is = hob_arena_copy(c->memory, was, n);
    if (!is) return hob_fail(-ENOMEM, "no memory for a copy");
    memcpy(at, &is, sizeof is);
    return 0;
}

/* `count` values of the slot's type. */
static int move_values(struct copier *c, const struct hob__slot *s, char *values, size_t count,
                       unsigned depth) {
    if (s->kind == HOB__KIND_STRUCT)
        return count ? wait_for(c, s->model, values, count, depth + 1) : 0;
    if (s->kind != HOB__KIND_STRING && s->kind != HOB__KIND_SLICE && s->kind != HOB__KIND_BYTES &&
        s->kind != HOB__KIND_RAW)
        return 0;
    for (size_t i = 0; i < count; i++) {
        char *at = values + i * s->item_size;
        const char *text;
        memcpy(&text, at, sizeof text);
        size_t n;
        if (s->kind == HOB__KIND_STRING) {
            n = text ? strlen(text) : 0;
        } else {
            _Static_assert(offsetof(struct hob_slice, size) == offsetof(struct hob_bytes, size) &&
                               offsetof(struct hob_slice, size) == offsetof(struct hob_raw, size),
                           "they are alike");
            memcpy(&n, at + offsetof(struct hob_slice, size), sizeof n);
        }
        HOB_TRY(move_text(c, at, n));
    }
    return 0;
}

/* What a field of the struct points to. */
static int move_field(struct copier *c, const struct hob__slot *s, char *whole, unsigned depth) {
    char *at = whole + s->offset;
    void *one;
    size_t count = s->items;
    switch (s->shape) {
    case HOB__SHAPE_ONE:
        return move_values(c, s, at, 1, depth);
    case HOB__SHAPE_POINTER:
        HOB_TRY(move(c, at, s->item_size));
        memcpy(&one, at, sizeof one);
        return one ? move_values(c, s, one, 1, depth) : 0;
    case HOB__SHAPE_FIXED:
        return move_values(c, s, at, count, depth);
    default:
        count = *hob__count_at(s, whole);
    }
    if (s->shape == HOB__SHAPE_UP_TO) {
        if (count > s->items)
            return hob_fail(HOB_E_MODEL, "the field '%s': at most %u items, not %zu", s->name,
                            s->items, count);
        return move_values(c, s, at, count, depth);
    }
    memcpy(&one, at, sizeof one);
    if (!one && count > 0)
        return hob_fail(HOB_E_MODEL, "the field '%s': NULL instead of %zu items", s->name, count);
    HOB_TRY(move(c, at, count * s->item_size));
    memcpy(&one, at, sizeof one);
    return one ? move_values(c, s, one, count, depth) : 0;
}

static int move_struct(struct copier *c, const struct hob__plan *plan, char *whole,
                       unsigned depth) {
    for (const struct hob__slot *s = plan->slots; s < plan->behind; s++) {
        bool null;
        if (plan->model->wrapper || (hob__is_there(s, whole, &null) && !null)) {
            HOB_TRY(move_field(c, s, whole, depth));
        } else {
            hob__clear_field(s, whole); /* by its presence member: who knows what is there */
            if (!null && s->field->o.fallback)
                HOB_TRY(hob__put_fallback(plan, s, whole, c->memory));
        }
    }
    return 0;
}

/* All that is on the list, or is put there meanwhile. */
static int work(struct copier *c) {
    while (c->count > 0) {
        struct part part = c->parts[--c->count];
        for (size_t i = 0; i < part.count; i++)
            HOB_TRY(
                move_struct(c, part.plan, part.structs + i * part.plan->model->size, part.depth));
    }
    return 0;
}

static int copy(struct copier *c,
                int (*begin)(struct copier *c, const struct hob__slot *s, char *whole,
                             unsigned depth),
                const struct hob__slot *s, void *whole, struct hob_arena *memory) {
    c->memory = memory;
    c->parts = c->some;
    c->count = 0;
    c->room = sizeof c->some / sizeof *c->some;
    int rc = begin(c, s, whole, 0);
    if (rc >= 0) rc = work(c);
    if (c->parts != c->some) hob__free(c->parts);
    return rc;
}

int hob_model_copy_with(const struct hob_model *model, void *out, const void *in,
                        struct hob_arena *memory) {
    struct copier c;
    struct hob__root root;
    if (!memory) hob__misuse("hob_model_copy", "the arena is NULL");
    hob__root_slot(&root, model, false);
    memmove(out, in, model->size);
    int rc = copy(&c, move_field, &root.slot, out, memory);
    if (rc < 0) memset(out, 0, model->size);
    return rc;
}

/* ---- values of fields that are not there ---- */

enum { IN_EACH_OTHER = 16 /* models whose values are needed for each other's */ };

/* A struct of the model in which all fields are that have one. */
static int make_fallbacks(const struct hob__plan *plan, struct hob__fallbacks **made) {
    static _Thread_local unsigned level;
    const struct hob_decode_options o = {.refuse_unknown = true};
    *made = NULL;
    struct hob__fallbacks *f = hob__alloc_zero(sizeof *f + plan->model->size);
    if (!f) return -ENOMEM;
    int rc = 0;
    if (++level > IN_EACH_OTHER)
        hob__misuse("HOB_MODEL", "%s: values of missing fields that are needed for themselves",
                    plan->model->name);
    for (const struct hob__slot *s = plan->slots; s < plan->behind && rc == 0; s++) {
        const char *text = s->field->o.fallback;
        if (!text) continue;
        rc = hob__decode_field(s, f->whole, text, strlen(text), &f->memory, &o);
        if (rc < 0 && rc != -ENOMEM)
            hob__misuse("HOB_MODEL", "%s, field '%s': HOB_DEFAULT(%s): %s", plan->model->name,
                        s->name, text, hob_error() ? hob_error()->message : "");
    }
    level--;
    if (rc < 0) {
        hob__fallbacks_free(f);
        return rc;
    }
    *made = f;
    return 0;
}

void hob__fallbacks_free(struct hob__fallbacks *f) {
    if (!f) return;
    hob_arena_free(&f->memory);
    hob__free(f);
}

int hob__put_fallback(const struct hob__plan *plan, const struct hob__slot *s, void *whole,
                      struct hob_arena *memory) {
    struct hob__fallbacks *f = __atomic_load_n(&plan->fallbacks, __ATOMIC_ACQUIRE), *none = NULL;
    if (!f) {
        HOB_TRY(make_fallbacks(plan, &f));
        /* The plan is one for all threads. */
        struct hob__fallbacks **at = (struct hob__fallbacks **)(uintptr_t)&plan->fallbacks;
        if (!__atomic_compare_exchange_n(at, &none, f, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
            hob__fallbacks_free(f);
            f = none;
        }
    }
    memcpy((char *)whole + s->offset, f->whole + s->offset, s->field->size);
    if (s->shape == HOB__SHAPE_LIST || s->shape == HOB__SHAPE_UP_TO)
        *hob__count_at(s, whole) = *hob__count_at(s, f->whole);
    if (s->quick && s->kind < HOB__KIND_STRING && s->shape == HOB__SHAPE_ONE) return 0;
    struct copier c;
    return copy(&c, move_field, s, whole, memory);
}
