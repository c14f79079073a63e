/* data/model/plan.c - from a model's table to what the engines want: slots with the names ready to
 * be compared and written, and a hash table of the names. */
#include "data/model/model.h"

#include <hob/task.h>
#include <string.h>

#include "base/memory.h"

static size_t item_size(const struct hob_field *f) {
    static const uint8_t sizes[] = {[HOB__KIND_BOOL] = sizeof(bool),
                                    [HOB__KIND_INT8] = 1,
                                    [HOB__KIND_INT16] = 2,
                                    [HOB__KIND_INT32] = 4,
                                    [HOB__KIND_INT64] = 8,
                                    [HOB__KIND_UINT8] = 1,
                                    [HOB__KIND_UINT16] = 2,
                                    [HOB__KIND_UINT32] = 4,
                                    [HOB__KIND_UINT64] = 8,
                                    [HOB__KIND_FLOAT] = sizeof(float),
                                    [HOB__KIND_DOUBLE] = sizeof(double),
                                    [HOB__KIND_STRING] = sizeof(char *),
                                    [HOB__KIND_CHARS] = 0,
                                    [HOB__KIND_SLICE] = sizeof(struct hob_slice),
                                    [HOB__KIND_BYTES] = sizeof(struct hob_bytes),
                                    [HOB__KIND_TIME] = sizeof(struct hob_time),
                                    [HOB__KIND_UUID] = sizeof(struct hob_uuid),
                                    [HOB__KIND_RAW] = sizeof(struct hob_raw)};
    unsigned kind = f->type & ~(unsigned)HOB__SHAPES;
    return kind == HOB__KIND_STRUCT  ? f->model->size
           : kind == HOB__KIND_CHARS ? f->size
                                     : sizes[kind];
}

/* ---- what only shows at run time ---- */

static void wrong(const struct hob_model *m, const char *name, const char *what,
                  const char *which) {
    hob__misuse("HOB_MODEL", "%s, field '%s': %s%s%s%s", m->name, name, what, which ? " '" : "",
                which ? which : "", which ? "'" : "");
}

static void judge_name(const struct hob_model *m, const char *name) {
    for (const char *p = name; *p; p++)
        if ((uint8_t)*p < 0x20 || *p == '"' || *p == '\\')
            wrong(m, name, "a name that JSON would have to escape", NULL);
    if (!hob__utf8_valid((const uint8_t *)name, strlen(name), NULL))
        wrong(m, name, "the name is not UTF-8", NULL);
}

static void judge(const struct hob_model *m, const struct hob_field *f, const char *name) {
    judge_name(m, name);
    unsigned shape = f->type & HOB__SHAPES;
    if (f->o.presence && shape == HOB__SHAPE_POINTER && f->o.presence_kind == 0)
        wrong(m, name, "the presence is told by HOB_PRESENCE(member)", NULL);
    if (f->o.format && hob__format_named(f->o.format) == HOB__NO_FORMAT)
        wrong(m, name, "there is no format", f->o.format);
    if (m->wrapper && f->o.fallback) wrong(m, name, "what a wrapper holds is always there", NULL);
    if (m->wrapper && shape == HOB__SHAPE_POINTER)
        wrong(m, name, "a wrapper's field cannot be a pointer to one", NULL);
    if (f->model && f->model->wrapper && f->o.check)
        wrong(m, name, "what a wrapper holds is checked by its own field", NULL);
    if (f->o.choices)
        for (const struct hob_choice *c = f->o.choices; c->name; c++)
            if (!hob__utf8_valid((const uint8_t *)c->name, strlen(c->name), NULL))
                wrong(m, name, "the name of a choice is not UTF-8", NULL);
}

/* ---- making one ---- */

/* By its type alone. */
static enum hob__quick quick(const struct hob__slot *s) {
    static const uint8_t of[] = {
        [HOB__KIND_BOOL] = HOB__QUICK_BOOL,     [HOB__KIND_INT32] = HOB__QUICK_INT32,
        [HOB__KIND_INT64] = HOB__QUICK_INT64,   [HOB__KIND_DOUBLE] = HOB__QUICK_DOUBLE,
        [HOB__KIND_STRING] = HOB__QUICK_STRING, [HOB__KIND_SLICE] = HOB__QUICK_SLICE,
        [HOB__KIND_TIME] = HOB__QUICK_TIME};
    return s->has_choices || s->kind >= sizeof of ? HOB__QUICK_NOT : of[s->kind];
}

static int fill_slot(const struct hob_model *m, const struct hob_field *f, struct hob__slot *s,
                     char **text) {
    const char *name = f->o.name ? f->o.name : f->member;
    judge(m, f, name);
    size_t n = strlen(name), size = item_size(f);
    s->field = f;
    s->kind = (uint8_t)(f->type & ~(unsigned)HOB__SHAPES);
    s->shape = (uint8_t)(f->type & HOB__SHAPES);
    s->required = !f->o.optional && s->shape != HOB__SHAPE_POINTER;
    s->may_miss = !s->required || f->o.fallback;
    s->offset = f->offset;
    s->item_size = (uint32_t)size;
    s->count_offset = f->count_offset;
    s->items =
        s->shape == HOB__SHAPE_FIXED || s->shape == HOB__SHAPE_UP_TO ? f->size / (uint32_t)size : 0;
    s->presence = f->o.presence;
    s->model = f->model;
    s->format = (uint8_t)(f->o.format ? hob__format_named(f->o.format) : HOB__NO_FORMAT);
    s->checked = f->o.min.is || f->o.max.is || f->o.multiple_of != 0 || f->o.min_length ||
                 f->o.max_length || f->o.pattern || f->o.format || f->o.check;
    s->array_checked = f->o.min_items || f->o.max_items || f->o.unique;
    s->has_choices = f->o.choices != NULL;
    s->plain = s->shape == HOB__SHAPE_ONE && s->kind != HOB__KIND_STRUCT && !s->checked &&
               !s->presence && !m->wrapper;
    if (s->plain && s->index < 64) s->quick = (uint8_t)quick(s);
    if (s->shape != HOB__SHAPE_ONE && !s->checked) s->quick_items = (uint8_t)quick(s);
    if (s->quick_items && !s->presence && !s->array_checked && !m->wrapper && s->index < 64)
        s->quick = s->shape == HOB__SHAPE_POINTER ? HOB__QUICK_ONE : HOB__QUICK_ARRAY;
    s->doubles = s->shape == HOB__SHAPE_FIXED && s->kind == HOB__KIND_DOUBLE && !s->checked &&
                 !s->array_checked;
    s->label = *text; /* "name": */
    (*text)[0] = '"';
    memcpy(*text + 1, name, n);
    memcpy(*text + 1 + n, "\":", 2);
    s->label_size = (uint32_t)n + 3;
    s->quoted = s->label + 1;
    s->name = name;
    s->name_size = (uint32_t)n;
    s->quoted_size = (uint32_t)n + 2;
    *text += s->label_size;
    s->key = hob__key_of(name, n, n);
    size_t head = s->quoted_size < 8 ? s->quoted_size : 8;
    memcpy(&s->head, s->quoted, head);
    memset(&s->head_mask, 0xFF, head);
    if (s->quoted_size > 8) memcpy(&s->tail, s->quoted + s->quoted_size - 8, 8);
    if (!f->o.pattern) return 0;
    const char *why;
    size_t at;
    s->pattern = hob__pattern_make(f->o.pattern, &why, &at);
    if (!s->pattern && why)
        hob__misuse("HOB_MODEL", "%s, field '%s': the pattern '%s': %s (byte %zu)", m->name, name,
                    f->o.pattern, why, at);
    return s->pattern ? 0 : -ENOMEM;
}

static void free_plan(struct hob__plan *plan) {
    hob__fallbacks_free(plan->fallbacks);
    for (uint32_t i = 0; i < plan->count; i++) hob__pattern_free(plan->slots[i].pattern);
    hob__free(plan);
}

static void fill_table(struct hob__plan *plan, uint8_t *places) {
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct hob__slot *s = &plan->slots[i];
        if (hob__plan_find(plan, s->name, s->name_size, s->name_size))
            wrong(plan->model, s->name, "there are two of that name", NULL);
        uint32_t at = hob__key_hash(&s->key, s->name_size);
        while (places[at & plan->mask]) at++;
        places[at & plan->mask] = (uint8_t)(i + 1);
    }
}

static int make(const struct hob_model *m, struct hob__plan **made) {
    size_t n, text = 0, table = 4, fields = 0;
    const struct hob_field *f = m->fields(&n);
    for (size_t i = 0; i < n; i++) {
        if (f[i].type == HOB__KIND_CHECK) continue;
        text += strlen(f[i].o.name ? f[i].o.name : f[i].member) + 3;
        fields++;
    }
    if (m->wrapper && fields != 1) wrong(m, "", "a wrapper has one field", NULL);
    while (table < 2 * fields) table *= 2;
    struct hob__plan *plan =
        hob__alloc_zero(sizeof *plan + fields * sizeof *plan->slots + table + text);
    if (!plan) return -ENOMEM;
    uint8_t *places = (uint8_t *)(plan->slots + fields);
    char *labels = (char *)places + table;
    plan->model = m;
    plan->places = places;
    plan->mask = (uint32_t)table - 1;
    for (size_t i = 0; i < n; i++) {
        if (f[i].type == HOB__KIND_CHECK) {
            if (plan->check) wrong(m, "", "more than one HOB_CHECK", NULL);
            plan->check = f[i].check;
            continue;
        }
        uint32_t k = plan->count++;
        plan->slots[k].index = (uint8_t)k;
        plan->slots[k].bit = UINT64_C(1) << k % 64;
        int rc = fill_slot(m, &f[i], &plan->slots[k], &labels);
        if (rc < 0) {
            free_plan(plan);
            return rc;
        }
        if (!plan->slots[k].may_miss) plan->required[k / 64] |= plan->slots[k].bit;
        if (f[i].o.fallback) plan->fallback[k / 64] |= plan->slots[k].bit;
        plan->has_fallbacks |= f[i].o.fallback != NULL;
    }
    plan->behind = plan->slots + plan->count;
    fill_table(plan, places);
    *made = plan;
    return 0;
}

int hob__plan_make(const struct hob_model *m, const struct hob__plan **plan) {
    struct hob__plan *mine, *none = NULL;
    int rc = make(m, &mine);
    if (rc < 0) return hob_fail(rc, "no memory for the model '%s'", m->name);
    if (!__atomic_compare_exchange_n(m->plan, &none, mine, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE)) {
        free_plan(mine); /* another thread was faster */
        mine = none;
    }
    *plan = mine;
    return 0;
}

/* ---- is it there? ---- */

static bool all_zero(const void *at, size_t n) {
    const uint8_t *p = at;
    return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

static bool is_empty(const struct hob__slot *s, const char *at, const void *whole) {
    const void *count = (const char *)whole + s->count_offset;
    switch (s->shape) {
    case HOB__SHAPE_POINTER:
        return *(void *const *)(const void *)at == NULL;
    case HOB__SHAPE_LIST:
        return *(void *const *)(const void *)at == NULL && *(const size_t *)count == 0;
    case HOB__SHAPE_UP_TO:
        return *(const size_t *)count == 0;
    default:
        return all_zero(at, s->field->size);
    }
}

bool hob__is_there(const struct hob__slot *s, const void *whole, bool *null) {
    *null = false;
    if (s->presence) {
        const char *at = (const char *)whole + s->presence - 1;
        if (s->field->o.presence_kind == 1) return *(const bool *)at;
        enum hob_presence is = *(const enum hob_presence *)(const void *)at;
        *null = is == HOB_NULL;
        return is == HOB_PRESENT || is == HOB_NULL;
    }
    bool empty = !s->required && is_empty(s, (const char *)whole + s->offset, whole);
    *null = empty && s->field->o.fallback; /* if it were not there, it would have another value */
    return *null || !empty;
}

void hob__set_presence(const struct hob__slot *s, void *whole, enum hob_presence is) {
    char *at = (char *)whole + s->presence - 1;
    if (s->field->o.presence_kind == 1)
        *(bool *)at = is == HOB_PRESENT;
    else
        *(enum hob_presence *)(void *)at = is;
}
