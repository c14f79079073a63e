/* data/model/check.c - what is right for a value: bounds, lengths, patterns, formats, items. */
#include "data/model/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/number.h"

/* ---- numbers ---- */

/* The bound as it was written: 5, not 5.0. */
static const char *bound_text(const struct hob_bound *b, char *out) {
    if ((double)b->i == b->d && b->i != INT64_MAX)
        out[hob__json_write_int(b->i, out)] = 0;
    else if (isfinite(b->d))
        out[hob__json_write_double(b->d, out)] = 0;
    else
        snprintf(out, HOB__NUMBER_ROOM, "%g", b->d);
    return out;
}

/* Is x on the right side of b? As an integer where both are ones: a double may be another. */
static bool within(const struct hob_bound *b, bool is_min, bool whole, int64_t i, double d) {
    if (!b->is) return true;
    if (whole && (double)b->i == b->d) {
        if (i == b->i) return !b->open;
        return is_min ? i > b->i : i < b->i;
    }
    if (d == b->d) return !b->open;
    return is_min ? d > b->d : d < b->d;
}

static bool is_multiple(double of, bool whole, int64_t i, double d) {
    if (whole && of == trunc(of) && of < 0x1p63) return i % (int64_t)of == 0;
    double times = d / of;
    return fabs(times - nearbyint(times)) <= 1e-9 * fmax(1, fabs(times));
}

static int check_number(const struct hob__slot *s, const void *value, char *buf, const char **why) {
    const struct hob_field_options *o = &s->field->o;
    char found[HOB__NUMBER_ROOM + 1], bound[HOB__NUMBER_ROOM + 1];
    bool whole = s->kind <= HOB__KIND_UINT64;
    int64_t i = 0;
    double d;
    if (whole) {
        i = hob__load_int(s->kind, value);
        d = (double)i;
        if (s->kind >= HOB__KIND_UINT8 && i < 0) { /* of 64 bits, and beyond those of int64_t */
            d = (double)(uint64_t)i;
            whole = false;
            found[hob__json_write_uint((uint64_t)i, found)] = 0;
        } else {
            found[hob__json_write_int(i, found)] = 0;
        }
    } else {
        float f;
        if (s->kind == HOB__KIND_FLOAT)
            memcpy(&f, value, sizeof f), d = (double)f;
        else
            memcpy(&d, value, sizeof d);
        snprintf(found, sizeof found, "%.17g", d);
        if (isfinite(d)) found[hob__json_write_double(d, found)] = 0;
    }
    *why = buf;
    if (!within(&o->min, true, whole, i, d))
        return snprintf(buf, HOB__WHY, "expected %s %s, found %s",
                        o->min.open ? "more than" : "at least", bound_text(&o->min, bound), found),
               1;
    if (!within(&o->max, false, whole, i, d))
        return snprintf(buf, HOB__WHY, "expected %s %s, found %s",
                        o->max.open ? "less than" : "at most", bound_text(&o->max, bound), found),
               1;
    if (o->multiple_of != 0 && !is_multiple(fabs(o->multiple_of), whole, i, d))
        return snprintf(buf, HOB__WHY, "expected a multiple of %g, found %s", o->multiple_of,
                        found),
               1;
    return 0;
}

/* ---- strings ---- */

static size_t characters(const char *text, size_t n) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++) count += ((uint8_t)text[i] & 0xC0) != 0x80;
    return count;
}

static struct hob_slice text_of(const struct hob__slot *s, const void *value) {
    switch (s->kind) {
    case HOB__KIND_STRING: {
        const char *text = *(const char *const *)value;
        return (struct hob_slice){text ? text : "", text ? strlen(text) : 0};
    }
    case HOB__KIND_CHARS:
        return (struct hob_slice){value, strnlen(value, s->item_size)};
    case HOB__KIND_SLICE:
        return *(const struct hob_slice *)value;
    default: {
        const struct hob_bytes *bytes = value;
        return (struct hob_slice){(const char *)bytes->at, bytes->size};
    }
    }
}

static int check_text(const struct hob__slot *s, const void *value, struct hob__matcher *m,
                      char *buf, const char **why) {
    const struct hob_field_options *o = &s->field->o;
    struct hob_slice text = text_of(s, value);
    const char *unit = s->kind == HOB__KIND_BYTES ? "bytes" : "characters";
    *why = buf;
    if (o->min_length || o->max_length) {
        size_t n = s->kind == HOB__KIND_BYTES ? text.size : characters(text.at, text.size);
        bool few = n < o->min_length;
        if (few || (o->max_length && n > o->max_length))
            return snprintf(buf, HOB__WHY, "expected at %s %u %s, found %zu",
                            few ? "least" : "most", few ? o->min_length : o->max_length, unit, n),
                   1;
    }
    if (s->pattern) {
        int rc = hob__pattern_found(s->pattern, m, text.at ? text.at : "", text.size);
        if (rc == -ENOMEM) return rc;
        if (rc < 0) return snprintf(buf, HOB__WHY, "takes too long to match with its pattern"), 1;
        if (rc == 0) return snprintf(buf, HOB__WHY, "expected a match of %s", o->pattern), 1;
    }
    if (s->format && !hob__format_right((enum hob__format)s->format, text.at, text.size))
        return snprintf(buf, HOB__WHY, "expected the format %s", o->format), 1;
    return 0;
}

int hob__check_value(const struct hob__slot *s, const void *value, struct hob__matcher *m,
                     char *buf, const char **why) {
    int rc = 0;
    if (s->kind >= HOB__KIND_INT8 && s->kind <= HOB__KIND_DOUBLE)
        rc = check_number(s, value, buf, why);
    else if (s->kind >= HOB__KIND_STRING && s->kind <= HOB__KIND_BYTES)
        rc = check_text(s, value, m, buf, why);
    if (rc == 0 && s->field->o.check) {
        *why = s->field->o.check(value);
        rc = *why != NULL;
    }
    return rc;
}

/* ---- arrays ---- */

static int compare_text(struct hob_slice a, struct hob_slice b) {
    size_t n = a.size < b.size ? a.size : b.size;
    int order = n ? memcmp(a.at, b.at, n) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare(const void *a, const void *b, void *arg) {
    const struct hob__slot *s = arg;
    if (s->kind >= HOB__KIND_STRING && s->kind <= HOB__KIND_BYTES)
        return compare_text(text_of(s, a), text_of(s, b));
    if (s->kind == HOB__KIND_RAW) {
        const struct hob_raw *x = a, *y = b;
        return compare_text((struct hob_slice){x->at, x->size}, (struct hob_slice){y->at, y->size});
    }
    return memcmp(a, b, s->item_size);
}

/* Of pointers to items: those that are the same as they stand. */
static int compare_at(const void *a, const void *b, void *arg) {
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    int order = compare(x, y, arg);
    return order ? order : (x > y) - (x < y);
}

/* The first item that was there before: in *item, or SIZE_MAX. */
static int find_twice(const struct hob__slot *s, const char *items, size_t n, size_t *item) {
    enum { FEW = 16 };
    const char *some[FEW], **at = some;
    *item = SIZE_MAX;
    if (n > FEW && !(at = hob__alloc(n * sizeof *at))) return -ENOMEM;
    for (size_t i = 0; i < n; i++) at[i] = items + i * s->item_size;
    qsort_r(at, n, sizeof *at, compare_at, (void *)(uintptr_t)s);
    for (size_t i = 1; i < n; i++) {
        size_t k = (size_t)(at[i] - items) / s->item_size;
        if (k < *item && compare(at[i - 1], at[i], (void *)(uintptr_t)s) == 0) *item = k;
    }
    if (at != some) hob__free(at);
    return 0;
}

int hob__check_array(const struct hob__slot *s, const void *items, size_t n, char *buf,
                     const char **why, size_t *item) {
    const struct hob_field_options *o = &s->field->o;
    *why = buf;
    *item = SIZE_MAX;
    if (n < o->min_items)
        return snprintf(buf, HOB__WHY, "expected at least %u items, found %zu", o->min_items, n), 1;
    if (o->max_items && n > o->max_items)
        return snprintf(buf, HOB__WHY, "expected at most %u items, found %zu", o->max_items, n), 1;
    if (!o->unique) return 0;
    int rc = find_twice(s, items, n, item);
    *why = "an item is there twice";
    return rc < 0 ? rc : *item != SIZE_MAX;
}
