/* data/model/schema.c - models as JSON Schema (draft 2020-12). */
#include "data/model/model.h"

#include <hob/json_builder.h>
#include <stdio.h>

#include "base/memory.h"

struct schema {
    struct hob_json_builder *b;
    const char *refs;                /* in front of a model's name: "#/$defs/" */
    const struct hob_model **models; /* the root, and those that are spoken of: in $defs */
    size_t count, room;
    int rc; /* -ENOMEM: a model could not be remembered */
};

/* The model's number; a new one is put behind the others. Or -ENOMEM. */
static int number_of(struct schema *s, const struct hob_model *model) {
    for (size_t i = 0; i < s->count; i++)
        if (s->models[i] == model) return (int)i;
    if (s->count == s->room) {
        size_t room = s->room ? 2 * s->room : 16;
        const struct hob_model **models = hob__realloc(s->models, room * sizeof *models);
        if (!models) return -ENOMEM;
        s->models = models;
        s->room = room;
    }
    s->models[s->count] = model;
    return (int)s->count++;
}

/* Two models may have the same name: then the later one has its number behind it. */
static void name_of(const struct schema *s, size_t number, char *out, size_t room) {
    const char *name = s->models[number]->name;
    bool again = false;
    for (size_t i = 1; i < number; i++) again |= strcmp(s->models[i]->name, name) == 0;
    if (again)
        snprintf(out, room, "%s_%zu", name, number);
    else
        snprintf(out, room, "%s", name);
}

static void put_text(struct schema *s, const char *name, const char *text) {
    hob_json_name(s->b, name);
    hob_json_put_string(s->b, text);
}

static void put_type(struct schema *s, const char *type, bool null) {
    hob_json_name(s->b, "type");
    if (!null) {
        hob_json_put_string(s->b, type);
        return;
    }
    hob_json_begin_array(s->b);
    hob_json_put_string(s->b, type);
    hob_json_put_string(s->b, "null");
    hob_json_end_array(s->b);
}

static void put_count(struct schema *s, const char *name, uint64_t n) {
    if (n == 0) return;
    hob_json_name(s->b, name);
    hob_json_put_uint(s->b, n);
}

static void put_bound(struct schema *s, const char *name, const char *open_name,
                      const struct hob_bound *b) {
    hob_json_name(s->b, b->open ? open_name : name);
    if ((double)b->i == b->d && b->i != INT64_MAX)
        hob_json_put_int(s->b, b->i);
    else
        hob_json_put_double(s->b, b->d);
}

static void put_integer(struct schema *s, const struct hob__slot *slot) {
    const struct hob_field_options *o = &slot->field->o;
    bool has_sign = slot->kind < HOB__KIND_UINT8;
    unsigned bits = 8 * slot->item_size;
    if (o->min.is) {
        put_bound(s, "minimum", "exclusiveMinimum", &o->min);
    } else if (!has_sign || bits < 64) {
        hob_json_name(s->b, "minimum");
        hob_json_put_int(s->b, has_sign ? -(INT64_C(1) << (bits - 1)) : 0);
    }
    if (o->max.is) {
        put_bound(s, "maximum", "exclusiveMaximum", &o->max);
    } else if (bits < 64) {
        hob_json_name(s->b, "maximum");
        hob_json_put_int(s->b, (INT64_C(1) << (has_sign ? bits - 1 : bits)) - 1);
    }
}

static void put_number(struct schema *s, const struct hob__slot *slot) {
    const struct hob_field_options *o = &slot->field->o;
    if (slot->kind <= HOB__KIND_UINT64) {
        put_integer(s, slot);
    } else {
        if (o->min.is) put_bound(s, "minimum", "exclusiveMinimum", &o->min);
        if (o->max.is) put_bound(s, "maximum", "exclusiveMaximum", &o->max);
    }
    if (o->multiple_of == 0) return;
    const struct hob_bound b = HOB__BOUND(o->multiple_of, false);
    put_bound(s, "multipleOf", "", &b);
}

static void put_choices(struct schema *s, const struct hob__slot *slot, bool null) {
    put_type(s, "string", null);
    hob_json_name(s->b, "enum");
    hob_json_begin_array(s->b);
    for (const struct hob_choice *c = slot->field->o.choices; c->name; c++)
        hob_json_put_string(s->b, c->name);
    if (null) hob_json_put_null(s->b);
    hob_json_end_array(s->b);
}

static void put_string(struct schema *s, const struct hob__slot *slot) {
    const struct hob_field_options *o = &slot->field->o;
    put_count(s, "minLength", o->min_length);
    uint32_t most = o->max_length;
    if (slot->kind == HOB__KIND_CHARS && (most == 0 || most > slot->item_size - 1))
        most = slot->item_size - 1;
    put_count(s, "maxLength", most);
    if (o->pattern) put_text(s, "pattern", o->pattern);
    if (o->format) put_text(s, "format", o->format);
}

static void put_ref(struct schema *s, const struct hob__slot *slot) {
    int number = number_of(s, slot->model);
    if (number < 0) {
        s->rc = number;
        return;
    }
    char name[256], ref[512];
    name_of(s, (size_t)number, name, sizeof name);
    if (number == 0 && strcmp(s->refs, "#/$defs/") == 0)
        snprintf(ref, sizeof ref, "#");
    else
        snprintf(ref, sizeof ref, "%s%s", s->refs, name);
    put_text(s, "$ref", ref);
}

/* The members of the schema of one value; the object is open. */
static void put_one(struct schema *s, const struct hob__slot *slot, bool null) {
    switch (slot->kind) {
    case HOB__KIND_BOOL:
        put_type(s, "boolean", null);
        break;
    case HOB__KIND_FLOAT:
    case HOB__KIND_DOUBLE:
        put_type(s, "number", null);
        put_number(s, slot);
        break;
    case HOB__KIND_STRING:
    case HOB__KIND_CHARS:
    case HOB__KIND_SLICE:
        put_type(s, "string", null);
        put_string(s, slot);
        break;
    case HOB__KIND_BYTES:
        put_type(s, "string", null);
        put_text(s, "contentEncoding", "base64");
        break;
    case HOB__KIND_TIME:
        put_type(s, "string", null);
        put_text(s, "format", "date-time");
        break;
    case HOB__KIND_UUID:
        put_type(s, "string", null);
        put_text(s, "format", "uuid");
        break;
    case HOB__KIND_RAW:
        break;
    case HOB__KIND_STRUCT:
        put_ref(s, slot);
        break;
    default:
        if (slot->has_choices) {
            put_choices(s, slot, null);
        } else {
            put_type(s, "integer", null);
            put_number(s, slot);
        }
    }
}

static void put_array(struct schema *s, const struct hob__slot *slot, bool null) {
    const struct hob_field_options *o = &slot->field->o;
    put_type(s, "array", null);
    hob_json_name(s->b, "items");
    hob_json_begin_object(s->b);
    put_one(s, slot, false);
    hob_json_end_object(s->b);
    uint64_t least = o->min_items, most = o->max_items;
    if (slot->shape == HOB__SHAPE_FIXED) least = most = slot->items;
    if (slot->shape == HOB__SHAPE_UP_TO && (most == 0 || most > slot->items)) most = slot->items;
    put_count(s, "minItems", least);
    put_count(s, "maxItems", most);
    if (!o->unique) return;
    hob_json_name(s->b, "uniqueItems");
    hob_json_put_bool(s->b, true);
}

static void put_field(struct schema *s, const struct hob__slot *slot) {
    bool null = !slot->required;
    const char *fallback = slot->field->o.fallback;
    if (slot->field->o.description) put_text(s, "description", slot->field->o.description);
    if (fallback) {
        hob_json_name(s->b, "default");
        hob_json_put_raw(s->b, fallback, strlen(fallback));
    }
    if (hob__is_array(slot)) {
        put_array(s, slot, null);
    } else if (slot->kind == HOB__KIND_STRUCT && null) {
        hob_json_name(s->b, "anyOf");
        hob_json_begin_array(s->b);
        hob_json_begin_object(s->b);
        put_ref(s, slot);
        hob_json_end_object(s->b);
        hob_json_begin_object(s->b);
        put_type(s, "null", false);
        hob_json_end_object(s->b);
        hob_json_end_array(s->b);
    } else {
        put_one(s, slot, null);
    }
}

/* The members of a model's schema; the object is open. */
static int put_model(struct schema *s, const struct hob_model *model) {
    const struct hob__plan *plan;
    HOB_TRY(hob__plan_of(model, &plan));
    put_text(s, "title", model->name);
    if (model->wrapper) {
        put_field(s, &plan->slots[0]);
        return 0;
    }
    bool any = false;
    put_type(s, "object", false);
    hob_json_name(s->b, "properties");
    hob_json_begin_object(s->b);
    for (const struct hob__slot *slot = plan->slots; slot < plan->behind; slot++) {
        hob_json_name(s->b, slot->name);
        hob_json_begin_object(s->b);
        put_field(s, slot);
        hob_json_end_object(s->b);
        any |= !slot->may_miss;
    }
    hob_json_end_object(s->b);
    if (!any) return 0;
    hob_json_name(s->b, "required");
    hob_json_begin_array(s->b);
    for (const struct hob__slot *slot = plan->slots; slot < plan->behind; slot++)
        if (!slot->may_miss) hob_json_put_string(s->b, slot->name);
    hob_json_end_array(s->b);
    return 0;
}

static int put_document(struct schema *s, const struct hob_model *model) {
    char name[256];
    if (number_of(s, model) < 0) return hob_fail(-ENOMEM, "no memory for a schema");
    hob_json_begin_object(s->b);
    put_text(s, "$schema", "https://json-schema.org/draft/2020-12/schema");
    HOB_TRY(put_model(s, model));
    for (size_t i = 1; i < s->count; i++) { /* more may be spoken of on the way */
        if (i == 1) {
            hob_json_name(s->b, "$defs");
            hob_json_begin_object(s->b);
        }
        name_of(s, i, name, sizeof name);
        hob_json_name(s->b, name);
        hob_json_begin_object(s->b);
        HOB_TRY(put_model(s, s->models[i]));
        hob_json_end_object(s->b);
    }
    if (s->count > 1) hob_json_end_object(s->b);
    if (s->rc < 0) return hob_fail(s->rc, "no memory for a schema");
    return hob_json_end_object(s->b);
}

int hob_model_schema(const struct hob_model *model, unsigned indent, char **text, size_t *size) {
    HOB_JSON_BUILDER(b);
    struct schema s = {.refs = "#/$defs/"};
    struct hob_slice made;
    *text = NULL;
    HOB_TRY(hob_json_builder_new(&b, .indent = indent));
    s.b = b;
    int rc = put_document(&s, model);
    hob__free(s.models);
    if (rc == 0) rc = hob_json_finish(b, &made);
    if (rc < 0) return rc;
    char *copy = hob__alloc(made.size + 1);
    if (!copy) return hob_fail(-ENOMEM, "no memory for a schema");
    memcpy(copy, made.at, made.size + 1);
    *text = copy;
    if (size) *size = made.size;
    return 0;
}

int hob_model_put_schema(struct hob_json_builder *b, const struct hob_model *model,
                         const char *refs) {
    struct schema s = {.b = b, .refs = refs};
    int rc = number_of(&s, model);
    HOB_TRY(hob_json_begin_object(b));
    if (rc == 0) rc = put_model(&s, model);
    hob__free(s.models);
    if (rc >= 0) rc = s.rc;
    if (rc < 0) return hob_fail(rc, "no memory for a schema");
    return hob_json_end_object(b);
}
