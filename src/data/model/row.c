/* data/model/row.c - rows of a database into structs. */
#include "data/model/walk.h"
#include "data/number.h"

#include <math.h>
#include <stdio.h>

#include "base/url.h"
#include "data/arena.h"

int hob_model_columns(const struct hob_model *model, const char *const *names, size_t count,
                      struct hob_arena *memory, struct hob_columns *out) {
    const struct hob__plan *plan;
    HOB_TRY(hob__plan_of(model, &plan));
    uint64_t seen[HOB_MODEL_FIELDS / 64] = {0};
    uint8_t *fields = hob_arena_alloc(memory, count);
    if (!fields) return hob_fail(-ENOMEM, "no memory for %zu columns", count);
    for (size_t i = 0; i < count; i++) {
        size_t n = strlen(names[i]);
        const struct hob__slot *s = hob__plan_find(plan, names[i], n, n);
        fields[i] = s ? (uint8_t)(s->index + 1) : 0;
        if (!s) continue;
        if (seen[s->index / 64] >> s->index % 64 & 1)
            return hob_fail(HOB_E_MODEL, "two columns for the field '%s' of %s", s->name,
                            model->name);
        seen[s->index / 64] |= UINT64_C(1) << s->index % 64;
    }
    for (const struct hob__slot *s = plan->slots; s < plan->behind; s++)
        if (!s->may_miss && !(seen[s->index / 64] >> s->index % 64 & 1))
            return hob_fail(HOB_E_MODEL, "no column for the field '%s' of %s", s->name,
                            model->name);
    *out = (struct hob_columns){model, count, fields};
    return 0;
}

struct row {
    struct hob_arena *memory;
    struct hob__problem_list problems;
    struct hob__matcher matcher;
};

enum { MISMATCH = 1, NOTED = 2 };

/* ---- texts that databases write ---- */

/* "2026-01-31 12:00:00.5+01", "2026-01-31T12:00:00Z", "2026-01-31 12:00:00", "2026-01-31": a zone
 * may be of hours alone, or missing, and is UTC then. */
static bool read_time(const char *text, size_t n, struct hob_time *out) {
    char whole[48];
    if (n < 10 || n > 36) return false;
    memcpy(whole, text, n);
    if (n == 10) {
        memcpy(whole + n, "T00:00:00Z", 10);
        return hob__time_read(whole, n + 10, out);
    }
    size_t zone = n;
    for (size_t i = 11; i < n; i++)
        if (strchr("+-Zz", whole[i]) && whole[i]) zone = i;
    if (zone == n)
        whole[n++] = 'Z';
    else if (n - zone == 3) {
        memcpy(whole + n, ":00", 3);
        n += 3;
    }
    return hob__time_read(whole, n, out);
}

static bool read_bool(struct hob_slice v, bool *out) {
    static const char *const words[] = {"t", "true", "1", "f", "false", "0"};
    for (size_t i = 0; i < 6; i++)
        if (v.size == strlen(words[i]) && memcmp(v.at, words[i], v.size) == 0) {
            *out = i < 3;
            return true;
        }
    return false;
}

static int store_bytes(struct row *r, struct hob_slice v, bool hexadecimal, void *to) {
    size_t n = hexadecimal ? (v.size - 2) / 2 : v.size;
    uint8_t *at = (uint8_t *)hob__arena_room(r->memory, n + 1);
    if (!at) return -ENOMEM;
    if (hexadecimal) {
        if (v.size % 2) return MISMATCH;
        for (size_t i = 0; i < n; i++) {
            int high = hob__hex_value((uint8_t)v.at[2 + 2 * i]);
            int low = hob__hex_value((uint8_t)v.at[3 + 2 * i]);
            if (high < 0 || low < 0) return MISMATCH;
            at[i] = (uint8_t)(high << 4 | low);
        }
    } else if (n) {
        memcpy(at, v.at, n);
    }
    r->memory->at += n + 1;
    struct hob_bytes bytes = {at, n};
    memcpy(to, &bytes, sizeof bytes);
    return 0;
}

static int store_string(struct row *r, const struct hob__slot *s, struct hob_slice v, void *to) {
    if (s->kind != HOB__KIND_SLICE && v.size && memchr(v.at, 0, v.size)) return MISMATCH;
    if (v.size && !hob__utf8_is((const uint8_t *)v.at, v.size)) return MISMATCH;
    if (s->kind == HOB__KIND_CHARS) {
        if (v.size >= s->item_size) return MISMATCH;
        if (v.size) memcpy(to, v.at, v.size);
        ((char *)to)[v.size] = 0;
        return 0;
    }
    struct hob_slice copy = {hob_arena_copy(r->memory, v.at, v.size), v.size};
    if (!copy.at) return -ENOMEM;
    memcpy(to, &copy, s->kind == HOB__KIND_SLICE ? sizeof copy : sizeof copy.at);
    return 0;
}

static int store_text(struct row *r, const struct hob__slot *s, struct hob_slice v, void *to) {
    struct hob_json number;
    int why;
    bool ok;
    switch (s->kind) {
    case HOB__KIND_STRING:
    case HOB__KIND_CHARS:
    case HOB__KIND_SLICE:
        return store_string(r, s, v, to);
    case HOB__KIND_BYTES:
        return store_bytes(r, v, v.size >= 2 && v.at[0] == '\\' && v.at[1] == 'x', to);
    case HOB__KIND_BOOL:
        ok = read_bool(v, to);
        break;
    case HOB__KIND_TIME:
        ok = read_time(v.at, v.size, to);
        break;
    case HOB__KIND_UUID:
        ok = hob__uuid_read(v.at, v.size, to);
        break;
    default: {
        if (s->has_choices) {
            ok = hob__store_choice(s, v.at, v.size, to);
            break;
        }
        const uint8_t *p = (const uint8_t *)v.at, *end = p + v.size;
        bool real = s->kind >= HOB__KIND_FLOAT;
        ok = v.size > 0 && (*p == '-' || (uint8_t)(*p - '0') < 10) &&
             hob__json_read_number(p, end, real, &number, &why) == end &&
             hob__store_number(s, &number, to);
    }
    }
    return ok ? 0 : MISMATCH;
}

/* ---- cells ---- */

static int store_number(const struct hob__slot *s, const struct hob_json *number, void *to) {
    if (s->kind < HOB__KIND_INT8 || s->kind > HOB__KIND_DOUBLE) return MISMATCH;
    if (!hob__store_number(s, number, to)) return MISMATCH;
    return s->has_choices && !hob__choice_name(s, to) ? MISMATCH : 0;
}

static int store_cell(struct row *r, const struct hob__slot *s, const struct hob_cell *c,
                      void *to) {
    struct hob_json number;
    struct hob_time time;
    char buf[HOB__SCALAR_ROOM];
    switch (c->kind) {
    case HOB_CELL_TEXT:
        return store_text(r, s, c->of.text, to);
    case HOB_CELL_INT:
        if (s->kind == HOB__KIND_BOOL && (uint64_t)c->of.i <= 1) {
            *(bool *)to = c->of.i == 1;
            return 0;
        }
        number = (struct hob_json){.head = HOB_JSON_INT, .of.i = c->of.i};
        return store_number(s, &number, to);
    case HOB_CELL_DOUBLE:
        number = (struct hob_json){.head = HOB_JSON_DOUBLE, .of.d = c->of.d};
        return isfinite(c->of.d) ? store_number(s, &number, to) : MISMATCH;
    case HOB_CELL_BYTES:
        if (s->kind == HOB__KIND_BYTES) return store_bytes(r, c->of.text, false, to);
        if (s->kind >= HOB__KIND_STRING && s->kind <= HOB__KIND_SLICE)
            return store_string(r, s, c->of.text, to);
        if (s->kind != HOB__KIND_UUID || c->of.text.size != 16) return MISMATCH;
        memcpy(to, c->of.text.at, 16);
        return 0;
    case HOB_CELL_TIME:
        memcpy(&time, &c->of.i, sizeof time);
        if (s->kind != HOB__KIND_TIME || !hob__time_write(time, buf)) return MISMATCH;
        memcpy(to, &time, sizeof time);
        return 0;
    case HOB_CELL_UUID:
        if (s->kind != HOB__KIND_UUID || c->of.text.size != 16) return MISMATCH;
        memcpy(to, c->of.text.at, 16);
        return 0;
    default:
        return MISMATCH;
    }
}

static void note(struct row *r, const struct hob__slot *s, const char *fmt, const char *a,
                 const char *b) {
    struct hob__path path;
    hob__path_begin(&path);
    hob__path_name(&path, s->name, s->name_size);
    hob__problem(&r->problems, path.at, hob__path_size(&path), 0, 0, fmt, a, b);
}

/* An array, a struct, or raw JSON: from its text. */
static int store_json(struct row *r, const struct hob__slot *s, const struct hob_cell *c,
                      void *whole) {
    struct hob_problems inside;
    struct hob_decode_options o = {.problems = &inside};
    if (c->kind != HOB_CELL_TEXT && c->kind != HOB_CELL_BYTES) return MISMATCH;
    int rc = hob__decode_field(s, whole, c->of.text.at, c->of.text.size, r->memory, &o);
    if (rc == 0 || rc == -ENOMEM) return rc;
    if (rc != HOB_E_MODEL) {
        note(r, s, "%s%s", "is not JSON", "");
        return NOTED;
    }
    for (size_t i = 0; i < inside.count; i++) {
        struct hob__path path;
        hob__path_begin(&path);
        size_t n = strlen(inside.items[i].path);
        if (n > 300) n = 0;
        path.at -= n;
        memcpy(path.at, inside.items[i].path, n);
        hob__path_name(&path, s->name, s->name_size);
        hob__problem(&r->problems, path.at, hob__path_size(&path), 0, 0, "%s",
                     inside.items[i].message);
    }
    r->problems.more += inside.more;
    return NOTED;
}

static int store_field(struct row *r, const struct hob__slot *s, const struct hob_cell *c,
                       char *whole) {
    static const char *const names[] = {"null",  "an integer", "a number", "a text",
                                        "bytes", "a time",     "a UUID"};
    if (c->kind == HOB_CELL_NULL && !s->required) {
        if (s->presence) hob__set_presence(s, whole, HOB_NULL);
        return 0;
    }
    char *to = whole + s->offset, name[HOB__WHY], excerpt[64];
    int rc;
    bool json = hob__is_array(s) || s->kind == HOB__KIND_STRUCT || s->kind == HOB__KIND_RAW;
    if (s->presence) hob__set_presence(s, whole, HOB_PRESENT);
    if (json && c->kind != HOB_CELL_NULL) {
        rc = store_json(r, s, c, whole);
    } else if (c->kind == HOB_CELL_NULL) {
        rc = MISMATCH;
    } else {
        if (s->shape == HOB__SHAPE_POINTER) {
            void *one = hob_arena_alloc(r->memory, s->item_size);
            if (!one) return -ENOMEM;
            memset(one, 0, s->item_size);
            memcpy(to, &one, sizeof one);
            to = one;
        }
        rc = store_cell(r, s, c, to);
    }
    if (rc < 0 || rc == NOTED) return rc < 0 ? rc : 0;
    if (rc == MISMATCH) {
        const char *found = names[c->kind];
        if (c->kind == HOB_CELL_TEXT && c->of.text.size < 40 &&
            hob__utf8_valid((const uint8_t *)c->of.text.at, c->of.text.size, NULL)) {
            snprintf(excerpt, sizeof excerpt, "\"%.*s\"", (int)c->of.text.size, c->of.text.at);
            found = excerpt;
        }
        if (c->kind == HOB_CELL_DOUBLE && !isfinite(c->of.d)) found = "one that is not finite";
        if (c->kind == HOB_CELL_TIME && s->kind == HOB__KIND_TIME)
            found = "one that is not between the years 0 and 9999";
        note(r, s, "expected %s, found %s",
             hob__is_array(s) ? "an array" : hob__kind_name(s, name, sizeof name), found);
        return 0;
    }
    if (!s->checked || json) return 0; /* what was JSON has been checked there */
    const char *why;
    rc = hob__check_value(s, to, &r->matcher, name, &why);
    if (rc > 0) note(r, s, "%s%s", why, "");
    return rc < 0 ? rc : 0;
}

static bool has_column(const struct hob_columns *columns, const struct hob__slot *s) {
    for (size_t i = 0; i < columns->count; i++)
        if (columns->fields[i] == s->index + 1) return true;
    return false;
}

int hob_model_row_with(const struct hob_columns *columns, const struct hob_cell *cells, void *out,
                       struct hob_arena *memory, struct hob_problems *problems) {
    const struct hob__plan *plan;
    HOB_TRY(hob__plan_of(columns->model, &plan));
    struct row r = {.memory = memory, .problems = {.memory = problems ? memory : NULL}};
    int rc = 0;
    memset(out, 0, columns->model->size);
    if (problems) *problems = (struct hob_problems){0};
    for (size_t i = 0; i < columns->count && rc == 0; i++)
        if (columns->fields[i])
            rc = store_field(&r, &plan->slots[columns->fields[i] - 1], &cells[i], out);
    for (const struct hob__slot *s = plan->slots; plan->has_fallbacks && s < plan->behind; s++)
        if (rc == 0 && s->field->o.fallback && !has_column(columns, s))
            rc = hob__put_fallback(plan, s, out, memory);
    hob__matcher_end(&r.matcher);
    if (rc < 0) return hob_fail(rc, "no memory for a row");
    if (plan->check && !r.problems.first[0]) {
        const char *why = plan->check(out);
        if (why) hob__problem(&r.problems, "", 0, 0, 0, "%s", why);
    }
    return hob__problems_end(&r.problems, problems);
}
