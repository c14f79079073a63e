/* data/model/walk.c - going through a struct by its model. */
#include "data/model/walk.h"

#include <math.h>

#include "base/memory.h"
#include "data/number.h"
#include "data/scan.h"

void hob__root_slot(struct hob__root *r, const struct hob_model *model, bool array) {
    memset(r, 0, sizeof *r);
    r->field.size = array ? sizeof(void *) : (uint32_t)model->size;
    r->slot.kind = HOB__KIND_STRUCT;
    r->slot.shape = array ? HOB__SHAPE_LIST : HOB__SHAPE_ONE;
    r->slot.required = true;
    r->slot.item_size = (uint32_t)model->size;
    r->slot.count_offset = sizeof(void *);
    r->slot.model = model;
    r->slot.field = &r->field;
    r->slot.name = "";
}

void hob__walk_begin(struct hob__walk *w, const struct hob__slot *root, const void *whole) {
    memset(w, 0, offsetof(struct hob__walk, some));
    w->frames = w->some;
    w->room = HOB__WALK_FRAMES;
    w->slot = root;
    w->at = (const char *)whole + root->offset;
    w->first = true;
}

void hob__walk_end(struct hob__walk *w) {
    if (w->frames != w->some) hob__free(w->frames);
    w->frames = w->some;
}

void hob__walk_path(const struct hob__walk *w, struct hob__path *path) {
    hob__path_begin(path);
    for (unsigned i = w->depth; i-- > 0;) {
        const struct hob__walk_frame *f = &w->frames[i];
        if (!f->plan && f->i > 0)
            hob__path_index(path, f->i - 1);
        else if (f->plan && f->slot)
            hob__path_name(path, f->slot->name, f->slot->name_size);
    }
}

static struct hob__walk_frame *push(struct hob__walk *w, int *rc) {
    if (w->depth == HOB__JSON_DEPTH) {
        *rc =
            hob_fail(HOB_E_LIMIT, "more than %d objects and arrays in each other", HOB__JSON_DEPTH);
        return NULL;
    }
    if (w->depth == w->room) {
        size_t size = w->room * 4 * sizeof *w->frames;
        struct hob__walk_frame *frames =
            hob__realloc(w->frames == w->some ? NULL : w->frames, size);
        if (!frames) {
            *rc = hob_fail(-ENOMEM, "no memory for so many levels");
            return NULL;
        }
        if (w->frames == w->some) memcpy(frames, w->some, sizeof w->some);
        w->frames = frames;
        w->room *= 4;
    }
    struct hob__walk_frame *f = &w->frames[w->depth++];
    f->i = 0;
    f->of = w->slot;
    return f;
}

static int begin_array(struct hob__walk *w, const void *field) {
    const struct hob__slot *s = w->slot;
    const char *items = field;
    size_t count = s->items;
    if (s->shape != HOB__SHAPE_FIXED)
        count = *hob__count_at(s, (char *)(uintptr_t)field - s->offset);
    if (s->shape == HOB__SHAPE_LIST) items = *(const char *const *)field;
    if ((count > 0 && !items) || (s->shape == HOB__SHAPE_UP_TO && count > s->items))
        return HOB__WALK_MISSING;
    int rc = 0;
    struct hob__walk_frame *f = push(w, &rc);
    if (!f) return rc;
    f->plan = NULL;
    f->slot = s;
    f->base = items;
    f->count = count;
    w->at = items;
    w->count = count;
    return HOB__WALK_ARRAY;
}

/* One value of the slot, at w->at. */
static int begin_one(struct hob__walk *w) {
    const struct hob__slot *s = w->slot;
    if (s->kind == HOB__KIND_STRUCT) {
        const struct hob__plan *plan;
        int rc = hob__plan_of(s->model, &plan);
        if (rc < 0) return rc;
        if (s->model->wrapper) {
            w->slot = &plan->slots[0];
            w->at = (const char *)w->at + w->slot->offset;
            return w->slot->shape == HOB__SHAPE_ONE ? begin_one(w) : begin_array(w, w->at);
        }
        struct hob__walk_frame *f = push(w, &rc);
        if (!f) return rc;
        f->plan = plan;
        f->slot = NULL;
        f->base = w->at;
        return HOB__WALK_OBJECT;
    }
    bool nothing = s->kind == HOB__KIND_STRING && *(char *const *)w->at == NULL;
    if (s->kind == HOB__KIND_SLICE) {
        const struct hob_slice *text = w->at;
        nothing = !text->at && text->size > 0;
    } else if (s->kind == HOB__KIND_BYTES) {
        const struct hob_bytes *bytes = w->at;
        nothing = !bytes->at && bytes->size > 0;
    } else if (s->kind == HOB__KIND_RAW) {
        nothing = ((const struct hob_raw *)w->at)->at == NULL;
    }
    return nothing ? HOB__WALK_MISSING : HOB__WALK_VALUE;
}

static int begin_value(struct hob__walk *w) {
    if (hob__is_array(w->slot)) return begin_array(w, w->at);
    if (w->slot->shape == HOB__SHAPE_POINTER) {
        w->at = *(const void *const *)w->at;
        if (!w->at) return HOB__WALK_NULL; /* its presence member says that it is there */
    }
    return begin_one(w);
}

/* The frame ends. */
static int leave(struct hob__walk *w, const struct hob__walk_frame *f) {
    w->depth--;
    w->field = NULL;
    w->slot = f->of;
    w->at = f->base;
    w->count = f->count;
    return f->plan ? HOB__WALK_OBJECT_END : HOB__WALK_ARRAY_END;
}

int hob__walk_next(struct hob__walk *w) {
    if (!w->begun) {
        w->begun = true;
        return begin_value(w);
    }
    if (w->depth == 0) return HOB__WALK_END;
    struct hob__walk_frame *f = &w->frames[w->depth - 1];
    if (!f->plan) {
        w->first = f->i == 0;
        if (f->i == f->count) return leave(w, f);
        w->slot = f->slot;
        w->field = NULL;
        w->at = f->base + f->i++ * f->slot->item_size;
        return begin_one(w);
    }
    for (const struct hob__slot *s = f->slot ? f->slot + 1 : f->plan->slots; s < f->plan->behind;
         s++) {
        bool null;
        if (!hob__is_there(s, f->base, &null)) continue;
        w->first = f->i++ == 0;
        f->slot = w->slot = w->field = s;
        w->at = f->base + s->offset;
        return null ? HOB__WALK_NULL : begin_value(w);
    }
    f->slot = NULL;
    return leave(w, f);
}

/* ---- single values ---- */

struct hob_slice hob__text_of(const struct hob__slot *s, const void *value, char *buf) {
    switch (s->kind) {
    case HOB__KIND_STRING: {
        const char *text = *(const char *const *)value;
        return (struct hob_slice){text, strlen(text)};
    }
    case HOB__KIND_CHARS:
        return (struct hob_slice){value, strnlen(value, s->item_size)};
    case HOB__KIND_SLICE: {
        const struct hob_slice *text = value;
        return (struct hob_slice){text->at ? text->at : "", text->size};
    }
    case HOB__KIND_RAW: {
        const struct hob_raw *raw = value;
        return (struct hob_slice){raw->at, raw->size};
    }
    case HOB__KIND_TIME:
        return (struct hob_slice){buf, hob__time_write(*(const struct hob_time *)value, buf)};
    case HOB__KIND_UUID:
        return (struct hob_slice){buf, hob__uuid_write(value, buf)};
    case HOB__KIND_BOOL:
        return *(const bool *)value ? (struct hob_slice){"true", 4}
                                    : (struct hob_slice){"false", 5};
    case HOB__KIND_FLOAT:
    case HOB__KIND_DOUBLE: {
        double d =
            s->kind == HOB__KIND_FLOAT ? (double)*(const float *)value : *(const double *)value;
        return (struct hob_slice){buf, hob__json_write_double(d, buf)};
    }
    default: {
        if (s->has_choices) {
            const char *name = hob__choice_name(s, value);
            return (struct hob_slice){name, name ? strlen(name) : 0};
        }
        size_t n = s->kind >= HOB__KIND_UINT8
                       ? hob__json_write_uint(hob__load_uint(s->kind, value), buf)
                       : hob__json_write_int(hob__load_int(s->kind, value), buf);
        return (struct hob_slice){buf, n};
    }
    }
}

const char *hob__unwritable(const struct hob__slot *s, const void *value) {
    char buf[HOB__SCALAR_ROOM];
    switch (s->kind) {
    case HOB__KIND_STRING:
    case HOB__KIND_CHARS:
    case HOB__KIND_SLICE: {
        struct hob_slice text = hob__text_of(s, value, buf);
        return hob__utf8_is((const uint8_t *)text.at, text.size) ? NULL : "is not UTF-8";
    }
    case HOB__KIND_RAW: {
        const struct hob_raw *raw = value;
        bool ok = hob__scan_is_json((const uint8_t *)raw->at, raw->size);
        return ok ? NULL : "is not JSON";
    }
    case HOB__KIND_TIME:
        return hob__time_write(*(const struct hob_time *)value, buf)
                   ? NULL
                   : "is not between the years 0 and 9999";
    case HOB__KIND_FLOAT:
        return isfinite(*(const float *)value) ? NULL : "is not a finite number";
    case HOB__KIND_DOUBLE:
        return isfinite(*(const double *)value) ? NULL : "is not a finite number";
    default:
        if (s->has_choices && !hob__choice_name(s, value)) return "is none of the choices";
        return NULL;
    }
}
